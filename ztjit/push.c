/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Handing a signed policy to the broker. */
#include "ztjit/push.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/reqs.h"
#include "ztjit/screen.h"
#include "ztjit/tty.h"

int policy_parse(struct cli *c, const char *name, struct ztj_view text, struct ztj_policy **out)
{
	static struct ztj_policy_problems problems;
	int r = ztj_policy_parse(text, out, &problems);

	for (size_t i = 0; i < problems.n && i < sizeof problems.item / sizeof problems.item[0]; i++)
		out_note(c, "%s:%u: %s%s", cli_esc(c, name), problems.item[i].line,
		    problems.item[i].warning ? "warning: " : "", problems.item[i].text);
	if (r != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", cli_esc(c, name), ztj_err_text(r));
	return ZTJ_OK;
}

int policy_read(struct cli *c, const char *path, struct ztj_buf *text, struct ztj_policy **out)
{
	int r = ctx_read(c, path, false, ZTJ_POLICY_MAX, text);

	*out = NULL;
	if (r != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", cli_esc(c, path), ztj_err_text(r));
	return policy_parse(c, path, ztj_buf_view(text), out);
}

int policy_tests(struct cli *c, const struct ztj_policy *p, bool all)
{
	struct ztj_buf report;
	const char *s;
	int r;

	ztj_buf_init(&report, 1024 * 1024);
	r = ztj_policy_run_tests(p, cli_now(), &report);
	s = ztj_buf_str(&report);
	if (s != NULL && report.n > 0 && (all || r != ZTJ_OK) && !c->json)
		out_safe(stdout, s);
	ztj_buf_free(&report);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s", ztj_err_text(r));
}

static void show_diff(struct cli *c, const struct ztj_policy *now, const struct ztj_policy *next)
{
	struct ztj_buf text;

	ztj_buf_init(&text, 4 * 1024 * 1024);
	if (now == NULL)
		out_note(c, "This is the first policy (version %lld).", (long long)next->version);
	else if (ztj_policy_diff(now, next, &text) == ZTJ_OK && ztj_buf_str(&text) != NULL)
		out_note(c, "Against version %lld:\n%s", (long long)now->version, ztj_buf_str(&text));
	ztj_buf_free(&text);
}

struct ending {
	struct cli *c;
	struct ztj_trust *next;
	size_t n;
};

static int compare_one(const struct req *q, void *arg)
{
	struct ending *e = arg;
	struct ztj_grant after;

	if (q->grant.state != ZTJ_GRANT_ACTIVE && q->grant.state != ZTJ_GRANT_APPROVED &&
	    q->grant.state != ZTJ_GRANT_PENDING)
		return ZTJ_OK;
	ztj_grant_eval(e->next, q->bundle, cli_now(), &after);
	if (after.state == q->grant.state && after.ends >= q->grant.ends)
		return ZTJ_OK;
	e->n++;
	out_note(e->c, "  %s of %s: %s -> %s (%s)", q->short_id,
	    cli_esc(e->c, q->bundle->request->u.request.who), ztj_grant_state_name(q->grant.state),
	    ztj_grant_state_name(after.state), cli_esc(e->c, after.text));
	return ZTJ_OK;
}

/* Only of what this person may see, and only when logged in: pushing must work without. */
static void list_ended(struct cli *c, const struct ztj_signed *s)
{
	struct ending e = { .c = c };

	if (ztj_trust_held_policy(c->trust) == NULL)
		return;
	if (login_load(c) != ZTJ_OK || login_who(c)[0] == '\0' || api_open_login(c) != ZTJ_OK ||
	    held_sync(c) != ZTJ_OK || held_with_policy(c, s, &e.next) != ZTJ_OK) {
		cli_forget(c);
		out_note(c, "Not logged in as a person: which grants it would end cannot be listed.");
		return;
	}
	out_note(c, "Grants that this policy would end or shorten (of those you may see):");
	if (reqs_each(c, "/v1/requests", true, compare_one, &e) != ZTJ_OK)
		cli_forget(c);
	if (e.n == 0)
		out_note(c, "  none");
	ztj_trust_free(e.next);
}

static int check_signatures(struct cli *c, const struct ztj_signed *s)
{
	struct ztj_trust *t;
	int r = held_with_policy(c, s, &t);

	ztj_trust_free(t);
	return r == ZTJ_OK ? r : cli_fail(c, r, "the policy would be refused: %s", ztj_err_text(r));
}

static int hand_over(struct cli *c, const struct ztj_signed *s, const struct ztj_policy *p)
{
	json_t *answer = NULL;
	int64_t version;
	int r;

	if ((r = api_open_bootstrap(c)) != ZTJ_OK || (r = api_broker(c, &version, NULL)) != ZTJ_OK ||
	    (r = api_check_peer(c, p)) != ZTJ_OK || (r = api_statement(c, s, &answer)) != ZTJ_OK) {
		if (r == ZTJ_BROKER_KEY)
			cli_hint(c,
			    "put the 'broker' fragment that ztjit-broker init printed into the policy, sign again");
		return r;
	}
	json_decref(answer);
	return held_take_policy(c, s);
}

int push_policy(struct cli *c, const struct ztj_signed *s)
{
	struct ztj_policy *p = NULL;
	int r;

	if ((r = held_open(c)) != ZTJ_OK || (r = policy_parse(c, c->argv[0], s->bytes, &p)) != ZTJ_OK)
		return r;
	if ((r = policy_tests(c, p, false)) == ZTJ_OK && (r = check_signatures(c, s)) == ZTJ_OK) {
		show_diff(c, ztj_trust_held_policy(c->trust), p);
		list_ended(c, s);
		if ((r = tty_confirm(c, "Push this policy?")) == ZTJ_OK && (r = hand_over(c, s, p)) == ZTJ_OK)
			out_say(c, "Policy version %lld is in force, until %s.", (long long)p->version,
			    out_time(c, p->expires));
	}
	if (r == ZTJ_OK)
		c->result = json_pack("{s:I}", "version", (json_int_t)p->version);
	ztj_policy_free(p);
	return r;
}
