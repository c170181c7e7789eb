/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Proof files (PROTOCOL section 11): leaves of the audit log with their inclusion proofs, the signed statements that they speak
 * of, and the records that tie keys to names. Text in named parts, each with its length: people can read it, and a few
 * lines of shell take it apart. There is one way to write a file; nothing is verified here (proofcheck.h).
 */
#ifndef ZTJ_CORE_PROOFFILE_H
#define ZTJ_CORE_PROOFFILE_H

#include "libztjit/core/directory.h"
#include "libztjit/core/inclusion.h"
#include "libztjit/core/note.h"

#define ZTJ_PROOF_FILE_MAX ((size_t)64 * 1024 * 1024)
#define ZTJ_PROOF_ITEMS_MAX 4096
#define ZTJ_PROOF_RECORDS_MAX 1024
#define ZTJ_PROOF_PART_SIZE 64 /* of a part's name */

struct ztj_proof_record {
	struct ztj_view bytes, path; /* a record of a directory, and where it stands in it */
};

/* A leaf and what belongs to it. Views. */
struct ztj_proof_item {
	uint64_t n;
	struct ztj_view leaf, proof;
	struct ztj_view statement; /* n 0: none */
	size_t nsigs;
	struct ztj_view sig[ZTJ_SIGS_MAX]; /* armoured */
	size_t nrecords, caprecords;
	struct ztj_proof_record *record;
};

struct ztj_proof {
	uint8_t request[ZTJ_DIGEST_LEN]; /* what it is about */
	size_t n, cap;
	struct ztj_proof_item *item; /* by n, rising */
};

/* TRUNCATED, TRAILING, VERSION, BAD_ENCODING, LIMIT; *out then is NULL. It points into file. */
int ztj_proof_read(struct ztj_view file, struct ztj_proof **out) ZTJ_MUST_CHECK;
void ztj_proof_free(struct ztj_proof *p);

/* Writing: begin, for each leaf by rising number its parts in the order of struct ztj_proof_item, end. k counts
 * signatures and records from 1. */
enum ztj_proof_part { ZTJ_PART_LEAF, ZTJ_PART_PROOF, ZTJ_PART_STATEMENT, ZTJ_PART_SIG, ZTJ_PART_RECORD, ZTJ_PART_PATH };
int ztj_proof_begin(struct ztj_buf *out, const uint8_t request[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
int ztj_proof_put(struct ztj_buf *out, uint64_t n, enum ztj_proof_part part, unsigned k, struct ztj_view bytes) ZTJ_MUST_CHECK;
int ztj_proof_end(struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
