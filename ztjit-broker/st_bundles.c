/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Bundles, read from the database and opened once. A bundle depends on no policy and no
 * directory, so it is forgotten only when a statement joins it.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/store.h"

#define SETS 512u
#define WAYS 4u

struct slot {
	struct ztj_bundle *b;
	uint64_t used;
};
struct bundles {
	uint64_t clock;
	struct slot slot[SETS][WAYS];
};

int bundles_new(struct bundles **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

static void empty(struct slot *s)
{
	ztj_bundle_free(s->b);
	s->b = NULL;
	s->used = 0;
}

void bundles_clear(struct bundles *b)
{
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			empty(&b->slot[i][j]);
}

void bundles_free(struct bundles *b)
{
	if (b == NULL)
		return;
	bundles_clear(b);
	free(b);
}

static bool contains(const struct ztj_bundle *b, const uint8_t *request)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->stmt[i]->type == ZTJ_STMT_REQUEST &&
		    memcmp(b->stmt[i]->id, request, ZTJ_DIGEST_LEN) == 0)
			return true;
	return false;
}

void bundles_forget(struct bundles *b, const uint8_t request[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			if (b->slot[i][j].b != NULL && contains(b->slot[i][j].b, request))
				empty(&b->slot[i][j]);
}

/* The containers of a request and of every request it follows. */
static int collect(struct store *st, const uint8_t *id, struct ztj_buf *mem, uint32_t *total)
{
	uint8_t at[ZTJ_DIGEST_LEN], request[ZTJ_DIGEST_LEN];
	memcpy(at, id, sizeof(at));
	*total = 0;
	for (unsigned depth = 0; depth < ZTJ_CHAIN_MAX; depth++) {
		enum ztj_stmt_type type;
		struct ztj_buf first;
		struct ztj_signed s;
		struct ztj_stmt *open = NULL;
		struct ztj_rd rd;
		uint32_t n;
		ztj_buf_init(&first, PROTO_CONTAINER_MAX);
		int r = db_stmt_get(st->db, at, &type, request, &first);
		if (r == ZTJ_OK && type != ZTJ_STMT_REQUEST)
			r = ZTJ_NOT_FOUND;
		if (r == ZTJ_OK)
			r = db_stmt_of_request(st->db, at, mem, &n);
		if (r == ZTJ_OK) {
			*total += n;
			ztj_rd_init(&rd, ztj_buf_view(&first));
			r = ztj_signed_read(&rd, &s);
		}
		if (r == ZTJ_OK)
			r = ztj_stmt_open_cached(st->sigs, &s, ZTJ_STMT_REQUEST, st->conf->domain, &open);
		bool more = r == ZTJ_OK && open->u.request.has_follows;
		if (more)
			memcpy(at, open->u.request.follows, sizeof(at));
		ztj_stmt_free(open);
		ztj_buf_free(&first);
		if (r != ZTJ_OK || !more)
			return r;
	}
	return ZTJ_CHAIN;
}

static int build(struct store *st, const uint8_t *id, struct ztj_bundle **out)
{
	struct ztj_buf mem;
	struct ztj_rd rd, one;
	struct ztj_view v;
	uint32_t n;
	struct ztj_signed *s = NULL;
	ztj_buf_init(&mem, (size_t)1024 * 1024);
	int r = collect(st, id, &mem, &n);
	if (r == ZTJ_OK && n > ZTJ_BUNDLE_STMTS_MAX)
		r = ZTJ_TOO_LARGE;
	if (r == ZTJ_OK) {
		s = calloc(n == 0 ? 1 : n, sizeof(*s));
		r = s == NULL ? ZTJ_NOMEM : ZTJ_OK;
	}
	ztj_rd_init(&rd, ztj_buf_view(&mem));
	for (uint32_t i = 0; r == ZTJ_OK && i < n; i++) {
		r = ztj_rd_string(&rd, PROTO_CONTAINER_MAX, &v);
		if (r == ZTJ_OK) {
			ztj_rd_init(&one, v);
			r = ztj_signed_read(&one, &s[i]);
		}
	}
	if (r == ZTJ_OK)
		r = ztj_bundle_make(s, n, st->conf->domain, st->sigs, out);
	free(s);
	ztj_buf_free(&mem);
	return r;
}

int bundles_get(struct store *st, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_bundle **out)
{
	struct slot *set = st->bundles->slot[((unsigned)id[0] << 8 | id[1]) % SETS];
	struct slot *oldest = &set[0];
	*out = NULL;
	st->bundles->clock++;
	for (size_t j = 0; j < WAYS; j++) {
		if (set[j].b != NULL && memcmp(set[j].b->request->id, id, ZTJ_DIGEST_LEN) == 0) {
			set[j].used = st->bundles->clock;
			*out = set[j].b;
			return ZTJ_OK;
		}
		if (set[j].used < oldest->used)
			oldest = &set[j];
	}
	struct ztj_bundle *b = NULL;
	int r = build(st, id, &b);
	if (r != ZTJ_OK)
		return r;
	empty(oldest);
	oldest->b = b;
	oldest->used = st->bundles->clock;
	*out = b;
	return ZTJ_OK;
}
