/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * PIN, built-in verification, and the PIN/UV auth protocols 1 and 2 (CTAP 2.1 section 6.5).
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "tests/softkey/softkey.h"

void softkey_pin_hash(const char *pin, uint8_t out[16])
{
	uint8_t full[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)pin, strlen(pin), full);
	memcpy(out, full, 16);
	OPENSSL_cleanse(full, sizeof(full));
}

struct check {
	const uint8_t *hash;
	int status;
};

static int check_pin(struct softkey *k, void *arg)
{
	struct check *c = arg;

	if (!k->has_pin)
		c->status = FIDO_ERR_PIN_NOT_SET;
	else if (k->pin_retries <= 0)
		c->status = FIDO_ERR_PIN_BLOCKED;
	else if (k->pin_mismatches >= 3)
		c->status = FIDO_ERR_PIN_AUTH_BLOCKED;
	else if (CRYPTO_memcmp(k->pin_hash, c->hash, sizeof(k->pin_hash)) == 0) {
		k->pin_retries = SOFTKEY_PIN_RETRIES;
		k->pin_mismatches = 0;
		c->status = FIDO_OK;
	} else {
		k->pin_retries--;
		k->pin_mismatches++;
		c->status = k->pin_retries == 0 ? FIDO_ERR_PIN_BLOCKED
		    : k->pin_mismatches >= 3    ? FIDO_ERR_PIN_AUTH_BLOCKED
						: FIDO_ERR_PIN_INVALID;
	}
	return 0;
}

int softkey_pin_check(const char *name, const uint8_t hash[16])
{
	struct check c = { hash, FIDO_ERR_ERR_OTHER };

	return softkey_update(name, check_pin, &c) == 0 ? c.status : FIDO_ERR_ERR_OTHER;
}

static int check_uv(struct softkey *k, void *arg)
{
	struct check *c = arg;

	if (k->uv == SOFTKEY_UV_OFF)
		c->status = FIDO_ERR_UNSUPPORTED_OPTION;
	else if (k->uv_retries <= 0)
		c->status = FIDO_ERR_UV_BLOCKED;
	else if (k->uv == SOFTKEY_UV_OK) {
		k->uv_retries = SOFTKEY_UV_RETRIES;
		c->status = FIDO_OK;
	} else
		c->status = --k->uv_retries == 0 ? FIDO_ERR_UV_BLOCKED : FIDO_ERR_UV_INVALID;
	return 0;
}

int softkey_uv_check(const char *name)
{
	struct check c = { NULL, FIDO_ERR_ERR_OTHER };

	return softkey_update(name, check_uv, &c) == 0 ? c.status : FIDO_ERR_ERR_OTHER;
}

/* --- key agreement --- */

int softkey_ecdh_new(struct softkey_pinproto *p)
{
	if (p->ecdh == NULL)
		p->ecdh = EVP_EC_gen("prime256v1");
	return p->ecdh != NULL ? 0 : -1;
}

void softkey_ecdh_free(struct softkey_pinproto *p)
{
	EVP_PKEY_free(p->ecdh);
	OPENSSL_cleanse(p, sizeof(*p));
}

int softkey_ecdh_public(const struct softkey_pinproto *p, uint8_t point[65])
{
	size_t n = 0;

	return EVP_PKEY_get_octet_string_param(p->ecdh, OSSL_PKEY_PARAM_PUB_KEY, point, 65, &n) == 1 &&
		n == 65 && point[0] == 0x04
	    ? 0
	    : -1;
}

static EVP_PKEY *peer_key(const uint8_t point[65])
{
	EVP_PKEY *peer = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "prime256v1";
	uint8_t copy[65];
	OSSL_PARAM params[3];

	memcpy(copy, point, sizeof(copy));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
	params[2] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &peer, EVP_PKEY_PUBLIC_KEY, params) != 1)
		peer = NULL;
	EVP_PKEY_CTX_free(ctx);
	return peer;
}

static int hkdf(const uint8_t z[32], const char *info, uint8_t out[32])
{
	static const uint8_t salt[32];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t n = 32;
	int r = -1;

	if (ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt, sizeof(salt)) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(ctx, z, 32) == 1 &&
	    EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info, (int)strlen(info)) == 1 &&
	    EVP_PKEY_derive(ctx, out, &n) == 1 && n == 32)
		r = 0;
	EVP_PKEY_CTX_free(ctx);
	return r;
}

int softkey_ecdh_derive(const struct softkey_pinproto *p, int protocol, const uint8_t point[65],
    struct softkey_secret *s)
{
	EVP_PKEY *peer = peer_key(point);
	EVP_PKEY_CTX *ctx = p->ecdh != NULL ? EVP_PKEY_CTX_new(p->ecdh, NULL) : NULL;
	uint8_t z[32];
	size_t n = sizeof(z);
	int r = -1;

	memset(s, 0, sizeof(*s));
	s->protocol = protocol;
	if (peer == NULL || ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1 || EVP_PKEY_derive(ctx, z, &n) != 1 || n != sizeof(z))
		goto out;
	if (protocol == 2) {
		r = hkdf(z, "CTAP2 HMAC key", s->hmac) == 0 && hkdf(z, "CTAP2 AES key", s->aes) == 0 ? 0 : -1;
	} else {
		SHA256(z, sizeof(z), s->hmac);
		memcpy(s->aes, s->hmac, sizeof(s->aes));
		r = 0;
	}
out:
	OPENSSL_cleanse(z, sizeof(z));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return r;
}

/* --- encryption and authentication --- */

static int aes_cbc(const struct softkey_secret *s, const uint8_t iv[16], const uint8_t *in, size_t n,
    uint8_t *out, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0, last = 0, r = -1;

	if (ctx != NULL && n > 0 && n % 16 == 0 && n <= 256 &&
	    EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, s->aes, iv, encrypt) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, out, &len, in, (int)n) == 1 &&
	    EVP_CipherFinal_ex(ctx, out + len, &last) == 1 && (size_t)len + (size_t)last == n)
		r = 0;
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

int softkey_decrypt(const struct softkey_secret *s, const uint8_t *in, size_t n, uint8_t *out,
    size_t *out_len)
{
	uint8_t iv[16] = { 0 };

	if (s->protocol == 2) { /* the initial vector stands in front */
		if (n < sizeof(iv))
			return -1;
		memcpy(iv, in, sizeof(iv));
		in += sizeof(iv);
		n -= sizeof(iv);
	}
	*out_len = n;
	return aes_cbc(s, iv, in, n, out, 0);
}

int softkey_encrypt(const struct softkey_secret *s, const uint8_t *in, size_t n, uint8_t *out,
    size_t *out_len)
{
	uint8_t iv[16] = { 0 };

	*out_len = n;
	if (s->protocol == 2) {
		if (RAND_bytes(iv, sizeof(iv)) != 1)
			return -1;
		memcpy(out, iv, sizeof(iv));
		out += sizeof(iv);
		*out_len = n + sizeof(iv);
	}
	return aes_cbc(s, iv, in, n, out, 1);
}

bool softkey_auth_ok(int protocol, const uint8_t key[32], const uint8_t *data, size_t n, const uint8_t *mac,
    size_t mac_len)
{
	uint8_t want[32];
	unsigned len = 0;

	if (HMAC(EVP_sha256(), key, 32, data, n, want, &len) == NULL || len != sizeof(want))
		return false;
	return mac_len == (protocol == 2 ? 32 : 16) && CRYPTO_memcmp(want, mac, mac_len) == 0;
}
