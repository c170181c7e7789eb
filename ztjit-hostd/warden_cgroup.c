/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define DEPTH_MAX 32
#define SAY_MS 150

static int join_path(char *out, const char *dir, const char *name)
{
	int n = snprintf(out, ZTJ_WARDEN_PATH, "%s/%s", dir, name);

	return n > 0 && n < ZTJ_WARDEN_PATH ? ZTJ_OK : ZTJ_LIMIT;
}

static int put(const char *dir, const char *file, const char *text)
{
	char path[ZTJ_WARDEN_PATH];
	size_t n = strlen(text);
	int fd, r;

	if (join_path(path, dir, file) != ZTJ_OK)
		return ZTJ_LIMIT;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? ZTJ_NOT_FOUND : ZTJ_SYSTEM;
	r = write(fd, text, n) == (ssize_t)n ? ZTJ_OK : ZTJ_SYSTEM;
	(void)close(fd);
	return r;
}

/* When cgroup.events says so, or when the cgroup is no more (removed with the one above it). */
static bool is_empty(const char *dir)
{
	char path[ZTJ_WARDEN_PATH], text[256];
	struct ztj_view v;
	int r = join_path(path, dir, "cgroup.events");

	if (r == ZTJ_OK)
		r = ztj_proc_file(path, text, sizeof(text) - 1, &v);
	if (r != ZTJ_OK)
		return r == ZTJ_NOT_FOUND;
	text[v.n] = '\0';
	return strstr(text, "populated 0") != NULL;
}

/* Calls each(path) for every cgroup below dir, innermost first. */
static void below(const char *dir, unsigned depth, void (*each)(const char *path, void *arg), void *arg)
{
	DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		char path[ZTJ_WARDEN_PATH];
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || join_path(path, dir, e->d_name) != ZTJ_OK)
			continue;
		below(path, depth + 1, each, arg);
		each(path, arg);
	}
	(void)closedir(d);
}

static void remove_one(const char *path, void *arg)
{
	(void)arg;
	(void)rmdir(path);
}

static void kill_one(const char *path, void *arg)
{
	(void)arg;
	(void)put(path, "cgroup.kill", "1");
}

static int watch(struct ztj_warden *w, struct ztj_warden_session *s)
{
	char path[ZTJ_WARDEN_PATH];

	if (join_path(path, s->path, "cgroup.events") != ZTJ_OK)
		return ZTJ_LIMIT;
	s->watch = inotify_add_watch(w->inotify, path, IN_MODIFY);
	return s->watch < 0 ? ZTJ_SYSTEM : ZTJ_OK;
}

/* ---- the root ---- */

static void clean(const char *root)
{
	below(root, 0, kill_one, NULL);
	for (int tries = 0; tries < 100 && !is_empty(root); tries++)
		(void)poll(NULL, 0, 20);
	/* One that hangs in the kernel dies when it leaves it; waiting for that would lock everybody out. */
	if (!is_empty(root))
		ztj_log(ZTJ_LOG_ALARM, "processes of an earlier session were killed and are not gone yet");
	below(root, 0, remove_one, NULL);
}

int ztj_warden_root(struct ztj_warden *w, const char *root)
{
	char path[ZTJ_WARDEN_PATH];
	struct statfs fs;
	struct stat st;

	if (root == NULL)
		return ztj_warden_audit_root(w);
	if (mkdir(root, 0755) != 0 && errno != EEXIST)
		return ZTJ_SYSTEM;
	if (statfs(root, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return ZTJ_NO_CGROUP;
	if (join_path(path, root, "cgroup.kill") != ZTJ_OK || stat(path, &st) != 0)
		return ZTJ_NO_CGROUP; /* the root of the hierarchy, or a kernel before 5.14 */
	(void)snprintf(w->root, sizeof(w->root), "%s", root);
	return ZTJ_OK;
}

/* ---- what an earlier warden left ---- */

/* "s" and a number as we write it; 0: none of ours. */
static uint64_t number_of(const char *name)
{
	uint64_t no = name[0] == 's' ? strtoull(name + 1, NULL, 10) : 0;
	char again[32];

	(void)snprintf(again, sizeof(again), "s%llu", (unsigned long long)no);
	return strcmp(again, name) == 0 ? no : 0;
}

static void discard(const char *path)
{
	below(path, 0, kill_one, NULL);
	kill_one(path, NULL);
	for (int tries = 0; tries < 50 && !is_empty(path); tries++)
		(void)poll(NULL, 0, 20);
	below(path, 0, remove_one, NULL);
	(void)rmdir(path);
}

static struct ztj_warden_session *take_up(struct ztj_warden *w, const struct ztj_warden_row *rows,
    const char *path, uint64_t no, uint64_t parent)
{
	struct ztj_warden_session *s = no == 0 ? NULL : ztj_warden_find(w, 0);

	if (s == NULL || ztj_warden_find(w, no) != NULL)
		return NULL;
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	if (watch(w, s) != ZTJ_OK)
		return NULL;
	if (is_empty(path)) {
		(void)inotify_rm_watch(w->inotify, s->watch);
		return NULL;
	}
	s->no = no;
	s->parent = parent;
	s->told_ms = s->due_ms = 0;
	ztj_warden_table_get(rows, s);
	if (s->ending)
		kill_one(path, NULL);
	return s;
}

static void adopt_in(struct ztj_warden *w, const struct ztj_warden_row *rows, const char *dir,
    uint64_t parent, unsigned depth)
{
	DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		char path[ZTJ_WARDEN_PATH];
		uint64_t no;
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || join_path(path, dir, e->d_name) != ZTJ_OK)
			continue;
		no = number_of(e->d_name);
		if (take_up(w, rows, path, no, parent) != NULL)
			adopt_in(w, rows, path, no, depth + 1);
		else
			discard(path);
	}
	(void)closedir(d);
}

/* Sessions of a time without cgroups are in none: they cannot be held any more, and end. */
static void drop_loose(struct ztj_warden *w, const struct ztj_warden_row *rows)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (rows[i].no != 0 && rows[i].parent == 0 && rows[i].by_audit != 0 &&
		    ztj_warden_find(w, rows[i].no) == NULL)
			w->over[w->nover++] = (struct ztj_warden_over){ rows[i].no, rows[i].audit };
	if (w->nover > 0)
		ztj_log(ZTJ_LOG_WARN, "cgroups are used again: %zu sessions that were begun without end",
		    w->nover);
}

int ztj_warden_adopt(struct ztj_warden *w)
{
	struct ztj_warden_row *rows = malloc(sizeof(w->table->row));
	int r = ZTJ_OK;

	if (rows == NULL)
		return ZTJ_NOMEM;
	memcpy(rows, w->table->row, sizeof(w->table->row));
	if (w->by_audit) {
		r = ztj_warden_audit_adopt(w, rows);
	} else {
		adopt_in(w, rows, w->root, 0, 0);
		drop_loose(w, rows);
	}
	free(rows);
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		ztj_warden_table_put(w, &w->s[i]);
	return r;
}

/* ---- sessions ---- */

struct ztj_warden_session *ztj_warden_find(struct ztj_warden *w, uint64_t no)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no == no)
			return &w->s[i];
	return NULL;
}

/* The number that cgroup.procs wants is used while the pidfd holds it; if the process died in between, whoever got
 * the number is put back. */
static int move_in(struct ztj_warden *w, const char *path, int pidfd)
{
	char number[24];
	pid_t pid;
	int r = ztj_proc_pid_of(pidfd, &pid);

	if (r != ZTJ_OK)
		return r;
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	r = put(path, "cgroup.procs", number);
	if (r == ZTJ_OK && !ztj_proc_alive(pidfd)) {
		char parent[ZTJ_WARDEN_PATH];
		char *slash;
		(void)snprintf(parent, sizeof(parent), "%s", w->root);
		slash = strrchr(parent, '/');
		if (slash != NULL)
			*slash = '\0';
		if (!is_empty(path))
			(void)put(parent, "cgroup.procs", number);
		r = ZTJ_NOT_FOUND;
	}
	return r;
}

static struct ztj_procid leader_of(pid_t pid)
{
	struct ztj_procinfo p = { .id = { 0, 0 } };
	char path[64], text[2048];
	struct ztj_view v;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (ztj_proc_file(path, text, sizeof(text), &v) != ZTJ_OK || ztj_proc_parse_stat(v, &p) != ZTJ_OK)
		return (struct ztj_procid){ 0, 0 };
	return p.id;
}

static int make_cgroup(struct ztj_warden *w, struct ztj_warden_session *s,
    const struct ztj_warden_session *up, uint64_t no, int pidfd)
{
	char name[32];
	pid_t pid;
	int r;

	(void)snprintf(name, sizeof(name), "s%llu", (unsigned long long)no);
	r = join_path(s->path, up == NULL ? w->root : up->path, name);
	if (r == ZTJ_OK && mkdir(s->path, 0755) != 0)
		r = ZTJ_SYSTEM;
	if (r != ZTJ_OK)
		return r;
	/* Watched first: a process that dies at once must not leave an entry behind. */
	r = watch(w, s);
	if (r == ZTJ_OK) {
		r = move_in(w, s->path, pidfd);
		if (r != ZTJ_OK)
			(void)inotify_rm_watch(w->inotify, s->watch);
	}
	if (r != ZTJ_OK) {
		if (rmdir(s->path) != 0)
			(void)put(s->path, "cgroup.kill", "1");
		return r;
	}
	if (ztj_proc_pid_of(pidfd, &pid) != ZTJ_OK || ztj_warden_exe(pid, &s->opener) != ZTJ_OK)
		s->opener.ino = 0;
	s->audit = up == NULL && s->opener.ino != 0 ? ztj_warden_own_audit(pidfd, pid) : UINT32_MAX;
	s->leader = s->opener.ino != 0 ? leader_of(pid) : (struct ztj_procid){ 0, 0 };
	return ZTJ_OK;
}

int ztj_warden_make(struct ztj_warden *w, const struct ztj_warden_msg *m, int pidfd)
{
	const uint64_t no = m->session, parent = m->parent;
	struct ztj_warden_session *up = parent == 0 ? NULL : ztj_warden_find(w, parent),
				  *s = ztj_warden_find(w, 0);
	int r;

	if (no == 0 || ztj_warden_find(w, no) != NULL || (parent != 0 && (up == NULL || up->ending)))
		return ZTJ_STATE;
	if (s == NULL)
		return ZTJ_LIMIT;
	s->leader_fd = -1;
	s->tries = 0;
	r = w->by_audit ? ztj_warden_audit_make(w, s, up, pidfd) : make_cgroup(w, s, up, no, pidfd);
	if (r != ZTJ_OK)
		return r;
	s->ending = 0;
	s->told_ms = s->due_ms = 0;
	s->parent = parent;
	s->end_at = m->at;
	s->recorded = (m->flags & ZTJ_MAKE_RECORDED) != 0;
	s->no = no;
	ztj_warden_table_put(w, s);
	return ZTJ_OK;
}

/*
 * Before a process changes its cgroup the kernel waits for an RCU grace period, some 10 ms, unless another did so within the last 10: so the
 * warden changes from where it is to where it is.
 */
void ztj_warden_soon(const struct ztj_warden *w)
{
	size_t root = strlen(w->root), prefix = strlen(w->prefix);
	char text[2048], own[ZTJ_CGROUP_SIZE], path[ZTJ_WARDEN_PATH], number[24];
	struct ztj_view v;
	int n;

	if (w->by_audit || root <= prefix || strcmp(w->root + root - prefix, w->prefix) != 0 ||
	    ztj_proc_file("/proc/self/cgroup", text, sizeof(text), &v) != ZTJ_OK ||
	    ztj_proc_parse_cgroup(v, own) != ZTJ_OK)
		return;
	n = snprintf(path, sizeof(path), "%.*s%s", (int)(root - prefix), w->root, own);
	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	if (n > 0 && (size_t)n < sizeof(path) && strstr(own, "..") == NULL)
		(void)put(path, "cgroup.procs", number);
}

int ztj_warden_end_at(struct ztj_warden *w, uint64_t no, int64_t at)
{
	struct ztj_warden_session *s = no == 0 ? NULL : ztj_warden_find(w, no);

	if (s == NULL)
		return ZTJ_NOT_FOUND;
	s->end_at = at;
	ztj_warden_table_put(w, s);
	return ZTJ_OK;
}

static int kill_now(struct ztj_warden *w, struct ztj_warden_session *s)
{
	if (w->by_audit) {
		s->due_ms = ztj_ipc_now_ms(); /* all that are due at once, by ztj_warden_kill_due */
		return ZTJ_OK;
	}
	s->due_ms = 0;
	ztj_warden_over(w, s);
	return put(s->path, "cgroup.kill", "1");
}

int ztj_warden_kill(struct ztj_warden *w, uint64_t no)
{
	struct ztj_warden_session *s = no == 0 ? NULL : ztj_warden_find(w, no);

	if (s == NULL)
		return ZTJ_NOT_FOUND;
	s->ending = 1;
	ztj_warden_table_put(w, s);
	/* What a terminal was told must get past sshd, which dies with it. */
	if (ztj_ipc_now_ms() < s->told_ms + SAY_MS) {
		s->due_ms = s->told_ms + SAY_MS;
		return ZTJ_OK;
	}
	return kill_now(w, s);
}

int ztj_warden_kill_due(struct ztj_warden *w)
{
	int64_t now = ztj_ipc_now_ms(), next = INT64_MAX;

	if (w->by_audit)
		ztj_warden_audit_kill(w, now);
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		if (s->no == 0 || s->due_ms == 0)
			continue;
		if (s->due_ms > now || w->by_audit)
			next = s->due_ms < next ? s->due_ms : next;
		else if (kill_now(w, s) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ALARM, "session %llu cannot be ended", (unsigned long long)s->no);
	}
	return next == INT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

void ztj_warden_kill_all(struct ztj_warden *w)
{
	for (int tries = 0; w->by_audit && tries < 100 && ztj_warden_count(w) > 0; tries++) {
		for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
			w->s[i].due_ms = 1;
		ztj_warden_audit_kill(w, ztj_ipc_now_ms());
		(void)poll(NULL, 0, 20);
		while (ztj_warden_audit_gone(w) != 0)
			;
	}
	if (!w->by_audit)
		clean(w->root);
}

int ztj_warden_kill_proc(int pidfd)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH)
		return ZTJ_OK;
	return ZTJ_SYSTEM;
}

uint64_t ztj_warden_reap(struct ztj_warden *w, int wd)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		uint64_t no = s->no;
		if (no == 0 || s->watch != wd || !is_empty(s->path))
			continue;
		(void)inotify_rm_watch(w->inotify, s->watch);
		below(s->path, 0, remove_one, NULL);
		(void)rmdir(s->path);
		if (!s->ending)
			ztj_warden_over(w, s);
		s->no = 0;
		ztj_warden_table_put(w, s);
		return no;
	}
	return 0;
}

/* The kernel does not always tell of a cgroup that was removed with the one above it. */
uint64_t ztj_warden_gone(struct ztj_warden *w)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		uint64_t no = s->no;
		if (no == 0 || access(s->path, F_OK) == 0 || errno != ENOENT)
			continue;
		(void)inotify_rm_watch(w->inotify, s->watch);
		if (!s->ending)
			ztj_warden_over(w, s);
		s->no = 0;
		ztj_warden_table_put(w, s);
		return no;
	}
	return 0;
}

/* ---- who is in it ---- */

struct members {
	void (*each)(pid_t pid, void *arg);
	void *arg;
};

static void members_of(const char *dir, void *arg)
{
	const struct members *m = arg;
	char path[ZTJ_WARDEN_PATH], line[32];
	FILE *fp;

	if (join_path(path, dir, "cgroup.procs") != ZTJ_OK || (fp = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), fp) != NULL) {
		long pid = strtol(line, NULL, 10);
		if (pid > 0 && pid <= INT32_MAX)
			m->each((pid_t)pid, m->arg);
	}
	(void)fclose(fp);
}

void ztj_warden_direct(struct ztj_warden *w, const struct ztj_warden_session *s,
    void (*each)(pid_t pid, void *arg), void *arg)
{
	struct members m = { each, arg };

	if (w->by_audit)
		ztj_warden_audit_direct(w, s, each, arg);
	else
		members_of(s->path, &m);
}

static bool has_recorded(const struct ztj_warden *w, uint64_t no)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == no && w->s[i].recorded && !is_empty(w->s[i].path))
			return true;
	return false;
}

void ztj_warden_members(struct ztj_warden *w, const struct ztj_warden_session *s, bool outer,
    void (*each)(pid_t pid, void *arg), void *arg)
{
	if (w->by_audit) {
		ztj_warden_audit_members(w, s, outer, each, arg);
		return;
	}
	if (outer || !has_recorded(w, s->no))
		ztj_warden_direct(w, s, each, arg);
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == s->no)
			ztj_warden_members(w, &w->s[i], outer, each, arg);
}
