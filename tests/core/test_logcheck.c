/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The check of a whole log: on a small one, everything that can be done to it (A01). */
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

static void swap_leaves(struct log *l, size_t a, size_t b)
{
	struct ztj_view v = l->leaf[a];

	l->leaf[a] = l->leaf[b];
	l->leaf[b] = v;
}

static void swap(struct log *l, size_t a, size_t b)
{
	ztj_hash h;

	swap_leaves(l, a, b);
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
			l->no_tiles = true;
			fails(check(l, SMALL, NULL, c), ZTJ_LOG_ALTERED);
			assert_int_equal(c->bad, a);
			l->no_tiles = false;
			swap(l, a, b);
			swap_leaves(l, a, b); /* the tiles as they were */
			fails(check(l, SMALL, NULL, c), ZTJ_LOG_ALTERED);
			assert_int_equal(c->bad, a);
			swap_leaves(l, a, b);
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

/* The tiles as they were, and none: the leaf behind the one that is gone stands in its place. */
static void test_A01_every_removal_from_the_entries(void **state)
{
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t gone = 0; gone < SMALL; gone++)
		for (int tiles = 0; tiles < 2; tiles++) {
			struct log *l = make(SMALL);

			for (size_t i = gone; i + 1 < SMALL; i++)
				swap_leaves(l, i, i + 1);
			l->no_tiles = tiles == 0;
			/* as a bundle of one leaf less, and as a log of one leaf less */
			struct ztj_buf b;
			bundle(l, 0, SMALL - 1, &b);
			const struct ztj_view v = ztj_buf_view(&b);
			fails(check(l, SMALL, &v, c), ZTJ_LOG_ALTERED);
			assert_int_equal(c->bad, gone);
			assert_int_not_equal(check(l, SMALL - 1, NULL, c), ZTJ_OK);
			assert_int_equal(c->bad, gone);
			ztj_buf_free(&b);
			drop(l);
		}
	free(c);
}

/* All that follows renumbered and made anew: only the checkpoint tells. */
static void test_A01_every_removal_renumbered(void **state)
{
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t gone = 0; gone < SMALL; gone++) {
		struct log *kept = make(SMALL), *l = make(0);
		struct ztj_event e = { .kind = "statement", .outcome = "accepted", .person = "people/alice" };

		/* their words as they were, one place further to the front; and as many new ones as it takes */
		for (size_t i = 0; i < SMALL; i++) {
			size_t was = i < gone ? i : i + 1;
			ztj_hash h;

			add(l, i);
			e.n = i;
			e.time = 1767225600 + (int64_t)was;
			e.type = was % 2 == 0 ? "request" : "approval";
			ztj_buf_reset(&l->mem[i]);
			ok(ztj_event_write(&e, &l->mem[i]));
			l->leaf[i] = ztj_buf_view(&l->mem[i]);
			memset(&l->tree, 0, sizeof(l->tree));
			for (size_t k = 0; k <= i; k++) {
				ok(ztj_merkle_leaf(l->leaf[k], h));
				ok(ztj_tlog_append(&l->tree, h, NULL, NULL));
				memcpy(l->tile0[0][k], h, sizeof(h));
			}
		}
		l->head = kept->head;
		fails(check(l, SMALL, NULL, c), ZTJ_LOG_FORK);
		fails(check(l, SMALL - 1, NULL, c), ZTJ_LOG_ROLLBACK);
		drop(l);
		drop(kept);
	}
	free(c);
}

/* Leaves cut off its end, tiles and all. */
static void test_A01_every_cut(void **state)
{
	static const size_t sizes[] = { SMALL, 257, 513 };
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct log *whole = make(sizes[s]);

		for (size_t n = sizes[s] - SMALL; n < sizes[s]; n++) {
			struct log *l = make(n);

			l->head = whole->head;
			fails(check(l, n, NULL, c), ZTJ_LOG_ROLLBACK);
			assert_int_equal(c->bad, n);
			assert_int_equal(c->last, sizes[s] - 1);
			drop(l);
		}
		drop(whole);
	}
	free(c);
}

/* A leaf twice, another one in between. */
static void test_A01_every_insertion(void **state)
{
	struct ztj_logcheck *c = new_check();

	(void)state;
	for (size_t at = 1; at <= SMALL; at++) {
		struct log *whole = make(SMALL), *l = make(0);

		for (size_t i = 0; i <= SMALL; i++)
			add(l, i < at ? i : i - 1);
		l->head = whole->head;
		assert_int_not_equal(check(l, l->n, NULL, c), ZTJ_OK);
		assert_int_equal(c->bad, at);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_logs),
		cmocka_unit_test(test_A01_every_bit_of_the_entries),
		cmocka_unit_test(test_A01_every_bit_of_the_tiles),
		cmocka_unit_test(test_A01_every_swap),
		cmocka_unit_test(test_A01_every_removal),
		cmocka_unit_test(test_A01_every_removal_from_the_entries),
		cmocka_unit_test(test_A01_every_removal_renumbered),
		cmocka_unit_test(test_A01_every_cut),
		cmocka_unit_test(test_A01_every_insertion),
		cmocka_unit_test(test_A01_a_fork),
		cmocka_unit_test(test_leaf_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
