/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The mirror between a real broker and a real gate: news, relayed step-ups, a
 * broker that goes and comes back.
 */
#include "tests/broker/rows.h"
#include "tests/hostd/rig.h"
#include "ztjit-hostd/mirror.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"

static struct bk bk;
static struct rig rig;
static pid_t mirror;
static char nobody[] = "https://127.0.0.1:1", url[64];
static char *urls[2];
#define R (&rig)
#define B (&bk)
#define REQ1 (&B->w.person[FX_REQ1].key)

static void start_mirror(void)
{
	(void)fflush(NULL);
	mirror = fork();
	assert_true(mirror >= 0);
	if (mirror == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(R->warden);
		ztj_log_open("mirror", true, getenv("RIG_LOG") != NULL ? ZTJ_LOG_DEBUG : ZTJ_LOG_ALARM);
		ztj_mirror_main(R->mirror, -1, &B->host_tls[FX_WEB1]);
	}
}

/* The gate has the policy that join left; everything else comes through the mirror. */
static int setup(void **state)
{
	(void)state;
	bk_start(B, NULL);
	bk_arm(B);
	memset(R, 0, sizeof(*R));
	R->w = B->w;
	rig_open_bare(R);
	R->shared->real = true;
	rig_kill(R);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", B->port);
	/* the first address is nobody's: the next one is tried */
	urls[0] = nobody;
	urls[1] = url;
	R->conf.urls = (struct ztj_conf_list){ 2, urls };
	assert_int_equal(sh("rm -rf %s/state/*", R->dir), 0);
	rig_start(R);
	bk_clock(B);
	rig_news(R, &B->w.policy);
	start_mirror();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(kill(mirror, SIGKILL), 0);
	assert_int_equal(waitpid(mirror, NULL, 0), mirror);
	memset(&R->w, 0, sizeof(R->w));
	rig_close(R);
	bk_end(B);
	return 0;
}

static bool wait_for(bool (*done)(json_t *status))
{
	for (int i = 0; i < 600; i++) {
		json_t *o = rig_status(R);
		bool yes = done(o);
		json_decref(o);
		rig_warden(R);
		if (yes)
			return true;
		(void)usleep(50000);
	}
	return false;
}

static bool is_fresh(json_t *o)
{
	return json_is_true(json_object_get(o, "connected")) && json_is_string(json_object_get(o, "fresh")) &&
	    strcmp(json_string_value(json_object_get(o, "armed")), "ok") == 0;
}

static bool is_cut_off(json_t *o)
{
	return json_is_false(json_object_get(o, "connected"));
}

static bool has_one_grant(json_t *o)
{
	return json_integer_value(json_object_get(o, "grants")) == 1;
}

static bool has_people_2(json_t *o)
{
	const json_t *d = json_object_get(json_object_get(o, "directories"), "people");

	return json_integer_value(json_object_get(d, "serial")) == 2;
}

static bool warden_killed(json_t *o)
{
	(void)o;
	return rig_told(R, ZTJ_WARDEN_KILL);
}

static void granted(const char *role, struct fx_signed *request)
{
	struct fx_signed ap;
	const int who[] = { FX_LEAD1, FX_SEC1 };

	bk_login(B, FX_REQ1);
	bk_login(B, FX_LEAD1);
	bk_login(B, FX_SEC1);
	bk_clock(B);
	fx_request(&B->w, FX_REQ1, role, FX_WEB1, 1800, request);
	assert_int_equal(bk_put(B, &B->login[FX_REQ1], request), 201);
	for (size_t i = 0; i < 2; i++) {
		fx_approval(&B->w, who[i], request, false, 0, &ap);
		assert_int_equal(bk_put(B, &B->login[who[i]], &ap), 201);
		fx_signed_free(&ap);
	}
}

/* The base64 of a certificate that the real signer made. */
static char *certificate(const struct fx_signed *request)
{
	const char *line, *end;

	assert_int_equal(bk_certificate(B, FX_REQ1, request->id, REQ1), 200);
	line = bk_text(B, "certificate");
	assert_non_null(line = strchr(line, ' '));
	line++;
	end = line + strcspn(line, " \n");
	return strndup(line, (size_t)(end - line));
}

/* Somebody with a grant is in; the certificate, to be freed. */
static char *logged_in(const char *role, const char *account, struct fx_signed *req)
{
	char *cert;

	assert_true(wait_for(is_fresh));
	granted(role, req);
	assert_true(wait_for(has_one_grant));
	cert = certificate(req);
	rig_proc(R, 200, 0, "/", 0);
	fails(rig_login(R, account, cert), ZTJ_OK);
	return cert;
}

static void test_from_join_to_revocation(void **state)
{
	struct fx_signed req, rev;
	char *cert;

	(void)state;
	cert = logged_in("root-shell", "root", &req);
	fx_revoke_request(&B->w, FX_LEAD1, &B->w.person[FX_LEAD1].key, &req, &rev);
	assert_int_equal(bk_put(B, &B->login[FX_LEAD1], &rev), 201);
	assert_true(wait_for(warden_killed));
	fails(rig_login(R, "root", cert), ZTJ_REVOKED);
	/* and the heartbeat goes on matching what is held */
	assert_true(wait_for(is_fresh));
	assert_int_equal(bk_directory(B, 0, FX_OUT1), 201);
	assert_true(wait_for(has_people_2));
	free(cert);
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

/* ---- what the broker holds ---- */

/* The lines as the leaves hold them, in their order: "\\x5c" stands for a backslash. */
static void shipped_lines(struct ztj_buf *out)
{
	sqlite3 *db = bk_rows(B);
	sqlite3_stmt *s;

	ztj_buf_reset(out);
	assert_int_equal(
	    sqlite3_prepare_v2(db,
		"SELECT replace(json_extract(CAST(entry AS TEXT), '$.line'), '\\x5c', '\\') FROM leaf WHERE"
		" json_extract(CAST(entry AS TEXT), '$.kind') = 'decision' ORDER BY n",
		-1, &s, NULL),
	    SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		ok(ztj_buf_printf(out, "%s\n", (const char *)sqlite3_column_text(s, 0)));
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
}

/* Everything that stands in the host's own log, byte for byte. */
static bool all_shipped(json_t *o)
{
	char path[512];
	struct ztj_buf mine, theirs;
	bool same;

	(void)o;
	ztj_buf_init(&mine, 1 << 20);
	ztj_buf_init(&theirs, 1 << 20);
	(void)snprintf(path, sizeof(path), "%s/spool/decisions.jsonl", R->conf.state);
	read_file(path, &mine);
	shipped_lines(&theirs);
	same = mine.n > 0 && ztj_view_eq(ztj_buf_view(&mine), ztj_buf_view(&theirs));
	ztj_buf_free(&mine);
	ztj_buf_free(&theirs);
	return same;
}

/* Leaves of decisions that say so. */
static int64_t said(const char *where)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM (SELECT CAST(entry AS TEXT) AS e FROM leaf) WHERE e ->> 'kind' = 'decision' AND %s",
	    where);
	return bk_count(B, sql);
}

/* ztjit confirm: fetches the open challenges, signs, posts. */
static void confirm(struct rig *r)
{
	struct ztj_buf mem, sig, armoured, text;
	struct ztj_signed s;
	uint8_t id[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE], path[128], *one, *body;
	json_t *o;

	(void)r;
	ztj_buf_init(&mem, 65536);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&armoured, 8192);
	ztj_buf_init(&text, 65536);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(bk_get(B, &B->login[FX_REQ1], "/v1/stepups"), 200);
		if (json_array_size(json_object_get(B->json, "stepups")) > 0)
			break;
		(void)usleep(20000);
	}
	one = json_dumps(json_array_get(json_object_get(B->json, "stepups"), 0), 0);
	assert_non_null(one);
	ok(ztj_signed_from_json(ztj_view_str(one), &mem, &s));
	ok(ztj_stmt_id(s.bytes, id));
	rig_sign(REQ1, s.bytes, FX_UV, &sig);
	ok(ztj_sshsig_armor(ztj_buf_view(&sig), &armoured));
	o = json_pack("{s:s}", "signature", ztj_buf_str(&armoured));
	body = json_dumps(o, 0);
	ztj_hex(id, sizeof(id), hex);
	(void)snprintf(path, sizeof(path), "/v1/stepups/%s", hex);
	assert_int_equal(bk_call(B, &B->login[FX_REQ1], "POST", path, ztj_view_str(body)), 200);
	json_decref(o);
	free(one);
	free(body);
	ztj_buf_free(&mem);
	ztj_buf_free(&sig);
	ztj_buf_free(&armoured);
	ztj_buf_free(&text);
}

static bool was_taken(json_t *status)
{
	const json_t *e;

	(void)status;
	if (bk_get(B, &B->login[FX_REQ1], "/v1/stepups") != 200)
		return false;
	e = json_array_get(json_object_get(B->json, "ended"), 0);
	return json_is_true(json_object_get(e, "taken"));
}

static void test_step_up_through_the_relay(void **state)
{
	struct fx_signed req;
	char *cert;

	(void)state;
	cert = logged_in("sudo-root", "req1", &req);
	rig_proc(R, 300, 20001, RIG_PREFIX "/s1", 0x8801);
	R->prompted = confirm;
	fails(rig_pam(R, ZTJ_MSG_AUTH, "sudo", "req1", ""), ZTJ_OK);
	R->prompted = NULL;
	assert_true(wait_for(was_taken));
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "sudo", "req1", ""), ZTJ_OK);
	fails(rig_pam(R, ZTJ_MSG_OPEN, "sudo", "root", ""), ZTJ_OK);
	/* reason code, person, key, service, account, address, tty: of whatever has them */
	assert_true(wait_for(all_shipped));
	assert_int_equal(
	    said(
		"e ->> 'action' = 'stepup' AND e ->> 'key' LIKE 'SHA256:%' AND e ->> 'tty' = 'pts/1' AND"
		" e ->> 'person' = 'people/req1' AND e ->> 'service' = 'sudo' AND e ->> 'outcome' = 'allowed'"),
	    1);
	assert_int_equal(
	    said("e ->> 'action' = 'open' AND e ->> 'service' = 'sshd' AND e ->> 'key' LIKE 'SHA256:%' AND"
		 " e ->> 'account' = 'req1' AND e ->> 'address' <> '' AND e ->> 'request' <> ''"),
	    1);
	/* this agent was killed once before it began */
	assert_int_equal(said("e ->> 'action' = 'start' AND e ->> 'outcome' = 'started'"), 1);
	free(cert);
	fx_signed_free(&req);
}

static void test_broker_goes_and_comes_back(void **state)
{
	struct fx_signed req;
	char *cert, line[8192];

	(void)state;
	assert_true(wait_for(is_fresh));
	granted("root-shell", &req);
	assert_true(wait_for(has_one_grant));
	cert = certificate(&req);
	bk_kill(B);
	assert_true(wait_for(is_cut_off));
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK); /* needs no network */
	bk_serve(B);
	assert_true(wait_for(is_fresh));
	free(cert);
	fx_signed_free(&req);
}

/* ---- a broker that is put back ---- */

static bool holds_two(json_t *o)
{
	return json_integer_value(json_object_get(o, "revocations")) == 2;
}

static int64_t since_then; /* what counts as fresh */

static bool is_fresh_again(json_t *o)
{
	const char *fresh = json_string_value(json_object_get(o, "fresh"));
	char then[ZTJ_TIME_SIZE];

	ok(ztj_time_format(since_then, then));
	return is_fresh(o) && strcmp(fresh, then) > 0;
}

/* It lacks what was revoked since: the host denies, and gives it back. signer: as old as the database. */
static void put_back(bool signer)
{
	struct fx_signed req, rev;
	char *cert = logged_in("root-shell", "root", &req);

	bk_stop(B);
	assert_int_equal(sh("cp -a %s/store %s.store && cp -a %s/signer %s.signer", B->dir, B->dir, B->dir,
			     B->dir),
	    0);
	bk_serve(B);
	bk_clock(B);
	fx_revoke_request(&B->w, FX_LEAD1, &B->w.person[FX_LEAD1].key, &req, &rev);
	assert_int_equal(bk_put(B, &B->login[FX_LEAD1], &rev), 201);
	fx_signed_free(&rev);
	fx_revoke_name(&B->w, &B->w.registrar[0], false, "people/out1", B->dir_serial[0], B->w.now + 86400,
	    &rev);
	assert_int_equal(bk_put(B, &B->registrar[0], &rev), 201);
	assert_true(wait_for(holds_two));
	bk_stop(B);
	assert_int_equal(sh("rm -rf %s/store && mv %s.store %s/store", B->dir, B->dir, B->dir), 0);
	if (signer)
		assert_int_equal(sh("rm -rf %s/signer && mv %s.signer %s/signer", B->dir, B->dir, B->dir), 0);
	assert_int_equal(bk_count(B, "SELECT count(*) FROM revocation"), 0);
	bk_serve(B);
	for (int i = 0; i < 400 && bk_count(B, "SELECT count(*) FROM revocation") < 2; i++)
		(void)usleep(50000);
	assert_int_equal(bk_count(B, "SELECT count(*) FROM revocation"), 2);
	since_then = (int64_t)time(NULL);
	assert_true(wait_for(is_fresh_again));
	assert_int_equal(bk_certificate(B, FX_REQ1, req.id, REQ1), 403);
	fails(rig_login(R, "root", cert), ZTJ_REVOKED);
	free(cert);
	fx_signed_free(&req);
	fx_signed_free(&rev);
}

static void test_G06_a_revocation_comes_back(void **state)
{
	(void)state;
	put_back(true);
}

static void test_G06_a_database_alone_is_put_back(void **state)
{
	(void)state;
	put_back(false);
}

/* What a host missed is told it when it is back, also of requests that are over: it holds what speaks for them. */
static void missed(void (*say)(struct fx_signed *request), int then)
{
	char *cert, line[8192];
	struct fx_signed req;

	assert_true(wait_for(is_fresh));
	granted("root-shell", &req);
	assert_true(wait_for(has_one_grant));
	cert = certificate(&req);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	assert_int_equal(kill(mirror, SIGKILL), 0);
	assert_int_equal(waitpid(mirror, NULL, 0), mirror);
	rig_kill(R);
	say(&req);
	rig_start(R);
	start_mirror();
	for (int i = 0; i < 100 && rig_principals(R, "root", cert, line, sizeof(line)) != then; i++)
		(void)usleep(50000);
	fails(rig_principals(R, "root", cert, line, sizeof(line)), then);
	free(cert);
	fx_signed_free(&req);
}

static void answer(struct fx_signed *request, bool deny, int64_t limit)
{
	struct fx_signed ap;

	bk_login(B, FX_LEAD2);
	bk_clock(B);
	fx_approval(&B->w, FX_LEAD2, request, deny, limit, &ap);
	assert_int_equal(bk_put(B, &B->login[FX_LEAD2], &ap), 201);
	fx_signed_free(&ap);
	(void)sleep(2); /* a round of the broker's own, which puts away what is over */
}

static void deny(struct fx_signed *request)
{
	answer(request, true, 0);
}

static void cut_short(struct fx_signed *request)
{
	answer(request, false, 1);
}

static void test_a_denial_while_the_host_was_away(void **state)
{
	(void)state;
	missed(deny, ZTJ_DENIED);
}

static void test_a_shorter_limit_while_the_host_was_away(void **state)
{
	(void)state;
	missed(cut_short, ZTJ_ENDED);
}

/* ---- the log of decisions becomes part of the audit log ---- */

static void test_decisions_are_shipped(void **state)
{
	struct fx_signed req;
	char *cert, line[8192];

	(void)state;
	cert = logged_in("root-shell", "root", &req);
	fails(rig_pam(R, ZTJ_MSG_ACCOUNT, "\x1b]0;x", "ro\xffot", ""), ZTJ_WRONG_SERVICE);
	assert_true(wait_for(all_shipped));
	/* by which policy it decided */
	assert_int_equal(
	    said(
		"e ->> 'action' = 'policy' AND e ->> 'outcome' = 'adopted' AND e ->> 'digest' = json_extract(e ->> 'line', '$.policy')"),
	    1);
	/* what is decided while the broker is away arrives later */
	bk_kill(B);
	assert_true(wait_for(is_cut_off));
	for (int i = 0; i < 300; i++)
		fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	fails(rig_principals(R, "nobody", cert, line, sizeof(line)), ZTJ_WRONG_ACCOUNT);
	(void)sleep(3);
	bk_serve(B);
	assert_true(wait_for(is_fresh));
	assert_true(wait_for(all_shipped));
	/* with its own time, not that of its arrival */
	assert_int_equal(
	    said("e ->> 'code' = 'wrong-account' AND unixepoch(e ->> 'at') + 3 <= unixepoch(e ->> 'time')"),
	    1);
	assert_false(bk_logged(B, "another history"));
	assert_false(bk_logged(B, "has a gap"));
	free(cert);
	fx_signed_free(&req);
}

/* ---- the broker's audit log only grows, and the host has the proof ---- */

static long long leaves_of(const json_t *status, const char *member)
{
	const char *text = json_string_value(json_object_get(status, member));

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static long long first_seen;

static bool sees_a_log(json_t *o)
{
	first_seen = leaves_of(o, "checkpoint_proved");
	return first_seen > 0;
}

static bool has_a_proof(json_t *o)
{
	return leaves_of(o, "checkpoint_proved") > first_seen;
}

static bool sees_it_longer(json_t *o)
{
	return leaves_of(o, "checkpoint") > first_seen + 4;
}

static bool in_own_log(const char *what)
{
	char path[512];
	struct ztj_buf text;
	bool there;

	ztj_buf_init(&text, 1 << 20);
	(void)snprintf(path, sizeof(path), "%s/spool/decisions.jsonl", R->conf.state);
	read_file(path, &text);
	there = strstr(ztj_buf_str(&text), what) != NULL;
	ztj_buf_free(&text);
	return there;
}

static bool says_fork(json_t *o)
{
	(void)o;
	return in_own_log("does not continue the one that was proved before");
}

static void test_growth_is_proved(void **state)
{
	struct fx_signed req;

	(void)state;
	assert_true(wait_for(sees_a_log));
	granted("root-shell", &req);
	assert_true(wait_for(has_a_proof));
	assert_false(in_own_log("\"event\":\"alarm\""));
	fx_signed_free(&req);
}

/* Whoever owns the broker changes a leaf that was signed, signs the new history, and waits until it is longer. */
static void test_A01_P2_history_made_anew(void **state)
{
	struct fx_signed req;
	sqlite3 *db;

	(void)state;
	assert_true(wait_for(sees_a_log));
	bk_stop(B);
	db = bk_rows(B);
	assert_int_equal(
	    sqlite3_exec(db,
		"UPDATE leaf SET entry = CAST(replace(CAST(entry AS TEXT), '127.0.0.1', '127.0.0.9') AS BLOB) WHERE n = 3",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_changes(db), 1);
	(void)sqlite3_close(db);
	assert_int_equal(sh("rm -rf %s/store/log %s/signer/checkpoint", B->dir, B->dir), 0);
	bk_serve(B);
	granted("root-shell", &req);
	assert_true(wait_for(sees_it_longer));
	assert_true(wait_for(says_fork));
	assert_true(wait_for(is_fresh)); /* it stops nobody's work */
	fx_signed_free(&req);
}

/* What may wait for the next line to be synced does not wait for it to be shipped: there may be none. */
static void test_the_last_line_is_shipped(void **state)
{
	struct fx_signed req;
	char *cert;

	(void)state;
	cert = logged_in("root-shell", "root", &req);
	assert_true(wait_for(all_shipped));
	rig_warden_says(R, ZTJ_WARDEN_EMPTY, 1, 0);
	rig_sync(R);
	assert_int_equal(rig_sessions(R), 0);
	assert_true(wait_for(all_shipped));
	free(cert);
	fx_signed_free(&req);
}

/* ---- the mirror ends no session: what does not fit is left out ---- */

static struct ztj_mirror *lone_mirror(int *gate)
{
	struct ztj_mirror *m = calloc(1, sizeof(*m));
	int pair[2];

	assert_non_null(m);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	m->gate = pair[0];
	m->body = -1;
	*gate = pair[1];
	ztj_ipc_in_init(&m->in, ZTJ_IPC_MAX);
	ztj_buf_init(&m->broker, ZTJ_IPC_MAX);
	return m;
}

static void lone_free(struct ztj_mirror *m, int gate)
{
	ztj_ipc_in_free(&m->in);
	ztj_buf_free(&m->broker);
	(void)close(m->gate);
	(void)close(gate);
	free(m);
}

/* A broker's line that grows when it is written again. */
static void test_P2_a_line_that_grows(void **state)
{
	struct ztj_buf line;
	struct ztj_mirror *m;
	char byte;
	int gate;

	(void)state;
	m = lone_mirror(&gate);
	ztj_buf_init(&line, ZTJ_MIRROR_LINE_MAX);
	ok(ztj_buf_puts(&line, "{\"event\":\"statement\",\"signatures\":[],\"statement\":[0.1"));
	while (line.n + 8 < ZTJ_MIRROR_LINE_MAX)
		ok(ztj_buf_puts(&line, ",0.1"));
	ok(ztj_buf_puts(&line, "]}"));
	ztj_mirror_line(m, ztj_buf_view(&line));
	assert_false(m->failed);
	assert_int_equal(recv(gate, &byte, 1, MSG_DONTWAIT), -1); /* and the gate hears nothing of it */
	ztj_buf_free(&line);
	lone_free(m, gate);
}

/* The gate says whom to believe: nobody, at this address and another. */
static void believe_nobody(struct ztj_mirror *m, int gate, const char *address)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 1024);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_BROKER));
	ok(ztj_buf_put_u32(&b, 2));
	ok(ztj_buf_put_cstring(&b, address));
	ok(ztj_buf_put_cstring(&b, "https://127.0.0.1:1"));
	ok(ztj_buf_put_u32(&b, 0));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(gate, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 1000));
	ztj_mirror_from_gate(m);
	assert_false(m->failed);
	ztj_buf_free(&b);
}

static void test_an_address_without_room(void **state)
{
	struct ztj_mirror *m;
	char address[400];
	int gate;

	(void)state;
	m = lone_mirror(&gate);
	memset(address, 'a', sizeof(address));
	memcpy(address, "https://", 8);
	address[sizeof(address) - 1] = '\0';
	believe_nobody(m, gate, address);
	assert_int_equal(m->nurls, 1);
	lone_free(m, gate);
}

/* What was being fetched when a policy named another broker was announced before `since`: it must be announced once more. */
static void test_a_fetch_that_is_cut_off(void **state)
{
	struct ztj_mirror *m;
	int gate;

	(void)state;
	m = lone_mirror(&gate);
	m->since = 101;
	believe_nobody(m, gate, "https://127.0.0.1:2");
	assert_int_equal(m->since, 101);
	assert_non_null(m->multi = curl_multi_init());
	assert_non_null(m->fetch = curl_easy_init());
	assert_int_equal(curl_multi_add_handle(m->multi, m->fetch), CURLM_OK);
	believe_nobody(m, gate, "https://127.0.0.1:3");
	assert_int_equal(m->since, 0);
	assert_null(m->fetch);
	assert_int_equal(curl_multi_cleanup(m->multi), CURLM_OK);
	lone_free(m, gate);
}

static void hurry(struct ztj_mirror *m, int gate)
{
	struct ztj_buf b;

	ztj_buf_init(&b, 64);
	ok(ztj_ipc_begin(&b, ZTJ_MSG_HURRY));
	ok(ztj_ipc_finish(&b));
	ok(ztj_ipc_send(gate, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 1000));
	ztj_mirror_from_gate(m);
	assert_false(m->failed);
	ztj_buf_free(&b);
}

/* A broker that was away for long is tried again when somebody needs it; one that is tried soon anyway is not tried later for that. */
static void test_who_waits_for_the_broker_hurries_it(void **state)
{
	int64_t now = ztj_ipc_now_ms();
	struct ztj_mirror *m;
	int gate;

	(void)state;
	m = lone_mirror(&gate);
	m->next_try = now + 45000;
	m->backoff = 30000;
	hurry(m, gate);
	assert_true(m->next_try <= ztj_ipc_now_ms() + 500);
	assert_int_equal(m->backoff, 30000); /* hosts do not come back together for it */
	m->next_try = now;
	hurry(m, gate);
	assert_int_equal(m->next_try, now);
	lone_free(m, gate);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_from_join_to_revocation),
		T(test_step_up_through_the_relay),
		T(test_broker_goes_and_comes_back),
		T(test_G06_a_revocation_comes_back),
		T(test_G06_a_database_alone_is_put_back),
		T(test_a_denial_while_the_host_was_away),
		T(test_a_shorter_limit_while_the_host_was_away),
		T(test_decisions_are_shipped),
		T(test_growth_is_proved),
		T(test_A01_P2_history_made_anew),
		T(test_the_last_line_is_shipped),
		cmocka_unit_test(test_P2_a_line_that_grows),
		cmocka_unit_test(test_an_address_without_room),
		cmocka_unit_test(test_a_fetch_that_is_cut_off),
		cmocka_unit_test(test_who_waits_for_the_broker_hurries_it),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
