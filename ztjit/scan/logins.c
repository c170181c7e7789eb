/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What root's logins and every privileged program load: PAM, profiles, the linker's files, PATH, the files of accounts. */
#include "ztjit/scan/scan.h"

#include <string.h>

#include "ztjit/scan/crontab.h"

static const struct {
	const char *path, *why;
} files[] = {
	{ "/etc/passwd", "it says who is root" },
	{ "/etc/group", "it says who is in which group" },
	{ "/etc/shadow", "it says which passwords are right" },
	{ "/etc/gshadow", "it says which passwords are right" },
	{ "/etc/nsswitch.conf", "it says where accounts come from" },
	{ "/etc/environment", "every login takes it over" },
	{ "/etc/profile", "root's shell runs it" },
	{ "/etc/bash.bashrc", "root's shell runs it" },
	{ "/etc/ld.so.conf", "every program is linked as it says" },
	{ "/etc/ld.so.preload", "every program loads what it names" },
	{ "/etc/ld.so.cache", "every program is linked as it says" },
	{ "/etc/login.defs", "logins obey it" },
	{ "/etc/securetty", "logins obey it" },
	{ "/etc/hosts.equiv", "it says which hosts are believed" },
	{ "/etc/sudo.conf", "sudo obeys it" },
	{ "/etc/crypttab", "it is obeyed when the machine starts" },
	{ "/etc/fstab", "it is obeyed when the machine starts" },
	{ "/etc/sysctl.conf", "it is obeyed when the machine starts" },
	{ "/root/.bashrc", "root's shell runs it" },
	{ "/root/.profile", "root's shell runs it" },
	{ "/root/.bash_profile", "root's shell runs it" },
	{ "/root/.bash_login", "root's shell runs it" },
	{ "/root/.bash_logout", "root's shell runs it" },
	{ "/root/.zshrc", "root's shell runs it" },
	{ "/root/.zshenv", "root's shell runs it" },
	{ "/root/.ssh/authorized_keys", "it says which keys open root" },
	{ "/root/.ssh/rc", "root's logins run it" },
	{ "/etc/ssh/sshrc", "root's logins run it" },
};
static const struct {
	const char *path, *suffix, *why;
} dirs[] = {
	{ "/etc/profile.d", ".sh", "root's shell runs it" },
	{ "/etc/update-motd.d", "", "logins run it as root" },
	{ "/etc/pam.d", "", "PAM obeys it" },
	{ "/etc/security", ".conf", "PAM obeys it" },
	{ "/etc/ld.so.conf.d", ".conf", "every program is linked as it says" },
	{ "/etc/sysctl.d", ".conf", "it is obeyed when the machine starts" },
	{ "/etc/modprobe.d", ".conf", "modprobe obeys it, and runs what it names" },
	{ "/etc/tmpfiles.d", ".conf", "it is obeyed as root" },
	{ "/etc/sysusers.d", ".conf", "it is obeyed as root" },
	{ "/etc/sudoers.d", "", "sudo obeys it" },
	{ "/etc/apt/apt.conf.d", "", "apt obeys it, and runs what it names" },
	{ "/etc/logrotate.d", "", "logrotate runs what stands in it as root" },
	{ "/etc/network/if-up.d", "", "it is run as root with the network" },
	{ "/etc/dhcp/dhclient-exit-hooks.d", "", "it is run as root with the network" },
	{ "/etc/NetworkManager/dispatcher.d", "", "it is run as root with the network" },
	{ "/usr/share/dbus-1/system-services", ".service", "the bus runs what it names" },
	{ "/etc/dbus-1/system.d", ".conf", "the bus obeys it" },
	{ "/etc/kernel/postinst.d", "", "it is run as root with every new kernel" },
	{ "/etc/grub.d", "", "it is run as root with every new kernel" },
	{ "/etc/initramfs-tools/hooks", "", "it is run as root with every new kernel" },
	{ "/etc/ztjit", "", "ztjit obeys it" },
};

static bool each(struct scan *s, const char *path, struct ztj_buf *b, struct stat *st, struct scan_lines *l)
{
	if (scan_read(s, path, b, st) != ZTJ_OK)
		return false;
	*l = (struct scan_lines){ .left = ztj_buf_view(b) };
	return true;
}

static void preload(struct scan *s)
{
	static const char path[] = "/etc/ld.so.preload";
	struct ztj_view line, w, rest;
	struct scan_lines l;
	struct ztj_buf b;
	struct stat st;

	if (!each(s, path, &b, &st, &l))
		return;
	while (scan_line(&l, &line)) {
		rest = line;
		if (!scan_word(&rest, &w) || w.p[0] == '#')
			continue;
		scan_run_by_root(s, scan_copy(s, w),
		    &(struct scan_ref){ .file = path,
			.line = l.no,
			.text = line,
			.why = "every program loads it" });
		scan_add(s,
		    &(struct scan_row){ .kind = "preload",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = SCAN_HIGH,
			.content = scan_trim(line),
			.what = scan_text(s, "every program, sudo and sshd too, loads %.*s",
			    (int)(w.n < 200 ? w.n : 200), (const char *)w.p),
			.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

static void linker_dirs(struct scan *s, const char *path)
{
	struct ztj_view line, w;
	struct scan_lines l;
	struct ztj_buf b;
	struct stat st;

	if (!each(s, path, &b, &st, &l))
		return;
	while (scan_line(&l, &line)) {
		struct scan_ref ref = { .file = path,
			.line = l.no,
			.text = line,
			.why = "every program may load libraries from it" };
		struct ztj_view rest = line;

		if (scan_word(&rest, &w) && w.p[0] == '/')
			scan_run_by_root(s, scan_copy(s, w), &ref);
	}
	ztj_buf_free(&b);
}

static void linker(struct scan *s)
{
	static const char dir[] = "/etc/ld.so.conf.d";
	const char **name;
	size_t n;

	preload(s);
	linker_dirs(s, "/etc/ld.so.conf");
	n = scan_list(s, dir, &name);
	for (size_t i = 0; i < n; i++)
		linker_dirs(s, scan_text(s, "%s/%s", dir, name[i]));
}

/* ---- PAM ---- */

/* Modules that ask nobody for a proof. */
static const char *asks_nobody(struct ztj_view line)
{
	static const char *const modules[] = { "pam_permit.so", "pam_succeed_if.so", "pam_listfile.so",
		"pam_localuser.so", "pam_access.so", "pam_time.so", "pam_exec.so", "pam_rhosts.so",
		"pam_debug.so", "pam_echo.so", "pam_env.so" };

	/* of display managers, for the group of that name, in which nobody is */
	if (scan_has(line, "nopasswdlogin"))
		return NULL;
	for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
		if (scan_has(line, modules[i]))
			return i == 0 ? "anybody" : "somebody";
	return scan_has(line, "pam_wheel.so") && scan_has(line, "trust") ? "a group" : NULL;
}

/* "auth sufficient pam_permit.so", "auth sufficient pam_wheel.so trust": in without a proof. */
static void pam_line(struct scan *s, const struct scan_row *at, struct ztj_view line, const char *service)
{
	struct ztj_view rest = line, w, module = { .n = 0 };
	struct scan_row r = *at;
	const char *who;
	bool enough;

	if (!scan_word(&rest, &w) || (!scan_is(w, "auth") && !scan_is(w, "-auth")))
		goto module;
	if (!scan_word(&rest, &w))
		return;
	enough = scan_is(w, "sufficient") || (w.p[0] == '[' && scan_has(line, "success=done"));
	who = enough ? asks_nobody(rest) : NULL;
	r.kind = "pam";
	r.content = scan_trim(line);
	r.remove = scan_delete_lines(s, at->object, line, ztj_view_of(NULL, 0));
	r.risk = SCAN_CRITICAL;
	if (who != NULL) {
		r.what = scan_text(s, "PAM lets %s in by %s without a password", who, service);
		scan_add(s, &r);
	}
module :
	for (rest = line; scan_word(&rest, &w);)
		if (w.p[0] == '/')
			module = w;
	if (module.n > 0)
		scan_run_by_root(s, scan_copy(s, module),
		    &(struct scan_ref){ .file = at->object,
			.line = at->line,
			.text = line,
			.why = "PAM runs it as root" });
}

static void pam(struct scan *s)
{
	static const char dir[] = "/etc/pam.d";
	const char **name;
	size_t n = scan_list(s, dir, &name);
	struct ztj_view line;
	struct scan_lines l;
	struct ztj_buf b;
	struct stat st;

	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++) {
		const char *path = scan_text(s, "%s/%s", dir, name[i]);

		if (path == NULL || !each(s, path, &b, &st, &l))
			continue;
		while (scan_line(&l, &line))
			if (scan_trim(line).n > 0 && scan_trim(line).p[0] != '#')
				pam_line(s,
				    &(struct scan_row){ .object = path,
					.line = l.no,
					.owner = scan_owner(s, &st) },
				    line, name[i]);
		ztj_buf_free(&b);
	}
}

static void pam_modules(struct scan *s)
{
	static const char *const fixed[] = { "/usr/lib/security", "/usr/lib64/security", "/usr/libexec/sudo",
		"/usr/lib/sudo", "/usr/lib/polkit-1" };
	const char **name;
	size_t n = scan_list(s, "/usr/lib", &name);

	for (size_t i = 0; i < n; i++)
		if (strstr(name[i], "-linux-gnu") != NULL)
			scan_dir_by_root(s, scan_text(s, "/usr/lib/%s/security", name[i]), ".so",
			    "PAM loads it as root");
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		scan_dir_by_root(s, fixed[i], ".so", "a privileged program loads it");
}

/* ---- where root finds its commands ---- */

static void path_value(struct scan *s, struct ztj_view v, const struct scan_ref *ref)
{
	while (v.n > 0) {
		const uint8_t *end = memchr(v.p, ':', v.n);
		struct ztj_view one = ztj_view_of(v.p, end != NULL ? (size_t)(end - v.p) : v.n);

		v = ztj_view_after(v, one.n + 1);
		if (one.n > 0 && one.p[0] == '/')
			scan_run_by_root(s, scan_copy(s, one), ref);
	}
}

static void search_path(struct scan *s)
{
	static const char standard[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct ztj_view line, w;
	struct scan_lines l;
	struct ztj_buf b;
	struct stat st;

	path_value(s, ztj_view_str(standard), &(struct scan_ref){ .why = "root finds commands in it" });
	if (!each(s, "/etc/login.defs", &b, &st, &l))
		return;
	while (scan_line(&l, &line)) {
		struct scan_ref ref = { .file = "/etc/login.defs",
			.line = l.no,
			.text = line,
			.why = "root finds commands in it" };
		struct ztj_view rest = line;

		if (scan_word(&rest, &w) && ztj_view_eq_str(w, "ENV_SUPATH") && scan_word(&rest, &w) &&
		    w.n > 5)
			path_value(s, ztj_view_after(w, 5), &ref);
	}
	ztj_buf_free(&b);
}

static void hashes(struct scan *s)
{
	static const char *const paths[] = { "/etc/shadow", "/etc/gshadow" };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct ztj_buf b;
		struct stat st;

		if (scan_read(s, paths[i], &b, &st) != ZTJ_OK)
			continue;
		ztj_buf_free(&b);
		if ((st.st_mode & S_IROTH) != 0)
			scan_add(s,
			    &(struct scan_row){ .kind = "password",
				.object = paths[i],
				.owner = scan_owner(s, &st),
				.risk = SCAN_HIGH,
				.content = ztj_view_str("readable"),
				.what = "everybody can read the password hashes",
				.remove = scan_text(s, "chmod o-r %s", paths[i]) });
	}
}

void scan_logins(struct scan *s)
{
	for (size_t i = 0; s->err == ZTJ_OK && i < sizeof files / sizeof files[0]; i++)
		scan_run_by_root(s, files[i].path, &(struct scan_ref){ .why = files[i].why });
	for (size_t i = 0; s->err == ZTJ_OK && i < sizeof dirs / sizeof dirs[0]; i++)
		scan_dir_by_root(s, dirs[i].path, dirs[i].suffix, dirs[i].why);
	hashes(s);
	linker(s);
	pam(s);
	pam_modules(s);
	search_path(s);
}
