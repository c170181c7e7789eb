/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The warden's process, and the gate's end of its pair. */
#include "tests/hostd/wrig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"

struct wrig wrig;
#define W wrig

/* The cgroup v2 file system that warden.sh mounted for this test. */
bool wrig_find_root(void)
{
	const char *point = getenv("ZTJ_TEST_CGROUP2");

	if (point == NULL || geteuid() != 0) {
		(void)puts("skipped: needs root and tests/hostd/warden.sh");
		return false;
	}
	(void)snprintf(W.root, sizeof(W.root), "%s/ztjit-test-%d", point, (int)getpid());
	(void)snprintf(W.prefix, sizeof(W.prefix), "/ztjit-test-%d", (int)getpid());
	(void)snprintf(W.table, sizeof(W.table), "/tmp/ztjit-test-warden-%d", (int)getpid());
	(void)snprintf(W.run, sizeof(W.run), "/tmp/ztjit-test-run-%d", (int)getpid());
	return true;
}

int64_t wrig_boot_now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return ts.tv_sec;
}

void wrig_fork(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	W.warden = fork();
	assert_true(W.warden >= 0);
	if (W.warden == 0) {
		(void)close(pair[0]);
		ztj_log_open("warden", true, ZTJ_LOG_ALARM);
		ztj_warden_main(pair[1], &W.conf);
	}
	(void)close(pair[1]);
	W.gate = pair[0];
}

/* Begins, and says what it found. */
bool wrig_begun(void)
{
	struct ztj_warden_msg m;

	W.found = 0;
	for (;;) {
		if (recv(W.gate, &m, sizeof(m), 0) != (ssize_t)sizeof(m))
			return false;
		if (m.op != ZTJ_WARDEN_FOUND)
			break;
		W.found |= UINT64_C(1) << m.session;
	}
	assert_int_equal(m.op, ZTJ_WARDEN_DONE);
	assert_int_equal(m.id, 0);
	return true;
}

void wrig_start(void)
{
	wrig_fork();
	assert_true(wrig_begun());
}

int wrig_setup(void **state)
{
	(void)state;
	W.emptied = 0;
	W.end_at = wrig_boot_now() + 1000;
	W.made = 0;
	W.conf = (struct ztj_warden_conf){ W.by_audit ? NULL : W.root, W.prefix, W.run, W.table, "this boot",
		60, (gid_t)-1 };
	assert_int_equal(mkdir(W.run, 0755), 0);
	wrig_start();
	return 0;
}

#define BELOW 400
#define ABOVE 20
static pid_t crowd[BELOW + ABOVE];

static void end_crowd(void)
{
	for (size_t i = 0; i < BELOW + ABOVE; i++) {
		if (crowd[i] > 0 && kill(crowd[i], SIGKILL) == 0)
			(void)waitpid(crowd[i], NULL, 0);
		crowd[i] = 0;
	}
}

static void kill_cgroup(void)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cgroup.kill", W.root);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "1", 1), 1);
	(void)close(fd);
}

static void end_sessions(void)
{
	for (uint64_t no = 1; no < 64; no++)
		if ((W.made >> no & 1) != 0)
			(void)wrig_command(ZTJ_WARDEN_KILL, no, 0, -1);
}

/* Without a gate and without sessions the warden ends itself. */
int wrig_teardown(void **state)
{
	int status;

	(void)state;
	end_crowd();
	if (W.by_audit)
		end_sessions();
	else
		kill_cgroup();
	(void)close(W.gate);
	assert_int_equal(waitpid(W.warden, &status, 0), W.warden);
	assert_true(WIFEXITED(status));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (!W.by_audit)
		assert_int_equal(rmdir(W.root), 0);
	assert_int_equal(unlink(W.table), 0);
	assert_int_equal(rmdir(W.run), 0);
	return 0;
}

void wrig_send(struct ztj_warden_msg *m, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	m->id = ++W.next_id;
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
	assert_int_equal(sendmsg(W.gate, &msg, 0), (ssize_t)sizeof(*m));
}

bool wrig_receive(struct ztj_warden_msg *m, int ms)
{
	struct pollfd p = { .fd = W.gate, .events = POLLIN };

	return poll(&p, 1, ms) > 0 && recv(W.gate, m, sizeof(*m), 0) == (ssize_t)sizeof(*m);
}

int wrig_ask(struct ztj_warden_msg *q, int fd)
{
	struct ztj_warden_msg m;

	wrig_send(q, fd);
	while (wrig_receive(&m, 5000)) {
		if (m.op == ZTJ_WARDEN_EMPTY) {
			W.emptied |= UINT64_C(1) << m.session;
		} else if (m.id == W.next_id) {
			W.answered = m.n;
			W.answered_flags = m.flags;
			if (q->op == ZTJ_WARDEN_MAKE && m.code == ZTJ_OK)
				W.made |= UINT64_C(1) << q->session;
			return m.code;
		}
	}
	fail_msg("the warden does not answer");
	return ZTJ_INTERNAL;
}

int wrig_command(uint32_t op, uint64_t session, uint64_t parent, int fd)
{
	struct ztj_warden_msg m = { .op = op,
		.session = session,
		.parent = parent,
		.at = W.end_at,
		.text = ZTJ_TEXT_ONE_MINUTE };

	return wrig_ask(&m, fd);
}

bool wrig_wait_empty(uint64_t session)
{
	struct ztj_warden_msg m;

	while ((W.emptied >> session & 1) == 0 && wrig_receive(&m, 3000))
		if (m.op == ZTJ_WARDEN_EMPTY)
			W.emptied |= UINT64_C(1) << m.session;
	return (W.emptied >> session & 1) != 0;
}

int wrig_pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A process that waits for a byte and then does something. */
pid_t wrig_child(void (*body)(int go), int *go)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(p[1]);
		(void)close(W.gate);
		body(p[0]);
		_exit(0);
	}
	(void)close(p[0]);
	*go = p[1];
	return pid;
}

void wrig_idle(int go)
{
	char c;

	(void)!read(go, &c, 1);
	(void)sleep(100);
}

bool wrig_dead(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) != 0 && errno == ESRCH))
			return true;
		(void)usleep(10000);
	}
	return false;
}

void wrig_cgroup_of(pid_t pid, char out[ZTJ_CGROUP_SIZE])
{
	char path[64], text[8192];
	struct ztj_view v;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	assert_int_equal(ztj_proc_file(path, text, sizeof(text), &v), ZTJ_OK);
	assert_int_equal(ztj_proc_parse_cgroup(v, out), ZTJ_OK);
}

/* The gate goes, and the warden stays. */
void wrig_lose_gate(void)
{
	(void)close(W.gate);
}

bool wrig_warden_left(void)
{
	int status;

	for (int i = 0; i < 500; i++) {
		if (waitpid(W.warden, &status, WNOHANG) == W.warden)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		(void)usleep(10000);
	}
	return false;
}

pid_t wrig_session(uint64_t no, uint64_t parent)
{
	int go, fd;
	pid_t pid = wrig_child(wrig_idle, &go);

	fd = wrig_pidfd_of(pid);
	assert_int_equal(wrig_command(ZTJ_WARDEN_MAKE, no, parent, fd), ZTJ_OK);
	(void)close(fd);
	return pid;
}

bool wrig_told(uint32_t op, int ms)
{
	struct ztj_warden_msg m;

	while (wrig_receive(&m, ms)) {
		if (m.op != ZTJ_WARDEN_SWEPT && m.op != ZTJ_WARDEN_ESCAPED)
			continue;
		W.told_op = m.op;
		W.told_n = m.n;
		W.told_session = (unsigned)m.session;
		if (m.op == op)
			return true;
	}
	return false;
}

bool wrig_gone_for_good(pid_t pid)
{
	for (int i = 0; i < 300; i++) {
		struct ztj_warden_exe exe;
		if (ztj_warden_exe(pid, &exe) == ZTJ_NOT_FOUND)
			return true;
		(void)usleep(10000);
	}
	return false;
}

static void next_number(pid_t pid)
{
	char text[24];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", (int)pid - 1);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)n), n);
	(void)close(fd);
}

void wrig_crowd(void)
{
	int go;

	/* In warden.sh's own space of numbers: nobody else's are changed. */
	assert_true(getpid() < BELOW);
	for (size_t i = 0; i < BELOW + ABOVE; i++) {
		if (i == BELOW)
			next_number(30000);
		crowd[i] = wrig_child(wrig_idle, &go);
		(void)close(go);
	}
	assert_true(crowd[BELOW] > crowd[BELOW - 1]);
	next_number(crowd[BELOW - 1] + 1);
}

bool wrig_new_login(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "54321", 5) == 5;

	if (fd >= 0)
		(void)close(fd);
	return done;
}
