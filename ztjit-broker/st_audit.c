/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log's growing end: leaves into the transaction of what they tell of. */
#include "ztjit-broker/audit.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/counts.h"
#include "ztjit-broker/signer.h"

int audit_new(struct store *st)
{
	char path[PATH_MAX];
	uid_t uid;
	struct audit *a = calloc(1, sizeof(*a));
	st->audit = a;
	if (a == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&a->note, ZTJ_CHECKPOINT_MAX);
	ztj_buf_init(&a->shown, ZTJ_CHECKPOINT_MAX);
	int r = audit_bound_new(a);
	if (r == ZTJ_OK)
		r = audit_growth_new(a);
	if (r == ZTJ_OK)
		r = child_uid(st->conf->store_user, &uid);
	if (r == ZTJ_OK)
		r = broker_path(st->conf, "store/log.key", path);
	if (r != ZTJ_OK)
		return r;
	r = ca_read_key(path, uid, &a->key);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	return r;
}

void audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	ztj_seckey_wipe(&a->key);
	ztj_buf_free(&a->note);
	ztj_buf_free(&a->shown);
	audit_bound_free(a);
	audit_growth_free(a);
	free(a->gap);
	free(a);
}

/* --- from the database --- */

static int add_hash(uint64_t n, struct ztj_view entry, void *arg)
{
	struct ztj_tlog *t = arg;
	return ztj_merkle_leaf(entry, t->tile[0][n % ZTJ_TILE_WIDTH]);
}

int audit_load(struct store *st)
{
	struct ztj_tlog *t = &st->audit->tree;
	memset(t, 0, sizeof(*t));
	int r = db_leaf_size(st->db, &t->size);
	if (r == ZTJ_OK)
		r = db_leaf_each(st->db, t->size - t->size % ZTJ_TILE_WIDTH, t->size, add_hash, t);
	for (unsigned l = 1; r == ZTJ_OK && l < ZTJ_TILE_LEVELS; l++) {
		uint64_t hashes = t->size >> (8 * l), held = hashes % ZTJ_TILE_WIDTH;
		if (held > 0)
			r = db_node_list(st->db, l, hashes - held, (size_t)held, t->tile[l]);
	}
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "the audit log in the database cannot be read: %s", ztj_err_text(r));
	return r;
}

/* --- appending --- */

static int on_full(void *arg, const struct ztj_tile *t, const ztj_hash *hashes)
{
	struct store *st = arg;
	ztj_hash root;
	int r = ztj_merkle_root(hashes, ZTJ_TILE_WIDTH, root);
	return r == ZTJ_OK ? db_node_add(st->db, t->level + 1, t->index, root) : r;
}

int audit_add(struct store *st, struct ztj_event *e)
{
	struct ztj_tlog *t = &st->audit->tree;
	struct ztj_buf leaf;
	ztj_hash hash;
	e->n = t->size;
	e->time = st_now();
	ztj_buf_init(&leaf, 2 * ZTJ_ENTRY_MAX);
	int r = ztj_event_write(e, &leaf);
	if (r == ZTJ_OK)
		r = ztj_merkle_leaf(ztj_buf_view(&leaf), hash);
	if (r == ZTJ_OK)
		r = db_leaf_add(st->db, e->n, ztj_buf_view(&leaf));
	if (r == ZTJ_OK)
		r = ztj_tlog_append(t, hash, on_full, st);
	ztj_buf_free(&leaf);
	if (r == ZTJ_OK) {
		counts_leaf(st->counts, e);
		return ZTJ_OK;
	}
	ztj_log(ZTJ_LOG_ERROR, "a leaf of the audit log (%s %s) was not written: %s", e->kind, e->outcome,
	    ztj_err_text(r));
	st->broken = true; /* neither the leaf nor what it tells of */
	return r;
}
