/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a log asks a witness, and how the witness judges it (C2SP tlog-witness). The requests are those of torchwood's litewitness
 * (cmd/litewitness/testdata/litewitness.txt): a log of sigsum, and proofs that another program made.
 */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/witness.h"
#include "tests/core/support.h"

#define DASH "\xe2\x80\x94 "
#define ORIGIN "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
#define NOTE1 \
	ORIGIN \
	"\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH ORIGIN \
	" UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=\n"
#define TEXT3 ORIGIN "\n3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=\n\n"
#define NOTE3 \
	TEXT3 DASH ORIGIN \
	    " UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=\n"
#define NOTE5 \
	ORIGIN \
	"\n5\nQrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=\n\n" DASH ORIGIN \
	" UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=\n"
#define H1 "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define H2 "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define FROM1_TO3 H1 H2
#define FROM3_TO5 \
	H2 "KgMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nwgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=\n" \
	   "KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static struct ztj_note_key log_key;
static struct ztj_witness_log log_state;

static int setup(void **state)
{
	struct ztj_key k = { .type = ZTJ_KEY_ED25519, .pub_len = 32 };

	(void)state;
	ok(ztj_unhex(ztj_view_str("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"), k.pub,
	    32));
	ok(ztj_note_key_make(ORIGIN, &k, &log_key));
	log_state = (struct ztj_witness_log){ .origin = ORIGIN, .keys = &log_key, .nkeys = 1 };
	return 0;
}

/* The status; what is cosigned is kept, as a witness does. */
static unsigned ask(const char *body)
{
	struct ztj_witness_ask a;
	struct ztj_checkpoint c;
	struct ztj_view text;
	unsigned status;

	if (ztj_witness_ask_parse(ztj_view_str(body), &a) != ZTJ_OK)
		return 400;
	status = ztj_witness_judge(&a, &log_state, &c, &text);
	assert_int_equal(text.n > 0, status == 200);
	assert_true(status == 200 || c.size == 0);
	if (status == 200)
		log_state.last = c;
	return status;
}

static void test_requests_of_litewitness(void **state)
{
	static const struct {
		const char *body;
		unsigned status, size;
	} t[] = {
		{ "old 0\n\n" NOTE1, 200, 1 },
		/* the signature is wrong; another log; no proof; a wrong proof */
		{ "old 1\n" FROM1_TO3 "\n" TEXT3 DASH ORIGIN
		  " UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6gw=\n",
		    403, 1 },
		{ "old 1\n" FROM1_TO3
		  "\nsigsum.org/v1/tree/other\n3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=\n\n" DASH
		  "other AAAAAAA=\n",
		    404, 1 },
		{ "old 1\n\n" NOTE3, 422, 1 },
		{ "old 1\n" H1 "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABA=\n\n" NOTE3, 422, 1 },
		{ "old 1\n" H1 "\n" NOTE3, 422, 1 },
		{ "old 1\n" H1 H2 H2 "\n" NOTE3, 422, 1 },
		{ "old 2\n" FROM1_TO3 "\n" NOTE3, 409, 1 },
		{ "old 0\n\n" NOTE3, 409, 1 },
		{ "old 4\n" FROM1_TO3 "\n" NOTE3, 400, 1 },
		{ "old 1\n" FROM1_TO3 "\n" NOTE3, 200, 3 },
		{ "old 1\n" FROM1_TO3 "\n" NOTE3, 409, 3 },
		/* the same again is cosigned again */
		{ "old 3\n\n" NOTE3, 200, 3 },
		{ "old 3\n" H1 "\n" NOTE3, 422, 3 },
		/* back */
		{ "old 1\n\n" NOTE1, 409, 3 },
		{ "old 3\n\n" NOTE1, 400, 3 },
		{ "old 3\n" FROM3_TO5 "\n" NOTE5, 200, 5 },
		{ "old 0\n\n" NOTE5, 409, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(ask(t[i].body), t[i].status);
		assert_int_equal(log_state.last.size, t[i].size);
	}
}

/* The root is another than the one cosigned at that size: a fork. */
static void test_fork_of_the_same_size(void **state)
{
	(void)state;
	(void)setup(NULL);
	assert_int_equal(ask("old 0\n\n" NOTE3), 200);
	log_state.last.root[0] ^= 1;
	assert_int_equal(ask("old 3\n\n" NOTE3), 422);
	assert_int_equal(ask("old 3\n" FROM3_TO5 "\n" NOTE5), 422);
	log_state.last.root[0] ^= 1;
	assert_int_equal(ask("old 3\n" FROM3_TO5 "\n" NOTE5), 200);
	(void)setup(NULL);
	assert_int_equal(ask("old 0\n" H1 "\n" NOTE3), 422);
	log_state.nkeys = 0;
	assert_int_equal(ask("old 0\n\n" NOTE3), 403);
}

/* Of an empty log there is one root. */
static void test_empty_log(void **state)
{
	struct ztj_checkpoint c = { 0 };
	struct ztj_seckey sk;
	uint8_t seed[32] = { 5 };
	struct ztj_note_key k;
	struct ztj_view text;
	struct ztj_buf b;

	(void)state;
	ok(ztj_seckey_from_seed(&sk, seed));
	ok(ztj_note_key_make("example/ztjit", &sk.pub, &k));
	const struct ztj_witness_log l = { .origin = "example/ztjit", .keys = &k, .nkeys = 1 };
	struct ztj_witness_ask a = { 0 };
	ztj_buf_init(&b, 4096);
	ok(ztj_checkpoint_sign(&sk, "example", &c, &b));
	a.note = ztj_buf_view(&b);
	assert_int_equal(ztj_witness_judge(&a, &l, &c, &text), 422);
	ok(ztj_merkle_root(NULL, 0, c.root));
	ztj_buf_reset(&b);
	ok(ztj_checkpoint_sign(&sk, "example", &c, &b));
	a.note = ztj_buf_view(&b);
	assert_int_equal(ztj_witness_judge(&a, &l, &c, &text), 200);
	a.len = 1;
	assert_int_equal(ztj_witness_judge(&a, &l, &c, &text), 422);
	ztj_buf_free(&b);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "", "old", "old ", "old 1", "old \n\n" NOTE1, "old -1\n\n" NOTE1,
		"old 01\n\n" NOTE1, "old +1\n\n" NOTE1, "Old 1\n\n" NOTE1, "old  1\n\n" NOTE1,
		"old 1 \n\n" NOTE1, "old 1\r\n\n" NOTE1, "old 9007199254740993\n\n" NOTE1,
		"old 18446744073709551616\n\n" NOTE1, "old 1\n" NOTE1, "old 1\nKgE=\n\n" NOTE1, "old 1\n" H1,
		"\nold 1\n\n" NOTE1, "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n" NOTE1,
		"old 1\n KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" NOTE1 };
	struct ztj_witness_ask a;
	struct ztj_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(ztj_witness_ask_parse(ztj_view_str(bad[i]), &a), ZTJ_OK);
		assert_int_equal(a.old, 0);
	}
	/* what follows the blank line is the note's to judge */
	(void)setup(NULL);
	assert_int_equal(ask("old 0\n\n"), 400);
	assert_int_equal(ask("old 0\n\nx\n"), 400);
	assert_int_equal(ask("old 0\n\n\n" NOTE1), 400);
	assert_int_equal(ask("old 0\n\n" NOTE1 "\n"), 400);
	ztj_buf_init(&b, ZTJ_WITNESS_BODY_MAX + 16);
	ok(ztj_buf_puts(&b, "old 1\n"));
	for (int i = 0; i < ZTJ_WITNESS_PATH_MAX; i++)
		ok(ztj_buf_puts(&b, H1));
	ok(ztj_buf_puts(&b, "\n" NOTE1));
	ok(ztj_witness_ask_parse(ztj_buf_view(&b), &a));
	assert_int_equal(a.len, ZTJ_WITNESS_PATH_MAX);
	ztj_buf_reset(&b);
	ok(ztj_buf_puts(&b, "old 1\n"));
	for (int i = 0; i <= ZTJ_WITNESS_PATH_MAX; i++)
		ok(ztj_buf_puts(&b, H1));
	ok(ztj_buf_puts(&b, "\n" NOTE1));
	fails(ztj_witness_ask_parse(ztj_buf_view(&b), &a), ZTJ_LIMIT);
	while (b.n <= ZTJ_WITNESS_BODY_MAX)
		ok(ztj_buf_puts(&b, "x"));
	fails(ztj_witness_ask_parse(ztj_buf_view(&b), &a), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

static void test_written_as_it_is_read(void **state)
{
	struct ztj_witness_ask a, back;
	struct ztj_buf b;

	(void)state;
	ok(ztj_witness_ask_parse(ztj_view_str("old 3\n" FROM3_TO5 "\n" NOTE5), &a));
	assert_int_equal(a.old, 3);
	assert_int_equal(a.len, 4);
	ztj_buf_init(&b, ZTJ_WITNESS_BODY_MAX);
	ok(ztj_witness_ask_write(&a, &b));
	assert_string_equal(ztj_buf_str(&b), "old 3\n" FROM3_TO5 "\n" NOTE5);
	ok(ztj_witness_ask_parse(ztj_buf_view(&b), &back));
	assert_memory_equal(a.path, back.path, sizeof(a.path));
	a.len = ZTJ_WITNESS_PATH_MAX + 1;
	fails(ztj_witness_ask_write(&a, &b), ZTJ_LIMIT);
	ztj_buf_free(&b);
}

static void test_size_of_a_conflict(void **state)
{
	static const char *const bad[] = { "", "5", "\n", "5\n\n", "05\n", " 5\n", "5 \n", "5\r\n", "-5\n",
		"+5\n", "0x5\n", "9007199254740993\n", "99999999999999999999999999\n", "5\n6\n", "five\n" };
	uint64_t size;

	(void)state;
	ok(ztj_witness_size_parse(ztj_view_str("0\n"), &size));
	assert_int_equal(size, 0);
	ok(ztj_witness_size_parse(ztj_view_str("9007199254740992\n"), &size));
	assert_true(size == ZTJ_LOG_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(ztj_witness_size_parse(ztj_view_str(bad[i]), &size), ZTJ_OK);
		assert_int_equal(size, 0);
	}
	assert_int_not_equal(ztj_witness_size_parse(ztj_view_of("5\0\n", 3), &size), ZTJ_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_requests_of_litewitness, setup),
		cmocka_unit_test(test_fork_of_the_same_size),
		cmocka_unit_test(test_empty_log),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_written_as_it_is_read),
		cmocka_unit_test(test_size_of_a_conflict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
