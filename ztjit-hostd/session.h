/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Who is on this host: one entry per admitted login and per sudo or su inside
 * one, each with a cgroup of its own or, where gate_shared.c says so, in that of the session around. The person behind a process is
 * known by the cgroup
 * it is in, never by a name.
 */
#ifndef ZTJ_HOSTD_SESSION_H
#define ZTJ_HOSTD_SESSION_H

#include "libztjit/core/decide.h"
#include "ztjit-hostd/procinfo.h"

#define ZTJ_SESSIONS_MAX 1024
#define ZTJ_ACCOUNT_SIZE 65
#define ZTJ_PEER_SIZE 65
#define ZTJ_SERVICE_SIZE 33

struct event;

struct ztj_session {
	uint64_t no, parent;              /* parent 0: a login */
	uint8_t name[ZTJ_DIGEST_LEN];     /* random: what people and records call it */
	int64_t since;                    /* CLOCK_BOOTTIME */
	bool wants_record;                /* a login by a role that is recorded: nothing may run in it beside a recorder */
	bool recorded;                    /* what a recorder records; goes with its parent */
	bool playing;                     /* recorded: the recorder lives */
	int64_t resume_by;                /* CLOCK_BOOTTIME: until when a gate that was started anew waits for the recorder; 0: it is there */
	struct ztj_procid recorder;       /* recorded */
	char record[ZTJ_SHORT_ID_SIZE];   /* recorded: what the broker calls it, once it has begun there */
	uint32_t tag;                     /* recorded: the scribe's question, until it is answered */
	uint32_t looking;                 /* id of a question about strays to the warden */
	char cgroup[ZTJ_CGROUP_SIZE];     /* as /proc/PID/cgroup shows it; without cgroups as it would */
	uint32_t audit;                   /* a login's audit session, as the warden says; 0: not known yet */
	char person[ZTJ_FULLNAME_SIZE];
	char service[ZTJ_SERVICE_SIZE], account[ZTJ_ACCOUNT_SIZE], peer[ZTJ_PEER_SIZE], tty[ZTJ_TTY_SIZE];
	uint32_t uid;                     /* local uid of the account that was logged in to */
	uint8_t grant[ZTJ_DIGEST_LEN];
	struct ztj_key certified;         /* logins */
	struct ztj_procid leader;
	int64_t ends, end_boot;           /* wall clock; CLOCK_BOOTTIME */
	int64_t stale_boot;               /* CLOCK_BOOTTIME: when no word from the broker ends it; 0: never */
	unsigned warned;                  /* bits: 1 = five minutes, 2 = one minute */
	bool placed;                      /* its cgroup is there */
	bool ending;                      /* its processes are being killed */
	uint32_t making;                  /* id of the command to the warden, until the process was told yes */
	bool shared;                      /* in the cgroup of its parent, which ends it (gate_shared.c) */
	int leader_fd;                    /* of one inside another: pidfd of the leader while it lives; else -1 */
	struct event *leaving;            /* and its end */
	bool stays;                       /* it is over and kept in mind (gate_stays.c) */
	bool lost;                        /* of an earlier gate, and not found by the warden (yet) */
	bool became_root;                 /* of one that others share or shared */
};

struct ztj_sessions;
/* prefix: the parent cgroup of all sessions as /proc shows it. */
int ztj_sessions_new(const char *prefix, struct ztj_sessions **out) ZTJ_MUST_CHECK;
void ztj_sessions_free(struct ztj_sessions *t);
/* A number and a cgroup path for a new session; *out is owned by the table. LIMIT when full. */
int ztj_sessions_add(struct ztj_sessions *t, const struct ztj_session *parent, struct ztj_session **out) ZTJ_MUST_CHECK;
/* The same for one that an earlier gate numbered. STATE: the number is taken. */
int ztj_sessions_restore(struct ztj_sessions *t, const struct ztj_session *parent, uint64_t no,
    struct ztj_session **out) ZTJ_MUST_CHECK;
/* No number up to this one is given (again). */
void ztj_sessions_used(struct ztj_sessions *t, uint64_t no);
void ztj_sessions_remove(struct ztj_sessions *t, uint64_t no);
struct ztj_session *ztj_sessions_get(struct ztj_sessions *t, uint64_t no);
struct ztj_session *ztj_sessions_by_name(struct ztj_sessions *t, const uint8_t name[ZTJ_DIGEST_LEN]);
/* Is s inside `of` (or `of` itself)? */
bool ztj_sessions_inside(struct ztj_sessions *t, const struct ztj_session *s, const struct ztj_session *of);
/* The innermost session around s, or s itself, that a living recorder records, and is known to; NULL: none. */
struct ztj_session *ztj_sessions_recording(struct ztj_sessions *t, struct ztj_session *s);
size_t ztj_sessions_count(const struct ztj_sessions *t);
struct ztj_session *ztj_sessions_at(struct ztj_sessions *t, size_t i);
/* The innermost session, of those with a cgroup of their own, that a cgroup path lies in. NULL: none. *inside says whether the path is below the
 * prefix at all: such a process is some session's even if we do not know it. */
struct ztj_session *ztj_sessions_by_cgroup(struct ztj_sessions *t, const char *path, bool *inside);
/* The same without cgroups: by the audit session of its login and, within that, by who it descends from. NULL with *inside: of
 * that login, but the processes in between are gone, so nobody knows whether it is in a session inside it. */
struct ztj_session *ztj_sessions_by_descent(struct ztj_sessions *t, const struct ztj_procinfo *p, bool *inside);
/* The login at the top of a session. */
struct ztj_session *ztj_sessions_top(struct ztj_sessions *t, struct ztj_session *s);

#endif
