/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statements that end one session: by whom, which, when, and how often. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)

static const struct fx_policy audited = {
	.version = 2,
	.more = "auditors = [ \"@security\" ];\n",
};

static struct rig_grant grant[2];
static uint8_t name[2][ZTJ_DIGEST_LEN];

static void login(int who, const char *role, const char *account, pid_t pid, struct rig_grant *g)
{
	char *cert;

	rig_grant(R, who, role, 1800, 0, g);
	rig_cert(R, g, &R->w.person[who].key, NULL, &cert);
	rig_proc(R, pid, 0, "/", 0);
	fails(rig_login(R, account, cert), ZTJ_OK);
	free(cert);
}

/* Two sessions: req1 as req1, req2 as root. */
static int setup(void **state)
{
	json_t *o, *list;

	(void)state;
	rig_open(R, &audited);
	login(FX_REQ1, "sudo-root", "req1", 200, &grant[0]);
	login(FX_REQ2, "root-shell", "root", 300, &grant[1]);
	o = rig_status(R);
	list = json_object_get(o, "sessions");
	for (size_t i = 0; i < 2; i++)
		ok(ztj_unhex(ztj_view_str(
				 json_string_value(json_object_get(json_array_get(list, i), "name"))),
		    name[i], ZTJ_DIGEST_LEN));
	json_decref(o);
	R->ntold = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_grant_free(&grant[0]);
	rig_grant_free(&grant[1]);
	rig_close(R);
	return 0;
}

static void make_kill(int who, const struct soft_key *k, size_t session, struct fx_signed *out)
{
	const struct soft_key *key = k != NULL ? k : &R->w.person[who].key;
	struct ztj_stmt st;

	fx_stmt(&R->w, &st, ZTJ_STMT_KILL);
	st.u.kill.who = R->w.person[who].full;
	st.u.kill.host = "servers/web1";
	st.u.kill.reason = "it does what it should not";
	memcpy(st.u.kill.session, name[session], ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &key, 1, out);
}

static int import(const struct fx_signed *s)
{
	struct ztj_buf json, b;
	char *text;
	int r;

	ztj_buf_init(&json, 65536);
	ztj_buf_init(&b, 70000);
	ok(ztj_signed_to_json(&s->s, &json));
	ok(ztj_buf_put_view(&b, ztj_buf_view(&json)));
	r = rig_control(R, ZTJ_MSG_IMPORT, ztj_buf_view(&b), &text);
	rig_warden(R);
	free(text);
	ztj_buf_free(&json);
	ztj_buf_free(&b);
	return r;
}

static void by(int who, size_t session, int code)
{
	struct fx_signed s;

	make_kill(who, NULL, session, &s);
	fails(import(&s), code);
	fx_signed_free(&s);
}

static bool killed(uint64_t no)
{
	unsigned kills = 0;
	bool it = false;

	for (size_t i = 0; i < R->ntold; i++)
		if (R->told[i].op == ZTJ_WARDEN_KILL) {
			kills++;
			it |= R->told[i].session == no;
		}
	return it && kills == 1;
}

static bool decided(const char *what)
{
	static char text[65536];
	char path[128];
	FILE *fp;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/state/spool/decisions.jsonl", R->dir);
	assert_non_null(fp = fopen(path, "re"));
	n = fread(text, 1, sizeof(text) - 1, fp);
	(void)fclose(fp);
	text[n] = '\0';
	return strstr(text, what) != NULL;
}

static void test_own_session(void **state)
{
	(void)state;
	by(FX_REQ1, 0, ZTJ_OK);
	assert_true(killed(1));
	assert_int_equal(R->told[0].op, ZTJ_WARDEN_WARN);
	assert_int_equal(R->told[0].text, ZTJ_TEXT_KILLED);
	assert_true(decided("\"event\":\"kill\",\"code\":\"ok\",\"person\":\"people/req1\""));
	assert_true(decided("it does what it should not"));
}

static void test_auditor_ends_exactly_that_session(void **state)
{
	struct fx_signed s;

	(void)state;
	make_kill(FX_SEC1, NULL, 1, &s);
	rig_news(R, &s); /* through the broker */
	assert_true(killed(2));
	fx_signed_free(&s);
}

static void test_S02_once(void **state)
{
	struct fx_signed s;

	(void)state;
	make_kill(FX_SEC1, NULL, 1, &s);
	fails(import(&s), ZTJ_OK);
	fails(import(&s), ZTJ_REPLAY);
	assert_true(killed(2));
	fx_signed_free(&s);
}

static void test_S05_nobody_elses(void **state)
{
	struct fx_signed s;

	(void)state;
	by(FX_REQ1, 1, ZTJ_FORBIDDEN);
	by(FX_LEAD1, 0, ZTJ_FORBIDDEN);
	assert_true(decided("\"event\":\"kill\",\"code\":\"forbidden\",\"person\":\"people/lead1\""));
	make_kill(FX_SEC1, REQ1, 1, &s); /* by a key of somebody else */
	fails(import(&s), ZTJ_SIGNER);
	fx_signed_free(&s);
	make_kill(FX_SEC1, &R->w.stranger, 1, &s);
	assert_int_not_equal(import(&s), ZTJ_OK);
	fx_signed_free(&s);
	assert_int_equal(R->ntold, 0);
}

static void test_revoked_people_end_nothing(void **state)
{
	struct fx_signed revoked;

	(void)state;
	fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/sec1", 1, R->w.now + 3600, &revoked);
	rig_news(R, &revoked);
	by(FX_SEC1, 1, ZTJ_REVOKED);
	assert_false(killed(2));
	fx_signed_free(&revoked);
}

static void test_S06_other_hosts_and_times(void **state)
{
	const struct soft_key *key = &R->w.person[FX_SEC1].key;
	struct fx_signed s, old;
	struct ztj_stmt st;

	(void)state;
	make_kill(FX_SEC1, NULL, 1, &old);
	fx_stmt(&R->w, &st, ZTJ_STMT_KILL);
	st.u.kill.who = R->w.person[FX_SEC1].full;
	st.u.kill.host = "servers/web2";
	st.u.kill.reason = "it does what it should not";
	memcpy(st.u.kill.session, name[1], ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &key, 1, &s);
	fails(import(&s), ZTJ_WRONG_HOST);
	fx_signed_free(&s);
	st.u.kill.host = "servers/web1";
	st.u.kill.session[0] ^= 1;
	fx_stmt_sign(&st, FX_UV, &key, 1, &s);
	fails(import(&s), ZTJ_NOT_FOUND);
	fx_signed_free(&s);
	st.u.kill.session[0] ^= 1;
	st.issued = R->w.now + ZTJ_CLOCK_AHEAD + 1;
	fx_stmt_sign(&st, FX_UV, &key, 1, &s);
	fails(import(&s), ZTJ_FUTURE);
	fx_signed_free(&s);
	rig_sleep(R, 601);
	fails(import(&old), ZTJ_EXPIRED);
	assert_int_equal(R->ntold, 0);
	by(FX_SEC1, 1, ZTJ_OK);
	fx_signed_free(&old);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_own_session),
		T(test_auditor_ends_exactly_that_session),
		T(test_S02_once),
		T(test_S05_nobody_elses),
		T(test_revoked_people_end_nothing),
		T(test_S06_other_hosts_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
