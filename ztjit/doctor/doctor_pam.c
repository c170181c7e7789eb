/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Every PAM stack by which somebody could become more than they are: does each way through it to a yes lead through
 * pam_ztjit?
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ztjit/doctor/doctor.h"
#include "ztjit/doctor/doctor_pam.h"

#define BIT(code) (UINT32_C(1) << (code))
enum {
	SUCCESS = 0,
	PERM_DENIED = 6,
	AUTH_ERR = 7,
	NEW_AUTHTOK_REQD = 12,
	SESSION_ERR = 14,
	AUTHTOK_EXPIRED = 27
};
#define ANY_CODE (~UINT32_C(0))
#define MODULE DOC_PAM_MODULE

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- reading ---- */

static int read_service(void *arg, const char *name, struct ztj_buf *text, char *path, size_t size)
{
	int r = ZTJ_NOT_FOUND;

	(void)arg;
	for (size_t i = 0; i < DOC_PAM_STACK_DIRS && r == ZTJ_NOT_FOUND; i++) {
		int n = name[0] == '/' ? snprintf(path, size, "%s", name)
				       : snprintf(path, size, "%s/%s", doc_pam_stack_dirs[i], name);

		if (n < 0 || (size_t)n >= size)
			return ZTJ_NOT_FOUND;
		r = doc_read(path, 256 * 1024, text, NULL);
	}
	return r;
}

int doc_pam_read(const char *service, struct pams_stack *s)
{
	const struct pams_source from = { read_service, NULL };

	return pams_read(&from, service, s);
}

const char *doc_pam_at(struct doctor *d, const struct pams_line *l)
{
	const char *text = cli_printf(d->c, "%s:%u", l->file, l->line);

	return text != NULL ? text : "?";
}

/* ---- what modules return ---- */

static bool in_module_dir(const char *path)
{
	for (size_t i = 0; i < DOC_PAM_MODULE_DIRS; i++) {
		size_t n = strlen(doc_pam_module_dirs[i]);

		if (strncmp(path, doc_pam_module_dirs[i], n) == 0 && path[n] == '/' &&
		    strcmp(path + n + 1, MODULE) == 0)
			return true;
	}
	return false;
}

/* The module that asks the agent, and not another daemon. */
static bool is_ours(const struct pams_line *l)
{
	bool named = l->module[0] == '/' ? in_module_dir(l->module) : strcmp(l->module, MODULE) == 0;
	const char *sock = strstr(l->args, "socket=");

	if (l->type != PAMS_MODULE || !named || l->cut)
		return false;
	return sock == NULL || strcmp(sock, "socket=" ZTJ_RUNDIR "/pam.sock") == 0;
}

static bool quiet_session(const struct pams_line *l)
{
	static const char *const names[] = { "pam_limits.so", "pam_unix.so", "pam_env.so", "pam_umask.so",
		"pam_keyinit.so", "pam_systemd.so", "pam_motd.so", "pam_mail.so", "pam_lastlog.so" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (pams_is(l, names[i]))
			return true;
	return false;
}

struct asking {
	bool no_password; /* and what asks for one fails */
};

/* The agent says no. Everything else may say anything, but for what is known of it. */
static uint32_t results(const struct pams_line *l, void *arg)
{
	const struct asking *a = arg;

	if (is_ours(l))
		return BIT(PERM_DENIED);
	if (pams_is(l, "pam_deny.so"))
		return BIT(AUTH_ERR) | BIT(SESSION_ERR);
	if (pams_is(l, "pam_permit.so"))
		return BIT(SUCCESS);
	/* somebody who is root already needs no stack */
	if (pams_is(l, "pam_rootok.so") && l->kind == PAMS_AUTH)
		return BIT(AUTH_ERR);
	/* stock modules whose session cannot fail in that way for anybody who is somebody */
	if (l->kind == PAMS_SESSION && quiet_session(l))
		return ANY_CODE & ~BIT(SESSION_ERR);
	/* the ones that never let somebody in: they say no, or nothing */
	if (l->kind == PAMS_AUTH && (pams_is(l, "pam_faildelay.so") || pams_is(l, "pam_nologin.so")))
		return ANY_CODE & ~BIT(SUCCESS);
	if (a->no_password && l->kind == PAMS_AUTH &&
	    (pams_is(l, "pam_unix.so") || pams_is(l, "pam_group.so") || pams_is(l, "pam_cap.so")))
		return ANY_CODE & ~(BIT(SUCCESS) | BIT(NEW_AUTHTOK_REQD));
	return ANY_CODE;
}

struct question {
	const char *service;
	enum pams_kind kind;
	uint32_t lets_in;
	bool no_password;
	bool asks_us; /* the stack has a line that does */
};

/* Can the stack say yes against the agent's no? The line that makes it so. other: the service "other" answers instead. */
static int passes(const struct pams_stack *s, const struct question *q, bool *yes, struct pams_way *way)
{
	struct asking a = { .no_password = q->no_password };
	const struct pams_ask ask = { q->kind, q->lets_in, results, &a };

	return pams_passes(s, &ask, yes, way);
}

static const char *const kind_name[] = { "auth", "account", "session", "password" };

/* What libpam returns is the first no, and sudo does not mind every no. */
static void tell_first_no(struct doctor *d, enum doc_level level, const struct question *q,
    const struct pams_way *way)
{
	doc_say(d, level, "%s: when %s says %s, sudo goes on, whatever pam_ztjit says (%s)",
	    kind_name[q->kind], way->by->module, pams_code_name(way->code), doc_pam_at(d, way->by));
	if (q->kind == PAMS_ACCOUNT)
		doc_todo(d, "put account required %s first in /etc/pam.d/%s", MODULE, q->service);
	else
		doc_todo(d, "make %s optional", doc_pam_at(d, way->by));
}

static bool asks_us(const struct pams_stack *s, enum pams_kind kind)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->line[i].kind == kind && is_ours(&s->line[i]))
			return true;
	return false;
}

static void tell_passes(struct doctor *d, enum doc_level level, const struct question *q,
    const struct pams_way *way)
{
	const char *kind = kind_name[q->kind];

	if (way->status != SUCCESS && way->by != NULL) {
		tell_first_no(d, level, q, way);
		return;
	}
	if (way->by == NULL || !q->asks_us) {
		doc_say(d, level, "%s: pam_ztjit is not asked", kind);
		doc_todo(d, "in /etc/pam.d/%s: %s required %s", q->service, kind, MODULE);
	} else if (is_ours(way->by)) {
		doc_say(d, level, "%s: the no of pam_ztjit does not count (%s %s, %s)", kind,
		    way->by->control, MODULE, doc_pam_at(d, way->by));
		doc_todo(d, "in %s: %s required %s", doc_pam_at(d, way->by), kind, MODULE);
	} else if (way->skipped) {
		doc_say(d, level, "%s: lets in past pam_ztjit when %s says %s (%s, %s)", kind,
		    way->by->module, pams_code_name(way->code), way->by->control, doc_pam_at(d, way->by));
		doc_todo(d, "in /etc/pam.d/%s, before that line: %s required %s", q->service, kind, MODULE);
	} else {
		doc_say(d, level, "%s: lets in whatever pam_ztjit says (last asked: %s, %s)", kind,
		    way->by->module, doc_pam_at(d, way->by));
		doc_todo(d, "in /etc/pam.d/%s: %s required %s", q->service, kind, MODULE);
	}
}

/* libpam takes the service "other" where a service has no line of that kind. */
static bool fall_back(struct doctor *d, const char *service, enum pams_kind kind, struct pams_stack *s,
    struct pams_stack *other, struct pams_stack **use)
{
	*use = s;
	if (pams_has(s, kind) || strcmp(service, "other") == 0)
		return true;
	if (doc_pam_read("other", other) != ZTJ_OK) {
		doc_say(d, DOC_UNKNOWN, "/etc/pam.d/other cannot be read, and %s has no line of kind %s",
		    service, kind_name[kind]);
		return false;
	}
	*use = other;
	return true;
}

/* Does the stack let somebody in against the agent? Says so at that level; false when it does or cannot be told. */
static bool holds(struct doctor *d, struct pams_stack *s, struct question *q, enum doc_level level)
{
	struct pams_stack other = { .n = 0 }, *use;
	struct pams_way way;
	bool yes = true;
	int r;

	if (!fall_back(d, q->service, q->kind, s, &other, &use))
		return false;
	q->asks_us = asks_us(use, q->kind);
	r = passes(use, q, &yes, &way);
	if (r != ZTJ_OK)
		doc_say(d, DOC_UNKNOWN, "%s: %s", kind_name[q->kind], ztj_err_text(r));
	else if (yes && level != DOC_NONE)
		tell_passes(d, level, q, &way);
	pams_free(&other);
	return r == ZTJ_OK && !yes;
}

/* ---- the stacks that elevate ---- */

/* sudo goes on after some noes: libpam gives the first no of a stack, which need not be the agent's. */
static uint32_t lets_in(const char *service, enum pams_kind kind)
{
	if (strncmp(service, "sudo", 4) == 0 && kind == PAMS_ACCOUNT)
		return BIT(SUCCESS) | BIT(NEW_AUTHTOK_REQD) | BIT(AUTHTOK_EXPIRED);
	if (strncmp(service, "sudo", 4) == 0 && kind == PAMS_SESSION)
		return BIT(SUCCESS) | BIT(SESSION_ERR);
	return BIT(SUCCESS);
}

static void stack(struct doctor *d, const char *service)
{
	static const struct {
		enum pams_kind kind;
		enum doc_level level;
	} kinds[] = { { PAMS_ACCOUNT, DOC_FAIL }, { PAMS_SESSION, DOC_FAIL }, { PAMS_AUTH, DOC_WARN } };
	struct pams_stack s;
	int r;

	if (strncmp(service, "sudo", 4) == 0 && access("/usr/bin/sudo", F_OK) != 0)
		return; /* sudo-syntax says it */
	r = doc_pam_read(service, &s);
	if (r != ZTJ_OK) {
		doc_say(d, r == ZTJ_NOT_FOUND ? DOC_FAIL : DOC_UNKNOWN, "/etc/pam.d/%s: %s", service,
		    ztj_err_text(r));
		doc_todo(d, "ztjit-hostd install");
		return;
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct question q = { .service = service,
			.kind = kinds[i].kind,
			.lets_in = lets_in(service, kinds[i].kind) };

		(void)holds(d, &s, &q, kinds[i].level);
	}
	doc_say(d, DOC_OK, "every way to a yes leads through pam_ztjit: auth, account, session");
	pams_free(&s);
}

static void pam_sshd(struct doctor *d)
{
	stack(d, "sshd");
}
static void pam_sudo(struct doctor *d)
{
	stack(d, "sudo");
}
static void pam_sudo_i(struct doctor *d)
{
	stack(d, "sudo-i");
}
static void pam_su(struct doctor *d)
{
	stack(d, "su");
}
static void pam_su_l(struct doctor *d)
{
	stack(d, "su-l");
}

/* ---- the doors beside them ---- */

/* A local password opens it, and pam_ztjit is not asked. */
static void by_password(struct doctor *d, const char *service, enum doc_level level)
{
	const char *root, *other, *who;

	if (!doc_passwords(d, &root, &other)) {
		doc_say(d, DOC_UNKNOWN, "%s asks for a password, and /etc/shadow cannot be read", service);
		return;
	}
	who = root != NULL ? root : other;
	if (who == NULL || level == DOC_OK) {
		doc_say(d, DOC_OK, "%s asks for a password%s", service,
		    who == NULL ? ", and nobody has one" : "");
		return;
	}
	doc_say(d, level, "%s does not ask pam_ztjit, and %s has a password", service, who);
	doc_todo(d, "passwd -l %s   (or in /etc/pam.d/%s: account required %s)", who, service, MODULE);
}

/* A service that lets somebody in, or gives rights. What it does without pam_ztjit is harmless as long as it asks for a
 * password and nobody has one; level: how bad it is when somebody has. */
static void door(struct doctor *d, const char *service, enum doc_level level)
{
	struct pams_stack s;
	int r = doc_pam_read(service, &s);
	struct question account = { service, PAMS_ACCOUNT, BIT(SUCCESS), false, false },
			auth = { service, PAMS_AUTH, BIT(SUCCESS), false, false },
			without = { service, PAMS_AUTH, BIT(SUCCESS), true, false };

	if (r == ZTJ_NOT_FOUND)
		return;
	if (r != ZTJ_OK) {
		doc_say(d, DOC_UNKNOWN, "%s: %s", service, ztj_err_text(r));
		return;
	}
	if (holds(d, &s, &account, DOC_NONE) || holds(d, &s, &auth, DOC_NONE)) {
		doc_say(d, DOC_OK, "%s: pam_ztjit decides", service);
	} else if (!holds(d, &s, &without, DOC_NONE)) {
		doc_say(d, DOC_FAIL, "%s lets in past pam_ztjit, and not by a local password alone", service);
		doc_todo(d, "in /etc/pam.d/%s: account required %s", service, MODULE);
	} else {
		by_password(d, service, level);
	}
	pams_free(&s);
}

/* The console is the way in when everything else fails; who has it is standing access all the same. */
static void pam_login(struct doctor *d)
{
	door(d, "login", DOC_WARN);
}
static void pam_polkit(struct doctor *d)
{
	door(d, "polkit-1", DOC_FAIL);
}

/* They give nobody more than they have, or only root may use them. */
static bool harmless(const char *name)
{
	static const char *const names[] = { "sshd", "sudo", "sudo-i", "su", "su-l", "login", "polkit-1",
		"chfn", "chsh", "chpasswd", "newusers", "passwd", "cron", "crond", "atd", "runuser",
		"runuser-l", "systemd-user", "common-account", "common-auth", "common-password",
		"common-session", "common-session-noninteractive", "groupadd", "groupdel", "groupmod",
		"useradd", "userdel", "usermod", "chage", "lxc", "samba", "screen", "vlock", "xscreensaver",
		"swaylock", "i3lock",
		/* the screens before a login; nobody is let in by them */
		"gdm-launch-environment", "lightdm-greeter", "sddm-greeter" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strchr(name, '.') != NULL; /* .dpkg-old and the like: no service has such a name */
}

static void pam_others(struct doctor *d)
{
	size_t n = 0;

	for (size_t i = 0; i < DOC_PAM_STACK_DIRS; i++) {
		DIR *dir = opendir(doc_pam_stack_dirs[i]);
		const struct dirent *e;

		while (dir != NULL && (e = readdir(dir)) != NULL) {
			char path[512];

			(void)snprintf(path, sizeof path, "%s/%s", doc_pam_stack_dirs[0], e->d_name);
			if (harmless(e->d_name) || (i > 0 && access(path, F_OK) == 0))
				continue;
			/* "other" is for services without a stack, of which none lets in or elevates */
			door(d, e->d_name, strcmp(e->d_name, "other") == 0 ? DOC_OK : DOC_WARN);
			n++;
		}
		if (dir != NULL)
			(void)closedir(dir);
	}
	doc_say(d, DOC_OK, "%zu more services: none lets anybody in past pam_ztjit", n);
}

static const struct doc_check checks[] = {
	{ "pam-module", "the PAM module is installed and nobody but root can change it", doc_pam_module },
	{ "pam-modules", "every module that those stacks load is there, and nobody but root can change it",
	    doc_pam_modules },
	{ "pam-files", "nobody but root can change a PAM stack", doc_pam_files },
	{ "pam-sshd", "no way through the stack of sshd but by pam_ztjit", pam_sshd },
	{ "pam-sudo", "no way through the stack of sudo but by pam_ztjit", pam_sudo },
	{ "pam-sudo-i", "no way through the stack of sudo -i but by pam_ztjit", pam_sudo_i },
	{ "pam-su", "no way through the stack of su but by pam_ztjit", pam_su },
	{ "pam-su-l", "no way through the stack of su -l but by pam_ztjit", pam_su_l },
	{ "pam-order", "pam_ztjit stands after what it builds on", doc_pam_order },
	{ "pam-login", "nobody gets in at the console by a password", pam_login },
	{ "pam-polkit", "nobody is given rights by polkit for a password", pam_polkit },
	{ "pam-others", "no other service lets anybody in", pam_others },
};
const struct doc_table doc_pam = { checks, COUNT(checks) };
