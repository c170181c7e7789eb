/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit sessions search: text in verified records, with the time at which it was there. */
#include "ztjit/commands.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/castsafe.h"
#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/sessions.h"

/* As players and programs want text: what is not UTF-8 is replaced, as in a record. */
json_t *sessions_text(struct ztj_view v)
{
	json_t *s = json_stringn(v.n > 0 ? (const char *)v.p : "", v.n), *event;
	struct ztj_buf line;
	uint32_t lines = 0;

	if (s != NULL)
		return s;
	ztj_buf_init(&line, 16 * v.n + 256);
	if (ztj_cast_event_put(0, 'o', v, NULL, &line, &lines) == ZTJ_OK) {
		event = json_loadb((const char *)line.p, line.n, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
		    NULL);
		s = json_incref(json_array_get(event, 2));
		json_decref(event);
	}
	ztj_buf_free(&line);
	return s;
}

struct search {
	struct cli *c;
	struct rec rec; /* the one that is searched */
	regex_t re;
	struct ztj_castsafe *plain;
	struct ztj_buf text;
	bool begun;       /* a line that has not ended */
	uint64_t line_us; /* when it began */
	size_t hits;
	json_t *found;
};

static int hit(struct search *s, uint64_t us, const char *line)
{
	unsigned long long sec = us / 1000000;
	size_t mark = cli_mark(s->c);
	int r = ZTJ_OK;

	s->hits++;
	out_say(s->c, "%s %02llu:%02llu:%02llu  %s", s->rec.id, sec / 3600, sec / 60 % 60, sec % 60,
	    cli_esc(s->c, line));
	cli_release(s->c, mark);
	if (s->c->json &&
	    json_array_append_new(s->found,
		json_pack("{s:s, s:f, s:o}", "session", s->rec.id, "time", (double)us / 1e6, "text",
		    sessions_text(ztj_view_str(line)))) != 0)
		r = ZTJ_NOMEM;
	return r;
}

/* The lines that an event ended: the first may have begun before it. */
static int lines(struct search *s, uint64_t us)
{
	uint8_t *p, *end, *eol;
	int r = ZTJ_OK;

	if (s->text.n == 0)
		return ZTJ_OK;
	p = s->text.p;
	end = p + s->text.n;
	while (r == ZTJ_OK && p < end && (eol = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		*eol = '\0';
		if (regexec(&s->re, (const char *)p, 0, NULL, 0) == 0)
			r = hit(s, s->begun ? s->line_us : us, (const char *)p);
		s->begun = false;
		p = eol + 1;
	}
	ztj_buf_reset(&s->text);
	return r;
}

static int look_at(const struct ztj_cast_event *e, void *arg)
{
	struct search *s = arg;
	int r;

	if (e->code == 'r')
		ztj_castsafe_columns(s->plain, rec_resized(e));
	if (strchr("oOE", e->code) == NULL)
		return ZTJ_OK;
	if ((r = ztj_castsafe_put(s->plain, e->bytes, &s->text)) != ZTJ_OK)
		return r;
	/* a line of which only a part is ready is a very long one: its parts are lines */
	if (s->text.n > 0 && s->text.p[s->text.n - 1] != '\n' &&
	    (r = ztj_buf_put_u8(&s->text, '\n')) != ZTJ_OK)
		return r;
	r = lines(s, e->us);
	if (!s->begun && e->bytes.n > 0 && e->bytes.p[e->bytes.n - 1] != '\n') {
		s->begun = true;
		s->line_us = e->us;
	}
	return r;
}

static int last_line(struct search *s)
{
	int r = ztj_castsafe_end(s->plain, &s->text);

	if (r == ZTJ_OK && s->text.n > 0)
		r = ztj_buf_put_u8(&s->text, '\n');
	return r == ZTJ_OK ? lines(s, s->line_us) : r;
}

/* The header is known once the first chunk was read. */
static int columns(struct search *s)
{
	struct ztj_chunk k = { .seq = 0 };
	int r = rec_chunk(&s->rec, &k);

	if (r == ZTJ_OK)
		r = rec_text(&s->rec, &k, &s->text);
	ztj_buf_reset(&s->text);
	rec_rewind(&s->rec);
	ztj_castsafe_columns(s->plain, rec_columns(&s->rec));
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int search_one(struct search *s, const char *id)
{
	int r;

	s->begun = false;
	ztj_buf_init(&s->text, 8 * ZTJ_CHUNK_TEXT_MAX);
	if ((r = rec_open(s->c, id, &s->rec)) == ZTJ_OK && (r = rec_verify(&s->rec)) == ZTJ_OK &&
	    (r = ztj_castsafe_new(ZTJ_CASTSAFE_TEXT, &s->plain)) == ZTJ_OK && (r = columns(s)) == ZTJ_OK &&
	    (r = rec_events(&s->rec, look_at, s)) == ZTJ_OK)
		r = last_line(s);
	ztj_buf_free(&s->text);
	ztj_castsafe_free(s->plain);
	s->plain = NULL;
	rec_close(&s->rec);
	return r;
}

/* One that cannot be searched is named, and the others are searched all the same; in the end it is no success. */
static int search_all(struct search *s, const char *const *ids, size_t n)
{
	struct cli *c = s->c;
	size_t failed = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		if ((r = search_one(s, ids[i])) == ZTJ_OK)
			continue;
		if (r != ZTJ_ALTERED && r != ZTJ_WRONG_KEY && r != ZTJ_NOT_FOUND)
			return r;
		out_warn(c, "%s", c->message != NULL ? c->message : ztj_err_text(r));
		cli_forget(c);
		failed++;
	}
	if (failed > 0) {
		out_warn(c, "%zu of %zu records could not be searched", failed, n);
		cli_exit(c, 1);
	}
	return ZTJ_OK;
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
	size_t n = 0;
	int r;

	if (regcomp(&s.re, c->argv[0], REG_EXTENDED | REG_NOSUB) != 0)
		return cli_fail(c, ZTJ_USAGE, "%s: not an extended regular expression",
		    cli_esc(c, c->argv[0]));
	c->result = s.found = json_array();
	if ((r = api_open_login(c)) == ZTJ_OK && (r = held_sync(c)) == ZTJ_OK &&
	    (r = which(c, ids, &n)) == ZTJ_OK && n > 0 &&
	    (r = rec_view(c, ids, n, ZTJ_VIEW_SEARCH)) == ZTJ_OK)
		r = search_all(&s, ids, n);
	if (r == ZTJ_OK && s.hits == 0) {
		out_say(c, "Not found.");
		cli_exit(c, 1);
	}
	regfree(&s.re);
	return r;
}
