/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The grant function: every state and every reason, with real signatures. */
#include <string.h>

#include "libztjit/core/grant.h"
#include "tests/core/scene.h"

static struct scene sc;
static const char NONCE[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01";

static int setup(void **state)
{
	(void)state;
	scene_open(&sc, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&sc);
	return 0;
}

static void expect(const struct ztj_grant *g, enum ztj_grant_state state, int code)
{
	assert_string_equal(ztj_grant_state_name(g->state), ztj_grant_state_name(state));
	assert_string_equal(ztj_err_name(g->code), ztj_err_name(code));
	assert_true(g->text[0] != 0);
}

/* The request, the usual two approvals at +60 s and +90 s, and what else a test adds. */
struct set {
	struct made m[8];
	struct made *p[8];
	size_t n;
};

static struct made *next(struct set *s)
{
	s->p[s->n] = &s->m[s->n];
	return &s->m[s->n++];
}

static void set_approved(struct set *s)
{
	s->n = 0;
	made_request(&sc, next(s));
	made_approval(&sc, next(s), "approvers/lead1", &s->m[0], SCENE_T0 + 60);
	made_approval(&sc, next(s), "approvers/sec1", &s->m[0], SCENE_T0 + 90);
}

static void set_free(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		made_free(&s->m[i]);
	s->n = 0;
}

static void set_expect(struct set *s, int64_t now, enum ztj_grant_state state, int code, struct ztj_grant *g)
{
	struct ztj_grant own;

	g = g != NULL ? g : &own;
	scene_eval(&sc, s->p, s->n, now, g);
	expect(g, state, code);
}

/* A request spoilt by `spoil`, with both approvals. */
static void spoilt(void (*spoil)(struct ztj_stmt *st), uint8_t flags, int64_t now, enum ztj_grant_state state,
    int code)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	scene_request(&sc, &st);
	spoil(&st);
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, st.u.request.who)->key, flags);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 60);
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 90);
	set_expect(&s, now, state, code, NULL);
	set_free(&s);
}

/* May this person approve the request that stands first? */
static int may_approve(struct set *s, const char *who, int64_t now)
{
	struct ztj_bundle *b = scene_bundle(s->p, 1);
	int r = ztj_grant_may_approve(sc.trust, b->request, who, now);

	ztj_bundle_free(b);
	return r;
}

static void test_life(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };

	(void)state;
	made_request(&sc, next(&s));
	set_expect(&s, SCENE_T0, ZTJ_GRANT_PENDING, ZTJ_PENDING, &g);
	assert_int_equal(g.nmissing, 2);
	assert_string_equal(g.rule->name, "prod-root");
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 60);
	set_expect(&s, SCENE_T0 + 61, ZTJ_GRANT_PENDING, ZTJ_PENDING, &g);
	assert_int_equal(g.nmissing, 1);
	assert_int_equal(g.missing[0], 0);
	assert_int_equal(g.missing_count[0], 1);
	assert_non_null(strstr(g.text, "@sre-leads"));
	set_expect(&s, SCENE_T0 + 3601, ZTJ_GRANT_EXPIRED, ZTJ_EXPIRED, &g);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 100);
	set_expect(&s, SCENE_T0 + 101, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_int_equal(g.starts, SCENE_T0 + 100); /* waiting for approval never eats the window */
	assert_int_equal(g.ends, SCENE_T0 + 100 + 1800);
	assert_int_equal(g.napprovers, 2);
	set_expect(&s, SCENE_T0 + 99, ZTJ_GRANT_APPROVED, ZTJ_NOT_STARTED, &g);
	set_expect(&s, g.ends - 1, ZTJ_GRANT_ACTIVE, ZTJ_OK, NULL);
	set_expect(&s, g.ends, ZTJ_GRANT_ENDED, ZTJ_ENDED, NULL);
	set_free(&s);
}

static void test_start_in_the_future(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	scene_request(&sc, &st);
	st.u.request.start = SCENE_T0 + 2 * 3600;
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 60);
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 90);
	set_expect(&s, SCENE_T0 + 100, ZTJ_GRANT_APPROVED, ZTJ_NOT_STARTED, &g);
	assert_int_equal(g.starts, SCENE_T0 + 2 * 3600);
	set_expect(&s, SCENE_T0 + 2 * 3600, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_int_equal(g.ends, SCENE_T0 + 2 * 3600 + 1800);
	set_free(&s);
}

static void spoil_role(struct ztj_stmt *st)
{
	st->u.request.role = "absent";
}
static void spoil_role_rule(struct ztj_stmt *st)
{
	st->u.request.role = "nologin";
}
static void spoil_host(struct ztj_stmt *st)
{
	static const char *h[] = { "servers/web9" };
	st->u.request.hosts = h;
}
static void spoil_hosts(struct ztj_stmt *st)
{
	static const char *h[] = { "servers/db1", "servers/web1" };
	st->u.request.hosts = h;
	st->u.request.nhosts = 2;
}
static void spoil_reason(struct ztj_stmt *st)
{
	st->u.request.reason = "   short   ";
}
static void spoil_ticket(struct ztj_stmt *st)
{
	st->u.request.ticket = "INC-x";
}
static void spoil_no_ticket(struct ztj_stmt *st)
{
	st->u.request.ticket = "";
}
static void spoil_ahead(struct ztj_stmt *st)
{
	st->u.request.start = SCENE_T0 + 8 * 86400 - 3600;
}
static void spoil_hours(struct ztj_stmt *st)
{
	st->u.request.start = SCENE_T0 + 11 * 3600;
}
static void spoil_future(struct ztj_stmt *st)
{
	st->issued = SCENE_T0 + 400;
	st->u.request.valid_until = SCENE_T0 + 3600;
}
static void spoil_seen(struct ztj_stmt *st)
{
	st->seen.policy = 99;
}
static void spoil_seen_dir(struct ztj_stmt *st)
{
	st->seen.dir[0].serial = 1000000;
}
static void spoil_glass(struct ztj_stmt *st)
{
	st->u.request.break_glass = true;
}
static void spoil_nothing(struct ztj_stmt *st)
{
	(void)st;
}

static void test_requests_that_may_not_be(void **state)
{
	const int64_t now = SCENE_T0 + 120;

	(void)state;
	spoilt(spoil_nothing, FLAGS_UV, now, ZTJ_GRANT_ACTIVE, ZTJ_OK);
	spoilt(spoil_role, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_NO_RULE);
	spoilt(spoil_role_rule, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_NO_RULE);
	spoilt(spoil_host, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_HOST_UNKNOWN);
	spoilt(spoil_hosts, FLAGS_UV, now, ZTJ_GRANT_INVALID,
	    ZTJ_NO_RULE); /* every host must match the one rule */
	spoilt(spoil_reason, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_REASON_SHORT);
	spoilt(spoil_ticket, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_TICKET);
	spoilt(spoil_no_ticket, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_TICKET);
	spoilt(spoil_ahead, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_TOO_FAR_AHEAD);
	spoilt(spoil_hours, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_HOURS);
	spoilt(spoil_future, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_FUTURE);
	spoilt(spoil_glass, FLAGS_UV, now, ZTJ_GRANT_INVALID, ZTJ_NO_RULE);
	spoilt(spoil_nothing, FLAGS_UP, now, ZTJ_GRANT_INVALID, ZTJ_NO_UV);
	spoilt(spoil_nothing, FLAGS_UV, SCENE_T0 + 300 * 86400, ZTJ_GRANT_INVALID, ZTJ_POLICY_EXPIRED);
}

static void test_S17_absurd_serials_deny_that_bundle_only(void **state)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	spoilt(spoil_seen, FLAGS_UV, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_SEEN_AHEAD);
	spoilt(spoil_seen_dir, FLAGS_UV, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_SEEN_AHEAD);
	set_approved(&s);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, NULL);
	/* news in any approval, needed or not, is news */
	scene_approval(&sc, &st, "approvers/lead2", &s.m[0]);
	st.seen.policy = 99;
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "approvers/lead2")->key, FLAGS_UV);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_SEEN_AHEAD, NULL);
	set_free(&s);
}

static void test_S05_self_approval_never_counts(void **state)
{
	static const char *const alias[] = { "people/req1", "approvers/req1" };
	struct ztj_grant g;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct set s = { .n = 0 };
		made_request(&sc, next(&s));
		made_approval(&sc, next(&s), alias[i], &s.m[0], SCENE_T0 + 10);
		made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 60);
		set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, &g);
		assert_int_equal(g.napprovers, 1);
		fails(may_approve(&s, alias[i], SCENE_T0 + 20), ZTJ_SELF_APPROVAL);
		set_free(&s);
	}
}

static void test_S05_another_key_under_the_requesters_name(void **state)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	/* signed by the requester's key, in an approver's name */
	made_request(&sc, next(&s));
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 60);
	scene_approval(&sc, &st, "approvers/lead1", &s.m[0]);
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	/* names are exact bytes: no case, no path tricks */
	scene_approval(&sc, &st, "approvers/lead1", &s.m[0]);
	assert_int_not_equal(may_approve(&s, "approvers/LEAD1", SCENE_T0), ZTJ_OK);
	assert_int_not_equal(may_approve(&s, "approvers//lead1", SCENE_T0), ZTJ_OK);
	ok(may_approve(&s, "approvers/lead1", SCENE_T0));
	fails(may_approve(&s, "people/req2", SCENE_T0), ZTJ_NOT_APPROVER);
	fails(may_approve(&s, "approvers/lead1", SCENE_T0 + 3601), ZTJ_EXPIRED);
	set_free(&s);
}

static void test_S16_one_person_one_slot_any_order(void **state)
{
	static const char *const who[4] = { "approvers/both1", "approvers/lead1", "approvers/sec1",
		"approvers/lead2" };
	static const size_t order[4][3] = { { 0, 1, 2 }, { 1, 0, 2 }, { 2, 1, 0 }, { 0, 2, 3 } };
	struct ztj_grant g;
	struct set s = { .n = 0 };

	(void)state;
	/* both groups, two signatures: one slot */
	made_request(&sc, next(&s));
	made_approval(&sc, next(&s), "approvers/both1", &s.m[0], SCENE_T0 + 10);
	made_approval(&sc, next(&s), "approvers/both1", &s.m[0], SCENE_T0 + 20);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, &g);
	assert_int_equal(g.nmissing, 1);
	set_free(&s);
	/* equal names in two directories are one person: people/lead1 asks nothing here, approvers/lead1 counts once */
	for (size_t i = 0; i < 4; i++) {
		made_request(&sc, next(&s));
		for (size_t k = 0; k < 2; k++)
			made_approval(&sc, next(&s), who[order[i][k]], &s.m[0], SCENE_T0 + 10 + (int64_t)k);
		set_expect(&s, SCENE_T0 + 120,
		    order[i][0] == 0 || order[i][1] == 0 || order[i][0] == 2 ? ZTJ_GRANT_ACTIVE
									     : ZTJ_GRANT_PENDING,
		    order[i][0] == 0 || order[i][1] == 0 || order[i][0] == 2 ? ZTJ_OK : ZTJ_PENDING, &g);
		set_free(&s);
	}
}

static void test_uv_wanted(void **state)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	made_request(&sc, next(&s));
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 60);
	scene_approval(&sc, &st, "approvers/lead1", &s.m[0]);
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "approvers/lead1")->key, FLAGS_UP);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	/* a denial needs no PIN */
	scene_approval(&sc, &st, "approvers/lead1", &s.m[0]);
	st.u.approval.deny = true;
	st.u.approval.comment = "no";
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "approvers/lead1")->key, FLAGS_UP);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_DENIED, ZTJ_DENIED, NULL);
	set_free(&s);
}

static void test_dates_of_approvals(void **state)
{
	static const struct {
		int64_t issued;
		bool counts;
	} t[] = { { SCENE_T0 - 61, false }, { SCENE_T0 - 60, true }, { SCENE_T0 + 3600, true },
		{ SCENE_T0 + 3601, false } };
	struct ztj_grant g;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct set s = { .n = 0 };
		made_request(&sc, next(&s));
		made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0);
		made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], t[i].issued);
		scene_eval(&sc, s.p, s.n, SCENE_T0 + 3600, &g);
		assert_int_equal(g.code == ZTJ_OK || g.code == ZTJ_ENDED || g.code == ZTJ_NOT_STARTED,
		    t[i].counts);
		if (t[i].counts)
			assert_true(g.starts >= SCENE_T0); /* never before the request itself */
		set_free(&s);
	}
	/* dated ahead of the verifier's clock: does not count yet; a denial does */
	struct set s = { .n = 0 };
	made_request(&sc, next(&s));
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 221);
	set_expect(&s, SCENE_T0 + 100, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	set_expect(&s, SCENE_T0 + 101, ZTJ_GRANT_APPROVED, ZTJ_NOT_STARTED, NULL);
	made_denial(&sc, next(&s), "approvers/lead2", &s.m[0], SCENE_T0 + 9999);
	set_expect(&s, SCENE_T0 + 300, ZTJ_GRANT_DENIED, ZTJ_DENIED, NULL);
	set_free(&s);
}

static void test_limits_only_shorten(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	set_approved(&s);
	/* a third approver, not needed, without a PIN, late: the limit counts all the same */
	scene_approval(&sc, &st, "approvers/lead2", &s.m[0]);
	st.u.approval.limit = 300;
	st.issued = SCENE_T0 + 5000;
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "approvers/lead2")->key, FLAGS_UP);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_int_equal(g.ends - g.starts, 300);
	/* somebody who may not approve limits nothing */
	scene_approval(&sc, &st, "people/req2", &s.m[0]);
	st.u.approval.limit = 1;
	made_sign(next(&s), &st, NULL, &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_int_equal(g.ends - g.starts, 300);
	set_free(&s);
}

static void test_S07_keys_that_do_not_count(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };
	struct actor *lead = scene_actor(&sc, "approvers/lead1");

	(void)state;
	set_approved(&s);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, NULL);
	/* the approver's key was retired since: not valid now */
	lead->until = SCENE_T0 + 100;
	scene_directories(&sc, SCENE_T0 + 100);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, &g);
	assert_non_null(strstr(g.text, "not valid"));
	/* valid now, not then */
	lead->from = SCENE_T0 + 100;
	lead->until = 0;
	scene_directories(&sc, SCENE_T0 + 101);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	lead->from = SCENE_T0 - 86400;
	/* the requester's */
	scene_actor(&sc, "people/req1")->until = SCENE_T0 + 100;
	scene_directories(&sc, SCENE_T0 + 102);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_KEY_EXPIRED, NULL);
	scene_actor(&sc, "people/req1")->until = 0;
	/* a person who left takes approvals along, and the own grant */
	lead->gone = true;
	scene_directories(&sc, SCENE_T0 + 103);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	lead->gone = false;
	scene_actor(&sc, "people/req1")->gone = true;
	scene_directories(&sc, SCENE_T0 + 104);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_USER_UNKNOWN, NULL);
	scene_actor(&sc, "people/req1")->gone = false;
	scene_directories(&sc, SCENE_T0 + 105);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, NULL);
	/* the directory has expired */
	set_expect(&s, SCENE_T0 + 31 * 86400, ZTJ_GRANT_INVALID, ZTJ_DIR_EXPIRED, NULL);
	set_free(&s);
}

static void test_S07_one_key_for_two_people(void **state)
{
	struct set s = { .n = 0 };
	struct actor *alias = scene_actor(&sc, "approvers/lead2");
	struct soft_key own = alias->key;

	(void)state;
	set_approved(&s);
	alias->key = scene_actor(&sc, "people/req1")->key;
	scene_directories(&sc, SCENE_T0 + 100);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_KEY_SHARED, NULL);
	alias->key = own;
	set_free(&s);
}

static void test_S07_two_hosts_with_one_machine_key(void **state)
{
	static const char *h[] = { "servers/web1", "servers/web2" };
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	scene_request(&sc, &st);
	st.u.request.hosts = h;
	st.u.request.nhosts = 2;
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], SCENE_T0 + 60);
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], SCENE_T0 + 90);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, NULL);
	set_free(&s);
}

static void test_revoked_people_and_policies(void **state)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;
	struct made rev;

	(void)state;
	set_approved(&s);
	/* the registrar revokes an approver: the approval does not count, whenever it was dated */
	scene_revocation(&sc, &st, "", &s.m[0]);
	st.u.revocation.what = ZTJ_REVOKES_USER;
	st.u.revocation.name = "approvers/lead1";
	st.u.revocation.until = SCENE_T0 + 86400;
	st.u.revocation.serial = 1;
	made_sign(&rev, &st, NULL, &sc.registrar, FLAGS_UV);
	scene_revoked(&sc, &rev, SCENE_T0 + 100);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_PENDING, ZTJ_PENDING, NULL);
	made_free(&rev);
	st.u.revocation.name = "people/req1";
	made_sign(&rev, &st, NULL, &sc.registrar, FLAGS_UV);
	scene_revoked(&sc, &rev, SCENE_T0 + 100);
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_REVOKED, ZTJ_REVOKED, NULL);
	made_free(&rev);
	set_free(&s);
}

static void test_newest_policy_only_shortens(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };

	(void)state;
	set_approved(&s);
	/* max is 10 min now; the running grant ends earlier, it does not vanish */
	scene_policy(&sc,
	    "{ name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\" ]; hosts = { env = \"prod\"; }; max = \"10m\";\n"
	    " approvals = ( { from = [ \"@sre-leads\", \"@security\" ]; } ); }\n");
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_int_equal(g.ends - g.starts, 600);
	/* the rule is gone */
	scene_policy(&sc,
	    "{ name = \"other\"; who = [ \"@sre\" ]; roles = [ \"root-shell\" ]; hosts = { env = \"test\"; };\n"
	    " approvals = ( ); }\n");
	set_expect(&s, SCENE_T0 + 120, ZTJ_GRANT_INVALID, ZTJ_NO_RULE, NULL);
	set_free(&s);
}

static void test_auto_approval_and_break_glass(void **state)
{
	struct ztj_grant g;
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	scene_request(&sc, &st);
	st.u.request.who = "people/req2";
	st.u.request.break_glass = true;
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	set_expect(&s, SCENE_T0 + 1, ZTJ_GRANT_ACTIVE, ZTJ_OK, &g);
	assert_string_equal(g.rule->name, "glass");
	assert_int_equal(g.starts, SCENE_T0);
	assert_int_equal(g.ends, SCENE_T0 + 600); /* the rule's max */
	set_free(&s);
	/* always user-verified */
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, "people/req2")->key, FLAGS_UP);
	set_expect(&s, SCENE_T0 + 1, ZTJ_GRANT_INVALID, ZTJ_NO_UV, NULL);
	set_free(&s);
}

static void test_hours_at_the_computed_start(void **state)
{
	struct set s = { .n = 0 };
	struct ztj_stmt st;

	(void)state;
	/* asked at 19:30, approved at 20:05: no other rule is tried */
	scene_request(&sc, &st);
	st.issued = SCENE_T0 + 9 * 3600 + 1800;
	st.u.request.valid_until = st.issued + 3600;
	made_sign(next(&s), &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	made_approval(&sc, next(&s), "approvers/lead1", &s.m[0], st.issued + 60);
	made_approval(&sc, next(&s), "approvers/sec1", &s.m[0], st.issued + 2100);
	set_expect(&s, st.issued + 2200, ZTJ_GRANT_DENIED, ZTJ_HOURS, NULL);
	set_free(&s);
}

static void test_may_request(void **state)
{
	struct ztj_grant why;
	struct ztj_stmt st;
	struct made m, *p = &m;
	struct ztj_bundle *b;

	(void)state;
	for (int i = 0; i < 4; i++) {
		scene_request(&sc, &st);
		st.u.request.duration = i == 1 ? 3601 : 1800;
		st.u.request.valid_until = SCENE_T0 + (i == 2 ? 3601 : 3600);
		made_sign(&m, &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
		b = scene_bundle(&p, 1);
		assert_string_equal(ztj_err_name(ztj_grant_may_request(sc.trust, b->request,
					i == 3 ? SCENE_T0 + 3601 : SCENE_T0, &why)),
		    ztj_err_name(i == 0 ? ZTJ_OK
			    : i == 3    ? ZTJ_EXPIRED
					: ZTJ_TOO_LONG));
		assert_true(why.text[0] != 0);
		if (i == 0)
			fails(ztj_grant_may_request(sc.trust, b->request, SCENE_T0 - 61, &why), ZTJ_FUTURE);
		ztj_bundle_free(b);
		made_free(&m);
	}
}

static void test_explain(void **state)
{
	static const char *const web1[] = { "servers/web1" };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 65536);
	ok(ztj_grant_explain(sc.trust, "people/req1", "root-shell", web1, 1, SCENE_T0, false, &b));
	assert_non_null(strstr(ztj_buf_str(&b), "rule prod-root (line"));
	assert_non_null(strstr(ztj_buf_str(&b), "1 of @sre-leads and 1 of @security"));
	ztj_buf_reset(&b);
	ok(ztj_grant_explain(sc.trust, "approvers/sec1", "root-shell", web1, 1, SCENE_T0, false, &b));
	assert_non_null(strstr(ztj_buf_str(&b), "is for other people"));
	assert_non_null(strstr(ztj_buf_str(&b), "no rule matches: denied"));
	fails(ztj_grant_explain(sc.trust, "people/nobody", "root-shell", web1, 1, SCENE_T0, false, &b),
	    ZTJ_USER_UNKNOWN);
	ztj_buf_free(&b);
}

static void test_nothing_is_no(void **state)
{
	struct ztj_trust *t;
	struct ztj_grant g;
	struct ztj_pins pins = ztj_trust_pins(sc.trust)[0];
	struct set s = { .n = 0 };
	struct ztj_bundle *b;

	(void)state;
	ztj_grant_eval(sc.trust, NULL, SCENE_T0, &g);
	expect(&g, ZTJ_GRANT_INVALID, ZTJ_NO_GRANT);
	set_approved(&s);
	ok(ztj_trust_new(&pins, NULL, &t));
	b = scene_bundle(s.p, s.n);
	ztj_grant_eval(t, b, SCENE_T0, &g);
	expect(&g, ZTJ_GRANT_INVALID, ZTJ_NOT_READY);
	ztj_bundle_free(b);
	ztj_trust_free(t);
	set_free(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_life), T(test_start_in_the_future),
		T(test_requests_that_may_not_be), T(test_S17_absurd_serials_deny_that_bundle_only),
		T(test_S05_self_approval_never_counts), T(test_S05_another_key_under_the_requesters_name),
		T(test_S16_one_person_one_slot_any_order), T(test_uv_wanted), T(test_dates_of_approvals),
		T(test_limits_only_shorten), T(test_S07_keys_that_do_not_count),
		T(test_S07_one_key_for_two_people), T(test_S07_two_hosts_with_one_machine_key),
		T(test_revoked_people_and_policies), T(test_newest_policy_only_shortens),
		T(test_auto_approval_and_break_glass), T(test_hours_at_the_computed_start),
		T(test_may_request), T(test_explain), T(test_nothing_is_no) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
