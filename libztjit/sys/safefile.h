/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Files that matter: opened without following links, judged by their
 * descriptor, written atomically and durably.
 */
#ifndef ZTJ_SYS_SAFEFILE_H
#define ZTJ_SYS_SAFEFILE_H

#include <sys/types.h>

#include "libztjit/core/wire.h"

/* Who may own a file we trust, and how open it may be. */
struct ztj_file_rule {
	uid_t owner;        /* this uid or root */
	bool secret;        /* no access for group and others (else: not writable by them) */
	bool check_parents; /* every directory above: owned by owner or root, not writable by others (sticky is fine) */
};

/* Reads a regular file whole, at most max bytes, appended to out. O_NOFOLLOW|O_CLOEXEC|O_NONBLOCK, then fstat of the
 * descriptor. NOT_FOUND, UNSAFE_FILE, TOO_LARGE, IO. */
int ztj_file_read(const char *path, const struct ztj_file_rule *rule, size_t max, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Replaces path with data: temporary in the same directory, write, fsync, rename, fsync of the directory. */
int ztj_file_write(const char *path, struct ztj_view data, mode_t mode) ZTJ_MUST_CHECK;
/* The same without fsync: after a crash of this process the old or the new one is there, after one of the machine perhaps
 * neither. For what means nothing to the next boot. */
int ztj_file_replace(const char *path, struct ztj_view data, mode_t mode) ZTJ_MUST_CHECK;
/* As ztj_file_write, but fails with EXISTS when path is there already (keys are never overwritten). */
int ztj_file_create(const char *path, struct ztj_view data, mode_t mode) ZTJ_MUST_CHECK;
/* mkdir with exactly this mode and owner (uid/gid -1: leave); an existing directory is checked, not changed. */
int ztj_dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid) ZTJ_MUST_CHECK;
/* Whether a descriptor obeys the rule (regular file or directory). */
int ztj_file_check_fd(int fd, const struct ztj_file_rule *rule) ZTJ_MUST_CHECK;
/* n random bytes from getrandom(2); never fails short. */
int ztj_random(void *p, size_t n) ZTJ_MUST_CHECK;

#endif
