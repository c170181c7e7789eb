/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Which id each name was given on this host, for ever: people, whose group has the same name and id, and role groups. Files
 * keep the id of whoever made them, so an id that was ever given is never given to another name, nor a name another id.
 */
#ifndef ZTJ_HOSTD_IDBOOK_H
#define ZTJ_HOSTD_IDBOOK_H

#include <sys/types.h>

#include "libztjit/core/text.h"

#define ZTJ_IDBOOK_MAX 1000000

enum ztj_id_kind { ZTJ_ID_PERSON, ZTJ_ID_GROUP };
/* What becomes of an entry now; not on disk. */
enum ztj_id_state {
	ZTJ_ID_HIDDEN, /* not published */
	ZTJ_ID_LOCAL,  /* a person with an account of that name and uid in /etc/passwd: has memberships, and nothing else of ours */
	ZTJ_ID_SHOWN
};
struct ztj_id {
	char name[ZTJ_NAME_SIZE];
	uint8_t kind, state;
	bool current; /* a group that the policy names */
	uint32_t id;
};

struct ztj_idbook {
	size_t n, room, slots;
	struct ztj_id *e;            /* in the order they came */
	uint32_t *by_name, *by_id;   /* hash tables of 1 + place in e */
	uint64_t seed;
	bool changed;                /* since it was stored */
};

void ztj_idbook_free(struct ztj_idbook *b);
/* An absent file is an empty book. What is no book is BAD_ENCODING or VERSION, and EXISTS if it contradicts itself. */
int ztj_idbook_load(struct ztj_idbook *b, const char *path, uid_t owner) ZTJ_MUST_CHECK;
int ztj_idbook_parse(struct ztj_idbook *b, struct ztj_view text) ZTJ_MUST_CHECK;
/* Durably, when it has changed. */
int ztj_idbook_store(struct ztj_idbook *b, const char *path) ZTJ_MUST_CHECK;
/* NULL: never given. Valid until the next addition. */
struct ztj_id *ztj_idbook_named(const struct ztj_idbook *b, const char *name);
struct ztj_id *ztj_idbook_of(const struct ztj_idbook *b, uint32_t id);
/* EXISTS: the name has another id or is of the other kind, or the id another name. OK when it stands there already. */
int ztj_idbook_add(struct ztj_idbook *b, enum ztj_id_kind kind, const char *name, uint32_t id) ZTJ_MUST_CHECK;

#endif
