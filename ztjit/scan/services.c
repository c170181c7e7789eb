/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Services that act as root for others: polkit, NFS, containers; and what the kernel itself runs. */
#include "ztjit/scan/scan.h"

#include <string.h>
#include <unistd.h>

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

/* ---- polkit ---- */

static void polkit_file(struct scan *s, const char *path, bool pkla)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct ztj_view t = scan_trim(line);
		bool yes = pkla ? t.n > 6 && memcmp(t.p, "Result", 6) == 0 && scan_has(t, "yes")
				: scan_has(t, "Result.YES") || scan_has(t, "return \"yes\"") ||
			scan_has(t, "return 'yes'");

		if (!yes || t.p[0] == '#' || (t.n > 1 && t.p[0] == '/' && t.p[1] == '/'))
			continue;
		/* a rule is a program: taking one line out would leave another one */
		scan_add(s,
		    &(struct scan_row){ .kind = "polkit",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = SCAN_HIGH,
			.content = t,
			.what = "polkit lets somebody act as root without asking who it is",
			.remove = pkla ? scan_delete_lines(s, path, line, ztj_view_of(NULL, 0))
				       : scan_text(s, "rm -f %s", scan_quote(s, path)) });
	}
	ztj_buf_free(&b);
}

/* Files of packages are the maintainers' judgement about harmless actions. */
static void polkit_dir(struct scan *s, const char *dir, const char *suffix, bool shipped)
{
	const char **name, *path;
	size_t n = scan_list(s, dir, &name);
	bool owned;

	/* polkitd reads its rules with no more than its own rights, and Debian gives it the directories */
	scan_dir_by(s, dir, suffix, &(struct scan_ref){ .why = "polkit obeys it", .also = "polkitd" });
	for (size_t i = 0; s->err == ZTJ_OK && i < n; i++) {
		if (!ends_with(name[i], suffix) || (path = scan_text(s, "%s/%s", dir, name[i])) == NULL)
			continue;
		owned = false;
		if (shipped && scan_packages_mark(s, &path, 1, &owned) != ZTJ_OK)
			return;
		if (!owned)
			polkit_file(s, path, strcmp(suffix, ".pkla") == 0);
	}
}

static void polkit(struct scan *s)
{
	static const char *const pkla[] = { "/etc/polkit-1/localauthority",
		"/var/lib/polkit-1/localauthority" };

	polkit_dir(s, "/etc/polkit-1/rules.d", ".rules", false);
	polkit_dir(s, "/run/polkit-1/rules.d", ".rules", false);
	polkit_dir(s, "/usr/local/share/polkit-1/rules.d", ".rules", false);
	polkit_dir(s, "/usr/share/polkit-1/rules.d", ".rules", true);
	for (size_t i = 0; i < sizeof pkla / sizeof pkla[0]; i++) {
		const char **name;
		size_t n = scan_list(s, pkla[i], &name);

		for (size_t k = 0; k < n; k++)
			polkit_dir(s, scan_text(s, "%s/%s", pkla[i], name[k]), ".pkla", i == 1);
	}
}

/* ---- NFS ---- */

static void exports(struct scan *s, const char *path)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (path == NULL || scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	scan_run_by_root(s, path, &(struct scan_ref){ .why = "the NFS server obeys it" });
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct ztj_view t = scan_trim(line);

		if (t.n == 0 || t.p[0] == '#' || !scan_has(t, "no_root_squash"))
			continue;
		scan_add(s,
		    &(struct scan_row){ .kind = "nfs",
			.object = path,
			.line = l.no,
			.owner = scan_owner(s, &st),
			.risk = SCAN_HIGH,
			.content = t,
			.what = "root on another machine is root in what is exported",
			.remove = scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

/* ---- sockets ---- */

static void socket_row(struct scan *s, const char *path)
{
	bool others, owner;
	struct stat st;
	int fd;

	if (scan_open(s, path, &fd, &st) != ZTJ_OK)
		return;
	(void)close(fd);
	others = (st.st_mode & S_IWOTH) != 0;
	owner = st.st_uid != 0;
	if (!S_ISSOCK(st.st_mode) || (!others && !owner))
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "socket",
		.object = path,
		.owner = scan_owner(s, &st),
		.risk = SCAN_CRITICAL,
		.what = scan_text(s, "%s may tell a service that runs as root what to do",
		    others ? "everybody" : "its owner"),
		.remove = scan_text(s, "chown root %s && chmod o-rwx %s", path, path) });
}

/* ---- what the kernel runs ---- */

static void kernel(struct scan *s, const char *path, const char *why)
{
	struct ztj_view v;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	v = scan_trim(ztj_buf_view(&b));
	while (v.n > 0 && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\0'))
		v.n--;
	if (v.n > 1 && v.p[0] == '|')
		v = ztj_view_after(v, 1);
	if (v.n > 0 && v.p[0] == '/')
		scan_command_by_root(s, v, &(struct scan_ref){ .why = why });
	ztj_buf_free(&b);
}

void scan_services(struct scan *s)
{
	static const char *const sockets[] = { "/run/docker.sock", "/run/containerd/containerd.sock",
		"/run/podman/podman.sock", "/run/crio/crio.sock", "/run/libvirt/libvirt-sock",
		"/var/lib/lxd/unix.socket", "/var/lib/incus/unix.socket",
		"/run/k3s/containerd/containerd.sock", "/run/buildkit/buildkitd.sock" };
	const char **name;
	size_t n = scan_list(s, "/etc/exports.d", &name);

	polkit(s);
	exports(s, "/etc/exports");
	for (size_t i = 0; i < n; i++)
		if (ends_with(name[i], ".exports"))
			exports(s, scan_text(s, "/etc/exports.d/%s", name[i]));
	for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++)
		socket_row(s, sockets[i]);
	if (strcmp(s->root, "/") == 0) {
		kernel(s, "/proc/sys/kernel/core_pattern",
		    "the kernel runs it as root when a program crashes");
		kernel(s, "/proc/sys/kernel/modprobe", "the kernel runs it as root");
		kernel(s, "/sys/kernel/uevent_helper", "the kernel runs it as root");
	}
}
