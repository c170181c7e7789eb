/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* B03, B06, W02 from the other side: a broker that breaks HTTP, JSON and TLS. */
#include "tests/hostile/liar.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

enum how {
	LINE,
	LONG_LINE,
	DEEP_LINE,
	STATUS,
	RAW,
	RAW_FLOOD,
	TLS,
	FETCH_STATUS,
	FETCH_BODY,
	FETCH_DEEP,
	FETCH_LONG,
	FETCH_RAW
};

struct lie_http {
	const char *name;
	enum how how;
	int code;
	const char *text;
};

#define STATEMENT "{\"event\":\"statement\",\"statement\":"

static const struct lie_http lies[] = {
	{ "line-of-garbage", LINE, 0, "}{ \x01\xff not json" },
	{ "line-without-event", LINE, 0, "{\"seq\":1}" },
	{ "event-is-a-number", LINE, 0, "{\"event\":5}" },
	{ "event-unheard-of", LINE, 0, "{\"event\":\"shutdown\",\"seq\":18446744073709551615}" },
	{ "line-is-a-list", LINE, 0, "[1,2,3]" },
	{ "duplicate-members", LINE, 0, "{\"event\":\"status\",\"event\":\"statement\"}" },
	{ "statement-is-a-number", LINE, 0, STATEMENT "7,\"signatures\":[]}" },
	{ "statement-not-base64", LINE, 0, STATEMENT "\"%%%\",\"signatures\":[]}" },
	{ "statement-without-signatures", LINE, 0, STATEMENT "\"e30=\"}" },
	{ "signatures-are-text", LINE, 0, STATEMENT "\"e30=\",\"signatures\":\"none\"}" },
	{ "signature-not-armoured", LINE, 0, STATEMENT "\"e30=\",\"signatures\":[\"AAAA\"]}" },
	{ "stepup-of-nothing", LINE, 0, "{\"event\":\"stepup\",\"statement\":\"e30=\",\"signatures\":[]}" },
	{ "directory-with-a-path", LINE, 0,
	    "{\"event\":\"directory\",\"name\":\"../../etc/passwd\",\"serial\":9}" },
	{ "line-without-end", LONG_LINE, 400, NULL },
	{ "line-of-brackets", DEEP_LINE, 100, NULL },
	{ "stream-404", STATUS, 404, "{}" },
	{ "stream-500", STATUS, 500, "<html>" },
	{ "stream-204", STATUS, 204, "" },
	{ "stream-redirected", RAW, 0,
	    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n" },
	{ "stream-not-http", RAW, 0, "SSH-2.0-OpenSSH_9.2p1\r\n" },
	{ "stream-two-lengths", RAW, 0,
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx" },
	{ "stream-negative-length", RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}\n" },
	{ "stream-compressed", RAW, 0,
	    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabc\n" },
	{ "stream-http-0.9", RAW, 0, "{\"event\":\"policy\"}\n" },
	{ "stream-of-headers", RAW_FLOOD, 600, NULL },
	{ "tls-another-key", TLS, 1, NULL },
	{ "tls-1.2", TLS, 2, NULL },
	{ "no-tls", TLS, 3, NULL },
	{ "policy-404", FETCH_STATUS, 404, "{}" },
	{ "policy-empty", FETCH_BODY, 200, "" },
	{ "policy-garbage", FETCH_BODY, 200, "\x01\x02\x03" },
	{ "policy-is-a-list", FETCH_BODY, 200, "[]" },
	{ "policy-of-brackets", FETCH_DEEP, 100, NULL },
	{ "policy-of-megabytes", FETCH_LONG, 6144, NULL },
	{ "policy-cut-short", FETCH_RAW, 0,
	    "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"statement\":" },
	{ "policy-redirected", FETCH_RAW, 0,
	    "HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n" },
};

unsigned liar_http_count(void)
{
	return sizeof(lies) / sizeof(lies[0]);
}

const char *liar_http_name(unsigned i)
{
	return lies[i].name;
}

unsigned liar_http_tls(unsigned i)
{
	return lies[i].how == TLS ? (unsigned)lies[i].code : 0;
}

bool liar_http_silent(unsigned i)
{
	return lies[i].how == STATUS || lies[i].how == RAW || lies[i].how == RAW_FLOOD || lies[i].how == TLS;
}

const char *liar_http_event(unsigned i)
{
	return lies[i].how >= FETCH_STATUS ? "{\"event\":\"policy\",\"version\":3}" : NULL;
}

static void fill(struct evbuffer *b, char c, int kib)
{
	char block[1024];

	memset(block, c, sizeof(block));
	for (int k = 0; k < kib; k++)
		(void)evbuffer_add(b, block, sizeof(block));
}

static void written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	evhttp_connection_free(arg);
}

static void broken(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	written(bev, arg);
}

/* Straight onto the connection, which ends once it is written. */
static void raw(struct evhttp_request *req, struct evbuffer *b)
{
	struct evhttp_connection *ec = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(ec);
	const struct timeval patience = { .tv_sec = 3 };

	bufferevent_setcb(bev, NULL, written, broken, ec);
	bufferevent_set_timeouts(bev, &patience, &patience);
	(void)bufferevent_enable(bev, EV_WRITE);
	(void)bufferevent_write_buffer(bev, b);
}

static void raw_text(struct evhttp_request *req, const struct lie_http *lie)
{
	struct evbuffer *b = evbuffer_new();

	if (lie->how == RAW_FLOOD) {
		(void)evbuffer_add_printf(b, "HTTP/1.1 200 OK\r\n");
		for (int k = 0; k < lie->code * 16; k++)
			(void)evbuffer_add_printf(b, "X-Header-%d: %064d\r\n", k, k);
	} else {
		(void)evbuffer_add(b, lie->text, strlen(lie->text));
	}
	raw(req, b);
	evbuffer_free(b);
}

static void reply(struct evhttp_request *req, int code, struct evbuffer *b)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/html");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	evhttp_send_reply(req, code, "As It Is", b);
}

bool liar_http_stream(struct liar *l, unsigned i, struct evhttp_request *req)
{
	const struct lie_http *lie = &lies[i];
	struct evbuffer *b;

	(void)l;
	if (lie->how == RAW || lie->how == RAW_FLOOD) {
		raw_text(req, lie);
		return true;
	}
	b = evbuffer_new();
	switch (lie->how) {
	case LINE:
		(void)evbuffer_add_printf(b, "%s\n", lie->text);
		break;
	case LONG_LINE:
		fill(b, 'a', lie->code);
		break;
	case DEEP_LINE:
		fill(b, '[', lie->code);
		(void)evbuffer_add(b, "\n", 1);
		break;
	case STATUS:
		(void)evbuffer_add(b, lie->text, strlen(lie->text));
		break;
	case RAW:
	case RAW_FLOOD:
	case TLS:
	case FETCH_STATUS:
	case FETCH_BODY:
	case FETCH_DEEP:
	case FETCH_LONG:
	case FETCH_RAW:
	default:
		break;
	}
	reply(req, lie->how == STATUS ? lie->code : 200, b);
	evbuffer_free(b);
	return true;
}

bool liar_http_fetch(struct liar *l, unsigned i, struct evhttp_request *req)
{
	const struct lie_http *lie = &lies[i];
	struct evbuffer *b;

	(void)l;
	if (lie->how == FETCH_RAW) {
		raw_text(req, lie);
		return true;
	}
	b = evbuffer_new();
	if (lie->how == FETCH_DEEP || lie->how == FETCH_LONG)
		fill(b, lie->how == FETCH_DEEP ? '[' : 'a', lie->code);
	else
		(void)evbuffer_add(b, lie->text, strlen(lie->text));
	reply(req, lie->how == FETCH_STATUS || lie->how == FETCH_BODY ? lie->code : 200, b);
	evbuffer_free(b);
	return true;
}
