/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What stands in a broker's database, while it runs or not: for tests that are linked with SQLite. */
#ifndef ZTJ_TESTS_BROKER_ROWS_H
#define ZTJ_TESTS_BROKER_ROWS_H

#include <sqlite3.h>

#include "tests/broker/bk.h"

/* Open for reading and writing; the caller closes it. */
sqlite3 *bk_rows(const struct bk *b);
/* The one number that this query gives. */
int64_t bk_count(const struct bk *b, const char *sql);

#endif
