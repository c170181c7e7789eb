/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the commands of ztjit sessions share.
 */
#ifndef ZTJIT_SESSIONS_H
#define ZTJIT_SESSIONS_H

#include "ztjit/rec.h"

/* GET /v1/sessions with the filters of the command line; an array of SESSION, newest first, to be released. */
int sessions_find(struct cli *c, json_t **out) ZTJ_MUST_CHECK;

/* Bytes as a JSON string; what is not UTF-8 is replaced. */
json_t *sessions_text(struct ztj_view v) ZTJ_MUST_CHECK;

#endif
