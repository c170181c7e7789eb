/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The frontend against people who mean harm: oversized, slow, odd, too many. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "tests/broker/bk.h"

static int set_up(void **state)
{
	static struct bk b;
	bk_start(&b,
	    "handshake_timeout = \"2s\";\nheader_timeout = \"2s\";\nbody_timeout = \"2s\";\nidle_timeout = \"3s\";\n"
	    "max_per_address = 200;\nrate_identity = 20;\nrate_statements = 40;\nrate_anonymous = 6000;\n"
	    "max_open_requests = 5;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_REQ2);
	bk_login(&b, FX_LEAD1);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	bk_end(*state);
	return 0;
}

/* --- a raw TLS client --- */

struct raw {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

static int tcp(const struct bk *b)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)b->port) };
	const struct timeval tv = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static bool raw_open(const struct bk *b, struct raw *r, int max_version)
{
	memset(r, 0, sizeof(*r));
	r->fd = tcp(b);
	r->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(r->ctx, max_version);
	r->ssl = SSL_new(r->ctx);
	SSL_set_fd(r->ssl, r->fd);
	return SSL_connect(r->ssl) == 1;
}

static void raw_close(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	(void)close(r->fd);
}

static void raw_send(struct raw *r, const char *text)
{
	(void)SSL_write(r->ssl, text, (int)strlen(text));
}

/* The status of an answer's first line; 0 when it is none. */
static int status_of(const char *line)
{
	static const char version[] = "HTTP/1.1 ";
	if (strncmp(line, version, sizeof version - 1) != 0)
		return 0;
	return (int)strtol(line + sizeof version - 1, NULL, 10);
}

/* Everything until the end or the first whole answer; the status of the first line, 0 for none. */
static int raw_status(struct raw *r)
{
	char buf[4096];
	int n = SSL_read(r->ssl, buf, sizeof(buf) - 1), status = 0;
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	status = status_of(buf);
	return status != 0 ? status : -1;
}

static int ask(const struct bk *b, const char *text)
{
	struct raw r;
	assert_true(raw_open(b, &r, TLS1_3_VERSION));
	raw_send(&r, text);
	int status = raw_status(&r);
	raw_close(&r);
	return status;
}

static int64_t now_ms(void)
{
	return ztj_ipc_now_ms();
}

/* --- cases --- */

static void test_W02_handshakes(void **state)
{
	struct bk *b = *state;
	struct raw r;
	char reply[64];

	assert_false(raw_open(b, &r, TLS1_2_VERSION));
	raw_close(&r);
	/* plaintext */
	int fd = tcp(b);
	assert_true(send(fd, "GET /healthz HTTP/1.1\r\n\r\n", 25, MSG_NOSIGNAL) == 25);
	ssize_t n = recv(fd, reply, sizeof(reply), 0);
	assert_true(n <= 7); /* an alert at most, never an answer */
	(void)close(fd);
	/* a client certificate that is no container of an Ed25519 key */
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	memset(&r, 0, sizeof(r));
	r.fd = tcp(b);
	r.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_use_certificate(r.ctx, cert);
	SSL_CTX_use_PrivateKey(r.ctx, key);
	r.ssl = SSL_new(r.ctx);
	SSL_set_fd(r.ssl, r.fd);
	/* In TLS 1.3 the client hears of it on its first read. The server asks for Ed25519 only, so the client may
	 * also send no certificate at all: then it is nobody. */
	if (SSL_connect(r.ssl) == 1) {
		raw_send(&r, "GET /v1/requests HTTP/1.1\r\nHost: x\r\n\r\n");
		int status = raw_status(&r);
		assert_true(status == 0 || status == 401);
	}
	raw_close(&r);
	X509_free(cert);
	EVP_PKEY_free(key);
	/* the wrong server key for the client: it does not go on */
	struct ztj_key keep = b->w.tls.pub;
	b->w.tls.pub = b->w.ca.pub;
	(void)bk_get(b, NULL, "/healthz");
	bk_expect(b, 0, "broker-key");
	b->w.tls.pub = keep;
}

static void test_B06_odd_requests(void **state)
{
	static const struct {
		const char *what, *text;
		int status;
	} cases[] = {
		{ "control", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "two lengths",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		    400 },
		{ "two different lengths",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
		    400 },
		{ "length and chunked",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "2\r\n{}\r\n0\r\n\r\n",
		    400 },
		{ "chunked",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		    400 },
		{ "compressed",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
		    400 },
		{ "form",
		    "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
		    400 },
		{ "body with GET", "GET /v1/policy HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 400 },
		{ "not JSON", "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{\"a\"",
		    400 },
		{ "empty texts",
		    "POST /v1/stepups/R-0123456789 HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{\"signature\":\"\"}",
		    400 },
		{ "an empty key",
		    "POST /v1/certificates HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n"
		    "{\"request\":\"R-0123456789\",\"key\":\"\"}",
		    401 },
		{ "escape in a path", "GET /v1/%70olicy HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "escape in a query", "GET /v1/pending?kind=%75ser HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	};
	struct bk *b = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = ask(b, cases[i].text);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].what, status);
	}
}

static void test_B06_header_flood(void **state)
{
	struct bk *b = *state;
	struct raw r;
	assert_true(raw_open(b, &r, TLS1_3_VERSION));
	raw_send(&r, "GET /healthz HTTP/1.1\r\n");
	for (int i = 0; i < 4000; i++)
		raw_send(&r, "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	raw_send(&r, "\r\n");
	int status = raw_status(&r);
	assert_true(status == 0 || status == 400 || status == 413);
	raw_close(&r);
	/* many small ones */
	assert_true(raw_open(b, &r, TLS1_3_VERSION));
	raw_send(&r, "GET /healthz HTTP/1.1\r\n");
	for (int i = 0; i < 100; i++)
		raw_send(&r, "X: y\r\n");
	raw_send(&r, "\r\n");
	assert_int_equal(raw_status(&r), 400);
	raw_close(&r);
	assert_int_equal(bk_get(b, NULL, "/healthz"), 200);
}

static void test_B03_too_large(void **state)
{
	struct bk *b = *state;
	struct ztj_buf big;
	ztj_buf_init(&big, (size_t)8 * 1024 * 1024);
	/* more than any body: cut off while it comes */
	ok(ztj_buf_puts(&big, "{\"statement\":\""));
	for (int i = 0; i < 3 * 1024 * 1024 / 16; i++)
		ok(ztj_buf_puts(&big, "AAAAAAAAAAAAAAAA"));
	ok(ztj_buf_puts(&big, "\",\"signatures\":[]}"));
	(void)bk_call(b, NULL, "POST", "/v1/statements", ztj_buf_view(&big));
	assert_true(b->status == 413 || b->status == 0);
	ztj_buf_free(&big);
	/* a length that says so is not even waited for */
	assert_int_equal(
	    ask(b, "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), 413);
	/* deeper than allowed */
	ztj_buf_init(&big, 65536);
	for (int i = 0; i < 3000; i++)
		ok(ztj_buf_puts(&big, "["));
	(void)bk_call(b, NULL, "POST", "/v1/statements", ztj_buf_view(&big));
	assert_int_equal(b->status, 400);
	ztj_buf_free(&big);
	assert_int_equal(bk_get(b, NULL, "/healthz"), 200);
}

static void drip(struct bk *b, const char *head, const char *piece, int want)
{
	struct raw r;
	char buf[512];
	int status = 0;
	assert_true(raw_open(b, &r, TLS1_3_VERSION));
	int64_t began = now_ms();
	raw_send(&r, head);
	while (now_ms() - began < 8000) {
		struct pollfd p = { .fd = r.fd, .events = POLLIN };
		if (poll(&p, 1, 150) > 0) {
			int n = SSL_read(r.ssl, buf, sizeof(buf) - 1);
			if (n > 0) {
				buf[n] = '\0';
				status = status_of(buf);
			}
			break;
		}
		if (SSL_write(r.ssl, piece, (int)strlen(piece)) <= 0)
			break;
	}
	/* It sends something all the time, and is still cut off in time. */
	assert_in_range(now_ms() - began, 1000, 7900);
	assert_int_equal(status, want);
	raw_close(&r);
}

static void test_B03_too_slow(void **state)
{
	drip(*state, "GET /healthz HTTP/1.1\r\n", "X: y\r\n", 408);
	drip(*state, "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", "{", 408);
}

/* W01: a crowd that connects and says nothing, or half a thing, does not keep others waiting. */
static void test_W01_stalled(void **state)
{
	struct bk *b = *state;
	int fd[150];
	for (size_t i = 0; i < 150; i++) {
		fd[i] = tcp(b);
		if (i % 2 == 0)
			(void)send(fd[i], "\x16\x03\x01\x02", 4, MSG_NOSIGNAL);
	}
	int64_t began = now_ms();
	for (int i = 0; i < 5; i++)
		assert_int_equal(bk_get(b, &b->login[FX_REQ1], "/v1/requests"), 200);
	assert_true(now_ms() - began < 10000);
	/* Their time runs out: the server closes them. */
	char byte;
	(void)poll(NULL, 0, 2600);
	unsigned closed = 0;
	for (size_t i = 0; i < 150; i++) {
		closed += recv(fd[i], &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
		(void)close(fd[i]);
	}
	assert_int_equal(closed, 150);
}

static void test_W01_address_cap(void **state)
{
	struct bk *b = *state;
	int fd[260];
	unsigned refused = 0;
	char byte;
	for (size_t i = 0; i < 260; i++)
		fd[i] = tcp(b);
	(void)poll(NULL, 0, 500);
	for (size_t i = 0; i < 260; i++)
		refused += recv(fd[i], &byte, 1, MSG_DONTWAIT) == 0;
	assert_in_range(refused, 50, 70); /* 200 may stay */
	for (size_t i = 0; i < 260; i++)
		(void)close(fd[i]);
	(void)poll(NULL, 0, 300);
	assert_int_equal(bk_get(b, NULL, "/healthz"), 200);
}

/* The value of Retry-After in one answer, -1 when there is none. */
static int retry_after(const char *answer)
{
	const char *at = strcasestr(answer, "\r\nRetry-After: ");
	return at == NULL ? -1 : (int)strtol(at + strlen("\r\nRetry-After: "), NULL, 10);
}

/* 20 a second, 80 at once: over one connection nobody is too slow to meet the limit. */
static void test_W03_one_identity(void **state)
{
	struct bk *b = *state;
	char url[64];
	const char *urls[1] = { url };
	struct ztj_net *n;
	struct ztj_buf reply;
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b->w.tls.pub,
		.npins = 1,
		.client = &b->login[FX_REQ2],
		.timeout_ms = 20000,
		.max_reply = 1024 * 1024 };
	unsigned limited = 0;
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	ok(ztj_net_open(&conf, &n));
	ztj_buf_init(&reply, 1024 * 1024);
	for (int i = 0; i < 2000 && limited <= 10; i++) {
		long status = 0;
		ztj_buf_reset(&reply);
		ok(ztj_net_call(n, "GET", "/v1/requests?mine=1", ztj_view_of(NULL, 0), &reply, &status));
		limited += status == 429;
	}
	ztj_net_close(n);
	ztj_buf_free(&reply);
	assert_true(limited > 10);
	/* The others do not notice. */
	assert_int_equal(bk_get(b, &b->login[FX_REQ1], "/v1/requests"), 200);
	assert_int_equal(bk_get(b, &b->host_tls[FX_WEB1], "/v1/directories"), 200);
}

static void test_W03_open_requests(void **state)
{
	struct bk *b = *state;
	struct fx_signed req;
	long last = 0;
	(void)poll(NULL, 0, 2000);
	for (int i = 0; i < 7; i++) {
		bk_clock(b);
		fx_request(&b->w, FX_REQ2, "root-shell", FX_TEST1, 600, &req);
		last = bk_put(b, &b->login[FX_REQ2], &req);
		fx_signed_free(&req);
	}
	assert_int_equal(last, 429);
	assert_string_equal(b->error, "limit");
	fx_request(&b->w, FX_REQ1, "root-shell", FX_TEST1, 600, &req);
	assert_int_equal(bk_put(b, &b->login[FX_REQ1], &req), 201);
	fx_signed_free(&req);
}

/* Whoever is told to come later is told when. This one runs last: it uses up what the anonymous may. */
static void test_W03_retry_after(void **state)
{
	struct bk *b = *state;
	static const char get[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	char buf[4096];
	struct raw r;
	int status = 0, n = 0;
	assert_true(raw_open(b, &r, TLS1_3_VERSION));
	for (int i = 0; i < 8000 && status != 429; i++) {
		raw_send(&r, get);
		do { /* a body may come by itself */
			n = SSL_read(r.ssl, buf, sizeof(buf) - 1);
			assert_true(n > 0);
			buf[n] = '\0';
		} while ((status = status_of(buf)) == 0);
		if (status == 200)
			assert_int_equal(retry_after(buf), -1);
	}
	assert_int_equal(status, 429);
	assert_in_range(retry_after(buf), 1, 60);
	raw_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_W02_handshakes),
		cmocka_unit_test(test_B06_odd_requests),
		cmocka_unit_test(test_B06_header_flood),
		cmocka_unit_test(test_B03_too_large),
		cmocka_unit_test(test_B03_too_slow),
		cmocka_unit_test(test_W01_stalled),
		cmocka_unit_test(test_W01_address_cap),
		cmocka_unit_test(test_W03_one_identity),
		cmocka_unit_test(test_W03_open_requests),
		cmocka_unit_test(test_W03_retry_after),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
