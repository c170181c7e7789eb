/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Directories: current ones, differences, updates, and the one draft that waits for signatures. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/delta.h"
#include "ztjit-broker/audit.h"

/* A statement with several signers is carried from one to the next. */
#define DRAFT_AGE_MAX (24 * 3600)

static int64_t held_serial(const struct store *st, const char *name)
{
	const struct ztj_dir *d = ztj_trust_dir(st->trust, name);
	return d == NULL ? 0 : ztj_dir_serial(d);
}

void do_directories(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	json_t *array = json_array();
	(void)c;
	(void)now;
	for (size_t i = 0; array != NULL && i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		char hex[ZTJ_HEX_SIZE];
		ztj_hex(ztj_dir_digest(d), ZTJ_DIGEST_LEN, hex);
		json_array_append_new(array,
		    json_pack("{s:s, s:I, s:s}", "name", ztj_dir_name(d), "serial",
			(json_int_t)ztj_dir_serial(d), "digest", hex));
	}
	st_answer(st, a->tag, 200, json_pack("{s:o}", "directories", array));
}

/* A list of strings as a JSON array: of texts, or of containers. */
static json_t *list_json(const struct ztj_buf *raw, uint32_t n, bool containers)
{
	struct proto_list l = { .n = n, .raw = ztj_buf_view(raw) };
	struct ztj_view v;
	json_t *array = json_array();
	while (array != NULL && proto_list_next(&l, PROTO_CONTAINER_MAX, &v) == ZTJ_OK) {
		json_t *one = containers ? st_container_json(v) : json_stringn((const char *)v.p, v.n);
		if (one == NULL || json_array_append_new(array, one) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* What waits for more signatures, for registrars only. */
static void add_draft(struct store *st, const char *name, json_t *body)
{
	struct db_dir_draft d;
	db_draft_init(&d);
	if (db_draft_get(st->db, name, &d) == ZTJ_OK && d.base == held_serial(st, name))
		json_object_set_new(body, "pending",
		    json_pack("{s:I, s:o, s:o, s:o}", "base", (json_int_t)d.base, "statement",
			st_container_json(ztj_buf_view(&d.container)), "drop",
			list_json(&d.drop, d.ndrop, false), "put", list_json(&d.put, d.nput, false)));
	db_draft_free(&d);
}

/* As it was at one serial: whose keys and groups were whose then. For auditors, who have to prove it. */
static void directory_then(struct store *st, const struct ask *a, const struct caller *c)
{
	struct ztj_buf statement, put;
	uint32_t n = 0, nput = 0;
	json_t *none = json_array(), *body = NULL;
	ztj_buf_init(&statement, PROTO_BODY_MAX);
	ztj_buf_init(&put, PROTO_BODY_MAX);
	int r = c->auditor ? ZTJ_OK : ZTJ_FORBIDDEN;
	if (r == ZTJ_OK)
		r = db_dir_then(st->db, a->name, a->number, &statement, &n, &put, &nput);
	if (r == ZTJ_OK && n != 1)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK) {
		body = json_pack("{s:s, s:I, s:o, s:O, s:o}", "name", a->name, "serial",
		    (json_int_t)a->number, "statements", list_json(&statement, n, true), "drop", none, "put",
		    list_json(&put, nput, false));
		r = body == NULL ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 200, body);
	else
		st_refuse(st, a->tag, r, NULL, NULL);
	json_decref(none);
	ztj_buf_free(&statement);
	ztj_buf_free(&put);
}

void do_directory_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct ztj_buf statements, drop, put;
	uint32_t nstatements = 0, ndrop = 0, nput = 0;
	json_t *body = NULL;
	(void)now;
	if (a->then) {
		directory_then(st, a, c);
		return;
	}
	ztj_buf_init(&statements, PROTO_BODY_MAX);
	ztj_buf_init(&drop, PROTO_BODY_MAX);
	ztj_buf_init(&put, PROTO_BODY_MAX);
	int64_t serial = held_serial(st, a->name);
	int64_t since = a->number > serial ? 0 : a->number;
	int r = serial == 0 && !c->registrar ? ZTJ_NOT_FOUND : ZTJ_OK;
	if (r == ZTJ_OK)
		r = db_dir_statements(st->db, a->name, since, &statements, &nstatements);
	if (r == ZTJ_OK)
		r = db_dir_changes(st->db, a->name, since, &drop, &ndrop, &put, &nput);
	if (r == ZTJ_OK) {
		body = json_pack("{s:s, s:I, s:o, s:o, s:o}", "name", a->name, "serial", (json_int_t)serial,
		    "statements", list_json(&statements, nstatements, true), "drop",
		    list_json(&drop, ndrop, false), "put", list_json(&put, nput, false));
		r = body == NULL ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r == ZTJ_OK && c->registrar)
		add_draft(st, a->name, body);
	/* Nothing held and nothing drafted: there is no such directory for a registrar either. */
	if (r == ZTJ_OK && serial == 0 && json_object_get(body, "pending") == NULL)
		r = ZTJ_NOT_FOUND;
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, body);
	} else {
		json_decref(body);
		st_refuse(st, a->tag, r, NULL, NULL);
	}
	ztj_buf_free(&statements);
	ztj_buf_free(&drop);
	ztj_buf_free(&put);
}

/* Adds the signatures of the draft over the same bytes. merged holds the container; *known, a bit for each of its
 * signatures: that one was here before. */
static int merge(struct store *st, const struct ask *a, const struct ztj_signed *s, struct ztj_buf *merged,
    uint32_t *known)
{
	struct db_dir_draft d;
	struct ztj_signed old, all = *s;
	struct ztj_key have, one;
	struct ztj_rd rd;
	*known = 0;
	db_draft_init(&d);
	int r = db_draft_get(st->db, a->name, &d);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&d.container));
		r = ztj_signed_read(&rd, &old);
	}
	if (r == ZTJ_OK && ztj_view_eq(old.bytes, s->bytes)) {
		for (size_t i = 0; i < old.nsigs && all.nsigs < ZTJ_SIGS_MAX; i++) {
			bool there = ztj_sshsig_peek(old.sig[i], &one) != ZTJ_OK;
			for (size_t j = 0; !there && j < s->nsigs; j++) {
				there = ztj_sshsig_peek(s->sig[j], &have) == ZTJ_OK &&
				    ztj_key_equal(&have, &one);
				if (there && ztj_view_eq(s->sig[j], old.sig[i]))
					*known |= UINT32_C(1) << j;
			}
			if (!there) {
				*known |= UINT32_C(1) << all.nsigs;
				all.sig[all.nsigs++] = old.sig[i];
			}
		}
	}
	if (r == ZTJ_OK || r == ZTJ_NOT_FOUND)
		r = st_container(&all, merged);
	db_draft_free(&d);
	return r;
}

/* Writes statement and records of an update that the trust has taken. */
static int keep(struct store *st, const struct ask *a, const struct ztj_stmt *stmt, struct ztj_view container,
    const struct delta *d, int64_t now)
{
	struct db_stmt_row row = { .type = ZTJ_STMT_DIRECTORY,
		.who = "",
		.issued = stmt->issued,
		.container = container };
	int64_t serial = stmt->u.directory.serial;
	memcpy(row.id, stmt->id, sizeof(row.id));
	int r = db_stmt_add(st->db, &row, now);
	if (r == ZTJ_OK)
		r = db_dir_add(st->db, a->name, serial, stmt->id);
	for (size_t i = 0; r == ZTJ_OK && i < d->u.delta.ndrop; i++)
		r = db_dir_record(st->db, a->name, d->u.delta.drop[i], serial, ztj_view_of(NULL, 0));
	for (size_t i = 0; r == ZTJ_OK && i < d->u.delta.nput; i++) {
		struct ztj_record *rec = NULL;
		r = ztj_record_parse(d->u.delta.put[i], &rec);
		if (r == ZTJ_OK)
			r = db_dir_record(st->db, a->name, rec->name, serial, d->u.delta.put[i]);
		ztj_record_unref(rec);
	}
	return r == ZTJ_OK ? db_draft_delete(st->db, a->name) : r;
}

/* Too few signatures: sound otherwise, and by at least one registrar of this directory? */
static int keep_draft(struct store *st, const struct ask *a, const struct ztj_stmt *stmt,
    const struct ztj_buf *container, const struct delta *d)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	const struct ztj_registrar *reg = p == NULL ? NULL : ztj_policy_registrar(p, a->name);
	struct ztj_dir *made = NULL;
	bool entitled = false;
	for (size_t i = 0; reg != NULL && i < reg->nkeys; i++)
		for (size_t j = 0; j < stmt->nsigners; j++)
			entitled = entitled || ztj_key_equal(&reg->keys[i], &stmt->signer[j].key);
	if (!entitled)
		return ZTJ_SIGNER;
	int r = ztj_dir_apply(ztj_trust_dir(st->trust, a->name), a->name, &d->u.delta, &made);
	if (r == ZTJ_OK)
		r = ztj_dir_commit(made, stmt);
	ztj_dir_free(made);
	if (r != ZTJ_OK)
		return r;
	struct db_dir_draft draft;
	db_draft_init(&draft);
	draft.base = a->number;
	draft.ndrop = a->drop.n;
	draft.nput = a->put.n;
	ztj_buf_put(&draft.container, container->p, container->n);
	ztj_buf_put(&draft.drop, a->drop.raw.p, a->drop.raw.n);
	ztj_buf_put(&draft.put, a->put.raw.p, a->put.raw.n);
	r = ztj_buf_status(&draft.put) == ZTJ_OK ? db_draft_set(st->db, a->name, &draft) : ZTJ_NOMEM;
	db_draft_free(&draft);
	return r;
}

static int statement_checks(const struct store *st, const struct ask *a, const struct ztj_stmt *stmt,
    int64_t now)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	const struct ztj_registrar *reg = p == NULL ? NULL : ztj_policy_registrar(p, a->name);
	if (reg == NULL)
		return ZTJ_DIR_UNKNOWN;
	if (strcmp(stmt->u.directory.name, a->name) != 0)
		return ZTJ_BAD_NAME;
	if (a->number != held_serial(st, a->name) || stmt->u.directory.serial != a->number + 1)
		return ZTJ_STATE;
	int r = st_skew(stmt->issued, now);
	if (r == ZTJ_STALE && reg->threshold > 1 && stmt->issued > now - DRAFT_AGE_MAX)
		r = ZTJ_OK;
	return r;
}

static void done(struct store *st, const struct ask *a, const struct ztj_stmt *stmt, const char *state)
{
	char hex[ZTJ_HEX_SIZE];
	ztj_hex(stmt->id, ZTJ_DIGEST_LEN, hex);
	st_answer(st, a->tag, 201,
	    json_pack("{s:s, s:I, s:s}", "id", hex, "serial", (json_int_t)stmt->u.directory.serial, "state",
		state));
}

/* The trust takes it; then it is written and told. *state is what it is now. */
static int update(struct store *st, const struct ask *a, const struct ztj_stmt *stmt,
    struct ztj_buf *container, int64_t now, const char **state)
{
	struct db_event e = { .kind = DB_EVENT_DIRECTORY, .number = stmt->u.directory.serial };
	struct proto_list one = { .n = 1 };
	struct ztj_buf mem;
	struct delta d;
	bool changed = false;
	memcpy(e.name, a->name, sizeof(e.name));
	ztj_buf_init(&mem, PROTO_CONTAINER_MAX + 4);
	ztj_buf_put_view(&mem, ztj_buf_view(container));
	one.raw = ztj_buf_view(&mem);
	int r = delta_make(a->name, one, a->drop, a->put, &d);
	if (r != ZTJ_OK) {
		ztj_buf_free(&mem);
		return r;
	}
	r = ztj_trust_directory(st->trust, &d.u, now, &changed);
	if (r == ZTJ_THRESHOLD) {
		r = keep_draft(st, a, stmt, container, &d);
		*state = "pending";
	} else if (r == ZTJ_OK) {
		r = keep(st, a, stmt, ztj_buf_view(container), &d, now);
		if (r == ZTJ_OK)
			r = signer_offer_directory(st, a->name, a->number);
		if (r == ZTJ_OK)
			r = st_publish(st, &e);
		if (r == ZTJ_OK) {
			streams_recheck(st, now, false);
			*state = "current";
		} else {
			st->broken = true; /* memory has moved */
		}
	}
	delta_free(&d);
	ztj_buf_free(&mem);
	return r;
}

/* A signature that was counted when it came first does not count backwards when another one joins it. */
static int new_counters(struct store *st, const struct ztj_stmt *stmt, uint32_t known)
{
	struct ztj_stmt fresh = *stmt;
	fresh.nsigners = 0;
	for (size_t i = 0; i < stmt->nsigners; i++)
		if ((known >> i & 1) == 0)
			fresh.signer[fresh.nsigners++] = stmt->signer[i];
	return accept_counter(st, &fresh, false);
}

int directory_take(struct store *st, const struct ask *a, int64_t now)
{
	struct ztj_stmt *stmt = NULL;
	struct ztj_buf container;
	struct ztj_signed s;
	struct ztj_rd rd;
	const char *state = "pending";
	const struct caller nobody = { .kind = CALLER_REGISTRAR }; /* the broker itself */
	memset(&s, 0, sizeof(s));
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	ztj_rd_init(&rd, a->container);
	int r = ztj_buf_put(&container, a->container.p, a->container.n);
	if (r == ZTJ_OK)
		r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_DIRECTORY, st->conf->domain, &stmt);
	if (r == ZTJ_OK)
		r = statement_checks(st, a, stmt, now);
	if (r == ZTJ_OK)
		r = update(st, a, stmt, &container, now, &state);
	const struct say_directory said = { .ask = a, .caller = &nobody, .s = &s, .state = state };
	say_directory(st, &said, r);
	ztj_stmt_free(stmt);
	ztj_buf_free(&container);
	return r;
}

void do_directory_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct ztj_stmt *stmt = NULL;
	struct ztj_buf merged;
	struct ztj_signed s;
	struct ztj_rd rd;
	uint32_t known = 0;
	const char *state = "pending";
	memset(&s, 0, sizeof(s));
	ztj_buf_init(&merged, PROTO_CONTAINER_MAX);
	ztj_rd_init(&rd, a->container);
	int r = reserve_spent(st) ? ZTJ_NO_SPACE : ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = merge(st, a, &s, &merged, &known);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&merged));
		r = ztj_signed_read(&rd, &s);
	}
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_DIRECTORY, st->conf->domain, &stmt);
	if (r == ZTJ_OK && db_stmt_has(st->db, stmt->id) == ZTJ_OK) {
		char hex[ZTJ_HEX_SIZE];
		ztj_hex(stmt->id, ZTJ_DIGEST_LEN, hex);
		st_answer(st, a->tag, 200,
		    json_pack("{s:s, s:I, s:s}", "id", hex, "serial", (json_int_t)stmt->u.directory.serial,
			"state", "current"));
	} else {
		if (r == ZTJ_OK)
			r = statement_checks(st, a, stmt, now);
		if (r == ZTJ_OK)
			r = new_counters(st, stmt, known);
		if (r == ZTJ_OK)
			r = update(st, a, stmt, &merged, now, &state);
		const struct say_directory said = { .ask = a, .caller = c, .s = &s, .state = state };
		say_directory(st, &said, r);
		if (r == ZTJ_OK)
			done(st, a, stmt, state);
		else
			st_refuse(st, a->tag, r, NULL,
			    r == ZTJ_STATE ? "the directory has moved on: fetch it again" : NULL);
	}
	ztj_stmt_free(stmt);
	ztj_buf_free(&merged);
}

int directory_restore(struct db *db, const char *name, struct ztj_trust *t)
{
	struct ztj_buf statements, drop, put;
	struct proto_list ls = { 0 }, ld = { 0 }, lp = { 0 };
	struct delta d;
	bool changed;
	ztj_buf_init(&statements, PROTO_BODY_MAX);
	ztj_buf_init(&drop, PROTO_BODY_MAX);
	ztj_buf_init(&put, PROTO_BODY_MAX);
	int r = db_dir_statements(db, name, 0, &statements, &ls.n);
	if (r == ZTJ_OK)
		r = db_dir_changes(db, name, 0, &drop, &ld.n, &put, &lp.n);
	if (r == ZTJ_OK) {
		ls.raw = ztj_buf_view(&statements);
		ld.raw = ztj_buf_view(&drop);
		lp.raw = ztj_buf_view(&put);
		r = delta_make(name, ls, ld, lp, &d);
	}
	if (r == ZTJ_OK) {
		r = ztj_trust_directory(t, &d.u, ZTJ_TRUST_RESTORE, &changed);
		delta_free(&d);
	}
	ztj_buf_free(&statements);
	ztj_buf_free(&drop);
	ztj_buf_free(&put);
	return r;
}

struct loading {
	struct store *st;
	int64_t now;
};

static int load_one(const char *name, void *arg)
{
	struct loading *l = arg;
	int r = directory_restore(l->st->db, name, l->st->trust);
	int state = r == ZTJ_OK ? ztj_trust_dir_state(l->st->trust, name, l->now) : ZTJ_OK;
	if (state != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "directory %s does not count: %s", name, ztj_err_text(state));
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "directory %s: %s", name, ztj_err_text(r));
	return r;
}

int directories_load(struct store *st, int64_t now)
{
	struct loading l = { st, now };
	return db_dir_names(st->db, load_one, &l);
}
