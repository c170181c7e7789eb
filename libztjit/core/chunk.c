/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/chunk.h"

#include <string.h>

static const uint8_t magic[4] = { 'Z', 'T', 'J', 'K' };

enum { CHUNK_VERSION = 1, CHUNK_FLAGS = ZTJ_CHUNK_SEALED | ZTJ_CHUNK_LAST };

/* What is wrong is said before all of it is there: a reader that waits for the rest of rubbish waits for ever. */
static int read_begin(struct ztj_rd *rd, struct ztj_chunk *c)
{
	size_t have = rd->left.n < sizeof(magic) ? rd->left.n : sizeof(magic);
	struct ztj_view v;
	uint8_t version;
	int r;

	if (have > 0 && memcmp(rd->left.p, magic, have) != 0)
		return ZTJ_BAD_ENCODING;
	r = ztj_rd_bytes(rd, sizeof(magic), &v);
	if (r == ZTJ_OK)
		r = ztj_rd_u8(rd, &version);
	if (r != ZTJ_OK)
		return r;
	if (version != CHUNK_VERSION)
		return ZTJ_VERSION;
	r = ztj_rd_u8(rd, &c->flags);
	return r == ZTJ_OK && (c->flags & ~CHUNK_FLAGS) != 0 ? ZTJ_BAD_ENCODING : r;
}

static int read_place(struct ztj_rd *rd, struct ztj_chunk *c)
{
	struct ztj_view prev;
	int r = ztj_rd_u32(rd, &c->seq);

	if (r == ZTJ_OK)
		r = ztj_rd_bytes(rd, sizeof(c->prev), &prev);
	if (r != ZTJ_OK)
		return r;
	memcpy(c->prev, prev.p, sizeof(c->prev));
	r = ztj_rd_u64(rd, &c->at);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(rd, &c->events);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(rd, &c->text);
	return r == ZTJ_OK && c->text > ZTJ_CHUNK_TEXT_MAX ? ZTJ_TOO_LARGE : r;
}

int ztj_chunk_read(struct ztj_view v, struct ztj_chunk *out)
{
	struct ztj_chunk c = { 0 };
	struct ztj_rd rd;
	int r;

	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, v);
	r = read_begin(&rd, &c);
	if (r == ZTJ_OK)
		r = read_place(&rd, &c);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_CHUNK_BODY_MAX, &c.body);
	if (r != ZTJ_OK)
		return r;
	c.size = v.n - rd.left.n;
	r = ztj_sha256(ztj_view_of(v.p, c.size), c.digest);
	if (r == ZTJ_OK)
		*out = c;
	return r;
}

int ztj_chunk_write(struct ztj_chunk *c, struct ztj_buf *out)
{
	size_t before = out->n;
	int r;

	if ((c->flags & ~CHUNK_FLAGS) != 0)
		return ZTJ_BAD_ENCODING;
	if (c->text > ZTJ_CHUNK_TEXT_MAX || c->body.n > ZTJ_CHUNK_BODY_MAX)
		return ZTJ_TOO_LARGE;
	(void)ztj_buf_put(out, magic, sizeof(magic));
	(void)ztj_buf_put_u8(out, CHUNK_VERSION);
	(void)ztj_buf_put_u8(out, c->flags);
	(void)ztj_buf_put_u32(out, c->seq);
	(void)ztj_buf_put(out, c->prev, sizeof(c->prev));
	(void)ztj_buf_put_u64(out, c->at);
	(void)ztj_buf_put_u32(out, c->events);
	(void)ztj_buf_put_u32(out, c->text);
	r = ztj_buf_put_view(out, c->body);
	if (r != ZTJ_OK)
		return r;
	c->size = out->n - before;
	return ztj_sha256(ztj_view_of(out->p + before, c->size), c->digest);
}

int ztj_chain_add(struct ztj_chain *chain, const struct ztj_chunk *c)
{
	if (chain->last)
		return ZTJ_TRAILING;
	if (c->seq != chain->chunks || memcmp(c->prev, chain->digest, sizeof(c->prev)) != 0 ||
	    c->at < chain->at)
		return ZTJ_CHAIN;
	if (chain->chunks == UINT32_MAX || c->size > UINT64_MAX - chain->bytes)
		return ZTJ_LIMIT;
	chain->chunks++;
	chain->bytes += c->size;
	chain->at = c->at;
	memcpy(chain->digest, c->digest, sizeof(chain->digest));
	chain->last = (c->flags & ZTJ_CHUNK_LAST) != 0;
	return ZTJ_OK;
}

bool ztj_chain_is(const struct ztj_chain *chain, const struct ztj_stmt *head)
{
	return head->type == ZTJ_STMT_HEAD && head->u.head.chunks == (int64_t)chain->chunks &&
	    head->u.head.bytes >= 0 && (uint64_t)head->u.head.bytes == chain->bytes &&
	    memcmp(head->u.head.digest, chain->digest, sizeof(chain->digest)) == 0;
}
