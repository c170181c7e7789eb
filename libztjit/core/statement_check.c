/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the members of a statement must be to each other. */
#include "libztjit/core/statement_fields.h"

static bool is_zero(const uint8_t d[ZTJ_DIGEST_LEN])
{
	uint8_t any = 0;

	for (size_t i = 0; i < ZTJ_DIGEST_LEN; i++)
		any |= d[i];
	return any == 0;
}

/* An end after the beginning, and at most `most` after it (0: any). */
static int check_span(int64_t from, int64_t to, int64_t most)
{
	if (to <= from)
		return ZTJ_BAD_TIME;
	return most > 0 && to - from > most ? ZTJ_LIMIT : ZTJ_OK;
}

static int check_directory(const struct ztj_stmt *st)
{
	if ((st->u.directory.serial == 1) != is_zero(st->u.directory.previous))
		return ZTJ_MEMBER_TYPE;
	return check_span(st->issued, st->u.directory.expires, 0);
}

static int check_approval(const struct ztj_stmt *st)
{
	if (!st->u.approval.deny)
		return ZTJ_OK;
	if (st->u.approval.limit != 0)
		return ZTJ_MEMBER_UNKNOWN;
	return st->u.approval.comment[0] == '\0' ? ZTJ_MEMBER_MISSING : ZTJ_OK;
}

static int check_revocation(const struct ztj_stmt *st)
{
	if (st->u.revocation.what == ZTJ_REVOKES_REQUEST)
		return st->u.revocation.until != 0 || st->u.revocation.serial != 0 ? ZTJ_MEMBER_UNKNOWN
										   : ZTJ_OK;
	if (st->u.revocation.until == 0 || st->u.revocation.serial == 0)
		return ZTJ_MEMBER_MISSING;
	return check_span(st->issued, st->u.revocation.until, 0);
}

static int check_pending_user(const struct ztj_stmt *st)
{
	if (st->u.pending.machine.type != ZTJ_KEY_NONE || st->u.pending.tls.type != ZTJ_KEY_NONE ||
	    st->u.pending.nssh > 0 || st->u.pending.has_proof)
		return ZTJ_MEMBER_UNKNOWN;
	if (st->u.pending.nkeys == 0)
		return ZTJ_MEMBER_MISSING;
	for (size_t i = 0; i < st->u.pending.nkeys; i++)
		for (size_t j = 0; j < i; j++)
			if (ztj_key_equal(&st->u.pending.key[i].key, &st->u.pending.key[j].key))
				return ZTJ_KEY_SHARED;
	return ztj_name_ok(st->u.pending.name) ? ZTJ_OK : ZTJ_BAD_NAME;
}

static int check_pending_host(const struct ztj_stmt *st)
{
	if (st->u.pending.nkeys > 0)
		return ZTJ_MEMBER_UNKNOWN;
	if (st->u.pending.machine.type == ZTJ_KEY_NONE || st->u.pending.tls.type == ZTJ_KEY_NONE ||
	    st->u.pending.nssh == 0)
		return ZTJ_MEMBER_MISSING;
	if (ztj_key_equal(&st->u.pending.machine, &st->u.pending.tls))
		return ZTJ_KEY_SHARED;
	return ztj_hostname_ok(st->u.pending.name) ? ZTJ_OK : ZTJ_BAD_NAME;
}

/* An empty record has no bytes and no newest chunk; any other has both. */
static int check_head(const struct ztj_stmt *st)
{
	bool none = st->u.head.chunks == 0;

	return none == (st->u.head.bytes == 0) && none == is_zero(st->u.head.digest) ? ZTJ_OK
										     : ZTJ_MEMBER_TYPE;
}

int ztj_stmt_check(const struct ztj_stmt *st)
{
	switch (st->type) {
	case ZTJ_STMT_DIRECTORY:
		return check_directory(st);
	case ZTJ_STMT_LOGIN:
		return check_span(st->issued, st->u.login.expires, ZTJ_LOGIN_MAX);
	case ZTJ_STMT_REQUEST:
		return check_span(st->issued, st->u.request.valid_until, 0);
	case ZTJ_STMT_APPROVAL:
		return check_approval(st);
	case ZTJ_STMT_REVOCATION:
		return check_revocation(st);
	case ZTJ_STMT_STEPUP:
		return check_span(st->issued, st->u.stepup.expires, 60);
	case ZTJ_STMT_PENDING:
		return st->u.pending.host ? check_pending_host(st) : check_pending_user(st);
	case ZTJ_STMT_HEAD:
		return check_head(st);
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_KILL:
	case ZTJ_STMT_STANDING:
		return ZTJ_OK;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_POLICY:
	default:
		return ZTJ_STMT_TYPE;
	}
}
