/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sessions that outlive the gate: what the next one takes up, and what it ends. */
#include "tests/hostd/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define IN_S1 RIG_PREFIX "/s1"
#define PTS1 0x8801

static struct rig_grant grant;

/* req1 is logged in as req1 in session s1, by a grant that may become root. */
static int setup(void **state)
{
	char *cert;

	(void)state;
	rig_open(R, NULL);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
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

static void restart(void)
{
	rig_kill(R);
	rig_start(R);
}

static void all_found(void)
{
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_sync(R);
}

static const struct ztj_warden_msg *told(uint32_t op)
{
	for (size_t i = 0; i < R->ntold; i++)
		if (R->told[i].op == op)
			return &R->told[i];
	return NULL;
}

/* The same, of what must be there; never NULL, for a compiler that does not know that an assertion ends the test. */
static const struct ztj_warden_msg *was_told(uint32_t op)
{
	static const struct ztj_warden_msg nothing;
	const struct ztj_warden_msg *m = told(op);

	assert_non_null(m);
	return m != NULL ? m : &nothing;
}

static char *decisions(void)
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
	return text;
}

static void test_sessions_survive_a_restart(void **state)
{
	struct fx_signed revoked;
	json_t *before = rig_status(R), *after;

	(void)state;
	restart();
	/* it is known at once who that is; the warden's word comes a little later */
	fails(rig_pam(R, ZTJ_MSG_CLOSE, "su", "root", ""), ZTJ_OK);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	all_found();
	after = rig_status(R);
	assert_true(json_equal(json_object_get(before, "sessions"), json_object_get(after, "sessions")));
	json_decref(before);
	json_decref(after);
	assert_non_null(told(ZTJ_WARDEN_END_AT));
	assert_int_equal(was_told(ZTJ_WARDEN_END_AT)->at, R->shared->now.boot + 1800);
	assert_non_null(told(ZTJ_WARDEN_READY));
	assert_null(told(ZTJ_WARDEN_KILL));
	/* it is judged like any other */
	fx_revoke_request(&R->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(R, &revoked);
	assert_non_null(told(ZTJ_WARDEN_KILL));
	assert_int_equal(was_told(ZTJ_WARDEN_KILL)->session, 1);
	fx_signed_free(&revoked);
}

static void test_G01_what_ended_meanwhile_is_ended(void **state)
{
	(void)state;
	rig_kill(R);
	rig_sleep(R, 1800);
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	all_found();
	assert_non_null(told(ZTJ_WARDEN_KILL));
	assert_int_equal(was_told(ZTJ_WARDEN_KILL)->session, 1);
}

static void test_P4_what_nobody_knows_is_ended(void **state)
{
	(void)state;
	restart();
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 2, 0); /* not ours */
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 2); /* nor is one elsewhere of the same number */
	all_found();
	assert_non_null(told(ZTJ_WARDEN_KILL));
	assert_int_equal(was_told(ZTJ_WARDEN_KILL)->session, 2);
	assert_int_equal(rig_sessions(R), 1);
	assert_non_null(strstr(decisions(), "not known here"));
}

static void test_what_is_gone_is_gone(void **state)
{
	(void)state;
	restart();
	assert_int_equal(rig_sessions(R), 1);
	all_found();
	assert_int_equal(rig_sessions(R), 0);
	assert_non_null(strstr(decisions(), "\"event\":\"gone\""));
	restart();
	assert_int_equal(rig_sessions(R), 0);
}

static void test_numbers_are_not_given_again(void **state)
{
	char *cert;

	(void)state;
	restart();
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 17, 0); /* dies, but its cgroup is still there */
	all_found();
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 300, 0, "/", 0);
	R->ntold = 0;
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	assert_int_equal(was_told(ZTJ_WARDEN_MAKE)->session, 18);
	assert_int_equal(was_told(ZTJ_WARDEN_MAKE)->at, R->shared->now.boot + 1800);
	free(cert);
}

/* One that was never told yes is nobody's: the gate was killed in between (P12). */
static void test_P12_killed_between_asking_and_telling(void **state)
{
	char *cert, line[8192], *info = NULL;

	(void)state;
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 300, 0, "/", 0);
	fails(rig_principals(R, "req1", cert, line, sizeof(line)), ZTJ_OK);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sshd", "req1", ""), ZTJ_OK);
	assert_true(asprintf(&info, "publickey sk-ssh-ed25519-cert-v01@openssh.com %s", cert) > 0);
	R->warden_mute = true;
	assert_int_not_equal(rig_pam(R, ZTJ_MSG_OPEN, "sshd", "req1", info), ZTJ_OK);
	R->warden_mute = false;
	restart();
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 2, 0);
	all_found();
	assert_int_equal(was_told(ZTJ_WARDEN_KILL)->session, 2);
	assert_int_equal(rig_sessions(R), 1);
	free(info);
	free(cert);
}

/* ---- the files ---- */

static size_t slurp(const char *path, char *out, size_t size)
{
	FILE *fp = fopen(path, "re");
	size_t n;

	assert_non_null(fp);
	n = fread(out, 1, size, fp);
	(void)fclose(fp);
	return n;
}

static void spill(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	(void)close(fd);
}

static void test_D01_files_cut_short_or_of_another_boot(void **state)
{
	char path[128], text[8192], other[8192];
	size_t n;
	char *boot;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/state/sessions/1", R->dir);
	n = slurp(path, text, sizeof(text));
	/* Restarts are slow: a few lengths here, all of them in the parsers of wire.c. */
	for (size_t cut = 0; cut < n; cut += n / 9) {
		rig_kill(R);
		spill(path, text, cut);
		rig_start(R);
		assert_int_equal(rig_sessions(R), 0);
		assert_int_equal(access(path, F_OK), -1);
	}
	rig_kill(R);
	spill(path, text, n);
	rig_start(R);
	assert_int_equal(rig_sessions(R), 1);
	memcpy(other, text, n);
	boot = memmem(other, n, "11111111-2222", 13);
	assert_non_null(boot);
	boot[0] = '2';
	rig_kill(R);
	spill(path, other, n);
	rig_start(R);
	assert_int_equal(rig_sessions(R), 0);
	assert_int_equal(slurp(path, text, sizeof(text)),
	    n); /* kept, as what its person left, for this boot */
	assert_null(memmem(text, n, boot, 13));
	rig_kill(R);
	spill(path, other, n / 2);
	rig_start(R);
	assert_int_equal(rig_sessions(R), 0);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_sessions_survive_a_restart),
		T(test_G01_what_ended_meanwhile_is_ended),
		T(test_P4_what_nobody_knows_is_ended),
		T(test_what_is_gone_is_gone),
		T(test_numbers_are_not_given_again),
		T(test_P12_killed_between_asking_and_telling),
		T(test_D01_files_cut_short_or_of_another_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
