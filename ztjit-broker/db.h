/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The database of the store: SQLite, WAL, synchronous=FULL, one writer. Writes gather in one
 * transaction that the caller commits; nothing is answered before. One file per concern:
 * db_statements.c, db_directories.c, db_events.c, db_people.c (logins, pending, certificates, counters), db_sessions.c, db_standing.c,
 * db_log.c.
 *
 * Errors: ZTJ_NO_SPACE, ZTJ_IO, ZTJ_TIMEOUT (locked by another process), ZTJ_EXISTS (a constraint).
 */
#ifndef ZTJ_BROKER_DB_H
#define ZTJ_BROKER_DB_H

#include <sqlite3.h>

#include "libztjit/core/chunk.h"
#include "libztjit/core/directory.h"
#include "libztjit/core/tlog.h"

struct db;
/* Opens or makes the database; applies the schema. A database of a newer version: ZTJ_VERSION. */
int db_open(const char *path, struct db **out) ZTJ_MUST_CHECK;
void db_close(struct db *db);
/* The first write of a batch opens the transaction. */
int db_begin(struct db *db) ZTJ_MUST_CHECK;
bool db_dirty(const struct db *db);
/* Durable when it returns ZTJ_OK; on any error nothing of the batch is there. */
int db_commit(struct db *db) ZTJ_MUST_CHECK;
/* A nested part that can be undone alone. */
int db_mark(struct db *db) ZTJ_MUST_CHECK;
int db_undo(struct db *db) ZTJ_MUST_CHECK;
int db_keep(struct db *db) ZTJ_MUST_CHECK;
/* After a failed commit: proves that the disk takes writes again, and forgets what the WAL may lack. */
int db_recover(struct db *db) ZTJ_MUST_CHECK;
/* Quick structural check, for ztjit-broker check. */
int db_check(struct db *db) ZTJ_MUST_CHECK;

/* Inside the db_* files. sql: always a string with static storage, the key of the cache of prepared statements. */
int db_error(int sqlite_code) ZTJ_MUST_CHECK;
/* A value to bind; what it points to must last until the statement ran. */
struct db_arg {
	enum { DB_NULL, DB_INT, DB_TEXT, DB_BLOB } kind;
	int64_t n;
	const char *text;
	struct ztj_view blob;
};
struct db_arg db_null(void);
struct db_arg db_int(int64_t n);
struct db_arg db_text(const char *text);
struct db_arg db_view(struct ztj_view v);
struct db_arg db_id(const uint8_t id[ZTJ_DIGEST_LEN]);
/* The values of ?1, ?2, …, as two arguments of the calls below. */
#define DB_ARGS(...) \
	(const struct db_arg[]){ __VA_ARGS__ }, sizeof((const struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg)
#define DB_NONE NULL, 0
/* Ready for db_step. */
int db_ask(struct db *db, const char *sql, const struct db_arg *args, size_t n, sqlite3_stmt **out) ZTJ_MUST_CHECK;
/* At its first row; NOT_FOUND when there is none. */
int db_first(struct db *db, const char *sql, const struct db_arg *args, size_t n, sqlite3_stmt **out) ZTJ_MUST_CHECK;
/* Inside the transaction, begun if need be; a statement without rows. */
int db_write(struct db *db, const char *sql, const struct db_arg *args, size_t n) ZTJ_MUST_CHECK;
/* ZTJ_OK: a row; ZTJ_NOT_FOUND: done (and reset); other: an error (and reset). */
int db_step(sqlite3_stmt *s) ZTJ_MUST_CHECK;
struct ztj_view db_col_view(sqlite3_stmt *s, int at);
/* Exactly a digest, else ZTJ_IO. */
int db_col_id(sqlite3_stmt *s, int at, uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Copies the text; ZTJ_IO when it does not fit. */
int db_col_text(sqlite3_stmt *s, int at, char *out, size_t size) ZTJ_MUST_CHECK;

/* --- statements (db_statements.c) --- */
struct db_stmt_row {
	int64_t seq;
	enum ztj_stmt_type type;
	uint8_t id[ZTJ_DIGEST_LEN];
	bool has_request;
	uint8_t request[ZTJ_DIGEST_LEN];
	const char *who;
	int64_t issued;
	struct ztj_view container;
};
/* ZTJ_EXISTS: that very statement; ZTJ_ID_CLASH: another with its short id. */
int db_stmt_add(struct db *db, const struct db_stmt_row *row, int64_t now) ZTJ_MUST_CHECK;
int db_stmt_has(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK; /* OK or NOT_FOUND */
/* Appends the container. */
int db_stmt_get(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], enum ztj_stmt_type *type, uint8_t request[ZTJ_DIGEST_LEN],
    struct ztj_buf *container) ZTJ_MUST_CHECK;
/* The full id of a short one. */
int db_stmt_resolve(struct db *db, const char *short_id, uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Containers that belong to a request, itself first, each appended as a string. */
int db_stmt_of_request(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *out, uint32_t *n) ZTJ_MUST_CHECK;

int db_request_add(struct db *db, const struct ztj_stmt *st) ZTJ_MUST_CHECK;
/* It is over; hosts go on being told of it until then, or they might miss what ended it. */
int db_request_close(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], int64_t until) ZTJ_MUST_CHECK;
int db_request_open_count(struct db *db, const char *who, int64_t *n) ZTJ_MUST_CHECK;
int db_request_open_all(struct db *db, int64_t *n) ZTJ_MUST_CHECK;
/* Ids of requests, newest first, after `before` (0: from the newest). who NULL: everybody's. */
struct db_request_query {
	const char *who;
	const char *host; /* a full name, or NULL: those that the host may have to hear of at `now` */
	int64_t now;
	bool open_only;
	int64_t before;   /* seq below this */
	bool oldest_first; /* then: seq above `before` */
};
struct db_request_ref { int64_t seq; uint8_t id[ZTJ_DIGEST_LEN]; };
int db_request_list(struct db *db, const struct db_request_query *q, struct db_request_ref *out, size_t max, size_t *n)
    ZTJ_MUST_CHECK;

/* The n-th revocation (from 1) in the broker's order. */
int db_revocation_add(struct db *db, int64_t n, const uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Appends the container of the n-th; NOT_FOUND past the end. */
int db_revocation_get(struct db *db, int64_t n, uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *container) ZTJ_MUST_CHECK;

int db_policy_add(struct db *db, int64_t version, const uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
int db_policy_newest(struct db *db, struct ztj_buf *container) ZTJ_MUST_CHECK;

/* --- directories (db_directories.c) --- */
int db_dir_add(struct db *db, const char *name, int64_t serial, const uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Ends the current record of that name at `serial`, if there is one; bytes.n > 0 begins a new one. */
int db_dir_record(struct db *db, const char *dir, const char *name, int64_t serial, struct ztj_view bytes) ZTJ_MUST_CHECK;
int db_dir_names(struct db *db, int (*each)(const char *name, void *arg), void *arg) ZTJ_MUST_CHECK;
/* Statements with a serial above `since`, oldest first: each container appended as a string. */
int db_dir_statements(struct db *db, const char *name, int64_t since, struct ztj_buf *out, uint32_t *n) ZTJ_MUST_CHECK;
/* The same of the one with that serial, and the records as they stood then. */
int db_dir_then(struct db *db, const char *name, int64_t serial, struct ztj_buf *statement, uint32_t *n,
    struct ztj_buf *put, uint32_t *nput) ZTJ_MUST_CHECK;
/* What changed after `since`: names gone, records new or replaced, as lists of strings sorted by name. */
int db_dir_changes(struct db *db, const char *name, int64_t since, struct ztj_buf *drop, uint32_t *ndrop,
    struct ztj_buf *put, uint32_t *nput) ZTJ_MUST_CHECK;
/* The one update of a directory that lacks signatures: body is a DIRECTORY_PUT ask's lists. */
struct db_dir_draft { int64_t base; struct ztj_buf container, drop, put; uint32_t ndrop, nput; };
int db_draft_set(struct db *db, const char *name, const struct db_dir_draft *d) ZTJ_MUST_CHECK;
int db_draft_get(struct db *db, const char *name, struct db_dir_draft *out) ZTJ_MUST_CHECK;
int db_draft_delete(struct db *db, const char *name) ZTJ_MUST_CHECK;
void db_draft_init(struct db_dir_draft *d);
void db_draft_free(struct db_dir_draft *d);

/* --- events (db_events.c): the broker's order of news --- */
enum db_event_kind { DB_EVENT_POLICY = 1, DB_EVENT_DIRECTORY, DB_EVENT_STATEMENT };
struct db_event {
	int64_t seq;
	enum db_event_kind kind;
	enum ztj_stmt_type type;        /* STATEMENT */
	uint8_t id[ZTJ_DIGEST_LEN];     /* STATEMENT */
	bool has_request;
	uint8_t request[ZTJ_DIGEST_LEN];
	char name[ZTJ_NAME_SIZE];       /* DIRECTORY */
	int64_t number;                 /* version or serial */
};
/* Sets e->seq. */
int db_event_add(struct db *db, const struct db_event *e) ZTJ_MUST_CHECK;
int db_event_head(struct db *db, int64_t *seq) ZTJ_MUST_CHECK;
/* Is there an event with that number? */
int db_event_has(struct db *db, int64_t seq, bool *has) ZTJ_MUST_CHECK;
/* How many there are after that one, max at most. */
int db_event_behind(struct db *db, int64_t after, int64_t max, int64_t *n) ZTJ_MUST_CHECK;
int db_event_list(struct db *db, int64_t after, struct db_event *out, size_t max, size_t *n) ZTJ_MUST_CHECK;

/* --- logins, pending, certificates, counters (db_people.c) --- */
int db_login_add(struct db *db, const uint8_t tls[32], const uint8_t id[ZTJ_DIGEST_LEN], int64_t expires) ZTJ_MUST_CHECK;
int db_login_sweep(struct db *db, int64_t now) ZTJ_MUST_CHECK;
/* Containers of logins that have not expired. */
int db_login_each(struct db *db, int64_t now, int (*each)(struct ztj_view container, void *arg), void *arg) ZTJ_MUST_CHECK;

struct db_pending_row {
	uint8_t id[ZTJ_DIGEST_LEN];
	bool host;
	const char *name, *address;
	struct ztj_view container;
};
int db_pending_add(struct db *db, const struct db_pending_row *row, int64_t now) ZTJ_MUST_CHECK;
int db_pending_has(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
int db_pending_counts(struct db *db, const char *address, int64_t *all, int64_t *here) ZTJ_MUST_CHECK;
int db_pending_each(struct db *db, bool host, int (*each)(struct ztj_view container, void *arg), void *arg) ZTJ_MUST_CHECK;
/* Appends the container. NOT_FOUND. */
int db_pending_get(struct db *db, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_buf *container) ZTJ_MUST_CHECK;
int db_pending_delete(struct db *db, const char *id_hex_or_short) ZTJ_MUST_CHECK;
/* Removes the oldest entry of the address that has most, and more than that. NOT_FOUND. */
int db_pending_make_room(struct db *db, int64_t more_than) ZTJ_MUST_CHECK;
int db_pending_sweep(struct db *db, int64_t before) ZTJ_MUST_CHECK;

struct db_cert_row {
	uint64_t serial;
	uint8_t request[ZTJ_DIGEST_LEN], digest[ZTJ_DIGEST_LEN];
	const char *fingerprint;
	int64_t issued, ends;
};
int db_cert_add(struct db *db, const struct db_cert_row *row) ZTJ_MUST_CHECK;
int db_cert_count(struct db *db, int64_t *n) ZTJ_MUST_CHECK;

/* The last signature counter of a key; 0: none yet. */
int db_counter_get(struct db *db, const uint8_t key[ZTJ_DIGEST_LEN], uint32_t *out) ZTJ_MUST_CHECK;
int db_counter_set(struct db *db, const uint8_t key[ZTJ_DIGEST_LEN], uint32_t value) ZTJ_MUST_CHECK;

/* --- sessions (db_sessions.c): what the files of their records hold --- */
struct db_session {
	int64_t seq;
	char id[ZTJ_SHORT_ID_SIZE];          /* S-… */
	uint8_t name[ZTJ_DIGEST_LEN];        /* the host's own */
	char host[ZTJ_FULLNAME_SIZE], person[ZTJ_FULLNAME_SIZE];
	char account[ZTJ_HOSTNAME_SIZE], peer[ZTJ_HOSTNAME_SIZE], service[ZTJ_NAME_SIZE], role[ZTJ_NAME_SIZE];
	uint8_t grant[ZTJ_DIGEST_LEN];
	bool has_command, tty;
	char command[1025];
	int64_t started, ends, ended, heard; /* ended 0: not yet. heard: when its host last said something of it */
	int state;                           /* enum ztj_head_state */
	struct ztj_chain chain;              /* of the file */
	int64_t head_chunks, head_bytes;     /* of the newest head */
	bool sealed, kept;                   /* kept: the file is still there */
};
/* EXISTS: this host's session is there, or the id is taken. */
int db_session_add(struct db *db, const struct db_session *s) ZTJ_MUST_CHECK;
int db_session_get(struct db *db, const char *id, struct db_session *out) ZTJ_MUST_CHECK;
int db_session_by_name(struct db *db, const char *host, const uint8_t name[ZTJ_DIGEST_LEN], struct db_session *out)
    ZTJ_MUST_CHECK;
/* Everything that changes after the start. head.n 0: the one held stays. */
int db_session_update(struct db *db, const struct db_session *s, struct ztj_view head) ZTJ_MUST_CHECK;
/* Appends the newest head's container; nothing when there is none. */
int db_session_head(struct db *db, const char *id, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Newest first, seq below `before` (0: from the newest). person NULL: everybody's. An empty string matches all; text is looked
 * for in command, person, host and account. */
struct db_session_query {
	const char *person, *host, *role, *text;
	int64_t since, until, before; /* of the start; 0: open */
};
int db_session_list(struct db *db, const struct db_session_query *q, struct db_session *out, size_t max, size_t *n)
    ZTJ_MUST_CHECK;
/* For retention, of ended records whose file is there: the oldest; that of one host; the host that has most; the size of all. */
int db_session_oldest(struct db *db, struct db_session *out) ZTJ_MUST_CHECK;
int db_session_oldest_of(struct db *db, const char *host, struct db_session *out) ZTJ_MUST_CHECK;
int db_session_most(struct db *db, char *host, size_t size) ZTJ_MUST_CHECK;
int db_session_total(struct db *db, int64_t *bytes) ZTJ_MUST_CHECK;
/* Records of one host that have not ended, without those that ran out and were last heard of before `since`. */
int db_session_open_of(struct db *db, const char *host, int64_t since, int64_t *n) ZTJ_MUST_CHECK;
int db_session_count(struct db *db, int64_t *open, int64_t *all) ZTJ_MUST_CHECK;

/* --- standing access (db_standing.c): of each host the newest report whole, and the last statement of each day --- */
struct db_standing {
	char host[ZTJ_FULLNAME_SIZE];
	int64_t issued, received;
	struct ztj_view container, report; /* valid until the next step */
};
int db_standing_put(struct db *db, const struct db_standing *row) ZTJ_MUST_CHECK;
/* When the newest was made. NOT_FOUND. */
int db_standing_newest(struct db *db, const char *host, int64_t *issued) ZTJ_MUST_CHECK;
/* In the order of names: that host, or (host empty) those behind `after`, until each says otherwise. LIMIT of each ends it. */
struct db_standing_query { const char *host, *after; };
int db_standing_each(struct db *db, const struct db_standing_query *q, int (*each)(const struct db_standing *row, void *arg),
    void *arg) ZTJ_MUST_CHECK;
/* The newest of that host, or (NULL) of each, without the report. */
int db_standing_signed(struct db *db, const char *host, int (*each)(struct ztj_view container, void *arg), void *arg) ZTJ_MUST_CHECK;
int db_standing_days(struct db *db, const char *host, int64_t since, int (*each)(struct ztj_view container, void *arg),
    void *arg) ZTJ_MUST_CHECK;
int db_standing_sweep(struct db *db, int64_t before) ZTJ_MUST_CHECK;

/* --- the audit log (db_log.c): leaves without gaps from 0, and the hashes of full tiles for the levels above them --- */
int db_leaf_add(struct db *db, uint64_t n, struct ztj_view entry) ZTJ_MUST_CHECK;
int db_leaf_size(struct db *db, uint64_t *size) ZTJ_MUST_CHECK;
typedef int db_leaf_fn(uint64_t n, struct ztj_view entry, void *arg);
/* Leaves from <= n < to, in order; each must not use the database. LOG_ALTERED when one is missing. */
int db_leaf_each(struct db *db, uint64_t from, uint64_t to, db_leaf_fn *each, void *arg) ZTJ_MUST_CHECK;
int db_node_add(struct db *db, unsigned level, uint64_t n, const uint8_t hash[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* `count` hashes of a level (from 1), from `from`. LOG_ALTERED when one is missing. */
int db_node_list(struct db *db, unsigned level, uint64_t from, size_t count, ztj_hash *out) ZTJ_MUST_CHECK;

/* How far a host's own log of decisions is held: its newest line; seq 0 and zeros before the first. */
struct db_host_log { int64_t seq; uint8_t head[ZTJ_DIGEST_LEN]; };
int db_host_log_get(struct db *db, const char *host, struct db_host_log *out) ZTJ_MUST_CHECK;
/* The digest of a line that is held; NOT_FOUND. */
int db_host_line_get(struct db *db, const char *host, int64_t seq, uint8_t digest[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* This line is the newest now; what was held from its number on belongs to another history and is forgotten. */
int db_host_line_put(struct db *db, const char *host, const struct db_host_log *line) ZTJ_MUST_CHECK;

#endif
