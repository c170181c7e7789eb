/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bytes and signatures together (doc/PROTOCOL.md section 1.2): binary container and JSON. */
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "libztjit/core/statement.h"

/* A policy in base64 and sixteen armoured signatures. */
#define SIGNED_JSON_MAX (ZTJ_POLICY_MAX / 3 * 4 + ZTJ_SIGS_MAX * 4096 + 4096)

int ztj_signed_read(struct ztj_rd *rd, struct ztj_signed *out)
{
	struct ztj_rd at = *rd;
	struct ztj_signed s = { 0 };
	uint32_t n;
	int r;

	memset(out, 0, sizeof(*out));
	r = ztj_rd_string(&at, ZTJ_POLICY_MAX, &s.bytes);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(&at, &n);
	if (r != ZTJ_OK)
		return r;
	if (n == 0 || n > ZTJ_SIGS_MAX)
		return ZTJ_LIMIT;
	for (s.nsigs = 0; s.nsigs < n; s.nsigs++) {
		r = ztj_rd_string(&at, ZTJ_SSHSIG_MAX, &s.sig[s.nsigs]);
		if (r != ZTJ_OK)
			return r;
	}
	*out = s;
	*rd = at;
	return ZTJ_OK;
}

int ztj_signed_write(const struct ztj_signed *s, struct ztj_buf *out)
{
	if (s->nsigs == 0 || s->nsigs > ZTJ_SIGS_MAX)
		return ZTJ_LIMIT;
	(void)ztj_buf_put_view(out, s->bytes);
	(void)ztj_buf_put_u32(out, (uint32_t)s->nsigs);
	for (size_t i = 0; i < s->nsigs; i++)
		(void)ztj_buf_put_view(out, s->sig[i]);
	return ztj_buf_status(out);
}

int ztj_signed_peek(const struct ztj_signed *s, enum ztj_stmt_type *type)
{
	struct ztj_view ns;
	int r;

	*type = ZTJ_STMT_NONE;
	if (s->nsigs == 0)
		return ZTJ_THRESHOLD;
	r = ztj_sshsig_namespace(s->sig[0], &ns);
	if (r != ZTJ_OK)
		return r;
	for (int t = ZTJ_STMT_POLICY; t <= ZTJ_STMT_LAST; t++)
		if (ztj_view_eq_str(ns, ztj_stmt_namespace((enum ztj_stmt_type)t))) {
			*type = (enum ztj_stmt_type)t;
			return ZTJ_OK;
		}
	return ZTJ_SIG_NAMESPACE;
}

/* Where each part ended up in mem; turned into views when mem grows no more. */
struct parts {
	struct ztj_buf *mem;
	size_t bytes;
	size_t nsigs;
	size_t end[ZTJ_SIGS_MAX];
};

enum { M_STATEMENT, M_SIGNATURES };

static int read_statement(json_t *v, struct parts *p)
{
	const char *s;
	int r = ztj_json_text(v, 1, SIGNED_JSON_MAX, &s);

	if (r == ZTJ_OK)
		r = ztj_b64_decode(ztj_view_str(s), p->mem);
	p->bytes = p->mem->n;
	if (r == ZTJ_OK && p->bytes > ZTJ_POLICY_MAX)
		r = ZTJ_TOO_LARGE;
	return r;
}

static int read_signatures(json_t *v, struct parts *p)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	if (n == 0 || n > ZTJ_SIGS_MAX)
		return ZTJ_MEMBER_TYPE;
	for (size_t i = 0; i < n; i++) {
		const char *s;
		int r = ztj_json_text(json_array_get(v, i), 1, 4 * ZTJ_SSHSIG_MAX, &s);

		if (r == ZTJ_OK)
			r = ztj_sshsig_dearmor(ztj_view_str(s), p->mem);
		if (r != ZTJ_OK)
			return r;
		p->end[i] = p->mem->n;
	}
	p->nsigs = n;
	return ZTJ_OK;
}

static int read_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	return m->kind == M_STATEMENT ? read_statement(v, ctx) : read_signatures(v, ctx);
}

int ztj_signed_from_json(struct ztj_view json, struct ztj_buf *mem, struct ztj_signed *out)
{
	static const struct ztj_jmember members[] = { { .name = "statement", .kind = M_STATEMENT },
		{ .name = "signatures", .kind = M_SIGNATURES } };
	/* in this order, because the parts follow each other in mem */
	static const struct ztj_jtable table = { members, 2, true };
	struct parts p = { .mem = mem };
	size_t at = mem->n;
	json_t *obj;
	int r;

	memset(out, 0, sizeof(*out));
	r = ztj_json_load(json, SIGNED_JSON_MAX, ZTJ_JSON_LINES, &obj);
	if (r != ZTJ_OK)
		return r;
	r = ztj_json_members(obj, &table, read_member, &p);
	json_decref(obj);
	if (r != ZTJ_OK)
		return r;
	out->bytes = ztj_view_of(mem->p + at, p.bytes - at);
	at = p.bytes;
	for (size_t i = 0; i < p.nsigs; at = p.end[i++])
		out->sig[i] = ztj_view_of(mem->p + at, p.end[i] - at);
	out->nsigs = p.nsigs;
	return ZTJ_OK;
}

static json_t *put_statement(struct ztj_view bytes)
{
	struct ztj_buf b;
	json_t *v = NULL;

	ztj_buf_init(&b, SIGNED_JSON_MAX);
	if (ztj_b64_encode(bytes, &b) == ZTJ_OK)
		v = json_stringn((const char *)b.p, b.n);
	ztj_buf_free(&b);
	return v;
}

static json_t *put_signatures(const struct ztj_signed *s)
{
	json_t *list = json_array();
	struct ztj_buf b;
	bool ok = list != NULL;

	ztj_buf_init(&b, 4 * ZTJ_SSHSIG_MAX);
	for (size_t i = 0; ok && i < s->nsigs; i++) {
		ztj_buf_reset(&b);
		ok = ztj_sshsig_armor(s->sig[i], &b) == ZTJ_OK &&
		    json_array_append_new(list, json_stringn((const char *)b.p, b.n)) == 0;
	}
	ztj_buf_free(&b);
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

int ztj_signed_to_json(const struct ztj_signed *s, struct ztj_buf *out)
{
	json_t *obj;

	if (s->nsigs == 0 || s->nsigs > ZTJ_SIGS_MAX)
		return ZTJ_LIMIT;
	obj = json_object();
	if (json_object_set_new(obj, "statement", put_statement(s->bytes)) != 0 ||
	    json_object_set_new(obj, "signatures", put_signatures(s)) != 0) {
		json_decref(obj);
		return ZTJ_NOMEM;
	}
	return ztj_json_dump(obj, out);
}
