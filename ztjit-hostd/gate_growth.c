/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * That a log is longer says nothing of what it holds: the newest checkpoint of which the broker proved that it continues the one
 * before stays remembered until the next proof (RFC 9162 section 2.1.4). A proof is asked for every few minutes, each host in its own time.
 */
#include <string.h>

#include "libztjit/core/growth.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define PROVED "proved"
#define EVERY 300      /* seconds between proofs, and up to */
#define SPREAD 60      /* more */
#define AGAIN 60       /* after one that failed */
#define FAILED_ALARM 3 /* answers in a row that are none */
#define SAY_MS 200

int ztj_growth_load(struct ztj_gate *g)
{
	int r = ztj_checkpoint_read(g, PROVED, &g->growth.proved);

	if (r == ZTJ_BAD_ENCODING)
		ztj_gate_alarm(g, r, "what was proved of the broker's audit log cannot be read");
	if (r == ZTJ_OK) {
		g->growth.any = true;
		/* What is proved was seen; what was seen is not stored each time. */
		if (!g->log.any || g->log.last.size < g->growth.proved.size)
			g->log.last = g->growth.proved;
		g->log.any = true;
	} else if (r == ZTJ_NOT_FOUND || r == ZTJ_BAD_ENCODING) {
		/* an agent of before there were proofs, or none: from what was seen last */
		g->growth.any = g->log.any;
		g->growth.proved = g->log.last;
		r = ZTJ_OK;
	}
	return r;
}

static void proved(struct ztj_gate *g, const struct ztj_checkpoint *c)
{
	g->growth.any = true;
	g->growth.proved = *c;
	if (ztj_checkpoint_write(g, PROVED, c) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "what was proved of the audit log could not be stored");
}

static int64_t boot_now(const struct ztj_gate *g)
{
	struct ztj_now now;

	g->env.now(&now);
	return now.boot;
}

/* Once, and again when it was well in between. */
static void alarm_once(struct ztj_gate *g, int code, const char *text)
{
	if (g->growth.said != code)
		ztj_gate_alarm_news(g, code, text);
	g->growth.said = code;
}

static int ask(struct ztj_gate *g)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 64);
	r = ztj_ipc_begin(&b, ZTJ_MSG_GROWTH);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u64(&b, g->growth.proved.size);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u64(&b, g->growth.wanted.size);
	if (r == ZTJ_OK)
		r = ztj_ipc_finish(&b);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(g->fds.mirror, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + SAY_MS);
	ztj_buf_free(&b);
	return r;
}

void ztj_growth_seen(struct ztj_gate *g)
{
	const struct ztj_checkpoint *seen = &g->log.last;
	int64_t boot = boot_now(g);

	/* An empty log is the beginning of every other. */
	if (!g->growth.any || g->growth.proved.size == 0) {
		proved(g, seen);
		return;
	}
	if (seen->size == g->growth.proved.size &&
	    memcmp(seen->root, g->growth.proved.root, sizeof(seen->root)) != 0)
		alarm_once(g, ZTJ_LOG_FORK, "the broker's audit log is not the one that was proved here");
	/* Whoever carries questions and answers must not be able to keep the alarm away by carrying none. */
	if (g->growth.busy && boot >= g->growth.next + (int64_t)FAILED_ALARM * AGAIN)
		alarm_once(g, ZTJ_NOT_FOUND, "nobody answers whether the broker's audit log only grew");
	if (seen->size <= g->growth.proved.size || g->growth.busy || boot < g->growth.next ||
	    g->fds.mirror < 0)
		return;
	g->growth.wanted = *seen;
	g->growth.next = boot + AGAIN;
	g->growth.busy = ask(g) == ZTJ_OK;
}

/* Is the answer a proof? NOT_FOUND: none came. */
static int judge(const struct ztj_gate *g, uint32_t status, struct ztj_view reply)
{
	struct ztj_growth_proof p;

	if (status != 200)
		return ZTJ_NOT_FOUND;
	/* What cannot be read proves nothing, and an honest broker sends no such thing. */
	if (ztj_growth_read(reply, &p) != ZTJ_OK)
		return ZTJ_LOG_FORK;
	return ztj_growth_check(&p, &g->growth.proved, &g->growth.wanted);
}

int ztj_growth_done(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_view reply;
	uint32_t status;
	uint8_t random = 0;
	int r = ztj_rd_u32(rd, &status);

	if (r == ZTJ_OK)
		r = ztj_rd_string(rd, ZTJ_IPC_MAX, &reply);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK || !g->growth.busy)
		return r;
	g->growth.busy = false;
	r = judge(g, status, reply);
	g->growth.failed = r == ZTJ_NOT_FOUND ? g->growth.failed + 1 : 0;
	if (r == ZTJ_OK) {
		if (ztj_random(&random, sizeof(random)) != ZTJ_OK)
			random = 0; /* all hosts at once is no reason not to ask */
		g->growth.next = boot_now(g) + EVERY + random % SPREAD;
		if (g->growth.said != ZTJ_OK)
			ztj_log(ZTJ_LOG_NOTICE,
			    "the broker's audit log continues the one that was proved before");
		g->growth.said = ZTJ_OK;
		proved(g, &g->growth.wanted);
	} else if (r != ZTJ_NOT_FOUND) {
		alarm_once(g, r, "the broker's audit log does not continue the one that was proved before");
	} else if (g->growth.failed >= FAILED_ALARM) {
		alarm_once(g, r, "the broker does not prove that its audit log only grew");
	}
	return ZTJ_OK;
}
