/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directories that two registrars must sign: what waits for the second is pending and inert. */
#include <stdio.h>
#include <string.h>

#include "tests/broker/bk.h"

/* Both registrar keys of the world for people, two of them wanted; one for servers. */
static void two_of_two(struct bk *b, const char *limits)
{
	char one[ZTJ_KEY_TEXT_SIZE], two[ZTJ_KEY_TEXT_SIZE], text[4 * ZTJ_KEY_TEXT_SIZE];
	ok(ztj_key_to_text(&b->w.registrar[0].pub, one));
	ok(ztj_key_to_text(&b->w.registrar[1].pub, two));
	(void)snprintf(text, sizeof(text),
	    "registrars = (\n"
	    "  { directory = \"people\"; keys = [ \"%s\", \"%s\" ]; threshold = 2;\n"
	    "    groups = [ \"sre\", \"sre-leads\", \"security\" ]; uids = [ 20000, 29999 ]; },\n"
	    "  { directory = \"servers\"; keys = [ \"%s\" ]; threshold = 1; labels = { env = [ \"prod\", \"test\" ]; }; } );\n",
	    one, two, two);
	const struct fx_policy p = { .registrars = text, .more = limits };
	bk_policy(b, &p);
}

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_identity = 1000;\nrate_statements = 10000;\nrate_anonymous = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_REQ2);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* The signature of k over st as its only one, with a counter of its own. */
static void sign_alone(struct fx_signed *st, const struct soft_key *k, uint32_t counter)
{
	struct ztj_buf tbs, sig;
	ztj_buf_init(&tbs, 1024);
	ztj_buf_init(&sig, 1024);
	ztj_buf_reset(&st->sig[0]);
	ok(ztj_sshsig_tbs("directory@ztjit", st->s.bytes, &tbs));
	soft_key_sign(k, ztj_buf_view(&tbs), FX_UP, counter, &sig);
	ok(ztj_sshsig_wrap(&k->pub, "directory@ztjit", ztj_buf_view(&sig), &st->sig[0]));
	st->s.sig[0] = ztj_buf_view(&st->sig[0]);
	st->s.nsigs = 1;
	ztj_buf_free(&tbs);
	ztj_buf_free(&sig);
}

static const char *state_of(const struct bk *b)
{
	const char *s = b->status == 201 ? bk_text(b, "state") : NULL;
	return s != NULL ? s : b->error;
}

/* req2 is left out of a directory that only one has signed: nothing happens, whoever looks. */
static void draft_is_inert(struct bk *b, int64_t serial)
{
	(void)bk_get(b, &b->host_tls[FX_WEB1], "/v1/directories/people?since=0");
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "serial"), serial);
	assert_int_equal(json_array_size(json_object_get(b->json, "put")), FX_PEOPLE);
	assert_null(json_object_get(b->json, "pending"));
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 200, "");
	/* Registrars see what waits for them, and on what it stands. */
	(void)bk_get(b, &b->registrar[1], "/v1/directories/people?since=0");
	bk_expect(b, 200, "");
	json_t *pending = json_object_get(b->json, "pending");
	assert_int_equal(json_integer_value(json_object_get(pending, "base")), serial);
	assert_int_equal(json_array_size(json_object_get(pending, "drop")), 1);
}

/* A threshold that is raised makes the directory that one signed inert itself, until both have signed one. */
static void both_sign(struct bk *b)
{
	struct ztj_dir *set = bk_directory_set(b, 0, -1);
	struct fx_signed st;
	two_of_two(b, NULL);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	bk_directory_next(b, 0, set, &st);
	sign_alone(&st, &b->w.registrar[0], 100);
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	assert_string_equal(state_of(b), "pending");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	sign_alone(&st, &b->w.registrar[1], 100);
	fx_signed_add(&st, ZTJ_STMT_DIRECTORY, &b->w.registrar[0], FX_UP); /* the first again */
	(void)bk_directory_post(b, 0, &b->registrar[1], set, &st);
	assert_string_equal(state_of(b), "current");
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests");
	bk_expect(b, 200, "");
	ztj_dir_free(set);
	fx_signed_free(&st);
}

static void test_S12_draft_wants_two(void **state)
{
	struct bk *b = *state;
	struct fx_signed st;
	both_sign(b);
	int64_t serial = b->dir_serial[0];
	struct ztj_dir *set = bk_directory_set(b, 0, FX_REQ2);
	bk_directory_next(b, 0, set, &st);
	/* somebody who is no registrar leaves nothing behind */
	sign_alone(&st, &b->w.stranger, 1);
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	bk_expect(b, 403, "wrong-signer");
	/* one signature; the same once more; a fresh one by the same key */
	sign_alone(&st, &b->w.registrar[0], 201);
	for (int i = 0; i < 2; i++) {
		(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
		assert_string_equal(state_of(b), "pending");
		draft_is_inert(b, serial);
	}
	sign_alone(&st, &b->w.registrar[0], 202);
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	assert_string_equal(state_of(b), "pending");
	/* one key twice in one post */
	fx_signed_add(&st, ZTJ_STMT_DIRECTORY, &b->w.registrar[0], FX_UP);
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	bk_expect(b, 403, "too-few-signatures");
	/* a stranger beside it does not count either */
	sign_alone(&st, &b->w.stranger, 2);
	(void)bk_directory_post(b, 0, &b->registrar[1], set, &st);
	assert_string_equal(state_of(b), "pending");
	draft_is_inert(b, serial);
	/* it waits through a restart */
	bk_stop(b);
	bk_serve(b);
	draft_is_inert(b, serial);
	/* the second alone, over the same bytes: now both stand under it */
	sign_alone(&st, &b->w.registrar[1], 201);
	(void)bk_directory_post(b, 0, &b->registrar[1], set, &st);
	assert_string_equal(b->status == 201 ? bk_text(b, "state") : b->error, "current");
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 401, "forbidden");
	(void)bk_get(b, &b->registrar[0], "/v1/directories/people?since=%lld", (long long)serial);
	bk_expect(b, 200, "");
	assert_int_equal(bk_int(b, "serial"), serial + 1);
	assert_null(json_object_get(b->json, "pending"));
	/* S08: that the first signature came along twice was no copy of a key at work */
	assert_false(bk_logged(b, "from 202 to 202"));
	assert_false(bk_logged(b, "from 201 to 201"));
	(void)bk_directory_post(b, 0, &b->registrar[1], set, &st);
	assert_true(b->status == 409 || b->status == 200);
	ztj_dir_free(set);
	fx_signed_free(&st);
}

/* Another draft takes the place of the first, whose signatures are not lent to it; an old base is refused. */
static void test_S12_draft_replaced(void **state)
{
	struct bk *b = *state;
	struct fx_signed one, two;
	both_sign(b);
	struct ztj_dir *set1 = bk_directory_set(b, 0, FX_REQ2), *set2 = bk_directory_set(b, 0, FX_OUT1);
	bk_directory_next(b, 0, set1, &one);
	bk_directory_next(b, 0, set2, &two);
	sign_alone(&one, &b->w.registrar[0], 301);
	sign_alone(&two, &b->w.registrar[1], 301);
	(void)bk_directory_post(b, 0, &b->registrar[0], set1, &one);
	assert_string_equal(state_of(b), "pending");
	(void)bk_directory_post(b, 0, &b->registrar[1], set2, &two);
	assert_string_equal(state_of(b), "pending");
	(void)bk_directory_post(b, 0, &b->registrar[0], set1, &one);
	assert_string_equal(state_of(b), "pending");
	/* records that are not the ones that were signed */
	sign_alone(&one, &b->w.registrar[1], 302);
	(void)bk_directory_post(b, 0, &b->registrar[1], set2, &one);
	assert_true(b->status == 403 || b->status == 400 || b->status == 409);
	b->dir_serial[0]--;
	(void)bk_directory_post(b, 0, &b->registrar[1], set1, &one);
	bk_expect(b, 409, "wrong-state");
	b->dir_serial[0]++;
	(void)bk_directory_post(b, 0, &b->registrar[1], set1, &one);
	assert_string_equal(state_of(b), "current");
	ztj_dir_free(set1);
	ztj_dir_free(set2);
	fx_signed_free(&one);
	fx_signed_free(&two);
}

/* limits.directory_max ends a directory, whatever it says itself: one that was signed longer ago is over already. */
static void test_S07_directory_max(void **state)
{
	struct bk *b = *state;
	struct fx_signed st;
	both_sign(b);
	two_of_two(b, "limits = { directory_max = \"1h\"; };\n");
	struct ztj_dir *set = bk_directory_set(b, 0, FX_REQ2);
	b->w.now -= 3600 + 60; /* the first of two may have signed a day before */
	bk_directory_next(b, 0, set, &st);
	bk_clock(b);
	fx_signed_add(&st, ZTJ_STMT_DIRECTORY, &b->w.registrar[1], FX_UP);
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	bk_expect(b, 403, "directory-expired");
	(void)bk_get(b, &b->login[FX_REQ2], "/v1/requests");
	bk_expect(b, 200, "");
	two_of_two(b, "limits = { directory_max = \"2h\"; };\n");
	(void)bk_directory_post(b, 0, &b->registrar[0], set, &st);
	bk_expect(b, 201, "");
	ztj_dir_free(set);
	fx_signed_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_S12_draft_wants_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_S12_draft_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_S07_directory_max, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
