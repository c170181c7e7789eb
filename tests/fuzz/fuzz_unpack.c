/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The body of a chunk, as a hostile host may make it: string key (PEM, perhaps none), uint8 flags, uint32 length of the text, then
 * the body. The key stands in the seed, so that sealed ones open.
 */
#include "libztjit/record/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_chunk c = { 0 };
	struct ztj_opener *o;
	struct ztj_view key;
	struct ztj_buf text;
	struct ztj_rd rd;

	ztj_rd_init(&rd, ztj_view_of(data, size));
	if (ztj_rd_string(&rd, 4096, &key) != ZTJ_OK || ztj_rd_u8(&rd, &c.flags) != ZTJ_OK ||
	    ztj_rd_u32(&rd, &c.text) != ZTJ_OK)
		return 0;
	c.body = rd.left;
	if (ztj_opener_new(ztj_view_of(NULL, 0), key, &o) != ZTJ_OK &&
	    ztj_opener_new(ztj_view_of(NULL, 0), ztj_view_of(NULL, 0), &o) != ZTJ_OK)
		return 0;
	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	if (ztj_unpack(o, &c, &text) == ZTJ_OK)
		MUST(text.n == c.text);
	else
		MUST(text.n == 0);
	ztj_buf_free(&text);
	ztj_opener_free(o);
	return 0;
}
