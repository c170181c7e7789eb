/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/nscd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONF "/etc/nscd.conf"
#define SOCKET "/run/nscd/socket"
#define CONF_MAX ((size_t)256 * 1024)
#define WORDS 3

/* The first words of a line, cut at blanks and comments; how many. */
static size_t cut(struct ztj_view line, struct ztj_view word[WORDS])
{
	size_t n = 0, i = 0, from;

	while (n < WORDS) {
		while (i < line.n && strchr(" \t\r\f\v", line.p[i]) != NULL)
			i++;
		if (i == line.n || line.p[i] == '#')
			break;
		from = i;
		while (i < line.n && strchr(" \t\r\f\v#", line.p[i]) == NULL)
			i++;
		word[n++] = ztj_view_of(line.p + from, i - from);
	}
	return n;
}

void ztj_nscd_read(struct ztj_view conf, struct ztj_nscd_keeps *out)
{
	*out = (struct ztj_nscd_keeps){ .passwd = false };
	while (conf.n > 0) {
		const uint8_t *end = memchr(conf.p, '\n', conf.n);
		struct ztj_view line = ztj_view_of(conf.p, end != NULL ? (size_t)(end - conf.p) : conf.n);
		struct ztj_view word[WORDS];
		bool yes;

		conf = ztj_view_after(conf, line.n + 1);
		if (cut(line, word) < WORDS || word[0].n != 12 ||
		    strncasecmp((const char *)word[0].p, "enable-cache", 12) != 0)
			continue;
		/* whatever is not a plain no */
		yes = !ztj_view_eq_str(word[2], "no");
		if (ztj_view_eq_str(word[1], "passwd"))
			out->passwd = yes;
		else if (ztj_view_eq_str(word[1], "group"))
			out->group = yes;
	}
}

/* Somebody listens there: a socket that was left behind answers nobody. */
static bool runs(struct stat *st)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd, e;

	if (stat(SOCKET, st) != 0)
		return false;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return true;
	e = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
	(void)close(fd);
	return e != ECONNREFUSED && e != ENOENT && e != ENOTSOCK;
}

static bool read_conf(struct ztj_buf *out, struct stat *st)
{
	int fd = open(CONF, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t chunk[8192];
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		while ((n = read(fd, chunk, sizeof chunk)) > 0)
			if (ztj_buf_put(out, chunk, (size_t)n) != ZTJ_OK) {
				n = -1;
				break;
			}
	if (fd >= 0)
		(void)close(fd);
	return n == 0;
}

enum ztj_nscd ztj_nscd_look(char *what, size_t size, const char **why)
{
	struct ztj_nscd_keeps keeps = { .passwd = true, .group = true };
	struct stat began, conf = { .st_mtime = 0 };
	struct ztj_buf b;
	bool known;

	*why = "keeps";
	if (!runs(&began))
		return ZTJ_NSCD_NONE;
	ztj_buf_init(&b, CONF_MAX);
	known = read_conf(&b, &conf);
	if (known)
		ztj_nscd_read(ztj_buf_view(&b), &keeps);
	ztj_buf_free(&b);
	/* its socket is made when it starts, and it reads its configuration only then */
	if (known && !keeps.passwd && !keeps.group && conf.st_mtime > began.st_mtime) {
		*why = "has not read " CONF " since it was changed, and may keep";
		keeps.passwd = keeps.group = true;
	}
	(void)snprintf(what, size, "%s%s%s", keeps.passwd ? "people" : "",
	    keeps.passwd && keeps.group ? " and " : "", keeps.group ? "groups" : "");
	return keeps.passwd || keeps.group ? ZTJ_NSCD_KEEPS : ZTJ_NSCD_HARMLESS;
}
