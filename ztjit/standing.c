/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/standing.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/jsonin.h"
#include "ztjit/api.h"

#define REPORT_MAX ((size_t)64 * 1024)

const char *standing_state_name(enum standing_state s)
{
	static const char *const names[] = { "clean", "entries", "partial", "old", "unknown", "altered" };

	return names[s];
}

/* ---- whose word counts ---- */

static int open_statement(struct cli *c, const struct standing_host *h, const json_t *o,
    struct ztj_stmt **out)
{
	json_t *container = json_pack("{s:O?, s:O?}", "statement", json_object_get(o, "statement"),
	    "signatures", json_object_get(o, "signatures"));
	char *text = container != NULL ? json_dumps(container, JSON_COMPACT) : NULL;
	struct ztj_signed s;
	struct ztj_buf mem;
	int r;

	*out = NULL;
	json_decref(container);
	if (text == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&mem, ZTJ_STMT_MAX);
	if ((r = ztj_signed_from_json(ztj_view_str(text), &mem, &s)) == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_STANDING, c->pins.domain, out);
	if (r == ZTJ_OK && strcmp((*out)->u.standing.host, h->name) != 0)
		r = ZTJ_WRONG_HOST;
	if (r == ZTJ_OK && !ztj_key_equal(&(*out)->signer[0].key, &h->rec->machine))
		r = ZTJ_SIGNER;
	if (r == ZTJ_OK && (*out)->issued > cli_now() + ZTJ_CLOCK_AHEAD)
		r = ZTJ_FUTURE;
	if (r != ZTJ_OK) {
		ztj_stmt_free(*out);
		*out = NULL;
	}
	ztj_buf_free(&mem);
	free(text);
	return r;
}

static bool says(const json_t *report, const char *name, int64_t n)
{
	const json_t *v = json_object_get(report, name);

	return json_is_integer(v) && json_integer_value(v) == n;
}

/* A host's own words go to the terminal and into sums over the fleet: no line feed makes a line of another host's, no
 * number is more than rows can be. */
bool standing_plain(const json_t *v)
{
	const char *name;
	size_t i;
	json_t *in;

	if (json_is_string(v))
		return ztj_text_ok(ztj_view_str(json_string_value(v)));
	if (json_is_integer(v))
		return json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX;
	if (json_is_array(v)) {
		for (i = 0; i < json_array_size(v); i++)
			if (!standing_plain(json_array_get(v, i)))
				return false;
		return true;
	}
	if (!json_is_object(v))
		return json_is_null(v) || json_is_boolean(v);
	json_object_foreach((json_t *)(uintptr_t)v, name, in)
	{
		if (!ztj_text_ok(ztj_view_str(name)) || !standing_plain(in))
			return false;
	}
	return true;
}

/* The report is what was signed, and says the same numbers. */
static int open_report(struct standing_host *h, const struct ztj_stmt *st, const json_t *o)
{
	const json_t *text = json_object_get(o, "report");
	struct ztj_view v = ztj_view_of(json_string_value(text), json_string_length(text));
	uint8_t digest[ZTJ_DIGEST_LEN];
	int r;

	if (!json_is_string(text) || v.n > REPORT_MAX)
		return ZTJ_ALTERED;
	if ((r = ztj_sha256(v, digest)) != ZTJ_OK)
		return r;
	if (memcmp(digest, st->u.standing.digest, sizeof digest) != 0)
		return ZTJ_ALTERED;
	if ((r = ztj_json_load(v, REPORT_MAX, 0, &h->report)) != ZTJ_OK)
		return r;
	return standing_plain(h->report) && says(h->report, "standing", h->standing) &&
		says(h->report, "accepted", h->accepted) && says(h->report, "expired", h->expired) &&
		says(h->report, "missed", h->missed)
	    ? ZTJ_OK
	    : ZTJ_ALTERED;
}

static int add_days(struct cli *c, struct standing_host *h, const json_t *list)
{
	size_t n = json_array_size(list);

	if (n > STANDING_DAYS + 2)
		n = STANDING_DAYS + 2;
	if (n > 0 && (h->day = calloc(n, sizeof *h->day)) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n; i++) {
		struct ztj_stmt *st;
		int r = open_statement(c, h, json_array_get(list, i), &st);

		if (r == ZTJ_NOMEM)
			return r;
		/* one that is not the host's word says nothing about that day */
		if (r == ZTJ_OK)
			h->day[h->ndays++] = (struct standing_day){ .issued = st->issued,
				.left = st->u.standing.standing + st->u.standing.expired };
		ztj_stmt_free(st);
	}
	return ZTJ_OK;
}

static int take(struct cli *c, struct standing_host *h, const json_t *o)
{
	struct ztj_stmt *st;
	int r;

	if (h->doubt != NULL)
		return ZTJ_OK;
	if ((r = open_statement(c, h, o, &st)) == ZTJ_OK) {
		h->issued = st->issued;
		h->standing = st->u.standing.standing;
		h->accepted = st->u.standing.accepted;
		h->expired = st->u.standing.expired;
		h->missed = st->u.standing.missed;
		r = open_report(h, st, o);
	}
	ztj_stmt_free(st);
	if (r == ZTJ_NOMEM)
		return r;
	h->state = r != ZTJ_OK                     ? STANDING_ALTERED
	    : h->issued < cli_now() - STANDING_OLD ? STANDING_STALE
	    : h->standing + h->expired > 0         ? STANDING_LEFT
	    : h->missed > 0                        ? STANDING_PARTIAL
						   : STANDING_CLEAN;
	if (r != ZTJ_OK) {
		h->doubt = ztj_err_text(r);
		json_decref(h->report);
		h->report = NULL;
	}
	return add_days(c, h, json_object_get(o, "days"));
}

/* ---- the fleet ---- */

static int by_name(const void *va, const void *vb)
{
	const struct standing_host *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

static int add_directory(struct cli *c, const struct ztj_dir *d, const char *only, struct standing *s)
{
	for (size_t i = 0; i < ztj_dir_count(d); i++) {
		const struct ztj_record *rec = ztj_dir_at(d, i);
		struct standing_host h = { .rec = rec, .state = STANDING_UNKNOWN }, *more;
		const struct ztj_record *now;
		int r;

		if (!rec->host || (h.name = cli_printf(c, "%s/%s", ztj_dir_name(d), rec->name)) == NULL ||
		    (only != NULL && strcmp(only, h.name) != 0))
			continue;
		/* nobody vouches for its key at present: it stays in the list, and unknown */
		if ((r = ztj_trust_host(c->trust, h.name, cli_now(), &now)) != ZTJ_OK)
			h.doubt = ztj_err_text(r);
		more = s->n % 256 == 0 ? reallocarray(s->host, s->n + 256, sizeof *more) : s->host;
		if (more == NULL)
			return ZTJ_NOMEM;
		s->host = more;
		s->host[s->n++] = h;
	}
	return ZTJ_OK;
}

static struct standing_host *find(const struct standing *s, const char *name)
{
	const struct standing_host key = { .name = name };

	return s->n > 0 ? bsearch(&key, s->host, s->n, sizeof *s->host, by_name) : NULL;
}

/* Names grow, from page to page: a broker that does not get on is not followed. */
static int take_page(struct cli *c, struct standing *s, const json_t *hosts, const char **last)
{
	size_t i;
	json_t *o;

	json_array_foreach(hosts, i, o)
	{
		const char *name = api_str(o, "host");
		struct standing_host *h;
		int r;

		if (!ztj_fullname_ok(name, true) || strcmp(name, *last) <= 0)
			return cli_fail(c, ZTJ_PROTOCOL, "the broker's answer is malformed");
		if ((name = cli_strdup(c, name)) == NULL)
			return ZTJ_NOMEM;
		*last = name;
		h = find(s, name);
		if (h != NULL && (r = take(c, h, o)) != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int fetch_pages(struct cli *c, const char *only, struct standing *s)
{
	const char *after = "", *last = "";
	bool more = true;
	int r = ZTJ_OK;

	while (r == ZTJ_OK && more) {
		const char *path = cli_printf(c, "/v1/standing?days=%d%s%s", STANDING_DAYS,
		    only != NULL           ? "&host="
			: after[0] != '\0' ? "&after="
					   : "",
		    only != NULL ? only : after);
		json_t *answer = NULL;

		if (path == NULL)
			return ZTJ_NOMEM;
		if ((r = api_call(c, "GET", path, NULL, &answer)) != ZTJ_OK)
			return r;
		r = take_page(c, s, json_object_get(answer, "hosts"), &last);
		more = json_is_true(json_object_get(answer, "more")) && only == NULL &&
		    strcmp(last, after) > 0;
		after = last;
		json_decref(answer);
	}
	return r;
}

int standing_fetch(struct cli *c, const char *only, struct standing *out)
{
	int r = ZTJ_OK;

	*out = (struct standing){ .n = 0 };
	for (size_t i = 0; r == ZTJ_OK && i < ztj_trust_ndirs(c->trust); i++)
		r = add_directory(c, ztj_trust_dir_at(c->trust, i), only, out);
	if (r == ZTJ_OK && out->n > 0)
		qsort(out->host, out->n, sizeof *out->host, by_name);
	return r == ZTJ_OK ? fetch_pages(c, only, out) : r;
}

void standing_free(struct standing *s)
{
	for (size_t i = 0; i < s->n; i++) {
		json_decref(s->host[i].report);
		free(s->host[i].day);
	}
	free(s->host);
	*s = (struct standing){ .n = 0 };
}

int64_t standing_then(const struct standing *s, int64_t t, size_t *hosts)
{
	int64_t sum = 0;

	*hosts = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct standing_host *h = &s->host[i];
		const struct standing_day *last = NULL;

		for (size_t k = 0; k < h->ndays; k++)
			if (h->day[k].issued <= t && (last == NULL || h->day[k].issued >= last->issued))
				last = &h->day[k];
		if (last == NULL)
			continue;
		sum += last->left;
		(*hosts)++;
	}
	return sum;
}
