/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What hosts say of their standing access. */
#include <string.h>

#include "ztjit-broker/db.h"

#define DAY 86400

static const char sql_put[] =
    "INSERT OR REPLACE INTO standing(host, issued, received, container, report) VALUES(?1, ?2, ?3, ?4, ?5)";
static const char sql_put_day[] =
    "INSERT OR REPLACE INTO standing_day(host, day, container) VALUES(?1, ?2, ?3)";
static const char sql_newest[] = "SELECT issued FROM standing WHERE host = ?1";
static const char sql_each[] =
    "SELECT host, issued, received, container, report FROM standing WHERE (?1 = '' OR host = ?1) AND host > ?2 ORDER BY host";
static const char sql_signed[] = "SELECT container FROM standing WHERE ?1 = '' OR host = ?1";
static const char sql_days[] =
    "SELECT container FROM standing_day WHERE host = ?1 AND day >= ?2 ORDER BY day";
static const char sql_sweep[] = "DELETE FROM standing WHERE issued < ?1";
static const char sql_sweep_days[] = "DELETE FROM standing_day WHERE day < ?1";

int db_standing_put(struct db *db, const struct db_standing *row)
{
	int r = db_write(db, sql_put,
	    DB_ARGS(db_text(row->host), db_int(row->issued), db_int(row->received), db_view(row->container),
		db_view(row->report)));
	if (r != ZTJ_OK)
		return r;
	return db_write(db, sql_put_day,
	    DB_ARGS(db_text(row->host), db_int(row->issued / DAY), db_view(row->container)));
}

int db_standing_newest(struct db *db, const char *host, int64_t *issued)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_newest, DB_ARGS(db_text(host)), &s);
	if (r == ZTJ_OK) {
		*issued = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	return r;
}

int db_standing_each(struct db *db, const struct db_standing_query *q,
    int (*each)(const struct db_standing *row, void *arg), void *arg)
{
	sqlite3_stmt *s = NULL;
	int r = db_ask(db, sql_each, DB_ARGS(db_text(q->host), db_text(q->after)), &s);
	if (r != ZTJ_OK)
		return r;
	while ((r = db_step(s)) == ZTJ_OK) {
		struct db_standing row = { .issued = sqlite3_column_int64(s, 1),
			.received = sqlite3_column_int64(s, 2),
			.container = db_col_view(s, 3),
			.report = db_col_view(s, 4) };
		r = db_col_text(s, 0, row.host, sizeof(row.host));
		if (r == ZTJ_OK)
			r = each(&row, arg);
		if (r != ZTJ_OK)
			break;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_standing_signed(struct db *db, const char *host, int (*each)(struct ztj_view container, void *arg),
    void *arg)
{
	sqlite3_stmt *s = NULL;
	int r = db_ask(db, sql_signed, DB_ARGS(db_text(host != NULL ? host : "")), &s);
	if (r != ZTJ_OK)
		return r;
	while ((r = db_step(s)) == ZTJ_OK)
		if ((r = each(db_col_view(s, 0), arg)) != ZTJ_OK)
			break;
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_standing_days(struct db *db, const char *host, int64_t since,
    int (*each)(struct ztj_view container, void *arg), void *arg)
{
	sqlite3_stmt *s = NULL;
	int r = db_ask(db, sql_days, DB_ARGS(db_text(host), db_int(since / DAY)), &s);
	if (r != ZTJ_OK)
		return r;
	while ((r = db_step(s)) == ZTJ_OK)
		if ((r = each(db_col_view(s, 0), arg)) != ZTJ_OK)
			break;
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_standing_sweep(struct db *db, int64_t before)
{
	int r = db_write(db, sql_sweep, DB_ARGS(db_int(before)));
	return r == ZTJ_OK ? db_write(db, sql_sweep_days, DB_ARGS(db_int(before / DAY))) : r;
}
