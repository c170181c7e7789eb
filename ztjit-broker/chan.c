/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/chan.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-broker/proto.h"

#define PART 255
#define PART_MAX ((size_t)200 * 1024)
#define BATCH 512 /* messages handled before others get a turn */

struct chan {
	int fd;
	struct event *rd, *wr;
	struct evbuffer *out;
	struct ztj_ipc_in in;
	struct ztj_buf parts; /* a large message so far */
	struct chan_hooks hooks;
	bool dead;
};

static void broken(struct chan *c, int err)
{
	if (c->dead)
		return;
	c->dead = true;
	event_del(c->rd);
	event_del(c->wr);
	c->hooks.closed(c->hooks.arg, err);
}

/* One frame: a part is kept, anything else is a message (with the parts before it). */
static int take(struct chan *c)
{
	if (c->in.type == PART)
		return ztj_buf_put(&c->parts, c->in.body.p, c->in.body.n);
	if (c->parts.n == 0)
		return c->hooks.message(c->hooks.arg, c->in.type, c->in.body);
	int r = ztj_buf_put(&c->parts, c->in.body.p, c->in.body.n);
	if (r == ZTJ_OK)
		r = c->hooks.message(c->hooks.arg, c->in.type, ztj_buf_view(&c->parts));
	ztj_buf_free(&c->parts);
	return r;
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	int r = ZTJ_OK, n = 0;
	(void)what;
	for (; n < BATCH && !c->dead; n++) {
		r = ztj_ipc_read(fd, &c->in, false);
		if (r != ZTJ_OK)
			break;
		r = take(c);
		ztj_ipc_in_reset(&c->in);
		if (r != ZTJ_OK)
			break;
	}
	if (n > 0 && !c->dead && c->hooks.batch != NULL)
		c->hooks.batch(c->hooks.arg);
	if (r == ZTJ_OK && n == BATCH)
		event_active(c->rd, EV_READ, 0); /* frames may wait in our buffer, unseen by poll */
	else if (r != ZTJ_TIMEOUT)
		broken(c, r);
}

void chan_flush(struct chan *c)
{
	while (!c->dead && evbuffer_get_length(c->out) > 0) {
		int n = evbuffer_write(c->out, c->fd);
		if (n > 0)
			continue;
		if (errno != EAGAIN && errno != EINTR)
			broken(c, ZTJ_UNREACHABLE);
		break;
	}
	if (!c->dead && evbuffer_get_length(c->out) > 0)
		event_add(c->wr, NULL);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	chan_flush(arg);
}

static int put_frame(struct chan *c, uint8_t type, const uint8_t *p, size_t n)
{
	uint8_t head[ZTJ_IPC_HEADER];
	uint32_t len = (uint32_t)n + 2;
	head[0] = (uint8_t)(len >> 24);
	head[1] = (uint8_t)(len >> 16);
	head[2] = (uint8_t)(len >> 8);
	head[3] = (uint8_t)len;
	head[4] = ZTJ_IPC_VERSION;
	head[5] = type;
	if (evbuffer_add(c->out, head, sizeof(head)) != 0 || (n > 0 && evbuffer_add(c->out, p, n) != 0))
		return ZTJ_NOMEM;
	return ZTJ_OK;
}

int chan_send(struct chan *c, uint8_t type, struct ztj_view body)
{
	int r = ZTJ_OK;
	if (c->dead)
		return ZTJ_UNREACHABLE;
	while (r == ZTJ_OK && body.n > PART_MAX) {
		r = put_frame(c, PART, body.p, PART_MAX);
		body.p += PART_MAX;
		body.n -= PART_MAX;
	}
	if (r == ZTJ_OK)
		r = put_frame(c, type, body.p, body.n);
	if (r != ZTJ_OK) {
		broken(c, r); /* half a message may stand in the queue */
		return r;
	}
	return event_add(c->wr, NULL) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

size_t chan_queued(const struct chan *c)
{
	return evbuffer_get_length(c->out);
}

int chan_new(struct event_base *base, int fd, const struct chan_hooks *hooks, struct chan **out)
{
	*out = NULL;
	struct chan *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return ZTJ_NOMEM;
	c->fd = fd;
	c->hooks = *hooks;
	ztj_ipc_in_init(&c->in, ZTJ_IPC_MAX);
	ztj_buf_init(&c->parts, PROTO_BODY_MAX);
	c->out = evbuffer_new();
	c->rd = event_new(base, fd, EV_READ | EV_PERSIST, on_read, c);
	c->wr = event_new(base, fd, EV_WRITE, on_write, c);
	if (c->out == NULL || c->rd == NULL || c->wr == NULL || evutil_make_socket_nonblocking(fd) != 0 ||
	    event_add(c->rd, NULL) != 0) {
		chan_free(c);
		return ZTJ_NOMEM;
	}
	*out = c;
	return ZTJ_OK;
}

void chan_free(struct chan *c)
{
	if (c == NULL)
		return;
	if (c->rd != NULL)
		event_free(c->rd);
	if (c->wr != NULL)
		event_free(c->wr);
	if (c->out != NULL)
		evbuffer_free(c->out);
	ztj_ipc_in_free(&c->in);
	ztj_buf_free(&c->parts);
	close(c->fd);
	free(c);
}
