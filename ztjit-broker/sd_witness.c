/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/sd_witness.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/askproto.h"
#include "ztjit-broker/sd_net.h"
#include "ztjit-broker/sd_post.h"

#define ASK_SECONDS 20 /* from the beginning to the last byte, however slowly they come */
#define ASKED_MAX 16   /* at once */

struct asked {
	struct askers *all;
	uint32_t tag;
	struct dest_conf to;
	struct posting *post;
	struct event *late;
};

struct askers {
	struct sender *sd;
	struct dest_conf believe; /* the certificates that may have issued those of witnesses */
	SSL_CTX *tls;
	struct asked *open[ASKED_MAX];
};

int askers_new(struct sender *sd, struct askers **out)
{
	struct askers *a = calloc(1, sizeof(*a));
	*out = a;
	if (a == NULL)
		return ZTJ_NOMEM;
	a->sd = sd;
	a->believe.kind = DEST_HTTPS;
	(void)snprintf(a->believe.name, sizeof(a->believe.name), "witnesses");
	(void)snprintf(a->believe.ca, sizeof(a->believe.ca), "%s", sd->conf->witness_ca);
	int r = net_tls_new(&a->believe, &a->tls);
	/* Where there is none, those are asked that need none. */
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static void drop(struct asked *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < ASKED_MAX; i++)
		if (q->all->open[i] == q)
			q->all->open[i] = NULL;
	post_free(q->post);
	if (q->late != NULL)
		event_free(q->late);
	free(q);
}

void askers_free(struct askers *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < ASKED_MAX; i++)
		drop(a->open[i]);
	SSL_CTX_free(a->tls);
	free(a);
}

static int tell(struct askers *a, uint32_t tag, int status, struct ztj_view body, const char *why)
{
	struct answered m = { .tag = tag,
		.status = status < 100 || status > 999 ? 0 : (uint32_t)status,
		.body = body };
	struct ztj_buf out;
	if (body.n > ASK_ANSWER_MAX) {
		m.status = 0;
		why = "its answer is too long";
	}
	if (m.status == 0) {
		m.body = ztj_view_of(NULL, 0);
		(void)snprintf(m.why, sizeof(m.why), "%s", why);
	}
	ztj_buf_init(&out, 2 * ASK_ANSWER_MAX);
	int r = answered_write(&m, &out);
	if (r == ZTJ_OK)
		r = chan_send(a->sd->store, SND_ANSWERED, ztj_buf_view(&out));
	chan_flush(a->sd->store);
	ztj_buf_free(&out);
	return r;
}

static void end(struct asked *q, int status, struct ztj_view answer, const char *why)
{
	if (tell(q->all, q->tag, status, answer, why) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "an answer of a witness was lost");
	drop(q);
}

static void on_done(void *arg, int status, struct ztj_view answer, const char *why)
{
	end(arg, status, answer, why);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end(arg, 0, ztj_view_of(NULL, 0), "no answer in time");
}

/* The policy says only URLs that its own grammar takes; a store that says another gets no answer. */
static int place(const char *url, struct dest_conf *to)
{
	struct evhttp_uri *u = evhttp_uri_parse(url);
	const char *scheme = u == NULL ? NULL : evhttp_uri_get_scheme(u);
	const char *host = u == NULL ? NULL : evhttp_uri_get_host(u),
		   *path = u == NULL ? NULL : evhttp_uri_get_path(u);
	int port = u == NULL ? -1 : evhttp_uri_get_port(u), r = ZTJ_BAD_ENCODING;
	bool tls = scheme != NULL && strcmp(scheme, "https") == 0;
	bool plain = scheme != NULL && strcmp(scheme, "http") == 0;
	if (host != NULL && path != NULL && (tls || plain)) {
		size_t n = strlen(host);
		bool v6 = n > 2 && host[0] == '[' && host[n - 1] == ']';
		to->kind = tls ? DEST_HTTPS : DEST_TCP;
		to->port = port > 0 ? (in_port_t)port : tls ? 443 : 80;
		int h = snprintf(to->host, sizeof(to->host), "%.*s", (int)(v6 ? n - 2 : n),
		    v6 ? host + 1 : host);
		int p = snprintf(to->path, sizeof(to->path), "%s", path);
		if (port <= 65535 && port != 0 && h > 0 && (size_t)h < sizeof(to->host) && p > 0 &&
		    (size_t)p < sizeof(to->path))
			r = ZTJ_OK;
	}
	if (u != NULL)
		evhttp_uri_free(u);
	return r;
}

static int start(struct asked *q, struct ztj_view body)
{
	static const struct timeval late = { .tv_sec = ASK_SECONDS };
	static const struct post_header headers[] = { { "Content-Type", "text/plain; charset=utf-8" } };
	struct askers *a = q->all;
	const struct post p = { .base = a->sd->base,
		.dns = a->sd->dns,
		.conf = &q->to,
		.tls = q->to.kind == DEST_HTTPS ? a->tls : NULL,
		.path = q->to.path,
		.headers = headers,
		.nheaders = 1,
		.body = body,
		.done = on_done,
		.arg = q };
	if (q->to.kind == DEST_HTTPS && a->tls == NULL)
		return ZTJ_NOT_FOUND;
	q->late = evtimer_new(a->sd->base, on_late, q);
	if (q->late == NULL || evtimer_add(q->late, &late) != 0)
		return ZTJ_NOMEM;
	return post_start(&p, &q->post);
}

int askers_ask(struct askers *a, struct ztj_view body)
{
	struct asking m;
	struct asked *q;
	size_t at = 0;
	int r = asking_read(body, &m);
	if (r != ZTJ_OK)
		return r;
	while (at < ASKED_MAX && a->open[at] != NULL)
		at++;
	q = at == ASKED_MAX ? NULL : calloc(1, sizeof(*q));
	if (q == NULL)
		return tell(a, m.tag, 0, ztj_view_of(NULL, 0), "too many are asked");
	q->all = a;
	q->tag = m.tag;
	a->open[at] = q;
	memcpy(q->to.ca, a->believe.ca, sizeof(q->to.ca));
	r = place(m.url, &q->to);
	if (r == ZTJ_OK)
		r = start(q, m.body);
	if (r == ZTJ_OK)
		return ZTJ_OK;
	drop(q);
	return tell(a, m.tag, 0, ztj_view_of(NULL, 0), ztj_err_text(r));
}
