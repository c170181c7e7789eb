/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The tree of a log, its tiles and its proofs, against the plain definitions of RFC 9162. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/tlog.h"
#include "tests/core/support.h"

#define MANY 1100

/* All leaves, and the tiles as the log gave them. */
struct world {
	ztj_hash leaf[MANY];
	size_t n;
	struct ztj_tlog log;
	struct {
		struct ztj_tile t;
		ztj_hash hash[ZTJ_TILE_WIDTH];
	} full[8];
	size_t nfull;
	uint64_t size; /* pretended */
};

static const ztj_hash *in(ztj_hash *h)
{
	return (const ztj_hash *)h;
}

static int on_full(void *arg, const struct ztj_tile *t, const ztj_hash *hashes)
{
	struct world *w = arg;

	assert_in_range(w->nfull, 0, 7);
	w->full[w->nfull].t = *t;
	memcpy(w->full[w->nfull++].hash, hashes, sizeof(w->full[0].hash));
	return ZTJ_OK;
}

/* By the definition: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]). */
static int by_definition(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct world *w = arg;
	size_t each = (size_t)1 << (8 * t->level);

	assert_false(t->entries);
	assert_int_equal(t->width, ztj_tile_width(w->size, t->level, t->index));
	assert_true(t->width > 0);
	for (size_t i = 0; i < t->width; i++)
		ok(ztj_merkle_root(in(w->leaf) + (t->index * 256 + i) * each, each, out[i]));
	return ZTJ_OK;
}

static struct world *make(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (uint32_t i = 0; i < MANY; i++)
		ok(ztj_merkle_leaf(ztj_view_of(&i, sizeof(i)), w->leaf[i]));
	return w;
}

static void test_roots_while_it_grows(void **state)
{
	struct world *w = make();
	ztj_hash root, want, tile[ZTJ_TILE_WIDTH];

	(void)state;
	for (size_t n = 0;; n++) {
		ok(ztj_tlog_root(&w->log, root));
		ok(ztj_merkle_root(in(w->leaf), n, want));
		assert_memory_equal(root, want, sizeof(root));
		assert_int_equal(w->log.size, n);
		if (n == MANY)
			break;
		ok(ztj_tlog_append(&w->log, w->leaf[n], on_full, w));
	}
	assert_int_equal(w->nfull, MANY / 256);
	w->size = MANY;
	for (size_t i = 0; i < w->nfull; i++) {
		assert_int_equal(w->full[i].t.level, 0);
		assert_int_equal(w->full[i].t.index, i);
		ok(by_definition(w, &w->full[i].t, tile));
		assert_memory_equal(w->full[i].hash, tile, sizeof(tile));
	}
	free(w);
}

static int refuse(void *arg, const struct ztj_tile *t, const ztj_hash *hashes)
{
	(void)arg;
	(void)t;
	(void)hashes;
	return ZTJ_NO_SPACE;
}

static void test_ends_of_growth(void **state)
{
	static const ztj_hash leaf;
	struct ztj_tlog *log = calloc(1, sizeof(*log));

	(void)state;
	assert_non_null(log);
	log->size = ZTJ_LOG_MAX;
	fails(ztj_tlog_append(log, leaf, NULL, NULL), ZTJ_LIMIT);
	/* three levels fill up at once */
	log->size = (UINT64_C(1) << 24) - 1;
	ok(ztj_tlog_append(log, leaf, NULL, NULL));
	log->size = 255;
	fails(ztj_tlog_append(log, leaf, refuse, NULL), ZTJ_NO_SPACE);
	free(log);
}

static void test_level_two(void **state)
{
	/* 65,536 leaves and some: a full tile of level 1 is one hash of level 2 */
	size_t n = 65536 + 300;
	ztj_hash *leaves = calloc(n, sizeof(*leaves)), root, want;
	struct ztj_tlog *log = calloc(1, sizeof(*log));

	(void)state;
	assert_true(leaves != NULL && log != NULL);
	for (size_t i = 0; i < n; i++) {
		memcpy(leaves[i], &i, sizeof(i));
		ok(ztj_tlog_append(log, leaves[i], NULL, NULL));
	}
	ok(ztj_tlog_root(log, root));
	ok(ztj_merkle_root(in(leaves), n, want));
	assert_memory_equal(root, want, sizeof(root));
	ok(ztj_merkle_root(in(leaves), 65536, want));
	assert_memory_equal(log->tile[2][0], want, sizeof(want));
	free(leaves);
	free(log);
}

static void test_widths(void **state)
{
	(void)state;
	/* the examples of the specification */
	assert_int_equal(ztj_tile_width(70000, 0, 272), 256);
	assert_int_equal(ztj_tile_width(70000, 0, 273), 112);
	assert_int_equal(ztj_tile_width(70000, 0, 274), 0);
	assert_int_equal(ztj_tile_width(70000, 1, 0), 256);
	assert_int_equal(ztj_tile_width(70000, 1, 1), 17);
	assert_int_equal(ztj_tile_width(70000, 2, 0), 1);
	assert_int_equal(ztj_tile_width(70000, 3, 0), 0);
	assert_int_equal(ztj_tile_width(256, 0, 0), 256);
	assert_int_equal(ztj_tile_width(256, 0, 1), 0);
	assert_int_equal(ztj_tile_width(256, 1, 0), 1);
	assert_int_equal(ztj_tile_width(0, 0, 0), 0);
	assert_int_equal(ztj_tile_width(ZTJ_LOG_MAX, 6, 0), 32);
	assert_int_equal(ztj_tile_width(ZTJ_LOG_MAX, 7, 0), 0);
	assert_int_equal(ztj_tile_width(ZTJ_LOG_MAX, 64, 0), 0);
}

static void test_paths(void **state)
{
	static const struct {
		struct ztj_tile t;
		const char *path;
	} good[] = { { { false, 0, 0, 256 }, "tile/0/000" }, { { false, 0, 5, 1 }, "tile/0/005.p/1" },
		{ { false, 6, 999, 255 }, "tile/6/999.p/255" },
		{ { false, 1, 1000, 256 }, "tile/1/x001/000" },
		{ { false, 0, 1234067, 256 }, "tile/0/x001/x234/067" },
		{ { true, 0, 1234067, 8 }, "tile/entries/x001/x234/067.p/8" },
		{ { true, 0, 0, 256 }, "tile/entries/000" },
		{ { false, 0, ZTJ_LOG_MAX / 256, 255 }, "tile/0/x035/x184/x372/x088/832.p/255" } };
	static const char *const bad[] = { "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00",
		"tile/0/0000", "tile/00/000", "tile/+0/000", "tile/7/000", "tile/64/000", "tile/-1/000",
		"tile/0/x000", "tile/0/x000/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/001/",
		"tile/0/x01/000", "tile/0/x001", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000p/1", "tile/0/000.p/1 ",
		"tile/0/0a0", "tile/0/../0/000", "tile/entries", "tile/entries/", "tile/entry/000",
		"tile/ENTRIES/000", "/tile/0/000", "tile//000", "tile/0//000", "tile/0/X001/000",
		"tile/0/x001/x000", "tile/0/x999/x999/x999/x999/x999/x999/999",
		"tile/0/x111/x111/x111/x111/x111/x111/x111/x111/x111/x111/x111/x111/111" };
	char path[ZTJ_TILE_PATH_SIZE];
	struct ztj_tile t;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ztj_tile_path(&good[i].t, path);
		assert_string_equal(path, good[i].path);
		ok(ztj_tile_parse(path, &t));
		assert_true(t.entries == good[i].t.entries && t.level == good[i].t.level);
		assert_true(t.index == good[i].t.index && t.width == good[i].t.width);
		for (size_t n = 0; n < strlen(path); n++) {
			char cut[ZTJ_TILE_PATH_SIZE] = "";

			memcpy(cut, path, n);
			/* what is cut is refused, or the name of another tile */
			if (ztj_tile_parse(cut, &t) == ZTJ_OK)
				assert_false(t.index == good[i].t.index && t.width == good[i].t.width);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(ztj_tile_parse(bad[i], &t), ZTJ_BAD_NAME);
}

static void test_entries(void **state)
{
	static const char *const text[] = { "one", "", "three" };
	struct ztj_view v;
	struct ztj_buf b;
	struct ztj_rd rd;
	uint8_t *large = calloc(1, ZTJ_ENTRY_MAX + 1);

	(void)state;
	assert_non_null(large);
	ztj_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < 3; i++)
		ok(ztj_entry_put(&b, ztj_view_str(text[i])));
	assert_memory_equal(b.p, "\0\3one\0\0\0\5three", b.n);
	for (size_t n = 0; n <= b.n; n++) {
		size_t whole = n < 5 ? 0 : n < 7 ? 1 : n < 14 ? 2 : 3, got = 0;
		int r;

		ztj_rd_init(&rd, ztj_view_of(b.p, n));
		while ((r = ztj_entry_next(&rd, &v)) == ZTJ_OK)
			assert_true(ztj_view_eq_str(v, text[got++]));
		assert_int_equal(got, whole);
		fails(r, n == 0 || n == 5 || n == 7 || n == 14 ? ZTJ_NOT_FOUND : ZTJ_TRUNCATED);
	}
	fails(ztj_entry_put(&b, ztj_view_of(large, ZTJ_ENTRY_MAX + 1)), ZTJ_TOO_LARGE);
	ztj_buf_reset(&b);
	ok(ztj_entry_put(&b, ztj_view_of(large, ZTJ_ENTRY_MAX)));
	ztj_rd_init(&rd, ztj_buf_view(&b));
	ok(ztj_entry_next(&rd, &v));
	assert_int_equal(v.n, ZTJ_ENTRY_MAX);
	ztj_buf_free(&b);
	free(large);
}

static void test_inclusion(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 7, 8, 255, 256, 257, 513, 770, 1100 };
	struct world *w = make();
	struct ztj_tiles tiles = { by_definition, w, 0 };
	ztj_hash path[ZTJ_PROOF_MAX], plain[ZTJ_PROOF_MAX], root;
	size_t len, want;

	(void)state;
	w->size = tiles.size = MANY;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t n = sizes[s];

		ok(ztj_tlog_root_at(&tiles, n, root));
		for (uint64_t m = 0; m < n; m += n < 10 ? 1 : 37) {
			ok(ztj_tlog_prove(&tiles, m, n, path, &len));
			ok(ztj_merkle_prove(in(w->leaf), n, m, plain, &want));
			assert_int_equal(len, want);
			assert_memory_equal(path, plain, len * sizeof(path[0]));
			ok(ztj_merkle_verify(w->leaf[m], m, n, in(path), len, root));
		}
		fails(ztj_tlog_prove(&tiles, n, n, path, &len), ZTJ_NOT_FOUND);
	}
	fails(ztj_tlog_prove(&tiles, 0, MANY + 1, path, &len), ZTJ_NOT_FOUND);
	fails(ztj_tlog_root_at(&tiles, MANY + 1, root), ZTJ_NOT_FOUND);
	free(w);
}

static void grow(struct world *w, uint64_t m, uint64_t n)
{
	struct ztj_tiles tiles = { by_definition, w, n };
	ztj_hash path[ZTJ_PROOF_MAX], old, new;
	struct ztj_growth g = { m, n, old, new };
	size_t len;

	w->size = n;
	ok(ztj_merkle_root(in(w->leaf), m, old));
	ok(ztj_merkle_root(in(w->leaf), n, new));
	ok(ztj_tlog_prove_growth(&tiles, m, n, path, &len));
	ok(ztj_tlog_verify_growth(&g, in(path), len));
	/* nothing of it can be other than it is */
	for (size_t i = 0; i < len; i++) {
		path[i][3] ^= 0x10;
		fails(ztj_tlog_verify_growth(&g, in(path), len), ZTJ_LOG_FORK);
		path[i][3] ^= 0x10;
	}
	if (len > 0)
		fails(ztj_tlog_verify_growth(&g, in(path), len - 1), ZTJ_LOG_FORK);
	memset(path[len], 7, sizeof(path[len]));
	fails(ztj_tlog_verify_growth(&g, in(path), len + 1), ZTJ_LOG_FORK);
	old[0] ^= 1;
	fails(ztj_tlog_verify_growth(&g, in(path), len), ZTJ_LOG_FORK);
	old[0] ^= 1;
	new[31] ^= 1;
	fails(ztj_tlog_verify_growth(&g, in(path), len), ZTJ_LOG_FORK);
	new[31] ^= 1;
	for (uint64_t other = m > 3 ? m - 3 : 1; other < m + 3 && other <= n; other++) {
		g.m = other;
		if (other != m)
			fails(ztj_tlog_verify_growth(&g, in(path), len), ZTJ_LOG_FORK);
	}
	if (m > 1) {
		g.m = m;
		g.n = m - 1;
		fails(ztj_tlog_verify_growth(&g, in(path), len), ZTJ_LOG_ROLLBACK);
	}
}

static void test_growth(void **state)
{
	static const uint64_t large[][2] = { { 1, 256 }, { 255, 256 }, { 256, 257 }, { 256, 1024 },
		{ 300, 777 }, { 511, 1100 }, { 512, 1100 }, { 1099, 1100 } };
	struct world *w = make();

	(void)state;
	for (uint64_t n = 1; n <= 17; n++)
		for (uint64_t m = 1; m <= n; m++)
			grow(w, m, n);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		grow(w, large[i][0], large[i][1]);
	free(w);
}

static void test_growth_from_nothing(void **state)
{
	ztj_hash empty, other = { 1 }, path[ZTJ_PROOF_MAX] = { { 0 } };
	struct ztj_growth g = { 0, 5, empty, other };
	struct ztj_tiles tiles = { by_definition, NULL, 5 };
	size_t len;

	(void)state;
	ok(ztj_sha256(ztj_view_of(NULL, 0), empty));
	ok(ztj_tlog_verify_growth(&g, NULL, 0));
	fails(ztj_tlog_verify_growth(&g, in(path), 1), ZTJ_LOG_FORK);
	g.n = 0;
	fails(ztj_tlog_verify_growth(&g, NULL, 0), ZTJ_LOG_FORK);
	g.new_root = empty;
	ok(ztj_tlog_verify_growth(&g, NULL, 0));
	g.old_root = other;
	fails(ztj_tlog_verify_growth(&g, NULL, 0), ZTJ_LOG_FORK);
	fails(ztj_tlog_prove_growth(&tiles, 0, 5, path, &len), ZTJ_NOT_FOUND);
	fails(ztj_tlog_prove_growth(&tiles, 6, 5, path, &len), ZTJ_NOT_FOUND);
	fails(ztj_tlog_prove_growth(&tiles, 1, 6, path, &len), ZTJ_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots_while_it_grows),
		cmocka_unit_test(test_ends_of_growth),
		cmocka_unit_test(test_level_two),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_growth_from_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
