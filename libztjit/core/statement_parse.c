/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statement bytes to struct ztj_stmt. */
#include <stdlib.h>

#include "libztjit/core/arena.h"
#include "libztjit/core/statement_fields.h"

/* Version, type and domain before anything else is believed to mean anything. */
static int read_head(json_t *obj, enum ztj_stmt_type type, const char *domain, struct ztj_stmt *st)
{
	const json_t *v = json_object_get(obj, "v");
	const char *s;
	int r;

	if (v == NULL)
		return ZTJ_MEMBER_MISSING;
	if (!json_is_integer(v))
		return ZTJ_MEMBER_TYPE;
	if (json_integer_value(v) != 1)
		return ZTJ_VERSION;
	if (json_object_get(obj, "type") == NULL || json_object_get(obj, "domain") == NULL)
		return ZTJ_MEMBER_MISSING;
	r = ztj_json_text(json_object_get(obj, "type"), 1, 16, &s);
	if (r != ZTJ_OK)
		return r;
	if (strcmp(s, ztj_stmt_type_name(type)) != 0)
		return ZTJ_STMT_TYPE;
	r = ztj_json_text(json_object_get(obj, "domain"), 1, ZTJ_DOMAIN_SIZE - 1, &s);
	if (r != ZTJ_OK)
		return r;
	if (!ztj_domain_ok(s))
		return ZTJ_BAD_NAME;
	if (strcmp(s, domain) != 0)
		return ZTJ_DOMAIN;
	st->domain = ztj_arena_text(st->priv, s, strlen(s));
	return st->domain == NULL ? ZTJ_INTERNAL : ZTJ_OK;
}

/* Unset texts are "", never NULL. */
static void default_texts(const struct ztj_jtable *t, struct ztj_stmt *st)
{
	static const char *const none = "";

	st->domain = st->nonce = none;
	for (size_t i = 0; i < t->n; i++) {
		switch ((enum ztj_field_kind)t->member[i].kind) {
		case ZTJ_F_TEXT:
		case ZTJ_F_NAME:
		case ZTJ_F_PERSON:
		case ZTJ_F_HOST:
		case ZTJ_F_NONCE:
		case ZTJ_F_FINGERPRINT:
		case ZTJ_F_CHECKPOINT:
			memcpy(ztj_field(st, t->member[i].at), &none, sizeof(none));
			break;
		case ZTJ_F_REVOKES:
			st->u.revocation.name = none;
			break;
		case ZTJ_F_VERSION:
		case ZTJ_F_TYPE:
		case ZTJ_F_DOMAIN:
		case ZTJ_F_TIME:
		case ZTJ_F_INT:
		case ZTJ_F_SECONDS:
		case ZTJ_F_DIGEST:
		case ZTJ_F_KEY:
		case ZTJ_F_TRUE:
		case ZTJ_F_DECISION:
		case ZTJ_F_HOSTS:
		case ZTJ_F_ACCOUNTS:
		case ZTJ_F_SESSIONS:
		case ZTJ_F_WORD:
		case ZTJ_F_SEEN:
		case ZTJ_F_STATUS_POLICY:
		case ZTJ_F_STATUS_DIRS:
		case ZTJ_F_STATUS_REVOCATIONS:
		case ZTJ_F_PENDING_KIND:
		case ZTJ_F_USER_KEYS:
		case ZTJ_F_SSH_KEYS:
		case ZTJ_F_KIT:
		default:
			break;
		}
	}
}

/* One block: the statement, then room for its texts and lists. A text with its
 * NUL is shorter than with its quotes in the input, and an entry of a list has
 * at least six bytes there for the eight of its pointer. */
static struct ztj_stmt *stmt_new(size_t input)
{
	struct block {
		struct ztj_stmt st;
		struct ztj_arena arena;
	} * b;
	size_t room = 3 * input + 64;

	b = calloc(1, sizeof(*b) + room);
	if (b == NULL)
		return NULL;
	b->arena.p = (uint8_t *)(b + 1);
	b->arena.cap = room;
	b->st.priv = &b->arena;
	return &b->st;
}

int ztj_stmt_parse(struct ztj_view bytes, enum ztj_stmt_type type, const char *domain, struct ztj_stmt **out)
{
	const struct ztj_jtable *table = ztj_stmt_table(type);
	struct ztj_reading rd = { 0 };
	struct ztj_stmt *st = NULL;
	json_t *obj = NULL;
	int r;

	*out = NULL;
	if (table == NULL)
		return ZTJ_STMT_TYPE;
	r = ztj_json_load(bytes, ZTJ_STMT_MAX, 0, &obj);
	if (r != ZTJ_OK)
		return r;
	r = ZTJ_NOMEM;
	st = stmt_new(bytes.n);
	if (st == NULL)
		goto out;
	st->type = type;
	default_texts(table, st);
	rd.st = st;
	r = read_head(obj, type, domain, st);
	if (r == ZTJ_OK)
		r = ztj_json_members(obj, table, ztj_field_read, &rd);
	if (r == ZTJ_OK && type == ZTJ_STMT_REVOCATION && rd.subjects == 0)
		r = ZTJ_MEMBER_MISSING;
	if (r == ZTJ_OK)
		r = ztj_stmt_check(st);
	if (r == ZTJ_OK)
		r = ztj_stmt_id(bytes, st->id);
out:
	json_decref(obj);
	if (r != ZTJ_OK)
		ztj_stmt_free(st);
	else
		*out = st;
	return r;
}

enum ztj_stmt_type ztj_stmt_peek(struct ztj_view bytes)
{
	enum ztj_stmt_type type = ZTJ_STMT_NONE;
	const char *s;
	json_t *obj;

	if (ztj_json_load(bytes, ZTJ_STMT_MAX, 0, &obj) != ZTJ_OK)
		return ZTJ_STMT_NONE;
	if (ztj_json_text(json_object_get(obj, "type"), 1, 16, &s) == ZTJ_OK)
		type = ztj_stmt_type_from(s);
	json_decref(obj);
	return type;
}

void ztj_stmt_free(struct ztj_stmt *st)
{
	free(st);
}

int ztj_stmt_id(struct ztj_view bytes, uint8_t out[ZTJ_DIGEST_LEN])
{
	return ztj_sha256(bytes, out);
}
