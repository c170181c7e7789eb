/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Who is in which group and has a shell, when: what the gate publishes for libnss_ztjit while grants run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostd/rig.h"

static struct rig rig, *R = &rig;

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int setup_two(void **state)
{
	(void)state;
	rig_open(R, &rig_two_roles);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

/* ---- grants ---- */

static void test_a_membership_begins_and_ends_with_its_grant(void **state)
{
	char sh[ZTJ_NAMES_SHELL_SIZE];
	struct rig_grant g;
	size_t n;

	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &g);
	n = R->npublished[ZTJ_PUBLISH_GRANTS];
	rig_news(R, &g.request);
	rig_news(R, &g.lead);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n);
	rig_news(R, &g.sec);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n + 1);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	assert_int_equal(rig_shell(R, "req1", sh), 1799);
	assert_string_equal(sh, R->conf.shell);
	assert_int_equal(rig_shell(R, "req2", sh), RIG_GONE);
	/* nothing is written for nothing; and it ends by itself */
	rig_sleep(R, 800);
	rig_poke(R);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n + 1);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 999);
	rig_sleep(R, 999);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_poke(R);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n + 2);
	assert_int_equal(rig_shell(R, "req1", sh), RIG_GONE);
	assert_int_equal(rig_gid_of(R, "ztjit-root"), 61000);
	assert_int_equal(rig_uid_of(R, "req1"), 20001);
	rig_grant_free(&g);
}

static void test_a_shorter_limit_and_a_window_count(void **state)
{
	struct rig_grant g;

	(void)state;
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 600, &g);
	rig_grant_push(R, &g);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 599);
	rig_grant_free(&g);
}

static void test_revoked_it_is_gone_before_the_session(void **state)
{
	struct fx_signed revoked;
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	R->ntold = 0;
	R->before = 99;
	fx_revoke_request(&R->w, FX_REQ1, &R->w.person[FX_REQ1].key, &g.request, &revoked);
	rig_news(R, &revoked);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(R->before, 0);                    /* it was published first */
	assert_false(rig_told(R, ZTJ_WARDEN_SWEEP_GROUP)); /* all that is in it ends */
	fx_signed_free(&revoked);
	free(cert);
	rig_grant_free(&g);
}

static void request_at(int64_t start, const uint8_t *follows, struct rig_grant *g)
{
	const struct soft_key *k = &R->w.person[FX_REQ1].key;
	const char *host[1] = { "servers/web1" };
	struct ztj_stmt st;

	fx_stmt(&R->w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = "people/req1";
	st.u.request.role = "sudo-root";
	st.u.request.hosts = host;
	st.u.request.nhosts = 1;
	st.u.request.duration = 1200;
	st.u.request.reason = "disk full on the web tier";
	st.u.request.ticket = "INC-4711";
	st.u.request.valid_until = R->w.now + 3600;
	st.u.request.start = start;
	st.u.request.has_follows = follows != NULL;
	if (follows != NULL)
		memcpy(st.u.request.follows, follows, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &k, 1, &g->request);
	fx_approval(&R->w, FX_LEAD1, &g->request, false, 0, &g->lead);
	fx_approval(&R->w, FX_SEC1, &g->request, false, 0, &g->sec);
	rig_grant_push(R, g);
}

static void test_a_grant_in_the_future_begins_then(void **state)
{
	struct rig_grant g;

	(void)state;
	request_at(R->w.now + 600, NULL, &g);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_sleep(R, 599);
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_sleep(R, 1);
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1199);
	rig_grant_free(&g);
}

static void test_extended_it_goes_on(void **state)
{
	struct rig_grant g, more;

	(void)state;
	rig_give(R, "sudo-root", 600, &g);
	rig_sleep(R, 60);
	request_at(0, g.request.id, &more);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1199);
	rig_grant_free(&g);
	rig_grant_free(&more);
}

static void test_a_restart_publishes_before_it_answers(void **state)
{
	struct rig_grant g;
	struct ztj_buf before;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	ztj_buf_init(&before, 1 << 20);
	ok(ztj_buf_put(&before, R->published[ZTJ_PUBLISH_GRANTS].p, R->published[ZTJ_PUBLISH_GRANTS].n));
	rig_kill(R);
	rig_start(R);
	json_decref(rig_status(R)); /* its first answer */
	assert_int_equal(R->npublished[ZTJ_PUBLISH_PEOPLE], 1);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], 1);
	assert_true(ztj_view_eq(ztj_buf_view(&before), ztj_buf_view(&R->published[ZTJ_PUBLISH_GRANTS])));
	ztj_buf_free(&before);
	rig_grant_free(&g);
}

static void test_G02_clock_set_back_gives_nothing(void **state)
{
	struct rig_grant g;
	char *text;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	rig_sleep(R, 600);
	R->shared->now.sys -= 3600;
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	R->shared->now.sys += 3600;
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1199);
	/* half a minute is let pass, and gains nothing */
	R->shared->now.sys -= 30;
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1199);
	R->shared->now.boot += 1199;
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	ok(rig_control(R, ZTJ_MSG_CLOCK, ztj_view_of("\1", 1), &text));
	free(text);
	rig_grant_free(&g);
}

static void test_stale_nobody_is_in_a_group_until_the_broker_is_heard(void **state)
{
	struct rig_grant g, other;
	char *cert;

	(void)state;
	rig_give(R, "sudo-root", 3600, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 15 * 60 + 1); /* the rule's freshness */
	rig_grant(R, FX_REQ2, "sudo-root", 3600, 0, &other);
	rig_news(R, &other.request);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_status_now(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 3599 - 15 * 60 - 1);
	assert_false(rig_told(R, ZTJ_WARDEN_SWEEP_GROUP)); /* it was withheld, and is nobody's end */
	free(cert);
	rig_grant_free(&g);
	rig_grant_free(&other);
}

/* Where there are many, those that come together are counted together; what takes away does not wait for them. */
static void test_among_many_grants(void **state)
{
	struct fx_signed asked, revoked;
	struct rig_grant g;
	size_t n;

	(void)state;
	for (int i = 0; i < 64; i++) {
		fx_request(&R->w, FX_REQ2, "sudo-root", FX_WEB1, 600, &asked);
		rig_news(R, &asked);
		fx_signed_free(&asked);
	}
	n = R->npublished[ZTJ_PUBLISH_GRANTS];
	rig_give(R, "sudo-root", 1800, &g);
	for (int i = 0; i < 15000 && rig_member(R, "req1", "ztjit-root") == RIG_GONE; i++) {
		(void)usleep(1000);
		rig_warden(R);
	}
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n + 1);
	fx_revoke_request(&R->w, FX_REQ1, &R->w.person[FX_REQ1].key, &g.request, &revoked);
	rig_news(R, &revoked);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	fx_signed_free(&revoked);
	rig_grant_free(&g);
}

/* ---- a namesake in another directory ---- */

#define OTHERS \
	"registrars = ( { directory = \"others\"; threshold = 1; groups = [ \"sre\" ]; uids = [ 30000, 39999 ]; keys = [ \""

static int setup_others(void **state)
{
	static struct ztj_buf text;
	static struct fx_policy p = { .version = 2 };
	static struct fx_world w;
	char key[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf rest;

	fx_init(&w);
	ztj_buf_init(&text, 65536);
	ztj_buf_init(&rest, 65536);
	ok(ztj_key_to_text(&w.registrar[0].pub, key));
	fx_registrars(&w, NULL, NULL, NULL, &rest);
	ok(ztj_buf_printf(&text, OTHERS "%s\" ]; },%s", key, ztj_buf_str(&rest) + strlen("registrars = (")));
	p.registrars = ztj_buf_str(&text);
	(void)state;
	rig_open(R, &p);
	ztj_buf_free(&rest);
	ztj_buf_free(&text);
	fx_free(&w);
	return 0;
}

/* others/req1, by a key and with a uid of its own. */
static void add_namesake(struct fx_person *p)
{
	struct ztj_view put;
	struct ztj_dir_delta delta = { .nput = 1, .put = &put };
	struct fx_signed st;
	struct ztj_dir *set;
	struct ztj_buf rec;
	bool changed;

	*p = (struct fx_person){ .name = "req1",
		.full = "others/req1",
		.uid = 30001,
		.ngroups = 1,
		.groups = { "sre" } };
	fx_key(&p->key, ZTJ_KEY_SK_ED25519, 901);
	ztj_buf_init(&rec, ZTJ_RECORD_MAX);
	fx_user_record(p, &rec);
	put = ztj_buf_view(&rec);
	ok(ztj_dir_apply(NULL, "others", &delta, &set));
	fx_directory(&R->w, set, 1, NULL, &R->w.registrar[0], &st);
	ok(fx_offer(&R->w, set, &st, R->w.now, &changed));
	rig_directory(R, set, &st);
	rig_status_now(R);
	fx_signed_free(&st);
	ztj_dir_free(set);
	ztj_buf_free(&rec);
}

static void test_S13_a_namesake_of_another_directory_is_not_the_person(void **state)
{
	const char *host[1] = { "servers/web1" };
	struct fx_person other;
	const struct soft_key *k = &other.key;
	char sh[ZTJ_NAMES_SHELL_SIZE];
	struct rig_grant g, own;
	struct ztj_stmt st;

	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	add_namesake(&other);
	assert_int_equal(rig_uid_of(R, "req1"), 20001);
	assert_int_equal(rig_alarms(R, "others/req1 (uid 30001) is not published"), 1);
	fx_stmt(&R->w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = other.full;
	st.u.request.role = "sudo-root";
	st.u.request.hosts = host;
	st.u.request.nhosts = 1;
	st.u.request.duration = 1200;
	st.u.request.reason = "disk full on the web tier";
	st.u.request.ticket = "INC-4711";
	st.u.request.valid_until = R->w.now + 3600;
	fx_stmt_sign(&st, FX_UV, &k, 1, &g.request);
	fx_approval(&R->w, FX_LEAD1, &g.request, false, 0, &g.lead);
	fx_approval(&R->w, FX_SEC1, &g.request, false, 0, &g.sec);
	rig_grant_push(R, &g);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	assert_int_equal(rig_shell(R, "req1", sh), RIG_GONE);
	rig_give(R, "sudo-root", 1800, &own);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	rig_grant_free(&g);
	rig_grant_free(&own);
	soft_key_free(&other.key);
}

/* ---- shells ---- */

static void one_approval(const char *role, int64_t duration, struct rig_grant *g)
{
	rig_grant(R, FX_REQ1, role, duration, 0, g);
	rig_news(R, &g->request);
	rig_news(R, &g->lead);
}

static uint32_t left(uint32_t *gid)
{
	for (size_t i = 0; i < R->ntold; i++)
		if (R->told[i].op == ZTJ_WARDEN_SWEEP_GROUP) {
			*gid = R->told[i].flags;
			return R->told[i].n;
		}
	return 0;
}

/* Two grants at once: what the one gave must not live on in a session by the other. */
static void test_P3_a_group_is_left_though_the_session_goes_on(void **state)
{
	struct rig_grant longer, g;
	struct fx_signed revoked;
	uint32_t gid = 0;
	char *cert;

	(void)state;
	one_approval("plain", 3600, &longer); /* ztjit-web */
	one_approval("recorded", 1800, &g);   /* ztjit-web and ztjit-db */
	rig_cert(R, &longer, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 300);
	rig_poke(R);
	assert_int_equal(left(&gid), 0);
	fx_revoke_request(&R->w, FX_REQ1, &R->w.person[FX_REQ1].key, &g.request, &revoked);
	rig_news(R, &revoked);
	assert_int_equal(rig_member(R, "req1", "ztjit-db"), RIG_GONE);
	assert_true(rig_member(R, "req1", "ztjit-web") > 0);
	assert_int_equal(left(&gid), 20001);
	assert_int_equal(gid, 61002);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	R->ntold = 0;
	rig_poke(R);
	assert_int_equal(left(&gid), 0); /* once */
	fx_signed_free(&revoked);
	free(cert);
	rig_grant_free(&longer);
	rig_grant_free(&g);
}

/* News that the next status need not know of. */
static void nudge(void)
{
	struct rig_grant other;

	rig_grant(R, FX_REQ2, "plain", 600, 0, &other);
	rig_news(R, &other.request);
	rig_grant_free(&other);
}

static void test_P3_a_group_is_left_at_the_end_and_after_a_restart(void **state)
{
	struct rig_grant longer, g;
	uint32_t gid = 0;
	char *cert;

	(void)state;
	one_approval("plain", 3600, &longer);
	one_approval("recorded", 1800, &g);
	rig_cert(R, &longer, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 1799); /* the second that is not given away is not taken from what runs */
	nudge();
	assert_int_equal(rig_member(R, "req1", "ztjit-db"), RIG_GONE);
	assert_int_equal(left(&gid), 0);
	rig_sleep(R, 1);
	nudge();
	assert_int_equal(left(&gid), 20001);
	assert_int_equal(gid, 61002);
	rig_kill(R);
	rig_start(R);
	rig_sync(R);
	assert_int_equal(left(&gid), 20001); /* the gate before may not have come to it */
	free(cert);
	rig_grant_free(&longer);
	rig_grant_free(&g);
}

static void test_what_is_recorded_has_the_recorder_as_its_shell(void **state)
{
	char sh[ZTJ_NAMES_SHELL_SIZE];
	struct rig_grant plain, recorded;

	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	one_approval("plain", 3600, &plain);
	assert_int_equal(rig_shell(R, "req1", sh), 3599);
	assert_string_equal(sh, R->conf.shell);
	one_approval("recorded", 600, &recorded);
	assert_int_equal(rig_shell(R, "req1", sh), 599);
	assert_string_equal(sh, "/bin/sh"); /* the rig's recorder */
	assert_int_equal(rig_member(R, "req1", "ztjit-web"), 3599);
	assert_int_equal(rig_member(R, "req1", "ztjit-db"), 599);
	assert_int_equal(rig_gid_of(R, "ztjit-rec2"), 61003);
	rig_sleep(R, 600);
	rig_poke(R);
	assert_int_equal(rig_shell(R, "req1", sh), 2999);
	assert_string_equal(sh, R->conf.shell);
	assert_int_equal(rig_member(R, "req1", "ztjit-db"), RIG_GONE);
	rig_grant_free(&plain);
	rig_grant_free(&recorded);
}

static void test_a_local_account_keeps_its_shell(void **state)
{
	char sh[ZTJ_NAMES_SHELL_SIZE];
	struct rig_grant g;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	assert_int_equal(rig_shell(R, "req1", sh), RIG_GONE);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	/* a namesake is not the person */
	rig_locals(R, RIG_NOBODY "req1:x:5000:5000::/:/bin/sh\n", NULL);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	rig_grant_free(&g);
}

/* ---- logins ---- */

static void test_login_without_a_local_account(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	rig_give(R, "sudo-root", 1800, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	assert_int_equal(rig_sessions(R), 1);
	free(cert);
	rig_grant_free(&g);
}

static void test_a_grant_that_nobody_pushed_lets_in_the_second_time(void **state)
{
	char sh[ZTJ_NAMES_SHELL_SIZE];
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_locals(R, RIG_NOBODY, NULL);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	fails(rig_login(R, "req1", cert), ZTJ_STATE);
	assert_non_null(strstr(R->text, "log in again"));
	assert_int_equal(rig_shell(R, "req1", sh), 1799);
	fails(rig_login(R, "req1", cert), ZTJ_STATE); /* the same sshd, with the account as it was */
	rig_proc(R, 101, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

/* ---- faults ---- */

static void test_what_could_not_be_published_is_tried_again(void **state)
{
	struct rig_grant g;

	(void)state;
	R->publish_code = ZTJ_NO_SPACE;
	rig_give(R, "sudo-root", 1800, &g);
	rig_poke(R);
	assert_int_equal(rig_alarms(R, "grants could not be published"), 1);
	R->publish_code = ZTJ_OK;
	rig_poke(R);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), 1799);
	rig_grant_free(&g);
}

static void test_an_import_is_answered_when_it_stands(void **state)
{
	struct fx_signed revoked;
	struct ztj_buf json, body;
	struct rig_grant g;
	char *text;
	size_t n;

	(void)state;
	rig_give(R, "sudo-root", 1800, &g);
	n = R->npublished[ZTJ_PUBLISH_GRANTS];
	fx_revoke_request(&R->w, FX_REQ1, &R->w.person[FX_REQ1].key, &g.request, &revoked);
	ztj_buf_init(&json, 256 * 1024);
	ztj_buf_init(&body, 256 * 1024);
	ok(ztj_signed_to_json(&revoked.s, &json));
	ok(ztj_buf_put_view(&body, ztj_buf_view(&json)));
	ok(rig_control(R, ZTJ_MSG_IMPORT, ztj_buf_view(&body), &text));
	assert_string_equal(text, "taken");
	assert_int_equal(R->npublished[ZTJ_PUBLISH_GRANTS], n + 1);
	assert_int_equal(rig_member(R, "req1", "ztjit-root"), RIG_GONE);
	free(text);
	ztj_buf_free(&json);
	ztj_buf_free(&body);
	fx_signed_free(&revoked);
	rig_grant_free(&g);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_a_membership_begins_and_ends_with_its_grant),
		T(test_a_shorter_limit_and_a_window_count), T(test_revoked_it_is_gone_before_the_session),
		T(test_a_grant_in_the_future_begins_then), T(test_extended_it_goes_on),
		T(test_a_restart_publishes_before_it_answers), T(test_G02_clock_set_back_gives_nothing),
		T(test_stale_nobody_is_in_a_group_until_the_broker_is_heard),
		T2(test_what_is_recorded_has_the_recorder_as_its_shell),
		T2(test_P3_a_group_is_left_though_the_session_goes_on),
		T2(test_P3_a_group_is_left_at_the_end_and_after_a_restart),
		cmocka_unit_test_setup_teardown(test_S13_a_namesake_of_another_directory_is_not_the_person,
		    setup_others, teardown),
		T(test_a_local_account_keeps_its_shell), T(test_login_without_a_local_account),
		T(test_a_grant_that_nobody_pushed_lets_in_the_second_time), T(test_among_many_grants),
		T(test_what_could_not_be_published_is_tried_again),
		T(test_an_import_is_answered_when_it_stands) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
