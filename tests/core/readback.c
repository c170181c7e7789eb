/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/readback.h"

#include <string.h>

struct reader {
	const char *p, *end;
	json_t *out;
	bool bad;
};

static struct reader begin(struct ztj_view v)
{
	struct reader r = { (const char *)v.p, (const char *)v.p + v.n, json_object(), false };
	for (size_t i = 0; i < v.n; i++)
		r.bad = r.bad || (v.p[i] < ' ' && v.p[i] != '\r' && v.p[i] != '\n') || v.p[i] == 0x7f;
	return r;
}

static json_t *end(struct reader *r)
{
	if (!r->bad)
		return r->out;
	json_decref(r->out);
	return NULL;
}

static bool take(struct reader *r, const char *text)
{
	size_t n = strlen(text);
	bool same = (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0;
	if (same)
		r->p += n;
	r->bad = r->bad || !same;
	return same;
}

/* Twice the same name is a field that was slipped in. */
static void set(struct reader *r, const char *name, size_t nlen, struct ztj_buf *value)
{
	char key[80] = "";
	r->bad = r->bad || nlen == 0 || nlen >= sizeof(key);
	if (r->bad)
		return;
	memcpy(key, name, nlen);
	r->bad = json_object_get(r->out, key) != NULL ||
	    json_object_set_new(r->out, key,
		json_stringn(value->n > 0 ? (const char *)value->p : "", value->n)) != 0;
}

static void word(struct reader *r, const char *name, char until)
{
	struct ztj_buf b;
	ztj_buf_init(&b, 1024);
	while (r->p<r->end && * r->p != until && * r->p> ' ' && *r->p <= '~')
		(void)ztj_buf_put_u8(&b, (uint8_t)*r->p++);
	r->bad = r->bad || b.n == 0;
	set(r, name, strlen(name), &b);
	ztj_buf_free(&b);
}

static void quoted(struct reader *r, struct ztj_buf *value)
{
	while (r->p < r->end && *r->p != '"' && *r->p != ']') {
		if (*r->p == '\\' && r->p + 1 < r->end && strchr("\"\\]", r->p[1]) != NULL)
			r->p++;
		(void)ztj_buf_put_u8(value, (uint8_t)*r->p++);
	}
	(void)take(r, "\"");
}

static void parameter(struct reader *r)
{
	struct ztj_buf value;
	ztj_buf_init(&value, 1 << 20);
	const char *name = r->p;
	while (r->p < r->end && *r->p != '=' && *r->p > ' ' && *r->p != ']' && *r->p != '"')
		r->p++;
	size_t n = (size_t)(r->p - name);
	if (take(r, "=\""))
		quoted(r, &value);
	set(r, name, n, &value);
	ztj_buf_free(&value);
}

json_t *readback_syslog(struct ztj_view record)
{
	struct reader r = begin(record);
	struct ztj_buf msg;
	(void)take(&r, "<");
	word(&r, "PRI", '>');
	(void)take(&r, ">1 ");
	static const char *const names[] = { "TIMESTAMP", "HOSTNAME", "APP-NAME", "PROCID", "MSGID" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		word(&r, names[i], ' ');
		(void)take(&r, " ");
	}
	(void)take(&r, "[");
	word(&r, "SD-ID", ' ');
	while (!r.bad && r.p < r.end && *r.p == ' ') {
		r.p++;
		parameter(&r);
	}
	(void)take(&r, "]");
	if (!r.bad && r.p < r.end && take(&r, " ")) {
		ztj_buf_init(&msg, 1 << 20);
		(void)ztj_buf_put(&msg, r.p, (size_t)(r.end - r.p));
		set(&r, "MSG", 3, &msg);
		ztj_buf_free(&msg);
	}
	for (size_t i = 0; i < record.n; i++)
		r.bad = r.bad || record.p[i] < ' ';
	return end(&r);
}

static void header(struct reader *r, const char *name)
{
	struct ztj_buf b;
	ztj_buf_init(&b, 1 << 20);
	while (r->p < r->end && *r->p != '|') {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		(void)ztj_buf_put_u8(&b, (uint8_t)*r->p++);
	}
	(void)take(r, "|");
	set(r, name, strlen(name), &b);
	ztj_buf_free(&b);
}

/* Where a value ends: at the blank before the next KEY= whose "=" is not escaped, or with the record. */
static const char *value_end(const struct reader *r)
{
	const char *blank = NULL;
	for (const char *p = r->p; p < r->end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == ' ')
			blank = p;
		else if (*p == '=')
			return blank;
	}
	return r->end;
}

static void extension(struct reader *r)
{
	struct ztj_buf b;
	const char *key = r->p;
	while (r->p < r->end && *r->p != '=')
		r->p++;
	size_t n = (size_t)(r->p - key);
	if (!take(r, "="))
		return;
	const char *to = value_end(r);
	r->bad = r->bad || to == NULL;
	ztj_buf_init(&b, 1 << 20);
	while (!r->bad && r->p < to) {
		if (*r->p == '\\')
			r->p++;
		(void)ztj_buf_put_u8(&b, (uint8_t)*r->p++);
	}
	set(r, key, n, &b);
	ztj_buf_free(&b);
	if (!r->bad && r->p < r->end)
		(void)take(r, " ");
}

json_t *readback_cef(struct ztj_view record)
{
	static const char *const names[] = { "Vendor", "Product", "Version", "Signature", "Name",
		"Severity" };
	struct reader r = begin(record);
	(void)take(&r, "CEF:0|");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		header(&r, names[i]);
	while (!r.bad && r.p < r.end)
		extension(&r);
	for (size_t i = 0; i < record.n; i++)
		r.bad = r.bad || record.p[i] < ' ';
	return end(&r);
}

static void cell(struct reader *r, struct ztj_buf *out)
{
	bool quotes = r->p < r->end && *r->p == '"';
	if (quotes)
		r->p++;
	while (r->p < r->end) {
		if (quotes ? *r->p == '"' : strchr(",\r\n", *r->p) != NULL) {
			if (!quotes || r->p + 1 >= r->end || r->p[1] != '"')
				break;
			r->p++;
		}
		(void)ztj_buf_put_u8(out, (uint8_t)*r->p++);
	}
	if (quotes)
		(void)take(r, "\"");
}

json_t *readback_csv(struct ztj_view head, struct ztj_view record)
{
	struct reader names = begin(head), r = begin(record);
	struct ztj_buf name, value;
	const char *sep;
	ztj_buf_init(&name, 256);
	ztj_buf_init(&value, 1 << 20);
	do {
		ztj_buf_reset(&name);
		ztj_buf_reset(&value);
		cell(&names, &name);
		cell(&r, &value);
		sep = names.p < names.end && *names.p == ',' ? "," : "\r\n";
		(void)take(&names, sep);
		(void)take(&r, sep);
		set(&r, (const char *)name.p, name.n, &value);
	} while (!r.bad && !names.bad && sep[0] == ',');
	r.bad = r.bad || names.bad || r.p != r.end || names.p != names.end;
	json_decref(names.out);
	ztj_buf_free(&name);
	ztj_buf_free(&value);
	return end(&r);
}
