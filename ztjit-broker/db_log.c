/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The leaves of the audit log, the hashes of its full tiles, and how far the logs of hosts are held. */
#include <string.h>

#include "ztjit-broker/db.h"

static const char sql_add[] = "INSERT INTO leaf(n, entry) VALUES(?1, ?2)";
static const char sql_size[] = "SELECT coalesce(max(n) + 1, 0) FROM leaf";
static const char sql_list[] = "SELECT n, entry FROM leaf WHERE n >= ?1 AND n < ?2 ORDER BY n";
static const char sql_node_add[] = "INSERT INTO node(level, n, hash) VALUES(?1, ?2, ?3)";
static const char sql_node_list[] =
    "SELECT n, hash FROM node WHERE level = ?1 AND n >= ?2 AND n < ?3 ORDER BY n";

int db_leaf_add(struct db *db, uint64_t n, struct ztj_view entry)
{
	return db_write(db, sql_add, DB_ARGS(db_int((int64_t)n), db_view(entry)));
}

int db_leaf_size(struct db *db, uint64_t *size)
{
	sqlite3_stmt *s = NULL;
	*size = 0;
	int r = db_first(db, sql_size, DB_NONE, &s);
	if (r != ZTJ_OK)
		return r;
	*size = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return ZTJ_OK;
}

int db_leaf_each(struct db *db, uint64_t from, uint64_t to, db_leaf_fn *each, void *arg)
{
	sqlite3_stmt *s = NULL;
	uint64_t n = from;
	int r = db_ask(db, sql_list, DB_ARGS(db_int((int64_t)from), db_int((int64_t)to)), &s);
	while (r == ZTJ_OK && (r = db_step(s)) == ZTJ_OK) {
		/* Without gaps: what is missing was taken out. */
		r = (uint64_t)sqlite3_column_int64(s, 0) == n ? each(n, db_col_view(s, 1), arg)
							      : ZTJ_LOG_ALTERED;
		n++;
	}
	if (s != NULL)
		sqlite3_reset(s);
	if (r != ZTJ_NOT_FOUND)
		return r;
	return n == to ? ZTJ_OK : ZTJ_LOG_ALTERED;
}

int db_node_add(struct db *db, unsigned level, uint64_t n, const uint8_t hash[ZTJ_DIGEST_LEN])
{
	return db_write(db, sql_node_add, DB_ARGS(db_int((int64_t)level), db_int((int64_t)n), db_id(hash)));
}

int db_node_list(struct db *db, unsigned level, uint64_t from, size_t count, ztj_hash *out)
{
	sqlite3_stmt *s = NULL;
	size_t n = 0;
	int r = db_ask(db, sql_node_list,
	    DB_ARGS(db_int((int64_t)level), db_int((int64_t)from), db_int((int64_t)(from + count))), &s);
	while (r == ZTJ_OK && n < count && (r = db_step(s)) == ZTJ_OK) {
		r = (uint64_t)sqlite3_column_int64(s, 0) == from + n ? db_col_id(s, 1, out[n])
								     : ZTJ_LOG_ALTERED;
		n++;
	}
	if (s != NULL)
		sqlite3_reset(s);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		return r;
	return n == count ? ZTJ_OK : ZTJ_LOG_ALTERED;
}

static const char sql_host_get[] = "SELECT seq, head FROM host_log WHERE host = ?1";
static const char sql_host_set[] = "INSERT OR REPLACE INTO host_log(host, seq, head) VALUES(?1, ?2, ?3)";
static const char sql_line_get[] = "SELECT digest FROM host_line WHERE host = ?1 AND seq = ?2";
static const char sql_line_drop[] = "DELETE FROM host_line WHERE host = ?1 AND seq >= ?2";
static const char sql_line_add[] = "INSERT INTO host_line(host, seq, digest) VALUES(?1, ?2, ?3)";

int db_host_log_get(struct db *db, const char *host, struct db_host_log *out)
{
	sqlite3_stmt *s = NULL;
	memset(out, 0, sizeof(*out));
	int r = db_first(db, sql_host_get, DB_ARGS(db_text(host)), &s);
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	out->seq = sqlite3_column_int64(s, 0);
	r = db_col_id(s, 1, out->head);
	sqlite3_reset(s);
	return r;
}

int db_host_line_get(struct db *db, const char *host, int64_t seq, uint8_t digest[ZTJ_DIGEST_LEN])
{
	sqlite3_stmt *s = NULL;
	int r = db_first(db, sql_line_get, DB_ARGS(db_text(host), db_int(seq)), &s);
	if (r != ZTJ_OK)
		return r;
	r = db_col_id(s, 0, digest);
	sqlite3_reset(s);
	return r;
}

int db_host_line_put(struct db *db, const char *host, const struct db_host_log *line)
{
	int r = db_write(db, sql_line_drop, DB_ARGS(db_text(host), db_int(line->seq)));
	if (r == ZTJ_OK)
		r = db_write(db, sql_line_add, DB_ARGS(db_text(host), db_int(line->seq), db_id(line->head)));
	if (r == ZTJ_OK)
		r = db_write(db, sql_host_set, DB_ARGS(db_text(host), db_int(line->seq), db_id(line->head)));
	return r;
}
