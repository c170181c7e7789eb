/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* S05, S13, S16: who may ask, who may approve, and how often one person counts. */
#include <stdio.h>
#include <string.h>

#include "tests/hostile/plan.h"

struct someone {
	const char *name;
	const struct fx_person *who;
	bool lead, security, known;
};

static size_t everybody(const struct company *co, struct someone *list)
{
	const struct fx_person *p = co->w.person, *x = co->extra;
	const struct someone all[] = { { "req1", &p[FX_REQ1], false, false, true },
		{ "req2", &p[FX_REQ2], false, false, true }, { "lead1", &p[FX_LEAD1], true, false, true },
		{ "lead2", &p[FX_LEAD2], true, false, true }, { "sec1", &p[FX_SEC1], false, true, true },
		{ "both1", &p[FX_BOTH1], true, true, true }, { "out1", &p[FX_OUT1], false, false, true },
		{ "alias", &x[CO_ALIAS], true, true, true }, { "twin", &x[CO_TWIN], true, false, true },
		{ "gone1", &x[CO_GONE], false, true, false }, { "vic1", &x[CO_VICTIM], false, false, true } };

	memcpy(list, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

/* Same person: equal names, whatever the directory. */
static bool same(const struct someone *a, const struct someone *b)
{
	return strcmp(a->who->name, b->who->name) == 0;
}

/* Every pair of approvers, in both orders: the rule wants a lead and somebody of security, two people, neither of them req1. */
static void pairs(struct gen *g)
{
	struct someone s[16];
	size_t n = everybody(g->co, s);

	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++) {
			bool la = s[a].lead && s[a].known && !same(&s[a], &s[0]),
			     sa = s[a].security && s[a].known && !same(&s[a], &s[0]);
			bool lb = s[b].lead && s[b].known && !same(&s[b], &s[0]),
			     sb = s[b].security && s[b].known && !same(&s[b], &s[0]);
			bool enough = !same(&s[a], &s[b]) && ((la && sb) || (sa && lb));
			struct plan *p = plan_by(g, &g->co->w.person[FX_REQ1], "root-shell");
			plan_add(g, ZTJ_STMT_APPROVAL, s[a].who, 0);
			plan_add(g, ZTJ_STMT_APPROVAL, s[b].who, 0);
			p->via = enough ? VIA_CERT : (a + b) % 2 == 0 ? VIA_CERT : VIA_PUSH;
			p->want = enough ? ZTJ_OK : ZTJ_PENDING;
			emit(g, "S16/approved-by-%s-and-%s", s[a].name, s[b].name);
		}
}

/* Everybody alone, three times over. */
static void singles(struct gen *g)
{
	struct someone s[16];
	size_t n = everybody(g->co, s);

	for (size_t a = 0; a < n; a++) {
		struct plan *p = plan_by(g, &g->co->w.person[FX_REQ1], "root-shell");
		plan_add(g, ZTJ_STMT_APPROVAL, s[a].who, 0);
		p->want = ZTJ_PENDING;
		emit(g, "S05/approved-by-%s-alone", s[a].name);
		p = plan_by(g, &g->co->w.person[FX_REQ1], "root-shell");
		for (int k = 0; k < 3; k++)
			plan_add(g, ZTJ_STMT_APPROVAL, s[a].who, 0)->st.issued -= k;
		p->want = ZTJ_PENDING;
		emit(g, "S16/approved-by-%s-three-times", s[a].name);
	}
	struct plan *p = plan_by(g, &g->co->w.person[FX_REQ1], "root-shell");
	p->want = ZTJ_PENDING;
	emit(g, "S05/approved-by-nobody");
}

/* The requester in every disguise beside one true approval. */
static void disguises(struct gen *g)
{
	const struct company *co = g->co;
	const struct {
		const char *name, *who;
		const struct soft_key *key;
	} sets[] = { { "own-name-and-key", "people/req1", &co->w.person[FX_REQ1].key },
		{ "alias-and-its-key", "approvers/req1", &co->extra[CO_ALIAS].key },
		{ "alias-and-own-key", "approvers/req1", &co->w.person[FX_REQ1].key },
		{ "own-name-and-key-of-alias", "people/req1", &co->extra[CO_ALIAS].key },
		{ "name-of-sec1", "people/sec1", &co->w.person[FX_REQ1].key },
		{ "name-of-sec1-and-key-of-alias", "people/sec1", &co->extra[CO_ALIAS].key },
		{ "sec1-of-approvers", "approvers/sec1", &co->extra[CO_ALIAS].key },
		{ "host-as-person", "servers/web1", &co->w.person[FX_REQ1].key },
		{ "unknown-directory", "zoo/sec1", &co->w.person[FX_SEC1].key },
		{ "removed", "approvers/gone1", &co->extra[CO_GONE].key },
		{ "key-in-two-directories", "people/both2", &co->shared },
		{ "key-in-two-directories-other", "approvers/both2", &co->shared } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		struct plan *p = plan_honest(g);
		p->part[2].st.u.approval.who = sets[k].who;
		p->part[2].key[0] = sets[k].key;
		p->want = ZTJ_PENDING;
		emit(g, "S05/second-approval-%s", sets[k].name);
	}
}

/* Somebody else asks; the certificate is for whom it should be, or for req1. */
static void requesters(struct gen *g)
{
	const struct company *co = g->co;
	const struct {
		const char *name, *who;
		const struct soft_key *key;
		int want, stolen; /* with the certificate for the signer's key; for req1's */
		int unkept;
	} sets[] = { { "req2", "people/req2", &co->w.person[FX_REQ2].key, ZTJ_OK, ZTJ_WRONG_KEY, ZTJ_OK },
		{ "out1", "people/out1", &co->w.person[FX_OUT1].key, ZTJ_NO_RULE, ZTJ_WRONG_KEY, ZTJ_OK },
		{ "lead2", "people/lead2", &co->w.person[FX_LEAD2].key, ZTJ_NO_RULE, ZTJ_WRONG_KEY, ZTJ_OK },
		{ "alias", "approvers/req1", &co->extra[CO_ALIAS].key, ZTJ_NO_RULE, ZTJ_WRONG_KEY, ZTJ_OK },
		{ "removed", "approvers/gone1", &co->extra[CO_GONE].key, ZTJ_USER_UNKNOWN, ZTJ_USER_UNKNOWN,
		    ZTJ_USER_UNKNOWN },
		{ "unknown", "people/nobody", &co->w.stranger, ZTJ_USER_UNKNOWN, ZTJ_USER_UNKNOWN,
		    ZTJ_USER_UNKNOWN },
		{ "unknown-directory", "zoo/req1", &co->w.person[FX_REQ1].key, ZTJ_USER_UNKNOWN,
		    ZTJ_USER_UNKNOWN, ZTJ_SIGNER },
		{ "host", "servers/web1", &co->w.person[FX_REQ1].key, ZTJ_USER_UNKNOWN, ZTJ_USER_UNKNOWN,
		    ZTJ_SIGNER },
		{ "two-records-one-key", "people/both2", &co->shared, ZTJ_KEY_SHARED, ZTJ_WRONG_KEY,
		    ZTJ_OK } };

	for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++)
		for (int stolen = 0; stolen < 2; stolen++) {
			struct plan *p = plan_honest(g);
			p->part[0].st.u.request.who = sets[k].who;
			p->part[0].key[0] = sets[k].key;
			p->part[0].unkept = sets[k].unkept;
			if (!stolen)
				p->mint.subject = sets[k].key;
			p->want = stolen ? sets[k].stolen : sets[k].want;
			emit(g, "S13/requester-%s%s", sets[k].name, stolen ? "-for-the-key-of-req1" : "");
		}
}

/* A grant of req2's, used with keys of others; req1's with theirs. */
static void subjects(struct gen *g)
{
	const struct company *co = g->co;
	const struct {
		const char *name;
		const struct soft_key *key;
	} keys[] = { { "req2", &co->w.person[FX_REQ2].key }, { "lead1", &co->w.person[FX_LEAD1].key },
		{ "sec1", &co->w.person[FX_SEC1].key }, { "alias", &co->extra[CO_ALIAS].key },
		{ "stranger", &co->w.stranger }, { "root", &co->w.root[0] }, { "root-p256", &co->w.root[1] },
		{ "registrar", &co->w.registrar[0] }, { "removed", &co->extra[CO_GONE].key },
		{ "retired", &co->lead1_old }, { "shared", &co->shared } };

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		struct plan *p = plan_honest(g);
		p->mint.subject = keys[k].key;
		p->want = ZTJ_WRONG_KEY;
		emit(g, "C04/certificate-for-%s", keys[k].name);
	}
}

void gen_people(struct gen *g)
{
	pairs(g);
	singles(g);
	disguises(g);
	requesters(g);
	subjects(g);
}
