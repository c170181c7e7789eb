/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/ptys.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/procs.h"
#include "bench/report.h"

const char *const pty_way_name[PTY_WAYS] = { "unrecorded", "ztjit-rec", "tlog-rec", "script" };

static _Noreturn void run(enum pty_way way, const char *command, const char *file)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "--file-path=%s", file);
	switch (way) {
	case PTY_ZTJIT:
		(void)execlp("ztjit-rec", "ztjit-rec", "--", "/bin/sh", "-c", command, NULL);
		break;
	case PTY_TLOG:
		(void)execlp("tlog-rec", "tlog-rec", "-w", "file", path, "--", "/bin/sh", "-c", command,
		    NULL);
		break;
	case PTY_SCRIPT:
		(void)execlp("script", "script", "-qec", command, file, NULL);
		break;
	case PTY_BARE:
	case PTY_WAYS:
	default:
		(void)execl("/bin/sh", "sh", "-c", command, NULL);
	}
	_exit(127);
}

void pty_start(struct pty *p, enum pty_way way, const char *command, const char *file)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };

	p->name = pty_way_name[way];
	if (file != NULL)
		(void)unlink(file);
	p->pid = forkpty(&p->fd, NULL, NULL, &size);
	if (p->pid < 0 || (p->pid > 0 && fcntl(p->fd, F_SETFD, FD_CLOEXEC) != 0))
		bench_fail("no terminal");
	if (p->pid == 0)
		run(way, command, file == NULL ? "/dev/null" : file);
}

size_t pty_read(const struct pty *p, char *out, size_t n)
{
	ssize_t got;

	do
		got = read(p->fd, out, n);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EIO) /* EIO: nobody has the other side open */
		bench_fail("a terminal cannot be read");
	return got < 0 ? 0 : (size_t)got;
}

double pty_end(struct pty *p)
{
	siginfo_t info;
	double cpu;
	int status;

	/* What it used can be read until it is waited for. */
	while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) != 0)
		if (errno != EINTR)
			bench_fail("a child got lost");
	cpu = procs_cpu_one(p->pid);
	(void)close(p->fd);
	if (waitpid(p->pid, &status, 0) != p->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail("%s on a terminal: status %d", p->name, status);
	return cpu;
}

void pty_expect(const struct pty *p, const char *text)
{
	char got[4096] = "";
	size_t n = 0, more;

	while (strstr(got, text) == NULL) {
		if (n == sizeof(got) - 1 || (more = pty_read(p, got + n, sizeof(got) - 1 - n)) == 0)
			bench_fail("%s on a terminal said: %.500s", p->name, got);
		n += more;
		got[n] = '\0';
	}
}
