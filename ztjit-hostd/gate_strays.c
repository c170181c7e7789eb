/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A login by a role that is recorded holds sshd and recorders, and what recorders record is in cgroups below it. Whatever else
 * stands directly in its cgroup runs unrecorded, however it came there, and ends the session.
 */
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"

#define LOOK_SECONDS 2

static bool watched(const struct ztj_session *s)
{
	return s->wants_record && !s->ending && s->making == 0;
}

void ztj_strays_watch(struct ztj_gate *g)
{
	const struct timeval tv = { .tv_sec = LOOK_SECONDS };

	if (evtimer_pending(g->strays, NULL))
		return;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++)
		if (watched(ztj_sessions_at(g->sessions, i))) {
			if (evtimer_add(g->strays, &tv) != 0)
				ztj_warden_lost(g); /* nobody would notice */
			return;
		}
}

void ztj_strays_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		struct ztj_warden_msg m = { .op = ZTJ_WARDEN_STRAYS, .session = s->no };
		if (!watched(s) || s->looking != 0)
			continue;
		if (ztj_warden_ask(g, &m, -1) != ZTJ_OK) {
			ztj_warden_lost(g);
			return;
		}
		s->looking = m.id;
	}
	ztj_strays_watch(g);
}

void ztj_strays_answer(struct ztj_gate *g, struct ztj_session *s, const struct ztj_warden_msg *m)
{
	struct ztj_now now;

	s->looking = 0;
	ztj_gate_now(g, &now);
	if (s->ending || m->code == ZTJ_NOT_FOUND)
		return; /* gone meanwhile; its EMPTY follows */
	if (m->code == ZTJ_OK && m->n == 0)
		return;
	/* Whoever could still become recorded is waited for. */
	if ((m->flags & ZTJ_STRAYS_NEVER) == 0 && now.boot - s->since < ZTJ_STRAYS_GRACE)
		return;
	ztj_log(ZTJ_LOG_WARN, "session %llu: %u processes beside the recorder", (unsigned long long)s->no,
	    (unsigned)m->n);
	ztj_session_end(g, s, ZTJ_NO_RECORDER);
}
