/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* struct ztj_stmt to statement bytes: members in the order of the table, compact. */
#include "libztjit/core/statement_fields.h"

static json_t *put_time(int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : NULL;
}

static json_t *put_digest(const uint8_t d[ZTJ_DIGEST_LEN])
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(d, ZTJ_DIGEST_LEN, hex);
	return json_string(hex);
}

static json_t *put_key(const struct ztj_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	return ztj_key_to_text(k, text) == ZTJ_OK ? json_string(text) : NULL;
}

/* Sets a member and takes the value over; NULL stays an error. */
static bool set(json_t *obj, const char *name, json_t *v)
{
	return v != NULL && json_object_set_new(obj, name, v) == 0;
}

/* Gives obj, or frees it when building it failed. */
static json_t *done(json_t *obj, bool ok)
{
	if (ok)
		return obj;
	json_decref(obj);
	return NULL;
}

static json_t *put_names(const struct ztj_jmember *m, const struct ztj_stmt *st)
{
	json_t *list = json_array();
	const char **names;
	size_t n;
	bool ok = list != NULL;

	memcpy(&names, ztj_field_c(st, m->at), sizeof(names));
	memcpy(&n, ztj_field_c(st, m->aux), sizeof(n));
	for (size_t i = 0; ok && i < n; i++)
		ok = json_array_append_new(list, json_string(names[i])) == 0;
	return done(list, ok);
}

static json_t *put_seen(const struct ztj_seen *seen)
{
	json_t *obj = json_object(), *dirs = json_object();
	bool ok = set(obj, "policy", json_integer(seen->policy));

	for (size_t i = 0; ok && i < seen->ndirs && i < ZTJ_SEEN_MAX; i++)
		ok = set(dirs, seen->dir[i].name, json_integer(seen->dir[i].serial));
	if (!ok) {
		json_decref(dirs);
		dirs = NULL;
	}
	return done(obj, set(obj, "directories", dirs));
}

static json_t *put_place(const char *number, int64_t n, const char *digest, const uint8_t d[ZTJ_DIGEST_LEN])
{
	json_t *obj = json_object();

	return done(obj, set(obj, number, json_integer(n)) && set(obj, digest, put_digest(d)));
}

static json_t *put_status_dirs(const struct ztj_stmt *st)
{
	json_t *obj = json_object();
	bool ok = obj != NULL;

	for (size_t i = 0; ok && i < st->u.status.ndirs && i < ZTJ_SEEN_MAX; i++)
		ok = set(obj, st->u.status.dir[i].name,
		    put_place("serial", st->u.status.dir[i].serial, "digest", st->u.status.dir[i].digest));
	return done(obj, ok);
}

static bool set_optional(json_t *obj, const char *name, const char *text)
{
	return text == NULL || text[0] == '\0' || set(obj, name, json_string(text));
}

static json_t *put_user_keys(const struct ztj_stmt *st)
{
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < st->u.pending.nkeys && i < 8; i++) {
		json_t *obj = json_object();

		ok = set(obj, "key", put_key(&st->u.pending.key[i].key)) &&
		    set_optional(obj, "credential", st->u.pending.key[i].credential) &&
		    set_optional(obj, "attestation", st->u.pending.key[i].attestation);
		ok = json_array_append_new(list, done(obj, ok)) == 0;
	}
	return done(list, ok);
}

static json_t *put_ssh_keys(const struct ztj_stmt *st)
{
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < st->u.pending.nssh && i < 8; i++)
		ok = json_array_append_new(list, put_key(&st->u.pending.ssh[i])) == 0;
	return done(list, ok);
}

static json_t *put_bool_word(const struct ztj_stmt *st, size_t at, const char *no, const char *yes)
{
	return json_string(*(const bool *)ztj_field_c(st, at) ? yes : no);
}

static json_t *put_word(const struct ztj_jmember *m, const struct ztj_stmt *st)
{
	const char *word = ztj_field_word(m, st);

	return word == NULL ? NULL : json_string(word);
}

static json_t *put_member(const struct ztj_jmember *m, const struct ztj_stmt *st, const char *nonce)
{
	switch ((enum ztj_field_kind)m->kind) {
	case ZTJ_F_VERSION:
		return json_integer(1);
	case ZTJ_F_TYPE:
		return json_string(ztj_stmt_type_name(st->type));
	case ZTJ_F_TIME:
		return put_time(ztj_field_int(st, m->at));
	case ZTJ_F_INT:
	case ZTJ_F_SECONDS:
		return json_integer(ztj_field_int(st, m->at));
	case ZTJ_F_DOMAIN:
	case ZTJ_F_TEXT:
	case ZTJ_F_NAME:
	case ZTJ_F_PERSON:
	case ZTJ_F_HOST:
	case ZTJ_F_FINGERPRINT:
		return json_string(ztj_field_text(st, m->at));
	case ZTJ_F_NONCE:
		return nonce == NULL ? NULL : json_string(nonce);
	case ZTJ_F_DIGEST:
		return put_digest(ztj_field_c(st, m->at));
	case ZTJ_F_KEY:
		return put_key(ztj_field_c(st, m->at));
	case ZTJ_F_TRUE:
		return json_true();
	case ZTJ_F_DECISION:
		return put_bool_word(st, m->at, "approve", "deny");
	case ZTJ_F_PENDING_KIND:
		return put_bool_word(st, m->at, "user", "host");
	case ZTJ_F_HOSTS:
	case ZTJ_F_ACCOUNTS:
	case ZTJ_F_SESSIONS:
		return put_names(m, st);
	case ZTJ_F_WORD:
		return put_word(m, st);
	case ZTJ_F_SEEN:
		return put_seen(&st->seen);
	case ZTJ_F_REVOKES:
		return st->u.revocation.what == ZTJ_REVOKES_REQUEST ? put_digest(st->u.revocation.request)
								    : json_string(st->u.revocation.name);
	case ZTJ_F_STATUS_POLICY:
		return put_place("version", st->u.status.policy_version, "digest", st->u.status.policy);
	case ZTJ_F_STATUS_DIRS:
		return put_status_dirs(st);
	case ZTJ_F_STATUS_REVOCATIONS:
		return put_place("count", st->u.status.revocations, "head", st->u.status.head);
	case ZTJ_F_CHECKPOINT:
		return ztj_field_text(st, m->at)[0] == '\0' ? json_null()
							    : json_string(ztj_field_text(st, m->at));
	case ZTJ_F_USER_KEYS:
		return put_user_keys(st);
	case ZTJ_F_SSH_KEYS:
		return put_ssh_keys(st);
	case ZTJ_F_KIT:
	default:
		return NULL;
	}
}

int ztj_stmt_build(const struct ztj_stmt *st, const char *nonce, struct ztj_buf *bytes)
{
	const struct ztj_jtable *table = ztj_stmt_table(st->type);
	struct ztj_stmt *again;
	size_t before = bytes->n;
	json_t *obj;
	int r;

	if (table == NULL)
		return ZTJ_STMT_TYPE;
	obj = json_object();
	for (size_t i = 0; i < table->n; i++) {
		const struct ztj_jmember *m = &table->member[i];

		if (ztj_field_present(m, st) && !set(obj, m->name, put_member(m, st, nonce))) {
			/* a time, a key, a text or a nonce that no statement can say */
			json_decref(obj);
			return ZTJ_MEMBER_TYPE;
		}
	}
	r = ztj_json_dump(obj, bytes);
	if (r != ZTJ_OK)
		return r;
	r = ztj_stmt_parse(ztj_view_of(bytes->p + before, bytes->n - before), st->type,
	    ztj_field_text(st, offsetof(struct ztj_stmt, domain)), &again);
	ztj_stmt_free(again);
	return r;
}
