/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directories: statements by serial, and records with the serials between which they
 * stood, so that any difference can be told.
 */
#include <stdio.h>
#include <string.h>

#include "ztjit-broker/db.h"
#include "ztjit-broker/proto.h"

static const char sql_add[] = "INSERT INTO directory(name, serial, id) VALUES(?1, ?2, ?3)";
static const char sql_end[] =
    "UPDATE record SET removed = ?3 WHERE dir = ?1 AND name = ?2 AND removed IS NULL";
static const char sql_begin[] =
    "INSERT INTO record(dir, name, added, removed, bytes) VALUES(?1, ?2, ?3, NULL, ?4)";
static const char sql_names[] = "SELECT DISTINCT name FROM directory ORDER BY name";
static const char sql_statements[] = "SELECT container FROM directory JOIN statement USING(id)"
				     " WHERE directory.name = ?1 AND serial > ?2 ORDER BY serial";
static const char sql_statement_then[] =
    "SELECT container FROM directory JOIN statement USING(id) WHERE directory.name = ?1 AND serial = ?2";
static const char sql_put_then[] = "SELECT bytes FROM record WHERE dir = ?1 AND added <= ?2 AND"
				   " (removed IS NULL OR removed > ?2) ORDER BY name";
static const char sql_put[] =
    "SELECT bytes FROM record WHERE dir = ?1 AND added > ?2 AND removed IS NULL ORDER BY name";
static const char sql_drop[] =
    "SELECT DISTINCT name FROM record AS gone WHERE dir = ?1 AND removed > ?2 AND added <= ?2 AND NOT EXISTS"
    " (SELECT 1 FROM record AS now WHERE now.dir = gone.dir AND now.name = gone.name AND now.removed IS NULL) ORDER BY name";
static const char sql_draft_set[] =
    "INSERT OR REPLACE INTO draft(name, base, container, ndrop, dropped, nput, put) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char sql_draft_get[] =
    "SELECT base, container, ndrop, dropped, nput, put FROM draft WHERE name = ?1";
static const char sql_draft_delete[] = "DELETE FROM draft WHERE name = ?1";

int db_dir_add(struct db *db, const char *name, int64_t serial, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return db_write(db, sql_add, DB_ARGS(db_text(name), db_int(serial), db_id(id)));
}

int db_dir_record(struct db *db, const char *dir, const char *name, int64_t serial, struct ztj_view bytes)
{
	int r = db_write(db, sql_end, DB_ARGS(db_text(dir), db_text(name), db_int(serial)));
	if (r != ZTJ_OK || bytes.n == 0)
		return r;
	return db_write(db, sql_begin, DB_ARGS(db_text(dir), db_text(name), db_int(serial), db_view(bytes)));
}

int db_dir_names(struct db *db, int (*each)(const char *name, void *arg), void *arg)
{
	char names[ZTJ_SEEN_MAX][ZTJ_NAME_SIZE];
	sqlite3_stmt *s = NULL;
	size_t n = 0;
	int r = db_ask(db, sql_names, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	while (n < ZTJ_SEEN_MAX && (r = db_step(s)) == ZTJ_OK) {
		r = db_col_text(s, 0, names[n++], ZTJ_NAME_SIZE);
		if (r != ZTJ_OK)
			break;
	}
	sqlite3_reset(s);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		return r;
	r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = each(names[i], arg);
	return r;
}

/* Column 0 of every row for (?1 text, ?2 integer), appended as strings. */
static int collect(struct db *db, const char *sql, const char *name, int64_t since, struct ztj_buf *out,
    uint32_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_ask(db, sql, DB_ARGS(db_text(name), db_int(since)), &s);
	if (r != ZTJ_OK)
		return r;
	while ((r = db_step(s)) == ZTJ_OK) {
		r = ztj_buf_put_view(out, db_col_view(s, 0));
		if (r != ZTJ_OK)
			break;
		(*n)++;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_dir_statements(struct db *db, const char *name, int64_t since, struct ztj_buf *out, uint32_t *n)
{
	return collect(db, sql_statements, name, since, out, n);
}

int db_dir_then(struct db *db, const char *name, int64_t serial, struct ztj_buf *statement, uint32_t *n,
    struct ztj_buf *put, uint32_t *nput)
{
	int r = collect(db, sql_statement_then, name, serial, statement, n);
	return r == ZTJ_OK ? collect(db, sql_put_then, name, serial, put, nput) : r;
}

int db_dir_changes(struct db *db, const char *name, int64_t since, struct ztj_buf *drop, uint32_t *ndrop,
    struct ztj_buf *put, uint32_t *nput)
{
	int r = collect(db, sql_drop, name, since, drop, ndrop);
	return r == ZTJ_OK ? collect(db, sql_put, name, since, put, nput) : r;
}

void db_draft_init(struct db_dir_draft *d)
{
	memset(d, 0, sizeof(*d));
	ztj_buf_init(&d->container, PROTO_CONTAINER_MAX);
	ztj_buf_init(&d->drop, PROTO_BODY_MAX);
	ztj_buf_init(&d->put, PROTO_BODY_MAX);
}

void db_draft_free(struct db_dir_draft *d)
{
	ztj_buf_free(&d->container);
	ztj_buf_free(&d->drop);
	ztj_buf_free(&d->put);
}

int db_draft_set(struct db *db, const char *name, const struct db_dir_draft *d)
{
	return db_write(db, sql_draft_set,
	    DB_ARGS(db_text(name), db_int(d->base), db_view(ztj_buf_view(&d->container)), db_int(d->ndrop),
		db_view(ztj_buf_view(&d->drop)), db_int(d->nput), db_view(ztj_buf_view(&d->put))));
}

static int put_col(struct ztj_buf *out, sqlite3_stmt *s, int at)
{
	struct ztj_view v = db_col_view(s, at);
	return ztj_buf_put(out, v.p, v.n);
}

int db_draft_get(struct db *db, const char *name, struct db_dir_draft *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_draft_get, DB_ARGS(db_text(name)), &s);
	if (r != ZTJ_OK)
		return r;
	out->base = sqlite3_column_int64(s, 0);
	out->ndrop = (uint32_t)sqlite3_column_int64(s, 2);
	out->nput = (uint32_t)sqlite3_column_int64(s, 4);
	r = put_col(&out->container, s, 1);
	if (r == ZTJ_OK)
		r = put_col(&out->drop, s, 3);
	if (r == ZTJ_OK)
		r = put_col(&out->put, s, 5);
	sqlite3_reset(s);
	return r;
}

int db_draft_delete(struct db *db, const char *name)
{
	return db_write(db, sql_draft_delete, DB_ARGS(db_text(name)));
}
