/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* L02: what a record may do to the terminal of whoever looks at it (the class of CVE-2023-28486). */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/castsafe.h"
#include "libztjit/core/text.h"
#include "tests/core/support.h"

#define E "\x1b"
#define CSI "\x1b["
#define FFFD "\xef\xbf\xbd"
#define ST "\x1b\\"

struct seq_case {
	const char *in, *out;
};

/* Puts v in pieces cut at `at` (0: whole; SIZE_MAX: byte by byte) and ends the stream. */
static void run(enum ztj_castsafe_mode mode, uint32_t columns, struct ztj_view v, size_t at,
    struct ztj_buf *out)
{
	struct ztj_castsafe *s;

	ztj_buf_reset(out);
	ok(ztj_castsafe_new(mode, &s));
	ztj_castsafe_columns(s, columns);
	if (at == SIZE_MAX) {
		for (size_t i = 0; i < v.n; i++)
			ok(ztj_castsafe_put(s, ztj_view_of(v.p + i, 1), out));
	} else {
		ok(ztj_castsafe_put(s, ztj_view_of(v.p, at), out));
		ok(ztj_castsafe_put(s, ztj_view_after(v, at), out));
	}
	ok(ztj_castsafe_end(s, out));
	ztj_castsafe_free(s);
}

static void expect(enum ztj_castsafe_mode mode, uint32_t columns, struct ztj_view in, const char *want)
{
	struct ztj_buf out, shown;

	ztj_buf_init(&out, 1 << 20);
	ztj_buf_init(&shown, 1 << 20);
	for (size_t at = 0; at <= in.n + 1; at++) {
		run(mode, columns, in, at > in.n ? SIZE_MAX : at, &out);
		if (out.n == strlen(want) && memcmp(out.n == 0 ? "" : (char *)out.p, want, out.n) == 0)
			continue;
		ok(ztj_text_escape(in, &shown));
		ok(ztj_buf_puts(&shown, "  gave  "));
		ok(ztj_text_escape(ztj_buf_view(&out), &shown));
		fail_msg("cut at %zu: %s", at, ztj_buf_str(&shown));
	}
	ztj_buf_free(&out);
	ztj_buf_free(&shown);
}

static void replay(const struct seq_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(ZTJ_CASTSAFE_REPLAY, 0, ztj_view_str(c[i].in), c[i].out == NULL ? c[i].in : c[i].out);
}
#define REPLAY(cases) replay(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_L02_what_is_kept(void **state)
{
	static const struct seq_case cases[] = {
		{ "plain text, \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\r\n", NULL },
		{ "a\bb\tc\vd\fe\r\n", NULL },
		{ CSI "1;31mred" CSI "0m" CSI "m", NULL },
		{ CSI "38;5;196mx" CSI "48;2;1;2;3mx" CSI "4:3mx" CSI "0m", NULL },
		{ CSI "1A" CSI "2B" CSI "3C" CSI "4D" CSI "E" CSI "F" CSI "5G" CSI "6`", NULL },
		{ CSI "H" CSI "1;1H" CSI "2;3f" CSI ";5H" CSI "7d" CSI "8e" CSI "9a", NULL },
		{ CSI "J" CSI "0J" CSI "1J" CSI "2J" CSI "K" CSI "1K" CSI "2K" CSI "3X", NULL },
		{ CSI "@" CSI "2L" CSI "3M" CSI "4P" CSI "5S" CSI "6T" CSI "7I" CSI "8Z" CSI "9b", NULL },
		{ CSI "s" CSI "u" E "7" E "8" E "D" E "E" E "M", NULL },
		{ CSI "2;20r" CSI "r", NULL },
		{ CSI "?25l" CSI "?25h" CSI "?7l" CSI "?7h" CSI "?12h" CSI "?1048h", NULL },
		{ CSI "?1049h" CSI "?1049l" CSI "?47h" CSI "?47l" CSI "4h" CSI "4l", NULL },
		{ "x" CSI "?25;1049h", "x" CSI "?25h" CSI "?1049h" CSI "?1049l" },
		/* controls in the middle are obeyed first, as terminals do */
		{ CSI "3\n1mx" CSI "m", "\n" CSI "31mx" CSI "m" },
		{ E "\r[2J", "\r" CSI "2J" },
		{ CSI "00000000031mx" CSI "000m", CSI "31mx" CSI "0m" },
		{ CSI "99999999999999999999b", CSI "9999b" },
		{ CSI "12345;1H", CSI "9999;1H" },
	};

	(void)state;
	REPLAY(cases);
}

static void test_L02_what_makes_a_terminal_answer(void **state)
{
	static const struct seq_case cases[] = {
		{ "a\x05z", "az" },                                /* ENQ */
		{ "a" CSI "c" CSI "0c" CSI ">c" CSI "=cz", "az" }, /* DA 1, 2, 3 */
		{ "a" E "Zz", "az" },                              /* DECID */
		{ "a" CSI "5n" CSI "6n" CSI "?6n" CSI "?15nz", "az" },
		{ "a" CSI "x" CSI "1xz", "az" },        /* DECREQTPARM */
		{ "a" CSI "4$p" CSI "?2026$pz", "az" }, /* DECRQM */
		{ "a" CSI "1;1;1;1;1;1*yz", "az" },     /* DECRQCRA */
		{ "a" CSI ">0q" CSI ">q" CSI "?u" CSI "1$wz", "az" },
		{ "a" E "P$qm" ST "z", "az" },    /* DECRQSS */
		{ "a" E "P+q544e" ST "z", "az" }, /* XTGETTCAP */
		{ "a" CSI "11t" CSI "13t" CSI "14t" CSI "18t" CSI "19t" CSI "20t" CSI "21tz", "az" },
		{ "a" E "]10;?\az", "az" }, { "a" E "]11;?" ST "z", "az" }, { "a" E "]4;1;?\az", "az" },
		{ "a" E "]52;c;?\az", "az" }, { "a" CSI "?1;1;1Sz", "az" }, /* graphics */
		{ "a" E "_Gi=1,a=q;AAAA" ST "z", "az" },                    /* kitty graphics */
	};

	(void)state;
	REPLAY(cases);
}

static void test_L02_what_reprograms_a_terminal(void **state)
{
	static const struct seq_case cases[] = {
		{ "a" E "]0;title\az", "az" },
		{ "a" E "]1;icon\a" E "]2;title" ST "z", "az" },
		{ "a" E "]l" ST E "]Lz" ST "z", "az" },
		{ "a" E "]52;c;cm0gLXJmIC8K\az", "az" },
		{ "a" E "]8;;http://example/\alink" E "]8;;\az", "alinkz" },
		{ "a" E "]50;font\a" E "]7;file://h/\a" E "]9;note\a" E "]777;notify;a;b\a" E
		  "]1337;File=:AA\az",
		    "az" },
		{ "a" E "Pq#0;2;0;0;0" ST "z", "az" },             /* sixel */
		{ "a" E "P1$r" ST E "P0;1|17/6C73" ST "z", "az" }, /* DECUDK */
		{ "a" E "Ptmux;" E E "]0;x\a" ST "z", "az" },
		{ "a" E "_apc" ST E "^pm" ST E "Xsos" ST E "ktitle" ST "z", "az" },
		{ "a" CSI "?1h" CSI "?1lz", "az" }, /* cursor keys */
		{ "a" E "=" E ">z", "az" },
		{ "a" CSI "?9h" CSI "?1000h" CSI "?1001h" CSI "?1002h" CSI "?1003h" CSI "?1004h" CSI
		  "?1005h" CSI "?1006h" CSI "?1007h" CSI "?1015h" CSI "?1016h" CSI "?2004hz",
		    "az" },
		{ "a" CSI "?1000;25;1006hz", "a" CSI "?25hz" },
		{ "a" CSI ">4;2m" CSI ">4m" CSI "?4mz", "az" }, /* modifyOtherKeys */
		{ "a" CSI ">1u" CSI "<u" CSI "=1;1u" CSI "65;5uz", "az" },
		{ "a" CSI "2h" CSI "12l" CSI "20hz", "az" }, /* keyboard lock, echo, new line */
		{ "a" CSI "?3h" CSI "?8l" CSI "?66h" CSI "?67h" CSI "?69h" CSI "?2026hz", "az" },
		{ "a" CSI "1;80sz", "az" }, /* margins */
		{ "a" CSI "i" CSI "4i" CSI "5i" CSI "?5iz", "az" },
		{ "a" CSI "8;1;1t" CSI "1t" CSI "3;0;0t" CSI "22;0tz", "az" },
		{ "a" CSI "1;2;3;4;5Tz", "az" }, /* mouse highlighting */
		{ "a" CSI "?25s" CSI "?25rz", "az" },
		{ "a" CSI "61\"p" CSI "1\"q" CSI "!p" CSI "2 q" CSI "1;1;9;9$x" CSI "1qz", "az" },
		{ "a" CSI "g" CSI "3g" E "Hz", "az" }, /* tab stops */
		{ "a" CSI "3Jz", "az" },               /* scrollback */
		{ "a" CSI "2;3Jz", "az" },
		{ "a" E "cz", "a" CSI "0m" CSI "H" CSI "2Jz" },
		{ "a" E "%@" E "%G" E "#8" E "#3" E " F" E " Gz", "az" },
		{ "a" E "n" E "o" E "|" E "}" E "~" E "N" E "O" E "l" E "m" E "V" E "W" E "6" E "9z", "az" },
		{ "a" E "(K" E "(A" E "*0" E "+B" E "-A" E "$(B" E "(\"?z", "az" },
		{ "a\a\x11\x13\x01\x7fz", "az" },
		{ "a" E "]P1ffffffz", "az" }, /* Linux: palette */
		{ "a" E "]Rz", "az" },
	};

	(void)state;
	REPLAY(cases);
	expect(ZTJ_CASTSAFE_REPLAY, 0, ztj_view_of("a\0z", 3), "az");
}

static void test_L02_forms_that_terminals_read_differently(void **state)
{
	static const struct seq_case cases[] = {
		/* C1, as bytes and in UTF-8 */
		{ "a\x9b"
		  "6nz",
		    "a" FFFD "6nz" },
		{ "a\x9d"
		  "0;t\x9cz",
		    "a" FFFD "0;t" FFFD "z" },
		{ "a\xc2\x9b"
		  "6nz",
		    "a6nz" },
		{ "a\xc2\x90q\xc2\x9c\xc2\x85z", "aqz" },
		/* not UTF-8 */
		{ "a\xff\xfe\xc0\x9bz", "a" FFFD FFFD FFFD FFFD "z" },
		{ "a\xe2\x82", "a" FFFD FFFD },
		{ "a\xe2\x9bz", "a" FFFD FFFD "z" },
		{ "a\xed\xa0\x9bz", "a" FFFD FFFD FFFD "z" },
		/* broken off, begun anew */
		{ "a" E E E "[1mz" CSI "m", "a" CSI "1mz" CSI "m" },
		{ "a" CSI "5" E "[1mz" CSI "m", "a" CSI "1mz" CSI "m" },
		{ "a" CSI "5\x18nz", "anz" },
		{ "a" CSI "5\x1anz", "anz" },
		{ "a" E "]0;t\x18z", "az" },
		{ "a" CSI "6\xc3\xa9nz", "a\xc3\xa9nz" },
		{ "a" E "\xc3\xa9z", "a\xc3\xa9z" },
		{ "a" CSI "6\xffnz", "a" FFFD "nz" },
		{ "a" E, "a" },
		{ "a" CSI, "a" },
		{ "a" CSI "31", "a" },
		{ "a" E "]0;t", "a" },
		/* malformed */
		{ "a" CSI "1?hz", "az" },
		{ "a" CSI "1<2mz", "az" },
		{ "a" CSI "??25hz", "az" },
		{ "a" CSI " 1mz", "az" },
		{ "a" CSI "1  mz", "az" },
		{ "a" CSI "1:2Hz", "az" },
		{ "a" CSI "1;2;3Hz", "az" },
		{ "a" CSI "1;2Az", "az" },
		{ "a" CSI "\x7f"
		  "1mz" CSI "m",
		    "a" CSI "1mz" CSI "m" },
		/* a string that does not end hides one line at most */
		{ "a" E "_hidden\r\nshown\n", "a\nshown\n" },
		{ "a" E "]0;\xc3\x9c \xff t\az", "az" },
		{ "a" E "]0;t\xc2\x9cz", "az" },
	};

	(void)state;
	REPLAY(cases);
}

/* A line that is shown in another order than it was typed: CVE-2021-42574. */
static void test_L02_bidirectional_controls(void **state)
{
	static const char *const bad[] = { "\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad",
		"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9" };
	static const char *const good[] = { "\xd8\x9b", "\xd8\x9d", "\xe2\x80\x8d", "\xe2\x80\x90",
		"\xe2\x80\xa7", "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa", "\xe2\x82\xac",
		"\xe3\x80\xae", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d" };
	char in[32], out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(in, sizeof(in), "a%sz", bad[i]);
		expect(ZTJ_CASTSAFE_REPLAY, 0, ztj_view_str(in), "a" FFFD "z");
		expect(ZTJ_CASTSAFE_TEXT, 0, ztj_view_str(in), "a" FFFD "z");
		(void)snprintf(in, sizeof(in), E "]0;%s\az", bad[i]);
		expect(ZTJ_CASTSAFE_REPLAY, 0, ztj_view_str(in), "z");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(out, sizeof(out), "a%sz", good[i]);
		expect(ZTJ_CASTSAFE_REPLAY, 0, ztj_view_str(out), out);
		expect(ZTJ_CASTSAFE_TEXT, 0, ztj_view_str(out), out);
	}
}

static void test_terminal_is_put_back(void **state)
{
	static const struct seq_case cases[] = {
		{ CSI "?1049hx", CSI "?1049hx" CSI "?1049l" },
		{ CSI "?47hx", CSI "?47hx" CSI "?1049l" },
		{ CSI "?25lx", CSI "?25lx" CSI "?25h" },
		{ CSI "?7lx", CSI "?7lx" CSI "?7h" },
		{ CSI "?5h" CSI "?6h" CSI "4hx", CSI "?5h" CSI "?6h" CSI "4hx" CSI "?5l" CSI "?6l" CSI "4l" },
		{ CSI "2;5rx", CSI "2;5rx" E "7" CSI "r" E "8" },
		{ E "(0q", E "(0q\x0f" E "(B" E ")B" },
		{ "\x0eq\x0f", "\x0eq\x0f\x0f" E "(B" E ")B" },
		{ CSI "1mx", CSI "1mx" CSI "0m" },
	};

	(void)state;
	REPLAY(cases);
}

static void test_bounded_whatever_comes(void **state)
{
	static uint8_t big[200000];
	struct ztj_castsafe *s;
	struct ztj_buf out;

	(void)state;
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_castsafe_new(ZTJ_CASTSAFE_REPLAY, &s));
	/* a sequence without an end is dropped whole, however long */
	memset(big, '1', sizeof(big));
	ok(ztj_castsafe_put(s, ztj_view_str(CSI), &out));
	ok(ztj_castsafe_put(s, ztj_view_of(big, sizeof(big)), &out));
	ok(ztj_castsafe_put(s, ztj_view_str("mz"), &out));
	assert_string_equal(ztj_buf_str(&out), "z");
	ztj_buf_reset(&out);
	memset(big, '(', sizeof(big));
	ok(ztj_castsafe_put(s, ztj_view_str(E), &out));
	ok(ztj_castsafe_put(s, ztj_view_of(big, sizeof(big)), &out));
	ok(ztj_castsafe_put(s, ztj_view_str("0z"), &out));
	assert_string_equal(ztj_buf_str(&out), "z");
	ztj_buf_reset(&out);
	/* a string without an end gives up */
	memset(big, 'x', sizeof(big));
	ok(ztj_castsafe_put(s, ztj_view_str(E "]0;"), &out));
	ok(ztj_castsafe_put(s, ztj_view_of(big, sizeof(big)), &out));
	assert_int_equal(out.n, sizeof(big) + 2 - 65536);
	ztj_castsafe_free(s);
	ztj_buf_free(&out);
}

static void test_text_of_a_line(void **state)
{
	static const struct {
		uint32_t columns;
		const char *in, *out;
	} cases[] = {
		{ 0, "one\r\ntwo\n", "one\ntwo\n" },
		{ 0, "no end", "no end" },
		{ 0, "", "" },
		{ 0, "\r\n\r\n", "\n\n" },
		{ 0, CSI "1;31mred" CSI "0m \xc3\xa9 " E "]0;t\a\a\x05" E "(0q" E "(B\xc2\x9b!\r\n",
		    "red \xc3\xa9 q!\n" },
		{ 0, "a\tb\n", "a\tb\n" },
		{ 0, "\xff\n", FFFD "\n" },
		/* a line that is drawn over */
		{ 0, " 10%\r 20%\r100%\r\n", "100%\n" },
		{ 0, "longer\rabc\n", "abcger\n" },
		{ 0, "longer\r" CSI "Kabc\n", "abc\n" },
		{ 0, "cat\b\b\bdog\n", "dog\n" },
		{ 0, "\b\bx\n", "x\n" },
		{ 0, "r\xc3\xa9\b\xc3\xa8\n", "r\xc3\xa8\n" },
		{ 0, "passwd\b" CSI "K\b" CSI "Kt\n", "passt\n" },
		/* what line editors send */
		{ 0, "abd\b" CSI "1@c\n", "abcd\n" },
		{ 0, "abd\b" CSI "@c\r\n", "abcd\n" },
		{ 0, "abxcd\b\b\b" CSI "P\n", "abcd\n" },
		{ 0, "abc\r" CSI "2Cx\n", "abx\n" },
		{ 0, "abc" CSI "2Dx\n", "axc\n" },
		{ 0, "abc" CSI "99Dx\n", "xbc\n" },
		{ 0, "abc" CSI "2Gx\n", "axc\n" },
		{ 0, "ab" CSI "3Cc\n", "ab   c\n" },
		{ 0, "abcdef" CSI "4D" CSI "2X\n", "ab  ef\n" },
		{ 0, "abc" CSI "2D" CSI "1K\n", "  c\n" },
		{ 0, "abc" CSI "2Kd\n", "   d\n" },
		{ 0, "$ abc\r$ " CSI "J\n", "$ \n" },
		/* elsewhere on the screen is another line */
		{ 0, "top" CSI "5;1Hfive" CSI "2Jend", "top\nfive\nend" },
		{ 0, CSI "H" CSI "2Jfirst\n", "first\n" },
		{ 0, "shell" CSI "?1049heditor" CSI "?1049lshell\n", "shell\neditor\nshell\n" },
		{ 0, "a" CSI "Ab" E "Mc" E "cd\n", "a\nb\nc\nd\n" },
		/* a line that wraps */
		{ 5, "abcde \rfgh\n", "abcdefgh\n" },
		{ 5, "abcdefgh\rX\n", "abcdeXgh\n" },
		{ 5, "abcde\rX\n", "Xbcde\n" },
		{ 5, "abcdefgh" CSI "A\rX" CSI "BY\n", "XbcdefYh\n" },
		{ 5, "abcdefgh" CSI "AX\n", "abcXefgh\n" },
		{ 5, "abcdefgh" CSI "2GX\n", "abcdefXh\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(ZTJ_CASTSAFE_TEXT, cases[i].columns, ztj_view_str(cases[i].in), cases[i].out);
}

static void test_R06_text_without_newline_is_bounded(void **state)
{
	static uint8_t big[50000];
	struct ztj_castsafe *s;
	struct ztj_buf out;

	(void)state;
	ztj_buf_init(&out, 1 << 20);
	memset(big, 'x', sizeof(big));
	ok(ztj_castsafe_new(ZTJ_CASTSAFE_TEXT, &s));
	ok(ztj_castsafe_put(s, ztj_view_of(big, sizeof(big)), &out));
	assert_in_range(out.n, sizeof(big) - 4096, sizeof(big));
	ok(ztj_castsafe_end(s, &out));
	assert_true(ztj_view_eq(ztj_buf_view(&out), ztj_view_of(big, sizeof(big))));
	ztj_buf_reset(&out);
	/* jumps and inserts beyond the end of all lines */
	ok(ztj_castsafe_put(s,
	    ztj_view_str("a" CSI "9999C" CSI "9999Cb\r" CSI "9999@" CSI "9999@c" CSI "9999P" CSI "9999X" CSI
			 "9999Gd\n"),
	    &out));
	assert_in_range(out.n, 4096, 3 * 4096);
	ztj_castsafe_free(s);
	ztj_buf_free(&out);
}

static uint32_t seed = 1;

static uint32_t any(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Pieces of sequences in any order: however they are cut, the same comes out, and what came out passes again as it is. */
static void test_any_cut_gives_the_same_and_it_is_a_fixed_point(void **state)
{
	static const char *const pieces[] = { E, "[", "]", "P", "?", "1", "25", ";", "h", "l", "m", "H", "\\",
		"\a", "\n", "\r", "\b", "\x9b", "\xc2", "\xe2\x82", "\xac", "text", "\x18", "0", "(", "B",
		"c", "K", "n", "99999", ":", " ", "$", "k", "_", "1049", "J", "\x7f", "\x0e" };
	struct ztj_buf in, a, b;

	(void)state;
	ztj_buf_init(&in, 65536);
	ztj_buf_init(&a, 1 << 20);
	ztj_buf_init(&b, 1 << 20);
	for (int round = 0; round < 3000; round++) {
		for (int mode = 0; mode < 2; mode++) {
			ztj_buf_reset(&in);
			for (uint32_t n = any() % 60; n > 0; n--)
				ok(ztj_buf_puts(&in, pieces[any() % (sizeof(pieces) / sizeof(pieces[0]))]));
			run((enum ztj_castsafe_mode)mode, 7, ztj_buf_view(&in), 0, &a);
			run((enum ztj_castsafe_mode)mode, 7, ztj_buf_view(&in), SIZE_MAX, &b);
			assert_true(ztj_view_eq(ztj_buf_view(&a), ztj_buf_view(&b)));
			run((enum ztj_castsafe_mode)mode, 7, ztj_buf_view(&in), in.n == 0 ? 0 : any() % in.n,
			    &b);
			assert_true(ztj_view_eq(ztj_buf_view(&a), ztj_buf_view(&b)));
			run((enum ztj_castsafe_mode)mode, 0, ztj_buf_view(&a), 0, &b);
			/* what puts the terminal back may come twice */
			assert_true(b.n >= a.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0));
			assert_true(ztj_utf8_ok(ztj_buf_view(&a)));
		}
	}
	ztj_buf_free(&in);
	ztj_buf_free(&a);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_L02_what_is_kept),
		cmocka_unit_test(test_L02_what_makes_a_terminal_answer),
		cmocka_unit_test(test_L02_what_reprograms_a_terminal),
		cmocka_unit_test(test_L02_forms_that_terminals_read_differently),
		cmocka_unit_test(test_L02_bidirectional_controls),
		cmocka_unit_test(test_terminal_is_put_back),
		cmocka_unit_test(test_bounded_whatever_comes),
		cmocka_unit_test(test_text_of_a_line),
		cmocka_unit_test(test_R06_text_without_newline_is_bounded),
		cmocka_unit_test(test_any_cut_gives_the_same_and_it_is_a_fixed_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
