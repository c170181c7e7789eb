/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/support.h"
#include "ztjit-hostd/hostconf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD "urls = [ \"https://broker:8443\" ];\ndirectory = \"servers\";\nname = \"web1\";\n"

static struct ztj_hostconf conf;
static char err[512];

static int load(const char *text, mode_t mode)
{
	char path[4096];

	(void)unlink("hostd.conf");
	write_file("hostd.conf", ztj_view_str(text));
	assert_int_equal(chmod("hostd.conf", mode), 0);
	assert_non_null(realpath("hostd.conf", path));
	return ztj_hostconf_load(path, geteuid(), &conf, err, sizeof(err));
}

static void test_defaults_and_dump(void **state)
{
	struct ztj_buf b, again;

	(void)state;
	ok(load(GOOD, 0644));
	assert_string_equal(conf.fullname, "servers/web1");
	assert_string_equal(conf.run, "/run/ztjit");
	assert_string_equal(conf.gate_user, "ztjit-gate");
	ztj_buf_init(&b, 65536);
	ztj_buf_init(&again, 65536);
	ok(ztj_hostconf_dump(&conf, &b));
	ztj_hostconf_free(&conf);
	ok(load(ztj_buf_str(&b), 0644));
	ok(ztj_hostconf_dump(&conf, &again));
	assert_true(ztj_view_eq(ztj_buf_view(&b), ztj_buf_view(&again)));
	ztj_hostconf_free(&conf);
	ztj_buf_free(&b);
	ztj_buf_free(&again);
}

static void test_no_cgroups_only_when_asked_for(void **state)
{
	(void)state;
	ok(load(GOOD, 0644));
	assert_false(conf.by_audit);
	ztj_hostconf_free(&conf);
	ok(load(GOOD "cgroup = \"none\";\n", 0644));
	assert_true(conf.by_audit);
	ztj_hostconf_free(&conf);
}

static void test_F02_refused_whole(void **state)
{
	static const char *const bad[] = {
		"",
		"urls = [ ];\ndirectory = \"servers\";\nname = \"web1\";\n",
		"urls = [ \"http://broker\" ];\ndirectory = \"servers\";\nname = \"web1\";\n",
		GOOD "nmae = \"x\";\n",
		GOOD "name = \"web1\";\n",
		GOOD "reserve = \"x\";\n",
		GOOD "reserve = 1;\n",
		GOOD "state = \"relative\";\n",
		GOOD "gate_user = \"ztjit-mirror\";\n",
		"urls = [ \"https://b\" ];\ndirectory = \"Servers\";\nname = \"web1\";\n",
		"urls = [ \"https://b\" ];\ndirectory = \"servers\";\nname = \"web1/../x\";\n",
		"@include \"x\"\n" GOOD,
		GOOD "reserve = ;\n",
		GOOD "cgroup = \"None\";\n",
		GOOD "cgroup = \"none\";\nrecorder = \"forced\";\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(load(bad[i], 0644), ZTJ_CONFIG);
		assert_non_null(strstr(err, "hostd.conf"));
	}
	fails(load(GOOD "\n\nnmae = \"x\";\n", 0644), ZTJ_CONFIG);
	assert_non_null(strstr(err, "hostd.conf:6: nmae"));
}

static void test_F01_unsafe(void **state)
{
	(void)state;
	fails(load(GOOD, 0666), ZTJ_UNSAFE_FILE);
	fails(ztj_hostconf_load("/nonexistent/hostd.conf", geteuid(), &conf, err, sizeof(err)),
	    ZTJ_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_and_dump),
		cmocka_unit_test(test_no_cgroups_only_when_asked_for),
		cmocka_unit_test(test_F02_refused_whole),
		cmocka_unit_test(test_F01_unsafe),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
