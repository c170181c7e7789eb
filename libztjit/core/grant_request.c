/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A request by itself: may it be asked at all, and who may approve or end it. */
#include <string.h>

#include "libztjit/core/grant_int.h"

#define SAY(...) ztj_say(text, size, __VA_ARGS__)

static int find_hosts(const struct ztj_trust *t, const struct ztj_stmt *req, int64_t now,
    struct ztj_request_state *out, char *text, size_t size)
{
	if (req->u.request.nhosts == 0 || req->u.request.nhosts > ZTJ_HOSTS_MAX)
		return ZTJ_HOST_UNKNOWN;
	for (size_t i = 0; i < req->u.request.nhosts; i++) {
		int r = ztj_trust_host(t, req->u.request.hosts[i], now, &out->host[i]);
		if (r != ZTJ_OK) {
			SAY("host %s: %s", req->u.request.hosts[i], ztj_err_text(r));
			return r;
		}
	}
	out->asked.host = out->host;
	out->asked.nhosts = req->u.request.nhosts;
	return ZTJ_OK;
}

/* What the rule demands of the request's own text. */
static int check_demands(const struct ztj_stmt *req, const struct ztj_rule *rule, char *text, size_t size)
{
	int64_t have = ztj_reason_length(req->u.request.reason);

	if (rule->uv && !req->signer[0].info.user_verified) {
		SAY("rule %s wants the request signed with PIN or biometric", rule->name);
		return ZTJ_NO_UV;
	}
	if (have < rule->reason_min) {
		SAY("rule %s wants a reason of %lld characters, this one has %lld", rule->name,
		    (long long)rule->reason_min, (long long)have);
		return ZTJ_REASON_SHORT;
	}
	if (ztj_ticket_check(rule->ticket, req->u.request.ticket) != ZTJ_OK) {
		SAY("rule %s wants a ticket that matches %s", rule->name, rule->ticket);
		return ZTJ_TICKET;
	}
	return ZTJ_OK;
}

static int find_rule(const struct ztj_policy *p, const struct ztj_stmt *req, struct ztj_request_state *out,
    char *text, size_t size)
{
	int r;

	out->asked.role = req->u.request.role;
	out->asked.start = req->u.request.start != 0 ? req->u.request.start : req->issued;
	out->asked.break_glass = req->u.request.break_glass;
	out->role = ztj_policy_role(p, req->u.request.role);
	out->rule = out->role != NULL ? ztj_rule_select(p, &out->asked, &r) : NULL;
	if (out->role == NULL) {
		SAY("the policy has no role %s", req->u.request.role);
		return ZTJ_NO_RULE;
	}
	if (out->rule == NULL) {
		SAY("no rule lets %s have the role %s on %s%s%s", req->u.request.who, req->u.request.role,
		    req->u.request.hosts[0], req->u.request.nhosts > 1 ? " and the other hosts together" : "",
		    r == ZTJ_HOURS ? " at that hour" : "");
		return r;
	}
	out->valid_until = ztj_add_sat(req->issued, out->rule->request_valid);
	if (req->u.request.valid_until < out->valid_until)
		out->valid_until = req->u.request.valid_until;
	return check_demands(req, out->rule, text, size);
}

int ztj_request_check(const struct ztj_trust *t, const struct ztj_stmt *req, int64_t now,
    struct ztj_request_state *out, char *text, size_t size)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	int r;

	memset(out, 0, sizeof *out);
	if (p == NULL || req == NULL || req->type != ZTJ_STMT_REQUEST || req->nsigners == 0)
		return p == NULL ? ZTJ_NOT_READY : ZTJ_STMT_TYPE;
	if (p->expires <= now)
		return ZTJ_POLICY_EXPIRED;
	if (req->issued > ztj_add_sat(now, ZTJ_CLOCK_AHEAD))
		return ZTJ_FUTURE;
	if ((r = ztj_trust_seen(t, &req->seen)) != ZTJ_OK)
		return r;
	if (req->u.request.duration < 1 || req->u.request.valid_until < req->issued)
		return ZTJ_BAD_TIME;
	out->asked.who = req->u.request.who;
	r = ztj_trust_signed_by(t, req, out->asked.who, false, now, &out->asked.person);
	if (r != ZTJ_OK) {
		SAY("requester %s: %s", out->asked.who, ztj_err_text(r));
		return r;
	}
	if ((r = find_hosts(t, req, now, out, text, size)) != ZTJ_OK)
		return r;
	return find_rule(p, req, out, text, size);
}

static bool is_key_of(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

/* Is k a key of the registrar of that full name's directory? */
static bool is_registrar_of(const struct ztj_policy *p, const char *fullname, const struct ztj_key *k)
{
	for (size_t i = 0; i < p->nregistrars; i++) {
		const struct ztj_registrar *r = &p->registrars[i];
		size_t n = strlen(r->directory);
		if (strncmp(fullname, r->directory, n) == 0 && fullname[n] == '/' &&
		    is_key_of(r->keys, r->nkeys, k))
			return true;
	}
	return false;
}

static int key_may_revoke(const struct ztj_policy *p, const struct ztj_stmt *req, const struct ztj_stmt *rev)
{
	const struct ztj_key *k = &rev->signer[0].key;

	if (ztj_policy_key_revoked(p, k))
		return ZTJ_KEY_REVOKED;
	if (is_key_of(p->broker.online, p->broker.nonline, k) || is_registrar_of(p, req->u.request.who, k))
		return ZTJ_OK;
	for (size_t i = 0; i < req->u.request.nhosts; i++)
		if (is_registrar_of(p, req->u.request.hosts[i], k))
			return ZTJ_OK;
	return ZTJ_SIGNER;
}

int ztj_request_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *req,
    const struct ztj_request_state *state, const struct ztj_stmt *rev, int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_record *author;
	int r;

	if (p == NULL || rev->type != ZTJ_STMT_REVOCATION || rev->nsigners == 0)
		return ZTJ_STMT_TYPE;
	if (rev->u.revocation.what != ZTJ_REVOKES_REQUEST ||
	    memcmp(rev->u.revocation.request, req->id, sizeof req->id) != 0)
		return ZTJ_WRONG_REQUEST;
	if (rev->u.revocation.who[0] == 0)
		return key_may_revoke(p, req, rev);
	r = ztj_trust_signed_by(t, rev, rev->u.revocation.who, false, now, &author);
	if (r != ZTJ_OK)
		return r;
	if (strcmp(rev->u.revocation.who, req->u.request.who) == 0)
		return ZTJ_OK;
	if (state->rule != NULL && ztj_rule_slots_of(state->rule, rev->u.revocation.who, author) != 0)
		return ZTJ_OK;
	return ZTJ_FORBIDDEN;
}

bool ztj_request_revoked_once(const struct ztj_trust *t, const struct ztj_stmt *req,
    const struct ztj_request_state *state, const struct ztj_stmt *rev)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const char *who = rev->u.revocation.who;
	const struct ztj_record *author;

	if (p == NULL || state->rule == NULL || who[0] == 0 ||
	    rev->u.revocation.what != ZTJ_REVOKES_REQUEST ||
	    memcmp(rev->u.revocation.request, req->id, sizeof req->id) != 0)
		return false;
	if (ztj_trust_took(t, rev, who, &author) != ZTJ_OK)
		return false;
	if (strcmp(who, req->u.request.who) == 0)
		return true;
	return author != NULL ? ztj_rule_slots_of(state->rule, who, author) != 0
			      : ztj_rule_might_name(p, state->rule, who);
}

int ztj_grant_may_request(const struct ztj_trust *t, const struct ztj_stmt *request, int64_t now,
    struct ztj_grant *why)
{
	struct ztj_request_state st;
	const struct ztj_rule *rule;
	int r;

	memset(why, 0, sizeof *why);
	r = ztj_request_check(t, request, now, &st, why->text, sizeof why->text);
	rule = why->rule = st.rule;
	why->role = st.role;
	why->valid_until = st.valid_until;
	if (r == ZTJ_OK && rule == NULL)
		r = ZTJ_INTERNAL;
	if (r == ZTJ_OK && request->issued > ztj_add_sat(now, ZTJ_CLOCK_SKEW))
		r = ZTJ_FUTURE;
	if (r == ZTJ_OK && request->u.request.duration > rule->max) {
		ztj_say(why->text, sizeof why->text, "rule %s allows %lld seconds at most", rule->name,
		    (long long)rule->max);
		r = ZTJ_TOO_LONG;
	}
	if (r == ZTJ_OK && request->u.request.valid_until > st.valid_until) {
		ztj_say(why->text, sizeof why->text, "rule %s lets a request wait for %lld seconds at most",
		    rule->name, (long long)rule->request_valid);
		r = ZTJ_TOO_LONG;
	}
	/* an extension begins where what it follows ends: only the whole bundle can tell */
	if (r == ZTJ_OK && !request->u.request.has_follows &&
	    request->u.request.start > ztj_add_sat(request->issued, rule->ahead))
		r = ZTJ_TOO_FAR_AHEAD;
	if (r == ZTJ_OK && now > st.valid_until)
		r = ZTJ_EXPIRED;
	why->state = r == ZTJ_OK ? ZTJ_GRANT_PENDING : ZTJ_GRANT_INVALID;
	why->code = r == ZTJ_OK ? ZTJ_PENDING : r;
	if (why->text[0] == 0)
		ztj_say(why->text, sizeof why->text, "%s", r == ZTJ_OK ? rule->name : ztj_err_text(r));
	return r;
}

int ztj_grant_may_approve(const struct ztj_trust *t, const struct ztj_stmt *request, const char *who,
    int64_t now)
{
	struct ztj_request_state st;
	const struct ztj_record *rec;
	char text[64] = "";
	int r = ztj_request_check(t, request, now, &st, text, sizeof text);

	if (r != ZTJ_OK)
		return r;
	if (ztj_same_person(who, request->u.request.who))
		return ZTJ_SELF_APPROVAL;
	if ((r = ztj_trust_user(t, who, now, &rec)) != ZTJ_OK)
		return r;
	if (ztj_rule_slots_of(st.rule, who, rec) == 0)
		return ZTJ_NOT_APPROVER;
	return now > st.valid_until ? ZTJ_EXPIRED : ZTJ_OK;
}

/* A request that may no longer be asked may still be ended by its requester and by keys. */
static void state_for_revoking(const struct ztj_trust *t, const struct ztj_stmt *request, int64_t now,
    struct ztj_request_state *st)
{
	char text[64] = "";

	if (ztj_request_check(t, request, now, st, text, sizeof text) != ZTJ_OK)
		st->rule = NULL;
}

int ztj_grant_may_revoke(const struct ztj_trust *t, const struct ztj_stmt *request,
    const struct ztj_stmt *revocation, int64_t now)
{
	struct ztj_request_state st;

	state_for_revoking(t, request, now, &st);
	return ztj_request_may_revoke(t, request, &st, revocation, now);
}

bool ztj_grant_revokes(const struct ztj_trust *t, const struct ztj_stmt *request,
    const struct ztj_stmt *revocation, int64_t now)
{
	struct ztj_request_state st;

	state_for_revoking(t, request, now, &st);
	return ztj_request_may_revoke(t, request, &st, revocation, now) == ZTJ_OK ||
	    ztj_request_revoked_once(t, request, &st, revocation);
}
