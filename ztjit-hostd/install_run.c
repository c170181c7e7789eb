/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Programs of the machine, run to ask or to change something: no shell, nothing of our environment, a limit of time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/install_int.h"

#define PATIENCE_MS 60000

static _Noreturn void child(const char *const *argv, int out)
{
	char *const environ_of_ours[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
		(char[]){ "LC_ALL=C" }, NULL };
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGCHLD };
	union {
		const char *const *in;
		char *const *out;
	} words = { .in = argv };
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out >= 0 ? out : null, 1) < 0 ||
	    dup2(out >= 0 ? out : null, 2) < 0)
		_exit(127);
	closefrom(3);
	(void)setpgid(0, 0);
	(void)umask(022);
	if (chdir("/") != 0)
		_exit(127);
	(void)execve(argv[0], words.out, environ_of_ours);
	_exit(127);
}

/* What it says, until it has nothing more to say. False when the time is over. */
static bool listen_to(int fd, struct ztj_buf *out)
{
	int64_t until = ztj_ipc_now_ms() + PATIENCE_MS;
	char chunk[4096];

	for (;;) {
		int64_t left = until - ztj_ipc_now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;
		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (p.revents == 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		/* More than we keep is read all the same, or it would wait for us. */
		if (n > 0 && out != NULL && out->n + (size_t)n <= out->max)
			(void)ztj_buf_put(out, chunk, (size_t)n);
	}
}

int ztj_inst_run(const char *const *argv, struct ztj_buf *out, int *status)
{
	int pair[2], st = 0;
	bool heard;
	pid_t pid;

	*status = 255;
	if (access(argv[0], X_OK) != 0)
		return ZTJ_NOT_FOUND;
	if (pipe2(pair, O_CLOEXEC) != 0)
		return ZTJ_SYSTEM;
	pid = fork();
	if (pid == 0)
		child(argv, pair[1]);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return ZTJ_SYSTEM;
	}
	heard = listen_to(pair[0], out);
	(void)close(pair[0]);
	if (!heard)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return ZTJ_SYSTEM;
	if (heard && WIFEXITED(st))
		*status = WEXITSTATUS(st);
	return heard ? ZTJ_OK : ZTJ_TIMEOUT;
}
