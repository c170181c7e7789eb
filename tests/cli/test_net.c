/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The HTTPS client against servers of every kind: W02 from the client's side, limits, streams, fail-over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/net/net.h"

enum kind { TLS13, TLS12, PLAIN, ECDSA, SILENT };

struct server {
	pid_t pid;
	int port;
	char url[64];
};

static struct ztj_seckey server_key, client_key, other_key;

static struct ztj_seckey key_of(uint8_t fill)
{
	struct ztj_seckey k;
	uint8_t seed[32];

	memset(seed, fill, sizeof seed);
	assert_int_equal(ztj_seckey_from_seed(&k, seed), ZTJ_OK);
	return k;
}

static int take_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static void use_ed25519(SSL_CTX *ctx)
{
	struct ztj_buf cert, key;
	BIO *bc, *bk;
	X509 *x;
	EVP_PKEY *pk;

	ztj_buf_init(&cert, 65536);
	ztj_buf_init(&key, 65536);
	if (ztj_net_selfsigned(&server_key, "broker", 946684800, &cert, &key) != ZTJ_OK)
		_exit(9);
	bc = BIO_new_mem_buf(cert.p, (int)cert.n);
	bk = BIO_new_mem_buf(key.p, (int)key.n);
	x = PEM_read_bio_X509(bc, NULL, NULL, NULL);
	pk = PEM_read_bio_PrivateKey(bk, NULL, NULL, NULL);
	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, pk) != 1)
		_exit(9);
}

static void use_ecdsa(SSL_CTX *ctx)
{
	EVP_PKEY *pk = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	(void)X509_set_version(x, X509_VERSION_3);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_set_pubkey(x, pk);
	if (X509_sign(x, pk, EVP_sha256()) <= 0 || SSL_CTX_use_certificate(ctx, x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, pk) != 1)
		_exit(9);
}

static void say(SSL *ssl, const char *text)
{
	(void)SSL_write(ssl, text, (int)strlen(text));
}

/* What a path asks for; the client's key is answered back under /whoami. */
static void answer(SSL *ssl, const char *request)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);
	uint8_t raw[32] = { 0 };
	size_t n = sizeof raw;
	char hex[65], text[256];

	if (strstr(request, "GET /whoami") != NULL) {
		if (peer != NULL)
			(void)EVP_PKEY_get_raw_public_key(X509_get0_pubkey(peer), raw, &n);
		ztj_hex(raw, sizeof raw, hex);
		(void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n%s", hex);
		say(ssl, text);
	} else if (strstr(request, "GET /big") != NULL)
		say(ssl,
		    "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789");
	else if (strstr(request, "GET /denied") != NULL)
		say(ssl,
		    "HTTP/1.1 403 No\r\nContent-Length: 47\r\n\r\n"
		    "{\"error\":\"no-grant\",\"text\":\"a\\u001b[2Jb\",\"x\":1}");
	else if (strstr(request, "GET /lines") != NULL)
		say(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none\ntwo\nhalf a li");
	else if (strstr(request, "GET /moved") != NULL)
		say(ssl,
		    "HTTP/1.1 302 Elsewhere\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	else if (strstr(request, "GET /hang") != NULL)
		(void)sleep(30);
	else
		say(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
}

static void serve_tls(int fd, SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	char buf[4096];
	int n;

	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		while ((n = SSL_read(ssl, buf, sizeof buf - 1)) > 0) {
			buf[n] = '\0';
			answer(ssl, buf);
			if (strstr(buf, "GET /lines") != NULL)
				break;
		}
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void run(int listener, enum kind kind)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (kind == ECDSA)
		use_ecdsa(ctx);
	else
		use_ed25519(ctx);
	(void)SSL_CTX_set_max_proto_version(ctx, kind == TLS12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, take_any);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(0);
		if (kind == PLAIN)
			(void)!write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40);
		else if (kind == SILENT)
			(void)sleep(30);
		else
			serve_tls(fd, ctx);
		(void)close(fd);
	}
}

static struct server start(enum kind kind)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sa;
	struct server s;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	s.port = ntohs(sa.sin_port);
	(void)snprintf(s.url, sizeof s.url, "https://127.0.0.1:%d", s.port);
	if ((s.pid = fork()) == 0)
		run(fd, kind);
	(void)close(fd);
	return s;
}

static void stop(const struct server *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
}

static struct ztj_net *open_at(const char *const *urls, size_t n, const struct ztj_key *pin, bool client)
{
	struct ztj_net_conf conf = { .urls = urls,
		.nurls = n,
		.pins = pin,
		.npins = pin != NULL,
		.timeout_ms = 1500,
		.max_reply = 32,
		.client = client ? &client_key : NULL };
	struct ztj_net *net;

	assert_int_equal(ztj_net_open(&conf, &net), ZTJ_OK);
	return net;
}

static int call(const char *const *urls, size_t n, const struct ztj_key *pin, const char *path, long *status)
{
	struct ztj_net *net = open_at(urls, n, pin, false);
	struct ztj_buf reply;
	int r;

	ztj_buf_init(&reply, 65536);
	r = ztj_net_call(net, "GET", path, ztj_view_of(NULL, 0), &reply, status);
	ztj_buf_free(&reply);
	ztj_net_close(net);
	return r;
}

static int call_kind(enum kind kind, const struct ztj_key *pin)
{
	struct server s = start(kind);
	const char *url = s.url;
	long status;
	int r = call(&url, 1, pin, "/healthz", &status);

	stop(&s);
	return r;
}

static void test_pinned_server_is_believed(void **state)
{
	(void)state;
	assert_int_equal(call_kind(TLS13, &server_key.pub), ZTJ_OK);
}

static void test_W02_S18_other_key_is_refused(void **state)
{
	(void)state;
	assert_int_equal(call_kind(TLS13, &other_key.pub), ZTJ_BROKER_KEY);
	assert_int_equal(call_kind(ECDSA, &server_key.pub), ZTJ_BROKER_KEY);
	assert_int_equal(call_kind(ECDSA, NULL), ZTJ_BROKER_KEY);
}

static void test_W02_old_tls_and_plaintext_are_refused(void **state)
{
	(void)state;
	assert_int_equal(call_kind(TLS12, &server_key.pub), ZTJ_UNREACHABLE);
	assert_int_equal(call_kind(PLAIN, &server_key.pub), ZTJ_UNREACHABLE);
	assert_int_equal(call_kind(PLAIN, NULL), ZTJ_UNREACHABLE);
}

static void test_a_silent_server_is_left_in_time(void **state)
{
	(void)state;
	assert_int_equal(call_kind(SILENT, &server_key.pub), ZTJ_TIMEOUT);
}

static void test_other_schemes_are_refused(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:1", "file:///etc/passwd", "127.0.0.1:1" };
	struct ztj_net *net;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ztj_net_conf conf = { .urls = &urls[i],
			.nurls = 1,
			.timeout_ms = 1000,
			.max_reply = 32 };

		assert_int_equal(ztj_net_open(&conf, &net), ZTJ_USAGE);
		assert_null(net);
	}
}

static void test_redirects_are_not_followed(void **state)
{
	struct server s = start(TLS13);
	const char *url = s.url;
	long status;

	(void)state;
	assert_int_equal(call(&url, 1, &server_key.pub, "/moved", &status), ZTJ_OK);
	assert_int_equal(status, 302);
	stop(&s);
}

static void test_the_server_sees_the_client_key(void **state)
{
	struct server s = start(TLS13);
	const char *url = s.url;
	struct ztj_net_conf conf = { .urls = &url,
		.nurls = 1,
		.pins = &server_key.pub,
		.npins = 1,
		.timeout_ms = 1500,
		.max_reply = 100,
		.client = &client_key };
	struct ztj_net *net;
	struct ztj_buf reply;
	struct ztj_key peer;
	char hex[65];
	long status;

	(void)state;
	assert_int_equal(ztj_net_open(&conf, &net), ZTJ_OK);
	assert_int_equal(ztj_net_peer_key(net, &peer), ZTJ_NOT_FOUND);
	ztj_buf_init(&reply, 65536);
	ztj_hex(client_key.pub.pub, 32, hex);
	for (int i = 0; i < 2; i++) {
		ztj_buf_reset(&reply);
		assert_int_equal(ztj_net_call(net, "GET", "/whoami", ztj_view_of(NULL, 0), &reply, &status),
		    ZTJ_OK);
		assert_true(ztj_view_eq_str(ztj_buf_view(&reply), hex));
	}
	assert_int_equal(ztj_net_peer_key(net, &peer), ZTJ_OK);
	assert_true(ztj_key_equal(&peer, &server_key.pub));
	ztj_buf_free(&reply);
	ztj_net_close(net);
	stop(&s);
}

static void test_too_large_a_reply_is_cut_off(void **state)
{
	struct server s = start(TLS13);
	const char *url = s.url;
	long status;

	(void)state;
	assert_int_equal(call(&url, 1, &server_key.pub, "/big", &status), ZTJ_TOO_LARGE);
	stop(&s);
}

static void test_fail_over(void **state)
{
	struct server bad = start(PLAIN), other = start(ECDSA), good = start(TLS13);
	const char *urls[] = { "https://127.0.0.1:1", bad.url, other.url, good.url };
	long status;

	(void)state;
	assert_int_equal(call(urls, 4, &server_key.pub, "/healthz", &status), ZTJ_OK);
	assert_int_equal(call(urls, 3, &server_key.pub, "/healthz", &status), ZTJ_BROKER_KEY);
	assert_int_equal(call(urls, 1, &server_key.pub, "/healthz", &status), ZTJ_UNREACHABLE);
	stop(&bad);
	stop(&other);
	stop(&good);
}

static void test_paths_are_plain(void **state)
{
	static const char *const paths[] = { "v1", "/a b", "/a\nb", "/a#b", "" };
	struct server s = start(TLS13);
	const char *url = s.url;
	long status;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(call(&url, 1, &server_key.pub, paths[i], &status), ZTJ_USAGE);
	stop(&s);
}

struct seen {
	int n;
	char last[64];
	int stop_at;
};

static int each(struct ztj_view line, void *arg)
{
	struct seen *s = arg;

	(void)snprintf(s->last, sizeof s->last, "%.*s", (int)line.n, (const char *)line.p);
	return ++s->n == s->stop_at ? ZTJ_ABORTED : ZTJ_OK;
}

static int stream(const char *url, const char *path, struct seen *s)
{
	struct ztj_net *net = open_at(&url, 1, &server_key.pub, true);
	int r = ztj_net_stream(net, path, 2, each, s);

	ztj_net_close(net);
	return r;
}

static void test_stream_by_line(void **state)
{
	struct server s = start(TLS13);
	struct seen all = { .stop_at = -1 }, one = { .stop_at = 1 }, none = { .stop_at = -1 };

	(void)state;
	assert_int_equal(stream(s.url, "/lines", &all), ZTJ_UNREACHABLE);
	assert_int_equal(all.n, 2); /* half a line is no line */
	assert_string_equal(all.last, "two");
	assert_int_equal(stream(s.url, "/lines", &one), ZTJ_ABORTED);
	assert_int_equal(one.n, 1);
	assert_int_equal(stream(s.url, "/denied", &none), ZTJ_TOO_LARGE);
	assert_int_equal(stream(s.url, "/hang", &none), ZTJ_TIMEOUT);
	assert_int_equal(none.n, 0);
	stop(&s);
}

static int error_of(long status, const char *body, char *text, size_t size)
{
	return ztj_net_error(status, ztj_view_str(body), text, size);
}

static void test_L01_errors_of_the_broker(void **state)
{
	char text[256];

	(void)state;
	assert_int_equal(error_of(200, "", text, sizeof text), ZTJ_OK);
	assert_int_equal(error_of(404, "", text, sizeof text), ZTJ_NOT_FOUND);
	assert_int_equal(error_of(429, "not json", text, sizeof text), ZTJ_RATE_LIMITED);
	assert_int_equal(error_of(403, "{\"error\":\"self-approval\",\"text\":\"no\"}", text, sizeof text),
	    ZTJ_SELF_APPROVAL);
	assert_string_equal(text, "no");
	/* a refusal is never success, whatever it calls itself */
	assert_int_equal(error_of(500, "{\"error\":\"ok\"}", text, sizeof text), ZTJ_INTERNAL);
	assert_int_equal(error_of(400, "{\"error\":\"made-up\"}", text, sizeof text), ZTJ_PROTOCOL);
	assert_int_equal(error_of(403, "{\"error\":\"no-grant\",\"text\":\"a\\u001b[2Jb\",\"detail\":\"c\"}",
			     text, sizeof text),
	    ZTJ_NO_GRANT);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "c"));
}

static int setup(void **state)
{
	(void)state;
	server_key = key_of(1);
	client_key = key_of(2);
	other_key = key_of(3);
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pinned_server_is_believed),
		cmocka_unit_test(test_W02_S18_other_key_is_refused),
		cmocka_unit_test(test_W02_old_tls_and_plaintext_are_refused),
		cmocka_unit_test(test_a_silent_server_is_left_in_time),
		cmocka_unit_test(test_other_schemes_are_refused),
		cmocka_unit_test(test_redirects_are_not_followed),
		cmocka_unit_test(test_the_server_sees_the_client_key),
		cmocka_unit_test(test_too_large_a_reply_is_cut_off),
		cmocka_unit_test(test_fail_over),
		cmocka_unit_test(test_paths_are_plain),
		cmocka_unit_test(test_stream_by_line),
		cmocka_unit_test(test_L01_errors_of_the_broker),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
