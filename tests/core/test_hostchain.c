/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The logs of hosts inside the audit log: what they say when they are whole, and everything that can be missing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/growth.h"
#include "libztjit/core/hostchain.h"
#include "tests/core/support.h"

/* A host's log as it is written, and the leaves that tell of it. */
struct chain {
	const char *host;
	int64_t seq;
	uint8_t head[ZTJ_DIGEST_LEN];
};
static struct ztj_hostchains *h;
static uint64_t n;

static int setup(void **state)
{
	(void)state;
	n = 0;
	return ztj_hostchains_new(&h);
}

static int teardown(void **state)
{
	(void)state;
	ztj_hostchains_free(h);
	return 0;
}

/* A decision with this line, as the broker writes it. */
static void leaf(const char *host, const char *line)
{
	struct ztj_event e = { .n = n++, .time = 1767225600, .kind = "decision", .outcome = "denied" };
	struct ztj_event_in in;
	struct ztj_buf b;

	e.host = host;
	e.line = line;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(&e, &b));
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	ok(ztj_hostchains_leaf(h, &in));
	ztj_event_free(&in);
	ztj_buf_free(&b);
}

static void next(struct chain *c, char *out, size_t size)
{
	char prev[ZTJ_HEX_SIZE];

	ztj_hex(c->head, sizeof(c->head), prev);
	c->seq++;
	(void)snprintf(out, size,
	    "{\"v\":1,\"seq\":%lld,\"prev\":\"%s\",\"host\":\"%s\",\"text\":\"\\\\ \\u001b \\\"\"}",
	    (long long)c->seq, prev, c->host);
	ok(ztj_sha256(ztj_view_str(out), c->head));
}

static void go_on(struct chain *c, int lines)
{
	char line[512];

	for (int i = 0; i < lines; i++) {
		next(c, line, sizeof(line));
		leaf(c->host, line);
	}
}

/* The only finding, or one of them. */
static void expect(size_t i, const char *host, int what, int64_t first, int64_t last)
{
	const struct ztj_hostchain_found *f;

	assert_true(ztj_hostchains_found(h, &f) > i);
	assert_string_equal(f[i].host, host);
	assert_int_equal(f[i].what, what);
	assert_int_equal(f[i].first, first);
	assert_int_equal(f[i].last, last);
}

static size_t found(void)
{
	const struct ztj_hostchain_found *f;

	return ztj_hostchains_found(h, &f);
}

static void test_whole(void **state)
{
	struct chain a = { .host = "servers/web1" }, b = { .host = "servers/web2" };
	struct ztj_event e = { .time = 1767225600,
		.kind = "statement",
		.outcome = "accepted",
		.host = "servers/web1" };
	struct ztj_event_in in;
	struct ztj_buf buf;

	(void)state;
	go_on(&a, 3);
	go_on(&b, 2);
	go_on(&a, 1);
	/* what is no line of a host */
	ztj_buf_init(&buf, ZTJ_ENTRY_MAX);
	e.line = "not looked at";
	ok(ztj_event_write(&e, &buf));
	ok(ztj_event_read(ztj_buf_view(&buf), &in));
	ok(ztj_hostchains_leaf(h, &in));
	ztj_event_free(&in);
	ztj_buf_free(&buf);
	leaf("servers/web1", "");
	go_on(&b, 1);
	assert_int_equal(found(), 0);
	assert_int_equal(ztj_hostchains_count(h).hosts, 2);
	assert_int_equal(ztj_hostchains_count(h).lines, 7);
}

static void test_A01_gap(void **state)
{
	struct chain a = { .host = "servers/web1" }, b = { .host = "servers/web2" };
	char line[512];

	(void)state;
	go_on(&a, 2);
	go_on(&b, 1);
	for (int i = 0; i < 3; i++)
		next(&a, line, sizeof(line)); /* never came */
	go_on(&a, 2);
	go_on(&b, 1);
	assert_int_equal(found(), 1);
	expect(0, "servers/web1", ZTJ_CHAIN_GAP, 3, 5);
	/* the first lines are missing as well when there are none */
	a = (struct chain){ .host = "servers/db1" };
	next(&a, line, sizeof(line));
	go_on(&a, 1);
	expect(1, "servers/db1", ZTJ_CHAIN_GAP, 1, 1);
}

static void test_A01_fork(void **state)
{
	struct chain a = { .host = "servers/web1" }, at;

	(void)state;
	go_on(&a, 3);
	at = a;
	go_on(&a, 3);
	/* another line 4, and from there on */
	at.head[0] ^= 1;
	go_on(&at, 2);
	assert_int_equal(found(), 1);
	expect(0, "servers/web1", ZTJ_CHAIN_FORK, 4, 4);
	/* the next line does not name the one before */
	at.head[7] ^= 1;
	go_on(&at, 1);
	assert_int_equal(found(), 2);
	expect(1, "servers/web1", ZTJ_CHAIN_FORK, 6, 6);
}

static void test_begins_anew(void **state)
{
	struct chain a = { .host = "servers/web1" }, again = { .host = "servers/web1" };

	(void)state;
	go_on(&a, 3);
	go_on(&again, 3);
	assert_int_equal(found(), 1);
	expect(0, "servers/web1", ZTJ_CHAIN_ANEW, 1, 1);
	/* line 1 with something before it is no beginning */
	again = (struct chain){ .host = "servers/web1", .head = { 1 } };
	go_on(&again, 1);
	expect(1, "servers/web1", ZTJ_CHAIN_FORK, 1, 1);
}

static void test_no_lines(void **state)
{
	static const char *const bad[] = { "{}", "x", "[1]", "{\"seq\":0}", "{\"seq\":1,\"prev\":\"00\"}",
		"{\"seq\":\"1\"}" };
	struct chain other = { .host = "servers/web2" };
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		leaf("servers/web1", bad[i]);
		expect(i, "servers/web1", ZTJ_CHAIN_BAD, 0, 0);
	}
	/* of another host */
	next(&other, line, sizeof(line));
	leaf("servers/web1", line);
	expect(sizeof(bad) / sizeof(bad[0]), "servers/web1", ZTJ_CHAIN_BAD, 0, 0);
}

/* Many hosts, and more findings than are kept. */
static void test_many(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		char name[64];
		struct chain c = { .host = name };

		(void)snprintf(name, sizeof(name), "servers/h%d", i);
		go_on(&c, 1);
		if (i >= 2000) {
			c.seq++;
			go_on(&c, 1);
		}
	}
	assert_int_equal(ztj_hostchains_count(h).hosts, 3000);
	assert_int_equal(found(), ZTJ_HOSTCHAIN_FOUND);
	assert_int_equal(ztj_hostchains_count(h).more, 1000 - ZTJ_HOSTCHAIN_FOUND);
	expect(0, "servers/h2000", ZTJ_CHAIN_GAP, 2, 2);
}

/* ---- the proof of growth as it travels ---- */

static void test_growth_json(void **state)
{
	struct ztj_growth_proof p = { .from = 3, .to = 9, .n = 4 }, q;
	struct ztj_buf b;

	(void)state;
	for (size_t i = 0; i < p.n; i++)
		memset(p.path[i], (int)i + 1, sizeof(p.path[i]));
	ztj_buf_init(&b, ZTJ_GROWTH_JSON_MAX);
	ok(ztj_growth_write(&p, &b));
	ok(ztj_growth_read(ztj_buf_view(&b), &q));
	assert_int_equal(q.from, 3);
	assert_int_equal(q.to, 9);
	assert_int_equal(q.n, 4);
	assert_memory_equal(q.path, p.path, 4 * sizeof(p.path[0]));
	for (size_t i = 0; i < b.n; i++)
		assert_int_not_equal(ztj_growth_read(ztj_view_of(b.p, i), &q), ZTJ_OK);
	ztj_buf_free(&b);
	/* the longest that there is fits */
	p = (struct ztj_growth_proof){ .from = ZTJ_LOG_MAX, .to = ZTJ_LOG_MAX, .n = ZTJ_PROOF_MAX };
	ztj_buf_init(&b, ZTJ_GROWTH_JSON_MAX);
	ok(ztj_growth_write(&p, &b));
	ok(ztj_growth_read(ztj_buf_view(&b), &q));
	assert_int_equal(q.n, ZTJ_PROOF_MAX);
	ztj_buf_free(&b);
}

static void test_growth_json_that_is_none(void **state)
{
	static const struct {
		const char *json;
		int err;
	} bad[] = {
		{ "{\"from\":0,\"to\":2,\"proof\":[]}", ZTJ_MEMBER_TYPE },
		{ "{\"from\":1,\"to\":9007199254740993,\"proof\":[]}", ZTJ_MEMBER_TYPE },
		{ "{\"from\":1,\"proof\":[]}", ZTJ_MEMBER_MISSING },
		{ "{\"from\":1,\"to\":2,\"proof\":[],\"more\":1}", ZTJ_MEMBER_UNKNOWN },
		{ "{\"from\":1,\"to\":2,\"proof\":{}}", ZTJ_MEMBER_TYPE },
		{ "{\"from\":1,\"to\":2,\"proof\":[7]}", ZTJ_MEMBER_TYPE },
		{ "{\"from\":1,\"to\":2,\"proof\":[\"AAAA\"]}", ZTJ_MEMBER_TYPE },
	};
	struct ztj_growth_proof p;
	struct ztj_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(ztj_growth_read(ztj_view_str(bad[i].json), &p), bad[i].err);
	ztj_buf_init(&b, ZTJ_GROWTH_JSON_MAX);
	ok(ztj_buf_puts(&b, "{\"from\":1,\"to\":2,\"proof\":[\"\""));
	for (int i = 0; i < ZTJ_PROOF_MAX; i++)
		ok(ztj_buf_puts(&b, ",\"\""));
	ok(ztj_buf_puts(&b, "]}"));
	fails(ztj_growth_read(ztj_buf_view(&b), &p), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_whole),
		T(test_A01_gap),
		T(test_A01_fork),
		T(test_begins_anew),
		T(test_no_lines),
		T(test_many),
		cmocka_unit_test(test_growth_json),
		cmocka_unit_test(test_growth_json_that_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
