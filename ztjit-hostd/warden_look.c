/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Looking at processes: which program they run, whose they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define LOOKED_AT_MAX 65536

int ztj_warden_exe(pid_t pid, struct ztj_warden_exe *out)
{
	char path[64];
	struct stat st;

	*out = (struct ztj_warden_exe){ .ino = 0 };
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ESRCH ? ZTJ_NOT_FOUND : ZTJ_SYSTEM;
	*out = (struct ztj_warden_exe){ .dev = st.st_dev, .ino = st.st_ino };
	return ZTJ_OK;
}

bool ztj_warden_runs(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool alive = fd < 0 ? errno != ESRCH : ztj_proc_alive(fd);

	if (fd >= 0)
		(void)close(fd);
	return alive;
}

/* The effective group of a process, which only running a set-gid program gives to who is not a member. */
static bool in_group(pid_t pid, gid_t gid)
{
	char path[64], text[8192];
	unsigned long long real, effective;
	struct ztj_view v;
	const char *at;
	char *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (gid == 0 || gid == (gid_t)-1 || ztj_proc_file(path, text, sizeof(text) - 1, &v) != ZTJ_OK)
		return false;
	text[v.n] = '\0';
	/* The name in the first line is escaped: no line of it begins with this. */
	at = strstr(text, "\nGid:\t");
	if (at == NULL)
		return false;
	real = strtoull(at + 6, &end, 10);
	effective = strtoull(end, &end, 10);
	(void)real;
	return effective == gid;
}

static int image_of(pid_t pid, struct ztj_procid *id, struct ztj_procimage *out)
{
	struct ztj_procinfo p;
	char path[64], text[2048];
	struct ztj_view v;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = ztj_proc_file(path, text, sizeof(text), &v);
	if (r == ZTJ_OK)
		r = ztj_proc_parse_stat(v, &p);
	if (r == ZTJ_OK)
		r = ztj_proc_parse_image(v, out);
	if (r == ZTJ_OK)
		*id = p.id;
	return r;
}

/* sshd's own sftp server is no program of its own, so no recorder is ever asked: known by the title that sshd gives it. */
static bool inside_sshd(pid_t pid)
{
	char path[64], text[4096];
	struct ztj_view v;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (ztj_proc_file(path, text, sizeof(text) - 1, &v) != ZTJ_OK)
		return false;
	text[v.n] = '\0';
	return strstr(text, "@internal-sftp") != NULL;
}

struct stray {
	const struct ztj_warden *w;
	struct ztj_warden_exe opener;
	bool led; /* image is that of who asked for the session */
	struct ztj_procimage image;
	uint32_t n, looked;
	bool never; /* one of them can never come to be recorded */
};

/* Who may run sshd anew, with whatever the environment loads into it, is not the sshd of this connection. */
static bool is_opener(const struct stray *k, pid_t pid, const struct ztj_warden_exe *exe)
{
	struct ztj_procimage image;
	struct ztj_procid id;

	if (exe->ino != k->opener.ino || exe->dev != k->opener.dev)
		return false;
	if (!k->led)
		return true;
	return image_of(pid, &id, &image) == ZTJ_OK && image.code != 0 && image.code == k->image.code &&
	    image.stack == k->image.stack;
}

static void count(pid_t pid, void *arg)
{
	struct stray *k = arg;
	struct ztj_warden_exe exe;
	int r;

	if (k->looked++ >= LOOKED_AT_MAX) {
		k->n++; /* nobody has so many connections */
		return;
	}
	r = ztj_warden_exe(pid, &exe);
	if (r == ZTJ_NOT_FOUND) {
		k->n += ztj_warden_runs(pid); /* or it runs nothing any more */
		return;
	}
	if (r == ZTJ_OK && is_opener(k, pid, &exe)) {
		if (inside_sshd(pid)) {
			k->n++;
			k->never = true;
		}
		return;
	}
	k->n += !in_group(pid, k->w->recorder);
}

int ztj_warden_strays(struct ztj_warden *w, uint64_t no, struct ztj_warden_msg *answer)
{
	const struct ztj_warden_session *s = ztj_warden_find(w, no);
	struct stray k = { .w = w };
	struct ztj_procid id;

	if (s == NULL)
		return ZTJ_NOT_FOUND;
	k.opener = s->opener;
	/* A table of an older warden may not say who that was. */
	k.led = s->leader.pid > 0;
	if (k.led && (image_of(s->leader.pid, &id, &k.image) != ZTJ_OK || !ztj_procid_eq(id, s->leader)))
		k.image = (struct ztj_procimage){ 0, 0 };
	ztj_warden_direct(w, s, count, &k);
	answer->n = k.n;
	answer->flags = k.never ? ZTJ_STRAYS_NEVER : 0;
	return ZTJ_OK;
}
