/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the gate may ask of the warden, and what the warden tells: fixed-size
 * records on a SOCK_SEQPACKET pair, nothing else. A descriptor (a pidfd, a memfd) goes along
 * where the table says so.
 *
 *   MAKE      pidfd   make the cgroup of a session below its parent's and move the process into it; `at`: its end;
 *                     `flags`: ZTJ_MAKE_RECORDED when a recorder records what is in it
 *   SOON              a MAKE is likely to follow in some milliseconds: what the kernel needs for it can begin
 *   END_AT            the session's end is now `at`: the warden ends it by itself when the gate is late or gone
 *   KILL              kill every process of a session and of those below it
 *   KILL_PROC pidfd   kill this one process
 *   WARN              write fixed text number `text` to the terminals of a session's processes; `grant`: what to extend.
 *                     Where a recorder shows what is below, only the terminals below are written to, unless
 *                     `flags` has ZTJ_WARN_OUTER
 *   STRAYS            DONE says in `n` how many processes stand directly in a session's cgroup that are neither
 *                     the one that opened it (sshd), or forked from it and still the same, nor a recorder; `flags` has
 *                     ZTJ_STRAYS_NEVER when one of them is not to be waited for: sshd's internal-sftp
 *   SWEEP             kill what runs as uid `n` outside every session; each is told with SWEPT first
 *   SWEEP_GROUP       kill what runs as uid `n` in the group with id `flags`, in whichever session; DONE says in `n` how many
 *   OUTSIDE           look for processes that left their session; each is told with ESCAPED once
 *   PUBLISH   memfd   what libnss_ztjit reads: file number `n` (enum ztj_warden_file) in the run directory is replaced by the content of
 *                     the memfd, which must be sealed; without one, `grants` are removed
 *   READY             the gate has judged every session that was found
 *   FOUND             news at the start: a session of an earlier run, and its parent. Killed unless the gate knows it;
 *                     `n`: its audit session
 *   DONE              answer: code of the request with this id; with id 0: the warden is ready. After MAKE `n` is the audit
 *                     session of a login
 *   EMPTY             news: the last process of a session is gone, its cgroup is removed
 *   SWEPT             news: process `n`, called `name`, of uid `session` is killed
 *   ESCAPED           news: process `n`, called `name`, is outside the session that it came from. It is killed with it
 */
#ifndef ZTJ_HOSTD_WARDENMSG_H
#define ZTJ_HOSTD_WARDENMSG_H

#include <stdint.h>

enum ztj_warden_op {
	ZTJ_WARDEN_MAKE = 1, ZTJ_WARDEN_KILL = 2, ZTJ_WARDEN_KILL_PROC = 3, ZTJ_WARDEN_WARN = 4,
	ZTJ_WARDEN_END_AT = 5, ZTJ_WARDEN_STRAYS = 6, ZTJ_WARDEN_READY = 7, ZTJ_WARDEN_SWEEP = 8,
	ZTJ_WARDEN_OUTSIDE = 9, ZTJ_WARDEN_PUBLISH = 10, ZTJ_WARDEN_SWEEP_GROUP = 11, ZTJ_WARDEN_SOON = 12,
	ZTJ_WARDEN_DONE = 128, ZTJ_WARDEN_EMPTY = 129, ZTJ_WARDEN_FOUND = 130, ZTJ_WARDEN_SWEPT = 131,
	ZTJ_WARDEN_ESCAPED = 132
};

enum ztj_warden_text {
	ZTJ_TEXT_FIVE_MINUTES, ZTJ_TEXT_ONE_MINUTE, /* name the grant */
	ZTJ_TEXT_ENDED, ZTJ_TEXT_REVOKED, ZTJ_TEXT_KILLED, ZTJ_TEXT_STALE, ZTJ_TEXT_UNRECORDED, ZTJ_TEXT_REFUSED,
	ZTJ_TEXT_ALONE, ZTJ_TEXT_NO_AGENT, /* the warden's own */
	ZTJ_TEXTS
};

enum ztj_warden_file { ZTJ_PUBLISH_PEOPLE, ZTJ_PUBLISH_GRANTS, ZTJ_PUBLISHED };

#define ZTJ_MAKE_RECORDED 1u
#define ZTJ_WARN_OUTER 1u
#define ZTJ_STRAYS_NEVER 1u

struct ztj_warden_msg {
	uint32_t op, id;
	uint64_t session, parent; /* parent 0: none */
	int64_t at;               /* MAKE, END_AT: seconds of the boot clock */
	int32_t code;             /* DONE */
	uint32_t text;            /* WARN */
	uint32_t flags, n;
	uint8_t grant[32];        /* WARN */
	char name[16];            /* SWEPT, ESCAPED: as the process calls itself */
};

#endif
