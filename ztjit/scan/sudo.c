/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sudo: the rules of sudoers and of all it includes, options that skip the password, other sources, plugins. */
#include "ztjit/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#include "ztjit/scan/sudoers.h"

#define DEPTH_MAX 16
#define ALIAS_DEPTH 8
#define INVERTED 16 /* added to the depth */
#define WHO_MAX 400
#define LOOKS_MAX 100000u
#define FILES_MAX 2000u

struct alias {
	enum sudoers_alias kind;
	struct ztj_view name;
	struct sudoers_list *list;
};
struct file {
	const char *path, *owner;
	struct ztj_view bytes;
};
struct sudo {
	struct scan *s;
	struct file file[FILES_MAX];
	size_t nfiles, naliases, room;
	struct alias *alias;
	struct sudoers_list scratch;
	unsigned looked; /* at members of aliases: they may name one another many times over */
};

/* ---- first all files, for an alias may stand behind its use ---- */

static void load(struct sudo *u, const char *path, unsigned depth);

static const char *relative(struct scan *s, const char *base, struct ztj_view path)
{
	const char *slash = strrchr(base, '/');

	if (path.p[0] == '/')
		return scan_copy(s, path);
	return scan_text(s, "%.*s/%.*s", (int)(slash != NULL ? slash - base : 0), base, (int)path.n,
	    (const char *)path.p);
}

static void load_dir(struct sudo *u, const char *dir, unsigned depth)
{
	const char **name;
	size_t n = scan_list(u->s, dir, &name);

	for (size_t i = 0; i < n; i++) {
		const char *path = scan_text(u->s, "%s/%s", dir, name[i]);

		/* sudo itself passes these over */
		if (path != NULL && strchr(name[i], '.') == NULL && name[i][strlen(name[i]) - 1] != '~')
			load(u, path, depth);
	}
}

static void keep_aliases(struct sudo *u, struct ztj_view text)
{
	enum sudoers_alias kind;
	struct ztj_view name;
	struct scan *s = u->s;

	/* the text is the parser's until the next line */
	text = ztj_view_of(scan_copy(s, text), text.n);
	if (text.p == NULL || sudoers_alias_begin(&text, &kind) != ZTJ_OK)
		return;
	while (sudoers_alias_next(&text, &name, &u->scratch) == ZTJ_OK) {
		struct sudoers_list *l;

		if (u->naliases == u->room) {
			size_t room = u->room == 0 ? 32 : 2 * u->room;
			struct alias *more = reallocarray(u->alias, room, sizeof *more);

			if (more == NULL) {
				s->err = ZTJ_NOMEM;
				return;
			}
			u->alias = more;
			u->room = room;
		}
		if ((l = scan_keep(s, sizeof *l)) == NULL)
			return;
		*l = u->scratch;
		u->alias[u->naliases++] = (struct alias){ .kind = kind, .name = name, .list = l };
	}
}

static void load_lines(struct sudo *u, const struct file *f, unsigned depth)
{
	struct sudoers_item it;
	struct ztj_view path;
	struct sudoers p;
	int r;

	sudoers_init(&p, f->bytes);
	while ((r = sudoers_next(&p, &it)) == ZTJ_OK) {
		const char *to;

		if (it.what == SUDOERS_ALIAS)
			keep_aliases(u, it.text);
		if ((it.what != SUDOERS_INCLUDE && it.what != SUDOERS_INCLUDEDIR) ||
		    sudoers_include_read(it.text, &path) != ZTJ_OK ||
		    (to = relative(u->s, f->path, path)) == NULL)
			continue;
		if (strpbrk(to, "%\\") != NULL)
			scan_problem(u->s, to, "an include with % or \\ in its name is not followed");
		else if (it.what == SUDOERS_INCLUDE)
			load(u, to, depth + 1);
		else
			load_dir(u, to, depth + 1);
	}
	if (r != ZTJ_NOT_FOUND)
		scan_problem(u->s, f->path, "a line of it is too long");
	sudoers_free(&p);
}

static void load(struct sudo *u, const char *path, unsigned depth)
{
	struct file *f = &u->file[u->nfiles];
	struct ztj_buf b;
	struct stat st;

	path = scan_real_path(u->s, path);
	for (size_t i = 0; i < u->nfiles; i++)
		if (strcmp(u->file[i].path, path) == 0)
			return;
	if (depth > DEPTH_MAX || u->nfiles >= FILES_MAX) {
		scan_problem(u->s, path, "too many included files");
		return;
	}
	if (scan_read(u->s, path, &b, &st) != ZTJ_OK)
		return;
	f->path = path;
	f->owner = scan_owner(u->s, &st);
	f->bytes = ztj_view_of(scan_copy(u->s, ztj_buf_view(&b)), b.n);
	ztj_buf_free(&b);
	if (f->bytes.p == NULL)
		return;
	u->nfiles++;
	scan_run_by_root(u->s, path, &(struct scan_ref){ .why = "sudo obeys it" });
	load_lines(u, f, depth);
}

/* ---- then what they say ---- */

static const struct sudoers_list *alias(struct sudo *u, enum sudoers_alias kind, struct ztj_view name)
{
	if (u->looked++ > LOOKS_MAX)
		return NULL;
	for (size_t i = 0; i < u->naliases; i++)
		if (u->alias[i].kind == kind && ztj_view_eq(u->alias[i].name, name))
			return u->alias[i].list;
	return NULL;
}

/* "!name" and "!!name": how often does not count, only whether it is odd. */
static bool negations(struct ztj_view *v)
{
	bool odd = false;

	for (; v->n > 0 && v->p[0] == '!'; odd = !odd)
		*v = scan_trim(ztj_view_after(*v, 1));
	return odd;
}

static bool list_has(struct sudo *u, const struct sudoers_list *l, enum sudoers_alias kind, unsigned depth,
    const char *const *words)
{
	for (size_t i = 0; i < l->n; i++) {
		struct ztj_view v = l->at[i];
		const struct sudoers_list *more;

		if (negations(&v))
			continue;
		for (size_t k = 0; words[k] != NULL; k++)
			if (ztj_view_eq_str(v, words[k]))
				return true;
		more = depth < ALIAS_DEPTH ? alias(u, kind, v) : NULL;
		if (more != NULL && list_has(u, more, kind, depth + 1, words))
			return true;
	}
	return l->more;
}

/* Nobody but root, or only whom rows of their own tell. */
static bool nobody(const struct scan *s, struct ztj_view v)
{
	const struct scan_account *a = scan_account_named(s, v);
	const struct scan_group *g;

	if (v.n == 0 || ztj_view_eq_str(v, "#0") || (a != NULL && a->uid == 0))
		return true;
	if (v.p[0] != '%' || v.n < 2 || v.p[1] == ':')
		return false;
	if (v.p[1] == '#')
		return !scan_gid_has_people(s, (uint32_t)strtoul((const char *)v.p + 2, NULL, 10));
	g = scan_group_named(s, ztj_view_after(v, 1));
	if (g != NULL)
		return scan_group_is_admin(g->name) || strncmp(g->name, "ztjit-", 6) == 0 ||
		    !scan_group_has_people(s, g);
	return s->group_source == NULL || (v.n > 7 && memcmp(v.p + 1, "ztjit-", 6) == 0);
}

/* Who that is: somebody (what is appended to out), or nobody at present. Inside "!ALIAS" who is excepted is meant. */
static void users(struct sudo *u, const struct sudoers_list *l, unsigned depth, struct ztj_buf *out)
{
	bool inverted = depth >= INVERTED;

	for (size_t i = 0; i < l->n && out->n < WHO_MAX; i++) {
		struct ztj_view v = l->at[i];
		bool no = negations(&v) != inverted;
		const struct sudoers_list *more = depth % INVERTED < ALIAS_DEPTH ? alias(u, SUDOERS_USER, v)
										 : NULL;

		if (more != NULL)
			users(u, more, depth % INVERTED + 1 + (no ? INVERTED : 0), out);
		else if (!no && !nobody(u->s, v))
			(void)ztj_buf_printf(out, "%s%.*s", out->n > 0 ? ", " : "",
			    (int)(v.n < 200 ? v.n : 200), (const char *)v.p);
	}
}

static const char *describe(struct scan *s, const char *who, const struct sudoers_rule *rule, bool all,
    bool root)
{
	struct ztj_view c = rule->commands.n > 0 ? rule->commands.at[0] : ztj_view_of(NULL, 0);

	return scan_text(s, "%s may run %.*s%s as %s%s at any time", who,
	    (int)(all           ? 10
		    : c.n < 200 ? c.n
				: 200),
	    all ? "everything" : (const char *)c.p, !all && rule->commands.n > 1 ? " and more" : "",
	    root ? "root" : "other accounts", rule->nopasswd ? " without a password," : "");
}

static void one_rule(struct sudo *u, const struct file *f, const struct sudoers_item *it,
    struct sudoers_rule *rule)
{
	static const char *const all_words[] = { "ALL", NULL },
				 *const root_words[] = { "ALL", "root", "#0", NULL };
	bool all = list_has(u, &rule->commands, SUDOERS_CMND, 0, all_words);
	bool root = rule->runas_default || list_has(u, &rule->runas, SUDOERS_RUNAS, 0, root_words);
	const char *who;
	struct ztj_buf b;

	ztj_buf_init(&b, 4096);
	u->looked = 0;
	users(u, &rule->users, 0, &b);
	who = ztj_buf_str(&b);
	if (rule->users.more)
		who = "more users than are told here";
	if (who != NULL && who[0] != '\0')
		scan_add(u->s,
		    &(struct scan_row){ .kind = "sudoers",
			.object = f->path,
			.line = it->line,
			.owner = f->owner,
			.risk = !root               ? SCAN_MEDIUM
			    : all && rule->nopasswd ? SCAN_CRITICAL
			    : all || rule->nopasswd ? SCAN_HIGH
						    : SCAN_MEDIUM,
			.content = it->text,
			.what = describe(u->s, who, rule, all, root),
			.remove = scan_delete_lines(u->s, f->path, it->first_raw, it->last_raw) });
	ztj_buf_free(&b);
}

static void defaults(struct sudo *u, const struct file *f, const struct sudoers_item *it)
{
	const char *what = NULL;

	if (sudoers_defaults_has(it->text, "authenticate", '!'))
		what = "sudo does not ask for a proof of who it is";
	else if (sudoers_defaults_has(it->text, "exempt_group", '='))
		what = "sudo does not ask the members of a group for a proof of who it is";
	if (what != NULL)
		scan_add(u->s,
		    &(struct scan_row){ .kind = "sudoers",
			.object = f->path,
			.line = it->line,
			.owner = f->owner,
			.risk = SCAN_HIGH,
			.content = it->text,
			.what = what,
			.remove = scan_delete_lines(u->s, f->path, it->first_raw, it->last_raw) });
}

static void judge(struct sudo *u, const struct file *f, struct sudoers_rule *rule)
{
	struct sudoers_item it;
	struct sudoers p;

	sudoers_init(&p, f->bytes);
	while (u->s->err == ZTJ_OK && sudoers_next(&p, &it) == ZTJ_OK) {
		if (it.what == SUDOERS_DEFAULTS)
			defaults(u, f, &it);
		else if (it.what == SUDOERS_RULE && sudoers_rule_read(it.text, rule) == ZTJ_OK)
			one_rule(u, f, &it, rule);
		else if (it.what == SUDOERS_RULE || it.what == SUDOERS_BAD)
			scan_problem(u->s, scan_text(u->s, "%s:%u", f->path, it.line),
			    "not understood as a line of sudoers");
	}
	sudoers_free(&p);
}

/* ---- plugins, and rules that stand in no file ---- */

/* What a line of sudo.conf(5) puts in the place of sudo's own judge, or empty. Keywords are taken however they are written. */
static struct ztj_view replaces(struct ztj_view line)
{
	static const char *const harmless[] = { "askpass", "devsearch" };
	struct ztj_view word, what = { .n = 0 }, whole = scan_trim(line);

	if (!scan_word(&line, &word) || word.p[0] == '#')
		return what;
	/* the rest may stand in the next line: nobody needs that but to hide it */
	if (whole.p[whole.n - 1] == '\\')
		return whole;
	if (scan_is(word, "Path") && scan_word(&line, &word)) {
		for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
			if (scan_is(word, harmless[i]))
				return what;
		(void)scan_word(&line, &what);
		return what;
	}
	if (!scan_is(word, "Plugin") || !scan_word(&line, &word) || !scan_word(&line, &what))
		return ztj_view_of(NULL, 0);
	/* with arguments it reads another file */
	return ztj_view_eq_str(what, "sudoers.so") && scan_trim(line).n == 0 ? ztj_view_of(NULL, 0) : what;
}

static void plugins(struct scan *s)
{
	static const char path[] = "/etc/sudo.conf";
	struct scan_lines l = { .no = 0 };
	struct ztj_view line, what;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		what = replaces(line);
		if (what.n == 0)
			continue;
		scan_add(s,
		    &(struct scan_row){ .kind = "sudo",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = SCAN_HIGH,
			.content = scan_trim(line),
			.what = scan_text(s, "sudo lets %.*s judge, not its own rules alone",
			    (int)(what.n < 200 ? what.n : 200), (const char *)what.p),
			.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

static void other_sources(struct scan *s)
{
	static const char path[] = "/etc/nsswitch.conf";
	struct ztj_view line, word, raw;
	struct scan_lines l = { .no = 0 };
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		bool elsewhere = false;

		raw = line;
		if (!scan_nss_line(raw, "sudoers", &line))
			continue;
		while (scan_word(&line, &word))
			elsewhere = elsewhere || (word.p[0] != '[' && !scan_is(word, "files"));
		if (elsewhere)
			scan_add(s,
			    &(struct scan_row){ .kind = "sudo",
				.object = path,
				.line = l.no,
				.owner = scan_owner(s, &st),
				.risk = SCAN_MEDIUM,
				.content = scan_trim(raw),
				.what =
				    "sudo takes rules from a directory service, which cannot be seen here",
				.remove = scan_delete_lines(s, path, raw, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

void scan_sudo(struct scan *s)
{
	struct sudo *u = calloc(1, sizeof *u);
	struct sudoers_rule *rule = calloc(1, sizeof *rule);

	if (u == NULL || rule == NULL) {
		s->err = ZTJ_NOMEM;
	} else {
		u->s = s;
		load(u, "/etc/sudoers", 0);
		for (size_t i = 0; i < u->nfiles; i++)
			judge(u, &u->file[i], rule);
		free(u->alias);
	}
	free(rule);
	free(u);
	plugins(s);
	other_sources(s);
}
