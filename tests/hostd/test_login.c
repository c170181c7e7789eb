/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ssh logins through a running gate: what sshd's three moments may and may not do. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

#define REQ1 (&R->w.person[FX_REQ1].key)

static void grant_and_cert(struct rig_grant *g, char **cert)
{
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, g);
	rig_cert(R, g, REQ1, NULL, cert);
}

static void test_login_from_certificate_alone(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_proc(R, 200, 0, "/system.slice/ssh.service", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	assert_int_equal(rig_sessions(R), 1);
	assert_true(rig_told(R, ZTJ_WARDEN_MAKE));
	assert_false(rig_told(R, ZTJ_WARDEN_KILL_PROC));
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

/* W03: all the sessions there can be are not one person's. */
/* Another name service answers before ours: sshd would log in whoever has that uid. */
static void test_C05_whom_the_machine_takes_the_account_for(void **state)
{
	static const char *const wrong[] = { "uid=30001", "uid=none", "uid=", "uid=0x4e21", "uid=-1", "",
		"20001", "uid=20001 " };
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &g);
	rig_cert(R, &g, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		R->resolves = wrong[i];
		fails(rig_login(R, "req1", cert), ZTJ_UID_MISMATCH);
		assert_non_null(strstr(R->text, "somebody else's"));
	}
	R->resolves = "uid=20001";
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	R->resolves = NULL;
	free(cert);
	rig_grant_free(&g);
}

static void test_W03_one_person_does_not_keep_others_out(void **state)
{
	struct rig_grant g, other;
	char *cert, *theirs;

	(void)state;
	grant_and_cert(&g, &cert);
	rig_grant(R, FX_REQ2, "root-shell", 1800, 0, &other);
	rig_cert(R, &other, &R->w.person[FX_REQ2].key, NULL, &theirs);
	for (int i = 0; i < ZTJ_SESSIONS_MAX / 2; i++) {
		R->ntold = 0;
		rig_proc(R, 200 + i, 0, "/", 0);
		fails(rig_login(R, "root", cert), ZTJ_OK);
	}
	R->ntold = 0;
	rig_proc(R, 9000, 0, "/", 0);
	fails(rig_login(R, "root", cert), ZTJ_LIMIT);
	rig_proc(R, 9001, 0, "/", 0);
	fails(rig_login(R, "root", theirs), ZTJ_OK);
	free(cert);
	free(theirs);
	rig_grant_free(&g);
	rig_grant_free(&other);
}

static void no_bundle(struct ztj_cert_spec *spec)
{
	spec->bundle = ztj_view_of(NULL, 0);
}

static void test_login_without_bundle_uses_what_was_pushed(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_cert(R, &g, REQ1, no_bundle, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

/* ---- C08: what a stolen CA key can put into a certificate ---- */

static void no_limits(struct ztj_cert_spec *spec)
{
	spec->verify_required = false;
	spec->source_address = NULL;
	spec->extensions = ZTJ_EXT_PTY | ZTJ_EXT_PORT | ZTJ_EXT_X11 | ZTJ_EXT_AGENT | ZTJ_EXT_USER_RC;
	spec->valid_before = spec->valid_after + 10 * 365 * 86400LL;
}

static void other_principal(struct ztj_cert_spec *spec)
{
	spec->principal = "root";
}

static void over(struct ztj_cert_spec *spec)
{
	spec->valid_after -= 7200;
	spec->valid_before = spec->valid_after + 60;
}

static void test_C08_line_reimposes_every_limit(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_cert(R, &g, REQ1, no_limits, &cert);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	assert_non_null(strstr(line, "restrict,pty,agent-forwarding,"));
	assert_non_null(strstr(line, "verify-required"));
	assert_non_null(strstr(line, "expiry-time=\"20261122093000Z\""));
	assert_null(strstr(line, "port-forwarding"));
	assert_null(strstr(line, "X11"));
	assert_null(strstr(line, "user-rc"));
	free(cert);
	rig_grant_free(&g);
}

static int principals_code(const struct rig_grant *g, const struct soft_key *subject,
    void (*spoil)(struct ztj_cert_spec *spec), const char *account)
{
	char *cert, line[8192];
	int r;

	rig_cert(R, g, subject, spoil, &cert);
	r = rig_principals(R, account, cert, line, sizeof(line));
	free(cert);
	return r;
}

static void test_C08_stolen_ca_key(void **state)
{
	struct soft_key ca;
	struct rig_grant g;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	fails(principals_code(&g, REQ1, NULL, "root"), ZTJ_OK);
	fails(principals_code(&g, &R->w.stranger, NULL, "root"), ZTJ_WRONG_KEY);
	fails(principals_code(&g, &R->w.person[FX_REQ2].key, NULL, "root"), ZTJ_WRONG_KEY);
	fails(principals_code(&g, REQ1, other_principal, "root"), ZTJ_CERT_KIND);
	fails(principals_code(&g, REQ1, NULL, "postgres"), ZTJ_WRONG_ACCOUNT);
	fails(principals_code(&g, REQ1, NULL, "req1"), ZTJ_WRONG_ACCOUNT);
	fails(principals_code(&g, REQ1, no_bundle, "root"), ZTJ_NO_GRANT);
	fails(principals_code(&g, REQ1, over, "root"), ZTJ_ENDED);
	/* and another CA */
	ca = R->w.ca;
	fx_key(&R->w.ca, ZTJ_KEY_ED25519, 4242);
	fails(principals_code(&g, REQ1, NULL, "root"), ZTJ_BAD_SIGNATURE);
	soft_key_free(&R->w.ca);
	R->w.ca = ca;
	rig_grant_free(&g);
}

static void test_C04_C05_what_is_no_certificate(void **state)
{
	static const char *const bad[] = { "", "AAAA", "not base64", "QUFBQQ==", "=" };
	struct rig_grant g;
	char *cert, line[8192];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(rig_principals(R, "root", bad[i], line, sizeof(line)), ZTJ_OK);
	grant_and_cert(&g, &cert);
	n = strlen(cert);
	for (size_t cut = 4; cut < n; cut += n / 40 / 4 * 4 + 4) {
		char *part = strndup(cert, n - cut);
		assert_int_not_equal(rig_principals(R, "root", part, line, sizeof(line)), ZTJ_OK);
		free(part);
	}
	fails(rig_login(R, "root", cert), ZTJ_OK); /* still there */
	free(cert);
	rig_grant_free(&g);
}

static void test_not_approved_is_pending(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	fx_signed_free(&g.sec);
	g.sec = g.lead; /* the same approval twice fills one slot */
	rig_cert(R, &g, REQ1, NULL, &cert);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_PENDING);
	free(cert);
	fx_signed_free(&g.request);
	fx_signed_free(&g.lead);
}

/* ---- P09: the three moments of one sshd process ---- */

static void test_P01_P09_account_wants_this_process_and_name(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_proc(R, 300, 0, "/", 0);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "root", ""), ZTJ_NO_GRANT);
	assert_non_null(strstr(R->text, "ztjit request"));
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "postgres", ""), ZTJ_NO_GRANT);
	rig_proc(R, 301, 0, "/", 0);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "root", ""), ZTJ_NO_GRANT);
	rig_proc(R, 300, 0, "/", 0);
	R->shared->proc.id.start++; /* the pid was used again */
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "root", ""), ZTJ_NO_GRANT);
	R->shared->proc.id.start--;
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "root", ""), ZTJ_OK);
	rig_sleep(R, ZTJ_OFFER_SECONDS + 1);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "root", ""), ZTJ_NO_GRANT);
	free(cert);
	rig_grant_free(&g);
}

static int open_with(const char *account, const char *before, const char *cert, bool twice)
{
	char *info = NULL;
	int r;

	assert_true(asprintf(&info, "%s%s\n%s%s", before, cert, twice ? before : "", twice ? cert : "") > 0);
	r = rig_pam(R, ZTJ_MSG_OPEN, "sshd", account, info);
	free(info);
	return r;
}

#define KEY "publickey sk-ssh-ed25519-cert-v01@openssh.com "

static void test_P09_open_verifies_the_certificate_again(void **state)
{
	struct rig_grant g, other;
	char *cert, *second, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_grant(R, FX_REQ1, "root-shell", 900, 0, &other);
	rig_cert(R, &other, REQ1, NULL, &second);
	rig_proc(R, 310, 0, "/", 0);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	fails(open_with("root", "", "", false), ZTJ_CERT_KIND);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL_PROC)); /* sshd -N would go on */
	fails(open_with("root", "publickey ssh-ed25519 ", "AAAA", false), ZTJ_TRUNCATED);
	fails(open_with("root", KEY, cert, true), ZTJ_CERT_KIND);
	fails(open_with("root", KEY, second, false), ZTJ_NO_GRANT); /* never offered to this process */
	fails(open_with("postgres", KEY, cert, false), ZTJ_NO_GRANT);
	assert_int_equal(rig_sessions(R), 0);
	assert_false(rig_told(R, ZTJ_WARDEN_MAKE));
	fails(open_with("root", KEY, cert, false), ZTJ_OK);
	assert_int_equal(rig_sessions(R), 1);
	free(cert);
	free(second);
	rig_grant_free(&g);
	rig_grant_free(&other);
}

static void test_P01_sshd_auth_denies(void **state)
{
	(void)state;
	fails(rig_pam(R, ZTJ_MSG_AUTH, "sshd", "root", ""), ZTJ_WRONG_SERVICE);
}

static void test_P05_unknown_services(void **state)
{
	static const char *const service[] = { "login", "polkit-1", "SSHD", "sudo ", "sshd2", "", "doas",
		"cron" };

	(void)state;
	for (size_t i = 0; i < sizeof(service) / sizeof(service[0]); i++)
		for (uint8_t call = ZTJ_MSG_AUTH; call <= ZTJ_MSG_CLOSE; call++)
			fails(rig_pam(R, call, service[i], "root", ""), ZTJ_WRONG_SERVICE);
}

/* ---- S15, S17 ---- */

static void test_S15_a_shorter_limit_that_was_seen_counts(void **state)
{
	struct rig_grant g;
	struct fx_signed shorter;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	/* The certificate was made before both1's shorter limit; the host has heard of it. */
	rig_news(R, &g.request);
	fx_approval(&R->w, FX_BOTH1, &g.request, false, 300, &shorter);
	rig_news(R, &shorter);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	assert_non_null(strstr(line, "expiry-time=\"20261122090500Z\""));
	fx_signed_free(&shorter);
	free(cert);
	rig_grant_free(&g);
}

static void test_S15_stored_window_survives_restart_and_only_shortens(void **state)
{
	struct rig_grant g, full;
	char *cert, *longer, line[8192];

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 600, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	rig_kill(R);
	rig_start(R);
	rig_status_now(R);
	/* the same request, with lead2 in the place of lead1, who limited it */
	full = g;
	fx_approval(&R->w, FX_LEAD2, &g.request, false, 0, &full.lead);
	rig_cert(R, &full, REQ1, NULL, &longer);
	fails(rig_principals(R, "root", longer, line, sizeof(line)), ZTJ_OK);
	assert_non_null(strstr(line, "expiry-time=\"20261122091000Z\""));
	rig_sleep(R, 601);
	fails(rig_principals(R, "root", longer, line, sizeof(line)), ZTJ_ENDED);
	fx_signed_free(&full.lead);
	free(cert);
	free(longer);
	rig_grant_free(&g);
}

static void test_S17_absurd_serials_deny_that_bundle_only(void **state)
{
	const struct soft_key *k = &R->w.person[FX_LEAD2].key;
	struct rig_grant g, bad;
	struct ztj_stmt st;
	char *cert, *absurd, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_grant(R, FX_REQ1, "root-shell", 1700, 0, &bad);
	fx_signed_free(&bad.lead);
	fx_stmt(&R->w, &st, ZTJ_STMT_APPROVAL);
	st.u.approval.who = R->w.person[FX_LEAD2].full;
	memcpy(st.u.approval.request, bad.request.id, ZTJ_DIGEST_LEN);
	st.seen.policy = 1000000;
	fx_stmt_sign(&st, FX_UV, &k, 1, &bad.lead);
	rig_cert(R, &bad, REQ1, NULL, &absurd);
	rig_grant_push(R, &bad);
	fails(rig_principals(R, "root", absurd, line, sizeof(line)), ZTJ_SEEN_AHEAD);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	free(cert);
	free(absurd);
	rig_grant_free(&g);
	rig_grant_free(&bad);
}

/* ---- time ---- */

static void test_G01_C02_expiry_is_checked_at_use_and_ends_the_session(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 1799);
	rig_status_now(R);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	rig_sleep(R, 1);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_ENDED);
	rig_link(R, false);
	{
		struct fx_signed revoked; /* any news leads to a review; so does the timer, in real time */
		fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/out1", 1, R->w.now + 3600, &revoked);
		rig_news(R, &revoked);
		fx_signed_free(&revoked);
	}
	assert_true(rig_told(R, ZTJ_WARDEN_WARN));
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	free(cert);
	rig_grant_free(&g);
}

/* So that the second which follows comes neither at once nor late. */
static int64_t early_in_a_second(void)
{
	struct timespec boot;

	do
		assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
	while (boot.tv_nsec > 300000000 && usleep(1000) == 0);
	return boot.tv_sec;
}

/* The box ends while a review has looked at the clock n times. False: it did not look that often. */
static bool ends_at_look(int n)
{
	struct rig_grant g;
	bool looked;
	char *cert;

	rig_open(R, NULL);
	rig_sleep(R, early_in_a_second() - R->shared->now.boot);
	rig_grant(R, FX_REQ1, "root-shell", 1, 0, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->shared->step_at = n;
	rig_poke(R);
	rig_sync(R);
	looked = R->shared->calls >= n;
	for (int i = 0; i < 400 && looked && !rig_told(R, ZTJ_WARDEN_KILL); i++)
		rig_warden(R);
	if (looked && !rig_told(R, ZTJ_WARDEN_KILL))
		fail_msg("the box ended at look %d at the clock, and the session goes on", n);
	free(cert);
	rig_grant_free(&g);
	rig_close(R);
	return looked;
}

/* P3, wherever in its work the gate is when the moment comes. */
static void test_C02_the_end_comes_in_the_middle_of_a_review(void **state)
{
	int n = 1;

	(void)state;
	while (ends_at_look(n))
		n++;
	assert_in_range(n, 5, 60);
}

static void test_G02_clock_set_back_gains_nothing(void **state)
{
	struct rig_grant g;
	char *cert, line[8192], *text;

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	rig_sleep(R, 600);
	R->shared->now.sys -= 3600;
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_CLOCK);
	/* 1200 s later, by the clock that nobody sets, the box has ended, whatever the system clock says */
	R->shared->now.boot += 1200;
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_ENDED);
	R->shared->now.sys = 0; /* the epoch */
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_ENDED);
	R->shared->now.sys = R->w.now + 10 * 365 * 86400LL; /* forward a decade */
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_DIR_EXPIRED);
	R->shared->now.sys = R->w.now - 3600;
	ok(rig_control(R, ZTJ_MSG_CLOCK, ztj_view_of("\1", 1), &text)); /* local root says so */
	free(text);
	free(cert);
	rig_grant_free(&g);
}

static void test_G02_mark_survives_restart(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	rig_sleep(R, 3000); /* the grant is of then: ends at +1800 */
	R->w.now -= 3000;
	grant_and_cert(&g, &cert);
	R->w.now += 3000;
	rig_link(R, false);
	rig_link(R, true);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_ENDED);
	{
		char *text;
		ok(rig_control(R, ZTJ_MSG_STATUS, ztj_view_of(NULL, 0), &text));
		free(text);
	}
	rig_kill(R);
	R->shared->now.sys -= 3000; /* set back while nobody looked; the same boot */
	rig_start(R);
	rig_link(R, true);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_ENDED);
	free(cert);
	rig_grant_free(&g);
}

static void test_G05_stale_denies_new_uses_and_lets_sessions_run(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 899);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	rig_sleep(R, 2);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	rig_link(R, false);
	rig_link(R, true);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	rig_status_now(R);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

/* Has the gate said since that somebody waits for the broker? */
static bool hurried(void)
{
	struct ztj_ipc_in in;
	bool yes = false;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	while (ztj_ipc_recv(R->mirror, &in, ztj_ipc_now_ms() + 50) == ZTJ_OK) {
		yes |= in.type == ZTJ_MSG_HURRY;
		ztj_ipc_in_reset(&in);
	}
	ztj_ipc_in_free(&in);
	return yes;
}

static void test_G05_who_waits_for_the_broker_hurries_it(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_link(R, false);
	(void)hurried();
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	assert_false(hurried());
	rig_sleep(R, 901);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	assert_true(hurried());
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	assert_false(hurried()); /* just now */
	rig_sleep(R, 2);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	assert_true(hurried());
	fails(rig_principals(R, "bob", cert, line, sizeof(line)), ZTJ_WRONG_ACCOUNT);
	assert_false(hurried()); /* no broker would change that */
	rig_link(R, true);
	rig_sleep(R, 2);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	assert_false(hurried()); /* it is there, and says nothing */
	free(cert);
	rig_grant_free(&g);
}

static void test_G05_on_stale_kill_ends_sessions(void **state)
{
	static const struct fx_policy strict = {
		.version = 2,
		.rules =
		    "rules = ( { name = \"prod-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ];"
		    " hosts = { env = \"prod\"; }; max = \"1h\"; request_valid = \"1h\";"
		    " approvals = ( { count = 1; from = [ \"@sre-leads\" ]; } ); step_up = [ \"confirm\" ];"
		    " reason_min = 3; freshness = \"15m\"; on_stale = \"kill\"; } );\n",
	};
	struct fx_signed policy;
	struct rig_grant g;
	char *cert;

	(void)state;
	fx_policy(&R->w, &strict, &policy);
	rig_news(R, &policy);
	grant_and_cert(&g, &cert);
	rig_status_now(R);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 899);
	rig_news(R, &g.request);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	rig_sleep(R, 2);
	rig_kill(R); /* a gate that starts reviews all */
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(R->told[0].op, ZTJ_WARDEN_WARN);
	assert_int_equal(R->told[0].text, ZTJ_TEXT_STALE);
	fx_signed_free(&policy);
	free(cert);
	rig_grant_free(&g);
}

/* A restarted gate goes on with the status it kept: by its own date, and by a clock that does not go back. */
static void test_G05_restart_neither_ends_nor_prolongs_freshness(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_kill(R);
	rig_sleep(R, 899);
	rig_start(R);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	rig_kill(R);
	rig_sleep(R, 2);
	rig_start(R);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	rig_kill(R);
	R->shared->now.sys -= 600; /* it would be fresh by this clock */
	rig_start(R);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_STALE);
	free(cert);
	rig_grant_free(&g);
}

/* ---- revocation, extension, news ---- */

static void test_revocation_ends_the_session_and_denies_the_next(void **state)
{
	struct fx_signed revoked;
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->ntold = 0;
	fx_revoke_request(&R->w, FX_REQ1, REQ1, &g.request, &revoked);
	rig_news(R, &revoked);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(R->told[0].text, ZTJ_TEXT_REVOKED);
	assert_int_not_equal(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	fx_signed_free(&revoked);
	free(cert);
	rig_grant_free(&g);
}

static void test_extend_carries_the_session_on(void **state)
{
	const struct soft_key *k = REQ1;
	struct rig_grant g, more;
	const char *host[1] = { "servers/web1" };
	struct ztj_stmt st;
	char *cert;

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	R->ntold = 0;
	rig_sleep(R, 60);
	fx_stmt(&R->w, &st, ZTJ_STMT_REQUEST);
	st.u.request.who = "people/req1";
	st.u.request.role = "root-shell";
	st.u.request.hosts = host;
	st.u.request.nhosts = 1;
	st.u.request.duration = 3000;
	st.u.request.reason = "disk still full on the web tier";
	st.u.request.ticket = "INC-4711";
	st.u.request.valid_until = R->w.now + 3600;
	st.u.request.has_follows = true;
	memcpy(st.u.request.follows, g.request.id, ZTJ_DIGEST_LEN);
	fx_stmt_sign(&st, FX_UV, &k, 1, &more.request);
	fx_approval(&R->w, FX_LEAD1, &more.request, false, 0, &more.lead);
	fx_approval(&R->w, FX_SEC1, &more.request, false, 0, &more.sec);
	rig_grant_push(R, &more);
	rig_sleep(R, 1800);
	rig_status_now(R);
	rig_link(R, false);
	assert_int_equal(rig_sessions(R), 1);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	free(cert);
	rig_grant_free(&g);
	rig_grant_free(&more);
}

static void test_P12_peer_that_went_away_leaves_no_session(void **state)
{
	struct rig_grant g;
	struct ztj_ipc_in in;
	struct ztj_warden_msg answer;
	char *cert, *info = NULL, line[8192];
	struct ztj_buf b;
	int sock;

	(void)state;
	grant_and_cert(&g, &cert);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	rig_warden(R);
	R->warden_mute = true;
	sock = rig_connect(R, "pam.sock");
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	assert_true(asprintf(&info, KEY "%s", cert) > 0);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_OPEN));
	for (int i = 0; i < 5; i++)
		ok(ztj_buf_put_cstring(&b, i == 0 ? "sshd" : i == 1 ? "root" : ""));
	ok(ztj_buf_put_cstring(&b, info));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(sock, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	for (int i = 0; i < 200 && !rig_told(R, ZTJ_WARDEN_MAKE); i++)
		rig_warden(R);
	assert_true(rig_told(R, ZTJ_WARDEN_MAKE));
	(void)close(sock); /* killed in mid-request */
	json_decref(rig_status(R));
	R->warden_mute = false;
	answer = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE,
		.id = R->told[0].id,
		.session = R->told[0].session };
	assert_int_equal(send(R->warden, &answer, sizeof(answer), 0), (ssize_t)sizeof(answer));
	for (int i = 0; i < 200 && !rig_told(R, ZTJ_WARDEN_KILL); i++)
		rig_warden(R);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	answer = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_EMPTY, .session = R->told[0].session };
	assert_int_equal(send(R->warden, &answer, sizeof(answer), 0), (ssize_t)sizeof(answer));
	json_decref(rig_status(R));
	assert_int_equal(rig_sessions(R), 0);
	ztj_buf_free(&b);
	ztj_ipc_in_free(&in);
	free(info);
	free(cert);
	rig_grant_free(&g);
}

static void test_warden_failure_denies(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	grant_and_cert(&g, &cert);
	R->warden_code = ZTJ_SYSTEM;
	fails(rig_login(R, "root", cert), ZTJ_SYSTEM);
	assert_int_equal(rig_sessions(R), 0);
	free(cert);
	rig_grant_free(&g);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_login_from_certificate_alone),
		T(test_login_without_bundle_uses_what_was_pushed),
		T(test_C05_whom_the_machine_takes_the_account_for),
		T(test_W03_one_person_does_not_keep_others_out),
		T(test_C08_line_reimposes_every_limit),
		T(test_C08_stolen_ca_key),
		T(test_C04_C05_what_is_no_certificate),
		T(test_not_approved_is_pending),
		T(test_P01_P09_account_wants_this_process_and_name),
		T(test_P09_open_verifies_the_certificate_again),
		T(test_P01_sshd_auth_denies),
		T(test_P05_unknown_services),
		T(test_S15_a_shorter_limit_that_was_seen_counts),
		T(test_S15_stored_window_survives_restart_and_only_shortens),
		T(test_S17_absurd_serials_deny_that_bundle_only),
		T(test_G01_C02_expiry_is_checked_at_use_and_ends_the_session),
		cmocka_unit_test(test_C02_the_end_comes_in_the_middle_of_a_review),
		T(test_G02_clock_set_back_gains_nothing),
		T(test_G02_mark_survives_restart),
		T(test_G05_stale_denies_new_uses_and_lets_sessions_run),
		T(test_G05_who_waits_for_the_broker_hurries_it),
		T(test_G05_on_stale_kill_ends_sessions),
		T(test_G05_restart_neither_ends_nor_prolongs_freshness),
		T(test_revocation_ends_the_session_and_denies_the_next),
		T(test_extend_carries_the_session_on),
		T(test_P12_peer_that_went_away_leaves_no_session),
		T(test_warden_failure_denies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
