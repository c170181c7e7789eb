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

#include "libztjit/core/codec.h"
#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/procinfo.h"
#include "ztjit-hostd/warden.h"

#define TTYS_MAX 64
#define LOOKED_AT_MAX 4096 /* processes: who forks without end must not put off the end that is warned of */

static const char *const texts[ZTJ_TEXTS] = {
	[ZTJ_TEXT_FIVE_MINUTES] = "this session ends in 5 minutes",
	[ZTJ_TEXT_ONE_MINUTE] = "this session ends in 1 minute",
	[ZTJ_TEXT_ENDED] = "this session is over: its time has run out",
	[ZTJ_TEXT_REVOKED] = "this session is over: the grant was revoked",
	[ZTJ_TEXT_KILLED] = "this session is over: it was ended by somebody who may",
	[ZTJ_TEXT_STALE] = "this session is over: no word from the broker for too long",
	[ZTJ_TEXT_UNRECORDED] = "this session is over: it cannot be recorded any more",
	[ZTJ_TEXT_ALONE] = "the host agent is not running; this session ends soon unless it returns",
	[ZTJ_TEXT_NO_AGENT] = "this session is over: the host agent is gone",
	[ZTJ_TEXT_REFUSED] = "this session is over: the policy does not allow it any more",
};

/* All of it is ours: fixed words and a number in base 32. */
static void compose(const struct ztj_warden_msg *m, char *out, size_t size)
{
	char id[ZTJ_SHORT_ID_SIZE];

	ztj_short_id(m->grant, id);
	if (m->text <= ZTJ_TEXT_ONE_MINUTE)
		(void)snprintf(out, size, "\r\nztjit: %s; to go on: ztjit extend %s --for 30m\r\n",
		    texts[m->text], id);
	else
		(void)snprintf(out, size, "\r\nztjit: %s\r\n", texts[m->text]);
}

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

/* It, and those in it: none of them goes before the text has. */
static void told(struct ztj_warden *w, struct ztj_warden_session *s)
{
	s->told_ms = ztj_ipc_now_ms();
	for (size_t i = 0; i < ZTJ_WARDEN_SESSIONS; i++)
		if (w->s[i].no != 0 && w->s[i].parent == s->no)
			told(w, &w->s[i]);
}

int ztj_warden_warn(struct ztj_warden *w, const struct ztj_warden_msg *m)
{
	struct ztj_warden_session *s = m->session == 0 ? NULL : ztj_warden_find(w, m->session);
	struct ttys t = { .n = 0 };
	char text[256];

	if (m->text >= ZTJ_TEXTS)
		return ZTJ_PROTOCOL;
	if (s == NULL)
		return ZTJ_NOT_FOUND;
	compose(m, text, sizeof(text));
	ztj_warden_members(w, s, (m->flags & ZTJ_WARN_OUTER) != 0, collect, &t);
	for (size_t k = 0; k < t.n; k++)
		ztj_warden_tty_write(t.nr[k], text);
	if (t.n > 0 && m->text > ZTJ_TEXT_ONE_MINUTE)
		told(w, s);
	return ZTJ_OK;
}
