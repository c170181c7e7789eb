/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a recorder may say (PROTOCOL 8.5), and when. Anything else closes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/scribe.h"

#define US_MAX ((uint64_t)1 << 52) /* more than a century */
#define SIZE_MOST 65535

/* ---- HELLO ---- */

static int read_hello(struct ztj_view body, struct ztj_hello *h)
{
	struct ztj_view session, command;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &session)) != ZTJ_OK ||
	    (r = ztj_rd_u64(&rd, &h->known)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &h->terminal)) != ZTJ_OK ||
	    (r = ztj_rd_u32(&rd, &h->columns)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &h->rows)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, h->term, sizeof(h->term))) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_COMMAND_MAX, &command)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, h->tty, sizeof(h->tty))) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (h->terminal > 1 || (command.n > 0 && memchr(command.p, '\0', command.n) != NULL))
		return ZTJ_BAD_ENCODING;
	memcpy(h->session, session.p, ZTJ_REC_SESSION_LEN);
	h->columns = h->columns > SIZE_MOST ? SIZE_MOST : h->columns;
	h->rows = h->rows > SIZE_MOST ? SIZE_MOST : h->rows;
	return ztj_buf_put(&h->command, command.p, command.n);
}

static size_t sessions_of(const struct ztj_scribe *s, uid_t uid)
{
	size_t n = 0;

	for (const struct ztj_recording *r = s->records; r != NULL; r = r->next)
		n += r->live != NULL && r->live->uid == uid;
	return n;
}

static bool is_new(const struct ztj_hello *h)
{
	static const uint8_t none[ZTJ_REC_SESSION_LEN];

	return memcmp(h->session, none, sizeof(none)) == 0;
}

/* Only the process that recorded it takes a session up again. */
static int resumable(const struct ztj_rconn *c, const struct ztj_recording *r)
{
	const struct ztj_live *l = r == NULL ? NULL : r->live;

	if (l == NULL)
		return r == NULL ? ZTJ_NOT_FOUND : r->state == ZTJ_RECORD_CLOSED ? ZTJ_EXISTS : ZTJ_STATE;
	if (l->uid != c->uid || !ztj_procid_eq(l->recorder, c->proc))
		return ZTJ_FORBIDDEN;
	return c->hello->known > l->got ? ZTJ_STATE : ZTJ_OK;
}

static void resumed(struct ztj_rconn *c, struct ztj_recording *r)
{
	struct ztj_rconn *before = r->live->conn;
	int e;

	if (before != NULL && before != c) {
		before->record = NULL;
		r->live->conn = NULL;
		ztj_rconn_close(before);
	}
	c->sent = c->hello->known;
	c->told = c->sent;
	e = ztj_recording_attach(r, c);
	if (e != ZTJ_OK) {
		ztj_scribe_end(c->s, "events", e);
		return;
	}
	r->live->placing = false;
	ztj_rconn_start(c, ZTJ_OK, "", r);
	if (!c->closing)
		ztj_rconn_taken(c, r->taken, ZTJ_OK);
}

static void resume(struct ztj_rconn *c)
{
	struct ztj_recording *r = ztj_recording_find(c->s, c->hello->session);
	int e = resumable(c, r);

	if (e != ZTJ_OK) {
		ztj_rconn_start(c, e, ztj_err_text(e), NULL);
		if (e == ZTJ_STATE && r->live != NULL)
			ztj_recording_lose(r, 0, "the recorder claims more than was taken");
		return;
	}
	if (r->live->asked) {
		resumed(c, r);
		return;
	}
	/* The scribe was restarted, and the gate with it. */
	r->live->grace = c->s->env.now() + c->s->env.grace_ms;
	ztj_gate_new_session(c, r->session, r->live->tty);
}

static int hello(struct ztj_rconn *c, struct ztj_view body)
{
	int r;

	c->hello = calloc(1, sizeof(*c->hello));
	if (c->hello == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&c->hello->command, ZTJ_COMMAND_MAX);
	if ((r = read_hello(body, c->hello)) != ZTJ_OK)
		return r;
	c->state = ZTJ_RC_ASKED;
	c->tag = ++c->s->tag;
	if (!is_new(c->hello)) {
		resume(c);
		return ZTJ_OK;
	}
	if (c->hello->known != 0)
		return ZTJ_PROTOCOL;
	if (c->uid != 0 && sessions_of(c->s, c->uid) >= ZTJ_RECORDS_OPEN / 4) {
		ztj_rconn_start(c, ZTJ_LIMIT, "too many recorded sessions of this user", NULL);
		return ZTJ_OK;
	}
	if ((r = ztj_random(c->hello->session, ZTJ_REC_SESSION_LEN)) != ZTJ_OK)
		return r;
	ztj_gate_new_session(c, c->hello->session, c->hello->terminal != 0);
	return ZTJ_OK;
}

static void readmitted(struct ztj_rconn *c, struct ztj_recording *r, const struct ztj_rec_is *is)
{
	int e = resumable(c, r);

	if (e == ZTJ_OK && is->code != ZTJ_OK) {
		ztj_rconn_start(c, is->code, is->text, NULL);
		ztj_recording_lose(r, 0, is->text[0] != '\0' ? is->text : ztj_err_text(is->code));
	} else if (e != ZTJ_OK) {
		ztj_rconn_start(c, e, ztj_err_text(e), NULL);
	} else {
		r->live->asked = true;
		resumed(c, r);
	}
}

void ztj_recorder_admitted(struct ztj_rconn *c, const struct ztj_rec_is *is)
{
	struct ztj_recording *r = ztj_recording_find(c->s, c->hello->session);
	int e = is->code;

	c->gate_asked = false;
	if (r != NULL) {
		readmitted(c, r, is);
		return;
	}
	if (e == ZTJ_OK)
		e = ztj_room_new(c->s, (is->flags & ZTJ_REC_FLAG_GLASS) != 0);
	if (e == ZTJ_OK) {
		r = ztj_recording_begin(c, is, &e);
		if (r != NULL) {
			ztj_rconn_start(c, ZTJ_OK, "", r);
			return;
		}
	}
	/* What the gate said yes to does not begin. */
	if (is->code == ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "a session cannot be recorded: %s", ztj_err_text(e));
		ztj_gate_gone(c->s, c->hello->session, true);
	}
	ztj_rconn_start(c, e, is->code != ZTJ_OK && is->text[0] != '\0' ? is->text : ztj_err_text(e), NULL);
}

/* ---- EVENT ---- */

/* COLSxROWS */
static bool is_size(struct ztj_view v)
{
	char text[16], *x;
	int64_t n;

	if (v.n < 3 || v.n >= sizeof(text) || memchr(v.p, '\0', v.n) != NULL)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	x = strchr(text, 'x');
	if (x == NULL)
		return false;
	*x = '\0';
	return ztj_parse_int(text, 0, SIZE_MOST, &n) == ZTJ_OK &&
	    ztj_parse_int(x + 1, 0, SIZE_MOST, &n) == ZTJ_OK;
}

static bool may_record(const struct ztj_live *l, char code, struct ztj_view bytes)
{
	bool input = (l->flags & ZTJ_REC_FLAG_INPUT) != 0, pipes = (l->flags & ZTJ_REC_FLAG_PIPES) != 0;

	switch (code) {
	case 'o':
		return l->tty;
	case 'i':
		return l->tty && input;
	case 'r':
		return l->tty && is_size(bytes);
	case 'm':
		return true;
	case 'O':
	case 'E':
		return !l->tty && pipes;
	case 'I':
		return !l->tty && input;
	default:
		return false;
	}
}

static int event(struct ztj_rconn *c, struct ztj_view body)
{
	struct ztj_live *l = c->record->live;
	struct ztj_view bytes;
	struct ztj_rd rd;
	uint64_t us;
	uint8_t code;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u64(&rd, &us)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &code)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_REC_EVENT_MAX, &bytes)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	if (us > US_MAX || !may_record(l, (char)code, bytes))
		return ZTJ_PROTOCOL;
	/* Sent again after a break, and here already. */
	if (++c->sent <= l->got)
		return ZTJ_OK;
	l->got++;
	ztj_recording_event(c->record, us, (char)code, bytes);
	return ZTJ_OK;
}

/* ---- CHILD, END ---- */

static int child(struct ztj_rconn *c, struct ztj_view body)
{
	int fd = c->fd;

	if (body.n != 0 || fd < 0 || c->record->live->child || c->record->live->placing)
		return ZTJ_PROTOCOL;
	c->fd = -1;
	c->record->live->placing = true;
	ztj_gate_child(c->record, fd);
	return ZTJ_OK;
}

static int put_flow(struct ztj_buf *q, const char *name, struct ztj_rd *rd, bool shown)
{
	char hex[ZTJ_HEX_SIZE];
	struct ztj_view digest;
	uint64_t bytes;
	int r;

	if ((r = ztj_rd_u64(rd, &bytes)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &digest)) != ZTJ_OK || !shown)
		return r;
	ztj_hex(digest.p, ZTJ_DIGEST_LEN, hex);
	return ztj_buf_printf(q, ",\"%s\":{\"bytes\":%llu,\"sha256\":\"%s\"}", name,
	    (unsigned long long)bytes, hex);
}

static int end(struct ztj_rconn *c, struct ztj_view body)
{
	bool flows = !c->record->live->tty;
	struct ztj_buf q;
	struct ztj_rd rd;
	uint32_t status;
	uint8_t how;
	int r;

	ztj_buf_init(&q, 1024);
	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u8(&rd, &how)) == ZTJ_OK && (r = ztj_rd_u32(&rd, &status)) == ZTJ_OK)
		r = how == 1 || how == 2
		    ? ztj_buf_printf(&q, "{\"%s\":%u", how == 1 ? "exit" : "signal", (unsigned)status)
		    : ZTJ_PROTOCOL;
	if (r == ZTJ_OK && (r = put_flow(&q, "in", &rd, flows)) == ZTJ_OK &&
	    (r = put_flow(&q, "out", &rd, flows)) == ZTJ_OK)
		r = put_flow(&q, "err", &rd, flows);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK && c->sent < c->record->live->got)
		r = ZTJ_PROTOCOL; /* it has not sent again what it must have */
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&q, "}");
	if (r == ZTJ_OK) {
		c->ended = true;
		ztj_recording_close(c->record, ZTJ_RECORD_CLOSED, ztj_buf_str(&q));
	}
	ztj_buf_free(&q);
	return r;
}

int ztj_recorder_message(struct ztj_rconn *c, uint8_t type, struct ztj_view body)
{
	if (type == ZTJ_REC_HELLO && c->state == ZTJ_RC_HELLO)
		return hello(c, body);
	if (type == ZTJ_REC_PING && c->state != ZTJ_RC_HELLO)
		return body.n == 0 ? ZTJ_OK : ZTJ_PROTOCOL;
	if (c->state != ZTJ_RC_OPEN || c->record == NULL || c->record->live == NULL)
		return ZTJ_PROTOCOL;
	switch (type) {
	case ZTJ_REC_CHILD:
		return child(c, body);
	case ZTJ_REC_EVENT:
		return event(c, body);
	case ZTJ_REC_END:
		return end(c, body);
	default:
		return ZTJ_PROTOCOL;
	}
}
