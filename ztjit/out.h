/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Output for people and for programs.  Nothing foreign reaches a terminal
 * but through here: a line with anything but plain printable text is escaped whole.
 */
#ifndef ZTJIT_OUT_H
#define ZTJIT_OUT_H

#include "ztjit/cli.h"

void out_init(struct cli *c);
/* One line or several to standard output; nothing with --json or --quiet. */
void out_say(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same to standard error, also with --json: progress, warnings. */
void out_note(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_warn(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_error(struct cli *c, const char *text);
void out_hint(struct cli *c, const char *text);
void out_json(const json_t *o);
/* Writes text safely; lines end at \n. */
void out_safe(FILE *f, const char *text);

/* "2027-01-31T08:00:00Z (in 28 min)"; 0 gives "-". Valid until the end of the process. */
const char *out_time(struct cli *c, int64_t t);
const char *out_relative(struct cli *c, int64_t t);
const char *out_duration(struct cli *c, int64_t seconds);

/* A table: add rows of ncols cells, print aligned. */
#define OUT_COLS 10
struct out_row {
	struct out_row *next;
	const char *cell[OUT_COLS];
};
struct out_table {
	size_t ncols, nrows;
	struct out_row *first, *last; /* kept with everything else (cli_keep) */
};
void out_table_begin(struct out_table *t, size_t ncols);
int out_table_row(struct cli *c, struct out_table *t, const char *const *cells) ZTJ_MUST_CHECK;
void out_table_print(struct cli *c, const struct out_table *t);
/* Columns on the screen: one for every character; wide ones are rare in names. */
size_t out_columns(const char *s);

#endif
