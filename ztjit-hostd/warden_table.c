/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What one warden leaves to the next: a file of fixed-size rows in /run that only root can touch, mapped. Its lock is what there
 * can be only one warden by. One whose gate is gone leaves when another asks for its place; one that has a gate does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/warden.h"

#define MAGIC "ztjit-warden 2"
#define PATIENCE 50 /* times 100 ms for another warden to leave */

static int lock(int fd, pid_t *holder)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	*holder = 0;
	if (fcntl(fd, F_SETLK, &l) == 0)
		return ZTJ_OK;
	if (errno != EAGAIN && errno != EACCES)
		return ZTJ_SYSTEM;
	if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		*holder = l.l_pid;
	return ZTJ_STATE;
}

/* Whoever holds the lock is a warden; its number is asked again while the pidfd holds it. */
static void ask_to_leave(int fd, pid_t holder)
{
	int pidfd = holder > 0 ? (int)syscall(SYS_pidfd_open, holder, 0) : -1;
	pid_t still;

	if (pidfd < 0)
		return;
	if (lock(fd, &still) == ZTJ_STATE && still == holder)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
	(void)close(pidfd);
}

static int take_over(int fd)
{
	pid_t holder;
	int r = lock(fd, &holder);

	for (int tries = 0; r == ZTJ_STATE && tries < PATIENCE; tries++) {
		ask_to_leave(fd, holder);
		(void)poll(NULL, 0, 100);
		r = lock(fd, &holder);
	}
	return r;
}

static int open_file(const char *path, int *fd)
{
	struct stat st;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (*fd < 0)
		return ZTJ_SYSTEM;
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return ZTJ_UNSAFE_FILE;
	return ZTJ_OK;
}

/* The descriptor stays open: closing it would give the lock away. */
int ztj_warden_table_open(struct ztj_warden *w, const char *path, const char *bootid)
{
	struct ztj_warden_table *t;
	int fd, r = open_file(path, &fd);

	if (r == ZTJ_OK)
		r = take_over(fd);
	if (r == ZTJ_OK && ftruncate(fd, (off_t)sizeof(*t)) != 0)
		r = ZTJ_SYSTEM;
	t = r == ZTJ_OK ? mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (t == MAP_FAILED)
		return r != ZTJ_OK ? r : ZTJ_NOMEM;
	if (strncmp(t->magic, MAGIC, sizeof(t->magic)) != 0 ||
	    strncmp(t->bootid, bootid, sizeof(t->bootid)) != 0)
		memset(t, 0, sizeof(*t));
	(void)snprintf(t->magic, sizeof(t->magic), "%s", MAGIC);
	(void)snprintf(t->bootid, sizeof(t->bootid), "%s", bootid);
	w->table = t;
	return ZTJ_OK;
}

void ztj_warden_table_put(struct ztj_warden *w, const struct ztj_warden_session *s)
{
	w->table->row[s - w->s] = (struct ztj_warden_row){ .no = s->no,
		.parent = s->parent,
		.end_at = s->end_at,
		.dev = s->opener.dev,
		.ino = s->opener.ino,
		.recorded = s->recorded != 0,
		.ending = s->ending != 0,
		.audit = s->audit,
		.by_audit = w->by_audit,
		.leader_pid = (uint32_t)s->leader.pid,
		.leader_start = s->leader.start };
}

void ztj_warden_table_get(const struct ztj_warden_row *rows, struct ztj_warden_session *s)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		const struct ztj_warden_row *row = &rows[i];
		if (row->no != s->no || row->parent != s->parent)
			continue;
		s->end_at = row->end_at;
		s->recorded = row->recorded != 0;
		s->ending = row->ending != 0;
		s->audit = row->audit;
		s->leader = (struct ztj_procid){ (pid_t)row->leader_pid, row->leader_start };
		s->opener = (struct ztj_warden_exe){ .dev = (dev_t)row->dev, .ino = (ino_t)row->ino };
		return;
	}
	s->audit = UINT32_MAX;
	s->end_at = INT64_MAX; /* nobody knows: it has the grace, unless the gate knows it */
}
