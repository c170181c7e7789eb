/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/joinfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX 6 /* of mkostemp */

const char *const ztj_joinfiles[] = { "machine.key", "tls.key", "pending.json", "hostd.conf", "policy_roots",
	"policy.json", "user_ca.pub", NULL };

/* NAME.XXXXXX, as mkostemp makes them, or NAME.new */
static bool is_temporary(const char *entry, const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(name);

	if (strncmp(entry, name, n) != 0 || entry[n] != '.')
		return false;
	entry += n + 1;
	return strcmp(entry, "new") == 0 || (strlen(entry) == SUFFIX && strspn(entry, chars) == SUFFIX);
}

void ztj_joinfiles_sweep(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		for (size_t i = 0; ztj_joinfiles[i] != NULL; i++)
			if (is_temporary(e->d_name, ztj_joinfiles[i]))
				(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

int ztj_joinfiles_remove(const char *dir, const char *name)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = ZTJ_OK;

	if (fd < 0)
		return errno == ENOENT ? ZTJ_OK : ZTJ_IO;
	if (unlinkat(fd, name, 0) != 0)
		r = errno == ENOENT ? ZTJ_OK : ZTJ_IO;
	else if (fsync(fd) != 0)
		r = ZTJ_IO;
	(void)close(fd);
	return r;
}

/* ---- another name ---- */

static size_t skip(const char *p, size_t n, const char *of)
{
	size_t i = 0;

	while (i < n && p[i] != '\0' && strchr(of, p[i]) != NULL)
		i++;
	return i;
}

/* 0: the line does not set `name`; 1: it does, and nothing else; -1: it does, and more. */
static int sets_name(const char *p, size_t n)
{
	size_t at = skip(p, n, " \t"), end;
	const char *quote;

	if (n - at < 4 || memcmp(p + at, "name", 4) != 0)
		return 0;
	at += 4;
	at += skip(p + at, n - at, " \t");
	if (at == n || (p[at] != '=' && p[at] != ':'))
		return 0;
	at++;
	at += skip(p + at, n - at, " \t");
	if (at == n || p[at] != '"' || (quote = memchr(p + at + 1, '"', n - at - 1)) == NULL)
		return -1;
	end = (size_t)(quote - p) + 1;
	end += skip(p + end, n - end, " \t");
	if (end < n && (p[end] == ';' || p[end] == ','))
		end++;
	end += skip(p + end, n - end, " \t\r");
	return end == n || p[end] == '#' ? 1 : -1;
}

int ztj_joinfiles_rename(struct ztj_view text, const char *name, struct ztj_buf *out)
{
	unsigned found = 0;

	while (text.n > 0) {
		const uint8_t *nl = memchr(text.p, '\n', text.n);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;
		int sets = sets_name((const char *)text.p, n);

		if (sets < 0)
			return ZTJ_CONFIG;
		found += (unsigned)sets;
		if (sets > 0)
			(void)ztj_buf_printf(out, "name = \"%s\";", name);
		else
			(void)ztj_buf_put(out, text.p, n);
		if (nl != NULL)
			(void)ztj_buf_put_u8(out, '\n');
		text = ztj_view_after(text, n + 1);
	}
	return found == 1 ? ztj_buf_status(out) : ZTJ_CONFIG;
}
