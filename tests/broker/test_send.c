/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log on its way to others: a real broker, and what its destinations got. */
#include "tests/broker/bk.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/event.h"

#define WAIT_MS 20000
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_on_standard_output),
	};
	cmocka_set_test_filter(getenv("ZTJ_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
