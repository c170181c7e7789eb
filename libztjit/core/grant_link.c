/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One request with its approvals, denials and revocations. One principle decides every doubt: what gives
 * access counts only when every condition is met; what takes it away (a denial, a revocation, a shorter
 * limit) counts whenever its author had the right to say it, however it is dated.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/grant_int.h"

#define REVOCATIONS_MAX 64
#define SAY(e, ...) ztj_say((e)->out->text, sizeof(e)->out->text, __VA_ARGS__)

int ztj_eval_end(struct ztj_eval *e, enum ztj_grant_state state, int code)
{
	e->out->state = state;
	e->out->code = code;
	if (e->out->text[0] == 0)
		SAY(e, "%s", ztj_err_text(code));
	return code;
}

/* --- records --- */

static void add_record(struct ztj_eval *e, const struct ztj_record *r)
{
	for (size_t i = 0; i < e->nrecords; i++)
		if (e->record[i] == r)
			return;
	if (e->nrecords < ZTJ_EVAL_RECORDS_MAX)
		e->record[e->nrecords++] = r;
}

static bool records_share(const struct ztj_record *a, const struct ztj_record *b)
{
	if (a->host != b->host)
		return false; /* different key types; each side is compared among itself */
	if (a->host)
		return ztj_key_equal(&a->machine, &b->machine) || ztj_key_equal(&a->tls, &b->tls) ||
		    ztj_key_equal(&a->machine, &b->tls) || ztj_key_equal(&a->tls, &b->machine);
	for (size_t i = 0; i < a->nkeys; i++)
		for (size_t k = 0; k < b->nkeys; k++)
			if (ztj_key_equal(&a->keys[i].key, &b->keys[k].key))
				return true;
	return false;
}

static bool any_shared(const struct ztj_record *const *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (r[i] != r[k] && records_share(r[i], r[k]))
				return true;
	return false;
}

/* --- approvals --- */

static size_t person_index(struct ztj_link *l, const char *who)
{
	size_t i;

	for (i = 0; i < l->match.npeople; i++)
		if (ztj_same_person(l->who[i], who))
			return i;
	if (i < ZTJ_MATCH_PEOPLE_MAX)
		l->who[i] = who;
	return i;
}

static bool dated_well(const struct ztj_eval *e, const struct ztj_stmt *req, const struct ztj_link *l,
    const struct ztj_stmt *st)
{
	return st->issued <= ztj_add_sat(e->now, ZTJ_CLOCK_AHEAD) &&
	    st->issued >= ztj_add_sat(req->issued, -ZTJ_CLOCK_SKEW) && st->issued <= l->req.valid_until;
}

/* A denial and a shorter limit were final when they were given: neither who revokes their author since, nor who takes
 * him out of a directory or gives his key to somebody else, gives back what they took. */
static bool takes_away(struct ztj_eval *e, const struct ztj_stmt *req, struct ztj_link *l,
    const struct ztj_stmt *st)
{
	const struct ztj_rule *rule = l->req.rule;
	const char *who = st->u.approval.who;
	const struct ztj_record *rec;

	if ((!st->u.approval.deny && st->u.approval.limit == 0) || ztj_same_person(who, req->u.request.who))
		return false;
	if (ztj_trust_took(e->t, st, who, &rec) != ZTJ_OK)
		return false;
	if (rec != NULL ? ztj_rule_slots_of(rule, who, rec) == 0
			: !ztj_rule_might_name(ztj_trust_held_policy(e->t), rule, who))
		return false;
	if (st->u.approval.deny)
		l->denied_by = who;
	else if (st->u.approval.limit < l->limit)
		l->limit = st->u.approval.limit;
	return true;
}

/* One approval or denial. They come sorted by time, so the first moment at which the matching is full is the earliest. */
static void weigh(struct ztj_eval *e, const struct ztj_stmt *req, struct ztj_link *l,
    const struct ztj_stmt *st)
{
	const struct ztj_rule *rule = l->req.rule;
	const char *who = st->u.approval.who;
	const struct ztj_record *rec;
	uint8_t slots;
	int r = ztj_trust_signed_by(e->t, st, who, false, e->now, &rec);

	if (takes_away(e, req, l, st) && st->u.approval.deny)
		return;
	if (r != ZTJ_OK) {
		SAY(e, "%s does not count (%s); ", who, ztj_err_text(r));
		return;
	}
	if (ztj_same_person(who, req->u.request.who)) {
		SAY(e, "%s does not count (%s); ", who, ztj_err_text(ZTJ_SELF_APPROVAL));
		return;
	}
	slots = ztj_rule_slots_of(rule, who, rec);
	if (slots == 0) {
		SAY(e, "%s does not count (%s); ", who, ztj_err_text(ZTJ_NOT_APPROVER));
		return;
	}
	add_record(e, rec);
	if (rule->uv && !st->signer[0].info.user_verified) {
		SAY(e, "%s does not count (%s); ", who, ztj_err_text(ZTJ_NO_UV));
		return;
	}
	if (!dated_well(e, req, l, st)) {
		SAY(e, "%s does not count (not dated within the request's time); ", who);
		return;
	}
	if (l->filled != 0)
		return;
	ztj_match_add(&l->match, person_index(l, who), slots);
	if (ztj_match_full(&l->match))
		l->filled = st->issued > req->issued ? st->issued : req->issued;
}

static void weigh_all(struct ztj_eval *e, const struct ztj_stmt *req, struct ztj_link *l)
{
	l->limit = INT64_MAX;
	ztj_match_init(&l->match, l->req.rule);
	if (ztj_match_full(&l->match))
		l->filled = req->issued; /* no approvals needed */
	for (size_t i = 0; i < e->b->n; i++) {
		const struct ztj_stmt *st = e->b->stmt[i];
		if (st->type == ZTJ_STMT_APPROVAL && st->nsigners > 0 &&
		    memcmp(st->u.approval.request, req->id, sizeof req->id) == 0)
			weigh(e, req, l, st);
	}
}

/* --- revocations --- */

static void judge_revocation(struct ztj_eval *e, const struct ztj_stmt *req, struct ztj_link *l,
    const struct ztj_stmt *rev)
{
	const char *who = rev->u.revocation.who;

	if (ztj_request_may_revoke(e->t, req, &l->req, rev, e->now) != ZTJ_OK &&
	    !ztj_request_revoked_once(e->t, req, &l->req, rev))
		return;
	if (l->revoked_by[0] == 0)
		l->cancelled = true;
	(void)snprintf(l->revoked_by, sizeof l->revoked_by, "%s",
	    who[0] != 0 ? who : "a registrar or the broker");
	if (strcmp(who, req->u.request.who) != 0 || (l->starts != 0 && rev->issued >= l->starts))
		l->cancelled = false;
}

/* Those in the bundle, and those this machine holds: a bundle cannot leave them out. */
static int find_revocations(struct ztj_eval *e, const struct ztj_stmt *req, struct ztj_link *l)
{
	struct ztj_stmt *held[REVOCATIONS_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < e->b->n; i++)
		if (e->b->stmt[i]->type == ZTJ_STMT_REVOCATION)
			judge_revocation(e, req, l, e->b->stmt[i]);
	r = ztj_trust_request_revocations(e->t, req->id, held, REVOCATIONS_MAX, &n);
	if (r != ZTJ_OK)
		return r;
	for (size_t i = 0; i < n && i < REVOCATIONS_MAX; i++) {
		judge_revocation(e, req, l, held[i]);
		ztj_stmt_free(held[i]);
	}
	if (n >= REVOCATIONS_MAX && l->revoked_by[0] == 0)
		(void)snprintf(l->revoked_by, sizeof l->revoked_by, "more revocations than can be judged");
	return ZTJ_OK;
}

/* --- the request --- */

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The window, once all slots are filled. room: what is left of the chain's total. */
static void set_window(const struct ztj_stmt *req, struct ztj_link *l, int64_t room)
{
	int64_t length = min64(min64(req->u.request.duration, l->limit), min64(l->req.rule->max, room));

	l->starts = l->filled > req->u.request.start ? l->filled : req->u.request.start;
	l->ends = ztj_add_sat(l->starts, length);
}

static int check_start(struct ztj_eval *e, const struct ztj_stmt *req, const struct ztj_link *prev,
    const struct ztj_link *l)
{
	int64_t latest = ztj_add_sat(req->issued, l->req.rule->ahead);

	if (prev != NULL && prev->ends > latest)
		latest = prev->ends; /* an extension begins where the last one ends */
	return req->u.request.start > latest ? ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_TOO_FAR_AHEAD) : ZTJ_OK;
}

/* Did anybody, or the rule, end it? */
static int check_ended(struct ztj_eval *e, struct ztj_link *l)
{
	if (l->revoked_by[0] != 0) {
		SAY(e, "ended by %s", l->revoked_by);
		return ztj_eval_end(e, l->cancelled ? ZTJ_GRANT_CANCELLED : ZTJ_GRANT_REVOKED,
		    l->cancelled ? ZTJ_CANCELLED : ZTJ_REVOKED);
	}
	if (l->denied_by != NULL) {
		SAY(e, "denied by %s", l->denied_by);
		return ztj_eval_end(e, ZTJ_GRANT_DENIED, ZTJ_DENIED);
	}
	if (l->filled == 0)
		return ZTJ_OK;
	if (l->ends <= l->starts)
		return ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_TOO_LONG);
	if (l->req.rule->has_hours && !ztj_hours_contain(&l->req.rule->hours, l->starts)) {
		SAY(e, "it would begin outside the hours of rule %s", l->req.rule->name);
		return ztj_eval_end(e, ZTJ_GRANT_DENIED, ZTJ_HOURS);
	}
	return ZTJ_OK;
}

int ztj_link_eval(struct ztj_eval *e, const struct ztj_stmt *req, const struct ztj_link *prev, int64_t used,
    struct ztj_link *l)
{
	int r;

	memset(l, 0, sizeof *l);
	e->out->text[0] = 0;
	r = ztj_request_check(e->t, req, e->now, &l->req, e->out->text, sizeof e->out->text);
	e->out->rule = l->req.rule;
	e->out->role = l->req.role;
	e->out->valid_until = l->req.valid_until;
	if (r != ZTJ_OK) /* a person or host that was revoked takes the grant along */
		return ztj_eval_end(e, r == ZTJ_REVOKED ? ZTJ_GRANT_REVOKED : ZTJ_GRANT_INVALID, r);
	if ((r = check_start(e, req, prev, l)) != ZTJ_OK)
		return r;
	add_record(e, l->req.asked.person);
	weigh_all(e, req, l);
	if (any_shared(e->record, e->nrecords) || any_shared(l->req.host, l->req.asked.nhosts))
		return ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_KEY_SHARED);
	if (l->filled != 0)
		set_window(req, l, ztj_add_sat(l->req.rule->max_total, -used));
	if ((r = find_revocations(e, req, l)) != ZTJ_OK)
		return ztj_eval_end(e, ZTJ_GRANT_INVALID, r);
	return check_ended(e, l);
}
