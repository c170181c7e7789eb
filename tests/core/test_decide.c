/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The decision: each use, each reason, what sshd is told, what a person is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/cidr.h"
#include "tests/core/scene.h"

#define NOW (SCENE_T0 + 120)
static const char NONCE[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee03";

static struct scene sc;
static struct made m[3], *const mp[3] = { &m[0], &m[1], &m[2] };
static struct ztj_bundle *bundle;

/* An approved request for this role; sudo-root reaches root and postgres. */
static void grant_role(const char *role, const char *host)
{
	struct ztj_stmt st;
	const char *hosts[1] = { host };

	scene_request(&sc, &st);
	st.u.request.role = role;
	st.u.request.hosts = hosts;
	made_sign(&m[0], &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	made_approval(&sc, &m[1], "approvers/lead1", &m[0], SCENE_T0 + 60);
	made_approval(&sc, &m[2], "approvers/sec1", &m[0], SCENE_T0 + 90);
	bundle = scene_bundle(mp, 3);
}

static void grant_free(void)
{
	ztj_bundle_free(bundle);
	bundle = NULL;
	for (size_t i = 0; i < 3; i++)
		made_free(&m[i]);
}

static int setup(void **state)
{
	(void)state;
	scene_open(&sc, NULL, NULL);
	grant_role("root-shell", "servers/web1");
	return 0;
}

static int setup_sudo(void **state)
{
	(void)state;
	scene_open(&sc, NULL, NULL);
	grant_role("sudo-root", "servers/web1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	grant_free();
	scene_close(&sc);
	return 0;
}

static void ask(const struct ztj_question *q, int code, struct ztj_answer *a)
{
	struct ztj_answer own;

	a = a != NULL ? a : &own;
	ztj_decide(sc.trust, bundle, q, a);
	assert_string_equal(ztj_err_name(a->code), ztj_err_name(code));
	assert_true(a->text[0] != 0);
}

static void test_login(void **state)
{
	struct ztj_question q;
	struct ztj_answer a;

	(void)state;
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_OK, &a);
	assert_string_equal(a.person, "people/req1");
	assert_memory_equal(a.request, m[0].id, ZTJ_DIGEST_LEN);
	assert_int_equal(a.starts, SCENE_T0 + 90);
	assert_int_equal(a.ends, SCENE_T0 + 90 + 1800);
	assert_true(a.uv);
	q.peer = NULL; /* sshd does not tell before the key is proven; the line says from= */
	ask(&q, ZTJ_OK, NULL);
}

static void test_login_refused(void **state)
{
	struct ztj_question q;
	struct soft_key other;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.host = "servers/web2";
	q.machine = &scene_actor(&sc, "servers/web2")->key.pub;
	ask(&q, ZTJ_WRONG_HOST, NULL);
	scene_login(&sc, &q, NOW);
	q.account = "postgres";
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	q.account = "self";
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	q.account = "";
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	q.account = NULL;
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	scene_login(&sc, &q, NOW);
	q.certified = &scene_actor(&sc, "people/req2")->key.pub; /* the grant is somebody else's */
	ask(&q, ZTJ_WRONG_KEY, NULL);
	soft_key_make(&other, ZTJ_KEY_SK_ED25519);
	q.certified = &other.pub;
	ask(&q, ZTJ_WRONG_KEY, NULL);
	soft_key_free(&other);
	q.certified = NULL;
	ask(&q, ZTJ_WRONG_KEY, NULL);
	scene_login(&sc, &q, NOW);
	q.peer = "192.0.2.1";
	ask(&q, ZTJ_SOURCE, NULL);
	q.peer = "rubbish";
	ask(&q, ZTJ_SOURCE, NULL);
	q.peer = "";
	ask(&q, ZTJ_SOURCE, NULL);
	ztj_bundle_free(bundle);
	bundle = NULL;
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_NO_GRANT, NULL);
}

static void test_this_host_must_be_itself(void **state)
{
	struct ztj_question q;

	(void)state;
	/* S13: the record of this name holds another machine's key */
	scene_login(&sc, &q, NOW);
	q.machine = &scene_actor(&sc, "servers/web2")->key.pub;
	ask(&q, ZTJ_NOT_READY, NULL);
	q.machine = NULL;
	ask(&q, ZTJ_NOT_READY, NULL);
	scene_login(&sc, &q, NOW);
	q.host = NULL;
	ask(&q, ZTJ_NOT_READY, NULL);
	q.host = "servers/web9";
	ask(&q, ZTJ_HOST_UNKNOWN, NULL);
	scene_actor(&sc, "servers/web1")->gone = true;
	scene_directories(&sc, SCENE_T0);
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_HOST_UNKNOWN, NULL);
}

static void test_labels_must_still_match(void **state)
{
	struct ztj_question q;

	(void)state;
	scene_actor(&sc, "servers/web1")->env = "test";
	scene_directories(&sc, SCENE_T0);
	scene_status(&sc, SCENE_T0);
	scene_login(&sc, &q, NOW);
	/* another rule governs now: it wants one approval of these, so the window is that rule's */
	struct ztj_answer a;
	ask(&q, ZTJ_OK, &a);
	assert_string_equal(a.grant.rule->name, "test-root");
	scene_actor(&sc, "servers/web1")->env = "prod";
}

static void test_P05_services(void **state)
{
	static const char *const elevate[] = { "sudo", "sudo-i", "su", "su-l" };
	static const char *const unknown[] = { "sshd", "login", "cron", "polkit-1", "sudo-x", "SUDO", "sudo ",
		"", "su-l\n" };
	struct ztj_question q;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.use = ZTJ_USE_ELEVATE;
	q.account = NULL;
	q.person = "people/req1";
	q.uid = 20001;
	for (size_t i = 0; i < 4; i++) {
		q.service = elevate[i];
		ask(&q, ZTJ_OK, NULL);
	}
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		q.service = unknown[i];
		ask(&q, ZTJ_WRONG_SERVICE, NULL);
	}
	q.service = NULL;
	ask(&q, ZTJ_WRONG_SERVICE, NULL);
	scene_login(&sc, &q, NOW);
	q.service = "sudo"; /* a login is sshd's alone */
	ask(&q, ZTJ_WRONG_SERVICE, NULL);
}

static void test_elevate_and_become(void **state)
{
	struct ztj_question q;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.use = ZTJ_USE_BECOME;
	q.service = "sudo";
	q.person = "people/req1";
	q.uid = 20001;
	q.account = "root";
	ask(&q, ZTJ_OK, NULL);
	q.account = "postgres";
	ask(&q, ZTJ_OK, NULL);
	q.account = "www-data";
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	q.account = NULL;
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	q.account = "root";
	q.person = "people/req2";
	ask(&q, ZTJ_WRONG_PERSON, NULL);
	q.person = "approvers/req1"; /* the same name in another directory is not the same session */
	ask(&q, ZTJ_WRONG_PERSON, NULL);
	q.person = NULL;
	ask(&q, ZTJ_NO_SESSION, NULL);
	q.person = "people/req1";
	q.uid = 20002;
	ask(&q, ZTJ_UID_MISMATCH, NULL);
	q.uid = 0; /* a root session, with this grant beside */
	ask(&q, ZTJ_OK, NULL);
	q.has_uid = false;
	ask(&q, ZTJ_UID_MISMATCH, NULL);
	q.has_uid = true;
	q.peer = NULL; /* a session knows where it came from */
	ask(&q, ZTJ_SOURCE, NULL);
}

static void test_B04_self_is_exact(void **state)
{
	static const char *const alike[] = { "Req1", "req1 ", "req1.", "req1/", "people/req1", "r\xd0\xb5q1",
		"req", "req11" };
	struct ztj_question q;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.account = "req1";
	q.uid = 20001;
	ask(&q, ZTJ_OK, NULL);
	q.uid = 20002; /* a local account of that name which is somebody else */
	ask(&q, ZTJ_UID_MISMATCH, NULL);
	q.has_uid = false;
	ask(&q, ZTJ_UID_MISMATCH, NULL);
	q.has_uid = true;
	q.uid = 20001;
	for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++) {
		q.account = alike[i];
		ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
	}
	q.account = "root"; /* sudo-root logs in as oneself only */
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
}

static void test_elevation_not_in_role(void **state)
{
	struct ztj_question q;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.use = ZTJ_USE_ELEVATE;
	q.service = "sudo";
	q.person = "people/req1";
	q.uid = 20001;
	ask(&q, ZTJ_WRONG_ACCOUNT, NULL);
}

static void test_no_recorder(void **state)
{
	struct ztj_question q;

	(void)state;
	grant_free();
	grant_role("recorded", "servers/web1");
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_NO_RECORDER, NULL);
	q.has_recorder = true;
	ask(&q, ZTJ_OK, NULL);
}

static void test_G05_freshness(void **state)
{
	struct ztj_question q;

	(void)state;
	scene_login(&sc, &q, SCENE_T0 + 900);
	ask(&q, ZTJ_OK, NULL);
	q.now = SCENE_T0 + 901;
	ask(&q, ZTJ_STALE, NULL);
	scene_status(&sc, SCENE_T0 + 901);
	ask(&q, ZTJ_OK, NULL);
}

static void test_G01_expiry_is_checked_at_use(void **state)
{
	struct ztj_question q;

	(void)state;
	scene_status(&sc, SCENE_T0 + 1500);
	scene_login(&sc, &q, SCENE_T0 + 90 + 1799);
	ask(&q, ZTJ_OK, NULL);
	q.now = q.now_begin = SCENE_T0 + 90 + 1800;
	ask(&q, ZTJ_ENDED, NULL);
}

/* Nobody comes in by it, so nobody is asked who and from where; all the rest counts as ever. */
static void test_being_in_a_group_asks_for_the_grant_alone(void **state)
{
	struct ztj_question q;
	struct ztj_answer a;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.use = ZTJ_USE_BE;
	q.service = q.account = q.peer = NULL;
	q.certified = NULL;
	q.has_uid = false;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_equal(a.code, ZTJ_OK);
	assert_string_equal(a.person, "people/req1");
	assert_int_equal(a.ends, SCENE_T0 + 90 + 1800);
	assert_string_equal(a.text, "");
	q.window = (struct ztj_window){ true, SCENE_T0, NOW + 10 };
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_equal(a.ends, NOW + 10);
	q.window.set = false;
	q.now_begin = SCENE_T0 + 89;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_equal(a.code, ZTJ_NOT_STARTED);
	assert_int_equal(a.starts, SCENE_T0 + 90);
	q.now_begin = q.now = SCENE_T0 + 901;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_equal(a.code, ZTJ_STALE);
	scene_status(&sc, SCENE_T0 + 1500);
	q.now_begin = q.now = SCENE_T0 + 90 + 1800;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_equal(a.code, ZTJ_ENDED);
	q.now_begin = q.now = NOW;
	q.host = "servers/web2";
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_not_equal(a.code, ZTJ_OK);
}

static void test_G02_clocks_gain_nothing(void **state)
{
	struct ztj_question q;

	(void)state;
	/* beginnings are judged by the mark, ends by the later of mark and clock */
	scene_login(&sc, &q, NOW);
	q.now_begin = SCENE_T0 + 89; /* a clock that ran ahead does not start it */
	ask(&q, ZTJ_NOT_STARTED, NULL);
	q.now_begin = SCENE_T0 + 90;
	ask(&q, ZTJ_OK, NULL);
	scene_status(&sc, SCENE_T0 + 1500);
	q.now = SCENE_T0 + 90 + 1800; /* a clock forward ends it */
	ask(&q, ZTJ_ENDED, NULL);
	q.now = 0; /* the epoch: nothing is dated well */
	q.now_begin = 0;
	struct ztj_answer a;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_not_equal(a.code, ZTJ_OK);
	q.now = q.now_begin = INT64_MAX;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_not_equal(a.code, ZTJ_OK);
	q.now = q.now_begin = INT64_MIN;
	ztj_decide(sc.trust, bundle, &q, &a);
	assert_int_not_equal(a.code, ZTJ_OK);
}

static void test_G04_an_edited_request_has_no_approvals(void **state)
{
	struct ztj_question q;
	struct ztj_stmt st;
	struct ztj_signed s[3];
	struct ztj_bundle *b;
	struct made edited;

	(void)state;
	scene_request(&sc, &st);
	st.u.request.duration = 3600;
	made_sign(&edited, &st, NONCE, &scene_actor(&sc, "people/req1")->key, FLAGS_UV);
	s[0] = edited.s;
	s[1] = m[1].s;
	s[2] = m[2].s;
	fails(ztj_bundle_make(s, 3, "example", NULL, &b), ZTJ_WRONG_REQUEST);
	ztj_bundle_free(bundle);
	ok(ztj_bundle_make(s, 1, "example", NULL, &bundle));
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_PENDING, NULL);
	made_free(&edited);
}

static void test_S15_a_stored_window_only_shortens(void **state)
{
	static const struct {
		int64_t starts, ends, now;
		int code;
		int64_t until;
	} t[] = { { SCENE_T0 + 90, SCENE_T0 + 300, NOW, ZTJ_OK, SCENE_T0 + 300 },
		{ SCENE_T0 + 90, SCENE_T0 + 300, SCENE_T0 + 300, ZTJ_ENDED, 0 },
		{ SCENE_T0 + 90, SCENE_T0 + 90000, NOW, ZTJ_OK, SCENE_T0 + 1890 },
		{ SCENE_T0 + 200, SCENE_T0 + 90000, NOW, ZTJ_NOT_STARTED, 0 },
		{ 0, SCENE_T0 + 100, NOW, ZTJ_ENDED, 0 } };
	struct ztj_question q;
	struct ztj_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		scene_login(&sc, &q, t[i].now);
		q.window = (struct ztj_window){ true, t[i].starts, t[i].ends };
		ask(&q, t[i].code, &a);
		if (t[i].until != 0)
			assert_int_equal(a.ends, t[i].until);
	}
}

static void test_grant_states_reach_the_answer(void **state)
{
	struct ztj_question q;
	struct made extra;
	struct ztj_signed s[4] = { m[0].s, m[1].s, m[2].s };

	(void)state;
	scene_login(&sc, &q, NOW);
	ztj_bundle_free(bundle);
	ok(ztj_bundle_make(s, 2, "example", NULL, &bundle));
	ask(&q, ZTJ_PENDING, NULL);
	q.now = q.now_begin = SCENE_T0 + 3601;
	ask(&q, ZTJ_EXPIRED, NULL);
	q.now = q.now_begin = NOW;
	for (int i = 0; i < 3; i++) {
		ztj_bundle_free(bundle);
		if (i == 0)
			made_denial(&sc, &extra, "approvers/lead2", &m[0], SCENE_T0 + 70);
		else
			made_revocation(&sc, &extra, i == 1 ? "people/req1" : "approvers/lead2", &m[0],
			    SCENE_T0 + 70);
		s[3] = extra.s;
		ok(ztj_bundle_make(s, 4, "example", NULL, &bundle));
		ask(&q, i == 0 ? ZTJ_DENIED : i == 1 ? ZTJ_CANCELLED : ZTJ_REVOKED, NULL);
		made_free(&extra);
	}
}

/* --- what sshd is told --- */

static void test_C08_the_line_imposes_every_limit(void **state)
{
	struct ztj_question q;
	struct ztj_answer a;
	struct ztj_buf line;
	char hex[ZTJ_HEX_SIZE], want[512];

	(void)state;
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_OK, &a);
	ztj_buf_init(&line, 4096);
	ok(ztj_decide_principals_line(&a, NULL, &line));
	ztj_hex(m[0].id, ZTJ_DIGEST_LEN, hex);
	snprintf(want, sizeof want,
	    "restrict,pty,agent-forwarding,from=\"10.0.0.0/8,2001:db8::/32\",verify-required,"
	    "expiry-time=\"20261123103130Z\" ztjit-grant-%s\n",
	    hex);
	assert_string_equal(ztj_buf_str(&line), want);
	ztj_buf_reset(&line);
	q.window = (struct ztj_window){ true, 0, SCENE_T0 + 300 };
	ask(&q, ZTJ_OK, &a);
	ok(ztj_decide_principals_line(&a, NULL, &line));
	assert_non_null(strstr(ztj_buf_str(&line), "expiry-time=\"20261123100500Z\""));
	ztj_buf_reset(&line);
	q.account = "nobody";
	ask(&q, ZTJ_WRONG_ACCOUNT, &a);
	fails(ztj_decide_principals_line(&a, NULL, &line), ZTJ_FORBIDDEN);
	assert_int_equal(line.n, 0);
	ztj_buf_free(&line);
}

static void test_C08_forwarding_only_as_the_role_says(void **state)
{
	struct ztj_question q;
	struct ztj_answer a;
	struct ztj_buf line;

	(void)state;
	scene_login(&sc, &q, NOW);
	q.account = "req1";
	q.uid = 20001;
	ask(&q, ZTJ_OK, &a);
	ztj_buf_init(&line, 4096);
	ok(ztj_decide_principals_line(&a, NULL, &line));
	assert_int_equal(strncmp(ztj_buf_str(&line),
			     "restrict,pty,agent-forwarding,port-forwarding,X11-forwarding,from=", 66),
	    0);
	ztj_buf_free(&line);
}

/* sshd's internal-sftp is no program of its own: only a forced command keeps it from running beside the recorder. */
static void test_R03_recorded_role_runs_nothing_but_the_recorder(void **state)
{
	static const char *const bad[] = { "/usr/bin/ztjit\"rec", "/opt/my tools/ztjit-rec", "/usr/bin/$x",
		"/a;b", "/a\nb", "/a\\b" };
	struct ztj_question q;
	struct ztj_answer a;
	struct ztj_buf line;

	(void)state;
	grant_free();
	grant_role("recorded", "servers/web1");
	scene_login(&sc, &q, NOW);
	q.has_recorder = true;
	ask(&q, ZTJ_OK, &a);
	ztj_buf_init(&line, 4096);
	ok(ztj_decide_principals_line(&a, "/usr/bin/ztjit-rec", &line));
	assert_non_null(strstr(ztj_buf_str(&line), ",command=\"/usr/bin/ztjit-rec\",expiry-time="));
	fails(ztj_decide_principals_line(&a, NULL, &line), ZTJ_NO_RECORDER);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		fails(ztj_decide_principals_line(&a, bad[i], &line), ZTJ_CONFIG);
	ztj_buf_free(&line);
	grant_free();
	grant_role("root-shell", "servers/web1");
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_OK, &a);
	ztj_buf_init(&line, 4096);
	ok(ztj_decide_principals_line(&a, "/usr/bin/ztjit-rec", &line));
	assert_null(strstr(ztj_buf_str(&line), "command="));
	ztj_buf_free(&line);
}

static void test_C02_C03_certificate_fields(void **state)
{
	const struct ztj_key *key = &scene_actor(&sc, "people/req1")->key.pub;
	struct ztj_cert_text text;
	struct ztj_cert_spec spec;
	struct soft_key other;

	(void)state;
	ok(ztj_decide_cert(sc.trust, bundle, key, NOW, &spec, &text));
	assert_int_equal(spec.valid_after, NOW - 60);
	assert_int_equal(spec.valid_before, SCENE_T0 + 90 + 1800); /* with the grant at the latest */
	assert_string_equal(spec.source_address, "10.0.0.0/8,2001:db8::/32");
	assert_true(spec.verify_required);
	assert_int_equal(spec.extensions, ZTJ_EXT_PTY | ZTJ_EXT_AGENT);
	assert_int_equal(strncmp(spec.key_id, "ztjit R-", 8), 0);
	assert_non_null(strstr(spec.key_id, " people/req1"));
	assert_int_equal(strlen(spec.principal), strlen(ZTJ_PRINCIPAL_PREFIX) + 64);
	assert_true(spec.bundle.n > 0 && spec.bundle.n <= ZTJ_BUNDLE_MAX);
	assert_true(ztj_key_equal(&spec.subject, key));
	/* C04: another's key, a plain key, before it is approved, after it ended */
	fails(ztj_decide_cert(sc.trust, bundle, &scene_actor(&sc, "people/req2")->key.pub, NOW, &spec, &text),
	    ZTJ_WRONG_KEY);
	assert_null(spec.principal);
	soft_key_make(&other, ZTJ_KEY_ED25519);
	fails(ztj_decide_cert(sc.trust, bundle, &other.pub, NOW, &spec, &text), ZTJ_KEY_TYPE);
	soft_key_free(&other);
	fails(ztj_decide_cert(sc.trust, bundle, key, SCENE_T0 + 89, &spec, &text), ZTJ_NOT_STARTED);
	fails(ztj_decide_cert(sc.trust, bundle, key, SCENE_T0 + 1890, &spec, &text), ZTJ_ENDED);
	/* no sources in the rule: the option is absent, not empty */
	grant_free();
	scene_policy(&sc,
	    "{ name = \"r\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"nologin\" ]; hosts = \"*\"; approvals = ( ); }\n");
	grant_role("root-shell", "servers/web1");
	ok(ztj_decide_cert(sc.trust, bundle, key, NOW, &spec, &text));
	assert_null(spec.source_address);
	assert_false(spec.verify_required);
	/* C01: a role that logs in nowhere gets no certificate */
	grant_free();
	grant_role("nologin", "servers/web1");
	fails(ztj_decide_cert(sc.trust, bundle, key, NOW, &spec, &text), ZTJ_WRONG_ACCOUNT);
}

static void test_revoked_key_in_the_policy(void **state)
{
	struct ztj_question q;
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_buf text, sig;
	char fp[ZTJ_FINGERPRINT_SIZE], *base;
	bool changed;

	(void)state;
	sc.version++;
	base = scene_policy_text(&sc, SCENE_RULES);
	ztj_buf_init(&text, 65536);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ok(ztj_key_fingerprint(&scene_actor(&sc, "people/req1")->key.pub, fp));
	ok(ztj_buf_printf(&text, "%srevoked_keys = [ \"%s\" ];\n", base, fp));
	soft_key_sshsig(&sc.root, "policy@ztjit", ztj_buf_view(&text), FLAGS_UV, &sig);
	s.bytes = ztj_buf_view(&text);
	s.sig[0] = ztj_buf_view(&sig);
	ok(ztj_trust_policy(sc.trust, &s, SCENE_T0, &changed));
	scene_login(&sc, &q, NOW);
	ask(&q, ZTJ_KEY_REVOKED, NULL);
	ztj_buf_free(&text);
	ztj_buf_free(&sig);
	free(base);
}

/* --- what a person is told --- */

static void test_hints(void **state)
{
	struct ztj_question q;
	char out[512], small[20];

	(void)state;
	scene_login(&sc, &q, NOW);
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_string_equal(out,
	    "no grant for root on web1; ask with: ztjit request --role root-shell --host web1 --for 30m --ticket T -m '…'");
	q.account = "req1";
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_non_null(strstr(out, "--role sudo-root"));
	q.account = "www-data";
	q.person = "people/req1";
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_non_null(strstr(out, "no rule of the policy"));
	q.account = "a\x1b[31m\nb";
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_null(strchr(out, 0x1b));
	assert_null(strchr(out, '\n'));
	q.use = ZTJ_USE_ELEVATE;
	q.account = NULL;
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_non_null(strstr(out, "to elevate on web1; ask with: ztjit request --role sudo-root"));
	q.person = "people/nobody";
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_non_null(strstr(out, "do not name you"));
	q.host = NULL;
	ztj_decide_hint(sc.trust, &q, out, sizeof out);
	assert_non_null(strstr(out, "not armed"));
	ztj_decide_hint(sc.trust, &q, small, sizeof small);
	assert_true(strlen(small) < sizeof small);
}

/* --- step-up --- */

static void stepup(struct scene *s, struct ztj_stmt **challenge, struct ztj_stmt **answer,
    const struct soft_key *first, const struct soft_key *second, uint8_t flags, int64_t issued)
{
	static const char *accounts[] = { "postgres", "root" };
	struct ztj_stmt st = { .type = ZTJ_STMT_STEPUP, .domain = "example", .issued = issued };
	struct ztj_signed sg = { .nsigs = 1 };
	struct ztj_buf bytes, a, b;

	st.u.stepup.who = "people/req1";
	st.u.stepup.host = "servers/web1";
	st.u.stepup.service = "sudo";
	st.u.stepup.tty = "pts/0";
	st.u.stepup.peer = "10.1.2.3";
	st.u.stepup.accounts = accounts;
	st.u.stepup.naccounts = 2;
	st.u.stepup.expires = issued + 60;
	memcpy(st.u.stepup.grant, m[0].id, ZTJ_DIGEST_LEN);
	(void)s;
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&a, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&b, ZTJ_SSHSIG_MAX);
	st.u.stepup.nonce = NONCE;
	ok(ztj_stmt_build(&st, NONCE, &bytes));
	soft_key_sshsig(first, "stepup@ztjit", ztj_buf_view(&bytes), 0, &a);
	sg.bytes = ztj_buf_view(&bytes);
	sg.sig[0] = ztj_buf_view(&a);
	ok(ztj_stmt_open(&sg, ZTJ_STMT_STEPUP, "example", challenge));
	soft_key_sshsig(second, "stepup@ztjit", ztj_buf_view(&bytes), flags, &b);
	sg.sig[1] = ztj_buf_view(&b);
	sg.nsigs = 2;
	ok(ztj_stmt_open(&sg, ZTJ_STMT_STEPUP, "example", answer));
	ztj_buf_free(&bytes);
	ztj_buf_free(&a);
	ztj_buf_free(&b);
}

static void test_P14_stepup(void **state)
{
	const struct soft_key *web1 = &scene_actor(&sc, "servers/web1")->key,
			      *web2 = &scene_actor(&sc, "servers/web2")->key;
	const struct soft_key *req1 = &scene_actor(&sc, "people/req1")->key,
			      *req2 = &scene_actor(&sc, "people/req2")->key;
	struct ztj_stmt *c[5], *a[5];

	(void)state;
	stepup(&sc, &c[0], &a[0], web1, req1, FLAGS_UV, NOW);
	stepup(&sc, &c[1], &a[1], web1, req1, FLAGS_UP, NOW);
	stepup(&sc, &c[2], &a[2], web1, req2, FLAGS_UV, NOW);
	stepup(&sc, &c[3], &a[3], web2, req1, FLAGS_UV, NOW);
	stepup(&sc, &c[4], &a[4], web1, req1, FLAGS_UV, NOW + 1);
	ok(ztj_decide_stepup(sc.trust, c[0], a[0], &web1->pub, true, NOW + 5));
	fails(ztj_decide_stepup(sc.trust, c[0], a[0], &web1->pub, true, NOW + 60), ZTJ_STEPUP_TIMEOUT);
	fails(ztj_decide_stepup(sc.trust, c[1], a[1], &web1->pub, true, NOW + 5), ZTJ_NO_UV);
	ok(ztj_decide_stepup(sc.trust, c[1], a[1], &web1->pub, false, NOW + 5));
	fails(ztj_decide_stepup(sc.trust, c[2], a[2], &web1->pub, true, NOW + 5), ZTJ_SIGNER);
	fails(ztj_decide_stepup(sc.trust, c[3], a[3], &web1->pub, true, NOW + 5),
	    ZTJ_STEPUP_WRONG); /* the host did not ask */
	fails(ztj_decide_stepup(sc.trust, c[0], a[4], &web1->pub, true, NOW + 5),
	    ZTJ_STEPUP_WRONG); /* another question */
	fails(ztj_decide_stepup(sc.trust, c[0], c[0], &web1->pub, true, NOW + 5),
	    ZTJ_STEPUP_WRONG); /* nobody answered */
	fails(ztj_decide_stepup(sc.trust, c[0], bundle->stmt[0], &web1->pub, true, NOW + 5), ZTJ_STMT_TYPE);
	for (size_t i = 0; i < 5; i++) {
		ztj_stmt_free(c[i]);
		ztj_stmt_free(a[i]);
	}
}

static void test_cidr(void **state)
{
	static const char *blocks[] = { "10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32" };
	const struct ztj_strs list = { 3, blocks }, none = { 0, NULL };
	static const struct {
		const char *addr;
		bool in;
	} t[] = { { "10.255.0.1", true }, { "11.0.0.1", false }, { "2001:db8:1::1", true },
		{ "2001:db9::1", false }, { "192.0.2.7", true }, { "192.0.2.8", false },
		{ "::ffff:10.1.1.1", true }, { "::ffff:11.1.1.1", false }, { "10.0.0.0/8", false },
		{ "10.1", false }, { "010.1.1.1", false }, { " 10.1.1.1", false }, { "10.1.1.1 ", false },
		{ "", false }, { "fe80::1%eth0", false } };
	struct ztj_cidr c;
	char text[ZTJ_CIDR_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_int_equal(ztj_cidr_match(&list, t[i].addr), t[i].in);
	assert_false(ztj_cidr_match(&list, NULL));
	assert_false(ztj_cidr_match(&none, "10.1.1.1"));
	fails(ztj_cidr_parse("10.0.0.0/33", &c), ZTJ_BAD_ENCODING);
	fails(ztj_cidr_parse("10.0.0.0/08", &c), ZTJ_BAD_ENCODING);
	fails(ztj_cidr_parse("/8", &c), ZTJ_BAD_ENCODING);
	ok(ztj_cidr_parse("0.0.0.0/0", &c));
	ok(ztj_cidr_format(&c, text));
	assert_string_equal(text, "0.0.0.0/0");
	ok(ztj_cidr_parse("2001:0DB8::1/32", &c));
	ok(ztj_cidr_format(&c, text));
	assert_string_equal(text, "2001:db8::/32");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define S(f) cmocka_unit_test_setup_teardown(f, setup_sudo, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_login), T(test_login_refused),
		T(test_this_host_must_be_itself), T(test_labels_must_still_match), S(test_P05_services),
		S(test_elevate_and_become), S(test_B04_self_is_exact), T(test_elevation_not_in_role),
		T(test_no_recorder), T(test_R03_recorded_role_runs_nothing_but_the_recorder),
		T(test_G05_freshness), T(test_G01_expiry_is_checked_at_use),
		T(test_being_in_a_group_asks_for_the_grant_alone), T(test_G02_clocks_gain_nothing),
		T(test_G04_an_edited_request_has_no_approvals), T(test_S15_a_stored_window_only_shortens),
		T(test_grant_states_reach_the_answer), T(test_C08_the_line_imposes_every_limit),
		S(test_C08_forwarding_only_as_the_role_says), T(test_C02_C03_certificate_fields),
		T(test_revoked_key_in_the_policy), T(test_hints), S(test_P14_stepup),
		cmocka_unit_test(test_cidr) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
