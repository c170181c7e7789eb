/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Armour of OpenSSH key files and signatures. */
#include <string.h>

#include "libztjit/core/armor.h"

#define COLUMNS 70

int ztj_armor_put(const char *label, struct ztj_view blob, struct ztj_buf *text)
{
	struct ztj_buf b64;
	int r;

	ztj_buf_init(&b64, blob.n / 3 * 4 + 4);
	if ((r = ztj_b64_encode(blob, &b64)) == ZTJ_OK) {
		(void)ztj_buf_printf(text, "-----BEGIN %s-----\n", label);
		for (size_t i = 0; i < b64.n; i += COLUMNS) {
			(void)ztj_buf_put(text, b64.p + i, b64.n - i < COLUMNS ? b64.n - i : COLUMNS);
			(void)ztj_buf_puts(text, "\n");
		}
		r = ztj_buf_printf(text, "-----END %s-----\n", label);
	}
	ztj_buf_free(&b64);
	return r;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct ztj_view trim(struct ztj_view v)
{
	while (v.n > 0 && is_space(v.p[v.n - 1]))
		v.n--;
	while (v.n > 0 && is_space(v.p[0]))
		v = ztj_view_after(v, 1);
	return v;
}

/* Cuts "-----WORD label-----" off one end of v. */
static int cut_marker(struct ztj_view *v, const char *word, const char *label, bool front)
{
	struct ztj_buf line;
	int r;

	ztj_buf_init(&line, 128);
	if ((r = ztj_buf_printf(&line, "-----%s %s-----", word, label)) == ZTJ_OK) {
		if (v->n < line.n || memcmp(front ? v->p : v->p + (v->n - line.n), line.p, line.n) != 0)
			r = ZTJ_BAD_ENCODING;
		else
			*v = front ? ztj_view_after(*v, line.n) : ztj_view_of(v->p, v->n - line.n);
	}
	ztj_buf_free(&line);
	return r;
}

/* The base64 without its line ends (LF or CR LF). */
static int join_lines(struct ztj_view body, struct ztj_buf *b64)
{
	int r = ZTJ_OK;

	/* each marker is a line of its own */
	if (body.n < 2 || body.p[body.n - 1] != '\n' || (body.p[0] != '\n' && body.p[0] != '\r'))
		return ZTJ_BAD_ENCODING;
	for (size_t i = 0; i < body.n && r == ZTJ_OK; i++) {
		if (body.p[i] == '\n' || (body.p[i] == '\r' && body.p[i + 1] == '\n'))
			continue; /* a CR is never last: the last byte is LF */
		r = ztj_buf_put_u8(b64, body.p[i]);
	}
	return r;
}

int ztj_armor_get(const char *label, struct ztj_view text, size_t max, struct ztj_buf *blob)
{
	struct ztj_view body = trim(text);
	struct ztj_buf b64;
	size_t start = blob->n;
	int r;

	if ((r = cut_marker(&body, "BEGIN", label, true)) != ZTJ_OK ||
	    (r = cut_marker(&body, "END", label, false)) != ZTJ_OK)
		return r;
	ztj_buf_init(&b64, max / 3 * 4 + 4);
	if ((r = join_lines(body, &b64)) == ZTJ_OK)
		r = ztj_b64_decode(ztj_buf_view(&b64), blob);
	if (r == ZTJ_OK && blob->n - start > max) {
		blob->n = start;
		r = ZTJ_TOO_LARGE;
	}
	ztj_buf_free(&b64);
	return r;
}
