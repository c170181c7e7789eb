/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The logs of hosts inside the audit log: each decision that a host shipped is a line that names the digest of the line before
 * (PROTOCOL sections 5 and 10). Fed with the leaves in their order, this says which host's log has a gap or tells another history.
 */
#ifndef ZTJ_CORE_HOSTCHAIN_H
#define ZTJ_CORE_HOSTCHAIN_H

#include "libztjit/core/event.h"

#define ZTJ_HOSTCHAIN_HOSTS 1048576u /* more than that no log has */
#define ZTJ_HOSTCHAIN_FOUND 256      /* kept one by one; the others are counted */

struct ztj_hostchains;
int ztj_hostchains_new(struct ztj_hostchains **out) ZTJ_MUST_CHECK;
void ztj_hostchains_free(struct ztj_hostchains *h);
/* The next leaf, whatever its kind. NOMEM; LIMIT: too many hosts. */
int ztj_hostchains_leaf(struct ztj_hostchains *h, const struct ztj_event_in *e) ZTJ_MUST_CHECK;

struct ztj_hostchain_found {
	const char *host;  /* belongs to h */
	uint64_t leaf;     /* where it shows */
	enum {
		ZTJ_CHAIN_GAP,  /* lines first to last never came */
		ZTJ_CHAIN_FORK, /* from line `first` on another history */
		ZTJ_CHAIN_ANEW, /* a log that begins again with line 1: installed anew, or made to look so */
		ZTJ_CHAIN_BAD   /* no line of that host's log */
	} what;
	int64_t first, last;
};
size_t ztj_hostchains_found(const struct ztj_hostchains *h, const struct ztj_hostchain_found **list);
/* How many hosts there are, how many lines, and how many more findings than are kept. */
struct ztj_hostchains_count { size_t hosts; uint64_t lines, more; };
struct ztj_hostchains_count ztj_hostchains_count(const struct ztj_hostchains *h);

#endif
