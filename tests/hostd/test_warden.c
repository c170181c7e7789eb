/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The warden's process on real cgroups (root; run by make check-root): sessions
 * are held whatever they do to get away, and nothing else is hit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

static char root[256];
static pid_t warden;
static int gate;
static uint32_t next_id;
static uint64_t emptied; /* bits: sessions whose EMPTY came along */

/* The cgroup v2 file system that warden.sh mounted for this test. */
static bool find_root(void)
{
	const char *point = getenv("ZTJ_TEST_CGROUP2");

	if (point == NULL || geteuid() != 0)
		return false;
	(void)snprintf(root, sizeof(root), "%s/ztjit-test-%d", point, (int)getpid());
	return true;
}

static void start_warden(void)
{
	struct ztj_warden_msg ready;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	warden = fork();
	assert_true(warden >= 0);
	if (warden == 0) {
		(void)close(pair[0]);
		ztj_log_open("warden", true, ZTJ_LOG_ALARM);
		ztj_warden_main(pair[1], &(struct ztj_warden_conf){ root, (gid_t)-1 });
	}
	(void)close(pair[1]);
	gate = pair[0];
	assert_int_equal(recv(gate, &ready, sizeof(ready), 0), (ssize_t)sizeof(ready));
	assert_int_equal(ready.op, ZTJ_WARDEN_DONE);
}

static int setup(void **state)
{
	(void)state;
	emptied = 0;
	start_warden();
	return 0;
}

/* Without a gate the warden ends every session and itself. */
static int teardown(void **state)
{
	int status;

	(void)state;
	(void)close(gate);
	assert_int_equal(waitpid(warden, &status, 0), warden);
	assert_true(WIFEXITED(status));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(rmdir(root), 0);
	return 0;
}

static void send_msg(struct ztj_warden_msg *m, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	m->id = ++next_id;
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(gate, &msg, 0), (ssize_t)sizeof(*m));
}

static bool receive(struct ztj_warden_msg *m, int ms)
{
	struct pollfd p = { .fd = gate, .events = POLLIN };

	return poll(&p, 1, ms) > 0 && recv(gate, m, sizeof(*m), 0) == (ssize_t)sizeof(*m);
}

static int command(uint32_t op, uint64_t session, uint64_t parent, int fd)
{
	struct ztj_warden_msg m = { .op = op,
		.session = session,
		.parent = parent,
		.text = ZTJ_TEXT_ONE_MINUTE };

	send_msg(&m, fd);
	while (receive(&m, 5000)) {
		if (m.op == ZTJ_WARDEN_EMPTY)
			emptied |= UINT64_C(1) << m.session;
		else if (m.id == next_id)
			return m.code;
	}
	fail_msg("the warden does not answer");
	return ZTJ_INTERNAL;
}

static bool wait_empty(uint64_t session)
{
	struct ztj_warden_msg m;

	while ((emptied >> session & 1) == 0 && receive(&m, 3000))
		if (m.op == ZTJ_WARDEN_EMPTY)
			emptied |= UINT64_C(1) << m.session;
	return (emptied >> session & 1) != 0;
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A process that waits for a byte and then does something. */
static pid_t child(void (*body)(int go), int *go)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(p[1]);
		(void)close(gate);
		body(p[0]);
		_exit(0);
	}
	(void)close(p[0]);
	*go = p[1];
	return pid;
}

static void idle(int go)
{
	char c;

	(void)!read(go, &c, 1);
	(void)sleep(100);
}

static bool dead(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) != 0 && errno == ESRCH))
			return true;
		(void)usleep(10000);
	}
	return false;
}

static void cgroup_of(pid_t pid, char out[ZTJ_CGROUP_SIZE])
{
	char path[64], text[8192];
	struct ztj_view v;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	assert_int_equal(ztj_proc_file(path, text, sizeof(text), &v), ZTJ_OK);
	assert_int_equal(ztj_proc_parse_cgroup(v, out), ZTJ_OK);
}

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

static void test_R01_nothing_gets_away(void **state)
{
	char cgroup[ZTJ_CGROUP_SIZE], dir[300];
	int go, fd;
	pid_t pid = child(escape, &go);

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_OK);
	cgroup_of(pid, cgroup);
	assert_true(ends_with(cgroup, "/s1"));
	assert_int_equal(write(go, "x", 1), 1);
	(void)snprintf(dir, sizeof(dir), "%s/s1", root);
	for (int i = 0; i < 200 && members(dir) < 4; i++)
		(void)usleep(10000);
	assert_int_equal(members(dir), 4);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_OK);
	assert_true(dead(pid));
	assert_true(wait_empty(1));
	assert_int_equal(access(dir, F_OK), -1);
	(void)close(fd);
	(void)close(go);
}

static void test_nested_sessions(void **state)
{
	char cgroup[ZTJ_CGROUP_SIZE];
	int go[2], fd[2];
	pid_t login = child(idle, &go[0]), sudo = child(idle, &go[1]);

	(void)state;
	fd[0] = pidfd_of(login);
	fd[1] = pidfd_of(sudo);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, fd[0]), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 2, 1, fd[1]), ZTJ_OK);
	cgroup_of(sudo, cgroup);
	assert_true(ends_with(cgroup, "/s1/s2"));
	/* the inner one alone */
	assert_int_equal(command(ZTJ_WARDEN_KILL, 2, 0, -1), ZTJ_OK);
	assert_true(dead(sudo));
	assert_true(wait_empty(2));
	assert_int_equal(kill(login, 0), 0);
	/* and with the outer one everything below it */
	sudo = child(idle, &go[1]);
	fd[1] = pidfd_of(sudo);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 3, 1, fd[1]), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 1, 0, -1), ZTJ_OK);
	assert_true(dead(login));
	assert_true(dead(sudo));
	assert_int_not_equal(command(ZTJ_WARDEN_MAKE, 4, 1, fd[1]),
	    ZTJ_OK); /* below what is ending or gone */
	assert_true(wait_empty(1));
	assert_true(wait_empty(3));
}

static void test_R05_by_pidfd_never_by_number(void **state)
{
	int go, fd;
	pid_t pid = child(idle, &go);

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_KILL_PROC, 0, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(command(ZTJ_WARDEN_KILL_PROC, 0, 0, fd), ZTJ_OK);
	assert_true(dead(pid));
	/* gone: nobody else is hit, nothing is made */
	assert_int_equal(command(ZTJ_WARDEN_KILL_PROC, 0, 0, fd), ZTJ_OK);
	assert_int_not_equal(command(ZTJ_WARDEN_MAKE, 7, 0, fd), ZTJ_OK);
	(void)close(fd);
}

static void test_what_it_does_not_do(void **state)
{
	struct ztj_warden_msg m;
	int go, fd;
	pid_t pid = child(idle, &go);

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 0, 0, fd), ZTJ_STATE);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 99, fd), ZTJ_STATE);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, gate),
	    ZTJ_BAD_ENCODING); /* a descriptor that is no pidfd */
	assert_int_equal(command(ZTJ_WARDEN_KILL, 5, 0, -1), ZTJ_NOT_FOUND);
	assert_int_equal(command(99, 1, 0, -1), ZTJ_PROTOCOL);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 1, 0, fd), ZTJ_STATE); /* twice */
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_WARN, .session = 1, .text = ZTJ_TEXTS };
	send_msg(&m, -1);
	assert_true(receive(&m, 5000));
	assert_int_equal(m.code, ZTJ_PROTOCOL);
}

static void test_leaving_by_itself_is_told(void **state)
{
	int go, fd;
	pid_t pid = child(idle, &go);

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 11, 0, fd), ZTJ_OK);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wait_empty(11));
}

static void test_warning_reaches_the_sessions_terminal_only(void **state)
{
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
		(void)close(gate);
		(void)!write(STDOUT_FILENO, "ready", 5);
		idle(go[0]);
		_exit(0);
	}
	p = (struct pollfd){ .fd = master, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1); /* it has its terminal now */
	assert_int_equal(read(master, text, 5), 5);
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 21, 0, fd), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_WARN, 21, 0, -1), ZTJ_OK);
	assert_int_equal(poll(&p, 1, 10000), 1);
	n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "this session ends in 1 minute"));
	p.fd = other;
	assert_int_equal(poll(&p, 1, 100), 0);
	(void)close(master);
}

static void test_P3_what_an_earlier_run_left_is_ended(void **state)
{
	int go, fd;
	pid_t pid = child(idle, &go);
	char dir[300];

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 31, 0, fd), ZTJ_OK);
	assert_int_equal(kill(warden, SIGKILL), 0); /* it could not clean up */
	assert_int_equal(waitpid(warden, NULL, 0), warden);
	(void)close(gate);
	assert_int_equal(kill(pid, 0), 0);
	start_warden();
	assert_true(dead(pid));
	(void)snprintf(dir, sizeof(dir), "%s/s31", root);
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_gate_gone_ends_every_session(void **state)
{
	int go, fd;
	pid_t pid = child(idle, &go);

	(void)state;
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 41, 0, fd), ZTJ_OK);
	(void)close(gate);
	assert_true(dead(pid));
	assert_int_equal(waitpid(warden, NULL, 0), warden);
	start_warden(); /* for the teardown */
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
		send_msg(&m, -1);
	}
	while (answers < 4 * ZTJ_WARDEN_SESSIONS && receive(&m, 5000)) {
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
	assert_int_equal(ztj_warden_root(w, "/tmp/ztjit-no-cgroup"), ZTJ_CONFIG);
	assert_int_equal(rmdir("/tmp/ztjit-no-cgroup"), 0);
	assert_int_equal(ztj_warden_root(w, "/nonexistent/ztjit"), ZTJ_SYSTEM);
	free(w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_R01_nothing_gets_away),
		T(test_nested_sessions),
		T(test_R05_by_pidfd_never_by_number),
		T(test_what_it_does_not_do),
		T(test_leaving_by_itself_is_told),
		T(test_warning_reaches_the_sessions_terminal_only),
		T(test_P3_what_an_earlier_run_left_is_ended),
		T(test_gate_gone_ends_every_session),
		T(test_P3_many_commands_before_an_answer_is_read),
		cmocka_unit_test(test_refuses_what_is_no_cgroup),
	};

	if (!find_root()) {
		(void)puts("skipped: needs root and tests/hostd/warden.sh");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
