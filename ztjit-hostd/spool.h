/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The host's own log of decisions: JSON lines, each naming the SHA-256 of the
 * line before, appended and synced before the decision takes effect (P5). A line that lets nothing happen by itself may
 * wait and be synced with the next one, or after ZTJ_SPOOL_WAIT_MS. Disk is reserved ahead, so that a full
 * file system does not end logins at once.
 *
 * A line: {"v":1,"seq":N,"prev":HEX,"time":T,"event":E,"code":NAME,...}; members that do not apply are absent.
 */
#ifndef ZTJ_HOSTD_SPOOL_H
#define ZTJ_HOSTD_SPOOL_H

#include "libztjit/core/codec.h"

#define ZTJ_SPOOL_WAIT_MS 500

struct ztj_decision {
	int64_t time;
	const char *event;   /* "login", "sudo", "end", "clock", "alarm", … */
	int code;            /* enum ztj_err */
	const char *person, *grant, *rule, *service, *account, *host, *peer, *key, *tty, *become, *configuration, *policy, *text; /* NULL or "": absent */
	int64_t pid;         /* 0: absent */
	int64_t ends;        /* 0: absent */
	bool later;          /* lets nothing happen by itself: need not be synced before the next line is */
	bool spare;          /* not worth the last half of the reserve: a denial, and anybody can cause those */
};

struct ztj_spool;
struct ztj_spool_conf {
	const char *dir; /* exists, ours */
	size_t reserve;  /* bytes kept ahead */
	size_t limit;    /* bytes after which a file is full and the next one begins; 0: never */
	size_t keep;     /* of the full files, at least 1; older ones are removed */
};
/* Goes on where the newest file ends. A torn last line (power loss) is cut off. Where power loss left zeros among
 * the last lines, they are moved from there on to a file "decisions.jsonl.SEQ" beside, SEQ being the number of the first of
 * them, and ztj_spool_cut says so. Any other line that does not parse, or does not follow the one before, in this file or the full one before
 * it, refuses the log (ZTJ_BAD_JSON); where that full one is gone, ztj_spool_gap says so. */
int ztj_spool_open(const struct ztj_spool_conf *conf, struct ztj_spool **out) ZTJ_MUST_CHECK;
void ztj_spool_close(struct ztj_spool *s);
/* Durable when it returns ZTJ_OK, with every line before it; with d->later, written. ZTJ_NO_SPACE, ZTJ_IO: nothing was decided. */
int ztj_spool_append(struct ztj_spool *s, const struct ztj_decision *d) ZTJ_MUST_CHECK;
/* Makes durable what waits. After an error, again later: nothing is lost while this process lives. */
int ztj_spool_sync(struct ztj_spool *s) ZTJ_MUST_CHECK;
/* Appends whole lines that are durable, each with its line feed, from number `from` on (where that is gone: from the oldest that is
 * there), about `max` bytes. Nothing: there are none. */
int ztj_spool_read(struct ztj_spool *s, uint64_t from, size_t max, struct ztj_buf *out) ZTJ_MUST_CHECK;
bool ztj_spool_cut(const struct ztj_spool *s);
bool ztj_spool_gap(const struct ztj_spool *s);
uint64_t ztj_spool_seq(const struct ztj_spool *s);
const uint8_t *ztj_spool_head(const struct ztj_spool *s);
/* Walks a file. seq and head: of the last line before it (0 and zeros: none), and then of its own last line; on an error
 * seq is the number of the first bad line. */
int ztj_spool_verify(const char *path, uint64_t *seq, uint8_t head[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;

#endif
