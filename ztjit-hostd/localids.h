/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The accounts and groups that the machine has by itself, read from /etc/passwd and /etc/group as files: a name service could
 * ask us back (N02). What is published must not collide with them (N03).
 */
#ifndef ZTJ_HOSTD_LOCALIDS_H
#define ZTJ_HOSTD_LOCALIDS_H

#include <sys/types.h>

#include "libztjit/core/wire.h"

struct ztj_localuser {
	const char *name;
	uint32_t uid, gid;
};
struct ztj_localgroup {
	const char *name;
	uint32_t gid;
	bool members; /* somebody is in it by /etc/group */
};
struct ztj_locals {
	struct ztj_buf text[2]; /* what the names point into */
	size_t nusers, ngroups;
	struct ztj_localuser *users, *by_uid;    /* sorted by name; the same by uid */
	struct ztj_localgroup *groups, *by_gid;
};

/* Both files, which `owner` or root must own and nobody else may write. Lines that the C library would not take for an entry
 * are passed over, as are those of NIS ("+"). */
int ztj_locals_read(const char *passwd, const char *group, uid_t owner, struct ztj_locals *out) ZTJ_MUST_CHECK;
/* From bytes. Views are copied. */
int ztj_locals_parse(struct ztj_view passwd, struct ztj_view group, struct ztj_locals *out) ZTJ_MUST_CHECK;
void ztj_locals_free(struct ztj_locals *l);
/* NULL: none. Of several lines with one name the first, as the C library has it. By id: one that has it under another name than `but`. */
const struct ztj_localuser *ztj_locals_user(const struct ztj_locals *l, const char *name);
const struct ztj_localuser *ztj_locals_uid(const struct ztj_locals *l, uint32_t uid, const char *but);
const struct ztj_localgroup *ztj_locals_group(const struct ztj_locals *l, const char *name);
const struct ztj_localgroup *ztj_locals_gid(const struct ztj_locals *l, uint32_t gid, const char *but);
/* Is anybody in it, by any of its lines in /etc/group or as a first group? */
bool ztj_locals_anybody(const struct ztj_locals *l, uint32_t gid);

#endif
