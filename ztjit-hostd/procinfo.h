/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the kernel says about a process. A peer's word about itself proves
 * nothing; its entry in /proc, read while a pidfd holds it, does.
 */
#ifndef ZTJ_HOSTD_PROCINFO_H
#define ZTJ_HOSTD_PROCINFO_H

#include <sys/types.h>

#include "libztjit/core/wire.h"

#define ZTJ_CGROUP_SIZE 512
#define ZTJ_TTY_SIZE 24
#define ZTJ_NO_LOGINUID 0xffffffffu
#define ZTJ_NO_AUDIT_SESSION 0xffffffffu
#define ZTJ_PROC_UP 32

/* A process for as long as it lives: pids are used again, a pid with its start time is not. */
struct ztj_procid {
	pid_t pid;
	uint64_t start; /* clock ticks after boot */
};

/* Where the kernel put a program when it began: whoever was forked from it and began no other since has the same, and
 * nobody else (addresses are random). 0: it runs none, or we may not know. */
struct ztj_procimage {
	uint64_t code, stack;
};

struct ztj_procinfo {
	struct ztj_procid id, parent;
	uid_t ruid, euid;
	bool dying;                   /* somebody has killed it: it runs nothing of its own any more */
	uint32_t loginuid;            /* ZTJ_NO_LOGINUID: never set */
	uint32_t tty_nr;              /* device number, 0: none */
	char tty[ZTJ_TTY_SIZE];       /* "pts/3", "tty1", "-" */
	char cgroup[ZTJ_CGROUP_SIZE]; /* path in the v2 hierarchy */
	/* of ztj_proc_read_descent alone */
	uint32_t audit;               /* the kernel's audit session; ZTJ_NO_AUDIT_SESSION: none */
	unsigned nup;
	struct ztj_procid up[ZTJ_PROC_UP]; /* itself, its parent, and so on */
};

/* Parsers of the files' text; ZTJ_BAD_ENCODING when it is not what the kernel writes. */
int ztj_proc_parse_stat(struct ztj_view text, struct ztj_procinfo *p) ZTJ_MUST_CHECK;
int ztj_proc_parse_image(struct ztj_view text, struct ztj_procimage *out) ZTJ_MUST_CHECK; /* of stat */
int ztj_proc_parse_status(struct ztj_view text, struct ztj_procinfo *p) ZTJ_MUST_CHECK;
/* The end of such a file is enough. */
bool ztj_proc_parse_dying(struct ztj_view status);
/* The same of a process, however many groups it is in. NOT_FOUND. */
int ztj_proc_read_status(pid_t pid, struct ztj_procinfo *out) ZTJ_MUST_CHECK;
int ztj_proc_parse_cgroup(struct ztj_view text, char out[ZTJ_CGROUP_SIZE]) ZTJ_MUST_CHECK;
/* Is the process of this status in the group, by whichever of its ids? Also when the text does not say. */
bool ztj_proc_parse_in_group(struct ztj_view text, uint32_t gid);
/* Cut where it is too long; "" when there is none. */
void ztj_proc_parse_cgroup_cut(struct ztj_view text, char out[ZTJ_CGROUP_SIZE]);
/* The same where version 2 is not in use: systemd's hierarchy of version 1, or "". */
void ztj_proc_parse_cgroup_any(struct ztj_view text, char out[ZTJ_CGROUP_SIZE]);
/* "Pid:" of /proc/self/fdinfo/N; ZTJ_NOT_FOUND when the process is gone. */
int ztj_proc_parse_fdinfo(struct ztj_view text, pid_t *pid) ZTJ_MUST_CHECK;
void ztj_proc_tty_name(uint32_t tty_nr, char out[ZTJ_TTY_SIZE]);

/* The peer of a connected Unix socket, held: *pidfd is the caller's to close (-1 on error). */
int ztj_proc_peer(int sock, int *pidfd, pid_t *pid, uid_t *uid) ZTJ_MUST_CHECK;
/* Everything above about the process behind pidfd, read while it lives. parent.start is 0 when the parent is gone. */
int ztj_proc_read(int pidfd, pid_t pid, struct ztj_procinfo *out) ZTJ_MUST_CHECK;
/* The same where there need be no cgroups, with the audit session and the processes that it descends from. */
int ztj_proc_read_descent(int pidfd, pid_t pid, struct ztj_procinfo *out) ZTJ_MUST_CHECK;
/* Either of them, of a process that may not want to be read: a cgroup that is too long is cut, or "". */
int ztj_proc_read_any(int pidfd, pid_t pid, bool descent, struct ztj_procinfo *out) ZTJ_MUST_CHECK;
/* ZTJ_NO_AUDIT_SESSION: none, or the process is gone. */
uint32_t ztj_proc_audit(pid_t pid);
/* pid behind a pidfd, from /proc/self/fdinfo. */
int ztj_proc_pid_of(int pidfd, pid_t *pid) ZTJ_MUST_CHECK;
bool ztj_proc_alive(int pidfd);
bool ztj_procid_eq(struct ztj_procid a, struct ztj_procid b);

/* Where a directory of the cgroup v2 file system stands in /proc/PID/cgroup: text is /proc/self/mountinfo. */
int ztj_proc_cgroup_prefix(struct ztj_view mountinfo, const char *dir, char out[ZTJ_CGROUP_SIZE]) ZTJ_MUST_CHECK;
/* TOO_LARGE: the beginning of it. */
int ztj_proc_file(const char *path, char *out, size_t size, struct ztj_view *text) ZTJ_MUST_CHECK;

#endif
