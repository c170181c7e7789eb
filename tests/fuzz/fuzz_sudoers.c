/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* sudoers, as scan reads it. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/scan/sudoers.h"

static void check(const struct sudoers_list *l, struct ztj_view in)
{
	MUST(l->n <= SUDOERS_LIST_MAX);
	for (size_t i = 0; i < l->n; i++)
		MUST(l->at[i].n == 0 || (l->at[i].p >= in.p && l->at[i].p + l->at[i].n <= in.p + in.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sudoers_rule rule;
	static struct sudoers_list list;
	struct sudoers_item it;
	struct sudoers p;
	unsigned before = 0;

	sudoers_init(&p, ztj_view_of(data, size));
	while (sudoers_next(&p, &it) == ZTJ_OK) {
		struct ztj_view text = it.text, name;
		enum sudoers_alias kind;

		MUST(it.line > before && it.last >= it.line && it.text.n > 0);
		before = it.last;
		if (it.what == SUDOERS_RULE && sudoers_rule_read(it.text, &rule) == ZTJ_OK) {
			MUST(rule.users.n > 0 && rule.commands.n > 0);
			check(&rule.users, it.text);
			check(&rule.commands, it.text);
			check(&rule.runas, it.text);
		}
		if (it.what == SUDOERS_ALIAS && sudoers_alias_begin(&text, &kind) == ZTJ_OK)
			while (sudoers_alias_next(&text, &name, &list) == ZTJ_OK)
				check(&list, it.text);
		if (it.what == SUDOERS_INCLUDE)
			(void)!sudoers_include_read(it.text, &name);
		(void)sudoers_defaults_has(it.text, "authenticate", '!');
		(void)sudoers_defaults_has(it.text, "exempt_group", '=');
	}
	sudoers_free(&p);
	return 0;
}
