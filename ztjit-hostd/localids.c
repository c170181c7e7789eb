/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/localids.h"

#include <stdlib.h>
#include <string.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/safefile.h"

#define FILE_MAX (32u * 1024 * 1024)

/* ---- lines ---- */

/* The next field, ended by a colon or the end of the line. */
static char *field(char **rest)
{
	return strsep(rest, ":");
}

static bool number(const char *s, uint32_t *out)
{
	int64_t v;

	if (s == NULL)
		return false;
	while (s[0] == '0' && s[1] != '\0') /* the C library takes leading zeros */
		s++;
	if (ztj_parse_int(s, 0, UINT32_MAX, &v) != ZTJ_OK)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* The C library passes over blanks at the beginning of a line. */
static char *name_of(char **line)
{
	char *name;

	*line += strspn(*line, " \t");
	name = field(line);
	return name == NULL || name[0] == '\0' || name[0] == '#' || name[0] == '+' || name[0] == '-' ? NULL
												     : name;
}

static bool user_line(char *line, struct ztj_localuser *u)
{
	char *uid, *gid;

	u->name = name_of(&line);
	if (u->name == NULL || field(&line) == NULL)
		return false;
	uid = field(&line);
	gid = field(&line);
	return number(uid, &u->uid) && number(gid, &u->gid);
}

static bool group_line(char *line, struct ztj_localgroup *g)
{
	char *gid;

	g->name = name_of(&line);
	if (g->name == NULL || field(&line) == NULL)
		return false;
	gid = field(&line);
	g->members = line != NULL && line[strspn(line, " \t,")] != '\0';
	return number(gid, &g->gid);
}

/* ---- tables ---- */

static int user_by_name(const void *a, const void *b)
{
	const struct ztj_localuser *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Of equal names in the order of the file: the C library takes the first. */
static int user_in_file(const void *a, const void *b)
{
	const struct ztj_localuser *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->name > y->name) - (x->name < y->name);
}

static int user_by_uid(const void *a, const void *b)
{
	const struct ztj_localuser *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int group_by_name(const void *a, const void *b)
{
	const struct ztj_localgroup *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int group_in_file(const void *a, const void *b)
{
	const struct ztj_localgroup *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : (x->name > y->name) - (x->name < y->name);
}

static int group_by_gid(const void *a, const void *b)
{
	const struct ztj_localgroup *x = a, *y = b;

	return (x->gid > y->gid) - (x->gid < y->gid);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static int read_users(struct ztj_locals *l, char *text)
{
	size_t room = count_lines(text);

	l->users = calloc(room, sizeof(*l->users));
	l->by_uid = calloc(room, sizeof(*l->by_uid));
	if (l->users == NULL || l->by_uid == NULL)
		return ZTJ_NOMEM;
	while (text != NULL)
		if (user_line(strsep(&text, "\n"), &l->users[l->nusers]))
			l->nusers++;
	qsort(l->users, l->nusers, sizeof(*l->users), user_in_file);
	memcpy(l->by_uid, l->users, l->nusers * sizeof(*l->users));
	qsort(l->by_uid, l->nusers, sizeof(*l->by_uid), user_by_uid);
	return ZTJ_OK;
}

static int read_groups(struct ztj_locals *l, char *text)
{
	size_t room = count_lines(text);

	l->groups = calloc(room, sizeof(*l->groups));
	l->by_gid = calloc(room, sizeof(*l->by_gid));
	if (l->groups == NULL || l->by_gid == NULL)
		return ZTJ_NOMEM;
	while (text != NULL)
		if (group_line(strsep(&text, "\n"), &l->groups[l->ngroups]))
			l->ngroups++;
	qsort(l->groups, l->ngroups, sizeof(*l->groups), group_in_file);
	memcpy(l->by_gid, l->groups, l->ngroups * sizeof(*l->groups));
	qsort(l->by_gid, l->ngroups, sizeof(*l->by_gid), group_by_gid);
	return ZTJ_OK;
}

/* As text that ends with a NUL. A NUL inside would hide what follows from us, and not from everybody. */
static int as_text(struct ztj_buf *b, char **out)
{
	if (ztj_buf_str(b) == NULL)
		return ZTJ_NOMEM;
	*out = (char *)b->p;
	return strlen(*out) == b->n ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

static int tables(struct ztj_locals *l)
{
	char *passwd = NULL, *group = NULL;
	int r;

	if ((r = as_text(&l->text[0], &passwd)) != ZTJ_OK || (r = as_text(&l->text[1], &group)) != ZTJ_OK)
		return r;
	r = read_users(l, passwd);
	return r == ZTJ_OK ? read_groups(l, group) : r;
}

static void init(struct ztj_locals *l)
{
	memset(l, 0, sizeof(*l));
	ztj_buf_init(&l->text[0], FILE_MAX + 1);
	ztj_buf_init(&l->text[1], FILE_MAX + 1);
}

int ztj_locals_parse(struct ztj_view passwd, struct ztj_view group, struct ztj_locals *out)
{
	int r;

	init(out);
	if ((r = ztj_buf_put(&out->text[0], passwd.p, passwd.n)) != ZTJ_OK ||
	    (r = ztj_buf_put(&out->text[1], group.p, group.n)) != ZTJ_OK || (r = tables(out)) != ZTJ_OK)
		ztj_locals_free(out);
	return r;
}

int ztj_locals_read(const char *passwd, const char *group, uid_t owner, struct ztj_locals *out)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = false, .check_parents = false };
	int r;

	init(out);
	if ((r = ztj_file_read(passwd, &rule, FILE_MAX, &out->text[0])) != ZTJ_OK ||
	    (r = ztj_file_read(group, &rule, FILE_MAX, &out->text[1])) != ZTJ_OK ||
	    (r = tables(out)) != ZTJ_OK)
		ztj_locals_free(out);
	return r;
}

void ztj_locals_free(struct ztj_locals *l)
{
	ztj_buf_free(&l->text[0]);
	ztj_buf_free(&l->text[1]);
	free(l->users);
	free(l->by_uid);
	free(l->groups);
	free(l->by_gid);
	memset(l, 0, sizeof(*l));
}

/* ---- questions ---- */

/* The first of those that are equal to the key; NULL: none. */
static const void *first(const void *key, const void *base, const size_t dim[2],
    int (*cmp)(const void *, const void *))
{
	const char *p = base;
	size_t lo = 0, hi = dim[0];

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cmp(p + mid * dim[1], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < dim[0] && cmp(p + lo * dim[1], key) == 0 ? p + lo * dim[1] : NULL;
}

const struct ztj_localuser *ztj_locals_user(const struct ztj_locals *l, const char *name)
{
	const struct ztj_localuser key = { .name = name };
	const size_t dim[2] = { l->nusers, sizeof(key) };

	return first(&key, l->users, dim, user_by_name);
}

const struct ztj_localuser *ztj_locals_uid(const struct ztj_locals *l, uint32_t uid, const char *but)
{
	const struct ztj_localuser key = { .uid = uid };
	const size_t dim[2] = { l->nusers, sizeof(key) };
	const struct ztj_localuser *u = first(&key, l->by_uid, dim, user_by_uid);

	for (; u != NULL && u < l->by_uid + l->nusers && u->uid == uid; u++)
		if (but == NULL || strcmp(u->name, but) != 0)
			return u;
	return NULL;
}

const struct ztj_localgroup *ztj_locals_group(const struct ztj_locals *l, const char *name)
{
	const struct ztj_localgroup key = { .name = name };
	const size_t dim[2] = { l->ngroups, sizeof(key) };

	return first(&key, l->groups, dim, group_by_name);
}

const struct ztj_localgroup *ztj_locals_gid(const struct ztj_locals *l, uint32_t gid, const char *but)
{
	const struct ztj_localgroup key = { .gid = gid };
	const size_t dim[2] = { l->ngroups, sizeof(key) };
	const struct ztj_localgroup *g = first(&key, l->by_gid, dim, group_by_gid);

	for (; g != NULL && g < l->by_gid + l->ngroups && g->gid == gid; g++)
		if (but == NULL || strcmp(g->name, but) != 0)
			return g;
	return NULL;
}

bool ztj_locals_anybody(const struct ztj_locals *l, uint32_t gid)
{
	for (size_t i = 0; i < l->ngroups; i++)
		if (l->groups[i].gid == gid && l->groups[i].members)
			return true;
	for (size_t i = 0; i < l->nusers; i++)
		if (l->users[i].gid == gid)
			return true;
	return false;
}
