/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The audit log inside the store (PROTOCOL section 10). A leaf is a row of the same transaction as what it tells
 * of: both are there or neither (D03), and nothing is answered before. Tiles, bundles and the checkpoint are files made
 * from the rows afterwards, and made again where they are behind. What is signed was committed.
 */
#ifndef ZTJ_BROKER_AUDIT_H
#define ZTJ_BROKER_AUDIT_H

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/event.h"
#include "ztjit-broker/store.h"

struct audit {
	struct ztj_tlog tree;      /* with what is not committed yet */
	struct ztj_seckey key;
	struct ztj_checkpoint last; /* the newest that was signed */
	struct ztj_buf note;       /* of it; empty: none yet */
	int64_t signed_at;
	uint64_t files;            /* full tiles and bundles below this many leaves are on disk */
	bool forked;               /* what was signed before is not what the rows say: nothing is signed any more */
	/* gaps in the logs of hosts that were offered, in a ring: taken when they are offered again */
	struct audit_gap { char host[ZTJ_FULLNAME_SIZE]; int64_t held, seq; } gap[16];
	size_t next_gap;
	int64_t breaks_since;
	unsigned breaks;           /* in the logs of hosts, that were told of since then */
	unsigned strangers;        /* refusals of nobody that may still be written one by one */
	uint64_t not_written;      /* those that were only counted */
	char alarm[256];           /* the last one, and when */
	int64_t alarm_at;
};

/* --- st_audit.c --- */
/* Reads the key; while root's files can still be read. */
int audit_new(struct store *st) ZTJ_MUST_CHECK;
void audit_free(struct audit *a);
/* The growing end, from the database: at the start and after a batch that was taken back. */
int audit_load(struct store *st) ZTJ_MUST_CHECK;
/* Is the newest signed checkpoint what the rows say? Then the leaf that says that the broker runs. */
int audit_start(struct store *st) ZTJ_MUST_CHECK;
/* Appends a leaf to this batch; n and time are filled in. On any error the whole batch is taken back. */
int audit_add(struct store *st, struct ztj_event *e) ZTJ_MUST_CHECK;
/* An alarm, to the system's log and as a leaf; the same one again within ten minutes is not repeated here. */
void audit_alarm(struct store *st, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Refusals of strangers are written one by one only so often; the rest is counted and told by the sweep. */
bool audit_stranger(struct store *st);
void audit_sweep(struct store *st);

/* --- st_audit_files.c --- */
/* Signs and publishes what is committed, when that is news. Between batches only. */
void audit_publish(struct store *st, int64_t now);
/* The first n leaves, as the rows say. */
int audit_root_at(struct db *db, uint64_t size, uint64_t n, ztj_hash out) ZTJ_MUST_CHECK;
/* The checkpoint on disk: where, whose, and by which keys it may be signed. */
struct audit_file { const char *path, *domain; uid_t owner; const struct ztj_key *keys; size_t nkeys; };
int audit_open_checkpoint(const struct audit_file *f, struct ztj_buf *note, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
void do_log_checkpoint(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_log_tile(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_decisions.c: what hosts decided (PROTOCOL section 5), line by line --- */
void do_decisions_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_audit_say.c: what happened, as leaves --- */
/* The outcome of a statement that was posted: r is how it was judged. */
void say_statement(struct store *st, const struct acceptance *a, enum ztj_stmt_type type, int r);
struct say_directory { const struct ask *ask; const struct caller *caller; const struct ztj_signed *s; const char *state; };
void say_directory(struct store *st, const struct say_directory *d, int r);
void say_view(struct store *st, const struct ask *a, const struct caller *c, const struct ztj_stmt *stmt, int r);
struct say_certificate {
	const char *person, *key, *address, *text;
	const uint8_t *request, *digest;
	uint64_t serial;
	int64_t ends;
};
void say_certificate(struct store *st, const struct say_certificate *d, int r);
/* started, head, closed or lost; head: the statement, or NULL. */
void say_session(struct store *st, const struct db_session *s, const char *outcome, const struct ztj_stmt *head);
/* One line of a host's own log. */
void say_decision(struct store *st, const char *host, const json_t *line, struct ztj_view text);
void say_pending(struct store *st, const struct ask *a, const struct ztj_stmt *p, const struct caller *c, const char *outcome);
/* A host's report of standing access was taken. */
void say_standing(struct store *st, const char *host, const struct ztj_stmt *p);
/* An answer that was passed on to its host. */
void say_stepup(struct store *st, const struct ztj_stmt *p);

#endif
