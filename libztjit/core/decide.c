/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The decision. Checks run from what is cheap and general to what is particular; the first that
 * fails names the answer, and only the end of the list says yes.
 */
#include <string.h>

#include "libztjit/core/grant_int.h"
#include "libztjit/core/decide.h"

struct ask {
	const struct ztj_trust *t;
	const struct ztj_bundle *b;
	const struct ztj_question *q;
	struct ztj_answer *a;
	const struct ztj_record *host, *person;
};

#define SAY(k, ...) ztj_say((k)->a->text, sizeof(k)->a->text, __VA_ARGS__)

/* P05: siblings are spelled out; any other service is unknown, whatever it looks like. */
static int check_service(const struct ztj_question *q)
{
	static const char *const elevating[] = { "sudo", "sudo-i", "su", "su-l" };

	if (q->use == ZTJ_USE_BE)
		return ZTJ_OK; /* nobody comes in by it: login, sudo and su ask again */
	if (q->service == NULL)
		return ZTJ_WRONG_SERVICE;
	if (q->use == ZTJ_USE_LOGIN)
		return strcmp(q->service, "sshd") == 0 ? ZTJ_OK : ZTJ_WRONG_SERVICE;
	if (q->use != ZTJ_USE_ELEVATE && q->use != ZTJ_USE_BECOME)
		return ZTJ_WRONG_SERVICE;
	for (size_t i = 0; i < sizeof elevating / sizeof elevating[0]; i++)
		if (strcmp(q->service, elevating[i]) == 0)
			return ZTJ_OK;
	return ZTJ_WRONG_SERVICE;
}

/* S13: the pinned full name and this machine's own key, or nothing. */
static int check_self(struct ask *k)
{
	int r;

	if (ztj_trust_held_policy(k->t) == NULL || k->q->host == NULL || k->q->machine == NULL)
		return ZTJ_NOT_READY;
	r = ztj_trust_host(k->t, k->q->host, k->q->now, &k->host);
	if (r != ZTJ_OK) {
		SAY(k, "this host, %s: %s. ", k->q->host, ztj_err_text(r));
		return r;
	}
	if (!ztj_key_equal(&k->host->machine, k->q->machine)) {
		SAY(k, "the record of %s holds another machine's key. ", k->q->host);
		return ZTJ_NOT_READY;
	}
	return ZTJ_OK;
}

static int check_host(const struct ask *k)
{
	const struct ztj_stmt *req = k->b->request;

	for (size_t i = 0; i < req->u.request.nhosts; i++)
		if (strcmp(req->u.request.hosts[i], k->q->host) == 0)
			return ZTJ_OK;
	return ZTJ_WRONG_HOST;
}

static int check_person(struct ask *k)
{
	const struct ztj_policy *p = ztj_trust_held_policy(k->t);
	const char *who = k->b->request->u.request.who;
	int r;

	ztj_say(k->a->person, sizeof k->a->person, "%s", who);
	if (k->q->use == ZTJ_USE_ELEVATE || k->q->use == ZTJ_USE_BECOME) {
		if (k->q->person == NULL)
			return ZTJ_NO_SESSION;
		if (strcmp(k->q->person, who) != 0)
			return ZTJ_WRONG_PERSON;
	}
	if ((r = ztj_trust_user(k->t, who, k->q->now, &k->person)) != ZTJ_OK)
		return r;
	if (k->q->use != ZTJ_USE_LOGIN)
		return ZTJ_OK;
	if (k->q->certified == NULL)
		return ZTJ_WRONG_KEY;
	if (ztj_policy_key_revoked(p, k->q->certified))
		return ZTJ_KEY_REVOKED;
	r = ztj_record_key(k->person, k->q->certified, k->q->now, k->q->now);
	return r == ZTJ_SIGNER ? ZTJ_WRONG_KEY : r;
}

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

static int check_login_account(const struct ask *k, const struct ztj_role *role)
{
	const char *account = k->q->account;

	if (account == NULL || account[0] == 0)
		return ZTJ_WRONG_ACCOUNT;
	/* the word "self" in a role is not the name of an account */
	if (in_list(&role->login, "self") && strcmp(account, ztj_fullname_tail(k->a->person)) == 0)
		return k->q->has_uid && k->q->uid == k->person->uid ? ZTJ_OK : ZTJ_UID_MISMATCH;
	return strcmp(account, "self") != 0 && in_list(&role->login, account) ? ZTJ_OK : ZTJ_WRONG_ACCOUNT;
}

/* The session's own account is the person's, or root: nothing else tells whose sudo it is. */
static int check_become(const struct ask *k, const struct ztj_role *role)
{
	if (role->become.n == 0)
		return ZTJ_WRONG_ACCOUNT;
	if (k->q->use == ZTJ_USE_BECOME && (k->q->account == NULL || !in_list(&role->become, k->q->account)))
		return ZTJ_WRONG_ACCOUNT;
	if (!k->q->has_uid || (k->q->uid != k->person->uid && k->q->uid != 0))
		return ZTJ_UID_MISMATCH;
	return ZTJ_OK;
}

static int check_source(const struct ztj_question *q, const struct ztj_rule *rule)
{
	if (rule->sources.n == 0)
		return ZTJ_OK;
	/* before the key is proven sshd does not tell the address; the line it gets then says from="…" */
	if (q->peer == NULL)
		return q->use == ZTJ_USE_LOGIN ? ZTJ_OK : ZTJ_SOURCE;
	return ztj_cidr_match(&rule->sources, q->peer) ? ZTJ_OK : ZTJ_SOURCE;
}

static int check_record(const struct ask *k, const struct ztj_role *role)
{
	if (!ztj_decide_wants_record(role))
		return ZTJ_OK;
	if (k->q->use != ZTJ_USE_LOGIN && k->q->recorded)
		return ZTJ_OK;
	if (k->q->use != ZTJ_USE_LOGIN && (role->sudo_recorded || k->q->has_recorder))
		return ZTJ_NOT_RECORDED; /* what a recorder left behind: nobody sees what it does */
	return k->q->has_recorder ? ZTJ_OK : ZTJ_NO_RECORDER;
}

static int check_fresh(const struct ask *k, const struct ztj_rule *rule)
{
	int64_t fresh = ztj_trust_fresh(k->t);

	if (fresh == 0 || k->q->now > ztj_add_sat(fresh, rule->freshness))
		return ZTJ_STALE;
	return ZTJ_OK;
}

/* What was stored at an earlier use stays; another subset of approvals can only shorten it (S15). */
static int check_window(struct ask *k)
{
	struct ztj_answer *a = k->a;
	const struct ztj_window *w = &k->q->window;

	a->starts = a->grant.starts;
	a->ends = a->grant.ends;
	if (w->set && w->starts > a->starts)
		a->starts = w->starts;
	if (w->set && w->ends < a->ends)
		a->ends = w->ends;
	if (k->q->now >= a->ends)
		return ZTJ_ENDED;
	return k->q->now_begin < a->starts ? ZTJ_NOT_STARTED : ZTJ_OK;
}

/* What depends on how and from where the grant is used. */
static int check_use(struct ask *k)
{
	const struct ztj_role *role = k->a->grant.role;
	int r = k->q->use == ZTJ_USE_LOGIN ? check_login_account(k, role) : check_become(k, role);

	if (r != ZTJ_OK || (r = check_source(k->q, k->a->grant.rule)) != ZTJ_OK)
		return r;
	return check_record(k, role);
}

static int decide(struct ask *k)
{
	struct ztj_answer *a = k->a;
	int r;

	if ((r = check_self(k)) != ZTJ_OK || (r = check_service(k->q)) != ZTJ_OK)
		return r;
	if (k->b == NULL || k->b->request == NULL)
		return ZTJ_NO_GRANT;
	memcpy(a->request, k->b->request->id, sizeof a->request);
	if ((r = check_host(k)) != ZTJ_OK || (r = check_person(k)) != ZTJ_OK)
		return r;
	ztj_grant_eval(k->t, k->b, k->q->now, &a->grant);
	if (a->grant.code != ZTJ_OK || a->grant.state != ZTJ_GRANT_ACTIVE)
		return a->grant.code != ZTJ_OK ? a->grant.code : ZTJ_INTERNAL;
	a->uv = a->grant.rule->uv;
	if (k->q->use != ZTJ_USE_BE && (r = check_use(k)) != ZTJ_OK)
		return r;
	if ((r = check_fresh(k, a->grant.rule)) != ZTJ_OK)
		return r;
	return check_window(k);
}

static void explain_yes(struct ask *k)
{
	char until[ZTJ_TIME_SIZE];

	SAY(k, "%s: %s", k->a->person, k->a->grant.text);
	if (k->a->ends != k->a->grant.ends && ztj_time_format(k->a->ends, until) == ZTJ_OK)
		SAY(k, ", here until %s as first seen", until);
}

/* What to do about this very answer; false: asking anew is the way. */
static bool advise(struct ask *k, const char *id)
{
	char when[ZTJ_TIME_SIZE];

	switch (k->a->code) {
	case ZTJ_PENDING:
		SAY(k, "see who is asked: ztjit show %s", id);
		return true;
	case ZTJ_NOT_STARTED:
		if (ztj_time_format(k->a->starts != 0 ? k->a->starts : k->a->grant.starts, when) == ZTJ_OK)
			SAY(k, "it begins at %s", when);
		return true;
	case ZTJ_STALE:
		SAY(k, "the host must hear from its broker first: try again, or see ztjit-hostd -t there");
		return true;
	case ZTJ_SEEN_AHEAD:
		SAY(k, "try again in a moment: ztjit status shows what the host has to catch up with");
		return true;
	case ZTJ_NO_RECORDER:
		SAY(k, "ask for a role that says record = \"none\", or for another host");
		return true;
	default:
		return false;
	}
}

static void explain_no(struct ask *k)
{
	struct ztj_question q = *k->q;
	char id[ZTJ_SHORT_ID_SIZE] = "R-…";
	size_t n;

	SAY(k, "%s", ztj_err_text(k->a->code));
	if (k->b != NULL && k->b->request != NULL) {
		ztj_short_id(k->b->request->id, id);
		SAY(k, " (%s", id);
		if (k->a->grant.text[0] != 0 && strcmp(k->a->grant.text, ztj_err_text(k->a->code)) != 0)
			SAY(k, ": %.600s", k->a->grant.text);
		SAY(k, ")");
	}
	SAY(k, "; ");
	if (advise(k, id))
		return;
	if (q.person == NULL && k->a->person[0] != 0)
		q.person = k->a->person;
	n = strlen(k->a->text);
	ztj_decide_hint(k->t, &q, k->a->text + n, sizeof k->a->text - n);
}

void ztj_decide(const struct ztj_trust *t, const struct ztj_bundle *b, const struct ztj_question *q,
    struct ztj_answer *out)
{
	struct ask k = { .t = t, .b = b, .q = q, .a = out };

	memset(out, 0, sizeof *out);
	out->code = ZTJ_INTERNAL;
	out->code = decide(&k);
	if (q->use == ZTJ_USE_BE)
		out->text[0] = '\0';
	else if (out->code == ZTJ_OK)
		explain_yes(&k);
	else
		explain_no(&k);
}

int ztj_decide_stepup(const struct ztj_trust *t, const struct ztj_stmt *challenge,
    const struct ztj_stmt *answer, const struct ztj_key *machine, bool uv, int64_t now)
{
	const struct ztj_record *person;
	int r;

	if (challenge->type != ZTJ_STMT_STEPUP || answer->type != ZTJ_STMT_STEPUP)
		return ZTJ_STMT_TYPE;
	if (memcmp(challenge->id, answer->id, sizeof answer->id) != 0 || challenge->nsigners == 0 ||
	    answer->nsigners != 2)
		return ZTJ_STEPUP_WRONG;
	if (!ztj_key_equal(&challenge->signer[0].key, machine) ||
	    !ztj_key_equal(&answer->signer[0].key, machine))
		return ZTJ_STEPUP_WRONG;
	if (now >= answer->u.stepup.expires)
		return ZTJ_STEPUP_TIMEOUT;
	if (answer->issued > ztj_add_sat(now, ZTJ_CLOCK_AHEAD))
		return ZTJ_FUTURE;
	r = ztj_trust_signer_is(t, &answer->signer[1], answer->issued, answer->u.stepup.who, uv, now,
	    &person);
	return r;
}
