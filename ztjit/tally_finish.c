/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* After the last leaf: which record belongs to which use, and the sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit/tally_priv.h"

#define FOR_EVER INT64_MAX
#define BEGINS 60 /* a record begins within so many seconds of its login */

/* --- records and uses ---
 * A leaf does not say which connection a record belongs to. A login is recorded when a record began within a minute of it, before it
 * ended, under the same grant, on the same host, to the same account: of several logins it is the newest that has none yet. So a
 * further record of a shared connection does not make an older login look recorded. */

struct item {
	bool record; /* else a use */
	size_t n;
	const char *host, *account;
	size_t grant;
	int64_t at;
};

static int by_place(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;
	int c;

	if (a->grant != b->grant)
		return a->grant < b->grant ? -1 : 1;
	if ((c = strcmp(a->host, b->host)) != 0 || (c = strcmp(a->account, b->account)) != 0)
		return c;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	/* in one second: first it begins, then it is recorded; then in the log's order */
	if (a->record != b->record)
		return a->record ? 1 : -1;
	return a->n < b->n ? -1 : a->n > b->n;
}

static bool same_place(const struct item *a, const struct item *b)
{
	return a->grant == b->grant && strcmp(a->host, b->host) == 0 && strcmp(a->account, b->account) == 0;
}

static bool is_past(const struct tally_use *u, int64_t at)
{
	return (u->ended != 0 && u->ended < at) || at - u->begun > BEGINS;
}

static void match_place(struct tally *t, const struct item *item, size_t n, size_t *stack)
{
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (!item[i].record) {
			stack[depth++] = item[i].n;
			continue;
		}
		while (depth > 0 && is_past(&t->use[stack[depth - 1]], item[i].at))
			depth--;
		if (depth == 0)
			continue;
		depth--;
		t->use[stack[depth]].record = item[i].n;
		t->use[stack[depth]].recorded = true;
		t->record[item[i].n].use = stack[depth];
	}
}

static int match_logins(struct tally *t)
{
	struct item *item = calloc(t->nuses + t->nrecords + 1, sizeof *item);
	size_t *stack = calloc(t->nuses + 1, sizeof *stack), n = 0;

	for (size_t i = 0; item != NULL && i < t->nuses; i++)
		if (t->use[i].login)
			item[n++] = (struct item){ false, i, t->use[i].host, t->use[i].account,
				t->use[i].grant, t->use[i].begun };
	for (size_t i = 0; item != NULL && i < t->nrecords; i++)
		item[n++] = (struct item){ true, i, t->record[i].host, t->record[i].account,
			t->record[i].grant, t->record[i].begun };
	if (item != NULL && stack != NULL) {
		qsort(item, n, sizeof *item, by_place);
		for (size_t from = 0, i = 1; i <= n; i++)
			if (i == n || !same_place(&item[from], &item[i])) {
				match_place(t, item + from, i - from, stack);
				from = i;
			}
	}
	free(item);
	free(stack);
	return item != NULL && stack != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

static int by_who(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;
	int c;

	if ((c = strcmp(a->host, b->host)) != 0 || (c = strcmp(a->account, b->account)) != 0)
		return c;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->record != b->record ? (a->record ? -1 : 1) : 0;
}

/* An elevation is recorded when it began while a record of the same person on the same host ran. */
static int match_elevations(struct tally *t)
{
	struct item *item = calloc(t->nuses + t->nrecords + 1, sizeof *item);
	size_t n = 0;
	int64_t until = 0;

	if (item == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < t->nuses; i++)
		if (!t->use[i].login)
			item[n++] = (struct item){ false, i, t->use[i].host, t->use[i].person, 0,
				t->use[i].begun };
	for (size_t i = 0; i < t->nrecords; i++)
		item[n++] = (struct item){ true, i, t->record[i].host, t->record[i].person, 0,
			t->record[i].begun };
	qsort(item, n, sizeof *item, by_who);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 &&
		    (strcmp(item[i].host, item[i - 1].host) != 0 ||
			strcmp(item[i].account, item[i - 1].account) != 0))
			until = 0;
		if (item[i].record) {
			const struct tally_record *r = &t->record[item[i].n];
			int64_t end = r->ended != 0 ? r->ended : r->ends != 0 ? r->ends : FOR_EVER;

			until = end > until ? end : until;
		} else {
			t->use[item[i].n].recorded = until >= item[i].at;
		}
	}
	free(item);
	return ZTJ_OK;
}

/* --- sums --- */

static void add_uses(struct tally *t)
{
	struct tally_count *c = &t->count;

	for (size_t i = 0; i < t->nuses; i++) {
		const struct tally_use *u = &t->use[i];
		struct tally_grant *g = &t->grant[u->grant];
		struct tally_day *day = tally_day_at(t, u->day);

		if (!u->counts)
			continue;
		c->uses++;
		c->logins += u->login;
		c->elevations += !u->login;
		c->under_grant += g->known;
		c->logins_recorded += u->login && u->recorded;
		c->elevations_recorded += !u->login && u->recorded;
		c->glass_uses += g->break_glass;
		c->ended_box += strcmp(u->code, "ended") == 0;
		c->ended_revoked += strcmp(u->code, "revoked") == 0 || strcmp(u->code, "cancelled") == 0 ||
		    strcmp(u->code, "denied") == 0 || strcmp(u->code, "killed") == 0;
		c->ended_other += u->code[0] != '\0';
		g->logins += u->login;
		g->elevations += !u->login;
		g->recorded += u->recorded;
		if (day == NULL)
			continue;
		day->logins += u->login;
		day->elevations += !u->login;
		day->recorded += u->recorded;
		day->unrecorded += !u->recorded;
	}
	c->ended_other -= c->ended_box + c->ended_revoked;
	for (size_t i = 0; i < t->nrecords; i++) {
		c->records += t->record[i].counts;
		c->records_closed += t->record[i].counts && strcmp(t->record[i].state, "closed") == 0;
		c->records_lost += t->record[i].counts && strcmp(t->record[i].state, "lost") == 0;
	}
}

static int put_time(struct tally_times *t, int64_t s)
{
	int64_t *more = tally_grow(t->s, t->n, sizeof *more);

	if (more == NULL)
		return ZTJ_NOMEM;
	t->s = more;
	t->s[t->n++] = s > 0 ? s : 0;
	return ZTJ_OK;
}

static int add_grant(struct tally *t, const struct tally_grant *g)
{
	int64_t effect = g->certified, first = -1, last = -1;
	int r = ZTJ_OK;

	if (g->first_use != 0 && (effect == 0 || g->first_use < effect))
		effect = g->first_use;
	for (size_t i = 0; i < g->nvotes; i++) {
		const struct tally_vote *v = &g->vote[i];

		if (v->deny)
			continue;
		first = first < 0 ? v->at - g->asked : first;
		last = effect != 0 && v->at <= effect ? v->at - g->asked : last;
	}
	t->count.glass_used += g->counts && g->break_glass && effect != 0;
	t->count.unknown_requests += g->counts && !g->known;
	t->count.by_rule_alone += g->counts && g->known && effect != 0 && g->nvotes == 0;
	if (!g->asked_here || !g->counts)
		return ZTJ_OK;
	if (first >= 0)
		r = put_time(&t->first_approval, first);
	if (r == ZTJ_OK && last >= 0)
		r = put_time(&t->approval, last);
	return r;
}

static int by_number(const void *va, const void *vb)
{
	const int64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static int by_day(const void *va, const void *vb)
{
	return by_number(&((const struct tally_day *)va)->day, &((const struct tally_day *)vb)->day);
}

static int by_denial(const void *va, const void *vb)
{
	const struct tally_denial *a = va, *b = vb;

	return a->n != b->n          ? (a->n > b->n ? -1 : 1)
	    : a->source != b->source ? (a->source < b->source ? -1 : 1)
				     : strcmp(a->code, b->code);
}

static int by_host(const void *va, const void *vb)
{
	return strcmp(((const struct tally_standing *)va)->host, ((const struct tally_standing *)vb)->host);
}

/* qsort wants no null pointer, not even for nothing. */
static void sort(void *array, size_t n, size_t size, int (*by)(const void *, const void *))
{
	if (n > 1)
		qsort(array, n, size, by);
}

int tally_finish(struct tally *t)
{
	int r = match_logins(t);

	if (r == ZTJ_OK)
		r = match_elevations(t);
	if (r == ZTJ_OK)
		add_uses(t);
	for (size_t i = 0; r == ZTJ_OK && i < t->ngrants; i++)
		r = add_grant(t, &t->grant[i]);
	sort(t->first_approval.s, t->first_approval.n, sizeof(int64_t), by_number);
	sort(t->approval.s, t->approval.n, sizeof(int64_t), by_number);
	sort(t->day, t->ndays, sizeof *t->day, by_day);
	sort(t->denial, t->ndenials, sizeof *t->denial, by_denial);
	sort(t->standing, t->nstanding, sizeof *t->standing, by_host);
	return r;
}

/* --- asked about --- */

enum tally_state tally_state(const struct tally_grant *g)
{
	bool approved = false;

	if (g->first_use != 0)
		return TALLY_USED;
	for (size_t i = 0; i < g->nvotes; i++) {
		if (g->vote[i].deny)
			return TALLY_DENIED;
		approved = true;
	}
	if (g->revoked != 0)
		return strcmp(g->revoked_by, g->person) == 0 ? TALLY_CANCELLED : TALLY_REVOKED;
	if (g->certified != 0)
		return TALLY_CERTIFIED;
	return approved ? TALLY_APPROVED : TALLY_ASKED;
}

const char *tally_state_name(enum tally_state s)
{
	static const char *const names[] = { "asked", "approved", "denied", "cancelled", "revoked",
		"certificate", "used" };

	return names[s];
}

int64_t tally_median(const struct tally_times *t)
{
	if (t->n == 0)
		return -1;
	return t->n % 2 != 0 ? t->s[t->n / 2]
			     : t->s[t->n / 2 - 1] + (t->s[t->n / 2] - t->s[t->n / 2 - 1]) / 2;
}

int64_t tally_percentile(const struct tally_times *t, unsigned percent)
{
	return t->n == 0 ? -1 : t->s[(t->n * percent + 99) / 100 - (percent > 0)];
}

/* --- by person, host or role --- */

struct groups {
	json_t *index;
	struct tally_group *group;
	size_t n;
};

static int group_of(struct groups *g, const char *key, struct tally_group **out)
{
	const json_t *at = json_object_get(g->index, key);
	struct tally_group *more;

	if (at != NULL && g->group != NULL) {
		*out = &g->group[json_integer_value(at)];
		return ZTJ_OK;
	}
	if ((more = tally_grow(g->group, g->n, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	g->group = more;
	g->group[g->n] = (struct tally_group){ .key = key };
	*out = &g->group[g->n];
	return json_object_set_new(g->index, key, json_integer((json_int_t)g->n++)) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

static int group_grant(struct groups *gs, const struct tally_grant *g, const char *key)
{
	struct tally_group *to;
	int r = group_of(gs, key, &to);

	if (r != ZTJ_OK)
		return r;
	to->asked += g->asked_here;
	to->granted += g->certified != 0 || g->first_use != 0;
	to->refused += g->refused;
	return ZTJ_OK;
}

static int group_use(struct groups *gs, const struct tally_use *u, const char *key)
{
	struct tally_group *to;
	int r = group_of(gs, key, &to);

	if (r != ZTJ_OK)
		return r;
	to->logins += u->login;
	to->elevations += !u->login;
	to->recorded += u->recorded;
	to->seconds += u->login && u->ended > u->begun ? u->ended - u->begun : 0;
	return ZTJ_OK;
}

static int by_key(const void *va, const void *vb)
{
	return strcmp(((const struct tally_group *)va)->key, ((const struct tally_group *)vb)->key);
}

static int group_all(struct tally *t, struct groups *gs, char what)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < t->ngrants; i++) {
		const struct tally_grant *g = &t->grant[i];

		if (!g->counts)
			continue;
		if (what != 'h')
			r = group_grant(gs, g, what == 'p' ? g->person : g->role);
		for (size_t k = 0; what == 'h' && r == ZTJ_OK && k < g->nhosts; k++)
			r = group_grant(gs, g, g->host[k]);
	}
	for (size_t i = 0; r == ZTJ_OK && i < t->nuses; i++) {
		const struct tally_use *u = &t->use[i];

		if (u->counts)
			r = group_use(gs, u,
			    what == 'p'       ? u->person
				: what == 'h' ? u->host
					      : t->grant[u->grant].role);
	}
	return r;
}

int tally_by(struct tally *t, const char *what, struct tally_group **out, size_t *n)
{
	struct groups gs = { .index = json_object() };
	int r = gs.index == NULL ? ZTJ_NOMEM : ZTJ_OK;

	*out = NULL;
	*n = 0;
	if (r == ZTJ_OK)
		r = strcmp(what, "person") == 0 || strcmp(what, "host") == 0 || strcmp(what, "role") == 0
		    ? group_all(t, &gs, what[0])
		    : ZTJ_BAD_NAME;
	json_decref(gs.index);
	if (r != ZTJ_OK) {
		free(gs.group);
		return r;
	}
	sort(gs.group, gs.n, sizeof *gs.group, by_key);
	*out = gs.group;
	*n = gs.n;
	return ZTJ_OK;
}
