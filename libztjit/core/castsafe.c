/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The terminal's parser: bytes to text, controls, escapes and control sequences. */
#include "libztjit/core/castsafe.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/cast_int.h"
#include "libztjit/core/castsafe_int.h"

enum { BEL = 0x07, LF = 0x0a, CAN = 0x18, SUB = 0x1a, ESC = 0x1b, DEL = 0x7f };

int ztj_castsafe_new(enum ztj_castsafe_mode mode, struct ztj_castsafe **out)
{
	struct ztj_castsafe *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return ZTJ_NOMEM;
	s->mode = mode;
	return ZTJ_OK;
}

void ztj_castsafe_free(struct ztj_castsafe *s)
{
	free(s);
}

void ztj_castsafe_columns(struct ztj_castsafe *s, uint32_t columns)
{
	s->line.columns = columns;
}

/* ---- parameters ---- */

size_t ztj_safe_nparams(const struct ztj_csi *csi)
{
	size_t n = csi->param.n == 0 ? 0 : 1;

	for (size_t i = 0; i < csi->param.n; i++)
		n += csi->param.p[i] == ';' ? 1 : 0;
	return n;
}

unsigned ztj_safe_param(const struct ztj_csi *csi, size_t i, unsigned none)
{
	size_t at = 0;
	unsigned v = 0;
	bool any = false;

	for (; at < csi->param.n && i > 0; at++)
		i -= csi->param.p[at] == ';' ? 1 : 0;
	for (; i == 0 && at < csi->param.n && csi->param.p[at] != ';' && csi->param.p[at] != ':'; at++) {
		v = 10 * v + (unsigned)(csi->param.p[at] - '0');
		v = v > ZTJ_SAFE_PARAM_MAX ? ZTJ_SAFE_PARAM_MAX : v;
		any = true;
	}
	return any ? v : none;
}

/* ---- what was understood ---- */

static void give_text(struct ztj_castsafe *s, const uint8_t *p, size_t n)
{
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_text(s, p, n);
	else
		ztj_safe_text_char(s, p, n);
}

static void give_run(struct ztj_castsafe *s, const uint8_t *p, size_t n)
{
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_text(s, p, n);
	for (size_t i = 0; s->mode != ZTJ_CASTSAFE_REPLAY && i < n; i++)
		ztj_safe_text_char(s, p + i, 1);
}

static void give_control(struct ztj_castsafe *s, uint8_t c)
{
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_control(s, c);
	else
		ztj_safe_text_control(s, c);
}

static void give_escape(struct ztj_castsafe *s, uint8_t last)
{
	s->state = ZTJ_SAFE_GROUND;
	if (s->over)
		return;
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_escape(s, last);
	else
		ztj_safe_text_escape(s, last);
}

/* Prefix, parameters, at most one intermediate; anything else is dropped. */
static void give_csi(struct ztj_castsafe *s, uint8_t last)
{
	struct ztj_csi csi = { .last = last };
	size_t i = 0, from;

	s->state = ZTJ_SAFE_GROUND;
	if (i < s->nseq && s->seq[i] >= '<' && s->seq[i] <= '?')
		csi.prefix = s->seq[i++];
	from = i;
	while (i < s->nseq && s->seq[i] >= '0' && s->seq[i] <= ';')
		i++;
	csi.param = ztj_view_of(s->seq + from, i - from);
	if (i < s->nseq && s->seq[i] < '0')
		csi.inter = s->seq[i++];
	if (s->over || i != s->nseq)
		return;
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_csi(s, &csi);
	else
		ztj_safe_text_csi(s, &csi);
}

/* ---- strings ---- */

static void swallow(struct ztj_castsafe *s, size_t n)
{
	s->swallowed += n;
	if (s->swallowed >= ZTJ_SAFE_STRING_MAX)
		s->state = ZTJ_SAFE_GROUND;
}

static bool in_string(const struct ztj_castsafe *s)
{
	return s->state == ZTJ_SAFE_OSC || s->state == ZTJ_SAFE_STRING || s->state == ZTJ_SAFE_PALETTE;
}

static void string_byte(struct ztj_castsafe *s, uint8_t c)
{
	if (c == BEL || c == LF) {
		s->state = ZTJ_SAFE_GROUND;
		if (c == LF)
			give_control(s, c);
		return;
	}
	if (s->state == ZTJ_SAFE_OSC && c == 'R') { /* Linux: reset the palette, and that is all of it */
		s->state = ZTJ_SAFE_GROUND;
		return;
	}
	if (s->state == ZTJ_SAFE_OSC)
		s->state = c == 'P' ? ZTJ_SAFE_PALETTE : ZTJ_SAFE_STRING;
	else if (s->state == ZTJ_SAFE_PALETTE && s->swallowed == 7)
		s->state = ZTJ_SAFE_GROUND;
	swallow(s, 1);
}

/* ---- bytes ---- */

static void escape_byte(struct ztj_castsafe *s, uint8_t c)
{
	if (c < 0x30) {
		if (s->nseq < sizeof(s->seq))
			s->seq[s->nseq++] = c;
		else
			s->over = true;
	} else if (s->nseq > 0) {
		give_escape(s, c);
	} else if (c == '[') {
		s->state = ZTJ_SAFE_CSI;
	} else if (strchr("]PX^_k", c) != NULL) {
		s->state = c == ']' ? ZTJ_SAFE_OSC : ZTJ_SAFE_STRING;
		s->swallowed = 0;
	} else {
		give_escape(s, c);
	}
}

static void csi_byte(struct ztj_castsafe *s, uint8_t c)
{
	if (c >= 0x40)
		give_csi(s, c);
	else if (s->nseq < sizeof(s->seq))
		s->seq[s->nseq++] = c;
	else
		s->over = true;
}

static void ascii(struct ztj_castsafe *s, uint8_t c)
{
	if (c == ESC) { /* begins anew wherever it stands */
		s->state = ZTJ_SAFE_ESCAPE;
		s->nseq = 0;
		s->over = false;
	} else if (c == CAN || c == SUB) {
		s->state = ZTJ_SAFE_GROUND;
	} else if (in_string(s)) {
		string_byte(s, c);
	} else if (c < 0x20) { /* obeyed at once, in the middle of a sequence too */
		give_control(s, c);
	} else if (c == DEL) {
		return;
	} else if (s->state == ZTJ_SAFE_ESCAPE) {
		escape_byte(s, c);
	} else if (s->state == ZTJ_SAFE_CSI) {
		csi_byte(s, c);
	} else {
		give_text(s, &c, 1);
	}
}

/* What makes a terminal show a line in another order than it was written: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069; and U+2028, U+2029, which some take for the end of a line. */
static bool reorders(const uint8_t *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (n != 3 || p[0] != 0xe2)
		return false;
	return p[1] == 0x80 ? p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)
			    : p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

/* A whole character that is not ASCII, or (n 0) a byte that is none. */
static void wide(struct ztj_castsafe *s, const uint8_t *p, size_t n)
{
	bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0;

	if (in_string(s)) {
		swallow(s, n == 0 ? 1 : n);
		if (c1 && p[1] == 0x9c) /* ST */
			s->state = ZTJ_SAFE_GROUND;
		return;
	}
	s->state = ZTJ_SAFE_GROUND;
	if (n == 0 || reorders(p, n))
		give_text(s, (const uint8_t *)"\xef\xbf\xbd", 3);
	else if (!c1)
		give_text(s, p, n);
}

static void byte(struct ztj_castsafe *s, uint8_t c)
{
	int len;

	if (s->nutf8 == 0 && c < 0x80) {
		ascii(s, c);
		return;
	}
	s->utf8[s->nutf8++] = c;
	len = ztj_cast_utf8(s->utf8, s->nutf8);
	if (len == ZTJ_UTF8_CUT)
		return;
	if (len > 0) {
		wide(s, s->utf8, s->nutf8);
		s->nutf8 = 0;
		return;
	}
	/* what came before c begins nothing; c itself may */
	for (size_t i = 1; i < s->nutf8; i++)
		wide(s, NULL, 0);
	if (s->nutf8 > 1) {
		s->nutf8 = 0;
		byte(s, c);
		return;
	}
	s->nutf8 = 0;
	wide(s, NULL, 0);
}

static size_t run_of_text(struct ztj_view v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] >= 0x20 && v.p[n] < DEL)
		n++;
	return n;
}

int ztj_castsafe_put(struct ztj_castsafe *s, struct ztj_view v, struct ztj_buf *out)
{
	s->out = out;
	for (size_t i = 0; i < v.n;) {
		size_t run = s->state == ZTJ_SAFE_GROUND && s->nutf8 == 0
		    ? run_of_text(ztj_view_of(v.p + i, v.n - i))
		    : 0;

		if (run > 0)
			give_run(s, v.p + i, run);
		else
			byte(s, v.p[i]);
		i += run > 0 ? run : 1;
	}
	s->out = NULL;
	return ztj_buf_status(out);
}

int ztj_castsafe_end(struct ztj_castsafe *s, struct ztj_buf *out)
{
	s->out = out;
	for (; s->nutf8 > 0; s->nutf8--)
		wide(s, NULL, 0);
	s->state = ZTJ_SAFE_GROUND;
	if (s->mode == ZTJ_CASTSAFE_REPLAY)
		ztj_safe_replay_end(s);
	else
		ztj_safe_text_end(s);
	s->out = NULL;
	return ztj_buf_status(out);
}
