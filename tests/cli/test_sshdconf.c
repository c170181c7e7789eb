/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sshd_config: which file and line it is that counts (C06). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "ztjit/doctor/sshdconf.h"

/* Files by path, in pairs, in the order of a glob; NULL ends. */
static int read_pairs(void *arg, const char *path, struct ztj_buf *text)
{
	for (const char *const *p = arg; p[0] != NULL; p += 2)
		if (strcmp(p[0], path) == 0)
			return ztj_buf_puts(text, p[1]);
	return ZTJ_NOT_FOUND;
}

static int expand(void *arg, const char *pattern, int (*each)(void *eacharg, const char *path), void *eacharg)
{
	int r = ZTJ_OK;

	for (const char *const *p = arg; p[0] != NULL && r == ZTJ_OK; p += 2)
		if (fnmatch(pattern, p[0], FNM_PATHNAME) == 0)
			r = each(eacharg, p[0]);
	return r;
}

static int load(const char *const *pairs, struct sshdc *c)
{
	const struct sshdc_source from = { read_pairs, expand, (void *)(uintptr_t)pairs };

	return sshdc_read(&from, "/etc/ssh/sshd_config", c);
}

static void expect(const struct sshdc *c, const char *keyword, const char *value, const char *file,
    unsigned line)
{
	const struct sshdc_setting *s = sshdc_first(c, keyword);

	assert_non_null(s);
	assert_string_equal(s->value, value);
	assert_string_equal(s->file, file);
	assert_int_equal(s->line, line);
}

/* C06: a drop-in that is read before ours wins over it. */
static void test_first_wins(void **state)
{
	static const char *const pairs[] = { "/etc/ssh/sshd_config",
		"# x\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nPasswordAuthentication yes\n",
		"/etc/ssh/sshd_config.d/05-a.conf", "passwordauthentication  \"yes\"   # no\n",
		"/etc/ssh/sshd_config.d/10-ztjit.conf", "\n\nPasswordAuthentication no\nUsePAM=yes\n",
		"/etc/ssh/sshd_config.d/ignored", "UsePAM no\n", NULL };
	struct sshdc c;

	(void)state;
	assert_int_equal(load(pairs, &c), ZTJ_OK);
	expect(&c, "passwordauthentication", "yes", "/etc/ssh/sshd_config.d/05-a.conf", 1);
	expect(&c, "usepam", "yes", "/etc/ssh/sshd_config.d/10-ztjit.conf", 4);
	assert_int_equal(c.nfiles, 3);
	assert_null(sshdc_first(&c, "banner"));
	sshdc_free(&c);
}

static void test_match(void **state)
{
	static const char *const pairs[] = { "/etc/ssh/sshd_config",
		"Include sshd_config.d/*.conf\nUsePAM yes\nMatch User deploy,x Address 10.0.0.0/8\n UsePAM no\n"
		" Include /etc/ssh/inside\nForceCommand a  b\nMatch all\nBanner none\n",
		"/etc/ssh/sshd_config.d/1.conf", "Match Group y\nUsePAM no\n", "/etc/ssh/inside",
		"X11Forwarding yes\nMatch all\nPermitTTY no\n", NULL };
	struct sshdc c;

	(void)state;
	assert_int_equal(load(pairs, &c), ZTJ_OK);
	assert_int_equal(c.n, 7);
	/* the block of an included file ends with it */
	assert_string_equal(c.s[0].match, "Group y");
	expect(&c, "usepam", "yes", "/etc/ssh/sshd_config", 2);
	assert_string_equal(c.s[2].match, "User deploy,x Address 10.0.0.0/8");
	/* and everything in a file that a block includes is of that block */
	assert_string_equal(c.s[3].keyword, "x11forwarding");
	assert_string_equal(c.s[3].match, "User deploy,x Address 10.0.0.0/8");
	assert_string_equal(c.s[4].match, "User deploy,x Address 10.0.0.0/8");
	assert_string_equal(c.s[5].value, "a b");
	assert_non_null(c.s[5].match);
	expect(&c, "banner", "none", "/etc/ssh/sshd_config", 8);
	sshdc_free(&c);
}

static void test_odd(void **state)
{
	static const char *const pairs[] = { "/etc/ssh/sshd_config",
		"\t UsePAM\tno\n=x\nAuthorizedKeysFile=\"/a b\" 'c d' e\\\"f#g #h\n\n#\nBanner\nSubsystem sftp  internal-sftp -f X",
		NULL };
	static const char *const self[] = { "/etc/ssh/sshd_config", "Include sshd_config\n", NULL };
	static const char *const none[] = { NULL };
	struct sshdc c;

	(void)state;
	assert_int_equal(load(pairs, &c), ZTJ_OK);
	expect(&c, "usepam", "no", "/etc/ssh/sshd_config", 1);
	expect(&c, "authorizedkeysfile", "/a b c d e\"f#g", "/etc/ssh/sshd_config", 3);
	expect(&c, "banner", "", "/etc/ssh/sshd_config", 6);
	expect(&c, "subsystem", "sftp internal-sftp -f X", "/etc/ssh/sshd_config", 7);
	sshdc_free(&c);
	assert_int_equal(load(self, &c), ZTJ_LIMIT);
	assert_int_equal(load(none, &c), ZTJ_NOT_FOUND);
}

static void test_effective(void **state)
{
	static const char dump[] = "port 22\nusepam yes\nusepamx no\nsubsystem sftp /usr/lib/x\nlast one";
	char value[16];

	(void)state;
	assert_true(sshdc_effective(dump, "usepam", value, sizeof value));
	assert_string_equal(value, "yes");
	assert_true(sshdc_effective(dump, "last", value, sizeof value));
	assert_string_equal(value, "one");
	assert_true(sshdc_effective(dump, "subsystem", value, sizeof value));
	assert_false(sshdc_effective(dump, "subsystem", value, 8));
	assert_false(sshdc_effective(dump, "use", value, sizeof value));
	assert_false(sshdc_effective("", "usepam", value, sizeof value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_effective),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
