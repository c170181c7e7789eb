/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/confscan.h"

#include <limits.h>
#include <string.h>

#include "libztjit/core/text.h"

struct scan {
	const uint8_t *p, *end;
	unsigned line;
	const char *what;
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
	    c == '*';
}

static bool starts(const struct scan *s, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static bool refuse(struct scan *s, const char *what)
{
	s->what = what;
	return false;
}

static void skip_line(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

static bool skip_comment(struct scan *s)
{
	for (s->p += 2; s->p < s->end; s->p++) {
		if (*s->p == '\n')
			s->line++;
		if (starts(s, "*/")) {
			s->p += 2;
			return true;
		}
	}
	return refuse(s, "a comment that does not end");
}

static bool skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '\n')
			return refuse(s, "a string that does not end on its line");
		if (*s->p == '\\') {
			s->p++;
			/* Only the escapes that cannot smuggle control characters in. */
			if (s->p == s->end || (*s->p != '\\' && *s->p != '"'))
				return refuse(s, "an escape other than \\\\ and \\\" in a string");
		} else if (*s->p == '"') {
			s->p++;
			return true;
		}
	}
	return refuse(s, "a string that does not end");
}

static bool skip_number(struct scan *s)
{
	bool negative = *s->p == '-';
	if (*s->p == '-' || *s->p == '+')
		s->p++;
	int64_t value = 0;
	if (s->p == s->end || !is_digit(*s->p))
		return refuse(s, "a sign without a number");
	for (; s->p < s->end && is_digit(*s->p); s->p++) {
		value = value * 10 + (*s->p - '0');
		if (value > (int64_t)INT32_MAX + (negative ? 1 : 0))
			return refuse(s, "an integer that does not fit 32 bits");
	}
	if (s->p < s->end && (is_word(*s->p) || *s->p == '.'))
		return refuse(s, "a number that is not a plain decimal integer");
	return true;
}

static bool step(struct scan *s)
{
	uint8_t c = *s->p;
	if (c == '#' || starts(s, "//")) {
		skip_line(s);
	} else if (starts(s, "/*")) {
		return skip_comment(s);
	} else if (c == '"') {
		return skip_string(s);
	} else if (c == '@') {
		return refuse(s, "\"@\" outside a string: files are never included");
	} else if (is_digit(c) || c == '-' || c == '+') {
		return skip_number(s);
	} else if (is_word(c)) {
		while (s->p < s->end && is_word(*s->p))
			s->p++;
	} else {
		if (c == '\n')
			s->line++;
		s->p++;
	}
	return true;
}

static const char *bad_byte(struct ztj_view text, unsigned *line)
{
	*line = 1;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (c == '\n')
			(*line)++;
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			return "a control character";
	}
	*line = 1;
	return ztj_utf8_ok(text) ? NULL : "invalid UTF-8";
}

int ztj_confscan(struct ztj_view text, unsigned *line, const char **what)
{
	*what = bad_byte(text, line);
	if (*what != NULL)
		return ZTJ_CONFIG;
	struct scan s = { .p = text.p,
		.end = text.p == NULL ? NULL : text.p + text.n,
		.line = 1,
		.what = NULL };
	while (s.p < s.end) {
		if (!step(&s)) {
			*line = s.line;
			*what = s.what;
			return ZTJ_CONFIG;
		}
	}
	return ZTJ_OK;
}
