/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A report as tables with their provenance, apart from what it is about: it is written as text, CSV, JSON or one HTML page.
 * Texts may come from anywhere; each writer makes them harmless for its reader.
 */
#ifndef ZTJIT_PAGE_H
#define ZTJIT_PAGE_H

#include "ztjit/cli.h"

#define PAGE_SHEETS 12
#define PAGE_CARDS 8
#define PAGE_BARS 60 /* at most, in a chart of columns */

/* UNKNOWN: the log does not say. LINES: several texts, one a line, each ending in LF but the last. */
enum page_kind { PAGE_UNKNOWN, PAGE_TEXT, PAGE_INT, PAGE_TIME, PAGE_SPAN, PAGE_LINES };
struct page_cell { enum page_kind kind; const char *s; int64_t n; };
/* A column with a key stands in CSV and JSON; shown: on the HTML page; brief: on a terminal, where few fit. */
struct page_col { const char *key, *title; bool brief, number, shown; };

/* The figures behind it are the columns of its table: one of labels, then up to two that are stacked. */
enum page_chart_kind { PAGE_NO_CHART, PAGE_COLUMNS, PAGE_BARRED, PAGE_STEPS };
struct page_chart { enum page_chart_kind kind; const char *title; size_t label, nvalues, value[2]; };

struct page_sheet {
	const char *name;  /* for --group-by and as a member of JSON */
	const char *title, *note;
	const struct page_col *col;
	size_t ncols, nrows;
	struct page_cell *cell; /* nrows * ncols; room for cap */
	size_t cap;
	bool brief;        /* on a terminal without being asked for */
	bool prose;        /* its rows are paragraphs rather than lines */
	struct page_chart chart;
};

struct page {
	struct cli *c;
	const char *report, *title, *lead;
	const char *domain;
	const char *user, *host, *role; /* what was asked for, or NULL */
	int64_t made, since, until;     /* since 0: from the first leaf */
	int64_t first, last;            /* leaves that counted; 0: none */
	uint64_t size;                  /* of the checkpoint */
	const char *root;               /* in base64 */
	const char *source;             /* where the log was read */
	struct { const char *title, *value, *note; } card[PAGE_CARDS];
	size_t ncards, nsheets;
	struct page_sheet sheet[PAGE_SHEETS];
	bool wide;         /* it is read across */
	size_t primary;    /* the sheet that CSV, which holds one, is of */
	const char *const *notes;       /* how it was counted; ends with NULL */
	int err;                        /* the first failure while it was built */
};

/* A sheet to fill: name to columns, notes, chart; never NULL. */
struct page_sheet *page_sheet(struct page *p, const struct page_sheet *s);
/* A row of s->ncols cells. */
void page_row(struct page *p, struct page_sheet *s, const struct page_cell *cells);
void page_card(struct page *p, const char *title, const char *value, const char *note);
/* The sheet with that name alone; NOT_FOUND with all names said. */
int page_only(struct page *p, const char *name) ZTJ_MUST_CHECK;

void page_free(struct page *p);

struct page_cell page_text(const char *s);
struct page_cell page_lines(const char *s);
struct page_cell page_int(int64_t n);
/* 0, for a time, and below 0, for a span: not known. */
struct page_cell page_time(int64_t t);
struct page_cell page_span(int64_t seconds);
struct page_cell page_unknown(void);
/* "98.7 %" of n in of, rounded towards what is worse; "-" of none. */
const char *page_share(struct page *p, int64_t n, int64_t of);

/* The text of a cell for people, harmless on a terminal and without control characters; NULL for want of memory. */
const char *page_say(struct page *p, const struct page_cell *cell);
/* A foreign text without control, bidirectional or zero-width characters; escapes that are in it already stay as they are. */
const char *page_safe(struct page *p, const char *s);

/* Writers: into a file, to a terminal, as the result of --json. */
int page_print(struct page *p, FILE *f) ZTJ_MUST_CHECK;
int page_csv(struct page *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
int page_html(struct page *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* NULL for want of memory. */
json_t *page_json(struct page *p);

#endif
