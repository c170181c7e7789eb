/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* UTF-8 as it comes, and strings as they were written. */
#include <endian.h>
#include <string.h>

#include "libztjit/core/cast_int.h"
#include "libztjit/core/codec.h"

int ztj_cast_utf8(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xbf;
	int len;

	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : low;
		high = p[0] == 0xed ? 0x9f : high;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : low;
		high = p[0] == 0xf4 ? 0x8f : high;
	} else {
		return p[0] < 0x80 ? 1 : 0;
	}
	for (size_t i = 1; i < (size_t)len; i++) {
		if (i == n)
			return ZTJ_UTF8_CUT;
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

/* The character of an escape of one letter; 0: none of ours. */
static uint8_t short_escape(uint8_t c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'f':
		return '\f';
	case 'r':
		return '\r';
	case '"':
	case '\\':
		return c;
	default:
		return 0;
	}
}

/* What stands after a backslash; gives how long that is, 0 when it is not of ours. */
static size_t read_escape(const uint8_t *p, size_t n, uint8_t *out)
{
	*out = n == 0 ? 0 : short_escape(p[0]);
	if (*out != 0)
		return 1;
	if (n < 5 || memcmp(p, "u00", 3) != 0 || ztj_unhex(ztj_view_of(p + 3, 2), out, 1) != ZTJ_OK)
		return 0;
	return *out < 0x80 ? 5 : 0;
}

/* Eight clean bytes at once; gives how many. out has room. */
static size_t copy_clean(const uint8_t *p, size_t n, uint8_t *out)
{
	size_t i = 0, clean = 8;

	while (n - i >= 8 && clean == 8) {
		uint64_t w, mark;

		memcpy(&w, p + i, 8);
		memcpy(out + i, &w, 8);
		mark = ztj_cast_special(le64toh(w));
		clean = mark == 0 ? 8 : (size_t)__builtin_ctzll(mark) / 8;
		i += clean;
	}
	return i;
}

/* Writes the text of p at out, which has room for as much; false when it is not of ours. */
static bool unescape(const uint8_t *p, size_t n, uint8_t *out, size_t *length)
{
	size_t i = 0, o = 0, k;

	for (;;) {
		k = copy_clean(p + i, n - i, out + o);
		i += k;
		o += k;
		if (i == n)
			break;
		if (p[i] == '\\') {
			k = read_escape(p + i + 1, n - i - 1, &out[o]);
			if (k == 0)
				return false;
			i += 1 + k;
			o++;
			continue;
		}
		if (p[i] < 0x20 || p[i] == '"')
			return false;
		k = 1;
		if (p[i] >= 0x80) {
			int len = ztj_cast_utf8(p + i, n - i);

			if (len <= 0)
				return false;
			k = (size_t)len;
		}
		memcpy(out + o, p + i, k);
		i += k;
		o += k;
	}
	*length = o;
	return true;
}

bool ztj_cast_unescape(struct ztj_view s, struct ztj_buf *out)
{
	size_t before = out->n, n = 0;

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	/* the text is no longer than its escaped form */
	if (ztj_buf_put(out, s.p + 1, s.n - 2) != ZTJ_OK)
		return false;
	if (s.n > 2 && !unescape(s.p + 1, s.n - 2, out->p + before, &n)) {
		out->n = before;
		return false;
	}
	out->n = before + n;
	return true;
}
