/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The files of the log of decisions: one after the other, a bounded number, one chain, whatever moment a crash comes at. */
#include "tests/core/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ztjit-hostd/spool.h"
#include "ztjit-hostd/spoolfile.h"

#define NOW 1790000000
#define LIMIT 6000 /* five lines */
#define KEEP 3

static char dir[64], path[128];
static struct ztj_spool_conf conf;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/ztjit-spool.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/" ZTJ_SPOOL_NAME, dir);
	conf = (struct ztj_spool_conf){ .dir = dir, .reserve = 65536, .limit = LIMIT, .keep = KEEP };
	return 0;
}

static int gone(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, gone, 16, FTW_DEPTH | FTW_PHYS);
}

static int add(struct ztj_spool *s)
{
	static char text[1200];
	struct ztj_decision d = { .time = NOW, .event = "account", .text = text };

	memset(text, 'x', sizeof(text) - 1);
	return ztj_spool_append(s, &d);
}

static void full_files(glob_t *g)
{
	char pattern[128];

	(void)snprintf(pattern, sizeof(pattern), "%s/decisions-*.jsonl", dir);
	memset(g, 0, sizeof(*g));
	(void)glob(pattern, 0, NULL, g);
}

static size_t nfull(void)
{
	glob_t g;
	size_t n;

	full_files(&g);
	n = g.gl_pathc;
	globfree(&g);
	return n;
}

/* The n-th full file, oldest first. */
static void full_path(size_t n, char out[128])
{
	glob_t g;

	full_files(&g);
	assert_true(n < g.gl_pathc);
	(void)snprintf(out, 128, "%s", g.gl_pathv[n]);
	globfree(&g);
}

static void first_place(const char *name, struct ztj_spool_at *at)
{
	static char line[ZTJ_SPOOL_LINE_MAX];
	FILE *f = fopen(name, "re");

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	ok(ztj_spool_before(ztj_view_of(line, strcspn(line, "\n")), at));
}

/* The number of the last line, when all files that are there are one chain. */
static uint64_t chain(void)
{
	struct ztj_spool_at at = { .seq = 0 };
	glob_t g;

	full_files(&g);
	if (g.gl_pathc > 0)
		first_place(g.gl_pathv[0], &at);
	for (size_t i = 0; i < g.gl_pathc; i++)
		ok(ztj_spool_verify(g.gl_pathv[i], &at.seq, at.head));
	globfree(&g);
	ok(ztj_spool_verify(path, &at.seq, at.head));
	return at.seq;
}

static void test_one_chain_over_a_bounded_number_of_files(void **state)
{
	struct ztj_spool *s;
	struct stat st;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	for (uint64_t i = 1; i <= 60; i++) {
		ok(add(s));
		assert_int_equal(chain(), i);
		assert_true(nfull() <= KEEP);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size <= LIMIT + 2000);
		if (i % 7 == 0) {
			ztj_spool_close(s);
			ok(ztj_spool_open(&conf, &s));
			assert_int_equal(ztj_spool_seq(s), i);
			assert_false(ztj_spool_gap(s));
		}
	}
	assert_int_equal(nfull(), KEEP);
	ztj_spool_close(s);
	conf.keep = 1; /* somebody wants fewer */
	ok(ztj_spool_open(&conf, &s));
	assert_int_equal(nfull(), 1);
	ok(add(s));
	assert_int_equal(chain(), 61);
	ztj_spool_close(s);
}

static void test_full_files_give_their_reserve_back(void **state)
{
	struct ztj_spool *s;
	struct stat st;
	char name[128];

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 6; i++)
		ok(add(s));
	full_path(0, name);
	assert_int_equal(stat(name, &st), 0);
	assert_true(st.st_blocks * 512 < 65536);
	assert_int_equal(st.st_mode & 0777, 0600);
	ztj_spool_close(s);
}

static void fill(void)
{
	struct ztj_spool *s;

	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 12; i++)
		ok(add(s));
	ztj_spool_close(s);
	assert_int_equal(nfull(), 2);
}

static void test_A01_files_that_do_not_follow_each_other(void **state)
{
	struct ztj_spool *s;
	char name[128], other[128], was;
	struct stat st;
	int fd;

	(void)state;
	fill();
	full_path(1, name);
	assert_int_equal(stat(name, &st), 0);
	fd = open(name, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &was, 1, st.st_size - 100), 1);
	assert_int_equal(pwrite(fd, "y", 1, st.st_size - 100), 1); /* its last line says something else */
	fails(ztj_spool_open(&conf, &s), ZTJ_BAD_JSON);
	assert_int_equal(pwrite(fd, &was, 1, st.st_size - 100), 1);
	assert_int_equal(ftruncate(fd, st.st_size - 100), 0); /* its last line ends early */
	fails(ztj_spool_open(&conf, &s), ZTJ_BAD_JSON);
	(void)close(fd);
	full_path(0, other);
	(void)unlink(name);
	assert_int_equal(link(other, name), 0); /* another one in its place */
	ok(ztj_spool_open(&conf, &s));
	assert_true(ztj_spool_gap(s));
	ztj_spool_close(s);
}

static void test_A01_a_file_that_is_gone_is_told(void **state)
{
	struct ztj_spool *s;
	char name[128];

	(void)state;
	fill();
	full_path(1, name);
	(void)unlink(name);
	ok(ztj_spool_open(&conf, &s));
	assert_true(ztj_spool_gap(s));
	assert_int_equal(ztj_spool_seq(s), 12);
	ztj_spool_close(s);
	full_path(0, name);
	(void)unlink(name);
	ok(ztj_spool_open(&conf, &s)); /* all of them */
	assert_true(ztj_spool_gap(s));
	ok(add(s));
	ztj_spool_close(s);
	/* and older lines in a newer file are no gap */
	(void)snprintf(name, sizeof(name), "%s/decisions-000000000050.jsonl", dir);
	assert_int_equal(link(path, name), 0);
	fails(ztj_spool_open(&conf, &s), ZTJ_BAD_JSON);
}

static void test_F01_names_that_are_none_of_ours(void **state)
{
	static const char *const names[] = { "decisions-.jsonl", "decisions-1.jsonl",
		"decisions-000000000000.jsonl", "decisions-00000000001x.jsonl",
		"decisions-000000000001.jsonl.gz", "decisions.jsonl.7",
		"decisions-99999999999999999999999.jsonl", "decisions-0000000000001.jsonl" };
	struct ztj_spool *s;
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		(void)close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 40; i++)
		ok(add(s));
	ztj_spool_close(s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		assert_int_equal(access(name, F_OK), 0);
		(void)unlink(name);
	}
	assert_int_equal(chain(), 40);
}

/* ---- what may fail on the way ---- */

static void test_D02_no_name_for_the_full_one(void **state)
{
	struct ztj_spool *s;
	char name[128];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/decisions-000000000001.jsonl", dir);
	ok(ztj_spool_open(&conf, &s));
	ok(add(s));
	assert_int_equal(mkdir(name, 0700), 0);
	for (int i = 0; i < 8; i++)
		ok(add(s)); /* decisions go on */
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(nfull(), 0);
	ok(add(s));
	assert_int_equal(nfull(), 1);
	assert_int_equal(chain(), 10);
	ztj_spool_close(s);
}

static void no_more_files(bool none)
{
	static struct rlimit old;
	struct rlimit l;

	if (!none) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		return;
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	l = old;
	l.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static void test_D02_no_next_file(void **state)
{
	struct ztj_spool *s;
	struct stat st;
	char name[128];
	int fd;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	no_more_files(true);
	for (int i = 0; i < 8; i++)
		ok(add(s)); /* into the one that was put away */
	assert_int_equal(stat(path, &st), -1);
	no_more_files(false);
	ok(add(s));
	assert_int_equal(nfull(), 1);
	assert_int_equal(chain(), 9);
	no_more_files(true);
	for (int i = 0; i < 8; i++)
		ok(add(s));
	no_more_files(false);
	ztj_spool_close(s); /* and nobody ever could make it, up to the power failure */
	full_path(1, name);
	fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"v\":1,\"se", 10), 10);
	(void)close(fd);
	ok(ztj_spool_open(&conf, &s));
	assert_int_equal(ztj_spool_seq(s), 17);
	assert_false(ztj_spool_gap(s));
	assert_int_equal(chain(), 17);
	ok(add(s));
	assert_int_equal(chain(), 18);
	assert_int_equal(nfull(), 2);
	ztj_spool_close(s);
}

static void test_D01_first_line_of_a_file_torn(void **state)
{
	struct ztj_spool *s;
	int fd;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 6; i++)
		ok(add(s));
	ztj_spool_close(s);
	assert_int_equal(nfull(), 1);
	for (off_t n = 0; n < 1300; n += 61) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, n), 0);
		(void)close(fd);
		ok(ztj_spool_open(&conf, &s));
		assert_int_equal(ztj_spool_seq(s), 5);
		ok(add(s));
		assert_int_equal(chain(), 6);
		ztj_spool_close(s);
	}
}

/* ---- killed between any two system calls ---- */

#define VICTIM_LINES 12

_Noreturn static void victim(uint64_t *acked)
{
	struct ztj_spool *s;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	(void)raise(SIGSTOP);
	if (ztj_spool_open(&conf, &s) != ZTJ_OK)
		_exit(1);
	for (int i = 0; i < VICTIM_LINES; i++) {
		if (add(s) != ZTJ_OK)
			_exit(1);
		(*acked)++;
	}
	_exit(0);
}

/* Runs it up to the n-th entry into or exit from a system call. False: it ended before. */
static bool run_until(pid_t pid, unsigned n)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void test_D01_killed_between_any_two_system_calls(void **state)
{
	uint64_t *acked = mmap(NULL, sizeof(*acked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	struct ztj_spool *s;
	unsigned points = 0;
	bool killed = true;

	(void)state;
	assert_ptr_not_equal(acked, MAP_FAILED);
	for (unsigned n = 1; killed; n++) {
		pid_t pid;

		assert_int_equal(teardown(state), 0);
		(void)setup(state);
		*acked = 0;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			victim(acked);
		killed = run_until(pid, n);
		points += killed;
		ok(ztj_spool_open(&conf, &s));
		assert_false(ztj_spool_gap(s));
		assert_true(ztj_spool_seq(s) >= *acked);
		assert_true(ztj_spool_seq(s) <= *acked + 1);
		for (int i = 0; i < 2; i++)
			ok(add(s));
		assert_int_equal(chain(), ztj_spool_seq(s));
		assert_true(nfull() <= KEEP);
		ztj_spool_close(s);
	}
	print_message("killed at %u points\n", points);
	assert_int_equal(*acked, VICTIM_LINES);
	(void)munmap(acked, sizeof(*acked));
}

/* ---- reading it again, to be shipped ---- */

/* Numbers of the lines in b: a run without gaps; 0 and 0 when there are none. */
static void numbers(const struct ztj_buf *b, uint64_t *first, uint64_t *last)
{
	struct ztj_view left = ztj_buf_view(b);

	*first = *last = 0;
	while (left.n > 0) {
		const uint8_t *end = memchr(left.p, '\n', left.n);
		struct ztj_spool_at before;

		assert_non_null(end);
		ok(ztj_spool_before(ztj_view_of(left.p, (size_t)(end - left.p)), &before));
		if (*first == 0)
			*first = before.seq + 1;
		else
			assert_int_equal(before.seq, *last);
		*last = before.seq + 1;
		left = ztj_view_after(left, (size_t)(end - left.p) + 1);
	}
}

static void reads(struct ztj_spool *s, uint64_t from, size_t max, uint64_t first, uint64_t last)
{
	uint64_t got_first, got_last;
	struct ztj_buf b;

	ztj_buf_init(&b, 1 << 20);
	ok(ztj_spool_read(s, from, max, &b));
	numbers(&b, &got_first, &got_last);
	assert_int_equal(got_first, first);
	assert_int_equal(got_last, last);
	ztj_buf_free(&b);
}

static void test_reading_across_files(void **state)
{
	struct ztj_decision later = { .time = NOW, .event = "gone", .later = true };
	struct ztj_spool *s;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	reads(s, 1, 100000, 0, 0);
	for (int i = 0; i < 12; i++)
		ok(add(s));
	assert_int_equal(nfull(), 2);
	/* a piece ends with its file, and with what is wanted at least */
	reads(s, 1, 100000, 1, 5);
	reads(s, 6, 100000, 6, 10);
	reads(s, 11, 100000, 11, 12);
	reads(s, 13, 100000, 0, 0);
	reads(s, 1, 1, 1, 1);
	reads(s, 2, 1, 2, 2);
	reads(s, 3, 2000, 3, 4);
	reads(s, 5, 2000, 5, 5);
	reads(s, 10, 2000, 10, 10);
	reads(s, 7, 1, 7, 7);
	/* what is not durable yet is not shipped */
	ok(ztj_spool_append(s, &later));
	reads(s, 11, 100000, 11, 12);
	reads(s, 13, 100000, 0, 0);
	ok(ztj_spool_sync(s));
	reads(s, 13, 100000, 13, 13);
	/* it goes on over a restart, and from the oldest when more is gone than was shipped */
	ztj_spool_close(s);
	ok(ztj_spool_open(&conf, &s));
	reads(s, 4, 2000, 4, 5);
	for (int i = 0; i < 20; i++)
		ok(add(s));
	assert_int_equal(nfull(), KEEP);
	uint64_t first, last;
	struct ztj_buf b;
	ztj_buf_init(&b, 1 << 20);
	ok(ztj_spool_read(s, 2, 100000, &b));
	numbers(&b, &first, &last);
	assert_true(first > 5 && last > first);
	reads(s, last + 1, 1, last + 1, last + 1);
	ztj_buf_free(&b);
	ztj_spool_close(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one_chain_over_a_bounded_number_of_files),
		T(test_full_files_give_their_reserve_back),
		T(test_A01_files_that_do_not_follow_each_other),
		T(test_A01_a_file_that_is_gone_is_told),
		T(test_F01_names_that_are_none_of_ours),
		T(test_D02_no_name_for_the_full_one),
		T(test_D02_no_next_file),
		T(test_D01_first_line_of_a_file_torn),
		T(test_D01_killed_between_any_two_system_calls),
		T(test_reading_across_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
