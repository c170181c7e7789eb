/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH signatures, plain and by security keys. */
#include <string.h>

#include <openssl/bn.h>

#include "tests/core/support.h"

#define UP 0x01
#define UV 0x04
#define P256_ORDER "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

static const enum ztj_key_type all_types[] = { ZTJ_KEY_ED25519, ZTJ_KEY_ECDSA, ZTJ_KEY_SK_ED25519,
	ZTJ_KEY_SK_ECDSA };
#define TYPES (sizeof(all_types) / sizeof(all_types[0]))

static const struct ztj_view msg = { (const uint8_t *)"the message", 11 };

/* Fails the test when a refused signature leaves anything in info. */
static int verify(const struct ztj_key *k, struct ztj_view sig, struct ztj_view m)
{
	struct ztj_sig_info info = { .user_verified = true, .counter = 99 };
	int r = ztj_sig_verify(k, sig, m, &info);

	if (r != ZTJ_OK)
		assert_false(info.is_sk || info.user_present || info.user_verified || info.counter != 0);
	return r;
}

/* Frees what it verifies. */
static int verify_buf(const struct ztj_key *k, struct ztj_buf *sig)
{
	int r = verify(k, ztj_buf_view(sig), msg);

	ztj_buf_free(sig);
	return r;
}

static void test_every_type_verifies(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct ztj_sig_info info;
		struct soft_key k;
		struct ztj_buf sig;

		soft_key_make(&k, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&k, msg, UP | UV, 0x01020304, &sig);
		ok(ztj_sig_verify(&k.pub, ztj_buf_view(&sig), msg, &info));
		assert_int_equal(info.is_sk, t >= 2);
		assert_int_equal(info.user_present, t >= 2);
		assert_int_equal(info.user_verified, t >= 2);
		assert_int_equal(info.counter, t >= 2 ? 0x01020304 : 0);
		fails(verify(&k.pub, ztj_buf_view(&sig), ztj_view_str("another message")), ZTJ_BAD_SIGNATURE);
		fails(verify(&k.pub, ztj_buf_view(&sig), ztj_view_of(NULL, 0)), ZTJ_BAD_SIGNATURE);
		ztj_buf_reset(&sig);
		soft_key_sign(&k, ztj_view_of("", 0), UP, 1, &sig);
		ok(verify(&k.pub, ztj_buf_view(&sig), ztj_view_of(NULL, 0)));
		ztj_buf_free(&sig);
		soft_key_free(&k);
	}
}

static void test_our_own_key_signs(void **state)
{
	uint8_t seed[32] = { 5 };
	struct ztj_seckey sk;
	struct ztj_buf sig;

	(void)state;
	ok(ztj_seckey_from_seed(&sk, seed));
	ztj_buf_init(&sig, 128);
	ok(ztj_seckey_sign(&sk, msg, &sig));
	ok(verify_buf(&sk.pub, &sig));
}

static void test_another_key_refused(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct soft_key k, other;
		struct ztj_buf sig;

		soft_key_make(&k, all_types[t]);
		soft_key_make(&other, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&other, msg, UP, 1, &sig);
		fails(verify_buf(&k.pub, &sig), ZTJ_BAD_SIGNATURE);
		soft_key_free(&k);
		soft_key_free(&other);
	}
}

static void test_S01_user_present_demanded_and_user_verified_reported(void **state)
{
	static const struct {
		uint8_t flags;
		int err;
		bool uv;
	} table[] = { { 0, ZTJ_NO_TOUCH, false }, { UV, ZTJ_NO_TOUCH, false }, { 0xfe, ZTJ_NO_TOUCH, false },
		{ UP, ZTJ_OK, false }, { UP | UV, ZTJ_OK, true } };

	(void)state;
	for (size_t t = 2; t < TYPES; t++) {
		struct soft_key k;

		soft_key_make(&k, all_types[t]);
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			struct ztj_sig_info info;
			struct ztj_buf sig;

			ztj_buf_init(&sig, 512);
			soft_key_sign(&k, msg, table[i].flags, 3, &sig);
			fails(ztj_sig_verify(&k.pub, ztj_buf_view(&sig), msg, &info), table[i].err);
			assert_int_equal(info.user_verified, table[i].uv);
			ztj_buf_free(&sig);
		}
		soft_key_free(&k);
	}
}

static void test_S01_flags_and_counter_are_signed(void **state)
{
	(void)state;
	for (size_t t = 2; t < TYPES; t++) {
		struct soft_key k;
		struct ztj_buf sig;

		soft_key_make(&k, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&k, msg, 0, 3, &sig);
		sig.p[sig.n - 5] |= UP; /* setting the flag afterwards */
		fails(verify(&k.pub, ztj_buf_view(&sig), msg), ZTJ_BAD_SIGNATURE);
		ztj_buf_reset(&sig);
		soft_key_sign(&k, msg, UP, 3, &sig);
		sig.p[sig.n - 1] ^= 1;
		fails(verify(&k.pub, ztj_buf_view(&sig), msg), ZTJ_BAD_SIGNATURE);
		ztj_buf_free(&sig);
		soft_key_free(&k);
	}
}

static void test_application_is_signed(void **state)
{
	struct soft_key k;
	struct ztj_key other;
	struct ztj_buf sig;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&sig, 512);
	soft_key_sign(&k, msg, UP, 3, &sig);
	other = k.pub;
	memcpy(other.application, "ssh:else", 9);
	fails(verify_buf(&other, &sig), ZTJ_BAD_SIGNATURE);
	soft_key_free(&k);
}

static void test_S09_wrong_and_swapped_algorithms(void **state)
{
	static const char *const names[] = { "ssh-ed25519", "ecdsa-sha2-nistp256",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
		"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "ssh-rsa",
		"ecdsa-sha2-nistp384", "", "none", "ssh-ed25519\n" };

	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct soft_key k;
		struct ztj_buf sig, renamed;
		struct ztj_view alg;
		struct ztj_rd rd;

		soft_key_make(&k, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&k, msg, UP, 3, &sig);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (strcmp(names[i], ztj_key_type_name(all_types[t])) == 0)
				continue;
			ztj_rd_init(&rd, ztj_buf_view(&sig));
			ok(ztj_rd_string(&rd, 64, &alg));
			ztj_buf_init(&renamed, 512);
			ok(ztj_buf_put_cstring(&renamed, names[i]));
			ok(ztj_buf_put(&renamed, rd.left.p, rd.left.n));
			fails(verify_buf(&k.pub, &renamed), ZTJ_SIG_ALG);
		}
		ztj_buf_free(&sig);
		soft_key_free(&k);
	}
}

static void test_S09_plain_signature_of_an_sk_key(void **state)
{
	struct soft_key k;
	struct ztj_key as_plain;
	struct ztj_buf sig;

	(void)state;
	/* the private half of an sk key outside its device signs without flags */
	soft_key_make(&k, ZTJ_KEY_ED25519);
	ztj_buf_init(&sig, 512);
	soft_key_sign(&k, msg, 0, 0, &sig);
	as_plain = k.pub;
	as_plain.type = ZTJ_KEY_SK_ED25519;
	memcpy(as_plain.application, "ssh:test", 9);
	fails(verify_buf(&as_plain, &sig), ZTJ_SIG_ALG);
	soft_key_free(&k);
}

/* RFC 8032: S must be below the group order; S + L verifies the same equation. */
static void test_S09_ed25519_s_not_reduced(void **state)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

	(void)state;
	for (size_t t = 0; t < TYPES; t += 2) {
		struct soft_key k;
		struct ztj_buf sig;
		uint8_t *s;
		unsigned carry = 0;

		soft_key_make(&k, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&k, msg, UP, 3, &sig);
		s = sig.p + sig.n - 32 - (t != 0 ? 5 : 0);
		for (size_t i = 0; i < 32; i++) {
			carry += (unsigned)s[i] + order[i];
			s[i] = (uint8_t)carry;
			carry >>= 8;
		}
		fails(verify_buf(&k.pub, &sig), ZTJ_BAD_SIGNATURE);
		soft_key_free(&k);
	}
}

static void test_S09_ed25519_wrong_length(void **state)
{
	uint8_t raw[70] = { 0 };
	struct soft_key k;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_ED25519);
	for (size_t n = 0; n <= sizeof(raw); n++) {
		struct ztj_buf sig;

		ztj_buf_init(&sig, 512);
		ok(ztj_buf_put_cstring(&sig, "ssh-ed25519"));
		ok(ztj_buf_put_string(&sig, raw, n));
		fails(verify_buf(&k.pub, &sig), ZTJ_BAD_SIGNATURE);
	}
	soft_key_free(&k);
}

/* ---- ECDSA r and s ---- */

/* r and s of a valid signature by k. */
static void sign_rs(const struct soft_key *k, BIGNUM **r, BIGNUM **s)
{
	struct ztj_view alg, raw, v;
	struct ztj_buf sig;
	struct ztj_rd rd;

	ztj_buf_init(&sig, 512);
	soft_key_sign(k, msg, UP, 3, &sig);
	ztj_rd_init(&rd, ztj_buf_view(&sig));
	ok(ztj_rd_string(&rd, 64, &alg));
	ok(ztj_rd_string(&rd, 80, &raw));
	ztj_rd_init(&rd, raw);
	ok(ztj_rd_mpint(&rd, 32, &v));
	assert_non_null(*r = BN_bin2bn(v.p, (int)v.n, NULL));
	ok(ztj_rd_mpint(&rd, 32, &v));
	assert_non_null(*s = BN_bin2bn(v.p, (int)v.n, NULL));
	ztj_buf_free(&sig);
}

static int verify_inner(const struct soft_key *k, struct ztj_buf *inner)
{
	struct ztj_buf sig;

	ztj_buf_init(&sig, 1024);
	ok(ztj_buf_put_cstring(&sig, ztj_key_type_name(k->pub.type)));
	ok(ztj_buf_put_view(&sig, ztj_buf_view(inner)));
	if (ztj_key_is_sk(&k->pub)) {
		ok(ztj_buf_put_u8(&sig, UP));
		ok(ztj_buf_put_u32(&sig, 3));
	}
	ztj_buf_free(inner);
	return verify_buf(&k->pub, &sig);
}

static void put_bn(struct ztj_buf *b, const BIGNUM *bn)
{
	uint8_t be[64];
	int n = BN_bn2bin(bn, be);

	ok(ztj_buf_put_mpint(b, be, (size_t)n));
}

static int verify_rs(const struct soft_key *k, const BIGNUM *r, const BIGNUM *s)
{
	struct ztj_buf inner;

	ztj_buf_init(&inner, 256);
	put_bn(&inner, r);
	put_bn(&inner, s);
	return verify_inner(k, &inner);
}

static void check_out_of_range(const struct soft_key *k)
{
	BIGNUM *r, *s, *n = NULL, *zero = BN_new(), *sum = BN_new();

	assert_int_not_equal(BN_hex2bn(&n, P256_ORDER), 0);
	sign_rs(k, &r, &s);
	ok(verify_rs(k, r, s));
	fails(verify_rs(k, s, r), ZTJ_BAD_SIGNATURE);
	fails(verify_rs(k, zero, s), ZTJ_BAD_SIGNATURE);
	fails(verify_rs(k, r, zero), ZTJ_BAD_SIGNATURE);
	fails(verify_rs(k, zero, zero), ZTJ_BAD_SIGNATURE);
	fails(verify_rs(k, n, s), ZTJ_BAD_SIGNATURE);
	fails(verify_rs(k, r, n), ZTJ_BAD_SIGNATURE);
	assert_int_equal(BN_add(sum, r, n), 1); /* 33 bytes, or not reduced */
	fails(verify_rs(k, sum, s), ZTJ_BAD_SIGNATURE);
	assert_int_equal(BN_add(sum, s, n), 1);
	fails(verify_rs(k, r, sum), ZTJ_BAD_SIGNATURE);
	assert_int_equal(BN_lshift(sum, r, 16), 1);
	fails(verify_rs(k, sum, s), ZTJ_BAD_SIGNATURE);
	BN_free(r);
	BN_free(s);
	BN_free(n);
	BN_free(zero);
	BN_free(sum);
}

static void check_encodings(const struct soft_key *k)
{
	struct ztj_buf inner;
	uint8_t be[33] = { 0 };
	BIGNUM *r, *s;

	sign_rs(k, &r, &s);
	ztj_buf_init(&inner, 256);
	put_bn(&inner, r); /* s is missing */
	fails(verify_inner(k, &inner), ZTJ_BAD_SIGNATURE);
	put_bn(&inner, r);
	put_bn(&inner, s);
	ok(ztj_buf_put_u8(&inner, 0)); /* left over */
	fails(verify_inner(k, &inner), ZTJ_BAD_SIGNATURE);
	fails(verify_inner(k, &inner), ZTJ_BAD_SIGNATURE); /* nothing at all */
	assert_int_equal(BN_bn2binpad(r, be + 1, 32), 32);
	ok(ztj_buf_put_u32(&inner, 34)); /* one zero too many */
	ok(ztj_buf_put_u8(&inner, 0));
	ok(ztj_buf_put(&inner, be, 33));
	put_bn(&inner, s);
	fails(verify_inner(k, &inner), ZTJ_BAD_SIGNATURE);
	be[1] |= 0x80;
	ok(ztj_buf_put_string(&inner, be + 1, 32)); /* negative */
	put_bn(&inner, s);
	fails(verify_inner(k, &inner), ZTJ_BAD_SIGNATURE);
	BN_free(r);
	BN_free(s);
}

static void test_S09_long_zero_and_swapped_r_and_s(void **state)
{
	(void)state;
	for (size_t t = 1; t < TYPES; t += 2) {
		struct soft_key k;

		soft_key_make(&k, all_types[t]);
		check_out_of_range(&k);
		check_encodings(&k);
		soft_key_free(&k);
	}
}

static void test_S09_short_r_and_s_are_valid_when_minimal(void **state)
{
	struct soft_key k;
	bool seen = false;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ECDSA);
	for (int i = 0; i < 5000 && !seen; i++) { /* one signature in 128 has a short half */
		BIGNUM *r, *s;

		sign_rs(&k, &r, &s);
		seen = BN_num_bytes(r) < 32 || BN_num_bytes(s) < 32;
		if (seen)
			ok(verify_rs(&k, r, s));
		BN_free(r);
		BN_free(s);
	}
	assert_true(seen);
	soft_key_free(&k);
}

/* ---- whole blobs ---- */

static void test_S11_truncations_and_bit_flips(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct soft_key k;
		struct ztj_buf sig;

		soft_key_make(&k, all_types[t]);
		ztj_buf_init(&sig, 512);
		soft_key_sign(&k, msg, UP | UV, 3, &sig);
		for (size_t n = 0; n < sig.n; n++)
			assert_int_not_equal(verify(&k.pub, ztj_view_of(sig.p, n), msg), ZTJ_OK);
		for (size_t bit = 0; bit < sig.n * 8; bit++) {
			sig.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_int_not_equal(verify(&k.pub, ztj_buf_view(&sig), msg), ZTJ_OK);
			sig.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		ok(verify(&k.pub, ztj_buf_view(&sig), msg));
		ok(ztj_buf_put_u8(&sig, 0));
		fails(verify_buf(&k.pub, &sig), ZTJ_TRAILING);
		soft_key_free(&k);
	}
}

static void test_unusable_keys(void **state)
{
	struct ztj_key k = { .type = ZTJ_KEY_NONE };
	struct soft_key good;
	struct ztj_buf sig;

	(void)state;
	soft_key_make(&good, ZTJ_KEY_ECDSA);
	ztj_buf_init(&sig, 512);
	soft_key_sign(&good, msg, 0, 0, &sig);
	fails(verify(&k, ztj_buf_view(&sig), msg), ZTJ_KEY_TYPE);
	k.type = ZTJ_KEY_ECDSA; /* a struct that no parser filled */
	fails(verify(&k, ztj_buf_view(&sig), msg), ZTJ_BAD_KEY);
	k = good.pub;
	k.pub[64] ^= 1;
	fails(verify_buf(&k, &sig), ZTJ_BAD_KEY);
	soft_key_free(&good);
}

static void test_assertions_refused(void **state)
{
	static const char *const bad[] = { "", "3006020100020101", "3006020101020100", "3006020101020181",
		"300602010102010100", "3006020101", "310602010102010a",
		"30260221010000000000000000000000000000000000000000000000000000000000000000020101" };
	struct soft_key ec, ed;
	struct ztj_buf out;
	uint8_t der[128];

	(void)state;
	soft_key_make(&ec, ZTJ_KEY_SK_ECDSA);
	soft_key_make(&ed, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&out, 512);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = strlen(bad[i]) / 2;

		ok(ztj_unhex(ztj_view_str(bad[i]), der, n));
		fails(ztj_sig_from_assertion(&ec.pub, ztj_view_of(der, n), UP, 1, &out), ZTJ_BAD_SIGNATURE);
	}
	memset(der, 0, sizeof(der));
	fails(ztj_sig_from_assertion(&ed.pub, ztj_view_of(der, 63), UP, 1, &out), ZTJ_BAD_SIGNATURE);
	fails(ztj_sig_from_assertion(&ed.pub, ztj_view_of(der, 65), UP, 1, &out), ZTJ_BAD_SIGNATURE);
	assert_int_equal(out.n, 0);
	ed.pub.type = ZTJ_KEY_ED25519;
	fails(ztj_sig_from_assertion(&ed.pub, ztj_view_of(der, 64), UP, 1, &out), ZTJ_KEY_TYPE);
	ztj_buf_free(&out);
	soft_key_free(&ec);
	soft_key_free(&ed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_verifies),
		cmocka_unit_test(test_our_own_key_signs),
		cmocka_unit_test(test_another_key_refused),
		cmocka_unit_test(test_S01_user_present_demanded_and_user_verified_reported),
		cmocka_unit_test(test_S01_flags_and_counter_are_signed),
		cmocka_unit_test(test_application_is_signed),
		cmocka_unit_test(test_S09_wrong_and_swapped_algorithms),
		cmocka_unit_test(test_S09_plain_signature_of_an_sk_key),
		cmocka_unit_test(test_S09_ed25519_s_not_reduced),
		cmocka_unit_test(test_S09_ed25519_wrong_length),
		cmocka_unit_test(test_S09_long_zero_and_swapped_r_and_s),
		cmocka_unit_test(test_S09_short_r_and_s_are_valid_when_minimal),
		cmocka_unit_test(test_S11_truncations_and_bit_flips),
		cmocka_unit_test(test_unusable_keys),
		cmocka_unit_test(test_assertions_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
