/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What will be said and asked, and when, from the seed alone; and the statements themselves, signed when they are said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/history/history.h"

double hi_now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

uint64_t hi_next(struct hi_random *r)
{
	uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned hi_below(struct hi_random *r, unsigned n)
{
	return (unsigned)(hi_next(r) % n);
}

double hi_between(struct hi_random *r, double from, double to)
{
	return from + (to - from) * (double)(hi_next(r) >> 11) / 9007199254740992.0;
}

void hi_policy(struct ztj_buf *rules)
{
	static const char common[] =
	    "hosts = { env = \"prod\"; }; request_valid = \"1h\"; ahead = \"1d\"; verify = \"uv\";"
	    " step_up = [ \"agent\" ]; step_up_every = \"1h\"; reason_min = 3; freshness = \"15m\";"
	    " on_stale = \"deny\";";

	ok(ztj_buf_printf(rules,
	    "rules = (\n  { name = \"mark\"; who = [ \"%s\" ]; roles = [ \"root-mark\" ]; max = \"1h\"; max_total = \"1h\";"
	    " approvals = ( ); %s }",
	    "people/out1", common));
	for (size_t i = 0; i < HI_RULES; i++) {
		const struct hi_rule *u = &hi_rule[i];

		ok(ztj_buf_printf(rules,
		    ",\n  { name = \"%s\"; who = [ \"@sre\" ]; roles = [ \"%s\" ]; max = \"%s\"; max_total = \"%llds\"; %s"
		    " approvals = (",
		    u->role, u->role, u->nunits == 0 ? "4s" : "1h", (long long)u->total, common));
		for (unsigned k = 0; k < u->nunits; k++)
			ok(ztj_buf_printf(rules, "%s { count = 1; from = [ \"@%s\"%s%s%s ]; }",
			    k > 0 ? "," : "", u->from[k][0], u->from[k][1] != NULL ? ", \"@" : "",
			    u->from[k][1] != NULL ? u->from[k][1] : "", u->from[k][1] != NULL ? "\"" : ""));
		ok(ztj_buf_puts(rules, " ); }"));
	}
	ok(ztj_buf_puts(rules, "\n);\n"));
}

/* --- the plan of one history --- */

static void add_op(struct hi_history *h, double at, enum hi_op_kind kind, int link, int arg)
{
	if (h->nops < HI_OPS)
		h->op[h->nops++] = (struct hi_op){ .at = at, .kind = kind, .link = link, .arg = arg };
}

/* again: a client that heard nothing says it once more. */
static int say(struct hi_history *h, struct hi_random *r, double at, struct hi_stmt s)
{
	int i = (int)h->nstmts;

	if (h->nstmts == HI_STMTS)
		return -1;
	h->stmt[h->nstmts++] = s;
	add_op(h, at, HI_OP_SEND, s.link, i);
	if (hi_chance(r, 25))
		add_op(h, at + hi_between(r, 0.05, 1.0), HI_OP_SEND, s.link, i);
	return i;
}

static int somebody(struct hi_random *r)
{
	return (int)hi_below(r, FX_PEOPLE);
}

/* One who may approve, and is not in `but` (bits). */
static int approver(struct hi_random *r, int rule, unsigned but)
{
	for (int i = 0; i < 100; i++) {
		int who = somebody(r);

		if (hi_may_approve(rule, who) && (but >> who & 1) == 0)
			return who;
	}
	return FX_LEAD1;
}

static void plan_link(struct hi_history *h, struct hi_random *r, int link, double at)
{
	struct hi_link *l = &h->link[link];
	unsigned used = 1u << h->requester;

	l->rule = link == 0 ? (int)hi_below(r, HI_RULES) : h->link[0].rule;
	l->hosts = link == 0 ? 1 + hi_below(r, 3) : h->link[0].hosts;
	l->duration = l->rule == HI_RULE_AUTO ? 1 + hi_below(r, 4)
	    : hi_chance(r, 50)                ? 1 + hi_below(r, 3)
					      : 600 + hi_below(r, 3000);
	l->start_in = hi_chance(r, 15) ? 1 + hi_below(r, 2) : 0;
	l->valid_in = hi_chance(r, 25) ? 1 + hi_below(r, 3) : 1800;
	(void)say(h, r, at, (struct hi_stmt){ .kind = HI_REQUEST, .link = link, .who = h->requester });
	/* Mostly those whose word is needed, in any order. */
	if (hi_chance(r, 85))
		for (unsigned k = 0; k < hi_rule[l->rule].nunits; k++) {
			int who = approver(r, l->rule, used);

			used |= 1u << who;
			(void)say(h, r, at + hi_between(r, 0.02, 1.2),
			    (struct hi_stmt){ .kind = HI_APPROVE,
				.link = link,
				.who = who,
				.limit = hi_chance(r, 20) ? 1 + hi_below(r, 3) : 0 });
		}
}

static void disturb(struct hi_history *h, struct hi_random *r, double base)
{
	unsigned n = hi_below(r, 4);

	for (unsigned i = 0; i < n; i++) {
		int link = (int)hi_below(r, (unsigned)h->nlinks), rule = h->link[link].rule;
		unsigned dice = hi_below(r, 100);
		struct hi_stmt s = { .link = link };

		s.kind = dice < 40 ? HI_APPROVE : dice < 65 ? HI_DENY : HI_REVOKE;
		s.who = dice < 8 || (dice >= 65 && dice < 80) ? h->requester /* approves himself; cancels */
		    : dice >= 95                              ? -1
		    : hi_chance(r, 10)                        ? somebody(r)
							      : approver(r, rule, 1u << h->requester);
		if (s.kind == HI_APPROVE && hi_chance(r, 40))
			s.limit = 1 + hi_below(r, 4);
		(void)say(h, r, base + hi_between(r, 0.1, 2.5), s);
	}
}

static void plan_one(struct hi_history *h, struct hi_random *r)
{
	double base = hi_between(r, 0, HI_SECONDS - 2.2);
	unsigned uses = 3 + hi_below(r, 4);

	h->requester = hi_chance(r, 50) ? FX_REQ1 : FX_REQ2;
	h->nlinks = hi_chance(r, 20) ? 2 : 1;
	plan_link(h, r, 0, base);
	if (h->nlinks == 2)
		plan_link(h, r, 1, base + hi_between(r, 0.4, 1.5));
	disturb(h, r, base);
	for (unsigned i = 0; i < uses; i++) {
		int link = (int)hi_below(r, (unsigned)h->nlinks);

		add_op(h, base + hi_between(r, 0.1, 3.0), HI_OP_USE, link, (int)hi_below(r, HI_HOSTS));
		h->op[h->nops - 1].carried = hi_chance(r, 40);
	}
	for (unsigned i = 0; i < 3; i++)
		add_op(h, base + hi_between(r, 0.1, 2.8), hi_chance(r, 60) ? HI_OP_GET : HI_OP_CERT,
		    (int)hi_below(r, (unsigned)h->nlinks), 0);
}

void hi_plan(struct hi_batch *b, struct hi_random *r)
{
	static const int may_go[] = { FX_REQ2, FX_LEAD1, FX_LEAD2, FX_SEC1, FX_BOTH1 };

	b->h = calloc(b->n, sizeof(*b->h));
	assert_non_null(b->h);
	for (size_t i = 0; i < b->n; i++) {
		b->h[i].number = (unsigned)i;
		plan_one(&b->h[i], r);
	}
	b->ngone = 1 + hi_below(r, HI_GONE);
	for (size_t i = 0; i < b->ngone; i++) {
		b->gone[i] = (struct hi_stmt){ .kind = HI_GONE_PERSON,
			.who = may_go[hi_below(r, 5)],
			.limit = 1 + hi_below(r, 2) };
		b->gone_at[i] = hi_between(r, 0.5, HI_SECONDS - 1);
	}
}

void hi_free(struct hi_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; k < b->h[i].nstmts; k++)
			free(b->h[i].stmt[k].json);
		for (size_t k = 0; k < HI_LINKS; k++)
			free(b->h[i].cert[k]);
	}
	for (size_t i = 0; i < b->ngone; i++)
		free(b->gone[i].json);
	free(b->h);
}

/* --- the statements --- */

static void keep(struct hi_stmt *s, struct fx_signed *fx, int64_t issued)
{
	struct ztj_buf json;

	ztj_buf_init(&json, HI_CERT_MAX - 1);
	ok(ztj_signed_to_json(&fx->s, &json));
	s->json = strdup(ztj_buf_str(&json));
	assert_non_null(s->json);
	memcpy(s->id, fx->id, sizeof(s->id));
	s->issued = issued;
	s->made = true;
	ztj_buf_free(&json);
	fx_signed_free(fx);
}

static void make_request(struct hi_batch *b, struct hi_link *l, const uint8_t *follows, struct hi_stmt *s,
    const char *role)
{
	const struct fx_world *w = &b->b.w;
	const struct soft_key *k = &w->person[s->who].key;
	const char *hosts[HI_HOSTS];
	struct fx_signed fx;
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = w->person[s->who].full;
	st.u.request.role = role;
	st.u.request.hosts = hosts;
	for (int i = 0; i < HI_HOSTS; i++)
		if ((l->hosts >> i & 1) != 0)
			hosts[st.u.request.nhosts++] = w->host[FX_WEB1 + i].full;
	st.u.request.duration = l->duration;
	l->start = st.u.request.start = l->start_in == 0 ? 0 : w->now + l->start_in;
	l->valid_until = st.u.request.valid_until = w->now + l->valid_in;
	st.u.request.reason = "a history";
	st.u.request.ticket = "";
	if (follows != NULL) {
		st.u.request.has_follows = true;
		memcpy(st.u.request.follows, follows, ZTJ_DIGEST_LEN);
	}
	fx_stmt_sign(&st, FX_UV, &k, 1, &fx);
	keep(s, &fx, w->now);
}

void hi_make(struct hi_batch *b, struct hi_history *h, int i)
{
	struct hi_stmt *s = &h->stmt[i];
	struct fx_world *w = &b->b.w;
	const struct soft_key *k;
	const uint8_t *about = NULL;
	struct fx_signed fx;
	struct ztj_stmt st;
	char why[32]; /* equal statements of one second would be one */

	(void)snprintf(why, sizeof(why), "a history, %d", i);
	bk_clock(&b->b);
	for (size_t n = 0; n < h->nstmts; n++)
		if (h->stmt[n].kind == HI_REQUEST && h->stmt[n].link == (s->kind == HI_REQUEST ? 0 : s->link))
			about = h->stmt[n].id;
	if (s->kind == HI_REQUEST) {
		make_request(b, &h->link[s->link], s->link > 0 ? about : NULL, s,
		    hi_rule[h->link[s->link].rule].role);
		return;
	}
	assert_non_null(about);
	k = s->who < 0 ? &w->registrar[0] : &w->person[s->who].key;
	fx_stmt(w, &st, s->kind == HI_REVOKE ? ZTJ_STMT_REVOCATION : ZTJ_STMT_APPROVAL);
	if (s->kind == HI_REVOKE) {
		st.u.revocation.who = s->who < 0 ? "" : w->person[s->who].full;
		st.u.revocation.reason = why;
		st.u.revocation.what = ZTJ_REVOKES_REQUEST;
		memcpy(st.u.revocation.request, about, ZTJ_DIGEST_LEN);
	} else {
		st.u.approval.who = w->person[s->who].full;
		memcpy(st.u.approval.request, about, ZTJ_DIGEST_LEN);
		st.u.approval.deny = s->kind == HI_DENY;
		st.u.approval.limit = s->limit;
		st.u.approval.comment = why;
	}
	fx_stmt_sign(&st, FX_UV, &k, 1, &fx);
	keep(s, &fx, w->now);
}

void hi_make_gone(struct hi_batch *b, size_t i)
{
	struct hi_stmt *s = &b->gone[i];
	struct fx_signed fx;

	bk_clock(&b->b);
	s->until = b->b.w.now + s->limit;
	/* Two of one person in one second must differ. */
	s->until += (int64_t)i;
	fx_revoke_name(&b->b.w, &b->b.w.registrar[0], false, b->b.w.person[s->who].full, b->b.dir_serial[0],
	    s->until, &fx);
	keep(s, &fx, b->b.w.now);
}

void hi_make_mark(struct hi_batch *b, struct hi_stmt *s)
{
	struct hi_link l = { .hosts = 3, .duration = 600, .valid_in = 1800 };

	*s = (struct hi_stmt){ .kind = HI_REQUEST, .who = HI_NOBODY };
	bk_clock(&b->b);
	make_request(b, &l, NULL, s, "root-mark");
}

/* --- as a list for people --- */

static void print_stmt(const struct hi_batch *b, const struct hi_stmt *s)
{
	static const char *const kind[] = { "request", "approve", "deny", "revoke", "person revoked" };

	printf("%s by %s", kind[s->kind], s->who < 0 ? "the registrar" : b->b.w.person[s->who].name);
	if (s->limit > 0)
		printf(" for %llds", (long long)s->limit);
	if (s->made)
		printf(", dated %.3f:", (double)s->issued - b->begun);
	for (size_t i = 0; i < s->nposts; i++)
		printf(" sent %.3f to %.3f: %d %s;", s->post[i].t0 - b->begun, s->post[i].t1 - b->begun,
		    s->post[i].status, s->post[i].error);
	printf("\n");
}

void hi_print(const struct hi_batch *b, const struct hi_history *h)
{
	static const char *const what[] = { "state", "certificate", "refusal of statement", "line", "login",
		"kill", "still running" };

	printf("history %u of seed %llu (seconds since %.3f), asked by %s\n", h->number,
	    (unsigned long long)b->seed, b->begun, b->b.w.person[h->requester].name);
	for (size_t i = 0; i < h->nlinks; i++) {
		const struct hi_link *l = &h->link[i];

		printf("  request %zu: %s, hosts %u, for %llds, start %.3f, valid until %.3f\n", i,
		    hi_rule[l->rule].role, l->hosts, (long long)l->duration,
		    l->start == 0 ? 0 : (double)l->start - b->begun, (double)l->valid_until - b->begun);
	}
	for (size_t i = 0; i < h->nstmts; i++) {
		printf("  %zu (of request %d) ", i, h->stmt[i].link);
		print_stmt(b, &h->stmt[i]);
	}
	for (size_t i = 0; i < b->ngone; i++) {
		printf("  gone %zu until %.3f ", i, (double)b->gone[i].until - b->begun);
		print_stmt(b, &b->gone[i]);
	}
	for (size_t i = 0; i < h->nobs; i++) {
		const struct hi_obs *o = &h->obs[i];

		printf("  saw at %s%d, %.3f to %.3f, request %d: %s %s states %#x statements %#x %s\n",
		    o->node == 0 ? "broker" : "host ", o->node, o->t0 - b->begun, o->t1 - b->begun, o->link,
		    what[o->what], o->node == 0 ? "" : ztj_err_name(o->code), o->states, o->mask, o->text);
	}
	if (b->restored != 0)
		printf("  the copy of %.3f was put back at %.3f to %.3f\n", b->backup - b->begun,
		    b->restoring - b->begun, b->restored - b->begun);
	for (size_t i = 0; i < b->nmarks; i++)
		printf("  host %d knows at %.3f what the broker had at %.3f\n", b->mark[i].node,
		    b->mark[i].seen - b->begun, b->mark[i].sent - b->begun);
}
