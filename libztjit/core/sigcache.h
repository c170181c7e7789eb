/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Verifying through the cache of statement.h. Internal to core. */
#ifndef ZTJ_CORE_SIGCACHE_H
#define ZTJ_CORE_SIGCACHE_H

#include "libztjit/core/statement.h"

/* As ztj_sshsig_verify; c may be NULL. Only signatures that verified are remembered. */
int ztj_sigcache_verify(struct ztj_sigcache *c, struct ztj_view blob, const char *ns, struct ztj_view msg,
    struct ztj_signer *who) ZTJ_MUST_CHECK;

#endif
