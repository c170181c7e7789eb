/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directory records (doc/PROTOCOL.md section 1.1). Their JSON has one form only, so equal records have equal
 * leaves. A record is one block of memory: a directory may hold a hundred thousand.
 */
#include <stdlib.h>

#include "libztjit/core/arena.h"
#include "libztjit/core/directory.h"
#include "libztjit/core/jsonin.h"

#define SSH_KEYS_MAX 8
#define CREDENTIAL_MAX 2048
#define UID_MAX_RECORD INT64_C(4294967293)

enum { R_VERSION, R_TYPE, R_NAME, R_UID, R_KEYS, R_GROUPS, R_LABELS, R_MACHINE, R_TLS, R_SSH };

static const struct ztj_jmember user_members[] = { { .name = "v", .kind = R_VERSION },
	{ .name = "type", .kind = R_TYPE }, { .name = "name", .kind = R_NAME },
	{ .name = "uid", .kind = R_UID }, { .name = "keys", .kind = R_KEYS },
	{ .name = "groups", .kind = R_GROUPS } };
static const struct ztj_jmember host_members[] = { { .name = "v", .kind = R_VERSION },
	{ .name = "type", .kind = R_TYPE }, { .name = "name", .kind = R_NAME },
	{ .name = "labels", .kind = R_LABELS }, { .name = "machine", .kind = R_MACHINE },
	{ .name = "tls", .kind = R_TLS }, { .name = "ssh", .kind = R_SSH } };
static const struct ztj_jtable user_table = { user_members, 6, true };
static const struct ztj_jtable host_table = { host_members, 7, true };

enum { K_KEY, K_CREDENTIAL, K_FROM, K_UNTIL };

static const struct ztj_jmember key_members[] = { { .name = "key", .kind = K_KEY },
	{ .name = "credential", .kind = K_CREDENTIAL, .optional = true }, { .name = "from", .kind = K_FROM },
	{ .name = "until", .kind = K_UNTIL, .optional = true } };
static const struct ztj_jtable key_table = { key_members, 4, true };

struct reading {
	struct ztj_record *r;
	struct ztj_arena arena;
};

static int keep(struct reading *rd, const char *s, const char **out)
{
	*out = ztj_arena_text(&rd->arena, s, strlen(s));
	return *out == NULL ? ZTJ_INTERNAL : ZTJ_OK;
}

static int read_key(json_t *v, struct ztj_key *out)
{
	const char *s;
	int r = ztj_json_text(v, 1, ZTJ_KEY_TEXT_SIZE - 1, &s);

	return r != ZTJ_OK ? r : ztj_key_from_text(out, ztj_view_str(s));
}

static int read_plain_key(json_t *v, struct ztj_key *out)
{
	int r = read_key(v, out);

	return r == ZTJ_OK && out->type != ZTJ_KEY_ED25519 ? ZTJ_KEY_TYPE : r;
}

static int read_time(json_t *v, int64_t *out)
{
	const char *s;
	int r = ztj_json_text(v, 0, ZTJ_TIME_SIZE, &s);

	return r != ZTJ_OK ? r : ztj_time_parse(s, out);
}

struct key_reading {
	struct reading *rd;
	struct ztj_userkey *k;
};

static int key_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct key_reading *kr = ctx;
	const char *s;
	int r;

	switch (m->kind) {
	case K_KEY:
		r = read_key(v, &kr->k->key);
		return r == ZTJ_OK && !ztj_key_is_sk(&kr->k->key) ? ZTJ_KEY_TYPE : r;
	case K_CREDENTIAL:
		r = ztj_json_b64(v, 1, CREDENTIAL_MAX, &s);
		return r != ZTJ_OK ? r : keep(kr->rd, s, &kr->k->credential);
	case K_FROM:
		return read_time(v, &kr->k->from);
	case K_UNTIL:
		return read_time(v, &kr->k->until);
	default:
		return ZTJ_INTERNAL;
	}
}

static int read_keys(struct reading *rd, json_t *v)
{
	struct ztj_record *rec = rd->r;
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n < 1 || n > ZTJ_KEYS_MAX)
		return ZTJ_MEMBER_TYPE;
	rec->keys = ztj_arena_take(&rd->arena, n * sizeof(*rec->keys), alignof(struct ztj_userkey));
	if (rec->keys == NULL)
		return ZTJ_INTERNAL;
	for (; rec->nkeys < n; rec->nkeys++) {
		struct ztj_userkey *k = &rec->keys[rec->nkeys];
		struct key_reading kr = { rd, k };
		int r;

		k->credential = "";
		r = ztj_json_members(json_array_get(v, rec->nkeys), &key_table, key_member, &kr);
		if (r != ZTJ_OK)
			return r;
		if (k->until != 0 && k->until <= k->from)
			return ZTJ_BAD_TIME;
		for (size_t i = 0; i < rec->nkeys; i++)
			if (ztj_key_equal(&rec->keys[i].key, &k->key))
				return ZTJ_KEY_SHARED;
	}
	return ZTJ_OK;
}

static int read_groups(struct reading *rd, json_t *v)
{
	struct ztj_record *rec = rd->r;
	size_t n = json_array_size(v);

	if (!json_is_array(v) || n > ZTJ_GROUPS_MAX)
		return ZTJ_MEMBER_TYPE;
	rec->groups = ztj_arena_take(&rd->arena, n * sizeof(*rec->groups), alignof(const char *));
	if (rec->groups == NULL)
		return ZTJ_INTERNAL;
	for (; rec->ngroups < n; rec->ngroups++) {
		const char *s;
		int r = ztj_json_text(json_array_get(v, rec->ngroups), 1, ZTJ_NAME_SIZE - 1, &s);

		if (r != ZTJ_OK)
			return r;
		if (!ztj_name_ok(s))
			return ZTJ_BAD_NAME;
		if (rec->ngroups > 0 && strcmp(rec->groups[rec->ngroups - 1], s) >= 0)
			return ZTJ_MEMBER_TYPE;
		r = keep(rd, s, &rec->groups[rec->ngroups]);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int read_labels(struct reading *rd, json_t *v)
{
	struct ztj_record *rec = rd->r;
	size_t n = json_object_size(v);

	if (!json_is_object(v) || n > ZTJ_LABELS_MAX)
		return ZTJ_MEMBER_TYPE;
	rec->labels = ztj_arena_take(&rd->arena, n * sizeof(*rec->labels), alignof(struct ztj_label));
	if (rec->labels == NULL)
		return ZTJ_INTERNAL;
	for (void *it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it)) {
		struct ztj_label *l = &rec->labels[rec->nlabels];
		const char *key = json_object_iter_key(it), *value;
		int r = ztj_json_text(json_object_iter_value(it), 1, 64, &value);

		if (r != ZTJ_OK)
			return r;
		if (!ztj_name_ok(key) || !ztj_label_value_ok(value))
			return ZTJ_BAD_NAME;
		if (rec->nlabels > 0 && strcmp(rec->labels[rec->nlabels - 1].key, key) >= 0)
			return ZTJ_MEMBER_TYPE;
		r = keep(rd, key, &l->key);
		if (r == ZTJ_OK)
			r = keep(rd, value, &l->value);
		if (r != ZTJ_OK)
			return r;
		rec->nlabels++;
	}
	return ZTJ_OK;
}

static int read_ssh(struct reading *rd, json_t *v)
{
	struct ztj_record *rec = rd->r;
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n < 1 || n > SSH_KEYS_MAX)
		return ZTJ_MEMBER_TYPE;
	rec->ssh = ztj_arena_take(&rd->arena, n * sizeof(*rec->ssh), alignof(struct ztj_key));
	if (rec->ssh == NULL)
		return ZTJ_INTERNAL;
	for (; rec->nssh < n; rec->nssh++) {
		struct ztj_key *k = &rec->ssh[rec->nssh];
		int r = read_key(json_array_get(v, rec->nssh), k);

		if (r != ZTJ_OK)
			return r;
		if (ztj_key_is_sk(k))
			return ZTJ_KEY_TYPE;
		for (size_t i = 0; i < rec->nssh; i++)
			if (ztj_key_equal(&rec->ssh[i], k))
				return ZTJ_KEY_SHARED;
	}
	return ZTJ_OK;
}

static int read_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct reading *rd = ctx;
	const char *s;
	int64_t uid;
	int r;

	switch (m->kind) {
	case R_VERSION:
	case R_TYPE:
		return ZTJ_OK;
	case R_NAME:
		r = ztj_json_text(v, 1, ZTJ_HOSTNAME_SIZE - 1, &s);
		if (r == ZTJ_OK && !(rd->r->host ? ztj_hostname_ok(s) : ztj_name_ok(s)))
			r = ZTJ_BAD_NAME;
		return r != ZTJ_OK ? r : keep(rd, s, &rd->r->name);
	case R_UID:
		r = ztj_json_int(v, 1, UID_MAX_RECORD, &uid);
		rd->r->uid = (uint32_t)uid;
		return r;
	case R_KEYS:
		return read_keys(rd, v);
	case R_GROUPS:
		return read_groups(rd, v);
	case R_LABELS:
		return read_labels(rd, v);
	case R_MACHINE:
		return read_plain_key(v, &rd->r->machine);
	case R_TLS:
		return read_plain_key(v, &rd->r->tls);
	case R_SSH:
		return read_ssh(rd, v);
	default:
		return ZTJ_INTERNAL;
	}
}

static int read_head(const json_t *obj, bool *host)
{
	const json_t *v = json_object_get(obj, "v");
	const char *s;
	int r;

	*host = false;
	if (v == NULL || json_object_get(obj, "type") == NULL)
		return ZTJ_MEMBER_MISSING;
	if (!json_is_integer(v))
		return ZTJ_MEMBER_TYPE;
	if (json_integer_value(v) != 1)
		return ZTJ_VERSION;
	r = ztj_json_text(json_object_get(obj, "type"), 1, 8, &s);
	if (r != ZTJ_OK)
		return r;
	*host = strcmp(s, "host") == 0;
	return *host || strcmp(s, "user") == 0 ? ZTJ_OK : ZTJ_MEMBER_TYPE;
}

/* Bytes that the texts of a record take, each with its NUL: those at most that stand in names,
 * groups, labels and credentials. */
static size_t text_size(const json_t *obj)
{
	const json_t *keys = json_object_get(obj, "keys"), *groups = json_object_get(obj, "groups");
	json_t *labels = json_object_get(obj, "labels");
	size_t n = json_string_length(json_object_get(obj, "name")) + 1;

	for (size_t i = 0; i < json_array_size(keys); i++)
		n += json_string_length(json_object_get(json_array_get(keys, i), "credential")) + 1;
	for (size_t i = 0; i < json_array_size(groups); i++)
		n += json_string_length(json_array_get(groups, i)) + 1;
	for (void *it = json_object_iter(labels); it != NULL; it = json_object_iter_next(labels, it))
		n += strlen(json_object_iter_key(it)) + json_string_length(json_object_iter_value(it)) + 2;
	return n;
}

static struct ztj_record *record_new(const json_t *obj, struct ztj_view bytes, struct ztj_arena *arena)
{
	size_t room = 16 + text_size(obj) + bytes.n +
	    json_array_size(json_object_get(obj, "keys")) * sizeof(struct ztj_userkey) +
	    json_array_size(json_object_get(obj, "groups")) * sizeof(const char *) +
	    json_object_size(json_object_get(obj, "labels")) * sizeof(struct ztj_label) +
	    json_array_size(json_object_get(obj, "ssh")) * sizeof(struct ztj_key);
	struct ztj_record *rec = calloc(1, sizeof(*rec) + room);
	uint8_t *copy;

	if (rec == NULL)
		return NULL;
	arena->p = (uint8_t *)(rec + 1);
	arena->n = 0;
	arena->cap = room;
	copy = arena->p + room - bytes.n;
	memcpy(copy, bytes.p, bytes.n);
	arena->cap -= bytes.n;
	rec->bytes = ztj_view_of(copy, bytes.n);
	rec->name = "";
	rec->refs = 1;
	return rec;
}

int ztj_record_parse(struct ztj_view bytes, struct ztj_record **out)
{
	struct reading rd = { 0 };
	json_t *obj;
	bool host;
	int r;

	*out = NULL;
	r = ztj_json_load(bytes, ZTJ_RECORD_MAX, ZTJ_JSON_CANONICAL, &obj);
	if (r != ZTJ_OK)
		return r;
	r = read_head(obj, &host);
	if (r != ZTJ_OK)
		goto out;
	rd.r = record_new(obj, bytes, &rd.arena);
	if (rd.r == NULL) {
		r = ZTJ_NOMEM;
		goto out;
	}
	rd.r->host = host;
	r = ztj_json_members(obj, host ? &host_table : &user_table, read_member, &rd);
	if (r == ZTJ_OK && host && ztj_key_equal(&rd.r->machine, &rd.r->tls))
		r = ZTJ_KEY_SHARED;
	if (r == ZTJ_OK)
		r = ztj_merkle_leaf(bytes, rd.r->leaf);
out:
	json_decref(obj);
	if (r != ZTJ_OK)
		free(rd.r);
	else
		*out = rd.r;
	return r;
}

struct ztj_record *ztj_record_ref(struct ztj_record *r)
{
	r->refs++;
	return r;
}

void ztj_record_unref(struct ztj_record *r)
{
	if (r != NULL && --r->refs == 0)
		free(r);
}

bool ztj_record_in_group(const struct ztj_record *r, const char *group)
{
	for (size_t i = 0; i < r->ngroups; i++)
		if (strcmp(r->groups[i], group) == 0)
			return true;
	return false;
}

const char *ztj_record_label(const struct ztj_record *r, const char *key)
{
	for (size_t i = 0; i < r->nlabels; i++)
		if (strcmp(r->labels[i].key, key) == 0)
			return r->labels[i].value;
	return NULL;
}

static bool valid_at(const struct ztj_userkey *k, int64_t t)
{
	return t >= k->from && (k->until == 0 || t < k->until);
}

int ztj_record_key(const struct ztj_record *r, const struct ztj_key *k, int64_t then, int64_t now)
{
	for (size_t i = 0; i < r->nkeys; i++)
		if (ztj_key_equal(&r->keys[i].key, k))
			return valid_at(&r->keys[i], then) && valid_at(&r->keys[i], now) ? ZTJ_OK
											 : ZTJ_KEY_EXPIRED;
	return ZTJ_SIGNER;
}
