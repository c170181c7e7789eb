/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/jsonin.h"

#include <string.h>

#include "libztjit/core/text.h"

/* Skips a string; *i stands on its opening quote and ends on the closing one. */
static int scan_string(struct ztj_view in, unsigned flags, size_t *i)
{
	for ((*i)++; *i < in.n; (*i)++) {
		if (in.p[*i] == '"')
			return ZTJ_OK;
		if (in.p[*i] == '\\') {
			if ((flags & ZTJ_JSON_CANONICAL) != 0)
				return ZTJ_BAD_JSON;
			(*i)++;
		}
	}
	return ZTJ_TRUNCATED;
}

/*
 * What must be known before jansson recurses over the bytes: how deep they go,
 * where the object ends, how much it holds, and that no number has a sign. Grammar is jansson's.
 */
static int scan(struct ztj_view in, unsigned flags)
{
	unsigned depth = 0;
	size_t i, items = 0;
	int r;

	if (in.n == 0)
		return ZTJ_TRUNCATED;
	if (in.p[0] != '{')
		return ZTJ_BAD_JSON;
	for (i = 0; i < in.n; i++) {
		switch (in.p[i]) {
		case '{':
		case '[':
			if (++depth > ZTJ_JSON_DEPTH)
				return ZTJ_BAD_JSON;
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '"':
			r = scan_string(in, flags, &i);
			if (r != ZTJ_OK)
				return r;
			break;
		case ',': /* two bytes of text become a hundred of memory */
			if (++items > ZTJ_JSON_ITEMS_MAX)
				return ZTJ_TOO_LARGE;
			break;
		case '-':
			return ZTJ_BAD_JSON;
		case ' ':
		case '\n':
		case '\r':
		case '\t':
			if ((flags & ZTJ_JSON_CANONICAL) != 0)
				return ZTJ_BAD_JSON;
			break;
		default:
			break;
		}
		if (depth == 0)
			break;
	}
	if (depth != 0)
		return ZTJ_TRUNCATED;
	for (i++; i < in.n; i++)
		if ((in.p[i] != ' ' && in.p[i] != '\n') || (flags & ZTJ_JSON_CANONICAL) != 0)
			return ZTJ_TRAILING;
	return ZTJ_OK;
}

static bool text_ok(const char *s, size_t n, unsigned flags)
{
	const char *lf;

	while ((flags & ZTJ_JSON_LINES) != 0 && (lf = memchr(s, '\n', n)) != NULL) {
		size_t line = (size_t)(lf - s);

		if (!ztj_text_ok(ztj_view_of(s, line)))
			return false;
		s = lf + 1;
		n -= line + 1;
	}
	return ztj_text_ok(ztj_view_of(s, n));
}

/* Every string and member name, at a depth that scan() has bounded. */
static bool texts_ok(json_t *v, unsigned flags)
{
	if (json_is_string(v))
		return text_ok(json_string_value(v), json_string_length(v), flags);
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++)
			if (!texts_ok(json_array_get(v, i), flags))
				return false;
	} else if (json_is_object(v)) {
		for (void *it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it)) {
			const char *key = json_object_iter_key(it);

			if (!text_ok(key, strlen(key), 0) || !texts_ok(json_object_iter_value(it), flags))
				return false;
		}
	}
	return true;
}

static int load_error(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_out_of_memory:
		return ZTJ_NOMEM;
	case json_error_invalid_utf8:
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return ZTJ_BAD_TEXT;
	case json_error_unknown:
	case json_error_stack_overflow:
	case json_error_cannot_open_file:
	case json_error_invalid_argument:
	case json_error_premature_end_of_input:
	case json_error_end_of_input_expected:
	case json_error_invalid_syntax:
	case json_error_invalid_format:
	case json_error_wrong_type:
	case json_error_null_value:
	case json_error_duplicate_key:
	case json_error_numeric_overflow:
	case json_error_item_not_found:
	case json_error_index_out_of_range:
	default:
		return ZTJ_BAD_JSON;
	}
}

int ztj_json_load(struct ztj_view in, size_t max, unsigned flags, json_t **out)
{
	json_error_t e;
	int r;

	*out = NULL;
	if (in.n > max)
		return ZTJ_TOO_LARGE;
	r = scan(in, flags);
	if (r != ZTJ_OK)
		return r;
	*out = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES, &e);
	if (*out == NULL)
		return load_error(&e);
	if (!json_is_object(*out))
		r = ZTJ_BAD_JSON;
	else if ((flags & ZTJ_JSON_CANONICAL) != 0 ? !ztj_text_ok(in) : !texts_ok(*out, flags))
		r = ZTJ_BAD_TEXT; /* canonical: no escapes, so the bytes are the texts */
	if (r != ZTJ_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}

int ztj_json_members(json_t *obj, const struct ztj_jtable *t, ztj_json_read *read, void *ctx)
{
	uint64_t seen = 0;
	size_t next = 0;

	if (!json_is_object(obj))
		return ZTJ_MEMBER_TYPE;
	if (t->n > 64)
		return ZTJ_INTERNAL;
	for (void *it = json_object_iter(obj); it != NULL; it = json_object_iter_next(obj, it)) {
		const char *key = json_object_iter_key(it);
		size_t i;
		int r;

		for (i = 0; i < t->n && strcmp(t->member[i].name, key) != 0; i++)
			;
		if (i == t->n)
			return ZTJ_MEMBER_UNKNOWN;
		if (t->ordered && i < next)
			return ZTJ_BAD_JSON;
		next = i;
		seen |= UINT64_C(1) << i;
		r = read(&t->member[i], json_object_iter_value(it), ctx);
		if (r != ZTJ_OK)
			return r;
	}
	for (size_t i = 0; i < t->n; i++)
		if (!t->member[i].optional && (seen >> i & 1) == 0)
			return ZTJ_MEMBER_MISSING;
	return ZTJ_OK;
}

int ztj_json_int(const json_t *v, int64_t min, int64_t max, int64_t *out)
{
	*out = 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return ZTJ_MEMBER_TYPE;
	*out = json_integer_value(v);
	return ZTJ_OK;
}

int ztj_json_text(const json_t *v, size_t min, size_t max, const char **out)
{
	*out = "";
	if (!json_is_string(v) || json_string_length(v) < min || json_string_length(v) > max)
		return ZTJ_MEMBER_TYPE;
	*out = json_string_value(v);
	return ZTJ_OK;
}

int ztj_json_digest(const json_t *v, uint8_t out[ZTJ_DIGEST_LEN])
{
	const char *s;
	int r = ztj_json_text(v, ZTJ_HEX_SIZE - 1, ZTJ_HEX_SIZE - 1, &s);

	memset(out, 0, ZTJ_DIGEST_LEN);
	if (r != ZTJ_OK)
		return r;
	return ztj_unhex(ztj_view_str(s), out, ZTJ_DIGEST_LEN) == ZTJ_OK ? ZTJ_OK : ZTJ_MEMBER_TYPE;
}

int ztj_json_b64(const json_t *v, size_t min, size_t max, const char **out)
{
	struct ztj_buf b;
	int r = ztj_json_text(v, min, max, out);

	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&b, max);
	r = ztj_b64_decode(ztj_view_str(*out), &b);
	ztj_buf_free(&b);
	if (r != ZTJ_OK)
		*out = "";
	return r;
}

static int dump_chunk(const char *p, size_t n, void *arg)
{
	return ztj_buf_put(arg, p, n) == ZTJ_OK ? 0 : -1;
}

int ztj_json_dump(json_t *obj, struct ztj_buf *out)
{
	int r = ZTJ_NOMEM;

	if (obj == NULL)
		return r;
	if (json_dump_callback(obj, dump_chunk, out, JSON_COMPACT) == 0)
		r = ZTJ_OK;
	else if (ztj_buf_status(out) != ZTJ_OK)
		r = ztj_buf_status(out);
	json_decref(obj);
	return r;
}
