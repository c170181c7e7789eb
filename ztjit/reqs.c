/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Requests, fetched and judged. */
#include "ztjit/reqs.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/kept.h"
#include "ztjit/out.h"
#include "ztjit/screen.h"

#define BUNDLE_TEXT_MAX (2u * ZTJ_BUNDLE_MAX)

int req_id(struct cli *c, const char *text, char out[ZTJ_HEX_SIZE])
{
	uint8_t raw[ZTJ_DIGEST_LEN];
	char id[ZTJ_SHORT_ID_SIZE];

	out[0] = '\0';
	if (ztj_unhex(ztj_view_str(text), raw, sizeof raw) == ZTJ_OK)
		ztj_hex(raw, sizeof raw, out);
	else if (ztj_short_id_parse(text, id) == ZTJ_OK)
		(void)snprintf(out, ZTJ_HEX_SIZE, "%s", id);
	else
		return cli_fail(c, ZTJ_USAGE, "%s is no request id (R- and ten characters)",
		    cli_esc(c, text));
	return ZTJ_OK;
}

static int open_bundle(struct cli *c, const char *text, struct req *q)
{
	struct ztj_buf blob;
	int r;

	ztj_buf_init(&blob, ZTJ_BUNDLE_MAX);
	if ((r = ztj_b64_decode(ztj_view_str(text), &blob)) == ZTJ_OK)
		r = ztj_bundle_read(ztj_buf_view(&blob), c->pins.domain, c->cache, &q->bundle);
	ztj_buf_free(&blob);
	if (r != ZTJ_OK)
		return r;
	ztj_hex(q->bundle->request->id, ZTJ_DIGEST_LEN, q->id);
	ztj_short_id(q->bundle->request->id, q->short_id);
	ztj_grant_eval(c->trust, q->bundle, cli_now(), &q->grant);
	return ZTJ_OK;
}

static int fetch(struct cli *c, const char *id, struct req *out)
{
	json_t *o = NULL;
	char path[128];
	int r;

	*out = (struct req){ .bundle = NULL };
	(void)snprintf(path, sizeof path, "/v1/requests/%s", id);
	if ((r = api_call(c, "GET", path, NULL, &o)) != ZTJ_OK)
		return r;
	if ((r = open_bundle(c, api_str(o, "bundle"), out)) != ZTJ_OK)
		r = cli_fail(c, r, "what the broker shows as %s does not verify: %s", id, ztj_err_text(r));
	else if (strcmp(id, out->id) != 0 && strcmp(id, out->short_id) != 0)
		r = cli_fail(c, ZTJ_WRONG_REQUEST, "asked for %s, the broker shows %s", id, out->short_id);
	json_decref(o);
	if (r != ZTJ_OK)
		req_free(out);
	else if (req_is_over(out))
		kept_forget(c, out->id);
	return r;
}

bool req_is_over(const struct req *q)
{
	switch (q->grant.state) {
	case ZTJ_GRANT_ENDED:
	case ZTJ_GRANT_DENIED:
	case ZTJ_GRANT_CANCELLED:
	case ZTJ_GRANT_EXPIRED:
	case ZTJ_GRANT_REVOKED:
		return true;
	case ZTJ_GRANT_INVALID:
	case ZTJ_GRANT_PENDING:
	case ZTJ_GRANT_APPROVED:
	case ZTJ_GRANT_ACTIVE:
		break;
	}
	return false;
}

int req_fetch(struct cli *c, const char *id, struct req *out)
{
	char canonical[ZTJ_HEX_SIZE];
	int r = req_id(c, id, canonical);

	*out = (struct req){ .bundle = NULL };
	if (r == ZTJ_OK && (r = fetch(c, canonical, out)) == ZTJ_NOT_FOUND)
		cli_hint(c, "ztjit requests --all");
	return r;
}

void req_free(struct req *q)
{
	ztj_bundle_free(q->bundle);
	q->bundle = NULL;
}

static bool called_live(const json_t *summary)
{
	static const char *const live[] = { "pending", "approved", "active" };
	const char *state = api_str(summary, "state");

	for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
		if (strcmp(state, live[i]) == 0)
			return true;
	return false;
}

static int each_one(struct cli *c, const json_t *summary, int (*each)(const struct req *q, void *arg),
    void *arg)
{
	char id[ZTJ_HEX_SIZE];
	struct req q;
	int r;

	if (req_id(c, api_str(summary, "id"), id) != ZTJ_OK || fetch(c, id, &q) != ZTJ_OK) {
		out_warn(c, "%s", c->message != NULL ? c->message : "a request could not be fetched");
		cli_forget(c);
		return ZTJ_OK;
	}
	r = each(&q, arg);
	req_free(&q);
	return r;
}

int reqs_each(struct cli *c, const char *path, bool live, int (*each)(const struct req *q, void *arg),
    void *arg)
{
	json_t *o = NULL, *list, *e;
	size_t i;
	int r = api_call(c, "GET", path, NULL, &o);

	if (r != ZTJ_OK)
		return r;
	list = json_object_get(o, "requests");
	json_array_foreach(list, i, e)
	{
		if (live && !called_live(e))
			continue;
		if ((r = each_one(c, e, each, arg)) != ZTJ_OK)
			break;
	}
	json_decref(o);
	return r;
}

const char *req_missing(struct cli *c, const struct ztj_grant *g)
{
	char *s = cli_strdup(c, "");

	for (size_t i = 0; s != NULL && g->rule != NULL && i < g->nmissing; i++) {
		const struct ztj_slot *slot = &g->rule->slot[g->missing[i]];

		s = cli_printf(c, "%s%s%u of", s, i > 0 ? ", " : "", g->missing_count[i]);
		for (size_t k = 0; s != NULL && k < slot->from.n; k++)
			s = cli_printf(c, "%s %s", s, slot->from.s[k]);
	}
	return s != NULL ? s : "?";
}

const char *req_hosts(struct cli *c, const struct ztj_stmt *request)
{
	char *s = cli_strdup(c, "");

	for (size_t i = 0; s != NULL && i < request->u.request.nhosts; i++)
		s = cli_printf(c, "%s%s%s", s, i > 0 ? ", " : "",
		    ztj_fullname_tail(request->u.request.hosts[i]));
	return s != NULL ? s : "?";
}

static void put_state(struct cli *c, const struct req *q, struct ztj_buf *out)
{
	const struct ztj_grant *g = &q->grant;

	(void)ztj_buf_printf(out, "state: %s\n", ztj_grant_state_name(g->state));
	if (g->rule != NULL)
		(void)ztj_buf_printf(out, "rule: %s%s\n", g->rule->name,
		    g->rule->uv ? " (PIN or biometric)" : "");
	if (g->starts != 0)
		(void)ztj_buf_printf(out, "starts: %s\n", out_time(c, g->starts));
	if (g->ends != 0)
		(void)ztj_buf_printf(out, "ends: %s\n", out_time(c, g->ends));
	for (size_t i = 0; i < g->napprovers; i++)
		(void)ztj_buf_printf(out, "approved by: %s\n", cli_esc(c, g->approver[i]));
	if (g->nmissing > 0)
		(void)ztj_buf_printf(out, "missing: %s\n", req_missing(c, g));
	if (g->text[0] != '\0')
		(void)ztj_buf_printf(out, "because: %s\n", cli_esc(c, g->text));
}

static int put_statement(const struct ztj_stmt *st, struct ztj_buf *out)
{
	char id[ZTJ_SHORT_ID_SIZE];
	struct ztj_buf fields;
	int r;

	ztj_buf_init(&fields, 1024 * 1024);
	ztj_short_id(st->id, id);
	(void)ztj_buf_printf(out, "%s%s%s\n", ztj_stmt_type_name(st->type),
	    st->type == ZTJ_STMT_REQUEST ? " " : "", st->type == ZTJ_STMT_REQUEST ? id : "");
	if ((r = ztj_stmt_render(st, cli_now(), &fields)) == ZTJ_OK)
		r = screen_indent(ztj_buf_view(&fields), out);
	ztj_buf_free(&fields);
	return r;
}

int req_text(struct cli *c, const struct req *q, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	for (size_t i = 0; i < q->bundle->n && r == ZTJ_OK; i++)
		r = put_statement(q->bundle->stmt[i], out);
	put_state(c, q, out);
	return r == ZTJ_OK ? ztj_buf_status(out) : r;
}

static json_t *time_json(int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return t != 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

json_t *req_json(const struct req *q)
{
	const struct ztj_stmt *st = q->bundle->request;
	const struct ztj_grant *g = &q->grant;
	json_t *hosts = json_array(), *by = json_array(), *missing = json_array();

	for (size_t i = 0; i < st->u.request.nhosts; i++)
		(void)json_array_append_new(hosts, json_string(st->u.request.hosts[i]));
	for (size_t i = 0; i < g->napprovers; i++)
		(void)json_array_append_new(by, json_string(g->approver[i]));
	for (size_t i = 0; i < g->nmissing && g->rule != NULL; i++) {
		json_t *from = json_array();

		for (size_t k = 0; k < g->rule->slot[g->missing[i]].from.n; k++)
			(void)json_array_append_new(from,
			    json_string(g->rule->slot[g->missing[i]].from.s[k]));
		(void)json_array_append_new(missing,
		    json_pack("{s:i, s:o}", "count", (int)g->missing_count[i], "from", from));
	}
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s*, s:s}",
	    "id", q->id, "short", q->short_id, "state", ztj_grant_state_name(g->state), "code",
	    ztj_err_name(g->code), "who", st->u.request.who, "role", st->u.request.role, "hosts", hosts,
	    "duration", (json_int_t)st->u.request.duration, "reason", st->u.request.reason, "ticket",
	    st->u.request.ticket, "issued", time_json(st->issued), "valid_until",
	    time_json(st->u.request.valid_until), "starts", time_json(g->starts), "ends", time_json(g->ends),
	    "missing", missing, "approvers", by, "rule", g->rule != NULL ? g->rule->name : NULL, "text",
	    g->text);
}
