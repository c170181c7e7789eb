/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Questions to a parsed policy. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"

void ztj_policy_free(struct ztj_policy *p)
{
	if (p == NULL)
		return;
	ztj_pol_free_mem(p->priv);
	free(p->priv);
	free(p);
}

static int digest_order(const void *a, const void *b)
{
	return memcmp(a, b, ZTJ_DIGEST_LEN);
}

bool ztj_policy_key_revoked(const struct ztj_policy *p, const struct ztj_key *k)
{
	uint8_t d[ZTJ_DIGEST_LEN];

	if (p->nrevoked == 0)
		return false;
	if (ztj_key_digest(k, d) != ZTJ_OK)
		return true; /* cannot tell: as good as revoked */
	return bsearch(d, p->revoked, p->nrevoked, sizeof *p->revoked, digest_order) != NULL;
}

const struct ztj_role *ztj_policy_role(const struct ztj_policy *p, const char *name)
{
	for (size_t i = 0; i < p->nroles; i++)
		if (strcmp(p->roles[i].name, name) == 0)
			return &p->roles[i];
	return NULL;
}

const struct ztj_registrar *ztj_policy_auto_join(const struct ztj_policy *p)
{
	for (size_t i = 0; p != NULL && i < p->nregistrars; i++)
		if (p->registrars[i].auto_join)
			return &p->registrars[i];
	return NULL;
}

const struct ztj_registrar *ztj_policy_registrar(const struct ztj_policy *p, const char *directory)
{
	for (size_t i = 0; i < p->nregistrars; i++)
		if (strcmp(p->registrars[i].directory, directory) == 0)
			return &p->registrars[i];
	return NULL;
}

bool ztj_policy_names(const struct ztj_strs *list, const char *fullname, const struct ztj_record *person)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *who = list->s[i];
		if (who[0] == '@' ? ztj_record_in_group(person, who + 1) : strcmp(who, fullname) == 0)
			return true;
	}
	return false;
}

static bool has_value(const struct ztj_label *labels, size_t n, const struct ztj_label *want)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(labels[i].key, want->key) == 0 &&
		    (strcmp(want->value, "*") == 0 || strcmp(labels[i].value, want->value) == 0))
			return true;
	return false;
}

bool ztj_rule_labels_match(const struct ztj_rule *rule, const struct ztj_label *labels, size_t n)
{
	for (size_t i = 0; i < rule->nlabels; i++) {
		bool met = false;
		for (size_t k = 0; k < rule->nlabels && !met; k++)
			met = strcmp(rule->labels[k].key, rule->labels[i].key) == 0 &&
			    has_value(labels, n, &rule->labels[k]);
		if (!met)
			return false;
	}
	return true;
}

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

bool ztj_pol_may_vouch_groups(const struct ztj_registrar *r, const struct ztj_strs *groups)
{
	if (r->uid_max == 0)
		return false;
	for (size_t i = 0; i < groups->n; i++)
		if (!in_list(&r->groups, groups->s[i]))
			return false;
	return true;
}

bool ztj_pol_may_vouch_labels(const struct ztj_registrar *r, const struct ztj_label *labels, size_t n)
{
	if (r->nlabels == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool met = false;
		for (size_t k = 0; k < r->nlabels && !met; k++)
			met = strcmp(r->labels[k].key, labels[i].key) == 0 &&
			    (strcmp(r->labels[k].value, "*") == 0 ||
				strcmp(r->labels[k].value, labels[i].value) == 0);
		if (!met)
			return false;
	}
	return true;
}
