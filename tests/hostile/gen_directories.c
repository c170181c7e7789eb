/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S07, S12, S13: directories as a liar serves them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/plan.h"

#define DAY 86400

struct offer {
	int dir;
	const char *name; /* NULL: the directory's */
	int64_t serial;
	const uint8_t *previous;
	const struct soft_key *key;
	struct ztj_view rec[CO_RECORDS_MAX];
	size_t n;
	struct ztj_buf mem[4];
	size_t nmem;
	/* the statement, if it is not made from the above */
	void (*spoil)(struct ztj_stmt *st, const struct company *co);
	bool wrong_root;
	size_t chain; /* statements before it that go along: 0 or 1 */
};

static struct offer *offer_init(struct gen *g, int dir)
{
	static struct offer o;
	struct company *co = g->co;

	for (size_t i = 0; i < o.nmem; i++)
		ztj_buf_free(&o.mem[i]);
	memset(&o, 0, sizeof(o));
	o.dir = dir;
	o.serial = 3;
	o.previous = co->dir[dir][1].id;
	o.key = company_registrar(co, dir);
	o.n = co->nrecords[dir][1];
	for (size_t i = 0; i < o.n; i++)
		o.rec[i] = ztj_buf_view(&co->record[dir][1][i]);
	return &o;
}

/* Replaces the record of that name by its text with one edit. */
static void edit_record(struct offer *o, const char *name, const char *find, const char *put)
{
	char want[80];
	struct ztj_buf *b = &o->mem[o->nmem++];

	(void)snprintf(want, sizeof(want), "\"name\":\"%s\"", name);
	for (size_t i = 0; i < o->n; i++) {
		char *text = strndup((const char *)o->rec[i].p, o->rec[i].n), *at;
		assert_non_null(text);
		if (strstr(text, want) != NULL) {
			assert_non_null(at = strstr(text, find));
			ztj_buf_init(b, 4 * ZTJ_RECORD_MAX);
			ok(ztj_buf_put(b, text, (size_t)(at - text)));
			ok(ztj_buf_puts(b, put));
			ok(ztj_buf_puts(b, at + strlen(find)));
			o->rec[i] = ztj_buf_view(b);
			free(text);
			return;
		}
		free(text);
	}
	fail_msg("no record %s", name);
}

static void offer_out(struct gen *g, struct offer *o, int want, const char *what)
{
	struct company *co = g->co;
	const char *name = o->name != NULL ? o->name : co_dir_name[o->dir];
	const struct fx_signed *list[2];
	struct fx_signed s;
	struct ztj_buf json;

	company_directory(co, name, o->serial, o->previous, o->rec, o->n, o->key, &s);
	if (o->wrong_root)
		o->rec[0] = o->rec[1];
	list[0] = o->chain > 0 ? &co->dir[o->dir][1] : &s;
	list[1] = &s;
	company_answer(name, o->serial, list, o->chain + 1, NULL, 0, o->rec, o->n, &json);
	emit_news(g, V_DIRECTORY, &json, want, "S12/%s/%s", name, what);
	fx_signed_free(&s);
}

static void directory_ancestry(struct gen *g, int d)
{
	struct company *co = g->co;
	static const uint8_t nothing[ZTJ_DIGEST_LEN] = { 7 };
	struct offer *o;
	struct ztj_buf json;
	const struct fx_signed *first = &co->dir[d][0];
	struct ztj_view put[CO_RECORDS_MAX];

	for (size_t i = 0; i < co->nrecords[d][0]; i++)
		put[i] = ztj_buf_view(&co->record[d][0][i]);
	company_answer(co_dir_name[d], 1, &first, 1, NULL, 0, put, co->nrecords[d][0], &json);
	emit_news(g, V_DIRECTORY, &json, ZTJ_DIR_ROLLBACK, "S12/%s/older", co_dir_name[d]);
	o = offer_init(g, d);
	o->serial = 2;
	o->previous = co->dir[d][0].id;
	o->n--;
	offer_out(g, o, ZTJ_DIR_FORK, "fork");
	o = offer_init(g, d);
	o->serial = 1;
	o->previous = NULL;
	o->n--;
	offer_out(g, o, ZTJ_DIR_FORK, "another-genesis");
	o = offer_init(g, d);
	o->serial = 4;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "a-serial-left-out");
	o = offer_init(g, d);
	o->serial = 2147483000;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "serial-from-far-away");
	o = offer_init(g, d);
	o->previous = nothing;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "of-other-parents");
	o = offer_init(g, d);
	o->previous = co->dir[d][0].id;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "of-its-grandparent");
	o = offer_init(g, d);
	o->previous = co->dir[(d + 1) % CO_DIRS][1].id;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "of-another-directory");
	o = offer_init(g, d);
	o->previous = nothing;
	o->chain = 1;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "chain-that-does-not-link");
	o = offer_init(g, d);
	o->serial = 5;
	o->chain = 1;
	offer_out(g, o, ZTJ_DIR_ANCESTRY, "chain-with-a-gap");
}

static void directory_signers(struct gen *g, int d)
{
	struct company *co = g->co;
	const struct {
		const char *name;
		const struct soft_key *key;
	} keys[] = { { "online", &co->w.online }, { "ca", &co->w.ca }, { "tls", &co->w.tls },
		{ "req1", &co->w.person[FX_REQ1].key }, { "alias", &co->extra[CO_ALIAS].key },
		{ "stranger", &co->w.stranger }, { "root", &co->w.root[0] }, { "hsm-root", &co->w.root[2] },
		{ "machine", &co->w.host[FX_WEB1].machine },
		{ "other-registrar", company_registrar(co, d == CO_SERVERS ? CO_PEOPLE : CO_SERVERS) } };

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		struct offer *o = offer_init(g, d);
		char what[64];
		o->key = keys[k].key;
		(void)snprintf(what, sizeof(what), "signed-by-%s", keys[k].name);
		offer_out(g, o, ZTJ_THRESHOLD, what);
	}
}

static void directory_sets(struct gen *g, int d)
{
	struct offer *o = offer_init(g, d);
	struct ztj_view swap = o->rec[0];

	o->rec[0] = o->rec[1];
	o->rec[1] = swap;
	offer_out(g, o, ZTJ_DIR_ORDER, "unsorted");
	o = offer_init(g, d);
	o->rec[1] = o->rec[0];
	offer_out(g, o, ZTJ_DIR_ORDER, "a-record-twice");
	o = offer_init(g, d);
	o->wrong_root = true;
	offer_out(g, o, ZTJ_DIR_ORDER, "other-records-than-signed");
	o = offer_init(g, d);
	o->n = 0;
	o->name = "zoo";
	offer_out(g, o, ZTJ_DIR_UNKNOWN,
	    d == 0       ? "no-registrar"
		: d == 1 ? "still-no-registrar"
			 : "again-no-registrar");
}

struct record_edit {
	int dir;
	const char *what, *record, *find, *put;
	int want;
};

static const struct record_edit record_edits[] = {
	{ CO_PEOPLE, "group-beyond-delegation", "req1", "\"groups\":[\"sre\"]",
	    "\"groups\":[\"domain-admins\"]", ZTJ_DIR_DELEGATION },
	{ CO_APPROVERS, "group-beyond-delegation", "req1", "\"sre-leads\"", "\"sre\"", ZTJ_DIR_DELEGATION },
	{ CO_APPROVERS, "group-of-others", "lead1", "[\"sre-leads\"]", "[\"sre\"]", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-0", "req1", "\"uid\":20001", "\"uid\":0", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "uid-of-the-system", "req1", "\"uid\":20001", "\"uid\":33", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-of-approvers", "req1", "\"uid\":20001", "\"uid\":21001", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-2-32", "req1", "\"uid\":20001", "\"uid\":4294967296", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "unknown-member", "req1", "\"uid\":20001", "\"uid\":20001,\"root\":true",
	    ZTJ_MEMBER_UNKNOWN },
	{ CO_PEOPLE, "groups-unsorted", "both1", "\"security\",\"sre-leads\"", "\"sre-leads\",\"security\"",
	    ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "group-twice", "both1", "\"security\",\"sre-leads\"", "\"security\",\"security\"",
	    ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "look-alike-name", "req1", "\"name\":\"req1\"", "\"name\":\"r\xD0\xB5q1\"",
	    ZTJ_BAD_NAME },
	{ CO_PEOPLE, "name-in-capitals", "req1", "\"name\":\"req1\"", "\"name\":\"REQ1\"", ZTJ_BAD_NAME },
	{ CO_PEOPLE, "name-with-a-dot-behind", "req1", "\"name\":\"req1\"", "\"name\":\"req1.\"",
	    ZTJ_BAD_NAME },
	{ CO_PEOPLE, "version-2", "req1", "\"v\":1", "\"v\":2", ZTJ_VERSION },
	{ CO_PEOPLE, "host-among-people", "req1", "\"type\":\"user\"", "\"type\":\"host\"",
	    ZTJ_MEMBER_UNKNOWN },
	{ CO_SERVERS, "label-beyond-delegation", "web1", "\"env\":\"prod\"", "\"env\":\"lab\"",
	    ZTJ_DIR_DELEGATION },
	{ CO_SERVERS, "label-key-beyond-delegation", "web1", "\"env\":\"prod\"",
	    "\"env\":\"prod\",\"tier\":\"web\"", ZTJ_DIR_DELEGATION },
	{ CO_SERVERS, "label-twice", "web1", "\"env\":\"prod\"", "\"env\":\"prod\",\"env\":\"test\"",
	    ZTJ_BAD_JSON },
	{ CO_SERVERS, "no-machine-key", "web1", "\"machine\":", "\"machin\":", ZTJ_MEMBER_UNKNOWN },
	{ CO_SERVERS, "user-among-hosts", "web1", "\"type\":\"host\"", "\"type\":\"user\"",
	    ZTJ_MEMBER_UNKNOWN },
	{ CO_SERVERS, "trailing-text", "web1", "}", "} x", ZTJ_BAD_JSON },
};

static void directory_records(struct gen *g)
{
	struct company *co = g->co;

	for (size_t k = 0; k < sizeof(record_edits) / sizeof(record_edits[0]); k++) {
		const struct record_edit *e = &record_edits[k];
		struct offer *o = offer_init(g, e->dir);
		edit_record(o, e->record, e->find, e->put);
		offer_out(g, o, e->want, e->what);
	}
	/* one key for two */
	for (int d = 0; d < CO_DIRS; d++) {
		struct offer *o = offer_init(g, d);
		const char *a = d == CO_SERVERS ? "web1" : "lead1", *b = d == CO_SERVERS ? "web2" : "req1";
		char ka[ZTJ_KEY_TEXT_SIZE], kb[ZTJ_KEY_TEXT_SIZE];
		const struct soft_key *x = d == CO_SERVERS ? &co->w.host[FX_WEB1].machine
		    : d == CO_PEOPLE                       ? &co->w.person[FX_LEAD1].key
							   : &co->extra[CO_TWIN].key;
		const struct soft_key *y = d == CO_SERVERS ? &co->w.host[FX_WEB2].machine
		    : d == CO_PEOPLE                       ? &co->w.person[FX_REQ1].key
							   : &co->extra[CO_ALIAS].key;
		ok(ztj_key_to_text(&x->pub, ka));
		ok(ztj_key_to_text(&y->pub, kb));
		(void)a;
		edit_record(o, b, kb, ka);
		offer_out(g, o, ZTJ_KEY_SHARED, "one-key-for-two");
	}
}

/* S13: a directory of people that has a host called web1, with kinder labels. */
static void directory_namesakes(struct gen *g)
{
	struct company *co = g->co;

	for (int d = CO_PEOPLE; d <= CO_APPROVERS; d++) {
		struct offer *o = offer_init(g, d);
		struct fx_host h = co->w.host[FX_WEB1];
		struct ztj_buf *b = &o->mem[o->nmem++];
		h.env = "test";
		ztj_buf_init(b, ZTJ_RECORD_MAX);
		fx_host_record(&h, b);
		o->rec[o->n++] = ztj_buf_view(b);
		offer_out(g, o, ZTJ_DIR_DELEGATION, "claims-web1");
	}
}

/* Statements whose own fields are wrong. */
static void directory_fields(struct gen *g, int d)
{
	struct company *co = g->co;
	const int64_t now = co->w.now;
	const struct {
		const char *what;
		int64_t issued, expires;
		int64_t seen;
		const char *domain, *name;
		uint8_t flags;
		enum ztj_stmt_type ns;
		int want;
	} sets[] = { { "expired", now - 10 * DAY, now - DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY,
			 ZTJ_DIR_EXPIRED },
		{ "dated-ahead", now + 3600, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY,
		    ZTJ_FUTURE },
		{ "seen-a-later-policy", now, now + DAY, 3, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY,
		    ZTJ_SEEN_AHEAD },
		{ "other-domain", now, now + DAY, 2, "example2", NULL, FX_UP, ZTJ_STMT_DIRECTORY,
		    ZTJ_DOMAIN },
		{ "name-of-another", now, now + DAY, 2, "example", "attic", FX_UP, ZTJ_STMT_DIRECTORY,
		    ZTJ_BAD_NAME },
		{ "without-a-touch", now, now + DAY, 2, "example", NULL, 0, ZTJ_STMT_DIRECTORY,
		    ZTJ_NO_TOUCH },
		{ "namespace-policy", now, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_POLICY,
		    ZTJ_SIG_NAMESPACE },
		{ "namespace-approval", now, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_APPROVAL,
		    ZTJ_SIG_NAMESPACE } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct offer *o = offer_init(g, d);
		struct ztj_stmt *st = calloc(1, sizeof(*st));
		struct fx_signed s, model;
		const struct fx_signed *list = &s;
		struct ztj_stmt *parsed;
		struct ztj_buf bytes, json;
		assert_non_null(st);
		company_directory(co, co_dir_name[d], 3, o->previous, o->rec, o->n, o->key, &model);
		ok(ztj_stmt_parse(model.s.bytes, ZTJ_STMT_DIRECTORY, "example", &parsed));
		*st = *parsed;
		st->issued = sets[k].issued;
		st->domain = sets[k].domain;
		st->seen.policy = sets[k].seen;
		st->u.directory.expires = sets[k].expires;
		if (sets[k].name != NULL)
			st->u.directory.name = sets[k].name;
		ztj_buf_init(&bytes, ZTJ_STMT_MAX);
		ok(ztj_stmt_build(st, NULL, &bytes));
		fx_signed_init(&s, ztj_buf_view(&bytes));
		fx_signed_add(&s, sets[k].ns, o->key, sets[k].flags);
		company_answer(co_dir_name[d], 3, &list, 1, NULL, 0, o->rec, o->n, &json);
		emit_news(g, V_DIRECTORY, &json,
		    sets[k].want == ZTJ_NO_TOUCH && !ztj_key_is_sk(&o->key->pub) ? ZTJ_OK : sets[k].want,
		    "S12/%s/%s", co_dir_name[d], sets[k].what);
		ztj_stmt_free(parsed);
		free(st);
		fx_signed_free(&s);
		fx_signed_free(&model);
		ztj_buf_free(&bytes);
	}
}

void gen_directories(struct gen *g)
{
	for (int d = 0; d < CO_DIRS; d++) {
		directory_ancestry(g, d);
		directory_signers(g, d);
		directory_sets(g, d);
		directory_fields(g, d);
	}
	directory_records(g);
	directory_namesakes(g);
	(void)offer_init(g, CO_PEOPLE);
}

/* ---- a host that holds nothing yet ---- */

/* The true statements, and other records than they commit to. */
static void fresh(struct gen *g, int d, struct offer *o, int want, const char *what)
{
	struct company *co = g->co;
	const struct fx_signed *st[2] = { &co->dir[d][0], &co->dir[d][1] };
	struct ztj_buf json;

	company_answer(co_dir_name[d], 2, st, 2, NULL, 0, o->rec, o->n, &json);
	emit_news(g, V_FRESH, &json, want, "S12/%s/fresh/%s", co_dir_name[d], what);
}

/* Swaps what stands between `from` and the next quote in two records: "key":", "name":", … */
static void swap_members(struct offer *o, const char *a, const char *b, const char *from)
{
	char value[2][ZTJ_KEY_TEXT_SIZE];
	const char *const who[2] = { a, b };

	for (int i = 0; i < 2; i++) {
		char want[80];
		(void)snprintf(want, sizeof(want), "\"name\":\"%s\"", who[i]);
		for (size_t k = 0; k < o->n; k++) {
			char *text = strndup((const char *)o->rec[k].p, o->rec[k].n), *at;
			assert_non_null(text);
			if (strstr(text, want) != NULL && (at = strstr(text, from)) != NULL)
				(void)snprintf(value[i], sizeof(value[i]), "%s%.*s", from,
				    (int)strcspn(at + strlen(from), "\",}"), at + strlen(from));
			free(text);
		}
	}
	edit_record(o, a, value[0], value[1]);
	edit_record(o, b, value[1], value[0]);
}

static void fresh_people(struct gen *g)
{
	struct offer *o = offer_init(g, CO_PEOPLE);

	swap_members(o, "req1", "lead1", "\"key\":\"");
	fresh(g, CO_PEOPLE, o, ZTJ_DIR_ROOT, "keys-swapped");
	o = offer_init(g, CO_PEOPLE);
	swap_members(o, "req1", "out1", "\"uid\":");
	fresh(g, CO_PEOPLE, o, ZTJ_DIR_ROOT, "uids-swapped");
	o = offer_init(g, CO_PEOPLE);
	edit_record(o, "req1", "[\"sre\"]", "[\"security\",\"sre-leads\"]");
	fresh(g, CO_PEOPLE, o, ZTJ_DIR_ROOT, "groups-added");
	o = offer_init(g, CO_PEOPLE);
	o->n--;
	fresh(g, CO_PEOPLE, o, ZTJ_DIR_ROOT, "somebody-left-out");
	o = offer_init(g, CO_PEOPLE);
	edit_record(o, "both1", "\"name\":\"both1\"", "\"name\":\"admin1\"");
	fresh(g, CO_PEOPLE, o, ZTJ_DIR_ROOT, "somebody-renamed");
}

static void fresh_servers(struct gen *g)
{
	struct offer *o = offer_init(g, CO_SERVERS);

	edit_record(o, "web1", "\"prod\"", "\"test\"");
	fresh(g, CO_SERVERS, o, ZTJ_DIR_ROOT, "kinder-labels");
	o = offer_init(g, CO_SERVERS);
	swap_members(o, "web1", "test1", "\"machine\":\"");
	fresh(g, CO_SERVERS, o, ZTJ_DIR_ROOT, "machines-swapped");
	o = offer_init(g, CO_SERVERS);
	swap_members(o, "web1", "web2", "\"tls\":\"");
	fresh(g, CO_SERVERS, o, ZTJ_DIR_ROOT, "tls-keys-swapped");
}

/* The records of serial 1 under the statement of serial 2, the second statement alone, and a genesis of nobody's. */
static void fresh_chains(struct gen *g, int d)
{
	struct company *co = g->co;
	const struct fx_signed *second = &co->dir[d][1];
	struct offer *o = offer_init(g, d);
	struct ztj_buf json;

	company_answer(co_dir_name[d], 2, &second, 1, NULL, 0, o->rec, o->n, &json);
	emit_news(g, V_FRESH, &json, ZTJ_DIR_ANCESTRY, "S12/%s/fresh/without-its-genesis", co_dir_name[d]);
	for (size_t i = 0; i < co->nrecords[d][0]; i++)
		o->rec[i] = ztj_buf_view(&co->record[d][0][i]);
	o->n = co->nrecords[d][0];
	if (d != CO_SERVERS) /* no host came or went */
		fresh(g, d, o, ZTJ_DIR_ROOT, "records-of-before");
	o = offer_init(g, d);
	o->n = 0;
	fresh(g, d, o, ZTJ_DIR_ROOT, "no-records");
}

void gen_fresh(struct gen *g)
{
	fresh_people(g);
	fresh_chains(g, CO_PEOPLE);
	fresh_chains(g, CO_APPROVERS);
	fresh_servers(g);
	fresh_chains(g, CO_SERVERS);
	(void)offer_init(g, CO_PEOPLE);
}
