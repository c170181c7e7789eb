/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One recorded session, from the first word with the daemon to the exit status.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_RUN_H
#define ZTJ_SSHD_HELPERS_REC_RUN_H

#include <signal.h>
#include <sys/resource.h>

/* What the arguments asked for, and what we were before we changed it. */
struct ztj_rec_plan {
	const char *socket;
	const char *command; /* for the shell's -c; NULL: a login shell, or argv */
	char *const *argv;   /* not NULL: this and no shell */
	const char *shown;   /* the command line for the record; "": a login shell */
	const char *term;
	char *const *env;
	sigset_t mask;
	struct rlimit core;
};

/* Returns the exit status, or dies of the signal that its child died of. */
int ztj_rec_run(const struct ztj_rec_plan *plan);
/* One line to standard error. */
void ztj_rec_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
