/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Between the files of the tally. */
#ifndef ZTJIT_TALLY_PRIV_H
#define ZTJIT_TALLY_PRIV_H

#include "ztjit/tally.h"

#define TALLY_DAY 86400

/* Room for one more than n elements; NULL for want of memory, the old array still the owner's. */
void *tally_grow(void *array, size_t n, size_t size) ZTJ_MUST_CHECK;
/* A text that lives as long as the tally; equal ones are one. NULL for want of memory. */
const char *tally_keep(struct tally *t, const char *text) ZTJ_MUST_CHECK;
/* Where an index of the tally leads, or TALLY_NONE. */
size_t tally_place(const json_t *index, const char *key);
int tally_put_place(json_t *index, const char *key, size_t n) ZTJ_MUST_CHECK;

/* Members of a leaf: a text that is kept (NULL for want of memory), a number or time (0: none), whether it is this text. */
const char *tally_word(struct tally *t, const struct ztj_event_in *e, const char *member) ZTJ_MUST_CHECK;
int64_t tally_number(const struct ztj_event_in *e, const char *member);
int64_t tally_when(const struct ztj_event_in *e, const char *member);
bool tally_is(const struct ztj_event_in *e, const char *member, const char *value);

/* The grant that a leaf names, NULL when it names none; made when it is new. Valid until the next call. */
int tally_find_grant(struct tally *t, const struct ztj_event_in *e, struct tally_grant **out) ZTJ_MUST_CHECK;
/* The day of that time, made when it is new; one that is there, or NULL, before they are sorted. */
int tally_find_day(struct tally *t, int64_t time, struct tally_day **out) ZTJ_MUST_CHECK;
struct tally_day *tally_day_at(struct tally *t, int64_t day);
/* Counts what was refused; the reason stands in that member. */
int tally_deny(struct tally *t, enum tally_source source, const struct ztj_event_in *e, const char *member) ZTJ_MUST_CHECK;
/* Does the leaf count, by period and filter? g: the grant that it is about, or NULL. */
bool tally_counts(const struct tally *t, const struct ztj_event_in *e, const struct tally_grant *g);
/* Is the grant itself one of those that were asked for? */
bool tally_matches(const struct tally *t, const struct tally_grant *g);

/* Leaves by their kind. */
int tally_statement(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;
int tally_certificate(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;
int tally_decision(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;
int tally_session(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;
int tally_standing_leaf(struct tally *t, const struct ztj_event_in *e) ZTJ_MUST_CHECK;

#endif
