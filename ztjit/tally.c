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

#define DAY 86400
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
static const char *keep(struct tally *t, const char *text)
{
	void *at;

	if (text[0] == '\0')
		return "";
	at = json_object_iter_at(t->words, text);
	if (at == NULL && json_object_set_new(t->words, text, json_true()) == 0)
		at = json_object_iter_at(t->words, text);
	return at != NULL ? json_object_iter_key(at) : NULL;
}

static const char *word(struct tally *t, const struct ztj_event_in *e, const char *member)
{
	return keep(t, ztj_event_text(e, member));
}

static size_t place(const json_t *index, const char *key)
{
	const json_t *v = json_object_get(index, key);

	return v != NULL ? (size_t)json_integer_value(v) : TALLY_NONE;
}

static int put_place(json_t *index, const char *key, size_t n)
{
	return json_object_set_new(index, key, json_integer((json_int_t)n)) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

static int64_t number(const struct ztj_event_in *e, const char *member)
{
	const json_t *v = json_object_get(e->obj, member);

	return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : 0;
}

static int64_t when(const struct ztj_event_in *e, const char *member)
{
	int64_t t;

	return ztj_time_parse(ztj_event_text(e, member), &t) == ZTJ_OK ? t : 0;
}

static bool is(const struct ztj_event_in *e, const char *member, const char *value)
{
	return strcmp(ztj_event_text(e, member), value) == 0;
}

/* --- what there is to find again --- */

static int find_grant(struct tally *t, const struct ztj_event_in *e, struct tally_grant **out)
{
	const char *hex = ztj_event_text(e, "request");
	uint8_t id[ZTJ_DIGEST_LEN];
	struct tally_grant *more;
	size_t at;

	*out = NULL;
	if (ztj_unhex(ztj_view_str(hex), id, sizeof id) != ZTJ_OK)
		return ZTJ_OK;
	if ((at = place(t->by_id, hex)) != TALLY_NONE) {
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
	return put_place(t->by_id, hex, t->ngrants++);
}

static int find_day(struct tally *t, int64_t time, struct tally_day **out)
{
	char key[24];
	struct tally_day *more;
	size_t at;

	(void)snprintf(key, sizeof key, "%lld", (long long)(time / DAY));
	if ((at = place(t->by_day, key)) != TALLY_NONE) {
		*out = &t->day[at];
		return ZTJ_OK;
	}
	if ((more = tally_grow(t->day, t->ndays, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	t->day = more;
	*out = &t->day[t->ndays];
	**out = (struct tally_day){ .day = time / DAY, .left = t->nstanding > 0 ? t->left : -1 };
	return put_place(t->by_day, key, t->ndays++);
}

struct tally_day *tally_day_at(struct tally *t, int64_t day)
{
	char key[24];
	size_t at;

	(void)snprintf(key, sizeof key, "%lld", (long long)day);
	at = place(t->by_day, key);
	return at != TALLY_NONE ? &t->day[at] : NULL;
}

/* A leaf may stand for several, which a broker did not write one by one. */
static int64_t how_many(const struct ztj_event_in *e)
{
	return strcmp(e->kind, "statement") == 0 && is(e, "statement", "") && number(e, "count") > 0
	    ? number(e, "count")
	    : 1;
}

static int deny(struct tally *t, enum tally_source source, const struct ztj_event_in *e, const char *member)
{
	/* Codes are few, but whoever wrote the leaves might not care. */
	const char *code = t->ndenials < DENIALS_MAX ? word(t, e, member) : keep(t, "other");
	struct tally_denial *more;
	struct tally_day *day;
	int r;

	if (code == NULL)
		return ZTJ_NOMEM;
	if ((r = find_day(t, e->time, &day)) != ZTJ_OK)
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

static bool counts(const struct tally *t, const struct ztj_event_in *e, const struct tally_grant *g)
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

static bool grant_matches(const struct tally *t, const struct tally_grant *g)
{
	const struct tally_filter *f = &t->filter;

	return (f->user == NULL || leaves_is_name(g->person, f->user)) &&
	    (f->role == NULL || strcmp(g->role, f->role) == 0) && (f->host == NULL || in_hosts(g, f->host));
}

/* --- statements --- */

static int set_hosts(struct tally *t, struct tally_grant *g, const struct ztj_event_in *e)
{
	const json_t *list = json_object_get(e->obj, "hosts");
	size_t n = json_array_size(list);

	if (n == 0)
		return ZTJ_OK;
	if ((g->host = calloc(n, sizeof *g->host)) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if ((g->host[g->nhosts] = keep(t, name != NULL ? name : "")) == NULL)
			return ZTJ_NOMEM;
		g->nhosts++;
	}
	return ZTJ_OK;
}

static int request(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	struct tally_day *day;
	int r;

	if (g == NULL || g->known)
		return ZTJ_OK;
	g->known = true;
	g->person = word(t, e, "person");
	g->role = word(t, e, "role");
	g->reason = word(t, e, "reason");
	g->ticket = word(t, e, "ticket");
	g->asked = e->time;
	g->starts = when(e, "starts");
	g->duration = number(e, "duration");
	g->break_glass = is(e, "action", "break-glass");
	g->extends = is(e, "action", "extend");
	if (g->person == NULL || g->role == NULL || g->reason == NULL || g->ticket == NULL)
		return ZTJ_NOMEM;
	if ((r = set_hosts(t, g, e)) != ZTJ_OK || !counts(t, e, g))
		return r;
	if ((r = find_day(t, e->time, &day)) != ZTJ_OK)
		return r;
	g->asked_here = true;
	day->asked++;
	t->count.asked++;
	t->count.break_glass += g->break_glass;
	t->count.extensions += g->extends;
	return ZTJ_OK;
}

static int approval(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	struct tally_vote v = { .who = word(t, e, "person"),
		.comment = word(t, e, "reason"),
		.at = e->time,
		.limit = number(e, "duration"),
		.deny = is(e, "decision", "deny") };
	struct tally_vote *more;

	if (v.who == NULL || v.comment == NULL)
		return ZTJ_NOMEM;
	if (counts(t, e, g)) {
		int r = v.deny ? deny(t, TALLY_BY_APPROVER, e, "") : ZTJ_OK;

		if (r != ZTJ_OK)
			return r;
		t->count.approvals += !v.deny;
		/* which no broker takes: if it stands there, it is to be seen */
		t->count.own_approvals += !v.deny && g != NULL && g->known && v.who == g->person;
		t->count.denials += v.deny;
	}
	if (g == NULL)
		return ZTJ_OK;
	if ((more = tally_grow(g->vote, g->nvotes, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	g->vote = more;
	g->vote[g->nvotes++] = v;
	return ZTJ_OK;
}

static int revocation(struct tally *t, const struct ztj_event_in *e, struct tally_grant *g)
{
	bool own = g != NULL && is(e, "person", g->person);

	if (counts(t, e, g)) {
		t->count.revocations += !own;
		t->count.cancels += own;
	}
	if (g == NULL || g->revoked != 0)
		return ZTJ_OK;
	g->revoked = e->time;
	g->revoked_by = word(t, e, "person");
	g->revoked_why = word(t, e, "reason");
	return g->revoked_by != NULL && g->revoked_why != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

static int statement(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	int r;

	/* What a refused one says of itself, nobody vouches for. */
	if (strcmp(e->outcome, "refused") == 0)
		return counts(t, e, NULL) ? deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
	if ((r = find_grant(t, e, &g)) != ZTJ_OK)
		return r;
	if (is(e, "type", "request"))
		r = request(t, e, g);
	else if (is(e, "type", "approval"))
		r = approval(t, e, g);
	else if (is(e, "type", "revocation"))
		r = revocation(t, e, g);
	else if (counts(t, e, g)) {
		t->count.logins_signed += is(e, "type", "login");
		t->count.kills += is(e, "type", "kill");
	}
	if (r == ZTJ_OK && g != NULL && counts(t, e, g) && grant_matches(t, g))
		g->counts = true;
	return r;
}

static int certificate(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	int r;

	if (strcmp(e->outcome, "refused") == 0)
		return counts(t, e, NULL) ? deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
	if ((r = find_grant(t, e, &g)) != ZTJ_OK)
		return r;
	if (counts(t, e, g)) {
		t->count.certificates++;
		if (g != NULL && grant_matches(t, g))
			g->counts = true;
	}
	if (g != NULL && g->certified == 0)
		g->certified = e->time;
	return ZTJ_OK;
}

/* --- what hosts tell --- */

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
	int64_t at = when(e, "at");

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
		.host = word(t, e, "host"),
		.person = word(t, e, "person"),
		.account = word(t, e, "account"),
		.service = word(t, e, "service"),
		.address = word(t, e, "address"),
		.code = "",
		.begun = host_time(e),
		.day = e->time / DAY,
		.login = logs_in(ztj_event_text(e, "service")),
		.counts = counts(t, e, g) };
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
	if (u.counts && (r = find_day(t, e->time, &day)) != ZTJ_OK)
		return r;
	pid_key(e, pid, key, sizeof key);
	r = pid > 0 ? put_place(t->by_pid, key, t->nuses) : ZTJ_OK;
	t->nuses++;
	return r;
}

static int end_use(struct tally *t, const struct ztj_event_in *e)
{
	char key[320];
	struct tally_use *u;
	size_t at;

	pid_key(e, pid_of(e), key, sizeof key);
	if ((at = place(t->by_pid, key)) == TALLY_NONE)
		return ZTJ_OK;
	u = &t->use[at];
	if (u->ended == 0 || host_time(e) < u->ended)
		u->ended = host_time(e);
	if (is(e, "action", "end") && u->code[0] == '\0' && (u->code = word(t, e, "code")) == NULL)
		return ZTJ_NOMEM;
	/* a number may be given out again once all of it is over */
	if (is(e, "action", "gone"))
		(void)json_object_del(t->by_pid, key);
	return ZTJ_OK;
}

static bool decides(const struct ztj_event_in *e)
{
	static const char *const asked[] = { "principals", "auth", "account", "open", "stepup" };

	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
		if (is(e, "action", asked[i]))
			return true;
	return false;
}

static int decision(struct tally *t, const struct ztj_event_in *e)
{
	struct tally_grant *g = NULL;
	bool here;
	int r = find_grant(t, e, &g);

	if (r != ZTJ_OK)
		return r;
	here = counts(t, e, g);
	if (strcmp(e->outcome, "alarm") == 0) {
		t->count.alarms += here;
		return ZTJ_OK;
	}
	if (!decides(e))
		return is(e, "action", "end") || is(e, "action", "close") || is(e, "action", "gone")
		    ? end_use(t, e)
		    : ZTJ_OK;
	if (strcmp(e->outcome, "denied") == 0) {
		if (!here)
			return ZTJ_OK;
		if (g != NULL) {
			g->refused++;
			g->counts = true;
		}
		return deny(t, TALLY_BY_HOST, e, "code");
	}
	t->count.stepups += here && is(e, "action", "stepup");
	if (!is(e, "action", "open"))
		return ZTJ_OK;
	/* Cron and the like, outside any person's session. */
	if (g == NULL) {
		t->count.exempt += here;
		return ZTJ_OK;
	}
	/* A line without a rule is the recorder's own child, inside a session that has one. */
	return is(e, "rule", "") ? ZTJ_OK : add_use(t, e, g);
}

static int session(struct tally *t, const struct ztj_event_in *e)
{
	const char *id = ztj_event_text(e, "session");
	struct tally_record *rec, *more;
	struct tally_grant *g = NULL;
	size_t at = place(t->by_id, id);
	int r;

	/* no digest of a request, which share the index */
	if (strncmp(id, "S-", 2) != 0)
		return ZTJ_OK;
	if (at == TALLY_NONE) {
		if ((more = tally_grow(t->record, t->nrecords, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		t->record = more;
		if ((r = find_grant(t, e, &g)) != ZTJ_OK ||
		    (r = put_place(t->by_id, id, t->nrecords)) != ZTJ_OK)
			return r;
		t->record[t->nrecords] = (struct tally_record){ .grant = g != NULL ? (size_t)(g - t->grant)
										   : TALLY_NONE,
			.use = TALLY_NONE,
			.id = keep(t, id),
			.host = word(t, e, "host"),
			.person = word(t, e, "person"),
			.account = word(t, e, "account"),
			.service = word(t, e, "service"),
			.address = word(t, e, "address"),
			.command = word(t, e, "command"),
			.begun = host_time(e),
			.ends = when(e, "ends"),
			.counts = counts(t, e, g) };
		at = t->nrecords++;
		if (t->record[at].counts && g != NULL)
			g->counts = true;
	}
	rec = &t->record[at];
	rec->state = keep(t, e->outcome);
	if (rec->id == NULL || rec->host == NULL || rec->person == NULL || rec->account == NULL ||
	    rec->service == NULL || rec->address == NULL || rec->command == NULL || rec->state == NULL)
		return ZTJ_NOMEM;
	if (number(e, "chunks") > 0) {
		rec->chunks = number(e, "chunks");
		rec->bytes = number(e, "bytes");
	}
	if (strcmp(e->outcome, "closed") == 0 || strcmp(e->outcome, "lost") == 0)
		rec->ended = host_time(e);
	return ZTJ_OK;
}

static int standing(struct tally *t, const struct ztj_event_in *e)
{
	const char *host = word(t, e, "host");
	struct tally_standing *s, *more;
	struct tally_day *day;
	size_t at;
	int r;

	/* Reports from before the period say what was left when it began. */
	if (t->filter.host != NULL && !leaves_has_host(e, t->filter.host))
		return ZTJ_OK;
	if (host == NULL)
		return ZTJ_NOMEM;
	if ((at = place(t->by_host, host)) == TALLY_NONE) {
		if ((more = tally_grow(t->standing, t->nstanding, sizeof *more)) == NULL)
			return ZTJ_NOMEM;
		t->standing = more;
		t->standing[t->nstanding] = (struct tally_standing){ .host = host };
		if ((r = put_place(t->by_host, host, t->nstanding)) != ZTJ_OK)
			return r;
		at = t->nstanding++;
	}
	s = &t->standing[at];
	t->left -= s->standing + s->expired;
	*s = (struct tally_standing){ .host = host,
		.at = host_time(e),
		.counted = json_is_integer(json_object_get(e->obj, "standing")),
		.standing = number(e, "standing"),
		.accepted = number(e, "accepted"),
		.expired = number(e, "expired"),
		.missed = number(e, "missed") };
	/* One host may say what it likes of itself, but not make the sum overflow. */
	if (s->standing > UINT32_MAX || s->expired > UINT32_MAX || s->accepted > UINT32_MAX ||
	    s->missed > UINT32_MAX)
		*s = (struct tally_standing){ .host = host, .at = s->at };
	t->left += s->standing + s->expired;
	if (e->time < t->filter.since)
		return ZTJ_OK;
	t->count.standing++;
	if ((r = find_day(t, e->time, &day)) == ZTJ_OK)
		day->left = t->left;
	return r;
}

static int other(struct tally *t, const struct ztj_event_in *e)
{
	bool here = counts(t, e, NULL), refused = strcmp(e->outcome, "refused") == 0;

	if (!here)
		return ZTJ_OK;
	t->count.alarms += strcmp(e->kind, "alarm") == 0;
	t->count.views += strcmp(e->kind, "view") == 0 && !refused;
	t->count.views_refused += strcmp(e->kind, "view") == 0 && refused;
	t->count.policies += strcmp(e->kind, "policy") == 0 && !refused;
	t->count.directories += strcmp(e->kind, "directory") == 0 && strcmp(e->outcome, "accepted") == 0;
	t->count.asked_in += strcmp(e->kind, "pending") == 0 && strcmp(e->outcome, "asked") == 0;
	t->count.restarts += strcmp(e->kind, "broker") == 0 && strcmp(e->outcome, "started") == 0;
	return refused ? deny(t, TALLY_BY_BROKER, e, "code") : ZTJ_OK;
}

int tally_leaf(struct tally *t, const struct ztj_event_in *e)
{
	static const struct {
		const char *kind;
		int (*take)(struct tally *t, const struct ztj_event_in *e);
	} kinds[] = { { "statement", statement }, { "certificate", certificate }, { "decision", decision },
		{ "session", session }, { "standing", standing } };
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
