/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit cert, config ssh, known-hosts: what plain ssh, scp and rsync need. */
#include "ztjit/commands.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/agent.h"
#include "ztjit/api.h"
#include "ztjit/certs.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/self.h"

const char *self_command(struct cli *c, const char *args)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	if (strpbrk(path, "\"%\\") != NULL)
		return NULL;
	return strchr(path, ' ') != NULL ? cli_printf(c, "\"%s\" %s", path, args)
					 : cli_printf(c, "%s %s", path, args);
}

int cmd_cert(struct cli *c)
{
	struct target t;
	struct cli_key k;
	char *path;
	int r;

	if ((r = key_load(c, &k)) != ZTJ_OK || (r = held_open(c)) != ZTJ_OK ||
	    (r = cert_target(c, c->argv[0], &t)) != ZTJ_OK)
		return r;
	/* --quiet is ssh asking, for every connection: what is kept will do; the host decides anyway */
	r = cert_ensure(c, &t, &k, !cli_is_set(c, OPT_QUIET), &path);
	if (r == ZTJ_OK && cli_is_set(c, OPT_AGENT))
		r = login_load(c) == ZTJ_OK ? agent_ensure(c, &k) : ZTJ_OK;
	ztj_keyfile_wipe(&k.file);
	if (r != ZTJ_OK)
		return r;
	out_say(c, "%s", path);
	c->result = json_pack("{s:s, s:s, s:s}", "certificate", path, "host", t.full, "user", t.user);
	return ZTJ_OK;
}

/* Every host held here, by the name that is typed; ssh_config patterns have no other way. */
static int host_list(struct cli *c, struct ztj_buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ztj_trust_ndirs(c->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(c->trust, i);

		for (size_t k = 0; k < ztj_dir_count(d); k++) {
			const struct ztj_record *rec = ztj_dir_at(d, k);

			if (rec->host)
				(void)ztj_buf_printf(out, "%s%s", n++ > 0 ? "," : "", rec->name);
		}
	}
	if (n == 0) {
		cli_hint(c, "ztjit login");
		return cli_fail(c, ZTJ_NOT_FOUND, "no host is held here");
	}
	return ztj_buf_status(out);
}

/* Two blocks: the first only fetches (its exec may fail without a grant), the second always checks the host. */
static int print_config(struct cli *c, const char *hosts, const struct cli_key *k)
{
	const char *fetch = self_command(c, "cert --quiet --agent %r@%n"),
		   *known = self_command(c, "known-hosts %n %H %K");
	struct ztj_fido f = key_fido(c);
	const char *provider = f.provider != NULL && f.provider[0] == '/'
	    ? cli_printf(c, "    SecurityKeyProvider %s\n", f.provider)
	    : "";
	char *text, *identity;

	if (fetch == NULL || known == NULL || provider == NULL)
		return cli_fail(c, ZTJ_INTERNAL, "this program's own path cannot be told");
	/* ssh forwards no agent when it sees none of its own, so the step-up agent is that one too; a key that
	 * only an agent holds needs the person's own */
	identity = k->has_file
	    ? cli_printf(c, "    IdentityFile %s/certs/%%r@%%n\n    IdentityAgent %s/agent.sock\n",
		  c->run_dir, c->run_dir)
	    : cli_printf(c, "    IdentityFile %s\n", k->path);
	if (identity == NULL)
		return ZTJ_NOMEM;
	text = cli_printf(c,
	    "# ztjit config ssh: put it into ~/.ssh/config; print it again when hosts were added\n"
	    "Match originalhost %s exec \"%s\"\n"
	    "    CertificateFile %s/certs/%%r@%%n-cert.pub\n"
	    "%s"
	    "    ForwardAgent %s/agent.sock\n"
	    "Match originalhost %s\n"
	    "    IdentitiesOnly yes\n"
	    "%s"
	    "    KnownHostsCommand %s\n"
	    "    UserKnownHostsFile /dev/null\n"
	    "    GlobalKnownHostsFile /dev/null\n"
	    "    StrictHostKeyChecking yes\n"
	    "Match all\n",
	    hosts, fetch, c->run_dir, identity, c->run_dir, hosts, provider, known);
	if (text == NULL)
		return ZTJ_NOMEM;
	c->result = json_pack("{s:s}", "text", text);
	if (!c->json)
		out_safe(stdout, text);
	return ZTJ_OK;
}

int cmd_config_ssh(struct cli *c)
{
	struct ztj_buf hosts;
	struct cli_key k;
	int r;

	if ((r = key_load(c, &k)) != ZTJ_OK || (r = held_open(c)) != ZTJ_OK)
		return r;
	ztj_buf_init(&hosts, 16 * 1024 * 1024);
	if ((r = host_list(c, &hosts)) == ZTJ_OK)
		r = ztj_buf_str(&hosts) != NULL ? print_config(c, ztj_buf_str(&hosts), &k) : ZTJ_NOMEM;
	ztj_buf_free(&hosts);
	ztj_keyfile_wipe(&k.file);
	return r;
}

/* ssh may ask with "[host]:port"; the record does not know ports. */
static char *plain_host(struct cli *c, const char *asked)
{
	const char *end;

	if (asked[0] != '[' || (end = strchr(asked, ']')) == NULL)
		return cli_strdup(c, asked);
	return cli_printf(c, "%.*s", (int)(end - asked - 1), asked + 1);
}

/* ssh says which key the host shows (%K); NONE or nothing when it only asks for an order of algorithms. */
static bool has_key(const struct ztj_record *rec, const char *b64)
{
	for (size_t i = 0; i < rec->nssh; i++) {
		char key[ZTJ_KEY_TEXT_SIZE];
		const char *blob;

		if (ztj_key_to_text(&rec->ssh[i], key) == ZTJ_OK && (blob = strchr(key, ' ')) != NULL &&
		    strcmp(blob + 1, b64) == 0)
			return true;
	}
	return false;
}

static int find_host(struct cli *c, const char *host, char full[ZTJ_FULLNAME_SIZE],
    const struct ztj_record **rec)
{
	int r;

	*rec = NULL;
	if ((r = held_resolve(c, host, true, full)) != ZTJ_OK)
		return r;
	r = ztj_trust_host(c->trust, full, cli_now(), rec);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s: %s", full, ztj_err_text(r));
}

/* A host that shows a key that is not in its record as held here: perhaps its record is newer. */
static void catch_up(struct cli *c)
{
	if (login_load(c) == ZTJ_OK && api_open_login(c) == ZTJ_OK && held_sync(c) == ZTJ_OK)
		return;
	cli_forget(c);
}

int cmd_known_hosts(struct cli *c)
{
	char full[ZTJ_FULLNAME_SIZE], *host = plain_host(c, c->argv[0]);
	/* the name ssh compares: an address when the person's HostName says so */
	const char *name = c->argc > 1 ? c->argv[1] : ztj_fullname_tail(c->argv[0]);
	const char *shown = c->argc > 2 && strcmp(c->argv[2], "NONE") != 0 ? c->argv[2] : NULL;
	const struct ztj_record *rec;
	int r;

	if (host == NULL)
		return ZTJ_NOMEM;
	if ((r = held_open(c)) != ZTJ_OK)
		return r;
	r = find_host(c, host, full, &rec);
	if (shown != NULL && (r != ZTJ_OK || !has_key(rec, shown))) {
		cli_forget(c);
		catch_up(c);
		r = find_host(c, host, full, &rec);
	}
	if (r != ZTJ_OK)
		return r;
	c->result = json_array();
	for (size_t i = 0; i < rec->nssh && r == ZTJ_OK; i++) {
		char key[ZTJ_KEY_TEXT_SIZE];

		if ((r = ztj_key_to_text(&rec->ssh[i], key)) != ZTJ_OK)
			break;
		out_say(c, "%s %s", cli_esc(c, name), key);
		(void)json_array_append_new(c->result, json_string(key));
	}
	return r;
}
