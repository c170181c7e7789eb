/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Runs a policy's own tests through the grant function itself: people and hosts become records of an unsigned
 * trust, the request and the approvals become statements whose signatures are taken as made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/grant.h"
#include "libztjit/core/policy_int.h"

#define APPROVALS_MAX (2 * ZTJ_LIST_MAX)
#define KEY_FROM 946684800 /* 2000-01-01: before any test */
#define DEFAULT_REASON "a reason that the policy's own test gives, long enough for any rule"

struct run {
	const struct ztj_policy *p;
	struct ztj_policy asked; /* p without what the test leaves out */
	const struct ztj_pol_test *test;
	struct ztj_trust *trust;
	int64_t now;
	char reason[ZTJ_REASON_MAX + 1]; /* as long as any rule wants, unless the test gives one */
	size_t n;
	struct ztj_stmt stmt[1 + APPROVALS_MAX];
	const char *hosts[ZTJ_LIST_MAX];
	struct ztj_bundle bundle;
	struct ztj_grant grant;
};

/* A key that stands for somebody: nothing is ever signed with it. */
static int stand_in_key(const char *purpose, const char *name, enum ztj_key_type type, struct ztj_key *k)
{
	char text[160];

	memset(k, 0, sizeof *k);
	(void)snprintf(text, sizeof text, "%s of %s", purpose, name);
	k->type = type;
	k->pub_len = 32;
	if (type == ZTJ_KEY_SK_ED25519)
		(void)snprintf(k->application, sizeof k->application, "ssh:");
	return ztj_sha256(ztj_view_str(text), k->pub);
}

static int build_person(const struct ztj_pol_actor *a, uint32_t uid, struct ztj_buf *out)
{
	struct ztj_userkey key = { .credential = "", .from = KEY_FROM };
	struct ztj_record rec = { .name = ztj_fullname_tail(a->full),
		.uid = uid,
		.nkeys = 1,
		.keys = &key,
		.ngroups = a->groups.n,
		.groups = a->groups.s };
	int r = stand_in_key("key", a->full, ZTJ_KEY_SK_ED25519, &key.key);

	return r == ZTJ_OK ? ztj_record_build(&rec, out) : r;
}

static int build_host(const struct ztj_pol_actor *a, struct ztj_buf *out)
{
	struct ztj_key ssh;
	struct ztj_record rec = { .host = true,
		.name = ztj_fullname_tail(a->full),
		.nlabels = a->nlabels,
		.labels = a->labels,
		.nssh = 1,
		.ssh = &ssh };
	int r;

	if ((r = stand_in_key("machine key", a->full, ZTJ_KEY_ED25519, &rec.machine)) != ZTJ_OK ||
	    (r = stand_in_key("tls key", a->full, ZTJ_KEY_ED25519, &rec.tls)) != ZTJ_OK ||
	    (r = stand_in_key("host key", a->full, ZTJ_KEY_ED25519, &ssh)) != ZTJ_OK)
		return r;
	return ztj_record_build(&rec, out);
}

static bool in_directory(const struct ztj_pol_actor *a, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(a->full, directory, n) == 0 && a->full[n] == '/';
}

/* The records of one directory, sorted by name as both lists are; bufs own the bytes. */
static int collect(const struct run *run, const struct ztj_registrar *reg, struct ztj_buf *bufs,
    struct ztj_view *put, size_t *n)
{
	const struct ztj_pol_test *t = run->test;
	size_t p = 0, h = 0;
	int r = ZTJ_OK;

	*n = 0;
	while ((p < t->npeople || h < t->nhosts) && r == ZTJ_OK) {
		bool host = p == t->npeople ||
		    (h < t->nhosts && strcmp(t->hosts[h].name, t->people[p].name) < 0);
		const struct ztj_pol_actor *a = host ? &t->hosts[h++] : &t->people[p++];
		if (!in_directory(a, reg->directory))
			continue;
		ztj_buf_init(&bufs[*n], ZTJ_RECORD_MAX);
		if (!host && reg->uid_max - reg->uid_min < p - 1)
			r = ZTJ_LIMIT; /* more people than uids */
		else
			r = host ? build_host(a, &bufs[*n])
				 : build_person(a, reg->uid_min + (uint32_t)(p - 1), &bufs[*n]);
		put[*n] = ztj_buf_view(&bufs[*n]);
		(*n)++;
	}
	return r;
}

static int add_directory(struct run *run, const struct ztj_registrar *reg)
{
	size_t max = run->test->npeople + run->test->nhosts, n = 0;
	struct ztj_buf *bufs = calloc(max + 1, sizeof *bufs);
	struct ztj_view *put = calloc(max + 1, sizeof *put);
	struct ztj_dir *dir = NULL;
	int r = ZTJ_NOMEM;

	if (bufs != NULL && put != NULL)
		r = collect(run, reg, bufs, put, &n);
	if (r == ZTJ_OK && n > 0) {
		struct ztj_dir_delta delta = { .nput = n, .put = put };
		r = ztj_dir_apply(NULL, reg->directory, &delta, &dir);
		if (r == ZTJ_OK && (r = ztj_trust_add_unsigned(run->trust, dir)) != ZTJ_OK)
			ztj_dir_free(dir);
	}
	for (size_t i = 0; i < n; i++)
		ztj_buf_free(&bufs[i]);
	free(bufs);
	free(put);
	return r;
}

static const struct ztj_pol_actor *find_actor(const struct ztj_pol_actor *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static int sign_as(struct run *run, struct ztj_stmt *st, const char *full)
{
	char name[16];

	(void)snprintf(name, sizeof name, "%zu", run->n);
	st->domain = run->p->domain;
	st->nonce = "";
	st->issued = run->now;
	st->nsigners = 1;
	st->signer[0].info = (struct ztj_sig_info){ .is_sk = true,
		.user_present = true,
		.user_verified = run->test->uv };
	run->bundle.stmt[run->n++] = st;
	if (stand_in_key("key", full, ZTJ_KEY_SK_ED25519, &st->signer[0].key) != ZTJ_OK)
		return ZTJ_CRYPTO_LIB;
	return ztj_stmt_id(ztj_view_str(name), st->id);
}

static int make_request(struct run *run)
{
	const struct ztj_pol_test *t = run->test;
	const struct ztj_pol_actor *who = find_actor(t->people, t->npeople, t->request.who);
	struct ztj_stmt *st = &run->stmt[0];

	if (who == NULL)
		return ZTJ_INTERNAL;
	for (size_t i = 0; i < t->request.hosts.n; i++) {
		const struct ztj_pol_actor *h = find_actor(t->hosts, t->nhosts, t->request.hosts.s[i]);
		if (h == NULL)
			return ZTJ_INTERNAL;
		run->hosts[i] = h->full;
	}
	for (size_t n = 0; n + 1 < sizeof run->reason && t->request.reason == NULL; n++)
		run->reason[n] = DEFAULT_REASON[n % (sizeof DEFAULT_REASON - 1)];
	st->type = ZTJ_STMT_REQUEST;
	st->u.request.who = who->full;
	st->u.request.role = t->request.role;
	st->u.request.reason = t->request.reason != NULL ? t->request.reason : run->reason;
	st->u.request.ticket = t->request.ticket != NULL ? t->request.ticket : "";
	st->u.request.hosts = run->hosts;
	st->u.request.nhosts = t->request.hosts.n;
	st->u.request.duration = t->request.duration;
	st->u.request.start = t->request.start;
	st->u.request.valid_until = run->now + ZTJ_DURATION_MAX;
	st->u.request.break_glass = t->request.break_glass;
	return sign_as(run, st, who->full);
}

static int make_answers(struct run *run, const struct ztj_strs *names, bool deny)
{
	const struct ztj_pol_test *t = run->test;
	int r = ZTJ_OK;

	for (size_t i = 0; i < names->n && r == ZTJ_OK; i++) {
		const struct ztj_pol_actor *who = find_actor(t->people, t->npeople, names->s[i]);
		struct ztj_stmt *st = &run->stmt[run->n];
		if (who == NULL || run->n == 1 + APPROVALS_MAX || run->n == ZTJ_BUNDLE_STMTS_MAX)
			return ZTJ_INTERNAL;
		st->type = ZTJ_STMT_APPROVAL;
		st->u.approval.who = who->full;
		st->u.approval.comment = "";
		st->u.approval.deny = deny;
		memcpy(st->u.approval.request, run->stmt[0].id, ZTJ_DIGEST_LEN);
		r = sign_as(run, st, who->full);
	}
	return r;
}

/* A test that names no ticket does not test tickets, one that names no time is within everybody's hours. */
static int leave_out(struct run *run)
{
	struct ztj_policy *p = &run->asked;

	*p = *run->p;
	p->rules = calloc(p->nrules + 1, sizeof *p->rules);
	if (p->rules == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < p->nrules; i++) {
		p->rules[i] = run->p->rules[i];
		if (run->test->request.ticket == NULL)
			p->rules[i].ticket = "";
		if (run->test->at == 0)
			p->rules[i].has_hours = false;
	}
	return ZTJ_OK;
}

static int evaluate(struct run *run)
{
	int r = leave_out(run);

	if (r == ZTJ_OK)
		r = ztj_trust_for_tests(&run->asked, &run->trust);
	for (size_t i = 0; i < run->p->nregistrars && r == ZTJ_OK; i++)
		r = add_directory(run, &run->p->registrars[i]);
	if (r != ZTJ_OK || (r = make_request(run)) != ZTJ_OK ||
	    (r = make_answers(run, &run->test->approved_by, false)) != ZTJ_OK ||
	    (r = make_answers(run, &run->test->denied_by, true)) != ZTJ_OK)
		return r;
	run->bundle.n = run->n;
	run->bundle.request = &run->stmt[0];
	ztj_grant_eval(run->trust, &run->bundle, run->now, &run->grant);
	return ZTJ_OK;
}

/* --- judging --- */

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; list != NULL && i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

/* "approved" is a grant that was approved, begun or not. */
static bool outcome_is(const struct ztj_grant *g, const char *expect)
{
	if (strcmp(expect, "approved") == 0)
		return g->state == ZTJ_GRANT_APPROVED || g->state == ZTJ_GRANT_ACTIVE;
	return strcmp(expect, ztj_grant_state_name(g->state)) == 0 ||
	    (g->code != ZTJ_OK && strcmp(expect, ztj_err_name(g->code)) == 0);
}

/* Every missing slot is named by one of `needs`, and every one of them names a missing slot. */
static bool needs_are(const struct ztj_grant *g, const struct ztj_strs *needs)
{
	for (size_t i = 0; i < g->nmissing; i++) {
		bool named = false;
		for (size_t k = 0; k < needs->n && !named; k++)
			named = in_list(&g->rule->slot[g->missing[i]].from, needs->s[k]);
		if (!named)
			return false;
	}
	for (size_t k = 0; k < needs->n; k++) {
		bool missing = false;
		for (size_t i = 0; i < g->nmissing && !missing; i++)
			missing = in_list(&g->rule->slot[g->missing[i]].from, needs->s[k]);
		if (!missing)
			return false;
	}
	return true;
}

static bool judge(const struct run *run, struct ztj_buf *report)
{
	const struct ztj_pol_test *t = run->test;
	const struct ztj_grant *g = &run->grant;
	const char *rule = g->rule != NULL ? g->rule->name : "none";

	if (!outcome_is(g, t->expect))
		ztj_buf_printf(report, "FAILED %s: expected %s, got %s (%s): %s\n", t->name, t->expect,
		    ztj_grant_state_name(g->state), ztj_err_name(g->code), g->text);
	else if (t->rule != NULL && strcmp(t->rule, rule) != 0)
		ztj_buf_printf(report, "FAILED %s: expected rule %s, got %s\n", t->name, t->rule, rule);
	else if (t->needs.n > 0 && !needs_are(g, &t->needs))
		ztj_buf_printf(report, "FAILED %s: other approvals are missing than expected: %s\n", t->name,
		    g->text);
	else {
		ztj_buf_printf(report, "ok %s\n", t->name);
		return true;
	}
	return false;
}

static int run_one(const struct ztj_policy *p, const struct ztj_pol_test *t, int64_t now,
    struct ztj_buf *report, bool *ok)
{
	struct run *run = calloc(1, sizeof *run);
	int r;

	*ok = false;
	if (run == NULL)
		return ZTJ_NOMEM;
	run->p = p;
	run->test = t;
	run->now = t->at != 0 ? t->at : now;
	r = evaluate(run);
	if (r == ZTJ_OK)
		*ok = judge(run, report);
	ztj_trust_free(run->trust);
	free(run->asked.rules);
	free(run);
	return r;
}

int ztj_policy_run_tests(const struct ztj_policy *p, int64_t now, struct ztj_buf *report)
{
	const struct ztj_pol_priv *priv = p->priv;
	bool all = true, ok;
	int r;

	for (size_t i = 0; i < priv->ntests; i++) {
		if ((r = run_one(p, &priv->tests[i], now, report, &ok)) != ZTJ_OK)
			return r;
		all = all && ok;
	}
	if ((r = ztj_buf_status(report)) != ZTJ_OK)
		return r;
	return all ? ZTJ_OK : ZTJ_POLICY_TEST;
}
