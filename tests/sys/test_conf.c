/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/confscan.h"
#include "libztjit/sys/conf.h"
#include "libztjit/sys/safefile.h"

struct demo {
	int64_t port, every;
	bool loud;
	char *name;
	struct ztj_conf_list users;
};

static const struct ztj_conf_key table[] = {
	{ "port", ZTJ_CONF_INT, offsetof(struct demo, port), 1, 65535, "8443", "where to listen" },
	{ "every", ZTJ_CONF_DURATION, offsetof(struct demo, every), 1, 3600, "5s", "how often" },
	{ "loud", ZTJ_CONF_BOOL, offsetof(struct demo, loud), 0, 0, "false", "say more" },
	{ "name", ZTJ_CONF_STRING, offsetof(struct demo, name), 1, 32, NULL, "who we are" },
	{ "users", ZTJ_CONF_STRINGS, offsetof(struct demo, users), 1, 4, "a b", "who may" },
};
#define NKEYS (sizeof table / sizeof table[0])

static char path[64];
static char err[256];

static int load(const char *text, struct demo *d)
{
	memset(d, 0, sizeof *d);
	assert_int_equal(ztj_file_write(path, ztj_view_str(text), 0600), ZTJ_OK);
	return ztj_conf_load(table, NKEYS, path, getuid(), d, err, sizeof err);
}

static void refused(const char *text, const char *says)
{
	struct demo d;
	assert_int_equal(load(text, &d), ZTJ_CONFIG);
	if (strstr(err, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, says);
}

static void test_values_and_defaults(void **state)
{
	(void)state;
	struct demo d;
	assert_int_equal(load("name = \"x \\\"y\\\"\"; users = [ \"one\" ];\n", &d), ZTJ_OK);
	assert_int_equal(d.port, 8443);
	assert_int_equal(d.every, 5);
	assert_string_equal(d.name, "x \"y\"");
	assert_int_equal(d.users.n, 1);
	ztj_conf_free(table, NKEYS, &d);
	assert_int_equal(load("name = \"x\"; loud = true; every = \"1h\"; port = 1;", &d), ZTJ_OK);
	assert_true(d.loud);
	assert_int_equal(d.every, 3600);
	assert_int_equal(d.users.n, 2);
	ztj_conf_free(table, NKEYS, &d);
}

static void test_dump_is_a_fixed_point(void **state)
{
	(void)state;
	struct demo d;
	struct ztj_buf one, two;
	ztj_buf_init(&one, 8192);
	ztj_buf_init(&two, 8192);
	assert_int_equal(load("name = \"back\\\\slash\"; every = \"90s\";", &d), ZTJ_OK);
	assert_int_equal(ztj_conf_dump(table, NKEYS, &d, &one), ZTJ_OK);
	ztj_conf_free(table, NKEYS, &d);
	assert_int_equal(load(ztj_buf_str(&one), &d), ZTJ_OK);
	assert_int_equal(ztj_conf_dump(table, NKEYS, &d, &two), ZTJ_OK);
	ztj_conf_free(table, NKEYS, &d);
	assert_true(ztj_view_eq(ztj_buf_view(&one), ztj_buf_view(&two)));
	ztj_buf_free(&one);
	ztj_buf_free(&two);
}

static void test_F02_refusals_name_line_and_key(void **state)
{
	(void)state;
	refused("name = \"x\";\nnmae = \"y\";", ":2: nmae: unknown key");
	refused("name = \"x\";\nport = 1;\nport = 2;", ":3: duplicate");
	refused("name = \"x\";\nport = \"1\";", ":2: port: wrong type");
	refused("name = \"x\"; port = 0;", "port: out of range");
	refused("name = \"x\"; port = 65536;", "port: out of range");
	refused("name = \"\";", "name: out of range");
	refused("port = 1;", "name: is required");
	refused("", "name: is required");
	refused("name = \"x\"; users = [ ];", "users: out of range");
	refused("name = \"x\"; every = \"0s\";", "every: wrong type");
	refused("name = \"x\"; every = 5;", "every: wrong type");
	refused("name = \"x\"; port = 99999999999;", "32 bits");
	refused("@include \"/etc/passwd\"\nname = \"x\";", "never included");
	refused("name = \"x\"\x01;", "control character");
	refused("name = \"x", "does not end");
	refused("name = \"x\"; port = 1.5;", "decimal");
	refused("name = \"x\"; port = 0x10;", "decimal");
}

static void test_F02_missing_file(void **state)
{
	(void)state;
	struct demo d = { 0 };
	(void)unlink(path);
	assert_int_equal(ztj_conf_load(table, NKEYS, path, getuid(), &d, err, sizeof err), ZTJ_NOT_FOUND);
}

static void test_F01_unsafe_file(void **state)
{
	(void)state;
	struct demo d = { 0 };
	assert_int_equal(ztj_file_write(path, ztj_view_str("name = \"x\";"), 0666), ZTJ_OK);
	assert_int_equal(ztj_conf_load(table, NKEYS, path, getuid(), &d, err, sizeof err), ZTJ_UNSAFE_FILE);
}

static void test_scan_accepts_what_looks_odd_but_is_fine(void **state)
{
	(void)state;
	unsigned line;
	const char *what;
	const char
	    *ok = "a = \"@include\"; # @include\n/* @ */ b = -2147483648; // x\n c-d = [ 2147483647, +1 ];";
	assert_int_equal(ztj_confscan(ztj_view_str(ok), &line, &what), ZTJ_OK);
	assert_int_equal(ztj_confscan(ztj_view_of("a\0b", 3), &line, &what), ZTJ_CONFIG);
	assert_int_equal(ztj_confscan(ztj_view_str("a = 1;\n/* \n"), &line, &what), ZTJ_CONFIG);
	assert_int_equal(ztj_confscan(ztj_view_str("\na = \"\\x41\";"), &line, &what), ZTJ_CONFIG);
	assert_int_equal(line, 2);
	assert_int_equal(ztj_confscan(ztj_view_of(NULL, 0), &line, &what), ZTJ_OK);
}

int main(void)
{
	(void)snprintf(path, sizeof path, "/tmp/ztjit-conf-%ld", (long)getpid());
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_and_defaults),
		cmocka_unit_test(test_dump_is_a_fixed_point),
		cmocka_unit_test(test_F02_refusals_name_line_and_key),
		cmocka_unit_test(test_F02_missing_file),
		cmocka_unit_test(test_F01_unsafe_file),
		cmocka_unit_test(test_scan_accepts_what_looks_odd_but_is_fine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	return failed;
}
