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
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

static char root[256];
static pid_t warden;
static int gate;
static uint32_t next_id;
static uint64_t emptied; /* bits: sessions whose EMPTY came along */
static uint64_t found;   /* bits: sessions that the warden found when it began */
static int64_t end_at;   /* of sessions that are made */
static struct ztj_warden_conf conf;
static char table[300], prefix[256], run[300];

/* The cgroup v2 file system that warden.sh mounted for this test. */
static bool find_root(void)
{
	const char *point = getenv("ZTJ_TEST_CGROUP2");

	if (point == NULL || geteuid() != 0)
		return false;
	(void)snprintf(root, sizeof(root), "%s/ztjit-test-%d", point, (int)getpid());
	(void)snprintf(prefix, sizeof(prefix), "/ztjit-test-%d", (int)getpid());
	(void)snprintf(table, sizeof(table), "/tmp/ztjit-test-warden-%d", (int)getpid());
	(void)snprintf(run, sizeof(run), "/tmp/ztjit-test-run-%d", (int)getpid());
	return true;
}

static int64_t boot_now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return ts.tv_sec;
}

static void fork_warden(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	warden = fork();
	assert_true(warden >= 0);
	if (warden == 0) {
		(void)close(pair[0]);
		ztj_log_open("warden", true, ZTJ_LOG_ALARM);
		ztj_warden_main(pair[1], &conf);
	}
	(void)close(pair[1]);
	gate = pair[0];
}

/* Begins, and says what it found. */
static bool begun(void)
{
	struct ztj_warden_msg m;

	found = 0;
	for (;;) {
		if (recv(gate, &m, sizeof(m), 0) != (ssize_t)sizeof(m))
			return false;
		if (m.op != ZTJ_WARDEN_FOUND)
			break;
		found |= UINT64_C(1) << m.session;
	}
	assert_int_equal(m.op, ZTJ_WARDEN_DONE);
	assert_int_equal(m.id, 0);
	return true;
}

static void start_warden(void)
{
	fork_warden();
	assert_true(begun());
}

static int setup(void **state)
{
	(void)state;
	emptied = 0;
	end_at = boot_now() + 1000;
	conf = (struct ztj_warden_conf){ root, prefix, run, table, "this boot", 60, (gid_t)-1 };
	assert_int_equal(mkdir(run, 0755), 0);
	start_warden();
	return 0;
}

/* Without a gate and without sessions the warden ends itself. */
static int teardown(void **state)
{
	char path[300];
	int status, fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/cgroup.kill", root);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "1", 1), 1);
	(void)close(fd);
	(void)close(gate);
	assert_int_equal(waitpid(warden, &status, 0), warden);
	assert_true(WIFEXITED(status));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(unlink(table), 0);
	assert_int_equal(rmdir(run), 0);
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

static uint32_t answered, answered_flags; /* n and flags of the last answer */

static int ask(struct ztj_warden_msg *q, int fd)
{
	struct ztj_warden_msg m;

	send_msg(q, fd);
	while (receive(&m, 5000)) {
		if (m.op == ZTJ_WARDEN_EMPTY) {
			emptied |= UINT64_C(1) << m.session;
		} else if (m.id == next_id) {
			answered = m.n;
			answered_flags = m.flags;
			return m.code;
		}
	}
	fail_msg("the warden does not answer");
	return ZTJ_INTERNAL;
}

static int command(uint32_t op, uint64_t session, uint64_t parent, int fd)
{
	struct ztj_warden_msg m = { .op = op,
		.session = session,
		.parent = parent,
		.at = end_at,
		.text = ZTJ_TEXT_ONE_MINUTE };

	return ask(&m, fd);
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

/* What it is given is there for everybody when it says so; what is not sealed, or comes without a descriptor, is not. */
static void test_publishes_what_is_sealed(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_PUBLISH, .n = ZTJ_PUBLISH_GRANTS };
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[320], text[8] = "";
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/grants", run);
	assert_int_equal(write(fd, "names", 5), 5);
	assert_int_equal(ask(&m, fd), ZTJ_PROTOCOL);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_int_equal(ask(&m, -1), ZTJ_PROTOCOL);
	assert_int_not_equal(stat(path, &st), 0);
	assert_int_equal(ask(&m, fd), ZTJ_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, 0);
	(void)close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 5);
	assert_string_equal(text, "names");
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
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
	/* Why it ends is said before it does, so that sshd can still pass it on; and not long before. */
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_WARN, .session = 21, .text = ZTJ_TEXT_REVOKED };
	assert_int_equal(ask(&m, -1), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 21, 0, -1), ZTJ_OK);
	assert_int_equal(kill(pid, 0), 0);
	(void)usleep(20000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_not_equal(command(ZTJ_WARDEN_MAKE, 22, 21, fd), ZTJ_OK);
	assert_true(dead(pid));
	assert_true(wait_empty(21));
	(void)close(master);
}

/* The gate goes, and the warden stays. */
static void lose_gate(void)
{
	(void)close(gate);
}

static bool warden_left(void)
{
	int status;

	for (int i = 0; i < 500; i++) {
		if (waitpid(warden, &status, WNOHANG) == warden)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		(void)usleep(10000);
	}
	return false;
}

static pid_t session(uint64_t no, uint64_t parent)
{
	int go, fd;
	pid_t pid = child(idle, &go);

	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, no, parent, fd), ZTJ_OK);
	(void)close(fd);
	return pid;
}

static void test_P12_warden_killed_and_the_next_finds_the_sessions(void **state)
{
	pid_t login = session(31, 0), sudo = session(32, 31);
	char path[300], cgroup[ZTJ_CGROUP_SIZE];
	int fd;

	(void)state;
	assert_int_equal(kill(warden, SIGKILL), 0);
	assert_int_equal(waitpid(warden, NULL, 0), warden);
	lose_gate();
	/* somebody puts a cgroup of his own there */
	(void)snprintf(path, sizeof(path), "%s/mine", root);
	assert_int_equal(mkdir(path, 0755), 0);
	start_warden();
	assert_int_equal(found, UINT64_C(3) << 31);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(kill(login, 0), 0);
	cgroup_of(sudo, cgroup);
	assert_true(ends_with(cgroup, "/s31/s32"));
	/* they are sessions like others */
	assert_int_equal(command(ZTJ_WARDEN_KILL, 32, 0, -1), ZTJ_OK);
	assert_true(dead(sudo));
	assert_true(wait_empty(32));
	fd = pidfd_of(login);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 31, 0, fd), ZTJ_STATE);
	(void)close(fd);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 31, 0, -1), ZTJ_OK);
	assert_true(dead(login));
	assert_true(wait_empty(31));
}

static void test_G01_guardian_ends_sessions_on_time(void **state)
{
	int64_t end = boot_now() + 2;
	pid_t later = session(41, 0), sooner;

	(void)state;
	end_at = end;
	sooner = session(42, 0);
	lose_gate();
	assert_true(dead(sooner));
	assert_in_range(boot_now(), end, end + 1);
	assert_int_equal(kill(later, 0), 0);
	start_warden();
	assert_int_equal(found, UINT64_C(1) << 41);
}

static void test_G01_late_gate_ends_nothing_late(void **state)
{
	int64_t end = boot_now() + 1;
	pid_t pid;

	(void)state;
	end_at = end;
	pid = session(43, 0);
	assert_int_equal(command(ZTJ_WARDEN_READY, 0, 0, -1), ZTJ_OK);
	(void)sleep(1);
	assert_int_equal(kill(pid, 0), 0); /* first it is the gate's */
	(void)sleep(1);
	assert_true(dead(pid));
	assert_in_range(boot_now(), end + 1, end + 4);
	/* and an end that was moved is moved */
	end_at = boot_now() + 1;
	pid = session(44, 0);
	end_at = boot_now() + 1000;
	assert_int_equal(command(ZTJ_WARDEN_END_AT, 44, 0, -1), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_END_AT, 45, 0, -1), ZTJ_NOT_FOUND);
	(void)sleep(4);
	assert_int_equal(kill(pid, 0), 0);
}

static void test_P3_guardian_gives_up_after_the_grace(void **state)
{
	pid_t pid;

	(void)state;
	lose_gate();
	assert_true(warden_left());
	conf.grace = 2;
	start_warden();
	pid = session(46, 0);
	lose_gate();
	(void)sleep(1);
	assert_int_equal(kill(pid, 0), 0);
	(void)sleep(1);
	assert_true(dead(pid));
	assert_true(warden_left());
	start_warden(); /* for the teardown */
}

/* A gate that is started again and again and never judges them is none. */
static void test_P4_restarts_give_no_time(void **state)
{
	int64_t begin;
	pid_t pid;

	(void)state;
	lose_gate();
	assert_true(warden_left());
	conf.grace = 3;
	start_warden();
	pid = session(47, 0);
	begin = boot_now();
	lose_gate();
	for (int i = 0; i < 3; i++) {
		pid_t before = warden;
		(void)sleep(1);
		start_warden();
		assert_int_equal(waitpid(before, NULL, 0), before);
		lose_gate();
	}
	assert_true(dead(pid));
	assert_in_range(boot_now(), begin + 2, begin + 5);
	assert_true(warden_left());
	start_warden();
}

static void test_guardian_leaves_to_the_next_warden_and_kills_nothing(void **state)
{
	pid_t pid = session(48, 0), before = warden;
	int status;

	(void)state;
	lose_gate();
	start_warden();
	assert_int_equal(found, UINT64_C(1) << 48);
	assert_int_equal(waitpid(before, &status, 0), before);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(command(ZTJ_WARDEN_READY, 0, 0, -1), ZTJ_OK);
	assert_int_equal(kill(pid, 0), 0);
}

static void test_no_second_warden_beside_one_with_a_gate(void **state)
{
	pid_t pid = session(49, 0), first = warden;
	int its_gate = gate, status;

	(void)state;
	fork_warden();
	assert_false(begun());
	assert_int_equal(waitpid(warden, &status, 0), warden);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	(void)close(gate);
	gate = its_gate;
	warden = first;
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 49, 0, -1), ZTJ_OK);
	assert_true(dead(pid));
}

/* What the table of another boot says is nothing. */
static void test_G06_table_of_another_boot(void **state)
{
	pid_t pid;

	(void)state;
	conf.grace = 2;
	pid = session(50, 0);
	assert_int_equal(kill(warden, SIGKILL), 0);
	assert_int_equal(waitpid(warden, NULL, 0), warden);
	lose_gate();
	conf.bootid = "the next boot";
	start_warden();
	assert_int_equal(found, UINT64_C(1) << 50);
	assert_true(dead(pid)); /* nobody knows its end, and no gate is ready */
}

static void test_R08_strays(void **state)
{
	pid_t pid = session(51, 0);
	char dir[300], number[24];
	int fd, p[2];

	(void)state;
	assert_int_equal(command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(answered, 0); /* the program that opened it */
	assert_int_equal(command(ZTJ_WARDEN_STRAYS, 52, 0, -1), ZTJ_NOT_FOUND);
	/* another program, in it; and one below it */
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(gate);
		(void)execl("/bin/sleep", "sleep", "100", (char *)NULL);
		_exit(1);
	}
	(void)close(p[1]);
	assert_int_equal(read(p[0], number, 1), 0); /* it runs sleep */
	(void)snprintf(dir, sizeof(dir), "%s/s51/cgroup.procs", root);
	fd = open(dir, O_WRONLY | O_CLOEXEC);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	assert_int_equal(write(fd, number, strlen(number)), (ssize_t)strlen(number));
	(void)close(fd);
	assert_int_equal(command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(answered, 1);
	fd = pidfd_of(pid);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 53, 51, fd), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_STRAYS, 51, 0, -1), ZTJ_OK);
	assert_int_equal(answered, 0);
	(void)close(fd);
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
	pid_t pid = child(as_internal_sftp, &go);

	(void)state;
	fd = pidfd_of(pid);
	(void)usleep(300000);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 54, 0, fd), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_STRAYS, 54, 0, -1), ZTJ_OK);
	assert_int_equal(answered, 1);
	assert_int_equal(answered_flags, ZTJ_STRAYS_NEVER);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 54, 0, -1), ZTJ_OK);
	assert_true(dead(pid));
	(void)close(fd);
}

/* ---- outside the sessions ---- */

static unsigned told_n, told_session; /* of the last SWEPT or ESCAPED */
static uint32_t told_op;

static bool told(uint32_t op, int ms)
{
	struct ztj_warden_msg m;

	while (receive(&m, ms)) {
		if (m.op != ZTJ_WARDEN_SWEPT && m.op != ZTJ_WARDEN_ESCAPED)
			continue;
		told_op = m.op;
		told_n = m.n;
		told_session = (unsigned)m.session;
		if (m.op == op)
			return true;
	}
	return false;
}

static void as_nobody_much(int go)
{
	if (setgroups(0, NULL) == 0 && setresgid(54321, 54321, 54321) == 0 &&
	    setresuid(54321, 54321, 54321) == 0)
		idle(go);
}

static bool runs_as(pid_t pid, uid_t uid)
{
	struct ztj_procinfo p;
	int fd = pidfd_of(pid);
	bool it = false;

	for (int i = 0; i < 200 && !it; i++) {
		it = ztj_proc_read(fd, pid, &p) == ZTJ_OK && p.ruid == uid;
		if (!it)
			(void)usleep(10000);
	}
	(void)close(fd);
	return it;
}

static void test_R07_what_runs_elsewhere_as_the_account(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEEP, .n = 54321 };
	int go, fd;
	pid_t left = child(as_nobody_much, &go), in = child(as_nobody_much, &go), other = child(idle, &go);

	(void)state;
	assert_true(runs_as(left, 54321));
	assert_true(runs_as(in, 54321));
	fd = pidfd_of(in);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 61, 0, fd), ZTJ_OK);
	assert_int_equal(ask(&m, -1), ZTJ_OK);
	assert_int_equal(answered, 1);
	assert_true(dead(left));
	assert_int_equal(kill(in, 0), 0);
	assert_int_equal(kill(other, 0), 0);
	assert_int_equal(ask(&m, -1), ZTJ_OK);
	assert_int_equal(answered, 0);
	m.n = 0;
	assert_int_equal(ask(&m, -1), ZTJ_FORBIDDEN);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_true(dead(other));
	(void)close(fd);
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
	*login = child(leave, &go);
	fd = pidfd_of(*login);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, no, 0, fd), ZTJ_OK);
	assert_int_equal(write(go, "x", 1), 1);
	assert_int_equal(read(leaves[0], gone, sizeof(*gone)), (ssize_t)sizeof(*gone));
	(void)close(fd);
	(void)close(leaves[0]);
	(void)close(leaves[1]);
}

static bool gone_for_good(pid_t pid)
{
	for (int i = 0; i < 300; i++) {
		struct ztj_warden_exe exe;
		if (ztj_warden_exe(pid, &exe) == ZTJ_NOT_FOUND)
			return true;
		(void)usleep(10000);
	}
	return false;
}

static void test_what_left_its_session_is_told_once_and_ends_with_it(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_OUTSIDE };
	pid_t login, left;

	(void)state;
	orphan = false;
	let_leave(62, &login, &left);
	send_msg(&m, -1);
	assert_true(told(ZTJ_WARDEN_ESCAPED, 3000));
	assert_int_equal(told_n, left);
	assert_int_equal(told_session, 62);
	while (receive(&m, 200))
		;
	m = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_OUTSIDE };
	assert_int_equal(ask(&m, -1), ZTJ_OK);
	assert_int_equal(answered, 0);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 62, 0, -1), ZTJ_OK);
	assert_true(dead(login));
	assert_true(gone_for_good(left));
}

static void with_login(int go)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "54321", 5) != 5)
		_exit(77);
	(void)close(fd);
	leave(go);
}

static void test_what_left_and_lost_its_parent_ends_with_the_session(void **state)
{
	pid_t login, left;
	int go, fd, status;

	(void)state;
	orphan = true;
	assert_int_equal(pipe2(leaves, O_CLOEXEC), 0);
	login = child(with_login, &go);
	(void)usleep(200000);
	if (waitpid(login, &status, WNOHANG) == login) {
		(void)puts("no audit here: what left a session and lost its parent is not seen");
		skip();
	}
	fd = pidfd_of(login);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 63, 0, fd), ZTJ_OK);
	assert_int_equal(write(go, "x", 1), 1);
	assert_int_equal(read(leaves[0], &left, sizeof(left)), (ssize_t)sizeof(left));
	assert_int_equal(command(ZTJ_WARDEN_KILL, 63, 0, -1), ZTJ_OK);
	assert_true(dead(login));
	assert_true(told(ZTJ_WARDEN_ESCAPED, 3000));
	assert_int_equal(told_n, left);
	assert_int_equal(told_session, 63);
	assert_true(gone_for_good(left));
	(void)close(fd);
}

static void started_by_hand(int go)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0 || write(fd, "54321", 5) != 5)
		_exit(77);
	pid = fork();
	if (pid > 0)
		(void)!write(leaves[1], &pid, sizeof(pid));
	idle(go);
}

/* A login without pam_loginuid has the audit session of whoever started sshd. */
static void test_R05_what_shares_its_audit_session_is_not_killed(void **state)
{
	pid_t by_hand, login;
	int go, fd, status;

	(void)state;
	assert_int_equal(pipe2(leaves, O_CLOEXEC), 0);
	by_hand = child(started_by_hand, &go);
	(void)usleep(200000);
	if (waitpid(by_hand, &status, WNOHANG) == by_hand) {
		(void)puts("no audit here: nothing is killed for its audit session");
		skip();
	}
	assert_int_equal(read(leaves[0], &login, sizeof(login)), (ssize_t)sizeof(login));
	fd = pidfd_of(login);
	assert_int_equal(command(ZTJ_WARDEN_MAKE, 64, 0, fd), ZTJ_OK);
	assert_int_equal(command(ZTJ_WARDEN_KILL, 64, 0, -1), ZTJ_OK);
	assert_false(told(ZTJ_WARDEN_ESCAPED, 500));
	assert_int_equal(kill(by_hand, 0), 0);
	assert_int_equal(waitpid(by_hand, &status, WNOHANG), 0);
	(void)close(fd);
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
	assert_int_equal(ztj_warden_root(w, "/tmp/ztjit-no-cgroup"), ZTJ_NO_CGROUP);
	assert_int_equal(rmdir("/tmp/ztjit-no-cgroup"), 0);
	assert_int_equal(ztj_warden_root(w, "/nonexistent/ztjit"), ZTJ_SYSTEM);
	free(w);
}

int main(int argc, char **argv)
{
	if (argc > 0 && strstr(argv[0], "@internal-sftp") != NULL)
		return (int)sleep(100);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_R01_nothing_gets_away),
		T(test_nested_sessions),
		T(test_R05_by_pidfd_never_by_number),
		T(test_publishes_what_is_sealed),
		T(test_what_it_does_not_do),
		T(test_leaving_by_itself_is_told),
		T(test_warning_reaches_the_sessions_terminal_only),
		T(test_P12_warden_killed_and_the_next_finds_the_sessions),
		T(test_G01_guardian_ends_sessions_on_time),
		T(test_G01_late_gate_ends_nothing_late),
		T(test_P3_guardian_gives_up_after_the_grace),
		T(test_P4_restarts_give_no_time),
		T(test_guardian_leaves_to_the_next_warden_and_kills_nothing),
		T(test_no_second_warden_beside_one_with_a_gate),
		T(test_G06_table_of_another_boot),
		T(test_R08_strays),
		T(test_R03_internal_sftp_is_a_stray),
		T(test_R05_what_shares_its_audit_session_is_not_killed),
		T(test_R07_what_runs_elsewhere_as_the_account),
		T(test_what_left_its_session_is_told_once_and_ends_with_it),
		T(test_what_left_and_lost_its_parent_ends_with_the_session),
		T(test_P3_many_commands_before_an_answer_is_read),
		cmocka_unit_test(test_refuses_what_is_no_cgroup),
	};

	if (!find_root()) {
		(void)puts("skipped: needs root and tests/hostd/warden.sh");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
