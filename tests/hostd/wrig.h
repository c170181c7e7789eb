/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The warden's process and the gate's end of its pair, for the tests that need root and, unless by_audit is set, the
 * cgroup2 mount that warden.sh makes. One test runs at a time.
 */
#ifndef ZTJ_TESTS_HOSTD_WRIG_H
#define ZTJ_TESTS_HOSTD_WRIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ztjit-hostd/warden.h"

extern struct wrig {
	bool by_audit;            /* no cgroups: set before the tests run */
	char root[256], prefix[256], table[300], run[300];
	pid_t warden;
	int gate;
	struct ztj_warden_conf conf;
	int64_t end_at;           /* of sessions that are made */
	uint32_t next_id;
	uint32_t answered, answered_flags; /* n and flags of the last answer */
	uint64_t made, emptied, found;     /* bits: sessions that were made; whose EMPTY came along; that it found at its start */
	unsigned told_n, told_session;     /* of the last SWEPT or ESCAPED */
	uint32_t told_op;
} wrig;

/* False, having said why, when these tests cannot run here. */
bool wrig_find_root(void);
int64_t wrig_boot_now(void);
void wrig_fork(void);
/* Until it has begun; says what it found. */
bool wrig_begun(void);
/* Both. */
void wrig_start(void);
int wrig_setup(void **state);
int wrig_teardown(void **state);
void wrig_send(struct ztj_warden_msg *m, int fd);
bool wrig_receive(struct ztj_warden_msg *m, int ms);
/* The code of the answer. */
int wrig_ask(struct ztj_warden_msg *q, int fd);
int wrig_command(uint32_t op, uint64_t session, uint64_t parent, int fd);
bool wrig_wait_empty(uint64_t session);
int wrig_pidfd_of(pid_t pid);
/* A process that runs body; it may wait for a byte written to *go. */
pid_t wrig_child(void (*body)(int go), int *go);
void wrig_idle(int go);
bool wrig_dead(pid_t pid);
void wrig_cgroup_of(pid_t pid, char out[ZTJ_CGROUP_SIZE]);
/* The gate goes, and the warden stays. */
void wrig_lose_gate(void);
/* It ended, as it should. */
bool wrig_warden_left(void);
/* A session around a process that idles. */
pid_t wrig_session(uint64_t no, uint64_t parent);
/* The next news of this kind. */
bool wrig_told(uint32_t op, int ms);
/* Not our child: it runs nothing any more. */
bool wrig_gone_for_good(pid_t pid);
/* Hundreds that idle, some with numbers below and some with numbers above all that are given from now on: a look at everything comes to whoever only
 * forks and exits when it has long had another number, and not last of all, where it would be met at once. Gone with the test. */
void wrig_crowd(void);
/* As pam_loginuid: an audit session of its own for this process. False where the kernel has no auditing. */
bool wrig_new_login(void);

#endif
