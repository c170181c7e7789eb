/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bodies of chunks: packed, sealed, opened again, and what hostile ones may not do. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/pem.h>
#include <zstd.h>

#include "libztjit/core/reccert.h"
#include "libztjit/record/record.h"
#include "tests/core/support.h"

static const char line[] = "[0.000001, \"o\", \"what the terminal said\"]\n";

/* ---- what openssl made for us ---- */

static const struct {
	const char *name, *newkey;
} kinds[] = { { "rsa", "rsa:2048" }, { "rsa3", "rsa:3072" }, { "ec", "ec -pkeyopt ec_paramgen_curve:P-256" },
	{ "ec521", "ec -pkeyopt ec_paramgen_curve:P-521" }, { "small", "rsa:1024" }, { "ed", "ed25519" },
	{ "p192", "ec -pkeyopt ec_paramgen_curve:prime192v1" } };

static int make_certs(void **state)
{
	int r = enter_scratch(state);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		must("openssl req -x509 -newkey %s -nodes -days 3650 -subj '/O=example/CN=auditor %s' "
		     "-keyout %s.key -out %s.pem",
		    kinds[i].newkey, kinds[i].name, kinds[i].name, kinds[i].name);
		must("openssl x509 -in %s.pem -outform DER -out %s.der", kinds[i].name, kinds[i].name);
	}
	must("openssl pkey -in rsa.key -aes256 -passout pass:secret -out locked.key");
	return r;
}

static void slurp(const char *name, const char *suffix, struct ztj_buf *b)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s%s", name, suffix);
	ztj_buf_init(b, 1 << 20);
	read_file(path, b);
}

static struct ztj_sealto *seal_to(const char *a, const char *b)
{
	struct ztj_buf der[2];
	struct ztj_view v[2];
	struct ztj_sealto *to;
	size_t which;

	slurp(a, ".der", &der[0]);
	slurp(b == NULL ? a : b, ".der", &der[1]);
	v[0] = ztj_buf_view(&der[0]);
	v[1] = ztj_buf_view(&der[1]);
	ok(ztj_sealto_new(v, b == NULL ? 1 : 2, &to, &which));
	ztj_buf_free(&der[0]);
	ztj_buf_free(&der[1]);
	return to;
}

static int opener(const char *cert, const char *key, struct ztj_opener **o)
{
	struct ztj_buf c, k;
	int r;

	ztj_buf_init(&c, 1 << 20);
	ztj_buf_init(&k, 1 << 20);
	if (cert != NULL)
		slurp(cert, ".pem", &c);
	if (key != NULL)
		slurp(key, ".key", &k);
	r = ztj_opener_new(ztj_buf_view(&c), ztj_buf_view(&k), o);
	assert_true((*o == NULL) == (r != ZTJ_OK));
	ztj_buf_free(&c);
	ztj_buf_free(&k);
	return r;
}

/* ---- packing ---- */

/* Text of n bytes: whole lines. */
static void text_of(size_t n, struct ztj_buf *b)
{
	ztj_buf_init(b, 2 * ZTJ_CHUNK_TEXT_MAX);
	while (b->n < n)
		ok(ztj_buf_put(b, line, sizeof(line) - 1));
	b->n = n;
	if (n > 0)
		b->p[n - 1] = '\n';
}

static void pack_one(const struct ztj_sealto *to, struct ztj_view text, struct ztj_buf *out)
{
	struct ztj_chain chain = { 0 };
	struct ztj_packer *p;

	ok(ztj_packer_new(&p));
	ok(ztj_pack(p, to, &chain, text, 0, 1, false, out));
	ztj_packer_free(p);
}

static void test_a_record_of_many_chunks(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 70000, ZTJ_CHUNK_TEXT_MAX, 3 };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	struct ztj_chain made = { 0 }, seen = { 0 };
	struct ztj_packer *p;
	struct ztj_opener *o;
	struct ztj_buf record, text, back;
	struct ztj_view left;

	(void)state;
	ok(ztj_packer_new(&p));
	ok(opener(NULL, NULL, &o));
	ztj_buf_init(&record, 4 << 20);
	ztj_buf_init(&back, 4 << 20);
	for (size_t i = 0; i < n; i++) {
		text_of(sizes[i], &text);
		ok(ztj_pack(p, NULL, &made, ztj_buf_view(&text), 7 * i, 5, i == n - 1, &record));
		ztj_buf_free(&text);
	}
	left = ztj_buf_view(&record);
	for (size_t i = 0; i < n; i++) {
		struct ztj_chunk c;

		ok(ztj_chunk_read(left, &c));
		ok(ztj_chain_add(&seen, &c));
		assert_int_equal(c.flags, i == n - 1 ? ZTJ_CHUNK_LAST : 0);
		assert_int_equal(c.text, sizes[i]);
		ztj_buf_reset(&back);
		ok(ztj_unpack(o, &c, &back));
		text_of(sizes[i], &text);
		assert_true(ztj_view_eq(ztj_buf_view(&back), ztj_buf_view(&text)));
		ztj_buf_free(&text);
		left = ztj_view_of(left.p + c.size, left.n - c.size);
	}
	assert_int_equal(left.n, 0);
	assert_true(made.last && seen.last && made.bytes == record.n && seen.chunks == n);
	assert_memory_equal(made.digest, seen.digest, ZTJ_DIGEST_LEN);
	fails(ztj_pack(p, NULL, &made, ztj_view_str(line), 50, 1, false, &record), ZTJ_TRAILING);
	assert_int_equal(made.bytes, record.n); /* nothing half-written stays */
	ztj_packer_free(p);
	ztj_opener_free(o);
	ztj_buf_free(&record);
	ztj_buf_free(&back);
}

static void test_what_is_not_packed(void **state)
{
	struct ztj_chain chain = { 0 }, none = { 0 };
	struct ztj_packer *p;
	struct ztj_buf out, text;

	(void)state;
	ok(ztj_packer_new(&p));
	ztj_buf_init(&out, 4 << 20);
	text_of(ZTJ_CHUNK_TEXT_MAX + 1, &text);
	fails(ztj_pack(p, NULL, &chain, ztj_buf_view(&text), 0, 1, false, &out), ZTJ_TOO_LARGE);
	fails(ztj_pack(p, NULL, &chain, ztj_view_str("half a line"), 0, 1, false, &out), ZTJ_BAD_ENCODING);
	ztj_buf_free(&out);
	ztj_buf_init(&out, 30);
	fails(ztj_pack(p, NULL, &chain, ztj_view_str(line), 0, 1, false, &out), ZTJ_TOO_LARGE);
	assert_memory_equal(&chain, &none, sizeof(chain));
	ztj_buf_free(&out);
	ztj_buf_free(&text);
	ztj_packer_free(p);
}

/* ---- sealing ---- */

static void test_sealed_to_every_auditor_and_nobody_else(void **state)
{
	static const struct {
		const char *cert, *key;
		int want;
	} readers[] = { { "rsa", "rsa", ZTJ_OK }, { "ec", "ec", ZTJ_OK }, { NULL, "rsa", ZTJ_OK },
		{ NULL, "ec", ZTJ_OK }, { "rsa3", "rsa3", ZTJ_WRONG_KEY },
		{ "ec521", "ec521", ZTJ_WRONG_KEY }, { NULL, NULL, ZTJ_ENCRYPTED_KEY } };
	struct ztj_sealto *to = seal_to("rsa", "ec");
	struct ztj_buf chunk, back;
	struct ztj_chunk c;

	(void)state;
	ztj_buf_init(&chunk, 1 << 20);
	ztj_buf_init(&back, 1 << 20);
	pack_one(to, ztj_view_str(line), &chunk);
	ok(ztj_chunk_read(ztj_buf_view(&chunk), &c));
	assert_int_equal(c.flags, ZTJ_CHUNK_SEALED);
	assert_null(memmem(chunk.p, chunk.n, "terminal", 8));
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		struct ztj_opener *o;
		int r;

		ok(opener(readers[i].cert, readers[i].key, &o));
		ztj_buf_reset(&back);
		r = ztj_unpack(o, &c, &back);
		fails(r, readers[i].want);
		if (r == ZTJ_OK)
			assert_true(ztj_view_eq_str(ztj_buf_view(&back), line));
		else
			assert_int_equal(back.n, 0);
		ztj_opener_free(o);
	}
	ztj_sealto_free(to);
	ztj_buf_free(&chunk);
	ztj_buf_free(&back);
}

static void test_interop_openssl_opens_ours(void **state)
{
	static const char *const who[] = { "rsa", "rsa3", "ec", "ec521" };

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct ztj_sealto *to = seal_to(who[i], NULL);
		struct ztj_buf chunk, frame, back;
		struct ztj_chunk c;

		ztj_buf_init(&chunk, 1 << 20);
		pack_one(to, ztj_view_str(line), &chunk);
		ok(ztj_chunk_read(ztj_buf_view(&chunk), &c));
		write_file("body.cms", c.body);
		must("openssl cms -decrypt -binary -inform DER -in body.cms -recip %s.pem -inkey %s.key "
		     "-out body.zst",
		    who[i], who[i]);
		slurp("body.zst", "", &frame);
		ztj_buf_init(&back, 4096);
		ok(ztj_buf_put(&back, (const char[4096]){ 0 }, 4096));
		assert_int_equal(ZSTD_decompress(back.p, back.n, frame.p, frame.n), sizeof(line) - 1);
		assert_memory_equal(back.p, line, sizeof(line) - 1);
		ztj_sealto_free(to);
		ztj_buf_free(&chunk);
		ztj_buf_free(&frame);
		ztj_buf_free(&back);
	}
}

/* A chunk around a body made elsewhere. */
static struct ztj_chunk around(struct ztj_view body, uint8_t flags, size_t text)
{
	struct ztj_chunk c = { .flags = flags, .text = (uint32_t)text, .body = body };

	return c;
}

static void test_interop_we_open_openssls(void **state)
{
	static const char *const who[] = { "rsa", "ec" };
	uint8_t frame[256];
	size_t n = ZSTD_compress(frame, sizeof(frame), line, sizeof(line) - 1, 3);

	(void)state;
	write_file("in.zst", ztj_view_of(frame, n));
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct ztj_opener *o;
		struct ztj_buf body, back;
		struct ztj_chunk c;

		must(
		    "openssl cms -encrypt -binary -aes-256-cbc -outform DER -in in.zst -out in.cms %s.pem rsa3.pem",
		    who[i]);
		slurp("in.cms", "", &body);
		ok(opener(who[i], who[i], &o));
		ztj_buf_init(&back, 4096);
		c = around(ztj_buf_view(&body), ZTJ_CHUNK_SEALED, sizeof(line) - 1);
		ok(ztj_unpack(o, &c, &back));
		assert_true(ztj_view_eq_str(ztj_buf_view(&back), line));
		ztj_opener_free(o);
		ztj_buf_free(&body);
		ztj_buf_free(&back);
	}
}

static void test_certificates_that_are_refused(void **state)
{
	static const struct {
		const char *name;
		int want;
	} cases[] = { { "rsa", ZTJ_OK }, { "rsa3", ZTJ_OK }, { "ec", ZTJ_OK }, { "ec521", ZTJ_OK },
		{ "small", ZTJ_KEY_TYPE }, { "ed", ZTJ_KEY_TYPE }, { "p192", ZTJ_KEY_TYPE } };
	struct ztj_sealto *to;
	struct ztj_buf der, bad, text;
	struct ztj_view v[3];
	size_t which;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		slurp(cases[i].name, ".der", &der);
		fails(ztj_reccert_check(ztj_buf_view(&der)), cases[i].want);
		ztj_buf_free(&der);
	}
	slurp("rsa", ".der", &der);
	slurp("small", ".der", &bad);
	v[0] = v[1] = ztj_buf_view(&der);
	v[2] = ztj_buf_view(&bad);
	fails(ztj_sealto_new(v, 3, &to, &which), ZTJ_BAD_ENCODING);
	assert_null(to);
	assert_int_equal(which, 2);
	fails(ztj_sealto_new(v, 0, &to, &which), ZTJ_LIMIT);
	fails(ztj_sealto_new(v, ZTJ_RECCERT_MAX + 1, &to, &which), ZTJ_LIMIT);
	for (size_t n = 0; n < der.n; n++)
		fails(ztj_reccert_check(ztj_view_of(der.p, n)), ZTJ_BAD_ENCODING);
	ztj_buf_init(&text, 4096);
	ok(ztj_reccert_subject(ztj_buf_view(&der), &text));
	assert_string_equal(ztj_buf_str(&text), "CN=auditor rsa,O=example");
	ok(ztj_buf_put_u8(&der, 0));
	fails(ztj_reccert_check(ztj_buf_view(&der)), ZTJ_BAD_ENCODING);
	ztj_buf_free(&der);
	ztj_buf_free(&bad);
	ztj_buf_free(&text);
}

static void test_L02_subject_of_escapes(void **state)
{
	struct ztj_buf der, text;

	(void)state;
	must("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -utf8 -subj "
	     "\"/CN=$(printf 'a\\033]0;x\\007\\302\\233b \\303\\251')\" -keyout e.key -out e.pem");
	must("openssl x509 -in e.pem -outform DER -out e.der");
	slurp("e", ".der", &der);
	ztj_buf_init(&text, 4096);
	ok(ztj_reccert_subject(ztj_buf_view(&der), &text));
	for (size_t i = 0; i < text.n; i++)
		assert_true(text.p[i] >= 0x20 && text.p[i] != 0x7f);
	assert_null(memmem(text.p, text.n, "\xc2\x9b", 2));
	ztj_buf_free(&der);
	ztj_buf_free(&text);
}

static void test_keys_that_do_not_fit(void **state)
{
	struct ztj_opener *o;

	(void)state;
	fails(opener("rsa", "ec", &o), ZTJ_BAD_KEY);
	fails(opener("rsa", NULL, &o), ZTJ_BAD_KEY);
	fails(opener(NULL, "locked", &o), ZTJ_ENCRYPTED_KEY);
	write_file("rubbish.key",
	    ztj_view_str("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
	fails(opener(NULL, "rubbish", &o), ZTJ_BAD_KEY);
}

/* ---- bodies that lie ---- */

static int unpack_body(struct ztj_view body, size_t text)
{
	struct ztj_chunk c = around(body, 0, text);
	struct ztj_opener *o;
	struct ztj_buf out;
	int r;

	ok(opener(NULL, NULL, &o));
	ztj_buf_init(&out, 2 << 20);
	r = ztj_unpack(o, &c, &out);
	assert_int_equal(out.n, r == ZTJ_OK ? text : 0);
	ztj_buf_free(&out);
	ztj_opener_free(o);
	return r;
}

/* A frame that grows to n zeros, saying so or not. */
static void bomb(size_t n, bool says, struct ztj_buf *out)
{
	static const uint8_t zeros[65536];
	static uint8_t room[1 << 20];
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_outBuffer o = { room, sizeof(room), 0 };

	ztj_buf_init(out, 1 << 20);
	assert_non_null(c);
	if (says)
		assert_false(ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(c, n)));
	for (size_t left = n; left > 0;) {
		ZSTD_inBuffer i = { zeros, left < sizeof(zeros) ? left : sizeof(zeros), 0 };

		left -= i.size;
		assert_false(ZSTD_isError(ZSTD_compressStream2(c, &o, &i, ZSTD_e_continue)));
	}
	assert_int_equal(ZSTD_compressStream2(c, &o, &(ZSTD_inBuffer){ zeros, 0, 0 }, ZSTD_e_end), 0);
	ok(ztj_buf_put(out, room, o.pos));
	ZSTD_freeCCtx(c);
}

static void test_R06_zip_bomb_is_refused_in_bounded_memory(void **state)
{
	const size_t huge = (size_t)1 << 30;
	struct rusage before, after;
	struct ztj_buf b;

	(void)state;
	for (int says = 0; says < 2; says++) {
		bomb(huge, says == 1, &b);
		assert_in_range(b.n, 1, ZTJ_CHUNK_BODY_MAX);
		assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
		fails(unpack_body(ztj_buf_view(&b), 100), ZTJ_TOO_LARGE);
		fails(unpack_body(ztj_buf_view(&b), ZTJ_CHUNK_TEXT_MAX), ZTJ_TOO_LARGE);
		fails(unpack_body(ztj_buf_view(&b), ZTJ_CHUNK_TEXT_MAX + 1), ZTJ_TOO_LARGE);
		assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
		assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 16 * 1024);
		ztj_buf_free(&b);
	}
	bomb(5000, false, &b); /* a frame need not say its length, but must have the chunk's */
	ok(unpack_body(ztj_buf_view(&b), 5000));
	fails(unpack_body(ztj_buf_view(&b), 4999), ZTJ_TOO_LARGE);
	fails(unpack_body(ztj_buf_view(&b), 5001), ZTJ_BAD_ENCODING);
	ztj_buf_free(&b);
}

static void test_one_frame_and_nothing_else(void **state)
{
	static const uint8_t skip[] = { 0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'h', 'i' };
	uint8_t one[256], two[512];
	size_t n = ZSTD_compress(one, sizeof(one), line, sizeof(line) - 1, 1);

	(void)state;
	ok(unpack_body(ztj_view_of(one, n), sizeof(line) - 1));
	memcpy(two, one, n);
	memcpy(two + n, one, n);
	fails(unpack_body(ztj_view_of(two, 2 * n), sizeof(line) - 1), ZTJ_BAD_ENCODING);
	fails(unpack_body(ztj_view_of(two, 2 * n), 2 * (sizeof(line) - 1)), ZTJ_BAD_ENCODING);
	memcpy(two + n, skip, sizeof(skip));
	fails(unpack_body(ztj_view_of(two, n + sizeof(skip)), sizeof(line) - 1), ZTJ_BAD_ENCODING);
	fails(unpack_body(ztj_view_of(skip, sizeof(skip)), 0), ZTJ_BAD_ENCODING);
	fails(unpack_body(ztj_view_of(NULL, 0), 0), ZTJ_BAD_ENCODING);
	fails(unpack_body(ztj_view_of(one, n), sizeof(line)), ZTJ_BAD_ENCODING);
	fails(unpack_body(ztj_view_of(one, n), 0), ZTJ_TOO_LARGE);
}

static void test_truncated_and_flipped(void **state)
{
	static const char *const who[] = { NULL, "rsa", "ec" };

	(void)state;
	for (size_t k = 0; k < sizeof(who) / sizeof(who[0]); k++) {
		struct ztj_sealto *to = who[k] == NULL ? NULL : seal_to(who[k], NULL);
		struct ztj_opener *o;
		struct ztj_buf chunk, back;
		struct ztj_chunk c, part;
		uint8_t *body;

		ok(opener(who[k], who[k], &o));
		ztj_buf_init(&chunk, 1 << 20);
		ztj_buf_init(&back, 1 << 20);
		pack_one(to, ztj_view_str(line), &chunk);
		ok(ztj_chunk_read(ztj_buf_view(&chunk), &c));
		for (size_t n = 0; n < c.body.n; n++) {
			body = test_malloc(n + 1);
			memcpy(body, c.body.p, n);
			part = c;
			part.body = ztj_view_of(body, n);
			assert_int_not_equal(ztj_unpack(o, &part, &back), ZTJ_OK);
			test_free(body);
		}
		body = chunk.p + (c.body.p - chunk.p);
		for (size_t i = 0; i < 8 * c.body.n; i++) {
			body[i / 8] ^= (uint8_t)(1u << i % 8);
			ztj_buf_reset(&back);
			/* not all of DER is bound by what it seals; what opens is the text */
			if (ztj_unpack(o, &c, &back) == ZTJ_OK)
				assert_true(ztj_view_eq_str(ztj_buf_view(&back), line));
			body[i / 8] ^= (uint8_t)(1u << i % 8);
		}
		ztj_sealto_free(to);
		ztj_opener_free(o);
		ztj_buf_free(&chunk);
		ztj_buf_free(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_of_many_chunks),
		cmocka_unit_test(test_what_is_not_packed),
		cmocka_unit_test(test_sealed_to_every_auditor_and_nobody_else),
		cmocka_unit_test(test_interop_openssl_opens_ours),
		cmocka_unit_test(test_interop_we_open_openssls),
		cmocka_unit_test(test_certificates_that_are_refused),
		cmocka_unit_test(test_L02_subject_of_escapes),
		cmocka_unit_test(test_keys_that_do_not_fit),
		cmocka_unit_test(test_R06_zip_bomb_is_refused_in_bounded_memory),
		cmocka_unit_test(test_one_frame_and_nothing_else),
		cmocka_unit_test(test_truncated_and_flipped),
	};

	return cmocka_run_group_tests(tests, make_certs, leave_scratch);
}
