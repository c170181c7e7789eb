/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Enrolment and signatures through libfido2, with the software authenticator
 * behind its I/O hooks: what works, and what a person is told when it does not (ABUSE L03).
 */
#include <string.h>
#include <time.h>

#include <fido/err.h>

#include "tests/fido/support.h"

static void test_ed25519_is_preferred(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	assert_int_equal(e.keyfile.pub.type, ZTJ_KEY_SK_ED25519);
	assert_int_equal(e.keyfile.sk_flags, ZTJ_SK_FLAG_UP);
	assert_string_equal(e.keyfile.pub.application, "ssh:ztjit");
	ok(sign(p, &e, false, &who));
	assert_true(who.info.user_present);
	assert_false(who.info.user_verified);
	assert_true(ztj_key_equal(&who.key, &e.keyfile.pub));
	check_touch_line(p, 2);
	assert_int_equal(touches(p), 2);
	assert_int_equal(p->asked, 0);
}

static void test_p256_where_ed25519_is_missing(void **state)
{
	static const char *const models[] = { "ed25519=no", "ctap=2.0" };
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	for (size_t i = 0; i < 2; i++) {
		hand("set one %s", models[i]);
		enrol(p, ZTJ_KEY_NONE, false, &e);
		assert_int_equal(e.keyfile.pub.type, ZTJ_KEY_SK_ECDSA);
		ok(sign(p, &e, false, NULL));
	}
}

static void test_type_asked_for(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_SK_ED25519, false };
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one ed25519=no");
	fails(ztj_fido_enrol(&p->fido, &ask, &e), ZTJ_KEY_TYPE);
	hand("set one ed25519=yes");
	enrol(p, ZTJ_KEY_SK_ECDSA, false, &e);
	assert_int_equal(e.keyfile.pub.type, ZTJ_KEY_SK_ECDSA);
}

static void test_application_must_begin_with_ssh(void **state)
{
	static const char *const bad[] = { "", "web", "sshd", "https://ssh:" };
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct ztj_enrol_ask ask = { bad[i], NULL, challenge(), ZTJ_KEY_NONE, false };
		fails(ztj_fido_enrol(&p->fido, &ask, &e), ZTJ_APPLICATION);
	}
	assert_int_equal(touches(p), 0);
}

static void test_pin_by_every_protocol(void **state)
{
	static const char *const models[] = { "ctap=2.1 protocol=12", "ctap=2.1 protocol=2",
		"ctap=2.1 protocol=1", "ctap=2.0 protocol=1", "ctap=2.0 protocol=2" };
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one pin=123456");
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		hand("set one %s", models[i]);
		p->asked = 0;
		p->pins[0] = p->pins[1] = "123456";
		enrol(p, ZTJ_KEY_NONE, true, &e);
		assert_int_equal(e.keyfile.sk_flags, ZTJ_SK_FLAG_UP | ZTJ_SK_FLAG_UV);
		ok(sign(p, &e, false, &who)); /* the key file's flag is enough */
		assert_true(who.info.user_verified);
		assert_int_equal(p->asked, 2);
	}
}

static void test_uv_on_request_only(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("set one pin=123456");
	p->pins[0] = "123456";
	ok(sign(p, &e, false, &who));
	assert_false(who.info.user_verified);
	assert_int_equal(p->asked, 0);
	ok(sign(p, &e, true, &who));
	assert_true(who.info.user_verified);
	assert_int_equal(p->asked, 1);
	assert_int_equal(p->retries, 8);
}

static void test_builtin_verification(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e);
	ok(sign(p, &e, true, &who));
	assert_true(who.info.user_verified);
	assert_int_equal(p->asked, 0);
	hand("set one ctap=2.0");
	ok(sign(p, &e, true, &who));
	assert_true(who.info.user_verified);
}

static void test_finger_not_recognised_falls_back_to_pin(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e);
	hand("set one uv=fail");
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE_REFUSED);
	hand("set one uv=fail uv-retries=1");
	fails(sign(p, &e, true, NULL), ZTJ_PIN_BLOCKED);
	hand("set one uv=fail pin=123456");
	p->pins[0] = "123456";
	ok(sign(p, &e, true, &who));
	assert_true(who.info.user_verified);
	assert_int_equal(p->asked, 1);
}

static void test_key_that_insists_on_its_pin(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one pin=123456"); /* with a PIN set it makes no credential without */
	p->pins[0] = "123456";
	enrol(p, ZTJ_KEY_NONE, false, &e);
	assert_int_equal(p->asked, 1);
	assert_int_equal(e.keyfile.sk_flags, ZTJ_SK_FLAG_UP);
}

static void test_raw_signature(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_sig_info info;
	struct ztj_buf sig;

	hand("create one counter=41");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	const struct ztj_fido_sign ask = { &e.keyfile.pub, &e.keyfile, NULL, ztj_view_str("data"), false };
	ok(ztj_fido_sign_raw(&p->fido, &ask, &sig, &info));
	assert_int_equal(info.counter, 43);
	ok(ztj_sig_verify(&e.keyfile.pub, ztj_buf_view(&sig), ztj_view_str("data"), &info));
	fails(ztj_sig_verify(&e.keyfile.pub, ztj_buf_view(&sig), ztj_view_str("other"), &info),
	    ZTJ_BAD_SIGNATURE);
	ztj_buf_free(&sig);
}

static void test_counter_goes_where_the_key_says(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct ztj_signer who;

	hand("create one counter=100");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	ok(sign(p, &e, false, &who));
	assert_int_equal(who.info.counter, 102);
	hand("set one counter-step=0");
	ok(sign(p, &e, false, &who));
	assert_int_equal(who.info.counter, 102);
	hand("set one counter=7");
	ok(sign(p, &e, false, &who));
	assert_int_equal(who.info.counter, 7);
}

/* --- L03 --- */

static void test_L03_no_key(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, false };
	struct person *p = *state;
	struct ztj_enrolled e, none;

	fails(ztj_fido_enrol(&p->fido, &ask, &none), ZTJ_DEVICE);
	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("unplug one");
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE);
	assert_int_equal(ztj_err_exit(ZTJ_DEVICE), 3);
	hand("create stranger"); /* a key, but not the one */
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE);
	assert_int_equal(touches(p), 1);
	check_touch_line(p, 1); /* nobody was told to touch in vain */
}

static void test_L03_key_removed_while_it_waits(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	pid_t pid;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("set one touch=ask");
	pid = hand_later(200, "unplug one");
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE);
	wait_for(pid);
	check_touch_line(p, 2);
}

static void test_L03_wrong_pin(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e);
	hand("set one uv=off pin=123456");
	p->pins[0] = "000000";
	p->pins[1] = "123456";
	ok(sign(p, &e, true, NULL)); /* asked again */
	assert_int_equal(p->asked, 2);
	assert_true(p->wrong);
	assert_int_equal(p->retries, 7);

	p->asked = 0;
	p->pins[1] = NULL; /* gives up */
	fails(sign(p, &e, true, NULL), ZTJ_ABORTED);
	p->fido.ui.pin = NULL;
	fails(sign(p, &e, true, NULL), ZTJ_PIN_REQUIRED);
	assert_int_equal(ztj_err_exit(ZTJ_PIN_REQUIRED), 3);
}

static void test_L03_pin_blocked(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e);
	hand("set one uv=off pin=123456");
	p->pins[0] = p->pins[1] = p->pins[2] = p->pins[3] = "000000";
	fails(sign(p, &e, true, NULL), ZTJ_PIN_BLOCKED); /* three in a row */
	assert_int_equal(p->asked, 3);
	p->asked = 0;
	p->pins[0] = "123456";
	fails(sign(p, &e, true, NULL), ZTJ_PIN_BLOCKED); /* the right one is too late */
	hand("unplug one");
	hand("plug one");
	p->asked = 0;
	ok(sign(p, &e, true, NULL));
	hand("set one pin-retries=0");
	p->asked = 0;
	fails(sign(p, &e, true, NULL), ZTJ_PIN_BLOCKED);
	assert_int_equal(p->asked, 0);
	assert_int_equal(touches(p), 2);
}

static void test_L03_pin_not_set(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, true };
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one");
	fails(ztj_fido_enrol(&p->fido, &ask, &e), ZTJ_PIN_NOT_SET);
	enrol(p, ZTJ_KEY_NONE, false, &e);
	fails(sign(p, &e, true, NULL), ZTJ_PIN_NOT_SET);
	assert_int_equal(touches(p), 1);
}

static void test_L03_touch_refused(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, false };
	struct person *p = *state;
	struct ztj_enrolled e, none;
	static const struct ztj_enrolled empty;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("set one touch=deny");
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE_REFUSED);
	fails(ztj_fido_enrol(&p->fido, &ask, &none), ZTJ_DEVICE_REFUSED);
	assert_memory_equal(&none, &empty, sizeof(none));
	check_touch_line(p, 3);
}

static void test_L03_touch_not_given(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;
	struct timespec a, b;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	hand("set one touch=timeout touch-ms=100"); /* the key runs out of patience */
	fails(sign(p, &e, false, NULL), ZTJ_TOUCH_TIMEOUT);
	hand("set one touch-ms=60000"); /* we do */
	p->fido.touch_seconds = 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	fails(sign(p, &e, false, NULL), ZTJ_TOUCH_TIMEOUT);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	assert_in_range(b.tv_sec - a.tv_sec, 0, 10);
	check_touch_line(p, 3);
	hand("set one touch=ask");
	pid_t pid = hand_later(200, "touch one");
	p->fido.touch_seconds = 10;
	ok(sign(p, &e, false, NULL));
	wait_for(pid);
}

static void test_L03_two_keys(void **state)
{
	const struct ztj_enrol_ask ask = { "ssh:", NULL, challenge(), ZTJ_KEY_NONE, false };
	struct person *p = *state;
	struct ztj_enrolled one, two, none;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &one);
	hand("create two");
	fails(ztj_fido_enrol(&p->fido, &ask, &none), ZTJ_MANY_DEVICES);
	ok(sign(p, &one, false, NULL)); /* the one that holds it is found without a touch */
	hand("only two");
	enrol(p, ZTJ_KEY_SK_ECDSA, false, &two);
	hand("plug one");
	ok(sign(p, &two, false, NULL));
	ok(sign(p, &one, false, NULL));
	assert_int_equal(touches(p), 5);
}

static void test_L03_two_keys_that_hide_what_they_hold(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e;

	hand("create one uv=ok");
	enrol(p, ZTJ_KEY_NONE, true, &e); /* credProtect: nothing is said before the person is verified */
	hand("create two uv=ok");
	fails(sign(p, &e, true, NULL), ZTJ_MANY_DEVICES);
	assert_int_equal(ztj_err_exit(ZTJ_MANY_DEVICES), 3);
	hand("unplug two");
	ok(sign(p, &e, true, NULL));
	hand("only two");
	fails(sign(p, &e, true, NULL), ZTJ_DEVICE);
	assert_int_equal(touches(p), 2);
}

static void test_wrong_arguments(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e, other;
	struct ztj_buf sig;
	struct ztj_key plain = { .type = ZTJ_KEY_ED25519, .pub_len = 32 };

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	enrol(p, ZTJ_KEY_NONE, false, &other);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	const struct ztj_fido_sign mixed = { &e.keyfile.pub, &other.keyfile, NAMESPACE, ztj_view_str("x"),
		false };
	fails(ztj_fido_sign(&p->fido, &mixed, &sig, NULL), ZTJ_INTERNAL);
	const struct ztj_fido_sign not_sk = { &plain, NULL, NAMESPACE, ztj_view_str("x"), false };
	fails(ztj_fido_sign(&p->fido, &not_sk, &sig, NULL), ZTJ_KEY_TYPE);
	const struct ztj_fido_sign no_handle = { &e.keyfile.pub, NULL, NAMESPACE, ztj_view_str("x"), false };
	fails(ztj_fido_sign(&p->fido, &no_handle, &sig, NULL), ZTJ_DEVICE);
	assert_int_equal(sig.n, 0);
	ztj_buf_free(&sig);
}

/* A handle tampered with, or another key's handle under this public key. */
static void test_handle_of_another_key(void **state)
{
	struct person *p = *state;
	struct ztj_enrolled e, other;

	hand("create one");
	enrol(p, ZTJ_KEY_NONE, false, &e);
	enrol(p, ZTJ_KEY_NONE, false, &other);
	memcpy(e.keyfile.handle, other.keyfile.handle, other.keyfile.handle_len);
	fails(sign(p, &e, false, NULL), ZTJ_BAD_SIGNATURE); /* our verifier has the last word */
	e.keyfile.handle[10] ^= 1;
	fails(sign(p, &e, false, NULL), ZTJ_DEVICE);
}

static void test_every_code_has_a_meaning(void **state)
{
	static const struct {
		int fido, ztj;
	} table[] = {
		{ FIDO_OK, ZTJ_OK },
		{ FIDO_ERR_NO_CREDENTIALS, ZTJ_DEVICE },
		{ FIDO_ERR_RX, ZTJ_DEVICE },
		{ FIDO_ERR_TX, ZTJ_DEVICE },
		{ FIDO_ERR_PIN_REQUIRED, ZTJ_PIN_REQUIRED },
		{ FIDO_ERR_PIN_NOT_SET, ZTJ_PIN_NOT_SET },
		{ FIDO_ERR_PIN_INVALID, ZTJ_PIN_WRONG },
		{ FIDO_ERR_PIN_BLOCKED, ZTJ_PIN_BLOCKED },
		{ FIDO_ERR_PIN_AUTH_BLOCKED, ZTJ_PIN_BLOCKED },
		{ FIDO_ERR_UV_BLOCKED, ZTJ_PIN_BLOCKED },
		{ FIDO_ERR_USER_ACTION_TIMEOUT, ZTJ_TOUCH_TIMEOUT },
		{ FIDO_ERR_ACTION_TIMEOUT, ZTJ_TOUCH_TIMEOUT },
		{ FIDO_ERR_OPERATION_DENIED, ZTJ_DEVICE_REFUSED },
		{ FIDO_ERR_UNSUPPORTED_ALGORITHM, ZTJ_KEY_TYPE },
		{ FIDO_ERR_INTERNAL, ZTJ_INTERNAL },
		{ FIDO_ERR_INVALID_CBOR, ZTJ_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ztj_fido_error(table[i].fido), table[i].ztj);
	for (int e = -300; e <= 300; e++)
		assert_true(e == FIDO_OK || ztj_fido_error(e) < 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, person_new, person_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ed25519_is_preferred),
		T(test_p256_where_ed25519_is_missing),
		T(test_type_asked_for),
		T(test_application_must_begin_with_ssh),
		T(test_pin_by_every_protocol),
		T(test_uv_on_request_only),
		T(test_builtin_verification),
		T(test_finger_not_recognised_falls_back_to_pin),
		T(test_key_that_insists_on_its_pin),
		T(test_raw_signature),
		T(test_counter_goes_where_the_key_says),
		T(test_L03_no_key),
		T(test_L03_key_removed_while_it_waits),
		T(test_L03_wrong_pin),
		T(test_L03_pin_blocked),
		T(test_L03_pin_not_set),
		T(test_L03_touch_refused),
		T(test_L03_touch_not_given),
		T(test_L03_two_keys),
		T(test_L03_two_keys_that_hide_what_they_hold),
		T(test_wrong_arguments),
		T(test_handle_of_another_key),
		cmocka_unit_test(test_every_code_has_a_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
