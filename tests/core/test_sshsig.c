/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSHSIG (PROTOCOL.sshsig). */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/sshsig.h"
#include "tests/core/support.h"

#define NS "approval@ztjit"
#define UP 0x01
#define UV 0x04

static const struct ztj_view msg = { (const uint8_t *)"{\"v\":1}", 7 };
static const enum ztj_key_type signers[] = { ZTJ_KEY_ED25519, ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA };
#define SIGNERS (sizeof(signers) / sizeof(signers[0]))

static int verify(struct ztj_view blob, const char *ns, struct ztj_view m)
{
	struct ztj_signer who;
	int r;

	memset(&who, 0xff, sizeof(who));
	r = ztj_sshsig_verify(blob, ns, m, &who);
	if (r != ZTJ_OK) {
		assert_int_equal(who.key.type, ZTJ_KEY_NONE);
		assert_false(who.info.user_present);
	}
	return r;
}

static int verify_buf(struct ztj_buf *blob)
{
	int r = verify(ztj_buf_view(blob), NS, msg);

	ztj_buf_free(blob);
	return r;
}

static void test_every_type_verifies(void **state)
{
	(void)state;
	for (size_t t = 0; t < SIGNERS; t++) {
		struct ztj_signer who;
		struct soft_key k;
		struct ztj_key peeked;
		struct ztj_buf b;

		soft_key_make(&k, signers[t]);
		ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
		soft_key_sshsig(&k, NS, msg, UP | UV, &b);
		ok(ztj_sshsig_verify(ztj_buf_view(&b), NS, msg, &who));
		assert_true(ztj_key_equal(&who.key, &k.pub));
		assert_int_equal(who.info.user_verified, t > 0);
		assert_int_equal(who.info.counter, t > 0 ? 7 : 0);
		ok(ztj_sshsig_peek(ztj_buf_view(&b), &peeked));
		assert_true(ztj_key_equal(&peeked, &k.pub));
		fails(verify(ztj_buf_view(&b), NS, ztj_view_str("{\"v\":2}")), ZTJ_BAD_SIGNATURE);
		ztj_buf_free(&b);
		soft_key_free(&k);
	}
}

static void test_machine_key_signs(void **state)
{
	uint8_t seed[32] = { 9 };
	struct ztj_seckey sk;
	struct ztj_buf b;

	(void)state;
	ok(ztj_seckey_from_seed(&sk, seed));
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	ok(ztj_sshsig_sign(&sk, NS, msg, &b));
	ok(verify_buf(&b));
	fails(ztj_sshsig_sign(&sk, "", msg, &b), ZTJ_SIG_NAMESPACE);
}

static void test_S01_touch_demanded(void **state)
{
	struct soft_key k;
	struct ztj_buf b;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	soft_key_sshsig(&k, NS, msg, UV, &b);
	fails(verify_buf(&b), ZTJ_NO_TOUCH);
	soft_key_free(&k);
}

static void test_S06_other_namespace(void **state)
{
	static const char *const other[] = { "request@ztjit", "login@ztjit", "file", "approval@ztji",
		"approval@ztjit ", "Approval@ztjit", "" };
	struct soft_key k;
	struct ztj_buf b, sig, tbs;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	soft_key_sshsig(&k, NS, msg, UP, &b);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		fails(verify(ztj_buf_view(&b), other[i], msg), ZTJ_SIG_NAMESPACE);
	ztj_buf_free(&b);
	/* signed as a request, then relabelled as an approval */
	ztj_buf_init(&tbs, 512);
	ztj_buf_init(&sig, 512);
	ok(ztj_sshsig_tbs("request@ztjit", msg, &tbs));
	soft_key_sign(&k, ztj_buf_view(&tbs), UP, 1, &sig);
	ok(ztj_sshsig_wrap(&k.pub, NS, ztj_buf_view(&sig), &b));
	fails(verify_buf(&b), ZTJ_BAD_SIGNATURE);
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
	soft_key_free(&k);
}

/* RFC 4252 section 7: what an SSH login signs, with a message of the attacker's in it. */
static void test_S06_ssh_login_signature_as_approval(void **state)
{
	struct soft_key k;
	struct ztj_buf login, key, sig, b, tbs;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ECDSA);
	ztj_buf_init(&login, 1024);
	ztj_buf_init(&key, 512);
	ztj_buf_init(&sig, 512);
	ztj_buf_init(&tbs, 512);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	ok(ztj_key_to_blob(&k.pub, &key));
	ok(ztj_sshsig_tbs(NS, msg, &tbs));
	ok(ztj_buf_put_view(&login, ztj_buf_view(&tbs))); /* a session id of the server's choice */
	ok(ztj_buf_put_u8(&login, 50));
	ok(ztj_buf_put_cstring(&login, "root"));
	ok(ztj_buf_put_cstring(&login, "ssh-connection"));
	ok(ztj_buf_put_cstring(&login, "publickey"));
	ok(ztj_buf_put_u8(&login, 1));
	ok(ztj_buf_put_cstring(&login, ztj_key_type_name(k.pub.type)));
	ok(ztj_buf_put_view(&login, ztj_buf_view(&key)));
	soft_key_sign(&k, ztj_buf_view(&login), UP, 1, &sig);
	ok(ztj_sshsig_wrap(&k.pub, NS, ztj_buf_view(&sig), &b));
	fails(verify(ztj_buf_view(&b), NS, msg), ZTJ_BAD_SIGNATURE);
	fails(verify(ztj_buf_view(&b), NS, ztj_buf_view(&login)), ZTJ_BAD_SIGNATURE);
	/* a signature over the message itself, without the preamble */
	ztj_buf_reset(&sig);
	ztj_buf_reset(&b);
	soft_key_sign(&k, msg, UP, 1, &sig);
	ok(ztj_sshsig_wrap(&k.pub, NS, ztj_buf_view(&sig), &b));
	fails(verify_buf(&b), ZTJ_BAD_SIGNATURE);
	ztj_buf_free(&login);
	ztj_buf_free(&key);
	ztj_buf_free(&sig);
	ztj_buf_free(&tbs);
	soft_key_free(&k);
}

/* ---- malformed blobs ---- */

struct fields {
	const char *magic, *ns, *reserved, *hash;
	uint32_t version;
	const char *tail;
};

static int verify_fields(const struct soft_key *k, const struct fields *f)
{
	struct ztj_buf key, sig, tbs, b;

	ztj_buf_init(&key, 512);
	ztj_buf_init(&sig, 512);
	ztj_buf_init(&tbs, 512);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	ok(ztj_key_to_blob(&k->pub, &key));
	ok(ztj_sshsig_tbs(NS, msg, &tbs));
	soft_key_sign(k, ztj_buf_view(&tbs), UP, 1, &sig);
	ok(ztj_buf_puts(&b, f->magic));
	ok(ztj_buf_put_u32(&b, f->version));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&key)));
	ok(ztj_buf_put_cstring(&b, f->ns));
	ok(ztj_buf_put_cstring(&b, f->reserved));
	ok(ztj_buf_put_cstring(&b, f->hash));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&sig)));
	ok(ztj_buf_puts(&b, f->tail));
	ztj_buf_free(&key);
	ztj_buf_free(&sig);
	ztj_buf_free(&tbs);
	return verify_buf(&b);
}

static void test_fields(void **state)
{
	static const struct {
		struct fields f;
		int err;
	} table[] = {
		{ { "SSHSIG", NS, "", "sha512", 1, "" }, ZTJ_OK },
		{ { "SSHSIH", NS, "", "sha512", 1, "" }, ZTJ_BAD_ENCODING },
		{ { "sshsig", NS, "", "sha512", 1, "" }, ZTJ_BAD_ENCODING },
		{ { "SSHSIG", NS, "", "sha512", 0, "" }, ZTJ_VERSION },
		{ { "SSHSIG", NS, "", "sha512", 2, "" }, ZTJ_VERSION },
		{ { "SSHSIG", NS, "", "sha512", 0x01000000, "" }, ZTJ_VERSION },
		{ { "SSHSIG", NS, "x", "sha512", 1, "" }, ZTJ_BAD_ENCODING },
		{ { "SSHSIG", NS, "", "sha256", 1, "" }, ZTJ_SIG_ALG },
		{ { "SSHSIG", NS, "", "SHA512", 1, "" }, ZTJ_SIG_ALG },
		{ { "SSHSIG", NS, "", "", 1, "" }, ZTJ_SIG_ALG },
		{ { "SSHSIG", "", "", "sha512", 1, "" }, ZTJ_SIG_NAMESPACE },
		{ { "SSHSIG", NS, "", "sha512", 1, "x" }, ZTJ_TRAILING },
	};
	struct soft_key k;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		fails(verify_fields(&k, &table[i].f), table[i].err);
	soft_key_free(&k);
}

static void test_plain_ecdsa_refused(void **state)
{
	struct soft_key k;
	struct ztj_buf b;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_ECDSA);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	soft_key_sshsig(&k, NS, msg, 0, &b);
	fails(verify_buf(&b), ZTJ_KEY_TYPE);
	soft_key_free(&k);
}

static void test_too_large(void **state)
{
	static const uint8_t big[ZTJ_SSHSIG_MAX + 1] = "SSHSIG";

	(void)state;
	fails(verify(ztj_view_of(big, sizeof(big)), NS, msg), ZTJ_TOO_LARGE);
}

static void test_S11_truncations_and_bit_flips(void **state)
{
	(void)state;
	for (size_t t = 0; t < SIGNERS; t++) {
		struct soft_key k;
		struct ztj_buf b;

		soft_key_make(&k, signers[t]);
		ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
		soft_key_sshsig(&k, NS, msg, UP, &b);
		for (size_t n = 0; n < b.n; n++)
			assert_int_not_equal(verify(ztj_view_of(b.p, n), NS, msg), ZTJ_OK);
		for (size_t bit = 0; bit < b.n * 8; bit++) {
			b.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_int_not_equal(verify(ztj_buf_view(&b), NS, msg), ZTJ_OK);
			b.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		ok(verify_buf(&b));
		soft_key_free(&k);
	}
}

static void test_S11_every_bit_of_the_message(void **state)
{
	uint8_t copy[16];
	struct soft_key k;
	struct ztj_buf b;

	(void)state;
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	soft_key_sshsig(&k, NS, msg, UP, &b);
	for (size_t bit = 0; bit < msg.n * 8; bit++) {
		memcpy(copy, msg.p, msg.n);
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		fails(verify(ztj_buf_view(&b), NS, ztj_view_of(copy, msg.n)), ZTJ_BAD_SIGNATURE);
	}
	for (size_t n = 0; n < msg.n; n++)
		fails(verify(ztj_buf_view(&b), NS, ztj_view_of(msg.p, n)), ZTJ_BAD_SIGNATURE);
	ztj_buf_free(&b);
	soft_key_free(&k);
}

/* ---- armour ---- */

static int dearmor(const char *fmt, const char *text)
{
	const char *at = strstr(fmt, "%s");
	struct ztj_buf all, blob;
	int r;

	ztj_buf_init(&all, 16384);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	ok(ztj_buf_put(&all, fmt, (size_t)(at - fmt)));
	ok(ztj_buf_puts(&all, text));
	ok(ztj_buf_puts(&all, at + 2));
	r = ztj_sshsig_dearmor(ztj_buf_view(&all), &blob);
	if (r != ZTJ_OK)
		assert_int_equal(blob.n, 0);
	ztj_buf_free(&all);
	ztj_buf_free(&blob);
	return r;
}

static void test_armor_round_trip_at_every_length(void **state)
{
	uint8_t data[200];
	struct ztj_buf text, blob;

	(void)state;
	memset(data, 0xa5, sizeof(data));
	ztj_buf_init(&text, 4096);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	for (size_t n = 1; n <= sizeof(data); n++) {
		ztj_buf_reset(&text);
		ztj_buf_reset(&blob);
		ok(ztj_sshsig_armor(ztj_view_of(data, n), &text));
		ok(ztj_sshsig_dearmor(ztj_buf_view(&text), &blob));
		assert_true(ztj_view_eq(ztj_buf_view(&blob), ztj_view_of(data, n)));
		for (size_t cut = 0; n == 150 && cut < text.n - 1; cut++) {
			ztj_buf_reset(&blob);
			fails(ztj_sshsig_dearmor(ztj_view_of(text.p, cut), &blob), ZTJ_BAD_ENCODING);
		}
	}
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
}

static void test_armor_strict(void **state)
{
	static const char good[] = "-----BEGIN SSH SIGNATURE-----\nAAAA\nAAAA\n-----END SSH SIGNATURE-----";
	static const char *const bad[] = {
		"-----BEGIN SSH SIGNATURE-----AAAA\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nAAAA-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nAA AA\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nAAA\rA\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nAAA\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURE-----\nHash: x\n\nAAAA\n-----END SSH SIGNATURE-----",
		"-----BEGIN SSH SIGNATURES-----\nAAAA\n-----END SSH SIGNATURES-----",
		"-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", "",
		"-----BEGIN SSH SIGNATURE-----\n-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"
	};

	(void)state;
	ok(dearmor("%s", good));
	ok(dearmor("\r\n \t%s\r\n\n", good));
	ok(dearmor("%s", "-----BEGIN SSH SIGNATURE-----\r\nAAAA\r\n-----END SSH SIGNATURE-----\r\n"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(dearmor("%s", bad[i]), ZTJ_BAD_ENCODING);
	fails(dearmor("%s\nx", good), ZTJ_BAD_ENCODING);
	fails(dearmor("x\n%s", good), ZTJ_BAD_ENCODING);
	fails(dearmor("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n%s", good),
	    ZTJ_BAD_ENCODING);
}

static void test_armor_too_large(void **state)
{
	static uint8_t big[ZTJ_SSHSIG_MAX + 1];
	struct ztj_buf text, blob;

	(void)state;
	ztj_buf_init(&text, 16384);
	ztj_buf_init(&blob, 16384);
	for (size_t n = ZTJ_SSHSIG_MAX - 2; n <= sizeof(big); n++) {
		ztj_buf_reset(&text);
		ok(ztj_sshsig_armor(ztj_view_of(big, n), &text));
		fails(ztj_sshsig_dearmor(ztj_buf_view(&text), &blob),
		    n <= ZTJ_SSHSIG_MAX ? ZTJ_OK : ZTJ_TOO_LARGE);
	}
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_verifies),
		cmocka_unit_test(test_machine_key_signs),
		cmocka_unit_test(test_S01_touch_demanded),
		cmocka_unit_test(test_S06_other_namespace),
		cmocka_unit_test(test_S06_ssh_login_signature_as_approval),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_plain_ecdsa_refused),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_S11_truncations_and_bit_flips),
		cmocka_unit_test(test_S11_every_bit_of_the_message),
		cmocka_unit_test(test_armor_round_trip_at_every_length),
		cmocka_unit_test(test_armor_strict),
		cmocka_unit_test(test_armor_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
