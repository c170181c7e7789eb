/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A session's record as the broker keeps it, judged here: every chunk must follow the one before, and the chain must go
 * through what the host signed (PROTOCOL section 8).
 */
#ifndef ZTJIT_REC_H
#define ZTJIT_REC_H

#include "libztjit/record/record.h"
#include "ztjit/cli.h"

struct rec {
	struct cli *c;
	json_t *about;               /* SESSION, as the broker says */
	const char *id, *host;       /* in about */
	uint8_t name[ZTJ_DIGEST_LEN];
	struct ztj_stmt *head;       /* the newest, verified; NULL: none yet */
	bool unknown_host;           /* in no directory held here: heads cannot be judged */
	/* what was fetched, in a file of no name */
	int fd;
	uint64_t have, size;
	bool over;                   /* nothing more will come */
	/* what was read of it */
	struct ztj_chain chain;
	bool at_head;                /* the chain went through the head's place */
	uint8_t *chunk;              /* the last one read */
	struct ztj_opener *opener;
};

/* "S-…" in any writing. */
int rec_id(struct cli *c, const char *text, char out[ZTJ_SHORT_ID_SIZE]) ZTJ_MUST_CHECK;
/* GET /v1/sessions/ID with its newest head. rec_close in any case. */
int rec_open(struct cli *c, const char *id, struct rec *r) ZTJ_MUST_CHECK;
void rec_close(struct rec *r);
/* One touch for these records (1–64), whose fetching it allows. */
int rec_view(struct cli *c, const char *const *ids, size_t n, enum ztj_view_action action) ZTJ_MUST_CHECK;

/* Fetches the next piece; wait: seconds to wait for one. OK: more is there; NOT_FOUND: all is there, and nothing
 * will come; TIMEOUT: nothing yet. */
int rec_pull(struct rec *r, unsigned wait) ZTJ_MUST_CHECK;
/* The next chunk of what was fetched, judged; valid until the next call. NOT_FOUND: no whole one is there. ALTERED: said
 * which. */
int rec_chunk(struct rec *r, struct ztj_chunk *out) ZTJ_MUST_CHECK;
/* Its text, appended. */
int rec_text(struct rec *r, const struct ztj_chunk *k, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Reads from the beginning again. */
void rec_rewind(struct rec *r);
/* After the last chunk: is it what the host signed? Says in *said how far. */
int rec_verdict(struct rec *r, const char **said) ZTJ_MUST_CHECK;
/* Fetches all that is there and judges it; then as after rec_rewind. */
int rec_verify(struct rec *r) ZTJ_MUST_CHECK;
/* The newest head again, while a session runs. */
int rec_refresh(struct rec *r) ZTJ_MUST_CHECK;

/* Every event from here on, as it is read; stops when each returns non-zero and returns that. */
int rec_events(struct rec *r, int (*each)(const struct ztj_cast_event *e, void *arg), void *arg) ZTJ_MUST_CHECK;

#endif
