/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Keys, statements and the world's contents. */
#include "tests/core/fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

static void p256_from_scalar(struct soft_key *k, const uint8_t scalar[32])
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
	EC_POINT *q = EC_POINT_new(g);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params;

	assert_int_equal(EC_POINT_mul(g, q, d, NULL, NULL, NULL), 1);
	k->pub.pub_len = EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, k->pub.pub,
	    sizeof(k->pub.pub), NULL);
	assert_int_equal(k->pub.pub_len, 65);
	assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0),
	    1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, k->pub.pub, 65), 1);
	assert_non_null(params = OSSL_PARAM_BLD_to_param(bld));
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &k->pair, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	EC_POINT_free(q);
	BN_free(d);
	EC_GROUP_free(g);
}

void fx_key(struct soft_key *k, enum ztj_key_type type, unsigned seed)
{
	char text[32];
	uint8_t secret[ZTJ_DIGEST_LEN];
	size_t len = sizeof(k->pub.pub);

	memset(k, 0, sizeof(*k));
	k->pub.type = type;
	(void)snprintf(text, sizeof(text), "ztjit test key %u", seed);
	ok(ztj_sha256(ztj_view_str(text), secret));
	if (type == ZTJ_KEY_ECDSA || type == ZTJ_KEY_SK_ECDSA) {
		p256_from_scalar(k, secret);
	} else {
		assert_non_null(
		    k->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret)));
		assert_int_equal(EVP_PKEY_get_raw_public_key(k->pair, k->pub.pub, &len), 1);
		k->pub.pub_len = len;
	}
	if (ztj_key_is_sk(&k->pub))
		memcpy(k->pub.application, "ssh:", sizeof("ssh:"));
}

/* ---- signed bytes ---- */

void fx_signed_init(struct fx_signed *f, struct ztj_view bytes)
{
	memset(f, 0, sizeof(*f));
	ztj_buf_init(&f->bytes, ZTJ_POLICY_MAX + 1024);
	for (size_t i = 0; i < ZTJ_SIGS_MAX; i++)
		ztj_buf_init(&f->sig[i], ZTJ_SSHSIG_MAX);
	ok(ztj_buf_put(&f->bytes, bytes.p, bytes.n));
	f->s.bytes = ztj_buf_view(&f->bytes);
	ok(ztj_stmt_id(f->s.bytes, f->id));
}

void fx_signed_add(struct fx_signed *f, enum ztj_stmt_type type, const struct soft_key *k, uint8_t flags)
{
	size_t i = f->s.nsigs++;

	assert_in_range(i, 0, ZTJ_SIGS_MAX - 1);
	soft_key_sshsig(k, ztj_stmt_namespace(type), f->s.bytes, flags, &f->sig[i]);
	f->s.sig[i] = ztj_buf_view(&f->sig[i]);
}

void fx_signed_free(struct fx_signed *f)
{
	ztj_buf_free(&f->bytes);
	for (size_t i = 0; i < ZTJ_SIGS_MAX; i++)
		ztj_buf_free(&f->sig[i]);
	memset(f, 0, sizeof(*f));
}

/* ---- the world ---- */

static const struct fx_person people[FX_PEOPLE] = {
	[FX_REQ1] = { .name = "req1",
	    .full = "people/req1",
	    .uid = 20001,
	    .ngroups = 1,
	    .groups = { "sre" } },
	[FX_REQ2] = { .name = "req2",
	    .full = "people/req2",
	    .uid = 20002,
	    .ngroups = 1,
	    .groups = { "sre" } },
	[FX_LEAD1] = { .name = "lead1",
	    .full = "people/lead1",
	    .uid = 20003,
	    .ngroups = 1,
	    .groups = { "sre-leads" } },
	[FX_LEAD2] = { .name = "lead2",
	    .full = "people/lead2",
	    .uid = 20004,
	    .ngroups = 1,
	    .groups = { "sre-leads" } },
	[FX_SEC1] = { .name = "sec1",
	    .full = "people/sec1",
	    .uid = 20005,
	    .ngroups = 1,
	    .groups = { "security" } },
	[FX_BOTH1] = { .name = "both1",
	    .full = "people/both1",
	    .uid = 20006,
	    .ngroups = 2,
	    .groups = { "security", "sre-leads" } },
	[FX_OUT1] = { .name = "out1", .full = "people/out1", .uid = 20007 },
};

static const struct fx_host hosts[FX_HOSTS] = {
	[FX_WEB1] = { .name = "web1", .full = "servers/web1", .env = "prod" },
	[FX_WEB2] = { .name = "web2", .full = "servers/web2", .env = "prod" },
	[FX_DB1] = { .name = "db1", .full = "servers/db1", .env = "prod" },
	[FX_TEST1] = { .name = "test1", .full = "servers/test1", .env = "test" },
};

void fx_init(struct fx_world *w)
{
	memset(w, 0, sizeof(*w));
	memcpy(w->domain, "example", sizeof("example"));
	w->now = FX_NOW;
	fx_key(&w->root[0], ZTJ_KEY_SK_ED25519, 1);
	fx_key(&w->root[1], ZTJ_KEY_SK_ECDSA, 2);
	fx_key(&w->root[2], ZTJ_KEY_ED25519, 3);
	fx_key(&w->registrar[0], ZTJ_KEY_SK_ED25519, 4);
	fx_key(&w->registrar[1], ZTJ_KEY_SK_ECDSA, 5);
	fx_key(&w->tls, ZTJ_KEY_ED25519, 6);
	fx_key(&w->online, ZTJ_KEY_ED25519, 7);
	fx_key(&w->log, ZTJ_KEY_ED25519, 8);
	fx_key(&w->ca, ZTJ_KEY_ED25519, 9);
	fx_key(&w->stranger, ZTJ_KEY_SK_ED25519, 10);
	for (unsigned i = 0; i < FX_PEOPLE; i++) {
		w->person[i] = people[i];
		fx_key(&w->person[i].key, i % 2 == 0 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_SK_ECDSA, 100 + i);
	}
	for (unsigned i = 0; i < FX_HOSTS; i++) {
		w->host[i] = hosts[i];
		fx_key(&w->host[i].machine, ZTJ_KEY_ED25519, 200 + 3 * i);
		fx_key(&w->host[i].tls, ZTJ_KEY_ED25519, 201 + 3 * i);
		fx_key(&w->host[i].ssh, ZTJ_KEY_ED25519, 202 + 3 * i);
	}
	memcpy(w->pins.domain, "example", sizeof("example"));
	w->pins.threshold = 2;
	w->pins.nroots = 3;
	for (size_t i = 0; i < 3; i++)
		w->pins.root[i] = w->root[i].pub;
	ok(ztj_sigcache_new(1024, &w->cache));
	ok(ztj_trust_new(&w->pins, w->cache, &w->trust));
}

void fx_load(struct fx_world *w)
{
	const struct fx_policy defaults = { .broker = w->broker };
	struct ztj_dir *set;
	bool changed;

	fx_policy(w, &defaults, &w->policy);
	ok(ztj_trust_policy(w->trust, &w->policy.s, w->now, &changed));
	assert_true(changed);
	set = fx_people(w);
	fx_directory(w, set, 1, NULL, &w->registrar[0], &w->people);
	ok(fx_offer(w, set, &w->people, w->now, &changed));
	ztj_dir_free(set);
	set = fx_servers(w);
	fx_directory(w, set, 1, NULL, &w->registrar[1], &w->servers);
	ok(fx_offer(w, set, &w->servers, w->now, &changed));
	ztj_dir_free(set);
}

void fx_free(struct fx_world *w)
{
	struct soft_key *const keys[] = { &w->root[0], &w->root[1], &w->root[2], &w->registrar[0],
		&w->registrar[1], &w->tls, &w->online, &w->log, &w->ca, &w->stranger };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		soft_key_free(keys[i]);
	for (size_t i = 0; i < FX_PEOPLE; i++)
		soft_key_free(&w->person[i].key);
	for (size_t i = 0; i < FX_HOSTS; i++) {
		soft_key_free(&w->host[i].machine);
		soft_key_free(&w->host[i].tls);
		soft_key_free(&w->host[i].ssh);
	}
	ztj_trust_free(w->trust);
	ztj_sigcache_free(w->cache);
	fx_signed_free(&w->policy);
	fx_signed_free(&w->people);
	fx_signed_free(&w->servers);
}

/* ---- the policy ---- */

static void put_key(struct ztj_buf *out, const struct soft_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	ok(ztj_key_to_text(&k->pub, text));
	ok(ztj_buf_printf(out, "\"%s\"", text));
}

void fx_registrars(const struct fx_world *w, const struct soft_key *reg_people,
    const struct soft_key *reg_servers, const char *more, struct ztj_buf *out)
{
	ok(ztj_buf_puts(out, "registrars = (\n  { directory = \"people\"; keys = [ "));
	put_key(out, reg_people != NULL ? reg_people : &w->registrar[0]);
	ok(ztj_buf_printf(out,
	    " ]; threshold = 1; groups = [ \"sre\", \"sre-leads\", \"security\" ];\n"
	    "    uids = [ 20000, 29999 ]; %s },\n  { directory = \"servers\"; keys = [ ",
	    more != NULL ? more : ""));
	put_key(out, reg_servers != NULL ? reg_servers : &w->registrar[1]);
	ok(ztj_buf_puts(out, " ]; threshold = 1; labels = { env = [ \"prod\", \"test\" ]; }; } );\n"));
}

static const char default_roles[] =
    "roles = {\n"
    "  root-shell = { login = [ \"root\" ]; record = \"none\"; };\n"
    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\" ]; groups = [ \"ztjit-root\" ]; record = \"none\"; };\n"
    "};\ngids = { ztjit-root = 61000; };\n";
static const char default_rules[] =
    "rules = (\n"
    "  { name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"prod\"; };\n"
    "    max = \"1h\"; max_total = \"4h\"; request_valid = \"1h\"; ahead = \"7d\";\n"
    "    approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n"
    "    verify = \"uv\"; step_up = [ \"agent\", \"confirm\" ]; step_up_every = \"15m\";\n"
    "    reason_min = 10; ticket = \"^INC-[0-9]+$\"; freshness = \"15m\"; on_stale = \"deny\"; },\n"
    "  { name = \"test-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"test\"; };\n"
    "    max = \"8h\"; max_total = \"8h\"; request_valid = \"4h\"; ahead = \"1d\";\n"
    "    approvals = ( { count = 1; from = [ \"@sre\", \"@sre-leads\" ]; } );\n"
    "    step_up = [ \"agent\", \"confirm\" ]; step_up_every = \"1h\";\n"
    "    reason_min = 3; freshness = \"1h\"; on_stale = \"deny\"; }\n"
    ");\n";

void fx_policy_text(const struct fx_world *w, const struct fx_policy *p, struct ztj_buf *out)
{
	ok(ztj_buf_printf(out, "domain = \"%s\";\nversion = %d;\nexpires = \"%s\";\n",
	    p->domain != NULL ? p->domain : w->domain, p->version != 0 ? p->version : 1,
	    p->expires != NULL ? p->expires : "2027-06-30T00:00:00Z"));
	ok(ztj_buf_puts(out, p->roles != NULL ? p->roles : default_roles));
	ok(ztj_buf_puts(out, p->rules != NULL ? p->rules : default_rules));
	if (p->registrars != NULL)
		ok(ztj_buf_puts(out, p->registrars));
	else
		fx_registrars(w, NULL, NULL, NULL, out);
	ok(ztj_buf_puts(out, "broker = {\n  urls = [ \"https://broker.example:8443\" ];\n  tls = [ "));
	put_key(out, &w->tls);
	ok(ztj_buf_puts(out, " ];\n  online = [ "));
	put_key(out, &w->online);
	ok(ztj_buf_puts(out, " ];\n  log = [ "));
	put_key(out, &w->log);
	ok(ztj_buf_puts(out, " ];\n  ca = [ "));
	put_key(out, &w->ca);
	ok(ztj_buf_printf(out, " ];\n%s};\n", p->broker != NULL ? p->broker : ""));
	ok(ztj_buf_printf(out, "revoked_keys = [ %s ];\n%s", p->revoked != NULL ? p->revoked : "",
	    p->more != NULL ? p->more : ""));
}

void fx_policy(const struct fx_world *w, const struct fx_policy *p, struct fx_signed *out)
{
	struct ztj_buf text;

	ztj_buf_init(&text, ZTJ_POLICY_MAX);
	fx_policy_text(w, p, &text);
	fx_signed_init(out, ztj_buf_view(&text));
	fx_signed_add(out, ZTJ_STMT_POLICY, &w->root[0], FX_UP);
	fx_signed_add(out, ZTJ_STMT_POLICY, &w->root[1], FX_UP);
	ztj_buf_free(&text);
}

/* ---- directories ---- */

void fx_user_record(const struct fx_person *p, struct ztj_buf *out)
{
	struct ztj_userkey key = { .key = p->key.pub, .credential = "", .from = FX_NOW - 86400 };
	const char *groups[4];
	struct ztj_record r = { .name = p->name,
		.uid = p->uid,
		.nkeys = 1,
		.keys = &key,
		.ngroups = p->ngroups,
		.groups = groups };

	memcpy(groups, p->groups, sizeof(groups));
	ok(ztj_record_build(&r, out));
}

void fx_host_record(const struct fx_host *h, struct ztj_buf *out)
{
	struct ztj_label label = { "env", h->env };
	struct ztj_key ssh = h->ssh.pub;
	struct ztj_record r = { .host = true,
		.name = h->name,
		.nlabels = 1,
		.labels = &label,
		.machine = h->machine.pub,
		.tls = h->tls.pub,
		.nssh = 1,
		.ssh = &ssh };

	ok(ztj_record_build(&r, out));
}

static int by_name(const void *a, const void *b)
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

/* Sorts the records and makes the set; empties the buffers. */
static struct ztj_dir *make_set(const char *name, struct ztj_buf *rec, size_t n)
{
	struct ztj_view put[16];
	struct ztj_dir_delta delta = { .nput = n, .put = put };
	struct ztj_dir *d;

	assert_in_range(n, 0, 16);
	qsort(rec, n, sizeof(*rec), by_name);
	for (size_t i = 0; i < n; i++)
		put[i] = ztj_buf_view(&rec[i]);
	ok(ztj_dir_apply(NULL, name, &delta, &d));
	for (size_t i = 0; i < n; i++)
		ztj_buf_free(&rec[i]);
	return d;
}

struct ztj_dir *fx_people(const struct fx_world *w)
{
	struct ztj_buf rec[FX_PEOPLE];

	for (size_t i = 0; i < FX_PEOPLE; i++) {
		ztj_buf_init(&rec[i], ZTJ_RECORD_MAX);
		fx_user_record(&w->person[i], &rec[i]);
	}
	return make_set("people", rec, FX_PEOPLE);
}

struct ztj_dir *fx_servers(const struct fx_world *w)
{
	struct ztj_buf rec[FX_HOSTS];

	for (size_t i = 0; i < FX_HOSTS; i++) {
		ztj_buf_init(&rec[i], ZTJ_RECORD_MAX);
		fx_host_record(&w->host[i], &rec[i]);
	}
	return make_set("servers", rec, FX_HOSTS);
}

void fx_directory(const struct fx_world *w, const struct ztj_dir *set, int64_t serial,
    const uint8_t *previous, const struct soft_key *k, struct fx_signed *out)
{
	struct ztj_stmt st;

	fx_stmt(w, &st, ZTJ_STMT_DIRECTORY);
	st.u.directory.name = ztj_dir_name(set);
	st.u.directory.serial = serial;
	st.u.directory.expires = w->now + 90 * 86400;
	st.u.directory.records = (int64_t)ztj_dir_count(set);
	if (previous != NULL)
		memcpy(st.u.directory.previous, previous, ZTJ_DIGEST_LEN);
	ztj_dir_root(set, st.u.directory.root);
	fx_stmt_sign(&st, FX_UP, &k, 1, out);
}

int fx_offer(struct fx_world *w, const struct ztj_dir *set, const struct fx_signed *st, int64_t now,
    bool *changed)
{
	struct ztj_view *put = calloc(ztj_dir_count(set) + 1, sizeof(*put));
	struct ztj_dir_update u = { .name = ztj_dir_name(set),
		.nstatements = 1,
		.statements = &st->s,
		.delta = { .nput = ztj_dir_count(set), .put = put } };
	int r;

	assert_non_null(put);
	for (size_t i = 0; i < u.delta.nput; i++)
		put[i] = ztj_dir_at(set, i)->bytes;
	r = ztj_trust_directory(w->trust, &u, now, changed);
	free(put);
	return r;
}
