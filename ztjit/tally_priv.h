/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Between tally.c and tally_finish.c. */
#ifndef ZTJIT_TALLY_PRIV_H
#define ZTJIT_TALLY_PRIV_H

#include "ztjit/tally.h"

/* Room for one more than n elements; NULL for want of memory, the old array still the owner's. */
void *tally_grow(void *array, size_t n, size_t size) ZTJ_MUST_CHECK;
/* A day that has leaves, before they are sorted; NULL. */
struct tally_day *tally_day_at(struct tally *t, int64_t day);

#endif
