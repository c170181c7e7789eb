/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* P14: sudo inside a session of req2's, three times; the relay lies about each challenge before it tells the truth. */
#include "tests/hostile/thief.h"

#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/hostile/liar.h"

struct sudo {
	struct pam_run login, run[3];
	int helper;
};

static const struct lie *own_grant(const struct thief *t)
{
	for (size_t i = 0; i < t->lies.n; i++)
		if (strcmp(t->lies.lie[i].name, "control/after/sudo-root/push") == 0)
			return &t->lies.lie[i];
	return NULL;
}

/* Each sudo is a process of its own below the session, as the shell would start it. */
static void one_sudo(const struct thief *t, struct pam_run *out)
{
	int fd[2], status;
	pid_t pid;

	*out = (struct pam_run){ -1, -1, -1 };
	if (pipe(fd) != 0 || (pid = fork()) < 0)
		return;
	if (pid == 0) {
		struct pam_run r;
		thief_pam(t, "sudo", "req2", "root", NULL, NULL, "aco", &r);
		_exit(write(fd[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	(void)close(fd[1]);
	if (read(fd[0], out, sizeof(*out)) != sizeof(*out))
		*out = (struct pam_run){ -1, -1, -1 };
	(void)close(fd[0]);
	(void)waitpid(pid, &status, 0);
}

static _Noreturn void session(const struct thief *t, const struct lie *v, int out)
{
	struct sudo s;
	char type[64], line[2048], *info = NULL;

	memset(&s, 0xff, sizeof(s));
	(void)thief_cert_type(v->cert, type, sizeof(type));
	s.helper = thief_principals(v->account, type, v->cert, line, sizeof(line));
	if (asprintf(&info, "publickey %s %s\n", type, v->cert) < 0)
		_exit(1);
	thief_pam(t, "sshd", v->account, NULL, v->peer, info, "co", &s.login);
	for (int i = 0; i < 3; i++)
		one_sudo(t, &s.run[i]);
	_exit(write(out, &s, sizeof(s)) == sizeof(s) ? 0 : 1);
}

static bool run_session(const struct thief *t, const struct lie *v, struct sudo *s)
{
	int fd[2], status;
	bool said;
	pid_t pid;

	if (pipe(fd) != 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		(void)close(fd[0]);
		session(t, v, fd[1]);
	}
	(void)close(fd[1]);
	said = read(fd[0], s, sizeof(*s)) == sizeof(*s);
	(void)close(fd[0]);
	(void)waitpid(pid, &status, 0);
	return said;
}

static void check_lies(struct thief *t, unsigned round, long *at)
{
	const struct lie_stepup *lies = liar_stepup_lies(round);

	for (; lies->name != NULL; lies++) {
		char line[4096], name[128];
		long here = *at;
		bool found = thief_log_find(t, &here, "step-up", line, sizeof(line));
		const char *said = found ? strstr(line, lies->log) : NULL;
		*at = here;
		(void)snprintf(name, sizeof(name), "P14/%s/relayed", lies->name);
		thief_verdict(t, said != NULL && strcmp(said, lies->log) == 0, name, "%s",
		    found ? line : "nothing in the log");
	}
}

void thief_stepups(struct thief *t)
{
	const struct lie *v = own_grant(t);
	struct stat st;
	struct sudo s;
	long at;

	assert_non_null(v);
	at = stat(t->log, &st) == 0 ? (long)st.st_size : 0;
	if (!run_session(t, v, &s)) {
		thief_verdict(t, false, "P14/session", "died");
		return;
	}
	thief_verdict(t, s.helper == 0 && s.login.account == PAM_SUCCESS && s.login.open == PAM_SUCCESS,
	    "P14/control/login", "helper %d, account %d, open %d", s.helper, s.login.account, s.login.open);
	for (unsigned round = 0; round < 2; round++) {
		check_lies(t, round, &at);
		thief_verdict(t,
		    s.run[round].auth == PAM_SUCCESS && s.run[round].account == PAM_SUCCESS &&
			s.run[round].open == PAM_SUCCESS,
		    round == 0 ? "P14/control/true-answer" : "P14/control/true-answer-again",
		    "auth %d, account %d, open %d", s.run[round].auth, s.run[round].account,
		    s.run[round].open);
	}
	thief_verdict(t,
	    s.run[2].auth != PAM_SUCCESS && s.run[2].account != PAM_SUCCESS && s.run[2].open != PAM_SUCCESS,
	    "P14/challenge-not-taken", "auth %d, account %d, open %d", s.run[2].auth, s.run[2].account,
	    s.run[2].open);
}
