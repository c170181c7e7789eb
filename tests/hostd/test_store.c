/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The grants a host holds. */
#include <stdio.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/core/fixture.h"
#include "tests/core/support.h"
#include "ztjit-hostd/spool.h"
#include "ztjit-hostd/store.h"
#include "ztjit-hostd/storefile.h"

static struct fx_world w;
static char dir[] = "/tmp/ztjit-store-XXXXXX";
static struct ztj_store *store;

static int setup(void **state)
{
	struct ztj_store_conf conf = { .dir = dir, .domain = w.domain };
	size_t bad;

	(void)state;
	fx_init(&w);
	fx_load(&w);
	conf.host = w.host[FX_WEB1].full;
	(void)snprintf(dir, sizeof(dir), "/tmp/ztjit-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	ok(ztj_store_open(&conf, &store, &bad));
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	ztj_store_close(store);
	fx_free(&w);
	(void)umount(dir);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return shell(command);
}

static int add(const struct fx_signed *f)
{
	uint8_t request[ZTJ_DIGEST_LEN];
	bool changed;

	return ztj_store_add(store, &f->s, &changed, request);
}

static int64_t window_of(const uint8_t id[ZTJ_DIGEST_LEN])
{
	struct ztj_store_grant g;

	assert_true(ztj_store_find(store, id, &g));
	return g.window.ends;
}

static int judge(const struct fx_signed *request)
{
	const struct ztj_bundle *b;
	struct ztj_grant g;
	int r = ztj_store_bundle(store, request->id, &b);

	if (r != ZTJ_OK)
		return r;
	ztj_grant_eval(w.trust, b, w.now + 1, &g);
	return g.code;
}

/* Approvals that do not count, by somebody who may not approve, as many as the broker likes: the denial still counts, or nothing does. */
static void test_P2_flood_keeps_no_denial_out(void **state)
{
	struct fx_signed request, lead, sec, denial, junk;
	const struct soft_key *k = &w.person[FX_OUT1].key;
	struct ztj_stmt st;
	int r = ZTJ_OK;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 600, &request);
	fx_approval(&w, FX_LEAD1, &request, false, 0, &lead);
	fx_approval(&w, FX_SEC1, &request, false, 0, &sec);
	fx_approval(&w, FX_LEAD2, &request, true, 0, &denial);
	ok(add(&request));
	ok(add(&lead));
	ok(add(&sec));
	ok(judge(&request));
	for (int i = 1; r == ZTJ_OK && judge(&request) == ZTJ_OK; i++) {
		assert_in_range(i, 1, 200); /* it ends, one way or the other */
		fx_stmt(&w, &st, ZTJ_STMT_APPROVAL);
		st.u.approval.who = "people/nobody";
		st.u.approval.comment = "";
		st.u.approval.limit = i;
		memcpy(st.u.approval.request, request.id, ZTJ_DIGEST_LEN);
		fx_stmt_sign(&st, FX_UP, &k, 1, &junk);
		r = add(&junk);
		fx_signed_free(&junk);
	}
	assert_string_not_equal(ztj_err_name(r), "key-type");
	(void)add(&denial);
	assert_int_not_equal(judge(&request), ZTJ_OK);
	fx_signed_free(&request);
	fx_signed_free(&lead);
	fx_signed_free(&sec);
	fx_signed_free(&denial);
}

/* Not saved: a thousand files would take their time. */
static int add_request(int who)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	struct fx_signed request;
	bool changed;
	int r;

	fx_request(&w, who, "root-shell", FX_WEB1, 600, &request);
	r = ztj_store_take(store, &request.s, false, &changed, id);
	fx_signed_free(&request);
	return r;
}

static void test_W03_one_persons_requests_keep_out_nobody_elses(void **state)
{
	(void)state;
	for (int i = 0; i < ZTJ_STORE_PERSON_MAX; i++)
		ok(add_request(FX_OUT1));
	assert_int_equal(add_request(FX_OUT1), ZTJ_LIMIT);
	ok(add_request(FX_REQ1));
	assert_int_equal(ztj_store_count(store), ZTJ_STORE_PERSON_MAX + 1);
}

/* ---- a full disk ---- */

static void fill_disk(const char *path)
{
	static const uint8_t block[4096] = { 1 };
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(close(fd), 0);
}

static bool tell_kernel(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* In a user namespace where everybody is who they were, and may mount. */
static bool may_mount(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char uids[64], gids[64];

	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	(void)snprintf(uids, sizeof(uids), "%u %u 1", uid, uid);
	(void)snprintf(gids, sizeof(gids), "%u %u 1", gid, gid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && tell_kernel("/proc/self/setgroups", "deny") &&
	    tell_kernel("/proc/self/gid_map", gids) && tell_kernel("/proc/self/uid_map", uids);
}

/* A file system of a megabyte in a mount namespace of its own. */
static bool small_disk(void)
{
	return may_mount() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", dir, "tmpfs", 0, "size=1m,mode=0700") == 0;
}

static void test_D02_full_disk_is_when_root_is_needed(void **state)
{
	struct ztj_decision allowed = { .event = "open", .code = ZTJ_OK, .time = w.now };
	struct ztj_decision denied = { .event = "account",
		.code = ZTJ_NO_SESSION,
		.time = w.now,
		.spare = true };
	struct ztj_store_conf conf = { .dir = dir, .domain = w.domain, .reserve = 128 * 1024 };
	struct fx_signed request;
	struct ztj_spool *spool;
	char path[128];
	size_t bad, n = 0;

	(void)state;
	if (!small_disk()) {
		print_message("needs root or user namespaces\n");
		skip();
	}
	ztj_store_close(store);
	conf.host = w.host[FX_WEB1].full;
	ok(ztj_store_open(&conf, &store, &bad));
	(void)snprintf(path, sizeof(path), "%s/spool", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	ok(ztj_spool_open(&(struct ztj_spool_conf){ .dir = path, .reserve = 64 * 1024 }, &spool));
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 600, &request);
	ok(add(&request));
	(void)snprintf(path, sizeof(path), "%s/full", dir);
	fill_disk(path);
	/* anybody can be denied, again and again */
	while (ztj_spool_append(spool, &denied) == ZTJ_OK)
		assert_true(++n < 10000);
	assert_true(n > 10);
	for (int i = 0; i < 50; i++)
		ok(ztj_spool_append(spool, &allowed));
	ok(ztj_store_shorten(store, request.id, w.now, w.now + 600));
	fx_signed_free(&request);
	ztj_spool_close(spool);
}

/* After ztjit-hostd join --rename. */
static void test_grants_of_another_name_are_no_alarm(void **state)
{
	struct ztj_store_conf conf = { .dir = dir, .domain = w.domain, .host = w.host[FX_DB1].full };
	struct fx_signed request;
	size_t bad = 9;

	(void)state;
	fx_request(&w, FX_REQ1, "root-shell", FX_WEB1, 600, &request);
	ok(add(&request));
	ok(ztj_store_shorten(store, request.id, w.now, w.now + 60));
	ztj_store_close(store);
	ok(ztj_store_open(&conf, &store, &bad));
	assert_int_equal(bad, 0);
	assert_int_equal(ztj_store_count(store), 0);
	fails(add(&request), ZTJ_WRONG_HOST);
	ztj_store_close(store);
	conf.host = w.host[FX_WEB1].full;
	ok(ztj_store_open(&conf, &store, &bad));
	assert_int_equal(ztj_store_count(store), 0);
	ok(add(&request)); /* as the broker brings it again; what a use had fixed still holds */
	assert_int_equal(window_of(request.id), w.now + 60);
	fx_signed_free(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grants_of_another_name_are_no_alarm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_P2_flood_keeps_no_denial_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_W03_one_persons_requests_keep_out_nobody_elses, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_D02_full_disk_is_when_root_is_needed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
