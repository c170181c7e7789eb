/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/sys/sandbox.h"

/* Debian 12's headers stop at REFER (ABI 2); later rights are named here. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_FILE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ACCESS_ABI1 \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_READ | \
	    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow(int ruleset, const char *path, __u64 access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ZTJ_OK : ZTJ_SYSTEM; /* what is not there needs no rule */
	struct stat st;
	int r = fstat(fd, &st) == 0 ? ZTJ_OK : ZTJ_SYSTEM;
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
	if (r == ZTJ_OK && !S_ISDIR(st.st_mode))
		rule.allowed_access &= ACCESS_FILE;
	if (r == ZTJ_OK && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		r = ZTJ_SYSTEM;
	(void)close(fd);
	return r;
}

static int allow_all(int ruleset, const char *const *paths, __u64 access)
{
	for (; paths != NULL && *paths != NULL; paths++) {
		int r = allow(ruleset, *paths, access);
		if (r != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

int ztj_landlock(const char *const *read_only, const char *const *read_write, int *abi)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	*abi = version > 0 ? (int)version : 0;
	if (version <= 0)
		return ZTJ_OK;
	struct landlock_ruleset_attr attr = { .handled_access_fs = ACCESS_ABI1 };
	if (version >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (fd < 0)
		return ZTJ_SYSTEM;
	const __u64 write = attr.handled_access_fs & ~(__u64)LANDLOCK_ACCESS_FS_EXECUTE;
	int r = allow_all(fd, read_only, ACCESS_READ);
	if (r == ZTJ_OK)
		r = allow_all(fd, read_write, write);
	/* Needs no_new_privs, which ztj_process_harden has set. */
	if (r == ZTJ_OK && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		r = ZTJ_SYSTEM;
	(void)close(fd);
	return r;
}
