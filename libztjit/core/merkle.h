/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Merkle tree hashing of RFC 9162 section 2.1: root and inclusion proofs over
 * leaf hashes held in memory.
 */
#ifndef ZTJ_CORE_MERKLE_H
#define ZTJ_CORE_MERKLE_H

#include "libztjit/core/codec.h"

typedef uint8_t ztj_hash[ZTJ_DIGEST_LEN];
#define ZTJ_PROOF_MAX 64

int ztj_merkle_leaf(struct ztj_view data, ztj_hash out) ZTJ_MUST_CHECK;  /* SHA-256(0x00 || data) */
int ztj_merkle_node(const ztj_hash l, const ztj_hash r, ztj_hash out) ZTJ_MUST_CHECK; /* 0x01 */
/* Root of n leaf hashes; n == 0 gives SHA-256(""). Linear, no allocation beyond O(log n). */
int ztj_merkle_root(const ztj_hash *leaves, size_t n, ztj_hash out) ZTJ_MUST_CHECK;
/* The audit path of leaf index m; *len entries (at most ZTJ_PROOF_MAX) are written. */
int ztj_merkle_prove(const ztj_hash *leaves, size_t n, size_t m, ztj_hash *path, size_t *len) ZTJ_MUST_CHECK;
/* RFC 9162 section 2.1.3.2; ZTJ_DIR_ROOT when it does not verify. */
int ztj_merkle_verify(const ztj_hash leaf, size_t m, size_t n, const ztj_hash *path, size_t len,
    const ztj_hash root) ZTJ_MUST_CHECK;

#endif
