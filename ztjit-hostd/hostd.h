/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The parts of ztjit-hostd behind its command line.
 */
#ifndef ZTJ_HOSTD_HOSTD_H
#define ZTJ_HOSTD_HOSTD_H

#include "libztjit/core/key.h"
#include "ztjit-hostd/hostconf.h"

#define ZTJ_HOSTD_CONF ZTJ_SYSCONFDIR "/hostd.conf"

/* Makes sockets and directories, starts mirror, gate, scribe and warden, and ends with the first of them. The exit status. */
int ztj_hostd_serve(const struct ztj_hostconf *conf, bool to_stderr);
/* Checks what serving needs: users, keys, roots, state, cgroup. Prints what is wrong. */
int ztj_hostd_check(const struct ztj_hostconf *conf, char *err, size_t size) ZTJ_MUST_CHECK;

/* An unencrypted ssh-ed25519 key file that only root can read. */
int ztj_hostd_key(const char *path, uid_t owner, struct ztj_seckey *out) ZTJ_MUST_CHECK;

/* Only pin and broker are needed the first time, nothing but what changes later: NULL is "as it is, or as it is found". */
struct ztj_join {
	const char *broker, *pin, *directory, *name;
	const char *roots_file;          /* else the broker says them */
	const char *token;
	bool rename;                     /* another name than hostd.conf has */
	const char *sysconfdir, *sshdir; /* /etc/ztjit, /etc/ssh */
};
int ztj_hostd_join(const struct ztj_join *j);
struct ztj_leave {
	bool yes;          /* do not ask */
	bool force;        /* although sshd, PAM and sudo still ask this agent */
	bool drop_records; /* records that the broker does not have */
	const char *sysconfdir, *statedir;
};
int ztj_hostd_leave(const struct ztj_leave *l);
int ztj_hostd_import(const struct ztj_hostconf *conf, const char *file);
int ztj_hostd_clock(const struct ztj_hostconf *conf);
int ztj_hostd_status(const struct ztj_hostconf *conf, bool json);

#endif
