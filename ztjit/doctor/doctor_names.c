/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Accounts and groups just in time: is libnss_ztjit asked, and after the local files? */
#include <string.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "ztjit-hostd/nscd.h"
#include "ztjit/doctor/doctor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The services of one database, copied; NULL: no such line. The last one counts. */
static char *services(struct doctor *d, const char *text, const char *database)
{
	size_t k = strlen(database), n;
	char *found = NULL;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		const char *p = text + strspn(text, " \t");

		n = strcspn(text, "\n");
		if (strncmp(p, database, k) != 0 || p[k + strspn(p + k, " \t")] != ':')
			continue;
		p = strchr(p, ':') + 1;
		found = cli_printf(d->c, "%.*s", (int)strcspn(p, "#\n"), p);
	}
	return found;
}

/* Position of a service, from 1; 0: not there. What stands in brackets is no service. */
static size_t position(const char *list, const char *name)
{
	size_t n = 0, len;

	for (; *(list += strspn(list, " \t")) != '\0'; list += len) {
		len = *list == '[' ? strcspn(list, "]") + 1 : strcspn(list, " \t[");
		if (*list == '[') {
			len = len > strlen(list) ? strlen(list) : len;
			continue;
		}
		n++;
		if (len == strlen(name) && strncmp(list, name, len) == 0)
			return n;
	}
	return 0;
}

/* [SUCCESS=return] is the rule anyway; what returns without it before ours hides it, however it is written. */
static bool hidden(const char *list)
{
	char action[64];

	for (const char *p = list; *p != '\0' && strncmp(p, "ztjit", 5) != 0; p++) {
		size_t n = 0;

		if (*p != '[')
			continue;
		for (; *p != '\0' && *p != ']'; p++)
			if (strchr(" \t", *p) == NULL && n + 1 < sizeof action)
				action[n++] = *p;
		action[n] = '\0';
		if (strcasestr(action, "!notfound=return") == NULL &&
		    (strcasestr(action, "notfound=return") != NULL ||
			(strcasestr(action, "!") != NULL && strcasestr(action, "=return") != NULL)))
			return true;
		if (*p == '\0')
			break;
	}
	return false;
}

/* Whoever is asked before ours, and has more than this machine's own, may know another by the name of a person; NULL: nobody. */
static const char *somebody_else(struct doctor *d, const char *list)
{
	static const char *const own[] = { "files", "compat", "systemd", "db" };
	size_t len;

	for (; *(list += strspn(list, " \t")) != '\0'; list += len) {
		bool is_own = *list == '[';

		len = is_own ? strcspn(list, "]") : strcspn(list, " \t[");
		len += is_own && list[len] == ']';
		if (len == 5 && strncmp(list, "ztjit", len) == 0)
			return NULL;
		for (size_t i = 0; !is_own && i < COUNT(own); i++)
			is_own = len == strlen(own[i]) && strncmp(list, own[i], len) == 0;
		if (!is_own)
			return cli_printf(d->c, "%.*s", (int)len, list);
	}
	return NULL;
}

static void one_database(struct doctor *d, const char *text, const char *database, bool needed)
{
	const char *list = services(d, text, database), *other;
	size_t ours, files;

	if (list == NULL && !needed)
		return;
	ours = list != NULL ? position(list, "ztjit") : 0;
	files = list != NULL ? position(list, "files") : 0;
	if (ours == 0) {
		doc_say(d, DOC_FAIL, "%s: ztjit is not asked: %s", database,
		    needed ? "people have neither account nor group while a grant runs"
			   : "groups do not show in a login");
		doc_todo(d, "in /etc/nsswitch.conf: %s: %s ztjit", database,
		    list != NULL ? list + strspn(list, " \t") : "files");
	} else if (files == 0 || files > ours) {
		doc_say(d, DOC_FAIL, "%s: ztjit is asked before the local files", database);
		doc_todo(d, "in /etc/nsswitch.conf: %s: files … ztjit", database);
	} else if (hidden(list)) {
		doc_say(d, DOC_FAIL,
		    "%s: an action like [NOTFOUND=return] stands before ztjit, which is never asked",
		    database);
		doc_todo(d, "in /etc/nsswitch.conf: remove what stands in brackets from %s", database);
	} else if (strcmp(database, "passwd") == 0 && (other = somebody_else(d, list)) != NULL) {
		doc_say(d, DOC_WARN,
		    "%s: %s is asked before ztjit: whom it knows by the name of a person has no way in as that person",
		    database, other);
		doc_todo(d, "in /etc/nsswitch.conf: %s: files ztjit %s", database, other);
	}
}

static void nsswitch(struct doctor *d)
{
	static const char path[] = "/etc/nsswitch.conf";
	const char *text;
	int err;

	if ((text = doc_text(d, path, &err)) == NULL) {
		doc_say(d, err == ZTJ_NOT_FOUND ? DOC_FAIL : DOC_UNKNOWN, "%s: %s", path, ztj_err_text(err));
		doc_todo(d, "ztjit-hostd install");
		return;
	}
	(void)doc_only_root(d, path);
	one_database(d, text, "passwd", true);
	one_database(d, text, "group", true);
	one_database(d, text, "initgroups", false);
	doc_say(d, DOC_OK, "passwd and group ask ztjit, after the local files");
}

static void nss_version(struct doctor *d, const char *path)
{
	char version[64];
	int r = doc_version(path, version, sizeof version);

	if (r != ZTJ_OK) {
		doc_say(d, DOC_FAIL, "%s is not the module of ztjit (%s)", path, ztj_err_text(r));
		doc_todo(d, "install ztjit again");
	} else if (strcmp(version, PACKAGE_VERSION) != 0) {
		doc_say(d, DOC_WARN, "%s is of version %s, this is %s", path, version, PACKAGE_VERSION);
		doc_todo(d, "install one version of ztjit");
	}
}

static void nss_module(struct doctor *d)
{
	static const char *const dirs[] = { "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib",
		"/usr/lib", "/usr/local/lib" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		const char *path = cli_printf(d->c, "%s/libnss_ztjit.so.2", dirs[i]);

		if (path == NULL || access(path, F_OK) != 0)
			continue;
		(void)doc_only_root(d, path);
		nss_version(d, path);
		doc_say(d, DOC_OK, "%s, version %s, only root can change it", path, PACKAGE_VERSION);
		return;
	}
	doc_say(d, DOC_FAIL,
	    "libnss_ztjit.so.2 is not installed: role groups and people without an account do not resolve");
	doc_todo(d, "install ztjit, then ldconfig");
}

/* What it keeps it gives out for minutes or hours, and knows of no end: a membership that is over goes on (nss_ztjit(8)). */
static void nscd(struct doctor *d)
{
	char what[64] = "";
	const char *why;

	switch (ztj_nscd_look(what, sizeof what, &why)) {
	case ZTJ_NSCD_NONE:
		doc_say(d, DOC_OK, "no nscd: a grant that starts or ends shows at once");
		break;
	case ZTJ_NSCD_HARMLESS:
		doc_say(d, DOC_OK, "nscd runs, and keeps neither people nor groups");
		break;
	case ZTJ_NSCD_KEEPS:
		doc_say(d, DOC_FAIL, "nscd %s %s: what a grant gave goes on when it ended", why, what);
		doc_todo(d, "%s", ZTJ_NSCD_TRY);
		break;
	}
}

static const struct doc_check checks[] = {
	{ "nsswitch", "accounts and groups are asked of ztjit, after the local files", nsswitch },
	{ "nss-module", "the NSS module is installed, of this version, and nobody but root can change it",
	    nss_module },
	{ "nscd", "no cache keeps memberships longer than they last", nscd },
};
const struct doc_table doc_names = { checks, COUNT(checks) };
