/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* doas.conf(5): every "permit" that reaches somebody. */
#include "ztjit/scan/scan.h"

#include <string.h>

struct permit {
	bool nopass, command;
	struct ztj_view who, as;
};

/* "permit [options] identity [as target] [cmd command…]" */
static bool read_permit(struct ztj_view line, struct permit *out)
{
	struct ztj_view w;
	bool braces = false;

	*out = (struct permit){ .nopass = false };
	if (!scan_word(&line, &w) || !ztj_view_eq_str(w, "permit"))
		return false;
	while (scan_word(&line, &w)) {
		if (braces || w.p[0] == '{') {
			braces = memchr(w.p, '}', w.n) == NULL;
			continue;
		}
		if (ztj_view_eq_str(w, "nopass"))
			out->nopass = true;
		else if (!ztj_view_eq_str(w, "persist") && !ztj_view_eq_str(w, "keepenv") &&
		    !ztj_view_eq_str(w, "nolog") && !ztj_view_eq_str(w, "setenv")) {
			out->who = w;
			break;
		}
	}
	while (scan_word(&line, &w)) {
		if (ztj_view_eq_str(w, "as"))
			(void)scan_word(&line, &out->as);
		else if (ztj_view_eq_str(w, "cmd"))
			out->command = true;
	}
	return out->who.n > 0;
}

static bool reaches(const struct scan *s, struct ztj_view who)
{
	const struct scan_account *a;
	const struct scan_group *g;

	if (who.p[0] == ':') {
		g = scan_group_named(s, ztj_view_after(who, 1));
		return g != NULL ? scan_group_has_people(s, g) && strncmp(g->name, "ztjit-", 6) != 0
				 : s->group_source != NULL;
	}
	a = scan_account_named(s, who);
	return !ztj_view_eq_str(who, "0") && (a == NULL || a->uid != 0);
}

void scan_doas(struct scan *s)
{
	static const char path[] = "/etc/doas.conf";
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct permit p;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	scan_run_by_root(s, path, &(struct scan_ref){ .why = "doas obeys it" });
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		bool root;

		if (!read_permit(line, &p) || !reaches(s, p.who))
			continue;
		root = p.as.n == 0 || ztj_view_eq_str(p.as, "root") || ztj_view_eq_str(p.as, "0");
		scan_add(s,
		    &(struct scan_row){ .kind = "doas",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = !root                ? SCAN_MEDIUM
			    : p.nopass && !p.command ? SCAN_CRITICAL
			    : p.nopass || !p.command ? SCAN_HIGH
						     : SCAN_MEDIUM,
			.content = scan_trim(line),
			.what = scan_text(s, "%.*s may run %s as %s%s at any time",
			    (int)(p.who.n < 200 ? p.who.n : 200), (const char *)p.who.p,
			    p.command ? "a command" : "everything", root ? "root" : "another account",
			    p.nopass ? " without a password," : ""),
			.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}
