/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * GET /v1/log/growth: that the log of `to` leaves begins with that of `from` (RFC 9162 section 2.1.4). Every host asks, for what it
 * remembers, and after a restart all of them at once: most of them for the same, so that proofs are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/growth.h"
#include "ztjit-broker/audit.h"

#define KEPT 64

struct growth_cache {
	size_t next;
	struct ztj_growth_proof kept[KEPT];
};

int audit_growth_new(struct audit *a)
{
	a->grown = calloc(1, sizeof(*a->grown));
	return a->grown == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

void audit_growth_free(struct audit *a)
{
	free(a->grown);
}

/* The last tile of every level that was read: a proof takes several hashes out of one. */
struct reader {
	struct db *db;
	struct ztj_tile last[ZTJ_TILE_LEVELS];
	ztj_hash hash[ZTJ_TILE_LEVELS][ZTJ_TILE_WIDTH];
};

static int read_once(void *arg, const struct ztj_tile *t, ztj_hash *out)
{
	struct reader *rd = arg;
	struct ztj_tile *last = &rd->last[t->level];
	int r = ZTJ_OK;
	if (last->width != t->width || last->index != t->index) {
		last->width = 0;
		r = audit_read_rows(rd->db, t, rd->hash[t->level]);
	}
	if (r != ZTJ_OK)
		return r;
	*last = *t;
	memcpy(out, rd->hash[t->level], t->width * sizeof(out[0]));
	return ZTJ_OK;
}

int audit_prove_growth(struct db *db, uint64_t m, uint64_t n, ztj_hash *path, size_t *len)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	const struct ztj_tiles tiles = { read_once, rd, n };
	if (rd == NULL)
		return ZTJ_NOMEM;
	rd->db = db;
	int r = ztj_tlog_prove_growth(&tiles, m, n, path, len);
	free(rd);
	return r;
}

static int find(struct store *st, uint64_t from, uint64_t to, const struct ztj_growth_proof **out)
{
	struct growth_cache *g = st->audit->grown;
	for (size_t i = 0; i < KEPT; i++)
		if (g->kept[i].from == from && g->kept[i].to == to) {
			*out = &g->kept[i];
			return ZTJ_OK;
		}
	struct ztj_growth_proof *p = &g->kept[g->next];
	p->from = from;
	p->to = to;
	int r = audit_prove_growth(st->db, from, to, p->path, &p->n);
	if (r == ZTJ_OK)
		g->next = (g->next + 1) % KEPT;
	else
		p->from = 0; /* nobody asks for that */
	*out = p;
	return r;
}

void do_log_growth(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	const struct audit *au = st->audit;
	uint64_t from = (uint64_t)a->number, to = (uint64_t)a->to;
	const struct ztj_growth_proof *p = NULL;
	struct ztj_buf json;
	int r = ZTJ_OK;
	(void)c;
	(void)now;
	ztj_buf_init(&json, ZTJ_GROWTH_JSON_MAX);
	/* Only what was signed, and so is committed. */
	if (au->note.n == 0 || au->forked)
		r = ZTJ_NOT_READY;
	else if (from == 0 || from > to || to > au->last.size)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK)
		r = find(st, from, to, &p);
	if (r == ZTJ_OK)
		r = ztj_growth_write(p, &json);
	if (r == ZTJ_OK)
		st_answer_text(st, a->tag, 200, ztj_buf_view(&json));
	else
		st_refuse(st, a->tag, r,
		    r == ZTJ_NOT_FOUND ? "the audit log was not signed for so many leaves" : NULL, NULL);
	ztj_buf_free(&json);
}
