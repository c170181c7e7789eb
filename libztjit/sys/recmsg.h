/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Types of the messages on rec.sock (PROTOCOL 8.5) and on the scribe's pairs (8.6), and their limits.
 */
#ifndef ZTJ_SYS_RECMSG_H
#define ZTJ_SYS_RECMSG_H

enum ztj_recmsg {
	/* recorder to scribe */
	ZTJ_REC_HELLO = 48, ZTJ_REC_CHILD = 49, ZTJ_REC_EVENT = 50, ZTJ_REC_PING = 51, ZTJ_REC_END = 52,
	/* scribe to recorder */
	ZTJ_REC_START = 176, ZTJ_REC_GO = 177, ZTJ_REC_TAKEN = 178,
	/* scribe to gate */
	ZTJ_REC_NEW = 80, ZTJ_REC_PLACE = 81, ZTJ_REC_GONE = 82, ZTJ_REC_SIGN = 83, ZTJ_REC_SPOOL = 84,
	ZTJ_REC_NAMED = 85,
	/* gate to scribe */
	ZTJ_REC_IS = 88, ZTJ_REC_PLACED = 89, ZTJ_REC_SIGNED = 90, ZTJ_REC_NOTE = 91, ZTJ_REC_ENDED = 92,
	/* scribe to mirror and back */
	ZTJ_REC_SHIP = 96, ZTJ_REC_SHIPPED = 104, ZTJ_REC_LINK = 105
};

enum { ZTJ_REC_FLAG_INPUT = 1, ZTJ_REC_FLAG_PIPES = 2, ZTJ_REC_FLAG_GLASS = 4 };
enum ztj_rec_state { ZTJ_RECORD_OPEN = 0, ZTJ_RECORD_CLOSED = 1, ZTJ_RECORD_LOST = 2 };
enum ztj_ship { ZTJ_SHIP_START = 1, ZTJ_SHIP_CHUNKS = 2, ZTJ_SHIP_HEAD = 3 };

#define ZTJ_REC_SESSION_LEN 32
#define ZTJ_REC_EVENT_MAX (64u * 1024u)
#define ZTJ_REC_WINDOW (512u * 1024u) /* bytes of output under way to the scribe */
#define ZTJ_REC_PING_MS 2000
#define ZTJ_REC_SILENT_MS 6000        /* a recorder that says nothing is stopped or traced */
#define ZTJ_REC_GRACE_MS 10000        /* to be taken back by a daemon that was restarted */
#define ZTJ_REC_SOCKET "/run/ztjit/rec.sock"

#endif
