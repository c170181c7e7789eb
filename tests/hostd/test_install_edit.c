/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Lines of ours in nsswitch.conf and sudo.conf, and which line of sshd_config wins. */
#include "tests/hostd/irig.h"
#include "ztjit-hostd/nscd.h"

struct edit_case {
	const char *in, *out; /* out NULL: refused */
	int r;
};

static const struct edit_case nss[] = {
	{ "passwd: files\ngroup: files\n", "passwd: files ztjit\ngroup: files ztjit\n", ZTJ_OK },
	{ "passwd:         files systemd\ngroup:          files systemd\nshadow: files\n",
	    "passwd:         files systemd ztjit\ngroup:          files systemd ztjit\nshadow: files\n",
	    ZTJ_OK },
	{ "# c\n\npasswd: files # mine\ngroup:\tfiles   \n",
	    "# c\n\npasswd: files ztjit # mine\ngroup:\tfiles ztjit   \n", ZTJ_OK },
	{ "passwd: files ztjit\ngroup: ztjit files\n", "passwd: files ztjit\ngroup: ztjit files\n", ZTJ_OK },
	{ "passwd : compat\ngroup :files", "passwd : compat ztjit\ngroup :files ztjit", ZTJ_OK },
	{ "", "passwd:         files ztjit\ngroup:          files ztjit\n", ZTJ_OK },
	{ "hosts: files dns", "hosts: files dns\npasswd:         files ztjit\ngroup:          files ztjit\n",
	    ZTJ_OK },
	{ "passwd: files\n", "passwd: files ztjit\ngroup:          files ztjit\n", ZTJ_OK },
	{ "passwd: files\ngroup: files [SUCCESS=merge] systemd\ninitgroups: files\n",
	    "passwd: files ztjit\ngroup: files [SUCCESS=merge] systemd ztjit\ninitgroups: files ztjit\n",
	    ZTJ_OK },
	{ "passwd: files[UNAVAIL=return]sss\ngroup: files\n",
	    "passwd: files[UNAVAIL=return]sss ztjit\ngroup: files ztjit\n", ZTJ_OK },
	{ "PASSWD: files\nGroup: files\n", "PASSWD: files ztjit\nGroup: files ztjit\n", ZTJ_OK },
	{ "passwd: files ztjitx\ngroup: files\n", "passwd: files ztjitx ztjit\ngroup: files ztjit\n",
	    ZTJ_OK },
	{ "#passwd: files\npasswd:\ngroup: files\n", "#passwd: files\npasswd: ztjit\ngroup: files ztjit\n",
	    ZTJ_OK },
	{ "passwd: files\r\ngroup: files\r\n", "passwd: files ztjit\r\ngroup: files ztjit\r\n", ZTJ_OK },
	{ "passwd: files [NOTFOUND=return]\ngroup: files\n", NULL, ZTJ_STATE },
	{ "passwd: files [ notfound = return ] sss\ngroup: files\n", NULL, ZTJ_STATE },
	{ "passwd: files\ngroup: files [SUCCESS=merge\n", NULL, ZTJ_STATE },
	{ "passwd: files\ngroup: files [SUCCESS=merge # ]\n", NULL, ZTJ_STATE },
	{ "passwd: files\ngroup: files [!SUCCESS=return]\n", NULL, ZTJ_STATE },
	{ "passwd: files\ngroup: files [!NOTFOUND=return]\n",
	    "passwd: files ztjit\ngroup: files [!NOTFOUND=return] ztjit\n", ZTJ_OK },
};

static const struct edit_case sudo_conf[] = {
	{ "", "Set group_source dynamic\n", ZTJ_OK },
	{ "# c\nSet disable_coredump false\n", "# c\nSet disable_coredump false\nSet group_source dynamic\n",
	    ZTJ_OK },
	{ "# c", "# c\nSet group_source dynamic\n", ZTJ_OK },
	{ "Set group_source static\nPath askpass /x\n", "Set group_source dynamic\nPath askpass /x\n",
	    ZTJ_OK },
	{ "  set\tgroup_source  adaptive  \n", "  set\tgroup_source  dynamic  \n", ZTJ_OK },
	{ "Set group_source dynamic\n", "Set group_source dynamic\n", ZTJ_OK },
	{ "Set group_source\n", "Set group_source dynamic\n", ZTJ_OK },
	{ "#Set group_source static\n", "#Set group_source static\nSet group_source dynamic\n", ZTJ_OK },
	{ "Plugin x y \\\nSet group_source static\n",
	    "Plugin x y \\\nSet group_source static\nSet group_source dynamic\n", ZTJ_OK },
	{ "Set group_source static\nSet group_source adaptive",
	    "Set group_source dynamic\nSet group_source dynamic", ZTJ_OK },
	{ "Path x \\\n", NULL, ZTJ_BAD_TEXT },
	{ "Set group_source \\\nstatic\n", NULL, ZTJ_BAD_TEXT },
};

static int edit_nss(struct ztj_view in, struct ztj_buf *out)
{
	unsigned line;

	return ztj_inst_edit_nss(in, out, &line);
}

/* Twice is the same as once. */
static void check(const struct edit_case *c, size_t n, int (*edit)(struct ztj_view in, struct ztj_buf *out))
{
	for (size_t i = 0; i < n; i++) {
		struct ztj_buf once, twice;
		ztj_buf_init(&once, 65536);
		ztj_buf_init(&twice, 65536);
		assert_string_equal(ztj_err_name(edit(ztj_view_str(c[i].in), &once)), ztj_err_name(c[i].r));
		if (c[i].out != NULL) {
			assert_string_equal(ztj_buf_str(&once), c[i].out);
			assert_int_equal(edit(ztj_buf_view(&once), &twice), ZTJ_OK);
			assert_true(ztj_view_eq(ztj_buf_view(&once), ztj_buf_view(&twice)));
		}
		ztj_buf_free(&once);
		ztj_buf_free(&twice);
	}
}

static void test_nsswitch(void **state)
{
	struct ztj_buf b;
	unsigned line;

	(void)state;
	check(nss, sizeof(nss) / sizeof(nss[0]), edit_nss);
	ztj_buf_init(&b, 4096);
	assert_int_equal(ztj_inst_edit_nss(ztj_view_str("# 1\ngroup: files\npasswd: a [NOTFOUND=return]\n"),
			     &b, &line),
	    ZTJ_STATE);
	assert_int_equal(line, 3);
	assert_int_equal(ztj_inst_edit_nss(ztj_view_of("passwd: files\n\0group: files\n", 28), &b, &line),
	    ZTJ_BAD_TEXT);
	ztj_buf_free(&b);
}

static void test_sudo_conf(void **state)
{
	struct ztj_buf b;

	(void)state;
	check(sudo_conf, sizeof(sudo_conf) / sizeof(sudo_conf[0]), ztj_inst_edit_sudo_conf);
	ztj_buf_init(&b, 4096);
	assert_int_equal(ztj_inst_edit_sudo_conf(ztj_view_of("a\0b", 3), &b), ZTJ_BAD_TEXT);
	ztj_buf_free(&b);
}

/* ---- sshd_config ---- */

static void test_lines(void **state)
{
	static const struct {
		const char *in, *key, *args;
	} c[] = { { "UsePAM yes", "usepam", "yes" }, { "  UsePAM\tyes  # why", "usepam", "yes" },
		{ "UsePAM=yes", "usepam", "yes" }, { "UsePAM = yes", "usepam", "yes" },
		{ "Banner \"/a b\"", "banner", "/a b" },
		{ "AuthorizedPrincipalsCommand /x %u  %t", "authorizedprincipalscommand", "/x %u %t" },
		{ "Include a b", "include", "a b" }, { "# UsePAM no", NULL, NULL }, { "", NULL, NULL },
		{ " \t", NULL, NULL }, { "UsePAM", "usepam", "" }, { "\"UsePAM\" no", "usepam", "no" },
		{ "\"Match\"=User x", "match", "User x" }, { "\"UsePAM", "usepam", "" },
		{ "\"", NULL, NULL } };
	struct ztj_inst_sshd_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		assert_int_equal(ztj_inst_sshd_line(ztj_view_str(c[i].in), &l), c[i].key != NULL);
		if (c[i].key == NULL)
			continue;
		assert_string_equal(l.key, c[i].key);
		assert_string_equal(l.args, c[i].args);
	}
}

#define OURS "/etc/ssh/sshd_config.d/10-ztjit.conf"
#define INCLUDE "Include /etc/ssh/sshd_config.d/*.conf\n"

static int wins(struct ztj_inst *in)
{
	static const char drop_in[] =
	    "UsePAM yes\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
	    "KbdInteractiveAuthentication no\n";

	*in = irig_inst();
	return ztj_inst_sshd_wins(in, OURS, ztj_view_str(drop_in));
}

static void test_C06_which_line_wins(void **state)
{
	static const struct {
		const char *main, *early, *late;
		int r;
		const char *named;
	} c[] = { { INCLUDE "PasswordAuthentication yes\n", NULL, NULL, ZTJ_OK, "" },
		{ "UsePAM yes\n" INCLUDE, NULL, NULL, ZTJ_OK, "" },
		{ "Include sshd_config.d/*.conf\n", NULL, "PasswordAuthentication yes\n", ZTJ_OK, "" },
		{ "\"UsePAM\" no\n" INCLUDE, NULL, NULL, ZTJ_STATE, "/etc/ssh/sshd_config:1: usepam no" },
		{ INCLUDE "Match User x\n\"PasswordAuthentication\" yes\n", NULL, NULL, ZTJ_STATE,
		    "/etc/ssh/sshd_config:3: passwordauthentication yes" },
		{ "UsePAM no\n" INCLUDE, NULL, NULL, ZTJ_STATE, "/etc/ssh/sshd_config:1: usepam no" },
		{ "PermitRootLogin without-password\n" INCLUDE, NULL, NULL, ZTJ_OK, "" },
		{ "ChallengeResponseAuthentication yes\n" INCLUDE, NULL, NULL, ZTJ_STATE,
		    "challengeresponseauthentication yes" },
		{ INCLUDE, "# x\nPasswordAuthentication yes\n", NULL, ZTJ_STATE,
		    "05-early.conf:2: passwordauthentication yes" },
		{ INCLUDE, "X11Forwarding no\nPasswordAuthentication=\"no\"\n", NULL, ZTJ_OK, "" },
		{ INCLUDE "Match User backup\nPasswordAuthentication yes\n", NULL, NULL, ZTJ_STATE,
		    "sshd_config:3: passwordauthentication yes" },
		{ INCLUDE "Match all\nPasswordAuthentication no\n", NULL, NULL, ZTJ_OK, "" },
		{ INCLUDE, NULL, "Match Group x\n UsePAM no\n", ZTJ_STATE, "90-late.conf:2: usepam no" },
		{ "Match User x\n" INCLUDE, NULL, NULL, ZTJ_STATE, "only below a Match line" },
		{ "UsePAM yes\n", NULL, NULL, ZTJ_STATE, "does not include" },
		{ "Include /etc/ssh/other.d/*\n", NULL, NULL, ZTJ_STATE, "does not include" },
		{ INCLUDE, "Include /etc/ssh/sshd_config.d/05-early.conf\n", NULL, ZTJ_LIMIT,
		    "include each other" } };
	struct ztj_inst in;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		irig_put("/etc/ssh/sshd_config", c[i].main);
		irig_put("/etc/ssh/sshd_config.d/05-early.conf", c[i].early);
		irig_put("/etc/ssh/sshd_config.d/90-late.conf", c[i].late);
		for (unsigned there = 0; there < 2; there++) {
			irig_put(OURS, there ? "UsePAM yes\n" : NULL);
			assert_string_equal(ztj_err_name(wins(&in)), ztj_err_name(c[i].r));
			assert_non_null(strstr(in.err, c[i].named));
		}
	}
}

static void test_effective(void **state)
{
	struct ztj_view want = ztj_view_str(
	    "# c\nUsePAM yes\nPermitRootLogin prohibit-password\nAuthorizedKeysFile none\n");
	struct ztj_inst in = irig_inst();
	static const char good[] =
	    "port 22\nusepam yes\npermitrootlogin without-password\nauthorizedkeysfile none\npubkeyauthentication yes\n";

	(void)state;
	assert_int_equal(ztj_inst_sshd_effective(&in, want, ztj_view_str(good)), ZTJ_OK);
	assert_int_equal(ztj_inst_sshd_effective(&in, want, ztj_view_str("usepam no\n")), ZTJ_STATE);
	assert_non_null(strstr(in.err, "usepam no"));
	/* Whatever is missing from what it says does not stand. */
	for (size_t n = 0; n < sizeof(good) - 2; n++)
		assert_int_equal(ztj_inst_sshd_effective(&in, want, ztj_view_of(good, n)), ZTJ_STATE);
	assert_int_equal(ztj_inst_sshd_effective(&in, ztj_view_str("# nothing\n"), ztj_view_str(good)),
	    ZTJ_INTERNAL);
}

/* Which of nscd's caches are on: N05. */
static void test_N05_nscd(void **state)
{
	static const struct {
		const char *conf;
		bool passwd, group;
	} cases[] = { { "", false, false }, { "enable-cache passwd yes\n", true, false },
		{ "\tenable-cache\t\tgroup\t\tyes\n", false, true },
		{ "Enable-Cache group yes # x\nenable-cache passwd yes", true, true },
		{ "enable-cache passwd yes\nenable-cache passwd no\n", false, false },
		{ "enable-cache passwd no\nenable-cache passwd yes\n", true, false },
		{ "#enable-cache passwd yes\nenable-cache #group yes\nenable-cache group\n", false, false },
		{ "enable-cache hosts yes\nenable-cachex group yes\n", false, false },
		{ "enable-cache group YES\nenable-cache passwd nope\n", true, true },
		{ "enable-cache group no#\n", false, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ztj_nscd_keeps k = { true, true };

		ztj_nscd_read(ztj_view_str(cases[i].conf), &k);
		if (k.passwd != cases[i].passwd || k.group != cases[i].group)
			fail_msg("%s", cases[i].conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nsswitch), cmocka_unit_test(test_sudo_conf),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_C06_which_line_wins),
		cmocka_unit_test(test_effective), cmocka_unit_test(test_N05_nscd) };

	return cmocka_run_group_tests(tests, irig_setup, irig_teardown);
}
