/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

#include "libztjit/net/net.h"
#include "libztjit/sys/log.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/frontend.h"
#include "ztjit-broker/signer.h"

#define CLIENT_CERT_MAX 4096

/* A certificate here is a container of an Ed25519 key: names and dates mean nothing, chains are refused. Possession of
 * the key is what the TLS handshake itself proves. */
static int verify(X509_STORE_CTX *ctx, void *arg)
{
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(ctx);
	EVP_PKEY *key = cert == NULL ? NULL : X509_get0_pubkey(cert);
	(void)arg;
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 || sk_X509_num(chain) > 1 ||
	    X509_verify(cert, key) != 1) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	return 1;
}

bool fe_tls_peer(const SSL *ssl, uint8_t key[PROTO_TLS_LEN])
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	const EVP_PKEY *pkey = cert == NULL ? NULL : X509_get0_pubkey(cert);
	size_t n = PROTO_TLS_LEN;
	return pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 &&
	    EVP_PKEY_get_raw_public_key(pkey, key, &n) == 1 && n == PROTO_TLS_LEN;
}

static int use_key(SSL_CTX *ctx, const struct ztj_seckey *sk)
{
	struct ztj_buf cert_pem, key_pem;
	X509 *cert = NULL;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, sk->seed, sizeof(sk->seed));
	ztj_buf_init(&cert_pem, 8192);
	ztj_buf_init(&key_pem, 8192);
	int r = ztj_net_selfsigned(sk, "ztjit-broker", (int64_t)time(NULL) - 86400, &cert_pem, &key_pem);
	BIO *bio = r == ZTJ_OK ? BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n) : NULL;
	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (r == ZTJ_OK &&
	    (key == NULL || cert == NULL || SSL_CTX_use_certificate(ctx, cert) != 1 ||
		SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1))
		r = ZTJ_CRYPTO_LIB;
	BIO_free(bio);
	X509_free(cert);
	EVP_PKEY_free(key);
	ztj_buf_free(&cert_pem);
	ztj_buf_free(&key_pem);
	return r;
}

static int configure(SSL_CTX *ctx)
{
	char sigalgs[] = "ed25519"; /* the macro casts const away */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	    SSL_CTX_set1_client_sigalgs_list(ctx, sigalgs) != 1)
		return ZTJ_CRYPTO_LIB;
	/* A resumed session would skip the look at the client's key. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(ctx, CLIENT_CERT_MAX);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	return ZTJ_OK;
}

int fe_tls_new(const struct broker_conf *conf, const struct ztj_key *pub, SSL_CTX **out)
{
	struct ztj_seckey sk;
	char path[PATH_MAX];
	uid_t uid;
	*out = NULL;
	memset(&sk, 0, sizeof(sk));
	int r = child_uid(conf->frontend_user, &uid);
	if (r == ZTJ_OK)
		r = broker_path(conf, "frontend/tls.key", path);
	if (r == ZTJ_OK) {
		r = ca_read_key(path, uid, &sk);
		if (r == ZTJ_OK && !ztj_key_equal(&sk.pub, pub))
			r = ZTJ_WRONG_KEY;
		if (r != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	}
	SSL_CTX *ctx = r == ZTJ_OK ? SSL_CTX_new(TLS_server_method()) : NULL;
	if (r == ZTJ_OK)
		r = ctx == NULL ? ZTJ_CRYPTO_LIB : configure(ctx);
	if (r == ZTJ_OK)
		r = use_key(ctx, &sk);
	ztj_seckey_wipe(&sk);
	if (r != ZTJ_OK) {
		SSL_CTX_free(ctx);
		return r;
	}
	*out = ctx;
	return ZTJ_OK;
}
