/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A scan as JSON. Every text in it is escaped: file names are bytes, and JSON has only characters. */
#include "ztjit/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/ztime.h"

static json_t *escaped(const char *text)
{
	json_t *o = NULL;
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	if (ztj_text_escape(ztj_view_str(text), &b) == ZTJ_OK && ztj_buf_str(&b) != NULL)
		o = json_string(ztj_buf_str(&b));
	ztj_buf_free(&b);
	return o;
}

static json_t *at(int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

void scan_count(const struct scan *s, struct scan_counts *out)
{
	*out = (struct scan_counts){ .missed = s->nproblems };
	for (size_t i = 0; i < s->n; i++)
		switch (s->entry[i].state) {
		case SCAN_STANDING:
			out->standing++;
			break;
		case SCAN_ACCEPTED:
			out->accepted++;
			break;
		case SCAN_EXPIRED:
			out->expired++;
			break;
		}
}

static json_t *row(const struct scan_entry *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o?}", "fingerprint", e->finger, "kind", e->kind, "risk",
	    scan_risk_name(e->risk), "object", escaped(e->object));

	if (o == NULL)
		return NULL;
	if (e->line > 0)
		(void)json_object_set_new(o, "line", json_integer(e->line));
	(void)json_object_set_new(o, "owner", escaped(e->owner));
	(void)json_object_set_new(o, "state", json_string(scan_state_name(e->state)));
	(void)json_object_set_new(o, "what", escaped(e->what));
	(void)json_object_set_new(o, "remove", json_string(e->remove));
	if (e->reason != NULL) {
		(void)json_object_set_new(o, "reason", json_string(e->reason));
		(void)json_object_set_new(o, "until", at(e->until));
	}
	return o;
}

/* What stands, by kind or risk; accepted rows are not in it. */
static json_t *tally(const struct scan *s, bool by_kind)
{
	json_t *o = json_object();

	for (size_t i = 0; o != NULL && i < s->n; i++) {
		const char *name = by_kind ? s->entry[i].kind : scan_risk_name(s->entry[i].risk);

		if (s->entry[i].state != SCAN_ACCEPTED)
			(void)json_object_set_new(o, name,
			    json_integer(json_integer_value(json_object_get(o, name)) + 1));
	}
	return o;
}

static json_t *rows_of(const struct scan *s, const char *kind, size_t most, size_t *left_out)
{
	json_t *list = json_array();

	*left_out = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (kind != NULL && strcmp(kind, s->entry[i].kind) != 0)
			continue;
		if (json_array_size(list) < most)
			(void)json_array_append_new(list, row(&s->entry[i]));
		else
			(*left_out)++;
	}
	return list;
}

json_t *scan_json(const struct scan *s, const char *kind, size_t rows)
{
	struct scan_counts c;
	json_t *problems = json_array(), *list, *o;
	size_t left_out;

	scan_count(s, &c);
	for (size_t i = 0; i < s->nproblems && i < rows; i++)
		(void)json_array_append_new(problems, json_string(s->problem[i]));
	list = rows_of(s, kind, rows, &left_out);
	o = json_pack("{s:o?, s:I, s:I, s:I, s:I, s:o?, s:o?, s:o?, s:o?}", "time", at(s->now), "standing",
	    (json_int_t)c.standing, "accepted", (json_int_t)c.accepted, "expired", (json_int_t)c.expired,
	    "missed", (json_int_t)c.missed, "risks", tally(s, false), "kinds", tally(s, true), "problems",
	    problems, "entries", list);
	if (o != NULL && left_out > 0)
		(void)json_object_set_new(o, "left_out", json_integer((json_int_t)left_out));
	return o;
}

int scan_summary(const struct scan *s, size_t max, struct ztj_buf *out)
{
	/* rows vary in length: fewer and fewer until it fits */
	for (size_t rows = 200;; rows /= 2) {
		json_t *o = scan_json(s, NULL, rows);
		char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
		int r = text == NULL      ? ZTJ_NOMEM
		    : strlen(text) <= max ? ztj_buf_puts(out, text)
					  : ZTJ_TOO_LARGE;

		json_decref(o);
		free(text);
		if (r != ZTJ_TOO_LARGE || rows == 0)
			return r;
	}
}
