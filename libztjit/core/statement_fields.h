/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The members of every type of statement in one table each (doc/PROTOCOL.md section 1): reading, building and
 * rendering walk the same table, so nothing that is signed can be left out of what is shown. Internal to core.
 */
#ifndef ZTJ_CORE_STATEMENT_FIELDS_H
#define ZTJ_CORE_STATEMENT_FIELDS_H

#include <string.h>

#include "libztjit/core/jsonin.h"
#include "libztjit/core/statement.h"

enum ztj_field_kind {
	ZTJ_F_VERSION, ZTJ_F_TYPE, ZTJ_F_DOMAIN, /* checked before the others */
	ZTJ_F_TIME,        /* int64_t */
	ZTJ_F_INT,         /* int64_t */
	ZTJ_F_SECONDS,     /* int64_t */
	ZTJ_F_TEXT,        /* const char * */
	ZTJ_F_NAME,        /* const char * */
	ZTJ_F_PERSON,      /* const char *, full name */
	ZTJ_F_HOST,        /* const char *, full name */
	ZTJ_F_NONCE,       /* const char *; aux: a second place, or 0 */
	ZTJ_F_FINGERPRINT, /* const char * */
	ZTJ_F_DIGEST,      /* uint8_t[32]; aux: bool that says it is there, or 0 */
	ZTJ_F_KEY,         /* struct ztj_key, ssh-ed25519 */
	ZTJ_F_TRUE,        /* bool */
	ZTJ_F_DECISION,    /* bool deny */
	ZTJ_F_HOSTS,       /* const char **, sorted full names; aux: their number */
	ZTJ_F_ACCOUNTS,    /* const char **, sorted names; aux: their number */
	ZTJ_F_SESSIONS,    /* const char **, sorted broker ids; aux: their number */
	ZTJ_F_WORD,        /* an enum from 0; aux: enum ztj_words */
	ZTJ_F_SEEN,        /* struct ztj_seen */
	ZTJ_F_REVOKES,     /* aux: enum ztj_revokes */
	ZTJ_F_STATUS_POLICY, ZTJ_F_STATUS_DIRS, ZTJ_F_STATUS_REVOCATIONS,
	ZTJ_F_CHECKPOINT,  /* const char *, base64; null: "" */
		ZTJ_F_PENDING_KIND, ZTJ_F_USER_KEYS, ZTJ_F_SSH_KEYS,
	ZTJ_F_KIT          /* reserved for break-glass kits: refused */
};

/* The words that stand for the values of an enum, ended by NULL. */
enum ztj_words { ZTJ_WORDS_HEAD_STATE, ZTJ_WORDS_VIEW_ACTION };
const char *const *ztj_field_words(const struct ztj_jmember *m);
/* The word of a member's value; NULL when the value is none of the enum's. */
const char *ztj_field_word(const struct ztj_jmember *m, const struct ztj_stmt *st);

/* NULL for a type that has no table (policy, none). */
const struct ztj_jtable *ztj_stmt_table(enum ztj_stmt_type t);
/* Is an optional member there? */
bool ztj_field_present(const struct ztj_jmember *m, const struct ztj_stmt *st);

static inline void *
ztj_field(struct ztj_stmt *st, size_t at)
{
	return (char *)st + at;
}

static inline const void *
ztj_field_c(const struct ztj_stmt *st, size_t at)
{
	return (const char *)st + at;
}

/* The text at that place ("" when unset). */
static inline const char *
ztj_field_text(const struct ztj_stmt *st, size_t at)
{
	const char *s;

	memcpy(&s, ztj_field_c(st, at), sizeof(s));
	return s == NULL ? "" : s;
}

static inline int64_t
ztj_field_int(const struct ztj_stmt *st, size_t at)
{
	int64_t v;

	memcpy(&v, ztj_field_c(st, at), sizeof(v));
	return v;
}

/* Reads one member into its field (a ztj_json_read; ctx is a struct ztj_reading). The statement's priv is its arena. */
struct ztj_reading {
	struct ztj_stmt *st;
	unsigned subjects; /* of a revocation: request, user, host */
};
int ztj_field_read(const struct ztj_jmember *m, json_t *v, void *ctx) ZTJ_MUST_CHECK;
/* What the members mean together, after each was read by itself. */
int ztj_stmt_check(const struct ztj_stmt *st) ZTJ_MUST_CHECK;

#endif
