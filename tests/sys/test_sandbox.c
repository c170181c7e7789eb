/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/sandbox.h"

/* Runs body in a child; its exit status, or 128 + signal. */
static int in_child(int (*body)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int store_may_write(void)
{
	const char *const rw[] = { "/tmp", NULL };
	int abi = 0;
	if (ztj_process_harden(3) != ZTJ_OK || ztj_landlock(NULL, rw, &abi) != ZTJ_OK ||
	    ztj_seccomp(ZTJ_SB_STORE) != ZTJ_OK)
		return 99;
	char name[] = "/tmp/ztjit-sandbox-XXXXXX";
	int fd = mkstemp(name);
	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || unlink(name) != 0)
		return 1;
	/* Landlock answers EACCES for what is outside; a kernel without it leaves ordinary permissions. */
	return abi > 0 && open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 2 : 0;
}

static int store_may_not_dial(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_STORE) != ZTJ_OK)
		return 99;
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 1 : 2;
}

static int keys_may_not_use_the_network(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_KEYS) != ZTJ_OK)
		return 99;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return 3;
	return socket(AF_INET6, SOCK_STREAM, 0) >= 0 ? 1 : 2;
}

static int sender_dials_and_keeps(void)
{
	const char *const rw[] = { "/tmp", NULL };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(9) };
	int abi = 0;
	if (ztj_process_harden(3) != ZTJ_OK || ztj_landlock(NULL, rw, &abi) != ZTJ_OK ||
	    ztj_seccomp(ZTJ_SB_SEND) != ZTJ_OK)
		return 99;
	char name[] = "/tmp/ztjit-sandbox-XXXXXX";
	int fd = mkstemp(name), dgram = socket(AF_INET, SOCK_DGRAM, 0),
	    stream = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || fsync(fd) != 0 || unlink(name) != 0 || dgram < 0 || stream < 0)
		return 1;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(dgram, (const struct sockaddr *)&sin, sizeof(sin)) != 0 ? 2 : 0;
}

static int sender_listens(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_SEND) != ZTJ_OK)
		return 99;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return listen(fd, 1) == 0 ? 1 : 2;
}

static int sender_asks_an_agent(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_SEND) != ZTJ_OK)
		return 99;
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 1 : 2;
}

static int sender_execs(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_SEND) != ZTJ_OK)
		return 99;
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int nobody_execs(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_GATE) != ZTJ_OK)
		return 99;
	(void)execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int nobody_traces(void)
{
	if (ztj_process_harden(3) != ZTJ_OK || ztj_seccomp(ZTJ_SB_NET) != ZTJ_OK)
		return 99;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 1 : 2;
}

static int hardening_closes_and_forgets(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (ztj_process_harden(3) != ZTJ_OK)
		return 99;
	return fcntl(fd, F_GETFD) == -1 ? 0 : 1;
}

static void test_sandbox_store_writes_only_where_allowed(void **state)
{
	(void)state;
	assert_int_equal(in_child(store_may_write), 0);
}

static void test_sandbox_sender_dials_and_keeps_files(void **state)
{
	(void)state;
	assert_int_equal(in_child(sender_dials_and_keeps), 0);
}

static void test_sandbox_kills_what_is_not_listed(void **state)
{
	(void)state;
	assert_int_equal(in_child(store_may_not_dial), 128 + SIGSYS);
	assert_int_equal(in_child(keys_may_not_use_the_network), 128 + SIGSYS);
	assert_int_equal(in_child(sender_listens), 128 + SIGSYS);
	assert_int_equal(in_child(sender_asks_an_agent), 128 + SIGSYS);
	assert_int_equal(in_child(sender_execs), 128 + SIGSYS);
	assert_int_equal(in_child(nobody_execs), 128 + SIGSYS);
	assert_int_equal(in_child(nobody_traces), 128 + SIGSYS);
}

static void test_hardening(void **state)
{
	(void)state;
	assert_int_equal(in_child(hardening_closes_and_forgets), 0);
}

static void test_P11_dropping_to_root_or_to_another_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ztj_drop_to(0, 0), ZTJ_CONFIG);
	assert_int_equal(ztj_drop_to(0, 5), ZTJ_CONFIG);
	if (geteuid() != 0)
		assert_int_equal(ztj_drop_to(getuid() + 1, getgid() + 1), ZTJ_SYSTEM);
	uid_t uid;
	gid_t gid;
	assert_int_equal(ztj_user_lookup("root", &uid, &gid), ZTJ_CONFIG);
	assert_int_equal(ztj_user_lookup("no-such-user-here", &uid, &gid), ZTJ_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandbox_store_writes_only_where_allowed),
		cmocka_unit_test(test_sandbox_sender_dials_and_keeps_files),
		cmocka_unit_test(test_sandbox_kills_what_is_not_listed),
		cmocka_unit_test(test_hardening),
		cmocka_unit_test(test_P11_dropping_to_root_or_to_another_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
