/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A log that only grows: the tree of RFC 9162 (hashing in merkle.h), the tiles and entry bundles of C2SP tlog-tiles
 * (tiles of height 8), proofs made from tiles, and what verifies them.
 */
#ifndef ZTJ_CORE_TLOG_H
#define ZTJ_CORE_TLOG_H

#include "libztjit/core/merkle.h"

#define ZTJ_LOG_MAX (UINT64_C(1) << 53) /* leaves: every reader of JSON can hold their number */
#define ZTJ_ENTRY_MAX 65535             /* bytes of a leaf */
#define ZTJ_TILE_WIDTH 256
#define ZTJ_TILE_BYTES (ZTJ_TILE_WIDTH * ZTJ_DIGEST_LEN)
#define ZTJ_TILE_LEVELS 7      /* of ZTJ_LOG_MAX leaves: 0 to 6 */
#define ZTJ_TILE_PATH_SIZE 64

/* --- tiles: 1 to 256 hashes at a level, or the entries below those of level 0 --- */
struct ztj_tile {
	bool entries;
	unsigned level;  /* 0 for entries */
	uint64_t index;
	unsigned width;  /* less than 256: a partial tile */
};
/* "tile/1/x001/234.p/5", "tile/entries/000". */
void ztj_tile_path(const struct ztj_tile *t, char out[ZTJ_TILE_PATH_SIZE]);
/* Exactly what ztj_tile_path writes, else BAD_NAME. */
int ztj_tile_parse(const char *path, struct ztj_tile *out) ZTJ_MUST_CHECK;
/* How wide that tile is in a tree of that size; 0: there is none. */
unsigned ztj_tile_width(uint64_t size, unsigned level, uint64_t index);

/* --- the growing end: the last tile of every level --- */
struct ztj_tlog {
	uint64_t size;
	ztj_hash tile[ZTJ_TILE_LEVELS][ZTJ_TILE_WIDTH]; /* of each, the first (size >> 8 * level) % 256 count */
};
/* Called with every tile that became full, the leaves' first. */
typedef int ztj_tlog_full(void *arg, const struct ztj_tile *t, const ztj_hash *hashes);
/* LIMIT at ZTJ_LOG_MAX. full may be NULL. After an error the log must be made anew. */
int ztj_tlog_append(struct ztj_tlog *t, const ztj_hash leaf, ztj_tlog_full *full, void *arg) ZTJ_MUST_CHECK;
/* Of an empty log: SHA-256(""). */
int ztj_tlog_root(const struct ztj_tlog *t, ztj_hash out) ZTJ_MUST_CHECK;

/* An entry bundle: uint16 length and bytes of every entry. TOO_LARGE above ZTJ_ENTRY_MAX. */
int ztj_entry_put(struct ztj_buf *out, struct ztj_view entry) ZTJ_MUST_CHECK;
/* NOT_FOUND at the end, TRUNCATED within an entry. */
int ztj_entry_next(struct ztj_rd *rd, struct ztj_view *out) ZTJ_MUST_CHECK;

/* --- proofs (tlog_proof.c) --- */
/* Where tiles come from. read fills t->width hashes; t is always as wide as it is in a tree of `size`. */
struct ztj_tiles {
	int (*read)(void *arg, const struct ztj_tile *t, ztj_hash *out);
	void *arg;
	uint64_t size;
};
/* The root over the first n leaves, n up to the size of the tiles (else NOT_FOUND). */
int ztj_tlog_root_at(const struct ztj_tiles *tiles, uint64_t n, ztj_hash out) ZTJ_MUST_CHECK;
/* RFC 9162 section 2.1.3.1: the audit path of leaf m in the tree of the first n. Verified by ztj_merkle_verify. */
int ztj_tlog_prove(const struct ztj_tiles *tiles, uint64_t m, uint64_t n, ztj_hash *path, size_t *len) ZTJ_MUST_CHECK;
/* Section 2.1.4.1: that the tree of the first m begins that of the first n; 0 < m <= n. */
int ztj_tlog_prove_growth(const struct ztj_tiles *tiles, uint64_t m, uint64_t n, ztj_hash *path, size_t *len)
    ZTJ_MUST_CHECK;

/* Two trees, the older one first. */
struct ztj_growth {
	uint64_t m, n;
	const uint8_t *old_root, *new_root;
};
/* Section 2.1.4.2. LOG_ROLLBACK when n < m; LOG_FORK when it does not verify. An empty tree begins every other (no path). */
int ztj_tlog_verify_growth(const struct ztj_growth *g, const ztj_hash *path, size_t len) ZTJ_MUST_CHECK;

#endif
