/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Message types of PROTOCOL section 4, and those between mirror and gate.
 */
#ifndef ZTJ_HOSTD_GATEMSG_H
#define ZTJ_HOSTD_GATEMSG_H

#define ZTJ_TEXT_MAX 2000 /* bytes of a text that is shown to a person */

enum ztj_msg {
	/* pam.sock */
	ZTJ_MSG_AUTH = 1, ZTJ_MSG_ACCOUNT = 2, ZTJ_MSG_OPEN = 3, ZTJ_MSG_CLOSE = 4, ZTJ_MSG_AGENT = 5,
	ZTJ_MSG_VERDICT = 128, ZTJ_MSG_PROMPT = 129, ZTJ_MSG_NEED_AGENT = 130,
	/* principals.sock */
	ZTJ_MSG_PRINCIPALS = 16, ZTJ_MSG_LINE = 144,
	/* control.sock */
	ZTJ_MSG_IMPORT = 32, ZTJ_MSG_CLOCK = 33, ZTJ_MSG_STATUS = 34, ZTJ_MSG_STANDING = 36, ZTJ_MSG_REPLY = 160,

	/* mirror to gate: bytes as the broker sent them */
	ZTJ_MSG_CONTAINER = 64, /* string JSON container: policy, statement, status, step-up */
	ZTJ_MSG_BODY = 65,      /* uint8 1: policy, 2: directory; the body in a sealed memfd that comes along */
	ZTJ_MSG_LINK = 66,      /* uint8: connected or not */
	ZTJ_MSG_POSTED = 67,    /* 32 bytes id of the challenge, report or revocation, uint32: 0 taken, else the HTTP status, or 1 */
	ZTJ_MSG_SHIPPED = 68,   /* uint32 HTTP status (0: no answer), string reply: of the lines */
	ZTJ_MSG_GROWN = 69,     /* uint32 HTTP status (0: no answer), string reply: of the proof */
	ZTJ_MSG_SNAPSHOT = 70,  /* uint8: all that the broker has begins to come, or was it */
	/* gate to mirror */
	ZTJ_MSG_BROKER = 72,    /* uint32 n, n strings url; uint32 m, m strings key text: whom to believe */
	ZTJ_MSG_HELD = 73,      /* uint64 policy version, uint32 n, n of: string directory, uint64 serial */
	ZTJ_MSG_POST = 74,      /* 32 bytes id, string JSON container: a challenge to relay */
	ZTJ_MSG_RESYNC = 75,    /* something was refused: ask for everything again */
	ZTJ_MSG_ENDED = 76,     /* 32 bytes id of a challenge, uint8: its answer was used, or nobody waits for one any more */
	ZTJ_MSG_REPORT = 77,    /* 32 bytes id, string JSON body: a scan's result, for POST /v1/standing */
	ZTJ_MSG_DECISIONS = 78, /* string: lines of the log of decisions, each with its line feed, or none: how far is it held? */
	ZTJ_MSG_GROWTH = 79,    /* uint64 from, uint64 to: the proof that the audit log grew so is wanted */
	ZTJ_MSG_HAND_BACK = 80, /* 32 bytes id, string JSON container: a revocation that the broker lacks */
	ZTJ_MSG_HURRY = 81      /* somebody waits for the broker: not later, now */
};

#endif
