/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Programs that run with more than their caller has, and devices that give more than their files do. A package's file counts as
 * shipped only where that package is known to ship it so: `chmod u+s /usr/bin/find` leaves the file the package's.
 */
#include "ztjit/scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROGRAMS_MAX 20000u
#define DIGEST_MAX ((off_t)64 * 1024 * 1024)

struct program {
	const char *path;
	struct stat st;
	bool caps;
	uint64_t permitted;
	uint8_t digest[ZTJ_DIGEST_LEN];
};
struct programs {
	struct program *at;
	size_t n;
};

/* What Debian's packages ship set-id, by the last part of the name. */
static const char *const shipped[] = {
	/* login, passwd, mount, util-linux, sudo, doas, su, policykit */
	"su", "sudo", "sudoedit", "doas", "mount", "umount", "passwd", "chsh", "chfn", "newgrp", "sg",
	"gpasswd", "chage", "expiry", "newuidmap", "newgidmap", "wall", "write", "write.ul", "bsd-write",
	"pkexec", "polkit-agent-helper-1", "unix_chkpwd", "pam_extrausers_chkpwd", "pam_timestamp_check",
	"dbus-daemon-launch-helper",
	/* ssh, mail, cron, at, printing, locks */
	"ssh-keysign", "ssh-agent", "crontab", "at", "batch", "exim4", "exim", "postdrop", "postqueue",
	"sendmail", "procmail", "lockfile", "dotlockfile", "mutt_dotlock", "maildrop", "sensible-mda",
	"mail-lock", "mail-touchlock", "mail-unlock", "lppasswd", "smtpctl", "opensmtpd", "dma",
	"nullmailer-queue",
	/* file systems, network, desktop, others */
	"fusermount", "fusermount3", "ntfs-3g", "mount.nfs", "mount.cifs", "mount.ecryptfs_private",
	"mount.davfs", "udevil", "ping", "ping6", "mtr-packet", "pppd", "traceroute6.iputils", "arping",
	"dumpcap", "locate", "plocate", "mlocate", "Xorg.wrap", "chrome-sandbox", "bwrap", "snap-confine",
	"screen", "utempter", "gnome-pty-helper", "chkpwd", "kismet_capture", "VBoxHeadless",
	"vmware-user-suid-wrapper", "lxc-user-nic", "spice-client-glib-usb-acl-helper", "qemu-bridge-helper",
	"systemd-cryptsetup", "ssh-askpass", "xterm", "camel-lock-helper-1.2", "inndf", "rnews", "pt_chown",
	"beep", "cgexec", "staprun", "firejail", "nvidia-modprobe", "uml_net", "schroot", "sperl",
	"vlock-main", "btmp-helper", "fbterm", "tethereal", "inndstart", "singularity-suid", "pmount",
	"pumount", "eject", "kppp", NULL
};

static bool ships_set_id(const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	for (size_t i = 0; shipped[i] != NULL; i++)
		if (strcmp(shipped[i], base) == 0)
			return true;
	return false;
}

/* Capabilities that are root by another name (capabilities(7)). */
static const struct {
	unsigned bit;
	const char *name;
} strong[] = {
	{ 0, "chown" },
	{ 1, "dac_override" },
	{ 2, "dac_read_search" },
	{ 3, "fowner" },
	{ 4, "fsetid" },
	{ 6, "setgid" },
	{ 7, "setuid" },
	{ 8, "setpcap" },
	{ 16, "sys_module" },
	{ 17, "sys_rawio" },
	{ 18, "sys_chroot" },
	{ 19, "sys_ptrace" },
	{ 21, "sys_admin" },
	{ 27, "mknod" },
	{ 31, "setfcap" },
	{ 32, "mac_override" },
	{ 33, "mac_admin" },
	{ 38, "perfmon" },
	{ 39, "bpf" },
	{ 40, "checkpoint_restore" },
};

/* struct vfs_cap_data: magic, then permitted and inheritable for 32 bits, then again; little-endian. */
static uint64_t read_caps(int dirfd, const char *name)
{
	uint8_t v[64];
	char path[64 + 256];
	ssize_t n;
	uint64_t low, high = 0;

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dirfd, name);
	n = lgetxattr(path, "security.capability", v, sizeof v);
	if (n < 12)
		return UINT64_MAX;
	low = v[4] | (uint64_t)v[5] << 8 | (uint64_t)v[6] << 16 | (uint64_t)v[7] << 24;
	if (n >= 20)
		high = v[12] | (uint64_t)v[13] << 8 | (uint64_t)v[14] << 16 | (uint64_t)v[15] << 24;
	return high << 32 | low;
}

/* So that an accepted program that is replaced by another stands again. */
static void digest(struct scan *s, const struct scan_seen *f, struct program *p)
{
	int fd = openat(f->dirfd, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	uint8_t chunk[65536];
	struct stat st;
	struct ztj_buf b;
	ssize_t n;

	ztj_buf_init(&b, (size_t)DIGEST_MAX + sizeof chunk);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_ino != p->st.st_ino || st.st_dev != p->st.st_dev ||
	    st.st_size > DIGEST_MAX) {
		scan_problem(s, p->path, "its contents cannot be read");
	} else {
		while ((n = read(fd, chunk, sizeof chunk)) > 0 && ztj_buf_put(&b, chunk, (size_t)n) == ZTJ_OK)
			;
		if (ztj_buf_status(&b) != ZTJ_OK || ztj_sha256(ztj_buf_view(&b), p->digest) != ZTJ_OK)
			scan_problem(s, p->path, "its contents cannot be read");
	}
	if (fd >= 0)
		(void)close(fd);
	ztj_buf_free(&b);
}

/* A group with people in it that has no row of its own, or somebody on a list. Drives for media are for the people before them. */
static bool group_reaches(struct scan *s, const struct scan_seen *f)
{
	static const char *const media[] = { "cdrom", "floppy", "tape" };
	char path[64 + 256];

	if ((f->st->st_mode & (S_IRGRP | S_IWGRP)) == 0)
		return false;
	for (size_t i = 0; i < sizeof media / sizeof media[0]; i++) {
		const struct scan_group *g = scan_group_named(s, ztj_view_str(media[i]));

		if (g != NULL && g->gid == f->st->st_gid)
			return false;
	}
	if (!scan_gid_is_admin(s, f->st->st_gid) && scan_gid_has_people(s, f->st->st_gid))
		return true;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", f->dirfd, f->name);
	return lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

static void device(struct scan *s, const struct scan_seen *f)
{
	bool block = S_ISBLK(f->st->st_mode);
	bool memory = !block && major(f->st->st_rdev) == 1 &&
	    (minor(f->st->st_rdev) == 1 || minor(f->st->st_rdev) == 2 || minor(f->st->st_rdev) == 4);
	const char *q = scan_quote(s, f->path);
	bool group;

	if (!block && !memory)
		return;
	group = group_reaches(s, f);
	if ((f->st->st_mode & (S_IROTH | S_IWOTH)) == 0 && f->st->st_uid == 0 && !group)
		return;
	scan_add(s,
	    &(struct scan_row){ .kind = "device",
		.object = f->path,
		.owner = scan_owner(s, f->st),
		.risk = SCAN_CRITICAL,
		.what = block ? "the blocks of a disk can be read or written by others than root"
			      : "the memory of the machine can be read or written by others than root",
		.remove = group ? scan_text(s, "chown root:root %s && chmod go-rw %s", q, q)
				: scan_text(s, "chown root %s && chmod o-rw %s", q, q) });
}

static void found(struct scan *s, const struct scan_seen *f, void *arg)
{
	struct programs *ps = arg;
	struct program *p, *more;

	if (!S_ISREG(f->st->st_mode)) {
		device(s, f);
		return;
	}
	for (size_t i = 0; i < ps->n; i++)
		if (ps->at[i].st.st_ino == f->st->st_ino && ps->at[i].st.st_dev == f->st->st_dev &&
		    f->st->st_nlink == 1)
			return;
	if (ps->n >= PROGRAMS_MAX) {
		scan_problem(s, f->path, "too many set-id programs: this one is left out");
		return;
	}
	more = ps->n % 64 == 0 ? reallocarray(ps->at, ps->n + 64, sizeof *more) : ps->at;
	if (more == NULL) {
		s->err = ZTJ_NOMEM;
		return;
	}
	ps->at = more;
	p = &ps->at[ps->n++];
	*p = (struct program){ .path = f->path, .st = *f->st, .caps = f->caps };
	if (f->caps)
		p->permitted = read_caps(f->dirfd, f->name);
	digest(s, f, p);
}

static void row(struct scan *s, const struct program *p, struct scan_row r)
{
	char content[ZTJ_HEX_SIZE + 64];

	ztj_hex(p->digest, ZTJ_DIGEST_LEN, content);
	(void)snprintf(content + ZTJ_HEX_SIZE - 1, 64, " %o %u %u", (unsigned)p->st.st_mode,
	    (unsigned)p->st.st_uid, (unsigned)p->st.st_gid);
	r.object = p->path;
	r.owner = scan_owner(s, &p->st);
	r.content = ztj_view_str(content);
	scan_add(s, &r);
}

static void set_id(struct scan *s, const struct program *p, bool owned)
{
	const char *from = owned ? "its package is not known to ship it so" : "it belongs to no package";
	const char *q = scan_quote(s, p->path), *group = NULL;
	const struct scan_account *a = scan_account_of(s, p->st.st_uid);
	/* to become an ordinary person makes no administrator: the images of rootless containers */
	bool root = p->st.st_uid == 0, ordinary = p->st.st_uid >= s->uid_min && (a == NULL || !a->admin);

	if (owned && ships_set_id(p->path))
		return;
	if ((p->st.st_mode & S_ISUID) != 0 && !ordinary)
		row(s, p,
		    (struct scan_row){ .kind = "setuid",
			.risk = root ? SCAN_CRITICAL : SCAN_LOW,
			.what = scan_text(s, "whoever runs it becomes %s, and %s",
			    root ? "root" : scan_owner(s, &p->st), from),
			.remove = scan_text(s, "chmod u-s %s", q) });
	if ((p->st.st_mode & S_ISGID) == 0 || (p->st.st_mode & S_IXGRP) == 0)
		return;
	for (size_t i = 0; i < s->ngroups; i++)
		if (s->group[i].gid == p->st.st_gid && (group == NULL || !scan_group_is_admin(group)))
			group = s->group[i].name;
	/* games, mail, people's own groups and the like are no way to root; neither is the recorder's */
	if ((group == NULL || !scan_group_is_admin(group)) &&
	    (owned || p->st.st_gid >= s->uid_min ||
		(root && group != NULL && strcmp(group, "ztjit-rec") == 0)))
		return;
	row(s, p,
	    (struct scan_row){ .kind = "setgid",
		.risk = group != NULL && scan_group_is_admin(group) ? SCAN_HIGH : SCAN_LOW,
		.what = scan_text(s, "whoever runs it is in the group %s, and %s",
		    group != NULL ? group : "of a number", from),
		.remove = scan_text(s, "chmod g-s %s", q) });
}

static void capability(struct scan *s, const struct program *p, bool owned)
{
	const char *name = NULL;

	for (size_t i = 0; name == NULL && i < sizeof strong / sizeof strong[0]; i++)
		if ((p->permitted >> strong[i].bit & 1) != 0)
			name = strong[i].name;
	if (name == NULL && (owned || p->permitted == 0))
		return;
	row(s, p,
	    (struct scan_row){ .kind = "capability",
		.risk = name != NULL ? SCAN_CRITICAL : SCAN_LOW,
		.what = name != NULL ? scan_text(s, "whoever runs it has the capability %s", name)
				     : "it has capabilities and belongs to no package",
		.remove = scan_text(s, "setcap -r %s", scan_quote(s, p->path)) });
}

void scan_programs(struct scan *s)
{
	struct programs ps = { .n = 0 };
	const char **path = NULL;
	bool *owned = NULL;

	scan_walk(s, found, &ps);
	if (s->err == ZTJ_OK && ps.n > 0) {
		path = calloc(ps.n, sizeof *path);
		owned = calloc(ps.n, sizeof *owned);
		if (path == NULL || owned == NULL)
			s->err = ZTJ_NOMEM;
		for (size_t i = 0; s->err == ZTJ_OK && i < ps.n; i++)
			path[i] = ps.at[i].path;
		if (s->err == ZTJ_OK && scan_packages_mark(s, path, ps.n, owned) == ZTJ_OK)
			for (size_t i = 0; i < ps.n; i++) {
				if ((ps.at[i].st.st_mode & (S_ISUID | S_ISGID)) != 0)
					set_id(s, &ps.at[i], owned[i]);
				if (ps.at[i].caps)
					capability(s, &ps.at[i], owned[i]);
			}
	}
	free(owned);
	free(path);
	free(ps.at);
}
