/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Connections of the gate: who it is, whole messages in, deadlines. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

static size_t input_max(enum ztj_conn_kind kind)
{
	return kind == ZTJ_CONN_CONTROL ? ZTJ_IPC_MAX : 200u * 1024u;
}

void ztj_conn_close(struct ztj_conn *c)
{
	struct ztj_conn **at;

	for (at = &c->g->conns; *at != NULL && *at != c; at = &(*at)->next)
		;
	if (*at == c) {
		*at = c->next;
		c->g->nconns--;
	}
	ztj_stepup_free(c);
	if (c->g->standing == c)
		c->g->standing = NULL;
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->deadline != NULL)
		event_free(c->deadline);
	ztj_ipc_in_free(&c->in);
	ztj_buf_free(&c->info);
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	if (c->sock >= 0)
		(void)close(c->sock);
	free(c);
}

void ztj_conn_deadline(struct ztj_conn *c, int64_t ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	(void)evtimer_add(c->deadline, &tv);
}

bool ztj_conn_send(struct ztj_conn *c, struct ztj_buf *msg)
{
	int r = ztj_ipc_finish(msg);

	/* A peer that does not read what it asked for is not waited for. */
	if (r == ZTJ_OK)
		r = ztj_ipc_send(c->sock, ztj_buf_view(msg), -1, ztj_ipc_now_ms());
	ztj_buf_free(msg);
	if (r == ZTJ_OK)
		return true;
	ztj_conn_close(c);
	return false;
}

bool ztj_conn_verdict(struct ztj_conn *c, int code, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_VERDICT) != ZTJ_OK)
		code = ZTJ_INTERNAL;
	(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	(void)ztj_buf_put_string(&b, text, strnlen(text, ZTJ_TEXT_MAX));
	if (!ztj_conn_send(c, &b))
		return false;
	ztj_conn_close(c);
	return true;
}

bool ztj_conn_prompt(struct ztj_conn *c, const char *text, uint32_t seconds)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_PROMPT) != ZTJ_OK) {
		ztj_conn_close(c);
		return false;
	}
	(void)ztj_buf_put_string(&b, text, strnlen(text, ZTJ_TEXT_MAX));
	(void)ztj_buf_put_u32(&b, seconds);
	return ztj_conn_send(c, &b);
}

static void on_message(struct ztj_conn *c)
{
	switch (c->kind) {
	case ZTJ_CONN_PAM:
		ztj_pam_message(c);
		return;
	case ZTJ_CONN_PRINCIPALS:
		ztj_principals_message(c);
		return;
	case ZTJ_CONN_CONTROL:
		ztj_control_message(c);
		return;
	}
	ztj_conn_close(c);
}

static void on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct ztj_conn *c = arg;
	int r = ztj_ipc_read(sock, &c->in, c->state == ZTJ_ST_AGENT || c->kind == ZTJ_CONN_CONTROL);

	(void)what;
	if (r == ZTJ_TIMEOUT)
		return;
	/* Out of turn, malformed, or gone: this peer and nothing else (P12). */
	if (r != ZTJ_OK || c->state == ZTJ_ST_NOTHING) {
		ztj_conn_close(c);
		return;
	}
	on_message(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_conn *c = arg;

	(void)fd;
	(void)what;
	if (c->kind == ZTJ_CONN_PAM && c->call != 0)
		ztj_pam_deny(c, c->stepup != NULL ? ZTJ_STEPUP_TIMEOUT : ZTJ_TIMEOUT, NULL);
	else
		ztj_conn_close(c);
}

static bool may_talk(const struct ztj_gate *g, enum ztj_conn_kind kind, uid_t uid)
{
	if (uid == g->env.root)
		return true;
	return kind == ZTJ_CONN_PRINCIPALS && uid == g->env.principals;
}

static int conn_new(struct ztj_gate *g, enum ztj_conn_kind kind, int sock, struct ztj_conn **out)
{
	struct ztj_conn *c = calloc(1, sizeof(*c));
	uid_t uid = (uid_t)-1;
	int r;

	*out = NULL;
	if (c == NULL) {
		(void)close(sock);
		return ZTJ_NOMEM;
	}
	c->g = g;
	c->kind = kind;
	c->sock = sock;
	c->pidfd = -1;
	ztj_ipc_in_init(&c->in, input_max(kind));
	ztj_buf_init(&c->info, 200u * 1024u);
	c->next = g->conns;
	g->conns = c;
	g->nconns++;
	r = ztj_proc_peer(sock, &c->pidfd, &c->pid, &uid);
	if (r == ZTJ_OK && !may_talk(g, kind, uid)) {
		ztj_log(ZTJ_LOG_WARN, "uid %u may not ask here", (unsigned)uid);
		r = ZTJ_FORBIDDEN;
	}
	/* For PAM the process is read when its question is there, at the moment of the decision. */
	if (r == ZTJ_OK && kind != ZTJ_CONN_PAM)
		r = g->env.read_proc(c->pidfd, c->pid, &c->proc);
	if (r == ZTJ_OK) {
		c->readable = event_new(g->base, sock, EV_READ | EV_PERSIST, on_readable, c);
		c->deadline = evtimer_new(g->base, on_deadline, c);
		r = c->readable == NULL || c->deadline == NULL || event_add(c->readable, NULL) != 0
		    ? ZTJ_NOMEM
		    : ZTJ_OK;
	}
	if (r != ZTJ_OK) {
		ztj_conn_close(c);
		return r;
	}
	*out = c;
	return ZTJ_OK;
}

void ztj_conn_accept(evutil_socket_t listener, short what, void *arg)
{
	struct ztj_gate *g = arg;
	enum ztj_conn_kind kind = listener == g->fds.pam ? ZTJ_CONN_PAM
	    : listener == g->fds.principals              ? ZTJ_CONN_PRINCIPALS
							 : ZTJ_CONN_CONTROL;
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ztj_conn *c;
	int r;

	(void)what;
	if (sock < 0)
		return;
	if (g->nconns >= ZTJ_CONNS_MAX) {
		ztj_log(ZTJ_LOG_WARN, "too many connections");
		(void)close(sock);
		return;
	}
	r = conn_new(g, kind, sock, &c);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "a peer was refused: %s", ztj_err_name(r));
	else
		ztj_conn_deadline(c, ZTJ_QUESTION_MS);
}
