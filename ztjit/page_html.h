/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Between page_html.c, which writes the page, and page_svg.c, which draws in it. */
#ifndef ZTJIT_PAGE_HTML_H
#define ZTJIT_PAGE_HTML_H

#include "ztjit/page.h"

struct html { struct page *p; struct ztj_buf *out; };

/* Fixed markup. */
void html_raw(struct html *h, const char *markup);
/* Any text, as text: in an element or in a quoted attribute. */
void html_text(struct html *h, const char *s);
/* Markup with numbers only. */
void html_fmt(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The chart of a sheet that has one and rows; n makes its ids distinct. */
void svg_chart(struct html *h, const struct page_sheet *s, size_t n);

#endif
