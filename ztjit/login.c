/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The stored login. */
#include "ztjit/login.h"

#include <errno.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"

static int load_key(struct cli *c)
{
	char *path = ctx_path(c, c->run_dir, "login.key");
	struct ztj_keyfile kf = { .handle_len = 0 };
	struct ztj_buf text;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 16 * 1024);
	r = ctx_read(c, path, true, 16 * 1024, &text);
	if (r == ZTJ_OK && (r = ztj_keyfile_parse(&kf, ztj_buf_view(&text))) == ZTJ_OK)
		r = ztj_keyfile_seckey(&kf, &c->login_key);
	ztj_keyfile_wipe(&kf);
	ztj_buf_free(&text);
	return r;
}

static int load_statement(struct cli *c)
{
	char *path = ctx_path(c, c->run_dir, "login.json");
	struct ztj_signed s;
	struct ztj_buf text;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 64 * 1024);
	ztj_buf_init(&c->login_bytes, 64 * 1024);
	r = ctx_read(c, path, false, 64 * 1024, &text);
	if (r == ZTJ_OK && (r = ztj_signed_from_json(ztj_buf_view(&text), &c->login_bytes, &s)) == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_LOGIN, c->pins.domain, &c->login);
	ztj_buf_free(&text);
	return r;
}

int login_load(struct cli *c)
{
	int r;

	if (c->login != NULL)
		return ZTJ_OK;
	if (access(c->run_dir, F_OK) != 0 && errno == ENOENT)
		return ZTJ_NOT_FOUND;
	if ((r = ctx_need_run(c)) != ZTJ_OK || (r = load_key(c)) != ZTJ_OK ||
	    (r = load_statement(c)) != ZTJ_OK) {
		/* of another domain, or damaged: as good as none */
		login_close(c);
		return c->message != NULL ? r : ZTJ_NOT_FOUND;
	}
	if (!ztj_key_equal(&c->login->u.login.key, &c->login_key.pub)) {
		login_close(c);
		return ZTJ_NOT_FOUND;
	}
	if (c->login->u.login.expires <= cli_now()) {
		login_close(c);
		return ZTJ_ENDED;
	}
	return ZTJ_OK;
}

void login_close(struct cli *c)
{
	ztj_stmt_free(c->login);
	c->login = NULL;
	ztj_buf_free(&c->login_bytes);
	ztj_seckey_wipe(&c->login_key);
}

const char *login_who(const struct cli *c)
{
	return c->login != NULL ? c->login->u.login.who : "";
}

int login_person(struct cli *c, const char **who)
{
	*who = login_who(c);
	if ((*who)[0] != '\0')
		return ZTJ_OK;
	cli_hint(c, "ztjit login --as DIRECTORY/NAME");
	return cli_fail(c, ZTJ_FORBIDDEN, "you are logged in as a registrar; this needs a person");
}

static int drop(struct cli *c, const char *name)
{
	char *path = ctx_path(c, c->run_dir, name);

	if (path == NULL)
		return ZTJ_NOMEM;
	return unlink(path) == 0 || errno == ENOENT ? ZTJ_OK
						    : cli_fail(c, ZTJ_IO, "%s cannot be removed", path);
}

int login_remove(struct cli *c)
{
	int r = drop(c, "login.key"), r2 = drop(c, "login.json");

	return r != ZTJ_OK ? r : r2;
}

int login_store(struct cli *c, const struct ztj_seckey *key, const struct ztj_signed *s)
{
	struct ztj_keyfile kf = { .pub = key->pub };
	char *kpath = ctx_path(c, c->run_dir, "login.key"), *spath = ctx_path(c, c->run_dir, "login.json");
	struct ztj_buf ktext, stext;
	uint32_t check;
	int r;

	if (kpath == NULL || spath == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < sizeof kf.seed; i++)
		kf.seed[i] = key->seed[i];
	ztj_buf_init(&ktext, 16 * 1024);
	ztj_buf_init(&stext, 64 * 1024);
	if ((r = ctx_need_run(c)) == ZTJ_OK && (r = ztj_random(&check, sizeof check)) == ZTJ_OK &&
	    (r = ztj_keyfile_format(&kf, check, &ktext)) == ZTJ_OK &&
	    (r = ztj_signed_to_json(s, &stext)) == ZTJ_OK &&
	    (r = ztj_file_write(kpath, ztj_buf_view(&ktext), 0600)) == ZTJ_OK)
		r = ztj_file_write(spath, ztj_buf_view(&stext), 0600);
	ztj_keyfile_wipe(&kf);
	ztj_buf_free(&ktext);
	ztj_buf_free(&stext);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", c->run_dir, ztj_err_text(r));
}
