/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Storage that dies, fills up, is locked, or comes back from an old backup. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/broker/bk.h"
#include "tests/core/support.h"

#define GENEROUS \
	"rate_identity = 10000;\nrate_statements = 100000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, GENEROUS);
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

static bool is_there(struct bk *b, const struct fx_signed *s)
{
	char hex[ZTJ_HEX_SIZE];
	ztj_hex(s->id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests/%s", hex);
	assert_true(b->status == 200 || b->status == 404);
	return b->status == 200;
}

/* How long the broker takes for one request now, in microseconds: a busy machine is no failure. */
static useconds_t one_takes(struct bk *b)
{
	struct fx_signed req;
	struct timespec from, to;

	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(bk_put(b, &b->login[FX_REQ1], &req), 201);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	fx_signed_free(&req);
	return (useconds_t)((to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
}

/* Posts requests until told that the broker is gone; the killer strikes after a while that differs each time. */
static void test_D01_kill_at_random(void **state)
{
	struct bk *b = *state;
	unsigned acknowledged = 0;
	for (int round = 0; round < 6; round++) {
		struct fx_signed sent[64];
		bool sure[64];
		size_t n = 0;
		useconds_t one = one_takes(b);
		pid_t killer = fork();
		if (killer == 0) {
			(void)usleep(one * (useconds_t)(3 + 2 * round) / 2);
			(void)kill(-b->pid, SIGKILL);
			_exit(0);
		}
		for (; n < 64; n++) {
			bk_clock(b);
			fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &sent[n]);
			long status = bk_put(b, &b->login[FX_REQ1], &sent[n]);
			sure[n] = status == 201;
			if (!sure[n]) {
				assert_true(status == 0);
				n++;
				break;
			}
		}
		assert_int_equal(waitpid(killer, NULL, 0), killer);
		bk_kill(b);
		bk_serve(b);
		for (size_t i = 0; i < n; i++) {
			bool there = is_there(b, &sent[i]);
			acknowledged += sure[i];
			assert_true(there || !sure[i]);
			/* Whatever was not answered can be sent again. */
			if (!sure[i]) {
				(void)bk_put(b, &b->login[FX_REQ1], &sent[i]);
				assert_int_equal(b->status, there ? 200 : 201);
			}
			fx_signed_free(&sent[i]);
		}
	}
	assert_true(acknowledged > 6);
}

/* The same, with the sync call itself never returning: strace kills the store in the middle of it. */
static void test_D01_killed_in_sync(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	if (!have_tool("strace")) {
		print_message("strace is not installed\n");
		skip();
	}
	bk_stop(b);
	const char *const wrapper[] = { "strace", "-f", "-qq", "-o", "/dev/null", "-e",
		"trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:signal=SIGKILL:when=12", NULL };
	memcpy(b->wrapper, wrapper, sizeof(wrapper));
	bk_serve(b);
	bool sure = true;
	size_t n = 0;
	struct fx_signed last;
	memset(&last, 0, sizeof(last));
	for (; n < 40 && sure; n++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
		sure = bk_put(b, &b->login[FX_REQ1], &req) == 201;
		if (sure) {
			fx_signed_free(&last);
			last = req;
		} else {
			fx_signed_free(&req);
		}
	}
	assert_false(sure);
	bk_kill(b);
	b->wrapper[0] = NULL;
	bk_serve(b);
	if (last.bytes.n > 0)
		assert_true(is_there(b, &last));
	fx_signed_free(&last);
}

/* D02: a disk that says no (EIO, ENOSPC) refuses this and forgets nothing; afterwards all is well. */
static void with_errors(struct bk *b, const char *fault)
{
	struct fx_signed req[12];
	unsigned refused = 0, kept = 0;
	bool sure[12];
	static char preload[4200], env[128];
	bk_stop(b);
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/tests/broker/.libs/faults.so",
	    getenv("ZTJ_BUILDDIR"));
	(void)snprintf(env, sizeof(env), "ZTJ_FAULT=%s", fault);
	const char *const wrapper[] = { "env", preload, "ASAN_OPTIONS=verify_asan_link_order=0", env, NULL };
	memcpy(b->wrapper, wrapper, sizeof(wrapper));
	bk_serve(b);
	for (size_t i = 0; i < 12; i++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req[i]);
		long status = bk_put(b, &b->login[FX_REQ1], &req[i]);
		sure[i] = status == 201;
		kept += status == 201;
		refused += status == 503;
		assert_true(status == 201 || status == 503);
	}
	assert_true(refused > 0);
	/* recovers while it runs */
	long status = 0;
	for (int i = 0; i < 100 && status != 201; i++) {
		struct fx_signed more;
		(void)poll(NULL, 0, 300);
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &more);
		status = bk_put(b, &b->login[FX_REQ1], &more);
		fx_signed_free(&more);
	}
	assert_int_equal(status, 201);
	for (size_t i = 0; i < 12; i++)
		assert_true(is_there(b, &req[i]) || !sure[i]);
	bk_kill(b);
	b->wrapper[0] = NULL;
	bk_serve(b);
	for (size_t i = 0; i < 12; i++) {
		assert_true(is_there(b, &req[i]) || !sure[i]);
		fx_signed_free(&req[i]);
	}
	(void)kept;
}

static void test_D02_sync_fails(void **state)
{
	with_errors(*state, "fdatasync 6 9 5");
}

static void test_D02_disk_full(void **state)
{
	with_errors(*state, "pwrite64 20 26 28");
}

/* Somebody else holds the database: refused, said so, and over when it is over. */
static void test_D02_locked(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	char path[256];
	sqlite3 *db;
	(void)snprintf(path, sizeof(path), "%s/store/broker.db", b->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	bk_clock(b);
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	(void)bk_put(b, &b->login[FX_REQ1], &req);
	assert_int_equal(b->status, 503);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests"); /* reading goes on, or says why not */
	assert_true(b->status == 200 || b->status == 503);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
	long status = 0;
	for (int i = 0; i < 30 && status != 201 && status != 200; i++) {
		(void)poll(NULL, 0, 200);
		status = bk_put(b, &b->login[FX_REQ1], &req);
	}
	assert_true(status == 201 || status == 200);
	fx_signed_free(&req);
}

/* $D is the state directory. */
static void copy(const struct bk *b, const char *how)
{
	assert_int_equal(setenv("D", b->dir, 1), 0);
	assert_int_equal(shell(how), 0);
}

static uint64_t serial_of(struct bk *b, const struct fx_signed *req)
{
	struct ztj_cert c;
	struct ztj_buf blob;
	(void)bk_certificate(b, FX_REQ1, req->id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	const char *b64 = strchr(bk_text(b, "certificate"), ' ') + 1;
	ztj_buf_init(&blob, ZTJ_CERT_MAX);
	ok(ztj_b64_decode(ztj_view_of(b64, strcspn(b64, " ")), &blob));
	ok(ztj_cert_parse(&c, ztj_buf_view(&blob)));
	ztj_buf_free(&blob);
	return c.serial;
}

/* G06: the whole state put back: no serial twice. Only the database put back: what was revoked stays so. */
static void test_G06_old_backup(void **state)
{
	struct bk *b = *state;
	struct fx_signed req, rev;
	bk_granted(b, &req);
	uint64_t before = serial_of(b, &req);
	bk_stop(b);
	copy(b, "cp -a $D/store $D.store && cp -a $D/signer $D.signer");
	bk_serve(b);
	uint64_t between = serial_of(b, &req);
	assert_true(between > before);
	fx_revoke_request(&b->w, FX_REQ1, &b->w.person[FX_REQ1].key, &req, &rev);
	(void)bk_put(b, &b->login[FX_REQ1], &rev);
	bk_expect(b, 201, "");
	(void)poll(NULL, 0, 300);
	bk_stop(b);
	/* the database of yesterday beside the signer of today */
	copy(b, "rm -rf $D/store && cp -a $D.store $D/store");
	bk_serve(b);
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 403, "revoked");
	bk_stop(b);
	/* both of yesterday: the revocation is gone here (not from the hosts), serials still never come twice */
	copy(b, "rm -rf $D/signer $D/store && mv $D.signer $D/signer && mv $D.store $D/store");
	bk_serve(b);
	assert_true(serial_of(b, &req) > between);
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

/* One process gone, all gone: half a broker would lie. */
static void test_all_end_together(void **state)
{
	struct bk *b = *state;
	char cmd[128];
	int status;
	(void)snprintf(cmd, sizeof(cmd), "kill -9 $(pgrep -P %d | tail -1)", (int)b->pid);
	assert_int_equal(shell(cmd), 0);
	assert_int_equal(waitpid(b->pid, &status, 0), b->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_int_not_equal(kill(-b->pid, 0), 0);
	b->pid = 0;
	bk_serve(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D01_kill_at_random),
		cmocka_unit_test(test_D01_killed_in_sync),
		cmocka_unit_test(test_D02_sync_fails),
		cmocka_unit_test(test_D02_disk_full),
		cmocka_unit_test(test_D02_locked),
		cmocka_unit_test(test_G06_old_backup),
		cmocka_unit_test(test_all_end_together),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
