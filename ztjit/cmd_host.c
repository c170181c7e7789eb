/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit host approve, ls, remove. */
#include "ztjit/commands.h"

#include <ctype.h>
#include <string.h>

#include "ztjit/api.h"
#include "ztjit/dirup.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/pending.h"
#include "ztjit/record.h"
#include "ztjit/tty.h"

/* As people read digests aloud: case and dashes do not matter, O is 0, I and L are 1. */
static bool same_digest(const char *a, const char *b)
{
	for (;;) {
		char x, y;

		while (*a == '-' || *a == ' ')
			a++;
		while (*b == '-' || *b == ' ')
			b++;
		x = (char)toupper((unsigned char)*a);
		y = (char)toupper((unsigned char)*b);
		x = (char)(x == 'O' ? '0' : x == 'I' || x == 'L' ? '1' : x);
		y = (char)(y == 'O' ? '0' : y == 'I' || y == 'L' ? '1' : y);
		if (x != y)
			return false;
		if (x == '\0')
			return true;
		a++;
		b++;
	}
}

/* The digest travels by another way than the broker: typed here, or given by configuration management. */
static int check_digest(struct cli *c, const struct ztj_stmt *st)
{
	const char *given = cli_opt(c, OPT_DIGEST);
	char digest[RECORD_DIGEST_SIZE], typed[64], *prompt;
	int r = record_host_digest(st->domain, st->u.pending.name, &st->u.pending.machine, &st->u.pending.tls,
	    st->u.pending.ssh, st->u.pending.nssh, digest);

	if (r != ZTJ_OK)
		return r;
	if (given != NULL && c->argc > 1)
		return cli_fail(c, ZTJ_USAGE, "--digest goes with one host only");
	if (given == NULL) {
		if (!tty_interactive()) {
			cli_hint(c,
			    "ztjit host approve %s --digest H-…   (as 'ztjit-hostd join' printed it on the host)",
			    st->u.pending.name);
			return cli_fail(c, ZTJ_USAGE, "--digest is missing");
		}
		if ((prompt = cli_printf(c, "Digest that join printed on %s (H-…): ", st->u.pending.name)) ==
		    NULL)
			return ZTJ_NOMEM;
		if ((r = tty_line(c, prompt, typed, sizeof typed)) != ZTJ_OK)
			return r;
		given = typed;
	}
	if (same_digest(given, digest))
		return ZTJ_OK;
	cli_hint(c, "read it again on the host (ztjit-hostd status); do not go on if it differs");
	return cli_fail(c, ZTJ_BAD_KEY, "%s asks with the keys of digest %s, which is not the one you gave",
	    st->u.pending.name, digest);
}

static int parse_labels(struct cli *c, struct ztj_label **out, size_t *n)
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

static int admit(struct cli *c, struct dirup *u, const struct ztj_stmt *st)
{
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, st->u.pending.name) : NULL;
	struct ztj_record rec = { .host = true,
		.name = st->u.pending.name,
		.machine = st->u.pending.machine,
		.tls = st->u.pending.tls,
		.nssh = st->u.pending.nssh };
	int r;

	if (old != NULL && !old->host)
		return cli_fail(c, ZTJ_EXISTS, "%s is a person of directory %s", rec.name, u->name);
	if ((rec.ssh = cli_keep(c, 8 * sizeof *rec.ssh)) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < rec.nssh && i < 8; i++)
		rec.ssh[i] = st->u.pending.ssh[i];
	if ((r = check_digest(c, st)) != ZTJ_OK || (r = parse_labels(c, &rec.labels, &rec.nlabels)) != ZTJ_OK)
		return r;
	if (old != NULL && !cli_is_set(c, OPT_LABEL)) {
		rec.labels = old->labels;
		rec.nlabels = old->nlabels;
	}
	return dirup_put(c, u, &rec);
}

int cmd_host_approve(struct cli *c)
{
	struct pendings all = { .n = 0 };
	const struct pending **who = cli_keep(c, (size_t)c->argc * sizeof *who);
	struct dirup u;
	bool current = false;
	int r = dirup_begin(c, DIRUP_HOSTS, NULL, &u);

	if (who == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = pending_list(c, true, &all);
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++) {
		if ((r = pending_find(c, &all, c->argv[i], &who[i])) == ZTJ_OK)
			r = admit(c, &u, who[i]->st);
	}
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to admit hosts:", &current);
	for (int i = 0; i < c->argc && r == ZTJ_OK && current; i++)
		pending_done(c, who[i]);
	pending_free(&all);
	dirup_free(&u);
	return r;
}

int cmd_host_remove(struct cli *c)
{
	struct dirup u;
	int r = dirup_begin(c, DIRUP_HOSTS, NULL, &u);

	for (int i = 0; i < c->argc && r == ZTJ_OK; i++)
		r = dirup_drop(c, &u, ztj_fullname_tail(c->argv[i]));
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to remove hosts:", NULL);
	dirup_free(&u);
	return r;
}

static int add_hosts(struct cli *c, const struct ztj_dir *d, struct out_table *t, json_t *list)
{
	int r = ZTJ_OK;

	for (size_t i = 0; i < ztj_dir_count(d) && r == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		char digest[RECORD_DIGEST_SIZE], name[ZTJ_FULLNAME_SIZE];

		if (!rec->host)
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", ztj_dir_name(d), rec->name);
		r = record_host_digest(c->pins.domain, rec->name, &rec->machine, &rec->tls, rec->ssh,
		    rec->nssh, digest);
		if (r == ZTJ_OK)
			r = out_table_row(c, t, (const char *[]){ name, record_labels(c, rec), digest });
		(void)json_array_append_new(list, record_json(ztj_dir_name(d), rec));
	}
	return r;
}

static int add_pending(struct cli *c, struct out_table *t, json_t *list)
{
	struct pendings all;
	int r = pending_list(c, true, &all);

	if (r != ZTJ_OK) {
		cli_forget(c);
		return ZTJ_OK;
	}
	for (size_t i = 0; i < all.n && r == ZTJ_OK; i++) {
		const struct ztj_stmt *st = all.p[i].st;

		/* the digest is not shown: whoever approves has to bring it from the host */
		r = out_table_row(c, t,
		    (const char *[]){ st->u.pending.name,
			cli_printf(c, "(asks since %s)", out_relative(c, st->issued)), "-" });
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s}", "name", st->u.pending.name, "pending", all.p[i].id));
	}
	pending_free(&all);
	return r;
}

int cmd_host_ls(struct cli *c)
{
	const char *only = cli_opt(c, OPT_DIRECTORY);
	struct out_table t;
	int r;

	out_table_begin(&t, 3);
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	c->result = json_array();
	r = out_table_row(c, &t, (const char *[]){ "HOST", "LABELS", "DIGEST" });
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust) && r == ZTJ_OK; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);

		if (only == NULL || strcmp(only, ztj_dir_name(d)) == 0)
			r = add_hosts(c, d, &t, c->result);
	}
	if (r == ZTJ_OK && only == NULL)
		r = add_pending(c, &t, c->result);
	if (r == ZTJ_OK)
		out_table_print(c, &t);
	return r;
}
