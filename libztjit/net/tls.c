/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * TLS of the client: the server's key is compared with the pins; names, dates
 * and authorities inside the certificate mean nothing (PROTOCOL section 3).
 */
#include "libztjit/net/private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int leaf_key(X509_STORE_CTX *ctx, struct ztj_key *out)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	EVP_PKEY *pk = leaf != NULL ? X509_get0_pubkey(leaf) : NULL;
	size_t n = 32;

	*out = (struct ztj_key){ .type = ZTJ_KEY_NONE };
	if (pk == NULL || EVP_PKEY_get_id(pk) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pk, out->pub, &n) != 1 || n != 32)
		return ZTJ_KEY_TYPE;
	out->type = ZTJ_KEY_ED25519;
	out->pub_len = n;
	return ZTJ_OK;
}

/* Replaces chain building altogether; TLS itself proves possession of the key. */
static int judge(X509_STORE_CTX *ctx, void *arg)
{
	struct ztj_net *n = arg;
	struct ztj_key k;
	bool ok;

	n->has_peer = false;
	ok = leaf_key(ctx, &k) == ZTJ_OK;
	if (ok) {
		n->peer = k;
		n->has_peer = true;
		ok = n->npins == 0;
		for (size_t i = 0; i < n->npins && !ok; i++)
			ok = ztj_key_equal(&n->pins[i], &k);
	}
	n->mismatch = !ok;
	X509_STORE_CTX_set_error(ctx, ok ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
	return ok ? 1 : 0;
}

CURLcode ztj_net_tls_setup(CURL *easy, void *ssl_ctx, void *net)
{
	struct ztj_net *n = net;
	SSL_CTX *ctx = ssl_ctx;

	(void)easy;
	SSL_CTX_set_cert_verify_callback(ctx, judge, n);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		return CURLE_ABORTED_BY_CALLBACK;
	/* a resumed session would skip the judge */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (n->cert != NULL &&
	    (SSL_CTX_use_certificate(ctx, n->cert) != 1 || SSL_CTX_use_PrivateKey(ctx, n->key) != 1))
		return CURLE_ABORTED_BY_CALLBACK;
	return CURLE_OK;
}
