/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One HTTP request: what is refused at once, the limits of its caller, the question, the answer. */
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/frontend.h"
#include "ztjit-broker/httpstatus.h"

#define PATH_MAX_LEN 256
/* Answers that nobody takes stay in memory: above this, large ones are given to registrars alone. */
#define LINES_PER_MINUTE 120 /* pieces of one host's log */
#define PROOFS_PER_MINUTE \
	20 /* of growth: a host asks once in minutes, and each may cost the store milliseconds */
#define UNSENT_MAX ((int64_t)512 * 1024 * 1024)
#define SMALL ((size_t)16 * 1024)

static void on_complete(struct evhttp_request *req, void *arg)
{
	struct conn *c = conn_of(req);
	(void)arg;
	if (c == NULL || c->state != CONN_SENDING)
		return;
	conn_state(c, CONN_IDLE);
	/* What was sent ahead is a request that has begun. */
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		conn_state(c, CONN_HEAD);
}

static bool too_much(const struct conn *c, size_t n)
{
	return n > SMALL && c->fe->unsent + (int64_t)n > UNSENT_MAX && !(c->kinds & CALLER_REGISTRAR);
}

void http_reply(struct evhttp_request *req, unsigned status, struct ztj_view body)
{
	struct conn *c = conn_of(req);
	if (c != NULL && too_much(c, body.n)) {
		c->fe->count.limited++;
		status = 503;
		body = ztj_view_str(
		    "{\"error\":\"rate-limited\",\"text\":\"too many large answers are on their way\",\"detail\":\"\"}");
	}
	struct evbuffer *out = evbuffer_new();
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	const char *type = body.n > 0 && body.p[0] == '{' ? "application/json"
							  : "text/plain; version=0.0.4; charset=utf-8";
	if (evhttp_find_header(headers, "Content-Type") == NULL)
		evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (out != NULL)
		evbuffer_add(out, body.p, body.n);
	if (c != NULL) {
		conn_state(c, CONN_SENDING);
		c->unsent += body.n;
		c->fe->unsent += (int64_t)body.n;
		evhttp_request_set_on_complete_cb(req, on_complete, NULL);
	}
	evhttp_send_reply(req, (int)status, NULL, out);
	if (out != NULL)
		evbuffer_free(out);
}

static void refuse_status(struct evhttp_request *req, unsigned status, int err, const char *detail)
{
	json_t *body = json_pack("{s:s, s:s, s:s}", "error", ztj_err_name(err), "text", ztj_err_text(err),
	    "detail", detail != NULL ? detail : "");
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	http_reply(req, status, ztj_view_str(text != NULL ? text : "{}"));
	free(text);
	json_decref(body);
}

void http_refuse(struct evhttp_request *req, int err, const char *detail)
{
	refuse_status(req, http_status(err), err, detail);
}

/* Headers that could make two readers see two requests (B06), and bodies we do not open. */
static int check_headers(struct evhttp_request *req, const char **why)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	unsigned lengths = 0, count = 0;
	const struct evkeyval *h;
	for (h = headers->tqh_first; h != NULL; h = h->next.tqe_next) {
		count++;
		lengths += strcasecmp(h->key, "Content-Length") == 0;
		*why = h->key;
		if (strcasecmp(h->key, "Transfer-Encoding") == 0 ||
		    strcasecmp(h->key, "Content-Encoding") == 0 || strcasecmp(h->key, "Trailer") == 0 ||
		    strcasecmp(h->key, "Upgrade") == 0)
			return ZTJ_BAD_ENCODING;
	}
	*why = lengths > 1 ? "Content-Length" : "too many headers";
	return lengths > 1 || count > 64 ? ZTJ_BAD_ENCODING : ZTJ_OK;
}

static int check_type(struct evhttp_request *req, const char *want)
{
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type");
	if (type == NULL)
		return ZTJ_OK;
	size_t n = strcspn(type, ";");
	return n == strlen(want) && strncasecmp(type, want, n) == 0 ? ZTJ_OK : ZTJ_BAD_JSON;
}

static bool method_of(struct evhttp_request *req, enum http_method *out)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		*out = HTTP_GET;
		return true;
	case EVHTTP_REQ_POST:
		*out = HTTP_POST;
		return true;
	case EVHTTP_REQ_DELETE:
		*out = HTTP_DELETE;
		return true;
	case EVHTTP_REQ_HEAD:
	case EVHTTP_REQ_PUT:
	case EVHTTP_REQ_OPTIONS:
	case EVHTTP_REQ_TRACE:
	case EVHTTP_REQ_CONNECT:
	case EVHTTP_REQ_PATCH:
		break;
	}
	return false;
}

/* May this caller ask once more just now? W03: by identity; by address when there is none. */
static bool within_rates(struct conn *c, enum op op, int *retry_s)
{
	const struct broker_conf *conf = c->fe->conf;
	struct limit_rate rate = { conf->rate_anonymous, conf->rate_anonymous / 2 + 10 };
	char name[ZTJ_FULLNAME_SIZE + 24];
	if (c->kinds == CALLER_ANONYMOUS)
		return limits_take(c->fe->rates, c->place, rate, fe_now_ms(), retry_s);
	rate.per_minute = conf->rate_identity * 60;
	rate.burst = conf->rate_identity * 4;
	/* A registrar has no name: the TLS key of the login stands for the person. */
	if (c->caller[0] != '\0')
		(void)snprintf(name, sizeof(name), "who:%u:%s", c->kinds & CALLER_HOST, c->caller);
	else
		(void)snprintf(name, sizeof(name), "reg:%02x%02x%02x%02x%02x%02x", c->tls[0], c->tls[1],
		    c->tls[2], c->tls[3], c->tls[4], c->tls[5]);
	if (!limits_take(c->fe->rates, name, rate, fe_now_ms(), retry_s))
		return false;
	/* What is in the audit log stays: the owner of one host must not fill the disk of all. */
	if (op == OP_DECISIONS_PUT || op == OP_LOG_GROWTH) {
		int64_t most = op == OP_LOG_GROWTH ? PROOFS_PER_MINUTE : LINES_PER_MINUTE;
		rate = (struct limit_rate){ most, most };
		memmove(name, op == OP_LOG_GROWTH ? "gro" : "log", 3);
		return limits_take(c->fe->rates, name, rate, fe_now_ms(), retry_s);
	}
	if (op != OP_STATEMENT_PUT && op != OP_PENDING_PUT && op != OP_STEPUP_PUT && op != OP_VIEW_PUT &&
	    op != OP_STANDING_PUT && op != OP_CERTIFICATE)
		return true;
	rate.per_minute = conf->rate_statements;
	rate.burst = conf->rate_statements / 2 + 10;
	/* What a host gives back does not keep anybody's step-up waiting. */
	memmove(name, op == OP_STATEMENT_PUT && (c->kinds & CALLER_HOST) != 0 ? "bak" : "put", 3);
	return limits_take(c->fe->rates, name, rate, fe_now_ms(), retry_s);
}

int fe_ask(struct frontend *fe, struct ask *a, const struct conn *c)
{
	struct ztj_buf msg;
	if (c->has_tls)
		a->tls = ztj_view_of(c->tls, sizeof(c->tls));
	memcpy(a->address, c->address, sizeof(a->address));
	ztj_buf_init(&msg, PROTO_BODY_MAX);
	int r = ask_write(a, &msg);
	if (r == ZTJ_OK)
		r = chan_send(fe->store, (uint8_t)a->op, ztj_buf_view(&msg));
	ztj_buf_free(&msg);
	return r;
}

static bool metrics_allowed(const struct conn *c)
{
	const struct ztj_conf_list *from = &c->fe->conf->metrics_from;
	if (strcmp(c->address, "127.0.0.1") == 0 || strcmp(c->address, "::1") == 0)
		return true;
	for (size_t i = 0; i < from->n; i++)
		if (strcmp(from->s[i], c->address) == 0)
			return true;
	return false;
}

static void limited(struct conn *c, struct evhttp_request *req, int retry_s)
{
	char text[16];
	c->fe->count.limited++;
	(void)snprintf(text, sizeof(text), "%d", retry_s);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", text);
	http_refuse(req, ZTJ_RATE_LIMITED, NULL);
}

static void put_question(struct conn *c, struct evhttp_request *req, struct ask *a)
{
	if (a->op == OP_STREAM_OPEN) {
		stream_open(c, req, a);
		return;
	}
	struct asked_item *item = asked_add(c->fe->asked, ASKED_REQUEST, &a->tag);
	if (item == NULL) {
		http_refuse(req, ZTJ_NOMEM, NULL);
		return;
	}
	item->req = req;
	item->op = a->op;
	if (fe_ask(c->fe, a, c) == ZTJ_OK)
		return;
	asked_drop(c->fe->asked, a->tag);
	http_refuse(req, ZTJ_UNREACHABLE, NULL);
}

static void decide(struct conn *c, struct evhttp_request *req, const struct http_in *in)
{
	struct route_mem mem;
	struct ask a;
	int retry_s;
	route_mem_init(&mem);
	int r = route(in, &a, &mem);
	if (r == ZTJ_STATE && a.op == OP_NONE) {
		refuse_status(req, 405, ZTJ_STATE, "not with this method");
	} else if (!within_rates(c, a.op, &retry_s)) {
		limited(c, req, retry_s);
	} else if (r != ZTJ_OK) {
		http_refuse(req, r, NULL);
	} else if (a.op == OP_NONE) {
		http_reply(req, 200, ztj_view_str("ok\n"));
	} else if (a.op == OP_METRICS && !metrics_allowed(c)) {
		http_refuse(req, ZTJ_FORBIDDEN, NULL);
	} else {
		put_question(c, req, &a);
	}
	route_mem_free(&mem);
}

void http_go_on(struct conn *c, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(body);
	struct http_in in = { .path = path };
	const char *why = NULL;
	int r = check_headers(req, &why);
	if (r == ZTJ_OK && (path == NULL || strlen(path) > PATH_MAX_LEN || evhttp_uri_get_host(uri) != NULL))
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = check_type(req,
		    route_takes_chunks(path) ? "application/octet-stream" : "application/json");
	/* lines of JSON are both */
	if (r == ZTJ_BAD_JSON && route_takes_lines(path))
		r = check_type(req, "application/json");
	if (r == ZTJ_OK && n > BODY_MAX && !((c->kinds & CALLER_REGISTRAR) && route_takes_directory(path)))
		r = ZTJ_TOO_LARGE;
	if (r != ZTJ_OK) {
		/* After such a request nobody can say where the next one begins. */
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
		http_refuse(req, r, why);
		return;
	}
	if (!method_of(req, &in.method)) {
		refuse_status(req, 405, ZTJ_STATE, "not with this method");
		return;
	}
	in.query = evhttp_uri_get_query(uri);
	in.body = ztj_view_of(n == 0 ? NULL : evbuffer_pullup(body, -1), n);
	decide(c, req, &in);
}

void http_request(struct evhttp_request *req, void *arg)
{
	struct frontend *fe = arg;
	struct conn *c = conn_of(req);
	fe->count.requests++;
	if (c == NULL) {
		http_refuse(req, ZTJ_INTERNAL, NULL);
		return;
	}
	conn_state(c, CONN_BUSY);
	conn_identify(c);
	if (c->identified)
		http_go_on(c, req);
	else if (c->who_tag != 0)
		c->waiting = req;
	else
		http_refuse(req, ZTJ_NOMEM, NULL);
}

/* The store's words about itself, with ours before them. */
static void add_metrics(const struct frontend *fe, struct ztj_view body, struct ztj_buf *out)
{
	ztj_buf_printf(out,
	    "# HELP ztjit_connections open connections\n# TYPE ztjit_connections gauge\nztjit_connections %lld\n"
	    "# HELP ztjit_http_requests_total requests\n# TYPE ztjit_http_requests_total counter\nztjit_http_requests_total %llu\n"
	    "# HELP ztjit_timeouts_total connections out of time\n# TYPE ztjit_timeouts_total counter\nztjit_timeouts_total %llu\n"
	    "# HELP ztjit_limited_total requests and connections over a limit\n# TYPE ztjit_limited_total counter\n"
	    "ztjit_limited_total %llu\n"
	    "# HELP ztjit_tls_refused_total connections that failed before they were secured\n"
	    "# TYPE ztjit_tls_refused_total counter\nztjit_tls_refused_total %llu\n",
	    (long long)fe->connections, (unsigned long long)fe->count.requests,
	    (unsigned long long)fe->count.timeouts, (unsigned long long)fe->count.limited,
	    (unsigned long long)fe->count.refused_tls);
	ztj_buf_put(out, body.p, body.n);
}

int http_answer(struct frontend *fe, struct ztj_view body)
{
	struct reply rep;
	struct ztj_buf text;
	int r = reply_read(body, &rep);
	if (r != ZTJ_OK)
		return r;
	struct asked_item *item = asked_find(fe->asked, rep.tag);
	if (item == NULL || item->kind == ASKED_WHO)
		return ZTJ_PROTOCOL;
	struct evhttp_request *req = item->req;
	enum op op = item->op;
	struct conn *c = conn_of(req);
	if (item->kind == ASKED_STREAM && item->caller[0] != '\0')
		limits_leave(fe->places, item->caller);
	asked_drop(fe->asked, rep.tag);
	/* A login makes the connection somebody. */
	if (op == OP_STATEMENT_PUT && rep.status < 300 && c != NULL && c->kinds == CALLER_ANONYMOUS)
		c->identified_ms = 0;
	if (op == OP_LOG_TILE && rep.status == 200)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
		    "application/octet-stream");
	if (op == OP_LOG_CHECKPOINT && rep.status == 200)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
		    "text/plain; charset=utf-8");
	if (rep.status == 429)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", "5");
	if (op != OP_METRICS || rep.status != 200) {
		http_reply(req, rep.status, rep.body);
		return ZTJ_OK;
	}
	ztj_buf_init(&text, (size_t)256 * 1024);
	add_metrics(fe, rep.body, &text);
	http_reply(req, 200, ztj_buf_view(&text));
	ztj_buf_free(&text);
	return ZTJ_OK;
}
