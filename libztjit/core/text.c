/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/text.h"

#include <string.h>

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_host_first(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool is_host_rest(char c)
{
	return is_host_first(c) || c == '.' || c == '-';
}

static bool is_name_first(char c)
{
	return is_lower(c) || c == '_';
}

static bool is_name_rest(char c)
{
	return is_host_rest(c) || c == '_';
}

static bool is_label_first(char c)
{
	return is_host_first(c) || is_upper(c);
}

static bool is_label_rest(char c)
{
	return is_name_rest(c) || is_upper(c);
}

/* One character of the first kind, then of the second, at most max bytes. */
static bool grammar_ok(const char *s, size_t n, size_t max, bool (*first)(char), bool (*rest)(char))
{
	if (n == 0 || n > max || !first(s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!rest(s[i]))
			return false;
	return true;
}

static bool name_ok_n(const char *s, size_t n)
{
	return grammar_ok(s, n, ZTJ_NAME_SIZE - 1, is_name_first, is_name_rest) && s[n - 1] != '.';
}

bool ztj_domain_ok(const char *s)
{
	return s != NULL && grammar_ok(s, strlen(s), ZTJ_DOMAIN_SIZE - 1, is_host_first, is_host_rest);
}

bool ztj_name_ok(const char *s)
{
	return s != NULL && name_ok_n(s, strlen(s));
}

bool ztj_hostname_ok(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);

	return n > 0 && grammar_ok(s, n, ZTJ_HOSTNAME_SIZE - 1, is_host_first, is_host_rest) &&
	    s[n - 1] != '.';
}

bool ztj_label_value_ok(const char *s)
{
	return s != NULL && grammar_ok(s, strlen(s), 64, is_label_first, is_label_rest);
}

bool ztj_fullname_ok(const char *s, bool host)
{
	const char *slash = s == NULL ? NULL : strchr(s, '/');

	if (slash == NULL || !name_ok_n(s, (size_t)(slash - s)))
		return false;
	return host ? ztj_hostname_ok(slash + 1) : ztj_name_ok(slash + 1);
}

const char *ztj_fullname_tail(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash == NULL ? s : slash + 1;
}

/* Reads one UTF-8 sequence (RFC 3629: shortest form, no surrogates, up to
 * U+10FFFF). Returns its length, or 0 when the bytes are not one. */
static size_t utf8_next(const uint8_t *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	*cp = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

static bool is_bidi(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069);
}

/* What no text in a statement may hold. */
static bool is_refused(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || is_bidi(c) || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

/* What is allowed but shows as nothing, or as something else than itself:
 * [first, last], ascending. */
static const struct {
	uint32_t first, last;
} invisible[] = {
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f }, /* combining grapheme joiner */
	{ 0x115f, 0x1160 }, /* Hangul fillers */
	{ 0x17b4, 0x17b5 }, /* Khmer inherent vowels */
	{ 0x180b, 0x180f }, /* Mongolian separators */
	{ 0x200b, 0x200d }, /* zero width space, non-joiner, joiner */
	{ 0x2060, 0x206f }, /* word joiner, invisible operators, deprecated format controls */
	{ 0x2800, 0x2800 }, /* blank Braille pattern */
	{ 0x3164, 0x3164 }, /* Hangul filler */
	{ 0xe000, 0xf8ff }, /* private use */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xffa0, 0xffa0 }, /* half-width Hangul filler */
	{ 0xfff0, 0xffff }, /* interlinear annotation, non-characters; U+FFFD is none of the sender's doing */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0x10ffff } /* tags, variation selectors, private use */
};

static bool is_printable(uint32_t c)
{
	if (is_refused(c))
		return false;
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (c >= invisible[i].first && c <= invisible[i].last)
			return false;
	return (c & 0xfffe) != 0xfffe;
}

bool ztj_text_ok(struct ztj_view v)
{
	for (size_t i = 0, len; i < v.n; i += len) {
		uint32_t c;

		len = 1;
		if (v.p[i] >= 0x20 && v.p[i] < 0x7f)
			continue;
		len = utf8_next(v.p + i, v.n - i, &c);
		if (len == 0 || is_refused(c))
			return false;
	}
	return true;
}

bool ztj_utf8_ok(struct ztj_view v)
{
	for (size_t i = 0, len; i < v.n; i += len) {
		uint32_t c;

		len = utf8_next(v.p + i, v.n - i, &c);
		if (len == 0)
			return false;
	}
	return true;
}

int ztj_text_escape(struct ztj_view v, struct ztj_buf *out)
{
	for (size_t i = 0, len; i < v.n; i += len) {
		uint32_t c;

		len = utf8_next(v.p + i, v.n - i, &c);
		if (len == 0 || (len == 1 && (c == '\\' || !is_printable(c)))) {
			(void)ztj_buf_printf(out, "\\x%02x", v.p[i]);
			len = 1;
		} else if (is_printable(c)) {
			(void)ztj_buf_put(out, v.p + i, len);
		} else {
			(void)ztj_buf_printf(out, "\\u{%04x}", (unsigned)c);
		}
	}
	return ztj_buf_status(out);
}

int ztj_parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool neg = false;
	uint64_t v = 0;

	*out = 0;
	if (*s == '-' && min < 0) {
		neg = true;
		s++;
	}
	if (!is_digit(*s) || (s[0] == '0' && (s[1] != '\0' || neg)))
		return ZTJ_BAD_ENCODING;
	for (; *s != '\0'; s++) {
		if (!is_digit(*s))
			return ZTJ_BAD_ENCODING;
		if (v > ((uint64_t)INT64_MAX - (uint64_t)(*s - '0')) / 10)
			return ZTJ_LIMIT;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (neg) {
		/* INT64_MIN itself is out of reach, which no limit needs */
		if (-(int64_t)v < min || -(int64_t)v > max)
			return ZTJ_LIMIT;
		*out = -(int64_t)v;
		return ZTJ_OK;
	}
	if ((int64_t)v < min || (int64_t)v > max)
		return ZTJ_LIMIT;
	*out = (int64_t)v;
	return ZTJ_OK;
}
