/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Terminal mode: exact bytes, sizes, statuses, signals, the terminal as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/rec/run.h"
#include "tests/rec/scribe.h"

static const struct scribe_conf good = { .take_bytes = 65536 };
/* What a shell of the system's asks with, whatever else stands before it. */
static const char *prompt(void)
{
	return geteuid() == 0 ? "# " : "$ ";
}

/* Runs `sh -c script` on a terminal to its end; what was seen is returned. */
static uint8_t *session(struct scribe *s, const struct scribe_conf *conf, const char *script, int *status,
    size_t *n)
{
	const char *argv[] = { "ztjit-rec", "-c", script, NULL };
	struct run r;
	uint8_t *seen;

	scribe_start(s, conf);
	run_terminal(&r, s->path, argv, NULL);
	seen = run_read(r.fd, n, 120);
	*status = run_wait(&r, 10);
	run_close(&r);
	scribe_stop(s);
	return seen;
}

static void same(const struct scribe *s, uint8_t code, const uint8_t *p, size_t n)
{
	size_t have;
	uint8_t *got = scribe_content(s, code, &have);

	assert_int_equal(have, n);
	assert_memory_equal(got, p, n);
	free(got);
}

static void test_command_is_run_and_recorded(void **state)
{
	struct scribe s;
	size_t n;
	int status;
	uint8_t *seen = session(&s, &good, "printf 'no newline'; tty; echo $0", &status, &n);

	(void)state;
	assert_int_equal(status, 0);
	assert_true(s.terminal && s.ended && !s.killed && !s.broken);
	assert_int_equal(s.status, 0);
	assert_int_equal(s.cols, 80);
	assert_int_equal(s.rows, 24);
	assert_string_equal(s.command, "printf 'no newline'; tty; echo $0");
	assert_int_equal(s.children, 1);
	assert_int_equal(strncmp(s.tty, "/dev/pts/", 9), 0);
	assert_non_null(strstr((char *)seen, "no newline"));
	assert_non_null(strstr((char *)seen, s.tty)); /* the private one */
	assert_non_null(strstr((char *)seen, "sh\r\n"));
	same(&s, 'o', seen, n);
	free(seen);
	scribe_free(&s);
}

static void test_login_shell_and_words(void **state)
{
	static const char *const login[] = { "-ztjit-rec", NULL };
	static const char *const words[] = { "ztjit-rec", "--", "printf", "%s-%s", "it's", "b c", NULL };
	struct scribe s;
	struct run r;
	uint8_t *seen;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, login, NULL);
	assert_true(run_expect(r.fd, prompt(), 10));
	run_write(r.fd, "echo \"name=$0\"; exit 7\n", 23);
	seen = run_read(r.fd, &n, 20);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 10)), 7);
	run_close(&r);
	scribe_stop(&s);
	assert_non_null(strstr((char *)seen, "name=-sh"));
	assert_string_equal(s.command, "");
	assert_int_equal(s.status, 7);
	free(seen);
	scribe_free(&s);

	scribe_start(&s, &good);
	run_terminal(&r, s.path, words, NULL);
	seen = run_read(r.fd, &n, 20);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_string_equal((char *)seen, "it's-b c");
	assert_string_equal(s.command, "printf %s-%s 'it'\\''s' 'b c'");
	free(seen);
	scribe_free(&s);
}

static void test_forced_command(void **state)
{
	static const char *const argv[] = { "ztjit-rec", NULL };
	struct scribe s;
	struct run r;
	uint8_t *seen;
	size_t n;

	(void)state;
	assert_int_equal(setenv("SSH_ORIGINAL_COMMAND", "echo forced $SSH_ORIGINAL_COMMAND.", 1), 0);
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL);
	seen = run_read(r.fd, &n, 20);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(unsetenv("SSH_ORIGINAL_COMMAND"), 0);
	assert_string_equal((char *)seen, "forced .\r\n");
	assert_string_equal(s.command, "echo forced $SSH_ORIGINAL_COMMAND.");
	free(seen);
	scribe_free(&s);
}

static void test_exit_statuses(void **state)
{
	static const struct {
		const char *script;
		bool killed;
		unsigned status;
	} cases[] = { { "exit 0", false, 0 }, { "exit 1", false, 1 }, { "exit 42", false, 42 },
		{ "exit 255", false, 255 }, { "kill -TERM $$", true, SIGTERM },
		{ "kill -KILL $$", true, SIGKILL }, { "kill -SEGV $$", true, SIGSEGV },
		{ "kill -HUP $$", true, SIGHUP }, { "exec /nonexistent", false, 127 },
		{ "kill -PIPE $$", true, SIGPIPE } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scribe s;
		size_t n;
		int status;
		free(session(&s, &good, cases[i].script, &status, &n));
		assert_int_equal(s.killed, cases[i].killed);
		assert_int_equal(s.status, cases[i].status);
		if (cases[i].killed)
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == (int)cases[i].status &&
			    !WCOREDUMP(status));
		else
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (int)cases[i].status);
		scribe_free(&s);
	}
}

static void test_shell_that_is_not_there(void **state)
{
	struct scribe_conf conf = good;
	struct scribe s;
	size_t n;
	int status;
	uint8_t *seen;

	(void)state;
	conf.shell = "/nonexistent/sh";
	seen = session(&s, &conf, "echo no", &status, &n);
	assert_int_equal(WEXITSTATUS(status), 127);
	assert_non_null(strstr((char *)seen, "/nonexistent/sh"));
	same(&s, 'o', seen, n);
	free(seen);
	scribe_free(&s);
}

/* Megabytes through `cat`, compared by digest: what the person saw, what was recorded, what was sent. */
static void flood(const char *script, const char *file, size_t expected, const uint8_t want[32])
{
	const char *argv[] = { "ztjit-rec", "-c", script, NULL };
	struct scribe_conf conf = { .take_bytes = 65536, .digest = true };
	uint8_t buf[65536], seen[32], recorded[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 0;
	struct scribe s;
	struct run r;
	ssize_t got;

	assert_int_equal(setenv("FLOOD", file, 1), 0);
	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	while ((got = read(r.fd, buf, sizeof buf)) > 0) {
		n += (size_t)got;
		assert_int_equal(EVP_DigestUpdate(ctx, buf, (size_t)got), 1);
	}
	assert_int_equal(EVP_DigestFinal_ex(ctx, seen, NULL), 1);
	EVP_MD_CTX_free(ctx);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(EVP_DigestFinal_ex(s.sha, recorded, NULL), 1);
	assert_true(s.ended && !s.broken);
	assert_int_equal(n, expected);
	assert_int_equal(s.digest_bytes, n);
	assert_int_equal(s.bytes[1], n);
	assert_memory_equal(recorded, seen, 32);
	assert_memory_equal(seen, want, 32);
	assert_true(s.most_under_way <= ZTJ_REC_WINDOW);
	scribe_free(&s);
}

static void digest_of(const char *file, uint8_t out[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t buf[65536];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		assert_int_equal(EVP_DigestUpdate(ctx, buf, (size_t)n), 1);
	assert_int_equal(EVP_DigestFinal_ex(ctx, out, NULL), 1);
	EVP_MD_CTX_free(ctx);
	(void)close(fd);
}

static void test_R06_binary_flood_is_recorded_to_the_byte(void **state)
{
	const char *more = getenv("ZTJ_REC_FLOOD_MB"); /* 1024: the gigabyte of the abuse list */
	size_t mb = more != NULL ? (size_t)strtoul(more, NULL, 10) : 64;
	char file[64];
	uint8_t want[32];

	(void)state;
	run_random_file(file, sizeof file, mb << 20);
	digest_of(file, want);
	flood("stty raw -echo; cat \"$FLOOD\"", file, mb << 20, want);
	(void)unlink(file);
}

static void test_R06_a_line_without_end(void **state)
{
	struct scribe s;
	size_t n;
	int status;
	uint8_t *seen = session(&s, &good, "head -c 3000000 /dev/zero | tr '\\0' x", &status, &n);

	(void)state;
	assert_int_equal(n, 3000000);
	same(&s, 'o', seen, n);
	assert_int_equal(s.status, 0);
	free(seen);
	scribe_free(&s);
}

static void test_R06_sizes_as_they_are(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap 'stty size' WINCH; echo ready; for i in 1 2 3 4 5 6 7 8 9; do read x; done", NULL };
	static const struct winsize sizes[] = { { .ws_col = 132, .ws_row = 50 }, { .ws_col = 0, .ws_row = 0 },
		{ .ws_col = 65535, .ws_row = 65535 } };
	static const char *const shown[] = { "50 132", "0 0", "65535 65535" };
	struct winsize first = { .ws_col = 65535, .ws_row = 1 };
	struct scribe s;
	struct run r;
	size_t n;
	uint8_t *got;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, &first);
	assert_true(run_expect(r.fd, "ready", 10));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ioctl(r.fd, TIOCSWINSZ, &sizes[i]), 0);
		(void)usleep(100000);
		run_write(r.fd, "\n", 1); /* dash runs the trap after its read */
		assert_true(run_expect(r.fd, shown[i], 10));
	}
	run_write(r.fd, "\n\n\n\n\n\n\n\n\n\n", 10);
	free(run_read(r.fd, &n, 10));
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(s.cols, 65535);
	assert_int_equal(s.rows, 1);
	got = scribe_content(&s, 'r', &n);
	assert_string_equal((char *)got, "132x500x065535x65535");
	free(got);
	scribe_free(&s);
}

static void test_input_only_when_asked(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "stty -echo; echo ready; read x; echo got",
		NULL };

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct scribe_conf conf = good;
		struct scribe s;
		struct run r;
		size_t n;
		uint8_t *got;
		conf.flags = with ? ZTJ_REC_FLAG_INPUT : 0;
		scribe_start(&s, &conf);
		run_terminal(&r, s.path, argv, NULL);
		assert_true(run_expect(r.fd, "ready", 10));
		run_write(r.fd, "secret\n", 7);
		assert_true(run_expect(r.fd, "got", 10));
		free(run_read(r.fd, &n, 10));
		assert_int_equal(run_wait(&r, 10), 0);
		run_close(&r);
		scribe_stop(&s);
		got = scribe_content(&s, 'i', &n);
		assert_string_equal((char *)got, with ? "secret\n" : "");
		free(got);
		got = scribe_content(&s, 'o', &n);
		assert_null(strstr((char *)got, "secret"));
		free(got);
		scribe_free(&s);
	}
}

static void test_keys_reach_the_session(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.1; done", NULL };
	struct scribe s;
	struct run r;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL);
	assert_true(run_expect(r.fd, "ready", 10));
	run_write(r.fd, "\003", 1);
	assert_true(run_expect(r.fd, "interrupted", 10));
	free(run_read(r.fd, &n, 10));
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);
}

/* The outer terminal's modes before and after, seen through its master. */
static void modes(int sig, bool refused)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "echo ready; exec sleep 30", NULL };
	struct scribe_conf conf = good;
	struct termios before, during, after;
	struct scribe s;
	struct run r;
	size_t n;
	int keep, status;
	char name[64];

	conf.start_code = refused ? 150 : 0;
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	assert_int_equal(ptsname_r(r.fd, name, sizeof name), 0);
	keep = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* or the modes go with the last user */
	assert_true(keep >= 0);
	assert_int_equal(tcgetattr(keep, &before), 0);
	if (!refused) {
		assert_true(run_expect(r.fd, "ready", 10));
		assert_int_equal(tcgetattr(keep, &during), 0);
		assert_false((during.c_lflag & (ICANON | ECHO)) != 0);
		assert_int_equal(kill(r.pid, sig), 0);
	}
	status = run_wait(&r, 20);
	assert_true(status != -1);
	assert_int_equal(tcgetattr(keep, &after), 0);
	before.c_lflag |= ICANON | ECHO; /* it may have been raw already when we looked */
	assert_true(
	    (after.c_lflag & ICANON) != 0 && (after.c_lflag & ECHO) != 0 && (after.c_oflag & OPOST) != 0);
	(void)close(keep);
	if (!refused) {
		assert_true(s.ended && s.killed);
		assert_int_equal(s.status, sig == SIGTERM || sig == SIGHUP ? SIGHUP : sig);
	}
	(void)n;
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);
}

static void test_the_terminal_is_given_back(void **state)
{
	(void)state;
	modes(SIGTERM, false);
	modes(SIGHUP, false);
	modes(SIGINT, false);
	modes(0, true);
}

/* The connection is gone: the session ends as with sshd, its last words recorded. */
static void test_R01_hangup_ends_the_session(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap 'exit 3' HUP; echo $$ ready; while :; do sleep 0.1; done", NULL };
	struct scribe s;
	struct run r;
	int status;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL);
	assert_true(run_expect(r.fd, "ready", 10));
	(void)close(r.fd);
	r.fd = -1;
	status = run_wait(&r, 10);
	scribe_stop(&s);
	assert_true(status != -1);
	assert_true(s.ended && !s.killed);
	assert_int_equal(s.status, 3);
	scribe_free(&s);
}

static void test_R01_hangup_ignored_is_no_way_out(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap '' HUP; echo ready; sleep 60 >/dev/null 2>&1", NULL };
	struct scribe s;
	struct run r;
	int status;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL);
	assert_true(run_expect(r.fd, "ready", 10));
	(void)close(r.fd);
	r.fd = -1;
	status = run_wait(&r, 15);
	scribe_stop(&s);
	assert_true(status != -1);
	assert_true(s.ended && s.killed);
	assert_int_equal(s.status, SIGKILL);
	scribe_free(&s);
}

static void test_R02_killed_recorder_takes_its_child_along(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap '' HUP; echo pid=$$; while :; do sleep 0.1; done", NULL };
	struct scribe s;
	struct run r;
	char text[256] = "";
	pid_t child;

	(void)state;
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL);
	while (strchr(text, '\n') == NULL)
		assert_true(read(r.fd, text + strlen(text), sizeof text - 1 - strlen(text)) > 0);
	child = (pid_t)strtol(text + 4, NULL, 10);
	assert_true(child > 1 && run_alive(child));
	assert_int_equal(kill(r.pid, SIGKILL), 0);
	(void)run_wait(&r, 5);
	for (int i = 0; i < 100 && run_alive(child); i++)
		(void)usleep(20000);
	assert_false(run_alive(child));
	run_close(&r);
	scribe_stop(&s);
	assert_false(s.ended);
	scribe_free(&s);
}

static void test_standard_descriptors_closed_and_opened_again(void **state)
{
	struct scribe s;
	size_t n;
	int status;
	uint8_t *seen = session(&s, &good, "exec 0<&- 1>&- 2>&-; sleep 0.3; exec >/dev/tty; echo back",
	    &status, &n);

	(void)state;
	assert_int_equal(status, 0);
	assert_string_equal((char *)seen, "back\r\n");
	same(&s, 'o', seen, n);
	free(seen);
	scribe_free(&s);
}

static void test_job_control_works_inside(void **state)
{
	static const char *const argv[] = { "-ztjit-rec", NULL };
	struct scribe_conf conf = good;
	struct scribe s;
	struct run r;
	size_t n;

	(void)state;
	conf.shell = "/bin/bash";
	(void)setenv("HOME", "/nonexistent", 1); /* no start-up files of somebody's */
	scribe_start(&s, &conf);
	run_terminal(&r, s.path, argv, NULL);
	assert_true(run_expect(r.fd, prompt(), 10));
	run_write(r.fd, "sleep 40\n", 9);
	(void)usleep(500000);
	run_write(r.fd, "\032", 1);
	assert_true(run_expect(r.fd, "Stopped", 10));
	run_write(r.fd, "kill %1; exit\n", 14);
	(void)usleep(200000);
	run_write(r.fd, "exit\n", 5);
	free(run_read(r.fd, &n, 10));
	assert_true(run_wait(&r, 10) != -1);
	run_close(&r);
	scribe_stop(&s);
	assert_true(s.ended);
	scribe_free(&s);
}

static void test_it_speaks_at_least_every_two_seconds(void **state)
{
	struct scribe s;
	size_t n;
	int status;

	(void)state;
	free(session(&s, &good, "sleep 4", &status, &n));
	assert_int_equal(status, 0);
	assert_true(s.pings >= 2);
	assert_in_range(s.longest_silence, 0, ZTJ_REC_PING_MS);
	scribe_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_is_run_and_recorded),
		cmocka_unit_test(test_login_shell_and_words),
		cmocka_unit_test(test_forced_command),
		cmocka_unit_test(test_exit_statuses),
		cmocka_unit_test(test_shell_that_is_not_there),
		cmocka_unit_test(test_R06_a_line_without_end),
		cmocka_unit_test(test_R06_binary_flood_is_recorded_to_the_byte),
		cmocka_unit_test(test_R06_sizes_as_they_are),
		cmocka_unit_test(test_input_only_when_asked),
		cmocka_unit_test(test_keys_reach_the_session),
		cmocka_unit_test(test_the_terminal_is_given_back),
		cmocka_unit_test(test_R01_hangup_ends_the_session),
		cmocka_unit_test(test_R01_hangup_ignored_is_no_way_out),
		cmocka_unit_test(test_R02_killed_recorder_takes_its_child_along),
		cmocka_unit_test(test_standard_descriptors_closed_and_opened_again),
		cmocka_unit_test(test_job_control_works_inside),
		cmocka_unit_test(test_it_speaks_at_least_every_two_seconds),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
