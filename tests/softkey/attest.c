/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The attestation of the software authenticator: a test root a directory, and
 * under it one certificate a key, as WebAuthn 8.2.1 wants them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tests/softkey/softkey.h"

#define ROOT_NAME "Software test key root (no security)"
#define OID_AAGUID "1.3.6.1.4.1.45724.1.1.4"

static int add_name(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0);
}

static int add_ext(X509 *cert, int nid, const char *text)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
	int ok = e != NULL && X509_add_ext(cert, e, -1) == 1;

	X509_EXTENSION_free(e);
	return ok;
}

static int add_aaguid(X509 *cert, const uint8_t aaguid[16])
{
	ASN1_OBJECT *oid = OBJ_txt2obj(OID_AAGUID, 1);
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	uint8_t der[18] = { 0x04, 0x10 };
	X509_EXTENSION *e = NULL;
	int ok = 0;

	memcpy(der + 2, aaguid, 16);
	if (oid != NULL && os != NULL && ASN1_OCTET_STRING_set(os, der, sizeof(der)) == 1 &&
	    (e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, os)) != NULL)
		ok = X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(os);
	ASN1_OBJECT_free(oid);
	return ok;
}

/* The dates are fixed, so that no test's clock makes a difference. */
static X509 *new_cert(EVP_PKEY *pkey, const char *cn, int64_t serial)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (cert == NULL)
		return NULL;
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), serial) != 1 ||
	    ASN1_TIME_set_string(X509_getm_notBefore(cert), "20200101000000Z") != 1 ||
	    ASN1_TIME_set_string(X509_getm_notAfter(cert), "20991231235959Z") != 1 ||
	    add_name(name, "C", "ZZ") != 1 || add_name(name, "O", "ztjit tests") != 1 ||
	    add_name(name, "OU", "Authenticator Attestation") != 1 || add_name(name, "CN", cn) != 1 ||
	    X509_set_pubkey(cert, pkey) != 1) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static X509 *new_root(EVP_PKEY *pkey)
{
	X509 *cert = new_cert(pkey, ROOT_NAME, 1);

	if (cert != NULL && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
	    add_ext(cert, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_ext(cert, NID_key_usage, "critical,keyCertSign") && X509_sign(cert, pkey, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

/* Root certificate and key of this directory, made at the first use. */
static int get_root(X509 **cert, EVP_PKEY **pkey)
{
	char path[512];
	FILE *f;
	int r = -1;

	*cert = NULL;
	*pkey = NULL;
	if (softkey_path("attestation-root", ".pem", path, sizeof(path)) != 0)
		return -1;
	if ((f = fopen(path, "re")) != NULL) {
		*cert = PEM_read_X509(f, NULL, NULL, NULL);
		*pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		(void)fclose(f);
		return *cert != NULL && *pkey != NULL ? 0 : -1;
	}
	if ((*pkey = EVP_EC_gen("prime256v1")) == NULL || (*cert = new_root(*pkey)) == NULL ||
	    (f = fopen(path, "wxe")) == NULL)
		return -1;
	if (PEM_write_X509(f, *cert) == 1 && PEM_write_PrivateKey(f, *pkey, NULL, NULL, 0, NULL, NULL) == 1)
		r = 0;
	return fclose(f) == 0 ? r : -1;
}

static int keep_der(int n, const unsigned char *der, uint8_t *out, size_t size, size_t *len)
{
	if (n <= 0 || (size_t)n > size)
		return -1;
	memcpy(out, der, (size_t)n);
	*len = (size_t)n;
	return 0;
}

int softkey_attest_new(struct softkey *k)
{
	X509 *root = NULL, *cert = NULL;
	EVP_PKEY *root_key = NULL, *pkey = NULL;
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	unsigned char *cert_der = NULL, *key_der = NULL;
	int n, r = -1;

	if (get_root(&root, &root_key) != 0 || (pkey = EVP_EC_gen("prime256v1")) == NULL ||
	    (cert = new_cert(pkey, "Software test key (no security)", 2)) == NULL ||
	    X509_set_issuer_name(cert, X509_get_subject_name(root)) != 1 ||
	    !add_ext(cert, NID_basic_constraints, "critical,CA:FALSE") || !add_aaguid(cert, k->aaguid) ||
	    X509_sign(cert, root_key, EVP_sha256()) <= 0)
		goto out;
	n = i2d_X509(cert, &cert_der);
	if (keep_der(n, cert_der, k->att_cert, sizeof(k->att_cert), &k->att_cert_len) != 0 ||
	    (p8 = EVP_PKEY2PKCS8(pkey)) == NULL)
		goto out;
	n = i2d_PKCS8_PRIV_KEY_INFO(p8, &key_der);
	r = keep_der(n, key_der, k->att_key, sizeof(k->att_key), &k->att_key_len);
out:
	if (r != 0 && errno == 0)
		errno = EIO;
	OPENSSL_free(cert_der);
	OPENSSL_free(key_der);
	PKCS8_PRIV_KEY_INFO_free(p8);
	X509_free(cert);
	X509_free(root);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(root_key);
	return r;
}

int softkey_attest_sign(const struct softkey *k, const uint8_t *data, size_t n, uint8_t *sig, size_t *sig_len)
{
	const unsigned char *p = k->att_key;
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)k->att_key_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	*sig_len = 80;
	if (pkey != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, sig_len, data, n) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}
