/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The other half of the attack, on the server: uses what the liar served through ztjit-principals and PAM as sshd and sudo
 * would, and reads in the host's own records why it was refused.
 */
#ifndef ZTJ_TESTS_HOSTILE_THIEF_H
#define ZTJ_TESTS_HOSTILE_THIEF_H

#include "tests/hostile/lies.h"

#define CODE_NONE 0x7fff /* nothing was decided */

/* What one attempt left in the decision spool. */
struct decided {
	int principals, account, open; /* codes; CODE_NONE */
	char text[512];                /* of the last */
};

struct thief {
	struct lies lies;
	const char *pam, *log;         /* PAM configuration; what hostd wrote to stderr */
	off_t spool_at;
	unsigned passed, failed;
};

void thief_verdict(struct thief *t, bool good, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Reads what was decided since the last call. */
void thief_decided(struct thief *t, struct decided *d);
void thief_spool_end(struct thief *t);
/* thief_login.c */
void thief_logins(struct thief *t, bool (*which)(const struct lie *v));
/* thief_stepup.c */
void thief_stepups(struct thief *t);
/* thief_log.c: what the agent's log says of pushes, fetches and broken HTTP. */
void thief_log_pushes(struct thief *t);
void thief_log_fetches(struct thief *t);
void thief_log_http(struct thief *t, long at); /* from there on */
/* Next line at or after *at that contains text; copies it. */
bool thief_log_find(const struct thief *t, long *at, const char *text, char *line, size_t size);

/* One PAM transaction as a service would run it; returns the handle's results by value. */
struct pam_run {
	int auth, account, open;
};
/* what: any of "aco". */
void thief_pam(const struct thief *t, const char *service, const char *user, const char *target, const char *rhost,
    const char *info, const char *what, struct pam_run *out);
/* ztjit-principals as sshd runs it: its exit status, and its line. */
int thief_principals(const char *account, const char *type, const char *cert, char *line, size_t size);
const char *thief_cert_type(const char *b64, char *out, size_t size);

#endif
