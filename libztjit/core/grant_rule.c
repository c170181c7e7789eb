/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Which rule governs a request. */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/core/grant_int.h"

int64_t ztj_add_sat(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return r;
}

void ztj_say(char *text, size_t size, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	if (n + 1 >= size)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text + n, size - n, fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (n + 1 < size)
		return;
	/* full: do not leave half a UTF-8 character at the end */
	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
		n--;
	text[n] = 0;
}

bool ztj_same_person(const char *a, const char *b)
{
	return strcmp(ztj_fullname_tail(a), ztj_fullname_tail(b)) == 0;
}

static bool in_list(const struct ztj_strs *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->s[i], s) == 0)
			return true;
	return false;
}

enum ztj_mismatch ztj_rule_mismatch(const struct ztj_rule *rule, const struct ztj_asked *a)
{
	if (!ztj_policy_names(&rule->who, a->who, a->person))
		return ZTJ_RULE_WHO;
	if (!in_list(&rule->roles, a->role))
		return ZTJ_RULE_ROLE;
	if (a->nhosts == 0)
		return ZTJ_RULE_HOSTS;
	for (size_t i = 0; i < a->nhosts; i++)
		if (!ztj_rule_labels_match(rule, a->host[i]->labels, a->host[i]->nlabels))
			return ZTJ_RULE_HOSTS;
	if (rule->break_glass != a->break_glass)
		return ZTJ_RULE_BREAK_GLASS;
	if (rule->has_hours && !ztj_hours_contain(&rule->hours, a->start))
		return ZTJ_RULE_HOURS;
	return ZTJ_RULE_MATCHES;
}

const struct ztj_rule *ztj_rule_select(const struct ztj_policy *p, const struct ztj_asked *a, int *code)
{
	*code = ZTJ_NO_RULE;
	for (size_t i = 0; i < p->nrules; i++) {
		enum ztj_mismatch m = ztj_rule_mismatch(&p->rules[i], a);
		if (m == ZTJ_RULE_MATCHES) {
			*code = ZTJ_OK;
			return &p->rules[i];
		}
		if (m == ZTJ_RULE_HOURS)
			*code = ZTJ_HOURS;
	}
	return NULL;
}

uint8_t ztj_rule_slots_of(const struct ztj_rule *rule, const char *fullname, const struct ztj_record *person)
{
	uint8_t mask = 0;

	for (size_t i = 0; i < rule->nslots; i++)
		if (ztj_policy_names(&rule->slot[i].from, fullname, person))
			mask |= (uint8_t)(1u << i);
	return mask;
}

bool ztj_rule_might_name(const struct ztj_policy *p, const struct ztj_rule *rule, const char *fullname)
{
	const struct ztj_registrar *g = NULL;

	for (size_t i = 0; i < p->nregistrars && g == NULL; i++) {
		size_t n = strlen(p->registrars[i].directory);
		if (strncmp(fullname, p->registrars[i].directory, n) == 0 && fullname[n] == '/')
			g = &p->registrars[i];
	}
	for (size_t i = 0; g != NULL && i < rule->nslots; i++)
		for (size_t k = 0; k < rule->slot[i].from.n; k++) {
			const char *from = rule->slot[i].from.s[k];
			if (from[0] == '@' ? in_list(&g->groups, from + 1) : strcmp(from, fullname) == 0)
				return true;
		}
	return false;
}

int64_t ztj_reason_length(const char *reason)
{
	size_t n = strlen(reason);
	int64_t len = 0;

	while (n > 0 && reason[n - 1] == ' ')
		n--;
	while (n > 0 && *reason == ' ') {
		reason++;
		n--;
	}
	for (size_t i = 0; i < n; i++)
		len += ((unsigned char)reason[i] & 0xc0) != 0x80;
	return len;
}

int ztj_ticket_check(const char *pattern, const char *ticket)
{
	regex_t re;
	int r;

	if (pattern[0] == 0)
		return ZTJ_OK;
	if (ticket[0] == 0 || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return ZTJ_TICKET;
	r = regexec(&re, ticket, 0, NULL, 0);
	regfree(&re);
	return r == 0 ? ZTJ_OK : ZTJ_TICKET;
}
