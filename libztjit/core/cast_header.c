/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The first line of a record: one a session, so a JSON library may write it. */
#include <string.h>

#include "libztjit/core/cast.h"
#include "libztjit/core/cast_int.h"
#include "libztjit/core/jsonin.h"

/* A text as JSON can say it: U+FFFD for each byte that is not UTF-8. NULL when memory ends. */
static json_t *clean_string(const char *s)
{
	struct ztj_view v = ztj_view_str(s == NULL ? "" : s);
	struct ztj_buf b;
	json_t *text = NULL;

	ztj_buf_init(&b, 3 * v.n + 1);
	for (size_t i = 0; i < v.n;) {
		int len = ztj_cast_utf8(v.p + i, v.n - i);

		(void)ztj_buf_put(&b, len > 0 ? v.p + i : (const uint8_t *)"\xef\xbf\xbd",
		    len > 0 ? (size_t)len : 3);
		i += len > 0 ? (size_t)len : 1;
	}
	if (ztj_buf_status(&b) == ZTJ_OK)
		text = json_stringn(b.n == 0 ? "" : (const char *)b.p, b.n);
	ztj_buf_free(&b);
	return text;
}

static bool set(json_t *obj, const char *name, json_t *v)
{
	return v != NULL && json_object_set_new(obj, name, v) == 0;
}

static json_t *header_env(const struct ztj_cast_header *h)
{
	json_t *obj = json_object();

	if (set(obj, "TERM", clean_string(h->term)) && set(obj, "SHELL", clean_string(h->shell)))
		return obj;
	json_decref(obj);
	return NULL;
}

static json_t *header_ours(const struct ztj_cast_header *h)
{
	const struct {
		const char *name, *value;
	} texts[] = { { "session", h->session }, { "host", h->host }, { "person", h->person },
		{ "account", h->account }, { "service", h->service }, { "role", h->role },
		{ "grant", h->grant }, { "peer", h->peer } };
	json_t *obj = json_object();
	bool ok = set(obj, "v", json_integer(1));

	for (size_t i = 0; ok && i < sizeof(texts) / sizeof(texts[0]); i++)
		ok = set(obj, texts[i].name, clean_string(texts[i].value));
	if (ok && set(obj, "tty", json_boolean(h->tty)) && set(obj, "input", json_boolean(h->input)))
		return obj;
	json_decref(obj);
	return NULL;
}

int ztj_cast_header_put(const struct ztj_cast_header *h, struct ztj_buf *out)
{
	json_t *obj = json_object();
	int r;
	bool ok = set(obj, "version", json_integer(2)) && set(obj, "width", json_integer(h->width)) &&
	    set(obj, "height", json_integer(h->height)) &&
	    set(obj, "timestamp", json_integer(h->timestamp)) && set(obj, "env", header_env(h));

	if (ok && h->command != NULL && h->command[0] != '\0')
		ok = set(obj, "command", clean_string(h->command));
	if (!ok || !set(obj, "ztjit", header_ours(h))) {
		json_decref(obj);
		obj = NULL;
	}
	r = ztj_json_dump(obj, out);
	return r == ZTJ_OK ? ztj_buf_puts(out, "\n") : r;
}
