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
	/* The gate waits for the answer to the one before; a second one at a time would be a broken gate. */
	if (m->decisions.easy != NULL) {
		m->failed = true;
		return;
	}
	if (m->net != NULL && start(m, lines))
		return;
	ztj_mirror_call_clear(&m->decisions);
	shipped(m, 0, ztj_view_of(NULL, 0));
}

void ztj_mirror_decisions_done(struct ztj_mirror *m, CURLcode rc)
{
	struct ztj_mirror_ship *s = &m->decisions;

	shipped(m, ztj_mirror_call_over(m, s, rc), ztj_view_of(s->reply, s->n));
	ztj_mirror_call_clear(s);
}

void ztj_mirror_decisions_stop(struct ztj_mirror *m)
{
	if (m->decisions.easy != NULL)
		ztj_mirror_decisions_done(m, CURLE_ABORTED_BY_CALLBACK);
}
