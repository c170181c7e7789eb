/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the gate tells the mirror: whom to believe, what is held, what to send, when somebody waits. */
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define SAY_MS 200
#define HURRY_EVERY 2 /* seconds */

static int tell(struct ztj_gate *g, struct ztj_buf *b)
{
	int r = ztj_ipc_finish(b);

	if (r == ZTJ_OK && g->fds.mirror >= 0)
		r = ztj_ipc_send(g->fds.mirror, ztj_buf_view(b), -1, ztj_ipc_now_ms() + SAY_MS);
	ztj_buf_free(b);
	return r;
}

static int put_key(struct ztj_buf *b, const struct ztj_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];
	int r = ztj_key_to_text(k, text);

	return r == ZTJ_OK ? ztj_buf_put_cstring(b, text) : r;
}

/* Whom to believe: only the TLS keys that stand in the policy. */
static int tell_broker(struct ztj_gate *g)
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	struct ztj_buf b;
	size_t nkeys = 0;
	int r;

	if (p == NULL)
		return ZTJ_OK;
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&b, ZTJ_MSG_BROKER);
	(void)ztj_buf_put_u32(&b, (uint32_t)(g->conf->urls.n + p->broker.urls.n));
	for (size_t i = 0; i < g->conf->urls.n; i++)
		(void)ztj_buf_put_cstring(&b, g->conf->urls.s[i]);
	for (size_t i = 0; i < p->broker.urls.n; i++)
		(void)ztj_buf_put_cstring(&b, p->broker.urls.s[i]);
	for (size_t i = 0; i < p->broker.ntls; i++)
		nkeys += !ztj_policy_key_revoked(p, &p->broker.tls[i]);
	(void)ztj_buf_put_u32(&b, (uint32_t)nkeys);
	for (size_t i = 0; r == ZTJ_OK && i < p->broker.ntls; i++)
		if (!ztj_policy_key_revoked(p, &p->broker.tls[i]))
			r = put_key(&b, &p->broker.tls[i]);
	if (r != ZTJ_OK) {
		ztj_buf_free(&b);
		return r;
	}
	return tell(g, &b);
}

static int tell_held(struct ztj_gate *g)
{
	const struct ztj_policy *p = ztj_trust_held_policy(g->trust);
	size_t n = ztj_trust_ndirs(g->trust);
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&b, ZTJ_MSG_HELD);
	(void)ztj_buf_put_u64(&b, p == NULL ? 0 : (uint64_t)p->version);
	(void)ztj_buf_put_u32(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(g->trust, i);
		(void)ztj_buf_put_cstring(&b, ztj_dir_name(d));
		(void)ztj_buf_put_u64(&b, (uint64_t)ztj_dir_serial(d));
	}
	if (r != ZTJ_OK) {
		ztj_buf_free(&b);
		return r;
	}
	return tell(g, &b);
}

int ztj_news_tell_mirror(struct ztj_gate *g)
{
	int r = tell_held(g);

	return r == ZTJ_OK ? tell_broker(g) : r;
}

static int post(struct ztj_gate *g, uint8_t type, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_view json)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&b, type);
	if (r == ZTJ_OK) {
		(void)ztj_buf_put(&b, id, ZTJ_DIGEST_LEN);
		(void)ztj_buf_put_view(&b, json);
		r = tell(g, &b);
	}
	ztj_buf_free(&b);
	return r;
}

int ztj_news_post_stepup(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_signed *s)
{
	struct ztj_buf json;
	int r;

	ztj_buf_init(&json, 128u * 1024u);
	r = ztj_signed_to_json(s, &json);
	if (r == ZTJ_OK)
		r = post(g, ZTJ_MSG_POST, id, ztj_buf_view(&json));
	ztj_buf_free(&json);
	return r;
}

int ztj_news_report(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_view json)
{
	return post(g, ZTJ_MSG_REPORT, id, json);
}

int ztj_news_hand_back(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_view json)
{
	return post(g, ZTJ_MSG_HAND_BACK, id, json);
}

void ztj_news_end_stepup(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], bool taken)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_MSG_ENDED) != ZTJ_OK || ztj_buf_put(&b, id, ZTJ_DIGEST_LEN) != ZTJ_OK ||
	    ztj_buf_put_u8(&b, taken) != ZTJ_OK)
		ztj_buf_free(&b);
	else if (tell(g, &b) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the mirror does not listen");
}

void ztj_news_ask_again(struct ztj_gate *g)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_MSG_RESYNC) != ZTJ_OK || tell(g, &b) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the mirror does not listen");
}

void ztj_news_hurry(struct ztj_gate *g)
{
	struct ztj_now now;
	struct ztj_buf b;

	/* Who is denied may try again as often as they like: neither the broker is tried as often, nor a mirror that does not listen waited for. */
	ztj_gate_now(g, &now);
	if (g->link_up || now.boot < g->hurry_again)
		return;
	g->hurry_again = now.boot + HURRY_EVERY;
	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_MSG_HURRY) != ZTJ_OK || tell(g, &b) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the mirror does not listen");
}
