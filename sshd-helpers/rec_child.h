/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What is recorded: a process in a session of its own, with the person's ids and none of ours, that waits on a pipe until
 * the daemon has put it where it can be ended.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_CHILD_H
#define ZTJ_SSHD_HELPERS_REC_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct ztj_rec_job {
	const char *shell;   /* the person's own */
	const char *command; /* for its -c; NULL: a login shell */
	char *const *argv;   /* not NULL: run this and no shell */
	char *const *env;
	int std[3];          /* what becomes its 0–2; above 2 */
	bool terminal;       /* std[0] becomes its controlling terminal */
	sigset_t mask;       /* as we were started */
	struct rlimit core;
};
struct ztj_rec_child {
	pid_t pid;
	int pidfd, go;
	bool over, killed;
	int status; /* exit status, or the signal when killed */
};

/* The child waits. 0, or -1 with errno. */
int ztj_rec_child_spawn(const struct ztj_rec_job *job, struct ztj_rec_child *c);
int ztj_rec_child_go(struct ztj_rec_child *c);
/* Looks whether it has ended; it is not reaped, so that its number stays its own. */
bool ztj_rec_child_over(struct ztj_rec_child *c);
/* To its process group, and to it alone in case it has none yet. */
void ztj_rec_child_signal(const struct ztj_rec_child *c, int sig);

#endif
