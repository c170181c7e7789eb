/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a log and its witness say to each other (C2SP tlog-witness, add-checkpoint): the request, how a witness judges it, and the
 * size in its answer 409. What it answers with 200 are signature lines (cosign.h).
 */
#ifndef ZTJ_CORE_WITNESS_H
#define ZTJ_CORE_WITNESS_H

#include "libztjit/core/checkpoint.h"

#define ZTJ_WITNESS_PATH_MAX 63
#define ZTJ_WITNESS_BODY_MAX (ZTJ_NOTE_MAX + 4096) /* of a request */

/* POST …/add-checkpoint: from `old` leaves the log grew to what the note says. */
struct ztj_witness_ask {
	uint64_t old;
	size_t len; /* of the growth proof; 0 when old is 0 or the size itself */
	ztj_hash path[ZTJ_WITNESS_PATH_MAX];
	struct ztj_view note; /* a view into what was parsed */
};
int ztj_witness_ask_write(const struct ztj_witness_ask *a, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* BAD_ENCODING, TOO_LARGE, LIMIT. The note is not looked at. */
int ztj_witness_ask_parse(struct ztj_view body, struct ztj_witness_ask *out) ZTJ_MUST_CHECK;

/* The body of 409: a number and a line feed. */
int ztj_witness_size_parse(struct ztj_view body, uint64_t *size) ZTJ_MUST_CHECK;

/* What a witness knows of a log. */
struct ztj_witness_log {
	const char *origin;
	const struct ztj_note_key *keys;
	size_t nkeys;
	struct ztj_checkpoint last; /* cosigned last; size 0: never */
};
/* The HTTP status of the answer: 200 (out has to be kept before it is cosigned), 400, 403, 404 (another log), 409 (say last.size),
 * 422, or 500. text: of the note, as it is cosigned. */
unsigned ztj_witness_judge(const struct ztj_witness_ask *a, const struct ztj_witness_log *log, struct ztj_checkpoint *out,
    struct ztj_view *text) ZTJ_MUST_CHECK;

#endif
