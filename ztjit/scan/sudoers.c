/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/scan/sudoers.h"

#include <ctype.h>
#include <string.h>

#define LINE_MAX_BYTES (256 * 1024)

void sudoers_init(struct sudoers *p, struct ztj_view bytes)
{
	p->left = bytes;
	p->no = 0;
	ztj_buf_init(&p->text, LINE_MAX_BYTES);
}

void sudoers_free(struct sudoers *p)
{
	ztj_buf_free(&p->text);
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct ztj_view trim(struct ztj_view v)
{
	while (v.n > 0 && blank(v.p[0]))
		v = ztj_view_after(v, 1);
	while (v.n > 0 && blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

static bool starts(struct ztj_view v, const char *word)
{
	size_t n = strlen(word);

	return v.n >= n && memcmp(v.p, word, n) == 0;
}

static bool keyword(struct ztj_view v, const char *word)
{
	size_t n = strlen(word);

	return starts(v, word) && v.n > n && blank(v.p[n]);
}

static struct ztj_view physical(struct sudoers *p)
{
	const uint8_t *end = memchr(p->left.p, '\n', p->left.n);
	struct ztj_view line = ztj_view_of(p->left.p, end != NULL ? (size_t)(end - p->left.p) : p->left.n);

	p->left = ztj_view_after(p->left, line.n + 1);
	p->no++;
	return line;
}

/* Where a comment begins; "#" with a digit behind it is an id, and one inside quotes or behind a backslash is text. */
static size_t without_comment(struct ztj_view v)
{
	bool quoted = false;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\') {
			i++;
			continue;
		}
		if (v.p[i] == '"')
			quoted = !quoted;
		if (v.p[i] != '#' || quoted)
			continue;
		if (i + 1 < v.n && (isdigit(v.p[i + 1]) || v.p[i + 1] == '-') &&
		    (i == 0 || strchr(" \t,%!(:=", v.p[i - 1]) != NULL))
			continue;
		return i;
	}
	return v.n;
}

static bool continues(struct ztj_view v)
{
	size_t n = 0;

	while (n < v.n && v.p[v.n - 1 - n] == '\\')
		n++;
	return n % 2 == 1;
}

static enum sudoers_what what_is(struct ztj_view t)
{
	if (keyword(t, "#include") || keyword(t, "@include"))
		return SUDOERS_INCLUDE;
	if (keyword(t, "#includedir") || keyword(t, "@includedir"))
		return SUDOERS_INCLUDEDIR;
	if (starts(t, "Defaults") && (t.n == 8 || blank(t.p[8]) || strchr("@:!>", t.p[8]) != NULL))
		return SUDOERS_DEFAULTS;
	if (keyword(t, "User_Alias") || keyword(t, "Runas_Alias") || keyword(t, "Host_Alias") ||
	    keyword(t, "Cmnd_Alias") || keyword(t, "Cmd_Alias"))
		return SUDOERS_ALIAS;
	return SUDOERS_RULE;
}

static int join(struct sudoers *p, struct sudoers_item *out)
{
	struct ztj_view raw = physical(p);
	int r = ZTJ_OK;

	ztj_buf_reset(&p->text);
	*out = (struct sudoers_item){ .line = p->no, .last = p->no, .first_raw = raw };
	for (;;) {
		/* a comment takes a backslash at its end along; the include lines begin like one */
		bool include = out->last == out->line && raw.n > 0 && what_is(trim(raw)) >= SUDOERS_INCLUDE;
		size_t n = include ? raw.n : without_comment(raw);
		bool more = n == raw.n && continues(raw) && p->left.n > 0;

		r = ztj_buf_put(&p->text, raw.p, n - (more ? 1 : 0));
		if (r == ZTJ_OK && more)
			r = ztj_buf_put_u8(&p->text, ' ');
		if (r != ZTJ_OK || !more)
			break;
		raw = physical(p);
		out->last = p->no;
		out->last_raw = raw;
	}
	out->text = trim(ztj_buf_view(&p->text));
	return r;
}

int sudoers_next(struct sudoers *p, struct sudoers_item *out)
{
	while (p->left.n > 0) {
		int r = join(p, out);

		if (r != ZTJ_OK)
			return r;
		if (out->text.n == 0)
			continue;
		out->what = what_is(out->text);
		if (memchr(out->text.p, '\0', out->text.n) != NULL)
			out->what = SUDOERS_BAD;
		return ZTJ_OK;
	}
	return ZTJ_NOT_FOUND;
}

/* ---- words ---- */

/* One member of a list: up to a blank or one of `stops`, quotes and backslashes respected. */
static struct ztj_view take(struct ztj_view *v, const char *stops)
{
	bool quoted = false;
	struct ztj_view word;
	size_t n = 0;

	*v = trim(*v);
	for (; n < v->n; n++) {
		if (v->p[n] == '\\' && n + 1 < v->n) {
			n++;
			continue;
		}
		if (v->p[n] == '"')
			quoted = !quoted;
		else if (!quoted && (blank(v->p[n]) || strchr(stops, v->p[n]) != NULL))
			break;
	}
	word = ztj_view_of(v->p, n);
	*v = ztj_view_after(*v, n);
	*v = trim(*v);
	return word;
}

static struct ztj_view unquote(struct ztj_view w)
{
	if (w.n >= 2 && w.p[0] == '"' && w.p[w.n - 1] == '"')
		return ztj_view_of(w.p + 1, w.n - 2);
	return w;
}

static void put(struct sudoers_list *l, struct ztj_view w)
{
	if (l->n < SUDOERS_LIST_MAX)
		l->at[l->n++] = unquote(w);
	else
		l->more = true;
}

/* Words with commas between; ends before the first word that no comma joins. false: there is none. */
static bool list(struct ztj_view *v, struct sudoers_list *out, const char *stops)
{
	for (;;) {
		struct ztj_view w = take(v, stops);

		/* "! name" and "% group" may have blanks in between */
		while (w.n == 1 && (w.p[0] == '!' || w.p[0] == '%') && v->n > 0) {
			struct ztj_view next = take(v, stops);

			if (next.n == 0)
				break;
			w = ztj_view_of(w.p, (size_t)(next.p + next.n - w.p));
		}
		if (w.n == 0)
			return false;
		put(out, w);
		if (v->n == 0 || v->p[0] != ',')
			return true;
		*v = trim(ztj_view_after(*v, 1));
	}
}

/* ---- rules ---- */

static bool upper_word(struct ztj_view v, size_t *n)
{
	size_t i = 0;

	while (i < v.n && (isupper(v.p[i]) || v.p[i] == '_'))
		i++;
	*n = i;
	return i > 0;
}

/* A command with its arguments: up to a comma or colon that no backslash and no quotes protect. */
static struct ztj_view command(struct ztj_view *v)
{
	bool quoted = false;
	struct ztj_view w;
	size_t n = 0;

	for (; n < v->n; n++) {
		if (v->p[n] == '\\' && n + 1 < v->n) {
			n++;
			continue;
		}
		if (v->p[n] == '"')
			quoted = !quoted;
		else if (!quoted && (v->p[n] == ',' || v->p[n] == ':'))
			break;
	}
	w = trim(ztj_view_of(v->p, n));
	*v = ztj_view_after(*v, n);
	return w;
}

/* "(user, user : group)" */
static bool runas(struct ztj_view *v, struct sudoers_rule *out)
{
	const uint8_t *end = memchr(v->p, ')', v->n);
	struct ztj_view in;

	if (end == NULL)
		return false;
	in = trim(ztj_view_of(v->p + 1, (size_t)(end - v->p - 1)));
	*v = trim(ztj_view_after(*v, (size_t)(end - v->p) + 1));
	/* "()" and "(: group)" are the invoking user */
	while (in.n > 0 && in.p[0] != ':') {
		if (!list(&in, &out->runas, ",:"))
			return false;
	}
	return true;
}

static bool is_tag(struct ztj_view w)
{
	static const char *const tags[] = { "EXEC", "NOEXEC", "FOLLOW", "NOFOLLOW", "INTERCEPT",
		"NOINTERCEPT", "LOG_INPUT", "NOLOG_INPUT", "LOG_OUTPUT", "NOLOG_OUTPUT", "MAIL", "NOMAIL",
		"PASSWD", "NOPASSWD", "SETENV", "NOSETENV" };

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (ztj_view_eq_str(w, tags[i]))
			return true;
	return false;
}

/* "NOPASSWD:", "ROLE=x" */
static bool tag(struct ztj_view *v, struct sudoers_rule *out)
{
	struct ztj_view rest, word;
	size_t n;

	if (!upper_word(*v, &n))
		return false;
	word = ztj_view_of(v->p, n);
	rest = trim(ztj_view_after(*v, n));
	if (rest.n > 0 && rest.p[0] == '=') {
		*v = trim(ztj_view_after(rest, 1));
		(void)take(v, ",:");
		return true;
	}
	if (rest.n == 0 || rest.p[0] != ':' || !is_tag(word))
		return false;
	out->nopasswd = out->nopasswd || ztj_view_eq_str(word, "NOPASSWD");
	*v = trim(ztj_view_after(rest, 1));
	return true;
}

/* What follows "=": commands up to the next ":" or the end. */
static int commands(struct ztj_view *v, struct sudoers_rule *out)
{
	bool as_given = false;

	for (;;) {
		struct ztj_view c;

		*v = trim(*v);
		if (v->n > 0 && v->p[0] == '(') {
			as_given = true;
			if (!runas(v, out))
				return ZTJ_BAD_ENCODING;
		}
		while (tag(v, out))
			;
		*v = trim(*v);
		/* a digest before the command: "sha256:… /bin/x" */
		while (starts(*v, "sha") && memchr(v->p, ':', v->n < 8 ? v->n : 8) != NULL)
			(void)take(v, ",");
		c = command(v);
		if (c.n == 0)
			return ZTJ_BAD_ENCODING;
		put(&out->commands, c);
		out->runas_default = out->runas_default || !as_given;
		if (v->n == 0 || v->p[0] != ',')
			return ZTJ_OK;
		*v = ztj_view_after(*v, 1);
	}
}

int sudoers_rule_read(struct ztj_view text, struct sudoers_rule *out)
{
	struct sudoers_list hosts = { .n = 0 };
	int r;

	out->users.n = out->commands.n = out->runas.n = 0;
	out->users.more = out->commands.more = out->runas.more = false;
	out->nopasswd = out->runas_default = false;
	if (!list(&text, &out->users, ",="))
		return ZTJ_BAD_ENCODING;
	do {
		hosts.n = 0;
		if (!list(&text, &hosts, ",=") || text.n == 0 || text.p[0] != '=')
			return ZTJ_BAD_ENCODING;
		text = ztj_view_after(text, 1);
		if ((r = commands(&text, out)) != ZTJ_OK)
			return r;
		if (text.n > 0)
			text = trim(ztj_view_after(text, 1));
	} while (text.n > 0);
	return ZTJ_OK;
}

/* ---- the other lines ---- */

int sudoers_alias_begin(struct ztj_view *text, enum sudoers_alias *kind)
{
	struct ztj_view w = take(text, "");

	*kind = w.n > 0 && w.p[0] == 'U' ? SUDOERS_USER
	    : w.n > 0 && w.p[0] == 'R'   ? SUDOERS_RUNAS
	    : w.n > 0 && w.p[0] == 'H'   ? SUDOERS_HOST
					 : SUDOERS_CMND;
	return w.n > 0 ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

int sudoers_alias_next(struct ztj_view *text, struct ztj_view *name, struct sudoers_list *out)
{
	out->n = 0;
	out->more = false;
	*text = trim(*text);
	if (text->n == 0)
		return ZTJ_NOT_FOUND;
	*name = take(text, "=");
	if (name->n == 0 || text->n == 0 || text->p[0] != '=')
		return ZTJ_BAD_ENCODING;
	do {
		struct ztj_view w;

		*text = trim(ztj_view_after(*text, 1));
		w = command(text);
		if (w.n == 0)
			return ZTJ_BAD_ENCODING;
		put(out, w);
	} while (text->n > 0 && text->p[0] == ',');
	*text = ztj_view_after(*text, 1);
	return ZTJ_OK;
}

int sudoers_include_read(struct ztj_view text, struct ztj_view *path)
{
	(void)take(&text, "");
	*path = unquote(trim(text));
	return path->n > 0 ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

bool sudoers_defaults_has(struct ztj_view text, const char *name, char with)
{
	size_t n = strlen(name);

	for (size_t i = 1; i + n <= text.n; i++) {
		uint8_t before = text.p[i - 1], after = i + n < text.n ? text.p[i + n] : '\0';
		size_t k = i + n;

		if (memcmp(text.p + i, name, n) != 0 || isalnum(after) || after == '_' || isalnum(before) ||
		    before == '_')
			continue;
		while (k < text.n && blank(text.p[k]))
			k++;
		if (with == '!') {
			size_t b = i;

			while (b > 0 && blank(text.p[b - 1]))
				b--;
			if (b > 0 && text.p[b - 1] == '!')
				return true;
		} else if (k < text.n && text.p[k] == '=')
			return true;
	}
	return false;
}
