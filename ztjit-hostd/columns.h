/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Text in columns for a terminal: every cell is escaped, the last of a row is as long as it is.
 */
#ifndef ZTJ_HOSTD_COLUMNS_H
#define ZTJ_HOSTD_COLUMNS_H

#include "libztjit/core/wire.h"

#define ZTJ_COLUMNS_MAX 12

struct ztj_columns {
	size_t ncols, n;
	char **cell; /* owned */
	int err;
};
void ztj_columns_begin(struct ztj_columns *t, const char *const *heads, size_t ncols);
/* Cells are copied; NULL and "" are "-". */
void ztj_columns_row(struct ztj_columns *t, const char *const *cells);
/* Appends everything below the heads, and frees; nothing when there are only heads. */
int ztj_columns_end(struct ztj_columns *t, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
