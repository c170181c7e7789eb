/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The grant function as a function: order never matters, more news never widens what was taken away,
 * every interleaving gives one legal history, chains end with their links.
 */
#include <string.h>

#include "libztjit/core/grant_int.h"
#include "tests/core/scene.h"

static struct scene sc;
static const char NONCE[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee02";

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

/* A small generator of our own: the tests are the same on every machine. */
static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void swap(struct made **a, struct made **b)
{
	struct made *t = *a;

	*a = *b;
	*b = t;
}

static void same(const struct ztj_grant *a, const struct ztj_grant *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->starts, b->starts);
	assert_int_equal(a->ends, b->ends);
	assert_int_equal(a->nmissing, b->nmissing);
	assert_int_equal(a->napprovers, b->napprovers);
	assert_string_equal(a->text, b->text);
}

static void test_S16_every_permutation_gives_the_same(void **state)
{
	struct made m[6], *p[6];
	struct ztj_grant first, g;
	size_t c[6] = { 0 }, count = 1;

	(void)state;
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/both1", &m[0], SCENE_T0 + 30);
	made_approval(&sc, &m[2], "approvers/lead1", &m[0], SCENE_T0 + 30); /* the same second */
	made_approval(&sc, &m[3], "approvers/sec1", &m[0], SCENE_T0 + 50);
	made_approval(&sc, &m[4], "approvers/lead2", &m[0], SCENE_T0 + 10);
	made_approval(&sc, &m[5], "approvers/req1", &m[0], SCENE_T0 + 5);
	for (size_t i = 0; i < 6; i++)
		p[i] = &m[i];
	scene_eval(&sc, p, 6, SCENE_T0 + 60, &first);
	assert_int_equal(first.code, ZTJ_OK);
	assert_int_equal(first.starts, SCENE_T0 + 30); /* lead2 at 10, both1 at 30 as security */
	for (size_t i = 0; i < 5;) {                   /* Heap's algorithm over p[1..5] */
		if (c[i] >= i) {
			c[i++] = 0;
			continue;
		}
		swap(&p[1 + (i % 2 == 0 ? 0 : c[i])], &p[1 + i]);
		scene_eval(&sc, p, 6, SCENE_T0 + 60, &g);
		same(&first, &g);
		count++;
		c[i]++;
		i = 0;
	}
	assert_int_equal(count, 120);
	for (size_t i = 0; i < 6; i++)
		made_free(&m[i]);
}

/* G03: any subset of what may happen, at several times: one state each, and the strong ones win. */
static void test_G03_every_interleaving_has_one_history(void **state)
{
	struct made m[7], *p[7];
	struct ztj_grant g, again;

	(void)state;
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 30);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 40);
	made_denial(&sc, &m[3], "approvers/lead2", &m[0], SCENE_T0 + 50);
	made_revocation(&sc, &m[4], "people/req1", &m[0], SCENE_T0 + 35); /* cancels before it began */
	made_revocation(&sc, &m[5], "approvers/sec1", &m[0], SCENE_T0 + 60);
	made_revocation(&sc, &m[6], "", &m[0], SCENE_T0 + 70); /* the broker's key */
	for (unsigned bits = 0; bits < 64; bits++) {
		size_t n = 1;
		p[0] = &m[0];
		for (unsigned i = 0; i < 6; i++)
			if (bits & 1u << i)
				p[n++] = &m[1 + i];
		for (int k = 0; k < 3; k++) {
			static const int64_t when[3] = { SCENE_T0 + 100, SCENE_T0 + 1839, SCENE_T0 + 4000 };
			enum ztj_grant_state want;
			for (size_t i = n; i > 2; i--)
				swap(&p[1 + rnd((uint32_t)i - 1)], &p[i - 1]);
			scene_eval(&sc, p, n, when[k], &g);
			for (size_t i = n; i > 2; i--)
				swap(&p[1 + rnd((uint32_t)i - 1)], &p[i - 1]);
			scene_eval(&sc, p, n, when[k], &again);
			same(&g, &again);
			if (bits & (16 | 32))
				want = ZTJ_GRANT_REVOKED;
			else if (bits & 8)
				want = ZTJ_GRANT_CANCELLED;
			else if (bits & 4)
				want = ZTJ_GRANT_DENIED;
			else if ((bits & 3) != 3)
				want = k == 2 ? ZTJ_GRANT_EXPIRED : ZTJ_GRANT_PENDING;
			else
				want = k == 2 ? ZTJ_GRANT_ENDED : ZTJ_GRANT_ACTIVE;
			assert_string_equal(ztj_grant_state_name(g.state), ztj_grant_state_name(want));
		}
	}
	for (size_t i = 0; i < 7; i++)
		made_free(&m[i]);
}

/* With one statement more a window may begin earlier or end earlier, never end later once there was one, and an ended
 * request never lives again. */
static void test_more_statements_never_widen(void **state)
{
	static const char *const who[] = { "approvers/lead1", "approvers/lead2", "approvers/sec1",
		"approvers/both1", "approvers/req1", "people/req2", "people/lead1" };
	struct made m[10], *p[10];
	struct ztj_grant before, g;

	(void)state;
	for (int round = 0; round < 40; round++) {
		memset(&before, 0, sizeof before);
		made_request(&sc, &m[0]);
		p[0] = &m[0];
		for (size_t n = 1; n < 10; n++) {
			const char *w = who[rnd(7)];
			int64_t issued = SCENE_T0 + (int64_t)rnd(600);
			uint32_t kind = rnd(12);
			if (kind == 0)
				made_denial(&sc, &m[n], w, &m[0], issued);
			else if (kind == 1)
				made_revocation(&sc, &m[n], w, &m[0], issued);
			else {
				struct ztj_stmt st;
				scene_approval(&sc, &st, w, &m[0]);
				st.issued = issued;
				st.u.approval.limit = kind < 5 ? 1 + rnd(1800) : 0;
				made_sign(&m[n], &st, NULL, &scene_actor(&sc, w)->key,
				    rnd(4) == 0 ? FLAGS_UP : FLAGS_UV);
			}
			p[n] = &m[n];
			scene_eval(&sc, p, n + 1, SCENE_T0 + 700, &g);
			assert_int_not_equal(g.code, ZTJ_INTERNAL);
			if (before.starts != 0 && g.starts != 0) {
				assert_true(g.starts <= before.starts);
				assert_true(g.ends <= before.ends);
			}
			if (before.state == ZTJ_GRANT_DENIED || before.state == ZTJ_GRANT_REVOKED ||
			    before.state == ZTJ_GRANT_CANCELLED)
				assert_true(g.state == ZTJ_GRANT_DENIED || g.state == ZTJ_GRANT_REVOKED ||
				    g.state == ZTJ_GRANT_CANCELLED);
			before = g;
		}
		for (size_t n = 0; n < 10; n++)
			made_free(&m[n]);
	}
}

static void test_revocations_that_do_not_count(void **state)
{
	struct made m[4], *p[4] = { &m[0], &m[1], &m[2], &m[3] };
	struct ztj_grant g;
	struct ztj_stmt st;

	(void)state;
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 30);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 40);
	/* somebody who may not approve */
	made_revocation(&sc, &m[3], "people/req2", &m[0], SCENE_T0 + 50);
	scene_eval(&sc, p, 4, SCENE_T0 + 60, &g);
	assert_int_equal(g.code, ZTJ_OK);
	made_free(&m[3]);
	/* nobody in particular, by a key the policy does not name */
	scene_revocation(&sc, &st, "", &m[0]);
	made_sign(&m[3], &st, NULL, &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	scene_eval(&sc, p, 4, SCENE_T0 + 60, &g);
	assert_int_equal(g.code, ZTJ_OK);
	made_free(&m[3]);
	/* the registrar of the requester's directory may, and the requester after it began */
	made_sign(&m[3], &st, NULL, &sc.registrar, FLAGS_UV);
	scene_eval(&sc, p, 4, SCENE_T0 + 60, &g);
	assert_int_equal(g.code, ZTJ_REVOKED);
	made_free(&m[3]);
	made_revocation(&sc, &m[3], "people/req1", &m[0], SCENE_T0 + 50);
	scene_eval(&sc, p, 4, SCENE_T0 + 60, &g);
	assert_int_equal(g.code, ZTJ_REVOKED);
	for (size_t i = 0; i < 4; i++)
		made_free(&m[i]);
}

/* A revocation that the host holds counts, whatever bundle it is shown. */
static void test_revocation_held_by_the_host(void **state)
{
	struct made m[4], *p[4] = { &m[0], &m[1], &m[2], &m[3] };
	struct ztj_grant g;

	(void)state;
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 30);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 40);
	made_revocation(&sc, &m[3], "people/req2", &m[0], SCENE_T0 + 50);
	scene_revoked(&sc, &m[3], SCENE_T0 + 50);
	scene_eval(&sc, p, 3, SCENE_T0 + 60, &g);
	assert_int_equal(g.code, ZTJ_OK);
	made_free(&m[3]);
	made_revocation(&sc, &m[3], "approvers/lead2", &m[0], SCENE_T0 + 50);
	scene_revoked(&sc, &m[3], SCENE_T0 + 50);
	scene_eval(&sc, p, 3, SCENE_T0 + 60, &g);
	assert_string_equal(ztj_err_name(g.code), "revoked");
	assert_non_null(strstr(g.text, "approvers/lead2"));
	for (size_t i = 0; i < 4; i++)
		made_free(&m[i]);
}

/* --- chains --- */

struct chain {
	struct made m[9];
	struct made *p[9];
};

static void follow(struct chain *c, size_t link, const struct ztj_stmt *st, int64_t at)
{
	struct made *m = &c->m[3 * link];

	made_sign(&m[0], st, NONCE, &scene_actor(&sc, st->u.request.who)->key, FLAGS_UV);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], at);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], at);
}

/* Three half hours, the second and third extending; spoil changes the last. */
static void make_chain(struct chain *c, void (*spoil)(struct ztj_stmt *st))
{
	struct ztj_stmt st;

	for (size_t i = 0; i < 3; i++) {
		scene_request(&sc, &st);
		st.issued = SCENE_T0 + 1200 * (int64_t)i;
		st.u.request.valid_until = st.issued + 3600;
		if (i > 0) {
			st.u.request.start = SCENE_T0 + 60 + 1800 * (int64_t)i;
			st.u.request.has_follows = true;
			memcpy(st.u.request.follows, c->m[3 * (i - 1)].id, ZTJ_DIGEST_LEN);
		}
		if (i == 2 && spoil != NULL)
			spoil(&st);
		follow(c, i, &st, st.issued + 60);
	}
	for (size_t i = 0; i < 9; i++)
		c->p[i] = &c->m[(i + 6) % 9]; /* the last link first */
}

static void free_chain(struct chain *c)
{
	for (size_t i = 0; i < 9; i++)
		made_free(&c->m[i]);
}

static void spoil_who(struct ztj_stmt *st)
{
	st->u.request.who = "people/req2";
}
static void spoil_role(struct ztj_stmt *st)
{
	st->u.request.role = "sudo-root";
}
static void spoil_hosts(struct ztj_stmt *st)
{
	static const char *h[] = { "servers/web2" };
	st->u.request.hosts = h;
}
static void spoil_long(struct ztj_stmt *st)
{
	st->u.request.duration = 3600 + 1800;
}
static void spoil_start(struct ztj_stmt *st)
{
	st->u.request.start = st->issued + 8 * 86400 - 3600;
}

static void chain_expect(void (*spoil)(struct ztj_stmt *st), int64_t now, int code, int64_t length)
{
	struct ztj_grant g;
	struct chain c;

	make_chain(&c, spoil);
	scene_eval(&sc, c.p, 9, now, &g);
	assert_string_equal(ztj_err_name(g.code), ztj_err_name(code));
	if (length != 0)
		assert_int_equal(g.ends - g.starts, length);
	free_chain(&c);
}

static void test_chain(void **state)
{
	const int64_t now = SCENE_T0 + 60 + 3600 + 10;

	(void)state;
	chain_expect(NULL, now, ZTJ_OK, 1800);
	chain_expect(NULL, now - 11, ZTJ_NOT_STARTED, 0);
	chain_expect(spoil_who, now, ZTJ_CHAIN, 0);
	chain_expect(spoil_role, now, ZTJ_CHAIN, 0);
	chain_expect(spoil_hosts, now, ZTJ_CHAIN, 0);
	chain_expect(spoil_long, now, ZTJ_OK, 3600); /* max 1 h, and max_total 2 h leaves 1 h */
	chain_expect(spoil_start, now, ZTJ_TOO_FAR_AHEAD, 0);
}

static void test_chain_ends_with_any_link(void **state)
{
	struct made rev, *p[10];
	struct ztj_grant g;
	struct chain c;

	(void)state;
	make_chain(&c, NULL);
	memcpy(p, c.p, sizeof c.p);
	p[9] = &rev;
	for (size_t link = 0; link < 3; link++) {
		made_revocation(&sc, &rev, "approvers/lead2", &c.m[3 * link], SCENE_T0 + 2000);
		scene_eval(&sc, p, 10, SCENE_T0 + 60 + 3600 + 10, &g);
		assert_string_equal(ztj_err_name(g.code), "revoked");
		made_free(&rev);
		made_denial(&sc, &rev, "approvers/lead2", &c.m[3 * link], SCENE_T0 + 2000);
		scene_eval(&sc, p, 10, SCENE_T0 + 60 + 3600 + 10, &g);
		assert_string_equal(ztj_err_name(g.code), "denied");
		made_free(&rev);
	}
	/* a link that was never approved carries nothing; one that is missing altogether neither */
	for (size_t drop = 3; drop < 9; drop++) {
		size_t n = 0;
		for (size_t i = 0; i < 9; i++)
			if (i != drop)
				p[n++] = c.p[i];
		struct ztj_signed s[8];
		struct ztj_bundle *b;
		for (size_t i = 0; i < 8; i++)
			s[i] = p[i]->s;
		int r = ztj_bundle_make(s, 8, "example", NULL, &b);
		if (drop % 3 == 0) {
			fails(r, ZTJ_WRONG_REQUEST); /* approvals of a request that is not there */
			continue;
		}
		ok(r);
		ztj_grant_eval(sc.trust, b, SCENE_T0 + 60 + 3600 + 10, &g);
		assert_string_equal(ztj_err_name(g.code), "chain");
		ztj_bundle_free(b);
	}
	free_chain(&c);
}

static void test_chain_total_is_bounded(void **state)
{
	struct made m[12], *p[12];
	struct ztj_grant g;
	struct ztj_stmt st;

	(void)state;
	/* four links of 40 min: 2 h of max_total are full after three */
	for (size_t i = 0; i < 4; i++) {
		scene_request(&sc, &st);
		st.issued = SCENE_T0 + 10 * (int64_t)i;
		st.u.request.valid_until = st.issued + 3600;
		st.u.request.duration = 2400;
		if (i > 0) {
			st.u.request.has_follows = true;
			memcpy(st.u.request.follows, m[3 * (i - 1)].id, ZTJ_DIGEST_LEN);
		}
		made_sign(&m[3 * i], &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
		made_approval(&sc, &m[3 * i + 1], "approvers/lead1", &m[3 * i], st.issued + 1);
		made_approval(&sc, &m[3 * i + 2], "approvers/sec1", &m[3 * i], st.issued + 2);
		for (size_t k = 0; k < 3 * i + 3; k++)
			p[k] = &m[(k + 3 * i) % (3 * i + 3)];
		scene_eval(&sc, p, 3 * i + 3, SCENE_T0 + 100, &g);
		assert_string_equal(ztj_err_name(g.code), i < 3 ? "ok" : "too-long");
	}
	for (size_t i = 0; i < 12; i++)
		made_free(&m[i]);
}

/* --- matching, against trying everything --- */

static unsigned brute(const struct ztj_matching *m, size_t p, unsigned have[ZTJ_SLOTS_MAX])
{
	unsigned best;

	if (p == m->npeople)
		return 0;
	best = brute(m, p + 1, have);
	for (size_t s = 0; s < m->nslots; s++)
		if (m->person[p].may & 1u << s && have[s] < m->need[s]) {
			have[s]++;
			unsigned with = 1 + brute(m, p + 1, have);
			have[s]--;
			best = with > best ? with : best;
		}
	return best;
}

static void test_matching_is_maximum(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct ztj_rule rule = { .nslots = 1 + rnd(4) };
		unsigned have[ZTJ_SLOTS_MAX] = { 0 }, total = 0, want;
		struct ztj_matching m;
		for (size_t s = 0; s < rule.nslots; s++)
			rule.slot[s].count = 1 + rnd(3);
		ztj_match_init(&m, &rule);
		for (size_t i = 0; i < 9; i++)
			ztj_match_add(&m, rnd((uint32_t)m.npeople + 1), (uint8_t)rnd(1u << rule.nslots));
		for (size_t s = 0; s < rule.nslots; s++) {
			total += m.have[s];
			assert_true(m.have[s] <= m.need[s]);
		}
		want = brute(&m, 0, have);
		if (!ztj_match_full(&m))
			assert_int_equal(total, want);
		for (size_t i = 0; i < m.npeople; i++) {
			if (m.person[i].slot < 0)
				continue;
			assert_true(m.person[i].may & 1u << m.person[i].slot);
			have[m.person[i].slot]++;
		}
		assert_memory_equal(have, m.have, sizeof have);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_S16_every_permutation_gives_the_same),
		T(test_G03_every_interleaving_has_one_history), T(test_more_statements_never_widen),
		T(test_revocations_that_do_not_count), T(test_revocation_held_by_the_host), T(test_chain),
		T(test_chain_ends_with_any_link), T(test_chain_total_is_bounded),
		cmocka_unit_test(test_matching_is_maximum) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
