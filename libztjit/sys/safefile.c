/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int from_errno(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return ZTJ_NOT_FOUND;
	case ELOOP: /* a link where none may stand */
		return ZTJ_UNSAFE_FILE;
	case ENOSPC:
	case EDQUOT:
		return ZTJ_NO_SPACE;
	case ENOMEM:
		return ZTJ_NOMEM;
	default:
		return ZTJ_IO;
	}
}

int ztj_file_check_fd(int fd, const struct ztj_file_rule *rule)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return ZTJ_IO;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return ZTJ_UNSAFE_FILE;
	if (st.st_uid != 0 && st.st_uid != rule->owner)
		return ZTJ_UNSAFE_FILE;
	mode_t bad = rule->secret ? (S_IRWXG | S_IRWXO) : (S_IWGRP | S_IWOTH);
	if ((st.st_mode & bad) == 0)
		return ZTJ_OK;
	/* A sticky directory lets others add names, not replace ours. */
	bool sticky = S_ISDIR(st.st_mode) && !rule->secret && (st.st_mode & S_ISVTX) != 0;
	return sticky ? ZTJ_OK : ZTJ_UNSAFE_FILE;
}

/* Judges every directory above the file by the same rule, root included. */
static int check_parents(const char *path, const struct ztj_file_rule *rule)
{
	char real[PATH_MAX], copy[PATH_MAX];
	int len = snprintf(copy, sizeof copy, "%s", path);
	if (len < 0 || (size_t)len >= sizeof copy)
		return ZTJ_TOO_LARGE;
	if (realpath(dirname(copy), real) == NULL)
		return from_errno(errno);
	struct ztj_file_rule open_rule = *rule;
	open_rule.secret = false;
	for (;;) {
		int fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return from_errno(errno);
		int r = ztj_file_check_fd(fd, &open_rule);
		(void)close(fd);
		if (r != ZTJ_OK)
			return r;
		char *slash = strrchr(real, '/');
		if (slash == NULL || (slash == real && real[1] == '\0'))
			return ZTJ_OK;
		slash[slash == real ? 1 : 0] = '\0';
	}
}

static int read_all(int fd, size_t max, struct ztj_buf *out)
{
	uint8_t chunk[16384];
	size_t total = 0;
	for (;;) {
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ZTJ_IO;
		if (got == 0)
			return ZTJ_OK;
		total += (size_t)got;
		if (total > max)
			return ZTJ_TOO_LARGE;
		int r = ztj_buf_put(out, chunk, (size_t)got);
		if (r != ZTJ_OK)
			return r;
	}
}

int ztj_file_read(const char *path, const struct ztj_file_rule *rule, size_t max, struct ztj_buf *out)
{
	/* Non-blocking so that a FIFO planted under the name cannot hang us. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return from_errno(errno);
	struct stat st;
	int r = fstat(fd, &st) == 0 ? ZTJ_OK : ZTJ_IO;
	if (r == ZTJ_OK && !S_ISREG(st.st_mode))
		r = ZTJ_UNSAFE_FILE;
	if (r == ZTJ_OK)
		r = ztj_file_check_fd(fd, rule);
	if (r == ZTJ_OK && rule->check_parents)
		r = check_parents(path, rule);
	if (r == ZTJ_OK)
		r = read_all(fd, max, out);
	(void)close(fd);
	return r;
}

static int write_all(int fd, struct ztj_view data)
{
	size_t done = 0;
	while (done < data.n) {
		ssize_t put = write(fd, data.p + done, data.n - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put == 0 ? ZTJ_IO : from_errno(errno);
		done += (size_t)put;
	}
	return ZTJ_OK;
}

static int sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int len = snprintf(copy, sizeof copy, "%s", path);
	if (len < 0 || (size_t)len >= sizeof copy)
		return ZTJ_TOO_LARGE;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return from_errno(errno);
	int r = fsync(fd) == 0 ? ZTJ_OK : from_errno(errno);
	(void)close(fd);
	return r;
}

/* Writes a temporary beside path; its name goes into tmp. */
static int write_temporary(const char *path, struct ztj_view data, mode_t mode, bool durable,
    char tmp[PATH_MAX])
{
	int len = snprintf(tmp, PATH_MAX, "%s.XXXXXX", path);
	if (len < 0 || len >= PATH_MAX)
		return ZTJ_TOO_LARGE;
	int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return from_errno(errno);
	int r = fchmod(fd, mode) == 0 ? ZTJ_OK : ZTJ_IO;
	if (r == ZTJ_OK)
		r = write_all(fd, data);
	if (r == ZTJ_OK && durable && fsync(fd) != 0)
		r = from_errno(errno);
	if (close(fd) != 0 && r == ZTJ_OK)
		r = from_errno(errno);
	if (r != ZTJ_OK)
		(void)unlink(tmp);
	return r;
}

static int replace(const char *path, struct ztj_view data, mode_t mode, bool durable)
{
	char tmp[PATH_MAX];
	int r = write_temporary(path, data, mode, durable, tmp);
	if (r != ZTJ_OK)
		return r;
	if (rename(tmp, path) != 0) {
		r = from_errno(errno);
		(void)unlink(tmp);
		return r;
	}
	return durable ? sync_parent(path) : ZTJ_OK;
}

int ztj_file_write(const char *path, struct ztj_view data, mode_t mode)
{
	return replace(path, data, mode, true);
}

int ztj_file_replace(const char *path, struct ztj_view data, mode_t mode)
{
	return replace(path, data, mode, false);
}

int ztj_file_create(const char *path, struct ztj_view data, mode_t mode)
{
	char tmp[PATH_MAX];
	int r = write_temporary(path, data, mode, true, tmp);
	if (r != ZTJ_OK)
		return r;
	/* link, not rename: it refuses to replace what is there. */
	if (link(tmp, path) != 0)
		r = errno == EEXIST ? ZTJ_EXISTS : from_errno(errno);
	(void)unlink(tmp);
	return r == ZTJ_OK ? sync_parent(path) : r;
}

int ztj_dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	bool made = mkdir(path, 0700) == 0;
	if (!made && errno != EEXIST)
		return from_errno(errno);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return from_errno(errno);
	int r = ZTJ_OK;
	struct stat st;
	if (made) {
		/* In this order: whoever gave it away may no longer change it. Half made it would be in the way for ever. */
		if (fchmod(fd, mode) != 0 ||
		    ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) != 0)) {
			r = ZTJ_IO;
			(void)rmdir(path);
		}
	} else if (fstat(fd, &st) != 0) {
		r = ZTJ_IO;
	} else if ((st.st_mode & 07777) != mode || (uid != (uid_t)-1 && st.st_uid != uid)) {
		r = ZTJ_UNSAFE_FILE;
	}
	(void)close(fd);
	return r;
}

int ztj_random(void *p, size_t n)
{
	uint8_t *at = p;
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ZTJ_SYSTEM;
		at += got;
		n -= (size_t)got;
	}
	return ZTJ_OK;
}
