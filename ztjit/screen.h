/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The confirm screen (P7, L01): everything that a key is about to sign, every
 * field, escaped, wrapped to the terminal and shown page by page.
 */
#ifndef ZTJIT_SCREEN_H
#define ZTJIT_SCREEN_H

#include "ztjit/cli.h"

#define SCREEN_MIN_COLS 24
#define SCREEN_MIN_ROWS 6

/* Cuts text into lines of at most cols columns; a continued line is indented. Nothing is lost: what
 * is cut at the end of one line begins the next. Appends. */
int screen_wrap(struct ztj_view text, unsigned cols, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Every line of text behind two spaces, the last one ended. Appends. */
int screen_indent(struct ztj_view text, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Shows text (lines ending in \n) on standard error. On a terminal page by page, never faster than
 * it is read on; ZTJ_DISPLAY_CUT when the terminal is too small or did not take it all. */
int screen_show(struct cli *c, const char *title, struct ztj_view text) ZTJ_MUST_CHECK;

#endif
