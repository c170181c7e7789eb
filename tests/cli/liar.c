/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A broker that lies: it holds the real TLS key, passes a person's calls on to the real broker
 * and changes what it likes on the way.
 *   liar TLSKEY UPSTREAM LOGINKEY LIE...      prints its port
 * A LIE is one of
 *   path FROM TO          asked for FROM, it fetches TO
 *   body PREFIX FROM TO   in answers to paths that begin with PREFIX, FROM reads TO
 *   skew SECONDS          what it says of the time
 */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "libztjit/core/ztime.h"
#include "libztjit/net/net.h"

#define MAX_BODY (16u * 1024u * 1024u)

struct liar {
	char **lie;
	int nlies;
	struct ztj_net *up;
};

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "liar: %s\n", what);
	exit(1);
}

static struct ztj_seckey read_key(const char *path)
{
	struct ztj_keyfile kf;
	struct ztj_seckey sk = { .seed = { 0 } };
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	need(f != NULL, path);
	n = fread(text, 1, sizeof text, f);
	(void)fclose(f);
	need(ztj_keyfile_parse(&kf, ztj_view_of(text, n)) == ZTJ_OK && ztj_keyfile_seckey(&kf, &sk) == ZTJ_OK,
	    path);
	return sk;
}

static SSL_CTX *server_ctx(const struct ztj_seckey *sk)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct ztj_buf cert, key;
	BIO *bc, *bk;

	ztj_buf_init(&cert, 65536);
	ztj_buf_init(&key, 65536);
	need(ztj_net_selfsigned(sk, "broker", 946684800, &cert, &key) == ZTJ_OK, "certificate");
	bc = BIO_new_mem_buf(cert.p, (int)cert.n);
	bk = BIO_new_mem_buf(key.p, (int)key.n);
	need(SSL_CTX_use_certificate(ctx, PEM_read_bio_X509(bc, NULL, NULL, NULL)) == 1 &&
		SSL_CTX_use_PrivateKey(ctx, PEM_read_bio_PrivateKey(bk, NULL, NULL, NULL)) == 1,
	    "key");
	return ctx;
}

static void replace(struct ztj_buf *b, const char *from, const char *to)
{
	const uint8_t *at = memmem(b->p, b->n, from, strlen(from));
	struct ztj_buf out;

	if (at == NULL)
		return;
	ztj_buf_init(&out, MAX_BODY);
	(void)ztj_buf_put(&out, b->p, (size_t)(at - b->p));
	(void)ztj_buf_puts(&out, to);
	(void)ztj_buf_put(&out, at + strlen(from), b->n - (size_t)(at - b->p) - strlen(from));
	ztj_buf_free(b);
	*b = out;
}

static void skew(struct ztj_buf *b, const char *seconds)
{
	uint8_t *at = b->n > 0 ? memmem(b->p, b->n, "\"time\"", 6) : NULL;
	char text[ZTJ_TIME_SIZE];

	if (at == NULL || ztj_time_format((int64_t)time(NULL) + strtol(seconds, NULL, 10), text) != ZTJ_OK)
		return;
	at = memchr(at + 6, '"', 8);
	if (at != NULL)
		memcpy(at + 1, text, ZTJ_TIME_SIZE - 1);
}

static void lie_about_body(const struct liar *l, const char *path, struct ztj_buf *b)
{
	for (int i = 0; i < l->nlies;) {
		if (strcmp(l->lie[i], "path") == 0)
			i += 3;
		else if (strcmp(l->lie[i], "skew") == 0) {
			skew(b, l->lie[i + 1]);
			i += 2;
		} else {
			if (strstr(path, l->lie[i + 1]) == path)
				replace(b, l->lie[i + 2], l->lie[i + 3]);
			i += 4;
		}
	}
}

static const char *lie_about_path(const struct liar *l, const char *path)
{
	for (int i = 0; i < l->nlies; i += strcmp(l->lie[i], "skew") == 0 ? 2
		 : strcmp(l->lie[i], "path") == 0                         ? 3
									  : 4)
		if (strcmp(l->lie[i], "path") == 0 && strcmp(l->lie[i + 1], path) == 0)
			return l->lie[i + 2];
	return path;
}

/* Head and body of one request. */
static bool read_request(SSL *ssl, char *buf, size_t size, char **body, size_t *body_len)
{
	size_t n = 0, want = 0;
	char *end = NULL, *cl;

	for (;;) {
		int got = SSL_read(ssl, buf + n, (int)(size - 1 - n));

		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		if (end == NULL && (end = strstr(buf, "\r\n\r\n")) != NULL) {
			cl = strcasestr(buf, "content-length:");
			want = cl != NULL && cl < end ? strtoul(cl + 15, NULL, 10) : 0;
		}
		if (end != NULL && n >= (size_t)(end + 4 - buf) + want) {
			*body = end + 4;
			*body_len = want;
			return true;
		}
	}
}

static void answer(const struct liar *l, SSL *ssl, char *buf, char *body, size_t body_len)
{
	char *method = buf, *path = strchr(buf, ' '), head[256];
	struct ztj_buf reply;
	long status = 0;

	if (path == NULL)
		return;
	*path++ = '\0';
	path[strcspn(path, " ")] = '\0';
	ztj_buf_init(&reply, MAX_BODY);
	if (ztj_net_call(l->up, method, lie_about_path(l, path), ztj_view_of(body, body_len), &reply,
		&status) != ZTJ_OK)
		status = 503;
	lie_about_body(l, path, &reply);
	(void)snprintf(head, sizeof head, "HTTP/1.1 %ld Lie\r\nContent-Length: %zu\r\n\r\n", status, reply.n);
	(void)SSL_write(ssl, head, (int)strlen(head));
	if (reply.n > 0)
		(void)SSL_write(ssl, reply.p, (int)reply.n);
	ztj_buf_free(&reply);
}

static void serve(const struct liar *l, SSL_CTX *ctx, int fd)
{
	static char buf[1024 * 1024];
	SSL *ssl = SSL_new(ctx);
	char *body;
	size_t n;

	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		while (read_request(ssl, buf, sizeof buf, &body, &n))
			answer(l, ssl, buf, body, n);
	SSL_free(ssl);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	union {
		struct sockaddr_in in;
		struct sockaddr sa;
	} a = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	struct liar l = { .lie = argv + 4, .nlies = argc - 4 };
	socklen_t len = sizeof a.in;
	struct ztj_seckey tls, login;
	const char *url;
	struct ztj_net_conf conf;
	SSL_CTX *ctx;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need(argc >= 4, "usage: liar TLSKEY UPSTREAM LOGINKEY LIE...");
	(void)signal(SIGPIPE, SIG_IGN);
	tls = read_key(argv[1]);
	login = read_key(argv[3]);
	url = argv[2];
	conf = (struct ztj_net_conf){ .urls = &url,
		.nurls = 1,
		.client = &login,
		.timeout_ms = 5000,
		.max_reply = MAX_BODY };
	need(ztj_net_open(&conf, &l.up) == ZTJ_OK, "upstream");
	ctx = server_ctx(&tls);
	need(bind(fd, &a.sa, sizeof a.in) == 0 && listen(fd, 8) == 0 && getsockname(fd, &a.sa, &len) == 0,
	    "listen");
	(void)printf("%d\n", ntohs(a.in.sin_port));
	(void)fflush(stdout);
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c >= 0)
			serve(&l, ctx, c);
	}
}
