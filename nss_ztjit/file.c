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

/* The caller has seen that it lies inside the file. */
static int get(void *ctx, uint64_t off, void *out, size_t n)
{
	struct ztj_nss_file *f = ctx;

	if (n > sizeof f->window)
		return read_all(f->fd, out, n, off);
	if (off < f->at || off - f->at > f->have || n > f->have - (off - f->at)) {
		/* At the beginning as much as there is room for: a small file comes at once. Then about one run of a table. */
		uint64_t left = f->src.size - off;
		size_t want = off == 0 ? sizeof f->window : n > ZTJ_NSS_STEP ? n : ZTJ_NSS_STEP;

		if (want > left)
			want = (size_t)left;
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
static enum nss_status open_file(const char *path, uid_t owner, struct ztj_nss_file *f, struct stat *st)
{
	f->at = 0;
	f->have = 0;
	f->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f->fd < 0)
		return status_of(errno);
	if (fstat(f->fd, st) != 0)
		return status_of(errno);
	if (!S_ISREG(st->st_mode) || st->st_uid != owner || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    st->st_size < 0 || st->st_size > (off_t)ZTJ_NAMES_MAX_SIZE)
		return status_of(EIO);
	f->src = (struct ztj_names_src){ .size = (uint64_t)st->st_size, .get = get, .ctx = f };
	return NSS_STATUS_SUCCESS;
}

enum nss_status ztj_nss_open_people(const struct ztj_nss_where *w, struct ztj_nss_file *f)
{
	struct stat st;
	enum nss_status s = open_file(w->people, w->owner, f, &st);

	return s == NSS_STATUS_SUCCESS ? ztj_nss_status(ztj_names_open_people(&f->src, &f->names)) : s;
}

enum nss_status ztj_nss_open_grants(const struct ztj_nss_where *w, struct ztj_nss_file *f)
{
	struct stat st;
	enum nss_status s;

	if (ztj_nss_kept_get(w, f)) {
		f->src.get = get;
		return ztj_nss_status(ztj_names_open_grants(&f->src, &f->names));
	}
	s = open_file(w->grants, w->owner, f, &st);
	if (s == NSS_STATUS_SUCCESS)
		s = ztj_nss_status(ztj_names_open_grants(&f->src, &f->names));
	if (s == NSS_STATUS_SUCCESS)
		ztj_nss_kept_put(w, f, &st);
	return s;
}

void ztj_nss_close(struct ztj_nss_file *f)
{
	int e = errno;

	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	errno = e;
}
