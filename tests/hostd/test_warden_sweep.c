/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What runs outside the sessions (root; tests/hostd/warden.sh). */
#include "tests/hostd/wrig.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ztjit-hostd/procinfo.h"

#define W wrig

static void as_nobody_much(int go)
{
	if (setgroups(0, NULL) == 0 && setresgid(54321, 54321, 54321) == 0 &&
	    setresuid(54321, 54321, 54321) == 0)
		wrig_idle(go);
}

static struct relay {
	_Atomic bool stop;
	_Atomic unsigned n;
} * relay;

/* Each is gone before anybody can have looked at all there are. */
static void as_a_relay(int go)
{
	char c;

	(void)!read(go, &c, 1);
	if (setgroups(0, NULL) != 0 || setresgid(54325, 54325, 54325) != 0 ||
	    setresuid(54325, 54325, 54325) != 0)
		_exit(1);
	while (!relay->stop && relay->n++ < 400000)
		if (fork() > 0)
			_exit(0);
}

static bool relay_is_over(void)
{
	unsigned n = relay->n;

	(void)usleep(200000);
	return relay->n == n;
}

static void test_R07_who_only_forks_and_exits(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 54325 };
	bool over;
	int go;

	(void)state;
	relay = mmap(NULL, sizeof(*relay), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(relay != MAP_FAILED);
	wrig_crowd();
	(void)wrig_child(as_a_relay, &go);
	assert_int_equal(write(go, "x", 1), 1);
	while (relay->n < 100)
		(void)usleep(1000);
	/* Once may not do: the agent looks again. */
	for (int i = 0; i < 10 && !relay_is_over(); i++)
		assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	over = relay_is_over();
	relay->stop = true;
	assert_true(over);
}

static bool runs_as(pid_t pid, uid_t uid)
{
	struct ztj_procinfo p;
	int fd = wrig_pidfd_of(pid);
	bool it = false;

	for (int i = 0; i < 200 && !it; i++) {
		it = ztj_proc_read(fd, pid, &p) == ZTJ_OK && p.ruid == uid;
		if (!it)
			(void)usleep(10000);
	}
	(void)close(fd);
	return it;
}

static void *second(void *arg)
{
	(void)arg;
	(void)sleep(100);
	_exit(0);
}

static void without_a_first_thread(int go)
{
	pthread_t t;

	(void)go;
	if (setgroups(0, NULL) == 0 && setresgid(54323, 54323, 54323) == 0 &&
	    setresuid(54323, 54323, 54323) == 0 && pthread_create(&t, NULL, second, NULL) == 0)
		pthread_exit(NULL);
	_exit(1);
}

/* To who looks at the first thread it is over. */
static void test_R07_who_lost_its_first_thread(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 54323 };
	struct ztj_warden_exe exe;
	int go;
	pid_t left = wrig_child(without_a_first_thread, &go);

	(void)state;
	for (int i = 0; i < 500 && ztj_warden_exe(left, &exe) != ZTJ_NOT_FOUND; i++)
		(void)usleep(10000);
	assert_true(ztj_warden_runs(left));
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	assert_true(wrig_dead(left));
}

static void test_R07_what_runs_elsewhere_as_the_account(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 54321 };
	int go, fd;
	pid_t left = wrig_child(as_nobody_much, &go), in = wrig_child(as_nobody_much, &go),
	      other = wrig_child(wrig_idle, &go);

	(void)state;
	assert_true(runs_as(left, 54321));
	assert_true(runs_as(in, 54321));
	fd = wrig_pidfd_of(in);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 61, 0, fd), ZTJ_OK);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	assert_true(wrig_dead(left));
	assert_int_equal(kill(in, 0), 0);
	assert_int_equal(kill(other, 0), 0);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
	m.n = 0;
	assert_int_equal(wrig_ask(&m, -1), ZTJ_FORBIDDEN);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_true(wrig_dead(other));
	(void)close(fd);
}

/* A process that was killed and takes its time: whoever traces it keeps it until the end. Every one of them runs, and is traced. */
#define SLOW 300
static pid_t slow[SLOW];

static void start_the_slow(void)
{
	int go;

	for (size_t i = 0; i < SLOW; i++) {
		slow[i] = wrig_child(as_nobody_much, &go);
		assert_true(runs_as(slow[i], 54321));
		assert_int_equal(ptrace(PTRACE_SEIZE, slow[i], 0, (void *)PTRACE_O_TRACEEXIT), 0);
		(void)close(go);
	}
}

static void let_them_die(void)
{
	int status;

	for (size_t i = 0; i < SLOW; i++) {
		assert_int_equal(waitpid(slow[i], &status, 0), slow[i]);
		assert_true(WIFSTOPPED(status)); /* until now */
		assert_int_equal(ptrace(PTRACE_CONT, slow[i], 0, 0), 0);
		assert_true(wrig_dead(slow[i]));
	}
}

static unsigned sweep_tells(uint32_t *counted)
{
	struct ztj_warden_msg q = { .op = ZTJ_WARDEN_SWEEP, .n = 54321 }, m;
	unsigned told = 0;

	wrig_send(&q, -1);
	while (wrig_receive(&m, 5000) && m.op != ZTJ_WARDEN_DONE)
		told += m.op == ZTJ_WARDEN_SWEPT;
	assert_int_equal(m.op, ZTJ_WARDEN_DONE);
	assert_int_equal(m.code, ZTJ_OK);
	*counted = m.n;
	return told;
}

static void test_what_is_dying_is_counted_once(void **state)
{
	uint32_t counted;

	(void)state;
	start_the_slow();
	assert_int_equal(sweep_tells(&counted), SLOW);
	assert_int_equal(counted, SLOW);
	assert_int_equal(sweep_tells(&counted), 0);
	assert_int_equal(counted, 0);
	let_them_die();
}

static void in_many_groups(int go)
{
	enum { MANY = 3000 };
	static gid_t many[MANY];

	for (gid_t i = 0; i < MANY; i++)
		many[i] = 1000000 + i;
	if (setgroups(MANY, many) == 0 && setresgid(54324, 54324, 54324) == 0 &&
	    setresuid(54324, 54324, 54324) == 0)
		wrig_idle(go);
}

static void as_54324(int go)
{
	if (setgroups(0, NULL) == 0 && setresgid(54324, 54324, 54324) == 0 &&
	    setresuid(54324, 54324, 54324) == 0)
		wrig_idle(go);
}

static void as_member(int go)
{
	gid_t group = 54399;

	if (setgroups(1, &group) == 0 && setresgid(54325, 54325, 54325) == 0 &&
	    setresuid(54325, 54325, 54325) == 0)
		wrig_idle(go);
}

static void as_newgrp(int go)
{
	if (setgroups(0, NULL) == 0 && setresgid(54399, 54399, 54399) == 0 &&
	    setresuid(54325, 54325, 54325) == 0)
		wrig_idle(go);
}

static void as_no_member(int go)
{
	gid_t other = 54398;

	if (setgroups(1, &other) == 0 && setresgid(54325, 54325, 54325) == 0 &&
	    setresuid(54325, 54325, 54325) == 0)
		wrig_idle(go);
}

static void test_P3_who_is_in_a_group_no_more(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP_GROUP, .n = 54325, .flags = 54399 };
	int go, fd;
	pid_t in = wrig_child(as_member, &go), out = wrig_child(as_newgrp, &go),
	      stays = wrig_child(as_no_member, &go), other = wrig_child(as_54324, &go);

	(void)state;
	assert_true(runs_as(in, 54325));
	assert_true(runs_as(out, 54325));
	assert_true(runs_as(stays, 54325));
	assert_true(runs_as(other, 54324));
	fd = wrig_pidfd_of(in); /* in a session that goes on */
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 71, 0, fd), ZTJ_OK);
	(void)close(fd);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 2);
	assert_true(wrig_dead(in));
	assert_true(wrig_dead(out));
	assert_int_equal(kill(stays, 0), 0);
	assert_int_equal(kill(other, 0), 0);
	m.n = 0;
	assert_int_equal(wrig_ask(&m, -1), ZTJ_FORBIDDEN);
	assert_int_equal(kill(stays, SIGKILL), 0);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_true(wrig_dead(stays));
	assert_true(wrig_dead(other));
}

/* As a user manager lets its user do: a cgroup of a long name in one of a long name, and so on. */
static void go_deep(pid_t pid, unsigned levels, char dir[4096])
{
	char name[210], number[24];
	int fd;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name, number, (size_t)snprintf(number, sizeof(number), "%d", (int)getpid()));
	(void)snprintf(dir, 4096, "%s", getenv("ZTJ_TEST_CGROUP2"));
	for (; levels > 0; levels--) {
		(void)snprintf(dir + strlen(dir), 4096 - strlen(dir), "/%s", name);
		assert_int_equal(mkdir(dir, 0700), 0);
	}
	(void)snprintf(dir + strlen(dir), 4096 - strlen(dir), "/cgroup.procs");
	fd = open(dir, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	assert_int_equal(write(fd, number, strlen(number)), (ssize_t)strlen(number));
	(void)close(fd);
	*strrchr(dir, '/') = '\0';
}

static void remove_deep(char *dir)
{
	for (int i = 0; i < 500 && rmdir(dir) != 0; i++)
		(void)usleep(10000);
	for (*strrchr(dir, '/') = '\0'; rmdir(dir) == 0;)
		*strrchr(dir, '/') = '\0';
}

/* Neither the number of its groups nor the depth of its cgroup hides a process: its entries in /proc are longer than what is read. */
static void test_R07_who_makes_itself_unreadable(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 54324 };
	struct ztj_procinfo p;
	char deep[4096];
	int go, fd;
	pid_t crowded = wrig_child(in_many_groups, &go), hidden = wrig_child(as_54324, &go);

	(void)state;
	assert_true(runs_as(crowded, 54324));
	assert_true(runs_as(hidden, 54324));
	go_deep(hidden, 4, deep);
	fd = wrig_pidfd_of(hidden);
	assert_int_equal(ztj_proc_read(fd, hidden, &p),
	    ZTJ_BAD_ENCODING); /* who asks for something is refused */
	(void)close(fd);
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 2);
	assert_true(wrig_dead(crowded));
	assert_true(wrig_dead(hidden));
	remove_deep(deep);
}

/* Forks; the child moves itself out of every session, tells its number, and (wait) stays a child or does not. */
static int leaves[2];
static bool orphan;

static void leave(int go)
{
	char c, path[300];
	pid_t pid;
	int fd;

	(void)!read(go, &c, 1);
	if (fork() != 0)
		(void)sleep(100);
	if (orphan && fork() != 0)
		_exit(0);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", getenv("ZTJ_TEST_CGROUP2"));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	pid = getpid();
	(void)!write(leaves[1], &pid, sizeof(pid));
	(void)sleep(100);
}

static void let_leave(uint64_t no, pid_t *login, pid_t *gone)
{
	int go, fd;

	assert_int_equal(pipe2(leaves, O_CLOEXEC), 0);
	*login = wrig_child(leave, &go);
	fd = wrig_pidfd_of(*login);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, no, 0, fd), ZTJ_OK);
	assert_int_equal(write(go, "x", 1), 1);
	assert_int_equal(read(leaves[0], gone, sizeof(*gone)), (ssize_t)sizeof(*gone));
	(void)close(fd);
	(void)close(leaves[0]);
	(void)close(leaves[1]);
}

static void test_what_left_its_session_is_told_once_and_ends_with_it(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_OUTSIDE };
	pid_t login, left;

	(void)state;
	orphan = false;
	let_leave(62, &login, &left);
	wrig_send(&m, -1);
	assert_true(wrig_told(ZTJ_WARDEN_ESCAPED, 3000));
	assert_int_equal(W.told_n, left);
	assert_int_equal(W.told_session, 62);
	while (wrig_receive(&m, 200))
		;
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_OUTSIDE };
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 62, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(login));
	assert_true(wrig_gone_for_good(left));
}

static void with_login(int go)
{
	if (!wrig_new_login())
		_exit(77);
	leave(go);
}

static void test_what_left_and_lost_its_parent_ends_with_the_session(void **state)
{
	pid_t login, left;
	int go, fd, status;

	(void)state;
	orphan = true;
	assert_int_equal(pipe2(leaves, O_CLOEXEC), 0);
	login = wrig_child(with_login, &go);
	(void)usleep(200000);
	if (waitpid(login, &status, WNOHANG) == login) {
		(void)puts("no audit here: what left a session and lost its parent is not seen");
		skip();
	}
	fd = wrig_pidfd_of(login);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 63, 0, fd), ZTJ_OK);
	assert_int_equal(write(go, "x", 1), 1);
	assert_int_equal(read(leaves[0], &left, sizeof(left)), (ssize_t)sizeof(left));
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 63, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(login));
	assert_true(wrig_told(ZTJ_WARDEN_ESCAPED, 3000));
	assert_int_equal(W.told_n, left);
	assert_int_equal(W.told_session, 63);
	assert_true(wrig_gone_for_good(left));
	(void)close(fd);
}

static void started_by_hand(int go)
{
	pid_t pid;

	if (!wrig_new_login())
		_exit(77);
	pid = fork();
	if (pid > 0)
		(void)!write(leaves[1], &pid, sizeof(pid));
	wrig_idle(go);
}

/* A login without pam_loginuid has the audit session of whoever started sshd. */
static void test_R05_what_shares_its_audit_session_is_not_killed(void **state)
{
	pid_t by_hand, login;
	int go, fd, status;

	(void)state;
	assert_int_equal(pipe2(leaves, O_CLOEXEC), 0);
	by_hand = wrig_child(started_by_hand, &go);
	(void)usleep(200000);
	if (waitpid(by_hand, &status, WNOHANG) == by_hand) {
		(void)puts("no audit here: nothing is killed for its audit session");
		skip();
	}
	assert_int_equal(read(leaves[0], &login, sizeof(login)), (ssize_t)sizeof(login));
	fd = wrig_pidfd_of(login);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 64, 0, fd), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 64, 0, -1), ZTJ_OK);
	assert_false(wrig_told(ZTJ_WARDEN_ESCAPED, 500));
	assert_int_equal(kill(by_hand, 0), 0);
	assert_int_equal(waitpid(by_hand, &status, WNOHANG), 0);
	(void)close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, wrig_setup, wrig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_R07_who_lost_its_first_thread),
		T(test_R07_what_runs_elsewhere_as_the_account),
		T(test_R07_who_only_forks_and_exits),
		T(test_what_is_dying_is_counted_once),
		T(test_R07_who_makes_itself_unreadable),
		T(test_P3_who_is_in_a_group_no_more),
		T(test_what_left_its_session_is_told_once_and_ends_with_it),
		T(test_what_left_and_lost_its_parent_ends_with_the_session),
		T(test_R05_what_shares_its_audit_session_is_not_killed),
	};

	return wrig_find_root() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
