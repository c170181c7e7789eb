/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The frontend: the one process that reads the network. It holds the TLS key and nothing else; it parses
 * HTTP and JSON into typed questions and asks the store. libevent's evhttp has no deadlines and no limits of
 * its own that hold against somebody who wants to hurt (FACTS): fe_conn.c watches every connection itself.
 */
#ifndef ZTJ_BROKER_FRONTEND_H
#define ZTJ_BROKER_FRONTEND_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "ztjit-broker/chan.h"
#include "ztjit-broker/conf.h"
#include "ztjit-broker/fe_limit.h"
#include "ztjit-broker/fe_route.h"

#define FE_LISTENERS_MAX 16

struct asked;

struct frontend {
	const struct broker_conf *conf;
	struct event_base *base;
	struct evhttp *http;
	SSL_CTX *tls;
	struct chan *store;
	struct limits *rates;    /* requests by caller */
	struct limits *places;   /* connections by address, streams by caller */
	struct asked *asked;     /* questions and streams by tag */
	int64_t connections;
	int64_t unread;          /* bytes of requests that are still arriving */
	int64_t unsent;          /* bytes of answers that are on their way */
	struct {
		uint64_t requests, refused_tls, timeouts, limited;
	} count;
};

/* Where a connection stands; each has a deadline. */
enum conn_state { CONN_NEW, CONN_HANDSHAKE, CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_BUSY, CONN_SENDING, CONN_STREAM, CONN_DEAD };

struct conn {
	struct frontend *fe;
	struct bufferevent *bev;
	SSL *ssl;
	struct event *timer;
	enum conn_state state;
	bool counted;            /* among the connections of its address */
	char address[INET6_ADDRSTRLEN];
	char place[INET6_ADDRSTRLEN + 8]; /* the address, or its /64 */
	bool has_tls;
	uint8_t tls[PROTO_TLS_LEN];
	/* what the store said this key is */
	bool identified;
	uint32_t who_tag;        /* question under way, 0: none */
	int64_t identified_ms;
	unsigned kinds;          /* enum caller_kind */
	char caller[ZTJ_FULLNAME_SIZE + 8];
	size_t got;              /* bytes of the request that is arriving */
	size_t unsent;           /* bytes of the answer that is on its way */
	unsigned newlines;       /* how far the end of its head is recognised */
	uint32_t stream_tag;     /* the stream it carries, 0: none */
	struct evhttp_request *waiting; /* until the caller is identified */
};

/* --- fe_tls.c --- */
/* TLS 1.3, Ed25519 on both sides, no resumption. Reads DIRECTORY/frontend/tls.key. */
int fe_tls_new(const struct broker_conf *conf, const struct ztj_key *pub, SSL_CTX **out) ZTJ_MUST_CHECK;
/* The client's key, when it showed one. */
bool fe_tls_peer(const SSL *ssl, uint8_t key[PROTO_TLS_LEN]);

/* --- fe_conn.c --- */
int conn_setup(struct frontend *fe) ZTJ_MUST_CHECK;
struct bufferevent *conn_new(struct event_base *base, void *fe);
struct conn *conn_of(struct evhttp_request *req);
void conn_state(struct conn *c, enum conn_state s);
void conn_kill(struct conn *c);
/* Asks the store who this is, unless that is known and fresh. */
void conn_identify(struct conn *c);
void conn_identified(struct frontend *fe, uint32_t tag, unsigned kinds, const char *who);
int64_t fe_now_ms(void);

/* --- fe_asked.c: what the store still owes an answer to --- */
enum asked_kind { ASKED_REQUEST = 1, ASKED_WHO, ASKED_STREAM };
struct asked_item {
	enum asked_kind kind;
	struct evhttp_request *req;
	struct conn *conn;       /* WHO: the connection; NULL once it is gone */
	enum op op;
	/* streams */
	bool started, more, closed;
	size_t queued;
	char caller[ZTJ_FULLNAME_SIZE + 8];
};
int asked_new(struct asked **out) ZTJ_MUST_CHECK;
void asked_free(struct asked *a);
/* NULL when too much is under way. */
struct asked_item *asked_add(struct asked *a, enum asked_kind kind, uint32_t *tag);
struct asked_item *asked_find(struct asked *a, uint32_t tag);
void asked_drop(struct asked *a, uint32_t tag);

/* --- fe_http.c --- */
void http_request(struct evhttp_request *req, void *fe);
/* Goes on with a request whose caller is known now. */
void http_go_on(struct conn *c, struct evhttp_request *req);
void http_reply(struct evhttp_request *req, unsigned status, struct ztj_view body);
void http_refuse(struct evhttp_request *req, int err, const char *detail);
int fe_ask(struct frontend *fe, struct ask *a, const struct conn *c) ZTJ_MUST_CHECK;
/* The store's answer to a question. */
int http_answer(struct frontend *fe, struct ztj_view body) ZTJ_MUST_CHECK;

/* --- fe_stream.c --- */
void stream_open(struct conn *c, struct evhttp_request *req, struct ask *a);
int stream_lines(struct frontend *fe, struct ztj_view body) ZTJ_MUST_CHECK;
int stream_fanout(struct frontend *fe, struct ztj_view body) ZTJ_MUST_CHECK;
int stream_end(struct frontend *fe, struct ztj_view body) ZTJ_MUST_CHECK;

/* The process. */
struct frontend_fds { int listener[FE_LISTENERS_MAX]; size_t n; int store, control, ready; };
int frontend_main(const struct broker_conf *conf, const struct frontend_fds *fds);

#endif
