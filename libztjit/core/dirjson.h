/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What stands inside larger JSON objects: signed containers, and what a change of a directory drops
 * and puts. One reader for the host agent and the command line.
 */
#ifndef ZTJ_CORE_DIRJSON_H
#define ZTJ_CORE_DIRJSON_H

#include <jansson.h>

#include "libztjit/core/trust.h"

/* A signed container that is a value inside: judged as ztj_signed_from_json judges it. */
int ztj_signed_from_value(const json_t *v, struct ztj_buf *mem, struct ztj_signed *out) ZTJ_MUST_CHECK;
/* Two arrays of strings: names, and records. Views into the JSON, which must outlive *out. Empty on error. */
int ztj_delta_from_json(const json_t *drop, const json_t *put, struct ztj_dir_delta *out) ZTJ_MUST_CHECK;
void ztj_delta_free(struct ztj_dir_delta *d);

#endif
