/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Base64, hex, base32, short ids, digests. */
#include <string.h>

#include "tests/core/support.h"

static void test_base64_vectors(void **state)
{
	/* RFC 4648 section 10 */
	static const char *const table[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" } };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ztj_buf_reset(&b);
		ok(ztj_b64_encode(ztj_view_str(table[i][0]), &b));
		assert_string_equal(ztj_buf_str(&b), table[i][1]);
		ztj_buf_reset(&b);
		ok(ztj_b64_decode(ztj_view_str(table[i][1]), &b));
		assert_string_equal(ztj_buf_str(&b), table[i][0]);
	}
	ztj_buf_free(&b);
}

static void test_base64_strict(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Zm8=\n",
		" Zm8=", "Zm 8", "Zm9v\n", "Zg==Zg==", "====", "=m9v", "Z===", "Zm-_", "Zm\xc3\xa9",
		"Zm9v=", "Zg=a" };
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	ok(ztj_buf_puts(&b, "kept"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(ztj_b64_decode(ztj_view_str(bad[i]), &b), ZTJ_BAD_ENCODING);
		assert_string_equal(ztj_buf_str(&b), "kept");
	}
	ztj_buf_free(&b);
}

static void test_base64_every_length(void **state)
{
	uint8_t data[200];
	struct ztj_buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37);
	ztj_buf_init(&text, 300);
	ztj_buf_init(&back, 200);
	for (size_t n = 0; n <= sizeof(data); n++) {
		ztj_buf_reset(&text);
		ztj_buf_reset(&back);
		ok(ztj_b64_encode(ztj_view_of(data, n), &text));
		ok(ztj_b64_decode(ztj_buf_view(&text), &back));
		assert_true(ztj_view_eq(ztj_buf_view(&back), ztj_view_of(data, n)));
	}
	ztj_buf_free(&text);
	ztj_buf_init(&text, 7);
	fails(ztj_b64_encode(ztj_view_of(data, 6), &text), ZTJ_TOO_LARGE);
	fails(ztj_b64_encode(ztj_view_of(data, 0), &text), ZTJ_TOO_LARGE); /* a spoilt buffer stays so */
	ztj_buf_free(&text);
	ztj_buf_free(&back);
}

static void test_hex(void **state)
{
	static const char *const bad[] = { "0", "012", "0123ab0", "0123AB", "0123ag", "0x23ab", " 123ab" };
	uint8_t out[3];
	char text[7];

	(void)state;
	ok(ztj_unhex(ztj_view_str("0123af"), out, 3));
	ztj_hex(out, 3, text);
	assert_string_equal(text, "0123af");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(ztj_unhex(ztj_view_str(bad[i]), out, 3), ZTJ_BAD_ENCODING);
		assert_memory_equal(out, "\0\0\0", 3);
	}
	ztj_hex(out, 0, text);
	assert_string_equal(text, "");
}

static void test_base32(void **state)
{
	const uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff, 0xff }, one[] = { 0x80 },
		      mixed[] = { 0x08, 0x86, 0x42 };
	char out[16];

	(void)state;
	ztj_base32(ones, 5, out, sizeof(out));
	assert_string_equal(out, "ZZZZZZZZ");
	ztj_base32(one, 1, out, sizeof(out));
	assert_string_equal(out, "G0");
	ztj_base32(mixed, 3, out, sizeof(out)); /* 00001 00010 00011 00100 0010(0) */
	assert_string_equal(out, "12344");
	ztj_base32(mixed, 0, out, sizeof(out));
	assert_string_equal(out, "");
	ztj_base32(ones, 5, out, 8); /* nothing rather than a part */
	assert_string_equal(out, "");
	ztj_base32(ones, 5, out, 9);
	assert_string_equal(out, "ZZZZZZZZ");
}

static void test_short_id(void **state)
{
	uint8_t digest[ZTJ_DIGEST_LEN] = { 0x08, 0x86, 0x42, 0x98, 0xe8, 0x4a, 0x80 };
	char id[ZTJ_SHORT_ID_SIZE], back[ZTJ_SHORT_ID_SIZE];

	(void)state;
	ztj_short_id(digest, id);
	assert_string_equal(id, "R-123456789A");
	ok(ztj_short_id_parse(id, back));
	assert_string_equal(back, id);
	digest[6] |= 0x3f; /* bits 50 and on are not shown */
	ztj_short_id(digest, back);
	assert_string_equal(back, id);
	ok(ztj_short_id_parse("r-oOiIlLabcz", id));
	assert_string_equal(id, "R-001111ABCZ");
}

static void test_short_id_refused(void **state)
{
	static const char *const bad[] = { "", "R", "R-", "R-123456789", "R-123456789AB", "123456789A",
		"R123456789AB", "X-123456789A", "R-12345678U9", "R-12345 789A", " R-123456789",
		"R-123456789\xc3", "R-123456789-", "R--123456789" };
	char id[ZTJ_SHORT_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(ztj_short_id_parse(bad[i], id), ZTJ_BAD_NAME);
		assert_string_equal(id, "");
	}
}

static void test_session_id(void **state)
{
	uint8_t random[ZTJ_DIGEST_LEN] = { 0x08, 0x86, 0x42, 0x98, 0xe8, 0x4a, 0x80 };
	char id[ZTJ_SHORT_ID_SIZE];

	(void)state;
	ztj_session_id(random, id);
	assert_string_equal(id, "S-123456789A");
	assert_true(ztj_session_id_ok(id));
	ok(ztj_session_id_parse("s-oOiIlLabcz", id));
	assert_string_equal(id, "S-001111ABCZ");
	assert_false(ztj_session_id_ok("s-001111ABCZ"));
	assert_false(ztj_session_id_ok("S-O01111ABCZ"));
	assert_false(ztj_session_id_ok("S-001111ABC"));
	assert_false(ztj_session_id_ok("S-001111ABCZ0"));
	fails(ztj_session_id_parse("R-123456789A", id), ZTJ_BAD_NAME);
	fails(ztj_short_id_parse("S-123456789A", id), ZTJ_BAD_NAME);
}

static void test_digest_and_compare(void **state)
{
	uint8_t out[ZTJ_DIGEST_LEN], zero[4] = { 1, 2, 3, 4 };
	char hex[ZTJ_HEX_SIZE];

	(void)state;
	ok(ztj_sha256(ztj_view_of(NULL, 0), out));
	ztj_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	ok(ztj_sha256(ztj_view_str("abc"), out));
	ztj_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(ztj_ct_equal("abc", "abd", 2));
	assert_false(ztj_ct_equal("abc", "abd", 3));
	assert_true(ztj_ct_equal(NULL, NULL, 0));
	ztj_wipe(zero, sizeof(zero));
	assert_memory_equal(zero, "\0\0\0\0", 4);
	ztj_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_strict),
		cmocka_unit_test(test_base64_every_length),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base32),
		cmocka_unit_test(test_short_id),
		cmocka_unit_test(test_short_id_refused),
		cmocka_unit_test(test_session_id),
		cmocka_unit_test(test_digest_and_compare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
