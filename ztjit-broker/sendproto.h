/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The messages between store and sender (PROTOCOL section 7). The sender asks for leaves, the store answers from what is
 * committed and says when there is more.
 */
#ifndef ZTJ_BROKER_SENDPROTO_H
#define ZTJ_BROKER_SENDPROTO_H

#include "libztjit/core/text.h"
#include "libztjit/core/tlog.h"
#include "ztjit-broker/dest.h"

/* Store to sender, and sender to store. */
enum { SND_GROWN = 128, SND_LEAVES };
enum { SND_WANT = 144, SND_STATE };

#define SND_LEAVES_MAX ((size_t)1024 * 1024) /* bytes of entries in one answer */

/* SND_GROWN: how many leaves are committed. */
int grown_write(uint64_t size, struct ztj_buf *out) ZTJ_MUST_CHECK;
int grown_read(struct ztj_view body, uint64_t *size) ZTJ_MUST_CHECK;

/* SND_WANT: leaves from there on, about so many bytes of them; one at least, if there is one. */
struct want {
	uint32_t tag; /* echoed */
	uint64_t from;
	uint32_t bytes;
};
int want_write(const struct want *w, struct ztj_buf *out) ZTJ_MUST_CHECK;
int want_read(struct ztj_view body, struct want *out) ZTJ_MUST_CHECK;

/* SND_LEAVES: an entry bundle (tlog.h); empty: there is nothing from there on, or nothing can be read now. */
struct leaves {
	uint32_t tag;
	uint64_t from;
	struct ztj_view entries;
};
int leaves_write(const struct leaves *l, struct ztj_buf *out) ZTJ_MUST_CHECK;
int leaves_read(struct ztj_view body, struct leaves *out) ZTJ_MUST_CHECK;

/* SND_STATE: how far each destination is, for the metrics. */
struct dest_state {
	char name[ZTJ_NAME_SIZE];
	uint64_t taken;    /* leaves below this one were taken */
	uint64_t failures; /* since the start */
	bool up;
};
struct dest_states {
	uint32_t n;
	struct dest_state d[DESTS_MAX];
};
int states_write(const struct dest_states *s, struct ztj_buf *out) ZTJ_MUST_CHECK;
int states_read(struct ztj_view body, struct dest_states *out) ZTJ_MUST_CHECK;

#endif
