/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit directory show, renew, sign. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/dirjson.h"
#include "ztjit/dirup.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/record.h"
#include "ztjit/sigfile.h"
#include "ztjit/sign.h"

/* News when there is a login and a broker; what is held otherwise. */
static int refresh(struct cli *c)
{
	int r = held_open(c);

	if (r != ZTJ_OK)
		return r;
	if (login_load(c) != ZTJ_OK)
		return ZTJ_OK;
	if ((r = api_open_login(c)) == ZTJ_OK)
		return held_sync(c);
	if (r == ZTJ_UNREACHABLE || r == ZTJ_TIMEOUT) {
		out_warn(c, "%s; this is what was held before",
		    c->message != NULL ? c->message : ztj_err_text(r));
		cli_forget(c);
		return ZTJ_OK;
	}
	return r;
}

static const char *state_text(struct cli *c, const char *name)
{
	int s = ztj_trust_dir_state(c->trust, name, cli_now());

	return s == ZTJ_OK ? "counts" : ztj_err_text(s);
}

static int show_all(struct cli *c)
{
	struct out_table t;
	int r;

	out_table_begin(&t, 5);
	c->result = json_array();
	r = out_table_row(c, &t, (const char *[]){ "DIRECTORY", "SERIAL", "RECORDS", "ENDS", "STATE" });
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust) && r == ZTJ_OK; i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);

		r = out_table_row(c, &t,
		    (const char *[]){ ztj_dir_name(d), cli_printf(c, "%lld", (long long)ztj_dir_serial(d)),
			cli_printf(c, "%zu", ztj_dir_count(d)), out_time(c, ztj_dir_expires(d)),
			state_text(c, ztj_dir_name(d)) });
		(void)json_array_append_new(c->result,
		    json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", ztj_dir_name(d), "serial",
			(json_int_t)ztj_dir_serial(d), "records", (json_int_t)ztj_dir_count(d), "expires",
			(json_int_t)ztj_dir_expires(d), "state", state_text(c, ztj_dir_name(d))));
	}
	if (r == ZTJ_OK)
		out_table_print(c, &t);
	return r;
}

static int show_one(struct cli *c, const char *name)
{
	const struct ztj_dir *d = ztj_trust_dir(c->trust, name);
	char root[ZTJ_HEX_SIZE], digest[ZTJ_HEX_SIZE];
	struct ztj_buf text;
	ztj_hash h;
	int r = ZTJ_OK;

	if (d == NULL)
		return cli_fail(c, ZTJ_DIR_UNKNOWN, "no directory %s is held here", cli_esc(c, name));
	ztj_dir_root(d, h);
	ztj_hex(h, sizeof h, root);
	ztj_hex(ztj_dir_digest(d), ZTJ_DIGEST_LEN, digest);
	ztj_buf_init(&text, 512u * 1024 * 1024);
	(void)ztj_buf_printf(&text, "directory %s, serial %lld, until %s\n%s\nstatement: %s\nroot: %s\n",
	    name, (long long)ztj_dir_serial(d), out_time(c, ztj_dir_expires(d)), state_text(c, name), digest,
	    root);
	c->result = json_array();
	for (size_t i = 0; i < ztj_dir_count(d) && r == ZTJ_OK; i++) {
		r = record_text(c->pins.domain, ztj_dir_at(d, i), "", &text);
		(void)json_array_append_new(c->result, record_json(name, ztj_dir_at(d, i)));
	}
	if (r == ZTJ_OK && ztj_buf_str(&text) != NULL && !c->json)
		out_safe(stdout, ztj_buf_str(&text));
	ztj_buf_free(&text);
	return r;
}

int cmd_directory_show(struct cli *c)
{
	int r = refresh(c);

	if (r != ZTJ_OK)
		return r;
	return c->argc > 0 ? show_one(c, c->argv[0]) : show_all(c);
}

int cmd_directory_renew(struct cli *c)
{
	struct dirup u;
	int r = dirup_begin(c, DIRUP_ANY, c->argv[0], &u);

	if (r == ZTJ_OK && u.base == NULL)
		r = cli_fail(c, ZTJ_NOT_FOUND, "directory %s does not exist yet", u.name);
	if (r == ZTJ_OK)
		(void)ztj_buf_puts(&u.text, "Nothing but the end of the directory changes.\n");
	if (r == ZTJ_OK)
		r = dirup_finish(c, &u, "You are about to renew a directory:", NULL);
	dirup_free(&u);
	return r;
}

/* The records of an update file as this workstation sees them; the root must be the one in the statement. */
static int check_update(struct cli *c, struct dirup *u, const json_t *update, struct ztj_view bytes)
{
	const json_t *put = json_object_get(update, "put"), *drop = json_object_get(update, "drop"), *e;
	struct ztj_dir *next = NULL;
	struct ztj_stmt *st = NULL;
	struct ztj_dir_delta d;
	ztj_hash root;
	size_t i;
	int r = ztj_delta_from_json(drop, put, &d);

	if (r == ZTJ_OK && (r = ztj_stmt_parse(bytes, ZTJ_STMT_DIRECTORY, c->pins.domain, &st)) == ZTJ_OK &&
	    (r = ztj_dir_apply(u->base, u->name, &d, &next)) == ZTJ_OK) {
		ztj_dir_root(next, root);
		if (!ztj_ct_equal(root, st->u.directory.root, sizeof root) ||
		    st->u.directory.records != (int64_t)ztj_dir_count(next))
			r = ZTJ_DIR_ROOT;
		else if (st->u.directory.serial != (u->base != NULL ? ztj_dir_serial(u->base) + 1 : 1))
			r = ZTJ_DIR_ANCESTRY;
	}
	json_array_foreach(drop, i, e)
	{
		if (r == ZTJ_OK)
			r = dirup_drop(c, u, json_string_value(e));
	}
	for (i = 0; r == ZTJ_OK && i < d.nput; i++) {
		struct ztj_record *rec;

		if ((r = ztj_record_parse(d.put[i], &rec)) == ZTJ_OK) {
			r = record_text(c->pins.domain, rec, "+ ", &u->text);
			ztj_record_unref(rec);
		}
	}
	ztj_stmt_free(st);
	ztj_dir_free(next);
	ztj_delta_free(&d);
	return r == ZTJ_OK ? r : cli_fail(c, r, "the update: %s", ztj_err_text(r));
}

/* The second of several registrars: sees everything again, adds to FILE.sig. */
int cmd_directory_sign(struct cli *c)
{
	struct sign_ask ask = { .type = ZTJ_STMT_DIRECTORY,
		.title = "You are about to add your signature to a directory:",
		.question = "Sign this directory?" };
	char *sigfile = cli_printf(c, "%s.sig", c->argv[0]);
	json_t *update = NULL;
	struct ztj_buf bytes, sig;
	struct dirup u = { .name = NULL };
	int r;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&u.text, 64);
	if (sigfile == NULL)
		r = ZTJ_NOMEM;
	else if ((r = dirup_load(c, c->argv[0], &bytes, &update)) == ZTJ_OK &&
	    (r = dirup_begin(c, DIRUP_ANY, api_str(update, "name"), &u)) == ZTJ_OK &&
	    (r = check_update(c, &u, update, ztj_buf_view(&bytes))) == ZTJ_OK) {
		ask.bytes = ztj_buf_view(&bytes);
		ask.before = ztj_buf_view(&u.text);
		if ((r = sign_statement(c, &ask, &u.key, &sig)) == ZTJ_OK)
			r = sigfile_add(c, sigfile, ZTJ_STMT_DIRECTORY, ask.bytes, ztj_buf_view(&sig));
	}
	if (r == ZTJ_OK)
		out_say(c, "%s has your signature. When there are %u: ztjit submit %s %s", sigfile,
		    u.reg->threshold, cli_esc(c, c->argv[0]), sigfile);
	json_decref(update);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
	dirup_free(&u);
	return r;
}
