/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log on its way to others: a real broker, and what its destinations got. */
#include "tests/broker/bk.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/event.h"
#include "tests/broker/receive.h"

#define WAIT_MS 40000
#define NO_LIMITS \
	"rate_identity = 10000;\nrate_statements = 100000;\nrate_anonymous = 100000;\nmax_open_requests = 10000;\n"

/* n leaves more, by requests that are refused or taken. */
static void some_leaves(struct bk *b, int n)
{
	struct fx_signed req;
	for (int i = 0; i < n; i++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600 + i, &req);
		(void)bk_put(b, &b->login[FX_REQ1], &req);
		fx_signed_free(&req);
		assert_int_equal(b->status, 201);
	}
}

/* How many leaves there are, and how far a destination is behind: from /metrics. */
static int64_t metric(struct bk *b, const char *name)
{
	assert_int_equal(bk_get(b, NULL, "/metrics"), 200);
	const char *text = ztj_buf_str(&b->body);
	assert_non_null(text);
	for (const char *at = text; (at = strstr(at, name)) != NULL; at++)
		if (at > text && at[-1] == '\n' && at[strlen(name)] == ' ')
			return strtoll(at + strlen(name) + 1, NULL, 10);
	return -1;
}

static void settle(struct bk *b, const char *dest)
{
	char name[128];
	int64_t behind = -1;
	(void)snprintf(name, sizeof(name), "ztjit_send_behind_leaves{destination=\"%s\"}", dest);
	for (int waited = 0; waited < WAIT_MS && behind != 0; waited += 100) {
		(void)poll(NULL, 0, 100);
		behind = metric(b, name);
	}
	assert_int_equal(behind, 0);
}

struct got {
	uint64_t lines, next; /* read; the first leaf that was not seen */
	uint64_t again;       /* that had come before */
};

/* Lines of JSON among others: every leaf from the first on, in order, but for what comes again. */
static void read_lines(const char *path, struct got *g)
{
	char line[70000];
	memset(g, 0, sizeof(*g));
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct ztj_event_in e;
		if (line[0] != '{')
			continue;
		line[strcspn(line, "\n")] = '\0';
		ok(ztj_event_read(ztj_view_str(line), &e));
		assert_true(e.n <= g->next); /* nothing is left out */
		g->again += e.n < g->next;
		g->next = e.n + 1 > g->next ? e.n + 1 : g->next;
		g->lines++;
		ztj_event_free(&e);
	}
	(void)fclose(f);
}

static void test_lines_on_standard_output(void **state)
{
	struct bk b;
	struct got g;
	char log[160];
	(void)state;
	bk_start(&b, NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	(void)snprintf(log, sizeof(log), "%s.log", b.dir);
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	some_leaves(&b, 100);
	settle(&b, "lines");
	read_lines(log, &g);
	assert_true(g.next > 100);
	assert_int_equal(g.next, metric(&b, "ztjit_log_leaves"));
	assert_int_equal(g.again, 0);
	/* told once, whatever happens to the broker between two writings of the file */
	bk_stop(&b);
	bk_serve(&b);
	some_leaves(&b, 10);
	bk_kill(&b);
	bk_serve(&b);
	some_leaves(&b, 10);
	settle(&b, "lines");
	read_lines(log, &g);
	assert_int_equal(g.next, metric(&b, "ztjit_log_leaves"));
	assert_true(g.again <= 20);
	bk_end(&b);
}

/* --- syslog --- */

static void need_rsyslog(void)
{
	if (rsyslog_is_there())
		return;
	print_message("rsyslogd is not installed\n");
	skip();
}

static void file_of(const struct rsyslog *r, const char *name, char path[128])
{
	(void)snprintf(path, 128, "%s/%s", r->dir, name);
}

/* Is everything there, without a hole? What is behind may come a moment later. */
static void all_there(struct bk *b, const struct rsyslog *r, struct got *g)
{
	char path[128];
	uint64_t all = (uint64_t)metric(b, "ztjit_log_leaves");
	file_of(r, "messages", path);
	for (int waited = 0; waited < WAIT_MS; waited += 100) {
		read_lines(path, g);
		if (g->next == all)
			return;
		(void)poll(NULL, 0, 100);
	}
	fail_msg("%s: %llu of %llu leaves", path, (unsigned long long)g->next, (unsigned long long)all);
}

static void start(struct bk *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void start(struct bk *b, const char *fmt, ...)
{
	char conf[2048] = NO_LIMITS;
	size_t n = strlen(conf);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(conf + n, sizeof(conf) - n, fmt, ap);
	va_end(ap);
	bk_start(b, conf);
	bk_arm(b);
	bk_login(b, FX_REQ1);
}

static void test_syslog_over_udp(void **state)
{
	struct rsyslog r;
	struct bk b;
	struct got g;
	char path[128], line[4096], host[256];
	(void)state;
	need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	start(&b, "send = [ \"udp udp://127.0.0.1:%d facility=local3\" ];\n", r.port);
	some_leaves(&b, 100);
	settle(&b, "udp");
	all_there(&b, &r, &g);
	/* heads: facility 19, severity of what happened, and the structured data */
	file_of(&r, "heads", path);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	bool seen = false;
	while (fgets(line, sizeof(line), f) != NULL) {
		char head[512];
		(void)snprintf(head, sizeof(head), "158|%s|ztjit-broker|-|statement|[ztjit@32473 n=\"", host);
		seen = seen ||
		    (strncmp(line, head, strlen(head)) == 0 &&
			strstr(line, " outcome=\"accepted\" type=\"request\" person=\"people/req1\"") !=
			    NULL);
	}
	(void)fclose(f);
	assert_true(seen);
	/* nobody listens: it is said, and sent again */
	rsyslog_end(&r, SIGKILL);
	some_leaves(&b, 5);
	for (int waited = 0;
	     waited < WAIT_MS && metric(&b, "ztjit_send_failures_total{destination=\"udp\"}") < 1;
	     waited += 100)
		(void)poll(NULL, 0, 100);
	assert_true(metric(&b, "ztjit_send_failures_total{destination=\"udp\"}") >= 1);
	rsyslog_again(&r);
	some_leaves(&b, 5);
	settle(&b, "udp");
	all_there(&b, &r, &g);
	bk_end(&b);
	rsyslog_free(&r);
}

static void test_A_receiver_and_broker_are_killed(void **state)
{
	struct rsyslog r;
	struct bk b;
	struct got g;
	(void)state;
	need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	start(&b, "send = [ \"tcp tcp://127.0.0.1:%d confirm=1s\" ];\n", r.port);
	for (int i = 0; i < 4; i++) {
		some_leaves(&b, 60);
		rsyslog_end(&r, SIGKILL);
		some_leaves(&b, 20);
		rsyslog_again(&r);
		(void)poll(NULL, 0, 700);
	}
	settle(&b, "tcp");
	all_there(&b, &r, &g);
	for (int i = 0; i < 4; i++) {
		some_leaves(&b, 30);
		bk_kill(&b);
		bk_serve(&b);
	}
	settle(&b, "tcp");
	all_there(&b, &r, &g);
	print_message("%llu leaves, %llu of them again\n", (unsigned long long)g.next,
	    (unsigned long long)g.again);
	bk_end(&b);
	rsyslog_free(&r);
}

/* A receiver that would never close: written is taken, at once. */
static void test_without_confirmation(void **state)
{
	struct rsyslog r;
	struct bk b;
	struct got g;
	(void)state;
	need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	start(&b, "send = [ \"tcp tcp://127.0.0.1:%d confirm=no format=json\" ];\n", r.port);
	some_leaves(&b, 300);
	settle(&b, "tcp");
	all_there(&b, &r, &g);
	assert_int_equal(g.again, 0);
	bk_stop(&b);
	bk_serve(&b);
	some_leaves(&b, 30);
	settle(&b, "tcp");
	all_there(&b, &r, &g);
	assert_int_equal(g.again, 0);
	bk_end(&b);
	rsyslog_free(&r);
}

static bool fails_with(struct bk *b, const char *dest, const char *why)
{
	char name[128], text[256];
	(void)snprintf(name, sizeof(name), "ztjit_send_failures_total{destination=\"%s\"}", dest);
	(void)snprintf(text, sizeof(text), "%s does not take the audit log: %s", dest, why);
	for (int waited = 0; waited < WAIT_MS; waited += 100) {
		if (metric(b, name) > 0 && bk_logged(b, text))
			return true;
		(void)poll(NULL, 0, 100);
	}
	return false;
}

static void test_S_syslog_over_tls(void **state)
{
	struct rsyslog r, clients;
	struct certs c;
	struct bk b;
	struct got g;
	(void)state;
	need_rsyslog();
	certs_make(&c);
	rsyslog_start(&r, RSYSLOG_TLS, &c);
	rsyslog_start(&clients, RSYSLOG_TLS_CLIENTS, &c);
	start(&b,
	    "send = [ \"good tls://127.0.0.1:%d ca=%s/ca.pem confirm=1s\", \"named tls://localhost:%d ca=%s/ca.pem pin=%s confirm=1s\",\n"
	    "  \"pinned tls://127.0.0.1:%d pin=%s confirm=1s\", \"other tls://127.0.0.1:%d ca=%s/other.pem\",\n"
	    "  \"wrongpin tls://127.0.0.1:%d pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n"
	    "  \"both tls://127.0.0.1:%d ca=%s/ca.pem pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n"
	    "  \"name tls://127.0.0.2:%d ca=%s/ca.pem\", \"known tls://127.0.0.1:%d ca=%s/ca.pem cert=%s/client.pem"
	    " key=%s/client.key confirm=1s\", \"unknown tls://127.0.0.1:%d ca=%s/ca.pem confirm=1s\" ];\n",
	    r.port, c.dir, r.port, c.dir, c.pin, r.port, c.pin, r.port, c.dir, r.port, r.port, c.dir, r.port,
	    c.dir, clients.port, c.dir, c.dir, c.dir, clients.port, c.dir);
	some_leaves(&b, 50);
	settle(&b, "good");
	settle(&b, "known");
	all_there(&b, &clients, &g);
	settle(&b, "named");
	settle(&b, "pinned");
	assert_true(fails_with(&b, "other", "self-signed certificate in certificate chain"));
	assert_true(fails_with(&b, "wrongpin", "certificate not trusted"));
	assert_true(fails_with(&b, "both", "certificate not trusted"));
	assert_true(fails_with(&b, "name", "IP address mismatch"));
	assert_true(fails_with(&b, "unknown", ""));
	assert_int_equal(metric(&b, "ztjit_send_up{destination=\"good\"}"), 1);
	static const char *const refused[] = { "other", "wrongpin", "both", "name", "unknown" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char name[128];
		(void)snprintf(name, sizeof(name), "ztjit_send_behind_leaves{destination=\"%s\"}",
		    refused[i]);
		assert_int_equal(metric(&b, name), metric(&b, "ztjit_log_leaves"));
	}
	bk_end(&b);
	rsyslog_free(&clients);
	rsyslog_free(&r);
	certs_free(&c);
}

/* --- receivers that hurt --- */

static int64_t ms_now(void)
{
	struct timespec ts;
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Accepts, and never reads: neither the broker nor anybody else waits for it. */
static void test_W_a_receiver_that_never_reads(void **state)
{
	struct rsyslog r;
	struct certs c;
	struct bk b;
	struct got g;
	int port;
	(void)state;
	need_rsyslog();
	certs_make(&c);
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	pid_t deaf = deaf_start(&port);
	start(&b,
	    "send = [ \"deaf tcp://127.0.0.1:%d\", \"deaftls tls://127.0.0.1:%d ca=%s/ca.pem\","
	    " \"deafweb https://127.0.0.1:%d/x ca=%s/ca.pem\", \"tcp tcp://127.0.0.1:%d confirm=1s\", \"lines stdout:\","
	    " \"nowhere tcp://nowhere.invalid:601\" ];\n",
	    port, port, c.dir, port, c.dir, r.port);
	int64_t slowest = 0;
	for (int i = 0; i < 600; i++) {
		int64_t before = ms_now();
		some_leaves(&b, 1);
		slowest = ms_now() - before > slowest ? ms_now() - before : slowest;
	}
	assert_in_range(slowest, 0, 1000);
	settle(&b, "lines");
	settle(&b, "tcp");
	all_there(&b, &r, &g);
	assert_int_equal(metric(&b, "ztjit_send_behind_leaves{destination=\"deaf\"}"),
	    metric(&b, "ztjit_log_leaves"));
	bk_stop(&b); /* and it ends in time */
	bk_serve(&b);
	bk_end(&b);
	assert_int_equal(kill(deaf, SIGKILL), 0);
	assert_int_equal(waitpid(deaf, NULL, 0), deaf);
	rsyslog_free(&r);
	certs_free(&c);
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
	bk_start_with(&b, NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	some_leaves(&b, 300);
	assert_true(metric(&b, "ztjit_send_behind_leaves{destination=\"lines\"}") > 0);
	(void)close(p[0]);
	(void)close(p[1]);
	assert_true(fails_with(&b, "lines", "Broken pipe"));
	some_leaves(&b, 3);
	bk_end(&b);
}

/* --- the process and its files --- */

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
	bk_start(&b, NO_LIMITS "send = [ \"lines stdout:\" ];\n");
	(void)snprintf(log, sizeof(log), "%s.log", b.dir);
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	settle(&b, "lines");
	bk_stop(&b);
	read_lines(log, &g);
	uint64_t before = g.lines;
	/* no number: everything again */
	run_shell("echo x >%s/sender/lines.taken", b.dir);
	bk_serve(&b);
	settle(&b, "lines");
	bk_stop(&b);
	assert_true(bk_logged(&b, "lines gets the audit log from the beginning"));
	read_lines(log, &g);
	assert_true(g.lines >= 2 * before);
	/* more than there is: an old database was put back */
	run_shell("echo 1000000 >%s/sender/lines.taken", b.dir);
	bk_serve(&b);
	some_leaves(&b, 3);
	settle(&b, "lines");
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

/* --- webhooks --- */

static void slurp(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	(void)fclose(f);
}

static void header(const struct web *w, unsigned n, const char *name, char out[256])
{
	static char text[8192];
	char path[128], want[64];
	(void)snprintf(path, sizeof(path), "%s/%u.heads", w->dir, n);
	slurp(path, text, sizeof(text));
	(void)snprintf(want, sizeof(want), "\r\n%s: ", name);
	const char *at = strstr(text, want);
	assert_non_null(at);
	at += strlen(want);
	size_t len = strcspn(at, "\r");
	assert_in_range(len, 1, 255);
	memcpy(out, at, len);
	out[len] = '\0';
}

/* As ztjit-broker.conf(5) prints it. */
static void verify(const struct bk *b, const struct web *w, unsigned n)
{
	char id[256], when[256], sig[256];
	header(w, n, "webhook-id", id);
	header(w, n, "webhook-timestamp", when);
	header(w, n, "webhook-signature", sig);
	assert_int_equal(strncmp(sig, "v1a,", 4), 0);
	assert_true(llabs(strtoll(when, NULL, 10) - (long long)time(NULL)) < 60);
	run_shell(
	    "cd %s && { printf '%%s.%%s.' '%s' '%s'; cat %u.body; } >signed && printf '%%s' '%s' | openssl base64 -d -A >sig &&"
	    " openssl pkeyutl -verify -pubin -inkey %s/sender/sender.pem -rawin -in signed -sigfile sig >verified",
	    w->dir, id, when, n, sig + 4, b->dir);
}

static void test_webhook(void **state)
{
	static char body[4 * 1024 * 1024];
	struct certs c;
	struct web w;
	struct bk b;
	char path[128], id[2][256];
	json_t *list = NULL;
	int64_t next = 0;
	(void)state;
	certs_make(&c);
	web_start(&w, &c, "500 0 1 302 200 200");
	start(&b,
	    "send = [ \"hook https://localhost:%d/in/here?x=1 ca=%s/ca.pem\", \"other https://localhost:%d/ ca=%s/other.pem\" ];\n",
	    w.port, c.dir, w.port, c.dir);
	some_leaves(&b, 50);
	settle(&b, "hook");
	/* the same message again until it was taken */
	header(&w, 0, "webhook-id", id[0]);
	for (unsigned n = 1; n <= 4; n++) {
		header(&w, n, "webhook-id", id[1]);
		assert_string_equal(id[0], id[1]);
	}
	for (unsigned n = 4;; n++) {
		(void)snprintf(path, sizeof(path), "%s/%u.body", w.dir, n);
		if (access(path, R_OK) != 0)
			break;
		verify(&b, &w, n);
		slurp(path, body, sizeof(body));
		list = json_loads(body, 0, NULL);
		assert_true(json_is_array(list));
		for (size_t i = 0; i < json_array_size(list); i++)
			assert_int_equal(json_integer_value(json_object_get(json_array_get(list, i), "n")),
			    next++);
		json_decref(list);
	}
	assert_int_equal(next, metric(&b, "ztjit_log_leaves"));
	assert_true(fails_with(&b, "other", "unable to get local issuer certificate"));
	/* the key stays */
	run_shell("cp %s/sender/sender.pem %s/before", b.dir, w.dir);
	bk_stop(&b);
	bk_serve(&b);
	run_shell("cmp %s/sender/sender.pem %s/before", b.dir, w.dir);
	bk_end(&b);
	web_end(&w);
	certs_free(&c);
}

/* Only what a destination is meant to have. */
static void test_filters(void **state)
{
	static char body[4 * 1024 * 1024];
	struct certs c;
	struct web w;
	struct bk b;
	char path[128];
	(void)state;
	certs_make(&c);
	web_start(&w, &c, "204");
	start(&b,
	    "send = [ \"hook https://127.0.0.1:%d ca=%s/ca.pem kinds=policy,alarm outcomes=accepted\" ];\n",
	    w.port, c.dir);
	some_leaves(&b, 20);
	settle(&b, "hook");
	size_t n = 0;
	for (unsigned i = 0;; i++) {
		(void)snprintf(path, sizeof(path), "%s/%u.body", w.dir, i);
		if (access(path, R_OK) != 0)
			break;
		slurp(path, body, sizeof(body));
		assert_null(strstr(body, "\"kind\":\"statement\""));
		json_t *list = json_loads(body, 0, NULL);
		n += json_array_size(list);
		json_decref(list);
	}
	assert_int_equal(n, 1); /* the policy */
	bk_end(&b);
	web_end(&w);
	certs_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_on_standard_output),
		cmocka_unit_test(test_syslog_over_udp),
		cmocka_unit_test(test_A_receiver_and_broker_are_killed),
		cmocka_unit_test(test_without_confirmation),
		cmocka_unit_test(test_S_syslog_over_tls),
		cmocka_unit_test(test_W_a_receiver_that_never_reads),
		cmocka_unit_test(test_W_standard_output_that_nobody_reads),
		cmocka_unit_test(test_all_end_with_the_sender),
		cmocka_unit_test(test_G06_what_was_taken_is_spoilt),
		cmocka_unit_test(test_bad_settings_are_named),
		cmocka_unit_test(test_webhook),
		cmocka_unit_test(test_filters),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
