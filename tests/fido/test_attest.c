/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Attestations: what they prove, what they do not, and the encoding they travel in.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/fido/support.h"

#define IN_2026 1790000000

static int verify(const struct ztj_enrolled *e, struct ztj_attest_info *info)
{
	return ztj_attest_verify(&e->attestation, challenge(), &e->keyfile.pub, info);
}

static void test_basic_names_the_model(void **state)
{
	static const enum ztj_key_type types[] = { ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA };
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_attest_info info;
	char text[ZTJ_AAGUID_TEXT_SIZE];

	hand("create one aaguid=d8522d9f575b486688a9ba99fa02f35b");
	for (size_t i = 0; i < 2; i++) {
		enrol(p, types[i], false, &e);
		ok(verify(&e, &info));
		assert_int_equal(info.kind, ZTJ_ATTEST_CERT);
		assert_false(info.user_verified);
		ztj_aaguid_text(info.aaguid, text);
		assert_string_equal(text, "d8522d9f-575b-4866-88a9-ba99fa02f35b");
	}
}

static void test_user_verification_is_attested(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_attest_info info;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e); /* with credProtect among the signed data */
	ok(verify(&e, &info));
	assert_int_equal(info.kind, ZTJ_ATTEST_CERT);
	assert_true(info.user_verified);
}

static void test_self_and_none_name_nobody(void **state)
{
	static const uint8_t zeros[ZTJ_AAGUID_LEN];
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_attest_info info;

	hand("create one attest=self");
	for (int i = 0; i < 2; i++) {
		enrol(p, i == 0 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_SK_ECDSA, false, &e);
		ok(verify(&e, &info));
		assert_int_equal(info.kind, ZTJ_ATTEST_SELF);
		assert_memory_equal(info.aaguid, zeros, sizeof(zeros));
		fails(ztj_attest_check_roots(&e.attestation, NULL, 0, IN_2026), ZTJ_ATTESTATION);
	}
	hand("set one attest=none");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	ok(verify(&e, &info));
	assert_int_equal(info.kind, ZTJ_ATTEST_NONE);
}

static void test_other_challenge_key_application(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e, other;
	struct ztj_attest_info info;
	struct ztj_key key;

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ED25519, false, &e);
	enrol(p, ZTJ_KEY_SK_ED25519, false, &other);
	fails(ztj_attest_verify(&e.attestation, ztj_view_str("another name"), &e.keyfile.pub, &info),
	    ZTJ_ATTESTATION);
	fails(ztj_attest_verify(&e.attestation, ztj_view_str(""), &e.keyfile.pub, &info), ZTJ_ATTESTATION);
	fails(ztj_attest_verify(&e.attestation, challenge(), &other.keyfile.pub, &info), ZTJ_ATTESTATION);
	key = e.keyfile.pub;
	memcpy(key.application, "ssh:other", sizeof("ssh:other"));
	fails(ztj_attest_verify(&e.attestation, challenge(), &key, &info), ZTJ_ATTESTATION);
	key = e.keyfile.pub;
	key.type = ZTJ_KEY_ED25519;
	fails(ztj_attest_verify(&e.attestation, challenge(), &key, &info), ZTJ_ATTESTATION);
	assert_int_equal(info.kind, ZTJ_ATTEST_NONE);
}

static void test_spoilt_parts(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e, bad;
	struct ztj_attest_info info;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	for (size_t i = 0; i < e.attestation.authdata_len; i++) {
		bad = e;
		bad.attestation.authdata[i] ^= 1;
		fails(verify(&bad, &info), ZTJ_ATTESTATION);
	}
	bad = e;
	bad.attestation.sig[bad.attestation.sig_len - 1] ^= 1;
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
	bad = e;
	bad.attestation.cert_len = 0; /* a maker's signature passed off as the key's own */
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
	bad = e;
	bad.attestation.sig_len = 0; /* a certificate without a signature is not "none" */
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
	bad = e;
	bad.attestation.authdata_len = 0;
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
}

/* What a general CBOR reader would believe: four thousand million pairs, so much memory. */
static void test_promises_of_size(void **state)
{
	static const uint8_t huge[] = { 0xba, 0xff, 0xff, 0xff, 0xff };
	struct person *p = *state;
	struct ztj_enrolled e, bad;
	struct ztj_attest_info info;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_SK_ED25519, true, &e);
	for (size_t i = 0; i + sizeof(huge) <= e.attestation.authdata_len; i++) {
		bad = e;
		memcpy(bad.attestation.authdata + i, huge, sizeof(huge));
		fails(verify(&bad, &info), ZTJ_ATTESTATION);
	}
	bad = e;
	bad.attestation.authdata[bad.attestation.authdata_len++] = 0; /* after the byte string */
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
	bad = e;
	bad.attestation.authdata[1]++; /* inside it */
	bad.attestation.authdata[bad.attestation.authdata_len++] = 0;
	fails(verify(&bad, &info), ZTJ_ATTESTATION);
}

/* A self attestation under somebody's certificate, or another certificate of the same maker. */
static void test_borrowed_certificate(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled self, basic;
	struct ztj_attest_info info;

	hand("create one");
	enrol(p, ZTJ_KEY_SK_ECDSA, false, &basic);
	hand("set one attest=self");
	enrol(p, ZTJ_KEY_SK_ECDSA, false, &self);
	memcpy(self.attestation.cert, basic.attestation.cert, basic.attestation.cert_len);
	self.attestation.cert_len = basic.attestation.cert_len;
	fails(verify(&self, &info), ZTJ_ATTESTATION);
}

/* The certificate was made for one model; the key then says that it is another. */
static void test_certificate_of_another_model(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, false };
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	hand("set one aaguid=00000000000000000000000000000001");
	fails(ztj_fido_enrol(&p->fido, &ask, &e), ZTJ_ATTESTATION);
	hand("set one attest=self"); /* without a certificate nobody is misled */
	ok(ztj_fido_enrol(&p->fido, &ask, &e));
}

static void read_root(const struct person *p, struct ztj_buf *der)
{
	char path[128];
	unsigned char *out = NULL;
	X509 *cert;
	FILE *f;
	int n;

	(void)snprintf(path, sizeof(path), "%s/attestation-root.pem", p->dir);
	assert_non_null(f = fopen(path, "re"));
	assert_non_null(cert = PEM_read_X509(f, NULL, NULL, NULL));
	(void)fclose(f);
	assert_true((n = i2d_X509(cert, &out)) > 0);
	ok(ztj_buf_put(der, out, (size_t)n));
	OPENSSL_free(out);
	X509_free(cert);
}

static void read_whole(const struct person *p, const char *name, struct ztj_buf *out)
{
	char path[128], chunk[1024];
	size_t n;
	FILE *f;

	ztj_buf_reset(out);
	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_non_null(f = fopen(path, "re"));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		ok(ztj_buf_put(out, chunk, n));
	(void)fclose(f);
}

static void test_roots(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_buf der;
	struct ztj_view roots[2];

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	ztj_buf_init(&der, 4096);
	read_root(p, &der);
	roots[0] = ztj_buf_view(&der);
	ok(ztj_attest_check_roots(&e.attestation, roots, 1, IN_2026));
	roots[1] = ztj_view_of(e.attestation.cert, e.attestation.cert_len); /* listed itself */
	ok(ztj_attest_check_roots(&e.attestation, roots + 1, 1, IN_2026));
	ok(ztj_attest_check_roots(&e.attestation, roots, 2, IN_2026));
	fails(ztj_attest_check_roots(&e.attestation, roots, 1, 0), ZTJ_ATTESTATION); /* 1970 */
	fails(ztj_attest_check_roots(&e.attestation, NULL, 0, IN_2026), ZTJ_ATTESTATION);
	roots[0].n--;
	fails(ztj_attest_check_roots(&e.attestation, roots, 1, IN_2026), ZTJ_CONFIG);
	ztj_buf_free(&der);
}

static void test_another_makers_root(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_buf der, own;
	struct ztj_view root, both[2];

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	ztj_buf_init(&own, 4096);
	read_root(p, &own);
	assert_int_equal(shell("rm %s/attestation-root.pem", p->dir), 0);
	hand("create two"); /* makes a root of the same name with another key */
	ztj_buf_init(&der, 4096);
	read_root(p, &der);
	root = ztj_buf_view(&der);
	fails(ztj_attest_check_roots(&e.attestation, &root, 1, IN_2026), ZTJ_ATTESTATION);
	/* nor does it hide the right one */
	for (size_t i = 0; i < 2; i++) {
		both[i] = root;
		both[1 - i] = ztj_buf_view(&own);
		ok(ztj_attest_check_roots(&e.attestation, both, 2, IN_2026));
	}
	ztj_buf_free(&own);
	ztj_buf_free(&der);
}

/* ssh-keygen makes the key and keeps the attestation; stock tools and ours read the same. */
static void test_written_by_ssh_keygen(void **state)
{
	static const char *const types[] = { "ed25519-sk", "ecdsa-sk" };
	struct person *p = *state;
	struct ztj_attestation a;
	struct ztj_attest_info info;
	struct ztj_key key;
	struct ztj_buf blob, line;

	hand("create one");
	use_middleware(p);
	ztj_buf_init(&blob, ZTJ_ATTEST_MAX);
	ztj_buf_init(&line, ZTJ_KEY_TEXT_SIZE);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    shell("cd %s && printf 'domain, name and nonce' >challenge && rm -f k k.pub a && "
			  "ssh-keygen -q -N '' -t %s -w ./middleware.so -O application=ssh:x "
			  "-O challenge=challenge -O write-attestation=a -f k </dev/null >/dev/null",
			p->dir, types[i]),
		    0);
		read_whole(p, "a", &blob);
		read_whole(p, "k.pub", &line);
		ok(ztj_key_from_line(&key, ztj_buf_view(&line)));
		ok(ztj_attest_parse(&a, ztj_buf_view(&blob)));
		ok(ztj_attest_verify(&a, challenge(), &key, &info));
		assert_int_equal(info.kind, ZTJ_ATTEST_CERT);
	}
	ztj_buf_free(&blob);
	ztj_buf_free(&line);
}

/* --- encoding --- */

static void encode(void **state, struct ztj_enrolled *e, struct ztj_buf *blob)
{
	hand("create one");
	enrol(*state, ZTJ_KEY_NONE, false, e);
	ztj_buf_init(blob, ZTJ_ATTEST_MAX);
	ok(ztj_attest_format(&e->attestation, blob));
}

static void test_there_and_back(void **state)
{
	struct ztj_enrolled e;
	struct ztj_attestation a;
	struct ztj_attest_info info;
	struct ztj_buf blob;

	encode(state, &e, &blob);
	ok(ztj_attest_parse(&a, ztj_buf_view(&blob)));
	assert_memory_equal(&a, &e.attestation, sizeof(a));
	ok(ztj_attest_verify(&a, challenge(), &e.keyfile.pub, &info));
	ztj_buf_free(&blob);
}

static void test_truncated_at_every_length(void **state)
{
	static const struct ztj_attestation empty;
	struct ztj_enrolled e;
	struct ztj_attestation a;
	struct ztj_buf blob;

	encode(state, &e, &blob);
	for (size_t n = 0; n < blob.n; n++) {
		assert_int_not_equal(ztj_attest_parse(&a, ztj_view_of(blob.p, n)), ZTJ_OK);
		assert_memory_equal(&a, &empty, sizeof(a));
	}
	ok(ztj_buf_put_u8(&blob, 0));
	fails(ztj_attest_parse(&a, ztj_buf_view(&blob)), ZTJ_TRAILING);
	ztj_buf_free(&blob);
}

static void test_flipped_bits_never_verify(void **state)
{
	struct ztj_enrolled e;
	struct ztj_attestation a;
	struct ztj_attest_info info;
	struct ztj_buf blob;

	encode(state, &e, &blob);
	for (size_t i = 0; i < blob.n; i++) {
		blob.p[i] ^= 0x10;
		/* a certificate's own name or signature is judged by its chain alone */
		if (ztj_attest_parse(&a, ztj_buf_view(&blob)) == ZTJ_OK &&
		    memcmp(a.cert, e.attestation.cert, sizeof(a.cert)) == 0)
			fails(ztj_attest_verify(&a, challenge(), &e.keyfile.pub, &info), ZTJ_ATTESTATION);
		blob.p[i] ^= 0x10;
	}
	ztj_buf_free(&blob);
}

static void test_reserved_and_oversized(void **state)
{
	static uint8_t big[4097];
	struct ztj_attestation a;
	struct ztj_buf blob;

	(void)state;
	ztj_buf_init(&blob, ZTJ_ATTEST_MAX);
	(void)ztj_buf_put_cstring(&blob, "ssh-sk-attest-v01");
	for (int i = 0; i < 3; i++)
		(void)ztj_buf_put_string(&blob, "", 0);
	(void)ztj_buf_put_u32(&blob, 1);
	(void)ztj_buf_put_string(&blob, "", 0);
	fails(ztj_attest_parse(&a, ztj_buf_view(&blob)), ZTJ_VERSION);
	ztj_buf_reset(&blob);
	(void)ztj_buf_put_cstring(&blob, "ssh-sk-attest-v00");
	assert_int_not_equal(ztj_attest_parse(&a, ztj_buf_view(&blob)), ZTJ_OK);
	ztj_buf_reset(&blob);
	(void)ztj_buf_put_cstring(&blob, "ssh-sk-attest-v01");
	(void)ztj_buf_put_string(&blob, big, sizeof(big));
	fails(ztj_attest_parse(&a, ztj_buf_view(&blob)), ZTJ_TOO_LARGE);
	ztj_buf_free(&blob);
}

#define T(f) cmocka_unit_test_setup_teardown(f, person_new, person_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_basic_names_the_model),
		T(test_user_verification_is_attested),
		T(test_self_and_none_name_nobody),
		T(test_other_challenge_key_application),
		T(test_spoilt_parts),
		T(test_promises_of_size),
		T(test_borrowed_certificate),
		T(test_certificate_of_another_model),
		T(test_roots),
		T(test_another_makers_root),
		T(test_written_by_ssh_keygen),
		T(test_there_and_back),
		T(test_truncated_at_every_length),
		T(test_flipped_bits_never_verify),
		cmocka_unit_test(test_reserved_and_oversized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
