/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Where the person's files are, and what stands in them. */
#include "ztjit/cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

#define OFF(m) offsetof(struct cli_conf, m)
static const struct ztj_conf_key conf_table[] = {
	{ "broker", ZTJ_CONF_STRINGS, OFF(broker), 0, 16, "", "addresses of the broker, https://host:port" },
	{ "key", ZTJ_CONF_STRING, OFF(key), 0, 4096, "",
	    "OpenSSH key file to sign with (default ~/.ssh/id_ztjit)" },
	{ "sk_provider", ZTJ_CONF_STRING, OFF(sk_provider), 0, 4096, "", "OpenSSH security-key middleware" },
	{ "name", ZTJ_CONF_STRING, OFF(name), 0, ZTJ_FULLNAME_SIZE - 1, "",
	    "your full name, directory/name" },
	{ "ssh", ZTJ_CONF_STRING, OFF(ssh), 1, 4096, "ssh", "the ssh program" },
	{ "timeout", ZTJ_CONF_DURATION, OFF(timeout), 1, 600, "15s", "patience with the broker" },
};
#define NCONF (sizeof conf_table / sizeof conf_table[0])

static char *env_dir(struct cli *c, const char *var, const char *fallback)
{
	const char *v = getenv(var);

	/* the XDG rule: a relative path counts as not set */
	if (v != NULL && v[0] == '/')
		return cli_printf(c, "%s/ztjit", v);
	return cli_printf(c, "%s/%s/ztjit", c->home, fallback);
}

static int find_dirs(struct cli *c)
{
	const char *home = getenv("HOME"), *run = getenv("XDG_RUNTIME_DIR");
	const struct passwd *pw;

	if (home == NULL || home[0] != '/') {
		pw = getpwuid(getuid());
		home = pw != NULL ? pw->pw_dir : NULL;
	}
	if (home == NULL || home[0] != '/')
		return cli_fail(c, ZTJ_CONFIG, "no home directory: HOME is not set");
	if ((c->home = cli_strdup(c, home)) == NULL)
		return ZTJ_NOMEM;
	c->config_dir = env_dir(c, "XDG_CONFIG_HOME", ".config");
	c->state_dir = env_dir(c, "XDG_STATE_HOME", ".local/state");
	c->run_dir = run != NULL && run[0] == '/' ? cli_printf(c, "%s/ztjit", run)
						  : cli_printf(c, "/tmp/ztjit-%u", (unsigned)getuid());
	return c->config_dir != NULL && c->state_dir != NULL && c->run_dir != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

char *ctx_path(struct cli *c, const char *dir, const char *name)
{
	return cli_printf(c, "%s/%s", dir, name);
}

int ctx_read(struct cli *c, const char *path, bool secret, size_t max, struct ztj_buf *out)
{
	struct ztj_file_rule rule = { .owner = getuid(), .secret = secret };
	int r = ztj_file_read(path, &rule, max, out);

	if (r == ZTJ_UNSAFE_FILE)
		return cli_fail(c, r, "%s: %s", path,
		    secret ? "must be yours and closed to everybody else (chmod 600)"
			   : "must be yours, no link, and not writable by others");
	return r;
}

static int load_conf(struct cli *c)
{
	char *path = ctx_path(c, c->config_dir, "config"), err[512] = "";
	struct stat st;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	r = ztj_conf_load(conf_table, NCONF, lstat(path, &st) == 0 || errno != ENOENT ? path : NULL, getuid(),
	    &c->conf, err, sizeof err);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s", err[0] != '\0' ? err : path);
}

static int load_pins(struct cli *c)
{
	char *path = ctx_path(c, c->config_dir, "policy_roots");
	struct ztj_buf text;
	unsigned line = 0;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 64 * 1024);
	r = ctx_read(c, path, false, 64 * 1024, &text);
	if (r == ZTJ_OK && (r = ztj_pins_parse(ztj_buf_view(&text), &c->pins, &line)) != ZTJ_OK)
		r = cli_fail(c, ZTJ_CONFIG, "%s:%u: %s", path, line, ztj_err_text(r));
	ztj_buf_free(&text);
	c->has_pins = r == ZTJ_OK;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int ctx_open(struct cli *c)
{
	int r;

	if ((r = find_dirs(c)) != ZTJ_OK || (r = load_conf(c)) != ZTJ_OK)
		return r;
	return load_pins(c);
}

void ctx_close(struct cli *c)
{
	ztj_conf_free(conf_table, NCONF, &c->conf);
}

int ctx_need_pins(struct cli *c)
{
	if (c->has_pins)
		return ZTJ_OK;
	cli_hint(c, "ztjit init --broker https://HOST:PORT --pin ZTJ-…");
	return cli_fail(c, ZTJ_NOT_READY, "this workstation does not know the policy roots yet");
}

int ctx_need_run(struct cli *c)
{
	int r = ztj_dir_make(c->run_dir, 0700, (uid_t)-1, (gid_t)-1);
	struct stat st;

	/* in /tmp somebody else may have been first */
	if (r == ZTJ_OK &&
	    (lstat(c->run_dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
		(st.st_mode & 077) != 0))
		r = ZTJ_UNSAFE_FILE;
	return r == ZTJ_OK
	    ? r
	    : cli_fail(c, r, "%s: %s", c->run_dir,
		  r == ZTJ_UNSAFE_FILE ? "must be a directory of yours with mode 0700" : ztj_err_text(r));
}
