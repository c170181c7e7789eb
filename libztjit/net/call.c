/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One call and its outcome. */
#include "libztjit/net/private.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"

struct sink {
	struct ztj_buf *out;
	size_t left;
	bool over;
};

static size_t take(char *p, size_t size, size_t nmemb, void *arg)
{
	struct sink *s = arg;
	size_t n = size * nmemb;

	if (n > s->left) {
		s->over = true;
		return CURL_WRITEFUNC_ERROR;
	}
	s->left -= n;
	return ztj_buf_put(s->out, p, n) == ZTJ_OK ? n : CURL_WRITEFUNC_ERROR;
}

int ztj_net_outcome(struct ztj_net *n, CURLcode rc)
{
	(void)snprintf(n->why, sizeof n->why, "%s",
	    n->curl_why[0] != '\0' ? n->curl_why : curl_easy_strerror(rc));
	if (n->mismatch) {
		(void)snprintf(n->why, sizeof n->why, "the server showed a key that is not pinned");
		return ZTJ_BROKER_KEY;
	}
	switch ((int)rc) {
	case CURLE_OK:
		/* bytes without a judged key cannot be; if they are, nobody may believe them */
		return n->has_peer ? ZTJ_OK : ZTJ_BROKER_KEY;
	case CURLE_OPERATION_TIMEDOUT:
		return ZTJ_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return ZTJ_NOMEM;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return ZTJ_USAGE;
	case CURLE_NOT_BUILT_IN:
	case CURLE_BAD_FUNCTION_ARGUMENT:
		return ZTJ_INTERNAL;
	default:
		return ZTJ_UNREACHABLE;
	}
}

bool ztj_net_may_retry(CURL *easy, CURLcode rc)
{
	curl_off_t handshake = 0;

	if (rc == CURLE_OK || rc == CURLE_WRITE_ERROR)
		return false;
	/* 0 until the TLS handshake is complete: nothing of the request was sent */
	return curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &handshake) == CURLE_OK && handshake == 0;
}

static int one_call(struct ztj_net *n, const char *method, const char *path, struct ztj_view body,
    struct sink *s, CURLcode *rc)
{
	int r = ztj_net_prepare(n, n->easy, n->last, method, path, body);

	if (r != ZTJ_OK)
		return r;
	if (curl_easy_setopt(n->easy, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
	    curl_easy_setopt(n->easy, CURLOPT_WRITEDATA, s) != CURLE_OK)
		return ZTJ_INTERNAL;
	n->curl_why[0] = '\0';
	n->mismatch = false;
	*rc = curl_easy_perform(n->easy);
	if (s->over)
		return ZTJ_TOO_LARGE;
	if ((r = ztj_buf_status(s->out)) != ZTJ_OK)
		return r;
	return ztj_net_outcome(n, *rc);
}

int ztj_net_call(struct ztj_net *n, const char *method, const char *path, struct ztj_view body,
    struct ztj_buf *reply, long *status)
{
	struct sink s = { .out = reply, .left = n->max_reply };
	CURLcode rc = CURLE_OK;
	int r = ZTJ_INTERNAL;

	*status = 0;
	n->why[0] = '\0';
	if (n->easy == NULL && (n->easy = curl_easy_init()) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n->nurls; i++) {
		r = one_call(n, method, path, body, &s, &rc);
		if (r == ZTJ_OK || !ztj_net_may_retry(n->easy, rc))
			break;
		n->last = (n->last + 1) % n->nurls;
	}
	if (r == ZTJ_OK &&
	    (curl_easy_getinfo(n->easy, CURLINFO_RESPONSE_CODE, status) != CURLE_OK || *status < 100))
		r = ZTJ_PROTOCOL;
	return r;
}

static int by_status(long status)
{
	switch (status) {
	case 400:
		return ZTJ_PROTOCOL;
	case 401:
	case 403:
		return ZTJ_FORBIDDEN;
	case 404:
		return ZTJ_NOT_FOUND;
	case 408:
		return ZTJ_TIMEOUT;
	case 409:
		return ZTJ_STATE;
	case 413:
		return ZTJ_TOO_LARGE;
	case 429:
		return ZTJ_RATE_LIMITED;
	case 503:
		return ZTJ_NOT_READY;
	default:
		return status >= 500 ? ZTJ_INTERNAL : ZTJ_PROTOCOL;
	}
}

/* What the peer says is foreign text: escaped here, once, for every reader. */
static void say(const json_t *body, char *text, size_t size)
{
	const char *t = json_string_value(json_object_get(body, "text"));
	const char *d = json_string_value(json_object_get(body, "detail"));
	struct ztj_buf b;
	const char *s;

	ztj_buf_init(&b, 16384);
	if (t != NULL && ztj_text_escape(ztj_view_str(t), &b) == ZTJ_OK && d != NULL && d[0] != '\0') {
		ztj_buf_puts(&b, ": ");
		if (ztj_text_escape(ztj_view_str(d), &b) != ZTJ_OK)
			ztj_buf_reset(&b);
	}
	if ((s = ztj_buf_str(&b)) != NULL)
		(void)snprintf(text, size, "%s", s);
	ztj_buf_free(&b);
}

int ztj_net_error(long status, struct ztj_view reply, char *text, size_t size)
{
	json_t *body;
	const char *name;
	int r = by_status(status), named;

	if (status < 400)
		return ZTJ_OK;
	(void)snprintf(text, size, "%s", ztj_err_text(r));
	body = json_loadb((const char *)reply.p, reply.n, JSON_REJECT_DUPLICATES, NULL);
	name = json_string_value(json_object_get(body, "error"));
	if (name != NULL) {
		/* a refusal never turns into success, whatever it is called */
		named = ztj_err_from_name(name);
		if (named != ZTJ_OK && strcmp(ztj_err_name(named), name) == 0)
			r = named;
		(void)snprintf(text, size, "%s", ztj_err_text(r));
		say(body, text, size);
	}
	json_decref(body);
	return r;
}
