/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Signatures first, then meaning: nothing is parsed that its key did not sign. */
#include <string.h>

#include "libztjit/core/sigcache.h"
#include "libztjit/core/statement.h"

int ztj_signed_verify(struct ztj_sigcache *c, const struct ztj_signed *s, enum ztj_stmt_type type,
    struct ztj_signer *who)
{
	const char *ns = ztj_stmt_namespace(type);

	if (ns[0] == '\0')
		return ZTJ_STMT_TYPE;
	if (s->nsigs == 0)
		return ZTJ_THRESHOLD;
	if (s->nsigs > ZTJ_SIGS_MAX)
		return ZTJ_LIMIT;
	if (s->bytes.n > (type == ZTJ_STMT_POLICY ? ZTJ_POLICY_MAX : ZTJ_STMT_MAX))
		return ZTJ_TOO_LARGE;
	for (size_t i = 0; i < s->nsigs; i++) {
		int r = ztj_sigcache_verify(c, s->sig[i], ns, s->bytes, &who[i]);

		if (r != ZTJ_OK)
			return r;
		if (!ztj_key_is_sk(&who[i].key) && who[i].key.type != ZTJ_KEY_ED25519)
			return ZTJ_KEY_TYPE;
		if (who[i].info.is_sk && !who[i].info.user_present)
			return ZTJ_NO_TOUCH;
		for (size_t j = 0; j < i; j++)
			if (ztj_key_equal(&who[i].key, &who[j].key))
				return ZTJ_THRESHOLD;
	}
	return ZTJ_OK;
}

static int one_signer(const struct ztj_stmt *st, bool plain_too)
{
	if (st->nsigners != 1)
		return ZTJ_SIGNER;
	return plain_too || ztj_key_is_sk(&st->signer[0].key) ? ZTJ_OK : ZTJ_KEY_TYPE;
}

/* A machine has no other kind of key. */
static int machine_signer(const struct ztj_stmt *st)
{
	if (st->nsigners != 1)
		return ZTJ_SIGNER;
	return st->signer[0].key.type == ZTJ_KEY_ED25519 ? ZTJ_OK : ZTJ_KEY_TYPE;
}

/* The host's machine key, then the person's. */
static int stepup_signers(const struct ztj_stmt *st)
{
	if (st->nsigners > 2)
		return ZTJ_SIGNER;
	if (st->signer[0].key.type != ZTJ_KEY_ED25519)
		return ZTJ_KEY_TYPE;
	return st->nsigners == 1 || ztj_key_is_sk(&st->signer[1].key) ? ZTJ_OK : ZTJ_KEY_TYPE;
}

/* Possession of every key that is offered, and of no other. */
static int pending_signers(const struct ztj_stmt *st)
{
	if (st->u.pending.host) {
		if (st->nsigners != 1 || !ztj_key_equal(&st->signer[0].key, &st->u.pending.machine))
			return ZTJ_SIGNER;
		return ZTJ_OK;
	}
	if (st->nsigners != st->u.pending.nkeys)
		return ZTJ_SIGNER;
	for (size_t i = 0; i < st->nsigners; i++) {
		size_t k = 0;

		while (
		    k < st->u.pending.nkeys && !ztj_key_equal(&st->signer[i].key, &st->u.pending.key[k].key))
			k++;
		if (k == st->u.pending.nkeys)
			return ZTJ_SIGNER;
	}
	return ZTJ_OK;
}

static int check_signers(const struct ztj_stmt *st)
{
	switch (st->type) {
	case ZTJ_STMT_REQUEST:
	case ZTJ_STMT_APPROVAL:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_KILL:
		return one_signer(st, false);
	case ZTJ_STMT_LOGIN:
		return one_signer(st, st->u.login.who[0] == '\0');
	case ZTJ_STMT_REVOCATION:
		return one_signer(st, st->u.revocation.who[0] == '\0');
	case ZTJ_STMT_STATUS:
		return one_signer(st, true);
	case ZTJ_STMT_HEAD:
	case ZTJ_STMT_STANDING:
		return machine_signer(st);
	case ZTJ_STMT_STEPUP:
		return stepup_signers(st);
	case ZTJ_STMT_PENDING:
		return pending_signers(st);
	case ZTJ_STMT_DIRECTORY:
		return ZTJ_OK;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_POLICY:
	default:
		return ZTJ_STMT_TYPE;
	}
}

int ztj_stmt_open_cached(struct ztj_sigcache *c, const struct ztj_signed *s, enum ztj_stmt_type type,
    const char *domain, struct ztj_stmt **out)
{
	struct ztj_signer who[ZTJ_SIGS_MAX];
	struct ztj_stmt *st = NULL;
	int r;

	*out = NULL;
	if (type == ZTJ_STMT_POLICY)
		return ZTJ_STMT_TYPE;
	r = ztj_signed_verify(c, s, type, who);
	if (r != ZTJ_OK)
		return r;
	r = ztj_stmt_parse(s->bytes, type, domain, &st);
	if (r != ZTJ_OK)
		return r;
	memcpy(st->signer, who, s->nsigs * sizeof(who[0]));
	st->nsigners = s->nsigs;
	r = check_signers(st);
	if (r != ZTJ_OK) {
		ztj_stmt_free(st);
		return r;
	}
	*out = st;
	return ZTJ_OK;
}

int ztj_stmt_open(const struct ztj_signed *s, enum ztj_stmt_type type, const char *domain,
    struct ztj_stmt **out)
{
	return ztj_stmt_open_cached(NULL, s, type, domain, out);
}
