/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit report standing: which hosts are clean, what is left on the others, and since when. */
#include "ztjit/commands.h"

#include <string.h>

#include "ztjit/api.h"
#include "ztjit/held.h"
#include "ztjit/out.h"
#include "ztjit/standing.h"

static const int spans[] = { 7, 30 };

static int64_t left(const struct standing_host *h)
{
	return h->standing + h->expired;
}

static bool counts(const struct standing_host *h)
{
	return h->state != STANDING_UNKNOWN && h->state != STANDING_ALTERED;
}

static json_t *time_json(int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return t > 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

/* What is left by kind, over all hosts whose word counts. */
static json_t *kinds(const struct standing *s)
{
	json_t *sum = json_object();

	for (size_t i = 0; sum != NULL && i < s->n; i++) {
		const char *name;
		json_t *v;

		if (!counts(&s->host[i]))
			continue;
		json_object_foreach(json_object_get(s->host[i].report, "kinds"), name, v)(void)
		    json_object_set_new(sum, name,
			json_integer(json_integer_value(json_object_get(sum, name)) + json_integer_value(v)));
	}
	return sum;
}

static int64_t until_of(const json_t *e)
{
	int64_t t;

	return ztj_time_parse(api_str(e, "until"), &t) == ZTJ_OK ? t : 0;
}

/* Exceptions that ended, or end soon: judged now, not when the host looked. */
static json_t *exceptions(const struct standing *s, bool ended)
{
	int64_t now = cli_now();
	json_t *list = json_array(), *e;

	for (size_t i = 0; list != NULL && i < s->n; i++) {
		size_t k;

		json_array_foreach(json_object_get(s->host[i].report, "entries"), k, e)
		{
			int64_t until = until_of(e);

			if (until == 0 || (ended ? until > now : until <= now || until > now + STANDING_SOON))
				continue;
			(void)json_array_append_new(list,
			    json_pack("{s:s, s:s, s:s, s:s, s:s}", "host", s->host[i].name, "kind",
				api_str(e, "kind"), "object", api_str(e, "object"), "reason",
				api_str(e, "reason"), "until", api_str(e, "until")));
		}
	}
	return list;
}

static json_t *trend(const struct standing *s)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < sizeof spans / sizeof spans[0]; i++) {
		size_t hosts;
		int64_t then = standing_then(s, cli_now() - spans[i] * INT64_C(86400), &hosts);

		(void)json_array_append_new(list,
		    json_pack("{s:i, s:I, s:I}", "days", spans[i], "left", (json_int_t)then, "hosts",
			(json_int_t)hosts));
	}
	return list;
}

static json_t *host_json(const struct standing_host *h)
{
	json_t *o = json_pack("{s:s, s:s, s:o?}", "host", h->name, "state", standing_state_name(h->state),
	    "scanned", time_json(counts(h) ? h->issued : 0));

	if (o != NULL && h->doubt != NULL)
		(void)json_object_set_new(o, "doubt", json_string(h->doubt));
	if (o != NULL && counts(h)) {
		(void)json_object_set_new(o, "left", json_integer(left(h)));
		(void)json_object_set_new(o, "accepted", json_integer(h->accepted));
		(void)json_object_set_new(o, "expired", json_integer(h->expired));
		(void)json_object_set_new(o, "missed", json_integer(h->missed));
		(void)json_object_set(o, "report", h->report);
	}
	return o;
}

static json_t *fleet_json(const struct standing *s)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < s->n; i++)
		(void)json_array_append_new(list, host_json(&s->host[i]));
	return json_pack("{s:o?, s:o?, s:o?, s:o?, s:o?}", "hosts", list, "kinds", kinds(s), "trend",
	    trend(s), "ended", exceptions(s, true), "ending", exceptions(s, false));
}

/* ---- for people ---- */

static const char *number(struct cli *c, const struct standing_host *h, int64_t n)
{
	return counts(h) ? cli_printf(c, "%lld", (long long)n) : "-";
}

static int say_hosts(struct cli *c, const struct standing *s)
{
	struct out_table t;
	int r;

	out_table_begin(&t, 6);
	r = out_table_row(c, &t,
	    (const char *[]){ "HOST", "STATE", "LEFT", "ACCEPTED", "NOT LOOKED AT", "SCANNED" });
	for (size_t i = 0; r == ZTJ_OK && i < s->n; i++) {
		const struct standing_host *h = &s->host[i];

		r = out_table_row(c, &t,
		    (const char *[]){ h->name, standing_state_name(h->state), number(c, h, left(h)),
			number(c, h, h->accepted), number(c, h, h->missed),
			h->doubt != NULL                   ? h->doubt
			    : h->state == STANDING_UNKNOWN ? "never"
							   : out_relative(c, h->issued) });
	}
	if (r == ZTJ_OK)
		out_table_print(c, &t);
	return r;
}

static void say_kinds(struct cli *c, const json_t *sum)
{
	const char *line = "", *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)sum, name, v)
	{
		const char *more = cli_printf(c, "%s%s%s %lld", line, line[0] != '\0' ? ", " : "",
		    cli_esc(c, name), (long long)json_integer_value(v));

		line = more != NULL ? more : line;
	}
	if (line[0] != '\0')
		out_say(c, "left by kind: %s", line);
}

static void say_exceptions(struct cli *c, const json_t *list, const char *what)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i, e)
	    out_say(c, "%s: %s: %s %s: %s (%s)", what, api_str(e, "host"), cli_esc(c, api_str(e, "kind")),
		api_str(e, "object"), cli_esc(c, api_str(e, "reason")), cli_esc(c, api_str(e, "until")));
}

static void say_entries(struct cli *c, const struct standing_host *h)
{
	size_t i;
	json_t *e;

	json_array_foreach(json_object_get(h->report, "entries"), i, e)
	{
		if (strcmp(api_str(e, "state"), "accepted") == 0)
			continue;
		out_say(c, "%-8s  %-10s  %s  (%s)  %s", api_str(e, "risk"), api_str(e, "kind"),
		    api_str(e, "object"), api_str(e, "owner"), api_str(e, "fingerprint"));
		out_say(c, "    %s", api_str(e, "what"));
		out_say(c, "    remove: %s", api_str(e, "remove"));
	}
	json_array_foreach(json_object_get(h->report, "problems"), i, e)
	    out_say(c, "not looked at: %s", json_is_string(e) ? json_string_value(e) : "?");
}

static void say_sum(struct cli *c, const struct standing *s)
{
	size_t n[STANDING_ALTERED + 1] = { 0 };

	for (size_t i = 0; i < s->n; i++)
		n[s->host[i].state]++;
	out_say(c,
	    "%zu hosts: %zu clean, %zu with entries, %zu partly looked at, %zu old, %zu unknown, %zu altered",
	    s->n, n[STANDING_CLEAN], n[STANDING_LEFT], n[STANDING_PARTIAL], n[STANDING_STALE],
	    n[STANDING_UNKNOWN], n[STANDING_ALTERED]);
}

static int say(struct cli *c, const struct standing *s, const json_t *all)
{
	json_t *t;
	size_t i;
	int r = say_hosts(c, s);

	if (r != ZTJ_OK)
		return r;
	say_sum(c, s);
	say_kinds(c, json_object_get(all, "kinds"));
	json_array_foreach(json_object_get(all, "trend"), i,
	    t) if (json_integer_value(json_object_get(t, "hosts")) > 0)
	    out_say(c, "%lld days ago: %lld left on %lld hosts",
		(long long)json_integer_value(json_object_get(t, "days")),
		(long long)json_integer_value(json_object_get(t, "left")),
		(long long)json_integer_value(json_object_get(t, "hosts")));
	say_exceptions(c, json_object_get(all, "ended"), "exception ended");
	say_exceptions(c, json_object_get(all, "ending"), "exception ends soon");
	if (cli_is_set(c, OPT_HOST))
		for (i = 0; i < s->n; i++)
			say_entries(c, &s->host[i]);
	return ZTJ_OK;
}

int cmd_report_standing(struct cli *c)
{
	char full[ZTJ_FULLNAME_SIZE];
	const char *only = NULL;
	struct standing s = { .n = 0 };
	bool clean = true;
	int r;

	if (c->opt[OPT_HOST].n > 1)
		return cli_fail(c, ZTJ_USAGE, "--host: one, or none for all");
	if ((r = api_open_login(c)) != ZTJ_OK || (r = held_sync(c)) != ZTJ_OK)
		return r;
	if (cli_is_set(c, OPT_HOST)) {
		if ((r = held_resolve(c, cli_opt(c, OPT_HOST), true, full)) != ZTJ_OK)
			return r;
		only = full;
	}
	if ((r = standing_fetch(c, only, &s)) == ZTJ_OK && (c->result = fleet_json(&s)) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK && !c->json)
		r = say(c, &s, c->result);
	for (size_t i = 0; i < s.n; i++)
		clean = clean && s.host[i].state == STANDING_CLEAN;
	cli_exit(c, clean ? 0 : 1);
	standing_free(&s);
	return r;
}
