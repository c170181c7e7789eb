/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/record/seal.h"

#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/err.h>

#include "libztjit/core/reccert.h"

struct ztj_sealto {
	STACK_OF(X509) * certs;
};

static int add_cert(struct ztj_sealto *s, struct ztj_view der)
{
	const unsigned char *p = der.p;
	X509 *x;
	int r = ztj_reccert_check(der);

	if (r != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	x = d2i_X509(NULL, &p, (long)der.n);
	if (x == NULL || sk_X509_push(s->certs, x) <= 0) {
		X509_free(x);
		return ZTJ_CRYPTO_LIB;
	}
	return ZTJ_OK;
}

int ztj_sealto_new(const struct ztj_view *ders, size_t n, struct ztj_sealto **out, size_t *which)
{
	struct ztj_sealto *s;
	int r = ZTJ_OK;

	*out = NULL;
	*which = 0;
	if (n == 0 || n > ZTJ_RECCERT_MAX)
		return ZTJ_LIMIT;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ZTJ_NOMEM;
	s->certs = sk_X509_new_null();
	if (s->certs == NULL)
		r = ZTJ_NOMEM;
	for (size_t i = 0; i < n && r == ZTJ_OK; i++) {
		*which = i;
		r = add_cert(s, ders[i]);
	}
	if (r != ZTJ_OK) {
		ztj_sealto_free(s);
		ERR_clear_error();
		return r;
	}
	*out = s;
	return ZTJ_OK;
}

void ztj_sealto_free(struct ztj_sealto *s)
{
	if (s == NULL)
		return;
	sk_X509_pop_free(s->certs, X509_free);
	free(s);
}

/* The DER of cms, appended. */
static int put_der(CMS_ContentInfo *cms, struct ztj_buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der), r;

	if (n <= 0)
		return ZTJ_CRYPTO_LIB;
	r = ztj_buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	return r;
}

int ztj_seal(const struct ztj_sealto *to, struct ztj_view v, struct ztj_buf *out)
{
	CMS_ContentInfo *cms = NULL;
	BIO *in = NULL;
	int r = ZTJ_CRYPTO_LIB;

	if (v.n > ZTJ_CHUNK_BODY_MAX)
		return ZTJ_TOO_LARGE;
	in = BIO_new_mem_buf(v.p, (int)v.n);
	if (in != NULL)
		cms = CMS_encrypt(to->certs, in, EVP_aes_256_cbc(), CMS_BINARY);
	if (cms != NULL)
		r = put_der(cms, out);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	ERR_clear_error();
	return r;
}
