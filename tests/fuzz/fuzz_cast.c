/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The text of a record: any text read (first byte 0), and what is read written and read again; any bytes written in pieces of
 * the first byte's size, and read again.
 */
#include <jansson.h>
#include <string.h>

#include "libztjit/core/cast.h"
#include "libztjit/core/cast_int.h"
#include "tests/fuzz/fuzz.h"

static const char header[] = "{\"version\":2}\n";

/* Reads a text of whole lines; gives all bytes, and writes every event again. */
static int read_all(struct ztj_view text, struct ztj_buf *bytes, struct ztj_buf *again)
{
	struct ztj_cast_reader *r;
	struct ztj_cast_event e;
	uint32_t events = 0;
	int err;

	MUST(ztj_cast_reader_new(&r) == ZTJ_OK);
	err = ztj_cast_reader_add(r, text);
	while (err == ZTJ_OK) {
		err = ztj_cast_reader_next(r, true, &e);
		if (err != ZTJ_OK)
			break;
		MUST(ztj_buf_put(bytes, e.bytes.p, e.bytes.n) == ZTJ_OK);
		/* a code that no event may have is read, for players, but never written */
		if (ztj_cast_event_put(e.us, e.code, e.bytes, NULL, again, &events) != ZTJ_OK)
			err = ZTJ_LIMIT;
	}
	ztj_cast_reader_free(r);
	return err;
}

static void any_text(struct ztj_view text)
{
	struct ztj_buf bytes, again, same, third;

	ztj_buf_init(&bytes, 8 << 20);
	ztj_buf_init(&again, 8 << 20);
	ztj_buf_init(&same, 8 << 20);
	ztj_buf_init(&third, 8 << 20);
	MUST(ztj_buf_puts(&again, header) == ZTJ_OK);
	if (read_all(text, &bytes, &again) == ZTJ_NOT_FOUND) {
		MUST(read_all(ztj_buf_view(&again), &same, &third) == ZTJ_NOT_FOUND);
		MUST(ztj_view_eq(ztj_buf_view(&same), ztj_buf_view(&bytes)));
	}
	ztj_buf_free(&bytes);
	ztj_buf_free(&again);
	ztj_buf_free(&same);
	ztj_buf_free(&third);
}

/* What our own way of reading strings takes, JSON's reader takes as the same. */
static void any_string(struct ztj_view text)
{
	struct ztj_buf out;
	json_t *v;

	ztj_buf_init(&out, 8 << 20);
	if (ztj_cast_unescape(text, &out)) {
		v = json_loadb((const char *)text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		MUST(json_is_string(v));
		MUST(ztj_view_eq(ztj_buf_view(&out),
		    ztj_view_of(json_string_value(v), json_string_length(v))));
		json_decref(v);
	}
	ztj_buf_free(&out);
}

static void any_bytes(struct ztj_view v, size_t piece)
{
	struct ztj_cast_tail tail = { 0 };
	struct ztj_buf text, bytes, again;
	uint32_t events = 0, lines = 0;

	ztj_buf_init(&text, 8 << 20);
	ztj_buf_init(&bytes, 8 << 20);
	ztj_buf_init(&again, 8 << 20);
	MUST(ztj_buf_puts(&text, header) == ZTJ_OK);
	for (size_t i = 0; i < v.n; i += piece)
		MUST(ztj_cast_event_put(i, 'o', ztj_view_of(v.p + i, v.n - i < piece ? v.n - i : piece),
			 &tail, &text, &events) == ZTJ_OK);
	MUST(ztj_cast_tail_put(v.n, 'o', &tail, &text, &events) == ZTJ_OK);
	for (size_t i = sizeof(header) - 1; i < text.n; i++)
		lines += text.p[i] == '\n' ? 1 : 0;
	MUST(lines == events);
	MUST(read_all(ztj_buf_view(&text), &bytes, &again) == ZTJ_NOT_FOUND);
	MUST(ztj_view_eq(ztj_buf_view(&bytes), v));
	ztj_buf_free(&text);
	ztj_buf_free(&bytes);
	ztj_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view v;

	if (size == 0 || size > 65536)
		return 0;
	v = ztj_view_of(data + 1, size - 1);
	if (data[0] == 0)
		any_text(v);
	else if (data[0] == 1)
		any_string(v);
	else
		any_bytes(v, data[0]);
	return 0;
}
