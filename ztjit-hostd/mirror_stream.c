/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The long-lived stream: JSON lines, one after the other, held up while something they announced is fetched. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/mirror.h"

#define SILENCE_S 45L
#define BACKOFF_MAX 30000
#define HURRY_SPREAD_MS 500
#define RESYNC_MS 5000

/* ---- lines ---- */

static void forward(struct ztj_mirror *m, const json_t *o)
{
	json_t *c = json_pack("{s:O,s:O}", "statement", json_object_get(o, "statement"), "signatures",
	    json_object_get(o, "signatures"));
	char *text = c == NULL ? NULL : json_dumps(c, JSON_COMPACT);
	struct ztj_buf b;

	json_decref(c);
	/* Not a container: nothing to hand on. Larger than it came (numbers): none either, and the gate would not take it. */
	if (text == NULL || strlen(text) > ZTJ_MIRROR_LINE_MAX) {
		free(text);
		return;
	}
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_MSG_CONTAINER) == ZTJ_OK) {
		(void)ztj_buf_put_cstring(&b, text);
		ztj_mirror_send(m, &b, -1);
	}
	free(text);
}

static void want_directory(struct ztj_mirror *m, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	json_int_t serial = json_integer_value(json_object_get(o, "serial"));

	if (name == NULL || !ztj_name_ok(name))
		return;
	for (size_t i = 0; i < m->ndirs; i++)
		if (strcmp(m->dir[i].name, name) == 0 && serial >= 0 && m->dir[i].serial >= (uint64_t)serial)
			return;
	for (size_t i = 0; i < m->nwant; i++)
		if (strcmp(m->want[i], name) == 0)
			return;
	if (m->nwant < ZTJ_MIRROR_DIRS)
		(void)snprintf(m->want[m->nwant++], ZTJ_NAME_SIZE, "%s", name);
}

void ztj_mirror_line(struct ztj_mirror *m, struct ztj_view line)
{
	json_t *o = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const json_t *seq = json_object_get(o, "seq");

	if (event == NULL) {
		if (line.n > 0)
			ztj_log(ZTJ_LOG_WARN, "a line of the stream that is no event");
	} else if (strcmp(event, "policy") == 0) {
		/* The same version may be another policy: that is the gate's alarm to raise. */
		m->want_policy = true;
		/* A snapshot stands between two of these: the first has no number. */
		if (json_is_integer(seq) && (json_integer_value(seq) == 0 || m->snapshot))
			ztj_mirror_tell_snapshot(m, json_integer_value(seq) == 0);
	} else if (strcmp(event, "directory") == 0) {
		want_directory(m, o);
	} else if (strcmp(event, "statement") == 0 || strcmp(event, "status") == 0 ||
	    strcmp(event, "stepup") == 0) {
		forward(m, o);
	}
	if (event != NULL && json_is_integer(seq) && json_integer_value(seq) > 0)
		m->since = (uint64_t)json_integer_value(seq);
	json_decref(o);
}

/* What comes next in the stream builds on what is being fetched. */
static bool held_up(const struct ztj_mirror *m)
{
	return m->fetch != NULL || m->want_policy || m->nwant > 0;
}

static void drain(struct ztj_mirror *m)
{
	size_t used = 0;

	while (!held_up(m) && !m->failed) {
		struct ztj_view left = ztj_view_after(ztj_buf_view(&m->line), used);
		const uint8_t *nl = left.n == 0 ? NULL : memchr(left.p, '\n', left.n);
		if (nl == NULL)
			break;
		used += (size_t)(nl - left.p) + 1;
		ztj_mirror_line(m, ztj_view_of(left.p, (size_t)(nl - left.p)));
	}
	if (used > 0) {
		memmove(m->line.p, m->line.p + used, m->line.n - used);
		m->line.n -= used;
	}
}

static size_t on_data(char *p, size_t size, size_t n, void *arg)
{
	struct ztj_mirror *m = arg;
	long status = 0;

	if (curl_easy_getinfo(m->stream, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
		return 0;
	if (held_up(m)) {
		m->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (ztj_buf_put(&m->line, p, size * n) != ZTJ_OK)
		return 0; /* a line without end */
	ztj_mirror_tell_link(m, true);
	m->backoff = 1000;
	drain(m);
	return size * n;
}

void ztj_mirror_stream_resume(struct ztj_mirror *m)
{
	if (m->stream == NULL)
		return;
	drain(m);
	if (!held_up(m) && m->paused) {
		m->paused = false;
		(void)curl_easy_pause(m->stream, CURLPAUSE_CONT);
	}
}

/* ---- the connection ---- */

static bool setup(struct ztj_mirror *m)
{
	return curl_easy_setopt(m->stream, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
	    curl_easy_setopt(m->stream, CURLOPT_WRITEDATA, m) == CURLE_OK &&
	    curl_easy_setopt(m->stream, CURLOPT_TIMEOUT_MS, 0L) == CURLE_OK &&
	    curl_easy_setopt(m->stream, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
	    curl_easy_setopt(m->stream, CURLOPT_LOW_SPEED_TIME, SILENCE_S) == CURLE_OK &&
	    curl_multi_add_handle(m->multi, m->stream) == CURLM_OK;
}

static void try_later(struct ztj_mirror *m)
{
	/* Hosts that lost one broker together must not come back together. */
	m->next_try = ztj_ipc_now_ms() + m->backoff / 2 + (int64_t)arc4random_uniform((uint32_t)m->backoff);
	m->backoff = m->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : m->backoff * 2;
}

void ztj_mirror_stream_start(struct ztj_mirror *m)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/v1/stream?since=%llu", (unsigned long long)m->since);
	ztj_buf_reset(&m->line);
	m->paused = m->snapshot = false;
	if (ztj_net_easy(m->net, m->url, "GET", path, ztj_view_of(NULL, 0), &m->stream) != ZTJ_OK) {
		m->stream = NULL;
		try_later(m);
		return;
	}
	if (!setup(m)) {
		curl_easy_cleanup(m->stream);
		m->stream = NULL;
		try_later(m);
	}
}

void ztj_mirror_stream_stop(struct ztj_mirror *m)
{
	if (m->stream == NULL)
		return;
	(void)curl_multi_remove_handle(m->multi, m->stream);
	curl_easy_cleanup(m->stream);
	m->stream = NULL;
	ztj_mirror_tell_link(m, false);
	try_later(m);
	if (m->since == 0 && m->next_try < ztj_ipc_now_ms() + RESYNC_MS / 5)
		m->next_try = ztj_ipc_now_ms() + RESYNC_MS / 5;
}

void ztj_mirror_stream_hurry(struct ztj_mirror *m)
{
	int64_t soon = ztj_ipc_now_ms() + (int64_t)arc4random_uniform(HURRY_SPREAD_MS);

	if (soon < m->next_try)
		m->next_try = soon;
}
