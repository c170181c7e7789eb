/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every host is a witness of the audit log: it remembers the newest checkpoint that a status carried, and says aloud when a
 * later status shows another history (PROTOCOL section 10). It stops nobody's work: the log proves what was done, it does not allow it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gate.h"

#define SEEN "checkpoint"
#define SAVE_EVERY 60
#define LACKING_SECONDS 300 /* a policy that names new witnesses is here before the broker could ask them */

static void path_of(const struct ztj_gate *g, const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/%s", g->conf->state, name);
}

int ztj_checkpoint_read(const struct ztj_gate *g, const char *name, struct ztj_checkpoint *out)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true };
	char path[512];
	struct ztj_buf b;
	int r;

	path_of(g, name, path, sizeof(path));
	ztj_buf_init(&b, 256);
	r = ztj_file_read(path, &rule, 255, &b);
	if (r == ZTJ_OK && ztj_checkpoint_kept(ztj_buf_view(&b), out) != ZTJ_OK)
		r = ZTJ_BAD_ENCODING;
	else if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	ztj_buf_free(&b);
	return r;
}

int ztj_checkpoint_write(const struct ztj_gate *g, const char *name, const struct ztj_checkpoint *c)
{
	char path[512];
	struct ztj_buf b;
	int r;

	path_of(g, name, path, sizeof(path));
	ztj_buf_init(&b, 256);
	r = ztj_checkpoint_keep(c, &b);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&b), 0600);
	ztj_buf_free(&b);
	return r;
}

int ztj_checkpoint_load(struct ztj_gate *g)
{
	int r = ztj_checkpoint_read(g, SEEN, &g->log.last);

	g->log.any = r == ZTJ_OK;
	/* It stops nobody's work, but it is not forgotten in silence. */
	if (r == ZTJ_BAD_ENCODING)
		ztj_gate_alarm(g, r, "what was remembered of the broker's audit log cannot be read");
	return r == ZTJ_NOT_FOUND || r == ZTJ_BAD_ENCODING ? ZTJ_OK : r;
}

static void save(struct ztj_gate *g)
{
	struct ztj_now now;

	g->env.now(&now);
	if (g->log.saved != 0 && now.boot - g->log.saved < SAVE_EVERY)
		return;
	if (ztj_checkpoint_write(g, SEEN, &g->log.last) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the checkpoint of the audit log could not be stored");
	else {
		g->log.saved = now.boot;
		g->log.unsaved = false;
	}
}

static void say_cosigned(struct ztj_gate *g, int r, const struct ztj_quorum *q, const struct ztj_cosigned *c)
{
	struct ztj_buf missing, text;
	const char *s = NULL;

	ztj_buf_init(&missing, 8192);
	ztj_buf_init(&text, 8192);
	if (r != ZTJ_BAD_SIGNATURE && ztj_cosign_missing(q, c, &missing) == ZTJ_OK &&
	    ztj_buf_printf(&text,
		"the checkpoint of the broker's audit log, cosigned by %zu of %u witnesses%s%s", c->n,
		q->need, missing.n > 0 ? "; missing: " : "",
		missing.n > 0 ? ztj_buf_str(&missing) : "") == ZTJ_OK)
		s = ztj_buf_str(&text);
	ztj_gate_alarm_news(g, r,
	    s != NULL ? s : "a cosignature of the checkpoint of the broker's audit log");
	ztj_buf_free(&missing);
	ztj_buf_free(&text);
}

/* Hosts demand the witnesses that the policy demands: they hear the broker every few seconds, auditors look now and then. As with
 * all that a checkpoint shows, it is an alarm and no more, so a witness that is down locks nobody out. */
static void cosigned(struct ztj_gate *g, struct ztj_view note)
{
	const struct ztj_quorum *q = &ztj_trust_held_policy(g->trust)->broker.quorum;
	struct ztj_cosigned c;
	struct ztj_now now;
	int r;

	ztj_gate_now(g, &now);
	r = ztj_cosign_judge_note(q, note, now.sys, &c);
	if (r != ZTJ_NOT_COSIGNED)
		g->log.lacking = 0;
	else if (g->log.lacking == 0)
		g->log.lacking = now.boot;
	if (r == ZTJ_NOT_COSIGNED && now.boot - g->log.lacking < LACKING_SECONDS)
		return;
	if (r != ZTJ_OK && r != g->log.witnessed)
		say_cosigned(g, r, q, &c);
	g->log.witnessed = r;
}

static int judge(struct ztj_gate *g, const char *b64, struct ztj_checkpoint *c)
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	struct ztj_buf note;
	int r;

	if (b64[0] == '\0')
		return g->log.any ? ZTJ_NOT_FOUND : ZTJ_OK;
	ztj_buf_init(&note, ZTJ_CHECKPOINT_MAX);
	r = p == NULL ? ZTJ_NOT_READY : ztj_b64_decode(ztj_view_str(b64), &note);
	if (r == ZTJ_OK)
		r = ztj_checkpoint_open(ztj_buf_view(&note), p->domain, p->broker.log, p->broker.nlog, c);
	if (r == ZTJ_OK)
		cosigned(g, ztj_buf_view(&note));
	ztj_buf_free(&note);
	return r == ZTJ_OK && g->log.any ? ztj_checkpoint_after(&g->log.last, c) : r;
}

void ztj_checkpoint_seen(struct ztj_gate *g, const struct ztj_stmt *status)
{
	const char *b64 = status->u.status.checkpoint;
	struct ztj_checkpoint c;
	int r = judge(g, b64, &c);

	if (r == ZTJ_OK && b64[0] != '\0') {
		g->log.unsaved = g->log.unsaved || !g->log.any || c.size > g->log.last.size;
		g->log.last = c;
		g->log.any = true;
		if (g->log.unsaved)
			save(g);
		ztj_growth_seen(g);
	}
	if (r != ZTJ_OK && r != g->log.said)
		ztj_gate_alarm_news(g, r,
		    r == ZTJ_NOT_FOUND ? "the broker vouches for no checkpoint of its audit log any more"
				       : "the checkpoint of the broker's audit log");
	g->log.said = r;
}
