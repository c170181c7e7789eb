/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint). */
#include <string.h>

#include "libztjit/core/checkpoint.h"
#include "tests/core/support.h"

#define DASH "\xe2\x80\x94 "

/* The example of the specification. */
static const char spec_note[] =
    "This is an example message.\n\n" DASH
    "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
static const char spec_vkey[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

static void spec_key(struct ztj_note_key *out)
{
	struct ztj_key k = { .type = ZTJ_KEY_ED25519, .pub_len = 32 };
	struct ztj_buf raw;

	ztj_buf_init(&raw, 64);
	ok(ztj_b64_decode(ztj_view_str(strrchr(spec_vkey, '+') + 1), &raw));
	assert_int_equal(raw.n, 33);
	memcpy(k.pub, raw.p + 1, 32);
	ok(ztj_note_key_make("example.com/foo", &k, out));
	ztj_buf_free(&raw);
}

static void test_example_of_the_specification(void **state)
{
	struct ztj_note_key k;
	struct ztj_note n;
	struct ztj_buf b;
	size_t which = 9;

	(void)state;
	spec_key(&k);
	ztj_buf_init(&b, 1024);
	ok(ztj_note_vkey(&k, &b));
	assert_string_equal(ztj_buf_str(&b), spec_vkey);
	ok(ztj_note_parse(ztj_view_str(spec_note), &n));
	assert_true(ztj_view_eq_str(n.text, "This is an example message.\n"));
	assert_int_equal(n.nsigs, 1);
	ok(ztj_note_verify(&n, &k, 1, &which));
	assert_int_equal(which, 0);
	fails(ztj_note_verify(&n, &k, 0, NULL), ZTJ_SIGNER);
	ztj_buf_free(&b);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *note;
		size_t n;
		int err;
	} bad[] = {
#define N(s, e) { s, sizeof(s) - 1, e }
		N("", ZTJ_BAD_ENCODING), N("a", ZTJ_BAD_ENCODING), N("a\n", ZTJ_BAD_ENCODING),
		N("a\n\n", ZTJ_BAD_ENCODING), N("\n" DASH "n AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n" DASH "n AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAAA=", ZTJ_BAD_ENCODING), N("a\n\n- n AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n\n", ZTJ_BAD_ENCODING), N("a\n\n" DASH "n \n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH " AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAA==\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAAA\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAAA= \n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n  AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n+m AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n\xc2\xa0m AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n\xe2\x80\x83m AAAAAAA=\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAAA=\n\n", ZTJ_BAD_ENCODING),
		N("a\n\n" DASH "n AAAAAAA=\nx\n", ZTJ_BAD_ENCODING),
		N("a\t\n\n" DASH "n AAAAAAA=\n", ZTJ_BAD_TEXT),
		N("a\r\n\n" DASH "n AAAAAAA=\n", ZTJ_BAD_TEXT),
		N("a\0\n\n" DASH "n AAAAAAA=\n", ZTJ_BAD_TEXT),
		N("a\xff\n\n" DASH "n AAAAAAA=\n", ZTJ_BAD_TEXT),
		N("a\n\n" DASH "n\x1b AAAAAAA=\n", ZTJ_BAD_TEXT)
#undef N
	};
	struct ztj_note n;

	(void)state;
	ok(ztj_note_parse(ztj_view_str("a\n\n" DASH "n AAAAAAA=\n"), &n));
	ok(ztj_note_parse(ztj_view_str("a\n\nb\n\n" DASH "n AAAAAAA=\n"), &n));
	assert_true(ztj_view_eq_str(n.text, "a\n\nb\n"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(ztj_note_parse(ztj_view_of(bad[i].note, bad[i].n), &n), bad[i].err);
		assert_int_equal(n.nsigs, 0);
	}
}

static void test_limits(void **state)
{
	struct ztj_note n;
	struct ztj_buf b;
	uint8_t *large = test_calloc(1, ZTJ_NOTE_MAX + 1);

	(void)state;
	memset(large, 'a', ZTJ_NOTE_MAX + 1);
	fails(ztj_note_parse(ztj_view_of(large, ZTJ_NOTE_MAX + 1), &n), ZTJ_TOO_LARGE);
	test_free(large);
	ztj_buf_init(&b, 4096);
	ok(ztj_buf_puts(&b, "a\n\n"));
	for (size_t i = 0; i < ZTJ_NOTE_SIGS_MAX; i++)
		ok(ztj_buf_puts(&b, DASH "n AAAAAAA=\n"));
	ok(ztj_note_parse(ztj_buf_view(&b), &n));
	assert_int_equal(n.nsigs, ZTJ_NOTE_SIGS_MAX);
	ok(ztj_buf_puts(&b, DASH "n AAAAAAA=\n"));
	fails(ztj_note_parse(ztj_buf_view(&b), &n), ZTJ_TOO_LARGE);
	ztj_buf_free(&b);
}

static void make_key(uint8_t first, struct ztj_seckey *sk)
{
	uint8_t seed[32] = { first };

	ok(ztj_seckey_from_seed(sk, seed));
}

/* Signatures of strangers are ignored, one of ours that is wrong spoils the note. */
static void test_several_signatures(void **state)
{
	struct ztj_seckey a, c;
	struct ztj_note_key ka, kc, same_name;
	struct ztj_buf b, other;
	struct ztj_note n;
	size_t which = 9;

	(void)state;
	make_key(1, &a);
	make_key(2, &c);
	ok(ztj_note_key_make("log", &a.pub, &ka));
	ok(ztj_note_key_make("witness", &c.pub, &kc));
	ok(ztj_note_key_make("log", &c.pub, &same_name));
	ztj_buf_init(&b, 4096);
	ztj_buf_init(&other, 4096);
	ok(ztj_note_sign("log", &a, ztj_view_str("text\n"), &b));
	ok(ztj_note_sign("witness", &c, ztj_view_str("text\n"), &other));
	ok(ztj_buf_put(&b, other.p + 6, other.n - 6));
	ok(ztj_note_parse(ztj_buf_view(&b), &n));
	assert_int_equal(n.nsigs, 2);
	ok(ztj_note_verify(&n, &ka, 1, &which));
	ok(ztj_note_verify(&n, &kc, 1, &which));
	fails(ztj_note_verify(&n, &same_name, 1, &which), ZTJ_SIGNER);
	const struct ztj_note_key both[] = { same_name, kc, ka };
	ok(ztj_note_verify(&n, both, 3, &which));
	assert_int_equal(which, 1);
	/* the witness signed something else */
	ztj_buf_reset(&other);
	ztj_buf_reset(&b);
	ok(ztj_note_sign("log", &a, ztj_view_str("text\n"), &b));
	ok(ztj_note_sign("witness", &c, ztj_view_str("Text\n"), &other));
	ok(ztj_buf_put(&b, other.p + 6, other.n - 6));
	ok(ztj_note_parse(ztj_buf_view(&b), &n));
	ok(ztj_note_verify(&n, &ka, 1, NULL));
	fails(ztj_note_verify(&n, both, 3, NULL), ZTJ_BAD_SIGNATURE);
	ztj_buf_free(&b);
	ztj_buf_free(&other);
}

static void test_what_cannot_be_signed(void **state)
{
	static const char *const names[] = { "", "a b", "a+b", "a\tb", "a\xe3\x80\x80x", "a\xff" };
	static const char *const texts[] = { "", "\n", "no line feed", "ends twice\n\n", "a\tb\n" };
	struct ztj_note_key k;
	struct ztj_seckey a;
	struct ztj_buf b;
	struct ztj_key p256 = { .type = ZTJ_KEY_ECDSA, .pub_len = 65 };

	(void)state;
	make_key(1, &a);
	ztj_buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		fails(ztj_note_key_make(names[i], &a.pub, &k), ZTJ_BAD_NAME);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fails(ztj_note_sign("log", &a, ztj_view_str(texts[i]), &b), ZTJ_BAD_TEXT);
	fails(ztj_note_key_make("log", &p256, &k), ZTJ_KEY_TYPE);
	ztj_buf_free(&b);
}

/* --- checkpoints --- */

static void make_checkpoint(struct ztj_buf *b, struct ztj_checkpoint *c)
{
	struct ztj_seckey log;

	make_key(7, &log);
	memset(c, 0, sizeof(*c));
	c->size = 70000;
	memset(c->root, 0xa5, sizeof(c->root));
	ok(ztj_checkpoint_sign(&log, "example", c, b));
}

static void test_checkpoint_text(void **state)
{
	struct ztj_checkpoint c, back;
	struct ztj_seckey log, other;
	struct ztj_buf b;

	(void)state;
	make_key(7, &log);
	make_key(8, &other);
	ztj_buf_init(&b, 4096);
	make_checkpoint(&b, &c);
	assert_memory_equal(b.p,
	    "example/ztjit\n70000\npaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\n\n" DASH "example/ztjit ",
	    79);
	ok(ztj_checkpoint_open(ztj_buf_view(&b), "example", &log.pub, 1, &back));
	assert_memory_equal(&back, &c, sizeof(c));
	const struct ztj_key rotated[] = { other.pub, log.pub };
	ok(ztj_checkpoint_open(ztj_buf_view(&b), "example", rotated, 2, &back));
	fails(ztj_checkpoint_open(ztj_buf_view(&b), "example", &other.pub, 1, &back), ZTJ_SIGNER);
	assert_int_equal(back.size, 0);
	fails(ztj_checkpoint_open(ztj_buf_view(&b), "example", NULL, 0, &back), ZTJ_SIGNER);
	/* the key signs under the name of its own log only */
	fails(ztj_checkpoint_open(ztj_buf_view(&b), "sample", &log.pub, 1, &back), ZTJ_SIGNER);
	fails(ztj_checkpoint_parse(ztj_view_str("sample/ztjit\n1\nAAAA\n"), "example", &back), ZTJ_DOMAIN);
	ztj_buf_free(&b);
}

static void test_checkpoint_lines(void **state)
{
#define ROOT "pqWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\n"
	static const char *const good[] = { "example/ztjit\n0\n" ROOT,
		"example/ztjit\n9007199254740992\n" ROOT,
		"example/ztjit\n5\n" ROOT "an extension\nanother\n" };
	static const char *const bad[] = { "", "example/ztjit\n", "example/ztjit\n5\n",
		"example/ztjit\n5\n\n", "example/ztjit\n05\n" ROOT, "example/ztjit\n-5\n" ROOT,
		"example/ztjit\n+5\n" ROOT, "example/ztjit\n5 \n" ROOT, "example/ztjit\n\n" ROOT,
		"example/ztjit\n9007199254740993\n" ROOT, "example/ztjit\n99999999999999999999999\n" ROOT,
		"example/ztjit\n5\nAAAA\n", "example/ztjit\n5\n" ROOT "\n", "example/ztjit\n5\n" ROOT "x",
		"example/ztjit\n5\npqWl\n", "\nexample/ztjit\n5\n" ROOT,
		"example/ztjit\n5\npqWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaV=\n" };
#undef ROOT
	struct ztj_checkpoint c;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(ztj_checkpoint_parse(ztj_view_str(good[i]), "example", &c));
		assert_int_equal(c.root[0], 0xa6);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(ztj_checkpoint_parse(ztj_view_str(bad[i]), "example", &c), ZTJ_OK);
		assert_int_equal(c.size, 0);
	}
}

static void test_A01_every_flip_and_cut_of_a_checkpoint(void **state)
{
	struct ztj_checkpoint c, back;
	struct ztj_seckey log;
	struct ztj_buf b;

	(void)state;
	make_key(7, &log);
	ztj_buf_init(&b, 4096);
	make_checkpoint(&b, &c);
	for (size_t i = 0; i < 8 * b.n; i++) {
		b.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_not_equal(ztj_checkpoint_open(ztj_buf_view(&b), "example", &log.pub, 1, &back),
		    ZTJ_OK);
		b.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(ztj_checkpoint_open(ztj_view_of(b.p, n), "example", &log.pub, 1, &back),
		    ZTJ_OK);
	ok(ztj_checkpoint_open(ztj_buf_view(&b), "example", &log.pub, 1, &back));
	ztj_buf_free(&b);
}

static void test_after(void **state)
{
	struct ztj_checkpoint kept = { 5, { 1 } }, next = kept;

	(void)state;
	ok(ztj_checkpoint_after(&kept, &next));
	next.root[0] = 2;
	fails(ztj_checkpoint_after(&kept, &next), ZTJ_LOG_FORK);
	next.size = 6;
	ok(ztj_checkpoint_after(&kept, &next));
	next.size = 4;
	fails(ztj_checkpoint_after(&kept, &next), ZTJ_LOG_ROLLBACK);
}

static void test_kept(void **state)
{
	struct ztj_checkpoint c = { 123, { 0xab, 1 } }, back;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 256);
	ok(ztj_checkpoint_keep(&c, &b));
	assert_memory_equal(b.p, "123 ab0100", 10);
	ok(ztj_checkpoint_kept(ztj_buf_view(&b), &back));
	assert_memory_equal(&back, &c, sizeof(c));
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(ztj_checkpoint_kept(ztj_view_of(b.p, n), &back), ZTJ_OK);
	ok(ztj_buf_puts(&b, "\n"));
	fails(ztj_checkpoint_kept(ztj_buf_view(&b), &back), ZTJ_BAD_ENCODING);
	b.p[1] = 'x';
	b.n--;
	assert_int_not_equal(ztj_checkpoint_kept(ztj_buf_view(&b), &back), ZTJ_OK);
	assert_int_equal(back.size, 0);
	ztj_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_of_the_specification),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_several_signatures),
		cmocka_unit_test(test_what_cannot_be_signed),
		cmocka_unit_test(test_checkpoint_text),
		cmocka_unit_test(test_checkpoint_lines),
		cmocka_unit_test(test_A01_every_flip_and_cut_of_a_checkpoint),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
