/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit doctor without a server: its tables and manual, how it looks at files and runs programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "libztjit/sys/safefile.h"
#include "ztjit/doctor/doctor.h"

static const struct doc_table *const host[] = { &doc_hostd, &doc_files, &doc_sshd, &doc_pam, &doc_names,
	&doc_sudo, &doc_machine };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
static char dir[] = "/tmp/ztjit-doctor.XXXXXX";
static struct cli cli;

static const char *in_dir(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static bool in_manual(const char *manual, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = manual; (p = strstr(p, ".It Cm ")) != NULL; p++)
		for (const char *w = p + 7; *w != '\n'; w += strcspn(w, " \n"), w += *w == ' ')
			if (strncmp(w, name, n) == 0 && strchr(" \n", w[n]) != NULL)
				return true;
	return false;
}

/* Names are stable, so they stand in the manual; and each stands once on its side. */
static void test_manual(void **state)
{
	const struct ztj_file_rule rule = { .owner = getuid() };
	const char *src = getenv("ZTJ_SRCDIR"), *seen[128];
	char path[512];
	struct ztj_buf b;
	size_t n = 0;

	(void)state;
	ztj_buf_init(&b, 1 << 20);
	(void)snprintf(path, sizeof path, "%s/man/ztjit-doctor.8", src != NULL ? src : ".");
	assert_int_equal(ztj_file_read(path, &rule, 1 << 19, &b), ZTJ_OK);
	for (size_t t = 0; t < COUNT(host); t++)
		for (size_t i = 0; i < host[t]->n; i++) {
			const struct doc_check *c = &host[t]->check[i];

			if (!in_manual(ztj_buf_str(&b), c->name))
				print_error("%s is not in the manual\n", c->name);
			assert_true(in_manual(ztj_buf_str(&b), c->name));
			assert_true(strlen(c->name) <= 17 && strlen(c->about) > 10);
			for (size_t k = 0; k < n; k++)
				assert_string_not_equal(seen[k], c->name);
			seen[n++] = c->name;
		}
	for (size_t i = 0; i < doc_desk.n; i++)
		assert_true(in_manual(ztj_buf_str(&b), doc_desk.check[i].name));
	assert_false(in_manual(ztj_buf_str(&b), "sshd-log"));
	ztj_buf_free(&b);
}

static void says_much(struct doctor *d)
{
	doc_say(d, DOC_OK, "first");
	doc_say(d, DOC_OK, "second");
	for (int i = 0; i < DOC_FINDINGS_MAX + 3; i++) {
		doc_say(d, i == 2 ? DOC_FAIL : DOC_WARN, "bad %d \033[31m", i);
		doc_todo(d, "mend %d", i);
	}
	doc_say(d, DOC_OK, "last");
}

/* The worst counts, the others show, and what stands in files reaches no terminal raw (L01). */
static void test_findings(void **state)
{
	static const struct doc_check check = { "x", "y", says_much };
	struct doctor d = { .c = &cli };
	struct doc_result r;

	(void)state;
	doc_run(&d, &check, &r);
	assert_int_equal(r.level, DOC_FAIL);
	assert_int_equal(r.n, DOC_FINDINGS_MAX);
	assert_string_equal(r.item[0].what, "second");
	assert_string_equal(r.item[1].what, "bad 0 \\x1b[31m");
	assert_string_equal(r.item[1].todo, "mend 0");
	assert_int_equal(r.item[3].level, DOC_FAIL);
	assert_int_equal(r.more, 4);
	doc_close(&d);
}

static void test_read(void **state)
{
	struct ztj_buf b;
	struct stat st;

	(void)state;
	ztj_buf_init(&b, 4096);
	assert_int_equal(ztj_file_write(in_dir("f"), ztj_view_str("0123456789"), 0640), ZTJ_OK);
	assert_int_equal(doc_read(in_dir("f"), 10, &b, &st), ZTJ_OK);
	assert_int_equal(b.n, 10);
	assert_int_equal(doc_mode(&st), 0640);
	assert_int_equal(doc_read(in_dir("f"), 9, &b, NULL), ZTJ_TOO_LARGE);
	assert_int_equal(doc_read(in_dir("none"), 9, &b, NULL), ZTJ_NOT_FOUND);
	assert_int_equal(doc_read(dir, 9, &b, NULL), ZTJ_UNSAFE_FILE);
	/* nobody writes to it: it must not be waited for */
	assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
	assert_int_equal(doc_read(in_dir("pipe"), 9, &b, NULL), ZTJ_UNSAFE_FILE);
	ztj_buf_free(&b);
}

static void test_exec(void **state)
{
	static const char *const good[] = { "/bin/sh", "-c", "echo out; echo err >&2; read x; exit 7", NULL };
	static const char *const endless[] = { "/usr/bin/yes", NULL };
	static const char *const none[] = { "/nonexistent", NULL };
	static const char *const dies[] = { "/bin/sh", "-c", "kill -9 $$", NULL };
	struct ztj_buf b;
	int status;

	(void)state;
	ztj_buf_init(&b, 1 << 20);
	assert_int_equal(doc_exec(good, &b, &status), ZTJ_OK);
	assert_int_equal(status, 7);
	assert_string_equal(ztj_buf_str(&b), "out\nerr\n");
	assert_int_equal(doc_exec(endless, &b, &status), ZTJ_TOO_LARGE);
	assert_int_equal(doc_exec(none, &b, &status), ZTJ_NOT_FOUND);
	assert_int_equal(doc_exec(dies, &b, &status), ZTJ_OK);
	assert_int_equal(status, 128);
	ztj_buf_free(&b);
}

static void looks(struct doctor *d)
{
	if (doc_only_root(d, d->conf_text))
		doc_say(d, DOC_OK, "only root");
}

static enum doc_level only_root(const char *path, struct doc_result *r)
{
	static const struct doc_check check = { "x", "y", looks };
	struct doctor d = { .c = &cli };

	(void)snprintf(d.conf_text, sizeof d.conf_text, "%s", path);
	doc_run(&d, &check, r);
	return r->level;
}

/* F01: whoever may change a file, a directory above it or where a link leads, may change what is in it. */
static void test_only_root(void **state)
{
	struct doc_result r;

	(void)state;
	assert_int_equal(only_root("/etc/passwd", &r), DOC_OK);
	assert_int_equal(only_root("/bin/sh", &r), DOC_OK);
	assert_int_equal(only_root(in_dir("none"), &r), DOC_FAIL);
	assert_int_equal(ztj_file_write(in_dir("mine"), ztj_view_str("x"), 0600), ZTJ_OK);
	if (getuid() == 0) /* somebody's, whoever runs this */
		assert_int_equal(chown(in_dir("mine"), 65534, 65534) | chown(dir, 65534, 65534), 0);
	assert_int_equal(only_root(in_dir("mine"), &r), DOC_FAIL);
	assert_non_null(strstr(r.item[0].what, "not to root"));
	assert_int_equal(symlink("/etc/passwd", in_dir("link")), 0);
	assert_int_equal(only_root(in_dir("link"), &r), DOC_FAIL);
	assert_non_null(strstr(r.item[0].what, dir));
}

static void test_version(void **state)
{
	const char *build = getenv("ZTJ_BUILDDIR");
	char path[512], version[64];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/ztjit-hostd/ztjit-hostd", build != NULL ? build : ".");
	assert_int_equal(doc_version(path, version, sizeof version), ZTJ_OK);
	assert_string_equal(version, PACKAGE_VERSION);
	assert_int_equal(ztj_file_write(in_dir("v"), ztj_view_str("x @(#)ztjit 12.3\n"), 0600), ZTJ_OK);
	assert_int_equal(doc_version(in_dir("v"), version, sizeof version), ZTJ_OK);
	assert_string_equal(version, "12.3");
	assert_int_equal(ztj_file_write(in_dir("v"), ztj_view_str("@(#)ztjit"), 0600), ZTJ_OK);
	assert_int_equal(doc_version(in_dir("v"), version, sizeof version), ZTJ_OK);
	assert_string_equal(version, "");
	assert_int_equal(doc_version("/etc/passwd", version, sizeof version), ZTJ_NOT_FOUND);
}

/* Where nothing is installed and nothing may be read, each check still comes to an end and says something. */
static void test_nothing_there(void **state)
{
	struct doctor d = { .c = &cli };
	size_t bad = 0;

	(void)state;
	for (size_t t = 0; t < COUNT(host); t++)
		for (size_t i = 0; i < host[t]->n; i++) {
			struct doc_result r;

			doc_run(&d, &host[t]->check[i], &r);
			assert_true(r.level == DOC_NONE || r.n > 0);
			bad += r.level >= DOC_WARN;
		}
	assert_true(bad >= 5);
	doc_close(&d);
}

static int make(void **state)
{
	(void)state;
	cli.home = dir;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int clean(void **state)
{
	static const char *const names[] = { "f", "pipe", "mine", "link", "v" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		(void)unlink(in_dir(names[i]));
	(void)rmdir(dir);
	cli_release(&cli, 0);
	free(cli.arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_only_root),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_nothing_there),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
