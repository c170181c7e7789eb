/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The leaves of the audit log one after the other. */
#include "ztjit/auditlog.h"

#define BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))

int auditlog_each(struct cli *c, struct ztj_view bundle, uint64_t first, auditlog_leaf *fn, void *arg)
{
	struct ztj_event_in e;
	struct ztj_view leaf;
	struct ztj_rd rd;
	int r = ZTJ_OK;

	ztj_rd_init(&rd, bundle);
	for (uint64_t n = first; r == ZTJ_OK && (r = ztj_entry_next(&rd, &leaf)) == ZTJ_OK; n++) {
		r = ztj_event_read(leaf, &e);
		/* Signed, but not by a program that we understand. */
		if (r != ZTJ_OK)
			return cli_fail(c, r, "leaf %llu: %s", (unsigned long long)n, ztj_err_text(r));
		r = fn(arg, &e, leaf);
		ztj_event_free(&e);
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

uint64_t auditlog_bundles(const struct auditlog *l)
{
	return (l->head.size + ZTJ_TILE_WIDTH - 1) / ZTJ_TILE_WIDTH;
}

int auditlog_walk(struct auditlog *l, uint64_t from, uint64_t to, auditlog_leaf *fn, void *arg)
{
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, BUNDLE_MAX);
	for (uint64_t i = from; r == ZTJ_OK && i < to; i++) {
		ztj_buf_reset(&bundle);
		r = auditlog_proved(l, i, &width, &bundle);
		if (r == ZTJ_OK)
			r = auditlog_each(l->c, ztj_buf_view(&bundle), i * ZTJ_TILE_WIDTH, fn, arg);
	}
	ztj_buf_free(&bundle);
	return r;
}
