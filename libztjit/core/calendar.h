/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The proleptic Gregorian calendar as arithmetic, shared by ztime.c and hours.c. */
#ifndef ZTJ_CORE_CALENDAR_H
#define ZTJ_CORE_CALENDAR_H

#include <stdint.h>

/* Days since 1970-01-01; month 1–12, day 1–31. */
int64_t ztj_days_from_civil(int64_t year, unsigned month, unsigned day);
void ztj_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
unsigned ztj_days_in_month(int64_t year, unsigned month);

#endif
