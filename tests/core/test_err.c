/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The error table. */
#include <string.h>

#include "tests/core/support.h"

static const int values[] = {
#define VALUE(sym, val, cls, name, text) (val),
	ZTJ_ERR_TABLE(VALUE)
#undef VALUE
};
#define COUNT (sizeof(values) / sizeof(values[0]))

static void test_every_code_has_name_and_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		const char *name = ztj_err_name(values[i]), *text = ztj_err_text(values[i]);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		assert_true(strlen(text) > 3 && text[strlen(text) - 1] != '.');
		assert_int_equal(ztj_err_from_name(name), values[i]);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(values[i], values[j]);
			assert_string_not_equal(name, ztj_err_name(values[j]));
		}
	}
}

static void test_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(ztj_err_exit(ZTJ_OK), 0);
	assert_int_equal(ztj_err_exit(ZTJ_NO_GRANT), 1);
	assert_int_equal(ztj_err_exit(ZTJ_USAGE), 2);
	assert_int_equal(ztj_err_exit(ZTJ_UNREACHABLE), 3);
}

static void test_unknown_is_an_outage_never_success(void **state)
{
	(void)state;
	assert_int_equal(ztj_err_exit(1), 3);
	assert_int_equal(ztj_err_exit(-9999), 3);
	assert_int_equal(ztj_err_class(-9999), ZTJ_CLASS_OUTAGE);
	assert_string_equal(ztj_err_name(-9999), "unknown-error");
	assert_non_null(ztj_err_text(-9999));
	assert_int_equal(ztj_err_from_name("no-such-name"), ZTJ_INTERNAL);
	assert_int_equal(ztj_err_from_name(""), ZTJ_INTERNAL);
	assert_int_equal(ztj_err_from_name(NULL), ZTJ_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_name_and_sentence),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_unknown_is_an_outage_never_success),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
