/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the gate: the process that verifies and decides. Its state, and what
 * its files offer each other. Single-threaded; every callback runs from one event loop.
 */
#ifndef ZTJ_HOSTD_GATE_H
#define ZTJ_HOSTD_GATE_H

#include <event2/event.h>

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/decide.h"
#include "libztjit/sys/ipc.h"
#include "libztjit/sys/trustdir.h"
#include "ztjit-hostd/clockmark.h"
#include "ztjit-hostd/hostconf.h"
#include "ztjit-hostd/recbook.h"
#include "ztjit-hostd/session.h"
#include "ztjit-hostd/spool.h"
#include "ztjit-hostd/store.h"
#include "ztjit-hostd/wardenmsg.h"

#define ZTJ_CONNS_MAX 512
#define ZTJ_STEPUP_SECONDS 60
#define ZTJ_QUESTION_MS 5000

/* What the gate asks the machine, as values, so that a test can stand in for the machine. */
struct ztj_gate_env {
	void (*now)(struct ztj_now *out);
	int (*read_proc)(int pidfd, pid_t pid, struct ztj_procinfo *out);
	const char *proc;        /* "/proc", where the owners of what runs are looked for */
	const char *passwd;      /* "/etc/passwd": local accounts, without NSS */
	const char *group;       /* "/etc/group"; NULL: no names are published */
	uid_t root;              /* who may use pam.sock and control.sock: 0 */
	uid_t principals;        /* the helper's user */
	const char *bootid;
	const char *recorder;    /* the installed ztjit-rec */
	const char *configuration; /* digest of what is in force, in hex; NULL: nobody knows */
	uint32_t init_loginuid;  /* of pid 1: what everybody inherits in a container */
	unsigned spread;         /* seconds within which hosts do what they all begin at once, and between two looks at what is large */
};

/* Descriptors the parent made. */
struct ztj_gate_fds {
	int pam, principals, control; /* listening */
	int mirror, warden, scribe;   /* connected pairs */
};

enum ztj_conn_kind { ZTJ_CONN_PAM, ZTJ_CONN_PRINCIPALS, ZTJ_CONN_CONTROL };
/* What a peer may say now. */
enum ztj_conn_state { ZTJ_ST_QUESTION, ZTJ_ST_AGENT, ZTJ_ST_NOTHING };

struct ztj_stepup;
struct ztj_gate;

struct ztj_conn {
	struct ztj_gate *g;
	struct ztj_conn *next;
	enum ztj_conn_kind kind;
	enum ztj_conn_state state;
	int sock, pidfd;
	pid_t pid;
	struct event *readable, *deadline;
	struct ztj_ipc_in in;
	struct ztj_procinfo proc;
	/* the question (PAM) */
	uint8_t call;
	char service[ZTJ_SERVICE_SIZE], user[ZTJ_ACCOUNT_SIZE], ruser[ZTJ_ACCOUNT_SIZE], rhost[256];
	char info_key[ZTJ_FINGERPRINT_SIZE];
	struct ztj_buf info;         /* SSH_AUTH_INFO_0 */
	/* the decision under way */
	uint64_t session;            /* the session the peer is in; 0: none */
	struct ztj_answer answer;
	char rule[ZTJ_NAME_SIZE];
	char become[ZTJ_ACCOUNT_SIZE]; /* account: the one target that it admits to; "": open decides which */
	bool named;                    /* open: a line on disk admits this very process to this target already */
	struct ztj_stepup *stepup;
	bool published;              /* control: the reply waits for what is being published */
	uint32_t waiting;            /* id of a command the warden has not answered */
};

/* sshd's process was offered a line for this grant and account, before the key was proven. */
struct ztj_offer {
	struct ztj_procid sshd;
	char account[ZTJ_ACCOUNT_SIZE];
	uint8_t grant[ZTJ_DIGEST_LEN], cert[ZTJ_DIGEST_LEN];
	int64_t boot;
	bool late; /* sshd looked the account up before it had a shell */
};
/* A process that was admitted at auth or account, on its way to open_session. */
struct ztj_pass {
	struct ztj_procid proc;
	uint8_t grant[ZTJ_DIGEST_LEN];
	int64_t boot;
	bool touched;
	char become[ZTJ_ACCOUNT_SIZE]; /* the target that a line on disk names; "": none */
};
/* A step-up that is remembered. */
struct ztj_touch {
	uint64_t session;
	uint32_t tty_nr;
	uint8_t grant[ZTJ_DIGEST_LEN];
	int64_t boot;
};
/* A recorder that was let in and has not brought its child yet. */
struct ztj_recorder {
	struct ztj_procid id;
	uint8_t name[ZTJ_DIGEST_LEN];
	uint64_t around, order; /* the session it is in */
};
#define ZTJ_RECORDERS 256
/* How the scribe says its spool is. */
struct ztj_spool_state {
	uint32_t open, waiting;
	uint64_t used, room, unsent;
};
#define ZTJ_KILLS 256
#define ZTJ_STAYS 512
#define ZTJ_ENDED_MAX 512
#define ZTJ_SWEPT_NAMED 32
#define ZTJ_OFFERS 512
#define ZTJ_PASSES 512
#define ZTJ_TOUCHES 1024
#define ZTJ_OFFER_SECONDS 180
#define ZTJ_PASS_SECONDS 60

struct ztj_gate {
	const struct ztj_hostconf *conf;
	struct ztj_gate_env env;
	struct ztj_gate_fds fds;
	struct event_base *base;
	struct event *listen[3], *from_mirror, *from_warden, *at_boot, *at_jump, *sync_timer;
	int boot_timer, jump_timer;
	int64_t reviewed; /* boot clock: when the last review of the sessions began */
	struct ztj_pins pins;
	struct ztj_sigcache *cache;
	struct ztj_trust *trust;
	struct ztj_trustdir *dir;
	struct ztj_store *store;
	struct ztj_spool *spool;
	struct ztj_sessions *sessions;
	struct ztj_seckey machine;
	struct ztj_clockmark clock;
	int64_t clock_saved, swept;
	struct ztj_conn *conns;
	size_t nconns;
	struct ztj_offer offer[ZTJ_OFFERS];
	struct ztj_pass pass[ZTJ_PASSES];
	struct ztj_touch touch[ZTJ_TOUCHES];
	struct ztj_recorder recorder[ZTJ_RECORDERS];
	uint64_t recorders;
	uint8_t killed[ZTJ_KILLS][ZTJ_DIGEST_LEN]; /* statements that were obeyed */
	unsigned kills;
	struct ztj_session *stay[ZTJ_STAYS];
	size_t nstays;
	struct {
		uint32_t uid, id; /* id of the command */
		unsigned n;
		char text[ZTJ_SWEPT_NAMED * 32];
	} sweeping;
	char ended[ZTJ_ENDED_MAX][ZTJ_ACCOUNT_SIZE]; /* the oldest first */
	size_t nended;
	int64_t ended_looked; /* boot clock */
	int64_t looked;      /* boot clock: when it was last asked what left its session */
	struct ztj_pub *pub; /* published.h */
	struct ztj_recbook *recbook;
	struct ztj_spool_state records;
	int64_t refused_said; /* boot clock: when it was last logged that a recorder was refused */
	unsigned refused;     /* and how many were since */
	struct event *from_scribe, *strays;
	uint32_t warden_id;
	struct ztj_ipc_in mirror_in, scribe_in;
	struct ztj_conn *standing; /* who waits for the broker to take a report, or NULL */
	uint8_t standing_id[ZTJ_DIGEST_LEN];
	bool link_up;
	int64_t hurry_again; /* boot clock: when the mirror may be told again that somebody waits */
	struct {
		bool any;
		struct ztj_checkpoint last;
		int64_t heard; /* date of the newest status that was looked at */
		int said;      /* what was said of the last one */
		int witnessed; /* what was said of its cosignatures */
		int64_t lacking; /* boot clock: since when too few witnesses have cosigned; 0: enough have */
		int64_t saved; /* boot clock */
		bool unsaved;  /* the last is newer than what is stored */
	} log;                 /* the broker's audit log */
	struct {
		bool any, busy;    /* something is proved; a proof is on its way */
		struct ztj_checkpoint proved, wanted;
		int64_t next;      /* not before: boot clock */
		unsigned failed;   /* in a row */
		int said;
	} growth;              /* that it only grew */
	struct ztj_handback *handback;
	struct {
		int64_t since; /* boot clock */
		unsigned n;
	} alarms;              /* about what the broker sends */
	struct {
		struct event *timer;
		bool busy, known;  /* a piece is under way; the broker said how far it holds the log */
		uint64_t held;
		uint32_t said;     /* status of its last answer */
	} ship;
	int exit_status;
};

/* ---- gate.c ---- */
int ztj_gate_new(const struct ztj_hostconf *conf, const struct ztj_gate_env *env, const struct ztj_gate_fds *fds,
    const struct ztj_seckey *machine, const char *cgroup_prefix, struct ztj_gate **out) ZTJ_MUST_CHECK;
/* Runs until a partner goes; the exit status of the process. */
int ztj_gate_run(struct ztj_gate *g);
void ztj_gate_free(struct ztj_gate *g);
void ztj_gate_now(struct ztj_gate *g, struct ztj_now *now);
int64_t ztj_gate_ends_clock(struct ztj_gate *g);
/* From here on questions are answered. */
void ztj_gate_listen(struct ztj_gate *g);
/* The policy that root left at join, when none is held yet. */
int ztj_gate_seed(struct ztj_gate *g, struct ztj_view json) ZTJ_MUST_CHECK;
void ztj_gate_save_clock(struct ztj_gate *g, bool force);

/* ---- gate_checkpoint.c ---- */
/* One that is remembered under this name in the state. NOT_FOUND; BAD_ENCODING: what is there is none. */
int ztj_checkpoint_read(const struct ztj_gate *g, const char *name, struct ztj_checkpoint *out) ZTJ_MUST_CHECK;
int ztj_checkpoint_write(const struct ztj_gate *g, const char *name, const struct ztj_checkpoint *c) ZTJ_MUST_CHECK;
int ztj_checkpoint_load(struct ztj_gate *g) ZTJ_MUST_CHECK;
/* Of a status that is newer than every other. */
void ztj_checkpoint_seen(struct ztj_gate *g, const struct ztj_stmt *status);

/* ---- gate_growth.c ---- */
int ztj_growth_load(struct ztj_gate *g) ZTJ_MUST_CHECK;
/* A checkpoint was taken note of: if the log has grown, its proof is asked for now and then. */
void ztj_growth_seen(struct ztj_gate *g);
/* The mirror's answer. */
int ztj_growth_done(struct ztj_gate *g, struct ztj_rd *rd) ZTJ_MUST_CHECK;

/* ---- gate_handback.c: revocations that a broker lost ---- */
int ztj_handback_open(struct ztj_gate *g) ZTJ_MUST_CHECK;
void ztj_handback_close(struct ztj_gate *g);
/* The mirror: all that the broker has begins to come, or was it. What it did not bring is given to it. */
void ztj_handback_snapshot(struct ztj_gate *g, bool begins);
/* A revocation that is held now came, from anywhere; NULL: one came, and it is not known which are held. */
void ztj_handback_heard(struct ztj_gate *g, const struct ztj_signed *s);
/* The mirror's answer, as POSTED; false: it is about something else. */
bool ztj_handback_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code);
/* A status that is newer than every other, whether it matches or not. */
void ztj_handback_status(struct ztj_gate *g, const struct ztj_stmt *status);

/* ---- gate_ship.c: the log of decisions to the broker ---- */
void ztj_ship_soon(struct ztj_gate *g);
void ztj_ship_link(struct ztj_gate *g);
int ztj_ship_done(struct ztj_gate *g, struct ztj_rd *rd) ZTJ_MUST_CHECK;
void ztj_ship_timer(evutil_socket_t fd, short what, void *arg);

/* ---- gate_conn.c ---- */
void ztj_conn_accept(evutil_socket_t listener, short what, void *arg);
void ztj_conn_close(struct ztj_conn *c);
/* How long the peer, or what we wait for on its behalf, has from now on. */
void ztj_conn_deadline(struct ztj_conn *c, int64_t ms);
/* Sends; on failure closes the connection (and then c is gone) and returns false. */
bool ztj_conn_send(struct ztj_conn *c, struct ztj_buf *msg);
/* Ends a PAM transaction and the connection; false when the peer did not get it. */
bool ztj_conn_verdict(struct ztj_conn *c, int code, const char *text);
bool ztj_conn_prompt(struct ztj_conn *c, const char *text, uint32_t seconds);

/* ---- gate_pam.c ---- */
void ztj_pam_message(struct ztj_conn *c);
/* Logs, then answers. An allowed decision that cannot be logged is a denial. */
void ztj_pam_deny(struct ztj_conn *c, int code, const char *text);
int ztj_pam_log(struct ztj_conn *c, const char *event, int code, const char *text) ZTJ_MUST_CHECK;
/* Before anything is waited for: the answer's grant points into a policy that may be replaced meanwhile. */
void ztj_conn_freeze(struct ztj_conn *c);
/* Fills what every question to decide.h has in common. */
void ztj_gate_question(struct ztj_gate *g, enum ztj_use use, const char *service, struct ztj_question *q);
bool ztj_gate_clock_bad(struct ztj_gate *g);
/* uid and gid of an account, local or of ours; false when there is none. */
bool ztj_gate_account(struct ztj_gate *g, const char *name, uint32_t *uid, uint32_t *gid);
bool ztj_gate_gid_of(struct ztj_gate *g, uint32_t uid, uint32_t *gid);
bool ztj_gate_name_of(struct ztj_gate *g, uint32_t uid, char out[ZTJ_ACCOUNT_SIZE]);
/* Is whatever runs as this account recorded: by its login shell, or because hostd.conf says so? */
bool ztj_gate_has_recorder(struct ztj_gate *g, const char *account);

/* ---- gate_sshd.c ---- */
void ztj_principals_message(struct ztj_conn *c);
void ztj_sshd_account(struct ztj_conn *c);
void ztj_sshd_open(struct ztj_conn *c);

/* ---- gate_elevate.c ---- */
void ztj_elevate(struct ztj_conn *c);

/* ---- gate_memory.c: offers, passes, touches ---- */
bool ztj_offer_add(struct ztj_gate *g, const struct ztj_offer *o);
const struct ztj_offer *ztj_offer_find(struct ztj_gate *g, struct ztj_procid sshd, const char *account,
    const uint8_t *cert);
/* Is somebody on the way into this account? */
bool ztj_offer_open(struct ztj_gate *g, const char *account);
/* The login is through. */
void ztj_offer_drop(struct ztj_gate *g, struct ztj_procid sshd);
struct ztj_pass *ztj_pass_add(struct ztj_gate *g, struct ztj_procid proc, const uint8_t grant[ZTJ_DIGEST_LEN],
    bool touched);
const struct ztj_pass *ztj_pass_find(struct ztj_gate *g, struct ztj_procid proc, const uint8_t grant[ZTJ_DIGEST_LEN]);
void ztj_pass_drop(struct ztj_gate *g, struct ztj_procid proc);
void ztj_touch_add(struct ztj_gate *g, uint64_t session, uint32_t tty_nr, const uint8_t grant[ZTJ_DIGEST_LEN]);
bool ztj_touch_fresh(struct ztj_gate *g, uint64_t session, uint32_t tty_nr, const uint8_t grant[ZTJ_DIGEST_LEN],
    int64_t every);
void ztj_touch_forget(struct ztj_gate *g, uint64_t session);

/* ---- gate_stepup.c, gate_agent.c ---- */
/* Asks the person for a touch for c->answer; when it came, calls ztj_elevate again; else denies. */
void ztj_stepup_begin(struct ztj_conn *c, const struct ztj_session *s);
void ztj_stepup_free(struct ztj_conn *c);
/* The module's answer to NEED_AGENT. */
void ztj_stepup_agent_fd(struct ztj_conn *c);
/* From the mirror: a relayed answer, and what became of a challenge that was handed to it. STEPUP_GONE: nobody waits for
 * that answer; STEPUP_WRONG: it is none. Both stand in the log already. */
int ztj_stepup_relayed(struct ztj_gate *g, const struct ztj_signed *s) ZTJ_MUST_CHECK;
void ztj_stepup_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], int code);

/* ---- gate_sessions.c ---- */
/* Makes the session and its cgroup for c->answer; the verdict follows when the warden has done it. */
void ztj_session_begin(struct ztj_conn *c, const struct ztj_session *like, struct ztj_session *parent);
/* LIMIT: this person has half of all the sessions there can be, and the rest is for others. */
int ztj_session_room(struct ztj_gate *g, const char *person) ZTJ_MUST_CHECK;
void ztj_warden_answer(evutil_socket_t fd, short what, void *arg);
int ztj_warden_ask(struct ztj_gate *g, struct ztj_warden_msg *m, int with) ZTJ_MUST_CHECK;
/* Nothing can be ended without a warden: the gate does not go on. */
void ztj_warden_lost(struct ztj_gate *g);
/* Logs, says why on the terminals, kills. */
void ztj_session_end(struct ztj_gate *g, struct ztj_session *s, int code);
/* Which session a process is in, by the kernel's word; *inside: in one, known or not. */
struct ztj_session *ztj_gate_session_of(struct ztj_gate *g, const struct ztj_procinfo *p, bool *inside);
int ztj_session_log(struct ztj_gate *g, const struct ztj_session *s, const char *event, int code);
/* sudo and su show in the record they happen in. */
void ztj_session_note(struct ztj_gate *g, struct ztj_session *s, const char *what);
/* What the session's grant, or one that extends it, says now; *best is the whole answer. */
int ztj_session_judge(struct ztj_gate *g, const struct ztj_session *s, struct ztj_answer *best) ZTJ_MUST_CHECK;
/* An answer that is no and ends nothing. */
bool ztj_session_lets_run(const struct ztj_answer *a);
/* Everybody else has gone too: this session must not outlive its connection. */
void ztj_gate_kill_peer(struct ztj_conn *c);

/* ---- gate_review.c ---- */
/* The end that a decision gave; later than before only for an extension. The warden and the file hear of it. */
void ztj_session_set_end(struct ztj_gate *g, struct ztj_session *s, int64_t ends);
/* The timer, for the next end or warning. */
void ztj_sessions_arm(struct ztj_gate *g);
/* Judges every running session anew: after news, at ends, after a clock jump. */
void ztj_sessions_review(struct ztj_gate *g);
void ztj_sessions_timer(evutil_socket_t fd, short what, void *arg);

/* ---- gate_shared.c: sudo to root in the cgroup of the session around ---- */
bool ztj_shared_fits(const struct ztj_conn *c, const struct ztj_session *holder);
void ztj_shared_begin(struct ztj_conn *c, struct ztj_session *s, struct ztj_session *holder);
/* Those in a session that is being ended, or whose last process is gone. */
void ztj_shared_end(struct ztj_gate *g, const struct ztj_session *holder, int code);
void ztj_shared_gone(struct ztj_gate *g, const struct ztj_session *holder);
/* All of them: grant and end are those of the session around. */
void ztj_shared_follow(struct ztj_gate *g);

/* ---- gate_heads.c ---- */
int ztj_head_sign(struct ztj_gate *g, const uint8_t name[ZTJ_DIGEST_LEN], const struct ztj_recmark *m,
    struct ztj_buf *json) ZTJ_MUST_CHECK;

/* ---- gate_standing.c: what a scan found, on its way to the broker ---- */
void ztj_standing_message(struct ztj_conn *c);
/* The mirror's word about this id; false: it is no report's. code as in POSTED. */
bool ztj_standing_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code);

/* ---- gate_records.c: the pair with the scribe (PROTOCOL 8.6) ---- */
void ztj_records_readable(evutil_socket_t fd, short what, void *arg);
/* The warden has put a recorder's child into its cgroup, or not. */
void ztj_records_made(struct ztj_gate *g, struct ztj_session *rec, int code);
/* s is being ended: tells the scribe of every record in it. */
void ztj_records_ending(struct ztj_gate *g, const struct ztj_session *s, int code);
/* A marker in the record that s is in, if it is in one. */
void ztj_records_note(struct ztj_gate *g, struct ztj_session *s, const char *text);

/* ---- gate_kill.c ---- */
/* A kill statement, from the broker or by hand. WRONG_HOST, EXPIRED, FUTURE, REPLAY, NOT_FOUND, FORBIDDEN, or what
 * ztj_trust_signed_by says. */
int ztj_kill_take(struct ztj_gate *g, const struct ztj_signed *s) ZTJ_MUST_CHECK;

/* ---- gate_stays.c ---- */
/* s is over, and no session any more: what is left of it elsewhere goes with the account's last grant. */
bool ztj_stay_add(struct ztj_gate *g, const struct ztj_session *s);
int ztj_stay_restore(struct ztj_gate *g, const struct ztj_session *s) ZTJ_MUST_CHECK;
void ztj_stays_review(struct ztj_gate *g);
void ztj_stays_free(struct ztj_gate *g);
int64_t ztj_stays_next(const struct ztj_gate *g); /* boot clock */
/* Has somebody a session with this account, or stays it in mind? */
bool ztj_stay_anybody(struct ztj_gate *g, const char *account);
/* Kills what runs as it outside the sessions, unless it is a service's. */
void ztj_stay_sweep(struct ztj_gate *g, const char *account, uint32_t uid);
/* The warden's word: one that was killed, all of them, one that left its session. */
void ztj_swept(struct ztj_gate *g, const struct ztj_warden_msg *m);
void ztj_swept_all(struct ztj_gate *g);
void ztj_escaped(struct ztj_gate *g, const struct ztj_warden_msg *m);

/* ---- gate_ended.c: what is started later for people whose last grant has ended ---- */
int ztj_ended_load(struct ztj_gate *g) ZTJ_MUST_CHECK;
void ztj_ended_add(struct ztj_gate *g, const struct ztj_session *s);
void ztj_ended_back(struct ztj_gate *g, const char *account);
/* Once a minute, whoever calls. */
void ztj_ended_look(struct ztj_gate *g);

/* ---- gate_kept.c: sessions survive the gate ---- */
void ztj_session_keep(struct ztj_gate *g, const struct ztj_session *s);
void ztj_session_unkeep(struct ztj_gate *g, const struct ztj_session *s);
/* Reads back what an earlier gate kept in this boot. */
int ztj_kept_load(struct ztj_gate *g) ZTJ_MUST_CHECK;
/* The warden's news at its start: one that it found; and that there are no more. */
void ztj_kept_found(struct ztj_gate *g, const struct ztj_warden_msg *m);
void ztj_kept_all_found(struct ztj_gate *g);

/* ---- gate_strays.c: logins that must be recorded ---- */
#define ZTJ_STRAYS_GRACE 15 /* seconds from the login to a recorder */
void ztj_strays_watch(struct ztj_gate *g);
void ztj_strays_timer(evutil_socket_t fd, short what, void *arg);
void ztj_strays_answer(struct ztj_gate *g, struct ztj_session *s, const struct ztj_warden_msg *m);

/* ---- gate_leader.c ---- */
/* Logs "close" when the process that asks ends. Takes its pidfd over. */
int ztj_leader_watch(struct ztj_conn *c, struct ztj_session *s) ZTJ_MUST_CHECK;
/* Takes a session out of the table. */
void ztj_session_forget(struct ztj_gate *g, struct ztj_session *s);
/* At the end of the gate. */
void ztj_leader_drop(struct ztj_gate *g);

/* ---- gate_news.c ---- */
void ztj_news_readable(evutil_socket_t fd, short what, void *arg);
/* One JSON container, directory answer or bundle, from the broker or carried by hand. */
int ztj_news_container(struct ztj_gate *g, struct ztj_view json, bool *changed) ZTJ_MUST_CHECK;
int ztj_news_directory(struct ztj_gate *g, struct ztj_view json, bool *changed) ZTJ_MUST_CHECK;
int ztj_news_import(struct ztj_gate *g, struct ztj_view bytes, bool *changed) ZTJ_MUST_CHECK;

/* ---- gate_tell.c ---- */
/* Whom to believe and what is held. */
int ztj_news_tell_mirror(struct ztj_gate *g) ZTJ_MUST_CHECK;
/* A scan's result for the mirror to post; ztj_standing_posted hears what became of it. A revocation for the broker: ztj_handback_posted. */
int ztj_news_report(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_view json) ZTJ_MUST_CHECK;
int ztj_news_hand_back(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], struct ztj_view json) ZTJ_MUST_CHECK;
/* For everything that the broker has. */
void ztj_news_ask_again(struct ztj_gate *g);
/* Somebody was refused because the broker was not heard: it is tried at once, if it is away. */
void ztj_news_hurry(struct ztj_gate *g);
/* Tells the relay that a challenge is over. */
void ztj_news_end_stepup(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], bool taken);
/* Hands a challenge to the mirror for the broker's relay. */
int ztj_news_post_stepup(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], const struct ztj_signed *s) ZTJ_MUST_CHECK;

/* ---- gate_publish.c: names for libnss_ztjit ---- */
int ztj_names_open(struct ztj_gate *g) ZTJ_MUST_CHECK;
void ztj_names_close(struct ztj_gate *g);
/* The first files; ztj_gate_listen when they stand. */
void ztj_names_start(struct ztj_gate *g);
/* Makes what is published anew, if anything in it changed: before it shows elsewhere. */
void ztj_names_review(struct ztj_gate *g);
/* The same, perhaps a moment later when the news can only give. */
void ztj_names_news(struct ztj_gate *g, bool gives);
/* The broker was heard. */
void ztj_names_heard(struct ztj_gate *g);
/* The timer's, and when it is to come next (boot clock). */
void ztj_names_tick(struct ztj_gate *g);
int64_t ztj_names_next(const struct ztj_gate *g);
/* The warden's answer, if it is one to these. */
bool ztj_names_done(struct ztj_gate *g, const struct ztj_warden_msg *m);
/* Is there anything that does not stand yet? */
bool ztj_names_waiting(const struct ztj_gate *g);
/* People who have their account here from us: by name, by uid (NULL: nobody). */
bool ztj_names_person(const struct ztj_gate *g, const char *name, uint32_t *uid);
const char *ztj_names_of(const struct ztj_gate *g, uint32_t uid);
/* The uid that a person was given here for ever, published or not. */
bool ztj_names_given(const struct ztj_gate *g, const char *person, uint32_t *uid);
/* Does such an account have the shell that a login by this role needs? */
bool ztj_names_has_shell(const struct ztj_gate *g, const char *person, const struct ztj_role *role);
/* NULL: none is installed. */
const char *ztj_names_recorder(const struct ztj_gate *g);

/* ---- gate_lost.c: who is in a group no more ---- */
void ztj_lost_sweep(struct ztj_gate *g);
/* The warden's answer, if it is one to that. */
bool ztj_lost_done(struct ztj_gate *g, const struct ztj_warden_msg *m);

/* ---- gate_control.c ---- */
/* What is published stands: whoever waits for that hears so. */
void ztj_control_published(struct ztj_gate *g);
/* Ends what a peer of control.sock asked. */
void ztj_control_reply(struct ztj_conn *c, int code, const char *text);
void ztj_control_message(struct ztj_conn *c);

/* ---- gate_access.c ---- */
struct json_t;
/* Array of the grants held here: those that run, those to come, those that are over; *left_out of them did not fit. */
struct json_t *ztj_gate_access(struct ztj_gate *g, size_t *left_out);

/* ---- gate_log.c ---- */
/* Sets time and host, appends; what may wait is synced soon. */
int ztj_gate_log(struct ztj_gate *g, struct ztj_decision *d) ZTJ_MUST_CHECK;
void ztj_gate_alarm(struct ztj_gate *g, int code, const char *text);
/* One that what the broker sends can cause as often as it likes: so often only, or it could fill the log of decisions, of which
 * the oldest files are removed. */
void ztj_gate_alarm_news(struct ztj_gate *g, int code, const char *text);
/* The first line of a run, and its last. */
void ztj_gate_log_start(struct ztj_gate *g);
void ztj_gate_log_stop(struct ztj_gate *g);
/* A policy that was taken. */
void ztj_gate_log_policy(struct ztj_gate *g);
/* The timer's. */
void ztj_gate_sync(evutil_socket_t fd, short what, void *arg);

#endif
