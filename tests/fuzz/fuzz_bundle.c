/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bundles as bytes: what is read is written the same, and read the same again. */
#include "libztjit/core/grant.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_bundle *b, *again;
	struct ztj_buf out;

	if (ztj_bundle_read(ztj_view_of(data, size), "example", NULL, &b) != ZTJ_OK) {
		MUST(b == NULL);
		return 0;
	}
	MUST(b->n > 0 && b->n <= ZTJ_BUNDLE_STMTS_MAX && b->request == b->stmt[0]);
	ztj_buf_init(&out, ZTJ_BUNDLE_MAX);
	MUST(ztj_bundle_write(b->raw, b->n, &out) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&out), ztj_buf_view(&b->mem)));
	MUST(ztj_bundle_read(ztj_buf_view(&out), "example", NULL, &again) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&again->mem), ztj_buf_view(&b->mem)));
	ztj_bundle_free(again);
	ztj_buf_free(&out);
	ztj_bundle_free(b);
	return 0;
}
