/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The recorder's side of rec.sock (PROTOCOL 8.5). It starts blocking, before anything runs; then it never blocks, sends
 * what the journal holds, and comes back to a daemon that was restarted.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_LINK_H
#define ZTJ_SSHD_HELPERS_REC_LINK_H

#include "libztjit/sys/ipc.h"
#include "sshd-helpers/rec_journal.h"
#include "sshd-helpers/rec_msg.h"

enum ztj_link_state { ZTJ_LINK_UP, ZTJ_LINK_DOWN, ZTJ_LINK_ASKING };

struct ztj_link {
	const char *path;
	struct ztj_journal *journal;
	struct ztj_rec_hello hello;
	struct ztj_ipc_in in;
	struct ztj_buf out; /* one message of our own: HELLO, PING */
	size_t out_done;
	int sock;
	enum ztj_link_state state;
	bool blocked;  /* the socket took less than was offered */
	bool ended;    /* END is in the journal */
	bool answered; /* and the daemon says that it has it */
	bool done;     /* and has closed */
	bool full;
	int64_t lost_at, retry_at, sent_at, heard_at, full_at; /* CLOCK_MONOTONIC, ms */
	char why[ZTJ_REC_TEXT_MAX];
};

/* Milliseconds that do not go on while the machine sleeps: neither does the daemon. */
int64_t ztj_link_now(void);
/* hello: its strings stay the caller's. */
void ztj_link_init(struct ztj_link *l, const char *path, const struct ztj_rec_hello *hello, struct ztj_journal *j);
void ztj_link_free(struct ztj_link *l);

/* Blocking, at most 10 s each. Not ZTJ_OK: l->why says why, nothing may run. */
int ztj_link_start(struct ztj_link *l, struct ztj_rec_start *start) ZTJ_MUST_CHECK;
int ztj_link_place(struct ztj_link *l, int pidfd) ZTJ_MUST_CHECK;

/* What to poll l->sock for. */
short ztj_link_events(const struct ztj_link *l);
/* When ztj_link_step wants to be called at the latest. */
int64_t ztj_link_wake(const struct ztj_link *l);
/* Reads, sends, comes back. Not ZTJ_OK: the record cannot go on, l->why says why. */
int ztj_link_step(struct ztj_link *l, int64_t now) ZTJ_MUST_CHECK;

#endif
