/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The newest processes, looked at many times in the time that one look at all of them takes: whoever forks and exits has had
 * another number for long by the time such a look comes to it, and is always among the newest.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/warden.h"

#define TIMES 400 /* a few ms */
#define BEFORE 4  /* numbers before the newest, and after it by now */
#define AFTER 2

/* The last number that was given to a process; 0: not known. */
static pid_t newest(int loadavg)
{
	char text[128];
	const char *last;
	int64_t pid;
	ssize_t n = pread(loadavg, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	last = strrchr(text, ' ');
	return last != NULL && ztj_parse_int(last + 1, 1, INT32_MAX - AFTER, &pid) == ZTJ_OK ? (pid_t)pid : 0;
}

void ztj_warden_newest(void (*each)(pid_t pid, int pidfd, void *arg), void *arg)
{
	int loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);

	for (unsigned i = 0; loadavg >= 0 && i < TIMES; i++) {
		pid_t last = newest(loadavg);
		for (pid_t pid = last - BEFORE; last > 0 && pid <= last + AFTER; pid++) {
			int fd = pid > 1 && pid != getpid() ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
			if (fd < 0)
				continue;
			if (ztj_proc_alive(fd)) /* nor one that nobody has reaped */
				each(pid, fd, arg);
			(void)close(fd);
		}
	}
	if (loadavg >= 0)
		(void)close(loadavg);
}
