/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* `policy explain`: each rule, and what it said no to. */
#include <stdlib.h>

#include "libztjit/core/grant_int.h"

static const char *mismatch_text(enum ztj_mismatch m)
{
	switch (m) {
	case ZTJ_RULE_MATCHES:
		return "matches";
	case ZTJ_RULE_WHO:
		return "is for other people";
	case ZTJ_RULE_ROLE:
		return "is for other roles";
	case ZTJ_RULE_HOSTS:
		return "is for other hosts";
	case ZTJ_RULE_BREAK_GLASS:
		return "differs in break_glass";
	case ZTJ_RULE_HOURS:
		return "is outside its hours then";
	}
	return "does not match";
}

static void put_duration(struct ztj_buf *out, const char *what, int64_t seconds)
{
	char text[32];

	if (ztj_duration_format(seconds, text, sizeof text) == ZTJ_OK)
		ztj_buf_printf(out, ", %s %s", what, text);
}

static void put_rule(const struct ztj_rule *rule, struct ztj_buf *out)
{
	unsigned total = 0;

	for (size_t i = 0; i < rule->nslots; i++) {
		total += rule->slot[i].count;
		ztj_buf_printf(out, "%s%u of ", i == 0 ? "  needs approval by " : " and ",
		    rule->slot[i].count);
		for (size_t k = 0; k < rule->slot[i].from.n; k++)
			ztj_buf_printf(out, "%s%s", k > 0 ? "|" : "", rule->slot[i].from.s[k]);
	}
	ztj_buf_puts(out, total == 0 ? "  needs no approval" : " (nobody twice, never the requester)");
	put_duration(out, "lasts at most", rule->max);
	put_duration(out, "in a chain", rule->max_total);
	if (rule->uv)
		ztj_buf_puts(out, ", PIN or biometric");
	if (rule->ticket[0] != 0)
		ztj_buf_printf(out, ", ticket like %s", rule->ticket);
	if (rule->reason_min > 1)
		ztj_buf_printf(out, ", a reason of %lld characters", (long long)rule->reason_min);
	for (size_t i = 0; i < rule->sources.n; i++)
		ztj_buf_printf(out, "%s%s", i == 0 ? ", from " : " ", rule->sources.s[i]);
	ztj_buf_puts(out, "\n");
}

static void explain_rules(const struct ztj_policy *p, const struct ztj_asked *a, struct ztj_buf *out)
{
	bool found = false;

	for (size_t i = 0; i < p->nrules; i++) {
		const struct ztj_rule *rule = &p->rules[i];
		enum ztj_mismatch m = ztj_rule_mismatch(rule, a);
		if (found)
			break; /* the first that matches governs */
		found = m == ZTJ_RULE_MATCHES;
		ztj_buf_printf(out, "rule %s (line %u) %s\n", rule->name, rule->line, mismatch_text(m));
		if (found)
			put_rule(rule, out);
	}
	if (!found)
		ztj_buf_puts(out, "no rule matches: denied\n");
}

int ztj_grant_explain(const struct ztj_trust *t, const char *who, const char *role, const char *const *hosts,
    size_t nhosts, int64_t start, bool break_glass, struct ztj_buf *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_record **rec;
	struct ztj_asked a = { .who = who,
		.role = role,
		.nhosts = nhosts,
		.start = start,
		.break_glass = break_glass };
	int r = ZTJ_OK;

	if (p == NULL)
		return ZTJ_NOT_READY;
	if (nhosts == 0 || nhosts > ZTJ_HOSTS_MAX)
		return ZTJ_LIMIT;
	if ((r = ztj_trust_user(t, who, start, &a.person)) != ZTJ_OK)
		return r;
	if ((rec = calloc(nhosts, sizeof(const struct ztj_record *))) == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < nhosts && r == ZTJ_OK; i++)
		r = ztj_trust_host(t, hosts[i], start, &rec[i]);
	a.host = rec;
	if (r == ZTJ_OK && ztj_policy_role(p, role) == NULL)
		ztj_buf_printf(out, "the policy has no role %s\n", role);
	if (r == ZTJ_OK) {
		explain_rules(p, &a, out);
		r = ztj_buf_status(out);
	}
	free(rec);
	return r;
}
