/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Strict JSON on top of jansson, for bytes from outside: what doc/PROTOCOL.md section 1 demands beyond
 * RFC 8259, and objects read against a table of members. Internal to core.
 */
#ifndef ZTJ_CORE_JSONIN_H
#define ZTJ_CORE_JSONIN_H

#include <jansson.h>

#include "libztjit/core/codec.h"

#define ZTJ_JSON_DEPTH 4
#define ZTJ_JSON_ITEMS_MAX 4000000u /* the largest directory, and the statements that led to it */
#define ZTJ_JSON_CANONICAL 1u /* no white space at all and no escape in any string */
#define ZTJ_JSON_LINES 2u     /* strings may hold LF: armoured signatures */
#define ZTJ_JSON_INT_MAX INT64_C(9007199254740991) /* every reader can hold it */

/* One object of at most max bytes, at most ZTJ_JSON_DEPTH deep, distinct members, no sign, fraction or exponent, strings
 * (after unescaping) without control or bidirectional characters, nothing but space and LF after it. The caller
 * decrefs *out. TOO_LARGE, TRUNCATED, TRAILING, BAD_JSON, BAD_TEXT. */
int ztj_json_load(struct ztj_view in, size_t max, unsigned flags, json_t **out) ZTJ_MUST_CHECK;

/* A member, where it belongs in the caller's object, and how people call it. */
struct ztj_jmember {
	const char *name;
	int kind;          /* the caller's */
	bool optional;
	size_t at;         /* offset of the value */
	size_t aux;        /* offset of its count or presence, or another argument of the kind */
	int64_t min, max;  /* of a number, or of the bytes of a text */
	const char *label;
};
struct ztj_jtable {
	const struct ztj_jmember *member;
	size_t n;          /* at most 64 */
	bool ordered;      /* members must stand in this order */
};
typedef int ztj_json_read(const struct ztj_jmember *m, json_t *v, void *ctx);
/* Calls read for every member. All must stand in the table (MEMBER_UNKNOWN), every required one must
 * be there (MEMBER_MISSING), in order if the table says so (BAD_JSON). */
int ztj_json_members(json_t *obj, const struct ztj_jtable *t, ztj_json_read *read, void *ctx) ZTJ_MUST_CHECK;

/* Values; ZTJ_MEMBER_TYPE unless of that type and in range. */
int ztj_json_int(const json_t *v, int64_t min, int64_t max, int64_t *out) ZTJ_MUST_CHECK;
/* min to max bytes; the text belongs to v. */
int ztj_json_text(const json_t *v, size_t min, size_t max, const char **out) ZTJ_MUST_CHECK;
/* 64 lower-case hex digits. */
int ztj_json_digest(const json_t *v, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Strict base64 of min to max bytes of text. */
int ztj_json_b64(const json_t *v, size_t min, size_t max, const char **out) ZTJ_MUST_CHECK;

/* Appends obj, compact, members in the order they were set; steals it, and takes NULL (a failure
 * while it was built) as ZTJ_NOMEM. */
int ztj_json_dump(json_t *obj, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
