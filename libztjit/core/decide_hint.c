/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What to type next. Advice only: nothing is decided here. */
#include <string.h>

#include "libztjit/core/decide.h"
#include "libztjit/core/grant_int.h"

#define HINT_FOR (30 * 60)

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

/* Names from PAM are whatever somebody typed. */
static void safe_name(const char *s, char *out, size_t size)
{
	struct ztj_buf b;
	const char *text = NULL;

	ztj_buf_init(&b, 512);
	if (s != NULL && strlen(s) <= 64 && ztj_text_escape(ztj_view_str(s), &b) == ZTJ_OK)
		text = ztj_buf_str(&b);
	out[0] = 0;
	ztj_say(out, size, "%s", text != NULL ? text : "?");
	ztj_buf_free(&b);
}

static bool role_reaches(const struct ztj_role *role, const struct ztj_question *q)
{
	if (q->use == ZTJ_USE_ELEVATE)
		return role->become.n > 0;
	if (q->account == NULL)
		return false;
	if (q->use == ZTJ_USE_BECOME)
		return in_list(&role->become, q->account);
	if (in_list(&role->login, q->account))
		return true;
	if (!in_list(&role->login, "self") || strcmp(q->account, "root") == 0)
		return false;
	return q->person == NULL || strcmp(ztj_fullname_tail(q->person), q->account) == 0;
}

/* The first role that this rule gives `person` (NULL: anybody) here and that reaches the account. */
static const struct ztj_role *rule_reaches(const struct ztj_policy *p, const struct ztj_rule *rule,
    const struct ztj_question *q, const struct ztj_record *person, const struct ztj_record *host)
{
	if (rule->break_glass || !ztj_rule_labels_match(rule, host->labels, host->nlabels))
		return NULL;
	if (person != NULL && !ztj_policy_names(&rule->who, q->person, person))
		return NULL;
	for (size_t i = 0; i < rule->roles.n; i++) {
		const struct ztj_role *role = ztj_policy_role(p, rule->roles.s[i]);
		if (role != NULL && role_reaches(role, q))
			return role;
	}
	return NULL;
}

static void put_command(const struct ztj_rule *rule, const struct ztj_role *role, const char *host, char *out,
    size_t size)
{
	int64_t want = rule->max < HINT_FOR ? rule->max : HINT_FOR;
	char length[32];

	if (ztj_duration_format(want, length, sizeof length) != ZTJ_OK)
		length[0] = 0;
	ztj_say(out, size, "; ask with: ztjit request --role %s --host %s --for %s%s -m '…'", role->name,
	    host, length, rule->ticket[0] != 0 ? " --ticket T" : "");
}

void ztj_decide_hint(const struct ztj_trust *t, const struct ztj_question *q, char *out, size_t size)
{
	const struct ztj_policy *p = ztj_trust_held_policy(t);
	const struct ztj_record *host = NULL, *person = NULL;
	char account[160], name[160];

	if (size == 0)
		return;
	out[0] = 0;
	safe_name(q->account, account, sizeof account);
	safe_name(q->host != NULL ? ztj_fullname_tail(q->host) : NULL, name, sizeof name);
	if (q->use == ZTJ_USE_ELEVATE || q->account == NULL)
		ztj_say(out, size, "no grant to elevate on %s", name);
	else
		ztj_say(out, size, "no grant for %s on %s", account, name);
	if (p == NULL || q->host == NULL || ztj_trust_host(t, q->host, q->now, &host) != ZTJ_OK) {
		ztj_say(out, size, "; this host is not armed yet: see ztjit-hostd -t and ztjit status");
		return;
	}
	if (q->person != NULL && ztj_trust_user(t, q->person, q->now, &person) != ZTJ_OK) {
		ztj_say(out, size, "; the directories held here do not name you: ask a registrar");
		return;
	}
	for (size_t i = 0; i < p->nrules; i++) {
		const struct ztj_role *role = rule_reaches(p, &p->rules[i], q, person, host);
		if (role != NULL) {
			put_command(&p->rules[i], role, name, out, size);
			return;
		}
	}
	ztj_say(out, size, ", and no rule of the policy could give one; see: ztjit policy explain");
}
