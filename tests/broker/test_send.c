/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The sender: standard output, its process, its files and its settings. */
#include "tests/broker/sendrig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_lines_on_standard_output(void **state)
{
	struct bk b;
	struct got g;
	char log[160];
	(void)state;
	bk_start(&b, SR_NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	(void)snprintf(log, sizeof(log), "%s.log", b.dir);
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	sr_leaves(&b, 100);
	sr_settle(&b, "lines");
	sr_read(log, &g);
	assert_true(g.next > 100);
	assert_int_equal(g.next, sr_metric(&b, "ztjit_log_leaves"));
	assert_int_equal(g.again, 0);
	/* told once, whatever happens to the broker between two writings of the file */
	bk_stop(&b);
	bk_serve(&b);
	sr_leaves(&b, 10);
	bk_kill(&b);
	bk_serve(&b);
	sr_leaves(&b, 10);
	sr_settle(&b, "lines");
	sr_read(log, &g);
	assert_int_equal(g.next, sr_metric(&b, "ztjit_log_leaves"));
	assert_true(g.again <= 20);
	bk_end(&b);
}

/* A pipe that nobody reads is as deaf. */
static void test_W_standard_output_that_nobody_reads(void **state)
{
	struct bk b;
	int p[2];
	(void)state;
	memset(&b, 0, sizeof(b));
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	char redirect[96];
	(void)snprintf(redirect, sizeof(redirect), "exec \"$@\" >/proc/%d/fd/%d", (int)getpid(), p[1]);
	const char *const wrapper[] = { "sh", "-c", redirect, "sh", NULL };
	memcpy(b.wrapper, wrapper, sizeof(wrapper));
	bk_start_with(&b, SR_NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	sr_leaves(&b, 300);
	/* the sender says so once a second */
	for (int i = 0; i < 100 && sr_metric(&b, "ztjit_send_behind_leaves{destination=\"lines\"}") < 0; i++)
		(void)usleep(100000);
	assert_true(sr_metric(&b, "ztjit_send_behind_leaves{destination=\"lines\"}") > 0);
	(void)close(p[0]);
	(void)close(p[1]);
	assert_true(sr_fails_with(&b, "lines", "Broken pipe"));
	sr_leaves(&b, 3);
	bk_end(&b);
}

/* The child of the broker's parent that calls itself so; 0: there is none. */
static pid_t child_of(const struct bk *b, const char *name)
{
	char path[96], comm[32];
	long child;
	pid_t found = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)b->pid, (int)b->pid);
	FILE *f = fopen(path, "re"), *g;
	assert_non_null(f);
	char list[256], *at = list;
	assert_non_null(fgets(list, sizeof(list), f));
	(void)fclose(f);
	while ((child = strtol(at, &at, 10)) > 0) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/comm", child);
		g = fopen(path, "re");
		assert_non_null(g);
		assert_non_null(fgets(comm, sizeof(comm), g));
		(void)fclose(g);
		if (strncmp(comm, name, strlen(name)) == 0)
			found = (pid_t)child;
	}
	return found;
}

/* Half a broker would be a broker that lies; and without a destination there is no sender. */
static void test_all_end_with_the_sender(void **state)
{
	struct bk b;
	int status;
	(void)state;
	bk_start(&b, "send = [ \"lines stdout:\" ];\n");
	pid_t sender = child_of(&b, "sender");
	assert_true(sender > 0);
	assert_int_equal(kill(sender, SIGKILL), 0);
	assert_int_equal(waitpid(b.pid, &status, 0), b.pid);
	b.pid = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_true(bk_logged(&b, "ztjit-broker/sender was killed by signal 9; all end"));
	run_shell("sed -i /^send/d %s/broker.conf", b.dir);
	bk_serve(&b);
	assert_int_equal(child_of(&b, "sender"), 0);
	assert_true(child_of(&b, "signer") > 0);
	bk_end(&b);
}

static void test_G06_what_was_taken_is_spoilt(void **state)
{
	struct bk b;
	struct got g;
	char log[160];
	(void)state;
	bk_start(&b, SR_NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	(void)snprintf(log, sizeof(log), "%s.log", b.dir);
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	sr_settle(&b, "lines");
	bk_stop(&b);
	sr_read(log, &g);
	uint64_t before = g.lines;
	/* no number: everything again */
	run_shell("echo x >%s/sender/lines.taken", b.dir);
	bk_serve(&b);
	sr_settle(&b, "lines");
	bk_stop(&b);
	assert_true(bk_logged(&b, "lines gets the audit log from the beginning"));
	sr_read(log, &g);
	assert_true(g.lines >= 2 * before);
	/* more than there is: an old database was put back */
	run_shell("echo 1000000 >%s/sender/lines.taken", b.dir);
	bk_serve(&b);
	sr_leaves(&b, 3);
	sr_settle(&b, "lines");
	assert_true(bk_logged(&b, "lines has taken 1000000 leaves of the audit log, and there are"));
	bk_stop(&b);
	/* somebody else's file is not believed */
	run_shell("chmod 666 %s/sender/lines.taken", b.dir);
	assert_false(bk_serves(&b));
	run_shell("chmod 600 %s/sender/lines.taken", b.dir);
	bk_serve(&b);
	bk_end(&b);
}

/* broker.conf with this line instead of its own. */
static void bad_setting(const struct bk *b, const char *command, const char *line, const char *want)
{
	char conf[160];
	struct ztj_buf out;
	ztj_buf_init(&out, 65536);
	run_shell("sed -i /^send/d %s/broker.conf && printf '%%s\\n' '%s' >>%s/broker.conf", b->dir, line,
	    b->dir);
	(void)snprintf(conf, sizeof(conf), "%s/broker.conf", b->dir);
	const char *const words[] = { command, "-c", conf, NULL };
	assert_int_not_equal(bk_run(words, &out), 0);
	const char *text = ztj_buf_str(&out);
	if (strstr(text, want) == NULL)
		fail_msg("%s", text);
	ztj_buf_free(&out);
}

static void test_bad_settings_are_named(void **state)
{
	struct bk b;
	struct certs c;
	char line[512];
	(void)state;
	certs_make(&c);
	bk_start(&b, NULL);
	bk_stop(&b);
	bad_setting(&b, "-t", "send = [ \"x http://h/\" ];", "send: x: http://h/: not stdout:");
	bad_setting(&b, "-t", "send = [ \"x stdout:\", \"x udp://127.0.0.1\" ];", "send: x: twice");
	bad_setting(&b, "check", "send = [ \"x tls://h ca=/nowhere/ca.pem\" ];",
	    "PROBLEM  send to x: no such");
	(void)snprintf(line, sizeof(line), "send = [ \"x tls://h ca=%s/pin\" ];", c.dir);
	bad_setting(&b, "check", line, "PROBLEM  send to x: malformed");
	(void)snprintf(line, sizeof(line),
	    "send = [ \"x tls://h ca=%s/ca.pem cert=%s/client.pem key=%s/server.key\" ];", c.dir, c.dir,
	    c.dir);
	bad_setting(&b, "check", line, "PROBLEM  send to x: ");
	assert_false(bk_serves(&b));
	run_shell("chmod 644 %s/client.key", c.dir);
	(void)snprintf(line, sizeof(line),
	    "send = [ \"x tls://h ca=%s/ca.pem cert=%s/client.pem key=%s/client.key\" ];", c.dir, c.dir,
	    c.dir);
	bad_setting(&b, "check", line, "PROBLEM  send to x: ");
	run_shell("sed -i /^send/d %s/broker.conf", b.dir);
	bk_serve(&b);
	bk_end(&b);
	certs_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_on_standard_output),
		cmocka_unit_test(test_W_standard_output_that_nobody_reads),
		cmocka_unit_test(test_all_end_with_the_sender),
		cmocka_unit_test(test_G06_what_was_taken_is_spoilt),
		cmocka_unit_test(test_bad_settings_are_named),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
