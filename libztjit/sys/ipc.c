/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/ipc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void ztj_ipc_in_init(struct ztj_ipc_in *in, size_t max)
{
	memset(in, 0, sizeof *in);
	ztj_buf_init(&in->buf, max + 4);
	in->fd = -1;
}

static uint32_t length_of(const struct ztj_ipc_in *in)
{
	const uint8_t *p = in->buf.p;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

void ztj_ipc_in_reset(struct ztj_ipc_in *in)
{
	if (in->fd >= 0)
		(void)close(in->fd);
	in->fd = -1;
	/* Readers never take more than one message from the socket, so nothing follows it. Its body may be empty. */
	if (in->buf.n >= ZTJ_IPC_HEADER && in->buf.n == 4 + (size_t)length_of(in))
		ztj_buf_reset(&in->buf);
	in->type = 0;
	in->body = (struct ztj_view){ NULL, 0 };
}

void ztj_ipc_in_free(struct ztj_ipc_in *in)
{
	if (in->fd >= 0)
		(void)close(in->fd);
	in->fd = -1;
	ztj_buf_free(&in->buf);
}

int ztj_ipc_begin(struct ztj_buf *out, uint8_t type)
{
	ztj_buf_reset(out);
	ztj_buf_put_u32(out, 0);
	ztj_buf_put_u8(out, ZTJ_IPC_VERSION);
	ztj_buf_put_u8(out, type);
	return ztj_buf_status(out);
}

int ztj_ipc_finish(struct ztj_buf *out)
{
	int r = ztj_buf_status(out);
	if (r != ZTJ_OK)
		return r;
	if (out->n < ZTJ_IPC_HEADER || out->n - 4 > ZTJ_IPC_MAX)
		return ZTJ_TOO_LARGE;
	uint32_t n = (uint32_t)(out->n - 4);
	out->p[0] = (uint8_t)(n >> 24);
	out->p[1] = (uint8_t)(n >> 16);
	out->p[2] = (uint8_t)(n >> 8);
	out->p[3] = (uint8_t)n;
	return ZTJ_OK;
}

/* One recvmsg of at most `want` bytes; keeps the first descriptor, closes any other. */
static ssize_t receive(int sock, void *p, size_t want, int *fd, bool want_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { p, want };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (want_fd) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof control.room;
	}
	ssize_t got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0 || !want_fd)
		return got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;
			memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
			if (*fd < 0)
				*fd = one;
			else
				(void)close(one);
		}
	}
	return got;
}

int ztj_ipc_read(int sock, struct ztj_ipc_in *in, bool want_fd)
{
	for (;;) {
		size_t need = 4;
		if (in->buf.n >= 4) {
			uint32_t len = length_of(in);
			if (len < 2)
				return ZTJ_PROTOCOL;
			if (len > in->buf.max - 4)
				return ZTJ_TOO_LARGE;
			need = 4 + (size_t)len;
		}
		if (in->buf.n >= 4 && in->buf.n == need) {
			if (in->buf.p[4] != ZTJ_IPC_VERSION)
				return ZTJ_PROTOCOL;
			in->type = in->buf.p[5];
			in->body = ztj_view_of(in->buf.p + ZTJ_IPC_HEADER, need - ZTJ_IPC_HEADER);
			return ZTJ_OK;
		}
		uint8_t chunk[8192];
		size_t want = need - in->buf.n;
		ssize_t got = receive(sock, chunk, want < sizeof chunk ? want : sizeof chunk, &in->fd,
		    want_fd);
		if (got == 0)
			return ZTJ_UNREACHABLE;
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return errno == EAGAIN ? ZTJ_TIMEOUT : ZTJ_UNREACHABLE;
		}
		int r = ztj_buf_put(&in->buf, chunk, (size_t)got);
		if (r != ZTJ_OK)
			return r;
	}
}

int64_t ztj_ipc_now_ms(void)
{
	struct timespec ts;
	/* BOOTTIME: a suspended machine must not stretch a deadline. */
	if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
		return INT64_MAX; /* every deadline has passed */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(int sock, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - ztj_ipc_now_ms();
		if (left <= 0)
			return ZTJ_TIMEOUT;
		struct pollfd pfd = { .fd = sock, .events = events };
		int n = poll(&pfd, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return ZTJ_OK;
		if (n < 0 && errno != EINTR)
			return ZTJ_SYSTEM;
	}
}

int ztj_ipc_connect(const char *path, int64_t deadline_ms, int *sock)
{
	*sock = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	if (n >= sizeof addr.sun_path)
		return ZTJ_TOO_LARGE;
	memcpy(addr.sun_path, path, n + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ZTJ_SYSTEM;
	/* A full backlog of a Unix socket answers EAGAIN at once: wait a little and try again. */
	while (connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
		if (errno != EAGAIN && errno != EINTR) {
			(void)close(fd);
			return ZTJ_UNREACHABLE;
		}
		if (ztj_ipc_now_ms() >= deadline_ms) {
			(void)close(fd);
			return ZTJ_TIMEOUT;
		}
		(void)poll(NULL, 0, 20);
	}
	*sock = fd;
	return ZTJ_OK;
}

static ssize_t send_some(int sock, struct ztj_view v, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_len = v.n };
	memcpy(&iov.iov_base, &v.p, sizeof v.p); /* sendmsg does not write through it */
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof control.room;
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int ztj_ipc_send(int sock, struct ztj_view msg, int fd, int64_t deadline_ms)
{
	while (msg.n > 0) {
		ssize_t put = send_some(sock, msg, fd);
		if (put > 0) {
			msg.p += put;
			msg.n -= (size_t)put;
			fd = -1; /* it went with the first bytes */
			continue;
		}
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno != EAGAIN)
			return ZTJ_UNREACHABLE;
		int r = wait_for(sock, POLLOUT, deadline_ms);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

int ztj_ipc_recv(int sock, struct ztj_ipc_in *in, int64_t deadline_ms)
{
	for (;;) {
		int r = ztj_ipc_read(sock, in, false);
		if (r != ZTJ_TIMEOUT)
			return r;
		r = wait_for(sock, POLLIN, deadline_ms);
		if (r != ZTJ_OK)
			return r;
	}
}
