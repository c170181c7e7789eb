/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Files of the machine that is looked at. First a descriptor that opens nothing (O_PATH), then fstat, and only a regular
 * file is opened through it: no pipe is waited for, no device is touched, whoever put a link there.
 */
#include "ztjit/scan/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TRIES 16

int scan_open(struct scan *s, const char *path, int *fd, struct stat *st)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	/* EAGAIN: something was renamed meanwhile */
	errno = EAGAIN;
	for (int i = 0; i < TRIES && (*fd = -1) < 0 && errno == EAGAIN; i++) {
		*fd = (int)syscall(SYS_openat2, s->rootfd, path, &how, sizeof how);
		if (*fd >= 0)
			break;
	}
	if (*fd >= 0 && fstat(*fd, st) == 0)
		return ZTJ_OK;
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == ELOOP))
		return ZTJ_NOT_FOUND;
	scan_problem(s, path, strerror(errno));
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return ZTJ_SYSTEM;
}

/* Opens for good what an O_PATH descriptor stands for. */
static int reopen(int fd, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int read_all(int fd, struct ztj_buf *out)
{
	uint8_t chunk[16384];
	ssize_t n;
	int r = ZTJ_OK;

	while (r == ZTJ_OK && (n = read(fd, chunk, sizeof chunk)) != 0)
		r = n < 0 ? ZTJ_IO : ztj_buf_put(out, chunk, (size_t)n);
	return r;
}

int scan_read(struct scan *s, const char *path, struct ztj_buf *out, struct stat *st)
{
	int at, fd, r = scan_open(s, path, &at, st);

	ztj_buf_init(out, SCAN_FILE_MAX);
	if (r != ZTJ_OK)
		return r;
	if (!S_ISREG(st->st_mode)) {
		(void)close(at);
		return ZTJ_NOT_FOUND;
	}
	fd = reopen(at, 0);
	r = fd < 0 ? ZTJ_IO : read_all(fd, out);
	if (r == ZTJ_NOMEM)
		s->err = r;
	else if (r != ZTJ_OK)
		scan_problem(s, path, r == ZTJ_TOO_LARGE ? "too large to be read whole" : "cannot be read");
	if (r != ZTJ_OK)
		ztj_buf_free(out);
	if (fd >= 0)
		(void)close(fd);
	(void)close(at);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t read_names(struct scan *s, DIR *d, const char *dir, const char ***out)
{
	const char **list = NULL;
	size_t n = 0, room = 0;
	struct dirent *e;

	while (s->err == ZTJ_OK && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n >= SCAN_NAMES_MAX) {
			scan_problem(s, dir, "too many files in it");
			break;
		}
		if (n == room) {
			const char **more = scan_keep(s, (room == 0 ? 32 : 2 * room) * sizeof *more);

			if (more == NULL)
				break;
			if (n > 0)
				memcpy(more, list, n * sizeof *more);
			list = more;
			room = room == 0 ? 32 : 2 * room;
		}
		list[n++] = scan_text(s, "%s", e->d_name);
	}
	if (s->err != ZTJ_OK)
		return 0;
	if (n > 0)
		qsort(list, n, sizeof *list, by_name);
	*out = list;
	return n;
}

size_t scan_list(struct scan *s, const char *dir, const char ***out)
{
	struct stat st;
	size_t n = 0;
	int at, fd;
	DIR *d;

	*out = NULL;
	if (scan_open(s, dir, &at, &st) != ZTJ_OK)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		fd = reopen(at, O_DIRECTORY);
		d = fd >= 0 ? fdopendir(fd) : NULL;
		if (d == NULL) {
			scan_problem(s, dir, strerror(errno));
			if (fd >= 0)
				(void)close(fd);
		} else {
			n = read_names(s, d, dir, out);
			(void)closedir(d);
		}
	}
	(void)close(at);
	return n;
}

const char *scan_real(struct scan *s, int fd)
{
	char link[64], path[4096];
	size_t root = strcmp(s->root, "/") == 0 ? 0 : strlen(s->root);
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0 || (size_t)n >= sizeof path - 1)
		return NULL;
	path[n] = '\0';
	if (strncmp(path, s->root, root) != 0)
		return NULL;
	return scan_text(s, "%s", path[root] == '\0' ? "/" : path + root);
}

const char *scan_real_path(struct scan *s, const char *path)
{
	const char *real = NULL;
	struct stat st;
	int fd;

	if (scan_open(s, path, &fd, &st) == ZTJ_OK) {
		real = scan_real(s, fd);
		(void)close(fd);
	}
	return real != NULL ? real : path;
}

bool scan_has_acl(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

const char *scan_owner(struct scan *s, const struct stat *st)
{
	const struct scan_account *a = scan_account_of(s, st->st_uid);

	return a != NULL ? a->name : scan_text(s, "%u", (unsigned)st->st_uid);
}

/* ---- text ---- */

bool scan_line(struct scan_lines *l, struct ztj_view *line)
{
	const uint8_t *end;

	if (l->left.n == 0)
		return false;
	l->no++;
	end = memchr(l->left.p, '\n', l->left.n);
	*line = ztj_view_of(l->left.p, end != NULL ? (size_t)(end - l->left.p) : l->left.n);
	l->left = ztj_view_after(l->left, line->n + 1);
	return true;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

struct ztj_view scan_trim(struct ztj_view v)
{
	while (v.n > 0 && blank(v.p[0]))
		v = ztj_view_after(v, 1);
	while (v.n > 0 && blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

bool scan_word(struct ztj_view *v, struct ztj_view *word)
{
	size_t n = 0;

	*v = scan_trim(*v);
	while (n < v->n && !blank(v->p[n]))
		n++;
	*word = ztj_view_of(v->p, n);
	*v = ztj_view_after(*v, n);
	return n > 0;
}

bool scan_has(struct ztj_view v, const char *text)
{
	return v.n > 0 && memmem(v.p, v.n, text, strlen(text)) != NULL;
}

bool scan_is(struct ztj_view v, const char *s)
{
	return v.n == strlen(s) && (v.n == 0 || strncasecmp((const char *)v.p, s, v.n) == 0);
}
