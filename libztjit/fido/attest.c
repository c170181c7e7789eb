/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Attestations: OpenSSH's encoding (PROTOCOL.u2f), verification by libfido2,
 * the certificate's own model number, and its chain to a maker's root.
 */
#include <string.h>

#include <fido.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "libztjit/fido/authdata.h"
#include "libztjit/fido/fido.h"

#define MAGIC "ssh-sk-attest-v01"
#define OID_AAGUID "1.3.6.1.4.1.45724.1.1.4" /* id-fido-gen-ce-aaguid */

int ztj_attest_format(const struct ztj_attestation *a, struct ztj_buf *out)
{
	ztj_buf_put_cstring(out, MAGIC);
	ztj_buf_put_string(out, a->cert, a->cert_len);
	ztj_buf_put_string(out, a->sig, a->sig_len);
	ztj_buf_put_string(out, a->authdata, a->authdata_len);
	ztj_buf_put_u32(out, 0);          /* reserved flags */
	ztj_buf_put_string(out, NULL, 0); /* reserved */
	return ztj_buf_status(out);
}

static int get_part(struct ztj_rd *rd, uint8_t *to, size_t size, size_t *len)
{
	struct ztj_view v;
	int r;

	if ((r = ztj_rd_string(rd, size, &v)) != ZTJ_OK)
		return r;
	if (v.n > 0)
		memcpy(to, v.p, v.n);
	*len = v.n;
	return ZTJ_OK;
}

int ztj_attest_parse(struct ztj_attestation *a, struct ztj_view blob)
{
	struct ztj_rd rd;
	struct ztj_view reserved;
	uint32_t flags;
	int r;

	memset(a, 0, sizeof(*a));
	if (blob.n > ZTJ_ATTEST_MAX)
		return ZTJ_TOO_LARGE;
	ztj_rd_init(&rd, blob);
	if ((r = ztj_rd_expect(&rd, MAGIC)) != ZTJ_OK ||
	    (r = get_part(&rd, a->cert, sizeof(a->cert), &a->cert_len)) != ZTJ_OK ||
	    (r = get_part(&rd, a->sig, sizeof(a->sig), &a->sig_len)) != ZTJ_OK ||
	    (r = get_part(&rd, a->authdata, sizeof(a->authdata), &a->authdata_len)) != ZTJ_OK ||
	    (r = ztj_rd_u32(&rd, &flags)) != ZTJ_OK || (r = ztj_rd_string(&rd, 0, &reserved)) != ZTJ_OK ||
	    (r = ztj_rd_end(&rd)) != ZTJ_OK)
		goto out;
	r = flags == 0 ? ZTJ_OK : ZTJ_VERSION;
out:
	if (r != ZTJ_OK)
		memset(a, 0, sizeof(*a));
	return r;
}

/* --- the certificate --- */

static X509 *read_cert(struct ztj_view der)
{
	const unsigned char *p = der.p;
	X509 *cert;

	if (der.n == 0 || (cert = d2i_X509(NULL, &p, (long)der.n)) == NULL)
		return NULL;
	if (p != der.p + der.n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* A maker's certificate for one model must not vouch for another (WebAuthn 8.2.1). */
static int check_cert_aaguid(const struct ztj_attestation *a, const uint8_t aaguid[ZTJ_AAGUID_LEN])
{
	X509 *cert = NULL;
	ASN1_OBJECT *oid = NULL;
	ASN1_OCTET_STRING *inner = NULL;
	const ASN1_OCTET_STRING *outer;
	const unsigned char *p;
	int at, r = ZTJ_ATTESTATION;

	if ((cert = read_cert(ztj_view_of(a->cert, a->cert_len))) == NULL)
		goto out;
	if ((oid = OBJ_txt2obj(OID_AAGUID, 1)) == NULL) {
		r = ZTJ_CRYPTO_LIB;
		goto out;
	}
	if ((at = X509_get_ext_by_OBJ(cert, oid, -1)) < 0) {
		r = ZTJ_OK; /* the extension is optional */
		goto out;
	}
	if ((outer = X509_EXTENSION_get_data(X509_get_ext(cert, at))) == NULL)
		goto out;
	p = ASN1_STRING_get0_data(outer);
	inner = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(outer));
	if (inner != NULL && ASN1_STRING_length(inner) == ZTJ_AAGUID_LEN &&
	    ztj_ct_equal(ASN1_STRING_get0_data(inner), aaguid, ZTJ_AAGUID_LEN))
		r = ZTJ_OK;
out:
	ASN1_OCTET_STRING_free(inner);
	ASN1_OBJECT_free(oid);
	X509_free(cert);
	return r;
}

/* Is this root, or whoever it vouches for, the issuer? */
static int check_root(X509 *cert, X509 *root, int64_t now)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int r = ZTJ_CRYPTO_LIB;

	if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, root) != 1 ||
	    X509_STORE_CTX_init(ctx, store, cert, NULL) != 1 ||
	    (param = X509_STORE_CTX_get0_param(ctx)) == NULL)
		goto out;
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	/* makers pin intermediates as well: a listed certificate is trusted as it stands */
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	r = X509_verify_cert(ctx) == 1 ? ZTJ_OK : ZTJ_ATTESTATION;
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

/* One root at a time: of several with one name OpenSSL tries only the first. */
int ztj_attest_check_roots(const struct ztj_attestation *a, const struct ztj_view *roots, size_t n_roots,
    int64_t now)
{
	X509 *cert = read_cert(ztj_view_of(a->cert, a->cert_len));
	int r = ZTJ_ATTESTATION;

	for (size_t i = 0; cert != NULL && i < n_roots; i++) {
		X509 *root = read_cert(roots[i]);
		int one = root == NULL ? ZTJ_CONFIG : check_root(cert, root, now);

		X509_free(root);
		if (one == ZTJ_OK)
			r = ZTJ_OK;
		else if (one != ZTJ_ATTESTATION) {
			r = one;
			break;
		}
	}
	X509_free(cert);
	return r;
}

/* --- verification --- */

struct claim {
	const struct ztj_attestation *a;
	struct ztj_view challenge;
	const struct ztj_key *key;
};

static int cose_alg(const struct ztj_key *key)
{
	return key->type == ZTJ_KEY_SK_ED25519 ? COSE_EDDSA : COSE_ES256;
}

static bool is_same_key(const fido_cred_t *cred, const struct ztj_key *key)
{
	size_t skip = key->type == ZTJ_KEY_SK_ECDSA ? 1 : 0; /* libfido2 leaves out the 0x04 */

	return fido_cred_pubkey_ptr(cred) != NULL && key->pub_len > skip &&
	    fido_cred_pubkey_len(cred) == key->pub_len - skip &&
	    ztj_ct_equal(fido_cred_pubkey_ptr(cred), key->pub + skip, key->pub_len - skip);
}

/* libfido2 demands that the extensions it is told of are those in the signed data. */
static int set_parts(fido_cred_t *cred, const struct claim *c, const char *fmt, int prot)
{
	int e;

	if ((e = fido_cred_set_type(cred, cose_alg(c->key))) != FIDO_OK ||
	    (e = fido_cred_set_rp(cred, c->key->application, NULL)) != FIDO_OK ||
	    (e = fido_cred_set_clientdata(cred, c->challenge.p, c->challenge.n)) != FIDO_OK ||
	    (e = fido_cred_set_authdata(cred, c->a->authdata, c->a->authdata_len)) != FIDO_OK ||
	    (e = fido_cred_set_sig(cred, c->a->sig, c->a->sig_len)) != FIDO_OK ||
	    (e = fido_cred_set_fmt(cred, fmt)) != FIDO_OK)
		return e;
	if (prot != 0 && (e = fido_cred_set_prot(cred, prot)) != FIDO_OK)
		return e;
	return c->a->cert_len == 0 ? FIDO_OK : fido_cred_set_x509(cred, c->a->cert, c->a->cert_len);
}

static int verify_as(const struct claim *c, const char *fmt, int prot, struct ztj_attest_info *info)
{
	fido_cred_t *cred = fido_cred_new();
	int e, r = ZTJ_ATTESTATION;

	if (cred == NULL)
		return ZTJ_NOMEM;
	if ((e = set_parts(cred, c, fmt, prot)) == FIDO_OK)
		e = c->a->cert_len == 0 ? fido_cred_verify_self(cred) : fido_cred_verify(cred);
	if (e != FIDO_OK || !is_same_key(cred, c->key))
		goto out;
	info->kind = c->a->cert_len == 0 ? ZTJ_ATTEST_SELF : ZTJ_ATTEST_CERT;
	/* a U2F signature covers neither flags nor model, and self attestation is only the key's own word */
	if (strcmp(fmt, "packed") == 0 && info->kind == ZTJ_ATTEST_CERT) {
		if (fido_cred_aaguid_ptr(cred) == NULL || fido_cred_aaguid_len(cred) != ZTJ_AAGUID_LEN)
			goto out;
		memcpy(info->aaguid, fido_cred_aaguid_ptr(cred), ZTJ_AAGUID_LEN);
		if ((r = check_cert_aaguid(c->a, info->aaguid)) != ZTJ_OK)
			goto out;
	}
	info->user_verified = strcmp(fmt, "packed") == 0 &&
	    (fido_cred_flags(cred) & CTAP_AUTHDATA_USER_VERIFIED) != 0;
	r = ZTJ_OK;
out:
	fido_cred_free(&cred);
	return r;
}

int ztj_attest_verify(const struct ztj_attestation *a, struct ztj_view challenge, const struct ztj_key *key,
    struct ztj_attest_info *info)
{
	const struct claim c = { a, challenge, key };
	int prot, r;

	memset(info, 0, sizeof(*info));
	if (!ztj_key_is_sk(key) || challenge.n == 0)
		return ZTJ_ATTESTATION;
	if (a->sig_len == 0)
		return a->cert_len == 0 ? ZTJ_OK : ZTJ_ATTESTATION;
	if ((r = ztj_authdata_check(ztj_view_of(a->authdata, a->authdata_len), key, &prot)) != ZTJ_OK)
		return r;
	r = verify_as(&c, "packed", prot, info);
	if (r == ZTJ_ATTESTATION && key->type == ZTJ_KEY_SK_ECDSA && prot == 0) {
		memset(info, 0, sizeof(*info));
		r = verify_as(&c, "fido-u2f", prot, info);
	}
	if (r != ZTJ_OK)
		memset(info, 0, sizeof(*info));
	return r;
}

void ztj_aaguid_text(const uint8_t aaguid[ZTJ_AAGUID_LEN], char out[ZTJ_AAGUID_TEXT_SIZE])
{
	static const size_t group[] = { 4, 2, 2, 2, 6 };
	size_t at = 0, o = 0;

	for (size_t g = 0; g < sizeof(group) / sizeof(group[0]); g++) {
		if (g > 0)
			out[o++] = '-';
		ztj_hex(aaguid + at, group[g], out + o);
		at += group[g];
		o += 2 * group[g];
	}
	out[o] = '\0';
}
