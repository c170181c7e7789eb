/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The names a host publishes for libnss_ztjit: two files under /run/ztjit, PROTOCOL.md section 9.
 * `people` is everybody the host knows, `grants` who has what until when. names_build.c makes them (the
 * gate), names_read.c looks one name or id up in constant time. The reader is libc only, allocates
 * nothing and trusts no byte: whatever the content, an answer is what was published, or an error.
 */
#ifndef ZTJ_CORE_NAMES_H
#define ZTJ_CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/text.h"
#include "libztjit/core/wire.h"

#define ZTJ_NAMES_PEOPLE "people" /* the files' names under the run directory */
#define ZTJ_NAMES_GRANTS "grants"
#define ZTJ_NAMES_VERSION 1u
#define ZTJ_NAMES_NOLOGIN "/usr/sbin/nologin" /* the shell of a person without a running grant */
#define ZTJ_NAMES_HOME "/home/"               /* followed by the name */

#define ZTJ_NAMES_SHELL_SIZE 252 /* a shell's path, with NUL */
#define ZTJ_NAMES_BOOTID_SIZE 37 /* 36 characters and NUL, as the kernel gives it */
#define ZTJ_NAMES_MAX_PEOPLE 1048576u
#define ZTJ_NAMES_MAX_GRANTED 65536u /* people in `grants` */
#define ZTJ_NAMES_MAX_GROUPS 4096u
#define ZTJ_NAMES_MAX_MEMBERS 262144u
#define ZTJ_NAMES_MAX_SHELLS 64u        /* different ones */
#define ZTJ_NAMES_MAX_SIZE (128u << 20) /* of either file */

/* ---- building: names_build.c ---- */

struct ztj_names_person {
	const char *name;
	uint32_t uid;
};
struct ztj_names_shell {
	const char *person;
	uint32_t uid;
	const char *shell; /* absolute */
	int64_t ends;      /* boot seconds: counts while the boot clock is below */
};
struct ztj_names_member {
	const char *group;
	uint32_t gid;
	const char *person; /* NULL: declares the group alone */
	int64_t ends;
};

/*
 * All arrays in any order; out is reset first and left empty on an error; its max is the caller's to set
 * (ZTJ_NAMES_MAX_SIZE). The same set gives the same bytes, whatever its order.
 * ZTJ_BAD_NAME: outside the grammar of names. ZTJ_LIMIT: id 0 or 4294967295, an end below 0, too many, a
 * shell that is no absolute path or too long, a boot id that is none. ZTJ_EXISTS: a name or id twice, or
 * a group with two ids; but the same membership twice is one, to the later end.
 */
int ztj_names_build_people(const struct ztj_names_person *p, size_t n, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_names_build_grants(const char *bootid, const struct ztj_names_shell *s, size_t ns,
    const struct ztj_names_member *m, size_t nm, struct ztj_buf *out) ZTJ_MUST_CHECK;

/* ---- reading: names_read.c ---- */

/* Where the bytes come from. get copies n bytes at off, all inside size, and returns 0, or -1. */
struct ztj_names_src {
	uint64_t size;
	int (*get)(void *ctx, uint64_t off, void *out, size_t n);
	void *ctx;
};
/* A source over bytes in memory; v must outlive it. */
struct ztj_names_src ztj_names_src_view(struct ztj_view *v);

/* A hash table inside a file. */
struct ztj_names_table {
	uint64_t names, ids; /* offsets of its two sections */
	uint32_t n, slots, name_reach, id_reach;
};
/* An opened file; src must outlive it. */
struct ztj_names {
	const struct ztj_names_src *src;
	bool grants;
	uint32_t seed;
	struct ztj_names_table people;         /* `people`: all; `grants`: those with one */
	struct ztj_names_table groups;         /* `grants` only, as all that follows */
	uint64_t memberships, members, shells; /* offsets */
	uint32_t n_members, n_shells;
	char bootid[ZTJ_NAMES_BOOTID_SIZE];
};

/* Checks the header and that every section lies inside. ZTJ_VERSION: of another version or byte order; ZTJ_TRUNCATED,
 * ZTJ_TRAILING: not of its length; ZTJ_BAD_ENCODING, ZTJ_LIMIT, ZTJ_IO: as they say. */
int ztj_names_open_people(const struct ztj_names_src *src, struct ztj_names *out) ZTJ_MUST_CHECK;
int ztj_names_open_grants(const struct ztj_names_src *src, struct ztj_names *out) ZTJ_MUST_CHECK;

struct ztj_names_user {
	char name[ZTJ_NAME_SIZE];
	uint32_t uid; /* in `grants` 0: has no account of ours, memberships only */
	/* `grants` only; zero in `people` */
	uint32_t shell; /* its number from 1; 0: none */
	int64_t shell_ends;
	uint32_t first, count; /* memberships */
};
struct ztj_names_group {
	char name[ZTJ_NAME_SIZE];
	uint32_t gid;
	uint32_t first, count; /* members */
};

/* Look-ups, in either file. ZTJ_NOT_FOUND: not there; ZTJ_BAD_ENCODING, ZTJ_IO: no answer can be given. */
int ztj_names_user_named(const struct ztj_names *f, const char *name,
    struct ztj_names_user *out) ZTJ_MUST_CHECK;
int ztj_names_user_of(const struct ztj_names *f, uint32_t uid, struct ztj_names_user *out) ZTJ_MUST_CHECK;
int ztj_names_group_named(const struct ztj_names *f, const char *name,
    struct ztj_names_group *out) ZTJ_MUST_CHECK;
int ztj_names_group_of(const struct ztj_names *f, uint32_t gid, struct ztj_names_group *out) ZTJ_MUST_CHECK;

/* Walking: what stands in slot i < people.slots + people.name_reach (or groups'); ZTJ_NOT_FOUND: an empty one. */
int ztj_names_user_at(const struct ztj_names *f, uint32_t i, struct ztj_names_user *out) ZTJ_MUST_CHECK;
int ztj_names_group_at(const struct ztj_names *f, uint32_t i, struct ztj_names_group *out) ZTJ_MUST_CHECK;
uint32_t ztj_names_walk_end(const struct ztj_names_table *t);

/* Of `grants`. i counts from 0 below the count of its owner. */
int ztj_names_shell(const struct ztj_names *f, const struct ztj_names_user *u,
    char out[ZTJ_NAMES_SHELL_SIZE]) ZTJ_MUST_CHECK;
int ztj_names_membership(const struct ztj_names *f, const struct ztj_names_user *u, uint32_t i, uint32_t *gid,
    int64_t *ends) ZTJ_MUST_CHECK;
int ztj_names_member(const struct ztj_names *f, const struct ztj_names_group *g, uint32_t i,
    char name[ZTJ_NAME_SIZE], int64_t *ends) ZTJ_MUST_CHECK;

#endif
