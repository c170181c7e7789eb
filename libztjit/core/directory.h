/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directories (DESIGN section 4): the complete set of people and hosts one
 * registrar vouches for, committed to by a signed Merkle root.
 *
 * A ztj_dir is immutable: an update builds a new one that shares the records it keeps.
 */
#ifndef ZTJ_CORE_DIRECTORY_H
#define ZTJ_CORE_DIRECTORY_H

#include "libztjit/core/merkle.h"
#include "libztjit/core/statement.h"

#define ZTJ_RECORD_MAX (16 * 1024)
#define ZTJ_KEYS_MAX 8
#define ZTJ_GROUPS_MAX 64
#define ZTJ_LABELS_MAX 32
#define ZTJ_DIR_RECORDS_MAX 1000000

struct ztj_userkey {
	struct ztj_key key;
	const char *credential;   /* base64 key handle, for clients that sign with it; may be "" */
	int64_t from, until;      /* until 0: none */
};

struct ztj_label { const char *key, *value; };

/* A parsed record; refcounted; strings point into its own memory. */
struct ztj_record {
	bool host;
	const char *name;         /* within its directory */
	struct ztj_view bytes;    /* exactly as signed */
	ztj_hash leaf;
	/* user */
	uint32_t uid;
	size_t nkeys;
	struct ztj_userkey *keys;
	size_t ngroups;
	const char **groups;      /* sorted, distinct */
	/* host */
	size_t nlabels;
	struct ztj_label *labels; /* sorted by key, distinct */
	struct ztj_key machine, tls;
	size_t nssh;
	struct ztj_key *ssh;
	unsigned refs;
};

int ztj_record_parse(struct ztj_view bytes, struct ztj_record **out) ZTJ_MUST_CHECK;
struct ztj_record *ztj_record_ref(struct ztj_record *r);
void ztj_record_unref(struct ztj_record *r);
/* Builds the canonical JSON of a record from the fields (bytes and leaf are not read). */
int ztj_record_build(const struct ztj_record *r, struct ztj_buf *out) ZTJ_MUST_CHECK;
bool ztj_record_in_group(const struct ztj_record *r, const char *group);
const char *ztj_record_label(const struct ztj_record *r, const char *key); /* NULL: none */
/* The key if it is one of the person's and valid at both times. Errors: SIGNER, KEY_EXPIRED. */
int ztj_record_key(const struct ztj_record *r, const struct ztj_key *k, int64_t then, int64_t now) ZTJ_MUST_CHECK;

struct ztj_dir;
const char *ztj_dir_name(const struct ztj_dir *d);
int64_t ztj_dir_serial(const struct ztj_dir *d);
int64_t ztj_dir_expires(const struct ztj_dir *d);
const uint8_t *ztj_dir_digest(const struct ztj_dir *d);          /* of the newest statement */
size_t ztj_dir_count(const struct ztj_dir *d);
const struct ztj_record *ztj_dir_at(const struct ztj_dir *d, size_t i); /* sorted by name */
const struct ztj_record *ztj_dir_find(const struct ztj_dir *d, const char *name);
const struct ztj_record *ztj_dir_by_key(const struct ztj_dir *d, const struct ztj_key *k, bool tls);
void ztj_dir_root(const struct ztj_dir *d, ztj_hash out);
/* Inclusion proof of record i (merkle.h). */
int ztj_dir_prove(const struct ztj_dir *d, size_t i, ztj_hash *path, size_t *len) ZTJ_MUST_CHECK;
void ztj_dir_free(struct ztj_dir *d);

/* Changes against a base: names to drop and record bytes to add or replace. */
struct ztj_dir_delta {
	size_t ndrop, nput;
	const char **drop;
	struct ztj_view *put;
};
/* base may be NULL (genesis). Builds the new set; checks order, duplicates and that no key stands in two
 * records. The statement is attached later by trust.c. *out is NULL on error; base is untouched. */
int ztj_dir_apply(const struct ztj_dir *base, const char *name, const struct ztj_dir_delta *delta,
    struct ztj_dir **out) ZTJ_MUST_CHECK;
/* Attaches serial, expiry and digest of the statement that commits to this set; ZTJ_DIR_ROOT unless root
 * and number of records agree. */
int ztj_dir_commit(struct ztj_dir *d, const struct ztj_stmt *st) ZTJ_MUST_CHECK;

#endif
