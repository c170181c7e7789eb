/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a trust takes, and what it refuses. */
#include "tests/core/fixture.h"

#include <string.h>

static int setup(void **state)
{
	static struct fx_world w;

	fx_init(&w);
	fx_load(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	fx_free(*state);
	return 0;
}

static void test_holds_what_was_offered(void **state)
{
	struct fx_world *w = *state;
	const struct ztj_record *r;
	char who[ZTJ_FULLNAME_SIZE];

	assert_int_equal(ztj_trust_ndirs(w->trust), 2);
	ok(ztj_trust_user(w->trust, "people/req1", w->now, &r));
	assert_string_equal(r->name, "req1");
	assert_true(ztj_record_in_group(r, "sre"));
	ok(ztj_trust_host(w->trust, "servers/web1", w->now, &r));
	assert_string_equal(ztj_record_label(r, "env"), "prod");
	ok(ztj_trust_user_by_key(w->trust, &w->person[FX_LEAD1].key.pub, w->now, who));
	assert_string_equal(who, "people/lead1");
	ok(ztj_trust_host_by_tls(w->trust, &w->host[FX_DB1].tls.pub, w->now, who));
	assert_string_equal(who, "servers/db1");
	ok(ztj_trust_resolve(w->trust, "web2", true, who));
	assert_string_equal(who, "servers/web2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holds_what_was_offered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
