/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/recfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_SIZE 128
#define PLACE_TEXT 96 /* before its digest */
#define FILE_NAME_SIZE 96

static int disk_error(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ZTJ_NO_SPACE : ZTJ_IO;
}

static void file_name(char out[FILE_NAME_SIZE], const char *name, const char *kind)
{
	(void)snprintf(out, FILE_NAME_SIZE, "%s.%s", name, kind);
}

static int open_one(int dir, const char *name, const char *kind, int flags, int *out)
{
	char path[FILE_NAME_SIZE];
	struct stat st;

	file_name(path, name, kind);
	*out = openat(dir, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	if (*out < 0)
		return errno == ENOENT ? ZTJ_NOT_FOUND
		    : errno == EEXIST  ? ZTJ_EXISTS
		    : errno == ELOOP   ? ZTJ_UNSAFE_FILE
				       : disk_error();
	if (fstat(*out, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		return ZTJ_UNSAFE_FILE;
	return ZTJ_OK;
}

static int open_both(int dir, const char *name, int flags, struct ztj_recfile *out)
{
	int r;

	*out = (struct ztj_recfile){ .rec = -1, .pos = -1 };
	r = open_one(dir, name, "rec", flags, &out->rec);
	if (r == ZTJ_OK)
		r = open_one(dir, name, "pos", flags, &out->pos);
	if (r != ZTJ_OK)
		ztj_recfile_close(out);
	return r;
}

/* All its room is taken now: a place can be written on a full disk. */
static int empty_places(const struct ztj_recfile *f)
{
	static const uint8_t none[ZTJ_SLOTS * PLACE_SIZE];

	return pwrite(f->pos, none, sizeof(none), 0) == (ssize_t)sizeof(none) ? ZTJ_OK : disk_error();
}

int ztj_recfile_adopt(int dir, const char *empty, uint64_t kept, const char *name, struct ztj_recfile *out)
{
	char path[FILE_NAME_SIZE];
	int r;

	*out = (struct ztj_recfile){ .rec = -1, .pos = -1 };
	file_name(path, name, "rec");
	if (renameat(dir, empty, dir, path) != 0)
		return errno == ENOENT ? ZTJ_NOT_FOUND : disk_error();
	r = open_one(dir, name, "rec", 0, &out->rec);
	if (r == ZTJ_OK)
		r = open_one(dir, name, "pos", O_CREAT | O_EXCL, &out->pos);
	if (r == ZTJ_OK)
		r = empty_places(out);
	if (r == ZTJ_OK)
		out->kept = kept;
	else
		ztj_recfile_close(out);
	return r;
}

int ztj_recfile_create(int dir, const char *name, struct ztj_recfile *out)
{
	int r = open_both(dir, name, O_CREAT | O_EXCL, out);

	if (r == ZTJ_OK)
		r = empty_places(out);
	if (r == ZTJ_OK)
		r = ztj_recfile_keep(out, ZTJ_REC_ROOM);
	if (r != ZTJ_OK && r != ZTJ_EXISTS) {
		ztj_recfile_close(out);
		ztj_recfile_remove(dir, name);
	}
	return r;
}

int ztj_recfile_open(int dir, const char *name, struct ztj_recfile *out)
{
	int r = open_both(dir, name, 0, out);
	uint64_t size;

	if (r == ZTJ_OK)
		r = ztj_recfile_size(out, &size);
	if (r == ZTJ_OK)
		out->kept = size;
	else
		ztj_recfile_close(out);
	return r;
}

void ztj_recfile_close(struct ztj_recfile *f)
{
	if (f->rec >= 0)
		(void)close(f->rec);
	if (f->pos >= 0)
		(void)close(f->pos);
	f->rec = f->pos = -1;
}

void ztj_recfile_remove(int dir, const char *name)
{
	/* What is called done is not missed when it is found half removed. */
	static const char *const kinds[] = { "head", "rec", "pos", "done" };
	char path[FILE_NAME_SIZE], done[FILE_NAME_SIZE];

	file_name(path, name, "meta");
	file_name(done, name, "done");
	(void)renameat(dir, path, dir, done);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		file_name(path, name, kinds[i]);
		(void)unlinkat(dir, path, 0);
	}
}

void ztj_recfile_set_aside(int dir, const char *name)
{
	static const char *const kinds[] = { "meta", "head", "rec", "pos" };
	char path[FILE_NAME_SIZE], to[FILE_NAME_SIZE];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		file_name(path, name, kinds[i]);
		(void)snprintf(to, sizeof(to), "bad.%s.%s", name, kinds[i]);
		(void)renameat(dir, path, dir, to);
	}
}

int ztj_recfile_keep(struct ztj_recfile *f, uint64_t upto)
{
	if (upto <= f->kept)
		return ZTJ_OK;
	if (fallocate(f->rec, FALLOC_FL_KEEP_SIZE, (off_t)f->kept, (off_t)(upto - f->kept)) != 0 &&
	    errno != EOPNOTSUPP)
		return disk_error();
	f->kept = upto;
	return ZTJ_OK;
}

static int write_at(int fd, struct ztj_view v, uint64_t at)
{
	for (size_t done = 0; done < v.n;) {
		ssize_t n = pwrite(fd, v.p + done, v.n - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? disk_error() : ZTJ_IO;
		done += (size_t)n;
	}
	return ZTJ_OK;
}

int ztj_recfile_append(struct ztj_recfile *f, const struct ztj_place *after, struct ztj_view chunk)
{
	int r;

	if (after->chain.bytes < chunk.n || after->chain.chunks == 0)
		return ZTJ_INTERNAL;
	r = ztj_recfile_put(f, (after->chain.chunks & 1) != 0 ? ZTJ_SLOT_ODD : ZTJ_SLOT_EVEN, after);
	if (r == ZTJ_OK)
		r = write_at(f->rec, chunk, after->chain.bytes - chunk.n);
	if (r == ZTJ_OK && f->kept < after->chain.bytes)
		f->kept = after->chain.bytes;
	return r;
}

int ztj_recfile_sync(struct ztj_recfile *f, bool places)
{
	if ((places && fdatasync(f->pos) != 0) || fdatasync(f->rec) != 0)
		return disk_error();
	return ZTJ_OK;
}

int ztj_recfile_cut(struct ztj_recfile *f, uint64_t size)
{
	if (ftruncate(f->rec, (off_t)size) != 0)
		return disk_error();
	f->kept = size;
	return ZTJ_OK;
}

int ztj_recfile_punch(struct ztj_recfile *f, uint64_t n)
{
	if (fallocate(f->rec, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)n) != 0)
		return disk_error();
	return ZTJ_OK;
}

int ztj_recfile_size(const struct ztj_recfile *f, uint64_t *out)
{
	struct stat st;

	*out = 0;
	if (fstat(f->rec, &st) != 0)
		return ZTJ_IO;
	*out = (uint64_t)st.st_size;
	return ZTJ_OK;
}

/* ---- places ---- */

static int place_write(const struct ztj_place *p, struct ztj_buf *b)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	int r;

	(void)ztj_buf_put(b, "ZTJP", 4);
	(void)ztj_buf_put_u8(b, p->state);
	(void)ztj_buf_put_u8(b, p->chain.last);
	(void)ztj_buf_put_u32(b, p->chain.chunks);
	(void)ztj_buf_put_u64(b, p->chain.bytes);
	(void)ztj_buf_put_u64(b, p->chain.at);
	(void)ztj_buf_put(b, p->chain.digest, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put_u64(b, p->taken);
	(void)ztj_buf_put_u64(b, p->us);
	(void)ztj_buf_put(b, p->tail, sizeof(p->tail));
	while (b->err == ZTJ_OK && b->n < PLACE_TEXT)
		(void)ztj_buf_put_u8(b, 0);
	if ((r = ztj_buf_status(b)) != ZTJ_OK || (r = ztj_sha256(ztj_buf_view(b), digest)) != ZTJ_OK)
		return r;
	return ztj_buf_put(b, digest, sizeof(digest));
}

static int place_read(const uint8_t text[PLACE_SIZE], struct ztj_place *out)
{
	uint8_t digest[ZTJ_DIGEST_LEN], last;
	struct ztj_view magic, chain, tail;
	struct ztj_rd rd;
	int r;

	r = ztj_sha256(ztj_view_of(text, PLACE_TEXT), digest);
	if (r == ZTJ_OK && memcmp(digest, text + PLACE_TEXT, sizeof(digest)) != 0)
		r = ZTJ_NOT_FOUND;
	if (r != ZTJ_OK)
		return r;
	ztj_rd_init(&rd, ztj_view_of(text, PLACE_TEXT));
	if ((r = ztj_rd_bytes(&rd, 4, &magic)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &out->state)) != ZTJ_OK ||
	    (r = ztj_rd_u8(&rd, &last)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &out->chain.chunks)) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &out->chain.bytes)) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &out->chain.at)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &chain)) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &out->taken)) != ZTJ_OK || (r = ztj_rd_u64(&rd, &out->us)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(&rd, sizeof(out->tail), &tail)) != ZTJ_OK)
		return r;
	memcpy(out->chain.digest, chain.p, ZTJ_DIGEST_LEN);
	memcpy(out->tail, tail.p, sizeof(out->tail));
	out->chain.last = last != 0;
	for (size_t i = 0; i < ZTJ_TAILS; i++)
		if (out->tail[i][0] > 3)
			return ZTJ_NOT_FOUND;
	return memcmp(magic.p, "ZTJP", 4) == 0 && out->state <= ZTJ_RECORD_LOST ? ZTJ_OK : ZTJ_NOT_FOUND;
}

int ztj_recfile_put(struct ztj_recfile *f, enum ztj_recslot slot, const struct ztj_place *p)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, PLACE_SIZE);
	r = place_write(p, &b);
	if (r == ZTJ_OK)
		r = write_at(f->pos, ztj_buf_view(&b), (uint64_t)slot * PLACE_SIZE);
	ztj_buf_free(&b);
	return r;
}

int ztj_recfile_get(const struct ztj_recfile *f, enum ztj_recslot slot, struct ztj_place *out)
{
	uint8_t text[PLACE_SIZE];
	ssize_t n = pread(f->pos, text, sizeof(text), (off_t)slot * PLACE_SIZE);

	memset(out, 0, sizeof(*out));
	if (n < 0)
		return ZTJ_IO;
	return n == (ssize_t)sizeof(text) ? place_read(text, out) : ZTJ_NOT_FOUND;
}

int ztj_recfile_place(const struct ztj_recfile *f, const struct ztj_chain *chain, struct ztj_place *out)
{
	int r = ztj_recfile_get(f, (chain->chunks & 1) != 0 ? ZTJ_SLOT_ODD : ZTJ_SLOT_EVEN, out);

	if (r == ZTJ_OK &&
	    (out->chain.chunks != chain->chunks || out->chain.bytes != chain->bytes ||
		memcmp(out->chain.digest, chain->digest, ZTJ_DIGEST_LEN) != 0))
		r = ZTJ_NOT_FOUND;
	return r;
}

/* ---- reading back ---- */

static int read_at(int fd, uint8_t *p, size_t n, uint64_t at, size_t *got)
{
	*got = 0;
	while (*got < n) {
		ssize_t some = pread(fd, p + *got, n - *got, (off_t)(at + *got));

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			return ZTJ_IO;
		if (some == 0)
			break;
		*got += (size_t)some;
	}
	return ZTJ_OK;
}

/* One chunk at `at` into room: its header first, which says how long it is. */
static int chunk_at(int fd, uint64_t at, uint8_t *room, struct ztj_chunk *c)
{
	size_t got, more, body;
	int r = read_at(fd, room, ZTJ_CHUNK_HEADER, at, &got);

	if (r != ZTJ_OK)
		return r;
	if (got == ZTJ_CHUNK_HEADER) {
		const uint8_t *n = room + ZTJ_CHUNK_HEADER - 4;
		body = (size_t)n[0] << 24 | (size_t)n[1] << 16 | (size_t)n[2] << 8 | n[3];
		if (body <= ZTJ_CHUNK_BODY_MAX) {
			r = read_at(fd, room + got, body, at + got, &more);
			got += r == ZTJ_OK ? more : 0;
		}
	}
	return r == ZTJ_OK ? ztj_chunk_read(ztj_view_of(room, got), c) : r;
}

int ztj_recfile_walk(const struct ztj_recfile *f, struct ztj_chain *chain, uint64_t upto, uint64_t most)
{
	uint64_t begin = chain->bytes;
	uint8_t *room;
	int r = ZTJ_OK;

	if (chain->bytes >= upto)
		return chain->bytes == upto ? ZTJ_OK : ZTJ_STATE;
	room = malloc(ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX);
	if (room == NULL)
		return ZTJ_NOMEM;
	while (r == ZTJ_OK && chain->bytes < upto) {
		struct ztj_chunk c;

		r = chunk_at(f->rec, chain->bytes, room, &c);
		if (r == ZTJ_OK && upto - chain->bytes < c.size)
			r = ZTJ_STATE;
		if (r == ZTJ_OK && most != 0 && chain->bytes > begin && chain->bytes + c.size - begin > most)
			break;
		if (r == ZTJ_OK)
			r = ztj_chain_add(chain, &c);
	}
	free(room);
	return r;
}
