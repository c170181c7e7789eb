/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Times, durations and hours. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libztjit/core/ztime.h"
#include "tests/core/support.h"

static int64_t at(const char *s)
{
	int64_t t;

	ok(ztj_time_parse(s, &t));
	return t;
}

static void test_times_agree_with_timegm(void **state)
{
	char text[ZTJ_TIME_SIZE];
	int64_t back;

	(void)state;
	for (int64_t t = 946684800; t < 4102444800; t += 86400 * 13 + 7919) {
		time_t clock = (time_t)t;
		struct tm tm;
		char want[64];

		assert_non_null(gmtime_r(&clock, &tm));
		assert_int_not_equal(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
		ok(ztj_time_format(t, text));
		assert_string_equal(text, want);
		ok(ztj_time_parse(text, &back));
		assert_true(back == t);
	}
	assert_true(at("2000-01-01T00:00:00Z") == 946684800);
	assert_true(at("9999-12-31T23:59:59Z") == INT64_C(253402300799));
	assert_true(at("2000-02-29T00:00:00Z") == 951782400);
}

static void test_S17_absurd_times(void **state)
{
	static const char *const bad[] = { "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00z",
		"2026-01-01 00:00:00Z", "2026-1-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-12-31T23:59:60Z",
		"1999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ",
		"2026-01-01T00:00:00+00:00", "-026-01-01T00:00:00Z", "2026-01-01T00:00:0 Z" };
	char text[ZTJ_TIME_SIZE];
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fails(ztj_time_parse(bad[i], &t), ZTJ_BAD_TIME);
		assert_true(t == 0);
	}
	fails(ztj_time_format(946684799, text), ZTJ_BAD_TIME);
	fails(ztj_time_format(-1, text), ZTJ_BAD_TIME);
	fails(ztj_time_format(INT64_MAX, text), ZTJ_BAD_TIME);
	fails(ztj_time_format(INT64_MIN, text), ZTJ_BAD_TIME);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = { { "90s", 90 }, { "30m", 1800 }, { "1h30m", 5400 }, { "2d", 172800 },
		{ "366d", ZTJ_DURATION_MAX }, { "1d1h1m1s", 90061 } };
	static const char *const bad[] = { "", "0s", "30", "-1m", "+1m", "01m", "1m1h", "1m1m", "1.5h",
		"1h 30m", "1H", "367d", "366d1s", "99999999999999999999d", "m", "1h30" };
	char text[32];
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(ztj_duration_parse(good[i].text, &v));
		assert_true(v == good[i].seconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(ztj_duration_parse(bad[i], &v), ZTJ_BAD_TIME);
	for (int64_t s = 1; s < 200000; s += 997) {
		ok(ztj_duration_format(s, text, sizeof(text)));
		ok(ztj_duration_parse(text, &v));
		assert_true(v == s);
	}
	fails(ztj_duration_format(0, text, sizeof(text)), ZTJ_BAD_TIME);
	fails(ztj_duration_format(5400, text, 4), ZTJ_TOO_LARGE);
}

static bool inside(const char *hours, const char *time)
{
	struct ztj_hours h;

	ok(ztj_hours_parse(hours, &h));
	return ztj_hours_contain(&h, at(time));
}

static void test_hours(void **state)
{
	static const char cet[] = "Mon-Fri 07:00-20:00 CET-1CEST,M3.5.0,M10.5.0/3";
	static const char night[] = "Fri 22:00-06:00; Sun 00:00-24:00 UTC0";

	(void)state;
	assert_true(inside(cet, "2026-01-05T06:00:00Z")); /* Monday 07:00 in winter */
	assert_false(inside(cet, "2026-01-05T05:59:59Z"));
	assert_true(inside(cet, "2026-07-06T05:00:00Z"));  /* Monday 07:00 in summer */
	assert_false(inside(cet, "2026-07-06T18:00:00Z")); /* 20:00: ended */
	assert_false(inside(cet, "2026-01-10T10:00:00Z")); /* Saturday */
	assert_true(inside(night, "2026-01-09T23:00:00Z"));
	assert_true(inside(night, "2026-01-10T05:59:59Z")); /* past midnight */
	assert_false(inside(night, "2026-01-10T06:00:00Z"));
	assert_false(inside(night, "2026-01-09T05:00:00Z"));
	assert_true(inside(night, "2026-01-11T23:59:59Z"));
	assert_true(inside("Sat-Sun 00:00-24:00 <-03>3", "2026-01-12T02:59:00Z"));
	assert_false(inside("Sat-Sun 00:00-24:00 <-03>3", "2026-01-12T03:00:00Z"));
	assert_true(inside("Sat-Mon 10:00-11:00 UTC0", "2026-01-11T10:30:00Z"));
	/* southern summer runs over the new year */
	assert_true(inside("Mon 08:00-09:00 AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-04T21:00:00Z"));
}

/* The same answer as libc for every hour of a year in several zones. */
static void test_hours_agree_with_libc(void **state)
{
	static const char *const zones[] = { "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0",
		"AEST-10AEDT,M10.1.0,M4.1.0/3", "IST-5:30", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"XXX3YYY,J60/0,300/1:30" };

	(void)state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		char text[128];
		struct ztj_hours h;

		assert_int_equal(setenv("TZ", zones[z], 1), 0);
		tzset();
		assert_true(
		    snprintf(text, sizeof(text), "Tue,Thu 03:00-17:30 %s", zones[z]) < (int)sizeof(text));
		ok(ztj_hours_parse(text, &h));
		for (int64_t t = at("2024-01-02T00:00:00Z"); t < at("2025-12-30T00:00:00Z"); t += 1800) {
			time_t clock = (time_t)t;
			struct tm tm;
			int minute;

			assert_non_null(localtime_r(&clock, &tm));
			minute = tm.tm_hour * 60 + tm.tm_min;
			assert_int_equal(ztj_hours_contain(&h, t),
			    (tm.tm_wday == 2 || tm.tm_wday == 4) && minute >= 180 && minute < 1050);
		}
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void test_hours_refused(void **state)
{
	static const char *const bad[] = { "", "Mon", "Mon 07:00-20:00", "Mon 07:00-20:00 ",
		"mon 07:00-20:00 UTC0", "Mon 7:00-20:00 UTC0", "Mon 07:00-07:00 UTC0", "Mon 24:00-07:00 UTC0",
		"Mon 07:00-24:01 UTC0", "Mon,Mon 07:00-20:00 UTC0", "Mon-Mon 07:00-20:00 UTC0",
		"Mon 07:00-20:00 UTC", "Mon 07:00-20:00 U0", "Mon 07:00-20:00 UTC25",
		"Mon 07:00-20:00 CET-1CEST", "Mon 07:00-20:00 CET-1CEST,M3.5.0",
		"Mon 07:00-20:00 CET-1CEST,M13.5.0,M10.5.0", "Mon 07:00-20:00 CET-1CEST,M3.6.0,M10.5.0",
		"Mon 07:00-20:00 CET-1CEST,M3.5.7,M10.5.0", "Mon 07:00-20:00 CET-1CEST,J0,J365",
		"Mon 07:00-20:00 CET-1CEST,J1,366", "Mon 07:00-20:00 CET-1CEST,J1,J2/168",
		"Mon 07:00-20:00 UTC0 ", "Mon 07:00-20:00 Europe/Berlin",
		"Mon 07:00-20:00;Tue 07:00-20:00 UTC0" };
	struct ztj_hours h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(ztj_hours_parse(bad[i], &h), ZTJ_BAD_TIME);
	fails(
	    ztj_hours_parse(
		"Mon 01:00-02:00; Mon 01:00-02:00; Mon 01:00-02:00; Mon 01:00-02:00; Mon 01:00-02:00; Mon 01:00-02:00; "
		"Mon 01:00-02:00; Mon 01:00-02:00; Mon 01:00-02:00 UTC0",
		&h),
	    ZTJ_LIMIT);
	ok(ztj_hours_parse("Mon 01:00-02:00 UTC0", &h));
	assert_false(ztj_hours_contain(&h, INT64_MAX));
	assert_false(ztj_hours_contain(&h, INT64_MIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_agree_with_timegm),
		cmocka_unit_test(test_S17_absurd_times),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_hours_agree_with_libc),
		cmocka_unit_test(test_hours_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
