/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/storefile.h"

#define DAY 86400

/* ---- entries ---- */

static void entry_free(struct ztj_entry *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++)
		ztj_buf_free(&e->raw[i]);
	ztj_bundle_free(e->bundle);
	free(e);
}

struct ztj_entry *ztj_store_entry(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->entry[i]->id, id, ZTJ_DIGEST_LEN) == 0)
			return s->entry[i];
	return NULL;
}

/* A grant's bundle holds what its ancestors hold, so all are built anew. */
static void forget_bundles(struct ztj_store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		ztj_bundle_free(s->entry[i]->bundle);
		s->entry[i]->bundle = NULL;
	}
}

static bool same_raw(const struct ztj_entry *e, struct ztj_view v)
{
	for (size_t i = 0; i < e->n; i++)
		if (ztj_view_eq(ztj_buf_view(&e->raw[i]), v))
			return true;
	return false;
}

static int put_raw(struct ztj_entry *e, const struct ztj_signed *st, bool *changed)
{
	struct ztj_buf b;
	int r;

	*changed = false;
	ztj_buf_init(&b, ZTJ_STMT_MAX + ZTJ_SIGS_MAX * (ZTJ_SSHSIG_MAX + 4) + 64);
	r = ztj_signed_write(st, &b);
	if (r == ZTJ_OK && same_raw(e, ztj_buf_view(&b))) {
		ztj_buf_free(&b);
		return ZTJ_OK;
	}
	if (r == ZTJ_OK && e->n == ZTJ_STORE_STMTS_MAX)
		r = ZTJ_LIMIT;
	if (r != ZTJ_OK) {
		ztj_buf_free(&b);
		return r;
	}
	e->raw[e->n++] = b;
	*changed = true;
	return ZTJ_OK;
}

static void drop_last(struct ztj_entry *e)
{
	ztj_buf_free(&e->raw[--e->n]);
}

static bool names_host(const struct ztj_stmt *st, const char *host)
{
	for (size_t i = 0; i < st->u.request.nhosts; i++)
		if (strcmp(st->u.request.hosts[i], host) == 0)
			return true;
	return false;
}

static size_t requests_of(const struct ztj_store *s, const char *who)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += strcmp(s->entry[i]->who, who) == 0;
	return n;
}

static int entry_new(const struct ztj_store *s, const struct ztj_stmt *st, struct ztj_entry **out)
{
	struct ztj_entry *e;
	int64_t begin = st->u.request.valid_until;

	*out = NULL;
	if (!names_host(st, s->host))
		return ZTJ_WRONG_HOST;
	if (s->n == ZTJ_STORE_GRANTS_MAX || requests_of(s, st->u.request.who) >= ZTJ_STORE_PERSON_MAX)
		return ZTJ_LIMIT;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return ZTJ_NOMEM;
	memcpy(e->id, st->id, ZTJ_DIGEST_LEN);
	(void)snprintf(e->who, sizeof(e->who), "%s", st->u.request.who);
	(void)snprintf(e->role, sizeof(e->role), "%s", st->u.request.role);
	e->issued = st->issued;
	e->has_follows = st->u.request.has_follows;
	memcpy(e->follows, st->u.request.follows, ZTJ_DIGEST_LEN);
	if (st->u.request.start > begin)
		begin = st->u.request.start;
	e->last = begin + st->u.request.duration;
	ztj_store_load_window(s, e);
	*out = e;
	return ZTJ_OK;
}

static int entry_insert(struct ztj_store *s, struct ztj_entry *e)
{
	struct ztj_entry **grown = reallocarray(s->entry, s->n + 1, sizeof(struct ztj_entry *));

	if (grown == NULL)
		return ZTJ_NOMEM;
	s->entry = grown;
	s->entry[s->n++] = e;
	return ZTJ_OK;
}

/* ---- adding ---- */

static int add_request(struct ztj_store *s, const struct ztj_signed *raw, const struct ztj_stmt *st,
    bool save, bool *changed)
{
	struct ztj_entry *e = ztj_store_entry(s, st->id);
	bool is_new = e == NULL;
	int r = ZTJ_OK;

	if (is_new)
		r = entry_new(s, st, &e);
	if (r == ZTJ_OK)
		r = put_raw(e, raw, changed);
	if (r == ZTJ_OK && *changed && save)
		r = ztj_store_save(s, e);
	if (r == ZTJ_OK && is_new)
		r = entry_insert(s, e);
	if (r != ZTJ_OK) {
		if (is_new)
			entry_free(e);
		else if (e != NULL && *changed)
			drop_last(e);
		*changed = false;
	}
	return r;
}

static int add_approval(struct ztj_store *s, const struct ztj_signed *raw, const struct ztj_stmt *st,
    bool save, bool *changed)
{
	struct ztj_entry *e = ztj_store_entry(s, st->u.approval.request);
	int r;

	if (e == NULL)
		return ZTJ_WRONG_REQUEST;
	r = put_raw(e, raw, changed);
	if (r == ZTJ_OK && *changed && save) {
		r = ztj_store_save(s, e);
		if (r != ZTJ_OK) {
			drop_last(e);
			*changed = false;
		}
	}
	return r;
}

int ztj_store_take(struct ztj_store *s, const struct ztj_signed *raw, bool save, bool *changed,
    uint8_t request[ZTJ_DIGEST_LEN])
{
	enum ztj_stmt_type type;
	struct ztj_stmt *st = NULL;
	int r = ztj_signed_peek(raw, &type);

	*changed = false;
	memset(request, 0, ZTJ_DIGEST_LEN);
	if (r != ZTJ_OK)
		return r;
	if (type != ZTJ_STMT_REQUEST && type != ZTJ_STMT_APPROVAL)
		return ZTJ_STMT_TYPE;
	r = ztj_stmt_open_cached(s->cache, raw, type, s->domain, &st);
	if (r != ZTJ_OK)
		return r;
	memcpy(request, type == ZTJ_STMT_REQUEST ? st->id : st->u.approval.request, ZTJ_DIGEST_LEN);
	if (type == ZTJ_STMT_REQUEST)
		r = add_request(s, raw, st, save, changed);
	else
		r = add_approval(s, raw, st, save, changed);
	ztj_stmt_free(st);
	if (*changed)
		forget_bundles(s);
	return r;
}

int ztj_store_add(struct ztj_store *s, const struct ztj_signed *st, bool *changed,
    uint8_t request[ZTJ_DIGEST_LEN])
{
	return ztj_store_take(s, st, true, changed, request);
}

int ztj_store_add_bundle(struct ztj_store *s, const struct ztj_bundle *b, bool *changed)
{
	uint8_t request[ZTJ_DIGEST_LEN];
	bool one;
	int r = ZTJ_OK;

	*changed = false;
	s->in_use = true;
	/* Requests first: an approval needs its request here. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < b->n && r == ZTJ_OK; i++) {
			bool is_request = b->stmt[i]->type == ZTJ_STMT_REQUEST;
			if (b->stmt[i]->type == ZTJ_STMT_REVOCATION || is_request != (pass == 0))
				continue;
			r = ztj_store_take(s, &b->raw[i], true, &one, request);
			*changed |= one;
			/* An ancestor may have named other hosts; the grant function wants it in the bundle, not here. */
			if (r == ZTJ_WRONG_HOST || r == ZTJ_WRONG_REQUEST)
				r = ZTJ_OK;
		}
	s->in_use = false;
	return r;
}

/* ---- reading ---- */

size_t ztj_store_count(const struct ztj_store *s)
{
	return s->n;
}

static void fill(const struct ztj_entry *e, struct ztj_store_grant *out)
{
	*out = (struct ztj_store_grant){ .id = e->id,
		.who = e->who,
		.role = e->role,
		.issued = e->issued,
		.has_follows = e->has_follows,
		.follows = e->follows,
		.window = e->window };
}

void ztj_store_at(const struct ztj_store *s, size_t i, struct ztj_store_grant *out)
{
	fill(s->entry[i], out);
}

bool ztj_store_find(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_store_grant *out)
{
	const struct ztj_entry *e = ztj_store_entry(s, id);

	if (e != NULL)
		fill(e, out);
	return e != NULL;
}

struct gather {
	struct ztj_signed st[ZTJ_BUNDLE_STMTS_MAX];
	size_t n;
};

static int gather_entry(const struct ztj_entry *e, struct gather *g)
{
	for (size_t i = 0; i < e->n; i++) {
		struct ztj_rd rd;
		int r;
		if (g->n == ZTJ_BUNDLE_STMTS_MAX)
			return ZTJ_LIMIT;
		ztj_rd_init(&rd, ztj_buf_view(&e->raw[i]));
		r = ztj_signed_read(&rd, &g->st[g->n++]);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int gather_chain(const struct ztj_store *s, const struct ztj_entry *e, struct gather *g)
{
	int r = ZTJ_OK;

	for (unsigned depth = 0; r == ZTJ_OK && e != NULL && depth <= ZTJ_CHAIN_MAX; depth++) {
		r = gather_entry(e, g);
		e = e->has_follows ? ztj_store_entry(s, e->follows) : NULL;
	}
	return r;
}

int ztj_store_bundle(struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_bundle **out)
{
	struct ztj_entry *e = ztj_store_entry(s, id);
	struct gather *g;
	int r;

	*out = NULL;
	if (e == NULL)
		return ZTJ_NO_GRANT;
	if (e->bundle == NULL) {
		g = calloc(1, sizeof(*g));
		if (g == NULL)
			return ZTJ_NOMEM;
		r = gather_chain(s, e, g);
		if (r == ZTJ_OK)
			r = ztj_bundle_make(g->st, g->n, s->domain, s->cache, &e->bundle);
		free(g);
		if (r != ZTJ_OK)
			return r;
	}
	*out = e->bundle;
	return ZTJ_OK;
}

int ztj_store_merge(struct ztj_store *s, const struct ztj_bundle *with, struct ztj_bundle **out)
{
	struct gather *g = calloc(1, sizeof(*g));
	int r = ZTJ_OK;

	*out = NULL;
	if (g == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < with->n; i++)
		g->st[g->n++] = with->raw[i];
	/* What is held here about each request of the bundle. */
	for (size_t i = 0; i < with->n && r == ZTJ_OK; i++) {
		const struct ztj_entry *e = NULL;
		if (with->stmt[i]->type == ZTJ_STMT_REQUEST)
			e = ztj_store_entry(s, with->stmt[i]->id);
		if (e != NULL)
			r = gather_entry(e, g);
	}
	if (r == ZTJ_OK)
		r = ztj_bundle_make(g->st, g->n, s->domain, s->cache, out);
	free(g);
	return r;
}

/* ---- windows and the end ---- */

int ztj_store_shorten(struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN], int64_t starts, int64_t ends)
{
	struct ztj_entry *e = ztj_store_entry(s, id);
	struct ztj_window w = { true, starts, ends };
	int r;

	if (e == NULL)
		return ZTJ_NOT_FOUND;
	if (e->window.set) {
		w.starts = e->window.starts > starts ? e->window.starts : starts;
		w.ends = e->window.ends < ends ? e->window.ends : ends;
		if (w.starts == e->window.starts && w.ends == e->window.ends)
			return ZTJ_OK;
	}
	s->in_use = true;
	r = ztj_store_save_window(s, id, &w);
	s->in_use = false;
	if (r == ZTJ_OK)
		e->window = w;
	return r;
}

void ztj_store_sweep(struct ztj_store *s, int64_t now)
{
	for (size_t i = 0; i < s->n;) {
		struct ztj_entry *e = s->entry[i];
		if (e->last >= now - DAY) {
			i++;
			continue;
		}
		ztj_store_remove_files(s, e->id);
		entry_free(e);
		s->entry[i] = s->entry[--s->n];
	}
}

void ztj_store_close(struct ztj_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		entry_free(s->entry[i]);
	free(s->entry);
	free(s->dir);
	free(s->domain);
	free(s->host);
	free(s);
}
