/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The sshd that listens reads its configuration again, if that is good. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/install_int.h"

/* Of our own machine, not of a container that we can see; and root's: a title is what its process says of itself. */
static bool same_world(long pid)
{
	char path[64];
	struct stat a, b;

	(void)snprintf(path, sizeof(path), "/proc/%ld", pid);
	if (stat(path, &a) != 0 || a.st_uid != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", pid);
	return stat(path, &a) == 0 && stat("/proc/self/ns/mnt", &b) == 0 && a.st_ino == b.st_ino &&
	    a.st_dev == b.st_dev;
}

/* "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", the title that the listener gives itself. */
static bool is_listener(long pid)
{
	char path[64], title[512];
	ssize_t n;
	int fd;

	/* Whose it is comes first: reading somebody's words waits for the memory that he gave them, for ever if he likes. */
	if (!same_world(pid))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, title, sizeof(title) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return false;
	title[n] = '\0';
	return strncmp(title, "sshd: ", 6) == 0 && strstr(title, "[listener]") != NULL;
}

/* Held while it is looked at: its number may be another's a moment later. */
static unsigned hang_up_one(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool sent = fd >= 0 && is_listener(pid) && syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0) == 0;

	if (fd >= 0)
		(void)close(fd);
	return sent ? 1 : 0;
}

static unsigned hang_up(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		int64_t pid;
		if (isdigit((unsigned char)e->d_name[0]) &&
		    ztj_parse_int(e->d_name, 1, INT32_MAX, &pid) == ZTJ_OK)
			n += hang_up_one((pid_t)pid);
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

void ztj_inst_sshd_room(void)
{
	/* Made by its unit when it starts; without it sshd -t says nothing about the configuration. */
	if (mkdir("/run/sshd", 0755) != 0 && errno != EEXIST)
		ztj_log(ZTJ_LOG_WARN, "/run/sshd cannot be made");
}

void ztj_inst_reload_sshd(struct ztj_inst *in)
{
	const char *const test[] = { "/usr/sbin/sshd", "-t", NULL };
	const char *const again[] = { "/usr/bin/systemctl", "daemon-reload", NULL };
	int status;

	if (ztj_inst_has_systemd(in))
		(void)!ztj_inst_run(again, NULL, &status);
	ztj_inst_sshd_room();
	if (ztj_inst_run(test, NULL, &status) != ZTJ_OK || status != 0)
		ztj_log(ZTJ_LOG_ERROR, "sshd -t finds an error: sshd is not told to read its configuration");
	else if (hang_up() == 0)
		ztj_log(ZTJ_LOG_NOTICE, "sshd is not running; it will read its configuration when it starts");
	else
		ztj_log(ZTJ_LOG_NOTICE, "sshd reads its configuration again");
}
