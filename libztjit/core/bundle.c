/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Bundles (PROTOCOL section 1.3): read, sorted, de-duplicated, nothing in them that does not belong. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/grant.h"

#define MAGIC "ZTJB1"
#define MAGIC_LEN 5

/* A statement on its way into the bundle. */
struct item {
	struct ztj_signed raw;
	struct ztj_stmt *stmt;
	bool reached; /* belongs to the request or to one that it follows */
};

void ztj_bundle_free(struct ztj_bundle *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		ztj_stmt_free(b->stmt[i]);
	ztj_buf_free(&b->mem);
	free(b);
}

int ztj_bundle_write(const struct ztj_signed *s, size_t n, struct ztj_buf *out)
{
	size_t start = out->n;
	int r;

	if (n == 0 || n > ZTJ_BUNDLE_STMTS_MAX)
		return ZTJ_LIMIT;
	ztj_buf_put(out, MAGIC, MAGIC_LEN);
	ztj_buf_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		if ((r = ztj_signed_write(&s[i], out)) != ZTJ_OK)
			return r;
	if ((r = ztj_buf_status(out)) != ZTJ_OK)
		return r;
	return out->n - start <= ZTJ_BUNDLE_MAX ? ZTJ_OK : ZTJ_TOO_LARGE;
}

static int view_order(struct ztj_view a, struct ztj_view b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n != 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int raw_order(const struct ztj_signed *a, const struct ztj_signed *b)
{
	int c = view_order(a->bytes, b->bytes);

	if (c == 0)
		c = (a->nsigs > b->nsigs) - (a->nsigs < b->nsigs);
	for (size_t i = 0; c == 0 && i < a->nsigs; i++)
		c = view_order(a->sig[i], b->sig[i]);
	return c;
}

/* By type, time and id; equal statements with other signatures by their bytes: one order, however they came. */
static int item_order(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	int c = (a->stmt->type > b->stmt->type) - (a->stmt->type < b->stmt->type);

	if (c == 0)
		c = (a->stmt->issued > b->stmt->issued) - (a->stmt->issued < b->stmt->issued);
	if (c == 0)
		c = memcmp(a->stmt->id, b->stmt->id, sizeof a->stmt->id);
	return c != 0 ? c : raw_order(&a->raw, &b->raw);
}

static int open_item(struct item *it, const struct ztj_signed *s, const char *domain, struct ztj_sigcache *c)
{
	enum ztj_stmt_type type;
	int r = ztj_signed_peek(s, &type);

	if (r != ZTJ_OK)
		return r;
	if (type != ZTJ_STMT_REQUEST && type != ZTJ_STMT_APPROVAL && type != ZTJ_STMT_REVOCATION)
		return ZTJ_STMT_TYPE;
	it->raw = *s;
	return ztj_stmt_open_cached(c, s, type, domain, &it->stmt);
}

static const uint8_t *names_request(const struct ztj_stmt *st)
{
	if (st->type == ZTJ_STMT_APPROVAL)
		return st->u.approval.request;
	if (st->type == ZTJ_STMT_REVOCATION && st->u.revocation.what == ZTJ_REVOKES_REQUEST)
		return st->u.revocation.request;
	return NULL;
}

static struct item *find_request(struct item *it, size_t n, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < n; i++)
		if (it[i].stmt->type == ZTJ_STMT_REQUEST && memcmp(it[i].stmt->id, id, ZTJ_DIGEST_LEN) == 0)
			return &it[i];
	return NULL;
}

/* One request twice under different signatures is nobody's bundle: which one counts must never be a choice. */
static int check_requests(struct item *it, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (it[i].stmt->type == ZTJ_STMT_REQUEST && find_request(it, n, it[i].stmt->id) != &it[i])
			return ZTJ_WRONG_REQUEST;
	return ZTJ_OK;
}

static int check_belongs(struct item *it, size_t n)
{
	struct item *req = &it[0];

	/* a digest cannot lie on a cycle, but nothing here depends on that */
	for (size_t depth = 0; req != NULL && !req->reached; depth++) {
		if (depth == ZTJ_CHAIN_MAX)
			return ZTJ_LIMIT;
		req->reached = true;
		req = req->stmt->u.request.has_follows ? find_request(it, n, req->stmt->u.request.follows)
						       : NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *id = names_request(it[i].stmt);
		const struct item *of = id != NULL ? find_request(it, n, id) : NULL;
		if (!it[i].reached && (of == NULL || !of->reached))
			return ZTJ_WRONG_REQUEST;
	}
	return ZTJ_OK;
}

/* Sorted after the request, exact duplicates dropped; returns how many are left. */
static size_t arrange(struct item *it, size_t n)
{
	size_t kept = 1;

	qsort(it + 1, n - 1, sizeof *it, item_order);
	for (size_t i = 1; i < n; i++) {
		bool same = raw_order(&it[i].raw, &it[0].raw) == 0 ||
		    (kept > 1 && raw_order(&it[i].raw, &it[kept - 1].raw) == 0);
		if (same)
			ztj_stmt_free(it[i].stmt);
		else
			it[kept++] = it[i];
	}
	for (size_t i = kept; i < n; i++)
		it[i].stmt = NULL;
	return kept;
}

/* Moves the statements into the bundle, with its own copy of the bytes. */
static int settle(struct ztj_bundle *b, struct item *it, size_t n)
{
	struct ztj_rd rd;
	struct ztj_view skip;
	int r;

	for (size_t i = 0; i < n; i++)
		b->raw[i] = it[i].raw;
	if ((r = ztj_bundle_write(b->raw, n, &b->mem)) != ZTJ_OK)
		return r;
	ztj_rd_init(&rd, ztj_buf_view(&b->mem));
	if ((r = ztj_rd_bytes(&rd, MAGIC_LEN + 4, &skip)) != ZTJ_OK)
		return r;
	for (size_t i = 0; i < n; i++)
		if ((r = ztj_signed_read(&rd, &b->raw[i])) != ZTJ_OK)
			return r;
	for (size_t i = 0; i < n; i++) {
		b->stmt[i] = it[i].stmt;
		it[i].stmt = NULL;
	}
	b->n = n;
	b->request = b->stmt[0];
	return ZTJ_OK;
}

static int make(struct item *it, const struct ztj_signed *s, size_t n, const char *domain,
    struct ztj_sigcache *c, struct ztj_bundle *b)
{
	int r;

	for (size_t i = 0; i < n; i++)
		if ((r = open_item(&it[i], &s[i], domain, c)) != ZTJ_OK)
			return r;
	if (it[0].stmt->type != ZTJ_STMT_REQUEST)
		return ZTJ_STMT_TYPE;
	n = arrange(it, n);
	if ((r = check_requests(it, n)) != ZTJ_OK || (r = check_belongs(it, n)) != ZTJ_OK)
		return r;
	return settle(b, it, n);
}

int ztj_bundle_make(const struct ztj_signed *s, size_t n, const char *domain, struct ztj_sigcache *c,
    struct ztj_bundle **out)
{
	struct ztj_bundle *b;
	struct item *it;
	int r;

	*out = NULL;
	if (n == 0 || n > ZTJ_BUNDLE_STMTS_MAX)
		return ZTJ_LIMIT;
	it = calloc(n, sizeof *it);
	b = malloc(sizeof *b); /* its arrays are long; they are filled up to n */
	if (it == NULL || b == NULL) {
		free(it);
		free(b);
		return ZTJ_NOMEM;
	}
	b->n = 0;
	b->request = NULL;
	ztj_buf_init(&b->mem, ZTJ_BUNDLE_MAX);
	r = make(it, s, n, domain, c, b);
	for (size_t i = 0; i < n; i++)
		ztj_stmt_free(it[i].stmt);
	free(it);
	if (r == ZTJ_OK)
		*out = b;
	else
		ztj_bundle_free(b);
	return r;
}

static int read_count(struct ztj_rd *rd, uint32_t *count)
{
	struct ztj_view magic;
	int r;

	if ((r = ztj_rd_bytes(rd, MAGIC_LEN, &magic)) != ZTJ_OK)
		return r;
	if (!ztj_view_eq_str(magic, MAGIC))
		return ZTJ_BAD_ENCODING;
	if ((r = ztj_rd_u32(rd, count)) != ZTJ_OK)
		return r;
	return *count == 0 || *count > ZTJ_BUNDLE_STMTS_MAX ? ZTJ_LIMIT : ZTJ_OK;
}

int ztj_bundle_read(struct ztj_view blob, const char *domain, struct ztj_sigcache *c, struct ztj_bundle **out)
{
	struct ztj_signed *s;
	struct ztj_rd rd;
	uint32_t n;
	int r;

	*out = NULL;
	if (blob.n > ZTJ_BUNDLE_MAX)
		return ZTJ_TOO_LARGE;
	ztj_rd_init(&rd, blob);
	if ((r = read_count(&rd, &n)) != ZTJ_OK)
		return r;
	if ((s = calloc(n, sizeof *s)) == NULL)
		return ZTJ_NOMEM;
	for (uint32_t i = 0; i < n && r == ZTJ_OK; i++)
		r = ztj_signed_read(&rd, &s[i]);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_bundle_make(s, n, domain, c, out);
	free(s);
	return r;
}
