/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Token buckets and counters by name: requests of a caller, connections of an address. Bounded memory: when the
 * table is full, entries that hold nothing are forgotten; if none is, the newcomer is refused.
 */
#ifndef ZTJ_BROKER_FE_LIMIT_H
#define ZTJ_BROKER_FE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/err.h"

struct limits;
int limits_new(size_t entries, struct limits **out) ZTJ_MUST_CHECK;
void limits_free(struct limits *l);

/* A bucket that holds `burst` tokens and regains `per_minute` of them a minute. Takes one; false when it is empty, and
 * *retry_s says when to try again. now_ms: any clock that does not go back. */
struct limit_rate { int64_t per_minute, burst; };
bool limits_take(struct limits *l, const char *name, struct limit_rate rate, int64_t now_ms, int *retry_s);
/* A counter with a maximum. Every true wants a limits_leave. */
bool limits_enter(struct limits *l, const char *name, int64_t max);
void limits_leave(struct limits *l, const char *name);

#endif
