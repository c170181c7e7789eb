/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Lines of JSON on the broker's standard output, which may be a file, a terminal, a pipe or journald's socket. Whoever
 * is at its other end and does not read must not hold us up: a descriptor of our own does not block, and the parent's,
 * which shares its flags with standard error, stays as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/sender.h"

struct out {
	int fd;
	bool is_socket;
	struct ztj_buf lines;
	size_t written;
	bool half; /* a line was begun, and went no further */
	uint64_t upto;
	struct event *writable;
};

static int make(struct dest *d)
{
	struct stat st;
	struct out *o = calloc(1, sizeof(*o));
	d->impl = o;
	if (o == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&o->lines, 2 * SND_LEAVES_MAX);
	o->fd = STDOUT_FILENO;
	if (fstat(STDOUT_FILENO, &st) != 0) {
		ztj_log(ZTJ_LOG_ERROR, "%s: there is no standard output", d->conf.name);
		return ZTJ_SYSTEM;
	}
	o->is_socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		o->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (o->fd >= 0)
		return ZTJ_OK;
	ztj_log(ZTJ_LOG_ERROR, "%s: standard output: %s", d->conf.name, strerror(errno));
	return ZTJ_SYSTEM;
}

static ssize_t put(const struct out *o)
{
	const uint8_t *p = o->lines.p + o->written;
	size_t n = o->lines.n - o->written;
	return o->is_socket ? send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(o->fd, p, n);
}

/* Written is taken: who reads the pipe keeps it or does not. */
static void pump(struct dest *d)
{
	struct out *o = d->impl;
	while (o->written < o->lines.n) {
		ssize_t n = put(o);
		if (n > 0) {
			o->written += (size_t)n;
			o->half = o->lines.p[o->written - 1] != '\n';
		} else if (n < 0 && errno == EAGAIN && event_add(o->writable, NULL) == 0) {
			return;
		} else if (n == 0 || errno != EINTR) {
			dest_down(d, strerror(errno));
			return;
		}
	}
	ztj_buf_reset(&o->lines);
	o->written = 0;
	dest_taken(d, o->upto);
	dest_want(d);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static void open_out(struct dest *d)
{
	struct out *o = d->impl;
	if (o->writable == NULL)
		o->writable = event_new(d->sd->base, o->fd, EV_WRITE, on_writable, d);
	if (o->writable == NULL)
		dest_down(d, ztj_err_text(ZTJ_NOMEM));
	else
		dest_up(d);
}

static int add_line(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct out *o = arg;
	(void)e;
	(void)ztj_buf_put(&o->lines, leaf.p, leaf.n);
	return ztj_buf_put_u8(&o->lines, '\n');
}

static void give(struct dest *d, const struct leaves *l, uint64_t upto)
{
	struct out *o = d->impl;
	o->upto = upto;
	if (o->half)
		(void)ztj_buf_put_u8(&o->lines, '\n');
	int r = dest_each(d, l, add_line, o);
	if (r != ZTJ_OK)
		dest_down(d, ztj_err_text(r));
	else
		pump(d);
}

/* A line that was begun is ended before it comes again from its beginning, or that one would be none. */
static void close_out(struct dest *d)
{
	struct out *o = d->impl;
	ztj_buf_reset(&o->lines);
	o->written = 0;
	if (o->writable != NULL)
		(void)event_del(o->writable);
}

static void free_out(struct dest *d)
{
	struct out *o = d->impl;
	if (o == NULL)
		return;
	if (o->writable != NULL)
		event_free(o->writable);
	if (o->fd > STDOUT_FILENO)
		(void)close(o->fd);
	ztj_buf_free(&o->lines);
	free(o);
}

const struct dest_ops dest_stdout = { make, open_out, give, close_out, free_out };
