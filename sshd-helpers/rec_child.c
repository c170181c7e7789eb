/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_RUN 126
#define EXIT_NOT_FOUND 127
#define GO_FD 3

static _Noreturn void cannot(const char *what)
{
	int e = errno;

	(void)dprintf(STDERR_FILENO, "ztjit-rec: cannot run %s: %s\n", what, strerror(e));
	_exit(e == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

/* Nothing of the group that may talk to the daemon is left. */
static int drop_group(void)
{
	gid_t own = getgid(), r, e, s;

	if (setresgid(own, own, own) != 0 || getresgid(&r, &e, &s) != 0)
		return -1;
	return r == own && e == own && s == own ? 0 : -1;
}

static int arrange(const struct ztj_rec_job *job, int go)
{
	if (setsid() < 0 || (job->terminal && ioctl(job->std[0], TIOCSCTTY, 0) != 0))
		return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(job->std[i], i) != i)
			return -1;
	if (go != GO_FD && dup3(go, GO_FD, O_CLOEXEC) != GO_FD)
		return -1;
	if (close_range(GO_FD + 1, ~0U, 0) != 0 || drop_group() != 0)
		return -1;
	/* After the change of ids, which clears it. If the recorder goes, so does this. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void run_shell(const struct ztj_rec_job *job)
{
	const char *base = strrchr(job->shell, '/') + 1; /* it begins with one */
	char name[256];
	char *argv[4] = { name, NULL, NULL, NULL };
	char dash_c[] = "-c";

	(void)snprintf(name, sizeof name, "%s%s", job->command == NULL ? "-" : "", base);
	if (job->command != NULL) {
		argv[1] = dash_c;
		memcpy(&argv[2], &job->command, sizeof job->command); /* execve does not write to it */
	}
	(void)execve(job->shell, argv, job->env);
}

static _Noreturn void child_main(const struct ztj_rec_job *job, int go)
{
	char byte;

	if (arrange(job, go) != 0)
		cannot("anything");
	if (read(GO_FD, &byte, 1) != 1)
		_exit(EXIT_NOT_RUN); /* the daemon said no; the recorder says why */
	if (setrlimit(RLIMIT_CORE, &job->core) != 0 || sigprocmask(SIG_SETMASK, &job->mask, NULL) != 0)
		cannot("anything");
	if (job->argv != NULL) {
		(void)execvpe(job->argv[0], job->argv, job->env);
		cannot(job->argv[0]);
	}
	run_shell(job);
	cannot(job->shell);
}

int ztj_rec_child_spawn(const struct ztj_rec_job *job, struct ztj_rec_child *c)
{
	int go[2];

	*c = (struct ztj_rec_child){ .pid = -1, .pidfd = -1, .go = -1 };
	if (pipe2(go, O_CLOEXEC) != 0)
		return -1;
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(go[1]); /* or its own end would keep it waiting for ever */
		child_main(job, go[0]);
	}
	(void)close(go[0]);
	c->go = go[1];
	if (c->pid < 0)
		return -1;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return c->pidfd < 0 ? -1 : 0;
}

int ztj_rec_child_go(struct ztj_rec_child *c)
{
	ssize_t n = write(c->go, "", 1);

	(void)close(c->go);
	c->go = -1;
	return n == 1 ? 0 : -1;
}

bool ztj_rec_child_over(struct ztj_rec_child *c)
{
	siginfo_t info = { 0 };

	if (c->over)
		return true;
	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
		return false;
	c->over = true;
	c->killed = info.si_code != CLD_EXITED;
	c->status = info.si_status;
	return true;
}

void ztj_rec_child_signal(const struct ztj_rec_child *c, int sig)
{
	if (c->pid <= 0 || (kill(-c->pid, sig) == 0))
		return;
	(void)syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0);
}
