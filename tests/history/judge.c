/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Whether what was seen can be explained. For every history and every place (the broker, each host) the sets of statements that may be
 * known there are followed from answer to answer: one that was sent may be there from then on, one that was acknowledged is
 * there (at a host: once the host is known to have caught up with it), and nothing that is there goes away, unless the
 * broker's state was put back. An answer that no set explains is an anomaly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/history/history.h"

#define MASKS (1u << (HI_STMTS + HI_GONE))
/* time(2) lags behind by up to a tick of the kernel, which comes late where the machine is busy. */
#define TICK 0.05

/* The sets that are possible. */
struct worlds {
	size_t n;
	uint16_t *m; /* room for all */
	uint8_t in[MASKS / 8];
};

static void add(struct worlds *w, unsigned mask)
{
	if ((w->in[mask / 8] >> mask % 8 & 1) != 0)
		return;
	w->in[mask / 8] |= (uint8_t)(1u << mask % 8);
	w->m[w->n++] = (uint16_t)mask;
}

static void only(struct worlds *w, unsigned mask)
{
	w->n = 0;
	memset(w->in, 0, sizeof(w->in));
	add(w, mask);
}

/* The window of earlier uses at a host: what it stored lies between these. */
struct window {
	bool set;
	int64_t starts_from, starts_to, ends_from, ends_to;
};

struct place {
	struct hi_batch *b;
	struct hi_history *h;
	int node;
	bool back;               /* the broker's state was put back */
	struct worlds now, kept; /* kept: at the time of the copy */
	struct window window[HI_LINKS];
};

/* --- what may and must be known --- */

static const struct hi_stmt *stmt_of(const struct place *p, unsigned bit)
{
	if (bit < HI_STMTS)
		return bit < p->h->nstmts ? &p->h->stmt[bit] : NULL;
	return bit - HI_STMTS < p->b->ngone ? &p->b->gone[bit - HI_STMTS] : NULL;
}

/* What hosts hold and never lose. */
static bool takes_away(const struct hi_stmt *s)
{
	return s->kind == HI_REVOKE || s->kind == HI_GONE_PERSON;
}

/* Sent before t1, and not refused. At the broker, after its state was put back: what was sent since, and what hosts give it back. */
static bool may(const struct place *p, const struct hi_stmt *s, double t1)
{
	for (size_t i = 0; i < s->nposts; i++)
		if (s->post[i].t0 <= t1 && s->post[i].status < 400 &&
		    (p->node > 0 || !p->back || takes_away(s) || s->post[i].t1 >= p->b->restoring))
			return true;
	return false;
}

/* Acknowledged before t, and not lost with what was put back. */
static bool acked(const struct hi_batch *b, const struct hi_stmt *s, double t, bool back)
{
	for (size_t i = 0; i < s->nposts; i++) {
		const struct hi_post *p = &s->post[i];

		if ((p->status != 200 && p->status != 201) || p->t1 > t)
			continue;
		if (!back || p->t0 >= b->restored || p->t1 <= b->backup)
			return true;
	}
	return false;
}

static unsigned acked_mask(const struct place *p, double t, bool back)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < HI_STMTS + HI_GONE; i++) {
		const struct hi_stmt *s = stmt_of(p, i);

		if (s != NULL && acked(p->b, s, t, back))
			mask |= 1u << i;
	}
	return mask;
}

/* At a host: what the broker had whenever the host had caught up with it. */
static unsigned known(const struct place *p, double t0)
{
	unsigned mask = 0;

	if (p->node == 0)
		return acked_mask(p, t0, p->back);
	for (size_t i = 0; i < p->b->nmarks; i++) {
		const struct hi_mark *k = &p->b->mark[i];

		if (k->node == p->node && k->seen <= t0)
			mask |= acked_mask(p, k->sent, p->b->restored != 0 && k->sent >= p->b->restoring);
	}
	return mask;
}

/* Nobody knows an answer to a request without the request. */
static bool closed(const struct place *p, unsigned mask)
{
	unsigned requests = 0, wanted = 0;

	for (unsigned i = 0; i < p->h->nstmts; i++) {
		const struct hi_stmt *s = &p->h->stmt[i];

		if ((mask >> i & 1) == 0)
			continue;
		if (s->kind == HI_REQUEST)
			requests |= 1u << s->link;
		/* Revocations are kept without what they revoke. */
		else if (s->kind != HI_REVOKE || (p->node == 0 && !p->back))
			wanted |= 1u << s->link;
	}
	return (wanted & ~requests) == 0;
}

static void widen(struct place *p, double t1)
{
	struct worlds *w = &p->now;

	for (unsigned i = 0; i < HI_STMTS + HI_GONE; i++) {
		const struct hi_stmt *s = stmt_of(p, i);

		if (s == NULL || !may(p, s, t1))
			continue;
		for (size_t k = 0, n = w->n; k < n; k++)
			if ((w->m[k] >> i & 1) == 0)
				add(w, w->m[k] | 1u << i);
	}
}

/* --- whether an answer is explained --- */

static bool live(const struct place *p, int from, unsigned mask, int64_t now)
{
	for (int i = from; i < (int)p->h->nlinks; i++)
		if ((hi_model(p->b, p->h, i, mask, now).states & HI_LIVE) != 0)
			return true;
	return false;
}

/* The first request that these statements are about; what is said about one makes no difference to those before it. */
static int first_of(const struct place *p, unsigned stmts)
{
	int first = (int)p->h->nlinks;

	for (unsigned i = 0; i < p->h->nstmts; i++)
		if ((stmts >> i & 1) != 0 && p->h->stmt[i].link < first)
			first = p->h->stmt[i].link;
	return first;
}

/*
 * A host is not told of requests that were over when it came back: what it lacks must make no difference, neither now nor
 * as soon as people who were revoked are back.
 */
static bool knows(const struct place *p, unsigned mask, unsigned wanted, double t0)
{
	unsigned all = mask | wanted, people = HI_GONE_BIT(HI_GONE) - HI_GONE_BIT(0);

	if (all == mask)
		return true;
	if (p->node == 0)
		return false;
	int from = first_of(p, all ^ mask);

	if (((all ^ mask) & people) != 0)
		return false;
	if (live(p, from, mask, (int64_t)t0) || live(p, from, mask & ~people, (int64_t)t0))
		return false;
	return !live(p, from, all, (int64_t)t0) || !live(p, from, all, (int64_t)t0 + 3600);
}

static unsigned states_of(int code)
{
	switch (code) {
	case ZTJ_OK:
		return 1u << HI_ACTIVE;
	case ZTJ_PENDING:
		return 1u << HI_PENDING;
	case ZTJ_NOT_STARTED:
		return 1u << HI_APPROVED;
	case ZTJ_ENDED:
		return 1u << HI_ENDED;
	case ZTJ_EXPIRED:
		return 1u << HI_EXPIRED;
	case ZTJ_DENIED:
		return 1u << HI_DENIED;
	case ZTJ_CANCELLED:
		return 1u << HI_CANCELLED;
	case ZTJ_REVOKED:
		return 1u << HI_REVOKED;
	case ZTJ_CHAIN:
	case ZTJ_TOO_LONG:
		return 1u << HI_INVALID;
	case ZTJ_NOT_FOUND:
	case ZTJ_NO_GRANT:
		return 1u << HI_NONE;
	default:
		return 0;
	}
}

/* At that second, in that world. */
static unsigned at_second(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	const struct hi_state st = hi_model(p->b, p->h, o->link, mask, now);
	const struct window *w = &p->window[o->link];
	unsigned may_be = 0;

	if (!HI_IS(st, HI_ACTIVE) || !w->set)
		return st.states;
	/* What was stored at a use only ever shortens. */
	if (now >= w->ends_from)
		may_be |= 1u << HI_ENDED;
	if (now < w->starts_to)
		may_be |= 1u << HI_APPROVED;
	if (now < w->ends_to && now >= w->starts_from)
		may_be |= 1u << HI_ACTIVE;
	return may_be;
}

/*
 * What a host may say at that moment. It reads two clocks in whole seconds, so an end may come up to a second early, and a beginning
 * as much late: never the other way.
 */
static unsigned at_host(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	unsigned states = at_second(p, o, mask, now), next = at_second(p, o, mask, now + 1);

	if ((states >> HI_APPROVED & 1) != 0)
		next &= ~(1u << HI_ACTIVE);
	if ((states >> HI_ACTIVE & 1) != 0)
		next |= at_second(p, o, mask, now - 1) & 1u << HI_APPROVED;
	return states | next;
}

static bool was_lost(const struct hi_batch *b, const struct hi_stmt *s)
{
	return s->made && takes_away(s) && acked(b, s, 1e18, false) && !acked(b, s, 1e18, true);
}

/*
 * A host that was started anew may find nothing fresh on its disk until it hears from the broker. And where the broker's state was put
 * back to before a revocation that hosts hold, no status matches what they hold until they have given it back.
 */
static bool may_be_stale(const struct place *p, const struct hi_obs *o)
{
	const struct hi_batch *b = p->b;
	double back = 0;
	bool lost = false, healed = b->restored == 0 || o->t1 < b->restoring;

	for (size_t i = 0; i < b->nback[p->node - 1]; i++)
		if (b->back[p->node - 1][i] <= o->t1)
			back = b->back[p->node - 1][i];
	for (size_t i = 0; i < b->nmarks; i++) {
		const struct hi_mark *k = &b->mark[i];

		if (k->node != p->node || !k->fresh || k->seen > o->t0)
			continue;
		if (k->seen > back)
			back = 0;
		healed = healed || k->sent >= b->restored;
	}
	if (back > b->begun)
		return true;
	for (size_t i = 0; !healed && i < b->ngone; i++)
		lost = lost || was_lost(b, &b->gone[i]);
	for (size_t i = 0; !healed && !lost && i < b->n; i++)
		for (size_t k = 0; k < b->h[i].nstmts; k++)
			lost = lost || was_lost(b, &b->h[i].stmt[k]);
	return lost;
}

static bool on_host(const struct place *p, const struct hi_obs *o)
{
	return (p->h->link[o->link].hosts >> (p->node - 1) & 1) != 0;
}

/* Might that request have been active there, before somebody took it back? */
static bool was_active(const struct place *p, int link, unsigned mask, int64_t now)
{
	unsigned gives = 0;

	for (unsigned i = 0; i < p->h->nstmts; i++)
		if (p->h->stmt[i].kind == HI_REQUEST || p->h->stmt[i].kind == HI_APPROVE)
			gives |= 1u << i;
	return (hi_model(p->b, p->h, link, mask & gives, now).states & (1u << HI_ACTIVE | 1u << HI_ENDED)) !=
	    0;
}

/* A session goes on by its grant or by one that follows it. */
static bool may_run(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	struct hi_obs at = *o;

	for (; at.link < (int)p->h->nlinks; at.link++)
		if ((at_host(p, &at, mask, now) >> HI_ACTIVE & 1) != 0)
			return true;
	return false;
}

/* Once a request that follows has carried it on, it ends with that one. */
static bool may_end(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	struct hi_obs at = *o;
	bool surely = false;

	for (; at.link < (int)p->h->nlinks; at.link++) {
		bool runs = at_host(p, &at, mask, now) == 1u << HI_ACTIVE;

		if (!runs && at.link > o->link && was_active(p, at.link, mask, now))
			return true;
		surely = surely || runs;
	}
	return !surely;
}

/* Is it right to refuse this statement? */
static bool refusable(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	const struct hi_stmt *s = &p->h->stmt[o->code];
	const struct hi_state st = hi_model(p->b, p->h, s->link, mask, now);

	if (s->kind == HI_REQUEST)
		return (hi_model(p->b, p->h, s->link, mask | 1u << o->code, now).states & HI_LIVE) == 0 ||
		    (s->link > 0 && HI_IS(hi_model(p->b, p->h, 0, mask, now), HI_NONE)) ||
		    now >= p->h->link[s->link].valid_until;
	if ((st.states & HI_LIVE) == 0)
		return true;
	if (s->who >= 0 && s->kind != HI_REVOKE &&
	    (!hi_may_approve(p->h->link[s->link].rule, s->who) || s->who == p->h->requester))
		return true;
	if (s->kind == HI_REVOKE && s->who >= 0 && s->who != p->h->requester &&
	    !hi_may_approve(p->h->link[s->link].rule, s->who))
		return true;
	if (s->kind == HI_APPROVE && now > p->h->link[s->link].valid_until)
		return true;
	for (size_t i = 0; i < p->b->ngone; i++)
		if ((mask & HI_GONE_BIT(i)) != 0 && p->b->gone[i].who == s->who && now < p->b->gone[i].until)
			return true;
	return false;
}

static bool explains(const struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	const struct hi_state st = hi_model(p->b, p->h, o->link, mask, now);
	unsigned own = 0;

	switch (o->what) {
	case HI_SAW_STATE:
		for (unsigned i = 0; i < p->h->nstmts; i++)
			own |= p->h->stmt[i].link <= o->link ? 1u << i : 0;
		return (st.states & o->states) != 0 &&
		    (o->states == 1u << HI_NONE || (mask & own) == (o->mask & own));
	case HI_SAW_CERT:
		return (o->code == 200) == (HI_IS(st, HI_ACTIVE) != 0);
	case HI_SAW_REFUSAL:
		return refusable(p, o, mask, now);
	case HI_SAW_LINE:
	case HI_SAW_LOGIN:
		mask |= o->mask;
		if (o->code == HI_LOST)
			return true;
		if (!on_host(p, o))
			return o->code == ZTJ_WRONG_HOST || o->code == ZTJ_NOT_FOUND ||
			    o->code == ZTJ_NO_GRANT || o->code == ZTJ_REVOKED;
		if (o->code == ZTJ_STALE)
			return ((at_second(p, o, mask, now) | at_second(p, o, mask, now + 1)) >> HI_ACTIVE &
				   1) != 0 &&
			    may_be_stale(p, o);
		return (at_host(p, o, mask, now) & states_of(o->code)) != 0;
	case HI_SAW_KILL:
		return may_end(p, o, mask, now);
	case HI_SAW_RUNNING:
		return may_run(p, o, mask, now);
	}
	return false;
}

/* --- one place --- */

/* The window that was stored may be that of any world that explained the use, or any since. */
static void store_window(struct place *p, const struct hi_obs *o, unsigned mask, int64_t now)
{
	const struct hi_state st = hi_model(p->b, p->h, o->link, mask, now);
	struct window *w = &p->window[o->link];

	if (!HI_IS(st, HI_ACTIVE))
		return;
	if (!w->set) {
		*w = (struct window){ true, st.starts, st.starts, st.ends, st.ends };
		return;
	}
	w->starts_from = st.starts < w->starts_from ? st.starts : w->starts_from;
	w->starts_to = st.starts > w->starts_to ? st.starts : w->starts_to;
	w->ends_from = st.ends < w->ends_from ? st.ends : w->ends_from;
	w->ends_to = st.ends > w->ends_to ? st.ends : w->ends_to;
}

/* The instants that it may have been decided at. What runs two seconds after its end is an anomaly. */
static void instants(const struct hi_obs *o, int64_t *from, int64_t *to)
{
	bool kill = o->what == HI_SAW_KILL, running = o->what == HI_SAW_RUNNING;

	*from = (int64_t)(o->t0 - (kill ? 0.5 : running ? 2 : TICK));
	*to = (int64_t)o->t1;
}

static bool may_have_used(const struct hi_obs *o)
{
	return o->what == HI_SAW_LOGIN && (o->code == ZTJ_OK || o->code == HI_LOST);
}

/* Leaves the worlds that explain it; false: none does. */
static bool filter(struct place *p, const struct hi_obs *o)
{
	static uint16_t left[2 * MASKS];
	unsigned wanted = known(p, o->t0);
	size_t n = 0;
	bool used = may_have_used(o);
	int64_t from, to;

	instants(o, &from, &to);
	for (size_t i = 0; i < p->now.n; i++) {
		unsigned m = p->now.m[i];
		bool good = false;

		if (!closed(p, m) || !knows(p, m, wanted, o->t0))
			continue;
		for (int64_t now = from; !good && now <= to; now++)
			good = explains(p, o, m, now);
		if (!good)
			continue;
		/* A bundle that admitted somebody is kept. */
		if (used)
			left[n++] = (uint16_t)(m | o->mask);
		if (!used || o->code == HI_LOST)
			left[n++] = (uint16_t)m;
	}
	if (n == 0)
		return false;
	only(&p->now, left[0]);
	for (size_t i = 1; i < n; i++)
		add(&p->now, left[i]);
	return true;
}

/* Once it was used there, whatever the host computes later may shorten the window, as long as a session runs. */
static void store_windows(struct place *p, const struct hi_obs *o)
{
	bool used = may_have_used(o);

	for (int link = 0; link < (int)p->h->nlinks; link++) {
		struct hi_obs at = *o;

		at.link = link;
		if (p->node > 0 && (used ? link == o->link : p->window[link].set))
			for (size_t i = 0; i < p->now.n; i++)
				store_window(p, &at, p->now.m[i], (int64_t)o->t1);
	}
}

static void copy_worlds(struct worlds *to, const struct worlds *from)
{
	only(to, from->m[0]);
	for (size_t i = 1; i < from->n; i++)
		add(to, from->m[i]);
}

/* The broker's life between two answers. */
static void pass_time(struct place *p, double from, double to)
{
	const struct hi_batch *b = p->b;

	if (p->node > 0 || b->restored == 0)
		return;
	/* The copy may hold what came while the broker was being stopped. */
	if (from < b->backup && to >= b->backup) {
		struct worlds now = p->now;

		copy_worlds(&p->kept, &now);
		p->now = p->kept;
		widen(p, b->copied);
		p->kept = p->now;
		p->now = now;
	}
	if (from < b->restoring && to >= b->restoring) {
		copy_worlds(&p->now, &p->kept);
		p->back = true;
	}
}

static int complain(const struct place *p, const struct hi_obs *o)
{
	printf("ANOMALY at %s%d, request %d, seen from %.3f to %.3f; it must know %#x; it may know",
	    p->node == 0 ? "broker" : "host ", p->node, o->link, o->t0 - p->b->begun, o->t1 - p->b->begun,
	    known(p, o->t0));
	for (size_t i = 0; i < p->now.n && i < 16; i++) {
		const struct hi_state st = hi_model(p->b, p->h, o->link, p->now.m[i] | o->mask,
		    (int64_t)o->t0);

		printf(" %#x (", p->now.m[i]);
		for (int s = 0; s < HI_STATES; s++)
			if (HI_IS(st, s))
				printf("%s ", hi_state_name[s]);
		printf("%.3f to %.3f)", st.starts == 0 ? 0 : (double)st.starts - p->b->begun,
		    st.ends == 0 ? 0 : (double)st.ends - p->b->begun);
	}
	printf("%s\n", p->now.n > 16 ? " …" : "");
	hi_print(p->b, p->h);
	return 1;
}

static int by_time(const void *x, const void *y)
{
	const struct hi_obs *a = x, *c = y;

	return a->t0 < c->t0 ? -1 : a->t0 > c->t0;
}

/* A question to the broker that was out when its state was put back: nobody knows which one answered. */
static bool between(const struct hi_batch *b, const struct hi_obs *o)
{
	return o->node == 0 && b->restored != 0 && o->t0 <= b->restored && o->t1 >= b->restoring;
}

static int judge_place(struct place *p)
{
	double at = 0;

	only(&p->now, 0);
	only(&p->kept, 0);
	p->back = false;
	memset(p->window, 0, sizeof(p->window));
	for (size_t i = 0; i < p->h->nobs; i++) {
		const struct hi_obs *o = &p->h->obs[i];

		if (o->node != p->node || between(p->b, o))
			continue;
		pass_time(p, at, o->t0);
		at = o->t0;
		widen(p, o->t1);
		if (!filter(p, o))
			return complain(p, o);
		store_windows(p, o);
	}
	return 0;
}

int hi_judge(struct hi_batch *b)
{
	static struct place p;
	static uint16_t room[2][MASKS];
	int bad = 0;

	p.b = b;
	p.now.m = room[0];
	p.kept.m = room[1];
	for (size_t i = 0; i < b->n && bad < 3; i++) {
		p.h = &b->h[i];
		qsort(p.h->obs, p.h->nobs, sizeof(p.h->obs[0]), by_time);
		for (p.node = 0; p.node < HI_NODES; p.node++)
			bad += judge_place(&p);
	}
	return bad;
}
