/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Charts as inline SVG: drawn from the table below them, described in words, told apart by more than colour. */
#include "ztjit/page_html.h"

#include <string.h>

#define WIDTH 720
#define LEFT 44  /* of the scale */
#define RIGHT 34 /* half a label */
#define TOP 14
#define HEIGHT 200
#define BAR 26    /* of a chart of bars: a row */
#define NAMES 250 /* and its labels */
#define BARS 15   /* and as many rows: they are sorted */

static const struct page_cell *label_at(const struct page_sheet *s, size_t row)
{
	return &s->cell[row * s->ncols + s->chart.label];
}

/* -1: not known. */
static int64_t value_at(const struct page_sheet *s, size_t row, size_t k)
{
	const struct page_cell *cell = &s->cell[row * s->ncols + s->chart.value[k]];

	return cell->kind == PAGE_INT || cell->kind == PAGE_SPAN ? cell->n : -1;
}

static int64_t sum_at(const struct page_sheet *s, size_t row)
{
	int64_t sum = 0;

	for (size_t k = 0; k < s->chart.nvalues; k++)
		sum += value_at(s, row, k) > 0 ? value_at(s, row, k) : 0;
	return sum;
}

static int64_t highest(const struct page_sheet *s)
{
	int64_t most = 0;

	for (size_t i = 0; i < s->nrows; i++)
		most = sum_at(s, i) > most ? sum_at(s, i) : most;
	return most;
}

/* 1, 2 or 5 times a power of ten, four of which reach the top at most. */
static int64_t step_for(int64_t most)
{
	static const int64_t parts[] = { 1, 2, 5 };

	for (int64_t ten = 1; ten < INT64_MAX / 100; ten *= 10)
		for (size_t i = 0; i < 3; i++)
			if (4 * parts[i] * ten >= most)
				return parts[i] * ten;
	return most;
}

static void put_label(struct html *h, const struct page_sheet *s, size_t row)
{
	size_t mark = cli_mark(h->p->c);
	const char *text = page_say(h->p, label_at(s, row));

	html_text(h, text != NULL ? text : "?");
	cli_release(h->p->c, mark);
}

/* What the picture shows, for whoever does not see it. */
static void put_words(struct html *h, const struct page_sheet *s, size_t n)
{
	size_t most = 0;

	html_fmt(h, "<title id=\"c%zut\">", n);
	html_text(h, s->chart.title);
	html_fmt(h, "</title>\n<desc id=\"c%zud\">", n);
	for (size_t i = 0; i < s->nrows; i++)
		most = sum_at(s, i) > sum_at(s, most) ? i : most;
	html_fmt(h, "Values: %zu, of ", s->nrows);
	for (size_t k = 0; k < s->chart.nvalues; k++) {
		html_raw(h, k == 0 ? "" : " and ");
		html_text(h, s->col[s->chart.value[k]].title);
	}
	html_fmt(h, "; the highest is %lld at ", (long long)sum_at(s, most));
	put_label(h, s, most);
	html_raw(h, ". The table below has all of them.</desc>\n");
}

static void begin(struct html *h, const struct page_sheet *s, size_t n, size_t height)
{
	html_raw(h, "<figure>\n<figcaption>");
	html_text(h, s->chart.title);
	html_raw(h, "</figcaption>\n");
	html_fmt(h, "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-labelledby=\"c%zut c%zud\">\n", WIDTH,
	    height, n, n);
	put_words(h, s, n);
	html_fmt(h,
	    "<defs><pattern id=\"c%zup\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	    "<rect class=\"b\" width=\"6\" height=\"6\"/><path class=\"hatch\" d=\"M0 0V6\"/></pattern></defs>\n",
	    n);
}

static void put_fill(struct html *h, size_t k, size_t n)
{
	if (k == 0)
		html_raw(h, " class=\"a\"");
	else
		html_fmt(h, " fill=\"url(#c%zup)\"", n);
}

/* Names of what is stacked, where there is more than one. */
static void put_legend(struct html *h, const struct page_sheet *s, size_t n, int y)
{
	for (size_t k = 0; s->chart.nvalues > 1 && k < s->chart.nvalues; k++) {
		int x = LEFT + (int)k * 200;

		html_fmt(h, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\"", x, y - 10);
		put_fill(h, k, n);
		html_fmt(h, "/><text x=\"%d\" y=\"%d\">", x + 18, y);
		html_text(h, s->col[s->chart.value[k]].title);
		html_raw(h, "</text>\n");
	}
}

static void put_scale(struct html *h, int64_t step, int64_t top)
{
	for (int64_t v = 0; v <= top; v += step) {
		double y = TOP + HEIGHT - (double)v * HEIGHT / (double)top;

		html_fmt(h,
		    "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"axis\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%lld</text>\n",
		    LEFT, y, WIDTH, LEFT - 8, y + 4, (long long)v);
		if (v > top - step)
			break;
	}
}

/* A few labels, so that they do not touch. */
static void put_below(struct html *h, const struct page_sheet *s, double slot)
{
	size_t every = (s->nrows + 6) / 7;

	for (size_t i = 0; i < s->nrows; i += every) {
		html_fmt(h, "<text class=\"axis\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
		    LEFT + slot * ((double)i + 0.5), TOP + HEIGHT + 18);
		put_label(h, s, i);
		html_raw(h, "</text>\n");
	}
}

static void put_columns(struct html *h, const struct page_sheet *s, size_t n)
{
	int64_t most = highest(s), step = step_for(most),
		top = most > 0 ? (most + step - 1) / step * step : step;
	double slot = (double)(WIDTH - LEFT - RIGHT) / (double)s->nrows, w = slot > 60 ? 48 : slot * 0.8;

	begin(h, s, n, TOP + HEIGHT + 50);
	put_scale(h, step, top);
	for (size_t i = 0; i < s->nrows; i++) {
		double y = TOP + HEIGHT;

		for (size_t k = 0; k < s->chart.nvalues; k++) {
			int64_t v = value_at(s, i, k);
			double tall = v > 0 ? (double)v * HEIGHT / (double)top : 0;

			if (v <= 0)
				continue;
			y -= tall;
			html_fmt(h, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
			    LEFT + slot * ((double)i + 0.5) - w / 2, y, w, tall);
			put_fill(h, k, n);
			html_raw(h, "><title>");
			put_label(h, s, i);
			html_raw(h, ": ");
			html_text(h, s->col[s->chart.value[k]].title);
			html_fmt(h, " %lld</title></rect>\n", (long long)v);
		}
	}
	put_below(h, s, slot);
	put_legend(h, s, n, TOP + HEIGHT + 44);
}

static void put_bars(struct html *h, const struct page_sheet *s, size_t n)
{
	int64_t most = highest(s);
	size_t rows = s->nrows < BARS ? s->nrows : BARS;

	begin(h, s, n, TOP + rows * BAR);
	for (size_t i = 0; i < rows; i++) {
		int64_t v = sum_at(s, i);
		double w = most > 0 ? (double)v * (WIDTH - NAMES - 70) / (double)most : 0;
		int y = TOP + (int)i * BAR;

		html_fmt(h, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", NAMES - 10, y + 14);
		put_label(h, s, i);
		html_fmt(h,
		    "</text><rect class=\"a\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\"/><text x=\"%.1f\" y=\"%d\">%lld</text>\n",
		    NAMES, y, w, NAMES + w + 8, y + 14, (long long)v);
	}
}

/* A value lasts until the next one; where none is known there is no line. */
static void put_steps(struct html *h, const struct page_sheet *s, size_t n)
{
	int64_t most = highest(s), step = step_for(most),
		top = most > 0 ? (most + step - 1) / step * step : step;
	double slot = (double)(WIDTH - LEFT - RIGHT) / (double)s->nrows;
	bool drawn = false;

	begin(h, s, n, TOP + HEIGHT + 26);
	put_scale(h, step, top);
	html_raw(h, "<path class=\"line\" d=\"");
	for (size_t i = 0; i < s->nrows; i++) {
		int64_t v = value_at(s, i, 0);
		double y = TOP + HEIGHT - (double)v * HEIGHT / (double)top, x = LEFT + slot * (double)i;

		if (v >= 0 && drawn)
			html_fmt(h, "V%.1fH%.1f", y, x + slot);
		else if (v >= 0)
			html_fmt(h, "M%.1f %.1fH%.1f", x, y, x + slot);
		drawn = v >= 0;
	}
	html_raw(h, "\"/>\n");
	put_below(h, s, slot);
}

void svg_chart(struct html *h, const struct page_sheet *s, size_t n)
{
	if (s->chart.kind == PAGE_NO_CHART || s->nrows == 0)
		return;
	if (s->chart.kind == PAGE_COLUMNS)
		put_columns(h, s, n);
	else if (s->chart.kind == PAGE_BARRED)
		put_bars(h, s, n);
	else
		put_steps(h, s, n);
	html_raw(h, "</svg>\n</figure>\n");
}
