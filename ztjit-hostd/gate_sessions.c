/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Running sessions: their beginning in a cgroup, their review whenever anything changes, their end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define WARDEN_MS 3000
#define HOUSEKEEPING 30 /* seconds between looks when nothing else is due */

/* ---- the warden ---- */

int ztj_warden_ask(struct ztj_gate *g, struct ztj_warden_msg *m, int pidfd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (++g->warden_id == 0)
		g->warden_id = 1;
	m->id = g->warden_id;
	if (pidfd >= 0) {
		struct cmsghdr *c;
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pidfd, sizeof(int));
	}
	return sendmsg(g->fds.warden, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? ZTJ_OK : ZTJ_UNREACHABLE;
}

void ztj_warden_lost(struct ztj_gate *g)
{
	ztj_log(ZTJ_LOG_ERROR, "the warden does not answer");
	g->exit_status = 1;
	(void)event_base_loopbreak(g->base);
}

void ztj_gate_kill_peer(struct ztj_conn *c)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_KILL_PROC };

	if (ztj_warden_ask(c->g, &m, c->pidfd) != ZTJ_OK)
		ztj_warden_lost(c->g);
}

/* ---- ends ---- */

int ztj_session_log(struct ztj_gate *g, const struct ztj_session *s, const char *event, int code)
{
	char grant[ZTJ_HEX_SIZE];
	struct ztj_decision d = { .event = event,
		.code = code,
		.person = s->person,
		.grant = grant,
		.service = s->service,
		.account = s->account,
		.peer = s->peer,
		.tty = s->tty,
		.pid = s->leader.pid,
		/* What is over already, and what ends with another that says so next. */
		.later = (code == ZTJ_OK && strcmp(event, "open") != 0) || s->shared };
	int r;

	ztj_hex(s->grant, ZTJ_DIGEST_LEN, grant);
	ztj_log(ZTJ_LOG_NOTICE, "%s: session %llu of %s as %s: %s", event, (unsigned long long)s->no,
	    s->person, s->account, ztj_err_text(code));
	r = ztj_gate_log(g, &d);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "what became of a session could not be logged");
	return r;
}

/* The kind of reason, for the person at the terminal. */
static uint32_t text_of(int code)
{
	switch (code) {
	case ZTJ_ENDED:
		return ZTJ_TEXT_ENDED;
	case ZTJ_REVOKED:
	case ZTJ_CANCELLED:
	case ZTJ_DENIED:
		return ZTJ_TEXT_REVOKED;
	case ZTJ_KILLED:
		return ZTJ_TEXT_KILLED;
	case ZTJ_STALE:
		return ZTJ_TEXT_STALE;
	case ZTJ_NO_RECORDER:
	case ZTJ_NOT_RECORDED:
	case ZTJ_RECORD_GONE:
		return ZTJ_TEXT_UNRECORDED;
	default:
		return ZTJ_TEXT_REFUSED;
	}
}

void ztj_session_end(struct ztj_gate *g, struct ztj_session *s, int code)
{
	struct ztj_warden_msg warn = { .op = ZTJ_WARDEN_WARN,
		.session = s->no,
		.text = text_of(code),
		/* A recorder that fails shows nothing. */
		.flags = code == ZTJ_RECORD_GONE ? ZTJ_WARN_OUTER : 0 };
	struct ztj_warden_msg kill = { .op = ZTJ_WARDEN_KILL, .session = s->no };
	const struct ztj_session *around = ztj_sessions_get(g->sessions, s->parent);
	bool told = around != NULL && around->ending; /* these terminals too */

	ztj_shared_end(g, s, code);
	(void)ztj_session_log(g, s, "end", code);
	ztj_records_ending(g, s, code);
	s->ending = true;
	if ((!told && ztj_warden_ask(g, &warn, -1) != ZTJ_OK) || ztj_warden_ask(g, &kill, -1) != ZTJ_OK)
		ztj_warden_lost(g);
}

/* ---- review ---- */

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

static void set_end(struct ztj_gate *g, struct ztj_session *s, int64_t ends)
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
		set_end(g, s, a->ends);
	}
	if (now.boot >= s->end_boot || ztj_clockmark_end(&g->clock, now) >= s->ends)
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

static void sooner(int64_t *at, int64_t when, int64_t now)
{
	if (when > now && when < *at)
		*at = when;
}

/* Wakes at the next end or warning, by the boot clock, which nobody sets. */
static void arm(struct ztj_gate *g)
{
	struct itimerspec ts = { .it_value = { 0, 0 } };
	struct ztj_now now;
	int64_t at;

	ztj_gate_now(g, &now);
	at = now.boot + HOUSEKEEPING;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		const struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->ending)
			continue;
		sooner(&at, s->end_boot, now.boot);
		sooner(&at, s->end_boot - 60, now.boot);
		sooner(&at, s->end_boot - 300, now.boot);
	}
	sooner(&at, ztj_stays_next(g), now.boot);
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
	struct ztj_now now;

	ztj_gate_now(g, &now);
	if (now.boot - g->looked < HOUSEKEEPING || !has_root(g))
		return;
	g->looked = now.boot;
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
	arm(g);
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
	}
	ztj_sessions_review(g);
}

/* ---- beginnings ---- */

/* In a cgroup of its own: the verdict follows when the process is there. */
static void begin_apart(struct ztj_conn *c, struct ztj_session *s)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_MAKE,
		.session = s->no,
		.parent = s->parent,
		.at = s->end_boot };
	/* Durable before it takes effect. */
	int r = ztj_pam_log(c, "open", ZTJ_OK, c->answer.text);

	ztj_conn_freeze(c);
	if (r == ZTJ_OK) {
		r = ztj_warden_ask(c->g, &m, c->pidfd);
		if (r != ZTJ_OK)
			ztj_warden_lost(c->g);
	}
	if (r != ZTJ_OK) {
		ztj_session_forget(c->g, s);
		ztj_pam_deny(c, r, NULL);
		return;
	}
	c->waiting = m.id;
	s->making = m.id;
	if (s->parent != 0 && ztj_leader_watch(c, s) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "the end of a sudo will not be logged");
	ztj_conn_deadline(c, WARDEN_MS);
	arm(c->g);
}

void ztj_session_begin(struct ztj_conn *c, const struct ztj_session *like, struct ztj_session *parent)
{
	struct ztj_gate *g = c->g;
	struct ztj_session *s;
	struct ztj_now now;
	int r = ztj_sessions_add(g->sessions, parent, &s);

	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, NULL);
		return;
	}
	ztj_gate_now(g, &now);
	s->since = now.boot;
	s->wants_record = parent == NULL && c->answer.grant.role != NULL &&
	    (c->answer.grant.role->record != ZTJ_RECORD_NONE || c->answer.grant.role->sudo_recorded);
	s->certified = like->certified;
	s->uid = like->uid;
	s->leader = c->proc.id;
	s->ends = INT64_MIN;
	(void)snprintf(s->person, sizeof(s->person), "%s", c->answer.person);
	(void)snprintf(s->service, sizeof(s->service), "%s", c->service);
	(void)snprintf(s->account, sizeof(s->account), "%s", like->account);
	(void)snprintf(s->peer, sizeof(s->peer), "%s", like->peer);
	(void)snprintf(s->tty, sizeof(s->tty), "%s", c->proc.tty);
	memcpy(s->grant, c->answer.request, ZTJ_DIGEST_LEN);
	set_end(g, s, c->answer.ends);
	s->warned = c->answer.ends - ztj_gate_ends_clock(g) <= 60 ? 3
	    : c->answer.ends - ztj_gate_ends_clock(g) <= 300      ? 1
								  : 0;
	c->session = s->no;
	if (parent != NULL && ztj_shared_fits(c, parent))
		ztj_shared_begin(c, s, parent);
	else
		begin_apart(c, s);
}

static struct ztj_conn *waiter(struct ztj_gate *g, uint32_t id)
{
	for (struct ztj_conn *c = g->conns; c != NULL; c = c->next)
		if (id != 0 && c->waiting == id)
			return c;
	return NULL;
}

/* sudo and su show in the record they happen in. */
void ztj_session_note(struct ztj_gate *g, struct ztj_session *s, const char *what)
{
	char text[256];

	if (s->parent == 0 || s->recorded)
		return;
	(void)snprintf(text, sizeof(text), "%s %s: %s as %s", s->service, what, s->person, s->account);
	ztj_records_note(g, s, text);
}

static void made(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	struct ztj_conn *c = waiter(g, m->id);
	struct ztj_session *s = ztj_sessions_get(g->sessions, m->session);
	bool told = false;

	if (s != NULL && m->id != 0 && s->looking == m->id)
		ztj_strays_answer(g, s, m);
	if (s == NULL || s->making != m->id || m->id == 0)
		return; /* a command that nobody waits for */
	s->making = 0;
	s->placed = m->code == ZTJ_OK;
	if (s->recorded) {
		ztj_records_made(g, s, m->code);
		return;
	}
	if (m->code != ZTJ_OK) {
		ztj_session_forget(g, s);
		if (c != NULL) {
			c->waiting = 0;
			ztj_pam_deny(c, m->code, NULL);
		}
		return;
	}
	if (c != NULL) {
		c->waiting = 0;
		g->admissions++;
		ztj_session_keep(g, s); /* before it may do anything */
		told = ztj_conn_verdict(c, ZTJ_OK, "");
		ztj_session_note(g, s, "begins");
	}
	/* Whoever asked is gone (P12): what was not told yes must not go on. */
	if (!told)
		ztj_session_end(g, s, ZTJ_UNREACHABLE);
	else
		ztj_sessions_review(g); /* news may have come while the warden worked */
}

static void emptied(struct ztj_gate *g, uint64_t no)
{
	struct ztj_session *s = ztj_sessions_get(g->sessions, no), was;

	if (s == NULL)
		return;
	ztj_shared_gone(g, s);
	ztj_session_note(g, s, "is over");
	(void)ztj_session_log(g, s, "gone", ZTJ_OK);
	ztj_session_unkeep(g, s);
	ztj_touch_forget(g, no);
	was = *s;
	ztj_session_forget(g, s);
	ztj_stay_add(g, &was);
	arm(g);
}

void ztj_warden_answer(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;
	struct ztj_warden_msg m;
	ssize_t n = recv(fd, &m, sizeof(m), MSG_DONTWAIT);

	(void)what;
	if (n != (ssize_t)sizeof(m)) {
		ztj_warden_lost(g);
		return;
	}
	if (m.op == ZTJ_WARDEN_EMPTY)
		emptied(g, m.session);
	else if (m.op == ZTJ_WARDEN_FOUND)
		ztj_kept_found(g, &m);
	else if (m.op == ZTJ_WARDEN_SWEPT)
		ztj_swept(g, &m);
	else if (m.op == ZTJ_WARDEN_ESCAPED)
		ztj_escaped(g, &m);
	else if (m.op == ZTJ_WARDEN_DONE && m.id != 0 && m.id == g->sweeping.id)
		ztj_swept_all(g);
	else if (m.op == ZTJ_WARDEN_DONE && m.id == 0)
		ztj_kept_all_found(g);
	else if (m.op == ZTJ_WARDEN_DONE)
		made(g, &m);
}
