/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A daemon that plays a part, and a PAM stack without root: what the tests
 * of the module share.
 */
#ifndef ZTJ_TESTS_PAM_FAKE_H
#define ZTJ_TESTS_PAM_FAKE_H

#include <security/pam_appl.h>
#include <sys/types.h>

#include "libztjit/sys/ipc.h"

/* Plays one accepted connection in the daemon's process. */
typedef void (*fake_part)(int sock, const void *arg);

struct fake {
	char dir[64];        /* temporary; holds the stacks and the socket */
	char socket[108];
	pid_t daemon;        /* 0: none */
	/* what the conversation was shown */
	unsigned nshown;
	int style[16];
	char shown[16][2048];
};

void fake_setup(struct fake *f, const char *options);   /* options: after the module's socket= */
void fake_teardown(struct fake *f);
/* Starts a daemon that plays `part` for each of n connections. */
void fake_daemon(struct fake *f, fake_part part, const void *arg, unsigned n);
pam_handle_t *fake_start(struct fake *f, const char *service, const char *user);
/* One phase of a fresh transaction: 'a'uth, a'c'count, 'o'pen, c'l'ose, 's'etcred. */
int fake_phase(struct fake *f, const char *service, char phase, int flags);
int fake_call(pam_handle_t *pamh, char phase, int flags);

/* For parts. */
void part_read(int sock, struct ztj_ipc_in *in, bool want_fd);
void part_verdict(int sock, uint32_t code, const char *text);
void part_prompt(int sock, const char *text, uint32_t seconds);
void part_need_agent(int sock, uint32_t uid, uint32_t gid);

#endif
