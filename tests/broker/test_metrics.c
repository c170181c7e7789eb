/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What Prometheus is told: numbers that are what happened, in its format; and the dashboard and rules ask for nothing else. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/broker/bk.h"
#include "ztjit-broker/counts.h"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_statements = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* The value behind a name with its labels; -1: it is not there. */
static long long value(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			return strtoll(line + n + 1, NULL, 10);
	}
	return -1;
}

static const char *fetch(struct bk *b)
{
	const char *text;
	assert_int_equal(bk_get(b, NULL, "/metrics"), 200);
	text = ztj_buf_str(&b->body);
	assert_non_null(text);
	return text;
}

static long long now(struct bk *b, const char *name)
{
	return value(fetch(b), name);
}

/* --- the numbers by themselves --- */

static void event(struct counts *c, const char *kind, const char *outcome, int code, const char *action)
{
	const struct ztj_event e = { .kind = kind, .outcome = outcome, .code = code, .action = action };
	counts_leaf(c, &e);
}

static void test_batches(void **state)
{
	static const char *const refused = "ztjit_refusals_total{by=\"host\",reason=\"no-grant\"}";
	const struct ztj_event more = { .kind = "statement", .outcome = "refused", .count = 41 };
	struct counts *c;
	struct ztj_buf b;
	(void)state;
	ok(counts_new(&c));
	ztj_buf_init(&b, 65536);
	event(c, "decision", "denied", ZTJ_NO_GRANT, "principals");
	event(c, "decision", "denied", ZTJ_ENDED, "end"); /* no refusal */
	counts_approval(c, 90);
	counts_write(c, &b);
	assert_int_equal(value(ztj_buf_str(&b), refused), 0);
	counts_drop(c);
	counts_keep(c);
	ztj_buf_reset(&b);
	counts_write(c, &b);
	assert_int_equal(value(ztj_buf_str(&b), refused), 0);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_count"), 0);
	event(c, "decision", "denied", ZTJ_NO_GRANT, "principals");
	event(c, "decision", "denied", ZTJ_ENDED, "end");
	counts_approval(c, 60);
	counts_approval(c, 90);
	counts_approval(c, 9999999);
	counts_approval(c, -5); /* a clock */
	counts_leaf(c, &more);
	counts_keep(c);
	ztj_buf_reset(&b);
	counts_write(c, &b);
	assert_int_equal(value(ztj_buf_str(&b), refused), 1);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_refusals_total{by=\"host\",reason=\"ended\"}"), -1);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_refusals_total{by=\"broker\",reason=\"words\"}"), 41);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_events_total{kind=\"decision\",outcome=\"denied\"}"),
	    2);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_events_total{kind=\"session\",outcome=\"lost\"}"), 0);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_bucket{le=\"60\"}"), 2);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_bucket{le=\"300\"}"), 3);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_bucket{le=\"604800\"}"), 3);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_bucket{le=\"+Inf\"}"), 4);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_count"), 4);
	assert_int_equal(value(ztj_buf_str(&b), "ztjit_approval_delay_seconds_sum"), 60 + 90 + 9999999);
	counts_free(c);
	ztj_buf_free(&b);
}

/* Words that this program does not know do not grow it without end. */
static void test_bounded(void **state)
{
	struct counts *c;
	struct ztj_buf b;
	(void)state;
	ok(counts_new(&c));
	ztj_buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		char kind[32];
		(void)snprintf(kind, sizeof(kind), "kind%d", i);
		event(c, kind, "refused", -i, NULL);
	}
	counts_keep(c);
	counts_write(c, &b);
	assert_in_range(b.n, 1000, 60000);
	counts_free(c);
	ztj_buf_free(&b);
}

/* --- of a real broker --- */

static void test_what_happened(void **state)
{
	static const char *const accepted = "ztjit_events_total{kind=\"statement\",outcome=\"accepted\"}";
	static const char *const alarms = "ztjit_events_total{kind=\"alarm\",outcome=\"raised\"}";
	struct bk *b = *state;
	struct fx_signed s, no;
	long long before = now(b, accepted), leaves = now(b, "ztjit_log_leaves"),
		  kept = now(b, "ztjit_statements_accepted_total");
	const long long raised = now(b, alarms);
	assert_true(before >= 2 && leaves > before);
	assert_int_equal(now(b, "ztjit_events_total{kind=\"broker\",outcome=\"started\"}"), 1);
	assert_int_equal(now(b, "ztjit_requests_open"), 0);
	assert_int_equal(now(b, "ztjit_approval_delay_seconds_count"), 0);
	bk_granted(b, &s);
	assert_true(now(b, accepted) >= before + 2);
	/* the leaves, counted twice over and the same; these keys' counters raise alarms */
	assert_int_equal(now(b, "ztjit_log_leaves") - leaves,
	    now(b, accepted) - before + now(b, alarms) - raised);
	assert_int_equal(now(b, "ztjit_statements_accepted_total") - kept, now(b, accepted) - before);
	assert_int_equal(now(b, "ztjit_requests_open"), 1);
	assert_int_equal(now(b, "ztjit_approval_delay_seconds_count"), 1);
	assert_int_equal(now(b, "ztjit_approval_delay_seconds_bucket{le=\"60\"}"), 1);
	assert_int_equal(now(b, "ztjit_refusals_total{by=\"broker\",reason=\"self-approval\"}"), -1);
	fx_approval(&b->w, FX_REQ1, &s, false, 0, &no);
	(void)bk_put(b, &b->login[FX_REQ1], &no);
	assert_int_equal(b->status, 403);
	assert_int_equal(now(b, "ztjit_events_total{kind=\"statement\",outcome=\"refused\"}"), 1);
	assert_int_equal(now(b, "ztjit_refusals_total{by=\"broker\",reason=\"self-approval\"}"), 1);
	fx_signed_free(&no);
	fx_approval(&b->w, FX_LEAD1, &s, true, 0, &no);
	(void)bk_put(b, &b->login[FX_LEAD1], &no);
	assert_int_equal(b->status, 201);
	assert_int_equal(now(b, "ztjit_refusals_total{by=\"approver\",reason=\"words\"}"), 1);
	assert_int_equal(now(b, "ztjit_approval_delay_seconds_count"), 1);
	assert_int_equal(now(b, "ztjit_directory_records{directory=\"people\"}"), FX_PEOPLE);
	fx_signed_free(&no);
	fx_signed_free(&s);
}

/* Each sample belongs to a TYPE that was said, once, before it; nothing says who anybody is. */
static void test_format(void **state)
{
	struct bk *b = *state;
	char *text = strdup(fetch(b)), *rest = text, name[128] = "";
	assert_non_null(text);
	assert_true(b->body.n > 0 && text[strlen(text) - 1] == '\n');
	assert_null(strstr(text, "people/"));
	assert_null(strstr(text, "servers/"));
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		if (strncmp(line, "# TYPE ", 7) == 0) {
			size_t n = strcspn(line + 7, " ");
			bool total = n > 6 && strncmp(line + 7 + n - 6, "_total", 6) == 0;
			assert_in_range(n, 1, sizeof(name) - 1);
			memcpy(name, line + 7, n);
			name[n] = '\0';
			assert_int_equal(total, strcmp(line + 7 + n, " counter") == 0);
		} else if (strncmp(line, "# HELP ", 7) != 0) {
			size_t n = strlen(name);
			assert_int_equal(strncmp(line, name, n), 0);
			assert_true(line[n] == ' ' || line[n] == '{' || line[n] == '_');
		}
	}
	free(text);
}

/* --- the dashboard and the rules --- */

static char *read_source(const char *name)
{
	const char *top = getenv("ZTJ_SRCDIR");
	char path[512], *text = NULL;
	size_t room = 0;
	FILE *f;
	(void)snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	f = fopen(path, "re");
	if (f == NULL)
		fail_msg("%s is not there", path);
	assert_true(getdelim(&text, &room, '\0', f) > 0);
	(void)fclose(f);
	return text;
}

/* Every name of ours in a query; how many there are. */
static size_t check_names(const char *metrics, const char *query)
{
	char name[128], type[160];
	size_t seen = 0;
	for (const char *at = query; (at = strstr(at, "ztjit_")) != NULL;) {
		static const char *const of_histogram[] = { "_bucket", "_sum", "_count" };
		size_t n = 0;
		while (isalnum((unsigned char)at[n]) || at[n] == '_')
			n++;
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, at);
		(void)snprintf(type, sizeof(type), "# TYPE %s ", name);
		for (size_t i = 0; i < 3 && strstr(metrics, type) == NULL; i++) {
			size_t tail = strlen(of_histogram[i]);
			if (n > tail && strcmp(name + n - tail, of_histogram[i]) == 0)
				(void)snprintf(type, sizeof(type), "# TYPE %.*s histogram", (int)(n - tail),
				    name);
		}
		if (strstr(metrics, type) == NULL)
			fail_msg("nothing is called %s, in: %s", name, query);
		at += n;
		seen++;
	}
	return seen;
}

static size_t check_panels(const char *metrics, const json_t *v)
{
	const char *expr = json_string_value(json_object_get(v, "expr")), *name;
	size_t seen = 0, i;
	json_t *in;
	if (expr != NULL) {
		seen = check_names(metrics, expr);
		if (seen == 0)
			fail_msg("asks for nothing of ours: %s", expr);
	}
	json_object_foreach((json_t *)(uintptr_t)v, name, in) seen += check_panels(metrics, in);
	json_array_foreach(v, i, in) seen += check_panels(metrics, in);
	return seen;
}

static void test_dashboard_and_rules(void **state)
{
	struct bk *b = *state;
	char *metrics = strdup(fetch(b)), *text = read_source("contrib/grafana/ztjit.json"), *rest;
	json_error_t err;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	size_t rules = 0;
	if (o == NULL)
		fail_msg("ztjit.json:%d: %s", err.line, err.text);
	assert_in_range(check_panels(metrics, o), 15, 200);
	json_decref(o);
	free(text);
	rest = text = read_source("contrib/prometheus/ztjit.rules.yml");
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (strstr(line, "expr:") != NULL) {
			rules++;
			assert_in_range(check_names(metrics, line), 1, 9);
		}
	assert_in_range(rules, 5, 50);
	free(text);
	free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_what_happened),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_dashboard_and_rules),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
