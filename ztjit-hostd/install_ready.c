/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Before a host is armed: is it joined, is everything there that arming needs, and who gets in if it goes wrong? */
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/install_int.h"
#include "ztjit-hostd/nscd.h"

#define TEMPLATES ZTJ_DATADIR "/contrib"
#define DROP_IN "/etc/ssh/sshd_config.d/10-ztjit.conf"

/* ---- versions ---- */

/* "OpenSSH_9.2p1 …", "Sudo version 1.9.13p3": major and minor behind the mark. */
static bool version_in(struct ztj_view text, const char *mark, unsigned v[2])
{
	const char *at = text.n > 0 ? memmem(text.p, text.n, mark, strlen(mark)) : NULL;
	const char *end = (const char *)text.p + text.n;

	v[0] = v[1] = 0;
	if (at == NULL)
		return false;
	at += strlen(mark);
	for (unsigned i = 0; i < 2; i++, at++)
		for (; at < end && *at >= '0' && *at <= '9' && v[i] < 10000; at++)
			v[i] = v[i] * 10 + (unsigned)(*at - '0');
	return v[0] > 0;
}

static int need_version(struct ztj_inst *in, const char *const argv[3], const char *mark,
    const unsigned least[2])
{
	struct ztj_buf out;
	unsigned v[2];
	int status, r;

	ztj_buf_init(&out, 65536);
	r = ztj_inst_run(argv, &out, &status); /* sshd 9.2 says its version beside an error */
	if (r != ZTJ_OK || !version_in(ztj_buf_view(&out), mark, v))
		r = ztj_inst_fail(in, ZTJ_NOT_FOUND, "%s does not say its version; is it installed?",
		    argv[0]);
	else if (v[0] < least[0] || (v[0] == least[0] && v[1] < least[1]))
		r = ztj_inst_fail(in, ZTJ_VERSION, "%s is version %u.%u; %u.%u is needed", argv[0], v[0],
		    v[1], least[0], least[1]);
	ztj_buf_free(&out);
	return r;
}

/* ---- files ---- */

static int need_file(struct ztj_inst *in, const char *path, const char *what)
{
	struct ztj_inst_file f;
	int r;

	ztj_inst_file_init(&f);
	r = ztj_inst_file_read(in, path, &f);
	if (r == ZTJ_OK && (!f.exists || f.data.n == 0))
		r = ztj_inst_fail(in, ZTJ_NOT_FOUND, "%s: %s", path, what);
	ztj_inst_file_free(&f);
	return r;
}

/* The templates name the agent's user and its sockets as they are when nobody changed them. */
static int check_conf(struct ztj_inst *in, const struct ztj_hostconf *conf, struct ztj_view drop_in)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "\nAuthorizedPrincipalsCommandUser %s\n", conf->principals_user);
	if (memmem(drop_in.p, drop_in.n, line, strlen(line)) == NULL)
		return ztj_inst_fail(in, ZTJ_STATE,
		    "principals_user is \"%s\" in the agent's configuration, and another in " TEMPLATES
		    "/sshd/10-ztjit.conf",
		    conf->principals_user);
	if (strcmp(conf->run, ZTJ_RUNDIR) != 0)
		return ztj_inst_fail(in, ZTJ_STATE,
		    "run is \"%s\" in the agent's configuration, but PAM would ask in " ZTJ_RUNDIR,
		    conf->run);
	return ZTJ_OK;
}

static int check_sshd(struct ztj_inst *in, const struct ztj_hostconf *conf)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_INST_FILE_MAX);
	r = ztj_inst_template(in, TEMPLATES, "sshd/10-ztjit.conf", &b);
	if (r == ZTJ_OK)
		r = check_conf(in, conf, ztj_buf_view(&b));
	if (r == ZTJ_OK)
		r = ztj_inst_sshd_wins(in, DROP_IN, ztj_buf_view(&b));
	ztj_buf_free(&b);
	return r;
}

static int check_record(struct ztj_inst *in, const struct ztj_install *ask)
{
	char now[ZTJ_INST_WORD];

	for (size_t i = 0; i < ask->nrecord; i++)
		if (!ztj_name_ok(ask->record[i]) || ztj_inst_shell_now(in, ask->record[i], now) != ZTJ_OK)
			return ztj_inst_fail(in, ZTJ_NOT_FOUND, "--record %s: no such account in /etc/passwd",
			    ask->record[i]);
	return ask->nrecord == 0 ? ZTJ_OK : need_file(in, ZTJ_RECORDER, "the recorder is not installed");
}

/* What it keeps outlives the grant, and what begins shows late. */
static int check_nscd(struct ztj_inst *in)
{
	char what[64] = "";
	const char *why;

	if (ztj_nscd_look(what, sizeof(what), &why) != ZTJ_NSCD_KEEPS)
		return ZTJ_OK;
	return ztj_inst_fail(in, ZTJ_STATE,
	    "nscd runs here and %s %s: what a grant gave would go on after its end. " ZTJ_NSCD_TRY
	    " (or say --no-nss)",
	    why, what);
}

int ztj_inst_ready(struct ztj_inst *in, const struct ztj_install *ask, const struct ztj_hostconf *conf,
    struct ztj_inst_wish *w)
{
	static const char *const sshd[3] = { "/usr/sbin/sshd", "-V", NULL },
				 *const sudo[3] = { "/usr/bin/sudo", "-V", NULL };
	static const unsigned sshd_least[2] = { 8, 7 }, sudo_least[2] = { 1, 9 };
	int r;

	*w = (struct ztj_inst_wish){ .ask = ask, .conf = conf, .templates = TEMPLATES, .nss = !ask->no_nss };
	r = need_file(in, conf->roots, "this host is not joined; see ztjit-hostd join");
	if (r == ZTJ_OK)
		r = need_file(in, conf->machine_key, "this host is not joined; see ztjit-hostd join");
	if (r == ZTJ_OK)
		r = need_file(in, ZTJ_SYSCONFDIR "/user_ca.pub",
		    "without it sshd believes no certificate; see ztjit-hostd join");
	if (r == ZTJ_OK)
		r = need_version(in, sshd, "OpenSSH_", sshd_least);
	w->sudo = access(sudo[0], X_OK) == 0;
	if (r == ZTJ_OK && w->sudo)
		r = need_version(in, sudo, "Sudo version ", sudo_least);
	w->polkit = access("/etc/pam.d/polkit-1", F_OK) == 0 || access("/usr/lib/pam.d/polkit-1", F_OK) == 0;
	if (r == ZTJ_OK && w->nss && !ztj_inst_nss_loads())
		r = ztj_inst_fail(in, ZTJ_NOT_FOUND,
		    "libnss_ztjit.so.2 cannot be loaded: people would have no account and no group here; "
		    "install it, or say --no-nss");
	if (r == ZTJ_OK && w->nss)
		r = check_nscd(in);
	if (r == ZTJ_OK)
		r = check_record(in, ask);
	return r == ZTJ_OK ? check_sshd(in, conf) : r;
}

/* ---- users ---- */

static int make(struct ztj_inst *in, const char *const *argv, const char *name)
{
	struct ztj_buf out;
	int status, r;

	ztj_buf_init(&out, 700);
	r = ztj_inst_run(argv, &out, &status);
	if (r != ZTJ_OK || status != 0)
		r = ztj_inst_fail(in, r != ZTJ_OK ? r : ZTJ_SYSTEM, "%s %s: %s", argv[0], name,
		    ztj_buf_str(&out));
	ztj_buf_free(&out);
	return r;
}

bool ztj_inst_users_missing(const struct ztj_hostconf *c)
{
	return getpwnam(c->mirror_user) == NULL || getpwnam(c->gate_user) == NULL ||
	    getpwnam(c->scribe_user) == NULL || getpwnam(c->principals_user) == NULL ||
	    getgrnam(c->rec_group) == NULL;
}

int ztj_inst_users(struct ztj_inst *in, const struct ztj_hostconf *c, bool only_say)
{
	const char *const user[] = { c->mirror_user, c->gate_user, c->scribe_user, c->principals_user };
	const char *const group[] = { "/usr/sbin/groupadd", "--system", c->rec_group, NULL };
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < sizeof(user) / sizeof(user[0]); i++) {
		const char *const argv[] = { "/usr/sbin/useradd", "--system", "--no-create-home",
			"--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", user[i], NULL };
		if (getpwnam(user[i]) != NULL)
			continue;
		(void)printf("system user %s %s\n", user[i], only_say ? "will be made" : "made");
		if (!only_say)
			r = make(in, argv, user[i]);
	}
	if (r == ZTJ_OK && getgrnam(c->rec_group) == NULL) {
		(void)printf("system group %s %s\n", c->rec_group, only_say ? "will be made" : "made");
		if (!only_say)
			r = make(in, group, c->rec_group);
	}
	return r;
}

/* ---- the way in when everything fails ---- */

static bool has_password(const char *account)
{
	FILE *fp = fopen("/etc/shadow", "re");
	struct spwd sp, *got = NULL;
	char room[4096];
	bool has = false;

	while (fp != NULL && !has && fgetspent_r(fp, &sp, room, sizeof(room), &got) == 0)
		has = strcmp(sp.sp_namp, account) == 0 && sp.sp_pwdp[0] != '\0' && sp.sp_pwdp[0] != '!' &&
		    sp.sp_pwdp[0] != '*';
	if (fp != NULL)
		(void)fclose(fp);
	explicit_bzero(room, sizeof(room));
	return has;
}

void ztj_inst_say_emergency(struct ztj_inst *in, const struct ztj_install *ask)
{
	char path[ZTJ_INST_PATH], room[4096], names[256] = "";
	struct passwd pw, *got = NULL;
	size_t n = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%s/etc/passwd", in->root);
	fp = fopen(path, "re");
	while (fp != NULL && fgetpwent_r(fp, &pw, room, sizeof(room), &got) == 0)
		if (pw.pw_uid == 0 && has_password(pw.pw_name) && n + strlen(pw.pw_name) + 2 < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, " %s", pw.pw_name);
	if (fp != NULL)
		(void)fclose(fp);
	(void)printf("\nThe emergency way in is the console: /etc/pam.d/login stays as it is.\n");
	if (n > 0)
		(void)printf("There these accounts become root by password:%s\n", names);
	else
		(void)printf(
		    "warning: no account with uid 0 has a password. Unless the console of this machine gives a shell in another "
		    "way, there is no way in when ztjit does not work.\n");
	for (size_t i = 0; i < ask->nrecord; i++)
		if (strcmp(ask->record[i], "root") == 0)
			(void)printf(
			    "warning: --record root: the recorder refuses a session that ztjit did not admit, also on the "
			    "console. Keep another account with uid 0 for it.\n");
}
