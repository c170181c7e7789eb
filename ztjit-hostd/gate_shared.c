/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * sudo and su to root by the very grant that the session around runs on. They stay in its cgroup: whatever ends
 * the one ends the other, and moving a process takes the kernel longer than everything else here together.
 *
 * What such a sudo leaves running cannot be told from the session's other processes. So the session remembers that
 * its person became root in it, and from then on is judged for that too, whole, until its cgroup is empty.
 */
#include <stdio.h>
#include <string.h>

#include "ztjit-hostd/gate.h"

/*
 * Only root: whoever else is a lesser account could reach into its processes, and a step-up counts for a cgroup. Only
 * when nothing of it ends earlier.
 */
bool ztj_shared_fits(const struct ztj_conn *c, const struct ztj_session *holder)
{
	return strcmp(c->user, "root") == 0 &&
	    memcmp(c->answer.request, holder->grant, ZTJ_DIGEST_LEN) == 0 && c->answer.ends >= holder->ends;
}

void ztj_shared_begin(struct ztj_conn *c, struct ztj_session *s, struct ztj_session *holder)
{
	struct ztj_warden_msg kill = { .op = ZTJ_WARDEN_KILL_PROC };
	struct ztj_gate *g = c->g;
	int r = ztj_leader_watch(c, s);

	s->shared = true;
	(void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", holder->cgroup);
	if (r == ZTJ_OK)
		r = ztj_pam_log(c, "open", ZTJ_OK, c->answer.text);
	if (r != ZTJ_OK) {
		ztj_session_forget(g, s);
		ztj_pam_deny(c, r, NULL);
		return;
	}
	if (!holder->became_root) {
		holder->became_root = true;
		ztj_session_keep(g, holder);
	}
	ztj_session_note(g, s, "begins");
	if (ztj_conn_verdict(c, ZTJ_OK, ""))
		return;
	/* Whoever asked is gone (P12): what was not told yes must not go on. */
	(void)ztj_session_log(g, s, "end", ZTJ_UNREACHABLE);
	if (ztj_warden_ask(g, &kill, s->leader_fd) != ZTJ_OK)
		ztj_warden_lost(g);
	ztj_session_forget(g, s);
}

void ztj_shared_end(struct ztj_gate *g, const struct ztj_session *holder, int code)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (!s->shared || s->parent != holder->no || s->ending)
			continue;
		s->ending = true;
		(void)ztj_session_log(g, s, "end", code);
	}
}

void ztj_shared_gone(struct ztj_gate *g, const struct ztj_session *holder)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions);) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->shared && s->parent == holder->no) {
			ztj_session_note(g, s, "is over");
			(void)ztj_session_log(g, s, "gone", ZTJ_OK);
			ztj_session_forget(g, s); /* another is at i now */
		} else {
			i++;
		}
	}
}

void ztj_shared_follow(struct ztj_gate *g)
{
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++) {
		struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		const struct ztj_session *holder = s->shared ? ztj_sessions_get(g->sessions, s->parent)
							     : NULL;
		if (holder == NULL)
			continue;
		memcpy(s->grant, holder->grant, ZTJ_DIGEST_LEN);
		s->ends = holder->ends;
	}
}
