/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the gate may ask of the warden, and what the warden tells: fixed-size
 * records on a SOCK_SEQPACKET pair, nothing else. A descriptor (a pidfd) goes along
 * where the table says so.
 *
 *   MAKE      pidfd   make the cgroup of a session below its parent's and move the process into it
 *   KILL              kill every process of a session and of those below it
 *   KILL_PROC pidfd   kill this one process
 *   WARN              write fixed text number `text` to the terminals of a session's processes
 *   DONE              answer: code of the request with this id
 *   EMPTY             news: the last process of a session is gone, its cgroup is removed
 */
#ifndef ZTJ_HOSTD_WARDENMSG_H
#define ZTJ_HOSTD_WARDENMSG_H

#include <stdint.h>

enum ztj_warden_op {
	ZTJ_WARDEN_MAKE = 1, ZTJ_WARDEN_KILL = 2, ZTJ_WARDEN_KILL_PROC = 3, ZTJ_WARDEN_WARN = 4,
	ZTJ_WARDEN_DONE = 128, ZTJ_WARDEN_EMPTY = 129
};

enum ztj_warden_text { ZTJ_TEXT_FIVE_MINUTES, ZTJ_TEXT_ONE_MINUTE, ZTJ_TEXT_ENDED, ZTJ_TEXT_REVOKED, ZTJ_TEXTS };

struct ztj_warden_msg {
	uint32_t op, id;
	uint64_t session, parent; /* parent 0: none */
	int32_t code;             /* DONE */
	uint32_t text;            /* WARN */
};

#endif
