/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Lines of ours in files of others; every other byte stays as it was. */
#include <string.h>
#include <strings.h>

#include "ztjit-hostd/install_int.h"

#define SERVICE "ztjit"

bool ztj_inst_next_line(struct ztj_view *text, struct ztj_view *line)
{
	const uint8_t *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	*line = ztj_view_of(text->p, end != NULL ? (size_t)(end - text->p) : text->n);
	*text = ztj_view_after(*text, line->n + (end != NULL));
	return true;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static size_t skip(struct ztj_view v, size_t at)
{
	while (at < v.n && blank(v.p[at]))
		at++;
	return at;
}

static size_t word(struct ztj_view v, size_t at)
{
	while (at < v.n && !blank(v.p[at]))
		at++;
	return at;
}

static bool is(struct ztj_view v, size_t from, size_t to, const char *s)
{
	return to - from == strlen(s) && strncasecmp((const char *)v.p + from, s, to - from) == 0;
}

static bool has_nul(struct ztj_view v)
{
	return v.n > 0 && memchr(v.p, '\0', v.n) != NULL;
}

static int put(struct ztj_buf *out, struct ztj_view v, size_t from, size_t to)
{
	return to > from ? ztj_buf_put(out, v.p + from, to - from) : ztj_buf_status(out);
}

/* ---- nsswitch.conf ---- */

enum { PASSWD = 1, GROUP = 2, INITGROUPS = 4 };

/* Which database the line is about, and where its services begin; 0 for none of ours. */
static unsigned database(struct ztj_view line, size_t *services)
{
	size_t from = skip(line, 0), to = from, colon;

	while (to < line.n && !blank(line.p[to]) && line.p[to] != ':')
		to++;
	colon = skip(line, to);
	if (colon == line.n || line.p[colon] != ':')
		return 0;
	*services = colon + 1;
	return is(line, from, to, "passwd")    ? PASSWD
	    : is(line, from, to, "group")      ? GROUP
	    : is(line, from, to, "initgroups") ? INITGROUPS
					       : 0;
}

/* "[NOTFOUND=return]" and "[!SUCCESS=return]": whoever the services before do not know would never be asked of us. */
static bool stops(struct ztj_view v, size_t from, size_t to)
{
	bool negated = false;

	while (from < to) {
		size_t name, equals, value;
		while (from < to && (blank(v.p[from]) || v.p[from] == '['))
			from++;
		negated = from < to && v.p[from] == '!';
		name = from += negated;
		while (from < to && v.p[from] != '=' && !blank(v.p[from]))
			from++;
		equals = from;
		while (from < to && (blank(v.p[from]) || v.p[from] == '='))
			from++;
		value = from;
		while (from < to && !blank(v.p[from]))
			from++;
		if (is(v, value, from, "return") && is(v, name, equals, "notfound") != negated)
			return true;
	}
	return false;
}

/* Looks at the services: the end of the last one, whether we are among them, whether something stops before. */
struct services {
	size_t end;
	bool ours, stopped;
};

static void look(struct ztj_view v, size_t at, struct services *s)
{
	*s = (struct services){ .end = at };
	while ((at = skip(v, at)) < v.n && v.p[at] != '#') {
		size_t to = at;
		if (v.p[at] == '[') {
			while (to < v.n && v.p[to] != ']' && v.p[to] != '#')
				to++;
			/* One that is not closed swallows whatever would follow. */
			s->stopped |= to == v.n || v.p[to] != ']';
			/* For initgroups and merged groups success may return: who is known there belongs there. */
			s->stopped |= stops(v, at, to);
			to += to < v.n;
		} else {
			while (to < v.n && !blank(v.p[to]) && v.p[to] != '[' && v.p[to] != '#')
				to++;
			if (is(v, at, to, SERVICE)) {
				s->ours = true;
				return;
			}
		}
		s->end = at = to;
	}
}

static void end_line(struct ztj_buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		(void)ztj_buf_puts(out, "\n");
}

int ztj_inst_edit_nss(struct ztj_view in, struct ztj_buf *out, unsigned *number)
{
	struct ztj_view text = in, line;
	unsigned seen = 0;

	*number = 0;
	if (has_nul(in))
		return ZTJ_BAD_TEXT;
	for (size_t left = text.n; ztj_inst_next_line(&text, &line); left = text.n) {
		struct services s = { .ours = true };
		size_t at = 0;
		unsigned db = database(line, &at);
		(*number)++;
		seen |= db;
		if (db != 0)
			look(line, at, &s);
		if (db != 0 && !s.ours && s.stopped)
			return ZTJ_STATE;
		if (!s.ours) {
			(void)put(out, line, 0, s.end);
			(void)ztj_buf_puts(out, " " SERVICE);
			(void)put(out, line, s.end, line.n);
		} else {
			(void)put(out, line, 0, line.n);
		}
		if (left - text.n > line.n)
			(void)ztj_buf_puts(out, "\n");
	}
	if ((seen & PASSWD) == 0 || (seen & GROUP) == 0)
		end_line(out);
	if ((seen & PASSWD) == 0)
		(void)ztj_buf_puts(out, "passwd:         files " SERVICE "\n");
	if ((seen & GROUP) == 0)
		(void)ztj_buf_puts(out, "group:          files " SERVICE "\n");
	*number = 0;
	return ztj_buf_status(out);
}

/* ---- sudo.conf ---- */

/* Where the value of "Set group_source VALUE" stands. */
static bool group_source(struct ztj_view line, size_t *from, size_t *to)
{
	size_t a = skip(line, 0), b = word(line, a);

	if (!is(line, a, b, "Set"))
		return false;
	a = skip(line, b);
	b = word(line, a);
	if (!is(line, a, b, "group_source"))
		return false;
	*from = skip(line, b);
	*to = word(line, *from);
	return true;
}

static bool goes_on(struct ztj_view line)
{
	while (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line.n > 0 && line.p[line.n - 1] == '\\';
}

int ztj_inst_edit_sudo_conf(struct ztj_view in, struct ztj_buf *out)
{
	struct ztj_view text = in, line;
	bool found = false, continued = false;

	if (has_nul(in))
		return ZTJ_BAD_TEXT;
	for (size_t left = text.n; ztj_inst_next_line(&text, &line); left = text.n) {
		size_t from = 0, to = 0;
		if (!continued && group_source(line, &from, &to)) {
			/* On two lines: nobody writes that, and we do not guess. */
			if (goes_on(line))
				return ZTJ_BAD_TEXT;
			found = true;
			(void)put(out, line, 0, from);
			if (from > 0 && !blank(line.p[from - 1]))
				(void)ztj_buf_puts(out, " ");
			(void)ztj_buf_puts(out, "dynamic");
			(void)put(out, line, to, line.n);
		} else {
			(void)put(out, line, 0, line.n);
		}
		continued = goes_on(line);
		if (left - text.n > line.n)
			(void)ztj_buf_puts(out, "\n");
	}
	if (continued)
		return ZTJ_BAD_TEXT;
	if (!found) {
		end_line(out);
		(void)ztj_buf_puts(out, "Set group_source dynamic\n");
	}
	return ztj_buf_status(out);
}
