/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The text of /proc files, as bytes from outside: comm may hold anything. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/procinfo.h"

struct cursor {
	struct ztj_view v;
};

static bool number(struct cursor *c, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;

	while (i < c->v.n && (c->v.p[i] == ' ' || c->v.p[i] == '\t'))
		i++;
	size_t first = i;
	for (; i < c->v.n && c->v.p[i] >= '0' && c->v.p[i] <= '9'; i++) {
		uint64_t d = (uint64_t)(c->v.p[i] - '0');
		if (n > (max - d) / 10)
			return false;
		n = n * 10 + d;
	}
	if (i == first)
		return false;
	c->v = ztj_view_after(c->v, i);
	*out = n;
	return true;
}

static bool skip_field(struct cursor *c)
{
	size_t i = 0, first;

	while (i < c->v.n && c->v.p[i] == ' ')
		i++;
	first = i;
	while (i < c->v.n && c->v.p[i] != ' ' && c->v.p[i] != '\n')
		i++;
	c->v = ztj_view_after(c->v, i);
	return i > first;
}

static bool skip_fields(struct cursor *c, int n)
{
	while (n-- > 0)
		if (!skip_field(c))
			return false;
	return true;
}

/* proc(5): pid (comm) state ppid pgrp session tty_nr ... starttime(22) ... startcode(26) endcode startstack(28).
 * comm ends at the last ")". */
static size_t comm_end(struct ztj_view text)
{
	size_t end = text.n;

	while (end > 0 && text.p[end - 1] != ')')
		end--;
	return end;
}

int ztj_proc_parse_stat(struct ztj_view text, struct ztj_procinfo *p)
{
	struct cursor c = { text };
	uint64_t pid, ppid, tty, start;
	size_t end = comm_end(text);

	if (end == 0 || !number(&c, INT32_MAX, &pid))
		return ZTJ_BAD_ENCODING;
	c.v = ztj_view_after(text, end);
	if (!skip_field(&c) || !number(&c, INT32_MAX, &ppid) || !skip_fields(&c, 2) ||
	    !number(&c, UINT32_MAX, &tty) || !skip_fields(&c, 14) || !number(&c, UINT64_MAX, &start))
		return ZTJ_BAD_ENCODING;
	p->id = (struct ztj_procid){ (pid_t)pid, start };
	p->parent = (struct ztj_procid){ (pid_t)ppid, 0 };
	p->tty_nr = (uint32_t)tty;
	ztj_proc_tty_name(p->tty_nr, p->tty);
	return ZTJ_OK;
}

int ztj_proc_parse_image(struct ztj_view text, struct ztj_procimage *out)
{
	size_t end = comm_end(text);
	struct cursor c = { ztj_view_after(text, end) };

	*out = (struct ztj_procimage){ 0, 0 };
	if (end == 0 || !skip_fields(&c, 23) || !number(&c, UINT64_MAX, &out->code) || !skip_field(&c) ||
	    !number(&c, UINT64_MAX, &out->stack))
		return ZTJ_BAD_ENCODING;
	return ZTJ_OK;
}

/* The rest of the one line that begins with key; false when there is none or more than one. */
static bool line_of(struct ztj_view text, const char *key, struct ztj_view *rest)
{
	size_t n = strlen(key), at = 0;
	bool found = false;

	while (at < text.n) {
		const uint8_t *nl = memchr(text.p + at, '\n', text.n - at);
		size_t end = nl == NULL ? text.n : (size_t)(nl - text.p);
		if (end - at >= n && memcmp(text.p + at, key, n) == 0) {
			if (found)
				return false;
			*rest = ztj_view_of(text.p + at + n, end - at - n);
			found = true;
		}
		at = end + 1;
	}
	return found;
}

/* SIGKILL is pending for the whole of it from the moment it was sent until nothing is left: nobody can block or take it. */
bool ztj_proc_parse_dying(struct ztj_view status)
{
	const uint8_t bit = 1 << (SIGKILL - 1) % 4;
	const size_t digit = (SIGKILL - 1) / 4; /* hexadecimal, from the end */
	struct ztj_view v = { NULL, 0 };
	uint8_t c;

	if (!line_of(status, "ShdPnd:\t", &v) || v.n <= digit)
		return false;
	c = v.p[v.n - 1 - digit];
	return ((unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0') & bit) != 0;
}

int ztj_proc_parse_status(struct ztj_view text, struct ztj_procinfo *p)
{
	struct ztj_view v = { NULL, 0 };
	struct cursor c;
	uint64_t ruid, euid;

	if (!line_of(text, "Uid:", &v))
		return ZTJ_BAD_ENCODING;
	c.v = v;
	if (!number(&c, UINT32_MAX - 1, &ruid) || !number(&c, UINT32_MAX - 1, &euid))
		return ZTJ_BAD_ENCODING;
	p->ruid = (uid_t)ruid;
	p->euid = (uid_t)euid;
	p->dying = ztj_proc_parse_dying(text);
	return ZTJ_OK;
}

int ztj_proc_parse_cgroup(struct ztj_view text, char out[ZTJ_CGROUP_SIZE])
{
	struct ztj_view v = { NULL, 0 };

	out[0] = '\0';
	if (!line_of(text, "0::", &v) || v.n == 0 || v.p[0] != '/' || v.n >= ZTJ_CGROUP_SIZE ||
	    memchr(v.p, '\0', v.n) != NULL)
		return ZTJ_BAD_ENCODING;
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return ZTJ_OK;
}

bool ztj_proc_parse_in_group(struct ztj_view text, uint32_t gid)
{
	static const char *const lines[] = { "Gid:", "Groups:" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct cursor c = { .v = { NULL, 0 } };
		uint64_t n;

		if (!line_of(text, lines[i], &c.v))
			return true;
		while (number(&c, UINT32_MAX, &n))
			if (n == gid)
				return true;
	}
	return false;
}

void ztj_proc_parse_cgroup_cut(struct ztj_view text, char out[ZTJ_CGROUP_SIZE])
{
	struct ztj_view v = { NULL, 0 };
	size_t n;

	memset(out, 0, ZTJ_CGROUP_SIZE);
	if (!line_of(text, "0::", &v))
		return;
	n = v.n < ZTJ_CGROUP_SIZE ? v.n : ZTJ_CGROUP_SIZE - 1;
	for (size_t i = 0; i < n && v.p[i] != '\0'; i++)
		out[i] = (char)v.p[i];
}

void ztj_proc_parse_cgroup_any(struct ztj_view text, char out[ZTJ_CGROUP_SIZE])
{
	static const char systemd[] = ":name=systemd:";
	const size_t n = sizeof(systemd) - 1;
	const uint8_t *at;

	if (ztj_proc_parse_cgroup(text, out) == ZTJ_OK && out[1] != '\0')
		return;
	out[0] = '\0';
	at = text.n == 0 ? NULL : memmem(text.p, text.n, systemd, n);
	if (at == NULL)
		return;
	text = ztj_view_after(text, (size_t)(at + n - text.p));
	for (size_t i = 0; i < text.n && i < ZTJ_CGROUP_SIZE - 1 && text.p[i] != '\n' && text.p[i] != '\0';
	     i++) {
		out[i] = (char)text.p[i];
		out[i + 1] = '\0';
	}
}

int ztj_proc_parse_fdinfo(struct ztj_view text, pid_t *pid)
{
	struct ztj_view v = { NULL, 0 };
	struct cursor c;
	uint64_t n;

	*pid = 0;
	if (!line_of(text, "Pid:", &v))
		return ZTJ_BAD_ENCODING;
	c.v = v;
	/* -1: reaped; 0: in another pid namespace. */
	if (!number(&c, INT32_MAX, &n) || n == 0)
		return ZTJ_NOT_FOUND;
	*pid = (pid_t)n;
	return ZTJ_OK;
}

void ztj_proc_tty_name(uint32_t tty_nr, char out[ZTJ_TTY_SIZE])
{
	unsigned major = (tty_nr >> 8) & 0xfff, minor = (tty_nr & 0xff) | ((tty_nr >> 12) & 0xfff00);

	if (major >= 136 && major <= 143) /* Unix98 pseudo terminals, devices.txt */
		(void)snprintf(out, ZTJ_TTY_SIZE, "pts/%u", (major - 136) * 1048576u + minor);
	else if (major == 4 && minor < 64)
		(void)snprintf(out, ZTJ_TTY_SIZE, "tty%u", minor);
	else if (major == 4)
		(void)snprintf(out, ZTJ_TTY_SIZE, "ttyS%u", minor - 64);
	else if (tty_nr != 0)
		(void)snprintf(out, ZTJ_TTY_SIZE, "tty-%u:%u", major, minor);
	else
		(void)snprintf(out, ZTJ_TTY_SIZE, "-");
}

/* One field of a mountinfo line, up to a space. */
static struct ztj_view field(struct ztj_view *line)
{
	size_t i = 0;
	struct ztj_view f;

	while (i < line->n && line->p[i] != ' ')
		i++;
	f = ztj_view_of(line->p, i);
	*line = ztj_view_after(*line, i + 1);
	return f;
}

/* 36 35 98:0 /root /mount/point options fields - cgroup2 source options */
static bool cgroup_mount(struct ztj_view line, struct ztj_view *root, struct ztj_view *point)
{
	struct ztj_view f;

	for (int i = 0; i < 3; i++)
		(void)field(&line);
	*root = field(&line);
	*point = field(&line);
	do
		f = field(&line);
	while (line.n > 0 && !ztj_view_eq_str(f, "-"));
	return ztj_view_eq_str(f, "-") && ztj_view_eq_str(field(&line), "cgroup2");
}

static bool beneath(const char *dir, struct ztj_view point)
{
	size_t n = strlen(dir);

	if (point.n == 0 || n <= point.n || memcmp(dir, point.p, point.n) != 0)
		return false;
	return dir[point.n] == '/';
}

int ztj_proc_cgroup_prefix(struct ztj_view text, const char *dir, char out[ZTJ_CGROUP_SIZE])
{
	size_t at = 0, best = 0;
	int r = ZTJ_NOT_FOUND;

	out[0] = '\0';
	while (at < text.n) {
		const uint8_t *nl = memchr(text.p + at, '\n', text.n - at);
		size_t end = nl == NULL ? text.n : (size_t)(nl - text.p);
		struct ztj_view root, point;
		if (cgroup_mount(ztj_view_of(text.p + at, end - at), &root, &point) && beneath(dir, point) &&
		    point.n > best && root.n > 0 && root.p[0] == '/') {
			int n = snprintf(out, ZTJ_CGROUP_SIZE, "%.*s%s", root.n > 1 ? (int)root.n : 0,
			    (const char *)root.p, dir + point.n);
			best = point.n;
			r = n > 0 && n < ZTJ_CGROUP_SIZE ? ZTJ_OK : ZTJ_TOO_LARGE;
		}
		at = end + 1;
	}
	if (r == ZTJ_OK && strstr(out, "/..") != NULL)
		r = ZTJ_CONFIG; /* mounted from outside this cgroup namespace */
	return r;
}
