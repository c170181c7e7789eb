/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Leaves, one a line, that somebody signed who may write what he likes: they are added up, and every report of them in
 * every format holds no byte that its reader could take for more than text.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "ztjit/reports.h"

static void check_sums(const struct tally *t)
{
	const struct tally_count *c = &t->count;

	MUST(c->logins + c->elevations == c->uses && c->uses <= (int64_t)t->nuses);
	MUST(c->under_grant <= c->uses && c->logins_recorded <= c->logins &&
	    c->elevations_recorded <= c->elevations);
	MUST(c->records_closed + c->records_lost <= c->records);
	MUST(c->ended_box + c->ended_revoked + c->ended_other <= c->uses && c->ended_other >= 0);
	MUST(t->left >= 0 && t->approval.n <= t->ngrants);
	for (size_t i = 0; i < t->nuses; i++)
		MUST(t->use[i].grant < t->ngrants &&
		    (t->use[i].record == TALLY_NONE || t->record[t->use[i].record].use == i));
	for (size_t i = 1; i < t->approval.n; i++)
		MUST(t->approval.s[i - 1] <= t->approval.s[i]);
}

static size_t count(struct ztj_view v, const char *what)
{
	const uint8_t *at;
	size_t n = 0;

	for (; (at = memmem(v.p, v.n, what, strlen(what))) != NULL; n++)
		v = ztj_view_after(v, (size_t)(at - v.p) + 1);
	return n;
}

/* What is not ours is text: there are as many elements as we make, none of another kind, and no control character. */
static void check_html(struct ztj_view v)
{
	static const char *const never[] = { "<script", "<img", "<a", "<iframe", "<object", "<link", "<input",
		"<form" };

	MUST(ztj_utf8_ok(v));
	for (size_t i = 0; i < v.n; i++)
		MUST(v.p[i] >= 0x20 ? v.p[i] != 0x7f : v.p[i] == '\n');
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		MUST(count(v, never[i]) == 0);
	MUST(count(v, "<table") == count(v, "</table>") && count(v, "<td") == count(v, "</td>"));
	MUST(count(v, "<svg") == count(v, "</svg>") && count(v, "<main>") == 1 && count(v, "</main>") == 1);
}

/* Fields are quoted texts or bare digits; no text begins with what a spreadsheet computes. */
static void check_csv(struct ztj_view v)
{
	for (size_t i = 0; i < v.n;) {
		if (v.p[i] == '"') {
			MUST(i + 1 < v.n && strchr("=+-@\t", v.p[i + 1]) == NULL);
			for (i++; i < v.n && (v.p[i] != '"' || (i + 1 < v.n && v.p[i + 1] == '"')); i++)
				i += v.p[i] == '"';
			i++;
		} else {
			while (i < v.n && v.p[i] >= '0' && v.p[i] <= '9')
				i++;
		}
		MUST(i < v.n && (v.p[i] == ',' || (v.p[i] == '\r' && i + 1 < v.n && v.p[i + 1] == '\n')));
		i += v.p[i] == '\r' ? 2 : 1;
	}
}

static void check_page(struct tally *t, void build(struct page *p, struct tally *t))
{
	struct cli c = { .json = false };
	struct page p = { .c = &c,
		.report = "report",
		.domain = "example",
		.made = 1767225600,
		.until = 1767225600,
		.size = 1,
		.root = "AA==",
		.source = "a copy" };
	struct ztj_buf b;
	json_t *o;

	ztj_buf_init(&b, (size_t)64 << 20);
	build(&p, t);
	MUST(p.err == ZTJ_OK);
	MUST(page_html(&p, &b) == ZTJ_OK);
	check_html(ztj_buf_view(&b));
	ztj_buf_reset(&b);
	MUST(page_csv(&p, &b) == ZTJ_OK);
	check_csv(ztj_buf_view(&b));
	MUST((o = page_json(&p)) != NULL);
	json_decref(o);
	ztj_buf_free(&b);
	page_free(&p);
	cli_release(&c, 0);
	free(c.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tally_filter all = { .until = INT64_MAX };
	struct ztj_view left = { data, size };
	struct ztj_event_in e;
	struct tally t;

	if (size == 0 || size > 65536)
		return 0;
	MUST(tally_init(&t, &all) == ZTJ_OK);
	while (left.n > 0) {
		const uint8_t *nl = memchr(left.p, '\n', left.n);
		size_t n = nl != NULL ? (size_t)(nl - left.p) : left.n;

		if (ztj_event_read(ztj_view_of(left.p, n), &e) == ZTJ_OK) {
			MUST(tally_leaf(&t, &e) == ZTJ_OK);
			ztj_event_free(&e);
		}
		left = ztj_view_after(left, nl != NULL ? n + 1 : n);
	}
	MUST(tally_finish(&t) == ZTJ_OK);
	check_sums(&t);
	check_page(&t, report_access);
	check_page(&t, report_metrics);
	check_page(&t, report_controls);
	tally_free(&t);
	return 0;
}
