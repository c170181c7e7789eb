/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What reaches the terminal of whoever watches: lists of what is allowed, written anew. */
#include <string.h>

#include "libztjit/core/castsafe_int.h"

/* What the end puts back, and how. */
enum {
	CHANGED_ALT,
	CHANGED_CURSOR,
	CHANGED_WRAP,
	CHANGED_REVERSE,
	CHANGED_ORIGIN,
	CHANGED_INSERT,
	CHANGED_REGION,
	CHANGED_CHARSET,
	CHANGED_SGR
};
static const char *const put_back[] = { [CHANGED_ALT] = "\x1b[?1049l",
	[CHANGED_CURSOR] = "\x1b[?25h",
	[CHANGED_WRAP] = "\x1b[?7h",
	[CHANGED_REVERSE] = "\x1b[?5l",
	[CHANGED_ORIGIN] = "\x1b[?6l",
	[CHANGED_INSERT] = "\x1b[4l",
	[CHANGED_REGION] = "\0337\033[r\0338",
	[CHANGED_CHARSET] = "\x0f\x1b(B\x1b)B",
	[CHANGED_SGR] = "\x1b[0m" };

static void change(struct ztj_castsafe *s, unsigned what, bool on)
{
	s->changed = on ? s->changed | 1u << what : s->changed & ~(1u << what);
}

static void put(struct ztj_castsafe *s, const char *text)
{
	(void)ztj_buf_puts(s->out, text);
}

void ztj_safe_replay_text(struct ztj_castsafe *s, const uint8_t *p, size_t n)
{
	(void)ztj_buf_put(s->out, p, n);
}

void ztj_safe_replay_control(struct ztj_castsafe *s, uint8_t c)
{
	switch (c) {
	case 0x0e: /* SO */
		change(s, CHANGED_CHARSET, true);
		break;
	case '\b':
	case '\t':
	case '\n':
	case '\v':
	case '\f':
	case '\r':
	case 0x0f: /* SI */
		break;
	default: /* ENQ is answered, XOFF stops, BEL annoys */
		return;
	}
	(void)ztj_buf_put_u8(s->out, c);
}

void ztj_safe_replay_escape(struct ztj_castsafe *s, uint8_t last)
{
	char text[4] = { 0x1b };

	if (s->nseq == 0 && last == 'c') { /* a full reset does more than anybody asked for */
		put(s, "\x1b[0m\x1b[H\x1b[2J");
		return;
	}
	if (s->nseq == 0 && strchr("78DEM", last) != NULL) {
		text[1] = (char)last;
	} else if (s->nseq == 1 && strchr("()", s->seq[0]) != NULL && strchr("0B", last) != NULL) {
		text[1] = (char)s->seq[0];
		text[2] = (char)last;
		change(s, CHANGED_CHARSET, true);
	} else {
		return;
	}
	put(s, text);
}

/* ---- control sequences ---- */

/* Writes the sequence with its parameters as they are, the large ones made small. */
static void put_csi(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	size_t i = 0;

	put(s, "\x1b[");
	if (csi->prefix != 0)
		(void)ztj_buf_put_u8(s->out, csi->prefix);
	while (i < csi->param.n) {
		size_t from, n = 0;

		while (i < csi->param.n && csi->param.p[i] == '0' && i + 1 < csi->param.n &&
		    csi->param.p[i + 1] >= '0' && csi->param.p[i + 1] <= '9')
			i++;
		from = i;
		while (i < csi->param.n && csi->param.p[i] >= '0' && csi->param.p[i] <= '9') {
			i++;
			n++;
		}
		if (n > 4)
			put(s, "9999");
		else
			(void)ztj_buf_put(s->out, csi->param.p + from, n);
		if (i < csi->param.n)
			(void)ztj_buf_put_u8(s->out, csi->param.p[i++]);
	}
	(void)ztj_buf_put_u8(s->out, csi->last);
}

struct mode {
	unsigned number;
	int changed; /* -1: nothing to put back */
	bool usual;  /* on in a fresh terminal */
};

static const struct mode *find_mode(const struct ztj_csi *csi, unsigned number)
{
	static const struct mode private[] = { { 5, CHANGED_REVERSE, false }, { 6, CHANGED_ORIGIN, false },
		{ 7, CHANGED_WRAP, true }, { 12, -1, false }, { 25, CHANGED_CURSOR, true },
		{ 47, CHANGED_ALT, false }, { 1047, CHANGED_ALT, false }, { 1048, -1, false },
		{ 1049, CHANGED_ALT, false } };
	static const struct mode insert = { 4, CHANGED_INSERT, false };

	if (csi->prefix == 0)
		return number == insert.number ? &insert : NULL;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (private[i].number == number)
			return &private[i];
	return NULL;
}

/* Set and reset mode: one sequence for each that is allowed. */
static void replay_modes(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	size_t n = ztj_safe_nparams(csi);

	for (size_t i = 0; i < n; i++) {
		const struct mode *m = find_mode(csi, ztj_safe_param(csi, i, 0));

		if (m == NULL)
			continue;
		if (m->changed >= 0)
			change(s, (unsigned)m->changed, (csi->last == 'h') != m->usual);
		(void)ztj_buf_printf(s->out, "\x1b[%s%u%c", csi->prefix == '?' ? "?" : "", m->number,
		    csi->last);
	}
}

/* Erase in display: the scrollback of whoever watches is theirs. */
static void replay_erase(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	if (ztj_safe_nparams(csi) <= 1 && ztj_safe_param(csi, 0, 0) <= 2)
		put_csi(s, csi);
}

/* Without prefix and intermediate. */
static void replay_plain(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	size_t n = ztj_safe_nparams(csi);

	switch (csi->last) {
	case 'm':
		change(s, CHANGED_SGR, n > 1 || ztj_safe_param(csi, 0, 0) != 0);
		put_csi(s, csi);
		return;
	case 'h':
	case 'l':
		replay_modes(s, csi);
		return;
	case 'J':
		replay_erase(s, csi);
		return;
	case 's': /* with parameters: margins */
	case 'u': /* with parameters: keys */
		if (n == 0)
			put_csi(s, csi);
		return;
	case 'r':
		if (n > 2)
			return;
		change(s, CHANGED_REGION, n > 0);
		put_csi(s, csi);
		return;
	case 'H':
	case 'f':
		if (n <= 2)
			put_csi(s, csi);
		return;
	default: /* five parameters to T would track the mouse */
		if (n <= 1 && strchr("@ABCDEFGIKLMPSTXZ`abde", csi->last) != NULL)
			put_csi(s, csi);
		return;
	}
}

void ztj_safe_replay_csi(struct ztj_castsafe *s, const struct ztj_csi *csi)
{
	bool colon = memchr(csi->param.n == 0 ? "" : (const char *)csi->param.p, ':', csi->param.n) != NULL;

	if (csi->inter != 0 || (colon && (csi->last != 'm' || csi->prefix != 0)))
		return;
	if (csi->prefix == 0)
		replay_plain(s, csi);
	else if (csi->prefix == '?' && (csi->last == 'h' || csi->last == 'l'))
		replay_modes(s, csi);
}

void ztj_safe_replay_end(struct ztj_castsafe *s)
{
	for (size_t i = 0; i < sizeof(put_back) / sizeof(put_back[0]); i++)
		if ((s->changed & 1u << i) != 0)
			put(s, put_back[i]);
	s->changed = 0;
}
