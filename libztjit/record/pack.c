/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Text to chunks. */
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "libztjit/record/seal.h"

/* Level 1: a terminal's text shrinks enough, and the host has other work. */
enum { PACK_LEVEL = 1 };

struct ztj_packer {
	ZSTD_CCtx *cctx;
};

int ztj_packer_new(struct ztj_packer **out)
{
	struct ztj_packer *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p != NULL)
		p->cctx = ZSTD_createCCtx();
	if (p == NULL || p->cctx == NULL) {
		ztj_packer_free(p);
		return ZTJ_NOMEM;
	}
	if (ZSTD_isError(ZSTD_CCtx_setParameter(p->cctx, ZSTD_c_compressionLevel, PACK_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->cctx, ZSTD_c_checksumFlag, 1))) {
		ztj_packer_free(p);
		return ZTJ_INTERNAL;
	}
	*out = p;
	return ZTJ_OK;
}

void ztj_packer_free(struct ztj_packer *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->cctx);
	free(p);
}

static int compress(struct ztj_packer *p, struct ztj_view text, struct ztj_buf *out)
{
	size_t room = ZSTD_compressBound(text.n), n;
	uint8_t *mem = malloc(room);
	int r;

	if (mem == NULL)
		return ZTJ_NOMEM;
	n = ZSTD_compress2(p->cctx, mem, room, text.p, text.n);
	r = ZSTD_isError(n) ? ZTJ_INTERNAL : ztj_buf_put(out, mem, n);
	free(mem);
	return r;
}

static int make_body(struct ztj_packer *p, const struct ztj_sealto *to, struct ztj_view text,
    struct ztj_buf *body)
{
	struct ztj_buf plain;
	int r;

	if (to == NULL)
		return compress(p, text, body);
	ztj_buf_init(&plain, ZTJ_CHUNK_BODY_MAX);
	r = compress(p, text, &plain);
	if (r == ZTJ_OK)
		r = ztj_seal(to, ztj_buf_view(&plain), body);
	ztj_buf_free(&plain);
	return r;
}

int ztj_pack(struct ztj_packer *p, const struct ztj_sealto *to, struct ztj_chain *chain, struct ztj_view text,
    uint64_t at, uint32_t events, bool last, struct ztj_buf *out)
{
	struct ztj_chunk c = { .seq = chain->chunks, .at = at, .events = events };
	size_t before = out->n;
	struct ztj_buf body;
	int r;

	if (text.n > ZTJ_CHUNK_TEXT_MAX)
		return ZTJ_TOO_LARGE;
	if (text.n > 0 && text.p[text.n - 1] != '\n')
		return ZTJ_BAD_ENCODING;
	c.flags = (uint8_t)((to != NULL ? ZTJ_CHUNK_SEALED : 0) | (last ? ZTJ_CHUNK_LAST : 0));
	c.text = (uint32_t)text.n;
	memcpy(c.prev, chain->digest, sizeof(c.prev));
	ztj_buf_init(&body, ZTJ_CHUNK_BODY_MAX);
	r = make_body(p, to, text, &body);
	c.body = ztj_buf_view(&body);
	if (r == ZTJ_OK)
		r = ztj_chunk_write(&c, out);
	if (r == ZTJ_OK)
		r = ztj_chain_add(chain, &c);
	if (r != ZTJ_OK)
		out->n = before;
	ztj_buf_free(&body);
	return r;
}
