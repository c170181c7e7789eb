/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The gate's log of decisions on its way to the broker: one call at a time; what became of it is the gate's to judge. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/mirror.h"

static void shipped(struct ztj_mirror *m, uint32_t status, struct ztj_view reply)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_SHIPPED) != ZTJ_OK)
		m->failed = true;
	(void)ztj_buf_put_u32(&b, status);
	(void)ztj_buf_put_view(&b, reply);
	ztj_mirror_send(m, &b, -1);
}

/* A reply that is too long is none. */
static size_t on_reply(char *p, size_t size, size_t n, void *arg)
{
	struct ztj_mirror_ship *s = arg;
	size_t len = size * n;

	if (len > sizeof(s->reply) - s->n)
		return 0;
	memcpy(s->reply + s->n, p, len);
	s->n += len;
	return len;
}

static void clear(struct ztj_mirror_ship *s)
{
	if (s->easy != NULL)
		curl_easy_cleanup(s->easy);
	curl_slist_free_all(s->headers);
	free(s->body);
	*s = (struct ztj_mirror_ship){ .easy = NULL };
}

static bool set_body(struct ztj_mirror_ship *s, struct ztj_view lines)
{
	struct curl_slist *more;

	s->body = malloc(lines.n + 1);
	if (s->body == NULL)
		return false;
	if (lines.n > 0)
		memcpy(s->body, lines.p, lines.n);
	s->headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
	more = s->headers == NULL ? NULL : curl_slist_append(s->headers, "Expect:");
	return more != NULL && curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)lines.n) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body) == CURLE_OK;
}

static bool start(struct ztj_mirror *m, struct ztj_view lines)
{
	struct ztj_mirror_ship *s = &m->decisions;

	return ztj_net_easy(m->net, m->url, "POST", "/v1/decisions", ztj_view_of(NULL, 0), &s->easy) ==
	    ZTJ_OK &&
	    set_body(s, lines) && curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_reply) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s) == CURLE_OK &&
	    curl_multi_add_handle(m->multi, s->easy) == CURLM_OK;
}

void ztj_mirror_decisions(struct ztj_mirror *m, struct ztj_view lines)
{
	/* The gate waits for the answer to the one before; a second one at a time would be a broken gate. */
	if (m->decisions.easy != NULL) {
		m->failed = true;
		return;
	}
	if (m->net != NULL && start(m, lines))
		return;
	clear(&m->decisions);
	shipped(m, 0, ztj_view_of(NULL, 0));
}

void ztj_mirror_decisions_done(struct ztj_mirror *m, CURLcode rc)
{
	struct ztj_mirror_ship *s = &m->decisions;
	long status = 0;

	if (rc == CURLE_OK && curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		status = 0;
	(void)curl_multi_remove_handle(m->multi, s->easy);
	shipped(m, status > 0 ? (uint32_t)status : 0, ztj_view_of(s->reply, s->n));
	clear(s);
}

void ztj_mirror_decisions_stop(struct ztj_mirror *m)
{
	if (m->decisions.easy != NULL)
		ztj_mirror_decisions_done(m, CURLE_ABORTED_BY_CALLBACK);
}
