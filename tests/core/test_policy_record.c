/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a policy says of records: whom they are sealed to, and what a role's record holds. */
#include <stdio.h>
#include <string.h>

#include "libztjit/core/reccert.h"
#include "tests/core/fixture.h"

static struct fx_world w;
static struct ztj_policy_problems problems;

static const struct {
	const char *name, *newkey;
} kinds[] = { { "one", "rsa:2048" }, { "two", "ec -pkeyopt ec_paramgen_curve:P-256" },
	{ "small", "rsa:1024" }, { "ed", "ed25519" } };
enum { ONE, TWO, SMALL, ED, NCERTS };

static struct ztj_buf der[NCERTS], b64[NCERTS];

static int setup(void **state)
{
	int r = enter_scratch(state);

	fx_init(&w);
	for (size_t i = 0; i < NCERTS; i++) {
		ztj_buf_init(&der[i], 65536);
		ztj_buf_init(&b64[i], 65536);
		must("openssl req -x509 -newkey %s -nodes -days 3650 -subj '/O=example/CN=auditor %s' "
		     "-keyout key.pem -outform DER -out cert.der",
		    kinds[i].newkey, kinds[i].name);
		read_file("cert.der", &der[i]);
		ok(ztj_b64_encode(ztj_buf_view(&der[i]), &b64[i]));
		assert_non_null(ztj_buf_str(&b64[i]));
	}
	return r;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < NCERTS; i++) {
		ztj_buf_free(&der[i]);
		ztj_buf_free(&b64[i]);
	}
	fx_free(&w);
	return leave_scratch(state);
}

/* A policy with `more` at the end, where %0 to %3 stand for the certificates. */
static int parse(const char *more, struct ztj_policy **out)
{
	struct ztj_buf tail, text;
	int r;

	ztj_buf_init(&tail, 1 << 20);
	ztj_buf_init(&text, 1 << 20);
	for (const char *p = more; *p != '\0'; p++) {
		if (*p == '%')
			ok(ztj_buf_puts(&tail, (const char *)b64[*++p - '0'].p));
		else
			ok(ztj_buf_put(&tail, p, 1));
	}
	fx_policy_text(&w, &(struct fx_policy){ .more = ztj_buf_str(&tail) }, &text);
	r = ztj_policy_parse(ztj_buf_view(&text), out, &problems);
	ztj_buf_free(&tail);
	ztj_buf_free(&text);
	return r;
}

static void test_record_to(void **state)
{
	struct ztj_policy *p;

	(void)state;
	ok(parse("", &p));
	assert_int_equal(p->nrecord_to, 0);
	ztj_policy_free(p);
	ok(parse("record_to = \"%0\";", &p));
	assert_int_equal(p->nrecord_to, 1);
	assert_true(ztj_view_eq(p->record_to[0], ztj_buf_view(&der[ONE])));
	ztj_policy_free(p);
	ok(parse("record_to = [ \"%1\", \"%0\" ];", &p));
	assert_int_equal(p->nrecord_to, 2);
	assert_true(ztj_view_eq(p->record_to[0], ztj_buf_view(&der[TWO])));
	assert_true(ztj_view_eq(p->record_to[1], ztj_buf_view(&der[ONE])));
	ztj_policy_free(p);
}

static void says(const char *why)
{
	for (size_t i = 0; i < problems.n; i++)
		if (!problems.item[i].warning && problems.item[i].line > 0 &&
		    strstr(problems.item[i].text, why) != NULL)
			return;
	fail_msg("nobody said: %s", why);
}

static void test_F02_record_to_refused(void **state)
{
	static const struct {
		const char *more, *why;
	} cases[] = {
		{ "record_to = [ ];", "an empty list" },
		{ "record_to = 5;", "a string or a list" },
		{ "record_to = [ 5 ];", "a string is expected" },
		{ "record_to = [ \"\" ];", "not the base64 of one certificate" },
		{ "record_to = [ \"AAAA\" ];", "not the base64 of one certificate" },
		{ "record_to = [ \"%0AAAA\" ];", "not the base64 of one certificate" },
		{ "record_to = [ \"%0 \" ];", "not the base64 of one certificate" },
		{ "record_to = [ \"x%0\" ];", "not the base64 of one certificate" },
		{ "record_to = [ \"%0\", \"%0\" ];", "a certificate stands twice" },
		{ "record_to = [ \"%0\", \"%2\" ];", "neither RSA of at least 2048 bits nor EC" },
		{ "record_to = [ \"%3\" ];", "neither RSA of at least 2048 bits nor EC" },
		{ "record_to = \"%0\"; record_to = \"%1\";", "duplicate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ztj_policy *p;

		fails(parse(cases[i].more, &p), ZTJ_POLICY_INVALID);
		assert_null(p);
		says(cases[i].why);
	}
}

static void test_F02_no_more_than_sixteen(void **state)
{
	struct ztj_buf text;
	struct ztj_policy *p;

	(void)state;
	ztj_buf_init(&text, 65536);
	ok(ztj_buf_puts(&text, "record_to = [ \"%0\""));
	for (int i = 0; i < ZTJ_RECCERT_MAX; i++)
		ok(ztj_buf_puts(&text, ", \"%0\""));
	ok(ztj_buf_puts(&text, " ];"));
	fails(parse(ztj_buf_str(&text), &p), ZTJ_POLICY_INVALID);
	says("more than 16 entries");
	ztj_buf_free(&text);
}

static void test_P7_diff_names_the_readers(void **state)
{
	struct ztj_policy *a, *b;
	uint8_t digest[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE], want[256];
	struct ztj_buf out;
	const char *text;

	(void)state;
	ok(parse("record_to = [ \"%0\" ];", &a));
	ok(parse("record_to = [ \"%0\", \"%1\" ];", &b));
	ztj_buf_init(&out, 65536);
	ok(ztj_policy_diff(a, b, &out));
	assert_non_null(text = ztj_buf_str(&out));
	ok(ztj_sha256(ztj_buf_view(&der[TWO]), digest));
	ztj_hex(digest, sizeof(digest), hex);
	assert_in_range(snprintf(want, sizeof(want), "  + record to SHA256:%s CN=auditor two,O=example\n",
			    hex),
	    1, 255);
	assert_non_null(strstr(text, want));
	assert_null(strstr(text, "auditor one"));
	ztj_buf_reset(&out);
	ok(ztj_policy_diff(b, a, &out));
	want[2] = '-';
	assert_non_null(strstr(ztj_buf_str(&out), want));
	ztj_buf_free(&out);
	ztj_policy_free(a);
	ztj_policy_free(b);
}

/* The role that says what its record holds. */
static struct ztj_policy *with_role(const char *record)
{
	struct ztj_buf roles, text;
	struct ztj_policy *p;

	ztj_buf_init(&text, 1 << 20);
	ztj_buf_init(&roles, 65536);
	ok(ztj_buf_printf(&roles,
	    "roles = { root-shell = { login = \"root\"; %s }; "
	    "sudo-root = { login = \"self\"; become = \"root\"; groups = \"ztjit-root\"; }; };\n",
	    record));
	fx_policy_text(&w, &(struct fx_policy){ .roles = ztj_buf_str(&roles) }, &text);
	if (ztj_policy_parse(ztj_buf_view(&text), &p, &problems) != ZTJ_OK)
		fail_msg("line %u: %s in\n%s", problems.item[0].line, problems.item[0].text,
		    ztj_buf_str(&text));
	ztj_buf_free(&roles);
	ztj_buf_free(&text);
	return p;
}

static void test_record_pipes(void **state)
{
	struct ztj_policy *a = with_role(""), *b = with_role("record = \"all\"; record_pipes = true;");
	struct ztj_buf out;

	(void)state;
	assert_false(ztj_policy_role(a, "root-shell")->record_pipes);
	assert_true(ztj_policy_role(b, "root-shell")->record_pipes);
	ztj_buf_init(&out, 65536);
	ok(ztj_policy_diff(a, b, &out));
	assert_non_null(strstr(ztj_buf_str(&out), "+ record the output of commands without a terminal\n"));
	ztj_buf_free(&out);
	ztj_policy_free(a);
	ztj_policy_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_to),
		cmocka_unit_test(test_F02_record_to_refused),
		cmocka_unit_test(test_F02_no_more_than_sixteen),
		cmocka_unit_test(test_P7_diff_names_the_readers),
		cmocka_unit_test(test_record_pipes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
