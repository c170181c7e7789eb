/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/support.h"
#include "ztjit-hostd/clockmark.h"

#include <string.h>

#define T0 INT64_C(1795338000)
#define YEAR (INT64_C(365) * 86400)
#define BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER "99999999-2222-3333-4444-555555555555"

static struct ztj_clockmark begin(void)
{
	struct ztj_clockmark m;

	ztj_clockmark_init(&m, (struct ztj_now){ T0, 100 }, BOOT);
	return m;
}

static int64_t end_at(struct ztj_clockmark *m, int64_t sys, int64_t boot)
{
	const struct ztj_now now = { sys, boot };

	ztj_clockmark_advance(m, now);
	return ztj_clockmark_end(m, now);
}

static void test_both_clocks_together(void **state)
{
	struct ztj_clockmark m = begin();

	(void)state;
	assert_int_equal(end_at(&m, T0 + 60, 160), T0 + 60);
	assert_int_equal(ztj_clockmark_begin(&m), T0 + 60);
	assert_false(ztj_clockmark_went_back(&m, (struct ztj_now){ T0 + 60, 160 }));
}

static void test_G02_set_back_time_runs_on(void **state)
{
	struct ztj_clockmark m = begin();

	(void)state;
	assert_int_equal(end_at(&m, T0 - 3600, 160), T0 + 60);
	assert_int_equal(ztj_clockmark_begin(&m), T0);
	assert_true(ztj_clockmark_went_back(&m, (struct ztj_now){ T0 - 3600, 160 }));
	assert_int_equal(end_at(&m, 0, 1000), T0 + 900);
	/* set back bit by bit: nothing is gained */
	for (int i = 1; i <= 100; i++)
		assert_int_equal(end_at(&m, T0 + 900 + i, 1000 + 2 * (int64_t)i), T0 + 900 + 2 * (int64_t)i);
}

static void test_G02_set_forward_does_not_move_the_mark(void **state)
{
	struct ztj_clockmark m = begin();

	(void)state;
	assert_int_equal(end_at(&m, T0 + 10 * YEAR, 110), T0 + 10 * YEAR); /* ends: at once */
	assert_int_equal(ztj_clockmark_begin(&m), T0 + 10);  /* beginnings: not a second early */
	assert_int_equal(end_at(&m, T0 + 20, 120), T0 + 20); /* corrected: as if nothing had been */
	assert_false(ztj_clockmark_went_back(&m, (struct ztj_now){ T0 + 20, 120 }));
}

static void test_status_lets_the_mark_follow_but_never_moves_it(void **state)
{
	struct ztj_clockmark m = begin();

	(void)state;
	/* the machine slept a week: boot time did not count all of it (a restored snapshot) */
	(void)end_at(&m, T0 + 7 * 86400, 110);
	assert_int_equal(ztj_clockmark_begin(&m), T0 + 10);
	ztj_clockmark_status(&m, T0 + 7 * 86400, (struct ztj_now){ T0 + 7 * 86400, 111 });
	assert_int_equal(ztj_clockmark_begin(&m), T0 + 7 * 86400);
	/* remote time alone: nothing */
	ztj_clockmark_status(&m, T0 + 90 * 86400, (struct ztj_now){ T0 + 7 * 86400 + 5, 116 });
	assert_int_equal(ztj_clockmark_begin(&m), T0 + 7 * 86400 + 5);
}

static void test_G06_restart_and_reboot(void **state)
{
	struct ztj_clockmark m = begin(), again;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, 256);
	(void)end_at(&m, T0 + 50, 150);
	ok(ztj_clockmark_format(&m, &b));
	ok(ztj_clockmark_parse(&again, ztj_buf_view(&b)));
	ztj_clockmark_resume(&again, BOOT);
	assert_int_equal(end_at(&again, 0, 250), T0 + 150); /* the same boot: its clock counted on */
	ok(ztj_clockmark_parse(&again, ztj_buf_view(&b)));
	ztj_clockmark_resume(&again, OTHER);
	assert_int_equal(end_at(&again, 0, 30), T0 + 80); /* another: at least as long as it has been up */
	ztj_buf_free(&b);
}

static void test_accept(void **state)
{
	struct ztj_clockmark m = begin();
	const struct ztj_now now = { T0 - 3600, 200 };

	(void)state;
	(void)end_at(&m, now.sys, now.boot);
	ztj_clockmark_accept(&m, now);
	assert_false(ztj_clockmark_went_back(&m, now));
	assert_int_equal(ztj_clockmark_end(&m, now), T0 - 3600);
}

static void test_file_is_read_strictly(void **state)
{
	static const char good[] = "ztjit-clock 1 1795338000 1795338001 100 " BOOT "\n";
	static const char *const bad[] = { "", "ztjit-clock", "ztjit-clock 1 5 4 0 x\n",
		"ztjit-clock 1 -1 5 0 x\n", "ztjit-clock 1 1 1 1 x\nmore\n", "ztjit-clock 1 1 1 1 x",
		"ztjit-clock 1 99999999999999 99999999999999 1 x\n", "ztjit-clock 1 01 1 1 x\n",
		"ztjit-clock  1 1 1 1 x\n" };
	struct ztj_clockmark m;

	(void)state;
	ok(ztj_clockmark_parse(&m, ztj_view_str(good)));
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_int_not_equal(ztj_clockmark_parse(&m, ztj_view_of(good, n)), ZTJ_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(ztj_clockmark_parse(&m, ztj_view_str(bad[i])), ZTJ_OK);
	fails(ztj_clockmark_parse(&m, ztj_view_str("ztjit-clock 2 1 1 1 x\n")), ZTJ_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_clocks_together),
		cmocka_unit_test(test_G02_set_back_time_runs_on),
		cmocka_unit_test(test_G02_set_forward_does_not_move_the_mark),
		cmocka_unit_test(test_status_lets_the_mark_follow_but_never_moves_it),
		cmocka_unit_test(test_G06_restart_and_reboot),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_file_is_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
