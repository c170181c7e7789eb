/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The book of ids, what the machine has by itself, and how the warden puts files in place. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/names.h"
#include "tests/core/support.h"
#include "ztjit-hostd/idbook.h"
#include "ztjit-hostd/localids.h"
#include "ztjit-hostd/warden.h"

static char dir[64], path[128];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/ztjit-ids.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/ids", dir);
	return 0;
}

static int gone(const char *p, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(p);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, gone, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the book ---- */

static void test_an_id_is_given_once(void **state)
{
	struct ztj_idbook b = { 0 };

	(void)state;
	ok(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req1", 20001));
	ok(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req1", 20001));
	assert_int_equal(b.n, 1);
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req1", 20002), ZTJ_EXISTS);
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req2", 20001), ZTJ_EXISTS);
	fails(ztj_idbook_add(&b, ZTJ_ID_GROUP, "req1", 20001), ZTJ_EXISTS);
	ok(ztj_idbook_add(&b, ZTJ_ID_GROUP, "ztjit-root", 61000));
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req1", 61000), ZTJ_EXISTS); /* both taken, by two */
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "Req3", 20003), ZTJ_BAD_NAME);
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "a name", 20003), ZTJ_BAD_NAME);
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req3", 0), ZTJ_BAD_NAME);
	fails(ztj_idbook_add(&b, ZTJ_ID_PERSON, "req3", UINT32_MAX), ZTJ_BAD_NAME);
	assert_null(ztj_idbook_named(&b, "req3"));
	assert_null(ztj_idbook_of(&b, 20003));
	ztj_idbook_free(&b);
}

static void test_it_survives(void **state)
{
	struct ztj_idbook b = { 0 };
	char name[16];

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		ok(ztj_idbook_add(&b, i % 7 == 0 ? ZTJ_ID_GROUP : ZTJ_ID_PERSON, name, 20000 + i));
	}
	ok(ztj_idbook_store(&b, path));
	ztj_idbook_free(&b);
	ok(ztj_idbook_load(&b, path, geteuid()));
	assert_int_equal(b.n, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(ztj_idbook_named(&b, name)->id, 20000 + i);
		assert_string_equal(ztj_idbook_of(&b, 20000 + i)->name, name);
		assert_int_equal(ztj_idbook_of(&b, 20000 + i)->kind,
		    i % 7 == 0 ? ZTJ_ID_GROUP : ZTJ_ID_PERSON);
	}
	/* nothing new, nothing written */
	assert_int_equal(unlink(path), 0);
	ok(ztj_idbook_store(&b, path));
	assert_int_not_equal(access(path, F_OK), 0);
	ztj_idbook_free(&b);
	ok(ztj_idbook_load(&b, path, geteuid()));
	assert_int_equal(b.n, 0);
}

static void test_a_damaged_book_is_none(void **state)
{
	static const char *const bad[] = { "", "ztjit-ids 2\n", "ztjit-ids 1\np req1 20001",
		"ztjit-ids 1\np req1\n", "ztjit-ids 1\nx req1 20001\n", "ztjit-ids 1\np req1 020001\n",
		"ztjit-ids 1\np req1 0\n", "ztjit-ids 1\np req1 4294967295\n", "ztjit-ids 1\np Req1 20001\n",
		"ztjit-ids 1\np req1 20001 \n", "ztjit-ids 1\n\n",
		"ztjit-ids 1\np req1 20001\np req1 20001\n", "ztjit-ids 1\np req1 20001\np req2 20001\n",
		"ztjit-ids 1\np req1 20001\ng req1 20002\n" };
	static const char good[] = "ztjit-ids 1\np req1 20001\ng ztjit-root 61000\n";
	struct ztj_idbook b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(ztj_idbook_parse(&b, ztj_view_str(bad[i])), ZTJ_OK);
		assert_null(b.e);
	}
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		int r = ztj_idbook_parse(&b, ztj_view_of(good, n));
		assert_int_equal(r == ZTJ_OK, n == 12 || n == 25); /* whole lines */
		ztj_idbook_free(&b);
	}
	ok(ztj_idbook_parse(&b, ztj_view_str(good)));
	assert_int_equal(b.n, 2);
	ztj_idbook_free(&b);
}

/* ---- passwd and group ---- */

static void test_locals(void **state)
{
	static const char passwd[] =
	    "root:x:0:0:root:/root:/bin/bash\n# a comment: x:1:1\n\n+nis:::::\n"
	    "  lead1:x:0020003:20003::/:/bin/sh\nbroken:x:abc:1\nshort:x\nnoname\n:x:5:5\n"
	    "big:x:4294967296:1\nlast:x:7:100";
	static const char group[] = "root:x:0:\nusers:x:100:lead1,last\nempty:x:61000:,\nnofield:x:8\n";
	struct ztj_locals l;

	(void)state;
	ok(ztj_locals_parse(ztj_view_str(passwd), ztj_view_str(group), &l));
	assert_int_equal(l.nusers, 3);
	assert_int_equal(l.ngroups, 4);
	assert_int_equal(ztj_locals_user(&l, "lead1")->uid, 20003);
	assert_string_equal(ztj_locals_uid(&l, 20003, NULL)->name, "lead1");
	assert_string_equal(ztj_locals_uid(&l, 7, NULL)->name, "last");
	assert_null(ztj_locals_user(&l, "nis"));
	assert_null(ztj_locals_user(&l, "broken"));
	assert_null(ztj_locals_uid(&l, 5, NULL));
	assert_true(ztj_locals_group(&l, "users")->members);
	assert_false(ztj_locals_group(&l, "root")->members);
	assert_false(ztj_locals_gid(&l, 61000, NULL)->members);
	assert_int_equal(ztj_locals_group(&l, "nofield")->gid, 8);
	assert_true(ztj_locals_anybody(&l, 100));
	assert_false(ztj_locals_anybody(&l, 61000));
	ztj_locals_free(&l);
	/* a NUL would hide the rest from us alone */
	fails(ztj_locals_parse(ztj_view_of("a:x:1:1\n\0b:x:2:2\n", 17), ztj_view_str(group), &l),
	    ZTJ_BAD_ENCODING);
	fails(ztj_locals_read("/nonexistent", "/etc/group", 0, &l), ZTJ_NOT_FOUND);
	ok(ztj_locals_read("/etc/passwd", "/etc/group", 0, &l));
	assert_int_equal(ztj_locals_user(&l, "root")->uid, 0);
	ztj_locals_free(&l);
}

/* The C library takes the first of a name, and the groups of every line; nothing hides behind a namesake. */
static void test_N03_locals_with_two_lines(void **state)
{
	static const char passwd[] = "z:x:3:3\nreq1:x:20001:100\na:x:1:1\nreq1:x:5:100\nother:x:20002:100\n"
				     "req2:x:20002:100\nb:x:20002:100\n";
	static const char group[] =
	    "ztjit-root:x:61000:\nback:x:61000:eve\nztjit-db:x:61001:\nztjit-db:x:61001:eve\n"
	    "own:x:20001:\nreq1:x:20001:\n";
	struct ztj_locals l;

	(void)state;
	ok(ztj_locals_parse(ztj_view_str(passwd), ztj_view_str(group), &l));
	assert_int_equal(ztj_locals_user(&l, "req1")->uid, 20001);
	assert_null(ztj_locals_uid(&l, 20001, "req1"));
	assert_non_null(ztj_locals_uid(&l, 20002, "req2"));
	assert_non_null(ztj_locals_uid(&l, 20002, "b"));
	assert_string_equal(ztj_locals_gid(&l, 61000, "ztjit-root")->name, "back");
	assert_string_equal(ztj_locals_gid(&l, 20001, "req1")->name, "own");
	assert_true(ztj_locals_anybody(&l, 61000));
	assert_true(ztj_locals_anybody(&l, 61001));
	assert_false(ztj_locals_anybody(&l, 20001));
	ztj_locals_free(&l);
}

/* ---- publication ---- */

static int memfd(const char *text, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void reads(const char *name, const char *text)
{
	char at[128], got[64] = "";
	struct stat st;
	int fd;

	(void)snprintf(at, sizeof(at), "%.63s/%s", dir, name);
	fd = open(at, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	assert_string_equal(got, text);
	(void)close(fd);
	(void)snprintf(at, sizeof(at), "%.63s/%s.tmp", dir, name);
	assert_int_not_equal(access(at, F_OK), 0);
}

#define ALL (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void test_a_sealed_memfd_becomes_a_file(void **state)
{
	int one = memfd("one", ALL), two = memfd("two", ALL);
	mode_t old = umask(077);
	char other[128], at[128];

	(void)state;
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, one));
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, two));
	reads("people", "one");
	reads("grants", "two");
	/* links in the way are replaced, and lead nowhere */
	(void)snprintf(other, sizeof(other), "%.63s/other", dir);
	(void)snprintf(at, sizeof(at), "%.63s/people.tmp", dir);
	assert_int_equal(symlink(other, at), 0);
	(void)snprintf(at, sizeof(at), "%.63s/people", dir);
	assert_int_equal(unlink(at), 0);
	assert_int_equal(symlink(other, at), 0);
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, two));
	reads("people", "two");
	assert_int_not_equal(access(other, F_OK), 0);
	(void)umask(old);
	(void)close(one);
	(void)close(two);
}

static void test_nothing_else_does(void **state)
{
	int open_ended = memfd("x", F_SEAL_SHRINK | F_SEAL_GROW), empty = memfd("", ALL),
	    good = memfd("x", ALL);
	int plain = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pipes[2];
	char at[128];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, open_ended), ZTJ_PROTOCOL);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, plain), ZTJ_PROTOCOL);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, pipes[0]), ZTJ_PROTOCOL);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, empty), ZTJ_TOO_LARGE);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISHED, good), ZTJ_PROTOCOL);
	fails(ztj_warden_publish("/nonexistent", ZTJ_PUBLISH_PEOPLE, good), ZTJ_IO);
	(void)snprintf(at, sizeof(at), "%.63s/people", dir);
	assert_int_not_equal(access(at, F_OK), 0);
	/* what cannot be replaced stays as it is */
	assert_int_equal(mkdir(at, 0700), 0);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, good), ZTJ_IO);
	(void)snprintf(at, sizeof(at), "%.63s/people.tmp", dir);
	assert_int_not_equal(access(at, F_OK), 0);
	(void)close(open_ended);
	(void)close(empty);
	(void)close(good);
	(void)close(plain);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* A revoked membership would go on for as long as nobody can write. */
static void test_D02_grants_that_cannot_be_replaced_are_removed(void **state)
{
	int good = memfd("x", ALL);
	char at[128], in_the_way[128];

	(void)state;
	(void)snprintf(at, sizeof(at), "%.63s/grants", dir);
	(void)snprintf(in_the_way, sizeof(in_the_way), "%.63s/grants.tmp", dir);
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, good));
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, good));
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, good), ZTJ_IO);
	assert_int_not_equal(access(at, F_OK), 0);
	assert_int_equal(rmdir(in_the_way), 0);
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, good));
	reads("grants", "x");
	/* who somebody is stays */
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_PEOPLE, -1), ZTJ_PROTOCOL);
	reads("people", "x");
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, -1));
	assert_int_not_equal(access(at, F_OK), 0);
	ok(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, -1));
	(void)close(good);
}

static void test_too_large_is_refused(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)ZTJ_NAMES_MAX_SIZE + 1), 0); /* a hole: it costs nothing */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, ALL), 0);
	fails(ztj_warden_publish(dir, ZTJ_PUBLISH_GRANTS, fd), ZTJ_TOO_LARGE);
	(void)close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_an_id_is_given_once), T(test_it_survives),
		T(test_a_damaged_book_is_none), T(test_locals), T(test_N03_locals_with_two_lines),
		T(test_a_sealed_memfd_becomes_a_file), T(test_nothing_else_does),
		T(test_D02_grants_that_cannot_be_replaced_are_removed), T(test_too_large_is_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
