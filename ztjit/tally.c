/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Leaf by leaf. */
#include "ztjit/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit/leaves.h"
#include "ztjit/tally_priv.h"

#define DENIALS_MAX 500

int tally_init(struct tally *t, const struct tally_filter *f)
{
	memset(t, 0, sizeof *t);
	t->filter = *f;
	t->words = json_object();
	t->by_id = json_object();
	t->by_pid = json_object();
	t->by_host = json_object();
	t->by_day = json_object();
	t->hosts_seen = json_object();
	return t->words != NULL && t->by_id != NULL && t->by_pid != NULL && t->by_host != NULL &&
		t->by_day != NULL && t->hosts_seen != NULL
	    ? ZTJ_OK
	    : ZTJ_NOMEM;
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; i < t->ngrants; i++) {
		free(t->grant[i].host);
		free(t->grant[i].vote);
	}
	free(t->grant);
	free(t->use);
	free(t->record);
	free(t->denial);
	free(t->standing);
	free(t->day);
	free(t->first_approval.s);
	free(t->approval.s);
	json_decref(t->words);
	json_decref(t->by_id);
	json_decref(t->by_pid);
	json_decref(t->by_host);
	json_decref(t->by_day);
	json_decref(t->hosts_seen);
	memset(t, 0, sizeof *t);
}

/* --- memory --- */

void *tally_grow(void *array, size_t n, size_t size)
{
	/* doubled at every power of two from 16 on */
	if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
		return array;
	return reallocarray(array, n == 0 ? 16 : 2 * n, size);
}

/* A text that lives as long as the tally; equal ones are one. NULL for want of memory. */
const char *tally_keep(struct tally *t, const char *text)
{
	void *at;

	if (text[0] == '\0')
		return "";
	at = json_object_iter_at(t->words, text);
	if (at == NULL && json_object_set_new(t->words, text, json_true()) == 0)
		at = json_object_iter_at(t->words, text);
	return at != NULL ? json_object_iter_key(at) : NULL;
}

const char *tally_word(struct tally *t, const struct ztj_event_in *e, const char *member)
{
	return tally_keep(t, ztj_event_text(e, member));
}

size_t tally_place(const json_t *index, const char *key)
{
	const json_t *v = json_object_get(index, key);

	return v != NULL ? (size_t)json_integer_value(v) : TALLY_NONE;
}

int tally_put_place(json_t *index, const char *key, size_t n)
{
	return json_object_set_new(index, key, json_integer((json_int_t)n)) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

int64_t tally_number(const struct ztj_event_in *e, const char *member)
{
	/* No honest leaf says more; sums of what another says must not overflow. */
	static const json_int_t most = INT64_C(1) << 40;
	json_int_t n = json_integer_value(json_object_get(e->obj, member));

	return n > most ? most : n > 0 ? n : 0;
}

int64_t tally_when(const struct ztj_event_in *e, const char *member)
{
	int64_t t;

	return ztj_time_parse(ztj_event_text(e, member), &t) == ZTJ_OK ? t : 0;
}

bool tally_is(const struct ztj_event_in *e, const char *member, const char *value)
{
	return strcmp(ztj_event_text(e, member), value) == 0;
}

/* --- what there is to find again --- */

int tally_find_grant(struct tally *t, const struct ztj_event_in *e, struct tally_grant **out)
{
	const char *hex = ztj_event_text(e, "request");
	uint8_t id[ZTJ_DIGEST_LEN];
	struct tally_grant *more;
	size_t at;

	*out = NULL;
	if (ztj_unhex(ztj_view_str(hex), id, sizeof id) != ZTJ_OK)
		return ZTJ_OK;
	if ((at = tally_place(t->by_id, hex)) != TALLY_NONE) {
		*out = &t->grant[at];
		return ZTJ_OK;
	}
	if ((more = tally_grow(t->grant, t->ngrants, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	t->grant = more;
	more = &t->grant[t->ngrants];
	*more = (struct tally_grant){ .person = "",
		.role = "",
		.reason = "",
		.ticket = "",
		.revoked_by = "",
		.revoked_why = "" };
	memcpy(more->id, id, sizeof id);
	*out = more;
	return tally_put_place(t->by_id, hex, t->ngrants++);
}

int tally_find_day(struct tally *t, int64_t time, struct tally_day **out)
{
	char key[24];
	struct tally_day *more;
	size_t at;

	(void)snprintf(key, sizeof key, "%lld", (long long)(time / TALLY_DAY));
	if ((at = tally_place(t->by_day, key)) != TALLY_NONE) {
		*out = &t->day[at];
		return ZTJ_OK;
	}
	if ((more = tally_grow(t->day, t->ndays, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	t->day = more;
	*out = &t->day[t->ndays];
	**out = (struct tally_day){ .day = time / TALLY_DAY, .left = t->nstanding > 0 ? t->left : -1 };
	return tally_put_place(t->by_day, key, t->ndays++);
}

struct tally_day *tally_day_at(struct tally *t, int64_t day)
{
	char key[24];
	size_t at;

	(void)snprintf(key, sizeof key, "%lld", (long long)day);
	at = tally_place(t->by_day, key);
	return at != TALLY_NONE ? &t->day[at] : NULL;
}

/* A leaf may stand for several, which a broker did not write one by one. */
static int64_t how_many(const struct ztj_event_in *e)
{
	return strcmp(e->kind, "statement") == 0 && tally_is(e, "statement", "") &&
		tally_number(e, "count") > 0
	    ? tally_number(e, "count")
	    : 1;
}

int tally_deny(struct tally *t, enum tally_source source, const struct ztj_event_in *e, const char *member)
{
	/* Codes are few, but whoever wrote the leaves might not care. */
	const char *code = t->ndenials < DENIALS_MAX ? tally_word(t, e, member) : tally_keep(t, "other");
	struct tally_denial *more;
	struct tally_day *day;
	int r;

	if (code == NULL)
		return ZTJ_NOMEM;
	if ((r = tally_find_day(t, e->time, &day)) != ZTJ_OK)
		return r;
	day->denied += how_many(e);
	for (size_t i = 0; i < t->ndenials; i++)
		if (t->denial[i].source == source && t->denial[i].code == code) {
			t->denial[i].n += how_many(e);
			return ZTJ_OK;
		}
	if ((more = tally_grow(t->denial, t->ndenials, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	t->denial = more;
	t->denial[t->ndenials++] = (struct tally_denial){ source, code, how_many(e) };
	return ZTJ_OK;
}

/* --- which leaves count --- */

static bool in_hosts(const struct tally_grant *g, const char *want)
{
	for (size_t i = 0; i < g->nhosts; i++)
		if (leaves_is_name(g->host[i], want))
			return true;
	return false;
}

bool tally_counts(const struct tally *t, const struct ztj_event_in *e, const struct tally_grant *g)
{
	const struct tally_filter *f = &t->filter;
	const char *role = ztj_event_text(e, "role");

	if (role[0] == '\0' && g != NULL)
		role = g->role;
	return e->time >= f->since &&
	    (f->user == NULL || leaves_is_name(ztj_event_text(e, "person"), f->user) ||
		leaves_is_name(ztj_event_text(e, "by"), f->user) ||
		(g != NULL && leaves_is_name(g->person, f->user))) &&
	    (f->host == NULL || leaves_has_host(e, f->host) ||
		(g != NULL && ztj_event_text(e, "host")[0] == '\0' && in_hosts(g, f->host))) &&
	    (f->role == NULL || strcmp(role, f->role) == 0);
}

bool tally_matches(const struct tally *t, const struct tally_grant *g)
{
	const struct tally_filter *f = &t->filter;

	return (f->user == NULL || leaves_is_name(g->person, f->user)) &&
	    (f->role == NULL || strcmp(g->role, f->role) == 0) && (f->host == NULL || in_hosts(g, f->host));
}

/* --- all kinds --- */

static int other(struct tally *t, const struct ztj_event_in *e)
{
	bool here = tally_counts(t, e, NULL), refused = strcmp(e->outcome, "refused") == 0;

	if (!here)
		return ZTJ_OK;
	t->count.alarms += strcmp(e->kind, "alarm") == 0;
	t->count.views += strcmp(e->kind, "view") == 0 && !refused;
	t->count.views_refused += strcmp(e->kind, "view") == 0 && refused;
	t->count.policies += strcmp(e->kind, "policy") == 0 && !refused;
	t->count.directories += strcmp(e->kind, "directory") == 0 && strcmp(e->outcome, "accepted") == 0;
	t->count.asked_in += strcmp(e->kind, "pending") == 0 && strcmp(e->outcome, "asked") == 0;
	t->count.restarts += strcmp(e->kind, "broker") == 0 && strcmp(e->outcome, "started") == 0;
	return refused ? tally_deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
}

int tally_leaf(struct tally *t, const struct ztj_event_in *e)
{
	static const struct {
		const char *kind;
		int (*take)(struct tally *t, const struct ztj_event_in *e);
	} kinds[] = { { "statement", tally_statement }, { "certificate", tally_certificate },
		{ "decision", tally_decision }, { "session", tally_session },
		{ "standing", tally_standing_leaf } };
	const char *host = ztj_event_text(e, "host");

	if (e->time > t->filter.until)
		return ZTJ_OK;
	if (e->time >= t->filter.since) {
		t->count.leaves++;
		t->first = t->first == 0 || e->time < t->first ? e->time : t->first;
		t->last = e->time > t->last ? e->time : t->last;
		if (host[0] != '\0' && json_object_set_new(t->hosts_seen, host, json_true()) != 0)
			return ZTJ_NOMEM;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(e->kind, kinds[i].kind) == 0)
			return kinds[i].take(t, e);
	return other(t, e);
}
