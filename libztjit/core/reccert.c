/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/reccert.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "libztjit/core/text.h"

static X509 *parse(struct ztj_view der)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (der.n == 0 || der.n > ZTJ_RECCERT_SIZE)
		return NULL;
	x = d2i_X509(NULL, &p, (long)der.n);
	if (x != NULL && p != der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

/* A key without the name of its curve cannot be agreed with. */
static bool named_curve(EVP_PKEY *key)
{
	char name[64];
	size_t n = 0;

	return EVP_PKEY_get_group_name(key, name, sizeof(name), &n) == 1 && n > 0;
}

static bool key_ok(EVP_PKEY *key)
{
	int bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);

	if (key == NULL)
		return false;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return bits >= 2048 && bits <= 16384;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && bits >= 256 && named_curve(key);
}

int ztj_reccert_check(struct ztj_view der)
{
	X509 *x = parse(der);
	int r;

	if (x == NULL)
		return ZTJ_BAD_ENCODING;
	r = key_ok(X509_get0_pubkey(x)) ? ZTJ_OK : ZTJ_KEY_TYPE;
	X509_free(x);
	ERR_clear_error();
	return r;
}

int ztj_reccert_subject(struct ztj_view der, struct ztj_buf *out)
{
	X509 *x = parse(der);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;
	int r = ZTJ_CRYPTO_LIB;

	if (x == NULL)
		r = ZTJ_BAD_ENCODING;
	else if (bio != NULL &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >=
		0) {
		n = BIO_get_mem_data(bio, &text);
		r = ztj_text_escape(ztj_view_of(text, n > 0 ? (size_t)n : 0), out);
	}
	BIO_free(bio);
	X509_free(x);
	ERR_clear_error();
	return r;
}
