/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Who may change what, and the dead man's timer: a process of its own, begun before anything is touched. It waits for the
 * installer's lock, so it also sees an installer that was killed, and then for the end of the time to confirm.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/install_int.h"

#define START_WAIT_MS 20000
#define SYSTEMD_RUN "/usr/bin/systemd-run"

/* As the kernel writes it: no library in between that shifts clocks. */
int64_t ztj_inst_boottime(void)
{
	char text[64], *dot;
	int fd = open("/proc/uptime", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int64_t t;

	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	dot = strchr(text, '.');
	if (dot == NULL)
		return -1;
	*dot = '\0';
	return ztj_parse_int(text, 0, INT64_MAX / 4, &t) == ZTJ_OK ? t : -1;
}

int ztj_inst_init(struct ztj_inst *in)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*in = (struct ztj_inst){ .root = "" };
	if (fd < 0)
		return ztj_inst_fail(in, ZTJ_SYSTEM, "/proc/sys/kernel/random/boot_id");
	n = read(fd, in->bootid, ZTJ_BOOT_ID - 1);
	(void)close(fd);
	return n == ZTJ_BOOT_ID - 1 ? ZTJ_OK
				    : ztj_inst_fail(in, ZTJ_SYSTEM, "/proc/sys/kernel/random/boot_id");
}

/* ---- locks: of this process, gone with it, not inherited ---- */

static int open_lock(struct ztj_inst *in, const char *name)
{
	char path[2 * ZTJ_INST_PATH];

	(void)snprintf(path, sizeof(path), "%s" ZTJ_INST_DIR "/%s", in->root, name);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

static int lock_file(struct ztj_inst *in, const char *name, int seconds, int *fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r = ztj_inst_dir(in, ZTJ_INST_DIR);

	*fd = -1;
	if (r != ZTJ_OK)
		return r;
	*fd = open_lock(in, name);
	if (*fd < 0)
		return ztj_inst_fail(in, ZTJ_IO, ZTJ_INST_DIR "/%s", name);
	for (int tries = seconds * 10; fcntl(*fd, F_SETLK, &l) != 0; tries--) {
		if (tries <= 0) {
			(void)close(*fd);
			*fd = -1;
			return ztj_inst_fail(in, ZTJ_STATE, "another install or uninstall is at work");
		}
		(void)poll(NULL, 0, 100);
	}
	return ZTJ_OK;
}

int ztj_inst_lock(struct ztj_inst *in, int seconds, int *fd)
{
	return lock_file(in, "lock", seconds, fd);
}

int ztj_inst_timer_hold(struct ztj_inst *in, int *fd)
{
	return lock_file(in, "timer.lock", 0, fd);
}

bool ztj_inst_timer_runs(struct ztj_inst *in)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(in, "timer.lock");
	bool runs = fd >= 0 && fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;

	if (fd >= 0)
		(void)close(fd);
	return runs;
}

/* ---- starting it ---- */

static bool write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/*
 * Out of a session that ends with its grant: its cgroup, and the audit session by which the agent finds what left one. Where that is
 * forbidden it stays, and goes with the session; the agent, which looks now and then, undoes what is pending then.
 */
static void leave_session(void)
{
	bool left = write_to("/proc/self/loginuid", "4294967295");

	if (write_to("/sys/fs/cgroup/cgroup.procs", "0\n"))
		return;
	if (mkdir("/sys/fs/cgroup/ztjit-install", 0755) != 0 && errno != EEXIST)
		return;
	if (!write_to("/sys/fs/cgroup/ztjit-install/cgroup.procs", "0\n") || !left)
		ztj_log(ZTJ_LOG_INFO, "the timer stays in this session");
}

static _Noreturn void become_timer(void)
{
	char *const argv[] = { (char[]){ "ztjit-hostd" }, (char[]){ "install" }, (char[]){ "--timer" },
		NULL };
	char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (setsid() < 0 || fork() != 0)
		_exit(0);
	leave_session();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || chdir("/") != 0)
		_exit(127);
	closefrom(3);
	(void)execve("/proc/self/exe", argv, env);
	_exit(127);
}

int ztj_inst_timer_start(struct ztj_inst *in)
{
	char self[ZTJ_INST_PATH] = "";
	const char *const argv[] = { SYSTEMD_RUN, "--quiet", "--collect",
		"--description=ztjit-hostd install: the timer", "--property=OOMScoreAdjust=-900", self,
		"install", "--timer", NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status = 255;
	pid_t pid;

	/* One of an earlier transaction that has not gone yet looks again before it goes. */
	if (ztj_inst_timer_runs(in))
		return ZTJ_OK;
	self[n > 0 ? n : 0] = '\0';
	if (ztj_inst_has_systemd(in)) {
		(void)!ztj_inst_run(argv, NULL, &status);
	} else {
		pid = fork();
		if (pid == 0)
			become_timer();
		if (pid > 0)
			(void)waitpid(pid, &status, 0);
	}
	for (int waited = 0; waited < START_WAIT_MS; waited += 50) {
		if (ztj_inst_timer_runs(in))
			return ZTJ_OK;
		(void)poll(NULL, 0, 50);
	}
	return ztj_inst_fail(in, ZTJ_SYSTEM, "the timer that would undo this does not start");
}
