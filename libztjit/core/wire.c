/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH wire encoding: reader over a view, writer with a cap. libc only. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/wire.h"

struct ztj_view ztj_view_of(const void *p, size_t n)
{
	return (struct ztj_view){ .p = n != 0 ? p : NULL, .n = n };
}

struct ztj_view ztj_view_str(const char *s)
{
	return ztj_view_of(s, strlen(s));
}

struct ztj_view ztj_view_after(struct ztj_view v, size_t n)
{
	/* arithmetic on a NULL view is undefined, by zero as well */
	return n < v.n ? ztj_view_of(v.p + n, v.n - n) : ztj_view_of(NULL, 0);
}

bool ztj_view_eq(struct ztj_view a, struct ztj_view b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool ztj_view_eq_str(struct ztj_view a, const char *s)
{
	return ztj_view_eq(a, ztj_view_str(s));
}

bool ztj_view_line(struct ztj_view *left, struct ztj_view *line)
{
	const uint8_t *end = left->n == 0 ? NULL : memchr(left->p, '\n', left->n);

	if (end == NULL)
		return false;
	*line = ztj_view_of(left->p, (size_t)(end - left->p));
	*left = ztj_view_after(*left, line->n + 1);
	return true;
}

bool ztj_view_skip(struct ztj_view *v, const char *s)
{
	size_t n = strlen(s);

	if (v->n < n || (n > 0 && memcmp(v->p, s, n) != 0))
		return false;
	*v = ztj_view_after(*v, n);
	return true;
}

/* ---- reader ---- */

void ztj_rd_init(struct ztj_rd *rd, struct ztj_view v)
{
	rd->left = v;
}

static void advance(struct ztj_rd *rd, size_t n)
{
	if (n == 0) /* arithmetic on a NULL view is undefined */
		return;
	rd->left.p += n;
	rd->left.n -= n;
}

static int get_uint(struct ztj_rd *rd, size_t width, uint64_t *out)
{
	uint64_t v = 0;

	*out = 0;
	if (rd->left.n < width)
		return ZTJ_TRUNCATED;
	for (size_t i = 0; i < width; i++)
		v = v << 8 | rd->left.p[i];
	advance(rd, width);
	*out = v;
	return ZTJ_OK;
}

int ztj_rd_u8(struct ztj_rd *rd, uint8_t *out)
{
	uint64_t v;
	int r = get_uint(rd, 1, &v);

	*out = (uint8_t)v;
	return r;
}

int ztj_rd_u32(struct ztj_rd *rd, uint32_t *out)
{
	uint64_t v;
	int r = get_uint(rd, 4, &v);

	*out = (uint32_t)v;
	return r;
}

int ztj_rd_u64(struct ztj_rd *rd, uint64_t *out)
{
	return get_uint(rd, 8, out);
}

int ztj_rd_bytes(struct ztj_rd *rd, size_t n, struct ztj_view *out)
{
	*out = ztj_view_of(NULL, 0);
	if (rd->left.n < n)
		return ZTJ_TRUNCATED;
	*out = ztj_view_of(rd->left.p, n);
	advance(rd, n);
	return ZTJ_OK;
}

int ztj_rd_string(struct ztj_rd *rd, size_t max, struct ztj_view *out)
{
	struct ztj_rd t = *rd;
	uint32_t n;
	int r;

	*out = ztj_view_of(NULL, 0);
	if ((r = ztj_rd_u32(&t, &n)) != ZTJ_OK)
		return r;
	if (n > max)
		return ZTJ_TOO_LARGE;
	if ((r = ztj_rd_bytes(&t, n, out)) != ZTJ_OK)
		return r;
	*rd = t;
	return ZTJ_OK;
}

int ztj_rd_cstring(struct ztj_rd *rd, char *out, size_t size)
{
	struct ztj_rd t = *rd;
	struct ztj_view v;
	int r;

	if (size == 0)
		return ZTJ_INTERNAL;
	out[0] = '\0';
	if ((r = ztj_rd_string(&t, size - 1, &v)) != ZTJ_OK)
		return r;
	if (v.n != 0) {
		if (memchr(v.p, '\0', v.n) != NULL)
			return ZTJ_BAD_ENCODING;
		memcpy(out, v.p, v.n);
	}
	out[v.n] = '\0';
	*rd = t;
	return ZTJ_OK;
}

int ztj_rd_expect(struct ztj_rd *rd, const char *s)
{
	struct ztj_rd t = *rd;
	struct ztj_view v;
	int r = ztj_rd_string(&t, SIZE_MAX, &v);

	if (r != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(v, s))
		return ZTJ_BAD_ENCODING;
	*rd = t;
	return ZTJ_OK;
}

int ztj_rd_mpint(struct ztj_rd *rd, size_t max, struct ztj_view *out)
{
	struct ztj_rd t = *rd;
	struct ztj_view v;
	int r;

	*out = ztj_view_of(NULL, 0);
	if (max >= UINT32_MAX)
		return ZTJ_INTERNAL;
	if ((r = ztj_rd_string(&t, max + 1, &v)) != ZTJ_OK)
		return r;
	if (v.n == 0 || (v.p[0] & 0x80) != 0) /* zero or negative */
		return ZTJ_BAD_ENCODING;
	if (v.p[0] == 0) {
		if (v.n == 1 || (v.p[1] & 0x80) == 0)
			return ZTJ_BAD_ENCODING;
		v = ztj_view_after(v, 1);
	}
	if (v.n > max)
		return ZTJ_TOO_LARGE;
	*out = v;
	*rd = t;
	return ZTJ_OK;
}

int ztj_rd_end(const struct ztj_rd *rd)
{
	return rd->left.n == 0 ? ZTJ_OK : ZTJ_TRAILING;
}

/* ---- writer ---- */

void ztj_buf_init(struct ztj_buf *b, size_t max)
{
	*b = (struct ztj_buf){ .max = max, .err = ZTJ_OK };
}

void ztj_buf_free(struct ztj_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	ztj_buf_init(b, b->max);
}

void ztj_buf_reset(struct ztj_buf *b)
{
	b->n = 0;
	b->err = ZTJ_OK;
}

int ztj_buf_status(const struct ztj_buf *b)
{
	return b->err;
}

struct ztj_view ztj_buf_view(const struct ztj_buf *b)
{
	/* a caller who forgot the status sees nothing rather than half of it */
	return b->err == ZTJ_OK ? ztj_view_of(b->p, b->n) : ztj_view_of(NULL, 0);
}

static int fail(struct ztj_buf *b, int err)
{
	b->err = err;
	return err;
}

/* Room for n more bytes and a NUL. No realloc: it would leave secrets behind. */
static int reserve(struct ztj_buf *b, size_t n)
{
	size_t cap = b->cap;
	uint8_t *p;

	if (b->err != ZTJ_OK)
		return b->err;
	if (b->max >= SIZE_MAX / 2 || b->n > b->max || n > b->max - b->n)
		return fail(b, ZTJ_TOO_LARGE);
	if (cap > b->n + n)
		return ZTJ_OK;
	cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
	if (cap < 64)
		cap = 64;
	if (cap <= b->n + n)
		cap = b->n + n + 1;
	if ((p = malloc(cap)) == NULL)
		return fail(b, ZTJ_NOMEM);
	if (b->p != NULL) {
		memcpy(p, b->p, b->n);
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return ZTJ_OK;
}

int ztj_buf_put(struct ztj_buf *b, const void *p, size_t n)
{
	int r = reserve(b, n);

	if (r != ZTJ_OK)
		return r;
	if (n != 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return ZTJ_OK;
}

static int put_uint(struct ztj_buf *b, uint64_t v, size_t width)
{
	uint8_t be[8];

	for (size_t i = 0; i < width; i++)
		be[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
	return ztj_buf_put(b, be, width);
}

int ztj_buf_put_u8(struct ztj_buf *b, uint8_t v)
{
	return put_uint(b, v, 1);
}

int ztj_buf_put_u32(struct ztj_buf *b, uint32_t v)
{
	return put_uint(b, v, 4);
}

int ztj_buf_put_u64(struct ztj_buf *b, uint64_t v)
{
	return put_uint(b, v, 8);
}

int ztj_buf_put_string(struct ztj_buf *b, const void *p, size_t n)
{
	if (b->err == ZTJ_OK && n > UINT32_MAX)
		return fail(b, ZTJ_TOO_LARGE);
	(void)ztj_buf_put_u32(b, (uint32_t)n);
	return ztj_buf_put(b, p, n);
}

int ztj_buf_put_view(struct ztj_buf *b, struct ztj_view v)
{
	return ztj_buf_put_string(b, v.p, v.n);
}

int ztj_buf_put_cstring(struct ztj_buf *b, const char *s)
{
	return ztj_buf_put_string(b, s, strlen(s));
}

int ztj_buf_put_mpint(struct ztj_buf *b, const uint8_t *p, size_t n)
{
	bool pad;

	while (n > 0 && p[0] == 0) {
		p++;
		n--;
	}
	pad = n > 0 && (p[0] & 0x80) != 0;
	if (b->err == ZTJ_OK && n >= UINT32_MAX)
		return fail(b, ZTJ_TOO_LARGE);
	(void)ztj_buf_put_u32(b, (uint32_t)(n + (pad ? 1 : 0)));
	if (pad)
		(void)ztj_buf_put_u8(b, 0);
	return ztj_buf_put(b, p, n);
}

int ztj_buf_puts(struct ztj_buf *b, const char *s)
{
	return ztj_buf_put(b, s, strlen(s));
}

int ztj_buf_printf(struct ztj_buf *b, const char *fmt, ...)
{
	va_list ap;
	int len, r;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (b->err == ZTJ_OK && len < 0)
		return fail(b, ZTJ_INTERNAL);
	if ((r = reserve(b, (size_t)len)) != ZTJ_OK)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->p + b->n, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)len;
	return ZTJ_OK;
}

const char *ztj_buf_str(struct ztj_buf *b)
{
	if (reserve(b, 0) != ZTJ_OK)
		return NULL;
	b->p[b->n] = '\0';
	return (const char *)b->p;
}
