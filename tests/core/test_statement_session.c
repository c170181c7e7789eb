/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statements about sessions and their records: head, view and kill; and a host's word on standing access. */
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
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define START(type) \
	"{\"v\":1,\"type\":\"" type "\",\"domain\":\"example\",\"issued\":\"2026-11-22T09:00:00Z\","
#define HEAD(chunks, bytes, digest, state) \
	START("head") \
	"\"host\":\"servers/web1\",\"session\":\"" HEX "\",\"chunks\":" chunks ",\"bytes\":" bytes \
	",\"digest\":\"" digest "\",\"state\":" state "}"
#define NONCE "\"nonce\":\"" HEX "\"}"
#define VIEW(sessions, action) \
	START("view") "\"who\":\"people/sec1\",\"sessions\":" sessions ",\"action\":" action "," NONCE
#define S1 "\"S-0000000001\""
#define S2 "\"S-0000000002\""
#define KILL(host, session, reason) \
	START("kill") \
	"\"who\":\"people/sec1\",\"host\":" host ",\"session\":" session ",\"reason\":" reason "," NONCE
#define H "\"servers/web1\""
#define S "\"" HEX "\""

#define STANDING(host, counts, digest) START("standing") "\"host\":" host "," counts ",\"digest\":" digest "}"
#define NONE_LEFT "\"standing\":0,\"accepted\":0,\"expired\":0,\"missed\":0"

struct parse_case {
	const char *text;
	int want;
};

static void parse_all(enum ztj_stmt_type type, const struct parse_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ztj_stmt *st;
		int r = ztj_stmt_parse(ztj_view_str(c[i].text), type, "example", &st);

		assert_true((st == NULL) == (r != ZTJ_OK));
		ztj_stmt_free(st);
		if (r != c[i].want)
			fail_msg("%s: %s", c[i].text, ztj_err_name(r));
	}
}
#define PARSE_ALL(type, cases) parse_all(type, cases, sizeof(cases) / sizeof((cases)[0]))

static void test_what_a_head_may_not_be(void **state)
{
	static const struct parse_case cases[] = {
		{ HEAD("1", "900", HEX, "\"open\""), ZTJ_OK },
		{ HEAD("1", "900", HEX, "\"closed\""), ZTJ_OK },
		{ HEAD("1", "900", HEX, "\"lost\""), ZTJ_OK },
		{ HEAD("0", "0", ZEROS, "\"open\""), ZTJ_OK },
		{ HEAD("0", "0", ZEROS, "\"lost\""), ZTJ_OK },
		{ HEAD("0", "1", ZEROS, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("0", "0", HEX, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "0", HEX, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", ZEROS, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("4294967295", "900", HEX, "\"open\""), ZTJ_OK },
		{ HEAD("4294967296", "900", HEX, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "9007199254740992", HEX, "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("-1", "900", HEX, "\"open\""), ZTJ_BAD_JSON },
		{ HEAD("1", "900", HEX, "\"Open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", HEX, "\"\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", HEX, "\"play\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", HEX, "0"), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", "AA", "\"open\""), ZTJ_MEMBER_TYPE },
		{ HEAD("1", "900", HEX, "\"open\",\"x\":1"), ZTJ_MEMBER_UNKNOWN },
		{ START("head") "\"host\":\"servers/web1\"}", ZTJ_MEMBER_MISSING },
		{ VIEW("[" S1 "]", "\"play\""), ZTJ_STMT_TYPE },
	};

	(void)state;
	PARSE_ALL(ZTJ_STMT_HEAD, cases);
}

static void test_what_a_view_may_not_be(void **state)
{
	static const struct parse_case cases[] = {
		{ VIEW("[" S1 "]", "\"play\""), ZTJ_OK },
		{ VIEW("[" S1 "," S2 "]", "\"tail\""), ZTJ_OK },
		{ VIEW("[" S1 "]", "\"search\""), ZTJ_OK },
		{ VIEW("[" S1 "]", "\"export\""), ZTJ_OK },
		{ VIEW("[" S1 "]", "\"delete\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[" S1 "]", "\"open\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[]", "\"play\""), ZTJ_MEMBER_TYPE },
		{ VIEW(S1, "\"play\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[" S1 "," S1 "]", "\"play\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[" S2 "," S1 "]", "\"play\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[\"s-0000000001\"]", "\"play\""), ZTJ_BAD_NAME },
		{ VIEW("[\"S-000000000O\"]", "\"play\""), ZTJ_BAD_NAME },
		{ VIEW("[\"R-0000000001\"]", "\"play\""), ZTJ_BAD_NAME },
		{ VIEW("[\"../0000000001\"]", "\"play\""), ZTJ_BAD_NAME },
		{ VIEW("[\"\"]", "\"play\""), ZTJ_BAD_NAME },
		{ VIEW("[1]", "\"play\""), ZTJ_MEMBER_TYPE },
		{ VIEW("[" S1 "]", "\"play\",\"seen\":{}"), ZTJ_MEMBER_UNKNOWN },
	};

	(void)state;
	PARSE_ALL(ZTJ_STMT_VIEW, cases);
}

static void test_what_a_kill_may_not_be(void **state)
{
	static const struct parse_case cases[] = {
		{ KILL(H, S, "\"not at night\""), ZTJ_OK },
		{ KILL(H, S, "\"\""), ZTJ_MEMBER_TYPE },
		{ KILL(H, S, "null"), ZTJ_MEMBER_TYPE },
		{ KILL(H, S, "\"a\\u001bb\""), ZTJ_BAD_TEXT },
		{ KILL("\"web1\"", S, "\"r\""), ZTJ_BAD_NAME },
		{ KILL(H, S1, "\"r\""), ZTJ_MEMBER_TYPE },
		{ KILL(H, "\"" HEX "00\"", "\"r\""), ZTJ_MEMBER_TYPE },
		{ KILL(H, S, "\"r\",\"until\":1"), ZTJ_MEMBER_UNKNOWN },
	};

	(void)state;
	PARSE_ALL(ZTJ_STMT_KILL, cases);
}

static void test_what_a_standing_may_not_be(void **state)
{
	static const struct parse_case cases[] = {
		{ STANDING(H, NONE_LEFT, S), ZTJ_OK },
		{ STANDING(H, "\"standing\":4294967295,\"accepted\":1,\"expired\":2,\"missed\":3", S),
		    ZTJ_OK },
		{ STANDING(H, "\"standing\":4294967296,\"accepted\":1,\"expired\":2,\"missed\":3", S),
		    ZTJ_MEMBER_TYPE },
		{ STANDING(H, "\"standing\":-1,\"accepted\":1,\"expired\":2,\"missed\":3", S), ZTJ_BAD_JSON },
		{ STANDING(H, "\"standing\":1,\"accepted\":1,\"expired\":2", S), ZTJ_MEMBER_MISSING },
		{ STANDING(H, NONE_LEFT ",\"x\":1", S), ZTJ_MEMBER_UNKNOWN },
		{ STANDING("\"web1\"", NONE_LEFT, S), ZTJ_BAD_NAME },
		{ STANDING(H, NONE_LEFT, "\"00\""), ZTJ_MEMBER_TYPE },
	};

	(void)state;
	PARSE_ALL(ZTJ_STMT_STANDING, cases);
}

static void standing(struct ztj_stmt *st)
{
	fx_stmt(&w, st, ZTJ_STMT_STANDING);
	st->u.standing.host = "servers/web1";
	st->u.standing.standing = 3;
	st->u.standing.accepted = 1;
	st->u.standing.expired = 2;
	memset(st->u.standing.digest, 0xab, ZTJ_DIGEST_LEN);
}

static void head(struct ztj_stmt *st)
{
	fx_stmt(&w, st, ZTJ_STMT_HEAD);
	st->u.head.host = "servers/web1";
	memset(st->u.head.session, 0xcd, ZTJ_DIGEST_LEN);
	st->u.head.chunks = 17;
	st->u.head.bytes = 123456789012;
	memset(st->u.head.digest, 0xab, ZTJ_DIGEST_LEN);
	st->u.head.state = ZTJ_HEAD_LOST;
}

static void view(struct ztj_stmt *st)
{
	static const char *sessions[2] = { "S-0000000001", "S-000000000Z" };

	fx_stmt(&w, st, ZTJ_STMT_VIEW);
	st->u.view.who = "people/sec1";
	st->u.view.sessions = sessions;
	st->u.view.nsessions = 2;
	st->u.view.action = ZTJ_VIEW_EXPORT;
}

static void kill_session(struct ztj_stmt *st)
{
	fx_stmt(&w, st, ZTJ_STMT_KILL);
	st->u.kill.who = "people/sec1";
	st->u.kill.host = "servers/web1";
	memset(st->u.kill.session, 0xcd, ZTJ_DIGEST_LEN);
	st->u.kill.reason = "wrong host \xe2\x82\xac";
}

#define CD "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define AB "abababababababababababababababababababababababababababababababab"

static const struct kind {
	enum ztj_stmt_type type;
	void (*make)(struct ztj_stmt *st);
	bool machine;
	const char *lines; /* after the common ones */
} kinds[] = {
	{ ZTJ_STMT_HEAD, head, true,
	    "host: servers/web1\nsession: " CD "\nchunks: 17\nbytes: 123456789012\nnewest chunk: " AB
	    "\nstate: lost\n" },
	{ ZTJ_STMT_VIEW, view, false,
	    "who: people/sec1\nsession: S-0000000001\nsession: S-000000000Z\naction: export\nnonce: 0000" },
	{ ZTJ_STMT_KILL, kill_session, false,
	    "who: people/sec1\nhost: servers/web1\nsession to end: " CD
	    "\nreason: wrong host \xe2\x82\xac\nnonce: 0000" },
	{ ZTJ_STMT_STANDING, standing, true,
	    "host: servers/web1\nstanding: 3\naccepted: 1\nexpired exceptions: 2\nnot looked at: 0\nreport: " AB
	    "\n" },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void make_signed(const struct kind *k, struct fx_signed *out)
{
	const struct soft_key *key = k->machine ? &w.host[FX_WEB1].machine : &w.person[FX_SEC1].key;
	struct ztj_stmt st;

	k->make(&st);
	fx_stmt_sign(&st, FX_UP, &key, 1, out);
}

static int signed_by(const struct fx_signed *f, enum ztj_stmt_type ns, enum ztj_stmt_type type,
    const struct soft_key *a, const struct soft_key *b)
{
	struct fx_signed g;
	struct ztj_stmt *st;
	int r;

	fx_signed_init(&g, f->s.bytes);
	fx_signed_add(&g, ns, a, FX_UP);
	if (b != NULL)
		fx_signed_add(&g, ns, b, FX_UP);
	r = ztj_stmt_open(&g.s, type, "example", &st);
	ztj_stmt_free(st);
	fx_signed_free(&g);
	return r;
}

static void test_S01_S06_who_and_for_what(void **state)
{
	const struct soft_key *person = &w.person[FX_SEC1].key, *machine = &w.host[FX_WEB1].machine;

	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		const struct kind *k = &kinds[i];
		const struct soft_key *right = k->machine ? machine : person,
				      *wrong = k->machine ? person : machine;
		enum ztj_stmt_type peek;
		struct fx_signed f;

		make_signed(k, &f);
		ok(signed_by(&f, k->type, k->type, right, NULL));
		fails(signed_by(&f, k->type, k->type, wrong, NULL), ZTJ_KEY_TYPE);
		fails(signed_by(&f, k->type, k->type, right, wrong), ZTJ_SIGNER);
		fails(signed_by(&f, ZTJ_STMT_REVOCATION, k->type, right, NULL), ZTJ_SIG_NAMESPACE);
		fails(signed_by(&f, ZTJ_STMT_REVOCATION, ZTJ_STMT_REVOCATION, right, NULL), ZTJ_STMT_TYPE);
		ok(ztj_signed_peek(&f.s, &peek));
		assert_int_equal(peek, k->type);
		assert_int_equal(ztj_stmt_peek(f.s.bytes), k->type);
		assert_int_equal(ztj_stmt_type_from(ztj_stmt_type_name(k->type)), k->type);
		fx_signed_free(&f);
	}
}

static void test_built_is_what_is_opened(void **state)
{
	struct fx_signed f;
	struct ztj_stmt *st, made;

	(void)state;
	make_signed(&kinds[0], &f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_HEAD, "example", &st));
	head(&made);
	assert_string_equal(st->u.head.host, made.u.head.host);
	assert_memory_equal(st->u.head.session, made.u.head.session, ZTJ_DIGEST_LEN);
	assert_memory_equal(st->u.head.digest, made.u.head.digest, ZTJ_DIGEST_LEN);
	assert_int_equal(st->u.head.chunks, 17);
	assert_int_equal(st->u.head.bytes, 123456789012);
	assert_int_equal(st->u.head.state, ZTJ_HEAD_LOST);
	ztj_stmt_free(st);
	fx_signed_free(&f);
	make_signed(&kinds[1], &f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_VIEW, "example", &st));
	assert_int_equal(st->u.view.nsessions, 2);
	assert_string_equal(st->u.view.sessions[1], "S-000000000Z");
	assert_int_equal(st->u.view.action, ZTJ_VIEW_EXPORT);
	assert_int_equal(strlen(st->nonce), 64);
	ztj_stmt_free(st);
	fx_signed_free(&f);
	make_signed(&kinds[2], &f);
	ok(ztj_stmt_open(&f.s, ZTJ_STMT_KILL, "example", &st));
	assert_string_equal(st->u.kill.who, "people/sec1");
	assert_memory_equal(st->u.kill.session, made.u.head.session, ZTJ_DIGEST_LEN);
	assert_int_equal(strlen(st->nonce), 64);
	ztj_stmt_free(st);
	fx_signed_free(&f);
}

static void test_no_value_outside_the_words(void **state)
{
	struct ztj_stmt st;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_STMT_MAX);
	head(&st);
	st.u.head.state = (enum ztj_head_state)3;
	fails(ztj_stmt_build(&st, NULL, &b), ZTJ_MEMBER_TYPE);
	ztj_buf_reset(&b);
	view(&st);
	st.u.view.action = (enum ztj_view_action)4;
	fails(ztj_stmt_build(&st, HEX, &b), ZTJ_MEMBER_TYPE);
	ztj_buf_free(&b);
}

static void test_L01_render_shows_every_field(void **state)
{
	static const char common[] = "domain: example\nissued: 2026-11-22T09:00:00Z (1 min ago)\n";

	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		struct fx_signed f;
		struct ztj_stmt *st;
		struct ztj_buf out;
		const char *text;

		make_signed(&kinds[i], &f);
		ok(ztj_stmt_open(&f.s, kinds[i].type, "example", &st));
		ztj_buf_init(&out, 65536);
		ok(ztj_stmt_render(st, w.now + 60, &out));
		assert_non_null(text = ztj_buf_str(&out));
		assert_non_null(text = strstr(text, common));
		assert_memory_equal(text + strlen(common), kinds[i].lines, strlen(kinds[i].lines));
		ztj_buf_free(&out);
		ztj_stmt_free(st);
		fx_signed_free(&f);
	}
}

/* Every flip that still parses shows. */
static void test_S03_L01_every_change_shows(void **state)
{
	struct ztj_buf out, one;

	(void)state;
	ztj_buf_init(&one, 65536);
	ztj_buf_init(&out, 65536);
	for (size_t k = 0; k < NKINDS; k++) {
		struct fx_signed f;
		struct ztj_stmt *st;
		size_t shown = 0;

		make_signed(&kinds[k], &f);
		ztj_buf_reset(&one);
		ok(ztj_stmt_parse(f.s.bytes, kinds[k].type, "example", &st));
		ok(ztj_stmt_render(st, 0, &one));
		ztj_stmt_free(st);
		for (size_t i = 0; i < 7 * f.bytes.n; i++) {
			uint8_t bit = (uint8_t)(1u << i % 7);

			f.bytes.p[i / 7] ^= bit;
			if (ztj_stmt_parse(f.s.bytes, kinds[k].type, "example", &st) == ZTJ_OK) {
				ztj_buf_reset(&out);
				ok(ztj_stmt_render(st, 0, &out));
				assert_false(ztj_view_eq(ztj_buf_view(&one), ztj_buf_view(&out)));
				ztj_stmt_free(st);
				shown++;
			}
			f.bytes.p[i / 7] ^= bit;
		}
		assert_true(shown > 100);
		fx_signed_free(&f);
	}
	ztj_buf_free(&one);
	ztj_buf_free(&out);
}

static void test_parse_at_every_length(void **state)
{
	(void)state;
	for (size_t k = 0; k < NKINDS; k++) {
		struct fx_signed f;

		make_signed(&kinds[k], &f);
		for (size_t n = 0; n < f.bytes.n; n++) {
			struct ztj_stmt *st;
			uint8_t *copy = test_malloc(n + 1);

			memcpy(copy, f.bytes.p, n);
			assert_int_not_equal(ztj_stmt_parse(ztj_view_of(copy, n), kinds[k].type, "example",
						 &st),
			    ZTJ_OK);
			assert_null(st);
			test_free(copy);
		}
		fx_signed_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_head_may_not_be),
		cmocka_unit_test(test_what_a_view_may_not_be),
		cmocka_unit_test(test_what_a_kill_may_not_be),
		cmocka_unit_test(test_what_a_standing_may_not_be),
		cmocka_unit_test(test_S01_S06_who_and_for_what),
		cmocka_unit_test(test_built_is_what_is_opened),
		cmocka_unit_test(test_no_value_outside_the_words),
		cmocka_unit_test(test_L01_render_shows_every_field),
		cmocka_unit_test(test_S03_L01_every_change_shows),
		cmocka_unit_test(test_parse_at_every_length),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
