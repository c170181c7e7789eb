/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The answer to STATUS (PROTOCOL section 4) as a person reads it.
 */
#ifndef ZTJ_HOSTD_SHOWSTATUS_H
#define ZTJ_HOSTD_SHOWSTATUS_H

#include "libztjit/core/wire.h"

/* BAD_JSON when it is none. now: for "in 12 min". */
int ztj_status_show(struct ztj_view json, int64_t now, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
