/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A daemon that is not there, hangs, talks nonsense, is slow, dies and comes back, or takes nothing.
 */
#include <openssl/evp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/rec/run.h"
#include "tests/rec/scribe.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_P04_no_daemon_no_session(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "echo ran", NULL };
	int64_t before = now_ms();
	struct run r;
	uint8_t *p;
	size_t n;

	(void)state;
	run_pipes(&r, "/nonexistent/rec.sock", argv, false);
	p = run_read(r.out, &n, 5);
	assert_int_equal(n, 0);
	free(p);
	p = run_read(r.err, &n, 5);
	assert_non_null(strstr((char *)p, "could not reach the service"));
	assert_non_null(strstr((char *)p, "nothing was run"));
	free(p);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 5)), 1);
	assert_in_range(now_ms() - before, 0, 8000);
	run_close(&r);
}

/* Each in a process of its own at the same time: the waits are long. */
static void test_P13_every_way_not_to_answer(void **state)
{
	static const struct scribe_conf bad[] = { { .hang = SCRIBE_AT_HELLO }, { .hang = SCRIBE_AT_CHILD },
		{ .garbage = SCRIBE_AT_HELLO }, { .garbage = SCRIBE_AT_CHILD }, { .shut = SCRIBE_AT_HELLO },
		{ .shut = SCRIBE_AT_CHILD }, { .drip = true }, { .start_code = 8 },
		{ .go_code = 3, .text = "no cgroup" }, { .window = 1 }, { .shell = "bash" },
		{ .flags = 0x80 } };
	enum { N = sizeof bad / sizeof bad[0] };
	static struct scribe s[N];
	struct run r[N];
	int64_t before = now_ms();

	(void)state;
	for (int i = 0; i < N; i++) {
		static const char *const argv[] = { "ztjit-rec", "-c", "echo ran", NULL };
		scribe_start(&s[i], &bad[i]);
		run_pipes(&r[i], s[i].path, argv, false);
	}
	for (int i = 0; i < N; i++) {
		size_t n;
		uint8_t *p = run_read(r[i].out, &n, 20);
		int status;
		assert_int_equal(n, 0);
		free(p);
		p = run_read(r[i].err, &n, 20);
		status = run_wait(&r[i], 20);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
		    strstr((char *)p, "nothing was run") == NULL)
			fail_msg("case %d: status %x, said: %s", i, (unsigned)status, (char *)p);
		if (bad[i].text != NULL)
			assert_non_null(strstr((char *)p, bad[i].text));
		free(p);
		run_close(&r[i]);
	}
	assert_in_range(now_ms() - before, 0, 30000);
	for (int i = 0; i < N; i++) {
		scribe_stop(&s[i]);
		scribe_free(&s[i]);
	}
}

/* Lines through a terminal, with a daemon that dies once; the record and the screen are the same in the end. */
/* The scribe dies while the end is on its way to it, or before it could say that it has it: in neither case is it missing. */
static void ends_over_a_restart(bool lose_end)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "echo all of it; exit 7", NULL };
	struct scribe_conf conf = { .lose_end = lose_end, .lose_answer = !lose_end };
	struct scribe s;
	struct run r;
	size_t n;

	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	free(run_read(r.fd, &n, 40));
	assert_int_equal(WEXITSTATUS(run_wait(&r, 20)), 7);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(s.hellos, 2);
	assert_true(s.ended && !s.broken && s.status == 7);
	scribe_free(&s);
}

static void test_R02_killed_before_it_has_the_end(void **state)
{
	(void)state;
	ends_over_a_restart(true);
}

static void test_R02_killed_before_it_says_that_it_has_the_end(void **state)
{
	(void)state;
	ends_over_a_restart(false);
}

static void restarted(bool forgetful, unsigned dead_ms, uint64_t die_at)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; sleep 0.005; done; exit 6", NULL };
	struct scribe_conf conf = { .take_bytes = 200,
		.die_at = die_at,
		.dead_ms = dead_ms,
		.forgetful = forgetful };
	struct scribe s;
	struct run r;
	uint8_t *seen, *got;
	size_t n, have;

	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	seen = run_read(r.fd, &n, 40);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 20)), 6);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(s.hellos, 2);
	assert_int_equal(s.children, 1);
	assert_true(s.ended && !s.broken && s.status == 6);
	got = scribe_content(&s, 'o', &have);
	assert_int_equal(have, n);
	assert_memory_equal(got, seen, n);
	for (size_t i = 1; i < s.n_events; i++)
		assert_true(s.events[i].us >= s.events[i - 1].us);
	free(got);
	free(seen);
	scribe_free(&s);
}

static void test_daemon_restarted_nothing_lost_nothing_twice(void **state)
{
	(void)state;
	restarted(false, 300, 5);
	restarted(true, 1500, 40);
	restarted(false, 3000, 100);
	restarted(true, 0, 3);
}

/* The same with megabytes in flight. */
static void test_daemon_restarted_in_a_flood(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "stty raw -echo; cat \"$FLOOD\"", NULL };
	struct scribe_conf conf = { .take_bytes = 65536, .die_at = 100, .dead_ms = 1000 };
	const size_t size = 8u << 20;
	char file[64];
	struct scribe s;
	struct run r;
	uint8_t *seen, *got;
	size_t n, have;

	(void)state;
	run_random_file(file, sizeof file, size);
	assert_int_equal(setenv("FLOOD", file, 1), 0);
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	seen = run_read(r.fd, &n, 60);
	assert_int_equal(run_wait(&r, 20), 0);
	run_close(&r);
	scribe_stop(&s);
	(void)unlink(file);
	assert_int_equal(s.hellos, 2);
	assert_int_equal(n, size);
	got = scribe_content(&s, 'o', &have);
	assert_int_equal(have, n);
	assert_memory_equal(got, seen, n);
	free(got);
	free(seen);
	scribe_free(&s);
}

/* What must end a session that runs: the status is not 0, the reason is said, the child is gone. */
static void ends(const struct scribe_conf *conf, const char *script, const char *why, int at_most_ms,
    bool leave)
{
	const char *argv[] = { "ztjit-rec", "-c", script, NULL };
	struct scribe s;
	struct run r;
	uint8_t *p;
	size_t n;
	int64_t before;
	pid_t child;
	char text[64] = "";

	scribe_start(&s, conf);
	run_pipes(&r, s.path, argv, false);
	while (strchr(text, '\n') == NULL)
		assert_int_equal(read(r.out, text + strlen(text), 1), 1);
	child = (pid_t)strtol(text, NULL, 10);
	before = now_ms();
	if (leave)
		scribe_stop(&s);
	p = run_read(r.out, &n, 40);
	free(p);
	p = run_read(r.err, &n, 40);
	if (strstr((char *)p, why) == NULL)
		fail_msg("expected \"%s\", it said: %s", why, (char *)p);
	free(p);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 20)), 1);
	assert_in_range(now_ms() - before, 0, at_most_ms);
	/* P3: it was killed, and is gone within two seconds */
	for (int i = 0; i < 200 && run_alive(child); i++)
		(void)usleep(10000);
	assert_false(run_alive(child));
	run_close(&r);
	if (!leave)
		scribe_stop(&s);
	scribe_free(&s);
}

#define STUBBORN "echo $$; trap '' HUP TERM; while :; do sleep 0.1; done"
#define TALKS "echo $$; trap '' HUP; while :; do echo more; sleep 0.05; done"

static void test_R02_daemon_gone_for_good(void **state)
{
	struct scribe_conf conf = { .flags = 0 };

	(void)state;
	ends(&conf, STUBBORN, "did not come back in time", 20000, true);
}

static void test_R02_daemon_says_the_record_cannot_go_on(void **state)
{
	struct scribe_conf full = { .flags = ZTJ_REC_FLAG_PIPES, .refuse_at = 10 };
	struct scribe_conf other = { .flags = ZTJ_REC_FLAG_PIPES,
		.die_at = 10,
		.refuse_resume = true,
		.text = "not yours" };

	(void)state;
	ends(&full, TALKS, "storage is full", 9500, false);
	ends(&other, TALKS, "not yours", 9500, false);
}

static void test_R02_daemon_that_talks_nonsense(void **state)
{
	struct scribe_conf conf = { .flags = ZTJ_REC_FLAG_PIPES, .garbage = SCRIBE_AT_EVENTS };

	(void)state;
	ends(&conf, TALKS, "larger than its limit", 9500, false);
}

static void test_R02_window_full_stops_and_then_ends_the_session(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "stty raw -echo; exec yes", NULL };
	struct scribe_conf conf = { .deaf = true };
	struct scribe s;
	struct run r;
	uint8_t *seen;
	size_t n;
	int64_t before = now_ms();

	(void)state;
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	seen = run_read(r.fd, &n, 40);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 5)), 1);
	assert_in_range(now_ms() - before, 9000, 25000);
	run_close(&r);
	scribe_stop(&s);
	assert_in_range(n, ZTJ_REC_WINDOW / 2, ZTJ_REC_WINDOW + 4096);
	assert_in_range(s.n_data, ZTJ_REC_WINDOW / 2, ZTJ_REC_WINDOW);
	assert_non_null(memmem(seen, n, "takes nothing any more", 22));
	assert_false(s.ended);
	free(seen);
	scribe_free(&s);
}

static void test_window_full_for_a_while_is_only_a_pause(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "stty raw -echo; head -c 3000000 /dev/zero",
		NULL };
	static const uint32_t windows[] = { ZTJ_REC_WINDOW, 4096, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
		struct scribe_conf conf = { .window = windows[i] };
		struct scribe s;
		struct run r;
		uint8_t *seen, *got;
		size_t n, have;
		scribe_start(&s, &conf);
		scribe_set_deaf(&s, true);
		run_terminal(&r, s.path, argv, NULL);
		(void)usleep(1500000);
		scribe_set_deaf(&s, false);
		seen = run_read(r.fd, &n, 60);
		assert_true(run_wait(&r, 20) != -1);
		run_close(&r);
		scribe_stop(&s);
		got = scribe_content(&s, 'o', &have);
		assert_int_equal(have, n);
		assert_memory_equal(got, seen, n);
		assert_int_equal(n, 3000000);
		free(got);
		free(seen);
		scribe_free(&s);
	}
}

static void test_slow_daemon_slows_the_session_only(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "stty raw -echo; head -c 2000000 /dev/zero",
		NULL };
	struct scribe_conf conf = { .slow_us = 20000 };
	struct scribe s;
	struct run r;
	uint8_t *seen;
	size_t n, have;

	(void)state;
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	seen = run_read(r.fd, &n, 60);
	assert_int_equal(run_wait(&r, 20), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(n, 2000000);
	free(scribe_content(&s, 'o', &have));
	assert_int_equal(have, n);
	free(seen);
	scribe_free(&s);
}

/* Stopped for a while, as by a debugger, with input waiting: it goes on where it was. */
static void test_a_short_stop_loses_nothing(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"stty raw -echo; head -c 2000000 /dev/zero; exit 3", NULL };
	struct scribe_conf conf = { .take_bytes = 65536 };
	struct scribe s;
	struct run r;
	uint8_t *seen;
	size_t n, have;

	(void)state;
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	(void)usleep(50000);
	(void)kill(r.pid, SIGSTOP);
	(void)usleep(500000);
	(void)kill(r.pid, SIGCONT);
	seen = run_read(r.fd, &n, 60);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 20)), 3);
	run_close(&r);
	scribe_stop(&s);
	free(scribe_content(&s, 'o', &have));
	assert_int_equal(have, n);
	assert_int_equal(n, 2000000);
	free(seen);
	scribe_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R02_killed_before_it_has_the_end),
		cmocka_unit_test(test_R02_killed_before_it_says_that_it_has_the_end),
		cmocka_unit_test(test_P04_no_daemon_no_session),
		cmocka_unit_test(test_P13_every_way_not_to_answer),
		cmocka_unit_test(test_daemon_restarted_nothing_lost_nothing_twice),
		cmocka_unit_test(test_daemon_restarted_in_a_flood),
		cmocka_unit_test(test_R02_daemon_gone_for_good),
		cmocka_unit_test(test_R02_daemon_says_the_record_cannot_go_on),
		cmocka_unit_test(test_R02_daemon_that_talks_nonsense),
		cmocka_unit_test(test_R02_window_full_stops_and_then_ends_the_session),
		cmocka_unit_test(test_window_full_for_a_while_is_only_a_pause),
		cmocka_unit_test(test_slow_daemon_slows_the_session_only),
		cmocka_unit_test(test_a_short_stop_loses_nothing),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
