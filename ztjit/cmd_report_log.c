/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit report access, metrics and controls: made of the audit log, which is proved as it is read. */
#include "ztjit/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/leaves.h"
#include "ztjit/out.h"
#include "ztjit/reports.h"

#define TEXT_MAX ((size_t)1024 * 1024 * 1024)

enum format { TABLE, CSV, JSON, HTML, FORMATS };
static const char *const formats[] = { "table", "csv", "json", "html" };

static int format_of(struct cli *c, enum format *out)
{
	const char *name = cli_opt(c, OPT_FORMAT);
	size_t i = 0;

	*out = c->json ? JSON : TABLE;
	if (name == NULL)
		return ZTJ_OK;
	while (i < FORMATS && strcmp(name, formats[i]) != 0)
		i++;
	if (i == FORMATS || (c->json && i != JSON))
		return cli_fail(c, ZTJ_USAGE, "--format: table, csv, json or html");
	*out = (enum format)i;
	return ZTJ_OK;
}

static int filter_of(struct cli *c, struct tally_filter *f)
{
	int r;

	*f = (struct tally_filter){ .user = cli_opt(c, OPT_USER),
		.host = cli_opt(c, OPT_HOST),
		.role = cli_opt(c, OPT_ROLE) };
	if (c->opt[OPT_HOST].n > 1)
		return cli_fail(c, ZTJ_USAGE, "--host: one, or none for all");
	if ((r = cli_opt_time(c, OPT_SINCE, 0, &f->since)) == ZTJ_OK)
		r = cli_opt_time(c, OPT_UNTIL, cli_now(), &f->until);
	if (r == ZTJ_OK && f->until < f->since)
		return cli_fail(c, ZTJ_USAGE, "--until is before --since");
	return r;
}

/* --- the log --- */

static int take(void *arg, const struct ztj_event_in *e, struct ztj_view leaf)
{
	(void)leaf;
	return tally_leaf(arg, e);
}

static const char *root_of(struct cli *c, const ztj_hash root)
{
	struct ztj_buf b;
	const char *text = NULL;

	ztj_buf_init(&b, 128);
	if (ztj_b64_encode(ztj_view_of(root, sizeof(ztj_hash)), &b) == ZTJ_OK &&
	    (text = ztj_buf_str(&b)) != NULL)
		text = cli_strdup(c, text);
	ztj_buf_free(&b);
	return text;
}

static int read_log(struct cli *c, struct tally *t, struct page *p)
{
	struct auditlog l;
	int r = leaves_open(c, &l);

	if (r == ZTJ_OK)
		r = leaves_walk(&l, 0, leaves_bundles(&l), take, t);
	if (r == ZTJ_OK) {
		p->domain = cli_strdup(c, l.domain);
		p->size = l.head.size;
		p->root = root_of(c, l.head.root);
		p->source = l.dir == NULL             ? "the broker"
		    : cli_opt(c, OPT_LOG_KEY) != NULL ? "a copy of the log, believed by its key alone"
						      : "a copy of the log";
		r = p->domain != NULL && p->root != NULL ? tally_finish(t) : ZTJ_NOMEM;
	}
	auditlog_close(&l);
	return r;
}

/* --- out --- */

static int json_text(struct page *p, struct ztj_buf *out)
{
	json_t *o = page_json(p);
	char *text = o != NULL ? json_dumps(o, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;

	json_decref(o);
	if (text == NULL)
		return ZTJ_NOMEM;
	ztj_buf_puts(out, text);
	ztj_buf_puts(out, "\n");
	free(text);
	return ztj_buf_status(out);
}

static int put(struct page *p, enum format format, FILE *f)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, TEXT_MAX);
	switch (format) {
	case TABLE:
		r = page_print(p, f);
		break;
	case CSV:
		r = page_csv(p, &b);
		break;
	case HTML:
		r = page_html(p, &b);
		break;
	case JSON:
	case FORMATS:
	default:
		r = json_text(p, &b);
		break;
	}
	if (r == ZTJ_OK && b.n > 0 && fwrite(b.p, 1, b.n, f) != b.n)
		r = ZTJ_IO;
	if (r == ZTJ_OK && fflush(f) != 0)
		r = ZTJ_IO;
	ztj_buf_free(&b);
	return r == ZTJ_IO ? cli_fail(p->c, r, "the report could not be written") : r;
}

/* A file that is whole or not there; one that is there already stays. */
static int put_file(struct page *p, enum format format, const char *path)
{
	FILE *f = fopen(path, "wxe");
	int r;

	if (f == NULL)
		return cli_fail(p->c, ZTJ_SYSTEM, "%s: %s", cli_esc(p->c, path), strerror(errno));
	r = put(p, format, f);
	if (fclose(f) != 0 && r == ZTJ_OK)
		r = cli_fail(p->c, ZTJ_IO, "%s: %s", cli_esc(p->c, path), strerror(errno));
	if (r != ZTJ_OK)
		(void)unlink(path);
	return r;
}

static int write_page(struct page *p, enum format format)
{
	const char *path = cli_opt(p->c, OPT_OUTPUT);

	if (p->err != ZTJ_OK)
		return p->err;
	if (cli_is_set(p->c, OPT_GROUP_BY)) {
		int r = page_only(p, cli_opt(p->c, OPT_GROUP_BY));

		if (r != ZTJ_OK)
			return r;
	}
	return path != NULL ? put_file(p, format, path) : put(p, format, stdout);
}

static const char *said(struct cli *c, enum cli_opt_id id)
{
	return cli_opt(c, id) != NULL ? cli_esc(c, cli_opt(c, id)) : NULL;
}

static int report(struct cli *c, const char *name, void build(struct page *p, struct tally *t))
{
	struct tally_filter f;
	struct tally t = { .filter = { 0 } };
	enum format format;
	int r = format_of(c, &format);

	if (r == ZTJ_OK)
		r = filter_of(c, &f);
	if (r != ZTJ_OK)
		return r;
	struct page p = { .c = c,
		.report = name,
		.user = said(c, OPT_USER),
		.host = said(c, OPT_HOST),
		.role = said(c, OPT_ROLE),
		.made = cli_now(),
		.since = f.since,
		.until = f.until };
	if ((r = tally_init(&t, &f)) == ZTJ_OK)
		r = read_log(c, &t, &p);
	if (r == ZTJ_OK) {
		p.first = t.first;
		p.last = t.last;
		build(&p, &t);
		r = write_page(&p, format);
	}
	page_free(&p);
	tally_free(&t);
	return r;
}

int cmd_report_access(struct cli *c)
{
	return report(c, "access", report_access);
}

int cmd_report_metrics(struct cli *c)
{
	return report(c, "metrics", report_metrics);
}

int cmd_report_controls(struct cli *c)
{
	return report(c, "controls", report_controls);
}
