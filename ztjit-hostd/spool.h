/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The host's own log of decisions: JSON lines, each naming the SHA-256 of the
 * line before, appended and synced before the decision takes effect (P5). Disk
 * is reserved ahead, so that a full file system does not end logins at once.
 *
 * A line: {"v":1,"seq":N,"prev":HEX,"time":T,"event":E,"code":NAME,...}; members that do not apply are absent.
 */
#ifndef ZTJ_HOSTD_SPOOL_H
#define ZTJ_HOSTD_SPOOL_H

#include "libztjit/core/codec.h"

struct ztj_decision {
	int64_t time;
	const char *event;   /* "login", "sudo", "end", "clock", "alarm", … */
	int code;            /* enum ztj_err */
	const char *person, *grant, *rule, *service, *account, *host, *peer, *key, *tty, *text; /* NULL or "": absent */
	int64_t pid;         /* 0: absent */
	int64_t ends;        /* 0: absent */
	bool spare;          /* not worth the last half of the reserve: a denial, and anybody can cause those */
};

struct ztj_spool;
/* dir: exists, ours. reserve: bytes kept ahead. A torn last line (power loss) is cut off; a line that does not
 * parse refuses the file (ZTJ_BAD_JSON). */
int ztj_spool_open(const char *dir, size_t reserve, struct ztj_spool **out) ZTJ_MUST_CHECK;
void ztj_spool_close(struct ztj_spool *s);
/* Durable when it returns ZTJ_OK. ZTJ_NO_SPACE, ZTJ_IO: nothing was decided. */
int ztj_spool_append(struct ztj_spool *s, const struct ztj_decision *d) ZTJ_MUST_CHECK;
uint64_t ztj_spool_seq(const struct ztj_spool *s);
const uint8_t *ztj_spool_head(const struct ztj_spool *s);
/* Walks a file: ZTJ_OK, or the error and the number of the first bad line. */
int ztj_spool_verify(const char *path, uint64_t *lines, uint8_t head[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;

#endif
