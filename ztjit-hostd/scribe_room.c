/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * How much disk there is for records: a bound for all of them, a reserve for one break-glass session, and behind every
 * running record the room for its end. Every byte counted here is the scribe's own: the gate's decisions have theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

#define MIB ((uint64_t)1024 * 1024)
#define STEP_IDLE (64u * 1024u)
#define STEP_BUSY (512u * 1024u)
#define BUSY_CHUNK (8u * 1024u)
#define BLOCK 4096u
#define SPARE_SIZE (64u * 1024u)
#define RESTOCK_MS 10000
#define LOCK_TRIES 50

static uint64_t whole_reserve(const struct ztj_scribe *s)
{
	return (uint64_t)s->conf->record_reserve * MIB;
}

/* Blocks of a file that has no bytes yet. All or nothing: half a reserve would only fill the disk. */
static int stock(const struct ztj_scribe *s, const char *name, uint64_t n)
{
	int fd = openat(s->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600),
	    r = ZTJ_OK;

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? ZTJ_NO_SPACE : ZTJ_IO;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n) != 0 && errno != EOPNOTSUPP)
		r = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ZTJ_NO_SPACE : ZTJ_IO;
	(void)close(fd);
	if (r != ZTJ_OK)
		(void)unlinkat(s->dir, name, 0);
	return r;
}

static void restock(struct ztj_scribe *s)
{
	if (s->stocked || s->glass != 0 || s->env.now() < s->restock)
		return;
	s->restock = s->env.now() + RESTOCK_MS;
	s->stocked = stock(s, ZTJ_SPARE, SPARE_SIZE) == ZTJ_OK &&
	    stock(s, ZTJ_RESERVE, whole_reserve(s)) == ZTJ_OK;
	if (s->stocked)
		ztj_log(ZTJ_LOG_INFO, "the reserve for a break-glass session is whole");
	else
		ztj_scribe_due(s, s->restock);
}

int ztj_room_open(struct ztj_scribe *s)
{
	s->limit = (uint64_t)s->conf->record_spool * MIB;
	/* One scribe at a time: that of an agent which was killed may still hang in the disk. */
	for (int tries = 0; flock(s->dir, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (tries == LOCK_TRIES)
			return ZTJ_STATE;
		(void)poll(NULL, 0, 100);
	}
	restock(s);
	if (!s->stocked)
		ztj_log(ZTJ_LOG_WARN, "no disk for the reserve of a break-glass session");
	return ZTJ_OK;
}

bool ztj_room_adopt(struct ztj_recording *r)
{
	struct ztj_scribe *s = r->s;

	if ((r->live->flags & ZTJ_REC_FLAG_GLASS) == 0 || !s->stocked || s->glass != 0)
		return false;
	s->glass = r->tag;
	s->stocked = false;
	s->restock = 0;
	ztj_log(ZTJ_LOG_NOTICE, "a break-glass session is recorded in the reserve");
	return true;
}

void ztj_room_count(struct ztj_recording *r, uint64_t bytes)
{
	uint64_t cost = (bytes - r->base + BLOCK - 1) / BLOCK * BLOCK + ZTJ_RECORD_COST;

	r->s->used = r->s->used - r->cost + cost;
	r->cost = cost;
}

/* Within the bound, and with blocks of its own. */
static int reserve_upto(struct ztj_recording *r, uint64_t upto)
{
	struct ztj_scribe *s = r->s;
	uint64_t kept = r->live->file.kept, more = upto > kept ? upto - kept : 0;
	int e;

	if (more == 0)
		return ZTJ_OK;
	if (s->used + more > s->limit)
		return ZTJ_NO_SPACE;
	e = ztj_recfile_keep(&r->live->file, upto);
	if (e == ZTJ_OK)
		ztj_room_count(r, upto);
	return e;
}

int ztj_room_take(struct ztj_recording *r, uint64_t n, bool last)
{
	uint64_t need = r->chain.bytes + n + (last ? 0 : ZTJ_REC_ROOM);
	int e;

	if (need <= r->live->file.kept)
		return ZTJ_OK;
	e = reserve_upto(r, need + (n >= BUSY_CHUNK ? STEP_BUSY : STEP_IDLE));
	if (e == ZTJ_NO_SPACE)
		e = reserve_upto(r, need);
	if (e == ZTJ_NO_SPACE && !r->s->full) {
		r->s->full = true;
		ztj_log(ZTJ_LOG_ALARM, "there is no room for records of sessions: %llu of %llu MiB are used",
		    (unsigned long long)(r->s->used / MIB), (unsigned long long)(r->s->limit / MIB));
	}
	/* The end of a record fits into the room that was kept, or is tried all the same. */
	return last ? ZTJ_OK : e;
}

int ztj_room_new(struct ztj_scribe *s, bool glass)
{
	uint64_t first = STEP_IDLE + ZTJ_RECORD_COST;

	/* The one that lives on the reserve is one more of whatever there is too much of. */
	if (glass && s->stocked && s->glass == 0)
		return ZTJ_OK;
	if (s->nopen >= ZTJ_RECORDS_OPEN || s->nwaiting >= ZTJ_RECORDS_WAITING)
		return ZTJ_LIMIT;
	return s->used + first <= s->limit ? ZTJ_OK : ZTJ_NO_SPACE;
}

/* What the broker has and has a head for. */
static void give_back(struct ztj_recording *r)
{
	struct ztj_place base = { .state = r->state, .chain = r->ship.sure };

	if (r->live == NULL || r->ship.sure.bytes < r->base + MIB)
		return;
	/* The place first, and on disk: what is gone must not be looked for. */
	if (ztj_recfile_put(&r->live->file, ZTJ_SLOT_BASE, &base) != ZTJ_OK ||
	    ztj_recfile_sync(&r->live->file, true) != ZTJ_OK ||
	    ztj_recfile_punch(&r->live->file, base.chain.bytes / BLOCK * BLOCK) != ZTJ_OK)
		return;
	r->base = base.chain.bytes / BLOCK * BLOCK;
	ztj_room_count(r, r->live->file.kept);
}

void ztj_room_review(struct ztj_scribe *s)
{
	if (s->used > s->limit / 2)
		for (struct ztj_recording *r = s->records; r != NULL; r = r->next)
			give_back(r);
	if (s->used < s->limit / 4 * 3)
		s->full = false;
	restock(s);
}
