/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* From events to chunks in a file, and how a record ends. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

static const char tail_codes[ZTJ_TAILS] = { 'o', 'i', 'O', 'E', 'I' };

static struct ztj_cast_tail *tail_of(struct ztj_live *l, char code)
{
	for (size_t i = 0; i < ZTJ_TAILS; i++)
		if (tail_codes[i] == code)
			return &l->tail[i];
	return NULL;
}

static void tails_save(const struct ztj_live *l, uint8_t out[ZTJ_TAILS][4])
{
	for (size_t i = 0; i < ZTJ_TAILS; i++) {
		out[i][0] = l->tail[i].n;
		memcpy(out[i] + 1, l->tail[i].byte, 3);
	}
}

uint64_t ztj_recording_us(const struct ztj_recording *r)
{
	const struct ztj_live *l = r->live;
	int64_t ms = r->s->env.now() - l->began;
	uint64_t us = ms < 0 ? 0 : (uint64_t)ms * 1000;

	return us < l->us ? l->us : us;
}

/* ---- chunks ---- */

/* What is there becomes the next chunk. Nothing has changed unless it is written whole. */
static int pack(struct ztj_recording *r, bool last)
{
	struct ztj_live *l = r->live;
	struct ztj_place after = { .state = r->state, .chain = r->chain, .taken = l->got, .us = l->us };
	struct ztj_buf *out = &r->s->chunk;
	int e;

	tails_save(l, after.tail);
	ztj_buf_reset(out);
	e = ztj_pack(r->s->packer, l->seal != NULL ? l->seal->to : NULL, &after.chain, ztj_buf_view(&l->text),
	    l->first, l->events, last, out);
	if (e == ZTJ_OK)
		e = ztj_room_take(r, out->n, last);
	if (e == ZTJ_OK)
		e = ztj_recfile_append(&l->file, &after, ztj_buf_view(out));
	if (e != ZTJ_OK)
		return e;
	r->chain = after.chain;
	r->taken = l->got;
	memcpy(l->written_tail, after.tail, sizeof(l->written_tail));
	ztj_buf_reset(&l->text);
	l->events = 0;
	l->since = 0;
	r->s->packed_at = r->s->env.now();
	ztj_scribe_due(r->s, r->s->packed_at);
	return ZTJ_OK;
}

int ztj_recording_flush(struct ztj_recording *r)
{
	if (r->live->text.n == 0) {
		r->live->since = 0;
		return ZTJ_OK;
	}
	return pack(r, false);
}

/* Back to what is written. */
static void forget(struct ztj_live *l, uint64_t taken)
{
	ztj_buf_free(&l->text);
	l->events = 0;
	l->since = 0;
	l->got = taken;
	for (size_t i = 0; i < ZTJ_TAILS; i++) {
		l->tail[i].n = l->written_tail[i][0];
		memcpy(l->tail[i].byte, l->written_tail[i] + 1, 3);
	}
}

static void begin_text(struct ztj_recording *r, uint64_t us)
{
	struct ztj_live *l = r->live;

	if (l->text.n == 0)
		l->first = us;
	if (l->since == 0) {
		l->since = r->s->env.now();
		ztj_scribe_due(r->s, l->since + r->s->env.flush_ms);
	}
}

static int put(struct ztj_recording *r, uint64_t us, char code, struct ztj_view bytes)
{
	struct ztj_live *l = r->live;

	/* A clock that goes back must not make a record that nobody can read. */
	if (us < l->us)
		us = l->us;
	begin_text(r, us);
	l->us = us;
	return ztj_cast_event_put(us, code, bytes, tail_of(l, code), &l->text, &l->events);
}

void ztj_recording_event(struct ztj_recording *r, uint64_t us, char code, struct ztj_view bytes)
{
	int e = put(r, us, code, bytes);

	if (e == ZTJ_OK && r->live->text.n >= ZTJ_CHUNK_TEXT)
		e = ztj_recording_flush(r);
	if (e != ZTJ_OK)
		ztj_recording_lose(r, e, ztj_err_text(e));
}

void ztj_recording_mark(struct ztj_recording *r, const char *text)
{
	if (r->live != NULL)
		ztj_recording_event(r, ztj_recording_us(r), 'm', ztj_view_str(text));
}

int ztj_recording_sync(struct ztj_recording *r)
{
	int e;

	if (r->live == NULL || r->synced.bytes == r->chain.bytes)
		return ZTJ_OK;
	e = ztj_recfile_sync(&r->live->file, false);
	if (e == ZTJ_OK)
		r->synced = r->chain;
	return e;
}

/* ---- the end ---- */

static int put_end(struct ztj_recording *r, const char *why, const char *q)
{
	struct ztj_live *l = r->live;
	uint64_t us = ztj_recording_us(r);
	int e = ZTJ_OK;

	begin_text(r, us);
	for (size_t i = 0; i < ZTJ_TAILS && e == ZTJ_OK; i++)
		e = ztj_cast_tail_put(us, tail_codes[i], &l->tail[i], &l->text, &l->events);
	if (e == ZTJ_OK && why != NULL)
		e = put(r, us, 'm', ztj_view_str(why));
	return e == ZTJ_OK ? put(r, us, 'q', ztj_view_str(q)) : e;
}

/* The end goes into the room that was kept for it, if need be without what was not taken yet. */
static int write_end(struct ztj_recording *r, const char *why, const char *q)
{
	int e = put_end(r, why, q);

	if (e == ZTJ_OK)
		e = pack(r, true);
	if (e == ZTJ_OK)
		return e;
	ztj_log(ZTJ_LOG_ERROR, "the end of a record could not be written: %s", ztj_err_text(e));
	forget(r->live, r->taken);
	r->state = ZTJ_RECORD_LOST;
	e = put_end(r, ztj_err_text(e), "{\"lost\":true}");
	return e == ZTJ_OK ? pack(r, true) : e;
}

static void end(struct ztj_recording *r, uint8_t state, const char *why, const char *q)
{
	struct ztj_scribe *s = r->s;
	struct ztj_rconn *c = r->live->conn;
	char name[ZTJ_HEX_SIZE];
	int e;

	ztj_recording_name(r, name);
	r->state = state;
	e = write_end(r, why, q);
	if (ztj_recfile_cut(&r->live->file, r->chain.bytes) != ZTJ_OK && e == ZTJ_OK)
		e = ZTJ_IO;
	if (ztj_recfile_sync(&r->live->file, true) == ZTJ_OK)
		r->synced = r->chain;
	else if (e == ZTJ_OK)
		e = ZTJ_IO;
	if (e != ZTJ_OK) {
		r->state = ZTJ_RECORD_LOST;
		ztj_log(ZTJ_LOG_ERROR, "record %s: %s", name, ztj_err_text(e));
	}
	ztj_room_count(r, r->chain.bytes);
	ztj_gate_gone(s, r->session, r->state == ZTJ_RECORD_LOST);
	if (c != NULL) {
		r->live->conn = NULL;
		c->record = NULL;
		if (e == ZTJ_OK && r->state != state)
			e = ZTJ_IO;
		/* The end counts as one more: a recorder that does not hear of it comes back. */
		if (state == ZTJ_RECORD_CLOSED)
			ztj_rconn_taken(c, r->taken + (e == ZTJ_OK ? 1 : 0), e);
		ztj_rconn_close(c);
	}
	ztj_live_free(r);
	ztj_scribe_due(s, s->env.now());
}

void ztj_recording_close(struct ztj_recording *r, uint8_t state, const char *q)
{
	end(r, state, NULL, q);
}

void ztj_recording_lose(struct ztj_recording *r, int code, const char *why)
{
	char name[ZTJ_HEX_SIZE];

	ztj_recording_name(r, name);
	ztj_log(ZTJ_LOG_WARN, "record %s ends: %s", name, why);
	/* What storage has refused already is not tried again. */
	if (code == ZTJ_NO_SPACE || code == ZTJ_IO)
		forget(r->live, r->taken);
	if (code != 0 && r->live->conn != NULL)
		ztj_rconn_taken(r->live->conn, r->taken, code);
	if (r->live != NULL)
		end(r, ZTJ_RECORD_LOST, why, "{\"lost\":true}");
}

/* ---- what is due ---- */

static bool silent(const struct ztj_rconn *c)
{
	struct pollfd p = { .fd = c->sock, .events = POLLIN };

	/* What it said while this process was busy counts. */
	return poll(&p, 1, 0) == 0;
}

static bool recorder_due(struct ztj_recording *r, int64_t now)
{
	const struct ztj_live *l = r->live;
	const struct ztj_scribe_env *env = &r->s->env;

	if (l->conn == NULL) {
		if (now >= l->grace) {
			ztj_recording_lose(r, 0, "the recorder did not come back");
			return false;
		}
		ztj_scribe_due(r->s, l->grace);
		return true;
	}
	if (now - l->conn->heard >= env->silent_ms) {
		if (silent(l->conn)) {
			ztj_recording_lose(r, ZTJ_TIMEOUT, "the recorder stopped answering");
			return false;
		}
		ztj_scribe_due(r->s, now + env->flush_ms);
		return true;
	}
	ztj_scribe_due(r->s, l->conn->heard + env->silent_ms);
	return true;
}

void ztj_recording_review(struct ztj_recording *r, int64_t now)
{
	struct ztj_live *l = r->live;
	int e;

	if (!recorder_due(r, now) || l->since == 0)
		return;
	if (now < l->since + r->s->env.flush_ms) {
		ztj_scribe_due(r->s, l->since + r->s->env.flush_ms);
		return;
	}
	e = ztj_recording_flush(r);
	if (e != ZTJ_OK) {
		ztj_recording_lose(r, e, ztj_err_text(e));
		return;
	}
	/* Nobody types a second long: the buffer is taken anew when it is needed. */
	ztj_buf_free(&l->text);
	if (l->conn != NULL)
		ztj_rconn_taken(l->conn, r->taken, ZTJ_OK);
}
