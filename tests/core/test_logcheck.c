/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Events as leaves, and the check of a whole log: on a small one, everything that can be done to it (A01). */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/logcheck.h"
#include "tests/core/support.h"

#define SMALL 6
#define LARGE 600

struct log {
	size_t n;
	struct ztj_view leaf[LARGE];
	struct ztj_buf mem[LARGE];
	struct ztj_tlog tree;
	ztj_hash tile0[3][ZTJ_TILE_WIDTH];
	ztj_hash tile1[ZTJ_TILE_WIDTH];
	bool no_tiles;
	struct ztj_checkpoint head;
};

static void add(struct log *l, uint64_t says)
{
	struct ztj_event e = { .n = says,
		.time = 1767225600 + (int64_t)says,
		.kind = "statement",
		.outcome = "accepted" };
	size_t i = l->n++;
	ztj_hash h;

	e.type = says % 2 == 0 ? "request" : "approval";
	e.person = "people/alice";
	ztj_buf_init(&l->mem[i], ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &l->mem[i]));
	l->leaf[i] = ztj_buf_view(&l->mem[i]);
	ok(ztj_merkle_leaf(l->leaf[i], h));
	memcpy(l->tile0[i / 256][i % 256], h, sizeof(h));
	ok(ztj_tlog_append(&l->tree, h, NULL, NULL));
	memcpy(l->tile1, l->tree.tile[1], sizeof(l->tile1));
	l->head.size = l->n;
	ok(ztj_tlog_root(&l->tree, l->head.root));
}

static struct log *make(size_t n)
{
	struct log *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	for (size_t i = 0; i < n; i++)
		add(l, i);
	return l;
}

static void drop(struct log *l)
{
	for (size_t i = 0; i < l->n; i++)
		ztj_buf_free(&l->mem[i]);
	free(l);
}

static int give_tile(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct log *l = arg;

	if (l->no_tiles)
		return ZTJ_NOT_FOUND;
	assert_false(t->entries);
	assert_in_range(t->level, 0, 1);
	memcpy(out, t->level == 0 ? l->tile0[t->index] : l->tile1, t->width * sizeof(out[0]));
	return ZTJ_OK;
}

static void bundle(const struct log *l, size_t from, size_t n, struct ztj_buf *out)
{
	ztj_buf_init(out, 1 << 20);
	for (size_t i = 0; i < n; i++)
		ok(ztj_entry_put(out, l->leaf[from + i]));
}

/* Checks n leaves as bundles against the head; the first bundle may be another. */
static int check(struct log *l, size_t n, const struct ztj_view *instead, struct ztj_logcheck *c)
{
	struct ztj_buf b;
	int r = ZTJ_OK;

	ztj_logcheck_init(c);
	c->tile = give_tile;
	c->arg = l;
	ok(ztj_logcheck_mark(c, &l->head));
	for (size_t from = 0; r == ZTJ_OK && from < n; from += ZTJ_TILE_WIDTH) {
		size_t width = n - from < ZTJ_TILE_WIDTH ? n - from : ZTJ_TILE_WIDTH;

		bundle(l, from, width, &b);
		r = ztj_logcheck_bundle(c, instead != NULL && from == 0 ? *instead : ztj_buf_view(&b),
		    (unsigned)width);
		ztj_buf_free(&b);
	}
	return r == ZTJ_OK ? ztj_logcheck_end(c) : r;
}

static struct ztj_logcheck *new_check(void)
{
	struct ztj_logcheck *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	return c;
}

static void test_good_logs(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, SMALL, 255, 256, 257, 512, LARGE };
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct log *l = make(sizes[i]);

		if (l->n == 0)
			ok(ztj_tlog_root(&l->tree, l->head.root));
		ok(check(l, l->n, NULL, c));
		l->no_tiles = true;
		ok(check(l, l->n, NULL, c));
		drop(l);
	}
	free(c);
}

/* With the tiles at hand the very leaf is named; without them the flip is found all the same. */
static void test_A01_every_bit_of_the_entries(void **state)
{
	struct log *l = make(SMALL);
	struct ztj_logcheck *c = new_check();
	struct ztj_buf b;
	size_t leaf = 0, end;

	(void)state;
	bundle(l, 0, SMALL, &b);
	end = 2 + l->leaf[0].n;
	for (size_t i = 0; i < b.n; i++) {
		const struct ztj_view v = ztj_buf_view(&b);

		if (i == end)
			end += 2 + l->leaf[++leaf].n;
		for (unsigned bit = 0; bit < 8; bit++) {
			b.p[i] ^= (uint8_t)(1u << bit);
			l->no_tiles = false;
			fails(check(l, SMALL, &v, c), ZTJ_LOG_ALTERED);
			assert_int_equal(c->bad, leaf);
			l->no_tiles = true;
			assert_int_not_equal(check(l, SMALL, &v, c), ZTJ_OK);
			b.p[i] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t n = 0; n < b.n; n++) {
		const struct ztj_view v = ztj_view_of(b.p, n);

		l->no_tiles = n % 2 == 0;
		fails(check(l, SMALL, &v, c), ZTJ_LOG_ALTERED);
		assert_in_range(c->bad, 0, SMALL - 1);
	}
	ztj_buf_free(&b);
	free(c);
	drop(l);
}

static void test_A01_every_bit_of_the_tiles(void **state)
{
	struct log *l = make(SMALL), *large = make(LARGE);
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t i = 0; i < SMALL * sizeof(ztj_hash) * 8; i++) {
		uint8_t *at = &l->tile0[0][i / 256][i % 256 / 8];

		*at ^= (uint8_t)(1u << (i % 8));
		fails(check(l, SMALL, NULL, c), ZTJ_LOG_ALTERED);
		assert_int_equal(c->bad, i / 256);
		*at ^= (uint8_t)(1u << (i % 8));
	}
	large->tile1[1][7] ^= 4;
	fails(check(large, LARGE, NULL, c), ZTJ_LOG_ALTERED);
	assert_int_equal(c->bad, 256);
	assert_int_equal(c->last, 511);
	free(c);
	drop(l);
	drop(large);
}

static void swap(struct log *l, size_t a, size_t b)
{
	struct ztj_view v = l->leaf[a];
	ztj_hash h;

	l->leaf[a] = l->leaf[b];
	l->leaf[b] = v;
	memcpy(h, l->tile0[0][a], sizeof(h));
	memcpy(l->tile0[0][a], l->tile0[0][b], sizeof(h));
	memcpy(l->tile0[0][b], h, sizeof(h));
}

/* Whoever swaps or removes leaves also makes the tiles anew: then what a leaf says of itself names it. */
static void test_A01_every_swap(void **state)
{
	struct log *l = make(SMALL);
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t a = 0; a < SMALL; a++)
		for (size_t b = a + 1; b < SMALL; b++) {
			swap(l, a, b);
			fails(check(l, SMALL, NULL, c), ZTJ_LOG_ALTERED);
			assert_int_equal(c->bad, a);
			swap(l, a, b);
		}
	ok(check(l, SMALL, NULL, c));
	free(c);
	drop(l);
}

static void test_A01_every_removal(void **state)
{
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t gone = 0; gone < SMALL; gone++) {
		struct log *whole = make(SMALL), *l = make(0);

		for (size_t i = 0; i < SMALL; i++)
			if (i != gone)
				add(l, i);
		l->head = whole->head;
		if (gone == SMALL - 1) { /* the end: nothing but the checkpoint knows */
			fails(check(l, l->n, NULL, c), ZTJ_LOG_ROLLBACK);
		} else {
			fails(check(l, l->n, NULL, c), ZTJ_LOG_ALTERED);
		}
		assert_int_equal(c->bad, gone);
		drop(l);
		drop(whole);
	}
	free(c);
}

/* Everything made anew around one changed leaf, numbers and all: only a kept checkpoint tells. */
static void test_A01_a_fork(void **state)
{
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t at = 0; at < SMALL; at++) {
		struct log *kept = make(SMALL), *l = make(0);

		for (size_t i = 0; i < SMALL + 3; i++) {
			add(l, i);
			if (i == at) { /* another leaf of the same number */
				struct ztj_event e = { .n = i,
					.time = 1767225999,
					.kind = "statement",
					.outcome = "refused" };
				ztj_hash h;

				memset(&l->tree, 0, sizeof(l->tree));
				ztj_buf_reset(&l->mem[i]);
				ok(ztj_event_write(&e, &l->mem[i]));
				l->leaf[i] = ztj_buf_view(&l->mem[i]);
				for (size_t k = 0; k <= i; k++) {
					ok(ztj_merkle_leaf(l->leaf[k], h));
					ok(ztj_tlog_append(&l->tree, h, NULL, NULL));
					memcpy(l->tile0[0][k], h, sizeof(h));
				}
			}
		}
		ok(check(l, l->n, NULL, c));
		l->head = kept->head;
		fails(check(l, l->n, NULL, c), ZTJ_LOG_FORK);
		assert_non_null(strstr(c->text, "the first 6 leaves"));
		drop(l);
		drop(kept);
	}
	free(c);
}

static void test_leaf_too_many(void **state)
{
	struct log *l = make(SMALL + 1);
	struct ztj_logcheck *c = new_check();
	struct ztj_buf b;

	(void)state;
	bundle(l, 0, SMALL + 1, &b);
	const struct ztj_view v = ztj_buf_view(&b);
	ztj_logcheck_init(c);
	fails(ztj_logcheck_bundle(c, v, SMALL), ZTJ_LOG_ALTERED);
	assert_int_equal(c->bad, SMALL);
	ztj_buf_free(&b);
	for (size_t i = 0; i < ZTJ_LOGCHECK_MARKS; i++)
		ok(ztj_logcheck_mark(c, &l->head));
	fails(ztj_logcheck_mark(c, &l->head), ZTJ_LIMIT);
	free(c);
	drop(l);
}

/* --- events --- */

static void test_event_says_everything(void **state)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 0xab };
	static const char *const hosts[] = { "servers/db1", "servers/web1" };
	const struct ztj_event e = { .n = 7,
		.time = 1767225600,
		.kind = "statement",
		.outcome = "refused",
		.code = ZTJ_NO_RULE,
		.type = "request",
		.statement = digest,
		.person = "people/alice",
		.hosts = { hosts, 2 },
		.reason = "a \"quoted\" reason",
		.duration = 1800,
		.ends = 1767225601,
		.line = "{\"seq\":3,\"text\":\"\\u001b\"}" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &b));
	assert_string_equal(ztj_buf_str(&b),
	    "{\"v\":1,\"n\":7,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"statement\",\"outcome\":\"refused\","
	    "\"code\":\"no-rule\",\"type\":\"request\","
	    "\"statement\":\"ab00000000000000000000000000000000000000000000000000000000000000\","
	    "\"person\":\"people/alice\",\"hosts\":[\"servers/db1\",\"servers/web1\"],\"duration\":1800,"
	    "\"ends\":\"2026-01-01T00:00:01Z\",\"reason\":\"a \\\"quoted\\\" reason\",\"line\":\"{\\\"seq\\\":3,\\\"text\\\":\\\"\\\\x5cu001b\\\"}\"}");
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	assert_true(in.n == 7 && in.time == 1767225600);
	assert_string_equal(in.kind, "statement");
	assert_string_equal(ztj_event_text(&in, "person"), "people/alice");
	assert_string_equal(ztj_event_text(&in, "duration"), "");
	assert_string_equal(ztj_event_text(&in, "nothing"), "");
	assert_true(ztj_event_has_host(&in, "servers/web1"));
	assert_false(ztj_event_has_host(&in, "servers/web2"));
	for (size_t n = 0; n < b.n; n++) {
		struct ztj_event_in cut;

		assert_int_not_equal(ztj_event_read(ztj_view_of(b.p, n), &cut), ZTJ_OK);
		assert_null(cut.obj);
	}
	ztj_event_free(&in);
	ztj_buf_free(&b);
}

/* A member that is filled in and not written would be missed by nobody, until somebody needs it. */
static void test_every_member_is_written(void **state)
{
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 1 };
	static const char *const two[] = { "a", "b" };
	const struct ztj_event_list list = { two, 2 };
	const struct ztj_event_standing left = { 0, 0, 0, 0 };
	const struct ztj_event e = { 1, 1767225600, "a", "b", ZTJ_NO_RULE, "c", digest, digest, digest, "d",
		"e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", list, list, list, "1", "r",
		"s", "t", "u", 1, 2, 3, 4, 5, 6, 1767225600, 1767225600, 1767225600, 1767225600, &left, "v" };
	static const char *const members[] = { "v", "n", "time", "kind", "outcome", "code", "type",
		"statement", "request", "digest", "person", "by", "host", "role", "rule", "service",
		"account", "address", "tty", "key", "session", "name", "action", "decision", "keys", "hosts",
		"sessions", "certificate", "reason", "ticket", "command", "text", "duration", "version",
		"serial", "count", "chunks", "bytes", "starts", "ends", "until", "at", "line", "standing",
		"accepted", "expired", "missed" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &b));
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(in.obj, members[i]) == NULL)
			fail_msg("%s is not written", members[i]);
	assert_int_equal(json_object_size(in.obj), sizeof(members) / sizeof(members[0]));
	ztj_event_free(&in);
	ztj_buf_free(&b);
}

/* Whatever a person or a host wrote, the leaf can be shown and read again. */
static void test_A03_text_is_escaped(void **state)
{
	static const char *const nasty[] = { "line\nfeed", "\x1b]0;title\x07",
		"\xe2\x80\xae"
		"rtl",
		"\xe2\x80\xa8",
		"\xef\xbb\xbf"
		"bom",
		"\xff\xfe",
		"\xc2\x9b"
		"31m",
		"back\\slash", "\x7f", "\xf0\x9f\x94\x91" };
	struct ztj_event e = { .n = 1, .time = 1767225600, .kind = "session", .outcome = "started" };
	struct ztj_event_in in;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		const char *hosts[] = { nasty[i] };

		ztj_buf_reset(&b);
		e.command = e.text = e.reason = e.account = e.tty = nasty[i];
		e.hosts = e.keys = e.sessions = (struct ztj_event_list){ hosts, 1 };
		ok(ztj_event_write(&e, &b));
		assert_true(ztj_text_ok(ztj_buf_view(&b)));
		ok(ztj_event_read(ztj_buf_view(&b), &in));
		assert_true(ztj_text_ok(ztj_view_str(ztj_event_text(&in, "command"))));
		ztj_event_free(&in);
	}
	ztj_buf_free(&b);
}

static void test_event_limits(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"v\":2}", "{\"v\":1}", "{\"v\":1,\"n\":-1}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\",\n\"x\":1}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}\n",
		"{\"v\":1,\"n\":1,\"time\":\"now\",\"kind\":\"a\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}",
		"{\"v\":1,\"n\":9007199254740992,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\"}"
	};
	struct ztj_event e = { .n = 1, .time = 1767225600, .kind = "alarm", .outcome = "raised" };
	struct ztj_event_in in;
	struct ztj_buf b;
	char *text = test_calloc(1, 40000);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(ztj_event_read(ztj_view_str(bad[i]), &in), ZTJ_OK);
	fails(ztj_event_read(ztj_view_str("{\"v\":2}"), &in), ZTJ_VERSION);
	/* a later version of this program may know more members */
	ok(ztj_event_read(
	    ztj_view_str(
		"{\"v\":1,\"n\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"a\",\"outcome\":\"b\","
		"\"new\":[1]}"),
	    &in));
	ztj_event_free(&in);
	ztj_buf_init(&b, 4 * ZTJ_ENTRY_MAX);
	memset(text, 'x', 30000);
	e.text = e.reason = e.command = text;
	fails(ztj_event_write(&e, &b), ZTJ_TOO_LARGE);
	ztj_buf_reset(&b);
	e.n = ZTJ_LOG_MAX;
	fails(ztj_event_write(&e, &b), ZTJ_MEMBER_TYPE);
	e.n = 1;
	e.count = -1;
	fails(ztj_event_write(&e, &b), ZTJ_MEMBER_TYPE);
	ztj_buf_free(&b);
	test_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_logs),
		cmocka_unit_test(test_A01_every_bit_of_the_entries),
		cmocka_unit_test(test_A01_every_bit_of_the_tiles),
		cmocka_unit_test(test_A01_every_swap),
		cmocka_unit_test(test_A01_every_removal),
		cmocka_unit_test(test_A01_a_fork),
		cmocka_unit_test(test_leaf_too_many),
		cmocka_unit_test(test_event_says_everything),
		cmocka_unit_test(test_every_member_is_written),
		cmocka_unit_test(test_A03_text_is_escaped),
		cmocka_unit_test(test_event_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
