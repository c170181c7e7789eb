/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What hosts told: decisions, sessions and their records, standing access. */
#include "ztjit/leaves.h"
#include "ztjit/tally_priv.h"

#include <stdio.h>
#include <string.h>

/* The number of the process, which only the host's own line has: 0 where it cannot be read. */
static int64_t pid_of(const struct ztj_event_in *e)
{
	const char *in = ztj_event_text(e, "line");
	struct ztj_buf b;
	json_t *line = NULL;
	int64_t pid = 0;

	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	for (const char *at; (at = strstr(in, "\\x5c")) != NULL; in = at + 4) {
		(void)ztj_buf_put(&b, in, (size_t)(at - in));
		(void)ztj_buf_put_u8(&b, '\\');
	}
	(void)ztj_buf_puts(&b, in);
	/* strict it need not be: its text may hold, escaped, what no leaf may */
	if (ztj_buf_status(&b) == ZTJ_OK)
		line = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	pid = json_integer_value(json_object_get(line, "pid"));
	json_decref(line);
	ztj_buf_free(&b);
	return pid > 0 ? pid : 0;
}

static void pid_key(const struct ztj_event_in *e, int64_t pid, char *key, size_t size)
{
	(void)snprintf(key, size, "%lld %s", (long long)pid, ztj_event_text(e, "host"));
}

static int64_t host_time(const struct ztj_event_in *e)
{
	int64_t at = tally_when(e, "at");

	return at != 0 ? at : e->time;
}

static bool logs_in(const char *service)
{
	return strcmp(service, "sshd") == 0 || strcmp(service, "login") == 0;
}

static int add_use(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	struct tally_use u = { .grant = (size_t)(g - t->grant),
		.record = TALLY_NONE,
		.host = tally_word(t, e, "host"),
		.person = tally_word(t, e, "person"),
		.account = tally_word(t, e, "account"),
		.service = tally_word(t, e, "service"),
		.address = tally_word(t, e, "address"),
		.code = "",
		.begun = host_time(e),
		.day = e->time / TALLY_DAY,
		.login = logs_in(ztj_event_text(e, "service")),
		.counts = tally_counts(t, e, g) };
	int64_t pid = pid_of(e);
	struct tally_use *more;
	struct tally_day *day;
	char key[320];
	int r;

	if (u.host == NULL || u.person == NULL || u.account == NULL || u.service == NULL ||
	    u.address == NULL || (more = tally_grow(t->use, t->nuses, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	t->use = more;
	t->use[t->nuses] = u;
	if (g->first_use == 0 || u.begun < g->first_use)
		g->first_use = u.begun;
	if (u.begun > g->last_use)
		g->last_use = u.begun;
	g->counts = g->counts || u.counts;
	if (u.counts && (r = tally_find_day(t, e->time, &day)) != ZTJ_OK)
		return r;
	pid_key(e, pid, key, sizeof key);
	r = pid > 0 ? tally_put_place(t->by_pid, key, t->nuses) : ZTJ_OK;
	t->nuses++;
	return r;
}

static int end_use(struct tally *t, const struct ztj_event_in *e)
{
	char key[320];
	struct tally_use *u;
	size_t at;

	pid_key(e, pid_of(e), key, sizeof key);
	if ((at = tally_place(t->by_pid, key)) == TALLY_NONE)
		return ZTJ_OK;
	u = &t->use[at];
	if (u->ended == 0 || host_time(e) < u->ended)
		u->ended = host_time(e);
	if (tally_is(e, "action", "end") && u->code[0] == '\0' &&
	    (u->code = tally_word(t, e, "code")) == NULL)
		return ZTJ_NOMEM;
	/* a number may be given out again once all of it is over */
	if (tally_is(e, "action", "gone"))
		(void)json_object_del(t->by_pid, key);
	return ZTJ_OK;
}

static bool decides(const struct ztj_event_in *e)
{
	static const char *const asked[] = { "principals", "auth", "account", "open", "stepup" };

	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (tally_is(e, "action", asked[i]))
			return true;
	return false;
}

int tally_decision(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	bool here;
	int r = tally_find_grant(t, e, &g);

	if (r != ZTJ_OK)
		return r;
	here = tally_counts(t, e, g);
	if (strcmp(e->outcome, "alarm") == 0) {
		t->count.alarms += here;
		return ZTJ_OK;
	}
	if (!decides(e))
		return tally_is(e, "action", "end") || tally_is(e, "action", "close") ||
			tally_is(e, "action", "gone")
		    ? end_use(t, e)
		    : ZTJ_OK;
	if (strcmp(e->outcome, "denied") == 0) {
		if (!here)
			return ZTJ_OK;
		if (g != NULL) {
			g->refused++;
			g->counts = true;
		}
		return tally_deny(t, TALLY_BY_HOST, e, "code");
	}
	t->count.stepups += here && tally_is(e, "action", "stepup");
	if (!tally_is(e, "action", "open"))
		return ZTJ_OK;
	/* Cron and the like, outside any person's session. */
	if (g == NULL) {
		t->count.exempt += here;
		return ZTJ_OK;
	}
	/* A line without a rule is the recorder's own child, inside a session that has one. */
	return tally_is(e, "rule", "") ? ZTJ_OK : add_use(t, e, g);
}

int tally_session(struct tally *t, const struct ztj_event_in *e)
{
	const char *id = ztj_event_text(e, "session");
	struct tally_record *rec, *more;
	struct tally_grant *g = NULL;
	size_t at = tally_place(t->by_id, id);
	int r;

	/* no digest of a request, which share the index */
	if (strncmp(id, "S-", 2) != 0)
		return ZTJ_OK;
	if (at == TALLY_NONE) {
		if ((more = tally_grow(t->record, t->nrecords, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		t->record = more;
		if ((r = tally_find_grant(t, e, &g)) != ZTJ_OK ||
		    (r = tally_put_place(t->by_id, id, t->nrecords)) != ZTJ_OK)
			return r;
		t->record[t->nrecords] = (struct tally_record){ .grant = g != NULL ? (size_t)(g - t->grant)
										   : TALLY_NONE,
			.use = TALLY_NONE,
			.id = tally_keep(t, id),
			.host = tally_word(t, e, "host"),
			.person = tally_word(t, e, "person"),
			.account = tally_word(t, e, "account"),
			.service = tally_word(t, e, "service"),
			.address = tally_word(t, e, "address"),
			.command = tally_word(t, e, "command"),
			.begun = host_time(e),
			.ends = tally_when(e, "ends"),
			.counts = tally_counts(t, e, g) };
		at = t->nrecords++;
		if (t->record[at].counts && g != NULL)
			g->counts = true;
	}
	rec = &t->record[at];
	rec->state = tally_keep(t, e->outcome);
	if (rec->id == NULL || rec->host == NULL || rec->person == NULL || rec->account == NULL ||
	    rec->service == NULL || rec->address == NULL || rec->command == NULL || rec->state == NULL)
		return ZTJ_NOMEM;
	if (tally_number(e, "chunks") > 0) {
		rec->chunks = tally_number(e, "chunks");
		rec->bytes = tally_number(e, "bytes");
	}
	if (strcmp(e->outcome, "closed") == 0 || strcmp(e->outcome, "lost") == 0)
		rec->ended = host_time(e);
	return ZTJ_OK;
}

int tally_standing_leaf(struct tally *t, const struct ztj_event_in *e)
{
	const char *host = tally_word(t, e, "host");
	struct tally_standing *s, *more;
	struct tally_day *day;
	size_t at;
	int r;

	/* Reports from before the period say what was left when it began. */
	if (t->filter.host != NULL && !leaves_has_host(e, t->filter.host))
		return ZTJ_OK;
	if (host == NULL)
		return ZTJ_NOMEM;
	if ((at = tally_place(t->by_host, host)) == TALLY_NONE) {
		if ((more = tally_grow(t->standing, t->nstanding, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		t->standing = more;
		t->standing[t->nstanding] = (struct tally_standing){ .host = host };
		if ((r = tally_put_place(t->by_host, host, t->nstanding)) != ZTJ_OK)
			return r;
		at = t->nstanding++;
	}
	s = &t->standing[at];
	t->left -= s->standing + s->expired;
	*s = (struct tally_standing){ .host = host,
		.at = host_time(e),
		.counted = json_is_integer(json_object_get(e->obj, "standing")),
		.standing = tally_number(e, "standing"),
		.accepted = tally_number(e, "accepted"),
		.expired = tally_number(e, "expired"),
		.missed = tally_number(e, "missed") };
	/* One host may say what it likes of itself, but not make the sum overflow. */
	if (s->standing > UINT32_MAX || s->expired > UINT32_MAX || s->accepted > UINT32_MAX ||
	    s->missed > UINT32_MAX)
		*s = (struct tally_standing){ .host = host, .at = s->at };
	t->left += s->standing + s->expired;
	if (e->time < t->filter.since)
		return ZTJ_OK;
	t->count.standing++;
	if ((r = tally_find_day(t, e->time, &day)) == ZTJ_OK)
		day->left = t->left;
	return r;
}
