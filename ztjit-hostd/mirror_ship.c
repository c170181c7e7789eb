/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Records on their way: what the scribe hands over goes to the broker as it is, a few calls at a time, and the
 * answer goes back. When to try again is the scribe's to say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/mirror.h"

#define SCRIBE_MS 10000
#define BODY_MAX (1024u * 1024u)
#define ID_SIZE 16

/* ---- to the scribe ---- */

static void say(struct ztj_mirror *m, struct ztj_buf *b)
{
	int r = ztj_ipc_finish(b);

	if (r == ZTJ_OK)
		r = ztj_ipc_send(m->scribe, ztj_buf_view(b), -1, ztj_ipc_now_ms() + SCRIBE_MS);
	ztj_buf_free(b);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "the scribe does not listen: %s", ztj_err_name(r));
		m->failed = true;
	}
}

void ztj_mirror_ship_link(struct ztj_mirror *m, bool up)
{
	struct ztj_buf b;

	if (m->scribe < 0)
		return;
	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_REC_LINK) != ZTJ_OK || ztj_buf_put_u8(&b, up) != ZTJ_OK)
		m->failed = true;
	say(m, &b);
}

static void shipped(struct ztj_mirror *m, uint32_t tag, uint32_t status, struct ztj_view reply)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_REC_SHIPPED) != ZTJ_OK)
		m->failed = true;
	(void)ztj_buf_put_u32(&b, tag);
	(void)ztj_buf_put_u32(&b, status);
	(void)ztj_buf_put_view(&b, reply);
	say(m, &b);
}

/* ---- one call ---- */

void ztj_mirror_ship_done(struct ztj_mirror *m, struct ztj_mirror_ship *s, CURLcode rc)
{
	shipped(m, s->tag, ztj_mirror_call_over(m, s, rc), ztj_view_of(s->reply, s->n));
	ztj_mirror_call_clear(s);
}

void ztj_mirror_ships_stop(struct ztj_mirror *m)
{
	for (size_t i = 0; i < ZTJ_MIRROR_SHIPS; i++)
		if (m->ship[i].easy != NULL)
			ztj_mirror_ship_done(m, &m->ship[i], CURLE_ABORTED_BY_CALLBACK);
}

/* ---- from the scribe ---- */

struct order {
	uint32_t tag, n;
	uint8_t what;
	char id[ID_SIZE];
	uint64_t offset;
	struct ztj_view body;
};

static int read_order(struct ztj_view msg, int fd, struct order *o)
{
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, msg);
	if ((r = ztj_rd_u32(&rd, &o->tag)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &o->what)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, o->id, sizeof(o->id))) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &o->offset)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &o->n)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &o->body)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (o->what < ZTJ_SHIP_START || o->what > ZTJ_SHIP_HEAD || o->n > BODY_MAX || o->offset > INT64_MAX)
		return ZTJ_PROTOCOL;
	return (o->what == ZTJ_SHIP_CHUNKS) == (fd >= 0) ? ZTJ_OK : ZTJ_PROTOCOL;
}

static void path_of(const struct order *o, char *out, size_t size)
{
	if (o->what == ZTJ_SHIP_START)
		(void)snprintf(out, size, "/v1/sessions");
	else if (o->what == ZTJ_SHIP_HEAD)
		(void)snprintf(out, size, "/v1/sessions/%s/head", o->id);
	else
		(void)snprintf(out, size, "/v1/sessions/%s/chunks?offset=%llu", o->id,
		    (unsigned long long)o->offset);
}

/* The bytes themselves, once, out of the record's file. */
static int read_chunks(struct ztj_mirror_ship *s, const struct order *o, int fd)
{
	size_t done = 0;

	s->body = malloc(o->n > 0 ? o->n : 1);
	s->body_n = o->n;
	while (s->body != NULL && done < o->n) {
		ssize_t got = pread(fd, s->body + done, o->n - done, (off_t)(o->offset + done));
		if (got <= 0)
			return ZTJ_IO;
		done += (size_t)got;
	}
	return s->body != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

static bool start(struct ztj_mirror *m, struct ztj_mirror_ship *s, const struct order *o, int fd)
{
	char path[128];

	path_of(o, path, sizeof(path));
	s->tag = o->tag;
	if (o->what == ZTJ_SHIP_CHUNKS && read_chunks(s, o, fd) != ZTJ_OK)
		return false;
	return ztj_mirror_call(m, s, path, o->body);
}

static int on_ship(struct ztj_mirror *m, struct ztj_view msg, int fd)
{
	struct ztj_mirror_ship *s = NULL;
	struct order o;
	int r = read_order(msg, fd, &o);

	if (r != ZTJ_OK)
		return r;
	for (size_t i = 0; i < ZTJ_MIRROR_SHIPS && s == NULL; i++)
		if (m->ship[i].easy == NULL)
			s = &m->ship[i];
	if (s == NULL)
		return ZTJ_LIMIT;
	if (m->net == NULL || !start(m, s, &o, fd)) {
		ztj_mirror_call_clear(s);
		shipped(m, o.tag, 0, ztj_view_of(NULL, 0));
	}
	return ZTJ_OK;
}

void ztj_mirror_from_scribe(struct ztj_mirror *m)
{
	int r = ztj_ipc_read(m->scribe, &m->scribe_in, true);

	if (r == ZTJ_TIMEOUT)
		return;
	if (r == ZTJ_OK)
		r = m->scribe_in.type == ZTJ_REC_SHIP ? on_ship(m, m->scribe_in.body, m->scribe_in.fd)
						      : ZTJ_PROTOCOL;
	ztj_ipc_in_reset(&m->scribe_in);
	if (r != ZTJ_OK) {
		if (r != ZTJ_UNREACHABLE)
			ztj_log(ZTJ_LOG_ERROR, "the scribe: %s", ztj_err_name(r));
		m->failed = true;
	}
}
