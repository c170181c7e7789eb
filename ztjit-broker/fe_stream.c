/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Long-lived answers. The store decides what stands on each; here lines are passed on, and a client
 * that does not take them is let go (it comes back with its last seq).
 */
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "ztjit-broker/frontend.h"

#define BEHIND_MAX ((size_t)1024 * 1024)
#define STREAMS_MAX_IDS 300000u

static void tell_store(struct frontend *fe, enum op op, uint32_t tag)
{
	struct ask a = { .op = op, .tag = tag };
	struct ztj_buf msg;
	ztj_buf_init(&msg, 256);
	if (ask_write(&a, &msg) == ZTJ_OK && chan_send(fe->store, (uint8_t)op, ztj_buf_view(&msg)) != ZTJ_OK)
		event_base_loopbreak(fe->base);
	ztj_buf_free(&msg);
}

static void forget(struct frontend *fe, uint32_t tag, const struct asked_item *item)
{
	if (item->caller[0] != '\0')
		limits_leave(fe->places, item->caller);
	asked_drop(fe->asked, tag);
}

static void on_gone(struct evhttp_connection *ec, void *arg)
{
	struct conn *c = arg;
	struct frontend *fe = c->fe;
	uint32_t tag = c->stream_tag;
	(void)ec;
	struct asked_item *item = tag == 0 ? NULL : asked_find(fe->asked, tag);
	if (item == NULL || item->kind != ASKED_STREAM)
		return;
	if (!item->started) {
		item->closed = true; /* the store still owes an answer */
		return;
	}
	struct evhttp_request *req = item->req;
	tell_store(fe, OP_STREAM_CLOSE, tag);
	forget(fe, tag, item);
	evhttp_send_reply_end(req); /* without a connection this frees it */
}

static bool enter(struct conn *c, struct asked_item *item)
{
	int n = snprintf(item->caller, sizeof(item->caller), "st:%s", c->caller);
	if (n > 0 && (size_t)n < sizeof(item->caller) &&
	    limits_enter(c->fe->places, item->caller, c->fe->conf->max_streams))
		return true;
	item->caller[0] = '\0';
	return false;
}

void stream_open(struct conn *c, struct evhttp_request *req, struct ask *a)
{
	struct frontend *fe = c->fe;
	struct asked_item *item = asked_add(fe->asked, ASKED_STREAM, &a->tag);
	if (item == NULL) {
		http_refuse(req, ZTJ_NOMEM, NULL);
		return;
	}
	item->req = req;
	item->op = OP_STREAM_OPEN;
	if (c->kinds != CALLER_ANONYMOUS && !enter(c, item)) {
		asked_drop(fe->asked, a->tag);
		evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", "10");
		http_refuse(req, ZTJ_RATE_LIMITED, "too many streams");
		return;
	}
	if (fe_ask(fe, a, c) != ZTJ_OK) {
		forget(fe, a->tag, item);
		http_refuse(req, ZTJ_UNREACHABLE, NULL);
		return;
	}
	c->stream_tag = a->tag;
	/* The connection outlives its callbacks: it goes with the SSL object, after evhttp's part. */
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, c);
}

static void start(struct asked_item *item)
{
	struct conn *c = conn_of(item->req);
	struct evhttp_connection *ec = evhttp_request_get_connection(item->req);
	item->started = true;
	if (c != NULL)
		conn_state(c, CONN_STREAM);
	/* evhttp's own time-outs would end an idle stream. */
	if (ec != NULL) {
		evhttp_connection_set_timeout(ec, 0);
		bufferevent_set_timeouts(evhttp_connection_get_bufferevent(ec), NULL, NULL);
	}
	evhttp_add_header(evhttp_request_get_output_headers(item->req), "Content-Type",
	    "application/x-ndjson");
	evhttp_add_header(evhttp_request_get_output_headers(item->req), "Cache-Control", "no-store");
	evhttp_send_reply_start(item->req, 200, NULL);
}

static void on_taken(struct evhttp_connection *ec, void *arg)
{
	struct conn *c = arg;
	(void)ec;
	struct asked_item *item = c->stream_tag == 0 ? NULL : asked_find(c->fe->asked, c->stream_tag);
	if (item == NULL || !item->more)
		return;
	item->more = false;
	tell_store(c->fe, OP_STREAM_MORE, c->stream_tag);
}

static void pass_on(struct asked_item *item, struct ztj_view lines)
{
	struct conn *c = conn_of(item->req);
	struct evbuffer *out = evbuffer_new();
	if (c == NULL || c->state != CONN_STREAM || out == NULL) {
		if (out != NULL)
			evbuffer_free(out);
		return;
	}
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > BEHIND_MAX) {
		conn_kill(c);
		evbuffer_free(out);
		return;
	}
	evbuffer_add(out, lines.p, lines.n);
	if (item->more)
		evhttp_send_reply_chunk_with_cb(item->req, out, on_taken, c);
	else
		evhttp_send_reply_chunk(item->req, out);
	evbuffer_free(out);
}

int stream_lines(struct frontend *fe, struct ztj_view body)
{
	struct ztj_rd rd;
	struct ztj_view lines;
	uint32_t tag;
	uint8_t more;
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &tag);
	if (r == ZTJ_OK)
		r = ztj_rd_u8(&rd, &more);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, PROTO_BODY_MAX, &lines);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	struct asked_item *item = r == ZTJ_OK ? asked_find(fe->asked, tag) : NULL;
	if (item == NULL || item->kind != ASKED_STREAM)
		return r; /* gone in between */
	if (item->closed) {
		struct evhttp_request *req = item->req;
		tell_store(fe, OP_STREAM_CLOSE, tag);
		forget(fe, tag, item);
		evhttp_send_reply(req, 200, NULL, NULL);
		return r;
	}
	if (!item->started)
		start(item);
	item->more = more != 0;
	if (lines.n > 0) {
		pass_on(item, lines);
	} else if (item->more) {
		item->more = false;
		tell_store(fe, OP_STREAM_MORE, tag);
	}
	return r;
}

int stream_fanout(struct frontend *fe, struct ztj_view body)
{
	struct ztj_rd rd, ids;
	struct ztj_view raw, line;
	uint32_t n, tag;
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &n);
	if (r == ZTJ_OK && n > STREAMS_MAX_IDS)
		r = ZTJ_TOO_LARGE;
	if (r == ZTJ_OK)
		r = ztj_rd_bytes(&rd, (size_t)n * 4, &raw);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, PROTO_BODY_MAX, &line);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r != ZTJ_OK)
		return r;
	ztj_rd_init(&ids, raw);
	while (ztj_rd_u32(&ids, &tag) == ZTJ_OK) {
		struct asked_item *item = asked_find(fe->asked, tag);
		if (item != NULL && item->kind == ASKED_STREAM && item->started)
			pass_on(item, line);
	}
	return ZTJ_OK;
}

int stream_end(struct frontend *fe, struct ztj_view body)
{
	struct ztj_rd rd;
	uint32_t tag;
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &tag);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	struct asked_item *item = r == ZTJ_OK ? asked_find(fe->asked, tag) : NULL;
	if (item == NULL || item->kind != ASKED_STREAM)
		return r;
	struct conn *c = conn_of(item->req);
	if (item->started) {
		struct evhttp_request *req = item->req;
		forget(fe, tag, item);
		if (c != NULL)
			conn_state(c, CONN_SENDING);
		evhttp_send_reply_end(req);
		if (c != NULL)
			conn_kill(c);
	} else {
		struct evhttp_request *req = item->req;
		forget(fe, tag, item);
		http_refuse(req, ZTJ_STATE, NULL);
	}
	return r;
}
