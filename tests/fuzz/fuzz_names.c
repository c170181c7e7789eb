/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Published names: no content makes the reader leave the file or answer what nobody could have published. The bytes are
 * read as they are and once more with all checks made right, as a hostile builder would write them.
 */
#include <string.h>

#include "libztjit/core/names_int.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

static void good_text(const char *s, size_t n)
{
	MUST(s[0] != '\0' && memchr(s, '\0', n) != NULL);
}

static void good_user(const struct ztj_names *f, const struct ztj_names_user *u)
{
	struct ztj_names_user again;
	char shell[ZTJ_NAMES_SHELL_SIZE];
	uint32_t gid;
	int64_t ends;

	good_text(u->name, sizeof u->name);
	MUST(u->uid != UINT32_MAX && (u->uid != 0 || f->grants));
	MUST(u->count <= f->n_members && u->shell <= f->n_shells);
	if (ztj_names_user_named(f, u->name, &again) == ZTJ_OK)
		MUST(strcmp(again.name, u->name) == 0);
	if (ztj_names_user_of(f, u->uid, &again) == ZTJ_OK)
		MUST(again.uid == u->uid && u->uid != 0);
	if (ztj_names_shell(f, u, shell) == ZTJ_OK)
		good_text(shell, sizeof shell);
	for (uint32_t i = 0; i < u->count && i < 64; i++)
		if (ztj_names_membership(f, u, i, &gid, &ends) == ZTJ_OK)
			MUST(gid != 0 && gid != UINT32_MAX);
	MUST(ztj_names_membership(f, u, u->count, &gid, &ends) != ZTJ_OK);
}

static void good_group(const struct ztj_names *f, const struct ztj_names_group *g)
{
	struct ztj_names_group again;
	char name[ZTJ_NAME_SIZE];
	int64_t ends;

	good_text(g->name, sizeof g->name);
	MUST(g->gid != 0 && g->gid != UINT32_MAX && g->count <= f->n_members);
	if (ztj_names_group_named(f, g->name, &again) == ZTJ_OK)
		MUST(strcmp(again.name, g->name) == 0);
	if (ztj_names_group_of(f, g->gid, &again) == ZTJ_OK)
		MUST(again.gid == g->gid);
	for (uint32_t i = 0; i < g->count && i < 64; i++)
		if (ztj_names_member(f, g, i, name, &ends) == ZTJ_OK)
			good_text(name, sizeof name);
	MUST(ztj_names_member(f, g, g->count, name, &ends) != ZTJ_OK);
}

static void walk(const struct ztj_names *f)
{
	for (uint32_t i = 0; i < ztj_names_walk_end(&f->people); i++) {
		struct ztj_names_user u;

		if (ztj_names_user_at(f, i, &u) == ZTJ_OK)
			good_user(f, &u);
	}
	for (uint32_t i = 0; i < ztj_names_walk_end(&f->groups); i++) {
		struct ztj_names_group g;

		if (ztj_names_group_at(f, i, &g) == ZTJ_OK)
			good_group(f, &g);
	}
}

/* ---- the checks, made right ---- */

static void sum(uint8_t *entry, size_t n, size_t at, uint32_t seed, enum names_kind kind)
{
	uint32_t check;

	memset(entry + at, 0, sizeof check);
	check = (uint32_t)ztj_names_hash(seed, kind, entry, n);
	memcpy(entry + at, &check, sizeof check);
}

static void sums(uint8_t *from, uint64_t count, size_t n, size_t at, uint32_t seed, enum names_kind kind)
{
	for (uint64_t i = 0; i < count; i++)
		sum(from + i * n, n, at, seed, kind);
}

static void sum_header(uint8_t *p, size_t n, bool grants)
{
	struct names_people_header h;
	struct names_grants_header g;

	if (grants && n >= sizeof g) {
		memcpy(&g, p, sizeof g);
		g.start.length = n;
		g.check = ztj_names_hash(g.start.seed, NAMES_HEADER, &g,
		    offsetof(struct names_grants_header, check));
		memcpy(p, &g, sizeof g);
	} else if (!grants && n >= sizeof h) {
		memcpy(&h, p, sizeof h);
		h.start.length = n;
		h.check = ztj_names_hash(h.start.seed, NAMES_HEADER, &h,
		    offsetof(struct names_people_header, check));
		memcpy(p, &h, sizeof h);
	}
}

static void sum_entries(uint8_t *p, const struct ztj_names *f)
{
	size_t person = f->grants ? sizeof(struct names_granted) : sizeof(struct names_person);

	sums(p + f->people.names, ztj_names_walk_end(&f->people), person,
	    offsetof(struct names_person, check), f->seed, NAMES_PERSON);
	sums(p + f->groups.names, ztj_names_walk_end(&f->groups), sizeof(struct names_group),
	    offsetof(struct names_group, check), f->seed, NAMES_GROUP);
	sums(p + f->memberships, f->n_members, sizeof(struct names_membership),
	    offsetof(struct names_membership, check), f->seed, NAMES_MEMBERSHIP);
	sums(p + f->members, f->n_members, sizeof(struct names_member), offsetof(struct names_member, check),
	    f->seed, NAMES_MEMBER);
	sums(p + f->shells, f->n_shells, sizeof(struct names_shell), offsetof(struct names_shell, check),
	    f->seed, NAMES_SHELL);
}

static int open_one(bool grants, const struct ztj_names_src *src, struct ztj_names *f)
{
	return grants ? ztj_names_open_grants(src, f) : ztj_names_open_people(src, f);
}

static void try_as(bool grants, const uint8_t *data, size_t size)
{
	struct ztj_names_src src;
	struct ztj_names f;
	struct ztj_view v;
	uint8_t *copy = malloc(size != 0 ? size : 1);

	MUST(copy != NULL);
	memcpy(copy, data, size);
	v = ztj_view_of(copy, size);
	src = ztj_names_src_view(&v);
	if (open_one(grants, &src, &f) == ZTJ_OK)
		walk(&f);
	sum_header(copy, size, grants);
	if (open_one(grants, &src, &f) == ZTJ_OK) {
		sum_entries(copy, &f);
		walk(&f);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > MAX) /* nothing to copy */
		return 0;
	try_as(false, data, size);
	try_as(true, data, size);
	return 0;
}
