/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The files of records: store/records/S-… in the broker's directory. What the database says of a file is committed after
 * the bytes are on disk, and what a file has beyond that is cut off before anything is added. No chunk
 * is opened here: the chain and the host's signature are over what is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/audit.h"

#define MIB ((int64_t)1024 * 1024)
#define SWEEP_MAX 64
#define COMPARE_BYTES ((size_t)64 * 1024)

static int record_path(const struct store *st, const char *id, char out[PATH_MAX])
{
	char name[64];
	int n = snprintf(name, sizeof(name), "store/records%s%s", id[0] == '\0' ? "" : "/", id);
	return n < 0 || (size_t)n >= sizeof(name) ? ZTJ_INTERNAL : broker_path(st->conf, name, out);
}

static int storage_error(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ZTJ_NO_SPACE : errno == ENOENT ? ZTJ_NOT_FOUND : ZTJ_IO;
}

int records_open(struct store *st)
{
	char path[PATH_MAX];
	int r = record_path(st, "", path);
	if (r == ZTJ_OK && mkdir(path, 0700) != 0 && errno != EEXIST) {
		r = storage_error();
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	}
	return r;
}

static int record_file(struct store *st, const char *id, int flags, int *fd)
{
	char path[PATH_MAX];
	int r = record_path(st, id, path);
	*fd = -1;
	if (r == ZTJ_OK)
		*fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return r == ZTJ_OK && *fd < 0 ? storage_error() : r;
}

static int read_at(int fd, uint64_t at, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ZTJ_IO;
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return ZTJ_OK;
}

static int write_at(int fd, uint64_t at, struct ztj_view v)
{
	while (v.n > 0) {
		ssize_t put = pwrite(fd, v.p, v.n, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return storage_error();
		v = ztj_view_of(v.p + put, v.n - (size_t)put);
		at += (uint64_t)put;
	}
	return ZTJ_OK;
}

int record_read(struct store *st, const struct db_session *s, uint64_t from, size_t max, struct ztj_buf *out)
{
	size_t n = from >= s->chain.bytes ? 0
	    : s->chain.bytes - from > max ? max
					  : (size_t)(s->chain.bytes - from);
	uint8_t *room = n == 0 ? NULL : malloc(n);
	int fd = -1, r = n == 0 ? ZTJ_OK : room == NULL ? ZTJ_NOMEM : record_file(st, s->id, O_RDONLY, &fd);
	if (r == ZTJ_OK && n > 0)
		r = read_at(fd, from, room, n);
	if (r == ZTJ_OK && n > 0)
		r = ztj_buf_put(out, room, n);
	if (fd >= 0)
		(void)close(fd);
	free(room);
	return r;
}

/* --- chunks --- */

/* Only so far that decisions and statements always find room. */
static int room_for(const struct store *st, size_t n)
{
	struct statvfs v;
	char path[PATH_MAX];
	int r = record_path(st, "", path);
	if (r != ZTJ_OK || statvfs(path, &v) != 0)
		return r != ZTJ_OK ? r : ZTJ_IO;
	return (int64_t)(v.f_bavail * v.f_frsize) - (int64_t)n < st->conf->records_free * MIB ? ZTJ_NO_SPACE
											      : ZTJ_OK;
}

/* What was sent before must be what is there. */
static int same_as_stored(int fd, uint64_t at, struct ztj_view v)
{
	uint8_t *room = malloc(COMPARE_BYTES);
	int r = room == NULL ? ZTJ_NOMEM : ZTJ_OK;
	while (r == ZTJ_OK && v.n > 0) {
		size_t n = v.n < COMPARE_BYTES ? v.n : COMPARE_BYTES;
		r = read_at(fd, at, room, n);
		if (r == ZTJ_OK && memcmp(room, v.p, n) != 0)
			r = ZTJ_EXISTS;
		v = ztj_view_of(v.p + n, v.n - n);
		at += n;
	}
	free(room);
	return r;
}

static int follow_chain(struct db_session *s, struct ztj_view v)
{
	struct ztj_chunk k;
	while (v.n > 0) {
		int r = ztj_chunk_read(v, &k);
		if (r == ZTJ_OK)
			r = ztj_chain_add(&s->chain, &k);
		if (r != ZTJ_OK)
			return r;
		s->sealed = s->sealed || (k.flags & ZTJ_CHUNK_SEALED) != 0;
		v = ztj_view_of(v.p + k.size, v.n - k.size);
	}
	return ZTJ_OK;
}

static int append(struct store *st, int fd, struct db_session *s, struct ztj_view v, int64_t now)
{
	uint64_t at = s->chain.bytes;
	int r = s->state != ZTJ_HEAD_OPEN ? ZTJ_STATE : !s->kept ? ZTJ_STATE : room_for(st, v.n);
	if (r == ZTJ_OK && reserve_spent(st))
		r = ZTJ_NO_SPACE;
	if (r == ZTJ_OK)
		r = follow_chain(s, v);
	if (r == ZTJ_OK && ftruncate(fd, (off_t)at) != 0)
		r = storage_error();
	if (r == ZTJ_OK)
		r = write_at(fd, at, v);
	if (r == ZTJ_OK && fdatasync(fd) != 0)
		r = storage_error();
	s->heard = now;
	return r == ZTJ_OK ? db_session_update(st->db, s, ztj_view_of(NULL, 0)) : r;
}

static int own_session(struct store *st, const struct ask *a, const struct caller *c, struct db_session *s)
{
	int r = db_session_get(st->db, a->id, s);
	/* B02: another host's session is no session. */
	return r == ZTJ_OK && strcmp(s->host, c->who) != 0 ? ZTJ_NOT_FOUND : r;
}

static int take_chunks(struct store *st, const struct ask *a, struct db_session *s, int64_t now)
{
	uint64_t at = (uint64_t)a->number, held = s->chain.bytes;
	size_t old;
	int fd, r;
	if (at > held)
		return ZTJ_STATE;
	old = held - at < a->bytes.n ? (size_t)(held - at) : a->bytes.n;
	r = record_file(st, s->id, O_RDWR | O_CREAT, &fd);
	if (r == ZTJ_OK && old > 0)
		r = same_as_stored(fd, at, ztj_view_of(a->bytes.p, old));
	if (r == ZTJ_EXISTS)
		audit_alarm_about(st, s->host, ZTJ_ALTERED,
		    "%s sent other bytes for what it sent before of session %s", s->host, s->id);
	if (r == ZTJ_OK && old < a->bytes.n)
		r = append(st, fd, s, ztj_view_of(a->bytes.p + old, a->bytes.n - old), now);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

void do_session_chunks(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_session *s = malloc(sizeof(*s));
	char size[32];
	int r = s == NULL ? ZTJ_NOMEM : own_session(st, a, c, s);
	uint64_t held = r == ZTJ_OK ? s->chain.bytes : 0;
	if (r == ZTJ_OK)
		r = take_chunks(st, a, s, now);
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, json_pack("{s:I}", "size", (json_int_t)s->chain.bytes));
		views_wake(st, s->id);
	} else {
		(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)held);
		st_refuse(st, a->tag, r, NULL, r == ZTJ_STATE ? size : NULL);
	}
	free(s);
}

/* --- heads --- */

/* The length field before the body ends the header. */
static uint32_t body_length(const uint8_t header[ZTJ_CHUNK_HEADER])
{
	struct ztj_rd rd;
	uint32_t n;
	ztj_rd_init(&rd, ztj_view_of(header + ZTJ_CHUNK_HEADER - sizeof(n), sizeof(n)));
	return ztj_rd_u32(&rd, &n) == ZTJ_OK ? n : UINT32_MAX;
}

/* The place of the chain that a head names, walked to from the head before by the chunks' own lengths. */
static int walk(int fd, const struct db_session *s, const struct ztj_stmt *head, struct ztj_chain *out)
{
	uint8_t *room = malloc(ZTJ_CHUNK_HEADER + ZTJ_CHUNK_BODY_MAX);
	uint64_t at = (uint64_t)s->head_bytes, end = (uint64_t)head->u.head.bytes;
	int64_t n = s->head_chunks;
	struct ztj_chunk k;
	int r = room == NULL ? ZTJ_NOMEM : ZTJ_OK;
	memset(out, 0, sizeof(*out));
	memset(&k, 0, sizeof(k));
	while (r == ZTJ_OK && at < end && n < head->u.head.chunks) {
		r = read_at(fd, at, room, ZTJ_CHUNK_HEADER);
		uint32_t body = r == ZTJ_OK ? body_length(room) : 0;
		if (r == ZTJ_OK &&
		    (body > ZTJ_CHUNK_BODY_MAX || body > end - at || end - at - body < ZTJ_CHUNK_HEADER))
			r = ZTJ_STATE;
		/* Only the newest is hashed: the ones before are named by it. */
		if (r == ZTJ_OK && at + ZTJ_CHUNK_HEADER + body == end) {
			r = read_at(fd, at + ZTJ_CHUNK_HEADER, room + ZTJ_CHUNK_HEADER, body);
			if (r == ZTJ_OK)
				r = ztj_chunk_read(ztj_view_of(room, ZTJ_CHUNK_HEADER + body), &k);
		}
		at += ZTJ_CHUNK_HEADER + body;
		n++;
	}
	out->chunks = (uint32_t)n;
	out->bytes = at;
	memcpy(out->digest, k.digest, sizeof(out->digest));
	free(room);
	return r;
}

static int head_fits(struct store *st, const struct db_session *s, const struct ztj_stmt *head)
{
	struct ztj_chain place;
	int fd, r;
	if (head->u.head.chunks < s->head_chunks || head->u.head.bytes < s->head_bytes)
		return ZTJ_STATE;
	if (ztj_chain_is(&s->chain, head))
		return ZTJ_OK;
	/* What is whole or lost says so of everything that is there. */
	if (head->u.head.state != ZTJ_HEAD_OPEN || (uint64_t)head->u.head.bytes > s->chain.bytes)
		return ZTJ_STATE;
	r = record_file(st, s->id, O_RDONLY, &fd);
	if (r == ZTJ_OK)
		r = walk(fd, s, head, &place);
	if (fd >= 0)
		(void)close(fd);
	return r == ZTJ_OK && !ztj_chain_is(&place, head) ? ZTJ_STATE : r;
}

static int take_head(struct store *st, const struct ask *a, const struct caller *c, struct db_session *s,
    const struct ztj_stmt *head, int64_t now)
{
	if (head->nsigners != 1 || !ztj_key_equal(&head->signer[0].key, &c->record->machine))
		return ZTJ_SIGNER;
	if (strcmp(head->u.head.host, c->who) != 0 ||
	    memcmp(head->u.head.session, s->name, ZTJ_DIGEST_LEN) != 0)
		return ZTJ_WRONG_HOST;
	/* A host that was cut off ships what it signed then: only what is dated ahead is refused. */
	if (head->issued > now + ZTJ_CLOCK_SKEW)
		return ZTJ_FUTURE;
	if (s->state != ZTJ_HEAD_OPEN)
		return s->state == (int)head->u.head.state && ztj_chain_is(&s->chain, head) ? ZTJ_OK
											    : ZTJ_STATE;
	int r = head_fits(st, s, head);
	if (r == ZTJ_OK && head->u.head.state == ZTJ_HEAD_CLOSED && !s->chain.last)
		r = ZTJ_STATE;
	if (r != ZTJ_OK)
		return r;
	s->heard = now;
	s->head_chunks = head->u.head.chunks;
	s->head_bytes = head->u.head.bytes;
	s->state = (int)head->u.head.state;
	if (s->state != ZTJ_HEAD_OPEN)
		s->ended = head->issued;
	r = db_session_update(st->db, s, a->container);
	if (r == ZTJ_OK)
		say_session(st, s,
		    s->state == ZTJ_HEAD_OPEN ? "head" : session_state_name((enum ztj_head_state)s->state),
		    head);
	return r;
}

void do_session_head(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_session *s = malloc(sizeof(*s));
	struct ztj_stmt *head = NULL;
	struct ztj_signed sig;
	struct ztj_rd rd;
	char size[32];
	int r = s == NULL ? ZTJ_NOMEM : own_session(st, a, c, s);
	ztj_rd_init(&rd, a->container);
	if (r == ZTJ_OK)
		r = ztj_signed_read(&rd, &sig);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open_cached(st->sigs, &sig, ZTJ_STMT_HEAD, st->conf->domain, &head);
	if (r == ZTJ_OK)
		r = take_head(st, a, c, s, head, now);
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, json_pack("{s:I}", "size", (json_int_t)s->chain.bytes));
		views_wake(st, s->id);
	} else {
		(void)snprintf(size, sizeof(size), "%llu",
		    s == NULL ? 0ull : (unsigned long long)s->chain.bytes);
		st_refuse(st, a->tag, r, NULL, r == ZTJ_STATE ? size : NULL);
	}
	ztj_stmt_free(head);
	free(s);
}

/* --- retention --- */

static int forget(struct store *st, struct db_session *s)
{
	char path[PATH_MAX];
	int r = record_path(st, s->id, path);
	if (r != ZTJ_OK)
		return r;
	ztj_log(ZTJ_LOG_NOTICE, "the record of session %s of %s on %s is removed: kept long enough", s->id,
	    s->person, s->host);
	s->kept = false;
	r = db_session_update(st->db, s, ztj_view_of(NULL, 0));
	if (r == ZTJ_OK && unlink(path) != 0 && errno != ENOENT)
		r = storage_error();
	return r;
}

static int sweep_old(struct store *st, struct db_session *s, int64_t before)
{
	int r = ZTJ_OK;
	for (int i = 0; r == ZTJ_OK && i < SWEEP_MAX; i++) {
		r = db_session_oldest(st->db, s);
		if (r != ZTJ_OK || s->ended >= before)
			break;
		r = forget(st, s);
	}
	return r;
}

/* The host that has the most gives: one that floods us must not drive out what was seen on others. */
static int sweep_much(struct store *st, struct db_session *s, int64_t most)
{
	char host[sizeof(s->host)];
	int64_t total;
	int r = db_session_total(st->db, &total);
	if (r == ZTJ_OK && total > most)
		r = db_session_most(st->db, host, sizeof(host));
	for (int i = 0; r == ZTJ_OK && total > most && i < SWEEP_MAX; i++) {
		r = db_session_oldest_of(st->db, host, s);
		if (r != ZTJ_OK)
			break;
		total -= (int64_t)s->chain.bytes;
		r = forget(st, s);
	}
	return r;
}

void records_sweep(struct store *st, int64_t now)
{
	struct db_session *s = malloc(sizeof(*s));
	int r = s == NULL ? ZTJ_NOMEM : ZTJ_OK;
	if (r == ZTJ_OK && st->conf->records_days > 0)
		r = sweep_old(st, s, now - st->conf->records_days * 86400);
	if ((r == ZTJ_OK || r == ZTJ_NOT_FOUND) && st->conf->records_max > 0)
		r = sweep_much(st, s, st->conf->records_max * MIB);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		ztj_log(ZTJ_LOG_ERROR, "old records could not be removed: %s", ztj_err_text(r));
	free(s);
}
