/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The sudo or su that leads a session inside another: the kernel says when it ends, so that nobody need wait for us then,
 * and one that is killed is no exception.
 */
#include <unistd.h>

#include "ztjit-hostd/gate.h"

static void unwatch(struct ztj_session *s)
{
	if (s->leaving != NULL)
		event_free(s->leaving);
	if (s->leader_fd >= 0)
		(void)close(s->leader_fd);
	s->leaving = NULL;
	s->leader_fd = -1;
}

void ztj_session_forget(struct ztj_gate *g, struct ztj_session *s)
{
	unwatch(s);
	ztj_sessions_remove(g->sessions, s->no);
}

/* With a cgroup of its own, what it left running is still its own until that is empty. */
static void on_leaving(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;

	(void)what;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->leader_fd != fd)
			continue;
		(void)ztj_session_log(g, s, "close", ZTJ_OK);
		if (s->shared) {
			ztj_session_note(g, s, "is over");
			ztj_session_forget(g, s);
		} else {
			unwatch(s);
		}
		return;
	}
}

/* A pidfd becomes readable when its process ends. */
int ztj_leader_watch(struct ztj_conn *c, struct ztj_session *s)
{
	s->leader_fd = c->pidfd;
	c->pidfd = -1;
	s->leaving = event_new(c->g->base, s->leader_fd, EV_READ, on_leaving, c->g);
	return s->leaving == NULL || event_add(s->leaving, NULL) != 0 ? ZTJ_NOMEM : ZTJ_OK;
}

void ztj_leader_drop(struct ztj_gate *g)
{
	for (size_t i = 0; g->sessions != NULL && i < ztj_sessions_count(g->sessions); i++)
		unwatch(ztj_sessions_at(g->sessions, i));
}
