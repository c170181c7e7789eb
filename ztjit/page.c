/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Building a page, cell by cell. */
#include "ztjit/page.h"

#include <stdlib.h>
#include <string.h>

#include "ztjit/out.h"

struct page_sheet *page_sheet(struct page *p, const struct page_sheet *s)
{
	if (p->nsheets >= PAGE_SHEETS) {
		p->err = ZTJ_INTERNAL;
		return &p->sheet[PAGE_SHEETS - 1];
	}
	p->sheet[p->nsheets] = *s;
	return &p->sheet[p->nsheets++];
}

void page_row(struct page *p, struct page_sheet *s, const struct page_cell *cells)
{
	struct page_cell *more = s->cell;
	size_t cap = s->cap;

	if (s->nrows >= cap) {
		cap = cap == 0 ? 16 : 2 * cap;
		more = reallocarray(s->cell, cap * s->ncols, sizeof *more);
	}
	if (more == NULL) {
		p->err = ZTJ_NOMEM;
		return;
	}
	s->cell = more;
	s->cap = cap;
	memcpy(&s->cell[s->nrows++ * s->ncols], cells, s->ncols * sizeof *cells);
	for (size_t i = 0; i < s->ncols; i++)
		if ((cells[i].kind == PAGE_TEXT || cells[i].kind == PAGE_LINES) && cells[i].s == NULL)
			p->err = ZTJ_NOMEM;
}

void page_free(struct page *p)
{
	for (size_t i = 0; i < p->nsheets; i++)
		free(p->sheet[i].cell);
	p->nsheets = 0;
}

void page_card(struct page *p, const char *title, const char *value, const char *note)
{
	if (p->ncards >= PAGE_CARDS || value == NULL || note == NULL) {
		p->err = p->ncards >= PAGE_CARDS ? ZTJ_INTERNAL : ZTJ_NOMEM;
		return;
	}
	p->card[p->ncards].title = title;
	p->card[p->ncards].value = value;
	p->card[p->ncards++].note = note;
}

int page_only(struct page *p, const char *name)
{
	const char *all = "";

	for (size_t i = 0; i < p->nsheets; i++) {
		const char *more = cli_printf(p->c, "%s%s%s", all, i == 0 ? "" : ", ", p->sheet[i].name);

		if (strcmp(p->sheet[i].name, name) == 0) {
			const struct page_sheet kept = p->sheet[i];

			p->sheet[i] = p->sheet[0];
			p->sheet[0] = kept;
			p->sheet[0].brief = true;
			for (size_t k = 1; k < p->nsheets; k++)
				free(p->sheet[k].cell);
			p->nsheets = 1;
			p->primary = 0;
			p->ncards = 0;
			return ZTJ_OK;
		}
		all = more != NULL ? more : all;
	}
	return cli_fail(p->c, ZTJ_USAGE, "--group-by: one of %s", all);
}

/* --- cells --- */

struct page_cell page_text(const char *s)
{
	return (struct page_cell){ .kind = PAGE_TEXT, .s = s };
}

struct page_cell page_lines(const char *s)
{
	return (struct page_cell){ .kind = PAGE_LINES, .s = s };
}

struct page_cell page_int(int64_t n)
{
	return (struct page_cell){ .kind = PAGE_INT, .n = n };
}

struct page_cell page_time(int64_t t)
{
	return (struct page_cell){ .kind = t > 0 ? PAGE_TIME : PAGE_UNKNOWN, .n = t };
}

struct page_cell page_span(int64_t seconds)
{
	return (struct page_cell){ .kind = seconds >= 0 ? PAGE_SPAN : PAGE_UNKNOWN, .n = seconds };
}

struct page_cell page_unknown(void)
{
	return (struct page_cell){ .kind = PAGE_UNKNOWN };
}

/* Down: 100 % is said of all alone. */
const char *page_share(struct page *p, int64_t n, int64_t of)
{
	int64_t permille = of > 0 ? n * 1000 / of : 0;

	if (of <= 0)
		return "-";
	return cli_printf(p->c, "%lld.%lld %%", (long long)permille / 10, (long long)permille % 10);
}

/* --- what people read --- */

const char *page_safe(struct page *p, const char *s)
{
	char *text, *to;

	/* Escaping doubles the escapes that a leaf holds already. */
	if ((text = cli_strdup(p->c, cli_esc(p->c, s))) == NULL)
		return NULL;
	to = text;
	for (const char *from = text; *from != '\0'; to++) {
		bool doubled = strncmp(from, "\\x5c", 4) == 0;

		*to = *from;
		from += doubled ? 4 : 1;
	}
	*to = '\0';
	return text;
}

static const char *one_line(struct page *p, const char *s)
{
	char *text = cli_strdup(p->c, s);

	if (text == NULL)
		return NULL;
	for (char *nl = text; (nl = strchr(nl, '\n')) != NULL;)
		*nl = ';';
	return page_safe(p, text);
}

const char *page_say(struct page *p, const struct page_cell *cell)
{
	char text[ZTJ_TIME_SIZE];

	switch (cell->kind) {
	case PAGE_UNKNOWN:
		return "-";
	case PAGE_TEXT:
		return page_safe(p, cell->s);
	case PAGE_LINES:
		return one_line(p, cell->s);
	case PAGE_INT:
		return cli_printf(p->c, "%lld", (long long)cell->n);
	case PAGE_SPAN:
		return out_duration(p->c, cell->n);
	case PAGE_TIME:
		return ztj_time_format(cell->n, text) == ZTJ_OK ? cli_strdup(p->c, text) : "?";
	}
	return NULL;
}
