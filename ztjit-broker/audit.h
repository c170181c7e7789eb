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
	struct ztj_checkpoint shown_at; /* what is shown: the same, or where witnesses are demanded the newest that enough cosigned */
	struct ztj_buf shown;      /* the note, with the cosignatures */
	int64_t signed_at;
	uint64_t files;            /* full tiles and bundles below this many leaves are on disk */
	bool forked;               /* what was signed before is not what the rows say: nothing is signed any more */
	/* gaps in the logs of hosts that were offered once, taken when they are offered again: one a host, so that a whole fleet
	 * goes on after a backup was put back; "" is free */
	struct audit_gap { char host[ZTJ_FULLNAME_SIZE]; int64_t held, seq; } *gap;
	size_t ngaps;
	unsigned unvouched;        /* status in a row without the checkpoint that there is */
	struct growth_cache *grown; /* proofs made lately */
	struct refusals *refusals;
	struct alarms *alarms;
};

/* --- st_audit.c --- */
/* Reads the key; while root's files can still be read. */
int audit_new(struct store *st) ZTJ_MUST_CHECK;
void audit_free(struct audit *a);
/* The growing end, from the database: at the start and after a batch that was taken back. */
int audit_load(struct store *st) ZTJ_MUST_CHECK;
/* Appends a leaf to this batch; n and time are filled in. On any error the whole batch is taken back. */
int audit_add(struct store *st, struct ztj_event *e) ZTJ_MUST_CHECK;

/* --- st_audit_bound.c: what anybody can cause without end is written so often only --- */
int audit_bound_new(struct audit *a) ZTJ_MUST_CHECK;
void audit_bound_free(struct audit *a);
/* An alarm, to the system's log and as a leaf; the same one again within ten minutes, and more than 20 with one code in that
 * time, stand in the system's log alone. */
void audit_alarm(struct store *st, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One that `who` (a host, a key) can cause: of one code 5 about the same are leaves in ten minutes, and that there were more, so that
 * nobody hides what another does among what it does itself; 200 of all of them. */
void audit_alarm_about(struct store *st, const char *who, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* May one more refusal of this identity ("": of nobody known) be written by itself? The rest is counted and told by the sweep. */
bool audit_may_refuse(struct store *st, const char *who);
void audit_sweep(struct store *st);

/* --- st_audit_start.c: the broker itself, at its beginning and end --- */
/* Is the newest signed checkpoint what the rows say? Then the leaves that say that the broker runs, and how it is configured. */
int audit_start(struct store *st) ZTJ_MUST_CHECK;
/* The last leaf; without it the next start says that this one did not end by itself. */
int audit_stop(struct store *st) ZTJ_MUST_CHECK;

/* --- st_audit_files.c --- */
/* Signs what is committed, when that is news, and publishes it where no witnesses are demanded. Between batches only. */
void audit_publish(struct store *st, int64_t now);
/* What callers, statuses and the file `checkpoint` show from now on; it must not be shorter than what they showed. */
void audit_show(struct store *st, const struct ztj_checkpoint *c, struct ztj_view note);
/* The first n leaves, as the rows say. */
int audit_root_at(struct db *db, uint64_t size, uint64_t n, ztj_hash out) ZTJ_MUST_CHECK;
/* Of struct ztj_tiles; arg: the database. */
int audit_read_rows(void *arg, const struct ztj_tile *t, ztj_hash *out) ZTJ_MUST_CHECK;
/* The checkpoint on disk: where, whose, and by which keys it may be signed. */
struct audit_file { const char *path, *domain; uid_t owner; const struct ztj_key *keys; size_t nkeys; };
int audit_open_checkpoint(const struct audit_file *f, struct ztj_buf *note, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
void do_log_checkpoint(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_log_tile(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_audit_growth.c: proofs that a log goes on from an older one, for whoever remembers that --- */
int audit_growth_new(struct audit *a) ZTJ_MUST_CHECK;
void audit_growth_free(struct audit *a);
/* That the first n leaves begin with the first m; len hashes (at most ZTJ_PROOF_MAX). */
int audit_prove_growth(struct db *db, uint64_t m, uint64_t n, ztj_hash *path, size_t *len) ZTJ_MUST_CHECK;
void do_log_growth(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_decisions.c: what hosts decided (PROTOCOL section 5), line by line --- */
void do_decisions_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_audit_ops.c: which refusals of a call leave a leaf --- */
struct audit_op {
	const char *kind;   /* of the leaf */
	const char *action; /* or NULL: the kind says it all */
	enum { AUDIT_NEVER, AUDIT_RIGHTS, AUDIT_HIDDEN, AUDIT_EVERY } refused;
};
/* RIGHTS: those about rights (401, 403), of callers that are known; HIDDEN: and "no such thing", which may hide one; EVERY: each
 * no, whoever it is said to. For an op that is not in the table: EVERY, kind "call". */
struct audit_op audit_op(enum op op);
bool audit_wants(enum op op, const struct caller *c, int err);

/* --- st_audit_say.c: what happened, as leaves --- */
/* A call was refused: the leaf, unless what refused it has said so itself. */
void say_refused(struct store *st, const struct ask *a, const struct caller *c, int err, const char *text);
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
struct say_pending { const struct ask *ask; const struct caller *caller; const struct ztj_stmt *stmt; const char *outcome; };
void say_pending(struct store *st, const struct say_pending *d, int r);
/* A host's report of standing access was taken. */
void say_standing(struct store *st, const char *host, const struct ztj_stmt *p);
/* A host's challenge that waits for its person ("asked"); an answer that was passed on to its host ("answered"). */
void say_stepup(struct store *st, const struct ask *a, const struct ztj_stmt *p, const char *outcome);

#endif
