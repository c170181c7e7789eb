/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Policy files: read, their own tests run, compared with themselves. */
#include <string.h>

#include "libztjit/core/policy.h"
#include "tests/fuzz/fuzz.h"

static struct ztj_policy_problems problems;

/* libconfig 1.5 loses the text of a string when the next token is a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

static void look(const struct ztj_policy *p)
{
	for (size_t i = 0; i < p->nrules; i++) {
		const struct ztj_rule *r = &p->rules[i];
		MUST(r->name[0] != 0 && r->who.n > 0 && r->roles.n > 0 && r->line > 0);
		MUST(r->nslots <= ZTJ_SLOTS_MAX && r->max > 0 && r->max_total >= r->max && r->freshness > 0);
		for (size_t k = 0; k < r->roles.n; k++)
			MUST(ztj_policy_role(p, r->roles.s[k]) != NULL);
		for (size_t k = 0; k < r->nslots; k++)
			MUST(r->slot[k].count > 0 && r->slot[k].from.n > 0);
		MUST(!r->break_glass || (r->uv && r->nslots == 0));
	}
	for (size_t i = 0; i < p->nregistrars; i++)
		MUST(p->registrars[i].threshold > 0 && p->registrars[i].threshold <= p->registrars[i].nkeys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ztj_view text = ztj_view_of(data, size);
	struct ztj_policy *p;
	struct ztj_buf out;
	int r = ztj_policy_parse(text, &p, &problems);

	if (r != ZTJ_OK) {
		MUST(p == NULL && (r == ZTJ_NOMEM || problems.n > 0));
		return 0;
	}
	look(p);
	MUST(ztj_view_eq(p->bytes, text));
	ztj_buf_init(&out, 8u << 20);
	MUST(ztj_policy_diff(p, p, &out) == ZTJ_OK && out.n == 0);
	MUST(ztj_policy_run_tests(p, 1795428000, &out) != ZTJ_INTERNAL);
	ztj_buf_free(&out);
	ztj_policy_free(p);
	return 0;
}
