/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Time never runs backwards (DESIGN section 8, "Ending"): a high-water mark of
 * the system clock that moves no faster than the boot clock unless the broker's
 * status agrees. Pure; clocks are arguments.
 */
#ifndef ZTJ_HOSTD_CLOCKMARK_H
#define ZTJ_HOSTD_CLOCKMARK_H

#include "libztjit/core/wire.h"

#define ZTJ_BOOTID_SIZE 37

/* Both clocks at one moment, in seconds; boot is CLOCK_BOOTTIME. */
struct ztj_now {
	int64_t sys, boot;
};

struct ztj_clockmark {
	int64_t mark;                      /* what the system clock has reached; judges beginnings */
	int64_t run, boot;                 /* the mark run on with the boot clock, and when it stood there; never less than mark */
	char bootid[ZTJ_BOOTID_SIZE];
	int64_t status, status_boot;       /* newest status that counted, and when it came; 0: none */
};

/* A mark that never moved: stands at the system clock. */
void ztj_clockmark_init(struct ztj_clockmark *m, struct ztj_now now, const char *bootid);
/* Text form, one line; parse checks everything. */
int ztj_clockmark_format(const struct ztj_clockmark *m, struct ztj_buf *out) ZTJ_MUST_CHECK;
int ztj_clockmark_parse(struct ztj_clockmark *m, struct ztj_view text) ZTJ_MUST_CHECK;
/* After reading it back: on another boot the boot clock of then means nothing. */
void ztj_clockmark_resume(struct ztj_clockmark *m, const char *bootid);
/* Moves the mark as far as the rules allow. */
void ztj_clockmark_advance(struct ztj_clockmark *m, struct ztj_now now);
/* A status of the broker that counted. Never moves the mark by itself. */
void ztj_clockmark_status(struct ztj_clockmark *m, int64_t issued, struct ztj_now now);
/* Beginnings are judged by the mark; ends by the later of the system clock and the mark, which here has run on with the
 * boot clock: a clock that was set back must not stop time. */
int64_t ztj_clockmark_begin(const struct ztj_clockmark *m);
int64_t ztj_clockmark_end(const struct ztj_clockmark *m, struct ztj_now now);
/* How far the system clock is behind; more than ZTJ_CLOCK_BACK denies new uses. */
#define ZTJ_CLOCK_BACK 120
bool ztj_clockmark_went_back(const struct ztj_clockmark *m, struct ztj_now now);
/* Local root says that the system clock is right. */
void ztj_clockmark_accept(struct ztj_clockmark *m, struct ztj_now now);

#endif
