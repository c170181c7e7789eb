/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The result of a scan (PROTOCOL sections 3 and 4). Local root says what it found; the gate signs numbers and digest with the machine
 * key, so that nobody on the way can make a host look cleaner than it said, and passes the report on unread.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/codec.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define WAIT_MS 40000
#define REPORT_MAX ((size_t)64 * 1024)

struct found {
	uint32_t standing, accepted, expired, missed;
	struct ztj_view report;
};

static int read_found(struct ztj_view body, struct found *f)
{
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, body);
	if ((r = ztj_rd_u32(&rd, &f->standing)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &f->accepted)) != ZTJ_OK ||
	    (r = ztj_rd_u32(&rd, &f->expired)) != ZTJ_OK || (r = ztj_rd_u32(&rd, &f->missed)) != ZTJ_OK ||
	    (r = ztj_rd_string(&rd, REPORT_MAX, &f->report)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	return f->report.n > 0 ? ZTJ_OK : ZTJ_PROTOCOL;
}

static int sign(struct ztj_gate *g, const struct found *f, struct ztj_buf *json)
{
	struct ztj_stmt *st = calloc(1, sizeof(*st));
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf bytes, sig;
	struct ztj_now now;
	int r = st == NULL ? ZTJ_NOMEM : ZTJ_OK;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_gate_now(g, &now);
	if (r == ZTJ_OK)
		r = ztj_sha256(f->report, st->u.standing.digest);
	if (r == ZTJ_OK) {
		st->type = ZTJ_STMT_STANDING;
		st->domain = g->pins.domain;
		st->issued = now.sys;
		st->u.standing.host = g->conf->fullname;
		st->u.standing.standing = f->standing;
		st->u.standing.accepted = f->accepted;
		st->u.standing.expired = f->expired;
		st->u.standing.missed = f->missed;
		r = ztj_stmt_build(st, NULL, &bytes);
	}
	if (r == ZTJ_OK)
		r = ztj_sshsig_sign(&g->machine, ztj_stmt_namespace(ZTJ_STMT_STANDING), ztj_buf_view(&bytes),
		    &sig);
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	if (r == ZTJ_OK)
		r = ztj_stmt_id(s.bytes, g->standing_id);
	if (r == ZTJ_OK)
		r = ztj_signed_to_json(&s, json);
	free(st);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	return r;
}

/* {"statement": …, "signatures": […], "report": BASE64} */
static int hand_over(struct ztj_gate *g, const struct found *f)
{
	struct ztj_buf json, body;
	int r;

	ztj_buf_init(&json, ZTJ_STMT_MAX);
	ztj_buf_init(&body, ZTJ_IPC_MAX);
	r = sign(g, f, &json);
	/* the container is an object of ours: one member more before its end */
	if (r == ZTJ_OK)
		r = json.n > 2 && json.p[json.n - 1] == '}' ? ztj_buf_put(&body, json.p, json.n - 1)
							    : ZTJ_INTERNAL;
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&body, ",\"report\":\"");
	if (r == ZTJ_OK)
		r = ztj_b64_encode(f->report, &body);
	if (r == ZTJ_OK)
		r = ztj_buf_puts(&body, "\"}");
	if (r == ZTJ_OK)
		r = ztj_news_report(g, g->standing_id, ztj_buf_view(&body));
	ztj_buf_free(&json);
	ztj_buf_free(&body);
	return r;
}

void ztj_standing_message(struct ztj_conn *c)
{
	struct ztj_gate *g = c->g;
	struct found f;
	int r = read_found(c->in.body, &f);

	if (r != ZTJ_OK) {
		ztj_conn_close(c);
		return;
	}
	/* one at a time: the next scan is hours away */
	if (g->standing != NULL)
		r = ZTJ_RATE_LIMITED;
	else if (!g->link_up)
		r = ZTJ_UNREACHABLE;
	else
		r = hand_over(g, &f);
	if (r != ZTJ_OK) {
		ztj_control_reply(c, r, ztj_err_text(r));
		return;
	}
	g->standing = c;
	ztj_conn_deadline(c, WAIT_MS);
}

bool ztj_standing_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code)
{
	struct ztj_conn *c = g->standing;
	int r = code == 0 ? ZTJ_OK
	    : code == 403 ? ZTJ_FORBIDDEN
	    : code == 429 ? ZTJ_RATE_LIMITED
			  : ZTJ_UNREACHABLE;

	if (c == NULL || memcmp(id, g->standing_id, sizeof(g->standing_id)) != 0)
		return false;
	g->standing = NULL;
	ztj_control_reply(c, r, r == ZTJ_OK ? "the broker has it" : ztj_err_text(r));
	return true;
}
