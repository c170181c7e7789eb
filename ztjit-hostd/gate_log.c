/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the gate writes into the log of decisions, and when it is synced. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"

#define NEWS_ALARMS 20 /* in so many seconds */
#define NEWS_SECONDS 600

static void sync_soon(struct ztj_gate *g)
{
	const struct timeval tv = { .tv_usec = ZTJ_SPOOL_WAIT_MS * 1000 };

	if (!evtimer_pending(g->sync_timer, NULL) && evtimer_add(g->sync_timer, &tv) != 0)
		ztj_gate_sync(-1, 0, g);
}

void ztj_gate_sync(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;

	(void)fd;
	(void)what;
	if (ztj_spool_sync(g->spool) == ZTJ_OK) {
		ztj_ship_soon(g); /* what is not on disk is not shipped, and there may be no later line */
		return;
	}
	ztj_log(ZTJ_LOG_ERROR, "the log of decisions could not be synced; trying again");
	/* Decisions meanwhile try for themselves, and are denials as long as they fail. */
	if (what != 0)
		sync_soon(g);
}

int ztj_gate_log(struct ztj_gate *g, struct ztj_decision *d)
{
	struct ztj_now now;
	int r;

	ztj_gate_now(g, &now);
	d->time = now.sys;
	d->host = g->conf->fullname;
	r = ztj_spool_append(g->spool, d);
	if (r == ZTJ_OK && d->later)
		sync_soon(g);
	if (r == ZTJ_OK)
		ztj_ship_soon(g);
	return r;
}

/* A run that ends by itself has `stop` as its last line; before the first there is none. */
static bool ended_well(struct ztj_gate *g)
{
	uint64_t seq = ztj_spool_seq(g->spool);
	struct ztj_buf line;
	const char *event;
	json_t *o = NULL;
	bool well = seq == 0;

	ztj_buf_init(&line, ZTJ_IPC_MAX);
	if (seq > 0 && ztj_spool_read(g->spool, seq, 1, &line) == ZTJ_OK && line.n > 0)
		o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	event = json_string_value(json_object_get(o, "event"));
	well = well || (event != NULL && strcmp(event, "stop") == 0);
	json_decref(o);
	ztj_buf_free(&line);
	return well;
}

void ztj_gate_log_start(struct ztj_gate *g)
{
	struct ztj_decision d = { .event = "start",
		.code = ended_well(g) ? ZTJ_OK : ZTJ_UNCLEAN,
		.configuration = g->env.configuration,
		.text = PACKAGE_VERSION,
		.spare = true };

	if (ztj_gate_log(g, &d) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the start could not be logged");
}

/* By which policy all that follows is decided. */
void ztj_gate_log_policy(struct ztj_gate *g)
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	char digest[ZTJ_HEX_SIZE], text[64];
	struct ztj_decision d = { .event = "policy", .policy = digest, .text = text, .spare = true };

	ztj_hex(p->digest, ZTJ_DIGEST_LEN, digest);
	(void)snprintf(text, sizeof(text), "version %lld", (long long)p->version);
	ztj_log(ZTJ_LOG_NOTICE, "policy %s", text);
	if (ztj_gate_log(g, &d) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the new policy could not be logged");
}

void ztj_gate_log_stop(struct ztj_gate *g)
{
	struct ztj_decision d = { .event = "stop", .spare = true };

	if (ztj_gate_log(g, &d) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the stop could not be logged");
}

void ztj_gate_alarm(struct ztj_gate *g, int code, const char *text)
{
	struct ztj_decision d = { .event = "alarm", .code = code, .text = text };

	ztj_log(ZTJ_LOG_ALARM, "%s: %s", text, ztj_err_text(code));
	if (ztj_gate_log(g, &d) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the alarm could not be logged");
}

void ztj_gate_alarm_news(struct ztj_gate *g, int code, const char *text)
{
	struct ztj_now now;

	g->env.now(&now);
	if (g->alarms.n == 0 || now.boot - g->alarms.since >= NEWS_SECONDS) {
		g->alarms.since = now.boot;
		g->alarms.n = 0;
	}
	if (g->alarms.n < NEWS_ALARMS) {
		g->alarms.n++;
		ztj_gate_alarm(g, code, text);
		return;
	}
	if (g->alarms.n == NEWS_ALARMS) {
		g->alarms.n++;
		ztj_gate_alarm(g, ZTJ_RATE_LIMITED,
		    "more alarms about what the broker sends stand in the agent's own log alone");
	}
	ztj_log(ZTJ_LOG_ALARM, "%s: %s", text, ztj_err_text(code));
}
