/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Services that act as root for others: polkit, NFS, containers; and what the kernel itself runs. */
#include "ztjit/scan/scan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

/* ---- polkit ---- */

enum polkit_kind { RULES, PKLA, ADMINS, ACTIONS };

/* "unix-user:alice" makes alice an administrator, who proves to be alice. */
static bool names_admin(struct ztj_view t)
{
	static const char *const words[] = { "unix-user:", "unix-group:", "unix-netgroup:" },
				 *const known[] = { "0", "root", "sudo", "wheel", "admin" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct ztj_view v = t;
		const uint8_t *at;

		while (v.n > 0 && (at = memmem(v.p, v.n, words[i], strlen(words[i]))) != NULL) {
			size_t n = 0;
			bool harmless = false;

			v = ztj_view_after(v, (size_t)(at - v.p) + strlen(words[i]));
			while (n < v.n && strchr("\"'; \t],)", v.p[n]) == NULL)
				n++;
			for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
				harmless = harmless || ztj_view_eq_str(ztj_view_of(v.p, n), known[k]);
			if (!harmless)
				return true;
		}
	}
	return false;
}

static const char *polkit_says(struct ztj_view t, enum polkit_kind kind)
{
	static const char yes[] = "polkit lets somebody act as root without asking who it is",
			  admin[] =
			      "polkit takes somebody for an administrator, whose own password makes root";

	if (t.n == 0 || t.p[0] == '#' || (t.n > 1 && t.p[0] == '/' && t.p[1] == '/'))
		return NULL;
	if (kind == ACTIONS)
		return scan_has(t, ">yes<") ? yes : NULL;
	if (kind == ADMINS)
		return scan_has(t, "AdminIdentities") && names_admin(t) ? admin : NULL;
	if (kind == PKLA)
		return t.n > 6 && memcmp(t.p, "Result", 6) == 0 && scan_has(t, "yes") ? yes : NULL;
	if (scan_has(t, "Result.YES") || scan_has(t, "return \"yes\"") || scan_has(t, "return 'yes'"))
		return yes;
	return names_admin(t) ? admin : NULL;
}

static void polkit_file(struct scan *s, const char *path, enum polkit_kind kind)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;
	bool whole = kind == RULES || kind == ACTIONS;

	if (scan_read(s, path, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);) {
		struct ztj_view t = scan_trim(line);
		const char *what = polkit_says(t, kind);

		/* a rule is a program: taking one line out would leave another one */
		if (what != NULL)
			scan_add(s,
			    &(struct scan_row){ .kind = "polkit",
				.object = path,
				.line = l.no,
				.owner = scan_owner(s, &st),
				.risk = SCAN_HIGH,
				.content = t,
				.what = what,
				.remove = whole ? scan_text(s, "rm -f %s", scan_quote(s, path))
						: scan_delete_lines(s, path, line, ztj_view_of(NULL, 0)) });
	}
	ztj_buf_free(&b);
}

/* Files of packages are the maintainers' judgement about harmless actions. */
static void polkit_files(struct scan *s, const char *const *path, size_t n, enum polkit_kind kind)
{
	bool *owned = n > 0 ? calloc(n, sizeof *owned) : NULL;
	bool shipped = n > 0 &&
	    (strncmp(path[0], "/usr/share/", 11) == 0 || strncmp(path[0], "/var/", 5) == 0);

	if (owned == NULL)
		s->err = n > 0 ? ZTJ_NOMEM : s->err;
	else if (!shipped || scan_packages_mark(s, path, n, owned) == ZTJ_OK)
		for (size_t i = 0; s->err == ZTJ_OK && i < n; i++)
			if (!owned[i])
				polkit_file(s, path[i], kind);
	free(owned);
}

static void polkit_dir(struct scan *s, const char *dir, enum polkit_kind kind)
{
	static const char *const suffixes[] = { ".rules", ".pkla", ".conf", ".policy" };
	const char **name, **path;
	size_t n = scan_list(s, dir, &name), k = 0;

	/* polkitd reads its rules with no more than its own rights, and Debian gives it the directories */
	scan_dir_by(s, dir, suffixes[kind],
	    &(struct scan_ref){ .why = "polkit obeys it", .also = "polkitd" });
	if (n == 0 || (path = scan_keep(s, n * sizeof *path)) == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (ends_with(name[i], suffixes[kind]) &&
		    (path[k] = scan_text(s, "%s/%s", dir, name[i])) != NULL)
			k++;
	polkit_files(s, path, k, kind);
}

static void polkit(struct scan *s)
{
	static const char *const pkla[] = { "/etc/polkit-1/localauthority",
		"/var/lib/polkit-1/localauthority" };

	polkit_dir(s, "/etc/polkit-1/rules.d", RULES);
	polkit_dir(s, "/run/polkit-1/rules.d", RULES);
	polkit_dir(s, "/usr/local/share/polkit-1/rules.d", RULES);
	polkit_dir(s, "/usr/share/polkit-1/rules.d", RULES);
	for (size_t i = 0; i < sizeof pkla / sizeof pkla[0]; i++) {
		const char **name;
		size_t n = scan_list(s, pkla[i], &name);

		for (size_t k = 0; k < n; k++)
			polkit_dir(s, scan_text(s, "%s/%s", pkla[i], name[k]), PKLA);
	}
	polkit_dir(s, "/etc/polkit-1/localauthority.conf.d", ADMINS);
	polkit_dir(s, "/etc/polkit-1/actions", ACTIONS);
	polkit_dir(s, "/usr/local/share/polkit-1/actions", ACTIONS);
	polkit_dir(s, "/usr/share/polkit-1/actions", ACTIONS);
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
	bool others, owner, group;
	const char *q = scan_quote(s, path);
	struct stat st;
	int fd;

	if (scan_open(s, path, &fd, &st) != ZTJ_OK)
		return;
	(void)close(fd);
	others = (st.st_mode & S_IWOTH) != 0;
	owner = st.st_uid != 0;
	/* who is in docker and the like has a row of his own */
	group = (st.st_mode & S_IWGRP) != 0 && !scan_gid_is_admin(s, st.st_gid) &&
	    scan_gid_has_people(s, st.st_gid);
	if (!S_ISSOCK(st.st_mode) || (!others && !owner && !group))
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "socket",
		.object = path,
		.owner = scan_owner(s, &st),
		.risk = SCAN_CRITICAL,
		.what = scan_text(s, "%s may tell a service that runs as root what to do",
		    others      ? "everybody"
			: owner ? "its owner"
				: "its group"),
		.remove = scan_text(s, "chown root%s %s && chmod o-rwx %s", group ? ":root" : "", q, q) });
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
