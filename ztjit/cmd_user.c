/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit user invite, approve, ls, remove. */
#include "ztjit/commands.h"

#include <stdlib.h>
#include <string.h>

#include "ztjit/api.h"
#include "ztjit/attest.h"
#include "ztjit/dirup.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/pending.h"
#include "ztjit/record.h"

int cmd_user_invite(struct cli *c)
{
	const struct ztj_policy *p;
	char pin[ZTJ_PIN_SIZE];
	const char *url;
	int r;

	if (!ztj_name_ok(c->argv[0]))
		return cli_fail(c, ZTJ_BAD_NAME, "%s: a name is a-z, 0-9, _ . and -, 32 at most",
		    cli_esc(c, c->argv[0]));
	if ((r = held_need_policy(c, &p)) != ZTJ_OK || (r = ztj_pins_digest(&c->pins, pin)) != ZTJ_OK)
		return r;
	url = c->conf.broker.n > 0 ? c->conf.broker.s[0]
	    : p->broker.urls.n > 0 ? p->broker.urls.s[0]
				   : "https://HOST:PORT";
	out_say(c,
	    "Tell %s, by a way that nobody else writes on:\n  ztjit init --broker %s --pin %s\n  ztjit enroll %s\n"
	    "Then: ztjit user approve --group GROUP %s",
	    c->argv[0], url, pin, c->argv[0], c->argv[0]);
	c->result = json_pack("{s:s, s:s, s:s}", "name", c->argv[0], "broker", url, "pin", pin);
	return ZTJ_OK;
}

static bool uid_taken(const struct dirup *u, uint32_t uid)
{
	for (size_t i = 0; u->base != NULL && i < ztj_dir_count(u->base); i++) {
		const struct ztj_record *r = ztj_dir_at(u->base, i);

		if (!r->host && r->uid == uid)
			return true;
	}
	return false;
}

/* Above every uid in use: a number that belonged to somebody is not given to somebody else. */
static int next_uid(struct cli *c, const struct dirup *u, uint32_t above, uint32_t *out)
{
	uint32_t top = above >= u->reg->uid_min ? above + 1 : u->reg->uid_min;

	for (size_t i = 0; u->base != NULL && i < ztj_dir_count(u->base); i++) {
		const struct ztj_record *r = ztj_dir_at(u->base, i);

		if (!r->host && r->uid >= top && r->uid <= u->reg->uid_max)
			top = r->uid + 1;
	}
	*out = top;
	return top <= u->reg->uid_max
	    ? ZTJ_OK
	    : cli_fail(c, ZTJ_LIMIT,
		  "directory %s has given out its uids up to %u; name a free one with --uid", u->name,
		  u->reg->uid_max);
}

static int choose_uid(struct cli *c, const struct dirup *u, uint32_t above, uint32_t *out)
{
	const char *given = cli_opt(c, OPT_UID);
	int64_t n;

	if (given == NULL)
		return next_uid(c, u, above, out);
	if (c->argc > 1)
		return cli_fail(c, ZTJ_USAGE, "--uid goes with one name only");
	if (ztj_parse_int(given, 1, 4294967293, &n) != ZTJ_OK)
		return cli_fail(c, ZTJ_USAGE, "--uid %s: not a uid", cli_esc(c, given));
	*out = (uint32_t)n;
	return uid_taken(u, *out) ? cli_fail(c, ZTJ_EXISTS, "uid %u is taken in directory %s", *out, u->name)
				  : ZTJ_OK;
}

/* The fingerprints that were given must be exactly those of the entry. */
static int check_fingerprints(struct cli *c, const struct ztj_stmt *st)
{
	const struct cli_value *given = &c->opt[OPT_FINGERPRINT];

	for (size_t i = 0; i < st->u.pending.nkeys && given->n > 0; i++) {
		char fp[ZTJ_FINGERPRINT_SIZE];
		size_t k = 0;

		if (ztj_key_fingerprint(&st->u.pending.key[i].key, fp) != ZTJ_OK)
			return ZTJ_INTERNAL;
		while (k < given->n && strcmp(given->v[k], fp) != 0)
			k++;
		if (k == given->n) {
			cli_hint(c, "ask the person again; somebody else may have asked under this name");
			return cli_fail(c, ZTJ_BAD_KEY, "%s asks with the key %s, not the one you were told",
			    st->u.pending.name, fp);
		}
	}
	return ZTJ_OK;
}

static int sorted_groups(struct cli *c, const char ***out, size_t *n)
{
	const struct cli_value *v = &c->opt[OPT_GROUP];
	const char **g = cli_keep(c, (v->n + 1) * sizeof *g);

	if (g == NULL)
		return ZTJ_NOMEM;
	*n = 0;
	for (size_t i = 0; i < v->n; i++) {
		size_t at = *n;

		if (!ztj_name_ok(v->v[i]))
			return cli_fail(c, ZTJ_BAD_NAME, "--group %s: malformed name", cli_esc(c, v->v[i]));
		while (at > 0 && strcmp(g[at - 1], v->v[i]) > 0)
			at--;
		if (at > 0 && strcmp(g[at - 1], v->v[i]) == 0)
			continue;
		memmove(g + at + 1, g + at, (*n - at) * sizeof *g);
		g[at] = v->v[i];
		(*n)++;
	}
	*out = g;
	return ZTJ_OK;
}

/* Keys of the record that is there, and the new ones after them. */
static int merge_keys(struct cli *c, const struct ztj_record *old, const struct ztj_stmt *st,
    struct ztj_record *rec)
{
	rec->keys = cli_keep(c, (ZTJ_KEYS_MAX + 8) * sizeof *rec->keys);
	if (rec->keys == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; old != NULL && i < old->nkeys; i++)
		rec->keys[rec->nkeys++] = old->keys[i];
	for (size_t i = 0; i < st->u.pending.nkeys; i++) {
		size_t k = 0;

		while (k < rec->nkeys && !ztj_key_equal(&rec->keys[k].key, &st->u.pending.key[i].key))
			k++;
		if (k == rec->nkeys)
			rec->keys[rec->nkeys++] = (struct ztj_userkey){ .key = st->u.pending.key[i].key,
				.credential = st->u.pending.key[i].credential,
				.from = cli_now() };
	}
	return rec->nkeys <= ZTJ_KEYS_MAX
	    ? ZTJ_OK
	    : cli_fail(c, ZTJ_LIMIT, "%s would have more than %d keys", st->u.pending.name, ZTJ_KEYS_MAX);
}

static int show_attestation(struct cli *c, struct dirup *u, const struct ztj_stmt *st)
{
	for (size_t i = 0; i < st->u.pending.nkeys; i++) {
		char fp[ZTJ_FINGERPRINT_SIZE];
		const char *what;
		int r = attest_check(c, st, i, &what);

		if (r == ZTJ_OK)
			r = ztj_key_fingerprint(&st->u.pending.key[i].key, fp);
		if (r != ZTJ_OK)
			return r;
		(void)ztj_buf_printf(&u->text, "%s asked %s with %s\n    attestation: %s\n",
		    st->u.pending.name, out_time(c, st->issued), fp, what);
	}
	return ztj_buf_status(&u->text);
}

static int admit(struct cli *c, struct dirup *u, const struct pending *p, uint32_t *last_uid)
{
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, p->st->u.pending.name) : NULL;
	struct ztj_record rec = { .host = false, .name = p->st->u.pending.name };
	int r;

	if (old != NULL && old->host)
		return cli_fail(c, ZTJ_EXISTS, "%s is a host of directory %s", rec.name, u->name);
	if ((r = check_fingerprints(c, p->st)) != ZTJ_OK || (r = show_attestation(c, u, p->st)) != ZTJ_OK ||
	    (r = merge_keys(c, old, p->st, &rec)) != ZTJ_OK ||
	    (r = sorted_groups(c, &rec.groups, &rec.ngroups)) != ZTJ_OK)
		return r;
	if (old != NULL && !cli_is_set(c, OPT_GROUP)) {
		rec.groups = old->groups;
		rec.ngroups = old->ngroups;
	}
	if (old != NULL)
		rec.uid = old->uid;
	else if ((r = choose_uid(c, u, *last_uid, &rec.uid)) != ZTJ_OK)
		return r;
	*last_uid = rec.uid > *last_uid ? rec.uid : *last_uid;
	return dirup_put(c, u, &rec);
}

int cmd_user_approve(struct cli *c)
{
	struct pendings all = { .n = 0 };
	const struct pending **who = cli_keep(c, (size_t)c->argc * sizeof *who);
	struct dirup u;
	uint32_t last_uid = 0;
	bool current = false;
	int r = dirup_begin(c, DIRUP_PEOPLE, NULL, &u);

	if (who == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = pending_list(c, false, &all);
	for (int i = 0; i < c->argc && r == ZTJ_OK; i++) {
		if ((r = pending_find(c, &all, c->argv[i], &who[i])) == ZTJ_OK)
			r = admit(c, &u, who[i], &last_uid);
	}
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to admit people:", &current);
	for (int i = 0; i < c->argc && r == ZTJ_OK && current; i++)
		pending_done(c, who[i]);
	pending_free(&all);
	dirup_free(&u);
	return r;
}

int cmd_user_remove(struct cli *c)
{
	struct dirup u;
	int r = dirup_begin(c, DIRUP_PEOPLE, NULL, &u);

	for (int i = 0; i < c->argc && r == ZTJ_OK; i++)
		r = dirup_drop(c, &u, ztj_fullname_tail(c->argv[i]));
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to remove people:", NULL);
	dirup_free(&u);
	return r;
}

static int add_people(struct cli *c, const struct ztj_dir *d, struct out_table *t, json_t *list)
{
	int r = ZTJ_OK;

	for (size_t i = 0; i < ztj_dir_count(d) && r == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		char fp[ZTJ_FINGERPRINT_SIZE] = "-", name[ZTJ_FULLNAME_SIZE];

		if (rec->host)
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", ztj_dir_name(d), rec->name);
		if (rec->nkeys > 0 && (r = ztj_key_fingerprint(&rec->keys[0].key, fp)) != ZTJ_OK)
			break;
		r = out_table_row(c, t,
		    (const char *[]){ name, cli_printf(c, "%u", rec->uid), record_groups(c, rec),
			cli_printf(c, "%zu", rec->nkeys), fp });
		(void)json_array_append_new(list, record_json(ztj_dir_name(d), rec));
	}
	return r;
}

/* Registrars see who waits; for everybody else the broker says no, which is no failure here. */
static int add_pending(struct cli *c, struct out_table *t, json_t *list)
{
	struct pendings all;
	int r = pending_list(c, false, &all);

	if (r != ZTJ_OK) {
		cli_forget(c);
		return ZTJ_OK;
	}
	for (size_t i = 0; i < all.n && r == ZTJ_OK; i++) {
		const struct ztj_stmt *st = all.p[i].st;
		char fp[ZTJ_FINGERPRINT_SIZE];

		if ((r = ztj_key_fingerprint(&st->u.pending.key[0].key, fp)) != ZTJ_OK)
			break;
		r = out_table_row(c, t,
		    (const char *[]){ st->u.pending.name, "-",
			cli_printf(c, "(asks since %s)", out_relative(c, st->issued)),
			cli_printf(c, "%zu", st->u.pending.nkeys), fp });
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s}", "name", st->u.pending.name, "pending", all.p[i].id,
			"fingerprint", fp));
	}
	pending_free(&all);
	return r;
}

int cmd_user_ls(struct cli *c)
{
	const char *only = cli_opt(c, OPT_DIRECTORY);
	struct out_table t;
	int r;

	out_table_begin(&t, 5);
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	c->result = json_array();
	r = out_table_row(c, &t, (const char *[]){ "PERSON", "UID", "GROUPS", "KEYS", "FINGERPRINT" });
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust) && r == ZTJ_OK; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);

		if (only == NULL || strcmp(only, ztj_dir_name(d)) == 0)
			r = add_people(c, d, &t, c->result);
	}
	if (r == ZTJ_OK && only == NULL)
		r = add_pending(c, &t, c->result);
	if (r == ZTJ_OK)
		out_table_print(c, &t);
	return r;
}
