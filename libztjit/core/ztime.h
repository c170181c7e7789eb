/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Time as values: UTC timestamps, durations, POSIX TZ rules and hours. No clock
 * is read here.
 */
#ifndef ZTJ_CORE_ZTIME_H
#define ZTJ_CORE_ZTIME_H

#include "libztjit/core/wire.h"

#define ZTJ_TIME_SIZE 21 /* YYYY-MM-DDThh:mm:ssZ + NUL */
#define ZTJ_DURATION_MAX (366LL * 86400)

/* Exactly YYYY-MM-DDThh:mm:ssZ, years 2000–9999, real dates, no second 60. ZTJ_BAD_TIME. */
int ztj_time_parse(const char *s, int64_t *out) ZTJ_MUST_CHECK;
int ztj_time_format(int64_t t, char out[ZTJ_TIME_SIZE]) ZTJ_MUST_CHECK;
/* For people and policies: "90s", "30m", "1h30m", "2d"; units d h m s in this
 * order, each at most once, 1 s to ZTJ_DURATION_MAX. Zero, signs, a bare number: ZTJ_BAD_TIME. */
int ztj_duration_parse(const char *s, int64_t *out) ZTJ_MUST_CHECK;
int ztj_duration_format(int64_t seconds, char *out, size_t size) ZTJ_MUST_CHECK;

/* "Mon-Fri 07:00-20:00 CET-1CEST,M3.5.0,M10.5.0/3" or several "Mon,Wed-Thu 22:00-06:00"
 * separated by "; " before the zone; an end before the start runs past midnight. */
struct ztj_hours {
	unsigned nspans;
	struct { uint8_t days; /* bit 0 = Sunday */ uint16_t from, to; /* minutes of the day */ } span[8];
	struct ztj_tz_rule {
		int32_t std_off, dst_off; /* seconds east of UTC */
		bool has_dst;
		struct { uint8_t kind; /* 'M', 'J' or '0' */ uint8_t month, week, wday; uint16_t day; int32_t at; } start, end;
	} tz;
};
int ztj_hours_parse(const char *s, struct ztj_hours *out) ZTJ_MUST_CHECK;
bool ztj_hours_contain(const struct ztj_hours *h, int64_t t);
bool ztj_hours_equal(const struct ztj_hours *a, const struct ztj_hours *b);

#endif
