/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Which of a few files belong to a Debian package: dpkg's own lists are read once, one after the other, and nothing of
 * them is kept, however many packages there are.
 */
#include "ztjit/scan/scan.h"

#include <stdlib.h>
#include <string.h>

#define DPKG "/var/lib/dpkg/"

struct ask {
	struct scan *s;
	const char **sorted;
	size_t n;
	bool *hit;
};

/* A list may still name /bin/su where /usr/bin/su is: the merged /usr. */
static bool same(const char *path, struct ztj_view line)
{
	if (ztj_view_eq_str(line, path))
		return true;
	return strncmp(path, "/usr/", 5) == 0 && ztj_view_eq_str(line, path + 4);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool *find(const struct ask *a, const char *key)
{
	const char **at = a->n > 0 ? bsearch(&key, a->sorted, a->n, sizeof *a->sorted, by_path) : NULL;

	/* two links to one file are two paths; one path twice is one */
	while (at != NULL && at > a->sorted && strcmp(at[-1], key) == 0)
		at--;
	return at != NULL ? &a->hit[at - a->sorted] : NULL;
}

static void mark(struct ask *a, struct ztj_view line)
{
	char path[4096 + 8];
	bool *hit;

	if (line.n == 0 || line.n > 4096 || memchr(line.p, '\0', line.n) != NULL)
		return;
	memcpy(path, "/usr", 4);
	memcpy(path + 4, line.p, line.n);
	path[4 + line.n] = '\0';
	if ((hit = find(a, path + 4)) != NULL)
		*hit = true;
	if ((hit = find(a, path)) != NULL)
		*hit = true;
}

static void mark_list(struct ask *a, const char *file)
{
	struct scan_lines l = { .no = 0 };
	struct ztj_view line;
	struct ztj_buf b;
	struct stat st;

	if (scan_read(a->s, file, &b, &st) != ZTJ_OK)
		return;
	for (l.left = ztj_buf_view(&b); scan_line(&l, &line);)
		mark(a, line);
	ztj_buf_free(&b);
}

/* dpkg-divert: three lines each, the first two of them paths: what was shipped as the first is the second now. */
static const char *undivert(struct scan *s, struct ztj_view text, const char *path)
{
	struct scan_lines l = { .left = text };
	struct ztj_view from, to, by;

	while (scan_line(&l, &from) && scan_line(&l, &to) && scan_line(&l, &by))
		if (same(path, to))
			return scan_copy(s, from);
	return path;
}

static void mark_lists(struct ask *a)
{
	const char **name;
	size_t n = scan_list(a->s, DPKG "info", &name);

	for (size_t i = 0; i < n; i++) {
		size_t k = strlen(name[i]);

		if (k > 5 && strcmp(name[i] + k - 5, ".list") == 0)
			mark_list(a, scan_text(a->s, DPKG "info/%s", name[i]));
	}
}

int scan_packages_mark(struct scan *s, const char *const *path, size_t n, bool *owned)
{
	struct ask a = { .s = s, .n = n };
	const char **asked = calloc(n + 1, sizeof *asked);
	struct ztj_buf diversions;
	struct stat st;
	int r = ZTJ_OK;

	a.sorted = calloc(n + 1, sizeof *a.sorted);
	a.hit = calloc(n + 1, sizeof *a.hit);
	ztj_buf_init(&diversions, SCAN_FILE_MAX);
	if (a.sorted == NULL || asked == NULL || a.hit == NULL)
		r = s->err = ZTJ_NOMEM;
	if (r == ZTJ_OK && scan_read(s, DPKG "diversions", &diversions, &st) != ZTJ_OK)
		ztj_buf_reset(&diversions);
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		if ((asked[i] = a.sorted[i] = undivert(s, ztj_buf_view(&diversions), path[i])) == NULL)
			r = ZTJ_NOMEM;
	if (r == ZTJ_OK && n > 0) {
		qsort(a.sorted, n, sizeof *a.sorted, by_path);
		mark_lists(&a);
		for (size_t i = 0; i < n; i++)
			owned[i] = *find(&a, asked[i]);
	}
	ztj_buf_free(&diversions);
	free(a.hit);
	free(asked);
	free(a.sorted);
	return r;
}
