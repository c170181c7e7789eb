/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a trust holds, kept in a state directory, so that a restart forgets nothing and nothing old comes back:
 *
 *   policy.signed     the newest policy, a signed container
 *   directory-NAME    frames: statements, and records as a difference to the frames before
 *   revocations       frames, one signed container each, in the broker's order
 *   status.signed     the newest status that counted
 *
 * A frame is uint32 length, its complement, the SHA-256 of its content, the content. Every change is on disk (fsync) before the call
 * returns. A frame cut short at the end of a file (a crash while it was written) was never answered
 * for and is dropped; any other damage refuses to load.
 */
#ifndef ZTJ_SYS_TRUSTDIR_H
#define ZTJ_SYS_TRUSTDIR_H

#include <sys/types.h>

#include "libztjit/core/trust.h"

struct ztj_trustdir;

/* The directory must exist, belong to owner (or root) and be writable by nobody else: UNSAFE_FILE, NOT_FOUND. One process
 * at a time: STATE while another holds its lock. */
int ztj_trustdir_open(const char *path, uid_t owner, struct ztj_trustdir **out) ZTJ_MUST_CHECK;
void ztj_trustdir_close(struct ztj_trustdir *d);

/* Offers everything to a fresh trust (ZTJ_TRUST_RESTORE). An empty directory is ZTJ_OK. On error *where names the
 * file; the trust must not be used then. */
int ztj_trustdir_load(struct ztj_trustdir *d, struct ztj_trust *t, char where[64]) ZTJ_MUST_CHECK;

/* Offer to the trust, and keep on disk what it took. Errors are the trust's, or the disk's: then the
 * trust is ahead of the disk, and the caller should say so loudly. A policy and revocations that the disk refused are kept and tried
 * again with every later one and with every status; a directory with its next change, and no status is written before. */
int ztj_trustdir_policy(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s, int64_t now,
    bool *changed) ZTJ_MUST_CHECK;
int ztj_trustdir_directory(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_dir_update *u, int64_t now,
    bool *changed) ZTJ_MUST_CHECK;
int ztj_trustdir_revocation(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s, int64_t now,
    bool *changed) ZTJ_MUST_CHECK;
/* Every revocation that was kept, in the order of the file: each() gets its container (ztj_signed_read) until it says something else than
 * ZTJ_OK, which is the answer then. For once in a while: the file is read. */
int ztj_trustdir_revocations(const struct ztj_trustdir *d, int (*each)(struct ztj_view container, void *arg), void *arg) ZTJ_MUST_CHECK;
/* A status comes every few seconds; it is written when it is 10 s newer than the one on disk, and at once when that one no
 * longer matches what is held: a restart would find nothing fresh. */
int ztj_trustdir_status(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s, int64_t now) ZTJ_MUST_CHECK;

#endif
