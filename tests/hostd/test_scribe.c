/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A scribe between recorder, gate and broker: the ways of a session from HELLO to a record that left the host. */
#include "tests/hostd/srig.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct srig rig;
#define R (&rig)

static int setup(void **state)
{
	(void)state;
	srig_open(R);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	srig_close(R);
	return 0;
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void same(const struct srig_copy *k, char code, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, SRIG_COPY_MAX);
	(void)srig_bytes(k, code, &b);
	assert_string_equal(ztj_buf_str(&b), text);
	ztj_buf_free(&b);
}

static bool is_gone(struct srig *r, void *arg)
{
	return srig_copy(r, arg)->gone >= 0;
}

static int gone_of(const struct srec *c)
{
	uint8_t session[ZTJ_REC_SESSION_LEN];

	memcpy(session, c->session, sizeof(session));
	assert_true(srig_pump(R, 10000, is_gone, session));
	return srig_copy(R, session)->gone;
}

/* ---- the straight way ---- */

static void test_session(void **state)
{
	const struct srig_copy *k;
	int fd = pidfd_of(getpid());
	struct srec c;

	(void)state;
	R->flags = ZTJ_REC_FLAG_INPUT;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	assert_int_equal(c.flags, ZTJ_REC_FLAG_INPUT);
	assert_string_equal(c.shell, "/bin/sh");
	assert_int_equal(srec_child(R, &c, fd), ZTJ_OK);
	(void)close(fd);
	srec_print(&c, 1000, "hello ");
	srec_event(&c, 2000, 'i', "x", 1);
	srec_event(&c, 3000, 'r', "100x40", 6);
	srec_print(&c, 4000, "world");
	assert_int_equal(srec_wait(R, &c, 4), ZTJ_OK);
	srig_note(R, c.session, "sudo: id");
	srec_end(&c, 3);
	assert_true(srec_wait_closed(R, &c));
	assert_int_equal(c.taken, 4);
	assert_int_equal(c.code, 0);
	srig_shipped(R, c.session);
	k = srig_copy(R, c.session);
	assert_int_equal(k->gone, 0);
	assert_int_equal(k->placed, 1);
	assert_int_equal(k->head_state, ZTJ_RECORD_CLOSED);
	same(k, 'o', "hello world");
	same(k, 'i', "x");
	same(k, 'r', "100x40");
	same(k, 'm', "sudo: id");
	same(k, 'q', "{\"exit\":3}");
	assert_true(srig_spool_empty(R));
	srec_close(&c);
}

static void test_what_the_broker_hears(void **state)
{
	const struct srig_copy *k;
	struct ztj_chain chain;
	struct ztj_buf text;
	struct srec c;
	json_t *o;

	(void)state;
	R->flags = ZTJ_REC_FLAG_PIPES;
	assert_int_equal(srec_open(R, &c, false), ZTJ_OK);
	srec_event(&c, 5, 'O', "out", 3);
	srec_event(&c, 6, 'E', "\xff", 1);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	k = srig_copy(R, c.session);
	o = json_loads(k->start, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "person")), "people/req1");
	assert_string_equal(json_string_value(json_object_get(o, "command")), "scp -f /etc/motd");
	assert_true(json_is_false(json_object_get(o, "tty")));
	assert_string_equal(json_string_value(json_object_get(o, "role")), "root-shell");
	assert_non_null(json_string_value(json_object_get(o, "started")));
	assert_int_equal(json_object_size(o), 11);
	json_decref(o);
	same(k, 'E', "\xff");
	ztj_buf_init(&text, 1 << 20);
	srig_text(k, &text, &chain);
	assert_true(chain.last);
	assert_non_null(strstr(ztj_buf_str(&text), "\"out\":{\\\"bytes\\\":10") != NULL
		? ""
		: strstr(ztj_buf_str(&text), "\\\"out\\\":{\\\"bytes\\\":10"));
	ztj_buf_free(&text);
	srec_close(&c);
}

/* ---- who may ---- */

static void test_B05_only_the_recorders_group(void **state)
{
	struct srec c;

	(void)state;
	srig_end(R);
	R->env.recorder = getegid() + 1;
	srig_start(R);
	srec_connect(R, &c);
	assert_int_equal(srec_hello(R, &c, NULL, 0, true, ""), ZTJ_UNREACHABLE);
	assert_int_equal(R->ncopies, 0);
	srec_close(&c);
}

static void test_the_gate_says_no(void **state)
{
	struct srec c;

	(void)state;
	R->code = ZTJ_NO_SESSION;
	assert_int_equal(srec_open(R, &c, true), ZTJ_NO_SESSION);
	assert_string_equal(c.text, "the gate says no");
	assert_true(srec_wait_closed(R, &c));
	assert_true(srig_spool_empty(R));
	srec_close(&c);
}

static void test_W01_a_crowd_that_asks_and_waits(void **state)
{
	struct srec crowd[24], c;
	size_t refused = 0;

	(void)state;
	R->gate_mute = true;
	for (size_t i = 0; i < 24; i++) {
		srec_connect(R, &crowd[i]);
		(void)srig_pump(R, 10, NULL, NULL);
	}
	for (size_t i = 0; i < 24; i++) {
		char b;
		refused += recv(crowd[i].sock, &b, 1, MSG_DONTWAIT) == 0;
	}
	assert_int_equal(refused, 24 - ZTJ_RCONNS_UID);
	R->gate_mute = false;
	/* Those that say nothing have to go. */
	(void)srig_pump(R, 1800, NULL, NULL);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (size_t i = 0; i < 24; i++)
		srec_close(&crowd[i]);
	srec_close(&c);
}

static void test_a_recorder_that_went_before_the_answer(void **state)
{
	struct srec c;

	(void)state;
	R->gate_mute = true;
	srec_connect(R, &c);
	(void)srec_hello(R, &c, NULL, 0, true, "");
	assert_int_equal(R->ncopies, 1);
	srec_close(&c);
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(R->copy[0].gone, 1);
}

/* ---- what it may say ---- */

static void refused_event(uint8_t flags, bool tty, char code, const char *bytes)
{
	struct srec c;

	R->flags = flags;
	assert_int_equal(srec_open(R, &c, tty), ZTJ_OK);
	srec_event(&c, 1, code, bytes, strlen(bytes));
	assert_true(srec_wait_closed(R, &c));
	srec_close(&c);
}

static void test_events_that_may_not_be(void **state)
{
	(void)state;
	refused_event(0, true, 'i', "secret");
	refused_event(0, true, 'q', "{}");
	refused_event(0, true, 'z', "AA==");
	refused_event(0, true, 'O', "x");
	refused_event(0, false, 'O', "x");
	refused_event(ZTJ_REC_FLAG_PIPES, false, 'I', "x");
	refused_event(0, true, 'r', "80");
	refused_event(0, true, 'r', "80x");
	refused_event(0, true, 'r', "80x65536");
	refused_event(0, true, 'r', "-1x24");
	refused_event(0, true, '\n', "x");
}

static void test_R06_sizes(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_event(&c, 1, 'r', "0x0", 3);
	srec_event(&c, 1, 'r', "65535x65535", 11);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'r', "0x065535x65535");
	srec_close(&c);
}

static void test_messages_out_of_turn(void **state)
{
	static const uint8_t turns[] = { ZTJ_REC_CHILD, ZTJ_REC_EVENT, ZTJ_REC_PING, ZTJ_REC_END,
		ZTJ_REC_START, 0, 99 };
	struct srec c;

	(void)state;
	for (size_t i = 0; i < sizeof(turns); i++) {
		srec_connect(R, &c);
		srec_send(&c, turns[i], ztj_view_of(NULL, 0), -1);
		assert_true(srec_wait_closed(R, &c));
		srec_close(&c);
	}
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	assert_int_equal(srec_hello(R, &c, NULL, 0, true, ""), ZTJ_OK); /* START was there before */
	assert_true(srec_wait_closed(R, &c));
	srec_close(&c);
}

static void test_a_child_without_a_descriptor(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_send(&c, ZTJ_REC_CHILD, ztj_view_of(NULL, 0), -1);
	assert_true(srec_wait_closed(R, &c));
	srec_close(&c);
}

/* ---- time ---- */

static void test_R02_a_silent_recorder(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "last words");
	assert_int_equal(gone_of(&c), 1);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'q', "{\"lost\":true}");
	same(srig_copy(R, c.session), 'o', "last words");
	same(srig_copy(R, c.session), 'm', "the recorder stopped answering");
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_LOST);
	srec_close(&c);
}

static void test_pings_keep_it(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (int i = 0; i < 10; i++) {
		(void)srig_pump(R, 300, NULL, NULL);
		srec_send(&c, ZTJ_REC_PING, ztj_view_of(NULL, 0), -1);
	}
	assert_int_equal(srig_copy(R, c.session)->gone, -1);
	srec_close(&c);
}

/* What was said while the scribe was busy is not silence. */
static void test_a_scribe_that_was_late(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	assert_int_equal(kill(R->scribe, SIGSTOP), 0);
	srec_print(&c, 1, "here");
	(void)usleep(100000);
	R->faults->asleep = 2500;
	assert_int_equal(kill(R->scribe, SIGCONT), 0);
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	assert_int_equal(srig_copy(R, c.session)->gone, -1);
	srec_close(&c);
}

static void test_a_break_and_back(void **state)
{
	struct srec c, again;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "one ");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	srec_print(&c, 2, "two ");
	(void)srig_pump(R, 5, NULL, NULL);
	srec_close(&c);
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_OK);
	assert_int_equal(srig_copy(R, c.session)->asked, 1); /* the gate knows it */
	again.sent = 1;
	again.taken = 1;
	srec_print(&again, 2, "two ");
	srec_print(&again, 3, "three");
	srec_end(&again, 0);
	assert_true(srec_wait_closed(R, &again));
	assert_int_equal(again.taken, 3);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'o', "one two three");
	srec_close(&again);
}

static void test_a_break_for_too_long(void **state)
{
	struct srec c, again;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "one");
	(void)srig_pump(R, 50, NULL, NULL);
	srec_close(&c);
	assert_int_equal(gone_of(&c), 1);
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_STATE);
	srec_close(&again);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'o', "one");
}

static void test_nobody_elses_session(void **state)
{
	struct srec c, other;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		srec_connect(R, &other);
		_exit(srec_hello(R, &other, c.session, 0, true, "") == ZTJ_FORBIDDEN ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	srec_connect(R, &other);
	assert_int_equal(srec_hello(R, &other, (const uint8_t *)"0123456789abcdef0123456789abcdef", 0, true,
			     ""),
	    ZTJ_NOT_FOUND);
	srec_close(&other);
	srec_close(&c);
}

static void test_it_claims_too_much(void **state)
{
	struct srec c, again;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "one");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	srec_connect(R, &again);
	assert_int_equal(srec_hello(R, &again, c.session, 7, true, ""), ZTJ_STATE);
	assert_int_equal(gone_of(&c), 1);
	srec_close(&again);
	srec_close(&c);
}

/* ---- death ---- */

/* A recorder in a process of its own, which says `last`, tells us its session and waits to be killed. */
static pid_t recorder(struct srec *c, const char *last, bool ends)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(pipe(pair), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* the parent answers for the gate */
		R->gate_mute = true;
		srec_connect(R, c);
		struct ztj_buf b;
		static const uint8_t none[ZTJ_REC_SESSION_LEN];
		ztj_buf_init(&b, 4096);
		(void)ztj_buf_put(&b, none, sizeof(none));
		(void)ztj_buf_put_u64(&b, 0);
		(void)ztj_buf_put_u8(&b, 1);
		(void)ztj_buf_put_u32(&b, 80);
		(void)ztj_buf_put_u32(&b, 24);
		for (int i = 0; i < 3; i++)
			(void)ztj_buf_put_cstring(&b, "");
		srec_send(c, ZTJ_REC_HELLO, ztj_buf_view(&b), -1);
		if (ztj_ipc_recv(c->sock, &c->in, ztj_ipc_now_ms() + 5000) != ZTJ_OK ||
		    c->in.type != ZTJ_REC_START)
			_exit(1);
		struct ztj_rd rd;
		struct ztj_view text, session;
		uint32_t code;
		ztj_rd_init(&rd, c->in.body);
		if (ztj_rd_u32(&rd, &code) != ZTJ_OK || ztj_rd_string(&rd, 2000, &text) != ZTJ_OK ||
		    ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &session) != ZTJ_OK || code != 0)
			_exit(2);
		srec_print(c, 1, last);
		if (ends)
			srec_end(c, 0);
		(void)!write(pair[1], session.p, session.n);
		if (ends)
			_exit(0);
		for (;;)
			(void)pause();
	}
	(void)close(pair[1]);
	for (int i = 0; i < 100 && R->ncopies == 0; i++)
		(void)srig_pump(R, 20, NULL, NULL);
	(void)srig_pump(R, 50, NULL, NULL);
	assert_int_equal(read(pair[0], c->session, ZTJ_REC_SESSION_LEN), ZTJ_REC_SESSION_LEN);
	(void)close(pair[0]);
	return pid;
}

static void test_R02_the_recorder_is_killed(void **state)
{
	struct srec c;
	pid_t pid;
	int64_t at;

	(void)state;
	pid = recorder(&c, "before", false);
	at = ztj_ipc_now_ms();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(gone_of(&c), 1);
	assert_true(ztj_ipc_now_ms() - at < R->env.grace_ms); /* at once, not after the grace */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'o', "before");
	same(srig_copy(R, c.session), 'q', "{\"lost\":true}");
}

/* END and gone, before anybody has read it. */
static void test_it_says_its_end_and_goes(void **state)
{
	struct srec c;
	pid_t pid = recorder(&c, "all of it", true);

	(void)state;
	assert_int_equal(gone_of(&c), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'o', "all of it");
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_CLOSED);
}

/* The gate ends a session, recorder and all: the record is whole and says why. */
static void test_C02_the_gate_ends_it(void **state)
{
	struct srec c;
	pid_t pid = recorder(&c, "x", false);

	(void)state;
	srig_ended(R, c.session, ZTJ_REVOKED);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(gone_of(&c), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'q', "{\"signal\":9}");
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_CLOSED);
}

/* ---- the broker ---- */

static void fill(struct srec *c, int n, uint64_t from)
{
	char line[1024];

	memset(line, 'a', sizeof(line));
	for (int i = 0; i < n; i++) {
		(void)snprintf(line, sizeof(line), "line %llu %lx", (unsigned long long)(from + (uint64_t)i),
		    random());
		srec_event(c, from + (uint64_t)i, 'o', line, sizeof(line));
		if (i % 64 == 0)
			(void)srec_wait(R, c, c->sent > 64 ? c->sent - 64 : 0);
	}
}

static void test_the_broker_is_away(void **state)
{
	struct srec c;

	(void)state;
	srig_link(R, false);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	fill(&c, 300, 0);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	(void)srig_pump(R, 300, NULL, NULL);
	assert_false(srig_copy(R, c.session)->started);
	assert_false(srig_spool_empty(R));
	srig_link(R, true);
	srig_shipped(R, c.session);
	assert_true(srig_spool_empty(R));
	srec_close(&c);
}

static void test_the_broker_fails_and_comes_back(void **state)
{
	static const uint32_t how[] = { 503, 0, 429, 500, 408 };
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (size_t i = 0; i < 5; i++) {
		R->status = how[i];
		fill(&c, 100, i * 1000);
		(void)srig_pump(R, 60, NULL, NULL);
	}
	R->status = 0;
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	srec_close(&c);
}

/* It has taken what we never heard of: the answer was lost. */
static void test_an_answer_that_was_lost(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	fill(&c, 50, 0);
	(void)srig_pump(R, 200, NULL, NULL);
	assert_true(srig_copy(R, c.session)->data.n > 0);
	fill(&c, 50, 100);
	srig_kill(R);
	srig_start(R);
	struct srec again;
	assert_true(c.taken > 0 && c.taken < c.sent);
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_OK);
	assert_int_equal(srig_copy(R, c.session)->asked, 2);
	again.sent = c.taken;
	fill(&again, (int)(c.sent - c.taken), 200);
	srec_end(&again, 0);
	assert_true(srec_wait_closed(R, &again));
	srig_shipped(R, c.session);
	srec_close(&again);
	srec_close(&c);
}

/* A broker that was restored from an old backup. */
static void test_the_broker_has_forgotten(void **state)
{
	struct srig_copy *k;
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	fill(&c, 50, 0);
	(void)srig_pump(R, 300, NULL, NULL);
	k = srig_copy(R, c.session);
	assert_true(k->started && k->data.n > 0);
	k->started = false;
	ztj_buf_reset(&k->data);
	k->head_bytes = 0;
	fill(&c, 50, 100);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	srec_close(&c);
}

/* It claims to have more than there is: an alarm, and it does no harm to anybody else's record. */
/* One that says again and again that it has less is not sent to again and again. */
static void test_P2_the_broker_runs_in_a_circle(void **state)
{
	struct srec c;
	uint64_t first;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	(void)srig_pump(R, 300, NULL, NULL);
	first = srig_copy(R, c.session)->data.n;
	assert_true(first > 0); /* the chunk with the header */
	R->lie = first;
	R->all_ships = 0;
	srec_print(&c, 1, "more");
	assert_int_equal(srec_wait(R, &c, c.sent), ZTJ_OK);
	(void)srig_pump(R, 600, NULL, NULL);
	assert_true(R->all_ships > 1);
	assert_true(R->all_ships < 60);
	R->lie = 0;
	srec_close(&c);
}

static void test_the_broker_lies(void **state)
{
	struct srec c, other;

	(void)state;
	R->lie = 1 << 30;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "x");
	(void)srig_pump(R, 200, NULL, NULL);
	R->lie = 0;
	assert_int_equal(srec_open(R, &other, true), ZTJ_OK);
	srec_end(&other, 0);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &other));
	srig_shipped(R, other.session);
	srig_shipped(R, c.session);
	srec_close(&c);
	srec_close(&other);
}

static void test_heads_while_it_runs(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (int i = 0; i < 8; i++) {
		srec_print(&c, (uint64_t)i, "x");
		(void)srig_pump(R, 60, NULL, NULL);
	}
	assert_in_range(srig_copy(R, c.session)->heads, 3, 9);
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_OPEN);
	(void)srig_pump(R, 1200, NULL, NULL);
	assert_int_equal(R->open, 1);
	assert_int_equal(R->room, 64 * 1024 * 1024);
	assert_int_equal(R->unshipped, 0);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	srec_close(&c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_session),
		T(test_what_the_broker_hears),
		T(test_B05_only_the_recorders_group),
		T(test_the_gate_says_no),
		T(test_W01_a_crowd_that_asks_and_waits),
		T(test_a_recorder_that_went_before_the_answer),
		T(test_events_that_may_not_be),
		T(test_R06_sizes),
		T(test_messages_out_of_turn),
		T(test_a_child_without_a_descriptor),
		T(test_R02_a_silent_recorder),
		T(test_pings_keep_it),
		T(test_a_scribe_that_was_late),
		T(test_a_break_and_back),
		T(test_a_break_for_too_long),
		T(test_nobody_elses_session),
		T(test_it_claims_too_much),
		T(test_R02_the_recorder_is_killed),
		T(test_it_says_its_end_and_goes),
		T(test_C02_the_gate_ends_it),
		T(test_the_broker_is_away),
		T(test_the_broker_fails_and_comes_back),
		T(test_an_answer_that_was_lost),
		T(test_the_broker_has_forgotten),
		T(test_the_broker_lies),
		T(test_P2_the_broker_runs_in_a_circle),
		T(test_heads_while_it_runs),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
