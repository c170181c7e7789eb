/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The files of one record in the scribe's spool (PROTOCOL 8.7), by the session's name in hex:
 *
 *   NAME.rec   the chunks, byte for byte as the broker gets them
 *   NAME.pos   where it stands: four places of 128 bytes, rewritten in turn
 *   NAME.meta  what the session is, written once
 *   NAME.head  the last head, signed, in JSON
 *   NAME.done  NAME.meta of a record that is being removed
 *
 * A place is written before the chunk that it speaks of, into the slot that the chunk before does not use: whichever chunk
 * turns out to be the last whole one after a crash, its place is there, and with it the number of events that are taken.
 */
#ifndef ZTJ_HOSTD_RECFILE_H
#define ZTJ_HOSTD_RECFILE_H

#include "libztjit/core/chunk.h"
#include "libztjit/sys/recmsg.h"

#define ZTJ_TAILS 5            /* codes whose cut UTF-8 sequences wait: o i O E I */
#define ZTJ_REC_ROOM (16u * 1024u) /* kept free behind a record, so that its end can be written on a full disk */

struct ztj_place {
	uint8_t state;         /* enum ztj_rec_state, after this chunk */
	struct ztj_chain chain;
	uint64_t taken;        /* EVENTs of the recorder in it */
	uint64_t us;           /* time of the last */
	uint8_t tail[ZTJ_TAILS][4];
};
enum ztj_recslot { ZTJ_SLOT_EVEN, ZTJ_SLOT_ODD, ZTJ_SLOT_HEAD, ZTJ_SLOT_BASE, ZTJ_SLOTS };

struct ztj_recfile {
	int rec, pos;          /* -1: closed */
	uint64_t kept;         /* disk is reserved up to here */
};

/* New, empty, or ZTJ_EXISTS. dir: the spool. */
int ztj_recfile_create(int dir, const char *name, struct ztj_recfile *out) ZTJ_MUST_CHECK;
/* The same out of an empty file with kept bytes of disk; it becomes the record. */
int ztj_recfile_adopt(int dir, const char *empty, uint64_t kept, const char *name, struct ztj_recfile *out) ZTJ_MUST_CHECK;
/* NOT_FOUND; UNSAFE_FILE when it is not a plain file of ours. */
int ztj_recfile_open(int dir, const char *name, struct ztj_recfile *out) ZTJ_MUST_CHECK;
void ztj_recfile_close(struct ztj_recfile *f);
void ztj_recfile_remove(int dir, const char *name);
/* Out of the way, for somebody to look at. */
void ztj_recfile_set_aside(int dir, const char *name);

/* Reserves disk up to `upto`. NO_SPACE; a file system that cannot is no error. */
int ztj_recfile_keep(struct ztj_recfile *f, uint64_t upto) ZTJ_MUST_CHECK;
/* The next chunk: it ends where after->chain says. On failure the file counts as unchanged: what was written is overwritten
 * by the next chunk or cut. */
int ztj_recfile_append(struct ztj_recfile *f, const struct ztj_place *after, struct ztj_view chunk) ZTJ_MUST_CHECK;
/* Data on disk; with `places` the places as well. */
int ztj_recfile_sync(struct ztj_recfile *f, bool places) ZTJ_MUST_CHECK;
/* Cuts to size, and gives back what was reserved behind it. */
int ztj_recfile_cut(struct ztj_recfile *f, uint64_t size) ZTJ_MUST_CHECK;
/* Gives back the disk of the first n bytes; they read as zeros from now on. */
int ztj_recfile_punch(struct ztj_recfile *f, uint64_t n) ZTJ_MUST_CHECK;
int ztj_recfile_size(const struct ztj_recfile *f, uint64_t *out) ZTJ_MUST_CHECK;

int ztj_recfile_put(struct ztj_recfile *f, enum ztj_recslot slot, const struct ztj_place *p) ZTJ_MUST_CHECK;
/* NOT_FOUND: never written, or not as we write it. */
int ztj_recfile_get(const struct ztj_recfile *f, enum ztj_recslot slot, struct ztj_place *out) ZTJ_MUST_CHECK;
/* The place of exactly this chain. */
int ztj_recfile_place(const struct ztj_recfile *f, const struct ztj_chain *chain, struct ztj_place *out) ZTJ_MUST_CHECK;

/* Moves the chain on by whole chunks while it stands below `upto` (and, where `most` is not 0, by no more than that many
 * bytes, but one chunk at least). ZTJ_OK: stopped there; ZTJ_TRUNCATED: the file ends before; ZTJ_STATE: no chunk ends at
 * upto; else what is wrong with the chunk that follows. The chain holds what was good. */
int ztj_recfile_walk(const struct ztj_recfile *f, struct ztj_chain *chain, uint64_t upto, uint64_t most) ZTJ_MUST_CHECK;

#endif
