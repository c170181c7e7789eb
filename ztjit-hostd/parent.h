/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to the parent: what it makes, and the processes that inherit it.
 */
#ifndef ZTJ_HOSTD_PARENT_H
#define ZTJ_HOSTD_PARENT_H

#include "ztjit-hostd/gate.h"

struct ztj_users {
	uid_t mirror, gate, principals, scribe;
	gid_t mirror_gid, gate_gid, principals_gid, scribe_gid;
};

struct ztj_parent {
	const struct ztj_hostconf *conf;
	bool to_stderr;
	struct ztj_users u;
	struct ztj_gate_fds fds;
	int mirror_end, warden_end, scribe_end; /* their ends of the pairs */
	int ship[2];                            /* scribe's and mirror's */
	int rec;                                /* rec.sock */
	gid_t rec_group;                        /* (gid_t)-1: no recorder is installed */
	char prefix[ZTJ_CGROUP_SIZE], bootid[ZTJ_BOOTID_SIZE];
	uint32_t init_loginuid;
	pid_t self, mirror, gate, warden, scribe;
};

/* ---- parent_run.c: what each process is from its fork on ---- */
_Noreturn void ztj_run_warden(struct ztj_parent *p);
_Noreturn void ztj_run_mirror(struct ztj_parent *p);
_Noreturn void ztj_run_gate(struct ztj_parent *p);
_Noreturn void ztj_run_scribe(struct ztj_parent *p);

#endif
