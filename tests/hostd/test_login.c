/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ssh logins through a running gate: what sshd's three moments may and may not do. */
#include "tests/hostd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;
#define R (&rig)

static int setup(void **state)
{
	(void)state;
	rig_open(R, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(R);
	return 0;
}

#define REQ1 (&R->w.person[FX_REQ1].key)

static void grant_and_cert(struct rig_grant *g, char **cert)
{
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, g);
	rig_cert(R, g, REQ1, NULL, cert);
}

static void test_login_from_certificate_alone(void **state)
{
	struct rig_grant g;
	char *cert, line[8192];

	(void)state;
	grant_and_cert(&g, &cert);
	rig_proc(R, 200, 0, "/system.slice/ssh.service", 0);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	assert_int_equal(rig_sessions(R), 1);
	assert_true(rig_told(R, ZTJ_WARDEN_MAKE));
	assert_false(rig_told(R, ZTJ_WARDEN_KILL_PROC));
	fails(rig_principals(R, "root", cert, line, sizeof(line)), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

static void no_bundle(struct ztj_cert_spec *spec)
{
	spec->bundle = ztj_view_of(NULL, 0);
}

static void test_login_without_bundle_uses_what_was_pushed(void **state)
{
	struct rig_grant g;
	char *cert;

	(void)state;
	rig_grant(R, FX_REQ1, "root-shell", 1800, 0, &g);
	rig_grant_push(R, &g);
	rig_cert(R, &g, REQ1, no_bundle, &cert);
	fails(rig_login(R, "root", cert), ZTJ_OK);
	free(cert);
	rig_grant_free(&g);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_login_from_certificate_alone),
		T(test_login_without_bundle_uses_what_was_pushed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
