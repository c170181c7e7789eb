/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Directories and containers as JSON objects, beside what libztjit/core reads itself.
 */
#ifndef ZTJIT_DIRJSON_H
#define ZTJIT_DIRJSON_H

#include <jansson.h>

#include "libztjit/core/trust.h"

/* What a change drops and puts; views into the JSON, which must outlive it. */
int dirjson_delta(const json_t *drop, const json_t *put, struct ztj_dir_delta *out) ZTJ_MUST_CHECK;
void dirjson_delta_free(struct ztj_dir_delta *d);
/* A signed container as a JSON object; NULL when out of memory. */
json_t *dirjson_container(const struct ztj_signed *s);
int dirjson_signed(const json_t *container, struct ztj_buf *mem, struct ztj_signed *out) ZTJ_MUST_CHECK;
/* Everything held: the chain of statements and d's records. */
json_t *dirjson_full(const struct ztj_dir *d, json_t *statements);

#endif
