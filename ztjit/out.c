/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Output for people and for programs. */
#include "ztjit/out.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool utf8_terminal(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void out_init(struct cli *c)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	c->colour = (no == NULL || no[0] == '\0') && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) &&
	    term != NULL && strcmp(term, "dumb") != 0;
	/* whole lines, so that progress on standard error stands where it belongs */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
}

/* A terminal that is not UTF-8 gets ASCII only. */
static void put_ascii(FILE *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (ch < 0x80)
			(void)fputc(ch, f);
		else
			(void)fprintf(f, "\\x%02x", ch);
	}
}

static void safe_line(FILE *f, const char *s, size_t n)
{
	struct ztj_view v = ztj_view_of(s, n);
	struct ztj_buf b;

	ztj_buf_init(&b, 6 * n + 16);
	if (!ztj_text_ok(v)) {
		if (ztj_text_escape(v, &b) != ZTJ_OK) {
			ztj_buf_free(&b);
			return;
		}
		v = ztj_buf_view(&b);
	}
	if (utf8_terminal() && v.n > 0) /* an empty view may point nowhere */
		(void)fwrite(v.p, 1, v.n, f);
	else
		put_ascii(f, (const char *)v.p, v.n);
	ztj_buf_free(&b);
}

void out_safe(FILE *f, const char *text)
{
	const char *nl;

	for (; (nl = strchr(text, '\n')) != NULL; text = nl + 1) {
		safe_line(f, text, (size_t)(nl - text));
		(void)fputc('\n', f);
	}
	safe_line(f, text, strlen(text));
}

__attribute__((format(printf, 2, 0))) static void vsay(FILE *f, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	out_safe(f, text);
	(void)fputc('\n', f);
	free(text);
}

void out_say(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json || c->quiet)
		return;
	va_start(ap, fmt);
	vsay(stdout, fmt, ap);
	va_end(ap);
}

void out_note(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	(void)fflush(stdout);
	va_start(ap, fmt);
	vsay(stderr, fmt, ap);
	va_end(ap);
}

void out_warn(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs(c->colour ? "\033[33mwarning:\033[0m " : "warning: ", stderr);
	va_start(ap, fmt);
	vsay(stderr, fmt, ap);
	va_end(ap);
}

void out_error(struct cli *c, const char *text)
{
	(void)fflush(stdout);
	(void)fputs(c->colour ? "\033[31mztjit:\033[0m " : "ztjit: ", stderr);
	out_safe(stderr, text);
	(void)fputc('\n', stderr);
}

void out_hint(struct cli *c, const char *text)
{
	(void)fputs(c->colour ? "  \033[1mtry:\033[0m " : "  try: ", stderr);
	out_safe(stderr, text);
	(void)fputc('\n', stderr);
}

void out_json(const json_t *o)
{
	(void)fflush(stderr);
	if (json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) == 0)
		(void)fputc('\n', stdout);
}

const char *out_duration(struct cli *c, int64_t seconds)
{
	char text[64];
	char *kept;

	if (seconds <= 0 || ztj_duration_format(seconds, text, sizeof text) != ZTJ_OK)
		return "0s";
	return (kept = cli_strdup(c, text)) != NULL ? kept : "?";
}

static const char *span(int64_t s, int64_t *n)
{
	if (s < 90) {
		*n = s;
		return "s";
	}
	if (s < 90 * 60) {
		*n = (s + 30) / 60;
		return "min";
	}
	if (s < 48 * 3600) {
		*n = (s + 1800) / 3600;
		return "h";
	}
	*n = (s + 43200) / 86400;
	return "days";
}

const char *out_relative(struct cli *c, int64_t t)
{
	int64_t now = cli_now(), n = 0;
	const char *unit, *text;

	if (t == 0)
		return "-";
	if (t == now)
		return "now";
	unit = span(t >= now ? t - now : now - t, &n);
	text = t >= now ? cli_printf(c, "in %lld %s", (long long)n, unit)
			: cli_printf(c, "%lld %s ago", (long long)n, unit);
	return text != NULL ? text : "?";
}

const char *out_time(struct cli *c, int64_t t)
{
	char text[ZTJ_TIME_SIZE];
	const char *kept;

	if (t == 0)
		return "-";
	if (ztj_time_format(t, text) != ZTJ_OK)
		return "?";
	kept = cli_printf(c, "%s (%s)", text, out_relative(c, t));
	return kept != NULL ? kept : "?";
}

void out_table_begin(struct out_table *t, size_t ncols)
{
	*t = (struct out_table){ .ncols = ncols <= OUT_COLS ? ncols : OUT_COLS };
}

int out_table_row(struct cli *c, struct out_table *t, const char *const *cells)
{
	struct out_row *row = cli_keep(c, sizeof *row);

	if (row == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < t->ncols; i++)
		row->cell[i] = cli_esc(c, cells[i] != NULL ? cells[i] : "-");
	if (t->last != NULL)
		t->last->next = row;
	else
		t->first = row;
	t->last = row;
	t->nrows++;
	return ZTJ_OK;
}

size_t out_columns(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(struct cli *c, const char *text, size_t pad, bool head)
{
	if (head && c->colour)
		(void)fputs("\033[1m", stdout);
	safe_line(stdout, text, strlen(text));
	(void)printf("%*s", (int)pad, "");
	if (head && c->colour)
		(void)fputs("\033[0m", stdout);
}

void out_table_print(struct cli *c, const struct out_table *t)
{
	size_t width[OUT_COLS] = { 0 };

	for (const struct out_row *row = t->first; row != NULL; row = row->next)
		for (size_t i = 0; i < t->ncols; i++)
			if (out_columns(row->cell[i]) > width[i])
				width[i] = out_columns(row->cell[i]);
	for (const struct out_row *row = t->first; row != NULL && !c->json && !c->quiet; row = row->next) {
		for (size_t i = 0; i < t->ncols; i++)
			print_cell(c, row->cell[i],
			    i + 1 < t->ncols ? width[i] - out_columns(row->cell[i]) + 2 : 0, row == t->first);
		(void)fputc('\n', stdout);
	}
}
