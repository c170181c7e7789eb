/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Calls of the scribe that others see pass through here, to fail or to be its last. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/hostd/srig.h"

int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_fallocate(int fd, int mode, off_t at, off_t n);
int __real_ftruncate(int fd, off_t n);
int __real_rename(const char *from, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);
int __real_openat(int dir, const char *name, int flags, ...);
ssize_t __real_sendmsg(int sock, const struct msghdr *msg, int flags);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fallocate(int fd, int mode, off_t at, off_t n);
int __wrap_ftruncate(int fd, off_t n);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_openat(int dir, const char *name, int flags, ...);
ssize_t __wrap_sendmsg(int sock, const struct msghdr *msg, int flags);

static struct srig_faults *page;
static pid_t faulty; /* the process that faults are for */

void srig_faulty(struct srig_faults *faults)
{
	page = faults;
	faulty = getpid();
}

static bool due(void)
{
	return faulty == getpid() && page != NULL && ++page->calls == page->kill_at;
}

static void die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (due()) {
		if (page->half)
			(void)!__real_pwrite(fd, p, n / 2, at);
		die();
	}
	if (faulty == getpid() && page->disk_errno != 0) {
		errno = page->disk_errno;
		return -1;
	}
	return __real_pwrite(fd, p, n, at);
}

int __wrap_fdatasync(int fd)
{
	if (due())
		die();
	if (faulty == getpid() && page->disk_errno == EIO) {
		errno = EIO;
		return -1;
	}
	return __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	if (due())
		die();
	return __real_fsync(fd);
}

int __wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	if (due())
		die();
	if (faulty == getpid() && page->reserve_errno != 0) {
		errno = page->reserve_errno;
		return -1;
	}
	if (faulty == getpid() && page->disk != 0 && (mode & FALLOC_FL_PUNCH_HOLE) == 0) {
		if ((uint64_t)n > page->disk - 1) {
			errno = ENOSPC;
			return -1;
		}
		page->disk -= (uint64_t)n;
	}
	return __real_fallocate(fd, mode, at, n);
}

int __wrap_ftruncate(int fd, off_t n)
{
	struct stat st;

	if (due())
		die();
	/* What a file gives back is there for others. */
	if (faulty == getpid() && page->disk != 0 && fstat(fd, &st) == 0 && st.st_size > n)
		page->disk += (uint64_t)(st.st_size - n);
	return __real_ftruncate(fd, n);
}

int __wrap_rename(const char *from, const char *to)
{
	if (due())
		die();
	return __real_rename(from, to);
}

int __wrap_renameat(int from, const char *a, int to, const char *b)
{
	if (due())
		die();
	return __real_renameat(from, a, to, b);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	if (due())
		die();
	return __real_unlinkat(dir, name, flags);
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	if ((flags & O_CREAT) != 0 && due())
		die();
	return __real_openat(dir, name, flags, 0600);
}

ssize_t __wrap_sendmsg(int sock, const struct msghdr *msg, int flags)
{
	if (due())
		die();
	return __real_sendmsg(sock, msg, flags);
}
