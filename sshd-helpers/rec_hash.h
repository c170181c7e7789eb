/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * SHA-256 by libcrypto, which is loaded only when something is to be hashed: a session on a terminal needs none, and pays
 * neither its 3 ms nor its half MiB of private memory.
 */
#ifndef ZTJ_SSHD_HELPERS_REC_HASH_H
#define ZTJ_SSHD_HELPERS_REC_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "libztjit/core/err.h"

struct ztj_rec_hasher; /* the library */
struct ztj_rec_hash;   /* one stream */

/* ZTJ_CRYPTO_LIB when it cannot be had. The library stays loaded. */
int ztj_rec_hasher_load(struct ztj_rec_hasher **out) ZTJ_MUST_CHECK;
void ztj_rec_hasher_free(struct ztj_rec_hasher *lib);
int ztj_rec_hash_new(const struct ztj_rec_hasher *lib, struct ztj_rec_hash **out) ZTJ_MUST_CHECK;
int ztj_rec_hash_add(struct ztj_rec_hash *h, const void *p, size_t n) ZTJ_MUST_CHECK;
/* Ends and frees it. */
int ztj_rec_hash_end(struct ztj_rec_hash *h, uint8_t digest[32]) ZTJ_MUST_CHECK;

#endif
