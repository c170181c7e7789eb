/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Logins, people and hosts who ask to be onboarded, issued certificates, signature counters. */
#include <string.h>

#include "ztjit-broker/db.h"

static const char sql_login_add[] = "INSERT OR REPLACE INTO login(tls, id, expires) VALUES(?1, ?2, ?3)";
static const char sql_login_sweep[] = "DELETE FROM login WHERE expires <= ?1";
static const char sql_login_each[] =
    "SELECT container FROM login JOIN statement USING(id) WHERE expires > ?1";
static const char sql_pending_add[] =
    "INSERT INTO pending(id, short, host, name, address, received, container) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char sql_pending_has[] = "SELECT 1 FROM pending WHERE id = ?1";
static const char sql_pending_get[] = "SELECT container FROM pending WHERE id = ?1";
static const char sql_pending_counts[] =
    "SELECT (SELECT count(*) FROM pending), count(*) FROM pending WHERE address = ?1";
static const char sql_pending_each[] = "SELECT container FROM pending WHERE host = ?1 ORDER BY received, id";
static const char sql_pending_delete[] = "DELETE FROM pending WHERE id = ?1 OR short = ?2 RETURNING 1";
static const char sql_pending_room[] =
    "DELETE FROM pending WHERE id = (SELECT id FROM pending WHERE address = (SELECT address FROM pending"
    " GROUP BY address HAVING count(*) > ?1 ORDER BY count(*) DESC, address LIMIT 1) ORDER BY received, id LIMIT 1)"
    " RETURNING 1";
static const char sql_pending_sweep[] = "DELETE FROM pending WHERE received < ?1";
static const char sql_cert_add[] =
    "INSERT INTO certificate(serial, request, fingerprint, digest, issued, ends) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
static const char sql_cert_count[] = "SELECT count(*) FROM certificate";
static const char sql_counter_get[] = "SELECT value FROM counter WHERE key = ?1";
static const char sql_counter_set[] = "INSERT OR REPLACE INTO counter(key, value) VALUES(?1, ?2)";

int db_login_add(struct db *db, const uint8_t tls[32], const uint8_t id[ZTJ_DIGEST_LEN], int64_t expires)
{
	return db_write(db, sql_login_add,
	    DB_ARGS(db_view(ztj_view_of(tls, 32)), db_id(id), db_int(expires)));
}

static int sweep(struct db *db, const char *sql, int64_t t)
{
	return db_write(db, sql, DB_ARGS(db_int(t)));
}

int db_login_sweep(struct db *db, int64_t now)
{
	return sweep(db, sql_login_sweep, now);
}

static int each_view(struct db *db, const char *sql, int64_t arg1, int (*each)(struct ztj_view v, void *arg),
    void *arg)
{
	sqlite3_stmt *s = NULL;
	int r = db_ask(db, sql, DB_ARGS(db_int(arg1)), &s);
	if (r != ZTJ_OK)
		return r;
	while ((r = db_step(s)) == ZTJ_OK) {
		r = each(db_col_view(s, 0), arg);
		if (r != ZTJ_OK)
			break;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_login_each(struct db *db, int64_t now, int (*each)(struct ztj_view container, void *arg), void *arg)
{
	return each_view(db, sql_login_each, now, each, arg);
}

int db_pending_add(struct db *db, const struct db_pending_row *row, int64_t now)
{
	char short_id[ZTJ_SHORT_ID_SIZE];
	ztj_short_id(row->id, short_id);
	int r = db_write(db, sql_pending_add,
	    DB_ARGS(db_id(row->id), db_text(short_id), db_int(row->host ? 1 : 0), db_text(row->name),
		db_text(row->address), db_int(now), db_view(row->container)));
	if (r != ZTJ_EXISTS)
		return r;
	r = db_pending_has(db, row->id);
	return r == ZTJ_OK ? ZTJ_EXISTS : r == ZTJ_NOT_FOUND ? ZTJ_ID_CLASH : r;
}

int db_pending_has(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN])
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_pending_has, DB_ARGS(db_id(id)), &s);
	if (r == ZTJ_OK)
		sqlite3_reset(s);
	return r;
}

int db_pending_get(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *container)
{
	sqlite3_stmt *s = NULL;
	struct ztj_view v;
	int r = db_first(db, sql_pending_get, DB_ARGS(db_id(id)), &s);
	if (r != ZTJ_OK)
		return r;
	v = db_col_view(s, 0);
	r = ztj_buf_put(container, v.p, v.n);
	sqlite3_reset(s);
	return r;
}

int db_pending_counts(struct db *db, const char *address, int64_t *all, int64_t *here)
{
	sqlite3_stmt *s = NULL;
	*all = *here = 0;
	int r = db_first(db, sql_pending_counts, DB_ARGS(db_text(address)), &s);
	if (r != ZTJ_OK)
		return r;
	*all = sqlite3_column_int64(s, 0);
	*here = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_pending_each(struct db *db, bool host, int (*each)(struct ztj_view container, void *arg), void *arg)
{
	return each_view(db, sql_pending_each, host ? 1 : 0, each, arg);
}

int db_pending_delete(struct db *db, const char *id)
{
	sqlite3_stmt *s = NULL;
	uint8_t digest[ZTJ_DIGEST_LEN] = { 0 };
	char short_id[ZTJ_SHORT_ID_SIZE] = "";
	int r = ztj_unhex(ztj_view_str(id), digest, sizeof(digest));
	if (r != ZTJ_OK)
		r = ztj_short_id_parse(id, short_id);
	if (r == ZTJ_OK)
		r = db_begin(db);
	if (r == ZTJ_OK)
		r = db_first(db, sql_pending_delete, DB_ARGS(db_id(digest), db_text(short_id)), &s);
	if (r == ZTJ_OK)
		sqlite3_reset(s);
	return r;
}

int db_pending_make_room(struct db *db, int64_t more_than)
{
	sqlite3_stmt *s = NULL;
	int r = db_begin(db);
	if (r == ZTJ_OK)
		r = db_first(db, sql_pending_room, DB_ARGS(db_int(more_than)), &s);
	if (r == ZTJ_OK)
		sqlite3_reset(s);
	return r;
}

int db_pending_sweep(struct db *db, int64_t before)
{
	return sweep(db, sql_pending_sweep, before);
}

int db_cert_add(struct db *db, const struct db_cert_row *row)
{
	return row->serial > INT64_MAX
	    ? ZTJ_LIMIT
	    : db_write(db, sql_cert_add,
		  DB_ARGS(db_int((int64_t)row->serial), db_id(row->request), db_text(row->fingerprint),
		      db_id(row->digest), db_int(row->issued), db_int(row->ends)));
}

int db_cert_count(struct db *db, int64_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_first(db, sql_cert_count, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	*n = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_counter_get(struct db *db, const uint8_t key[ZTJ_DIGEST_LEN], uint32_t *out)
{
	sqlite3_stmt *s = NULL;
	*out = 0;
	int r = db_first(db, sql_counter_get, DB_ARGS(db_id(key)), &s);
	if (r == ZTJ_OK) {
		*out = (uint32_t)sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_counter_set(struct db *db, const uint8_t key[ZTJ_DIGEST_LEN], uint32_t value)
{
	return db_write(db, sql_counter_set, DB_ARGS(db_id(key), db_int(value)));
}
