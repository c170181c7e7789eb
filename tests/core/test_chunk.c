/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Chunks of a record and their chain. */
#include <string.h>

#include "libztjit/core/chunk.h"
#include "tests/core/support.h"

static const char body[] = "the body";

static void make(struct ztj_chunk *c, const struct ztj_chain *chain)
{
	memset(c, 0, sizeof(*c));
	c->seq = chain->chunks;
	memcpy(c->prev, chain->digest, ZTJ_DIGEST_LEN);
	c->at = chain->at + 5;
	c->events = 3;
	c->text = 77;
	c->body = ztj_view_of(body, sizeof(body) - 1);
}

static void test_layout(void **state)
{
	static const uint8_t want[] = "ZTJK\x01\x03\x01\x02\x03\x04"
				      "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP"
				      "\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x07\x00\x10\x00\x00"
				      "\x00\x00\x00\x02xy";
	struct ztj_chunk c = { .flags = ZTJ_CHUNK_SEALED | ZTJ_CHUNK_LAST,
		.seq = 0x01020304,
		.at = (UINT64_C(1) << 32) + 2,
		.events = 7,
		.text = ZTJ_CHUNK_TEXT_MAX,
		.body = ztj_view_str("xy") };
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_chunk back;
	struct ztj_buf b;

	(void)state;
	memset(c.prev, 'P', sizeof(c.prev));
	ztj_buf_init(&b, 1 << 20);
	ok(ztj_chunk_write(&c, &b));
	assert_int_equal(b.n, sizeof(want) - 1);
	assert_int_equal(b.n, ZTJ_CHUNK_HEADER + 2);
	assert_memory_equal(b.p, want, b.n);
	assert_int_equal(c.size, b.n);
	ok(ztj_sha256(ztj_buf_view(&b), digest));
	assert_memory_equal(c.digest, digest, sizeof(digest));
	ok(ztj_buf_puts(&b, "what follows"));
	ok(ztj_chunk_read(ztj_buf_view(&b), &back));
	assert_int_equal(back.size, c.size);
	assert_int_equal(back.flags, 3);
	assert_int_equal(back.seq, c.seq);
	assert_memory_equal(back.prev, c.prev, sizeof(c.prev));
	assert_true(back.at == c.at && back.events == 7 && back.text == ZTJ_CHUNK_TEXT_MAX);
	assert_true(ztj_view_eq_str(back.body, "xy"));
	assert_memory_equal(back.digest, digest, sizeof(digest));
	ztj_buf_free(&b);
}

static void test_truncated_at_every_length(void **state)
{
	struct ztj_chain chain = { 0 };
	struct ztj_chunk c, back;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	make(&c, &chain);
	ok(ztj_chunk_write(&c, &b));
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = test_malloc(n + 1);

		memcpy(copy, b.p, n);
		fails(ztj_chunk_read(ztj_view_of(copy, n), &back), ZTJ_TRUNCATED);
		assert_null(back.body.p);
		assert_int_equal(back.size, 0);
		test_free(copy);
	}
	ztj_buf_free(&b);
}

/* What is wrong is said at the first byte that shows it, not after waiting for the rest. */
static void test_refused_as_early_as_it_shows(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		size_t shown;
		int want;
	} cases[] = {
		{ 0, 'X', 1, ZTJ_BAD_ENCODING },
		{ 3, 'k', 4, ZTJ_BAD_ENCODING },
		{ 4, 0, 5, ZTJ_VERSION },
		{ 4, 2, 5, ZTJ_VERSION },
		{ 5, 4, 6, ZTJ_BAD_ENCODING },
		{ 5, 0x83, 6, ZTJ_BAD_ENCODING },
		{ 54, 1, 58, ZTJ_TOO_LARGE }, /* text */
		{ 55, 0x11, 58, ZTJ_TOO_LARGE },
		{ 58, 1, 62, ZTJ_TOO_LARGE }, /* body */
		{ 59, 0x11, 62, ZTJ_TOO_LARGE },
	};
	struct ztj_chain chain = { 0 };
	struct ztj_chunk c, back;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ztj_buf_reset(&b);
		make(&c, &chain);
		ok(ztj_chunk_write(&c, &b));
		b.p[cases[i].at] = cases[i].value;
		for (size_t n = 0; n <= b.n; n++)
			fails(ztj_chunk_read(ztj_view_of(b.p, n), &back),
			    n < cases[i].shown ? ZTJ_TRUNCATED : cases[i].want);
	}
	ztj_buf_free(&b);
}

static void test_nothing_over_a_limit_is_written(void **state)
{
	static uint8_t big[ZTJ_CHUNK_BODY_MAX + 1];
	struct ztj_chunk c = { .body = ztj_view_of(big, sizeof(big)) };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 2 * sizeof(big));
	fails(ztj_chunk_write(&c, &b), ZTJ_TOO_LARGE);
	c.body.n--;
	c.text = ZTJ_CHUNK_TEXT_MAX + 1;
	fails(ztj_chunk_write(&c, &b), ZTJ_TOO_LARGE);
	c.text--;
	c.flags = 4;
	fails(ztj_chunk_write(&c, &b), ZTJ_BAD_ENCODING);
	c.flags = 0;
	assert_int_equal(b.n, 0);
	ok(ztj_chunk_write(&c, &b));
	ok(ztj_chunk_read(ztj_buf_view(&b), &c));
	ztj_buf_free(&b);
}

/* Adds one chunk made for the chain after `change` had its way with it. */
static int add(struct ztj_chain *chain, void (*change)(struct ztj_chunk *))
{
	struct ztj_chunk c, back;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 4096);
	make(&c, chain);
	if (change != NULL)
		change(&c);
	ok(ztj_chunk_write(&c, &b));
	ok(ztj_chunk_read(ztj_buf_view(&b), &back));
	r = ztj_chain_add(chain, &back);
	ztj_buf_free(&b);
	return r;
}

static void gap(struct ztj_chunk *c)
{
	c->seq++;
}

static void other_prev(struct ztj_chunk *c)
{
	c->prev[31] ^= 1;
}

static void back_in_time(struct ztj_chunk *c)
{
	c->at = 4;
}

static void last(struct ztj_chunk *c)
{
	c->flags = ZTJ_CHUNK_LAST;
}

static void test_chain(void **state)
{
	struct ztj_chain chain = { 0 }, was;

	(void)state;
	fails(add(&chain, gap), ZTJ_CHAIN);
	fails(add(&chain, other_prev), ZTJ_CHAIN);
	ok(add(&chain, NULL));
	was = chain;
	fails(add(&chain, gap), ZTJ_CHAIN);
	fails(add(&chain, other_prev), ZTJ_CHAIN);
	fails(add(&chain, back_in_time), ZTJ_CHAIN);
	assert_memory_equal(&was, &chain, sizeof(chain));
	ok(add(&chain, NULL));
	assert_int_equal(chain.chunks, 2);
	assert_int_equal(chain.bytes, 2 * (ZTJ_CHUNK_HEADER + sizeof(body) - 1));
	assert_int_equal(chain.at, 10);
	assert_false(chain.last);
	ok(add(&chain, last));
	assert_true(chain.last);
	fails(add(&chain, NULL), ZTJ_TRAILING);
	chain.last = false;
	chain.chunks = UINT32_MAX;
	fails(add(&chain, NULL), ZTJ_LIMIT);
	chain.chunks = 3;
	chain.bytes = UINT64_MAX - 3;
	fails(add(&chain, NULL), ZTJ_LIMIT);
}

static void test_head_names_one_place(void **state)
{
	static struct ztj_stmt head;
	struct ztj_chain chain = { 0 };

	(void)state;
	head.type = ZTJ_STMT_HEAD;
	assert_true(ztj_chain_is(&chain, &head));
	ok(add(&chain, NULL));
	assert_false(ztj_chain_is(&chain, &head));
	head.u.head.chunks = 1;
	head.u.head.bytes = (int64_t)chain.bytes;
	memcpy(head.u.head.digest, chain.digest, ZTJ_DIGEST_LEN);
	assert_true(ztj_chain_is(&chain, &head));
	head.u.head.bytes++;
	assert_false(ztj_chain_is(&chain, &head));
	head.u.head.bytes--;
	head.u.head.digest[0] ^= 1;
	assert_false(ztj_chain_is(&chain, &head));
	head.u.head.digest[0] ^= 1;
	head.type = ZTJ_STMT_KILL;
	assert_false(ztj_chain_is(&chain, &head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_truncated_at_every_length),
		cmocka_unit_test(test_refused_as_early_as_it_shows),
		cmocka_unit_test(test_nothing_over_a_limit_is_written),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_head_names_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
