/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* SSH user certificates (PROTOCOL.certkeys). */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/sshcert.h"
#include "tests/core/support.h"

struct pair {
	struct soft_key subject, ca;
};

static int setup(void **state)
{
	static struct pair p;

	soft_key_make(&p.subject, ZTJ_KEY_SK_ED25519);
	soft_key_make(&p.ca, ZTJ_KEY_ED25519);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	soft_key_free(&p->subject);
	soft_key_free(&p->ca);
	return 0;
}

static int parse(struct ztj_view blob)
{
	static const struct ztj_cert zero;
	struct ztj_cert c;
	int r = ztj_cert_parse(&c, blob);

	if (r != ZTJ_OK)
		assert_memory_equal(&c, &zero, sizeof(c));
	return r;
}

static int tbs_of(const struct ztj_cert_spec *spec, const struct soft_key *ca)
{
	struct ztj_buf blob, tbs;
	int r;

	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&tbs, ZTJ_CERT_MAX);
	ok(ztj_key_to_blob(&ca->pub, &blob));
	r = ztj_cert_tbs(spec, ztj_buf_view(&blob), &tbs);
	ztj_buf_free(&blob);
	ztj_buf_free(&tbs);
	return r;
}

static void check_same(const struct ztj_cert_spec *spec, const struct ztj_cert *c)
{
	assert_true(ztj_key_equal(&c->subject, &spec->subject));
	assert_true(c->serial == spec->serial);
	assert_string_equal(c->key_id, spec->key_id);
	assert_string_equal(c->principal, spec->principal);
	assert_true(c->valid_after == spec->valid_after && c->valid_before == spec->valid_before);
	assert_string_equal(c->source_address, spec->source_address != NULL ? spec->source_address : "");
	assert_int_equal(c->verify_required, spec->verify_required);
	assert_int_equal(c->extensions, spec->extensions);
	assert_true(ztj_view_eq(c->bundle, spec->bundle));
}

static void test_round_trip(void **state)
{
	static const enum ztj_key_type subjects[] = { ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA },
				       cas[] = { ZTJ_KEY_ED25519, ZTJ_KEY_ECDSA };

	(void)state;
	for (unsigned i = 0; i < 64 * 4; i++) {
		struct soft_key subject, ca;
		struct ztj_cert_spec spec;
		struct ztj_cert c;
		struct ztj_buf cert;

		soft_key_make(&subject, subjects[i & 1]);
		soft_key_make(&ca, cas[i >> 1 & 1]);
		good_cert_spec(&spec, &subject);
		spec.extensions = i >> 2 & 31;
		if ((i >> 7 & 1) != 0) {
			spec.source_address = NULL;
			spec.verify_required = false;
			spec.bundle = ztj_view_of(NULL, 0);
		}
		ztj_buf_init(&cert, ZTJ_CERT_MAX);
		make_cert(&spec, &ca, &cert);
		ok(ztj_cert_parse(&c, ztj_buf_view(&cert)));
		check_same(&spec, &c);
		ok(ztj_cert_verify(&c, &ca.pub));
		ztj_buf_free(&cert);
		soft_key_free(&subject);
		soft_key_free(&ca);
	}
}

static void test_another_ca_refused(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;
	struct soft_key other;
	struct ztj_cert c;
	struct ztj_buf cert;

	soft_key_make(&other, ZTJ_KEY_ED25519);
	good_cert_spec(&spec, &p->subject);
	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	make_cert(&spec, &p->ca, &cert);
	ok(ztj_cert_parse(&c, ztj_buf_view(&cert)));
	fails(ztj_cert_verify(&c, &other.pub), ZTJ_SIGNER);
	fails(ztj_cert_verify(&c, &p->subject.pub), ZTJ_KEY_TYPE);
	ztj_buf_free(&cert);
	soft_key_free(&other);
}

static void test_C01_empty_principal_never_signed(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;

	good_cert_spec(&spec, &p->subject);
	ok(tbs_of(&spec, &p->ca));
	spec.principal = "";
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
	spec.principal = NULL;
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
}

static void test_C04_only_sk_subjects_and_known_extensions_are_signed(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;

	good_cert_spec(&spec, &p->subject);
	spec.extensions = 32;
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
	good_cert_spec(&spec, &p->subject);
	spec.subject = p->ca.pub;
	fails(tbs_of(&spec, &p->ca), ZTJ_KEY_TYPE);
	good_cert_spec(&spec, &p->subject);
	fails(tbs_of(&spec, &p->subject), ZTJ_KEY_TYPE); /* an sk key as CA */
}

static void test_other_specs_refused(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;
	static char long_text[2000];
	static uint8_t bundle[ZTJ_CERT_BUNDLE_MAX + 1];

	memset(long_text, 'a', sizeof(long_text) - 1);
	good_cert_spec(&spec, &p->subject);
	spec.valid_before = spec.valid_after;
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
	spec.valid_after = -1;
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
	good_cert_spec(&spec, &p->subject);
	spec.source_address = "";
	fails(tbs_of(&spec, &p->ca), ZTJ_CERT_KIND);
	spec.source_address = long_text;
	fails(tbs_of(&spec, &p->ca), ZTJ_TOO_LARGE);
	good_cert_spec(&spec, &p->subject);
	spec.principal = long_text;
	fails(tbs_of(&spec, &p->ca), ZTJ_TOO_LARGE);
	good_cert_spec(&spec, &p->subject);
	spec.key_id = long_text;
	fails(tbs_of(&spec, &p->ca), ZTJ_TOO_LARGE);
	good_cert_spec(&spec, &p->subject);
	spec.bundle = ztj_view_of(bundle, sizeof(bundle));
	fails(tbs_of(&spec, &p->ca), ZTJ_TOO_LARGE);
	spec.bundle.n--;
	ok(tbs_of(&spec, &p->ca));
}

static void test_S11_truncations_and_bit_flips(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;
	struct ztj_cert c;
	struct ztj_buf cert;

	good_cert_spec(&spec, &p->subject);
	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	make_cert(&spec, &p->ca, &cert);
	for (size_t n = 0; n < cert.n; n++)
		assert_int_not_equal(parse(ztj_view_of(cert.p, n)), ZTJ_OK);
	for (size_t bit = 0; bit < cert.n * 8; bit++) {
		cert.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (ztj_cert_parse(&c, ztj_buf_view(&cert)) == ZTJ_OK)
			assert_int_not_equal(ztj_cert_verify(&c, &p->ca.pub), ZTJ_OK);
		cert.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	ok(parse(ztj_buf_view(&cert)));
	ok(ztj_buf_put_u8(&cert, 0));
	fails(parse(ztj_buf_view(&cert)), ZTJ_TRAILING);
	ztj_buf_free(&cert);
}

/* ---- certificates our writer would not make ---- */

struct raw {
	const char *type;
	uint32_t kind;
	struct ztj_view principals, critical, extensions;
	uint64_t after, before;
	const char *reserved;
};

static int parse_raw(const struct pair *p, const struct raw *raw)
{
	struct ztj_buf b, ca;
	int r;

	ztj_buf_init(&b, ZTJ_CERT_MAX);
	ztj_buf_init(&ca, 512);
	ok(ztj_key_to_blob(&p->ca.pub, &ca));
	ok(ztj_buf_put_cstring(&b, raw->type));
	ok(ztj_buf_put_cstring(&b, "nonce"));
	ok(ztj_buf_put_string(&b, p->subject.pub.pub, 32));
	ok(ztj_buf_put_cstring(&b, p->subject.pub.application));
	ok(ztj_buf_put_u64(&b, 1));
	ok(ztj_buf_put_u32(&b, raw->kind));
	ok(ztj_buf_put_cstring(&b, "id"));
	ok(ztj_buf_put_view(&b, raw->principals));
	ok(ztj_buf_put_u64(&b, raw->after));
	ok(ztj_buf_put_u64(&b, raw->before));
	ok(ztj_buf_put_view(&b, raw->critical));
	ok(ztj_buf_put_view(&b, raw->extensions));
	ok(ztj_buf_put_cstring(&b, raw->reserved));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&ca)));
	ok(ztj_buf_put_cstring(&b, "a signature"));
	r = parse(ztj_buf_view(&b));
	ztj_buf_free(&b);
	ztj_buf_free(&ca);
	return r;
}

/* A list of strings: names of one principal each, or name and data in turn. */
static struct ztj_view list(struct ztj_buf *b, const char *const *words)
{
	ztj_buf_init(b, 1024);
	for (; *words != NULL; words++)
		ok(ztj_buf_put_cstring(b, *words));
	return ztj_buf_view(b);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void good_raw(struct raw *raw, struct ztj_buf *principals)
{
	*raw = (struct raw){ .type = "sk-ssh-ed25519-cert-v01@openssh.com",
		.kind = 1,
		.after = 1,
		.before = 2,
		.principals = list(principals, WORDS("ztjit-grant-x")),
		.reserved = "" };
}

static int parse_with(const struct pair *p, const char *const *critical, const char *const *extensions)
{
	static const char *const none[] = { NULL };
	struct ztj_buf pr, cr, ex;
	struct raw raw;
	int r;

	good_raw(&raw, &pr);
	raw.critical = list(&cr, critical != NULL ? critical : none);
	raw.extensions = list(&ex, extensions != NULL ? extensions : none);
	r = parse_raw(p, &raw);
	ztj_buf_free(&pr);
	ztj_buf_free(&cr);
	ztj_buf_free(&ex);
	return r;
}

static void test_C01_one_principal_exactly(void **state)
{
	struct pair *p = *state;
	struct ztj_buf pr, other;
	struct raw raw;

	good_raw(&raw, &pr);
	ok(parse_raw(p, &raw));
	raw.principals = ztj_view_of(NULL, 0);
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	raw.principals = list(&other, WORDS(""));
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	ztj_buf_free(&other);
	raw.principals = list(&other, WORDS("ztjit-grant-x", "root"));
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	ztj_buf_free(&other);
	raw.principals = list(&other, WORDS("ztjit-grant-x", ""));
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	ztj_buf_free(&other);
	ztj_buf_free(&pr);
}

static void test_C04_host_and_plain_certificates(void **state)
{
	static const char *const types[] = { "ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com",
		"ssh-rsa-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
		"sk-ssh-ed25519-cert-v00@openssh.com", "" };
	struct pair *p = *state;
	struct ztj_buf pr;
	struct raw raw;

	good_raw(&raw, &pr);
	for (uint32_t kind = 0; kind < 4; kind++) {
		raw.kind = kind;
		fails(parse_raw(p, &raw), kind == 1 ? ZTJ_OK : ZTJ_CERT_KIND);
	}
	raw.kind = 1;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		raw.type = types[i];
		fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	}
	ztj_buf_free(&pr);
}

static void test_validity_and_reserved(void **state)
{
	struct pair *p = *state;
	struct ztj_buf pr;
	struct raw raw;

	good_raw(&raw, &pr);
	raw.before = UINT64_MAX; /* for ever */
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	raw.before = (uint64_t)INT64_MAX + 1;
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	raw.before = INT64_MAX;
	ok(parse_raw(p, &raw));
	raw.before = raw.after;
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	raw.before = 0;
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	raw.before = 2;
	raw.reserved = "x";
	fails(parse_raw(p, &raw), ZTJ_BAD_ENCODING);
	ztj_buf_free(&pr);
}

static void test_critical_options(void **state)
{
	struct pair *p = *state;

	ok(parse_with(p, WORDS("verify-required", ""), NULL));
	fails(parse_with(p, WORDS("verify-required", "x"), NULL), ZTJ_CERT_KIND);
	fails(parse_with(p, WORDS("force-command", "x"), NULL), ZTJ_CERT_KIND);
	fails(parse_with(p, WORDS("made-up@example.org", ""), NULL), ZTJ_CERT_KIND);
	fails(parse_with(p, WORDS("verify-required"), NULL), ZTJ_TRUNCATED);
	fails(parse_with(p, WORDS("verify-required", "", "verify-required", ""), NULL), ZTJ_BAD_ENCODING);
	fails(parse_with(p, WORDS("", ""), NULL), ZTJ_BAD_ENCODING);
	fails(parse_with(p, WORDS("source-address", "x"), NULL), ZTJ_TRUNCATED); /* no inner string */
}

static void test_C03_empty_source_address_refused(void **state)
{
	struct pair *p = *state;
	struct ztj_buf cr, pr;
	struct raw raw;

	good_raw(&raw, &pr);
	ztj_buf_init(&cr, 256);
	ok(ztj_buf_put_cstring(&cr, "source-address"));
	ok(ztj_buf_put_string(&cr, "\0\0\0\0", 4));
	raw.critical = ztj_buf_view(&cr);
	fails(parse_raw(p, &raw), ZTJ_CERT_KIND);
	ztj_buf_reset(&cr);
	ok(ztj_buf_put_cstring(&cr, "source-address"));
	ok(ztj_buf_put_string(&cr, "\0\0\0\1*!", 6));
	raw.critical = ztj_buf_view(&cr);
	fails(parse_raw(p, &raw), ZTJ_TRAILING);
	ztj_buf_free(&cr);
	ztj_buf_free(&pr);
}

static void test_extensions(void **state)
{
	struct pair *p = *state;

	ok(parse_with(p, NULL, WORDS("permit-pty", "")));
	ok(parse_with(p, NULL, WORDS("made-up@example.org", "anything")));
	fails(parse_with(p, NULL, WORDS("permit-pty", "x")), ZTJ_CERT_KIND);
	fails(parse_with(p, NULL, WORDS("permit-pty", "", "permit-agent-forwarding", "")), ZTJ_BAD_ENCODING);
	fails(parse_with(p, NULL, WORDS("permit-pty", "", "permit-pty", "")), ZTJ_BAD_ENCODING);
	fails(parse_with(p, NULL, WORDS("bundle@ztjit", "")), ZTJ_TRUNCATED);
	fails(parse_with(p, NULL, WORDS("bundle@ztjit", "x")), ZTJ_TRUNCATED);
}

static void test_S01_extension_that_waives_the_touch_refused(void **state)
{
	fails(parse_with(*state, NULL, WORDS("no-touch-required", "")), ZTJ_CERT_KIND);
}

/* ---- text ---- */

static void test_line(void **state)
{
	struct pair *p = *state;
	struct ztj_cert_spec spec;
	struct ztj_buf cert, line;
	const char *text;

	good_cert_spec(&spec, &p->subject);
	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	ztj_buf_init(&line, 2 * ZTJ_CERT_MAX);
	make_cert(&spec, &p->ca, &cert);
	ok(ztj_cert_line(ztj_buf_view(&cert), "comment", &line));
	text = ztj_buf_str(&line);
	assert_true(strncmp(text, "sk-ssh-ed25519-cert-v01@openssh.com AAAA", 40) == 0);
	assert_string_equal(strrchr(text, ' '), " comment\n");
	ztj_buf_reset(&line);
	ok(ztj_cert_line(ztj_buf_view(&cert), "", &line));
	assert_null(strchr(strchr(ztj_buf_str(&line), ' ') + 1, ' '));
	fails(ztj_cert_line(ztj_buf_view(&cert), "a\nb", &line), ZTJ_BAD_TEXT);
	fails(ztj_cert_line(ztj_view_str("x"), "c", &line), ZTJ_TRUNCATED);
	fails(ztj_cert_line(ztj_view_of("\0\0\0\1x", 5), "c", &line), ZTJ_CERT_KIND);
	ztj_buf_free(&cert);
	ztj_buf_free(&line);
}

static void test_too_large(void **state)
{
	static uint8_t big[ZTJ_CERT_MAX + 1];
	struct ztj_buf out;

	(void)state;
	ztj_buf_init(&out, 2 * ZTJ_CERT_MAX);
	fails(parse(ztj_view_of(big, sizeof(big))), ZTJ_TOO_LARGE);
	fails(ztj_cert_finish(ztj_view_of(big, sizeof(big)), ztj_view_of(big, 1), &out), ZTJ_TOO_LARGE);
	fails(ztj_cert_finish(ztj_view_of(big, ZTJ_CERT_MAX - 4), ztj_view_of(big, 1), &out), ZTJ_TOO_LARGE);
	ztj_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_another_ca_refused),
		cmocka_unit_test(test_C01_empty_principal_never_signed),
		cmocka_unit_test(test_C04_only_sk_subjects_and_known_extensions_are_signed),
		cmocka_unit_test(test_other_specs_refused),
		cmocka_unit_test(test_S11_truncations_and_bit_flips),
		cmocka_unit_test(test_C01_one_principal_exactly),
		cmocka_unit_test(test_C04_host_and_plain_certificates),
		cmocka_unit_test(test_validity_and_reserved),
		cmocka_unit_test(test_critical_options),
		cmocka_unit_test(test_C03_empty_source_address_refused),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_S01_extension_that_waives_the_touch_refused),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
