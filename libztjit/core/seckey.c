/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Ed25519 private keys. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "libztjit/core/key.h"

static EVP_PKEY *private_key(const uint8_t seed[32])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
}

int ztj_seckey_from_seed(struct ztj_seckey *sk, const uint8_t seed[32])
{
	uint8_t copy[32]; /* seed may be sk->seed */
	size_t len = sizeof(copy);
	EVP_PKEY *pk;
	int r = ZTJ_CRYPTO_LIB;

	memcpy(copy, seed, sizeof(copy));
	memset(sk, 0, sizeof(*sk));
	ERR_set_mark();
	pk = private_key(copy);
	if (pk != NULL && EVP_PKEY_get_raw_public_key(pk, sk->pub.pub, &len) == 1 && len == 32) {
		sk->pub.type = ZTJ_KEY_ED25519;
		sk->pub.pub_len = len;
		memcpy(sk->seed, copy, sizeof(copy));
		r = ZTJ_OK;
	}
	EVP_PKEY_free(pk);
	ERR_pop_to_mark();
	ztj_wipe(copy, sizeof(copy));
	if (r != ZTJ_OK)
		memset(sk, 0, sizeof(*sk));
	return r;
}

/* Both halves: from the seed alone OpenSSL derives the public one again, which takes as long as signing. The two belong
 * together, or a signature would give the seed away: nothing but ztj_seckey_from_seed fills a ztj_seckey. */
static EVP_PKEY *key_pair(const struct ztj_seckey *sk)
{
	uint8_t priv[32], pub[32];
	OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, priv,
				    sizeof(priv)),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pub, sizeof(pub)),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "ED25519", NULL);
	EVP_PKEY *pk = NULL;

	memcpy(priv, sk->seed, sizeof(priv));
	memcpy(pub, sk->pub.pub, sizeof(pub));
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pk, EVP_PKEY_KEYPAIR, params) != 1)
		pk = NULL;
	ztj_wipe(priv, sizeof(priv));
	EVP_PKEY_CTX_free(ctx);
	return pk;
}

static int sign_raw(const struct ztj_seckey *sk, struct ztj_view msg, uint8_t sig[64])
{
	EVP_PKEY *pk = key_pair(sk);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *p = msg.n != 0 ? msg.p : (const uint8_t *)"";
	size_t len = 64;
	int r = ZTJ_CRYPTO_LIB;

	if (pk != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pk) == 1 &&
	    EVP_DigestSign(ctx, sig, &len, p, msg.n) == 1 && len == 64)
		r = ZTJ_OK;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pk);
	return r;
}

int ztj_seckey_sign(const struct ztj_seckey *sk, struct ztj_view msg, struct ztj_buf *sigblob)
{
	uint8_t sig[64];
	int r;

	if (sk->pub.type != ZTJ_KEY_ED25519)
		return ZTJ_KEY_TYPE;
	ERR_set_mark();
	r = sign_raw(sk, msg, sig);
	ERR_pop_to_mark();
	if (r != ZTJ_OK)
		return r;
	(void)ztj_buf_put_cstring(sigblob, ztj_key_type_name(ZTJ_KEY_ED25519));
	return ztj_buf_put_string(sigblob, sig, sizeof(sig));
}

void ztj_seckey_wipe(struct ztj_seckey *sk)
{
	ztj_wipe(sk, sizeof(*sk));
}
