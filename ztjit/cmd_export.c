/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit sessions export and search: verified records as files, and text in them. */
#include "ztjit/commands.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/castsafe.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/sessions.h"

#define LINE_MAX_BYTES (1u * 1024u * 1024u)

/* ---- export ---- */

enum format { V2, V3, PLAIN, AS_JSON };

struct export
{
	struct cli *c;
	enum format format;
	FILE *f;
	uint64_t at;
	bool first;
	struct ztj_castsafe *safe; /* NULL: --raw */
	struct ztj_buf bytes;
};

static int put(struct export *x, const char *s, size_t n)
{
	if (n == 0 || fwrite(s, 1, n, x->f) == n)
		return ZTJ_OK;
	return cli_fail(x->c, ZTJ_IO, "writing failed: %s", strerror(errno));
}

/* --raw: the record's own text, to the byte. */
static int copy_text(struct export *x, struct rec *rec)
{
	struct ztj_chunk k;
	int r;

	ztj_buf_init(&x->bytes, ZTJ_CHUNK_TEXT_MAX);
	while ((r = rec_chunk(rec, &k)) == ZTJ_OK) {
		ztj_buf_reset(&x->bytes);
		if ((r = rec_text(rec, &k, &x->bytes)) != ZTJ_OK ||
		    (r = put(x, (const char *)x->bytes.p, x->bytes.n)) != ZTJ_OK)
			return r;
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* As players want text: what is not UTF-8 is replaced, as in a record. */
static json_t *text_of(struct ztj_view v)
{
	json_t *s = json_stringn(v.n > 0 ? (const char *)v.p : "", v.n), *event;
	struct ztj_buf line;
	uint32_t lines = 0;

	if (s != NULL)
		return s;
	ztj_buf_init(&line, 16 * v.n + 256);
	if (ztj_cast_event_put(0, 'o', v, NULL, &line, &lines) == ZTJ_OK) {
		event = json_loadb((const char *)line.p, line.n, JSON_DISABLE_EOF_CHECK, NULL);
		s = json_incref(json_array_get(event, 2));
		json_decref(event);
	}
	ztj_buf_free(&line);
	return s;
}

/* What an event puts out, made safe unless --raw. */
static int safe_bytes(struct export *x, const struct ztj_cast_event *e, struct ztj_view *out)
{
	int r;

	*out = e->bytes;
	if (x->safe == NULL || strchr("oOE", e->code) == NULL)
		return ZTJ_OK;
	ztj_buf_reset(&x->bytes);
	r = ztj_castsafe_put(x->safe, e->bytes, &x->bytes);
	*out = ztj_buf_view(&x->bytes);
	return r;
}

static int put_json(struct export *x, json_t *o, size_t flags)
{
	char *text = o == NULL ? NULL : json_dumps(o, flags | JSON_REAL_PRECISION(15));
	int r = text == NULL ? ZTJ_NOMEM : put(x, text, strlen(text));

	free(text);
	json_decref(o);
	return r;
}

/* The events that players of asciicast v2 know. */
static int put_v2(struct export *x, const struct ztj_cast_event *e, struct ztj_view v)
{
	char code[2] = { e->code, '\0' };
	int r;

	if (strchr("oirm", e->code) == NULL)
		return ZTJ_OK;
	r = put_json(x, json_pack("[f, s, o]", (double)e->us / 1e6, code, text_of(v)), JSON_COMPACT);
	return r == ZTJ_OK ? put(x, "\n", 1) : r;
}

/* asciicast v3: intervals, and the exit status as an event of its own. */
static int put_v3(struct export *x, const struct ztj_cast_event *e, struct ztj_view v)
{
	char code[2] = { e->code, '\0' }, status[24];
	json_t *data = NULL, *q;
	int r;

	if (e->code == 'q') {
		q = json_loadb((const char *)e->bytes.p, e->bytes.n, 0, NULL);
		(void)snprintf(status, sizeof status, "%lld",
		    (long long)(json_is_integer(json_object_get(q, "exit"))
			    ? json_integer_value(json_object_get(q, "exit"))
			    : 128 + json_integer_value(json_object_get(q, "signal"))));
		json_decref(q);
		code[0] = 'x';
		data = json_string(status);
	} else if (strchr("oirm", e->code) != NULL) {
		data = text_of(v);
	} else {
		return ZTJ_OK;
	}
	r = put_json(x, json_pack("[f, s, o]", (double)(e->us - x->at) / 1e6, code, data), JSON_COMPACT);
	x->at = e->us;
	return r == ZTJ_OK ? put(x, "\n", 1) : r;
}

static int put_event(const struct ztj_cast_event *e, void *arg)
{
	struct export *x = arg;
	char code[2] = { e->code, '\0' };
	struct ztj_view v;
	int r = safe_bytes(x, e, &v);

	if (r != ZTJ_OK)
		return r;
	switch (x->format) {
	case PLAIN:
		return strchr("oOE", e->code) != NULL ? put(x, (const char *)v.p, v.n) : ZTJ_OK;
	case V2:
		return put_v2(x, e, v);
	case V3:
		return put_v3(x, e, v);
	case AS_JSON:
		if ((r = put(x, x->first ? "\n" : ",\n", x->first ? 1 : 2)) != ZTJ_OK)
			return r;
		x->first = false;
		return put_json(x,
		    json_pack("{s:f, s:s, s:o}", "time", (double)e->us / 1e6, "code", code, "text",
			text_of(v)),
		    JSON_COMPACT);
	}
	return ZTJ_INTERNAL;
}

/* The header line, which is the first of the first chunk. */
static int header_of(struct rec *rec, json_t **out)
{
	struct ztj_chunk k;
	struct ztj_buf text;
	int r;

	*out = NULL;
	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	if ((r = rec_chunk(rec, &k)) == ZTJ_OK && (r = rec_text(rec, &k, &text)) == ZTJ_OK) {
		const uint8_t *eol = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;
		if (eol != NULL)
			*out = json_loadb((const char *)text.p, (size_t)(eol - text.p), 0, NULL);
		if (*out == NULL)
			r = cli_fail(rec->c, ZTJ_ALTERED, "%s: it has no header", rec->id);
	}
	if (r == ZTJ_NOT_FOUND)
		r = cli_fail(rec->c, ZTJ_NOT_FOUND, "%s: nothing is recorded yet", rec->id);
	ztj_buf_free(&text);
	rec_rewind(rec);
	return r;
}

static int begin_v3(struct export *x, json_t *h)
{
	json_t *out = json_pack("{s:i, s:{s:O, s:O}}", "version", 3, "term", "cols",
	    json_object_get(h, "width"), "rows", json_object_get(h, "height"));
	static const char *const same[] = { "timestamp", "command", "env", "ztjit" };
	int r;

	for (size_t i = 0; out != NULL && i < sizeof same / sizeof same[0]; i++)
		if (json_object_get(h, same[i]) != NULL)
			(void)json_object_set(out, same[i], json_object_get(h, same[i]));
	r = put_json(x, out, JSON_COMPACT);
	return r == ZTJ_OK ? put(x, "\n", 1) : r;
}

static int begin_format(struct export *x, struct rec *rec, json_t *header)
{
	int r;

	switch (x->format) {
	case V2:
		r = put_json(x, json_incref(header), JSON_COMPACT);
		return r == ZTJ_OK ? put(x, "\n", 1) : r;
	case V3:
		return begin_v3(x, header);
	case AS_JSON:
		if ((r = put(x, "{\"session\":", 11)) != ZTJ_OK ||
		    (r = put_json(x, json_incref(rec->about), JSON_COMPACT)) != ZTJ_OK ||
		    (r = put(x, ",\"header\":", 10)) != ZTJ_OK ||
		    (r = put_json(x, json_incref(header), JSON_COMPACT)) != ZTJ_OK)
			return r;
		return put(x, ",\"events\":[", 11);
	case PLAIN:
		break;
	}
	return ZTJ_OK;
}

static int end_format(struct export *x)
{
	int r = ZTJ_OK;

	if (x->format == PLAIN && x->safe != NULL) {
		ztj_buf_reset(&x->bytes);
		if ((r = ztj_castsafe_end(x->safe, &x->bytes)) == ZTJ_OK)
			r = put(x, (const char *)x->bytes.p, x->bytes.n);
	} else if (x->format == AS_JSON) {
		r = put(x, "]}\n", 3);
	}
	if (r == ZTJ_OK && fflush(x->f) != 0)
		r = cli_fail(x->c, ZTJ_IO, "writing failed: %s", strerror(errno));
	return r;
}

static int write_all(struct export *x, struct rec *rec)
{
	bool raw = cli_is_set(x->c, OPT_RAW);
	json_t *header = NULL;
	int r = header_of(rec, &header);

	x->first = true;
	if (r == ZTJ_OK && raw && x->format == V2) {
		r = copy_text(x, rec);
	} else if (r == ZTJ_OK) {
		ztj_buf_init(&x->bytes, 64 * ZTJ_CHUNK_TEXT_MAX);
		if (!raw)
			r = ztj_castsafe_new(x->format == PLAIN ? ZTJ_CASTSAFE_TEXT : ZTJ_CASTSAFE_REPLAY,
			    &x->safe);
		if (r == ZTJ_OK)
			r = begin_format(x, rec, header);
		if (r == ZTJ_OK)
			r = rec_events(rec, put_event, x);
	}
	if (r == ZTJ_OK)
		r = end_format(x);
	ztj_castsafe_free(x->safe);
	ztj_buf_free(&x->bytes);
	json_decref(header);
	return r;
}

static int format_of(struct cli *c, enum format *out)
{
	static const char *const names[] = { "asciicast-v2", "asciicast-v3", "text", "json" };
	const char *name = cli_opt(c, OPT_FORMAT);

	*out = V2;
	for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum format)i;
			return ZTJ_OK;
		}
	return name == NULL ? ZTJ_OK
			    : cli_fail(c, ZTJ_USAGE, "--format: asciicast-v2, asciicast-v3, text or json");
}

int cmd_sessions_export(struct cli *c)
{
	const char *path = cli_opt(c, OPT_OUTPUT);
	struct export x = { .c = c, .f = stdout };
	struct rec rec;
	int r;

	if ((r = format_of(c, &x.format)) != ZTJ_OK || (r = api_open_login(c)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	c->json = false; /* the record is the result */
	if ((r = rec_open(c, c->argv[0], &rec)) == ZTJ_OK &&
	    (r = rec_view(c, &rec.id, 1, ZTJ_VIEW_EXPORT)) == ZTJ_OK && (r = rec_verify(&rec)) == ZTJ_OK) {
		if (path != NULL && (x.f = fopen(path, "wxe")) == NULL)
			r = cli_fail(c, ZTJ_SYSTEM, "%s: %s", cli_esc(c, path), strerror(errno));
		if (r == ZTJ_OK)
			r = write_all(&x, &rec);
		if (path != NULL && x.f != NULL && fclose(x.f) != 0 && r == ZTJ_OK)
			r = cli_fail(c, ZTJ_IO, "%s: %s", cli_esc(c, path), strerror(errno));
	}
	rec_close(&rec);
	return r;
}

/* ---- search ---- */

struct search {
	struct cli *c;
	struct rec *rec;
	regex_t re;
	struct ztj_castsafe *plain;
	struct ztj_buf text;
	uint64_t line_us; /* of the line's first byte */
	size_t hits;
	json_t *found;
};

static int one_line(struct search *s, const char *line)
{
	char when[32];
	uint64_t sec = s->line_us / 1000000;

	if (regexec(&s->re, line, 0, NULL, 0) != 0)
		return ZTJ_OK;
	s->hits++;
	(void)snprintf(when, sizeof when, "%02llu:%02llu:%02llu", (unsigned long long)(sec / 3600),
	    (unsigned long long)(sec / 60 % 60), (unsigned long long)(sec % 60));
	out_say(s->c, "%s %s  %s", s->rec->id, when, cli_esc(s->c, line));
	json_t *text = text_of(ztj_view_str(line));
	return json_array_append_new(s->found,
		   json_pack("{s:s, s:f, s:o}", "session", s->rec->id, "time", (double)s->line_us / 1e6,
		       "text", text)) == 0
	    ? ZTJ_OK
	    : ZTJ_NOMEM;
}

static int lines(struct search *s, bool end)
{
	size_t from = 0;
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i <= s->text.n; i++) {
		if (i < s->text.n ? s->text.p[i] != '\n' : !end || i == from)
			continue;
		char *line = strndup((const char *)s->text.p + from, i - from);
		r = line == NULL ? ZTJ_NOMEM : one_line(s, line);
		free(line);
		from = i + 1;
	}
	if (from > s->text.n)
		from = s->text.n;
	/* A line without end is cut, not kept for ever. */
	if (s->text.n - from > LINE_MAX_BYTES / 2)
		from = s->text.n;
	memmove(s->text.p, s->text.p + from, s->text.n - from);
	s->text.n -= from;
	return r;
}

static int look_at(const struct ztj_cast_event *e, void *arg)
{
	struct search *s = arg;
	size_t before = s->text.n;
	int r;

	if (strchr("oOE", e->code) == NULL)
		return ZTJ_OK;
	if (before == 0)
		s->line_us = e->us;
	if ((r = ztj_castsafe_put(s->plain, e->bytes, &s->text)) != ZTJ_OK)
		return r;
	r = lines(s, false);
	if (s->text.n < before || s->text.n == 0)
		s->line_us = e->us;
	return r;
}

static int search_one(struct search *s, const char *id)
{
	struct rec rec;
	int r;

	if ((r = rec_open(s->c, id, &rec)) == ZTJ_OK && (r = rec_verify(&rec)) == ZTJ_OK &&
	    (r = ztj_castsafe_new(ZTJ_CASTSAFE_TEXT, &s->plain)) == ZTJ_OK) {
		s->rec = &rec;
		ztj_buf_init(&s->text, LINE_MAX_BYTES + 4 * ZTJ_CHUNK_TEXT_MAX);
		if ((r = rec_events(&rec, look_at, s)) == ZTJ_OK &&
		    (r = ztj_castsafe_end(s->plain, &s->text)) == ZTJ_OK)
			r = lines(s, true);
		ztj_buf_free(&s->text);
	}
	ztj_castsafe_free(s->plain);
	s->plain = NULL;
	rec_close(&rec);
	return r;
}

/* The ids named, or those the filters find. */
static int which(struct cli *c, const char **ids, size_t *n)
{
	json_t *list, *o;
	size_t i;
	int r;

	*n = 0;
	if (c->argc > 1) {
		for (int k = 1; k < c->argc; k++) {
			char *id = cli_keep(c, ZTJ_SHORT_ID_SIZE);
			if (*n == ZTJ_VIEW_MAX)
				return cli_fail(c, ZTJ_LIMIT, "at most %d records at once", ZTJ_VIEW_MAX);
			if (id == NULL)
				return ZTJ_NOMEM;
			if ((r = rec_id(c, c->argv[k], id)) != ZTJ_OK)
				return r;
			ids[(*n)++] = id;
		}
		return ZTJ_OK;
	}
	if ((r = sessions_find(c, &list)) != ZTJ_OK)
		return r;
	json_array_foreach(list, i, o)
	{
		const char *id = cli_strdup(c, api_str(o, "id"));
		if (id == NULL)
			return ZTJ_NOMEM;
		if (*n == ZTJ_VIEW_MAX) {
			out_warn(c, "only the newest %d are searched; narrow it with --user, --host, --since",
			    ZTJ_VIEW_MAX);
			break;
		}
		if (!json_is_false(json_object_get(o, "kept")))
			ids[(*n)++] = id;
	}
	json_decref(list);
	return ZTJ_OK;
}

int cmd_sessions_search(struct cli *c)
{
	const char *ids[ZTJ_VIEW_MAX];
	struct search s = { .c = c };
	size_t n;
	int r;

	if (regcomp(&s.re, c->argv[0], REG_EXTENDED | REG_NOSUB) != 0)
		return cli_fail(c, ZTJ_USAGE, "%s: not an extended regular expression",
		    cli_esc(c, c->argv[0]));
	c->result = s.found = json_array();
	if ((r = api_open_login(c)) == ZTJ_OK && (r = held_sync(c)) == ZTJ_OK &&
	    (r = which(c, ids, &n)) == ZTJ_OK && n > 0)
		r = rec_view(c, ids, n, ZTJ_VIEW_SEARCH);
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = search_one(&s, ids[i]);
	if (r == ZTJ_OK && s.hits == 0) {
		out_say(c, "Not found.");
		cli_exit(c, 1);
	}
	regfree(&s.re);
	return r;
}
