/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The parent process keeps its privileges, holds no key, reads nothing but its configuration, and then
 * only waits. If one process ends, all end: half a broker would be a broker that lies.
 */
#include "ztjit-broker/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/sandbox.h"
#include "ztjit-broker/frontend.h"
#include "ztjit-broker/sender.h"
#include "ztjit-broker/signer.h"
#include "ztjit-broker/store.h"

#define CHILDREN 4
#define READY_SECONDS 60
#define STOP_MS 5000
#define FIRST_FD 3

enum role { FRONTEND, STORE, SIGNER, SENDER };
static const char *const role_name[CHILDREN] = { "ztjit-broker/frontend", "ztjit-broker/store",
	"ztjit-broker/signer", "ztjit-broker/sender" };

struct parent {
	const struct broker_conf *conf;
	int listener[FE_LISTENERS_MAX];
	size_t nlisteners;
	int control[2]; /* held open by the parent alone */
	int ready[2];
	int front[2], sign[2], send[2]; /* frontend–store, store–signer, store–sender */
	bool role[CHILDREN];            /* which of them there are */
	pid_t pid[CHILDREN];
	sigset_t signals;
};

static int open_listener(const char *text, int *out)
{
	struct sockaddr_storage ss;
	socklen_t len;
	const int on = 1;
	*out = -1;
	int r = broker_listen_parse(text, &ss, &len);
	if (r != ZTJ_OK)
		return r;
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ZTJ_SYSTEM;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&ss, len) != 0 || listen(fd, 4096) != 0) {
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", text, strerror(errno));
		(void)close(fd);
		return ZTJ_SYSTEM;
	}
	*out = fd;
	return ZTJ_OK;
}

static int open_all(struct parent *p)
{
	for (size_t i = 0; i < p->conf->listen.n && i < FE_LISTENERS_MAX; i++) {
		int r = open_listener(p->conf->listen.s[i], &p->listener[i]);
		if (r != ZTJ_OK)
			return r;
		p->nlisteners++;
	}
	if (pipe2(p->control, O_CLOEXEC) != 0 || pipe2(p->ready, O_CLOEXEC) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->front) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->sign) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->send) != 0)
		return ZTJ_SYSTEM;
	return ZTJ_OK;
}

/* Moves the descriptors a child may keep to 3, 4, 5, …; the rest is closed by ztj_process_harden. */
static int keep(int *const *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int up = fcntl(*fds[i], F_DUPFD_CLOEXEC, 64);
		if (up < 0)
			return ZTJ_SYSTEM;
		*fds[i] = up;
	}
	for (size_t i = 0; i < n; i++) {
		if (dup3(*fds[i], FIRST_FD + (int)i, O_CLOEXEC) < 0)
			return ZTJ_SYSTEM;
		*fds[i] = FIRST_FD + (int)i;
	}
	return ztj_process_harden(FIRST_FD + (int)n);
}

static int run_frontend(struct parent *p)
{
	struct frontend_fds f = { .n = p->nlisteners,
		.store = p->front[0],
		.control = p->control[0],
		.ready = p->ready[1] };
	int *fds[FE_LISTENERS_MAX + 3] = { &f.store, &f.control, &f.ready };
	for (size_t i = 0; i < f.n; i++) {
		f.listener[i] = p->listener[i];
		fds[3 + i] = &f.listener[i];
	}
	return keep(fds, 3 + f.n) == ZTJ_OK ? frontend_main(p->conf, &f) : 1;
}

static int run_store(struct parent *p)
{
	struct store_fds f = { .frontend = p->front[1],
		.signer = p->sign[0],
		.sender = p->send[0],
		.control = p->control[0],
		.ready = p->ready[1] };
	int *fds[] = { &f.frontend, &f.signer, &f.control, &f.ready, &f.sender };
	if (keep(fds, p->role[SENDER] ? 5 : 4) != ZTJ_OK)
		return 1;
	if (!p->role[SENDER])
		f.sender = -1;
	return store_main(p->conf, &f);
}

static int run_signer(struct parent *p)
{
	struct signer_fds f = { .store = p->sign[1], .control = p->control[0], .ready = p->ready[1] };
	int *fds[] = { &f.store, &f.control, &f.ready };
	return keep(fds, 3) == ZTJ_OK ? signer_main(p->conf, &f) : 1;
}

static int run_sender(struct parent *p)
{
	struct sender_fds f = { .store = p->send[1], .control = p->control[0], .ready = p->ready[1] };
	int *fds[] = { &f.store, &f.control, &f.ready };
	return keep(fds, 3) == ZTJ_OK ? sender_main(p->conf, &f) : 1;
}

static int run_child(struct parent *p, enum role role)
{
	(void)sigprocmask(SIG_UNBLOCK, &p->signals, NULL);
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	(void)prctl(PR_SET_NAME, (unsigned long)(uintptr_t)(strchr(role_name[role], '/') + 1));
	ztj_log_open(role_name[role], true, p->conf->debug ? ZTJ_LOG_DEBUG : ZTJ_LOG_INFO);
	switch (role) {
	case FRONTEND:
		return run_frontend(p);
	case STORE:
		return run_store(p);
	case SIGNER:
		return run_signer(p);
	case SENDER:
		return run_sender(p);
	}
	return 1;
}

static int start_children(struct parent *p)
{
	for (int i = 0; i < CHILDREN; i++) {
		if (!p->role[i])
			continue;
		pid_t pid = fork();
		if (pid < 0)
			return ZTJ_SYSTEM;
		if (pid == 0)
			_exit(run_child(p, (enum role)i));
		p->pid[i] = pid;
	}
	(void)close(p->control[0]);
	(void)close(p->ready[1]);
	(void)close(p->front[0]);
	(void)close(p->front[1]);
	(void)close(p->sign[0]);
	(void)close(p->sign[1]);
	(void)close(p->send[0]);
	(void)close(p->send[1]);
	for (size_t i = 0; i < p->nlisteners; i++)
		(void)close(p->listener[i]);
	return ZTJ_OK;
}

/* All, or none. A child that fails closes its end: read gives 0 when all are gone. */
static int wait_ready(const struct parent *p)
{
	char byte;
	int all = p->role[SENDER] ? CHILDREN : CHILDREN - 1;
	for (int n = 0; n < all;) {
		struct pollfd pfd = { .fd = p->ready[0], .events = POLLIN };
		int r = poll(&pfd, 1, 200);
		if (r > 0 && read(p->ready[0], &byte, 1) == 1) {
			n++;
			continue;
		}
		int status;
		pid_t gone = waitpid(-1, &status, WNOHANG);
		if (gone > 0 || (r > 0 && (pfd.revents & POLLIN) == 0))
			return ZTJ_UNREACHABLE;
	}
	return ZTJ_OK;
}

static void name_dead(const struct parent *p, pid_t pid, int status)
{
	for (int i = 0; i < CHILDREN; i++) {
		if (p->pid[i] != pid)
			continue;
		if (WIFSIGNALED(status))
			ztj_log(ZTJ_LOG_ALARM, "%s was killed by signal %d; all end", role_name[i],
			    WTERMSIG(status));
		else
			ztj_log(ZTJ_LOG_ERROR, "%s ended (%d); all end", role_name[i], WEXITSTATUS(status));
	}
}

static void stop_children(struct parent *p)
{
	int left = 0;
	for (int i = 0; i < CHILDREN; i++) {
		if (p->pid[i] > 0 && kill(p->pid[i], SIGTERM) == 0)
			left++;
	}
	for (int waited = 0; left > 0 && waited < STOP_MS; waited += 20) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0)
			left--;
		else if (pid < 0)
			return;
		else
			(void)poll(NULL, 0, 20);
	}
	for (int i = 0; i < CHILDREN; i++)
		if (p->pid[i] > 0)
			(void)kill(p->pid[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

/* Returns when told to stop (0) or when a child has ended (1). */
static int watch(struct parent *p)
{
	for (;;) {
		int sig = 0, status;
		if (sigwait(&p->signals, &sig) != 0)
			return 1;
		if (sig == SIGTERM || sig == SIGINT)
			return 0;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (sig != SIGCHLD || pid <= 0)
			continue;
		name_dead(p, pid, status);
		for (int i = 0; i < CHILDREN; i++)
			if (p->pid[i] == pid)
				p->pid[i] = 0;
		return 1;
	}
}

/* Every stream is a descriptor. */
static void raise_limit(int64_t want)
{
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rlim_t need = (rlim_t)want + 256;
	if (rl.rlim_cur >= need)
		return;
	rl.rlim_cur = need < rl.rlim_max ? need : rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur < need)
		ztj_log(ZTJ_LOG_WARN, "only %llu descriptors for max_connections = %lld",
		    (unsigned long long)rl.rlim_cur, (long long)want);
}

int serve(const struct broker_conf *conf)
{
	struct parent p = { .conf = conf, .role = { true, true, true, sender_wanted(conf) } };
	int status = 1;
	(void)sigemptyset(&p.signals);
	(void)sigaddset(&p.signals, SIGTERM);
	(void)sigaddset(&p.signals, SIGINT);
	(void)sigaddset(&p.signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &p.signals, NULL);
	raise_limit(conf->max_connections);
	int r = open_all(&p);
	if (r == ZTJ_OK)
		r = start_children(&p);
	if (r == ZTJ_OK)
		r = wait_ready(&p);
	if (r == ZTJ_OK) {
		ztj_log(ZTJ_LOG_NOTICE, "ready");
		status = watch(&p);
	} else {
		ztj_log(ZTJ_LOG_ERROR, "did not start");
	}
	stop_children(&p);
	return status;
}
