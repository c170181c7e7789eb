/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the store wants to say while a transaction is open: it leaves after the commit, or not at all.
 */
#ifndef ZTJ_BROKER_ST_OUTBOX_H
#define ZTJ_BROKER_ST_OUTBOX_H

#include "ztjit-broker/chan.h"

struct outbox;
int outbox_new(struct outbox **out) ZTJ_MUST_CHECK;
void outbox_free(struct outbox *o);
int outbox_add(struct outbox *o, struct chan *to, uint8_t type, struct ztj_view body) ZTJ_MUST_CHECK;
bool outbox_empty(const struct outbox *o);
bool outbox_holds(const struct outbox *o, uint8_t type);
/* Sends everything in order. */
int outbox_release(struct outbox *o) ZTJ_MUST_CHECK;
/* Drops everything; calls each(tag) for every answer that stood among it. */
void outbox_drop(struct outbox *o, void (*each)(void *arg, uint32_t tag), void *arg);

#endif
