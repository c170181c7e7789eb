/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Checks a whole audit log from its first leaf: bundle by bundle against the tiles, against every checkpoint that
 * somebody kept, and against the place that every leaf says it has. Names the first leaf that is wrong, as near as what
 * is there can tell.
 */
#ifndef ZTJ_CORE_LOGCHECK_H
#define ZTJ_CORE_LOGCHECK_H

#include "libztjit/core/checkpoint.h"
#include "libztjit/core/event.h"
#include "libztjit/core/hostchain.h"

#define ZTJ_LOGCHECK_MARKS 8

struct ztj_logcheck {
	struct ztj_tlog tree;
	size_t nmarks;
	struct ztj_checkpoint mark[ZTJ_LOGCHECK_MARKS]; /* what the log must have been at those sizes */
	/* Gives a tile of hashes as the log publishes it; NOT_FOUND: not at hand. */
	int (*tile)(void *arg, const struct ztj_tile *t, ztj_hash *out);
	void *arg;
	struct ztj_hostchains *chains; /* fed with every leaf that is as it should be; NULL: none */
	/* when something is wrong */
	uint64_t bad, last; /* the first leaf that is, or the leaves among which it is */
	char text[160];
};
void ztj_logcheck_init(struct ztj_logcheck *c);
/* LIMIT. */
int ztj_logcheck_mark(struct ztj_logcheck *c, const struct ztj_checkpoint *m) ZTJ_MUST_CHECK;
/* The next bundle, which has to hold `width` entries. LOG_ALTERED; LOG_FORK at a mark. */
int ztj_logcheck_bundle(struct ztj_logcheck *c, struct ztj_view bundle, unsigned width) ZTJ_MUST_CHECK;
/* After the last: the tiles that are not full, and that every mark was reached (LOG_ROLLBACK). */
int ztj_logcheck_end(struct ztj_logcheck *c) ZTJ_MUST_CHECK;

#endif
