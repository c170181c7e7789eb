/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/rec/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(x) \
	do { \
		if (!(x)) { \
			perror(#x); \
			abort(); \
		} \
	} while (0)

static int64_t now_ms(void)
{
	struct timespec ts;

	MUST(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static _Noreturn void become(const char *sock, const char *const *argv)
{
	static const int expected[] = { SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	const char *dir = getenv("ZTJ_BUILDDIR");
	const char *args[16] = { argv[0], "-s", sock };
	char path[4096];
	char *const *list;
	int n = 3;

	(void)snprintf(path, sizeof path, "%s/sshd-helpers/ztjit-rec", dir != NULL ? dir : ".");
	for (int i = 1; argv[i] != NULL && n < 15; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	/* Whoever runs the tests may ignore them, as a shell does for what it puts into the background. */
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		(void)signal(expected[i], SIG_DFL);
	if (geteuid() != 0) /* LeakSanitizer traces what it looks at, and the recorder cannot be traced */
		(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	memcpy(&list, &(const char *const *){ args }, sizeof list);
	(void)execv(path, list);
	perror(path);
	_exit(99);
}

void run_terminal(struct run *r, const char *sock, const char *const *argv, const struct winsize *size)
{
	struct winsize w = { .ws_col = 80, .ws_row = 24 };

	*r = (struct run){ .fd = -1, .in = -1, .out = -1, .err = -1 };
	if (size != NULL)
		w = *size;
	r->pid = forkpty(&r->fd, NULL, NULL, &w);
	MUST(r->pid >= 0);
	if (r->pid == 0)
		become(sock, argv);
	MUST(fcntl(r->fd, F_SETFD, FD_CLOEXEC) == 0);
}

static void pair(int fd[2], bool sockets)
{
	if (sockets)
		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	else
		MUST(pipe2(fd, O_CLOEXEC) == 0);
}

void run_pipes(struct run *r, const char *sock, const char *const *argv, bool sockets)
{
	int in[2], out[2], err[2];

	*r = (struct run){ .fd = -1, .sockets = sockets };
	pair(err, sockets);
	pair(in, sockets);
	if (sockets) { /* one for both directions, as sshd's */
		out[0] = in[1];
		out[1] = in[0];
	} else {
		pair(out, false);
	}
	r->pid = fork();
	MUST(r->pid >= 0);
	if (r->pid == 0) {
		MUST(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1 && dup2(err[1], 2) == 2);
		become(sock, argv);
	}
	(void)close(in[0]);
	if (!sockets)
		(void)close(out[1]);
	(void)close(err[1]);
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
}

uint8_t *run_read(int fd, size_t *n, int seconds)
{
	int64_t deadline = now_ms() + seconds * 1000;
	size_t cap = 65536;
	uint8_t *p = malloc(cap + 1);

	*n = 0;
	for (;;) {
		struct pollfd w = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		MUST(p != NULL);
		if (left <= 0 || poll(&w, 1, (int)left) <= 0)
			break;
		ssize_t got = read(fd, p + *n, cap - *n);
		if (got <= 0)
			break;
		*n += (size_t)got;
		if (*n == cap)
			p = realloc(p, (cap *= 2) + 1);
	}
	p[*n] = '\0';
	return p;
}

bool run_expect(int fd, const char *text, int seconds)
{
	int64_t deadline = now_ms() + seconds * 1000;
	char seen[65536];
	size_t n = 0;

	for (;;) {
		struct pollfd w = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		if (left <= 0 || n == sizeof seen - 1 || poll(&w, 1, (int)left) <= 0)
			break;
		ssize_t got = read(fd, seen + n, sizeof seen - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		seen[n] = '\0';
		if (memmem(seen, n, text, strlen(text)) != NULL)
			return true;
	}
	seen[n] = '\0';
	(void)fprintf(stderr, "waited for \"%s\", saw: %s\n", text, seen);
	return false;
}

void run_write(int fd, const void *p, size_t n)
{
	const char *q = p;

	while (n > 0) {
		ssize_t put = write(fd, q, n);
		if (put < 0 && errno == EINTR)
			continue;
		MUST(put > 0);
		q += put;
		n -= (size_t)put;
	}
}

int run_wait(struct run *r, int seconds)
{
	int64_t deadline = now_ms() + seconds * 1000;
	int status;

	while (now_ms() < deadline) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid)
			return status;
		(void)poll(NULL, 0, 5);
	}
	(void)kill(r->pid, SIGKILL);
	(void)waitpid(r->pid, &status, 0);
	return -1;
}

void run_close(struct run *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	if (r->in >= 0)
		(void)close(r->in);
	if (r->out >= 0 && r->out != r->in)
		(void)close(r->out);
	if (r->err >= 0)
		(void)close(r->err);
	r->fd = r->in = r->out = r->err = -1;
}

bool run_alive(pid_t pid)
{
	char path[64], state = '?', text[512] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	if (fgets(text, sizeof text, f) != NULL && strrchr(text, ')') != NULL)
		state = strrchr(text, ')')[2];
	(void)fclose(f);
	return state != 'Z' && state != 'X';
}

void run_random_file(char *path, size_t size, size_t n)
{
	uint64_t x[1024];
	int fd;

	(void)snprintf(path, size, "/tmp/ztjit-rec-data.XXXXXX");
	fd = mkstemp(path);
	MUST(fd >= 0 && getrandom(x, sizeof x, 0) == (ssize_t)sizeof x);
	while (n > 0) {
		size_t part = n < sizeof x ? n : sizeof x;
		for (size_t i = 0; i < sizeof x / sizeof x[0];
		     i++) { /* xorshift: quick, and nothing repeats */
			x[i] ^= x[i] << 13;
			x[i] ^= x[i] >> 7;
			x[i] ^= x[i] << 17;
		}
		run_write(fd, x, part);
		n -= part;
	}
	(void)close(fd);
}
