/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What survives a restart, a crash and damage. */
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/trustdir.h"
#include "tests/core/fixture.h"

static struct fx_world w;
static struct ztj_trustdir *td;

static int load(char where[64])
{
	ok(ztj_trustdir_open("state", getuid(), &td));
	ok(ztj_trust_new(&w.pins, w.cache, &w.trust));
	return ztj_trustdir_load(td, w.trust, where);
}

static void stop(void)
{
	ztj_trustdir_close(td);
	td = NULL;
	ztj_trust_free(w.trust);
	w.trust = NULL;
}

static void restart(void)
{
	char where[64];

	stop();
	ok(load(where));
	assert_string_equal(where, "");
}

static int keep(const struct ztj_dir *set, const struct fx_signed *st, bool *changed)
{
	struct ztj_view put[16];
	struct ztj_dir_update u = { .name = ztj_dir_name(set),
		.nstatements = 1,
		.statements = &st->s,
		.delta = { .nput = ztj_dir_count(set), .put = put } };

	for (size_t i = 0; i < u.delta.nput; i++)
		put[i] = ztj_dir_at(set, i)->bytes;
	return ztj_trustdir_directory(td, w.trust, &u, w.now, changed);
}

static int setup(void **state)
{
	const struct fx_policy defaults = { 0 };
	struct ztj_dir *set;
	bool changed;
	char where[64];

	if (enter_scratch(state) != 0)
		return -1;
	assert_int_equal(mkdir("state", 0700), 0);
	fx_init(&w);
	ztj_trust_free(w.trust);
	ok(load(where));
	fx_policy(&w, &defaults, &w.policy);
	ok(ztj_trustdir_policy(td, w.trust, &w.policy.s, w.now, &changed));
	set = fx_people(&w);
	fx_directory(&w, set, 1, NULL, &w.registrar[0], &w.people);
	ok(keep(set, &w.people, &changed));
	ztj_dir_free(set);
	set = fx_servers(&w);
	fx_directory(&w, set, 1, NULL, &w.registrar[1], &w.servers);
	ok(keep(set, &w.servers, &changed));
	ztj_dir_free(set);
	return 0;
}

static int teardown(void **state)
{
	ztj_trustdir_close(td);
	td = NULL;
	fx_free(&w);
	return leave_scratch(state);
}

/* people at `serial` without one of them: a difference of one name. */
static void drop_person_on(const char *name, int64_t serial, struct fx_signed *st, int code)
{
	const struct ztj_dir *held = ztj_trust_dir(w.trust, "people");
	struct ztj_dir_delta delta = { .ndrop = 1, .drop = &name };
	struct ztj_dir_update u = { .name = "people",
		.nstatements = 1,
		.statements = &st->s,
		.delta = delta };
	struct ztj_dir *set;
	bool changed;

	ok(ztj_dir_apply(held, "people", &delta, &set));
	fx_directory(&w, set, serial, ztj_dir_digest(held), &w.registrar[0], st);
	ztj_dir_free(set);
	fails(ztj_trustdir_directory(td, w.trust, &u, w.now, &changed), code);
	assert_true(changed);
}

static void drop_person(const char *name, int64_t serial, struct fx_signed *st)
{
	drop_person_on(name, serial, st, ZTJ_OK);
}

static void test_G06_restart_forgets_nothing(void **state)
{
	const struct ztj_record *r;
	struct fx_signed st2, st3, rev, status;
	uint8_t head[ZTJ_DIGEST_LEN];
	bool changed;

	(void)state;
	drop_person("out1", 2, &st2);
	drop_person("req2", 3, &st3);
	fx_revoke_name(&w, &w.registrar[0], false, "people/sec1", 3, w.now + 3600, &rev);
	ok(ztj_trustdir_revocation(td, w.trust, &rev.s, w.now, &changed));
	fx_status(&w, &w.online, &status);
	ok(ztj_trustdir_status(td, w.trust, &status.s, w.now));
	memcpy(head, ztj_trust_revocation_head(w.trust), sizeof(head));
	restart();
	assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), 3);
	assert_int_equal(ztj_trust_fresh(w.trust), w.now);
	assert_int_equal(ztj_trust_nrevocations(w.trust), 1);
	assert_memory_equal(ztj_trust_revocation_head(w.trust), head, sizeof(head));
	fails(ztj_trust_user(w.trust, "people/req2", w.now, &r), ZTJ_USER_UNKNOWN);
	fails(ztj_trust_user(w.trust, "people/sec1", w.now, &r), ZTJ_REVOKED);
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	fx_signed_free(&st2);
	fx_signed_free(&st3);
	fx_signed_free(&rev);
	fx_signed_free(&status);
}

/* Statuses come faster than they are written, but one that vouches for a change is on disk with it. */
static void test_fresh_after_a_change_and_a_restart(void **state)
{
	struct fx_signed first, st2, rev, second, third;
	bool changed;

	(void)state;
	fx_status(&w, &w.online, &first);
	ok(ztj_trustdir_status(td, w.trust, &first.s, w.now));
	w.now++;
	drop_person("out1", 2, &st2);
	fx_status(&w, &w.online, &second);
	ok(ztj_trustdir_status(td, w.trust, &second.s, w.now));
	restart();
	assert_int_equal(ztj_trust_fresh(w.trust), w.now);
	w.now++;
	fx_revoke_name(&w, &w.registrar[0], false, "people/sec1", 2, w.now + 3600, &rev);
	ok(ztj_trustdir_revocation(td, w.trust, &rev.s, w.now, &changed));
	fx_status(&w, &w.online, &third);
	ok(ztj_trustdir_status(td, w.trust, &third.s, w.now));
	restart();
	assert_int_equal(ztj_trust_fresh(w.trust), w.now);
	fx_signed_free(&first);
	fx_signed_free(&second);
	fx_signed_free(&third);
	fx_signed_free(&st2);
	fx_signed_free(&rev);
}

static void test_G06_nothing_older_after_a_restart(void **state)
{
	const struct fx_policy older = { .version = 1 }, newer = { .version = 5 };
	struct fx_signed p, q, st2;
	struct ztj_dir *set;
	bool changed;

	(void)state;
	fx_policy(&w, &newer, &p);
	ok(ztj_trustdir_policy(td, w.trust, &p.s, w.now, &changed));
	drop_person("out1", 2, &st2);
	restart();
	fx_policy(&w, &older, &q);
	fails(ztj_trustdir_policy(td, w.trust, &q.s, w.now, &changed), ZTJ_POLICY_ROLLBACK);
	set = fx_people(&w);
	fails(keep(set, &w.people, &changed), ZTJ_DIR_ROLLBACK);
	ztj_dir_free(set);
	assert_false(changed);
	fx_signed_free(&p);
	fx_signed_free(&q);
	fx_signed_free(&st2);
}

/* A directory that has run out, or that today's policy does not like, is still held: it is the floor. */
static void test_S12_restart_after_expiry_keeps_the_floor(void **state)
{
	struct fx_signed st2;
	struct ztj_dir *set;
	bool changed;

	(void)state;
	drop_person("out1", 2, &st2);
	w.now += 200 * 86400;
	restart();
	assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), 2);
	fails(ztj_trust_dir_state(w.trust, "people", w.now), ZTJ_DIR_EXPIRED);
	set = fx_people(&w);
	fails(keep(set, &w.people, &changed), ZTJ_DIR_EXPIRED);
	ztj_dir_free(set);
	fx_signed_free(&st2);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void test_torn_end_is_dropped_at_every_length(void **state)
{
	struct fx_signed rev[2];
	off_t one = 0, two;
	bool changed;
	char where[64];

	(void)state;
	for (int i = 0; i < 2; i++) {
		fx_revoke_name(&w, &w.registrar[0], false, "people/sec1", 1, w.now + 3600 + i, &rev[i]);
		ok(ztj_trustdir_revocation(td, w.trust, &rev[i].s, w.now, &changed));
		if (i == 0)
			one = size_of("state/revocations");
	}
	two = size_of("state/revocations");
	must("cp state/revocations whole");
	stop();
	for (off_t n = two - 1; n >= one; n -= 7) {
		must("cp whole state/revocations");
		assert_int_equal(truncate("state/revocations", n), 0);
		ok(load(where));
		assert_int_equal(ztj_trust_nrevocations(w.trust), 1);
		assert_int_equal(size_of("state/revocations"), one);
		stop();
	}
	/* what an interrupted write may leave: zeros */
	must("cp whole state/revocations");
	assert_int_equal(truncate("state/revocations", one), 0);
	assert_int_equal(truncate("state/revocations", two), 0);
	ok(load(where));
	assert_int_equal(ztj_trust_nrevocations(w.trust), 1);
	ok(ztj_trustdir_revocation(td, w.trust, &rev[1].s, w.now, &changed));
	restart();
	assert_int_equal(ztj_trust_nrevocations(w.trust), 2);
	for (int i = 0; i < 2; i++)
		fx_signed_free(&rev[i]);
}

static void flip(const char *path, long at, int bit)
{
	FILE *f = fopen(path, "r+");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_not_equal(fputc(c ^ (1 << bit), f), EOF);
	assert_int_equal(fclose(f), 0);
}

static void test_S11_flipped_bits_on_disk_refuse_to_load(void **state)
{
	static const char *const files[] = { "state/policy.signed", "state/directory-people" };
	struct fx_signed st2;
	char where[64];

	(void)state;
	drop_person("out1", 2, &st2); /* so that the first frame is not the last */
	stop();
	for (size_t i = 0; i < 2; i++) {
		off_t end = i == 0 ? size_of(files[i]) : 2000;

		for (long at = 0; at < end; at += 131) {
			flip(files[i], at, (int)(at % 8));
			assert_int_not_equal(load(where), ZTJ_OK);
			assert_string_not_equal(where, "");
			stop();
			flip(files[i], at, (int)(at % 8));
		}
	}
	ok(load(where));
	fx_signed_free(&st2);
}

static void test_many_differences_are_folded(void **state)
{
	const char *name = "req2";
	struct fx_signed st;
	off_t most = 0;

	(void)state;
	for (int64_t serial = 2; serial < 400; serial++) {
		const struct ztj_dir *held = ztj_trust_dir(w.trust, "people");
		struct ztj_buf rec;
		struct ztj_view put;
		struct ztj_dir_delta delta = { .ndrop = serial % 2 == 0,
			.drop = &name,
			.nput = serial % 2 != 0,
			.put = &put };
		struct ztj_dir_update u = { .name = "people",
			.nstatements = 1,
			.statements = &st.s,
			.delta = delta };
		struct ztj_dir *set;
		bool changed;

		ztj_buf_init(&rec, ZTJ_RECORD_MAX);
		fx_user_record(&w.person[FX_REQ2], &rec);
		put = ztj_buf_view(&rec);
		ok(ztj_dir_apply(held, "people", &delta, &set));
		fx_directory(&w, set, serial, ztj_dir_digest(held), &w.registrar[0], &st);
		ztj_dir_free(set);
		ok(ztj_trustdir_directory(td, w.trust, &u, w.now, &changed));
		fx_signed_free(&st);
		ztj_buf_free(&rec);
		if (size_of("state/directory-people") > most)
			most = size_of("state/directory-people");
		if (serial % 50 == 0)
			restart();
		assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), serial);
	}
	assert_true(most < 600 * 1024);
	restart();
	assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), 399);
}

static void test_unsafe_places_are_refused(void **state)
{
	struct ztj_trustdir *other;
	char where[64];

	(void)state;
	fails(ztj_trustdir_open("state", getuid(), &other), ZTJ_STATE);
	fails(ztj_trustdir_open("nowhere", getuid(), &other), ZTJ_NOT_FOUND);
	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(chmod("open", 0777), 0);
	fails(ztj_trustdir_open("open", getuid(), &other), ZTJ_UNSAFE_FILE);
	assert_int_equal(symlink("state", "link"), 0);
	fails(ztj_trustdir_open("link", getuid(), &other), ZTJ_UNSAFE_FILE);
	stop();
	assert_int_equal(chmod("state/policy.signed", 0666), 0);
	fails(load(where), ZTJ_UNSAFE_FILE);
	assert_string_equal(where, "policy.signed");
	stop();
	assert_int_equal(chmod("state/policy.signed", 0600), 0);
	/* what a crash leaves between writing and renaming */
	must("cp state/directory-people state/directory-people.x1y2z3");
	ok(load(where));
	assert_int_equal(ztj_trust_ndirs(w.trust), 2);
}

/* What was taken while the disk was full is there after a restart once it has room. */
static void test_D02_full_disk_forgets_nothing(void **state)
{
	const struct fx_policy two = { .version = 2 };
	struct rlimit limit, none;
	const struct ztj_record *r;
	struct fx_signed policy, rev, status;
	bool changed;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	fx_policy(&w, &two, &policy);
	fx_revoke_name(&w, &w.registrar[0], false, "people/sec1", 1, w.now + 3600, &rev);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	fails(ztj_trustdir_policy(td, w.trust, &policy.s, w.now, &changed), ZTJ_IO);
	fails(ztj_trustdir_revocation(td, w.trust, &rev.s, w.now, &changed), ZTJ_IO);
	fx_status(&w, &w.online, &status);
	fails(ztj_trustdir_status(td, w.trust, &status.s, w.now), ZTJ_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ok(ztj_trustdir_status(td, w.trust, &status.s, w.now));
	restart();
	assert_int_equal(ztj_trust_held_policy(w.trust)->version, 2);
	fails(ztj_trust_user(w.trust, "people/sec1", w.now, &r), ZTJ_REVOKED);
	fx_signed_free(&policy);
	fx_signed_free(&rev);
	fx_signed_free(&status);
}

/* A status that vouches for a directory which the disk refused does not take the place of one that a restart can use. */
static void test_D02_a_directory_that_was_not_kept(void **state)
{
	struct rlimit limit, none;
	struct fx_signed st2, first, second;
	int64_t then = w.now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	fx_status(&w, &w.online, &first);
	ok(ztj_trustdir_status(td, w.trust, &first.s, w.now));
	w.now += 60;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	drop_person_on("out1", 2, &st2, ZTJ_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fx_status(&w, &w.online, &second);
	ok(ztj_trustdir_status(td, w.trust, &second.s, w.now));
	assert_int_equal(ztj_trust_fresh(w.trust), w.now);
	restart();
	assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), 1);
	assert_int_equal(ztj_trust_fresh(w.trust), then);
	fx_signed_free(&st2);
	drop_person("out1", 2, &st2);
	ok(ztj_trustdir_status(td, w.trust, &second.s, w.now));
	restart();
	assert_int_equal(ztj_dir_serial(ztj_trust_dir(w.trust, "people")), 2);
	assert_int_equal(ztj_trust_fresh(w.trust), w.now);
	fx_signed_free(&first);
	fx_signed_free(&second);
	fx_signed_free(&st2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_G06_restart_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fresh_after_a_change_and_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_G06_nothing_older_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S12_restart_after_expiry_keeps_the_floor, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_torn_end_is_dropped_at_every_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S11_flipped_bits_on_disk_refuse_to_load, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_many_differences_are_folded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsafe_places_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_D02_full_disk_forgets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_D02_a_directory_that_was_not_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
