/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Chunks of a session's record (PROTOCOL 8.1) and their chain. Pure: bodies are opaque here, packing them is
 * libztjit/record's.
 */
#ifndef ZTJ_CORE_CHUNK_H
#define ZTJ_CORE_CHUNK_H

#include "libztjit/core/statement.h"

#define ZTJ_CHUNK_TEXT_MAX (1024u * 1024u)
#define ZTJ_CHUNK_BODY_MAX (1024u * 1024u)
#define ZTJ_CHUNK_HEADER 62 /* bytes before the body's own bytes, its length field included */
#define ZTJ_CHUNK_SEALED 1
#define ZTJ_CHUNK_LAST 2

struct ztj_chunk {
	uint8_t flags;
	uint32_t seq;
	uint8_t prev[ZTJ_DIGEST_LEN];
	uint64_t at;      /* microseconds since the record's start */
	uint32_t events, text;
	struct ztj_view body;
	size_t size;      /* of the whole chunk */
	uint8_t digest[ZTJ_DIGEST_LEN]; /* filled by the reader and the writer */
};

/* Reads the chunk at the beginning of v. ZTJ_TRUNCATED: not all of it is there (and no limit is broken yet). */
int ztj_chunk_read(struct ztj_view v, struct ztj_chunk *out) ZTJ_MUST_CHECK;
/* Appends; fills c->size and c->digest. */
int ztj_chunk_write(struct ztj_chunk *c, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* Where a record stands: what a head says (section 1, head). Zero is the empty record. */
struct ztj_chain {
	uint32_t chunks;
	uint64_t bytes, at;
	uint8_t digest[ZTJ_DIGEST_LEN];
	bool last;        /* the last chunk was seen */
};
/* ZTJ_OK: c follows the chain, which is moved on. ZTJ_TRAILING after the last; ZTJ_CHAIN for another sequence number or
 * previous digest, or a time that goes back. */
int ztj_chain_add(struct ztj_chain *chain, const struct ztj_chunk *c) ZTJ_MUST_CHECK;
/* Does a head name exactly this place of the chain? */
bool ztj_chain_is(const struct ztj_chain *chain, const struct ztj_stmt *head);

#endif
