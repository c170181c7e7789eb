/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A published file, opened for one look-up. Read with pread, never mapped: a mapping of a file that somebody
 * shortened would end the process that asked who somebody is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nss_ztjit/module.h"

static enum nss_status status_of(int e)
{
	errno = e;
	switch (e) {
	case ENOENT:
		return NSS_STATUS_UNAVAIL;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
	case EINTR:
		return NSS_STATUS_TRYAGAIN;
	case ERANGE: /* would ask for a larger buffer, for ever */
		errno = EIO;
		return NSS_STATUS_UNAVAIL;
	default:
		return NSS_STATUS_UNAVAIL;
	}
}

enum nss_status ztj_nss_status(int err)
{
	switch (err) {
	case ZTJ_OK:
		return NSS_STATUS_SUCCESS;
	case ZTJ_NOT_FOUND:
		errno = ENOENT;
		return NSS_STATUS_NOTFOUND;
	default:
		errno = EIO;
		return NSS_STATUS_UNAVAIL;
	}
}

static int read_all(int fd, void *p, size_t n, uint64_t at)
{
	char *to = p;

	while (n != 0) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* The caller has seen that it lies inside the file. The beginning comes at once, and with it all of a small file; what
 * follows on what is there is a list; anything else is one entry of a table, or a few. */
static int get(void *ctx, uint64_t off, void *out, size_t n)
{
	struct ztj_nss_file *f = ctx;
	bool list = off == 0 || (off > f->at && off - f->at <= f->have);
	size_t want = list ? sizeof f->window : ZTJ_NSS_STEP;

	if (n > sizeof f->window)
		return read_all(f->fd, out, n, off);
	if (off < f->at || off - f->at > f->have || n > f->have - (off - f->at)) {
		if (want < n)
			want = n;
		if (want > f->src.size - off)
			want = (size_t)(f->src.size - off);
		f->have = 0;
		if (read_all(f->fd, f->window, want, off) != 0)
			return -1;
		f->at = off;
		f->have = want;
	}
	memcpy(out, f->window + (off - f->at), n);
	return 0;
}

/* Only what the owner alone can have written counts. */
static enum nss_status open_safely(const char *path, uid_t owner, struct ztj_nss_file *f, struct stat *st)
{
	f->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f->fd < 0)
		return status_of(errno);
	if (fstat(f->fd, st) != 0)
		return status_of(errno);
	if (!S_ISREG(st->st_mode) || st->st_uid != owner || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    st->st_size < 0 || st->st_size > (off_t)ZTJ_NAMES_MAX_SIZE)
		return status_of(EIO);
	f->src.size = (uint64_t)st->st_size;
	return NSS_STATUS_SUCCESS;
}

typedef int open_fn(const struct ztj_names_src *src, struct ztj_names *out);

static enum nss_status open_file(const struct ztj_nss_where *w, const char *path, struct ztj_nss_copy *copy,
    open_fn *check, struct ztj_nss_file *f)
{
	struct stat st;
	enum nss_status s;
	bool kept;

	f->fd = -1;
	f->at = 0;
	f->have = 0;
	f->src = (struct ztj_names_src){ .get = get, .ctx = f };
	if (ztj_nss_kept_whole(copy, path, f))
		return ztj_nss_status(check(&f->src, &f->names));
	if ((s = open_safely(path, w->owner, f, &st)) != NSS_STATUS_SUCCESS)
		return s;
	kept = ztj_nss_kept_head(copy, &st, f);
	s = ztj_nss_status(check(&f->src, &f->names));
	if (s == NSS_STATUS_SUCCESS && !kept)
		ztj_nss_keep(copy, &st, f);
	return s;
}

enum nss_status ztj_nss_open_people(const struct ztj_nss_where *w, struct ztj_nss_file *f)
{
	return open_file(w, w->people, &w->kept->people, ztj_names_open_people, f);
}

enum nss_status ztj_nss_open_grants(const struct ztj_nss_where *w, struct ztj_nss_file *f)
{
	return open_file(w, w->grants, &w->kept->grants, ztj_names_open_grants, f);
}

void ztj_nss_close(struct ztj_nss_file *f)
{
	int e = errno;

	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	errno = e;
}
