/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit host token: a secret that a host proves when it joins, so that nobody has to compare digests. */
#include "ztjit/commands.h"

#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/hosts.h"
#include "ztjit/out.h"

#define TOKEN_FOR 3600

static int begin(struct cli *c, struct dirup *u, struct host_token *t)
{
	struct ztj_record rec = { .host = true, .name = "-" };
	int64_t span;
	int r;

	if ((r = cli_opt_duration(c, OPT_FOR, TOKEN_FOR, &span)) != ZTJ_OK)
		return r;
	if (span > TOKEN_FOR_MAX)
		return cli_fail(c, ZTJ_USAGE, "a token lasts %s at most", out_duration(c, TOKEN_FOR_MAX));
	if ((r = host_labels(c, &rec.labels, &rec.nlabels)) != ZTJ_OK ||
	    (r = dirup_check_host(c, u, &rec)) != ZTJ_OK)
		return r;
	if (rec.nlabels > ZTJ_LABELS_MAX)
		return cli_fail(c, ZTJ_LIMIT, "more than %d labels", ZTJ_LABELS_MAX);
	t->expires = cli_now() + span;
	t->nlabels = rec.nlabels;
	memcpy(t->labels, rec.labels, rec.nlabels * sizeof *rec.labels);
	(void)snprintf(t->directory, sizeof t->directory, "%s", u->name);
	return ZTJ_OK;
}

static const char *broker_url(struct cli *c)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);

	return c->conf.broker.n > 0 ? c->conf.broker.s[0]
	    : p->broker.urls.n > 0  ? p->broker.urls.s[0]
				    : "https://HOST:PORT";
}

static int give(struct cli *c, const struct dirup *u, struct host_token *t, const char *asked)
{
	const char *name = ztj_fullname_tail(asked);
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, name) : NULL;
	char pin[ZTJ_PIN_SIZE], token[ZTJ_TOKEN_SIZE];
	int r;

	if (!ztj_hostname_ok(name))
		return cli_fail(c, ZTJ_BAD_NAME, "%s: a host is named with a-z, 0-9, . and -, 64 at most",
		    cli_esc(c, name));
	if (old != NULL && !old->host)
		return cli_fail(c, ZTJ_EXISTS, "%s is a person of directory %s", name, u->name);
	(void)snprintf(t->name, sizeof t->name, "%s", name);
	if ((r = ztj_random(t->token, sizeof t->token)) != ZTJ_OK ||
	    (r = ztj_pins_digest(&c->pins, pin)) != ZTJ_OK || (r = tokens_add(c, t)) != ZTJ_OK)
		return r;
	ztj_token_format(t->token, token);
	if (old != NULL)
		out_warn(c,
		    "%s stands in directory %s: approving it again wants --new-keys if its keys change", name,
		    u->name);
	out_say(c,
	    "On %s, until %s (this is not shown again):\n"
	    "  ztjit-hostd join --broker %s --pin %s --directory %s --name %s --token %s",
	    name, out_time(c, t->expires), broker_url(c), pin, u->name, name, token);
	(void)json_array_append_new(c->result,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "name", name, "directory", u->name, "broker",
		broker_url(c), "pin", pin, "token", token, "expires", (json_int_t)t->expires));
	ztj_wipe(token, sizeof token);
	return ZTJ_OK;
}

int cmd_host_token(struct cli *c)
{
	struct host_token t = { .expires = 0 };
	struct dirup u;
	int r = dirup_begin(c, DIRUP_HOSTS, NULL, &u);

	if (r == ZTJ_OK)
		r = begin(c, &u, &t);
	if (r == ZTJ_OK && (c->result = json_array()) == NULL)
		r = ZTJ_NOMEM;
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++)
		r = give(c, &u, &t, c->argv[i]);
	if (r == ZTJ_OK)
		out_say(c, "Then here: ztjit host approve %s",
		    c->argc == 1 ? ztj_fullname_tail(c->argv[0]) : "NAME…");
	ztj_wipe(t.token, sizeof t.token);
	dirup_free(&u);
	return r;
}
