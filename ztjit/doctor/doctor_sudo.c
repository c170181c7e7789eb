/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sudo: its own files, its effective Defaults, and what could stand in for sudoers. */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ztjit/doctor/doctor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SUDO_CONF "/etc/sudo.conf"
#define SUDOERS "/etc/sudoers"
#define OURS "/etc/sudoers.d/ztjit"

/* Output of a stock program, kept; says why there is none. */
static const char *run(struct doctor *d, const char *const argv[], int *status)
{
	const char *text = NULL;
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, 1024 * 1024);
	r = doc_exec(argv, &out, status);
	if (r == ZTJ_OK && ztj_buf_str(&out) != NULL)
		text = cli_strdup(d->c, (const char *)out.p);
	ztj_buf_free(&out);
	if (text == NULL)
		doc_say(d, DOC_UNKNOWN, "%s cannot be run: %s", argv[0], ztj_err_text(r));
	return r == ZTJ_OK ? text : NULL;
}

static void sudo_syntax(struct doctor *d)
{
	static const char *const argv[] = { "/usr/sbin/visudo", "-c", NULL };
	const char *text;
	int status;

	if (access(argv[0], X_OK) != 0) {
		doc_say(d, DOC_WARN, "sudo is not installed");
		return;
	}
	if ((text = run(d, argv, &status)) == NULL)
		return;
	if (status != 0) {
		doc_say(d, DOC_FAIL, "visudo -c: %s", doc_line(d, text));
		doc_todo(d, "visudo");
	}
	if (strstr(text, OURS) == NULL) {
		doc_say(d, DOC_FAIL, "sudo does not read %s", OURS);
		doc_todo(d, "ztjit-hostd install; and last line of %s: @includedir /etc/sudoers.d", SUDOERS);
	}
	(void)doc_only_root(d, SUDOERS);
	if (access(OURS, F_OK) == 0)
		(void)doc_only_root(d, OURS);
	doc_say(d, DOC_OK, "visudo -c is content, and %s is read", OURS);
}

/* ---- sudo.conf ---- */

struct conf_line {
	const char *what, *name, *value; /* "Set", "group_source", "dynamic" */
};

static char *cut_word(char **at)
{
	char *p = *at + strspn(*at, " \t");
	size_t n = strcspn(p, " \t");

	*at = p + n + (p[n] != '\0');
	p[n] = '\0';
	return p;
}

/* Exactly sudo's own, and with no argument: sudoers_file=, sudoers_uid= and the like make others judge. */
static bool is_sudoers(const char *value)
{
	static const char *const names[] = { "sudoers.so", "/usr/libexec/sudo/sudoers.so",
		"/usr/lib/sudo/sudoers.so" };

	for (size_t i = 0; i < COUNT(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(value, names[i], n) == 0 && value[n + strspn(value + n, " \t\r")] == '\0')
			return true;
	}
	return false;
}

static void one_plugin(struct doctor *d, const struct conf_line *l)
{
	static const char *const stock[] = { "sudoers_policy", "sudoers_io", "sudoers_audit" };
	bool known = false;

	for (size_t i = 0; i < COUNT(stock); i++)
		known |= strcmp(l->name, stock[i]) == 0;
	if (known && is_sudoers(l->value))
		return;
	doc_say(d, DOC_FAIL, "%s: Plugin %s %s: decides beside sudoers, or instead of it", SUDO_CONF, l->name,
	    l->value);
	doc_todo(d, "remove that line from %s", SUDO_CONF);
}

/* "Path sesh /x": sudo runs it, or loads it into what it runs. */
static void one_path(struct doctor *d, const struct conf_line *l)
{
	if (strcasecmp(l->name, "plugin_dir") == 0) {
		doc_say(d, DOC_FAIL, "%s: Path plugin_dir %s: sudo takes its plugins from there", SUDO_CONF,
		    l->value);
		doc_todo(d, "remove that line from %s", SUDO_CONF);
	} else if (strcasecmp(l->name, "askpass") != 0 && strcasecmp(l->name, "devsearch") != 0 &&
	    l->value[0] == '/') {
		(void)doc_only_root(d, l->value);
	}
}

static void one_conf_line(struct doctor *d, const struct conf_line *l, bool *dynamic)
{
	if (strcasecmp(l->what, "Set") == 0 && strcasecmp(l->name, "group_source") == 0)
		*dynamic = strcmp(l->value, "dynamic") == 0;
	else if (strcasecmp(l->what, "Plugin") == 0)
		one_plugin(d, l);
	else if (strcasecmp(l->what, "Path") == 0)
		one_path(d, l);
	else if (strcasecmp(l->what, "Set") == 0 && strcasecmp(l->name, "developer_mode") == 0 &&
	    strncasecmp(l->value, "false", 5) != 0) {
		doc_say(d, DOC_FAIL, "%s: developer_mode: sudo loads plugins that others can change",
		    SUDO_CONF);
		doc_todo(d, "remove that line from %s", SUDO_CONF);
	}
}

static void sudo_conf(struct doctor *d)
{
	bool dynamic = false;
	const char *text;
	int err;

	if (access("/usr/sbin/visudo", X_OK) != 0)
		return; /* sudo-syntax says it */
	text = doc_text(d, SUDO_CONF, &err);
	if (text == NULL && err != ZTJ_NOT_FOUND) {
		doc_say(d, DOC_UNKNOWN, "%s: %s", SUDO_CONF, ztj_err_text(err));
		return;
	}
	if (text != NULL)
		(void)doc_only_root(d, SUDO_CONF);
	for (size_t n; text != NULL && *text != '\0'; text += n + (text[n] == '\n')) {
		struct conf_line l;
		char *line;

		n = strcspn(text, "\n");
		if ((line = cli_printf(d->c, "%.*s", (int)strcspn(text, "#\n"), text)) == NULL)
			return;
		/* sudo joins such lines: half a keyword each would show in neither */
		if (n > 0 && strcspn(text, "#\n") == n &&
		    text[n - (text[n - 1] == '\r' && n > 1) - 1] == '\\') {
			doc_say(d, DOC_FAIL, "%s: a line goes on in the next, and is not read here: %s",
			    SUDO_CONF, doc_line(d, line));
			doc_todo(d, "write it in one line");
		}
		l.what = cut_word(&line);
		l.name = cut_word(&line);
		l.value = line + strspn(line, " \t");
		one_conf_line(d, &l, &dynamic);
	}
	if (!dynamic) {
		doc_say(d, DOC_FAIL,
		    "%s: group_source is not dynamic: a grant that starts or ends does not show in a session",
		    SUDO_CONF);
		doc_todo(d, "in %s: Set group_source dynamic", SUDO_CONF);
	}
	doc_say(d, DOC_OK, "groups as they are now, and no plugin but sudoers");
}

/* ---- Defaults ---- */

struct wanted {
	const char *name, *value; /* value: "0", "true", or a string */
	const char *implied;      /* what sudo takes when nothing sets it; NULL: not as wanted */
	const char *why;
};
static const struct wanted defaults[] = {
	{ "timestamp_timeout", "0", NULL, "a touch would be remembered by sudo" },
	{ "noninteractive_auth", "true", NULL, "sudo -n never asks for a touch" },
	{ "pam_acct_mgmt", "true", "true", "the grant is not asked for at every use" },
	{ "pam_session", "true", "true", "the target account is not judged" },
	{ "pam_service", "sudo", "sudo", "the agent governs sudo and sudo-i only" },
	{ "pam_login_service", "sudo-i", "sudo-i", "the agent governs sudo and sudo-i only" },
	{ "pam_askpass_service", "sudo", "sudo", "the agent governs sudo and sudo-i only" },
};

static const char *value_text(const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	return json_is_true(v) ? "true" : json_is_false(v) ? "false" : "?";
}

/* The file and line of a Defaults entry that names the option, for people; the last one. */
static const char *where(struct doctor *d, const char *files, const char *option)
{
	const char *found = NULL, *end, *text;
	unsigned line;
	int err;

	/* visudo -c says "FILE: parsed OK" of each file that is read, in order */
	for (; *files != '\0'; files += strcspn(files, "\n"), files += *files == '\n') {
		const char *path;

		if ((end = strstr(files, ": parsed OK")) == NULL || end > files + strcspn(files, "\n") ||
		    (path = cli_printf(d->c, "%.*s", (int)(end - files), files)) == NULL ||
		    (text = doc_text(d, path, &err)) == NULL)
			continue;
		line = 0;
		for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
			const char *hit;

			n = strcspn(text, "\n");
			line++;
			hit = strstr(text, option);
			if (strncmp(text + strspn(text, " \t"), "Defaults", 8) == 0 && hit != NULL &&
			    hit < text + n)
				found = cli_printf(d->c, "%s:%u", path, line);
		}
	}
	return found != NULL ? found : SUDOERS;
}

struct state {
	struct doctor *d;
	const char *files;
	const char *effective[COUNT(defaults)]; /* of those that bind to nobody in particular */
};

static void bad_default(struct state *s, const struct wanted *w, const char *value, bool bound)
{
	doc_say(s->d, DOC_FAIL, "Defaults %s is %s%s, not %s: %s", w->name, value,
	    bound ? " for some user, host or command" : "", w->value, w->why);
	doc_todo(s->d, "remove it from %s, or: Defaults %s%s%s", where(s->d, s->files, w->name), w->name,
	    strcmp(w->value, "true") == 0 ? "" : "=", strcmp(w->value, "true") == 0 ? "" : w->value);
}

static void one_option(struct state *s, const char *name, const char *value, bool bound)
{
	for (size_t i = 0; i < COUNT(defaults); i++) {
		if (strcmp(defaults[i].name, name) != 0)
			continue;
		if (!bound)
			s->effective[i] = value;
		else if (strcmp(value, defaults[i].value) != 0)
			bad_default(s, &defaults[i], value, true);
	}
}

static void judge_defaults(struct state *s, const json_t *sudoers)
{
	size_t i, k;
	json_t *entry, *option, *v;
	const char *name;

	json_array_foreach(json_object_get(sudoers, "Defaults"), i, entry)
	    json_array_foreach(json_object_get(entry, "Options"), k, option)
		json_object_foreach(option, name, v)
		    one_option(s, name, value_text(v), json_object_get(entry, "Binding") != NULL);
	for (i = 0; i < COUNT(defaults); i++) {
		const char *value = s->effective[i] != NULL ? s->effective[i] : defaults[i].implied;

		if (value == NULL || strcmp(value, defaults[i].value) != 0)
			bad_default(s, &defaults[i], value != NULL ? value : "not set", false);
	}
	doc_say(s->d, DOC_OK, "a touch at every use; account and session are asked");
}

static void sudo_defaults(struct doctor *d)
{
	static const char *const convert[] = { "/usr/bin/cvtsudoers", "-f", "json", SUDOERS, NULL };
	static const char *const list[] = { "/usr/sbin/visudo", "-c", NULL };
	struct state s = { .d = d };
	const char *text;
	json_t *o;
	int status;

	if (access(list[0], X_OK) != 0)
		return; /* sudo-syntax says it */
	if ((text = run(d, convert, &status)) == NULL || (s.files = run(d, list, &status)) == NULL)
		return;
	/* what it complains about comes first, on standard error */
	text = strchr(text, '{');
	o = text != NULL ? json_loads(text, 0, NULL) : NULL;
	if (o == NULL) {
		doc_say(d, DOC_UNKNOWN, "cvtsudoers cannot read %s; see sudo-syntax", SUDOERS);
		return;
	}
	judge_defaults(&s, o);
	json_decref(o);
}

/* ---- rules that stand in no file ---- */

/* The first line counts, and blanks after the colon are as good as none (sudoers.ldap(5)). */
static void sudo_sources(struct doctor *d)
{
	static const char path[] = "/etc/nsswitch.conf";
	const char *text;
	int err;

	if (access("/usr/sbin/visudo", X_OK) != 0)
		return; /* sudo-syntax says it */
	text = doc_text(d, path, &err);
	if (text == NULL && err != ZTJ_NOT_FOUND) {
		doc_say(d, DOC_UNKNOWN, "%s: %s", path, ztj_err_text(err));
		return;
	}
	for (size_t n; text != NULL && *text != '\0'; text += n + (text[n] == '\n')) {
		const char *line = text + strspn(text, " \t");
		char *rest;

		n = strcspn(text, "\n");
		if (strncasecmp(line, "sudoers", 7) != 0 || line[7 + strspn(line + 7, " \t")] != ':')
			continue;
		line = strchr(line, ':') + 1;
		if ((rest = cli_printf(d->c, "%.*s", (int)strcspn(line, "#\n"), line)) == NULL)
			return;
		for (const char *w = cut_word(&rest); *w != '\0'; w = cut_word(&rest)) {
			if (w[0] == '[' || strcasecmp(w, "files") == 0)
				continue;
			doc_say(d, DOC_FAIL,
			    "%s: sudoers: %s: rules of a directory service, which nobody sees here, count beside the files",
			    path, w);
			doc_todo(d, "in %s: sudoers: files", path);
		}
	}
	doc_say(d, DOC_OK, "rules come from sudoers alone");
}

static const struct doc_check checks[] = {
	{ "sudo-syntax", "sudoers is well formed, reads our file, and nobody but root can change it",
	    sudo_syntax },
	{ "sudo-conf", "sudo.conf takes groups as they are now and no plugin but sudoers", sudo_conf },
	{ "sudo-sources", "sudo takes rules from files alone", sudo_sources },
	{ "sudo-defaults", "no Defaults entry weakens what pam_ztjit relies on", sudo_defaults },
};
const struct doc_table doc_sudo = { checks, COUNT(checks) };
