/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The local accounts and groups, as the files of the machine have them: nobody is asked who might not know or not answer. */
#include "ztjit/scan/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MANY 200000u

static const char *const admin_groups[] = { "root", "sudo", "wheel", "admin", "docker", "lxd", "incus-admin",
	"libvirt", "libvirtd", "disk", "shadow", "kmem" };

bool scan_group_is_admin(const char *name)
{
	for (size_t i = 0; i < sizeof admin_groups / sizeof admin_groups[0]; i++)
		if (strcmp(admin_groups[i], name) == 0)
			return true;
	return false;
}

/* Exactly n fields between colons (more is refused, as by glibc for passwd and group). */
static bool fields(struct ztj_view line, struct ztj_view *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *end = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;

		if ((end == NULL) != (i == n - 1))
			return false;
		f[i] = ztj_view_of(line.p, end != NULL ? (size_t)(end - line.p) : line.n);
		line = ztj_view_after(line, f[i].n + 1);
	}
	return true;
}

static bool number(struct ztj_view v, uint32_t *out)
{
	char text[16];
	int64_t n;

	if (v.n == 0 || v.n >= sizeof text)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	/* leading zeros are read as decimal by everybody else */
	for (; text[0] == '0' && text[1] != '\0';)
		memmove(text, text + 1, strlen(text));
	if (ztj_parse_int(text, 0, UINT32_MAX, &n) != ZTJ_OK)
		return false;
	*out = (uint32_t)n;
	return true;
}

static void add_account(struct scan *s, const struct ztj_view *f)
{
	struct scan_account a = { .admin = false }, *more;

	if (f[0].n == 0 || !number(f[2], &a.uid) || !number(f[3], &a.gid))
		return;
	if (s->naccounts >= MANY) {
		scan_problem(s, "/etc/passwd", "too many accounts");
		return;
	}
	a.name = scan_copy(s, f[0]);
	a.hash = scan_copy(s, f[1]);
	a.home = scan_copy(s, f[5]);
	a.shell = scan_copy(s, f[6]);
	a.admin = a.uid == 0;
	more = s->naccounts % 256 == 0 ? reallocarray(s->account, s->naccounts + 256, sizeof *more)
				       : s->account;
	if (more == NULL || s->err != ZTJ_OK) {
		s->err = ZTJ_NOMEM;
		return;
	}
	s->account = more;
	s->account[s->naccounts++] = a;
}

static void split_members(struct scan *s, struct scan_group *g, struct ztj_view list)
{
	size_t room = g->n + 1;
	const char **member;

	for (size_t i = 0; i < list.n; i++)
		room += list.p[i] == ',';
	if ((member = scan_keep(s, room * sizeof *member)) == NULL)
		return;
	if (g->n > 0)
		memcpy(member, g->member, g->n * sizeof *member);
	g->member = member;
	while (list.n > 0) {
		const uint8_t *end = memchr(list.p, ',', list.n);
		struct ztj_view one = ztj_view_of(list.p, end != NULL ? (size_t)(end - list.p) : list.n);

		list = ztj_view_after(list, one.n + 1);
		if (scan_trim(one).n > 0)
			member[g->n++] = scan_copy(s, scan_trim(one));
	}
}

static void add_group(struct scan *s, const struct ztj_view *f)
{
	struct scan_group g = { .n = 0 }, *more;

	if (f[0].n == 0 || !number(f[2], &g.gid) || s->ngroups >= MANY)
		return;
	g.name = scan_copy(s, f[0]);
	g.hash = scan_copy(s, f[1]);
	split_members(s, &g, f[3]);
	more = s->ngroups % 256 == 0 ? reallocarray(s->group, s->ngroups + 256, sizeof *more) : s->group;
	if (more == NULL) {
		s->err = ZTJ_NOMEM;
		return;
	}
	s->group = more;
	s->group[s->ngroups++] = g;
}

static struct scan_account *account_named(const struct scan *s, struct ztj_view name)
{
	for (size_t i = 0; i < s->naccounts; i++)
		if (ztj_view_eq_str(name, s->account[i].name))
			return &s->account[i];
	return NULL;
}

static struct scan_group *group_named(const struct scan *s, struct ztj_view name)
{
	for (size_t i = 0; i < s->ngroups; i++)
		if (ztj_view_eq_str(name, s->group[i].name))
			return &s->group[i];
	return NULL;
}

const struct scan_account *scan_account_named(const struct scan *s, struct ztj_view name)
{
	return account_named(s, name);
}

const struct scan_group *scan_group_named(const struct scan *s, struct ztj_view name)
{
	return group_named(s, name);
}

const struct scan_account *scan_account_of(const struct scan *s, uint32_t uid)
{
	for (size_t i = 0; i < s->naccounts; i++)
		if (s->account[i].uid == uid)
			return &s->account[i];
	return NULL;
}

static void add_shadow(struct scan *s, const struct ztj_view *f)
{
	/* both files have the same order, as a rule */
	for (size_t k = 0; k < s->naccounts; k++) {
		struct scan_account *a = &s->account[(s->at_account + k) % s->naccounts];

		if (!ztj_view_eq_str(f[0], a->name))
			continue;
		/* Only where passwd points to it. */
		if (strcmp(a->hash, "x") == 0)
			a->hash = scan_copy(s, f[1]);
		s->at_account = (s->at_account + k + 1) % s->naccounts;
		return;
	}
}

static void add_gshadow(struct scan *s, const struct ztj_view *f)
{
	struct scan_group *g = group_named(s, f[0]);

	if (g == NULL)
		return;
	g->hash = scan_copy(s, f[1]);
	/* who may let others in, and whom newgrp lets in */
	split_members(s, g, f[2]);
	split_members(s, g, f[3]);
}

static int each_line(struct scan *s, const char *path, size_t n,
    void (*take)(struct scan *, const struct ztj_view *))
{
	struct ztj_view line, f[9];
	struct scan_lines l = { .no = 0 };
	struct ztj_buf b;
	struct stat st;
	int r = scan_read(s, path, &b, &st);

	if (r != ZTJ_OK)
		return r;
	l.left = ztj_buf_view(&b);
	while (s->err == ZTJ_OK && scan_line(&l, &line))
		if (line.n <= SCAN_LINE_MAX && fields(line, f, n))
			take(s, f);
	ztj_buf_free(&b);
	return s->err;
}

bool scan_nss_line(struct ztj_view line, const char *database, struct ztj_view *services)
{
	size_t n = strlen(database), k = 0;

	line = scan_trim(line);
	if (line.n <= n || strncasecmp((const char *)line.p, database, n) != 0)
		return false;
	line = scan_trim(ztj_view_after(line, n));
	if (line.n == 0 || line.p[0] != ':')
		return false;
	line = ztj_view_after(line, 1);
	while (k < line.n && line.p[k] != '#')
		k++;
	*services = ztj_view_of(line.p, k);
	return true;
}

/* Services whose accounts and groups stand in files that are looked at. */
static bool seen_here(struct ztj_view service)
{
	static const char *const seen[] = { "files", "compat", "systemd", "ztjit" };

	for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
		if (scan_is(service, seen[i]))
			return true;
	return false;
}

/* "[NOTFOUND=return]", in one word and of nothing but letters. */
static bool action(struct ztj_view w)
{
	for (size_t i = 0; i < w.n; i++)
		if (!isalpha(w.p[i]) && strchr("[]!=", w.p[i]) == NULL)
			return false;
	return w.n > 2 && w.p[0] == '[' && w.p[w.n - 1] == ']';
}

static void elsewhere(struct scan *s, const struct scan_row *at, struct ztj_view line, const char *database)
{
	struct ztj_view words, w, first = { .n = 0 };
	struct scan_row r = *at;
	bool dropped = false;
	struct ztj_buf b;

	if (!scan_nss_line(line, database, &words))
		return;
	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_printf(&b, "%s:", database);
	while (scan_word(&words, &w)) {
		if (w.p[0] == '[' ? !dropped && action(w) : seen_here(w)) {
			(void)ztj_buf_printf(&b, " %.*s", (int)w.n, (const char *)w.p);
			dropped = false;
		} else if (w.p[0] != '[' && !seen_here(w)) {
			first = first.n == 0 ? w : first;
			dropped = true;
		}
	}
	if (first.n > 0 && ztj_buf_str(&b) != NULL) {
		if (strcmp(database, "group") == 0)
			s->group_source = scan_copy(s, first);
		r.content = scan_trim(line);
		r.what = scan_text(s,
		    "%s takes what %.*s says, which cannot be seen here: anybody may be in any group",
		    database, (int)(first.n < 200 ? first.n : 200), (const char *)first.p);
		r.remove = scan_replace_line(s, at->object, line, ztj_buf_str(&b));
		scan_add(s, &r);
	}
	ztj_buf_free(&b);
}

/* Accounts and groups that stand in no file that is looked at. */
static void read_sources(struct scan *s)
{
	static const char path[] = "/etc/nsswitch.conf";
	static const char *const databases[] = { "passwd", "group", "initgroups", "shadow", "gshadow" };
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);)
		for (size_t i = 0; i < sizeof databases / sizeof databases[0]; i++)
			elsewhere(s,
			    &(struct scan_row){ .kind = "group",
				.object = path,
				.line = l.no,
				.owner = scan_owner(s, &st),
				.risk = SCAN_MEDIUM },
			    line, databases[i]);
	ztj_buf_free(&b);
}

/* UID_MIN of login.defs. */
static void read_defaults(struct scan *s)
{
	struct ztj_view line, word;
	struct scan_lines l = { .no = 0 };
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, "/etc/login.defs", &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);)
		if (scan_word(&line, &word) && ztj_view_eq_str(word, "UID_MIN") && scan_word(&line, &word))
			(void)number(word, &s->uid_min);
	ztj_buf_free(&b);
}

static bool is_a_home(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < s->naccounts; i++)
		if (strcmp(s->account[i].home, path) == 0)
			return true;
	return false;
}

/* People whose accounts come and go with their grants have a home that stays, and what is in it. */
static void add_homes(struct scan *s)
{
	const char **name;
	size_t n = scan_list(s, "/home", &name);

	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++) {
		const char *home = scan_text(s, "/home/%s", name[i]);
		char uid[16] = "";
		struct stat st;
		int fd;

		if (home == NULL || is_a_home(s, home) || scan_open(s, home, &fd, &st) != ZTJ_OK)
			continue;
		(void)close(fd);
		(void)snprintf(uid, sizeof uid, "%u", (unsigned)st.st_uid);
		if (S_ISDIR(st.st_mode) && st.st_uid >= s->uid_min &&
		    account_named(s, ztj_view_str(name[i])) == NULL)
			add_account(s,
			    (const struct ztj_view[]){ ztj_view_str(name[i]), ztj_view_str("*"),
				ztj_view_str(uid), ztj_view_str("4294967295"), ztj_view_str(""),
				ztj_view_str(home), ztj_view_str("/usr/sbin/nologin") });
	}
}

bool scan_gid_is_admin(const struct scan *s, uint32_t gid)
{
	for (size_t i = 0; i < s->ngroups; i++)
		if (s->group[i].gid == gid && scan_group_is_admin(s->group[i].name))
			return true;
	return gid == 0;
}

static void mark_admins(struct scan *s)
{
	for (size_t i = 0; i < s->ngroups; i++) {
		const struct scan_group *g = &s->group[i];

		if (!scan_gid_is_admin(s, g->gid))
			continue;
		for (size_t k = 0; k < s->naccounts; k++)
			s->account[k].admin = s->account[k].admin || s->account[k].gid == g->gid;
		for (size_t k = 0; k < g->n; k++) {
			struct scan_account *a = account_named(s, ztj_view_str(g->member[k]));

			if (a != NULL)
				a->admin = true;
		}
	}
}

int scan_accounts_load(struct scan *s)
{
	int r = each_line(s, "/etc/passwd", 7, add_account);

	if (r == ZTJ_NOT_FOUND)
		scan_problem(s, "/etc/passwd", "not there");
	if (each_line(s, "/etc/group", 4, add_group) == ZTJ_NOT_FOUND)
		scan_problem(s, "/etc/group", "not there");
	if (each_line(s, "/etc/shadow", 9, add_shadow) == ZTJ_NOT_FOUND)
		scan_problem(s, "/etc/shadow", "not there");
	(void)each_line(s, "/etc/gshadow", 4, add_gshadow);
	if (s->err != ZTJ_OK)
		return s->err;
	read_defaults(s);
	read_sources(s);
	add_homes(s);
	mark_admins(s);
	return s->err;
}

bool scan_is_system(const struct scan *s, const struct scan_account *a)
{
	return a->uid != 0 && (a->uid < s->uid_min || a->uid == 65534);
}

bool scan_group_has_people(const struct scan *s, const struct scan_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct scan_account *a = scan_account_named(s, ztj_view_str(g->member[i]));

		if (a == NULL || a->uid != 0)
			return true;
	}
	for (size_t i = 0; i < s->naccounts; i++)
		if (s->account[i].gid == g->gid && s->account[i].uid != 0)
			return true;
	return false;
}

bool scan_gid_has_people(const struct scan *s, uint32_t gid)
{
	for (size_t i = 0; i < s->ngroups; i++)
		if (s->group[i].gid == gid && scan_group_has_people(s, &s->group[i]))
			return true;
	for (size_t i = 0; i < s->naccounts; i++)
		if (s->account[i].gid == gid && s->account[i].uid != 0)
			return true;
	return false;
}
