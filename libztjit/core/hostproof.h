/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What ties a host that asks to be admitted to the person who admits it (PROTOCOL section 1, pending): the
 * host digest, which people compare, and the proof of a token, which saves them from it.
 */
#ifndef ZTJ_CORE_HOSTPROOF_H
#define ZTJ_CORE_HOSTPROOF_H

#include "libztjit/core/statement.h"

#define ZTJ_HOST_SSH_MAX 8
#define ZTJ_HOST_DIGEST_SIZE 32 /* "H-XXXXX-XXXXX-XXXXX-XXXXX" */
#define ZTJ_TOKEN_LEN 16
#define ZTJ_TOKEN_SIZE 36 /* "T-" and 26 characters in groups of five */

/* What a record would hold of it. */
struct ztj_host_id {
	const char *domain, *name;
	const struct ztj_key *machine, *tls, *ssh;
	size_t nssh;
};
/* Views into a pending entry of a host. */
struct ztj_host_id ztj_host_id_pending(const struct ztj_stmt *st);
/* LIMIT: more than eight SSH keys. */
int ztj_host_digest(const struct ztj_host_id *h, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
void ztj_host_digest_text(const uint8_t digest[ZTJ_DIGEST_LEN], char out[ZTJ_HOST_DIGEST_SIZE]);
/* Is that what somebody typed? Case, dashes and blanks do not matter, O is 0, I and L are 1; all of it must be there. */
bool ztj_host_digest_typed(const uint8_t digest[ZTJ_DIGEST_LEN], const char *typed);

/* A token is 128 random bits. Its text is for people; read as leniently as a digest. BAD_NAME. */
void ztj_token_format(const uint8_t token[ZTJ_TOKEN_LEN], char out[ZTJ_TOKEN_SIZE]);
int ztj_token_parse(const char *typed, uint8_t token[ZTJ_TOKEN_LEN]) ZTJ_MUST_CHECK;
/* HMAC-SHA256 under the token over "ztjit-token" and the host digest: whoever does not know the token cannot make it for
 * other keys or another name. CRYPTO_LIB. */
int ztj_host_proof(const uint8_t token[ZTJ_TOKEN_LEN], const uint8_t digest[ZTJ_DIGEST_LEN],
    uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;

#endif
