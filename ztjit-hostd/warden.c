/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * warden: root. Holds every session in a cgroup and ends it, and puts in place what the gate publishes. Reads no network,
 * no file but cgroup and /proc numbers and its own table; takes fixed-size commands from the gate alone. When the gate
 * goes it stays as guardian (warden_guard.c) until the next one's warden takes over.
 */
#include "ztjit-hostd/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/sandbox.h"

#define HUNT_MS 50

static int receive(int sock, struct ztj_warden_msg *m, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t n;

	*fd = -1;
	memset(&control, 0, sizeof(control));
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (n == 0)
		return ZTJ_UNREACHABLE;
	if (n < 0)
		return errno == EINTR ? ZTJ_TIMEOUT : ZTJ_SYSTEM;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	if (n != (ssize_t)sizeof(*m) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return ZTJ_PROTOCOL;
	return ZTJ_OK;
}

/* What the gate can take now. It may be busy sending, and wait for us to read: we never wait for it. */
static void flush(struct ztj_warden *w)
{
	while (w->queued > 0 && w->gate >= 0) {
		const struct ztj_warden_msg *m = &w->queue[w->first];
		if (send(w->gate, m, sizeof(*m), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(*m))
			return; /* a gate that is gone shows when it is read from */
		w->first = (w->first + 1) % ZTJ_WARDEN_QUEUE;
		w->queued--;
	}
}

void ztj_warden_tell(struct ztj_warden *w, const struct ztj_warden_msg *m)
{
	if (w->gate < 0)
		return;
	if (w->queued < ZTJ_WARDEN_QUEUE)
		w->queue[(w->first + w->queued) % ZTJ_WARDEN_QUEUE] = *m;
	w->queued++;
	if (w->queued <= ZTJ_WARDEN_QUEUE)
		flush(w);
}

static int make(struct ztj_warden *w, const struct ztj_warden_msg *m, int pidfd,
    struct ztj_warden_msg *answer)
{
	int r = ztj_warden_make(w, m, pidfd);

	answer->n = r == ZTJ_OK ? ztj_warden_find(w, m->session)->audit : ZTJ_NO_AUDIT_SESSION;
	return r;
}

static int obey(struct ztj_warden *w, const struct ztj_warden_msg *m, int fd, struct ztj_warden_msg *answer)
{
	switch (m->op) {
	case ZTJ_WARDEN_MAKE:
		return fd < 0 ? ZTJ_PROTOCOL : make(w, m, fd, answer);
	case ZTJ_WARDEN_SOON:
		ztj_warden_soon(w);
		return ZTJ_OK;
	case ZTJ_WARDEN_KILL:
		return ztj_warden_kill(w, m->session);
	case ZTJ_WARDEN_KILL_PROC:
		return fd < 0 ? ZTJ_PROTOCOL : ztj_warden_kill_proc(fd);
	case ZTJ_WARDEN_WARN:
		return ztj_warden_warn(w, m);
	case ZTJ_WARDEN_END_AT:
		return ztj_warden_end_at(w, m->session, m->at);
	case ZTJ_WARDEN_PUBLISH:
		return ztj_warden_publish(w->run, m->n, fd);
	case ZTJ_WARDEN_READY:
		ztj_warden_not_alone(w);
		return ZTJ_OK;
	case ZTJ_WARDEN_SWEEP:
		return ztj_warden_sweep(w, m->n, &answer->n);
	case ZTJ_WARDEN_SWEEP_GROUP:
		return ztj_warden_sweep_group(w, m->n, m->flags, &answer->n);
	case ZTJ_WARDEN_OUTSIDE:
		return ztj_warden_outside(w, &answer->n);
	case ZTJ_WARDEN_STRAYS:
		return ztj_warden_strays(w, m->session, answer);
	default:
		return ZTJ_PROTOCOL;
	}
}

static int one_command(struct ztj_warden *w)
{
	struct ztj_warden_msg m = { .op = 0 }, answer;
	int fd = -1;
	int r = receive(w->gate, &m, &fd);

	if (r == ZTJ_TIMEOUT)
		return ZTJ_OK;
	if (r == ZTJ_OK) {
		answer = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE, .id = m.id, .session = m.session };
		answer.code = obey(w, &m, fd, &answer);
		if (answer.code != ZTJ_OK)
			ztj_log(ZTJ_LOG_WARN, "command %u for session %llu: %s", m.op,
			    (unsigned long long)m.session, ztj_err_name(answer.code));
		ztj_warden_tell(w, &answer);
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static void cgroup_news(struct ztj_warden *w)
{
	_Alignas(struct inotify_event) char room[4096];
	ssize_t n = read(w->inotify, room, sizeof(room));

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		struct inotify_event e;
		struct ztj_warden_msg m = { .op = ZTJ_WARDEN_EMPTY };
		memcpy(&e, room + at, sizeof(e));
		at += (ssize_t)(sizeof(e) + e.len);
		m.session = ztj_warden_reap(w, e.wd);
		for (; m.session != 0; m.session = ztj_warden_gone(w))
			ztj_warden_tell(w, &m);
	}
}

/* Where no cgroup tells of its end, it is looked for: when its leader went, and then now and again. */
static void audit_news(struct ztj_warden *w, bool leader)
{
	struct ztj_warden_msg m = { .op = ZTJ_WARDEN_EMPTY };

	if (leader)
		ztj_warden_audit_leaders(w);
	while (w->by_audit && (m.session = ztj_warden_audit_gone(w)) != 0)
		ztj_warden_tell(w, &m);
}

static int patience(struct ztj_warden *w, int due)
{
	int look = w->by_audit ? ztj_warden_audit_wait(w) : -1;

	if (due < 0 && w->nover > 0) {
		int64_t now = ztj_ipc_now_ms();

		if (w->hunt_at == 0)
			w->hunt_at = now + HUNT_MS;
		due = now < w->hunt_at ? (int)(w->hunt_at - now) : 0;
	}
	return due < 0 || (look >= 0 && look < due) ? look : due;
}

/* Who asks it to leave has taken its place already, as far as it is concerned: the table says all it knows. */
static void asked_to_leave(struct ztj_warden *w)
{
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (w->gate < 0) {
		ztj_log(ZTJ_LOG_NOTICE, "another warden goes on with %zu sessions", ztj_warden_count(w));
		_exit(0);
	}
	ztj_log(ZTJ_LOG_WARN, "another ztjit-hostd wants to start; this one is running");
}

static void gate_lost(struct ztj_warden *w)
{
	size_t n = ztj_warden_count(w);

	(void)close(w->gate);
	w->gate = -1;
	w->first = w->queued = 0;
	ztj_warden_alone(w);
	if (n > 0)
		ztj_log(ZTJ_LOG_NOTICE,
		    "the gate is gone: %zu sessions go on to their ends, and %lld s at most without another",
		    n, (long long)w->grace);
}

/* Until there is nothing left to guard. */
static void loop(struct ztj_warden *w)
{
	while (w->gate >= 0 || ztj_warden_count(w) > 0) {
		struct pollfd p[5] = { { .fd = w->gate, .events = POLLIN },
			{ .fd = w->inotify, .events = POLLIN }, { .fd = w->timer, .events = POLLIN },
			{ .fd = w->signals, .events = POLLIN }, { .fd = w->leaders, .events = POLLIN } };
		uint64_t ticks;
		int n, due;
		/* It asks and never reads: that is no gate. */
		if (w->gate >= 0 && w->queued > ZTJ_WARDEN_QUEUE)
			gate_lost(w);
		if (ztj_warden_tick(w) != ZTJ_OK)
			return;
		if (w->queued > 0)
			p[0].events |= POLLOUT;
		due = ztj_warden_kill_due(w);
		n = poll(p, 5, patience(w, due));
		if (n < 0 && errno != EINTR)
			return;
		/* Once for all that ended together, and whatever else goes on. */
		if (due < 0 && w->hunt_at != 0 && ztj_ipc_now_ms() >= w->hunt_at)
			ztj_warden_hunt(w);
		flush(w);
		if ((p[2].revents & POLLIN) != 0)
			(void)!read(w->timer, &ticks, sizeof(ticks));
		if ((p[1].revents & POLLIN) != 0)
			cgroup_news(w);
		audit_news(w, (p[4].revents & POLLIN) != 0);
		if (w->gate >= 0 && (p[0].revents & ~POLLOUT) != 0 && one_command(w) != ZTJ_OK)
			gate_lost(w);
		if ((p[3].revents & POLLIN) != 0)
			asked_to_leave(w);
	}
}

static int prepare(struct ztj_warden *w, const struct ztj_warden_conf *conf)
{
	sigset_t leave;

	w->recorder = conf->recorder;
	w->grace = conf->grace;
	w->run = conf->run;
	w->leaders = -1;
	(void)snprintf(w->prefix, sizeof(w->prefix), "%s", conf->prefix);
	(void)sigemptyset(&leave);
	(void)sigaddset(&leave, SIGUSR1);
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	w->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	w->signals = sigprocmask(SIG_BLOCK, &leave, NULL) == 0
	    ? signalfd(-1, &leave, SFD_CLOEXEC | SFD_NONBLOCK)
	    : -1;
	return w->inotify < 0 || w->timer < 0 || w->signals < 0 ? ZTJ_SYSTEM : ZTJ_OK;
}

static void say_found(struct ztj_warden *w)
{
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0)
			ztj_warden_tell(w,
			    &(struct ztj_warden_msg){ .op = ZTJ_WARDEN_FOUND,
				.session = w->s[i].no,
				.parent = w->s[i].parent,
				.n = w->s[i].audit });
	ztj_warden_tell(w, &(struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE });
}

/* Whoever must go when memory is short, the warden must not. Not allowed to say so (a container): so be it. */
static void never_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "-1000", 5);
		(void)close(fd);
	}
}

_Noreturn void ztj_warden_main(int gate, const struct ztj_warden_conf *conf)
{
	struct ztj_warden *w = calloc(1, sizeof(*w));
	const char *what = conf->root == NULL ? "audit sessions" : conf->root;
	int r = w == NULL ? ZTJ_NOMEM : prepare(w, conf);

	never_first();
	(void)prctl(PR_SET_NAME, "ztjit-warden");
	if (r == ZTJ_OK) {
		w->gate = gate;
		what = conf->table;
		r = ztj_warden_table_open(w, conf->table, conf->bootid);
	}
	if (r == ZTJ_OK) {
		what = conf->root == NULL ? "audit sessions" : conf->root;
		r = ztj_warden_root(w, conf->root);
	}
	if (r == ZTJ_OK)
		r = ztj_warden_adopt(w);
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "cannot use %s: %s", what, ztj_err_text(r));
		_exit(1);
	}
	if (ztj_warden_count(w) > 0)
		ztj_warden_alone(w);
	else
		w->table->alone_since = 0;
	say_found(w);
	loop(w);
	ztj_warden_hunt(w);
	if (ztj_warden_count(w) > 0) {
		ztj_log(ZTJ_LOG_ALARM, "the warden cannot go on: ending every session");
		ztj_warden_kill_all(w);
	}
	_exit(0);
}
