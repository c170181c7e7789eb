/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/leaves.h"

#include <string.h>

int leaves_each(struct cli *c, struct ztj_view bundle, uint64_t first, leaves_fn *fn, void *arg)
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

int leaves_open(struct cli *c, struct auditlog *l)
{
	int r = auditlog_open(c, l);

	if (r == ZTJ_OK)
		r = auditlog_continues(l);
	return r == ZTJ_OK ? auditlog_remember(l) : r;
}

int leaves_walk(struct auditlog *l, uint64_t from, uint64_t to, leaves_fn *fn, void *arg)
{
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, LEAVES_BUNDLE_MAX);
	for (uint64_t i = from; r == ZTJ_OK && i < to; i++) {
		ztj_buf_reset(&bundle);
		r = auditlog_proved(l, i, &width, &bundle);
		if (r == ZTJ_OK)
			r = leaves_each(l->c, ztj_buf_view(&bundle), i * ZTJ_TILE_WIDTH, fn, arg);
	}
	ztj_buf_free(&bundle);
	return r;
}

uint64_t leaves_bundles(const struct auditlog *l)
{
	return (l->head.size + ZTJ_TILE_WIDTH - 1) / ZTJ_TILE_WIDTH;
}

bool leaves_is_name(const char *full, const char *want)
{
	return strcmp(full, want) == 0 ||
	    (strchr(want, '/') == NULL && full[0] != '\0' && strcmp(ztj_fullname_tail(full), want) == 0);
}

bool leaves_has_host(const struct ztj_event_in *e, const char *want)
{
	const json_t *v;
	size_t i;

	if (leaves_is_name(ztj_event_text(e, "host"), want))
		return true;
	json_array_foreach(json_object_get(e->obj, "hosts"), i,
	    v) if (json_is_string(v) && leaves_is_name(json_string_value(v), want)) return true;
	return false;
}
