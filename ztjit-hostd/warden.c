/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * warden: root. Holds every session in a cgroup and ends it. Reads no network,
 * no file but cgroup and /proc numbers; takes fixed-size commands from the gate alone. When the gate
 * goes, every session goes: nobody would end it on time.
 */
#include "ztjit-hostd/warden.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/sandbox.h"

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
	while (w->queued > 0) {
		const struct ztj_warden_msg *m = &w->queue[w->first];
		if (send(w->gate, m, sizeof(*m), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(*m))
			return; /* a gate that is gone shows when it is read from */
		w->first = (w->first + 1) % ZTJ_WARDEN_QUEUE;
		w->queued--;
	}
}

static void tell(struct ztj_warden *w, const struct ztj_warden_msg *m)
{
	if (w->queued < ZTJ_WARDEN_QUEUE)
		w->queue[(w->first + w->queued) % ZTJ_WARDEN_QUEUE] = *m;
	w->queued++;
	if (w->queued <= ZTJ_WARDEN_QUEUE)
		flush(w);
}

static int obey(struct ztj_warden *w, const struct ztj_warden_msg *m, int pidfd, struct ztj_warden_msg *answer)
{
	switch (m->op) {
	case ZTJ_WARDEN_MAKE:
		return pidfd < 0 ? ZTJ_PROTOCOL : ztj_warden_make(w, m, pidfd);
	case ZTJ_WARDEN_KILL:
		return ztj_warden_kill(w, m->session);
	case ZTJ_WARDEN_KILL_PROC:
		return pidfd < 0 ? ZTJ_PROTOCOL : ztj_warden_kill_proc(pidfd);
	case ZTJ_WARDEN_WARN:
		return ztj_warden_warn(w, m);
	case ZTJ_WARDEN_STRAYS:
		return ztj_warden_strays(w, m->session, &answer->n);
	default:
		return ZTJ_PROTOCOL;
	}
}

static int one_command(struct ztj_warden *w)
{
	struct ztj_warden_msg m, answer;
	int pidfd = -1;
	int r = receive(w->gate, &m, &pidfd);

	if (r == ZTJ_TIMEOUT)
		return ZTJ_OK;
	if (r == ZTJ_OK) {
		answer = (struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE, .id = m.id, .session = m.session };
		answer.code = obey(w, &m, pidfd, &answer);
		if (answer.code != ZTJ_OK)
			ztj_log(ZTJ_LOG_WARN, "command %u for session %llu: %s", m.op,
			    (unsigned long long)m.session, ztj_err_name(answer.code));
		tell(w, &answer);
	}
	if (pidfd >= 0)
		(void)close(pidfd);
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
			tell(w, &m);
	}
}

static void loop(struct ztj_warden *w)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = w->gate, .events = POLLIN },
			{ .fd = w->inotify, .events = POLLIN } };
		if (w->queued > ZTJ_WARDEN_QUEUE)
			return; /* it asks and never reads: nobody knows any more who is on this host */
		if (w->queued > 0)
			p[0].events |= POLLOUT;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		flush(w);
		if ((p[1].revents & POLLIN) != 0)
			cgroup_news(w);
		if ((p[0].revents & ~POLLOUT) != 0 && one_command(w) != ZTJ_OK)
			return;
	}
}

_Noreturn void ztj_warden_main(int gate, const struct ztj_warden_conf *conf)
{
	struct ztj_warden *w = calloc(1, sizeof(*w));
	int r = w == NULL ? ZTJ_NOMEM : ZTJ_OK;

	if (r == ZTJ_OK) {
		w->gate = gate;
		w->recorder = conf->recorder;
		w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		r = w->inotify < 0 ? ZTJ_SYSTEM : ztj_warden_root(w, conf->root);
	}
	if (r != ZTJ_OK) {
		ztj_log(ZTJ_LOG_ERROR, "cannot use %s: %s", conf->root, ztj_err_text(r));
		_exit(1);
	}
	tell(w, &(struct ztj_warden_msg){ .op = ZTJ_WARDEN_DONE });
	loop(w);
	ztj_log(ZTJ_LOG_NOTICE, "the gate is gone: ending every session");
	ztj_warden_kill_all(w);
	_exit(0);
}
