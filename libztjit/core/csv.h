/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Comma-separated values (RFC 4180) for spreadsheets that must not take text for a formula. Rows end in CRLF; every text
 * is quoted, numbers are bare.
 */
#ifndef ZTJ_CORE_CSV_H
#define ZTJ_CORE_CSV_H

#include "libztjit/core/wire.h"

struct ztj_csv {
	struct ztj_buf *out;
	bool begun; /* the row has a field */
};

/* Writes to out, whose status tells whether all of it fitted. */
void ztj_csv_init(struct ztj_csv *c, struct ztj_buf *out);
/* A text field: bytes as they are, quotes doubled. Where a spreadsheet would compute it (it begins with = + - @ | %, the full-width forms
 * of the first four, a tab, CR or LF, also behind spaces) an apostrophe stands before it. NULL: an empty field, unquoted. */
void ztj_csv_text(struct ztj_csv *c, const char *s);
void ztj_csv_int(struct ztj_csv *c, int64_t n);
/* CRLF. */
void ztj_csv_end(struct ztj_csv *c);

#endif
