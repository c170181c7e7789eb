/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The log of decisions: what waits to be synced, and what power loss may do to it. */
#include "tests/core/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ztjit-hostd/spool.h"

#define RESERVE 65536
#define NOW 1790000000

static char dir[64], path[128];
static struct ztj_spool_conf conf;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/ztjit-spool.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/decisions.jsonl", dir);
	conf = (struct ztj_spool_conf){ .dir = dir, .reserve = RESERVE };
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

static int add(struct ztj_spool *s, const char *event, bool later)
{
	static char text[1200];
	struct ztj_decision d = { .time = NOW, .event = event, .later = later, .text = text };

	memset(text, 'x', sizeof(text) - 1);
	return ztj_spool_append(s, &d);
}

static uint64_t lines(void)
{
	uint8_t head[ZTJ_DIGEST_LEN] = { 0 };
	uint64_t n = 0;

	ok(ztj_spool_verify(path, &n, head));
	return n;
}

static off_t length(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void zeros(off_t from, off_t to)
{
	static const char zero[65536];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, zero, (size_t)(to - from), from), to - from);
	(void)close(fd);
}

static void copy(const char *from, const char *to)
{
	uint8_t block[4096];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n;

	assert_true(in != NULL && out != NULL);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* kill -9 loses nothing, synced or not; and the next line of any kind follows the chain. */
static void test_D01_what_waits_is_written(void **state)
{
	struct ztj_spool *s;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	ok(add(s, "account", false));
	ok(add(s, "close", true));
	ok(add(s, "gone", true));
	assert_int_equal(lines(), 3);
	ok(add(s, "account", false));
	assert_int_equal(lines(), 4);
	for (int i = 0; i < 200; i++) /* more than may wait */
		ok(add(s, "close", true));
	ok(ztj_spool_sync(s));
	ok(ztj_spool_sync(s));
	assert_int_equal(lines(), 204);
	ztj_spool_close(s);
	ok(ztj_spool_open(&conf, &s));
	assert_int_equal(ztj_spool_seq(s), 204);
	assert_false(ztj_spool_cut(s));
	ztj_spool_close(s);
}

/* What could not be written is refused; what waited before it is not lost. */
static void test_A02_failed_line_keeps_those_that_wait(void **state)
{
	struct rlimit old, small;
	struct ztj_spool *s;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	ok(ztj_spool_open(&conf, &s));
	ok(add(s, "account", false));
	ok(add(s, "close", true));
	ok(add(s, "gone", true));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ .rlim_cur = (rlim_t)length() + 100, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	fails(add(s, "account", false), ZTJ_NO_SPACE);
	fails(add(s, "close", true), ZTJ_NO_SPACE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	ok(ztj_spool_sync(s));
	assert_int_equal(lines(), 3);
	ok(add(s, "account", false));
	assert_int_equal(lines(), 4);
	ztj_spool_close(s);
}

/* Any page of what was not synced may be missing: the lines before it stand, the rest is kept beside. */
static void test_D01_power_loss_among_lines_that_wait(void **state)
{
	char good[160], aside[160];
	struct ztj_spool *s;
	off_t synced, end;
	struct stat st;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 5; i++)
		ok(add(s, "account", false));
	synced = length();
	for (int i = 0; i < 12; i++)
		ok(add(s, "close", true));
	end = length();
	ztj_spool_close(s);
	(void)snprintf(good, sizeof(good), "%s/good", dir);
	copy(path, good);
	for (off_t from = synced; from < end - 1; from = (from / 512 + 1) * 512) {
		off_t to = from + 4096 < end - 1 ? from + 4096 : end - 1;
		uint64_t left;
		copy(good, path);
		zeros(from, to);
		ok(ztj_spool_open(&conf, &s));
		assert_true(ztj_spool_cut(s));
		left = ztj_spool_seq(s);
		assert_in_range(left, 5, 16);
		(void)snprintf(aside, sizeof(aside), "%s.%llu", path, (unsigned long long)left + 1);
		assert_int_equal(stat(aside, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(st.st_size + length(), end);
		ok(add(s, "account", false));
		assert_int_equal(lines(), left + 1);
		ztj_spool_close(s);
		assert_int_equal(unlink(aside), 0);
	}
}

/* Cut at every length: whole lines stay, nothing is refused. */
static void test_D01_truncated_at_every_length(void **state)
{
	struct ztj_spool *s;
	off_t end;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	ok(add(s, "account", false));
	ok(add(s, "close", true));
	ok(add(s, "gone", true));
	ztj_spool_close(s);
	end = length();
	for (off_t n = end - 1; n >= 0; n -= 7) {
		assert_int_equal(truncate(path, n), 0);
		ok(ztj_spool_open(&conf, &s));
		assert_false(ztj_spool_cut(s));
		assert_true(length() <= n);
		ztj_spool_close(s);
	}
}

static void flip(off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

/* No power loss makes these: somebody was there. */
static void test_A01_damage_that_is_no_accident(void **state)
{
	struct ztj_spool *s;
	off_t end;

	(void)state;
	ok(ztj_spool_open(&conf, &s));
	for (int i = 0; i < 100; i++)
		ok(add(s, "account", false));
	ztj_spool_close(s);
	end = length();
	flip(end - 3000); /* a bit near the end */
	fails(ztj_spool_open(&conf, &s), ZTJ_BAD_JSON);
	flip(end - 3000);
	zeros(end - 70000, end - 69000); /* zeros further up than lines wait */
	fails(ztj_spool_open(&conf, &s), ZTJ_BAD_JSON);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_D01_what_waits_is_written),
		T(test_A02_failed_line_keeps_those_that_wait),
		T(test_D01_power_loss_among_lines_that_wait),
		T(test_D01_truncated_at_every_length),
		T(test_A01_damage_that_is_no_accident),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
