/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/spoolfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/text.h"

#define PREFIX "decisions-"
#define SUFFIX ".jsonl"
#define DIGITS 12 /* so that names sort as numbers do */
#define FULL_NAME_SIZE 48

int ztj_spool_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ZTJ_NO_SPACE : ZTJ_IO;
}

int ztj_spool_before(struct ztj_view line, struct ztj_spool_at *out)
{
	json_t *o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	const char *prev = json_string_value(json_object_get(o, "prev"));
	json_int_t seq = json_integer_value(json_object_get(o, "seq"));
	int r = ZTJ_BAD_JSON;

	*out = (struct ztj_spool_at){ .seq = 0 };
	if (seq > 0 && prev != NULL &&
	    ztj_unhex(ztj_view_str(prev), out->head, sizeof(out->head)) == ZTJ_OK) {
		out->seq = (uint64_t)seq - 1;
		r = ZTJ_OK;
	}
	json_decref(o);
	return r;
}

/* ---- names ---- */

static void full_name(uint64_t first, char out[FULL_NAME_SIZE])
{
	(void)snprintf(out, FULL_NAME_SIZE, PREFIX "%0*llu" SUFFIX, DIGITS, (unsigned long long)first);
}

/* 0: not the name of a full file. */
static uint64_t number_of(const char *name)
{
	const size_t skip = sizeof(PREFIX) - 1;
	char digits[24], again[FULL_NAME_SIZE];
	size_t n;
	int64_t first;

	if (strncmp(name, PREFIX, skip) != 0)
		return 0;
	n = strspn(name + skip, "0123456789");
	if (n < DIGITS || n >= sizeof(digits))
		return 0;
	memcpy(digits, name + skip, n);
	digits[n] = '\0';
	memmove(digits, digits + strspn(digits, "0"), n + 1 - strspn(digits, "0"));
	if (ztj_parse_int(digits, 1, INT64_MAX, &first) != ZTJ_OK)
		return 0;
	full_name((uint64_t)first, again);
	return strcmp(name, again) == 0 ? (uint64_t)first : 0;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int add(struct ztj_spoolfiles *f, uint64_t first)
{
	uint64_t *grown = reallocarray(f->first, f->n + 1, sizeof(*grown));

	if (grown == NULL)
		return ZTJ_NOMEM;
	f->first = grown;
	f->first[f->n++] = first;
	return ZTJ_OK;
}

static int list(struct ztj_spoolfiles *f)
{
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = ZTJ_OK;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return ZTJ_IO;
	}
	while (r == ZTJ_OK && (e = readdir(d)) != NULL) {
		uint64_t first = number_of(e->d_name);
		if (first > 0)
			r = add(f, first);
	}
	(void)closedir(d);
	if (f->n > 1)
		qsort(f->first, f->n, sizeof(*f->first), by_number);
	return r;
}

/* ---- the life of a file ---- */

/* A crash came between putting one away and the first line of the next. */
static int take_back(struct ztj_spoolfiles *f)
{
	char name[FULL_NAME_SIZE];
	struct stat st;

	if (f->n == 0 || (fstatat(f->dir, ZTJ_SPOOL_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0))
		return ZTJ_OK;
	full_name(f->first[f->n - 1], name);
	if (renameat(f->dir, name, f->dir, ZTJ_SPOOL_NAME) != 0)
		return ZTJ_IO;
	f->n--;
	return ZTJ_OK;
}

int ztj_spoolfiles_open(const char *dir, struct ztj_spoolfiles *out)
{
	int r;

	*out = (struct ztj_spoolfiles){ .dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) };
	if (out->dir < 0)
		return ZTJ_IO;
	r = list(out);
	return r == ZTJ_OK ? take_back(out) : r;
}

void ztj_spoolfiles_close(struct ztj_spoolfiles *f)
{
	if (f->dir >= 0)
		(void)close(f->dir);
	f->dir = -1;
	free(f->first);
	f->first = NULL;
	f->n = 0;
}

static int check_fd(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return ZTJ_UNSAFE_FILE;
	return ZTJ_OK;
}

static int open_file(const struct ztj_spoolfiles *f, const char *name, int flags, int *fd)
{
	int r;

	*fd = openat(f->dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (*fd < 0)
		return ztj_spool_errno();
	r = check_fd(*fd);
	if (r != ZTJ_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return r;
}

int ztj_spoolfiles_current(const struct ztj_spoolfiles *f, int *fd)
{
	return open_file(f, ZTJ_SPOOL_NAME, O_RDWR | O_CREAT, fd);
}

static int last_line(int fd, struct ztj_spool_at *out)
{
	char *b = malloc(ZTJ_SPOOL_LINE_MAX + 1);
	struct stat st;
	struct ztj_view line;
	const char *nl;
	size_t n;
	int r = b == NULL ? ZTJ_NOMEM : ZTJ_BAD_JSON;

	if (b != NULL && fstat(fd, &st) == 0 && st.st_size > 1) {
		n = st.st_size > ZTJ_SPOOL_LINE_MAX + 1 ? ZTJ_SPOOL_LINE_MAX + 1 : (size_t)st.st_size;
		if (pread(fd, b, n, st.st_size - (off_t)n) != (ssize_t)n)
			r = ZTJ_IO;
		else if (b[n - 1] == '\n') {
			nl = memrchr(b, '\n', n - 1);
			line = nl == NULL ? ztj_view_of(b, n - 1)
					  : ztj_view_of(nl + 1, (size_t)(b + n - 1 - (nl + 1)));
			r = ztj_spool_before(line, out);
			if (r == ZTJ_OK) {
				out->seq++;
				r = ztj_sha256(line, out->head);
			}
		}
	}
	free(b);
	return r;
}

int ztj_spoolfiles_end(const struct ztj_spoolfiles *f, struct ztj_spool_at *out)
{
	char name[FULL_NAME_SIZE];
	int fd, r;

	*out = (struct ztj_spool_at){ .seq = 0 };
	if (f->n == 0)
		return ZTJ_OK;
	full_name(f->first[f->n - 1], name);
	r = open_file(f, name, O_RDONLY, &fd);
	if (r == ZTJ_OK) {
		r = last_line(fd, out);
		(void)close(fd);
	}
	return r;
}

void ztj_spoolfiles_prune(struct ztj_spoolfiles *f, size_t keep)
{
	char name[FULL_NAME_SIZE];
	size_t gone = 0;

	while (f->n - gone > keep) {
		full_name(f->first[gone], name);
		if (unlinkat(f->dir, name, 0) != 0 && errno != ENOENT)
			break;
		gone++;
	}
	f->n -= gone;
	if (gone > 0 && f->n > 0)
		memmove(f->first, f->first + gone, f->n * sizeof(*f->first));
}

int ztj_spoolfiles_put_away(struct ztj_spoolfiles *f, uint64_t first)
{
	char name[FULL_NAME_SIZE];
	int r = add(f, first);

	if (r != ZTJ_OK)
		return r;
	full_name(first, name);
	if (renameat2(f->dir, ZTJ_SPOOL_NAME, f->dir, name, RENAME_NOREPLACE) == 0)
		return ZTJ_OK;
	f->n--;
	return ZTJ_IO;
}

int ztj_spoolfiles_next(const struct ztj_spoolfiles *f, off_t reserve, int *fd, off_t *kept)
{
	int r = ZTJ_OK;

	*fd = -1;
	*kept = 0;
	/* That the old one has its new name comes first; what an attempt that failed left behind is empty. */
	if (fsync(f->dir) != 0 || (unlinkat(f->dir, ZTJ_SPOOL_NAME, 0) != 0 && errno != ENOENT))
		return ZTJ_IO;
	r = open_file(f, ZTJ_SPOOL_NAME, O_RDWR | O_CREAT | O_EXCL, fd);
	if (r != ZTJ_OK)
		return r;
	if (fallocate(*fd, FALLOC_FL_KEEP_SIZE, 0, reserve) == 0)
		*kept = reserve;
	else if (ztj_spool_errno() == ZTJ_NO_SPACE)
		r = ZTJ_NO_SPACE; /* the old one has its reserve still */
	if (r == ZTJ_OK && fsync(f->dir) != 0)
		r = ZTJ_IO;
	if (r != ZTJ_OK) {
		(void)close(*fd);
		*fd = -1;
		(void)unlinkat(f->dir, ZTJ_SPOOL_NAME, 0);
	}
	return r;
}

int ztj_spoolfiles_full(const struct ztj_spoolfiles *f, size_t i, int *fd)
{
	char name[FULL_NAME_SIZE];

	full_name(f->first[i], name);
	*fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd >= 0 ? ZTJ_OK : errno == ENOENT ? ZTJ_NOT_FOUND : ZTJ_IO;
}
