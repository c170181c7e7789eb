/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Single calls: what the stream announced, into sealed memory for the gate; and challenges for the relay. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/mirror.h"

/* ---- fetching ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct ztj_mirror *m = arg;
	size_t len = size * n, done = 0;

	if (len > ZTJ_MIRROR_BODY_MAX - m->body_n)
		return 0;
	while (done < len) {
		ssize_t put = write(m->body, p + done, len - done);
		if (put <= 0)
			return 0;
		done += (size_t)put;
	}
	m->body_n += len;
	return len;
}

void ztj_mirror_fetch_stop(struct ztj_mirror *m)
{
	if (m->fetch != NULL) {
		(void)curl_multi_remove_handle(m->multi, m->fetch);
		curl_easy_cleanup(m->fetch);
	}
	m->fetch = NULL;
	if (m->body >= 0)
		(void)close(m->body);
	m->body = -1;
	m->body_n = 0;
}

static uint64_t held(const struct ztj_mirror *m, const char *name)
{
	for (size_t i = 0; i < m->ndirs; i++)
		if (strcmp(m->dir[i].name, name) == 0)
			return m->dir[i].serial;
	return 0;
}

static void start(struct ztj_mirror *m, uint8_t kind, const char *path)
{
	m->fetching = kind;
	m->body = memfd_create("ztjit-news", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	m->body_n = 0;
	if (m->body < 0 ||
	    ztj_net_easy(m->net, m->url, "GET", path, ztj_view_of(NULL, 0), &m->fetch) != ZTJ_OK)
		m->fetch = NULL;
	if (m->fetch == NULL || curl_easy_setopt(m->fetch, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    curl_easy_setopt(m->fetch, CURLOPT_WRITEDATA, m) != CURLE_OK ||
	    curl_multi_add_handle(m->multi, m->fetch) != CURLM_OK) {
		if (m->fetch != NULL)
			curl_easy_cleanup(m->fetch);
		m->fetch = NULL;
		ztj_mirror_fetch_stop(m);
		m->resync = true;
	}
}

/* The policy first: it says which directories count. */
void ztj_mirror_fetch_next(struct ztj_mirror *m)
{
	char path[128];

	if (m->fetch != NULL || m->net == NULL)
		return;
	if (m->want_policy) {
		m->want_policy = false;
		start(m, 1, "/v1/policy");
	} else if (m->nwant > 0) {
		const char *name = m->want[0];
		(void)snprintf(path, sizeof(path), "/v1/directories/%s?since=%llu", name,
		    (unsigned long long)held(m, name));
		memmove(m->want[0], m->want[1], (ZTJ_MIRROR_DIRS - 1) * sizeof(m->want[0]));
		m->nwant--;
		start(m, 2, path);
	}
}

static void hand_over(struct ztj_mirror *m)
{
	struct ztj_buf b;

	if (fcntl(m->body, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		m->failed = true;
		return;
	}
	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_MSG_BODY) != ZTJ_OK || ztj_buf_put_u8(&b, m->fetching) != ZTJ_OK)
		m->failed = true;
	ztj_mirror_send(m, &b, m->body);
}

void ztj_mirror_fetch_done(struct ztj_mirror *m, CURLcode rc)
{
	long status = 0;

	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(m->fetch, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status == 200 && m->body_n > 0)
		hand_over(m);
	else {
		ztj_log(ZTJ_LOG_WARN, "could not fetch what was announced: %s, status %ld",
		    curl_easy_strerror(rc), status);
		m->resync = true;
	}
	ztj_mirror_fetch_stop(m);
	ztj_mirror_stream_resume(m);
}

/* ---- posting ---- */

static size_t ignore(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n > 65536 ? 0 : size * n;
}

static void posted(struct ztj_mirror *m, const uint8_t id[32], uint32_t code)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 128);
	if (ztj_ipc_begin(&b, ZTJ_MSG_POSTED) != ZTJ_OK || ztj_buf_put(&b, id, 32) != ZTJ_OK ||
	    ztj_buf_put_u32(&b, code) != ZTJ_OK)
		m->failed = true;
	ztj_mirror_send(m, &b, -1);
}

/* A free place with this call under way, or NULL. */
static struct ztj_mirror_post *start_post(struct ztj_mirror *m, const char *method, const char *path,
    struct ztj_view body)
{
	struct ztj_mirror_post *p = NULL;

	for (size_t i = 0; i < ZTJ_MIRROR_POSTS && p == NULL; i++)
		if (m->post[i].easy == NULL)
			p = &m->post[i];
	if (p == NULL || m->net == NULL)
		return NULL;
	if (ztj_net_easy(m->net, m->url, method, path, body, &p->easy) != ZTJ_OK) {
		p->easy = NULL;
		return NULL;
	}
	if (curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, ignore) != CURLE_OK ||
	    curl_multi_add_handle(m->multi, p->easy) != CURLM_OK) {
		curl_easy_cleanup(p->easy);
		p->easy = NULL;
		return NULL;
	}
	return p;
}

static void post(struct ztj_mirror *m, const char *path, enum ztj_post kind, struct ztj_view id,
    struct ztj_view json)
{
	struct ztj_mirror_post *p = start_post(m, "POST", path, json);

	if (p == NULL) {
		posted(m, id.p, 1);
		return;
	}
	memcpy(p->id, id.p, sizeof(p->id));
	p->kind = kind;
}

void ztj_mirror_post(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json)
{
	post(m, "/v1/stepups", ZTJ_POST_ASK, id, json);
}

void ztj_mirror_report(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json)
{
	post(m, "/v1/standing", ZTJ_POST_REPORT, id, json);
}

void ztj_mirror_hand_back(struct ztj_mirror *m, struct ztj_view id, struct ztj_view json)
{
	post(m, "/v1/statements", ZTJ_POST_HAND_BACK, id, json);
}

void ztj_mirror_end(struct ztj_mirror *m, struct ztj_view id, bool taken)
{
	struct ztj_mirror_post *p;
	char hex[ZTJ_HEX_SIZE], path[128];

	for (size_t i = 0; i < ZTJ_MIRROR_POSTS; i++)
		if (m->post[i].easy != NULL && m->post[i].kind != ZTJ_POST_END &&
		    m->post[i].kind != ZTJ_POST_REPORT && m->post[i].kind != ZTJ_POST_HAND_BACK &&
		    memcmp(m->post[i].id, id.p, sizeof(m->post[i].id)) == 0) {
			m->post[i].kind = ZTJ_POST_ASK_ENDED;
			m->post[i].taken = taken;
			return;
		}
	ztj_hex(id.p, sizeof(p->id), hex);
	(void)snprintf(path, sizeof(path), "/v1/stepups/%s%s", hex, taken ? "?taken=1" : "");
	p = start_post(m, "DELETE", path, ztj_view_of(NULL, 0));
	if (p != NULL)
		p->kind = ZTJ_POST_END;
}

void ztj_mirror_post_done(struct ztj_mirror *m, struct ztj_mirror_post *p, CURLcode rc)
{
	struct ztj_mirror_post done = *p;
	long status = 0;
	bool well;

	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	well = rc == CURLE_OK && status >= 200 && status < 300;
	(void)curl_multi_remove_handle(m->multi, p->easy);
	curl_easy_cleanup(p->easy);
	p->easy = NULL;
	if (done.kind == ZTJ_POST_ASK)
		posted(m, done.id, well ? 0 : 1);
	else if (done.kind == ZTJ_POST_REPORT || done.kind == ZTJ_POST_HAND_BACK) {
		if (status >= 400 && done.kind == ZTJ_POST_REPORT)
			ztj_log(ZTJ_LOG_WARN, "the broker refused a scan's result: status %ld", status);
		posted(m, done.id, well ? 0 : status > 0 ? (uint32_t)status : 1);
	} else if (done.kind == ZTJ_POST_ASK_ENDED && well)
		ztj_mirror_end(m, ztj_view_of(done.id, sizeof(done.id)), done.taken);
}

void ztj_mirror_posts_stop(struct ztj_mirror *m)
{
	for (size_t i = 0; i < ZTJ_MIRROR_POSTS; i++)
		if (m->post[i].easy != NULL)
			ztj_mirror_post_done(m, &m->post[i], CURLE_ABORTED_BY_CALLBACK);
}
