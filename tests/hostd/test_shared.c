/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sudo by the session's own grant and by another: in whose cgroup, and how it ends. */
#include "tests/hostd/rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define AUTH ZTJ_MSG_AUTH
#define ACCOUNT ZTJ_MSG_ACCOUNT
#define OPEN ZTJ_MSG_OPEN
#define CLOSE ZTJ_MSG_CLOSE
#define PTS1 0x8801
#define IN_S1 RIG_PREFIX "/s1"

#define RULES \
	"rules = ( { name = \"prod\"; who = [ \"@sre\" ]; roles = [ \"sudo-root\" ]; hosts = { env = \"prod\"; };\n" \
	" max = \"2h\"; request_valid = \"1h\"; approvals = ( { count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@security\" ]; } );\n" \
	" step_up = [ \"confirm\" ]; step_up_every = \"1h\"; freshness = \"3h\"; on_stale = \"deny\"; } );\n"
#define ROLES(become) \
	"roles = { sudo-root = { login = [ \"self\" ]; " become \
	" groups = [ \"ztjit-root\" ]; record = \"none\"; }; };\n" \
	"gids = { ztjit-root = 61000; };\n"

static const struct fx_policy policy = { .version = 2,
	.roles = ROLES("become = [ \"root\", \"postgres\" ];"),
	.rules = RULES };
static struct rig_grant grant;

/* Every touch is given: what they are worth is test_elevate's. */
static void confirm(struct rig *r)
{
	struct ztj_signed challenge;
	struct ztj_buf mem;

	rig_posted(r, &mem, &challenge);
	rig_relay(r, &challenge, REQ1, FX_UP);
	ztj_buf_free(&mem);
}

/* req1 is logged in as req1 in session s1. */
static int setup(void **state)
{
	char *cert;

	(void)state;
	rig_open(R, &policy);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	R->ntold = 0;
	R->prompted = confirm;
	rig_proc(R, 500, 20001, IN_S1, PTS1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_grant_free(&grant);
	rig_close(R);
	return 0;
}

static void sudo(const char *service, const char *target)
{
	fails(rig_pam(R, AUTH, service, strncmp(service, "su-", 3) == 0 ? target : "req1", ""), ZTJ_OK);
	fails(rig_pam(R, ACCOUNT, service, strncmp(service, "su-", 3) == 0 ? target : "req1", ""), ZTJ_OK);
	fails(rig_pam(R, OPEN, service, target, ""), ZTJ_OK);
}

/* By a process that is gone when this returns, and that the gate knows to be. */
static void sudo_that_ends(const char *service)
{
	size_t before = rig_sessions(R);
	int status;
	pid_t pid;

	R->prompted = confirm;
	fails(rig_pam(R, AUTH, service, strncmp(service, "su-", 3) == 0 ? "root" : "req1", ""), ZTJ_OK);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(rig_pam(R, OPEN, service, "root", "") == ZTJ_OK ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 500 && rig_sessions(R) > before; i++)
		(void)usleep(2000);
	assert_int_equal(rig_sessions(R), before);
}

/* How often the warden was told op for this session. */
static unsigned told(uint32_t op, uint64_t session)
{
	unsigned n = 0;

	for (size_t i = 0; i < R->ntold; i++)
		n += R->told[i].op == op && R->told[i].session == session;
	return n;
}

/* How many lines of the log have this event. */
static unsigned logged(const char *event)
{
	char path[256], want[64], *line = NULL;
	size_t size = 0;
	unsigned n = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%s/state/spool/decisions.jsonl", R->dir);
	(void)snprintf(want, sizeof(want), "\"event\":\"%s\"", event);
	assert_non_null(fp = fopen(path, "re"));
	while (getline(&line, &size, fp) > 0)
		n += strstr(line, want) != NULL;
	free(line);
	(void)fclose(fp);
	return n;
}

static void revoke_grant(const struct rig_grant *g)
{
	struct fx_signed revoked;

	fx_revoke_request(&R->w, FX_REQ1, REQ1, &g->request, &revoked);
	rig_news(R, &revoked);
	fx_signed_free(&revoked);
}

static void test_own_grant_stays_in_the_sessions_cgroup(void **state)
{
	static const char *const service[] = { "sudo", "sudo-i", "su-l" };
	json_t *o, *s;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rig_proc(R, (pid_t)(500 + i), 20001, IN_S1, PTS1);
		sudo(service[i], "root");
		assert_non_null(o = rig_status(R));
		assert_int_equal(json_array_size(json_object_get(o, "sessions")), i + 2);
		s = json_array_get(json_object_get(o, "sessions"), i + 1);
		assert_string_equal(json_string_value(json_object_get(s, "service")), service[i]);
		assert_string_equal(json_string_value(json_object_get(s, "account")), "root");
		assert_string_equal(json_string_value(json_object_get(s, "person")), "people/req1");
		assert_int_equal(json_integer_value(json_object_get(s, "inside")), 1);
		json_decref(o);
	}
	assert_int_equal(R->ntold, 0);
}

/* However it ends: what the module says at the end is not waited for, and opens and closes nothing. */
static void test_P12_ends_with_its_process(void **state)
{
	static const char *const service[] = { "sudo", "sudo-i", "su-l" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rig_proc(R, (pid_t)(500 + i), 20001, IN_S1, PTS1);
		sudo_that_ends(service[i]);
		assert_int_equal(logged("close"), i + 1);
	}
	sudo("sudo", "root");
	fails(rig_pam(R, CLOSE, "sudo", "root", ""), ZTJ_OK);
	assert_int_equal(rig_sessions(R), 2);
	assert_int_equal(logged("gone"), 0);
	assert_int_equal(R->ntold, 0);
}

/* Asks and hangs up: nobody hears the yes. */
static void test_P12_a_yes_that_nobody_heard(void **state)
{
	static const char *const text[] = { "sudo", "root", "", "", "", "" };
	struct ztj_buf b;
	int sock;

	(void)state;
	sudo_that_ends("sudo");
	sock = rig_connect(R, "pam.sock");
	ztj_buf_init(&b, 4096);
	ok(ztj_ipc_begin(&b, OPEN));
	for (size_t i = 0; i < 6; i++)
		ok(ztj_buf_put_cstring(&b, text[i]));
	ok(ztj_ipc_finish(&b));
	assert_int_equal(kill(R->gate, SIGSTOP), 0);
	ok(ztj_ipc_send(sock, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000));
	(void)close(sock);
	assert_int_equal(kill(R->gate, SIGCONT), 0);
	ztj_buf_free(&b);
	for (int i = 0; i < 500 && !rig_told(R, ZTJ_WARDEN_KILL_PROC); i++)
		rig_warden(R);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL_PROC));
	assert_int_equal(rig_sessions(R), 1);
}

static void test_revocation_kills_the_cgroup_around(void **state)
{
	const struct ztj_warden_msg empty = { .op = ZTJ_WARDEN_EMPTY, .session = 1 };

	(void)state;
	sudo("sudo", "root");
	revoke_grant(&grant);
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 1);
	assert_int_equal(told(ZTJ_WARDEN_KILL, 2), 0);
	assert_int_equal(logged("end"), 2);
	assert_int_not_equal(rig_pam(R, ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	/* the last process is gone: of both */
	assert_int_equal(send(R->warden, &empty, sizeof(empty), MSG_NOSIGNAL), (ssize_t)sizeof(empty));
	rig_sync(R);
	assert_int_equal(rig_sessions(R), 0);
	assert_int_equal(logged("gone"), 2);
}

static void test_end_of_the_box_kills_the_cgroup_around(void **state)
{
	static const struct fx_policy newer = { .version = 3,
		.roles = ROLES("become = [ \"root\" ];"),
		.rules = RULES };
	struct fx_signed s;

	(void)state;
	sudo_that_ends("sudo"); /* what it left running goes too */
	fx_policy(&R->w, &newer, &s);
	rig_sleep(R, 1801);
	rig_news(R, &s); /* any news leads to a review; so does the timer, in real time */
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 1);
	fx_signed_free(&s);
}

/* The newest policy governs, whoever still runs as root: the login alone would be let go on. */
static void withdraw(void)
{
	static const struct fx_policy newer = { .version = 3, .roles = ROLES(""), .rules = RULES };
	struct fx_signed s;

	fx_policy(&R->w, &newer, &s);
	rig_news(R, &s);
	fx_signed_free(&s);
}

static void test_become_withdrawn_while_it_runs(void **state)
{
	(void)state;
	sudo("sudo", "root");
	withdraw();
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 1);
}

static void test_become_withdrawn_after_it_closed(void **state)
{
	(void)state;
	sudo_that_ends("sudo");
	withdraw();
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 1);
}

static void test_become_withdrawn_where_nobody_was_root(void **state)
{
	(void)state;
	withdraw();
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 0);
	assert_int_equal(rig_sessions(R), 1);
}

/* A longer grant is preferred, and ends by itself. */
static void test_another_grant_gets_its_own_cgroup(void **state)
{
	struct rig_grant longer;

	(void)state;
	rig_grant(R, FX_REQ1, "sudo-root", 3600, 0, &longer);
	rig_grant_push(R, &longer);
	sudo("sudo", "root");
	assert_int_equal(told(ZTJ_WARDEN_MAKE, 2), 1);
	assert_int_equal(R->told[0].parent, 1);
	/* inside it, the same grant again */
	R->ntold = 0;
	rig_proc(R, 510, 0, IN_S1 "/s2", PTS1);
	sudo("sudo", "root");
	assert_false(rig_told(R, ZTJ_WARDEN_MAKE));
	assert_int_equal(rig_sessions(R), 3);
	revoke_grant(&longer);
	assert_int_equal(told(ZTJ_WARDEN_KILL, 2), 1);
	assert_int_equal(told(ZTJ_WARDEN_KILL, 3), 0);
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 0);
	/* and with that one gone, the session's own */
	R->ntold = 0;
	rig_proc(R, 511, 20001, IN_S1, PTS1);
	sudo("sudo", "root");
	assert_false(rig_told(R, ZTJ_WARDEN_MAKE));
	rig_grant_free(&longer);
}

static void test_P15_another_account_gets_its_own_cgroup(void **state)
{
	(void)state;
	sudo("sudo", "postgres");
	assert_int_equal(told(ZTJ_WARDEN_MAKE, 2), 1);
	rig_proc(R, 501, 20001, IN_S1, PTS1);
	sudo("su-l", "postgres");
	assert_int_equal(told(ZTJ_WARDEN_MAKE, 3), 1);
}

static void test_denied_open_shares_nothing(void **state)
{
	(void)state;
	fails(rig_pam(R, OPEN, "sudo", "games", ""), ZTJ_WRONG_ACCOUNT);
	assert_int_equal(rig_sessions(R), 1);
	withdraw();
	assert_int_equal(told(ZTJ_WARDEN_KILL, 1), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_own_grant_stays_in_the_sessions_cgroup),
		T(test_P12_ends_with_its_process),
		T(test_P12_a_yes_that_nobody_heard),
		T(test_revocation_kills_the_cgroup_around),
		T(test_end_of_the_box_kills_the_cgroup_around),
		T(test_become_withdrawn_while_it_runs),
		T(test_become_withdrawn_after_it_closed),
		T(test_become_withdrawn_where_nobody_was_root),
		T(test_another_grant_gets_its_own_cgroup),
		T(test_P15_another_account_gets_its_own_cgroup),
		T(test_denied_open_shares_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
