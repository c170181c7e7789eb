/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The model: DESIGN section 7, and what sections 4 and 6 say of approvals, denials and revocations, over statements that are known or
 * not. It shares nothing with libztjit.
 */
#include <string.h>

#include "tests/history/history.h"

const char *const hi_state_name[HI_STATES] = { "none", "pending", "approved", "active", "ended", "expired",
	"denied", "cancelled", "revoked", "invalid" };

const struct hi_rule hi_rule[HI_RULES] = {
	[HI_RULE_TWO] = { "root-two", 14400, 2, { { "sre-leads" }, { "security" } } },
	[HI_RULE_ONE] = { "root-one", 14400, 1, { { "sre", "sre-leads" } } },
	[HI_RULE_PAIR] = { "root-pair", 14400, 2, { { "sre-leads" }, { "sre-leads" } } },
	[HI_RULE_AUTO] = { "root-auto", 4, 0, { { NULL } } },
};

#define STATE(s) ((struct hi_state){ 1u << (s), 0, 0 })

static bool in_group(int who, const char *group)
{
	static const char *const groups[FX_PEOPLE][2] = { [FX_REQ1] = { "sre" },
		[FX_REQ2] = { "sre" },
		[FX_LEAD1] = { "sre-leads" },
		[FX_LEAD2] = { "sre-leads" },
		[FX_SEC1] = { "security" },
		[FX_BOTH1] = { "sre-leads", "security" } };

	for (size_t i = 0; group != NULL && i < 2; i++)
		if (groups[who][i] != NULL && strcmp(groups[who][i], group) == 0)
			return true;
	return false;
}

static bool fills(int rule, unsigned unit, int who)
{
	return in_group(who, hi_rule[rule].from[unit][0]) || in_group(who, hi_rule[rule].from[unit][1]);
}

bool hi_may_approve(int rule, int who)
{
	for (unsigned u = 0; who >= 0 && u < hi_rule[rule].nunits; u++)
		if (fills(rule, u, who))
			return true;
	return false;
}

/* Everything such a person signed is void meanwhile. */
static bool is_gone(const struct hi_batch *b, unsigned mask, int who, int64_t now)
{
	for (size_t i = 0; i < b->ngone; i++)
		if ((mask & HI_GONE_BIT(i)) != 0 && b->gone[i].who == who && now < b->gone[i].until)
			return true;
	return false;
}

/* Are there distinct people among these (bits) for all that is wanted? At most two are. */
static bool filled(int rule, unsigned people)
{
	const struct hi_rule *r = &hi_rule[rule];

	if (r->nunits == 0)
		return true;
	for (int a = 0; a < FX_PEOPLE; a++) {
		if ((people >> a & 1) == 0 || !fills(rule, 0, a))
			continue;
		if (r->nunits == 1)
			return true;
		for (int c = 0; c < FX_PEOPLE; c++)
			if (c != a && (people >> c & 1) != 0 && fills(rule, 1, c))
				return true;
	}
	return false;
}

static bool counts(const struct hi_batch *b, const struct hi_history *h, int link, unsigned mask, int64_t now,
    size_t i)
{
	const struct hi_stmt *s = &h->stmt[i];

	return (mask >> i & 1) != 0 && s->kind == HI_APPROVE && s->link == link && s->who != h->requester &&
	    s->issued <= h->link[link].valid_until && !is_gone(b, mask, s->who, now);
}

/* The earliest moment at which all that is wanted was there; -1: it never was. */
static int64_t when_filled(const struct hi_batch *b, const struct hi_history *h, int link, unsigned mask,
    int64_t now, int64_t asked)
{
	int64_t best = -1;

	if (filled(h->link[link].rule, 0))
		return asked;
	for (size_t k = 0; k < h->nstmts; k++) {
		int64_t at = h->stmt[k].issued;
		unsigned people = 0;

		if (!counts(b, h, link, mask, now, k))
			continue;
		for (size_t i = 0; i < h->nstmts; i++)
			if (counts(b, h, link, mask, now, i) && h->stmt[i].issued <= at)
				people |= 1u << h->stmt[i].who;
		if (filled(h->link[link].rule, people) && (best < 0 || at < best))
			best = at;
	}
	return best;
}

/* What takes access away counts whenever it was said by somebody who might. */
static unsigned taken_back(const struct hi_history *h, int link, unsigned mask, int64_t *limit)
{
	unsigned states = 0;

	for (size_t i = 0; i < h->nstmts; i++) {
		const struct hi_stmt *s = &h->stmt[i];
		bool entitled = hi_may_approve(h->link[link].rule, s->who) && s->who != h->requester;

		if ((mask >> i & 1) == 0 || s->link != link)
			continue;
		if (s->kind == HI_DENY && entitled)
			states |= 1u << HI_DENIED;
		if (s->kind == HI_REVOKE && s->who == h->requester)
			states |= 1u << HI_CANCELLED | 1u << HI_REVOKED;
		if (s->kind == HI_REVOKE && (entitled || s->who < 0))
			states |= 1u << HI_REVOKED;
		if (s->kind == HI_APPROVE && entitled && s->limit > 0 && s->limit < *limit)
			*limit = s->limit;
	}
	return states;
}

static int request_of(const struct hi_history *h, int link)
{
	for (size_t i = 0; i < h->nstmts; i++)
		if (h->stmt[i].kind == HI_REQUEST && h->stmt[i].link == link)
			return (int)i;
	return -1;
}

/* room: what is left of the chain's total. */
static struct hi_state one(const struct hi_batch *b, const struct hi_history *h, int link, unsigned mask,
    int64_t now, int64_t room)
{
	const struct hi_link *l = &h->link[link];
	int req = request_of(h, link);
	int64_t limit = l->duration, at;
	struct hi_state st = { 0, 0, 0 };

	if (req < 0 || (mask >> req & 1) == 0)
		return STATE(HI_NONE);
	st.states = taken_back(h, link, mask, &limit);
	if (is_gone(b, mask, h->requester, now))
		st.states |= 1u << HI_REVOKED;
	if (st.states != 0)
		return st;
	at = when_filled(b, h, link, mask, now, h->stmt[req].issued);
	if (at < 0)
		return STATE(now > l->valid_until ? HI_EXPIRED : HI_PENDING);
	st.starts = at > l->start ? at : l->start;
	st.ends = st.starts + (limit < room ? limit : room);
	if (st.ends <= st.starts)
		return STATE(HI_INVALID);
	st.states = 1u << (now < st.starts ? HI_APPROVED : now < st.ends ? HI_ACTIVE : HI_ENDED);
	return st;
}

#define TAKEN ((1u << HI_DENIED) | (1u << HI_CANCELLED) | (1u << HI_REVOKED))

struct hi_state hi_model(const struct hi_batch *b, const struct hi_history *h, int link, unsigned mask,
    int64_t now)
{
	struct hi_state first = one(b, h, 0, mask, now, hi_rule[h->link[0].rule].total), st;
	int64_t used = first.ends - first.starts;

	if (link == 0)
		return first;
	st = one(b, h, link, mask, now, hi_rule[h->link[0].rule].total - used);
	if (HI_IS(st, HI_NONE))
		return st;
	/* Revoking any link ends all that follow; what follows nothing is nothing. */
	if ((first.states & TAKEN) != 0)
		st.states = TAKEN;
	else if ((first.states & (1u << HI_NONE | 1u << HI_PENDING | 1u << HI_EXPIRED | 1u << HI_INVALID)) !=
	    0)
		st.states = 1u << HI_INVALID | (st.states & TAKEN);
	return st;
}
