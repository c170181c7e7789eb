/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the tests of libztjit/core share: a software security key, files and
 * commands. Failures end the running test.
 */
#ifndef ZTJ_TESTS_CORE_SUPPORT_H
#define ZTJ_TESTS_CORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "libztjit/core/key.h"
#include "libztjit/core/sshcert.h"

#define ok(call) assert_int_equal((call), ZTJ_OK)
#define fails(call, err) assert_string_equal(ztj_err_name(call), ztj_err_name(err))

/* A key pair in memory that signs as an authenticator does; plain types sign plainly. */
struct soft_key {
	struct ztj_key pub;
	EVP_PKEY *pair;
};
void soft_key_make(struct soft_key *k, enum ztj_key_type type);
void soft_key_free(struct soft_key *k);
/* The SSH signature blob over msg; flags and counter count for sk types only. */
void soft_key_sign(const struct soft_key *k, struct ztj_view msg, uint8_t flags, uint32_t counter,
    struct ztj_buf *sigblob);
/* What the key itself returns over exactly these bytes: 64 bytes or DER. */
void soft_key_sign_raw(const struct soft_key *k, struct ztj_view tbs, struct ztj_buf *raw);
/* A binary SSHSIG by any type of key. */
void soft_key_sshsig(const struct soft_key *k, const char *ns, struct ztj_view msg, uint8_t flags,
    struct ztj_buf *blob);

/* A specification that is in order, for the tests to spoil. */
void good_cert_spec(struct ztj_cert_spec *spec, const struct soft_key *subject);
void make_cert(const struct ztj_cert_spec *spec, const struct soft_key *ca, struct ztj_buf *cert);

/* ---- files and commands, in a directory of the test's own ---- */
/* The exit status of a command line for the shell; -1 when it did not exit by itself. */
int shell(const char *line);
/* Whether a command is installed. */
bool have_tool(const char *name);
int enter_scratch(void **state);
int leave_scratch(void **state);
void write_file(const char *name, struct ztj_view bytes);
void read_file(const char *name, struct ztj_buf *out);
/* The exit status of a shell command; its output goes to the file "out". */
int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Fails the test with the output when the command fails. */
void must(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether the output of the last command contains text. */
bool output_has(const char *text);

#endif
