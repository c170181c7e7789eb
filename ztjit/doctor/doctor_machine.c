/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the machine must give: cgroups, /proc, audit sessions, the recorder, time. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/install_int.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit/doctor/doctor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the kernel ---- */

static void cgroup(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	char prefix[ZTJ_CGROUP_SIZE];
	const char *mounts, *kill;
	struct stat st;
	int err;

	if (conf == NULL)
		return;
	if (conf->by_audit) {
		doc_say(d, DOC_WARN,
		    "cgroup = \"none\": sessions are found by their audit session alone, and ended process by process");
		doc_todo(d, "a machine with cgroup v2, and cgroup = \"/sys/fs/cgroup/ztjit\"");
		return;
	}
	if ((mounts = doc_text(d, "/proc/self/mountinfo", &err)) == NULL) {
		doc_say(d, DOC_UNKNOWN, "/proc/self/mountinfo: %s", ztj_err_text(err));
		return;
	}
	if (ztj_proc_cgroup_prefix(ztj_view_str(mounts), conf->cgroup, prefix) != ZTJ_OK) {
		doc_say(d, DOC_FAIL,
		    "%s is not in a cgroup file system of version 2: sessions cannot be ended", conf->cgroup);
		doc_todo(d, "boot with systemd.unified_cgroup_hierarchy=1");
		return;
	}
	if (stat(conf->cgroup, &st) != 0) {
		if (doc_status(d) != NULL) {
			doc_say(d, DOC_FAIL, "%s is not there, though the agent runs", conf->cgroup);
			doc_todo(d, "systemctl restart ztjit-hostd");
		}
	} else {
		(void)doc_only_root(d, conf->cgroup);
		if ((kill = cli_printf(d->c, "%s/cgroup.kill", conf->cgroup)) != NULL &&
		    access(kill, F_OK) != 0) {
			doc_say(d, DOC_FAIL, "%s is not there: this kernel cannot end a cgroup at once",
			    kill);
			doc_todo(d, "Linux 5.14 or newer");
		}
	}
	doc_say(d, DOC_OK, "cgroup v2 with cgroup.kill at %s", conf->cgroup);
}

/* The gate looks up who asks; with hidepid it sees nobody and denies. */
static void proc_mount(struct doctor *d)
{
	const char *text;
	int err;

	if ((text = doc_text(d, "/proc/self/mounts", &err)) == NULL) {
		doc_say(d, DOC_UNKNOWN, "/proc/self/mounts: %s", ztj_err_text(err));
		return;
	}
	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		const char *line, *hide;

		n = strcspn(text, "\n");
		if ((line = cli_printf(d->c, "%.*s", (int)n, text)) == NULL)
			return;
		if (strstr(line, " /proc proc ") == NULL || (hide = strstr(line, "hidepid=")) == NULL ||
		    strncmp(hide, "hidepid=0", 9) == 0 || strncmp(hide, "hidepid=off", 11) == 0)
			continue;
		doc_say(d, DOC_FAIL, "/proc is mounted with %.*s: the agent sees nobody and denies everybody",
		    (int)strcspn(hide, ", "), hide);
		doc_todo(d, "mount -o remount,hidepid=0 /proc, and in /etc/fstab");
	}
	doc_say(d, DOC_OK, "/proc shows every process");
}

static void audit_session(struct doctor *d)
{
	if (access("/proc/self/loginuid", F_OK) != 0 || access("/proc/self/sessionid", F_OK) != 0) {
		doc_say(d, DOC_WARN,
		    "this kernel numbers no audit sessions: what leaves a session's cgroup is not found again");
		doc_todo(d, "a kernel with CONFIG_AUDIT, booted without audit=0");
		return;
	}
	doc_say(d, DOC_OK, "audit sessions are numbered");
}

static void ptrace_scope(struct doctor *d)
{
	static const char path[] = "/proc/sys/kernel/yama/ptrace_scope";
	const char *text;
	int err;

	text = doc_text(d, path, &err);
	if (text == NULL) {
		doc_say(d, DOC_OK, "no Yama; the recorder is not dumpable and cannot be traced by its user");
		return;
	}
	if (text[0] == '0') {
		doc_say(d, DOC_WARN,
		    "a process may trace any other of its user: sessions of one account can read each other");
		doc_todo(d, "sysctl -w kernel.yama.ptrace_scope=1, and in /etc/sysctl.d");
	}
	doc_say(d, DOC_OK, "kernel.yama.ptrace_scope is %.1s", text);
}

/* ---- the recorder ---- */

static bool records_accounts(const struct ztj_policy *p)
{
	for (size_t i = 0; p != NULL && i < p->nroles; i++)
		if (p->roles[i].record != ZTJ_RECORD_NONE || p->roles[i].sudo_recorded)
			return true;
	return false;
}

static void rec_group(struct doctor *d, const struct ztj_hostconf *conf, const struct group *gr)
{
	struct passwd *pw;

	for (char **m = gr->gr_mem; *m != NULL; m++) {
		doc_say(d, DOC_FAIL, "%s is in group %s and can talk to the agent as a recorder", *m,
		    conf->rec_group);
		doc_todo(d, "gpasswd -d %s %s", *m, conf->rec_group);
	}
	setpwent();
	while ((pw = getpwent()) != NULL)
		if (pw->pw_gid == gr->gr_gid) {
			doc_say(d, DOC_FAIL, "%s has %s as its own group", pw->pw_name, conf->rec_group);
			doc_todo(d, "usermod -g %s %s", pw->pw_name, pw->pw_name);
		}
	endpwent();
}

static void recorder(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	enum doc_level level = records_accounts(doc_policy(d)) ? DOC_FAIL : DOC_WARN;
	const struct group *gr;
	struct stat st;

	if (conf == NULL)
		return;
	if ((gr = getgrnam(conf->rec_group)) == NULL) {
		doc_say(d, level, "no group %s: nothing can be recorded", conf->rec_group);
		doc_todo(d, "groupadd --system %s; chgrp %s %s; chmod 2755 %s", conf->rec_group,
		    conf->rec_group, ZTJ_RECORDER, ZTJ_RECORDER);
		return;
	}
	rec_group(d, conf, gr);
	if (stat(ZTJ_RECORDER, &st) != 0) {
		doc_say(d, level, "%s is not there: nothing can be recorded", ZTJ_RECORDER);
		doc_todo(d, "install ztjit again");
		return;
	}
	(void)doc_only_root(d, ZTJ_RECORDER);
	if (st.st_gid != gr->gr_gid || (st.st_mode & 07777) != 02755) {
		doc_say(d, level,
		    "%s has group %u and mode %04o, not %s and 2755: the agent does not listen to it",
		    ZTJ_RECORDER, (unsigned)st.st_gid, doc_mode(&st), conf->rec_group);
		doc_todo(d, "chgrp %s %s; chmod 2755 %s", conf->rec_group, ZTJ_RECORDER, ZTJ_RECORDER);
	}
	doc_say(d, DOC_OK, "%s, set-group-id %s, which has no member", ZTJ_RECORDER, conf->rec_group);
}

/* An account that a recorded role logs in to is recorded when ztjit-rec is its login shell. Whether the role reaches this
 * host is for the gate to say; where it does, the login is refused. */
static void one_shell(struct doctor *d, const struct ztj_role *role, const char *account)
{
	const struct passwd *pw = getpwnam(account);

	if (pw == NULL || strcmp(pw->pw_shell, ZTJ_RECORDER) == 0)
		return;
	doc_say(d, DOC_WARN,
	    "role %s is recorded and logs in to %s, whose shell is %s: where it reaches this host, it is refused",
	    role->name, account, pw->pw_shell);
	doc_todo(d, "%susermod -s %s %s", pw->pw_uid == 0 ? "with another uid 0 for the console: " : "",
	    ZTJ_RECORDER, account);
}

static void rec_shells(struct doctor *d)
{
	const struct ztj_hostconf *conf = doc_conf(d);
	const struct ztj_policy *p = doc_policy(d);
	size_t n = 0;

	if (conf == NULL || p == NULL || !records_accounts(p))
		return;
	if (conf->forced_recorder) {
		doc_say(d, DOC_WARN,
		    "recorder = \"forced\": start-up files of an account's shell run before the recorder");
		doc_todo(d, "usermod -s %s ACCOUNT, and recorder = \"shell\"", ZTJ_RECORDER);
		return;
	}
	for (size_t i = 0; i < p->nroles; i++)
		for (size_t k = 0; p->roles[i].record != ZTJ_RECORD_NONE && k < p->roles[i].login.n; k++) {
			/* one's own account: the shell is the one that the agent publishes */
			if (strcmp(p->roles[i].login.s[k], "self") == 0)
				continue;
			one_shell(d, &p->roles[i], p->roles[i].login.s[k]);
			n++;
		}
	doc_say(d, DOC_OK, "%zu accounts of recorded roles have the recorder as their shell", n);
}

/* ---- time and services ---- */

static void time_sync(struct doctor *d)
{
	static const char *const signs[] = { "/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid",
		"/var/run/chrony/chronyd.pid", "/run/chronyd.pid", "/run/ntpd.pid", "/run/ntpsec/ntpd.pid",
		"/var/run/openntpd.pid", "/run/openntpd.pid" };

	for (size_t i = 0; i < COUNT(signs); i++)
		if (access(signs[i], F_OK) == 0) {
			doc_say(d, DOC_OK, "the clock is kept (%s)", signs[i]);
			return;
		}
	doc_say(d, DOC_WARN, "nothing seems to keep the clock right: hosts refuse what is dated 120 s ahead");
	doc_todo(d, "apt install systemd-timesyncd; timedatectl set-ntp true");
}

static void service(struct doctor *d)
{
	static const char *const places[] = {
		"/etc/systemd/system/multi-user.target.wants/ztjit-hostd.service",
		"/usr/lib/systemd/system/multi-user.target.wants/ztjit-hostd.service"
	};

	if (access("/run/systemd/system", F_OK) != 0)
		return; /* another init: its own business */
	for (size_t i = 0; i < COUNT(places); i++)
		if (access(places[i], F_OK) == 0) {
			doc_say(d, DOC_OK, "ztjit-hostd starts with the machine");
			return;
		}
	doc_say(d, DOC_FAIL, "ztjit-hostd does not start with the machine: after a reboot nobody gets in");
	doc_todo(d, "systemctl enable ztjit-hostd");
}

/* Half armed, or armed and soon undone: ztjit-hostd install --status says it in more words. */
static void install(struct doctor *d)
{
	struct ztj_inst_tx tx = { .no = 0 };
	struct ztj_inst in;
	int r = ztj_inst_init(&in);

	if (r == ZTJ_OK)
		r = ztj_inst_tx_last(&in, &tx);
	if (r == ZTJ_NOT_FOUND && tx.no == 0)
		return; /* armed by hand, or not at all: the other checks tell */
	if (r != ZTJ_OK) {
		doc_say(d, DOC_UNKNOWN, "%s: %s", in.err[0] != '\0' ? in.err : ZTJ_INST_DIR, ztj_err_text(r));
		return;
	}
	if (tx.state == ZTJ_INST_PENDING &&
	    !ztj_inst_tx_stale(&in, &tx, ztj_inst_boottime(), ztj_inst_timer_runs(&in))) {
		doc_say(d, DOC_WARN,
		    "transaction %04u of install waits to be confirmed, or is undone in %lld s", tx.no,
		    (long long)(tx.deadline - ztj_inst_boottime()));
		doc_todo(d, "open a new session, and there: ztjit-hostd install --confirm");
	} else if (tx.state != ZTJ_INST_KEPT && tx.state != ZTJ_INST_UNDONE) {
		doc_say(d, DOC_WARN, "transaction %04u of install is at work, or was left %s", tx.no,
		    ztj_inst_state_name(tx.state));
		doc_todo(d, "ztjit-hostd install --status, and --undo");
	}
	doc_say(d, DOC_OK, "nothing waits: transaction %04u is %s", tx.no, ztj_inst_state_name(tx.state));
}

static const struct doc_check checks[] = {
	{ "install", "what was installed is confirmed", install },
	{ "cgroup", "sessions can be held and ended", cgroup },
	{ "proc", "the agent can see who asks", proc_mount },
	{ "audit-session", "what leaves a session can be found", audit_session },
	{ "ptrace", "processes of one user do not read each other", ptrace_scope },
	{ "recorder", "the recorder can talk to the agent, and nobody else as one", recorder },
	{ "recorded-shells", "accounts of recorded roles have the recorder as their shell", rec_shells },
	{ "time-sync", "something keeps the clock right", time_sync },
	{ "service", "the agent starts with the machine", service },
};
const struct doc_table doc_machine = { checks, COUNT(checks) };
