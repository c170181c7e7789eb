/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Is the host armed? Asked of sshd, visudo, PAM and the name service themselves, not of the files that were written. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/install_int.h"

#define SSHD "/usr/sbin/sshd"
#define VISUDO "/usr/sbin/visudo"
#define GETENT "/usr/bin/getent"
#define PAMCHECK ZTJ_LIBEXECDIR "/ztjit-pamcheck"
#define DROP_IN "/etc/ssh/sshd_config.d/10-ztjit.conf"
#define SAYS_MAX (256u * 1024u)

/* Runs it; anything but status 0 is STATE, and what it said is told. */
static int ask(struct ztj_inst *in, const char *const *argv, struct ztj_buf *out)
{
	int status, r = ztj_inst_run(argv, out, &status);
	size_t n;

	if (r == ZTJ_OK && status == 0)
		return ZTJ_OK;
	n = out->n < 800 ? out->n : 800;
	return ztj_inst_fail(in, r != ZTJ_OK ? r : ZTJ_STATE, "%s %s: %.*s", argv[0], argv[1], (int)n,
	    (const char *)out->p);
}

/* ---- sshd ---- */

static int sshd_says(struct ztj_inst *in, const char *account, struct ztj_view drop_in)
{
	char who[ZTJ_INST_WORD + 64];
	const char *const all[] = { SSHD, "-T", NULL };
	const char *const one[] = { SSHD, "-T", "-C", who, NULL };
	struct ztj_buf out;
	int r;

	(void)snprintf(who, sizeof(who), "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22",
	    account != NULL ? account : "");
	ztj_buf_init(&out, SAYS_MAX);
	r = ask(in, account != NULL ? one : all, &out);
	if (r == ZTJ_OK)
		r = ztj_inst_sshd_effective(in, drop_in, ztj_buf_view(&out));
	ztj_buf_free(&out);
	return r;
}

static int verify_sshd(struct ztj_inst *in, const struct ztj_inst_wish *w)
{
	const char *const test[] = { SSHD, "-t", NULL };
	struct ztj_inst_file f;
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, SAYS_MAX);
	ztj_inst_file_init(&f);
	ztj_inst_sshd_room();
	r = ask(in, test, &out);
	if (r == ZTJ_OK)
		r = ztj_inst_file_read(in, DROP_IN, &f);
	if (r == ZTJ_OK)
		r = sshd_says(in, NULL, ztj_buf_view(&f.data));
	if (r == ZTJ_OK)
		r = sshd_says(in, "root", ztj_buf_view(&f.data));
	for (size_t i = 0; r == ZTJ_OK && i < w->ask->nrecord; i++)
		r = sshd_says(in, w->ask->record[i], ztj_buf_view(&f.data));
	ztj_inst_file_free(&f);
	ztj_buf_free(&out);
	return r;
}

/* sshd runs it only if nobody but root could have written it; the same for what PAM asks. */
static int verify_programs(struct ztj_inst *in)
{
	static const char *const program[] = { ZTJ_LIBEXECDIR "/ztjit-principals", PAMCHECK };
	struct ztj_inst_file f;
	int r = ZTJ_OK;

	ztj_inst_file_init(&f);
	for (size_t i = 0; r == ZTJ_OK && i < sizeof(program) / sizeof(program[0]); i++) {
		r = ztj_inst_file_stat(in, program[i], &f);
		if (r == ZTJ_OK && (!f.exists || (f.mode & 0111) == 0))
			r = ztj_inst_fail(in, ZTJ_NOT_FOUND, "%s", program[i]);
	}
	ztj_inst_file_free(&f);
	return r;
}

/* ---- sudo ---- */

static int verify_sudo(struct ztj_inst *in)
{
	const char *const argv[] = { VISUDO, "-c", NULL };
	static const char ours[] = "/etc/sudoers.d/ztjit:";
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, SAYS_MAX);
	r = ask(in, argv, &out);
	if (r == ZTJ_OK && memmem(out.p, out.n, ours, sizeof(ours) - 1) == NULL)
		r = ztj_inst_fail(in, ZTJ_STATE,
		    "visudo -c does not read /etc/sudoers.d/ztjit; "
		    "/etc/sudoers must say: @includedir /etc/sudoers.d");
	ztj_buf_free(&out);
	return r;
}

/* ---- PAM ---- */

static int verify_service(struct ztj_inst *in, const char *service)
{
	const char *const argv[] = { PAMCHECK, service, NULL };
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, SAYS_MAX);
	r = ask(in, argv, &out);
	ztj_buf_free(&out);
	return r;
}

static int verify_pam(struct ztj_inst *in, const struct ztj_inst_wish *w)
{
	static const char *const always[] = { "sshd", "su", "su-l" }, *const sudo[] = { "sudo", "sudo-i" };
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < sizeof(always) / sizeof(always[0]); i++)
		r = verify_service(in, always[i]);
	for (size_t i = 0; r == ZTJ_OK && w->sudo && i < sizeof(sudo) / sizeof(sudo[0]); i++)
		r = verify_service(in, sudo[i]);
	return r == ZTJ_OK && w->polkit ? verify_service(in, "polkit-1") : r;
}

/* ---- names ---- */

/* In a child: what it brings along stays there. */
bool ztj_inst_nss_loads(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(dlopen("libnss_ztjit.so.2", RTLD_NOW | RTLD_LOCAL) == NULL);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int verify_names(struct ztj_inst *in)
{
	static const char *const database[] = { "passwd", "group" };
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < 2; i++) {
		const char *const known[] = { GETENT, database[i], "root", NULL };
		const char *const unknown[] = { GETENT, database[i], "ztjit-no-such-name", NULL };
		struct ztj_buf out;
		int status;
		ztj_buf_init(&out, SAYS_MAX);
		r = ask(in, known, &out);
		if (r == ZTJ_OK && (out.n < 5 || memcmp(out.p, "root:", 5) != 0))
			r = ztj_inst_fail(in, ZTJ_STATE, "getent %s root no longer finds root", database[i]);
		if (r == ZTJ_OK)
			r = ztj_inst_run(unknown, NULL, &status);
		/* 2 is "not there"; a module that crashes is something else. */
		if (r == ZTJ_OK && status != 2)
			r = ztj_inst_fail(in, ZTJ_STATE, "getent %s of a name that nobody has ends with %d",
			    database[i], status);
		ztj_buf_free(&out);
	}
	return r;
}

/* ---- all of it ---- */

int ztj_inst_verify(struct ztj_inst *in, const struct ztj_inst_wish *w)
{
	char err[512] = "";
	int r = ztj_hostd_check(w->conf, err, sizeof(err));

	if (r != ZTJ_OK)
		return ztj_inst_fail(in, r, "ztjit-hostd -t: %s", err);
	r = verify_programs(in);
	if (r == ZTJ_OK)
		r = verify_sshd(in, w);
	if (r == ZTJ_OK && w->sudo)
		r = verify_sudo(in);
	if (r == ZTJ_OK && w->nss)
		r = verify_names(in);
	return r == ZTJ_OK ? verify_pam(in, w) : r;
}

int ztj_inst_verify_plain(struct ztj_inst *in)
{
	const char *const test[] = { SSHD, "-t", NULL }, *const visudo[] = { VISUDO, "-c", NULL };
	struct ztj_buf out;
	int r;

	ztj_buf_init(&out, SAYS_MAX);
	ztj_inst_sshd_room();
	r = access(SSHD, X_OK) == 0 ? ask(in, test, &out) : ZTJ_OK;
	ztj_buf_reset(&out);
	if (r == ZTJ_OK && access(VISUDO, X_OK) == 0)
		r = ask(in, visudo, &out);
	ztj_buf_free(&out);
	return r;
}
