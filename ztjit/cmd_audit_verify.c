/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit audit verify: every leaf again, from the first. */
#include "ztjit/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ztjit/auditlog.h"
#include "ztjit/out.h"

#define BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))

static const char *leaves(struct cli *c, uint64_t first, uint64_t last)
{
	const char *s = first == last
	    ? cli_printf(c, "leaf %llu", (unsigned long long)first)
	    : cli_printf(c, "leaves %llu to %llu", (unsigned long long)first, (unsigned long long)last);

	return s != NULL ? s : "?";
}

/* Were witnesses demanded, and are they there? */
static bool is_cosigned(const struct auditlog *l)
{
	return !l->uncosigned && (l->demanded.need > 0 || l->asked.need > 0);
}

static int set_result(struct auditlog *l)
{
	char root[ZTJ_HEX_SIZE];

	ztj_hex(l->head.root, sizeof(l->head.root), root);
	l->c->result = json_pack("{s:b, s:I, s:s, s:I}", "whole", 1, "leaves", (json_int_t)l->head.size,
	    "root", root, "cosigned", is_cosigned(l) ? (json_int_t)l->shown.size : 0);
	return l->c->result == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

static int tell(struct auditlog *l, const struct ztj_logcheck *lc, int r)
{
	struct cli *c = l->c;

	if (r == ZTJ_LOG_ALTERED || r == ZTJ_LOG_FORK || r == ZTJ_LOG_ROLLBACK)
		return cli_fail(c, r, "%s: %s", leaves(c, lc->bad, lc->last), lc->text);
	if (r != ZTJ_OK)
		return r;
	out_say(c, "The audit log of %s is whole: %llu leaves.", l->domain, (unsigned long long)l->head.size);
	if (is_cosigned(l))
		out_say(c, "The witnesses that are demanded have cosigned the first %llu of them.",
		    (unsigned long long)l->shown.size);
	if (l->uncosigned)
		out_say(c, "Whether witnesses cosigned it was not looked at.");
	if (l->has_kept)
		out_say(c, "It continues the checkpoint of %llu leaves that this workstation remembered.",
		    (unsigned long long)l->kept.size);
	return ZTJ_OK;
}

static int all_bundles(struct auditlog *l, struct ztj_logcheck *lc)
{
	struct ztj_buf bundle;
	unsigned width;
	int r = ZTJ_OK;

	ztj_buf_init(&bundle, BUNDLE_MAX);
	for (uint64_t at = 0; r == ZTJ_OK && at < l->head.size; at += ZTJ_TILE_WIDTH) {
		ztj_buf_reset(&bundle);
		r = auditlog_bundle(l, at / ZTJ_TILE_WIDTH, &width, &bundle);
		if (r == ZTJ_NOT_FOUND) {
			lc->bad = at;
			lc->last = at + width - 1;
			(void)snprintf(lc->text, sizeof(lc->text), "missing");
			r = ZTJ_LOG_ALTERED;
		}
		if (r == ZTJ_OK)
			r = ztj_logcheck_bundle(lc, ztj_buf_view(&bundle), width);
	}
	ztj_buf_free(&bundle);
	return r == ZTJ_OK ? ztj_logcheck_end(lc) : r;
}

static int marks(struct auditlog *l, struct ztj_logcheck *lc)
{
	struct cli *c = l->c;
	int r = ztj_logcheck_mark(lc, &l->shown);

	/* Every leaf there is, those too that nobody has cosigned yet; a witness' copy may be newer than what is shown. */
	if (r == ZTJ_OK && is_cosigned(l))
		r = auditlog_newest(l);
	if (r == ZTJ_OK)
		r = ztj_logcheck_mark(lc, &l->head);

	if (r == ZTJ_OK && l->has_kept)
		r = ztj_logcheck_mark(lc, &l->kept);
	for (size_t i = 0; r == ZTJ_OK && i < c->opt[OPT_CHECKPOINT].n; i++) {
		struct ztj_checkpoint m;

		r = auditlog_read_note(l, c->opt[OPT_CHECKPOINT].v[i], &m);
		if (r == ZTJ_OK && (r = ztj_logcheck_mark(lc, &m)) != ZTJ_OK)
			r = cli_fail(c, ZTJ_USAGE, "too many --checkpoint");
	}
	return r;
}

int cmd_audit_verify(struct cli *c)
{
	struct ztj_logcheck *lc = calloc(1, sizeof(*lc));
	struct auditlog l;
	int r;

	if (lc == NULL)
		return ZTJ_NOMEM;
	ztj_logcheck_init(lc);
	r = auditlog_open(c, &l);
	if (r == ZTJ_OK)
		r = marks(&l, lc);
	if (r == ZTJ_OK) {
		lc->tile = auditlog_tile;
		lc->arg = &l;
		r = all_bundles(&l, lc);
		r = tell(&l, lc, r);
	}
	if (r == ZTJ_OK)
		r = set_result(&l);
	if (r == ZTJ_OK)
		r = auditlog_remember(&l);
	auditlog_close(&l);
	free(lc);
	return r;
}
