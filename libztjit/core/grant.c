/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The grant function: chains of requests, and the state that comes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/grant_int.h"

#define SAY(e, ...) ztj_say((e)->out->text, sizeof(e)->out->text, __VA_ARGS__)

const char *ztj_grant_state_name(enum ztj_grant_state s)
{
	switch (s) {
	case ZTJ_GRANT_INVALID:
		return "invalid";
	case ZTJ_GRANT_PENDING:
		return "pending";
	case ZTJ_GRANT_APPROVED:
		return "approved";
	case ZTJ_GRANT_ACTIVE:
		return "active";
	case ZTJ_GRANT_ENDED:
		return "ended";
	case ZTJ_GRANT_DENIED:
		return "denied";
	case ZTJ_GRANT_CANCELLED:
		return "cancelled";
	case ZTJ_GRANT_EXPIRED:
		return "expired";
	case ZTJ_GRANT_REVOKED:
		return "revoked";
	}
	return "invalid";
}

/* --- chains --- */

static const struct ztj_stmt *find_request(const struct ztj_bundle *b, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < b->n; i++)
		if (b->stmt[i]->type == ZTJ_STMT_REQUEST && memcmp(b->stmt[i]->id, id, ZTJ_DIGEST_LEN) == 0)
			return b->stmt[i];
	return NULL;
}

static bool hosts_within(const struct ztj_stmt *inner, const struct ztj_stmt *outer)
{
	for (size_t i = 0; i < inner->u.request.nhosts; i++) {
		bool found = false;
		for (size_t k = 0; k < outer->u.request.nhosts && !found; k++)
			found = strcmp(inner->u.request.hosts[i], outer->u.request.hosts[k]) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* The requests from the first to the one in question; 0 when the chain is broken. */
static size_t find_chain(const struct ztj_eval *e, const struct ztj_stmt *chain[ZTJ_CHAIN_MAX])
{
	const struct ztj_stmt *back[ZTJ_CHAIN_MAX], *req = e->b->request;
	size_t n = 0;

	for (;;) {
		back[n++] = req;
		if (!req->u.request.has_follows)
			break;
		const struct ztj_stmt *prev = n < ZTJ_CHAIN_MAX ? find_request(e->b, req->u.request.follows)
								: NULL;
		if (prev == NULL || prev == req || strcmp(prev->u.request.who, req->u.request.who) != 0 ||
		    strcmp(prev->u.request.role, req->u.request.role) != 0 || !hosts_within(req, prev) ||
		    prev->issued > req->issued)
			return 0;
		req = prev;
	}
	for (size_t i = 0; i < n; i++)
		chain[i] = back[n - 1 - i];
	return n;
}

/* An earlier link ended early: so does everything that follows it. */
static void end_with_link(struct ztj_eval *e)
{
	char why[256];

	(void)snprintf(why, sizeof why, "%.200s", e->out->text);
	e->out->text[0] = 0;
	SAY(e, "the request it follows: %s", why);
	if (e->out->state == ZTJ_GRANT_CANCELLED)
		(void)ztj_eval_end(e, ZTJ_GRANT_REVOKED, ZTJ_REVOKED);
	else if (e->out->state == ZTJ_GRANT_INVALID)
		(void)ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_CHAIN);
}

/* --- the whole --- */

static void name_missing(struct ztj_eval *e, const struct ztj_link *l)
{
	const struct ztj_rule *rule = l->req.rule;
	struct ztj_grant *g = e->out;

	for (size_t i = 0; i < rule->nslots; i++) {
		unsigned gap = rule->slot[i].count - l->match.have[i];
		if (gap == 0)
			continue;
		g->missing[g->nmissing] = (unsigned)i;
		g->missing_count[g->nmissing++] = gap;
		SAY(e, "%s%u of ", g->nmissing == 1 ? "still missing: " : ", ", gap);
		for (size_t k = 0; k < rule->slot[i].from.n; k++)
			SAY(e, "%s%s", k > 0 ? "|" : "", rule->slot[i].from.s[k]);
	}
}

static void name_approvers(struct ztj_eval *e, const struct ztj_link *l)
{
	struct ztj_grant *g = e->out;

	for (size_t i = 0; i < l->match.npeople; i++) {
		if (l->match.person[i].slot < 0 || g->napprovers == ZTJ_LIST_MAX)
			continue;
		SAY(e, "%s%s", g->napprovers == 0 ? "approved by " : ", ", l->who[i]);
		g->approver[g->napprovers++] = l->who[i];
	}
	if (g->napprovers > 0)
		SAY(e, "; ");
}

static void finish(struct ztj_eval *e, const struct ztj_link *l)
{
	char from[ZTJ_TIME_SIZE], to[ZTJ_TIME_SIZE];

	SAY(e, "rule %s, role %s; ", l->req.rule->name, l->req.role->name);
	name_approvers(e, l);
	if (l->filled == 0) {
		bool late = e->now > l->req.valid_until;
		name_missing(e, l);
		(void)ztj_eval_end(e, late ? ZTJ_GRANT_EXPIRED : ZTJ_GRANT_PENDING,
		    late ? ZTJ_EXPIRED : ZTJ_PENDING);
		return;
	}
	if (ztj_time_format(l->starts, from) != ZTJ_OK || ztj_time_format(l->ends, to) != ZTJ_OK) {
		(void)ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_BAD_TIME);
		return;
	}
	e->out->starts = l->starts;
	e->out->ends = l->ends;
	SAY(e, "from %s to %s", from, to);
	if (e->now < l->starts)
		(void)ztj_eval_end(e, ZTJ_GRANT_APPROVED, ZTJ_NOT_STARTED);
	else if (e->now < l->ends)
		(void)ztj_eval_end(e, ZTJ_GRANT_ACTIVE, ZTJ_OK);
	else
		(void)ztj_eval_end(e, ZTJ_GRANT_ENDED, ZTJ_ENDED);
}

/* Every approval and request in the bundle, whoever made it: their news is the host's to catch up with. */
static int check_seen(const struct ztj_eval *e)
{
	for (size_t i = 0; i < e->b->n; i++) {
		const struct ztj_stmt *st = e->b->stmt[i];
		int r = st->type == ZTJ_STMT_REVOCATION ? ZTJ_OK : ztj_trust_seen(e->t, &st->seen);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static void eval_chain(struct ztj_eval *e, struct ztj_link links[2])
{
	const struct ztj_stmt *chain[ZTJ_CHAIN_MAX];
	size_t n = find_chain(e, chain);
	struct ztj_link *prev = NULL, *l = NULL;
	int64_t used = 0;

	for (size_t i = 0; i < n; i++) {
		l = &links[i % 2];
		int r = ztj_link_eval(e, chain[i], prev, used, l);
		if (r == ZTJ_OK && l->filled == 0 && i + 1 < n)
			r = ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_CHAIN);
		if (r != ZTJ_OK) {
			if (i + 1 < n)
				end_with_link(e);
			return;
		}
		used = ztj_add_sat(used, l->ends - l->starts);
		prev = l;
	}
	if (l != NULL)
		finish(e, l);
	else
		(void)ztj_eval_end(e, ZTJ_GRANT_INVALID, ZTJ_CHAIN);
}

void ztj_grant_eval(const struct ztj_trust *t, const struct ztj_bundle *b, int64_t now, struct ztj_grant *out)
{
	struct ztj_eval e = { .t = t, .b = b, .now = now, .out = out };
	struct ztj_link *links;
	int r;

	memset(out, 0, sizeof *out);
	if (b == NULL || b->n == 0 || b->n > ZTJ_BUNDLE_STMTS_MAX || b->request == NULL) {
		(void)ztj_eval_end(&e, ZTJ_GRANT_INVALID, ZTJ_NO_GRANT);
		return;
	}
	if ((r = check_seen(&e)) != ZTJ_OK) {
		(void)ztj_eval_end(&e, ZTJ_GRANT_INVALID, r);
		return;
	}
	links = calloc(2, sizeof *links); /* some KiB each: not for the stack */
	if (links == NULL) {
		(void)ztj_eval_end(&e, ZTJ_GRANT_INVALID, ZTJ_NOMEM);
		return;
	}
	out->code = ZTJ_INTERNAL;
	eval_chain(&e, links);
	free(links);
}
