/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Syslog over UDP (RFC 5426): a message is a datagram, and sent is taken, for nothing ever says otherwise but the word of
 * the receiver's machine that nobody listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/sender.h"

#define DATAGRAM_MAX 65000 /* of IPv4: 65,507 */
#define PAUSE_MS 20        /* between two batches, so that the receiver's buffer is not run over */

struct udp {
	int fd;
	struct event *pause;
	uint64_t upto;
};

static int make(struct dest *d)
{
	struct udp *u = calloc(1, sizeof(*u));
	d->impl = u;
	if (u == NULL)
		return ZTJ_NOMEM;
	u->fd = -1;
	return ZTJ_OK;
}

static socklen_t address_of(const struct dest_conf *conf, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(conf->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(conf->port) };
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, conf->host, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (inet_pton(AF_INET6, conf->host, &v6.sin6_addr) != 1)
		return 0;
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct dest *d = arg;
	const struct udp *u = d->impl;
	int err = 0;
	socklen_t len = sizeof(err);
	(void)fd;
	(void)what;
	if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err != 0) {
		dest_down(d, strerror(err));
		return;
	}
	dest_taken(d, u->upto);
	dest_want(d);
}

static void open_udp(struct dest *d)
{
	struct udp *u = d->impl;
	struct sockaddr_storage ss;
	socklen_t len = address_of(&d->conf, &ss);
	if (u->pause == NULL)
		u->pause = evtimer_new(d->sd->base, on_pause, d);
	u->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->pause == NULL || u->fd < 0 || connect(u->fd, (const struct sockaddr *)&ss, len) != 0)
		dest_down(d, strerror(errno));
	else
		dest_up(d);
}

static int add_datagram(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	const struct dest *d = arg;
	const struct udp *u = d->impl;
	struct ztj_buf msg;
	ztj_buf_init(&msg, SENDER_MESSAGE_MAX);
	int r = dest_message(d, e, leaf, DATAGRAM_MAX, &msg);
	ssize_t n = r == ZTJ_OK ? send(u->fd, msg.p, msg.n, 0) : -1;
	if (r == ZTJ_OK && n < 0 && errno == EMSGSIZE)
		ztj_log(ZTJ_LOG_ERROR, "%s: leaf %llu is too large for a datagram", d->conf.name,
		    (unsigned long long)e->n);
	else if (r == ZTJ_OK && n < 0)
		r = ZTJ_UNREACHABLE;
	ztj_buf_free(&msg);
	return r;
}

/* What did not leave is sent again with all of its batch. */
static void give(struct dest *d, const struct leaves *l, uint64_t upto)
{
	static const struct timeval tv = { .tv_usec = (suseconds_t)PAUSE_MS * 1000 };
	struct udp *u = d->impl;
	u->upto = upto;
	int r = dest_each(d, l, add_datagram, d);
	if (r != ZTJ_OK)
		dest_down(d, r == ZTJ_UNREACHABLE ? strerror(errno) : ztj_err_text(r));
	else if (event_add(u->pause, &tv) != 0)
		dest_down(d, ztj_err_text(ZTJ_NOMEM));
}

static void close_udp(struct dest *d)
{
	struct udp *u = d->impl;
	if (u->fd >= 0)
		(void)close(u->fd);
	u->fd = -1;
	if (u->pause != NULL)
		(void)event_del(u->pause);
}

static void free_udp(struct dest *d)
{
	struct udp *u = d->impl;
	if (u == NULL)
		return;
	close_udp(d);
	if (u->pause != NULL)
		event_free(u->pause);
	free(u);
}

const struct dest_ops dest_udp = { make, open_udp, give, close_udp, free_udp };
