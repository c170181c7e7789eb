/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A look at the policy's text before libconfig sees it: what confscan.h refuses, and what would make
 * a person read something else than libconfig does, or keep libconfig busy for minutes.
 */
#include "libztjit/core/confscan.h"
#include "libztjit/core/policy_int.h"

/* libconfig looks for a duplicate by walking the group, so the number of settings is bounded. */
#define SETTINGS_MAX 16384

/* Bidirectional controls and their like, in comments too: what is signed is what was read. */
static void scan_lines(struct ztj_pol *c, struct ztj_view text)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i <= text.n; i++) {
		uint8_t ch = i < text.n ? text.p[i] : '\n';
		if (ch != '\n' && ch != '\t')
			continue;
		if (!ztj_text_ok(ztj_view_of(text.p + start, i - start)))
			ztj_pol_error(c, line, "a control character, a bidirectional mark or invalid UTF-8");
		start = i + 1;
		line += ch == '\n';
	}
}

void ztj_pol_scan(struct ztj_pol *c, struct ztj_view text)
{
	size_t settings = 0;
	unsigned line = 1;
	const char *what;

	if (text.n == 0) {
		ztj_pol_error(c, 1, "an empty file");
		return;
	}
	if (text.n > ZTJ_POLICY_MAX) {
		ztj_pol_error(c, 1, "larger than %d bytes", ZTJ_POLICY_MAX);
		return;
	}
	if (ztj_confscan(text, &line, &what) != ZTJ_OK) {
		ztj_pol_error(c, line, "%s", what);
		return;
	}
	for (size_t i = 0; i < text.n; i++)
		settings += text.p[i] == '=' || text.p[i] == ':';
	if (settings > SETTINGS_MAX)
		ztj_pol_error(c, 1, "more than %d settings", SETTINGS_MAX);
	scan_lines(c, text);
}
