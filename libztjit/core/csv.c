/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/csv.h"

#include <string.h>

void ztj_csv_init(struct ztj_csv *c, struct ztj_buf *out)
{
	*c = (struct ztj_csv){ .out = out };
}

static void next(struct ztj_csv *c)
{
	if (c->begun)
		ztj_buf_put_u8(c->out, ',');
	c->begun = true;
}

/* U+FF1D, U+FF0B, U+FF0D and U+FF20 are normalised to their ASCII forms by some spreadsheets; blanks before them go. */
static bool is_formula(const char *s)
{
	static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0" };

	while (*s == ' ' || strncmp(s, "\xc2\xa0", 2) == 0)
		s += *s == ' ' ? 1 : 2;
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
		if (strncmp(s, wide[i], 3) == 0)
			return true;
	return *s != '\0' && strchr("=+-@|%\t\r\n", *s) != NULL;
}

void ztj_csv_text(struct ztj_csv *c, const char *s)
{
	next(c);
	if (s == NULL)
		return;
	ztj_buf_puts(c->out, is_formula(s) ? "\"'" : "\"");
	for (const char *q; (q = strchr(s, '"')) != NULL; s = q + 1) {
		ztj_buf_put(c->out, s, (size_t)(q - s));
		ztj_buf_puts(c->out, "\"\"");
	}
	ztj_buf_puts(c->out, s);
	ztj_buf_put_u8(c->out, '"');
}

void ztj_csv_int(struct ztj_csv *c, int64_t n)
{
	next(c);
	ztj_buf_printf(c->out, "%lld", (long long)n);
}

void ztj_csv_end(struct ztj_csv *c)
{
	ztj_buf_puts(c->out, "\r\n");
	c->begun = false;
}
