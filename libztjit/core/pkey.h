/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to libztjit/core: a public key as an OpenSSL object.
 */
#ifndef ZTJ_CORE_PKEY_H
#define ZTJ_CORE_PKEY_H

#include <openssl/evp.h>

#include "libztjit/core/key.h"

/* A new object for the key, to be freed by the caller. ZTJ_BAD_KEY when it is not a
 * usable point. */
int ztj_pkey_new(const struct ztj_key *k, EVP_PKEY **out) ZTJ_MUST_CHECK;
/* Is this uncompressed point one of P-256? ZTJ_OK or ZTJ_BAD_KEY; a fifth of the price of making an object. */
int ztj_pkey_check_p256(const uint8_t *point, size_t n) ZTJ_MUST_CHECK;

#endif
