/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_msg.h"

#include <string.h>

#include "libztjit/sys/ipc.h"

#define KNOWN_FLAGS (ZTJ_REC_FLAG_INPUT | ZTJ_REC_FLAG_PIPES | ZTJ_REC_FLAG_GLASS)

int ztj_rec_put_hello(const struct ztj_rec_hello *h, struct ztj_buf *out)
{
	int r = ztj_ipc_begin(out, ZTJ_REC_HELLO);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_put(out, h->session, sizeof h->session);
	ztj_buf_put_u64(out, h->taken);
	ztj_buf_put_u8(out, h->terminal ? 1 : 0);
	ztj_buf_put_u32(out, h->cols);
	ztj_buf_put_u32(out, h->rows);
	ztj_buf_put_cstring(out, h->term);
	ztj_buf_put_cstring(out, h->command);
	ztj_buf_put_cstring(out, h->tty);
	return ztj_ipc_finish(out);
}

int ztj_rec_put_empty(uint8_t type, struct ztj_buf *out)
{
	int r = ztj_ipc_begin(out, type);

	return r == ZTJ_OK ? ztj_ipc_finish(out) : r;
}

static void put_total(const struct ztj_rec_total *t, struct ztj_buf *out)
{
	ztj_buf_put_u64(out, t->bytes);
	ztj_buf_put(out, t->sha256, sizeof t->sha256);
}

int ztj_rec_put_end(const struct ztj_rec_end *e, struct ztj_buf *out)
{
	int r = ztj_ipc_begin(out, ZTJ_REC_END);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_put_u8(out, e->killed ? 2 : 1);
	ztj_buf_put_u32(out, e->status);
	put_total(&e->in, out);
	put_total(&e->out, out);
	put_total(&e->err, out);
	return ztj_ipc_finish(out);
}

static uint8_t *put_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		p[i - 1] = (uint8_t)(v & 0xff);
		v >>= 8;
	}
	return p + n;
}

void ztj_rec_event_head(uint8_t head[ZTJ_REC_EVENT_HEAD], uint64_t us, uint8_t code, uint32_t n)
{
	uint8_t *p = put_be(head, ZTJ_REC_EVENT_HEAD - 4 + n, 4);

	*p++ = ZTJ_IPC_VERSION;
	*p++ = ZTJ_REC_EVENT;
	p = put_be(p, us, 8);
	*p++ = code;
	(void)put_be(p, n, 4);
}

/* It is shown on the person's terminal: nothing in it may be taken for an escape. */
static int get_text(struct ztj_rd *rd, char out[ZTJ_REC_TEXT_MAX])
{
	struct ztj_view v;
	size_t i;
	int r = ztj_rd_string(rd, 8192, &v);

	for (i = 0; r == ZTJ_OK && i < v.n && i < ZTJ_REC_TEXT_MAX - 1; i++)
		out[i] = v.p[i] >= 0x20 && v.p[i] < 0x7f ? (char)v.p[i] : '?';
	out[r == ZTJ_OK ? i : 0] = '\0';
	return r;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= p[i];
	return all == 0;
}

int ztj_rec_get_start(struct ztj_view body, struct ztj_rec_start *out)
{
	struct ztj_view session;
	struct ztj_rd rd;
	int r;

	memset(out, 0, sizeof *out);
	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, &out->code)) != ZTJ_OK || (r = get_text(&rd, out->text)) != ZTJ_OK ||
	    (r = ztj_rd_bytes(&rd, sizeof out->session, &session)) != ZTJ_OK ||
	    (r = ztj_rd_u8(&rd, &out->flags)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &out->window)) != ZTJ_OK ||
	    (r = ztj_rd_cstring(&rd, out->shell, sizeof out->shell)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	memcpy(out->session, session.p, session.n);
	if (out->code != 0)
		return ZTJ_OK;
	if (is_zero(session.p, session.n) || (out->flags & ~KNOWN_FLAGS) != 0 || out->shell[0] != '/' ||
	    out->window < ZTJ_REC_WINDOW_MIN)
		return ZTJ_PROTOCOL;
	return ZTJ_OK;
}

int ztj_rec_get_go(struct ztj_view body, uint32_t *code, char text[ZTJ_REC_TEXT_MAX])
{
	struct ztj_rd rd;
	int r;

	text[0] = '\0';
	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, code)) != ZTJ_OK || (r = get_text(&rd, text)) != ZTJ_OK)
		return r;
	return ztj_rd_end(&rd);
}

int ztj_rec_get_taken(struct ztj_view body, uint64_t *events, uint32_t *code)
{
	struct ztj_rd rd;
	int r;

	*code = 0;
	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u64(&rd, events)) != ZTJ_OK || (r = ztj_rd_u32(&rd, code)) != ZTJ_OK)
		return r;
	return ztj_rd_end(&rd);
}
