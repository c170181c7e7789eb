/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/mirror.h"

#define GATE_MS 10000
#define URLS_MAX 16
#define PINS_MAX 16
#define CALL_MS 30000

void ztj_mirror_send(struct ztj_mirror *m, struct ztj_buf *msg, int fd)
{
	int r = ztj_ipc_finish(msg);

	if (r == ZTJ_OK)
		r = ztj_ipc_send(m->gate, ztj_buf_view(msg), fd, ztj_ipc_now_ms() + GATE_MS);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "the gate does not listen: %s", ztj_err_name(r));
		m->failed = true;
	}
	ztj_buf_free(msg);
}

static void tell(struct ztj_mirror *m, uint8_t type, bool yes)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, type) != ZTJ_OK || ztj_buf_put_u8(&b, yes) != ZTJ_OK)
		m->failed = true;
	ztj_mirror_send(m, &b, -1);
}

void ztj_mirror_tell_link(struct ztj_mirror *m, bool up)
{
	if (m->up == up)
		return;
	m->up = up;
	ztj_mirror_ship_link(m, up);
	tell(m, ZTJ_MSG_LINK, up);
}

void ztj_mirror_tell_snapshot(struct ztj_mirror *m, bool begins)
{
	m->snapshot = begins;
	tell(m, ZTJ_MSG_SNAPSHOT, begins);
}

/* ---- whom to believe ---- */

struct whom {
	char url[URLS_MAX][256];
	const char *urls[URLS_MAX];
	size_t nurls, npins;
	struct ztj_key pin[PINS_MAX];
};

static int parse_broker(struct ztj_view body, struct whom *w)
{
	struct ztj_rd rd;
	uint32_t n;
	int r;

	ztj_rd_init(&rd, body);
	r = ztj_rd_u32(&rd, &n);
	for (uint32_t i = 0; r == ZTJ_OK && i < n; i++) {
		struct ztj_view text;
		r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &text);
		/* One that has no room is left out: an agent that ends over its own policy would lock everybody out. */
		if (r == ZTJ_OK && w->nurls < URLS_MAX && text.n < sizeof(w->url[0])) {
			if (text.n > 0)
				memcpy(w->url[w->nurls], text.p, text.n);
			w->url[w->nurls][text.n] = '\0';
			w->urls[w->nurls] = w->url[w->nurls];
			w->nurls++;
		}
	}
	if (r == ZTJ_OK)
		r = ztj_rd_u32(&rd, &n);
	for (uint32_t i = 0; r == ZTJ_OK && i < n; i++) {
		struct ztj_view text;
		struct ztj_key k = { .type = ZTJ_KEY_NONE };
		r = ztj_rd_string(&rd, ZTJ_KEY_TEXT_SIZE, &text);
		if (r == ZTJ_OK)
			r = ztj_key_from_text(&k, text);
		if (r == ZTJ_OK && w->npins < PINS_MAX)
			w->pin[w->npins++] = k;
	}
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

static int reconnect(struct ztj_mirror *m, const struct whom *w)
{
	struct ztj_net_conf conf = { .urls = w->urls,
		.nurls = w->nurls,
		.pins = w->pin,
		.npins = w->npins,
		.client = m->tls,
		.timeout_ms = CALL_MS,
		.max_reply = ZTJ_MIRROR_BODY_MAX };

	/* What is cut off here was announced before `since`, and will not be again. */
	if (m->fetch != NULL)
		m->since = 0;
	ztj_mirror_stream_stop(m);
	ztj_mirror_fetch_stop(m);
	ztj_mirror_posts_stop(m);
	ztj_mirror_ships_stop(m);
	ztj_mirror_singles_stop(m);
	ztj_net_close(m->net);
	m->net = NULL;
	m->url = 0;
	m->nurls = w->nurls;
	m->next_try = 0;
	/* Without a pin nobody is believed. */
	if (w->nurls == 0 || w->npins == 0)
		return ZTJ_OK;
	return ztj_net_open(&conf, &m->net);
}

static int on_broker(struct ztj_mirror *m, struct ztj_view body)
{
	struct whom w = { .nurls = 0 };
	int r;

	if (ztj_view_eq(body, ztj_buf_view(&m->broker)))
		return ZTJ_OK;
	r = parse_broker(body, &w);
	if (r != ZTJ_OK)
		return r;
	ztj_buf_reset(&m->broker);
	r = ztj_buf_put(&m->broker, body.p, body.n);
	return r == ZTJ_OK ? reconnect(m, &w) : r;
}

static int on_held(struct ztj_mirror *m, struct ztj_view body)
{
	struct ztj_rd rd;
	uint64_t version;
	uint32_t n;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u64(&rd, &version)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &n)) != ZTJ_OK)
		return r;
	if (version > INT64_MAX || n > ZTJ_MIRROR_DIRS)
		return ZTJ_LIMIT;
	m->policy = (int64_t)version;
	m->ndirs = 0;
	for (uint32_t i = 0; i < n; i++) {
		if ((r = ztj_rd_cstring(&rd, m->dir[i].name, sizeof(m->dir[i].name))) != ZTJ_OK ||
		    (r = ztj_rd_u64(&rd, &m->dir[i].serial)) != ZTJ_OK)
			return r;
		m->ndirs++;
	}
	return ztj_rd_end(&rd);
}

static int on_post(struct ztj_mirror *m, struct ztj_view body,
    void (*post)(struct ztj_mirror *, struct ztj_view, struct ztj_view))
{
	struct ztj_view id, json;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_bytes(&rd, 32, &id)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &json)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	post(m, id, json);
	return ZTJ_OK;
}

static int on_ended(struct ztj_mirror *m, struct ztj_view body)
{
	struct ztj_view id;
	struct ztj_rd rd;
	uint8_t taken;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_bytes(&rd, 32, &id)) != ZTJ_OK || (r = ztj_rd_u8(&rd, &taken)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	ztj_mirror_end(m, id, taken != 0);
	return ZTJ_OK;
}

static int on_decisions(struct ztj_mirror *m, struct ztj_view body)
{
	struct ztj_view lines;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &lines)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	ztj_mirror_decisions(m, lines);
	return ZTJ_OK;
}

static int on_growth(struct ztj_mirror *m, struct ztj_view body)
{
	struct ztj_rd rd;
	uint64_t from, to;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u64(&rd, &from)) != ZTJ_OK || (r = ztj_rd_u64(&rd, &to)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	ztj_mirror_growth(m, from, to);
	return ZTJ_OK;
}

void ztj_mirror_from_gate(struct ztj_mirror *m)
{
	int r = ztj_ipc_read(m->gate, &m->in, false);

	if (r == ZTJ_TIMEOUT)
		return;
	if (r == ZTJ_OK)
		switch (m->in.type) {
		case ZTJ_MSG_BROKER:
			r = on_broker(m, m->in.body);
			break;
		case ZTJ_MSG_HELD:
			r = on_held(m, m->in.body);
			break;
		case ZTJ_MSG_POST:
			r = on_post(m, m->in.body, ztj_mirror_post);
			break;
		case ZTJ_MSG_REPORT:
			r = on_post(m, m->in.body, ztj_mirror_report);
			break;
		case ZTJ_MSG_HAND_BACK:
			r = on_post(m, m->in.body, ztj_mirror_hand_back);
			break;
		case ZTJ_MSG_ENDED:
			r = on_ended(m, m->in.body);
			break;
		case ZTJ_MSG_DECISIONS:
			r = on_decisions(m, m->in.body);
			break;
		case ZTJ_MSG_GROWTH:
			r = on_growth(m, m->in.body);
			break;
		case ZTJ_MSG_HURRY:
			ztj_mirror_stream_hurry(m);
			break;
		case ZTJ_MSG_RESYNC:
			m->resync = true;
			break;
		default:
			r = ZTJ_PROTOCOL;
		}
	ztj_ipc_in_reset(&m->in);
	if (r != ZTJ_OK) {
		if (r != ZTJ_UNREACHABLE)
			ztj_log(ZTJ_LOG_ERROR, "the gate: %s", ztj_err_name(r));
		m->failed = true;
	}
}
