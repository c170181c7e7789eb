/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/columns.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/text.h"

#define CELL_MAX 8192

static char *escaped(const char *s)
{
	struct ztj_buf b;
	char *out = NULL;

	if (s == NULL || s[0] == '\0')
		return strdup("-");
	ztj_buf_init(&b, CELL_MAX);
	if (ztj_text_escape(ztj_view_str(s), &b) == ZTJ_OK && ztj_buf_str(&b) != NULL)
		out = strdup((const char *)b.p);
	ztj_buf_free(&b);
	return out;
}

void ztj_columns_begin(struct ztj_columns *t, const char *const *heads, size_t ncols)
{
	*t = (struct ztj_columns){ .ncols = ncols <= ZTJ_COLUMNS_MAX ? ncols : ZTJ_COLUMNS_MAX };
	ztj_columns_row(t, heads);
}

void ztj_columns_row(struct ztj_columns *t, const char *const *cells)
{
	char **more = t->err == ZTJ_OK ? reallocarray(t->cell, t->n + t->ncols, sizeof(*more)) : NULL;

	if (more == NULL) {
		t->err = ZTJ_NOMEM;
		return;
	}
	t->cell = more;
	for (size_t i = 0; i < t->ncols; i++) {
		t->cell[t->n] = escaped(cells[i]);
		if (t->cell[t->n++] == NULL)
			t->err = ZTJ_NOMEM;
	}
}

/* One for every character that begins here. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

int ztj_columns_end(struct ztj_columns *t, struct ztj_buf *out)
{
	size_t wide[ZTJ_COLUMNS_MAX] = { 0 };
	int r = t->err;

	for (size_t i = 0; r == ZTJ_OK && i < t->n; i++) {
		size_t w = width(t->cell[i]);
		wide[i % t->ncols] = w > wide[i % t->ncols] ? w : wide[i % t->ncols];
	}
	for (size_t i = 0; r == ZTJ_OK && i < t->n && t->n > t->ncols; i++) {
		size_t at = i % t->ncols;
		(void)ztj_buf_puts(out, t->cell[i]);
		if (at == t->ncols - 1)
			(void)ztj_buf_puts(out, "\n");
		else
			(void)ztj_buf_printf(out, "%*s", (int)(wide[at] - width(t->cell[i]) + 2), "");
	}
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct ztj_columns){ .ncols = 0 };
	return r == ZTJ_OK ? ztj_buf_status(out) : r;
}
