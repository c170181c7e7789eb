/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES 64
#define REFUSALS 256
#define LIMITS 7

struct number {
	uint64_t kept, batch;
};
struct counts {
	size_t nleaves, nrefusals;
	struct {
		char kind[16], outcome[16];
		struct number n;
	} leaf[LEAVES];
	struct {
		const char *by;
		int code; /* 0: an approver's, in words */
		struct number n;
	} refusal[REFUSALS];
	struct number glass, within[LIMITS + 1], seconds;
};

/* Those of ztjit-events(5), so that each is there at 0: what appears at 1 has not grown for whoever watches. */
static const char *const known[][2] = { { "statement", "accepted" }, { "statement", "refused" },
	{ "policy", "accepted" }, { "policy", "refused" }, { "directory", "accepted" },
	{ "directory", "pending" }, { "directory", "refused" }, { "pending", "asked" },
	{ "pending", "removed" }, { "certificate", "issued" }, { "certificate", "refused" },
	{ "stepup", "answered" }, { "session", "started" }, { "session", "head" }, { "session", "closed" },
	{ "session", "lost" }, { "standing", "reported" }, { "view", "opened" }, { "view", "refused" },
	{ "broker", "started" }, { "broker", "stopped" }, { "decision", "allowed" }, { "decision", "denied" },
	{ "decision", "alarm" }, { "decision", "adopted" }, { "alarm", "raised" } };

static const int64_t limits[LIMITS] = { 60, 300, 900, 3600, 14400, 86400, 604800 };

static struct number *leaf_at(struct counts *c, const char *kind, const char *outcome)
{
	for (size_t i = 0; i < c->nleaves; i++)
		if (strcmp(c->leaf[i].kind, kind) == 0 && strcmp(c->leaf[i].outcome, outcome) == 0)
			return &c->leaf[i].n;
	if (c->nleaves == LEAVES)
		return NULL;
	(void)snprintf(c->leaf[c->nleaves].kind, sizeof(c->leaf[0].kind), "%s", kind);
	(void)snprintf(c->leaf[c->nleaves].outcome, sizeof(c->leaf[0].outcome), "%s", outcome);
	return &c->leaf[c->nleaves++].n;
}

int counts_new(struct counts **out)
{
	struct counts *c = calloc(1, sizeof(*c));
	*out = c;
	if (c == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		(void)leaf_at(c, known[i][0], known[i][1]);
	return ZTJ_OK;
}

void counts_free(struct counts *c)
{
	free(c);
}

static void refuse(struct counts *c, const char *by, int code, uint64_t n)
{
	size_t i = 0;
	while (i < c->nrefusals && (strcmp(c->refusal[i].by, by) != 0 || c->refusal[i].code != code))
		i++;
	if (i == REFUSALS)
		return;
	if (i == c->nrefusals) {
		c->refusal[i].by = by;
		c->refusal[i].code = code;
		c->nrefusals++;
	}
	c->refusal[i].n.batch += n;
}

static bool is(const char *text, const char *want)
{
	return text != NULL && strcmp(text, want) == 0;
}

void counts_leaf(struct counts *c, const struct ztj_event *e)
{
	struct number *n = leaf_at(c, e->kind, e->outcome);
	if (n != NULL)
		n->batch++;
	/* That a host ended a session is no refusal. */
	if (is(e->kind, "decision") && is(e->outcome, "denied") && !is(e->action, "end") &&
	    !is(e->action, "kill"))
		refuse(c, "host", e->code, 1);
	/* Those of strangers beyond the first few are one leaf with their number. */
	if (is(e->outcome, "refused"))
		refuse(c, "broker", e->code,
		    e->statement == NULL && is(e->kind, "statement") && e->count > 0 ? (uint64_t)e->count
										     : 1);
	if (is(e->kind, "statement") && is(e->outcome, "accepted")) {
		if (is(e->decision, "deny"))
			refuse(c, "approver", 0, 1);
		c->glass.batch += is(e->type, "request") && is(e->action, "break-glass");
	}
}

void counts_approval(struct counts *c, int64_t seconds)
{
	size_t i = 0;
	if (seconds < 0)
		seconds = 0;
	while (i < LIMITS && seconds > limits[i])
		i++;
	c->within[i].batch++;
	c->seconds.batch += (uint64_t)seconds;
}

static void settle(struct number *n, bool keep)
{
	if (keep)
		n->kept += n->batch;
	n->batch = 0;
}

static void settle_all(struct counts *c, bool keep)
{
	for (size_t i = 0; i < c->nleaves; i++)
		settle(&c->leaf[i].n, keep);
	for (size_t i = 0; i < c->nrefusals; i++)
		settle(&c->refusal[i].n, keep);
	for (size_t i = 0; i <= LIMITS; i++)
		settle(&c->within[i], keep);
	settle(&c->glass, keep);
	settle(&c->seconds, keep);
}

void counts_keep(struct counts *c)
{
	settle_all(c, true);
}

void counts_drop(struct counts *c)
{
	settle_all(c, false);
}

static void head(struct ztj_buf *out, const char *name, const char *type, const char *help)
{
	ztj_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_approvals(const struct counts *c, struct ztj_buf *out)
{
	static const char name[] = "ztjit_approval_delay_seconds";
	uint64_t sum = 0;
	head(out, name, "histogram", "from a request to each of its approvals");
	for (size_t i = 0; i < LIMITS; i++) {
		sum += c->within[i].kept;
		ztj_buf_printf(out, "%s_bucket{le=\"%lld\"} %llu\n", name, (long long)limits[i],
		    (unsigned long long)sum);
	}
	sum += c->within[LIMITS].kept;
	ztj_buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu\n%s_count %llu\n", name,
	    (unsigned long long)sum, name, (unsigned long long)c->seconds.kept, name,
	    (unsigned long long)sum);
}

void counts_write(const struct counts *c, struct ztj_buf *out)
{
	head(out, "ztjit_events_total", "counter", "leaves written to the audit log, as in ztjit-events(5)");
	for (size_t i = 0; i < c->nleaves; i++)
		ztj_buf_printf(out, "ztjit_events_total{kind=\"%s\",outcome=\"%s\"} %llu\n", c->leaf[i].kind,
		    c->leaf[i].outcome, (unsigned long long)c->leaf[i].n.kept);
	head(out, "ztjit_refusals_total", "counter",
	    "what hosts, the broker and approvers refused, by reason");
	for (size_t i = 0; i < c->nrefusals; i++)
		ztj_buf_printf(out, "ztjit_refusals_total{by=\"%s\",reason=\"%s\"} %llu\n", c->refusal[i].by,
		    c->refusal[i].code == 0 ? "words" : ztj_err_name(c->refusal[i].code),
		    (unsigned long long)c->refusal[i].n.kept);
	head(out, "ztjit_break_glass_requests_total", "counter", "break-glass requests kept");
	ztj_buf_printf(out, "ztjit_break_glass_requests_total %llu\n", (unsigned long long)c->glass.kept);
	write_approvals(c, out);
}
