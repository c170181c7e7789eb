/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The witnesses in a policy: what is refused, and what stands in the difference of two policies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy.h"
#include "tests/core/support.h"

/* Keys of the broker (LOG, ONLINE, TLS, CA), one of the log under its own name (SELF), and of witnesses (A, B, C; A2: A's key under
 * another name, B1: another key under A's name). */
enum { LOG, ONLINE, TLS, CA, A, B, C, NKEYS };
static struct ztj_seckey sk[NKEYS];
static char registrar[ZTJ_KEY_TEXT_SIZE];
static struct ztj_policy_problems problems;

static int setup(void **state)
{
	struct soft_key k;

	(void)state;
	for (uint8_t i = 0; i < NKEYS; i++) {
		uint8_t seed[32] = { (uint8_t)(i + 1) };

		ok(ztj_seckey_from_seed(&sk[i], seed));
	}
	soft_key_make(&k, ZTJ_KEY_SK_ED25519);
	ok(ztj_key_to_text(&k.pub, registrar));
	soft_key_free(&k);
	return 0;
}

static void put_key(struct ztj_buf *b, const char *name, int i)
{
	char text[ZTJ_KEY_TEXT_SIZE];

	ok(ztj_key_to_text(&sk[i].pub, text));
	ok(ztj_buf_printf(b, "%s = \"%s\"; ", name, text));
}

static void put_vkey(struct ztj_buf *b, const char *name, int i, enum ztj_note_type type)
{
	struct ztj_note_key k;

	ok(ztj_note_key_typed(type, name, &sk[i].pub, &k));
	ok(ztj_note_vkey(&k, b));
}

/* What stands for a key in the tables below. */
static void put_marked(struct ztj_buf *b, const char *text)
{
	static const struct {
		const char *mark, *name;
		int key;
		enum ztj_note_type type;
	} marks[] = { { "$A2", "w.example/a2", A, ZTJ_NOTE_COSIGNATURE },
		{ "$B1", "w.example/a", B, ZTJ_NOTE_COSIGNATURE },
		{ "$SELF", "example/ztjit", A, ZTJ_NOTE_COSIGNATURE },
		{ "$PLAIN", "w.example/a", A, ZTJ_NOTE_ED25519 },
		{ "$LOG", "w.example/log", LOG, ZTJ_NOTE_COSIGNATURE },
		{ "$ONLINE", "w.example/online", ONLINE, ZTJ_NOTE_COSIGNATURE },
		{ "$TLS", "w.example/tls", TLS, ZTJ_NOTE_COSIGNATURE },
		{ "$CA", "w.example/ca", CA, ZTJ_NOTE_COSIGNATURE },
		{ "$A", "w.example/a", A, ZTJ_NOTE_COSIGNATURE },
		{ "$B", "w.example/b", B, ZTJ_NOTE_COSIGNATURE },
		{ "$C", "w.example/c", C, ZTJ_NOTE_COSIGNATURE } };

	while (*text != '\0') {
		size_t i = 0;

		while (i < sizeof marks / sizeof marks[0] &&
		    strncmp(text, marks[i].mark, strlen(marks[i].mark)) != 0)
			i++;
		if (i == sizeof marks / sizeof marks[0]) {
			ok(ztj_buf_put(b, text++, 1));
			continue;
		}
		put_vkey(b, marks[i].name, marks[i].key, marks[i].type);
		text += strlen(marks[i].mark);
	}
}

static int parse(const char *in_broker, const char *top, bool log, struct ztj_policy **out)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 1 << 16);
	ok(ztj_buf_printf(&b,
	    "domain = \"example\"; version = 1; expires = \"2027-06-30T00:00:00Z\"; roles = { }; rules = ( );\n"
	    "registrars = ( { directory = \"servers\"; keys = \"%s\"; threshold = 1; labels = { env = \"prod\"; }; } );\n"
	    "broker = { urls = \"https://broker:8443\"; ",
	    registrar));
	if (log)
		put_key(&b, "log", LOG);
	put_key(&b, "online", ONLINE);
	put_key(&b, "tls", TLS);
	put_key(&b, "ca", CA);
	ok(ztj_buf_puts(&b, "\n"));
	put_marked(&b, in_broker);
	ok(ztj_buf_printf(&b, " };\n%s", top));
	r = ztj_policy_parse(ztj_buf_view(&b), out, &problems);
	ztj_buf_free(&b);
	return r;
}

static const char full[] =
    "witnesses = ( { key = \"$A\"; url = \"https://w.example\"; },\n"
    "  { key = \"$B\"; url = \"http://10.0.0.1:8080/log/witness\"; }, { key = \"$C\"; url = \"https://[::1]:1/x\"; } );\n"
    "witness_quorum = 2; witness_max_age = \"15m\";";

static void test_read(void **state)
{
	struct ztj_policy *p;

	(void)state;
	ok(parse("", "", true, &p));
	assert_int_equal(p->broker.quorum.n, 0);
	assert_int_equal(p->broker.quorum.need, 0);
	ztj_policy_free(p);
	ok(parse(full, "", true, &p));
	assert_int_equal(p->broker.quorum.n, 3);
	assert_int_equal(p->broker.quorum.need, 2);
	assert_int_equal(p->broker.quorum.max_age, 900);
	assert_string_equal(p->broker.quorum.by[1].key.name, "w.example/b");
	assert_string_equal(p->broker.quorum.by[1].url, "http://10.0.0.1:8080/log/witness");
	assert_true(ztj_key_equal(&p->broker.quorum.by[2].key.key, &sk[C].pub));
	ztj_policy_free(p);
	/* asked, but nothing is demanded */
	ok(parse("witnesses = ( { key = \"$A\"; url = \"https://w\"; } );", "", true, &p));
	assert_int_equal(p->broker.quorum.need, 0);
	ztj_policy_free(p);
}

static void refused(const char *in_broker, const char *top, bool log, const char *why)
{
	struct ztj_policy *p;

	fails(parse(in_broker, top, log, &p), ZTJ_POLICY_INVALID);
	for (size_t i = 0; i < problems.n; i++)
		if (!problems.item[i].warning && strstr(problems.item[i].text, why) != NULL)
			return;
	fail_msg("%s: not refused because \"%s\", but: %s", in_broker, why, problems.item[0].text);
}

#define ONE(key, url) "witnesses = ( { key = \"" key "\"; url = \"" url "\"; } );"
#define TWO(key, url) \
	"witnesses = ( { key = \"$A\"; url = \"https://a\"; },\n  { key = \"" key "\"; url = \"" url \
	"\"; } );"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "witnesses = ( );", "an empty list" },
		{ "witnesses = { };", "a list" },
		{ "witnesses = ( 1 );", "a group" },
		{ "witnesses = ( { url = \"https://w\"; } );", "\"key\" is missing" },
		{ "witnesses = ( { key = \"$A\"; } );", "\"url\" is missing" },
		{ "witnesses = ( { key = \"$A\"; url = \"https://w\"; name = \"x\"; } );", "unknown key" },
		{ "witnesses = ( { }, { }, { }, { }, { }, { }, { }, { }, { } );", "more than 8" },
		{ ONE("$A", "https://w/"), "not of the form" },
		{ ONE("$A", "https://"), "not of the form" },
		{ ONE("$A", "https://:80"), "not of the form" },
		{ ONE("$A", "w"), "not of the form" },
		{ ONE("$A", "ftp://w"), "not of the form" },
		{ ONE("$A", "https://a@w"), "not of the form" },
		{ ONE("$A", "https://w/../x"), "not of the form" },
		{ ONE("$A", "https://w//x"), "not of the form" },
		{ ONE("$A", "https://w/x?y"), "not of the form" },
		{ ONE("$A", "https://w/%2e"), "not of the form" },
		{ ONE("$A", "https://w x"), "not of the form" },
		{ ONE("$A", "HTTPS://w"), "not of the form" },
		{ ONE("", "https://w"), "not a verifier key" },
		{ ONE("w.example/a", "https://w"), "not a verifier key" },
		{ ONE("$A=", "https://w"), "not a verifier key" },
		{ ONE("w.example/a+00000000+BAFFLINGNESS+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "https://w"),
		    "not a verifier key" },
		{ ONE("$PLAIN", "https://w"), "not the key of a witness that cosigns" },
		{ ONE("w.example/a+00000000+BgAAAAAA", "https://w"),
		    "not the key of a witness that cosigns" },
		/* nobody counts twice, and nobody cosigns for itself */
		{ TWO("$A2", "https://b"), "of another one (line 4)" },
		{ TWO("$B1", "https://b"), "of another one (line 4)" },
		{ TWO("$B", "https://a"), "of another one (line 4)" },
		{ ONE("$LOG", "https://w"), "cosign for itself" },
		{ ONE("$ONLINE", "https://w"), "cosign for itself" },
		{ ONE("$TLS", "https://w"), "cosign for itself" },
		{ ONE("$CA", "https://w"), "cosign for itself" },
		{ ONE("$SELF", "https://w"), "the name of the log itself" },
		/* a demand that nothing meets */
		{ "witness_quorum = 1;", "witness_quorum 1 of 0" },
		{ ONE("$A", "https://w") " witness_quorum = 2;", "witness_quorum 2 of 1" },
		{ ONE("$A", "https://w") " witness_quorum = 0;", "1 to 8" },
		{ ONE("$A", "https://w") " witness_quorum = -1;", "1 to 8" },
		{ ONE("$A", "https://w") " witness_quorum = \"1\";", "a whole number" },
		{ ONE("$A", "https://w") " witness_max_age = \"1h\";", "wants witness_quorum" },
		{ ONE("$A", "https://w") " witness_quorum = 1; witness_max_age = \"59s\";", "60 to" },
		{ ONE("$A", "https://w") " witness_quorum = 1; witness_max_age = 3600;", "write a unit" },
	};
	char revoked[ZTJ_KEY_TEXT_SIZE + 64], key[ZTJ_KEY_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		refused(t[i].text, "", true, t[i].why);
	refused(ONE("$A", "https://w"), "", false, "no log key");
	ok(ztj_key_to_text(&sk[A].pub, key));
	(void)snprintf(revoked, sizeof revoked, "revoked_keys = [ \"%s\" ];", key);
	refused(ONE("$A", "https://w"), revoked, true, "revoked by this very file");
}

static void test_difference(void **state)
{
	struct ztj_policy *a, *b;
	struct ztj_buf out;

	(void)state;
	ok(parse("", "", true, &a));
	ok(parse(full, "", true, &b));
	ztj_buf_init(&out, 1 << 16);
	ok(ztj_policy_diff(a, b, &out));
	assert_non_null(strstr(ztj_buf_str(&out), "+ witness w.example/b+"));
	assert_non_null(strstr(ztj_buf_str(&out), " at http://10.0.0.1:8080/log/witness\n"));
	assert_non_null(strstr(ztj_buf_str(&out), "+ witness_quorum 2\n"));
	assert_non_null(strstr(ztj_buf_str(&out), "+ witness_max_age 15m\n"));
	ztj_buf_free(&out);
	ztj_policy_free(a);
	ztj_policy_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_difference),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
