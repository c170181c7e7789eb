/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directory records, which have one form only, and directory answers. */
#include "libztjit/core/trust.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view in = ztj_view_of(data, size);
	struct ztj_dir_answer *a;
	struct ztj_record *rec;
	struct ztj_dir *d;
	struct ztj_buf out;

	if (ztj_record_parse(in, &rec) == ZTJ_OK) {
		ztj_buf_init(&out, ZTJ_RECORD_MAX);
		MUST(ztj_record_build(rec, &out) == ZTJ_OK);
		MUST(ztj_view_eq(ztj_buf_view(&out), in));
		ztj_buf_free(&out);
	} else {
		MUST(rec == NULL);
	}
	ztj_record_unref(rec);
	if (ztj_dir_answer_read(in, 1 << 20, &a) == ZTJ_OK) {
		const struct ztj_dir_update *u = ztj_dir_answer_update(a);

		if (ztj_dir_apply(NULL, u->name, &u->delta, &d) == ZTJ_OK)
			MUST(ztj_dir_count(d) == u->delta.nput);
		ztj_dir_free(d);
	}
	ztj_dir_answer_free(a);
	return 0;
}
