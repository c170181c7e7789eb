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
static const char sql_total[] = "SELECT coalesce(sum(bytes), 0) FROM session WHERE kept = 1";
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

static int bind_texts(sqlite3_stmt *s, int at, const char *const *text, size_t n)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = db_bind_text(s, at + (int)i, text[i]);
	return r;
}

static int bind_ints(sqlite3_stmt *s, int at, const int64_t *v, size_t n)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = db_bind_int(s, at + (int)i, v[i]);
	return r;
}

int db_session_add(struct db *db, const struct db_session *row)
{
	const char *const texts[] = { row->host, row->person, row->account, row->service, row->role,
		row->peer };
	const int64_t tail[] = { row->tty, row->started, row->ends, row->heard };
	sqlite3_stmt *s = NULL;
	int r = db_begin(db);
	if (r == ZTJ_OK)
		r = db_prepare(db, sql_add, &s);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 1, row->id);
	if (r == ZTJ_OK)
		r = db_bind_id(s, 2, row->name);
	if (r == ZTJ_OK)
		r = bind_texts(s, 3, texts, 6);
	if (r == ZTJ_OK)
		r = db_bind_id(s, 9, row->grant);
	if (r == ZTJ_OK && row->has_command)
		r = db_bind_text(s, 10, row->command);
	if (r == ZTJ_OK)
		r = bind_ints(s, 11, tail, 4);
	return r == ZTJ_OK ? db_run(s) : r;
}

/* The one row of a statement that is bound. */
static int one(sqlite3_stmt *s, struct db_session *out)
{
	int r = db_step(s);
	if (r != ZTJ_OK)
		return r;
	r = read_row(s, out);
	sqlite3_reset(s);
	return r;
}

int db_session_get(struct db *db, const char *id, struct db_session *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql_get, &s);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 1, id);
	return r == ZTJ_OK ? one(s, out) : r;
}

int db_session_by_name(struct db *db, const char *host, const uint8_t name[ZTJ_DIGEST_LEN],
    struct db_session *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql_by_name, &s);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 1, host);
	if (r == ZTJ_OK)
		r = db_bind_id(s, 2, name);
	return r == ZTJ_OK ? one(s, out) : r;
}

int db_session_update(struct db *db, const struct db_session *row, struct ztj_view head)
{
	const int64_t first[] = { row->seq, row->ended, row->heard, row->state, row->chain.chunks,
		(int64_t)row->chain.bytes, (int64_t)row->chain.at };
	const int64_t rest[] = { row->chain.last, row->head_chunks, row->head_bytes, row->sealed, row->kept };
	sqlite3_stmt *s = NULL;
	int r = db_begin(db);
	if (r == ZTJ_OK)
		r = db_prepare(db, sql_update, &s);
	if (r == ZTJ_OK)
		r = bind_ints(s, 1, first, 7);
	if (r == ZTJ_OK)
		r = db_bind_id(s, 8, row->chain.digest);
	if (r == ZTJ_OK)
		r = bind_ints(s, 9, rest, 5);
	if (r == ZTJ_OK && head.n > 0)
		r = db_bind_view(s, 14, head);
	return r == ZTJ_OK ? db_run(s) : r;
}

int db_session_head(struct db *db, const char *id, struct ztj_buf *out)
{
	sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql_head, &s);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 1, id);
	if (r == ZTJ_OK)
		r = db_step(s);
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
	int r = db_prepare(db, q->person != NULL ? sql_list_person : sql_list_all, &s);
	if (r == ZTJ_OK && q->person != NULL)
		r = db_bind_text(s, 1, q->person);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 2, q->host);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 3, q->role);
	if (r == ZTJ_OK)
		r = db_bind_int(s, 4, q->since);
	if (r == ZTJ_OK)
		r = db_bind_int(s, 5, q->until);
	if (r == ZTJ_OK)
		r = db_bind_text(s, 6, q->text);
	if (r == ZTJ_OK)
		r = db_bind_int(s, 7, q->before > 0 ? q->before : INT64_MAX);
	if (r == ZTJ_OK)
		r = db_bind_int(s, 8, (int64_t)max);
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
	sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql_oldest, &s);
	return r == ZTJ_OK ? one(s, out) : r;
}

static int numbers(struct db *db, const char *sql, int64_t *a, int64_t *b)
{
	sqlite3_stmt *s = NULL;
	int r = db_prepare(db, sql, &s);
	if (r == ZTJ_OK)
		r = db_step(s);
	if (r != ZTJ_OK)
		return r;
	*a = sqlite3_column_int64(s, 0);
	if (b != NULL)
		*b = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_session_total(struct db *db, int64_t *bytes)
{
	*bytes = 0;
	return numbers(db, sql_total, bytes, NULL);
}

int db_session_count(struct db *db, int64_t *open, int64_t *all)
{
	*open = *all = 0;
	return numbers(db, sql_count, open, all);
}
