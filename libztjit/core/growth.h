/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The proof that one log goes on from an older one, as it travels: GET /v1/log/growth (PROTOCOL section 10).
 */
#ifndef ZTJ_CORE_GROWTH_H
#define ZTJ_CORE_GROWTH_H

#include "libztjit/core/checkpoint.h"

#define ZTJ_GROWTH_JSON_MAX ((size_t)4096)

/* {"from": SIZE, "to": SIZE, "proof": [BASE64, ...]}, the hashes in the order of RFC 9162 section 2.1.4. */
struct ztj_growth_proof {
	uint64_t from, to;
	size_t n;
	ztj_hash path[ZTJ_PROOF_MAX];
};
/* Appends. */
int ztj_growth_write(const struct ztj_growth_proof *p, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* The errors of strict JSON; TOO_LARGE: more hashes than any proof has. */
int ztj_growth_read(struct ztj_view json, struct ztj_growth_proof *out) ZTJ_MUST_CHECK;
/* That the log of `next` begins with that of `old`. LOG_FORK, also when it proves something else; LOG_ROLLBACK. */
int ztj_growth_check(const struct ztj_growth_proof *p, const struct ztj_checkpoint *old,
    const struct ztj_checkpoint *next) ZTJ_MUST_CHECK;

#endif
