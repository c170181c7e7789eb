/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Pipe mode: what sshd's exec, scp, sftp, rsync and git need of a proxy, and what the record says of it.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/rec/run.h"
#include "tests/rec/scribe.h"

static const struct scribe_conf good = { .take_bytes = 65536 };

struct outcome {
	uint8_t *out, *err;
	size_t n_out, n_err;
	int status;
};

static void end_input(struct run *r)
{
	if (r->sockets)
		(void)shutdown(r->in, SHUT_WR);
	else
		(void)close(r->in);
	if (!r->sockets)
		r->in = -1;
}

static void session(struct scribe *s, const struct scribe_conf *conf, const char *script, bool sockets,
    struct outcome *o)
{
	const char *argv[] = { "ztjit-rec", "-c", script, NULL };
	struct run r;

	scribe_start(s, conf);
	run_pipes(&r, s->path, argv, sockets);
	end_input(&r);
	o->out = run_read(r.out, &o->n_out, 60);
	o->err = run_read(r.err, &o->n_err, 60);
	o->status = run_wait(&r, 20);
	run_close(&r);
	scribe_stop(s);
}

static void done(struct scribe *s, struct outcome *o)
{
	assert_false(s->broken);
	free(o->out);
	free(o->err);
	scribe_free(s);
}

static void assert_digest(const uint8_t have[32], const void *p, size_t n)
{
	uint8_t want[32];

	assert_int_equal(EVP_Digest(p, n, want, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(have, want, 32);
}

static void test_R03_command_status_counts_and_digests(void **state)
{
	struct scribe s;
	struct outcome o;

	(void)state;
	for (int sockets = 0; sockets < 2; sockets++) {
		session(&s, &good, "printf out; printf error >&2; exit 5", sockets != 0, &o);
		assert_int_equal(WEXITSTATUS(o.status), 5);
		assert_string_equal((char *)o.out, "out");
		assert_string_equal((char *)o.err, "error");
		assert_false(s.terminal);
		assert_true(s.ended && !s.killed);
		assert_int_equal(s.status, 5);
		assert_string_equal(s.tty, "");
		assert_string_equal(s.command, "printf out; printf error >&2; exit 5");
		assert_int_equal(s.n_events, 0); /* contents only where the role says so */
		assert_int_equal(s.bytes[0], 0);
		assert_int_equal(s.bytes[1], 3);
		assert_int_equal(s.bytes[2], 5);
		assert_digest(s.sha256[0], "", 0);
		assert_digest(s.sha256[1], "out", 3);
		assert_digest(s.sha256[2], "error", 5);
		done(&s, &o);
	}
}

static void test_R03_contents_when_asked(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "cat; echo e >&2", NULL };

	(void)state;
	for (int flags = ZTJ_REC_FLAG_PIPES; flags <= (ZTJ_REC_FLAG_PIPES | ZTJ_REC_FLAG_INPUT); flags++) {
		struct scribe_conf conf = { .flags = (uint8_t)flags };
		struct scribe s;
		struct run r;
		uint8_t *p;
		size_t n;
		scribe_start(&s, &conf);
		run_pipes(&r, s.path, argv, false);
		run_write(r.in, "both ways\n", 10);
		end_input(&r);
		p = run_read(r.out, &n, 20);
		assert_string_equal((char *)p, "both ways\n");
		free(p);
		assert_int_equal(run_wait(&r, 10), 0);
		run_close(&r);
		scribe_stop(&s);
		p = scribe_content(&s, 'O', &n);
		assert_string_equal((char *)p, "both ways\n");
		free(p);
		p = scribe_content(&s, 'E', &n);
		assert_string_equal((char *)p, "e\n");
		free(p);
		p = scribe_content(&s, 'I', &n);
		assert_string_equal((char *)p, (flags & ZTJ_REC_FLAG_INPUT) != 0 ? "both ways\n" : "");
		free(p);
		scribe_free(&s);
	}
}

/* Feeds a file and reads what comes at the same time; returns the digest of what came. */
static void pump(struct run *r, const char *file, uint8_t digest[32], size_t *n)
{
	uint8_t buf[65536];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	pid_t feeder;
	ssize_t got;

	(void)fflush(NULL);
	feeder = fork();
	if (feeder == 0) {
		int fd = open(file, O_RDONLY);
		while ((got = read(fd, buf, sizeof buf)) > 0)
			run_write(r->in, buf, (size_t)got);
		if (r->sockets)
			(void)shutdown(r->in, SHUT_WR);
		_exit(0);
	}
	if (!r->sockets) {
		(void)close(r->in);
		r->in = -1;
	}
	*n = 0;
	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
	while ((got = read(r->out, buf, sizeof buf)) > 0) {
		*n += (size_t)got;
		assert_int_equal(EVP_DigestUpdate(ctx, buf, (size_t)got), 1);
	}
	assert_int_equal(EVP_DigestFinal_ex(ctx, digest, NULL), 1);
	EVP_MD_CTX_free(ctx);
	(void)waitpid(feeder, NULL, 0);
}

static void copy(const char *file, size_t size, uint8_t flags, bool sockets)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "cat", NULL };
	struct scribe_conf conf = { .flags = flags, .take_bytes = 65536 };
	uint8_t digest[32];
	struct scribe s;
	struct run r;
	size_t n;

	scribe_start(&s, &conf);
	run_pipes(&r, s.path, argv, sockets);
	pump(&r, file, digest, &n);
	assert_int_equal(run_wait(&r, 20), 0);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(n, size);
	assert_int_equal(s.bytes[0], size);
	assert_int_equal(s.bytes[1], size);
	assert_memory_equal(s.sha256[0], digest, 32);
	assert_memory_equal(s.sha256[1], digest, 32);
	if (flags != 0) {
		size_t have;
		uint8_t *p = scribe_content(&s, 'O', &have);
		assert_int_equal(have, size);
		assert_digest(digest, p, have);
		free(p);
		p = scribe_content(&s, 'I', &have);
		assert_int_equal(have, size);
		assert_digest(digest, p, have);
		free(p);
		assert_true(s.most_under_way <= ZTJ_REC_WINDOW);
	}
	assert_false(s.broken);
	scribe_free(&s);
}

static void test_R03_copies_are_exact_both_ways(void **state)
{
	const size_t size = (32u << 20) + 12345;
	char file[64];

	(void)state;
	run_random_file(file, sizeof file, size);
	copy(file, size, 0, false);
	copy(file, size, 0, true);
	copy(file, size, ZTJ_REC_FLAG_PIPES | ZTJ_REC_FLAG_INPUT, false);
	(void)unlink(file);
}

static void test_half_close(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"cat; exec >&-; sleep 0.5; echo late >&2; exit 9", NULL };
	struct scribe s;
	struct run r;
	uint8_t *p;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_pipes(&r, s.path, argv, false);
	run_write(r.in, "in", 2);
	end_input(&r); /* our end of input reaches the command, which goes on */
	p = run_read(r.out, &n, 20);
	assert_string_equal((char *)p, "in");
	free(p);
	assert_int_equal(waitpid(r.pid, NULL, WNOHANG), 0); /* its end of output reached us before it ended */
	p = run_read(r.err, &n, 20);
	assert_string_equal((char *)p, "late\n");
	free(p);
	assert_int_equal(WEXITSTATUS(run_wait(&r, 10)), 9);
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);
}

static void test_reader_gone_is_sigpipe(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "exec yes", NULL };

	(void)state;
	for (int sockets = 0; sockets < 2; sockets++) {
		struct scribe s;
		struct run r;
		char buf[100];
		int status;
		scribe_start(&s, &good);
		run_pipes(&r, s.path, argv, sockets != 0);
		assert_true(read(r.out, buf, sizeof buf) > 0);
		(void)close(r.out);
		r.out = r.in = -1;
		status = run_wait(&r, 10);
		run_close(&r);
		scribe_stop(&s);
		assert_true(status != -1 && s.ended);
		assert_true(s.killed && s.status == SIGPIPE);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
		scribe_free(&s);
	}
}

static void test_quiet_reader_gone_is_seen_at_once(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"sleep 1; echo x; sleep 1; echo y; echo not reached >&2", NULL };
	struct scribe s;
	struct run r;
	uint8_t *p;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_pipes(&r, s.path, argv, false);
	end_input(&r);
	(void)close(r.out);
	r.out = -1;
	p = run_read(r.err, &n, 10);
	assert_null(strstr((char *)p, "not reached"));
	free(p);
	assert_true(run_wait(&r, 10) != -1);
	run_close(&r);
	scribe_stop(&s);
	assert_true(s.ended && s.killed && s.status == SIGPIPE);
	scribe_free(&s);
}

static void test_command_that_reads_nothing(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "exec <&-; sleep 0.5; echo fine", NULL };
	struct scribe s;
	struct run r;
	struct pollfd w;
	uint8_t *p;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_pipes(&r, s.path, argv, false);
	w = (struct pollfd){ .fd = r.in, .events = 0 };
	assert_int_equal(poll(&w, 1, 10000), 1); /* POLLERR: nobody will ever read that */
	p = run_read(r.out, &n, 10);
	assert_string_equal((char *)p, "fine\n");
	free(p);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);
}

/* A command that ends while input is still offered, and one that outlives its shell with the output open. */
static void test_end_does_not_wait_for_input(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c", "echo bye", NULL };
	struct scribe s;
	struct run r;
	struct outcome o;
	uint8_t *p;
	size_t n;

	(void)state;
	scribe_start(&s, &good);
	run_pipes(&r, s.path, argv, false);
	p = run_read(r.out, &n, 10);
	assert_string_equal((char *)p, "bye\n");
	free(p);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);

	session(&s, &good, "(sleep 1; echo later) & echo now", false, &o);
	assert_string_equal((char *)o.out, "now\nlater\n"); /* as with sshd: the end is the end of output */
	assert_int_equal(o.status, 0);
	done(&s, &o);
}

static void test_statuses(void **state)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGINT, SIGUSR1, SIGABRT };

	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct scribe s;
		struct outcome o;
		char script[64];
		(void)snprintf(script, sizeof script, "kill -%d $$", signals[i]);
		session(&s, &good, script, false, &o);
		assert_true(WIFSIGNALED(o.status) && WTERMSIG(o.status) == signals[i]);
		assert_true(s.killed && s.status == (uint32_t)signals[i]);
		done(&s, &o);
	}
}

static void test_signals_are_passed_on(void **state)
{
	static const char *const argv[] = { "ztjit-rec", "-c",
		"trap 'echo int' INT; trap 'echo usr1' USR1; trap 'echo term; exit 4' TERM; echo ready; while :; do sleep 0.05; done",
		NULL };
	struct scribe s;
	struct run r;

	(void)state;
	scribe_start(&s, &good);
	run_pipes(&r, s.path, argv, false);
	assert_true(run_expect(r.out, "ready", 10));
	assert_int_equal(kill(r.pid, SIGINT), 0);
	assert_true(run_expect(r.out, "int", 10));
	assert_int_equal(kill(r.pid, SIGUSR1), 0);
	assert_true(run_expect(r.out, "usr1", 10));
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	assert_true(run_expect(r.out, "term", 10));
	assert_int_equal(WEXITSTATUS(run_wait(&r, 10)), 4);
	run_close(&r);
	scribe_stop(&s);
	assert_int_equal(s.status, 4);
	scribe_free(&s);
}

static void test_R04_environment_and_descriptors(void **state)
{
	static const char *const bad[] = { "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "IFS", "PS4",
		"PERL5OPT", "PERL5LIB", "PYTHONPATH", "PYTHONSTARTUP", "PROMPT_COMMAND", "GCONV_PATH",
		"NLSPATH", "LOCPATH", "TERMINFO", "MALLOC_CHECK_", "BASH_FUNC_ls%%", "GLIBC_TUNABLES",
		"SSH_ORIGINAL_COMMAND", "SSH_TTY", "OPENSSL_CONF", "NODE_OPTIONS", "INPUTRC" };
	struct scribe s;
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(setenv(bad[i], "evil=1", 1), 0);
	assert_int_equal(setenv("KEPT", "yes", 1) | setenv("LC_ALL", "C", 1), 0);
	(void)dup2(1, 77); /* something that was left open */
	session(&s, &good, "env; echo SHELL=$SHELL; echo fds; ls /proc/self/fd", false, &o);
	(void)close(77);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		(void)unsetenv(bad[i]);
	assert_null(strstr((char *)o.out, "evil=1"));
	assert_non_null(strstr((char *)o.out, "KEPT=yes"));
	assert_non_null(strstr((char *)o.out, "SHELL=/bin/sh\n"));
	assert_non_null(strstr((char *)o.out, "fds\n0\n1\n2\n3\n"));
	done(&s, &o);
}

/* What a shell started by us directly says. */
static uint8_t *plainly(const char *script)
{
	uint8_t *p;
	size_t n;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)dup2(fd[1], 1);
		(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(99);
	}
	(void)close(fd[1]);
	p = run_read(fd[0], &n, 10);
	(void)close(fd[0]);
	(void)waitpid(pid, NULL, 0);
	return p;
}

/* Mask, ignored signals, limits and ids are the person's own again. */
static void test_child_is_as_if_started_by_the_shell(void **state)
{
	static const char script[] =
	    "grep -E '^(SigBlk|SigIgn|SigCgt|Cap.*|Groups|Gid|Uid|NoNewPrivs|Seccomp):' /proc/self/status; "
	    "ulimit -a; umask; pwd";
	uint8_t *plain = plainly(script);
	struct scribe s;
	struct outcome o;

	(void)state;
	assert_non_null(strstr((char *)plain, "SigIgn"));
	session(&s, &good, script, false, &o);
	assert_string_equal((char *)o.out, (char *)plain);
	free(plain);
	done(&s, &o);
}

static void test_order_is_kept_when_both_go_to_one_place(void **state)
{
	struct scribe s;
	struct run r;
	uint8_t *p;
	size_t n;
	char script[512];
	const char *const argv[] = { "ztjit-rec", "-c", script, NULL };

	(void)state;
	(void)snprintf(script, sizeof script, "for i in 1 2 3 4 5 6 7 8 9; do echo o$i; echo e$i >&2; done");
	scribe_start(&s, &good);
	run_terminal(&r, s.path, argv, NULL); /* with a terminal there is one place anyway */
	p = run_read(r.fd, &n, 10);
	assert_non_null(strstr((char *)p, "o1\r\ne1\r\no2\r\ne2"));
	free(p);
	assert_int_equal(run_wait(&r, 10), 0);
	run_close(&r);
	scribe_stop(&s);
	scribe_free(&s);
}

static void test_R08_nothing_of_ours_in_the_output(void **state)
{
	struct scribe_conf conf = good;
	struct scribe s;
	struct outcome o;

	(void)state;
	conf.start_code = 150;
	conf.text = "no\033[2J session\n here";
	session(&s, &conf, "echo ran", false, &o);
	assert_int_equal(WEXITSTATUS(o.status), 1);
	assert_int_equal(o.n_out, 0);
	assert_non_null(strstr((char *)o.err, "ztjit-rec: no?[2J session? here\n"));
	done(&s, &o);
}

static void test_internal_sftp_is_refused_clearly(void **state)
{
	struct scribe s;
	struct outcome o;

	(void)state;
	session(&s, &good, "internal-sftp", false, &o);
	assert_int_equal(WEXITSTATUS(o.status), 1);
	assert_non_null(strstr((char *)o.err, "Subsystem"));
	assert_int_equal(s.hellos, 0);
	done(&s, &o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R03_command_status_counts_and_digests),
		cmocka_unit_test(test_R03_contents_when_asked),
		cmocka_unit_test(test_R03_copies_are_exact_both_ways),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_reader_gone_is_sigpipe),
		cmocka_unit_test(test_quiet_reader_gone_is_seen_at_once),
		cmocka_unit_test(test_command_that_reads_nothing),
		cmocka_unit_test(test_end_does_not_wait_for_input),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_signals_are_passed_on),
		cmocka_unit_test(test_R04_environment_and_descriptors),
		cmocka_unit_test(test_child_is_as_if_started_by_the_shell),
		cmocka_unit_test(test_order_is_kept_when_both_go_to_one_place),
		cmocka_unit_test(test_R08_nothing_of_ours_in_the_output),
		cmocka_unit_test(test_internal_sftp_is_refused_clearly),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGQUIT, SIG_DFL); /* as sshd has it; in the background it may be ignored */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
