/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The layout of published names (PROTOCOL.md section 9), for its builder, its reader and their tests. libc only. */
#ifndef ZTJ_CORE_NAMES_INT_H
#define ZTJ_CORE_NAMES_INT_H

#include "libztjit/core/names.h"

#define NAMES_FIELD 36 /* a name: ZTJ_NAME_SIZE and zeros */
#define NAMES_REACH_MAX 64u
#define NAMES_SEEDS 256u

enum names_kind {
	NAMES_BY_NAME = 1,
	NAMES_BY_ID,
	NAMES_HEADER,
	NAMES_PERSON,
	NAMES_GROUP,
	NAMES_MEMBERSHIP,
	NAMES_MEMBER,
	NAMES_SHELL,
};

struct names_table {
	uint32_t n, slots, name_reach, id_reach;
};
struct names_start {
	char magic[8];
	uint32_t version, seed;
	uint64_t length;
};
struct names_people_header {
	struct names_start start;
	struct names_table people;
	uint64_t check;
};
struct names_grants_header {
	struct names_start start;
	struct names_table people, groups;
	uint32_t members, shells;
	char bootid[40];
	uint64_t check;
};
struct names_id {
	uint32_t id, place; /* place by name + 1 */
};
struct names_person {
	uint32_t uid, check;
	char name[NAMES_FIELD];
};
struct names_granted {
	uint32_t uid, check;
	char name[NAMES_FIELD];
	uint32_t shell;
	int64_t shell_ends;
	uint32_t first, count;
};
struct names_group {
	uint32_t gid, check;
	char name[NAMES_FIELD];
	uint32_t first, count;
};
struct names_membership {
	int64_t ends;
	uint32_t gid, check;
};
struct names_member {
	int64_t ends;
	uint32_t check;
	char name[NAMES_FIELD];
};
struct names_shell {
	uint32_t check;
	char path[ZTJ_NAMES_SHELL_SIZE];
};

/* These are the file's bytes: no compiler may pad them. */
_Static_assert(sizeof(struct names_people_header) == 48, "layout");
_Static_assert(sizeof(struct names_grants_header) == 112, "layout");
_Static_assert(sizeof(struct names_id) == 8 && sizeof(struct names_person) == 44, "layout");
_Static_assert(sizeof(struct names_granted) == 64 && sizeof(struct names_group) == 52, "layout");
_Static_assert(sizeof(struct names_membership) == 16 && sizeof(struct names_member) == 48, "layout");
_Static_assert(sizeof(struct names_shell) == 256, "layout");

/* names_hash.c */
uint64_t ztj_names_hash(uint32_t seed, enum names_kind kind, const void *p, size_t n);
/* The first place at which the key may stand. */
uint32_t ztj_names_home(uint64_t hash, uint32_t slots);
/* How many places a table of n entries has. */
uint32_t ztj_names_slots(uint32_t n);
/* SipHash-2-4 itself, for its published test vectors. */
uint64_t ztj_names_siphash(uint64_t k0, uint64_t k1, const void *p, size_t n);

#endif
