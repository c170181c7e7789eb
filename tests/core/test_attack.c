/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Ways in, and ways to undo what was taken away, that once worked. */
#include <string.h>

#include "libztjit/core/grant.h"
#include "libztjit/core/trust_priv.h"
#include "tests/core/scene.h"

static struct scene sc;

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

/* The usual request and approvals, and one statement more. */
struct case_ {
	struct made m[4], *p[4];
	struct ztj_grant g;
};

static void begin(struct case_ *c)
{
	for (size_t i = 0; i < 4; i++)
		c->p[i] = &c->m[i];
	made_request(&sc, &c->m[0]);
	made_approval(&sc, &c->m[1], "approvers/lead1", &c->m[0], SCENE_T0 + 60);
	made_approval(&sc, &c->m[2], "approvers/sec1", &c->m[0], SCENE_T0 + 90);
}

static void finish(struct case_ *c)
{
	for (size_t i = 0; i < 4; i++)
		made_free(&c->m[i]);
}

static int eval(struct case_ *c)
{
	scene_eval(&sc, c->p, 4, SCENE_T0 + 120, &c->g);
	return c->g.code;
}

/* The broker's key may revoke a person for a day. */
static void revoke_person(const char *who, const struct soft_key *by)
{
	struct made rev, none = { .s = { .nsigs = 0 } };
	struct ztj_stmt st;

	scene_revocation(&sc, &st, "", &none);
	st.u.revocation.what = ZTJ_REVOKES_USER;
	st.u.revocation.name = who;
	st.u.revocation.until = st.issued + 86400;
	st.u.revocation.serial = 1000;
	made_sign(&rev, &st, NULL, by, FLAGS_UV);
	scene_revoked(&sc, &rev, SCENE_T0 + 110);
	made_free(&rev);
}

enum undo { UNDO_REVOKED, UNDO_RETIRED, UNDO_NEW_KEY, UNDO_LEFT, UNDO_SHARED, UNDO_WAYS };

/* What may become of an approver after the word was given. */
static void undo(enum undo way, struct actor *a, struct soft_key *other)
{
	switch (way) {
	case UNDO_REVOKED:
		revoke_person(a->full, &sc.broker_online);
		return;
	case UNDO_RETIRED:
		a->until = SCENE_T0 + 105;
		break;
	case UNDO_NEW_KEY:
		*other = a->key;
		soft_key_make(&a->key, ZTJ_KEY_SK_ED25519);
		break;
	case UNDO_LEFT:
		a->gone = true;
		break;
	case UNDO_SHARED: /* another directory claims the key for somebody of its own */
		*other = scene_actor(&sc, "people/req2")->key;
		scene_actor(&sc, "people/req2")->key = a->key;
		break;
	case UNDO_WAYS:
	default:
		fail();
	}
	scene_directories(&sc, SCENE_T0 + 110);
}

static void restore(enum undo way, struct actor *a, struct soft_key *other)
{
	if (way == UNDO_NEW_KEY)
		soft_key_free(other);
	else if (way == UNDO_SHARED)
		scene_actor(&sc, "people/req2")->key = *other;
	a->until = 0;
	a->gone = false;
}

static void each_way(void (*word)(struct case_ *c), int expected)
{
	for (int way = 0; way < UNDO_WAYS; way++) {
		struct actor *lead2;
		struct soft_key other;
		struct case_ c;

		if (way > 0) {
			scene_close(&sc);
			scene_open(&sc, NULL, NULL);
		}
		lead2 = scene_actor(&sc, "approvers/lead2");
		begin(&c);
		word(&c);
		assert_string_equal(ztj_err_name(eval(&c)), ztj_err_name(expected));
		undo((enum undo)way, lead2, &other);
		assert_string_equal(ztj_err_name(eval(&c)), ztj_err_name(expected));
		if (expected == ZTJ_OK)
			assert_int_equal(c.g.ends - c.g.starts, 300);
		restore((enum undo)way, lead2, &other);
		finish(&c);
	}
}

static void deny(struct case_ *c)
{
	made_denial(&sc, &c->m[3], "approvers/lead2", &c->m[0], SCENE_T0 + 100);
}

static void revoke(struct case_ *c)
{
	made_revocation(&sc, &c->m[3], "approvers/lead2", &c->m[0], SCENE_T0 + 100);
}

static void shorten(struct case_ *c)
{
	struct ztj_stmt st;

	scene_approval(&sc, &st, "approvers/lead2", &c->m[0]);
	st.issued = SCENE_T0 + 100;
	st.u.approval.limit = 300;
	made_sign(&c->m[3], &st, NULL, &scene_actor(&sc, "approvers/lead2")->key, FLAGS_UV);
}

static void test_P2_denial_outlives_its_author(void **state)
{
	(void)state;
	each_way(deny, ZTJ_DENIED);
}

static void test_P2_revocation_outlives_its_author(void **state)
{
	(void)state;
	each_way(revoke, ZTJ_REVOKED);
}

static void test_S15_shorter_limit_outlives_its_author(void **state)
{
	(void)state;
	each_way(shorten, ZTJ_OK);
}

/* The other side: who never had the right takes nothing away. */
static void test_S05_strangers_take_nothing_away(void **state)
{
	struct soft_key stranger;
	struct ztj_stmt st;
	struct case_ c;

	(void)state;
	soft_key_make(&stranger, ZTJ_KEY_SK_ED25519);
	begin(&c);
	/* a key of somebody else, under an approver's name */
	scene_approval(&sc, &st, "approvers/lead2", &c.m[0]);
	st.u.approval.deny = true;
	st.u.approval.comment = "no";
	made_sign(&c.m[3], &st, NULL, &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	assert_string_equal(ztj_err_name(eval(&c)), "ok");
	made_free(&c.m[3]);
	/* nobody, in a directory that has no approvers, and in none */
	st.u.approval.who = "people/nobody";
	made_sign(&c.m[3], &st, NULL, &stranger, FLAGS_UV);
	assert_string_equal(ztj_err_name(eval(&c)), "ok");
	made_free(&c.m[3]);
	st.u.approval.who = "nowhere/lead2";
	made_sign(&c.m[3], &st, NULL, &stranger, FLAGS_UV);
	assert_string_equal(ztj_err_name(eval(&c)), "ok");
	made_free(&c.m[3]);
	/* the requester under an alias */
	st.u.approval.who = "approvers/req1";
	made_sign(&c.m[3], &st, NULL, &stranger, FLAGS_UV);
	assert_string_equal(ztj_err_name(eval(&c)), "ok");
	finish(&c);
	soft_key_free(&stranger);
}

/* --- revocations --- */

static int offer(const struct made *m, bool *changed)
{
	return ztj_trust_revocation(sc.trust, &m->s, SCENE_T0 + 110, changed);
}

/* The id covers the bytes alone: whoever has them may sign them too. */
static void test_P2_same_revocation_under_a_junk_signature(void **state)
{
	const struct soft_key *const junk[] = { &sc.broker_online, &scene_actor(&sc, "people/req2")->key };
	const struct ztj_record *rec;
	struct made real, copy;
	struct ztj_stmt st;
	bool changed;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *who = i == 0 ? "people/req1" : "approvers/lead1";

		scene_revocation(&sc, &st, "", &(struct made){ .s = { .nsigs = 0 } });
		st.u.revocation.what = ZTJ_REVOKES_USER;
		st.u.revocation.name = who;
		st.u.revocation.until = st.issued + 30 * 86400; /* more than the broker's key may say */
		st.u.revocation.serial = 1000;
		made_sign(&real, &st, NULL, &sc.registrar, FLAGS_UV);
		made_sign(&copy, &st, NULL, junk[i], FLAGS_UV);
		assert_memory_equal(real.id, copy.id, sizeof real.id);
		ok(offer(&copy, &changed));
		assert_true(changed);
		ok(ztj_trust_user(sc.trust, who, SCENE_T0 + 110, &rec));
		ok(offer(&real, &changed));
		assert_true(changed);
		assert_int_equal(ztj_trust_user(sc.trust, who, SCENE_T0 + 110, &rec), ZTJ_REVOKED);
		/* counted once, and no third */
		assert_int_equal(ztj_trust_nrevocations(sc.trust), i + 1);
		ok(offer(&real, &changed));
		assert_false(changed);
		ok(offer(&copy, &changed));
		assert_false(changed);
		made_free(&real);
		made_free(&copy);
	}
	scene_status(&sc, SCENE_T0 + 111);
}

static void test_P2_same_revocation_of_a_request(void **state)
{
	struct soft_key stranger;
	struct ztj_stmt st;
	struct made copy;
	struct case_ c;
	bool changed;

	(void)state;
	soft_key_make(&stranger, ZTJ_KEY_SK_ED25519);
	begin(&c);
	made_revocation(&sc, &c.m[3], "approvers/lead2", &c.m[0], SCENE_T0 + 100);
	scene_revocation(&sc, &st, "approvers/lead2", &c.m[0]);
	st.issued = SCENE_T0 + 100;
	made_sign(&copy, &st, NULL, &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	assert_memory_equal(copy.id, c.m[3].id, sizeof copy.id);
	ok(offer(&copy, &changed));
	ok(offer(&c.m[3], &changed));
	assert_true(changed);
	c.p[3] = &c.m[0];
	assert_string_equal(ztj_err_name(eval(&c)), "revoked");
	made_free(&copy);
	finish(&c);
	soft_key_free(&stranger);
}

/* A flood by the broker's key or by keys of nobody's leaves room for a registrar's word. */
static void test_P2_flood_of_revocations(void **state)
{
	struct soft_key stranger;
	const struct ztj_record *rec;
	struct ztj_stmt st;
	struct made m;
	int r = ZTJ_OK;
	bool changed;

	(void)state;
	soft_key_make(&stranger, ZTJ_KEY_SK_ED25519);
	sc.trust->rev.bytes_max = 64 * 1024;
	scene_revocation(&sc, &st, "", &(struct made){ .s = { .nsigs = 0 } });
	st.u.revocation.what = ZTJ_REVOKES_USER;
	st.u.revocation.name = "people/lead1";
	st.u.revocation.until = st.issued + 3600;
	for (int i = 1; r == ZTJ_OK; i++) {
		assert_in_range(i, 1, 1000);
		st.u.revocation.serial = i;
		made_sign(&m, &st, NULL, i % 2 ? &stranger : &sc.broker_online, FLAGS_UV);
		r = offer(&m, &changed);
		made_free(&m);
	}
	assert_string_equal(ztj_err_name(r), ztj_err_name(ZTJ_LIMIT));
	assert_in_range(sc.trust->rev.bytes, 32 * 1024, 56 * 1024);
	st.u.revocation.name = "people/req1";
	made_sign(&m, &st, NULL, &sc.registrar, FLAGS_UV);
	ok(offer(&m, &changed));
	assert_int_equal(ztj_trust_user(sc.trust, "people/req1", SCENE_T0 + 110, &rec), ZTJ_REVOKED);
	made_free(&m);
	soft_key_free(&stranger);
}

/* --- directories --- */

/* Two names with one uid are one account on every host. */
static void test_S12_two_people_with_one_uid(void **state)
{
	const uint32_t uids[] = { 20001, 20002, 20001 };
	const char *names[] = { "alice", "bob", "mallory" };
	struct ztj_buf text[3];
	struct ztj_view put[3];
	struct ztj_dir *base, *d;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ztj_userkey key = { .key = sc.actor[i].key.pub, .credential = "", .from = SCENE_T0 };
		struct ztj_record r = { .name = names[i], .uid = uids[i], .nkeys = 1, .keys = &key };

		ztj_buf_init(&text[i], ZTJ_RECORD_MAX);
		ok(ztj_record_build(&r, &text[i]));
		put[i] = ztj_buf_view(&text[i]);
	}
	assert_int_equal(ztj_dir_apply(NULL, "people", &(struct ztj_dir_delta){ .nput = 3, .put = put }, &d),
	    ZTJ_UID_SHARED);
	ok(ztj_dir_apply(NULL, "people", &(struct ztj_dir_delta){ .nput = 2, .put = put }, &base));
	assert_int_equal(ztj_dir_apply(base, "people", &(struct ztj_dir_delta){ .nput = 1, .put = &put[2] },
			     &d),
	    ZTJ_UID_SHARED);
	/* a uid may move from one record to the next, and a record may be put again */
	ok(ztj_dir_apply(base, "people",
	    &(struct ztj_dir_delta){ .nput = 1, .put = &put[2], .ndrop = 1, .drop = &names[0] }, &d));
	ztj_dir_free(d);
	ok(ztj_dir_apply(base, "people", &(struct ztj_dir_delta){ .nput = 2, .put = put }, &d));
	ztj_dir_free(d);
	ztj_dir_free(base);
	for (size_t i = 0; i < 3; i++)
		ztj_buf_free(&text[i]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_P2_denial_outlives_its_author),
		T(test_P2_revocation_outlives_its_author),
		T(test_S15_shorter_limit_outlives_its_author),
		T(test_S05_strangers_take_nothing_away),
		T(test_P2_same_revocation_under_a_junk_signature),
		T(test_P2_same_revocation_of_a_request),
		T(test_P2_flood_of_revocations),
		T(test_S12_two_people_with_one_uid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
