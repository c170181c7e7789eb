/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A set of records: sorted array, their leaves side by side for the Merkle root, and an index by key. An update
 * copies pointers and leaves, and reads only the records that change.
 */
#include "libztjit/core/directory.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/keyindex.h"

struct ztj_dir {
	char name[ZTJ_NAME_SIZE];
	int64_t serial, expires;
	uint8_t digest[ZTJ_DIGEST_LEN];
	size_t n;
	struct ztj_record **rec;
	ztj_hash *leaf;
	ztj_hash root;
	struct ztj_keyindex keys;
};

const char *ztj_dir_name(const struct ztj_dir *d)
{
	return d->name;
}

int64_t ztj_dir_serial(const struct ztj_dir *d)
{
	return d->serial;
}

int64_t ztj_dir_expires(const struct ztj_dir *d)
{
	return d->expires;
}

const uint8_t *ztj_dir_digest(const struct ztj_dir *d)
{
	return d->digest;
}

size_t ztj_dir_count(const struct ztj_dir *d)
{
	return d->n;
}

const struct ztj_record *ztj_dir_at(const struct ztj_dir *d, size_t i)
{
	return i < d->n ? d->rec[i] : NULL;
}

void ztj_dir_root(const struct ztj_dir *d, ztj_hash out)
{
	memcpy(out, d->root, sizeof(ztj_hash));
}

/* The first record at or after `from` whose name is not less. */
static size_t lower_bound(const struct ztj_dir *d, size_t from, const char *name)
{
	size_t lo = from, hi = d->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(d->rec[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct ztj_dir *d, size_t i, const char *name)
{
	return i < d->n && strcmp(d->rec[i]->name, name) == 0;
}

const struct ztj_record *ztj_dir_find(const struct ztj_dir *d, const char *name)
{
	size_t i = lower_bound(d, 0, name);

	return is_at(d, i, name) ? d->rec[i] : NULL;
}

const struct ztj_record *ztj_dir_by_key(const struct ztj_dir *d, const struct ztj_key *k, bool tls)
{
	const struct ztj_record *r = ztj_keyindex_find(&d->keys, k);

	if (r == NULL || (tls != (r->host && ztj_key_equal(&r->tls, k))))
		return NULL;
	return r;
}

int ztj_dir_prove(const struct ztj_dir *d, size_t i, ztj_hash *path, size_t *len)
{
	return ztj_merkle_prove((const ztj_hash *)d->leaf, d->n, i, path, len);
}

void ztj_dir_free(struct ztj_dir *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++)
		ztj_record_unref(d->rec[i]);
	ztj_keyindex_free(&d->keys);
	free(d->rec);
	free(d->leaf);
	free(d);
}

/* An update in the making. */
struct merge {
	const struct ztj_dir *base;
	const struct ztj_dir_delta *delta;
	struct ztj_record **put; /* parsed, in order */
	struct ztj_dir *d;
	size_t at; /* next record of the base */
};

static int parse_puts(struct merge *m)
{
	const struct ztj_dir_delta *delta = m->delta;

	if (delta->nput > ZTJ_DIR_RECORDS_MAX || delta->ndrop > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_LIMIT;
	m->put = calloc(delta->nput + 1, sizeof(*m->put));
	if (m->put == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < delta->nput; i++) {
		int r = ztj_record_parse(delta->put[i], &m->put[i]);

		if (r != ZTJ_OK)
			return r;
		if (i > 0 && strcmp(m->put[i - 1]->name, m->put[i]->name) >= 0)
			return ZTJ_DIR_ORDER;
	}
	for (size_t i = 1; i < delta->ndrop; i++)
		if (strcmp(delta->drop[i - 1], delta->drop[i]) >= 0)
			return ZTJ_DIR_ORDER;
	return ZTJ_OK;
}

static int make_room(struct merge *m, const char *name)
{
	size_t most = (m->base == NULL ? 0 : m->base->n) + m->delta->nput;
	static const struct ztj_keyindex none = { NULL, 0, 0 };
	size_t more = 0;

	if (most > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_LIMIT;
	m->d = calloc(1, sizeof(*m->d));
	if (m->d == NULL)
		return ZTJ_NOMEM;
	memcpy(m->d->name, name, strlen(name) + 1);
	m->d->rec = calloc(most + 1, sizeof(*m->d->rec));
	m->d->leaf = calloc(most + 1, sizeof(*m->d->leaf));
	if (m->d->rec == NULL || m->d->leaf == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < m->delta->nput; i++)
		more += ztj_keyindex_weight(m->put[i]);
	return ztj_keyindex_copy(m->base == NULL ? &none : &m->base->keys, more, &m->d->keys);
}

/* Shares the base's records up to (not including) `end`. */
static void share(struct merge *m, size_t end)
{
	struct ztj_dir *d = m->d;
	size_t n = end - m->at;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		d->rec[d->n + i] = ztj_record_ref(m->base->rec[m->at + i]);
	memcpy(d->leaf[d->n], m->base->leaf[m->at], n * sizeof(ztj_hash));
	d->n += n;
	m->at = end;
}

/* Leaves out the record of that name, if the base has it. */
static bool leave_out(struct merge *m, const char *name)
{
	size_t i;

	if (m->base == NULL)
		return false;
	i = lower_bound(m->base, m->at, name);
	share(m, i);
	if (!is_at(m->base, i, name))
		return false;
	ztj_keyindex_remove(&m->d->keys, m->base->rec[i]);
	m->at = i + 1;
	return true;
}

static void take(struct merge *m, size_t i)
{
	struct ztj_dir *d = m->d;

	(void)leave_out(m, m->put[i]->name);
	d->rec[d->n] = ztj_record_ref(m->put[i]);
	memcpy(d->leaf[d->n], m->put[i]->leaf, sizeof(ztj_hash));
	d->n++;
}

/* Walks drops and puts in one order. Dropping what is not there means that this delta is against another set. */
static int merge_sorted(struct merge *m)
{
	const struct ztj_dir_delta *delta = m->delta;
	size_t drop = 0, put = 0;

	while (drop < delta->ndrop || put < delta->nput) {
		int c = drop == delta->ndrop ? 1
		    : put == delta->nput     ? -1
					     : strcmp(delta->drop[drop], m->put[put]->name);

		if (c == 0)
			return ZTJ_DIR_ORDER;
		if (c > 0)
			take(m, put++);
		else if (!leave_out(m, delta->drop[drop++]))
			return ZTJ_NOT_FOUND;
	}
	if (m->base != NULL)
		share(m, m->base->n);
	return ZTJ_OK;
}

/* Only after every removal: a key may move from one record to another. */
static int index_puts(struct merge *m)
{
	for (size_t i = 0; i < m->delta->nput; i++) {
		int r = ztj_keyindex_add(&m->d->keys, m->put[i]);

		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int uid_order(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Two people with one uid would be one account on every host: each could act in the other's sessions. Only what is put
 * can make such a pair, so each uid that is put must stand in the whole set once. */
static int check_uids(const struct merge *m)
{
	uint32_t *uid = calloc(m->delta->nput + 1, sizeof(*uid));
	size_t n = 0, found = 0;

	if (uid == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < m->delta->nput; i++)
		if (!m->put[i]->host)
			uid[n++] = m->put[i]->uid;
	qsort(uid, n, sizeof(*uid), uid_order);
	for (size_t i = 1; i < n; i++)
		found += uid[i] == uid[i - 1];
	for (size_t i = 0; n > 0 && i < m->d->n; i++)
		found += !m->d->rec[i]->host &&
		    bsearch(&m->d->rec[i]->uid, uid, n, sizeof(*uid), uid_order) != NULL;
	free(uid);
	return found == n ? ZTJ_OK : ZTJ_UID_SHARED;
}

int ztj_dir_apply(const struct ztj_dir *base, const char *name, const struct ztj_dir_delta *delta,
    struct ztj_dir **out)
{
	struct merge m = { .base = base, .delta = delta };
	int r;

	*out = NULL;
	if (!ztj_name_ok(name))
		return ZTJ_BAD_NAME;
	r = parse_puts(&m);
	if (r == ZTJ_OK)
		r = make_room(&m, name);
	if (r == ZTJ_OK)
		r = merge_sorted(&m);
	if (r == ZTJ_OK)
		r = index_puts(&m);
	if (r == ZTJ_OK)
		r = check_uids(&m);
	if (r == ZTJ_OK)
		r = ztj_merkle_root((const ztj_hash *)m.d->leaf, m.d->n, m.d->root);
	for (size_t i = 0; m.put != NULL && i < delta->nput; i++)
		ztj_record_unref(m.put[i]);
	free(m.put);
	if (r != ZTJ_OK)
		ztj_dir_free(m.d);
	else
		*out = m.d;
	return r;
}

int ztj_dir_commit(struct ztj_dir *d, const struct ztj_stmt *st)
{
	if (st->type != ZTJ_STMT_DIRECTORY)
		return ZTJ_STMT_TYPE;
	if (strcmp(st->u.directory.name, d->name) != 0)
		return ZTJ_BAD_NAME;
	if ((uint64_t)st->u.directory.records != d->n ||
	    !ztj_ct_equal(st->u.directory.root, d->root, sizeof(ztj_hash)))
		return ZTJ_DIR_ROOT;
	d->serial = st->u.directory.serial;
	d->expires = st->u.directory.expires;
	memcpy(d->digest, st->id, ZTJ_DIGEST_LEN);
	return ZTJ_OK;
}
