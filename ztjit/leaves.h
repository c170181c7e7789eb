/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Going through the leaves of an audit log that proved itself: what lists, exports and counts them shares. */
#ifndef ZTJIT_LEAVES_H
#define ZTJIT_LEAVES_H

#include "libztjit/core/event.h"
#include "ztjit/auditlog.h"

#define LEAVES_BUNDLE_MAX ((size_t)ZTJ_TILE_WIDTH * (ZTJ_ENTRY_MAX + 2))

/* The log as the options say: its checkpoint verified, held against the one that is remembered, and remembered.
 * auditlog_close whatever it returns. */
int leaves_open(struct cli *c, struct auditlog *l) ZTJ_MUST_CHECK;

/* Of each leaf: as read, and its bytes. Anything but OK ends the walk and is returned. */
typedef int leaves_fn(void *arg, const struct ztj_event_in *e, struct ztj_view leaf);
/* The entries of one bundle, whose first leaf has number `first`. */
int leaves_each(struct cli *c, struct ztj_view bundle, uint64_t first, leaves_fn *fn, void *arg) ZTJ_MUST_CHECK;
/* Bundles from..to-1, each proved before a leaf of it is handed on. */
int leaves_walk(struct auditlog *l, uint64_t from, uint64_t to, leaves_fn *fn, void *arg) ZTJ_MUST_CHECK;
/* How many bundles the log has. */
uint64_t leaves_bundles(const struct auditlog *l);

/* Is this full name the one that was asked for, with or without its directory? Who left every directory still stands in the
 * log: names are compared, not looked up. */
bool leaves_is_name(const char *full, const char *want);
/* Is that host the one it is about, or one of several? */
bool leaves_has_host(const struct ztj_event_in *e, const char *want);

#endif
