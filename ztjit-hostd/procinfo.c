/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Reading /proc of a held process. The parsers are in procparse.c. */
#include "ztjit-hostd/procinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static int open_file(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd >= 0)
		return ZTJ_OK;
	return errno == ENOENT || errno == ESRCH ? ZTJ_NOT_FOUND : ZTJ_SYSTEM;
}

static int fill(int fd, char *out, size_t size, struct ztj_view *text)
{
	size_t n = 0;
	ssize_t got = 1;

	*text = ztj_view_of(NULL, 0);
	while (got > 0 && n < size) {
		got = read(fd, out + n, size - n);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			n += (size_t)got;
	}
	if (got < 0)
		return errno == ESRCH ? ZTJ_NOT_FOUND : ZTJ_SYSTEM;
	*text = ztj_view_of(out, n);
	return n == size ? ZTJ_TOO_LARGE : ZTJ_OK;
}

int ztj_proc_file(const char *path, char *out, size_t size, struct ztj_view *text)
{
	int fd, r = open_file(path, &fd);

	*text = ztj_view_of(NULL, 0);
	if (r != ZTJ_OK)
		return r;
	r = fill(fd, out, size, text);
	(void)close(fd);
	return r;
}

#define STATUS_PART 8192

/* The last one or two parts of a file, of which the first was read. */
static int read_end(int fd, char last[2 * STATUS_PART], struct ztj_view *end)
{
	struct ztj_view v;
	size_t kept = 0;
	int r;

	do {
		r = fill(fd, last + kept, STATUS_PART, &v);
		*end = ztj_view_of(last, kept + v.n);
		if (r == ZTJ_TOO_LARGE && kept == STATUS_PART)
			memcpy(last, last + STATUS_PART, STATUS_PART);
		kept = STATUS_PART;
	} while (r == ZTJ_TOO_LARGE);
	return r;
}

int ztj_proc_read_status(pid_t pid, struct ztj_procinfo *out)
{
	char path[64], text[2 * STATUS_PART];
	struct ztj_view v;
	int fd, r;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = open_file(path, &fd);
	if (r != ZTJ_OK)
		return r;
	r = fill(fd, text, STATUS_PART, &v);
	if (r == ZTJ_OK || r == ZTJ_TOO_LARGE) {
		int parsed = ztj_proc_parse_status(v, out);
		/* The groups stand between its ids and its signals. */
		if (parsed == ZTJ_OK && r == ZTJ_TOO_LARGE && (r = read_end(fd, text, &v)) == ZTJ_OK)
			out->dying = ztj_proc_parse_dying(v);
		else if (parsed != ZTJ_OK)
			r = parsed;
	}
	(void)close(fd);
	return r;
}

static int read_of(pid_t pid, const char *name, char *out, size_t size, struct ztj_view *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return ztj_proc_file(path, out, size, text);
}

bool ztj_procid_eq(struct ztj_procid a, struct ztj_procid b)
{
	return a.pid == b.pid && a.start == b.start && a.pid > 0;
}

bool ztj_proc_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	/* A pidfd becomes readable when its process ends. */
	return poll(&p, 1, 0) == 0;
}

int ztj_proc_pid_of(int pidfd, pid_t *pid)
{
	char path[64], text[1024];
	struct ztj_view v;
	int r;

	*pid = 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	r = ztj_proc_file(path, text, sizeof(text), &v);
	return r == ZTJ_OK ? ztj_proc_parse_fdinfo(v, pid) : r;
}

int ztj_proc_peer(int sock, int *pidfd, pid_t *pid, uid_t *uid)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred), fdlen = sizeof(*pidfd);

	*pidfd = -1;
	*pid = 0;
	*uid = (uid_t)-1;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred) ||
	    cred.pid <= 0)
		return ZTJ_SYSTEM;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, pidfd, &fdlen) != 0)
		*pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	if (*pidfd < 0)
		return errno == ESRCH ? ZTJ_NOT_FOUND : ZTJ_SYSTEM;
	*pid = cred.pid;
	*uid = cred.uid;
	return ZTJ_OK;
}

static int parent_start(struct ztj_procinfo *p)
{
	struct ztj_procinfo up;
	char text[2048];
	struct ztj_view v;
	int r;

	if (p->parent.pid <= 0)
		return ZTJ_OK;
	r = read_of(p->parent.pid, "stat", text, sizeof(text), &v);
	if (r == ZTJ_OK)
		r = ztj_proc_parse_stat(v, &up);
	if (r == ZTJ_OK)
		p->parent.start = up.id.start;
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

/* Absent without kernel auditing; then nobody's session is known by it. */
static uint32_t loginuid_of(pid_t pid)
{
	char text[32];
	struct ztj_view v;
	uint64_t n = 0;

	if (read_of(pid, "loginuid", text, sizeof(text), &v) != ZTJ_OK || v.n == 0)
		return ZTJ_NO_LOGINUID;
	for (size_t i = 0; i < v.n && v.p[i] != '\n'; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || n > UINT32_MAX)
			return 1; /* not a number: somebody's */
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	return n > UINT32_MAX ? 1 : (uint32_t)n;
}

uint32_t ztj_proc_audit(pid_t pid)
{
	char text[32];
	struct ztj_view v;
	int64_t n;

	if (read_of(pid, "sessionid", text, sizeof(text) - 1, &v) != ZTJ_OK)
		return ZTJ_NO_AUDIT_SESSION;
	text[v.n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return ztj_parse_int(text, 0, UINT32_MAX, &n) == ZTJ_OK ? (uint32_t)n : ZTJ_NO_AUDIT_SESSION;
}

/* Who got the number of a parent that died began later than the child: the chain is broken there. */
static void climb(struct ztj_procinfo *p)
{
	struct ztj_procinfo at = *p;

	p->up[0] = p->id;
	p->nup = 1;
	while (p->nup < ZTJ_PROC_UP && at.parent.pid > 1) {
		char text[2048];
		struct ztj_view v;
		uint64_t child = at.id.start;
		if (read_of(at.parent.pid, "stat", text, sizeof(text), &v) != ZTJ_OK ||
		    ztj_proc_parse_stat(v, &at) != ZTJ_OK || at.id.start > child)
			return;
		p->up[p->nup++] = at.id;
	}
}

enum { DESCENT = 1, LOOSELY = 2 };

/* A process chooses how many groups it is in, in a user namespace of its own, and how deep its cgroup lies, below its own user
 * manager: whoever looks for everything that runs does not pass over what cannot be read whole. */
static int read_cgroup(int pidfd, struct ztj_procinfo *out, unsigned how, char *text, size_t size)
{
	struct ztj_view v;
	int r = read_of(out->id.pid, "cgroup", text, size, &v);

	if ((how & LOOSELY) != 0 && r != ZTJ_OK)
		r = ZTJ_OK;
	else if (r == ZTJ_NOT_FOUND && (how & DESCENT) != 0 && ztj_proc_alive(pidfd))
		r = ZTJ_OK; /* a kernel without any cgroups */
	if (r != ZTJ_OK)
		return r;
	if ((how & DESCENT) != 0)
		ztj_proc_parse_cgroup_any(v, out->cgroup);
	else if ((how & LOOSELY) != 0)
		ztj_proc_parse_cgroup_cut(v, out->cgroup);
	else
		r = ztj_proc_parse_cgroup(v, out->cgroup);
	return r;
}

static int read_held(int pidfd, pid_t pid, unsigned how, struct ztj_procinfo *out)
{
	char text[8192];
	struct ztj_view v;
	int r;

	memset(out, 0, sizeof(*out));
	out->audit = ZTJ_NO_AUDIT_SESSION;
	r = read_of(pid, "stat", text, sizeof(text), &v);
	if (r == ZTJ_OK)
		r = ztj_proc_parse_stat(v, out);
	if (r == ZTJ_OK && out->id.pid != pid)
		r = ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		r = parent_start(out);
	if (r == ZTJ_OK)
		r = ztj_proc_read_status(pid, out);
	if (r == ZTJ_OK)
		r = read_cgroup(pidfd, out, how, text, sizeof(text));
	if (r == ZTJ_OK)
		out->loginuid = loginuid_of(pid);
	if (r == ZTJ_OK && (how & DESCENT) != 0) {
		out->audit = ztj_proc_audit(pid);
		climb(out);
	}
	/* Still alive now, so the pid was this process's all along. */
	if (r == ZTJ_OK && !ztj_proc_alive(pidfd))
		r = ZTJ_NOT_FOUND;
	return r;
}

int ztj_proc_read(int pidfd, pid_t pid, struct ztj_procinfo *out)
{
	return read_held(pidfd, pid, 0, out);
}

int ztj_proc_read_descent(int pidfd, pid_t pid, struct ztj_procinfo *out)
{
	return read_held(pidfd, pid, DESCENT, out);
}

int ztj_proc_read_any(int pidfd, pid_t pid, bool descent, struct ztj_procinfo *out)
{
	return read_held(pidfd, pid, LOOSELY | (descent ? DESCENT : 0u), out);
}
