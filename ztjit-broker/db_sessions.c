/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sessions that hosts told of, and how far their records have come. */
#include <string.h>

#include "ztjit-broker/db.h"

#define COLUMNS \
	"seq, id, name, host, person, account, service, role, peer, grant_id, command, tty, started, ends, ended, heard," \
	" state, chunks, bytes, at, digest, last, head_chunks, head_bytes, sealed, kept"

static const char sql_add[] =
    "INSERT INTO session(id, name, host, person, account, service, role, peer, grant_id, command, tty, started, ends,"
    " ended, heard, state, chunks, bytes, at, digest, last, head_chunks, head_bytes, sealed, kept)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, 0, 0, 0, 0, zeroblob(32), 0, 0, 0, 0, 1)";
static const char sql_get[] = "SELECT " COLUMNS " FROM session WHERE id = ?1";
static const char sql_by_name[] = "SELECT " COLUMNS " FROM session WHERE host = ?1 AND name = ?2";
static const char sql_update[] =
    "UPDATE session SET ended = ?2, heard = ?3, state = ?4, chunks = ?5, bytes = ?6, at = ?7, digest = ?8, last = ?9,"
    " head_chunks = ?10, head_bytes = ?11, sealed = ?12, kept = ?13, head = coalesce(?14, head) WHERE seq = ?1";
static const char sql_head[] = "SELECT head FROM session WHERE id = ?1 AND head IS NOT NULL";
#define FILTER \
	" AND (?2 = '' OR host = ?2) AND (?3 = '' OR role = ?3) AND (?4 = 0 OR started >= ?4) AND (?5 = 0 OR started < ?5)" \
	" AND (?6 = '' OR instr(coalesce(command, ''), ?6) OR instr(person, ?6) OR instr(host, ?6) OR instr(account, ?6))" \
	" AND seq < ?7 ORDER BY seq DESC LIMIT ?8"
static const char sql_list_all[] = "SELECT " COLUMNS " FROM session WHERE ?1 IS NULL" FILTER;
static const char sql_list_person[] = "SELECT " COLUMNS " FROM session WHERE person = ?1" FILTER;
static const char sql_oldest[] = "SELECT " COLUMNS
				 " FROM session WHERE kept = 1 AND ended > 0 ORDER BY ended LIMIT 1";
static const char sql_oldest_of[] =
    "SELECT " COLUMNS " FROM session WHERE kept = 1 AND ended > 0 AND host = ?1 ORDER BY ended, seq LIMIT 1";
static const char sql_most[] =
    "SELECT host FROM session WHERE kept = 1 AND ended > 0 GROUP BY host ORDER BY sum(bytes) DESC LIMIT 1";
static const char sql_total[] = "SELECT coalesce(sum(bytes), 0) FROM session WHERE kept = 1 AND ended > 0";
static const char sql_open_of[] =
    "SELECT count(*) FROM session WHERE state = 0 AND host = ?1 AND (ends >= ?2 OR heard >= ?2)";
static const char sql_count[] = "SELECT coalesce(sum(state = 0), 0), count(*) FROM session";

static int read_who(sqlite3_stmt *s, struct db_session *out)
{
	int r = db_col_text(s, 1, out->id, sizeof(out->id));
	if (r == ZTJ_OK)
		r = db_col_id(s, 2, out->name);
	if (r == ZTJ_OK)
		r = db_col_text(s, 3, out->host, sizeof(out->host));
	if (r == ZTJ_OK)
		r = db_col_text(s, 4, out->person, sizeof(out->person));
	if (r == ZTJ_OK)
		r = db_col_text(s, 5, out->account, sizeof(out->account));
	if (r == ZTJ_OK)
		r = db_col_text(s, 6, out->service, sizeof(out->service));
	if (r == ZTJ_OK)
		r = db_col_text(s, 7, out->role, sizeof(out->role));
	if (r == ZTJ_OK)
		r = db_col_text(s, 8, out->peer, sizeof(out->peer));
	if (r == ZTJ_OK)
		r = db_col_id(s, 9, out->grant);
	out->has_command = sqlite3_column_type(s, 10) != SQLITE_NULL;
	if (r == ZTJ_OK)
		r = db_col_text(s, 10, out->command, sizeof(out->command));
	return r;
}

static int read_row(sqlite3_stmt *s, struct db_session *out)
{
	memset(out, 0, sizeof(*out));
	int r = read_who(s, out);
	out->seq = sqlite3_column_int64(s, 0);
	out->tty = sqlite3_column_int(s, 11) != 0;
	out->started = sqlite3_column_int64(s, 12);
	out->ends = sqlite3_column_int64(s, 13);
	out->ended = sqlite3_column_int64(s, 14);
	out->heard = sqlite3_column_int64(s, 15);
	out->state = sqlite3_column_int(s, 16);
	out->chain.chunks = (uint32_t)sqlite3_column_int64(s, 17);
	out->chain.bytes = (uint64_t)sqlite3_column_int64(s, 18);
	out->chain.at = (uint64_t)sqlite3_column_int64(s, 19);
	if (r == ZTJ_OK)
		r = db_col_id(s, 20, out->chain.digest);
	out->chain.last = sqlite3_column_int(s, 21) != 0;
	out->head_chunks = sqlite3_column_int64(s, 22);
	out->head_bytes = sqlite3_column_int64(s, 23);
	out->sealed = sqlite3_column_int(s, 24) != 0;
	out->kept = sqlite3_column_int(s, 25) != 0;
	return r;
}

int db_session_add(struct db *db, const struct db_session *row)
{
	return db_write(db, sql_add,
	    DB_ARGS(db_text(row->id), db_id(row->name), db_text(row->host), db_text(row->person),
		db_text(row->account), db_text(row->service), db_text(row->role), db_text(row->peer),
		db_id(row->grant), row->has_command ? db_text(row->command) : db_null(), db_int(row->tty),
		db_int(row->started), db_int(row->ends), db_int(row->heard)));
}

static int one(struct db *db, const char *sql, const struct db_arg *args, size_t n, struct db_session *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql, args, n, &s);
	if (r != ZTJ_OK)
		return r;
	r = read_row(s, out);
	sqlite3_reset(s);
	return r;
}

int db_session_get(struct db *db, const char *id, struct db_session *out)
{
	return one(db, sql_get, DB_ARGS(db_text(id)), out);
}

int db_session_by_name(struct db *db, const char *host, const uint8_t name[ZTJ_DIGEST_LEN],
    struct db_session *out)
{
	return one(db, sql_by_name, DB_ARGS(db_text(host), db_id(name)), out);
}

int db_session_update(struct db *db, const struct db_session *row, struct ztj_view head)
{
	return db_write(db, sql_update,
	    DB_ARGS(db_int(row->seq), db_int(row->ended), db_int(row->heard), db_int(row->state),
		db_int(row->chain.chunks), db_int((int64_t)row->chain.bytes), db_int((int64_t)row->chain.at),
		db_id(row->chain.digest), db_int(row->chain.last), db_int(row->head_chunks),
		db_int(row->head_bytes), db_int(row->sealed), db_int(row->kept),
		head.n > 0 ? db_view(head) : db_null()));
}

int db_session_head(struct db *db, const char *id, struct ztj_buf *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_head, DB_ARGS(db_text(id)), &s);
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	struct ztj_view v = db_col_view(s, 0);
	r = ztj_buf_put(out, v.p, v.n);
	sqlite3_reset(s);
	return r;
}

int db_session_list(struct db *db, const struct db_session_query *q, struct db_session *out, size_t max,
    size_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_ask(db, q->person != NULL ? sql_list_person : sql_list_all,
	    DB_ARGS(q->person != NULL ? db_text(q->person) : db_null(), db_text(q->host), db_text(q->role),
		db_int(q->since), db_int(q->until), db_text(q->text),
		db_int(q->before > 0 ? q->before : INT64_MAX), db_int((int64_t)max)),
	    &s);
	if (r != ZTJ_OK)
		return r;
	while (*n < max && (r = db_step(s)) == ZTJ_OK) {
		r = read_row(s, &out[*n]);
		if (r != ZTJ_OK)
			break;
		++*n;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int db_session_oldest(struct db *db, struct db_session *out)
{
	return one(db, sql_oldest, DB_NONE, out);
}

static int numbers(struct db *db, const char *sql, int64_t *a, int64_t *b)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	*a = sqlite3_column_int64(s, 0);
	if (b != NULL)
		*b = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_session_oldest_of(struct db *db, const char *host, struct db_session *out)
{
	return one(db, sql_oldest_of, DB_ARGS(db_text(host)), out);
}
int db_session_most(struct db *db, char *host, size_t size)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_most, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	r = db_col_text(s, 0, host, size);
	sqlite3_reset(s);
	return r;
}
int db_session_total(struct db *db, int64_t *bytes)
{
	*bytes = 0;
	return numbers(db, sql_total, bytes, NULL);
}

int db_session_open_of(struct db *db, const char *host, int64_t since, int64_t *n)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_open_of, DB_ARGS(db_text(host), db_int(since)), &s);
	*n = 0;
	if (r != ZTJ_OK)
		return r;
	*n = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_session_count(struct db *db, int64_t *open, int64_t *all)
{
	*open = *all = 0;
	return numbers(db, sql_count, open, all);
}
