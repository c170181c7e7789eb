/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/showstatus.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/core/ztime.h"
#include "ztjit-hostd/columns.h"

#define WARN_BEFORE (30LL * 86400)
#define WHEN_SIZE 64
#define CELL_SIZE 2048

struct show {
	const json_t *o;
	int64_t now;
	struct ztj_buf *out;
};

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "-";
}

static long long num(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

/* ---- time ---- */

static void span(int64_t s, char *out, size_t size)
{
	if (s < 90)
		(void)snprintf(out, size, "%lld s", (long long)s);
	else if (s < 90 * 60)
		(void)snprintf(out, size, "%lld min", (long long)(s + 30) / 60);
	else if (s < 48 * 3600)
		(void)snprintf(out, size, "%lld h", (long long)(s + 1800) / 3600);
	else
		(void)snprintf(out, size, "%lld days", (long long)(s + 43200) / 86400);
}

/* "2026-11-22T10:00:00Z (in 12 min)" */
static void when(const struct show *w, const json_t *o, const char *name, char out[WHEN_SIZE])
{
	const char *text = json_string_value(json_object_get(o, name));
	char rel[24];
	int64_t t;

	out[0] = '\0';
	if (text == NULL || ztj_time_parse(text, &t) != ZTJ_OK)
		return;
	span(t >= w->now ? t - w->now : w->now - t, rel, sizeof(rel));
	(void)snprintf(out, WHEN_SIZE, t >= w->now ? "%.24s (in %s)" : "%.24s (%s ago)", text, rel);
}

static const char *warning(const struct show *w, const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	int64_t t;

	if (text == NULL || ztj_time_parse(text, &t) != ZTJ_OK || t >= w->now + WARN_BEFORE)
		return "";
	return t <= w->now ? "  EXPIRED" : "  EXPIRES SOON";
}

/* ---- the host ---- */

/* A line of "what  text". */
static void line(struct show *w, const char *what, const char *text)
{
	(void)ztj_buf_printf(w->out, "%-12s ", what);
	if (ztj_text_escape(ztj_view_str(text), w->out) == ZTJ_OK)
		(void)ztj_buf_puts(w->out, "\n");
}

static void show_host(struct show *w)
{
	const json_t *o = w->o;
	const char *armed = str(o, "armed");
	char text[CELL_SIZE], at[WHEN_SIZE];

	(void)snprintf(text, sizeof(text), "%s in %s", str(o, "host"), str(o, "domain"));
	line(w, "host", text);
	(void)snprintf(text, sizeof(text), "no: %s (%s)", ztj_err_text(ztj_err_from_name(armed)), armed);
	line(w, "armed", strcmp(armed, "ok") == 0 ? "yes" : text);
	(void)snprintf(text, sizeof(text), "held by %s", str(o, "held_by"));
	line(w, "sessions", text);
	(void)snprintf(text, sizeof(text), "%s, last status %s",
	    json_is_true(json_object_get(o, "connected")) ? "connected" : "not connected", str(o, "fresh"));
	line(w, "broker", text);
	when(w, o, "policy_expires", at);
	(void)snprintf(text, sizeof(text), "version %lld, expires %s%s", num(o, "policy"), at,
	    warning(w, o, "policy_expires"));
	line(w, "policy", text);
}

static void show_directories(struct show *w)
{
	json_t *all = json_object_get(w->o, "directories"), *d;
	char text[CELL_SIZE], at[WHEN_SIZE];
	const char *name;

	json_object_foreach(all, name, d)
	{
		when(w, d, "expires", at);
		(void)snprintf(text, sizeof(text), "%s serial %lld, %lld records, %s, expires %s%s", name,
		    num(d, "serial"), num(d, "records"), str(d, "state"), at, warning(w, d, "expires"));
		line(w, "directory", text);
	}
}

/* "SIZE HEX": the size. */
static const char *leaves(const struct show *w, const char *member, char out[24])
{
	const char *text = json_string_value(json_object_get(w->o, member));

	(void)snprintf(out, 24, "%.*s", text == NULL ? 1 : (int)strcspn(text, " "),
	    text == NULL ? "0" : text);
	return out;
}

static void show_log(struct show *w)
{
	char text[CELL_SIZE], seen[24], proved[24];

	if (!json_is_string(json_object_get(w->o, "checkpoint")))
		return;
	(void)snprintf(text, sizeof(text), "%s leaves seen, %s proved", leaves(w, "checkpoint", seen),
	    leaves(w, "checkpoint_proved", proved));
	line(w, "audit log", text);
}

static void show_rest(struct show *w)
{
	static const long long mib = 1024 * 1024;
	const json_t *r = json_object_get(w->o, "records");
	char text[CELL_SIZE];

	(void)snprintf(text, sizeof(text), "%lld held, %lld revocations", num(w->o, "grants"),
	    num(w->o, "revocations"));
	line(w, "grants", text);
	(void)snprintf(text, sizeof(text), "%s%s", str(w->o, "clock"),
	    json_is_true(json_object_get(w->o, "clock_ok"))
		? ""
		: ", behind its mark: see ztjit-hostd clock --accept");
	line(w, "clock", text);
	(void)snprintf(text, sizeof(text), "%lld", num(w->o, "decisions"));
	line(w, "decisions", text);
	show_log(w);
	(void)snprintf(text, sizeof(text),
	    "%lld open, %lld waiting for the broker, %lld of %lld MiB used, %lld bytes to ship",
	    num(r, "open"), num(r, "waiting"), (num(r, "bytes") + mib - 1) / mib, num(r, "room") / mib,
	    num(r, "unsent"));
	line(w, "records", text);
}

/* For libnss_ztjit. */
static void show_published(struct show *w)
{
	const json_t *p = json_object_get(w->o, "published");
	const char *state = str(p, "state");
	char text[CELL_SIZE];
	size_t i;
	json_t *v;

	(void)snprintf(text, sizeof(text), "%lld people, %lld memberships and shells%s%s", num(p, "people"),
	    num(p, "held_count"), strcmp(state, "ok") == 0 ? "" : ", ",
	    strcmp(state, "ok") == 0 ? "" : state);
	line(w, "published", text);
	json_array_foreach(json_object_get(p, "conflicts"), i, v)
	{
		line(w, "  conflict", json_is_string(v) ? json_string_value(v) : "-");
	}
	if (num(p, "more_conflicts") > 0) {
		(void)snprintf(text, sizeof(text), "and %lld more", num(p, "more_conflicts"));
		line(w, "  conflict", text);
	}
}

/* ---- who has what ---- */

static void append(char *out, const char *what, const json_t *list)
{
	size_t i, n = strlen(out);
	json_t *v;

	if (json_array_size(list) == 0)
		return;
	n += (size_t)snprintf(out + n, CELL_SIZE - n, "%s%s", n > 0 ? "; " : "", what);
	json_array_foreach(list, i, v)
	{
		if (n >= CELL_SIZE || !json_is_string(v))
			return;
		n += (size_t)snprintf(out + n, CELL_SIZE - n, "%s%s", i > 0 ? "," : "", json_string_value(v));
	}
}

enum part { RUNS, TO_COME, OVER };

static enum part part_of(const struct show *w, const json_t *a)
{
	const char *state = str(a, "state"), *ends = json_string_value(json_object_get(a, "ends"));
	int64_t t = 0;

	if (strcmp(state, "approved") == 0)
		return TO_COME;
	if (strcmp(state, "active") != 0 || ends == NULL || ztj_time_parse(ends, &t) != ZTJ_OK || t <= w->now)
		return OVER;
	return RUNS;
}

static void row(struct show *w, struct ztj_columns *t, const json_t *a, enum part part)
{
	char accounts[CELL_SIZE] = "", by[CELL_SIZE] = "", from[WHEN_SIZE], until[WHEN_SIZE];

	append(accounts, "login ", json_object_get(a, "login"));
	append(accounts, "become ", json_object_get(a, "become"));
	append(by, "", json_object_get(a, "approved_by"));
	when(w, a, "starts", from);
	when(w, a, "ends", until);
	ztj_columns_row(t,
	    (const char *[]){ str(a, "person"), str(a, "role"), accounts, part == TO_COME ? from : until,
		part == OVER          ? str(a, "state")
		    : part == TO_COME ? until
				      : from,
		str(a, "grant"),
		by[0] != '\0'                                         ? by
		    : json_is_true(json_object_get(a, "break_glass")) ? "BREAK GLASS"
								      : "nobody needed to" });
}

static int show_access(struct show *w, enum part part)
{
	static const char *const titles[] = { "Has access now", "Will have access", "Had access" };
	static const char *const heads[][7] = { { "PERSON", "ROLE", "ACCOUNTS", "UNTIL", "SINCE", "GRANT",
						    "APPROVED BY" },
		{ "PERSON", "ROLE", "ACCOUNTS", "FROM", "UNTIL", "GRANT", "APPROVED BY" },
		{ "PERSON", "ROLE", "ACCOUNTS", "UNTIL", "STATE", "GRANT", "APPROVED BY" } };
	json_t *list = json_object_get(w->o, "access"), *a;
	struct ztj_columns t;
	size_t i, n = 0;

	ztj_columns_begin(&t, heads[part], 7);
	json_array_foreach(list, i, a)
	{
		if (part_of(w, a) != part)
			continue;
		row(w, &t, a, part);
		n++;
	}
	if (n > 0)
		(void)ztj_buf_printf(w->out, "\n%s\n", titles[part]);
	else if (part == RUNS)
		(void)ztj_buf_puts(w->out, "\nNobody has access now\n");
	return ztj_columns_end(&t, w->out);
}

static int show_sessions(struct show *w)
{
	static const char *const heads[] = { "PERSON", "SERVICE", "ACCOUNT", "TTY", "FROM", "SINCE", "ENDS",
		"GRANT", "RECORD" };
	json_t *list = json_object_get(w->o, "sessions"), *s;
	char since[WHEN_SIZE], ends[WHEN_SIZE];
	struct ztj_columns t;
	size_t i;

	ztj_columns_begin(&t, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(list, i, s)
	{
		const char *record = json_string_value(json_object_get(s, "record"));

		when(w, s, "since", since);
		when(w, s, "ends", ends);
		ztj_columns_row(&t,
		    (const char *[]){ str(s, "person"), str(s, "service"), str(s, "account"), str(s, "tty"),
			str(s, "peer"), since, ends, str(s, "grant"),
			record != NULL                                     ? record
			    : json_is_true(json_object_get(s, "recorded")) ? "yes"
									   : "no" });
	}
	if (i > 0)
		(void)ztj_buf_puts(w->out, "\nSessions\n");
	return ztj_columns_end(&t, w->out);
}

static void show_left_out(struct show *w)
{
	if (num(w->o, "access_left_out") > 0)
		(void)ztj_buf_printf(w->out, "%lld older grants are not shown.\n",
		    num(w->o, "access_left_out"));
	if (num(w->o, "sessions_left_out") > 0)
		(void)ztj_buf_printf(w->out, "%lld more sessions are not shown.\n",
		    num(w->o, "sessions_left_out"));
}

int ztj_status_show(struct ztj_view json, int64_t now, struct ztj_buf *out)
{
	json_t *o = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	struct show w = { .o = o, .now = now, .out = out };
	int r = json_is_object(o) ? ZTJ_OK : ZTJ_BAD_JSON;

	if (r == ZTJ_OK) {
		show_host(&w);
		show_directories(&w);
		show_rest(&w);
		show_published(&w);
		r = show_access(&w, RUNS);
	}
	if (r == ZTJ_OK)
		r = show_access(&w, TO_COME);
	if (r == ZTJ_OK)
		r = show_access(&w, OVER);
	if (r == ZTJ_OK)
		r = show_sessions(&w);
	if (r == ZTJ_OK)
		show_left_out(&w);
	json_decref(o);
	return r == ZTJ_OK ? ztj_buf_status(out) : r;
}
