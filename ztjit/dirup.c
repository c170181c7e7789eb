/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A new version of a directory. */
#include "ztjit/dirup.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/dirjson.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/record.h"
#include "ztjit/sign.h"

#define UPDATE_MAX (256u * 1024u * 1024u)

static bool may_sign(const struct ztj_registrar *reg, const struct ztj_key *k)
{
	for (size_t i = 0; i < reg->nkeys; i++)
		if (ztj_key_equal(&reg->keys[i], k))
			return true;
	return false;
}

static bool fits(const struct ztj_registrar *reg, enum dirup_kind kind)
{
	switch (kind) {
	case DIRUP_PEOPLE:
		return reg->uid_max != 0;
	case DIRUP_HOSTS:
		return reg->nlabels > 0;
	case DIRUP_ANY:
		return true;
	}
	return false;
}

static int find_registrar(struct cli *c, const struct ztj_policy *p, enum dirup_kind kind, struct dirup *u)
{
	bool several = false;

	for (size_t i = 0; i < p->nregistrars; i++) {
		const struct ztj_registrar *reg = &p->registrars[i];

		if (!may_sign(reg, &u->key.pub) ||
		    (u->name != NULL ? strcmp(u->name, reg->directory) != 0 : !fits(reg, kind)))
			continue;
		several = u->reg != NULL;
		u->reg = reg;
	}
	if (several) {
		cli_hint(c, "--directory NAME");
		return cli_fail(c, ZTJ_AMBIGUOUS, "your key may sign several directories; say which");
	}
	if (u->reg == NULL)
		return cli_fail(c, ZTJ_FORBIDDEN,
		    u->name != NULL ? "the policy does not name your key as a registrar of %s"
				    : "the policy does not name your key as a registrar for this%s",
		    u->name != NULL ? cli_esc(c, u->name) : "");
	u->name = u->reg->directory;
	u->base = ztj_trust_dir(c->trust, u->name);
	return ZTJ_OK;
}

int dirup_begin(struct cli *c, enum dirup_kind kind, const char *name, struct dirup *u)
{
	const struct ztj_policy *p;
	int r;

	*u = (struct dirup){ .name = name != NULL ? name : cli_opt(c, OPT_DIRECTORY) };
	ztj_buf_init(&u->text, 64 * 1024 * 1024);
	if ((r = key_load(c, &u->key)) != ZTJ_OK || (r = api_open_login(c)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK || (r = held_need_policy(c, &p)) != ZTJ_OK ||
	    (r = find_registrar(c, p, kind, u)) != ZTJ_OK)
		return r;
	u->drop = json_array();
	u->put = json_array();
	if (u->drop == NULL || u->put == NULL)
		return ZTJ_NOMEM;
	return dirseen_text(c, u->base, u->name, &u->text);
}

void dirup_free(struct dirup *u)
{
	json_decref(u->drop);
	json_decref(u->put);
	ztj_buf_free(&u->text);
	ztj_keyfile_wipe(&u->key.file);
}

static int check_user(struct cli *c, const struct dirup *u, const struct ztj_record *f)
{
	for (size_t i = 0; i < f->ngroups; i++) {
		size_t k = 0;

		while (k < u->reg->groups.n && strcmp(u->reg->groups.s[k], f->groups[i]) != 0)
			k++;
		if (k == u->reg->groups.n)
			return cli_fail(c, ZTJ_DIR_DELEGATION, "registrars of %s may not vouch for group %s",
			    u->name, cli_esc(c, f->groups[i]));
	}
	if (f->uid < u->reg->uid_min || f->uid > u->reg->uid_max)
		return cli_fail(c, ZTJ_DIR_DELEGATION,
		    "uid %u is outside %u-%u, which directory %s may allot", f->uid, u->reg->uid_min,
		    u->reg->uid_max, u->name);
	return ZTJ_OK;
}

int dirup_check_host(struct cli *c, const struct dirup *u, const struct ztj_record *f)
{
	for (size_t i = 0; i < f->nlabels; i++) {
		bool ok = false;

		for (size_t k = 0; k < u->reg->nlabels && !ok; k++)
			ok = strcmp(u->reg->labels[k].key, f->labels[i].key) == 0 &&
			    (strcmp(u->reg->labels[k].value, "*") == 0 ||
				strcmp(u->reg->labels[k].value, f->labels[i].value) == 0);
		if (!ok)
			return cli_fail(c, ZTJ_DIR_DELEGATION,
			    "registrars of %s may not vouch for label %s=%s", u->name,
			    cli_esc(c, f->labels[i].key), cli_esc(c, f->labels[i].value));
	}
	return ZTJ_OK;
}

int dirup_put(struct cli *c, struct dirup *u, const struct ztj_record *fields)
{
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, fields->name) : NULL;
	struct ztj_buf bytes;
	struct ztj_record *rec = NULL;
	/* known here, not in the directory: it was removed, by whomever */
	const char *mark = old == NULL && dirseen_gone(c, u->name, fields->name)
	    ? "+ AGAIN, was removed before: "
	    : "+ ";
	int r = fields->host ? dirup_check_host(c, u, fields) : check_user(c, u, fields);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&bytes, ZTJ_RECORD_MAX);
	/* what is shown comes from the bytes that will stand in the directory */
	if ((r = ztj_record_build(fields, &bytes)) == ZTJ_OK &&
	    (r = ztj_record_parse(ztj_buf_view(&bytes), &rec)) == ZTJ_OK) {
		if (old != NULL)
			r = record_text(c->pins.domain, old, "- ", &u->text);
		if (r == ZTJ_OK)
			r = record_text(c->pins.domain, rec, mark, &u->text);
		if (r == ZTJ_OK &&
		    json_array_append_new(u->put, json_stringn((const char *)bytes.p, bytes.n)) != 0)
			r = ZTJ_NOMEM;
	}
	ztj_record_unref(rec);
	ztj_buf_free(&bytes);
	return r == ZTJ_OK ? r
			   : cli_fail(c, r, "record of %s: %s", cli_esc(c, fields->name), ztj_err_text(r));
}

int dirup_drop(struct cli *c, struct dirup *u, const char *name)
{
	const struct ztj_record *old = u->base != NULL ? ztj_dir_find(u->base, name) : NULL;
	int r;

	if (old == NULL)
		return cli_fail(c, ZTJ_NOT_FOUND, "no %s in directory %s", cli_esc(c, name), u->name);
	r = record_text(c->pins.domain, old, "- ", &u->text);
	return r == ZTJ_OK && json_array_append_new(u->drop, json_string(name)) != 0 ? ZTJ_NOMEM : r;
}

/* The set after the change, to learn its root; the trust does the same once more when it is signed. */
static int apply(const struct dirup *u, struct ztj_dir **next)
{
	struct ztj_dir_delta d;
	int r = ztj_delta_from_json(u->drop, u->put, &d);

	*next = NULL;
	if (r == ZTJ_OK)
		r = ztj_dir_apply(u->base, u->name, &d, next);
	ztj_delta_free(&d);
	return r;
}

static int build(struct cli *c, const struct dirup *u, struct ztj_buf *bytes)
{
	int64_t most = ztj_trust_held_policy(c->trust)->limits.directory_max, span;
	struct ztj_dir *next;
	struct ztj_stmt st;
	int r;

	if ((r = cli_opt_duration(c, OPT_FOR, most, &span)) != ZTJ_OK)
		return r;
	if (span > most)
		return cli_fail(c, ZTJ_USAGE, "the policy lets a directory last %s at most",
		    out_duration(c, most));
	if ((r = apply(u, &next)) != ZTJ_OK)
		return cli_fail(c, r, "directory %s: %s", u->name, ztj_err_text(r));
	sign_begin(c, &st, ZTJ_STMT_DIRECTORY);
	st.u.directory.name = u->name;
	st.u.directory.serial = u->base != NULL ? ztj_dir_serial(u->base) + 1 : 1;
	st.u.directory.expires = st.issued + span;
	st.u.directory.records = (int64_t)ztj_dir_count(next);
	if (u->base != NULL)
		memcpy(st.u.directory.previous, ztj_dir_digest(u->base), ZTJ_DIGEST_LEN);
	ztj_dir_root(next, st.u.directory.root);
	r = ztj_stmt_build(&st, NULL, bytes);
	ztj_dir_free(next);
	return r;
}

static json_t *update_of(const struct dirup *u)
{
	return json_pack("{s:s, s:I, s:O, s:O}", "name", u->name, "base",
	    (json_int_t)(u->base != NULL ? ztj_dir_serial(u->base) : 0), "drop", u->drop, "put", u->put);
}

int dirup_post(struct cli *c, const char *name, const json_t *update, const struct ztj_signed *s,
    bool *current)
{
	json_t *body = json_pack("{s:O, s:o, s:O, s:O}", "base", json_object_get(update, "base"), "statement",
	    dirjson_container(s), "drop", json_object_get(update, "drop"), "put",
	    json_object_get(update, "put"));
	json_t *answer = NULL, *held = NULL;
	char path[128];
	int r;

	*current = false;
	if (body == NULL)
		return cli_fail(c, ZTJ_BAD_JSON, "the update: %s", ztj_err_text(ZTJ_BAD_JSON));
	(void)snprintf(path, sizeof path, "/v1/directories/%s", name);
	r = api_call(c, "POST", path, body, &answer);
	if (r == ZTJ_OK && strcmp(api_str(answer, "state"), "current") == 0) {
		held = json_pack("{s:s, s:O, s:[O], s:O, s:O}", "name", name, "serial",
		    json_object_get(answer, "serial"), "statements", json_object_get(body, "statement"),
		    "drop", json_object_get(body, "drop"), "put", json_object_get(body, "put"));
		r = held != NULL ? held_take_directory(c, held) : ZTJ_NOMEM;
		*current = r == ZTJ_OK;
	}
	if (r == ZTJ_OK && *current)
		r = dirseen_store(c, ztj_trust_dir(c->trust, name));
	json_decref(held);
	json_decref(answer);
	json_decref(body);
	return r;
}

static int write_update(struct cli *c, const struct dirup *u, const struct sign_ask *ask)
{
	const char *path = cli_opt(c, OPT_WRITE);
	char *beside = cli_printf(c, "%s.update", path), *text;
	json_t *update = update_of(u);
	int r = ZTJ_NOMEM;

	if (beside != NULL && update != NULL && (text = json_dumps(update, JSON_COMPACT)) != NULL) {
		if ((r = sign_write(c, path, ask)) == ZTJ_OK &&
		    (r = ztj_file_create(beside, ztj_view_str(text), 0644)) != ZTJ_OK)
			r = cli_fail(c, r, "%s: %s", cli_esc(c, beside), ztj_err_text(r));
		free(text);
	}
	json_decref(update);
	return r;
}

static int sign_update(struct cli *c, struct dirup *u, const struct sign_ask *ask, bool *current)
{
	struct ztj_signed s = { .bytes = ask->bytes, .nsigs = 1 };
	json_t *update = update_of(u);
	struct ztj_buf sig;
	int r;

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	r = update != NULL ? sign_statement(c, ask, &u->key, &sig) : ZTJ_NOMEM;
	if (r == ZTJ_OK) {
		s.sig[0] = ztj_buf_view(&sig);
		r = dirup_post(c, u->name, update, &s, current);
	}
	json_decref(update);
	ztj_buf_free(&sig);
	return r;
}

int dirup_finish(struct cli *c, struct dirup *u, const char *title, bool *current)
{
	struct sign_ask ask = { .type = ZTJ_STMT_DIRECTORY,
		.title = title,
		.question = "Sign this directory?" };
	bool in_force = false;
	struct ztj_buf bytes;
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	if ((r = build(c, u, &bytes)) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		ask.before = ztj_buf_view(&u->text);
		r = cli_is_set(c, OPT_WRITE) ? write_update(c, u, &ask) : sign_update(c, u, &ask, &in_force);
	}
	ztj_buf_free(&bytes);
	if (current != NULL)
		*current = in_force;
	if (r != ZTJ_OK || cli_is_set(c, OPT_WRITE))
		return r;
	if (in_force)
		out_say(c, "Directory %s has serial %lld now, until %s.", u->name,
		    (long long)ztj_dir_serial(ztj_trust_dir(c->trust, u->name)),
		    out_time(c, ztj_dir_expires(ztj_trust_dir(c->trust, u->name))));
	else
		out_say(c,
		    "Directory %s needs %u signatures; this one is kept by the broker until the others come.",
		    u->name, u->reg->threshold);
	c->result = json_pack("{s:s, s:b}", "directory", u->name, "current", in_force);
	return ZTJ_OK;
}

int dirup_load(struct cli *c, const char *file, struct ztj_buf *bytes, json_t **update)
{
	char *beside = cli_printf(c, "%s.update", file);
	struct ztj_buf text;
	int r;

	*update = NULL;
	if (beside == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, UPDATE_MAX);
	if ((r = ctx_read(c, file, false, ZTJ_STMT_MAX, bytes)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", cli_esc(c, file), ztj_err_text(r));
	else if ((r = ctx_read(c, beside, false, UPDATE_MAX, &text)) != ZTJ_OK)
		r = cli_fail(c, r, "%s: %s", cli_esc(c, beside), ztj_err_text(r));
	else if ((*update = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL)) == NULL)
		r = cli_fail(c, ZTJ_BAD_JSON, "%s: %s", cli_esc(c, beside), ztj_err_text(ZTJ_BAD_JSON));
	ztj_buf_free(&text);
	return r;
}
