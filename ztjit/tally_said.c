/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What people said, and what the broker answered. */
#include "ztjit/leaves.h"
#include "ztjit/tally_priv.h"

#include <stdlib.h>
#include <string.h>

static int set_hosts(struct tally *t, struct tally_grant *g, const struct ztj_event_in *e)
{
	const json_t *list = json_object_get(e->obj, "hosts");
	size_t n = json_array_size(list);

	if (n == 0)
		return ZTJ_OK;
	if ((g->host = calloc(n, sizeof *g->host)) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if ((g->host[g->nhosts] = tally_keep(t, name != NULL ? name : "")) == NULL)
			return ZTJ_NOMEM;
		g->nhosts++;
	}
	return ZTJ_OK;
}

static int request(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	struct tally_day *day;
	int r;

	if (g == NULL || g->known)
		return ZTJ_OK;
	g->known = true;
	g->person = tally_word(t, e, "person");
	g->role = tally_word(t, e, "role");
	g->reason = tally_word(t, e, "reason");
	g->ticket = tally_word(t, e, "ticket");
	g->asked = e->time;
	g->starts = tally_when(e, "starts");
	g->duration = tally_number(e, "duration");
	g->break_glass = tally_is(e, "action", "break-glass");
	g->extends = tally_is(e, "action", "extend");
	if (g->person == NULL || g->role == NULL || g->reason == NULL || g->ticket == NULL)
		return ZTJ_NOMEM;
	if ((r = set_hosts(t, g, e)) != ZTJ_OK || !tally_counts(t, e, g))
		return r;
	if ((r = tally_find_day(t, e->time, &day)) != ZTJ_OK)
		return r;
	g->asked_here = true;
	day->asked++;
	t->count.asked++;
	t->count.break_glass += g->break_glass;
	t->count.extensions += g->extends;
	return ZTJ_OK;
}

static int approval(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	struct tally_vote v = { .who = tally_word(t, e, "person"),
		.comment = tally_word(t, e, "reason"),
		.at = e->time,
		.limit = tally_number(e, "duration"),
		.deny = tally_is(e, "decision", "deny") };
	struct tally_vote *more;

	if (v.who == NULL || v.comment == NULL)
		return ZTJ_NOMEM;
	if (tally_counts(t, e, g)) {
		int r = v.deny ? tally_deny(t, TALLY_BY_APPROVER, e, "") : ZTJ_OK;

		if (r != ZTJ_OK)
			return r;
		t->count.approvals += !v.deny;
		/* which no broker takes: if it stands there, it is to be seen */
		t->count.own_approvals += !v.deny && g != NULL && g->known && v.who == g->person;
		t->count.denials += v.deny;
	}
	if (g == NULL)
		return ZTJ_OK;
	if ((more = tally_grow(g->vote, g->nvotes, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	g->vote = more;
	g->vote[g->nvotes++] = v;
	return ZTJ_OK;
}

static int revocation(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	bool own = g != NULL && tally_is(e, "person", g->person);

	if (tally_counts(t, e, g)) {
		t->count.revocations += !own;
		t->count.cancels += own;
	}
	if (g == NULL || g->revoked != 0)
		return ZTJ_OK;
	g->revoked = e->time;
	g->revoked_by = tally_word(t, e, "person");
	g->revoked_why = tally_word(t, e, "reason");
	return g->revoked_by != NULL && g->revoked_why != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

int tally_statement(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	int r;

	/* What a refused one says of itself, nobody vouches for. */
	if (strcmp(e->outcome, "refused") == 0)
		return tally_counts(t, e, NULL) ? tally_deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
	if ((r = tally_find_grant(t, e, &g)) != ZTJ_OK)
		return r;
	if (tally_is(e, "type", "request"))
		r = request(t, e, g);
	else if (tally_is(e, "type", "approval"))
		r = approval(t, e, g);
	else if (tally_is(e, "type", "revocation"))
		r = revocation(t, e, g);
	else if (tally_counts(t, e, g)) {
		t->count.logins_signed += tally_is(e, "type", "login");
		t->count.kills += tally_is(e, "type", "kill");
	}
	if (r == ZTJ_OK && g != NULL && tally_counts(t, e, g) && tally_matches(t, g))
		g->counts = true;
	return r;
}

int tally_certificate(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	int r;

	if (strcmp(e->outcome, "refused") == 0)
		return tally_counts(t, e, NULL) ? tally_deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
	if ((r = tally_find_grant(t, e, &g)) != ZTJ_OK)
		return r;
	if (tally_counts(t, e, g)) {
		t->count.certificates++;
		if (g != NULL && tally_matches(t, g))
			g->counts = true;
	}
	if (g != NULL && g->certified == 0)
		g->certified = e->time;
	return ZTJ_OK;
}
