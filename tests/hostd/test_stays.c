/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What sessions leave elsewhere ends with the account's last grant (R07); whose that is, and whose it is not. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)

static struct rig_grant grant[2];

static void login(int who, const char *role, const char *account, pid_t pid, struct rig_grant *g)
{
	char *cert;

	rig_grant(R, who, role, 1800, 0, g);
	rig_cert(R, g, &R->w.person[who].key, NULL, &cert);
	rig_proc(R, pid, 0, "/", 0);
	fails(rig_login(R, account, cert), ZTJ_OK);
	free(cert);
}

/* req1 is logged in as req1 (session 1), req2 as root (session 2). */
static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	login(FX_REQ1, "sudo-root", "req1", 200, &grant[0]);
	login(FX_REQ2, "root-shell", "root", 300, &grant[1]);
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

static void over(uint64_t no)
{
	rig_warden_says(R, ZTJ_WARDEN_EMPTY, no, 0);
	rig_sync(R);
}

/* Any news leads to a review; so does the timer, in real time. */
static void news(void)
{
	struct fx_signed revoked;
	static int64_t n = 3600;

	fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/out1", 1, R->w.now + n++, &revoked);
	rig_news(R, &revoked);
	fx_signed_free(&revoked);
}

static void revoke_grant(size_t i, int who)
{
	struct fx_signed revoked;

	fx_revoke_request(&R->w, who, &R->w.person[who].key, &grant[i].request, &revoked);
	rig_news(R, &revoked);
	fx_signed_free(&revoked);
}

static uint32_t swept(void)
{
	for (size_t i = 0; i < R->ntold; i++)
		if (R->told[i].op == ZTJ_WARDEN_SWEEP)
			return R->told[i].n;
	return 0;
}

static void test_R07_not_before_the_grant_has_ended(void **state)
{
	(void)state;
	over(1);
	assert_int_equal(swept(), 0); /* logged out; the grant runs */
	rig_sleep(R, 1799);
	news();
	assert_int_equal(swept(), 0);
	rig_sleep(R, 1);
	news();
	assert_int_equal(swept(), 20001);
	R->ntold = 0;
	news();
	assert_int_equal(swept(), 0); /* once */
}

static void test_R07_after_the_session_that_was_revoked(void **state)
{
	(void)state;
	revoke_grant(0, FX_REQ1);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(swept(), 0); /* its session is still there */
	over(1);
	assert_int_equal(swept(), 20001);
}

static void test_R07_never_root_nor_who_was_not_let_in(void **state)
{
	(void)state;
	revoke_grant(1, FX_REQ2);
	over(2);
	rig_sleep(R, 1800);
	news();
	assert_int_equal(swept(), 0);
}

static void test_R07_another_session_or_grant_of_the_account(void **state)
{
	struct rig_grant more;

	(void)state;
	rig_sleep(R, 600);
	login(FX_REQ1, "sudo-root", "req1", 400, &more); /* session 3 */
	R->ntold = 0;
	over(1);
	rig_sleep(R, 1200); /* the first grant is over */
	news();
	assert_int_equal(swept(), 0);
	over(3);
	assert_int_equal(swept(), 0); /* the second runs */
	rig_sleep(R, 600);
	news();
	assert_int_equal(swept(), 20001);
	rig_grant_free(&more);
}

static void test_R07_survives_a_restart(void **state)
{
	(void)state;
	over(1);
	rig_kill(R);
	rig_sleep(R, 1800);
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
	assert_int_equal(swept(), 20001);
}

/* The machine goes down, and comes up so many seconds later with nothing running. */
static void boot(const char *bootid, int64_t seconds)
{
	R->ntold = 0;
	rig_kill(R);
	R->bootid = bootid;
	rig_sleep(R, seconds);
	R->shared->now.boot = 5;
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
	assert_int_equal(rig_sessions(R), 0);
}

/* Whoever was in, and whoever had left something, when the machine went down. */
static void test_R07_survives_a_boot(void **state)
{
	struct rig_grant more;

	(void)state;
	rig_sleep(R, 600);
	login(FX_REQ2, "sudo-root", "req2", 400, &more); /* session 3 */
	over(3);
	assert_int_equal(swept(), 0);
	boot("22222222-2222-3333-4444-555555555555", 60);
	assert_int_equal(swept(), 0); /* what is started at boot may run as long as the grant */
	rig_sleep(R, 1140);
	news();
	assert_int_equal(swept(), 20001);
	/* and once more, in the meantime of which the grant ends */
	boot("33333333-2222-3333-4444-555555555555", 600);
	assert_int_equal(swept(), 20002);
	rig_grant_free(&more);
}

/* What runs, as /proc has it; uid 0: it is gone. */
static void runs(unsigned pid, unsigned uid)
{
	char dir[128], path[160];
	FILE *fp;

	(void)snprintf(dir, sizeof(dir), "%s/proc/%u", R->dir, pid);
	(void)snprintf(path, sizeof(path), "%s/status", dir);
	if (uid == 0) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(rmdir(dir), 0);
		return;
	}
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_non_null(fp = fopen(path, "we"));
	(void)fprintf(fp, "Name:\tx\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
	assert_int_equal(fclose(fp), 0);
}

static void ended(void)
{
	rig_sleep(R, 1800);
	over(1);
	assert_int_equal(swept(), 20001);
	R->ntold = 0;
}

/* at, cron: it was not there when the last grant ended. */
static void test_R07_what_is_started_later(void **state)
{
	(void)state;
	runs(50, 20002); /* another account's */
	ended();
	rig_sleep(R, 120);
	news();
	assert_int_equal(swept(), 0); /* nothing of it */
	runs(51, 20001);
	news();
	assert_int_equal(swept(), 0); /* looked a moment ago */
	rig_sleep(R, 60);
	news();
	assert_int_equal(swept(), 20001);
	R->ntold = 0;
	rig_sleep(R, 60);
	news();
	assert_int_equal(swept(), 20001); /* as long as there is something */
	R->ntold = 0;
	runs(51, 0);
	rig_sleep(R, 60);
	news();
	assert_int_equal(swept(), 0);
}

static void test_R07_what_is_started_later_over_a_restart(void **state)
{
	(void)state;
	ended();
	rig_kill(R);
	runs(51, 20001);
	rig_sleep(R, 60);
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
	assert_int_equal(swept(), 20001);
}

static void test_R07_not_while_there_is_a_session_again(void **state)
{
	struct rig_grant more;

	(void)state;
	ended();
	runs(51, 20001);
	rig_status_now(R);
	login(FX_REQ1, "sudo-root", "req1", 400, &more); /* session 3 */
	R->ntold = 0;
	rig_sleep(R, 120);
	news();
	assert_int_equal(swept(), 0);
	rig_grant_free(&more);
}

/* An account of that name with another uid was made here meanwhile: what the person left is still the person's. */
#define ANOTHER "root:x:0:0:root:/root:/bin/bash\nreq1:x:1234:1234::/home/req1:/bin/sh\n"

static void test_R07_N03_the_name_became_another_s(void **state)
{
	(void)state;
	rig_file(R, "passwd", ANOTHER);
	news(); /* the session ends: the account is not the person's any more */
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	over(1);
	assert_int_equal(swept(), 20001);
	R->ntold = 0;
	runs(50, 1234); /* nobody let them in, and nobody's end is theirs */
	rig_sleep(R, 120);
	news();
	assert_int_equal(swept(), 0);
	runs(51, 20001);
	rig_sleep(R, 60);
	news();
	assert_int_equal(swept(), 20001);
}

static void test_R07_N03_the_uid_became_another_s(void **state)
{
	(void)state;
	ended();
	rig_file(R, "passwd", "root:x:0:0:root:/root:/bin/bash\nother:x:20001:20001::/home/other:/bin/sh\n");
	runs(51, 20001);
	rig_sleep(R, 120);
	news();
	assert_int_equal(swept(), 0);
}

/* pam_systemd starts a user manager before pam_ztjit is asked. */
static void test_R07_not_while_somebody_logs_in(void **state)
{
	struct rig_grant more;
	char line[8192], *cert;

	(void)state;
	ended();
	rig_status_now(R);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &more);
	rig_cert(R, &more, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 400, 0, "/", 0);
	rig_sleep(R, 60);
	fails(rig_principals(R, "req1", cert, line, sizeof(line)), ZTJ_OK);
	runs(51, 20001);
	news();
	assert_int_equal(swept(), 0);
	/* which came to nothing */
	rig_sleep(R, ZTJ_OFFER_SECONDS + 1);
	news();
	assert_int_equal(swept(), 20001);
	free(cert);
	rig_grant_free(&more);
}

static void test_R07_again_after_a_login_that_failed(void **state)
{
	struct rig_grant more;
	char *cert;

	(void)state;
	ended();
	rig_status_now(R);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &more);
	rig_cert(R, &more, &R->w.person[FX_REQ1].key, NULL, &cert);
	rig_proc(R, 400, 0, "/", 0);
	R->warden_code = ZTJ_SYSTEM;
	fails(rig_login(R, "req1", cert), ZTJ_SYSTEM);
	R->warden_code = ZTJ_OK;
	R->ntold = 0;
	runs(51, 20001);
	rig_sleep(R, ZTJ_OFFER_SECONDS + 1);
	news();
	assert_int_equal(swept(), 20001);
	free(cert);
	rig_grant_free(&more);
}

static bool logged(const char *what)
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

static void test_A03_the_log_names_what_was_killed(void **state)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_SWEPT,
		.session = 20001,
		.n = 4711,
		.name = "a\n\x1b[2J" };
	const struct ztj_warden_msg escaped = { .op = ZTJ_WARDEN_ESCAPED,
		.session = 2,
		.n = 99,
		.name = "sh" };

	(void)state;
	assert_int_equal(send(R->warden, &m, sizeof(m), 0), (ssize_t)sizeof(m));
	(void)snprintf(m.name, sizeof(m.name), "sleep");
	for (m.n = 5000; m.n < 5040; m.n++)
		assert_int_equal(send(R->warden, &m, sizeof(m), 0), (ssize_t)sizeof(m));
	m.session = 20002; /* another sweep */
	assert_int_equal(send(R->warden, &m, sizeof(m), 0), (ssize_t)sizeof(m));
	assert_int_equal(send(R->warden, &escaped, sizeof(escaped), 0), (ssize_t)sizeof(escaped));
	rig_sync(R);
	assert_true(logged(
	    "the last grant for req1 has ended; killed 41 processes of it: 4711 a??[2J, 5000 sleep, "));
	assert_true(logged("5030 sleep, ..."));
	assert_true(logged("process 99 (sh) left session 2 of people/req2"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_R07_not_before_the_grant_has_ended),
		T(test_R07_after_the_session_that_was_revoked),
		T(test_R07_never_root_nor_who_was_not_let_in),
		T(test_R07_another_session_or_grant_of_the_account),
		T(test_R07_survives_a_restart),
		T(test_R07_survives_a_boot),
		T(test_R07_what_is_started_later),
		T(test_R07_what_is_started_later_over_a_restart),
		T(test_R07_not_while_there_is_a_session_again),
		T(test_R07_N03_the_name_became_another_s),
		T(test_R07_N03_the_uid_became_another_s),
		T(test_R07_not_while_somebody_logs_in),
		T(test_R07_again_after_a_login_that_failed),
		T(test_A03_the_log_names_what_was_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
