/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The gate's side of recordings: whose record it is, what ends with it, which heads are signed. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/recmsg.h"
#include "ztjit-hostd/recbook.h"

static struct rig rig;
#define R (&rig)
#define REQ1 (&R->w.person[FX_REQ1].key)
#define IN_S1 RIG_PREFIX "/s1"
#define IN_S2 RIG_PREFIX "/s1/s2"
#define PTS1 0x8801

static const struct fx_policy recorded = {
	.version = 2,
	.roles =
	    "roles = {\n"
	    "  root-shell = { login = [ \"root\" ]; record = \"output\"; };\n"
	    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\" ]; record = \"all\"; sudo_recorded = true; };\n"
	    "};\n",
};

static struct rig_grant grant;
static uint8_t name[ZTJ_REC_SESSION_LEN];

/* req1 is logged in as req1, whose login shell is the recorder, in session s1. */
static int setup(void **state)
{
	char *cert;

	(void)state;
	memset(name, 7, sizeof(name));
	rig_open(R, &recorded);
	rig_grant(R, FX_REQ1, "sudo-root", 1800, 0, &grant);
	rig_cert(R, &grant, REQ1, NULL, &cert);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, "req1", cert), ZTJ_OK);
	free(cert);
	R->ntold = 0;
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

/* ---- the scribe ---- */

static int code_of(struct ztj_rd *rd, uint32_t tag)
{
	uint32_t n;

	ok(ztj_rd_u32(rd, &n));
	assert_int_equal(n, tag);
	ok(ztj_rd_u32(rd, &n));
	return -(int)n;
}

static int ask_new(uint32_t tag, struct ztj_rd *rd)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 256);
	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put(&b, name, sizeof(name)));
	ok(ztj_buf_put_u8(&b, 1));
	rig_scribe(R, ZTJ_REC_NEW, &b, true);
	ztj_buf_free(&b);
	ztj_rd_init(rd, rig_scribed(R, ZTJ_REC_IS));
	return code_of(rd, tag);
}

static int ask_child(uint32_t tag)
{
	struct ztj_buf b;
	struct ztj_rd rd;

	ztj_buf_init(&b, 256);
	ok(ztj_buf_put_u32(&b, tag));
	ok(ztj_buf_put(&b, name, sizeof(name)));
	rig_scribe(R, ZTJ_REC_PLACE, &b, true);
	ztj_buf_free(&b);
	ztj_rd_init(&rd, rig_scribed(R, ZTJ_REC_PLACED));
	return code_of(&rd, tag);
}

static void say_gone(uint8_t lost)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 256);
	ok(ztj_buf_put(&b, name, sizeof(name)));
	ok(ztj_buf_put_u8(&b, lost));
	rig_scribe(R, ZTJ_REC_GONE, &b, false);
	ztj_buf_free(&b);
}

static void record(void)
{
	struct ztj_rd rd;

	fails(ask_new(1, &rd), ZTJ_OK);
	fails(ask_child(2), ZTJ_OK);
}

static int head(uint32_t chunks, uint64_t bytes, uint8_t digest, uint8_t state, struct ztj_stmt **out)
{
	struct ztj_signed s;
	struct ztj_buf b, mem;
	struct ztj_view json;
	struct ztj_rd rd;
	uint8_t d[ZTJ_DIGEST_LEN];
	int code;

	memset(d, digest, sizeof(d));
	ztj_buf_init(&b, 256);
	ok(ztj_buf_put_u32(&b, 9));
	ok(ztj_buf_put(&b, name, sizeof(name)));
	ok(ztj_buf_put_u32(&b, chunks));
	ok(ztj_buf_put_u64(&b, bytes));
	ok(ztj_buf_put(&b, d, sizeof(d)));
	ok(ztj_buf_put_u8(&b, state));
	rig_scribe(R, ZTJ_REC_SIGN, &b, false);
	ztj_buf_free(&b);
	ztj_rd_init(&rd, rig_scribed(R, ZTJ_REC_SIGNED));
	code = code_of(&rd, 9);
	ok(ztj_rd_string(&rd, ZTJ_IPC_MAX, &json));
	if (out != NULL && code == ZTJ_OK) {
		ztj_buf_init(&mem, 65536);
		ok(ztj_signed_from_json(json, &mem, &s));
		ok(ztj_stmt_open(&s, ZTJ_STMT_HEAD, R->w.domain, out));
		ztj_buf_free(&mem);
	}
	return code;
}

/* ---- who may be recorded ---- */

static void test_P6_role_that_is_recorded_needs_a_recorder(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	/* root's shell is bash */
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_cert(R, &g, REQ1, NULL, &cert);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_NO_RECORDER);
	free(cert);
	rig_grant_free(&g);
}

static void test_what_is_recorded_is_a_session_of_its_own(void **state)
{
	char text[512];
	struct ztj_view v, digest;
	uint64_t ends;
	uint32_t n;
	uint8_t flags;
	struct ztj_rd rd;
	json_t *o;

	(void)state;
	fails(ask_new(1, &rd), ZTJ_OK);
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	ok(ztj_rd_u8(&rd, &flags));
	assert_int_equal(flags, ZTJ_REC_FLAG_INPUT);
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	assert_string_equal(text, "people/req1");
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	assert_string_equal(text, "req1");
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	assert_string_equal(text, "sshd");
	ok(ztj_rd_cstring(&rd, text, sizeof(text)));
	assert_string_equal(text, "sudo-root");
	ok(ztj_rd_string(&rd, 256, &v));
	ok(ztj_rd_bytes(&rd, ZTJ_DIGEST_LEN, &digest));
	assert_memory_equal(digest.p, grant.request.id, ZTJ_DIGEST_LEN);
	ok(ztj_rd_u64(&rd, &ends));
	assert_int_equal(ends, R->w.now + 1800);
	ok(ztj_rd_u32(&rd, &n));
	ok(ztj_rd_end(&rd));
	fails(ask_child(2), ZTJ_OK);
	assert_int_equal(R->told[0].op, ZTJ_WARDEN_MAKE);
	assert_int_equal(R->told[0].parent, 1);
	assert_int_equal(R->told[0].flags, ZTJ_MAKE_RECORDED);
	o = rig_status(R);
	assert_int_equal(json_array_size(json_object_get(o, "sessions")), 2);
	assert_string_equal(json_string_value(
				json_object_get(json_array_get(json_object_get(o, "sessions"), 1), "name")),
	    "0707070707070707070707070707070707070707070707070707070707070707");
	json_decref(o);
}

static void test_B05_kernel_says_whose_record_it_is(void **state)
{
	struct ztj_rd rd;

	(void)state;
	rig_proc(R, 500, 20001, "/user.slice", PTS1);
	fails(ask_new(1, &rd), ZTJ_NO_SESSION);
	rig_proc(R, 500, 20001, RIG_PREFIX "/s77", PTS1);
	fails(ask_new(2, &rd), ZTJ_NO_SESSION);
	rig_proc(R, 500, 20001, IN_S1, PTS1);
	fails(ask_child(3), ZTJ_NOT_FOUND);
	fails(ask_new(4, &rd), ZTJ_OK);
	/* another process than the recorder's child; the child of a recorder elsewhere */
	rig_proc(R, 600, 20001, IN_S1, PTS1);
	fails(ask_child(5), ZTJ_NO_SESSION);
	rig_proc(R, 500, 20001, "/user.slice", PTS1);
	fails(ask_child(6), ZTJ_NO_SESSION);
	rig_proc(R, 500, 20001, IN_S1, PTS1);
	fails(ask_child(7), ZTJ_OK);
	/* the name is taken */
	rig_proc(R, 700, 20001, IN_S1, PTS1);
	fails(ask_new(8, &rd), ZTJ_WRONG_PERSON);
	memset(name, 0, sizeof(name));
	fails(ask_new(9, &rd), ZTJ_PROTOCOL);
	assert_int_equal(rig_sessions(R), 2);
}

static void test_C02_no_record_of_what_has_ended(void **state)
{
	struct fx_signed revoked;
	struct ztj_rd rd;

	(void)state;
	fx_revoke_request(&R->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(R, &revoked);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	fails(ask_new(1, &rd), ZTJ_ENDED);
	fx_signed_free(&revoked);
}

/* ---- sudo ---- */

static bool asked;

static void revoke_meanwhile(struct rig *r)
{
	struct fx_signed revoked;

	asked = true;
	fx_revoke_request(&r->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(r, &revoked);
	fx_signed_free(&revoked);
	r->patience_ms = 300; /* whoever asked is killed, and nobody answers */
}

static void test_sudo_only_inside_what_is_recorded(void **state)
{
	(void)state;
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "su", "root", ""), ZTJ_NOT_RECORDED);
	record();
	rig_proc(R, 510, 20001, IN_S2, PTS1);
	say_gone(0);
	rig_sync(R);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "su", "root", ""), ZTJ_ENDED);
	name[0]++;
	rig_proc(R, 500, 20001, IN_S1, PTS1);
	record();
	rig_proc(R, 510, 20001, RIG_PREFIX "/s1/s3", PTS1);
	R->prompted = revoke_meanwhile;
	assert_int_not_equal(rig_pam(R, ZTJ_MSG_ACCOUNT, "su", "root", ""), ZTJ_OK);
	assert_true(asked); /* it got as far as the touch */
}

/* ---- ends ---- */

static void test_R02_lost_recorder_ends_what_it_recorded(void **state)
{
	(void)state;
	record();
	R->ntold = 0;
	say_gone(1);
	rig_sync(R);
	assert_int_equal(R->told[0].op, ZTJ_WARDEN_WARN);
	assert_int_equal(R->told[0].text, ZTJ_TEXT_UNRECORDED);
	assert_int_equal(R->told[0].flags, ZTJ_WARN_OUTER);
	assert_int_equal(R->told[1].op, ZTJ_WARDEN_KILL);
	assert_int_equal(R->told[1].session, 2);
	say_gone(1);
	rig_sync(R);
	assert_int_equal(R->ntold, 2);
}

static void nobody_asks(void)
{
}

static void recorder_is_back(void)
{
	struct ztj_rd rd;

	fails(ask_new(3, &rd), ZTJ_OK);
}

/* meanwhile: before the warden has said that it has told of all that it found. */
static void restarted(void (*meanwhile)(void))
{
	rig_kill(R);
	rig_start(R);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 1, 0);
	rig_warden_says(R, ZTJ_WARDEN_FOUND, 2, 1);
	rig_sync(R);
	meanwhile();
	rig_warden_says(R, ZTJ_WARDEN_DONE, 0, 0);
	rig_link(R, true);
	rig_status_now(R);
	rig_sync(R);
	R->ntold = 0;
}

/* Any news leads to a review; so does the timer, in real time. */
static void later(int64_t seconds)
{
	struct fx_signed revoked;

	rig_sleep(R, seconds);
	fx_revoke_name(&R->w, &R->w.registrar[0], false, "people/out1", 1, R->w.now + 3600, &revoked);
	rig_news(R, &revoked);
	fx_signed_free(&revoked);
	rig_sync(R);
}

/* The scribe's spool is lost, and so knows of no record, and the recorder is stopped: nobody says that it is gone. */
static void test_R02_recorder_that_does_not_come_back(void **state)
{
	(void)state;
	record();
	restarted(nobody_asks);
	later(19);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	later(1);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(R->told[R->ntold - 1].session, 2);
}

static void test_R02_recorder_that_comes_back(void **state)
{
	(void)state;
	record();
	restarted(nobody_asks);
	recorder_is_back();
	later(60);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
}

static void test_R02_recorder_that_is_back_before_all_are_found(void **state)
{
	(void)state;
	record();
	restarted(recorder_is_back);
	later(60);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(rig_sessions(R), 2);
}

/* A tmux or nohup that the shell left would go on with nobody to record it; nobody is warned, as after any logout. */
static void test_R01_recorder_that_is_over_leaves_nothing_running(void **state)
{
	(void)state;
	record();
	R->ntold = 0;
	say_gone(0);
	rig_sync(R);
	assert_int_equal(R->ntold, 1);
	assert_int_equal(R->told[0].op, ZTJ_WARDEN_KILL);
	assert_int_equal(R->told[0].session, 2);
}

static void test_scribe_hears_why_a_session_ends(void **state)
{
	struct fx_signed revoked;
	struct ztj_view v;

	(void)state;
	record();
	R->ntold = 0;
	fx_revoke_request(&R->w, FX_REQ1, REQ1, &grant.request, &revoked);
	rig_news(R, &revoked);
	v = rig_scribed(R, ZTJ_REC_ENDED);
	assert_memory_equal(v.p, name, sizeof(name));
	assert_int_equal(v.p[35], -ZTJ_REVOKED);
	assert_int_equal(R->told[1].session, 1);
	fx_signed_free(&revoked);
}

static void strays(uint32_t n)
{
	R->strays = n;
	R->ntold = 0;
	for (int i = 0; i < 60 && !rig_told(R, ZTJ_WARDEN_STRAYS); i++) {
		(void)usleep(100000);
		rig_warden(R);
	}
	assert_true(rig_told(R, ZTJ_WARDEN_STRAYS));
	rig_sync(R);
}

static void test_R08_what_runs_beside_the_recorder_ends_the_login(void **state)
{
	(void)state;
	strays(1);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL)); /* it has 15 s to begin */
	rig_sleep(R, 15);
	strays(0);
	assert_false(rig_told(R, ZTJ_WARDEN_KILL));
	strays(1);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	assert_int_equal(R->told[R->ntold - 1].session, 1);
}

/* R03: what runs within sshd can never come to be recorded. */
static void test_R03_sshd_is_to_run_the_recorder_alone(void **state)
{
	char *cert, line[8192];

	(void)state;
	rig_cert(R, &grant, REQ1, NULL, &cert);
	fails(rig_principals(R, "req1", cert, line, sizeof(line)), ZTJ_OK);
	assert_non_null(strstr(line, ",command=\"/bin/sh\","));
	free(cert);
}

static void test_R03_internal_sftp_is_not_waited_for(void **state)
{
	(void)state;
	R->strays_flags = ZTJ_STRAYS_NEVER;
	strays(1);
	assert_true(rig_told(R, ZTJ_WARDEN_KILL));
	R->strays_flags = 0;
}

/* ---- heads ---- */

static void test_S02_heads_only_go_forward(void **state)
{
	struct ztj_stmt *st = NULL;

	(void)state;
	fails(head(1, 100, 1, 0, NULL), ZTJ_NOT_FOUND);
	record();
	fails(head(0, 0, 0, 0, NULL), ZTJ_OK);
	fails(head(2, 200, 1, 0, &st), ZTJ_OK);
	assert_string_equal(st->u.head.host, "servers/web1");
	assert_memory_equal(st->u.head.session, name, sizeof(name));
	assert_int_equal(st->u.head.chunks, 2);
	assert_int_equal(st->u.head.bytes, 200);
	assert_true(ztj_key_equal(&st->signer[0].key, &R->machine.pub));
	ztj_stmt_free(st);
	fails(head(2, 200, 1, 0, NULL), ZTJ_OK);
	fails(head(2, 200, 2, 0, NULL), ZTJ_STATE);
	fails(head(1, 100, 1, 0, NULL), ZTJ_STATE);
	fails(head(3, 200, 1, 0, NULL), ZTJ_STATE);
	/* as far as before after a restart */
	rig_kill(R);
	rig_start(R);
	fails(head(1, 100, 1, 0, NULL), ZTJ_STATE);
	fails(head(3, 300, 3, ZTJ_RECORD_CLOSED, NULL), ZTJ_OK);
	fails(head(3, 300, 3, ZTJ_RECORD_CLOSED, NULL), ZTJ_OK);
	fails(head(3, 300, 3, ZTJ_RECORD_LOST, NULL), ZTJ_STATE);
	fails(head(4, 400, 4, 0, NULL), ZTJ_STATE);
}

static void test_book_forgets_what_ended_long_ago(void **state)
{
	const struct ztj_recmark end = { .chunks = 1, .bytes = 9, .state = ZTJ_RECORD_CLOSED };
	char dir[] = "/tmp/ztjit-book.XXXXXX", path[128];
	struct ztj_recbook *b;
	FILE *fp;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/%064d", dir, 8);
	assert_non_null(fp = fopen(path, "we"));
	assert_true(fputs("nonsense", fp) >= 0);
	assert_int_equal(fclose(fp), 0);
	assert_int_equal(chmod(path, 0600), 0);
	ok(ztj_recbook_open(dir, &b));
	ok(ztj_recbook_add(b, name));
	fails(ztj_recbook_add(b, name), ZTJ_EXISTS);
	ok(ztj_recbook_mark(b, name, &end));
	ztj_recbook_sweep(b, time(NULL) + 3600);
	assert_false(ztj_recbook_open_record(b, name));
	fails(ztj_recbook_add(b, name), ZTJ_EXISTS);
	ztj_recbook_sweep(b, time(NULL) + ZTJ_RECBOOK_KEEP + 60);
	ok(ztj_recbook_add(b, name));
	ztj_recbook_close(b);
	ok(ztj_recbook_open(dir, &b));
	assert_true(ztj_recbook_open_record(b, name));
	ztj_recbook_close(b);
	assert_int_equal(access(path, F_OK), -1); /* nor does it keep what nobody can read */
	{
		char hex[ZTJ_HEX_SIZE];
		ztj_hex(name, sizeof(name), hex);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, hex);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* What the disk refused is not marked, however often it is asked for. */
static void test_D02_a_mark_that_was_not_stored(void **state)
{
	const struct ztj_recmark end = { .chunks = 1, .bytes = 9, .state = ZTJ_RECORD_CLOSED };
	char dir[] = "/tmp/ztjit-book.XXXXXX", away[64];
	struct ztj_recbook *b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(away, sizeof(away), "%s.away", dir);
	ok(ztj_recbook_open(dir, &b));
	ok(ztj_recbook_add(b, name));
	assert_int_equal(rename(dir, away), 0);
	assert_int_not_equal(ztj_recbook_mark(b, name, &end), ZTJ_OK);
	assert_int_not_equal(ztj_recbook_mark(b, name, &end), ZTJ_OK);
	assert_true(ztj_recbook_open_record(b, name));
	assert_int_equal(rename(away, dir), 0);
	ok(ztj_recbook_mark(b, name, &end));
	ztj_recbook_close(b);
	ok(ztj_recbook_open(dir, &b));
	assert_false(ztj_recbook_open_record(b, name));
	ztj_recbook_close(b);
	assert_int_equal(sh("rm -rf %s", dir), 0);
}

/* Many short records, and recorders that go before theirs begins, once filled the book for a week, and for ever. */
static void test_D02_nobody_fills_the_book(void **state)
{
	const struct ztj_recmark end = { .chunks = 1, .bytes = 9, .state = ZTJ_RECORD_CLOSED },
				 on = { .chunks = 1, .bytes = 9, .state = ZTJ_RECORD_OPEN };
	char dir[] = "/tmp/ztjit-book.XXXXXX", path[128];
	uint8_t who[ZTJ_REC_SESSION_LEN] = { 0 };
	struct ztj_recbook *b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	ok(ztj_recbook_open(dir, &b));
	ok(ztj_recbook_add(b, name));
	ok(ztj_recbook_mark(b, name, &on));
	for (unsigned i = 0; i < ZTJ_RECBOOK_MAX + 20; i++) {
		who[1] = (uint8_t)(i >> 8);
		who[2] = (uint8_t)i;
		ok(ztj_recbook_add(b, who));
		if (i % 2 == 0)
			ok(ztj_recbook_mark(b, who, &end));
	}
	assert_true(ztj_recbook_open_record(b, name)); /* it goes on */
	assert_true(ztj_recbook_open_record(b, who));
	memset(who, 0, sizeof(who));
	fails(ztj_recbook_mark(b, who, &end), ZTJ_NOT_FOUND);
	ztj_recbook_close(b);
	ok(ztj_recbook_open(dir, &b));
	assert_true(ztj_recbook_open_record(b, name));
	ok(ztj_recbook_add(b, who));
	ztj_recbook_sweep(b, time(NULL) + ZTJ_RECBOOK_KEEP + 60);
	assert_true(ztj_recbook_open_record(b, name));
	ok(ztj_recbook_mark(b, name, &end));
	ztj_recbook_sweep(b, time(NULL) + ZTJ_RECBOOK_KEEP + 60);
	ztj_recbook_close(b);
	(void)snprintf(path, sizeof(path), "%s", dir);
	assert_int_equal(rmdir(path), 0);
}

/* What a recorder leaves behind runs on, and nobody records it: it must not become anybody by a role that is recorded. */
static void test_P6_elevation_by_a_recorded_role_is_recorded(void **state)
{
	const struct fx_policy plain = {
		.version = 3,
		.roles =
		    "roles = {\n"
		    "  root-shell = { login = [ \"root\" ]; record = \"output\"; };\n"
		    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\" ]; record = \"output\"; };\n"
		    "};\n",
	};

	struct fx_signed newer;

	(void)state;
	fx_policy(&R->w, &plain, &newer);
	rig_news(R, &newer);
	fx_signed_free(&newer);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "su", "root", ""), ZTJ_NOT_RECORDED);
	record();
	rig_proc(R, 510, 20001, IN_S2, PTS1);
	R->prompted = revoke_meanwhile;
	asked = false;
	assert_int_not_equal(rig_pam(R, ZTJ_MSG_ACCOUNT, "su", "root", ""), ZTJ_OK);
	assert_true(asked);
}

static json_t *named_by_scribe(const uint8_t session[ZTJ_REC_SESSION_LEN], const char *id)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 256);
	ok(ztj_buf_put(&b, session, ZTJ_REC_SESSION_LEN));
	ok(ztj_buf_put_cstring(&b, id));
	rig_scribe(R, ZTJ_REC_NAMED, &b, false);
	ztj_buf_free(&b);
	rig_sync(R);
	return rig_status(R);
}

static size_t with_record(const json_t *status, const char *id)
{
	json_t *list = json_object_get(status, "sessions"), *s;
	size_t i, n = 0;

	json_array_foreach(list, i, s)
	{
		const char *has = json_string_value(json_object_get(s, "record"));
		n += has != NULL && strcmp(has, id) == 0;
	}
	return n;
}

static void test_status_says_what_the_broker_calls_a_record(void **state)
{
	uint8_t other[ZTJ_REC_SESSION_LEN] = { 9 };
	json_t *o;

	(void)state;
	record();
	o = named_by_scribe(other, "S-0000000000"); /* of no session here */
	assert_int_equal(with_record(o, "S-0000000000"), 0);
	json_decref(o);
	o = named_by_scribe(name, "S-0123456789");
	assert_int_equal(with_record(o, "S-0123456789"), 1);
	json_decref(o);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_P6_role_that_is_recorded_needs_a_recorder),
		T(test_what_is_recorded_is_a_session_of_its_own),
		T(test_B05_kernel_says_whose_record_it_is),
		T(test_C02_no_record_of_what_has_ended),
		T(test_sudo_only_inside_what_is_recorded),
		T(test_P6_elevation_by_a_recorded_role_is_recorded),
		T(test_D02_nobody_fills_the_book),
		T(test_R02_lost_recorder_ends_what_it_recorded),
		T(test_R02_recorder_that_does_not_come_back),
		T(test_R02_recorder_that_comes_back),
		T(test_R02_recorder_that_is_back_before_all_are_found),
		T(test_R01_recorder_that_is_over_leaves_nothing_running),
		T(test_scribe_hears_why_a_session_ends),
		T(test_R08_what_runs_beside_the_recorder_ends_the_login),
		T(test_R03_sshd_is_to_run_the_recorder_alone),
		T(test_R03_internal_sftp_is_not_waited_for),
		T(test_S02_heads_only_go_forward),
		T(test_status_says_what_the_broker_calls_a_record),
		cmocka_unit_test(test_book_forgets_what_ended_long_ago),
		cmocka_unit_test(test_D02_a_mark_that_was_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
