/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/mirror.h"

#include <stdlib.h>
#include <unistd.h>

#include "libztjit/sys/log.h"

static void finished(struct ztj_mirror *m, CURL *easy, CURLcode rc)
{
	if (easy == m->stream) {
		bool worked = m->up;
		ztj_log(ZTJ_LOG_DEBUG, "the stream ended: %s", curl_easy_strerror(rc));
		ztj_mirror_stream_stop(m);
		/* A broker that was there a moment ago is asked again before the next address. */
		if (!worked)
			m->url = m->nurls > 0 ? (m->url + 1) % m->nurls : 0;
		return;
	}
	if (easy == m->fetch) {
		ztj_mirror_fetch_done(m, rc);
		return;
	}
	if (easy == m->decisions.easy) {
		ztj_mirror_decisions_done(m, rc);
		return;
	}
	if (easy == m->growth.easy) {
		ztj_mirror_growth_done(m, rc);
		return;
	}
	for (size_t i = 0; i < ZTJ_MIRROR_POSTS; i++)
		if (m->post[i].easy == easy) {
			ztj_mirror_post_done(m, &m->post[i], rc);
			return;
		}
	for (size_t i = 0; i < ZTJ_MIRROR_SHIPS; i++)
		if (m->ship[i].easy == easy) {
			ztj_mirror_ship_done(m, &m->ship[i], rc);
			return;
		}
}

static void reap(struct ztj_mirror *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			finished(m, msg->easy_handle, msg->data.result);
}

static int wait_ms(const struct ztj_mirror *m)
{
	int64_t left = m->next_try - ztj_ipc_now_ms();

	if (m->net == NULL || m->stream != NULL)
		return 5000;
	return left <= 0 ? 0 : left < 5000 ? (int)left : 5000;
}

static void turn(struct ztj_mirror *m)
{
	struct curl_waitfd fds[] = { { .fd = m->gate, .events = CURL_WAIT_POLLIN },
		{ .fd = m->scribe, .events = CURL_WAIT_POLLIN } };
	int running;

	if (m->net != NULL && m->stream == NULL && ztj_ipc_now_ms() >= m->next_try)
		ztj_mirror_stream_start(m);
	/* Not from inside a callback: libcurl refuses to be entered twice. */
	ztj_mirror_fetch_next(m);
	if (curl_multi_perform(m->multi, &running) != CURLM_OK)
		m->failed = true;
	reap(m);
	/* What came just now: nothing else would wake us for it. */
	ztj_mirror_fetch_next(m);
	if (m->resync && m->stream != NULL) {
		m->resync = false;
		m->since = 0;
		ztj_mirror_stream_stop(m);
	}
	if (!m->failed && curl_multi_poll(m->multi, fds, m->scribe < 0 ? 1 : 2, wait_ms(m), NULL) != CURLM_OK)
		m->failed = true;
	if (fds[0].revents != 0)
		ztj_mirror_from_gate(m);
	if (fds[1].revents != 0 && !m->failed)
		ztj_mirror_from_scribe(m);
}

_Noreturn void ztj_mirror_main(int gate, int scribe, const struct ztj_seckey *tls)
{
	struct ztj_mirror *m = calloc(1, sizeof(*m));

	if (m == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		_exit(1);
	m->gate = gate;
	m->scribe = scribe;
	m->tls = tls;
	m->body = -1;
	m->backoff = 1000;
	ztj_ipc_in_init(&m->in, ZTJ_IPC_MAX);
	ztj_ipc_in_init(&m->scribe_in, ZTJ_IPC_MAX);
	ztj_buf_init(&m->broker, ZTJ_IPC_MAX);
	ztj_buf_init(&m->line, ZTJ_MIRROR_LINE_MAX);
	m->multi = curl_multi_init();
	m->failed = m->multi == NULL;
	while (!m->failed)
		turn(m);
	_exit(1);
}
