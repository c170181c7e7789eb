/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What stands in a broker's database, while it runs or not. */
#include <sqlite3.h>
#include <stdio.h>

#include "tests/broker/rows.h"
#include "tests/core/support.h"

sqlite3 *bk_rows(const struct bk *b)
{
	char path[256];
	sqlite3 *db;
	(void)snprintf(path, sizeof(path), "%s/store/broker.db", b->dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	return db;
}

int64_t bk_count(const struct bk *b, const char *sql)
{
	sqlite3 *db = bk_rows(b);
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return n;
}
