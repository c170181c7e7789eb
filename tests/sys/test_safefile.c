/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[2][128];
	static unsigned turn;
	char *p = path[turn++ % 2];
	(void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/ztjit-safefile-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int drop_dir(void **state)
{
	(void)state;
	static const char *const names[] = { "f", "g", "d/f", "d", "fifo", "link" };
	(void)chmod(dir, 0700);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove(in_dir(names[i]));
	return rmdir(dir);
}

static int read_with(const char *path, bool secret, bool parents, size_t max)
{
	const struct ztj_file_rule rule = { .owner = getuid(), .secret = secret, .check_parents = parents };
	struct ztj_buf b;
	ztj_buf_init(&b, 4096);
	int r = ztj_file_read(path, &rule, max, &b);
	if (r == ZTJ_OK)
		assert_true(ztj_view_eq_str(ztj_buf_view(&b), "hello"));
	ztj_buf_free(&b);
	return r;
}

static void put(const char *path, mode_t mode)
{
	assert_int_equal(ztj_file_write(path, ztj_view_str("hello"), mode), ZTJ_OK);
}

static void test_write_then_read(void **state)
{
	(void)state;
	put(in_dir("f"), 0600);
	assert_int_equal(read_with(in_dir("f"), true, false, 100), ZTJ_OK);
	put(in_dir("f"), 0644);
	assert_int_equal(read_with(in_dir("f"), false, true, 100), ZTJ_OK);
	assert_int_equal(read_with(in_dir("f"), true, false, 100), ZTJ_UNSAFE_FILE);
	assert_int_equal(read_with(in_dir("f"), false, false, 4), ZTJ_TOO_LARGE);
	assert_int_equal(read_with(in_dir("none"), false, false, 4), ZTJ_NOT_FOUND);
}

static void test_F01_writable_by_others(void **state)
{
	(void)state;
	put(in_dir("f"), 0664);
	assert_int_equal(read_with(in_dir("f"), false, false, 100), ZTJ_UNSAFE_FILE);
	put(in_dir("f"), 0646);
	assert_int_equal(read_with(in_dir("f"), false, false, 100), ZTJ_UNSAFE_FILE);
}

static void test_F01_writable_parent(void **state)
{
	(void)state;
	assert_int_equal(ztj_dir_make(in_dir("d"), 0755, (uid_t)-1, (gid_t)-1), ZTJ_OK);
	put(in_dir("d/f"), 0600);
	assert_int_equal(read_with(in_dir("d/f"), false, true, 100), ZTJ_OK);
	assert_int_equal(chmod(in_dir("d"), 0777), 0);
	assert_int_equal(read_with(in_dir("d/f"), false, true, 100), ZTJ_UNSAFE_FILE);
	assert_int_equal(chmod(in_dir("d"), 0755), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(read_with(in_dir("d/f"), false, true, 100), ZTJ_UNSAFE_FILE);
}

static void test_F01_link_fifo_directory(void **state)
{
	(void)state;
	put(in_dir("f"), 0600);
	assert_int_equal(symlink(in_dir("f"), in_dir("link")), 0);
	assert_int_equal(read_with(in_dir("link"), false, false, 100), ZTJ_UNSAFE_FILE);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(read_with(in_dir("fifo"), false, false, 100), ZTJ_UNSAFE_FILE);
	assert_int_equal(read_with(dir, false, false, 100), ZTJ_UNSAFE_FILE);
}

static void test_F01_wrong_owner(void **state)
{
	(void)state;
	put(in_dir("f"), 0644);
	int fd = open(in_dir("f"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	const struct ztj_file_rule other = { .owner = getuid() + 1 };
	/* root's files are trusted by everybody, others' only by themselves */
	assert_int_equal(ztj_file_check_fd(fd, &other), getuid() == 0 ? ZTJ_OK : ZTJ_UNSAFE_FILE);
	(void)close(fd);
}

static void test_create_never_overwrites(void **state)
{
	(void)state;
	assert_int_equal(ztj_file_create(in_dir("f"), ztj_view_str("hello"), 0600), ZTJ_OK);
	assert_int_equal(ztj_file_create(in_dir("f"), ztj_view_str("other"), 0600), ZTJ_EXISTS);
	assert_int_equal(read_with(in_dir("f"), true, false, 100), ZTJ_OK);
}

static void test_dir_make_checks_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(ztj_dir_make(in_dir("d"), 0700, (uid_t)-1, (gid_t)-1), ZTJ_OK);
	assert_int_equal(ztj_dir_make(in_dir("d"), 0700, (uid_t)-1, (gid_t)-1), ZTJ_OK);
	assert_int_equal(ztj_dir_make(in_dir("d"), 0750, (uid_t)-1, (gid_t)-1), ZTJ_UNSAFE_FILE);
	assert_int_equal(symlink(in_dir("d"), in_dir("link")), 0);
	assert_int_not_equal(ztj_dir_make(in_dir("link"), 0700, (uid_t)-1, (gid_t)-1), ZTJ_OK);
}

/* It would be refused as another's ever after. */
static void test_dir_that_cannot_be_given_away_is_not_left(void **state)
{
	(void)state;
	if (geteuid() == 0)
		return; /* root can */
	assert_int_equal(ztj_dir_make(in_dir("d"), 0700, geteuid() + 1, (gid_t)-1), ZTJ_IO);
	assert_int_equal(ztj_dir_make(in_dir("d"), 0700, geteuid(), (gid_t)-1), ZTJ_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write_then_read, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_F01_writable_by_others, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_F01_writable_parent, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_F01_link_fifo_directory, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_F01_wrong_owner, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_create_never_overwrites, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_dir_make_checks_what_is_there, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(test_dir_that_cannot_be_given_away_is_not_left, make_dir,
		    drop_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
