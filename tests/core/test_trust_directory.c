/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* How a held directory may move, and how it may not. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"

static struct fx_world w;

static int setup(void **state)
{
	(void)state;
	fx_init(&w);
	fx_load(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fx_free(&w);
	return 0;
}

/* A chain of statements about people, each over a set of its own. */
#define CHAIN 8
struct chain {
	size_t n;
	struct fx_signed st[CHAIN];
	struct ztj_dir *set[CHAIN];
};

/* Adds serial n + first over the set without `drop` (NULL: nobody leaves). */
static void grow(struct chain *c, const struct ztj_dir *base, const uint8_t *previous, int64_t serial,
    const char *drop)
{
	const struct ztj_dir *from = c->n > 0 ? c->set[c->n - 1] : base;
	struct ztj_dir_delta d = { .ndrop = drop != NULL, .drop = &drop };

	ok(ztj_dir_apply(from, "people", &d, &c->set[c->n]));
	fx_directory(&w, c->set[c->n], serial, c->n > 0 ? c->st[c->n - 1].id : previous, &w.registrar[0],
	    &c->st[c->n]);
	c->n++;
}

static void chain_free(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		fx_signed_free(&c->st[i]);
		ztj_dir_free(c->set[i]);
	}
	c->n = 0;
}

/* Offers statements [from, to] with the whole set of the last. */
static int offer_at(const struct chain *c, size_t from, size_t to, int64_t now, bool *changed)
{
	struct ztj_signed s[CHAIN];
	struct ztj_view put[16];
	struct ztj_dir_update u = { .name = "people",
		.nstatements = to - from + 1,
		.statements = s,
		.delta = { .nput = ztj_dir_count(c->set[to]), .put = put } };

	for (size_t i = from; i <= to; i++)
		s[i - from] = c->st[i].s;
	for (size_t i = 0; i < u.delta.nput; i++)
		put[i] = ztj_dir_at(c->set[to], i)->bytes;
	return ztj_trust_directory(w.trust, &u, now, changed);
}

static int offer(const struct chain *c, size_t from, size_t to)
{
	bool changed;
	int r = offer_at(c, from, to, w.now, &changed);

	assert_int_equal(changed, r == ZTJ_OK);
	return r;
}

static int64_t serial(void)
{
	return ztj_dir_serial(ztj_trust_dir(w.trust, "people"));
}

static void test_S12_S14_only_descendants(void **state)
{
	const struct ztj_dir *held = ztj_trust_dir(w.trust, "people");
	struct chain good = { 0 }, fork = { 0 };
	const struct ztj_record *r;
	struct ztj_dir *full = fx_people(&w);

	(void)state;
	grow(&good, full, w.people.id, 2, "out1");
	grow(&good, full, NULL, 3, "req2");
	grow(&good, full, NULL, 4, NULL);
	grow(&fork, full, w.people.id, 2, "lead1");
	grow(&fork, full, NULL, 3, NULL);
	fails(offer(&good, 1, 1), ZTJ_DIR_ANCESTRY); /* serial 3 without 2 */
	fails(offer(&good, 2, 2), ZTJ_DIR_ANCESTRY);
	assert_ptr_equal(ztj_trust_dir(w.trust, "people"), held);
	ok(offer(&good, 0, 1)); /* two steps at once */
	assert_true(serial() == 3);
	fails(ztj_trust_user(w.trust, "people/req2", w.now, &r), ZTJ_USER_UNKNOWN);
	fails(offer(&fork, 0, 1), ZTJ_DIR_FORK);
	fails(offer(&fork, 0, 0), ZTJ_DIR_FORK);
	fails(offer(&good, 0, 0), ZTJ_DIR_ROLLBACK); /* S14: out1 is gone, req2 would be back */
	ok(offer(&good, 2, 2));
	fails(offer(&good, 0, 1), ZTJ_DIR_ROLLBACK);
	assert_true(serial() == 4);
	chain_free(&good);
	chain_free(&fork);
	ztj_dir_free(full);
}

static void test_S12_links_are_by_digest_and_serial(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	struct chain c = { 0 }, odd = { 0 };
	struct fx_signed keep;

	(void)state;
	grow(&c, full, w.people.id, 2, NULL);
	grow(&c, full, NULL, 3, NULL);
	/* what stands in between needs no valid signature, but must be those bytes */
	c.st[0].s.sig[0].n--;
	ok(offer(&c, 0, 1));
	c.st[0].s.sig[0].n++;
	grow(&c, full, NULL, 4, NULL);
	grow(&c, full, NULL, 5, NULL);
	keep = c.st[2];
	w.now++; /* a twin of another time */
	fx_directory(&w, full, 4, c.st[1].id, &w.registrar[0], &c.st[2]);
	w.now--;
	fails(offer(&c, 2, 3), ZTJ_DIR_ANCESTRY);
	fx_signed_free(&c.st[2]);
	c.st[2] = keep;
	ok(offer(&c, 2, 3));
	/* a gap in the serials under a right digest */
	fx_directory(&w, full, 7, c.st[3].id, &w.registrar[0], &odd.st[0]);
	ok(ztj_dir_apply(full, "people", &(struct ztj_dir_delta){ 0 }, &odd.set[0]));
	odd.n = 1;
	fails(offer(&odd, 0, 0), ZTJ_DIR_ANCESTRY);
	chain_free(&odd);
	chain_free(&c);
	ztj_dir_free(full);
}

static void test_S12_the_records_must_give_the_root(void **state)
{
	struct ztj_dir *full = fx_people(&w), *less;
	const char *drop = "lead1";
	struct fx_signed st;
	struct ztj_dir_update u = { .name = "people", .nstatements = 1, .statements = &st.s };
	bool changed;

	(void)state;
	ok(ztj_dir_apply(full, "people", &(struct ztj_dir_delta){ .ndrop = 1, .drop = &drop }, &less));
	fx_directory(&w, less, 2, w.people.id, &w.registrar[0], &st);
	fails(ztj_trust_directory(w.trust, &u, w.now, &changed),
	    ZTJ_DIR_ROOT);                                             /* the difference is withheld */
	fails(fx_offer(&w, full, &st, w.now, &changed), ZTJ_DIR_ROOT); /* another set */
	drop = "nobody";
	u.delta = (struct ztj_dir_delta){ .ndrop = 1, .drop = &drop };
	fails(ztj_trust_directory(w.trust, &u, w.now, &changed), ZTJ_DIR_ROOT);
	drop = "lead1";
	ok(ztj_trust_directory(w.trust, &u, w.now, &changed));
	ztj_dir_free(full);
	ztj_dir_free(less);
	fx_signed_free(&st);
}

static void test_S12_every_bit_of_an_update(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	struct ztj_buf rec;
	struct ztj_view put;
	struct fx_signed st;
	struct fx_person p = w.person[FX_OUT1];
	struct ztj_dir *next;
	struct ztj_dir_update u = { .name = "people",
		.nstatements = 1,
		.statements = &st.s,
		.delta = { .nput = 1, .put = &put } };
	bool changed;

	(void)state;
	p.groups[0] = "sre";
	p.ngroups = 1;
	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	fx_user_record(&p, &rec);
	put = ztj_buf_view(&rec);
	ok(ztj_dir_apply(full, "people", &u.delta, &next));
	fx_directory(&w, next, 2, w.people.id, &w.registrar[0], &st);
	for (size_t i = 0; i < rec.n; i++) {
		rec.p[i] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(ztj_trust_directory(w.trust, &u, w.now, &changed), ZTJ_OK);
		rec.p[i] ^= (uint8_t)(1u << i % 8);
		put.n = i;
		assert_int_not_equal(ztj_trust_directory(w.trust, &u, w.now, &changed), ZTJ_OK);
		put.n = rec.n;
	}
	for (size_t i = 0; i < st.bytes.n; i++) {
		st.bytes.p[i] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(ztj_trust_directory(w.trust, &u, w.now, &changed), ZTJ_OK);
		st.bytes.p[i] ^= (uint8_t)(1u << i % 8);
	}
	assert_true(serial() == 1);
	ok(ztj_trust_directory(w.trust, &u, w.now, &changed));
	ztj_dir_free(full);
	ztj_dir_free(next);
	ztj_buf_free(&rec);
	fx_signed_free(&st);
}

/* Offers the full set at serial 2 signed by k, at a time. */
static int signed_by(const struct soft_key *k, int64_t now)
{
	struct ztj_dir *full = fx_people(&w);
	struct fx_signed st;
	bool changed;
	int r;

	fx_directory(&w, full, 2, w.people.id, k, &st);
	r = fx_offer(&w, full, &st, now, &changed);
	fx_signed_free(&st);
	ztj_dir_free(full);
	return r;
}

static void test_S12_S07_registrars_and_dates(void **state)
{
	(void)state;
	fails(signed_by(&w.registrar[1], w.now), ZTJ_THRESHOLD);
	fails(signed_by(&w.stranger, w.now), ZTJ_THRESHOLD);
	fails(signed_by(&w.online, w.now), ZTJ_THRESHOLD);
	fails(signed_by(&w.person[FX_SEC1].key, w.now), ZTJ_THRESHOLD);
	fails(signed_by(&w.registrar[0], w.now - 121), ZTJ_FUTURE);
	fails(signed_by(&w.registrar[0], w.now + 90 * 86400), ZTJ_DIR_EXPIRED);
	ok(signed_by(&w.registrar[0], w.now + 90 * 86400 - 1));
}

static void test_S17_a_directory_that_has_seen_more(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	const struct soft_key *k = &w.registrar[0];
	struct fx_signed f;
	struct ztj_stmt st;
	bool changed;

	(void)state;
	fx_stmt(&w, &st, ZTJ_STMT_DIRECTORY);
	st.seen.policy = 2;
	st.u.directory.name = "people";
	st.u.directory.serial = 2;
	st.u.directory.expires = w.now + 60;
	st.u.directory.records = (int64_t)ztj_dir_count(full);
	memcpy(st.u.directory.previous, w.people.id, ZTJ_DIGEST_LEN);
	ztj_dir_root(full, st.u.directory.root);
	fx_stmt_sign(&st, FX_UP, &k, 1, &f);
	fails(fx_offer(&w, full, &f, w.now, &changed), ZTJ_SEEN_AHEAD);
	fx_signed_free(&f);
	ztj_dir_free(full);
}

/* Offers people at serial 2 with this person changed. */
static int with_person(const struct fx_person *p)
{
	struct ztj_dir *full = fx_people(&w), *next;
	struct ztj_buf rec;
	struct ztj_view put;
	struct fx_signed st;
	struct ztj_dir_update u = { .name = "people",
		.nstatements = 1,
		.statements = &st.s,
		.delta = { .nput = 1, .put = &put } };
	bool changed;
	int r;

	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	fx_user_record(p, &rec);
	put = ztj_buf_view(&rec);
	ok(ztj_dir_apply(full, "people", &u.delta, &next));
	fx_directory(&w, next, 2, w.people.id, &w.registrar[0], &st);
	r = ztj_trust_directory(w.trust, &u, w.now, &changed);
	ztj_dir_free(full);
	ztj_dir_free(next);
	ztj_buf_free(&rec);
	fx_signed_free(&st);
	return r;
}

static void test_S12_S13_delegation(void **state)
{
	struct fx_person p = w.person[FX_OUT1];
	struct fx_host h = w.host[FX_WEB1];
	struct ztj_dir *full = fx_people(&w), *next;
	struct ztj_buf rec;
	struct ztj_view put;
	struct fx_signed st;
	struct ztj_dir_update u = { .name = "people",
		.nstatements = 1,
		.statements = &st.s,
		.delta = { .nput = 1, .put = &put } };
	bool changed;

	(void)state;
	p.ngroups = 1;
	p.groups[0] = "auditors";
	fails(with_person(&p), ZTJ_DIR_DELEGATION);
	p.groups[0] = "sre";
	p.uid = 19999;
	fails(with_person(&p), ZTJ_DIR_DELEGATION);
	p.uid = 30000;
	fails(with_person(&p), ZTJ_DIR_DELEGATION);
	/* a registrar of people who would bring a host, with kinder labels */
	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	h.env = "test";
	fx_host_record(&h, &rec);
	put = ztj_buf_view(&rec);
	ok(ztj_dir_apply(full, "people", &u.delta, &next));
	fx_directory(&w, next, 2, w.people.id, &w.registrar[0], &st);
	fails(ztj_trust_directory(w.trust, &u, w.now, &changed), ZTJ_DIR_DELEGATION);
	p.uid = 29999;
	ok(with_person(&p));
	ztj_dir_free(full);
	ztj_dir_free(next);
	ztj_buf_free(&rec);
	fx_signed_free(&st);
}

static void take_policy_rules(int version, const char *registrars, const char *rules)
{
	const struct fx_policy p = { .version = version, .registrars = registrars, .rules = rules };
	struct fx_signed f;
	bool changed;

	fx_policy(&w, &p, &f);
	ok(ztj_trust_policy(w.trust, &f.s, w.now, &changed));
	assert_true(changed);
	fx_signed_free(&f);
}

static void take_policy(int version, const char *registrars)
{
	take_policy_rules(version, registrars, NULL);
}

static void registrars(struct ztj_buf *out, const struct soft_key *people, const char *more)
{
	ztj_buf_reset(out);
	fx_registrars(&w, people, NULL, more, out);
}

static void test_S07_a_new_policy_judges_what_is_held(void **state)
{
	const struct ztj_record *r;
	struct ztj_buf text;
	char who[ZTJ_FULLNAME_SIZE];
	struct ztj_dir *full = fx_people(&w);
	struct fx_signed again;
	bool changed;

	(void)state;
	ztj_buf_init(&text, 65536);
	/* another registrar: what the old one signed no longer counts, but stays the floor */
	registrars(&text, &w.stranger, NULL);
	take_policy(2, ztj_buf_str(&text));
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_THRESHOLD);
	fails(ztj_trust_user_by_key(w.trust, &w.person[FX_REQ1].key.pub, w.now, who), ZTJ_USER_UNKNOWN);
	fails(ztj_trust_resolve(w.trust, "req1", false, who), ZTJ_USER_UNKNOWN);
	ok(ztj_trust_host(w.trust, "servers/web1", w.now, &r));
	fails(fx_offer(&w, full, &w.people, w.now, &changed), ZTJ_THRESHOLD);
	/* the new one signs the same bytes: that is a renewal too */
	fx_signed_init(&again, w.people.s.bytes);
	fx_signed_add(&again, ZTJ_STMT_DIRECTORY, &w.stranger, FX_UP);
	ok(fx_offer(&w, full, &again, w.now, &changed));
	assert_true(changed);
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	/* and back: what only the other one signed waits again */
	take_policy(3, NULL);
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_THRESHOLD);
	fx_signed_free(&again);
	ztj_dir_free(full);
	ztj_buf_free(&text);
}

/* The registrars block with one word replaced by another of the same length. */
static const char *replaced(struct ztj_buf *text, const char *from, const char *to)
{
	const char *s = ztj_buf_str(text);
	char *at = strstr((char *)text->p, from);

	assert_non_null(s);
	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
	return s;
}

static void test_S13_delegation_that_shrinks(void **state)
{
	const struct ztj_record *r;
	struct ztj_buf text;

	(void)state;
	ztj_buf_init(&text, 65536);
	registrars(&text, NULL, NULL);
	take_policy(2, replaced(&text, "uids = [ 20000, 29999 ]", "uids = [ 20003, 29999 ]"));
	fails(ztj_trust_user(w.trust, "people/lead1", w.now, &r), ZTJ_DIR_DELEGATION);
	fails(ztj_trust_dir_state(w.trust, "people", w.now), ZTJ_DIR_DELEGATION);
	take_policy(3, NULL);
	ok(ztj_trust_user(w.trust, "people/lead1", w.now, &r));
	registrars(&text, NULL, NULL);
	take_policy_rules(4, replaced(&text, "\"prod\", \"test\"", "\"prod\", \"best\""),
	    "rules = ( { name = \"only\"; "
	    "who = [ \"@sre\" ]; roles = [ \"root-shell\" ]; hosts = { env = \"prod\"; }; max = \"1h\"; max_total = \"1h\"; "
	    "request_valid = \"1h\"; approvals = ( { count = 1; from = [ \"@security\" ]; } ); step_up = [ \"agent\" ]; "
	    "step_up_every = \"15m\"; freshness = \"15m\"; } );\n");
	fails(ztj_trust_host(w.trust, "servers/web1", w.now, &r), ZTJ_DIR_DELEGATION);
	registrars(&text, NULL, NULL);
	take_policy(5, replaced(&text, "directory = \"people\"", "directory = \"others\""));
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_DIR_UNKNOWN);
	fails(ztj_trust_dir_state(w.trust, "others", w.now), ZTJ_DIR_UNKNOWN);
	ztj_buf_free(&text);
}

static void test_S12_recovery_from_a_fork(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	struct chain bad = { 0 }, good = { 0 };
	const struct ztj_record *r;
	struct ztj_buf text;
	char base[128], hex[ZTJ_HEX_SIZE];

	(void)state;
	ztj_buf_init(&text, 65536);
	grow(&bad, full, w.people.id, 2, NULL);
	grow(&bad, full, NULL, 3, NULL);
	grow(&bad, full, NULL, 4, NULL);
	grow(&good, full, w.people.id, 2, "out1");
	grow(&good, full, NULL, 3, "req2");
	ok(offer(&bad, 0, 1));
	fails(offer(&good, 0, 1), ZTJ_DIR_FORK);
	ztj_hex(good.st[0].id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(base, sizeof(base), "base = \"%s\";", hex);
	registrars(&text, NULL, base);
	take_policy(2, ztj_buf_str(&text));
	fails(ztj_trust_user(w.trust, "people/req1", w.now, &r), ZTJ_DIR_ANCESTRY);
	fails(offer(&bad, 2, 2), ZTJ_DIR_ANCESTRY); /* the fork does not go on */
	ok(offer(&good, 0, 1));                     /* the base's line does, though its serial is no higher */
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	fails(ztj_trust_user(w.trust, "people/req2", w.now, &r), ZTJ_USER_UNKNOWN);
	/* from then on the base is history like any other */
	fails(offer(&good, 0, 0), ZTJ_DIR_ROLLBACK);
	fails(offer(&bad, 0, 2), ZTJ_DIR_FORK);
	assert_true(serial() == 3);
	chain_free(&bad);
	chain_free(&good);
	ztj_dir_free(full);
	ztj_buf_free(&text);
}

static void test_genesis(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	struct chain c = { 0 };
	bool changed;

	(void)state;
	ztj_trust_free(w.trust);
	ok(ztj_trust_new(&w.pins, w.cache, &w.trust));
	take_policy(1, NULL);
	grow(&c, full, NULL, 1, NULL);
	grow(&c, full, NULL, 2, NULL);
	fails(offer(&c, 1, 1), ZTJ_DIR_ANCESTRY);
	ok(offer_at(&c, 1, 1, ZTJ_TRUST_RESTORE, &changed)); /* one's own disk may begin later */
	assert_true(changed);
	ztj_trust_free(w.trust);
	ok(ztj_trust_new(&w.pins, w.cache, &w.trust));
	take_policy(1, NULL);
	ok(offer(&c, 0, 1));
	assert_true(serial() == 2);
	chain_free(&c);
	ztj_dir_free(full);
}

/* A revoked person comes back with a serial above the one the revocation names, and not before. */
static void test_revoked_until_readmitted(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	const struct ztj_record *r;
	struct fx_signed f;
	struct chain c = { 0 };
	bool changed;

	(void)state;
	fx_revoke_name(&w, &w.registrar[0], false, "people/lead1", 2, w.now + 86400 * 30, &f);
	ok(ztj_trust_revocation(w.trust, &f.s, w.now, &changed));
	fails(ztj_trust_user(w.trust, "people/lead1", w.now, &r), ZTJ_REVOKED);
	grow(&c, full, w.people.id, 2, NULL);
	grow(&c, full, NULL, 3, NULL);
	ok(offer(&c, 0, 0));
	fails(ztj_trust_user(w.trust, "people/lead1", w.now, &r), ZTJ_REVOKED);
	ok(offer(&c, 1, 1));
	ok(ztj_trust_user(w.trust, "people/lead1", w.now, &r));
	chain_free(&c);
	fx_signed_free(&f);
	ztj_dir_free(full);
}

/* Two directories of people; the second gives somebody's key, and name, to another record. */
static void test_S07_S13_one_key_in_two_directories(void **state)
{
	struct fx_person p = w.person[FX_SEC1];
	const struct ztj_record *r, *person;
	struct ztj_buf text, rec;
	struct ztj_view put;
	struct ztj_dir_delta d = { .nput = 1, .put = &put };
	char key[ZTJ_KEY_TEXT_SIZE], who[ZTJ_FULLNAME_SIZE];
	struct fx_signed st, req;
	struct ztj_stmt *opened;
	struct ztj_dir *set;
	bool changed;

	(void)state;
	ztj_buf_init(&text, 65536);
	registrars(&text, NULL, NULL);
	ok(ztj_key_to_text(&w.stranger.pub, key));
	text.n -= 4; /* " );\n" */
	ok(ztj_buf_printf(&text,
	    ",\n  { directory = \"approvers\"; keys = [ \"%s\" ]; threshold = 1; groups = [ \"security\" ];\n"
	    "    uids = [ 40000, 49999 ]; } );\n",
	    key));
	take_policy(2, ztj_buf_str(&text));
	p.uid = 40000;
	p.name = "req1";
	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	fx_user_record(&p, &rec);
	put = ztj_buf_view(&rec);
	ok(ztj_dir_apply(NULL, "approvers", &d, &set));
	fx_directory(&w, set, 1, NULL, &w.stranger, &st);
	ok(fx_offer(&w, set, &st, w.now, &changed));
	/* names are qualified, groups never merge */
	fails(ztj_trust_resolve(w.trust, "req1", false, who), ZTJ_AMBIGUOUS);
	ok(ztj_trust_user(w.trust, "people/req1", w.now, &r));
	assert_false(ztj_record_in_group(r, "security"));
	ok(ztj_trust_user(w.trust, "approvers/req1", w.now, &r));
	assert_false(ztj_record_in_group(r, "sre"));
	/* the key speaks for neither */
	fails(ztj_trust_user_by_key(w.trust, &p.key.pub, w.now, who), ZTJ_KEY_SHARED);
	fx_request(&w, FX_SEC1, "root-shell", FX_WEB1, 60, &req);
	ok(ztj_stmt_open(&req.s, ZTJ_STMT_REQUEST, "example", &opened));
	fails(ztj_trust_signed_by(w.trust, opened, "people/sec1", false, w.now, &person), ZTJ_KEY_SHARED);
	fails(ztj_trust_signed_by(w.trust, opened, "approvers/req1", false, w.now, &person), ZTJ_KEY_SHARED);
	ztj_stmt_free(opened);
	fx_signed_free(&req);
	fx_signed_free(&st);
	ztj_dir_free(set);
	ztj_buf_free(&text);
	ztj_buf_free(&rec);
}

static void test_answer_in_json(void **state)
{
	struct ztj_dir *full = fx_people(&w);
	struct ztj_buf json, st;
	struct ztj_dir_answer *a;
	struct chain c = { 0 };
	bool changed;

	(void)state;
	ztj_buf_init(&json, 1 << 20);
	ztj_buf_init(&st, 1 << 16);
	grow(&c, full, w.people.id, 2, "out1");
	ok(ztj_signed_to_json(&c.st[0].s, &st));
	ok(ztj_buf_printf(&json,
	    "{\"name\":\"people\",\"serial\":2,\"statements\":[%s],\"drop\":[\"out1\"],\"put\":[]}",
	    ztj_buf_str(&st)));
	for (size_t n = 0; n < json.n; n += 3)
		assert_int_not_equal(ztj_dir_answer_read(ztj_view_of(json.p, n), 1 << 20, &a), ZTJ_OK);
	fails(ztj_dir_answer_read(ztj_buf_view(&json), 100, &a), ZTJ_TOO_LARGE);
	ok(ztj_dir_answer_read(ztj_buf_view(&json), 1 << 20, &a));
	ok(ztj_trust_directory(w.trust, ztj_dir_answer_update(a), w.now, &changed));
	assert_true(changed);
	ztj_dir_answer_free(a);
	assert_true(serial() == 2);
	ztj_buf_free(&json);
	ztj_buf_free(&st);
	chain_free(&c);
	ztj_dir_free(full);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_S12_S14_only_descendants),
		T(test_S12_links_are_by_digest_and_serial),
		T(test_S12_the_records_must_give_the_root),
		T(test_S12_every_bit_of_an_update),
		T(test_S12_S07_registrars_and_dates),
		T(test_S17_a_directory_that_has_seen_more),
		T(test_S12_S13_delegation),
		T(test_S07_a_new_policy_judges_what_is_held),
		T(test_S13_delegation_that_shrinks),
		T(test_S12_recovery_from_a_fork),
		T(test_genesis),
		T(test_revoked_until_readmitted),
		T(test_S07_S13_one_key_in_two_directories),
		T(test_answer_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
