/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/inclusion.h"

#include <string.h>

#include "libztjit/core/text.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1\n"
#define INDEX "index "

int ztj_path_write(const struct ztj_inclusion *p, struct ztj_buf *out)
{
	int r = ztj_buf_printf(out, INDEX "%llu\n", (unsigned long long)p->index);

	for (size_t i = 0; r == ZTJ_OK && i < p->len; i++) {
		r = ztj_b64_encode(ztj_view_of(p->path[i], ZTJ_DIGEST_LEN), out);
		if (r == ZTJ_OK)
			r = ztj_buf_puts(out, "\n");
	}
	return r;
}

static int read_index(struct ztj_view line, uint64_t *out)
{
	char text[20] = "";
	int64_t n;
	int r;

	if (!ztj_view_skip(&line, INDEX) || line.n == 0 || line.n >= sizeof(text))
		return ZTJ_BAD_ENCODING;
	memcpy(text, line.p, line.n);
	if (strlen(text) != line.n)
		return ZTJ_BAD_ENCODING;
	r = ztj_parse_int(text, 0, (int64_t)ZTJ_LOG_MAX - 1, &n);
	if (r == ZTJ_OK)
		*out = (uint64_t)n;
	return r == ZTJ_OK ? r : ZTJ_BAD_ENCODING;
}

static int read_hash(struct ztj_view line, ztj_hash out)
{
	struct ztj_buf raw;
	int r;

	ztj_buf_init(&raw, 64);
	r = ztj_b64_decode(line, &raw);
	if (r == ZTJ_OK && raw.n == ZTJ_DIGEST_LEN)
		memcpy(out, raw.p, ZTJ_DIGEST_LEN);
	else if (r != ZTJ_NOMEM)
		r = ZTJ_BAD_ENCODING;
	ztj_buf_free(&raw);
	return r;
}

/* Up to the end, or to the blank line, which is taken. */
static int read_path(struct ztj_view *left, struct ztj_inclusion *p, bool *blank)
{
	struct ztj_view line;
	int r;

	*blank = false;
	if (!ztj_view_line(left, &line))
		return ZTJ_BAD_ENCODING;
	r = read_index(line, &p->index);
	while (r == ZTJ_OK && ztj_view_line(left, &line)) {
		if (line.n == 0) {
			*blank = true;
			break;
		}
		if (p->len == ZTJ_PROOF_MAX)
			return ZTJ_LIMIT;
		r = read_hash(line, p->path[p->len++]);
	}
	return r;
}

int ztj_path_read(struct ztj_view text, struct ztj_inclusion *out)
{
	struct ztj_inclusion p = { 0 };
	bool blank;
	int r = text.n > ZTJ_PATH_TEXT_MAX ? ZTJ_TOO_LARGE : read_path(&text, &p, &blank);

	memset(out, 0, sizeof(*out));
	if (r == ZTJ_OK && (blank || text.n > 0))
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		*out = p;
	return r;
}

int ztj_inclusion_write(const struct ztj_inclusion *p, struct ztj_buf *out)
{
	int r = ztj_buf_puts(out, FIRST_LINE);

	if (r == ZTJ_OK)
		r = ztj_path_write(p, out);
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "\n");
	return r == ZTJ_OK ? ztj_buf_put(out, p->checkpoint.p, p->checkpoint.n) : r;
}

int ztj_inclusion_read(struct ztj_view text, struct ztj_inclusion *out)
{
	struct ztj_inclusion p = { 0 };
	bool blank;
	int r;

	memset(out, 0, sizeof(*out));
	if (!ztj_view_skip(&text, FIRST_LINE))
		return ZTJ_VERSION;
	r = read_path(&text, &p, &blank);
	if (r == ZTJ_OK && (!blank || text.n == 0))
		r = ZTJ_BAD_ENCODING;
	if (r != ZTJ_OK)
		return r;
	p.checkpoint = text;
	*out = p;
	return ZTJ_OK;
}

int ztj_inclusion_verify(const struct ztj_inclusion *p, struct ztj_view entry, uint64_t size,
    const ztj_hash root)
{
	ztj_hash leaf;
	int r = p->index < size ? ztj_merkle_leaf(entry, leaf) : ZTJ_LOG_ALTERED;

	if (r == ZTJ_OK)
		r = ztj_merkle_verify(leaf, (size_t)p->index, (size_t)size, (const ztj_hash *)p->path, p->len,
		    root);
	return r == ZTJ_DIR_ROOT ? ZTJ_LOG_ALTERED : r;
}
