/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Calls whose replies the gate judges itself: its log of decisions on the way to the broker, and the broker's proof that the audit
 * log only grew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/mirror.h"

/* One call of each kind at a time: the gate waits for the answer to the one before. */
static void answer(struct ztj_mirror *m, uint8_t type, uint32_t status, struct ztj_view reply)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, type) != ZTJ_OK)
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

static bool take_reply(struct ztj_mirror *m, struct ztj_mirror_ship *s)
{
	return curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_reply) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s) == CURLE_OK &&
	    curl_multi_add_handle(m->multi, s->easy) == CURLM_OK;
}

static void done(struct ztj_mirror *m, struct ztj_mirror_ship *s, uint8_t type, CURLcode rc)
{
	long status = 0;

	if (rc == CURLE_OK && curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		status = 0;
	(void)curl_multi_remove_handle(m->multi, s->easy);
	answer(m, type, status > 0 ? (uint32_t)status : 0, ztj_view_of(s->reply, s->n));
	clear(s);
}

/* ---- the log of decisions ---- */

void ztj_mirror_decisions(struct ztj_mirror *m, struct ztj_view lines)
{
	struct ztj_mirror_ship *s = &m->decisions;

	/* a second one at a time would be a broken gate */
	if (s->easy != NULL) {
		m->failed = true;
		return;
	}
	if (m->net != NULL &&
	    ztj_net_easy(m->net, m->url, "POST", "/v1/decisions", ztj_view_of(NULL, 0), &s->easy) == ZTJ_OK &&
	    set_body(s, lines) && take_reply(m, s))
		return;
	clear(s);
	answer(m, ZTJ_MSG_SHIPPED, 0, ztj_view_of(NULL, 0));
}

void ztj_mirror_decisions_done(struct ztj_mirror *m, CURLcode rc)
{
	done(m, &m->decisions, ZTJ_MSG_SHIPPED, rc);
}

/* ---- proofs of growth ---- */

void ztj_mirror_growth(struct ztj_mirror *m, uint64_t from, uint64_t to)
{
	struct ztj_mirror_ship *s = &m->growth;
	char path[96];

	if (s->easy != NULL) {
		m->failed = true;
		return;
	}
	(void)snprintf(path, sizeof(path), "/v1/log/growth?from=%llu&to=%llu", (unsigned long long)from,
	    (unsigned long long)to);
	if (m->net != NULL &&
	    ztj_net_easy(m->net, m->url, "GET", path, ztj_view_of(NULL, 0), &s->easy) == ZTJ_OK &&
	    take_reply(m, s))
		return;
	clear(s);
	answer(m, ZTJ_MSG_GROWN, 0, ztj_view_of(NULL, 0));
}

void ztj_mirror_growth_done(struct ztj_mirror *m, CURLcode rc)
{
	done(m, &m->growth, ZTJ_MSG_GROWN, rc);
}

void ztj_mirror_singles_stop(struct ztj_mirror *m)
{
	if (m->decisions.easy != NULL)
		ztj_mirror_decisions_done(m, CURLE_ABORTED_BY_CALLBACK);
	if (m->growth.easy != NULL)
		ztj_mirror_growth_done(m, CURLE_ABORTED_BY_CALLBACK);
}
