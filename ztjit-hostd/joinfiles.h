/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The files that make a host a member: what join writes and leave removes.
 */
#ifndef ZTJ_HOSTD_JOINFILES_H
#define ZTJ_HOSTD_JOINFILES_H

#include "libztjit/core/wire.h"

/* All of them, the keys first: without these nobody can speak for the host. NULL-terminated. */
extern const char *const ztj_joinfiles[];

/* Removes the temporaries of writers that were killed (NAME.XXXXXX, NAME.new). */
void ztj_joinfiles_sweep(const char *dir);
/* Removes one for good (fsync of the directory); one that is not there is ZTJ_OK. */
int ztj_joinfiles_remove(const char *dir, const char *name) ZTJ_MUST_CHECK;
/* hostd.conf with another name: the one line that says `name = "…";` replaced, the rest as it was. CONFIG: no such line, or
 * several, or it says more. name: checked by the caller. */
int ztj_joinfiles_rename(struct ztj_view text, const char *name, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
