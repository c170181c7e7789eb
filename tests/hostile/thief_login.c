/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Logins as sshd makes them: a process runs ztjit-principals as its own child, then PAM account and open_session with the
 * certificate. Each in a process of its own: a denied open_session kills its caller.
 */
#include "tests/hostile/thief.h"

#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/codec.h"

#define PRINCIPALS ZTJ_LIBEXECDIR "/ztjit-principals"
#define HELPER_USER "ztjit-principals"

/* ---- ztjit-principals ---- */

const char *thief_cert_type(const char *b64, char *out, size_t size)
{
	struct ztj_buf b;
	struct ztj_view v;
	struct ztj_rd rd;

	ztj_buf_init(&b, 1024 * 1024);
	(void)snprintf(out, size, "sk-ssh-ed25519-cert-v01@openssh.com");
	if (ztj_b64_decode(ztj_view_str(b64), &b) == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&b));
		if (ztj_rd_string(&rd, size - 1, &v) == ZTJ_OK && v.n > 0 && memchr(v.p, 0, v.n) == NULL)
			(void)snprintf(out, size, "%.*s", (int)v.n, (const char *)v.p);
	}
	ztj_buf_free(&b);
	return out;
}

static _Noreturn void run_helper(int out, const char *account, const char *type, const char *cert)
{
	const struct passwd *pw = getpwnam(HELPER_USER);

	if (pw == NULL || setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0 ||
	    dup2(out, 1) < 0)
		_exit(99);
	environ = NULL;
	(void)execl(PRINCIPALS, PRINCIPALS, account, type, cert, (char *)NULL);
	_exit(98);
}

int thief_principals(const char *account, const char *type, const char *cert, char *line, size_t size)
{
	int fd[2], status = 0;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	line[0] = '\0';
	if (pipe(fd) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0)
		run_helper(fd[1], account, type, cert);
	(void)close(fd[1]);
	while (n < size - 1 && (got = read(fd[0], line + n, size - 1 - n)) > 0)
		n += (size_t)got;
	line[n] = '\0';
	(void)close(fd[0]);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- PAM ---- */

static int silent(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	(void)msg;
	(void)arg;
	*resp = calloc((size_t)n, sizeof(**resp));
	return *resp == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

void thief_pam(const struct thief *t, const char *service, const char *user, const char *target,
    const char *rhost, const char *info, const char *what, struct pam_run *out)
{
	const struct pam_conv conv = { .conv = silent };
	pam_handle_t *h = NULL;
	char *env = NULL;

	*out = (struct pam_run){ -1, -1, -1 };
	if (pam_start_confdir(service, user, &conv, t->pam, &h) != PAM_SUCCESS)
		return;
	if (rhost != NULL)
		(void)pam_set_item(h, PAM_RHOST, rhost);
	(void)pam_set_item(h, PAM_TTY, "ssh");
	if (strchr(what, 'a') != NULL)
		out->auth = pam_authenticate(h, 0);
	if (strchr(what, 'c') != NULL)
		out->account = pam_acct_mgmt(h, 0);
	if (info != NULL && asprintf(&env, "SSH_AUTH_INFO_0=%s", info) > 0)
		(void)pam_putenv(h, env);
	if (target != NULL)
		(void)pam_set_item(h, PAM_USER, target);
	if (strchr(what, 'o') != NULL)
		out->open = pam_open_session(h, 0);
	free(env);
	(void)pam_end(h, PAM_SUCCESS);
}

/* ---- one login ---- */

struct attempt {
	int helper;
	char line[2048];
	struct pam_run pam;
};

static _Noreturn void child(const struct thief *t, const struct lie *v, int out)
{
	struct attempt a = { .helper = -1, .pam = { -1, -1, -1 } };
	struct pam_run open;
	char type[64], *info = NULL;

	(void)thief_cert_type(v->cert, type, sizeof(type));
	a.helper = thief_principals(v->account, type, v->cert, a.line, sizeof(a.line));
	if (asprintf(&info, "publickey %s %s\n", type, v->cert) < 0)
		_exit(1);
	thief_pam(t, "sshd", v->account, NULL, v->peer, NULL, "ac", &a.pam);
	/* said before the session is asked for: a denial there is the end of this process */
	if (write(out, &a, sizeof(a)) != sizeof(a))
		_exit(1);
	thief_pam(t, "sshd", v->account, NULL, v->peer, info, "o", &open);
	a.pam.open = open.open;
	_exit(write(out, &a, sizeof(a)) == sizeof(a) ? 0 : 1);
}

static bool attempt(const struct thief *t, const struct lie *v, struct attempt *a, bool *killed)
{
	int fd[2], status = 0;
	bool said = false;
	pid_t pid;

	if (pipe(fd) != 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		(void)close(fd[0]);
		child(t, v, fd[1]);
	}
	(void)close(fd[1]);
	while (read(fd[0], a, sizeof(*a)) == sizeof(*a))
		said = true;
	(void)close(fd[0]);
	if (waitpid(pid, &status, 0) != pid)
		return false;
	*killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return said;
}

/* C08: the line says what the rule says, whatever the certificate does. */
static bool line_good(const struct lie *v, const char *line)
{
	char hex[ZTJ_HEX_SIZE], principal[128];
	size_t n = strlen(line);

	ztj_hex(v->request, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(principal, sizeof(principal), " " ZTJ_PRINCIPAL_PREFIX "%s\n", hex);
	return strncmp(line, "restrict,pty,agent-forwarding,", 30) == 0 &&
	    strstr(line, "port-forwarding") == NULL && strstr(line, "X11") == NULL &&
	    strstr(line, "expiry-time=\"") != NULL && n > strlen(principal) &&
	    strcmp(line + n - strlen(principal), principal) == 0 &&
	    strstr(line, ",verify-required,") != NULL &&
	    (strcmp(v->account, "root") != 0 || strstr(line, "from=\"10.0.0.0/8\"") != NULL);
}

static void judge_control(struct thief *t, const struct lie *v, const struct attempt *a,
    const struct decided *d, bool killed)
{
	bool good = a->helper == 0 && line_good(v, a->line) && d->principals == ZTJ_OK &&
	    a->pam.account == PAM_SUCCESS && a->pam.open == PAM_SUCCESS && !killed;

	thief_verdict(t, good, v->name, "ok (helper %d, principals %s, account %d, open %d %s)", a->helper,
	    d->principals == CODE_NONE ? "none" : ztj_err_name(d->principals), a->pam.account, a->pam.open,
	    d->open == CODE_NONE ? "none" : ztj_err_name(d->open));
	if (!good)
		printf("#   %s#   %s\n", a->line, d->text);
}

/* Nothing reached the gate because the helper itself would not carry it. */
static bool not_carried(const struct lie *v, const struct attempt *a, const struct decided *d)
{
	return d->principals == CODE_NONE && a->helper != 0 &&
	    (v->want == WANT_CERT || v->account[0] == '\0');
}

static void judge_lie(struct thief *t, const struct lie *v, const struct attempt *a, const struct decided *d,
    bool killed)
{
	bool reason = want_met(v->want, d->principals) || not_carried(v, a, d);
	bool refused = a->helper != 0 && a->line[0] == '\0' && a->pam.auth != PAM_SUCCESS &&
	    a->pam.account != PAM_SUCCESS && (a->pam.open != PAM_SUCCESS || killed) && d->open != ZTJ_OK;
	bool later = (d->account == ZTJ_NO_GRANT || d->account == ZTJ_BAD_NAME || d->account == CODE_NONE) &&
	    (d->open == ZTJ_NO_GRANT || want_met(v->want, d->open) || d->open == CODE_NONE ||
		d->open == ZTJ_CERT_KIND);

	thief_verdict(t, reason && refused && later, v->name, "%s (want %s; account %s, open %s%s)",
	    d->principals == CODE_NONE ? "not-carried" : ztj_err_name(d->principals), want_name(v->want),
	    d->account == CODE_NONE ? "none" : ztj_err_name(d->account),
	    d->open == CODE_NONE ? "none" : ztj_err_name(d->open), killed ? ", connection killed" : "");
	if (!reason || !refused || !later)
		printf("#   helper %d, line %s, auth %d, account %d, open %d, text %s\n", a->helper, a->line,
		    a->pam.auth, a->pam.account, a->pam.open, d->text);
}

/* The address is known to PAM alone: the line says from="…", and open_session refuses. */
static void judge_source(struct thief *t, const struct lie *v, const struct attempt *a,
    const struct decided *d, bool killed)
{
	bool good = a->helper == 0 && line_good(v, a->line) && d->principals == ZTJ_OK &&
	    d->open == ZTJ_SOURCE && (a->pam.open != PAM_SUCCESS || killed);

	thief_verdict(t, good, v->name, "%s (a line with from=; open_session refuses%s)",
	    d->open == CODE_NONE ? "none" : ztj_err_name(d->open), killed ? ", connection killed" : "");
}

void thief_logins(struct thief *t, bool (*which)(const struct lie *v))
{
	for (size_t i = 0; i < t->lies.n; i++) {
		const struct lie *v = &t->lies.lie[i];
		struct attempt a;
		struct decided d;
		bool killed = false;
		if (v->kind != V_LOGIN || !which(v))
			continue;
		if (!attempt(t, v, &a, &killed)) {
			thief_verdict(t, false, v->name, "could not be tried");
			continue;
		}
		thief_decided(t, &d);
		if (v->control)
			judge_control(t, v, &a, &d, killed);
		else if (v->want == ZTJ_SOURCE)
			judge_source(t, v, &a, &d, killed);
		else
			judge_lie(t, v, &a, &d, killed);
		(void)fflush(stdout);
	}
}
