/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One scan: its memory, its rows and what it could not look at. */
#include "ztjit/scan/scan.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME(k) #k,
static const char *const kinds[] = { SCAN_KINDS(NAME) };
#undef NAME

bool scan_kind_ok(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i], name) == 0)
			return true;
	return false;
}

const char *scan_risk_name(enum scan_risk r)
{
	static const char *const names[] = { "low", "medium", "high", "critical" };

	return names[r];
}

const char *scan_state_name(enum scan_state st)
{
	static const char *const names[] = { "standing", "accepted", "expired" };

	return names[st];
}

int scan_new(struct scan *s, const char *root, int64_t now)
{
	*s = (struct scan){ .rootfd = -1, .now = now, .uid_min = 1000, .root = "/" };
	s->rootfd = open(root != NULL ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->rootfd < 0)
		return ZTJ_NOT_FOUND;
	if (root != NULL) {
		char *real = realpath(root, NULL);

		s->root = real != NULL ? scan_text(s, "%s", real) : NULL;
		free(real);
	}
	return s->root != NULL ? ZTJ_OK : ZTJ_NOMEM;
}

void scan_free(struct scan *s)
{
	for (size_t i = 0; i < s->nmem; i++)
		free(s->mem[i]);
	free(s->mem);
	free(s->entry);
	free(s->problem);
	free(s->account);
	free(s->group);
	free(s->checked.at);
	if (s->rootfd >= 0)
		(void)close(s->rootfd);
	*s = (struct scan){ .rootfd = -1 };
}

/* Room for one more of this size; *cap is a power of two. */
static void *grow(struct scan *s, void *p, size_t n, size_t size)
{
	void *more = p;

	if (n == 0 || (n >= 16 && (n & (n - 1)) == 0))
		more = reallocarray(p, n == 0 ? 16 : 2 * n, size);
	if (more == NULL)
		s->err = ZTJ_NOMEM;
	return more;
}

void *scan_keep(struct scan *s, size_t n)
{
	void **mem = grow(s, s->mem, s->nmem, sizeof *mem);

	if (mem == NULL)
		return NULL;
	s->mem = mem;
	if ((mem[s->nmem] = calloc(1, n > 0 ? n : 1)) == NULL) {
		s->err = ZTJ_NOMEM;
		return NULL;
	}
	return mem[s->nmem++];
}

const char *scan_copy(struct scan *s, struct ztj_view v)
{
	char *p = scan_keep(s, v.n + 1);

	if (p != NULL && v.n > 0)
		memcpy(p, v.p, v.n);
	return p;
}

const char *scan_text(struct scan *s, const char *fmt, ...)
{
	struct ztj_view v;
	const char *kept;
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s->err = ZTJ_NOMEM;
		return NULL;
	}
	v = ztj_view_of(p, (size_t)n);
	kept = scan_copy(s, v);
	free(p);
	return kept;
}

void scan_problem(struct scan *s, const char *path, const char *why)
{
	const char **more, *text = "and more";
	struct ztj_buf b;

	if (s->nproblems > SCAN_PROBLEMS_MAX)
		return;
	ztj_buf_init(&b, SCAN_FILE_MAX);
	if (s->nproblems < SCAN_PROBLEMS_MAX) {
		if (ztj_text_escape(ztj_view_str(path), &b) != ZTJ_OK)
			s->err = ZTJ_NOMEM;
		text = scan_text(s, "%s: %s", ztj_buf_str(&b), why);
	}
	ztj_buf_free(&b);
	for (size_t i = 0; text != NULL && i < s->nproblems; i++)
		if (strcmp(s->problem[i], text) == 0)
			return;
	if ((more = grow(s, s->problem, s->nproblems, sizeof *more)) == NULL || text == NULL)
		return;
	s->problem = more;
	s->problem[s->nproblems++] = text;
}

static void finger(struct scan *s, const struct scan_row *row, char out[SCAN_FINGER_SIZE])
{
	uint8_t digest[ZTJ_DIGEST_LEN] = { 0 };
	struct ztj_buf b;

	ztj_buf_init(&b, SCAN_FILE_MAX);
	(void)ztj_buf_put_cstring(&b, "ztjit-scan");
	(void)ztj_buf_put_cstring(&b, row->kind);
	(void)ztj_buf_put_cstring(&b, row->object);
	(void)ztj_buf_put_view(&b, row->content);
	if (ztj_buf_status(&b) != ZTJ_OK || ztj_sha256(ztj_buf_view(&b), digest) != ZTJ_OK)
		s->err = ZTJ_NOMEM;
	ztj_hex(digest, SCAN_FINGER_SIZE / 2, out);
	ztj_buf_free(&b);
}

void scan_add(struct scan *s, const struct scan_row *row)
{
	struct scan_entry *e, *more;

	if (s->err != ZTJ_OK || row->what == NULL || row->remove == NULL || row->object == NULL)
		return;
	if (s->n >= SCAN_ENTRIES_MAX) {
		scan_problem(s, "/", "there are more rows than are kept");
		return;
	}
	if ((more = grow(s, s->entry, s->n, sizeof *more)) == NULL)
		return;
	s->entry = more;
	e = &s->entry[s->n];
	*e = (struct scan_entry){ .kind = row->kind,
		.object = scan_text(s, "%s", row->object),
		.owner = row->owner != NULL ? row->owner : "-",
		.what = row->what,
		.remove = row->remove,
		.line = row->line,
		.risk = row->risk };
	/* for an image: where its own accounts and files are */
	if (strcmp(s->root, "/") != 0)
		e->remove = scan_text(s, "chroot %s bash -c %s", scan_quote(s, s->root),
		    scan_quote(s, row->remove));
	finger(s, row, e->finger);
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entry[i].finger, e->finger) == 0)
			return;
	s->n++;
}

static int by_risk(const void *va, const void *vb)
{
	const struct scan_entry *a = va, *b = vb;
	int r;

	if (a->risk != b->risk)
		return a->risk > b->risk ? -1 : 1;
	if ((r = strcmp(a->kind, b->kind)) != 0 || (r = strcmp(a->object, b->object)) != 0)
		return r;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return strcmp(a->finger, b->finger);
}

int scan_run(struct scan *s)
{
	int r = scan_accounts_load(s);

	if (r != ZTJ_OK)
		return r;
	scan_people(s);
	scan_sudo(s);
	scan_doas(s);
	scan_ssh(s);
	scan_cron(s);
	scan_units(s);
	scan_logins(s);
	scan_services(s);
	scan_programs(s);
	if (s->err == ZTJ_OK && s->n > 0)
		qsort(s->entry, s->n, sizeof *s->entry, by_risk);
	return s->err;
}

/* ---- sets: open addressing, at most half full ---- */

static size_t slot(const struct scan_set *set, const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	for (i = (size_t)h & (set->size - 1); set->at[i] != NULL; i = (i + 1) & (set->size - 1))
		if (strcmp(set->at[i], text) == 0)
			break;
	return i;
}

bool scan_set_has(const struct scan_set *set, const char *text)
{
	return set->size > 0 && set->at[slot(set, text)] != NULL;
}

static bool widen(struct scan *s, struct scan_set *set)
{
	struct scan_set more = { .n = set->n, .size = set->size == 0 ? 64 : 2 * set->size };

	if ((more.at = calloc(more.size, sizeof *more.at)) == NULL) {
		s->err = ZTJ_NOMEM;
		return false;
	}
	for (size_t i = 0; i < set->size; i++)
		if (set->at[i] != NULL)
			more.at[slot(&more, set->at[i])] = set->at[i];
	free(set->at);
	set->at = more.at;
	set->size = more.size;
	return true;
}

bool scan_set_add(struct scan *s, struct scan_set *set, const char *text)
{
	size_t i;

	if (2 * (set->n + 1) > set->size && !widen(s, set))
		return false;
	i = slot(set, text);
	if (set->at[i] != NULL || (text = scan_text(s, "%s", text)) == NULL)
		return false;
	set->at[i] = text;
	set->n++;
	return true;
}
