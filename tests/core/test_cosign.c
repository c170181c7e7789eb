/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Cosignatures of witnesses (C2SP tlog-cosignature), their keys, and quorums of them. */
#include <string.h>

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/cosign.h"
#include "tests/core/support.h"

#define DASH "\xe2\x80\x94 "
#define NOW 1795428000

/* --- what others made --- */

/* Made by sigsum-go (pkg/checkpoint/checkpoint_test.go): the key's seed is 17 and zeros, the time 1234. */
static const char sigsum_text[] = "example.org/log\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
static const char sigsum_line[] = DASH
    "example.org/witness "
    "ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+Cg==\n";

static void make_witness(uint8_t first, const char *name, struct ztj_seckey *sk, struct ztj_note_key *k)
{
	uint8_t seed[32] = { first };

	ok(ztj_seckey_from_seed(sk, seed));
	ok(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, name, &sk->pub, k));
}

static void test_as_another_implementation_makes_them(void **state)
{
	struct ztj_seckey sk;
	struct ztj_note_key k;
	struct ztj_note n;
	struct ztj_buf b;
	int64_t t;

	(void)state;
	make_witness(17, "example.org/witness", &sk, &k);
	ztj_buf_init(&b, 4096);
	ok(ztj_cosign_line(&k, &sk, ztj_view_str(sigsum_text), 1234, &b));
	assert_string_equal(ztj_buf_str(&b), sigsum_line);
	ztj_buf_reset(&b);
	ok(ztj_buf_printf(&b, "%s\n%s", sigsum_text, sigsum_line));
	ok(ztj_note_parse(ztj_buf_view(&b), &n));
	ok(ztj_cosign_verify(&n, &k, &t));
	assert_int_equal(t, 1234);
	ztj_buf_free(&b);
}

/* The example of the specification says 1679315147 in its text and in its line; its key is not published. */
static void test_example_of_the_specification(void **state)
{
	static const char note[] =
	    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" DASH
	    "example.com/behind-the-sofa "
	    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" DASH
	    "witness.example.com/w1 "
	    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
	struct ztj_note_key k = { .type = ZTJ_NOTE_COSIGNATURE,
		.name = "witness.example.com/w1",
		.id = { 0x8d, 0x66, 0xcf, 0x3f } };
	struct ztj_note n;
	struct ztj_buf raw;
	struct ztj_rd rd;
	uint64_t t;

	(void)state;
	ok(ztj_note_parse(ztj_view_str(note), &n));
	assert_int_equal(n.nsigs, 2);
	ztj_buf_init(&raw, 256);
	fails(ztj_note_sig(&n, 0, &k, &raw), ZTJ_NOT_FOUND);
	ok(ztj_note_sig(&n, 1, &k, &raw));
	assert_int_equal(raw.n, 8 + ZTJ_NOTE_RAW_LEN);
	ztj_rd_init(&rd, ztj_buf_view(&raw));
	ok(ztj_rd_u64(&rd, &t));
	assert_int_equal(t, 1679315147);
	ztj_buf_free(&raw);
}

/* --- keys --- */

static void test_verifier_keys(void **state)
{
	static const struct {
		const char *vkey;
		int err;
		enum ztj_note_type type;
	} t[] = {
		/* sigsum-go, pkg/checkpoint/verifier_test.go; go.sum's database; the example of signed-note */
		{ "example.org/key+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_OK,
		    ZTJ_NOTE_COSIGNATURE },
		{ "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", ZTJ_OK,
		    ZTJ_NOTE_ED25519 },
		{ "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", ZTJ_OK,
		    ZTJ_NOTE_ED25519 },
		{ "", ZTJ_BAD_NAME, 0 },
		{ "+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_NAME, 0 },
		{ "example.org", ZTJ_BAD_NAME, 0 },
		{ "example org+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_NAME, 0 },
		{ "example.org/key+57bfe58", ZTJ_BAD_ENCODING, 0 },
		{ "example.org/key+57bfe580", ZTJ_BAD_ENCODING, 0 },
		{ "example.org/key+57bfe580+", ZTJ_BAD_ENCODING, 0 },
		{ "example.org/key+57bfe581+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_ENCODING,
		    0 },
		{ "example.org/key+57BFE580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_ENCODING,
		    0 },
		{ "example.org/kez+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_ENCODING,
		    0 },
		{ "example.org/key+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", ZTJ_BAD_ENCODING,
		    0 },
		{ "example.org/key+57bfe580+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ", ZTJ_BAD_ENCODING,
		    0 },
		{ "example.org/key+57bfe580+BAFFLINGNESSAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ZTJ_BAD_ENCODING, 0 },
		{ "example.org/key+57bfe580+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNht", ZTJ_KEY_TYPE, 0 },
		{ "example.org/key+57bfe580+BgAAAAAA", ZTJ_KEY_TYPE, 0 },
	};
	struct ztj_note_key k;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 1024);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fails(ztj_note_vkey_parse(ztj_view_str(t[i].vkey), &k), t[i].err);
		if (t[i].err != ZTJ_OK) {
			assert_string_equal(k.name, "");
			continue;
		}
		assert_int_equal(k.type, t[i].type);
		ztj_buf_reset(&b);
		ok(ztj_note_vkey(&k, &b));
		assert_string_equal(ztj_buf_str(&b), t[i].vkey);
	}
	ztj_buf_free(&b);
}

/* --- notes that are spoilt --- */

struct rig {
	struct ztj_seckey log, sk[3];
	struct ztj_note_key k[3];
	struct ztj_buf text, note;
};

static void rig_open(struct rig *r)
{
	static const char *const names[] = { "w.example/a", "w.example/b", "w.example/c" };
	uint8_t seed[32] = { 99 };
	struct ztj_checkpoint c = { .size = 70000, .root = { 0xa5 } };
	struct ztj_note n;

	memset(r, 0, sizeof(*r));
	ok(ztj_seckey_from_seed(&r->log, seed));
	for (uint8_t i = 0; i < 3; i++)
		make_witness((uint8_t)(i + 1), names[i], &r->sk[i], &r->k[i]);
	ztj_buf_init(&r->text, 4096);
	ztj_buf_init(&r->note, 64 * 1024);
	ok(ztj_checkpoint_sign(&r->log, "example", &c, &r->note));
	ok(ztj_note_parse(ztj_buf_view(&r->note), &n));
	ok(ztj_buf_put(&r->text, n.text.p, n.text.n));
}

static void rig_close(struct rig *r)
{
	ztj_buf_free(&r->text);
	ztj_buf_free(&r->note);
}

static void cosign(struct rig *r, size_t who, int64_t time)
{
	ok(ztj_cosign_line(&r->k[who], &r->sk[who], ztj_buf_view(&r->text), time, &r->note));
}

/* A line under this witness' name and id with these 72 bytes (or fewer, or more). */
static void line_raw(struct rig *r, size_t who, const uint8_t *raw, size_t n)
{
	ok(ztj_note_sig_line(&r->k[who], ztj_view_of(raw, n), &r->note));
}

static int verify(struct rig *r, size_t who, int64_t *time)
{
	struct ztj_note n;

	ok(ztj_note_parse(ztj_buf_view(&r->note), &n));
	return ztj_cosign_verify(&n, &r->k[who], time);
}

/* The signature of this witness under a time of our choice. */
static void signed_with(struct rig *r, size_t who, uint64_t time, uint8_t raw[8 + ZTJ_NOTE_RAW_LEN])
{
	struct ztj_buf msg;

	ztj_buf_init(&msg, 4096);
	ok(ztj_buf_printf(&msg, "cosignature/v1\ntime %llu\n", (unsigned long long)time));
	ok(ztj_buf_put(&msg, r->text.p, r->text.n));
	for (int i = 0; i < 8; i++)
		raw[i] = (uint8_t)(time >> (56 - 8 * i));
	ok(ztj_note_raw_sign(&r->sk[who], ztj_buf_view(&msg), raw + 8));
	ztj_buf_free(&msg);
}

static void test_times(void **state)
{
	static const struct {
		uint64_t time;
		int err;
	} t[] = { { 1, ZTJ_OK }, { NOW, ZTJ_OK }, { INT64_MAX, ZTJ_OK }, { 0, ZTJ_BAD_SIGNATURE },
		{ (uint64_t)INT64_MAX + 1, ZTJ_BAD_SIGNATURE }, { UINT64_MAX, ZTJ_BAD_SIGNATURE } };
	uint8_t raw[8 + ZTJ_NOTE_RAW_LEN];
	int64_t time;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rig r;

		rig_open(&r);
		signed_with(&r, 0, t[i].time, raw);
		line_raw(&r, 0, raw, sizeof(raw));
		fails(verify(&r, 0, &time), t[i].err);
		assert_int_equal((uint64_t)time, t[i].err == ZTJ_OK ? t[i].time : 0);
		/* the time is part of what is signed */
		r.note.n = 0;
		ok(ztj_buf_printf(&r.note, "%s\n", ztj_buf_str(&r.text)));
		raw[7] ^= 1;
		line_raw(&r, 0, raw, sizeof(raw));
		fails(verify(&r, 0, &time), ZTJ_BAD_SIGNATURE);
		rig_close(&r);
	}
}

static void test_lengths_and_types(void **state)
{
	uint8_t raw[8 + ZTJ_NOTE_RAW_LEN + 1] = { 0 };
	struct ztj_note_key plain;
	struct ztj_note n;
	struct rig r;
	int64_t time;

	(void)state;
	for (size_t cut = 1; cut <= sizeof(raw); cut++) {
		rig_open(&r);
		signed_with(&r, 0, NOW, raw);
		line_raw(&r, 0, raw, cut);
		fails(verify(&r, 0, &time), cut == 72 ? ZTJ_OK : ZTJ_BAD_SIGNATURE);
		rig_close(&r);
	}
	/* the same key and name, but a plain signature over the text: another id, another key */
	rig_open(&r);
	ok(ztj_note_key_make(r.k[0].name, &r.sk[0].pub, &plain));
	ok(ztj_note_raw_sign(&r.sk[0], ztj_buf_view(&r.text), raw));
	ok(ztj_note_sig_line(&plain, ztj_view_of(raw, ZTJ_NOTE_RAW_LEN), &r.note));
	fails(verify(&r, 0, &time), ZTJ_NOT_FOUND);
	ok(ztj_note_parse(ztj_buf_view(&r.note), &n));
	fails(ztj_cosign_verify(&n, &plain, &time), ZTJ_KEY_TYPE);
	/* and a cosignature is no signature of the log */
	cosign(&r, 0, NOW);
	ok(ztj_note_parse(ztj_buf_view(&r.note), &n));
	fails(ztj_note_verify(&n, &r.k[0], 1, NULL), ZTJ_BAD_SIGNATURE);
	fails(ztj_cosign_line(&plain, &r.sk[0], ztj_buf_view(&r.text), NOW, &r.note), ZTJ_KEY_TYPE);
	fails(ztj_cosign_line(&r.k[0], &r.sk[1], ztj_buf_view(&r.text), NOW, &r.note), ZTJ_KEY_TYPE);
	fails(ztj_cosign_line(&r.k[0], &r.sk[0], ztj_buf_view(&r.text), 0, &r.note), ZTJ_LIMIT);
	rig_close(&r);
}

static void test_of_another_checkpoint_or_key(void **state)
{
	uint8_t raw[8 + ZTJ_NOTE_RAW_LEN];
	struct ztj_note_key other;
	struct rig r;
	int64_t time;

	(void)state;
	/* another size: the last digit of the text that is signed */
	rig_open(&r);
	char *digit = strstr(ztj_buf_str(&r.text), "70000");
	*digit = '8';
	cosign(&r, 0, NOW);
	fails(verify(&r, 0, &time), ZTJ_BAD_SIGNATURE);
	rig_close(&r);
	/* another root */
	rig_open(&r);
	r.text.p[r.text.n - 10] ^= 1;
	cosign(&r, 0, NOW);
	fails(verify(&r, 0, &time), ZTJ_BAD_SIGNATURE);
	rig_close(&r);
	/* another's signature under this one's name and id */
	rig_open(&r);
	signed_with(&r, 1, NOW, raw);
	line_raw(&r, 0, raw, sizeof(raw));
	fails(verify(&r, 0, &time), ZTJ_BAD_SIGNATURE);
	fails(verify(&r, 1, &time), ZTJ_NOT_FOUND);
	/* a wrong one spoils a good one */
	cosign(&r, 0, NOW);
	fails(verify(&r, 0, &time), ZTJ_BAD_SIGNATURE);
	rig_close(&r);
	/* the key under another name, and the name under another key, are somebody else */
	rig_open(&r);
	ok(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, "w.example/other", &r.sk[0].pub, &other));
	ok(ztj_cosign_line(&other, &r.sk[0], ztj_buf_view(&r.text), NOW, &r.note));
	ok(ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, r.k[0].name, &r.sk[1].pub, &other));
	ok(ztj_cosign_line(&other, &r.sk[1], ztj_buf_view(&r.text), NOW, &r.note));
	fails(verify(&r, 0, &time), ZTJ_NOT_FOUND);
	rig_close(&r);
}

static void test_A01_every_flip_of_a_line(void **state)
{
	struct ztj_note n;
	struct rig r;
	size_t line;
	int64_t time;

	(void)state;
	rig_open(&r);
	line = r.note.n;
	cosign(&r, 0, NOW);
	for (size_t i = 8 * line; i < 8 * r.note.n; i++) {
		r.note.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		if (ztj_note_parse(ztj_buf_view(&r.note), &n) == ZTJ_OK)
			assert_int_not_equal(ztj_cosign_verify(&n, &r.k[0], &time), ZTJ_OK);
		r.note.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	ok(verify(&r, 0, &time));
	rig_close(&r);
}

/* --- quorums --- */

static int judge(struct rig *r, unsigned need, int64_t max_age, struct ztj_cosigned *out)
{
	const struct ztj_witness by[3] = { { r->k[0], "" }, { r->k[1], "" }, { r->k[2], "" } };
	const struct ztj_quorum q = { 3, by, need, max_age };

	return ztj_cosign_judge_note(&q, ztj_buf_view(&r->note), NOW, out);
}

static void test_quorum(void **state)
{
	struct ztj_cosigned c;
	struct rig r;

	(void)state;
	rig_open(&r);
	ok(judge(&r, 0, 0, &c));
	fails(judge(&r, 1, 0, &c), ZTJ_NOT_COSIGNED);
	assert_int_equal(c.n, 0);
	cosign(&r, 1, NOW - 50);
	/* one witness twice is one witness; the newer time counts, wherever it stands */
	cosign(&r, 1, NOW - 10);
	cosign(&r, 1, NOW - 30);
	ok(judge(&r, 1, 10, &c));
	assert_int_equal(c.since, NOW - 10);
	fails(judge(&r, 2, 0, &c), ZTJ_NOT_COSIGNED);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.time[0], 0);
	assert_int_equal(c.time[1], NOW - 10);
	fails(judge(&r, 1, 9, &c), ZTJ_COSIGNED_LONG_AGO);
	/* a quorum is as old as the oldest that it takes */
	cosign(&r, 0, NOW - 100);
	ok(judge(&r, 2, 100, &c));
	assert_int_equal(c.since, NOW - 100);
	fails(judge(&r, 2, 99, &c), ZTJ_COSIGNED_LONG_AGO);
	ok(judge(&r, 1, 10, &c));
	cosign(&r, 2, NOW + 20);
	ok(judge(&r, 2, 10, &c));
	assert_int_equal(c.since, NOW - 10);
	ok(judge(&r, 3, 100, &c));
	assert_int_equal(c.n, 3);
	rig_close(&r);
}

static void test_clock_of_a_witness_runs_ahead(void **state)
{
	struct ztj_cosigned c;
	struct rig r;

	(void)state;
	rig_open(&r);
	cosign(&r, 0, NOW + ZTJ_COSIGN_SKEW);
	ok(judge(&r, 1, 60, &c));
	cosign(&r, 1, NOW + ZTJ_COSIGN_SKEW + 1);
	fails(judge(&r, 2, 0, &c), ZTJ_NOT_COSIGNED);
	assert_true(c.ahead[1]);
	assert_int_equal(c.n, 1);
	/* and it does not make the others look younger either */
	ok(judge(&r, 1, 60, &c));
	assert_int_equal(c.since, NOW + ZTJ_COSIGN_SKEW);
	cosign(&r, 2, INT64_MAX);
	ok(judge(&r, 1, 60, &c));
	fails(judge(&r, 2, 60, &c), ZTJ_NOT_COSIGNED);
	rig_close(&r);
}

static void test_quorum_of_a_spoilt_note(void **state)
{
	uint8_t raw[8 + ZTJ_NOTE_RAW_LEN];
	struct ztj_quorum many = { .n = ZTJ_WITNESSES_MAX + 1, .need = 1 };
	struct ztj_cosigned c;
	struct ztj_note n;
	struct rig r;

	(void)state;
	rig_open(&r);
	cosign(&r, 0, NOW);
	cosign(&r, 1, NOW);
	signed_with(&r, 1, NOW, raw);
	line_raw(&r, 2, raw, sizeof(raw));
	fails(judge(&r, 2, 0, &c), ZTJ_BAD_SIGNATURE);
	fails(ztj_cosign_judge_note(&many, ztj_view_str("x"), NOW, &c), ZTJ_BAD_ENCODING);
	ok(ztj_note_parse(ztj_buf_view(&r.note), &n));
	fails(ztj_cosign_judge(&many, &n, NOW, &c), ZTJ_LIMIT);
	rig_close(&r);
}

/* --- what a witness answers --- */

static int take(struct rig *r, struct ztj_view lines, int64_t *time, struct ztj_buf *out)
{
	ztj_buf_reset(out);
	return ztj_cosign_take(ztj_buf_view(&r->text), lines, &r->k[0], time, out);
}

static void test_take(void **state)
{
	struct ztj_buf lines, want, out;
	struct rig r;
	int64_t time;

	(void)state;
	rig_open(&r);
	ztj_buf_init(&lines, 64 * 1024);
	ztj_buf_init(&want, 4096);
	ztj_buf_init(&out, 4096);
	ok(ztj_cosign_line(&r.k[1], &r.sk[1], ztj_buf_view(&r.text), NOW, &lines));
	fails(take(&r, ztj_buf_view(&lines), &time, &out), ZTJ_NOT_FOUND);
	ok(ztj_cosign_line(&r.k[0], &r.sk[0], ztj_buf_view(&r.text), NOW - 1, &lines));
	ok(ztj_cosign_line(&r.k[0], &r.sk[0], ztj_buf_view(&r.text), NOW, &want));
	ok(ztj_buf_put(&lines, want.p, want.n));
	ok(take(&r, ztj_buf_view(&lines), &time, &out));
	assert_string_equal(ztj_buf_str(&out), ztj_buf_str(&want));
	assert_int_equal(time, NOW);
	/* neither a note within a note, nor anything that is no line */
	fails(take(&r, ztj_view_str(""), &time, &out), ZTJ_BAD_ENCODING);
	fails(take(&r, ztj_view_str("ok\n"), &time, &out), ZTJ_BAD_ENCODING);
	fails(take(&r, ztj_view_of(want.p, want.n - 1), &time, &out), ZTJ_BAD_ENCODING);
	ztj_buf_reset(&lines);
	ok(ztj_buf_printf(&lines, "more\n\n%s", ztj_buf_str(&want)));
	fails(take(&r, ztj_buf_view(&lines), &time, &out), ZTJ_BAD_ENCODING);
	ztj_buf_reset(&lines);
	for (int i = 0; i <= ZTJ_NOTE_SIGS_MAX; i++)
		ok(ztj_buf_put(&lines, want.p, want.n));
	fails(take(&r, ztj_buf_view(&lines), &time, &out), ZTJ_TOO_LARGE);
	assert_int_equal(out.n, 0);
	ztj_buf_free(&lines);
	ztj_buf_free(&want);
	ztj_buf_free(&out);
	rig_close(&r);
}

/* However long the names are, a checkpoint of ours with every cosignature fits into a status. */
static void test_bound(void **state)
{
	char name[ZTJ_NOTE_NAME_SIZE], domain[ZTJ_DOMAIN_SIZE];
	struct ztj_checkpoint c = { .size = ZTJ_LOG_MAX };
	struct ztj_seckey sk;
	struct ztj_note_key k;
	struct ztj_note n;
	struct ztj_buf b, text;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(domain, 'd', sizeof(domain) - 1);
	domain[sizeof(domain) - 1] = '\0';
	make_witness(1, name, &sk, &k);
	ztj_buf_init(&b, ZTJ_CHECKPOINT_MAX);
	ztj_buf_init(&text, ZTJ_CHECKPOINT_MAX);
	ok(ztj_checkpoint_sign(&sk, domain, &c, &b));
	ok(ztj_note_parse(ztj_buf_view(&b), &n));
	ok(ztj_buf_put(&text, n.text.p, n.text.n));
	for (int i = 0; i < ZTJ_WITNESSES_MAX; i++)
		ok(ztj_cosign_line(&k, &sk, ztj_buf_view(&text), INT64_MAX, &b));
	ztj_buf_free(&b);
	ztj_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_another_implementation_makes_them),
		cmocka_unit_test(test_example_of_the_specification),
		cmocka_unit_test(test_verifier_keys),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_lengths_and_types),
		cmocka_unit_test(test_of_another_checkpoint_or_key),
		cmocka_unit_test(test_A01_every_flip_of_a_line),
		cmocka_unit_test(test_quorum),
		cmocka_unit_test(test_clock_of_a_witness_runs_ahead),
		cmocka_unit_test(test_quorum_of_a_spoilt_note),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
