/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What a process keeps between look-ups: its boot id, and of both files a copy if they are small, else the header. One
 * lstat says whether the copy still is the file. A private copy and not a mapping or a descriptor: nothing that can be
 * closed, shortened or kept alive behind anybody's back, a large file for every process that ever asked.
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nss_ztjit/module.h"

/* ---- the copy ---- */

#define SECOND_NS 1000000000
#define SETTLED_NS 100000000 /* ten ticks of the slowest clock */

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

/* Times of files are coarse, by ticks of the kernel or, on a few file systems, by seconds: what changed a moment ago
 * could change again and look the same. */
static bool settled(const struct stat *st)
{
	struct timespec now, then = st->st_ctim;

	then.tv_sec += then.tv_nsec == 0 ? 3 : 0;
	then.tv_nsec += SETTLED_NS;
	if (then.tv_nsec >= SECOND_NS) {
		then.tv_nsec -= SECOND_NS;
		then.tv_sec++;
	}
	return clock_gettime(CLOCK_REALTIME, &now) == 0 &&
	    (then.tv_sec < now.tv_sec || (then.tv_sec == now.tv_sec && then.tv_nsec < now.tv_nsec));
}

static bool take(struct ztj_nss_copy *c)
{
	return !atomic_flag_test_and_set_explicit(&c->busy, memory_order_acquire);
}

static void give(struct ztj_nss_copy *c)
{
	atomic_flag_clear_explicit(&c->busy, memory_order_release);
}

static void fill(const struct ztj_nss_copy *c, struct ztj_nss_file *f)
{
	memcpy(f->window, c->bytes, c->n);
	f->at = 0;
	f->have = c->n;
}

bool ztj_nss_kept_whole(struct ztj_nss_copy *c, const char *path, struct ztj_nss_file *f)
{
	struct stat st;
	bool yes;

	if (!take(c))
		return false;
	yes = c->n != 0 && c->n == (size_t)c->st.st_size && lstat(path, &st) == 0 && same_file(&st, &c->st);
	if (yes) {
		fill(c, f);
		f->src.size = f->have;
	}
	give(c);
	return yes;
}

bool ztj_nss_kept_head(struct ztj_nss_copy *c, const struct stat *st, struct ztj_nss_file *f)
{
	bool yes;

	if (!take(c))
		return false;
	yes = c->n != 0 && same_file(st, &c->st);
	if (yes)
		fill(c, f);
	give(c);
	return yes;
}

void ztj_nss_keep(struct ztj_nss_copy *c, const struct stat *st, const struct ztj_nss_file *f)
{
	if (f->at != 0 || !settled(st) || !take(c))
		return;
	c->n = f->have == f->src.size || f->have < ZTJ_NSS_HEAD ? f->have : ZTJ_NSS_HEAD;
	memcpy(c->bytes, f->window, c->n);
	c->st = *st;
	give(c);
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
