/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* scan over trees made of a few files: who a rule reaches, what counts, what could not be looked at. Nothing here is root's, so rows
 * of the kind "writable" say so and are passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ztjit/scan/scan.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	(void)snprintf(full, sizeof full, "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	if (strstr(path, "shadow") != NULL)
		assert_int_equal(chmod(full, 0600), 0);
}

/* The accounts of every tree: alice is a person, boss too and in wheel. */
static int set_up(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "scan-tree.XXXXXX");
	assert_non_null(mkdtemp(root));
	put("/etc/passwd",
	    "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nalice:x:1000:1000::/home/alice:/bin/sh\n"
	    "boss:x:1001:1001::/home/boss:/bin/sh\n");
	put("/etc/group",
	    "root:x:0:\nstaff:x:50:\nwheel:x:10:boss\nempty:x:70:\nops:x:71:alice\nztjit-root:x:72:\nalice:x:1000:\n");
	put("/etc/shadow", "root:*:1::::::\ndaemon:*:1::::::\nalice:!:1::::::\nboss:!:1::::::\n");
	return 0;
}

static int drop(const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)st;
	(void)where;
	return what == FTW_DP ? rmdir(path) : unlink(path);
}

static int tear_down(void **state)
{
	char closed[128];

	(void)state;
	(void)snprintf(closed, sizeof closed, "%s/srv/closed", root);
	(void)chmod(closed, 0700);
	assert_int_equal(nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}

/* "kind object:line risk" of every row, a line each, sorted as scan sorts; problems follow as "? text". */
static char *look(void)
{
	struct ztj_buf b;
	struct scan s;
	char *text;

	ztj_buf_init(&b, 1 << 20);
	assert_int_equal(scan_new(&s, root, 1800000000), ZTJ_OK);
	assert_int_equal(scan_run(&s), ZTJ_OK);
	for (size_t i = 0; i < s.n; i++)
		if (strcmp(s.entry[i].kind, "writable") != 0) {
			assert_true(strncmp(s.entry[i].remove, "chroot ", 7) == 0);
			(void)ztj_buf_printf(&b, "%s %s:%u %s\n", s.entry[i].kind, s.entry[i].object,
			    s.entry[i].line, scan_risk_name(s.entry[i].risk));
		}
	for (size_t i = 0; i < s.nproblems; i++)
		(void)ztj_buf_printf(&b, "? %s\n", s.problem[i]);
	scan_free(&s);
	text = strdup(b.n > 0 ? ztj_buf_str(&b) : "");
	assert_non_null(text);
	ztj_buf_free(&b);
	return text;
}

#define WHEEL "group wheel:0 critical\n"

static void finds(const char *want)
{
	char *got = look();

	if (strcmp(got, want) != 0)
		fail_msg("wanted\n%sgot\n%s", want, got);
	free(got);
}

static void test_who_a_rule_reaches(void **state)
{
	static const struct {
		const char *rule, *want; /* the risk; NULL: nobody */
	} cases[] = { { "root ALL=ALL", NULL }, { "#0 ALL=ALL", NULL }, { "%empty ALL=NOPASSWD: ALL", NULL },
		{ "%wheel ALL=ALL", NULL }, /* the row of its member tells */
		{ "%ztjit-root ALL=ALL", NULL }, { "%nosuch ALL=ALL", NULL }, { "%#70 ALL=ALL", NULL },
		{ "%ops ALL=ALL", "high" }, { "%#71 ALL=ALL", "high" },
		{ "alice ALL=NOPASSWD: ALL", "critical" }, { "alice ALL=/bin/x", "medium" },
		{ "alice ALL=NOPASSWD: /bin/x", "high" }, { "alice ALL=(daemon) ALL", "medium" },
		{ "alice ALL=(daemon, root) ALL", "high" }, { "gone ALL=ALL", "high" },
		{ "!alice ALL=ALL", NULL }, { "!!alice ALL=ALL", "high" }, { "!NOT ALL=ALL", "high" },
		{ "NOT ALL=ALL", NULL }, { "!!NOT ALL=ALL", NULL }, { "!SOME ALL=ALL", NULL },
		{ "LOOP ALL=ALL", "high" }, { "root, alice ALL=ALL", "high" }, { "NONE ALL=ALL", NULL },
		{ "SOME ALL=ALL", "high" }, { "alice ALL=EVERY", "high" },
		{ "alice ALL=(SUPER) /bin/x", "medium" }, { "+net ALL=ALL", "high" },
		{ "%:nonunix ALL=ALL", "high" } };
	char text[512], want[128];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(text, sizeof text,
		    "%s\nUser_Alias NONE = root, %%empty : SOME = NONE, alice : NOT = !alice : "
		    "LOOP = LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP, LOOP\nCmnd_Alias ONE = /bin/x, ALL : EVERY = ONE\n"
		    "Runas_Alias SUPER = root\n",
		    cases[i].rule);
		put("/etc/sudoers", text);
		(void)snprintf(want, sizeof want, "%s%s",
		    cases[i].want == NULL ? "" : "sudoers /etc/sudoers:1 ",
		    cases[i].want == NULL ? "" : cases[i].want);
		char *got = look();
		if ((cases[i].want == NULL && strcmp(got, WHEEL) != 0) || strstr(got, want) == NULL)
			fail_msg("%s: %s", cases[i].rule, got);
		free(got);
	}
}

static void test_groups_of_a_directory_service(void **state)
{
	(void)state;
	put("/etc/nsswitch.conf", "group: files sss\n");
	put("/etc/sudoers", "%admins ALL=ALL\n%ztjit-db ALL=ALL\n");
	finds(WHEEL "sudoers /etc/sudoers:1 high\ngroup /etc/nsswitch.conf:1 medium\n");
}

/* The kernel knows groups by their numbers. */
static void test_groups_under_another_name(void **state)
{
	(void)state;
	put("/etc/group",
	    "root:x:0:\nwheel:x:10:boss\ntoo:x:0:alice\ndocker:x:99:\ndkr:x:99:alice\nalice:x:1000:\n");
	finds("group dkr:0 critical\n" WHEEL "group too:0 high\n");
}

static void test_polkit(void **state)
{
	(void)state;
	put("/etc/polkit-1/rules.d/1.rules",
	    "polkit.addAdminRule(function() {\n return [\"unix-user:0\", \"unix-group:sudo\"];\n});\n"
	    "// unix-user:alice\npolkit.addAdminRule(function() { return [\"unix-group:sudo\", \"unix-user:alice\"]; });\n");
	put("/etc/polkit-1/localauthority.conf.d/a.conf",
	    "[Configuration]\nAdminIdentities=unix-group:sudo;unix-user:0\n");
	put("/etc/polkit-1/localauthority.conf.d/b.conf", "AdminIdentities=unix-group:ops\n");
	put("/usr/share/polkit-1/actions/x.policy", "<defaults>\n<allow_any>yes</allow_any>\n</defaults>\n");
	put("/usr/share/polkit-1/actions/y.policy", "<allow_any>yes</allow_any>\n");
	put("/var/lib/dpkg/info/y.list", "/usr/share/polkit-1/actions/y.policy\n");
	finds(WHEEL "polkit /etc/polkit-1/localauthority.conf.d/b.conf:1 high\n"
		    "polkit /etc/polkit-1/rules.d/1.rules:5 high\n"
		    "polkit /usr/share/polkit-1/actions/x.policy:2 high\n");
}

static void test_pam_without_a_proof(void **state)
{
	(void)state;
	put("/etc/pam.d/su",
	    "auth sufficient pam_rootok.so\nauth [success=done default=ignore] pam_succeed_if.so user = alice\n"
	    "auth [default=ignore success=done] pam_permit.so\nauth [success=1 default=ignore] pam_unix.so\n"
	    "auth required pam_permit.so\n-auth sufficient pam_exec.so /x\naccount sufficient pam_permit.so\n"
	    "auth sufficient pam_succeed_if.so user ingroup nopasswdlogin\n");
	finds(WHEEL
	    "pam /etc/pam.d/su:2 critical\npam /etc/pam.d/su:3 critical\npam /etc/pam.d/su:6 critical\n");
}

/* What stands in no file that is looked at is said, however it is written. */
static void test_accounts_from_elsewhere(void **state)
{
	(void)state;
	put("/etc/nsswitch.conf",
	    "passwd:files systemd ztjit\nGroup :ldap [NOTFOUND=return] files\nshadow: files extrausers # x\n"
	    "sudoers:ldap\n# group: nis\ninitgroups: files [success=continue]\n");
	put("/etc/passwd",
	    "root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n"
	    "boss:x:1001:1001::/home/boss:/bin/sh\n+@admins::::::\n");
	put("/etc/userdb/eve:docker.membership", "");
	put("/run/userdb/eve.user", "{}");
	put("/usr/lib/userdb/README", "");
	finds(WHEEL "group /etc/userdb/eve:docker.membership:0 high\ngroup /run/userdb/eve.user:0 high\n"
		    "group /etc/nsswitch.conf:2 medium\ngroup /etc/nsswitch.conf:3 medium\n"
		    "group /etc/passwd:4 medium\nsudo /etc/nsswitch.conf:4 medium\n");
}

static void test_includes(void **state)
{
	(void)state;
	put("/etc/sudoers",
	    "@include more\n@includedir sudoers.d\n@include /etc/sudoers\n@include /etc/%h\n");
	put("/etc/more", "alice ALL=ALL\n");
	put("/etc/sudoers.d/a", "alice ALL=/bin/a\n");
	put("/etc/sudoers.d/a.bak", "alice ALL=/bin/b\n");
	put("/etc/sudoers.d/b~", "alice ALL=/bin/c\n");
	finds(WHEEL "sudoers /etc/more:1 high\nsudoers /etc/sudoers.d/a:1 medium\n"
		    "? /etc/%h: an include with % or \\ in its name is not followed\n");
}

static void test_other_judges(void **state)
{
	(void)state;
	put("/etc/sudo.conf",
	    "# Plugin x y.so\nPlugin sudoers_policy sudoers.so\nPlugin sudoers_policy sudoers.so sudoers_file=/x\n"
	    "Plugin x y.so\nPath plugin_dir /opt\nPath askpass /x\nSet group_source dynamic\n");
	put("/etc/nsswitch.conf", "group: files ztjit [NOTFOUND=return]\nsudoers: files ldap\n");
	put("/etc/doas.conf",
	    "permit persist :ops\npermit :wheel as daemon cmd x\npermit nopass setenv { A B } alice\ndeny boss\n"
	    "permit root\npermit :empty\n");
	finds(
	    "doas /etc/doas.conf:3 critical\n" WHEEL
	    "doas /etc/doas.conf:1 high\nsudo /etc/sudo.conf:3 high\n"
	    "sudo /etc/sudo.conf:4 high\nsudo /etc/sudo.conf:5 high\ndoas /etc/doas.conf:2 medium\nsudo /etc/nsswitch.conf:2 medium\n");
}

/* sudo takes keywords however they are written, and joins lines. */
static void test_other_judges_hidden(void **state)
{
	(void)state;
	put("/etc/sudo.conf",
	    "pLUGIN x /e.so\nPlugin sudoers_policy /home/alice/sudoers.so\nPlu\\\ngin x /e.so\nPATH sesh /x\n"
	    "Debug sudo /x all@info\n#x\\\n");
	finds(WHEEL "sudo /etc/sudo.conf:1 high\nsudo /etc/sudo.conf:2 high\nsudo /etc/sudo.conf:3 high\n"
		    "sudo /etc/sudo.conf:5 high\n");
}

static void test_sshd_lines_hidden(void **state)
{
	(void)state;
	put("/etc/ssh/sshd_config",
	    "\"PermitEmptyPasswords\" yes\n\"TrustedUserCAKeys\"=/x\nMatch User x\nAuthorizedPrincipalsCommand none\n"
	    "AuthorizedPrincipalsCommand /usr/libexec/ztjit/ztjit-principals %u\n");
	finds(
	    "group wheel:0 critical\nsshd /etc/ssh/sshd_config:2 critical\nsshd /etc/ssh/sshd_config:1 high\n"
	    "sshd /etc/ssh/sshd_config:4 high\n");
}

static void test_what_is_not_understood_is_said(void **state)
{
	(void)state;
	put("/etc/sudoers", "root ALL=ALL\nalice ALL ALL\n");
	finds(WHEEL "? /etc/sudoers:2: not understood as a line of sudoers\n");
}

static void test_accounts(void **state)
{
	(void)state;
	put("/etc/shadow", "root:$y$x:1::::::\ndaemon:$6$x$y:1::::::\nalice:$6$x$y:1::::::\nboss::1::::::\n");
	put("/etc/gshadow", "ops:!::\nwheel:$6$x$y:alice:\nztjit-root:!::alice\n");
	put("/etc/passwd",
	    "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:\nalice:x:1000:70::/home/alice:/bin/sh\n"
	    "boss:x:1001:0::/home/boss:/bin/sh\ntoor:x:00:0::/:/bin/sh\nbad line\nx:y:z\n");
	finds(
	    "group wheel:0 critical\ngroup wheel:0 critical\npassword boss:0 critical\npassword group wheel:0 critical\n"
	    "uid0 toor:0 critical\ngroup root:0 high\ngroup ztjit-root:0 high\npassword alice:0 high\npassword root:0 high\n"
	    "password daemon:0 medium\nshell daemon:0 low\n");
}

static void test_keys_and_links(void **state)
{
	char full[128];

	(void)state;
	put("/home/alice/.ssh/authorized_keys",
	    "from=\"x y\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm1u3o7bRr4r8JzJp3pXWJm0QyYg8o1q2bq0sXo7QhN a\nnonsense\n");
	put("/home/left/.ssh/authorized_keys2",
	    "cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm1u3o7bRr4r8JzJp3pXWJm0QyYg8o1q2bq0sXo7QhN\n");
	put("/home/boss/.ssh/x", "");
	(void)snprintf(full, sizeof full, "%s/home/boss/.ssh/authorized_keys", root);
	assert_int_equal(symlink("/home/alice/.ssh/authorized_keys", full), 0);
	(void)snprintf(full, sizeof full, "%s/home/boss/.ssh/authorized_keys2", root);
	assert_int_equal(mkfifo(full, 0600), 0);
	put("/etc/ssh/sshd_config",
	    "Include sshd_config.d/*.conf\nAuthorizedKeysFile /keys/%u\nPermitRootLogin = \"yes\" # x\n");
	put("/etc/ssh/sshd_config.d/a.conf", "Match User x\n  trustedUserCAKeys /ca.pub\n");
	put("/etc/ssh/sshd_config.d/a.off", "PermitEmptyPasswords yes\n");
	put("/keys/boss",
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPd4VdTqXo3vN2rX0bq9vYF1n0kqFf7bq2m3o4p5q6r7\n");
	finds(WHEEL "key /home/alice/.ssh/authorized_keys:1 critical\nkey /keys/boss:1 critical\n"
		    "sshd /etc/ssh/sshd_config.d/a.conf:2 critical\n"
		    "key /home/left/.ssh/authorized_keys2:1 high\nsshd /etc/ssh/sshd_config:3 high\n"
		    "key /home/alice/.ssh/authorized_keys:1 medium\n");
}

/* Not whole is never clean. */
static void test_what_cannot_be_read(void **state)
{
	char full[128], *got;

	(void)state;
	put("/srv/closed/x", "");
	(void)snprintf(full, sizeof full, "%s/srv/closed", root);
	assert_int_equal(chmod(full, 0001), 0);
	if (geteuid() == 0)
		skip();
	got = look();
	assert_non_null(strstr(got, "? /srv/closed: Permission denied\n"));
	free(got);
	(void)snprintf(full, sizeof full, "%s/etc/shadow", root);
	assert_int_equal(unlink(full), 0);
	got = look();
	assert_non_null(strstr(got, "? /etc/shadow: not there\n"));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_a_rule_reaches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_groups_of_a_directory_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_groups_under_another_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_polkit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pam_without_a_proof, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accounts_from_elsewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_judges_hidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sshd_lines_hidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_includes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_judges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_understood_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys_and_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_read, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
