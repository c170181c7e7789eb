/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit host approve, remove. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/dirup.h"
#include "ztjit/hosts.h"
#include "ztjit/out.h"
#include "ztjit/pending.h"
#include "ztjit/record.h"
#include "ztjit/tokens.h"
#include "ztjit/tty.h"

/* One host that is being admitted. */
struct admission {
	const struct pending *p;
	bool proved; /* by its token, or by --digest */
	struct host_token token;
	bool has_token;
};

/* ---- which of those who ask under this name? ---- */

bool host_proves(const struct host_token *t, const struct pending *p)
{
	uint8_t want[ZTJ_DIGEST_LEN];
	bool ok = p->st->u.pending.has_proof && ztj_host_proof(t->token, p->digest, want) == ZTJ_OK &&
	    ztj_ct_equal(want, p->st->u.pending.proof, sizeof want);

	ztj_wipe(want, sizeof want);
	return ok;
}

static int load_token(struct cli *c, const struct dirup *u, const char *name, struct admission *a)
{
	int r = tokens_find(c, u->name, name, &a->token);

	if (r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	if (r != ZTJ_OK)
		return r;
	if (a->token.expires > cli_now()) {
		a->has_token = true;
		return ZTJ_OK;
	}
	out_warn(c, "the token of %s has run out (%s); compare the digest", name,
	    out_time(c, a->token.expires));
	return ZTJ_OK;
}

/* Any of the entries with these keys may have the proof: the host asked without its token before, say. */
static bool is_it(const struct admission *a, const char *digest, const struct pendings *all,
    const struct pending *p)
{
	if (digest != NULL)
		return ztj_host_digest_typed(p->digest, digest);
	for (size_t i = 0; i < all->n && a->has_token; i++)
		if (pending_same(&all->p[i], p) && host_proves(&a->token, &all->p[i]))
			return true;
	return false;
}

static int several(struct cli *c, const struct pending *const *found, size_t n)
{
	const char *name = found[0]->st->u.pending.name;

	for (size_t i = 0; i < n; i++) {
		char digest[ZTJ_HOST_DIGEST_SIZE];

		ztj_host_digest_text(found[i]->digest, digest);
		out_note(c, "  %s asked %s with %s: %s", name, out_time(c, found[i]->st->issued), digest,
		    found[i]->id);
	}
	cli_hint(c, "ztjit host approve %s --digest H-…   (as 'ztjit-hostd join' printed it on the host)",
	    name);
	return cli_fail(c, ZTJ_AMBIGUOUS, "%zu hosts call themselves %s; somebody may be pretending", n,
	    name);
}

static int no_such_digest(struct cli *c, const struct pending *p)
{
	char digest[ZTJ_HOST_DIGEST_SIZE];

	ztj_host_digest_text(p->digest, digest);
	cli_hint(c, "read it again on the host (ztjit-hostd join says it again); do not go on if it differs");
	return cli_fail(c, ZTJ_BAD_KEY, "%s asks with the keys of digest %s, which is not the one you gave",
	    p->st->u.pending.name, digest);
}

static int choose(struct cli *c, const struct dirup *u, const struct pendings *all, const char *asked,
    struct admission *a)
{
	const struct pending **found = cli_keep(c, (all->n + 1) * sizeof *found);
	const char *digest = cli_opt(c, OPT_DIGEST);
	size_t n = 0, proving = 0;
	int r = found != NULL ? pending_hosts(c, all, asked, found, &n) : ZTJ_NOMEM;

	if (r == ZTJ_OK)
		r = load_token(c, u, found[0]->st->u.pending.name, a);
	for (size_t i = 0; i < n && r == ZTJ_OK; i++) {
		if (!is_it(a, digest, all, found[i]))
			continue;
		proving++;
		a->p = found[i];
	}
	if (r != ZTJ_OK)
		return r;
	/* A token that two know is no secret: which of them had it first nobody can tell. */
	if (proving > 1) {
		out_warn(c, "%zu hosts with different keys prove the token of %s; it has leaked", proving,
		    cli_esc(c, asked));
		return several(c, found, n);
	}
	a->proved = proving == 1;
	if (!a->proved)
		a->p = found[0];
	for (size_t i = 0; i < n && a->proved; i++)
		if (found[i] != a->p)
			out_warn(c,
			    "another asks to be %s with other keys; turn it down: ztjit host remove %s",
			    cli_esc(c, asked), found[i]->id);
	if (!a->proved && digest != NULL)
		return no_such_digest(c, found[0]);
	if (!a->proved && n > 1)
		return several(c, found, n);
	if (!a->proved && a->has_token)
		out_warn(c, "%s does not prove the token that was given for it; somebody else may be asking",
		    asked);
	return ZTJ_OK;
}

/* The digest travels by another way than the broker: typed here, or given by configuration management. A token that is
 * proved has travelled already. */
static int check_digest(struct cli *c, const struct admission *a)
{
	const char *name = a->p->st->u.pending.name;
	char typed[64], *prompt;
	int r;

	if (a->proved) {
		if (!cli_is_set(c, OPT_DIGEST))
			out_note(c, "%s proves its token.", name);
		return ZTJ_OK;
	}
	if (!tty_interactive()) {
		cli_hint(c,
		    "ztjit host approve %s --digest H-…   (as 'ztjit-hostd join' printed it on the host)",
		    name);
		return cli_fail(c, ZTJ_USAGE, "--digest is missing");
	}
	if ((prompt = cli_printf(c, "Digest that join printed on %s (H-…): ", name)) == NULL)
		return ZTJ_NOMEM;
	if ((r = tty_line(c, prompt, typed, sizeof typed)) != ZTJ_OK)
		return r;
	return ztj_host_digest_typed(a->p->digest, typed) ? ZTJ_OK : no_such_digest(c, a->p);
}

/* ---- what it becomes ---- */

int host_labels(struct cli *c, struct ztj_label **out, size_t *n)
{
	const struct cli_value *v = &c->opt[OPT_LABEL];
	struct ztj_label *l = cli_keep(c, (v->n + 1) * sizeof *l);

	*n = 0;
	if (l == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < v->n; i++) {
		char *key = cli_strdup(c, v->v[i]), *eq = key != NULL ? strchr(key, '=') : NULL;
		size_t at = *n;

		if (eq == NULL)
			return cli_fail(c, ZTJ_USAGE, "--label %s: must be KEY=VALUE", cli_esc(c, v->v[i]));
		*eq = '\0';
		if (!ztj_name_ok(key) || !ztj_label_value_ok(eq + 1))
			return cli_fail(c, ZTJ_BAD_NAME, "--label %s: malformed", cli_esc(c, v->v[i]));
		while (at > 0 && strcmp(l[at - 1].key, key) > 0)
			at--;
		if (at > 0 && strcmp(l[at - 1].key, key) == 0)
			return cli_fail(c, ZTJ_USAGE, "--label %s stands twice", key);
		memmove(l + at + 1, l + at, (*n - at) * sizeof *l);
		l[at] = (struct ztj_label){ .key = key, .value = eq + 1 };
		(*n)++;
	}
	*out = l;
	return ZTJ_OK;
}

/* Given now, or with the token, or as they were. */
static int choose_labels(struct cli *c, const struct admission *a, const struct ztj_record *old,
    struct ztj_record *rec)
{
	if (cli_is_set(c, OPT_LABEL))
		return host_labels(c, &rec->labels, &rec->nlabels);
	if (a->proved && a->has_token && a->token.nlabels > 0) {
		rec->nlabels = a->token.nlabels;
		if ((rec->labels = cli_keep(c, rec->nlabels * sizeof *rec->labels)) == NULL)
			return ZTJ_NOMEM;
		memcpy(rec->labels, a->token.labels, rec->nlabels * sizeof *rec->labels);
	} else if (old != NULL) {
		rec->labels = old->labels;
		rec->nlabels = old->nlabels;
	}
	return ZTJ_OK;
}

static int admit(struct cli *c, struct dirup *u, const struct admission *a)
{
	const struct ztj_stmt *st = a->p->st;
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, st->u.pending.name) : NULL,
				*was;
	struct ztj_record rec = { .host = true,
		.name = st->u.pending.name,
		.machine = st->u.pending.machine,
		.tls = st->u.pending.tls,
		.nssh = st->u.pending.nssh };
	int r;

	if (old != NULL && !old->host)
		return cli_fail(c, ZTJ_EXISTS, "%s is a person of directory %s", rec.name, u->name);
	if ((rec.ssh = cli_keep(c, ZTJ_HOST_SSH_MAX * sizeof *rec.ssh)) == NULL)
		return ZTJ_NOMEM;
	memcpy(rec.ssh, st->u.pending.ssh, rec.nssh * sizeof *rec.ssh);
	if ((r = host_renamed(c, u, &rec, &was)) != ZTJ_OK ||
	    (r = host_keys_change(c, u, old, &rec)) != ZTJ_OK || (r = check_digest(c, a)) != ZTJ_OK ||
	    (r = choose_labels(c, a, old != NULL ? old : was, &rec)) != ZTJ_OK)
		return r;
	if (was != NULL && (r = dirup_drop(c, u, was->name)) != ZTJ_OK)
		return r;
	return dirup_put(c, u, &rec);
}

int cmd_host_approve(struct cli *c)
{
	struct pendings all = { .n = 0 };
	struct admission *who = cli_keep(c, (size_t)c->argc * sizeof *who);
	struct dirup u;
	bool current = false;
	int r = dirup_begin(c, DIRUP_HOSTS, NULL, &u);

	if (who == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK && cli_is_set(c, OPT_DIGEST) && c->argc > 1)
		r = cli_fail(c, ZTJ_USAGE, "--digest goes with one host only");
	if (r == ZTJ_OK)
		r = pending_list(c, true, &all);
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++) {
		who[i] = (struct admission){ .p = NULL };
		if ((r = choose(c, &u, &all, ztj_fullname_tail(c->argv[i]), &who[i])) == ZTJ_OK)
			r = admit(c, &u, &who[i]);
		ztj_wipe(who[i].token.token, ZTJ_TOKEN_LEN);
	}
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to admit hosts:", &current);
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++) {
		if (!cli_is_set(c, OPT_WRITE) && who[i].proved && who[i].has_token)
			tokens_drop(c, u.name, who[i].p->st->u.pending.name);
		if (current)
			pending_done_host(c, &all, who[i].p);
	}
	pending_free(&all);
	dirup_free(&u);
	return r;
}

/* ---- remove ---- */

/* Nothing is signed: what was asked has no authority. */
static int turn_down(struct cli *c, const struct pendings *all, const char *name, bool *any)
{
	*any = false;
	for (size_t i = 0; i < all->n; i++) {
		const struct pending *p = &all->p[i];

		if (strcmp(p->st->u.pending.name, name) != 0 && strcmp(p->id, name) != 0)
			continue;
		pending_done(c, p);
		out_say(c, "%s, who asked %s, was turned down.", p->st->u.pending.name,
		    out_time(c, p->st->issued));
		*any = true;
	}
	return ZTJ_OK;
}

int cmd_host_remove(struct cli *c)
{
	struct pendings all = { .n = 0 };
	struct dirup u;
	size_t dropped = 0;
	int r = dirup_begin(c, DIRUP_HOSTS, NULL, &u);

	if (r == ZTJ_OK)
		r = pending_list(c, true, &all);
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++) {
		const char *name = ztj_fullname_tail(c->argv[i]);
		const struct ztj_record *old = u.base != NULL ? ztj_dir_find(u.base, name) : NULL;
		bool any = false;

		if (old == NULL && (r = turn_down(c, &all, name, &any)) == ZTJ_OK && any)
			continue;
		if (r == ZTJ_OK && old != NULL && !old->host)
			r = cli_fail(c, ZTJ_NOT_FOUND, "%s is a person of directory %s", name, u.name);
		if (r == ZTJ_OK && (r = dirup_drop(c, &u, name)) == ZTJ_OK)
			dropped++;
	}
	if (r == ZTJ_OK && dropped > 0)
		r = dirup_finish(c, &u, "You are about to remove hosts:", NULL);
	if (r == ZTJ_OK && dropped > 0 && !cli_is_set(c, OPT_WRITE))
		out_say(c,
		    "They admit nobody once they have heard of it. On a host that still runs: ztjit-hostd leave");
	pending_free(&all);
	dirup_free(&u);
	return r;
}
