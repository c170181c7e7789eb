/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What hosts say of their standing access, at a real broker: taken from the host itself alone, shown to auditors alone. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/broker/bk.h"

static const struct fx_policy auditing = { .more = "auditors = [ \"@security\" ];" };

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b, "rate_statements = 10000;\nrate_identity = 1000;\n");
	bk_arm(&b);
	bk_policy(&b, &auditing);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_SEC1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

struct word {
	int host;                   /* whose name is in it */
	const struct soft_key *key; /* NULL: that host's */
	int64_t issued, standing;
	const char *report, *signed_report; /* the second: what the digest is of; NULL: the same */
	size_t nul;                         /* 1: the report's NUL belongs to it */
};

static void make(const struct bk *b, const struct word *w, struct ztj_buf *out)
{
	const char *report = w->signed_report != NULL ? w->signed_report : w->report;
	const struct soft_key *key = w->key != NULL ? w->key : &b->w.host[w->host].machine;
	struct fx_signed s;
	struct ztj_stmt st;
	struct ztj_buf text;
	fx_stmt(&b->w, &st, ZTJ_STMT_STANDING);
	st.issued = w->issued;
	st.u.standing.host = b->w.host[w->host].full;
	st.u.standing.standing = w->standing;
	ok(ztj_sha256(ztj_view_of(report, strlen(report) + w->nul), st.u.standing.digest));
	fx_stmt_sign(&st, 0, &key, 1, &s);
	ztj_buf_init(&text, ZTJ_STMT_MAX);
	ok(ztj_signed_to_json(&s.s, &text));
	ok(ztj_buf_put(out, text.p, text.n - 1));
	ok(ztj_buf_puts(out, ",\"report\":\""));
	ok(ztj_b64_encode(ztj_view_of(w->report, strlen(w->report) + w->nul), out));
	ok(ztj_buf_puts(out, "\"}"));
	ztj_buf_free(&text);
	fx_signed_free(&s);
}

static long say(struct bk *b, int as, const struct word *w)
{
	struct ztj_buf body;
	ztj_buf_init(&body, 256 * 1024);
	make(b, w, &body);
	(void)bk_call(b, &b->host_tls[as], "POST", "/v1/standing", ztj_buf_view(&body));
	ztj_buf_free(&body);
	return b->status;
}

static const json_t *shown(struct bk *b, const char *query, size_t i)
{
	assert_int_equal(bk_get(b, &b->login[FX_SEC1], "/v1/standing%s", query), 200);
	return json_array_get(json_object_get(b->json, "hosts"), i);
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s != NULL ? s : "";
}

static void test_B02_a_host_speaks_for_itself(void **state)
{
	struct bk *b = *state;
	int64_t now = (int64_t)time(NULL);
	struct word w = { .host = FX_WEB1, .issued = now, .report = "{}" };
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "wrong-host");
	w.key = &b->w.host[FX_TEST1].machine;
	say(b, FX_WEB1, &w);
	bk_expect(b, 403, "wrong-signer");
	w.key = NULL;
	assert_null(shown(b, "", 0));
	say(b, FX_WEB1, &w);
	bk_expect(b, 201, "");
	assert_string_equal(text_of(shown(b, "", 0), "host"), b->w.host[FX_WEB1].full);
	assert_string_equal(text_of(shown(b, "", 0), "report"), "{}");
}

static void test_what_is_not_taken(void **state)
{
	struct bk *b = *state;
	int64_t now = (int64_t)time(NULL);
	struct word w = { .host = FX_TEST1, .issued = now, .report = "{\"a\":1}", .signed_report = "{}" };
	char *large = malloc(65538);
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "record-altered");
	w.signed_report = NULL;
	w.issued = now - 120;
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "stale");
	w.issued = now + 120;
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "dated-ahead");
	w.issued = now;
	w.report = "\xff";
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "record-altered");
	/* in the page that all hosts are shown on, it would be the end of everybody's */
	w.report = "{}";
	w.nul = 1;
	say(b, FX_TEST1, &w);
	bk_expect(b, 403, "record-altered");
	w.nul = 0;
	assert_non_null(large);
	memset(large, ' ', 65537);
	large[65537] = '\0';
	w.report = large;
	say(b, FX_TEST1, &w);
	bk_expect(b, 413, "too-large");
	large[65536] = '\0';
	say(b, FX_TEST1, &w);
	bk_expect(b, 201, "");
	free(large);
	w.report = "{}";
	w.issued = now - 30;
	say(b, FX_TEST1, &w);
	bk_expect(b, 409, "replay");
	assert_int_equal(bk_call(b, &b->host_tls[FX_TEST1], "POST", "/v1/standing",
			     ztj_view_str("{\"report\":\"e30=\"}")),
	    400);
}

static long long gauge(struct bk *b, const char *name)
{
	const char *text, *at;
	assert_int_equal(bk_get(b, NULL, "/metrics"), 200);
	text = ztj_buf_str(&b->body);
	assert_non_null(text);
	at = strstr(text, name);
	assert_non_null(at);
	return strtoll(at + strlen(name), NULL, 10);
}

/* The newest word of each host adds up, also for a broker that was not there when it came. */
static void test_metrics(void **state)
{
	static const char left[] = "ztjit_standing_entries{state=\"left\"} ",
			  clean[] = "ztjit_standing_hosts{state=\"clean\"} ";
	struct bk *b = *state;
	struct word w = { .host = FX_WEB1, .issued = (int64_t)time(NULL), .report = "{}", .standing = 7 };
	long long others = gauge(b, clean);
	say(b, FX_WEB1, &w);
	bk_expect(b, 201, "");
	long long seven = gauge(b, left);
	assert_true(seven >= 7);
	w.standing = 3;
	say(b, FX_WEB1, &w);
	assert_int_equal(gauge(b, left), seven - 4);
	bk_stop(b);
	bk_serve(b);
	assert_int_equal(gauge(b, left), seven - 4);
	w.standing = 0;
	w.issued = (int64_t)time(NULL);
	say(b, FX_WEB1, &w);
	bk_expect(b, 201, "");
	assert_int_equal(gauge(b, left), seven - 7);
	assert_true(gauge(b, clean) >= others);
}

static void test_who_sees_it(void **state)
{
	struct bk *b = *state;
	assert_int_equal(bk_get(b, &b->login[FX_REQ1], "/v1/standing"), 403);
	assert_int_equal(bk_get(b, &b->host_tls[FX_WEB1], "/v1/standing"), 403);
	assert_int_equal(bk_get(b, &b->registrar[0], "/v1/standing"), 403);
	assert_int_equal(bk_get(b, NULL, "/v1/standing"), 401);
	assert_int_equal(bk_get(b, &b->login[FX_SEC1], "/v1/standing?days=401"), 400);
	assert_int_equal(bk_get(b, &b->login[FX_SEC1], "/v1/standing?x=1"), 400);
}

/* In the order of names, one or those behind one; the newest whole, and the days. */
static void test_what_is_shown(void **state)
{
	struct bk *b = *state;
	char query[200];
	struct word w = { .host = FX_WEB1,
		.issued = (int64_t)time(NULL),
		.standing = 3,
		.report = "{\"n\":3}" };
	const json_t *o;
	say(b, FX_WEB1, &w);
	bk_expect(b, 201, "");
	o = shown(b, "?days=30", 0);
	assert_string_equal(text_of(o, "host"), b->w.host[FX_TEST1].full);
	o = shown(b, "?days=30", 1);
	assert_string_equal(text_of(o, "host"), b->w.host[FX_WEB1].full);
	assert_string_equal(text_of(o, "report"), "{\"n\":3}");
	assert_int_equal(json_array_size(json_object_get(o, "days")), 1);
	assert_string_equal(text_of(json_array_get(json_object_get(o, "days"), 0), "statement"),
	    text_of(o, "statement"));
	assert_true(json_is_false(json_object_get(b->json, "more")));
	(void)snprintf(query, sizeof query, "?after=%s", b->w.host[FX_TEST1].full);
	assert_string_equal(text_of(shown(b, query, 0), "host"), b->w.host[FX_WEB1].full);
	(void)snprintf(query, sizeof query, "?host=%s", b->w.host[FX_TEST1].full);
	assert_string_equal(text_of(shown(b, query, 0), "host"), b->w.host[FX_TEST1].full);
	assert_null(shown(b, query, 1));
	bk_stop(b);
	bk_serve(b);
	assert_string_equal(text_of(shown(b, "", 1), "report"), "{\"n\":3}");
}

static void with_database(const struct bk *b, const char *sql)
{
	char path[256];
	sqlite3 *db;
	(void)snprintf(path, sizeof path, "%s/store/broker.db", b->dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A database of the version before gets its tables; one of a later version is not touched. */
static void test_older_and_newer_databases(void **state)
{
	struct bk *b = *state;
	struct word w = { .host = FX_WEB1, .issued = (int64_t)time(NULL), .report = "{}" };
	struct ztj_buf out;
	char conf[160];
	bk_stop(b);
	with_database(b,
	    "DROP TABLE standing; DROP TABLE standing_day; DROP TABLE IF EXISTS leaf; DROP TABLE IF EXISTS node;"
	    " DROP TABLE IF EXISTS host_log; DROP TABLE IF EXISTS host_line; PRAGMA user_version = 2");
	bk_serve(b);
	assert_null(shown(b, "", 0));
	w.issued = (int64_t)time(NULL);
	say(b, FX_WEB1, &w);
	bk_expect(b, 201, "");
	bk_stop(b);
	with_database(b, "PRAGMA user_version = 5");
	(void)snprintf(conf, sizeof conf, "%s/broker.conf", b->dir);
	ztj_buf_init(&out, 65536);
	assert_int_not_equal(bk_run((const char *const[]){ "check", "-c", conf, NULL }, &out), 0);
	assert_non_null(strstr(ztj_buf_str(&out), ztj_err_text(ZTJ_VERSION)));
	ztj_buf_free(&out);
	with_database(b, "PRAGMA user_version = 4");
	bk_serve(b);
	assert_string_equal(text_of(shown(b, "", 0), "report"), "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_B02_a_host_speaks_for_itself),
		cmocka_unit_test(test_what_is_not_taken),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_who_sees_it),
		cmocka_unit_test(test_what_is_shown),
		cmocka_unit_test(test_older_and_newer_databases),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
