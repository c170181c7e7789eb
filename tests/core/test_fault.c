/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every library call below the decision fails once, in turn: nothing is ever
 * accepted, and the answer is an outage, not a verdict. The linker's --wrap
 * puts the calls of the shipped objects through the functions here.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/core/merkle.h"
#include "libztjit/core/sshsig.h"
#include "tests/core/support.h"

static unsigned calls, fail_at; /* fail_at 0: nothing fails */

static bool hit(void)
{
	return fail_at != 0 && ++calls == fail_at;
}

#define WRAP(ret, name, bad, params, args) \
	ret __real_##name params; \
	ret __wrap_##name params; \
	ret __wrap_##name params \
	{ \
		return hit() ? (bad) : __real_##name args; \
	}

WRAP(void *, malloc, NULL, (size_t n), (n))
WRAP(int, EVP_Digest, 0,
    (const void *p, size_t n, unsigned char *md, unsigned *len, const EVP_MD *type, ENGINE *e),
    (p, n, md, len, type, e))
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, NULL, (void), ())
WRAP(int, EVP_DigestInit_ex, 0, (EVP_MD_CTX * ctx, const EVP_MD *type, ENGINE *e), (ctx, type, e))
WRAP(int, EVP_DigestUpdate, 0, (EVP_MD_CTX * ctx, const void *p, size_t n), (ctx, p, n))
WRAP(int, EVP_DigestFinal_ex, 0, (EVP_MD_CTX * ctx, unsigned char *md, unsigned *n), (ctx, md, n))
WRAP(int, EVP_DigestVerifyInit, 0,
    (EVP_MD_CTX * ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, ENGINE *e, EVP_PKEY *pk),
    (ctx, pctx, type, e, pk))
WRAP(int, EVP_DigestVerify, -1,
    (EVP_MD_CTX * ctx, const unsigned char *sig, size_t siglen, const unsigned char *p, size_t n),
    (ctx, sig, siglen, p, n))
WRAP(int, EVP_DigestSignInit, 0,
    (EVP_MD_CTX * ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, ENGINE *e, EVP_PKEY *pk),
    (ctx, pctx, type, e, pk))
WRAP(int, EVP_DigestSign, 0,
    (EVP_MD_CTX * ctx, unsigned char *sig, size_t *siglen, const unsigned char *p, size_t n),
    (ctx, sig, siglen, p, n))
WRAP(EVP_PKEY *, EVP_PKEY_new, NULL, (void), ())
WRAP(EVP_PKEY_CTX *, EVP_PKEY_CTX_new, NULL, (EVP_PKEY * pk, ENGINE *e), (pk, e))
WRAP(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, NULL, (OSSL_LIB_CTX * lib, const char *name, const char *q),
    (lib, name, q))
WRAP(int, EVP_PKEY_fromdata_init, 0, (EVP_PKEY_CTX * ctx), (ctx))
WRAP(int, EVP_PKEY_fromdata, 0, (EVP_PKEY_CTX * ctx, EVP_PKEY **pk, int selection, OSSL_PARAM *params),
    (ctx, pk, selection, params))
WRAP(int, EVP_PKEY_copy_parameters, 0, (EVP_PKEY * to, const EVP_PKEY *from), (to, from))
WRAP(EVP_PKEY *, EVP_PKEY_new_raw_public_key, NULL, (int type, ENGINE *e, const unsigned char *p, size_t n),
    (type, e, p, n))
WRAP(EVP_PKEY *, EVP_PKEY_new_raw_private_key, NULL, (int type, ENGINE *e, const unsigned char *p, size_t n),
    (type, e, p, n))
WRAP(int, EVP_PKEY_get_raw_public_key, 0, (const EVP_PKEY *pk, unsigned char *p, size_t *n), (pk, p, n))
WRAP(int, EVP_PKEY_verify_init, 0, (EVP_PKEY_CTX * ctx), (ctx))
WRAP(int, EVP_PKEY_verify, -1,
    (EVP_PKEY_CTX * ctx, const unsigned char *sig, size_t siglen, const unsigned char *p, size_t n),
    (ctx, sig, siglen, p, n))
WRAP(int, EVP_EncodeBlock, -1, (unsigned char *out, const unsigned char *p, int n), (out, p, n))

/* Runs op with the first, second, … call failing until none is left to fail. */
static void break_each(int (*op)(void *), void *arg)
{
	for (unsigned n = 1;; n++) {
		int r;

		calls = 0;
		fail_at = n;
		r = op(arg);
		fail_at = 0;
		if (calls < n) {
			ok(r);
			assert_true(n > 1);
			return;
		}
		assert_int_equal(ztj_err_class(r), ZTJ_CLASS_OUTAGE);
	}
}

static const struct ztj_view msg = { (const uint8_t *)"a statement", 11 };

struct signed_msg {
	struct soft_key k;
	struct ztj_buf key, sig, blob;
};

static void signed_make(struct signed_msg *s, enum ztj_key_type type)
{
	soft_key_make(&s->k, type);
	ztj_buf_init(&s->key, 512);
	ztj_buf_init(&s->sig, 512);
	ztj_buf_init(&s->blob, ZTJ_SSHSIG_MAX);
	ok(ztj_key_to_blob(&s->k.pub, &s->key));
	soft_key_sign(&s->k, msg, 1, 1, &s->sig);
	soft_key_sshsig(&s->k, "x@ztjit", msg, 1, &s->blob);
}

static void signed_free(struct signed_msg *s)
{
	soft_key_free(&s->k);
	ztj_buf_free(&s->key);
	ztj_buf_free(&s->sig);
	ztj_buf_free(&s->blob);
}

static int op_key(void *arg)
{
	struct signed_msg *s = arg;
	char text[ZTJ_KEY_TEXT_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_key k;
	int r;

	if ((r = ztj_key_from_blob(&k, ztj_buf_view(&s->key))) != ZTJ_OK ||
	    (r = ztj_key_to_text(&k, text)) != ZTJ_OK || (r = ztj_key_fingerprint(&k, fp)) != ZTJ_OK)
		return r;
	return ztj_key_from_text(&k, ztj_view_str(text));
}

static int op_sig(void *arg)
{
	struct signed_msg *s = arg;
	struct ztj_sig_info info;

	return ztj_sig_verify(&s->k.pub, ztj_buf_view(&s->sig), msg, &info);
}

static int op_sshsig(void *arg)
{
	struct signed_msg *s = arg;
	struct ztj_signer who;
	int r = ztj_sshsig_verify(ztj_buf_view(&s->blob), "x@ztjit", msg, &who);

	assert_int_equal(who.key.type == ZTJ_KEY_NONE, r != ZTJ_OK);
	return r;
}

static void test_P4_verification_fails_closed(void **state)
{
	static const enum ztj_key_type types[] = { ZTJ_KEY_SK_ECDSA, ZTJ_KEY_SK_ED25519, ZTJ_KEY_ED25519 };

	(void)state;
	for (size_t t = 0; t < 3; t++) {
		struct signed_msg s;

		signed_make(&s, types[t]);
		break_each(op_key, &s);
		break_each(op_sig, &s);
		break_each(op_sshsig, &s);
		signed_free(&s);
	}
}

struct cert_case {
	struct soft_key subject, ca;
	struct ztj_buf cert;
};

static int op_cert(void *arg)
{
	struct cert_case *cc = arg;
	struct ztj_cert c;
	int r = ztj_cert_parse(&c, ztj_buf_view(&cc->cert));

	return r != ZTJ_OK ? r : ztj_cert_verify(&c, &cc->ca.pub);
}

static void test_P4_certificates_fail_closed(void **state)
{
	struct ztj_cert_spec spec;
	struct cert_case cc;

	(void)state;
	soft_key_make(&cc.subject, ZTJ_KEY_SK_ECDSA);
	soft_key_make(&cc.ca, ZTJ_KEY_ECDSA);
	ztj_buf_init(&cc.cert, ZTJ_CERT_MAX);
	good_cert_spec(&spec, &cc.subject);
	make_cert(&spec, &cc.ca, &cc.cert);
	break_each(op_cert, &cc);
	ztj_buf_free(&cc.cert);
	soft_key_free(&cc.subject);
	soft_key_free(&cc.ca);
}

static int op_own_key(void *arg)
{
	struct ztj_keyfile kf = { .comment = "c" }, back;
	struct ztj_buf text, sig;
	struct ztj_seckey sk;
	uint8_t *seed = arg;
	int r;

	ztj_buf_init(&text, 8192);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if ((r = ztj_seckey_from_seed(&sk, seed)) == ZTJ_OK) {
		kf.pub = sk.pub;
		memcpy(kf.seed, seed, sizeof(kf.seed));
		r = ztj_keyfile_format(&kf, 1, &text);
	}
	if (r == ZTJ_OK && (r = ztj_keyfile_parse(&back, ztj_buf_view(&text))) == ZTJ_OK)
		r = ztj_sshsig_sign(&sk, "x@ztjit", msg, &sig);
	ztj_buf_free(&text);
	ztj_buf_free(&sig);
	return r;
}

static int op_merkle(void *arg)
{
	ztj_hash leaves[5], root, path[ZTJ_PROOF_MAX];
	size_t len;
	int r = ZTJ_OK;

	for (size_t i = 0; i < 5 && r == ZTJ_OK; i++)
		r = ztj_merkle_leaf(ztj_view_of(arg, i), leaves[i]);
	if (r != ZTJ_OK || (r = ztj_merkle_root((const ztj_hash *)leaves, 5, root)) != ZTJ_OK ||
	    (r = ztj_merkle_prove((const ztj_hash *)leaves, 5, 2, path, &len)) != ZTJ_OK)
		return r;
	return ztj_merkle_verify(leaves[2], 2, 5, (const ztj_hash *)path, len, root);
}

static void test_P4_own_keys_and_trees_fail_closed(void **state)
{
	uint8_t seed[32] = { 4 };

	(void)state;
	break_each(op_own_key, seed);
	break_each(op_merkle, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_P4_verification_fails_closed),
		cmocka_unit_test(test_P4_certificates_fail_closed),
		cmocka_unit_test(test_P4_own_keys_and_trees_fail_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
