/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The readers of scan: sudoers, crontabs and units, keys, the baseline; what is typed into a shell is harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "ztjit/scan/crontab.h"
#include "ztjit/scan/scan.h"
#include "ztjit/scan/sudoers.h"
#include "ztjit/standing.h"

/* "a|b|c" */
static void join(const struct sudoers_list *l, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		(void)snprintf(out + strlen(out), size - strlen(out), "%s%.*s", i > 0 ? "|" : "",
		    (int)l->at[i].n, (const char *)l->at[i].p);
}

static void test_rules(void **state)
{
	static const struct {
		const char *text, *users, *commands, *runas;
		bool nopasswd, by_default;
	} cases[] = {
		{ "root ALL=(ALL:ALL) ALL", "root", "ALL", "ALL", false, false },
		{ "a,b , %c ALL = ALL", "a|b|%c", "ALL", "", false, true },
		{ "a ALL=(root) NOPASSWD: /bin/x -y, /bin/z", "a", "/bin/x -y|/bin/z", "root", true, false },
		{ "a ALL=(www-data) /bin/x, (root) /bin/y", "a", "/bin/x|/bin/y", "www-data|root", false,
		    false },
		{ "a h1,h2=NOPASSWD:ALL", "a", "ALL", "", true, true },
		{ "a h1=/bin/x : h2=(b) /bin/y", "a", "/bin/x|/bin/y", "b", false, true },
		{ "a ALL=NOPASSWD: SETENV: /bin/x, PASSWD: /bin/y", "a", "/bin/x|/bin/y", "", true, true },
		{ "a ALL=(:wheel) /bin/x", "a", "/bin/x", "", false, false },
		{ "a ALL=(b, c : d) /bin/x", "a", "/bin/x", "b|c", false, false },
		{ "a ALL=() /bin/x", "a", "/bin/x", "", false, false },
		{ "\"Domain Admins\" ALL=ALL", "Domain Admins", "ALL", "", false, true },
		{ "%Domain\\ Admins ALL=ALL", "%Domain\\ Admins", "ALL", "", false, true },
		{ "#1000 ALL=ALL", "#1000", "ALL", "", false, true },
		{ "%#10 ALL=ALL", "%#10", "ALL", "", false, true },
		{ "+netgroup ALL=ALL", "+netgroup", "ALL", "", false, true },
		{ "ALL,!bob ALL=ALL", "ALL|!bob", "ALL", "", false, true },
		{ "a ALL=CWD=/tmp /bin/x", "a", "/bin/x", "", false, true },
		{ "a ALL=NOTBEFORE=20250101000000Z NOPASSWD: /bin/x", "a", "/bin/x", "", true, true },
		{ "a ALL=sha256:abcd /bin/x", "a", "/bin/x", "", false, true },
		{ "a ALL=/bin/x a\\,b\\:c, !/bin/y", "a", "/bin/x a\\,b\\:c|!/bin/y", "", false, true },
		{ "a ALL=NOTHING : h=/bin/x", "a", "NOTHING|/bin/x", "", false, true },
		{ "a ALL=/bin/x \"a,b\"", "a", "/bin/x \"a,b\"", "", false, true },
	};
	struct sudoers_rule *rule = calloc(1, sizeof *rule);
	char text[512];

	(void)state;
	assert_non_null(rule);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int r = sudoers_rule_read(ztj_view_str(cases[i].text), rule);

		if (r != ZTJ_OK)
			fail_msg("%s: %s", cases[i].text, ztj_err_name(r));
		join(&rule->users, text, sizeof text);
		assert_string_equal(text, cases[i].users);
		join(&rule->commands, text, sizeof text);
		assert_string_equal(text, cases[i].commands);
		join(&rule->runas, text, sizeof text);
		assert_string_equal(text, cases[i].runas);
		assert_int_equal(rule->nopasswd, cases[i].nopasswd);
		if (rule->runas_default != cases[i].by_default)
			fail_msg("%s: as root by default?", cases[i].text);
	}
	free(rule);
}

static void test_what_is_no_rule(void **state)
{
	static const char *const cases[] = { "", "a", "a b", "a b c", "a ALL=", "a ALL=(root",
		"a ALL=(root) ", "= ALL", ", ALL=ALL", "a , ALL=ALL", "a ALL=/bin/x,", "a ALL=/bin/x : h",
		"a ALL=/bin/x : =/bin/y" };
	struct sudoers_rule *rule = calloc(1, sizeof *rule);

	(void)state;
	assert_non_null(rule);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (sudoers_rule_read(ztj_view_str(cases[i]), rule) == ZTJ_OK)
			fail_msg("'%s' is taken for a rule", cases[i]);
	free(rule);
}

static void test_lines(void **state)
{
	static const char text[] = "# comment \\\n"
				   "a ALL=ALL # the rest\n"
				   "\n"
				   "b ALL=/bin/x, \\\n"
				   "  /bin/y\n"
				   "#include /etc/more\n"
				   "@includedir /etc/\"d\n"
				   "#1000 ALL=ALL\n"
				   "Defaults\tenv_reset\n"
				   "Defaults:a !authenticate\n"
				   "Defaultsx ALL=ALL\n"
				   "Cmnd_Alias X=/bin/x\n"
				   "c ALL=(#0) ALL\n"
				   "d ALL=/bin/echo \"#1\" \\#2\n"
				   "e\0 ALL=ALL\n"
				   "f ALL=ALL \\";
	static const struct {
		enum sudoers_what what;
		unsigned line, last;
		const char *text;
	} want[] = { { SUDOERS_RULE, 2, 2, "a ALL=ALL" }, { SUDOERS_RULE, 4, 5, "b ALL=/bin/x,    /bin/y" },
		{ SUDOERS_INCLUDE, 6, 6, "#include /etc/more" },
		{ SUDOERS_INCLUDEDIR, 7, 7, "@includedir /etc/\"d" }, { SUDOERS_RULE, 8, 8, "#1000 ALL=ALL" },
		{ SUDOERS_DEFAULTS, 9, 9, "Defaults\tenv_reset" },
		{ SUDOERS_DEFAULTS, 10, 10, "Defaults:a !authenticate" },
		{ SUDOERS_RULE, 11, 11, "Defaultsx ALL=ALL" },
		{ SUDOERS_ALIAS, 12, 12, "Cmnd_Alias X=/bin/x" }, { SUDOERS_RULE, 13, 13, "c ALL=(#0) ALL" },
		{ SUDOERS_RULE, 14, 14, "d ALL=/bin/echo \"#1\" \\#2" }, { SUDOERS_BAD, 15, 15, NULL },
		{ SUDOERS_RULE, 16, 16, "f ALL=ALL \\" } };
	struct sudoers_item it;
	struct sudoers p;
	size_t i = 0;

	(void)state;
	sudoers_init(&p, ztj_view_of(text, sizeof text - 1));
	for (; sudoers_next(&p, &it) == ZTJ_OK; i++) {
		assert_true(i < sizeof want / sizeof want[0]);
		assert_int_equal(it.line, want[i].line);
		assert_int_equal(it.last, want[i].last);
		assert_int_equal(it.what, want[i].what);
		if (want[i].text != NULL && !ztj_view_eq_str(it.text, want[i].text))
			fail_msg("%.*s", (int)it.text.n, (const char *)it.text.p);
	}
	assert_int_equal(i, sizeof want / sizeof want[0]);
	sudoers_free(&p);
}

static void test_aliases_and_defaults(void **state)
{
	struct ztj_view text = ztj_view_str("User_Alias A = x, %y : B=z"), name, path;
	struct sudoers_list *l = calloc(1, sizeof *l);
	enum sudoers_alias kind;
	char out[64];

	(void)state;
	assert_non_null(l);
	assert_int_equal(sudoers_alias_begin(&text, &kind), ZTJ_OK);
	assert_int_equal(kind, SUDOERS_USER);
	assert_int_equal(sudoers_alias_next(&text, &name, l), ZTJ_OK);
	assert_true(ztj_view_eq_str(name, "A"));
	join(l, out, sizeof out);
	assert_string_equal(out, "x|%y");
	assert_int_equal(sudoers_alias_next(&text, &name, l), ZTJ_OK);
	assert_true(ztj_view_eq_str(name, "B"));
	assert_int_equal(sudoers_alias_next(&text, &name, l), ZTJ_NOT_FOUND);
	assert_int_equal(sudoers_include_read(ztj_view_str("@include \"/etc/a b\""), &path), ZTJ_OK);
	assert_true(ztj_view_eq_str(path, "/etc/a b"));
	assert_true(
	    sudoers_defaults_has(ztj_view_str("Defaults env_reset, ! authenticate"), "authenticate", '!'));
	assert_true(sudoers_defaults_has(ztj_view_str("Defaults:a !authenticate"), "authenticate", '!'));
	assert_false(sudoers_defaults_has(ztj_view_str("Defaults authenticate"), "authenticate", '!'));
	assert_false(sudoers_defaults_has(ztj_view_str("Defaults !authenticated"), "authenticate", '!'));
	assert_true(sudoers_defaults_has(ztj_view_str("Defaults exempt_group = adm"), "exempt_group", '='));
	free(l);
}

static void test_crontabs(void **state)
{
	static const struct {
		const char *line;
		bool with_user;
		const char *user, *command; /* NULL: no job */
	} cases[] = { { "* * * * * root /bin/x y", true, "root", "/bin/x y" },
		{ "@daily root /bin/x", true, "root", "/bin/x" },
		{ "0 3\t* * 1-5 /bin/x", false, "", "/bin/x" }, { "# * * * * * root x", true, NULL, NULL },
		{ "PATH=/bin:/usr/bin", true, NULL, NULL }, { "MAILTO = a b c d e f g", true, NULL, NULL },
		{ "", true, NULL, NULL }, { "* * * * *", false, NULL, NULL },
		{ "* * * * * root", true, NULL, NULL }, { "@reboot", false, NULL, NULL } };
	struct cron_job job;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool is = cron_line_read(ztj_view_str(cases[i].line), cases[i].with_user, &job);

		if (is != (cases[i].command != NULL))
			fail_msg("%s", cases[i].line);
		if (!is)
			continue;
		assert_true(ztj_view_eq_str(job.user, cases[i].user));
		assert_true(ztj_view_eq_str(job.command, cases[i].command));
	}
}

static void test_units(void **state)
{
	struct unit_line u;
	bool plus;

	(void)state;
	assert_true(unit_line_read(ztj_view_str(" ExecStart = -/bin/x --y=z "), &u));
	assert_true(ztj_view_eq_str(u.key, "ExecStart"));
	assert_true(ztj_view_eq_str(unit_program(u.value, &plus), "/bin/x"));
	assert_false(plus);
	assert_true(ztj_view_eq_str(unit_program(ztj_view_str("@+!/bin/x argv0"), &plus), "/bin/x"));
	assert_true(plus);
	assert_true(ztj_view_eq_str(unit_program(ztj_view_str("\"/opt/a b\" c"), &plus), "/opt/a b"));
	assert_int_equal(unit_program(ztj_view_str("\"/opt/a"), &plus).n, 0);
	assert_int_equal(unit_program(ztj_view_str("-@"), &plus).n, 0);
	assert_false(unit_line_read(ztj_view_str("[Service]"), &u));
	assert_false(unit_line_read(ztj_view_str("#a=b"), &u));
	assert_false(unit_line_read(ztj_view_str("=b"), &u));
}

#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIGm1u3o7bRr4r8JzJp3pXWJm0QyYg8o1q2bq0sXo7QhN"

static void test_keys(void **state)
{
	static const struct {
		const char *line, *options; /* NULL: no key */
	} cases[] = { { "ssh-ed25519 " BLOB " a b", "" },
		{ "command=\"a \\\"b\\\" c\",no-pty ssh-rsa " BLOB, "command=\"a \\\"b\\\" c\",no-pty" },
		{ "  cert-authority sk-ssh-ed25519@openssh.com " BLOB, "cert-authority" },
		{ "# ssh-ed25519 " BLOB, NULL }, { "", NULL }, { "ssh-ed25519", NULL },
		{ "ssh-ed25519 AAAA", NULL }, { "x y " BLOB, NULL },
		{ "command=\"ssh-ed25519 " BLOB, NULL } };
	struct scan_key k;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool is = scan_key_parse(ztj_view_str(cases[i].line), &k);

		if (is != (cases[i].options != NULL))
			fail_msg("%s", cases[i].line);
		if (!is)
			continue;
		assert_true(ztj_view_eq_str(k.options, cases[i].options));
		assert_true(ztj_view_eq_str(k.blob, BLOB));
	}
}

#define FINGER "0123456789abcdef0123"
#define UNTIL "2027-01-01T00:00:00Z"

static void test_baseline(void **state)
{
	static const struct {
		const char *text;
		int want;
		unsigned line;
	} cases[] = { { "", ZTJ_OK, 0 }, { "# a\n\n" FINGER " " UNTIL " why not\n", ZTJ_OK, 3 },
		{ FINGER " " UNTIL " a", ZTJ_OK, 1 }, { "\n" FINGER " " UNTIL, ZTJ_CONFIG, 2 },
		{ FINGER, ZTJ_CONFIG, 1 }, { FINGER " 2027-01-01 a", ZTJ_CONFIG, 1 },
		{ FINGER "0 " UNTIL " a", ZTJ_CONFIG, 1 },
		{ "0123456789ABCDEF0123 " UNTIL " a", ZTJ_CONFIG, 1 },
		{ FINGER " " UNTIL " a\033b", ZTJ_CONFIG, 1 },
		{ FINGER " " UNTIL " a\n" FINGER " " UNTIL " b\n", ZTJ_CONFIG, 2 },
		{ "\xff", ZTJ_CONFIG, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scan_baseline b;
		unsigned line;
		int r = scan_baseline_parse(ztj_view_str(cases[i].text), &b, &line);

		if (r != cases[i].want || line != cases[i].line)
			fail_msg("%s: %s, line %u", cases[i].text, ztj_err_name(r), line);
		if (r == ZTJ_OK)
			scan_baseline_free(&b);
	}
}

/* What is written is read again, in place of what stood there. */
static void test_baseline_put(void **state)
{
	const struct scan_exception x = { .finger = FINGER, .until = 1798761600, .reason = "new" };
	struct scan_baseline b;
	struct ztj_buf out;
	unsigned line;

	(void)state;
	ztj_buf_init(&out, SCAN_BASELINE_MAX);
	assert_int_equal(scan_baseline_put(ztj_view_str("# keep\n" FINGER " " UNTIL
							" old\nffffffffffffffffffff " UNTIL " other"),
			     &x, "setuid /x", &out),
	    ZTJ_OK);
	assert_non_null(strstr(ztj_buf_str(&out), "# keep\nffffffffffffffffffff"));
	assert_int_equal(scan_baseline_parse(ztj_buf_view(&out), &b, &line), ZTJ_OK);
	assert_int_equal(b.n, 2);
	assert_string_equal(b.at[1].finger, FINGER);
	assert_string_equal(b.at[1].reason, "new");
	assert_int_equal(b.at[1].until, 1798761600);
	scan_baseline_free(&b);
	ztj_buf_free(&out);
}

/* What bash prints for this command. */
static void bash(const char *command, char *out, size_t size)
{
	int fd[2], status;
	ssize_t got;
	size_t n = 0;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(fd[1], 1) == 1 && close(fd[0]) == 0)
			(void)execlp("bash", "bash", "-c", command, (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	while (n < size - 1 && (got = read(fd[0], out + n, size - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	(void)close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Every byte that a name may have goes through bash and comes out the same. */
static void test_L01_quoted_for_bash(void **state)
{
	char name[260], command[4096], out[512];
	struct scan s;
	size_t n = 0;

	(void)state;
	assert_int_equal(scan_new(&s, NULL, 0), ZTJ_OK);
	for (int c = 255; c > 0; c--)
		name[n++] = (char)c;
	name[n] = '\0';
	(void)snprintf(command, sizeof command, "bash -c %s",
	    scan_quote(&s, scan_text(&s, "printf %%s %s", scan_quote(&s, name))));
	for (const char *p = command; *p != '\0'; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
	bash(command, out, sizeof out);
	assert_string_equal(out, name);
	assert_string_equal(scan_quote(&s, "/a/b-c_d.e"), "/a/b-c_d.e");
	assert_string_equal(scan_quote(&s, "-x"), "'-x'");
	assert_string_equal(scan_quote(&s, ""), "''");
	assert_string_equal(scan_delete_lines(&s, "/f", ztj_view_str("a*[.]|'\\ \t$b"), ztj_view_of(NULL, 0)),
	    "sed -i $'\\\\|^a\\\\*\\\\[\\\\.\\\\]\\\\|\\'\\\\\\\\ \\011\\\\$b$|d' /f");
	assert_string_equal(scan_operand(&s, "-x"), "-- '-x'");
	assert_string_equal(scan_operand(&s, "x"), "x");
	scan_free(&s);
}

/* What is printed takes out that line, and no line that only looks like it: root's own rule stays. */
static void test_L01_deletes_that_line_alone(void **state)
{
	static const struct {
		const char *text, *first, *last, *left;
	} cases[] = {
		{ "root ALL=ALL\n\303\251 ALL=ALL\n%sudo ALL=ALL\n", "\303\251 ALL=ALL", NULL,
		    "root ALL=ALL\n%sudo ALL=ALL\n" },
		{ "ro't ALL\nroot ALL\nro\001t ALL\n", "ro't ALL", NULL, "root ALL\nro\001t ALL\n" },
		{ "ro\001t ALL\nroot ALL\n", "ro\001t ALL", NULL, "root ALL\n" },
		{ "a|b\nab\na\na\\|b\n", "a|b", NULL, "ab\na\na\\|b\n" },
		{ "a\\nb\na\nb\nanb\n", "a\\nb", NULL, "a\nb\nanb\n" },
		{ "a\tb\na b\natb\n", "a\tb", NULL, "a b\natb\n" },
		{ "\377\n\376\nx\n", "\377", NULL, "\376\nx\n" },
		{ "a$(id)`id`;\nx\n", "a$(id)`id`;", NULL, "x\n" },
		{ "a \\\n/a\na \\\n/b\nroot\n", "a \\", "/b", "a \\\n/a\nroot\n" },
		{ "a \\\n/a\na \\\n/b\nroot\n", "a \\", "/a", "a \\\n/b\nroot\n" },
		{ "a \\\n/a, \\\n/b\na \\\n/b\nx\n", "a \\", "/b", "a \\\n/a, \\\n/b\nx\n" },
	};
	char path[] = "test_scan.XXXXXX", command[256], out[512];
	struct scan s;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(scan_new(&s, NULL, 0), ZTJ_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *whole = strdup(cases[i].last != NULL ? "" : cases[i].first);
		struct ztj_view first, last = { .n = 0 };
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		assert_true(fputs(cases[i].text, f) >= 0);
		assert_int_equal(fclose(f), 0);
		if (cases[i].last != NULL) {
			free(whole);
			assert_true(asprintf(&whole, "%s\n%s", cases[i].first, cases[i].last) > 0);
			last = ztj_view_of((uint8_t *)whole + strlen(cases[i].first) + 1,
			    strlen(cases[i].last));
		}
		assert_non_null(whole);
		first = ztj_view_of((uint8_t *)whole, strlen(cases[i].first));
		bash(scan_delete_lines(&s, path, first, last), out, sizeof out);
		(void)snprintf(command, sizeof command, "cat %s", path);
		bash(command, out, sizeof out);
		if (strcmp(out, cases[i].left) != 0)
			fail_msg("%zu: %s left\n%s", i, scan_delete_lines(&s, path, first, last), out);
		free(whole);
	}
	(void)close(fd);
	(void)unlink(path);
	scan_free(&s);
}

static void test_L01_replaces_that_line_alone(void **state)
{
	static const char text[] = "group: sss\ngroup:\tfiles sss # |&\\'\n";
	char path[] = "test_scan.XXXXXX", command[64], out[512];
	int fd = mkstemp(path);
	struct scan s;

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	(void)close(fd);
	assert_int_equal(scan_new(&s, NULL, 0), ZTJ_OK);
	bash(scan_replace_line(&s, path, ztj_view_str("group:\tfiles sss # |&\\'"),
		 "group: files [NOTFOUND=return] ztjit"),
	    out, sizeof out);
	(void)snprintf(command, sizeof command, "cat %s", path);
	bash(command, out, sizeof out);
	assert_string_equal(out, "group: sss\ngroup: files [NOTFOUND=return] ztjit\n");
	(void)unlink(path);
	scan_free(&s);
}

/* A second name of root's is taken out, and root stays, and whoever has that name with another uid. */
static void test_L01_another_root_goes_alone(void **state)
{
	static const char text[] =
	    "root:x:0:0::/:/bin/sh\nroo.:x:0:0::/:/bin/sh\n-x:x:0:0::/:\na'b:x:00:0::/:\n"
	    "axb:x:0:0::/:\nroo.:x:1000:0::/:/bin/sh\n";
	static const char left[] = "root:x:0:0::/:/bin/sh\naxb:x:0:0::/:\nroo.:x:1000:0::/:/bin/sh\n";
	static const char *const names[] = { "roo.", "-x", "a'b" };
	char path[] = "test_scan.XXXXXX", command[1024], out[512];
	struct scan_account other = { .name = "roo.", .uid = 1000 };
	int fd = mkstemp(path);
	struct scan s;

	(void)state;
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	(void)close(fd);
	assert_int_equal(scan_new(&s, NULL, 0), ZTJ_OK);
	s.account = &other;
	s.naccounts = 1;
	for (size_t i = 0; i < 3; i++) {
		const char *said = scan_delete_root(&s, names[i]), *at = strstr(said, "/etc/passwd");

		assert_non_null(at);
		/* the shadow line of a name that two have stays */
		assert_int_equal(strstr(said, "/etc/shadow") == NULL, i == 0);
		(void)snprintf(command, sizeof command, "%.*s%s", (int)(at - said), said, path);
		bash(command, out, sizeof out);
	}
	(void)snprintf(command, sizeof command, "cat %s", path);
	bash(command, out, sizeof out);
	assert_string_equal(out, left);
	(void)unlink(path);
	s.account = NULL;
	s.naccounts = 0;
	scan_free(&s);
}

/* Of each host what it last said by then; who had said nothing does not count. */
static void test_trend(void **state)
{
	struct standing_day web[] = { { 200, 3 }, { 100, 5 }, { 400, 0 } }, db[] = { { 300, 2 } };
	struct standing_host host[] = { { .ndays = 3, .day = web }, { .ndays = 1, .day = db },
		{ .ndays = 0 } };
	const struct standing s = { .n = 3, .host = host };
	size_t hosts;

	(void)state;
	assert_int_equal(standing_then(&s, 99, &hosts), 0);
	assert_int_equal(hosts, 0);
	assert_int_equal(standing_then(&s, 250, &hosts), 3);
	assert_int_equal(hosts, 1);
	assert_int_equal(standing_then(&s, 300, &hosts), 5);
	assert_int_equal(hosts, 2);
	assert_int_equal(standing_then(&s, 1000, &hosts), 2);
	assert_int_equal(hosts, 2);
}

/* What a host says of itself cannot be another line of the report, nor a number that upsets the sum. */
static void test_L01_a_hosts_words_are_plain(void **state)
{
	static const struct {
		const char *json;
		bool plain;
	} cases[] = {
		{ "{\"standing\": 3, \"kinds\": {\"key\": 2}, \"problems\": [\"/x: y\"], \"reason\": null}",
		    true },
		{ "{\"entries\": [{\"object\": \"x\\nservers/web1: clean\"}]}", false },
		{ "{\"problems\": [\"\\u001b[2J\"]}", false }, { "{\"kinds\": {\"a\\nb\": 1}}", false },
		{ "{\"what\": \"\\u202egnp\"}", false }, { "{\"kinds\": {\"key\": -1}}", false },
		{ "{\"kinds\": {\"key\": 9223372036854775807}}", false },
		{ "{\"kinds\": {\"key\": 1.5}}", false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *o = json_loads(cases[i].json, 0, NULL);

		assert_non_null(o);
		if (standing_plain(o) != cases[i].plain)
			fail_msg("%s", cases[i].json);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_what_is_no_rule),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_aliases_and_defaults),
		cmocka_unit_test(test_crontabs),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_baseline_put),
		cmocka_unit_test(test_L01_quoted_for_bash),
		cmocka_unit_test(test_L01_deletes_that_line_alone),
		cmocka_unit_test(test_L01_replaces_that_line_alone),
		cmocka_unit_test(test_L01_another_root_goes_alone),
		cmocka_unit_test(test_trend),
		cmocka_unit_test(test_L01_a_hosts_words_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
