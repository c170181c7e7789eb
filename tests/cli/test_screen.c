/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* P7 and L01: what is wrapped loses nothing, what is printed is harmless; options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit/out.h"
#include "ztjit/screen.h"

/* Wrapped text without the breaks that wrapping put in. */
static void unwrap(const struct ztj_buf *b, struct ztj_buf *out)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\n' && b->n - i > 4 && memcmp(b->p + i + 1, "    ", 4) == 0) {
			i += 4;
			continue;
		}
		(void)ztj_buf_put_u8(out, b->p[i]);
	}
}

static void check_wrap(const char *text, unsigned cols)
{
	struct ztj_buf b, back;
	size_t line = 0;

	ztj_buf_init(&b, 1 << 20);
	ztj_buf_init(&back, 1 << 20);
	assert_int_equal(screen_wrap(ztj_view_str(text), cols, &b), ZTJ_OK);
	for (size_t i = 0; i < b.n; i++) {
		line = b.p[i] == '\n' ? 0 : line + ((b.p[i] & 0xc0) != 0x80);
		assert_true(line <= cols);
	}
	unwrap(&b, &back);
	assert_true(ztj_view_eq_str(ztj_buf_view(&back), text));
	ztj_buf_free(&b);
	ztj_buf_free(&back);
}

static void test_P7_wrapping_loses_nothing(void **state)
{
	static const char *const texts[] = {
		"", "a\n", "reason: short\nticket: x\n",
		"reason: a long one that goes on and on and on and on and on and on and on and on\nend: y\n",
		"reason: \u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u4e2d\u6587\u4e2d\u6587\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (unsigned cols = SCREEN_MIN_COLS; cols < 120; cols += 5)
			check_wrap(texts[i], cols);
}

static void test_P7_too_narrow_is_refused(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 1024);
	for (unsigned cols = 0; cols < SCREEN_MIN_COLS; cols++)
		assert_int_equal(screen_wrap(ztj_view_str("a\n"), cols, &b), ZTJ_DISPLAY_CUT);
	ztj_buf_free(&b);
}

static void printed(const char *text, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	assert_non_null(f);
	out_safe(f, text);
	(void)fclose(f);
}

static void test_L01_nothing_foreign_reaches_the_terminal(void **state)
{
	static const char *const bad[] = { "\033[2Jx", "a\rb", "a\bb", "\x9bK", "\u202eabc", "a\u2028b",
		"\xff\xfe", "\x7f", "\033]0;title\007" };
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memset(out, 0, sizeof out);
		printed(bad[i], out, sizeof out);
		for (const char *p = out; *p != '\0'; p++)
			assert_true((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
		assert_non_null(strchr(out, '\\'));
	}
	memset(out, 0, sizeof out);
	printed("two\nlines", out, sizeof out);
	assert_string_equal(out, "two\nlines");
}

static int parse(struct cli *c, int argc, const char *const *argv)
{
	union {
		const char *const *c;
		char **p;
	} u = { .c = argv };

	*c = (struct cli){ .program = "ztjit" };
	return cli_parse(c, argc, u.p);
}

static void done(struct cli *c)
{
	for (size_t i = 0; i < OPT_COUNT; i++)
		free(c->opt[i].v);
	cli_release(c, 0);
	free(c->arena);
}

#define PARSE(c, ...) \
	parse(c, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
	    (const char *[]){ __VA_ARGS__, NULL })

static void test_options(void **state)
{
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "ztjit", "request", "--role=a", "--host", "b", "--host=c", "-mwhy", "-yq",
			     "--for", "5m"),
	    ZTJ_OK);
	assert_string_equal(cli_opt(&c, OPT_ROLE), "a");
	assert_int_equal(c.opt[OPT_HOST].n, 2);
	assert_string_equal(cli_opt(&c, OPT_MESSAGE), "why");
	assert_true(cli_is_set(&c, OPT_YES) && cli_is_set(&c, OPT_QUIET));
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "ssh", "--role", "r", "-t", "-p", "22", "root@web1", "--role",
			     "-x"),
	    ZTJ_OK);
	assert_int_equal(c.argc, 6);
	assert_string_equal(c.argv[3], "root@web1");
	assert_string_equal(c.argv[5], "-x");
	done(&c);
}

static void test_wrong_usage(void **state)
{
	struct cli c;

	(void)state;
	assert_int_equal(PARSE(&c, "ztjit", "nothing"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "user"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "request", "--role", "a", "--role", "b"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "request", "--role"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "request", "--yes=no"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "login", "--role", "a"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "show"), ZTJ_USAGE);
	done(&c);
	assert_int_equal(PARSE(&c, "ztjit", "show", "a", "b"), ZTJ_USAGE);
	done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_P7_wrapping_loses_nothing),
		cmocka_unit_test(test_P7_too_narrow_is_refused),
		cmocka_unit_test(test_L01_nothing_foreign_reaches_the_terminal),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_wrong_usage),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
