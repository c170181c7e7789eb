/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One file of the machine, read and replaced whole: with owner, mode, times and extended attributes. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/install_int.h"

#define XATTRS_MAX (256u * 1024u)
#define XATTR_LIST_MAX 16384
#define XATTR_MAX 65536

int ztj_inst_fail(struct ztj_inst *in, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(in->err, sizeof(in->err), fmt, ap);
	va_end(ap);
	return r;
}

static int from_errno(int e)
{
	switch (e) {
	case ENOENT:
		return ZTJ_NOT_FOUND;
	case ELOOP:
	case ENOTDIR:
		return ZTJ_UNSAFE_FILE;
	case ENOSPC:
	case EDQUOT:
		return ZTJ_NO_SPACE;
	default:
		return ZTJ_IO;
	}
}

void ztj_inst_file_init(struct ztj_inst_file *f)
{
	*f = (struct ztj_inst_file){ .exists = false };
	ztj_buf_init(&f->xattrs, XATTRS_MAX);
	ztj_buf_init(&f->data, ZTJ_INST_FILE_MAX);
}

void ztj_inst_file_free(struct ztj_inst_file *f)
{
	ztj_buf_free(&f->xattrs);
	ztj_buf_free(&f->data);
	f->exists = false;
}

int ztj_inst_file_copy(const struct ztj_inst_file *from, struct ztj_inst_file *to)
{
	ztj_inst_file_free(to);
	*to = *from;
	ztj_buf_init(&to->xattrs, XATTRS_MAX);
	ztj_buf_init(&to->data, ZTJ_INST_FILE_MAX);
	(void)ztj_buf_put(&to->xattrs, from->xattrs.p, from->xattrs.n);
	(void)ztj_buf_put(&to->data, from->data.p, from->data.n);
	return ztj_buf_status(&to->xattrs) != ZTJ_OK ? ztj_buf_status(&to->xattrs)
						     : ztj_buf_status(&to->data);
}

bool ztj_inst_file_same(const struct ztj_inst_file *a, const struct ztj_inst_file *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	    ztj_view_eq(ztj_buf_view(&a->data), ztj_buf_view(&b->data));
}

/* ---- directories ---- */

/* One step down, by no link, into what nobody else may write. */
static int step(const struct ztj_inst *in, int *dir, const char *name, mode_t make)
{
	const struct ztj_file_rule rule = { .owner = in->owner };
	int fd, r;

	if (make != 0 && mkdirat(*dir, name, make) == 0) {
		if (fsync(*dir) != 0)
			return ZTJ_IO;
	} else if (make != 0 && errno != EEXIST) {
		return from_errno(errno);
	}
	fd = openat(*dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return from_errno(errno);
	r = ztj_file_check_fd(fd, &rule);
	(void)close(*dir);
	*dir = fd;
	return r;
}

/* The directory of path, and in base its last part. make: what is missing is made. */
static int open_parent(struct ztj_inst *in, const char *path, bool make, char base[ZTJ_INST_PATH])
{
	char part[ZTJ_INST_PATH];
	const char *at = path, *slash;
	int dir = open(in->root[0] != '\0' ? in->root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = ZTJ_OK;

	if (dir < 0)
		return from_errno(errno);
	while (*at == '/')
		at++;
	while (r == ZTJ_OK && (slash = strchr(at, '/')) != NULL) {
		size_t n = (size_t)(slash - at);
		if (n == 0 || n >= sizeof(part)) {
			r = ZTJ_USAGE;
			break;
		}
		memcpy(part, at, n);
		part[n] = '\0';
		r = step(in, &dir, part, make ? 0755 : 0);
		at = slash + 1;
	}
	if (r == ZTJ_OK && (*at == '\0' || strlen(at) >= ZTJ_INST_PATH - 16))
		r = ZTJ_USAGE;
	if (r != ZTJ_OK) {
		(void)close(dir);
		return r;
	}
	(void)snprintf(base, ZTJ_INST_PATH, "%s", at);
	return dir;
}

int ztj_inst_dir(struct ztj_inst *in, const char *path)
{
	char base[ZTJ_INST_PATH];
	int dir = open_parent(in, path, true, base), r;

	if (dir < 0)
		return ztj_inst_fail(in, dir, "%s", path);
	r = step(in, &dir, base, 0700);
	(void)close(dir);
	return r == ZTJ_OK ? r : ztj_inst_fail(in, r, "%s", path);
}

/* ---- reading ---- */

static int read_xattrs(int fd, struct ztj_buf *out)
{
	char *list = malloc(XATTR_LIST_MAX), *value = malloc(XATTR_MAX);
	int r = list == NULL || value == NULL ? ZTJ_NOMEM : ZTJ_OK;
	ssize_t n = r == ZTJ_OK ? flistxattr(fd, list, XATTR_LIST_MAX) : 0;

	if (n < 0) {
		r = errno == ENOTSUP ? ZTJ_OK : ZTJ_IO;
		n = 0;
	}
	for (ssize_t at = 0; r == ZTJ_OK && at < n; at += (ssize_t)strlen(list + at) + 1) {
		ssize_t got = fgetxattr(fd, list + at, value, XATTR_MAX);
		if (got < 0) {
			r = ZTJ_IO;
			break;
		}
		(void)ztj_buf_put_cstring(out, list + at);
		r = ztj_buf_put_string(out, value, (size_t)got);
	}
	free(list);
	free(value);
	return r;
}

static int read_data(int fd, struct ztj_buf *out)
{
	uint8_t chunk[16384];
	ssize_t got;
	int r = ZTJ_OK;

	while (r == ZTJ_OK && (got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno != EINTR)
			return ZTJ_IO;
		if (got > 0)
			r = ztj_buf_put(out, chunk, (size_t)got);
	}
	return r;
}

static int read_fd(const struct ztj_inst *in, int fd, bool data, struct ztj_inst_file *out)
{
	const struct ztj_file_rule rule = { .owner = in->owner };
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return ZTJ_IO;
	/* Another name of the same file would go on having the old content. */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return ZTJ_UNSAFE_FILE;
	r = ztj_file_check_fd(fd, &rule);
	out->exists = true;
	out->mode = st.st_mode & 07777;
	out->uid = st.st_uid;
	out->gid = st.st_gid;
	out->atime = st.st_atim;
	out->mtime = st.st_mtim;
	if (r == ZTJ_OK)
		r = read_xattrs(fd, &out->xattrs);
	return r == ZTJ_OK && data ? read_data(fd, &out->data) : r;
}

static int read_at(struct ztj_inst *in, const char *path, bool data, struct ztj_inst_file *out)
{
	char base[ZTJ_INST_PATH];
	int dir, fd, r;

	ztj_inst_file_free(out);
	ztj_inst_file_init(out);
	dir = open_parent(in, path, false, base);
	if (dir == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	if (dir < 0)
		return ztj_inst_fail(in, dir, "%s: a directory above it", path);
	/* Non-blocking, or a FIFO under that name could hang us. */
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	r = fd < 0 ? from_errno(errno) : read_fd(in, fd, data, out);
	if (fd >= 0)
		(void)close(fd);
	(void)close(dir);
	if (fd < 0 && r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	return r == ZTJ_OK ? r : ztj_inst_fail(in, r, "%s", path);
}

int ztj_inst_file_read(struct ztj_inst *in, const char *path, struct ztj_inst_file *out)
{
	return read_at(in, path, true, out);
}

int ztj_inst_file_stat(struct ztj_inst *in, const char *path, struct ztj_inst_file *out)
{
	return read_at(in, path, false, out);
}

/* ---- writing ---- */

static int write_all(int fd, struct ztj_view v)
{
	while (v.n > 0) {
		ssize_t put = write(fd, v.p, v.n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? from_errno(errno) : ZTJ_IO;
		v = ztj_view_after(v, (size_t)put);
	}
	return ZTJ_OK;
}

static int put_xattrs(int fd, const struct ztj_buf *xattrs)
{
	struct ztj_view value;
	struct ztj_rd rd;
	char name[256];

	ztj_rd_init(&rd, ztj_buf_view(xattrs));
	while (rd.left.n > 0) {
		int r = ztj_rd_cstring(&rd, name, sizeof(name));
		if (r == ZTJ_OK)
			r = ztj_rd_string(&rd, XATTR_MAX, &value);
		if (r != ZTJ_OK)
			return r;
		if (fsetxattr(fd, name, value.p, value.n, 0) != 0)
			return from_errno(errno);
	}
	return ZTJ_OK;
}

/* The owner first: changing it takes set-id bits away. */
static int put_owner(int fd, const struct ztj_inst_file *f)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ZTJ_IO;
	if ((st.st_uid != f->uid || st.st_gid != f->gid) && fchown(fd, f->uid, f->gid) != 0)
		return ZTJ_IO;
	return fchmod(fd, f->mode) == 0 ? ZTJ_OK : ZTJ_IO;
}

static int put_fd(int fd, const struct ztj_inst_file *f)
{
	const struct timespec times[2] = { f->atime, f->mtime };
	int r = write_all(fd, ztj_buf_view(&f->data));

	if (r == ZTJ_OK)
		r = put_owner(fd, f);
	if (r == ZTJ_OK)
		r = put_xattrs(fd, &f->xattrs);
	if (r == ZTJ_OK && f->times && futimens(fd, times) != 0)
		r = ZTJ_IO;
	return r == ZTJ_OK && fsync(fd) != 0 ? from_errno(errno) : r;
}

static int replace(int dir, const char *base, const struct ztj_inst_file *f)
{
	char tmp[ZTJ_INST_PATH + 16];
	int fd, r;

	/* A name that neither sshd nor sudo nor PAM would read, and that is found again after a crash. */
	(void)snprintf(tmp, sizeof(tmp), ".ztjit-new.%s", base);
	if (unlinkat(dir, tmp, 0) != 0 && errno != ENOENT)
		return from_errno(errno);
	if (!f->exists)
		return unlinkat(dir, base, 0) == 0 || errno == ENOENT ? ZTJ_OK : from_errno(errno);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return from_errno(errno);
	r = put_fd(fd, f);
	if (close(fd) != 0 && r == ZTJ_OK)
		r = from_errno(errno);
	if (r == ZTJ_OK && renameat(dir, tmp, dir, base) != 0)
		r = from_errno(errno);
	if (r != ZTJ_OK)
		(void)unlinkat(dir, tmp, 0);
	return r;
}

int ztj_inst_file_put(struct ztj_inst *in, const char *path, const struct ztj_inst_file *f)
{
	char base[ZTJ_INST_PATH];
	int dir = open_parent(in, path, false, base), r;

	if (dir == ZTJ_NOT_FOUND && !f->exists)
		return ZTJ_OK;
	if (dir < 0)
		return ztj_inst_fail(in, dir, "%s: a directory above it", path);
	r = replace(dir, base, f);
	if (r == ZTJ_OK && fsync(dir) != 0)
		r = from_errno(errno);
	(void)close(dir);
	return r == ZTJ_OK ? r : ztj_inst_fail(in, r, "%s", path);
}

int ztj_inst_file_chmod(struct ztj_inst *in, const char *path, const struct ztj_inst_file *f)
{
	char base[ZTJ_INST_PATH];
	struct stat st;
	int dir = open_parent(in, path, false, base), fd, r;

	if (dir < 0)
		return ztj_inst_fail(in, dir, "%s", path);
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	r = fd < 0 ? from_errno(errno) : fstat(fd, &st) != 0 ? ZTJ_IO : ZTJ_OK;
	if (r == ZTJ_OK && !S_ISREG(st.st_mode))
		r = ZTJ_UNSAFE_FILE;
	if (r == ZTJ_OK)
		r = put_owner(fd, f);
	if (r == ZTJ_OK && fsync(fd) != 0)
		r = ZTJ_IO;
	if (fd >= 0)
		(void)close(fd);
	(void)close(dir);
	return r == ZTJ_OK ? r : ztj_inst_fail(in, r, "%s", path);
}
