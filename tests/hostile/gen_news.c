/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S07, S10, S12–S14, G05: policies, directories, heartbeats and step-ups as a liar serves them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/plan.h"

#define DAY 86400

/* ---- policies ---- */

static void offer_policy(struct gen *g, struct fx_signed *s, int want, const char *name)
{
	struct ztj_buf json;

	company_json(s, &json);
	emit_news(g, V_POLICY, &json, want, "S10/policy/%s", name);
	fx_signed_free(s);
}

/* The text of version 3, signed by these keys in this namespace. */
static void signed_by(struct gen *g, const char *name, int want, enum ztj_stmt_type ns, const struct soft_key *const *keys,
    size_t n, uint8_t flags)
{
	struct fx_signed full, s;

	company_policy(g->co, 3, NULL, NULL, &full);
	fx_signed_init(&s, full.s.bytes);
	for (size_t i = 0; i < n; i++)
		fx_signed_add(&s, ns, keys[i], flags);
	fx_signed_free(&full);
	offer_policy(g, &s, want, name);
}

static void policy_signers(struct gen *g)
{
	struct fx_world *w = &g->co->w;
	const struct soft_key *r0 = &w->root[0], *r1 = &w->root[1], *r2 = &w->root[2];
	const struct {
		const char *name;
		const struct soft_key *key[3];
		size_t n;
	} few[] = { { "one-root", { r0 }, 1 }, { "hsm-root-alone", { r2 }, 1 }, { "online", { &w->online, r0 }, 2 },
		{ "tls-and-ca", { &w->tls, &w->ca }, 2 }, { "registrars", { &w->registrar[0], &w->registrar[1] }, 2 },
		{ "root-and-registrar", { r1, &w->registrar[0] }, 2 }, { "root-and-stranger", { r0, &w->stranger }, 2 },
		{ "strangers", { &w->stranger, &w->person[FX_REQ1].key, &w->person[FX_LEAD1].key }, 3 },
		{ "machine", { &w->host[FX_WEB1].machine, r0 }, 2 } };

	for (size_t k = 0; k < sizeof(few) / sizeof(few[0]); k++)
		signed_by(g, few[k].name, ZTJ_THRESHOLD, ZTJ_STMT_POLICY, few[k].key, few[k].n, FX_UP);
	signed_by(g, "one-root-twice", ZTJ_THRESHOLD, ZTJ_STMT_POLICY, (const struct soft_key *const[]){ r0, r0 }, 2, FX_UP);
	for (int t = ZTJ_STMT_DIRECTORY; t <= ZTJ_STMT_PENDING; t++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "namespace-%s", ztj_stmt_type_name((enum ztj_stmt_type)t));
		signed_by(g, name, ZTJ_SIG_NAMESPACE, (enum ztj_stmt_type)t, (const struct soft_key *const[]){ r0, r1 }, 2, FX_UP);
	}
	signed_by(g, "without-a-touch", ZTJ_NO_TOUCH, ZTJ_STMT_POLICY, (const struct soft_key *const[]){ r0, r1 }, 2, 0);
}

static void policy_texts(struct gen *g)
{
	struct company *co = g->co;
	struct fx_signed s;
	char key[ZTJ_KEY_TEXT_SIZE], quoted[ZTJ_KEY_TEXT_SIZE + 4];
	struct fx_policy p = { .version = 3, .domain = "example2" }, own = { .version = 3, .revoked = quoted };
	static const struct {
		const char *name, *more;
	} bad[] = { { "include", "@include \"/etc/passwd\"\n" }, { "wrapping-integer", "x = 99999999999;\n" },
		{ "unknown-key", "backdoor = true;\n" }, { "duplicate-roles", "roles = { };\n" }, { "unfinished", "x = {\n" },
		{ "control-character", "# \x1b[2J\n" } };

	fx_signed_init(&s, co->policy_old.s.bytes);
	fx_signed_add(&s, ZTJ_STMT_POLICY, &co->w.root[0], FX_UP);
	fx_signed_add(&s, ZTJ_STMT_POLICY, &co->w.root[1], FX_UP);
	offer_policy(g, &s, ZTJ_POLICY_ROLLBACK, "older");
	company_policy(co, 2, "# another\n", NULL, &s);
	offer_policy(g, &s, ZTJ_POLICY_FORK, "fork");
	company_policy(co, 1, "# another\n", NULL, &s);
	offer_policy(g, &s, ZTJ_POLICY_ROLLBACK, "older-fork");
	fx_policy(&co->w, &p, &s);
	offer_policy(g, &s, ZTJ_DOMAIN, "other-domain");
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		company_policy(co, 3, bad[k].more, NULL, &s);
		offer_policy(g, &s, ZTJ_POLICY_INVALID, bad[k].name);
	}
	/* a root that the new policy itself revokes no longer signs it */
	ok(ztj_key_to_text(&co->w.root[0].pub, key));
	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	fx_policy(&co->w, &own, &s);
	offer_policy(g, &s, ZTJ_THRESHOLD, "revokes-its-own-root");
}

static void policy_bytes(struct gen *g)
{
	for (int k = 0; k < 16; k++) {
		struct fx_signed s;
		char name[64];
		size_t at;
		company_policy(g->co, 3, NULL, NULL, &s);
		at = s.bytes.n * (size_t)k / 16;
		s.bytes.p[at] ^= 1;
		(void)snprintf(name, sizeof(name), "text-bit-%d-16ths", k);
		offer_policy(g, &s, ZTJ_BAD_SIGNATURE, name);
	}
	for (int k = 1; k < 8; k++) {
		struct fx_signed s;
		char name[64];
		company_policy(g->co, 3, NULL, NULL, &s);
		s.bytes.n = s.bytes.n * (size_t)k / 8;
		s.s.bytes = ztj_buf_view(&s.bytes);
		(void)snprintf(name, sizeof(name), "text-cut-%d-8ths", k);
		offer_policy(g, &s, ZTJ_BAD_SIGNATURE, name);
	}
	for (int i = 0; i < 2; i++) {
		struct fx_signed s;
		company_policy(g->co, 3, NULL, NULL, &s);
		s.s.nsigs = 1;
		if (i == 1)
			s.s.sig[0] = s.s.sig[1];
		offer_policy(g, &s, ZTJ_THRESHOLD, i == 0 ? "second-signature-dropped" : "first-signature-dropped");
	}
}

void gen_policies(struct gen *g)
{
	policy_signers(g);
	policy_texts(g);
	policy_bytes(g);
}

/* ---- directories ---- */

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
	} keys[] = { { "online", &co->w.online }, { "ca", &co->w.ca }, { "tls", &co->w.tls }, { "req1", &co->w.person[FX_REQ1].key },
		{ "alias", &co->extra[CO_ALIAS].key }, { "stranger", &co->w.stranger }, { "root", &co->w.root[0] },
		{ "hsm-root", &co->w.root[2] }, { "machine", &co->w.host[FX_WEB1].machine },
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
	offer_out(g, o, ZTJ_DIR_UNKNOWN, d == 0 ? "no-registrar" : d == 1 ? "still-no-registrar" : "again-no-registrar");
}

struct record_edit {
	int dir;
	const char *what, *record, *find, *put;
	int want;
};

static const struct record_edit record_edits[] = {
	{ CO_PEOPLE, "group-beyond-delegation", "req1", "\"groups\":[\"sre\"]", "\"groups\":[\"domain-admins\"]", ZTJ_DIR_DELEGATION },
	{ CO_APPROVERS, "group-beyond-delegation", "req1", "\"sre-leads\"", "\"sre\"", ZTJ_DIR_DELEGATION },
	{ CO_APPROVERS, "group-of-others", "lead1", "[\"sre-leads\"]", "[\"sre\"]", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-0", "req1", "\"uid\":20001", "\"uid\":0", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "uid-of-the-system", "req1", "\"uid\":20001", "\"uid\":33", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-of-approvers", "req1", "\"uid\":20001", "\"uid\":21001", ZTJ_DIR_DELEGATION },
	{ CO_PEOPLE, "uid-2-32", "req1", "\"uid\":20001", "\"uid\":4294967296", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "unknown-member", "req1", "\"uid\":20001", "\"uid\":20001,\"root\":true", ZTJ_MEMBER_UNKNOWN },
	{ CO_PEOPLE, "groups-unsorted", "both1", "\"security\",\"sre-leads\"", "\"sre-leads\",\"security\"", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "group-twice", "both1", "\"security\",\"sre-leads\"", "\"security\",\"security\"", ZTJ_MEMBER_TYPE },
	{ CO_PEOPLE, "look-alike-name", "req1", "\"name\":\"req1\"", "\"name\":\"r\xD0\xB5q1\"", ZTJ_BAD_NAME },
	{ CO_PEOPLE, "name-in-capitals", "req1", "\"name\":\"req1\"", "\"name\":\"REQ1\"", ZTJ_BAD_NAME },
	{ CO_PEOPLE, "name-with-a-dot-behind", "req1", "\"name\":\"req1\"", "\"name\":\"req1.\"", ZTJ_BAD_NAME },
	{ CO_PEOPLE, "version-2", "req1", "\"v\":1", "\"v\":2", ZTJ_VERSION },
	{ CO_PEOPLE, "host-among-people", "req1", "\"type\":\"user\"", "\"type\":\"host\"", ZTJ_MEMBER_UNKNOWN },
	{ CO_SERVERS, "label-beyond-delegation", "web1", "\"env\":\"prod\"", "\"env\":\"lab\"", ZTJ_DIR_DELEGATION },
	{ CO_SERVERS, "label-key-beyond-delegation", "web1", "\"env\":\"prod\"", "\"env\":\"prod\",\"tier\":\"web\"", ZTJ_DIR_DELEGATION },
	{ CO_SERVERS, "label-twice", "web1", "\"env\":\"prod\"", "\"env\":\"prod\",\"env\":\"test\"", ZTJ_BAD_JSON },
	{ CO_SERVERS, "no-machine-key", "web1", "\"machine\":", "\"machin\":", ZTJ_MEMBER_UNKNOWN },
	{ CO_SERVERS, "user-among-hosts", "web1", "\"type\":\"host\"", "\"type\":\"user\"", ZTJ_MEMBER_UNKNOWN },
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
		const struct soft_key *x = d == CO_SERVERS ? &co->w.host[FX_WEB1].machine :
		    d == CO_PEOPLE ? &co->w.person[FX_LEAD1].key : &co->extra[CO_TWIN].key;
		const struct soft_key *y = d == CO_SERVERS ? &co->w.host[FX_WEB2].machine :
		    d == CO_PEOPLE ? &co->w.person[FX_REQ1].key : &co->extra[CO_ALIAS].key;
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
	} sets[] = { { "expired", now - 10 * DAY, now - DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY, ZTJ_DIR_EXPIRED },
		{ "dated-ahead", now + 3600, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY, ZTJ_FUTURE },
		{ "seen-a-later-policy", now, now + DAY, 3, "example", NULL, FX_UP, ZTJ_STMT_DIRECTORY, ZTJ_SEEN_AHEAD },
		{ "other-domain", now, now + DAY, 2, "example2", NULL, FX_UP, ZTJ_STMT_DIRECTORY, ZTJ_DOMAIN },
		{ "name-of-another", now, now + DAY, 2, "example", "attic", FX_UP, ZTJ_STMT_DIRECTORY, ZTJ_BAD_NAME },
		{ "without-a-touch", now, now + DAY, 2, "example", NULL, 0, ZTJ_STMT_DIRECTORY, ZTJ_NO_TOUCH },
		{ "namespace-policy", now, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_POLICY, ZTJ_SIG_NAMESPACE },
		{ "namespace-approval", now, now + DAY, 2, "example", NULL, FX_UP, ZTJ_STMT_APPROVAL, ZTJ_SIG_NAMESPACE } };

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
		emit_news(g, V_DIRECTORY, &json, sets[k].want == ZTJ_NO_TOUCH && !ztj_key_is_sk(&o->key->pub) ? ZTJ_OK : sets[k].want,
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

/* ---- heartbeats ---- */

static void offer_status(struct gen *g, const struct ztj_stmt *st, const struct soft_key *k, enum ztj_stmt_type ns, int want,
    const char *name)
{
	struct ztj_buf bytes, json;
	struct fx_signed s;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ok(ztj_stmt_build(st, NULL, &bytes));
	fx_signed_init(&s, ztj_buf_view(&bytes));
	fx_signed_add(&s, ns, k, FX_UP);
	company_json(&s, &json);
	emit_news(g, V_STATUS, &json, want, "G05/status/%s", name);
	fx_signed_free(&s);
	ztj_buf_free(&bytes);
}

void gen_status(struct gen *g)
{
	struct company *co = g->co;
	struct ztj_stmt *st, *good;
	struct fx_signed s;
	const struct {
		const char *name;
		const struct soft_key *key;
		int want;
	} keys[] = { { "ca", &co->w.ca, ZTJ_BROKER_KEY }, { "tls", &co->w.tls, ZTJ_BROKER_KEY }, { "log", &co->w.log, ZTJ_BROKER_KEY },
		{ "machine", &co->w.host[FX_WEB1].machine, ZTJ_BROKER_KEY }, { "hsm-root", &co->w.root[2], ZTJ_BROKER_KEY },
		{ "stranger", &co->w.stranger, ZTJ_BROKER_KEY }, { "registrar", &co->w.registrar[0], ZTJ_BROKER_KEY } };

	company_status(co, co->w.trust, co->w.now, &co->w.online, &s);
	ok(ztj_stmt_open(&s.s, ZTJ_STMT_STATUS, "example", &good));
	assert_non_null(st = malloc(sizeof(*st)));
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "signed-by-%s", keys[k].name);
		offer_status(g, good, keys[k].key, ZTJ_STMT_STATUS, keys[k].want, name);
	}
	for (int t = ZTJ_STMT_POLICY; t < ZTJ_STMT_STATUS; t++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "namespace-%s", ztj_stmt_type_name((enum ztj_stmt_type)t));
		offer_status(g, good, &co->w.online, (enum ztj_stmt_type)t, ZTJ_SIG_NAMESPACE, name);
	}
	for (int way = 0; way < 12; way++) {
		static const char *const names[] = { "in-an-hour", "next-year", "9999", "other-domain", "older-policy", "other-policy",
			"older-directory", "other-directory", "a-directory-left-out", "a-revocation-more", "other-head", "absurd-count" };
		int want = way < 3 ? ZTJ_FUTURE : way == 3 ? ZTJ_DOMAIN : ZTJ_STALE;
		*st = *good;
		switch (way) {
		case 0: st->issued += 3600; break;
		case 1: st->issued += 365 * DAY; break;
		case 2: st->issued = INT64_C(253402300799); break;
		case 3: st->domain = "example2"; break;
		case 4: st->u.status.policy_version = 1; break;
		case 5: st->u.status.policy[3] ^= 1; break;
		case 6: st->u.status.dir[0].serial = 1; break;
		case 7: st->u.status.dir[0].digest[5] ^= 1; break;
		case 8: st->u.status.ndirs--; break;
		case 9: st->u.status.revocations++; break;
		case 10: st->u.status.head[0] ^= 1; break;
		default: st->u.status.revocations = 2147483647; break;
		}
		offer_status(g, st, &co->w.online, ZTJ_STMT_STATUS, want, names[way]);
	}
	free(st);
	ztj_stmt_free(good);
	fx_signed_free(&s);
}

/* ---- step-ups ---- */

/* A challenge for sudo by req1 under this grant, as the gate of web1 makes it. */
static void challenge_fields(const struct company *co, struct ztj_stmt *st, const uint8_t grant[ZTJ_DIGEST_LEN])
{
	static const char *accounts[] = { "root" };

	fx_stmt(&co->w, st, ZTJ_STMT_STEPUP);
	memset(&st->seen, 0, sizeof(st->seen));
	st->u.stepup.who = "people/req1";
	st->u.stepup.host = CO_WEB1;
	st->u.stepup.service = "sudo";
	st->u.stepup.tty = "pts/3";
	st->u.stepup.peer = "10.77.0.13";
	st->u.stepup.accounts = accounts;
	st->u.stepup.naccounts = 1;
	memcpy(st->u.stepup.grant, grant, ZTJ_DIGEST_LEN);
	st->u.stepup.expires = st->issued + 60;
}

static void stepup(struct gen *g, const struct ztj_stmt *asked, const struct ztj_stmt *shown, const struct soft_key *machine,
    const struct soft_key *person, uint8_t flags, int want, const char *name)
{
	static const char nonce[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct variant v = { .kind = V_STEPUP, .want = want };
	struct fx_signed challenge, answer;
	struct ztj_buf bytes;

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ok(ztj_stmt_build(asked, nonce, &bytes));
	fx_signed_init(&challenge, ztj_buf_view(&bytes));
	fx_signed_add(&challenge, ZTJ_STMT_STEPUP, &g->co->w.host[FX_WEB1].machine, 0);
	ztj_buf_reset(&bytes);
	ok(ztj_stmt_build(shown, shown->u.stepup.nonce != NULL ? shown->u.stepup.nonce : nonce, &bytes));
	fx_signed_init(&answer, ztj_buf_view(&bytes));
	fx_signed_add(&answer, ZTJ_STMT_STEPUP, machine, 0);
	if (person != NULL)
		fx_signed_add(&answer, ZTJ_STMT_STEPUP, person, flags);
	(void)snprintf(v.name, sizeof(v.name), "P14/%s", name);
	v.challenge = &challenge;
	v.answer = &answer;
	v.control = want == ZTJ_OK;
	g->made++;
	g->sink(g->arg, g->co, &v);
	fx_signed_free(&challenge);
	fx_signed_free(&answer);
	ztj_buf_free(&bytes);
}

void gen_stepups(struct gen *g)
{
	const struct company *co = g->co;
	const struct soft_key *machine = &co->w.host[FX_WEB1].machine, *own = &co->w.person[FX_REQ1].key;
	static const char *const retargeted[] = { "tty", "service", "account", "more-accounts", "host", "grant", "peer", "person", "nonce",
		"domain-case", "later", "longer" };
	static const char *two[] = { "postgres", "root" };
	static const char *other[] = { "postgres" };
	const struct {
		const char *name;
		const struct soft_key *machine, *person;
		uint8_t flags;
		int want;
	} keys[] = { { "control", machine, own, FX_UV, ZTJ_OK },
		{ "invented-by-the-online-key", &co->w.online, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-the-ca", &co->w.ca, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-another-host", &co->w.host[FX_WEB2].machine, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "invented-by-its-tls-key", &co->w.host[FX_WEB1].tls, own, FX_UV, ZTJ_STEPUP_WRONG },
		{ "answered-by-nobody", machine, NULL, 0, ZTJ_STEPUP_WRONG },
		{ "answered-by-req2", machine, &co->w.person[FX_REQ2].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-lead1", machine, &co->w.person[FX_LEAD1].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-alias", machine, &co->extra[CO_ALIAS].key, FX_UV, ZTJ_SIGNER },
		{ "answered-by-stranger", machine, &co->w.stranger, FX_UV, ZTJ_SIGNER },
		{ "answered-by-root", machine, &co->w.root[0], FX_UV, ZTJ_SIGNER },
		{ "answered-by-online", machine, &co->w.online, FX_UV, ZTJ_KEY_TYPE },
		{ "answered-by-machine", machine, machine, FX_UV, ZTJ_THRESHOLD },
		{ "not-touched", machine, own, 0x04, ZTJ_NO_TOUCH }, { "not-verified", machine, own, FX_UP, ZTJ_NO_UV } };
	uint8_t grant[ZTJ_DIGEST_LEN] = { 1, 2, 3 };
	struct ztj_stmt *asked = calloc(1, sizeof(*asked)), *shown = calloc(1, sizeof(*shown));

	assert_non_null(asked);
	assert_non_null(shown);
	challenge_fields(co, asked, grant);
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		stepup(g, asked, asked, keys[k].machine, keys[k].person, keys[k].flags, keys[k].want, keys[k].name);
	for (size_t k = 0; k < sizeof(retargeted) / sizeof(retargeted[0]); k++) {
		char name[80];
		*shown = *asked;
		switch (k) {
		case 0: shown->u.stepup.tty = "pts/4"; break;
		case 1: shown->u.stepup.service = "su"; break;
		case 2: shown->u.stepup.accounts = other; break;
		case 3: shown->u.stepup.accounts = two, shown->u.stepup.naccounts = 2; break;
		case 4: shown->u.stepup.host = "servers/web2"; break;
		case 5: shown->u.stepup.grant[0] ^= 1; break;
		case 6: shown->u.stepup.peer = "10.77.0.99"; break;
		case 7: shown->u.stepup.who = "people/req2"; break;
		case 8: shown->u.stepup.nonce = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"; break;
		case 9: shown->u.stepup.host = "servers/web1.example"; break;
		case 10: shown->issued += 10, shown->u.stepup.expires += 10; break;
		default: shown->u.stepup.expires -= 1; break;
		}
		(void)snprintf(name, sizeof(name), "retargeted-%s", retargeted[k]);
		stepup(g, asked, shown, machine, own, FX_UV, ZTJ_STEPUP_WRONG, name);
	}
	*shown = *asked;
	shown->issued -= 120;
	shown->u.stepup.expires -= 120;
	stepup(g, shown, shown, machine, own, FX_UV, ZTJ_STEPUP_TIMEOUT, "after-its-sixty-seconds");
	*shown = *asked;
	shown->issued += 3600;
	shown->u.stepup.expires += 3600;
	stepup(g, shown, shown, machine, own, FX_UV, ZTJ_FUTURE, "dated-ahead");
	free(asked);
	free(shown);
}
