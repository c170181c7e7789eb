/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What this workstation holds and remembers: the newest policy and directories
 * it ever verified, in the state directory.  Older ones are refused (S10, S14).
 */
#ifndef ZTJIT_HELD_H
#define ZTJIT_HELD_H

#include "ztjit/cli.h"

/* Builds c->trust from the pinned roots and the state directory. Once is enough. */
int held_open(struct cli *c) ZTJ_MUST_CHECK;
void held_close(struct cli *c);
/* The policy or an error with a hint. */
int held_need_policy(struct cli *c, const struct ztj_policy **out) ZTJ_MUST_CHECK;
/* GET /v1/policy, verified and stored. */
int held_fetch_policy(struct cli *c) ZTJ_MUST_CHECK;
/* All directories the broker has news of; needs a login. */
int held_sync(struct cli *c) ZTJ_MUST_CHECK;
/* Offers a policy and keeps it on disk when taken. */
int held_take_policy(struct cli *c, const struct ztj_signed *s) ZTJ_MUST_CHECK;
/* A directory answer (PROTOCOL section 3) or what dirup.c made itself: verified, merged, stored. */
int held_take_directory(struct cli *c, const json_t *answer) ZTJ_MUST_CHECK;
/* Another trust from the same disk with this policy offered on top: what would change? */
int held_with_policy(struct cli *c, const struct ztj_signed *policy, struct ztj_trust **out) ZTJ_MUST_CHECK;
/* The same with a policy that nobody signed yet: only to explain it. */
int held_unsigned(struct cli *c, const struct ztj_policy *p, struct ztj_trust **out) ZTJ_MUST_CHECK;
/* Resolves a short or full name; explains when it cannot. */
int held_resolve(struct cli *c, const char *name, bool host, char out[ZTJ_FULLNAME_SIZE]) ZTJ_MUST_CHECK;

#endif
