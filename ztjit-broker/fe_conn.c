/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One connection, watched: its place among those of its address, a deadline for every state (W01), the
 * bytes of the request that is arriving, and who its key is. evhttp owns the bufferevent and is never told of
 * deadlines; a connection is ended by shutting its socket, which evhttp sees as end of file.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/frontend.h"

#define HEAD_ROOM ((size_t)32 * 1024)
#define PIPELINE_MAX ((size_t)64 * 1024)
#define UNREAD_MAX ((int64_t)256 * 1024 * 1024)
#define IDENTITY_FRESH_MS 2000
#define SENDING_SECONDS 300
#define USER_TIMEOUT_MS 60000

int64_t fe_now_ms(void)
{
	struct timespec ts;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Fixed indexes of this process into OpenSSL's objects, set once before the first connection. */
static int ex_index = -1;

static int64_t seconds_of(const struct conn *c)
{
	const struct broker_conf *conf = c->fe->conf;
	switch (c->state) {
	case CONN_NEW:
		return 0;
	case CONN_HANDSHAKE:
		return conf->handshake_timeout;
	case CONN_IDLE:
		return conf->idle_timeout;
	case CONN_HEAD:
		return conf->header_timeout;
	case CONN_BODY:
		/* A directory of everybody takes longer than a statement; only registrars send one. */
		return c->kinds & CALLER_REGISTRAR ? 10 * conf->body_timeout : conf->body_timeout;
	case CONN_SENDING:
		return SENDING_SECONDS;
	case CONN_BUSY:
	case CONN_STREAM:
	case CONN_DEAD:
		break;
	}
	return -1;
}

void conn_state(struct conn *c, enum conn_state s)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = s;
	if (s != CONN_HEAD && s != CONN_BODY) {
		c->fe->unread -= (int64_t)c->got;
		c->got = 0;
		c->newlines = 0;
	}
	if (s != CONN_SENDING) {
		c->fe->unsent -= (int64_t)c->unsent;
		c->unsent = 0;
	}
	const struct timeval tv = { .tv_sec = (time_t)seconds_of(c) };
	if (tv.tv_sec >= 0)
		event_add(c->timer, &tv);
	else
		event_del(c->timer);
}

void conn_kill(struct conn *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);
	conn_state(c, CONN_DEAD);
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

/* evhttp has no way to say this before a request is whole; nothing else is being written then. */
static void kill_saying(struct conn *c, const char *status_line)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	    status_line);
	if (n > 0 && (size_t)n < sizeof(text))
		(void)SSL_write(c->ssl, text, n);
	conn_kill(c);
}

static void set_address(struct conn *c, evutil_socket_t fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	const int user_timeout = USER_TIMEOUT_MS, on = 1;
	if (getpeername(fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof(user_timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ss.ss_family == AF_INET6) {
		struct sockaddr_in6 sin6;
		char net[INET6_ADDRSTRLEN];
		memcpy(&sin6, &ss, sizeof(sin6));
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, c->address, sizeof(c->address));
		/* One customer has a whole /64. */
		if (!IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr))
			memset(sin6.sin6_addr.s6_addr + 8, 0, 8);
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, net, sizeof(net));
		(void)snprintf(c->place, sizeof(c->place), "at:%s", net);
	} else {
		struct sockaddr_in sin;
		memcpy(&sin, &ss, sizeof(sin));
		(void)inet_ntop(AF_INET, &sin.sin_addr, c->address, sizeof(c->address));
		(void)snprintf(c->place, sizeof(c->place), "at:%s", c->address);
	}
}

/* The first thing after accept: is there a place for this address? */
static void arrive(struct conn *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);
	const struct broker_conf *conf = c->fe->conf;
	if (fd < 0)
		return;
	set_address(c, fd);
	c->counted = c->place[0] != '\0' && c->fe->connections <= conf->max_connections &&
	    limits_enter(c->fe->places, c->place, conf->max_per_address);
	if (!c->counted) {
		c->fe->count.limited++;
		conn_kill(c);
	} else if (c->state == CONN_NEW) {
		conn_state(c, CONN_HANDSHAKE);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	(void)what;
	if (c->state == CONN_NEW) {
		arrive(c);
		return;
	}
	c->fe->count.timeouts++;
	if (c->fe->conf->debug)
		ztj_log(ZTJ_LOG_DEBUG, "%s: out of time in state %d", c->address, (int)c->state);
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		kill_saying(c, "408 Request Timeout");
	else
		conn_kill(c);
}

/* Finds the empty line that ends a head. */
static bool head_ends(struct conn *c, struct evbuffer *in, size_t added)
{
	struct evbuffer_ptr from;
	struct evbuffer_iovec v[16];
	size_t len = evbuffer_get_length(in);
	if (added > len || evbuffer_ptr_set(in, &from, len - added, EVBUFFER_PTR_SET) != 0)
		return false;
	int n = evbuffer_peek(in, (ev_ssize_t)added, &from, v, 16);
	for (int i = 0; i < n && i < 16; i++) {
		const char *p = v[i].iov_base;
		for (size_t k = 0; k < v[i].iov_len; k++) {
			if (p[k] == '\n') {
				if (++c->newlines == 2)
					return true;
			} else if (p[k] != '\r') {
				c->newlines = 0;
			}
		}
	}
	return false;
}

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;
	if (info->n_added == 0)
		return;
	if (c->state == CONN_BUSY || c->state == CONN_SENDING || c->state == CONN_STREAM) {
		if (evbuffer_get_length(in) > PIPELINE_MAX)
			conn_kill(c);
		return;
	}
	if (c->state == CONN_IDLE)
		conn_state(c, CONN_HEAD);
	if (c->state != CONN_HEAD && c->state != CONN_BODY)
		return;
	c->got += info->n_added;
	c->fe->unread += (int64_t)info->n_added;
	size_t most = HEAD_ROOM + (c->kinds & CALLER_REGISTRAR ? BODY_DIRECTORY_MAX : BODY_MAX);
	if (c->got > most)
		kill_saying(c, "413 Content Too Large");
	else if (c->fe->unread > UNREAD_MAX && !(c->kinds & CALLER_REGISTRAR))
		kill_saying(c, "503 Service Unavailable");
	else if (c->state == CONN_HEAD && head_ends(c, in, info->n_added))
		conn_state(c, CONN_BODY);
}

/* Called by OpenSSL inside the handshake. */
static void on_tls(const SSL *ssl, int where, int ret)
{
	struct conn *c = SSL_get_ex_data(ssl, ex_index);
	(void)ret;
	if (c == NULL || !(where & SSL_CB_HANDSHAKE_DONE))
		return;
	if (c->state == CONN_NEW)
		arrive(c);
	if (c->state != CONN_HANDSHAKE)
		return;
	c->has_tls = fe_tls_peer(ssl, c->tls);
	conn_state(c, CONN_IDLE);
	conn_identify(c);
}

/* The connection goes with its SSL object, whoever freed that. */
static void on_ssl_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct conn *c = ptr;
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (c == NULL)
		return;
	struct asked_item *who = c->who_tag != 0 ? asked_find(c->fe->asked, c->who_tag) : NULL;
	if (who != NULL)
		who->conn = NULL;
	if (c->waiting != NULL)
		evhttp_request_free(c->waiting); /* evhttp let go of it when the connection failed */
	if (c->counted)
		limits_leave(c->fe->places, c->place);
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		c->fe->unread -= (int64_t)c->got;
	c->fe->unsent -= (int64_t)c->unsent;
	if (c->state == CONN_NEW || c->state == CONN_HANDSHAKE)
		c->fe->count.refused_tls++;
	c->fe->connections--;
	event_free(c->timer);
	free(c);
}

int conn_setup(struct frontend *fe)
{
	ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
	if (ex_index < 0)
		return ZTJ_CRYPTO_LIB;
	SSL_CTX_set_info_callback(fe->tls, on_tls);
	return ZTJ_OK;
}

struct bufferevent *conn_new(struct event_base *base, void *arg)
{
	struct frontend *fe = arg;
	const struct timeval at_once = { 0 };
	struct conn *c = calloc(1, sizeof(*c));
	SSL *ssl = SSL_new(fe->tls);
	if (c != NULL)
		c->timer = evtimer_new(base, on_timer, c);
	if (c == NULL || ssl == NULL || c->timer == NULL || SSL_set_ex_data(ssl, ex_index, c) != 1)
		goto failed;
	c->fe = fe;
	c->ssl = ssl;
	fe->connections++;
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		SSL_free(ssl); /* and the connection with it */
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	event_add(c->timer, &at_once);
	return c->bev;
failed:
	if (c != NULL && c->timer != NULL)
		event_free(c->timer);
	free(c);
	SSL_free(ssl);
	return NULL;
}

struct conn *conn_of(struct evhttp_request *req)
{
	struct evhttp_connection *ec = evhttp_request_get_connection(req);
	struct bufferevent *bev = ec == NULL ? NULL : evhttp_connection_get_bufferevent(ec);
	SSL *ssl = bev == NULL ? NULL : bufferevent_openssl_get_ssl(bev);
	return ssl == NULL ? NULL : SSL_get_ex_data(ssl, ex_index);
}

void conn_identify(struct conn *c)
{
	struct ask a = { .op = OP_WHO };
	if (c->who_tag != 0)
		return;
	if (!c->has_tls) {
		c->identified = true;
		c->kinds = CALLER_ANONYMOUS;
		return;
	}
	/* A caller may become known, or somebody else, at any time; the store looks again at every question. This
	 * copy only chooses limits. */
	if (c->identified && fe_now_ms() - c->identified_ms < IDENTITY_FRESH_MS)
		return;
	if (c->identified && c->kinds != CALLER_ANONYMOUS)
		return;
	struct asked_item *item = asked_add(c->fe->asked, ASKED_WHO, &a.tag);
	if (item == NULL)
		return;
	item->conn = c;
	c->identified = false;
	c->who_tag = a.tag;
	if (fe_ask(c->fe, &a, c) != ZTJ_OK)
		conn_kill(c);
}

void conn_identified(struct frontend *fe, uint32_t tag, unsigned kinds, const char *who)
{
	struct asked_item *item = asked_find(fe->asked, tag);
	if (item == NULL || item->kind != ASKED_WHO)
		return;
	struct conn *c = item->conn;
	asked_drop(fe->asked, tag);
	if (c == NULL)
		return;
	c->who_tag = 0;
	c->identified = true;
	c->identified_ms = fe_now_ms();
	c->kinds = kinds;
	(void)snprintf(c->caller, sizeof(c->caller), "%s", who);
	struct evhttp_request *req = c->waiting;
	c->waiting = NULL;
	if (req != NULL)
		http_go_on(c, req);
}
