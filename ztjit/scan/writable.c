/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Who else could change what root runs: the file, and every directory on the way to it, as it is written and as it really is.
 */
#include "ztjit/scan/scan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 8

/* Inside somebody's home the directory is rightly theirs: what is wrong is that root runs something there. */
static bool in_a_home(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < s->naccounts; i++) {
		const struct scan_account *a = &s->account[i];
		size_t n = strlen(a->home);

		if (a->uid != 0 && !scan_is_system(s, a) && n > 1 && strncmp(path, a->home, n) == 0 &&
		    (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

struct fault {
	bool owner, group, others, acl;
};
struct seen {
	struct stat st;
	bool acl;
};

static bool find_fault(const struct scan *s, const struct seen *it, const char *also, struct fault *out)
{
	const struct stat *st = &it->st;
	const struct scan_account *a = also != NULL ? scan_account_named(s, ztj_view_str(also)) : NULL;
	/* in a sticky directory a file of root's stays root's */
	bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;

	out->owner = st->st_uid != 0 && (a == NULL || a->uid != st->st_uid);
	out->group = !sticky && (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 &&
	    scan_gid_has_people(s, st->st_gid);
	out->others = !sticky && (st->st_mode & S_IWOTH) != 0;
	/* with a list the bits of the group are what the list may give at most */
	out->acl = it->acl && !sticky && (st->st_mode & S_IWGRP) != 0;
	return out->owner || out->group || out->others || out->acl;
}

static const char *fix(struct scan *s, const char *path, const struct fault *f, const struct scan_ref *ref)
{
	const char *q = scan_quote(s, path);
	const char *mode = f->group && f->others ? "go-w" : f->group ? "g-w" : "o-w";

	if (f->owner && in_a_home(s, path) && ref->file != NULL && ref->text.n > 0)
		return scan_delete_lines(s, ref->file, ref->text, ztj_view_of(NULL, 0));
	if (q == NULL)
		return NULL;
	if (f->acl)
		return scan_text(s, "setfacl -b %s && chown root:root %s && chmod go-w %s", q, q, q);
	if (!f->group && !f->others)
		return scan_text(s, "chown root:root %s", q);
	return f->owner ? scan_text(s, "chown root:root %s && chmod %s %s", q, mode, q)
			: scan_text(s, "chmod %s %s", mode, q);
}

static void judge(struct scan *s, const char *path, const struct seen *it, const struct scan_ref *ref)
{
	const struct stat *st = &it->st;
	const char *from = ref->file != NULL ? scan_text(s, " (%s:%u)", ref->file, ref->line) : "";
	const char *owner = scan_owner(s, st);
	char content[64];
	struct fault f;

	/* a unit that is a link to /dev/null is masked */
	if ((!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) || !find_fault(s, it, ref->also, &f) ||
	    owner == NULL || from == NULL)
		return;
	(void)snprintf(content, sizeof content, "%u %u %o", (unsigned)st->st_uid, (unsigned)st->st_gid,
	    (unsigned)st->st_mode);
	scan_add(s,
	    &(struct scan_row){ .kind = "writable",
		.object = path,
		.owner = owner,
		.risk = f.others ? SCAN_CRITICAL : SCAN_HIGH,
		.content = ztj_view_str(content),
		.what = scan_text(s, "%s%s, and %s can change %s", ref->why, from,
		    f.others      ? "everybody"
			: f.owner ? owner
			: f.acl   ? "somebody on its access control list"
				  : "its group",
		    S_ISDIR(st->st_mode) ? "what is in this directory" : "it"),
		.remove = fix(s, path, &f, ref) });
}

static void check(struct scan *s, const char *path, const struct scan_ref *ref, unsigned depth);

/* "/a/b/c": /, /a, /a/b. */
static void check_above(struct scan *s, const char *path, const struct scan_ref *ref, unsigned depth)
{
	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
		const char *dir = p == path ? "/" : scan_text(s, "%.*s", (int)(p - path), path);

		if (dir != NULL)
			check(s, dir, ref, depth);
	}
}

static void check(struct scan *s, const char *path, const struct scan_ref *ref, unsigned depth)
{
	const char *real;
	struct seen it;
	int fd;

	if (s->err != ZTJ_OK || scan_set_has(&s->checked, path) || !scan_set_add(s, &s->checked, path))
		return;
	if (scan_open(s, path, &fd, &it.st) != ZTJ_OK)
		return;
	it.acl = scan_has_acl(fd);
	real = scan_real(s, fd);
	(void)close(fd);
	if (real == NULL)
		scan_problem(s, path, "where it really is cannot be told");
	else if (strcmp(real, path) != 0 && depth < LINKS_MAX) {
		check_above(s, real, ref, depth + 1);
		check(s, real, ref, depth + 1);
	} else
		judge(s, real, &it, ref);
}

/* What is not there can be made by whoever may write where it would be, sticky or not. */
static void missing(struct scan *s, const char *path, const struct scan_ref *ref)
{
	const char *dir = path, *slash;
	struct stat st;
	int fd, r;

	if (ref->file == NULL || ref->text.n == 0)
		return;
	do {
		slash = strrchr(dir, '/');
		dir = slash > dir ? scan_text(s, "%.*s", (int)(slash - dir), dir) : "/";
		r = dir != NULL ? scan_open(s, dir, &fd, &st) : ZTJ_NOMEM;
	} while (r == ZTJ_NOT_FOUND && dir[1] != '\0');
	if (r != ZTJ_OK)
		return;
	(void)close(fd);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & S_IWOTH) == 0)
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "writable",
		.object = path,
		.risk = SCAN_CRITICAL,
		.content = ztj_view_str("missing"),
		.what = scan_text(s, "%s (%s:%u), it does not exist, and everybody can make it", ref->why,
		    ref->file, ref->line),
		.remove = scan_delete_lines(s, ref->file, ref->text, ztj_view_of(NULL, 0)) });
}

void scan_run_by_root(struct scan *s, const char *path, const struct scan_ref *ref)
{
	struct stat st;
	int fd, r;

	if (path == NULL || path[0] != '/')
		return;
	check_above(s, path, ref, 0);
	check(s, path, ref, 0);
	r = scan_open(s, path, &fd, &st);
	if (r == ZTJ_NOT_FOUND)
		missing(s, path, ref);
	else if (r == ZTJ_OK)
		(void)close(fd);
}

void scan_dir_by_root(struct scan *s, const char *dir, const char *suffix, const char *why)
{
	scan_dir_by(s, dir, suffix, &(struct scan_ref){ .why = why });
}

void scan_dir_by(struct scan *s, const char *dir, const char *suffix, const struct scan_ref *ref)
{
	const char **name;
	size_t n = scan_list(s, dir, &name), len = strlen(suffix);

	scan_run_by_root(s, dir, ref);
	for (size_t i = 0; i < n; i++) {
		size_t k = strlen(name[i]);

		if (k >= len && strcmp(name[i] + k - len, suffix) == 0)
			scan_run_by_root(s, scan_text(s, "%s/%s", dir, name[i]), ref);
	}
}

/* Words that run what comes behind them. */
static bool runs_the_next(struct ztj_view w)
{
	static const char *const words[] = { "sh", "bash", "dash", "ksh", "zsh", "busybox", "env", "nice",
		"ionice", "timeout", "exec", "time", "nohup", "setsid", "flock", "chronic", "sudo", "python",
		"python3", "perl", "ruby", "php", "node", "if", "then", "else", "while", "do", "!", "{", ".",
		"source", "command", "systemd-cat", "chroot" };

	for (size_t n = w.n; n > 0; n--)
		if (w.p[n - 1] == '/') {
			w = ztj_view_after(w, n);
			break;
		}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (ztj_view_eq_str(w, words[i]))
			return true;
	return false;
}

/* "NAME=value" before a command. */
static bool assignment(struct ztj_view w)
{
	return w.n > 0 && w.p[0] != '/' && memchr(w.p, '=', w.n) != NULL;
}

void scan_command_by_root(struct scan *s, struct ztj_view command, const struct scan_ref *ref)
{
	/* quotes begin a command as well: sh -c "…", RUN+="…" */
	static const char ends[] = ";|&()\"'`", blanks[] = " \t\r<>";
	bool armed = true;

	for (size_t i = 0; i < command.n;) {
		struct ztj_view w = { .p = command.p + i, .n = 0 };

		while (i + w.n < command.n && w.p[w.n] != '\0' && strchr(ends, w.p[w.n]) == NULL &&
		    strchr(blanks, w.p[w.n]) == NULL)
			w.n++;
		if (w.n == 0) {
			armed = armed || command.p[i] == '\0' || strchr(ends, command.p[i]) != NULL;
			i++;
			continue;
		}
		i += w.n;
		if (!armed || assignment(w))
			continue;
		if (w.p[0] == '/' && w.n > 1 && !(w.n > 5 && memcmp(w.p, "/dev/", 5) == 0))
			scan_run_by_root(s, scan_copy(s, w), ref);
		/* behind a shell options and numbers come first */
		armed = runs_the_next(w) ||
		    (w.p[0] != '/' && armed && (w.p[0] == '-' || (w.p[0] >= '0' && w.p[0] <= '9')));
	}
}
