/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/sys/trustdir.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libztjit/sys/frames.h"
#include "libztjit/sys/safefile.h"
#include "libztjit/sys/trustdir_dir.h"

#define PATH_SIZE 4096
#define SIGNED_MAX (ZTJ_POLICY_MAX + ZTJ_SIGS_MAX * (ZTJ_SSHSIG_MAX + 8) + 64)
#define REVOCATIONS_MAX ((size_t)1 << 30)
#define STATUS_EVERY 10

struct unsaved {
	struct unsaved *next;
	struct ztj_buf container;
};

struct ztj_trustdir {
	char path[PATH_SIZE - 128];
	struct ztj_file_rule rule;
	int lock;
	int64_t status_at;     /* date of the status on disk; 0: none, or it vouches for less than is held */
	struct ztj_buf policy; /* taken, but not on disk yet; n == 0: none */
	struct unsaved *first, **last; /* revocations likewise, oldest first */
	size_t ndirs;
	struct ztj_dirfile *dir[ZTJ_SEEN_MAX];
};

static void name_path(const struct ztj_trustdir *d, const char *prefix, const char *name, char out[PATH_SIZE])
{
	/* both parts are bounded: ztj_trustdir_open and the grammar of names */
	(void)snprintf(out, PATH_SIZE, "%s/%s%s", d->path, prefix, name);
}

static int check_directory(const char *path, const struct ztj_file_rule *rule)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT                   ? ZTJ_NOT_FOUND
		    : errno == ELOOP || errno == ENOTDIR ? ZTJ_UNSAFE_FILE
							 : ZTJ_IO;
	r = ztj_file_check_fd(fd, rule);
	(void)close(fd);
	return r;
}

static int take_lock(struct ztj_trustdir *d)
{
	char path[PATH_SIZE];

	name_path(d, "", "lock", path);
	d->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->lock < 0)
		return ZTJ_IO;
	if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return ZTJ_OK;
	return errno == EWOULDBLOCK ? ZTJ_STATE : ZTJ_IO;
}

int ztj_trustdir_open(const char *path, uid_t owner, struct ztj_trustdir **out)
{
	struct ztj_trustdir *d;
	int r;

	*out = NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return ZTJ_NOMEM;
	d->lock = -1;
	d->rule.owner = owner;
	d->last = &d->first;
	ztj_buf_init(&d->policy, SIGNED_MAX);
	if (strlen(path) >= sizeof(d->path)) {
		free(d);
		return ZTJ_TOO_LARGE;
	}
	memcpy(d->path, path, strlen(path) + 1);
	r = check_directory(path, &d->rule);
	if (r == ZTJ_OK)
		r = take_lock(d);
	if (r != ZTJ_OK)
		ztj_trustdir_close(d);
	else
		*out = d;
	return r;
}

static void drop_first(struct ztj_trustdir *d)
{
	struct unsaved *u = d->first;

	d->first = u->next;
	if (d->first == NULL)
		d->last = &d->first;
	ztj_buf_free(&u->container);
	free(u);
}

void ztj_trustdir_close(struct ztj_trustdir *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->ndirs; i++)
		ztj_dirfile_free(d->dir[i]);
	while (d->first != NULL)
		drop_first(d);
	ztj_buf_free(&d->policy);
	if (d->lock >= 0)
		(void)close(d->lock);
	free(d);
}

/* ---- loading ---- */

/* A file that holds one container. */
static int read_signed(const struct ztj_trustdir *d, const char *name, struct ztj_buf *mem,
    struct ztj_signed *out)
{
	char path[PATH_SIZE];
	struct ztj_rd rd;
	int r;

	name_path(d, "", name, path);
	r = ztj_file_read(path, &d->rule, SIGNED_MAX, mem);
	if (r != ZTJ_OK)
		return r;
	ztj_rd_init(&rd, ztj_buf_view(mem));
	r = ztj_signed_read(&rd, out);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

static int load_policy(struct ztj_trustdir *d, struct ztj_trust *t)
{
	struct ztj_buf mem;
	struct ztj_signed s;
	bool changed;
	int r;

	ztj_buf_init(&mem, SIGNED_MAX);
	r = read_signed(d, "policy.signed", &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_policy(t, &s, ZTJ_TRUST_RESTORE, &changed);
	else if (r == ZTJ_NOT_FOUND)
		r = ZTJ_OK;
	ztj_buf_free(&mem);
	return r;
}

static int load_status(struct ztj_trustdir *d, struct ztj_trust *t)
{
	struct ztj_buf mem;
	struct ztj_signed s;
	int r;

	ztj_buf_init(&mem, SIGNED_MAX);
	r = read_signed(d, "status.signed", &mem, &s);
	if (r == ZTJ_OK)
		r = ztj_trust_status(t, &s, ZTJ_TRUST_RESTORE);
	/* One that no longer matches what is held says nothing, and without one nothing is fresh. */
	if (r == ZTJ_NOT_FOUND || r == ZTJ_STALE || r == ZTJ_BROKER_KEY || r == ZTJ_KEY_REVOKED ||
	    r == ZTJ_NOT_READY)
		r = ZTJ_OK;
	d->status_at = ztj_trust_fresh(t);
	ztj_buf_free(&mem);
	return r;
}

static int load_revocation(struct ztj_view frame, void *arg)
{
	struct ztj_signed s;
	struct ztj_rd rd;
	bool changed;
	int r;

	ztj_rd_init(&rd, frame);
	r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	return r == ZTJ_OK ? ztj_trust_revocation(arg, &s, ZTJ_TRUST_RESTORE, &changed) : r;
}

static int read_revocations(const struct ztj_trustdir *d, struct ztj_buf *mem)
{
	char path[PATH_SIZE];

	name_path(d, "", "revocations", path);
	ztj_buf_init(mem, REVOCATIONS_MAX);
	return ztj_file_read(path, &d->rule, REVOCATIONS_MAX, mem);
}

static int load_revocations(struct ztj_trustdir *d, struct ztj_trust *t)
{
	char path[PATH_SIZE];
	struct ztj_buf mem;
	size_t good;
	int r = read_revocations(d, &mem);

	name_path(d, "", "revocations", path);
	if (r == ZTJ_OK)
		r = ztj_frames_each(ztj_buf_view(&mem), load_revocation, t, &good);
	if (r == ZTJ_OK)
		r = ztj_frames_cut(path, mem.n, good);
	ztj_buf_free(&mem);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

int ztj_trustdir_revocations(const struct ztj_trustdir *d, int (*each)(struct ztj_view container, void *arg),
    void *arg)
{
	struct ztj_buf mem;
	size_t good;
	int r = read_revocations(d, &mem);

	if (r == ZTJ_OK)
		r = ztj_frames_each(ztj_buf_view(&mem), each, arg, &good);
	ztj_buf_free(&mem);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static struct ztj_dirfile **dirfile_of(struct ztj_trustdir *d, const char *name)
{
	for (size_t i = 0; i < d->ndirs; i++)
		if (strcmp(ztj_dirfile_name(d->dir[i]), name) == 0)
			return &d->dir[i];
	return NULL;
}

static int add_dirfile(struct ztj_trustdir *d, const char *name, struct ztj_dirfile ***out)
{
	char path[PATH_SIZE];
	int r;

	*out = dirfile_of(d, name);
	if (*out != NULL)
		return ZTJ_OK;
	if (d->ndirs == ZTJ_SEEN_MAX)
		return ZTJ_LIMIT;
	name_path(d, "directory-", name, path);
	r = ztj_dirfile_new(path, name, &d->rule, &d->dir[d->ndirs]);
	if (r == ZTJ_OK)
		*out = &d->dir[d->ndirs++];
	return r;
}

static int load_directories(struct ztj_trustdir *d, struct ztj_trust *t, char where[64])
{
	DIR *list = opendir(d->path);
	const struct dirent *e;
	int r = ZTJ_OK;

	if (list == NULL)
		return ZTJ_IO;
	while (r == ZTJ_OK && (e = readdir(list)) != NULL) {
		struct ztj_dirfile **f = NULL;

		/* a temporary left by a crash has upper case or does not say its own name: ztj_dirfile_load */
		if (strncmp(e->d_name, "directory-", 10) != 0 || !ztj_name_ok(e->d_name + 10))
			continue;
		(void)snprintf(where, 64, "%.63s", e->d_name);
		r = add_dirfile(d, e->d_name + 10, &f);
		if (r == ZTJ_OK)
			r = ztj_dirfile_load(*f, t);
		if (r == ZTJ_EXISTS && f != NULL) {
			ztj_dirfile_free(*f);
			d->ndirs--;
			r = ZTJ_OK;
		}
	}
	(void)closedir(list);
	return r;
}

int ztj_trustdir_load(struct ztj_trustdir *d, struct ztj_trust *t, char where[64])
{
	int r;

	(void)snprintf(where, 64, "policy.signed");
	r = load_policy(d, t);
	if (r == ZTJ_OK)
		r = load_directories(d, t, where);
	if (r == ZTJ_OK) {
		(void)snprintf(where, 64, "revocations");
		r = load_revocations(d, t);
	}
	if (r == ZTJ_OK) {
		(void)snprintf(where, 64, "status.signed");
		r = load_status(d, t);
	}
	if (r == ZTJ_OK)
		where[0] = '\0';
	return r;
}

/* ---- keeping ---- */

static int write_signed(const struct ztj_trustdir *d, const char *name, const struct ztj_signed *s)
{
	char path[PATH_SIZE];
	struct ztj_buf b;
	int r;

	name_path(d, "", name, path);
	ztj_buf_init(&b, SIGNED_MAX);
	r = ztj_signed_write(s, &b);
	if (r == ZTJ_OK)
		r = ztj_file_write(path, ztj_buf_view(&b), 0600);
	ztj_buf_free(&b);
	return r;
}

/* What the trust took while the disk would not is tried again: it holds it already, so no offer would bring it back. */
static int save(struct ztj_trustdir *d)
{
	char path[PATH_SIZE];
	int r = ZTJ_OK;

	if (d->policy.n > 0) {
		name_path(d, "", "policy.signed", path);
		r = ztj_file_write(path, ztj_buf_view(&d->policy), 0600);
		if (r == ZTJ_OK)
			ztj_buf_reset(&d->policy);
	}
	name_path(d, "", "revocations", path);
	while (r == ZTJ_OK && d->first != NULL) {
		r = ztj_frames_append(path, ztj_buf_view(&d->first->container));
		if (r == ZTJ_OK)
			drop_first(d);
	}
	return r;
}

int ztj_trustdir_policy(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s, int64_t now,
    bool *changed)
{
	int r = ztj_trust_policy(t, s, now, changed);

	if (r == ZTJ_OK && *changed) {
		d->status_at = 0;
		ztj_buf_reset(&d->policy);
		r = ztj_signed_write(s, &d->policy);
	}
	return r == ZTJ_OK ? save(d) : r;
}

int ztj_trustdir_directory(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_dir_update *u,
    int64_t now, bool *changed)
{
	struct ztj_dirfile **f;
	size_t expected;
	int r;

	*changed = false;
	expected = ztj_dirfile_expect(ztj_trust_dir(t, u->name), u);
	r = ztj_trust_directory(t, u, now, changed);
	if (r != ZTJ_OK || !*changed)
		return r;
	d->status_at = 0;
	r = add_dirfile(d, u->name, &f);
	return r == ZTJ_OK ? ztj_dirfile_keep(*f, t, u, expected) : r;
}

static int keep_revocation(struct ztj_trustdir *d, const struct ztj_signed *s)
{
	struct unsaved *u = calloc(1, sizeof(*u));
	int r;

	if (u == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&u->container, SIGNED_MAX);
	r = ztj_signed_write(s, &u->container);
	if (r != ZTJ_OK) {
		ztj_buf_free(&u->container);
		free(u);
		return r;
	}
	*d->last = u;
	d->last = &u->next;
	return ZTJ_OK;
}

int ztj_trustdir_revocation(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s,
    int64_t now, bool *changed)
{
	int r = ztj_trust_revocation(t, s, now, changed);

	if (r == ZTJ_OK && *changed) {
		d->status_at = 0;
		r = keep_revocation(d, s);
	}
	return r == ZTJ_OK ? save(d) : r;
}

/* What the disk refused of a directory comes with its next change. */
static bool directories_kept(struct ztj_trustdir *d, const struct ztj_trust *t)
{
	for (size_t i = 0; i < ztj_trust_ndirs(t); i++) {
		const struct ztj_dir *dir = ztj_trust_dir_at(t, i);
		struct ztj_dirfile **f = dirfile_of(d, ztj_dir_name(dir));

		if (f == NULL || *f == NULL || ztj_dirfile_serial(*f) != ztj_dir_serial(dir))
			return false;
	}
	return true;
}

int ztj_trustdir_status(struct ztj_trustdir *d, struct ztj_trust *t, const struct ztj_signed *s, int64_t now)
{
	int r = ztj_trust_status(t, s, now);

	if (r == ZTJ_OK)
		r = save(d);
	/* One that vouches for more than a restart will find would be of no use to it; the one before may be. */
	if (r != ZTJ_OK || ztj_trust_fresh(t) - d->status_at < STATUS_EVERY || !directories_kept(d, t))
		return r;
	r = write_signed(d, "status.signed", s);
	if (r == ZTJ_OK)
		d->status_at = ztj_trust_fresh(t);
	return r;
}
