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

/* ---- the logs of hosts inside it ---- */

static const char *words(struct cli *c, const struct ztj_hostchain_found *f)
{
	const char *s = NULL;

	switch (f->what) {
	case ZTJ_CHAIN_GAP:
		s = cli_printf(c, "lines %lld to %lld of its own log never came", (long long)f->first,
		    (long long)f->last);
		break;
	case ZTJ_CHAIN_FORK:
		s = cli_printf(c, "its own log tells another history from line %lld on", (long long)f->first);
		break;
	case ZTJ_CHAIN_ANEW:
		s = cli_printf(c, "its own log begins anew");
		break;
	case ZTJ_CHAIN_BAD:
		s = cli_printf(c, "this is no line of its own log");
		break;
	}
	return s == NULL ? "?" : s;
}

static json_t *hosts_json(struct cli *c, const struct ztj_hostchains *h)
{
	const struct ztj_hostchain_found *f;
	size_t n = ztj_hostchains_found(h, &f);
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < n; i++)
		if (json_array_append_new(list,
			json_pack("{s:s, s:I, s:s}", "host", f[i].host, "leaf", (json_int_t)f[i].leaf, "text",
			    words(c, &f[i]))) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* Everything is named; what is before --hosts-from was looked into already, and a log that begins anew is one of a host that was
 * installed again, or says so: the alarm of that time asks which. */
static int tell_hosts(struct auditlog *l, const struct ztj_hostchains *h, int64_t from)
{
	const struct ztj_hostchains_count count = ztj_hostchains_count(h);
	const struct ztj_hostchain_found *f, *worst = NULL;
	size_t n = ztj_hostchains_found(h, &f), wrong = 0;
	struct cli *c = l->c;

	for (size_t i = 0; i < n; i++) {
		out_say(c, "%s: %s (leaf %llu).", cli_esc(c, f[i].host), words(c, &f[i]),
		    (unsigned long long)f[i].leaf);
		if (f[i].what == ZTJ_CHAIN_ANEW || (int64_t)f[i].leaf < from)
			continue;
		worst = worst == NULL ? &f[i] : worst;
		wrong++;
	}
	if (count.more > 0)
		out_say(c, "And %llu more.", (unsigned long long)count.more);
	if (worst == NULL && count.more == 0) {
		if (count.hosts > 0)
			out_say(c, "It holds %llu lines of the logs of %zu hosts%s.",
			    (unsigned long long)count.lines, count.hosts,
			    n == 0 ? ", each as it goes on" : "");
		return ZTJ_OK;
	}
	cli_hint(c, "ztjit audit verify --hosts-from LEAF    once that is looked into");
	if (worst == NULL)
		return cli_fail(c, ZTJ_LOG_FORK, "more logs of hosts are broken than are named");
	return cli_fail(c, worst->what == ZTJ_CHAIN_GAP ? ZTJ_TRUNCATED : ZTJ_LOG_FORK,
	    "%s: %s (leaf %llu)%s", cli_esc(c, worst->host), words(c, worst), (unsigned long long)worst->leaf,
	    wrong > 1 ? ", and more such" : "");
}

static int set_result(struct auditlog *l, const struct ztj_hostchains *h)
{
	char root[ZTJ_HEX_SIZE];
	const struct ztj_hostchains_count count = ztj_hostchains_count(h);

	ztj_hex(l->head.root, sizeof(l->head.root), root);
	l->c->result = json_pack("{s:b, s:I, s:s, s:I, s:I, s:o}", "whole", 1, "leaves",
	    (json_int_t)l->head.size, "root", root, "hosts", (json_int_t)count.hosts, "lines",
	    (json_int_t)count.lines, "breaks", hosts_json(l->c, h));
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
	int r = ztj_logcheck_mark(lc, &l->head);

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
	struct ztj_hostchains *chains = NULL;
	struct auditlog l;
	int64_t from = 0;
	int r = lc == NULL ? ZTJ_NOMEM : ztj_hostchains_new(&chains);

	if (r == ZTJ_OK && cli_is_set(c, OPT_HOSTS_FROM) &&
	    ztj_parse_int(cli_opt(c, OPT_HOSTS_FROM), 0, (int64_t)ZTJ_LOG_MAX, &from) != ZTJ_OK)
		r = cli_fail(c, ZTJ_USAGE, "--hosts-from: the number of a leaf");
	if (r != ZTJ_OK) {
		ztj_hostchains_free(chains);
		free(lc);
		return r;
	}
	ztj_logcheck_init(lc);
	lc->chains = chains;
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
		r = set_result(&l, chains);
	if (r == ZTJ_OK)
		r = auditlog_remember(&l);
	/* The log itself is whole and remembered: whose part of it has holes is another matter. */
	if (r == ZTJ_OK)
		r = tell_hosts(&l, chains, from);
	auditlog_close(&l);
	ztj_hostchains_free(chains);
	free(lc);
	return r;
}
