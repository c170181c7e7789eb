/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit ssh: the certificate, the step-up agent, and then stock ssh(1). */
#include "ztjit/commands.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ztjit/agent.h"
#include "ztjit/certs.h"
#include "ztjit/held.h"
#include "ztjit/login.h"
#include "ztjit/out.h"
#include "ztjit/self.h"

#define ARGS_MAX 64
#define SSH_FAILED 255

struct args {
	size_t n;
	char **v;
};

static void add(struct args *a, char *word)
{
	a->v[a->n++] = word;
}

static int add_option(struct cli *c, struct args *a, const char *name, const char *value)
{
	char *o = cli_strdup(c, "-o"), *text = cli_printf(c, "%s=%s", name, value);

	if (o == NULL || text == NULL)
		return ZTJ_NOMEM;
	add(a, o);
	add(a, text);
	return ZTJ_OK;
}

/* Index of the host among the operands: behind ssh's own options. */
static int host_index(const struct cli *c)
{
	bool arg;
	int i = 0;

	while (i < c->argc && cli_ssh_option(c->argv[i], &arg))
		i += arg ? 2 : 1;
	return i;
}

/* -l USER says the same as USER@ */
static const char *user_option(const struct cli *c, int host)
{
	for (int i = 0; i + 1 < host; i++)
		if (strcmp(c->argv[i], "-l") == 0)
			return c->argv[i + 1];
	return NULL;
}

static int ssh_args(struct cli *c, const struct target *t, const struct cli_key *k, const char *cert,
    const char *socket, int host, struct args *a)
{
	const char *args = cli_printf(c, "known-hosts %s %%H %%K", t->full);
	const char *known = args != NULL ? self_command(c, args) : NULL;
	struct {
		const char *name, *value;
	} opts[] = {
		{ "CertificateFile", cert },
		{ "IdentityFile", cert_identity(c, cert, k) },
		{ "IdentitiesOnly", "yes" },
		{ "HostKeyAlias", ztj_fullname_tail(t->full) },
		{ "KnownHostsCommand", known },
		{ "UserKnownHostsFile", "/dev/null" },
		{ "GlobalKnownHostsFile", "/dev/null" },
		{ "StrictHostKeyChecking", "yes" },
		{ "ForwardAgent", socket },
	};
	struct ztj_fido f = key_fido(c);
	int r = ZTJ_OK;

	if ((a->v = cli_keep(c, (ARGS_MAX + (size_t)c->argc) * sizeof *a->v)) == NULL)
		return ZTJ_NOMEM;
	add(a, c->conf.ssh);
	for (size_t i = 0; i < sizeof opts / sizeof opts[0] && r == ZTJ_OK; i++)
		r = opts[i].value != NULL ? add_option(c, a, opts[i].name, opts[i].value) : ZTJ_NOMEM;
	if (r == ZTJ_OK && f.provider != NULL && f.provider[0] != '\0')
		r = add_option(c, a, "SecurityKeyProvider", f.provider);
	for (int i = 0; i < host; i++)
		add(a, c->argv[i]);
	add(a, cli_strdup(c, "-l"));
	add(a, cli_strdup(c, t->user));
	add(a, cli_strdup(c, ztj_fullname_tail(t->host)));
	for (int i = host + 1; i < c->argc; i++)
		add(a, c->argv[i]);
	return r;
}

/* ssh is the one who is interrupted; we wait for what it says. */
static int run(struct cli *c, char *const *argv, int *status)
{
	posix_spawnattr_t attr;
	sigset_t defaults;
	pid_t pid;
	int err;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGINT);
	(void)sigaddset(&defaults, SIGQUIT);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigdefault(&attr, &defaults);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	if (err != 0)
		return cli_fail(c, ZTJ_SYSTEM, "%s: %s", argv[0], strerror(err));
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return ZTJ_SYSTEM;
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	return ZTJ_OK;
}

static int session(struct cli *c, struct target *t, const struct cli_key *k, const char *cert, int host)
{
	struct args a = { .n = 0 };
	char *socket = NULL;
	pid_t agent = -1;
	int status = 0, r;

	if ((r = agent_fork(c, k, &socket, &agent)) != ZTJ_OK)
		return r;
	if ((r = ssh_args(c, t, k, cert, socket, host, &a)) == ZTJ_OK) {
		/* ssh forwards nothing when it sees no agent of its own */
		if (getenv("SSH_AUTH_SOCK") == NULL)
			(void)setenv("SSH_AUTH_SOCK", socket, 1);
		(void)fflush(NULL);
		r = run(c, a.v, &status);
	}
	(void)kill(agent, SIGTERM);
	(void)unlink(socket);
	while (waitpid(agent, NULL, 0) < 0 && errno == EINTR)
		;
	/* not what a command returned: ssh itself failed, and sshd tells a client nothing */
	if (r == ZTJ_OK && WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED)
		cert_explain(c, t, cert);
	if (r == ZTJ_OK)
		cli_exit(c, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return r;
}

int cmd_ssh(struct cli *c)
{
	int host = host_index(c), r;
	struct target t;
	struct cli_key k;
	char *cert;

	if (host >= c->argc)
		return cli_fail(c, ZTJ_USAGE, "which host? ztjit ssh [USER@]HOST [COMMAND…]");
	if ((r = key_load(c, &k)) != ZTJ_OK || (r = held_open(c)) != ZTJ_OK)
		return r;
	r = login_load(c);
	if (r == ZTJ_NOT_FOUND || r == ZTJ_ENDED) {
		cli_hint(c, "ztjit login");
		return cli_fail(c, ZTJ_FORBIDDEN,
		    r == ZTJ_ENDED ? "your login has ended" : "you are not logged in");
	}
	if (r != ZTJ_OK || (r = cert_target(c, c->argv[host], &t)) != ZTJ_OK)
		return r;
	if (t.user[0] == '\0' && user_option(c, host) != NULL)
		t.user = user_option(c, host);
	if ((r = cert_ensure(c, &t, &k, true, &cert)) == ZTJ_OK)
		r = session(c, &t, &k, cert, host);
	ztj_keyfile_wipe(&k.file);
	return r;
}
