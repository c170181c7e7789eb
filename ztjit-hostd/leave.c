/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-hostd leave: run by root. The host forgets its keys and what it held; nobody is admitted by it any more. What
 * is evidence stays: records that the broker does not have, and the log of decisions.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/joinfiles.h"

#define DROPIN "/etc/ssh/sshd_config.d/10-ztjit.conf"
#define NAME_LEN 64 /* of a session, in hex */
#define DEPTH_MAX 16

struct leaving {
	const struct ztj_leave *ask;
	bool has_conf;
	struct ztj_hostconf conf;
	char confpath[512];
	int lock;
	size_t records;
};

static int refuse(const char *why, const char *next)
{
	(void)fprintf(stderr, "ztjit-hostd: leave: %s\n%s%s%s", why, next[0] != '\0' ? "  " : "", next,
	    next[0] != '\0' ? "\n" : "");
	return ZTJ_STATE;
}

/* ---- may it leave? ---- */

static int load(struct leaving *l)
{
	char err[512] = "";
	struct stat st;
	int r;

	(void)snprintf(l->confpath, sizeof(l->confpath), "%s/hostd.conf", l->ask->sysconfdir);
	if (lstat(l->confpath, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? ZTJ_OK : ZTJ_IO;
	r = ztj_hostconf_load(l->confpath, 0, &l->conf, err, sizeof(err));
	if (r != ZTJ_OK)
		(void)fprintf(stderr, "ztjit-hostd: leave: %s\n", err[0] != '\0' ? err : ztj_err_text(r));
	l->has_conf = r == ZTJ_OK;
	return r;
}

static int lock_dir(struct leaving *l)
{
	l->lock = open(l->ask->sysconfdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (l->lock >= 0 && flock(l->lock, LOCK_EX | LOCK_NB) != 0)
		return refuse("another join or leave is under way", "");
	return ZTJ_OK;
}

/* The agent holds its lock for as long as it runs (parent.c). */
static bool agent_runs(const struct leaving *l)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[512];
	int fd;
	bool runs = false;

	if (!l->has_conf)
		return false;
	(void)snprintf(path, sizeof(path), "%s/lock", l->conf.run);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		runs = fcntl(fd, F_GETLK, &f) != 0 || f.l_type != F_UNLCK;
		(void)close(fd);
	}
	return runs;
}

static bool any_in(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool any = false;

	while (d != NULL && !any && (e = readdir(d)) != NULL)
		any = e->d_name[0] != '.';
	if (d != NULL)
		(void)closedir(d);
	return any;
}

static bool is_armed(const struct leaving *l)
{
	char install[512];
	struct stat st;

	(void)snprintf(install, sizeof(install), "%s/install", l->ask->statedir);
	return any_in(install) || lstat(DROPIN, &st) == 0;
}

/* What was begun (NAME.meta) and is not with the broker: a record that is there goes (PROTOCOL 8.7). */
static size_t count_records(const struct leaving *l)
{
	DIR *d = l->has_conf ? opendir(l->conf.records) : NULL;
	const struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strlen(e->d_name) == NAME_LEN + 5 && strcmp(e->d_name + NAME_LEN, ".meta") == 0;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static int may_leave(struct leaving *l)
{
	char why[128];

	if (agent_runs(l))
		return refuse("the agent is running", "systemctl disable --now ztjit-hostd");
	if (is_armed(l) && !l->ask->force)
		return refuse("sshd, PAM and sudo of this host still ask ztjit: nobody would get in any more",
		    "ztjit-hostd uninstall   (or leave --force)");
	l->records = count_records(l);
	if (l->records == 0 || l->ask->drop_records)
		return ZTJ_OK;
	(void)snprintf(why, sizeof(why), "%zu records of sessions have not reached the broker", l->records);
	return refuse(why,
	    "start the agent until ztjit-hostd status says that none waits, or leave --drop-records");
}

/* ---- leaving ---- */

static int confirm(const struct leaving *l)
{
	char line[16];

	(void)printf(
	    "%s%s leaves: its keys, its pinned roots and what it holds of grants and directories are removed.\n",
	    l->has_conf ? l->conf.fullname : "This host",
	    l->has_conf ? "" : ", which did not finish joining,");
	if (l->records > 0)
		(void)printf("%zu records of sessions that the broker does not have are removed as well.\n",
		    l->records);
	if (l->ask->yes)
		return ZTJ_OK;
	if (!isatty(STDIN_FILENO))
		return refuse("no terminal to ask on", "leave --yes");
	(void)printf("Leave? [y/N] ");
	(void)fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL || (line[0] != 'y' && line[0] != 'Y'))
		return ZTJ_ABORTED;
	return ZTJ_OK;
}

static int rm_at(int dir, const char *name, unsigned depth);

/* Takes fd over. */
static int rm_inside(int fd, unsigned depth)
{
	DIR *d = fdopendir(fd);
	const struct dirent *e;
	int r = d == NULL ? ZTJ_IO : ZTJ_OK;

	if (d == NULL)
		(void)close(fd);
	while (r == ZTJ_OK && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = rm_at(dirfd(d), e->d_name, depth);
	if (d != NULL)
		(void)closedir(d);
	return r;
}

/* The directories belong to the agent's own users, and one of theirs may still run: step by step from descriptors, so that no link
 * put there meanwhile leads root elsewhere. What is a file system of its own stays, empty. */
static int rm_at(int dir, const char *name, unsigned depth)
{
	int fd, r;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return ZTJ_OK;
	if ((errno != EISDIR && errno != EPERM) || depth == DEPTH_MAX)
		return ZTJ_IO;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ZTJ_OK : ZTJ_IO;
	r = rm_inside(fd, depth + 1);
	if (r == ZTJ_OK && unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT &&
	    (depth > 0 || errno != EBUSY))
		r = ZTJ_IO;
	return r;
}

static int rm_tree(const char *path)
{
	return rm_at(AT_FDCWD, path, 0);
}

/* All of the gate's state but the log of decisions. */
static int rm_state(const struct leaving *l)
{
	DIR *d = opendir(l->conf.state);
	const struct dirent *e;
	int r = d == NULL && errno != ENOENT ? ZTJ_IO : ZTJ_OK;

	while (d != NULL && r == ZTJ_OK && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, "spool") != 0)
			r = rm_at(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	return r;
}

/* The keys first: whatever happens then, nobody speaks for this host. hostd.conf after the state, for it says where that
 * is; and it stays, under another name: it may hold more than joining wrote. */
static int wipe(struct leaving *l)
{
	char kept[520];
	int r = ZTJ_OK;

	if (l->has_conf) {
		const char *const moved[] = { l->conf.machine_key, l->conf.tls_key, l->conf.policy,
			l->conf.roots };
		for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
			if (unlink(moved[i]) != 0 && errno != ENOENT)
				r = ZTJ_IO;
		if (r == ZTJ_OK)
			r = rm_state(l);
		if (r == ZTJ_OK)
			r = rm_tree(l->conf.records);
		(void)snprintf(kept, sizeof(kept), "%s.left", l->confpath);
		if (r == ZTJ_OK && rename(l->confpath, kept) != 0)
			r = ZTJ_IO;
	}
	for (size_t i = 0; r == ZTJ_OK && ztj_joinfiles[i] != NULL; i++)
		r = ztj_joinfiles_remove(l->ask->sysconfdir, ztj_joinfiles[i]);
	ztj_joinfiles_sweep(l->ask->sysconfdir);
	return r;
}

static bool anything(const struct leaving *l)
{
	char path[600];
	struct stat st;

	for (size_t i = 0; ztj_joinfiles[i] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", l->ask->sysconfdir, ztj_joinfiles[i]);
		if (lstat(path, &st) == 0)
			return true;
	}
	return false;
}

static int leave(struct leaving *l)
{
	int r = lock_dir(l);

	if (r == ZTJ_OK)
		r = load(l);
	if (r != ZTJ_OK)
		return r;
	if (!anything(l)) {
		(void)printf("This host has not joined; there is nothing to leave.\n");
		return ZTJ_OK;
	}
	r = may_leave(l);
	if (r == ZTJ_OK)
		r = confirm(l);
	if (r != ZTJ_OK)
		return r;
	r = wipe(l);
	if (r != ZTJ_OK) {
		(void)fprintf(stderr,
		    "ztjit-hostd: leave: %s; the same command goes on where this one stopped\n",
		    ztj_err_text(r));
		return r;
	}
	(void)printf("This host has left.\n");
	if (l->has_conf) {
		(void)printf("Kept: %s.left, and the log of decisions in %s/spool.\n", l->confpath,
		    l->conf.state);
		(void)printf("A registrar removes its record: ztjit host remove %s\n", l->conf.fullname);
	}
	return ZTJ_OK;
}

int ztj_hostd_leave(const struct ztj_leave *ask)
{
	struct leaving l = { .ask = ask, .lock = -1 };
	int r;

	if (geteuid() != 0) {
		(void)fputs("ztjit-hostd: leave must be run by root\n", stderr);
		return 2;
	}
	r = leave(&l);
	ztj_hostconf_free(&l.conf);
	if (l.lock >= 0)
		(void)close(l.lock);
	return ztj_err_exit(r);
}
