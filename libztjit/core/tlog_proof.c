/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Roots and proofs out of tiles (RFC 9162 section 2.1), and the verification of growth. */
#include <string.h>

#include "libztjit/core/tlog.h"

/* The complete subtree of 2^h leaves that begins at leaf `from`: part of one tile. */
static int complete(const struct ztj_tiles *tiles, uint64_t from, unsigned h, ztj_hash out)
{
	ztj_hash hashes[ZTJ_TILE_WIDTH];
	struct ztj_tile t = { .level = h / 8 };
	uint64_t at = from >> (8 * t.level);
	size_t n = (size_t)1 << (h % 8), first = (size_t)(at % ZTJ_TILE_WIDTH);
	int r;

	t.index = at / ZTJ_TILE_WIDTH;
	t.width = ztj_tile_width(tiles->size, t.level, t.index);
	if (first + n > t.width)
		return ZTJ_NOT_FOUND;
	r = tiles->read(tiles->arg, &t, hashes);
	return r == ZTJ_OK ? ztj_merkle_root((const ztj_hash *)(hashes + first), n, out) : r;
}

/* The largest power of two below n, n > 1. */
static uint64_t split(uint64_t n, unsigned *h)
{
	uint64_t k = 1;

	for (*h = 0; k < n - k; (*h)++)
		k <<= 1;
	return k;
}

/* The root over the n > 0 leaves from `from`, which begins a subtree: complete subtrees, joined from the right. */
static int range(const struct ztj_tiles *tiles, uint64_t from, uint64_t n, ztj_hash out)
{
	ztj_hash part[ZTJ_PROOF_MAX];
	size_t parts = 0;
	unsigned h;
	int r = ZTJ_OK;

	while (r == ZTJ_OK && n > 1 && parts < ZTJ_PROOF_MAX - 1) {
		uint64_t k = split(n, &h);

		if (k + k == n) /* complete */
			break;
		r = complete(tiles, from, h, part[parts++]);
		from += k;
		n -= k;
	}
	if (r == ZTJ_OK && n == 1)
		r = complete(tiles, from, 0, part[parts++]);
	else if (r == ZTJ_OK) {
		(void)split(n, &h);
		r = complete(tiles, from, h + 1, part[parts++]);
	}
	for (; r == ZTJ_OK && parts > 1; parts--)
		r = ztj_merkle_node(part[parts - 2], part[parts - 1], part[parts - 2]);
	if (r == ZTJ_OK)
		memcpy(out, part[0], ZTJ_DIGEST_LEN);
	return r;
}

int ztj_tlog_root_at(const struct ztj_tiles *tiles, uint64_t n, ztj_hash out)
{
	memset(out, 0, ZTJ_DIGEST_LEN);
	if (n > tiles->size || n > ZTJ_LOG_MAX)
		return ZTJ_NOT_FOUND;
	return n == 0 ? ztj_sha256(ztj_view_of(NULL, 0), out) : range(tiles, 0, n, out);
}

/* Proofs are built from the root down; the RFC lists them from the leaf up. */
static void reverse(ztj_hash *path, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		ztj_hash t;

		memcpy(t, path[i], sizeof(t));
		memcpy(path[i], path[len - 1 - i], sizeof(t));
		memcpy(path[len - 1 - i], t, sizeof(t));
	}
}

int ztj_tlog_prove(const struct ztj_tiles *tiles, uint64_t m, uint64_t n, ztj_hash *path, size_t *len)
{
	uint64_t from = 0;
	size_t used = 0;
	unsigned h;
	int r = ZTJ_OK;

	*len = 0;
	if (n > tiles->size || n > ZTJ_LOG_MAX || m >= n)
		return ZTJ_NOT_FOUND;
	while (r == ZTJ_OK && n > 1) {
		uint64_t k = split(n, &h);

		if (used == ZTJ_PROOF_MAX)
			return ZTJ_TOO_LARGE;
		if (m < k) {
			r = range(tiles, from + k, n - k, path[used++]);
			n = k;
		} else {
			r = range(tiles, from, k, path[used++]);
			from += k;
			m -= k;
			n -= k;
		}
	}
	if (r != ZTJ_OK)
		return r;
	reverse(path, used);
	*len = used;
	return ZTJ_OK;
}

int ztj_tlog_prove_growth(const struct ztj_tiles *tiles, uint64_t m, uint64_t n, ztj_hash *path, size_t *len)
{
	uint64_t from = 0;
	size_t used = 0;
	bool whole = true; /* the old tree itself: its root is known */
	unsigned h;
	int r = ZTJ_OK;

	*len = 0;
	if (n > tiles->size || n > ZTJ_LOG_MAX || m == 0 || m > n)
		return ZTJ_NOT_FOUND;
	while (r == ZTJ_OK && m < n && used < ZTJ_PROOF_MAX - 1) {
		uint64_t k = split(n, &h);

		if (m <= k) {
			r = range(tiles, from + k, n - k, path[used++]);
			n = k;
		} else {
			r = range(tiles, from, k, path[used++]);
			from += k;
			m -= k;
			n -= k;
			whole = false;
		}
	}
	if (r == ZTJ_OK && !whole)
		r = range(tiles, from, n, path[used++]);
	if (r != ZTJ_OK)
		return r;
	reverse(path, used);
	*len = used;
	return ZTJ_OK;
}

struct climb {
	uint64_t fn, sn;
	ztj_hash fr, sr;
};

/* One step of the RFC's list. */
static int climb(struct climb *c, const ztj_hash h)
{
	int r;

	if (c->sn == 0)
		return ZTJ_LOG_FORK;
	if ((c->fn & 1) != 0 || c->fn == c->sn) {
		r = ztj_merkle_node(h, c->fr, c->fr);
		if (r == ZTJ_OK)
			r = ztj_merkle_node(h, c->sr, c->sr);
		for (; (c->fn & 1) == 0 && c->fn != 0; c->fn >>= 1)
			c->sn >>= 1;
	} else {
		r = ztj_merkle_node(c->sr, h, c->sr);
	}
	c->fn >>= 1;
	c->sn >>= 1;
	return r;
}

int ztj_tlog_verify_growth(const struct ztj_growth *g, const ztj_hash *path, size_t len)
{
	struct climb c = { g->m - 1, g->n - 1, { 0 }, { 0 } };
	size_t i = 0;
	int r = ZTJ_OK;

	if (g->n < g->m)
		return ZTJ_LOG_ROLLBACK;
	if (len > ZTJ_PROOF_MAX)
		return ZTJ_LOG_FORK;
	if (g->m == g->n || g->m == 0) {
		ztj_hash empty;

		if (len != 0)
			return ZTJ_LOG_FORK;
		r = ztj_sha256(ztj_view_of(NULL, 0), empty);
		if (r != ZTJ_OK)
			return r;
		if (g->m == 0 && !ztj_ct_equal(empty, g->old_root, sizeof(empty)))
			return ZTJ_LOG_FORK;
		if (g->m < g->n)
			return ZTJ_OK;
		return ztj_ct_equal(g->old_root, g->new_root, ZTJ_DIGEST_LEN) ? ZTJ_OK : ZTJ_LOG_FORK;
	}
	if (len == 0)
		return ZTJ_LOG_FORK;
	for (; (c.fn & 1) != 0; c.fn >>= 1)
		c.sn >>= 1;
	/* A complete tree is a node of the new one: its root begins the list and is not sent. */
	memcpy(c.fr, (g->m & (g->m - 1)) == 0 ? g->old_root : path[i++], ZTJ_DIGEST_LEN);
	memcpy(c.sr, c.fr, sizeof(c.sr));
	for (; r == ZTJ_OK && i < len; i++)
		r = climb(&c, path[i]);
	if (r != ZTJ_OK)
		return r;
	return c.sn == 0 && ztj_ct_equal(c.fr, g->old_root, ZTJ_DIGEST_LEN) &&
		ztj_ct_equal(c.sr, g->new_root, ZTJ_DIGEST_LEN)
	    ? ZTJ_OK
	    : ZTJ_LOG_FORK;
}
