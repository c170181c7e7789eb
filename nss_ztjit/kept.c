/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a process keeps between look-ups: its boot id, and a copy of a small `grants`, which most questions about
 * anybody begin with. One lstat says whether the copy still is the file. A private copy and not a mapping or
 * a descriptor: nothing that can be closed, shortened or kept alive behind anybody's back. Not of `people`: that would
 * hold one generation of a large file for every process that ever asked.
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nss_ztjit/module.h"

/* ---- the copy ---- */

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mode == b->st_mode && a->st_uid == b->st_uid && same_time(a->st_mtim, b->st_mtim) &&
	    same_time(a->st_ctim, b->st_ctim);
}

/* Times of files are coarse: what changed a moment ago could change again and look the same. */
static bool settled(const struct stat *st)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) == 0 && st->st_ctim.tv_sec < now.tv_sec - 1;
}

bool ztj_nss_kept_get(const struct ztj_nss_where *w, struct ztj_nss_file *f)
{
	struct stat st;
	bool yes;

	f->fd = -1;
	if (atomic_flag_test_and_set_explicit(&w->kept->busy, memory_order_acquire))
		return false;
	yes = w->kept->grants.st_size != 0 && lstat(w->grants, &st) == 0 && same_file(&st, &w->kept->grants);
	if (yes) {
		f->have = (size_t)st.st_size;
		memcpy(f->window, w->kept->bytes, f->have);
	}
	atomic_flag_clear_explicit(&w->kept->busy, memory_order_release);
	if (!yes)
		return false;
	f->at = 0;
	f->src = (struct ztj_names_src){ .size = f->have, .ctx = f };
	return true;
}

void ztj_nss_kept_put(const struct ztj_nss_where *w, const struct ztj_nss_file *f, const struct stat *st)
{
	/* all of it was read with its header, or it is too large */
	if (f->at != 0 || f->have != f->src.size || !settled(st) ||
	    atomic_flag_test_and_set_explicit(&w->kept->busy, memory_order_acquire))
		return;
	memcpy(w->kept->bytes, f->window, f->have);
	w->kept->grants = *st;
	atomic_flag_clear_explicit(&w->kept->busy, memory_order_release);
}

/* ---- the boot clock ---- */

static bool read_bootid(const char *path, char id[ZTJ_NAMES_BOOTID_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, id, ZTJ_NAMES_BOOTID_SIZE - 1);
	(void)close(fd);
	id[ZTJ_NAMES_BOOTID_SIZE - 1] = '\0';
	return n == ZTJ_NAMES_BOOTID_SIZE - 1 && strlen(id) == ZTJ_NAMES_BOOTID_SIZE - 1;
}

/* Two threads, or a child forked while the parent was at it: whoever finds it half written reads for itself. */
static bool this_boot(const struct ztj_nss_where *w, const char *id)
{
	char mine[ZTJ_NAMES_BOOTID_SIZE];
	int unknown = 0;

	if (atomic_load_explicit(&w->kept->boot, memory_order_acquire) == 2)
		return strcmp(w->kept->bootid, id) == 0;
	if (!read_bootid(w->bootid, mine))
		return false;
	if (atomic_compare_exchange_strong(&w->kept->boot, &unknown, 1)) {
		memcpy(w->kept->bootid, mine, sizeof mine);
		atomic_store_explicit(&w->kept->boot, 2, memory_order_release);
	}
	return strcmp(mine, id) == 0;
}

int64_t ztj_nss_now(const struct ztj_nss_where *w, const struct ztj_names *grants)
{
	struct timespec t;

	if (!this_boot(w, grants->bootid) || clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		return INT64_MAX;
	return (int64_t)t.tv_sec;
}
