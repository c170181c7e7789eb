/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* libnss_ztjit across republication: what a process keeps, threads, forks (ABUSE: N01, N05). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/nss/scene.h"

#define OTHER "/bin/other"
#define ROUNDS 300
#define THREADS 4

/* A file is kept once it is old enough not to change unseen; waits for that, on a slow machine longer. */
static void wait_until_kept(void)
{
	for (int i = 0; i < 1200 && sc.kept.grants.st_size == 0; i++) {
		assert_string_equal(shell_of_alice(), REC);
		(void)usleep(50000);
	}
	assert_int_equal(sc.kept.grants.st_size, sc.grants.n);
	assert_string_equal(shell_of_alice(), REC);
}

static void test_N05_a_copy_counts_only_while_the_file_is_the_same(void **state)
{
	(void)state;
	wait_until_kept();
	scene_grants(sc.now + 1000000, OTHER); /* replaced */
	assert_string_equal(shell_of_alice(), OTHER);
	scene_grants(sc.now + 1000000, REC);
	assert_string_equal(shell_of_alice(), REC);
}

static void test_N05_a_copy_of_a_file_that_is_gone_or_no_longer_safe(void **state)
{
	(void)state;
	wait_until_kept();
	assert_int_equal(chmod("grants", 0664), 0);
	assert_string_equal(shell_of_alice(), "/usr/sbin/nologin");
	assert_int_equal(chmod("grants", 0644), 0);
	assert_string_equal(shell_of_alice(), REC);
	assert_int_equal(rename("grants", "moved"), 0);
	assert_int_equal(symlink("moved", "grants"), 0);
	assert_string_equal(shell_of_alice(), "/usr/sbin/nologin");
	assert_int_equal(unlink("grants"), 0);
	assert_string_equal(shell_of_alice(), "/usr/sbin/nologin");
	assert_int_equal(rename("moved", "grants"), 0);
	assert_string_equal(shell_of_alice(), REC);
}

/* Nobody should, but somebody may: changed in place, to the same length. */
static void test_N05_a_copy_of_a_file_that_was_written_over(void **state)
{
	(void)state;
	wait_until_kept();
	sc.grants.p[sc.grants.n - 1] ^= 1;
	scene_write("grants", ztj_buf_view(&sc.grants), 0644);
	assert_string_equal(shell_of_alice(), "/usr/sbin/nologin");
}

static void test_G01_an_end_that_passes_while_the_copy_is_kept(void **state)
{
	struct gids g;

	(void)state;
	scene_grants(sc.now + 8, REC);
	for (int i = 0; i < 2400 && strcmp(shell_of_alice(), REC) == 0; i++)
		(void)usleep(50000);
	assert_string_equal(shell_of_alice(), "/usr/sbin/nologin");
	groups("alice", 20001, 4, 0, &g);
	assert_int_equal(g.n, 1);
}

/* A child of a fork that happened while another thread was at it finds these for ever. */
static void test_N05_what_a_fork_left_half_done(void **state)
{
	(void)state;
	wait_until_kept();
	assert_false(atomic_flag_test_and_set(&sc.kept.busy));
	atomic_store(&sc.kept.boot, 1);
	memset(sc.kept.bytes, 0xff, sizeof sc.kept.bytes);
	memset(sc.kept.bootid, 'x', sizeof sc.kept.bootid - 1);
	assert_string_equal(shell_of_alice(), REC);
	scene_grants(sc.now + 1000000, OTHER);
	assert_string_equal(shell_of_alice(), OTHER);
}

/* ---- threads and forks, while somebody publishes ---- */

static atomic_bool over;
static atomic_size_t wrong, asked;

/* Of any two generations, but always of one: everybody resolves, with one of two shells. */
static void ask_once(void)
{
	const struct ztj_nss_key alice = { "alice", 0 }, bob = { NULL, 20002 }, role = { NULL, ROLE_GID };
	struct ztj_nss_person p;
	struct group gr;
	char buf[256];

	asked++;
	if (ztj_nss_find_person(&sc.where, &alice, &p) != NSS_STATUS_SUCCESS || p.uid != 20001 ||
	    (strcmp(p.shell, REC) != 0 && strcmp(p.shell, OTHER) != 0))
		wrong++;
	if (ztj_nss_find_person(&sc.where, &bob, &p) != NSS_STATUS_SUCCESS || strcmp(p.name, "bob") != 0)
		wrong++;
	if (ztj_nss_find_group(&sc.where, &role, &gr, (struct ztj_nss_space){ buf, sizeof buf }) !=
		NSS_STATUS_SUCCESS ||
	    strcmp(gr.gr_mem[0], "alice") != 0 || strcmp(gr.gr_mem[1], "bob") != 0 || gr.gr_mem[2] != NULL)
		wrong++;
}

static void *asker(void *arg)
{
	(void)arg;
	do
		ask_once();
	while (!atomic_load(&over));
	return NULL;
}

static void forked(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		atomic_store(&wrong, 0);
		for (int i = 0; i < 20; i++)
			ask_once();
		_exit(atomic_load(&wrong) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_N01_N05_published_while_threads_and_children_ask(void **state)
{
	size_t before = open_descriptors();
	pthread_t t[THREADS];

	(void)state;
	wait_until_kept();
	atomic_store(&over, false);
	atomic_store(&wrong, 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, asker, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		scene_grants(sc.now + 1000000 + i, i % 2 == 0 ? OTHER : REC);
		scene_publish("people", ztj_buf_view(&sc.people));
		if (i % 50 == 0)
			forked();
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_true(atomic_load(&asked) >= THREADS);
	assert_string_equal(shell_of_alice(), REC);
	assert_int_equal(open_descriptors(), before);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scene_enter, scene_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_N05_a_copy_counts_only_while_the_file_is_the_same),
		T(test_N05_a_copy_of_a_file_that_is_gone_or_no_longer_safe),
		T(test_N05_a_copy_of_a_file_that_was_written_over),
		T(test_G01_an_end_that_passes_while_the_copy_is_kept),
		T(test_N05_what_a_fork_left_half_done),
		T(test_N01_N05_published_while_threads_and_children_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
