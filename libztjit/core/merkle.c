/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Merkle tree hashing, RFC 9162 section 2.1. */
#include <string.h>

#include <openssl/evp.h>

#include "libztjit/core/merkle.h"

static int hash2(uint8_t prefix, struct ztj_view a, struct ztj_view b, ztj_hash out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	int r = ZTJ_CRYPTO_LIB;

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, &prefix, 1) == 1 && EVP_DigestUpdate(ctx, a.p, a.n) == 1 &&
	    EVP_DigestUpdate(ctx, b.p, b.n) == 1 && EVP_DigestFinal_ex(ctx, out, &len) == 1 &&
	    len == ZTJ_DIGEST_LEN)
		r = ZTJ_OK;
	EVP_MD_CTX_free(ctx);
	if (r != ZTJ_OK)
		memset(out, 0, ZTJ_DIGEST_LEN);
	return r;
}

int ztj_merkle_leaf(struct ztj_view data, ztj_hash out)
{
	return hash2(0x00, data, ztj_view_of(NULL, 0), out);
}

int ztj_merkle_node(const ztj_hash l, const ztj_hash r, ztj_hash out)
{
	uint8_t both[1 + 2 * ZTJ_DIGEST_LEN] = { 0x01 };

	memcpy(both + 1, l, ZTJ_DIGEST_LEN);
	memcpy(both + 1 + ZTJ_DIGEST_LEN, r, ZTJ_DIGEST_LEN);
	return ztj_sha256(ztj_view_of(both, sizeof(both)), out);
}

/* Hashes nodes with one fetched algorithm and one context: a root over 100,000 leaves is mostly set-up otherwise. */
struct hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

static int hasher_init(struct hasher *h)
{
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	return h->md != NULL && h->ctx != NULL ? ZTJ_OK : ZTJ_CRYPTO_LIB;
}

static void hasher_free(struct hasher *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
}

/* Replaces two neighbours on the stack by their parent. */
static int join(struct hasher *h, ztj_hash *pair)
{
	uint8_t both[1 + 2 * ZTJ_DIGEST_LEN] = { 0x01 };
	unsigned len = 0;

	memcpy(both + 1, pair, 2 * ZTJ_DIGEST_LEN);
	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1 ||
	    EVP_DigestUpdate(h->ctx, both, sizeof(both)) != 1 ||
	    EVP_DigestFinal_ex(h->ctx, pair[0], &len) != 1 || len != ZTJ_DIGEST_LEN)
		return ZTJ_CRYPTO_LIB;
	return ZTJ_OK;
}

static int root(struct hasher *h, const ztj_hash *leaves, size_t n, ztj_hash out)
{
	ztj_hash stack[8 * sizeof(size_t) + 1]; /* one complete subtree per bit of n */
	size_t top = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		memcpy(stack[top++], leaves[i], ZTJ_DIGEST_LEN);
		for (size_t bits = i + 1; (bits & 1) == 0; bits >>= 1, top--)
			if ((r = join(h, &stack[top - 2])) != ZTJ_OK)
				return r;
	}
	for (; top > 1; top--)
		if ((r = join(h, &stack[top - 2])) != ZTJ_OK)
			return r;
	memcpy(out, stack[0], ZTJ_DIGEST_LEN);
	return ZTJ_OK;
}

int ztj_merkle_root(const ztj_hash *leaves, size_t n, ztj_hash out)
{
	struct hasher h = { NULL, NULL };
	int r;

	if (n == 0)
		return ztj_sha256(ztj_view_of(NULL, 0), out);
	memset(out, 0, ZTJ_DIGEST_LEN);
	if ((r = hasher_init(&h)) == ZTJ_OK)
		r = root(&h, leaves, n, out);
	hasher_free(&h);
	return r;
}

static void reverse(ztj_hash *path, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		ztj_hash t;

		memcpy(t, path[i], sizeof(t));
		memcpy(path[i], path[len - 1 - i], sizeof(t));
		memcpy(path[len - 1 - i], t, sizeof(t));
	}
}

int ztj_merkle_prove(const ztj_hash *leaves, size_t n, size_t m, ztj_hash *path, size_t *len)
{
	size_t used = 0;
	int r;

	*len = 0;
	if (m >= n)
		return ZTJ_NOT_FOUND;
	while (n > 1) { /* from the root down; RFC 9162 lists it from the leaf up */
		size_t k = 1;

		while (k < n - k)
			k <<= 1;
		if (used == ZTJ_PROOF_MAX)
			return ZTJ_TOO_LARGE;
		if (m < k) {
			r = ztj_merkle_root(leaves + k, n - k, path[used++]);
			n = k;
		} else {
			r = ztj_merkle_root(leaves, k, path[used++]);
			leaves += k;
			m -= k;
			n -= k;
		}
		if (r != ZTJ_OK)
			return r;
	}
	reverse(path, used);
	*len = used;
	return ZTJ_OK;
}

int ztj_merkle_verify(const ztj_hash leaf, size_t m, size_t n, const ztj_hash *path, size_t len,
    const ztj_hash root)
{
	size_t fn = m, sn = n - 1;
	ztj_hash h;
	int r = ZTJ_OK;

	if (m >= n || len > ZTJ_PROOF_MAX)
		return ZTJ_DIR_ROOT;
	memcpy(h, leaf, sizeof(h));
	for (size_t i = 0; i < len && r == ZTJ_OK; i++) {
		if (sn == 0)
			return ZTJ_DIR_ROOT;
		if ((fn & 1) != 0 || fn == sn) {
			r = ztj_merkle_node(path[i], h, h);
			for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			r = ztj_merkle_node(h, path[i], h);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (r != ZTJ_OK)
		return r;
	return sn == 0 && ztj_ct_equal(h, root, sizeof(h)) ? ZTJ_OK : ZTJ_DIR_ROOT;
}
