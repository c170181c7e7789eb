/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The recorder's pure parts: messages, the journal of what was not taken, the environment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libztjit/sys/ipc.h"
#include "sshd-helpers/rec_env.h"
#include "sshd-helpers/rec_journal.h"
#include "sshd-helpers/rec_msg.h"

/* ---- messages ---- */

static void start_body(struct ztj_buf *b, const char *shell, uint32_t window, uint8_t flags, uint8_t name)
{
	uint8_t session[ZTJ_REC_SESSION_LEN];

	memset(session, name, sizeof session);
	ztj_buf_reset(b);
	ztj_buf_put_u32(b, 0);
	ztj_buf_put_cstring(b, "");
	ztj_buf_put(b, session, sizeof session);
	ztj_buf_put_u8(b, flags);
	ztj_buf_put_u32(b, window);
	ztj_buf_put_cstring(b, shell);
	assert_int_equal(ztj_buf_status(b), ZTJ_OK);
}

static int read_start(const struct ztj_buf *b)
{
	static struct ztj_rec_start start;

	return ztj_rec_get_start(ztj_buf_view(b), &start);
}

static void test_start_is_what_it_must_be(void **state)
{
	char longest[ZTJ_REC_SHELL_MAX + 1];
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 65536);
	start_body(&b, "/bin/sh", ZTJ_REC_WINDOW, 3, 1);
	assert_int_equal(read_start(&b), ZTJ_OK);
	for (size_t n = 0; n < b.n; n++) {
		static struct ztj_rec_start start;
		assert_int_not_equal(ztj_rec_get_start(ztj_view_of(b.p, n), &start), ZTJ_OK);
	}
	ztj_buf_put_u8(&b, 0);
	assert_int_equal(read_start(&b), ZTJ_TRAILING);
	start_body(&b, "bin/sh", ZTJ_REC_WINDOW, 0, 1);
	assert_int_equal(read_start(&b), ZTJ_PROTOCOL);
	start_body(&b, "", ZTJ_REC_WINDOW, 0, 1);
	assert_int_equal(read_start(&b), ZTJ_PROTOCOL);
	start_body(&b, "/bin/sh", ZTJ_REC_WINDOW_MIN - 1, 0, 1);
	assert_int_equal(read_start(&b), ZTJ_PROTOCOL);
	start_body(&b, "/bin/sh", ZTJ_REC_WINDOW, 8, 1);
	assert_int_equal(read_start(&b), ZTJ_PROTOCOL);
	start_body(&b, "/bin/sh", ZTJ_REC_WINDOW, 0, 0);
	assert_int_equal(read_start(&b), ZTJ_PROTOCOL);
	memset(longest, '/', sizeof longest);
	longest[ZTJ_REC_SHELL_MAX] = '\0';
	start_body(&b, longest, ZTJ_REC_WINDOW, 0, 1);
	assert_int_not_equal(read_start(&b), ZTJ_OK);
	ztj_buf_free(&b);
}

static void test_A03_words_of_the_daemon_are_shown_safely(void **state)
{
	char text[ZTJ_REC_TEXT_MAX];
	uint32_t code;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 65536);
	ztj_buf_put_u32(&b, 9);
	ztj_buf_put_cstring(&b,
	    "a\033]0;x\a\r\nb\xc2\x9b"
	    "c\x7f");
	assert_int_equal(ztj_rec_get_go(ztj_buf_view(&b), &code, text), ZTJ_OK);
	assert_int_equal(code, 9);
	assert_string_equal(text, "a?]0;x???b??c?");
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(ztj_rec_get_go(ztj_view_of(b.p, n), &code, text), ZTJ_TRUNCATED);
	ztj_buf_reset(&b);
	ztj_buf_put_u32(&b, 9);
	char *long_text = calloc(1, 5001);
	memset(long_text, 'x', 5000);
	ztj_buf_put_cstring(&b, long_text);
	assert_int_equal(ztj_rec_get_go(ztj_buf_view(&b), &code, text), ZTJ_OK);
	assert_int_equal(strlen(text), ZTJ_REC_TEXT_MAX - 1);
	free(long_text);
	ztj_buf_free(&b);
}

static void test_taken_truncated_at_every_length(void **state)
{
	uint64_t events;
	uint32_t code;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 64);
	ztj_buf_put_u64(&b, 7);
	ztj_buf_put_u32(&b, 1);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(ztj_rec_get_taken(ztj_view_of(b.p, n), &events, &code), ZTJ_TRUNCATED);
	assert_int_equal(ztj_rec_get_taken(ztj_buf_view(&b), &events, &code), ZTJ_OK);
	assert_int_equal(events, 7);
	assert_int_equal(code, 1);
	ztj_buf_put_u8(&b, 0);
	assert_int_equal(ztj_rec_get_taken(ztj_buf_view(&b), &events, &code), ZTJ_TRAILING);
	ztj_buf_free(&b);
}

/* ---- journal ---- */

static struct ztj_journal *journal(size_t window)
{
	struct ztj_journal *j = calloc(1, sizeof *j);

	assert_non_null(j);
	ztj_journal_init(j, window);
	return j;
}

static struct ztj_view bytes(size_t n)
{
	static uint8_t some[ZTJ_REC_EVENT_MAX];

	for (size_t i = 0; i < sizeof some && some[1] == 0; i++)
		some[i] = (uint8_t)(i * 31 + (i >> 8));
	return ztj_view_of(some, n);
}

/* Sends up to n bytes; counts whole events and their content. */
static size_t send_bytes(struct ztj_journal *j, size_t n, struct ztj_buf *wire)
{
	struct iovec piece[2];
	int pieces = ztj_journal_unsent(j, piece);
	size_t sent = 0;

	for (int i = 0; i < pieces && sent < n; i++) {
		size_t part = piece[i].iov_len < n - sent ? piece[i].iov_len : n - sent;
		ztj_buf_put(wire, piece[i].iov_base, part);
		sent += part;
	}
	assert_int_equal(ztj_buf_status(wire), ZTJ_OK);
	ztj_journal_sent(j, sent);
	return sent;
}

static size_t events_in(const struct ztj_buf *wire)
{
	struct ztj_rd rd;
	struct ztj_view v;
	size_t n = 0;

	ztj_rd_init(&rd, ztj_buf_view(wire));
	while (ztj_rd_string(&rd, ZTJ_IPC_MAX, &v) == ZTJ_OK)
		n++;
	assert_int_equal(ztj_rd_end(&rd), ZTJ_OK);
	return n;
}

static void test_window_bounds_what_is_under_way(void **state)
{
	struct ztj_journal *j = journal(8192);
	uint64_t us = 0;
	size_t total = 0;

	(void)state;
	while (ztj_journal_room(j) >= 1000) {
		assert_int_equal(ztj_journal_event(j, us += 20000, 'o', bytes(1000)), ZTJ_OK);
		total += 1000 + ZTJ_REC_EVENT_HEAD;
	}
	assert_true(total <= 8192 && ztj_journal_full(j));
	assert_int_equal(ztj_journal_event(j, us, 'o', bytes(1000)), ZTJ_LIMIT);
	assert_int_equal(ztj_journal_message(j, bytes(131)), ZTJ_OK); /* the end always fits */
	free(j);
	j = journal(SIZE_MAX);
	assert_int_equal(ztj_journal_room(j), ZTJ_REC_EVENT_MAX);
	assert_int_equal(j->window, ZTJ_REC_WINDOW);
	free(j);
}

static void test_events_join_only_while_unsent_and_fresh(void **state)
{
	struct ztj_journal *j = journal(ZTJ_REC_WINDOW);
	struct ztj_buf wire;

	(void)state;
	ztj_buf_init(&wire, 1 << 20);
	assert_int_equal(ztj_journal_event(j, 100, 'o', bytes(10)), ZTJ_OK);
	assert_int_equal(ztj_journal_event(j, 200, 'o', bytes(10)), ZTJ_OK);
	assert_int_equal(j->events, 1);
	assert_int_equal(ztj_journal_event(j, 20000, 'o', bytes(10)), ZTJ_OK); /* too late */
	assert_int_equal(j->events, 2);
	assert_int_equal(ztj_journal_event(j, 20001, 'i', bytes(1)), ZTJ_OK); /* another code */
	assert_int_equal(ztj_journal_event(j, 20002, 'r', bytes(5)), ZTJ_OK);
	assert_int_equal(ztj_journal_event(j, 20002, 'r', bytes(5)), ZTJ_OK); /* sizes never */
	assert_int_equal(j->events, 5);
	assert_int_equal(ztj_journal_event(j, 20003, 'o', bytes(60000)), ZTJ_OK);
	assert_int_equal(ztj_journal_event(j, 20004, 'o', bytes(6000)), ZTJ_OK); /* would be too large */
	assert_int_equal(j->events, 7);
	(void)send_bytes(j, ztj_journal_unsent_bytes(j) - 1, &wire); /* all but a byte of the newest */
	assert_int_equal(ztj_journal_event(j, 20005, 'o', bytes(1)), ZTJ_OK);
	assert_int_equal(j->events, 8);
	(void)send_bytes(j, SIZE_MAX, &wire);
	assert_int_equal(events_in(&wire), 8);
	assert_int_equal(ztj_journal_taken(j, 8), ZTJ_OK);
	assert_true(ztj_journal_empty(j) && j->head == 0);
	ztj_buf_free(&wire);
	free(j);
}

static void test_resume_sends_again_what_was_not_taken(void **state)
{
	struct ztj_journal *j = journal(ZTJ_REC_WINDOW);
	struct ztj_buf wire;

	(void)state;
	ztj_buf_init(&wire, 1 << 20);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(ztj_journal_event(j, i * 20000, 'o', bytes(100)), ZTJ_OK);
	assert_int_equal(ztj_journal_taken(j, 1), ZTJ_PROTOCOL); /* nothing was sent */
	(void)send_bytes(j, 5 * (100 + ZTJ_REC_EVENT_HEAD) + 7, &wire);
	assert_false(ztj_journal_between(j));
	assert_int_equal(ztj_journal_taken(j, 6), ZTJ_PROTOCOL);
	assert_int_equal(ztj_journal_taken(j, 3), ZTJ_OK);
	assert_int_equal(ztj_journal_taken(j, 2), ZTJ_PROTOCOL);
	ztj_journal_rewind(j);
	assert_true(ztj_journal_between(j));
	assert_int_equal(j->taken, 3);
	assert_int_equal(j->handed, 3);
	assert_int_equal(ztj_journal_event(j, 180001, 'o', bytes(1)),
	    ZTJ_OK); /* joins nothing that may be there already */
	assert_int_equal(j->events, 11);
	/* The daemon had five: it says so while the fourth comes again. */
	ztj_buf_reset(&wire);
	(void)send_bytes(j, 10, &wire);
	assert_int_equal(ztj_journal_taken(j, 5), ZTJ_OK);
	(void)send_bytes(j, SIZE_MAX, &wire);
	assert_int_equal(events_in(&wire), 8);
	assert_int_equal(j->taken, 5);
	/* It goes once more, having had six. */
	ztj_journal_rewind(j);
	assert_int_equal(j->taken, 5);
	assert_int_equal(ztj_journal_taken(j, 6), ZTJ_OK);
	ztj_journal_rewind(j);
	assert_int_equal(j->taken, 6);
	ztj_buf_reset(&wire);
	(void)send_bytes(j, SIZE_MAX, &wire);
	assert_int_equal(events_in(&wire), 5);
	assert_int_equal(ztj_journal_taken(j, 11), ZTJ_OK);
	assert_true(ztj_journal_empty(j));
	ztj_buf_free(&wire);
	free(j);
}

/* Far more than the ring holds, in uneven pieces: every byte comes out once, in order. */
static void test_ring_wraps_without_loss(void **state)
{
	struct ztj_journal *j = journal(ZTJ_REC_WINDOW);
	uint8_t next_in = 0, next_out = 0, piece[5000];
	struct ztj_buf wire;
	uint64_t us = 0;
	struct ztj_rd rd;

	(void)state;
	ztj_buf_init(&wire, 64u << 20);
	for (unsigned round = 0; wire.n < (16u << 20); round++) {
		size_t n = 1 + round * 7919 % sizeof piece;
		if (ztj_journal_room(j) >= n) {
			for (size_t i = 0; i < n; i++)
				piece[i] = next_in++;
			assert_int_equal(ztj_journal_event(j, us += 20000, 'o', ztj_view_of(piece, n)),
			    ZTJ_OK);
		}
		if (round % 3 != 0)
			(void)send_bytes(j, 1 + round * 104729 % 9000, &wire);
		if (round % 5 == 0)
			assert_int_equal(ztj_journal_taken(j, j->handed), ZTJ_OK);
	}
	(void)send_bytes(j, SIZE_MAX, &wire);
	ztj_rd_init(&rd, ztj_buf_view(&wire));
	while (rd.left.n > 0) {
		struct ztj_view m, v;
		struct ztj_rd in;
		assert_int_equal(ztj_rd_string(&rd, ZTJ_IPC_MAX, &m), ZTJ_OK);
		ztj_rd_init(&in, ztj_view_of(m.p + 11, m.n - 11));
		assert_int_equal(ztj_rd_string(&in, ZTJ_REC_EVENT_MAX, &v), ZTJ_OK);
		for (size_t i = 0; i < v.n; i++)
			if (v.p[i] != next_out++)
				fail();
	}
	assert_int_equal(next_out, next_in);
	ztj_buf_free(&wire);
	free(j);
}

/* ---- environment ---- */

static void test_R04_what_is_left_out(void **state)
{
	static const char *const bad[] = { "LD_PRELOAD=/x", "LD_=", "GCONV_PATH=/x", "BASH_ENV=/x", "ENV=x",
		"SHELLOPTS=x", "BASHOPTS=x", "IFS=x", "PS4=$(id)", "PROMPT_COMMAND=id", "PERL5LIB=/x",
		"PYTHONSTARTUP=/x", "MALLOC_CHECK_=3", "NLSPATH=/x", "LOCPATH=/x", "TERMINFO=/x",
		"TERMINFO_DIRS=/x", "BASH_FUNC_ls%%=() { id; }", "ls=() { id; }", "SHELL=/x", "SSH_TTY=/x",
		"SSH_ORIGINAL_COMMAND=x", "=x", "", "nothing", "GLIBC_TUNABLES=x", "OPENSSL_CONF=/x",
		"PERLIO=x" };
	static const char *const good[] = { "PATH=/bin", "HOME=/", "TERM=xterm", "LANG=C", "LC_ALL=C",
		"TZ=UTC", "USER=x", "LOGNAME=x", "SSH_CONNECTION=x", "SSH_CLIENT=x", "SSH_AUTH_SOCK=/x",
		"LDX=1", "ENVIRONMENT=x", "XLD_PRELOAD=1", "PS1=x", "IFS2=x", "DISPLAY=x" };
	char *env[] = { (char[]){ "A=1" }, (char[]){ "LD_AUDIT=2" }, (char[]){ "B=3" }, NULL };
	char shell[] = "SHELL=/bin/sh", tty[] = "SSH_TTY=/dev/pts/9", **made;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (!ztj_rec_env_unsafe(bad[i]))
			fail_msg("%s is let through", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (ztj_rec_env_unsafe(good[i]))
			fail_msg("%s is left out", good[i]);
	made = ztj_rec_env_make(env, shell, tty);
	assert_string_equal(made[0], "A=1");
	assert_string_equal(made[1], "B=3");
	assert_string_equal(made[2], shell);
	assert_string_equal(made[3], tty);
	assert_null(made[4]);
	free(made);
	made = ztj_rec_env_make(env, shell, NULL);
	assert_null(made[3]);
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_is_what_it_must_be),
		cmocka_unit_test(test_A03_words_of_the_daemon_are_shown_safely),
		cmocka_unit_test(test_taken_truncated_at_every_length),
		cmocka_unit_test(test_window_bounds_what_is_under_way),
		cmocka_unit_test(test_events_join_only_while_unsent_and_fresh),
		cmocka_unit_test(test_resume_sends_again_what_was_not_taken),
		cmocka_unit_test(test_ring_wraps_without_loss),
		cmocka_unit_test(test_R04_what_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
