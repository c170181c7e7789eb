/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Randomised histories: what people say about one request, where it is used and what breaks meanwhile, played on a real broker and
 * two real host agents, and everything that was answered checked against a model of DESIGN section 7 (doc/HISTORIES.md).
 *
 * Who does what is a process each, with one pair of sockets to the test: posters talk to the broker, the keeper starts and kills
 * it, an agent holds one host. So every call may be in flight when something dies.
 */
#ifndef ZTJ_TESTS_HISTORY_H
#define ZTJ_TESTS_HISTORY_H

#include "libztjit/core/checkpoint.h"
#include "tests/broker/bk.h"

#define HI_HOSTS 2 /* FX_WEB1 and FX_WEB2 */
#define HI_NODES 3 /* the broker is node 0 */
#define HI_POSTERS 3
#define HI_LINKS 2
#define HI_STMTS 10 /* in one history */
#define HI_GONE 5   /* revocations of people in one batch */
#define HI_OBS 48
#define HI_OPS 40
#define HI_SESSIONS 16
#define HI_MARKS 64
#define HI_NOBODY FX_OUT1 /* asks, carries and reads, and is never revoked */

/* --- the policy, for the broker's text and for the model --- */

enum { HI_RULE_TWO, HI_RULE_ONE, HI_RULE_PAIR, HI_RULE_AUTO, HI_RULES };
struct hi_rule {
	const char *role;
	int64_t total;
	unsigned nunits;            /* approvals that are wanted, one after the other */
	const char *from[2][2];     /* the groups that each may come from */
};
extern const struct hi_rule hi_rule[HI_RULES];
void hi_policy(struct ztj_buf *rules);

/* --- a history --- */

enum hi_kind { HI_REQUEST, HI_APPROVE, HI_DENY, HI_REVOKE, HI_GONE_PERSON };
/* One time that a statement was sent: status 0: no answer, nobody knows. */
struct hi_post {
	double t0, t1;
	int status;
	char error[32];
};
struct hi_stmt {
	enum hi_kind kind;
	int link, who;              /* who: of the fixture, or -1: the people's registrar */
	int64_t limit, until;       /* of an approval; of a revoked person */
	bool made;
	int64_t issued;
	uint8_t id[ZTJ_DIGEST_LEN];
	char *json;
	size_t nposts;
	struct hi_post post[3];
};
struct hi_link {
	int rule;
	unsigned hosts;             /* bits */
	int64_t duration, start_in, valid_in; /* in seconds from when it is asked; start_in 0: at once */
	int64_t start, valid_until;
};

/* What the test saw. Instants are seconds since 1970, from before the question to after the answer. */
enum hi_what { HI_SAW_STATE, HI_SAW_CERT, HI_SAW_REFUSAL, HI_SAW_LINE, HI_SAW_LOGIN, HI_SAW_KILL, HI_SAW_RUNNING };
struct hi_obs {
	enum hi_what what;
	int node, link;
	double t0, t1;
	int code;                   /* of a host; status of a certificate; statement that was refused */
	unsigned states;            /* bit of the state that was said */
	unsigned mask;              /* statements in the answer; those that the certificate carries */
	char text[64];
};
enum hi_op_kind { HI_OP_SEND, HI_OP_GET, HI_OP_CERT, HI_OP_USE };
struct hi_op {
	double at;                  /* from the batch's beginning */
	enum hi_op_kind kind;
	int arg, link;              /* statement; host */
	bool carried;               /* use: with the certificate of the broker when there is one */
};
struct hi_session {
	int node, link;
	uint64_t no;
	double opened, killed;      /* killed 0: not yet */
};
struct hi_history {
	unsigned number;
	int requester;
	size_t nlinks, nstmts, nops, nobs, nsessions;
	struct hi_link link[HI_LINKS];
	struct hi_stmt stmt[HI_STMTS];
	struct hi_op op[HI_OPS];
	struct hi_obs obs[HI_OBS];
	struct hi_session session[HI_SESSIONS];
	bool asking;                /* a question to the broker is out */
	char *cert[HI_LINKS];       /* as the broker made it, in base64 */
	unsigned carried[HI_LINKS];
};
/* Bits of a mask: the history's statements, then the batch's revoked people. */
#define HI_GONE_BIT(i) (1u << (HI_STMTS + (unsigned)(i)))

/* Marks at which a host has caught up: it knows a request that was sent to the broker at `sent`. */
struct hi_mark {
	int node;
	double sent, seen;
	bool fresh;                 /* and it has heard a status that matches */
};
struct hi_batch {
	uint64_t seed;
	struct bk b;
	size_t n;
	struct hi_history *h;
	size_t ngone;
	struct hi_stmt gone[HI_GONE];
	double gone_at[HI_GONE], begun;
	/* when the broker was told to stop for the copy, and served again; the same of putting it back; 0: never */
	double backup, copied, restoring, restored;
	size_t nmarks;
	struct hi_mark mark[HI_MARKS];
	unsigned broker_kills, host_kills, partitions, posts, lost, uses, admitted, observations, noticed;
	struct ztj_checkpoint kept[8]; /* of the log: what an auditor remembers, and when it saw it */
	double kept_at[8];
	size_t nkept;
	char agent_dir[HI_HOSTS][64]; /* where each host's state is */
	double back[HI_HOSTS][8];   /* when its processes were started */
	size_t nback[HI_HOSTS];
};

/* --- random numbers, from the seed alone --- */
struct hi_random { uint64_t s; };
uint64_t hi_next(struct hi_random *r);
unsigned hi_below(struct hi_random *r, unsigned n);
double hi_between(struct hi_random *r, double from, double to);
static inline bool hi_chance(struct hi_random *r, unsigned percent) { return hi_below(r, 100) < percent; }

double hi_now(void);

/* --- plan.c --- */
#define HI_SECONDS 5.0 /* of events, in a batch */
void hi_plan(struct hi_batch *b, struct hi_random *r);
void hi_free(struct hi_batch *b);
/* Builds and signs what is said now. */
void hi_make(struct hi_batch *b, struct hi_history *h, int i);
void hi_make_gone(struct hi_batch *b, size_t i);
/* A request by HI_NOBODY that needs nobody's approval, for both hosts. */
void hi_make_mark(struct hi_batch *b, struct hi_stmt *s);
void hi_print(const struct hi_batch *b, const struct hi_history *h);

/* --- model.c: written from DESIGN section 7 --- */
enum { HI_NONE, HI_PENDING, HI_APPROVED, HI_ACTIVE, HI_ENDED, HI_EXPIRED, HI_DENIED, HI_CANCELLED, HI_REVOKED, HI_INVALID, HI_STATES };
extern const char *const hi_state_name[HI_STATES];
struct hi_state {
	unsigned states; /* bits: where the design leaves open which of two reasons is named, both */
	int64_t starts, ends;
};
/* What whoever knows these statements has to say about that request then. */
struct hi_state hi_model(const struct hi_batch *b, const struct hi_history *h, int link, unsigned mask, int64_t now);
bool hi_may_approve(int rule, int who);
#define HI_IS(st, s) (((st).states >> (s)) & 1u)
#define HI_LIVE ((1u << HI_PENDING) | (1u << HI_APPROVED) | (1u << HI_ACTIVE))

/* --- judge.c: 0, or it has said what is wrong --- */
int hi_judge(struct hi_batch *b);

/* --- after.c: the store, the log and the hosts' decisions, with everything at rest --- */
int hi_after(struct hi_batch *b);
/* What an auditor keeps of the log. */
void hi_keep_checkpoint(struct hi_batch *b);

/* --- the processes (agent.c, callers.c) --- */
/* Forks: true in the child. *sock: this side's end of a pair. */
bool hi_part(int *sock);
enum hi_ask_kind { HI_ASK_LINE, HI_ASK_LOGIN, HI_ASK_KILL, HI_ASK_CUT, HI_ASK_JOIN, HI_ASK_END };
#define HI_CERT_MAX 24000
struct hi_ask {
	uint32_t tag;
	enum hi_ask_kind kind;
	int arg;                    /* pid of the process that asks; ms until the kill */
	char cert[HI_CERT_MAX];     /* base64 */
};
enum hi_told_kind { HI_TOLD_ANSWER, HI_TOLD_KILLED, HI_TOLD_BACK };
#define HI_LOST 1 /* as a code: no answer */
struct hi_told {
	uint32_t tag;
	enum hi_told_kind kind;
	double t[3];                /* before, after principals, after the login */
	int code[2];
	uint64_t session;
};
/* Starts the agent of that host; our end. */
int hi_agent_start(struct hi_batch *b, int host);

enum hi_call_kind { HI_CALL_POST, HI_CALL_GET, HI_CALL_CERT, HI_CALL_END };
struct hi_call {
	uint32_t tag;
	enum hi_call_kind kind;
	int who;                    /* whose TLS key */
	uint8_t id[ZTJ_DIGEST_LEN]; /* of the request */
	char body[HI_CERT_MAX];
};
struct hi_reply {
	uint32_t tag;
	enum hi_call_kind kind;
	double t0, t1;
	int status;
	char error[32], state[16];
	size_t nids;
	uint8_t id[24][ZTJ_DIGEST_LEN]; /* statements in the bundle that came */
	char cert[HI_CERT_MAX];
};
int hi_poster_start(struct hi_batch *b);

enum hi_keep_kind { HI_KEEP_KILL, HI_KEEP_BACKUP, HI_KEEP_RESTORE, HI_KEEP_END };
struct hi_keep {
	enum hi_keep_kind kind;
	double stopped, started;    /* in the answer */
};
int hi_keeper_start(struct hi_batch *b);

/* --- run.c --- */
int hi_run(struct hi_batch *b, struct hi_random *r);

#endif
