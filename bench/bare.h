/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Cryptography alone, as `openssl speed` measures it: keys set up already, nothing parsed, nothing looked up. */
#ifndef ZTJ_BENCH_BARE_H
#define ZTJ_BENCH_BARE_H

#include "tests/core/support.h"

/* What an authenticator signs: application digest, flags, counter, message digest. */
#define BARE_SK_MESSAGE 69

struct bare {
	EVP_PKEY *pair;        /* borrowed */
	const EVP_MD *md;
	struct ztj_buf msg, sig;
};
/* A message of n bytes signed with this key. */
void bare_make(struct bare *b, const struct soft_key *k, size_t n);
void bare_verify(const struct bare *b);
void bare_sign(const struct bare *b);
void bare_free(struct bare *b);

#endif
