/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Makes a proof file (PROTOCOL section 11): what belongs to a request is looked for in the log and fetched from the broker. */
#ifndef ZTJIT_PROOFMAKE_H
#define ZTJIT_PROOFMAKE_H

#include "ztjit/leaves.h"
#include "ztjit/reqs.h"

/* Appends the file. Nothing is judged here: whoever has it checks it (proofcheck.h). NOT_FOUND: the log does not tell of it. */
int proofmake(struct auditlog *l, const struct req *q, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
