/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* OpenSSH private key files (PROTOCOL.key). */
#include <string.h>

#include "libztjit/core/armor.h"
#include "libztjit/core/keyfile.h"
#include "tests/core/support.h"

#define LABEL "OPENSSH PRIVATE KEY"

static void make(struct ztj_keyfile *kf, enum ztj_key_type type)
{
	struct soft_key k;
	struct ztj_seckey sk;

	memset(kf, 0, sizeof(*kf));
	memcpy(kf->comment, "req1@station", 13);
	if (type == ZTJ_KEY_ED25519) {
		memset(kf->seed, 0x5a, sizeof(kf->seed));
		ok(ztj_seckey_from_seed(&sk, kf->seed));
		kf->pub = sk.pub;
		return;
	}
	soft_key_make(&k, type);
	kf->pub = k.pub;
	kf->sk_flags = ZTJ_SK_FLAG_UP | ZTJ_SK_FLAG_UV;
	kf->handle_len = 64;
	memset(kf->handle, 0xab, kf->handle_len);
	soft_key_free(&k);
}

static const enum ztj_key_type types[] = { ZTJ_KEY_ED25519, ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA };
#define TYPES (sizeof(types) / sizeof(types[0]))

static int parse(struct ztj_view text)
{
	static const struct ztj_keyfile zero;
	struct ztj_keyfile kf;
	int r = ztj_keyfile_parse(&kf, text);

	if (r != ZTJ_OK)
		assert_memory_equal(&kf, &zero, sizeof(kf));
	return r;
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct ztj_keyfile kf, back;
		struct ztj_buf text;

		make(&kf, types[t]);
		ztj_buf_init(&text, 8192);
		for (size_t n = 0; n < 20; n++) { /* every padding */
			memset(kf.comment, 0, sizeof(kf.comment));
			memset(kf.comment, 'c', n);
			ztj_buf_reset(&text);
			ok(ztj_keyfile_format(&kf, 0x12345678, &text));
			ok(ztj_keyfile_parse(&back, ztj_buf_view(&text)));
			assert_true(ztj_key_equal(&kf.pub, &back.pub));
			assert_string_equal(back.comment, kf.comment);
			assert_int_equal(back.sk_flags, kf.sk_flags);
			assert_int_equal(back.handle_len, kf.handle_len);
			assert_memory_equal(back.handle, kf.handle, sizeof(kf.handle));
			assert_memory_equal(back.seed, kf.seed, sizeof(kf.seed));
		}
		ztj_buf_free(&text);
	}
}

static void test_seckey(void **state)
{
	struct ztj_keyfile kf;
	struct ztj_seckey sk;

	(void)state;
	make(&kf, ZTJ_KEY_ED25519);
	ok(ztj_keyfile_seckey(&kf, &sk));
	assert_true(ztj_key_equal(&sk.pub, &kf.pub));
	make(&kf, ZTJ_KEY_SK_ED25519);
	fails(ztj_keyfile_seckey(&kf, &sk), ZTJ_KEY_TYPE);
	ztj_keyfile_wipe(&kf);
	assert_int_equal(kf.handle_len, 0);
}

static void test_format_refuses(void **state)
{
	struct ztj_keyfile kf;
	struct ztj_buf text;

	(void)state;
	ztj_buf_init(&text, 8192);
	make(&kf, ZTJ_KEY_SK_ED25519);
	kf.handle_len = sizeof(kf.handle) + 1;
	fails(ztj_keyfile_format(&kf, 1, &text), ZTJ_TOO_LARGE);
	kf.handle_len = sizeof(kf.handle);
	ok(ztj_keyfile_format(&kf, 1, &text));
	ok(parse(ztj_buf_view(&text)));
	kf.pub.type = ZTJ_KEY_ECDSA;
	fails(ztj_keyfile_format(&kf, 1, &text), ZTJ_KEY_TYPE);
	ztj_buf_free(&text);
}

static void test_truncation_at_every_length(void **state)
{
	(void)state;
	for (size_t t = 0; t < TYPES; t++) {
		struct ztj_keyfile kf;
		struct ztj_buf text, blob, cut;

		make(&kf, types[t]);
		ztj_buf_init(&text, 8192);
		ztj_buf_init(&blob, 4096);
		ztj_buf_init(&cut, 8192);
		ok(ztj_keyfile_format(&kf, 7, &text));
		for (size_t n = 0; n < text.n - 1; n++)
			fails(parse(ztj_view_of(text.p, n)), ZTJ_BAD_ENCODING);
		ok(ztj_armor_get(LABEL, ztj_buf_view(&text), 4096, &blob));
		for (size_t n = 0; n < blob.n; n++) {
			ztj_buf_reset(&cut);
			ok(ztj_armor_put(LABEL, ztj_view_of(blob.p, n), &cut));
			assert_int_not_equal(parse(ztj_buf_view(&cut)), ZTJ_OK);
		}
		ztj_buf_free(&text);
		ztj_buf_free(&blob);
		ztj_buf_free(&cut);
	}
}

/* Parses the blob of an Ed25519 key file after replacing one occurrence of bytes. */
static int parse_with(const char *from, const char *to, size_t n)
{
	struct ztj_keyfile kf;
	struct ztj_buf text, blob;
	uint8_t *at;
	int r;

	make(&kf, ZTJ_KEY_ED25519);
	ztj_buf_init(&text, 8192);
	ztj_buf_init(&blob, 4096);
	ok(ztj_keyfile_format(&kf, 0x41424344, &text));
	ok(ztj_armor_get(LABEL, ztj_buf_view(&text), 4096, &blob));
	at = memmem(blob.p, blob.n, from, n);
	assert_non_null(at);
	memcpy(at, to, n);
	ztj_buf_reset(&text);
	ok(ztj_armor_put(LABEL, ztj_buf_view(&blob), &text));
	r = parse(ztj_buf_view(&text));
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
	return r;
}

static void test_malformed(void **state)
{
	(void)state;
	ok(parse_with("none", "none", 4));
	fails(parse_with("openssh-key-v1", "openssh-key-v2", 14), ZTJ_BAD_ENCODING);
	fails(parse_with("none", "nine", 4), ZTJ_ENCRYPTED_KEY);
	fails(parse_with("none\0\0\0\4none", "none\0\0\0\4bcry", 12), ZTJ_ENCRYPTED_KEY);
	fails(parse_with("none\0\0\0\0\0\0\0\1", "none\0\0\0\0\0\0\0\2", 12),
	    ZTJ_BAD_ENCODING); /* two keys */
	fails(parse_with("ABCDABCD", "ABCDABCE", 8), ZTJ_BAD_ENCODING);
	fails(parse_with("req1@station", "req1@sta\0ion", 12), ZTJ_BAD_ENCODING);
	fails(parse_with("ZZZZ", "ZZZY", 4), ZTJ_BAD_KEY); /* a seed that is not the public key's */
	fails(parse_with("station\1", "station\2", 8), ZTJ_BAD_ENCODING);
}

static void test_public_halves_must_agree(void **state)
{
	struct ztj_keyfile kf;
	struct ztj_buf text, blob;
	char *pub;

	(void)state;
	make(&kf, ZTJ_KEY_SK_ED25519);
	ztj_buf_init(&text, 8192);
	ztj_buf_init(&blob, 4096);
	ok(ztj_keyfile_format(&kf, 7, &text));
	ok(ztj_armor_get(LABEL, ztj_buf_view(&text), 4096, &blob));
	pub = memmem(blob.p, blob.n, "ssh:test", 8);
	assert_non_null(pub);
	pub[4] ^= 1; /* the outer one only */
	ztj_buf_reset(&text);
	ok(ztj_armor_put(LABEL, ztj_buf_view(&blob), &text));
	fails(parse(ztj_buf_view(&text)), ZTJ_BAD_KEY);
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_seckey),
		cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_truncation_at_every_length),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_public_halves_must_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
