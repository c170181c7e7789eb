/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The answer of GET /v1/directories/NAME (PROTOCOL section 3) as an update for trust.h.
 */
#ifndef ZTJ_HOSTD_DIRJSON_H
#define ZTJ_HOSTD_DIRJSON_H

#include "libztjit/core/trust.h"

struct ztj_dirjson;
/* Strict: no unknown or duplicate member. json may go away afterwards. */
int ztj_dirjson_parse(struct ztj_view json, struct ztj_dirjson **out) ZTJ_MUST_CHECK;
const struct ztj_dir_update *ztj_dirjson_update(const struct ztj_dirjson *d);
void ztj_dirjson_free(struct ztj_dirjson *d);

#endif
