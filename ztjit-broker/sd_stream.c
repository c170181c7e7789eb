/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Syslog over TCP (RFC 6587, octet counting) and TLS (RFC 5425). The protocol has no answer, and what the kernel has sent
 * may lie unread in the receiver's buffer when that dies. So now and then we say that nothing more comes and wait until
 * the receiver closes in turn, which it does when it has read everything: then it counts as taken. A connection that ends
 * otherwise is dialled anew and gets again what was not: twice, rather than never.
 */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/sd_net.h"
#include "ztjit-broker/sender.h"

#define DIAL_SECONDS 30
#define STALL_SECONDS 60                 /* the receiver reads nothing */
#define LOW_WATER ((size_t)64 * 1024)    /* not yet written: more is asked for */
#define WINDOW ((size_t)4 * 1024 * 1024) /* written in one connection */

enum phase { CLOSED, DIALLING, OPEN, FINISHING };
struct stream {
	SSL_CTX *ctx; /* NULL: no TLS */
	struct bufferevent *bev;
	enum phase phase;
	bool finish;   /* nothing more is given in this connection */
	uint64_t upto; /* leaves below it were written */
	size_t written,
	    progress; /* bytes in this connection; those that had left when it was looked at last */
	struct event *timer, *confirm;
};

static size_t unsent(const struct stream *s)
{
	return evbuffer_get_length(bufferevent_get_output(s->bev));
}

static void set_timer(struct event *ev, int64_t seconds)
{
	const struct timeval tv = { .tv_sec = (time_t)seconds };
	(void)event_add(ev, &tv);
}

static void dropped(struct stream *s)
{
	s->phase = CLOSED;
	if (s->bev != NULL)
		bufferevent_free(s->bev);
	s->bev = NULL;
	if (s->timer != NULL)
		(void)event_del(s->timer);
	if (s->confirm != NULL)
		(void)event_del(s->confirm);
}

/* Everything has left us: the other side is told that it was everything. */
static void finish_now(struct stream *s)
{
	if (s->phase != OPEN || unsent(s) > 0)
		return;
	s->phase = FINISHING;
	(void)bufferevent_disable(s->bev, EV_WRITE);
	net_finish(s->bev);
	set_timer(s->timer, STALL_SECONDS);
}

static void finish(struct dest *d)
{
	struct stream *s = d->impl;
	s->finish = true;
	d->wants = false;
}

static void on_confirm(evutil_socket_t fd, short what, void *arg)
{
	struct dest *d = arg;
	struct stream *s = d->impl;
	(void)fd;
	(void)what;
	finish(d);
	finish_now(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dest *d = arg;
	struct stream *s = d->impl;
	(void)fd;
	(void)what;
	if (s->phase == DIALLING) {
		dest_down(d, "no connection in time");
	} else if (s->phase == FINISHING) {
		dest_down(d, "it does not read to the end");
	} else if (s->phase == OPEN) {
		size_t progress = s->written - unsent(s);
		if (unsent(s) > 0 && progress == s->progress) {
			dest_down(d, "it does not read");
			return;
		}
		s->progress = progress;
		set_timer(s->timer, STALL_SECONDS);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	(void)arg;
	(void)evbuffer_drain(in, evbuffer_get_length(in)); /* nobody asked */
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct dest *d = arg;
	struct stream *s = d->impl;
	(void)bev;
	if (s->phase != OPEN)
		return;
	if (d->conf.confirm == 0 && unsent(s) == 0)
		dest_taken(d, s->upto);
	if (s->finish)
		finish_now(s);
	else if (!d->wants)
		dest_want(d);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct dest *d = arg;
	struct stream *s = d->impl;
	char room[NET_WHY_SIZE];
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		s->phase = OPEN;
		set_timer(s->timer, STALL_SECONDS);
		dest_up(d);
	} else if ((what & BEV_EVENT_EOF) != 0 && s->phase == FINISHING) {
		dropped(s);
		dest_taken(d, s->upto);
		dest_again(d);
	} else if ((what & BEV_EVENT_EOF) != 0) {
		dest_down(d, "it closed the connection");
	} else {
		dest_down(d, net_why(bev, room));
	}
}

static int make(struct dest *d)
{
	struct stream *s = calloc(1, sizeof(*s));
	d->impl = s;
	if (s == NULL)
		return ZTJ_NOMEM;
	return d->conf.kind == DEST_TLS ? net_tls_new(&d->conf, &s->ctx) : ZTJ_OK;
}

static void open_stream(struct dest *d)
{
	struct stream *s = d->impl;
	if (s->timer == NULL)
		s->timer = evtimer_new(d->sd->base, on_timer, d);
	if (s->confirm == NULL)
		s->confirm = evtimer_new(d->sd->base, on_confirm, d);
	s->finish = false;
	s->written = s->progress = 0;
	s->upto = d->taken;
	s->bev = s->timer == NULL || s->confirm == NULL ? NULL : net_new(d->sd->base, &d->conf, s->ctx);
	if (s->bev == NULL) {
		dest_down(d, ztj_err_text(ZTJ_NOMEM));
		return;
	}
	s->phase = DIALLING;
	bufferevent_setcb(s->bev, on_read, on_write, on_event, d);
	bufferevent_setwatermark(s->bev, EV_WRITE, LOW_WATER, 0);
	set_timer(s->timer, DIAL_SECONDS);
	if (bufferevent_enable(s->bev, EV_READ | EV_WRITE) != 0 ||
	    net_dial(s->bev, d->sd->dns, &d->conf) != ZTJ_OK)
		dest_down(d, "it cannot be dialled");
}

struct frames {
	const struct dest *d;
	struct evbuffer *out;
	size_t n;
};

static int add_frame(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	struct frames *f = arg;
	struct ztj_buf msg;
	size_t before = evbuffer_get_length(f->out);
	ztj_buf_init(&msg, SENDER_MESSAGE_MAX);
	int r = dest_message(f->d, e, leaf, 0, &msg);
	if (r == ZTJ_OK &&
	    (evbuffer_add_printf(f->out, "%zu ", msg.n) < 0 || evbuffer_add(f->out, msg.p, msg.n) != 0))
		r = ZTJ_NOMEM;
	f->n += evbuffer_get_length(f->out) - before;
	ztj_buf_free(&msg);
	return r;
}

static void give(struct dest *d, const struct leaves *l, uint64_t upto)
{
	struct stream *s = d->impl;
	struct frames f = { d, bufferevent_get_output(s->bev), 0 };
	int r = dest_each(d, l, add_frame, &f);
	if (r != ZTJ_OK) {
		dest_down(d, ztj_err_text(r));
		return;
	}
	s->upto = upto;
	s->written += f.n;
	if (s->written == 0 || (d->conf.confirm == 0 && unsent(s) == 0)) {
		/* nothing of it is for this destination, and nothing before it is on the way */
		dest_taken(d, upto);
		dest_want(d);
		return;
	}
	if (d->conf.confirm > 0 && !event_pending(s->confirm, EV_TIMEOUT, NULL))
		set_timer(s->confirm, d->conf.confirm);
	if (d->conf.confirm > 0 && s->written >= WINDOW)
		finish(d);
	else if (unsent(s) <= LOW_WATER)
		dest_want(d);
}

static void close_stream(struct dest *d)
{
	dropped(d->impl);
}

static void free_stream(struct dest *d)
{
	struct stream *s = d->impl;
	if (s == NULL)
		return;
	if (s->bev != NULL)
		bufferevent_free(s->bev);
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->confirm != NULL)
		event_free(s->confirm);
	SSL_CTX_free(s->ctx);
	free(s);
}

const struct dest_ops dest_stream = { make, open_stream, give, close_stream, free_stream };
