/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/streams.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/crowd.h"
#include "bench/report.h"
#include "libztjit/net/net.h"

#define ASK "GET /v1/stream?since=0 HTTP/1.1\r\nHost: broker\r\n\r\n"

static int any_server(int good, X509_STORE_CTX *ctx)
{
	(void)good;
	(void)ctx;
	return 1;
}

static SSL *connect_as(SSL_CTX *ctx, const struct sockaddr_in *to, unsigned i)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(ctx);
	struct ztj_buf cert, key;
	struct soft_key k;
	struct ztj_seckey sk;
	uint8_t seed[32];
	size_t len = sizeof(seed);
	const int on = 1;
	BIO *bio;
	X509 *x;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* as libcurl does */
	fx_key(&k, ZTJ_KEY_ED25519, CROWD_HOST_TLS(i));
	if (EVP_PKEY_get_raw_private_key(k.pair, seed, &len) != 1)
		bench_fail("no key");
	must_ok(ztj_seckey_from_seed(&sk, seed));
	ztj_buf_init(&cert, 8192);
	ztj_buf_init(&key, 8192);
	must_ok(ztj_net_selfsigned(&sk, "host", CROWD_SINCE, &cert, &key));
	bio = BIO_new_mem_buf(cert.p, (int)cert.n);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 ||
	    SSL_use_certificate(ssl, x) != 1 || SSL_use_PrivateKey(ssl, k.pair) != 1 ||
	    SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		bench_fail("host %u cannot connect", i);
	X509_free(x);
	BIO_free(bio);
	ztj_buf_free(&cert);
	ztj_buf_free(&key);
	soft_key_free(&k);
	return ssl;
}

/* Reads until the first status line, as a host does. */
static void hear(SSL *ssl, unsigned i)
{
	static char text[1024 * 1024];
	size_t n = 0;

	while (strstr(text, "\"status\"") == NULL) {
		int r = SSL_read(ssl, text + n, (int)(sizeof(text) - 1 - n));

		if (r <= 0)
			bench_fail("host %u heard no status: %.200s", i, text);
		n += (size_t)r;
		text[n] = '\0';
	}
	if (strncmp(text, "HTTP/1.1 200", 12) != 0)
		bench_fail("host %u: %.100s", i, text);
	memset(text, 0, n);
}

SSL_CTX *streams_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		bench_fail("no memory");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, any_server);
	return ctx;
}

SSL *streams_open(SSL_CTX *ctx, const struct sockaddr_in *broker, unsigned i)
{
	SSL *ssl = connect_as(ctx, broker, i);

	if (SSL_write(ssl, ASK, (int)strlen(ASK)) <= 0)
		bench_fail("host %u cannot ask", i);
	hear(ssl, i);
	return ssl;
}
