/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The warden's own parts: cgroups and terminals. Root runs this, so it is small
 * and parses nothing but numbers that the kernel writes.
 */
#ifndef ZTJ_HOSTD_WARDEN_H
#define ZTJ_HOSTD_WARDEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "libztjit/core/err.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/wardenmsg.h"

#define ZTJ_WARDEN_SESSIONS 1024
#define ZTJ_WARDEN_PATH 512
/* Answers that wait for the gate: more than all it can have asked for before it reads again. */
#define ZTJ_WARDEN_QUEUE 8192

/* A program, whatever it is called. */
struct ztj_warden_exe {
	dev_t dev;
	ino_t ino; /* 0: unknown */
};

struct ztj_warden_session {
	uint64_t no, parent;        /* 0: free slot; 0: a login */
	int64_t end_at;             /* seconds of the boot clock */
	int recorded;               /* a recorder records what is in it */
	struct ztj_warden_exe opener; /* what asked for it: sshd */
	uint32_t audit;             /* the kernel's audit session; 0xffffffff: none */
	char path[ZTJ_WARDEN_PATH]; /* absolute */
	int watch;                  /* inotify watch of cgroup.events */
	struct ztj_procid leader;   /* what asked for it */
	int leader_fd;              /* without cgroups: its pidfd while it lives; else -1 */
	unsigned tries;             /* without cgroups: how often it was killed */
	int ending;                 /* killed, or to be killed at due_ms */
	int64_t told_ms, due_ms;    /* boot clock: when its terminals were told why; when it is to be killed, 0: it is */
};

/* A process that left its session and is to end with it. */
struct ztj_warden_escaped {
	struct ztj_procid id; /* pid 0: free */
	uint64_t session;
	int pidfd;
};
#define ZTJ_WARDEN_ESCAPES 64
struct ztj_warden_over {
	uint64_t no;
	uint32_t audit;
};

/* What outlives a warden (warden_table.c): row i is session i. */
struct ztj_warden_row {
	uint64_t no, parent;
	int64_t end_at;
	uint64_t dev, ino;
	uint32_t recorded, ending, audit, by_audit;
	uint64_t leader_start;
	uint32_t leader_pid, spare;
};
struct ztj_warden_table {
	char magic[16], bootid[64];
	int64_t alone_since; /* boot clock; 0: a gate is there that has judged every session */
	struct ztj_warden_row row[ZTJ_WARDEN_SESSIONS];
};

struct ztj_warden {
	char root[ZTJ_WARDEN_PATH];
	char prefix[ZTJ_WARDEN_PATH]; /* root as /proc/PID/cgroup shows it */
	struct ztj_warden_escaped escaped[ZTJ_WARDEN_ESCAPES];
	size_t nescaped;
	struct ztj_warden_over over[ZTJ_WARDEN_SESSIONS]; /* sessions that ended since ztj_warden_hunt */
	size_t nover;
	int64_t hunt_at; /* ztj_ipc_now_ms(): when it is due; 0: not yet known */
	const char *run;       /* directory of what is published */
	bool by_audit;         /* there are no cgroups: warden_audit.c */
	int leaders;           /* epoll: pidfds of leaders */
	int64_t look_ms;       /* boot clock: when to look for sessions that are over */
	gid_t recorder;        /* effective group of recorders; (gid_t)-1: there are none */
	int64_t grace;         /* seconds without a gate until every session ends */
	int gate, inotify, timer, signals; /* gate -1: it is gone */
	bool ready;            /* the gate has judged what was found */
	bool warned;           /* terminals were told that the gate is gone */
	struct ztj_warden_table *table;
	struct ztj_warden_session s[ZTJ_WARDEN_SESSIONS];
	struct ztj_warden_msg queue[ZTJ_WARDEN_QUEUE]; /* a ring */
	size_t first, queued;
};

/* Checks that root lies in a cgroup v2 file system with cgroup.kill, and makes it. NULL: there are to be no cgroups. */
int ztj_warden_root(struct ztj_warden *w, const char *root) ZTJ_MUST_CHECK;
/* Takes up the sessions that an earlier warden left; what is none is killed and removed. */
int ztj_warden_adopt(struct ztj_warden *w) ZTJ_MUST_CHECK;
struct ztj_warden_session *ztj_warden_find(struct ztj_warden *w, uint64_t no);
/* m: session, parent, at, flags. */
int ztj_warden_make(struct ztj_warden *w, const struct ztj_warden_msg *m, int pidfd) ZTJ_MUST_CHECK;
/* Best effort; a login is slower without. */
void ztj_warden_soon(const struct ztj_warden *w);
int ztj_warden_end_at(struct ztj_warden *w, uint64_t no, int64_t at) ZTJ_MUST_CHECK;
int ztj_warden_kill(struct ztj_warden *w, uint64_t no) ZTJ_MUST_CHECK;
/* Kills what was told why a moment ago; how many ms until the next is due, -1: none. */
int ztj_warden_kill_due(struct ztj_warden *w);
void ztj_warden_kill_all(struct ztj_warden *w);
int ztj_warden_kill_proc(int pidfd) ZTJ_MUST_CHECK;
/* m: session, text, grant, flags. */
int ztj_warden_warn(struct ztj_warden *w, const struct ztj_warden_msg *m) ZTJ_MUST_CHECK;
/* NOT_FOUND: it runs no program (any more). */
int ztj_warden_exe(pid_t pid, struct ztj_warden_exe *out) ZTJ_MUST_CHECK;
/* Any thread of it: a process whose first has ended has no program to look at, and runs all the same. */
bool ztj_warden_runs(pid_t pid);
/* answer: n, flags. */
int ztj_warden_strays(struct ztj_warden *w, uint64_t no, struct ztj_warden_msg *answer) ZTJ_MUST_CHECK;
/* The session of a watch, if its cgroup is empty now: removed, its number returned; else 0. */
uint64_t ztj_warden_reap(struct ztj_warden *w, int watch);
/* A session whose cgroup is no more, forgotten; 0: none. */
uint64_t ztj_warden_gone(struct ztj_warden *w);
/* Calls each(pid, arg) for every process in a session and in none that is inside it. */
void ztj_warden_direct(struct ztj_warden *w, const struct ztj_warden_session *s, void (*each)(pid_t pid, void *arg),
    void *arg);
/* The same, and in those inside it; those beside a recorder, whose terminals show what a recorder shows, only with `outer`. */
void ztj_warden_members(struct ztj_warden *w, const struct ztj_warden_session *s, bool outer,
    void (*each)(pid_t pid, void *arg), void *arg);
/* Writes text to a terminal device if it is one of ours to write to: pseudo terminal or virtual console. */
void ztj_warden_tty_write(uint32_t tty_nr, const char *text);

/* ---- warden_audit.c: the same where there are no cgroups ---- */
int ztj_warden_audit_root(struct ztj_warden *w) ZTJ_MUST_CHECK;
int ztj_warden_audit_adopt(struct ztj_warden *w, const struct ztj_warden_row *rows) ZTJ_MUST_CHECK;
/* Fills s, whose no is still 0. NO_AUDIT: it has no audit session of its own, or not that of the login around. */
int ztj_warden_audit_make(struct ztj_warden *w, struct ztj_warden_session *s, const struct ztj_warden_session *up,
    int pidfd) ZTJ_MUST_CHECK;
/* What is due; again until nothing of it is left. */
void ztj_warden_audit_kill(struct ztj_warden *w, int64_t now);
/* Leaders that went; then the sessions that are over, one a call: 0: no more. */
void ztj_warden_audit_leaders(struct ztj_warden *w);
uint64_t ztj_warden_audit_gone(struct ztj_warden *w);
/* ms until the next look is due; -1: every session has its leader. */
int ztj_warden_audit_wait(const struct ztj_warden *w);
void ztj_warden_audit_direct(struct ztj_warden *w, const struct ztj_warden_session *s,
    void (*each)(pid_t pid, void *arg), void *arg);
void ztj_warden_audit_members(struct ztj_warden *w, const struct ztj_warden_session *s, bool outer,
    void (*each)(pid_t pid, void *arg), void *arg);

/* ---- warden_newest.c ---- */
/* Calls each(pid, pidfd, arg) for the processes that began last and run, again and again for a few ms. The pidfd stays the caller's. */
void ztj_warden_newest(void (*each)(pid_t pid, int pidfd, void *arg), void *arg);

/* ---- warden_sweep.c ---- */
/* The audit session of a process, unless it is its parent's or ours too: ZTJ_NO_AUDIT_SESSION, as where there is none. */
uint32_t ztj_warden_own_audit(int pidfd, pid_t pid);
/* Kills what runs as uid outside the sessions; FORBIDDEN for root. */
/* Of those of uid who are in this group, inside the sessions as well. */
int ztj_warden_sweep_group(struct ztj_warden *w, uint32_t uid, uint32_t gid, uint32_t *n) ZTJ_MUST_CHECK;
int ztj_warden_sweep(struct ztj_warden *w, uint32_t uid, uint32_t *n) ZTJ_MUST_CHECK;
/* Tells of processes that left a session. */
int ztj_warden_outside(struct ztj_warden *w, uint32_t *n) ZTJ_MUST_CHECK;
/* The session is over: kills what is known to have left it; the rest is found by ztj_warden_hunt, once for all. */
void ztj_warden_over(struct ztj_warden *w, const struct ztj_warden_session *s);
void ztj_warden_hunt(struct ztj_warden *w);

/* ---- warden_publish.c ---- */
/* Replaces that file in the directory by the content of a sealed memfd: 0644, in one step, whatever stood there before. PROTOCOL: no such file, not
 * sealed, or no memfd; TOO_LARGE: empty or beyond its limit. `grants` that cannot be replaced (a full /run) are removed first and tried once more, so
 * that on another error none stand; with memfd -1 they are only removed. */
int ztj_warden_publish(const char *run, uint32_t file, int memfd) ZTJ_MUST_CHECK;

/* News for the gate. */
void ztj_warden_tell(struct ztj_warden *w, const struct ztj_warden_msg *m);

/* ---- warden_table.c ---- */
/* Takes the place of a warden whose gate is gone; STATE: there is one whose gate is not. */
int ztj_warden_table_open(struct ztj_warden *w, const char *path, const char *bootid) ZTJ_MUST_CHECK;
void ztj_warden_table_put(struct ztj_warden *w, const struct ztj_warden_session *s);
/* Fills what an earlier warden knew of the session with s->no and s->parent. */
void ztj_warden_table_get(const struct ztj_warden_row *rows, struct ztj_warden_session *s);

/* ---- warden_guard.c ---- */
size_t ztj_warden_count(const struct ztj_warden *w);
void ztj_warden_alone(struct ztj_warden *w);
void ztj_warden_not_alone(struct ztj_warden *w);
/* Ends what is due and sets the timer to the next time. */
int ztj_warden_tick(struct ztj_warden *w) ZTJ_MUST_CHECK;

/* The process: never returns. fd: the pair to the gate. */
struct ztj_warden_conf {
	const char *root;  /* cgroup of all sessions; NULL: there are to be no cgroups */
	const char *prefix; /* the same as /proc/PID/cgroup shows it */
	const char *run;   /* directory of what is published */
	const char *table; /* file in /run: what the next warden goes on with, and the lock */
	const char *bootid;
	int64_t grace;
	gid_t recorder;
};
_Noreturn void ztj_warden_main(int gate, const struct ztj_warden_conf *conf);

#endif
