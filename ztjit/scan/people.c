/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What accounts and groups give by themselves: passwords, shells, uid 0, membership, processes without a session. */
#include "ztjit/scan/scan.h"

#include <string.h>

#define NO_LINE \
	{ \
		.p = NULL \
	}

static const struct {
	const char *name;
	enum scan_risk risk;
	bool people_only; /* daemons are in it by their packages */
	const char *why;
} groups[] = {
	{ "root", SCAN_HIGH, false, "files of the group root" },
	{ "sudo", SCAN_CRITICAL, false, "root by sudo" },
	{ "wheel", SCAN_CRITICAL, false, "root by sudo or su" },
	{ "admin", SCAN_CRITICAL, false, "root by sudo" },
	{ "docker", SCAN_CRITICAL, false, "root by a container that mounts /" },
	{ "lxd", SCAN_CRITICAL, false, "root by a privileged container" },
	{ "incus-admin", SCAN_CRITICAL, false, "root by a privileged container" },
	{ "libvirt", SCAN_HIGH, false, "root by a virtual machine with the host's disk" },
	{ "libvirtd", SCAN_HIGH, false, "root by a virtual machine with the host's disk" },
	{ "disk", SCAN_CRITICAL, false, "every block of every disk" },
	{ "shadow", SCAN_HIGH, false, "everybody's password hashes" },
	{ "kmem", SCAN_HIGH, false, "the kernel's memory" },
	{ "staff", SCAN_MEDIUM, true, "what root finds in /usr/local" },
	{ "adm", SCAN_LOW, true, "the system's logs" },
	{ "kvm", SCAN_LOW, true, "virtual machines" },
};

static void member(struct scan *s, const struct scan_group *g, const char *name, size_t k)
{
	const struct scan_account *a = scan_account_named(s, ztj_view_str(name));
	const char *q = scan_quote(s, name), *gq = scan_quote(s, g->name);

	if ((a != NULL && a->uid == 0) || (groups[k].people_only && a != NULL && scan_is_system(s, a)))
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "group",
		.object = g->name,
		.owner = name,
		.risk = groups[k].risk,
		.content = ztj_view_str(name),
		.what = scan_text(s, "%s is a member of %s for good: %s", name, g->name, groups[k].why),
		.remove = scan_text(s, "gpasswd -d %s %s", q, gq) });
}

static void primary(struct scan *s, const struct scan_group *g, const struct scan_account *a, size_t k)
{
	if (a->uid == 0 || (groups[k].people_only && scan_is_system(s, a)) || strcmp(a->name, g->name) == 0)
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "group",
		.object = g->name,
		.owner = a->name,
		.risk = groups[k].risk,
		.content = ztj_view_str(a->name),
		.what = scan_text(s, "%s is the primary group of %s: %s", g->name, a->name, groups[k].why),
		.remove = scan_text(s, "usermod -g nogroup %s", scan_operand(s, a->name)) });
}

/* A password for a group lets anybody in who knows it (newgrp). */
static bool is_hash(const char *hash)
{
	return hash != NULL && (hash[0] == '$' || hash[0] == '_' || strlen(hash) == 13) && hash[0] != '!' &&
	    hash[0] != '*';
}

/* By name, or by the number of such a group: the kernel knows numbers only. */
static bool is_one_of(const struct scan *s, const struct scan_group *g, const char *name)
{
	const struct scan_group *known = scan_group_named(s, ztj_view_str(name));

	return strcmp(name, g->name) == 0 || (known != NULL && known->gid == g->gid) ||
	    (g->gid == 0 && strcmp(name, "root") == 0);
}

static void group_rows(struct scan *s, const struct scan_group *g)
{
	for (size_t k = 0; k < sizeof groups / sizeof groups[0]; k++) {
		if (!is_one_of(s, g, groups[k].name))
			continue;
		for (size_t i = 0; i < g->n; i++)
			member(s, g, g->member[i], k);
		for (size_t i = 0; i < s->naccounts; i++)
			if (s->account[i].gid == g->gid)
				primary(s, g, &s->account[i], k);
		if (is_hash(g->hash))
			scan_add(s,
			    &(struct scan_row){ .kind = "password",
				.object = scan_text(s, "group %s", g->name),
				.risk = groups[k].risk,
				.what = scan_text(s, "whoever knows the password of %s joins it with newgrp",
				    g->name),
				.remove = scan_text(s, "gpasswd -r %s", scan_operand(s, g->name)) });
		return;
	}
	if (strncmp(g->name, "ztjit-", 6) != 0)
		return;
	for (size_t i = 0; i < g->n; i++) {
		const struct scan_account *a = scan_account_named(s, ztj_view_str(g->member[i]));

		if (a == NULL || (a->uid != 0 && !scan_is_system(s, a)))
			scan_add(s,
			    &(struct scan_row){ .kind = "group",
				.object = g->name,
				.owner = g->member[i],
				.risk = SCAN_HIGH,
				.content = ztj_view_str(g->member[i]),
				.what = scan_text(s,
				    "%s is in the role group %s for good, not only while a grant runs",
				    g->member[i], g->name),
				.remove = scan_text(s, "gpasswd -d %s %s", scan_quote(s, g->member[i]),
				    scan_quote(s, g->name)) });
	}
}

static bool can_log_in(const struct scan_account *a)
{
	static const char *const none[] = { "nologin", "false", "true", "sync", "shutdown", "halt",
		"ztjit-rec" };
	const char *base = strrchr(a->shell, '/');

	base = base != NULL ? base + 1 : a->shell;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		if (strcmp(base, none[i]) == 0)
			return false;
	return true;
}

static void password(struct scan *s, const struct scan_account *a)
{
	bool system = scan_is_system(s, a), empty = a->hash[0] == '\0';

	if (!empty && (!is_hash(a->hash) || !(a->admin || system)))
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "password",
		.object = a->name,
		.owner = a->name,
		.risk = empty && a->admin ? SCAN_CRITICAL
		    : empty || a->admin   ? SCAN_HIGH
					  : SCAN_MEDIUM,
		.content = ztj_view_str(empty ? "empty" : "usable"),
		.what = empty ? scan_text(s, "%s (uid %u) has an empty password", a->name, (unsigned)a->uid)
			      : scan_text(s, "%s (%s) has a password that opens it", a->name,
				    a->uid == 0 ? "uid 0, at the console too: see that another way in is left"
					: system ? "a system account"
						 : "in a group of administrators"),
		.remove = scan_text(s, "usermod -p '!' %s", scan_operand(s, a->name)) });
}

static void account(struct scan *s, const struct scan_account *a)
{
	const char *q = scan_operand(s, a->name);

	password(s, a);
	if (a->uid == 0 && strcmp(a->name, "root") != 0)
		scan_add(s,
		    &(struct scan_row){ .kind = "uid0",
			.object = a->name,
			.owner = a->name,
			.risk = SCAN_CRITICAL,
			.what = scan_text(s, "%s has uid 0: it is root under another name", a->name),
			.remove = scan_delete_root(s, a->name) });
	if (scan_is_system(s, a) && can_log_in(a))
		scan_add(s,
		    &(struct scan_row){ .kind = "shell",
			.object = a->name,
			.owner = a->name,
			.risk = SCAN_LOW,
			.content = ztj_view_str(a->shell),
			.what = scan_text(s, "the system account %s has a login shell, %s", a->name,
			    a->shell[0] != '\0' ? a->shell : "/bin/sh"),
			.remove = scan_text(s, "usermod -s /usr/sbin/nologin %s", q) });
}

static void linger(struct scan *s)
{
	static const char dir[] = "/var/lib/systemd/linger";
	const char **name;
	size_t n = scan_list(s, dir, &name);

	for (size_t i = 0; i < n; i++) {
		const struct scan_account *a = scan_account_named(s, ztj_view_str(name[i]));
		const char *path = scan_text(s, "%s/%s", dir, name[i]);

		scan_add(s,
		    &(struct scan_row){ .kind = "linger",
			.object = path != NULL ? path : dir,
			.owner = name[i],
			.risk = a != NULL && a->admin ? SCAN_MEDIUM : SCAN_LOW,
			.what = scan_text(s, "%s may run processes without any session", name[i]),
			.remove = path != NULL ? scan_text(s, "rm -f %s", scan_quote(s, path)) : NULL });
	}
}

/* Lines of "compat" that let others' accounts in (nsswitch.conf(5)). */
static void plus_lines(struct scan *s, const char *path)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);)
		if (line.n > 0 && line.p[0] == '+')
			scan_add(s,
			    &(struct scan_row){ .kind = "group",
				.object = path,
				.line = l.no,
				.owner = scan_owner(s, &st),
				.risk = SCAN_MEDIUM,
				.content = scan_trim(line),
				.what =
				    "accounts or members of a directory service, which cannot be seen here",
				.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	ztj_buf_free(&b);
}

/* userdbctl(1): accounts, groups and memberships as files of their own, for which no tool of passwd(5) looks. */
static void userdb(struct scan *s, const char *dir)
{
	static const char *const suffixes[] = { ".user", ".group", ".membership", ".user-privileged",
		".group-privileged" };
	const char **name;
	size_t n = scan_list(s, dir, &name);

	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++) {
		const char *path = scan_text(s, "%s/%s", dir, name[i]), *dot = strrchr(name[i], '.');
		bool read = false;

		for (size_t k = 0; dot != NULL && k < sizeof suffixes / sizeof suffixes[0]; k++)
			read = read || strcmp(dot, suffixes[k]) == 0;
		if (read && path != NULL)
			scan_add(s,
			    &(struct scan_row){ .kind = "group",
				.object = path,
				.risk = SCAN_HIGH,
				.what =
				    "an account, a group or a member for good, beside /etc/passwd and /etc/group",
				.remove = scan_text(s, "rm -f %s", scan_quote(s, path)) });
	}
}

void scan_people(struct scan *s)
{
	static const char *const dirs[] = { "/etc/userdb", "/run/userdb", "/run/host/userdb",
		"/usr/local/lib/userdb", "/usr/lib/userdb" };

	plus_lines(s, "/etc/passwd");
	plus_lines(s, "/etc/group");
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		userdb(s, dirs[i]);
	for (size_t i = 0; s->err == ZTJ_OK && i < s->naccounts; i++)
		account(s, &s->account[i]);
	for (size_t i = 0; s->err == ZTJ_OK && i < s->ngroups; i++)
		group_rows(s, &s->group[i]);
	linger(s);
}
