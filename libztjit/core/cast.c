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

static const uint8_t fffd[3] = { 0xef, 0xbf, 0xbd };

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

/* How an ASCII character stands in a JSON string; the last byte is the length. */
static const char escapes[128][8] = {
#define U(h, l) \
	{ \
		'\\', 'u', '0', '0', h, l, 0, 6 \
	}
#define S(c) \
	{ \
		'\\', c, 0, 0, 0, 0, 0, 2 \
	}
#define P(c) \
	{ \
		c, 0, 0, 0, 0, 0, 0, 1 \
	}
#define P4(c) P(c), P((c) + 1), P((c) + 2), P((c) + 3)
#define P16(c) P4(c), P4((c) + 4), P4((c) + 8), P4((c) + 12)
	U('0', '0'), U('0', '1'), U('0', '2'), U('0', '3'), U('0', '4'), U('0', '5'), U('0', '6'),
	U('0', '7'), S('b'), S('t'), S('n'), U('0', 'b'), S('f'), S('r'), U('0', 'e'), U('0', 'f'),
	U('1', '0'), U('1', '1'), U('1', '2'), U('1', '3'), U('1', '4'), U('1', '5'), U('1', '6'),
	U('1', '7'), U('1', '8'), U('1', '9'), U('1', 'a'), U('1', 'b'), U('1', 'c'), U('1', 'd'),
	U('1', 'e'), U('1', 'f'), P(' '), P('!'), S('"'), P('#'), P4('$'), P4('('), P4(','), P16('0'),
	P16('@'), P4('P'), P4('T'), P4('X'), S('\\'), P(']'), P('^'), P('_'), P16('`'), P4('p'), P4('t'),
	P4('x'), P('|'), P('}'), P('~'), U('7', 'f')
#undef U
#undef S
#undef P
#undef P4
#undef P16
};

static void put_ascii(struct pen *pen, uint8_t c)
{
	memcpy(pen->p + pen->n, escapes[c], sizeof(escapes[c]));
	pen->n += (size_t)escapes[c][7];
}

static void put_fffd(struct pen *pen, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		memcpy(pen->p + pen->n, fffd, sizeof(fffd));
		pen->n += sizeof(fffd);
	}
}

/* Bytes at p, which is not ASCII: how many are one character (0: none is); in a text with a z, how many *bad ones go
 * there: one, or the three of a genuine U+FFFD. */
static size_t step(const uint8_t *p, size_t n, bool lossy, size_t *bad)
{
	int len = 0;

	*bad = 1;
	if ((p[0] & 0xc0) != 0x80 && (n == 1 || (p[1] & 0xc0) == 0x80))
		len = ztj_cast_utf8(p, n);
	if (lossy && len == 3 && memcmp(p, fffd, sizeof(fffd)) == 0) {
		*bad = 3;
		return 0;
	}
	return len > 0 ? (size_t)len : 0;
}

/* Copies what needs no escape, as far as eight bytes can be taken at once. */
static size_t put_clean(struct pen *pen, const uint8_t *p, size_t n)
{
	size_t i = 0, clean = 8;

	while (n - i >= 8 && clean == 8) {
		uint64_t w, mark;

		if (pen->n > PEN_ROOM)
			pen_flush(pen);
		memcpy(&w, p + i, 8);
		memcpy(pen->p + pen->n, &w, 8);
		mark = ztj_cast_special(le64toh(w));
		clean = mark == 0 ? 8 : (size_t)__builtin_ctzll(mark) / 8;
		pen->n += clean;
		i += clean;
	}
	return i;
}

/* The length of the character at p, one of those that most languages and frames are made of; 0: look closer. */
static size_t common_char(const uint8_t *p)
{
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (p[0] >= 0xe1 && p[0] <= 0xee && p[0] != 0xed)
		return (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 ? 3 : 0;
	return 0;
}

/* Copies such characters as long as they follow one another. */
static size_t put_common(struct pen *pen, const uint8_t *p, size_t n)
{
	size_t i = 0, len = 1;

	while (n - i >= 4 && len > 0 && pen->n <= PEN_ROOM) {
		len = common_char(p + i);
		memcpy(pen->p + pen->n, p + i, 4);
		pen->n += len;
		i += len;
	}
	return i;
}

/* Writes v escaped. lossy: with U+FFFD for each byte that a z event will carry; else false at the first such byte. */
static bool put_text(struct pen *pen, struct ztj_view v, bool lossy)
{
	size_t i = 0, len, bad;

	while (i < v.n) {
		i += put_clean(pen, v.p + i, v.n - i);
		if (i == v.n)
			break;
		if (pen->n > PEN_ROOM)
			pen_flush(pen);
		if (v.p[i] < 0x80) {
			put_ascii(pen, v.p[i++]);
			continue;
		}
		len = put_common(pen, v.p + i, v.n - i);
		i += len;
		if (len > 0)
			continue;
		len = step(v.p + i, v.n - i, lossy, &bad);
		if (len == 0 && !lossy)
			return false;
		if (len == 0)
			put_fffd(pen, bad);
		else
			memcpy(pen->p + pen->n, v.p + i, len);
		pen->n += len;
		i += len == 0 ? bad : len;
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
		size_t bad, len;

		if (v.p[i] < 0x80) {
			i++;
			continue;
		}
		len = step(v.p + i, v.n - i, true, &bad);
		i += len;
		for (; len == 0 && bad > 0; bad--) {
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
