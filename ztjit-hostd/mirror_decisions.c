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

static void done(struct ztj_mirror *m, struct ztj_mirror_ship *s, uint8_t type, CURLcode rc)
{
	answer(m, type, ztj_mirror_call_over(m, s, rc), ztj_view_of(s->reply, s->n));
	ztj_mirror_call_clear(s);
}

/* A second one at a time would be a broken gate. */
static bool is_free(struct ztj_mirror *m, const struct ztj_mirror_ship *s)
{
	if (s->easy != NULL)
		m->failed = true;
	return s->easy == NULL;
}

/* ---- the log of decisions ---- */

static bool start(struct ztj_mirror *m, struct ztj_view lines)
{
	struct ztj_mirror_ship *s = &m->decisions;

	s->body = malloc(lines.n + 1);
	s->body_n = lines.n;
	if (s->body == NULL)
		return false;
	if (lines.n > 0)
		memcpy(s->body, lines.p, lines.n);
	return ztj_mirror_call(m, s, "/v1/decisions", ztj_view_of(NULL, 0));
}

void ztj_mirror_decisions(struct ztj_mirror *m, struct ztj_view lines)
{
	if (!is_free(m, &m->decisions) || (m->net != NULL && start(m, lines)))
		return;
	ztj_mirror_call_clear(&m->decisions);
	answer(m, ZTJ_MSG_SHIPPED, 0, ztj_view_of(NULL, 0));
}

void ztj_mirror_decisions_done(struct ztj_mirror *m, CURLcode rc)
{
	done(m, &m->decisions, ZTJ_MSG_SHIPPED, rc);
}

/* ---- proofs of growth ---- */

void ztj_mirror_growth(struct ztj_mirror *m, uint64_t from, uint64_t to)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/v1/log/growth?from=%llu&to=%llu", (unsigned long long)from,
	    (unsigned long long)to);
	if (!is_free(m, &m->growth) || (m->net != NULL && ztj_mirror_ask(m, &m->growth, path)))
		return;
	ztj_mirror_call_clear(&m->growth);
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
