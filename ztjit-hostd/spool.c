/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "ztjit-hostd/spoolfile.h"

#define LINE_MAX_BYTES ZTJ_SPOOL_LINE_MAX
#define TAIL_MAX_BYTES (4 * LINE_MAX_BYTES)

struct ztj_spool {
	struct ztj_spool_conf conf;
	struct ztj_spoolfiles files;
	int fd;
	bool moved;       /* the file has the name of a full one, and no next one could be made yet */
	bool gap;         /* what came before it is not there */
	uint64_t first;   /* number of its first line */
	off_t size, kept; /* end of the last whole line; end of what is reserved */
	off_t reserve;
	bool full;    /* no more could be reserved */
	bool torn;    /* what stands after size - ntail is not what tail says */
	bool cut;     /* the end of the file did not survive and was set aside */
	uint64_t seq; /* of the last line; 0: none */
	uint8_t head[ZTJ_DIGEST_LEN];
	/* Lines that were not synced yet: after an error nobody knows what the kernel kept of them. */
	size_t ntail;
	char tail[TAIL_MAX_BYTES];
	struct {
		uint64_t first, seq; /* in the file that begins there, the line after seq ... */
		off_t off;           /* ... begins here */
	} reading;
};

/* Without it (a file system that cannot) appends still work until the disk is full. */
static void keep_ahead(struct ztj_spool *s)
{
	off_t want = s->size + s->reserve;

	if (s->kept - s->size > s->reserve / 2)
		return;
	s->full = false;
	if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, s->size, want - s->size) == 0)
		s->kept = want;
	else
		s->full = errno == ENOSPC || errno == EDQUOT;
}

/* seq and prev of one line must continue the chain. */
static int check_line(struct ztj_view line, const struct ztj_spool_at *at)
{
	struct ztj_spool_at before;
	int r = ztj_spool_before(line, &before);

	if (r == ZTJ_OK && (before.seq != at->seq || memcmp(before.head, at->head, sizeof(at->head)) != 0))
		r = ZTJ_BAD_JSON;
	return r;
}

struct walk {
	struct ztj_spool_at at;
	off_t good; /* end of the last whole line */
};

/* One pass over the file in bounded memory, from where the file before it ends. */
static int walk(int fd, struct walk *w)
{
	static const size_t room = 2 * (size_t)LINE_MAX_BYTES;
	uint8_t *b = malloc(room);
	size_t n = 0;
	ssize_t got = 1;
	int r = b == NULL ? ZTJ_NOMEM : ZTJ_OK;

	while (r == ZTJ_OK && got > 0) {
		size_t used = 0;
		got = pread(fd, b + n, room - n, w->good + (off_t)n);
		if (got < 0) {
			r = ZTJ_IO;
			break;
		}
		n += (size_t)got;
		while (r == ZTJ_OK) {
			const uint8_t *nl = memchr(b + used, '\n', n - used);
			struct ztj_view line;
			if (nl == NULL)
				break;
			line = ztj_view_of(b + used, (size_t)(nl - b) - used);
			r = check_line(line, &w->at);
			if (r == ZTJ_OK)
				r = ztj_sha256(line, w->at.head);
			if (r == ZTJ_OK) {
				w->at.seq++;
				used += line.n + 1;
			}
		}
		w->good += (off_t)used;
		n -= used;
		memmove(b, b + used, n);
		if (r == ZTJ_OK && got > 0 && n == room)
			r = ZTJ_TOO_LARGE;
	}
	free(b);
	return r;
}

static int write_aside(const char *dir, uint64_t seq, const char *p, size_t n)
{
	char path[512];
	int fd, r = ZTJ_OK;

	(void)snprintf(path, sizeof(path), "%s/" ZTJ_SPOOL_NAME ".%llu", dir, (unsigned long long)seq);
	/* One that stands there is this one, from a start that came no further. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ztj_spool_errno();
	if (write(fd, p, n) != (ssize_t)n || fsync(fd) != 0)
		r = ztj_spool_errno();
	(void)close(fd);
	return r;
}

/*
 * Power loss may leave out any page that was not synced, also in the midst of lines. It reads as zeros, which no line
 * holds, and begins no further from the end than lines wait. Anything else that does not parse is no accident.
 */
static int set_aside(struct ztj_spool *s, const struct walk *w, off_t size)
{
	size_t n = (size_t)(size - w->good), line;
	const char *nl;
	char *b;
	int r = ZTJ_BAD_JSON;

	if (size - w->good > TAIL_MAX_BYTES)
		return r;
	b = malloc(n);
	if (b == NULL)
		return ZTJ_NOMEM;
	if (pread(s->fd, b, n, w->good) != (ssize_t)n) {
		free(b);
		return ZTJ_IO;
	}
	nl = memchr(b, '\n', n);
	line = nl == NULL ? n : (size_t)(nl - b);
	if (memchr(b, '\0', line) != NULL)
		r = write_aside(s->conf.dir, w->at.seq + 1, b, n);
	free(b);
	s->cut = r == ZTJ_OK;
	return r;
}

/* The first line says where the file begins. Ahead of where the full ones end: somebody removed one, which is told; anything
 * else is no chain. A first line that cannot be read is judged with the rest. */
static int begin(struct ztj_spool *s, struct ztj_spool_at *at)
{
	char *b = malloc(LINE_MAX_BYTES);
	struct ztj_spool_at own;
	const char *nl;
	ssize_t n;
	int r = ZTJ_OK;

	if (b == NULL)
		return ZTJ_NOMEM;
	n = pread(s->fd, b, LINE_MAX_BYTES, 0);
	nl = n > 0 ? memchr(b, '\n', (size_t)n) : NULL;
	if (n < 0)
		r = ZTJ_IO;
	else if (nl != NULL && ztj_spool_before(ztj_view_of(b, (size_t)(nl - b)), &own) == ZTJ_OK) {
		s->gap = own.seq > at->seq;
		if (s->gap)
			*at = own;
	}
	free(b);
	return r;
}

static int resume(struct ztj_spool *s)
{
	struct walk w = { .good = 0 };
	struct stat st;
	int r = ztj_spoolfiles_end(&s->files, &w.at);

	if (r == ZTJ_OK)
		r = begin(s, &w.at);
	s->first = w.at.seq + 1;
	if (r != ZTJ_OK)
		return r;
	r = walk(s->fd, &w);
	if (fstat(s->fd, &st) != 0)
		return ZTJ_IO;
	if (r == ZTJ_BAD_JSON || r == ZTJ_TOO_LARGE)
		r = set_aside(s, &w, st.st_size);
	if (r != ZTJ_OK)
		return r;
	/* What has no end of line was never acknowledged. Also gives back and takes anew the reserve. */
	if (st.st_size > w.good && ftruncate(s->fd, w.good) != 0)
		return ZTJ_IO;
	s->size = s->kept = w.good;
	s->seq = w.at.seq;
	memcpy(s->head, w.at.head, sizeof(s->head));
	return ZTJ_OK;
}

int ztj_spool_open(const struct ztj_spool_conf *conf, struct ztj_spool **out)
{
	struct ztj_spool *s = calloc(1, sizeof(*s));
	int r;

	*out = NULL;
	if (s == NULL)
		return ZTJ_NOMEM;
	s->conf = *conf;
	s->reserve = (off_t)conf->reserve;
	s->fd = -1;
	r = ztj_spoolfiles_open(conf->dir, &s->files);
	if (r == ZTJ_OK && conf->limit > 0)
		ztj_spoolfiles_prune(&s->files, conf->keep);
	if (r == ZTJ_OK)
		r = ztj_spoolfiles_current(&s->files, &s->fd);
	if (r == ZTJ_OK)
		r = resume(s);
	if (r != ZTJ_OK) {
		ztj_spool_close(s);
		return r;
	}
	s->conf.dir = NULL; /* the caller's */
	keep_ahead(s);
	*out = s;
	return ZTJ_OK;
}

void ztj_spool_close(struct ztj_spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0) {
		(void)!ztj_spool_sync(s); /* what waits decides nothing */
		(void)close(s->fd);
	}
	ztj_spoolfiles_close(&s->files);
	free(s);
}

bool ztj_spool_gap(const struct ztj_spool *s)
{
	return s->gap;
}

bool ztj_spool_cut(const struct ztj_spool *s)
{
	return s->cut;
}

uint64_t ztj_spool_seq(const struct ztj_spool *s)
{
	return s->seq;
}

const uint8_t *ztj_spool_head(const struct ztj_spool *s)
{
	return s->head;
}

static int set_text(json_t *o, const char *name, const char *text)
{
	json_t *v;

	if (text == NULL || text[0] == '\0')
		return 0;
	v = json_string(text);
	/* Bytes that are not UTF-8 must not keep a decision out of the log. */
	return json_object_set_new(o, name, v != NULL ? v : json_string("(not UTF-8)"));
}

static json_t *to_json(const struct ztj_spool *s, const struct ztj_decision *d)
{
	char hex[ZTJ_HEX_SIZE], at[ZTJ_TIME_SIZE], ends[ZTJ_TIME_SIZE];
	json_t *o = json_object();
	int bad = o == NULL;

	ztj_hex(s->head, ZTJ_DIGEST_LEN, hex);
	if (bad || ztj_time_format(d->time, at) != ZTJ_OK)
		bad = 1;
	if (!bad) {
		bad |= json_object_set_new(o, "v", json_integer(1));
		bad |= json_object_set_new(o, "seq", json_integer((json_int_t)s->seq + 1));
		bad |= json_object_set_new(o, "prev", json_string(hex));
		bad |= json_object_set_new(o, "time", json_string(at));
		bad |= set_text(o, "event", d->event);
		bad |= json_object_set_new(o, "code", json_string(ztj_err_name(d->code)));
		bad |= set_text(o, "person", d->person);
		bad |= set_text(o, "grant", d->grant);
		bad |= set_text(o, "rule", d->rule);
		bad |= set_text(o, "service", d->service);
		bad |= set_text(o, "account", d->account);
		bad |= set_text(o, "host", d->host);
		bad |= set_text(o, "peer", d->peer);
		bad |= set_text(o, "key", d->key);
		bad |= set_text(o, "tty", d->tty);
		bad |= set_text(o, "become", d->become);
		bad |= set_text(o, "configuration", d->configuration);
		bad |= set_text(o, "policy", d->policy);
		if (d->pid > 0)
			bad |= json_object_set_new(o, "pid", json_integer(d->pid));
		if (d->ends > 0 && ztj_time_format(d->ends, ends) == ZTJ_OK)
			bad |= json_object_set_new(o, "ends", json_string(ends));
		bad |= set_text(o, "text", d->text);
	}
	if (bad) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int put_at(struct ztj_spool *s, const char *p, size_t n, off_t at)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = pwrite(s->fd, p + done, n - done, at + (off_t)done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? ztj_spool_errno() : ZTJ_IO;
		done += (size_t)put;
	}
	return ZTJ_OK;
}

/* Cuts off what a failed write left, so that no later line can follow half a line, and writes anew what was not synced:
 * the kernel may have dropped it and will not say so twice. */
static int mend(struct ztj_spool *s)
{
	off_t from = s->size - (off_t)s->ntail;

	if (!s->torn)
		return ZTJ_OK;
	if (ftruncate(s->fd, from) != 0)
		return ZTJ_IO;
	s->kept = from; /* cutting gives the reserve back too */
	if (put_at(s, s->tail, s->ntail, from) != ZTJ_OK)
		return ZTJ_IO;
	s->torn = false;
	return ZTJ_OK;
}

int ztj_spool_sync(struct ztj_spool *s)
{
	int r = mend(s);

	if (r != ZTJ_OK || s->ntail == 0)
		return r;
	if (fdatasync(s->fd) != 0) {
		s->torn = true;
		return ztj_spool_errno();
	}
	s->ntail = 0;
	return ZTJ_OK;
}

/* The line and those before it that wait, or (later) just the line, to be synced with the next. */
static int write_line(struct ztj_spool *s, const char *line, size_t n, bool later)
{
	int r = mend(s);

	if (r == ZTJ_OK && s->ntail + n > sizeof(s->tail))
		r = ztj_spool_sync(s);
	if (r != ZTJ_OK)
		return ZTJ_IO;
	s->torn = true;
	r = put_at(s, line, n, s->size);
	if (r == ZTJ_OK && !later && fdatasync(s->fd) != 0)
		r = ztj_spool_errno();
	if (r != ZTJ_OK)
		return r;
	s->torn = false;
	if (later) {
		memcpy(s->tail + s->ntail, line, n);
		s->ntail += n;
	} else {
		s->ntail = 0;
	}
	return ZTJ_OK;
}

/* Begins a new file when this one is full. Whatever fails, the next line goes on where the last one stands, and the one after it tries
 * again: no decision waits for room that a file more would take. */
static void rotate(struct ztj_spool *s)
{
	off_t kept;
	int next;

	if (s->conf.limit == 0 || s->size < (off_t)s->conf.limit || ztj_spool_sync(s) != ZTJ_OK)
		return;
	if (!s->moved) {
		ztj_spoolfiles_prune(&s->files, s->conf.keep - 1);
		if (ztj_spoolfiles_put_away(&s->files, s->first) != ZTJ_OK)
			return;
		s->moved = true;
	}
	if (ztj_spoolfiles_next(&s->files, s->reserve, &next, &kept) != ZTJ_OK)
		return;
	(void)!ftruncate(s->fd, s->size); /* gives its reserve back */
	(void)close(s->fd);
	s->fd = next;
	s->moved = s->full = false;
	s->first = s->seq + 1;
	s->size = 0;
	s->kept = kept;
}

int ztj_spool_append(struct ztj_spool *s, const struct ztj_decision *d)
{
	uint8_t head[ZTJ_DIGEST_LEN];
	json_t *o = to_json(s, d);
	char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	size_t n = line == NULL ? 0 : strlen(line);
	int r = ZTJ_OK;

	json_decref(o);
	if (line == NULL)
		return ZTJ_NOMEM;
	rotate(s);
	if (n >= LINE_MAX_BYTES)
		r = ZTJ_TOO_LARGE;
	if (r == ZTJ_OK && d->spare) {
		keep_ahead(s);
		if (s->full)
			r = ZTJ_NO_SPACE;
	}
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_view_of(line, n), head);
	if (r == ZTJ_OK) {
		line[n] = '\n';
		r = write_line(s, line, n + 1, d->later);
	}
	if (r == ZTJ_OK) {
		s->size += (off_t)n + 1;
		s->seq++;
		memcpy(s->head, head, sizeof(s->head));
		keep_ahead(s);
	}
	free(line);
	return r;
}

int ztj_spool_verify(const char *path, uint64_t *seq, uint8_t head[ZTJ_DIGEST_LEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct walk w = { .at.seq = *seq };
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? ZTJ_NOT_FOUND : ZTJ_IO;
	memcpy(w.at.head, head, ZTJ_DIGEST_LEN);
	r = walk(fd, &w);
	if (r == ZTJ_OK && (fstat(fd, &st) != 0 || st.st_size != w.good))
		r = ZTJ_TRUNCATED;
	(void)close(fd);
	*seq = r == ZTJ_OK ? w.at.seq : w.at.seq + 1;
	memcpy(head, w.at.head, ZTJ_DIGEST_LEN);
	return r;
}

/* Lines of one file, from the first one to the end; those before `from` are passed over. */
static int read_file(struct ztj_spool *s, int fd, off_t end, uint64_t first, uint64_t from, size_t max,
    struct ztj_buf *out)
{
	bool go_on = s->reading.first == first && s->reading.seq + 1 == from && s->reading.off <= end;
	uint64_t seq = go_on ? from - 1 : first - 1;
	off_t at = go_on ? s->reading.off : 0;
	char *b = malloc(LINE_MAX_BYTES);
	size_t had = out->n;
	int r = b == NULL ? ZTJ_NOMEM : ZTJ_OK;

	while (r == ZTJ_OK && at < end && out->n - had < max) {
		size_t want = end - at < (off_t)LINE_MAX_BYTES ? (size_t)(end - at) : (size_t)LINE_MAX_BYTES;
		ssize_t got = pread(fd, b, want, at);
		const char *p = b, *nl;

		if (got <= 0) {
			r = ZTJ_IO;
			break;
		}
		while (r == ZTJ_OK && out->n - had < max &&
		    (nl = memchr(p, '\n', (size_t)(b + got - p))) != NULL) {
			size_t n = (size_t)(nl - p) + 1;
			seq++;
			if (seq >= from)
				r = ztj_buf_put(out, p, n);
			p += n;
			at += (off_t)n;
		}
		if (p == b)
			break; /* the rest is no line */
	}
	free(b);
	s->reading.first = first;
	s->reading.seq = seq;
	s->reading.off = at;
	return r;
}

int ztj_spool_read(struct ztj_spool *s, uint64_t from, size_t max, struct ztj_buf *out)
{
	size_t i = s->files.n, had = out->n;
	int r = ZTJ_OK;

	if (from < s->first)
		for (i = 0; i + 1 < s->files.n && s->files.first[i + 1] <= from;)
			i++;
	for (; r == ZTJ_OK && i < s->files.n && s->files.first[i] < s->first && out->n == had; i++) {
		struct stat st;
		int fd;

		r = ztj_spoolfiles_full(&s->files, i, &fd);
		if (r != ZTJ_OK)
			break;
		r = fstat(fd, &st) != 0 ? ZTJ_IO
					: read_file(s, fd, st.st_size, s->files.first[i], from, max, out);
		(void)close(fd);
	}
	return r == ZTJ_OK && out->n == had
	    ? read_file(s, s->fd, s->size - (off_t)s->ntail, s->first, from, max, out)
	    : r;
}
