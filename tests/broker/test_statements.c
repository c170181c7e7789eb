/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the broker accepts as a statement, and what it makes of repetitions, thieves and latecomers. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/broker/bk.h"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_identity = 1000;\nrate_statements = 10000;\nrate_anonymous = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_REQ2);
	bk_login(&b, FX_LEAD1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

static void test_S02_replay(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, ap;
	char hex[ZTJ_HEX_SIZE];

	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 201, "");
	fx_approval(&b->w, FX_LEAD1, &req, false, 0, &ap);
	for (int i = 0; i < 3; i++) {
		(void)bk_put(b, &b->login[i == 1 ? FX_REQ1 : FX_LEAD1], &ap); /* whoever carries it */
		bk_expect(b, i == 0 ? 201 : 200, "");
		assert_int_equal(json_boolean_value(json_object_get(b->json, "new")), i == 0);
		assert_string_equal(bk_text(b, "state"), "active");
	}
	/* Also after a restart. */
	bk_stop(b);
	bk_serve(b);
	(void)bk_put(b, &b->login[FX_LEAD1], &ap);
	bk_expect(b, 200, "");
	ztj_hex(req.id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests/%s", hex);
	bk_expect(b, 200, "");
	assert_string_equal(bk_text(b, "state"), "active");
	fx_signed_free(&req);
	fx_signed_free(&ap);
}

/* A login for another broker, over another connection, or too long. */
static void test_S02_stolen_login(void **state)
{
	struct bk *b = *state;
	struct fx_signed s;
	struct soft_key keep = b->w.online;

	bk_login_statement(b, FX_OUT1, &s);
	(void)bk_put(b, &b->nobody, &s);
	bk_expect(b, 403, "wrong-key");
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 403, "wrong-key");
	(void)bk_get(b, &b->login[FX_OUT1], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	fx_signed_free(&s);
	b->w.online = b->w.log;
	bk_login_statement(b, FX_OUT1, &s);
	b->w.online = keep;
	(void)bk_put(b, &b->login[FX_OUT1], &s);
	bk_expect(b, 403, "broker-key");
	fx_signed_free(&s);
}

static void test_skew(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	const int64_t off[] = { -90, 90, -30, 30 };
	for (size_t i = 0; i < 4; i++) {
		bk_clock(b);
		b->w.now += off[i];
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600 + (int64_t)i, &req);
		(void)bk_put(b, &b->login[FX_REQ1], &req);
		if (off[i] < -60)
			bk_expect(b, 403, "stale");
		else if (off[i] > 60)
			bk_expect(b, 403, "dated-ahead");
		else
			bk_expect(b, 201, "");
		fx_signed_free(&req);
	}
	bk_clock(b);
}

/* Requests that no rule could ever allow are not filed, and the answer says why. */
static void test_refused_early(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	bk_clock(b);
	fx_request(&b->w, FX_LEAD1, "root-shell", FX_TEST1, 600, &req);
	(void)bk_put(b, &b->login[FX_LEAD1], &req);
	bk_expect(b, 403, "no-rule");
	assert_non_null(strstr(bk_text(b, "detail"), "no rule lets people/lead1"));
	fx_signed_free(&req);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 9 * 3600, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 403, "too-long");
	fx_signed_free(&req);
}

static void test_S05_self_approval(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, ap;
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 201, "");
	fx_approval(&b->w, FX_REQ1, &req, false, 0, &ap);
	(void)bk_put(b, &b->login[FX_REQ1], &ap);
	bk_expect(b, 403, "self-approval");
	/* carried by another caller it is the same */
	(void)bk_put(b, &b->login[FX_REQ2], &ap);
	bk_expect(b, 403, "self-approval");
	fx_signed_free(&ap);
	/* in somebody else's name, with the requester's key */
	struct ztj_stmt st;
	const struct soft_key *k = &b->w.person[FX_REQ1].key;
	fx_stmt(&b->w, &st, ZTJ_STMT_APPROVAL);
	st.u.approval.who = "people/req2";
	st.u.approval.comment = "";
	memcpy(st.u.approval.request, req.id, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &k, 1, &ap);
	(void)bk_put(b, &b->login[FX_REQ2], &ap);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&ap);
	/* nobody's approver */
	fx_approval(&b->w, FX_OUT1, &req, false, 0, &ap);
	(void)bk_put(b, &b->login[FX_REQ2], &ap);
	bk_expect(b, 403, "not-an-approver");
	fx_signed_free(&ap);
	fx_signed_free(&req);
}

static void test_G03_one_history(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, deny, approve, rev;
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	bk_expect(b, 201, "");
	fx_approval(&b->w, FX_LEAD1, &req, true, 0, &deny);
	fx_approval(&b->w, FX_REQ2, &req, false, 0, &approve);
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_LEAD1], &deny);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "denied");
	/* what comes after the end changes nothing and is not kept */
	(void)bk_put(b, &b->login[FX_REQ2], &approve);
	bk_expect(b, 409, "wrong-state");
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 409, "wrong-state");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "denied");
	fx_signed_free(&deny);
	fx_signed_free(&approve);
	fx_signed_free(&rev);
	fx_signed_free(&req);
}

/* An approved request that is then denied: the deny ends it. */
static void test_G03_late_deny(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, deny;
	bk_granted(b, &req);
	fx_approval(&b->w, FX_LEAD2, &req, true, 0, &deny);
	(void)bk_put(b, &b->login[FX_LEAD1], &deny);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "denied");
	fx_signed_free(&deny);
	fx_signed_free(&req);
}

/* Removed people are nobody at once, whatever connection or login they have. */
static void test_removed_person(void **state)
{
	struct bk *b = *state;
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 200, "");
	(void)bk_directory(b, 0, FX_REQ2);
	bk_expect(b, 201, "");
	assert_string_equal(bk_text(b, "state"), "current");
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	/* the difference says so: one name gone, nothing else */
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/directories/people?since=%lld",
	    (long long)b->dir_serial[0] - 1);
	bk_expect(b, 200, "");
	assert_int_equal(json_array_size(json_object_get(b->json, "drop")), 1);
	assert_int_equal(json_array_size(json_object_get(b->json, "put")), 0);
	assert_int_equal(json_array_size(json_object_get(b->json, "statements")), 1);
	/* an old base is refused */
	b->dir_serial[0]--;
	(void)bk_directory(b, 0, -1);
	bk_expect(b, 409, "wrong-state");
	b->dir_serial[0]++;
	(void)bk_directory(b, 0, -1);
	bk_expect(b, 201, "");
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 200, "");
}

static void test_S10_policy_versions(void **state)
{
	struct bk *b = *state;
	struct fx_signed s;
	char expires[ZTJ_TIME_SIZE];
	ok(ztj_time_format(b->w.now + 200 * 86400, expires));
	const struct fx_policy fork = { .version = 1, .expires = expires },
			       next = { .version = 2, .expires = expires };
	bool changed;
	fx_policy(&b->w, &fork, &s);
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 409, "policy-fork");
	fx_signed_free(&s);
	fx_policy(&b->w, &next, &s);
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 201, "");
	ok(ztj_trust_policy(b->w.trust, &s.s, b->w.now, &changed));
	fx_signed_free(&s);
	(void)bk_put(b, NULL, &b->w.policy);
	bk_expect(b, 200, ""); /* known, no news, and not taken again */
	(void)bk_get(b, NULL, "/v1/broker");
	assert_int_equal(bk_int(b, "policy"), 2);
}

static void test_revoked_person(void **state)
{
	struct bk *b = *state;
	struct fx_signed rev;
	bk_clock(b);
	/* not by just anybody */
	fx_revoke_name(&b->w, &b->w.stranger, false, "people/req2", b->dir_serial[0], b->w.now + 3600, &rev);
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 403, "wrong-signer");
	fx_signed_free(&rev);
	/* a serial that the directory has left behind: what would be taken would revoke nobody */
	fx_revoke_name(&b->w, &b->w.registrar[0], false, "people/req2", b->dir_serial[0] - 1, b->w.now + 3600,
	    &rev);
	(void)bk_put(b, &b->registrar[0], &rev);
	bk_expect(b, 409, "wrong-state");
	fx_signed_free(&rev);
	fx_revoke_name(&b->w, &b->w.registrar[0], false, "people/req2", b->dir_serial[0], b->w.now + 3600,
	    &rev);
	(void)bk_put(b, &b->registrar[0], &rev);
	bk_expect(b, 201, "");
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	fx_signed_free(&rev);
}

/* --- S08 --- */

static void sign_with_counter(const struct ztj_stmt *st, const struct soft_key *k, uint32_t counter,
    struct fx_signed *out)
{
	static unsigned n;
	char nonce[ZTJ_HEX_SIZE];
	struct ztj_buf bytes, tbs, sig;
	(void)snprintf(nonce, sizeof(nonce), "%063xf", ++n);
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&tbs, 1024);
	ztj_buf_init(&sig, 1024);
	ok(ztj_stmt_build(st, nonce, &bytes));
	fx_signed_init(out, ztj_buf_view(&bytes));
	ok(ztj_sshsig_tbs(ztj_stmt_namespace(st->type), out->s.bytes, &tbs));
	soft_key_sign(k, ztj_buf_view(&tbs), FX_UV, counter, &sig);
	ok(ztj_sshsig_wrap(&k->pub, ztj_stmt_namespace(st->type), ztj_buf_view(&sig), &out->sig[0]));
	out->s.sig[0] = ztj_buf_view(&out->sig[0]);
	out->s.nsigs = 1;
	ztj_buf_free(&bytes);
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
}

static long with_counter(struct bk *b, uint32_t counter, int64_t duration)
{
	struct ztj_stmt st;
	struct fx_signed req;
	const char *hosts[1] = { "servers/test1" };
	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = "people/req1";
	st.u.request.role = "root-shell";
	st.u.request.hosts = hosts;
	st.u.request.nhosts = 1;
	st.u.request.duration = duration;
	st.u.request.reason = "disk full on the web tier";
	st.u.request.ticket = "INC-1";
	st.u.request.valid_until = b->w.now + 3600;
	sign_with_counter(&st, &b->w.person[FX_REQ1].key, counter, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	fx_signed_free(&req);
	return b->status;
}

/* The rule of test1 does not ask for more than the alarm; a rule with deny_on_counter refuses. */
static void test_S08_counter_back(void **state)
{
	struct bk *b = *state;
	assert_int_equal(with_counter(b, 1000, 601), 201);
	assert_false(bk_logged(b, "from 1000 to 999"));
	assert_int_equal(with_counter(b, 999, 602), 201);
	assert_true(bk_logged(b, "ALARM"));
	assert_true(bk_logged(b, "from 1000 to 999"));

	struct fx_signed s;
	char expires[ZTJ_TIME_SIZE];
	bool changed;
	ok(ztj_time_format(b->w.now + 200 * 86400, expires));
	const struct fx_policy strict = { .version = 3,
		.expires = expires,
		.rules =
		    "rules = ( { name = \"test-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"test\"; };\n"
		    "  max = \"8h\"; request_valid = \"4h\"; approvals = ( { count = 1; from = [ \"@sre\" ]; } ); step_up = [ \"confirm\" ];\n"
		    "  freshness = \"1h\"; on_stale = \"deny\"; deny_on_counter = true; } );\n" };
	fx_policy(&b->w, &strict, &s);
	(void)bk_put(b, NULL, &s);
	bk_expect(b, 201, "");
	ok(ztj_trust_policy(b->w.trust, &s.s, b->w.now, &changed));
	fx_signed_free(&s);
	assert_int_equal(with_counter(b, 998, 603), 403);
	assert_string_equal(b->error, "key-counter");
	assert_int_equal(with_counter(b, 1001, 604), 201);
}

/* --- the relay of step-ups --- */

static void a_challenge(struct bk *b, const char *who, const struct soft_key *machine, struct fx_signed *out)
{
	struct ztj_stmt st;
	const char *accounts[1] = { "root" };
	static uint8_t grant[ZTJ_DIGEST_LEN] = { 7 };
	bk_clock(b);
	fx_stmt(&b->w, &st, ZTJ_STMT_STEPUP);
	st.u.stepup.who = who;
	st.u.stepup.host = "servers/web1";
	st.u.stepup.service = "sudo";
	st.u.stepup.tty = "pts/1";
	st.u.stepup.peer = "-";
	st.u.stepup.accounts = accounts;
	st.u.stepup.naccounts = 1;
	st.u.stepup.expires = b->w.now + 60;
	memcpy(st.u.stepup.grant, grant, sizeof(grant));
	fx_stmt_sign(&st, FX_UV, &machine, 1, out);
}

static long answer(struct bk *b, const struct ztj_seckey *as, const struct fx_signed *ch,
    const struct soft_key *k)
{
	char hex[ZTJ_HEX_SIZE], path[128];
	struct ztj_buf sig, armour;
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&armour, 8192);
	soft_key_sshsig(k, "stepup@ztjit", ch->s.bytes, FX_UV, &sig);
	ok(ztj_sshsig_armor(ztj_buf_view(&sig), &armour));
	ztj_hex(ch->id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(path, sizeof(path), "/v1/stepups/%s", hex);
	json_t *o = json_pack("{s:s}", "signature", ztj_buf_str(&armour));
	char *text = json_dumps(o, 0);
	(void)bk_call(b, as, "POST", path, ztj_view_str(text));
	free(text);
	json_decref(o);
	ztj_buf_free(&sig);
	ztj_buf_free(&armour);
	return b->status;
}

static long end(struct bk *b, const struct ztj_seckey *as, const struct fx_signed *ch, const char *query)
{
	char hex[ZTJ_HEX_SIZE], path[128];

	ztj_hex(ch->id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(path, sizeof(path), "/v1/stepups/%s%s", hex, query);
	(void)bk_call(b, as, "DELETE", path, ztj_view_of(NULL, 0));
	return b->status;
}

static const json_t *ended(struct bk *b, size_t n)
{
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/stepups");
	assert_int_equal(json_array_size(json_object_get(b->json, "ended")), n);
	return json_array_get(json_object_get(b->json, "ended"), n - 1);
}

/* What became of a challenge only its host can say, once. */
static void test_relay_says_what_became_of_it(void **state)
{
	struct bk *b = *state;
	struct fx_signed ch;
	const struct ztj_seckey *web1 = &b->host_tls[FX_WEB1];
	char hex[ZTJ_HEX_SIZE];

	a_challenge(b, "people/req1", &b->w.host[FX_WEB1].machine, &ch);
	assert_int_equal(end(b, web1, &ch, ""), 404);
	(void)bk_post(b, web1, "/v1/stepups", &ch.s);
	assert_int_equal(end(b, &b->host_tls[FX_WEB2], &ch, "?taken=1"), 403);
	assert_int_equal(end(b, &b->login[FX_REQ1], &ch, "?taken=1"), 403);
	assert_int_equal(end(b, web1, &ch, "?taken=2"), 400);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/stepups");
	assert_int_equal(json_array_size(json_object_get(b->json, "ended")), 0);
	/* the one who asked is gone: not shown as open, not to be answered */
	assert_int_equal(end(b, web1, &ch, ""), 200);
	assert_int_equal(answer(b, &b->login[FX_REQ1], &ch, &b->w.person[FX_REQ1].key), 409);
	assert_string_equal(b->error, "step-up-gone");
	ztj_hex(ch.id, ZTJ_DIGEST_LEN, hex);
	assert_string_equal(json_string_value(json_object_get(ended(b, 1), "id")), hex);
	assert_int_equal(json_array_size(json_object_get(b->json, "stepups")), 0);
	assert_int_equal(end(b, web1, &ch, "?taken=1"), 200);
	assert_true(json_is_false(json_object_get(ended(b, 1), "taken")));
	fx_signed_free(&ch);
	a_challenge(b, "people/req1", &b->w.host[FX_WEB1].machine, &ch);
	(void)bk_post(b, web1, "/v1/stepups", &ch.s);
	assert_int_equal(answer(b, &b->login[FX_REQ1], &ch, &b->w.person[FX_REQ1].key), 200);
	assert_int_equal(end(b, web1, &ch, "?taken=1"), 200);
	(void)ended(b, 2);
	assert_true(
	    json_is_true(json_object_get(json_array_get(json_object_get(b->json, "ended"), 0), "taken")) ||
	    json_is_true(json_object_get(json_array_get(json_object_get(b->json, "ended"), 1), "taken")));
	(void)bk_get(b, &b->login[FX_LEAD1], "/v1/stepups");
	assert_int_equal(json_array_size(json_object_get(b->json, "ended")), 0);
	fx_signed_free(&ch);
}

/* One host that is not what it was: a person's other hosts can still ask. */
static void test_W03_challenges_of_one_host(void **state)
{
	struct bk *b = *state;
	struct fx_signed ch;
	unsigned taken = 0;

	for (int i = 0; i < 40; i++) {
		a_challenge(b, "people/lead2", &b->w.host[FX_WEB1].machine, &ch);
		(void)bk_post(b, &b->host_tls[FX_WEB1], "/v1/stepups", &ch.s);
		taken += b->status == 201;
		(void)end(b, &b->host_tls[FX_WEB1], &ch, "");
		fx_signed_free(&ch);
	}
	assert_int_equal(taken, 8);
}

static void test_P14_relay(void **state)
{
	struct bk *b = *state;
	struct fx_signed ch, other;
	const struct ztj_seckey *web1 = &b->host_tls[FX_WEB1];
	/* not signed by that host's machine key; another host's name */
	a_challenge(b, "people/req1", &b->w.host[FX_WEB2].machine, &ch);
	(void)bk_post(b, web1, "/v1/stepups", &ch.s);
	bk_expect(b, 403, "wrong-signer");
	(void)bk_post(b, &b->host_tls[FX_WEB2], "/v1/stepups", &ch.s);
	bk_expect(b, 403, "wrong-host");
	fx_signed_free(&ch);
	a_challenge(b, "people/req1", &b->w.host[FX_WEB1].machine, &ch);
	(void)bk_post(b, web1, "/v1/stepups", &ch.s);
	bk_expect(b, 201, "");
	(void)bk_post(b, web1, "/v1/stepups", &ch.s);
	bk_expect(b, 200, "");
	/* shown to the one it is for */
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/stepups");
	assert_int_equal(json_array_size(json_object_get(b->json, "stepups")), 1);
	(void)bk_get(b, &b->login[FX_LEAD1], "/v1/stepups");
	assert_int_equal(json_array_size(json_object_get(b->json, "stepups")), 0);
	/* answered by nobody else, with no other key, for no other challenge, and once */
	assert_int_equal(answer(b, &b->login[FX_LEAD1], &ch, &b->w.person[FX_LEAD1].key), 403);
	assert_string_equal(b->error, "wrong-person");
	assert_int_equal(answer(b, &b->login[FX_REQ1], &ch, &b->w.person[FX_LEAD1].key), 403);
	a_challenge(b, "people/req1", &b->w.host[FX_WEB1].machine, &other);
	assert_int_equal(answer(b, &b->login[FX_REQ1], &other, &b->w.person[FX_REQ1].key), 404);
	assert_int_equal(answer(b, &b->login[FX_REQ1], &ch, &b->w.person[FX_REQ1].key), 200);
	assert_int_equal(answer(b, &b->login[FX_REQ1], &ch, &b->w.person[FX_REQ1].key), 409);
	assert_string_equal(b->error, "replay");
	fx_signed_free(&ch);
	fx_signed_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S02_replay),
		cmocka_unit_test(test_S02_stolen_login),
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_refused_early),
		cmocka_unit_test(test_S05_self_approval),
		cmocka_unit_test(test_G03_one_history),
		cmocka_unit_test(test_G03_late_deny),
		cmocka_unit_test(test_removed_person),
		cmocka_unit_test(test_S10_policy_versions),
		cmocka_unit_test(test_P14_relay),
		cmocka_unit_test(test_relay_says_what_became_of_it),
		cmocka_unit_test(test_W03_challenges_of_one_host),
		cmocka_unit_test(test_S08_counter_back),
		cmocka_unit_test(test_revoked_person),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
