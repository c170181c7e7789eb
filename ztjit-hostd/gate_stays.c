/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Accounts that somebody was let into. When a session is over its grant may still run, and what it left elsewhere with it (linger, at, cron,
 * a user manager): the session stays in mind as long as its person might still have that account. With the last of them, what else
 * runs as the account outside live sessions is killed (R07). Service accounts and root are not touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"

#define SERVICE_UIDS 1000 /* below: accounts of the system (UID_MIN of login.defs) */

static bool kept(const struct ztj_gate *g, const char *account, uint32_t uid)
{
	if (uid < SERVICE_UIDS)
		return true;
	for (size_t i = 0; i < g->conf->keep_accounts.n; i++)
		if (strcmp(g->conf->keep_accounts.s[i], account) == 0)
			return true;
	return false;
}

/* ---- keeping in mind ---- */

static bool same(const struct ztj_session *a, const struct ztj_session *b)
{
	return strcmp(a->account, b->account) == 0 && strcmp(a->person, b->person) == 0 &&
	    strcmp(a->service, b->service) == 0 && strcmp(a->peer, b->peer) == 0 &&
	    memcmp(a->grant, b->grant, ZTJ_DIGEST_LEN) == 0;
}

int ztj_stay_restore(struct ztj_gate *g, const struct ztj_session *s)
{
	struct ztj_session *copy;

	if (g->nstays == ZTJ_STAYS)
		return ZTJ_LIMIT;
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return ZTJ_NOMEM;
	*copy = *s;
	copy->stays = true;
	copy->leader_fd = -1;
	copy->leaving = NULL;
	g->stay[g->nstays++] = copy;
	return ZTJ_OK;
}

static void drop(struct ztj_gate *g, size_t i)
{
	free(g->stay[i]);
	g->stay[i] = g->stay[--g->nstays];
}

void ztj_stays_free(struct ztj_gate *g)
{
	while (g->nstays > 0)
		free(g->stay[--g->nstays]);
}

/* ---- the end ---- */

bool ztj_stay_anybody(struct ztj_gate *g, const char *account)
{
	for (size_t i = 0; i < g->nstays; i++)
		if (strcmp(g->stay[i]->account, account) == 0)
			return true;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++)
		if (strcmp(ztj_sessions_at(g->sessions, i)->account, account) == 0)
			return true;
	return false;
}

void ztj_stay_sweep(struct ztj_gate *g, const char *account, uint32_t uid)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = uid };

	if (kept(g, account, uid))
		return;
	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_warden_lost(g);
	g->sweeping.id = m.id;
}

/* Whose processes they are. Meanwhile the account may be gone, not be published any more, or have become another's of that name:
 * what was started in it has the uid that it was let in with. */
static bool uid_of(struct ztj_gate *g, const struct ztj_session *s, uint32_t *uid)
{
	uint32_t gid;

	*uid = s->uid;
	return s->parent == 0 || ztj_gate_account(g, s->account, uid, &gid);
}

static void last_ended(struct ztj_gate *g, const struct ztj_session *s)
{
	uint32_t uid;

	if (!uid_of(g, s, &uid))
		return;
	if (kept(g, s->account, uid)) {
		ztj_log(ZTJ_LOG_NOTICE, "the last grant for %s has ended; what it runs is left alone",
		    s->account);
		return;
	}
	ztj_log(ZTJ_LOG_NOTICE, "the last grant for %s has ended", s->account);
	ztj_stay_sweep(g, s->account, uid);
	ztj_ended_add(g, s);
}

static bool over(struct ztj_gate *g, struct ztj_session *s, struct ztj_answer *a)
{
	struct ztj_now now;
	int code = ztj_session_judge(g, s, a);

	ztj_gate_now(g, &now);
	if (code == ZTJ_OK) {
		/* It may stay by another grant than the one it had. */
		s->end_boot = now.boot + (a->ends - ztj_clockmark_end(&g->clock, now));
		return false;
	}
	/* It has begun; after a boot the clock for that may be behind until the broker is heard. */
	return (!ztj_session_lets_run(a) && code != ZTJ_NOT_STARTED) || now.boot >= s->end_boot;
}

bool ztj_stay_add(struct ztj_gate *g, const struct ztj_session *s)
{
	struct ztj_session copy = *s;
	struct ztj_answer *a;
	uint32_t uid;
	bool ended;

	if (s->recorded || s->shared || !uid_of(g, s, &uid) || uid == 0)
		return false;
	for (size_t i = 0; i < g->nstays; i++)
		if (same(g->stay[i], s))
			return false;
	copy.stays = true;
	a = malloc(sizeof(*a));
	ended = a == NULL || over(g, &copy, a);
	free(a);
	if (ended) {
		if (!ztj_stay_anybody(g, s->account))
			last_ended(g, s);
		return false;
	}
	if (ztj_stay_restore(g, &copy) != ZTJ_OK) {
		ztj_gate_alarm(g, ZTJ_LIMIT, "what a session leaves behind will not be looked for");
		return false;
	}
	ztj_session_keep(g, g->stay[g->nstays - 1]);
	return true;
}

void ztj_stays_review(struct ztj_gate *g)
{
	struct ztj_answer *a = g->nstays == 0 ? NULL : malloc(sizeof(*a));

	for (size_t i = 0; a != NULL && i < g->nstays;) {
		struct ztj_session s;
		if (!over(g, g->stay[i], a)) {
			i++;
			continue;
		}
		s = *g->stay[i];
		drop(g, i);
		if (!ztj_stay_anybody(g, s.account))
			last_ended(g, &s);
		/* Last: a restart in between repeats the above. */
		ztj_session_unkeep(g, &s);
	}
	free(a);
}

int64_t ztj_stays_next(const struct ztj_gate *g)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < g->nstays; i++)
		if (g->stay[i]->end_boot > g->reviewed && g->stay[i]->end_boot < at)
			at = g->stay[i]->end_boot;
	return at;
}

/* ---- the warden's word ---- */

/* A process may call itself anything. */
static void clean_name(const struct ztj_warden_msg *m, char out[sizeof(m->name)])
{
	size_t i = 0;

	for (; i < sizeof(m->name) - 1 && m->name[i] != '\0'; i++)
		out[i] = (char)(m->name[i] > ' ' && m->name[i] < 127 ? m->name[i] : '?');
	out[i] = '\0';
}

void ztj_swept(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	char name[sizeof(m->name)];
	size_t at;

	if (g->sweeping.uid != (uint32_t)m->session)
		ztj_swept_all(g); /* one sweep after another */
	at = strlen(g->sweeping.text);
	clean_name(m, name);
	g->sweeping.uid = (uint32_t)m->session;
	if (g->sweeping.n++ < ZTJ_SWEPT_NAMED)
		(void)snprintf(g->sweeping.text + at, sizeof(g->sweeping.text) - at, "%s%u %s",
		    at > 0 ? ", " : "", (unsigned)m->n, name);
}

void ztj_swept_all(struct ztj_gate *g)
{
	char account[ZTJ_ACCOUNT_SIZE] = "?", text[sizeof(g->sweeping.text) + 160];

	if (g->sweeping.n == 0)
		return;
	(void)ztj_gate_name_of(g, g->sweeping.uid, account);
	(void)snprintf(text, sizeof(text), "the last grant for %s has ended; killed %u processes of it: %s%s",
	    account, g->sweeping.n, g->sweeping.text, g->sweeping.n > ZTJ_SWEPT_NAMED ? ", ..." : "");
	ztj_gate_alarm(g, ZTJ_ENDED, text);
	g->sweeping.n = 0;
	g->sweeping.text[0] = '\0';
}

void ztj_escaped(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	const struct ztj_session *s = ztj_sessions_get(g->sessions, m->session);
	char name[sizeof(m->name)], text[512];

	clean_name(m, name);
	(void)snprintf(text, sizeof(text), "process %u (%s) left session %llu of %s", (unsigned)m->n, name,
	    (unsigned long long)m->session, s != NULL ? s->person : "somebody who is gone");
	ztj_gate_alarm(g, ZTJ_ESCAPED, text);
}
