/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A page for terminals, spreadsheets and programs. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/csv.h"
#include "ztjit/out.h"
#include "ztjit/page.h"

static const struct page_cell *cell_at(const struct page_sheet *s, size_t row, size_t col)
{
	return &s->cell[row * s->ncols + col];
}

/* "": a time that cannot be written, which is none. */
static const char *time_text(struct page *p, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return t > 0 && ztj_time_format(t, text) == ZTJ_OK ? cli_strdup(p->c, text) : "";
}

/* --- terminal --- */

static void put_line(struct page *p, FILE *f, const char *text, size_t pad)
{
	if (text == NULL) {
		p->err = ZTJ_NOMEM;
		return;
	}
	out_safe(f, text);
	(void)fprintf(f, "%*s", (int)pad, "");
}

static void print_rows(struct page *p, FILE *f, const struct page_sheet *s)
{
	size_t *width = calloc(s->ncols, sizeof *width), last = 0;

	if (width == NULL) {
		p->err = ZTJ_NOMEM;
		return;
	}
	for (size_t i = 0; i < s->ncols; i++)
		last = s->col[i].brief ? i : last;
	/* twice: to measure, and to print */
	for (int pass = 0; pass < 2; pass++)
		for (size_t row = 0; row <= s->nrows; row++) {
			size_t mark = cli_mark(p->c);

			for (size_t i = 0; i < s->ncols; i++) {
				const char *text = row == 0 ? s->col[i].title
							    : page_say(p, cell_at(s, row - 1, i));
				size_t n = text != NULL ? out_columns(text) : 0;

				if (!s->col[i].brief)
					continue;
				if (pass == 0)
					width[i] = n > width[i] ? n : width[i];
				else
					put_line(p, f, text, i == last ? 0 : width[i] - n + 2);
			}
			if (pass == 1)
				(void)fputc('\n', f);
			cli_release(p->c, mark);
		}
	free(width);
}

/* Each line of a cell behind its title. */
static void print_prose(struct page *p, FILE *f, const struct page_sheet *s)
{
	for (size_t row = 0; row < s->nrows; row++) {
		for (size_t i = 0; i < s->ncols; i++) {
			const struct page_cell *cell = cell_at(s, row, i);
			const char *text = cell->kind == PAGE_LINES ? cell->s : page_say(p, cell), *nl;

			for (; text != NULL && text[0] != '\0'; text = nl + 1) {
				nl = strchrnul(text, '\n');
				put_line(p, f,
				    cli_printf(p->c, "%s%s: %.*s", i < 2 ? "" : "    ", s->col[i].title,
					(int)(nl - text), text),
				    0);
				(void)fputc('\n', f);
				if (*nl == '\0')
					break;
			}
		}
		(void)fputc('\n', f);
	}
}

int page_print(struct page *p, FILE *f)
{
	(void)fprintf(f, "%s\n", p->title);
	put_line(p, f,
	    cli_printf(p->c, "domain %s, %s to %s\nfrom the audit log of %llu leaves, root %s\n\n", p->domain,
		p->since > 0 ? time_text(p, p->since) : "the first leaf", time_text(p, p->until),
		(unsigned long long)p->size, p->root),
	    0);
	for (size_t i = 0; i < p->nsheets; i++) {
		const struct page_sheet *s = &p->sheet[i];

		if (!s->brief)
			continue;
		(void)fprintf(f, "%s\n", s->title);
		if (s->nrows == 0)
			(void)fputs("none\n", f);
		else if (s->prose)
			print_prose(p, f, s);
		else
			print_rows(p, f, s);
		(void)fputc('\n', f);
	}
	return p->err;
}

/* --- CSV --- */

static void csv_cell(struct page *p, struct ztj_csv *csv, const struct page_cell *cell)
{
	if (cell->kind == PAGE_UNKNOWN)
		ztj_csv_text(csv, NULL);
	else if (cell->kind == PAGE_INT || cell->kind == PAGE_SPAN)
		ztj_csv_int(csv, cell->n);
	else if (cell->kind == PAGE_LINES)
		ztj_csv_text(csv, cell->s);
	else
		ztj_csv_text(csv, page_say(p, cell));
}

int page_csv(struct page *p, struct ztj_buf *out)
{
	static const char *const about[] = { "domain", "since", "until", "made", "log_size", "log_root" };
	const struct page_sheet *s = &p->sheet[p->primary];
	struct ztj_csv csv;

	ztj_csv_init(&csv, out);
	for (size_t i = 0; i < s->ncols; i++)
		if (s->col[i].key != NULL)
			ztj_csv_text(&csv, s->col[i].key);
	for (size_t i = 0; i < sizeof about / sizeof about[0]; i++)
		ztj_csv_text(&csv, about[i]);
	ztj_csv_end(&csv);
	for (size_t row = 0; row < s->nrows; row++) {
		size_t mark = cli_mark(p->c);

		for (size_t i = 0; i < s->ncols; i++)
			if (s->col[i].key != NULL)
				csv_cell(p, &csv, cell_at(s, row, i));
		ztj_csv_text(&csv, p->domain);
		ztj_csv_text(&csv, time_text(p, p->since));
		ztj_csv_text(&csv, time_text(p, p->until));
		ztj_csv_text(&csv, time_text(p, p->made));
		ztj_csv_int(&csv, (int64_t)p->size);
		ztj_csv_text(&csv, p->root);
		ztj_csv_end(&csv);
		cli_release(p->c, mark);
	}
	return p->err != ZTJ_OK ? p->err : ztj_buf_status(out);
}

/* --- JSON --- */

static json_t *json_lines(const char *s)
{
	json_t *list = json_array();

	for (const char *nl; list != NULL && s[0] != '\0'; s = nl + 1) {
		nl = strchrnul(s, '\n');
		(void)json_array_append_new(list, json_stringn(s, (size_t)(nl - s)));
		if (*nl == '\0')
			break;
	}
	return list;
}

static json_t *json_cell(struct page *p, const struct page_cell *cell)
{
	switch (cell->kind) {
	case PAGE_UNKNOWN:
		return json_null();
	case PAGE_INT:
	case PAGE_SPAN:
		return json_integer(cell->n);
	case PAGE_LINES:
		return json_lines(cell->s);
	case PAGE_TEXT:
		return json_string(cell->s);
	case PAGE_TIME:
		return json_string(time_text(p, cell->n));
	}
	return NULL;
}

static json_t *json_sheet(struct page *p, const struct page_sheet *s)
{
	json_t *list = json_array(), *row;

	for (size_t i = 0; i < s->nrows; i++) {
		if ((row = json_object()) == NULL || json_array_append_new(list, row) != 0)
			p->err = ZTJ_NOMEM;
		for (size_t k = 0; p->err == ZTJ_OK && k < s->ncols; k++)
			if (s->col[k].key != NULL &&
			    json_object_set_new(row, s->col[k].key, json_cell(p, cell_at(s, i, k))) != 0)
				p->err = ZTJ_NOMEM;
	}
	return list;
}

static json_t *time_or_null(struct page *p, int64_t t)
{
	return t > 0 ? json_string(time_text(p, t)) : json_null();
}

json_t *page_json(struct page *p)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:I, s:s, s:o, s:o, s:s}, s:{s:s?, s:s?, s:s?}}",
	    "report", p->report, "domain", p->domain, "made", time_or_null(p, p->made), "since",
	    time_or_null(p, p->since), "until", time_or_null(p, p->until), "log", "size", (json_int_t)p->size,
	    "root", p->root, "first", time_or_null(p, p->first), "last", time_or_null(p, p->last), "source",
	    p->source, "only", "user", p->user, "host", p->host, "role", p->role);

	for (size_t i = 0; o != NULL && i < p->nsheets; i++)
		if (json_object_set_new(o, p->sheet[i].name, json_sheet(p, &p->sheet[i])) != 0)
			p->err = ZTJ_NOMEM;
	if (p->err == ZTJ_OK)
		return o;
	json_decref(o);
	return NULL;
}
