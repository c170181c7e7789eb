/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One member of a statement at a time: JSON value to field. */
#include "libztjit/core/arena.h"
#include "libztjit/core/statement_fields.h"

static struct ztj_arena *arena_of(struct ztj_stmt *st)
{
	return st->priv;
}

/* Copies a text into the statement's own memory. */
static int keep(struct ztj_stmt *st, const char *s, const char **out)
{
	*out = ztj_arena_text(arena_of(st), s, strlen(s));
	return *out == NULL ? ZTJ_INTERNAL : ZTJ_OK;
}

static int keep_at(struct ztj_stmt *st, const char *s, size_t at)
{
	const char *copy;
	int r = keep(st, s, &copy);

	if (r == ZTJ_OK)
		memcpy(ztj_field(st, at), &copy, sizeof(copy));
	return r;
}

static int read_time(json_t *v, int64_t *out)
{
	const char *s;
	int r = ztj_json_text(v, 0, ZTJ_TIME_SIZE, &s);

	*out = 0;
	return r != ZTJ_OK ? r : ztj_time_parse(s, out);
}

/* A text that must suit a grammar. */
static int read_name(json_t *v, bool (*ok)(const char *), const char **out)
{
	int r = ztj_json_text(v, 0, ZTJ_FULLNAME_SIZE, out);

	if (r == ZTJ_OK && !ok(*out))
		r = ZTJ_BAD_NAME;
	return r;
}

static bool person_ok(const char *s)
{
	return ztj_fullname_ok(s, false);
}

static bool host_ok(const char *s)
{
	return ztj_fullname_ok(s, true);
}

static bool hex_ok(const char *s)
{
	uint8_t d[ZTJ_DIGEST_LEN];

	return ztj_unhex(ztj_view_str(s), d, sizeof(d)) == ZTJ_OK;
}

/* "SHA256:" and 43 characters of base64 without padding, as ssh-keygen -l prints. */
static bool fingerprint_ok(const char *s)
{
	char padded[48];
	struct ztj_buf b;
	bool ok;

	if (strncmp(s, "SHA256:", 7) != 0 || strlen(s) != 50)
		return false;
	memcpy(padded, s + 7, 43);
	memcpy(padded + 43, "=", 2);
	ztj_buf_init(&b, ZTJ_DIGEST_LEN);
	ok = ztj_b64_decode(ztj_view_str(padded), &b) == ZTJ_OK && b.n == ZTJ_DIGEST_LEN;
	ztj_buf_free(&b);
	return ok;
}

static int read_name_at(struct ztj_stmt *st, json_t *v, bool (*ok)(const char *), size_t at)
{
	const char *s;
	int r = read_name(v, ok, &s);

	return r != ZTJ_OK ? r : keep_at(st, s, at);
}

static int read_key(json_t *v, struct ztj_key *out)
{
	const char *s;
	int r = ztj_json_text(v, 1, ZTJ_KEY_TEXT_SIZE - 1, &s);

	return r != ZTJ_OK ? r : ztj_key_from_text(out, ztj_view_str(s));
}

static int read_machine_key(json_t *v, struct ztj_key *out)
{
	int r = read_key(v, out);

	return r == ZTJ_OK && out->type != ZTJ_KEY_ED25519 ? ZTJ_KEY_TYPE : r;
}

/* Sorted bytewise, distinct, each suiting the grammar. */
static int read_names(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st, bool (*ok)(const char *))
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;
	const char **list;
	int r;

	if (n < (size_t)m->min || n > (size_t)m->max)
		return ZTJ_MEMBER_TYPE;
	list = ztj_arena_take(arena_of(st), n * sizeof(*list), alignof(const char *));
	if (list == NULL)
		return ZTJ_INTERNAL;
	for (size_t i = 0; i < n; i++) {
		const char *s;

		r = read_name(json_array_get(v, i), ok, &s);
		if (r != ZTJ_OK)
			return r;
		r = keep(st, s, &list[i]);
		if (r != ZTJ_OK)
			return r;
		if (i > 0 && strcmp(list[i - 1], list[i]) >= 0)
			return ZTJ_MEMBER_TYPE;
	}
	memcpy(ztj_field(st, m->at), &list, sizeof(list));
	memcpy(ztj_field(st, m->aux), &n, sizeof(n));
	return ZTJ_OK;
}

static int read_seen_dirs(json_t *v, struct ztj_stmt *st)
{
	int r;

	if (!json_is_object(v) || json_object_size(v) > ZTJ_SEEN_MAX)
		return ZTJ_MEMBER_TYPE;
	for (void *it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it)) {
		const char *name = json_object_iter_key(it);
		size_t i = st->seen.ndirs++;

		if (!ztj_name_ok(name))
			return ZTJ_BAD_NAME;
		r = keep(st, name, &st->seen.dir[i].name);
		if (r == ZTJ_OK)
			r = ztj_json_int(json_object_iter_value(it), 1, ZTJ_JSON_INT_MAX,
			    &st->seen.dir[i].serial);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

enum { SEEN_POLICY, SEEN_DIRS };

static int seen_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_stmt *st = ctx;

	if (m->kind == SEEN_POLICY)
		return ztj_json_int(v, 0, ZTJ_JSON_INT_MAX, &st->seen.policy);
	return read_seen_dirs(v, st);
}

static int read_seen(json_t *v, struct ztj_stmt *st)
{
	static const struct ztj_jmember members[] = { { .name = "policy", .kind = SEEN_POLICY },
		{ .name = "directories", .kind = SEEN_DIRS } };
	static const struct ztj_jtable table = { members, 2, false };

	return ztj_json_members(v, &table, seen_member, st);
}

/* {number, digest} under two names: the places a status speaks of. */
struct place {
	int64_t number;
	uint8_t digest[ZTJ_DIGEST_LEN];
};

static int place_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct place *p = ctx;

	return m->kind == 0 ? ztj_json_int(v, m->min, ZTJ_JSON_INT_MAX, &p->number)
			    : ztj_json_digest(v, p->digest);
}

static int read_place(json_t *v, const char *number, const char *digest, int64_t min, struct place *out)
{
	const struct ztj_jmember members[] = { { .name = number, .kind = 0, .min = min },
		{ .name = digest, .kind = 1 } };
	const struct ztj_jtable table = { members, 2, false };

	return ztj_json_members(v, &table, place_member, out);
}

static int read_status_policy(json_t *v, struct ztj_stmt *st)
{
	struct place p = { 0 };
	int r = read_place(v, "version", "digest", 1, &p);

	st->u.status.policy_version = p.number;
	memcpy(st->u.status.policy, p.digest, sizeof(p.digest));
	return r;
}

static int read_status_revocations(json_t *v, struct ztj_stmt *st)
{
	struct place p = { 0 };
	int r = read_place(v, "count", "head", 0, &p);

	st->u.status.revocations = p.number;
	memcpy(st->u.status.head, p.digest, sizeof(p.digest));
	return r;
}

static int read_status_dirs(json_t *v, struct ztj_stmt *st)
{
	if (!json_is_object(v) || json_object_size(v) > ZTJ_SEEN_MAX)
		return ZTJ_MEMBER_TYPE;
	for (void *it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it)) {
		const char *name = json_object_iter_key(it);
		size_t i = st->u.status.ndirs++;
		struct place p = { 0 };
		int r;

		if (!ztj_name_ok(name))
			return ZTJ_BAD_NAME;
		r = keep(st, name, &st->u.status.dir[i].name);
		if (r == ZTJ_OK)
			r = read_place(json_object_iter_value(it), "serial", "digest", 1, &p);
		if (r != ZTJ_OK)
			return r;
		st->u.status.dir[i].serial = p.number;
		memcpy(st->u.status.dir[i].digest, p.digest, sizeof(p.digest));
	}
	return ZTJ_OK;
}

struct user_key {
	struct ztj_stmt *st;
	size_t i;
};

enum { UKEY_KEY, UKEY_CREDENTIAL, UKEY_ATTESTATION };

static int user_key_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct user_key *k = ctx;
	const char *s;
	int r;

	if (m->kind == UKEY_KEY) {
		r = read_key(v, &k->st->u.pending.key[k->i].key);
		return r == ZTJ_OK && !ztj_key_is_sk(&k->st->u.pending.key[k->i].key) ? ZTJ_KEY_TYPE : r;
	}
	r = ztj_json_b64(v, 1, (size_t)m->max, &s);
	if (r != ZTJ_OK)
		return r;
	if (m->kind == UKEY_CREDENTIAL)
		return keep(k->st, s, &k->st->u.pending.key[k->i].credential);
	return keep(k->st, s, &k->st->u.pending.key[k->i].attestation);
}

static int read_checkpoint(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	const char *s = "";
	int r = json_is_null(v) ? ZTJ_OK : ztj_json_b64(v, (size_t)m->min, (size_t)m->max, &s);

	return r == ZTJ_OK ? keep_at(st, s, m->at) : r;
}

static int read_user_keys(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	static const struct ztj_jmember members[] = { { .name = "key", .kind = UKEY_KEY },
		{ .name = "credential", .kind = UKEY_CREDENTIAL, .optional = true, .max = 2048 },
		{ .name = "attestation", .kind = UKEY_ATTESTATION, .optional = true, .max = 16384 } };
	static const struct ztj_jtable table = { members, 3, false };
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n < (size_t)m->min || n > (size_t)m->max)
		return ZTJ_MEMBER_TYPE;
	for (size_t i = 0; i < n; i++) {
		struct user_key k = { st, i };
		int r;

		st->u.pending.key[i].credential = st->u.pending.key[i].attestation = "";
		r = ztj_json_members(json_array_get(v, i), &table, user_key_member, &k);
		if (r != ZTJ_OK)
			return r;
	}
	st->u.pending.nkeys = n;
	return ZTJ_OK;
}

static int read_ssh_keys(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n < (size_t)m->min || n > (size_t)m->max)
		return ZTJ_MEMBER_TYPE;
	for (size_t i = 0; i < n; i++) {
		int r = read_key(json_array_get(v, i), &st->u.pending.ssh[i]);

		if (r != ZTJ_OK)
			return r;
		if (ztj_key_is_sk(&st->u.pending.ssh[i]))
			return ZTJ_KEY_TYPE;
		for (size_t j = 0; j < i; j++)
			if (ztj_key_equal(&st->u.pending.ssh[i], &st->u.pending.ssh[j]))
				return ZTJ_KEY_SHARED;
	}
	st->u.pending.nssh = n;
	return ZTJ_OK;
}

/* One of two words. */
static int read_choice(json_t *v, const char *no, const char *yes, bool *out)
{
	const char *s;
	int r = ztj_json_text(v, 1, 16, &s);

	if (r != ZTJ_OK)
		return r;
	*out = strcmp(s, yes) == 0;
	return *out || strcmp(s, no) == 0 ? ZTJ_OK : ZTJ_MEMBER_TYPE;
}

static int read_word(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	const char *const *words = ztj_field_words(m);
	const char *s;
	int r = ztj_json_text(v, 1, 16, &s);

	if (r != ZTJ_OK)
		return r;
	for (unsigned i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], s) == 0) {
			memcpy(ztj_field(st, m->at), &i, sizeof(i));
			return ZTJ_OK;
		}
	return ZTJ_MEMBER_TYPE;
}

static int read_revokes(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st, unsigned *subjects)
{
	/* exactly one of request, user and host */
	if ((*subjects)++ > 0)
		return ZTJ_MEMBER_UNKNOWN;
	st->u.revocation.what = (enum ztj_revokes)m->aux;
	switch (st->u.revocation.what) {
	case ZTJ_REVOKES_REQUEST:
		return ztj_json_digest(v, st->u.revocation.request);
	case ZTJ_REVOKES_USER:
		return read_name_at(st, v, person_ok, m->at);
	case ZTJ_REVOKES_HOST:
		return read_name_at(st, v, host_ok, m->at);
	default:
		return ZTJ_INTERNAL;
	}
}

static int read_text(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	const char *s;
	int r = ztj_json_text(v, (size_t)m->min, (size_t)m->max, &s);

	return r != ZTJ_OK ? r : keep_at(st, s, m->at);
}

static int read_digest(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	int r = ztj_json_digest(v, ztj_field(st, m->at));

	if (r == ZTJ_OK && m->aux != 0)
		*(bool *)ztj_field(st, m->aux) = true;
	return r;
}

static int read_nonce(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	int r = read_name_at(st, v, hex_ok, m->at);

	if (r == ZTJ_OK && m->aux != 0)
		memcpy(ztj_field(st, m->aux), ztj_field(st, m->at), sizeof(const char *));
	return r == ZTJ_BAD_NAME ? ZTJ_MEMBER_TYPE : r;
}

static int read_true(const struct ztj_jmember *m, json_t *v, struct ztj_stmt *st)
{
	if (!json_is_true(v))
		return ZTJ_MEMBER_TYPE;
	*(bool *)ztj_field(st, m->at) = true;
	return ZTJ_OK;
}

int ztj_field_read(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_reading *rd = ctx;
	struct ztj_stmt *st = rd->st;
	int r;

	switch ((enum ztj_field_kind)m->kind) {
	case ZTJ_F_VERSION:
	case ZTJ_F_TYPE:
	case ZTJ_F_DOMAIN:
		return ZTJ_OK;
	case ZTJ_F_TIME:
		return read_time(v, ztj_field(st, m->at));
	case ZTJ_F_INT:
	case ZTJ_F_SECONDS:
		return ztj_json_int(v, m->min, m->max, ztj_field(st, m->at));
	case ZTJ_F_TEXT:
		return read_text(m, v, st);
	case ZTJ_F_NAME:
		return read_name_at(st, v, ztj_name_ok, m->at);
	case ZTJ_F_PERSON:
		return read_name_at(st, v, person_ok, m->at);
	case ZTJ_F_HOST:
		return read_name_at(st, v, host_ok, m->at);
	case ZTJ_F_NONCE:
		return read_nonce(m, v, st);
	case ZTJ_F_FINGERPRINT:
		r = read_name_at(st, v, fingerprint_ok, m->at);
		return r == ZTJ_BAD_NAME ? ZTJ_MEMBER_TYPE : r;
	case ZTJ_F_DIGEST:
		return read_digest(m, v, st);
	case ZTJ_F_KEY:
		return read_machine_key(v, ztj_field(st, m->at));
	case ZTJ_F_TRUE:
		return read_true(m, v, st);
	case ZTJ_F_DECISION:
		return read_choice(v, "approve", "deny", ztj_field(st, m->at));
	case ZTJ_F_HOSTS:
		return read_names(m, v, st, host_ok);
	case ZTJ_F_ACCOUNTS:
		return read_names(m, v, st, ztj_name_ok);
	case ZTJ_F_SESSIONS:
		return read_names(m, v, st, ztj_session_id_ok);
	case ZTJ_F_WORD:
		return read_word(m, v, st);
	case ZTJ_F_SEEN:
		return read_seen(v, st);
	case ZTJ_F_REVOKES:
		return read_revokes(m, v, st, &rd->subjects);
	case ZTJ_F_STATUS_POLICY:
		return read_status_policy(v, st);
	case ZTJ_F_STATUS_DIRS:
		return read_status_dirs(v, st);
	case ZTJ_F_STATUS_REVOCATIONS:
		return read_status_revocations(v, st);
	case ZTJ_F_CHECKPOINT:
		return read_checkpoint(m, v, st);
	case ZTJ_F_PENDING_KIND:
		return read_choice(v, "user", "host", ztj_field(st, m->at));
	case ZTJ_F_USER_KEYS:
		return read_user_keys(m, v, st);
	case ZTJ_F_SSH_KEYS:
		return read_ssh_keys(m, v, st);
	case ZTJ_F_KIT:
		return ZTJ_BREAK_GLASS;
	default:
		return ZTJ_INTERNAL;
	}
}
