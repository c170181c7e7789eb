/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Commands for a person to paste into bash as root. Names and lines are chosen by others: whatever they hold, the result is
 * printable ASCII and names exactly that file; a line is named by its text, never by its number, which may have moved.
 */
#include "ztjit/scan/scan.h"

#include <ctype.h>
#include <string.h>

static const char *keep(struct scan *s, struct ztj_buf *b)
{
	const char *text = ztj_buf_str(b), *kept = text == NULL ? NULL : scan_text(s, "%s", text);

	if (kept == NULL)
		s->err = ZTJ_NOMEM;
	ztj_buf_free(b);
	return kept;
}

const char *scan_quote(struct scan *s, const char *word)
{
	bool plain = word[0] != '\0' && word[0] != '-', printable = true;
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	for (const char *p = word; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;

		plain = plain && c < 0x80 && (isalnum(c) || strchr("/._+:@%=,-", c) != NULL);
		printable = printable && c >= 0x20 && c < 0x7f && c != '\'' && c != '\\';
	}
	(void)ztj_buf_puts(&b, plain ? "" : printable ? "'" : "$'");
	for (const char *p = word; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;

		if (plain || printable || (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\'))
			(void)ztj_buf_put_u8(&b, c);
		else
			(void)ztj_buf_printf(&b, "\\%03o", c);
	}
	(void)ztj_buf_puts(&b, plain ? "" : "'");
	return keep(s, &b);
}

/* A basic regular expression for this text, between bars inside single quotes; what cannot stand there is any character. */
static void regex(struct ztj_buf *b, struct ztj_view text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c >= 0x80) {
			/* one character of UTF-8, or one byte of none, in whatever locale */
			while (i + 1 < text.n && text.p[i + 1] >= 0x80)
				i++;
			(void)ztj_buf_puts(b, ".*");
		} else if (c < 0x20 || c == 0x7f || c == '\'' || c == '|' || c == '\\')
			(void)ztj_buf_put_u8(b, '.');
		else {
			if (strchr("*.[]^$", c) != NULL)
				(void)ztj_buf_put_u8(b, '\\');
			(void)ztj_buf_put_u8(b, c);
		}
	}
}

const char *scan_delete_lines(struct scan *s, const char *path, struct ztj_view first, struct ztj_view last)
{
	const char *file = scan_quote(s, path);
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "sed -i '\\|^");
	regex(&b, first);
	(void)ztj_buf_puts(&b, "$|");
	if (last.n > 0) {
		(void)ztj_buf_puts(&b, ",\\|^");
		regex(&b, last);
		(void)ztj_buf_puts(&b, "$|");
	}
	(void)ztj_buf_printf(&b, "d' %s", file != NULL ? file : "");
	return keep(s, &b);
}

const char *scan_delete_text(struct scan *s, const char *path, struct ztj_view text)
{
	const char *file = scan_quote(s, path);
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "sed -i '\\|");
	regex(&b, text);
	(void)ztj_buf_printf(&b, "|d' %s", file != NULL ? file : "");
	return keep(s, &b);
}
