/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/sd_net.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"

#define PEM_MAX ((size_t)4 * 1024 * 1024)

/* --- TLS --- */

static bool is_pinned(const X509 *cert, const uint8_t pin[ZTJ_DIGEST_LEN])
{
	uint8_t digest[ZTJ_DIGEST_LEN], *der = NULL;
	int n = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool same = n > 0 && ztj_sha256(ztj_view_of(der, (size_t)n), digest) == ZTJ_OK &&
	    ztj_ct_equal(digest, pin, sizeof(digest));
	OPENSSL_free(der);
	return same;
}

/* TLS itself proves possession of the key. A pin without CA is the only judge; with one both must agree. */
static int judge(X509_STORE_CTX *ctx, void *arg)
{
	const struct dest_conf *conf = arg;
	if (conf->pinned && !is_pinned(X509_STORE_CTX_get0_cert(ctx), conf->pin)) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	if (conf->ca[0] != '\0')
		return X509_verify_cert(ctx);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int complain(const char *path, int r)
{
	ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	return r;
}

static int read_pem(const char *path, bool secret, struct ztj_buf *pem)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = secret, .check_parents = true };
	return ztj_file_read(path, &rule, PEM_MAX, pem);
}

/* Every certificate of the file may issue. */
static int use_ca(SSL_CTX *ctx, const char *path)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	struct ztj_buf pem;
	X509 *cert;
	size_t n = 0;
	ztj_buf_init(&pem, PEM_MAX);
	int r = read_pem(path, false, &pem);
	BIO *bio = r == ZTJ_OK ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	while (bio != NULL && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	ERR_clear_error();
	if (r == ZTJ_OK && n == 0)
		r = ZTJ_BAD_ENCODING;
	BIO_free(bio);
	ztj_buf_free(&pem);
	return r == ZTJ_OK ? r : complain(path, r);
}

/* The key is read as other keys are: closed to everybody but its owner. */
static int use_key(SSL_CTX *ctx, const char *path)
{
	char nothing[] = ""; /* a passphrase: nobody is asked for one */
	struct ztj_buf pem;
	ztj_buf_init(&pem, PEM_MAX);
	int r = read_pem(path, true, &pem);
	BIO *bio = r == ZTJ_OK ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, nothing);
	if (r == ZTJ_OK && (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1))
		r = ZTJ_BAD_KEY;
	EVP_PKEY_free(key);
	BIO_free(bio);
	ztj_buf_free(&pem);
	return r == ZTJ_OK ? r : complain(path, r);
}

static int use_cert(SSL_CTX *ctx, const struct dest_conf *conf)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, conf->cert) != 1)
		return complain(conf->cert, ZTJ_BAD_ENCODING);
	int r = use_key(ctx, conf->key);
	return r == ZTJ_OK && SSL_CTX_check_private_key(ctx) != 1 ? complain(conf->key, ZTJ_WRONG_KEY) : r;
}

int net_tls_new(const struct dest_conf *conf, SSL_CTX **out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int r = ctx != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 ? ZTJ_OK
										       : ZTJ_CRYPTO_LIB;
	*out = NULL;
	if (r == ZTJ_OK && conf->ca[0] != '\0')
		r = use_ca(ctx, conf->ca);
	if (r == ZTJ_OK && conf->cert[0] != '\0')
		r = use_cert(ctx, conf);
	if (r != ZTJ_OK) {
		SSL_CTX_free(ctx);
		return r;
	}
	/* a resumed session would skip the judge */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* receivers of syslog just close */
	(void)SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, judge, (void *)(uintptr_t)conf);
	*out = ctx;
	return ZTJ_OK;
}

static SSL *session(SSL_CTX *ctx, const struct dest_conf *conf)
{
	SSL *ssl = SSL_new(ctx);
	X509_VERIFY_PARAM *param = ssl == NULL ? NULL : SSL_get0_param(ssl);
	char name[DEST_HOST_SIZE]; /* the macro casts const away */
	if (ssl == NULL)
		return NULL;
	memcpy(name, conf->host, sizeof(name));
	/* An address has no name to ask for. */
	if (X509_VERIFY_PARAM_set1_ip_asc(param, conf->host) == 1 ||
	    (SSL_set1_host(ssl, conf->host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1)) {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		return ssl;
	}
	SSL_free(ssl);
	return NULL;
}

/* --- connections --- */

struct bufferevent *net_new(struct event_base *base, const struct dest_conf *conf, SSL_CTX *ctx)
{
	const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	if (ctx == NULL)
		return bufferevent_socket_new(base, -1, options);
	SSL *ssl = session(ctx, conf);
	if (ssl == NULL)
		return NULL;
	struct bufferevent *bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
	    options);
	if (bev == NULL)
		SSL_free(ssl);
	return bev;
}

int net_dial(struct bufferevent *bev, struct evdns_base *dns, const struct dest_conf *conf)
{
	return bufferevent_socket_connect_hostname(bev, dns, AF_UNSPEC, conf->host, conf->port) == 0
	    ? ZTJ_OK
	    : ZTJ_UNREACHABLE;
}

void net_finish(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	if (ssl != NULL)
		(void)SSL_shutdown(ssl);
	ERR_clear_error();
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

const char *net_distrust(struct bufferevent *bev)
{
	const SSL *ssl = bufferevent_openssl_get_ssl(bev);
	long verified = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
	return verified == X509_V_OK ? NULL : X509_verify_cert_error_string(verified);
}

const char *net_why(struct bufferevent *bev, char room[NET_WHY_SIZE])
{
	int dns = bufferevent_socket_get_dns_error(bev), broken = EVUTIL_SOCKET_ERROR();
	unsigned long err = bufferevent_openssl_get_ssl(bev) == NULL ? 0 : bufferevent_get_openssl_error(bev);
	const char *text = net_distrust(bev);
	if (dns != 0)
		text = evutil_gai_strerror(dns);
	else if (text == NULL && err != 0)
		text = ERR_reason_error_string(err);
	else if (text == NULL && broken != 0)
		text = evutil_socket_error_to_string(broken);
	(void)snprintf(room, NET_WHY_SIZE, "%s",
	    text != NULL ? text : "nobody listens, or the connection broke");
	return room;
}

struct evdns_base *net_resolver(struct event_base *base)
{
	struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	/* Without a server only addresses and /etc/hosts are known. */
	if (dns != NULL && evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, "/etc/resolv.conf") != 0)
		ztj_log(ZTJ_LOG_WARN, "/etc/resolv.conf names no server");
	return dns;
}
