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

#include <sys/types.h>

#include "libztjit/core/err.h"
#include "ztjit-hostd/wardenmsg.h"

#define ZTJ_WARDEN_SESSIONS 1024
#define ZTJ_WARDEN_PATH 512
/* Answers that wait for the gate: more than all it can have asked for before it reads again. */
#define ZTJ_WARDEN_QUEUE 8192

struct ztj_warden_session {
	uint64_t no;                /* 0: free slot */
	char path[ZTJ_WARDEN_PATH]; /* absolute */
	int watch;                  /* inotify watch of cgroup.events */
	int ending;                 /* killed: terminals are no longer written to */
};

struct ztj_warden {
	char root[ZTJ_WARDEN_PATH];
	int gate, inotify;
	struct ztj_warden_session s[ZTJ_WARDEN_SESSIONS];
	struct ztj_warden_msg queue[ZTJ_WARDEN_QUEUE]; /* a ring */
	size_t first, queued;
};

/* Checks that root lies in a cgroup v2 file system with cgroup.kill, makes it, and kills and removes what an earlier run
 * left in it: nobody would end those sessions. */
int ztj_warden_root(struct ztj_warden *w, const char *root) ZTJ_MUST_CHECK;
int ztj_warden_make(struct ztj_warden *w, uint64_t no, uint64_t parent, int pidfd) ZTJ_MUST_CHECK;
int ztj_warden_kill(struct ztj_warden *w, uint64_t no) ZTJ_MUST_CHECK;
void ztj_warden_kill_all(struct ztj_warden *w);
int ztj_warden_kill_proc(int pidfd) ZTJ_MUST_CHECK;
int ztj_warden_warn(struct ztj_warden *w, uint64_t no, uint32_t text) ZTJ_MUST_CHECK;
/* The session of a watch, if its cgroup is empty now: removed, its number returned; else 0. */
uint64_t ztj_warden_reap(struct ztj_warden *w, int watch);
/* A session whose cgroup is no more, forgotten; 0: none. */
uint64_t ztj_warden_gone(struct ztj_warden *w);
/* Calls each(pid, arg) for every process in a cgroup and below. */
void ztj_warden_each(const char *path, void (*each)(pid_t pid, void *arg), void *arg);
/* Writes text to a terminal device if it is one of ours to write to: pseudo terminal or virtual console. */
void ztj_warden_tty_write(uint32_t tty_nr, const char *text);

/* The process: never returns. fd: the pair to the gate. */
_Noreturn void ztj_warden_main(int gate, const char *root);

#endif
