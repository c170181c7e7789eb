/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A registrar who admits many people at once, so that a lab has as many as a company.
 *
 *	bench_crowd key                       the registrar's public key, for the policy
 *	bench_crowd push URL DIRECTORY COUNT  logs in and pushes the first serial of that directory: people
 *	bench_crowd hosts URL DIRECTORY COUNT the same with hosts, env=bench
 *	bench_crowd hold ADDRESS PORT COUNT   these hosts' streams; says "connected" and reads them until it is killed
 *
 * The key is made from a number and stands in this source: for measurements only.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/crowd.h"
#include "bench/report.h"
#include "bench/streams.h"
#include "libztjit/net/net.h"

#define REGISTRAR_SEED 4242u
#define LOGIN_SEED 7
#define REPLY_MAX ((size_t)4 * 1024 * 1024)

static struct fx_world w;
static struct soft_key registrar;
static struct ztj_seckey login;
static struct ztj_net *net;

static void person(unsigned i, struct ztj_buf *out)
{
	crowd_person(i, "crowd", 0, out);
}

static void host(unsigned i, struct ztj_buf *out)
{
	crowd_host(i, "bench", out);
}

static json_t *call(const char *method, const char *path, struct ztj_view body)
{
	struct ztj_buf reply;
	json_t *o;
	long status;

	ztj_buf_init(&reply, REPLY_MAX);
	must_ok(ztj_net_call(net, method, path, body, &reply, &status));
	if (status >= 300)
		bench_fail("%s: %ld %.*s", path, status, (int)reply.n, (const char *)reply.p);
	o = json_loadb((const char *)reply.p, reply.n, 0, NULL);
	ztj_buf_free(&reply);
	return o;
}

static void log_in(void)
{
	json_t *broker = call("GET", "/v1/broker", ztj_view_of(NULL, 0));
	const char *online = json_string_value(json_object_get(broker, "online"));
	const struct soft_key *k = &registrar;
	char fingerprint[ZTJ_FINGERPRINT_SIZE];
	struct ztj_key key;
	struct ztj_stmt st;
	struct fx_signed s;
	struct ztj_buf json;

	if (online == NULL)
		bench_fail("the broker has no policy");
	must_ok(ztj_key_from_text(&key, ztj_view_str(online)));
	must_ok(ztj_key_fingerprint(&key, fingerprint));
	fx_stmt(&w, &st, ZTJ_STMT_LOGIN);
	st.u.login.who = "";
	st.u.login.key = login.pub;
	st.u.login.broker = fingerprint;
	st.u.login.expires = w.now + 3600;
	fx_stmt_sign(&st, FX_UV, &k, 1, &s);
	ztj_buf_init(&json, REPLY_MAX);
	must_ok(ztj_signed_to_json(&s.s, &json));
	json_decref(call("POST", "/v1/statements", ztj_buf_view(&json)));
	ztj_buf_free(&json);
	fx_signed_free(&s);
	json_decref(broker);
}

static void push(const char *directory, size_t count, void (*make)(unsigned i, struct ztj_buf *out))
{
	struct ztj_dir_delta delta;
	struct crowd c;
	struct ztj_dir *set;
	struct fx_signed st;
	struct ztj_buf json;
	char path[128];

	crowd_make(&c, count, make);
	delta = (struct ztj_dir_delta){ .nput = c.n, .put = c.view };
	must_ok(ztj_dir_apply(NULL, directory, &delta, &set));
	fx_directory(&w, set, 1, NULL, &registrar, &st);
	crowd_post_json(&c, 0, NULL, 0, &st, &json);
	(void)snprintf(path, sizeof(path), "/v1/directories/%s", directory);
	json_decref(call("POST", path, ztj_buf_view(&json)));
	ztj_buf_free(&json);
	fx_signed_free(&st);
	ztj_dir_free(set);
	crowd_free(&c);
}

/* --- streams --- */

static void read_away(SSL *ssl)
{
	static char buf[65536];
	int r;

	while ((r = SSL_read(ssl, buf, sizeof(buf))) > 0)
		continue;
	if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
		bench_fail("a stream ended");
}

static _Noreturn void hold(const char *address, const char *port, size_t n)
{
	struct sockaddr_in broker = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	SSL_CTX *ctx = streams_ctx();
	SSL **ssl = calloc(n, sizeof(SSL *));
	struct pollfd *set = calloc(n, sizeof(*set));

	if (ssl == NULL || set == NULL || inet_pton(AF_INET, address, &broker.sin_addr) != 1)
		bench_fail("not an address: %s", address);
	for (size_t i = 0; i < n; i++) {
		ssl[i] = streams_open(ctx, &broker, (unsigned)i);
		set[i] = (struct pollfd){ .fd = SSL_get_fd(ssl[i]), .events = POLLIN };
		if (fcntl(set[i].fd, F_SETFL, O_NONBLOCK) != 0)
			bench_fail("no sockets");
	}
	(void)puts("connected");
	(void)fflush(stdout);
	for (;;) {
		if (poll(set, n, -1) < 0)
			bench_fail("poll");
		for (size_t i = 0; i < n; i++)
			if (set[i].revents != 0)
				read_away(ssl[i]);
	}
}

static void as_registrar(char **argv)
{
	const char *url = argv[2];
	const struct ztj_net_conf conf = { .urls = &url,
		.nurls = 1,
		.client = &login,
		.timeout_ms = 60000,
		.max_reply = REPLY_MAX };

	must_ok(ztj_net_open(&conf, &net));
	log_in();
	push(argv[3], strtoul(argv[4], NULL, 10), strcmp(argv[1], "push") == 0 ? person : host);
	ztj_net_close(net);
}

int main(int argc, char **argv)
{
	uint8_t seed[32] = { LOGIN_SEED };
	char key[ZTJ_KEY_TEXT_SIZE];

	fx_init(&w);
	w.now = (int64_t)time(NULL);
	fx_key(&registrar, ZTJ_KEY_SK_ED25519, REGISTRAR_SEED);
	must_ok(ztj_seckey_from_seed(&login, seed));
	if (argc == 2 && strcmp(argv[1], "key") == 0) {
		must_ok(ztj_key_to_text(&registrar.pub, key));
		(void)puts(key);
	} else if (argc == 5 && (strcmp(argv[1], "push") == 0 || strcmp(argv[1], "hosts") == 0)) {
		as_registrar(argv);
	} else if (argc == 5 && strcmp(argv[1], "hold") == 0) {
		hold(argv[2], argv[3], strtoul(argv[4], NULL, 10));
	} else {
		bench_fail(
		    "usage: bench_crowd key | push|hosts URL DIRECTORY COUNT | hold ADDRESS PORT COUNT");
	}
	soft_key_free(&registrar);
	fx_free(&w);
	return 0;
}
