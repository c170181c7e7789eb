/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A long-lived answer, line by line. */
#include "libztjit/net/private.h"

#include <string.h>

struct lines {
	struct ztj_net *net;
	CURL *easy;
	struct ztj_buf part; /* the line so far, or the body of an error */
	size_t max;
	int (*each)(struct ztj_view line, void *arg);
	void *arg;
	int stop; /* why we stopped it ourselves */
};

static int whole_line(struct lines *l)
{
	int r = l->each(ztj_buf_view(&l->part), l->arg);

	ztj_buf_reset(&l->part);
	return r;
}

static int split(struct lines *l, const char *p, size_t n)
{
	while (n > 0 && l->stop == 0) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) : n;

		if (len > l->max - l->part.n)
			return ZTJ_TOO_LARGE;
		if (ztj_buf_put(&l->part, p, len) != ZTJ_OK)
			return ZTJ_NOMEM;
		if (nl == NULL)
			return ZTJ_OK;
		l->stop = whole_line(l);
		p += len + 1;
		n -= len + 1;
	}
	return ZTJ_OK;
}

static size_t take(char *p, size_t size, size_t nmemb, void *arg)
{
	struct lines *l = arg;
	size_t n = size * nmemb;
	long status = 0;
	int r;

	if (curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return CURL_WRITEFUNC_ERROR;
	if (status != 200)
		r = n > l->max - l->part.n ? ZTJ_TOO_LARGE : ztj_buf_put(&l->part, p, n);
	else
		r = split(l, p, n);
	if (r != ZTJ_OK)
		l->stop = r;
	return l->stop == 0 ? n : CURL_WRITEFUNC_ERROR;
}

static int run(struct ztj_net *n, struct lines *l, const char *path, int idle_s, CURLcode *rc)
{
	CURL *e = l->easy;
	long status = 0;
	int r = ztj_net_prepare(n, e, n->last, "GET", path, ztj_view_of(NULL, 0));

	if (r != ZTJ_OK)
		return r;
	if (curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 0L) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)idle_s) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
	    curl_easy_setopt(e, CURLOPT_WRITEDATA, l) != CURLE_OK)
		return ZTJ_INTERNAL;
	n->curl_why[0] = '\0';
	n->mismatch = false;
	*rc = curl_easy_perform(e);
	if (l->stop != 0)
		return l->stop;
	if ((r = ztj_net_outcome(n, *rc)) != ZTJ_OK)
		return r;
	if (curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		return ZTJ_INTERNAL;
	if (status >= 400)
		return ztj_net_error(status, ztj_buf_view(&l->part), n->why, sizeof n->why);
	return ZTJ_UNREACHABLE; /* it ended by itself, and half a line is no line */
}

int ztj_net_stream(struct ztj_net *n, const char *path, int idle_s,
    int (*each)(struct ztj_view line, void *arg), void *arg)
{
	struct lines l = { .net = n, .max = n->max_reply, .each = each, .arg = arg };
	CURLcode rc = CURLE_OK;
	int r = ZTJ_INTERNAL;

	n->why[0] = '\0';
	if ((l.easy = curl_easy_init()) == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&l.part, n->max_reply);
	for (size_t i = 0; i < n->nurls; i++) {
		r = run(n, &l, path, idle_s, &rc);
		if (l.stop != 0 || !ztj_net_may_retry(l.easy, rc))
			break;
		n->last = (n->last + 1) % n->nurls;
	}
	ztj_buf_free(&l.part);
	curl_easy_cleanup(l.easy);
	return r;
}
