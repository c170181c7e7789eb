/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The gate's sockets, storage and files under bad input and bad disks. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)

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

/* The gate answers a status: nothing that came before hurt it. */
static void alive(void)
{
	json_t *o = rig_status(R);

	assert_string_equal(json_string_value(json_object_get(o, "armed")), "ok");
	json_decref(o);
}

/* Sends bytes and reads until the peer closes; returns how many came back. */
static size_t raw(const char *socket, struct ztj_view v, bool half_close)
{
	int sock = rig_connect(R, socket);
	size_t n = 0;
	uint8_t chunk[512];

	(void)!write(sock, v.p, v.n);
	if (half_close)
		(void)shutdown(sock, SHUT_WR);
	for (int i = 0; i < 200; i++) {
		ssize_t got = read(sock, chunk, sizeof(chunk));
		if (got > 0)
			n += (size_t)got;
		else if (got == 0)
			break;
		else
			(void)usleep(2000);
	}
	(void)close(sock);
	return n;
}

static void question(uint8_t type, struct ztj_buf *b)
{
	ztj_buf_init(b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(b, type));
	for (int i = 0; i < 6; i++)
		ok(ztj_buf_put_cstring(b, i == 0 ? "sudo" : i == 1 ? "req1" : ""));
	ok(ztj_ipc_finish(b));
}

static void test_P13_truncated_at_every_length(void **state)
{
	static const char *const socket[] = { "pam.sock", "principals.sock", "control.sock" };
	struct ztj_buf b;

	(void)state;
	question(ZTJ_MSG_ACCOUNT, &b);
	for (size_t s = 0; s < 3; s++)
		for (size_t n = 0; n < b.n; n++)
			assert_int_equal(raw(socket[s], ztj_view_of(b.p, n), true), 0);
	assert_int_not_equal(raw("pam.sock", ztj_buf_view(&b), false), 0);
	ztj_buf_free(&b);
	alive();
}

static void test_malformed_messages_close_that_peer_only(void **state)
{
	static const char *const socket[] = { "pam.sock", "principals.sock", "control.sock" };
	struct ztj_buf b;

	(void)state;
	for (size_t s = 0; s < 3; s++) {
		assert_int_equal(raw(socket[s], ztj_view_str("GET / HTTP/1.1\r\n\r\n"), false), 0);
		assert_int_equal(raw(socket[s], ztj_view_of("\377\377\377\377\1\2aaaa", 10), false), 0);
		assert_int_equal(raw(socket[s], ztj_view_of("\0\0\0\0\0\0", 6), true), 0);
		assert_int_equal(raw(socket[s], ztj_view_of("\0\0\0\2\2\2", 6), true),
		    0); /* another version */
	}
	for (unsigned type = 0; type < 256; type++) {
		if (type >= ZTJ_MSG_AUTH && type <= ZTJ_MSG_CLOSE)
			continue;
		question((uint8_t)type, &b);
		assert_int_equal(raw("pam.sock", ztj_buf_view(&b), false), 0);
		ztj_buf_free(&b);
	}
	/* a field too long, a NUL in a name, bytes left over */
	question(ZTJ_MSG_ACCOUNT, &b);
	ok(ztj_buf_put_u8(&b, 0));
	ok(ztj_ipc_finish(&b));
	assert_int_equal(raw("pam.sock", ztj_buf_view(&b), false), 0);
	ztj_buf_free(&b);
	question(ZTJ_MSG_ACCOUNT, &b);
	b.p[12] = '\0';
	assert_int_equal(raw("pam.sock", ztj_buf_view(&b), false), 0);
	ztj_buf_free(&b);
	alive();
}

static void test_out_of_turn_messages_close(void **state)
{
	struct ztj_buf b;

	(void)state;
	/* an agent's descriptor that nobody asked for */
	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_AGENT));
	ok(ztj_buf_put_u8(&b, 1));
	ok(ztj_ipc_finish(&b));
	assert_int_equal(raw("pam.sock", ztj_buf_view(&b), false), 0);
	ztj_buf_free(&b);
	alive();
}

/* ---- disks ---- */

static void file_limit(rlim_t bytes)
{
	const struct rlimit l = { bytes, RLIM_INFINITY };

	assert_int_equal(prlimit(R->gate, RLIMIT_FSIZE, &l, NULL), 0);
}

static void test_D02_A02_no_decision_without_its_line_on_disk(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	file_limit(0);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_NO_SPACE);
	rig_proc(R, 600, 0, "/system.slice/cron.service", 0);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_NO_SPACE);
	file_limit(RLIM_INFINITY);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_OK); /* recovers when it is over */
	fails(rig_login(R, "root", cert), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

static void spool_path(char *out, size_t size)
{
	(void)snprintf(out, size, "%s/state/spool/decisions.jsonl", R->dir);
}

static void test_D01_kill_9_loses_nothing_that_was_answered(void **state)
{
	uint8_t head[ZTJ_DIGEST_LEN] = { 0 };
	struct rig_grant g;
	uint64_t before = 0, after = 0;
	char *cert, path[256], line[8192];
	json_t *o;
	FILE *fp;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	rig_kill(R);
	spool_path(path, sizeof(path));
	ok(ztj_spool_verify(path, &before, head));
	assert_true(before >= 3); /* principals, account, open */
	assert_non_null(fp = fopen(path, "ae"));
	assert_true(fputs("{\"v\":1,\"seq\":99,\"pre", fp) > 0); /* torn by the power loss */
	(void)fclose(fp);
	rig_start(R);
	o = rig_status(R);
	/* and the line that says that it runs again */
	assert_int_equal(json_integer_value(json_object_get(o, "decisions")), before + 1);
	assert_int_equal(json_integer_value(json_object_get(o, "grants")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "policy")), 1);
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(json_object_get(o, "directories"), "people"),
				 "serial")),
	    1);
	json_decref(o);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK); /* the status was kept too */
	memset(head, 0, sizeof(head));
	ok(ztj_spool_verify(path, &after, head));
	assert_int_equal(after, before + 2);
	free(cert);
	rig_grant_free(&g);
}

static json_int_t decisions(void)
{
	json_t *o = rig_status(R);
	json_int_t n = json_integer_value(json_object_get(o, "decisions"));

	json_decref(o);
	return n;
}

/* The log goes on in a new file when one is full, and a restart goes on with it. */
static void test_log_goes_on_in_another_file(void **state)
{
	char full[256];
	json_int_t n;

	(void)state;
	(void)snprintf(full, sizeof(full), "%s/state/spool/decisions-000000000001.jsonl", R->dir);
	rig_proc(R, 600, 0, "/system.slice/cron.service", 0);
	for (int i = 0; i < 400 && access(full, F_OK) != 0; i++)
		fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_OK);
	assert_int_equal(access(full, F_OK), 0);
	n = decisions();
	rig_kill(R);
	rig_start(R);
	assert_int_equal(decisions(), n + 1); /* its start */
	rig_proc(R, 600, 0, "/system.slice/cron.service", 0);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_OK);
	assert_int_equal(decisions(), n + 2);
	rig_kill(R);
	assert_int_equal(unlink(full), 0);
	rig_start(R);
	assert_int_equal(decisions(), n + 4); /* its start, and the alarm that a file is gone */
}

static void test_A01_spool_that_was_edited_refuses_to_start(void **state)
{
	char path[256], cmd[1024];
	int status;

	(void)state;
	rig_proc(R, 600, 0, "/system.slice/cron.service", 0);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_OK);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "root", ""), ZTJ_OK);
	rig_kill(R);
	spool_path(path, sizeof(path));
	(void)snprintf(cmd, sizeof(cmd), "cp %s %s.good; sed -i '0,/sudo/s//suda/' %s", path, path, path);
	assert_int_equal(sh("%s", cmd), 0);
	rig_start(R);
	assert_int_equal(waitpid(R->gate, &status, 0), R->gate);
	assert_int_equal(WEXITSTATUS(status), 99);
	(void)close(R->mirror);
	(void)close(R->warden);
	assert_int_equal(sh("mv %s.good %s", path, path), 0);
	rig_start(R);
}

static void refuses_to_start(const char *what)
{
	int status;

	rig_kill(R);
	assert_int_equal(sh("cd %s && %s", R->dir, what), 0);
	rig_start(R);
	assert_int_equal(waitpid(R->gate, &status, 0), R->gate);
	assert_int_equal(WEXITSTATUS(status), 99);
	(void)close(R->mirror);
	(void)close(R->warden);
}

static void test_F01_unsafe_files(void **state)
{
	(void)state;
	refuses_to_start("chmod 666 policy_roots");
	assert_int_equal(sh("chmod 644 %s/policy_roots", R->dir), 0);
	rig_start(R);
	refuses_to_start("mv policy_roots real && ln -s real policy_roots");
	assert_int_equal(sh("cd %s && rm policy_roots && mv real policy_roots", R->dir), 0);
	rig_start(R);
	refuses_to_start("mv policy_roots real");
	assert_int_equal(sh("cd %s && mv real policy_roots", R->dir), 0);
	rig_start(R);
	refuses_to_start("chmod 666 state/spool/decisions.jsonl");
	assert_int_equal(sh("chmod 600 %s/state/spool/decisions.jsonl", R->dir), 0);
	rig_start(R);
	refuses_to_start("printf 'ztjit-clock 1 x y z' >state/clock");
	assert_int_equal(sh("rm %s/state/clock", R->dir), 0);
	rig_start(R);
	alive();
}

static void test_stored_grant_that_was_edited_is_ignored(void **state)
{
	struct rig_grant g;
	json_t *o;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_kill(R);
	must("cd %s/state/grants && for f in ????????????????*; do sed -i s/INC-4711/INC-4712/ $f; done",
	    R->dir);
	rig_start(R);
	o = rig_status(R);
	assert_int_equal(json_integer_value(json_object_get(o, "grants")), 0);
	json_decref(o);
	rig_grant_free(&g);
}

/* ---- news ---- */

static void test_news_that_does_not_verify_is_refused(void **state)
{
	struct fx_signed s;
	struct rig_grant g;
	json_t *o;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	g.request.bytes.p[40] ^= 1;
	rig_news(R, &g.request);
	fx_policy(&R->w, &(struct fx_policy){ .version = 9 }, &s);
	s.s.nsigs = 1; /* one root of two */
	rig_news(R, &s);
	fx_signed_free(&s);
	o = rig_status(R);
	assert_int_equal(json_integer_value(json_object_get(o, "grants")), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "policy")), 1);
	json_decref(o);
	rig_grant_free(&g);
}

/* A broker can make keys, and with them requests in anybody's name: they take no place. */
static void test_P2_requests_of_nobody_take_no_place(void **state)
{
	const struct soft_key own = R->w.person[FX_REQ1].key;
	struct rig_grant g;
	json_t *o;

	(void)state;
	R->w.person[FX_REQ1].key = R->w.person[FX_OUT1].key;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	R->w.person[FX_REQ1].key = own;
	rig_grant_push(R, &g);
	o = rig_status(R);
	assert_int_equal(json_integer_value(json_object_get(o, "grants")), 0);
	json_decref(o);
	rig_grant_free(&g);
}

static void test_import_of_a_bundle_by_hand(void **state)
{
	struct rig_grant g;
	struct ztj_buf bundle, body;
	char *text;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	const struct ztj_signed list[] = { g.request.s, g.lead.s, g.sec.s };
	ztj_buf_init(&bundle, ZTJ_BUNDLE_MAX);
	ztj_buf_init(&body, ZTJ_IPC_MAX);
	ok(ztj_bundle_write(list, 3, &bundle));
	ok(ztj_buf_put_view(&body, ztj_buf_view(&bundle)));
	ok(rig_control(R, ZTJ_MSG_IMPORT, ztj_buf_view(&body), &text));
	assert_string_equal(text, "taken");
	free(text);
	ok(rig_control(R, ZTJ_MSG_IMPORT, ztj_buf_view(&body), &text));
	assert_string_equal(text, "held already");
	free(text);
	fails(rig_control(R, ZTJ_MSG_IMPORT, ztj_view_of("\0\0\0\3abc", 7), &text), ZTJ_BAD_JSON);
	free(text);
	ztj_buf_free(&bundle);
	ztj_buf_free(&body);
	rig_grant_free(&g);
}

/* ---- before it is armed ---- */

static void test_nothing_is_admitted_before_the_host_has_its_record(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	rig_kill(R);
	assert_int_equal(sh("rm -r %s/state/trust", R->dir), 0);
	rig_start(R);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_NOT_READY);
	rig_news(R, &R->w.policy);
	assert_int_not_equal(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_P13_truncated_at_every_length),
		T(test_malformed_messages_close_that_peer_only),
		T(test_out_of_turn_messages_close),
		T(test_D02_A02_no_decision_without_its_line_on_disk),
		T(test_D01_kill_9_loses_nothing_that_was_answered),
		T(test_log_goes_on_in_another_file),
		T(test_A01_spool_that_was_edited_refuses_to_start),
		T(test_F01_unsafe_files),
		T(test_stored_grant_that_was_edited_is_ignored),
		T(test_news_that_does_not_verify_is_refused),
		T(test_P2_requests_of_nobody_take_no_place),
		T(test_import_of_a_bundle_by_hand),
		T(test_nothing_is_admitted_before_the_host_has_its_record),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
