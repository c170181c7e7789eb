/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Who is in which role group, and has a shell: whoever has a grant that runs on this host, asked of decide.h as for any use. Not where
 * it is stale, not on a clock that went back: who could not begin anything now is in no group. Each entry ends by
 * itself, by the clock since boot, and never after its grant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/published.h"

struct count {
	struct ztj_gate *g;
	struct ztj_question q;
	struct ztj_now now;
	struct ztj_held *held; /* what it was before, in the order of `order` */
	size_t nheld;
	const char **waits; /* people with a grant that is neither over nor good for anything new just now */
	size_t nwaits;
	int err;
};

static void sooner(struct ztj_pub *p, int64_t boot)
{
	if (boot < p->next)
		p->next = boot;
}

/* ---- entries ---- */

static int order(const void *a, const void *b)
{
	const struct ztj_held *x = a, *y = b;
	int r = strcmp(x->person, y->person);

	return r != 0 ? r : strcmp(x->group, y->group);
}

/* Two clocks are read in whole seconds, not in the same moment: an end may come out a second later than it did, and is none. */
static int64_t steady(const struct count *c, const struct ztj_held *e)
{
	const struct ztj_held *was = c->nheld == 0 ? NULL : bsearch(e, c->held, c->nheld, sizeof(*e), order);

	return was != NULL && e->ends == was->ends + 1 ? was->ends : e->ends;
}

static struct ztj_held *find(struct ztj_pub *p, const char *person, const char *group)
{
	for (size_t i = 0; i < p->nheld; i++)
		if (strcmp(p->held[i].person, person) == 0 && strcmp(p->held[i].group, group) == 0)
			return &p->held[i];
	return NULL;
}

static struct ztj_held *add(struct count *c, const char *person, const char *group)
{
	struct ztj_pub *p = c->g->pub;
	struct ztj_held *e = find(p, person, group);

	if (e != NULL)
		return e;
	if (p->nheld == ZTJ_HELD_MAX) {
		if (!p->crowded)
			ztj_gate_alarm(c->g, ZTJ_LIMIT, "too many memberships: the rest is not published");
		p->crowded = true;
		return NULL;
	}
	if (p->nheld == p->room) {
		size_t room = p->room == 0 ? 16 : 2 * p->room;
		struct ztj_held *more = reallocarray(p->held, room, sizeof(*more));
		if (more == NULL) {
			c->err = ZTJ_NOMEM;
			return NULL;
		}
		p->held = more;
		p->room = room;
	}
	e = &p->held[p->nheld++];
	memset(e, 0, sizeof(*e));
	(void)snprintf(e->person, sizeof(e->person), "%s", person);
	(void)snprintf(e->group, sizeof(e->group), "%s", group);
	return e;
}

/* ---- one grant ---- */

/* The recorder's shell where anything is to be recorded: who has two roles gets the one that hides nothing. */
static void give_shell(struct count *c, const struct ztj_id *who, const struct ztj_answer *a, int64_t ends)
{
	const struct ztj_role *role = a->grant.role;
	bool recorded = role->record != ZTJ_RECORD_NONE || role->sudo_recorded;
	const char *shell = c->g->conf->shell;
	struct ztj_held *e;

	if (recorded && !c->g->conf->forced_recorder)
		shell = ztj_names_recorder(c->g);
	if (shell == NULL)
		return; /* such a login is denied: there is no recorder */
	e = add(c, who->name, "");
	if (e == NULL)
		return;
	e->id = who->id;
	if (e->shell == NULL || (shell != c->g->conf->shell && e->shell == c->g->conf->shell)) {
		e->shell = shell;
		e->ends = ends;
		e->wall = a->ends;
	} else if (e->shell == shell && ends > e->ends) {
		e->ends = ends;
		e->wall = a->ends;
	}
}

static void give_groups(struct count *c, const struct ztj_id *who, const struct ztj_answer *a, int64_t ends)
{
	const struct ztj_role *role = a->grant.role;

	for (size_t i = 0; i < role->groups.n; i++) {
		const struct ztj_id *group = ztj_idbook_named(&c->g->pub->book, role->groups.s[i]);
		struct ztj_held *e;
		if (group == NULL || group->kind != ZTJ_ID_GROUP || group->state != ZTJ_ID_SHOWN ||
		    !group->current)
			continue;
		e = add(c, who->name, group->name);
		if (e == NULL)
			return;
		e->id = group->id;
		if (ends > e->ends) {
			e->ends = ends;
			e->wall = a->ends;
		}
	}
}

static bool has_self(const struct ztj_role *role)
{
	for (size_t i = 0; i < role->login.n; i++)
		if (strcmp(role->login.s[i], "self") == 0)
			return true;
	return false;
}

/* The account's owner is the person of that very uid: equal names in two directories are two. */
static const struct ztj_id *account_of(struct count *c, const char *full)
{
	const struct ztj_record *rec;
	const struct ztj_id *e;

	if (ztj_trust_user(c->g->trust, full, c->q.now, &rec) != ZTJ_OK)
		return NULL;
	e = ztj_idbook_named(&c->g->pub->book, ztj_fullname_tail(full));
	return e != NULL && e->kind == ZTJ_ID_PERSON && e->id == rec->uid && e->state != ZTJ_ID_HIDDEN ? e
												       : NULL;
}

static void runs(struct count *c, const char *who, const struct ztj_answer *a)
{
	const struct ztj_id *account = account_of(c, who);
	int64_t left = a->ends - c->q.now, ends = c->now.boot + left - 1;

	if (account == NULL || left <= 1)
		return; /* the last second is not given away: the clocks may differ by less */
	sooner(c->g->pub, ends);
	sooner(c->g->pub,
	    c->now.boot + 1 + (ztj_trust_fresh(c->g->trust) + a->grant.rule->freshness - c->q.now));
	give_groups(c, account, a, ends);
	if (account->state == ZTJ_ID_SHOWN && has_self(a->grant.role))
		give_shell(c, account, a, ends);
}

static void one_grant(struct count *c, const struct ztj_store_grant *held, struct ztj_answer *a)
{
	const struct ztj_bundle *b;
	int64_t starts;

	if (ztj_store_bundle(c->g->store, held->id, &b) != ZTJ_OK)
		return;
	c->q.window = held->window;
	ztj_decide(c->g->trust, b, &c->q, a);
	if (a->code != ZTJ_OK && ztj_session_lets_run(a) && (a->grant.ends == 0 || c->q.now < a->grant.ends))
		c->waits[c->nwaits++] = ztj_fullname_tail(held->who);
	if (a->code == ZTJ_OK) {
		runs(c, held->who, a);
	} else if (a->code == ZTJ_STALE) {
		c->g->pub->stale = true;
	} else if (a->code == ZTJ_NOT_STARTED) {
		starts = a->starts != 0 ? a->starts : a->grant.starts;
		starts -= c->q.now_begin < c->q.now ? c->q.now_begin : c->q.now;
		sooner(c->g->pub, c->now.boot + (starts > 0 ? starts : 1));
	}
}

/* ---- what is over ---- */

static bool waits(const struct count *c, const char *person)
{
	for (size_t i = 0; i < c->nwaits; i++)
		if (strcmp(c->waits[i], person) == 0)
			return true;
	return false;
}

/* What a partition or a bad clock only withholds ends nobody's work, as with sessions; the last second is not given away, but taken from nobody. */
static void one_gone(struct count *c, const struct ztj_held *was)
{
	struct ztj_pub *p = c->g->pub;
	struct ztj_held *e;

	if (c->now.boot < was->ends ? ztj_gate_clock_bad(c->g) || waits(c, was->person)
				    : c->now.boot == was->ends) {
		e = add(c, was->person, was->group);
		if (e == NULL)
			return;
		*e = *was;
		e->withheld = true;
		sooner(p, was->ends + 1);
	} else {
		ztj_lost_add(c->g, was->person, was->id);
	}
}

static void gone(struct count *c)
{
	for (size_t i = 0; i < c->nheld && c->err == ZTJ_OK; i++)
		if (c->held[i].shell == NULL && find(c->g->pub, c->held[i].person, c->held[i].group) == NULL)
			one_gone(c, &c->held[i]);
}

/* ---- the file ---- */

/* Anew, into p->held. */
static int count_all(struct ztj_gate *g)
{
	struct count c = { .g = g, .held = g->pub->held, .nheld = g->pub->nheld };
	struct ztj_answer *a = malloc(sizeof(*a));

	c.waits = calloc(ztj_store_count(g->store) + 1, sizeof(*c.waits));
	if (a == NULL || c.waits == NULL) {
		free(a);
		free(c.waits);
		return ZTJ_NOMEM;
	}
	g->pub->held = NULL;
	g->pub->nheld = g->pub->room = 0;
	g->pub->stale = false;
	g->pub->next = INT64_MAX;
	ztj_gate_now(g, &c.now);
	ztj_gate_question(g, ZTJ_USE_BE, NULL, &c.q);
	if (!ztj_gate_clock_bad(g))
		for (size_t i = 0; i < ztj_store_count(g->store) && c.err == ZTJ_OK; i++) {
			struct ztj_store_grant held;
			ztj_store_at(g->store, i, &held);
			one_grant(&c, &held, a);
		}
	gone(&c);
	for (size_t i = 0; i < g->pub->nheld; i++)
		g->pub->held[i].ends = steady(&c, &g->pub->held[i]);
	if (g->pub->nheld > 0)
		qsort(g->pub->held, g->pub->nheld, sizeof(*g->pub->held), order);
	free(a);
	free(c.waits);
	if (c.err != ZTJ_OK) { /* what was is known still, for the next time */
		free(g->pub->held);
		g->pub->held = c.held;
		g->pub->nheld = g->pub->room = c.nheld;
		return c.err;
	}
	free(c.held);
	return ZTJ_OK;
}

/* Every role group there ever was, so that its id resolves; then who is in it. */
static size_t fill(const struct ztj_pub *p, struct ztj_names_shell *s, size_t *ns, struct ztj_names_member *m)
{
	size_t nm = 0;

	for (size_t i = 0; i < p->book.n; i++)
		if (p->book.e[i].kind == ZTJ_ID_GROUP && p->book.e[i].state == ZTJ_ID_SHOWN)
			m[nm++] = (struct ztj_names_member){ p->book.e[i].name, p->book.e[i].id, NULL, 0 };
	*ns = 0;
	for (size_t i = 0; i < p->nheld; i++) {
		const struct ztj_held *e = &p->held[i];
		if (e->withheld)
			continue;
		if (e->shell != NULL)
			s[(*ns)++] = (struct ztj_names_shell){ e->person, e->id, e->shell, e->ends };
		else
			m[nm++] = (struct ztj_names_member){ e->group, e->id, e->person, e->ends };
	}
	return nm;
}

int ztj_names_grants(struct ztj_gate *g, struct ztj_buf *out)
{
	struct ztj_pub *p = g->pub;
	struct ztj_names_shell *s = NULL;
	struct ztj_names_member *m = NULL;
	size_t ns, nm, groups = 0;
	int r = count_all(g);

	for (size_t i = 0; i < p->book.n; i++)
		groups += p->book.e[i].kind == ZTJ_ID_GROUP;
	if (r == ZTJ_OK) {
		s = calloc(p->nheld + 1, sizeof(*s));
		m = calloc(p->nheld + groups + 1, sizeof(*m));
		r = s == NULL || m == NULL ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r == ZTJ_OK) {
		nm = fill(p, s, &ns, m);
		r = ztj_names_build_grants(g->env.bootid, s, ns, m, nm, out);
	}
	free(s);
	free(m);
	return r;
}
