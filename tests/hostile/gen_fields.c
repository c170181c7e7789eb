/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S17 and the rest of what a request may say truly signed and still not get: dates, numbers, names, hosts, roles. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

#define DAY 86400
#define YEAR (365 * DAY)
#define YEAR_9999 INT64_C(253402300799)

static void request_dates(struct gen *g)
{
	const int64_t now = g->co->w.now;
	const struct {
		const char *name;
		int64_t issued, valid_until, start;
		int want;
	} sets[] = {
		{ "issued-in-an-hour", now + 3600, now + 7200, 0, ZTJ_FUTURE },
		{ "issued-in-half-an-hour", now + 1800, now + 7200, 0, ZTJ_FUTURE },
		{ "issued-next-year", now + YEAR, now + YEAR + 60, 0, ZTJ_FUTURE },
		{ "issued-9999", YEAR_9999 - 60, YEAR_9999, 0, ZTJ_FUTURE },
		{ "issued-2000", 946684800, now + 60, 0, ZTJ_KEY_EXPIRED },
		{ "issued-before-the-key", now - 31 * DAY, now + 60, 0, ZTJ_KEY_EXPIRED },
		{ "waited-too-long", now - 7200, now + 1800, 0, ZTJ_EXPIRED },
		{ "valid-until-passed", now - 600, now - 300, 0, ZTJ_EXPIRED },
		{ "valid-until-9999", now - 7200, YEAR_9999, 0, ZTJ_EXPIRED },
		{ "start-in-an-hour", now - 60, now + 1800, now + 3600, ZTJ_NOT_STARTED },
		{ "start-tomorrow", now - 60, now + 1800, now + DAY - 120, ZTJ_NOT_STARTED },
		{ "start-too-far-ahead", now - 60, now + 1800, now + 8 * DAY, ZTJ_TOO_FAR_AHEAD },
		{ "start-9999", now - 60, now + 1800, YEAR_9999, ZTJ_TOO_FAR_AHEAD },
	};

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct plan *p = plan_honest(g);
		p->part[0].st.issued = sets[k].issued;
		p->part[0].st.u.request.valid_until = sets[k].valid_until;
		p->part[0].st.u.request.start = sets[k].start;
		p->want = sets[k].want;
		emit(g, "S17/request/%s", sets[k].name);
	}
	struct plan *p = plan_honest(g);
	char until[ZTJ_TIME_SIZE], find[64], put[64];
	ok(ztj_time_format(p->part[0].st.u.request.valid_until, until));
	(void)snprintf(find, sizeof(find), "\"valid_until\":\"%s\"", until);
	ok(ztj_time_format(p->part[0].st.issued - 1, until));
	(void)snprintf(put, sizeof(put), "\"valid_until\":\"%s\"", until);
	p->part[0].find = find;
	p->part[0].put = put;
	p->part[0].want = ZTJ_BAD_TIME;
	emit(g, "S17/request/valid-until-before-issued");
}

static void approval_dates(struct gen *g)
{
	const int64_t now = g->co->w.now;
	const struct {
		const char *name;
		int64_t issued;
	} dates[] = { { "in-half-an-hour", now + 1800 }, { "in-an-hour", now + 3600 },
		{ "next-year", now + YEAR }, { "9999", YEAR_9999 }, { "before-the-request", now - 300 },
		{ "yesterday", now - DAY }, { "2000", 946684800 } };

	for (int i = 1; i < 3; i++)
		for (size_t k = 0; k < sizeof(dates) / sizeof(dates[0]); k++) {
			struct plan *p = plan_honest(g);
			p->part[i].st.issued = dates[k].issued;
			p->want = ZTJ_PENDING;
			emit(g, "S17/approval-%d/dated-%s", i, dates[k].name);
		}
	for (int i = 1; i < 3; i++) {
		struct plan *p = plan_honest(g);
		p->part[0].st.issued = now - 1200;
		p->part[0].st.u.request.valid_until = now - 600;
		p->part[3 - i].st.issued = now - 900;
		p->part[i].st.issued = now - 300; /* after the request ran out */
		p->want = ZTJ_EXPIRED;
		emit(g, "S17/approval-%d/too-late", i);
	}
}

/* Grants that are over, or whose every second is used up. */
static void ended(struct gen *g)
{
	const int64_t now = g->co->w.now;
	static const int64_t ages[] = { 3600, 2700, 2400 };

	for (size_t k = 0; k < sizeof(ages) / sizeof(ages[0]); k++) {
		struct plan *p = plan_honest(g);
		p->part[0].st.issued = now - ages[k];
		p->part[0].st.u.request.valid_until = now - ages[k] + 3600;
		p->part[1].st.issued = p->part[2].st.issued = now - ages[k] + 10;
		p->want = ZTJ_ENDED;
		emit(g, "G01/ended-%d-seconds-ago", (int)ages[k] - 10 - 1800);
	}
	for (int i = 1; i < 3; i++) {
		struct plan *p = plan_honest(g);
		p->part[i].st.u.approval.limit = 5;
		p->want = ZTJ_ENDED;
		emit(g, "G01/limit-of-five-seconds-by-approval-%d", i);
	}
	struct plan *p = plan_honest(g);
	p->part[0].st.issued = now - 3590;
	p->part[0].st.u.request.valid_until = now + 10;
	p->part[0].st.u.request.duration = 1000000;
	p->part[1].st.issued = p->part[2].st.issued = now - 3585 - 60;
	p->part[1].st.issued = p->part[2].st.issued = now - 3580;
	p->part[0].st.u.request.duration = 60;
	p->want = ZTJ_ENDED;
	emit(g, "G01/ended-at-once");
}

static void hosts(struct gen *g)
{
	static const struct {
		const char *name;
		const char *hosts[3];
		int want;
	} sets[] = {
		{ "web2", { "servers/web2" }, ZTJ_WRONG_HOST },
		{ "db1", { "servers/db1" }, ZTJ_WRONG_HOST },
		{ "test1", { "servers/test1" }, ZTJ_WRONG_HOST },
		{ "two-others", { "servers/db1", "servers/web2" }, ZTJ_WRONG_HOST },
		{ "unknown", { "servers/web9" }, ZTJ_WRONG_HOST },
		{ "namesake-in-people", { "people/web1" }, ZTJ_WRONG_HOST },
		{ "namesake-in-approvers", { "approvers/web1" }, ZTJ_WRONG_HOST },
		{ "namesake-in-no-directory", { "server/web1" }, ZTJ_WRONG_HOST },
		{ "look-alike", { "servers/web-1" }, ZTJ_WRONG_HOST },
		{ "longer", { "servers/web1.example" }, ZTJ_WRONG_HOST },
		{ "with-an-unknown-one", { "servers/web1", "servers/web9" }, ZTJ_HOST_UNKNOWN },
		{ "with-one-of-another-rule", { "servers/test1", "servers/web1" }, ZTJ_NO_RULE },
	};

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct plan *p = plan_honest(g);
		size_t n = 0;
		for (; n < 3 && sets[k].hosts[n] != NULL; n++)
			p->part[0].hosts[n] = sets[k].hosts[n];
		p->part[0].st.u.request.nhosts = n;
		p->want = sets[k].want;
		/* the host does not even keep what does not name it */
		p->part[0].unkept = sets[k].want == ZTJ_WRONG_HOST ? ZTJ_WRONG_HOST : ZTJ_OK;
		emit(g, "S13/host/%s", sets[k].name);
	}
}

static void roles(struct gen *g)
{
	struct plan *p;
	static const struct {
		const char *name, *role;
		int want;
	} sets[] = { { "unknown", "root", ZTJ_NO_RULE }, { "longer", "root-shell2", ZTJ_NO_RULE },
		{ "sudo-root", "sudo-root", ZTJ_WRONG_ACCOUNT }, { "recorded", "recorded", ZTJ_NO_RECORDER },
		{ "rule-name", "prod-root", ZTJ_NO_RULE } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		p = plan_honest(g);
		p->part[0].st.u.request.role = sets[k].role;
		p->want = sets[k].want;
		emit(g, "G04/role/%s", sets[k].name);
	}
	static const char *const accounts[] = { "req1", "lead1", "nobody", "self", "ROOT", "root ", " root",
		"root/", "toor", "", "daemon", "0", "servers/web1", "people/req1", "ztjit-grant-00", "-",
		"r\xC3\xB3ot" };
	for (size_t k = 0; k < sizeof(accounts) / sizeof(accounts[0]); k++) {
		p = plan_honest(g);
		p->account = accounts[k];
		p->want = ZTJ_WRONG_ACCOUNT;
		emit(g, "G04/account/%s", accounts[k][0] != '\0' ? accounts[k] : "(none)");
	}
	static const char *const others[] = { "root", "req2", "lead1", "self", "REQ1", "sec1" };
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		p = plan_by(g, &g->co->w.person[FX_REQ1], "sudo-root");
		plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD1], 0);
		p->account = others[k];
		p->want = ZTJ_WRONG_ACCOUNT;
		emit(g, "G04/account-of-sudo-role/%s", others[k]);
	}
}

static void demands(struct gen *g)
{
	struct plan *p = plan_honest(g);
	static const char *const tickets[] = { "", "INC-", "INC-12x", "xINC-12", "inc-12", "INC-12 ",
		"CHG-12" };

	p->part[0].st.u.request.reason = "short";
	p->want = ZTJ_REASON_SHORT;
	emit(g, "G04/reason-too-short");
	p = plan_honest(g);
	p->part[0].st.u.request.reason =
	    "\xF0\x9F\x94\xA5\xF0\x9F\x94\xA5\xF0\x9F\x94\xA5"; /* twelve bytes, three characters */
	p->want = ZTJ_REASON_SHORT;
	emit(g, "G04/reason-of-three-characters");
	for (size_t k = 0; k < sizeof(tickets) / sizeof(tickets[0]); k++) {
		p = plan_honest(g);
		p->part[0].st.u.request.ticket = tickets[k];
		p->want = ZTJ_TICKET;
		emit(g, "G04/ticket/%s", k == 0 ? "none" : tickets[k]);
	}
	p = plan_honest(g);
	p->part[0].st.u.request.break_glass = true;
	p->want = ZTJ_NO_RULE;
	emit(g, "G04/break-glass-without-such-a-rule");
}

/* The signer had seen more than this host; absurd numbers harm that bundle alone (S17). */
static void seen(struct gen *g)
{
	static const struct {
		const char *name;
		int64_t policy, people, servers;
		const char *extra;
	} sets[] = { { "policy-3", 3, 2, 2, NULL }, { "policy-2-31", 2147483647, 2, 2, NULL },
		{ "people-3", 2, 3, 2, NULL }, { "people-2-31", 2, 2147483647, 2, NULL },
		{ "servers-3", 2, 2, 3, NULL }, { "directory-unheard-of", 2, 2, 2, "zoo" },
		{ "later-policy-and-directory", 3, 2, 2, "zoo" } };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
			struct plan *p = plan_honest(g);
			struct ztj_seen *s = &p->part[i].st.seen;
			s->policy = sets[k].policy;
			for (size_t d = 0; d < s->ndirs; d++) {
				if (strcmp(s->dir[d].name, "people") == 0)
					s->dir[d].serial = sets[k].people;
				if (strcmp(s->dir[d].name, "servers") == 0)
					s->dir[d].serial = sets[k].servers;
			}
			if (sets[k].extra != NULL) {
				s->dir[s->ndirs].name = sets[k].extra;
				s->dir[s->ndirs++].serial = 1;
			}
			p->want = ZTJ_SEEN_AHEAD;
			emit(g, "S17/part-%d/seen-%s", i, sets[k].name);
		}
}

void gen_fields(struct gen *g)
{
	request_dates(g);
	approval_dates(g);
	ended(g);
	hosts(g);
	roles(g);
	demands(g);
	seen(g);
}
