/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Filing a request. */
#include "ztjit/ask.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/tty.h"

#define WAIT_EVERY 2

int ask_reason(struct cli *c, const char **reason)
{
	char line[ZTJ_REASON_MAX + 1];
	int r;

	*reason = cli_opt(c, OPT_MESSAGE);
	if (*reason == NULL && tty_interactive()) {
		if ((r = tty_line(c, "Reason: ", line, sizeof line)) != ZTJ_OK)
			return r;
		*reason = cli_strdup(c, line);
	}
	if (*reason == NULL || (*reason)[0] == '\0')
		return cli_fail(c, ZTJ_USAGE, "say why: -m TEXT");
	if (strlen(*reason) > ZTJ_REASON_MAX || !ztj_text_ok(ztj_view_str(*reason)))
		return cli_fail(c, ZTJ_BAD_TEXT, "-m: plain text on one line, %d bytes at most",
		    ZTJ_REASON_MAX);
	return ZTJ_OK;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_label(const struct ztj_record *r, const char *text)
{
	const char *eq = strchr(text, '=');

	for (size_t i = 0; eq != NULL && i < r->nlabels; i++)
		if (strlen(r->labels[i].key) == (size_t)(eq - text) &&
		    strncmp(r->labels[i].key, text, (size_t)(eq - text)) == 0)
			return strcmp(r->labels[i].value, eq + 1) == 0;
	return false;
}

static int add(struct cli *c, const char **list, size_t *n, const char *name)
{
	if (*n >= ZTJ_HOSTS_MAX)
		return cli_fail(c, ZTJ_LIMIT, "more than %d hosts", ZTJ_HOSTS_MAX);
	return (list[(*n)++] = cli_strdup(c, name)) != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

/* Labels are resolved now: the request signs names, and a host that joins later is not in it. */
static int add_labelled(struct cli *c, const struct ztj_dir *d, const char **list, size_t *n)
{
	const struct cli_value *labels = &c->opt[OPT_LABEL];
	char name[ZTJ_FULLNAME_SIZE];
	int r = ZTJ_OK;

	for (size_t i = 0; i < ztj_dir_count(d) && r == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		size_t k = 0;

		while (rec->host && k < labels->n && has_label(rec, labels->v[k]))
			k++;
		if (!rec->host || k < labels->n)
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", ztj_dir_name(d), rec->name);
		r = add(c, list, n, name);
	}
	return r;
}

int ask_hosts(struct cli *c, const char ***out, size_t *n)
{
	const char **list = cli_keep(c, ZTJ_HOSTS_MAX * sizeof *list);
	char name[ZTJ_FULLNAME_SIZE];
	size_t kept = 0;
	int r = ZTJ_OK;

	*n = 0;
	if (list == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < c->opt[OPT_HOST].n && r == ZTJ_OK; i++) {
		if ((r = held_resolve(c, c->opt[OPT_HOST].v[i], true, name)) == ZTJ_OK)
			r = add(c, list, n, name);
	}
	for (size_t i = 0; c->opt[OPT_LABEL].n > 0 && i < ztj_trust_ndirs(c->trust) && r == ZTJ_OK; i++)
		r = add_labelled(c, ztj_trust_dir_at(c->trust, i), list, n);
	if (r == ZTJ_OK && *n == 0)
		r = cli_fail(c, ZTJ_USAGE,
		    c->opt[OPT_LABEL].n > 0 ? "no host has these labels" : "--host NAME is missing");
	if (r != ZTJ_OK)
		return r;
	qsort(list, *n, sizeof *list, compare);
	for (size_t i = 0; i < *n; i++)
		if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	*n = kept;
	*out = list;
	return ZTJ_OK;
}

/* As if it were signed already, by this key with all that the rule may want: a forecast, nobody believes it. */
static void pretend_signed(const struct cli *c, struct ztj_stmt *st, const struct cli_key *k)
{
	const struct ztj_record *me;

	st->nsigners = 1;
	st->signer[0] = (struct ztj_signer){ .key = k->pub,
		.info = { .is_sk = true, .user_present = true, .user_verified = true } };
	if (k->pub.type == ZTJ_KEY_NONE &&
	    ztj_trust_user(c->trust, st->u.request.who, cli_now(), &me) == ZTJ_OK)
		for (size_t i = 0; i < me->nkeys; i++)
			if (ztj_record_key(me, &me->keys[i].key, st->issued, cli_now()) == ZTJ_OK)
				st->signer[0].key = me->keys[i].key;
}

/* Denied here already: no touch is wasted, and the reason is the policy's own. */
static int judge(struct cli *c, struct ztj_view bytes, const struct cli_key *k, struct ztj_grant *g)
{
	struct ztj_stmt *st = NULL;
	int r = ztj_stmt_parse(bytes, ZTJ_STMT_REQUEST, c->pins.domain, &st);

	if (r != ZTJ_OK)
		return cli_fail(c, r, "the request: %s", ztj_err_text(r));
	pretend_signed(c, st, k);
	r = ztj_grant_may_request(c->trust, st, cli_now(), g);
	if (r != ZTJ_OK) {
		cli_hint(c, "ztjit policy explain --user %s --role %s --host %s",
		    cli_esc(c, st->u.request.who), cli_esc(c, st->u.request.role),
		    cli_esc(c, st->u.request.hosts[0]));
		r = cli_fail(c, r, "%s", g->text[0] != '\0' ? cli_esc(c, g->text) : ztj_err_text(r));
	}
	ztj_stmt_free(st);
	return r;
}

static void tell(struct cli *c, const struct req *q)
{
	const char *missing = req_missing(c, &q->grant);

	out_say(c, "%s  %s: %s on %s for %s", q->short_id, ztj_grant_state_name(q->grant.state),
	    cli_esc(c, q->bundle->request->u.request.role), req_hosts(c, q->bundle->request),
	    out_duration(c, q->bundle->request->u.request.duration));
	if (missing[0] != '\0')
		out_say(c, "approvals missing: %s\nvalid until: %s", missing,
		    out_time(c, q->bundle->request->u.request.valid_until));
	else if (q->grant.ends != 0)
		out_say(c, "ends: %s", out_time(c, q->grant.ends));
}

int ask_wait(struct cli *c, const char *id)
{
	struct req q;
	int r;

	for (;;) {
		if ((r = req_fetch(c, id, &q)) != ZTJ_OK)
			return r;
		if (q.grant.state != ZTJ_GRANT_PENDING && q.grant.state != ZTJ_GRANT_APPROVED)
			break;
		req_free(&q);
		(void)sleep(WAIT_EVERY);
	}
	tell(c, &q);
	json_decref(c->result);
	c->result = req_json(&q);
	r = q.grant.state == ZTJ_GRANT_ACTIVE
	    ? ZTJ_OK
	    : cli_fail(c, q.grant.code, "%s: %s", q.short_id,
		  q.grant.text[0] != '\0' ? cli_esc(c, q.grant.text) : ztj_err_text(q.grant.code));
	req_free(&q);
	return r;
}

static int posted(struct cli *c, const json_t *answer, struct ztj_view bytes)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	char id[ZTJ_HEX_SIZE];
	struct req q;
	int r;

	if ((r = ztj_stmt_id(bytes, digest)) != ZTJ_OK)
		return r;
	ztj_hex(digest, sizeof digest, id);
	if (strcmp(api_str(answer, "id"), id) != 0)
		return cli_fail(c, ZTJ_WRONG_REQUEST,
		    "the broker says it took another request than the one that was signed");
	if ((r = req_fetch(c, id, &q)) != ZTJ_OK)
		return r;
	tell(c, &q);
	c->result = req_json(&q);
	req_free(&q);
	return cli_is_set(c, OPT_WAIT) ? ask_wait(c, id) : ZTJ_OK;
}

static int dry_run(struct cli *c, const struct sign_ask *ask, const struct ztj_grant *g)
{
	struct ztj_grant all = *g;
	int r = sign_show(c, ask, NULL);

	/* nobody approved yet: every slot of the rule is missing */
	all.nmissing = g->rule != NULL ? g->rule->nslots : 0;
	for (size_t i = 0; i < all.nmissing; i++) {
		all.missing[i] = (unsigned)i;
		all.missing_count[i] = g->rule->slot[i].count;
	}
	if (r == ZTJ_OK)
		out_say(c, "Nothing was signed. Rule %s; approvals needed: %s",
		    g->rule != NULL ? g->rule->name : "-", all.nmissing > 0 ? req_missing(c, &all) : "none");
	c->result = json_pack("{s:s*, s:s}", "rule", g->rule != NULL ? g->rule->name : NULL, "missing",
	    req_missing(c, &all));
	return r;
}

int ask_file(struct cli *c, const struct ztj_stmt *st, const struct cli_key *k, const char *title)
{
	struct sign_ask ask = { .type = ZTJ_STMT_REQUEST, .title = title, .question = "Sign this request?" };
	char nonce[ZTJ_HEX_SIZE];
	struct ztj_buf bytes;
	struct ztj_grant g = { .rule = NULL };
	json_t *answer = NULL;
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = sign_nonce(nonce)) == ZTJ_OK && (r = ztj_stmt_build(st, nonce, &bytes)) != ZTJ_OK)
		r = cli_fail(c, r, "the request: %s", ztj_err_text(r));
	ask.bytes = ztj_buf_view(&bytes);
	if (r == ZTJ_OK && (r = judge(c, ask.bytes, k, &g)) == ZTJ_OK) {
		ask.uv = g.rule != NULL && g.rule->uv;
		if (cli_is_set(c, OPT_DRY_RUN))
			r = dry_run(c, &ask, &g);
		else if (cli_is_set(c, OPT_WRITE))
			r = sign_write(c, cli_opt(c, OPT_WRITE), &ask);
		else if ((r = sign_and_post(c, &ask, k, &answer)) == ZTJ_OK)
			r = posted(c, answer, ask.bytes);
	}
	json_decref(answer);
	ztj_buf_free(&bytes);
	return r;
}
