/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Filing a request: what request and extend share.
 */
#ifndef ZTJIT_ASK_H
#define ZTJIT_ASK_H

#include "ztjit/reqs.h"
#include "ztjit/sign.h"

/* Judges the request by the policy held here before the key is asked, shows and signs (or writes, or
 * only says with --dry-run), and tells what is missing. st is complete but for its nonce. */
int ask_file(struct cli *c, const struct ztj_stmt *st, const struct cli_key *k, const char *title) ZTJ_MUST_CHECK;
/* -m, or a question on the terminal. */
int ask_reason(struct cli *c, const char **reason) ZTJ_MUST_CHECK;
/* The hosts named by --host and --label: full names, sorted, distinct; kept. */
int ask_hosts(struct cli *c, const char ***out, size_t *n) ZTJ_MUST_CHECK;
/* Follows a request until it is decided. */
int ask_wait(struct cli *c, const char *id) ZTJ_MUST_CHECK;

#endif
