/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/pam/fake.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static void stack(const struct fake *f, const char *service, const char *options)
{
	static const char *const facility[] = { "auth", "account", "session" };
	const char *build = getenv("ZTJ_BUILDDIR");
	char path[256];
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, service);
	fp = fopen(path, "we");
	need(fp != NULL && build != NULL, "stack");
	for (int i = 0; i < 3; i++)
		(void)fprintf(fp, "%s required %s/pam_ztjit/.libs/pam_ztjit.so socket=%s %s\n", facility[i],
		    build, f->socket, options);
	need(fclose(fp) == 0, "stack");
}

void fake_setup(struct fake *f, const char *options)
{
	static const char *const service[] = { "sshd", "sudo", "sudo-i", "su", "su-l", "odd" };

	memset(f, 0, sizeof(*f));
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/ztjit-pam.XXXXXX");
	need(mkdtemp(f->dir) != NULL, "mkdtemp");
	(void)snprintf(f->socket, sizeof(f->socket), "%s/pam.sock", f->dir);
	for (size_t i = 0; i < sizeof(service) / sizeof(service[0]); i++)
		stack(f, service[i], options);
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void stop(struct fake *f)
{
	if (f->daemon > 0) {
		(void)kill(f->daemon, SIGKILL);
		(void)waitpid(f->daemon, NULL, 0);
	}
	f->daemon = 0;
	(void)unlink(f->socket);
}

void fake_teardown(struct fake *f)
{
	stop(f);
	(void)nftw(f->dir, gone, 8, FTW_DEPTH | FTW_PHYS);
}

static void serve(int listener, fake_part part, const void *arg, unsigned n)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	while (n-- > 0) {
		int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0)
			break;
		part(sock, arg);
		(void)close(sock);
	}
	_exit(0);
}

void fake_daemon(struct fake *f, fake_part part, const void *arg, unsigned n)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stop(f);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
	need(listener >= 0 && bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0, "bind");
	need(listen(listener, 8) == 0, "listen");
	f->daemon = fork();
	need(f->daemon >= 0, "fork");
	if (f->daemon == 0)
		serve(listener, part, arg, n);
	(void)close(listener);
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	struct fake *f = arg;

	*resp = calloc((size_t)n, sizeof(**resp));
	for (int i = 0; i < n && f->nshown < 16; i++) {
		f->style[f->nshown] = msg[i]->msg_style;
		(void)snprintf(f->shown[f->nshown++], sizeof(f->shown[0]), "%s", msg[i]->msg);
	}
	return *resp == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

pam_handle_t *fake_start(struct fake *f, const char *service, const char *user)
{
	struct pam_conv conv = { converse, f };
	pam_handle_t *pamh = NULL;

	f->nshown = 0;
	need(pam_start_confdir(service, user, &conv, f->dir, &pamh) == PAM_SUCCESS, "pam_start_confdir");
	return pamh;
}

int fake_call(pam_handle_t *pamh, char phase, int flags)
{
	switch (phase) {
	case 'a':
		return pam_authenticate(pamh, flags);
	case 'c':
		return pam_acct_mgmt(pamh, flags);
	case 'o':
		return pam_open_session(pamh, flags);
	case 'l':
		return pam_close_session(pamh, flags);
	default:
		return pam_setcred(pamh, (int)((unsigned)flags | PAM_ESTABLISH_CRED));
	}
}

int fake_phase(struct fake *f, const char *service, char phase, int flags)
{
	pam_handle_t *pamh = fake_start(f, service, "alias");
	int r = fake_call(pamh, phase, flags);

	(void)pam_end(pamh, r);
	return r;
}

/* ---- what a daemon says ---- */

void part_read(int sock, struct ztj_ipc_in *in, bool want_fd)
{
	int r;

	ztj_ipc_in_init(in, ZTJ_IPC_MAX);
	while ((r = ztj_ipc_read(sock, in, want_fd)) == ZTJ_TIMEOUT) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		(void)poll(&p, 1, 10000);
	}
	if (r != ZTJ_OK)
		_exit(1);
}

static void say(int sock, struct ztj_buf *b)
{
	if (ztj_ipc_finish(b) != ZTJ_OK ||
	    ztj_ipc_send(sock, ztj_buf_view(b), -1, ztj_ipc_now_ms() + 5000) != ZTJ_OK)
		_exit(1);
	ztj_buf_free(b);
}

static struct ztj_buf begin(uint8_t type)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, type) != ZTJ_OK)
		_exit(1);
	return b;
}

void part_verdict(int sock, uint32_t code, const char *text)
{
	struct ztj_buf b = begin(128);

	(void)ztj_buf_put_u32(&b, code);
	(void)ztj_buf_put_cstring(&b, text);
	say(sock, &b);
}

void part_prompt(int sock, const char *text, uint32_t seconds)
{
	struct ztj_buf b = begin(129);

	(void)ztj_buf_put_cstring(&b, text);
	(void)ztj_buf_put_u32(&b, seconds);
	say(sock, &b);
}

void part_need_agent(int sock, uint32_t uid, uint32_t gid)
{
	struct ztj_buf b = begin(130);

	(void)ztj_buf_put_u32(&b, uid);
	(void)ztj_buf_put_u32(&b, gid);
	say(sock, &b);
}
