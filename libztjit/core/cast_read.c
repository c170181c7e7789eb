/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Reading the text of a record back, to the byte. */
#include "libztjit/core/cast.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/cast_int.h"
#include "libztjit/core/text.h"

enum {
	/* text that waits: the end of one chunk and the whole of the next, twice over */
	READER_MAX = 4 << 20,
	HEADER_MAX = 64 * 1024,
	PREFIX_DIGITS = 19 /* of microseconds in an int64_t */
};

struct ztj_cast_reader {
	struct ztj_buf text; /* whole lines */
	size_t at;           /* of them taken */
	struct ztj_buf header;
	struct ztj_buf string; /* of the event given last */
	struct ztj_buf bytes;  /* the same with its z */
	uint64_t us;
	int err; /* once wrong, always wrong */
};

int ztj_cast_reader_new(struct ztj_cast_reader **out)
{
	struct ztj_cast_reader *r = calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&r->text, READER_MAX);
	ztj_buf_init(&r->header, HEADER_MAX);
	ztj_buf_init(&r->string, READER_MAX);
	ztj_buf_init(&r->bytes, READER_MAX);
	return ZTJ_OK;
}

void ztj_cast_reader_free(struct ztj_cast_reader *r)
{
	if (r == NULL)
		return;
	ztj_buf_free(&r->text);
	ztj_buf_free(&r->header);
	ztj_buf_free(&r->string);
	ztj_buf_free(&r->bytes);
	free(r);
}

struct ztj_view ztj_cast_reader_header(const struct ztj_cast_reader *r)
{
	return ztj_buf_view(&r->header);
}

/* The line that begins at `at`, without its LF; false when there is none. */
static bool line_at(const struct ztj_cast_reader *r, size_t at, struct ztj_view *line)
{
	const uint8_t *from, *end;

	*line = ztj_view_of(NULL, 0);
	if (at >= r->text.n)
		return false;
	from = r->text.p + at;
	end = memchr(from, '\n', r->text.n - at);
	if (end == NULL)
		return false;
	*line = ztj_view_of(from, (size_t)(end - from));
	return true;
}

/* The first line: an object that says it is asciicast v2. */
static int take_header(struct ztj_cast_reader *r)
{
	struct ztj_view line;
	json_t *obj;
	bool ok;

	if (!line_at(r, 0, &line))
		return ZTJ_OK;
	if (line.n == 0 || line.n > HEADER_MAX)
		return line.n == 0 ? ZTJ_BAD_JSON : ZTJ_TOO_LARGE;
	obj = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	ok = json_is_object(obj) && json_integer_value(json_object_get(obj, "version")) == 2;
	json_decref(obj);
	if (!ok)
		return ZTJ_BAD_JSON;
	r->at = line.n + 1;
	return ztj_buf_put(&r->header, line.p, line.n);
}

int ztj_cast_reader_add(struct ztj_cast_reader *r, struct ztj_view text)
{
	if (r->err != ZTJ_OK || text.n == 0)
		return r->err;
	if (text.p[text.n - 1] != '\n')
		return r->err = ZTJ_BAD_JSON;
	if (r->at > 0) {
		memmove(r->text.p, r->text.p + r->at, r->text.n - r->at);
		r->text.n -= r->at;
		r->at = 0;
	}
	if (text.n > READER_MAX - r->text.n)
		return r->err = ZTJ_TOO_LARGE;
	r->err = ztj_buf_put(&r->text, text.p, text.n);
	if (r->err == ZTJ_OK && r->header.n == 0)
		r->err = take_header(r);
	return r->err;
}

/* A line of ours: [SECONDS.MICROS, "C", STRING] */
struct cast_line {
	uint64_t us;
	char code;
	struct ztj_view string; /* with its quotes */
};

static bool digit(const struct ztj_view *v, size_t i)
{
	return i < v->n && v->p[i] >= '0' && v->p[i] <= '9';
}

/* "12.345678" at i; moves i past it. The number parser wants no zeros before, and gets none. */
static bool read_us(const struct ztj_view *v, size_t *i, uint64_t *us)
{
	char digits[PREFIX_DIGITS + 1];
	size_t n = 0, whole, skip;
	int64_t value;

	while (digit(v, *i) && n < PREFIX_DIGITS - 6)
		digits[n++] = (char)v->p[(*i)++];
	whole = n;
	if (whole == 0 || (whole > 1 && digits[0] == '0') || *i >= v->n || v->p[(*i)++] != '.')
		return false;
	while (digit(v, *i) && n < whole + 6)
		digits[n++] = (char)v->p[(*i)++];
	digits[n] = '\0';
	skip = strspn(digits, "0");
	if (n != whole + 6 || ztj_parse_int(skip == n ? "0" : digits + skip, 0, INT64_MAX, &value) != ZTJ_OK)
		return false;
	*us = (uint64_t)value;
	return true;
}

static bool read_prefix(struct ztj_view v, struct cast_line *l)
{
	size_t i = 1;

	if (v.n == 0 || v.p[0] != '[' || !read_us(&v, &i, &l->us))
		return false;
	if (v.n - i < 10 || memcmp(v.p + i, ", \"", 3) != 0 || memcmp(v.p + i + 4, "\", ", 3) != 0)
		return false;
	l->code = (char)v.p[i + 3];
	l->string = ztj_view_of(v.p + i + 7, v.n - i - 8);
	return v.p[v.n - 1] == ']' && l->string.p[0] == '"';
}

static int read_string(const struct cast_line *l, struct ztj_buf *out)
{
	json_t *v;
	int r = ZTJ_BAD_JSON;

	ztj_buf_reset(out);
	if (ztj_cast_unescape(l->string, out))
		return ztj_buf_status(out);
	/* a form that we never write, or no string at all: JSON's own reader decides */
	ztj_buf_reset(out);
	v = json_loadb((const char *)l->string.p, l->string.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (json_is_string(v))
		r = ztj_buf_put(out, json_string_value(v), json_string_length(v));
	json_decref(v);
	return r;
}

static bool is_fffd(struct ztj_view v, size_t i)
{
	return v.n - i >= 3 && v.p[i] == 0xef && v.p[i + 1] == 0xbf && v.p[i + 2] == 0xbd;
}

/* Puts the bytes of z back in the places of U+FFFD; all must be used. */
static int restore(struct ztj_view text, struct ztj_view z, struct ztj_buf *out)
{
	size_t n = 0, used = 0;
	int r;

	ztj_buf_reset(out);
	r = ztj_buf_put(out, text.p, text.n); /* the result is shorter */
	if (r != ZTJ_OK)
		return r;
	for (size_t i = 0; i < text.n;) {
		if (!is_fffd(text, i)) {
			out->p[n++] = text.p[i++];
			continue;
		}
		if (used == z.n)
			return ZTJ_BAD_ENCODING;
		out->p[n++] = z.p[used++];
		i += 3;
	}
	out->n = n;
	return used == z.n && z.n > 0 ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

static int join_z(struct ztj_cast_reader *r, const struct cast_line *l, struct ztj_cast_event *out)
{
	struct ztj_buf text, z;
	int err;

	ztj_buf_init(&text, READER_MAX);
	ztj_buf_init(&z, READER_MAX);
	err = read_string(l, &text);
	if (err == ZTJ_OK)
		err = ztj_b64_decode(ztj_buf_view(&text), &z);
	if (err == ZTJ_OK)
		err = restore(out->bytes, ztj_buf_view(&z), &r->bytes);
	out->bytes = ztj_buf_view(&r->bytes);
	ztj_buf_free(&text);
	ztj_buf_free(&z);
	return err;
}

static int read_event(struct ztj_cast_reader *r, struct ztj_view line, struct ztj_cast_event *out)
{
	struct cast_line l, after;
	struct ztj_view next;
	int err;

	if (!read_prefix(line, &l))
		return ZTJ_BAD_JSON;
	if (l.code == 'z') /* it belongs to no event */
		return ZTJ_BAD_ENCODING;
	err = read_string(&l, &r->string);
	if (err != ZTJ_OK)
		return err;
	r->at += line.n + 1;
	/* a clock that went back is no reason to hide the rest from an auditor */
	r->us = l.us > r->us ? l.us : r->us;
	out->us = r->us;
	out->code = l.code;
	out->bytes = ztj_buf_view(&r->string);
	if (line_at(r, r->at, &next) && read_prefix(next, &after) && after.code == 'z') {
		r->at += next.n + 1;
		err = join_z(r, &after, out);
	}
	return err;
}

int ztj_cast_reader_next(struct ztj_cast_reader *r, bool end, struct ztj_cast_event *out)
{
	struct ztj_view line;
	int err;

	memset(out, 0, sizeof(*out));
	if (r->err != ZTJ_OK)
		return r->err;
	if (!line_at(r, r->at, &line))
		return ZTJ_NOT_FOUND;
	if (!end && r->at + line.n + 1 == r->text.n)
		return ZTJ_NOT_FOUND; /* its z may be the next line */
	err = read_event(r, line, out);
	if (err != ZTJ_OK) {
		memset(out, 0, sizeof(*out));
		r->err = err;
	}
	return err;
}
