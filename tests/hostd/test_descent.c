/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* cgroup = "none": whose process it is, known by audit session and descent. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define ACCOUNT ZTJ_MSG_ACCOUNT
#define OPEN ZTJ_MSG_OPEN
#define PTS1 0x8801
#define AUDIT 77

static const struct fx_policy policy = {
	.version = 2,
	.roles = "roles = { sudo-root = { login = [ \"self\" ]; become = [ \"root\", \"postgres\" ];\n"
		 " groups = [ \"ztjit-root\" ]; record = \"none\"; }; };\n",
	.rules =
	    "rules = ( { name = \"prod\"; who = [ \"@sre\" ]; roles = [ \"sudo-root\" ]; hosts = { env = \"prod\"; };\n"
	    " max = \"2h\"; request_valid = \"1h\"; approvals = ( { count = 1; from = [ \"@sre-leads\" ]; } );\n"
	    " step_up = [ \"confirm\" ]; step_up_every = \"1h\"; freshness = \"3h\"; on_stale = \"deny\"; } );\n"
};
static struct rig_grant grant;

static void confirm(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem;

	rig_posted(r, &mem, &challenge);
	rig_relay(r, &challenge, REQ1, FX_UP);
	ztj_buf_free(&mem);
}

/* sshd's process 200 is the login; 210 a shell in it. */
static int setup(void **state)
{
	char *cert;

	(void)state;
	rig_open(R, &policy);
	rig_kill(R);
	R->conf.by_audit = true;
	R->audit = AUDIT;
	rig_start(R);
	rig_link(R, true);
	rig_status_now(R);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	R->ntold = 0;
	R->prompted = confirm;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_grant_free(&grant);
	rig_close(R);
	return 0;
}

static void caller(pid_t pid, uint32_t audit, size_t n, const pid_t *from)
{
	rig_proc(R, pid, 20001, "", PTS1);
	rig_descends(R, audit, n, from);
}

static int sudo(const char *target)
{
	int r = rig_pam(R, ACCOUNT, "sudo", "req1", "");

	return r == ZTJ_OK ? rig_pam(R, OPEN, "sudo", target, "") : r;
}

#define NOWHERE UINT64_MAX
/* The session that one was made in. */
static uint64_t made_in(void)
{
	rig_warden(R);
	for (size_t i = 0; i < R->ntold; i++)
		if (R->told[i].op == ZTJ_WARDEN_MAKE)
			return R->told[i].parent;
	return NOWHERE;
}

static void test_sudo_in_the_session(void **state)
{
	static const pid_t shell[] = { 210, 205, 200, 1 };

	(void)state;
	caller(500, AUDIT, 4, shell);
	fails(sudo("postgres"), ZTJ_OK);
	assert_int_equal(made_in(), 1);
}

static void test_sudo_in_a_sudo(void **state)
{
	static const pid_t shell[] = { 210, 205, 200 }, deeper[] = { 505, 500, 210, 205, 200 };

	(void)state;
	caller(500, AUDIT, 3, shell);
	fails(sudo("postgres"), ZTJ_OK);
	R->ntold = 0;
	caller(600, AUDIT, 5, deeper);
	R->shared->proc.ruid = 110;
	fails(sudo("postgres"), ZTJ_OK);
	assert_int_equal(made_in(), 2);
}

/* tmux, setsid, nohup: of this login, but in which of its sessions? */
static void test_P15_nobody_whose_parents_are_gone(void **state)
{
	static const pid_t lost[] = { 211, 1 };

	(void)state;
	caller(500, AUDIT, 2, lost);
	fails(sudo("root"), ZTJ_NO_SESSION);
	caller(500, AUDIT, 0, NULL);
	fails(sudo("root"), ZTJ_NO_SESSION);
	assert_int_equal(made_in(), NOWHERE);
}

/* Another login, a number that was used again, a process of no login. */
static void test_P16_nobody_elses(void **state)
{
	static const pid_t shell[] = { 210, 200 };

	(void)state;
	caller(500, AUDIT + 1, 2, shell);
	fails(sudo("root"), ZTJ_NO_SESSION);
	caller(500, ZTJ_NO_AUDIT_SESSION, 2, shell);
	fails(sudo("root"), ZTJ_NO_SESSION);
	caller(500, 0, 2, shell);
	fails(sudo("root"), ZTJ_NO_SESSION);
	caller(500, AUDIT, 2, shell);
	R->shared->proc.up[2].start++; /* another 200 */
	fails(sudo("root"), ZTJ_NO_SESSION);
	assert_int_equal(made_in(), NOWHERE);
}

static void test_P16_root_of_the_session_is_no_exemption(void **state)
{
	static const pid_t lost[] = { 211, 1 };

	(void)state;
	caller(500, AUDIT, 2, lost);
	R->shared->proc.ruid = 0;
	fails(sudo("root"), ZTJ_NO_SESSION);
	caller(500, ZTJ_NO_AUDIT_SESSION, 2, lost);
	R->shared->proc.ruid = 0;
	fails(sudo("root"), ZTJ_OK); /* cron, a boot script */
	(void)snprintf(R->shared->proc.cgroup, ZTJ_CGROUP_SIZE, "/user.slice/user-0.slice/session-1.scope");
	fails(sudo("root"), ZTJ_NO_SESSION); /* systemd's word, in a hierarchy of version 1 */
}

static void test_the_warden_refuses_a_login(void **state)
{
	char *cert;

	(void)state;
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 300, 0, "", 0);
	R->warden_code = ZTJ_NO_AUDIT;
	fails(rig_login(R, "req1", cert), ZTJ_NO_AUDIT);
	assert_non_null(strstr(R->text, "pam_loginuid"));
	assert_int_equal(rig_sessions(R), 1);
	free(cert);
}

/* The next gate hears of the audit session from the warden. */
static void test_after_a_restart(void **state)
{
	static const pid_t shell[] = { 210, 200 };
	const struct ztj_warden_msg found = { .op = ZTJ_WARDEN_FOUND, .session = 1, .n = AUDIT };

	(void)state;
	rig_kill(R);
	rig_start(R);
	rig_link(R, true);
	rig_status_now(R);
	caller(500, AUDIT, 2, shell);
	fails(sudo("postgres"), ZTJ_NO_SESSION);
	assert_int_equal(send(R->warden, &found, sizeof(found), MSG_NOSIGNAL), (ssize_t)sizeof(found));
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
	caller(500, AUDIT, 2, shell);
	fails(sudo("postgres"), ZTJ_OK);
}

static void test_status_and_log_say_so(void **state)
{
	json_t *status = rig_status(R);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(status, "held_by")), "audit sessions");
	json_decref(status);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sudo_in_the_session),
		T(test_sudo_in_a_sudo),
		T(test_P15_nobody_whose_parents_are_gone),
		T(test_P16_nobody_elses),
		T(test_P16_root_of_the_session_is_no_exemption),
		T(test_the_warden_refuses_a_login),
		T(test_after_a_restart),
		T(test_status_and_log_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
