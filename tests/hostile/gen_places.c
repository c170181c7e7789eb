/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* P2, W03: floods of requests, that no honest one may find a place. They live for ever, and ask for what nobody approves. */
#include "tests/hostile/plan.h"
#include "ztjit-hostd/store.h"

#define YEAR_9999 INT64_C(253402300799)
#define AT_ONCE 60 /* one variant brings so many */

static struct plan *flood(struct gen *g, const struct fx_person *who)
{
	struct plan *p = plan_by(g, who, "root-shell");

	p->n = 0;
	p->via = VIA_PUSH;
	for (int i = 0; i < AT_ONCE; i++)
		plan_add(g, ZTJ_STMT_REQUEST, who, -1)->st.u.request.valid_until = YEAR_9999;
	return p;
}

/* In anybody's name, by a key that a broker invents. */
static void of_nobody(struct gen *g)
{
	static const int names[] = { FX_REQ1, FX_REQ2, FX_LEAD1, FX_SEC1 };

	for (size_t k = 0; k < 10; k++) {
		struct plan *p = flood(g, &g->co->w.person[names[k % 4]]);
		for (size_t i = 0; i < p->n; i++) {
			p->part[i].key[0] = &g->co->w.stranger;
			p->part[i].unkept = ZTJ_USER_UNKNOWN;
		}
		emit(g, "P2/flood-of-nobody-%zu", k);
	}
}

/* By somebody with a true key, who asks for nothing else: a quarter of the places is theirs. */
static void of_one_person(struct gen *g)
{
	for (size_t k = 0; k * AT_ONCE <= ZTJ_STORE_PERSON_MAX + 2 * AT_ONCE; k++) {
		struct plan *p = flood(g, &g->co->w.person[FX_SEC1]);
		for (size_t i = 0; i < p->n; i++)
			p->part[i].unkept = k * AT_ONCE + i < ZTJ_STORE_PERSON_MAX ? ZTJ_OK : ZTJ_LIMIT;
		p->want = ZTJ_NO_RULE;
		emit(g, "W03/flood-of-one-person-%zu", k);
	}
}

void gen_places(struct gen *g)
{
	of_nobody(g);
	of_one_person(g);
}
