/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * SSH public keys (RFC 4253 section 6.6, RFC 8709, PROTOCOL.u2f). A key is a
 * value: no allocation, compare and copy freely.
 */
#ifndef ZTJ_CORE_KEY_H
#define ZTJ_CORE_KEY_H

#include "libztjit/core/codec.h"

enum ztj_key_type {
	ZTJ_KEY_NONE,
	ZTJ_KEY_ED25519,    /* ssh-ed25519: machine, TLS, CA, host keys, HSM roots */
	ZTJ_KEY_ECDSA,      /* ecdsa-sha2-nistp256: CA in a token and SSH host keys only */
	ZTJ_KEY_SK_ED25519, /* sk-ssh-ed25519@openssh.com */
	ZTJ_KEY_SK_ECDSA    /* sk-ecdsa-sha2-nistp256@openssh.com */
};

#define ZTJ_APPLICATION_SIZE 129
#define ZTJ_KEY_BLOB_MAX 512
#define ZTJ_KEY_TEXT_SIZE 800
#define ZTJ_FINGERPRINT_SIZE 64

struct ztj_key {
	enum ztj_key_type type;
	uint8_t pub[65]; /* 32 bytes, or an uncompressed P-256 point */
	size_t pub_len;
	char application[ZTJ_APPLICATION_SIZE]; /* sk types; must begin with "ssh:" */
};

const char *ztj_key_type_name(enum ztj_key_type t); /* "ssh-ed25519", … */
bool ztj_key_is_sk(const struct ztj_key *k);
bool ztj_key_equal(const struct ztj_key *a, const struct ztj_key *b);
/* P-256: uncompressed, on the curve, not infinity. Ed25519: not of small order. The application
 * begins with "ssh:" and has no control characters. Nothing left over.
 * ZTJ_BAD_KEY, ZTJ_KEY_TYPE or ZTJ_APPLICATION otherwise. */
int ztj_key_from_blob(struct ztj_key *k, struct ztj_view blob) ZTJ_MUST_CHECK;
/* Appends the blob, without an outer length. */
int ztj_key_to_blob(const struct ztj_key *k, struct ztj_buf *out) ZTJ_MUST_CHECK;
/* "type base64" with single space and nothing else (as in statements). */
int ztj_key_from_text(struct ztj_key *k, struct ztj_view text) ZTJ_MUST_CHECK;
/* One line of a .pub file: type, base64, optional comment, optional newline. */
int ztj_key_from_line(struct ztj_key *k, struct ztj_view line) ZTJ_MUST_CHECK;
int ztj_key_to_text(const struct ztj_key *k, char out[ZTJ_KEY_TEXT_SIZE]) ZTJ_MUST_CHECK;
/* SHA-256 of the blob. */
int ztj_key_digest(const struct ztj_key *k, uint8_t out[ZTJ_DIGEST_LEN]) ZTJ_MUST_CHECK;
/* "SHA256:…" as ssh-keygen -l prints it. */
int ztj_key_fingerprint(const struct ztj_key *k, char out[ZTJ_FINGERPRINT_SIZE]) ZTJ_MUST_CHECK;

/* An Ed25519 private key: machine, TLS, CA, online, log and login keys. */
struct ztj_seckey {
	struct ztj_key pub;
	uint8_t seed[32];
};
/* seed: 32 random bytes, supplied by the caller. */
int ztj_seckey_from_seed(struct ztj_seckey *sk, const uint8_t seed[32]) ZTJ_MUST_CHECK;
/* Appends the SSH signature blob (string "ssh-ed25519", string sig). */
int ztj_seckey_sign(const struct ztj_seckey *sk, struct ztj_view msg, struct ztj_buf *sigblob) ZTJ_MUST_CHECK;
void ztj_seckey_wipe(struct ztj_seckey *sk);

/* What an sk signature said beside being valid. */
struct ztj_sig_info {
	bool is_sk;
	bool user_present, user_verified;
	uint32_t counter;
};

/* Verify an SSH signature blob over msg. sk: PROTOCOL.u2f (application and
 * flags are covered); the user-present flag is demanded here (ZTJ_NO_TOUCH), user-verified
 * is reported. Wrong algorithm name: ZTJ_SIG_ALG. r or s over 32 bytes, zero, non-minimal; s of
 * Ed25519 not reduced; anything left over: refused. */
int ztj_sig_verify(const struct ztj_key *k, struct ztj_view sigblob, struct ztj_view msg,
    struct ztj_sig_info *info) ZTJ_MUST_CHECK;

/* Build the blob of an sk signature from what an authenticator returns: raw is 64
 * bytes (Ed25519) or DER (ECDSA). Appends. */
int ztj_sig_from_assertion(const struct ztj_key *k, struct ztj_view raw, uint8_t flags,
    uint32_t counter, struct ztj_buf *sigblob) ZTJ_MUST_CHECK;

#endif
