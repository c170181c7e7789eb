/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One call: what goes there is bytes, JSON or nothing, what comes back is short. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-hostd/mirror.h"

/* A reply that is too long is none: who asked for the call asks again. */
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

static bool set_bytes(struct ztj_mirror_ship *s)
{
	struct curl_slist *more;

	s->headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
	more = s->headers == NULL ? NULL : curl_slist_append(s->headers, "Expect:");
	return more != NULL && curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_n) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body) == CURLE_OK;
}

static bool begin(struct ztj_mirror *m, struct ztj_mirror_ship *s)
{
	return curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_reply) == CURLE_OK &&
	    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s) == CURLE_OK &&
	    curl_multi_add_handle(m->multi, s->easy) == CURLM_OK;
}

bool ztj_mirror_call(struct ztj_mirror *m, struct ztj_mirror_ship *s, const char *path, struct ztj_view json)
{
	if (s->body != NULL)
		json = ztj_view_of(NULL, 0);
	return ztj_net_easy(m->net, m->url, "POST", path, json, &s->easy) == ZTJ_OK &&
	    (s->body == NULL || set_bytes(s)) && begin(m, s);
}

bool ztj_mirror_ask(struct ztj_mirror *m, struct ztj_mirror_ship *s, const char *path)
{
	return ztj_net_easy(m->net, m->url, "GET", path, ztj_view_of(NULL, 0), &s->easy) == ZTJ_OK &&
	    begin(m, s);
}

uint32_t ztj_mirror_call_over(struct ztj_mirror *m, struct ztj_mirror_ship *s, CURLcode rc)
{
	long status = 0;

	if (rc == CURLE_OK && curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
		status = 0;
	(void)curl_multi_remove_handle(m->multi, s->easy);
	return status > 0 ? (uint32_t)status : 0;
}

void ztj_mirror_call_clear(struct ztj_mirror_ship *s)
{
	if (s->easy != NULL)
		curl_easy_cleanup(s->easy);
	curl_slist_free_all(s->headers);
	free(s->body);
	*s = (struct ztj_mirror_ship){ .easy = NULL };
}
