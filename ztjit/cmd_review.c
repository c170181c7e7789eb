/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit approve and deny. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/review.h"

/* Everything that can refuse comes before the touch. */
static int may(struct cli *c, const struct req *q, const struct review *v)
{
	int r = ztj_trust_seen(c->trust, &q->bundle->request->seen);

	if (r != ZTJ_OK)
		return cli_fail(c, r,
		    "the requester has seen a newer policy or directory than this broker serves: it may hold "
		    "news back");
	r = ztj_grant_may_approve(c->trust, q->bundle->request, v->who, cli_now());
	if (r != ZTJ_OK) {
		if (r == ZTJ_NOT_APPROVER || r == ZTJ_SELF_APPROVAL)
			cli_hint(c, "ztjit requests --to-review");
		return cli_fail(c, r, "%s: %s", q->short_id, ztj_err_text(r));
	}
	if (v->deny || q->grant.state == ZTJ_GRANT_PENDING || q->grant.state == ZTJ_GRANT_APPROVED ||
	    q->grant.state == ZTJ_GRANT_ACTIVE)
		return ZTJ_OK;
	return cli_fail(c, q->grant.code != ZTJ_OK ? q->grant.code : ZTJ_STATE, "%s is %s already",
	    q->short_id, ztj_grant_state_name(q->grant.state));
}

static int build(struct cli *c, const struct req *q, const struct review *v, struct ztj_buf *bytes)
{
	struct ztj_stmt st;
	int r;

	sign_begin(c, &st, ZTJ_STMT_APPROVAL);
	st.u.approval.who = v->who;
	st.u.approval.comment = v->comment;
	st.u.approval.deny = v->deny;
	st.u.approval.limit = v->limit;
	memcpy(st.u.approval.request, q->bundle->request->id, ZTJ_DIGEST_LEN);
	r = ztj_stmt_build(&st, NULL, bytes);
	return r == ZTJ_OK ? r : cli_fail(c, r, "the approval: %s", ztj_err_text(r));
}

int review_sign(struct cli *c, const struct req *q, const struct review *v, const struct cli_key *k)
{
	struct sign_ask ask = { .type = ZTJ_STMT_APPROVAL,
		.title = v->deny ? "You are about to DENY this request:"
				 : "You are about to APPROVE this request:",
		.question = v->deny ? "Deny it?" : "Approve it?" };
	struct ztj_buf bytes, before;
	int r;

	if ((r = may(c, q, v)) != ZTJ_OK)
		return r;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&before, 4 * 1024 * 1024);
	if ((r = build(c, q, v, &bytes)) == ZTJ_OK && (r = req_text(c, q, &before)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		ask.before = ztj_buf_view(&before);
		/* a broker that hides the rule must not make the signature weaker: uv whenever it can be told */
		ask.uv = q->grant.rule != NULL && q->grant.rule->uv;
		r = cli_is_set(c, OPT_WRITE) ? sign_write(c, cli_opt(c, OPT_WRITE), &ask)
					     : sign_and_post(c, &ask, k, NULL);
	}
	ztj_buf_free(&bytes);
	ztj_buf_free(&before);
	return r;
}

static int tell(struct cli *c, const char *id)
{
	struct req q;
	int r = req_fetch(c, id, &q);

	if (r != ZTJ_OK)
		return r;
	out_say(c, "%s is %s now%s%s", q.short_id, ztj_grant_state_name(q.grant.state),
	    q.grant.nmissing > 0 ? "; missing: " : "", req_missing(c, &q.grant));
	if (q.grant.ends != 0)
		out_say(c, "ends: %s", out_time(c, q.grant.ends));
	c->result = req_json(&q);
	req_free(&q);
	return ZTJ_OK;
}

static int review(struct cli *c, struct review *v)
{
	struct cli_key k = { .path = NULL };
	struct req q;
	char id[ZTJ_HEX_SIZE];
	int r;

	if (v->comment[0] != '\0' &&
	    (strlen(v->comment) > ZTJ_REASON_MAX || !ztj_text_ok(ztj_view_str(v->comment))))
		return cli_fail(c, ZTJ_BAD_TEXT, "-m: plain text on one line, %d bytes at most",
		    ZTJ_REASON_MAX);
	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &v->who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK || (!cli_is_set(c, OPT_WRITE) && (r = key_load(c, &k)) != ZTJ_OK) ||
	    (r = req_fetch(c, c->argv[0], &q)) != ZTJ_OK)
		return r;
	memcpy(id, q.id, sizeof id);
	r = review_sign(c, &q, v, &k);
	req_free(&q);
	ztj_keyfile_wipe(&k.file);
	return r == ZTJ_OK && !cli_is_set(c, OPT_WRITE) ? tell(c, id) : r;
}

int cmd_approve(struct cli *c)
{
	struct review v = { .comment = cli_opt(c, OPT_MESSAGE) != NULL ? cli_opt(c, OPT_MESSAGE) : "" };
	int r = cli_opt_duration(c, OPT_FOR, 0, &v.limit);

	return r == ZTJ_OK ? review(c, &v) : r;
}

int cmd_deny(struct cli *c)
{
	struct review v = { .deny = true,
		.comment = cli_opt(c, OPT_MESSAGE) != NULL ? cli_opt(c, OPT_MESSAGE) : "" };

	if (v.comment[0] == '\0')
		return cli_fail(c, ZTJ_USAGE, "say why: -m TEXT");
	return review(c, &v);
}
