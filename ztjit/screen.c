/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The confirm screen. */
#include "ztjit/screen.h"

#include <string.h>
#include <unistd.h>

#include "ztjit/out.h"
#include "ztjit/tty.h"

/* Bytes of the character that begins here, and the columns it may take: two for anything beyond
 * ASCII, since how wide a terminal draws it is the terminal's secret. */
static size_t character(const uint8_t *p, size_t left, unsigned *cols)
{
	size_t n = 1;

	*cols = p[0] < 0x80 ? 1 : 2;
	while (n < left && (p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int wrap_line(const uint8_t *p, size_t n, unsigned cols, struct ztj_buf *out)
{
	unsigned used = 0, w;
	size_t len;

	while (n > 0) {
		len = character(p, n, &w);
		if (used + w > cols) {
			(void)ztj_buf_puts(out, "\n    ");
			used = 4;
		}
		(void)ztj_buf_put(out, p, len);
		used += w;
		p += len;
		n -= len;
	}
	return ztj_buf_put_u8(out, '\n');
}

int screen_wrap(struct ztj_view text, unsigned cols, struct ztj_buf *out)
{
	int r = ZTJ_OK;

	if (cols < SCREEN_MIN_COLS)
		return ZTJ_DISPLAY_CUT;
	while (text.n > 0 && r == ZTJ_OK) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;

		r = wrap_line(text.p, n, cols, out);
		text = ztj_view_after(text, n + 1);
	}
	return r;
}

int screen_indent(struct ztj_view text, struct ztj_buf *out)
{
	bool fresh = true;
	int r = ZTJ_OK;

	for (size_t i = 0; i < text.n && r == ZTJ_OK; i++) {
		if (fresh && text.p[i] != '\n')
			(void)ztj_buf_puts(out, "  ");
		r = ztj_buf_put_u8(out, text.p[i]);
		fresh = text.p[i] == '\n';
	}
	return fresh || r != ZTJ_OK ? r : ztj_buf_put_u8(out, '\n');
}

/* Prints rows - 1 lines at a time; the person's Enter says that a page was seen. */
static int paged(struct cli *c, const char *text, unsigned rows)
{
	unsigned shown = 0;
	char answer[16] = "";
	int r;

	while (*text != '\0') {
		const char *nl = strchr(text, '\n');
		size_t n = nl != NULL ? (size_t)(nl - text) + 1 : strlen(text);
		char *line = cli_printf(c, "%.*s", (int)n, text);

		if (line == NULL)
			return ZTJ_NOMEM;
		out_safe(stderr, line);
		text += n;
		if (++shown < rows - 2 || *text == '\0')
			continue;
		shown = 0;
		if (!cli_is_set(c, OPT_YES) &&
		    (r = tty_line(c, "-- more, press Enter (q: stop) -- ", answer, sizeof answer)) != ZTJ_OK)
			return r;
		if (!cli_is_set(c, OPT_YES) && answer[0] == 'q')
			return ZTJ_ABORTED;
	}
	return ZTJ_OK;
}

int screen_show(struct cli *c, const char *title, struct ztj_view text)
{
	unsigned cols = 80, rows = 24;
	bool terminal = isatty(STDERR_FILENO) != 0;
	struct ztj_buf wrapped;
	const char *s;
	int r;

	if (terminal)
		tty_size(&cols, &rows);
	if (terminal && (cols < SCREEN_MIN_COLS || rows < SCREEN_MIN_ROWS))
		return cli_fail(c, ZTJ_DISPLAY_CUT, "%s (%ux%u); nothing was signed",
		    ztj_err_text(ZTJ_DISPLAY_CUT), cols, rows);
	ztj_buf_init(&wrapped, 64 * 1024 * 1024);
	(void)ztj_buf_printf(&wrapped, "%s\n", title);
	/* one column less: a full line makes some terminals swallow the next */
	r = terminal ? screen_wrap(text, cols - 1, &wrapped) : ztj_buf_put(&wrapped, text.p, text.n);
	if (r == ZTJ_OK && (s = ztj_buf_str(&wrapped)) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK) {
		(void)fflush(stdout);
		clearerr(stderr);
		if (terminal && tty_interactive())
			r = paged(c, s, rows);
		else
			out_safe(stderr, s);
		if (r == ZTJ_OK && (fflush(stderr) != 0 || ferror(stderr)))
			r = ZTJ_DISPLAY_CUT;
	}
	ztj_buf_free(&wrapped);
	return r == ZTJ_OK ? r : cli_fail(c, r, "%s", ztj_err_text(r));
}
