/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/sd_post.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ztjit-broker/sd_net.h"

struct posting {
	struct post p;
	struct evhttp_connection *con;
	struct bufferevent *bev; /* of con */
	struct event *end;       /* evhttp may not lose its connection while it calls us; and the deadline */
	bool answered;           /* or it is clear that there is no answer */
	int status;
	struct ztj_buf answer;
	char why[NET_WHY_SIZE];
};

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct posting *g = arg;
	(void)fd;
	(void)what;
	if (!g->answered)
		(void)snprintf(g->why, sizeof(g->why), "no answer in time");
	g->p.done(g->p.arg, g->status, ztj_buf_view(&g->answer), g->why);
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	static const char *const text[] = { [EVREQ_HTTP_TIMEOUT] = "no answer in time",
		[EVREQ_HTTP_EOF] = "it closed the connection without an answer",
		[EVREQ_HTTP_INVALID_HEADER] = "its answer is no HTTP",
		[EVREQ_HTTP_BUFFER_ERROR] = "the connection broke",
		[EVREQ_HTTP_REQUEST_CANCEL] = "given up",
		[EVREQ_HTTP_DATA_TOO_LONG] = "its answer is too long" };
	struct posting *g = arg;
	const char *why = net_distrust(g->bev);
	if (why == NULL && (unsigned)error < sizeof(text) / sizeof(text[0]))
		why = text[error];
	(void)snprintf(g->why, sizeof(g->why), "%s", why != NULL ? why : "the connection broke");
}

static void on_answer(struct evhttp_request *req, void *arg)
{
	struct posting *g = arg;
	struct evbuffer *in = req == NULL ? NULL : evhttp_request_get_input_buffer(req);
	g->status = req == NULL ? 0 : evhttp_request_get_response_code(req);
	if (in != NULL && ztj_buf_put(&g->answer, evbuffer_pullup(in, -1), evbuffer_get_length(in)) != ZTJ_OK)
		g->status = 0;
	if (g->status == 0 && g->why[0] == '\0')
		(void)net_why(g->bev, g->why);
	g->answered = true;
	event_active(g->end, EV_TIMEOUT, 0);
}

static int add_headers(const struct post *p, struct evhttp_request *req)
{
	struct evkeyvalq *to = evhttp_request_get_output_headers(req);
	char host[DEST_HOST_SIZE + 16];
	bool v6 = strchr(p->conf->host, ':') != NULL;
	(void)snprintf(host, sizeof(host), "%s%s%s:%u", v6 ? "[" : "", p->conf->host, v6 ? "]" : "",
	    p->conf->port);
	if (p->conf->port == 443)
		*strrchr(host, ':') = '\0';
	int bad = evhttp_add_header(to, "Host", host) != 0 ||
	    evhttp_add_header(to, "Connection", "close") != 0 ||
	    evhttp_add_header(to, "User-Agent", "ztjit-broker/" PACKAGE_VERSION) != 0;
	for (size_t i = 0; i < p->nheaders; i++)
		bad |= evhttp_add_header(to, p->headers[i].name, p->headers[i].value) != 0;
	return bad ? ZTJ_NOMEM : ZTJ_OK;
}

static int connect_to(struct posting *g)
{
	const struct post *p = &g->p;
	g->bev = net_new(p->base, p->conf, p->tls);
	if (g->bev == NULL)
		return ZTJ_NOMEM;
	g->con = evhttp_connection_base_bufferevent_new(p->base, p->dns, g->bev, p->conf->host,
	    p->conf->port);
	if (g->con == NULL) {
		bufferevent_free(g->bev);
		return ZTJ_NOMEM;
	}
	evhttp_connection_set_timeout(g->con, POST_SECONDS);
	evhttp_connection_set_retries(g->con, 0);
	evhttp_connection_set_max_headers_size(g->con, (ev_ssize_t)POST_ANSWER_MAX);
	evhttp_connection_set_max_body_size(g->con, (ev_ssize_t)POST_ANSWER_MAX);
	return ZTJ_OK;
}

static int ask(struct posting *g)
{
	struct evhttp_request *req = evhttp_request_new(on_answer, g);
	if (req == NULL)
		return ZTJ_NOMEM;
	evhttp_request_set_error_cb(req, on_error);
	int r = add_headers(&g->p, req);
	if (r == ZTJ_OK && evbuffer_add(evhttp_request_get_output_buffer(req), g->p.body.p, g->p.body.n) != 0)
		r = ZTJ_NOMEM;
	if (r != ZTJ_OK) {
		evhttp_request_free(req);
		return r;
	}
	/* Whether or not it can be made, the request is the connection's from here on. */
	return evhttp_make_request(g->con, req, EVHTTP_REQ_POST, g->p.path) == 0 ? ZTJ_OK : ZTJ_UNREACHABLE;
}

int post_start(const struct post *p, struct posting **out)
{
	static const struct timeval deadline = { .tv_sec = POST_SECONDS };
	struct posting *g = calloc(1, sizeof(*g));
	*out = NULL;
	if (g == NULL)
		return ZTJ_NOMEM;
	g->p = *p;
	ztj_buf_init(&g->answer, POST_ANSWER_MAX);
	g->end = evtimer_new(p->base, on_end, g);
	int r = g->end == NULL || event_add(g->end, &deadline) != 0 ? ZTJ_NOMEM : connect_to(g);
	if (r == ZTJ_OK)
		r = ask(g);
	if (r == ZTJ_OK)
		*out = g;
	else
		post_free(g);
	return r;
}

void post_free(struct posting *g)
{
	if (g == NULL)
		return;
	if (g->con != NULL)
		evhttp_connection_free(g->con);
	if (g->end != NULL)
		event_free(g->end);
	ztj_buf_free(&g->answer);
	free(g);
}
