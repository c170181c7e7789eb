/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* GET /v1/requests: summaries computed by the grant function, never stored. */
#include <stdio.h>
#include <string.h>

#include "ztjit-broker/store.h"

#define ANSWER_MAX 500
#define SCAN_MAX 4000
#define SWEEP_MAX 512

bool grant_is_over(enum ztj_grant_state s)
{
	switch (s) {
	case ZTJ_GRANT_INVALID:
	case ZTJ_GRANT_ENDED:
	case ZTJ_GRANT_DENIED:
	case ZTJ_GRANT_CANCELLED:
	case ZTJ_GRANT_EXPIRED:
	case ZTJ_GRANT_REVOKED:
		return true;
	case ZTJ_GRANT_PENDING:
	case ZTJ_GRANT_APPROVED:
	case ZTJ_GRANT_ACTIVE:
		break;
	}
	return false;
}

int64_t request_last(const struct ztj_stmt *request)
{
	int64_t starts = request->u.request.start;
	if (request->u.request.valid_until > starts)
		starts = request->u.request.valid_until;
	return starts + request->u.request.duration;
}

static bool names_host(const struct ztj_stmt *req, const char *host)
{
	for (size_t i = 0; i < req->u.request.nhosts; i++)
		if (strcmp(req->u.request.hosts[i], host) == 0)
			return true;
	return false;
}

int request_visible(const struct store *st, const struct caller *c, const struct ztj_bundle *b, int64_t now)
{
	const struct ztj_stmt *req = b->request;
	if (c->kind == CALLER_HOST)
		return names_host(req, c->who) ? ZTJ_OK : ZTJ_FORBIDDEN;
	if (c->kind != CALLER_PERSON)
		return ZTJ_FORBIDDEN;
	if (c->auditor || strcmp(req->u.request.who, c->who) == 0)
		return ZTJ_OK;
	int r = ztj_grant_may_approve(st->trust, req, c->who, now);
	return r == ZTJ_OK || r == ZTJ_EXPIRED ? ZTJ_OK : ZTJ_FORBIDDEN;
}

static json_t *time_or_null(int64_t t)
{
	char text[ZTJ_TIME_SIZE];
	return t > 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

static json_t *text_or_null(const char *s)
{
	return s != NULL && s[0] != '\0' ? json_string(s) : json_null();
}

static json_t *strings(const char *const *s, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; a != NULL && i < n; i++)
		json_array_append_new(a, json_string(s[i]));
	return a;
}

static json_t *missing(const struct ztj_grant *g)
{
	json_t *a = json_array();
	for (size_t i = 0; a != NULL && g->rule != NULL && i < g->nmissing; i++) {
		const struct ztj_slot *slot = &g->rule->slot[g->missing[i]];
		json_array_append_new(a,
		    json_pack("{s:i, s:o}", "count", (int)g->missing_count[i], "from",
			strings(slot->from.s, slot->from.n)));
	}
	return a;
}

static json_t *summary(const struct ztj_bundle *b, const struct ztj_grant *g)
{
	const struct ztj_stmt *q = b->request;
	char hex[ZTJ_HEX_SIZE], short_id[ZTJ_SHORT_ID_SIZE], follows[ZTJ_HEX_SIZE] = "";
	ztj_hex(q->id, ZTJ_DIGEST_LEN, hex);
	ztj_short_id(q->id, short_id);
	if (q->u.request.has_follows)
		ztj_hex(q->u.request.follows, ZTJ_DIGEST_LEN, follows);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b}",
	    "id", hex, "short", short_id, "state", ztj_grant_state_name(g->state), "code",
	    ztj_err_name(g->code), "who", q->u.request.who, "role", q->u.request.role, "hosts",
	    strings(q->u.request.hosts, q->u.request.nhosts), "duration", (json_int_t)q->u.request.duration,
	    "start", time_or_null(q->u.request.start), "reason", q->u.request.reason, "ticket",
	    text_or_null(q->u.request.ticket), "issued", time_or_null(q->issued), "valid_until",
	    time_or_null(q->u.request.valid_until), "starts", time_or_null(g->starts), "ends",
	    time_or_null(g->ends), "rule", text_or_null(g->rule != NULL ? g->rule->name : NULL), "text",
	    g->text, "missing", missing(g), "approvers", strings(g->approver, g->napprovers), "follows",
	    text_or_null(follows), "break_glass", q->u.request.break_glass ? 1 : 0);
}

/* Has this person a signature of their own among the approvals? */
static bool has_answered(const struct ztj_bundle *b, const char *who)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->stmt[i]->type == ZTJ_STMT_APPROVAL && strcmp(b->stmt[i]->u.approval.who, who) == 0 &&
		    memcmp(b->stmt[i]->u.approval.request, b->request->id, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

static bool wanted(const struct store *st, const struct ask *a, const struct caller *c,
    const struct ztj_bundle *b, const struct ztj_grant *g, int64_t now)
{
	bool mine = strcmp(b->request->u.request.who, c->who) == 0;
	if (request_visible(st, c, b, now) != ZTJ_OK)
		return false;
	if (a->mine && !mine)
		return false;
	if (a->review &&
	    (mine || g->state != ZTJ_GRANT_PENDING || has_answered(b, c->who) ||
		ztj_grant_may_approve(st->trust, b->request, c->who, now) != ZTJ_OK))
		return false;
	return a->state[0] == '\0' || strcmp(a->state, ztj_grant_state_name(g->state)) == 0;
}

/* Fills the array; a request that cannot be read any more is left out, not the whole answer. */
static int collect(struct store *st, const struct ask *a, const struct caller *c, int64_t now, json_t *array)
{
	struct db_request_query q = { .who = a->mine ? c->who : NULL, .open_only = a->review };
	struct db_request_ref ref[64];
	const struct ztj_bundle *b;
	struct ztj_grant g;
	size_t n, scanned = 0;
	do {
		int r = db_request_list(st->db, &q, ref, 64, &n);
		if (r != ZTJ_OK)
			return r;
		for (size_t i = 0; i < n && json_array_size(array) < ANSWER_MAX; i++) {
			q.before = ref[i].seq;
			if (bundles_get(st, ref[i].id, &b) != ZTJ_OK)
				continue;
			ztj_grant_eval(st->trust, b, now, &g);
			if (wanted(st, a, c, b, &g, now))
				json_array_append_new(array, summary(b, &g));
		}
		scanned += n;
	} while (n == 64 && scanned < SCAN_MAX && json_array_size(array) < ANSWER_MAX);
	return ZTJ_OK;
}

void do_requests(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	json_t *array = json_array();
	if (array == NULL) {
		st_refuse(st, a->tag, ZTJ_NOMEM, NULL, NULL);
		return;
	}
	int r = collect(st, a, c, now, array);
	if (r != ZTJ_OK) {
		json_decref(array);
		st_refuse(st, a->tag, r, NULL, NULL);
		return;
	}
	st_answer(st, a->tag, 200, json_pack("{s:o}", "requests", array));
}

static int add_bundle(const struct ztj_bundle *b, json_t *body)
{
	struct ztj_buf text;
	ztj_buf_init(&text, 2 * ZTJ_BUNDLE_MAX);
	int r = ztj_b64_encode(ztj_buf_view(&b->mem), &text);
	const char *s = r == ZTJ_OK ? ztj_buf_str(&text) : NULL;
	if (s == NULL || json_object_set_new(body, "bundle", json_string(s)) != 0)
		r = r != ZTJ_OK ? r : ZTJ_NOMEM;
	ztj_buf_free(&text);
	return r;
}

void do_request_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	const struct ztj_bundle *b;
	struct ztj_grant g;
	json_t *body = NULL;
	int r = st_resolve(st, a->id, id);
	if (r == ZTJ_OK)
		r = bundles_get(st, id, &b);
	if (r == ZTJ_OK)
		r = request_visible(st, c, b, now);
	if (r == ZTJ_OK) {
		ztj_grant_eval(st->trust, b, now, &g);
		body = summary(b, &g);
		r = body == NULL ? ZTJ_NOMEM : add_bundle(b, body);
	}
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, body);
		return;
	}
	json_decref(body);
	st_refuse(st, a->tag, r, NULL, NULL);
}

void requests_sweep(struct store *st, int64_t now)
{
	struct db_request_query q = { .oldest_first = true, .before = st->swept };
	struct db_request_ref ref[SWEEP_MAX];
	const struct ztj_bundle *b;
	struct ztj_grant g;
	size_t n;
	if (db_request_list(st->db, &q, ref, SWEEP_MAX, &n) != ZTJ_OK)
		return;
	st->swept = n == SWEEP_MAX ? ref[n - 1].seq : 0;
	for (size_t i = 0; i < n; i++) {
		if (bundles_get(st, ref[i].id, &b) != ZTJ_OK)
			continue;
		ztj_grant_eval(st->trust, b, now, &g);
		/* INVALID may become valid again with the next policy or directory; it stays until it cannot. */
		int64_t last = request_last(b->request);
		if (grant_is_over(g.state) && (g.state != ZTJ_GRANT_INVALID || now > last) &&
		    db_request_close(st->db, ref[i].id, last) != ZTJ_OK)
			return;
	}
}
