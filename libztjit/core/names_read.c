/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Reads published names (PROTOCOL.md section 9) inside processes of other people: libc only, no
 * allocation, a bounded stack, every offset checked where it is used. An entry counts only with its
 * check, so damage reads as absence or as an error, never as somebody else.
 */
#include <string.h>

#include "libztjit/core/names_int.h"

#define MAGIC_PEOPLE "ztjpeopl"
#define MAGIC_GRANTS "ztjgrant"

static int view_get(void *ctx, uint64_t off, void *out, size_t n)
{
	const struct ztj_view *v = ctx;

	if (off > v->n || n > v->n - off)
		return -1;
	if (n != 0)
		memcpy(out, v->p + off, n);
	return 0;
}

struct ztj_names_src ztj_names_src_view(struct ztj_view *v)
{
	return (struct ztj_names_src){ .size = v->n, .get = view_get, .ctx = v };
}

static int get(const struct ztj_names_src *src, uint64_t off, void *out, size_t n)
{
	memset(out, 0, n);
	if (off > src->size || n > src->size - off)
		return ZTJ_TRUNCATED;
	return src->get(src->ctx, off, out, n) == 0 ? ZTJ_OK : ZTJ_IO;
}

/* ---- the header ---- */

static int check_start(const struct ztj_names_src *src, const struct names_start *s, const char *magic)
{
	if (memcmp(s->magic, magic, sizeof s->magic) != 0)
		return ZTJ_BAD_ENCODING;
	if (s->version != ZTJ_NAMES_VERSION)
		return ZTJ_VERSION;
	if (s->length != src->size)
		return s->length > src->size ? ZTJ_TRUNCATED : ZTJ_TRAILING;
	return ZTJ_OK;
}

/* Where the sections of a table of this many entries of this size lie; *off moves behind them. Nothing overflows: n is
 * bounded first. */
static int take_table(const struct names_table *h, uint32_t max, size_t entry, uint64_t *off,
    struct ztj_names_table *t)
{
	if (h->n > max || h->slots != ztj_names_slots(h->n) || h->name_reach == 0 ||
	    h->name_reach > NAMES_REACH_MAX || h->id_reach == 0 || h->id_reach > NAMES_REACH_MAX)
		return ZTJ_LIMIT;
	t->n = h->n;
	t->slots = h->slots;
	t->name_reach = h->name_reach;
	t->id_reach = h->id_reach;
	t->names = *off;
	t->ids = t->names + ((uint64_t)t->slots + t->name_reach) * entry;
	*off = t->ids + ((uint64_t)t->slots + t->id_reach) * sizeof(struct names_id);
	return ZTJ_OK;
}

/* What a file of either kind begins with: h, of that size, whose hash is its last member. */
static int open_header(const struct ztj_names_src *src, const char *magic, void *h, size_t size)
{
	const size_t hashed = size - sizeof(uint64_t);
	struct names_start start;
	uint64_t check;
	int r;

	if (src->size > ZTJ_NAMES_MAX_SIZE)
		return ZTJ_LIMIT;
	if ((r = get(src, 0, h, size)) != ZTJ_OK)
		return r;
	memcpy(&start, h, sizeof start);
	memcpy(&check, (const uint8_t *)h + hashed, sizeof check);
	if ((r = check_start(src, &start, magic)) != ZTJ_OK)
		return r;
	return check == ztj_names_hash(start.seed, NAMES_HEADER, h, hashed) ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

/* r: of what was read; the sections that it speaks of end at off, and the file with them. */
static int opened(int r, const struct ztj_names_src *src, uint64_t off, uint32_t seed, struct ztj_names *out)
{
	if (r == ZTJ_OK && off != src->size)
		r = ZTJ_BAD_ENCODING;
	if (r != ZTJ_OK)
		return r;
	out->src = src;
	out->seed = seed;
	return ZTJ_OK;
}

int ztj_names_open_people(const struct ztj_names_src *src, struct ztj_names *out)
{
	struct names_people_header h = { .check = 0 };
	uint64_t off = sizeof h;
	int r;

	memset(out, 0, sizeof *out);
	r = open_header(src, MAGIC_PEOPLE, &h, sizeof h);
	if (r == ZTJ_OK)
		r = take_table(&h.people, ZTJ_NAMES_MAX_PEOPLE, sizeof(struct names_person), &off,
		    &out->people);
	return opened(r, src, off, h.start.seed, out);
}

static int take_lists(const struct names_grants_header *h, uint64_t *off, struct ztj_names *out)
{
	if (h->members > ZTJ_NAMES_MAX_MEMBERS || h->shells > ZTJ_NAMES_MAX_SHELLS)
		return ZTJ_LIMIT;
	out->n_members = h->members;
	out->n_shells = h->shells;
	out->memberships = *off;
	out->members = out->memberships + (uint64_t)h->members * sizeof(struct names_membership);
	out->shells = out->members + (uint64_t)h->members * sizeof(struct names_member);
	*off = out->shells + (uint64_t)h->shells * sizeof(struct names_shell);
	if (memchr(h->bootid, '\0', sizeof h->bootid) != h->bootid + ZTJ_NAMES_BOOTID_SIZE - 1)
		return ZTJ_BAD_ENCODING;
	memcpy(out->bootid, h->bootid, ZTJ_NAMES_BOOTID_SIZE);
	return ZTJ_OK;
}

int ztj_names_open_grants(const struct ztj_names_src *src, struct ztj_names *out)
{
	struct names_grants_header h = { .check = 0 };
	uint64_t off = sizeof h;
	int r;

	memset(out, 0, sizeof *out);
	r = open_header(src, MAGIC_GRANTS, &h, sizeof h);
	if (r == ZTJ_OK)
		r = take_table(&h.people, ZTJ_NAMES_MAX_GRANTED, sizeof(struct names_granted), &off,
		    &out->people);
	if (r == ZTJ_OK)
		r = take_table(&h.groups, ZTJ_NAMES_MAX_GROUPS, sizeof(struct names_group), &off,
		    &out->groups);
	if (r == ZTJ_OK)
		r = take_lists(&h, &off, out);
	r = opened(r, src, off, h.start.seed, out);
	out->grants = r == ZTJ_OK;
	return r;
}

/* ---- entries ---- */

/* All kinds of entries of a table begin with these. */
struct head {
	uint32_t id, check;
	char name[NAMES_FIELD];
};
union entry {
	struct head head;
	struct names_person person;
	struct names_granted granted;
	struct names_group group;
};
/* Which table of a file, and what its entries are. */
struct which {
	const struct ztj_names_table *t;
	size_t size;
	enum names_kind kind;
};

static struct which people_of(const struct ztj_names *f)
{
	return (struct which){ &f->people,
		f->grants ? sizeof(struct names_granted) : sizeof(struct names_person), NAMES_PERSON };
}

static struct which groups_of(const struct ztj_names *f)
{
	return (struct which){ &f->groups, sizeof(struct names_group), NAMES_GROUP };
}

static bool text_ends(const char *s, size_t n)
{
	const char *end = memchr(s, '\0', n);

	return end != NULL && end != s;
}

/* Whether an entry is whole. Sets its check to zero. */
static bool whole(const struct ztj_names *f, const struct which *w, union entry *e)
{
	uint32_t check = e->head.check;

	e->head.check = 0;
	return check == (uint32_t)ztj_names_hash(f->seed, w->kind, e, w->size) &&
	    text_ends(e->head.name, ZTJ_NAME_SIZE);
}

static int by_name(const struct ztj_names *f, const struct which *w, const char *name, union entry *e)
{
	char wanted[NAMES_FIELD] = { 0 };
	size_t n = strnlen(name, ZTJ_NAME_SIZE);
	uint32_t home;
	int r;

	if (n == 0 || n == ZTJ_NAME_SIZE)
		return ZTJ_NOT_FOUND;
	memcpy(wanted, name, n);
	home = ztj_names_home(ztj_names_hash(f->seed, NAMES_BY_NAME, name, n), w->t->slots);
	for (uint32_t i = 0; i < w->t->name_reach; i++) {
		if ((r = get(f->src, w->t->names + ((uint64_t)home + i) * w->size, e, w->size)) != ZTJ_OK)
			return r;
		if (e->head.name[0] == '\0')
			break;
		if (memcmp(e->head.name, wanted, sizeof wanted) == 0)
			return whole(f, w, e) ? ZTJ_OK : ZTJ_BAD_ENCODING;
	}
	return ZTJ_NOT_FOUND;
}

static int at(const struct ztj_names *f, const struct which *w, uint32_t i, union entry *e)
{
	int r;

	memset(e, 0, sizeof *e);
	if (i >= ztj_names_walk_end(w->t))
		return ZTJ_BAD_ENCODING;
	if ((r = get(f->src, w->t->names + (uint64_t)i * w->size, e, w->size)) != ZTJ_OK)
		return r;
	if (e->head.name[0] == '\0')
		return ZTJ_NOT_FOUND;
	return whole(f, w, e) ? ZTJ_OK : ZTJ_BAD_ENCODING;
}

static int by_id(const struct ztj_names *f, const struct which *w, uint32_t id, union entry *e)
{
	struct names_id near;
	uint32_t home;
	int r;

	if (id == 0 || id == UINT32_MAX) /* never ours, whatever stands there */
		return ZTJ_NOT_FOUND;
	home = ztj_names_home(ztj_names_hash(f->seed, NAMES_BY_ID, &id, sizeof id), w->t->slots);
	for (uint32_t i = 0; i < w->t->id_reach; i++) {
		if ((r = get(f->src, w->t->ids + ((uint64_t)home + i) * sizeof near, &near, sizeof near)) !=
		    ZTJ_OK)
			return r;
		if (near.place == 0)
			break;
		if (near.id != id)
			continue;
		if ((r = at(f, w, near.place - 1, e)) == ZTJ_OK && e->head.id == id)
			return ZTJ_OK;
		return r == ZTJ_IO ? r : ZTJ_BAD_ENCODING;
	}
	return ZTJ_NOT_FOUND;
}

/* ---- what they say ---- */

static int user_from(const struct ztj_names *f, const union entry *e, struct ztj_names_user *out)
{
	bool none = e->head.id == 0 && f->grants; /* memberships of somebody who has no account of ours */

	if (!none && (e->head.id == 0 || e->head.id == UINT32_MAX))
		return ZTJ_BAD_ENCODING;
	memcpy(out->name, e->head.name, ZTJ_NAME_SIZE);
	out->uid = e->head.id;
	if (!f->grants)
		return ZTJ_OK;
	out->shell = e->granted.shell;
	out->shell_ends = e->granted.shell_ends;
	out->first = e->granted.first;
	out->count = e->granted.count;
	if (out->shell > f->n_shells || out->first > f->n_members || out->count > f->n_members - out->first)
		return ZTJ_BAD_ENCODING;
	return ZTJ_OK;
}

static int group_from(const struct ztj_names *f, const union entry *e, struct ztj_names_group *out)
{
	if (e->head.id == 0 || e->head.id == UINT32_MAX)
		return ZTJ_BAD_ENCODING;
	memcpy(out->name, e->head.name, ZTJ_NAME_SIZE);
	out->gid = e->head.id;
	out->first = e->group.first;
	out->count = e->group.count;
	if (out->first > f->n_members || out->count > f->n_members - out->first)
		return ZTJ_BAD_ENCODING;
	return ZTJ_OK;
}

static int user(const struct ztj_names *f, const union entry *e, int r, struct ztj_names_user *out)
{
	memset(out, 0, sizeof *out);
	if (r == ZTJ_OK && (r = user_from(f, e, out)) != ZTJ_OK)
		memset(out, 0, sizeof *out);
	return r;
}

static int group(const struct ztj_names *f, const union entry *e, int r, struct ztj_names_group *out)
{
	memset(out, 0, sizeof *out);
	if (r == ZTJ_OK && (r = group_from(f, e, out)) != ZTJ_OK)
		memset(out, 0, sizeof *out);
	return r;
}

int ztj_names_user_named(const struct ztj_names *f, const char *name, struct ztj_names_user *out)
{
	struct which w = people_of(f);
	union entry e;

	return user(f, &e, by_name(f, &w, name, &e), out);
}

int ztj_names_user_of(const struct ztj_names *f, uint32_t uid, struct ztj_names_user *out)
{
	struct which w = people_of(f);
	union entry e;

	return user(f, &e, by_id(f, &w, uid, &e), out);
}

int ztj_names_user_at(const struct ztj_names *f, uint32_t i, struct ztj_names_user *out)
{
	struct which w = people_of(f);
	union entry e;

	return user(f, &e, at(f, &w, i, &e), out);
}

int ztj_names_group_named(const struct ztj_names *f, const char *name, struct ztj_names_group *out)
{
	struct which w = groups_of(f);
	union entry e;

	return group(f, &e, f->grants ? by_name(f, &w, name, &e) : ZTJ_NOT_FOUND, out);
}

int ztj_names_group_of(const struct ztj_names *f, uint32_t gid, struct ztj_names_group *out)
{
	struct which w = groups_of(f);
	union entry e;

	return group(f, &e, f->grants ? by_id(f, &w, gid, &e) : ZTJ_NOT_FOUND, out);
}

int ztj_names_group_at(const struct ztj_names *f, uint32_t i, struct ztj_names_group *out)
{
	struct which w = groups_of(f);
	union entry e;

	return group(f, &e, at(f, &w, i, &e), out);
}

uint32_t ztj_names_walk_end(const struct ztj_names_table *t)
{
	return t->slots + t->name_reach;
}

int ztj_names_shell(const struct ztj_names *f, const struct ztj_names_user *u, char out[ZTJ_NAMES_SHELL_SIZE])
{
	struct names_shell e;
	uint32_t check;
	int r;

	memset(out, 0, ZTJ_NAMES_SHELL_SIZE);
	if (u->shell == 0)
		return ZTJ_NOT_FOUND;
	if (u->shell > f->n_shells)
		return ZTJ_BAD_ENCODING;
	if ((r = get(f->src, f->shells + (uint64_t)(u->shell - 1) * sizeof e, &e, sizeof e)) != ZTJ_OK)
		return r;
	check = e.check;
	e.check = 0;
	if (check != (uint32_t)ztj_names_hash(f->seed, NAMES_SHELL, &e, sizeof e) ||
	    !text_ends(e.path, sizeof e.path))
		return ZTJ_BAD_ENCODING;
	memcpy(out, e.path, sizeof e.path);
	return ZTJ_OK;
}

int ztj_names_membership(const struct ztj_names *f, const struct ztj_names_user *u, uint32_t i, uint32_t *gid,
    int64_t *ends)
{
	struct names_membership e;
	uint32_t check;
	int r;

	*gid = 0;
	*ends = 0;
	if (i >= u->count || u->first >= f->n_members || i >= f->n_members - u->first)
		return ZTJ_BAD_ENCODING;
	if ((r = get(f->src, f->memberships + ((uint64_t)u->first + i) * sizeof e, &e, sizeof e)) != ZTJ_OK)
		return r;
	check = e.check;
	e.check = 0;
	if (check != (uint32_t)ztj_names_hash(f->seed, NAMES_MEMBERSHIP, &e, sizeof e) || e.gid == 0 ||
	    e.gid == UINT32_MAX)
		return ZTJ_BAD_ENCODING;
	*gid = e.gid;
	*ends = e.ends;
	return ZTJ_OK;
}

int ztj_names_member(const struct ztj_names *f, const struct ztj_names_group *g, uint32_t i,
    char name[ZTJ_NAME_SIZE], int64_t *ends)
{
	struct names_member e;
	uint32_t check;
	int r;

	memset(name, 0, ZTJ_NAME_SIZE);
	*ends = 0;
	if (i >= g->count || g->first >= f->n_members || i >= f->n_members - g->first)
		return ZTJ_BAD_ENCODING;
	if ((r = get(f->src, f->members + ((uint64_t)g->first + i) * sizeof e, &e, sizeof e)) != ZTJ_OK)
		return r;
	check = e.check;
	e.check = 0;
	if (check != (uint32_t)ztj_names_hash(f->seed, NAMES_MEMBER, &e, sizeof e) ||
	    !text_ends(e.name, ZTJ_NAME_SIZE))
		return ZTJ_BAD_ENCODING;
	memcpy(name, e.name, ZTJ_NAME_SIZE);
	*ends = e.ends;
	return ZTJ_OK;
}
