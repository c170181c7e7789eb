/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int ztj_rec_fds_clean(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0)
			return -1;
	} while (fd <= STDERR_FILENO);
	return close_range(STDERR_FILENO + 1, ~0U, 0);
}

/* The same pipe or terminal through a description of our own. */
static int open_again(int fd)
{
	int mode = fcntl(fd, F_GETFL), again;
	char path[32];

	if (mode < 0)
		return -1;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, (mode & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return again;
}

int ztj_rec_fd_std(struct ztj_rec_fd *f, int std, bool keep)
{
	struct stat st;
	int again;

	*f = (struct ztj_rec_fd){ .fd = std, .std = std, .keep = keep, .how = ZTJ_REC_FD_PLAIN };
	if (fstat(std, &st) != 0)
		return -1;
	if (S_ISSOCK(st.st_mode)) {
		f->how = ZTJ_REC_FD_SOCKET;
		return 0;
	}
	if (!S_ISFIFO(st.st_mode) && isatty(std) == 0)
		return 0;
	again = open_again(std);
	if (again >= 0) {
		f->fd = again;
		f->how = ZTJ_REC_FD_OWN;
		return 0;
	}
	/* Another's terminal (su, sudo): may not be opened, is open all the same. */
	f->flags = fcntl(std, F_GETFL);
	if (f->flags < 0 || fcntl(std, F_SETFL, f->flags | O_NONBLOCK) != 0)
		return -1;
	f->how = ZTJ_REC_FD_SHARED;
	return 0;
}

void ztj_rec_fd_own(struct ztj_rec_fd *f, int fd)
{
	*f = (struct ztj_rec_fd){ .fd = fd, .std = -1, .keep = true, .how = ZTJ_REC_FD_OWN };
}

ssize_t ztj_rec_fd_read(const struct ztj_rec_fd *f, void *p, size_t n)
{
	if (f->how == ZTJ_REC_FD_SOCKET)
		return recv(f->fd, p, n, MSG_DONTWAIT);
	return read(f->fd, p, n);
}

ssize_t ztj_rec_fd_write(const struct ztj_rec_fd *f, const void *p, size_t n)
{
	if (f->how == ZTJ_REC_FD_SOCKET)
		return send(f->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(f->fd, p, n);
}

void ztj_rec_fd_close(struct ztj_rec_fd *f)
{
	int null;

	if (f->fd < 0)
		return;
	if (f->how == ZTJ_REC_FD_SHARED)
		(void)fcntl(f->fd, F_SETFL, f->flags);
	if (f->fd != f->std)
		(void)close(f->fd);
	f->fd = -1;
	if (f->keep)
		return;
	/* A free low number would become somebody's standard output. */
	null = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, f->std);
		(void)close(null);
	} else {
		(void)close(f->std);
	}
}
