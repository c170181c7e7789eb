/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The person's side: key, device, agent, login, broker, ssh. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/fido/device.h"
#include "ztjit/api.h"
#include "ztjit/doctor/doctor.h"
#include "ztjit/doctor/sshdconf.h"
#include "ztjit/held.h"
#include "ztjit/key.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WARN_BEFORE (30LL * 86400)

/* What a command would have said and what to type next. */
static void say_why(struct doctor *d, enum doc_level level, int r)
{
	struct cli *c = d->c;

	doc_say(d, level, "%s", c->message != NULL ? c->message : ztj_err_text(r));
	if (c->hint != NULL)
		doc_todo(d, "%s", c->hint);
	cli_forget(c);
}

static enum doc_level expiry_level(int64_t t)
{
	return t <= cli_now() ? DOC_FAIL : t < cli_now() + WARN_BEFORE ? DOC_WARN : DOC_OK;
}

static bool some_rule_verifies(struct cli *c)
{
	const struct ztj_policy *p = c->trust != NULL ? ztj_trust_held_policy(c->trust) : NULL;

	for (size_t i = 0; p != NULL && i < p->nrules; i++)
		if (p->rules[i].uv)
			return true;
	return false;
}

/* ---- what is pinned and held ---- */

static void desk_roots(struct doctor *d)
{
	char pin[ZTJ_PIN_SIZE] = "?";
	int r = ctx_need_pins(d->c);

	if (access(ZTJ_SYSCONFDIR "/hostd.conf", F_OK) == 0 && r != ZTJ_OK) {
		cli_forget(d->c);
		doc_say(d, DOC_FAIL, "this is a server, and only root can see whether it is armed");
		doc_todo(d, "sudo ztjit doctor");
		return;
	}
	if (r != ZTJ_OK) {
		say_why(d, DOC_FAIL, r);
		return;
	}
	if (ztj_pins_digest(&d->c->pins, pin) != ZTJ_OK)
		pin[0] = '\0';
	doc_say(d, DOC_OK, "domain %s, pin %s", d->c->pins.domain, pin);
}

static void desk_policy(struct doctor *d)
{
	const struct ztj_policy *p = NULL;
	enum doc_level level;
	int r;

	if (!d->c->has_pins)
		return;
	if ((r = held_need_policy(d->c, &p)) != ZTJ_OK) {
		say_why(d, DOC_FAIL, r);
		return;
	}
	level = expiry_level(p->expires);
	doc_say(d, level, "policy version %lld %s %s", (long long)p->version,
	    level == DOC_FAIL ? "has expired" : "expires", out_time(d->c, p->expires));
	if (level > DOC_OK)
		doc_todo(d, "the policy roots sign a new one: ztjit policy sign, ztjit policy push");
	for (size_t i = 0; i < ztj_trust_ndirs(d->c->trust); i++) {
		const struct ztj_dir *dir = ztj_trust_dir_at(d->c->trust, i);

		if ((level = expiry_level(ztj_dir_expires(dir))) == DOC_OK)
			continue;
		doc_say(d, level, "directory %s %s %s", ztj_dir_name(dir),
		    level == DOC_FAIL ? "has expired" : "expires", out_time(d->c, ztj_dir_expires(dir)));
		doc_todo(d, "its registrar: ztjit directory renew %s", ztj_dir_name(dir));
	}
}

/* ---- the key ---- */

static void desk_key(struct doctor *d)
{
	struct cli *c = d->c;
	struct cli_key k;
	int r = key_load(c, &k);

	if (r != ZTJ_OK) {
		say_why(d, DOC_FAIL, r);
		return;
	}
	if (!k.has_file)
		doc_say(d, DOC_WARN, "%s: only the public part is here; an agent must hold the key", k.path);
	else if ((k.file.sk_flags & ZTJ_SK_FLAG_UP) == 0) {
		doc_say(d, DOC_FAIL, "%s asks for no touch: no signature of it counts", k.path);
		doc_todo(d, "ztjit enroll NAME, for a new key");
	} else if ((k.file.sk_flags & ZTJ_SK_FLAG_UV) == 0 && some_rule_verifies(c)) {
		doc_say(d, DOC_WARN,
		    "%s asks for no PIN or fingerprint, which some rule demands: ssh refuses its certificates",
		    k.path);
		doc_todo(d, "ztjit enroll --verify-required, for a new key");
	}
	doc_say(d, DOC_OK, "%s %s%s", k.path, k.fingerprint,
	    k.has_file && (k.file.sk_flags & ZTJ_SK_FLAG_UV) != 0 ? ", with PIN or fingerprint" : "");
	ztj_keyfile_wipe(&k.file);
}

static void desk_device(struct doctor *d)
{
	struct ztj_fido f = key_fido(d->c);
	struct ztj_devices list;

	if (f.provider != NULL && f.provider[0] == '/') {
		if (access(f.provider, R_OK) != 0) {
			doc_say(d, DOC_FAIL, "the middleware %s is not there", f.provider);
			doc_todo(d, "sk_provider in %s/config, or SSH_SK_PROVIDER", d->c->config_dir);
		}
		doc_say(d, DOC_OK, "reached through %s", f.provider);
		return;
	}
	if (ztj_devices_list(&list) != ZTJ_OK) {
		doc_say(d, DOC_WARN, "no security key is plugged in, or this account may not use it");
		doc_todo(d, "plug it in; if it is: apt install libfido2-1 (its udev rules), and log in anew");
		return;
	}
	doc_say(d, DOC_OK, "%zu plugged in", list.n);
	ztj_devices_free(&list);
}

static void desk_agent(struct doctor *d)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	struct cli_key k;
	bool needed = key_load(d->c, &k) == ZTJ_OK && !k.has_file;
	struct stat st;

	ztj_keyfile_wipe(&k.file);
	cli_forget(d->c);
	if (sock == NULL || sock[0] == '\0') {
		if (needed) {
			doc_say(d, DOC_FAIL, "the key is in an agent, and SSH_AUTH_SOCK names none");
			doc_todo(d, "eval $(ssh-agent); ssh-add");
		}
		doc_say(d, DOC_OK, "no ssh-agent; none is needed, the key is a file here");
		return;
	}
	if (stat(sock, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		doc_say(d, needed ? DOC_FAIL : DOC_WARN, "SSH_AUTH_SOCK names %s, where no agent is", sock);
		doc_todo(d, "unset SSH_AUTH_SOCK, or start an agent");
	}
	doc_say(d, DOC_OK, "ssh-agent at %s", sock);
}

/* ---- login and broker ---- */

static void desk_login(struct doctor *d)
{
	struct cli *c = d->c;
	int r;

	if (!c->has_pins)
		return;
	if ((r = held_open(c)) != ZTJ_OK) {
		say_why(d, DOC_FAIL, r);
		return;
	}
	if ((r = login_load(c)) != ZTJ_OK) {
		cli_forget(c);
		doc_say(d, r == ZTJ_NOT_FOUND || r == ZTJ_ENDED ? DOC_WARN : DOC_FAIL, "%s",
		    r == ZTJ_ENDED           ? "the login has ended"
			: r == ZTJ_NOT_FOUND ? "not logged in"
					     : ztj_err_text(r));
		doc_todo(d, "ztjit login");
		return;
	}
	doc_say(d, DOC_OK, "%s until %s", login_who(c)[0] != '\0' ? login_who(c) : "registrar",
	    out_time(c, c->login->u.login.expires));
}

static void desk_broker(struct doctor *d)
{
	struct cli *c = d->c;
	int r;

	if (!c->has_pins)
		return;
	if ((r = held_open(c)) == ZTJ_OK) {
		r = login_load(c) == ZTJ_OK ? api_open_login(c) : api_open(c);
		if (c->login == NULL)
			r = r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	}
	if (r != ZTJ_OK) {
		say_why(d, DOC_FAIL, r);
		return;
	}
	cli_forget(c);
	doc_say(d, DOC_OK, "reachable; its key stands in the policy, and the clocks agree");
}

/* ---- ssh ---- */

static int read_file(void *arg, const char *path, struct ztj_buf *text)
{
	(void)arg;
	return doc_read(path, 16 * 1024 * 1024, text, NULL);
}

/* The list of settings takes relative names to be in /etc/ssh, as sshd does; in a person's file they are in ~/.ssh. */
static int expand(void *arg, const char *pattern, int (*each)(void *eacharg, const char *path), void *eacharg)
{
	const struct doctor *d = arg;
	const char *here = pattern;
	glob_t g;
	int r = ZTJ_OK, e;

	if (strncmp(pattern, "/etc/ssh/", 9) == 0)
		here = cli_printf(d->c, "%s/.ssh/%s", d->c->home, pattern + 9);
	else if (strncmp(pattern, "~/", 2) == 0)
		here = cli_printf(d->c, "%s/%s", d->c->home, pattern + 2);
	if (here == NULL)
		return ZTJ_NOMEM;
	if ((e = glob(here, 0, NULL, &g)) != 0)
		return e == GLOB_NOMATCH ? ZTJ_OK : ZTJ_IO;
	for (size_t i = 0; r == ZTJ_OK && i < g.gl_pathc; i++)
		r = each(eacharg, g.gl_pathv[i]);
	globfree(&g);
	return r;
}

/* Is the name in the comma-separated list after originalhost? */
static bool covers(const char *match, const char *host)
{
	const char *list = strstr(match, "originalhost ");
	size_t n = strlen(host);

	if (list == NULL)
		return false;
	for (list += strlen("originalhost ");; list++) {
		size_t len = strcspn(list, ", ");

		if (len == n && strncmp(list, host, n) == 0)
			return true;
		list += len;
		if (*list != ',')
			return false;
	}
}

static bool asks_us(const struct sshdc_setting *s)
{
	return strcmp(s->keyword, "knownhostscommand") == 0 && strstr(s->value, " known-hosts ") != NULL;
}

static const char *first_missing(const struct cli *c, const struct sshdc *conf, size_t *missing)
{
	const char *name = NULL;

	*missing = 0;
	for (size_t i = 0; i < ztj_trust_ndirs(c->trust); i++) {
		const struct ztj_dir *dir = ztj_trust_dir_at(c->trust, i);

		for (size_t k = 0; k < ztj_dir_count(dir); k++) {
			const struct ztj_record *rec = ztj_dir_at(dir, k);
			bool found = !rec->host;

			for (size_t m = 0; m < conf->n && !found; m++)
				found = asks_us(&conf->s[m]) && conf->s[m].match != NULL &&
				    covers(conf->s[m].match, rec->name);
			if (found)
				continue;
			if ((*missing)++ == 0)
				name = rec->name;
		}
	}
	return name;
}

static void judge_config(struct doctor *d, const struct sshdc *conf)
{
	const struct sshdc_setting *ours = NULL;
	const char *name, *program;
	size_t missing;

	for (size_t i = 0; i < conf->n && ours == NULL; i++)
		if (asks_us(&conf->s[i]))
			ours = &conf->s[i];
	if (ours == NULL) {
		doc_say(d, DOC_WARN,
		    "~/.ssh/config knows nothing of ztjit: only ztjit ssh works, not ssh, scp and rsync");
		doc_todo(d, "ztjit config ssh >>~/.ssh/config");
		return;
	}
	program = cli_printf(d->c, "%.*s", (int)strcspn(ours->value, " "), ours->value);
	if (program == NULL || access(program, X_OK) != 0) {
		doc_say(d, DOC_FAIL, "%s:%u: %s is not there any more", ours->file, ours->line,
		    program != NULL ? program : "?");
		doc_todo(d, "remove that block; ztjit config ssh >>~/.ssh/config");
	}
	if (d->c->trust != NULL && (name = first_missing(d->c, conf, &missing)) != NULL) {
		doc_say(d, DOC_WARN, "%s:%u lacks %zu hosts, %s for one", ours->file, ours->line, missing,
		    name);
		doc_todo(d, "put the output of ztjit config ssh in its place");
	}
	doc_say(d, DOC_OK, "%s:%u asks ztjit for the host keys of every host", ours->file, ours->line);
}

static void desk_ssh_config(struct doctor *d)
{
	const struct sshdc_source from = { read_file, expand, d };
	const char *path = cli_printf(d->c, "%s/.ssh/config", d->c->home);
	struct sshdc conf;
	int r = path != NULL ? sshdc_read(&from, path, &conf) : ZTJ_NOMEM;

	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND) {
		doc_say(d, DOC_UNKNOWN, "%s: %s", path != NULL ? path : "~/.ssh/config", ztj_err_text(r));
		return;
	}
	if (r == ZTJ_NOT_FOUND)
		conf = (struct sshdc){ .n = 0 };
	judge_config(d, &conf);
	sshdc_free(&conf);
}

static const char *run_ssh(struct doctor *d, const char *const argv[], int *status)
{
	const char *text = NULL;
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, 1024 * 1024);
	if ((r = doc_exec(argv, &out, status)) == ZTJ_OK && ztj_buf_str(&out) != NULL)
		text = cli_strdup(d->c, (const char *)out.p);
	ztj_buf_free(&out);
	if (text == NULL)
		doc_say(d, r == ZTJ_NOT_FOUND ? DOC_FAIL : DOC_UNKNOWN, "%s: %s", argv[0], ztj_err_text(r));
	return text;
}

/* What ssh itself would do for one host that is held here. */
static void desk_ssh_effective(struct doctor *d)
{
	const char *argv[] = { "/usr/bin/ssh", "-G", "--", NULL, NULL }, *text;
	char value[4096];
	int status;

	for (size_t i = 0; d->c->trust != NULL && i < ztj_trust_ndirs(d->c->trust); i++) {
		const struct ztj_dir *dir = ztj_trust_dir_at(d->c->trust, i);

		for (size_t k = 0; k < ztj_dir_count(dir) && argv[3] == NULL; k++)
			if (ztj_dir_at(dir, k)->host)
				argv[3] = ztj_dir_at(dir, k)->name;
	}
	if (argv[3] == NULL || (text = run_ssh(d, argv, &status)) == NULL)
		return;
	if (status != 0) {
		doc_say(d, DOC_FAIL, "ssh -G %s: %s", argv[3], doc_line(d, text));
		doc_todo(d, "mend ~/.ssh/config");
		return;
	}
	if (!sshdc_effective(text, "knownhostscommand", value, sizeof value) ||
	    strstr(value, " known-hosts ") == NULL) {
		doc_say(d, DOC_WARN, "ssh %s does not ask ztjit for the host's keys", argv[3]);
		doc_todo(d,
		    "ztjit config ssh >>~/.ssh/config; no Host block before it may set KnownHostsCommand");
	} else if (!sshdc_effective(text, "stricthostkeychecking", value, sizeof value) ||
	    (strcmp(value, "true") != 0 && strcmp(value, "yes") != 0)) {
		doc_say(d, DOC_FAIL, "ssh %s: StrictHostKeyChecking is %s: a false host would be believed",
		    argv[3], value);
		doc_todo(d, "remove StrictHostKeyChecking before the block of ztjit config ssh");
	}
	doc_say(d, DOC_OK, "ssh %s checks the host by its record", argv[3]);
}

static void desk_ssh_version(struct doctor *d)
{
	static const char *const argv[] = { "/usr/bin/ssh", "-V", NULL };
	int64_t major = 0, minor = 0;
	char number[8];
	const char *text, *p;
	int status;

	if ((text = run_ssh(d, argv, &status)) == NULL)
		return;
	p = strstr(text, "OpenSSH_");
	if (p != NULL) {
		p += strlen("OpenSSH_");
		(void)snprintf(number, sizeof number, "%.*s", (int)strspn(p, "0123456789"), p);
		if (ztj_parse_int(number, 0, 1000, &major) != ZTJ_OK)
			major = 0;
		p += strspn(p, "0123456789");
		(void)snprintf(number, sizeof number, "%.*s",
		    (int)(*p == '.' ? strspn(p + 1, "0123456789") : 0), p + 1);
		if (ztj_parse_int(number, 0, 1000, &minor) != ZTJ_OK)
			minor = 0;
	}
	if (major == 0) {
		doc_say(d, DOC_WARN, "not OpenSSH: %s", doc_line(d, text));
	} else if (major * 100 + minor < 805) {
		doc_say(d, DOC_FAIL, "%s: KnownHostsCommand needs 8.5", doc_line(d, text));
		doc_todo(d, "a newer openssh-client");
	} else if (major * 100 + minor < 809) {
		doc_say(d, DOC_WARN, "%s: step-ups through the agent need 8.9", doc_line(d, text));
		doc_todo(d, "a newer openssh-client, or ztjit confirm");
	}
	doc_say(d, DOC_OK, "%s", doc_line(d, text));
}

static const struct doc_check checks[] = {
	{ "roots", "the policy roots are pinned", desk_roots },
	{ "policy", "a policy and directories are held and do not expire soon", desk_policy },
	{ "key", "the key file is a security key's, and asks for what rules demand", desk_key },
	{ "device", "the security key can be reached", desk_device },
	{ "agent", "the ssh-agent, where one is needed", desk_agent },
	{ "login", "somebody is logged in", desk_login },
	{ "broker", "the broker can be reached, is the policy's, and its clock agrees", desk_broker },
	{ "ssh-version", "ssh is new enough", desk_ssh_version },
	{ "ssh-config", "ssh asks ztjit for certificates and host keys of every host", desk_ssh_config },
	{ "ssh-effective", "ssh checks hosts by their records", desk_ssh_effective },
};
const struct doc_table doc_desk = { checks, COUNT(checks) };
