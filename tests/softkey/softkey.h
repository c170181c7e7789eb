/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A software authenticator for tests and the demonstration, never installed:
 * it keeps its secrets in plain files and touches itself.
 *
 * state    DIR/NAME.json, one file a key; DIR is $ZTJ_SOFTKEY_DIR
 * cred     credentials: everything about one is in its handle
 * attest   the maker's certificate and the attestation statement
 * touch    waiting for a touch, and the log of touches
 * pin      PIN and built-in verification; the PIN/UV auth protocols 1 and 2
 * ops      make a credential, make an assertion
 * ctap     the same as CTAP2 commands            -> libsoftkey-fido.so
 * skapi    the same as an OpenSSH middleware     -> libsoftkey-sk.so
 *
 * Status codes are CTAP2's (FIDO_ERR_* of <fido/err.h>) and the two below.
 * It shares no code with libztjit, so that each checks the other.
 */
#ifndef ZTJ_SOFTKEY_H
#define ZTJ_SOFTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fido/err.h>
#include <fido/param.h>

#define SOFTKEY_GONE (-100)    /* unplugged */
#define SOFTKEY_PENDING (-101) /* still waiting for a touch */

#define SOFTKEY_NAME_SIZE 33
#define SOFTKEY_KEYS_MAX 16
#define SOFTKEY_RESIDENT_MAX 8
#define SOFTKEY_HANDLE_LEN 68
#define SOFTKEY_RP_SIZE 256
#define SOFTKEY_PIN_RETRIES 8
#define SOFTKEY_UV_RETRIES 3

enum softkey_touch_mode { SOFTKEY_TOUCH_AUTO, SOFTKEY_TOUCH_DENY, SOFTKEY_TOUCH_TIMEOUT, SOFTKEY_TOUCH_ASK };
enum softkey_uv_mode { SOFTKEY_UV_OFF, SOFTKEY_UV_OK, SOFTKEY_UV_FAIL };
enum softkey_attest_mode { SOFTKEY_ATTEST_BASIC, SOFTKEY_ATTEST_SELF, SOFTKEY_ATTEST_NONE };

struct softkey_resident {
	char rp[SOFTKEY_RP_SIZE];
	uint8_t handle[SOFTKEY_HANDLE_LEN];
	uint8_t user_id[64];
	size_t user_id_len;
};

struct softkey {
	char name[SOFTKEY_NAME_SIZE];
	bool plugged;
	bool ctap20;      /* PIN tokens without permissions, algorithms not listed */
	bool ed25519;     /* also Ed25519, not P-256 alone */
	int protocol;     /* PIN/UV auth protocol: 1, 2, or 12 for both */
	enum softkey_attest_mode attest;
	enum softkey_touch_mode touch;
	int touch_ms;     /* patience of the key itself */
	enum softkey_uv_mode uv;
	int uv_retries;
	bool has_pin;
	uint8_t pin_hash[16];
	int pin_retries;
	int pin_mismatches; /* in a row since it was plugged in */
	uint32_t counter;
	uint32_t counter_step; /* 0: frozen */
	uint8_t secret[32];
	uint8_t aaguid[16];
	uint8_t att_key[256]; /* PKCS#8 DER */
	size_t att_key_len;
	uint8_t att_cert[1024];
	size_t att_cert_len;
	struct softkey_resident resident[SOFTKEY_RESIDENT_MAX];
	size_t n_resident;
};

/* --- state --- (0, or -1 with errno) */
const char *softkey_dir(void); /* NULL when the environment names none */
bool softkey_name_ok(const char *name);
int softkey_path(const char *name, const char *suffix, char *out, size_t size);
int softkey_load(const char *name, struct softkey *k);
/* Under the directory's lock: load, change, store. change returns 0 to store; its result is returned. */
int softkey_update(const char *name, int (*change)(struct softkey *k, void *arg), void *arg);
int softkey_create(const struct softkey *k);
/* Sorted names. */
size_t softkey_list(char names[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE], bool plugged_only);

/* --- credentials --- */
struct softkey_cred {
	int alg; /* COSE_ES256 or COSE_EDDSA */
	int prot; /* credProtect level, 0 for none */
	uint8_t handle[SOFTKEY_HANDLE_LEN];
	uint8_t key[32]; /* private: the scalar, or the Ed25519 seed */
	uint8_t pub[65]; /* 32 bytes, or 0x04 x y */
	size_t pub_len;
};
int softkey_cred_make(const struct softkey *k, int alg, const char *rp, int prot, struct softkey_cred *c);
/* Whether the handle is this key's, for this relying party. */
bool softkey_cred_open(const struct softkey *k, const char *rp, const uint8_t *handle, size_t n,
    struct softkey_cred *c);
/* DER for P-256, 64 bytes for Ed25519; sig holds 80. */
int softkey_cred_sign(const struct softkey_cred *c, const uint8_t *data, size_t n, uint8_t *sig, size_t *sig_len);

/* --- attestation --- */
int softkey_attest_new(struct softkey *k); /* makes certificate and key under DIR/attestation-root.pem */
int softkey_attest_sign(const struct softkey *k, const uint8_t *data, size_t n, uint8_t *sig, size_t *sig_len);

/* --- touch --- */
struct softkey_wait {
	const char *name;
	int64_t began; /* softkey_now() at the request */
	int64_t until; /* give up waiting here, with SOFTKEY_PENDING; -1: never */
};
int64_t softkey_now(void);
void softkey_touch_clear(const char *name); /* forgets touches given before the request */
int softkey_touch(const struct softkey_wait *w, const char *what);

/* --- PIN and user verification --- */
void softkey_pin_hash(const char *pin, uint8_t out[16]);
int softkey_pin_check(const char *name, const uint8_t hash[16]);
int softkey_uv_check(const char *name);

struct softkey_secret {
	int protocol;
	uint8_t hmac[32], aes[32];
};
struct softkey_pinproto {
	void *ecdh; /* EVP_PKEY */
	uint8_t token[32];
	bool token_set;
	unsigned permissions; /* 0: all (CTAP 2.0) */
	char rp[SOFTKEY_RP_SIZE];
};
int softkey_ecdh_new(struct softkey_pinproto *p);
void softkey_ecdh_free(struct softkey_pinproto *p);
int softkey_ecdh_public(const struct softkey_pinproto *p, uint8_t point[65]);
int softkey_ecdh_derive(const struct softkey_pinproto *p, int protocol, const uint8_t point[65], struct softkey_secret *s);
int softkey_decrypt(const struct softkey_secret *s, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len);
int softkey_encrypt(const struct softkey_secret *s, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len);
bool softkey_auth_ok(int protocol, const uint8_t key[32], const uint8_t *data, size_t n, const uint8_t *mac, size_t mac_len);

/* --- operations, after user verification --- */
#define SOFTKEY_AUTHDATA_MAX 512
struct softkey_make {
	int alg;
	const char *rp;
	const uint8_t *cdh; /* client data hash, 32 bytes */
	int prot;
	bool resident, verified;
	const uint8_t *user_id;
	size_t user_id_len;
};
struct softkey_made {
	struct softkey_cred cred;
	uint8_t authdata[SOFTKEY_AUTHDATA_MAX];
	size_t authdata_len;
	uint8_t sig[80]; /* attestation; sig_len 0: none */
	size_t sig_len;
	bool with_cert;
};
int softkey_op_make(const struct softkey_wait *w, const struct softkey_make *m, struct softkey_made *out);

struct softkey_get {
	const struct softkey_cred *cred;
	const char *rp;
	const uint8_t *cdh;
	bool present, verified;
};
struct softkey_got {
	uint8_t authdata[SOFTKEY_AUTHDATA_MAX];
	size_t authdata_len;
	uint8_t sig[80];
	size_t sig_len;
	uint8_t flags;
	uint32_t counter;
};
int softkey_op_get(const struct softkey_wait *w, const struct softkey_get *g, struct softkey_got *out);

/* --- CTAP2 --- */
struct softkey_session {
	char name[SOFTKEY_NAME_SIZE];
	struct softkey_pinproto pin;
};
#define SOFTKEY_REPLY_MAX 4096
/* One command: command byte and CBOR. Returns the length of the reply (status byte and
 * CBOR), SOFTKEY_GONE or SOFTKEY_PENDING (call again with the same request). */
int softkey_ctap(struct softkey_session *s, const struct softkey_wait *w, const uint8_t *req, size_t n,
    uint8_t reply[SOFTKEY_REPLY_MAX]);

#endif
