/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Text encodings around bytes: base64 (RFC 4648, strict, with padding), hex and
 * the short ids people see (Crockford base32, upper case, no check symbol).
 */
#ifndef ZTJ_CORE_CODEC_H
#define ZTJ_CORE_CODEC_H

#include "libztjit/core/wire.h"

#define ZTJ_DIGEST_LEN 32
#define ZTJ_HEX_SIZE (2 * ZTJ_DIGEST_LEN + 1)
#define ZTJ_SHORT_ID_SIZE 13 /* "R-" + 10 characters + NUL */

/* Appends base64 with padding, no line breaks. */
int ztj_b64_encode(struct ztj_view in, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Appends the bytes. White space, missing padding or non-zero spare bits: ZTJ_BAD_ENCODING. */
int ztj_b64_decode(struct ztj_view text, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* Lower-case hex; out holds 2n+1. */
void ztj_hex(const uint8_t *p, size_t n, char *out);
/* Exactly 2n lower-case digits. */
int ztj_unhex(struct ztj_view text, uint8_t *out, size_t n) ZTJ_MUST_CHECK;
/* "R-" and the first 50 bits of the digest. */
void ztj_short_id(const uint8_t digest[ZTJ_DIGEST_LEN], char out[ZTJ_SHORT_ID_SIZE]);
/* Accepts R-… in any case, with O/0 and I/L/1 folded; gives the canonical short
 * id. Anything else: ZTJ_BAD_NAME. */
int ztj_short_id_parse(const char *text, char out[ZTJ_SHORT_ID_SIZE]) ZTJ_MUST_CHECK;
/* The same for the broker's names of sessions, "S-…", here of the first 50 bits of random bytes. */
void ztj_session_id(const uint8_t random[ZTJ_DIGEST_LEN], char out[ZTJ_SHORT_ID_SIZE]);
int ztj_session_id_parse(const char *text, char out[ZTJ_SHORT_ID_SIZE]) ZTJ_MUST_CHECK;
/* Is it one, in canonical form? */
bool ztj_session_id_ok(const char *text);
/* Crockford base32 of n bytes (n*8/5 rounded up characters + NUL). */
void ztj_base32(const uint8_t *p, size_t n, char *out, size_t size);
/* SHA-256 by OpenSSL; ZTJ_CRYPTO_LIB on failure. */
int ztj_sha256(struct ztj_view in, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* Constant-time comparison. */
bool ztj_ct_equal(const void *a, const void *b, size_t n);
/* memset that stays. */
void ztj_wipe(void *p, size_t n);

#endif
