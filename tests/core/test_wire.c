/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH wire encoding: RFC 4251 section 5. */
#include <stdlib.h>
#include <string.h>

#include "tests/core/support.h"

#define BYTES(...) ztj_view_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct ztj_rd reader(struct ztj_view v)
{
	struct ztj_rd rd;

	ztj_rd_init(&rd, v);
	return rd;
}

static void test_view_lines(void **state)
{
	struct ztj_view v = ztj_view_str("one\n\nthree"), line = { 0 };

	(void)state;
	assert_true(ztj_view_line(&v, &line) && ztj_view_eq_str(line, "one"));
	assert_true(ztj_view_line(&v, &line) && line.n == 0);
	assert_false(ztj_view_line(&v, &line));
	assert_false(ztj_view_skip(&v, "threefold"));
	assert_false(ztj_view_skip(&v, "two"));
	assert_true(ztj_view_eq_str(v, "three"));
	assert_true(ztj_view_skip(&v, "thr") && ztj_view_eq_str(v, "ee"));
	assert_true(ztj_view_skip(&v, "ee") && ztj_view_skip(&v, ""));
	assert_false(ztj_view_skip(&v, "x"));
	assert_false(ztj_view_line(&v, &line));
}

static void test_views(void **state)
{
	(void)state;
	assert_true(ztj_view_eq(ztj_view_of(NULL, 0), ztj_view_str("")));
	assert_true(ztj_view_eq_str(ztj_view_str("abc"), "abc"));
	assert_false(ztj_view_eq_str(ztj_view_str("abc"), "abcd"));
	assert_false(ztj_view_eq_str(ztj_view_str("abcd"), "abc"));
	assert_false(ztj_view_eq_str(ztj_view_str("abc"), "abd"));
	assert_true(ztj_view_eq_str(ztj_view_after(ztj_view_str("abc"), 0), "abc"));
	assert_true(ztj_view_eq_str(ztj_view_after(ztj_view_str("abc"), 2), "c"));
	for (size_t n = 0; n < 3; n++) {
		assert_null(ztj_view_after(ztj_view_str("abc"), 3 + n).p);
		assert_null(ztj_view_after(ztj_view_of(NULL, 0), n).p);
	}
}

static void test_integers(void **state)
{
	struct ztj_rd rd = reader(BYTES(1, 0xff, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 3));
	uint8_t a;
	uint32_t b;
	uint64_t c;

	(void)state;
	ok(ztj_rd_u8(&rd, &a));
	ok(ztj_rd_u32(&rd, &b));
	fails(ztj_rd_end(&rd), ZTJ_TRAILING);
	ok(ztj_rd_u64(&rd, &c));
	ok(ztj_rd_end(&rd));
	assert_int_equal(a, 1);
	assert_int_equal(b, 0xff000002U);
	assert_true(c == 0x8000000000000003ULL);
}

static void test_failed_getters_null_and_stay(void **state)
{
	struct ztj_rd rd = reader(BYTES(0, 0, 0));
	uint32_t b = 9;
	uint64_t c = 9;
	struct ztj_view v = { (const uint8_t *)"x", 1 };
	char text[4] = "old";

	(void)state;
	fails(ztj_rd_u32(&rd, &b), ZTJ_TRUNCATED);
	fails(ztj_rd_u64(&rd, &c), ZTJ_TRUNCATED);
	fails(ztj_rd_bytes(&rd, 4, &v), ZTJ_TRUNCATED);
	assert_int_equal(v.n, 0);
	fails(ztj_rd_string(&rd, 9, &v), ZTJ_TRUNCATED);
	fails(ztj_rd_cstring(&rd, text, sizeof(text)), ZTJ_TRUNCATED);
	fails(ztj_rd_mpint(&rd, 32, &v), ZTJ_TRUNCATED);
	fails(ztj_rd_expect(&rd, ""), ZTJ_TRUNCATED);
	assert_string_equal(text, "");
	assert_int_equal(b, 0);
	assert_true(c == 0);
	assert_int_equal(rd.left.n, 3);
}

static void test_strings(void **state)
{
	struct ztj_rd rd = reader(BYTES(0, 0, 0, 2, 'h', 'i', 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff));
	struct ztj_view v;
	char text[3];

	(void)state;
	fails(ztj_rd_string(&rd, 1, &v), ZTJ_TOO_LARGE);
	fails(ztj_rd_cstring(&rd, text, 2), ZTJ_TOO_LARGE);
	fails(ztj_rd_cstring(&rd, text, 0), ZTJ_INTERNAL);
	fails(ztj_rd_expect(&rd, "ho"), ZTJ_BAD_ENCODING);
	assert_int_equal(rd.left.n, 15);
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	assert_string_equal(text, "hi");
	fails(ztj_rd_cstring(&rd, text, sizeof(text)), ZTJ_BAD_ENCODING); /* NUL inside */
	ok(ztj_rd_string(&rd, 1, &v));
	fails(ztj_rd_string(&rd, SIZE_MAX, &v), ZTJ_TRUNCATED); /* 4 GiB that are not there */
}

static void test_empty_strings(void **state)
{
	struct ztj_rd rd = reader(BYTES(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	struct ztj_view v;
	char text[1];

	(void)state;
	ok(ztj_rd_string(&rd, 0, &v));
	ok(ztj_rd_cstring(&rd, text, 1));
	ok(ztj_rd_expect(&rd, ""));
	ok(ztj_rd_end(&rd));
}

static void test_mpint_is_positive_minimal_and_bounded(void **state)
{
	const struct {
		struct ztj_view in;
		int err;
		size_t n;
	} table[] = {
		{ BYTES(0, 0, 0, 1, 0x7f), ZTJ_OK, 1 },
		{ BYTES(0, 0, 0, 2, 0x00, 0x80), ZTJ_OK, 1 },
		{ BYTES(0, 0, 0, 2, 0x7f, 0xff), ZTJ_OK, 2 },
		{ BYTES(0, 0, 0, 3, 0x00, 0xff, 0xff), ZTJ_OK, 2 },
		{ BYTES(0, 0, 0, 0), ZTJ_BAD_ENCODING, 0 },             /* zero */
		{ BYTES(0, 0, 0, 1, 0x00), ZTJ_BAD_ENCODING, 0 },       /* zero, not minimal */
		{ BYTES(0, 0, 0, 1, 0x80), ZTJ_BAD_ENCODING, 0 },       /* negative */
		{ BYTES(0, 0, 0, 2, 0x00, 0x7f), ZTJ_BAD_ENCODING, 0 }, /* not minimal */
		{ BYTES(0, 0, 0, 3, 0x00, 0x00, 0x80), ZTJ_BAD_ENCODING, 0 },
		{ BYTES(0, 0, 0, 3, 0x01, 0x00, 0x00), ZTJ_TOO_LARGE, 0 },
		{ BYTES(0, 0, 0, 4, 0x00, 0x80, 0x00, 0x00), ZTJ_TOO_LARGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ztj_rd rd = reader(table[i].in);
		struct ztj_view v;

		fails(ztj_rd_mpint(&rd, 2, &v), table[i].err);
		assert_int_equal(v.n, table[i].n);
	}
}

static void test_mpint_round_trip(void **state)
{
	const struct ztj_view numbers[] = { BYTES(1), BYTES(0x80), BYTES(0, 0, 0x80, 1), BYTES(0, 5) };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	for (size_t i = 0; i < 4; i++) {
		struct ztj_view v, want = numbers[i];
		struct ztj_rd rd;

		while (want.p[0] == 0)
			want = ztj_view_of(want.p + 1, want.n - 1);
		ztj_buf_reset(&b);
		ok(ztj_buf_put_mpint(&b, numbers[i].p, numbers[i].n));
		rd = reader(ztj_buf_view(&b));
		ok(ztj_rd_mpint(&rd, 8, &v));
		assert_true(ztj_view_eq(v, want));
		ok(ztj_rd_end(&rd));
	}
	ztj_buf_reset(&b);
	ok(ztj_buf_put_mpint(&b, numbers[0].p, 0)); /* zero is the empty string */
	assert_true(ztj_view_eq(ztj_buf_view(&b), BYTES(0, 0, 0, 0)));
	ztj_buf_free(&b);
}

static void test_writer_round_trip(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 100);
	ok(ztj_buf_put_u8(&b, 7));
	ok(ztj_buf_put_u32(&b, 0x01020304));
	ok(ztj_buf_put_u64(&b, 0x0102030405060708ULL));
	ok(ztj_buf_put_cstring(&b, "hi"));
	ok(ztj_buf_put_view(&b, ztj_view_of(NULL, 0)));
	ok(ztj_buf_puts(&b, "x"));
	ok(ztj_buf_printf(&b, "%d-%s", 12, "y"));
	assert_true(ztj_view_eq(ztj_buf_view(&b),
	    BYTES(7, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 'x', '1', '2', '-',
		'y')));
	ztj_buf_free(&b);
	assert_int_equal(b.max, 100);
	assert_int_equal(b.n, 0);
}

static void test_writer_cap_is_hard_and_sticky(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4);
	ok(ztj_buf_put(&b, "abcd", 4));
	assert_string_equal(ztj_buf_str(&b), "abcd"); /* the NUL does not count */
	fails(ztj_buf_put_u8(&b, 0), ZTJ_TOO_LARGE);
	fails(ztj_buf_put(&b, "", 0), ZTJ_TOO_LARGE);
	fails(ztj_buf_printf(&b, "x"), ZTJ_TOO_LARGE);
	fails(ztj_buf_put_mpint(&b, (const uint8_t *)"a", 1), ZTJ_TOO_LARGE);
	fails(ztj_buf_status(&b), ZTJ_TOO_LARGE);
	assert_null(ztj_buf_str(&b));
	assert_int_equal(ztj_buf_view(&b).n, 0); /* not half of it */
	ztj_buf_reset(&b);
	fails(ztj_buf_put(&b, "abcde", 5), ZTJ_TOO_LARGE);
	ztj_buf_reset(&b);
	ok(ztj_buf_status(&b));
	fails(ztj_buf_printf(&b, "%s", "abcde"), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

static void test_writer_grows(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 10000);
	assert_string_equal(ztj_buf_str(&b), "");
	for (int i = 0; i < 10000; i++)
		ok(ztj_buf_put_u8(&b, (uint8_t)i));
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], (uint8_t)i);
	fails(ztj_buf_put_u8(&b, 0), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
	ztj_buf_init(&b, SIZE_MAX); /* no cap is a mistake */
	fails(ztj_buf_put_u8(&b, 0), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view_lines),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_failed_getters_null_and_stay),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_empty_strings),
		cmocka_unit_test(test_mpint_is_positive_minimal_and_bounded),
		cmocka_unit_test(test_mpint_round_trip),
		cmocka_unit_test(test_writer_round_trip),
		cmocka_unit_test(test_writer_cap_is_hard_and_sticky),
		cmocka_unit_test(test_writer_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
