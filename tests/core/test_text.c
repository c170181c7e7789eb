/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Names, text and numbers from outside. */
#include <string.h>

#include "libztjit/core/text.h"
#include "tests/core/support.h"

static void test_B04_names_are_narrow(void **state)
{
	static const char *const good[] = { "a", "req1", "_x", "a.b-c_d",
		"abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "", "Req1", "1a", "-a", ".a", "a.", "a b", " a", "a ", "a/b",
		"a\n", "a\xc3\xa9", "r\xd0\xb5q1", "a:b", "abcdefghijklmnopqrstuvwxyz0123456" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(ztj_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ztj_name_ok(bad[i]));
	assert_false(ztj_name_ok(NULL));
}

static void test_B04_hosts_domains_labels(void **state)
{
	(void)state;
	assert_true(ztj_hostname_ok("web1.example.org"));
	assert_true(ztj_hostname_ok("0web"));
	assert_false(ztj_hostname_ok("web1."));
	assert_false(ztj_hostname_ok("Web1"));
	assert_false(ztj_hostname_ok("-web"));
	assert_false(ztj_hostname_ok("web_1"));
	assert_false(ztj_hostname_ok(""));
	assert_true(ztj_domain_ok("example"));
	assert_false(ztj_domain_ok("Example"));
	assert_false(ztj_domain_ok(""));
	assert_true(ztj_label_value_ok("Prod_1.2-x"));
	assert_false(ztj_label_value_ok("*"));
	assert_false(ztj_label_value_ok(""));
	assert_true(ztj_fullname_ok("people/req1", false));
	assert_true(ztj_fullname_ok("servers/0web.x", true));
	assert_false(ztj_fullname_ok("servers/0web.x", false));
	assert_false(ztj_fullname_ok("req1", false));
	assert_false(ztj_fullname_ok("people/", false));
	assert_false(ztj_fullname_ok("/req1", false));
	assert_false(ztj_fullname_ok("people/a/b", false));
	assert_string_equal(ztj_fullname_tail("people/req1"), "req1");
	assert_string_equal(ztj_fullname_tail("req1"), "req1");
}

static void test_S04_text_refuses(void **state)
{
	static const char *const bad[] = { "a\nb", "\x1b[2J", "\x7f", "\xc2\x85",
		("\xe2\x80\xae"
		 "x"),
		"\xe2\x81\xa6", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xd8\x9c", "\xc0\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xe2\x82", "\xff", "\xf8\x88\x80\x80\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ztj_text_ok(ztj_view_str(bad[i])));
	assert_false(ztj_text_ok(ztj_view_of("a\0b", 3)));
	assert_true(ztj_text_ok(ztj_view_str("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x94\x91")));
	assert_true(ztj_utf8_ok(ztj_view_str("a\nb")));
	assert_false(ztj_utf8_ok(ztj_view_str("\xc3")));
}

static void escapes(const char *in, size_t n, const char *want)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_text_escape(ztj_view_of(in, n), &b));
	assert_string_equal(n == 0 ? "" : ztj_buf_str(&b), want);
	ztj_buf_free(&b);
}

static void test_A03_L01_escaped_everywhere(void **state)
{
	(void)state;
	escapes("plain", 5, "plain");
	escapes("", 0, "");
	escapes("a\nb\r\t", 5, "a\\x0ab\\x0d\\x09");
	escapes("\x1b]0;x\x07", 6, "\\x1b]0;x\\x07");
	escapes("\0", 1, "\\x00");
	escapes("a\\b", 3, "a\\x5cb");
	escapes("\xc2\x9b", 2, "\\u{009b}");
	escapes("\xe2\x80\xae", 3, "\\u{202e}");
	escapes("\xe2\x80\x8b", 3, "\\u{200b}");
	escapes("\xf3\xa0\x81\x81", 4, "\\u{e0041}");
	escapes("\xff\xc3", 2, "\\xff\\xc3");
	escapes("\xc3\xa9", 2, "\xc3\xa9");
	escapes("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
}

/* Whatever goes in: what comes out has no control character and is well-formed. */
static void test_L01_escape_is_safe_for_every_pair(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	for (unsigned i = 0; i < 65536; i++) {
		uint8_t in[2] = { (uint8_t)(i >> 8), (uint8_t)i };

		ztj_buf_reset(&b);
		ok(ztj_text_escape(ztj_view_of(in, 2), &b));
		assert_true(b.n >= 2);
		assert_true(ztj_text_ok(ztj_buf_view(&b)));
	}
	ztj_buf_free(&b);
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "", "-", "+1", "01", "1 ", " 1", "1x", "-0", "0x1", "1.0" };
	int64_t v;

	(void)state;
	ok(ztj_parse_int("0", 0, 9, &v));
	ok(ztj_parse_int("9223372036854775807", 0, INT64_MAX, &v));
	assert_true(v == INT64_MAX);
	fails(ztj_parse_int("9223372036854775808", 0, INT64_MAX, &v), ZTJ_LIMIT);
	fails(ztj_parse_int("99999999999999999999999", 0, INT64_MAX, &v), ZTJ_LIMIT);
	ok(ztj_parse_int("-5", -9, 9, &v));
	assert_int_equal(v, -5);
	fails(ztj_parse_int("-5", 0, 9, &v), ZTJ_BAD_ENCODING);
	fails(ztj_parse_int("-10", -9, 9, &v), ZTJ_LIMIT);
	fails(ztj_parse_int("10", 0, 9, &v), ZTJ_LIMIT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(ztj_parse_int(bad[i], -9, 9, &v), ZTJ_BAD_ENCODING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_B04_names_are_narrow),
		cmocka_unit_test(test_B04_hosts_domains_labels),
		cmocka_unit_test(test_S04_text_refuses),
		cmocka_unit_test(test_A03_L01_escaped_everywhere),
		cmocka_unit_test(test_L01_escape_is_safe_for_every_pair),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
