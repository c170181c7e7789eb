/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sessions in real cgroups (root; tests/hostd/warden.sh): held whatever they do to get away, and nothing else is hit. */
#include "tests/hostd/wrig.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ztjit-hostd/procinfo.h"

#define W wrig

static bool ends_with(const char *s, const char *tail)
{
	return strlen(s) >= strlen(tail) && strcmp(s + strlen(s) - strlen(tail), tail) == 0;
}

/* setsid, double fork, ignored signals: still in it (R01). */
static void escape(int go)
{
	char c;

	(void)!read(go, &c, 1);
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			(void)setsid();
			(void)signal(SIGTERM, SIG_IGN);
			(void)signal(SIGHUP, SIG_IGN);
			if (fork() != 0)
				_exit(0);
			(void)sleep(100);
			_exit(0);
		}
	(void)sleep(100);
}

static int members(const char *dir)
{
	char path[400], line[32];
	FILE *fp;
	int n = 0;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fp = fopen(path, "re");
	while (fp != NULL && fgets(line, sizeof(line), fp) != NULL)
		n++;
	if (fp != NULL)
		(void)fclose(fp);
	return n;
}

/* Its own cgroup is written to, and nobody moves. */
static void test_a_move_is_prepared(void **state)
{
	char before[ZTJ_CGROUP_SIZE], after[ZTJ_CGROUP_SIZE], path[1024];
	int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct inotify_event e;

	(void)state;
	wrig_cgroup_of(W.warden, before);
	(void)snprintf(path, sizeof(path), "%s%s/cgroup.procs", getenv("ZTJ_TEST_CGROUP2"), before);
	assert_true(inotify_add_watch(in, path, IN_MODIFY) >= 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_SOON, 0, 0, -1), ZTJ_OK);
	assert_int_equal(read(in, &e, sizeof(e)), sizeof(e));
	wrig_cgroup_of(W.warden, after);
	assert_string_equal(before, after);
	(void)close(in);
}

static void test_R01_nothing_gets_away(void **state)
{
	char cgroup[ZTJ_CGROUP_SIZE], dir[300];
	int go, fd;
	pid_t pid = wrig_child(escape, &go);

	(void)state;
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_OK);
	wrig_cgroup_of(pid, cgroup);
	assert_true(ends_with(cgroup, "/s1"));
	assert_int_equal(write(go, "x", 1), 1);
	(void)snprintf(dir, sizeof(dir), "%s/s1", W.root);
	/* more while the middle ones of the double forks end */
	for (int i = 0, same = 0; i < 1000 && same < 20; i++, same = members(dir) == 4 ? same + 1 : 0)
		(void)usleep(10000);
	assert_int_equal(members(dir), 4);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(pid));
	assert_true(wrig_wait_empty(1));
	assert_int_equal(access(dir, F_OK), -1);
	(void)close(fd);
	(void)close(go);
}

static void test_nested_sessions(void **state)
{
	char cgroup[ZTJ_CGROUP_SIZE];
	int go[2], fd[2];
	pid_t login = wrig_child(wrig_idle, &go[0]), sudo = wrig_child(wrig_idle, &go[1]);

	(void)state;
	fd[0] = wrig_pidfd_of(login);
	fd[1] = wrig_pidfd_of(sudo);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, fd[0]), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 2, 1, fd[1]), ZTJ_OK);
	wrig_cgroup_of(sudo, cgroup);
	assert_true(ends_with(cgroup, "/s1/s2"));
	/* the inner one alone */
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 2, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(sudo));
	assert_true(wrig_wait_empty(2));
	assert_int_equal(kill(login, 0), 0);
	/* and with the outer one everything below it */
	sudo = wrig_child(wrig_idle, &go[1]);
	fd[1] = wrig_pidfd_of(sudo);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 3, 1, fd[1]), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_OK);
	assert_true(wrig_dead(login));
	assert_true(wrig_dead(sudo));
	assert_int_not_equal(wrig_command(ZTJ_WARDEN_MAKE, 4, 1, fd[1]),
	    ZTJ_OK); /* below what is ending or gone */
	assert_true(wrig_wait_empty(1));
	assert_true(wrig_wait_empty(3));
}

static void test_R05_by_pidfd_never_by_number(void **state)
{
	int go, fd;
	pid_t pid = wrig_child(wrig_idle, &go);

	(void)state;
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL_PROC, 0, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL_PROC, 0, 0, fd), ZTJ_OK);
	assert_true(wrig_dead(pid));
	/* gone: nobody else is hit, nothing is made */
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL_PROC, 0, 0, fd), ZTJ_OK);
	assert_int_not_equal(wrig_command(ZTJ_WARDEN_MAKE, 7, 0, fd), ZTJ_OK);
	(void)close(fd);
}

/* What it is given is there for everybody when it says so, and what is not sealed is not. Without a descriptor nothing of grants is left,
 * and people stay as they are. */
static void test_publishes_what_is_sealed(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_PUBLISH, .n = ZTJ_PUBLISH_GRANTS };
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[320], text[8] = "";
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/grants", W.run);
	assert_int_equal(write(fd, "names", 5), 5);
	assert_int_equal(wrig_ask(&m, fd), ZTJ_PROTOCOL);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_int_not_equal(stat(path, &st), 0);
	assert_int_equal(wrig_ask(&m, fd), ZTJ_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, 0);
	(void)close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 5);
	assert_string_equal(text, "names");
	(void)close(fd);
	m.n = ZTJ_PUBLISH_PEOPLE;
	assert_int_equal(wrig_ask(&m, -1), ZTJ_PROTOCOL);
	assert_int_equal(stat(path, &st), 0);
	m.n = ZTJ_PUBLISH_GRANTS;
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_not_equal(stat(path, &st), 0);
}

static void test_what_it_does_not_do(void **state)
{
	struct ztj_warden_msg m;
	int go, fd;
	pid_t pid = wrig_child(wrig_idle, &go);

	(void)state;
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 0, 0, fd), ZTJ_STATE);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 99, fd), ZTJ_STATE);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, W.gate),
	    ZTJ_BAD_ENCODING); /* a descriptor that is no pidfd */
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 5, 0, -1), ZTJ_NOT_FOUND);
	assert_int_equal(wrig_command(99, 1, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_STATE); /* twice */
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_WARN, .session = 1, .text = ZTJ_TEXTS };
	wrig_send(&m, -1);
	assert_true(wrig_receive(&m, 5000));
	assert_int_equal(m.code, ZTJ_PROTOCOL);
}

static void test_leaving_by_itself_is_told(void **state)
{
	int go, fd;
	pid_t pid = wrig_child(wrig_idle, &go);

	(void)state;
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 11, 0, fd), ZTJ_OK);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wrig_wait_empty(11));
}

static void test_warning_reaches_the_sessions_terminal_only(void **state)
{
	struct ztj_warden_msg m;
	char text[256];
	struct pollfd p;
	int master, other, other_slave, go[2], fd;
	pid_t pid;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(openpty(&other, &other_slave, NULL, NULL, NULL), 0);
	pid = forkpty(&master, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(W.gate);
		(void)!write(STDOUT_FILENO, "ready", 5);
		wrig_idle(go[0]);
		_exit(0);
	}
	p = (struct pollfd){ .fd = master, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1); /* it has its terminal now */
	assert_int_equal(read(master, text, 5), 5);
	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, 21, 0, fd), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_WARN, 21, 0, -1), ZTJ_OK);
	assert_int_equal(poll(&p, 1, 10000), 1);
	n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "this session ends in 1 minute"));
	p.fd = other;
	assert_int_equal(poll(&p, 1, 100), 0);
	/* Why it ends is said before it does, so that sshd can still pass it on; and not long before. */
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_WARN, .session = 21, .text = ZTJ_TEXT_REVOKED };
	assert_int_equal(wrig_ask(&m, -1), ZTJ_OK);
	assert_int_equal(wrig_command(ZTJ_WARDEN_KILL, 21, 0, -1), ZTJ_OK);
	assert_int_equal(kill(pid, 0), 0);
	(void)usleep(20000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_not_equal(wrig_command(ZTJ_WARDEN_MAKE, 22, 21, fd), ZTJ_OK);
	assert_true(wrig_dead(pid));
	assert_true(wrig_wait_empty(21));
	(void)close(master);
}

/* The end of hundreds of sessions at once: the gate asks for all before it reads an answer. */
static void test_P3_many_commands_before_an_answer_is_read(void **state)
{
	struct ztj_warden_msg m;
	unsigned answers = 0;

	(void)state;
	(void)alarm(20); /* both would wait for each other for ever */
	for (unsigned i = 0; i < 4 * ZTJ_WARDEN_SESSIONS; i++) {
		m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_KILL, .session = 1000 + i };
		wrig_send(&m, -1);
	}
	while (answers < 4 * ZTJ_WARDEN_SESSIONS && wrig_receive(&m, 5000)) {
		assert_int_equal(m.code, ZTJ_NOT_FOUND);
		answers++;
	}
	(void)alarm(0);
	assert_int_equal(answers, 4 * ZTJ_WARDEN_SESSIONS);
}

static void test_refuses_what_is_no_cgroup(void **state)
{
	struct ztj_warden *w = calloc(1, sizeof(*w));

	(void)state;
	assert_non_null(w);
	assert_int_equal(ztj_warden_root(w, "/tmp/ztjit-no-cgroup"), ZTJ_NO_CGROUP);
	assert_int_equal(rmdir("/tmp/ztjit-no-cgroup"), 0);
	assert_int_equal(ztj_warden_root(w, "/nonexistent/ztjit"), ZTJ_SYSTEM);
	free(w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, wrig_setup, wrig_teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_move_is_prepared),
		T(test_R01_nothing_gets_away),
		T(test_nested_sessions),
		T(test_R05_by_pidfd_never_by_number),
		T(test_publishes_what_is_sealed),
		T(test_what_it_does_not_do),
		T(test_leaving_by_itself_is_told),
		T(test_warning_reaches_the_sessions_terminal_only),
		T(test_P3_many_commands_before_an_answer_is_read),
		cmocka_unit_test(test_refuses_what_is_no_cgroup),
	};

	return wrig_find_root() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
