/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the tests of libztjit/fido share: a person with software keys, who
 * types PINs and sees the touch line. Failures end the running test.
 */
#ifndef ZTJ_TESTS_FIDO_SUPPORT_H
#define ZTJ_TESTS_FIDO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libztjit/fido/fido.h"

#define ok(call) assert_string_equal(ztj_err_name(call), ztj_err_name(ZTJ_OK))
#define fails(call, err) assert_string_equal(ztj_err_name(call), ztj_err_name(err))

#define NAMESPACE "request@ztjit"

struct person {
	struct ztj_fido fido;
	char dir[64];          /* of this test alone: keys, provider, sockets */
	char provider[128];    /* a copy of the software middleware in dir */
	const char *pins[4];   /* what is typed, one after the other; NULL ends */
	unsigned asked;        /* how often a PIN was asked for */
	int retries;           /* what the last question said */
	bool wrong;
	unsigned touch_shown, touch_gone;
};

/* cmocka set-up and tear-down of one person without keys; *state is the person. */
int person_new(void **state);
int person_free(void **state);
/* The exit status of a shell command. */
int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The softkey command: hand("create one pin=%s", "123456"). */
void hand(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, in the background after a while. Returns the process to wait for. */
pid_t hand_later(unsigned ms, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void wait_for(pid_t pid);
unsigned touches(const struct person *p);
void use_middleware(struct person *p);

void enrol(struct person *p, enum ztj_key_type type, bool verify_required, struct ztj_enrolled *out);
/* Signs a fixed message; ends with the error as it is. */
int sign(struct person *p, const struct ztj_enrolled *e, bool uv, struct ztj_signer *who);
struct ztj_view challenge(void);
/* Nothing was left waiting: every touch line that was shown was taken away. */
void check_touch_line(const struct person *p, unsigned times);

#endif
