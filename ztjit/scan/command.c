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

/* script: for sed, where most words hold a backslash. */
static const char *quoted(struct scan *s, const char *word, bool script)
{
	bool plain = !script && word[0] != '\0' && word[0] != '-', printable = true;
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	for (const char *p = word; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;

		plain = plain && c < 0x80 && (isalnum(c) || strchr("/._+:@%=,-", c) != NULL);
		printable = printable && c >= 0x20 && c < 0x7f && c != '\'' && (script || c != '\\');
	}
	(void)ztj_buf_puts(&b, plain ? "" : printable ? "'" : "$'");
	for (const char *p = word; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;

		if (plain || printable || (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\'))
			(void)ztj_buf_put_u8(&b, c);
		else if (script && (c == '\\' || c == '\''))
			(void)ztj_buf_printf(&b, "\\%c", c);
		else
			(void)ztj_buf_printf(&b, "\\%03o", c);
	}
	(void)ztj_buf_puts(&b, plain ? "" : "'");
	return keep(s, &b);
}

const char *scan_quote(struct scan *s, const char *word)
{
	return quoted(s, word, false);
}

const char *scan_operand(struct scan *s, const char *word)
{
	const char *q = scan_quote(s, word);

	return q != NULL && word[0] == '-' ? scan_text(s, "-- %s", q) : q;
}

/* A basic regular expression for this text and no other, between bars; bytes are bytes (LC_ALL=C). */
static void regex(struct ztj_buf *b, struct ztj_view text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '\n')
			(void)ztj_buf_puts(b, "\\n");
		else if (c == '\0')
			(void)ztj_buf_put_u8(b, '.');
		else {
			if (strchr("*.[]^$|\\", c) != NULL)
				(void)ztj_buf_put_u8(b, '\\');
			(void)ztj_buf_put_u8(b, c);
		}
	}
}

static const char *sed(struct scan *s, struct ztj_buf *script, const char *path)
{
	const char *text = ztj_buf_str(script), *file = scan_quote(s, path), *q, *kept = NULL;
	bool ascii = true;

	for (const char *p = text; p != NULL && *p != '\0'; p++)
		ascii = ascii && (uint8_t)*p < 0x80;
	q = text != NULL ? quoted(s, text, true) : NULL;
	if (q != NULL && file != NULL)
		kept = scan_text(s, "%ssed -i %s %s", ascii ? "" : "LC_ALL=C ", q, file);
	if (kept == NULL)
		s->err = ZTJ_NOMEM;
	ztj_buf_free(script);
	return kept;
}

const char *scan_delete_lines(struct scan *s, const char *path, struct ztj_view first, struct ztj_view last)
{
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "\\|^");
	regex(&b, first);
	(void)ztj_buf_puts(&b, "$|");
	/* all of its lines are put together before they are compared: others may begin with the same one */
	if (last.n > 0) {
		(void)ztj_buf_puts(&b, "{:a;\\|\\\\$|{N;ba;};\\|^");
		regex(&b, ztj_view_of(first.p, (size_t)(last.p + last.n - first.p)));
		(void)ztj_buf_puts(&b, "$|d;}");
	} else
		(void)ztj_buf_puts(&b, "d");
	return sed(s, &b, path);
}

const char *scan_replace_line(struct scan *s, const char *path, struct ztj_view line, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "\\|^");
	regex(&b, line);
	(void)ztj_buf_printf(&b, "$|s|.*|%s|", text);
	return sed(s, &b, path);
}

const char *scan_delete_root(struct scan *s, const char *name)
{
	bool twice = false;
	const char *passwd, *shadow;
	struct ztj_buf b;

	for (size_t i = 0; i < s->naccounts; i++)
		twice = twice || (s->account[i].uid != 0 && strcmp(s->account[i].name, name) == 0);
	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "\\|^");
	regex(&b, ztj_view_str(name));
	(void)ztj_buf_puts(&b, ":[^:]*:0*:|d");
	passwd = sed(s, &b, "/etc/passwd");
	/* the line there is that of the other account as well */
	if (twice || passwd == NULL)
		return passwd;
	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_puts(&b, "\\|^");
	regex(&b, ztj_view_str(name));
	(void)ztj_buf_puts(&b, ":|d");
	shadow = sed(s, &b, "/etc/shadow");
	return shadow != NULL ? scan_text(s, "%s && %s", passwd, shadow) : NULL;
}
