/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A session's record as the broker keeps it, judged here: every chunk must follow the one before, and the chain must go
 * through what the host signed (PROTOCOL section 8). The broker is believed in nothing: what it says of a session
 * is held against the record's own header.
 */
#ifndef ZTJIT_REC_H
#define ZTJIT_REC_H

#include "libztjit/record/record.h"
#include "ztjit/cli.h"

struct rec {
	struct cli *c;
	json_t *about;               /* SESSION, as the broker says */
	char id[ZTJ_SHORT_ID_SIZE], host[ZTJ_FULLNAME_SIZE];
	uint8_t name[ZTJ_DIGEST_LEN];
	struct ztj_stmt *head;       /* the newest, its signature checked; NULL: none yet */
	const char *doubt;           /* why nobody vouches for who signed it; NULL: the host's own key */
	/* what was fetched, in a file of no name */
	int fd;
	uint64_t have, size;
	bool over;                   /* nothing more will come */
	/* what was judged and read of it */
	struct ztj_chain proved;     /* by heads */
	struct ztj_chain chain;      /* by rec_chunk */
	bool live;                   /* rec_chunk goes on where no head says anything yet */
	uint8_t *chunk;              /* the last one read */
	struct ztj_opener *opener;
	json_t *header;              /* of the text, once its first chunk was read */
};

/* "S-…" in any writing. */
int rec_id(struct cli *c, const char *text, char out[ZTJ_SHORT_ID_SIZE]) ZTJ_MUST_CHECK;
/* GET /v1/sessions/ID with its newest head; ALTERED when what is shown as a head is none. rec_close in any case. */
int rec_open(struct cli *c, const char *id, struct rec *r) ZTJ_MUST_CHECK;
void rec_close(struct rec *r);
/* ALTERED when nobody vouches for it and --unverified was not given: before anybody touches a key. */
int rec_vouched(struct rec *r) ZTJ_MUST_CHECK;
/* One touch for these records (1–64), whose fetching it allows. */
int rec_view(struct cli *c, const char *const *ids, size_t n, enum ztj_view_action action) ZTJ_MUST_CHECK;
/* What the broker and the newest head say now, while a session runs. */
int rec_refresh(struct rec *r) ZTJ_MUST_CHECK;

/* --- rec_read.c --- */
/* Fetches the next piece; wait: seconds to wait for one. OK: more is there; NOT_FOUND: all is there, and nothing
 * will come; TIMEOUT: nothing yet. */
int rec_pull(struct rec *r, unsigned wait) ZTJ_MUST_CHECK;
/* Holds what was fetched against the newest head. NOT_FOUND: not all it speaks of was fetched. ALTERED: said what is wrong. */
int rec_prove(struct rec *r) ZTJ_MUST_CHECK;
/* Fetches all that the host signed, judges it, says how far that goes; then as after rec_rewind. */
int rec_verify(struct rec *r) ZTJ_MUST_CHECK;
/* After the last chunk of a live one: is it what the host signed? Says how far. */
int rec_verdict(struct rec *r, const char **said) ZTJ_MUST_CHECK;
/* The next chunk, if it was proved or the record is live; valid until the next call. NOT_FOUND: no whole one is there. */
int rec_chunk(struct rec *r, struct ztj_chunk *out) ZTJ_MUST_CHECK;
/* Its text, appended. The first one's header must agree with what the broker says. */
int rec_text(struct rec *r, const struct ztj_chunk *k, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The text is not one: r. Says so. */
int rec_malformed(struct rec *r, int err) ZTJ_MUST_CHECK;
/* Reads from the beginning again. */
void rec_rewind(struct rec *r);
/* Every event from here on, as it is read; stops when each returns non-zero and returns that. */
int rec_events(struct rec *r, int (*each)(const struct ztj_cast_event *e, void *arg), void *arg) ZTJ_MUST_CHECK;
/* Columns of the terminal, by the header or by an 'r' event; 0: unknown. */
uint32_t rec_columns(const struct rec *r);
uint32_t rec_resized(const struct ztj_cast_event *e);

#endif
