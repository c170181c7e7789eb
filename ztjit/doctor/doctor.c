/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit doctor: runs the tables and says what they found. */
#include "ztjit/doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit/commands.h"
#include "ztjit/doctor/sshdconf.h"
#include "ztjit/out.h"

void doc_say(struct doctor *d, enum doc_level level, const char *fmt, ...)
{
	struct doc_result *r = &d->now;
	char *text = NULL;
	va_list ap;

	if (level > r->level)
		r->level = level;
	/* what is good gives way to what is not */
	if (level == DOC_OK && r->n > 0 && r->item[r->n - 1].level == DOC_OK)
		r->n--;
	if (r->n == DOC_FINDINGS_MAX) {
		r->more += level != DOC_OK;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	r->item[r->n].level = level;
	r->item[r->n].todo = NULL;
	r->item[r->n].what = NULL;
	/* what stands in files is not ours: it may be anything */
	if (text != NULL)
		r->item[r->n].what = ztj_text_ok(ztj_view_str(text)) ? cli_strdup(d->c, text)
								     : cli_esc(d->c, text);
	if (r->item[r->n].what == NULL)
		r->item[r->n].what = "?";
	r->n++;
	free(text);
}

void doc_todo(struct doctor *d, const char *fmt, ...)
{
	struct doc_result *r = &d->now;
	char *text = NULL;
	va_list ap;

	if (r->n == 0 || r->more > 0)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text != NULL)
		r->item[r->n - 1].todo = ztj_text_ok(ztj_view_str(text)) ? cli_strdup(d->c, text)
									 : cli_esc(d->c, text);
	free(text);
}

void doc_run(struct doctor *d, const struct doc_check *check, struct doc_result *out)
{
	d->now = (struct doc_result){ .level = DOC_NONE };
	d->check = check;
	check->run(d);
	*out = d->now;
}

void doc_close(struct doctor *d)
{
	ztj_hostconf_free(&d->conf);
	json_decref(d->status);
	ztj_trust_free(d->trust);
	ztj_sigcache_free(d->cache);
	if (d->sshd != NULL)
		sshdc_free(d->sshd);
	free(d->sshd);
	*d = (struct doctor){ .c = d->c };
}

/* ---- for people ---- */

static const char *const level_name[] = { "none", "ok", "warn", "unknown", "fail" };
static const char *const level_word[] = { "", "ok", "warn", "??", "FAIL" };
static const char *const level_colour[] = { "", "\033[32m", "\033[33m", "\033[33m", "\033[31m" };

static void print_one(struct cli *c, const char *name, enum doc_level level, const char *what,
    const char *todo)
{
	if (c->colour)
		(void)printf("%s%-4s\033[0m  ", level_colour[level], level_word[level]);
	else
		(void)printf("%-4s  ", level_word[level]);
	(void)printf("%-18s ", name);
	out_safe(stdout, what);
	if (todo != NULL) {
		(void)fputs(c->colour ? "; \033[1mtry:\033[0m " : "; try: ", stdout);
		out_safe(stdout, todo);
	}
	(void)fputc('\n', stdout);
}

/* Good news only when there is no other, and then one line of it: the last sums up. */
static bool worth(const struct doc_result *r, size_t i)
{
	return r->item[i].level != DOC_OK || (r->level == DOC_OK && i == r->n - 1);
}

static void print_result(struct cli *c, const struct doc_check *check, const struct doc_result *r)
{
	if (c->json || r->level == DOC_NONE || (c->quiet && r->level == DOC_OK))
		return;
	for (size_t i = 0; i < r->n; i++)
		if (worth(r, i))
			print_one(c, check->name, r->item[i].level, r->item[i].what, r->item[i].todo);
	if (r->more > 0)
		print_one(c, check->name, r->level, cli_printf(c, "and %zu more", r->more), NULL);
}

static void add_json(json_t *list, const struct doc_check *check, const struct doc_result *r)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "name", check->name, "about", check->about, "status",
	    level_name[r->level]);
	json_t *found = json_array();

	for (size_t i = 0; i < r->n; i++) {
		json_t *f;

		if (!worth(r, i))
			continue;
		f = json_pack("{s:s, s:s}", "status", level_name[r->item[i].level], "text", r->item[i].what);
		if (r->item[i].todo != NULL)
			(void)json_object_set_new(f, "try", json_string(r->item[i].todo));
		(void)json_array_append_new(found, f);
	}
	(void)json_object_set_new(o, "found", found);
	(void)json_array_append_new(list, o);
}

/* ---- all of them ---- */

struct tally {
	json_t *list;
	size_t n[DOC_FAIL + 1];
};

static void run_table(struct doctor *d, const struct doc_table *t, struct tally *sum)
{
	for (size_t i = 0; i < t->n; i++) {
		struct doc_result r;

		doc_run(d, &t->check[i], &r);
		cli_forget(d->c);
		sum->n[r.level]++;
		print_result(d->c, &t->check[i], &r);
		if (r.level != DOC_NONE)
			add_json(sum->list, &t->check[i], &r);
	}
}

static void run_host(struct doctor *d, struct tally *sum)
{
	const struct doc_table *const tables[] = { &doc_hostd, &doc_files, &doc_sshd, &doc_pam, &doc_names,
		&doc_sudo, &doc_machine };

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		run_table(d, tables[i], sum);
}

int cmd_doctor(struct cli *c)
{
	struct doctor d = { .c = c };
	struct tally sum = { .list = json_array() };
	bool host = geteuid() == 0;

	if (sum.list == NULL)
		return ZTJ_NOMEM;
	if (host)
		run_host(&d, &sum);
	else
		run_table(&d, &doc_desk, &sum);
	doc_close(&d);
	out_say(c, "%zu ok, %zu warnings, %zu failures%s", sum.n[DOC_OK], sum.n[DOC_WARN], sum.n[DOC_FAIL],
	    sum.n[DOC_UNKNOWN] > 0 ? cli_printf(c, ", %zu could not be found out", sum.n[DOC_UNKNOWN]) : "");
	c->result = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "side", host ? "host" : "workstation",
	    "checks", sum.list, "ok", (json_int_t)sum.n[DOC_OK], "warn", (json_int_t)sum.n[DOC_WARN],
	    "unknown", (json_int_t)sum.n[DOC_UNKNOWN], "fail", (json_int_t)sum.n[DOC_FAIL]);
	cli_exit(c, sum.n[DOC_FAIL] > 0 ? 1 : sum.n[DOC_UNKNOWN] > 0 ? 3 : 0);
	return ZTJ_OK;
}
