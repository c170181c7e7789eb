/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Credentials of the software authenticator. Nothing is stored: the private
 * key is derived from the key's secret and the handle, which carries a MAC.
 *
 * handle: version 1, algorithm (0 P-256, 1 Ed25519), credProtect, 0, 32 random bytes, 32 bytes of MAC
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "tests/softkey/softkey.h"

#define BODY_LEN 36

static int mac(const struct softkey *k, const char *purpose, const char *rp, const uint8_t body[BODY_LEN],
    uint8_t turn, uint8_t out[32])
{
	uint8_t in[16 + 32 + BODY_LEN + 1] = { 0 };
	unsigned len = 0;

	memcpy(in, purpose, strnlen(purpose, 16));
	SHA256((const uint8_t *)rp, strlen(rp), in + 16);
	memcpy(in + 48, body, BODY_LEN);
	in[48 + BODY_LEN] = turn;
	return HMAC(EVP_sha256(), k->secret, sizeof(k->secret), in, sizeof(in), out, &len) != NULL &&
		len == 32
	    ? 0
	    : -1;
}

/* The point of a scalar; fails for 0 and for what is not below the order. */
static int p256_public(const uint8_t scalar[32], uint8_t point[65])
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
	EC_POINT *q = NULL;
	int r = -1;

	if (g != NULL && d != NULL && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(g)) < 0 &&
	    (q = EC_POINT_new(g)) != NULL && EC_POINT_mul(g, q, d, NULL, NULL, NULL) == 1 &&
	    EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL) == 65)
		r = 0;
	EC_POINT_free(q);
	BN_clear_free(d);
	EC_GROUP_free(g);
	return r;
}

static EVP_PKEY *p256_pkey(const struct softkey_cred *c)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *d = BN_bin2bn(c->key, 32, NULL);
	EVP_PKEY *pkey = NULL;

	if (bld != NULL && ctx != NULL && d != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, c->pub, c->pub_len) == 1 &&
	    (params = OSSL_PARAM_BLD_to_param(bld)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static int derive(const struct softkey *k, const char *rp, struct softkey_cred *c)
{
	EVP_PKEY *pkey;
	size_t n = 32;
	int r;

	if (c->alg == COSE_EDDSA) {
		if (mac(k, "ed25519 key", rp, c->handle, 0, c->key) != 0 ||
		    (pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, c->key, 32)) == NULL)
			return -1;
		r = EVP_PKEY_get_raw_public_key(pkey, c->pub, &n) == 1 ? 0 : -1;
		EVP_PKEY_free(pkey);
		c->pub_len = n;
		return r;
	}
	c->pub_len = 65;
	for (uint8_t turn = 0; turn < 16; turn++) /* once is enough but for one in 2^32 */
		if (mac(k, "p256 key", rp, c->handle, turn, c->key) == 0 && p256_public(c->key, c->pub) == 0)
			return 0;
	return -1;
}

int softkey_cred_make(const struct softkey *k, int alg, const char *rp, int prot, struct softkey_cred *c)
{
	memset(c, 0, sizeof(*c));
	c->alg = alg;
	c->prot = prot;
	c->handle[0] = 1;
	c->handle[1] = alg == COSE_EDDSA ? 1 : 0;
	c->handle[2] = (uint8_t)prot;
	if (RAND_bytes(c->handle + 4, 32) != 1 ||
	    mac(k, "handle", rp, c->handle, 0, c->handle + BODY_LEN) != 0)
		return -1;
	return derive(k, rp, c);
}

bool softkey_cred_open(const struct softkey *k, const char *rp, const uint8_t *handle, size_t n,
    struct softkey_cred *c)
{
	uint8_t want[32];

	memset(c, 0, sizeof(*c));
	if (n != SOFTKEY_HANDLE_LEN || handle[0] != 1 || handle[1] > 1 ||
	    mac(k, "handle", rp, handle, 0, want) != 0 || CRYPTO_memcmp(want, handle + BODY_LEN, 32) != 0)
		return false;
	memcpy(c->handle, handle, n);
	c->alg = handle[1] == 1 ? COSE_EDDSA : COSE_ES256;
	c->prot = handle[2];
	return derive(k, rp, c) == 0;
}

int softkey_cred_sign(const struct softkey_cred *c, const uint8_t *data, size_t n, uint8_t *sig,
    size_t *sig_len)
{
	EVP_PKEY *pkey = c->alg == COSE_EDDSA
	    ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, c->key, 32)
	    : p256_pkey(c);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	*sig_len = 80;
	if (pkey != NULL && ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, c->alg == COSE_EDDSA ? NULL : EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, sig_len, data, n) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}
