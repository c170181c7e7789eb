/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit requests and show. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/reqs.h"

struct listing {
	struct cli *c;
	struct out_table table;
	const char *who;
};

/* Finished ones are history: shown with --all only. */
static bool live(const struct ztj_grant *g)
{
	return g->state == ZTJ_GRANT_PENDING || g->state == ZTJ_GRANT_APPROVED ||
	    g->state == ZTJ_GRANT_ACTIVE;
}

static const char *remark(struct cli *c, const struct req *q)
{
	const char *s;

	switch (q->grant.state) {
	case ZTJ_GRANT_PENDING:
		s = cli_printf(c, "missing: %s", req_missing(c, &q->grant));
		return s != NULL ? s : "?";
	case ZTJ_GRANT_APPROVED:
		s = cli_printf(c, "starts %s", out_relative(c, q->grant.starts));
		return s != NULL ? s : "?";
	case ZTJ_GRANT_ACTIVE:
		s = cli_printf(c, "ends %s", out_relative(c, q->grant.ends));
		return s != NULL ? s : "?";
	case ZTJ_GRANT_INVALID:
	case ZTJ_GRANT_ENDED:
	case ZTJ_GRANT_DENIED:
	case ZTJ_GRANT_CANCELLED:
	case ZTJ_GRANT_EXPIRED:
	case ZTJ_GRANT_REVOKED:
		break;
	}
	return q->grant.ends != 0 ? out_relative(c, q->grant.ends) : "-";
}

static int add(const struct req *q, void *arg)
{
	struct listing *l = arg;
	struct cli *c = l->c;
	const struct ztj_stmt *st = q->bundle->request;

	if (!cli_is_set(c, OPT_ALL) && !live(&q->grant))
		return ZTJ_OK;
	if (cli_is_set(c, OPT_TO_REVIEW) &&
	    (q->grant.state != ZTJ_GRANT_PENDING ||
		ztj_grant_may_approve(c->trust, st, l->who, cli_now()) != ZTJ_OK))
		return ZTJ_OK;
	(void)json_array_append_new(c->result, req_json(q));
	return out_table_row(c, &l->table,
	    (const char *[]){ q->short_id, ztj_grant_state_name(q->grant.state), st->u.request.who,
		st->u.request.role, req_hosts(c, st), out_duration(c, st->u.request.duration), remark(c, q),
		st->u.request.reason });
}

int cmd_requests(struct cli *c)
{
	struct listing l = { .c = c };
	const char *path = "/v1/requests";
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &l.who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	if (cli_is_set(c, OPT_MINE))
		path = "/v1/requests?mine=1";
	else if (cli_is_set(c, OPT_TO_REVIEW))
		path = "/v1/requests?review=1";
	out_table_begin(&l.table, 8);
	c->result = json_array();
	r = out_table_row(c, &l.table,
	    (const char *[]){ "REQUEST", "STATE", "WHO", "ROLE", "HOSTS", "FOR", "", "REASON" });
	if (r == ZTJ_OK)
		r = reqs_each(c, path, !cli_is_set(c, OPT_ALL), add, &l);
	if (r == ZTJ_OK && l.table.nrows == 1)
		out_say(c, "No requests%s.", cli_is_set(c, OPT_ALL) ? "" : " (finished ones: --all)");
	else if (r == ZTJ_OK)
		out_table_print(c, &l.table);
	return r;
}

int cmd_show(struct cli *c)
{
	struct ztj_buf text;
	struct req q;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK ||
	    (r = req_fetch(c, c->argv[0], &q)) != ZTJ_OK)
		return r;
	ztj_buf_init(&text, 4 * 1024 * 1024);
	r = req_text(c, &q, &text);
	if (r == ZTJ_OK && ztj_buf_str(&text) != NULL && !c->json)
		out_safe(stdout, ztj_buf_str(&text));
	c->result = req_json(&q);
	ztj_buf_free(&text);
	req_free(&q);
	return r;
}
