/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What leaves add up to, on leaves made by hand: as they are written by a broker, and as nobody should write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/core/support.h"
#include "ztjit/tally.h"

#define T0 INT64_C(1767225600) /* 2026-01-01 */
#define DAY 86400

struct made {
	struct tally t;
	uint64_t n;
	uint8_t id[ZTJ_DIGEST_LEN];
};

static void begin(struct made *m, const struct tally_filter *f)
{
	static const struct tally_filter all = { .until = INT64_MAX };

	memset(m, 0, sizeof *m);
	ok(tally_init(&m->t, f != NULL ? f : &all));
}

static void add_as(struct made *m, struct ztj_event *e)
{
	struct ztj_event_in in;
	struct ztj_buf b;

	e->n = m->n++;
	ztj_buf_init(&b, ZTJ_ENTRY_MAX);
	ok(ztj_event_write(e, &b));
	ok(ztj_event_read(ztj_buf_view(&b), &in));
	ok(tally_leaf(&m->t, &in));
	ztj_event_free(&in);
	ztj_buf_free(&b);
}
#define add(m, t, ...) add_as(m, &(struct ztj_event){ .time = T0 + (t), __VA_ARGS__ })

/* The digest of request number n; one at a time. */
static const uint8_t *id(struct made *m, unsigned n)
{
	memset(m->id, 0, sizeof m->id);
	memcpy(m->id, &n, sizeof n);
	return m->id;
}

static const char *const web1[] = { "servers/web1" };
static void ask(struct made *m, int64_t t, unsigned n, const char *who, const char *role)
{
	add(m, t, .kind = "statement", .outcome = "accepted", .type = "request", .request = id(m, n),
	    .person = who, .role = role, .hosts = { web1, 1 }, .duration = 600, .reason = "disk full",
	    .ticket = "INC-1");
}
static void vote(struct made *m, int64_t t, unsigned n, const char *who, bool deny)
{
	add(m, t, .kind = "statement", .outcome = "accepted", .type = "approval", .request = id(m, n),
	    .person = who, .decision = deny ? "deny" : "approve", .reason = deny ? "not today" : NULL);
}
static void certify(struct made *m, int64_t t, unsigned n)
{
	add(m, t, .kind = "certificate", .outcome = "issued", .request = id(m, n), .person = "people/req1");
}

struct use {
	unsigned n;
	const char *service, *action, *rule;
	int code, pid;
};
static void decide(struct made *m, int64_t t, const struct use *u)
{
	char line[160];

	(void)snprintf(line, sizeof line, "{\"v\":1,\"pid\":%d,\"text\":\"\\u001b[31m\"}", u->pid);
	add(m, t, .kind = "decision", .outcome = u->code == ZTJ_OK ? "allowed" : "denied", .code = u->code,
	    .request = u->n != 0 ? id(m, u->n) : NULL, .person = u->n != 0 ? "people/req1" : NULL,
	    .host = "servers/web1", .service = u->service, .account = "root", .action = u->action,
	    .rule = u->rule, .at = T0 + t, .line = line);
}
static void in(struct made *m, int64_t t, unsigned n, const char *service, int pid)
{
	decide(m, t, &(struct use){ n, service, "open", "prod-root", ZTJ_OK, pid });
}
static void record(struct made *m, int64_t t, unsigned n, const char *name, const char *outcome)
{
	add(m, t, .kind = "session", .outcome = outcome, .request = id(m, n), .person = "people/req1",
	    .host = "servers/web1", .service = "sshd", .account = "root", .role = "root-shell",
	    .session = name, .at = T0 + t);
}

/* --- a grant from beginning to end --- */

static void test_a_grant(void **state)
{
	struct made m;
	const struct tally_grant *g;

	(void)state;
	begin(&m, NULL);
	ask(&m, 0, 1, "people/req1", "root-shell");
	vote(&m, 60, 1, "people/lead1", false);
	vote(&m, 180, 1, "people/sec1", false);
	certify(&m, 200, 1);
	in(&m, 210, 1, "sshd", 100);
	/* the recorder's own child: no second login */
	decide(&m, 211, &(struct use){ 1, "sshd", "open", NULL, ZTJ_OK, 101 });
	record(&m, 211, 1, "S-AAAAAAAAAA", "started");
	in(&m, 220, 1, "sudo", 102);
	decide(&m, 300, &(struct use){ 1, "sshd", "end", NULL, ZTJ_REVOKED, 100 });
	decide(&m, 301, &(struct use){ 1, "sshd", "close", NULL, ZTJ_OK, 100 });
	decide(&m, 302, &(struct use){ 1, "sshd", "gone", NULL, ZTJ_OK, 100 });
	record(&m, 302, 1, "S-AAAAAAAAAA", "closed");
	vote(&m, 400, 1, "people/lead2", false); /* after it was used: no longer what it waited for */
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.ngrants, 1);
	g = &m.t.grant[0];
	assert_true(g->known && g->counts && g->asked_here);
	assert_string_equal(g->person, "people/req1");
	assert_string_equal(g->host[0], "servers/web1");
	assert_int_equal(g->nvotes, 3);
	assert_int_equal(tally_state(g), TALLY_USED);
	assert_int_equal(g->logins, 1);
	assert_int_equal(g->elevations, 1);
	assert_int_equal(g->recorded, 2);
	assert_int_equal(g->first_use, T0 + 210);
	assert_int_equal(m.t.nuses, 2);
	assert_int_equal(m.t.use[0].ended, T0 + 300);
	assert_string_equal(m.t.use[0].code, "revoked");
	assert_int_equal(m.t.use[0].record, 0);
	assert_string_equal(m.t.record[0].state, "closed");
	assert_int_equal(m.t.count.uses, 2);
	assert_int_equal(m.t.count.under_grant, 2);
	assert_int_equal(m.t.count.logins_recorded, 1);
	assert_int_equal(m.t.count.elevations_recorded, 1);
	assert_int_equal(m.t.count.ended_revoked, 1);
	assert_int_equal(m.t.count.ended_other, 0);
	/* that the host ended it is no denial */
	assert_int_equal(m.t.ndenials, 0);
	assert_int_equal(tally_median(&m.t.first_approval), 60);
	assert_int_equal(tally_median(&m.t.approval), 180);
	tally_free(&m.t);
}

static void test_states(void **state)
{
	static const enum tally_state want[] = { TALLY_ASKED, TALLY_APPROVED, TALLY_DENIED, TALLY_CANCELLED,
		TALLY_REVOKED, TALLY_CERTIFIED };
	struct made m;

	(void)state;
	begin(&m, NULL);
	for (unsigned i = 1; i <= 6; i++)
		ask(&m, i, i, "people/req1", "root-shell");
	vote(&m, 10, 2, "people/lead1", false);
	vote(&m, 10, 3, "people/lead1", false);
	vote(&m, 11, 3, "people/sec1", true);
	add(&m, 12, .kind = "statement", .outcome = "accepted", .type = "revocation", .request = id(&m, 4),
	    .person = "people/req1");
	add(&m, 12, .kind = "statement", .outcome = "accepted", .type = "revocation", .request = id(&m, 5),
	    .person = "people/lead1", .reason = "no");
	certify(&m, 13, 6);
	ok(tally_finish(&m.t));
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(tally_state_name(tally_state(&m.t.grant[i])), tally_state_name(want[i]));
	assert_int_equal(m.t.count.cancels, 1);
	assert_int_equal(m.t.count.revocations, 1);
	assert_int_equal(m.t.count.denials, 1);
	assert_int_equal(m.t.count.by_rule_alone, 1);
	/* that approvals were given is known; that they were enough is not, without a use */
	assert_int_equal(m.t.approval.n, 0);
	assert_int_equal(m.t.first_approval.n, 2);
	tally_free(&m.t);
}

/* --- what was recorded --- */

static void test_no_record_is_claimed(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	ask(&m, 0, 1, "people/req1", "root-shell");
	in(&m, 10, 1, "sshd", 1); /* ssh -N: nothing to record */
	in(&m, 100, 1, "sshd", 2);
	record(&m, 101, 1, "S-AAAAAAAAAA", "started");
	record(&m, 102, 1, "S-BBBBBBBBBB", "started"); /* a second channel of that connection */
	in(&m, 200, 1, "sshd", 3);
	decide(&m, 205, &(struct use){ 1, "sshd", "close", NULL, ZTJ_OK, 3 });
	record(&m, 206, 1, "S-CCCCCCCCCC", "started"); /* after it was over */
	in(&m, 300, 1, "sshd", 4);
	record(&m, 361, 1, "S-DDDDDDDDDD", "started"); /* too late */
	ask(&m, 400, 2, "people/req1", "root-shell");
	in(&m, 410, 2, "sshd", 5);
	record(&m, 411, 1, "S-EEEEEEEEEE", "started"); /* of another grant */
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.logins, 5);
	assert_int_equal(m.t.count.logins_recorded, 1);
	assert_true(m.t.use[1].recorded);
	assert_int_equal(m.t.count.records, 5);
	assert_int_equal(m.t.record[1].use, TALLY_NONE);
	tally_free(&m.t);
}

/* Hosts ship late and in another order than the broker hears of records: the host's times decide. */
static void test_order_of_leaves(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	ask(&m, 0, 1, "people/req1", "root-shell");
	record(&m, 11, 1, "S-AAAAAAAAAA", "started");
	in(&m, 10, 1, "sshd", 1);
	in(&m, 20, 1, "sudo", 2);
	record(&m, 15, 1, "S-AAAAAAAAAA", "closed");
	in(&m, 11, 1, "sudo", 3);
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.logins_recorded, 1);
	assert_true(m.t.use[0].recorded && !m.t.use[1].recorded && m.t.use[2].recorded);
	tally_free(&m.t);
}

/* --- what was refused --- */

static void test_denials(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	ask(&m, 0, 1, "people/req1", "root-shell");
	for (int i = 0; i < 3; i++)
		decide(&m, 10 + i, &(struct use){ 0, "sshd", "principals", NULL, ZTJ_NO_GRANT, 1 });
	decide(&m, 20, &(struct use){ 1, "sudo", "auth", "prod-root", ZTJ_STEPUP_TIMEOUT, 1 });
	decide(&m, 21, &(struct use){ 1, "sshd", "kill", NULL, ZTJ_KILLED, 1 });
	decide(&m, 22, &(struct use){ 0, "sudo", "open", NULL, ZTJ_OK, 7 }); /* cron */
	add(&m, 30, .kind = "statement", .outcome = "refused", .code = ZTJ_NO_RULE, .type = "request",
	    .request = id(&m, 9), .person = "people/mallory", .role = "root-shell");
	add(&m, 31, .kind = "certificate", .outcome = "refused", .code = ZTJ_NO_GRANT);
	add(&m, 32, .kind = "view", .outcome = "refused", .code = ZTJ_FORBIDDEN);
	/* those of strangers, beyond the first few */
	add(&m, 32, .kind = "statement", .outcome = "refused", .count = 41);
	add(&m, 33, .kind = "view", .outcome = "opened");
	add(&m, 34, .kind = "decision", .outcome = "alarm", .action = "alarm", .code = ZTJ_ESCAPED,
	    .host = "servers/web1");
	vote(&m, 35, 1, "people/sec1", true);
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.ngrants, 1); /* nobody vouches for what a refused statement says */
	assert_int_equal(m.t.ndenials, 7);
	assert_int_equal(m.t.denial[0].source, TALLY_BY_BROKER);
	assert_int_equal(m.t.denial[0].n, 41);
	assert_int_equal(m.t.denial[1].source, TALLY_BY_HOST);
	assert_string_equal(m.t.denial[1].code, "no-grant");
	assert_int_equal(m.t.denial[1].n, 3);
	assert_int_equal(m.t.grant[0].refused, 1);
	assert_int_equal(m.t.count.exempt, 1);
	assert_int_equal(m.t.count.uses, 0);
	assert_int_equal(m.t.count.views, 1);
	assert_int_equal(m.t.count.views_refused, 1);
	assert_int_equal(m.t.count.alarms, 1);
	assert_int_equal(m.t.day[0].denied, 8 + 41);
	tally_free(&m.t);
}

static void test_not_in_the_log(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	in(&m, 10, 7, "sshd", 1);
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.uses, 1);
	assert_int_equal(m.t.count.under_grant, 0);
	assert_int_equal(m.t.count.unknown_requests, 1);
	assert_string_equal(m.t.grant[0].person, "");
	tally_free(&m.t);
}

/* --- break glass, standing access --- */

static void test_break_glass(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	for (unsigned i = 1; i <= 2; i++)
		add(&m, i, .kind = "statement", .outcome = "accepted", .type = "request",
		    .request = id(&m, i), .person = "people/req1", .role = "root-shell", .hosts = { web1, 1 },
		    .action = "break-glass");
	in(&m, 10, 2, "sshd", 1);
	in(&m, 11, 2, "sshd", 2);
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.break_glass, 2);
	assert_int_equal(m.t.count.glass_used, 1);
	assert_int_equal(m.t.count.glass_uses, 2);
	assert_int_equal(m.t.count.by_rule_alone, 1);
	assert_int_equal(m.t.approval.n, 0);
	tally_free(&m.t);
}

static void scan(struct made *m, int64_t t, const char *host, int64_t left, int64_t accepted)
{
	const struct ztj_event_standing s = { left, accepted, 1, 0 };

	add(m, t, .kind = "standing", .outcome = "reported", .host = host, .at = T0 + t,
	    .left = left < 0 ? NULL : &s);
}

static void test_standing(void **state)
{
	const struct tally_filter f = { .since = T0 + DAY, .until = T0 + 4 * DAY };
	struct made m;

	(void)state;
	begin(&m, &f);
	scan(&m, 0, "servers/web1", 5, 2);
	scan(&m, DAY + 1, "servers/db1", 0, 0);
	scan(&m, DAY + 2, "servers/old", -1, 0); /* a leaf from before the numbers */
	scan(&m, 3 * DAY, "servers/web1", 0, 3);
	scan(&m, 9 * DAY, "servers/web1", 9, 9); /* after the period */
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.nstanding, 3);
	assert_string_equal(m.t.standing[0].host, "servers/db1");
	assert_true(m.t.standing[0].counted && m.t.standing[0].standing == 0 && m.t.standing[0].expired == 1);
	assert_false(m.t.standing[1].counted);
	assert_true(m.t.standing[2].accepted == 3 && m.t.standing[2].standing == 0);
	assert_int_equal(m.t.left, 2);
	assert_int_equal(m.t.count.standing, 3);
	assert_int_equal(m.t.ndays, 2);
	assert_int_equal(m.t.day[0].left, 7);
	assert_int_equal(m.t.day[1].left, 2);
	tally_free(&m.t);
}

/* --- which --- */

static void test_filters(void **state)
{
	static const struct {
		struct tally_filter f;
		int64_t asked, uses, approvals;
	} cases[] = {
		{ { 0, INT64_MAX, NULL, NULL, NULL }, 2, 2, 2 },
		{ { 0, INT64_MAX, "req1", NULL, NULL }, 1, 2, 1 },
		{ { 0, INT64_MAX, "people/req1", NULL, NULL }, 1, 2, 1 },
		{ { 0, INT64_MAX, "others/req1", NULL, NULL }, 0, 0, 0 },
		{ { 0, INT64_MAX, "lead1", NULL, NULL }, 0, 0, 2 },
		{ { 0, INT64_MAX, NULL, "web1", NULL }, 2, 2, 2 },
		{ { 0, INT64_MAX, NULL, "db1", NULL }, 0, 0, 0 },
		{ { 0, INT64_MAX, NULL, NULL, "root-shell" }, 1, 2, 1 },
		{ { 0, INT64_MAX, NULL, NULL, "sudo-root" }, 1, 0, 1 },
		{ { T0 + 100, INT64_MAX, NULL, NULL, NULL }, 0, 1, 0 },
		{ { 0, T0 + 15, NULL, NULL, NULL }, 2, 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct made m;

		begin(&m, &cases[i].f);
		ask(&m, 0, 1, "people/req1", "root-shell");
		ask(&m, 1, 2, "people/req2", "sudo-root");
		vote(&m, 10, 1, "people/lead1", false);
		vote(&m, 11, 2, "people/lead1", false);
		in(&m, 20, 1, "sshd", 1);
		in(&m, 120, 1, "sshd", 2);
		ok(tally_finish(&m.t));
		if (m.t.count.asked != cases[i].asked || m.t.count.uses != cases[i].uses ||
		    m.t.count.approvals != cases[i].approvals)
			fail_msg("case %zu: %lld asked, %lld uses, %lld approvals", i,
			    (long long)m.t.count.asked, (long long)m.t.count.uses,
			    (long long)m.t.count.approvals);
		tally_free(&m.t);
	}
}

/* What began before the period explains what happens in it, and is listed with it. */
static void test_grant_from_before(void **state)
{
	const struct tally_filter f = { .since = T0 + 100, .until = INT64_MAX };
	struct made m;

	(void)state;
	begin(&m, &f);
	ask(&m, 0, 1, "people/req1", "root-shell");
	vote(&m, 10, 1, "people/lead1", false);
	ask(&m, 20, 2, "people/req1", "root-shell");
	in(&m, 120, 1, "sshd", 1);
	ok(tally_finish(&m.t));
	assert_true(m.t.grant[0].counts && !m.t.grant[1].counts);
	assert_string_equal(m.t.grant[0].reason, "disk full");
	assert_int_equal(m.t.count.under_grant, 1);
	assert_int_equal(m.t.approval.n, 0);
	tally_free(&m.t);
}

static void test_groups(void **state)
{
	struct tally_group *g;
	struct made m;
	size_t n;

	(void)state;
	begin(&m, NULL);
	ask(&m, 0, 1, "people/req2", "root-shell");
	ask(&m, 1, 2, "people/req1", "root-shell");
	in(&m, 10, 2, "sshd", 1);
	decide(&m, 70, &(struct use){ 2, "sshd", "close", NULL, ZTJ_OK, 1 });
	in(&m, 80, 2, "su", 2);
	ok(tally_finish(&m.t));
	ok(tally_by(&m.t, "person", &g, &n));
	assert_int_equal(n, 2);
	assert_string_equal(g[0].key, "people/req1");
	assert_true(g[0].asked == 1 && g[0].granted == 1 && g[0].logins == 1 && g[0].elevations == 1 &&
	    g[0].seconds == 60);
	assert_true(g[1].asked == 1 && g[1].granted == 0 && g[1].logins == 0);
	free(g);
	ok(tally_by(&m.t, "host", &g, &n));
	assert_true(n == 1 && g[0].asked == 2 && g[0].logins == 1);
	free(g);
	ok(tally_by(&m.t, "role", &g, &n));
	assert_true(n == 1 && g[0].asked == 2);
	free(g);
	fails(tally_by(&m.t, "moon", &g, &n), ZTJ_BAD_NAME);
	assert_null(g);
	tally_free(&m.t);
}

static void test_medians(void **state)
{
	int64_t s[] = { 1, 2, 10, 40 };
	struct tally_times t = { 0, 0, s };

	(void)state;
	assert_int_equal(tally_median(&t), -1);
	assert_int_equal(tally_percentile(&t, 90), -1);
	t.n = 1;
	assert_int_equal(tally_median(&t), 1);
	assert_int_equal(tally_percentile(&t, 90), 1);
	t.n = 3;
	assert_int_equal(tally_median(&t), 2);
	t.n = 4;
	assert_int_equal(tally_median(&t), 6);
	assert_int_equal(tally_percentile(&t, 50), 2);
	assert_int_equal(tally_percentile(&t, 75), 10);
	assert_int_equal(tally_percentile(&t, 90), 40);
	assert_int_equal(tally_percentile(&t, 100), 40);
}

/* --- what nobody should write --- */

/* Whoever holds the log's key may sign anything. */
static void raw(struct made *m, const char *leaf)
{
	struct ztj_event_in in;

	ok(ztj_event_read(ztj_view_str(leaf), &in));
	ok(tally_leaf(&m->t, &in));
	ztj_event_free(&in);
}
#define HEAD "{\"v\":1,\"n\":0,\"time\":\"2026-01-01T00:00:00Z\","
#define HEX64 "ab00000000000000000000000000000000000000000000000000000000000000"

static void test_hostile_leaves(void **state)
{
	struct made m;

	(void)state;
	begin(&m, NULL);
	/* a session whose name is a request's digest shares no place with it */
	raw(&m,
	    HEAD "\"kind\":\"statement\",\"outcome\":\"accepted\",\"type\":\"request\",\"request\":\"" HEX64
		 "\"}");
	raw(&m, HEAD "\"kind\":\"session\",\"outcome\":\"started\",\"session\":\"" HEX64 "\"}");
	raw(&m, HEAD "\"kind\":\"session\",\"outcome\":\"started\",\"session\":\"S-A\"}");
	raw(&m, HEAD "\"kind\":\"session\",\"outcome\":\"closed\",\"session\":7}");
	raw(&m,
	    HEAD "\"kind\":\"statement\",\"outcome\":\"accepted\",\"type\":[\"request\"],\"request\":{}}");
	raw(&m,
	    HEAD
	    "\"kind\":\"statement\",\"outcome\":\"accepted\",\"type\":\"request\",\"request\":\"zz\",\"hosts\":\"x\"}");
	raw(&m,
	    HEAD "\"kind\":\"statement\",\"outcome\":\"accepted\",\"type\":\"approval\",\"request\":\"" HEX64
		 "\",\"duration\":\"long\"}");
	raw(&m,
	    HEAD
	    "\"kind\":\"decision\",\"outcome\":\"allowed\",\"action\":\"open\",\"rule\":\"r\",\"request\":\"" HEX64
	    "\",\"at\":\"soon\",\"line\":\"\\\\x5c\\\\x5c{\"}");
	raw(&m,
	    HEAD
	    "\"kind\":\"decision\",\"outcome\":\"denied\",\"action\":\"end\",\"line\":\"{\\\"pid\\\":-1}\"}");
	raw(&m,
	    HEAD
	    "\"kind\":\"standing\",\"outcome\":\"reported\",\"host\":\"a\",\"standing\":9007199254740991}");
	raw(&m, HEAD "\"kind\":\"nobody-knows\",\"outcome\":\"refused\",\"code\":{}}");
	for (int i = 0; i < 600; i++) {
		char leaf[200];

		(void)snprintf(leaf, sizeof leaf,
		    HEAD "\"kind\":\"x\",\"outcome\":\"refused\",\"code\":\"c%d\"}", i);
		raw(&m, leaf);
	}
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.ngrants, 1);
	assert_int_equal(m.t.nrecords, 1);
	assert_int_equal(m.t.count.uses, 1);
	assert_int_equal(m.t.left, 0);
	assert_false(m.t.standing[0].counted);
	assert_int_equal(m.t.ndenials, 501);
	assert_int_equal(m.t.denial[0].n, 101); /* "other" */
	tally_free(&m.t);
}

/* --- many --- */

static double seconds(clock_t since)
{
	return (double)(clock() - since) / CLOCKS_PER_SEC;
}

/* 6 leaves a grant, all by one person on one host, none of them over: what would be slow if anything looked back. */
static double many(unsigned grants)
{
	char name[ZTJ_SHORT_ID_SIZE];
	clock_t since = clock();
	struct made m;

	begin(&m, NULL);
	for (unsigned i = 1; i <= grants; i++) {
		int64_t t = 10 * (int64_t)i;

		ask(&m, t, i, "people/req1", "root-shell");
		vote(&m, t + 1, i, "people/lead1", false);
		certify(&m, t + 2, i);
		in(&m, t + 3, i, "sshd", (int)i);
		(void)snprintf(name, sizeof name, "S-%010u", i);
		record(&m, t + 4, i, name, "started");
		decide(&m, t + 5, &(struct use){ i, "sshd", "close", NULL, ZTJ_OK, 0 });
	}
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.leaves, 6 * grants);
	assert_int_equal(m.t.count.logins_recorded, grants);
	assert_int_equal(tally_median(&m.t.approval), 1);
	tally_free(&m.t);
	return seconds(since);
}

/* One grant, logged in to without end. */
static double one_grant(unsigned uses)
{
	char name[ZTJ_SHORT_ID_SIZE];
	clock_t since = clock();
	struct made m;

	begin(&m, NULL);
	ask(&m, 0, 1, "people/req1", "root-shell");
	for (unsigned i = 1; i <= uses; i++) {
		in(&m, 1, 1, "sshd", (int)i);
		in(&m, 1, 1, "sudo", (int)(uses + i));
		(void)snprintf(name, sizeof name, "S-%010u", i);
		record(&m, 2, 1, name, "started");
	}
	ok(tally_finish(&m.t));
	assert_int_equal(m.t.count.logins_recorded, uses);
	tally_free(&m.t);
	return seconds(since);
}

static void test_linear(void **state)
{
	struct rusage use;
	double small, large;

	(void)state;
	small = many(2000);
	large = many(16000);
	(void)getrusage(RUSAGE_SELF, &use);
	print_message("12,000 leaves %.2f s, 96,000 leaves %.2f s, at most %ld MiB\n", small, large,
	    use.ru_maxrss / 1024);
	assert_true(large < 8 * small * 3 + 0.5); /* eight times as many; quadratic would be 64 times */
	small = one_grant(2000);
	large = one_grant(16000);
	print_message("of one grant: 6,000 leaves %.2f s, 48,000 leaves %.2f s\n", small, large);
	assert_true(large < 8 * small * 3 + 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_grant),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_no_record_is_claimed),
		cmocka_unit_test(test_order_of_leaves),
		cmocka_unit_test(test_denials),
		cmocka_unit_test(test_not_in_the_log),
		cmocka_unit_test(test_break_glass),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_grant_from_before),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_medians),
		cmocka_unit_test(test_hostile_leaves),
		cmocka_unit_test(test_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
