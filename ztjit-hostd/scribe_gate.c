/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The pair with the gate (PROTOCOL 8.6): it decides and signs, the scribe asks and tells. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

#define GATE_MS 10000
#define TOLD_MS 1000
#define CODE_MAX 1000

/* ---- out ---- */

static void say(struct ztj_scribe *s, struct ztj_buf *b, int fd)
{
	int r = ztj_ipc_finish(b);

	if (r == ZTJ_OK)
		r = ztj_ipc_send(s->fds.gate, ztj_buf_view(b), fd, ztj_ipc_now_ms() + GATE_MS);
	ztj_buf_free(b);
	if (r != ZTJ_OK)
		ztj_scribe_end(s, "the gate", r);
}

static void begin(struct ztj_buf *b, uint8_t type)
{
	ztj_buf_init(b, 4096);
	if (ztj_ipc_begin(b, type) != ZTJ_OK)
		b->err = ZTJ_NOMEM;
}

void ztj_gate_new_session(struct ztj_rconn *c, const uint8_t session[ZTJ_REC_SESSION_LEN], bool terminal)
{
	struct ztj_buf b;

	c->gate_asked = true;
	begin(&b, ZTJ_REC_NEW);
	(void)ztj_buf_put_u32(&b, c->tag);
	(void)ztj_buf_put(&b, session, ZTJ_REC_SESSION_LEN);
	(void)ztj_buf_put_u8(&b, terminal);
	say(c->s, &b, c->pidfd);
}

void ztj_gate_child(struct ztj_recording *r, int pidfd)
{
	struct ztj_buf b;

	begin(&b, ZTJ_REC_PLACE);
	(void)ztj_buf_put_u32(&b, r->tag);
	(void)ztj_buf_put(&b, r->session, ZTJ_REC_SESSION_LEN);
	say(r->s, &b, pidfd);
	(void)close(pidfd);
}

void ztj_gate_gone(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN], bool lost)
{
	struct ztj_buf b;

	begin(&b, ZTJ_REC_GONE);
	(void)ztj_buf_put(&b, session, ZTJ_REC_SESSION_LEN);
	(void)ztj_buf_put_u8(&b, lost);
	say(s, &b, -1);
}

void ztj_gate_named(struct ztj_recording *r)
{
	struct ztj_buf b;

	begin(&b, ZTJ_REC_NAMED);
	(void)ztj_buf_put(&b, r->session, ZTJ_REC_SESSION_LEN);
	(void)ztj_buf_put_cstring(&b, r->ship.id);
	say(r->s, &b, -1);
}

void ztj_gate_head(struct ztj_recording *r)
{
	struct ztj_shipping *sh = &r->ship;
	struct ztj_buf b;

	sh->signing = true;
	sh->asked = r->synced;
	sh->asked_state = r->state;
	begin(&b, ZTJ_REC_SIGN);
	(void)ztj_buf_put_u32(&b, r->tag);
	(void)ztj_buf_put(&b, r->session, ZTJ_REC_SESSION_LEN);
	(void)ztj_buf_put_u32(&b, sh->asked.chunks);
	(void)ztj_buf_put_u64(&b, sh->asked.bytes);
	(void)ztj_buf_put(&b, sh->asked.digest, ZTJ_DIGEST_LEN);
	(void)ztj_buf_put_u8(&b, sh->asked_state);
	say(r->s, &b, -1);
}

void ztj_gate_spool(struct ztj_scribe *s, int64_t now)
{
	uint64_t unshipped = 0;
	struct ztj_buf b;

	if (now < s->told.at + TOLD_MS) {
		ztj_scribe_due(s, s->told.at + TOLD_MS);
		return;
	}
	for (const struct ztj_recording *r = s->records; r != NULL; r = r->next)
		unshipped += r->chain.bytes - r->ship.at.bytes;
	if (s->told.at != 0 && s->told.open == s->nopen && s->told.waiting == s->nwaiting &&
	    s->told.used == s->used && s->told.unshipped == unshipped)
		return;
	s->told.open = (uint32_t)s->nopen;
	s->told.waiting = (uint32_t)s->nwaiting;
	s->told.used = s->used;
	s->told.unshipped = unshipped;
	s->told.at = now;
	begin(&b, ZTJ_REC_SPOOL);
	(void)ztj_buf_put_u32(&b, s->told.open);
	(void)ztj_buf_put_u32(&b, s->told.waiting);
	(void)ztj_buf_put_u64(&b, s->used);
	(void)ztj_buf_put_u64(&b, s->limit);
	(void)ztj_buf_put_u64(&b, unshipped);
	say(s, &b, -1);
}

/* ---- in ---- */

static int read_code(struct ztj_rd *rd, int *code)
{
	uint32_t n;
	int r = ztj_rd_u32(rd, &n);

	*code = n <= CODE_MAX ? -(int)n : ZTJ_INTERNAL;
	return r;
}

static int read_is(struct ztj_view body, struct ztj_rec_is *is)
{
	struct ztj_view grant, cert[16];
	struct ztj_rd rd, certs;
	uint64_t ends;
	size_t n;
	int r;

	memset(is, 0, sizeof(*is));
	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, &is->tag)) != ZTJ_OK || (r = read_code(&rd, &is->code)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->text, sizeof(is->text))) != ZTJ_OK)
		return r;
	if (is->code != ZTJ_OK)
		return ZTJ_OK;
	if ((r = ztj_rd_u8(&rd, &is->flags)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->person, sizeof(is->person))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->account, sizeof(is->account))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->service, sizeof(is->service))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->role, sizeof(is->role))) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, is->peer, sizeof(is->peer))) != ZTJ_OK ||
	    (r = ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &grant)) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &ends)) != ZTJ_OK)
		return r;
	memcpy(is->grant, grant.p, ZTJ_DIGEST_LEN);
	is->ends = ends > INT64_MAX ? 0 : (int64_t)ends;
	is->certs = rd.left;
	ztj_rd_init(&certs, is->certs);
	r = ztj_certs_read(&certs, cert, 16, &n);
	return r == ZTJ_OK ? ztj_rd_end(&certs) : r;
}

static int on_is(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_rconn *c = s->conns;
	struct ztj_rec_is is;
	int r = read_is(body, &is);

	if (r != ZTJ_OK)
		return r;
	while (c != NULL && (c->closing || c->state != ZTJ_RC_ASKED || c->tag != is.tag))
		c = c->next;
	if (c != NULL)
		ztj_recorder_admitted(c, &is);
	return ZTJ_OK;
}

static int on_placed(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_recording *rec;
	struct ztj_view text;
	struct ztj_rd rd;
	uint32_t tag, code;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, &tag)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &code)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, 4096, &text)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	rec = ztj_recording_tagged(s, tag);
	if (rec == NULL || rec->live == NULL)
		return ZTJ_OK;
	rec->live->placing = false;
	if (rec->live->conn != NULL && ztj_rconn_go(rec->live->conn, code, text))
		rec->live->child = code == 0;
	return ZTJ_OK;
}

static int on_signed(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_view container;
	struct ztj_recording *rec;
	struct ztj_rd rd;
	uint32_t tag;
	int code, r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, &tag)) != ZTJ_OK || (r = read_code(&rd, &code)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &container)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	rec = ztj_recording_tagged(s, tag);
	if (rec != NULL && rec->ship.signing)
		ztj_head_signed(rec, code, container);
	return ZTJ_OK;
}

static int read_session(struct ztj_scribe *s, struct ztj_rd *rd, struct ztj_recording **out)
{
	struct ztj_view name;
	int r = ztj_rd_bytes(rd, ZTJ_REC_SESSION_LEN, &name);

	*out = r == ZTJ_OK ? ztj_recording_find(s, name.p) : NULL;
	return r;
}

static int on_note(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_recording *rec;
	struct ztj_rd rd;
	char text[2048];
	int r;

	ztj_rd_init(&rd, body);
	if ((r = read_session(s, &rd, &rec)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, text, sizeof(text))) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (rec != NULL && rec->live != NULL)
		ztj_recording_mark(rec, text);
	return ZTJ_OK;
}

static int on_ended(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_recording *rec;
	struct ztj_rd rd;
	char text[256];
	int code, r;

	ztj_rd_init(&rd, body);
	if ((r = read_session(s, &rd, &rec)) != ZTJ_OK || (r = read_code(&rd, &code)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (rec == NULL || rec->live == NULL)
		return ZTJ_OK;
	rec->live->ended = true;
	(void)snprintf(text, sizeof(text), "the session is ended: %s", ztj_err_text(code));
	ztj_recording_mark(rec, text);
	return ZTJ_OK;
}

static int on_message(struct ztj_scribe *s, uint8_t type, struct ztj_view body)
{
	switch (type) {
	case ZTJ_REC_IS:
		return on_is(s, body);
	case ZTJ_REC_PLACED:
		return on_placed(s, body);
	case ZTJ_REC_SIGNED:
		return on_signed(s, body);
	case ZTJ_REC_NOTE:
		return on_note(s, body);
	case ZTJ_REC_ENDED:
		return on_ended(s, body);
	default:
		return ZTJ_PROTOCOL;
	}
}

void ztj_gate_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_scribe *s = arg;
	int r = ZTJ_OK;

	(void)what;
	/* All of it: why a session ends is known before its recorder is found dead. */
	while (r == ZTJ_OK) {
		r = ztj_ipc_read(fd, &s->gate_in, false);
		if (r == ZTJ_TIMEOUT)
			return;
		if (r == ZTJ_OK)
			r = on_message(s, s->gate_in.type, s->gate_in.body);
		ztj_ipc_in_reset(&s->gate_in);
	}
	ztj_scribe_end(s, "the gate", r);
}
