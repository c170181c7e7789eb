/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a trust takes, and what it refuses: policies, lookups, signers, the heartbeat. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"

static struct fx_world w;

static int setup(void **state)
{
	(void)state;
	fx_init(&w);
	fx_load(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fx_free(&w);
	return 0;
}

static int offer_policy(const struct fx_policy *p, bool *changed)
{
	struct fx_signed f;
	int r;

	fx_policy(&w, p, &f);
	r = ztj_trust_policy(w.trust, &f.s, w.now, changed);
	fx_signed_free(&f);
	return r;
}

static void test_holds_what_was_offered(void **state)
{
	const struct ztj_record *r;
	char who[ZTJ_FULLNAME_SIZE];

	(void)state;
	assert_int_equal(ztj_trust_ndirs(w.trust), 2);
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	assert_string_equal(r->name, "req1");
	assert_true(ztj_record_in_group(r, "sre"));
	ok(ztj_trust_host(w.trust, "servers/web1", w.now, &r));
	assert_string_equal(ztj_record_label(r, "env"), "prod");
	assert_null(ztj_record_label(r, "site"));
	ok(ztj_trust_user_by_key(w.trust, &w.person[FX_LEAD1].key.pub, w.now, who));
	assert_string_equal(who, "people/lead1");
	ok(ztj_trust_host_by_tls(w.trust, &w.host[FX_DB1].tls.pub, w.now, who));
	assert_string_equal(who, "servers/db1");
	fails(ztj_trust_host_by_tls(w.trust, &w.host[FX_DB1].machine.pub, w.now, who), ZTJ_HOST_UNKNOWN);
	fails(ztj_trust_user_by_key(w.trust, &w.stranger.pub, w.now, who), ZTJ_USER_UNKNOWN);
	assert_string_equal(who, "");
	ok(ztj_trust_resolve(w.trust, "web2", true, who));
	assert_string_equal(who, "servers/web2");
	fails(ztj_trust_resolve(w.trust, "web2", false, who), ZTJ_USER_UNKNOWN);
	fails(ztj_trust_resolve(w.trust, "Web2", true, who), ZTJ_BAD_NAME);
	fails(ztj_trust_user(w.trust, "servers/web1", w.now, &r), ZTJ_USER_UNKNOWN);
	fails(ztj_trust_host(w.trust, "people/req1", w.now, &r), ZTJ_HOST_UNKNOWN);
	fails(ztj_trust_user(w.trust, "people/Req1", w.now, &r), ZTJ_USER_UNKNOWN);
	fails(ztj_trust_user(w.trust, "req1", w.now, &r), ZTJ_USER_UNKNOWN);
	assert_null(r);
}

static void test_S10_policy_version_only_grows(void **state)
{
	const struct fx_policy v1 = { .version = 1 }, v3 = { .version = 3 }, v2 = { .version = 2 },
			       fork = { .version = 3, .expires = "2027-07-01T00:00:00Z" },
			       other = { .version = 4, .domain = "other" },
			       broken = { .version = 4, .rules = "rules = ( { } );" };
	bool changed;

	(void)state;
	ok(offer_policy(&v1, &changed));
	assert_false(changed);
	ok(offer_policy(&v3, &changed));
	assert_true(changed);
	fails(offer_policy(&v2, &changed), ZTJ_POLICY_ROLLBACK);
	fails(offer_policy(&v1, &changed), ZTJ_POLICY_ROLLBACK);
	fails(offer_policy(&fork, &changed), ZTJ_POLICY_FORK);
	fails(offer_policy(&other, &changed), ZTJ_DOMAIN);
	fails(offer_policy(&broken, &changed), ZTJ_POLICY_INVALID);
	assert_false(changed);
	assert_int_equal(ztj_trust_held_policy(w.trust)->version, 3);
}

/* Offers version 9 signed by these. */
static int signed_policy(const struct soft_key *a, const struct soft_key *b, enum ztj_stmt_type ns,
    const char *revoked)
{
	const struct fx_policy p = { .version = 9, .revoked = revoked };
	struct fx_signed f;
	struct ztj_buf text;
	bool changed;
	int r;

	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	fx_policy_text(&w, &p, &text);
	fx_signed_init(&f, ztj_buf_view(&text));
	fx_signed_add(&f, ns, a, FX_UP);
	if (b != NULL)
		fx_signed_add(&f, ns, b, FX_UP);
	r = ztj_trust_policy(w.trust, &f.s, w.now, &changed);
	fx_signed_free(&f);
	ztj_buf_free(&text);
	return r;
}

static const char *fingerprint(const struct soft_key *k)
{
	static char text[2 + ZTJ_FINGERPRINT_SIZE];
	char fp[ZTJ_FINGERPRINT_SIZE];

	ok(ztj_key_fingerprint(&k->pub, fp));
	(void)snprintf(text, sizeof(text), "\"%s\"", fp);
	return text;
}

static void test_S10_roots(void **state)
{
	(void)state;
	fails(signed_policy(&w.root[0], NULL, ZTJ_STMT_POLICY, NULL), ZTJ_THRESHOLD);
	fails(signed_policy(&w.root[0], &w.root[0], ZTJ_STMT_POLICY, NULL), ZTJ_THRESHOLD);
	fails(signed_policy(&w.root[0], &w.registrar[0], ZTJ_STMT_POLICY, NULL), ZTJ_THRESHOLD);
	fails(signed_policy(&w.stranger, &w.registrar[0], ZTJ_STMT_POLICY, NULL), ZTJ_THRESHOLD);
	fails(signed_policy(&w.root[0], &w.root[1], ZTJ_STMT_DIRECTORY, NULL), ZTJ_SIG_NAMESPACE);
	/* a root that the policy itself revokes does not count for it */
	fails(signed_policy(&w.root[0], &w.root[1], ZTJ_STMT_POLICY, fingerprint(&w.root[1])), ZTJ_THRESHOLD);
	ok(signed_policy(&w.root[0], &w.root[2], ZTJ_STMT_POLICY, fingerprint(&w.root[1])));
}

static void test_S10_revoked_root_cannot_come_back(void **state)
{
	struct fx_signed f;
	struct ztj_buf text;
	const struct fx_policy p = { .version = 10 };
	bool changed;

	(void)state;
	ok(signed_policy(&w.root[0], &w.root[2], ZTJ_STMT_POLICY, fingerprint(&w.root[1])));
	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	fx_policy_text(&w, &p, &text); /* revokes nobody */
	fx_signed_init(&f, ztj_buf_view(&text));
	fx_signed_add(&f, ZTJ_STMT_POLICY, &w.root[0], FX_UP);
	fx_signed_add(&f, ZTJ_STMT_POLICY, &w.root[1], FX_UP);
	fails(ztj_trust_policy(w.trust, &f.s, w.now, &changed), ZTJ_THRESHOLD);
	fx_signed_add(&f, ZTJ_STMT_POLICY, &w.root[2], FX_UP);
	ok(ztj_trust_policy(w.trust, &f.s, w.now, &changed));
	fx_signed_free(&f);
	ztj_buf_free(&text);
}

static void test_S10_floor_from_the_pins(void **state)
{
	const struct fx_policy v1 = { .version = 1 }, v5 = { .version = 5 }, v6 = { .version = 6 },
			       fork = { .version = 5, .expires = "2027-07-01T00:00:00Z" };
	struct fx_signed f;
	bool changed;

	(void)state;
	fx_policy(&w, &v5, &f);
	w.pins.has_floor = true;
	w.pins.floor_version = 5;
	memcpy(w.pins.floor, f.id, sizeof(f.id));
	fx_signed_free(&f);
	ztj_trust_free(w.trust);
	ok(ztj_trust_new(&w.pins, w.cache, &w.trust));
	fails(offer_policy(&v1, &changed), ZTJ_POLICY_ROLLBACK);
	fails(offer_policy(&fork, &changed), ZTJ_POLICY_FORK);
	ok(offer_policy(&v5, &changed));
	ok(offer_policy(&v6, &changed));
}

static int judged_by(const struct fx_signed *f, enum ztj_stmt_type type, const char *who, bool uv,
    int64_t now)
{
	const struct ztj_record *person;
	struct ztj_stmt *st;
	int r;

	ok(ztj_stmt_open(&f->s, type, "example", &st));
	r = ztj_trust_signed_by(w.trust, st, who, uv, now, &person);
	assert_true((person != NULL) == (r == ZTJ_OK));
	ztj_stmt_free(st);
	return r;
}

static void test_S05_S07_signed_by(void **state)
{
	const struct soft_key *k = &w.person[FX_REQ1].key;
	struct fx_signed f, up;
	struct fx_policy revoking = { .version = 2 };
	bool changed;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &f);
	ok(judged_by(&f, ZTJ_STMT_REQUEST, "people/req1", true, w.now));
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "people/req2", true, w.now), ZTJ_SIGNER);
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "people/nobody", true, w.now), ZTJ_USER_UNKNOWN);
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "servers/web1", true, w.now), ZTJ_USER_UNKNOWN);
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "people/req1", true, w.now - 2 * 86400), ZTJ_KEY_EXPIRED);
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "people/req1", true, w.now + 91 * 86400), ZTJ_DIR_EXPIRED);
	fx_signed_init(&up, f.s.bytes);
	fx_signed_add(&up, ZTJ_STMT_REQUEST, k, FX_UP);
	ok(judged_by(&up, ZTJ_STMT_REQUEST, "people/req1", false, w.now));
	fails(judged_by(&up, ZTJ_STMT_REQUEST, "people/req1", true, w.now), ZTJ_NO_UV);
	revoking.revoked = fingerprint(k);
	ok(offer_policy(&revoking, &changed));
	fails(judged_by(&f, ZTJ_STMT_REQUEST, "people/req1", true, w.now), ZTJ_KEY_REVOKED);
	fx_signed_free(&f);
	fx_signed_free(&up);
}

static void test_S17_seen_ahead_denies_that_bundle(void **state)
{
	struct ztj_seen seen;

	(void)state;
	ztj_trust_fill_seen(w.trust, &seen);
	assert_int_equal(seen.policy, 1);
	assert_int_equal(seen.ndirs, 2);
	ok(ztj_trust_seen(w.trust, &seen));
	seen.dir[0].serial = 2;
	fails(ztj_trust_seen(w.trust, &seen), ZTJ_SEEN_AHEAD);
	seen.dir[0].serial = INT64_MAX;
	fails(ztj_trust_seen(w.trust, &seen), ZTJ_SEEN_AHEAD);
	seen.dir[0].serial = 1;
	seen.policy = 2;
	fails(ztj_trust_seen(w.trust, &seen), ZTJ_SEEN_AHEAD);
	seen.policy = 1;
	seen.dir[0].name = "elsewhere";
	fails(ztj_trust_seen(w.trust, &seen), ZTJ_SEEN_AHEAD);
	/* a directory that only an older policy had keeps nobody waiting */
	seen.policy = 0;
	ok(ztj_trust_seen(w.trust, &seen));
}

static int status(const struct fx_signed *f)
{
	return ztj_trust_status(w.trust, &f->s, w.now);
}

static void test_G05_status_counts_only_when_it_matches(void **state)
{
	const struct fx_policy v2 = { .version = 2 };
	struct fx_signed good, strange, later, rev, ahead;
	bool changed;

	(void)state;
	assert_int_equal(ztj_trust_fresh(w.trust), 0);
	fx_status(&w, &w.online, &good);
	fx_status(&w, &w.tls, &strange);
	fails(status(&strange), ZTJ_BROKER_KEY);
	ok(status(&good));
	assert_true(ztj_trust_fresh(w.trust) == w.now);
	w.now += 121;
	fx_status(&w, &w.online, &ahead);
	w.now -= 121;
	fails(status(&ahead), ZTJ_FUTURE);
	/* a revocation that this side has not seen */
	w.now += 10;
	fx_revoke_name(&w, &w.registrar[0], false, "people/sec1", 1, w.now + 60, &rev);
	ok(ztj_trust_revocation(w.trust, &rev.s, w.now, &changed));
	fx_status(&w, &w.online, &later);
	fails(status(&good), ZTJ_STALE);
	ok(status(&later));
	assert_true(ztj_trust_fresh(w.trust) == w.now);
	ok(offer_policy(&v2, &changed));
	fails(status(&later), ZTJ_STALE);
	assert_true(ztj_trust_fresh(w.trust) == w.now); /* never later than the last that counted */
	fx_signed_free(&good);
	fx_signed_free(&strange);
	fx_signed_free(&later);
	fx_signed_free(&rev);
	fx_signed_free(&ahead);
}

static void test_nothing_before_a_policy(void **state)
{
	const struct ztj_record *r;
	struct ztj_seen seen = { 0 };
	struct fx_signed st;
	struct ztj_dir *set;
	bool changed;

	(void)state;
	fx_status(&w, &w.online, &st);
	ztj_trust_free(w.trust);
	ok(ztj_trust_new(&w.pins, w.cache, &w.trust));
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_USER_UNKNOWN);
	fails(status(&st), ZTJ_NOT_READY);
	fails(ztj_trust_seen(w.trust, &seen), ZTJ_NOT_READY);
	set = fx_people(&w);
	fails(fx_offer(&w, set, &w.people, w.now, &changed), ZTJ_NOT_READY);
	/* one's own disk may know a directory before its policy: held, not counting */
	ok(fx_offer(&w, set, &w.people, ZTJ_TRUST_RESTORE, &changed));
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_NOT_READY);
	ok(ztj_trust_policy(w.trust, &w.policy.s, w.now, &changed));
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	ztj_dir_free(set);
	fx_signed_free(&st);
}

static void test_unsigned_only_for_the_policys_tests(void **state)
{
	const struct ztj_policy *p = ztj_trust_held_policy(w.trust);
	const struct ztj_record *r;
	struct ztj_trust *t;
	struct ztj_dir *set = fx_people(&w);
	bool changed;

	(void)state;
	fails(ztj_trust_add_unsigned(w.trust, set), ZTJ_FORBIDDEN);
	ok(ztj_trust_for_tests(p, &t));
	ok(ztj_trust_add_unsigned(t, set));
	ok(ztj_trust_user(t, "people/req1", w.now, &r));
	fails(ztj_trust_policy(t, &w.policy.s, w.now, &changed), ZTJ_FORBIDDEN);
	ztj_trust_free(t);
}

/* ---- revocations of people and hosts ---- */

static int revoke(const struct fx_signed *f, bool *changed)
{
	return ztj_trust_revocation(w.trust, &f->s, w.now, changed);
}

static int may_revoke(const struct fx_signed *f)
{
	struct ztj_stmt *st;
	int r;

	ok(ztj_stmt_open(&f->s, ZTJ_STMT_REVOCATION, "example", &st));
	r = ztj_trust_may_revoke(w.trust, st, w.now);
	ztj_stmt_free(st);
	return r;
}

static void test_S02_revoked_until_its_end(void **state)
{
	const struct ztj_record *r;
	uint8_t head[ZTJ_DIGEST_LEN];
	struct fx_signed f, h;
	bool changed;

	(void)state;
	fx_revoke_name(&w, &w.registrar[0], false, "people/lead1", 1, w.now + 3600, &f);
	ok(may_revoke(&f));
	ok(revoke(&f, &changed));
	assert_true(changed);
	fails(ztj_trust_user(w.trust, "people/lead1", w.now, &r), ZTJ_REVOKED);
	fails(ztj_trust_user(w.trust, "people/lead1", w.now + 3599, &r), ZTJ_REVOKED);
	ok(ztj_trust_user(w.trust, "people/lead1", w.now + 3600, &r));
	ok(ztj_trust_user(w.trust, "people/lead2", w.now, &r));
	memcpy(head, ztj_trust_revocation_head(w.trust), sizeof(head));
	ok(revoke(&f, &changed)); /* the same again has no effect of its own */
	assert_false(changed);
	assert_int_equal(ztj_trust_nrevocations(w.trust), 1);
	assert_memory_equal(ztj_trust_revocation_head(w.trust), head, sizeof(head));
	fx_revoke_name(&w, &w.registrar[1], true, "servers/web1", 1, w.now + 3600, &h);
	ok(revoke(&h, &changed));
	fails(ztj_trust_host(w.trust, "servers/web1", w.now, &r), ZTJ_REVOKED);
	fx_signed_free(&f);
	fx_signed_free(&h);
}

/* One carried by hand arrives before those that the broker had first. */
static void test_G05_revocation_head_knows_no_order(void **state)
{
	static const int orders[2][3] = { { 0, 1, 2 }, { 2, 0, 1 } };
	uint8_t head[ZTJ_DIGEST_LEN];
	struct fx_signed f[3], st;
	bool changed;

	for (int i = 0; i < 3; i++)
		fx_revoke_name(&w, &w.registrar[0], false, "people/lead1", 1, w.now + 3600 + i, &f[i]);
	for (int i = 0; i < 3; i++)
		ok(revoke(&f[orders[0][i]], &changed));
	memcpy(head, ztj_trust_revocation_head(w.trust), sizeof(head));
	fx_status(&w, &w.online, &st);
	teardown(state);
	setup(state);
	for (int i = 0; i < 3; i++) {
		assert_memory_not_equal(ztj_trust_revocation_head(w.trust), head, sizeof(head));
		fails(status(&st), ZTJ_STALE);
		ok(revoke(&f[orders[1][i]], &changed));
	}
	assert_memory_equal(ztj_trust_revocation_head(w.trust), head, sizeof(head));
	ok(status(&st));
	fx_signed_free(&st);
	for (int i = 0; i < 3; i++)
		fx_signed_free(&f[i]);
}

static void test_revocation_needs_a_right_to_have_effect(void **state)
{
	const struct ztj_record *r;
	struct fx_signed f;
	bool changed;
	struct {
		const struct soft_key *k;
		int64_t until;
		int want;
	} cases[] = {
		{ &w.online, 86400, ZTJ_OK },
		{ &w.online, 86401, ZTJ_TOO_LONG },
		{ &w.registrar[1], 60, ZTJ_SIGNER },
		{ &w.person[FX_SEC1].key, 60, ZTJ_SIGNER },
		{ &w.tls, 60, ZTJ_SIGNER },
		{ &w.root[0], 60, ZTJ_SIGNER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *who = i == 0 ? "people/sec1" : "people/lead1";

		fx_revoke_name(&w, cases[i].k, false, who, 1, w.now + cases[i].until, &f);
		fails(may_revoke(&f), cases[i].want);
		ok(revoke(&f, &changed)); /* chained in any case: every host holds all of them */
		fails(ztj_trust_user(w.trust, who, w.now, &r),
		    cases[i].want == ZTJ_OK ? ZTJ_REVOKED : ZTJ_OK);
		fx_signed_free(&f);
	}
	fx_revoke_name(&w, &w.registrar[0], false, "elsewhere/lead1", 1, w.now + 60, &f);
	fails(may_revoke(&f), ZTJ_DIR_UNKNOWN);
	fx_signed_free(&f);
	w.now += 200;
	fx_revoke_name(&w, &w.registrar[0], false, "people/lead1", 1, w.now + 60, &f);
	w.now -= 200;
	fails(revoke(&f, &changed), ZTJ_FUTURE);
	fails(may_revoke(&f), ZTJ_FUTURE);
	fx_signed_free(&f);
}

static void test_held_revocations_of_a_request(void **state)
{
	struct fx_signed req, other, f[3];
	struct ztj_stmt *out[8];
	bool changed;
	size_t n;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &req);
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &other);
	ok(ztj_trust_request_revocations(w.trust, req.id, out, 8, &n));
	assert_int_equal(n, 0);
	fx_revoke_request(&w, FX_REQ1, &w.person[FX_REQ1].key, &req, &f[0]);
	fx_revoke_request(&w, -1, &w.online, &req, &f[1]);
	fx_revoke_request(&w, FX_REQ1, &w.person[FX_REQ1].key, &other, &f[2]);
	for (int i = 0; i < 3; i++)
		ok(revoke(&f[i], &changed));
	ok(ztj_trust_request_revocations(w.trust, req.id, out, 8, &n));
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_memory_equal(out[i]->id, f[i].id, ZTJ_DIGEST_LEN);
		ztj_stmt_free(out[i]);
	}
	ok(ztj_trust_request_revocations(w.trust, req.id, out, 1, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(out[0]->id, f[0].id, ZTJ_DIGEST_LEN);
	ztj_stmt_free(out[0]);
	for (int i = 0; i < 3; i++)
		fx_signed_free(&f[i]);
	fx_signed_free(&req);
	fx_signed_free(&other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_holds_what_was_offered),
		T(test_S10_policy_version_only_grows),
		T(test_S10_roots),
		T(test_S10_revoked_root_cannot_come_back),
		T(test_S10_floor_from_the_pins),
		T(test_S05_S07_signed_by),
		T(test_S17_seen_ahead_denies_that_bundle),
		T(test_G05_status_counts_only_when_it_matches),
		T(test_nothing_before_a_policy),
		T(test_unsigned_only_for_the_policys_tests),
		T(test_S02_revoked_until_its_end),
		T(test_G05_revocation_head_knows_no_order),
		T(test_revocation_needs_a_right_to_have_effect),
		T(test_held_revocations_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
