/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostile/company.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const co_dir_name[CO_DIRS] = { "people", "approvers", "servers" };

#define DAY 86400
#define MERKLE(leaf) ((const ztj_hash *)(uintptr_t)(leaf)) /* C17 cannot add const to what arrays hold */

static const struct fx_person extras[CO_EXTRAS] = {
	[CO_ALIAS] = { .name = "req1",
	    .full = "approvers/req1",
	    .uid = 21001,
	    .ngroups = 2,
	    .groups = { "security", "sre-leads" } },
	[CO_TWIN] = { .name = "lead1",
	    .full = "approvers/lead1",
	    .uid = 21003,
	    .ngroups = 1,
	    .groups = { "sre-leads" } },
	[CO_GONE] = { .name = "gone1",
	    .full = "approvers/gone1",
	    .uid = 21009,
	    .ngroups = 1,
	    .groups = { "security" } },
	[CO_VICTIM] = { .name = "vic1",
	    .full = "people/vic1",
	    .uid = 20011,
	    .ngroups = 1,
	    .groups = { "sre" } },
};

/* ---- the policy ---- */

static const char roles[] =
    "roles = {\n"
    "  root-shell = { login = [ \"root\" ]; record = \"none\"; };\n"
    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\" ]; groups = [ \"ztjit-root\" ]; record = \"none\"; };\n"
    "  brief-root = { login = [ \"root\" ]; record = \"none\"; };\n"
    "  recorded = { login = [ \"root\" ]; record = \"output\"; };\n"
    "};\n"
    "gids = { ztjit-root = 61000; };\n";
static const char rules[] =
    "rules = (\n"
    "  { name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"recorded\" ]; hosts = { env = \"prod\"; };\n"
    "    max = \"1h\"; max_total = \"2h\"; request_valid = \"1h\"; ahead = \"1d\";\n"
    "    approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n"
    "    verify = \"uv\"; step_up = [ \"agent\", \"confirm\" ]; step_up_every = \"15m\"; sources = [ \"10.0.0.0/8\" ];\n"
    "    reason_min = 10; ticket = \"^INC-[0-9]+$\"; freshness = \"15m\"; on_stale = \"deny\"; },\n"
    "  { name = \"prod-sudo\"; who = [ \"@sre\" ]; roles = [ \"sudo-root\" ]; hosts = { env = \"prod\"; };\n"
    "    max = \"1h\"; max_total = \"2h\"; request_valid = \"1h\"; ahead = \"1d\";\n"
    "    approvals = ( { count = 1; from = [ \"@sre-leads\", \"@security\" ]; } ); verify = \"uv\";\n"
    "    step_up = [ \"confirm\" ]; reason_min = 10; freshness = \"15m\"; },\n"
    "  { name = \"brief\"; who = [ \"@sre\" ]; roles = [ \"brief-root\" ]; hosts = { env = \"prod\"; };\n"
    "    max = \"1h\"; max_total = \"2h\"; request_valid = \"1h\"; ahead = \"1d\";\n"
    "    approvals = ( { count = 1; from = [ \"@sre-leads\" ]; } ); step_up = [ \"confirm\" ]; freshness = \"6s\"; },\n"
    "  { name = \"test-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\" ]; hosts = { env = \"test\"; };\n"
    "    max = \"8h\"; max_total = \"8h\"; request_valid = \"4h\"; ahead = \"1d\"; approvals = ( );\n"
    "    step_up = [ \"confirm\" ]; freshness = \"1h\"; }\n"
    ");\n";

static void put_key(struct ztj_buf *out, const struct soft_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	ok(ztj_key_to_text(&k->pub, text));
	ok(ztj_buf_printf(out, "\"%s\"", text));
}

void company_registrars(struct company *co, const char *people_more, struct ztj_buf *out)
{
	const struct soft_key *people = &co->w.registrar[0], *servers = &co->w.registrar[1];

	ok(ztj_buf_puts(out, "registrars = (\n  { directory = \"people\"; keys = [ "));
	put_key(out, people);
	ok(ztj_buf_printf(out,
	    " ]; threshold = 1; groups = [ \"sre\", \"sre-leads\", \"security\" ];\n"
	    "    uids = [ 20000, 20999 ]; %s },\n  { directory = \"approvers\"; keys = [ ",
	    people_more != NULL ? people_more : ""));
	put_key(out, people);
	ok(ztj_buf_puts(out,
	    " ]; threshold = 1; groups = [ \"sre-leads\", \"security\" ]; uids = [ 21000, 21999 ]; },\n"
	    "  { directory = \"servers\"; keys = [ "));
	put_key(out, servers);
	ok(ztj_buf_puts(out, " ]; threshold = 1; labels = { env = [ \"prod\", \"test\" ]; }; } );\n"));
}

void company_policy(struct company *co, int version, const char *more, const char *registrars,
    struct fx_signed *out)
{
	struct ztj_buf reg;
	char expires[ZTJ_TIME_SIZE];
	struct fx_policy p = { .version = version,
		.roles = roles,
		.rules = rules,
		.more = more,
		.expires = expires };

	ok(ztj_time_format(co->w.now + 300 * DAY, expires));
	ztj_buf_init(&reg, 16384);
	company_registrars(co, NULL, &reg);
	p.registrars = registrars != NULL ? registrars : ztj_buf_str(&reg);
	fx_policy(&co->w, &p, out);
	ztj_buf_free(&reg);
}

/* ---- records ---- */

struct keyspan {
	const struct ztj_key *key;
	int64_t from, until;
};

static void user_record(const struct fx_person *p, const struct keyspan *keys, size_t nkeys,
    struct ztj_buf *out)
{
	struct ztj_userkey uk[4];
	const char *groups[4];
	struct ztj_record r = { .name = p->name,
		.uid = p->uid,
		.nkeys = nkeys,
		.keys = uk,
		.ngroups = p->ngroups,
		.groups = groups };

	memcpy(groups, p->groups, sizeof(groups));
	for (size_t i = 0; i < nkeys; i++)
		uk[i] = (struct ztj_userkey){ .key = *keys[i].key,
			.credential = "",
			.from = keys[i].from,
			.until = keys[i].until };
	ztj_buf_init(out, ZTJ_RECORD_MAX);
	ok(ztj_record_build(&r, out));
}

static void add_person(struct company *co, int dir, int gen, const struct fx_person *p)
{
	struct keyspan k[4] = { { &p->key.pub, co->w.now - 30 * DAY, 0 } };
	size_t n = 1;

	if (strcmp(p->full, "people/lead1") == 0)
		k[n++] = (struct keyspan){ &co->lead1_old.pub, co->w.now - 300 * DAY, co->w.now - DAY };
	if (strcmp(p->full, "people/sec1") == 0)
		k[n++] = (struct keyspan){ &co->sec1_next.pub, co->w.now + DAY, 0 };
	for (size_t i = 0; i < co->nlogin && strcmp(p->full, "people/req1") == 0; i++)
		k[n++] = (struct keyspan){ &co->login[i], co->w.now - DAY, 0 };
	user_record(p, k, n, &co->record[dir][gen][co->nrecords[dir][gen]++]);
}

static void add_host(struct company *co, int gen, const struct fx_host *h)
{
	struct ztj_buf *b = &co->record[CO_SERVERS][gen][co->nrecords[CO_SERVERS][gen]++];

	ztj_buf_init(b, ZTJ_RECORD_MAX);
	fx_host_record(h, b);
}

static int record_order(const void *a, const void *b)
{
	struct ztj_record *x, *y;
	int c;

	ok(ztj_record_parse(ztj_buf_view(a), &x));
	ok(ztj_record_parse(ztj_buf_view(b), &y));
	c = strcmp(x->name, y->name);
	ztj_record_unref(x);
	ztj_record_unref(y);
	return c;
}

/* At serial 1 there was gone1, and req2 was in no directory yet. */
static void make_records(struct company *co, int gen)
{
	const struct fx_person shared[2] = {
		{ .name = "both2",
		    .full = "people/both2",
		    .uid = 20019,
		    .ngroups = 1,
		    .groups = { "security" },
		    .key = co->shared },
		{ .name = "both2",
		    .full = "approvers/both2",
		    .uid = 21019,
		    .ngroups = 1,
		    .groups = { "security" },
		    .key = co->shared },
	};

	for (size_t i = 0; i < FX_PEOPLE; i++)
		if (gen == 1 || i != FX_REQ2)
			add_person(co, CO_PEOPLE, gen, &co->w.person[i]);
	add_person(co, CO_PEOPLE, gen, &co->extra[CO_VICTIM]);
	add_person(co, CO_PEOPLE, gen, &shared[0]);
	add_person(co, CO_APPROVERS, gen, &co->extra[CO_ALIAS]);
	add_person(co, CO_APPROVERS, gen, &co->extra[CO_TWIN]);
	add_person(co, CO_APPROVERS, gen, &shared[1]);
	if (gen == 0)
		add_person(co, CO_APPROVERS, gen, &co->extra[CO_GONE]);
	for (size_t i = 0; i < FX_HOSTS; i++)
		add_host(co, gen, &co->w.host[i]);
	for (int d = 0; d < CO_DIRS; d++)
		qsort(co->record[d][gen], co->nrecords[d][gen], sizeof(struct ztj_buf), record_order);
}

/* ---- directories ---- */

const struct soft_key *company_registrar(const struct company *co, int dir)
{
	return &co->w.registrar[dir == CO_SERVERS ? 1 : 0];
}

void company_directory(struct company *co, const char *name, int64_t serial, const uint8_t *previous,
    const struct ztj_view *rec, size_t n, const struct soft_key *k, struct fx_signed *out)
{
	ztj_hash *leaf = calloc(n + 1, sizeof(*leaf));
	struct ztj_stmt *st = calloc(1, sizeof(*st));

	assert_non_null(leaf);
	assert_non_null(st);
	fx_stmt(&co->w, st, ZTJ_STMT_DIRECTORY);
	st->u.directory.name = name;
	st->u.directory.serial = serial;
	st->u.directory.expires = co->w.now + 90 * DAY;
	st->u.directory.records = (int64_t)n;
	if (previous != NULL)
		memcpy(st->u.directory.previous, previous, ZTJ_DIGEST_LEN);
	for (size_t i = 0; i < n; i++)
		ok(ztj_merkle_leaf(rec[i], leaf[i]));
	ok(ztj_merkle_root(MERKLE(leaf), n, st->u.directory.root));
	fx_stmt_sign(st, FX_UP, &k, 1, out);
	free(st);
	free(leaf);
}

void company_json(const struct fx_signed *s, struct ztj_buf *out)
{
	ztj_buf_init(out, 2 * ZTJ_POLICY_MAX);
	ok(ztj_signed_to_json(&s->s, out));
}

void company_answer(const char *name, int64_t serial, const struct fx_signed *const *st, size_t nst,
    const char *const *drop, size_t ndrop, const struct ztj_view *put, size_t nput, struct ztj_buf *out)
{
	json_t *o = json_object(), *a = json_array();
	char *text;

	json_object_set_new(o, "name", json_string(name));
	json_object_set_new(o, "serial", json_integer(serial));
	for (size_t i = 0; i < nst; i++) {
		struct ztj_buf b;
		company_json(st[i], &b);
		json_array_append_new(a, json_loadb((const char *)b.p, b.n, 0, NULL));
		ztj_buf_free(&b);
	}
	json_object_set_new(o, "statements", a);
	a = json_array();
	for (size_t i = 0; i < ndrop; i++)
		json_array_append_new(a, json_string(drop[i]));
	json_object_set_new(o, "drop", a);
	a = json_array();
	for (size_t i = 0; i < nput; i++)
		json_array_append_new(a, json_stringn((const char *)put[i].p, put[i].n));
	json_object_set_new(o, "put", a);
	text = json_dumps(o, JSON_COMPACT);
	assert_non_null(text);
	ztj_buf_init(out, 4 * ZTJ_POLICY_MAX);
	ok(ztj_buf_puts(out, text));
	free(text);
	json_decref(o);
}

/* Everything from the beginning, or the second step alone. */
void company_honest_answer(struct company *co, int dir, int64_t since, struct ztj_buf *out)
{
	const struct fx_signed *st[2] = { &co->dir[dir][0], &co->dir[dir][1] };
	struct ztj_view put[CO_RECORDS_MAX];
	size_t from = since >= 2 ? 2 : since == 1 ? 1 : 0;

	for (size_t i = 0; i < co->nrecords[dir][1]; i++)
		put[i] = ztj_buf_view(&co->record[dir][1][i]);
	company_answer(co_dir_name[dir], 2, st + from, 2 - from, NULL, 0, put,
	    from < 2 ? co->nrecords[dir][1] : 0, out);
}

static void make_directories(struct company *co, int gen)
{
	for (int d = 0; d < CO_DIRS; d++) {
		struct ztj_view rec[CO_RECORDS_MAX];

		for (size_t i = 0; i < co->nrecords[d][gen]; i++)
			rec[i] = ztj_buf_view(&co->record[d][gen][i]);
		company_directory(co, co_dir_name[d], gen + 1, gen == 0 ? NULL : co->dir[d][0].id, rec,
		    co->nrecords[d][gen], company_registrar(co, d), &co->dir[d][gen]);
	}
}

/* ---- the whole ---- */

void company_status(struct company *co, const struct ztj_trust *t, int64_t now, const struct soft_key *k,
    struct fx_signed *out)
{
	struct fx_world view = co->w;

	view.trust = (struct ztj_trust *)(uintptr_t)t; /* only read */
	view.now = now;
	fx_status(&view, k, out);
}

int company_request(const struct ztj_trust *t, const struct ztj_stmt *request)
{
	const struct ztj_record *who;
	int r = ztj_trust_took(t, request, request->u.request.who, &who);

	if (r != ZTJ_OK || who == NULL)
		return r != ZTJ_OK ? r : ZTJ_USER_UNKNOWN;
	for (size_t i = 0; i < request->u.request.nhosts; i++)
		if (strcmp(request->u.request.hosts[i], CO_WEB1) == 0)
			return ZTJ_OK;
	return ZTJ_WRONG_HOST;
}

void company_load(struct company *co, struct ztj_trust *t, int64_t now)
{
	struct fx_signed status;
	bool changed;

	ok(ztj_trust_policy(t, &co->w.policy.s, now, &changed));
	for (int d = 0; d < CO_DIRS; d++) {
		struct ztj_dir_answer *a;
		struct ztj_buf b;
		company_honest_answer(co, d, 0, &b);
		ok(ztj_dir_answer_read(ztj_buf_view(&b), 4 * ZTJ_POLICY_MAX, &a));
		ok(ztj_trust_directory(t, ztj_dir_answer_update(a), now, &changed));
		ztj_dir_answer_free(a);
		ztj_buf_free(&b);
	}
	company_status(co, t, now, &co->w.online, &status);
	ok(ztj_trust_status(t, &status.s, now));
	fx_signed_free(&status);
}

void company_open(struct company *co, int64_t now, const struct ztj_key *login, size_t nlogin)
{
	memset(co, 0, sizeof(*co));
	co->login = login;
	co->nlogin = nlogin < 2 ? nlogin : 2;
	fx_init(&co->w);
	co->w.now = now;
	for (unsigned i = 0; i < CO_EXTRAS; i++) {
		co->extra[i] = extras[i];
		fx_key(&co->extra[i].key, i % 2 == 0 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_SK_ECDSA, 330 + i);
	}
	fx_key(&co->lead1_old, ZTJ_KEY_SK_ED25519, 310);
	fx_key(&co->sec1_next, ZTJ_KEY_SK_ECDSA, 311);
	fx_key(&co->shared, ZTJ_KEY_SK_ED25519, 312);
	company_policy(co, 1, NULL, NULL, &co->policy_old);
	company_policy(co, 2, NULL, NULL, &co->w.policy);
	co->w.pins.has_floor = true;
	co->w.pins.floor_version = 1;
	memcpy(co->w.pins.floor, co->policy_old.id, sizeof(co->w.pins.floor));
	ztj_trust_free(co->w.trust);
	ok(ztj_trust_new(&co->w.pins, co->w.cache, &co->w.trust));
	for (int gen = 0; gen < 2; gen++) {
		make_records(co, gen);
		make_directories(co, gen);
	}
	company_load(co, co->w.trust, now);
}

void company_close(struct company *co)
{
	for (int d = 0; d < CO_DIRS; d++)
		for (int gen = 0; gen < 2; gen++) {
			fx_signed_free(&co->dir[d][gen]);
			for (size_t i = 0; i < co->nrecords[d][gen]; i++)
				ztj_buf_free(&co->record[d][gen][i]);
		}
	fx_signed_free(&co->policy_old);
	for (unsigned i = 0; i < CO_EXTRAS; i++)
		soft_key_free(&co->extra[i].key);
	soft_key_free(&co->lead1_old);
	soft_key_free(&co->sec1_next);
	soft_key_free(&co->shared);
	fx_free(&co->w);
}
