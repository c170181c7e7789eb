/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The log of decisions goes to the broker, in order, a piece at a time: what was decided while it was away comes later. How far
 * it holds the log the broker says itself, whenever it is reached anew; nothing is remembered here, and nothing waits for it.
 */
#include <jansson.h>
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/spoolfile.h"

#define PIECE ((size_t)48 * 1024) /* and one line: below what a message holds */
#define SOON_MS 200               /* lines of one moment go together */
#define AGAIN_MS 10000
#define SAY_MS 200

static void later(struct ztj_gate *g, int ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (g->ship.timer != NULL && !evtimer_pending(g->ship.timer, NULL) &&
	    evtimer_add(g->ship.timer, &tv) != 0)
		ztj_log(ZTJ_LOG_WARN, "the log of decisions will not be shipped before the next decision");
}

static int hand_over(struct ztj_gate *g, struct ztj_view lines)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&b, ZTJ_MSG_DECISIONS);
	if (r == ZTJ_OK)
		r = ztj_buf_put_view(&b, lines);
	if (r == ZTJ_OK)
		r = ztj_ipc_finish(&b);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(g->fds.mirror, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + SAY_MS);
	ztj_buf_free(&b);
	return r;
}

static void ship(struct ztj_gate *g)
{
	struct ztj_buf lines;
	int r = ZTJ_OK;

	if (!g->link_up || g->ship.busy || g->fds.mirror < 0)
		return;
	ztj_buf_init(&lines, ZTJ_IPC_MAX);
	if (g->ship.known)
		r = ztj_spool_read(g->spool, g->ship.held + 1, PIECE, &lines);
	if (r == ZTJ_OK && (!g->ship.known || lines.n > 0)) {
		r = hand_over(g, ztj_buf_view(&lines));
		g->ship.busy = r == ZTJ_OK;
	}
	ztj_buf_free(&lines);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_WARN, "the log of decisions could not be shipped: %s", ztj_err_text(r));
		later(g, AGAIN_MS);
	}
}

void ztj_ship_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ship(arg);
}

void ztj_ship_soon(struct ztj_gate *g)
{
	if (g->link_up && !g->ship.busy)
		later(g, SOON_MS);
}

void ztj_ship_link(struct ztj_gate *g)
{
	g->ship.known = false;
	ship(g);
}

/* {"seq": N, "head": HEX} */
static bool read_reply(struct ztj_view reply, struct ztj_spool_at *held)
{
	json_t *o = json_loadb((const char *)reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);
	json_int_t n = json_integer_value(json_object_get(o, "seq"));
	bool good = json_is_integer(json_object_get(o, "seq")) && n >= 0 &&
	    ztj_json_digest(json_object_get(o, "head"), held->head) == ZTJ_OK;

	json_decref(o);
	held->seq = good ? (uint64_t)n : 0;
	return good;
}

/* Is the newest line that the broker holds a line of ours? One whose file is gone here nobody can compare. */
static bool is_ours(struct ztj_gate *g, const struct ztj_spool_at *held)
{
	struct ztj_spool_at before;
	uint8_t digest[ZTJ_DIGEST_LEN];
	const uint8_t *end;
	struct ztj_buf line;
	bool ours = true;

	if (held->seq == 0)
		return true;
	if (held->seq > ztj_spool_seq(g->spool))
		return false;
	ztj_buf_init(&line, ZTJ_IPC_MAX);
	if (ztj_spool_read(g->spool, held->seq, 1, &line) == ZTJ_OK && line.n > 0 &&
	    (end = memchr(line.p, '\n', line.n)) != NULL) {
		const struct ztj_view v = ztj_view_of(line.p, (size_t)(end - line.p));

		ours = ztj_spool_before(v, &before) != ZTJ_OK || before.seq + 1 != held->seq ||
		    ztj_sha256(v, digest) != ZTJ_OK || memcmp(digest, held->head, sizeof(digest)) == 0;
	}
	ztj_buf_free(&line);
	return ours;
}

int ztj_ship_done(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_view reply;
	struct ztj_spool_at held = { .seq = 0 };
	uint32_t status;
	int r = ztj_rd_u32(rd, &status);

	if (r == ZTJ_OK)
		r = ztj_rd_string(rd, ZTJ_IPC_MAX, &reply);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r;
	g->ship.busy = false;
	bool good = status == 200 && reply.n > 0 && read_reply(reply, &held);
	/* No progress is no reason to hurry, whatever the broker says. */
	bool further = good && (!g->ship.known || held.seq > g->ship.held);
	/* Another log of this host, of before it was installed anew perhaps: it is told ours from the beginning. */
	if (good && !is_ours(g, &held)) {
		ztj_gate_alarm_news(g, ZTJ_LOG_FORK,
		    "the broker holds another log of decisions of this host");
		further = !g->ship.known;
		held.seq = 0;
	}
	if (status >= 400 && status != g->ship.said)
		ztj_log(ZTJ_LOG_WARN, "the broker does not take the log of decisions (%u)", status);
	g->ship.said = status;
	g->ship.known = good;
	g->ship.held = held.seq;
	if (further)
		ship(g);
	else
		later(g, AGAIN_MS);
	return ZTJ_OK;
}
