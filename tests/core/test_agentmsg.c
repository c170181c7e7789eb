/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ssh-agent messages. */
#include <string.h>

#include "libztjit/core/agentmsg.h"
#include "tests/core/support.h"

static int count_identity(struct ztj_view blob, struct ztj_view comment, void *arg)
{
	int *count = arg;

	assert_true(ztj_view_eq_str(blob, "blob"));
	assert_true(ztj_view_eq_str(comment, "comment"));
	return ++*count == 3 ? ZTJ_EXISTS : ZTJ_OK;
}

static void put_identities(struct ztj_buf *b, uint32_t said, uint32_t there)
{
	ok(ztj_buf_put_u8(b, ZTJ_AGENT_IDENTITIES_ANSWER));
	ok(ztj_buf_put_u32(b, said));
	for (uint32_t i = 0; i < there; i++) {
		ok(ztj_buf_put_cstring(b, "blob"));
		ok(ztj_buf_put_cstring(b, "comment"));
	}
}

static int identities(uint32_t said, uint32_t there, int *count)
{
	struct ztj_buf b;
	int r;

	*count = 0;
	ztj_buf_init(&b, 4096);
	put_identities(&b, said, there);
	r = ztj_agent_parse_identities(ztj_buf_view(&b), count_identity, count);
	ztj_buf_free(&b);
	return r;
}

static void test_identities(void **state)
{
	int count;

	(void)state;
	ok(identities(0, 0, &count));
	ok(identities(2, 2, &count));
	assert_int_equal(count, 2);
	fails(identities(9, 9, &count), ZTJ_EXISTS); /* the callback stops it */
	assert_int_equal(count, 3);
	fails(identities(1, 2, &count), ZTJ_TRAILING);
	assert_int_equal(count, 0); /* nothing of a broken answer is shown */
	fails(identities(UINT32_MAX, 2, &count), ZTJ_TRUNCATED);
	assert_int_equal(count, 0);
}

static void test_identities_truncation(void **state)
{
	struct ztj_buf b;
	int count = 0;

	(void)state;
	ztj_buf_init(&b, 4096);
	put_identities(&b, 2, 2);
	for (size_t n = 0; n < b.n; n++)
		fails(ztj_agent_parse_identities(ztj_view_of(b.p, n), count_identity, &count), ZTJ_TRUNCATED);
	assert_int_equal(count, 0);
	ztj_buf_free(&b);
}

static void test_requests_byte_for_byte(void **state)
{
	static const uint8_t sign[] = "\x0d\0\0\0\2kk\0\0\0\3ddd\0\0\0\4";
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	ok(ztj_agent_req_identities(&b));
	assert_true(ztj_view_eq_str(ztj_buf_view(&b), "\x0b"));
	ztj_buf_reset(&b);
	ok(ztj_agent_req_sign(ztj_view_str("kk"), ztj_view_str("ddd"), 4, &b));
	assert_true(ztj_view_eq(ztj_buf_view(&b), ztj_view_of(sign, sizeof(sign) - 1)));
	ztj_buf_free(&b);
}

static void test_signature(void **state)
{
	static const uint8_t msg[] = { 14, 0, 0, 0, 3, 's', 'i', 'g', 0 };
	static const uint8_t failure[] = { 5 }, other[] = { 6 };
	struct ztj_view sig;

	(void)state;
	ok(ztj_agent_parse_signature(ztj_view_of(msg, 8), &sig));
	assert_true(ztj_view_eq_str(sig, "sig"));
	for (size_t n = 0; n < 8; n++) {
		fails(ztj_agent_parse_signature(ztj_view_of(msg, n), &sig), ZTJ_TRUNCATED);
		assert_int_equal(sig.n, 0);
	}
	fails(ztj_agent_parse_signature(ztj_view_of(msg, 9), &sig), ZTJ_TRAILING);
	fails(ztj_agent_parse_signature(ztj_view_of(failure, 1), &sig), ZTJ_DEVICE_REFUSED);
	fails(ztj_agent_parse_signature(ztj_view_of(other, 1), &sig), ZTJ_PROTOCOL);
	assert_int_equal(sig.n, 0);
}

static void test_extension(void **state)
{
	char name[64];
	struct ztj_view body;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 256);
	ok(ztj_agent_req_extension(ZTJ_AGENT_EXT_STEPUP, ztj_view_str("rest"), &b));
	ok(ztj_agent_parse_extension(ztj_buf_view(&b), name, sizeof(name), &body));
	assert_string_equal(name, ZTJ_AGENT_EXT_STEPUP);
	assert_true(ztj_view_eq_str(body, "rest"));
	for (size_t n = 0; n < b.n - 4; n++)
		fails(ztj_agent_parse_extension(ztj_view_of(b.p, n), name, sizeof(name), &body),
		    ZTJ_TRUNCATED);
	fails(ztj_agent_parse_extension(ztj_buf_view(&b), name, 4, &body), ZTJ_TOO_LARGE);
	assert_string_equal(name, "");
	b.p[0] = ZTJ_AGENT_SIGN_REQUEST;
	fails(ztj_agent_parse_extension(ztj_buf_view(&b), name, sizeof(name), &body), ZTJ_PROTOCOL);
	ztj_buf_free(&b);
}

static void test_too_large(void **state)
{
	static uint8_t big[ZTJ_AGENT_MSG_MAX + 1] = { 14 };
	struct ztj_agent_bind bind;
	struct ztj_view sig;

	(void)state;
	fails(ztj_agent_parse_signature(ztj_view_of(big, sizeof(big)), &sig), ZTJ_TOO_LARGE);
	fails(ztj_agent_parse_bind(ztj_view_of(big, sizeof(big)), &bind), ZTJ_TOO_LARGE);
}

/* ---- session-bind ---- */

static void put_bind(const struct soft_key *host, const char *session, const char *signed_session,
    uint8_t forwarding, struct ztj_buf *b)
{
	struct ztj_buf key, sig;

	ztj_buf_init(&key, 512);
	ztj_buf_init(&sig, 512);
	ok(ztj_key_to_blob(&host->pub, &key));
	soft_key_sign(host, ztj_view_str(signed_session), 1, 1, &sig);
	ok(ztj_buf_put_view(b, ztj_buf_view(&key)));
	ok(ztj_buf_put_cstring(b, session));
	ok(ztj_buf_put_view(b, ztj_buf_view(&sig)));
	ok(ztj_buf_put_u8(b, forwarding));
	ztj_buf_free(&key);
	ztj_buf_free(&sig);
}

static int bind_of(const struct soft_key *host, const char *session, const char *signed_session,
    uint8_t forwarding)
{
	struct ztj_agent_bind bind;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 2048);
	put_bind(host, session, signed_session, forwarding, &b);
	r = ztj_agent_parse_bind(ztj_buf_view(&b), &bind);
	if (r == ZTJ_OK) {
		assert_true(ztj_key_equal(&bind.hostkey, &host->pub));
		assert_true(ztj_view_eq_str(bind.session_id, session));
		assert_int_equal(bind.forwarding, forwarding);
	} else {
		assert_int_equal(bind.hostkey.type, ZTJ_KEY_NONE);
		assert_int_equal(bind.session_id.n, 0);
	}
	ztj_buf_free(&b);
	return r;
}

static void test_bind(void **state)
{
	struct soft_key ed, ec, sk;

	(void)state;
	soft_key_make(&ed, ZTJ_KEY_ED25519);
	soft_key_make(&ec, ZTJ_KEY_ECDSA);
	soft_key_make(&sk, ZTJ_KEY_SK_ED25519);
	ok(bind_of(&ed, "session", "session", 0));
	ok(bind_of(&ed, "session", "session", 1));
	ok(bind_of(&ec, "session", "session", 1));
	fails(bind_of(&ed, "session", "another", 1), ZTJ_BAD_SIGNATURE);
	fails(bind_of(&ed, "", "", 1), ZTJ_PROTOCOL);
	fails(bind_of(&ed, "session", "session", 2), ZTJ_PROTOCOL);
	fails(bind_of(&sk, "session", "session", 1), ZTJ_KEY_TYPE);
	soft_key_free(&ed);
	soft_key_free(&ec);
	soft_key_free(&sk);
}

static void test_S11_bind_truncations_and_bit_flips(void **state)
{
	struct ztj_agent_bind bind;
	struct soft_key host;
	struct ztj_buf b;

	(void)state;
	soft_key_make(&host, ZTJ_KEY_ED25519);
	ztj_buf_init(&b, 2048);
	put_bind(&host, "session", "session", 0, &b);
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(ztj_agent_parse_bind(ztj_view_of(b.p, n), &bind), ZTJ_OK);
	for (size_t bit = 0; bit < (b.n - 1) * 8; bit++) { /* the last byte is not signed */
		b.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(ztj_agent_parse_bind(ztj_buf_view(&b), &bind), ZTJ_OK);
		b.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	ok(ztj_buf_put_u8(&b, 0));
	fails(ztj_agent_parse_bind(ztj_buf_view(&b), &bind), ZTJ_TRAILING);
	ztj_buf_free(&b);
	soft_key_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_identities_truncation),
		cmocka_unit_test(test_requests_byte_for_byte),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_S11_bind_truncations_and_bit_flips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
