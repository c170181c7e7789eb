/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The store: owns the database and what is known from it. It judges every caller and every
 * statement before it keeps it, but nobody has to trust that: the signer and every host
 * judge again. One thread; what it answers to a batch of messages leaves only after the batch is
 * committed. If a commit fails, the whole batch is answered 503 and everything in memory is read anew.
 */
#ifndef ZTJ_BROKER_STORE_H
#define ZTJ_BROKER_STORE_H

#include <event2/event.h>
#include <jansson.h>

#include "libztjit/core/grant.h"
#include "ztjit-broker/chan.h"
#include "ztjit-broker/conf.h"
#include "ztjit-broker/db.h"
#include "ztjit-broker/proto.h"
#include "ztjit-broker/sendproto.h"

struct logins;
struct bundles;
struct streams;
struct stepups;
struct certs;
struct outbox;
struct views;
struct audit;
struct witnesses;
struct counts;

#define JOINS_MAX 64
struct store {
	const struct broker_conf *conf;
	struct broker_keys keys;
	struct event_base *base;
	struct chan *frontend, *signer;
	struct chan *sender;     /* NULL: nothing is sent anywhere */
	struct db *db;
	struct ztj_pins pins;
	struct ztj_sigcache *sigs;
	struct ztj_trust *trust;
	struct logins *logins;
	struct bundles *bundles;
	struct streams *streams;
	struct stepups *stepups;
	struct certs *certs;
	struct outbox *outbox;
	struct views *views;
	struct audit *audit;
	struct witnesses *witnesses;
	struct counts *counts;
	int reserve;             /* descriptor of the reserved space, or -1 when it is spent */
	bool broken;             /* memory may differ from the database: nothing is served until it was read anew */
	int64_t head;            /* seq of the newest event */
	uint64_t committed, told; /* leaves that are durable; that the sender knows of */
	struct dest_states sent; /* as the sender said last */
	int64_t least;           /* no event from now on has a seq below this */
	uint64_t generation;     /* of policy, directories and revocations */
	bool offered_all;        /* the signer was offered every revocation */
	int64_t offered_to;      /* how many it had when it was last offered some; -1: it had as many as we */
	int64_t swept;           /* where the next sweep of requests goes on */
	struct ztj_buf status;   /* the newest status line */
	struct {
		const struct ask *ask; /* the call that is being answered; NULL: none */
		const struct caller *caller;
		bool said;       /* its refusal stands in the log already, or is counted */
	} asked;
	struct {
		bool busy;       /* the signer has one */
		uint32_t tag;
		unsigned again;  /* how often in a row the directory had moved on */
		size_t n;
		uint8_t now[ZTJ_DIGEST_LEN], waiting[JOINS_MAX][ZTJ_DIGEST_LEN];
	} joins;
	struct {
		uint64_t accepted, refused, certificates, commits, failed_commits;
	} count;
	/* what the hosts' newest reports of standing access add up to; oldest: no report is older, 0: there is none */
	struct { int64_t hosts, clean, standing, accepted, expired, missed, oldest; } left;
	int64_t started;
};

/* Who asks, as the TLS key and the logins say (st_caller.c). */
struct caller {
	enum caller_kind kind;
	char who[ZTJ_FULLNAME_SIZE];      /* a person's or host's full name, else "" */
	const struct ztj_record *record;  /* of the person or host; valid until the trust changes */
	const struct ztj_stmt *login;     /* of a person or registrar */
	bool registrar;                   /* the login's key is one the policy names as registrar or root */
	bool auditor;
};

/* --- store.c: answers --- */
/* Takes body over (may be NULL for {}). */
void st_answer(struct store *st, uint32_t tag, unsigned status, json_t *body);
/* {"error", "text", "detail"} with the status that belongs to err. text NULL: the error's own sentence. */
void st_refuse(struct store *st, uint32_t tag, int err, const char *text, const char *detail);
/* 401: the caller is nobody we know. */
void st_refuse_unknown(struct store *st, uint32_t tag);
/* A body that is text already. */
void st_answer_text(struct store *st, uint32_t tag, unsigned status, struct ztj_view body);
/* Queues behind the commit when one is due. */
void st_send(struct store *st, struct chan *to, uint8_t type, struct ztj_view body);
int64_t st_now(void);
/* Reads everything in memory from the database. */
int st_load(struct store *st) ZTJ_MUST_CHECK;
/* Parts of it, for check as well: what the database holds is offered to a fresh trust, policy first. Nothing there: OK. */
int policy_restore(struct db *db, struct ztj_trust *t) ZTJ_MUST_CHECK;
int directory_restore(struct db *db, const char *name, struct ztj_trust *t) ZTJ_MUST_CHECK;
int revocations_restore(struct db *db, struct ztj_trust *t) ZTJ_MUST_CHECK;

/* --- st_access.c --- */
/* May this kind of caller ask this at all? OK, FORBIDDEN or NOT_FOUND (nobody known: 401). */
int access_check(enum op op, const struct caller *c) ZTJ_MUST_CHECK;
int access_check_statement(enum ztj_stmt_type type, const struct caller *c) ZTJ_MUST_CHECK;

/* --- st_caller.c, st_logins.c --- */
void caller_identify(struct store *st, struct ztj_view tls, int64_t now, struct caller *out);
int logins_new(struct logins **out) ZTJ_MUST_CHECK;
void logins_free(struct logins *l);
void logins_clear(struct logins *l);
/* Takes st over, also on error. */
int logins_put(struct logins *l, struct ztj_stmt *st) ZTJ_MUST_CHECK;
const struct ztj_stmt *logins_find(const struct logins *l, struct ztj_view tls);
void logins_sweep(struct logins *l, int64_t now);
size_t logins_count(const struct logins *l, const char *who);
/* Is the login good now? Sets record for a person. */
int login_judge(const struct store *st, const struct ztj_stmt *login, int64_t now, const struct ztj_record **person)
    ZTJ_MUST_CHECK;
bool policy_names_key(const struct store *st, const struct ztj_key *k);

/* --- st_statements.c --- */
void do_statement_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_statement_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* The full digest for an id in either form. BAD_NAME, NOT_FOUND. */
int st_resolve(struct store *st, const char *id, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Writes a container into out. */
int st_container(const struct ztj_signed *s, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Stores an event and shows it to every stream that may see it once it is committed. */
int st_publish(struct store *st, struct db_event *e) ZTJ_MUST_CHECK;
/* A container as text members "statement" and "signatures" of a new object; NULL for want of memory. */
json_t *st_container_json(struct ztj_view container);
/* Within 60 s of now? FUTURE or STALE. */
int st_skew(int64_t issued, int64_t now) ZTJ_MUST_CHECK;

/* --- st_accept.c: what each type needs before it is kept --- */
struct acceptance {
	const struct ask *ask;
	const struct caller *caller;
	struct ztj_signed s;
	uint8_t id[ZTJ_DIGEST_LEN];
	int64_t now;
	/* out */
	const char *text;        /* a sentence for the answer, or NULL */
	char room[1100];
	bool has_request;
	uint8_t request[ZTJ_DIGEST_LEN];
};
int accept_policy(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
int accept_login(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
int accept_request(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
int accept_approval(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
int accept_revocation(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
int accept_kill(struct store *st, struct acceptance *a) ZTJ_MUST_CHECK;
/* S08: remembers the counter; ZTJ_COUNTER when it went back and `deny` says so. */
int accept_counter(struct store *st, const struct ztj_stmt *stmt, bool deny) ZTJ_MUST_CHECK;

/* --- st_bundles.c: requests with what belongs to them, opened once --- */
int bundles_new(struct bundles **out) ZTJ_MUST_CHECK;
void bundles_free(struct bundles *b);
void bundles_clear(struct bundles *b);
/* Valid until the next call into this module. NOT_FOUND. */
int bundles_get(struct store *st, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_bundle **out) ZTJ_MUST_CHECK;
/* Something belonging to this request is new. */
void bundles_forget(struct bundles *b, const uint8_t request[ZTJ_DIGEST_LEN]);

/* --- st_requests.c --- */
void do_requests(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_request_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* May this caller see that request? OK or FORBIDDEN. */
int request_visible(const struct store *st, const struct caller *c, const struct ztj_bundle *b, int64_t now) ZTJ_MUST_CHECK;
bool grant_is_over(enum ztj_grant_state s);
/* When the last host must have ended it, whatever part of what belongs to it a host may have heard. */
int64_t request_last(const struct ztj_stmt *request);
/* Marks requests that are over; at most a few hundred a call. */
void requests_sweep(struct store *st, int64_t now);

/* --- st_directories.c --- */
void do_directories(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_directory_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_directory_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* An update that the signer made (st_join.c): name, number, container and put of the ask. STATE: the directory has moved on. */
int directory_take(struct store *st, const struct ask *a, int64_t now) ZTJ_MUST_CHECK;
int directories_load(struct store *st, int64_t now) ZTJ_MUST_CHECK;

/* --- st_pending.c --- */
void do_pending_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_pending_list(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_pending_delete(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* --- st_join.c: hosts that the broker admits by itself, where policy and configuration say so --- */
/* This entry proves a token; one at a time goes to the signer. */
void joins_offer(struct store *st, const uint8_t id[ZTJ_DIGEST_LEN]);
/* A batch that was not kept held the question to the signer. */
void joins_lost(struct store *st);
/* Those who wait, if nobody is on the way. */
void joins_go_on(struct store *st);
/* The signer's answer. */
int joins_done(struct store *st, struct ztj_view body) ZTJ_MUST_CHECK;

/* --- st_certs.c --- */
int certs_new(struct certs **out) ZTJ_MUST_CHECK;
void certs_free(struct certs *c);
void do_certificate(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
int certs_done(struct store *st, struct ztj_view body) ZTJ_MUST_CHECK;

/* --- st_signer.c: keeping the signer's knowledge in step --- */
int signer_offer_policy(struct store *st) ZTJ_MUST_CHECK;
int signer_offer_directory(struct store *st, const char *name, int64_t since) ZTJ_MUST_CHECK;
int signer_offer_revocation(struct store *st, int64_t n) ZTJ_MUST_CHECK;
void signer_want_status(struct store *st);
/* Messages from the signer. */
int signer_message(void *arg, uint8_t type, struct ztj_view body) ZTJ_MUST_CHECK;

/* --- st_sender.c: the audit log on its way to others --- */
/* A batch is committed: what there is now may be sent. */
void sender_grown(struct store *st);
/* Messages from the sender. */
int sender_message(void *arg, uint8_t type, struct ztj_view body) ZTJ_MUST_CHECK;

/* --- st_streams.c, st_lines.c --- */
struct stream;
int streams_new(struct streams **out) ZTJ_MUST_CHECK;
void streams_free(struct streams *s);
void do_stream_open(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_stream_more(struct store *st, uint32_t tag);
void do_stream_close(struct store *st, uint32_t tag);
void streams_event(struct store *st, const struct db_event *e);
/* A line for every stream, or for those of one caller. */
void streams_line_all(struct store *st, struct ztj_view line);
void streams_line_to(struct store *st, enum caller_kind kind, const char *who, struct ztj_view line);
/* Ends the streams of callers who are no longer who they were; all: every stream. */
void streams_recheck(struct store *st, int64_t now, bool all);
size_t streams_number(const struct streams *s);
/* One line of JSON with its newline, appended. seq 0 is for lines of a snapshot. */
int line_event(struct store *st, const struct db_event *e, int64_t seq, struct ztj_buf *out) ZTJ_MUST_CHECK;
int line_statement(const char *event, struct ztj_view container, struct ztj_buf *out) ZTJ_MUST_CHECK;
bool line_visible(struct store *st, const struct caller *c, const struct db_event *e, int64_t now);

/* --- st_stepups.c --- */
int stepups_new(struct stepups **out) ZTJ_MUST_CHECK;
void stepups_free(struct stepups *s);
void do_stepup_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_stepup_list(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_stepup_answer(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* The host's word that it waits for this one no longer. */
void do_stepup_end(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void stepups_sweep(struct stepups *s, int64_t now);
/* Appends what waits for this caller as lines. */
int stepups_lines(struct store *st, const struct caller *c, int64_t now, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* --- st_sessions.c: sessions that hosts tell of (PROTOCOL 8.4) --- */
void do_session_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_sessions(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_session_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* A host that says nothing any more leaves its sessions lost. */
enum ztj_head_state session_state(const struct db_session *s, int64_t now);
const char *session_state_name(enum ztj_head_state state);
/* One's own; all for auditors. OK or NOT_FOUND: nobody learns of what they may not see. */
int session_visible(const struct caller *c, const struct db_session *s) ZTJ_MUST_CHECK;

/* --- st_chunks.c: the files of records --- */
/* Makes the directory; at the start, confined. */
int records_open(struct store *st) ZTJ_MUST_CHECK;
void do_session_chunks(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_session_head(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* Appends at most max bytes of a record from there. */
int record_read(struct store *st, const struct db_session *s, uint64_t from, size_t max, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Retention by age and size: removes the oldest ended records' files. */
void records_sweep(struct store *st, int64_t now);

/* --- st_views.c: who looks at records --- */
int views_new(struct store *st) ZTJ_MUST_CHECK;
void views_free(struct views *v);
void do_view_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_session_record(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
/* More of this record is there, or its state is another: whoever waits for it is answered. */
void views_wake(struct store *st, const char *id);

/* --- st_standing.c: what hosts say of their standing access --- */
void do_standing_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now);
void do_standing(struct store *st, const struct ask *a, const struct caller *c, int64_t now);

/* Adds the newest reports up anew. */
int standing_load(struct store *st) ZTJ_MUST_CHECK;
/* Forgets what is older. */
void standing_sweep(struct store *st, int64_t before);

/* --- st_reserve.c: space kept back so that a full disk can still record a no (D02) --- */
void reserve_open(struct store *st);
void reserve_spend(struct store *st);
bool reserve_spent(const struct store *st);

/* --- st_metrics.c --- */
void do_metrics(struct store *st, const struct ask *a, int64_t now);

/* The process. Returns an exit status. */
struct store_fds { int frontend, signer, sender, control, ready; }; /* sender: -1 when there is none */
int store_main(const struct broker_conf *conf, const struct store_fds *fds);

#endif
