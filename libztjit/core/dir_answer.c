/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A directory update out of the JSON it travels in. */
#include <stdlib.h>

#include "libztjit/core/dirjson.h"
#include "libztjit/core/jsonin.h"

#define STATEMENTS_MAX (1u << 20)

struct ztj_dir_answer {
	struct ztj_dir_update u;
	json_t *obj; /* owns names and records */
	struct ztj_signed *statement;
	struct ztj_buf *mem; /* owns what statement[i] points into */
	const json_t *drop, *put;
};

enum { A_NAME, A_SERIAL, A_STATEMENTS, A_DROP, A_PUT };

/* Its own text again, so that one parser judges all containers. */
int ztj_signed_from_value(const json_t *v, struct ztj_buf *mem, struct ztj_signed *out)
{
	char *text;
	int r;

	if (!json_is_object(v))
		return ZTJ_MEMBER_TYPE;
	text = json_dumps(v, JSON_COMPACT);
	if (text == NULL)
		return ZTJ_NOMEM;
	r = ztj_signed_from_json(ztj_view_str(text), mem, out);
	free(text);
	return r;
}

static int read_statements(struct ztj_dir_answer *a, json_t *v)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n == 0 || n > STATEMENTS_MAX)
		return ZTJ_MEMBER_TYPE;
	a->statement = calloc(n, sizeof(*a->statement));
	a->mem = calloc(n, sizeof(*a->mem));
	if (a->statement == NULL || a->mem == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n; i++) {
		int r;

		ztj_buf_init(&a->mem[i], 2 * ZTJ_STMT_MAX + ZTJ_SIGS_MAX * ZTJ_SSHSIG_MAX);
		a->u.nstatements = i + 1;
		r = ztj_signed_from_value(json_array_get(v, i), &a->mem[i], &a->statement[i]);
		if (r != ZTJ_OK)
			return r;
	}
	a->u.statements = a->statement;
	return ZTJ_OK;
}

static int read_drop(const json_t *v, struct ztj_dir_delta *d)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v) || n > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_MEMBER_TYPE;
	d->drop = calloc(n + 1, sizeof(*d->drop));
	if (d->drop == NULL)
		return ZTJ_NOMEM;
	for (; d->ndrop < n; d->ndrop++) {
		int r = ztj_json_text(json_array_get(v, d->ndrop), 1, ZTJ_HOSTNAME_SIZE - 1,
		    &d->drop[d->ndrop]);

		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int read_put(const json_t *v, struct ztj_dir_delta *d)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v) || n > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_MEMBER_TYPE;
	d->put = calloc(n + 1, sizeof(*d->put));
	if (d->put == NULL)
		return ZTJ_NOMEM;
	for (; d->nput < n; d->nput++) {
		const char *s;
		int r = ztj_json_text(json_array_get(v, d->nput), 2, ZTJ_RECORD_MAX, &s);

		if (r != ZTJ_OK)
			return r;
		d->put[d->nput] = ztj_view_str(s);
	}
	return ZTJ_OK;
}

int ztj_delta_from_json(const json_t *drop, const json_t *put, struct ztj_dir_delta *out)
{
	int r;

	*out = (struct ztj_dir_delta){ .ndrop = 0 };
	r = read_drop(drop, out);
	if (r == ZTJ_OK)
		r = read_put(put, out);
	if (r != ZTJ_OK)
		ztj_delta_free(out);
	return r;
}

void ztj_delta_free(struct ztj_dir_delta *d)
{
	free(d->drop);
	free(d->put);
	*d = (struct ztj_dir_delta){ .ndrop = 0 };
}

static int read_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_dir_answer *a = ctx;
	int64_t serial;

	switch (m->kind) {
	case A_NAME:
		return ztj_json_text(v, 1, ZTJ_NAME_SIZE - 1, &a->u.name);
	case A_SERIAL:
		/* a convenience for people: the statement says it under signature */
		return ztj_json_int(v, 1, ZTJ_JSON_INT_MAX, &serial);
	case A_STATEMENTS:
		return read_statements(a, v);
	case A_DROP:
		a->drop = v;
		return ZTJ_OK;
	case A_PUT:
		a->put = v;
		return ZTJ_OK;
	default:
		return ZTJ_INTERNAL;
	}
}

int ztj_dir_answer_read(struct ztj_view json, size_t max, struct ztj_dir_answer **out)
{
	static const struct ztj_jmember members[] = { { .name = "name", .kind = A_NAME },
		{ .name = "serial", .kind = A_SERIAL }, { .name = "statements", .kind = A_STATEMENTS },
		{ .name = "drop", .kind = A_DROP }, { .name = "put", .kind = A_PUT } };
	static const struct ztj_jtable table = { members, 5, false };
	struct ztj_dir_answer *a;
	int r;

	*out = NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return ZTJ_NOMEM;
	r = ztj_json_load(json, max, ZTJ_JSON_LINES, &a->obj);
	if (r == ZTJ_OK)
		r = ztj_json_members(a->obj, &table, read_member, a);
	if (r == ZTJ_OK && !ztj_name_ok(a->u.name))
		r = ZTJ_BAD_NAME;
	if (r == ZTJ_OK)
		r = ztj_delta_from_json(a->drop, a->put, &a->u.delta);
	if (r != ZTJ_OK)
		ztj_dir_answer_free(a);
	else
		*out = a;
	return r;
}

const struct ztj_dir_update *ztj_dir_answer_update(const struct ztj_dir_answer *a)
{
	return &a->u;
}

void ztj_dir_answer_free(struct ztj_dir_answer *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; a->mem != NULL && i < a->u.nstatements; i++)
		ztj_buf_free(&a->mem[i]);
	free(a->mem);
	free(a->statement);
	ztj_delta_free(&a->u.delta);
	json_decref(a->obj);
	free(a);
}
