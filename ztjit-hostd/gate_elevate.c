/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * sudo and su inside a session: which of the person's grants lets this happen,
 * whether a touch is needed, and the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

static bool is_su(const struct ztj_conn *c)
{
	return strcmp(c->service, "su") == 0 || strcmp(c->service, "su-l") == 0;
}

/* su knows its target from the start; sudo's PAM_USER is the invoker until open_session. */
static void question(struct ztj_conn *c, struct ztj_session *s, struct ztj_question *q)
{
	bool target = is_su(c) || c->call == ZTJ_MSG_OPEN;
	const struct ztj_session *top = ztj_sessions_top(c->g->sessions, s);

	ztj_gate_question(c->g, target ? ZTJ_USE_BECOME : ZTJ_USE_ELEVATE, c->service, q);
	q->account = target ? c->user : NULL;
	q->person = s->person;
	q->has_uid = true;
	q->uid = top != NULL ? top->uid : s->uid;
	q->peer = s->peer[0] != '\0' ? s->peer : NULL;
	q->recorded = ztj_sessions_recording(c->g->sessions, s) != NULL;
	q->has_recorder = top != NULL && ztj_gate_has_recorder(c->g, top->account);
}

/* A touch that still counts: made by this very process on its way here, or remembered as the rule allows. */
static bool touched(struct ztj_conn *c, const struct ztj_answer *a)
{
	const struct ztj_pass *pass = ztj_pass_find(c->g, c->proc.id, a->request);

	if (a->grant.rule->step_up == 0)
		return true;
	if (pass != NULL && pass->touched)
		return true;
	return ztj_touch_fresh(c->g, c->session, c->proc.tty_nr, a->request, a->grant.rule->step_up_every);
}

/* How far an answer got, so that the best denial is shown. */
static int rank(struct ztj_conn *c, const struct ztj_answer *a)
{
	if (a->code == ZTJ_OK)
		return touched(c, a) ? 100 : 90;
	switch (a->code) {
	case ZTJ_WRONG_ACCOUNT:
		return 1;
	case ZTJ_ENDED:
	case ZTJ_EXPIRED:
		return 2;
	default:
		return 3;
	}
}

/* Tries every grant of the person that this host holds. */
static int choose(struct ztj_conn *c, struct ztj_session *s)
{
	struct ztj_gate *g = c->g;
	struct ztj_answer *a = malloc(sizeof(*a));
	struct ztj_question q;
	int best = 0;

	if (a == NULL)
		return ZTJ_NOMEM;
	question(c, s, &q);
	for (size_t i = 0; i < ztj_store_count(g->store); i++) {
		const struct ztj_bundle *b;
		struct ztj_store_grant held;
		int n;
		ztj_store_at(g->store, i, &held);
		if (strcmp(held.who, s->person) != 0 || ztj_store_bundle(g->store, held.id, &b) != ZTJ_OK)
			continue;
		q.window = held.window;
		ztj_decide(g->trust, b, &q, a);
		n = rank(c, a);
		if (n > best || (n == best && a->ends > c->answer.ends)) {
			best = n;
			c->answer = *a;
		}
	}
	free(a);
	if (best == 0) {
		memset(&c->answer, 0, sizeof(c->answer));
		c->answer.code = ZTJ_NO_GRANT;
		(void)snprintf(c->answer.person, sizeof(c->answer.person), "%s", s->person);
		ztj_decide_hint(g->trust, &q, c->answer.text, sizeof(c->answer.text));
	}
	return c->answer.code;
}

static void admit_open(struct ztj_conn *c, struct ztj_session *s)
{
	struct ztj_session like = { .uid = s->uid };
	const struct ztj_pass *pass = ztj_pass_find(c->g, c->proc.id, c->answer.request);
	int r = ztj_store_shorten(c->g->store, c->answer.request, c->answer.starts, c->answer.ends);

	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, NULL);
		return;
	}
	c->named = pass != NULL && strcmp(pass->become, c->user) == 0;
	ztj_pass_drop(c->g, c->proc.id); /* one use */
	(void)snprintf(like.account, sizeof(like.account), "%s", c->user);
	(void)snprintf(like.peer, sizeof(like.peer), "%s", s->peer);
	ztj_session_begin(c, &like, s);
}

/* Where there is no choice, account's line says who it will be. */
static void name_target(struct ztj_conn *c)
{
	const struct ztj_strs *become = &c->answer.grant.role->become;

	if (is_su(c))
		(void)snprintf(c->become, sizeof(c->become), "%s", c->user);
	else if (become->n == 1 && strlen(become->s[0]) < sizeof(c->become))
		(void)snprintf(c->become, sizeof(c->become), "%s", become->s[0]);
}

static void admit(struct ztj_conn *c, struct ztj_session *s)
{
	struct ztj_pass *pass = NULL;
	int r;

	if (c->call == ZTJ_MSG_OPEN) {
		admit_open(c, s);
		return;
	}
	if (c->call == ZTJ_MSG_ACCOUNT)
		name_target(c);
	r = ztj_pam_log(c, c->call == ZTJ_MSG_AUTH ? "auth" : "account", ZTJ_OK, c->answer.text);
	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, NULL);
		return;
	}
	pass = ztj_pass_add(c->g, c->proc.id, c->answer.request, false);
	if (c->call == ZTJ_MSG_ACCOUNT)
		(void)snprintf(pass->become, sizeof(pass->become), "%s", c->become);
	(void)ztj_conn_verdict(c, ZTJ_OK, "");
}

void ztj_elevate(struct ztj_conn *c)
{
	struct ztj_session *s = ztj_sessions_get(c->g->sessions, c->session);
	int r;

	/* It may have ended while the person looked for the key. */
	if (s == NULL || s->ending) {
		ztj_pam_deny(c, ZTJ_ENDED, NULL);
		return;
	}
	r = choose(c, s);
	if (r == ZTJ_OK && ztj_gate_clock_bad(c->g)) {
		ztj_pam_deny(c, ZTJ_CLOCK, NULL);
		return;
	}
	if (r != ZTJ_OK)
		ztj_pam_deny(c, r, c->answer.text);
	else if (touched(c, &c->answer))
		admit(c, s);
	else
		ztj_stepup_begin(c, s);
}
