/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sessions without cgroups (root; tests/hostd/warden.sh): held by audit session and descent, killed by pidfd. */
#include "tests/hostd/wrig.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ztjit-hostd/procinfo.h"

#define W wrig

/* What the people in a test tell us; what we wait for them with. */
static int said[2];

static void tell(void)
{
	pid_t pid = getpid();

	(void)!write(said[1], &pid, sizeof(pid));
}

static pid_t heard(void)
{
	pid_t pid;

	assert_int_equal(read(said[0], &pid, sizeof(pid)), (ssize_t)sizeof(pid));
	return pid;
}

static int setup(void **state)
{
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	return wrig_setup(state);
}

/* Each is gone before anybody can have looked at all there are. */
static struct relay {
	_Atomic bool stop;
	_Atomic unsigned n;
} * relay;

static int teardown(void **state)
{
	int r;

	if (relay != NULL)
		relay->stop = true; /* or it would outrun whoever could not end it */
	r = wrig_teardown(state);

	(void)close(said[0]);
	(void)close(said[1]);
	return r;
}

static bool runs(pid_t pid)
{
	struct ztj_warden_exe exe;

	return ztj_warden_exe(pid, &exe) == ZTJ_OK;
}

/* As sshd with pam_loginuid: an audit session of its own first. */
static void login_that_idles(int go)
{
	if (!wrig_new_login())
		_exit(77);
	tell();
	wrig_idle(go);
}

static int make(uint64_t no, uint64_t parent, pid_t pid)
{
	int fd = wrig_pidfd_of(pid);
	int r = wrig_command(ZTJ_WARDEN_MAKE, no, parent, fd);

	(void)close(fd);
	return r;
}

static pid_t login(uint64_t no, void (*body)(int go), int *go)
{
	pid_t pid = wrig_child(body, go);

	assert_int_equal(heard(), pid);
	assert_int_equal(make(no, 0, pid), ZTJ_OK);
	return pid;
}

static void detach(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			(void)setsid();
			(void)signal(SIGTERM, SIG_IGN);
			(void)signal(SIGHUP, SIG_IGN);
			if (fork() != 0)
				_exit(0);
			tell();
			(void)sleep(100);
			_exit(0);
		}
}

static void login_that_detaches(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	detach();
	(void)sleep(100);
}

static void test_R01_nothing_gets_away(void **state)
{
	pid_t left[3], pid;
	int go;

	(void)state;
	pid = login(1, login_that_detaches, &go);
	assert_int_equal(write(go, "x", 1), 1);
	for (int i = 0; i < 3; i++)
		left[i] = heard();
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	for (int i = 0; i < 3; i++)
		assert_true(wrig_gone_for_good(left[i]));
	assert_true(wrig_wait_empty(1));
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_NOT_FOUND);
}

static void *second(void *arg)
{
	(void)arg;
	(void)sleep(100);
	_exit(0);
}

/* What its first thread leaves looks like a process that is over. */
static void login_without_a_first_thread(int go)
{
	pthread_t t;
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	if (fork() != 0)
		(void)sleep(100);
	if (pthread_create(&t, NULL, second, NULL) != 0)
		_exit(1);
	tell();
	pthread_exit(NULL);
}

static void test_R01_nor_who_lost_its_first_thread(void **state)
{
	struct ztj_warden_exe exe;
	pid_t pid, left;
	int go;

	(void)state;
	pid = login(18, login_without_a_first_thread, &go);
	assert_int_equal(write(go, "x", 1), 1);
	left = heard();
	for (int i = 0; i < 500 && ztj_warden_exe(left, &exe) != ZTJ_NOT_FOUND; i++)
		(void)usleep(10000);
	assert_int_equal(ztj_warden_exe(left, &exe), ZTJ_NOT_FOUND);
	assert_true(ztj_warden_runs(left));
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 18, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 18, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	assert_true(wrig_wait_empty(18));
	assert_false(ztj_warden_runs(left));
}

/* A new child by the time the old one is seen: killed again and again, and met in the end. */
static void login_that_multiplies(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	if (fork() == 0) {
		tell();
		for (;;) {
			if (fork() != 0)
				_exit(0);
			(void)usleep(3000);
		}
	}
	(void)sleep(100);
}

static void test_R01_who_forks_all_the_time_is_met(void **state)
{
	int go;

	(void)state;
	(void)login(2, login_that_multiplies, &go);
	assert_int_equal(write(go, "x", 1), 1);
	(void)heard();
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 2, 0, -1), ZTJ_OK);
	for (int i = 0; i < 20 && !wrig_wait_empty(2); i++)
		;
	assert_true(wrig_wait_empty(2));
}

static _Noreturn void run_relay(void)
{
	while (!relay->stop && relay->n++ < 400000)
		if (fork() > 0)
			_exit(0);
	_exit(0);
}

static void login_that_is_a_relay(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	if (fork() == 0)
		run_relay();
	(void)sleep(100);
}

static pid_t login_and_relay(uint64_t no)
{
	pid_t pid;
	int go;

	relay = mmap(NULL, sizeof(*relay), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(relay != MAP_FAILED);
	wrig_crowd();
	pid = login(no, login_that_is_a_relay, &go);
	assert_int_equal(write(go, "x", 1), 1);
	while (relay->n < 100)
		(void)usleep(1000);
	return pid;
}

static bool relay_is_over(void)
{
	unsigned n = relay->n;

	(void)usleep(200000);
	return relay->n == n;
}

static void test_R01_who_only_forks_and_exits_is_met(void **state)
{
	pid_t pid = login_and_relay(19);
	bool over;

	(void)state;
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 19, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	for (int i = 0; i < 40 && !wrig_wait_empty(19); i++)
		;
	assert_true(wrig_wait_empty(19));
	over = relay_is_over();
	relay->stop = true;
	assert_true(over);
}

static void test_R01_nor_is_it_believed_to_be_gone(void **state)
{
	pid_t pid = login_and_relay(20);

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wrig_dead(pid));
	assert_false(wrig_wait_empty(20)); /* 3 s, and three looks */
	relay->stop = true;
	assert_true(wrig_wait_empty(20));
}

static void test_P4_no_login_without_an_audit_session_of_its_own(void **state)
{
	pid_t pid, other;
	int go;

	(void)state;
	/* that of whoever started it */
	pid = wrig_child(wrig_idle, &go);
	assert_int_equal(make(3, 0, pid), ZTJ_NO_AUDIT);
	assert_int_equal(kill(pid, 0), 0);
	/* not that of the login around */
	(void)login(4, login_that_idles, &go);
	other = wrig_child(login_that_idles, &go);
	assert_int_equal(heard(), other);
	assert_int_equal(make(5, 4, pid), ZTJ_NO_AUDIT);
	assert_int_equal(make(5, 4, other), ZTJ_NO_AUDIT);
	assert_int_equal(make(5, 0, other), ZTJ_OK);
	assert_int_equal(make(4, 0, other), ZTJ_STATE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wrig_dead(pid));
}

/* A login, in it a process that is there from the beginning, and a sudo that leaves something behind. */
static void login_with_sudo(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	if (fork() == 0) { /* its parents will be gone, and it was there before the sudo */
		if (fork() != 0)
			_exit(0);
		tell();
		(void)sleep(100);
		_exit(0);
	}
	(void)wait(NULL);
	if (fork() == 0) {
		tell();
		(void)sleep(100);
		_exit(0);
	}
	(void)usleep(50000); /* a later tick of the clock that processes begin by */
	if (fork() == 0) {
		tell();
		(void)!read(go, &c, 1);
		detach();
		if (fork() == 0) {
			tell();
			(void)sleep(100);
		}
		(void)sleep(100);
		_exit(0);
	}
	(void)sleep(100);
}

static void test_one_inside_takes_what_may_be_its_own(void **state)
{
	pid_t pid, before, beside, sudo, left[4];
	int go;

	(void)state;
	pid = login(6, login_with_sudo, &go);
	before = heard();
	beside = heard();
	sudo = heard();
	assert_int_equal(make(7, 6, sudo), ZTJ_OK);
	assert_int_equal(write(go, "x", 1), 1);
	for (int i = 0; i < 4; i++)
		left[i] = heard();
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 7, 0, -1), ZTJ_OK);
	assert_true(wrig_gone_for_good(sudo));
	for (int i = 0; i < 4; i++)
		assert_true(wrig_gone_for_good(left[i]));
	assert_true(wrig_wait_empty(7));
	/* nothing else of the login */
	assert_int_equal(kill(pid, 0), 0);
	assert_true(runs(beside));
	assert_true(runs(before));
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 6, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	assert_true(wrig_gone_for_good(beside));
	assert_true(wrig_gone_for_good(before));
	assert_true(wrig_wait_empty(6));
}

static void test_over_when_the_last_is_gone(void **state)
{
	pid_t pid, left[3];
	int go;

	(void)state;
	pid = login(8, login_that_detaches, &go);
	assert_int_equal(write(go, "x", 1), 1);
	for (int i = 0; i < 3; i++)
		left[i] = heard();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wrig_dead(pid));
	(void)usleep(1500000); /* looked at meanwhile */
	assert_int_equal(wrig_command(ZTJ_WARDEN_END_AT, 8, 0, -1), ZTJ_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kill(left[i], SIGKILL), 0);
	assert_true(wrig_wait_empty(8));
}

static void test_P12_warden_killed_and_the_next_finds_the_sessions(void **state)
{
	pid_t pid, before, beside, sudo;
	int go;

	(void)state;
	pid = login(9, login_with_sudo, &go);
	before = heard();
	beside = heard();
	sudo = heard();
	assert_int_equal(make(10, 9, sudo), ZTJ_OK);
	assert_int_equal(kill(W.warden, SIGKILL), 0);
	assert_int_equal(waitpid(W.warden, NULL, 0), W.warden);
	wrig_lose_gate();
	wrig_start();
	assert_int_equal(W.found, UINT64_C(3) << 9);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 10, 0, -1), ZTJ_OK);
	assert_true(wrig_gone_for_good(sudo));
	assert_true(wrig_wait_empty(10));
	assert_true(runs(beside));
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 9, 0, -1), ZTJ_OK);
	assert_true(wrig_gone_for_good(before));
	assert_true(wrig_wait_empty(9));
}

static void test_G01_guardian_ends_it_on_time(void **state)
{
	int64_t end = wrig_boot_now() + 2;
	pid_t pid;
	int go;

	(void)state;
	W.end_at = end;
	pid = login(11, login_that_idles, &go);
	wrig_lose_gate();
	assert_true(wrig_dead(pid));
	assert_true(wrig_boot_now() >= end);
	assert_true(wrig_warden_left());
	wrig_start();
}

/* Whoever uses cgroups again cannot hold what is in none. */
static void test_cgroups_again_end_what_was_begun_without(void **state)
{
	pid_t pid, left[3];
	int go;

	(void)state;
	pid = login(12, login_that_detaches, &go);
	assert_int_equal(write(go, "x", 1), 1);
	for (int i = 0; i < 3; i++)
		left[i] = heard();
	wrig_lose_gate();
	W.conf.root = W.root;
	wrig_start();
	assert_int_equal(W.found, 0);
	assert_true(wrig_dead(pid));
	for (int i = 0; i < 3; i++)
		assert_true(wrig_gone_for_good(left[i]));
	wrig_lose_gate();
	assert_true(wrig_warden_left());
	assert_int_equal(rmdir(W.root), 0);
	W.conf.root = NULL;
	wrig_start();
}

static void exec_sleep(void)
{
	if (fork() == 0) {
		tell();
		(void)execl("/bin/sleep", "sleep", "100", (char *)NULL);
		_exit(1);
	}
}

static void login_with_stray(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	exec_sleep();
	(void)!read(go, &c, 1);
	(void)sleep(100);
}

static void test_R08_strays(void **state)
{
	pid_t sleeper;
	int go;

	(void)state;
	(void)login(13, login_with_stray, &go);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 13, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
	assert_int_equal(write(go, "x", 1), 1);
	sleeper = heard();
	for (int i = 0; i < 300 && W.answered == 0; i++) {
		(void)usleep(10000);
		assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 13, 0, -1), ZTJ_OK);
	}
	assert_int_equal(W.answered, 1);
	/* what a recorder records is none */
	assert_int_equal(make(14, 13, sleeper), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 13, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
}

static bool orphan;

/* Root may have another audit session at any time. */
static void login_that_leaves(int go)
{
	char c;

	if (!wrig_new_login())
		_exit(77);
	tell();
	(void)!read(go, &c, 1);
	if (fork() != 0)
		(void)sleep(100);
	if (orphan && fork() != 0)
		_exit(0);
	if (orphan)
		(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)wrig_new_login();
	tell();
	(void)sleep(100);
	_exit(0);
}

static void test_leaving_is_seen_while_the_parent_is_there(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_OUTSIDE };
	pid_t left;
	int go;

	(void)state;
	orphan = false;
	(void)login(15, login_that_leaves, &go);
	assert_int_equal(write(go, "x", 1), 1);
	left = heard();
	wrig_send(&m, -1);
	assert_true(wrig_told(ZTJ_WARDEN_ESCAPED, 3000));
	assert_int_equal(W.told_n, left);
	assert_int_equal(W.told_session, 15);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 15, 0, -1), ZTJ_OK);
	assert_true(wrig_gone_for_good(left));
	assert_true(wrig_wait_empty(15));
}

/* doc/ESCAPES.md says so. */
static void test_leaving_and_losing_the_parent_is_not_seen(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_OUTSIDE };
	pid_t pid, left;
	int go;

	(void)state;
	orphan = true;
	pid = login(16, login_that_leaves, &go);
	assert_int_equal(write(go, "x", 1), 1);
	left = heard();
	(void)usleep(300000);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 16, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	assert_true(wrig_wait_empty(16));
	assert_true(runs(left));
	assert_int_equal(kill(left, SIGKILL), 0);
}

static void test_R07_sweep_spares_sessions(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 0 };
	int go;

	(void)state;
	(void)login(17, login_that_idles, &go);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_FORBIDDEN);
	m.n = 54322;
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
}

static bool have_audit(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(wrig_new_login() ? 0 : 77);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_R01_nothing_gets_away),
		T(test_R01_nor_who_lost_its_first_thread),
		T(test_R01_who_forks_all_the_time_is_met),
		T(test_R01_who_only_forks_and_exits_is_met),
		T(test_R01_nor_is_it_believed_to_be_gone),
		T(test_P4_no_login_without_an_audit_session_of_its_own),
		T(test_one_inside_takes_what_may_be_its_own),
		T(test_over_when_the_last_is_gone),
		T(test_P12_warden_killed_and_the_next_finds_the_sessions),
		T(test_G01_guardian_ends_it_on_time),
		T(test_cgroups_again_end_what_was_begun_without),
		T(test_R08_strays),
		T(test_leaving_is_seen_while_the_parent_is_there),
		T(test_leaving_and_losing_the_parent_is_not_seen),
		T(test_R07_sweep_spares_sessions),
	};

	W.by_audit = true;
	if (!wrig_find_root())
		return 77;
	if (!have_audit()) {
		(void)puts("skipped: this kernel has no auditing");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
