/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What happened since the store started, as numbers for Prometheus: leaves by kind, refusals by reason, how long approvals took. What a
 * batch adds counts once the batch is kept. Labels are words of this program alone: no names, and no more of them than it has.
 */
#ifndef ZTJ_BROKER_COUNTS_H
#define ZTJ_BROKER_COUNTS_H

#include "libztjit/core/event.h"

struct counts;
int counts_new(struct counts **out) ZTJ_MUST_CHECK;
void counts_free(struct counts *c);
/* A leaf of this batch. */
void counts_leaf(struct counts *c, const struct ztj_event *e);
/* An approval came so long after its request. */
void counts_approval(struct counts *c, int64_t seconds);
/* The batch is kept, or it is not. */
void counts_keep(struct counts *c);
void counts_drop(struct counts *c);
/* Appends them in the Prometheus text format. */
void counts_write(const struct counts *c, struct ztj_buf *out);

#endif
