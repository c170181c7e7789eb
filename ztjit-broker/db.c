/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"

#define SCHEMA_VERSION 4
#define APPLICATION_ID 0x5a544a42 /* "ZTJB" */
#define STMTS_MAX 128
#define BUSY_MS 250

struct db {
	sqlite3 *sql;
	bool dirty;
	size_t n;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[STMTS_MAX];
};

static const char schema[] =
    "CREATE TABLE statement(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, short TEXT NOT NULL UNIQUE,"
    " type INTEGER NOT NULL, request BLOB, who TEXT NOT NULL, issued INTEGER NOT NULL, received INTEGER NOT NULL,"
    " container BLOB NOT NULL) STRICT;"
    "CREATE INDEX statement_request ON statement(request, seq) WHERE request IS NOT NULL;"
    "CREATE TABLE request(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, who TEXT NOT NULL,"
    " closed INTEGER NOT NULL) STRICT;"
    "CREATE INDEX request_who ON request(who, seq);"
    "CREATE INDEX request_open ON request(seq) WHERE closed = 0;"
    "CREATE TABLE request_host(host TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(host, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE revocation(n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE policy(version INTEGER PRIMARY KEY, id BLOB NOT NULL) STRICT;"
    "CREATE TABLE directory(name TEXT NOT NULL, serial INTEGER NOT NULL, id BLOB NOT NULL,"
    " PRIMARY KEY(name, serial)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE record(dir TEXT NOT NULL, name TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER,"
    " bytes BLOB NOT NULL, PRIMARY KEY(dir, name, added)) STRICT;"
    "CREATE INDEX record_added ON record(dir, added);"
    "CREATE INDEX record_removed ON record(dir, removed) WHERE removed IS NOT NULL;"
    "CREATE TABLE draft(name TEXT PRIMARY KEY, base INTEGER NOT NULL, container BLOB NOT NULL, ndrop INTEGER NOT NULL,"
    " dropped BLOB NOT NULL, nput INTEGER NOT NULL, put BLOB NOT NULL) STRICT;"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, type INTEGER NOT NULL, id BLOB,"
    " request BLOB, name TEXT NOT NULL, number INTEGER NOT NULL) STRICT;"
    "CREATE TABLE login(tls BLOB PRIMARY KEY, id BLOB NOT NULL, expires INTEGER NOT NULL) STRICT;"
    "CREATE TABLE pending(id BLOB PRIMARY KEY, short TEXT NOT NULL UNIQUE, host INTEGER NOT NULL, name TEXT NOT NULL,"
    " address TEXT NOT NULL, received INTEGER NOT NULL, container BLOB NOT NULL) STRICT;"
    "CREATE INDEX pending_address ON pending(address);"
    "CREATE TABLE certificate(serial INTEGER PRIMARY KEY, request BLOB NOT NULL, fingerprint TEXT NOT NULL,"
    " digest BLOB NOT NULL, issued INTEGER NOT NULL, ends INTEGER NOT NULL) STRICT;"
    "CREATE TABLE counter(key BLOB PRIMARY KEY, value INTEGER NOT NULL) STRICT;";

/* Since version 2. */
static const char schema_sessions[] =
    "CREATE TABLE session(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name BLOB NOT NULL, host TEXT NOT NULL,"
    " person TEXT NOT NULL, account TEXT NOT NULL, service TEXT NOT NULL, role TEXT NOT NULL, peer TEXT NOT NULL,"
    " grant_id BLOB NOT NULL, command TEXT, tty INTEGER NOT NULL, started INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, heard INTEGER NOT NULL, state INTEGER NOT NULL, chunks INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, at INTEGER NOT NULL, digest BLOB NOT NULL, last INTEGER NOT NULL,"
    " head_chunks INTEGER NOT NULL, head_bytes INTEGER NOT NULL, sealed INTEGER NOT NULL, kept INTEGER NOT NULL,"
    " head BLOB, UNIQUE(host, name)) STRICT;"
    "CREATE INDEX session_person ON session(person, seq);"
    "CREATE INDEX session_host ON session(host, seq);"
    "CREATE INDEX session_kept ON session(ended) WHERE kept = 1;";

/* Since version 3. */
static const char schema_standing[] =
    "CREATE TABLE standing(host TEXT PRIMARY KEY, issued INTEGER NOT NULL, received INTEGER NOT NULL,"
    " container BLOB NOT NULL, report BLOB NOT NULL) STRICT;"
    "CREATE TABLE standing_day(host TEXT NOT NULL, day INTEGER NOT NULL, container BLOB NOT NULL,"
    " PRIMARY KEY(host, day)) STRICT, WITHOUT ROWID;";

/* Since version 4. */
static const char schema_log[] =
    "CREATE TABLE leaf(n INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;"
    "CREATE TABLE node(level INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(level, n))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE host_log(host TEXT PRIMARY KEY, seq INTEGER NOT NULL, head BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE host_line(host TEXT NOT NULL, seq INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(host, seq))"
    " STRICT, WITHOUT ROWID;";

int db_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return ZTJ_OK;
	case SQLITE_FULL:
		return ZTJ_NO_SPACE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ZTJ_TIMEOUT;
	case SQLITE_CONSTRAINT:
		return ZTJ_EXISTS;
	case SQLITE_NOMEM:
		return ZTJ_NOMEM;
	default:
		return ZTJ_IO;
	}
}

static int report(struct db *db, int code)
{
	int r = db_error(code);
	if (r != ZTJ_OK && r != ZTJ_EXISTS)
		ztj_log(ZTJ_LOG_ERROR, "database: %s", sqlite3_errmsg(db->sql));
	return r;
}

static int exec(struct db *db, const char *sql)
{
	return report(db, sqlite3_exec(db->sql, sql, NULL, NULL, NULL));
}

static int pragma_int(struct db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->sql, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	sqlite3_finalize(s);
	return code == SQLITE_ROW ? ZTJ_OK : report(db, code);
}

/* What makes questions cheaper, and changes nothing else. */
static const char schema_later[] = "CREATE INDEX IF NOT EXISTS session_open ON session(host) WHERE state = 0";

static int make_schema(struct db *db)
{
	char ids[128];
	int64_t version;
	int r = pragma_int(db, "PRAGMA user_version", &version);
	if (r != ZTJ_OK)
		return r;
	if (version == SCHEMA_VERSION)
		return exec(db, schema_later);
	if (version < 0 || version > SCHEMA_VERSION)
		return ZTJ_VERSION;
	snprintf(ids, sizeof(ids), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
	    SCHEMA_VERSION);
	r = exec(db, "BEGIN IMMEDIATE");
	if (r == ZTJ_OK && version == 0)
		r = exec(db, schema);
	if (r == ZTJ_OK && version < 2)
		r = exec(db, schema_sessions);
	if (r == ZTJ_OK && version < 3)
		r = exec(db, schema_standing);
	if (r == ZTJ_OK && version < 4)
		r = exec(db, schema_log);
	if (r == ZTJ_OK)
		r = exec(db, schema_later);
	if (r == ZTJ_OK)
		r = exec(db, ids);
	if (r == ZTJ_OK)
		r = exec(db, "COMMIT");
	return r;
}

static const char setup[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768";

int db_open(const char *path, struct db **out)
{
	*out = NULL;
	struct db *db = calloc(1, sizeof(*db));
	if (db == NULL)
		return ZTJ_NOMEM;
	int code = sqlite3_open_v2(path, &db->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	int r = db->sql == NULL ? ZTJ_NOMEM : report(db, code);
	if (r == ZTJ_OK) {
		sqlite3_extended_result_codes(db->sql, 1);
		r = report(db, sqlite3_busy_timeout(db->sql, BUSY_MS));
	}
	if (r == ZTJ_OK)
		r = report(db, sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL));
	if (r == ZTJ_OK)
		r = exec(db, setup);
	if (r == ZTJ_OK)
		r = make_schema(db);
	if (r != ZTJ_OK) {
		db_close(db);
		return r;
	}
	*out = db;
	return ZTJ_OK;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->n; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->sql);
	free(db);
}

static int prepare(struct db *db, const char *sql, sqlite3_stmt **out)
{
	*out = NULL;
	for (size_t i = 0; i < db->n; i++) {
		if (db->cache[i].sql == sql) {
			*out = db->cache[i].stmt;
			sqlite3_reset(*out);
			sqlite3_clear_bindings(*out);
			return ZTJ_OK;
		}
	}
	if (db->n == STMTS_MAX)
		return ZTJ_INTERNAL;
	int code = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	if (code != SQLITE_OK)
		return report(db, code);
	db->cache[db->n].sql = sql;
	db->cache[db->n++].stmt = *out;
	return ZTJ_OK;
}

int db_begin(struct db *db)
{
	if (db->dirty)
		return ZTJ_OK;
	int r = exec(db, "BEGIN IMMEDIATE");
	if (r == ZTJ_OK)
		db->dirty = true;
	return r;
}

bool db_dirty(const struct db *db)
{
	return db->dirty;
}

int db_commit(struct db *db)
{
	if (!db->dirty)
		return ZTJ_OK;
	db->dirty = false;
	/* SQLite rolls back by itself after some errors; then COMMIT fails, as it must. */
	int r = exec(db, "COMMIT");
	if (r != ZTJ_OK && sqlite3_get_autocommit(db->sql) == 0)
		(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int db_mark(struct db *db)
{
	int r = db_begin(db);
	return r != ZTJ_OK ? r : exec(db, "SAVEPOINT one");
}

int db_undo(struct db *db)
{
	return exec(db, "ROLLBACK TO one; RELEASE one");
}

int db_keep(struct db *db)
{
	return exec(db, "RELEASE one");
}

int db_recover(struct db *db)
{
	if (sqlite3_get_autocommit(db->sql) == 0)
		(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	db->dirty = false;
	/* After a failed sync the kernel may have forgotten pages of the WAL that it still shows us; what
	 * comes later would be lost with them. So the WAL is written back and begun anew first. */
	int code = sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return report(db, code);
}

int db_check(struct db *db)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	bool ok = code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
	sqlite3_finalize(s);
	return ok ? ZTJ_OK : ZTJ_IO;
}

struct db_arg db_null(void)
{
	return (struct db_arg){ .kind = DB_NULL };
}

struct db_arg db_int(int64_t n)
{
	return (struct db_arg){ .kind = DB_INT, .n = n };
}

struct db_arg db_text(const char *text)
{
	return (struct db_arg){ .kind = DB_TEXT, .text = text };
}

struct db_arg db_view(struct ztj_view v)
{
	return (struct db_arg){ .kind = DB_BLOB, .blob = v };
}

struct db_arg db_id(const uint8_t id[ZTJ_DIGEST_LEN])
{
	return db_view(ztj_view_of(id, ZTJ_DIGEST_LEN));
}

static int bind(sqlite3_stmt *s, int at, const struct db_arg *a)
{
	switch (a->kind) {
	case DB_NULL:
		return sqlite3_bind_null(s, at);
	case DB_INT:
		return sqlite3_bind_int64(s, at, a->n);
	case DB_TEXT:
		return sqlite3_bind_text(s, at, a->text, -1, SQLITE_STATIC);
	case DB_BLOB:
		/* An empty blob is not NULL. */
		return a->blob.n == 0 ? sqlite3_bind_zeroblob(s, at, 0)
				      : sqlite3_bind_blob64(s, at, a->blob.p, a->blob.n, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

int db_ask(struct db *db, const char *sql, const struct db_arg *args, size_t n, sqlite3_stmt **out)
{
	int r = prepare(db, sql, out);
	/* A value that is missing would be NULL, and match nothing. */
	if (r == ZTJ_OK && (size_t)sqlite3_bind_parameter_count(*out) != n)
		r = ZTJ_INTERNAL;
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = db_error(bind(*out, (int)i + 1, &args[i]));
	return r;
}

int db_first(struct db *db, const char *sql, const struct db_arg *args, size_t n, sqlite3_stmt **out)
{
	int r = db_ask(db, sql, args, n, out);
	return r == ZTJ_OK ? db_step(*out) : r;
}

int db_step(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return ZTJ_OK;
	if (code != SQLITE_DONE && (code & 0xff) != SQLITE_CONSTRAINT)
		ztj_log(ZTJ_LOG_ERROR, "database: %s", sqlite3_errmsg(sqlite3_db_handle(s)));
	sqlite3_reset(s);
	return code == SQLITE_DONE ? ZTJ_NOT_FOUND : db_error(code);
}

int db_write(struct db *db, const char *sql, const struct db_arg *args, size_t n)
{
	sqlite3_stmt *s = NULL;
	int r = db_begin(db);
	if (r == ZTJ_OK)
		r = db_first(db, sql, args, n, &s);
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
	sqlite3_reset(s);
	return ZTJ_INTERNAL; /* a row where none was asked for */
}

struct ztj_view db_col_view(sqlite3_stmt *s, int at)
{
	const void *p = sqlite3_column_blob(s, at);
	int n = sqlite3_column_bytes(s, at);
	return ztj_view_of(p, p == NULL || n < 0 ? 0 : (size_t)n);
}

int db_col_id(sqlite3_stmt *s, int at, uint8_t id[ZTJ_DIGEST_LEN])
{
	struct ztj_view v = db_col_view(s, at);
	memset(id, 0, ZTJ_DIGEST_LEN);
	if (v.n != ZTJ_DIGEST_LEN)
		return ZTJ_IO;
	memcpy(id, v.p, ZTJ_DIGEST_LEN);
	return ZTJ_OK;
}

int db_col_text(sqlite3_stmt *s, int at, char *out, size_t size)
{
	const unsigned char *t = sqlite3_column_text(s, at);
	out[0] = '\0';
	int n = snprintf(out, size, "%s", t == NULL ? "" : (const char *)t);
	return n < 0 || (size_t)n >= size ? ZTJ_IO : ZTJ_OK;
}
