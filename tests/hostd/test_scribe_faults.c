/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A scribe that is killed at every call it makes, a disk that is full or fails, a spool that somebody changed, a crowd. */
#include "tests/hostd/srig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void same(const struct srig_copy *k, char code, const char *text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, SRIG_COPY_MAX);
	(void)srig_bytes(k, code, &b);
	assert_string_equal(ztj_buf_str(&b), text);
	ztj_buf_free(&b);
}

static void path_of(const uint8_t *session, const char *kind, char out[512])
{
	char name[ZTJ_HEX_SIZE];

	ztj_hex(session, ZTJ_REC_SESSION_LEN, name);
	(void)snprintf(out, 512, "%s/%s.%s", R->conf.records, name, kind);
}

static uint64_t file_size(const uint8_t *session, const char *kind)
{
	char path[512];
	struct stat st;

	path_of(session, kind, path);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- D01: killed at any call ---- */

#define EVENTS 12

static bool set_aside(const uint8_t *session)
{
	char name[ZTJ_HEX_SIZE], path[512];

	ztj_hex(session, ZTJ_REC_SESSION_LEN, name);
	(void)snprintf(path, sizeof(path), "%s/bad.%s.meta", R->conf.records, name);
	return access(path, F_OK) == 0;
}

static void event_text(int i, char out[64])
{
	/* a sequence that two events cut, and bytes that are no UTF-8 */
	(void)snprintf(out, 64, i % 3 == 0 ? "%d \xe2\x82" : i % 3 == 1 ? "\xac %d\xff" : "line %d\n", i);
}

/* Goes on where the scribe left it, through as many restarts as it takes. False: it died again. */
static bool play(struct srec *c)
{
	char text[64];

	while (c->sent < EVENTS) {
		event_text((int)c->sent, text);
		srec_event(c, c->sent * 1000, 'o', text, strlen(text));
		if (c->gone)
			return false;
		/* a chunk for every third */
		if (c->sent % 3 == 0 && srec_wait(R, c, c->sent) != ZTJ_OK)
			return false;
	}
	/* all is taken: the next word is about the end */
	unsigned before = c->answers;
	srec_end(c, 0);
	return !c->gone && srec_wait_closed(R, c) && c->answers > before && c->over;
}

static bool record_is_there(const uint8_t *session)
{
	return file_size(session, "meta") > 0;
}

static bool dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)R->scribe, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == R->scribe;
}

/* One session with a scribe that dies at its n-th call; false when it did not come to that. */
static bool killed_at(int n, bool half)
{
	struct srec c, again;
	bool done, died;

	srig_open(R);
	R->env.grace_ms = 5000;
	R->faults->half = half;
	R->faults->calls = 0;
	R->faults->kill_at = n;
	if (srec_open(R, &c, true) != ZTJ_OK) {
		/* It was not told yes: nothing has begun, or it is lost. */
		srec_close(&c);
		R->faults->kill_at = 0;
		srig_reap(R);
		srig_start(R);
		assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
		died = true;
	} else {
		died = false;
	}
	done = play(&c);
	if (!done) {
		died = true;
		R->faults->kill_at = 0;
		srig_reap(R);
		srig_start(R);
		again = c;
		if (srec_resume(R, &again, &c) == ZTJ_OK) {
			again.sent = c.taken;
			assert_true(play(&again));
		} else {
			/* It had written the end, and only could not say so. */
			assert_int_equal(again.code, ZTJ_EXISTS);
		}
		srec_close(&again);
	}
	/* Dead by now or dying while it ships. */
	for (int i = 0; i < 400 && record_is_there(c.session); i++) {
		(void)srig_pump(R, 10, NULL, NULL);
		if (dead()) {
			died = true;
			R->faults->kill_at = 0;
			srig_reap(R);
			srig_start(R);
		}
	}
	R->faults->kill_at = 0;
	assert_false(set_aside(c.session));
	if (record_is_there(c.session))
		fail_msg(
		    "killed at call %d: the record is still there; the broker has %zu bytes, %u heads, state %u",
		    n, srig_copy(R, c.session)->data.n, srig_copy(R, c.session)->heads,
		    srig_copy(R, c.session)->head_state);
	struct ztj_buf want, got;
	ztj_buf_init(&want, 4096);
	ztj_buf_init(&got, 4096);
	for (int i = 0; i < EVENTS; i++) {
		char text[64];
		event_text(i, text);
		ok(ztj_buf_puts(&want, text));
	}
	(void)srig_bytes(srig_copy(R, c.session), 'o', &got);
	assert_true(ztj_view_eq(ztj_buf_view(&want), ztj_buf_view(&got)));
	same(srig_copy(R, c.session), 'q', "{\"exit\":0}");
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_CLOSED);
	ztj_buf_free(&want);
	ztj_buf_free(&got);
	srec_close(&c);
	(void)srig_pump(R, 10, NULL, NULL); /* one that was about to die */
	if (dead()) {
		srig_reap(R);
		died = true;
	}
	srig_close(R);
	return died;
}

static void test_D01_killed_at_every_call(void **state)
{
	int n = 1;

	(void)state;
	while (killed_at(n, false))
		n++;
	assert_in_range(n, 40, 400);
}

static void test_D01_killed_in_half_a_write(void **state)
{
	(void)state;
	for (int n = 3; n < 60; n += 2)
		(void)killed_at(n, true);
}

/* The record was closed while the gate signed that it is open. True: the scribe died at its n-th call after that. */
static bool closed_while_signed(int n)
{
	struct srec c;
	bool died = false;

	srig_open(R);
	R->sign_hold = true;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "x");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	assert_true(srig_asked(R));
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	assert_true(c.over);
	R->faults->calls = 0;
	R->faults->kill_at = n;
	srig_signed(R);
	for (int i = 0; i < 1000 && record_is_there(c.session); i++) {
		(void)srig_pump(R, 10, NULL, NULL);
		if (!dead())
			continue;
		died = true;
		R->faults->kill_at = 0;
		srig_reap(R);
		srig_start(R);
	}
	R->faults->kill_at = 0;
	assert_false(record_is_there(c.session));
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_CLOSED);
	same(srig_copy(R, c.session), 'q', "{\"exit\":0}");
	srec_close(&c);
	(void)srig_pump(R, 10, NULL, NULL);
	if (dead())
		srig_reap(R);
	srig_close(R);
	return died;
}

static void test_D01_closed_while_it_is_signed_open(void **state)
{
	int n = 1;

	(void)state;
	while (closed_while_signed(n))
		n++;
	assert_in_range(n, 5, 100);
}

/* Everything that was not synced is gone, and so are the recorders. */
static void test_G06_power_failure(void **state)
{
	struct srec c;
	char path[512];

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (int i = 0; i < 5; i++) {
		srec_print(&c, (uint64_t)i, "kept ");
		assert_int_equal(srec_wait(R, &c, c.sent), ZTJ_OK);
	}
	(void)srig_pump(R, 300, NULL, NULL);
	uint64_t shipped = srig_copy(R, c.session)->data.n;
	assert_true(shipped > 0 && srig_copy(R, c.session)->heads > 0);
	srig_kill(R);
	/* what is behind the synced end, as a file system may leave it */
	path_of(c.session, "rec", path);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	static const uint8_t zeros[3000];
	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	(void)close(fd);
	(void)snprintf(R->bootid, sizeof(R->bootid), "another boot");
	srig_start(R);
	srig_shipped(R, c.session);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	same(srig_copy(R, c.session), 'o', "kept kept kept kept kept ");
	same(srig_copy(R, c.session), 'm', "the host was started anew");
	same(srig_copy(R, c.session), 'q', "{\"lost\":true}");
	srec_close(&c);
}

static void test_a_restart_that_nobody_comes_back_to(void **state)
{
	struct srec c;

	(void)state;
	R->env.grace_ms = 300;
	srig_kill(R);
	srig_start(R);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "x");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	srig_kill(R);
	srec_close(&c);
	srig_start(R);
	srig_shipped(R, c.session);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_LOST);
	same(srig_copy(R, c.session), 'o', "x");
}

/* The gate has ended the session meanwhile. */
static void test_a_restart_after_which_the_gate_says_no(void **state)
{
	struct srec c, again;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "x");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	srig_kill(R);
	srig_start(R);
	R->code = ZTJ_ENDED;
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_ENDED);
	srig_shipped(R, c.session);
	same(srig_copy(R, c.session), 'm', "the gate says no");
	srec_close(&again);
	srec_close(&c);
}

/* ---- D02: no room ---- */

static void fill(struct srec *c, int n)
{
	uint8_t noise[16384];

	for (int i = 0; i < n && c->code >= 0; i++) {
		arc4random_buf(noise, sizeof(noise));
		srec_event(c, c->sent, 'o', noise, sizeof(noise));
		(void)srec_wait(R, c, c->sent > 8 ? c->sent - 8 : 0);
	}
}

static void test_D02_the_disk_is_full(void **state)
{
	struct srec c, other;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "before ");
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_OK);
	R->faults->reserve_errno = ENOSPC;
	fill(&c, 50);
	assert_int_equal(c.code, ZTJ_NO_SPACE);
	assert_true(srec_wait_closed(R, &c));
	/* its end was written into the room that was kept */
	srig_shipped(R, c.session);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	same(srig_copy(R, c.session), 'q', "{\"lost\":true}");
	same(srig_copy(R, c.session), 'm', "storage is full");
	/* nobody else begins */
	assert_int_equal(srec_open(R, &other, true), ZTJ_NO_SPACE);
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(R->copy[1].gone, 1);
	srec_close(&other);
	R->faults->reserve_errno = 0;
	assert_int_equal(srec_open(R, &other, true), ZTJ_OK);
	srec_close(&other);
	srec_close(&c);
}

static void test_D02_io_errors(void **state)
{
	struct srec c;

	(void)state;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_print(&c, 1, "x");
	R->faults->disk_errno = EIO;
	assert_int_equal(srec_wait(R, &c, 1), ZTJ_IO);
	assert_true(srec_wait_closed(R, &c));
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	srec_close(&c);
	assert_int_equal(srec_open(R, &c, true), ZTJ_IO);
	srec_close(&c);
	R->faults->disk_errno = 0;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_close(&c);
}

/* The bound, while the broker is away; with it back what it has makes room. */
static void test_D02_the_spool_is_full(void **state)
{
	struct srec c, other;

	(void)state;
	srig_end(R);
	R->conf.record_spool = 2;
	R->up = false;
	srig_start(R);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	fill(&c, 1000);
	assert_int_equal(c.code, ZTJ_NO_SPACE);
	assert_true(file_size(c.session, "rec") <= 2 * 1024 * 1024);
	assert_true(srec_wait_closed(R, &c));
	/* what is left is not enough for one more, or not for long */
	if (srec_open(R, &other, true) == ZTJ_OK)
		fill(&other, 100);
	assert_int_equal(other.code, ZTJ_NO_SPACE);
	srec_close(&other);
	srec_close(&c);
	srig_link(R, true);
	srig_shipped(R, c.session);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	srec_close(&c);
}

/* A session that runs longer than the spool is large, with a broker that keeps up. */
static void test_D02_more_than_the_spool_holds(void **state)
{
	struct srec c, again;

	(void)state;
	srig_end(R);
	R->conf.record_spool = 4;
	srig_start(R);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (int i = 0; i < 16; i++) {
		fill(&c, 32);
		assert_int_equal(c.code, 0);
		(void)srig_pump(R, 150, NULL, NULL);
	}
	assert_true(srig_copy(R, c.session)->data.n > 8u * 1024 * 1024);
	assert_int_equal(srec_wait(R, &c, c.sent), ZTJ_OK);
	/* its beginning is not here any more, and still it goes on after a crash */
	srig_kill(R);
	srig_start(R);
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_OK);
	again.sent = c.sent;
	fill(&again, 4);
	srec_end(&again, 0);
	assert_true(srec_wait_closed(R, &again));
	srig_shipped(R, c.session);
	struct ztj_buf got;
	ztj_buf_init(&got, SRIG_COPY_MAX);
	(void)srig_bytes(srig_copy(R, c.session), 'o', &got);
	assert_int_equal(got.n, again.sent * 16384);
	ztj_buf_free(&got);
	srec_close(&again);
	srec_close(&c);
}

/* Full disks are when root is needed: one break-glass session lives on the reserve. */
static void test_D02_one_break_glass_session(void **state)
{
	struct srec c, second, usual;

	(void)state;
	R->up = false;
	srig_end(R);
	R->faults->disk = 1; /* not a byte more than the reserve has taken already */
	R->conf.record_reserve = 4;
	srig_start(R);
	assert_int_equal(srec_open(R, &usual, true), ZTJ_NO_SPACE);
	srec_close(&usual);
	srig_end(R);
	R->faults->disk = (4 * 1024 + 64) * 1024 + 1;
	srig_start(R); /* the reserve takes all of it */
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(R->faults->disk, 1);
	R->flags = ZTJ_REC_FLAG_GLASS;
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	fill(&c, 60);
	assert_int_equal(c.code, 0);
	assert_int_equal(srec_open(R, &second, true), ZTJ_NO_SPACE);
	srec_close(&second);
	R->flags = 0;
	fill(&c, 1000);
	assert_int_equal(c.code, ZTJ_NO_SPACE); /* the reserve has an end too */
	srec_close(&c);
	srig_link(R, true);
	srig_shipped(R, c.session);
}

/* A broker that is away, and somebody who records a lot meanwhile, must not keep the kit out. */
static void test_D02_break_glass_among_too_many(void **state)
{
	struct ztj_scribe s = { .nwaiting = ZTJ_RECORDS_WAITING, .stocked = true, .limit = UINT64_MAX };

	(void)state;
	assert_int_equal(ztj_room_new(&s, false), ZTJ_LIMIT);
	assert_int_equal(ztj_room_new(&s, true), ZTJ_OK);
	s.glass = 1;
	assert_int_equal(ztj_room_new(&s, true), ZTJ_LIMIT);
	s.nwaiting = 0;
	assert_int_equal(ztj_room_new(&s, true), ZTJ_OK);
}

/* ---- what somebody changed ---- */

static void flip(const uint8_t *session, const char *kind, off_t at)
{
	char path[512];
	uint8_t b;
	int fd;

	path_of(session, kind, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= 1;
	assert_int_equal(pwrite(fd, &b, 1, at), 1);
	(void)close(fd);
}

static bool is_aside(struct srig *r, void *arg)
{
	(void)r;
	return set_aside(arg);
}

static void wait_set_aside(struct srec *c)
{
	assert_true(srig_pump(R, 10000, is_aside, c->session));
}

static void open_with_chunks(struct srec *c, int n)
{
	assert_int_equal(srec_open(R, c, true), ZTJ_OK);
	for (int i = 0; i < n; i++) {
		srec_print(c, (uint64_t)i, "chunk ");
		assert_int_equal(srec_wait(R, c, c->sent), ZTJ_OK);
	}
}

static void test_A01_changed_while_the_scribe_was_away(void **state)
{
	struct srec c, again;

	(void)state;
	srig_link(R, false);
	open_with_chunks(&c, 8);
	(void)srig_pump(R, 200, NULL, NULL);
	assert_true(srig_copy(R, c.session)->signed_chain.chunks > 2);
	srig_kill(R);
	flip(c.session, "rec", 100);
	srig_start(R);
	assert_int_equal(srec_resume(R, &again, &c), ZTJ_NOT_FOUND);
	wait_set_aside(&c);
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	srec_close(&again);
	srec_close(&c);
}

static void test_A01_cut_below_what_was_signed(void **state)
{
	struct srec c;
	char path[512];

	(void)state;
	open_with_chunks(&c, 8);
	(void)srig_pump(R, 200, NULL, NULL);
	srig_kill(R);
	path_of(c.session, "rec", path);
	assert_int_equal(truncate(path, 700), 0);
	srig_start(R);
	wait_set_aside(&c);
	srec_close(&c);
}

static void test_A01_changed_while_it_waits(void **state)
{
	struct srec c;

	(void)state;
	srig_link(R, false);
	open_with_chunks(&c, 8);
	flip(c.session, "rec", 100);
	srig_link(R, true);
	/* it is read before it is shipped: the session ends, nothing false leaves */
	assert_true(srec_wait_closed(R, &c));
	assert_int_equal(c.code, ZTJ_CHAIN);
	wait_set_aside(&c);
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(srig_copy(R, c.session)->gone, 1);
	srec_close(&c);
}

static void test_A01_a_closed_record_changed(void **state)
{
	struct srec c;

	(void)state;
	srig_link(R, false);
	open_with_chunks(&c, 8);
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_kill(R);
	flip(c.session, "rec", 400);
	R->up = true;
	srig_start(R);
	wait_set_aside(&c);
	srec_close(&c);
}

static void test_files_that_make_no_sense(void **state)
{
	static const char *const kinds[] = { "meta", "pos" };
	struct srec c;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_with_chunks(&c, 4);
		srig_kill(R);
		flip(c.session, kinds[i], 5);
		flip(c.session, kinds[i], 130);
		srig_start(R);
		if (i == 0) {
			wait_set_aside(&c);
		} else {
			/* Where the recorder stood is not known: no more than what is there. */
			srig_shipped(R, c.session);
			assert_int_equal(srig_copy(R, c.session)->head_state, ZTJ_RECORD_LOST);
		}
		srec_close(&c);
	}
	/* what nobody began, and names that are none */
	char path[512];
	static const uint8_t session[ZTJ_REC_SESSION_LEN] = { 1 };
	path_of(session, "rec", path);
	srig_kill(R);
	(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)snprintf(path, sizeof(path), "%s/something else", R->conf.records);
	(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	srig_start(R);
	(void)srig_pump(R, 100, NULL, NULL);
	assert_int_equal(access(path, F_OK), 0);
	path_of(session, "rec", path);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- a crowd ---- */

static void test_two_hundred_sessions(void **state)
{
	static struct srec c[200];

	(void)state;
	srig_end(R);
	R->env.silent_ms = 60000;
	srig_start(R);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(srec_open(R, &c[i], true), ZTJ_OK);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 200; i++) {
			char line[64];
			(void)snprintf(line, sizeof(line), "session %zu round %d\n", i, round);
			srec_print(&c[i], (uint64_t)round, line);
		}
		for (size_t i = 0; i < 200; i++)
			assert_int_equal(srec_wait(R, &c[i], c[i].sent), ZTJ_OK);
	}
	for (size_t i = 0; i < 200; i++)
		srec_end(&c[i], (uint32_t)i);
	for (size_t i = 0; i < 200; i++) {
		assert_true(srec_wait_closed(R, &c[i]));
		srec_close(&c[i]);
	}
	for (size_t i = 0; i < 200; i++) {
		char line[128];
		srig_shipped(R, c[i].session);
		(void)snprintf(line, sizeof(line), "{\"exit\":%zu}", i);
		same(srig_copy(R, c[i].session), 'q', line);
		(void)snprintf(line, sizeof(line),
		    "session %zu round 0\nsession %zu round 1\nsession %zu round 2\nsession %zu round 3\n", i,
		    i, i, i);
		same(srig_copy(R, c[i].session), 'o', line);
	}
	assert_true(srig_spool_empty(R));
	assert_in_range(R->most_ships, 1, ZTJ_SHIPS);
}

static void test_a_large_event_of_everything(void **state)
{
	static uint8_t all[ZTJ_REC_EVENT_MAX];
	struct ztj_buf got;
	struct srec c;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i % 256);
	assert_int_equal(srec_open(R, &c, true), ZTJ_OK);
	for (int i = 0; i < 4; i++)
		srec_event(&c, 0, 'o', all, sizeof(all));
	srec_end(&c, 0);
	assert_true(srec_wait_closed(R, &c));
	srig_shipped(R, c.session);
	ztj_buf_init(&got, SRIG_COPY_MAX);
	(void)srig_bytes(srig_copy(R, c.session), 'o', &got);
	assert_int_equal(got.n, 4 * sizeof(all));
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(got.p + i * sizeof(all), all, sizeof(all));
	ztj_buf_free(&got);
	srec_close(&c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D01_killed_at_every_call),
		cmocka_unit_test(test_D01_closed_while_it_is_signed_open),
		cmocka_unit_test(test_D01_killed_in_half_a_write),
		T(test_G06_power_failure),
		T(test_a_restart_that_nobody_comes_back_to),
		T(test_a_restart_after_which_the_gate_says_no),
		T(test_D02_the_disk_is_full),
		T(test_D02_io_errors),
		T(test_D02_the_spool_is_full),
		T(test_D02_more_than_the_spool_holds),
		T(test_D02_one_break_glass_session),
		T(test_D02_break_glass_among_too_many),
		T(test_A01_changed_while_the_scribe_was_away),
		T(test_A01_cut_below_what_was_signed),
		T(test_A01_changed_while_it_waits),
		T(test_A01_a_closed_record_changed),
		T(test_files_that_make_no_sense),
		T(test_two_hundred_sessions),
		T(test_a_large_event_of_everything),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
