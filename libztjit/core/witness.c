/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/witness.h"

#include <string.h>

#define OLD "old "
#define HASH_B64_LEN 44

int ztj_witness_ask_write(const struct ztj_witness_ask *a, struct ztj_buf *out)
{
	int r = a->len <= ZTJ_WITNESS_PATH_MAX ? ZTJ_OK : ZTJ_LIMIT;

	if (r == ZTJ_OK)
		r = ztj_buf_printf(out, OLD "%llu\n", (unsigned long long)a->old);
	for (size_t i = 0; r == ZTJ_OK && i < a->len; i++) {
		r = ztj_b64_encode(ztj_view_of(a->path[i], sizeof(a->path[i])), out);
		if (r == ZTJ_OK)
			r = ztj_buf_puts(out, "\n");
	}
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "\n");
	return r == ZTJ_OK ? ztj_buf_put(out, a->note.p, a->note.n) : r;
}

/* A number of leaves, and nothing else. */
static int number(struct ztj_view v, uint64_t *out)
{
	char text[24] = "";
	int64_t n;
	int r;

	if (v.n >= sizeof(text) || (v.n > 0 && memchr(v.p, '\0', v.n) != NULL))
		return ZTJ_BAD_ENCODING;
	if (v.n > 0)
		memcpy(text, v.p, v.n);
	r = ztj_parse_int(text, 0, (int64_t)ZTJ_LOG_MAX, &n);
	*out = r == ZTJ_OK ? (uint64_t)n : 0;
	return r;
}

static int next_line(struct ztj_view *left, struct ztj_view *line)
{
	const uint8_t *end = left->n == 0 ? NULL : memchr(left->p, '\n', left->n);

	if (end == NULL)
		return ZTJ_BAD_ENCODING;
	*line = ztj_view_of(left->p, (size_t)(end - left->p));
	*left = ztj_view_after(*left, line->n + 1);
	return ZTJ_OK;
}

static int hash_line(struct ztj_view line, ztj_hash out)
{
	struct ztj_buf raw;
	int r = ZTJ_BAD_ENCODING;

	if (line.n != HASH_B64_LEN)
		return r;
	ztj_buf_init(&raw, HASH_B64_LEN);
	r = ztj_b64_decode(line, &raw);
	if (r == ZTJ_OK && raw.n != ZTJ_DIGEST_LEN)
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		memcpy(out, raw.p, ZTJ_DIGEST_LEN);
	ztj_buf_free(&raw);
	return r;
}

int ztj_witness_ask_parse(struct ztj_view body, struct ztj_witness_ask *out)
{
	struct ztj_view line;
	int r;

	memset(out, 0, sizeof(*out));
	if (body.n > ZTJ_WITNESS_BODY_MAX)
		return ZTJ_TOO_LARGE;
	r = next_line(&body, &line);
	if (r == ZTJ_OK && (line.n <= strlen(OLD) || memcmp(line.p, OLD, strlen(OLD)) != 0))
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = number(ztj_view_after(line, strlen(OLD)), &out->old);
	while (r == ZTJ_OK && (r = next_line(&body, &line)) == ZTJ_OK && line.n > 0) {
		r = out->len == ZTJ_WITNESS_PATH_MAX ? ZTJ_LIMIT : hash_line(line, out->path[out->len]);
		out->len += r == ZTJ_OK;
	}
	if (r == ZTJ_OK)
		out->note = body;
	else
		memset(out, 0, sizeof(*out));
	return r;
}

int ztj_witness_size_parse(struct ztj_view body, uint64_t *size)
{
	struct ztj_view line;
	int r = next_line(&body, &line);

	*size = 0;
	if (r == ZTJ_OK && body.n != 0)
		r = ZTJ_BAD_ENCODING;
	return r == ZTJ_OK ? number(line, size) : r;
}

static unsigned grown(const struct ztj_witness_ask *a, const struct ztj_witness_log *log,
    const struct ztj_checkpoint *c)
{
	const struct ztj_growth g = { a->old, c->size, log->last.root, c->root };
	ztj_hash empty;
	int r;

	if (a->old == 0 && a->len != 0)
		return 422;
	if (c->size == 0) {
		if (ztj_merkle_root(NULL, 0, empty) != ZTJ_OK)
			return 500;
		return memcmp(empty, c->root, sizeof(empty)) == 0 ? 200 : 422;
	}
	if (a->old == 0)
		return 200;
	r = ztj_tlog_verify_growth(&g, (const ztj_hash *)a->path, a->len);
	return r == ZTJ_OK ? 200 : ztj_err_class(r) == ZTJ_CLASS_OUTAGE ? 500 : 422;
}

unsigned ztj_witness_judge(const struct ztj_witness_ask *a, const struct ztj_witness_log *log,
    struct ztj_checkpoint *out, struct ztj_view *text)
{
	struct ztj_note n;
	unsigned status;
	int r = ztj_note_parse(a->note, &n);

	memset(out, 0, sizeof(*out));
	*text = ztj_view_of(NULL, 0);
	if (r != ZTJ_OK)
		return r == ZTJ_NOMEM ? 500 : 400;
	r = ztj_checkpoint_parse_origin(n.text, log->origin, out);
	if (r != ZTJ_OK)
		return r == ZTJ_DOMAIN ? 404 : r == ZTJ_NOMEM ? 500 : 400;
	r = ztj_note_verify(&n, log->keys, log->nkeys, NULL);
	if (r != ZTJ_OK)
		status = ztj_err_class(r) == ZTJ_CLASS_OUTAGE ? 500 : 403;
	else if (a->old > out->size)
		status = 400;
	else if (a->old != log->last.size)
		status = 409;
	else
		status = grown(a, log, out);
	if (status == 200)
		*text = n.text;
	else
		memset(out, 0, sizeof(*out));
	return status;
}
