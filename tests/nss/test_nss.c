/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* libnss_ztjit: what it answers, into which buffers, and out of which files it does not. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/nss/scene.h"

static void no_person(const char *name, uint32_t uid, enum nss_status status, int error)
{
	struct answer a;

	person(name, uid, 1024, &a);
	assert_int_equal(a.status, status);
	assert_int_equal(a.error, error);
	answer_free(&a);
}

static void is_person(const char *name, uint32_t uid, const char *shell)
{
	for (int by_id = 0; by_id < 2; by_id++) {
		struct answer a;
		char home[64];

		(void)snprintf(home, sizeof home, "/home/%s", name);
		person(by_id ? NULL : name, by_id ? uid : 0, 1024, &a);
		assert_int_equal(a.status, NSS_STATUS_SUCCESS);
		assert_string_equal(a.pw.pw_name, name);
		assert_string_equal(a.pw.pw_passwd, "*");
		assert_int_equal(a.pw.pw_uid, uid);
		assert_int_equal(a.pw.pw_gid, uid);
		assert_string_equal(a.pw.pw_gecos, name);
		assert_string_equal(a.pw.pw_dir, home);
		assert_string_equal(a.pw.pw_shell, shell);
		answer_free(&a);
	}
}

/* members: separated by commas, in the order of the file. */
static void is_group(const char *name, uint32_t gid, const char *members)
{
	for (int by_id = 0; by_id < 2; by_id++) {
		struct answer a;
		char list[128] = "";

		group(by_id ? NULL : name, by_id ? gid : 0, 1024, &a);
		assert_int_equal(a.status, NSS_STATUS_SUCCESS);
		assert_string_equal(a.gr.gr_name, name);
		assert_string_equal(a.gr.gr_passwd, "*");
		assert_int_equal(a.gr.gr_gid, gid);
		for (char **m = a.gr.gr_mem; *m != NULL; m++) {
			(void)strcat(list, *m);
			(void)strcat(list, ",");
		}
		assert_string_equal(list, members);
		answer_free(&a);
	}
}

static void test_people(void **state)
{
	(void)state;
	is_person("alice", 20001, REC);
	is_person("bob", 20002, "/usr/sbin/nologin");
	is_person("carol", 20003, "/usr/sbin/nologin");
	no_person("dave", 0, NSS_STATUS_NOTFOUND, ENOENT);
	no_person("ztjit-root", 0, NSS_STATUS_NOTFOUND, ENOENT);
	no_person("", 0, NSS_STATUS_NOTFOUND, ENOENT);
	no_person(NULL, 20009, NSS_STATUS_NOTFOUND, ENOENT);
	no_person(NULL, 0, NSS_STATUS_NOTFOUND, ENOENT);
	no_person(NULL, UINT32_MAX, NSS_STATUS_NOTFOUND, ENOENT);
}

static void test_groups(void **state)
{
	struct answer a;

	(void)state;
	is_group("ztjit-root", ROLE_GID, "alice,bob,");
	is_group("ztjit-db", ROLE_GID + 1, "alice,");
	is_group("ztjit-none", ROLE_GID + 2, "");
	is_group("alice", 20001, ""); /* everybody's own */
	is_group("carol", 20003, "");
	group("wheel", 0, 1024, &a);
	assert_int_equal(a.status, NSS_STATUS_NOTFOUND);
	answer_free(&a);
	group(NULL, 0, 1024, &a);
	assert_int_equal(a.status, NSS_STATUS_NOTFOUND);
	answer_free(&a);
}

static bool has(const struct gids *g, gid_t gid)
{
	for (long i = 0; i < g->n; i++)
		if (g->list[i] == gid)
			return true;
	return false;
}

static void test_initgroups(void **state)
{
	struct gids g;

	(void)state;
	groups("alice", 20001, 4, 0, &g);
	assert_int_equal(g.status, NSS_STATUS_SUCCESS);
	assert_int_equal(g.n, 3);
	assert_true(has(&g, ROLE_GID) && has(&g, ROLE_GID + 1));
	groups("bob", 20002, 4, 0, &g); /* one of the two is over */
	assert_int_equal(g.n, 2);
	assert_true(has(&g, ROLE_GID));
	groups("alice", ROLE_GID, 4, 0, &g); /* the primary group once */
	assert_int_equal(g.n, 2);
	groups("carol", 20003, 4, 0, &g);
	assert_int_equal(g.status, NSS_STATUS_NOTFOUND);
	assert_int_equal(g.n, 1);
}

/* Every size to begin with and every limit: it grows when it may and stops where it must. */
static void test_initgroups_of_every_size_and_limit(void **state)
{
	struct gids g;

	(void)state;
	for (long size = 0; size < 5; size++)
		for (long limit = -1; limit < 6; limit++) {
			long have = size > 0 ? 1 : 0, fit = limit > size ? limit : size;

			groups("alice", 20001, size, limit, &g);
			assert_int_equal(g.status, NSS_STATUS_SUCCESS);
			if (limit <= 0)
				assert_int_equal(g.n, have + 2);
			else
				assert_int_equal(g.n, have + 2 < fit ? have + 2 : fit);
			assert_true(limit <= 0 || g.size <= fit);
		}
}

/* ---- buffers ---- */

static bool inside(const struct answer *a, size_t n, const void *p, size_t len)
{
	uintptr_t from = (uintptr_t)a->buf, at = (uintptr_t)p;

	return at >= from && len <= n && at - from <= n - len;
}

static void check_inside(const struct answer *a, size_t n)
{
	if (a->pw.pw_name != NULL) {
		const char *const text[] = { a->pw.pw_name, a->pw.pw_passwd, a->pw.pw_gecos, a->pw.pw_dir,
			a->pw.pw_shell };

		for (size_t i = 0; i < N(text); i++)
			assert_true(inside(a, n, text[i], strlen(text[i]) + 1));
		return;
	}
	assert_true(inside(a, n, a->gr.gr_name, strlen(a->gr.gr_name) + 1));
	for (char **m = a->gr.gr_mem; *m != NULL; m++)
		assert_true(inside(a, n, *m, strlen(*m) + 1));
}

/* From nothing up: ERANGE until it fits, and then for every larger one. */
static void every_length(void (*ask)(const char *name, uint32_t id, size_t n, struct answer *a),
    const char *name, uint32_t id)
{
	bool fits = false;

	for (size_t n = 0; n < 256; n++) {
		struct answer a;

		ask(name, id, n, &a);
		if (a.status == NSS_STATUS_SUCCESS) {
			fits = true;
			check_inside(&a, n);
		} else {
			assert_int_equal(a.status, NSS_STATUS_TRYAGAIN);
			assert_int_equal(a.error, ERANGE);
			assert_false(fits);
		}
		answer_free(&a);
	}
	assert_true(fits);
}

static void test_every_buffer_length(void **state)
{
	(void)state;
	every_length(person, "alice", 0);
	every_length(person, "carol", 0);
	every_length(person, NULL, 20001);
	every_length(group, "ztjit-root", 0);
	every_length(group, "ztjit-none", 0);
	every_length(group, NULL, ROLE_GID);
	every_length(group, "carol", 0);
}

static void test_a_buffer_at_every_alignment(void **state)
{
	const struct ztj_nss_key key = { "ztjit-root", 0 };
	char buf[256];

	(void)state;
	for (size_t skew = 0; skew < 16; skew++)
		for (size_t n = 0; n < 128; n++) {
			enum nss_status s;
			struct group gr;

			memset(buf, 0x5a, sizeof buf);
			s = ztj_nss_find_group(&sc.where, &key, &gr, (struct ztj_nss_space){ buf + skew, n });
			for (size_t i = 0; i < sizeof buf; i++)
				assert_true((i >= skew && i < skew + n) || buf[i] == 0x5a);
			if (s != NSS_STATUS_SUCCESS)
				continue;
			assert_int_equal((uintptr_t)gr.gr_mem % sizeof(char *), 0);
			assert_string_equal(gr.gr_mem[1], "bob");
		}
}

/* ---- time ---- */

static void nothing_runs(void)
{
	struct gids g;

	is_person("alice", 20001, "/usr/sbin/nologin");
	is_group("ztjit-root", ROLE_GID, "");
	is_group("ztjit-db", ROLE_GID + 1, "");
	groups("alice", 20001, 4, 0, &g);
	assert_int_equal(g.status, NSS_STATUS_SUCCESS);
	assert_int_equal(g.n, 1);
}

static void test_G01_what_has_ended_is_gone_though_the_file_says_it(void **state)
{
	(void)state;
	scene_grants(sc.now, REC);
	nothing_runs();
	scene_grants(0, REC);
	nothing_runs();
	scene_grants(INT64_MAX, REC);
	assert_string_equal(shell_of_alice(), REC);
}

static void other_boot(const char *bootid)
{
	scene_publish("bootid", ztj_view_str(bootid));
	memset(&sc.kept, 0, sizeof sc.kept); /* another process: one has one boot id */
	atomic_flag_clear(&sc.kept.busy);
	nothing_runs();
}

static void test_G06_grants_of_another_boot_count_for_nothing(void **state)
{
	(void)state;
	assert_string_equal(shell_of_alice(), REC);
	other_boot("3f1c9a52-0b7e-4d55-9c1a-6a0d2b8e4f11\n");
	other_boot("3f1c9a52");
	other_boot("");
	assert_int_equal(unlink("bootid"), 0);
	nothing_runs();
}

/* ---- files that are not what they should be ---- */

static void grants_are_absent(void)
{
	struct answer a;
	struct gids g;

	is_person("alice", 20001, "/usr/sbin/nologin");
	group("ztjit-root", 0, 1024, &a);
	assert_int_equal(a.status, NSS_STATUS_UNAVAIL);
	assert_true(a.error == EIO || a.error == ENOENT || a.error == ELOOP);
	answer_free(&a);
	is_group("alice", 20001, "");
	groups("alice", 20001, 4, 0, &g);
	assert_int_equal(g.status, NSS_STATUS_UNAVAIL);
	assert_int_equal(g.n, 1);
}

static void people_are_absent(void)
{
	struct answer a;

	person("carol", 0, 1024, &a);
	assert_int_equal(a.status, NSS_STATUS_UNAVAIL);
	answer_free(&a);
	person(NULL, 20003, 1024, &a);
	assert_int_equal(a.status, NSS_STATUS_UNAVAIL);
	assert_true(a.error == EIO || a.error == ENOENT || a.error == ELOOP);
	answer_free(&a);
	is_person("alice", 20001, REC);
	is_group("ztjit-root", ROLE_GID, "alice,bob,");
}

static void test_N01_no_file(void **state)
{
	(void)state;
	assert_int_equal(unlink("grants"), 0);
	grants_are_absent();
	no_person("dave", 0, NSS_STATUS_NOTFOUND, ENOENT);
	scene_publish("grants", ztj_buf_view(&sc.grants));
	assert_int_equal(unlink("people"), 0);
	people_are_absent();
	assert_int_equal(unlink("grants"), 0);
	no_person("alice", 0, NSS_STATUS_UNAVAIL, ENOENT);
}

static void both(const char *name, void (*absent)(void))
{
	struct ztj_view good = ztj_buf_view(strcmp(name, "people") == 0 ? &sc.people : &sc.grants);

	scene_publish("other", good);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(symlink("other", name), 0);
	absent();
	assert_int_equal(unlink(name), 0);
	assert_int_equal(mkdir(name, 0755), 0);
	absent();
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(mkfifo(name, 0644), 0); /* which nobody writes to */
	absent();
	assert_int_equal(unlink(name), 0);
	scene_write(name, good, 0664);
	absent();
	scene_write(name, good, 0646);
	absent();
	scene_write(name, ztj_view_of(NULL, 0), 0644);
	absent();
	assert_int_equal(truncate(name, (off_t)ZTJ_NAMES_MAX_SIZE + 1), 0);
	absent();
	scene_publish(name,
	    ztj_view_str("not published names at all, but long enough to be taken for a header of some "
			 "kind if nobody looked at what it begins with"));
	absent();
	scene_publish(name, good);
}

static void test_N04_links_modes_and_what_is_no_file(void **state)
{
	(void)state;
	both("grants", grants_are_absent);
	both("people", people_are_absent);
	is_person("alice", 20001, REC);
}

static void test_N04_another_owner(void **state)
{
	(void)state;
	sc.where.owner = getuid() + 1;
	no_person("alice", 0, NSS_STATUS_UNAVAIL, EIO);
	sc.where.owner = getuid();
	is_person("alice", 20001, REC);
}

static void test_N04_truncated_at_every_length(void **state)
{
	(void)state;
	for (size_t n = 0; n < sc.grants.n; n++) {
		scene_publish("grants", ztj_view_of(sc.grants.p, n));
		grants_are_absent();
	}
	scene_publish("grants", ztj_buf_view(&sc.grants));
	for (size_t n = 0; n < sc.people.n; n++) {
		scene_publish("people", ztj_view_of(sc.people.p, n));
		people_are_absent();
	}
}

/* What a process sees of a file in which one bit is wrong: the truth, or less. */
static void true_or_less(void)
{
	struct answer a;
	struct gids g;

	person("alice", 0, 1024, &a);
	if (a.status == NSS_STATUS_SUCCESS) {
		assert_int_equal(a.pw.pw_uid, 20001);
		assert_true(
		    strcmp(a.pw.pw_shell, REC) == 0 || strcmp(a.pw.pw_shell, "/usr/sbin/nologin") == 0);
	}
	answer_free(&a);
	person(NULL, 20003, 1024, &a);
	assert_true(a.status != NSS_STATUS_SUCCESS || strcmp(a.pw.pw_name, "carol") == 0);
	answer_free(&a);
	group(NULL, ROLE_GID, 1024, &a);
	if (a.status == NSS_STATUS_SUCCESS) {
		assert_string_equal(a.gr.gr_name, "ztjit-root");
		assert_string_equal(a.gr.gr_mem[0], "alice");
	}
	answer_free(&a);
	groups("bob", 20002, 8, 0, &g);
	assert_true(g.n == 1 || (g.n == 2 && has(&g, ROLE_GID)));
}

static void flips(const char *name, struct ztj_buf *b)
{
	for (size_t i = 0; i < b->n * 8; i += i < 1024 ? 1 : 3) {
		b->p[i / 8] ^= (uint8_t)(1u << i % 8);
		scene_publish(name, ztj_buf_view(b));
		true_or_less();
		b->p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	scene_publish(name, ztj_buf_view(b));
}

static void test_N04_flipped_bits(void **state)
{
	(void)state;
	flips("grants", &sc.grants);
	flips("people", &sc.people);
	is_person("alice", 20001, REC);
}

/* Larger than what is read at once, so that every part comes by a read of its own. */
static void test_a_large_grants_file(void **state)
{
	enum { MANY = 3000 };
	struct ztj_names_member *m = calloc(MANY, sizeof *m);
	char(*name)[8] = calloc(MANY, sizeof *name);
	struct answer a;
	struct gids g;

	(void)state;
	assert_non_null(m);
	assert_non_null(name);
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name[i], sizeof name[i], "m%u", i);
		m[i] = (struct ztj_names_member){ "ztjit-root", ROLE_GID, name[i],
			i % 2 == 0 ? INT64_MAX : 1 };
	}
	assert_int_equal(ztj_names_build_grants(BOOT, NULL, 0, m, MANY, &sc.grants), ZTJ_OK);
	scene_publish("grants", ztj_buf_view(&sc.grants));
	group("ztjit-root", 0, 65536, &a);
	assert_int_equal(a.status, NSS_STATUS_SUCCESS);
	for (size_t i = 0; i < MANY / 2; i++)
		assert_non_null(a.gr.gr_mem[i]);
	assert_null(a.gr.gr_mem[MANY / 2]);
	answer_free(&a);
	group("ztjit-root", 0, 20000, &a);
	assert_int_equal(a.error, ERANGE);
	answer_free(&a);
	for (uint32_t i = 0; i < MANY; i += 100) {
		groups(name[i], 5, 4, 0, &g);
		assert_int_equal(g.n, 2);
		groups(name[i + 1], 5, 4, 0, &g);
		assert_int_equal(g.n, 1);
	}
	assert_int_equal(sc.kept.grants.st_size, 0); /* too large to be kept */
	free(name);
	free(m);
}

/* ---- what is left behind ---- */

static void test_P07_descriptors_are_as_before(void **state)
{
	size_t before = open_descriptors();

	(void)state;
	true_or_less();
	scene_write("grants", ztj_view_str("damaged"), 0644);
	true_or_less();
	assert_int_equal(unlink("people"), 0);
	true_or_less();
	assert_int_equal(open_descriptors(), before);
}

static void test_no_descriptor_left_to_open(void **state)
{
	struct rlimit was, none;
	struct answer a;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	person("carol", 0, 1024, &a);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(a.status,
	    NSS_STATUS_TRYAGAIN); /* and not ERANGE, which would ask for a larger buffer for ever */
	assert_int_equal(a.error, EMFILE);
	answer_free(&a);
}

/* ---- enumeration ---- */

static size_t list_people(struct ztj_nss_walk *w, char *names, size_t size)
{
	struct passwd pw;
	char buf[256];
	size_t n = 0;

	names[0] = '\0';
	while (ztj_nss_walk_person(&sc.where, w, &pw, (struct ztj_nss_space){ buf, sizeof buf }) ==
	    NSS_STATUS_SUCCESS) {
		(void)strncat(names, pw.pw_name, size - strlen(names) - 1);
		n++;
	}
	assert_int_equal(errno, ENOENT);
	return n;
}

static void test_enumeration_lists_who_has_a_shell_now(void **state)
{
	struct ztj_nss_walk w = { 0 };
	char names[64];

	(void)state;
	assert_int_equal(list_people(&w, names, sizeof names), 1); /* without setpwent */
	assert_string_equal(names, "alice");
	assert_int_equal(list_people(&w, names, sizeof names), 0); /* at its end */
	assert_int_equal(ztj_nss_walk_start(&sc.where, &w), NSS_STATUS_SUCCESS);
	scene_grants(0, REC); /* a walk goes through what was there at its beginning */
	assert_int_equal(list_people(&w, names, sizeof names), 1);
	assert_int_equal(ztj_nss_walk_start(&sc.where, &w), NSS_STATUS_SUCCESS);
	assert_int_equal(list_people(&w, names, sizeof names), 0);
	assert_int_equal(unlink("grants"), 0);
	assert_int_equal(ztj_nss_walk_start(&sc.where, &w), NSS_STATUS_UNAVAIL);
	assert_null(w.bytes);
	ztj_nss_walk_end(&w);
}

static void test_enumeration_lists_every_role_group(void **state)
{
	struct ztj_nss_walk w = { 0 };
	struct group gr;
	char buf[256];
	unsigned seen = 0;

	(void)state;
	while (ztj_nss_walk_group(&sc.where, &w, &gr, (struct ztj_nss_space){ buf, sizeof buf }) ==
	    NSS_STATUS_SUCCESS) {
		assert_in_range(gr.gr_gid, ROLE_GID, ROLE_GID + 2);
		seen |= 1u << (gr.gr_gid - ROLE_GID);
		assert_true(gr.gr_gid != ROLE_GID || strcmp(gr.gr_mem[1], "bob") == 0);
	}
	assert_int_equal(seen, 7);
	ztj_nss_walk_end(&w);
}

/* The same entry again once the buffer is large enough, and none lost. */
static void test_enumeration_with_every_buffer_length(void **state)
{
	struct ztj_nss_walk w = { 0 };
	struct group gr;
	struct passwd pw;
	char buf[256];
	size_t n = 0, found = 0;

	(void)state;
	while (n < sizeof buf &&
	    ztj_nss_walk_person(&sc.where, &w, &pw, (struct ztj_nss_space){ buf, n }) ==
		NSS_STATUS_TRYAGAIN) {
		assert_int_equal(errno, ERANGE);
		n++;
	}
	assert_string_equal(pw.pw_name, "alice");
	ztj_nss_walk_end(&w);
	for (n = 0; n < sizeof buf;) {
		enum nss_status s = ztj_nss_walk_group(&sc.where, &w, &gr, (struct ztj_nss_space){ buf, n });

		if (s == NSS_STATUS_NOTFOUND)
			break;
		if (s == NSS_STATUS_SUCCESS) {
			found++;
			n = 0;
			continue;
		}
		assert_int_equal(errno, ERANGE);
		n++;
	}
	assert_int_equal(found, 3);
	ztj_nss_walk_end(&w);
}

/* ---- the module itself ---- */

typedef enum nss_status getpwnam_fn(const char *name, struct passwd *pw, char *buf, size_t n, int *errnop);

static void test_the_module(void **state)
{
	char path[512], buf[256];
	struct passwd pw;
	getpwnam_fn *getpwnam;
	enum nss_status s;
	int e = 0;
	void *h;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/nss_ztjit/.libs/libnss_ztjit.so.2", getenv("ZTJ_BUILDDIR"));
	h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(h);
	assert_null(dlsym(h, "ztj_nss_find_person"));
	assert_null(dlsym(h, "ztj_names_user_named"));
	*(void **)&getpwnam = dlsym(h, "_nss_ztjit_getpwnam_r");
	assert_non_null(getpwnam);
	errno = 77;
	s = getpwnam("no-such-person-anywhere", &pw, buf, sizeof buf, &e);
	assert_true(s == NSS_STATUS_NOTFOUND || s == NSS_STATUS_UNAVAIL);
	assert_int_not_equal(e, 0);
	assert_int_equal(errno, 77);
	s = getpwnam("no-such-person-anywhere", &pw, buf, sizeof buf, &errno); /* as glibc calls it */
	assert_true(s != NSS_STATUS_SUCCESS && errno == e);
	(void)dlclose(h);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_enter, scene_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_people),
		T(test_groups),
		T(test_initgroups),
		T(test_initgroups_of_every_size_and_limit),
		T(test_every_buffer_length),
		T(test_a_buffer_at_every_alignment),
		T(test_G01_what_has_ended_is_gone_though_the_file_says_it),
		T(test_G06_grants_of_another_boot_count_for_nothing),
		T(test_N01_no_file),
		T(test_N04_links_modes_and_what_is_no_file),
		T(test_N04_another_owner),
		T(test_N04_truncated_at_every_length),
		T(test_N04_flipped_bits),
		T(test_a_large_grants_file),
		T(test_P07_descriptors_are_as_before),
		T(test_no_descriptor_left_to_open),
		T(test_enumeration_lists_who_has_a_shell_now),
		T(test_enumeration_lists_every_role_group),
		T(test_enumeration_with_every_buffer_length),
		cmocka_unit_test(test_the_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
