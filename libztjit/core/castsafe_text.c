/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a terminal showed as lines of plain text: one line is kept, as a line editor draws it. */
#include <string.h>

#include "libztjit/core/castsafe_int.h"

static void flush(struct ztj_castsafe *s)
{
	struct ztj_safe_line *l = &s->line;

	for (size_t i = 0; i < l->n; i++)
		(void)ztj_buf_put(s->out, l->cell[i].byte, l->cell[i].n);
	l->n = l->at = 0;
	l->margin = false;
}

static void newline(struct ztj_castsafe *s)
{
	flush(s);
	(void)ztj_buf_put_u8(s->out, '\n');
}

/* Something is shown elsewhere: it is another line, unless this one is still empty. */
static void elsewhere(struct ztj_castsafe *s)
{
	if (s->line.n > 0)
		newline(s);
}

static void blank(struct ztj_safe_line *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		l->cell[i] = (struct ztj_safe_cell){ 1, " " };
}

void ztj_safe_text_char(struct ztj_castsafe *s, const uint8_t *p, size_t n)
{
	struct ztj_safe_line *l = &s->line;
	struct ztj_safe_cell *c;

	if (l->at == ZTJ_SAFE_LINE_MAX)
		flush(s);
	if (l->at > l->n)
		blank(l, l->n, l->at);
	c = &l->cell[l->at++];
	c->n = (uint8_t)n;
	memcpy(c->byte, p, n);
	l->n = l->at > l->n ? l->at : l->n;
	l->margin = l->columns > 0 && l->at % l->columns == 0;
}

/* Where this row of a wrapped line begins. */
static size_t row_start(const struct ztj_safe_line *l)
{
	size_t at = l->margin && l->at > 0 ? l->at - 1 : l->at;

	return l->columns == 0 ? 0 : at - at % l->columns;
}

void ztj_safe_text_control(struct ztj_castsafe *s, uint8_t c)
{
	struct ztj_safe_line *l = &s->line;

	switch (c) {
	case '\n':
	case '\v':
	case '\f':
		newline(s);
		break;
	case '\r':
		l->at = row_start(l);
		break;
	case '\b':
		l->at -= l->at > 0 ? 1 : 0;
		break;
	case '\t':
		ztj_safe_text_char(s, &c, 1);
		break;
	default:
		return;
	}
	l->margin = false;
}

void ztj_safe_text_escape(struct ztj_castsafe *s, uint8_t last)
{
	if (s->nseq == 0 && strchr("DEMc", last) != NULL)
		elsewhere(s);
}

/* ---- editing ---- */

static void move_to(struct ztj_safe_line *l, size_t at)
{
	l->at = at < ZTJ_SAFE_LINE_MAX ? at : ZTJ_SAFE_LINE_MAX - 1;
}

static void erase(struct ztj_safe_line *l, unsigned how)
{
	if (how == 0 && l->at < l->n)
		l->n = l->at;
	else if (how == 1)
		blank(l, 0, l->at < l->n ? l->at + 1 : l->n);
	else if (how == 2)
		l->n = 0;
}

static void delete_cells(struct ztj_safe_line *l, size_t k)
{
	if (l->at >= l->n)
		return;
	k = k < l->n - l->at ? k : l->n - l->at;
	memmove(&l->cell[l->at], &l->cell[l->at + k], (l->n - l->at - k) * sizeof(l->cell[0]));
	l->n -= k;
}

static void insert_cells(struct ztj_safe_line *l, size_t k)
{
	size_t keep;

	if (l->at >= l->n)
		return;
	k = k < ZTJ_SAFE_LINE_MAX - l->at ? k : ZTJ_SAFE_LINE_MAX - l->at;
	keep = l->n - l->at < ZTJ_SAFE_LINE_MAX - l->at - k ? l->n - l->at : ZTJ_SAFE_LINE_MAX - l->at - k;
	memmove(&l->cell[l->at + k], &l->cell[l->at], keep * sizeof(l->cell[0]));
	blank(l, l->at, l->at + k);
	l->n = l->at + k + keep;
}

/* Up and down within a line that wrapped. */
static void move_row(struct ztj_castsafe *s, bool up, size_t k)
{
	struct ztj_safe_line *l = &s->line;
	size_t by = k * l->columns;

	if (l->columns > 0 && up && l->at >= by)
		l->at -= by;
	else if (l->columns > 0 && !up && l->at + by <= l->n)
		l->at += by;
	else
		elsewhere(s);
}

static void edit(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	struct ztj_safe_line *l = &s->line;
	unsigned k = ztj_safe_param(csi, 0, 1);

	k = k == 0 ? 1 : k;
	switch (csi->last) {
	case '@':
		insert_cells(l, k);
		break;
	case 'A':
	case 'B':
		move_row(s, csi->last == 'A', k);
		break;
	case 'C':
	case 'a':
		move_to(l, l->at + k);
		break;
	case 'D':
		move_to(l, l->at > k ? l->at - k : 0);
		break;
	case 'G':
	case '`':
		move_to(l, row_start(l) + k - 1);
		break;
	case 'K':
		erase(l, ztj_safe_param(csi, 0, 0));
		break;
	case 'P':
		delete_cells(l, k);
		break;
	case 'X':
		if (l->at < l->n)
			blank(l, l->at, l->at + k < l->n ? l->at + k : l->n);
		break;
	default:
		break;
	}
	l->margin = false;
}

void ztj_safe_text_csi(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	unsigned first = ztj_safe_param(csi, 0, 0);

	if (csi->inter != 0)
		return;
	if (csi->prefix == '?') { /* another screen */
		if (csi->last == 'h' || csi->last == 'l')
			if (first == 47 || first == 1047 || first == 1049)
				elsewhere(s);
		return;
	}
	if (csi->prefix != 0)
		return;
	if (csi->last == 'J' && first == 0)
		erase(&s->line, 0);
	else if (strchr("EFHJLMSTdefr", csi->last) != NULL)
		elsewhere(s);
	else
		edit(s, csi);
}

void ztj_safe_text_end(struct ztj_castsafe *s)
{
	flush(s);
}
