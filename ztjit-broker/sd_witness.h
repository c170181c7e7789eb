/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Carries the store's questions to witnesses (askproto.h), and brings back whatever is answered, in time. */
#ifndef ZTJ_BROKER_SD_WITNESS_H
#define ZTJ_BROKER_SD_WITNESS_H

#include "ztjit-broker/sender.h"

struct askers;
/* While root's files can still be read. */
int askers_new(struct sender *sd, struct askers **out) ZTJ_MUST_CHECK;
void askers_free(struct askers *a);
/* SND_ASK. One SND_ANSWERED follows. */
int askers_ask(struct askers *a, struct ztj_view body) ZTJ_MUST_CHECK;

#endif
