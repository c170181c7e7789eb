/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519, type 0x04): "as of this time, the longest log that I have seen
 * under this name, and it only ever grew, has this size and root". And whether enough of them stand below a checkpoint.
 */
#ifndef ZTJ_CORE_COSIGN_H
#define ZTJ_CORE_COSIGN_H

#include "libztjit/core/note.h"

#define ZTJ_WITNESSES_MAX 8 /* their lines and ours fit in ZTJ_CHECKPOINT_MAX, however long the names are */
#define ZTJ_COSIGN_SKEW 300 /* seconds that the clock of a witness may be ahead */

/* Appends a cosignature line. text: of the note, whole. Of a key of type COSIGNATURE (else KEY_TYPE); time > 0. */
int ztj_cosign_line(const struct ztj_note_key *k, const struct ztj_seckey *key, struct ztj_view text, int64_t time,
    struct ztj_buf *out) ZTJ_MUST_CHECK;
/* When the owner of k cosigned, by the newest of its lines. NOT_FOUND: it did not. BAD_SIGNATURE when a line under its name and
 * id is wrong, has no time or one beyond 2^63 - 1: such a note is malformed. */
int ztj_cosign_verify(const struct ztj_note *n, const struct ztj_note_key *k, int64_t *time) ZTJ_MUST_CHECK;

struct ztj_witness {
	struct ztj_note_key key;
	const char *url; /* where it is asked, without a "/" at its end */
};
/* Who cosigns, and what of it is demanded. */
struct ztj_quorum {
	size_t n;
	const struct ztj_witness *by; /* up to ZTJ_WITNESSES_MAX */
	unsigned need;                /* 0: nothing is demanded */
	int64_t max_age;              /* seconds; 0: any */
};
struct ztj_cosigned {
	size_t n;                         /* how many count */
	int64_t time[ZTJ_WITNESSES_MAX];  /* of each witness; 0: none */
	bool ahead[ZTJ_WITNESSES_MAX];    /* its clock runs too far ahead: it does not count */
	int64_t since;                    /* `need` of them cosigned then or later; 0: fewer did */
};
/* NOT_COSIGNED, COSIGNED_LONG_AGO, BAD_SIGNATURE. out is filled in any case, as far as it was read. */
int ztj_cosign_judge(const struct ztj_quorum *q, const struct ztj_note *n, int64_t now, struct ztj_cosigned *out)
    ZTJ_MUST_CHECK;
/* The same of a whole note; the errors of ztj_note_parse as well. */
int ztj_cosign_judge_note(const struct ztj_quorum *q, struct ztj_view note, int64_t now, struct ztj_cosigned *out)
    ZTJ_MUST_CHECK;
/* Appends who does not count, for people: "w.example/a, w.example/b (its clock is ahead)"; nothing when all do. */
int ztj_cosign_missing(const struct ztj_quorum *q, const struct ztj_cosigned *c, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Takes over from `lines` (signature lines alone, as a witness answers) the newest cosignature of k below this text: appends the line.
 * NOT_FOUND: none of that key; BAD_SIGNATURE as above. */
int ztj_cosign_take(struct ztj_view text, struct ztj_view lines, const struct ztj_note_key *k, int64_t *time,
    struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
