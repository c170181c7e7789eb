/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Writing the text of a record. Every byte a terminal shows passes here, so events are written without a JSON
 * library: clean ASCII is copied eight bytes at a time, and nothing is looked at twice unless it is not UTF-8.
 */
#include "libztjit/core/cast.h"

#include <endian.h>
#include <string.h>

#include "libztjit/core/cast_int.h"

#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

static const uint8_t fffd[3] = { 0xef, 0xbf, 0xbd };

/* ---- UTF-8 (RFC 3629) ---- */

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

/* ---- text of a JSON string ---- */

/* Gathers output, so that the buffer grows in large steps. */
struct pen {
	struct ztj_buf *out;
	size_t n;
	uint8_t p[4096];
};
enum { PEN_ROOM = 4096 - 16 }; /* no character takes more than 16 bytes */

static void pen_flush(struct pen *pen)
{
	if (pen->n > 0)
		(void)ztj_buf_put(pen->out, pen->p, pen->n); /* the buffer keeps the error for the end */
	pen->n = 0;
}

/* A high bit in the first byte of the eight (as stored) that cannot stand in a JSON string as it is: controls, DEL, quote,
 * backslash, not ASCII. Later ones may be marked wrongly, earlier ones never. */
static uint64_t special(uint64_t w)
{
	uint64_t quote = w ^ ALL('"'), slash = w ^ ALL('\\'), del = w ^ ALL(0x7f);

	return (w | ((w - ALL(0x20)) & ~w) | ((quote - ALL(1)) & ~quote) | ((slash - ALL(1)) & ~slash) |
		   ((del - ALL(1)) & ~del)) &
	    ALL(0x80);
}

/* Copies what needs no escape; gives how much that is. */
static size_t put_clean(struct pen *pen, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 8) {
		uint64_t w, mark;

		if (pen->n > PEN_ROOM)
			pen_flush(pen);
		memcpy(&w, p + i, 8);
		memcpy(pen->p + pen->n, &w, 8);
		mark = special(le64toh(w));
		if (mark != 0) {
			size_t clean = (size_t)__builtin_ctzll(mark) / 8;

			pen->n += clean;
			return i + clean;
		}
		pen->n += 8;
		i += 8;
	}
	return i;
}

static void put_ascii(struct pen *pen, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	static const char
	    letters[32] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	char letter = c == '"' || c == '\\' ? (char)c : c < 0x20 ? letters[c] : '\0';
	uint8_t *o = pen->p + pen->n;

	if (letter != '\0') {
		o[0] = '\\';
		o[1] = (uint8_t)letter;
		pen->n += 2;
	} else if (c < 0x20 || c == 0x7f) {
		memcpy(o, "\\u00", 4);
		o[4] = (uint8_t)digits[c >> 4];
		o[5] = (uint8_t)digits[c & 15];
		pen->n += 6;
	} else {
		o[0] = c;
		pen->n++;
	}
}

static void put_fffd(struct pen *pen, int times)
{
	for (int i = 0; i < times; i++) {
		memcpy(pen->p + pen->n, fffd, sizeof(fffd));
		pen->n += sizeof(fffd);
	}
}

/* How the bytes at p stand in a text with a z: as themselves (their number), or as replaced (0: this one byte, -3: these three,
 * a genuine U+FFFD). */
static int lossy_step(const uint8_t *p, size_t n)
{
	int len = ztj_cast_utf8(p, n);

	if (len == 3 && memcmp(p, fffd, sizeof(fffd)) == 0)
		return -3;
	return len == ZTJ_UTF8_CUT ? 0 : len;
}

/* Writes v escaped. lossy: with U+FFFD for each byte that a z event will carry; else false at the first such byte. */
static bool put_text(struct pen *pen, struct ztj_view v, bool lossy)
{
	for (size_t i = 0; i < v.n;) {
		int len;

		if (pen->n > PEN_ROOM)
			pen_flush(pen);
		if (v.p[i] < 0x80) {
			size_t clean = put_clean(pen, v.p + i, v.n - i);

			i += clean;
			if (i < v.n && v.p[i] < 0x80) {
				if (pen->n > PEN_ROOM)
					pen_flush(pen);
				put_ascii(pen, v.p[i++]);
			}
			continue;
		}
		len = lossy ? lossy_step(v.p + i, v.n - i) : ztj_cast_utf8(v.p + i, v.n - i);
		if (len > 0) {
			memcpy(pen->p + pen->n, v.p + i, (size_t)len);
			pen->n += (size_t)len;
			i += (size_t)len;
		} else if (!lossy) {
			return false;
		} else {
			put_fffd(pen, len == 0 ? 1 : 3);
			i += len == 0 ? 1 : 3;
		}
	}
	return true;
}

/* ---- the bytes that are not UTF-8 ---- */

struct spill {
	struct ztj_buf *out;
	size_t n;
	uint8_t p[768]; /* whole groups of base64 */
};

static void spill_flush(struct spill *s)
{
	if (s->n > 0 && ztj_b64_encode(ztj_view_of(s->p, s->n), s->out) != ZTJ_OK)
		s->out->err = s->out->err == ZTJ_OK ? ZTJ_CRYPTO_LIB : s->out->err;
	s->n = 0;
}

static void spill_text(struct spill *s, struct ztj_view v)
{
	for (size_t i = 0; i < v.n;) {
		int len = v.p[i] < 0x80 ? 1 : lossy_step(v.p + i, v.n - i);
		size_t bad = len > 0 ? 0 : len == 0 ? 1 : 3;

		i += len > 0 ? (size_t)len : 0;
		for (; bad > 0; bad--) {
			s->p[s->n++] = v.p[i++];
			if (s->n == sizeof(s->p))
				spill_flush(s);
		}
	}
}

/* ---- events ---- */

/* What one event says: the rest of a cut sequence, then the new bytes. */
struct parts {
	uint8_t join[4];
	struct ztj_view v[2];
};

/* [SECONDS.MICROS, "C", " */
static void put_start(struct pen *pen, uint64_t us, char code)
{
	char text[40] = "";
	size_t at = sizeof(text);

	memcpy(text + at - 7, ", \"?\", ", 7);
	text[at - 4] = code;
	at -= 7;
	for (int i = 0; us > 0 || i < 8; i++) {
		text[--at] = i == 6 ? '.' : (char)('0' + us % 10);
		us = i == 6 ? us : us / 10;
	}
	text[--at] = '[';
	memcpy(pen->p + pen->n, text + at, sizeof(text) - at);
	pen->n += sizeof(text) - at;
	pen->p[pen->n++] = '"';
}

static bool put_line(struct ztj_buf *out, uint64_t us, char code, const struct parts *parts, bool lossy)
{
	struct pen pen;

	pen.out = out;
	pen.n = 0;
	put_start(&pen, us, code);
	if (!put_text(&pen, parts->v[0], lossy) || !put_text(&pen, parts->v[1], lossy))
		return false;
	memcpy(pen.p + pen.n, "\"]\n", 3);
	pen.n += 3;
	pen_flush(&pen);
	return true;
}

static void put_spill(struct ztj_buf *out, uint64_t us, const struct parts *parts)
{
	struct spill spill;
	struct pen pen;

	pen.out = spill.out = out;
	pen.n = spill.n = 0;
	put_start(&pen, us, 'z');
	pen_flush(&pen);
	spill_text(&spill, parts->v[0]);
	spill_text(&spill, parts->v[1]);
	spill_flush(&spill);
	(void)ztj_buf_puts(out, "\"]\n");
}

static int put_parts(uint64_t us, char code, const struct parts *parts, struct ztj_buf *out, uint32_t *events)
{
	size_t start = out->n;
	bool whole = ztj_buf_status(out) == ZTJ_OK && put_line(out, us, code, parts, false);
	int r;

	if (!whole) {
		out->n = start;
		(void)put_line(out, us, code, parts, true);
		put_spill(out, us, parts);
	}
	r = ztj_buf_status(out);
	if (r == ZTJ_OK)
		*events += whole ? 1 : 2;
	return r;
}

/* Bytes at the end that begin a sequence and do not end it. */
static size_t cut_at_end(struct ztj_view v)
{
	for (size_t k = 1; k <= 3 && k <= v.n; k++) {
		const uint8_t *p = v.p + v.n - k;

		if ((*p & 0xc0) != 0x80)
			return *p >= 0x80 && ztj_cast_utf8(p, k) == ZTJ_UTF8_CUT ? k : 0;
	}
	return 0;
}

/* Completes what waits in the tail from the beginning of *v, as far as they fit together. */
static void join_tail(struct ztj_cast_tail *tail, struct ztj_view *v, struct parts *parts)
{
	size_t n = tail->n, used = 0;
	int len = ZTJ_UTF8_CUT;

	memcpy(parts->join, tail->byte, n);
	while (n > 0 && len == ZTJ_UTF8_CUT && used < v->n) {
		parts->join[n++] = v->p[used++];
		len = ztj_cast_utf8(parts->join, n);
	}
	if (n > 0 && len == 0) { /* the last one begins something else */
		n--;
		used--;
	}
	v->p = used == 0 ? v->p : v->p + used;
	v->n -= used;
	tail->n = 0;
	if (n > 0 && len == ZTJ_UTF8_CUT) {
		memcpy(tail->byte, parts->join, n);
		tail->n = (uint8_t)n;
		n = 0;
	}
	parts->v[0] = ztj_view_of(parts->join, n);
}

static bool code_ok(char code)
{
	return code > ' ' && code < 0x7f && code != '"' && code != '\\' && code != 'z';
}

int ztj_cast_event_put(uint64_t us, char code, struct ztj_view bytes, struct ztj_cast_tail *tail,
    struct ztj_buf *out, uint32_t *events)
{
	struct parts parts = { 0 };
	size_t cut;

	if (!code_ok(code) || (tail != NULL && tail->n > sizeof(tail->byte)))
		return ZTJ_BAD_ENCODING;
	if (tail != NULL) {
		join_tail(tail, &bytes, &parts);
		cut = cut_at_end(bytes);
		if (cut > 0) {
			memcpy(tail->byte, bytes.p + bytes.n - cut, cut);
			tail->n = (uint8_t)cut;
			bytes.n -= cut;
		}
		if (parts.v[0].n == 0 && bytes.n == 0)
			return ztj_buf_status(out);
	}
	parts.v[1] = bytes;
	return put_parts(us, code, &parts, out, events);
}

int ztj_cast_tail_put(uint64_t us, char code, struct ztj_cast_tail *tail, struct ztj_buf *out,
    uint32_t *events)
{
	struct ztj_cast_tail kept = *tail;

	if (kept.n == 0)
		return ztj_buf_status(out);
	if (kept.n > sizeof(kept.byte))
		return ZTJ_BAD_ENCODING;
	tail->n = 0;
	return ztj_cast_event_put(us, code, ztj_view_of(kept.byte, kept.n), NULL, out, events);
}
