/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The step-up agent: its processes and its loop. */
#include "ztjit/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "ztjit/api.h"
#include "ztjit/login.h"
#include "ztjit/out.h"

#define CONNS_MAX 16
#define QUIT_EXT "quit@ztjit"

char *agent_path(struct cli *c)
{
	return ctx_path(c, c->run_dir, "agent.sock");
}

static int address(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof sa->sun_path)
		return ZTJ_TOO_LARGE;
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return ZTJ_OK;
}

static int listen_at(const char *path, int *out)
{
	union {
		struct sockaddr_un un;
		struct sockaddr sa;
	} a;
	int fd, r = address(path, &a.un);

	*out = -1;
	if (r != ZTJ_OK)
		return r;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return ZTJ_SYSTEM;
	(void)unlink(path);
	/* umask 077: the socket is 0600 from its first moment */
	if (bind(fd, &a.sa, sizeof a.un) != 0 || listen(fd, CONNS_MAX) != 0) {
		(void)close(fd);
		return ZTJ_SYSTEM;
	}
	*out = fd;
	return ZTJ_OK;
}

static int connect_to(const char *path)
{
	union {
		struct sockaddr_un un;
		struct sockaddr sa;
	} a;
	int fd;

	if (address(path, &a.un) != ZTJ_OK || (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	if (connect(fd, &a.sa, sizeof a.un) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void take(struct agent *a, struct agent_conn *conns)
{
	int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof who;

	if (fd < 0)
		return;
	for (size_t i = 0; i < CONNS_MAX; i++) {
		if (conns[i].fd >= 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || who.uid != getuid())
			break;
		conns[i] = (struct agent_conn){ .fd = fd, .peer = who.pid };
		ztj_buf_init(&conns[i].in, ZTJ_AGENT_MSG_MAX + 4);
		return;
	}
	(void)close(fd);
}

static void hang_up(struct agent_conn *conn)
{
	(void)close(conn->fd);
	ztj_buf_free(&conn->in);
	conn->fd = -1;
}

static void serve(struct agent *a, struct agent_conn *conn)
{
	uint8_t chunk[8192];
	ssize_t got = recv(conn->fd, chunk, sizeof chunk, 0);

	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0 || ztj_buf_put(&conn->in, chunk, (size_t)got) != ZTJ_OK ||
	    agent_serve(a, conn) != ZTJ_OK)
		hang_up(conn);
}

/* Until the login ends, or somebody says quit. */
static void loop(struct agent *a)
{
	struct agent_conn conns[CONNS_MAX];
	struct pollfd p[CONNS_MAX + 1];

	for (size_t i = 0; i < CONNS_MAX; i++)
		conns[i] = (struct agent_conn){ .fd = -1 };
	while (!a->quit && (a->c->login == NULL || a->c->login->u.login.expires > cli_now())) {
		p[0] = (struct pollfd){ .fd = a->listener, .events = POLLIN };
		for (size_t i = 0; i < CONNS_MAX; i++)
			p[i + 1] = (struct pollfd){ .fd = conns[i].fd, .events = POLLIN };
		if (poll(p, CONNS_MAX + 1, 60000) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < CONNS_MAX; i++)
			if (conns[i].fd >= 0 && (p[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
				serve(a, &conns[i]);
		if ((p[0].revents & POLLIN) != 0)
			take(a, conns);
	}
}

static void child(struct agent *a, const char *path)
{
	/* the broker's connection belongs to the parent */
	a->c->net = NULL;
	loop(a);
	(void)unlink(path);
	_exit(0);
}

int agent_fork(struct cli *c, const struct cli_key *k, char **path, pid_t *pid)
{
	struct agent a = { .c = c, .key = k, .stop_peer = true };
	pid_t parent = getpid();
	int r;

	*pid = -1;
	if ((r = ctx_need_run(c)) != ZTJ_OK)
		return r;
	if ((*path = cli_printf(c, "%s/agent-%ld.sock", c->run_dir, (long)parent)) == NULL)
		return ZTJ_NOMEM;
	if ((r = listen_at(*path, &a.listener)) != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", *path, ztj_err_text(r));
	if ((*pid = fork()) == 0) {
		(void)signal(SIGINT, SIG_IGN); /* typed for the session, not for us */
		(void)signal(SIGQUIT, SIG_IGN);
		(void)signal(SIGTSTP, SIG_IGN);
		(void)signal(SIGTTOU, SIG_IGN);
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
			_exit(3);
		child(&a, *path);
	}
	(void)close(a.listener);
	return *pid > 0 ? ZTJ_OK : cli_fail(c, ZTJ_SYSTEM, "%s", ztj_err_text(ZTJ_SYSTEM));
}

static void detach(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	(void)!chdir("/");
	for (int i = 0; i <= 2 && fd >= 0; i++)
		(void)dup2(fd, i);
}

int agent_ensure(struct cli *c, const struct cli_key *k)
{
	struct agent a = { .c = c, .key = k };
	char *path = agent_path(c);
	int fd, r;
	pid_t pid;

	if (path == NULL)
		return ZTJ_NOMEM;
	if ((r = ctx_need_run(c)) != ZTJ_OK)
		return r;
	if ((fd = connect_to(path)) >= 0) {
		(void)close(fd);
		return ZTJ_OK;
	}
	if ((r = listen_at(path, &a.listener)) != ZTJ_OK)
		return cli_fail(c, r, "%s: %s", path, ztj_err_text(r));
	if ((pid = fork()) == 0) {
		detach();
		child(&a, path);
	}
	(void)close(a.listener);
	return pid > 0 ? ZTJ_OK : cli_fail(c, ZTJ_SYSTEM, "%s", ztj_err_text(ZTJ_SYSTEM));
}

void agent_stop(struct cli *c)
{
	char *path = agent_path(c);
	struct ztj_buf msg, framed;
	int fd;

	if (path == NULL || (fd = connect_to(path)) < 0)
		return;
	ztj_buf_init(&msg, 256);
	ztj_buf_init(&framed, 256);
	if (ztj_agent_req_extension(QUIT_EXT, ztj_view_of(NULL, 0), &msg) == ZTJ_OK &&
	    ztj_buf_put_view(&framed, ztj_buf_view(&msg)) == ZTJ_OK)
		(void)!send(fd, framed.p, framed.n, MSG_NOSIGNAL);
	ztj_buf_free(&msg);
	ztj_buf_free(&framed);
	(void)close(fd);
}
