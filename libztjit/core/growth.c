/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/growth.h"

#include <string.h>

#include "libztjit/core/jsonin.h"

/* --- writing --- */

static bool add_hash(json_t *list, const ztj_hash h)
{
	struct ztj_buf text;
	bool good;

	ztj_buf_init(&text, 64);
	good = ztj_b64_encode(ztj_view_of(h, ZTJ_DIGEST_LEN), &text) == ZTJ_OK &&
	    json_array_append_new(list, json_stringn((const char *)text.p, text.n)) == 0;
	ztj_buf_free(&text);
	return good;
}

int ztj_growth_write(const struct ztj_growth_proof *p, struct ztj_buf *out)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < p->n; i++)
		if (!add_hash(list, p->path[i])) {
			json_decref(list);
			return ZTJ_NOMEM;
		}
	return ztj_json_dump(json_pack("{s:I, s:I, s:o}", "from", (json_int_t)p->from, "to",
				 (json_int_t)p->to, "proof", list),
	    out);
}

/* --- reading --- */

enum { SIZE, PROOF };
static const struct ztj_jmember members[] = {
	{ .name = "from", .kind = SIZE, .at = offsetof(struct ztj_growth_proof, from) },
	{ .name = "to", .kind = SIZE, .at = offsetof(struct ztj_growth_proof, to) },
	{ .name = "proof", .kind = PROOF },
};

static int read_hash(const json_t *v, ztj_hash out)
{
	const char *text;
	struct ztj_buf raw;
	int r = ztj_json_text(v, 1, 64, &text);

	ztj_buf_init(&raw, 64);
	if (r == ZTJ_OK)
		r = ztj_b64_decode(ztj_view_str(text), &raw);
	if (r == ZTJ_OK && raw.n != ZTJ_DIGEST_LEN)
		r = ZTJ_MEMBER_TYPE;
	if (r == ZTJ_OK)
		memcpy(out, raw.p, ZTJ_DIGEST_LEN);
	ztj_buf_free(&raw);
	return r;
}

static int read_member(const struct ztj_jmember *m, json_t *v, void *ctx)
{
	struct ztj_growth_proof *p = ctx;
	int64_t n = 0;
	int r = ZTJ_OK;

	if (m->kind == SIZE) {
		r = ztj_json_int(v, 1, (int64_t)ZTJ_LOG_MAX, &n);
		*(uint64_t *)((char *)ctx + m->at) = (uint64_t)n;
		return r;
	}
	if (!json_is_array(v))
		return ZTJ_MEMBER_TYPE;
	if (json_array_size(v) > ZTJ_PROOF_MAX)
		return ZTJ_TOO_LARGE;
	for (p->n = 0; r == ZTJ_OK && p->n < json_array_size(v);)
		if ((r = read_hash(json_array_get(v, p->n), p->path[p->n])) == ZTJ_OK)
			p->n++;
	return r;
}

int ztj_growth_read(struct ztj_view json, struct ztj_growth_proof *out)
{
	static const struct ztj_jtable table = { members, sizeof(members) / sizeof(members[0]), false };
	json_t *obj = NULL;
	int r;

	memset(out, 0, sizeof(*out));
	r = ztj_json_load(json, ZTJ_GROWTH_JSON_MAX, 0, &obj);
	if (r == ZTJ_OK)
		r = ztj_json_members(obj, &table, read_member, out);
	json_decref(obj);
	if (r != ZTJ_OK)
		memset(out, 0, sizeof(*out));
	return r;
}

int ztj_growth_check(const struct ztj_growth_proof *p, const struct ztj_checkpoint *old,
    const struct ztj_checkpoint *next)
{
	const struct ztj_growth g = { old->size, next->size, old->root, next->root };

	if (p->from != old->size || p->to != next->size)
		return ZTJ_LOG_FORK;
	return ztj_tlog_verify_growth(&g, p->path, p->n);
}
