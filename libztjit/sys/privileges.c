/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int ztj_user_lookup(const char *name, uid_t *uid, gid_t *gid)
{
	errno = 0;
	const struct passwd *pw = getpwnam(name);
	if (pw == NULL)
		return errno == 0 || errno == ENOENT ? ZTJ_CONFIG : ZTJ_SYSTEM;
	if (pw->pw_uid == 0)
		return ZTJ_CONFIG;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return ZTJ_OK;
}

int ztj_drop_to(uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0)
		return ZTJ_CONFIG;
	if (geteuid() != 0)
		return getuid() == uid && geteuid() == uid ? ZTJ_OK : ZTJ_SYSTEM;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return ZTJ_SYSTEM;
	/* There must be no way back. */
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || getuid() != uid || geteuid() != uid)
		return ZTJ_SYSTEM;
	/* The kernel makes it what fs.suid_dumpable says when ids change. */
	return prctl(PR_SET_DUMPABLE, 0) == 0 ? ZTJ_OK : ZTJ_SYSTEM;
}

int ztj_process_harden(int keep_below)
{
	const struct rlimit none = { 0, 0 };
	(void)umask(077);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0L) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return ZTJ_SYSTEM;
	if (close_range((unsigned)keep_below, ~0U, 0) != 0)
		return ZTJ_SYSTEM;
	return ZTJ_OK;
}
