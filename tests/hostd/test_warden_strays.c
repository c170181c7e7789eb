/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What runs beside the recorder (root; tests/hostd/warden.sh). */
#include "tests/hostd/wrig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define W wrig

static void test_R08_strays(void **state)
{
	pid_t pid = wrig_session(51, 0);
	char dir[300], number[24];
	int fd, p[2];

	(void)state;
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0); /* the program that opened it */
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 52, 0, -1), ZTJ_NOT_FOUND);
	/* another program, in it; and one below it */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(W.gate);
		(void)execl("/bin/sleep", "sleep", "100", (char *)NULL);
		_exit(1);
	}
	(void)close(p[1]);
	assert_int_equal(read(p[0], number, 1), 0); /* it runs sleep */
	(void)snprintf(dir, sizeof(dir), "%s/s51/cgroup.procs", W.root);
	fd = open(dir, O_WRONLY | O_CLOEXEC);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	assert_int_equal(write(fd, number, strlen(number)), (ssize_t)strlen(number));
	(void)close(fd);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 53, 51, fd), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0);
	(void)close(fd);
}

static void put_in(uint64_t no, pid_t pid)
{
	char path[300], number[24];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/s%llu/cgroup.procs", W.root, (unsigned long long)no);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	assert_int_equal(write(fd, number, strlen(number)), (ssize_t)strlen(number));
	(void)close(fd);
}

/* What a start-up file can do where the recorder is forced: LD_PRELOAD=mine.so sshd. */
static void test_R08_sshd_run_anew_is_a_stray(void **state)
{
	char title[] = "sshd: somebody", *argv[] = { title, NULL }, byte;
	pid_t pid;
	int p[2], go;

	(void)state;
	(void)wrig_session(55, 0);
	put_in(55, wrig_child(wrig_idle, &go));
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 55, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 0); /* of the same connection */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(W.gate);
		(void)execv("/proc/self/exe", argv);
		_exit(1);
	}
	(void)close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 0); /* it runs */
	(void)close(p[0]);
	put_in(55, pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 55, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	assert_int_equal(W.answered_flags, 0);
}

static void as_internal_sftp(int go)
{
	char title[] = "sshd: root@internal-sftp", *argv[] = { title, NULL };

	(void)go;
	(void)execv("/proc/self/exe", argv);
}

/* It is sshd, and yet no login that waits for its recorder. */
static void test_R03_internal_sftp_is_a_stray(void **state)
{
	int go, fd;
	pid_t pid = wrig_child(as_internal_sftp, &go);

	(void)state;
	fd = wrig_pidfd_of(pid);
	(void)usleep(300000);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 54, 0, fd), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_STRAYS, 54, 0, -1), ZTJ_OK);
	assert_int_equal(W.answered, 1);
	assert_int_equal(W.answered_flags, ZTJ_STRAYS_NEVER);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 54, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	(void)close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 0 && strncmp(argv[0], "sshd: ", 6) == 0)
		return (int)sleep(100);
#define T(f) cmocka_unit_test_setup_teardown(f, wrig_setup, wrig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_R08_strays),
		T(test_R08_sshd_run_anew_is_a_stray),
		T(test_R03_internal_sftp_is_a_stray),
	};

	return wrig_find_root() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
