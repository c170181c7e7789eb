/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The audit log's growing end: leaves into the transaction of what they tell of. */
#include "ztjit-broker/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "libztjit/sys/log.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/signer.h"

#define ALARM_SECONDS 600
#define STRANGERS 20 /* refusals between two sweeps */

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
	a->strangers = STRANGERS;
	int r = child_uid(st->conf->store_user, &uid);
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

/* A checkpoint on disk, and whether the rows begin with it; NOT_FOUND: there is none. */
static int compare_file(struct store *st, const struct audit_file *like, const char *name,
    struct ztj_buf *note, struct ztj_checkpoint *out)
{
	char path[PATH_MAX];
	struct audit_file file = *like;
	ztj_hash root;
	int r = broker_path(st->conf, name, path);
	file.path = path;
	if (r == ZTJ_OK)
		r = audit_open_checkpoint(&file, note, out);
	if (r == ZTJ_OK)
		r = out->size > st->audit->tree.size
		    ? ZTJ_LOG_ROLLBACK
		    : audit_root_at(st->db, st->audit->tree.size, out->size, root);
	if (r == ZTJ_OK && memcmp(root, out->root, sizeof(root)) != 0)
		r = ZTJ_LOG_FORK;
	return r;
}

/* What is shown, and what was signed last, which witnesses may have seen. */
static int read_signed(struct store *st, const struct audit_file *file)
{
	struct audit *a = st->audit;
	int r = compare_file(st, file, "store/log/checkpoint", &a->shown, &a->shown_at);
	if (r != ZTJ_OK) {
		a->last = a->shown_at;
		return r;
	}
	r = compare_file(st, file, "store/log/newest", &a->note, &a->last);
	if (r != ZTJ_NOT_FOUND && (r != ZTJ_OK || a->last.size >= a->shown_at.size))
		return r;
	a->last = a->shown_at;
	ztj_buf_reset(&a->note);
	return ztj_buf_put(&a->note, a->shown.p, a->shown.n);
}

/* What was signed last must be a part of what the rows say: else an old database was put back, or somebody wrote in it. */
static int compare_signed(struct store *st)
{
	struct audit *a = st->audit;
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	struct ztj_key keys[1 + 8];
	size_t n = 0;
	struct audit_file file = { NULL, st->conf->domain, geteuid(), keys, 0 };
	keys[n++] = a->key.pub;
	for (size_t i = 0; p != NULL && i < p->broker.nlog && n < 9; i++)
		keys[n++] = p->broker.log[i];
	file.nkeys = n;
	int r = read_signed(st, &file);
	if (r == ZTJ_NOT_FOUND)
		return ZTJ_OK;
	if (r == ZTJ_OK) {
		a->files = a->last.size;
		return ZTJ_OK;
	}
	if (ztj_err_class(r) == ZTJ_CLASS_OUTAGE)
		return r;
	a->forked = true;
	audit_alarm(st, r,
	    "the database holds %llu leaves of the audit log, and a checkpoint was signed for %llu: nothing is signed"
	    " until store/log is moved away",
	    (unsigned long long)a->tree.size, (unsigned long long)a->last.size);
	return ZTJ_OK;
}

int audit_start(struct store *st)
{
	struct ztj_event e = { .kind = "broker", .outcome = "started", .text = PACKAGE_VERSION };
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	char key[ZTJ_FINGERPRINT_SIZE];
	bool named = p == NULL;
	int r = compare_signed(st);
	for (size_t i = 0; p != NULL && i < p->broker.nlog; i++)
		named = named || ztj_key_equal(&p->broker.log[i], &st->audit->key.pub);
	if (!named)
		audit_alarm(st, ZTJ_BROKER_KEY,
		    "the policy does not name this broker's log key (log.pub): nobody can check the audit log");
	if (r == ZTJ_OK)
		r = ztj_key_fingerprint(&st->audit->key.pub, key);
	e.key = key;
	if (r == ZTJ_OK)
		r = audit_add(st, &e);
	return r == ZTJ_OK && !st->broken ? db_commit(st->db) : r == ZTJ_OK ? ZTJ_IO : r;
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
	if (r == ZTJ_OK)
		return ZTJ_OK;
	ztj_log(ZTJ_LOG_ERROR, "a leaf of the audit log (%s %s) was not written: %s", e->kind, e->outcome,
	    ztj_err_text(r));
	st->broken = true; /* neither the leaf nor what it tells of */
	return r;
}

void audit_alarm(struct store *st, int code, const char *fmt, ...)
{
	struct audit *a = st->audit;
	char text[sizeof(a->alarm)];
	struct ztj_event e = { .kind = "alarm", .outcome = "raised", .code = code, .text = text };
	int64_t now = st_now();
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ztj_log(ZTJ_LOG_ALARM, "%s", text);
	if (a == NULL || (strcmp(a->alarm, text) == 0 && now - a->alarm_at < ALARM_SECONDS))
		return;
	memcpy(a->alarm, text, sizeof(text));
	a->alarm_at = now;
	if (!reserve_spent(st) && audit_add(st, &e) != ZTJ_OK)
		a->alarm[0] = '\0';
}

bool audit_stranger(struct store *st)
{
	struct audit *a = st->audit;
	if (a->strangers == 0) {
		a->not_written++;
		return false;
	}
	a->strangers--;
	return true;
}

void audit_sweep(struct store *st)
{
	struct audit *a = st->audit;
	struct ztj_event e = { .kind = "statement",
		.outcome = "refused",
		.count = (int64_t)a->not_written,
		.text = "more of unknown callers were refused than are written one by one" };
	a->strangers = STRANGERS;
	if (a->not_written > 0 && !reserve_spent(st) && audit_add(st, &e) == ZTJ_OK)
		a->not_written = 0;
}
