/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the spool: its files. decisions.jsonl is the one that is written; when it is full it becomes
 * decisions-NUMBER.jsonl, by the number of its first line, and the chain goes on in a new one. Whatever moment a crash
 * comes at, the newest of these files is found again and holds every line that was answered for.
 */
#ifndef ZTJ_HOSTD_SPOOLFILE_H
#define ZTJ_HOSTD_SPOOLFILE_H

#include <sys/types.h>

#include "libztjit/core/codec.h"

#define ZTJ_SPOOL_NAME "decisions.jsonl"
#define ZTJ_SPOOL_LINE_MAX 16384

/* A place in the chain: a line's number and digest; 0 and zeros before the first. */
struct ztj_spool_at {
	uint64_t seq;
	uint8_t head[ZTJ_DIGEST_LEN];
};
/* The place before this line, by its own words. ZTJ_BAD_JSON: it is no line of a log. */
int ztj_spool_before(struct ztj_view line, struct ztj_spool_at *out) ZTJ_MUST_CHECK;

/* The full files, by their first line, oldest first. */
struct ztj_spoolfiles {
	int dir;
	size_t n;
	uint64_t *first;
};
/* Finds them. If there is none to be written, the newest of them is, once more. */
int ztj_spoolfiles_open(const char *dir, struct ztj_spoolfiles *out) ZTJ_MUST_CHECK;
void ztj_spoolfiles_close(struct ztj_spoolfiles *f);
/* Opens the one that is written, making it if need be. */
int ztj_spoolfiles_current(const struct ztj_spoolfiles *f, int *fd) ZTJ_MUST_CHECK;
/* Opens the i-th full one to read it. */
int ztj_spoolfiles_full(const struct ztj_spoolfiles *f, size_t i, int *fd) ZTJ_MUST_CHECK;
/* Where the newest full file ends. */
int ztj_spoolfiles_end(const struct ztj_spoolfiles *f, struct ztj_spool_at *out) ZTJ_MUST_CHECK;
/* Removes the oldest until no more than `keep` are left. */
void ztj_spoolfiles_prune(struct ztj_spoolfiles *f, size_t keep);
/* The file that was written becomes a full one; it stays usable by its descriptor. Not durable yet. */
int ztj_spoolfiles_put_away(struct ztj_spoolfiles *f, uint64_t first) ZTJ_MUST_CHECK;
/* A new one to write, after put_away, with that much disk reserved. Durable, and what put_away did with it; on any error there is none. */
int ztj_spoolfiles_next(const struct ztj_spoolfiles *f, off_t reserve, int *fd, off_t *kept) ZTJ_MUST_CHECK;

/* NO_SPACE or IO, by errno. */
int ztj_spool_errno(void) ZTJ_MUST_CHECK;

#endif
