/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Sessions where there are no cgroups (cgroup = "none"). A login is held by the kernel's audit session, which pam_loginuid began for
 * it: every fork inherits it, whatever is detached from whatever, and only root can change it. A session inside a login has no such
 * mark: in it is what descends from its leader. Who has lost the parents in between may be in any session of the login that was there
 * before it: the end of each of them is its end.
 *
 * Found by reading /proc, looked at again and killed by pidfd (R05). Nothing here stops a crowd at one stroke, so it is killed
 * again and again until none is left. Whoever does nothing but fork and exit is gone before a look at all of /proc comes to it:
 * that one is met where the newest numbers are (warden_newest.c), and nobody is believed to be gone who was not looked for there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/ipc.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define AGAIN_MS 20
#define LOOK_MS 1000
#define TRIES 100 /* of AGAIN_MS: then it is said that something does not die */
#define CROWD_MAX 1048576
#define DEPTH_MAX 64

struct one {
	struct ztj_procid id;
	pid_t up;
	uint32_t audit;
};
/* In the order of their numbers. */
struct crowd {
	struct one *p;
	size_t n, room;
	bool whole; /* false: nobody may conclude from who is missing */
};

/* ---- who is there ---- */

static uint32_t audit_of(const struct ztj_warden *w, const struct ztj_warden_session *s)
{
	while (s != NULL && s->parent != 0) {
		const struct ztj_warden_session *up = NULL;
		for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS && up == NULL; i++)
			if (w->s[i].no == s->parent)
				up = &w->s[i];
		s = up;
	}
	return s == NULL ? ZTJ_NO_AUDIT_SESSION : s->audit;
}

static bool is_login(const struct ztj_warden *w, uint32_t audit)
{
	for (size_t i = 0; audit != ZTJ_NO_AUDIT_SESSION && i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == 0 && w->s[i].audit == audit)
			return true;
	return false;
}

static int stat_of(pid_t pid, struct one *out)
{
	struct ztj_procinfo p;
	char path[64], text[2048];
	struct ztj_view v;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = ztj_proc_file(path, text, sizeof(text), &v);
	if (r == ZTJ_OK)
		r = ztj_proc_parse_stat(v, &p);
	if (r == ZTJ_OK)
		*out = (struct one){ .id = p.id, .up = p.parent.pid, .audit = ztj_proc_audit(pid) };
	return r;
}

static bool push(struct crowd *c, const struct one *o)
{
	if (c->n == c->room) {
		size_t room = c->room == 0 ? 256 : c->room * 2;
		struct one *p = room > CROWD_MAX ? NULL : realloc(c->p, room * sizeof(*p));
		if (p == NULL)
			return false;
		c->p = p;
		c->room = room;
	}
	c->p[c->n++] = *o;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct one *)a)->id.pid, y = ((const struct one *)b)->id.pid;

	return (x > y) - (x < y);
}

/* Everything of any login that runs. */
static void take(const struct ztj_warden *w, struct crowd *c)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	*c = (struct crowd){ .whole = d != NULL };
	while (d != NULL && (e = readdir(d)) != NULL) {
		struct one o;
		int64_t pid;
		if (ztj_parse_int(e->d_name, 2, INT32_MAX, &pid) != ZTJ_OK || pid == getpid() ||
		    !is_login(w, ztj_proc_audit((pid_t)pid)) || !ztj_warden_runs((pid_t)pid) ||
		    stat_of((pid_t)pid, &o) != ZTJ_OK)
			continue;
		if (!push(c, &o)) {
			c->whole = false;
			break;
		}
	}
	if (d != NULL)
		(void)closedir(d);
	if (c->n > 0)
		qsort(c->p, c->n, sizeof(*c->p), by_pid);
}

/* ---- which session it is in ---- */

static const struct ztj_warden_session *led_by(const struct ztj_warden *w, struct ztj_procid id,
    uint32_t audit)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && ztj_procid_eq(w->s[i].leader, id) && audit_of(w, &w->s[i]) == audit)
			return &w->s[i];
	return NULL;
}

/* The innermost whose leader it descends from; NULL: somebody in between is gone. */
static const struct ztj_warden_session *owner(const struct ztj_warden *w, const struct crowd *c,
    const struct one *o)
{
	const struct ztj_warden_session *s = NULL;

	for (unsigned depth = 0; o != NULL && depth < DEPTH_MAX; depth++) {
		const struct one key = { .id.pid = o->up }, *up;
		s = led_by(w, o->id, o->audit);
		if (s != NULL)
			return s;
		up = bsearch(&key, c->p, c->n, sizeof(*c->p), by_pid);
		/* A number that was used again is younger than the child. */
		o = up != NULL && up->id.start <= o->id.start && up->audit == o->audit ? up : NULL;
	}
	return NULL;
}

static bool inside(struct ztj_warden *w, const struct ztj_warden_session *s, uint64_t no)
{
	while (s != NULL && s->no != no)
		s = s->parent == 0 ? NULL : ztj_warden_find(w, s->parent);
	return s != NULL;
}

static bool belongs(struct ztj_warden *w, const struct ztj_warden_session *s, const struct crowd *c,
    const struct one *o)
{
	const struct ztj_warden_session *in;

	if (o->audit != audit_of(w, s))
		return false;
	if (s->parent == 0)
		return true;
	in = owner(w, c, o);
	return in != NULL ? inside(w, in, s->no) : o->id.start >= s->leader.start;
}

/* The same of one that runs now: who cannot be followed up to somebody is not judged. */
static bool belongs_now(struct ztj_warden *w, const struct ztj_warden_session *s, pid_t pid)
{
	struct one o, at, up;

	if (s->parent == 0)
		return true;
	if (stat_of(pid, &o) != ZTJ_OK || o.audit != audit_of(w, s))
		return false;
	at = o;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		const struct ztj_warden_session *in = led_by(w, at.id, at.audit);
		if (in != NULL)
			return inside(w, in, s->no);
		if (at.up <= 1)
			return o.id.start >= s->leader.start;
		if (stat_of(at.up, &up) != ZTJ_OK || up.id.start > at.id.start)
			return false;
		if (up.audit != at.audit)
			return o.id.start >= s->leader.start;
		at = up;
	}
	return false;
}

/* ---- the newest ---- */

/* Of these sessions. */
struct chase {
	struct ztj_warden *w;
	bool of[ZTJ_WARDEN_SESSIONS], met[ZTJ_WARDEN_SESSIONS];
	bool kill;
};

static void chase_one(pid_t pid, int pidfd, void *arg)
{
	struct chase *c = arg;
	uint32_t audit = ztj_proc_audit(pid);

	for (size_t i = 0; audit != ZTJ_NO_AUDIT_SESSION && i < ZTJ_WARDEN_SESSIONS; i++) {
		const struct ztj_warden_session *s = &c->w->s[i];
		if (!c->of[i] || audit_of(c->w, s) != audit || !belongs_now(c->w, s, pid))
			continue;
		/* Held all the time: it is this one, or it is over and nobody is killed (R05). */
		if (c->kill && ztj_proc_alive(pidfd) && ztj_warden_kill_proc(pidfd) != ZTJ_OK)
			ztj_log(ZTJ_LOG_ALARM, "process %d cannot be killed", (int)pid);
		c->met[i] = true;
	}
}

/* ---- beginning ---- */

int ztj_warden_audit_root(struct ztj_warden *w)
{
	if (access("/proc/self/sessionid", R_OK) != 0)
		return ZTJ_NO_AUDIT;
	w->by_audit = true;
	w->leaders = epoll_create1(EPOLL_CLOEXEC);
	if (w->leaders < 0)
		return ZTJ_SYSTEM;
	ztj_log(ZTJ_LOG_WARN,
	    "no cgroups: sessions are held by their audit sessions, and root in one can leave it unseen");
	return ZTJ_OK;
}

static int watch(struct ztj_warden *w, struct ztj_warden_session *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = (uint64_t)(s - w->s) };

	return epoll_ctl(w->leaders, EPOLL_CTL_ADD, s->leader_fd, &e) == 0 ? ZTJ_OK : ZTJ_SYSTEM;
}

/* Taken out first: whoever gave us the pidfd may hold it still, and then closing it does not. */
static void unwatch(struct ztj_warden *w, struct ztj_warden_session *s)
{
	if (s->leader_fd >= 0) {
		(void)epoll_ctl(w->leaders, EPOLL_CTL_DEL, s->leader_fd, NULL);
		(void)close(s->leader_fd);
	}
	s->leader_fd = -1;
}

int ztj_warden_audit_make(struct ztj_warden *w, struct ztj_warden_session *s,
    const struct ztj_warden_session *up, int pidfd)
{
	struct ztj_procinfo p;
	pid_t pid;
	int r = ztj_proc_pid_of(pidfd, &pid);

	if (r == ZTJ_OK)
		r = ztj_proc_read_descent(pidfd, pid, &p);
	if (r != ZTJ_OK)
		return r;
	s->audit = up == NULL ? ztj_warden_own_audit(pidfd, pid) : ZTJ_NO_AUDIT_SESSION;
	if (up == NULL ? s->audit == ZTJ_NO_AUDIT_SESSION || is_login(w, s->audit)
		       : p.audit != audit_of(w, up))
		return ZTJ_NO_AUDIT;
	r = ztj_warden_exe(pid, &s->opener);
	s->leader = p.id;
	s->leader_fd = r == ZTJ_OK ? fcntl(pidfd, F_DUPFD_CLOEXEC, 3) : -1;
	if (r == ZTJ_OK)
		r = s->leader_fd < 0 ? ZTJ_SYSTEM : watch(w, s);
	if (r == ZTJ_OK && !ztj_proc_alive(pidfd))
		r = ZTJ_NOT_FOUND;
	if (r != ZTJ_OK)
		unwatch(w, s);
	return r;
}

/* ---- its end ---- */

/* The number may be another's by now: looked at again while it is held. */
static void kill_one(const struct one *o)
{
	int fd = (int)syscall(SYS_pidfd_open, o->id.pid, 0);
	struct one now;

	if (fd < 0)
		return;
	if (stat_of(o->id.pid, &now) == ZTJ_OK && ztj_procid_eq(now.id, o->id) && now.audit == o->audit &&
	    ztj_proc_alive(fd) && ztj_warden_kill_proc(fd) != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "process %d cannot be killed", (int)o->id.pid);
	(void)close(fd);
}

static size_t kill_session(struct ztj_warden *w, const struct ztj_warden_session *s, const struct crowd *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (belongs(w, s, c, &c->p[i])) {
			kill_one(&c->p[i]);
			n++;
		}
	return n;
}

/* Who was met among the newest is met again soon. */
static void chase_due(struct ztj_warden *w, struct chase *c, int64_t now)
{
	ztj_warden_newest(chase_one, c);
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (c->of[i]) {
			w->s[i].due_ms = c->met[i] ? now + 1 : w->s[i].due_ms;
			w->look_ms = w->s[i].due_ms == 0 ? now : w->look_ms;
		}
}

void ztj_warden_audit_kill(struct ztj_warden *w, int64_t now)
{
	struct crowd c = { .p = NULL };
	struct chase last = { .w = w, .kill = true };
	bool taken = false, chased = false;

	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		if (s->no == 0 || s->due_ms == 0 || s->due_ms > now)
			continue;
		if (!taken)
			take(w, &c);
		taken = true;
		if (s->tries++ == 0)
			ztj_warden_over(w, s);
		s->due_ms = kill_session(w, s, &c) > 0 || !c.whole ? now + AGAIN_MS : 0;
		last.of[i] = s->due_ms == 0 || s->tries > 1;
		chased |= last.of[i];
		if (s->tries == TRIES)
			ztj_log(ZTJ_LOG_ALARM, "session %llu is killed and not gone yet",
			    (unsigned long long)s->no);
	}
	free(c.p);
	if (chased)
		chase_due(w, &last, now);
}

void ztj_warden_audit_leaders(struct ztj_warden *w)
{
	struct epoll_event e[32];
	int n = epoll_wait(w->leaders, e, 32, 0);

	for (int i = 0; i < n; i++)
		unwatch(w, &w->s[e[i].data.u64]);
	if (n > 0)
		w->look_ms = ztj_ipc_now_ms();
}

int ztj_warden_audit_wait(const struct ztj_warden *w)
{
	int64_t left = w->look_ms - ztj_ipc_now_ms();

	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].leader_fd < 0)
			return left > 0 ? (int)(left < LOOK_MS ? left : LOOK_MS) : 0;
	return -1;
}

static bool is_over(struct ztj_warden *w, const struct ztj_warden_session *s, const struct crowd *c)
{
	struct chase last = { .w = w };

	for (size_t i = 0; i < c->n; i++)
		if (belongs(w, s, c, &c->p[i]))
			return false;
	if (!c->whole)
		return false;
	last.of[s - w->s] = true;
	ztj_warden_newest(chase_one, &last);
	return !last.met[s - w->s];
}

static uint64_t forget(struct ztj_warden *w, struct ztj_warden_session *s)
{
	uint64_t no = s->no;

	if (!s->ending)
		ztj_warden_over(w, s);
	s->no = 0;
	s->due_ms = 0;
	ztj_warden_table_put(w, s);
	return no;
}

/* Those inside go before what is around them. */
static bool has_inside(const struct ztj_warden *w, uint64_t no)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == no)
			return true;
	return false;
}

uint64_t ztj_warden_audit_gone(struct ztj_warden *w)
{
	struct crowd c = { .p = NULL };
	uint64_t no = 0;
	bool taken = false;

	if (ztj_warden_audit_wait(w) != 0)
		return 0;
	for (size_t i = 0; no == 0 && i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		if (s->no == 0 || s->leader_fd >= 0 || has_inside(w, s->no))
			continue;
		if (!taken)
			take(w, &c);
		taken = true;
		if (is_over(w, s, &c))
			no = forget(w, s);
	}
	free(c.p);
	if (no == 0)
		w->look_ms = ztj_ipc_now_ms() + LOOK_MS;
	return no;
}

/* ---- who is in it, for others ---- */

void ztj_warden_audit_direct(struct ztj_warden *w, const struct ztj_warden_session *s,
    void (*each)(pid_t pid, void *arg), void *arg)
{
	struct crowd c;

	take(w, &c);
	for (size_t i = 0; i < c.n; i++)
		if (owner(w, &c, &c.p[i]) == s)
			each(c.p[i].id.pid, arg);
	free(c.p);
}

static bool has_recorder(const struct ztj_warden *w, uint64_t no)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == no && w->s[i].recorded && w->s[i].leader_fd >= 0)
			return true;
	return false;
}

void ztj_warden_audit_members(struct ztj_warden *w, const struct ztj_warden_session *s, bool outer,
    void (*each)(pid_t pid, void *arg), void *arg)
{
	struct crowd c;

	take(w, &c);
	for (size_t i = 0; i < c.n; i++) {
		const struct ztj_warden_session *in = owner(w, &c, &c.p[i]);
		if (!belongs(w, s, &c, &c.p[i]) || (!outer && in != NULL && has_recorder(w, in->no)))
			continue;
		each(c.p[i].id.pid, arg);
	}
	free(c.p);
}

/* ---- what an earlier warden left ---- */

static void hold_leader(struct ztj_warden *w, struct ztj_warden_session *s)
{
	struct one o;

	s->leader_fd = s->leader.pid > 0 ? (int)syscall(SYS_pidfd_open, s->leader.pid, 0) : -1;
	if (s->leader_fd >= 0 &&
	    (stat_of(s->leader.pid, &o) != ZTJ_OK || !ztj_procid_eq(o.id, s->leader) ||
		!ztj_proc_alive(s->leader_fd) || watch(w, s) != ZTJ_OK))
		unwatch(w, s);
}

int ztj_warden_audit_adopt(struct ztj_warden *w, const struct ztj_warden_row *rows)
{
	size_t lost = 0;

	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++) {
		struct ztj_warden_session *s = &w->s[i];
		if (rows[i].no == 0)
			continue;
		if (rows[i].parent == 0 && rows[i].audit == ZTJ_NO_AUDIT_SESSION) {
			lost++;
			continue;
		}
		*s = (struct ztj_warden_session){ .no = rows[i].no,
			.parent = rows[i].parent,
			.leader_fd = -1 };
		ztj_warden_table_get(rows, s);
		hold_leader(w, s);
		s->due_ms = s->ending ? 1 : 0;
	}
	/* Whose login could not be taken up is in none that could be held. */
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && audit_of(w, &w->s[i]) == ZTJ_NO_AUDIT_SESSION)
			w->s[i].no = 0;
	if (lost > 0)
		ztj_log(ZTJ_LOG_ALARM, "%zu sessions that were held by cgroups cannot be held without", lost);
	while (ztj_warden_audit_gone(w) != 0)
		;
	return ZTJ_OK;
}
