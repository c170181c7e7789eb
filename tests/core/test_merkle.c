/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Merkle trees: RFC 9162 section 2.1. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/merkle.h"
#include "tests/core/support.h"

#define MANY 70

static const ztj_hash *in(ztj_hash *h)
{
	return (const ztj_hash *)h;
}

/* The eight leaves that implementations of Certificate Transparency test with. */
static void ct_leaves(ztj_hash leaves[8])
{
	static const struct {
		const char *p;
		size_t n;
	} data[8] = { { "", 0 }, { "\x00", 1 }, { "\x10", 1 }, { "\x20\x21", 2 }, { "\x30\x31", 2 },
		{ "\x40\x41\x42\x43", 4 }, { "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
		{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 } };

	for (size_t i = 0; i < 8; i++)
		ok(ztj_merkle_leaf(ztj_view_of(data[i].p, data[i].n), leaves[i]));
}

static void number_leaves(ztj_hash leaves[MANY])
{
	for (uint8_t i = 0; i < MANY; i++)
		ok(ztj_merkle_leaf(ztj_view_of(&i, 1), leaves[i]));
}

static void test_known_roots(void **state)
{
	static const char *const roots[9] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
	};
	ztj_hash leaves[8], root;
	char hex[ZTJ_HEX_SIZE];

	(void)state;
	ct_leaves(leaves);
	for (size_t n = 0; n <= 8; n++) {
		ok(ztj_merkle_root(in(leaves), n, root));
		ztj_hex(root, sizeof(root), hex);
		assert_string_equal(hex, roots[n]);
	}
}

static void test_every_proof_of_every_size(void **state)
{
	ztj_hash leaves[MANY], root, path[ZTJ_PROOF_MAX];
	size_t len;

	(void)state;
	number_leaves(leaves);
	for (size_t n = 1; n <= MANY; n++) {
		ok(ztj_merkle_root(in(leaves), n, root));
		for (size_t m = 0; m < n; m++) {
			ok(ztj_merkle_prove(in(leaves), n, m, path, &len));
			ok(ztj_merkle_verify(leaves[m], m, n, in(path), len, root));
		}
	}
	fails(ztj_merkle_prove(in(leaves), 5, 5, path, &len), ZTJ_NOT_FOUND);
	fails(ztj_merkle_prove(in(leaves), 0, 0, path, &len), ZTJ_NOT_FOUND);
	assert_int_equal(len, 0);
}

static void test_wrong_proofs(void **state)
{
	ztj_hash leaves[MANY], root, path[ZTJ_PROOF_MAX + 1] = { { 0 } };
	size_t len, n = 13, m = 9;

	(void)state;
	number_leaves(leaves);
	ok(ztj_merkle_root(in(leaves), n, root));
	ok(ztj_merkle_prove(in(leaves), n, m, path, &len));
	fails(ztj_merkle_verify(leaves[m], m, n, in(path), len - 1, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m], m, n, in(path), len + 1, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m], m, n, in(path), ZTJ_PROOF_MAX + 1, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m], n, n, in(path), len, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m], 0, 0, in(path), 0, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m + 1], m, n, in(path), len, root), ZTJ_DIR_ROOT);
	fails(ztj_merkle_verify(leaves[m], m, n, in(path), len, leaves[m]), ZTJ_DIR_ROOT);
	for (size_t other = 0; other < n; other++)
		if (other != m)
			fails(ztj_merkle_verify(leaves[m], other, n, in(path), len, root), ZTJ_DIR_ROOT);
}

static void test_S11_flipped_proofs(void **state)
{
	ztj_hash leaves[MANY], root, path[ZTJ_PROOF_MAX];
	size_t len;

	(void)state;
	number_leaves(leaves);
	ok(ztj_merkle_root(in(leaves), MANY, root));
	ok(ztj_merkle_prove(in(leaves), MANY, 33, path, &len));
	for (size_t bit = 0; bit < len * sizeof(ztj_hash) * 8; bit++) {
		uint8_t *byte = &path[bit / 256][bit % 256 / 8];

		*byte ^= (uint8_t)(1U << bit % 8);
		fails(ztj_merkle_verify(leaves[33], 33, MANY, in(path), len, root), ZTJ_DIR_ROOT);
		*byte ^= (uint8_t)(1U << bit % 8);
	}
}

static void test_node_is_not_a_leaf(void **state)
{
	ztj_hash leaves[2], node, leaf;
	uint8_t both[64];

	(void)state;
	memset(leaves, 7, sizeof(leaves));
	memcpy(both, leaves, sizeof(both));
	ok(ztj_merkle_node(leaves[0], leaves[1], node));
	ok(ztj_merkle_leaf(ztj_view_of(both, sizeof(both)), leaf));
	assert_memory_not_equal(node, leaf, sizeof(node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_roots),
		cmocka_unit_test(test_every_proof_of_every_size),
		cmocka_unit_test(test_wrong_proofs),
		cmocka_unit_test(test_S11_flipped_proofs),
		cmocka_unit_test(test_node_is_not_a_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
