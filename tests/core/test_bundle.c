/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bundles: what is in them belongs together, in one order, every byte signed. */
#include <stdlib.h>
#include <string.h>

#include "tests/core/scene.h"

static struct scene sc;
static struct made m[4];
static struct ztj_buf blob;

static int setup(void **state)
{
	struct ztj_signed s[4];

	(void)state;
	scene_open(&sc, NULL, NULL);
	made_request(&sc, &m[0]);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 60);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 90);
	made_revocation(&sc, &m[3], "people/req2", &m[0], SCENE_T0 + 95);
	for (size_t i = 0; i < 4; i++)
		s[i] = m[i].s;
	ztj_buf_init(&blob, ZTJ_BUNDLE_MAX);
	ok(ztj_bundle_write(s, 3, &blob));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ztj_buf_free(&blob);
	for (size_t i = 0; i < 4; i++)
		made_free(&m[i]);
	scene_close(&sc);
	return 0;
}

static int make(const int *which, size_t n, struct ztj_bundle **b)
{
	struct ztj_signed s[8];

	for (size_t i = 0; i < n; i++)
		s[i] = m[which[i]].s;
	return ztj_bundle_make(s, n, "example", NULL, b);
}

static void test_round_trip_in_one_order(void **state)
{
	static const int orders[3][6] = { { 0, 1, 2, 3 }, { 0, 3, 2, 1 }, { 0, 2, 2, 1, 3, 0 } };
	static const size_t count[3] = { 4, 4, 6 };
	struct ztj_bundle *first, *b, *again;

	(void)state;
	ok(make(orders[0], 4, &first));
	for (size_t i = 0; i < 3; i++) {
		ok(make(orders[i], count[i], &b)); /* exact duplicates are one */
		assert_int_equal(b->n, 4);
		assert_true(ztj_view_eq(ztj_buf_view(&b->mem), ztj_buf_view(&first->mem)));
		ok(ztj_bundle_read(ztj_buf_view(&b->mem), "example", NULL, &again));
		assert_true(ztj_view_eq(ztj_buf_view(&again->mem), ztj_buf_view(&first->mem)));
		for (size_t k = 0; k < 4; k++)
			assert_true(ztj_view_eq(again->raw[k].bytes, first->raw[k].bytes));
		ztj_bundle_free(b);
		ztj_bundle_free(again);
	}
	ztj_bundle_free(first);
}

static void test_what_does_not_belong(void **state)
{
	struct ztj_bundle *b;
	struct ztj_signed s[3];
	struct ztj_stmt st;
	struct made other, user;
	static const char other_nonce[] = "ffff2233445566778899aabbccddeeff00112233445566778899aabbccddee04";

	(void)state;
	fails(make((const int[]){ 1, 0 }, 2, &b), ZTJ_STMT_TYPE); /* the request comes first */
	assert_null(b);
	/* another request, and an approval of it */
	scene_request(&sc, &st);
	made_sign(&other, &st, other_nonce, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	s[0] = m[0].s;
	s[1] = other.s;
	fails(ztj_bundle_make(s, 2, "example", NULL, &b), ZTJ_WRONG_REQUEST);
	s[0] = other.s;
	s[1] = m[1].s;
	fails(ztj_bundle_make(s, 2, "example", NULL, &b), ZTJ_WRONG_REQUEST);
	made_free(&other);
	/* the same request signed again, by anybody: which one counts must not be a choice */
	scene_request(&sc, &st);
	made_sign(&other, &st, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	    &scene_actor(&sc, "people/req2")->key, FLAGS_UV);
	assert_memory_equal(other.id, m[0].id, ZTJ_DIGEST_LEN);
	s[0] = m[0].s;
	s[1] = other.s;
	fails(ztj_bundle_make(s, 2, "example", NULL, &b), ZTJ_WRONG_REQUEST);
	made_free(&other);
	/* a revocation of a person travels elsewhere */
	scene_revocation(&sc, &st, "", &m[0]);
	st.u.revocation.what = ZTJ_REVOKES_USER;
	st.u.revocation.name = "people/req1";
	st.u.revocation.until = SCENE_T0 + 3600;
	st.u.revocation.serial = 1;
	made_sign(&user, &st, NULL, &sc.registrar, FLAGS_UV);
	s[1] = user.s;
	fails(ztj_bundle_make(s, 2, "example", NULL, &b), ZTJ_WRONG_REQUEST);
	made_free(&user);
	fails(ztj_bundle_make(s, 0, "example", NULL, &b), ZTJ_LIMIT);
	fails(ztj_bundle_make(s, 1, "other", NULL, &b), ZTJ_DOMAIN);
}

static void test_limits(void **state)
{
	struct ztj_signed *s = calloc(129, sizeof *s);
	struct ztj_buf big;
	struct ztj_bundle *b;
	uint8_t *junk = calloc(1, ZTJ_BUNDLE_MAX + 1);

	(void)state;
	assert_non_null(s);
	assert_non_null(junk);
	for (size_t i = 0; i < 129; i++)
		s[i] = m[0].s;
	ztj_buf_init(&big, 1 << 20);
	fails(ztj_bundle_write(s, 129, &big), ZTJ_LIMIT);
	fails(ztj_bundle_write(s, 0, &big), ZTJ_LIMIT);
	fails(ztj_bundle_write(s, 128, &big), ZTJ_TOO_LARGE);
	fails(ztj_bundle_make(s, 129, "example", NULL, &b), ZTJ_LIMIT);
	fails(ztj_bundle_read(ztj_view_of(junk, ZTJ_BUNDLE_MAX + 1), "example", NULL, &b), ZTJ_TOO_LARGE);
	ztj_buf_free(&big);
	free(junk);
	free(s);
}

static void test_S11_every_truncation(void **state)
{
	struct ztj_bundle *b;

	(void)state;
	for (size_t n = 0; n < blob.n; n++) {
		assert_int_not_equal(ztj_bundle_read(ztj_view_of(blob.p, n), "example", NULL, &b), ZTJ_OK);
		assert_null(b);
	}
	ok(ztj_buf_put_u8(&blob, 0));
	fails(ztj_bundle_read(ztj_buf_view(&blob), "example", NULL, &b), ZTJ_TRAILING);
}

/* Every bit of the container, the statements and the signatures: refused by the reader, or by the decision. */
static void test_S11_every_single_bit(void **state)
{
	struct ztj_question q;
	struct ztj_answer a;
	struct ztj_bundle *b;
	size_t read = 0;

	(void)state;
	scene_login(&sc, &q, SCENE_T0 + 120);
	ok(ztj_bundle_read(ztj_buf_view(&blob), "example", NULL, &b));
	ztj_decide(sc.trust, b, &q, &a);
	assert_int_equal(a.code, ZTJ_OK);
	ztj_bundle_free(b);
	for (size_t bit = 0; bit < 8 * blob.n; bit++) {
		blob.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (ztj_bundle_read(ztj_buf_view(&blob), "example", NULL, &b) == ZTJ_OK) {
			read++;
			ztj_decide(sc.trust, b, &q, &a);
			assert_int_not_equal(a.code, ZTJ_OK);
			ztj_bundle_free(b);
		}
		blob.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(read, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_round_trip_in_one_order), T(test_what_does_not_belong),
		T(test_limits), T(test_S11_every_truncation), T(test_S11_every_single_bit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
