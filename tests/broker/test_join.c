/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the signer makes, and does not make, of a host that proves the token of auto_join. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"
#include "ztjit-broker/signer.h"

static struct fx_world w;
static struct ztj_seckey online, machine, tls, ssh;
static const uint8_t token[ZTJ_TOKEN_LEN] = { 1, 2, 3 };
static struct join_made made;

/* The registrars of the fixture, and a directory of test machines. */
static void give_policy(int version, const char *lab, const char *expires)
{
	struct fx_policy p = { .version = version, .expires = expires };
	struct fx_signed f;
	struct ztj_buf text;
	bool changed;

	ztj_buf_init(&text, 65536);
	fx_registrars(&w, NULL, NULL, NULL, &text);
	if (lab != NULL) {
		char key[ZTJ_KEY_TEXT_SIZE], mine[ZTJ_KEY_TEXT_SIZE];
		ok(ztj_key_to_text(&online.pub, key));
		ok(ztj_key_to_text(&w.registrar[1].pub, mine));
		text.n -= strlen(" );\n");
		ok(ztj_buf_printf(&text, ",\n  { directory = \"lab\"; keys = [ \"%s\", \"%s\" ]; %s } );\n",
		    key, mine, lab));
	}
	p.registrars = ztj_buf_str(&text);
	fx_policy(&w, &p, &f);
	ok(ztj_trust_policy(w.trust, &f.s, w.now, &changed));
	assert_true(changed);
	fx_signed_free(&f);
	ztj_buf_free(&text);
}

#define LAB "threshold = 1; auto_join = true; labels = { tier = \"test\"; env = \"test\"; };"

static int setup(void **state)
{
	struct ztj_seckey *const all[] = { &online, &machine, &tls, &ssh };

	(void)state;
	fx_init(&w);
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t seed[32] = { 0x40, i };
		ok(ztj_seckey_from_seed(all[i], seed));
	}
	w.online.pub = online.pub;
	fx_load(&w);
	ztj_buf_init(&made.container, 2 * ZTJ_STMT_MAX);
	ztj_buf_init(&made.record, ZTJ_RECORD_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ztj_buf_free(&made.container);
	ztj_buf_free(&made.record);
	fx_free(&w);
	return 0;
}

/* What a host of this name posts; spoil changes it before it is proved. */
static void entry(const char *name, void (*spoil)(struct ztj_stmt *st), struct ztj_buf *mem,
    struct ztj_signed *out)
{
	struct ztj_buf bytes, sig;
	struct ztj_host_id id;
	struct ztj_stmt st;
	uint8_t digest[ZTJ_DIGEST_LEN];
	const char *nonce = "00000000000000000000000000000000000000000000000000000000000000ab";

	fx_stmt(&w, &st, ZTJ_STMT_PENDING);
	st.u.pending.host = true;
	st.u.pending.name = name;
	st.u.pending.machine = machine.pub;
	st.u.pending.tls = tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = ssh.pub;
	st.u.pending.has_proof = true;
	id = ztj_host_id_pending(&st);
	ok(ztj_host_digest(&id, digest));
	ok(ztj_host_proof(token, digest, st.u.pending.proof));
	if (spoil != NULL)
		spoil(&st);
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ok(ztj_stmt_build(&st, nonce, &bytes));
	ok(ztj_sshsig_sign(&machine, ztj_stmt_namespace(ZTJ_STMT_PENDING), ztj_buf_view(&bytes), &sig));
	ztj_buf_init(mem, 2 * ZTJ_STMT_MAX);
	ok(ztj_buf_put(mem, bytes.p, bytes.n));
	ok(ztj_buf_put(mem, sig.p, sig.n));
	*out = (struct ztj_signed){ .bytes = ztj_view_of(mem->p, bytes.n),
		.sig = { ztj_view_of(mem->p + bytes.n, sig.n) },
		.nsigs = 1 };
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
}

static int join(const char *name, void (*spoil)(struct ztj_stmt *st))
{
	struct ztj_signed s;
	struct ztj_buf mem;
	int r;

	entry(name, spoil, &mem, &s);
	ztj_buf_reset(&made.container);
	ztj_buf_reset(&made.record);
	r = make_join(w.trust, &online, token, &s, w.now, &made);
	ztj_buf_free(&mem);
	return r;
}

/* As every host will: the trust takes it or not. */
static int take(void)
{
	struct ztj_view put = ztj_buf_view(&made.record);
	struct ztj_signed s;
	struct ztj_dir_update u = { .name = "lab",
		.nstatements = 1,
		.statements = &s,
		.delta = { .nput = 1, .put = &put } };
	struct ztj_rd rd;
	bool changed;

	ztj_rd_init(&rd, ztj_buf_view(&made.container));
	ok(ztj_signed_read(&rd, &s));
	return ztj_trust_directory(w.trust, &u, w.now, &changed);
}

static void test_what_it_makes_every_host_takes(void **state)
{
	const struct ztj_record *rec;

	(void)state;
	give_policy(2, LAB, NULL);
	ok(join("lab1", NULL));
	assert_string_equal(made.name, "lab");
	assert_int_equal(made.base, 0);
	ok(take());
	ok(ztj_trust_host(w.trust, "lab/lab1", w.now, &rec));
	assert_int_equal(rec->nlabels, 2);
	assert_string_equal(ztj_record_label(rec, "env"), "test");
	assert_string_equal(ztj_record_label(rec, "tier"), "test");
	assert_true(ztj_key_equal(&rec->machine, &machine.pub));
}

static void test_only_where_the_policy_says_so(void **state)
{
	(void)state;
	fails(join("lab1", NULL), ZTJ_DIR_UNKNOWN);
	give_policy(2, LAB, NULL);
	online.pub.pub[0] ^= 1; /* a signer with another key than the policy names */
	fails(join("lab1", NULL), ZTJ_BROKER_KEY);
	online.pub.pub[0] ^= 1;
	ok(join("lab1", NULL));
	give_policy(3, NULL, NULL);
	fails(join("lab1", NULL), ZTJ_DIR_UNKNOWN);
}

static void other_proof(struct ztj_stmt *st)
{
	st->u.pending.proof[31] ^= 1;
}
static void no_proof(struct ztj_stmt *st)
{
	st->u.pending.has_proof = false;
}
static void other_name(struct ztj_stmt *st)
{
	st->u.pending.name = "lab2";
}
static void other_tls(struct ztj_stmt *st)
{
	st->u.pending.tls = ssh.pub;
}
static void too_old(struct ztj_stmt *st)
{
	st->issued -= 25 * 3600;
}
static void ahead(struct ztj_stmt *st)
{
	st->issued += 120;
}
static void known_machine(struct ztj_stmt *st)
{
	st->u.pending.tls = w.host[FX_WEB1].tls.pub;
}

static void test_S18_only_what_proves_the_token(void **state)
{
	(void)state;
	give_policy(2, LAB, NULL);
	fails(join("lab1", other_proof), ZTJ_FORBIDDEN);
	fails(join("lab1", no_proof), ZTJ_FORBIDDEN);
	fails(join("lab1", other_name), ZTJ_FORBIDDEN);
	fails(join("lab1", other_tls), ZTJ_FORBIDDEN);
	fails(join("lab1", too_old), ZTJ_STALE);
	fails(join("lab1", ahead), ZTJ_FUTURE);
	fails(join("lab1", known_machine), ZTJ_FORBIDDEN);
	w.now += 400LL * 86400;
	fails(join("lab1", NULL), ZTJ_POLICY_EXPIRED);
}

static void test_S18_nothing_that_stands_is_changed(void **state)
{
	struct fx_signed rev;
	bool changed;

	(void)state;
	give_policy(2, LAB, NULL);
	ok(join("lab1", NULL));
	ok(take());
	fails(join("lab1", NULL), ZTJ_KEY_SHARED);
	fails(join("lab2", NULL), ZTJ_KEY_SHARED); /* nor another name for the same keys */
	ok(ztj_seckey_from_seed(&machine, (const uint8_t[32]){ 0x50 }));
	ok(ztj_seckey_from_seed(&tls, (const uint8_t[32]){ 0x51 }));
	fails(join("lab1", NULL), ZTJ_EXISTS);
	ok(join("lab2", NULL));
	assert_int_equal(made.base, 1);
	/* S12: a new serial would readmit who was revoked */
	fx_revoke_name(&w, &w.registrar[1], true, "lab/lab1", 1, w.now + 86400, &rev);
	ok(ztj_trust_revocation(w.trust, &rev.s, w.now, &changed));
	fails(join("lab2", NULL), ZTJ_REVOKED);
	fx_signed_free(&rev);
}

static void test_S13_no_name_that_stands_elsewhere(void **state)
{
	(void)state;
	give_policy(2, LAB, NULL);
	fails(join("web1", NULL), ZTJ_EXISTS);
	ok(join("req1", NULL)); /* a person's name is no host's */
}

static void test_S12_revoked_and_removed_stays_out(void **state)
{
	struct fx_signed rev;
	bool changed;

	(void)state;
	give_policy(2, LAB, NULL);
	/* it stood with serial 1, was revoked, and the record was left out with serial 2 */
	fx_revoke_name(&w, &w.registrar[1], true, "lab/lab1", 1, w.now + 86400, &rev);
	ok(ztj_trust_revocation(w.trust, &rev.s, w.now, &changed));
	ok(join("lab2", NULL));
	ok(take());
	ok(ztj_seckey_from_seed(&machine, (const uint8_t[32]){ 0x50 }));
	ok(ztj_seckey_from_seed(&tls, (const uint8_t[32]){ 0x51 }));
	fails(join("lab1", NULL), ZTJ_REVOKED);
	ok(join("lab3", NULL));
	w.now += 2 * 86400LL;
	ok(join("lab1", NULL)); /* the revocation has ended */
	fx_signed_free(&rev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_it_makes_every_host_takes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_where_the_policy_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S18_only_what_proves_the_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S18_nothing_that_stands_is_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S13_no_name_that_stands_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_S12_revoked_and_removed_stays_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
