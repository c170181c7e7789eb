/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the session is made of, shared by the parts of the recorder that set it up (rec_run.c) and keep it going
 * (rec_loop.c).
 */
#ifndef ZTJ_SSHD_HELPERS_REC_SESSION_H
#define ZTJ_SSHD_HELPERS_REC_SESSION_H

#include "sshd-helpers/rec_child.h"
#include "sshd-helpers/rec_flow.h"
#include "sshd-helpers/rec_link.h"
#include "sshd-helpers/rec_term.h"

enum ztj_rec_stage {
	ZTJ_REC_RUNS,
	ZTJ_REC_HANGS_UP, /* its terminal is gone: the child is given a little time */
	ZTJ_REC_ENDS,     /* the child is over: the daemon gets the rest */
	ZTJ_REC_FAILS,    /* the record is lost: the child is being ended */
	ZTJ_REC_OVER
};
enum { ZTJ_FLOW_IN, ZTJ_FLOW_OUT, ZTJ_FLOW_ERR, ZTJ_FLOWS };

struct ztj_rec_session {
	bool terminal;
	struct ztj_rec_term term;
	struct ztj_flow *flow[ZTJ_FLOWS]; /* ERR only without a terminal */
	struct ztj_journal *journal;
	struct ztj_link link;
	struct ztj_rec_child child;
	int signals; /* signalfd */
	int64_t started_us;
	enum ztj_rec_stage stage;
	int64_t kill_at, give_up_at; /* CLOCK_MONOTONIC, ms; 0: not now */
	bool resized;                /* a new size that the record does not have yet */
	struct ztj_rec_hasher *hasher; /* NULL with a terminal */
	char *shell_entry, *tty_entry, **env; /* the child's */
};

/* Microseconds of CLOCK_BOOTTIME. */
int64_t ztj_rec_clock_us(void);
/* Until the child is over and the daemon has the record. 0; -1: the record is not whole, s->link.why says why. */
int ztj_rec_loop(struct ztj_rec_session *s);

#endif
