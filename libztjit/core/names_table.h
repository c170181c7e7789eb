/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A table of published names as it is built: where each entry stands, by name and by id. Internal to core. */
#ifndef ZTJ_CORE_NAMES_TABLE_H
#define ZTJ_CORE_NAMES_TABLE_H

#include "libztjit/core/names_int.h"

struct names_key {
	uint32_t home, tie, entry;
};
struct names_entry {
	const char *name;
	uint32_t id;   /* 0: not found by id */
	uint32_t from; /* the caller's: where it came from */
};
struct ztj_nametab {
	struct names_table head;
	struct names_entry *e;
	uint32_t n;
	struct names_key *key;
	uint32_t *name_place, *id_place;
};

/* Room for max entries, which the caller fills in, counting in n. */
int ztj_nametab_init(struct ztj_nametab *t, size_t max) ZTJ_MUST_CHECK;
void ztj_nametab_free(struct ztj_nametab *t);
/* Sorts by name, an entry with an id before one without. */
void ztj_nametab_sort(struct ztj_nametab *t);
/* ZTJ_EXISTS: an id twice. Wants it sorted, and each name once. */
int ztj_nametab_check(struct ztj_nametab *t) ZTJ_MUST_CHECK;
/* Places the entries of all tables with the first seed, of those drawn from all that stands in them, that lets every one stand within
 * reach; ZTJ_LIMIT: there is none. */
int ztj_nametab_place(struct ztj_nametab *const *t, size_t n, uint32_t *seed) ZTJ_MUST_CHECK;
/* A section by name, all zeros, to be filled at name_place; NULL: no memory. */
void *ztj_nametab_section(const struct ztj_nametab *t, size_t size);
/* Appends a section of ztj_nametab_section, and the one by id. */
int ztj_nametab_put(const struct ztj_nametab *t, const void *section, size_t size,
    struct ztj_buf *out) ZTJ_MUST_CHECK;

/* What both files are made of. ZTJ_BAD_NAME, or ZTJ_LIMIT for an id that is never published. */
int ztj_nametab_key(const char *name, uint32_t id) ZTJ_MUST_CHECK;
/* The check of an entry that has zeros in its place. */
uint32_t ztj_nametab_sum(uint32_t seed, enum names_kind kind, const void *p, size_t n);
struct names_start ztj_nametab_start(const char *magic, uint32_t seed, uint64_t length);
/* Bytes of both sections, once placed. */
uint64_t ztj_nametab_size(const struct ztj_nametab *t, size_t entry);

#endif
