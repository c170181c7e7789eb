/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What only the whole file can tell: names nothing defines, rules that can never match, delegations that
 * contradict each other, and one registrar who could both ask and approve.
 */
#include <string.h>

#include "libztjit/core/policy_int.h"

#define SOURCES_MAX 1000 /* bytes, joined by commas: they must fit a certificate's option */

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

/* Could this registrar's directory hold somebody whom `who` names? */
static bool may_define(const struct ztj_registrar *r, const char *who)
{
	size_t n = strlen(r->directory);

	if (r->uid_max == 0)
		return false;
	if (who[0] == '@')
		return in_list(&r->groups, who + 1);
	return strncmp(who, r->directory, n) == 0 && who[n] == '/';
}

static void check_refs(struct ztj_pol *c)
{
	for (size_t i = 0; i < c->nrefs; i++) {
		const struct ztj_pol_ref *ref = &c->refs[i];
		bool found = false;
		if (ref->kind == ZTJ_REF_ROLE) {
			if (ztj_policy_role(c->p, ref->name) == NULL)
				ztj_pol_error(c, ref->line, "role \"%s\" is not defined", ref->name);
			continue;
		}
		for (size_t k = 0; k < c->p->nregistrars && !found; k++)
			found = may_define(&c->p->registrars[k], ref->name);
		if (!found && ref->name[0] == '@')
			ztj_pol_error(c, ref->line, "group \"%s\": no registrar may vouch for people in it",
			    ref->name + 1);
		else if (!found)
			ztj_pol_error(c, ref->line,
			    "\"%s\": no registrar may vouch for people in that directory", ref->name);
	}
}

static void check_role(struct ztj_pol *c, const struct ztj_role *role, unsigned line)
{
	bool used = false;

	if (role->login.n + role->become.n + role->groups.n == 0)
		ztj_pol_error(c, line, "role \"%s\" gives nothing: no login, become or groups", role->name);
	for (size_t i = 0; role->become.n > 0 && i < role->login.n; i++)
		if (strcmp(role->login.s[i], "self") != 0 && strcmp(role->login.s[i], "root") != 0)
			ztj_pol_error(c, line,
			    "role \"%s\": with become, login may only name \"self\" or \"root\" (not \"%s\"): "
			    "in a shared account nobody can tell whose sudo it is",
			    role->name, role->login.s[i]);
	if (role->sudo_recorded && (role->become.n == 0 || role->record == ZTJ_RECORD_NONE))
		ztj_pol_error(c, line, "role \"%s\": sudo_recorded needs become and a record", role->name);
	if (role->record_pipes && role->record == ZTJ_RECORD_NONE)
		ztj_pol_error(c, line, "role \"%s\": record_pipes needs a record", role->name);
	for (size_t i = 0; i < c->p->nrules && !used; i++)
		used = in_list(&c->p->rules[i].roles, role->name);
	if (!used)
		ztj_pol_warn(c, line, "role \"%s\" stands in no rule", role->name);
}

static bool registrar_can_meet(const struct ztj_registrar *r, const struct ztj_rule *rule, const char *key)
{
	for (size_t i = 0; i < rule->nlabels; i++) {
		const struct ztj_label *want = &rule->labels[i];
		if (strcmp(want->key, key) != 0)
			continue;
		for (size_t k = 0; k < r->nlabels; k++)
			if (strcmp(r->labels[k].key, key) == 0 &&
			    (strcmp(want->value, "*") == 0 || strcmp(r->labels[k].value, "*") == 0 ||
				strcmp(r->labels[k].value, want->value) == 0))
				return true;
	}
	return false;
}

static void check_rule_hosts(struct ztj_pol *c, const struct ztj_rule *rule)
{
	if (c->failed)
		return; /* a delegation may be half read: this would be noise */
	for (size_t i = 0; i < c->p->nregistrars; i++) {
		const struct ztj_registrar *r = &c->p->registrars[i];
		bool all = r->nlabels > 0;
		for (size_t k = 0; k < rule->nlabels && all; k++)
			all = registrar_can_meet(r, rule, rule->labels[k].key);
		if (all)
			return;
	}
	ztj_pol_error(c, rule->line,
	    "rule \"%s\" can never match: no registrar may vouch for hosts with these labels", rule->name);
}

/* Distinct persons a list of full names can stand for; SIZE_MAX when a group is in it. */
static size_t count_named(const struct ztj_strs *from)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		bool seen = false;
		if (from->s[i][0] == '@')
			return SIZE_MAX;
		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(ztj_fullname_tail(from->s[k]), ztj_fullname_tail(from->s[i])) == 0;
		n += !seen;
	}
	return n;
}

static void check_slots(struct ztj_pol *c, const struct ztj_rule *rule)
{
	for (size_t i = 0; i < rule->nslots; i++) {
		const struct ztj_slot *slot = &rule->slot[i];
		if (count_named(&slot->from) < slot->count)
			ztj_pol_error(c, rule->line,
			    "rule \"%s\" can never be approved: %u approvals from %zu people", rule->name,
			    slot->count, count_named(&slot->from));
		if (rule->who.n == 1 && slot->from.n == 1 && rule->who.s[0][0] != '@' &&
		    strcmp(ztj_fullname_tail(rule->who.s[0]), ztj_fullname_tail(slot->from.s[0])) == 0 &&
		    slot->from.s[0][0] != '@')
			ztj_pol_error(c, rule->line,
			    "rule \"%s\" can never be approved: nobody approves their own request",
			    rule->name);
	}
}

static bool hosts_within(const struct ztj_rule *outer, const struct ztj_rule *inner)
{
	for (size_t i = 0; i < outer->nlabels; i++) {
		const char *key = outer->labels[i].key;
		bool limited = false;
		for (size_t k = 0; k < inner->nlabels; k++) {
			bool covered = false;
			if (strcmp(inner->labels[k].key, key) != 0)
				continue;
			limited = true;
			for (size_t m = 0; m < outer->nlabels && !covered; m++)
				covered = strcmp(outer->labels[m].key, key) == 0 &&
				    (strcmp(outer->labels[m].value, "*") == 0 ||
					strcmp(outer->labels[m].value, inner->labels[k].value) == 0);
			if (!covered)
				return false;
		}
		if (!limited)
			return false;
	}
	return true;
}

/* Is every request by `who` for `role` that `rule` could match taken by an earlier rule? */
static bool taken_before(const struct ztj_policy *p, size_t rule, const char *who, const char *role)
{
	const struct ztj_rule *r = &p->rules[rule];

	for (size_t i = 0; i < rule; i++) {
		const struct ztj_rule *e = &p->rules[i];
		if (in_list(&e->who, who) && in_list(&e->roles, role) && e->break_glass == r->break_glass &&
		    hosts_within(e, r) &&
		    (!e->has_hours || (r->has_hours && ztj_hours_equal(&e->hours, &r->hours))))
			return true;
	}
	return false;
}

static void check_shadow(struct ztj_pol *c, size_t rule)
{
	const struct ztj_rule *r = &c->p->rules[rule];

	for (size_t i = 0; i < r->who.n; i++)
		for (size_t k = 0; k < r->roles.n; k++)
			if (!taken_before(c->p, rule, r->who.s[i], r->roles.s[k]))
				return;
	if (r->who.n > 0 && r->roles.n > 0)
		ztj_pol_error(c, r->line,
		    "rule \"%s\" can never match: earlier rules take everything it names", r->name);
}

/* One registrar who signs alone could invent the person who asks and the people who approve. */
static void check_alone(struct ztj_pol *c, const struct ztj_rule *rule)
{
	for (size_t i = 0; i < c->p->nregistrars; i++) {
		const struct ztj_registrar *r = &c->p->registrars[i];
		bool asks = false, approves = rule->nslots > 0;
		for (size_t k = 0; k < rule->who.n; k++)
			asks = asks || may_define(r, rule->who.s[k]);
		for (size_t k = 0; k < rule->nslots && approves; k++) {
			approves = false;
			for (size_t m = 0; m < rule->slot[k].from.n; m++)
				approves = approves || may_define(r, rule->slot[k].from.s[m]);
		}
		if (asks && approves && r->threshold == 1)
			ztj_pol_warn(c, rule->line,
			    "rule \"%s\": one registrar of \"%s\" alone could both ask and approve",
			    rule->name, r->directory);
	}
}

static void check_rule(struct ztj_pol *c, size_t i)
{
	const struct ztj_rule *rule = &c->p->rules[i];
	size_t joined = 0;

	for (size_t k = 0; k < i; k++)
		if (strcmp(c->p->rules[k].name, rule->name) == 0)
			ztj_pol_error(c, rule->line, "rule \"%s\" stands twice (line %u)", rule->name,
			    c->p->rules[k].line);
	for (size_t k = 0; k < rule->sources.n; k++)
		joined += strlen(rule->sources.s[k]) + 1;
	if (joined > SOURCES_MAX)
		ztj_pol_error(c, rule->line, "rule \"%s\": sources are longer than %d bytes together",
		    rule->name, SOURCES_MAX);
	if (rule->max_total < rule->max)
		ztj_pol_error(c, rule->line, "rule \"%s\": max_total is less than max", rule->name);
	check_rule_hosts(c, rule);
	check_slots(c, rule);
	check_shadow(c, i);
	check_alone(c, rule);
}

static bool has_key(const struct ztj_key *list, size_t n, const struct ztj_key *k)
{
	for (size_t i = 0; i < n; i++)
		if (ztj_key_equal(&list[i], k))
			return true;
	return false;
}

bool ztj_pol_is_broker_key(const struct ztj_policy *p, const struct ztj_key *k)
{
	return has_key(p->broker.tls, p->broker.ntls, k) || has_key(p->broker.online, p->broker.nonline, k) ||
	    has_key(p->broker.log, p->broker.nlog, k) || has_key(p->broker.ca, p->broker.nca, k);
}

static void check_registrar_keys(struct ztj_pol *c, const struct ztj_registrar *r, unsigned line)
{
	size_t good = r->nkeys;

	for (size_t i = 0; i < r->nkeys; i++) {
		if (!ztj_key_is_sk(&r->keys[i]) &&
		    !has_key(c->p->broker.online, c->p->broker.nonline, &r->keys[i]))
			ztj_pol_error(c, line,
			    "registrar \"%s\": keys are security keys; the one plain key that may stand "
			    "here, for hosts, is the broker's online key",
			    r->directory);
		if (ztj_pol_is_broker_key(c->p, &r->keys[i]) && r->uid_max != 0)
			ztj_pol_error(c, line,
			    "registrar \"%s\": a key of the broker may never vouch for people", r->directory);
		good -= ztj_policy_key_revoked(c->p, &r->keys[i]) ? 1 : 0;
	}
	if (r->nkeys > 0 && r->threshold > good)
		ztj_pol_error(c, line, "registrar \"%s\": threshold %u of %zu keys that count", r->directory,
		    r->threshold, good);
}

/* What the broker may sign by itself is all said here: one value for every label, and hosts only. */
static void check_auto_join(struct ztj_pol *c, const struct ztj_registrar *r, unsigned line)
{
	size_t online = 0;

	for (size_t i = 0; i < r->nkeys; i++)
		online += has_key(c->p->broker.online, c->p->broker.nonline, &r->keys[i]) ? 1 : 0;
	if (online > 0 && !r->auto_join)
		ztj_pol_error(c, line,
		    "registrar \"%s\": the broker's online key stands here only with auto_join = true",
		    r->directory);
	if (!r->auto_join)
		return;
	if (online == 0)
		ztj_pol_error(c, line,
		    "registrar \"%s\": auto_join wants the broker's online key among the keys", r->directory);
	if (r->threshold != 1)
		ztj_pol_error(c, line, "registrar \"%s\": auto_join wants threshold = 1", r->directory);
	if (r->uid_max != 0 || r->groups.n > 0)
		ztj_pol_error(c, line, "registrar \"%s\": auto_join is for hosts, never for people",
		    r->directory);
	for (size_t i = 0; i < r->nlabels; i++) {
		bool twice = false;
		for (size_t k = 0; k < i; k++)
			twice |= strcmp(r->labels[k].key, r->labels[i].key) == 0;
		if (twice || strcmp(r->labels[i].value, "*") == 0)
			ztj_pol_error(c, line, "registrar \"%s\": auto_join wants one value for label %s",
			    r->directory, r->labels[i].key);
	}
	if (r->nkeys == online)
		ztj_pol_warn(c, line,
		    "registrar \"%s\": nobody but the broker signs this directory; with a person's key beside hosts can "
		    "be removed and the directory renewed",
		    r->directory);
}

static void check_registrar(struct ztj_pol *c, size_t i)
{
	const struct ztj_registrar *r = &c->p->registrars[i];
	unsigned line = c->priv->registrar_line[i];

	for (size_t k = 0; k < i; k++) {
		const struct ztj_registrar *o = &c->p->registrars[k];
		if (strcmp(o->directory, r->directory) == 0)
			ztj_pol_error(c, line, "directory \"%s\" stands twice (line %u)", r->directory,
			    c->priv->registrar_line[k]);
		if (r->uid_max != 0 && o->uid_max != 0 && r->uid_min <= o->uid_max &&
		    o->uid_min <= r->uid_max)
			ztj_pol_error(c, line, "uids of \"%s\" and \"%s\" overlap", r->directory,
			    o->directory);
	}
	if (r->groups.n > 0 && r->uid_max == 0)
		ztj_pol_error(c, line,
		    "registrar \"%s\": groups without uids: it could vouch for nobody; add uids = [ 20000, 29999 ];",
		    r->directory);
	else if (r->uid_max == 0 && r->nlabels == 0)
		ztj_pol_error(c, line,
		    "registrar \"%s\" may vouch for nothing: uids and groups for people, labels for hosts",
		    r->directory);
	check_registrar_keys(c, r, line);
	check_auto_join(c, r, line);
	for (size_t k = 0; k < i && r->auto_join; k++)
		if (c->p->registrars[k].auto_join)
			ztj_pol_error(c, line,
			    "auto_join stands in \"%s\" and in \"%s\"; one directory at most",
			    c->p->registrars[k].directory, r->directory);
}

static void check_broker(struct ztj_pol *c)
{
	const struct ztj_policy *p = c->p;
	const struct {
		const char *name;
		const struct ztj_key *k;
		size_t n;
	} lists[] = { { "tls", p->broker.tls, p->broker.ntls },
		{ "online", p->broker.online, p->broker.nonline }, { "log", p->broker.log, p->broker.nlog },
		{ "ca", p->broker.ca, p->broker.nca } };

	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < lists[i].n; k++) {
			for (size_t o = 0; o < i; o++)
				if (has_key(lists[o].k, lists[o].n, &lists[i].k[k]))
					ztj_pol_error(c, c->priv->broker_line,
					    "broker: one key stands in %s and in %s; each has its own process",
					    lists[o].name, lists[i].name);
			if (ztj_policy_key_revoked(p, &lists[i].k[k]))
				ztj_pol_error(c, c->priv->broker_line,
				    "broker: a key in %s is revoked by this very file", lists[i].name);
		}
}

static void check_tests(struct ztj_pol *c)
{
	for (size_t i = 0; i < c->priv->ntests; i++) {
		const struct ztj_pol_test *t = &c->priv->tests[i];
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->priv->tests[k].name, t->name) == 0)
				ztj_pol_error(c, t->line, "test \"%s\" stands twice (line %u)", t->name,
				    c->priv->tests[k].line);
	}
}

void ztj_pol_check(struct ztj_pol *c)
{
	for (size_t i = 0; i < c->p->nroles; i++)
		check_role(c, &c->p->roles[i], c->priv->role_line[i]);
	for (size_t i = 0; i < c->p->nregistrars; i++)
		check_registrar(c, i);
	check_broker(c);
	ztj_pol_check_witnesses(c);
	ztj_pol_check_gids(c);
	check_refs(c);
	for (size_t i = 0; i < c->p->nrules; i++)
		check_rule(c, i);
	check_tests(c);
	if (c->p->nrules == 0)
		ztj_pol_warn(c, c->priv->rules_line, "no rules: nobody may do anything");
}
