/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Looking at files and running stock programs. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit/doctor/doctor.h"

#define EXEC_SECONDS 30
#define EXEC_MAX (512u * 1024u)
#define TEXT_MAX (1024u * 1024u)
#define PROGRAM_MAX (64u * 1024u * 1024u)

unsigned doc_mode(const struct stat *st)
{
	return (unsigned)(st->st_mode & 07777);
}

static int from_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return ZTJ_NOT_FOUND;
	case ENOMEM:
		return ZTJ_NOMEM;
	default:
		return ZTJ_IO;
	}
}

static int read_fd(int fd, size_t max, struct ztj_buf *out)
{
	uint8_t chunk[16384];
	size_t total = 0;
	ssize_t got;
	int r;

	for (;;) {
		got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? ZTJ_OK : ZTJ_IO;
		total += (size_t)got;
		if (total > max)
			return ZTJ_TOO_LARGE;
		if ((r = ztj_buf_put(out, chunk, (size_t)got)) != ZTJ_OK)
			return r;
	}
}

int doc_read(const char *path, size_t max, struct ztj_buf *out, struct stat *st)
{
	/* a FIFO planted under the name must not hang us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	struct stat mine;

	if (fd < 0)
		return from_errno(errno);
	r = fstat(fd, &mine) == 0 ? ZTJ_OK : ZTJ_IO;
	if (r == ZTJ_OK && !S_ISREG(mine.st_mode))
		r = ZTJ_UNSAFE_FILE;
	if (r == ZTJ_OK)
		r = read_fd(fd, max, out);
	(void)close(fd);
	if (st != NULL)
		*st = mine;
	return r;
}

const char *doc_text(struct doctor *d, const char *path, int *err)
{
	struct ztj_buf b;
	char *kept = NULL;

	ztj_buf_init(&b, TEXT_MAX);
	*err = doc_read(path, TEXT_MAX - 1, &b, NULL);
	if (*err == ZTJ_OK && b.n > 0 && memchr(b.p, '\0', b.n) != NULL)
		*err = ZTJ_BAD_TEXT;
	if (*err == ZTJ_OK && (kept = cli_keep(d->c, b.n + 1)) == NULL)
		*err = ZTJ_NOMEM;
	if (kept != NULL) {
		if (b.n > 0)
			memcpy(kept, b.p, b.n);
		kept[b.n] = '\0';
	}
	ztj_buf_free(&b);
	return kept;
}

const char *doc_line(struct doctor *d, const char *text)
{
	size_t n = strcspn(text, "\n");
	const char *line = cli_printf(d->c, "%.*s%s", (int)(n > 300 ? 300 : n), text, n > 300 ? "…" : "");

	return line != NULL ? line : "?";
}

/* ---- who can change it ---- */

static bool root_alone(struct doctor *d, const char *path, const struct stat *st)
{
	bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;

	if (st->st_uid != 0) {
		doc_say(d, DOC_FAIL, "%s belongs to uid %u, not to root", path, (unsigned)st->st_uid);
		doc_todo(d, "chown root:root %s", path);
		return false;
	}
	if ((st->st_mode & S_IWOTH) != 0 && !sticky) {
		doc_say(d, DOC_FAIL, "%s is writable by everybody (mode %04o)", path, doc_mode(st));
		doc_todo(d, "chmod go-w %s", path);
		return false;
	}
	if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 && !sticky) {
		doc_say(d, DOC_FAIL, "%s is writable by group %u (mode %04o)", path, (unsigned)st->st_gid,
		    doc_mode(st));
		doc_todo(d, "chmod g-w %s", path);
		return false;
	}
	return true;
}

static bool parents(struct doctor *d, char *path)
{
	struct stat st;

	for (char *slash; (slash = strrchr(path, '/')) != NULL && path[1] != '\0';) {
		slash[slash == path ? 1 : 0] = '\0';
		if (lstat(path, &st) != 0)
			return false;
		/* a link's mode means nothing: where it stands and where it leads are looked at */
		if (!S_ISLNK(st.st_mode) && !root_alone(d, path, &st))
			return false;
	}
	return true;
}

bool doc_only_root(struct doctor *d, const char *path)
{
	char real[PATH_MAX], copy[PATH_MAX];
	struct stat st;
	int n = snprintf(copy, sizeof copy, "%s", path);

	if (n < 0 || (size_t)n >= sizeof copy || realpath(path, real) == NULL || lstat(real, &st) != 0) {
		doc_say(d, DOC_FAIL, "%s cannot be looked at: %s", path, strerror(errno));
		return false;
	}
	if (!root_alone(d, real, &st) || !parents(d, real))
		return false;
	/* as it is written, too: whoever may change a link there decides where it leads */
	return parents(d, copy);
}

/* ---- programs ---- */

_Noreturn static void child(const char *const argv[], int out)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C", home[] = "HOME=/";
	char *env[] = { path, lang, home, NULL };
	char *args[64];
	size_t n = 0;
	int null = open("/dev/null", O_RDONLY);

	for (; n < 63 && argv[n] != NULL; n++)
		args[n] = strdup(argv[n]);
	args[n] = NULL;
	if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 && chdir("/") == 0) {
		(void)close_range(3, ~0U, 0);
		(void)signal(SIGPIPE, SIG_DFL);
		(void)umask(022);
		/* a person's own tools run as the person has them; root's do not take what sudo let through */
		(void)execve(argv[0], args, geteuid() == 0 ? env : environ);
	}
	_exit(127);
}

static int collect(int fd, struct ztj_buf *out)
{
	int64_t deadline = ztj_ipc_now_ms() + EXEC_SECONDS * 1000LL;
	uint8_t chunk[16384];
	ssize_t got;

	for (;;) {
		int64_t left = deadline - ztj_ipc_now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (left <= 0)
			return ZTJ_TIMEOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? ZTJ_OK : ZTJ_IO;
		if (out->n + (size_t)got > EXEC_MAX)
			return ZTJ_TOO_LARGE;
		if (ztj_buf_put(out, chunk, (size_t)got) != ZTJ_OK)
			return ZTJ_NOMEM;
	}
}

int doc_exec(const char *const argv[], struct ztj_buf *out, int *status)
{
	int pipes[2], r, ended = 0;
	pid_t pid;

	*status = 127;
	if (access(argv[0], X_OK) != 0)
		return ZTJ_NOT_FOUND;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return ZTJ_SYSTEM;
	pid = fork();
	if (pid == 0)
		child(argv, pipes[1]);
	(void)close(pipes[1]);
	r = pid > 0 ? collect(pipes[0], out) : ZTJ_SYSTEM;
	(void)close(pipes[0]);
	if (pid <= 0)
		return r;
	if (r != ZTJ_OK)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
		;
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128;
	return r;
}

int doc_version(const char *path, char *out, size_t size)
{
	static const char mark[] = "@(#)ztjit";
	const uint8_t *at;
	struct ztj_buf b;
	size_t n = 0, left;
	int r;

	ztj_buf_init(&b, PROGRAM_MAX);
	r = doc_read(path, PROGRAM_MAX - 1, &b, NULL);
	at = r == ZTJ_OK && b.n > 0 ? memmem(b.p, b.n, mark, sizeof mark - 1) : NULL;
	if (r == ZTJ_OK && at == NULL)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK) {
		at += sizeof mark; /* a blank follows */
		for (left = b.n - (size_t)(at - b.p);
		     n < left && n + 1 < size && at[n] > 0x20 && at[n] < 0x7f; n++)
			out[n] = (char)at[n];
		out[n] = '\0';
	}
	ztj_buf_free(&b);
	return r;
}
