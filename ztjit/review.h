/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Saying yes or no to somebody's request.
 */
#ifndef ZTJIT_REVIEW_H
#define ZTJIT_REVIEW_H

#include "ztjit/reqs.h"
#include "ztjit/sign.h"

struct review {
	const char *who;     /* the approver's full name */
	bool deny;
	int64_t limit;       /* 0: none */
	const char *comment; /* "": none */
};
/* Shows the request and the approval, asks, signs, posts. */
int review_sign(struct cli *c, const struct req *q, const struct review *v, const struct cli_key *k) ZTJ_MUST_CHECK;

#endif
