/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD (8 + ZTJ_DIGEST_LEN)

int ztj_frames_put(struct ztj_buf *out, struct ztj_view content)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int r;

	if (content.n == 0 || content.n > ZTJ_FRAME_MAX)
		return ZTJ_TOO_LARGE;
	r = ztj_sha256(content, digest);
	if (r != ZTJ_OK)
		return r;
	(void)ztj_buf_put_u32(out, (uint32_t)content.n);
	(void)ztj_buf_put_u32(out, ~(uint32_t)content.n);
	(void)ztj_buf_put(out, digest, sizeof(digest));
	(void)ztj_buf_put(out, content.p, content.n);
	return ztj_buf_status(out);
}

static int from_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ZTJ_NO_SPACE : errno == ELOOP ? ZTJ_UNSAFE_FILE : ZTJ_IO;
}

static int write_all(int fd, struct ztj_view v)
{
	for (size_t done = 0; done < v.n;) {
		ssize_t n = write(fd, v.p + done, v.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return from_errno();
		done += (size_t)n;
	}
	return ZTJ_OK;
}

/* A new file is only there for good when its directory says so. */
static int sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd, r;

	if (strlen(path) >= sizeof(copy))
		return ZTJ_TOO_LARGE;
	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return from_errno();
	r = fsync(fd) == 0 ? ZTJ_OK : from_errno();
	(void)close(fd);
	return r;
}

static int append(int fd, const char *path, struct ztj_view frame)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return from_errno();
	if (!S_ISREG(st.st_mode))
		return ZTJ_UNSAFE_FILE;
	r = write_all(fd, frame);
	if (r == ZTJ_OK && fdatasync(fd) != 0)
		r = from_errno();
	if (r == ZTJ_OK && st.st_size == 0)
		r = sync_parent(path);
	if (r != ZTJ_OK && ftruncate(fd, st.st_size) != 0)
		r = ZTJ_IO; /* the reader drops the torn end */
	return r;
}

int ztj_frames_append(const char *path, struct ztj_view content)
{
	struct ztj_buf b;
	int fd, r;

	ztj_buf_init(&b, content.n + HEAD);
	r = ztj_frames_put(&b, content);
	if (r != ZTJ_OK) {
		ztj_buf_free(&b);
		return r;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? from_errno() : append(fd, path, ztj_buf_view(&b));
	if (fd >= 0)
		(void)close(fd);
	ztj_buf_free(&b);
	return r;
}

static bool all_zero(struct ztj_view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != 0)
			return false;
	return true;
}

/* The frame at `rd`: its content; TRUNCATED when it was never written to its end, BAD_ENCODING when it was damaged. The
 * length stands twice, so that a damaged one is not taken for an end that is missing. */
static int next_frame(struct ztj_rd *rd, struct ztj_view *content)
{
	struct ztj_view digest;
	uint8_t own[ZTJ_DIGEST_LEN];
	uint32_t n, complement;
	int r = all_zero(rd->left) ? ZTJ_TRUNCATED : ztj_rd_u32(rd, &n);

	if (r == ZTJ_OK)
		r = ztj_rd_u32(rd, &complement);
	if (r == ZTJ_OK && (n == 0 || complement != ~n))
		return ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &digest);
	if (r == ZTJ_OK)
		r = ztj_rd_bytes(rd, n, content);
	if (r == ZTJ_OK)
		r = ztj_sha256(*content, own);
	if (r == ZTJ_OK && memcmp(own, digest.p, sizeof(own)) != 0)
		r = rd->left.n == 0 ? ZTJ_TRUNCATED : ZTJ_BAD_ENCODING;
	return r;
}

int ztj_frames_each(struct ztj_view file, int (*each)(struct ztj_view content, void *arg), void *arg,
    size_t *good)
{
	struct ztj_rd rd;

	*good = 0;
	ztj_rd_init(&rd, file);
	while (rd.left.n > 0) {
		struct ztj_view content;
		int r = next_frame(&rd, &content);

		if (r == ZTJ_TRUNCATED)
			return ZTJ_OK;
		if (r == ZTJ_OK)
			r = each(content, arg);
		if (r != ZTJ_OK)
			return r;
		*good = file.n - rd.left.n;
	}
	return ZTJ_OK;
}

int ztj_frames_cut(const char *path, size_t size, size_t good)
{
	int fd, r;

	if (good >= size)
		return ZTJ_OK;
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return from_errno();
	r = ftruncate(fd, (off_t)good) == 0 && fsync(fd) == 0 ? ZTJ_OK : from_errno();
	(void)close(fd);
	return r;
}
