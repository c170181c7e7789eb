/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* One line of crontab(5), systemd.unit(5), udev(7), exports(5): what is run, and as whom. Pure; bytes may be hostile. */
#ifndef ZTJIT_SCAN_CRONTAB_H
#define ZTJIT_SCAN_CRONTAB_H

#include "libztjit/core/wire.h"

struct cron_job {
	struct ztj_view user, command; /* user: empty in a crontab that has no such column */
};
/* false: no job (blank, comment, NAME=value, or nonsense). */
bool cron_line_read(struct ztj_view line, bool with_user, struct cron_job *out);

/* A line of a unit file: "Key=value". */
struct unit_line {
	struct ztj_view key, value;
};
bool unit_line_read(struct ztj_view line, struct unit_line *out);
/* The program of an Exec…= value; *plus: by "+" with full privileges whatever User= says. Empty when there is none. */
struct ztj_view unit_program(struct ztj_view value, bool *plus);

#endif
