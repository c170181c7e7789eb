/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Publishes names as ztjit-hostd does, for tests and measurements of libnss_ztjit: publish DIR <LINES. A line is
 *   person NAME UID            people COUNT UID    (COUNT people, p0, p1, …, with ids from UID on)
 *   shell NAME UID PATH SECONDS                    group NAME GID         member GROUP GID NAME SECONDS
 * SECONDS are from now on; - in front counts as over. With ZTJ_BOOTID in the environment: as of another boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/names.h"

#define FIELDS 5

struct lists {
	struct ztj_names_person *p;
	struct ztj_names_shell *s;
	struct ztj_names_member *m;
	size_t np, ns, nm;
};

static void fail(const char *what)
{
	fprintf(stderr, "publish: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *more(void *list, size_t n, size_t size)
{
	void *p = list;

	if ((n & (n - 1)) == 0 && (p = reallocarray(list, n != 0 ? 2 * n : 1, size)) == NULL)
		fail("memory");
	return p;
}

static const char *copy(const char *s)
{
	const char *c = strdup(s);

	if (c == NULL)
		fail("memory");
	return c;
}

static uint32_t number(const char *s)
{
	int64_t v;

	errno = EINVAL;
	if (ztj_parse_int(s, 0, UINT32_MAX, &v) != ZTJ_OK)
		fail(s);
	return (uint32_t)v;
}

/* Boot seconds. */
static int64_t from_now(const char *s)
{
	struct timespec t;
	int64_t v;

	errno = EINVAL;
	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0 || ztj_parse_int(s, -1000000, 1000000000, &v) != ZTJ_OK)
		fail(s);
	return t.tv_sec + v > 0 ? t.tv_sec + v : 0;
}

static void person(struct lists *l, const char *name, uint32_t uid)
{
	l->p = more(l->p, l->np, sizeof *l->p);
	l->p[l->np++] = (struct ztj_names_person){ copy(name), uid };
}

static void people(struct lists *l, uint32_t n, uint32_t uid)
{
	char name[16];

	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "p%u", i);
		person(l, name, uid + i);
	}
}

static void take(struct lists *l, char *const f[FIELDS], size_t n)
{
	if (n == 3 && strcmp(f[0], "person") == 0) {
		person(l, f[1], number(f[2]));
	} else if (n == 3 && strcmp(f[0], "people") == 0) {
		people(l, number(f[1]), number(f[2]));
	} else if (n == 5 && strcmp(f[0], "shell") == 0) {
		l->s = more(l->s, l->ns, sizeof *l->s);
		l->s[l->ns++] = (struct ztj_names_shell){ copy(f[1]), number(f[2]), copy(f[3]),
			from_now(f[4]) };
	} else if (n == 3 && strcmp(f[0], "group") == 0) {
		l->m = more(l->m, l->nm, sizeof *l->m);
		l->m[l->nm++] = (struct ztj_names_member){ copy(f[1]), number(f[2]), NULL, 0 };
	} else if (n == 5 && strcmp(f[0], "member") == 0) {
		l->m = more(l->m, l->nm, sizeof *l->m);
		l->m[l->nm++] = (struct ztj_names_member){ copy(f[1]), number(f[2]), copy(f[3]),
			from_now(f[4]) };
	} else {
		errno = EINVAL;
		fail(f[0]);
	}
}

static void read_lines(struct lists *l)
{
	char line[512], *save;

	while (fgets(line, sizeof line, stdin) != NULL) {
		char *f[FIELDS] = { NULL };
		size_t n = 0;

		for (char *p = strtok_r(line, " \n", &save); p != NULL && n < FIELDS;
		     p = strtok_r(NULL, " \n", &save))
			f[n++] = p;
		if (n != 0)
			take(l, f, n);
	}
}

static void write_file(const char *dir, const char *name, const struct ztj_buf *b)
{
	char tmp[512], path[512];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	(void)snprintf(tmp, sizeof tmp, "%s/%s.tmp", dir, name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) != 0 || write(fd, b->p, b->n) != (ssize_t)b->n || close(fd) != 0 ||
	    rename(tmp, path) != 0)
		fail(path);
}

static const char *bootid(void)
{
	static char id[ZTJ_NAMES_BOOTID_SIZE];
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (getenv("ZTJ_BOOTID") != NULL)
		(void)snprintf(id, sizeof id, "%s", getenv("ZTJ_BOOTID"));
	else if (f == NULL || fread(id, 1, sizeof id - 1, f) != sizeof id - 1)
		fail("boot id");
	if (f != NULL)
		(void)fclose(f);
	return id;
}

int main(int argc, char **argv)
{
	struct lists l = { 0 };
	struct ztj_buf b;

	if (argc != 2) {
		fprintf(stderr, "usage: publish DIR <LINES\n");
		return 2;
	}
	read_lines(&l);
	errno = EINVAL;
	ztj_buf_init(&b, ZTJ_NAMES_MAX_SIZE);
	if (ztj_names_build_people(l.p, l.np, &b) != ZTJ_OK)
		fail("people");
	write_file(argv[1], ZTJ_NAMES_PEOPLE, &b);
	if (ztj_names_build_grants(bootid(), l.s, l.ns, l.m, l.nm, &b) != ZTJ_OK)
		fail("grants");
	write_file(argv[1], ZTJ_NAMES_GRANTS, &b);
	return 0; /* the lists go with the process */
}
