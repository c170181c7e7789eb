/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Whom the gate publishes for libnss_ztjit, with which ids, and whom it does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/hostd/rig.h"

static struct rig rig, *R = &rig;

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int setup_two(void **state)
{
	(void)state;
	rig_open(R, &rig_two_roles);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

static bool conflict(const char *text)
{
	json_t *o = rig_status(R), *v;
	bool found = false;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(o, "published"), "conflicts"), i, v)
	    found = found || strstr(json_string_value(v), text) != NULL;
	json_decref(o);
	return found;
}

/* ---- people ---- */

static void test_people_without_a_local_account(void **state)
{
	(void)state;
	assert_int_equal(rig_uid_of(R, "lead1"), 20003);
	assert_int_equal(rig_uid_of(R, "out1"), 20007);
	assert_int_equal(rig_uid_of(R, "req1"), 0); /* /etc/passwd has that one */
	assert_int_equal(rig_gid_of(R, "ztjit-root"), 61000);
	rig_locals(R, RIG_NOBODY, NULL);
	assert_int_equal(rig_uid_of(R, "req1"), 20001);
	assert_false(conflict("req1"));
}

/* N03 */
static void test_N03_whose_name_or_id_is_taken_is_not_published(void **state)
{
	(void)state;
	rig_locals(R, RIG_NOBODY "lead1:x:4711:4711::/:/bin/sh\nother:x:20004:100::/:/bin/sh\n",
	    RIG_GROUPS "sec1:x:500:\nboth:x:20006:\n");
	assert_int_equal(rig_uid_of(R, "lead1"), 0);
	assert_int_equal(rig_uid_of(R, "lead2"), 0);
	assert_int_equal(rig_uid_of(R, "sec1"), 0);
	assert_int_equal(rig_uid_of(R, "both1"), 0);
	assert_int_equal(rig_uid_of(R, "req2"), 20002);
	assert_true(conflict("lead1 (uid 20003) is not published any more: /etc/passwd has that name"));
	assert_true(conflict("lead2 (uid 20004) is not published any more: /etc/passwd has that uid"));
	assert_true(conflict("sec1 (uid 20005) is not published any more: /etc/group has that name"));
	assert_true(conflict("both1 (uid 20006) is not published any more: /etc/group has that id"));
	rig_poke(R);
	assert_int_equal(rig_alarms(R, "lead1 (uid 20003)"), 1);
	rig_locals(R, RIG_NOBODY, RIG_GROUPS);
	assert_int_equal(rig_uid_of(R, "lead1"), 20003);
	assert_int_equal(rig_uid_of(R, "both1"), 20006);
	assert_false(conflict("lead1"));
}

static void test_N03_an_account_that_roles_lead_to_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(rig_uid_of(R, "lead2"), 0);
	assert_true(conflict("people/lead2 (uid 20004) is not published: it is the name of an account"));
	assert_int_equal(rig_uid_of(R, "lead1"), 20003);
}

static void test_N03_role_groups(void **state)
{
	struct rig_grant g;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	rig_locals(R, NULL, RIG_GROUPS "ztjit-root:x:900:\n");
	assert_int_equal(rig_gid_of(R, "ztjit-root"), 0);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	assert_true(conflict("group ztjit-root is not published: /etc/group has one with id 900"));
	rig_locals(R, NULL, RIG_GROUPS "other:x:61000:\n");
	assert_int_equal(rig_gid_of(R, "ztjit-root"), 0);
	assert_true(conflict("group ztjit-root is not published: id 61000 is that of other"));
	/* one that is empty adds nothing; one that is not is somebody's for good */
	rig_locals(R, NULL, RIG_GROUPS "ztjit-root:x:61000:\n");
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	rig_locals(R, NULL, RIG_GROUPS "ztjit-root:x:61000:req2\n");
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	assert_true(conflict("has members for it"));
	rig_locals(R, RIG_NOBODY "req1:x:20001:61000::/:/bin/sh\n", RIG_GROUPS);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_locals(R, RIG_NOBODY, RIG_GROUPS);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	rig_grant_free(&g);
}

/* The second serial: without req2, and with others. */
static void next_directory(const char *name, uint32_t uid)
{
	struct fx_person p = { .name = name, .uid = uid };
	struct ztj_dir *all = fx_people(&R->w), *set;
	const char *drop = "req2";
	struct ztj_dir_delta delta = { .ndrop = 1, .drop = &drop };
	struct ztj_buf rec;
	struct ztj_view put;
	struct fx_signed st;

	fx_key(&p.key, ZTJ_KEY_SK_ED25519, 900);
	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	fx_user_record(&p, &rec);
	put = ztj_buf_view(&rec);
	delta.put = &put;
	delta.nput = 1;
	ok(ztj_dir_apply(all, "people", &delta, &set));
	fx_directory(&R->w, set, 2, R->w.people.id, &R->w.registrar[0], &st);
	rig_directory(R, set, &st);
	soft_key_free(&p.key);
	fx_signed_free(&st);
	ztj_buf_free(&rec);
	ztj_dir_free(set);
	ztj_dir_free(all);
}

/* D02: whoever is new is seen when they are on disk, and not before. */
static void test_D02_an_id_that_cannot_be_stored_is_not_given(void **state)
{
	char ids[128], in_it[128];

	(void)state;
	(void)snprintf(ids, sizeof(ids), "%.63s/state/ids", R->dir);
	(void)snprintf(in_it, sizeof(in_it), "%.63s/state/ids/x", R->dir);
	assert_int_equal(unlink(ids), 0);
	assert_int_equal(mkdir(ids, 0700), 0);
	assert_int_equal(mkdir(in_it, 0700), 0); /* nothing can take its place */
	next_directory("newcomer", 20100);
	assert_int_equal(rig_uid_of(R, "newcomer"), 0);
	assert_int_equal(rig_uid_of(R, "lead1"), 20003);
	rig_poke(R);
	assert_int_equal(rig_alarms(R, "who is new cannot be published"), 1);
	assert_int_equal(rmdir(in_it), 0);
	assert_int_equal(rmdir(ids), 0);
	rig_poke(R);
	assert_int_equal(rig_uid_of(R, "newcomer"), 20100);
	assert_int_equal(access(ids, R_OK), 0);
}

static void test_ids_resolve_for_ever_and_are_never_another_s(void **state)
{
	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	assert_int_equal(rig_uid_of(R, "req2"), 20002);
	next_directory("newcomer", 20002);
	assert_int_equal(rig_uid_of(R, "req2"), 20002);
	assert_int_equal(rig_uid_of(R, "newcomer"), 0);
	assert_true(conflict("people/newcomer (uid 20002) is not published: the name or uid was another's"));
	assert_int_equal(rig_alarms(R, "newcomer"), 1);
	rig_kill(R);
	rig_start(R);
	rig_sync(R);
	assert_int_equal(rig_uid_of(R, "req2"), 20002);
	assert_int_equal(rig_uid_of(R, "newcomer"), 0);
}

/* Given before it was seen what they are. */
static void test_N03_names_of_daemons_and_of_groups_to_come(void **state)
{
	(void)state;
	rig_kill(R);
	rig_file(R, "state/ids",
	    "ztjit-ids 1\np ztjit-later 20050\np postgres 20051\np _chrony 20052\np out1 20007\n");
	rig_start(R);
	rig_sync(R);
	assert_int_equal(rig_uid_of(R, "out1"), 20007);
	assert_int_equal(rig_uid_of(R, "ztjit-later"), 0);
	assert_int_equal(rig_uid_of(R, "postgres"), 0);
	assert_int_equal(rig_uid_of(R, "_chrony"), 0);
	assert_true(conflict("ztjit-later (uid 20050) is not published any more: the name belongs to the"));
}

static void test_a_book_that_is_damaged_publishes_nothing(void **state)
{
	(void)state;
	rig_kill(R);
	rig_file(R, "state/ids", "ztjit-ids 1\np req1 20001\np req1 20002\n");
	rig_start(R);
	rig_sync(R);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_PEOPLE], 0);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], 0);
	assert_int_equal(R->withdrawn, 1); /* what the gate before it left */
	assert_int_equal(rig_alarms(R, "no names are published"), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_people_without_a_local_account),
		T(test_N03_whose_name_or_id_is_taken_is_not_published),
		T2(test_N03_an_account_that_roles_lead_to_is_nobodys), T(test_N03_role_groups),
		T(test_D02_an_id_that_cannot_be_stored_is_not_given),
		T(test_ids_resolve_for_ever_and_are_never_another_s),
		T(test_N03_names_of_daemons_and_of_groups_to_come),
		T(test_a_book_that_is_damaged_publishes_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
