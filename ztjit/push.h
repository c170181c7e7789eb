/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Handing a signed policy to the broker; works before any login.
 */
#ifndef ZTJIT_PUSH_H
#define ZTJIT_PUSH_H

#include "ztjit/cli.h"

/* Checks text, tests and signatures; shows what changes and which grants it would end; asks; makes sure that the broker's TLS
 * key stands in it; posts and keeps it. */
int push_policy(struct cli *c, const struct ztj_signed *s) ZTJ_MUST_CHECK;
/* Parses; prints every problem with its line. *out belongs to the caller. */
int policy_read(struct cli *c, const char *path, struct ztj_buf *text, struct ztj_policy **out) ZTJ_MUST_CHECK;
int policy_parse(struct cli *c, const char *name, struct ztj_view text, struct ztj_policy **out) ZTJ_MUST_CHECK;
/* Runs its own tests and prints the report (failures only when quiet). */
int policy_tests(struct cli *c, const struct ztj_policy *p, bool all) ZTJ_MUST_CHECK;

#endif
