/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The host digest, tokens and their proof (PROTOCOL section 1). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "libztjit/core/hostproof.h"

static struct ztj_seckey key[5];

static int setup(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		uint8_t seed[32] = { i };

		if (ztj_seckey_from_seed(&key[i], seed) != ZTJ_OK)
			return -1;
	}
	return 0;
}

static void digest(const char *domain, const char *name, const int k[4], uint8_t out[ZTJ_DIGEST_LEN])
{
	const struct ztj_key ssh[2] = { key[k[2]].pub, key[k[3]].pub };
	const struct ztj_host_id id = { domain, name, &key[k[0]].pub, &key[k[1]].pub, ssh, 2 };

	assert_int_equal(ztj_host_digest(&id, out), ZTJ_OK);
}

static void test_S18_everything_that_a_record_holds_is_in_the_digest(void **state)
{
	static const int keys[][4] = { { 0, 1, 2, 3 }, { 4, 1, 2, 3 }, { 0, 4, 2, 3 }, { 0, 1, 4, 3 },
		{ 1, 0, 2, 3 } };
	uint8_t base[ZTJ_DIGEST_LEN], other[ZTJ_DIGEST_LEN];

	(void)state;
	digest("example", "web1", keys[0], base);
	for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++) {
		digest("example", "web1", keys[i], other);
		assert_memory_not_equal(base, other, sizeof(base));
	}
	digest("example", "web2", keys[0], other);
	assert_memory_not_equal(base, other, sizeof(base));
	digest("other", "web1", keys[0], other);
	assert_memory_not_equal(base, other, sizeof(base));
	digest("example", "web1", (const int[4]){ 0, 1, 3, 2 }, other);
	assert_memory_equal(base, other, sizeof(base)); /* in whatever order the files were read */
}

static void test_more_ssh_keys_than_a_record_holds(void **state)
{
	struct ztj_key ssh[ZTJ_HOST_SSH_MAX + 1];
	const struct ztj_host_id id = { "example", "web1", &key[0].pub, &key[1].pub, ssh,
		ZTJ_HOST_SSH_MAX + 1 };
	uint8_t out[ZTJ_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < ZTJ_HOST_SSH_MAX + 1; i++)
		ssh[i] = key[2].pub;
	assert_int_equal(ztj_host_digest(&id, out), ZTJ_LIMIT);
}

static void test_what_people_type_of_a_digest(void **state)
{
	uint8_t d[ZTJ_DIGEST_LEN] = { 0 }, e[ZTJ_DIGEST_LEN] = { 0 };
	char text[ZTJ_HOST_DIGEST_SIZE];

	(void)state;
	d[0] = 0x08; /* 01000 … */
	ztj_host_digest_text(d, text);
	assert_string_equal(text, "H-10000-00000-00000-00000");
	assert_true(ztj_host_digest_typed(d, text));
	assert_true(ztj_host_digest_typed(d, "h-LOOOO ooooo-00000-00000"));
	assert_true(ztj_host_digest_typed(d, "HI0000000000000000000"));
	assert_false(ztj_host_digest_typed(e, text));
	assert_false(ztj_host_digest_typed(d, "H-10000-00000-00000-0000"));
	assert_false(ztj_host_digest_typed(d, "H-10000-00000-00000-000000"));
	assert_false(ztj_host_digest_typed(d, "10000-00000-00000-00000"));
	assert_false(ztj_host_digest_typed(d, "H-"));
	assert_false(ztj_host_digest_typed(d, ""));
}

static void test_a_token_is_read_as_it_was_written(void **state)
{
	uint8_t t[ZTJ_TOKEN_LEN], back[ZTJ_TOKEN_LEN];
	char text[ZTJ_TOKEN_SIZE], cut[ZTJ_TOKEN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(t); i++)
		t[i] = (uint8_t)(37 * i + 251);
	ztj_token_format(t, text);
	assert_int_equal(strlen(text), 33);
	assert_int_equal(ztj_token_parse(text, back), ZTJ_OK);
	assert_memory_equal(t, back, sizeof(t));
	for (char *p = text; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	assert_int_equal(ztj_token_parse(text, back), ZTJ_OK);
	assert_memory_equal(t, back, sizeof(t));
	for (size_t n = 0; n < strlen(text); n++) {
		memcpy(cut, text, n);
		cut[n] = '\0';
		assert_int_equal(ztj_token_parse(cut, back), ZTJ_BAD_NAME);
	}
}

static void test_what_is_no_token(void **state)
{
	static const char *const bad[] = { "T-00000-00000-00000-00000-00000-1", /* spare bits */
		"T-00000-00000-00000-00000-00000-00", "H-00000-00000-00000-00000-00000-0",
		"T-0000U-00000-00000-00000-00000-0", "T-0000!-00000-00000-00000-00000-0", "ZTJ-00000", "T" };
	uint8_t t[ZTJ_TOKEN_LEN], none[ZTJ_TOKEN_LEN] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(t, 1, sizeof(t));
		assert_int_equal(ztj_token_parse(bad[i], t), ZTJ_BAD_NAME);
		assert_memory_equal(t, none, sizeof(t));
	}
	assert_int_equal(ztj_token_parse("T-00000-00000-00000-00000-00000-0", t), ZTJ_OK);
}

/* Computed with another implementation of HMAC. */
static void test_the_proof_is_what_the_protocol_says(void **state)
{
	static const uint8_t want[ZTJ_DIGEST_LEN] = { 0x35, 0xbd, 0x0e, 0xe8, 0x11, 0xe6, 0xa5, 0xbb, 0x1f,
		0x39, 0x3c, 0x8c, 0x5b, 0x0f, 0xc5, 0xf5, 0x68, 0xaa, 0xce, 0x7b, 0x06, 0x5b, 0xbe, 0x6b,
		0x63, 0x8e, 0xa0, 0xdd, 0x53, 0x3b, 0x4c, 0x07 };
	uint8_t t[ZTJ_TOKEN_LEN], d[ZTJ_DIGEST_LEN], out[ZTJ_DIGEST_LEN], other[ZTJ_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(t); i++)
		t[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(d); i++)
		d[i] = (uint8_t)(0x80 + i);
	assert_int_equal(ztj_host_proof(t, d, out), ZTJ_OK);
	assert_memory_equal(out, want, sizeof(want));
	d[31] ^= 1;
	assert_int_equal(ztj_host_proof(t, d, other), ZTJ_OK);
	assert_memory_not_equal(out, other, sizeof(out));
	d[31] ^= 1;
	t[0] ^= 1;
	assert_int_equal(ztj_host_proof(t, d, other), ZTJ_OK);
	assert_memory_not_equal(out, other, sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S18_everything_that_a_record_holds_is_in_the_digest),
		cmocka_unit_test(test_more_ssh_keys_than_a_record_holds),
		cmocka_unit_test(test_what_people_type_of_a_digest),
		cmocka_unit_test(test_a_token_is_read_as_it_was_written),
		cmocka_unit_test(test_what_is_no_token),
		cmocka_unit_test(test_the_proof_is_what_the_protocol_says),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
