/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit sessions export: verified records as files. */
#include "ztjit/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/castsafe.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/sessions.h"

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
	struct ztj_chunk k = { .seq = 0 };
	int r;

	while ((r = rec_chunk(rec, &k)) == ZTJ_OK) {
		ztj_buf_reset(&x->bytes);
		if ((r = rec_text(rec, &k, &x->bytes)) != ZTJ_OK ||
		    (r = put(x, (const char *)x->bytes.p, x->bytes.n)) != ZTJ_OK)
			return r;
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* Text of lines ended by LF, for a terminal that wants CR as well. */
static int put_crlf(struct ztj_view v, struct ztj_buf *out)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n')
			(void)ztj_buf_put_u8(out, '\r');
		(void)ztj_buf_put_u8(out, v.p[i]);
	}
	return ztj_buf_status(out);
}

/* What an event puts out, made safe unless --raw; a marker is one line. */
static int safe_bytes(struct export *x, const struct ztj_cast_event *e, struct ztj_view *out)
{
	int r;

	*out = e->bytes;
	if (x->safe == NULL || strchr("oOEm", e->code) == NULL)
		return ZTJ_OK;
	ztj_buf_reset(&x->bytes);
	r = e->code == 'm' ? ztj_text_escape(e->bytes, &x->bytes)
			   : ztj_castsafe_put(x->safe, e->bytes, &x->bytes);
	*out = ztj_buf_view(&x->bytes);
	return r;
}

static int put_json(struct export *x, json_t *o, size_t flags)
{
	char *text = o == NULL ? NULL : json_dumps(o, flags | JSON_COMPACT | JSON_REAL_PRECISION(15));
	int r = text == NULL ? ZTJ_NOMEM : put(x, text, strlen(text));

	free(text);
	json_decref(o);
	return r;
}

/* Foreign text that no filter saw: nothing but ASCII stands in the file. */
static int put_foreign(struct export *x, json_t *o)
{
	return put_json(x, o, JSON_ENSURE_ASCII);
}

/* One line of asciicast. Players know one output: that of a command without a terminal becomes it. */
static int put_line(struct export *x, uint64_t us, char code, struct ztj_view v)
{
	bool pipe = code == 'O' || code == 'E';
	char name[2] = { pipe ? 'o' : code, '\0' };
	struct ztj_buf crlf;
	int r = ZTJ_OK;

	ztj_buf_init(&crlf, 2 * v.n + 1);
	if (pipe && (r = put_crlf(v, &crlf)) == ZTJ_OK)
		v = ztj_buf_view(&crlf);
	if (r == ZTJ_OK)
		r = put_json(x, json_pack("[f, s, o]", (double)us / 1e6, name, sessions_text(v)),
		    code == 'i' ? JSON_ENSURE_ASCII : 0);
	ztj_buf_free(&crlf);
	return r == ZTJ_OK ? put(x, "\n", 1) : r;
}

/* The events that players of asciicast v2 know. */
static int put_v2(struct export *x, const struct ztj_cast_event *e, struct ztj_view v)
{
	return strchr("oirmOE", e->code) != NULL ? put_line(x, e->us, e->code, v) : ZTJ_OK;
}

static void exit_status(const struct ztj_cast_event *e, char out[24])
{
	json_t *q = json_loadb((const char *)e->bytes.p, e->bytes.n, 0, NULL);
	const json_t *exit = json_object_get(q, "exit"), *signal = json_object_get(q, "signal");

	(void)snprintf(out, 24, "%lld",
	    (long long)(json_is_integer(exit) ? json_integer_value(exit) : 128 + json_integer_value(signal)));
	json_decref(q);
}

/* asciicast v3: intervals, and the exit status as an event of its own. */
static int put_v3(struct export *x, const struct ztj_cast_event *e, struct ztj_view v)
{
	uint64_t before = x->at;
	char status[24];

	if (strchr("oirmOEq", e->code) == NULL)
		return ZTJ_OK;
	x->at = e->us;
	if (e->code != 'q')
		return put_line(x, e->us - before, e->code, v);
	exit_status(e, status);
	return put_line(x, e->us - before, 'x', ztj_view_str(status));
}

/* Each event as it was recorded, input and digests too. */
static int put_event_json(struct export *x, const struct ztj_cast_event *e, struct ztj_view v)
{
	const char code[2] = { e->code, '\0' };
	int r = put(x, x->first ? "\n" : ",\n", x->first ? 1 : 2);

	x->first = false;
	return r == ZTJ_OK ? put_json(x,
				 json_pack("{s:f, s:s, s:o}", "time", (double)e->us / 1e6, "code", code,
				     "text", sessions_text(v)),
				 strchr("oOE", e->code) == NULL ? JSON_ENSURE_ASCII : 0)
			   : r;
}

static int put_event(const struct ztj_cast_event *e, void *arg)
{
	struct export *x = arg;
	struct ztj_view v;
	int r = safe_bytes(x, e, &v);

	if (r != ZTJ_OK)
		return r;
	switch (x->format) {
	case PLAIN:
		if (e->code == 'r' && x->safe != NULL)
			ztj_castsafe_columns(x->safe, rec_resized(e));
		return strchr("oOE", e->code) != NULL ? put(x, (const char *)v.p, v.n) : ZTJ_OK;
	case V2:
		return put_v2(x, e, v);
	case V3:
		return put_v3(x, e, v);
	case AS_JSON:
		return put_event_json(x, e, v);
	}
	return ZTJ_INTERNAL;
}

/* Reads as far as the header. */
static int need_header(struct rec *rec)
{
	struct ztj_chunk k = { .seq = 0 };
	struct ztj_buf text;
	int r;

	ztj_buf_init(&text, ZTJ_CHUNK_TEXT_MAX);
	if ((r = rec_chunk(rec, &k)) == ZTJ_OK)
		r = rec_text(rec, &k, &text);
	if (r == ZTJ_NOT_FOUND)
		r = cli_fail(rec->c, r, "%s: nothing is recorded", rec->id);
	ztj_buf_free(&text);
	rec_rewind(rec);
	return r;
}

static int begin_v3(struct export *x, const json_t *h)
{
	static const char *const same[] = { "timestamp", "command", "env", "ztjit" };
	json_t *out = json_pack("{s:i, s:{s:I, s:I}}", "version", 3, "term", "cols",
	    json_integer_value(json_object_get(h, "width")), "rows",
	    json_integer_value(json_object_get(h, "height")));
	int r;

	for (size_t i = 0; out != NULL && i < sizeof same / sizeof same[0]; i++)
		if (json_object_get(h, same[i]) != NULL)
			(void)json_object_set(out, same[i], json_object_get(h, same[i]));
	r = put_foreign(x, out);
	return r == ZTJ_OK ? put(x, "\n", 1) : r;
}

static int begin_json(struct export *x, const struct rec *rec)
{
	int r = put(x, "{\"session\":", 11);

	if (r == ZTJ_OK)
		r = put_foreign(x, json_incref(rec->about));
	if (r == ZTJ_OK)
		r = put(x, ",\"header\":", 10);
	if (r == ZTJ_OK)
		r = put_foreign(x, json_incref(rec->header));
	return r == ZTJ_OK ? put(x, ",\"events\":[", 11) : r;
}

static int begin_format(struct export *x, const struct rec *rec)
{
	int r;

	switch (x->format) {
	case V2:
		r = put_foreign(x, json_incref(rec->header));
		return r == ZTJ_OK ? put(x, "\n", 1) : r;
	case V3:
		return begin_v3(x, rec->header);
	case AS_JSON:
		return begin_json(x, rec);
	case PLAIN:
		if (x->safe != NULL)
			ztj_castsafe_columns(x->safe, rec_columns(rec));
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
	if (r == ZTJ_OK && (fflush(x->f) != 0 || ferror(x->f)))
		r = cli_fail(x->c, ZTJ_IO, "writing failed: %s", strerror(errno));
	return r;
}

static int write_all(struct export *x, struct rec *rec)
{
	bool raw = cli_is_set(x->c, OPT_RAW);
	int r = need_header(rec);

	x->first = true;
	ztj_buf_init(&x->bytes, 8 * ZTJ_CHUNK_TEXT_MAX);
	if (r == ZTJ_OK && raw && x->format == V2) {
		r = copy_text(x, rec);
	} else if (r == ZTJ_OK) {
		if (!raw)
			r = ztj_castsafe_new(x->format == PLAIN ? ZTJ_CASTSAFE_TEXT : ZTJ_CASTSAFE_REPLAY,
			    &x->safe);
		if (r == ZTJ_OK)
			r = begin_format(x, rec);
		if (r == ZTJ_OK)
			r = rec_events(rec, put_event, x);
	}
	if (r == ZTJ_OK)
		r = end_format(x);
	ztj_castsafe_free(x->safe);
	ztj_buf_free(&x->bytes);
	return r;
}

/* A file that is whole or not there; one that is there already stays. */
static int write_file(struct export *x, struct rec *rec, const char *path)
{
	int r;

	if ((x->f = fopen(path, "wxe")) == NULL)
		return cli_fail(x->c, ZTJ_SYSTEM, "%s: %s", cli_esc(x->c, path), strerror(errno));
	r = write_all(x, rec);
	if (fclose(x->f) != 0 && r == ZTJ_OK)
		r = cli_fail(x->c, ZTJ_IO, "%s: %s", cli_esc(x->c, path), strerror(errno));
	if (r != ZTJ_OK)
		(void)unlink(path);
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
	const char *path = cli_opt(c, OPT_OUTPUT), *id;
	struct export x = { .c = c, .f = stdout };
	struct rec rec;
	int r;

	if ((r = format_of(c, &x.format)) != ZTJ_OK || (r = api_open_login(c)) != ZTJ_OK ||
	    (r = held_sync(c)) != ZTJ_OK)
		return r;
	if ((r = rec_open(c, c->argv[0], &rec)) == ZTJ_OK && (r = rec_vouched(&rec)) == ZTJ_OK) {
		id = rec.id;
		if ((r = rec_view(c, &id, 1, ZTJ_VIEW_EXPORT)) == ZTJ_OK && (r = rec_verify(&rec)) == ZTJ_OK)
			r = path != NULL ? write_file(&x, &rec, path) : write_all(&x, &rec);
	}
	rec_close(&rec);
	return r;
}
