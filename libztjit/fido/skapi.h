/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The interface of OpenSSH security-key middleware (PROTOCOL.u2f, "OpenSSH
 * integration"), version 0x000a0000, as shared objects export and import it. The names are
 * the interface's own. Memory in responses is from malloc and belongs to the caller.
 */
#ifndef ZTJ_FIDO_SKAPI_H
#define ZTJ_FIDO_SKAPI_H

#include <stddef.h>
#include <stdint.h>

#define SSH_SK_VERSION_MAJOR 0x000a0000U
#define SSH_SK_VERSION_MAJOR_MASK 0xffff0000U

enum { /* flags */
	SSH_SK_USER_PRESENCE_REQD = 0x01,
	SSH_SK_USER_VERIFICATION_REQD = 0x04,
	SSH_SK_FORCE_OPERATION = 0x10,
	SSH_SK_RESIDENT_KEY = 0x20
};

enum { SSH_SK_ECDSA = 0, SSH_SK_ED25519 = 1 }; /* algorithms */

enum { /* errors */
	SSH_SK_ERR_GENERAL = -1,
	SSH_SK_ERR_UNSUPPORTED = -2,
	SSH_SK_ERR_PIN_REQUIRED = -3,
	SSH_SK_ERR_DEVICE_NOT_FOUND = -4,
	SSH_SK_ERR_CREDENTIAL_EXISTS = -5
};

struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key; /* 32 bytes, or 65 with the leading 0x04 */
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata; /* CBOR byte string */
	size_t authdata_len;
};

struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r; /* Ed25519: the whole signature */
	size_t sig_r_len;
	uint8_t *sig_s; /* Ed25519: NULL */
	size_t sig_s_len;
};

struct sk_resident_key {
	uint32_t alg;
	size_t slot;
	char *application;
	struct sk_enroll_response key;
	uint8_t flags;
	uint8_t *user_id;
	size_t user_id_len;
};

struct sk_option {
	char *name;
	char *value;
	uint8_t required;
};

typedef uint32_t sk_api_version_fn(void);
typedef int sk_enroll_fn(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_enroll_response **response);
typedef int sk_sign_fn(uint32_t alg, const uint8_t *data, size_t data_len,
    const char *application, const uint8_t *key_handle, size_t key_handle_len, uint8_t flags,
    const char *pin, struct sk_option **options, struct sk_sign_response **response);
typedef int sk_load_resident_keys_fn(const char *pin, struct sk_option **options,
    struct sk_resident_key ***keys, size_t *n);

#endif
