/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Memberships that are over while their person is still here, by another grant. What runs keeps the groups that the kernel holds for it, and nobody
 * can take them from it: so whatever of that person is still in the group is killed, in whichever session (P3).
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/published.h"

static void ask(struct ztj_gate *g, const struct ztj_lost *l)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP_GROUP, .n = l->uid, .flags = l->gid };
	struct ztj_lost *told = &g->pub->told[g->pub->ntold++ % ZTJ_LOST_MAX];

	if (ztj_warden_ask(g, &m, -1) != ZTJ_OK)
		ztj_warden_lost(g);
	*told = *l;
	told->id = m.id;
}

void ztj_lost_add(struct ztj_gate *g, const char *person, uint32_t gid)
{
	const struct ztj_id *group = ztj_idbook_of(&g->pub->book, gid);
	struct ztj_lost l = { .gid = gid };

	/* In a group that the machine has by itself they may be for good. Without a session of theirs there is nothing to look through. */
	if (group == NULL || group->kind != ZTJ_ID_GROUP || group->state != ZTJ_ID_SHOWN ||
	    !ztj_names_given(g, person, &l.uid) || !ztj_stay_anybody(g, person))
		return;
	if (g->pub->nlost == ZTJ_LOST_MAX) {
		ask(g, &l); /* too many to wait */
		return;
	}
	g->pub->lost[g->pub->nlost++] = l;
}

/* What is being ended anyway, with the session or with the account's last grant, has a reason of its own. */
static bool goes_on(struct ztj_gate *g, uint32_t uid)
{
	const struct ztj_id *e = ztj_idbook_of(&g->pub->book, uid);

	for (size_t i = 0; e != NULL && i < ztj_sessions_count(g->sessions); i++) {
		const struct ztj_session *s = ztj_sessions_at(g->sessions, i);
		if (s->parent == 0 && !s->ending && strcmp(s->account, e->name) == 0)
			return true;
	}
	for (size_t i = 0; e != NULL && i < g->nstays; i++)
		if (strcmp(g->stay[i]->account, e->name) == 0)
			return true;
	return false;
}

void ztj_lost_sweep(struct ztj_gate *g)
{
	for (size_t i = 0; i < g->pub->nlost; i++)
		if (goes_on(g, g->pub->lost[i].uid))
			ask(g, &g->pub->lost[i]);
	g->pub->nlost = 0;
}

static bool holds(const struct ztj_pub *p, const char *person, const char *group)
{
	for (size_t i = 0; i < p->nheld; i++)
		if (strcmp(p->held[i].person, person) == 0 && strcmp(p->held[i].group, group) == 0)
			return true;
	return false;
}

static void look_at(struct ztj_gate *g, const struct ztj_session *s)
{
	const struct ztj_idbook *book = &g->pub->book;

	if (s->parent != 0 || s->shared || strcmp(ztj_fullname_tail(s->person), s->account) != 0)
		return;
	for (size_t i = 0; i < book->n; i++)
		if (book->e[i].kind == ZTJ_ID_GROUP && !holds(g->pub, s->account, book->e[i].name))
			ztj_lost_add(g, s->account, book->e[i].id);
}

/* Who was in what before is not known; who should not be in what is. */
void ztj_lost_before(struct ztj_gate *g)
{
	if (g->pub->looked_back || g->pub->stale || ztj_gate_clock_bad(g))
		return;
	g->pub->looked_back = true;
	for (size_t i = 0; i < ztj_sessions_count(g->sessions); i++)
		look_at(g, ztj_sessions_at(g->sessions, i));
	for (size_t i = 0; i < g->nstays; i++)
		look_at(g, g->stay[i]);
}

bool ztj_lost_done(struct ztj_gate *g, const struct ztj_warden_msg *m)
{
	char account[ZTJ_ACCOUNT_SIZE] = "?", text[256];
	const struct ztj_id *group;

	for (size_t i = 0; i < ZTJ_LOST_MAX; i++) {
		const struct ztj_lost *l = &g->pub->told[i];
		if (m->id == 0 || l->id != m->id)
			continue;
		(void)ztj_gate_name_of(g, l->uid, account);
		group = ztj_idbook_of(&g->pub->book, l->gid);
		(void)snprintf(text, sizeof(text), "%s is in %s no more; killed %u processes that were",
		    account, group != NULL ? group->name : "?", (unsigned)m->n);
		if (m->code == ZTJ_OK && m->n > 0)
			ztj_gate_alarm(g, ZTJ_ENDED, text);
		return true;
	}
	return false;
}
