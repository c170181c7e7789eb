/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The name service cache daemon. It keeps answers for longer than a grant may last and asks nobody meanwhile, so a host where it keeps
 * people or groups is not armed (nss_ztjit(8)).
 */
#ifndef ZTJ_HOSTD_NSCD_H
#define ZTJ_HOSTD_NSCD_H

#include <stdbool.h>
#include <stddef.h>

#include "libztjit/core/wire.h"

struct ztj_nscd_keeps {
	bool passwd, group;
};
/* What nscd.conf(5) says; the last line of each counts, and without one nothing is kept. Pure. */
void ztj_nscd_read(struct ztj_view conf, struct ztj_nscd_keeps *out);

enum ztj_nscd { ZTJ_NSCD_NONE, ZTJ_NSCD_HARMLESS, ZTJ_NSCD_KEEPS };
/* On this machine. KEEPS also when it cannot be told, or when nscd has not read the file as it is now. what: "passwd and group"
 * and the like; *why: "keeps", … for a sentence. */
enum ztj_nscd ztj_nscd_look(char *what, size_t size, const char **why);
#define ZTJ_NSCD_TRY \
	"in /etc/nscd.conf: enable-cache passwd no, enable-cache group no; then systemctl restart nscd, or remove nscd"

#endif
