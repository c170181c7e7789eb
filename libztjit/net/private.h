/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Private to libztjit/net: the client object and what its files share.
 */
#ifndef ZTJ_NET_PRIVATE_H
#define ZTJ_NET_PRIVATE_H

#include <openssl/x509.h>

#include "libztjit/net/net.h"

#define ZTJ_NET_URLS_MAX 16
#define ZTJ_NET_WHY_SIZE 512

struct ztj_net {
	char **urls;
	size_t nurls, last; /* last: the one that answered, tried first */
	struct ztj_key *pins;
	size_t npins;
	EVP_PKEY *key;      /* client key and certificate, or NULL */
	X509 *cert;
	long timeout_ms;
	size_t max_reply;
	struct curl_slist *headers, *raw; /* of JSON; of other bytes */
	CURL *easy;         /* kept between calls for its connection */
	struct ztj_key peer;
	bool has_peer, mismatch;
	char curl_why[CURL_ERROR_SIZE];
	char why[ZTJ_NET_WHY_SIZE];
};

/* CURLOPT_SSL_CTX_FUNCTION: TLS 1.3, the client key, and the pins as the only judge. */
CURLcode ztj_net_tls_setup(CURL *easy, void *ssl_ctx, void *net);
/* The certificate and key objects of a client or server. */
int ztj_net_certify(const struct ztj_seckey *sk, const char *cn, int64_t not_before, X509 **cert, EVP_PKEY **key) ZTJ_MUST_CHECK;
/* Sets url, method, body and everything common on a handle. */
int ztj_net_prepare(struct ztj_net *n, CURL *easy, size_t url, const char *method, const char *path,
    struct ztj_view body) ZTJ_MUST_CHECK;
/* What a transfer's end means; fills n->why. */
int ztj_net_outcome(struct ztj_net *n, CURLcode rc) ZTJ_MUST_CHECK;
/* Nothing of the call reached a server that we believe: another address may be asked. */
bool ztj_net_may_retry(CURL *easy, CURLcode rc);

#endif
