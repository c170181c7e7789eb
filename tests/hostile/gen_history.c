/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * S02, S15, G03, G04: true statements in the wrong place: approvals of other requests, denials and shorter limits that
 * the host holds and the certificate leaves out, revocations, chains.
 */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

/* Approvals of a request that differs in one thing, attached to the other one. Part 3 is what was approved. */
static void replayed(struct gen *g)
{
	static const char *const ways[] = { "nonce", "host", "role", "duration", "reason", "ticket", "person",
		"date", "waits-longer", "start", "two-hosts" };

	for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
		for (int which = 1; which < 4; which++) {
			struct plan *p = plan_honest(g);
			struct part *old = plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ1], -1);
			switch (k) {
			case 1:
				old->hosts[0] = "servers/web2";
				old->unkept = ZTJ_WRONG_HOST;
				break;
			case 2:
				old->st.u.request.role = "sudo-root";
				break;
			case 3:
				old->st.u.request.duration = 60;
				break;
			case 4:
				old->st.u.request.reason = "a harmless restart of nginx";
				break;
			case 5:
				old->st.u.request.ticket = "INC-1";
				break;
			case 6:
				old->st.u.request.who = "people/req2";
				old->key[0] = &g->co->w.person[FX_REQ2].key;
				break;
			case 7:
				old->st.issued -= 300;
				break;
			case 8:
				old->st.u.request.valid_until += 600;
				break;
			case 9:
				old->st.u.request.start = g->co->w.now + 60;
				break;
			case 10:
				old->hosts[1] = "servers/web2";
				old->st.u.request.nhosts = 2;
				break;
			default:
				break;
			}
			if (which & 1)
				p->part[1].of = 3;
			if (which & 2)
				p->part[2].of = 3;
			/* the bundle is of one grant: what was approved does not belong in it */
			p->want = ZTJ_WRONG_REQUEST;
			p->want_push = ZTJ_PENDING;
			emit(g, "S02/approvals-of-another-%s/with-it/%d", ways[k], which);
		}
}

/* The same without what was approved. */
static void orphaned(struct gen *g)
{
	for (int which = 1; which < 4; which++)
		for (int k = 0; k < 4; k++) {
			struct plan *p = plan_honest(g);
			for (int i = 1; i < 3; i++)
				if (which & i) {
					p->part[i].of = -1;
					memset(p->part[i].st.u.approval.request, 0x41 + k, ZTJ_DIGEST_LEN);
				}
			p->want = ZTJ_WRONG_REQUEST;
			p->want_push = ZTJ_PENDING;
			emit(g, "S02/approval-of-nothing-%d/%d", k, which);
		}
}

/* A denial that the host heard of: no bundle leaves it out. */
static void denials(struct gen *g)
{
	const struct fx_person *who[] = { &g->co->w.person[FX_LEAD1], &g->co->w.person[FX_LEAD2],
		&g->co->w.person[FX_SEC1], &g->co->w.person[FX_BOTH1], &g->co->extra[CO_TWIN] };
	static const int64_t dates[] = { -50, -30, -5, -3600, 86400 };

	for (size_t k = 0; k < sizeof(who) / sizeof(who[0]); k++)
		for (size_t d = 0; d < sizeof(dates) / sizeof(dates[0]); d++) {
			struct plan *p = plan_honest(g);
			struct part *deny = plan_add(g, ZTJ_STMT_APPROVAL, who[k], 0);
			deny->st.u.approval.deny = true;
			deny->st.u.approval.comment = "not in the freeze";
			deny->st.issued = g->co->w.now + dates[d];
			p->part[0].held = deny->held = true;
			p->want = ZTJ_DENIED;
			p->via = VIA_PUSH;
			emit(g, "G03/denied-by-%s-dated-%lld", who[k]->full, (long long)dates[d]);
		}
	/* in the certificate the bundle is whole but for the denial */
	for (size_t k = 0; k < sizeof(who) / sizeof(who[0]); k++) {
		struct plan *p = plan_honest(g);
		struct part *deny;
		plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ1], -1);
		p->n--;
		deny = plan_add(g, ZTJ_STMT_APPROVAL, who[k], 0);
		deny->st.u.approval.deny = true;
		deny->st.u.approval.comment = "not in the freeze";
		p->want = ZTJ_DENIED;
		p->via = VIA_BOTH;
		emit(g, "G03/denied-by-%s-in-both", who[k]->full);
	}
}

/* S15: a shorter limit that the host heard of, needed for the count or not. */
static void limits(struct gen *g)
{
	const struct fx_person *who[] = { &g->co->w.person[FX_LEAD2], &g->co->w.person[FX_BOTH1],
		&g->co->extra[CO_TWIN] };

	for (size_t k = 0; k < sizeof(who) / sizeof(who[0]); k++)
		for (int after = 0; after < 2; after++) {
			struct plan *p = plan_honest(g);
			struct part *l = plan_add(g, ZTJ_STMT_APPROVAL, who[k], 0);
			l->st.u.approval.limit = 3;
			l->st.issued += after ? 15 : -15;
			p->want = ZTJ_ENDED;
			emit(g, "S15/surplus-limit-by-%s-%s", who[k]->full, after ? "after" : "before");
		}
}

/* Revocations of a request, by all who may. A request revoked in the bundle, or held. */
static void revocations(struct gen *g)
{
	const struct company *co = g->co;
	const struct {
		const char *name, *who;
		const struct soft_key *key;
		int64_t at;
		int want;
	} sets[] = { { "requester-before-the-start", "people/req1", &co->w.person[FX_REQ1].key, -50,
			 ZTJ_CANCELLED },
		{ "requester", "people/req1", &co->w.person[FX_REQ1].key, -10, ZTJ_REVOKED },
		{ "approver", "people/lead1", &co->w.person[FX_LEAD1].key, -10, ZTJ_REVOKED },
		{ "other-approver", "people/lead2", &co->w.person[FX_LEAD2].key, -10, ZTJ_REVOKED },
		{ "security", "people/sec1", &co->w.person[FX_SEC1].key, -10, ZTJ_REVOKED },
		{ "registrar-of-people", "", &co->w.registrar[0], -10, ZTJ_REVOKED },
		{ "registrar-of-servers", "", &co->w.registrar[1], -10, ZTJ_REVOKED },
		{ "broker", "", &co->w.online, -10, ZTJ_REVOKED },
		{ "approver-dated-ahead", "people/lead1", &co->w.person[FX_LEAD1].key, 90, ZTJ_REVOKED },
		{ "approver-dated-before-all", "people/lead1", &co->w.person[FX_LEAD1].key, -86400,
		    ZTJ_REVOKED } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct plan *p = plan_honest(g);
		struct part *rev = plan_add(g, ZTJ_STMT_REVOCATION, &co->w.person[FX_REQ1], 0);
		rev->st.u.revocation.who = sets[k].who;
		rev->key[0] = sets[k].key;
		rev->flags = FX_UP;
		rev->st.issued = co->w.now + sets[k].at;
		p->want = sets[k].want;
		emit(g, "G03/revoked-by-%s", sets[k].name);
		/* heard of it, and the certificate says nothing */
		rev->held = true;
		p->via = VIA_CERT;
		emit(g, "G03/revoked-by-%s-left-out", sets[k].name);
	}
}

/* S07: a person who is revoked; the certificate, or a broker that forgot, does not say so. */
static void revoked_people(struct gen *g)
{
	const struct company *co = g->co;
	static const char *const by[] = { "registrar", "broker" };

	for (size_t k = 0; k < 2; k++)
		for (int asks = 0; asks < 2; asks++) {
			struct plan *p = plan_by(g, asks ? &co->extra[CO_VICTIM] : &co->w.person[FX_REQ1],
			    "root-shell");
			struct part *rev;
			plan_add(g, ZTJ_STMT_APPROVAL, asks ? &co->w.person[FX_LEAD1] : &co->extra[CO_VICTIM],
			    0);
			plan_add(g, ZTJ_STMT_APPROVAL, &co->w.person[FX_SEC1], 0);
			rev = plan_add(g, ZTJ_STMT_REVOCATION, &co->extra[CO_VICTIM], -1);
			rev->st.u.revocation.who = "";
			rev->st.u.revocation.what = ZTJ_REVOKES_USER;
			rev->st.u.revocation.name = "people/vic1";
			rev->st.u.revocation.serial = 2;
			rev->st.u.revocation.until = rev->st.issued + 86400;
			rev->key[0] = k == 0 ? &co->w.registrar[0] : &co->w.online;
			rev->flags = FX_UP;
			rev->held = true;
			p->want = asks ? ZTJ_REVOKED : ZTJ_PENDING;
			emit(g, "S07/%s-revoked-by-%s", asks ? "requester" : "approver", by[k]);
		}
}

/* Extensions of what was never granted, is over, is somebody else's, or says less. */
static void chains(struct gen *g)
{
	static const char *const ways[] = { "unknown", "unapproved", "other-person", "other-role",
		"fewer-hosts", "issued-later", "denied", "revoked", "too-long-together" };

	for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
		struct plan *p = plan_honest(g);
		struct part *first = plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ1], -1), *extra;
		first->st.issued -= 30;
		p->part[0].follows = 3;
		p->want = ZTJ_CHAIN;
		if (k != 0 && k != 1) {
			plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD1], 3)
			    ->st.issued = g->co->w.now - 80;
			plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_SEC1], 3)
			    ->st.issued = g->co->w.now - 80;
		}
		switch (k) {
		case 0:
			p->n--; /* named, but nowhere to be seen */
			p->part[0].follows = -1;
			p->part[0].st.u.request.has_follows = true;
			memset(p->part[0].st.u.request.follows, 0x5A, ZTJ_DIGEST_LEN);
			break;
		case 2:
			first->st.u.request.who = "people/req2";
			first->key[0] = &g->co->w.person[FX_REQ2].key;
			break;
		case 3:
			first->st.u.request.role = "brief-root";
			break;
		case 4:
			p->part[0].hosts[1] = "servers/web2";
			p->part[0].st.u.request.nhosts = 2;
			break;
		case 5:
			first->st.issued = p->part[0].st.issued + 20;
			break;
		case 6:
			extra = plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD2], 3);
			extra->st.u.approval.deny = true;
			extra->st.u.approval.comment = "no";
			p->want = ZTJ_DENIED;
			break;
		case 7:
			extra = plan_add(g, ZTJ_STMT_REVOCATION, &g->co->w.person[FX_LEAD1], 3);
			p->want = ZTJ_REVOKED;
			break;
		case 8:
			first->st.u.request.duration = 3600;
			first->st.issued = g->co->w.now - 8000;
			first->st.u.request.valid_until = g->co->w.now - 8000 + 3600;
			p->part[4].st.issued = p->part[5].st.issued = g->co->w.now - 7990;
			extra = plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ1], -1);
			extra->st.issued = g->co->w.now - 5000;
			extra->st.u.request.valid_until = g->co->w.now - 5000 + 3600;
			extra->st.u.request.duration = 3600;
			plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD1], 6)
			    ->st.issued = g->co->w.now - 4990;
			plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_SEC1], 6)
			    ->st.issued = g->co->w.now - 4990;
			extra->follows = 3;
			p->part[0].follows = 6;
			p->want = ZTJ_TOO_LONG;
			break;
		default:
			break;
		}
		emit(g, "G03/follows-%s", ways[k]);
	}
	struct plan *p = plan_honest(g);
	p->part[0].follows = 3;
	for (int i = 3; i < 21; i++) {
		struct part *r = plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ1], -1);
		r->follows = i == 20 ? -1 : i + 1;
		r->st.issued -= i;
	}
	p->want = ZTJ_LIMIT;
	p->want_push = ZTJ_LIMIT;
	emit(g, "G03/follows-nineteen-links");
}

/* Things in a bundle that are none of its business. */
static void baggage(struct gen *g)
{
	struct plan *p = plan_honest(g);

	p->via = VIA_CERT;
	plan_add(g, ZTJ_STMT_REQUEST, &g->co->w.person[FX_REQ2], -1);
	p->want = ZTJ_WRONG_REQUEST;
	emit(g, "S11/bundle-with-another-request");
	p = plan_honest(g);
	p->via = VIA_CERT;
	p->part[3] = p->part[0];
	p->part[0] = p->part[1];
	p->part[0].of = p->part[2].of = 3;
	p->n = 4;
	p->want = ZTJ_STMT_TYPE;
	p->mint.principal[0] = ZTJ_PRINCIPAL_PREFIX "00";
	emit(g, "S11/bundle-that-begins-with-an-approval");
	p = plan_honest(g);
	p->via = VIA_CERT;
	for (int i = 3; i < 40; i++)
		plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_OUT1], 0)->st.u.approval.comment =
		    "noise noise noise noise noise noise noise noise noise noise noise noise noise noise noise noise noise noise";
	p->want = ZTJ_OK;
	emit(g, "S16/much-noise-beside-two-approvals");
}

void gen_history(struct gen *g)
{
	replayed(g);
	orphaned(g);
	denials(g);
	limits(g);
	revocations(g);
	revoked_people(g);
	chains(g);
	baggage(g);
}

void gen_control(struct gen *g, const char *when)
{
	struct plan *p = plan_honest(g);

	p->via = VIA_CERT | VIA_PUSH | VIA_BOTH;
	emit(g, "control/%s/root-shell", when);
	p = plan_by(g, &g->co->w.person[FX_REQ2], "sudo-root");
	plan_add(g, ZTJ_STMT_APPROVAL, &g->co->w.person[FX_LEAD2], 0);
	emit(g, "control/%s/sudo-root", when);
}
