/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Builds `grants`, the file of published names that says who has what until when (PROTOCOL.md section 9). */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/names_table.h"

struct link {
	uint32_t group, person; /* where they stand in their tables' e */
	int64_t ends;
};
struct grants {
	const struct ztj_names_shell *s;
	const struct ztj_names_member *m;
	size_t ns, nm;
	struct ztj_nametab people, groups;
	struct link *link;
	uint32_t links, shells;
	const char *shell[ZTJ_NAMES_MAX_SHELLS];
	uint32_t seed;
};

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* ---- what goes in ---- */

static bool bootid_ok(const char *s)
{
	if (s == NULL || strlen(s) != ZTJ_NAMES_BOOTID_SIZE - 1)
		return false;
	for (size_t i = 0; s[i] != '\0'; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
							    : strchr("0123456789abcdef", s[i]) == NULL)
			return false;
	return true;
}

/* What may stand in a line of passwd(5) and be executed from anywhere. */
static bool shell_ok(const char *s)
{
	if (s == NULL || s[0] != '/' || strlen(s) >= ZTJ_NAMES_SHELL_SIZE)
		return false;
	return strchr(s, ':') == NULL && ztj_text_ok(ztj_view_str(s));
}

static uint32_t shell_number(const struct grants *g, const char *shell)
{
	uint32_t i = 0;

	while (i < g->shells && strcmp(g->shell[i], shell) != 0)
		i++;
	return i + 1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int take_shells(struct grants *g)
{
	int r;

	for (size_t i = 0; i < g->ns; i++) {
		if ((r = ztj_nametab_key(g->s[i].person, g->s[i].uid)) != ZTJ_OK)
			return r;
		if (!shell_ok(g->s[i].shell) || g->s[i].ends < 0)
			return ZTJ_LIMIT;
		if (shell_number(g, g->s[i].shell) > g->shells) {
			if (g->shells == ZTJ_NAMES_MAX_SHELLS)
				return ZTJ_LIMIT;
			g->shell[g->shells++] = g->s[i].shell;
		}
		g->people.e[g->people.n++] = (struct names_entry){ g->s[i].person, g->s[i].uid, (uint32_t)i };
	}
	qsort(g->shell, g->shells, sizeof g->shell[0], by_text);
	return ZTJ_OK;
}

static int take_members(struct grants *g)
{
	int r;

	for (size_t i = 0; i < g->nm; i++) {
		const struct ztj_names_member *m = &g->m[i];

		if ((r = ztj_nametab_key(m->group, m->gid)) != ZTJ_OK)
			return r;
		g->groups.e[g->groups.n++] = (struct names_entry){ m->group, m->gid, 0 };
		if (m->person == NULL)
			continue;
		if (!ztj_name_ok(m->person))
			return ZTJ_BAD_NAME;
		if (m->ends < 0)
			return ZTJ_LIMIT;
		g->people.e[g->people.n++] = (struct names_entry){ m->person, 0, 0 };
	}
	return ZTJ_OK;
}

/* Each name once. Two entries of a name may differ only in that the later has no id. */
static int unite(struct ztj_nametab *t, size_t max)
{
	uint32_t n = 0;

	ztj_nametab_sort(t);
	for (uint32_t i = 0; i < t->n; i++)
		if (n == 0 || strcmp(t->e[n - 1].name, t->e[i].name) != 0)
			t->e[n++] = t->e[i];
		else if (t->e[i].id != 0 &&
		    (t->e[i].from != t->e[n - 1].from || t->e[i].id != t->e[n - 1].id))
			return ZTJ_EXISTS;
	t->n = n;
	return n <= max ? ztj_nametab_check(t) : ZTJ_LIMIT;
}

static uint32_t find(const struct ztj_nametab *t, const char *name)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (strcmp(t->e[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int by_group(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->group != y->group)
		return cmp_u64(x->group, y->group);
	return x->person != y->person ? cmp_u64(x->person, y->person)
				      : cmp_u64((uint64_t)y->ends, (uint64_t)x->ends);
}

static int by_person(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return x->person != y->person ? cmp_u64(x->person, y->person) : cmp_u64(x->group, y->group);
}

/* The same membership by two grants is one, to the later end. */
static int take_links(struct grants *g)
{
	uint32_t n = 0, kept = 0;

	g->link = calloc(g->nm + 1, sizeof *g->link);
	if (g->link == NULL)
		return ZTJ_NOMEM;
	for (size_t i = 0; i < g->nm; i++)
		if (g->m[i].person != NULL)
			g->link[n++] = (struct link){ find(&g->groups, g->m[i].group),
				find(&g->people, g->m[i].person), g->m[i].ends };
	qsort(g->link, n, sizeof *g->link, by_group);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || g->link[kept - 1].group != g->link[i].group ||
		    g->link[kept - 1].person != g->link[i].person)
			g->link[kept++] = g->link[i];
	g->links = kept;
	return kept <= ZTJ_NAMES_MAX_MEMBERS ? ZTJ_OK : ZTJ_LIMIT;
}

static int take(struct grants *g)
{
	int r;

	if ((r = ztj_nametab_init(&g->people, g->ns + g->nm)) != ZTJ_OK ||
	    (r = ztj_nametab_init(&g->groups, g->nm)) != ZTJ_OK || (r = take_shells(g)) != ZTJ_OK ||
	    (r = take_members(g)) != ZTJ_OK || (r = unite(&g->people, ZTJ_NAMES_MAX_GRANTED)) != ZTJ_OK ||
	    (r = unite(&g->groups, ZTJ_NAMES_MAX_GROUPS)) != ZTJ_OK)
		return r;
	return take_links(g);
}

/* ---- what comes out ---- */

static void put_header(const struct grants *g, const char *bootid, struct ztj_buf *out)
{
	struct names_grants_header h = {
		.people = g->people.head,
		.groups = g->groups.head,
		.members = g->links,
		.shells = g->shells,
	};

	memcpy(h.bootid, bootid, ZTJ_NAMES_BOOTID_SIZE);
	h.start = ztj_nametab_start("ztjgrant", g->seed,
	    sizeof h + ztj_nametab_size(&g->people, sizeof(struct names_granted)) +
		ztj_nametab_size(&g->groups, sizeof(struct names_group)) +
		g->links * (sizeof(struct names_membership) + sizeof(struct names_member)) +
		g->shells * sizeof(struct names_shell));
	h.check = ztj_names_hash(g->seed, NAMES_HEADER, &h, offsetof(struct names_grants_header, check));
	(void)ztj_buf_put(out, &h, sizeof h);
}

/* Wants the links by person. */
static int put_people(const struct grants *g, struct ztj_buf *out)
{
	const struct ztj_nametab *t = &g->people;
	struct names_granted *s = ztj_nametab_section(t, sizeof *s);
	int r;

	if (s == NULL)
		return ZTJ_NOMEM;
	for (uint32_t i = 0; i < g->links; i++) {
		struct names_granted *p = &s[t->name_place[g->link[i].person]];

		if (p->count++ == 0)
			p->first = i;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		struct names_granted *p = &s[t->name_place[i]];

		p->uid = t->e[i].id;
		memcpy(p->name, t->e[i].name, strlen(t->e[i].name));
		if (p->uid != 0) {
			p->shell = shell_number(g, g->s[t->e[i].from].shell);
			p->shell_ends = g->s[t->e[i].from].ends;
		}
		p->check = ztj_nametab_sum(g->seed, NAMES_PERSON, p, sizeof *p);
	}
	r = ztj_nametab_put(t, s, sizeof *s, out);
	free(s);
	return r;
}

/* Wants the links by group. */
static int put_groups(const struct grants *g, struct ztj_buf *out)
{
	const struct ztj_nametab *t = &g->groups;
	struct names_group *s = ztj_nametab_section(t, sizeof *s);
	int r;

	if (s == NULL)
		return ZTJ_NOMEM;
	for (uint32_t i = 0; i < g->links; i++) {
		struct names_group *p = &s[t->name_place[g->link[i].group]];

		if (p->count++ == 0)
			p->first = i;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		struct names_group *p = &s[t->name_place[i]];

		p->gid = t->e[i].id;
		memcpy(p->name, t->e[i].name, strlen(t->e[i].name));
		p->check = ztj_nametab_sum(g->seed, NAMES_GROUP, p, sizeof *p);
	}
	r = ztj_nametab_put(t, s, sizeof *s, out);
	free(s);
	return r;
}

static void put_memberships(const struct grants *g, struct ztj_buf *out)
{
	for (uint32_t i = 0; i < g->links; i++) {
		struct names_membership e = { .ends = g->link[i].ends,
			.gid = g->groups.e[g->link[i].group].id };

		e.check = ztj_nametab_sum(g->seed, NAMES_MEMBERSHIP, &e, sizeof e);
		(void)ztj_buf_put(out, &e, sizeof e);
	}
}

static void put_members(const struct grants *g, struct ztj_buf *out)
{
	for (uint32_t i = 0; i < g->links; i++) {
		const char *name = g->people.e[g->link[i].person].name;
		struct names_member e = { .ends = g->link[i].ends };

		memcpy(e.name, name, strlen(name));
		e.check = ztj_nametab_sum(g->seed, NAMES_MEMBER, &e, sizeof e);
		(void)ztj_buf_put(out, &e, sizeof e);
	}
}

static void put_shells(const struct grants *g, struct ztj_buf *out)
{
	for (uint32_t i = 0; i < g->shells; i++) {
		struct names_shell e = { 0 };

		memcpy(e.path, g->shell[i], strlen(g->shell[i]));
		e.check = ztj_nametab_sum(g->seed, NAMES_SHELL, &e, sizeof e);
		(void)ztj_buf_put(out, &e, sizeof e);
	}
}

static int put(struct grants *g, const char *bootid, struct ztj_buf *out)
{
	struct ztj_nametab *const all[] = { &g->people, &g->groups };
	struct ztj_buf memberships;
	int r;

	if ((r = ztj_nametab_place(all, 2, &g->seed)) != ZTJ_OK)
		return r;
	ztj_buf_init(&memberships, g->links * sizeof(struct names_membership));
	put_header(g, bootid, out);
	qsort(g->link, g->links, sizeof *g->link, by_person);
	put_memberships(g, &memberships);
	r = put_people(g, out);
	qsort(g->link, g->links, sizeof *g->link, by_group);
	if (r == ZTJ_OK && (r = put_groups(g, out)) == ZTJ_OK &&
	    (r = ztj_buf_status(&memberships)) == ZTJ_OK) {
		(void)ztj_buf_put(out, memberships.p, memberships.n);
		put_members(g, out);
		put_shells(g, out);
		r = ztj_buf_status(out);
	}
	ztj_buf_free(&memberships);
	return r;
}

int ztj_names_build_grants(const char *bootid, const struct ztj_names_shell *s, size_t ns,
    const struct ztj_names_member *m, size_t nm, struct ztj_buf *out)
{
	struct grants g = { .s = s, .m = m, .ns = ns, .nm = nm };
	int r;

	ztj_buf_reset(out);
	if (!bootid_ok(bootid) || ns > ZTJ_NAMES_MAX_GRANTED ||
	    nm > ZTJ_NAMES_MAX_MEMBERS + ZTJ_NAMES_MAX_GROUPS)
		return ZTJ_LIMIT;
	if ((r = take(&g)) == ZTJ_OK)
		r = put(&g, bootid, out);
	if (r != ZTJ_OK)
		ztj_buf_reset(out);
	free(g.link);
	ztj_nametab_free(&g.people);
	ztj_nametab_free(&g.groups);
	return r;
}
