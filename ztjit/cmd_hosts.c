/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit host ls, show. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/hosts.h"
#include "ztjit/out.h"
#include "ztjit/record.h"

#define WARN_BEFORE (30LL * 86400)

/* A directory that does not count is what its hosts suffer from. */
static void warn_directory(struct cli *c, const struct ztj_dir *d)
{
	int state = ztj_trust_dir_state(c->trust, ztj_dir_name(d), cli_now());

	if (state != ZTJ_OK)
		out_warn(c, "directory %s does not count: %s", ztj_dir_name(d), ztj_err_text(state));
	else if (ztj_dir_expires(d) < cli_now() + WARN_BEFORE)
		out_warn(c, "directory %s expires %s; ztjit directory renew %s", ztj_dir_name(d),
		    out_relative(c, ztj_dir_expires(d)), ztj_dir_name(d));
}

static json_t *host_json(const struct ztj_dir *d, const struct ztj_record *rec, const char *digest)
{
	json_t *o = record_json(ztj_dir_name(d), rec);

	if (o != NULL) {
		(void)json_object_set_new(o, "digest", json_string(digest));
		(void)json_object_set_new(o, "serial", json_integer(ztj_dir_serial(d)));
		(void)json_object_set_new(o, "expires", json_integer(ztj_dir_expires(d)));
	}
	return o;
}

/* What the trust says of this very host: revoked, or of a directory that does not count. */
static const char *state_of(struct cli *c, const struct ztj_dir *d, const struct ztj_record *rec)
{
	const struct ztj_record *found;
	char name[ZTJ_FULLNAME_SIZE];
	int r;

	(void)snprintf(name, sizeof name, "%s/%s", ztj_dir_name(d), rec->name);
	r = ztj_trust_host(c->trust, name, cli_now(), &found);
	return r == ZTJ_OK ? out_relative(c, ztj_dir_expires(d)) : ztj_err_name(r);
}

static int add_hosts(struct cli *c, const struct ztj_dir *d, struct out_table *t)
{
	size_t hosts = 0;
	int r = ZTJ_OK;

	for (size_t i = 0; i < ztj_dir_count(d) && r == ZTJ_OK; i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		char digest[ZTJ_HOST_DIGEST_SIZE], name[ZTJ_FULLNAME_SIZE];

		if (!rec->host)
			continue;
		hosts++;
		(void)snprintf(name, sizeof name, "%s/%s", ztj_dir_name(d), rec->name);
		r = record_digest(c->pins.domain, rec, digest);
		if (r == ZTJ_OK)
			r = out_table_row(c, t,
			    (const char *[]){ name, record_labels(c, rec),
				cli_printf(c, "%lld", (long long)ztj_dir_serial(d)), state_of(c, d, rec),
				digest });
		(void)json_array_append_new(c->result, host_json(d, rec, digest));
	}
	if (r == ZTJ_OK && hosts > 0)
		warn_directory(c, d);
	return r;
}

/* ---- those who ask ---- */

/* By a token that was given here, for any directory. */
static bool proves(struct cli *c, const struct pending *p)
{
	bool yes = false;

	for (size_t i = 0; i < ztj_trust_held_policy(c->trust)->nregistrars && !yes; i++) {
		struct host_token t;
		const char *directory = ztj_trust_held_policy(c->trust)->registrars[i].directory;

		if (tokens_find(c, directory, p->st->u.pending.name, &t) == ZTJ_OK)
			yes = t.expires > cli_now() && host_proves(&t, p);
		else
			cli_forget(c);
		ztj_wipe(t.token, sizeof t.token);
	}
	return yes;
}

/* The digest is not shown: whoever approves has to bring it from the host. */
static int add_one(struct cli *c, const struct pending *p, struct out_table *t)
{
	const struct ztj_stmt *st = p->st;
	bool proved = st->u.pending.has_proof && proves(c, p);

	(void)json_array_append_new(c->result,
	    json_pack("{s:s, s:s, s:I, s:b}", "name", st->u.pending.name, "pending", p->id, "issued",
		(json_int_t)st->issued, "proves_token", proved));
	return out_table_row(c, t,
	    (const char *[]){ st->u.pending.name,
		cli_printf(c, "(asks since %s)", out_relative(c, st->issued)), "-", "-",
		proved ? "(proves its token)" : "-" });
}

static int add_pending(struct cli *c, const char *only, struct out_table *t, size_t *n)
{
	struct pendings all;
	int r = pending_list(c, true, &all);

	*n = 0;
	/* registrars see who waits; for everybody else the broker says no, which is no failure here */
	if (r != ZTJ_OK) {
		cli_forget(c);
		return ZTJ_OK;
	}
	for (size_t i = 0; i < all.n && r == ZTJ_OK; i++) {
		if (only != NULL && strcmp(only, all.p[i].st->u.pending.name) != 0)
			continue;
		r = add_one(c, &all.p[i], t);
		(*n)++;
	}
	pending_free(&all);
	return r;
}

int cmd_host_ls(struct cli *c)
{
	const char *only = cli_opt(c, OPT_DIRECTORY);
	struct out_table t;
	size_t n;
	int r;

	out_table_begin(&t, 5);
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	c->result = json_array();
	r = out_table_row(c, &t, (const char *[]){ "HOST", "LABELS", "SERIAL", "EXPIRES", "DIGEST" });
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust) && r == ZTJ_OK; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);

		if (only == NULL || strcmp(only, ztj_dir_name(d)) == 0)
			r = add_hosts(c, d, &t);
	}
	if (r == ZTJ_OK && only == NULL)
		r = add_pending(c, NULL, &t, &n);
	if (r == ZTJ_OK)
		out_table_print(c, &t);
	return r;
}

/* ---- one host ---- */

static int show_record(struct cli *c, const char *full)
{
	char directory[ZTJ_FULLNAME_SIZE], digest[ZTJ_HOST_DIGEST_SIZE];
	const struct ztj_record *rec;
	const struct ztj_dir *d;
	struct ztj_buf text;
	int r;

	(void)snprintf(directory, sizeof directory, "%s", full);
	directory[strcspn(directory, "/")] = '\0';
	d = ztj_trust_dir(c->trust, directory);
	rec = d != NULL ? ztj_dir_find(d, ztj_fullname_tail(full)) : NULL;
	if (rec == NULL)
		return ZTJ_NOT_FOUND;
	ztj_buf_init(&text, 64 * 1024);
	if ((r = record_digest(c->pins.domain, rec, digest)) == ZTJ_OK &&
	    (r = record_text(c->pins.domain, rec, "", &text)) == ZTJ_OK && ztj_buf_str(&text) != NULL) {
		text.p[text.n - 1] = '\0';
		out_say(c, "%s\n    directory: %s, serial %lld, until %s\n    state: %s",
		    (const char *)text.p, directory, (long long)ztj_dir_serial(d),
		    out_time(c, ztj_dir_expires(d)),
		    ztj_err_name(ztj_trust_host(c->trust, full, cli_now(), &rec)));
		rec = ztj_dir_find(d, ztj_fullname_tail(full));
		(void)json_array_append_new(c->result, host_json(d, rec, digest));
		warn_directory(c, d);
	}
	ztj_buf_free(&text);
	return r;
}

int cmd_host_show(struct cli *c)
{
	char full[ZTJ_FULLNAME_SIZE];
	struct out_table t;
	size_t n = 0;
	bool known;
	int r;

	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((c->result = json_array()) == NULL)
		return ZTJ_NOMEM;
	r = held_resolve(c, c->argv[0], true, full);
	if (r == ZTJ_AMBIGUOUS)
		return r;
	known = r == ZTJ_OK;
	cli_forget(c);
	if (known && (r = show_record(c, full)) != ZTJ_OK)
		return r;
	out_table_begin(&t, 5);
	if ((r = add_pending(c, ztj_fullname_tail(c->argv[0]), &t, &n)) != ZTJ_OK)
		return r;
	out_table_print(c, &t);
	if (!known && n == 0) {
		cli_hint(c, "ztjit host ls");
		return cli_fail(c, ZTJ_NOT_FOUND, "no host %s stands in a directory or asks to",
		    cli_esc(c, c->argv[0]));
	}
	return ZTJ_OK;
}
