/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Statements: the first byte chooses the type, the rest are its bytes. What is read can be built again and then shows the
 * same. Also containers, in both forms.
 */
#include "libztjit/core/statement.h"
#include "tests/fuzz/fuzz.h"

static void again(const struct ztj_stmt *st)
{
	struct ztj_buf bytes, one, two;
	struct ztj_stmt *copy;

	ztj_buf_init(&bytes, 2 * ZTJ_STMT_MAX);
	ztj_buf_init(&one, 1 << 20);
	ztj_buf_init(&two, 1 << 20);
	MUST(ztj_stmt_render(st, st->issued, &one) == ZTJ_OK);
	MUST(ztj_stmt_build(st, st->nonce, &bytes) == ZTJ_OK);
	MUST(ztj_stmt_parse(ztj_buf_view(&bytes), st->type, "example", &copy) == ZTJ_OK);
	MUST(ztj_stmt_render(copy, st->issued, &two) == ZTJ_OK);
	MUST(ztj_view_eq(ztj_buf_view(&one), ztj_buf_view(&two)));
	for (size_t i = 0; i < one.n; i++)
		MUST(one.p[i] == '\n' || one.p[i] >= 0x20);
	ztj_stmt_free(copy);
	ztj_buf_free(&bytes);
	ztj_buf_free(&one);
	ztj_buf_free(&two);
}

static void containers(struct ztj_view in)
{
	struct ztj_signed s, t;
	struct ztj_buf mem, out;
	struct ztj_rd rd;

	ztj_buf_init(&mem, 4 << 20);
	ztj_buf_init(&out, 4 << 20);
	ztj_rd_init(&rd, in);
	if (ztj_signed_read(&rd, &s) == ZTJ_OK) {
		MUST(ztj_signed_write(&s, &out) == ZTJ_OK);
		MUST(out.n + rd.left.n == in.n && ztj_view_eq(ztj_buf_view(&out), ztj_view_of(in.p, out.n)));
	}
	ztj_buf_reset(&out);
	if (ztj_signed_from_json(in, &mem, &s) == ZTJ_OK && ztj_signed_to_json(&s, &out) == ZTJ_OK) {
		struct ztj_buf second;

		ztj_buf_init(&second, 4 << 20);
		MUST(ztj_signed_from_json(ztj_buf_view(&out), &second, &t) == ZTJ_OK);
		MUST(ztj_view_eq(s.bytes, t.bytes) && s.nsigs == t.nsigs);
		ztj_buf_free(&second);
	}
	ztj_buf_free(&mem);
	ztj_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ztj_stmt_type type = size == 0 ? ZTJ_STMT_NONE
					    : (enum ztj_stmt_type)(data[0] % (ZTJ_STMT_LAST + 1));
	struct ztj_view in = size == 0 ? ztj_view_of(NULL, 0) : ztj_view_of(data + 1, size - 1);
	struct ztj_stmt *st;

	if (ztj_stmt_parse(in, type, "example", &st) == ZTJ_OK) {
		MUST(ztj_stmt_peek(in) == type);
		again(st);
	} else {
		MUST(st == NULL);
	}
	ztj_stmt_free(st);
	containers(in);
	return 0;
}
