/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH public keys: RFC 8709, RFC 5656, PROTOCOL.u2f. */
#include <stdio.h>
#include <string.h>

#include "tests/core/support.h"

static const enum ztj_key_type all_types[] = { ZTJ_KEY_ED25519, ZTJ_KEY_ECDSA, ZTJ_KEY_SK_ED25519,
	ZTJ_KEY_SK_ECDSA };
#define TYPES (sizeof(all_types) / sizeof(all_types[0]))

static int parse(struct ztj_buf *b)
{
	struct ztj_key k;
	int r = ztj_key_from_blob(&k, ztj_buf_view(b));

	if (r != ZTJ_OK) {
		assert_int_equal(k.type, ZTJ_KEY_NONE);
		assert_int_equal(k.pub_len, 0);
	}
	ztj_buf_free(b);
	return r;
}

/* A blob from its fields; curve and application may be NULL for none. */
static struct ztj_buf *blob(const char *type, const char *curve, const void *pub, size_t n, const char *app)
{
	static struct ztj_buf b;

	ztj_buf_init(&b, 1024);
	ok(ztj_buf_put_cstring(&b, type));
	if (curve != NULL)
		ok(ztj_buf_put_cstring(&b, curve));
	ok(ztj_buf_put_string(&b, pub, n));
	if (app != NULL)
		ok(ztj_buf_put_cstring(&b, app));
	return &b;
}

static void test_round_trip_and_truncation(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct soft_key sk;
		struct ztj_key k;
		struct ztj_buf b;

		soft_key_make(&sk, all_types[t]);
		ztj_buf_init(&b, ZTJ_KEY_BLOB_MAX);
		ok(ztj_key_to_blob(&sk.pub, &b));
		ok(ztj_key_from_blob(&k, ztj_buf_view(&b)));
		assert_true(ztj_key_equal(&k, &sk.pub));
		assert_int_equal(ztj_key_is_sk(&k), t >= 2);
		for (size_t n = 0; n < b.n; n++)
			fails(ztj_key_from_blob(&k, ztj_view_of(b.p, n)), ZTJ_BAD_KEY);
		ok(ztj_buf_put_u8(&b, 0));
		fails(ztj_key_from_blob(&k, ztj_buf_view(&b)), ZTJ_BAD_KEY);
		ztj_buf_free(&b);
		soft_key_free(&sk);
	}
}

static void test_equality_covers_every_field(void **state)
{
	struct ztj_key none = { .type = ZTJ_KEY_NONE }, a, b;
	struct soft_key sk;

	(void)state;
	soft_key_make(&sk, ZTJ_KEY_SK_ED25519);
	a = b = sk.pub;
	assert_true(ztj_key_equal(&a, &b));
	b.application[4] ^= 1;
	assert_false(ztj_key_equal(&a, &b));
	b = a;
	b.pub[31] ^= 1;
	assert_false(ztj_key_equal(&a, &b));
	b = a;
	b.type = ZTJ_KEY_ED25519;
	assert_false(ztj_key_equal(&a, &b));
	assert_false(ztj_key_equal(&none, &none)); /* absent keys are nobody's */
	soft_key_free(&sk);
}

static void test_S09_wrong_or_swapped_type_names(void **state)
{
	struct soft_key ed, ec;

	(void)state;
	soft_key_make(&ed, ZTJ_KEY_ED25519);
	soft_key_make(&ec, ZTJ_KEY_ECDSA);
	fails(parse(blob("ssh-rsa", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("ssh-ed25519 ", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("ssh-ed2551", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("SSH-ED25519", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("ssh-ed25519-cert-v01@openssh.com", NULL, ed.pub.pub, 32, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("ecdsa-sha2-nistp384", "nistp384", ec.pub.pub, 65, NULL)), ZTJ_KEY_TYPE);
	fails(parse(blob("ssh-ed25519", "nistp256", ec.pub.pub, 65, NULL)), ZTJ_BAD_KEY);
	fails(parse(blob("ecdsa-sha2-nistp256", NULL, ed.pub.pub, 32, NULL)), ZTJ_BAD_KEY);
	fails(parse(blob("sk-ssh-ed25519@openssh.com", NULL, ed.pub.pub, 32, NULL)), ZTJ_BAD_KEY);
	fails(parse(blob("ssh-ed25519", NULL, ed.pub.pub, 32, "ssh:")), ZTJ_BAD_KEY);
	ok(parse(blob("ssh-ed25519", NULL, ed.pub.pub, 32, NULL)));
	ok(parse(blob("ecdsa-sha2-nistp256", "nistp256", ec.pub.pub, 65, NULL)));
	soft_key_free(&ed);
	soft_key_free(&ec);
}

static void test_S09_wrong_curve(void **state)
{
	static const char *const curves[] = { "nistp384", "nistp521", "", "NISTP256", "nistp256 ",
		"prime256v1" };
	struct soft_key ec;

	(void)state;
	soft_key_make(&ec, ZTJ_KEY_ECDSA);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		fails(parse(blob("ecdsa-sha2-nistp256", curves[i], ec.pub.pub, 65, NULL)), ZTJ_BAD_KEY);
		fails(parse(blob("sk-ecdsa-sha2-nistp256@openssh.com", curves[i], ec.pub.pub, 65, "ssh:")),
		    ZTJ_BAD_KEY);
	}
	soft_key_free(&ec);
}

static void test_S09_infinity_and_points_off_the_curve(void **state)
{
	uint8_t pt[66] = { 0 };
	struct soft_key ec;

	(void)state;
	soft_key_make(&ec, ZTJ_KEY_ECDSA);
	for (size_t n = 0; n <= 66; n++) /* infinity is a single zero byte; also every other length */
		fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, n, NULL)), ZTJ_BAD_KEY);
	pt[0] = 4; /* (0, 0) */
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 65, NULL)), ZTJ_BAD_KEY);
	memset(pt + 1, 0xff, 64); /* not reduced */
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 65, NULL)), ZTJ_BAD_KEY);
	memcpy(pt, ec.pub.pub, 65);
	pt[64] ^= 1;
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 65, NULL)), ZTJ_BAD_KEY);
	memcpy(pt, ec.pub.pub, 65);
	pt[0] = (uint8_t)(6 + (pt[64] & 1)); /* hybrid form */
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 65, NULL)), ZTJ_BAD_KEY);
	pt[0] = (uint8_t)(2 + (pt[64] & 1)); /* compressed form */
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 33, NULL)), ZTJ_BAD_KEY);
	fails(parse(blob("ecdsa-sha2-nistp256", "nistp256", pt, 65, NULL)), ZTJ_BAD_KEY);
	soft_key_free(&ec);
}

static void test_S09_ed25519_small_order(void **state)
{
	static const char *const points[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
	};
	uint8_t pub[32];

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		ok(ztj_unhex(ztj_view_str(points[i]), pub, 32));
		fails(parse(blob("ssh-ed25519", NULL, pub, 32, NULL)), ZTJ_BAD_KEY);
	}
}

static void test_application(void **state)
{
	static const struct {
		const char *app;
		int err;
	} table[] = { { "ssh:", ZTJ_OK }, { "ssh:example", ZTJ_OK }, { "", ZTJ_APPLICATION },
		{ "ssh", ZTJ_APPLICATION }, { "SSH:", ZTJ_APPLICATION },
		{ "https://example.org", ZTJ_APPLICATION }, { " ssh:", ZTJ_APPLICATION },
		{ "ssh:\x1b[2J", ZTJ_APPLICATION }, { "ssh:\x7f", ZTJ_APPLICATION } };
	char app[ZTJ_APPLICATION_SIZE + 1] = "ssh:";
	struct soft_key ed;

	(void)state;
	soft_key_make(&ed, ZTJ_KEY_ED25519);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		fails(parse(blob("sk-ssh-ed25519@openssh.com", NULL, ed.pub.pub, 32, table[i].app)),
		    table[i].err);
	memset(app + 4, 'a', ZTJ_APPLICATION_SIZE - 5);
	ok(parse(blob("sk-ssh-ed25519@openssh.com", NULL, ed.pub.pub, 32, app)));
	app[ZTJ_APPLICATION_SIZE - 1] = 'a';
	fails(parse(blob("sk-ssh-ed25519@openssh.com", NULL, ed.pub.pub, 32, app)), ZTJ_BAD_KEY);
	soft_key_free(&ed);
}

static void test_application_with_nul(void **state)
{
	struct soft_key ed;
	struct ztj_buf b;

	(void)state;
	soft_key_make(&ed, ZTJ_KEY_ED25519);
	ztj_buf_init(&b, 512);
	ok(ztj_buf_put_cstring(&b, "sk-ssh-ed25519@openssh.com"));
	ok(ztj_buf_put_string(&b, ed.pub.pub, 32));
	ok(ztj_buf_put_string(&b, "ssh:\0x", 6));
	fails(parse(&b), ZTJ_BAD_KEY);
	soft_key_free(&ed);
}

static void test_text(void **state)
{
	char text[ZTJ_KEY_TEXT_SIZE], other[ZTJ_KEY_TEXT_SIZE + 64];
	static const char *const spoil[] = { "%s ", " %s", "%s\n", "%s comment", "%s=", "x%s" };
	struct soft_key sk;
	struct ztj_key k;

	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		soft_key_make(&sk, all_types[t]);
		ok(ztj_key_to_text(&sk.pub, text));
		ok(ztj_key_from_text(&k, ztj_view_str(text)));
		assert_true(ztj_key_equal(&k, &sk.pub));
		for (size_t n = 0; n < strlen(text); n++)
			assert_int_not_equal(ztj_key_from_text(&k, ztj_view_of(text, n)), ZTJ_OK);
		for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
			const char *at = strstr(spoil[i], "%s");

			(void)snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - spoil[i]), spoil[i], text,
			    at + 2);
			assert_int_not_equal(ztj_key_from_text(&k, ztj_view_str(other)), ZTJ_OK);
			assert_int_equal(k.type, ZTJ_KEY_NONE);
		}
		soft_key_free(&sk);
	}
}

static void test_S09_text_type_differs_from_blob(void **state)
{
	char text[ZTJ_KEY_TEXT_SIZE], other[ZTJ_KEY_TEXT_SIZE + 64];
	struct soft_key sk;
	struct ztj_key k;

	(void)state;
	soft_key_make(&sk, ZTJ_KEY_ED25519);
	ok(ztj_key_to_text(&sk.pub, text));
	(void)snprintf(other, sizeof(other), "sk-ssh-ed25519@openssh.com %s", strchr(text, ' ') + 1);
	fails(ztj_key_from_text(&k, ztj_view_str(other)), ZTJ_BAD_KEY);
	fails(ztj_key_from_line(&k, ztj_view_str(other)), ZTJ_BAD_KEY);
	(void)snprintf(other, sizeof(other), "ssh-rsa %s", strchr(text, ' ') + 1);
	fails(ztj_key_from_text(&k, ztj_view_str(other)), ZTJ_KEY_TYPE);
	(void)snprintf(other, sizeof(other), "ssh-ed25519  %s", strchr(text, ' ') + 1);
	fails(ztj_key_from_text(&k, ztj_view_str(other)), ZTJ_BAD_KEY);
	soft_key_free(&sk);
}

static int parse_line(const char *fmt, const char *text)
{
	char line[ZTJ_KEY_TEXT_SIZE + 64];
	const char *at = strstr(fmt, "%s");
	struct ztj_key k;

	(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - fmt), fmt, text, at + 2);
	return ztj_key_from_line(&k, ztj_view_str(line));
}

static void test_line(void **state)
{
	char text[ZTJ_KEY_TEXT_SIZE];
	struct soft_key sk;

	(void)state;
	soft_key_make(&sk, ZTJ_KEY_SK_ECDSA);
	ok(ztj_key_to_text(&sk.pub, text));
	ok(parse_line("%s", text));
	ok(parse_line("%s\n", text));
	ok(parse_line("%s a comment\n", text));
	ok(parse_line("%s\tcomment", text));
	fails(parse_line("%s\n\n", text), ZTJ_BAD_KEY);
	fails(parse_line("%s\nssh-ed25519 AAAA", text), ZTJ_BAD_KEY);
	assert_int_not_equal(parse_line("restrict %s", text), ZTJ_OK); /* options are for authorized_keys */
	assert_int_not_equal(parse_line(" %s", text), ZTJ_OK);
	assert_int_not_equal(parse_line("# %s", text), ZTJ_OK);
	soft_key_free(&sk);
}

static void test_digest_and_fingerprint(void **state)
{
	/* the key of RFC 8032 section 7.1, test 1; fingerprint by ssh-keygen -l */
	static const char text[] =
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
	char fp[ZTJ_FINGERPRINT_SIZE];
	struct ztj_key k, none = { .type = ZTJ_KEY_NONE };
	uint8_t digest[ZTJ_DIGEST_LEN];

	(void)state;
	ok(ztj_key_from_text(&k, ztj_view_str(text)));
	ok(ztj_key_digest(&k, digest));
	ok(ztj_key_fingerprint(&k, fp));
	assert_string_equal(fp, "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8");
	fails(ztj_key_digest(&none, digest), ZTJ_KEY_TYPE);
	fails(ztj_key_fingerprint(&none, fp), ZTJ_KEY_TYPE);
	assert_string_equal(fp, "");
}

static void test_seckey(void **state)
{
	/* RFC 8032 section 7.1, test 2 */
	static const char seed_hex[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			  pub_hex[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
			  sig_hex[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
				      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
	uint8_t seed[32], want[64];
	struct ztj_seckey sk;
	struct ztj_buf b;
	char hex[ZTJ_HEX_SIZE];

	(void)state;
	ok(ztj_unhex(ztj_view_str(seed_hex), seed, 32));
	ok(ztj_unhex(ztj_view_str(sig_hex), want, 64));
	ok(ztj_seckey_from_seed(&sk, seed));
	ztj_hex(sk.pub.pub, 32, hex);
	assert_string_equal(hex, pub_hex);
	ztj_buf_init(&b, 128);
	ok(ztj_seckey_sign(&sk, ztj_view_str("\x72"), &b));
	assert_int_equal(b.n, 4 + 11 + 4 + 64);
	assert_memory_equal(b.p + 19, want, 64);
	ok(ztj_seckey_from_seed(&sk, sk.seed)); /* may overlap */
	ztj_seckey_wipe(&sk);
	fails(ztj_seckey_sign(&sk, ztj_view_str("x"), &b), ZTJ_KEY_TYPE);
	assert_int_equal(sk.seed[0] | sk.pub.pub[0], 0);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_and_truncation),
		cmocka_unit_test(test_equality_covers_every_field),
		cmocka_unit_test(test_S09_wrong_or_swapped_type_names),
		cmocka_unit_test(test_S09_wrong_curve),
		cmocka_unit_test(test_S09_infinity_and_points_off_the_curve),
		cmocka_unit_test(test_S09_ed25519_small_order),
		cmocka_unit_test(test_application),
		cmocka_unit_test(test_application_with_nul),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_S09_text_type_differs_from_blob),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_digest_and_fingerprint),
		cmocka_unit_test(test_seckey),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
