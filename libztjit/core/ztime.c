/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/ztime.h"

#include <stdio.h>
#include <string.h>

#include "libztjit/core/calendar.h"

#define TIME_MIN INT64_C(946684800)    /* 2000-01-01T00:00:00Z */
#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int64_t ztj_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	/* Years begin in March, so that the leap day is the last of its year. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void ztj_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

unsigned ztj_days_in_month(int64_t year, unsigned month)
{
	static const uint8_t len[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return len[month - 1];
}

/* n decimal digits, no more and no less (the caller knows that they are there). */
static bool digits(const char *s, size_t n, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(s[i] - '0');
	}
	return true;
}

int ztj_time_parse(const char *s, int64_t *out)
{
	unsigned y, mo, d, h, mi, sec;

	*out = 0;
	if (strnlen(s, ZTJ_TIME_SIZE) != ZTJ_TIME_SIZE - 1)
		return ZTJ_BAD_TIME;
	if (s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z')
		return ZTJ_BAD_TIME;
	if (!digits(s, 4, &y) || !digits(s + 5, 2, &mo) || !digits(s + 8, 2, &d) || !digits(s + 11, 2, &h) ||
	    !digits(s + 14, 2, &mi) || !digits(s + 17, 2, &sec))
		return ZTJ_BAD_TIME;
	if (y < 2000 || mo < 1 || mo > 12 || d < 1 || d > ztj_days_in_month(y, mo) || h > 23 || mi > 59 ||
	    sec > 59)
		return ZTJ_BAD_TIME;
	*out = ztj_days_from_civil(y, mo, d) * 86400 + (int64_t)(h * 3600 + mi * 60 + sec);
	return ZTJ_OK;
}

int ztj_time_format(int64_t t, char out[ZTJ_TIME_SIZE])
{
	int64_t year;
	unsigned month, day, s;

	out[0] = '\0';
	if (t < TIME_MIN || t > TIME_MAX)
		return ZTJ_BAD_TIME;
	ztj_civil_from_days(t / 86400, &year, &month, &day);
	s = (unsigned)(t % 86400);
	if (snprintf(out, ZTJ_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000,
		month % 100, day % 100, s / 3600 % 100, s / 60 % 60, s % 60) != ZTJ_TIME_SIZE - 1)
		return ZTJ_INTERNAL;
	return ZTJ_OK;
}

static const struct {
	char unit;
	int64_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
#define NUNITS (sizeof(units) / sizeof(units[0]))

int ztj_duration_parse(const char *s, int64_t *out)
{
	int64_t total = 0;
	size_t u = 0;

	*out = 0;
	while (*s != '\0') {
		int64_t n = 0;

		if (*s < '1' || *s > '9')
			return ZTJ_BAD_TIME;
		for (; *s >= '0' && *s <= '9'; s++) {
			n = n * 10 + (*s - '0');
			if (n > ZTJ_DURATION_MAX)
				return ZTJ_BAD_TIME;
		}
		while (u < NUNITS && units[u].unit != *s)
			u++;
		if (u == NUNITS)
			return ZTJ_BAD_TIME;
		total += n * units[u++].seconds;
		s++;
	}
	if (total < 1 || total > ZTJ_DURATION_MAX)
		return ZTJ_BAD_TIME;
	*out = total;
	return ZTJ_OK;
}

int ztj_duration_format(int64_t seconds, char *out, size_t size)
{
	size_t n = 0;

	if (size == 0)
		return ZTJ_TOO_LARGE;
	out[0] = '\0';
	if (seconds < 1 || seconds > ZTJ_DURATION_MAX)
		return ZTJ_BAD_TIME;
	for (size_t u = 0; u < NUNITS; u++) {
		int64_t count = seconds / units[u].seconds;
		int len;

		seconds %= units[u].seconds;
		if (count == 0)
			continue;
		len = snprintf(out + n, size - n, "%lld%c", (long long)count, units[u].unit);
		if (len < 0 || (size_t)len >= size - n) {
			out[0] = '\0';
			return ZTJ_TOO_LARGE;
		}
		n += (size_t)len;
	}
	return ZTJ_OK;
}
