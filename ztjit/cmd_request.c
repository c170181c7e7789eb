/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit request and extend. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/ask.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

#define VALID_DEFAULT 3600

static int begin(struct cli *c, struct cli_key *k, const char **who)
{
	int r;

	if (cli_is_set(c, OPT_WAIT) && cli_is_set(c, OPT_NO_WAIT))
		return cli_fail(c, ZTJ_USAGE, "--wait and --no-wait together");
	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	/* a request written for signing by hand, or only tried, needs no key here */
	if (cli_is_set(c, OPT_WRITE) || cli_is_set(c, OPT_DRY_RUN)) {
		*k = (struct cli_key){ .path = NULL };
		return ZTJ_OK;
	}
	return key_load(c, k);
}

/* How long this may wait for approval by the rule that will govern, if one can be foreseen. */
static int64_t default_valid(const struct cli *c, const struct ztj_stmt *st)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	const struct ztj_record *me, *host;
	int64_t best = 0;

	if (ztj_trust_user(c->trust, st->u.request.who, cli_now(), &me) != ZTJ_OK ||
	    ztj_trust_host(c->trust, st->u.request.hosts[0], cli_now(), &host) != ZTJ_OK)
		return VALID_DEFAULT;
	for (size_t i = 0; i < p->nrules && best == 0; i++) {
		const struct ztj_rule *rule = &p->rules[i];
		size_t k = 0;

		while (k < rule->roles.n && strcmp(rule->roles.s[k], st->u.request.role) != 0)
			k++;
		if (k == rule->roles.n || rule->break_glass != st->u.request.break_glass ||
		    !ztj_policy_names(&rule->who, st->u.request.who, me))
			continue;
		for (k = 0; k < rule->nlabels; k++) {
			const char *v = ztj_record_label(host, rule->labels[k].key);

			if (v == NULL ||
			    (strcmp(rule->labels[k].value, "*") != 0 &&
				strcmp(rule->labels[k].value, v) != 0))
				break;
		}
		if (k == rule->nlabels)
			best = rule->request_valid;
	}
	return best > 0 ? best : VALID_DEFAULT;
}

static int set_valid(struct cli *c, struct ztj_stmt *st)
{
	int64_t span;
	int r = cli_opt_duration(c, OPT_VALID, default_valid(c, st), &span);

	st->u.request.valid_until = st->issued + span;
	return r;
}

static int fill(struct cli *c, struct ztj_stmt *st)
{
	int r;

	st->u.request.role = cli_opt(c, OPT_ROLE);
	st->u.request.ticket = cli_opt(c, OPT_TICKET) != NULL ? cli_opt(c, OPT_TICKET) : "";
	st->u.request.break_glass = cli_is_set(c, OPT_BREAK_GLASS);
	if (st->u.request.role == NULL || cli_opt(c, OPT_FOR) == NULL)
		return cli_fail(c, ZTJ_USAGE, "--role NAME and --for TIME are needed");
	if (ztj_policy_role(ztj_trust_held_policy(c->trust), st->u.request.role) == NULL)
		return cli_fail(c, ZTJ_NO_RULE, "the policy has no role %s", cli_esc(c, st->u.request.role));
	if ((r = cli_opt_duration(c, OPT_FOR, 0, &st->u.request.duration)) != ZTJ_OK ||
	    (r = cli_opt_time(c, OPT_AT, 0, &st->u.request.start)) != ZTJ_OK ||
	    (r = ask_hosts(c, &st->u.request.hosts, &st->u.request.nhosts)) != ZTJ_OK ||
	    (r = ask_reason(c, &st->u.request.reason)) != ZTJ_OK)
		return r;
	return set_valid(c, st);
}

int cmd_request(struct cli *c)
{
	struct ztj_stmt st;
	struct cli_key k;
	const char *who = "";
	int r;

	if ((r = begin(c, &k, &who)) != ZTJ_OK)
		return r;
	sign_begin(c, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = who;
	if ((r = fill(c, &st)) == ZTJ_OK)
		r = ask_file(c, &st, &k, "You are about to ask:");
	ztj_keyfile_wipe(&k.file);
	return r;
}

static int fill_extension(struct cli *c, struct ztj_stmt *st, const struct req *old)
{
	const struct ztj_stmt *was = old->bundle->request;
	int r;

	if (strcmp(was->u.request.who, st->u.request.who) != 0)
		return cli_fail(c, ZTJ_CHAIN, "%s is somebody else's request", old->short_id);
	if (cli_opt(c, OPT_FOR) == NULL)
		return cli_fail(c, ZTJ_USAGE, "--for TIME is needed");
	st->u.request.role = was->u.request.role;
	st->u.request.ticket = cli_opt(c, OPT_TICKET) != NULL ? cli_opt(c, OPT_TICKET)
							      : was->u.request.ticket;
	st->u.request.break_glass = was->u.request.break_glass;
	st->u.request.has_follows = true;
	memcpy(st->u.request.follows, was->id, ZTJ_DIGEST_LEN);
	st->u.request.hosts = was->u.request.hosts;
	st->u.request.nhosts = was->u.request.nhosts;
	if (cli_is_set(c, OPT_HOST) &&
	    (r = ask_hosts(c, &st->u.request.hosts, &st->u.request.nhosts)) != ZTJ_OK)
		return r;
	if ((r = cli_opt_duration(c, OPT_FOR, 0, &st->u.request.duration)) != ZTJ_OK ||
	    (r = ask_reason(c, &st->u.request.reason)) != ZTJ_OK)
		return r;
	return set_valid(c, st);
}

int cmd_extend(struct cli *c)
{
	struct req old;
	struct ztj_stmt st;
	struct cli_key k;
	const char *who = "";
	int r;

	if ((r = begin(c, &k, &who)) != ZTJ_OK || (r = req_fetch(c, c->argv[0], &old)) != ZTJ_OK)
		return r;
	sign_begin(c, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = who;
	if ((r = fill_extension(c, &st, &old)) == ZTJ_OK)
		r = ask_file(c, &st, &k, "You are about to ask for more time:");
	req_free(&old);
	ztj_keyfile_wipe(&k.file);
	return r;
}
