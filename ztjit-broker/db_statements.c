/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Statements as received, the requests among them, the order of revocations, policies. */
#include <string.h>

#include "ztjit-broker/db.h"

static const char sql_add[] =
    "INSERT INTO statement(id, short, type, request, who, issued, received, container) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)";
static const char sql_has[] = "SELECT 1 FROM statement WHERE id = ?1";
static const char sql_get[] = "SELECT type, request, container FROM statement WHERE id = ?1";
static const char sql_short[] = "SELECT id FROM statement WHERE short = ?1";
static const char sql_of_request[] =
    "SELECT container FROM statement WHERE request = ?1 ORDER BY id <> ?1, seq";
static const char sql_request_add[] =
    "INSERT INTO request(seq, id, who, closed) SELECT seq, id, who, 0 FROM statement"
    " WHERE id = ?1";
static const char sql_host_add[] =
    "INSERT INTO request_host(host, seq) SELECT ?2, seq FROM request WHERE id = ?1";
static const char sql_close[] = "UPDATE request SET closed = ?2 WHERE id = ?1";
static const char sql_open_all[] = "SELECT count(*) FROM request WHERE closed = 0";
static const char sql_open_count[] = "SELECT count(*) FROM request WHERE who = ?1 AND closed = 0";
static const char sql_list[] = "SELECT seq, id FROM request WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
static const char sql_list_open[] =
    "SELECT seq, id FROM request WHERE closed = 0 AND seq < ?1 ORDER BY seq DESC LIMIT ?2";
static const char sql_list_up[] =
    "SELECT seq, id FROM request WHERE closed = 0 AND seq > ?1 ORDER BY seq LIMIT ?2";
static const char sql_list_who[] =
    "SELECT seq, id FROM request WHERE who = ?3 AND seq < ?1 ORDER BY seq DESC LIMIT ?2";
static const char sql_list_host[] =
    "SELECT request.seq, id FROM request_host JOIN request USING(seq) WHERE host = ?3"
    " AND (closed = 0 OR closed > ?4) AND request_host.seq > ?1 ORDER BY request_host.seq LIMIT ?2";
static const char sql_rev_add[] = "INSERT INTO revocation(n, id) VALUES(?1, ?2)";
static const char sql_rev_get[] =
    "SELECT revocation.id, container FROM revocation JOIN statement USING(id) WHERE n = ?1";
static const char sql_policy_add[] = "INSERT INTO policy(version, id) VALUES(?1, ?2)";
static const char sql_policy_newest[] =
    "SELECT container FROM policy JOIN statement USING(id) ORDER BY version DESC LIMIT 1";

int db_stmt_has(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN])
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_has, DB_ARGS(db_id(id)), &s);
	if (r == ZTJ_OK)
		sqlite3_reset(s);
	return r;
}

int db_stmt_add(struct db *db, const struct db_stmt_row *row, int64_t now)
{
	char short_id[ZTJ_SHORT_ID_SIZE];
	ztj_short_id(row->id, short_id);
	int r = db_write(db, sql_add,
	    DB_ARGS(db_id(row->id), db_text(short_id), db_int((int64_t)row->type),
		row->has_request ? db_id(row->request) : db_null(), db_text(row->who), db_int(row->issued),
		db_int(now), db_view(row->container)));
	if (r != ZTJ_EXISTS)
		return r;
	r = db_stmt_has(db, row->id);
	return r == ZTJ_OK ? ZTJ_EXISTS : r == ZTJ_NOT_FOUND ? ZTJ_ID_CLASH : r;
}

int db_stmt_get(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], enum ztj_stmt_type *type,
    uint8_t request[ZTJ_DIGEST_LEN], struct ztj_buf *container)
{
	sqlite3_stmt *s = NULL;
	memset(request, 0, ZTJ_DIGEST_LEN);
	int r = db_first(db, sql_get, DB_ARGS(db_id(id)), &s);
	if (r != ZTJ_OK)
		return r;
	*type = (enum ztj_stmt_type)sqlite3_column_int(s, 0);
	if (sqlite3_column_type(s, 1) != SQLITE_NULL)
		r = db_col_id(s, 1, request);
	struct ztj_view v = db_col_view(s, 2);
	if (r == ZTJ_OK)
		r = ztj_buf_put(container, v.p, v.n);
	sqlite3_reset(s);
	return r;
}

int db_stmt_resolve(struct db *db, const char *short_id, uint8_t id[ZTJ_DIGEST_LEN])
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_short, DB_ARGS(db_text(short_id)), &s);
	if (r != ZTJ_OK)
		return r;
	r = db_col_id(s, 0, id);
	sqlite3_reset(s);
	return r;
}

int db_stmt_of_request(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *out, uint32_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_ask(db, sql_of_request, DB_ARGS(db_id(id)), &s);
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

int db_request_add(struct db *db, const struct ztj_stmt *st)
{
	int r = db_write(db, sql_request_add, DB_ARGS(db_id(st->id)));
	for (size_t i = 0; r == ZTJ_OK && i < st->u.request.nhosts; i++)
		r = db_write(db, sql_host_add, DB_ARGS(db_id(st->id), db_text(st->u.request.hosts[i])));
	return r;
}

int db_request_close(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], int64_t until)
{
	return db_write(db, sql_close, DB_ARGS(db_id(id), db_int(until > 1 ? until : 1)));
}

static int count_open(struct db *db, const char *sql, const struct db_arg *args, size_t nargs, int64_t *n)
{
	sqlite3_stmt *s = NULL;
	*n = 0;
	int r = db_first(db, sql, args, nargs, &s);
	if (r != ZTJ_OK)
		return r;
	*n = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_request_open_all(struct db *db, int64_t *n)
{
	return count_open(db, sql_open_all, NULL, 0, n);
}

int db_request_open_count(struct db *db, const char *who, int64_t *n)
{
	return count_open(db, sql_open_count, DB_ARGS(db_text(who)), n);
}

static const char *query_text(const struct db_request_query *q)
{
	if (q->host != NULL)
		return sql_list_host;
	if (q->who != NULL)
		return sql_list_who;
	if (q->oldest_first)
		return sql_list_up;
	return q->open_only ? sql_list_open : sql_list;
}

int db_request_list(struct db *db, const struct db_request_query *q, struct db_request_ref *out, size_t max,
    size_t *n)
{
	sqlite3_stmt *s = NULL;
	bool up = q->oldest_first || q->host != NULL;
	struct db_arg whose = q->host != NULL ? db_text(q->host)
	    : q->who != NULL                  ? db_text(q->who)
					      : db_null();
	*n = 0;
	/* the third value is there only where a host or a person is asked for, the fourth for a host */
	int r = db_ask(db, query_text(q),
	    (const struct db_arg[]){ db_int(q->before == 0 && !up ? INT64_MAX : q->before),
		db_int((int64_t)max), whose, db_int(q->now) },
	    q->host != NULL      ? 4
		: q->who != NULL ? 3
				 : 2,
	    &s);
	if (r != ZTJ_OK)
		return r;
	while (*n < max && (r = db_step(s)) == ZTJ_OK) {
		out[*n].seq = sqlite3_column_int64(s, 0);
		r = db_col_id(s, 1, out[*n].id);
		if (r != ZTJ_OK)
			break;
		(*n)++;
	}
	sqlite3_reset(s);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int add_numbered(struct db *db, const char *sql, int64_t n, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return db_write(db, sql, DB_ARGS(db_int(n), db_id(id)));
}

int db_revocation_add(struct db *db, int64_t n, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return add_numbered(db, sql_rev_add, n, id);
}

int db_revocation_get(struct db *db, int64_t n, uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *container)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_rev_get, DB_ARGS(db_int(n)), &s);
	if (r != ZTJ_OK)
		return r;
	r = db_col_id(s, 0, id);
	struct ztj_view v = db_col_view(s, 1);
	if (r == ZTJ_OK)
		r = ztj_buf_put(container, v.p, v.n);
	sqlite3_reset(s);
	return r;
}

int db_policy_add(struct db *db, int64_t version, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return add_numbered(db, sql_policy_add, version, id);
}

int db_policy_newest(struct db *db, struct ztj_buf *container)
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_policy_newest, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	struct ztj_view v = db_col_view(s, 0);
	r = ztj_buf_put(container, v.p, v.n);
	sqlite3_reset(s);
	return r;
}
