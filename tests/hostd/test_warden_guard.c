/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The warden without its gate, and one after another (root; tests/hostd/warden.sh). */
#include "tests/hostd/wrig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define W wrig

static bool ends_with(const char *s, const char *tail)
{
	return strlen(s) >= strlen(tail) && strcmp(s + strlen(s) - strlen(tail), tail) == 0;
}

static void test_P12_warden_killed_and_the_next_finds_the_sessions(void **state)
{
	pid_t login = wrig_session(31, 0), sudo = wrig_session(32, 31);
	char path[300], cgroup[ZTJ_CGROUP_SIZE];
	int fd;

	(void)state;
	assert_int_equal(kill(W.warden, SIGKILL), 0);
	assert_int_equal(waitpid(W.warden, NULL, 0), W.warden);
	wrig_lose_gate();
	/* somebody puts a cgroup of his own there */
	(void)snprintf(path, sizeof(path), "%s/mine", W.root);
	assert_int_equal(mkdir(path, 0755), 0);
	wrig_start();
	assert_int_equal(W.found, UINT64_C(3) << 31);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(kill(login, 0), 0);
	wrig_cgroup_of(sudo, cgroup);
	assert_true(ends_with(cgroup, "/s31/s32"));
	/* they are sessions like others */
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 32, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(sudo));
	assert_true(wrig_wait_empty(32));
	fd = wrig_pidfd_of(login);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 31, 0, fd), ZTJ_STATE);
	(void)close(fd);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 31, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(login));
	assert_true(wrig_wait_empty(31));
}

static void test_G01_guardian_ends_sessions_on_time(void **state)
{
	int64_t end = wrig_boot_now() + 2;
	pid_t later = wrig_session(41, 0), sooner;

	(void)state;
	W.end_at = end;
	sooner = wrig_session(42, 0);
	wrig_lose_gate();
	assert_true(wrig_dead(sooner));
	assert_in_range(wrig_boot_now(), end, end + 1);
	assert_int_equal(kill(later, 0), 0);
	wrig_start();
	assert_int_equal(W.found, UINT64_C(1) << 41);
}

static void test_G01_late_gate_ends_nothing_late(void **state)
{
	int64_t end = wrig_boot_now() + 1;
	pid_t pid;

	(void)state;
	W.end_at = end;
	pid = wrig_session(43, 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_READY, 0, 0, -1), ZTJ_OK);
	(void)sleep(1);
	assert_int_equal(kill(pid, 0), 0); /* first it is the gate's */
	(void)sleep(1);
	assert_true(wrig_dead(pid));
	assert_in_range(wrig_boot_now(), end + 1, end + 4);
	/* and an end that was moved is moved */
	W.end_at = wrig_boot_now() + 1;
	pid = wrig_session(44, 0);
	W.end_at = wrig_boot_now() + 1000;
	assert_int_equal(wrig_command(ZTJ_WARDEN_END_AT, 44, 0, -1), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_END_AT, 45, 0, -1), ZTJ_NOT_FOUND);
	(void)sleep(4);
	assert_int_equal(kill(pid, 0), 0);
}

static void test_P3_guardian_gives_up_after_the_grace(void **state)
{
	pid_t pid;

	(void)state;
	wrig_lose_gate();
	assert_true(wrig_warden_left());
	W.conf.grace = 2;
	wrig_start();
	pid = wrig_session(46, 0);
	wrig_lose_gate();
	(void)sleep(1);
	assert_int_equal(kill(pid, 0), 0);
	(void)sleep(1);
	assert_true(wrig_dead(pid));
	assert_true(wrig_warden_left());
	wrig_start(); /* for the teardown */
}

/* A gate that is started again and again and never judges them is none. */
static void test_P4_restarts_give_no_time(void **state)
{
	int64_t begin;
	pid_t pid;

	(void)state;
	wrig_lose_gate();
	assert_true(wrig_warden_left());
	W.conf.grace = 3;
	wrig_start();
	pid = wrig_session(47, 0);
	begin = wrig_boot_now();
	wrig_lose_gate();
	for (int i = 0; i < 3; i++) {
		pid_t before = W.warden;
		(void)sleep(1);
		wrig_start();
		assert_int_equal(waitpid(before, NULL, 0), before);
		wrig_lose_gate();
	}
	assert_true(wrig_dead(pid));
	assert_in_range(wrig_boot_now(), begin + 2, begin + 5);
	assert_true(wrig_warden_left());
	wrig_start();
}

static void test_guardian_leaves_to_the_next_warden_and_kills_nothing(void **state)
{
	pid_t pid = wrig_session(48, 0), before = W.warden;
	int status;

	(void)state;
	wrig_lose_gate();
	wrig_start();
	assert_int_equal(W.found, UINT64_C(1) << 48);
	assert_int_equal(waitpid(before, &status, 0), before);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_READY, 0, 0, -1), ZTJ_OK);
	assert_int_equal(kill(pid, 0), 0);
}

static void test_no_second_warden_beside_one_with_a_gate(void **state)
{
	pid_t pid = wrig_session(49, 0), first = W.warden;
	int its_gate = W.gate, status;

	(void)state;
	wrig_fork();
	assert_false(wrig_begun());
	assert_int_equal(waitpid(W.warden, &status, 0), W.warden);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(W.gate);
	W.gate = its_gate;
	W.warden = first;
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 49, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
}

/* What the table of another boot says is nothing. */
static void test_G06_table_of_another_boot(void **state)
{
	pid_t pid;

	(void)state;
	W.conf.grace = 2;
	pid = wrig_session(50, 0);
	assert_int_equal(kill(W.warden, SIGKILL), 0);
	assert_int_equal(waitpid(W.warden, NULL, 0), W.warden);
	wrig_lose_gate();
	W.conf.bootid = "the next boot";
	wrig_start();
	assert_int_equal(W.found, UINT64_C(1) << 50);
	assert_true(wrig_dead(pid)); /* nobody knows its end, and no gate is ready */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, wrig_setup, wrig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_P12_warden_killed_and_the_next_finds_the_sessions),
		T(test_G01_guardian_ends_sessions_on_time),
		T(test_G01_late_gate_ends_nothing_late),
		T(test_P3_guardian_gives_up_after_the_grace),
		T(test_P4_restarts_give_no_time),
		T(test_guardian_leaves_to_the_next_warden_and_kills_nothing),
		T(test_no_second_warden_beside_one_with_a_gate),
		T(test_G06_table_of_another_boot),
	};

	return wrig_find_root() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
