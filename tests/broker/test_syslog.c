/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log by syslog, to rsyslogd of the distribution: over UDP, TCP and TLS, and to one that never reads. */
#include "tests/broker/sendrig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_syslog_over_udp(void **state)
{
	struct rsyslog r;
	struct bk b;
	struct got g;
	char path[128], line[4096], host[256];
	(void)state;
	sr_need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	sr_start(&b, "send = [ \"udp udp://127.0.0.1:%d facility=local3\" ];\n", r.port);
	sr_leaves(&b, 100);
	sr_settle(&b, "udp");
	sr_all_there(&b, &r, &g);
	/* heads: facility 19, severity of what happened, and the structured data */
	sr_file(&r, "heads", path);
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
	sr_leaves(&b, 5);
	for (int waited = 0;
	     waited < SR_WAIT_MS && sr_metric(&b, "ztjit_send_failures_total{destination=\"udp\"}") < 1;
	     waited += 100)
		(void)poll(NULL, 0, 100);
	assert_true(sr_metric(&b, "ztjit_send_failures_total{destination=\"udp\"}") >= 1);
	rsyslog_again(&r);
	sr_leaves(&b, 5);
	sr_settle(&b, "udp");
	sr_all_there(&b, &r, &g);
	bk_end(&b);
	rsyslog_free(&r);
}

static void test_A_receiver_and_broker_are_killed(void **state)
{
	struct rsyslog r;
	struct bk b;
	struct got g;
	(void)state;
	sr_need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	sr_start(&b, "send = [ \"tcp tcp://127.0.0.1:%d confirm=1s\" ];\n", r.port);
	for (int i = 0; i < 4; i++) {
		sr_leaves(&b, 60);
		rsyslog_end(&r, SIGKILL);
		sr_leaves(&b, 20);
		rsyslog_again(&r);
		(void)poll(NULL, 0, 700);
	}
	sr_settle(&b, "tcp");
	sr_all_there(&b, &r, &g);
	for (int i = 0; i < 4; i++) {
		sr_leaves(&b, 30);
		bk_kill(&b);
		bk_serve(&b);
	}
	sr_settle(&b, "tcp");
	sr_all_there(&b, &r, &g);
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
	sr_need_rsyslog();
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	sr_start(&b, "send = [ \"tcp tcp://127.0.0.1:%d confirm=no format=json\" ];\n", r.port);
	sr_leaves(&b, 300);
	sr_settle(&b, "tcp");
	sr_all_there(&b, &r, &g);
	assert_int_equal(g.again, 0);
	bk_stop(&b);
	bk_serve(&b);
	sr_leaves(&b, 30);
	sr_settle(&b, "tcp");
	sr_all_there(&b, &r, &g);
	assert_int_equal(g.again, 0);
	bk_end(&b);
	rsyslog_free(&r);
}

static void test_S_syslog_over_tls(void **state)
{
	struct rsyslog r, clients;
	struct certs c;
	struct bk b;
	struct got g;
	(void)state;
	sr_need_rsyslog();
	certs_make(&c);
	rsyslog_start(&r, RSYSLOG_TLS, &c);
	rsyslog_start(&clients, RSYSLOG_TLS_CLIENTS, &c);
	sr_start(&b,
	    "send = [ \"good tls://127.0.0.1:%d ca=%s/ca.pem confirm=1s\", \"named tls://localhost:%d ca=%s/ca.pem pin=%s confirm=1s\",\n"
	    "  \"pinned tls://127.0.0.1:%d pin=%s confirm=1s\", \"other tls://127.0.0.1:%d ca=%s/other.pem\",\n"
	    "  \"wrongpin tls://127.0.0.1:%d pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n"
	    "  \"both tls://127.0.0.1:%d ca=%s/ca.pem pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n"
	    "  \"name tls://127.0.0.2:%d ca=%s/ca.pem\", \"known tls://127.0.0.1:%d ca=%s/ca.pem cert=%s/client.pem"
	    " key=%s/client.key confirm=1s\", \"unknown tls://127.0.0.1:%d ca=%s/ca.pem confirm=1s\" ];\n",
	    r.port, c.dir, r.port, c.dir, c.pin, r.port, c.pin, r.port, c.dir, r.port, r.port, c.dir, r.port,
	    c.dir, clients.port, c.dir, c.dir, c.dir, clients.port, c.dir);
	sr_leaves(&b, 50);
	sr_settle(&b, "good");
	sr_settle(&b, "known");
	sr_all_there(&b, &clients, &g);
	sr_settle(&b, "named");
	sr_settle(&b, "pinned");
	assert_true(sr_fails_with(&b, "other", "self-signed certificate in certificate chain"));
	assert_true(sr_fails_with(&b, "wrongpin", "certificate not trusted"));
	assert_true(sr_fails_with(&b, "both", "certificate not trusted"));
	assert_true(sr_fails_with(&b, "name", "IP address mismatch"));
	assert_true(sr_fails_with(&b, "unknown", ""));
	assert_int_equal(sr_metric(&b, "ztjit_send_up{destination=\"good\"}"), 1);
	static const char *const refused[] = { "other", "wrongpin", "both", "name", "unknown" };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char name[128];
		(void)snprintf(name, sizeof(name), "ztjit_send_behind_leaves{destination=\"%s\"}",
		    refused[i]);
		assert_int_equal(sr_metric(&b, name), sr_metric(&b, "ztjit_log_leaves"));
	}
	bk_end(&b);
	rsyslog_free(&clients);
	rsyslog_free(&r);
	certs_free(&c);
}

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
	sr_need_rsyslog();
	certs_make(&c);
	rsyslog_start(&r, RSYSLOG_PLAIN, NULL);
	pid_t deaf = deaf_start(&port);
	sr_start(&b,
	    "send = [ \"deaf tcp://127.0.0.1:%d\", \"deaftls tls://127.0.0.1:%d ca=%s/ca.pem\","
	    " \"deafweb https://127.0.0.1:%d/x ca=%s/ca.pem\", \"tcp tcp://127.0.0.1:%d confirm=1s\", \"lines stdout:\","
	    " \"nowhere tcp://nowhere.invalid:601\" ];\n",
	    port, port, c.dir, port, c.dir, r.port);
	int64_t slowest = 0;
	for (int i = 0; i < 600; i++) {
		int64_t before = ms_now();
		sr_leaves(&b, 1);
		slowest = ms_now() - before > slowest ? ms_now() - before : slowest;
	}
	assert_in_range(slowest, 0, 10000); /* they are given up after 30 s */
	sr_settle(&b, "lines");
	sr_settle(&b, "tcp");
	sr_all_there(&b, &r, &g);
	assert_int_equal(sr_metric(&b, "ztjit_send_behind_leaves{destination=\"deaf\"}"),
	    sr_metric(&b, "ztjit_log_leaves"));
	bk_stop(&b); /* and it ends in time */
	bk_serve(&b);
	bk_end(&b);
	assert_int_equal(kill(deaf, SIGKILL), 0);
	assert_int_equal(waitpid(deaf, NULL, 0), deaf);
	rsyslog_free(&r);
	certs_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syslog_over_udp),
		cmocka_unit_test(test_A_receiver_and_broker_are_killed),
		cmocka_unit_test(test_without_confirmation),
		cmocka_unit_test(test_S_syslog_over_tls),
		cmocka_unit_test(test_W_a_receiver_that_never_reads),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
