/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The broker's order of news, for the streams. */
#include <string.h>

#include "ztjit-broker/db.h"

static const char sql_add[] =
    "INSERT INTO event(seq, kind, type, id, request, name, number) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char sql_head[] = "SELECT coalesce(max(seq), 0) FROM event";
static const char sql_has[] = "SELECT count(*) FROM event WHERE seq = ?1";
static const char sql_behind[] = "SELECT count(*) FROM (SELECT 1 FROM event WHERE seq > ?1 LIMIT ?2)";
static const char sql_list[] =
    "SELECT seq, kind, type, id, request, name, number FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";

int db_event_add(struct db *db, const struct db_event *e)
{
	return db_write(db, sql_add,
	    DB_ARGS(db_int(e->seq), db_int((int64_t)e->kind), db_int((int64_t)e->type),
		e->kind == DB_EVENT_STATEMENT ? db_id(e->id) : db_null(),
		e->has_request ? db_id(e->request) : db_null(), db_text(e->name), db_int(e->number)));
}

/* The one number of such a row. */
static int one_number(struct db *db, const char *sql, const struct db_arg *args, size_t n, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	*out = 0;
	int r = db_first(db, sql, args, n, &s);
	if (r != ZTJ_OK)
		return r;
	*out = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_event_head(struct db *db, int64_t *seq)
{
	return one_number(db, sql_head, DB_NONE, seq);
}

int db_event_has(struct db *db, int64_t seq, bool *has)
{
	int64_t n;
	int r = one_number(db, sql_has, DB_ARGS(db_int(seq)), &n);
	*has = n > 0;
	return r;
}

int db_event_behind(struct db *db, int64_t after, int64_t max, int64_t *n)
{
	return one_number(db, sql_behind, DB_ARGS(db_int(after), db_int(max)), n);
}

static int read_event(sqlite3_stmt *s, struct db_event *e)
{
	memset(e, 0, sizeof(*e));
	e->seq = sqlite3_column_int64(s, 0);
	e->kind = (enum db_event_kind)sqlite3_column_int(s, 1);
	e->type = (enum ztj_stmt_type)sqlite3_column_int(s, 2);
	e->number = sqlite3_column_int64(s, 6);
	e->has_request = sqlite3_column_type(s, 4) != SQLITE_NULL;
	int r = e->kind == DB_EVENT_STATEMENT ? db_col_id(s, 3, e->id) : ZTJ_OK;
	if (r == ZTJ_OK && e->has_request)
		r = db_col_id(s, 4, e->request);
	return r == ZTJ_OK ? db_col_text(s, 5, e->name, sizeof(e->name)) : r;
}

int db_event_list(struct db *db, int64_t after, struct db_event *out, size_t max, size_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_ask(db, sql_list, DB_ARGS(db_int(after), db_int((int64_t)max)), &s);
	if (r != ZTJ_OK)
		return r;
	while (*n < max && (r = db_step(s)) == ZTJ_OK) {
		r = read_event(s, &out[*n]);
		if (r != ZTJ_OK)
			break;
		(*n)++;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}
