/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A case in the small world (fixture.h) with its audit log, out of which proof files are made: a request on web1, approved by
 * two, a certificate, a session with its record; and what tests change of it before the log is made.
 */
#ifndef ZTJ_TESTS_CORE_PROOFS_H
#define ZTJ_TESTS_CORE_PROOFS_H

#include "libztjit/core/event.h"
#include "libztjit/core/proofcheck.h"
#include "tests/core/fixture.h"

enum { PX_START, PX_POLICY, PX_PEOPLE, PX_SERVERS, PX_OTHER, PX_REQUEST, PX_LEAD, PX_SEC, PX_CERT, PX_BEGAN, PX_USED, PX_CLOSED,
	PX_AFTER, PX_LEAVES };

struct px_leaf {
	struct ztj_event e;
	const struct fx_signed *st;  /* NULL: none */
	const struct ztj_dir *dir;   /* of a directory: everybody in it of whom the case needs a record */
	bool out;                    /* not in the file */
	char key[ZTJ_FINGERPRINT_SIZE];
	const char *keys[1];
	struct ztj_buf bytes;        /* of the last file */
};

struct px {
	struct fx_world w;
	struct fx_signed other, request, lead, sec, head;
	struct ztj_dir *people, *servers;
	const char *hosts[1];
	const struct soft_key *log;  /* that signs the checkpoint */
	const char *domain;          /* of the checkpoint */
	const struct ztj_note_key *witness; /* that cosigns it, or NULL */
	const struct ztj_seckey *witness_key;
	bool spoilt;                 /* it cosigns something else */
	const char *cosigned;        /* more lines of it, or NULL */
	size_t nmore;                /* leaves that the log has behind these; their hashes */
	const ztj_hash *more;
	struct px_leaf leaf[PX_LEAVES];
};
void px_init(struct px *x);
/* The same with more in the group `broker` of its policy. */
void px_init_with(struct px *x, const char *broker);
void px_free(struct px *x);
/* The leaf speaks of that statement and the key that signed it first. */
void px_speaks(struct px *x, int leaf, const struct fx_signed *st);
/* Log and file anew. */
void px_file(struct px *x, struct ztj_buf *file);
/* Read and checked; what it says is thrown away unless said is given. */
int px_check(const struct px *x, struct ztj_view file, struct ztj_buf *said, struct ztj_proved *out);

#endif
