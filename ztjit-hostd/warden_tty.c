/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define TTYS_MAX 64
#define LOOKED_AT_MAX 4096 /* processes: who forks without end must not put off the end that is warned of */

static const char *const texts[ZTJ_TEXTS] = {
	[ZTJ_TEXT_FIVE_MINUTES] = "\r\nztjit: this session ends in 5 minutes\r\n",
	[ZTJ_TEXT_ONE_MINUTE] = "\r\nztjit: this session ends in 1 minute\r\n",
	[ZTJ_TEXT_ENDED] = "\r\nztjit: this session has ended\r\n",
	[ZTJ_TEXT_REVOKED] = "\r\nztjit: this session was revoked\r\n",
};

struct ttys {
	size_t n, looked;
	uint32_t nr[TTYS_MAX];
};

/* Only terminals that processes of the session have are written to. */
static void collect(pid_t pid, void *arg)
{
	struct ttys *t = arg;
	struct ztj_procinfo p;
	char path[64], text[2048];
	struct ztj_view v;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (t->n == TTYS_MAX || t->looked++ >= LOOKED_AT_MAX ||
	    ztj_proc_file(path, text, sizeof(text), &v) != ZTJ_OK || ztj_proc_parse_stat(v, &p) != ZTJ_OK ||
	    p.tty_nr == 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (t->nr[i] == p.tty_nr)
			return;
	t->nr[t->n++] = p.tty_nr;
}

void ztj_warden_tty_write(uint32_t tty_nr, const char *text)
{
	char name[ZTJ_TTY_SIZE], path[64];
	struct stat st;
	size_t n = strlen(text);
	int fd;

	ztj_proc_tty_name(tty_nr, name);
	if (strncmp(name, "pts/", 4) != 0 && strncmp(name, "tty", 3) != 0)
		return;
	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	/* The name was made from the number; the device must have that number. */
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == ((tty_nr >> 8) & 0xfff) &&
	    minor(st.st_rdev) == ((tty_nr & 0xff) | ((tty_nr >> 12) & 0xfff00)))
		(void)!write(fd, text, n);
	(void)close(fd);
}

int ztj_warden_warn(struct ztj_warden *w, uint64_t no, uint32_t text)
{
	struct ttys t = { .n = 0 };

	if (text >= ZTJ_TEXTS)
		return ZTJ_PROTOCOL;
	for (size_t i = 0; no != 0 && i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no == no) {
			ztj_warden_each(w->s[i].path, collect, &t);
			for (size_t k = 0; k < t.n; k++)
				ztj_warden_tty_write(t.nr[k], texts[text]);
			return ZTJ_OK;
		}
	return ZTJ_NOT_FOUND;
}
