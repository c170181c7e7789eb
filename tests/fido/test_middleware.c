/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The same through an OpenSSH middleware: which one may be loaded, and what it says.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fido/support.h"

static int try_enrol(struct person *p)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, false };
	struct ztj_enrolled e;

	return ztj_fido_enrol(&p->fido, &ask, &e);
}

static void test_enrol_and_sign(void **state)
{
	static const enum ztj_key_type types[] = { ZTJ_KEY_SK_ED25519, ZTJ_KEY_SK_ECDSA };
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;
	struct ztj_attest_info info;

	use_middleware(p);
	hand("create one");
	for (size_t i = 0; i < 2; i++) {
		enrol(p, types[i], false, &e);
		ok(ztj_attest_verify(&e.attestation, challenge(), &e.keyfile.pub, &info));
		assert_int_equal(info.kind, ZTJ_ATTEST_CERT);
		for (int j = 0; j < 20; j++) /* r and s of every length */
			ok(sign(p, &e, false, &who));
		assert_true(who.info.user_present);
		assert_false(who.info.user_verified);
	}
	assert_int_equal(touches(p), 42);
	check_touch_line(p, 42);
}

static void test_p256_where_ed25519_is_missing(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	use_middleware(p);
	hand("create one ed25519=no");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	assert_int_equal(e.keyfile.pub.type, ZTJ_KEY_SK_ECDSA);
	ok(sign(p, &e, false, NULL));
}

/* One key, two ways to it. */
static void test_made_here_signs_there(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled a, b;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &a);
	use_middleware(p);
	enrol(p, ZTJ_KEY_NONE, false, &b);
	ok(sign(p, &a, false, NULL));
	p->fido.provider = "internal"; /* OpenSSH's word for libfido2 */
	ok(sign(p, &b, false, NULL));
}

static void test_verification(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	use_middleware(p);
	hand("create one pin=123456");
	p->pins[0] = p->pins[1] = p->pins[2] = "123456";
	enrol(p, ZTJ_KEY_NONE, true, &e);
	assert_int_equal(e.keyfile.sk_flags, ZTJ_SK_FLAG_UP | ZTJ_SK_FLAG_UV);
	ok(sign(p, &e, false, &who));
	assert_true(who.info.user_verified);
	assert_int_equal(p->asked, 2);
	hand("set one uv=ok");
	ok(sign(p, &e, true, &who));
	assert_true(who.info.user_verified);
	assert_int_equal(p->asked, 2);
}

static void test_L03_through_the_middleware(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	use_middleware(p);
	fails(try_enrol(p), ZTJ_DEVICE);
	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e);
	hand("set one touch=deny");
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE_REFUSED);
	hand("set one touch=timeout touch-ms=100");
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE_REFUSED); /* sk-api cannot say more */
	hand("set one touch=auto uv=off pin=123456");
	p->pins[0] = p->pins[1] = p->pins[2] = "000000";
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE_REFUSED); /* nor this: wrong, wrong, blocked */
	assert_int_equal(p->asked, 3);
	hand("unplug one");
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE);
	hand("plug one");
	p->asked = 0;
	p->pins[1] = "123456";
	ok(sign(p, &e, true, NULL));
	p->asked = 0;
	p->pins[0] = p->pins[1] = NULL;
	fails(sign(p, &e, true, NULL), ZTJ_ABORTED);
	p->fido.ui.pin = NULL;
	fails(sign(p, &e, true, NULL), ZTJ_PIN_REQUIRED);
	hand("create two");
	assert_int_not_equal(try_enrol(p), ZTJ_OK);
}

/* What the person chose is asked; a refusal there is not asked again elsewhere. */
static void test_its_answer_is_final(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	use_middleware(p);
	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("set one touch=deny");
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE_REFUSED);
	check_touch_line(p, 2);
}

static void test_unsafe_provider(void **state)
{
	struct person *p = *state;
	char link[160];

	hand("create one");
	use_middleware(p);
	ok(try_enrol(p));
	p->fido.provider = "middleware.so";
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
	p->fido.provider = "./middleware.so";
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
	p->fido.provider = p->provider;
	assert_int_equal(chmod(p->provider, 0666), 0);
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
	assert_int_equal(chmod(p->provider, 0620), 0);
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
	assert_int_equal(chmod(p->provider, 0600), 0);
	assert_int_equal(chmod(p->dir, 0777), 0);
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
	assert_int_equal(chmod(p->dir, 01777), 0); /* as /tmp is: the file itself stays whose it is */
	ok(try_enrol(p));
	assert_int_equal(chmod(p->dir, 0700), 0);
	(void)snprintf(link, sizeof(link), "%s/link.so", p->dir);
	assert_int_equal(symlink("middleware.so", link), 0);
	p->fido.provider = link; /* judged by what it leads to */
	ok(try_enrol(p));
	assert_int_equal(chmod(p->provider, 0622), 0);
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
}

static void test_provider_of_another_user(void **state)
{
	struct person *p = *state;

	hand("create one");
	use_middleware(p);
	p->fido.owner = getuid() + 1;
	if (getuid() == 0) {
		ok(try_enrol(p)); /* root's files are everybody's */
		assert_int_equal(chown(p->provider, 12345, (gid_t)-1), 0);
	}
	fails(try_enrol(p), ZTJ_UNSAFE_FILE);
}

static void test_not_a_middleware(void **state)
{
	struct person *p = *state;
	FILE *f;

	hand("create one");
	p->fido.provider = "/nonexistent/middleware.so";
	fails(try_enrol(p), ZTJ_UNREACHABLE);
	p->fido.provider = "/lib/x86_64-linux-gnu/libc.so.6";
	if (access(p->fido.provider, R_OK) == 0)
		fails(try_enrol(p), ZTJ_UNREACHABLE);
	p->fido.provider = p->provider;
	f = fopen(p->provider, "we");
	assert_non_null(f);
	(void)fputs("not a shared object\n", f);
	(void)fclose(f);
	fails(try_enrol(p), ZTJ_UNREACHABLE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, person_new, person_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_enrol_and_sign),
		T(test_p256_where_ed25519_is_missing),
		T(test_made_here_signs_there),
		T(test_verification),
		T(test_L03_through_the_middleware),
		T(test_its_answer_is_final),
		T(test_unsafe_provider),
		T(test_provider_of_another_user),
		T(test_not_a_middleware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
