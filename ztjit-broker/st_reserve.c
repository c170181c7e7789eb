/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A file that only keeps room (D02). On a full disk it is given up, so that denials and revocations
 * can still be written; everything else is refused until the file could be made again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-broker/store.h"

#define RESERVE_BYTES ((off_t)4 * 1024 * 1024)

static int path_of(const struct store *st, char path[PATH_MAX])
{
	return broker_path(st->conf, "store/reserve", path);
}

void reserve_open(struct store *st)
{
	char path[PATH_MAX];
	bool spent = st->reserve == -2;
	st->reserve = -1;
	if (path_of(st, path) != ZTJ_OK)
		return;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = fd < 0 ? errno : posix_fallocate(fd, 0, RESERVE_BYTES);
	/* A file system that cannot preallocate is no reason to stop; one without room is. */
	if (err == ENOSPC || err == EDQUOT) {
		if (!spent)
			ztj_log(ZTJ_LOG_ALARM,
			    "no room for the reserve: only denials and revocations are taken");
		(void)unlink(path);
		(void)close(fd);
		st->reserve = -2;
		return;
	}
	if (spent)
		ztj_log(ZTJ_LOG_NOTICE, "there is room again");
	st->reserve = fd;
}

void reserve_spend(struct store *st)
{
	char path[PATH_MAX];
	if (st->reserve == -2)
		return;
	ztj_log(ZTJ_LOG_ALARM,
	    "the disk is full: only denials and revocations are taken until there is room");
	if (st->reserve >= 0)
		(void)close(st->reserve);
	st->reserve = -2;
	if (path_of(st, path) == ZTJ_OK)
		(void)unlink(path);
}

bool reserve_spent(const struct store *st)
{
	return st->reserve == -2;
}
