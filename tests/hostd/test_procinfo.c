/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/support.h"
#include "ztjit-hostd/procinfo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ztj_procinfo p;

static void test_stat(void **state)
{
	static const char good[] =
	    "42 (a (b) c\n) S 7 42 42 34817 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 1\n";

	(void)state;
	ok(ztj_proc_parse_stat(ztj_view_str(good), &p));
	assert_int_equal(p.id.pid, 42);
	assert_int_equal(p.parent.pid, 7);
	assert_int_equal(p.id.start, 123456);
	assert_string_equal(p.tty, "pts/1");
	for (size_t n = 0; n < 60; n++)
		assert_int_not_equal(ztj_proc_parse_stat(ztj_view_of(good, n), &p), ZTJ_OK);
	/* a name that looks like the rest of the line */
	ok(ztj_proc_parse_stat(
	    ztj_view_str(
		"9 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 (y) S 3 9 9 0 9 0 1 2 3 4 5 6 7 8 20 0 1 0 777 1\n"),
	    &p));
	assert_int_equal(p.parent.pid, 3);
	assert_int_equal(p.id.start, 777);
	assert_string_equal(p.tty, "-");
}

static void test_image(void **state)
{
	static const char good[] = "42 (a) 1 2) S 7 42 42 34817 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 "
				   "18446744073709551615 9 18446744073709551615 94000 94999 140000 0 0\n",
			  hidden[] = "42 (a) S 7 42 42 0 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 0 0 "
				     "18446744073709551615 0 0 0 0 0\n";
	const size_t whole = (size_t)(strstr(good, " 140000") - good);
	struct ztj_procimage image;

	(void)state;
	ok(ztj_proc_parse_image(ztj_view_str(good), &image));
	assert_int_equal(image.code, 94000);
	assert_int_equal(image.stack, 140000);
	for (size_t n = 0; n <= whole; n++)
		fails(ztj_proc_parse_image(ztj_view_of(good, n), &image), ZTJ_BAD_ENCODING);
	ok(ztj_proc_parse_image(ztj_view_str(hidden), &image));
	assert_int_equal(image.code, 0);
	assert_int_equal(image.stack, 0);
}

static void test_status_and_cgroup(void **state)
{
	char out[ZTJ_CGROUP_SIZE], big[ZTJ_CGROUP_SIZE + 16];

	(void)state;
	ok(ztj_proc_parse_status(ztj_view_str("Name:\tx\nUid:\t20001\t0\t0\t0\n"), &p));
	assert_int_equal(p.ruid, 20001);
	assert_int_equal(p.euid, 0);
	assert_false(p.dying); /* it does not say */
	ok(ztj_proc_parse_status(ztj_view_str("Uid:\t1\t1\t1\t1\nShdPnd:\t0000000000000100\n"), &p));
	assert_true(p.dying);
	ok(ztj_proc_parse_status(ztj_view_str("Uid:\t1\t1\t1\t1\nShdPnd:\tffffffffffffffff\n"), &p));
	assert_true(p.dying);
	ok(ztj_proc_parse_status(ztj_view_str("Uid:\t1\t1\t1\t1\nShdPnd:\tfffffffffffffeff\n"), &p));
	assert_false(p.dying);
	ok(ztj_proc_parse_status(ztj_view_str("Uid:\t1\t1\t1\t1\nSigPnd:\t0000000000000100\nShdPnd:\t00\n"),
	    &p));
	assert_false(p.dying);
	assert_true(ztj_proc_parse_in_group(ztj_view_str("Gid:\t1\t2\t3\t4\nGroups:\t5 6 \n"), 3));
	assert_true(ztj_proc_parse_in_group(ztj_view_str("Gid:\t1\t2\t3\t4\nGroups:\t5 6 \n"), 6));
	assert_false(ztj_proc_parse_in_group(ztj_view_str("Gid:\t1\t2\t3\t4\nGroups:\t5 61 \n"), 6));
	assert_false(ztj_proc_parse_in_group(ztj_view_str("Gid:\t1\t2\t3\t4\nGroups:\t \n"), 5));
	assert_true(ztj_proc_parse_in_group(ztj_view_str("Gid:\t1\t2\t3\t4\n"), 5)); /* it does not say */
	fails(ztj_proc_parse_status(ztj_view_str("Name:\tx\n"), &p), ZTJ_BAD_ENCODING);
	fails(ztj_proc_parse_status(ztj_view_str("Uid:\t0\t0\nUid:\t1\t1\n"), &p), ZTJ_BAD_ENCODING);
	ok(ztj_proc_parse_cgroup(ztj_view_str("1:name=systemd:/y\n0::/ztjit/s1\n"), out));
	assert_string_equal(out, "/ztjit/s1");
	fails(ztj_proc_parse_cgroup(ztj_view_str("1:cpu:/x\n"), out), ZTJ_BAD_ENCODING);
	fails(ztj_proc_parse_cgroup(ztj_view_str("0::\n"), out), ZTJ_BAD_ENCODING);
	fails(ztj_proc_parse_cgroup(ztj_view_str("0::/a\n0::/b\n"), out), ZTJ_BAD_ENCODING);
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "0::/", 4);
	big[sizeof(big) - 1] = '\0';
	fails(ztj_proc_parse_cgroup(ztj_view_str(big), out), ZTJ_BAD_ENCODING);
	ztj_proc_parse_cgroup_cut(ztj_view_str(big), out);
	assert_int_equal(strlen(out), ZTJ_CGROUP_SIZE - 1);
	ztj_proc_parse_cgroup_cut(ztj_view_str("0::/ztjit/s1\n"), out);
	assert_string_equal(out, "/ztjit/s1");
	ztj_proc_parse_cgroup_cut(ztj_view_str("1:cpu:/x\n"), out);
	assert_string_equal(out, "");
}

static void test_fdinfo(void **state)
{
	pid_t pid;

	(void)state;
	ok(ztj_proc_parse_fdinfo(ztj_view_str("pos:\t0\nPid:\t4711\n"), &pid));
	assert_int_equal(pid, 4711);
	fails(ztj_proc_parse_fdinfo(ztj_view_str("Pid:\t-1\n"), &pid), ZTJ_NOT_FOUND);
	fails(ztj_proc_parse_fdinfo(ztj_view_str("Pid:\t0\n"), &pid), ZTJ_NOT_FOUND);
	fails(ztj_proc_parse_fdinfo(ztj_view_str("pos:\t0\n"), &pid), ZTJ_BAD_ENCODING);
}

static void prefix_is(const char *mountinfo, const char *dir, int code, const char *want)
{
	char out[ZTJ_CGROUP_SIZE];

	fails(ztj_proc_cgroup_prefix(ztj_view_str(mountinfo), dir, out), code);
	if (code == ZTJ_OK)
		assert_string_equal(out, want);
}

static void test_prefix(void **state)
{
	static const char one[] =
	    "1 0 8:1 / / rw - ext4 /dev/sda rw\n29 23 0:26 / /sys/fs/cgroup rw,x shared:4 - cgroup2 cgroup2 rw\n";

	(void)state;
	prefix_is(one, "/sys/fs/cgroup/ztjit", ZTJ_OK, "/ztjit");
	prefix_is(one, "/sys/fs/cgroup", ZTJ_NOT_FOUND, "");
	prefix_is(one, "/sys/fs/cgroupx/ztjit", ZTJ_NOT_FOUND, "");
	prefix_is(one, "/tmp/ztjit", ZTJ_NOT_FOUND, "");
	prefix_is("29 23 0:26 /a/b /mnt rw - cgroup2 x rw\n", "/mnt/z", ZTJ_OK, "/a/b/z");
	prefix_is("29 23 0:26 /../.. /mnt rw - cgroup2 x rw\n", "/mnt/z", ZTJ_CONFIG, "");
	prefix_is("29 23 0:26 / /mnt rw - cgroup x rw\n", "/mnt/z", ZTJ_NOT_FOUND, "");
	prefix_is("", "/mnt/z", ZTJ_NOT_FOUND, "");
}

static void test_this_process(void **state)
{
	int pair[2], pidfd;
	pid_t pid;
	uid_t uid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ok(ztj_proc_peer(pair[0], &pidfd, &pid, &uid));
	assert_int_equal(pid, getpid());
	assert_int_equal(uid, geteuid());
	ok(ztj_proc_read(pidfd, pid, &p));
	assert_int_equal(p.id.pid, getpid());
	assert_int_equal(p.parent.pid, getppid());
	assert_int_equal(p.ruid, getuid());
	ok(ztj_proc_pid_of(pidfd, &pid));
	assert_int_equal(pid, getpid());
	(void)close(pidfd);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void test_R05_a_dead_process_is_not_read(void **state)
{
	pid_t pid = fork();
	int pidfd;

	(void)state;
	if (pid == 0)
		_exit(0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	(void)waitpid(pid, NULL, 0);
	assert_false(ztj_proc_alive(pidfd));
	/* its number may already be somebody else's: our own stands for that */
	fails(ztj_proc_read(pidfd, getpid(), &p), ZTJ_NOT_FOUND);
	(void)close(pidfd);
}

static void test_cgroup_of_any_version(void **state)
{
	static const struct {
		const char *text, *path;
	} t[] = { { "12:cpu:/a\n1:name=systemd:/user.slice/x\n0::/\n", "/user.slice/x" },
		{ "1:name=systemd:/user.slice/x\n0::/user.slice/y\n", "/user.slice/y" },
		{ "1:name=systemd:/init.scope\n", "/init.scope" }, { "3:cpu:/b\n", "" }, { "", "" },
		{ "0::/\n", "" }, { "1:name=systemd:", "" } };
	char out[ZTJ_CGROUP_SIZE], big[2 * ZTJ_CGROUP_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ztj_proc_parse_cgroup_any(ztj_view_str(t[i].text), out);
		assert_string_equal(out, t[i].path);
	}
	memset(big, 'x', sizeof(big));
	memcpy(big, "1:name=systemd:/", 16);
	ztj_proc_parse_cgroup_any(ztj_view_of(big, sizeof(big)), out);
	assert_int_equal(strlen(out), ZTJ_CGROUP_SIZE - 1);
}

static void test_descent(void **state)
{
	struct ztj_procinfo me;
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	(void)state;
	assert_true(fd >= 0);
	ok(ztj_proc_read_descent(fd, getpid(), &me));
	assert_in_range(me.nup, 1, ZTJ_PROC_UP);
	assert_true(ztj_procid_eq(me.up[0], me.id));
	if (me.nup > 1)
		assert_true(ztj_procid_eq(me.up[1], me.parent));
	for (unsigned i = 1; i < me.nup; i++)
		assert_true(me.up[i].start <= me.up[i - 1].start);
	assert_int_equal(me.audit, ztj_proc_audit(getpid()));
	ok(ztj_proc_read(fd, getpid(), &me));
	assert_int_equal(me.nup, 0);
	assert_int_equal(me.audit, ZTJ_NO_AUDIT_SESSION);
	(void)close(fd);
}

static void test_tty_names(void **state)
{
	static const struct {
		uint32_t nr;
		const char *name;
	} t[] = { { 0, "-" }, { 0x8800, "pts/0" }, { 0x88ff, "pts/255" }, { 0x108800, "pts/256" },
		{ 0x401, "tty1" }, { 0x440, "ttyS0" }, { 0x501, "tty-5:1" } };
	char out[ZTJ_TTY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ztj_proc_tty_name(t[i].nr, out);
		assert_string_equal(out, t[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_status_and_cgroup),
		cmocka_unit_test(test_fdinfo),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_this_process),
		cmocka_unit_test(test_R05_a_dead_process_is_not_read),
		cmocka_unit_test(test_cgroup_of_any_version),
		cmocka_unit_test(test_descent),
		cmocka_unit_test(test_tty_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
