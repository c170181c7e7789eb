/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Certificates and the grants behind them. */
#include "ztjit/certs.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/decide.h"
#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/kept.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

#define LEFT_AT_LEAST 3 /* seconds: less is no use for a login */

int cert_target(struct cli *c, const char *text, struct target *t)
{
	const char *at = strrchr(text, '@');
	char *user;

	*t = (struct target){ .user = "", .host = at != NULL ? at + 1 : text };
	if (at != NULL) {
		if ((user = cli_printf(c, "%.*s", (int)(at - text), text)) == NULL)
			return ZTJ_NOMEM;
		if (user[0] == '-' || !ztj_name_ok(user))
			return cli_fail(c, ZTJ_BAD_NAME, "%s is no account name", cli_esc(c, user));
		t->user = user;
	}
	if (!ztj_hostname_ok(ztj_fullname_tail(t->host)))
		return cli_fail(c, ZTJ_BAD_NAME, "%s is no host name", cli_esc(c, t->host));
	return held_resolve(c, t->host, true, t->full);
}

/* Does the role let its holder log in as this account? "": whichever it names first. */
static const char *login_account(const struct ztj_role *role, const char *user, const char *me)
{
	for (size_t i = 0; role != NULL && i < role->login.n; i++) {
		const char *account = strcmp(role->login.s[i], "self") == 0 ? me : role->login.s[i];

		if (user[0] == '\0' || strcmp(user, account) == 0)
			return account;
	}
	return NULL;
}

static bool names_host(const struct ztj_stmt *request, const char *full)
{
	for (size_t i = 0; i < request->u.request.nhosts; i++)
		if (strcmp(request->u.request.hosts[i], full) == 0)
			return true;
	return false;
}

/* --- kept certificates --- */

/* Still good for a login to this target, by all that is known here? */
static bool kept_fits(const struct cli *c, const struct kept *k, const struct target *t,
    const struct cli_key *key)
{
	const char *role = cli_opt(c, OPT_ROLE);

	return ztj_key_equal(&k->cert.subject, &key->pub) &&
	    k->cert.valid_before > cli_now() + LEFT_AT_LEAST && k->req.grant.state == ZTJ_GRANT_ACTIVE &&
	    names_host(k->req.bundle->request, t->full) &&
	    (role == NULL || strcmp(role, k->req.bundle->request->u.request.role) == 0) &&
	    login_account(k->req.grant.role, t->user,
		ztj_fullname_tail(k->req.bundle->request->u.request.who)) != NULL;
}

/* --- choosing a grant --- */

struct choice {
	struct cli *c;
	const struct target *t;
	const char *me; /* name within its directory */
	char best[ZTJ_HEX_SIZE];
	const char *account;
	int64_t ends;
	/* the likeliest of those that do not work, for the message */
	char *why;
	int code;
	unsigned looked;
};

static void remember_why(struct choice *ch, const struct req *q)
{
	const char *missing = req_missing(ch->c, &q->grant);

	if (ch->why != NULL)
		return; /* newest first */
	ch->code = q->grant.code;
	if (q->grant.state == ZTJ_GRANT_PENDING)
		ch->why = cli_printf(ch->c, "%s waits for approval: %s", q->short_id, missing);
	else if (q->grant.state == ZTJ_GRANT_APPROVED)
		ch->why = cli_printf(ch->c, "%s starts %s", q->short_id, out_time(ch->c, q->grant.starts));
	else
		ch->why = cli_printf(ch->c, "%s: %s", q->short_id, ztj_err_text(q->grant.code));
}

static int consider(const struct req *q, void *arg)
{
	struct choice *ch = arg;
	const struct ztj_stmt *st = q->bundle->request;
	const char *role = cli_opt(ch->c, OPT_ROLE), *account;

	if (!names_host(st, ch->t->full) || (role != NULL && strcmp(role, st->u.request.role) != 0))
		return ZTJ_OK;
	account = login_account(ztj_policy_role(ztj_trust_held_policy(ch->c->trust), st->u.request.role),
	    ch->t->user, ch->me);
	if (account == NULL)
		return ZTJ_OK;
	if (q->grant.state != ZTJ_GRANT_ACTIVE) {
		remember_why(ch, q);
		return ZTJ_OK;
	}
	if (q->grant.ends > ch->ends) {
		memcpy(ch->best, q->id, sizeof ch->best);
		ch->ends = q->grant.ends;
		ch->account = cli_strdup(ch->c, account);
	}
	return ZTJ_OK;
}

#define RECALL_MAX 20

/* Stops at the first that would have fitted, or after enough of others. */
static int recall(const struct req *q, void *arg)
{
	struct choice *ch = arg;
	int r = consider(q, ch);

	return r != ZTJ_OK ? r : ch->why != NULL || ++ch->looked >= RECALL_MAX ? 1 : 0;
}

#define HINT_SIZE 1280

/* What to type for a login there. */
static void ask_with(struct cli *c, const struct target *t, const char *account, char hint[HINT_SIZE])
{
	struct ztj_question q = { .use = ZTJ_USE_LOGIN,
		.host = t->full,
		.service = "sshd",
		.account = account,
		.person = login_who(c),
		.now = cli_now(),
		.now_begin = cli_now() };

	hint[0] = '\0';
	ztj_decide_hint(c->trust, &q, hint, HINT_SIZE);
}

static int no_grant(struct cli *c, const struct choice *ch)
{
	char hint[HINT_SIZE];

	if (ch->why != NULL && ch->code == ZTJ_PENDING) {
		cli_hint(c, "ztjit requests --mine");
		return cli_fail(c, ZTJ_PENDING, "%s", ch->why);
	}
	ask_with(c, ch->t, ch->t->user[0] != '\0' ? ch->t->user : ch->me, hint);
	if (ch->why != NULL)
		return cli_fail(c, ZTJ_NO_GRANT, "%s\n%s", ch->why, hint);
	return cli_fail(c, ZTJ_NO_GRANT, "%s", hint[0] != '\0' ? hint : ztj_err_text(ZTJ_NO_GRANT));
}

/* --- fetching --- */

/* The broker made it, so it is judged: our key, the grant's principal, a CA of the policy. */
static int check_cert(struct cli *c, const char *line, const struct cli_key *k, const char *grant, bool *uv)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	char principal[128];
	struct kept got;
	int r = kept_parse(c, line, &got);
	bool signed_by_ca = false;

	(void)snprintf(principal, sizeof principal, "%s%s", ZTJ_PRINCIPAL_PREFIX, grant);
	for (size_t i = 0; r == ZTJ_OK && i < p->broker.nca && !signed_by_ca; i++)
		signed_by_ca = ztj_cert_verify(&got.cert, &p->broker.ca[i]) == ZTJ_OK;
	if (r == ZTJ_OK && !signed_by_ca)
		r = cli_fail(c, ZTJ_BAD_SIGNATURE, "the certificate is not signed by a CA of the policy");
	if (r == ZTJ_OK && !ztj_key_equal(&got.cert.subject, &k->pub))
		r = cli_fail(c, ZTJ_WRONG_KEY, "the certificate is for another key than %s", k->fingerprint);
	if (r == ZTJ_OK && strcmp(got.cert.principal, principal) != 0)
		r = cli_fail(c, ZTJ_WRONG_REQUEST, "the certificate is for another grant");
	*uv = r == ZTJ_OK && got.cert.verify_required;
	kept_free(&got);
	return r == ZTJ_OK ? r : cli_fail(c, r, "the broker's certificate: %s", ztj_err_text(r));
}

static int store_cert(struct cli *c, const char *path, const char *line)
{
	char *dir = kept_dir(c), *text = cli_printf(c, "%s\n", line);
	int r;

	if (dir == NULL || text == NULL)
		return ZTJ_NOMEM;
	if ((r = ctx_need_run(c)) == ZTJ_OK && (r = ztj_dir_make(dir, 0700, (uid_t)-1, (gid_t)-1)) == ZTJ_OK)
		r = ztj_file_write(path, ztj_view_str(text), 0600);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

const char *cert_identity(struct cli *c, const char *cert_path, const struct cli_key *k)
{
	return k->has_file ? kept_beside(c, cert_path) : k->path;
}

/* ssh finds NAME-cert.pub beside NAME by itself, so one IdentityFile line serves for both. */
static int store_identity(struct cli *c, const char *cert_path, const struct cli_key *k, bool uv)
{
	const char *path = cert_identity(c, cert_path, k);
	struct ztj_keyfile kf = k->file;
	struct ztj_buf text;
	uint32_t check;
	int r;

	if (!k->has_file)
		return ZTJ_OK;
	if (path == NULL)
		return ZTJ_NOMEM;
	if (uv)
		kf.sk_flags |= ZTJ_SK_FLAG_UV;
	ztj_buf_init(&text, 64 * 1024);
	if ((r = ztj_random(&check, sizeof check)) == ZTJ_OK &&
	    (r = ztj_keyfile_format(&kf, check, &text)) == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), 0600);
	ztj_buf_free(&text);
	ztj_keyfile_wipe(&kf);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

static int fetch_cert(struct cli *c, const char *grant, const struct cli_key *k, const char *path)
{
	char key[ZTJ_KEY_TEXT_SIZE], *line;
	bool uv = false;
	json_t *body, *answer = NULL;
	int r;

	if ((r = ztj_key_to_text(&k->pub, key)) != ZTJ_OK)
		return r;
	if ((body = json_pack("{s:s, s:s}", "request", grant, "key", key)) == NULL)
		return ZTJ_NOMEM;
	r = api_call(c, "POST", "/v1/certificates", body, &answer);
	json_decref(body);
	if (r == ZTJ_OK) {
		line = cli_strdup(c, api_str(answer, "certificate"));
		if (line == NULL)
			r = ZTJ_NOMEM;
		else {
			line[strcspn(line, "\r\n")] = '\0';
			if ((r = check_cert(c, line, k, grant, &uv)) == ZTJ_OK &&
			    (r = store_cert(c, path, line)) == ZTJ_OK)
				r = store_identity(c, path, k, uv);
		}
	}
	json_decref(answer);
	return r;
}

static int by_broker(struct cli *c, struct target *t, const struct cli_key *k, char **path)
{
	struct choice ch = { .c = c, .t = t };
	const char *who;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = login_person(c, &who)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	ch.me = ztj_fullname_tail(who);
	if ((r = reqs_each(c, "/v1/requests?mine=1", true, consider, &ch)) != ZTJ_OK)
		return r;
	if (ch.best[0] == '\0') {
		/* what became of the last one is worth a word */
		if (ch.why == NULL && reqs_each(c, "/v1/requests?mine=1", false, recall, &ch) < 0)
			cli_forget(c);
		return no_grant(c, &ch);
	}
	if (ch.account == NULL)
		return ZTJ_NOMEM;
	t->user = ch.account;
	if ((*path = kept_path(c, t->user, t->host)) == NULL)
		return ZTJ_NOMEM;
	return fetch_cert(c, ch.best, k, *path);
}

/* ask: the broker may know that the grant is over, and of another one; without it what is kept will do. */
static int by_kept(struct cli *c, struct target *t, const struct cli_key *k, bool ask, char **path)
{
	const char *me = login_load(c) == ZTJ_OK ? ztj_fullname_tail(login_who(c)) : "";
	const char *user = t->user[0] != '\0' ? t->user : me;
	struct kept kept;
	int r;

	cli_forget(c);
	if (user[0] == '\0')
		return ZTJ_NOT_FOUND;
	if ((*path = kept_path(c, user, t->host)) == NULL)
		return ZTJ_NOMEM;
	if ((r = kept_load(c, *path, &kept)) != ZTJ_OK)
		return r;
	if (!kept_fits(c, &kept, t, k) || access(cert_identity(c, *path, k), R_OK) != 0)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK && ask && kept_is_over(c, *path, &kept))
		r = ZTJ_NOT_FOUND;
	kept_free(&kept);
	if (r == ZTJ_OK)
		t->user = user;
	return r;
}

int cert_ensure(struct cli *c, struct target *t, const struct cli_key *k, bool fresh, char **path)
{
	int r;

	*path = NULL;
	/* in /tmp somebody else may have been first */
	if ((r = ctx_need_run(c)) != ZTJ_OK)
		return r;
	if (!fresh && by_kept(c, t, k, true, path) == ZTJ_OK)
		return ZTJ_OK;
	cli_forget(c);
	r = by_broker(c, t, k, path);
	if (!fresh || (r != ZTJ_UNREACHABLE && r != ZTJ_TIMEOUT))
		return r;
	/* certificates and pushed grants work without the broker, within the rule's freshness */
	if (by_kept(c, t, k, false, path) != ZTJ_OK)
		return r;
	out_note(c, "%s; going on with the certificate that is here",
	    c->message != NULL ? c->message : ztj_err_text(r));
	cli_forget(c);
	return ZTJ_OK;
}

/* Judged by what the broker holds of it; without the broker, by what was there all along. False: no word from the broker. */
static bool judge_again(struct cli *c, const struct kept *k, struct ztj_grant *out)
{
	bool heard;
	struct req q;

	*out = k->req.grant;
	heard = kept_ask(c, k, &q);
	if (heard) {
		*out = q.grant;
		req_free(&q);
	}
	return heard;
}

void cert_explain(struct cli *c, const struct target *t, const char *path)
{
	struct ztj_grant g;
	struct kept k;
	char hint[HINT_SIZE];
	bool heard;

	if (kept_load(c, path, &k) != ZTJ_OK) {
		cli_forget(c);
		return;
	}
	heard = judge_again(c, &k, &g);
	if (g.state != ZTJ_GRANT_ACTIVE) {
		ask_with(c, t, t->user, hint);
		out_warn(c, "%s: %s", k.req.short_id, ztj_err_text(g.code));
		out_note(c, "%s", hint);
	} else {
		out_note(c, "%s lasts until %s, by what is known here%s%s.", k.req.short_id,
		    out_time(c, g.ends), heard ? " and at the broker" : "; ",
		    heard                    ? ""
			: c->message != NULL ? c->message
					     : "the broker does not answer");
		out_note(c,
		    "If %s refused the login, its own log says why: journalctl -u ztjit-hostd, or its "
		    "decisions.jsonl.",
		    cli_esc(c, t->full));
	}
	kept_free(&k);
	cli_forget(c);
}

bool cert_grant_uv(struct cli *c, const uint8_t grant[ZTJ_DIGEST_LEN])
{
	char *dir = kept_dir(c), id[ZTJ_HEX_SIZE];
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	const struct dirent *e;
	bool known = false, uv = false;
	struct req q;

	while (d != NULL && !known && (e = readdir(d)) != NULL) {
		char *path = ctx_path(c, dir, e->d_name);
		struct kept k;

		if (e->d_name[0] == '.' || path == NULL || kept_load(c, path, &k) != ZTJ_OK)
			continue;
		known = ztj_ct_equal(k.req.bundle->request->id, grant, ZTJ_DIGEST_LEN) &&
		    k.req.grant.rule != NULL;
		uv = known && k.req.grant.rule->uv;
		kept_free(&k);
	}
	if (d != NULL)
		(void)closedir(d);
	if (!known && c->net != NULL) {
		ztj_hex(grant, ZTJ_DIGEST_LEN, id);
		if (req_fetch(c, id, &q) == ZTJ_OK) {
			uv = q.grant.rule != NULL && q.grant.rule->uv;
			req_free(&q);
		}
	}
	cli_forget(c);
	return uv;
}
