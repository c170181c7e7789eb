/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Public keys as OpenSSL objects. */
#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "libztjit/core/pkey.h"

/*
 * Looking the curve up costs more than a third of a verification, every time:
 * EVP_PKEY_fromdata 26 us, d2i_PUBKEY 170 us, a copy of ready parameters 7 us. So
 * the parameters of P-256 are made once, and never written again. When making
 * them fails, the next caller tries again.
 */
static _Atomic(EVP_PKEY *) p256_cache;

static EVP_PKEY *p256_make(void)
{
	char group[] = "prime256v1";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *made = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		made = NULL;
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static const EVP_PKEY *p256_params(void)
{
	EVP_PKEY *have = atomic_load(&p256_cache), *made;

	if (have != NULL || (made = p256_make()) == NULL)
		return have;
	if (atomic_compare_exchange_strong(&p256_cache, &have, made))
		return made;
	EVP_PKEY_free(made); /* another thread was faster */
	return have;
}

/* The curve for checking points, likewise. */
static _Atomic(EC_GROUP *) curve_cache;

static const EC_GROUP *curve(void)
{
	EC_GROUP *have = atomic_load(&curve_cache), *made;

	if (have != NULL || (made = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)) == NULL)
		return have;
	if (atomic_compare_exchange_strong(&curve_cache, &have, made))
		return made;
	EC_GROUP_free(made);
	return have;
}

int ztj_pkey_check_p256(const uint8_t *point, size_t n)
{
	const EC_GROUP *group;
	EC_POINT *p = NULL;
	int r = ZTJ_CRYPTO_LIB;

	/* not compressed, not hybrid, not infinity */
	if (n != 65 || point[0] != 0x04)
		return ZTJ_BAD_KEY;
	ERR_set_mark();
	if ((group = curve()) != NULL && (p = EC_POINT_new(group)) != NULL)
		r = EC_POINT_oct2point(group, p, point, n, NULL) == 1
		    ? ZTJ_OK
		    : ZTJ_BAD_KEY; /* it checks the equation */
	EC_POINT_free(p);
	ERR_pop_to_mark();
	return r;
}

static int new_p256(const struct ztj_key *k, EVP_PKEY **out)
{
	const EVP_PKEY *params = p256_params();
	EVP_PKEY *pk;
	int r = ZTJ_CRYPTO_LIB;

	if (params == NULL)
		return ZTJ_CRYPTO_LIB;
	if ((pk = EVP_PKEY_new()) == NULL || EVP_PKEY_copy_parameters(pk, params) != 1)
		goto out;
	/* decodes the point and so checks that it lies on the curve */
	if (EVP_PKEY_set1_encoded_public_key(pk, k->pub, k->pub_len) != 1) {
		r = ZTJ_BAD_KEY;
		goto out;
	}
	*out = pk;
	return ZTJ_OK;
out:
	EVP_PKEY_free(pk);
	return r;
}

static int new_ed25519(const struct ztj_key *k, EVP_PKEY **out)
{
	*out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->pub, k->pub_len);
	return *out != NULL ? ZTJ_OK : ZTJ_CRYPTO_LIB; /* it takes any 32 bytes */
}

int ztj_pkey_new(const struct ztj_key *k, EVP_PKEY **out)
{
	int r = ZTJ_KEY_TYPE;

	*out = NULL;
	ERR_set_mark();
	switch (k->type) {
	case ZTJ_KEY_ED25519:
	case ZTJ_KEY_SK_ED25519:
		r = k->pub_len == 32 ? new_ed25519(k, out) : ZTJ_BAD_KEY;
		break;
	case ZTJ_KEY_ECDSA:
	case ZTJ_KEY_SK_ECDSA:
		/* not compressed, not hybrid, not infinity */
		r = k->pub_len == 65 && k->pub[0] == 0x04 ? new_p256(k, out) : ZTJ_BAD_KEY;
		break;
	case ZTJ_KEY_NONE:
		break;
	}
	ERR_pop_to_mark(); /* a refused key must not look like a later TLS error */
	return r;
}
