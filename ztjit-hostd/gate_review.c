/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Running sessions judged anew whenever anything changes, their ends, and the warnings before them. */
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"

#define HOUSEKEEPING 30 /* seconds between looks when nothing else is due */

/* ---- the question ---- */

/* Is this grant the session's, or one that extends it? */
static bool carries(struct ztj_gate *g, const struct ztj_session *s, const struct ztj_store_grant *grant)
{
	struct ztj_store_grant at = *grant;

	for (unsigned depth = 0; depth <= ZTJ_CHAIN_MAX; depth++) {
		if (memcmp(at.id, s->grant, ZTJ_DIGEST_LEN) == 0)
			return true;
		if (!at.has_follows || !ztj_store_find(g->store, at.follows, &at))
			return false;
	}
	return false;
}

/* A session is judged for what it is, and for the root that shares its cgroup (gate_shared.c). */
enum part { ITSELF, ROOT_IN_IT };

static void ask_about(struct ztj_gate *g, const struct ztj_session *s, enum part part, struct ztj_question *q)
{
	struct ztj_session *top = ztj_sessions_top(g->sessions, ztj_sessions_get(g->sessions, s->no));
	bool login = s->parent == 0 && part == ITSELF;
	uint32_t gid;

	ztj_gate_question(g, login ? ZTJ_USE_LOGIN : ZTJ_USE_BECOME, part == ITSELF ? s->service : "sudo", q);
	q->account = part == ITSELF ? s->account : "root";
	q->peer = s->peer[0] != '\0' ? s->peer : NULL;
	if (login) {
		q->certified = &s->certified;
		q->has_uid = ztj_gate_account(g, s->account, &q->uid, &gid);
	} else {
		q->person = s->person;
		q->has_uid = top != NULL || s->stays;
		q->uid = top != NULL ? top->uid : s->uid;
	}
	/* Whether it is recorded is watched all the time (gate_strays.c, gate_records.c), and not by who has which shell now. */
	q->has_recorder = q->recorded = true;
}

/* The best answer among the session's grant and those that extend it. */
static int judge_part(struct ztj_gate *g, const struct ztj_session *s, enum part part,
    struct ztj_answer *best)
{
	struct ztj_answer *a = malloc(sizeof(*a));
	struct ztj_question q;

	memset(best, 0, sizeof(*best));
	best->code = ZTJ_NO_GRANT;
	if (a == NULL)
		return best->code = ZTJ_NOMEM;
	ask_about(g, s, part, &q);
	for (size_t i = 0; i < ztj_store_count(g->store); i++) {
		const struct ztj_bundle *b;
		struct ztj_store_grant grant;
		bool own;
		ztj_store_at(g->store, i, &grant);
		/* What stays may stay by any grant of its person. */
		if (strcmp(grant.who, s->person) != 0 || !(s->stays || carries(g, s, &grant)) ||
		    ztj_store_bundle(g->store, grant.id, &b) != ZTJ_OK)
			continue;
		own = memcmp(grant.id, s->grant, ZTJ_DIGEST_LEN) == 0;
		q.window = grant.window;
		ztj_decide(g->trust, b, &q, a);
		if ((a->code == ZTJ_OK && (best->code != ZTJ_OK || a->ends > best->ends)) ||
		    (a->code != ZTJ_OK && best->code != ZTJ_OK && own))
			*best = *a;
	}
	free(a);
	return best->code;
}

/* A partition ends nobody's work before its time unless the rule says so; nor does one signer's newer news. */
bool ztj_session_lets_run(const struct ztj_answer *a)
{
	if (a->code == ZTJ_SEEN_AHEAD)
		return true;
	return a->code == ZTJ_STALE && a->grant.rule != NULL && a->grant.rule->on_stale != ZTJ_STALE_KILL;
}

int ztj_session_judge(struct ztj_gate *g, const struct ztj_session *s, struct ztj_answer *best)
{
	if (s->became_root && judge_part(g, s, ROOT_IN_IT, best) != ZTJ_OK && !ztj_session_lets_run(best))
		return best->code;
	/* What is recorded is there by the grant of the session around. */
	while (s->recorded && ztj_sessions_get(g->sessions, s->parent) != NULL)
		s = ztj_sessions_get(g->sessions, s->parent);
	return judge_part(g, s, ITSELF, best);
}

/* ---- the answer ---- */

/* For whoever ends it when this process cannot. */
static void new_end(struct ztj_gate *g, struct ztj_session *s)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_END_AT, .session = s->no, .at = s->end_boot };

	if (!s->placed)
		return;
	ztj_session_keep(g, s);
	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

void ztj_session_set_end(struct ztj_gate *g, struct ztj_session *s, int64_t ends)
{
	struct ztj_now now;
	int64_t left, boot, before;

	ztj_gate_now(g, &now);
	left = ends - ztj_clockmark_end(&g->clock, now);
	boot = now.boot + (left > 0 ? left : 0);
	before = s->end_boot;
	/* A later end is an extension; anything else may only shorten, whatever the wall clock does. */
	if (ends > s->ends) {
		s->warned = 0;
		s->end_boot = boot;
	} else if (boot < s->end_boot) {
		s->end_boot = boot;
	}
	s->ends = ends;
	if (s->end_boot != before)
		new_end(g, s);
}

/* What is recorded ends with the session around it. */
static void follow(struct ztj_gate *g, struct ztj_session *s)
{
	const struct ztj_session *around = ztj_sessions_get(g->sessions, s->parent);

	if (around == NULL)
		return;
	memcpy(s->grant, around->grant, ZTJ_DIGEST_LEN);
	s->ends = around->ends;
	if (s->end_boot != around->end_boot) {
		s->end_boot = around->end_boot;
		new_end(g, s);
	}
}

/* With on_stale = "kill" it ends when the last status is too old; a newer one moves that. */
static void set_stale(struct ztj_gate *g, struct ztj_session *s, const struct ztj_answer *a)
{
	struct ztj_now now;
	int64_t left;

	s->stale_boot = 0;
	if (a->grant.rule == NULL || a->grant.rule->on_stale != ZTJ_STALE_KILL)
		return;
	ztj_gate_now(g, &now);
	left = ztj_trust_fresh(g->trust) + a->grant.rule->freshness - ztj_clockmark_end(&g->clock, now);
	s->stale_boot = now.boot + (left > 0 ? left : 0) + 1;
}

static void review_one(struct ztj_gate *g, struct ztj_session *s, struct ztj_answer *a)
{
	struct ztj_now now;
	int code;

	if (s->recorded)
		follow(g, s);
	code = ztj_session_judge(g, s, a);
	ztj_gate_now(g, &now);
	if (code == ZTJ_OK && !s->recorded) {
		memcpy(s->grant, a->request, ZTJ_DIGEST_LEN);
		if (ztj_store_shorten(g->store, s->grant, a->starts, a->ends) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "a window could not be stored");
		ztj_session_set_end(g, s, a->ends);
		set_stale(g, s, a);
	}
	if (s->resume_by != 0 && now.boot >= s->resume_by)
		ztj_session_end(g, s, ZTJ_RECORD_GONE);
	else if (now.boot >= s->end_boot || ztj_clockmark_end(&g->clock, now) >= s->ends)
		ztj_session_end(g, s, ZTJ_ENDED);
	else if (code != ZTJ_OK && !ztj_session_lets_run(a))
		ztj_session_end(g, s, code);
}

/* ---- timers ---- */

static void warn(struct ztj_gate *g, struct ztj_session *s, int64_t left)
{
	const struct ztj_session *around = ztj_sessions_get(g->sessions, s->parent);
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_WARN, .session = s->no };

	/* The warning of the session around reaches these terminals too. */
	if (around != NULL && around->end_boot <= s->end_boot)
		return;
	memcpy(m.grant, s->grant, sizeof(m.grant));
	if (left <= 60 && (s->warned & 2) == 0)
		m.text = ZTJ_TEXT_ONE_MINUTE;
	else if (left <= 300 && left > 60 && (s->warned & 1) == 0)
		m.text = ZTJ_TEXT_FIVE_MINUTES;
	else
		return;
	s->warned |= left <= 60 ? 3 : 1;
	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

static void sooner(int64_t *at, int64_t when, int64_t done)
{
	if (when > done && when < *at)
		*at = when;
}

/*
 * Wakes at the next end or warning, by the boot clock, which nobody sets. What came since the last review began may have been missed by
 * it, and is due at once.
 */
void ztj_sessions_arm(struct ztj_gate *g)
{
	struct itimerspec ts = { .it_value = { 0, 0 } };
	int64_t at = g->reviewed + HOUSEKEEPING;

	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		const struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->ending)
			continue;
		sooner(&at, s->end_boot, g->reviewed);
		sooner(&at, s->end_boot - 60, g->reviewed);
		sooner(&at, s->end_boot - 300, g->reviewed);
		sooner(&at, s->stale_boot, g->reviewed);
		sooner(&at, s->resume_by, g->reviewed);
	}
	sooner(&at, ztj_stays_next(g), g->reviewed);
	sooner(&at, ztj_names_next(g), INT64_MIN);
	ts.it_value.tv_sec = at;
	if (timerfd_settime(g->boot_timer, TFD_TIMER_ABSTIME, &ts, NULL) != 0)
		ztj_warden_lost(g);
}

/* Only root can leave a cgroup. */
static bool has_root(struct ztj_gate *g)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		const struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->became_root || strcmp(s->account, "root") == 0)
			return true;
	}
	return false;
}

static void look_outside(struct ztj_gate *g)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_OUTSIDE };

	if (g->reviewed - g->looked < HOUSEKEEPING || !has_root(g))
		return;
	g->looked = g->reviewed;
	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

void ztj_sessions_review(struct ztj_gate *g)
{
	struct ztj_answer *a = malloc(sizeof(*a));
	struct ztj_now now;

	if (a == NULL) {
		ztj_warden_lost(g);
		return;
	}
	ztj_gate_now(g, &now);
	g->reviewed = now.boot;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->ending || s->shared)
			continue;
		review_one(g, s, a);
		ztj_gate_now(g, &now);
		if (!s->ending)
			warn(g, s, s->end_boot - now.boot);
	}
	free(a);
	ztj_shared_follow(g);
	ztj_stays_review(g);
	ztj_lost_sweep(g);
	ztj_ended_look(g);
	ztj_sessions_arm(g);
	ztj_strays_watch(g);
	look_outside(g);
}

void ztj_sessions_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;
	uint64_t ticks;
	ssize_t n = read(fd, &ticks, sizeof(ticks));

	(void)what;
	if (fd == g->jump_timer && n < 0) /* ECANCELED: somebody set the clock */
		ztj_log(ZTJ_LOG_WARN, "the system clock was set");
	ztj_gate_save_clock(g, fd == g->jump_timer);
	if (fd == g->jump_timer) {
		struct itimerspec far = { .it_value = { .tv_sec = INT32_MAX } };
		(void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
		ztj_names_review(g);
	} else {
		ztj_names_tick(g);
	}
	ztj_sessions_review(g);
}
