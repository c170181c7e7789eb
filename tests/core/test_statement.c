/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statements: strict reading, what is signed is what is shown, signatures before meaning. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"

static struct fx_world w;

static int setup(void **state)
{
	(void)state;
	fx_init(&w);
	fx_load(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fx_free(&w);
	return 0;
}

#define HEX "00000000000000000000000000000000000000000000000000000000000000aa"
#define HEAD(type) \
	"{\"v\":1,\"type\":\"" type "\",\"domain\":\"example\",\"issued\":\"2026-11-22T09:00:00Z\","
#define SEEN "\"seen\":{\"policy\":1,\"directories\":{\"people\":1}}}"
#define REQ_A \
	HEAD("request") \
	"\"who\":\"people/req1\",\"role\":\"root-shell\",\"hosts\":[\"servers/web1\"],\"duration\":1800,"
#define REQ_B "\"valid_until\":\"2026-11-22T10:00:00Z\",\"nonce\":\"" HEX "\","
#define REQUEST REQ_A "\"reason\":\"disk full\"," REQ_B SEEN
#define REVOCATION(what) HEAD("revocation") "\"reason\":\"lost\"," what "}"
#define APPROVAL(what) HEAD("approval") "\"who\":\"people/lead1\",\"request\":\"" HEX "\"," what "," SEEN

static int parse(enum ztj_stmt_type type, const char *text)
{
	struct ztj_stmt *st;
	int r = ztj_stmt_parse(ztj_view_str(text), type, "example", &st);

	assert_true((st == NULL) == (r != ZTJ_OK));
	ztj_stmt_free(st);
	return r;
}

static void test_S04_what_a_request_may_not_be(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ REQUEST, ZTJ_OK },
		{ REQUEST " \n", ZTJ_OK },
		{ REQUEST "\t", ZTJ_TRAILING },
		{ REQUEST "x", ZTJ_TRAILING },
		{ REQUEST REQUEST, ZTJ_TRAILING },
		{ "\xef\xbb\xbf" REQUEST, ZTJ_BAD_JSON },
		{ " " REQUEST, ZTJ_BAD_JSON },
		{ "[" REQUEST "]", ZTJ_BAD_JSON },
		{ "", ZTJ_TRUNCATED },
		{ "{}", ZTJ_MEMBER_MISSING },
		{ REQ_A "\"reason\":\"a\",\"reason\":\"b\"," REQ_B SEEN, ZTJ_BAD_JSON },
		{ REQ_A "\"reason\":\"a\",\"r\\u0065ason\":\"b\"," REQ_B SEEN, ZTJ_BAD_JSON },
		{ REQ_A "\"reason\":\"a\",\"extra\":1," REQ_B SEEN, ZTJ_MEMBER_UNKNOWN },
		{ REQ_A REQ_B SEEN, ZTJ_MEMBER_MISSING },
		{ REQ_A "\"reason\":5," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":null," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":\"a\\nb\"," REQ_B SEEN, ZTJ_BAD_TEXT },
		{ REQ_A "\"reason\":\"a\\u0000b\"," REQ_B SEEN, ZTJ_BAD_TEXT },
		{ REQ_A "\"reason\":\"a\\u202eb\"," REQ_B SEEN, ZTJ_BAD_TEXT },
		{ REQ_A "\"reason\":\"a\\ud800b\"," REQ_B SEEN, ZTJ_BAD_JSON },
		{ REQ_A "\"reason\":\"a\xff\"," REQ_B SEEN, ZTJ_BAD_TEXT },
		{ REQ_A "\"reason\":\"a\",\"ticket\":\"\"," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":\"a\",\"ticket\":null," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":\"a\",\"break_glass\":false," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":\"a\",\"break_glass\":true," REQ_B SEEN, ZTJ_OK },
		{ REQ_A "\"reason\":\"a\",\"kit\":true," REQ_B SEEN, ZTJ_BREAK_GLASS },
		{ REQ_A "\"reason\":\"a\",\"not_after\":\"2027-01-01T00:00:00Z\"," REQ_B SEEN,
		    ZTJ_BREAK_GLASS },
		{ REQ_A "\"reason\":\"a\",\"start\":\"2026-11-22\"," REQ_B SEEN, ZTJ_BAD_TIME },
		{ REQ_A "\"reason\":\"a\",\"follows\":\"AA\"," REQ_B SEEN, ZTJ_MEMBER_TYPE },
		{ REQ_A "\"reason\":\"a\",\"follows\":\"" HEX "\"," REQ_B SEEN, ZTJ_OK },
		{ HEAD("approval") "\"x\":1}", ZTJ_STMT_TYPE },
		{ "{\"v\":2,\"whatever\":[]}", ZTJ_VERSION },
		{ "{\"v\":1.0}", ZTJ_MEMBER_TYPE },
		{ "{\"v\":1e0}", ZTJ_MEMBER_TYPE },
		{ "{\"v\":-1}", ZTJ_BAD_JSON },
		{ "{\"v\":\"1\"}", ZTJ_MEMBER_TYPE },
		{ "{\"v\":[[[[[1]]]]]}", ZTJ_BAD_JSON },
		{ "{\"v\":1,\"type\":\"request\",\"domain\":\"other\"}", ZTJ_DOMAIN },
		{ "{\"v\":1,\"type\":\"request\",\"domain\":\"EXAMPLE\"}", ZTJ_BAD_NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		fails(parse(ZTJ_STMT_REQUEST, cases[i].text), cases[i].want);
}

/* Values that have a grammar of their own, put into one request. */
static int with(const char *who, const char *role, const char *host, const char *duration, const char *until)
{
	char text[2048];
	int n = snprintf(text, sizeof(text),
	    HEAD("request") "\"who\":%s,\"role\":%s,\"hosts\":%s,\"duration\":%s,\"reason\":\"\","
			    "\"valid_until\":%s,\"nonce\":\"" HEX "\"," SEEN,
	    who, role, host, duration, until);

	assert_in_range(n, 1, sizeof(text) - 1);
	return parse(ZTJ_STMT_REQUEST, text);
}

static void test_B04_S05_S17_values_of_a_request(void **state)
{
#define W "\"people/req1\""
#define R "\"root-shell\""
#define H "[\"servers/web1\"]"
#define U "\"2026-11-22T10:00:00Z\""
	(void)state;
	ok(with(W, R, H, "1800", U));
	fails(with("\"People/req1\"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with("\"people/Req1\"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with("\"people/req1 \"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with("\"people/../req1\"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with("\"people/r\xd0\xb5q1\"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with("\"req1\"", R, H, "1800", U), ZTJ_BAD_NAME);
	fails(with(W, "\"Root\"", H, "1800", U), ZTJ_BAD_NAME);
	fails(with(W, R, "[]", "1800", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, "\"servers/web1\"", "1800", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, "[\"servers/web1\",\"servers/web1\"]", "1800", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, "[\"servers/web2\",\"servers/web1\"]", "1800", U), ZTJ_MEMBER_TYPE);
	ok(with(W, R, "[\"servers/web1\",\"servers/web2\"]", "1800", U));
	fails(with(W, R, H, "0", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, H, "31622401", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, H, "18446744073709551617", U), ZTJ_BAD_JSON);
	fails(with(W, R, H, "1800.0", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, H, "\"1800\"", U), ZTJ_MEMBER_TYPE);
	fails(with(W, R, H, "01800", U), ZTJ_BAD_JSON);
	fails(with(W, R, H, "1800", "\"2026-11-22T09:00:00Z\""), ZTJ_BAD_TIME);
	fails(with(W, R, H, "1800", "\"99999-11-22T09:00:00Z\""), ZTJ_BAD_TIME);
	fails(with(W, R, H, "1800", "1795338000"), ZTJ_MEMBER_TYPE);
}

static void test_S04_members_that_exclude_each_other(void **state)
{
	(void)state;
	ok(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"approve\"")));
	ok(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"approve\",\"limit\":60")));
	ok(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"deny\",\"comment\":\"no\"")));
	fails(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"deny\"")), ZTJ_MEMBER_MISSING);
	fails(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"deny\",\"comment\":\"no\",\"limit\":60")),
	    ZTJ_MEMBER_UNKNOWN);
	fails(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"approve\",\"limit\":0")), ZTJ_MEMBER_TYPE);
	fails(parse(ZTJ_STMT_APPROVAL, APPROVAL("\"decision\":\"Approve\"")), ZTJ_MEMBER_TYPE);
	ok(parse(ZTJ_STMT_REVOCATION, REVOCATION("\"request\":\"" HEX "\"")));
	ok(parse(ZTJ_STMT_REVOCATION,
	    REVOCATION("\"user\":\"people/req1\",\"until\":\"2026-11-23T09:00:00Z\",\"serial\":3")));
	fails(parse(ZTJ_STMT_REVOCATION, HEAD("revocation") "\"reason\":\"lost\"}"), ZTJ_MEMBER_MISSING);
	fails(parse(ZTJ_STMT_REVOCATION, REVOCATION("\"request\":\"" HEX "\",\"user\":\"people/req1\"")),
	    ZTJ_MEMBER_UNKNOWN);
	fails(parse(ZTJ_STMT_REVOCATION, REVOCATION("\"request\":\"" HEX "\",\"serial\":3")),
	    ZTJ_MEMBER_UNKNOWN);
	fails(parse(ZTJ_STMT_REVOCATION, REVOCATION("\"host\":\"servers/web1\",\"serial\":3")),
	    ZTJ_MEMBER_MISSING);
	fails(parse(ZTJ_STMT_REVOCATION,
		  REVOCATION("\"host\":\"servers/web1\",\"until\":\"2026-11-22T09:00:00Z\",\"serial\":3")),
	    ZTJ_BAD_TIME);
}

/* Everything a request can carry, for the tests that take it apart. */
static void full_request(struct fx_signed *out)
{
	static const char *hosts[2] = { "servers/web1", "servers/web2" };
	const struct soft_key *k = &w.person[FX_REQ1].key;
	struct ztj_stmt st;

	fx_stmt(&w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = "people/req1";
	st.u.request.role = "root-shell";
	st.u.request.reason = "disk \"full\" \xe2\x82\xac \\ \xe2\x80\x8b"
			      "end";
	st.u.request.ticket = "INC-1";
	st.u.request.hosts = hosts;
	st.u.request.nhosts = 2;
	st.u.request.duration = 5400;
	st.u.request.start = w.now + 600;
	st.u.request.valid_until = w.now + 3600;
	st.u.request.break_glass = true;
	st.u.request.has_follows = true;
	memset(st.u.request.follows, 0xab, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &k, 1, out);
}

static void test_L01_render_shows_every_field(void **state)
{
	struct fx_signed f;
	struct ztj_stmt *st;
	struct ztj_buf out;
	const char *text;
	char hex[ZTJ_HEX_SIZE];
	static const char *const lines[] = { "format version: 1\n", "statement: request\n",
		"domain: example\n", "issued: 2026-11-22T09:00:00Z (1 min ago)\n", "who: people/req1\n",
		"role: root-shell\n", "host: servers/web1\n", "host: servers/web2\n",
		"duration: 1h30m (5400 s)\n", "start: 2026-11-22T09:10:00Z (in 9 min)\n",
		"reason: disk \"full\" \xe2\x82\xac \\x5c \\u{200b}end\n", "ticket: INC-1\n",
		"approve before: 2026-11-22T10:00:00Z (in 59 min)\n", "break glass: yes\n",
		"abababababababab\n", "nonce: 0000", "seen policy: 1\n", "seen directory: people 1\n",
		"seen directory: servers 1\n" };

	(void)state;
	full_request(&f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_REQUEST, "example", &st));
	ztj_buf_init(&out, 65536);
	ok(ztj_stmt_render(st, w.now + 60, &out));
	assert_non_null(text = ztj_buf_str(&out));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("missing %s in\n%s", lines[i], text);
	assert_non_null(strstr(text, st->nonce));
	ztj_hex(st->id, sizeof(st->id), hex);
	ztj_buf_free(&out);
	ztj_stmt_free(st);
	fx_signed_free(&f);
}

/* Every byte between quotes of the signed text turns up on the screen: two statements that differ render differently. */
static void test_S03_L01_every_change_shows(void **state)
{
	struct fx_signed f;
	struct ztj_stmt *st;
	struct ztj_buf out, one;
	size_t shown = 0;

	(void)state;
	full_request(&f);
	ztj_buf_init(&one, 65536);
	ztj_buf_init(&out, 65536);
	ok(ztj_stmt_parse(f.s.bytes, ZTJ_STMT_REQUEST, "example", &st));
	ok(ztj_stmt_render(st, 0, &one));
	ztj_stmt_free(st);
	for (size_t i = 0; i < f.bytes.n; i++) {
		for (unsigned bit = 0; bit < 7; bit++) {
			f.bytes.p[i] ^= (uint8_t)(1u << bit);
			if (ztj_stmt_parse(f.s.bytes, ZTJ_STMT_REQUEST, "example", &st) == ZTJ_OK) {
				ztj_buf_reset(&out);
				ok(ztj_stmt_render(st, 0, &out));
				assert_false(ztj_view_eq(ztj_buf_view(&one), ztj_buf_view(&out)));
				ztj_stmt_free(st);
				shown++;
			}
			f.bytes.p[i] ^= (uint8_t)(1u << bit);
		}
	}
	assert_true(shown > 300);
	ztj_buf_free(&one);
	ztj_buf_free(&out);
	fx_signed_free(&f);
}

static int open_it(const struct ztj_signed *s, enum ztj_stmt_type type)
{
	struct ztj_stmt *st;
	int r = ztj_stmt_open(s, type, "example", &st);

	ztj_stmt_free(st);
	return r;
}

static void test_S11_flips_and_truncations(void **state)
{
	struct fx_signed f;
	struct ztj_signed s;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &f);
	ok(open_it(&f.s, ZTJ_STMT_REQUEST));
	for (size_t i = 0; i < f.bytes.n; i++) {
		f.bytes.p[i] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(open_it(&f.s, ZTJ_STMT_REQUEST), ZTJ_OK);
		f.bytes.p[i] ^= (uint8_t)(1u << i % 8);
		s = f.s;
		s.bytes.n = i;
		assert_int_not_equal(open_it(&s, ZTJ_STMT_REQUEST), ZTJ_OK);
		assert_int_not_equal(parse(ZTJ_STMT_REQUEST, ""), ZTJ_OK);
	}
	for (size_t i = 0; i < f.sig[0].n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			f.sig[0].p[i] ^= (uint8_t)(1u << bit);
			assert_int_not_equal(open_it(&f.s, ZTJ_STMT_REQUEST), ZTJ_OK);
			f.sig[0].p[i] ^= (uint8_t)(1u << bit);
		}
		s = f.s;
		s.sig[0].n = i;
		assert_int_not_equal(open_it(&s, ZTJ_STMT_REQUEST), ZTJ_OK);
	}
	fx_signed_free(&f);
}

static void test_parse_at_every_length(void **state)
{
	struct fx_signed f;

	(void)state;
	full_request(&f);
	for (size_t n = 0; n < f.bytes.n; n++) {
		struct ztj_stmt *st;
		/* a block of its own, so that a sanitizer sees one byte too many */
		uint8_t *copy = test_malloc(n + 1);

		memcpy(copy, f.bytes.p, n);
		assert_int_not_equal(ztj_stmt_parse(ztj_view_of(copy, n), ZTJ_STMT_REQUEST, "example", &st),
		    ZTJ_OK);
		assert_null(st);
		test_free(copy);
	}
	fx_signed_free(&f);
}

/* Signs the same bytes as `type` says, with these keys. */
static int signed_by(const struct fx_signed *f, enum ztj_stmt_type ns, enum ztj_stmt_type type, uint8_t flags,
    const struct soft_key *a, const struct soft_key *b)
{
	struct fx_signed g;
	int r;

	fx_signed_init(&g, f->s.bytes);
	if (a != NULL)
		fx_signed_add(&g, ns, a, flags);
	if (b != NULL)
		fx_signed_add(&g, ns, b, flags);
	r = open_it(&g.s, type);
	fx_signed_free(&g);
	return r;
}

static void test_S01_S06_who_and_for_what(void **state)
{
	const struct soft_key *k = &w.person[FX_REQ1].key, *k2 = &w.person[FX_REQ2].key;
	struct fx_signed f;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &f);
	ok(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, FX_UP, k, NULL));
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, 0x04, k, NULL), ZTJ_NO_TOUCH);
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, FX_UP, &w.online, NULL), ZTJ_KEY_TYPE);
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, FX_UP, k, k2), ZTJ_SIGNER);
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, FX_UP, k, k), ZTJ_THRESHOLD);
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_REQUEST, FX_UP, NULL, NULL), ZTJ_THRESHOLD);
	fails(signed_by(&f, ZTJ_STMT_REQUEST, ZTJ_STMT_APPROVAL, FX_UP, k, NULL), ZTJ_SIG_NAMESPACE);
	fails(signed_by(&f, ZTJ_STMT_APPROVAL, ZTJ_STMT_REQUEST, FX_UP, k, NULL), ZTJ_SIG_NAMESPACE);
	fails(signed_by(&f, ZTJ_STMT_APPROVAL, ZTJ_STMT_APPROVAL, FX_UP, k, NULL), ZTJ_STMT_TYPE);
	fails(signed_by(&f, ZTJ_STMT_POLICY, ZTJ_STMT_POLICY, FX_UP, k, NULL), ZTJ_STMT_TYPE);
	fx_signed_free(&f);
}

static void pending_user(struct ztj_stmt *st, size_t nkeys)
{
	fx_stmt(&w, st, ZTJ_STMT_PENDING);
	st->u.pending.name = "new1";
	st->u.pending.nkeys = nkeys;
	for (size_t i = 0; i < nkeys; i++) {
		st->u.pending.key[i].key = w.person[i].key.pub;
		st->u.pending.key[i].credential = "QUJD";
	}
}

static void test_S18_pending_proves_every_key_and_no_other(void **state)
{
	const struct soft_key *both[2] = { &w.person[0].key, &w.person[1].key };
	struct fx_signed f, h;
	struct ztj_stmt st;

	(void)state;
	pending_user(&st, 2);
	fx_stmt_sign(&st, FX_UP, both, 2, &f);
	ok(open_it(&f.s, ZTJ_STMT_PENDING));
	fails(signed_by(&f, ZTJ_STMT_PENDING, ZTJ_STMT_PENDING, FX_UP, both[0], NULL), ZTJ_SIGNER);
	fails(signed_by(&f, ZTJ_STMT_PENDING, ZTJ_STMT_PENDING, FX_UP, both[0], &w.person[2].key),
	    ZTJ_SIGNER);
	fx_stmt(&w, &st, ZTJ_STMT_PENDING);
	st.u.pending.host = true;
	st.u.pending.name = "web9";
	st.u.pending.machine = w.host[0].machine.pub;
	st.u.pending.tls = w.host[0].tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = w.host[0].ssh.pub;
	both[0] = &w.host[0].machine;
	fx_stmt_sign(&st, 0, both, 1, &h);
	ok(open_it(&h.s, ZTJ_STMT_PENDING));
	fails(signed_by(&h, ZTJ_STMT_PENDING, ZTJ_STMT_PENDING, 0, &w.host[0].tls, NULL), ZTJ_SIGNER);
	fails(signed_by(&h, ZTJ_STMT_PENDING, ZTJ_STMT_PENDING, 0, &w.host[1].machine, NULL), ZTJ_SIGNER);
	fx_signed_free(&f);
	fx_signed_free(&h);
}

static void test_S18_only_hosts_prove_a_token(void **state)
{
	const struct soft_key *one[1] = { &w.person[0].key };
	struct fx_signed f;
	struct ztj_stmt st, *opened;
	struct ztj_buf b;

	(void)state;
	fx_stmt(&w, &st, ZTJ_STMT_PENDING);
	st.u.pending.host = true;
	st.u.pending.name = "web9";
	st.u.pending.machine = w.host[0].machine.pub;
	st.u.pending.tls = w.host[0].tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = w.host[0].ssh.pub;
	st.u.pending.has_proof = true;
	memset(st.u.pending.proof, 0xab, sizeof(st.u.pending.proof));
	one[0] = &w.host[0].machine;
	fx_stmt_sign(&st, 0, one, 1, &f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_PENDING, w.domain, &opened));
	assert_true(opened->u.pending.has_proof);
	assert_memory_equal(opened->u.pending.proof, st.u.pending.proof, ZTJ_DIGEST_LEN);
	ztj_stmt_free(opened);
	fx_signed_free(&f);
	pending_user(&st, 1);
	st.u.pending.has_proof = true;
	ztj_buf_init(&b, ZTJ_STMT_MAX);
	fails(ztj_stmt_build(&st, HEX, &b), ZTJ_MEMBER_UNKNOWN);
	ztj_buf_free(&b);
}

static void stepup(struct ztj_stmt *st)
{
	static const char *accounts[2] = { "postgres", "root" };

	fx_stmt(&w, st, ZTJ_STMT_STEPUP);
	st->u.stepup.who = "people/req1";
	st->u.stepup.host = "servers/web1";
	st->u.stepup.service = "sudo";
	st->u.stepup.tty = "/dev/pts/3";
	st->u.stepup.peer = "192.0.2.1";
	st->u.stepup.accounts = accounts;
	st->u.stepup.naccounts = 2;
	st->u.stepup.expires = w.now + 60;
}

static void test_stepup_is_signed_by_host_then_person(void **state)
{
	const struct soft_key *machine = &w.host[0].machine, *person = &w.person[0].key;
	struct fx_signed f;
	struct ztj_stmt st, *opened;
	struct ztj_buf b;

	(void)state;
	stepup(&st);
	fx_stmt_sign(&st, FX_UP, &machine, 1, &f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_STEPUP, "example", &opened));
	assert_string_equal(opened->u.stepup.nonce, opened->nonce);
	assert_int_equal(strlen(opened->nonce), 64);
	ztj_stmt_free(opened);
	ok(signed_by(&f, ZTJ_STMT_STEPUP, ZTJ_STMT_STEPUP, FX_UP, machine, person));
	fails(signed_by(&f, ZTJ_STMT_STEPUP, ZTJ_STMT_STEPUP, FX_UP, person, machine), ZTJ_KEY_TYPE);
	fails(signed_by(&f, ZTJ_STMT_STEPUP, ZTJ_STMT_STEPUP, FX_UP, person, NULL), ZTJ_KEY_TYPE);
	st.u.stepup.expires = w.now + 61;
	ztj_buf_init(&b, ZTJ_STMT_MAX);
	fails(ztj_stmt_build(&st, HEX, &b), ZTJ_LIMIT);
	ztj_buf_free(&b);
	fx_signed_free(&f);
}

static void test_login_lasts_twelve_hours_at_most(void **state)
{
	const struct soft_key *k = &w.person[0].key, *hsm = &w.root[2];
	char fp[ZTJ_FINGERPRINT_SIZE];
	struct fx_signed f, g;
	struct ztj_stmt st;
	struct ztj_buf b;

	(void)state;
	ok(ztj_key_fingerprint(&w.online.pub, fp));
	fx_stmt(&w, &st, ZTJ_STMT_LOGIN);
	st.u.login.who = "people/req1";
	st.u.login.key = w.tls.pub;
	st.u.login.broker = fp;
	st.u.login.expires = w.now + ZTJ_LOGIN_MAX;
	fx_stmt_sign(&st, FX_UP, &k, 1, &f);
	ok(open_it(&f.s, ZTJ_STMT_LOGIN));
	fails(signed_by(&f, ZTJ_STMT_LOGIN, ZTJ_STMT_LOGIN, FX_UP, hsm, NULL), ZTJ_KEY_TYPE);
	st.u.login.who = "";
	fx_stmt_sign(&st, FX_UP, &hsm, 1, &g);
	ok(open_it(&g.s, ZTJ_STMT_LOGIN));
	st.u.login.expires++;
	ztj_buf_init(&b, ZTJ_STMT_MAX);
	fails(ztj_stmt_build(&st, HEX, &b), ZTJ_LIMIT);
	ztj_buf_free(&b);
	fx_signed_free(&f);
	fx_signed_free(&g);
}

static void test_containers_in_both_forms(void **state)
{
	struct fx_signed f;
	struct ztj_signed s;
	struct ztj_buf bin, json, mem, again;
	struct ztj_rd rd;

	(void)state;
	ztj_buf_init(&bin, 1 << 20);
	ztj_buf_init(&json, 1 << 20);
	ztj_buf_init(&mem, 1 << 20);
	ztj_buf_init(&again, 1 << 20);
	fx_policy(&w, &(struct fx_policy){ 0 }, &f);
	ok(ztj_signed_write(&f.s, &bin));
	ok(ztj_signed_to_json(&f.s, &json));
	ztj_rd_init(&rd, ztj_buf_view(&bin));
	ok(ztj_signed_read(&rd, &s));
	ok(ztj_rd_end(&rd));
	assert_true(ztj_view_eq(s.bytes, f.s.bytes));
	ok(ztj_signed_from_json(ztj_buf_view(&json), &mem, &s));
	assert_int_equal(s.nsigs, 2);
	ok(ztj_signed_write(&s, &again));
	assert_true(ztj_view_eq(ztj_buf_view(&again), ztj_buf_view(&bin)));
	for (size_t n = 0; n < bin.n; n++) {
		ztj_rd_init(&rd, ztj_view_of(bin.p, n));
		assert_int_not_equal(ztj_signed_read(&rd, &s), ZTJ_OK);
		assert_int_equal(rd.left.n, n);
	}
	for (size_t n = 0; n < json.n; n += 7) {
		ztj_buf_reset(&mem);
		assert_int_not_equal(ztj_signed_from_json(ztj_view_of(json.p, n), &mem, &s), ZTJ_OK);
	}
	ztj_buf_free(&bin);
	ztj_buf_free(&json);
	ztj_buf_free(&mem);
	ztj_buf_free(&again);
	fx_signed_free(&f);
}

static void test_cache_remembers_only_what_verified(void **state)
{
	struct ztj_sigcache *c;
	struct fx_signed f;
	struct ztj_stmt *st;

	(void)state;
	ok(ztj_sigcache_new(8, &c));
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800, &f);
	for (int round = 0; round < 3; round++) {
		ok(ztj_stmt_open_cached(c, &f.s, ZTJ_STMT_REQUEST, "example", &st));
		assert_true(ztj_key_equal(&st->signer[0].key, &w.person[FX_REQ1].key.pub));
		assert_true(st->signer[0].info.user_verified);
		assert_int_equal(st->signer[0].info.counter, 7);
		ztj_stmt_free(st);
		f.bytes.p[100] ^= 1;
		assert_int_not_equal(ztj_stmt_open_cached(c, &f.s, ZTJ_STMT_REQUEST, "example", &st), ZTJ_OK);
		f.bytes.p[100] ^= 1;
		f.sig[0].p[f.sig[0].n - 1] ^= 1;
		assert_int_not_equal(ztj_stmt_open_cached(c, &f.s, ZTJ_STMT_REQUEST, "example", &st), ZTJ_OK);
		f.sig[0].p[f.sig[0].n - 1] ^= 1;
		/* the same bytes and signature under another name are another question */
		assert_int_not_equal(ztj_stmt_open_cached(c, &f.s, ZTJ_STMT_APPROVAL, "example", &st),
		    ZTJ_OK);
	}
	fx_signed_free(&f);
	for (int i = 0; i < 100; i++) { /* far more than it has room for */
		fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 1800 + i, &f);
		ok(ztj_stmt_open_cached(c, &f.s, ZTJ_STMT_REQUEST, "example", &st));
		ztj_stmt_free(st);
		fx_signed_free(&f);
	}
	ztj_sigcache_free(c);
}

static void test_peek(void **state)
{
	(void)state;
	assert_int_equal(ztj_stmt_peek(ztj_view_str(REQUEST)), ZTJ_STMT_REQUEST);
	assert_int_equal(ztj_stmt_peek(ztj_view_str("{\"type\":\"nonsense\"}")), ZTJ_STMT_NONE);
	assert_int_equal(ztj_stmt_peek(ztj_view_str("domain = \"example\";")), ZTJ_STMT_NONE);
	assert_int_equal(ztj_stmt_peek(ztj_view_of(NULL, 0)), ZTJ_STMT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S04_what_a_request_may_not_be),
		cmocka_unit_test(test_B04_S05_S17_values_of_a_request),
		cmocka_unit_test(test_S04_members_that_exclude_each_other),
		cmocka_unit_test(test_L01_render_shows_every_field),
		cmocka_unit_test(test_S03_L01_every_change_shows),
		cmocka_unit_test(test_S11_flips_and_truncations),
		cmocka_unit_test(test_parse_at_every_length),
		cmocka_unit_test(test_S01_S06_who_and_for_what),
		cmocka_unit_test(test_S18_pending_proves_every_key_and_no_other),
		cmocka_unit_test(test_S18_only_hosts_prove_a_token),
		cmocka_unit_test(test_stepup_is_signed_by_host_then_person),
		cmocka_unit_test(test_login_lasts_twelve_hours_at_most),
		cmocka_unit_test(test_containers_in_both_forms),
		cmocka_unit_test(test_cache_remembers_only_what_verified),
		cmocka_unit_test(test_peek),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
