/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Ways in, and ways to undo what was taken away, that once worked. */
#include <string.h>

#include "libztjit/core/grant.h"
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_P2_denial_outlives_its_author),
		T(test_P2_revocation_outlives_its_author),
		T(test_S15_shorter_limit_outlives_its_author),
		T(test_S05_strangers_take_nothing_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
