/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit policy check, test, explain, diff, sign, push. */
#include "ztjit/commands.h"

#include <string.h>

#include "libztjit/core/grant.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/push.h"
#include "ztjit/reqs.h"
#include "ztjit/sigfile.h"
#include "ztjit/sign.h"

#define WARN_BEFORE (30LL * 86400)

static void summary(struct cli *c, const struct ztj_policy *p)
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(p->digest, ZTJ_DIGEST_LEN, hex);
	out_say(c, "domain %s, version %lld, %zu roles, %zu rules, %zu registrars, until %s\nsha256: %s",
	    p->domain, (long long)p->version, p->nroles, p->nrules, p->nregistrars, out_time(c, p->expires),
	    hex);
	if (p->expires <= cli_now())
		out_warn(c, "this policy has expired");
	else if (p->expires < cli_now() + WARN_BEFORE)
		out_warn(c, "this policy expires %s", out_relative(c, p->expires));
	c->result = json_pack("{s:s, s:I, s:s, s:I}", "domain", p->domain, "version", (json_int_t)p->version,
	    "sha256", hex, "expires", (json_int_t)p->expires);
}

static int check(struct cli *c, bool all)
{
	struct ztj_policy *p;
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	if ((r = policy_read(c, c->argv[0], &text, &p)) == ZTJ_OK &&
	    (r = policy_tests(c, p, all)) == ZTJ_OK) {
		if (c->has_pins && strcmp(c->pins.domain, p->domain) != 0)
			out_warn(c, "this workstation belongs to domain %s, the policy to %s", c->pins.domain,
			    p->domain);
		summary(c, p);
	}
	ztj_policy_free(p);
	ztj_buf_free(&text);
	return r;
}

int cmd_policy_check(struct cli *c)
{
	return check(c, false);
}

int cmd_policy_test(struct cli *c)
{
	return check(c, true);
}

/* The held policy, or a file judged with the directories held here. */
static int explain_trust(struct cli *c, struct ztj_trust **mine)
{
	struct ztj_policy *p = NULL;
	struct ztj_buf text;
	const struct ztj_policy *held;
	int r;

	*mine = NULL;
	if (c->argc == 0)
		return held_need_policy(c, &held);
	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	if ((r = held_open(c)) == ZTJ_OK && (r = policy_read(c, c->argv[0], &text, &p)) == ZTJ_OK)
		r = held_unsigned(c, p, mine);
	ztj_policy_free(p);
	ztj_buf_free(&text);
	return r;
}

static int explain(struct cli *c, const struct ztj_trust *t)
{
	const struct cli_value *hosts = &c->opt[OPT_HOST];
	const char **full = cli_keep(c, (hosts->n + 1) * sizeof *full);
	const char *role = cli_opt(c, OPT_ROLE);
	char who[ZTJ_FULLNAME_SIZE];
	struct ztj_buf text;
	int64_t at;
	int r;

	if (full == NULL)
		return ZTJ_NOMEM;
	if ((r = cli_opt_time(c, OPT_AT, cli_now(), &at)) != ZTJ_OK)
		return r;
	if ((r = ztj_trust_resolve(t, cli_opt(c, OPT_USER), false, who)) != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", cli_esc(c, cli_opt(c, OPT_USER)), ztj_err_text(r));
	for (size_t i = 0; i < hosts->n; i++) {
		char name[ZTJ_FULLNAME_SIZE];

		if ((r = ztj_trust_resolve(t, hosts->v[i], true, name)) != ZTJ_OK)
			return cli_fail(c, r, "%s: %s", cli_esc(c, hosts->v[i]), ztj_err_text(r));
		if ((full[i] = cli_strdup(c, name)) == NULL)
			return ZTJ_NOMEM;
	}
	ztj_buf_init(&text, 1024 * 1024);
	r = ztj_grant_explain(t, who, role, full, hosts->n, at, cli_is_set(c, OPT_BREAK_GLASS), &text);
	if (ztj_buf_str(&text) != NULL) {
		if (!c->json)
			out_safe(stdout, ztj_buf_str(&text));
		c->result = json_pack("{s:s}", "text", ztj_buf_str(&text));
	}
	ztj_buf_free(&text);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s", ztj_err_text(r));
}

int cmd_policy_explain(struct cli *c)
{
	struct ztj_trust *mine;
	int r;

	if (cli_opt(c, OPT_USER) == NULL || cli_opt(c, OPT_ROLE) == NULL || c->opt[OPT_HOST].n == 0)
		return cli_fail(c, ZTJ_USAGE, "--user, --role and --host are needed");
	if ((r = explain_trust(c, &mine)) == ZTJ_OK)
		r = explain(c, mine != NULL ? mine : c->trust);
	ztj_trust_free(mine);
	return r;
}

int cmd_policy_diff(struct cli *c)
{
	struct ztj_policy *a = NULL, *b = NULL;
	const struct ztj_policy *held = NULL;
	struct ztj_buf ta, tb, text;
	int r;

	ztj_buf_init(&ta, ZTJ_POLICY_MAX);
	ztj_buf_init(&tb, ZTJ_POLICY_MAX);
	ztj_buf_init(&text, 4 * 1024 * 1024);
	if ((r = policy_read(c, c->argv[0], &ta, &a)) == ZTJ_OK)
		r = c->argc > 1 ? policy_read(c, c->argv[1], &tb, &b) : held_need_policy(c, &held);
	if (r == ZTJ_OK)
		r = b != NULL ? ztj_policy_diff(a, b, &text) : ztj_policy_diff(held, a, &text);
	if (r == ZTJ_OK && ztj_buf_str(&text) != NULL) {
		if (!c->json)
			out_safe(stdout, text.n > 0 ? ztj_buf_str(&text) : "no difference\n");
		c->result = json_pack("{s:s}", "text", ztj_buf_str(&text));
	}
	ztj_policy_free(a);
	ztj_policy_free(b);
	ztj_buf_free(&ta);
	ztj_buf_free(&tb);
	ztj_buf_free(&text);
	return r;
}

/* What changes against the policy held here comes first, then every line of the file. */
static int sign_text(struct cli *c, const struct ztj_policy *p, struct ztj_view bytes,
    const struct cli_key *k, struct ztj_buf *sig)
{
	const struct ztj_policy *held = c->trust != NULL ? ztj_trust_held_policy(c->trust) : NULL;
	struct sign_ask ask = { .type = ZTJ_STMT_POLICY,
		.bytes = bytes,
		.title = "You are about to sign a policy as a root:",
		.question = "Sign this policy?" };
	struct ztj_buf before;
	int r = ZTJ_OK;

	ztj_buf_init(&before, 4 * 1024 * 1024);
	if (held != NULL) {
		(void)ztj_buf_printf(&before, "Against version %lld:\n", (long long)held->version);
		r = ztj_policy_diff(held, p, &before);
	}
	(void)ztj_buf_printf(&before, "Version %lld of domain %s.\n", (long long)p->version, p->domain);
	ask.before = ztj_buf_view(&before);
	if (r == ZTJ_OK)
		r = sign_statement(c, &ask, k, sig);
	ztj_buf_free(&before);
	return r;
}

static bool is_root(const struct cli *c, const struct ztj_key *k)
{
	for (size_t i = 0; i < c->pins.nroots; i++)
		if (ztj_key_equal(&c->pins.root[i], k))
			return true;
	return false;
}

static int sign(struct cli *c, const struct ztj_policy *p, struct ztj_view bytes)
{
	char *path = cli_printf(c, "%s.sig", c->argv[0]);
	struct ztj_buf sig;
	struct cli_key k;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	if ((r = key_load(c, &k)) != ZTJ_OK)
		return r;
	if (c->has_pins && !is_root(c, &k.pub))
		out_warn(c, "%s is none of the roots pinned here", k.fingerprint);
	if (c->has_pins && strcmp(c->pins.domain, p->domain) != 0)
		return cli_fail(c, ZTJ_DOMAIN, "this workstation belongs to domain %s, the policy to %s",
		    c->pins.domain, p->domain);
	if (c->has_pins && (r = held_open(c)) != ZTJ_OK)
		return r;
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = sign_text(c, p, bytes, &k, &sig);
	if (r == ZTJ_OK)
		r = sigfile_add(c, path, ZTJ_STMT_POLICY, bytes, ztj_buf_view(&sig));
	ztj_buf_free(&sig);
	if (r == ZTJ_OK)
		out_say(c, "Signed: %s\nNext: ztjit policy push %s", path, cli_esc(c, c->argv[0]));
	return r;
}

int cmd_policy_sign(struct cli *c)
{
	struct ztj_policy *p;
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	if ((r = policy_read(c, c->argv[0], &text, &p)) == ZTJ_OK &&
	    (r = policy_tests(c, p, false)) == ZTJ_OK)
		r = sign(c, p, ztj_buf_view(&text));
	ztj_policy_free(p);
	ztj_buf_free(&text);
	return r;
}

int cmd_policy_push(struct cli *c)
{
	char *beside = cli_printf(c, "%s.sig", c->argv[0]);
	struct ztj_signed s = { .nsigs = 0 };
	struct ztj_buf text;
	int r;

	if (beside == NULL)
		return ZTJ_NOMEM;
	if ((r = ctx_need_pins(c)) != ZTJ_OK)
		return r;
	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	if ((r = ctx_read(c, c->argv[0], false, ZTJ_POLICY_MAX, &text)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", cli_esc(c, c->argv[0]), ztj_err_text(r));
	for (int i = 1; i < c->argc && r == ZTJ_OK; i++)
		r = sigfile_read(c, c->argv[i], &s);
	if (r == ZTJ_OK && c->argc == 1 && (r = sigfile_read(c, beside, &s)) != ZTJ_OK)
		cli_hint(c, "ztjit policy sign %s", cli_esc(c, c->argv[0]));
	if (r == ZTJ_OK) {
		s.bytes = ztj_buf_view(&text);
		r = push_policy(c, &s);
	}
	ztj_buf_free(&text);
	return r;
}
