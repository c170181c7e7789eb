/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* A self-signed certificate: nothing but a container of an Ed25519 key. */
#include "libztjit/net/private.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* The serial number is of the key, so that the same input gives the same bytes. */
static bool set_serial(X509 *x, const struct ztj_seckey *sk)
{
	uint8_t d[ZTJ_DIGEST_LEN];
	BIGNUM *bn;
	bool ok;

	if (ztj_key_digest(&sk->pub, d) != ZTJ_OK)
		return false;
	d[0] &= 0x7f;
	bn = BN_bin2bn(d, 8, NULL);
	ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
	BN_free(bn);
	return ok;
}

static bool set_name(X509 *x, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(x);
	union {
		const char *c;
		const unsigned char *u;
	} text = { .c = cn };

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text.u, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1;
}

int ztj_net_certify(const struct ztj_seckey *sk, const char *cn, int64_t not_before, X509 **cert,
    EVP_PKEY **key)
{
	X509 *x = X509_new();
	EVP_PKEY *pk = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, sk->seed, sizeof sk->seed);

	*cert = NULL;
	*key = NULL;
	/* 99991231235959Z: no end of its own (RFC 5280 section 4.1.2.5) */
	if (x == NULL || pk == NULL || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x, sk) ||
	    !set_name(x, cn) || ASN1_TIME_set(X509_getm_notBefore(x), (time_t)not_before) == NULL ||
	    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") != 1 ||
	    X509_set_pubkey(x, pk) != 1 || X509_sign(x, pk, NULL) <= 0) {
		X509_free(x);
		EVP_PKEY_free(pk);
		return ZTJ_CRYPTO_LIB;
	}
	*cert = x;
	*key = pk;
	return ZTJ_OK;
}

static int drain(BIO *bio, struct ztj_buf *out)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	if (n <= 0)
		return ZTJ_CRYPTO_LIB;
	return ztj_buf_put(out, p, (size_t)n);
}

int ztj_net_selfsigned(const struct ztj_seckey *sk, const char *cn, int64_t not_before,
    struct ztj_buf *cert_pem, struct ztj_buf *key_pem)
{
	X509 *x = NULL;
	EVP_PKEY *pk = NULL;
	BIO *bc = BIO_new(BIO_s_mem()), *bk = BIO_new(BIO_s_secmem());
	int r = ztj_net_certify(sk, cn, not_before, &x, &pk);

	if (r == ZTJ_OK &&
	    (bc == NULL || bk == NULL || PEM_write_bio_X509(bc, x) != 1 ||
		PEM_write_bio_PrivateKey(bk, pk, NULL, NULL, 0, NULL, NULL) != 1))
		r = ZTJ_CRYPTO_LIB;
	if (r == ZTJ_OK)
		r = drain(bc, cert_pem);
	if (r == ZTJ_OK)
		r = drain(bk, key_pem);
	BIO_free(bc);
	BIO_free(bk);
	X509_free(x);
	EVP_PKEY_free(pk);
	return r;
}
