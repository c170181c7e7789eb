/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A record as a broker keeps it: chunks one after another, and their chain. */
#include <string.h>

#include "libztjit/core/chunk.h"
#include "tests/fuzz/fuzz.h"

static void one_form_only(struct ztj_view left, const struct ztj_chunk *c)
{
	struct ztj_chunk same = *c, cut;
	struct ztj_buf out;

	ztj_buf_init(&out, 4 << 20);
	MUST(ztj_chunk_write(&same, &out) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&out), ztj_view_of(left.p, c->size)));
	MUST(memcmp(same.digest, c->digest, ZTJ_DIGEST_LEN) == 0);
	MUST(ztj_chunk_read(ztj_view_of(left.p, c->size - 1), &cut) == ZTJ_TRUNCATED);
	ztj_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view left = ztj_view_of(data, size);
	struct ztj_chain chain = { 0 };
	struct ztj_chunk c;

	while (ztj_chunk_read(left, &c) == ZTJ_OK) {
		struct ztj_chain before = chain;

		MUST(c.size >= ZTJ_CHUNK_HEADER && c.size <= left.n && c.body.n == c.size - ZTJ_CHUNK_HEADER);
		one_form_only(left, &c);
		if (ztj_chain_add(&chain, &c) == ZTJ_OK)
			MUST(chain.chunks == before.chunks + 1 && chain.bytes == before.bytes + c.size);
		else
			MUST(memcmp(&chain, &before, sizeof(chain)) == 0);
		left = ztj_view_of(left.p + c.size, left.n - c.size);
	}
	return 0;
}
