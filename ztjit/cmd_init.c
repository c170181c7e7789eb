/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit init: the workstation pins the policy roots, by the pin a person was told. */
#include "ztjit/commands.h"

#include <string.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/tty.h"

static int make_config_dir(struct cli *c)
{
	char *parent = cli_strdup(c, c->config_dir), *slash;
	int r;

	if (parent == NULL)
		return ZTJ_NOMEM;
	if ((slash = strrchr(parent, '/')) != NULL && slash != parent) {
		*slash = '\0';
		r = ztj_dir_make(parent, 0700, (uid_t)-1, (gid_t)-1);
		if (r != ZTJ_OK && r != ZTJ_EXISTS)
			out_warn(c, "%s: %s", parent, ztj_err_text(r));
	}
	r = ztj_dir_make(c->config_dir, 0700, (uid_t)-1, (gid_t)-1);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", c->config_dir, ztj_err_text(r));
}

static int write_roots(struct cli *c)
{
	char *path = ctx_path(c, c->config_dir, "policy_roots");
	struct ztj_buf text;
	int r;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 64 * 1024);
	r = ztj_pins_format(&c->pins, &text);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&text), 0644);
	ztj_buf_free(&text);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

/* Only when there is none: a configuration that a person wrote stays as it is. */
static int write_config(struct cli *c)
{
	char *path = ctx_path(c, c->config_dir, "config");
	struct ztj_buf text;
	int r = ZTJ_OK;

	if (path == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&text, 64 * 1024);
	(void)ztj_buf_puts(&text, "broker = [ ");
	for (size_t i = 0; i < c->opt[OPT_BROKER].n; i++) {
		const char *u = c->opt[OPT_BROKER].v[i];

		if (strncmp(u, "https://", 8) != 0 || strpbrk(u, "\"\\") != NULL ||
		    !ztj_text_ok(ztj_view_str(u)))
			r = cli_fail(c, ZTJ_USAGE, "--broker %s: must be https://HOST:PORT", cli_esc(c, u));
		(void)ztj_buf_printf(&text, "%s\"%s\"", i > 0 ? ", " : "", u);
	}
	(void)ztj_buf_puts(&text, " ];\n");
	if (r == ZTJ_OK)
		r = ztj_file_create(path, ztj_buf_view(&text), 0644);
	ztj_buf_free(&text);
	if (r == ZTJ_EXISTS) {
		out_note(c, "%s stays as it is", path);
		return ZTJ_OK;
	}
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
}

/* The pin was told by a person; the broker merely supplies the text that it is the digest of. */
static int check_pin(struct cli *c, const char *text, const char *typed)
{
	char pin[ZTJ_PIN_SIZE], line[128];
	unsigned at = 0;
	int r = ztj_pins_parse(ztj_view_str(text), &c->pins, &at);

	if (r != ZTJ_OK)
		return cli_fail(c, r, "the broker's policy roots, line %u: %s", at, ztj_err_text(r));
	if ((r = ztj_pins_digest(&c->pins, pin)) != ZTJ_OK)
		return r;
	if (typed == NULL) {
		if (!tty_interactive()) {
			cli_hint(c, "ztjit init --broker URL --pin ZTJ-…");
			return cli_fail(c, ZTJ_USAGE, "--pin is missing");
		}
		if ((r = tty_line(c, "Type the pin you were told (ZTJ-…): ", line, sizeof line)) != ZTJ_OK)
			return r;
		typed = line;
	}
	if (ztj_pins_check(&c->pins, typed) == ZTJ_OK)
		return ZTJ_OK;
	cli_hint(c,
	    "compare the pin with the one that 'ztjit-broker init' printed; do not go on if it differs");
	return cli_fail(c, ZTJ_PIN_MISMATCH,
	    "the broker's roots have the pin %s, which is not the one you gave", pin);
}

/* Roots pinned earlier stay unless they are the same: they change only by hand. */
static int compare_with_pinned(struct cli *c, const struct ztj_pins *before)
{
	char a[ZTJ_PIN_SIZE], b[ZTJ_PIN_SIZE];

	if (ztj_pins_digest(before, a) != ZTJ_OK || ztj_pins_digest(&c->pins, b) != ZTJ_OK)
		return ZTJ_INTERNAL;
	if (strcmp(a, b) == 0)
		return ZTJ_EXISTS;
	cli_hint(c, "remove %s/policy_roots first, if you really mean to change the domain", c->config_dir);
	return cli_fail(c, ZTJ_EXISTS, "this workstation has pinned other roots (%s)", a);
}

static int first_policy(struct cli *c)
{
	int r;

	if ((r = held_open(c)) != ZTJ_OK)
		return r;
	if ((r = held_fetch_policy(c)) == ZTJ_NOT_FOUND) {
		cli_forget(c);
		out_note(c, "The broker has no policy yet; push one with: ztjit policy push FILE");
		return ZTJ_OK;
	}
	return r == ZTJ_OK ? api_check_peer(c, ztj_trust_held_policy(c->trust)) : r;
}

static void report(struct cli *c)
{
	const struct ztj_policy *p = ztj_trust_held_policy(c->trust);
	char pin[ZTJ_PIN_SIZE] = "";

	if (ztj_pins_digest(&c->pins, pin) != ZTJ_OK)
		pin[0] = '\0';
	out_say(c, "This workstation belongs to domain %s.\npin: %s", c->pins.domain, pin);
	if (p != NULL)
		out_say(c, "policy: version %lld, until %s", (long long)p->version, out_time(c, p->expires));
	c->result = json_pack("{s:s, s:s, s:I}", "domain", c->pins.domain, "pin", pin, "policy",
	    (json_int_t)(p != NULL ? p->version : 0));
}

int cmd_init(struct cli *c)
{
	struct ztj_pins before = c->pins;
	bool had = c->has_pins;
	json_t *o = NULL;
	int64_t version;
	int r;

	if (!cli_is_set(c, OPT_BROKER) && c->conf.broker.n == 0)
		return cli_fail(c, ZTJ_USAGE, "--broker https://HOST:PORT is missing");
	c->has_pins = false;
	if ((r = api_open_bootstrap(c)) != ZTJ_OK || (r = api_broker(c, &version, &o)) != ZTJ_OK)
		return r;
	if ((r = check_pin(c, api_str(o, "roots"), cli_opt(c, OPT_PIN))) == ZTJ_OK &&
	    strcmp(api_str(o, "domain"), c->pins.domain) != 0)
		r = cli_fail(c, ZTJ_DOMAIN, "the broker names another domain than its roots do");
	json_decref(o);
	if (r == ZTJ_OK && had && (r = compare_with_pinned(c, &before)) == ZTJ_EXISTS && c->message == NULL)
		r = ZTJ_OK;
	if (r != ZTJ_OK)
		return r;
	c->has_pins = true;
	/* verified before anything is written, so that a refusal leaves nothing behind but the check */
	if ((r = first_policy(c)) != ZTJ_OK || (r = make_config_dir(c)) != ZTJ_OK ||
	    (r = write_roots(c)) != ZTJ_OK)
		return r;
	if (cli_is_set(c, OPT_BROKER) && (r = write_config(c)) != ZTJ_OK)
		return r;
	report(c);
	return ZTJ_OK;
}
