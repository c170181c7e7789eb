/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Comma-separated values: what any reader of RFC 4180 reads back, and no spreadsheet computes. */
#include "libztjit/core/csv.h"
#include "tests/core/support.h"

static void field(const char *in, const char *want)
{
	struct ztj_csv c;
	struct ztj_buf b;

	ztj_buf_init(&b, 4096);
	ztj_csv_init(&c, &b);
	ztj_csv_text(&c, in);
	assert_string_equal(ztj_buf_str(&b), want);
	ztj_buf_free(&b);
}

static void test_text(void **state)
{
	(void)state;
	field("plain", "\"plain\"");
	field("", "\"\"");
	field(NULL, "");
	field("a,b", "\"a,b\"");
	field("say \"no\"", "\"say \"\"no\"\"\"");
	field("\"", "\"\"\"\"");
	field("two\r\nlines", "\"two\r\nlines\"");
	field("10 - 3", "\"10 - 3\"");
}

static void test_no_formula(void **state)
{
	(void)state;
	field("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
	field("+1", "\"'+1\"");
	field("-2+3", "\"'-2+3\"");
	field("@SUM(A1)", "\"'@SUM(A1)\"");
	field("\t=1", "\"'\t=1\"");
	field("\r=1", "\"'\r=1\"");
	field("\n=1", "\"'\n=1\"");
	field("   =1", "\"'   =1\"");
	field("\xef\xbc\x9d"
	      "1",
	    "\"'\xef\xbc\x9d"
	    "1\"");
	field("\xef\xbc\x8b", "\"'\xef\xbc\x8b\"");
	field("\xef\xbc\x8d", "\"'\xef\xbc\x8d\"");
	field("\xef\xbc\xa0", "\"'\xef\xbc\xa0\"");
	field("=\"\"", "\"'=\"\"\"\"\"");
}

static void test_rows(void **state)
{
	struct ztj_csv c;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	ztj_csv_init(&c, &b);
	ztj_csv_text(&c, "a");
	ztj_csv_int(&c, -7);
	ztj_csv_text(&c, NULL);
	ztj_csv_end(&c);
	ztj_csv_text(&c, NULL);
	ztj_csv_int(&c, INT64_MAX);
	ztj_csv_end(&c);
	assert_string_equal(ztj_buf_str(&b), "\"a\",-7,\r\n,9223372036854775807\r\n");
	ztj_buf_free(&b);
	ztj_buf_init(&b, 8);
	ztj_csv_init(&c, &b);
	ztj_csv_text(&c, "longer than that");
	fails(ztj_buf_status(&b), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_no_formula),
		cmocka_unit_test(test_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
