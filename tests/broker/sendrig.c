/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/broker/sendrig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/event.h"

void sr_leaves(struct bk *b, int n)
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

int64_t sr_metric(struct bk *b, const char *name)
{
	assert_int_equal(bk_get(b, NULL, "/metrics"), 200);
	const char *text = ztj_buf_str(&b->body);
	assert_non_null(text);
	for (const char *at = text; (at = strstr(at, name)) != NULL; at++)
		if (at > text && at[-1] == '\n' && at[strlen(name)] == ' ')
			return strtoll(at + strlen(name) + 1, NULL, 10);
	return -1;
}

void sr_settle(struct bk *b, const char *dest)
{
	char name[128];
	int64_t behind = -1;
	(void)snprintf(name, sizeof(name), "ztjit_send_behind_leaves{destination=\"%s\"}", dest);
	for (int waited = 0; waited < SR_WAIT_MS && behind != 0; waited += 100) {
		(void)poll(NULL, 0, 100);
		behind = sr_metric(b, name);
	}
	assert_int_equal(behind, 0);
}

void sr_read(const char *path, struct got *g)
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

void sr_need_rsyslog(void)
{
	if (rsyslog_is_there())
		return;
	print_message("rsyslogd is not installed\n");
	skip();
}

void sr_file(const struct rsyslog *r, const char *name, char path[128])
{
	(void)snprintf(path, 128, "%s/%s", r->dir, name);
}

void sr_all_there(struct bk *b, const struct rsyslog *r, struct got *g)
{
	char path[128];
	uint64_t all = (uint64_t)sr_metric(b, "ztjit_log_leaves");
	sr_file(r, "messages", path);
	for (int waited = 0; waited < SR_WAIT_MS; waited += 100) {
		sr_read(path, g);
		if (g->next == all)
			return;
		(void)poll(NULL, 0, 100);
	}
	fail_msg("%s: %llu of %llu leaves", path, (unsigned long long)g->next, (unsigned long long)all);
}

void sr_start(struct bk *b, const char *fmt, ...)
{
	char conf[2048] = SR_NO_LIMITS;
	size_t n = strlen(conf);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(conf + n, sizeof(conf) - n, fmt, ap);
	va_end(ap);
	bk_start(b, conf);
	bk_arm(b);
	bk_login(b, FX_REQ1);
}

bool sr_fails_with(struct bk *b, const char *dest, const char *why)
{
	char name[128], text[256];
	(void)snprintf(name, sizeof(name), "ztjit_send_failures_total{destination=\"%s\"}", dest);
	(void)snprintf(text, sizeof(text), "%s does not take the audit log: %s", dest, why);
	for (int waited = 0; waited < SR_WAIT_MS; waited += 100) {
		if (sr_metric(b, name) > 0 && bk_logged(b, text))
			return true;
		(void)poll(NULL, 0, 100);
	}
	return false;
}
