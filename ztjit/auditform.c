/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/auditform.h"

#include <string.h>

#include "config.h"
#include "libztjit/core/eventfmt.h"

struct auditform {
	const char *name;
	int (*begin)(struct ztj_buf *out);
	int (*leaf)(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out);
};

/* The broker's machine is not known here. */
static const struct ztj_event_origin origin = { .version = PACKAGE_VERSION, .facility = 10 };

static int as_json(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	(void)e;
	(void)ztj_buf_put(out, leaf.p, leaf.n);
	return ztj_buf_put_u8(out, '\n');
}

static int as_syslog(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	int r = ztj_event_syslog(e, leaf, &origin, out);

	return r == ZTJ_OK ? ztj_buf_put_u8(out, '\n') : r;
}

static int as_cef(const struct ztj_event_in *e, struct ztj_view leaf, struct ztj_buf *out)
{
	int r = ztj_event_cef(e, &origin, out);

	(void)leaf;
	return r == ZTJ_OK ? ztj_buf_put_u8(out, '\n') : r;
}

const struct auditform *auditform_find(const char *name, const char **names)
{
	static const struct auditform forms[] = { { "jsonl", NULL, as_json }, { "syslog", NULL, as_syslog },
		{ "cef", NULL, as_cef }, { "csv", ztj_event_csv_head, ztj_event_csv } };

	*names = "jsonl, syslog, cef or csv";
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (name == NULL || strcmp(name, forms[i].name) == 0)
			return &forms[i];
	return NULL;
}

int auditform_begin(const struct auditform *f, struct ztj_buf *out)
{
	return f->begin == NULL ? ZTJ_OK : f->begin(out);
}

int auditform_leaf(const struct auditform *f, const struct ztj_event_in *e, struct ztj_view leaf,
    struct ztj_buf *out)
{
	return f->leaf(e, leaf, out);
}
