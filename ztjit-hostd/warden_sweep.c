/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Processes outside the sessions' cgroups that should not be there: what runs as an account whose last grant has ended, and what
 * left a session. Always held by a pidfd, looked at while it is held, and killed by it (R05).
 *
 * What left a session is known by the kernel's audit session, which a fork inherits and only root can change, or by a parent that is
 * still inside: no process is in another cgroup than its parent unless somebody moved it. Without cgroups the audit session is what holds it
 * (warden_audit.c), and only the parent is left to know it by.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define ROUNDS 20 /* who forks meanwhile is met again */
#define TELL_NOBODY 0
#define NO_AUDIT ZTJ_NO_AUDIT_SESSION

/* Without pam_loginuid a login has that of whoever started sshd, and with it sshd, and maybe us: not to be killed for it. */
uint32_t ztj_warden_own_audit(int pidfd, pid_t pid)
{
	struct ztj_procinfo p;
	uint32_t own = ztj_proc_audit(pid);

	if (own == NO_AUDIT || own == ztj_proc_audit(getpid()) ||
	    ztj_proc_read_descent(pidfd, pid, &p) != ZTJ_OK)
		return NO_AUDIT;
	return ztj_proc_audit(p.parent.pid) == own ? NO_AUDIT : own;
}

/* The login that a cgroup belongs to; 0: none that there is. Another cgroup beside the sessions is no session. */
static uint64_t login_of(struct ztj_warden *w, const char *cgroup)
{
	size_t n = strlen(w->prefix);
	uint64_t no;

	if (strncmp(cgroup, w->prefix, n) != 0 || strncmp(cgroup + n, "/s", 2) != 0)
		return 0;
	no = strtoull(cgroup + n + 2, NULL, 10);
	return no != 0 && ztj_warden_find(w, no) != NULL ? no : 0;
}

static uint64_t by_audit(const struct ztj_warden *w, pid_t pid)
{
	uint32_t audit = ztj_proc_audit(pid);

	for (size_t i = 0; audit != NO_AUDIT && i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == 0 && w->s[i].audit == audit)
			return w->s[i].no;
	return 0;
}

/* Is it one of a session's own? */
static bool held(struct ztj_warden *w, const struct ztj_procinfo *p)
{
	return w->by_audit ? by_audit(w, p->id.pid) != 0 : login_of(w, p->cgroup) != 0;
}

struct look {
	struct ztj_warden *w;
	unsigned (*at)(struct look *l, int pidfd, const struct ztj_procinfo *p);
	uint64_t arg;
	uint32_t gid;
	bool everywhere; /* inside the sessions as well */
	bool failed;     /* it was said that one cannot be killed */
	unsigned newest; /* of those that began last */
};

/* Every process that runs outside the sessions. The sum of what `at` says. */
static unsigned look(struct look *l)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		struct ztj_procinfo p;
		int64_t pid;
		int fd;
		if (ztj_parse_int(e->d_name, 2, INT32_MAX, &pid) != ZTJ_OK || pid == getpid())
			continue;
		fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
		if (fd < 0)
			continue;
		if (ztj_proc_alive(fd) && ztj_proc_read_any(fd, (pid_t)pid, l->w->by_audit, &p) == ZTJ_OK &&
		    (l->everywhere || !held(l->w, &p)))
			n += l->at(l, fd, &p);
		(void)close(fd);
	}
	(void)closedir(d);
	return n;
}

static void news_of(struct ztj_warden_msg *m, uint32_t op, uint64_t session, pid_t pid)
{
	char path[64], text[sizeof(m->name) + 1];
	struct ztj_view v;

	*m = (struct ztj_warden_msg){ .op = op, .session = session, .n = (uint32_t)pid };
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (ztj_proc_file(path, text, sizeof(text), &v) == ZTJ_OK)
		memcpy(m->name, v.p, v.n < sizeof(m->name) - 1 ? v.n : sizeof(m->name) - 1);
	m->name[strcspn(m->name, "\n")] = '\0';
}

/* It takes the kernel a while, and everybody is met again meanwhile: what is dying was counted and told of when it was killed. */
static unsigned kill_it(struct look *l, int pidfd, const struct ztj_procinfo *p, uint32_t op,
    uint64_t session)
{
	struct ztj_warden_msg m;

	if (p->dying)
		return 0;
	news_of(&m, op, session, p->id.pid);
	if (ztj_warden_kill_proc(pidfd) == ZTJ_OK) {
		if (op != TELL_NOBODY)
			ztj_warden_tell(l->w, &m);
		return 1;
	}
	if (!l->failed)
		ztj_log(ZTJ_LOG_ALARM, "process %d cannot be killed", (int)p->id.pid);
	l->failed = true;
	return 0;
}

/* ---- an account whose last grant has ended ---- */

static unsigned of_account(struct look *l, int pidfd, const struct ztj_procinfo *p)
{
	if (p->ruid != l->arg && p->euid != l->arg)
		return 0;
	return kill_it(l, pidfd, p, ZTJ_WARDEN_SWEPT, l->arg);
}

/* Who only forks and exits lives no longer than these two files take to read. */
static void newest_of_account(pid_t pid, int pidfd, void *arg)
{
	struct look *l = arg;
	struct ztj_procinfo p = { .id = { pid, 0 } };
	char path[64], text[8192];
	struct ztj_view v;
	int r;

	if (ztj_proc_read_status(pid, &p) != ZTJ_OK || (p.ruid != l->arg && p.euid != l->arg))
		return;
	if (!l->w->by_audit) {
		(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
		r = ztj_proc_file(path, text, sizeof(text), &v);
		if (r == ZTJ_NOT_FOUND)
			return;
		ztj_proc_parse_cgroup_cut(v, p.cgroup);
	}
	/* Still the one that is held. */
	if (!held(l->w, &p) && ztj_proc_alive(pidfd))
		l->newest += of_account(l, pidfd, &p);
}

int ztj_warden_sweep(struct ztj_warden *w, uint32_t uid, uint32_t *n)
{
	struct look l = { .w = w, .at = of_account, .arg = uid };
	unsigned found = 1;

	*n = 0;
	if (uid == 0)
		return ZTJ_FORBIDDEN;
	for (int round = 0; found > 0 && round < ROUNDS; round++) {
		found = look(&l);
		l.newest = 0;
		if (found == 0)
			ztj_warden_newest(newest_of_account, &l);
		found += l.newest;
		*n += found;
	}
	return ZTJ_OK;
}

/* ---- who is in a group no more ---- */

static unsigned of_member(struct look *l, int pidfd, const struct ztj_procinfo *p)
{
	char path[64], text[65536];
	struct ztj_view v;

	if (p->ruid != l->arg && p->euid != l->arg)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p->id.pid);
	if (ztj_proc_file(path, text, sizeof(text), &v) == ZTJ_OK && !ztj_proc_parse_in_group(v, l->gid))
		return 0;
	return kill_it(l, pidfd, p, TELL_NOBODY, 0);
}

int ztj_warden_sweep_group(struct ztj_warden *w, uint32_t uid, uint32_t gid, uint32_t *n)
{
	struct look l = { .w = w, .at = of_member, .arg = uid, .gid = gid, .everywhere = true };
	unsigned found = 1;

	*n = 0;
	if (uid == 0 || gid == 0)
		return ZTJ_FORBIDDEN;
	for (int round = 0; found > 0 && round < ROUNDS; round++) {
		found = look(&l);
		*n += found;
	}
	return ZTJ_OK;
}

/* ---- what left a session ---- */

static bool known(const struct ztj_warden *w, struct ztj_procid id)
{
	for (size_t i = 0; i < ZTJ_WARDEN_ESCAPES; i++)
		if (ztj_procid_eq(w->escaped[i].id, id))
			return true;
	return false;
}

static void forget(struct ztj_warden_escaped *e)
{
	if (e->id.pid > 0)
		(void)close(e->pidfd);
	e->id.pid = 0;
}

/* The oldest makes room. */
static void remember(struct ztj_warden *w, uint64_t session, int pidfd, struct ztj_procid id)
{
	struct ztj_warden_escaped *e = &w->escaped[w->nescaped++ % ZTJ_WARDEN_ESCAPES];

	forget(e);
	e->pidfd = dup(pidfd);
	if (e->pidfd < 0)
		return;
	e->id = id;
	e->session = session;
}

static uint64_t by_parent(struct ztj_warden *w, const struct ztj_procinfo *p)
{
	char path[64], text[4096], cgroup[ZTJ_CGROUP_SIZE];
	struct ztj_view v;

	if (w->by_audit)
		return by_audit(w, p->parent.pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)p->parent.pid);
	if (ztj_proc_file(path, text, sizeof(text), &v) == ZTJ_NOT_FOUND)
		return 0;
	ztj_proc_parse_cgroup_cut(v, cgroup);
	return login_of(w, cgroup);
}

static unsigned of_a_session(struct look *l, int pidfd, const struct ztj_procinfo *p)
{
	uint64_t no = by_audit(l->w, p->id.pid);
	struct ztj_warden_msg m;

	if (no == 0)
		no = by_parent(l->w, p);
	if (no == 0 || known(l->w, p->id))
		return 0;
	remember(l->w, no, pidfd, p->id);
	news_of(&m, ZTJ_WARDEN_ESCAPED, no, p->id.pid);
	ztj_warden_tell(l->w, &m);
	return 1;
}

int ztj_warden_outside(struct ztj_warden *w, uint32_t *n)
{
	struct look l = { .w = w, .at = of_a_session };

	*n = look(&l);
	return ZTJ_OK;
}

void ztj_warden_over(struct ztj_warden *w, const struct ztj_warden_session *s)
{
	for (size_t i = 0; i < ZTJ_WARDEN_ESCAPES; i++)
		if (w->escaped[i].id.pid > 0 && w->escaped[i].session == s->no) {
			if (ztj_warden_kill_proc(w->escaped[i].pidfd) != ZTJ_OK)
				ztj_log(ZTJ_LOG_ALARM, "process %d cannot be killed",
				    (int)w->escaped[i].id.pid);
			forget(&w->escaped[i]);
		}
	if (s->parent != 0 || s->audit == NO_AUDIT)
		return;
	if (w->nover < ZTJ_WARDEN_SESSIONS)
		w->over[w->nover++] = (struct ztj_warden_over){ .no = s->no, .audit = s->audit };
	else
		ztj_log(ZTJ_LOG_WARN, "too many sessions ended at once to look for what left them");
}

static unsigned of_one_over(struct look *l, int pidfd, const struct ztj_procinfo *p)
{
	uint32_t audit = ztj_proc_audit(p->id.pid);

	for (size_t i = 0; i < l->w->nover; i++) {
		if (l->w->over[i].audit != audit)
			continue;
		return kill_it(l, pidfd, p, ZTJ_WARDEN_ESCAPED, l->w->over[i].no);
	}
	return 0;
}

void ztj_warden_hunt(struct ztj_warden *w)
{
	struct look l = { .w = w, .at = of_one_over };

	for (int round = 0; w->nover > 0 && round < ROUNDS && look(&l) > 0; round++)
		;
	w->nover = 0;
	w->hunt_at = 0;
}
