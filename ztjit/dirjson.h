/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directories and containers written as JSON objects; libztjit/core reads them.
 */
#ifndef ZTJIT_DIRJSON_H
#define ZTJIT_DIRJSON_H

#include "libztjit/core/dirjson.h"

/* A signed container as a JSON object; NULL when out of memory. */
json_t *dirjson_container(const struct ztj_signed *s);
/* Everything held: the chain of statements and d's records. */
json_t *dirjson_full(const struct ztj_dir *d, json_t *statements);

#endif
