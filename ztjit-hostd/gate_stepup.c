/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A step-up: one transport after the other, as the rule lists them, until one answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/stepup.h"

void ztj_stepup_free(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;

	if (u == NULL)
		return;
	c->stepup = NULL;
	/* whoever runs ztjit confirm must not believe that something happened */
	if (u->confirm)
		ztj_news_end_stepup(c->g, u->id, u->taken);
	if (u->readable != NULL)
		event_free(u->readable);
	if (u->agent >= 0)
		(void)close(u->agent);
	ztj_buf_free(&u->bytes);
	ztj_buf_free(&u->machine_sig);
	ztj_buf_free(&u->in);
	free(u);
}

static uint32_t seconds_left(const struct ztj_stepup *u)
{
	return (uint32_t)(ztj_stepup_left_ms(u) / 1000) + 3;
}

static void ask_for_agent(struct ztj_conn *c)
{
	struct ztj_buf b;
	uint32_t gid;

	/* Never as root; and whoever has no entry in passwd has no group to connect with. */
	if (c->proc.ruid == 0 || !ztj_gate_gid_of(c->g, c->proc.ruid, &gid)) {
		ztj_stepup_next(c);
		return;
	}
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_NEED_AGENT) != ZTJ_OK) {
		ztj_pam_deny(c, ZTJ_NOMEM, NULL);
		return;
	}
	(void)ztj_buf_put_u32(&b, c->proc.ruid);
	(void)ztj_buf_put_u32(&b, gid);
	if (!ztj_conn_send(c, &b))
		return;
	c->state = ZTJ_ST_AGENT;
	ztj_conn_deadline(c, ZTJ_QUESTION_MS + 1000);
}

static void ask_for_confirmation(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;
	struct ztj_signed s = { .bytes = ztj_buf_view(&u->bytes), .nsigs = 1 };
	char text[640], code[ZTJ_CODE_SIZE];

	s.sig[0] = ztj_buf_view(&u->machine_sig);
	if (!c->g->link_up || ztj_news_post_stepup(c->g, u->id, &s) != ZTJ_OK) {
		ztj_stepup_next(c);
		return;
	}
	u->confirm = true;
	ztj_stepup_code(u->id, code);
	(void)snprintf(text, sizeof(text), "ztjit: %s\nOn your workstation: ztjit confirm %s", u->what, code);
	if (ztj_conn_prompt(c, text, seconds_left(u)))
		ztj_conn_deadline(c, ztj_stepup_left_ms(u));
}

void ztj_stepup_next(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;

	c->state = ZTJ_ST_NOTHING;
	if (ztj_stepup_left_ms(u) == 0) {
		ztj_pam_deny(c, ZTJ_STEPUP_TIMEOUT, NULL);
		return;
	}
	if (u->at == u->norder) {
		ztj_pam_deny(c, ZTJ_STEPUP_TRANSPORT,
		    "no way to ask for a touch from here; log in with ztjit ssh, which brings the step-up agent along");
		return;
	}
	switch (u->order[u->at++]) {
	case ZTJ_VIA_AGENT:
	case ZTJ_VIA_PLAIN_AGENT:
		ask_for_agent(c);
		return;
	case ZTJ_VIA_CONFIRM:
		ask_for_confirmation(c);
		return;
	case ZTJ_VIA_LOCAL:
		break;
	}
	ztj_pam_deny(c, ZTJ_INTERNAL, NULL);
}

void ztj_stepup_begin(struct ztj_conn *c, const struct ztj_session *s)
{
	struct ztj_stepup *u;
	int r;

	ztj_stepup_free(c);
	r = ztj_stepup_new(c, s, &u);
	ztj_conn_freeze(c);
	if (r != ZTJ_OK)
		ztj_pam_deny(c, r, NULL);
	else
		ztj_stepup_next(c);
}

void ztj_stepup_agent_fd(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;
	bool with = c->in.body.n == 1 && c->in.body.p[0] == 1;
	char text[400];

	if (u == NULL || c->in.body.n != 1 || c->in.body.p[0] > 1 || with != (c->in.fd >= 0)) {
		ztj_conn_close(c);
		return;
	}
	c->state = ZTJ_ST_NOTHING;
	if (with) {
		u->agent = c->in.fd;
		c->in.fd = -1;
	}
	ztj_ipc_in_reset(&c->in);
	if (!with) {
		ztj_stepup_next(c);
		return;
	}
	(void)snprintf(text, sizeof(text), "ztjit: touch your security key: %s", u->what);
	if (!ztj_conn_prompt(c, text, seconds_left(u)))
		return;
	ztj_conn_deadline(c, ztj_stepup_left_ms(u));
	ztj_agent_begin(c);
}

void ztj_stepup_done(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;
	int r = ztj_pam_log(c, "stepup", ZTJ_OK, u->what);

	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, NULL);
		return;
	}
	u->taken = true;
	ztj_pass_add(c->g, c->proc.id, u->grant, true);
	ztj_touch_add(c->g, c->session, c->proc.tty_nr, u->grant);
	ztj_stepup_free(c); /* the nonce is used up */
	ztj_elevate(c);
}

static struct ztj_conn *waiting_for(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (struct ztj_conn *c = g->conns; c != NULL; c = c->next)
		if (c->stepup != NULL && c->stepup->confirm && memcmp(c->stepup->id, id, ZTJ_DIGEST_LEN) == 0)
			return c;
	return NULL;
}

int ztj_stepup_relayed(struct ztj_gate *g, const struct ztj_signed *s)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_conn *c;
	int r = ztj_stmt_id(s->bytes, id);

	c = r == ZTJ_OK ? waiting_for(g, id) : NULL;
	if (c == NULL) {
		ztj_log(ZTJ_LOG_NOTICE, "a step-up that nobody waits for");
		if (r == ZTJ_OK)
			ztj_news_end_stepup(g, id, false);
		return ZTJ_STEPUP_GONE;
	}
	r = s->nsigs == 2 ? ztj_stepup_check(c, s->sig[1]) : ZTJ_STEPUP_WRONG;
	if (r != ZTJ_OK) { /* the person's own answer may still come */
		ztj_log(ZTJ_LOG_WARN, "a relayed step-up was refused: %s", ztj_err_name(r));
		return ZTJ_STEPUP_WRONG;
	}
	ztj_stepup_done(c);
	return ZTJ_OK;
}

void ztj_stepup_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], int code)
{
	struct ztj_conn *c = waiting_for(g, id);

	if (c == NULL || code == ZTJ_OK)
		return;
	ztj_log(ZTJ_LOG_NOTICE, "the broker did not take a challenge: %s", ztj_err_name(code));
	c->stepup->confirm = false;
	ztj_stepup_next(c);
}
