/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * poke PID: everything by which a process of the same user reads or changes another. Says what each came to; 0 when every one
 * was refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int said(const char *what, int failed)
{
	(void)printf("%s: %s\n", what, failed ? strerror(errno) : "DONE");
	return failed ? 0 : 1;
}

static int opens(long pid, const char *name, int flags)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
	fd = open(path, flags);
	if (fd >= 0)
		(void)close(fd);
	return said(path, fd < 0);
}

int main(int argc, char **argv)
{
	static const char *const files[] = { "environ", "maps", "auxv", "fd", "root", "exe", "stack",
		"syscall" };
	long pid = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	char byte;
	struct iovec mine = { &byte, 1 }, theirs = { (void *)0x400000, 1 };
	int done = 0, pidfd;

	if (pid <= 1)
		return 2;
	done += said("ptrace seize", ptrace(PTRACE_SEIZE, (pid_t)pid, NULL, NULL) != 0);
	done += said("ptrace attach", ptrace(PTRACE_ATTACH, (pid_t)pid, NULL, NULL) != 0);
	done += said("process_vm_readv", process_vm_readv((pid_t)pid, &mine, 1, &theirs, 1, 0) < 0);
	done += said("process_vm_writev", process_vm_writev((pid_t)pid, &mine, 1, &theirs, 1, 0) < 0);
	done += opens(pid, "mem", O_RDONLY);
	done += opens(pid, "mem", O_RDWR);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		done += opens(pid, files[i], O_RDONLY);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	done += said("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0) < 0);
	return done == 0 ? 0 : 1;
}
