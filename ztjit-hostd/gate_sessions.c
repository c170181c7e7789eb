/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Running sessions: their beginning in a cgroup, their end. gate_review.c judges them in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define WARDEN_MS 3000

/* ---- the warden ---- */

int ztj_warden_ask(struct ztj_gate *g, struct ztj_warden_msg *m, int with)
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
	if (with >= 0) {
		struct cmsghdr *c;
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &with, sizeof(int));
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

struct ztj_session *ztj_gate_session_of(struct ztj_gate *g, const struct ztj_procinfo *p, bool *inside)
{
	return g->conf->by_audit ? ztj_sessions_by_descent(g->sessions, p, inside)
				 : ztj_sessions_by_cgroup(g->sessions, p->cgroup, inside);
}

/* ---- ends ---- */

/* Of the login that it is, or that it is inside of. */
static const char *login_key(struct ztj_gate *g, const struct ztj_session *s, char out[ZTJ_FINGERPRINT_SIZE])
{
	const struct ztj_session *login = s;

	for (int depth = 0; depth < 16 && login->parent != 0; depth++) {
		const struct ztj_session *around = ztj_sessions_get(g->sessions, login->parent);

		if (around == NULL)
			break;
		login = around;
	}
	if (login->certified.type == ZTJ_KEY_NONE || ztj_key_fingerprint(&login->certified, out) != ZTJ_OK)
		return NULL;
	return out;
}

int ztj_session_log(struct ztj_gate *g, const struct ztj_session *s, const char *event, int code)
{
	char grant[ZTJ_HEX_SIZE], key[ZTJ_FINGERPRINT_SIZE];
	struct ztj_decision d = { .event = event,
		.code = code,
		.key = login_key(g, s, key),
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
	ztj_sessions_arm(c->g);
}

int ztj_session_room(struct ztj_gate *g, const char *person)
{
	size_t n = 0;

	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++)
		n += strcmp(ztj_sessions_at(g->sessions, i)->person, person) == 0;
	return n < ZTJ_SESSIONS_MAX / 2 ? ZTJ_OK : ZTJ_LIMIT;
}

void ztj_session_begin(struct ztj_conn *c, const struct ztj_session *like, struct ztj_session *parent)
{
	struct ztj_gate *g = c->g;
	struct ztj_session *s;
	struct ztj_now now;
	int r = ztj_session_room(g, c->answer.person);

	if (r == ZTJ_OK)
		r = ztj_sessions_add(g->sessions, parent, &s);
	if (r != ZTJ_OK) {
		ztj_pam_deny(c, r, NULL);
		return;
	}
	ztj_gate_now(g, &now);
	s->since = now.boot;
	s->wants_record = parent == NULL && c->answer.grant.role != NULL &&
	    ztj_decide_wants_record(c->answer.grant.role);
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
	ztj_session_set_end(g, s, c->answer.ends);
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
	s->audit = m->n;
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
		ztj_ended_back(g, s->account);
		ztj_offer_drop(g, s->leader);
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
	ztj_touch_forget(g, no);
	was = *s;
	ztj_session_forget(g, s);
	/* Its file goes last, or becomes that of the stay: a restart in between finds it, and no process. */
	if (!ztj_stay_add(g, &was))
		ztj_session_unkeep(g, &was);
	ztj_sessions_arm(g);
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
	else if (m.op == ZTJ_WARDEN_DONE && !ztj_names_done(g, &m) && !ztj_lost_done(g, &m))
		made(g, &m);
}
