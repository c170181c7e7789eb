/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every local file system, once, by descriptors: no link is followed, no mount point crossed, nothing opened but
 * directories. A directory that only root can enter is left out: nobody reaches a set-id program below it (the images of
 * containers, root's own home). So is what nosuid and nodev make harmless.
 */
#include "ztjit/scan/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 1000u
#define FDS_KEPT 64u /* for everything else */
#define MOUNTS_MAX 4096u

struct level {
	DIR *d;
	size_t path_n;
};
struct walk {
	struct scan *s;
	scan_found *found;
	void *arg;
	struct level *level;
	unsigned depth, deepest;
	struct ztj_buf path; /* of the directory of the top level, without "/" at its end */
	uint64_t mnt;        /* id of the mount that is walked */
	bool nodev, nosuid;
};

static const char *here(struct walk *w, const char *name)
{
	size_t n = w->path.n;
	const char *path = NULL;

	if (ztj_buf_printf(&w->path, "/%s", name) == ZTJ_OK && ztj_buf_str(&w->path) != NULL)
		path = scan_text(w->s, "%s", ztj_buf_str(&w->path));
	else
		w->s->err = ZTJ_NOMEM;
	w->path.n = n;
	return path != NULL ? path : name;
}

/* Somebody who is not root can get in: by others' x, by a group's with people in it, or as the owner. */
static bool reachable(const struct scan *s, const struct stat *st)
{
	return (st->st_mode & S_IXOTH) != 0 || st->st_uid != 0 ||
	    ((st->st_mode & S_IXGRP) != 0 && st->st_gid != 0 && scan_gid_has_people(s, st->st_gid));
}

static void push(struct walk *w, int fd, const char *name)
{
	DIR *d;

	if (w->depth >= w->deepest) {
		scan_problem(w->s, here(w, name), "too deep: nothing below it was looked at");
		(void)close(fd);
		return;
	}
	if ((d = fdopendir(fd)) == NULL) {
		scan_problem(w->s, here(w, name), strerror(errno));
		(void)close(fd);
		return;
	}
	w->level[w->depth++] = (struct level){ .d = d, .path_n = w->path.n };
	if (name[0] != '\0' && ztj_buf_printf(&w->path, "/%s", name) != ZTJ_OK)
		w->s->err = ZTJ_NOMEM;
}

/* Another mount has another id; it is walked on its own if it is to be walked. */
static bool same_mount(struct walk *w, int fd)
{
	struct statx sx;

	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 && (sx.stx_mask & STATX_MNT_ID) != 0 &&
	    sx.stx_mnt_id == w->mnt;
}

static void directory(struct walk *w, int dirfd, const char *name)
{
	/* what is mounted there is not even asked: a server that is gone, or somebody's FUSE, would keep us for ever */
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
		    O_NOATIME,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof how);
	struct stat st;

	if (fd < 0) {
		/* another mount; gone, or something else by now */
		if (errno != EXDEV && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			scan_problem(w->s, here(w, name), strerror(errno));
		return;
	}
	/* a list may let somebody in whom the mode does not show */
	if (fstat(fd, &st) != 0 || !same_mount(w, fd) || (!reachable(w->s, &st) && !scan_has_acl(fd))) {
		(void)close(fd);
		return;
	}
	push(w, fd, name);
}

/* Capabilities count for programs alone. */
static bool has_caps(int dirfd, const char *name, const struct stat *st)
{
	char path[64 + NAME_MAX];

	if (!S_ISREG(st->st_mode) || (st->st_mode & 0111) == 0)
		return false;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dirfd, name);
	return lgetxattr(path, "security.capability", NULL, 0) > 0;
}

static void other(struct walk *w, int dirfd, const char *name)
{
	struct stat st;
	bool set_id, caps, device;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			scan_problem(w->s, here(w, name), strerror(errno));
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		directory(w, dirfd, name);
		return;
	}
	set_id = !w->nosuid && S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) != 0 &&
	    (st.st_mode & 0111) != 0;
	caps = !w->nosuid && has_caps(dirfd, name, &st);
	device = !w->nodev && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode));
	if (set_id || caps || device)
		w->found(w->s,
		    &(struct scan_seen){ .path = here(w, name),
			.dirfd = dirfd,
			.name = name,
			.st = &st,
			.caps = caps },
		    w->arg);
}

static void entry(struct walk *w, const struct dirent *e)
{
	int fd = dirfd(w->level[w->depth - 1].d);

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return;
	switch (e->d_type) {
	case DT_DIR:
		directory(w, fd, e->d_name);
		break;
	case DT_LNK:
	case DT_FIFO:
	case DT_SOCK:
		break;
	default:
		other(w, fd, e->d_name);
	}
}

static void tree(struct walk *w)
{
	while (w->depth > 0) {
		struct level *l = &w->level[w->depth - 1];
		const struct dirent *e;

		errno = 0;
		e = w->s->err == ZTJ_OK ? readdir(l->d) : NULL;
		if (e != NULL) {
			entry(w, e);
			continue;
		}
		if (errno != 0)
			scan_problem(w->s, here(w, "."), strerror(errno));
		w->path.n = l->path_n;
		(void)closedir(l->d);
		w->depth--;
	}
}

/* ---- what is mounted ---- */

struct mount {
	const char *dir, *type;
	bool nosuid, nodev;
};

static bool listed(const char *const *list, const char *type)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, type) == 0)
			return true;
	return false;
}

/* No files of anybody's in it. */
static const char *const pseudo[] = { "proc", "sysfs", "devpts", "cgroup", "cgroup2", "mqueue", "pstore",
	"bpf", "tracefs", "debugfs", "securityfs", "configfs", "fusectl", "hugetlbfs", "binfmt_misc",
	"autofs", "rpc_pipefs", "efivarfs", "nsfs", "selinuxfs", "nfsd", NULL };
static const char *const remote[] = { "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "9p", "afs", "coda",
	"lustre", "gfs2", "ocfs2", "fuse", NULL };

/* "\040" and the like */
static const char *unescape(struct scan *s, struct ztj_view v)
{
	char *out = scan_keep(s, v.n + 1);
	size_t n = 0;

	for (size_t i = 0; out != NULL && i < v.n; i++) {
		if (v.p[i] == '\\' && i + 3 < v.n) {
			out[n++] = (char)((v.p[i + 1] - '0') * 64 + (v.p[i + 2] - '0') * 8 +
			    (v.p[i + 3] - '0'));
			i += 3;
		} else
			out[n++] = (char)v.p[i];
	}
	return out;
}

static bool option(struct ztj_view options, const char *name)
{
	size_t n = strlen(name);

	for (; options.n > 0; options = ztj_view_after(options, 1)) {
		if (options.n >= n && memcmp(options.p, name, n) == 0 &&
		    (options.n == n || options.p[n] == ','))
			return true;
		while (options.n > 0 && options.p[0] != ',')
			options = ztj_view_after(options, 1);
	}
	return false;
}

/* ID PARENT MAJ:MIN ROOT DIR OPTIONS … - TYPE SOURCE SUPER (proc(5)) */
static bool read_mount(struct scan *s, struct ztj_view line, struct mount *out)
{
	struct ztj_view w, dir = { .n = 0 }, options = { .n = 0 };

	for (int i = 0; scan_word(&line, &w); i++) {
		if (i == 4)
			dir = w;
		if (i == 5)
			options = w;
		if (i > 5 && ztj_view_eq_str(w, "-"))
			break;
	}
	if (!scan_word(&line, &w))
		return false;
	*out = (struct mount){ .dir = unescape(s, dir),
		.type = scan_copy(s, w),
		.nosuid = option(options, "nosuid"),
		.nodev = option(options, "nodev") };
	return out->dir != NULL && out->type != NULL;
}

/* Every way down to it can be passed by somebody but root. */
static bool way_open(struct scan *s, const char *dir)
{
	for (const char *p = dir; (p = strchr(p + 1, '/')) != NULL;) {
		const char *part = scan_text(s, "%.*s", (int)(p - dir), dir);
		struct stat st;
		int fd;

		if (part == NULL || scan_open(s, part, &fd, &st) != ZTJ_OK)
			return true;
		(void)close(fd);
		if (!reachable(s, &st))
			return false;
	}
	return true;
}

static void remote_row(struct scan *s, const struct mount *m)
{
	if (m->nosuid || !way_open(s, m->dir))
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "mount",
		.object = m->dir,
		.risk = SCAN_MEDIUM,
		.content = ztj_view_str(m->type),
		.what = scan_text(s,
		    "%s without nosuid: whoever writes to the server makes setuid programs here", m->type),
		.remove = scan_text(s, "mount -o remount,nosuid %s", scan_quote(s, m->dir)) });
}

static void walk_mount(struct walk *w, const struct mount *m)
{
	struct statx sx;
	struct stat st;
	int at, fd;

	if (scan_open(w->s, m->dir, &at, &st) != ZTJ_OK)
		return;
	(void)close(at);
	if (!S_ISDIR(st.st_mode) || !reachable(w->s, &st) || !way_open(w->s, m->dir))
		return;
	/* a directory of a mount table: no link is on the way */
	fd = open(strcmp(w->s->root, "/") == 0 ? m->dir : w->s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) != 0 ||
	    (sx.stx_mask & STATX_MNT_ID) == 0) {
		scan_problem(w->s, m->dir, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	w->mnt = sx.stx_mnt_id;
	w->nosuid = m->nosuid;
	w->nodev = m->nodev;
	ztj_buf_reset(&w->path);
	if (strcmp(m->dir, "/") != 0)
		(void)ztj_buf_puts(&w->path, m->dir);
	push(w, fd, "");
	tree(w);
}

static void all_mounts(struct walk *w)
{
	struct scan *s = w->s;
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;
	struct mount m;

	if (scan_read(s, "/proc/self/mountinfo", &b, &st) != ZTJ_OK) {
		scan_problem(s, "/proc/self/mountinfo", "cannot be read: no file system was looked at");
		return;
	}
	for (l.left = ztj_buf_view(&b); s->err == ZTJ_OK && scan_line(&l, &line);) {
		if (!read_mount(s, line, &m) || listed(pseudo, m.type))
			continue;
		if (listed(remote, m.type) || strncmp(m.type, "fuse.", 5) == 0)
			remote_row(s, &m);
		else if (!m.nosuid || !m.nodev)
			walk_mount(w, &m);
	}
	ztj_buf_free(&b);
}

static unsigned depth_allowed(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return 64;
	if (l.rlim_cur < DEPTH_MAX + FDS_KEPT) {
		l.rlim_cur = l.rlim_max < DEPTH_MAX + FDS_KEPT ? l.rlim_max : DEPTH_MAX + FDS_KEPT;
		(void)setrlimit(RLIMIT_NOFILE, &l);
		if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur < 2 * FDS_KEPT)
			return 64;
	}
	return l.rlim_cur - FDS_KEPT < DEPTH_MAX ? (unsigned)(l.rlim_cur - FDS_KEPT) : DEPTH_MAX;
}

void scan_walk(struct scan *s, scan_found *found, void *arg)
{
	struct walk w = { .s = s, .found = found, .arg = arg, .deepest = depth_allowed() };

	ztj_buf_init(&w.path, SCAN_FILE_MAX);
	if ((w.level = calloc(w.deepest, sizeof *w.level)) == NULL)
		s->err = ZTJ_NOMEM;
	else if (strcmp(s->root, "/") == 0)
		all_mounts(&w);
	else
		walk_mount(&w, &(struct mount){ .dir = "/", .type = "" });
	free(w.level);
	ztj_buf_free(&w.path);
}
