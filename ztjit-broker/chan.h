/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A channel between two of the broker's processes: ipc.h frames over a socket pair, in a
 * libevent loop. A message larger than a frame travels in parts before it. Nothing is ever dropped; a
 * peer that breaks the framing or goes away ends this process (all end together).
 */
#ifndef ZTJ_BROKER_CHAN_H
#define ZTJ_BROKER_CHAN_H

#include <event2/event.h>

#include "libztjit/core/wire.h"

struct chan;
struct chan_hooks {
	/* One message. Anything but ZTJ_OK is a broken peer: closed() follows. */
	int (*message)(void *arg, uint8_t type, struct ztj_view body);
	/* After a batch of messages (at least one) was handled. May be NULL. */
	void (*batch)(void *arg);
	void (*closed)(void *arg, int err);
	void *arg;
};

/* Takes fd over. */
int chan_new(struct event_base *base, int fd, const struct chan_hooks *hooks, struct chan **out) ZTJ_MUST_CHECK;
void chan_free(struct chan *c);
/* Queues a message; it leaves with the next turn of the loop, or at chan_flush. Fails only for want of memory. */
int chan_send(struct chan *c, uint8_t type, struct ztj_view body) ZTJ_MUST_CHECK;
/* Writes what the socket takes now. */
void chan_flush(struct chan *c);
/* Bytes not yet written. */
size_t chan_queued(const struct chan *c);

#endif
