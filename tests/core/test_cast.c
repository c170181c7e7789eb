/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The text of a record: every line is JSON, every byte comes back. */
#include <jansson.h>
#include <string.h>

#include "libztjit/core/cast.h"
#include "tests/core/support.h"

#define FFFD "\xef\xbf\xbd"
#define EURO "\xe2\x82\xac"

/* Small, and the same in every run. */
static uint32_t seed = 1;

static uint32_t any(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void header(struct ztj_buf *out)
{
	const struct ztj_cast_header h = { .width = 80,
		.height = 24,
		.timestamp = 1795338000,
		.term = "xterm",
		.shell = "/bin/bash",
		.command = "ls \"\xff\" \x1b[0m",
		.session = "00aa",
		.host = "servers/web1",
		.person = "people/req1",
		.account = "root",
		.service = "sshd",
		.role = "root-shell",
		.grant = "00bb",
		.peer = "192.0.2.1",
		.tty = true };

	ok(ztj_cast_header_put(&h, out));
}

static struct ztj_cast_reader *reader(void)
{
	struct ztj_cast_reader *r;

	ok(ztj_cast_reader_new(&r));
	ok(ztj_cast_reader_add(r, ztj_view_str("{\"version\": 2, \"width\": 1, \"height\": 1}\n")));
	return r;
}

/* Every line is what jansson and any player can read. Gives their number. */
static uint32_t lines_are_json(struct ztj_view text)
{
	uint32_t n = 0;

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		json_t *v;

		assert_non_null(end);
		v = json_loadb((const char *)text.p, (size_t)(end - text.p),
		    JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(v);
		assert_true(json_is_array(v) && json_array_size(v) == 3);
		assert_true(json_is_real(json_array_get(v, 0)));
		assert_int_equal(json_string_length(json_array_get(v, 1)), 1);
		assert_true(json_is_string(json_array_get(v, 2)));
		json_decref(v);
		text = ztj_view_of(end + 1, text.n - (size_t)(end + 1 - text.p));
		n++;
	}
	return n;
}

/* Writes bytes as one event and gives its line or lines, with a NUL. */
static const char *put(struct ztj_buf *b, const char *bytes, size_t n)
{
	uint32_t events = 0;

	ztj_buf_reset(b);
	ok(ztj_cast_event_put(1234567, 'o', ztj_view_of(bytes, n), NULL, b, &events));
	assert_int_equal(events, lines_are_json(ztj_buf_view(b)));
	return ztj_buf_str(b);
}

static void comes_back(struct ztj_view text, uint64_t us, char code, struct ztj_view bytes)
{
	struct ztj_cast_reader *r = reader();
	struct ztj_cast_event e;

	ok(ztj_cast_reader_add(r, text));
	ok(ztj_cast_reader_next(r, true, &e));
	assert_true(e.us == us && e.code == code);
	assert_true(ztj_view_eq(e.bytes, bytes));
	fails(ztj_cast_reader_next(r, true, &e), ZTJ_NOT_FOUND);
	ztj_cast_reader_free(r);
}

static void test_lines_as_they_stand(void **state)
{
	static const struct {
		const char *in, *line;
	} cases[] = {
		{ "", "[1.234567, \"o\", \"\"]\n" },
		{ "a", "[1.234567, \"o\", \"a\"]\n" },
		{ "a longer line of ordinary text\r\n",
		    "[1.234567, \"o\", \"a longer line of ordinary text\\r\\n\"]\n" },
		{ "\x1b[1m\"\\\x7f\b\f\t\x01/",
		    "[1.234567, \"o\", \"\\u001b[1m\\\"\\\\\\u007f\\b\\f\\t\\u0001/\"]\n" },
		{ "x" EURO "y\xf0\x9f\x98\x80", "[1.234567, \"o\", \"x" EURO "y\xf0\x9f\x98\x80\"]\n" },
		{ "genuine " FFFD, "[1.234567, \"o\", \"genuine " FFFD "\"]\n" },
		{ "\xff", "[1.234567, \"o\", \"" FFFD "\"]\n[1.234567, \"z\", \"/w==\"]\n" },
		{ "a\xc3(" FFFD "b",
		    "[1.234567, \"o\", \"a" FFFD "(" FFFD FFFD FFFD
		    "b\"]\n[1.234567, \"z\", \"w++/vQ==\"]\n" },
		/* overlong, surrogate, beyond the end */
		{ "\xc0\xaf", "[1.234567, \"o\", \"" FFFD FFFD "\"]\n[1.234567, \"z\", \"wK8=\"]\n" },
		{ "\xed\xa0\x80",
		    "[1.234567, \"o\", \"" FFFD FFFD FFFD "\"]\n[1.234567, \"z\", \"7aCA\"]\n" },
		{ "\xf4\x90\x80\x80",
		    "[1.234567, \"o\", \"" FFFD FFFD FFFD FFFD "\"]\n[1.234567, \"z\", \"9JCAgA==\"]\n" },
		{ "\xe2\x82", "[1.234567, \"o\", \"" FFFD FFFD "\"]\n[1.234567, \"z\", \"4oI=\"]\n" },
	};
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(put(&b, cases[i].in, strlen(cases[i].in)), cases[i].line);
		comes_back(ztj_buf_view(&b), 1234567, 'o', ztj_view_str(cases[i].in));
	}
	assert_string_equal(put(&b, "a\0b", 3), "[1.234567, \"o\", \"a\\u0000b\"]\n");
	comes_back(ztj_buf_view(&b), 1234567, 'o', ztj_view_of("a\0b", 3));
	ztj_buf_free(&b);
}

static void test_times_and_codes(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} times[] = { { 0, "[0.000000, " }, { 1, "[0.000001, " }, { 999999, "[0.999999, " },
		{ 1000000, "[1.000000, " }, { 10000007, "[10.000007, " },
		{ INT64_MAX, "[9223372036854.775807, " } };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint32_t events = 0;

		ztj_buf_reset(&b);
		ok(ztj_cast_event_put(times[i].us, 'm', ztj_view_str("x"), NULL, &b, &events));
		assert_memory_equal(b.p, times[i].text, strlen(times[i].text));
		comes_back(ztj_buf_view(&b), times[i].us, 'm', ztj_view_str("x"));
	}
	for (int c = 0; c < 256; c++) {
		bool good = c > ' ' && c < 127 && c != '"' && c != '\\' && c != 'z';
		uint32_t events = 0;

		ztj_buf_reset(&b);
		fails(ztj_cast_event_put(0, (char)c, ztj_view_str("x"), NULL, &b, &events),
		    good ? ZTJ_OK : ZTJ_BAD_ENCODING);
		if (good)
			comes_back(ztj_buf_view(&b), 0, (char)c, ztj_view_str("x"));
	}
	ztj_buf_free(&b);
}

/* Each byte by itself, and at every place of eight that are looked at together. */
static void test_R06_every_byte_at_every_place(void **state)
{
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	for (int c = 0; c < 256; c++) {
		for (size_t n = 1; n <= 19; n++) {
			char text[20];

			memset(text, 'x', sizeof(text));
			for (size_t at = 0; at < n; at++) {
				text[at] = (char)c;
				(void)put(&b, text, n);
				comes_back(ztj_buf_view(&b), 1234567, 'o', ztj_view_of(text, n));
				text[at] = 'x';
			}
		}
	}
	ztj_buf_free(&b);
}

/* Bytes as a terminal gives them: cut anywhere, and put together again. */
static void through(const uint8_t *p, size_t n, size_t most, uint32_t *spilled)
{
	struct ztj_cast_tail tail = { 0 };
	struct ztj_cast_reader *r = reader();
	struct ztj_cast_event e;
	struct ztj_buf text, back;
	uint32_t events = 0, got = 0;

	ztj_buf_init(&text, 1 << 20);
	ztj_buf_init(&back, 1 << 20);
	for (size_t i = 0, k; i < n; i += k) {
		k = 1 + any() % most;
		k = k < n - i ? k : n - i;
		ok(ztj_cast_event_put(i, 'o', ztj_view_of(p + i, k), &tail, &text, &events));
	}
	ok(ztj_cast_tail_put(n, 'o', &tail, &text, &events));
	ok(ztj_cast_tail_put(n, 'o', &tail, &text, &events));
	assert_int_equal(events, lines_are_json(ztj_buf_view(&text)));
	ok(ztj_cast_reader_add(r, ztj_buf_view(&text)));
	while (ztj_cast_reader_next(r, true, &e) == ZTJ_OK) {
		ok(ztj_buf_put(&back, e.bytes.p, e.bytes.n));
		got++;
	}
	fails(ztj_cast_reader_next(r, true, &e), ZTJ_NOT_FOUND);
	assert_true(ztj_view_eq(ztj_buf_view(&back), ztj_view_of(p, n)));
	*spilled = events - got;
	ztj_buf_free(&text);
	ztj_buf_free(&back);
	ztj_cast_reader_free(r);
}

static void test_R06_random_bytes_come_back(void **state)
{
	static uint8_t p[30000];
	uint32_t spilled;

	(void)state;
	for (size_t most = 1; most < sizeof(p); most = most * 3 + 1) {
		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)any();
		through(p, sizeof(p), most, &spilled);
		assert_true(spilled > 0);
	}
	/* mostly text, some of it broken, genuine replacement characters too */
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)("plain text " EURO FFFD "\r\n"[any() % 19]);
	for (size_t most = 1; most < sizeof(p); most = most * 3 + 1)
		through(p, sizeof(p), most, &spilled);
}

static void test_sequences_that_reads_cut_stay_together(void **state)
{
	static const char piece[] = "a\xc3\xa9" EURO "\xf0\x9f\x98\x80" FFFD "\r\n";
	static uint8_t p[4000];
	uint32_t spilled;

	(void)state;
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)piece[i % (sizeof(piece) - 1)];
	for (size_t most = 1; most < 40; most++) {
		through(p, sizeof(p) - sizeof(p) % (sizeof(piece) - 1), most, &spilled);
		assert_int_equal(spilled, 0);
	}
}

static void test_tail_keeps_only_what_may_still_be_whole(void **state)
{
	static const struct {
		const char *a, *b;
		size_t kept; /* after a */
		const char *lines;
	} cases[] = {
		{ "x\xe2\x82", "\xac!", 2, "[0.000000, \"o\", \"x\"]\n[0.000000, \"o\", \"" EURO "!\"]\n" },
		{ "\xe2", "\x82", 1, "" },
		{ "\xf0\x9f\x98", "\x80", 3, "[0.000000, \"o\", \"\xf0\x9f\x98\x80\"]\n" },
		{ "\xe2\x82", "A", 2,
		    "[0.000000, \"o\", \"" FFFD FFFD "A\"]\n[0.000000, \"z\", \"4oI=\"]\n" },
		{ "\xe2", "\xc3\xa9", 1,
		    "[0.000000, \"o\", \"" FFFD "\xc3\xa9\"]\n[0.000000, \"z\", \"4g==\"]\n" },
		{ "\xe2", "\xc3", 1, "[0.000000, \"o\", \"" FFFD "\"]\n[0.000000, \"z\", \"4g==\"]\n" },
		{ "\xe0\x80", "", 0, "[0.000000, \"o\", \"" FFFD FFFD "\"]\n[0.000000, \"z\", \"4IA=\"]\n" },
		{ "\x80", "", 0, "[0.000000, \"o\", \"" FFFD "\"]\n[0.000000, \"z\", \"gA==\"]\n" },
		{ "\xf5", "", 0, "[0.000000, \"o\", \"" FFFD "\"]\n[0.000000, \"z\", \"9Q==\"]\n" },
		{ "", "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ztj_cast_tail tail = { 0 };
		uint32_t events = 0;
		struct ztj_buf b;

		ztj_buf_init(&b, 4096);
		ok(ztj_cast_event_put(0, 'o', ztj_view_str(cases[i].a), &tail, &b, &events));
		assert_int_equal(tail.n, cases[i].kept);
		ok(ztj_cast_event_put(0, 'o', ztj_view_str(cases[i].b), &tail, &b, &events));
		assert_string_equal(ztj_buf_str(&b), cases[i].lines);
		ztj_buf_free(&b);
	}
}

static void test_full_buffer_is_an_error(void **state)
{
	static char text[9000];
	uint32_t events = 0;
	struct ztj_buf b;

	(void)state;
	memset(text, 'x', sizeof(text));
	ztj_buf_init(&b, 5000);
	fails(ztj_cast_event_put(0, 'o', ztj_view_of(text, sizeof(text)), NULL, &b, &events), ZTJ_TOO_LARGE);
	fails(ztj_cast_event_put(0, 'o', ztj_view_of(text, 1), NULL, &b, &events), ZTJ_TOO_LARGE);
	assert_int_equal(events, 0);
	ztj_buf_free(&b);
}

static void test_header(void **state)
{
	struct ztj_cast_reader *r;
	struct ztj_view line;
	struct ztj_buf b;
	json_t *v, *z;

	(void)state;
	ztj_buf_init(&b, 4096);
	header(&b);
	ok(ztj_cast_reader_new(&r));
	assert_int_equal(ztj_cast_reader_header(r).n, 0);
	ok(ztj_cast_reader_add(r, ztj_buf_view(&b)));
	line = ztj_cast_reader_header(r);
	assert_int_equal(line.n, b.n - 1);
	v = json_loadb((const char *)line.p, line.n, 0, NULL);
	assert_non_null(v);
	assert_int_equal(json_integer_value(json_object_get(v, "version")), 2);
	assert_int_equal(json_integer_value(json_object_get(v, "width")), 80);
	assert_int_equal(json_integer_value(json_object_get(v, "timestamp")), 1795338000);
	assert_string_equal(json_string_value(json_object_get(v, "command")), "ls \"" FFFD "\" \x1b[0m");
	z = json_object_get(v, "ztjit");
	assert_int_equal(json_object_size(z), 11);
	assert_string_equal(json_string_value(json_object_get(z, "person")), "people/req1");
	assert_true(json_is_true(json_object_get(z, "tty")) && json_is_false(json_object_get(z, "input")));
	json_decref(v);
	ztj_buf_reset(&b);
	ok(ztj_cast_header_put(&(struct ztj_cast_header){ 0 }, &b)); /* a login shell: no command */
	assert_null(strstr(ztj_buf_str(&b), "command"));
	ztj_buf_free(&b);
	ztj_cast_reader_free(r);
}

static int reads(const char *text, uint32_t *n)
{
	struct ztj_cast_reader *r;
	struct ztj_cast_event e = { .bytes = { NULL, 0 } };
	int err;

	*n = 0;
	ok(ztj_cast_reader_new(&r));
	err = ztj_cast_reader_add(r, ztj_view_str(text));
	while (err == ZTJ_OK) {
		err = ztj_cast_reader_next(r, true, &e);
		*n += err == ZTJ_OK ? 1 : 0;
	}
	if (err != ZTJ_NOT_FOUND) { /* once wrong, always wrong */
		assert_null(e.bytes.p);
		fails(ztj_cast_reader_next(r, true, &e), err);
		fails(ztj_cast_reader_add(r, ztj_view_str("[0.000000, \"o\", \"\"]\n")), err);
	}
	ztj_cast_reader_free(r);
	return err;
}

#define HDR "{\"version\":2}\n"
#define EV "[0.500000, \"o\", \"ok\"]\n"

static void test_what_a_record_may_not_be(void **state)
{
	static const struct {
		const char *text;
		int want;
		uint32_t n;
	} cases[] = {
		{ HDR, ZTJ_NOT_FOUND, 0 },
		{ HDR EV EV, ZTJ_NOT_FOUND, 2 },
		{ HDR EV "[0.400000, \"o\", \"earlier\"]\n" EV, ZTJ_NOT_FOUND, 3 },
		{ "\n", ZTJ_BAD_JSON, 0 },
		{ "[]\n", ZTJ_BAD_JSON, 0 },
		{ "{\"version\":1}\n", ZTJ_BAD_JSON, 0 },
		{ "{\"version\":2,\"version\":2}\n", ZTJ_BAD_JSON, 0 },
		{ EV, ZTJ_BAD_JSON, 0 },
		{ HDR EV "x", ZTJ_BAD_JSON, 0 },
		{ HDR EV "\n", ZTJ_BAD_JSON, 1 },
		{ HDR EV "[]\n", ZTJ_BAD_JSON, 1 },
		{ HDR "[0.5, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[.500000, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[00.500000, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[-1.500000, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.5000000, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[9223372036854.775807, \"o\", \"x\"]\n", ZTJ_NOT_FOUND, 1 },
		{ HDR "[9223372036854.775808, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[99999999999999.000000, \"o\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"oo\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"\", \"x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", 5]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"x]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"x\"\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"x\", \"y\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"x\" ]\n", ZTJ_NOT_FOUND, 1 },
		{ HDR "[1.500000, \"o\", \"\\x\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"\\ud800\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"\xff\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"o\", \"\x01\"]\n", ZTJ_BAD_JSON, 0 },
		{ HDR "[1.500000, \"z\", \"AA==\"]\n", ZTJ_BAD_ENCODING, 0 },
		{ HDR EV "[1.500000, \"z\", \"AA==\"]\n", ZTJ_BAD_ENCODING, 0 },
		{ HDR EV "[1.500000, \"z\", \"\"]\n", ZTJ_BAD_ENCODING, 0 },
		{ HDR "[1.500000, \"o\", \"" FFFD "\"]\n[1.500000, \"z\", \"AA==\"]\n", ZTJ_NOT_FOUND, 1 },
		{ HDR "[1.500000, \"o\", \"" FFFD "\"]\n[1.500000, \"z\", \"AAA=\"]\n", ZTJ_BAD_ENCODING, 0 },
		{ HDR "[1.500000, \"o\", \"" FFFD FFFD "\"]\n[1.500000, \"z\", \"AA==\"]\n", ZTJ_BAD_ENCODING,
		    0 },
		{ HDR "[1.500000, \"o\", \"" FFFD "\"]\n[1.500000, \"z\", \"AB==\"]\n", ZTJ_BAD_ENCODING, 0 },
		{ HDR "[1.500000, \"o\", \"" FFFD "\"]\n[1.500000, \"z\", 1]\n", ZTJ_BAD_JSON, 1 },
		{ HDR "[1.500000, \"o\", \"" FFFD
		      "\"]\n[1.500000, \"z\", \"AA==\"]\n[1.500000, \"z\", \"AA==\"]\n",
		    ZTJ_BAD_ENCODING, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t n;
		int r = reads(cases[i].text, &n);

		if (r != cases[i].want || n != cases[i].n)
			fail_msg("%s: %s after %u", cases[i].text, ztj_err_name(r), n);
	}
}

/* Cut after every byte: whole lines are read, the rest is refused; fed line by line, everything comes in the end. */
static void test_reader_at_every_length(void **state)
{
	static const char bytes[] = "text " EURO "\xff\xfe" FFFD "\n";
	struct ztj_buf b;
	uint32_t events = 0;

	(void)state;
	ztj_buf_init(&b, 65536);
	header(&b);
	for (uint64_t i = 0; i < 5; i++)
		ok(ztj_cast_event_put(i, 'o', ztj_view_of(bytes, sizeof(bytes) - 1 - 5 * (i % 2)), NULL, &b,
		    &events));
	for (size_t n = 1; n <= b.n; n++) {
		struct ztj_cast_reader *r;
		struct ztj_cast_event e;
		uint8_t *copy = test_malloc(n);
		bool whole = b.p[n - 1] == '\n';

		memcpy(copy, b.p, n);
		ok(ztj_cast_reader_new(&r));
		fails(ztj_cast_reader_add(r, ztj_view_of(copy, n)), whole ? ZTJ_OK : ZTJ_BAD_JSON);
		while (whole && ztj_cast_reader_next(r, false, &e) == ZTJ_OK)
			assert_true(e.bytes.n == sizeof(bytes) - 1 || e.bytes.n == sizeof(bytes) - 6);
		ztj_cast_reader_free(r);
		test_free(copy);
	}
	ztj_buf_free(&b);
}

static void test_an_event_waits_for_its_z(void **state)
{
	struct ztj_cast_reader *r = reader();
	struct ztj_cast_event e;

	(void)state;
	ok(ztj_cast_reader_add(r, ztj_view_str("[1.500000, \"o\", \"" FFFD "\"]\n")));
	fails(ztj_cast_reader_next(r, false, &e), ZTJ_NOT_FOUND);
	ok(ztj_cast_reader_add(r, ztj_view_str("[1.500000, \"z\", \"gA==\"]\n")));
	ok(ztj_cast_reader_next(r, false, &e));
	assert_true(ztj_view_eq_str(e.bytes, "\x80"));
	ok(ztj_cast_reader_add(r, ztj_view_str("[2.500000, \"o\", \"" FFFD "\"]\n")));
	fails(ztj_cast_reader_next(r, false, &e), ZTJ_NOT_FOUND);
	ok(ztj_cast_reader_next(r, true, &e));
	assert_true(ztj_view_eq_str(e.bytes, FFFD));
	ztj_cast_reader_free(r);
}

static void test_text_that_nobody_takes_is_bounded(void **state)
{
	static char line[1 << 20];
	struct ztj_cast_reader *r = reader();
	int err = ZTJ_OK;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 5 && err == ZTJ_OK; i++)
		err = ztj_cast_reader_add(r, ztj_view_of(line, sizeof(line)));
	assert_int_equal(err, ZTJ_TOO_LARGE);
	ztj_cast_reader_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_as_they_stand),
		cmocka_unit_test(test_times_and_codes),
		cmocka_unit_test(test_R06_every_byte_at_every_place),
		cmocka_unit_test(test_R06_random_bytes_come_back),
		cmocka_unit_test(test_sequences_that_reads_cut_stay_together),
		cmocka_unit_test(test_tail_keeps_only_what_may_still_be_whole),
		cmocka_unit_test(test_full_buffer_is_an_error),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_what_a_record_may_not_be),
		cmocka_unit_test(test_reader_at_every_length),
		cmocka_unit_test(test_an_event_waits_for_its_z),
		cmocka_unit_test(test_text_that_nobody_takes_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
