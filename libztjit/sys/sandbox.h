/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Giving up power: users, capabilities, file system (Landlock), system calls
 * (seccomp), core dumps. Every failure is fatal to the caller (P11).
 */
#ifndef ZTJ_SYS_SANDBOX_H
#define ZTJ_SYS_SANDBOX_H

#include <sys/types.h>

#include "libztjit/core/err.h"

/* A user by name to ids; ZTJ_CONFIG when absent or uid 0. */
int ztj_user_lookup(const char *name, uid_t *uid, gid_t *gid) ZTJ_MUST_CHECK;
/* setgroups(0), setresgid, setresuid, and checks that there is no way back. No-op when not root and uid is ours. */
int ztj_drop_to(uid_t uid, gid_t gid) ZTJ_MUST_CHECK;
/* No core dumps, not dumpable, no new privileges, umask 077, closes descriptors from `keep_below` up. */
int ztj_process_harden(int keep_below) ZTJ_MUST_CHECK;

/* Paths that stay reachable; NULL-terminated lists; anything else is gone. Best effort by ABI: returns ZTJ_OK and
 * sets *abi to what the kernel offers (0: no Landlock; the caller logs it). */
int ztj_landlock(const char *const *read_only, const char *const *read_write, int *abi) ZTJ_MUST_CHECK;

enum ztj_sandbox {
	ZTJ_SB_SEND,   /* sockets and TLS to others, files of its own, never listening */
	ZTJ_SB_NET,    /* sockets and TLS, no exec, no open for writing beyond Landlock */
	ZTJ_SB_STORE,  /* files of its own, no sockets but those it holds */
	ZTJ_SB_KEYS,   /* signer: files of its own, may connect to an agent's Unix socket, no exec */
	ZTJ_SB_GATE    /* Unix sockets it holds, /proc, files of its own */
};
/* seccomp filter: what is not listed kills the process. */
int ztj_seccomp(enum ztj_sandbox kind) ZTJ_MUST_CHECK;

#endif
