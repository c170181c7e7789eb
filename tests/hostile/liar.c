/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/hostile/liar.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/codec.h"
#include "libztjit/net/net.h"

/* ---- TLS ---- */

static SSL_CTX *context(const struct soft_key *k, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct ztj_seckey sk = { .pub = k->pub };
	struct ztj_buf cert_pem, key_pem;
	size_t n = sizeof(sk.seed);
	X509 *cert;
	BIO *bio;

	assert_non_null(ctx);
	assert_int_equal(EVP_PKEY_get_raw_private_key(k->pair, sk.seed, &n), 1);
	ztj_buf_init(&cert_pem, 8192);
	ztj_buf_init(&key_pem, 8192);
	ok(ztj_net_selfsigned(&sk, "ztjit-broker", (int64_t)time(NULL) - 86400, &cert_pem, &key_pem));
	assert_non_null(bio = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n));
	assert_non_null(cert = PEM_read_bio_X509(bio, NULL, NULL, NULL));
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k->pair), 1);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	BIO_free(bio);
	X509_free(cert);
	ztj_buf_free(&cert_pem);
	ztj_buf_free(&key_pem);
	return ctx;
}

static struct bufferevent *connection(struct event_base *base, void *arg)
{
	struct liar *l = arg;
	SSL_CTX *const of[] = { l->tls, l->stolen, l->old };
	unsigned lie = l->tls_left > 0 ? l->tls_lie : 0;
	struct bufferevent *b;

	if (l->tls_left > 0)
		l->tls_left--;
	if (lie == 3) /* no TLS at all */
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	b = bufferevent_openssl_socket_new(base, -1, SSL_new(of[lie]), BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	if (b != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
	return b;
}

/* ---- streams ---- */

static void say_to(struct stream *s, const char *line)
{
	struct evbuffer *b = evbuffer_new();

	(void)evbuffer_add_printf(b, "%s\n", line);
	evhttp_send_reply_chunk(s->req, b);
	evbuffer_free(b);
}

void liar_say(struct liar *l, const char *line)
{
	for (struct stream *s = l->streams; s != NULL; s = s->next)
		if (s->open)
			say_to(s, line);
}

/* Puts "event" before the members of a container. */
static char *with_event(const char *event, const char *container)
{
	size_t n = strlen(event) + strlen(container) + 32;
	char *line = malloc(n);

	assert_non_null(line);
	(void)snprintf(line, n, "{\"event\":\"%s\",%s", event, container + 1);
	return line;
}

void liar_say_container(struct liar *l, const char *event, const char *container)
{
	char *line = with_event(event, container);

	liar_say(l, line);
	free(line);
}

static char *status_line(struct liar *l)
{
	struct fx_signed s;
	struct ztj_buf json;
	char *line;

	company_status(&l->lies.co, l->lies.co.w.trust, (int64_t)time(NULL), &l->lies.co.w.online, &s);
	company_json(&s, &json);
	line = with_event("status", ztj_buf_str(&json));
	ztj_buf_free(&json);
	fx_signed_free(&s);
	return line;
}

static void say_status(struct liar *l)
{
	char *line = status_line(l);

	liar_say(l, line);
	free(line);
}

static void gone(struct evhttp_connection *ec, void *arg)
{
	struct stream *s = arg;

	(void)ec;
	s->open = false;
}

static void end_streams(struct liar *l)
{
	for (struct stream *s = l->streams; s != NULL; s = s->next)
		if (s->open) {
			s->open = false;
			evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
			evhttp_send_reply_end(s->req);
		}
}

/* The next lie for a host that holds no directory; NULL: none is left. */
static const struct lie *next_fresh(struct liar *l)
{
	while (l->next < l->lies.n && l->lies.lie[l->next].kind != V_FRESH)
		l->next++;
	return l->next < l->lies.n ? &l->lies.lie[l->next] : NULL;
}

static bool is_about(const struct lie *v, const char *directory)
{
	char mark[64];

	(void)snprintf(mark, sizeof(mark), "S12/%s/fresh/", directory);
	return v != NULL && strncmp(v->name, mark, strlen(mark)) == 0;
}

/* One directory at a time as long as there are lies about it. */
static void announce_all(struct liar *l)
{
	const struct lie *lie = next_fresh(l);
	char line[128];

	liar_say(l, "{\"seq\":1,\"event\":\"policy\",\"version\":2}");
	for (int d = 0; d < CO_DIRS; d++) {
		if (lie != NULL && !is_about(lie, co_dir_name[d]))
			continue;
		(void)snprintf(line, sizeof(line),
		    "{\"seq\":%d,\"event\":\"directory\",\"name\":\"%s\",\"serial\":2}", 2 + d,
		    co_dir_name[d]);
		liar_say(l, line);
	}
}

/* ---- phases ---- */

void liar_done(struct liar *l, const char *phase)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s.done", l->done_dir, phase);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)close(fd);
	printf("done: %s\n", phase);
}

static bool in(const struct liar *l, const char *phase)
{
	return strcmp(l->phase, phase) == 0;
}

static bool heard(const struct liar *l)
{
	for (const struct stream *s = l->streams; s != NULL; s = s->next)
		if (s->open)
			return true;
	return false;
}

/* Once, to a host that listens. */
static void push_all(struct liar *l)
{
	if (!in(l, "push") || l->served || !heard(l))
		return;
	l->served = true;
	for (size_t i = 0; i < l->lies.npush; i++)
		liar_say_container(l, "statement", l->lies.push[i].json);
	for (size_t i = 0; i < l->lies.n; i++)
		if (l->lies.lie[i].kind == V_STATUS)
			liar_say_container(l, "status", l->lies.lie[i].json);
	say_status(l);
	liar_done(l, "push");
}

/* The phase is over: the truth, until another one is named. */
static void rest(struct liar *l)
{
	liar_done(l, l->phase);
	(void)snprintf(l->rested, sizeof(l->rested), "%s", l->phase);
	(void)snprintf(l->phase, sizeof(l->phase), "rest");
}

/* The next policy or directory that goes through the mirror; the rest is carried by hand. */
static const struct lie *next_news(struct liar *l)
{
	while (l->next < l->lies.n) {
		const struct lie *v = &l->lies.lie[l->next++];
		if (lie_by_mirror(&l->lies, v))
			return v;
	}
	return NULL;
}

static void offer_next(struct liar *l)
{
	char line[160];
	json_t *o;

	/* what the host was told of and did not come for, it is told of again */
	if (l->offered == NULL || l->served)
		l->offered = next_news(l);
	l->served = false;
	if (l->offered == NULL) {
		rest(l);
		return;
	}
	if (l->offered->kind == V_POLICY) {
		liar_say(l, "{\"event\":\"policy\",\"version\":3}");
		return;
	}
	o = json_loads(l->offered->json, 0, NULL);
	(void)snprintf(line, sizeof(line), "{\"event\":\"directory\",\"name\":\"%s\",\"serial\":9999}",
	    json_string_value(json_object_get(o, "name")));
	json_decref(o);
	liar_say(l, line);
}

static void http_turn(struct liar *l, struct evhttp_request *req)
{
	if (l->next == liar_http_count()) {
		rest(l);
		return;
	}
	if (l->good_turn) /* ended by the clock */
		return;
	if (liar_http_event((unsigned)l->next) != NULL)
		liar_say(l, liar_http_event((unsigned)l->next));
	else
		(void)liar_http_stream(l, (unsigned)l->next, req);
}

static void enter(struct liar *l, const char *phase)
{
	(void)snprintf(l->phase, sizeof(l->phase), "%s", phase);
	printf("phase: %s\n", phase);
	l->next = 0;
	l->offered = NULL;
	l->good_turn = true;
	l->served = false;
	if (in(l, "fetch") || in(l, "http"))
		end_streams(l);
	else if (in(l, "silent"))
		liar_done(l, "silent");
}

/* What the next connections meet. Whose they are nobody says before there is TLS: when its stream ends, the host may have begun to ship
 * its decisions, one call at a time, and then begins nothing but the stream. Of two connections one is the stream's. */
static void arm(struct liar *l)
{
	l->good_turn = false;
	l->tls_lie = l->next < liar_http_count() ? liar_http_tls((unsigned)l->next) : 0;
	if (l->tls_lie != 0) {
		l->tls_left = 2;
		printf("lie: %s\n", liar_http_name((unsigned)l->next));
		l->next++;
		l->good_turn = true;
	}
}

/* A lie was told. Where it brought no line of the stream the truth comes in between, or the mirror would wait ever longer. */
static void told(struct liar *l)
{
	printf("lie: %s\n", liar_http_name((unsigned)l->next));
	l->good_turn = liar_http_silent((unsigned)l->next++);
	if (!l->good_turn)
		arm(l);
}

/* After the truth, the next lie: the mirror comes back for it. */
static void next_http(struct liar *l)
{
	if (heard(l)) {
		arm(l);
		end_streams(l);
	}
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct liar *l = arg;
	static unsigned count;
	char text[32] = "";
	int f = open(l->phase_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = f >= 0 ? read(f, text, sizeof(text) - 1) : 0;

	(void)fd;
	(void)what;
	if (f >= 0)
		(void)close(f);
	text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
	if (text[0] != '\0' && strcmp(text, in(l, "rest") ? l->rested : l->phase) != 0)
		enter(l, text);
	push_all(l);
	if (++count % 4 == 0 && !in(l, "silent") && !in(l, "http") && !in(l, "fetch"))
		say_status(l);
	if (in(l, "http") && l->good_turn && l->streams != NULL)
		next_http(l);
}

/* ---- calls ---- */

static void headers(struct evhttp_request *req, const char *type)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);

	evhttp_add_header(h, "Content-Type", type);
	evhttp_add_header(h, "Connection", "close");
}

static void answer(struct evhttp_request *req, int code, const char *body)
{
	struct evbuffer *b = evbuffer_new();

	headers(req, "application/json");
	(void)evbuffer_add(b, body, strlen(body));
	evhttp_send_reply(req, code, NULL, b);
	evbuffer_free(b);
}

static const char not_found[] = "{\"error\":\"not-found\",\"text\":\"no such thing\"}";

static void on_stream(struct liar *l, struct evhttp_request *req)
{
	struct stream *s = calloc(1, sizeof(*s));
	bool lie = in(l, "http") && !l->good_turn && l->next < liar_http_count();
	char *status;

	assert_non_null(s);
	evhttp_connection_set_timeout(evhttp_request_get_connection(req), 0);
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)), NULL,
	    NULL);
	if (lie && liar_http_event((unsigned)l->next) == NULL &&
	    liar_http_stream(l, (unsigned)l->next, req)) {
		told(l);
		free(s);
		return;
	}
	s->req = req;
	s->open = true;
	s->next = l->streams;
	l->streams = s;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), gone, s);
	headers(req, "application/x-ndjson");
	evhttp_send_reply_start(req, 200, "OK");
	if (!in(l, "silent")) {
		status = status_line(l);
		say_to(s, status);
		free(status);
	}
	if (in(l, "start"))
		announce_all(l);
	else if (in(l, "fetch"))
		offer_next(l);
	else if (in(l, "http"))
		http_turn(l, req);
}

static void on_fetch(struct liar *l, struct evhttp_request *req, const char *path)
{
	bool lie = in(l, "http") && !l->good_turn && l->next < liar_http_count() &&
	    liar_http_event((unsigned)l->next) != NULL && strcmp(path, "/v1/policy") == 0;
	const char *name = strrchr(path, '/') + 1;

	if (lie && liar_http_fetch(l, (unsigned)l->next, req)) {
		told(l);
		return;
	}
	if (in(l, "start") && is_about(next_fresh(l), name)) {
		answer(req, 200, l->lies.lie[l->next++].json);
		return;
	}
	if (in(l, "fetch") && l->offered != NULL) {
		answer(req, 200, l->offered->json);
		l->served = true;
		return;
	}
	if (strcmp(path, "/v1/policy") == 0) {
		answer(req, 200, l->policy);
		return;
	}
	for (int d = 0; d < CO_DIRS; d++)
		if (strcmp(name, co_dir_name[d]) == 0) {
			answer(req, 200, l->dir[d]);
			return;
		}
	answer(req, 404, not_found);
}

static void on_stepup(struct liar *l, struct evhttp_request *req)
{
	struct evbuffer *b = evhttp_request_get_input_buffer(req);

	liar_stepup(l, ztj_view_of(evbuffer_pullup(b, -1), evbuffer_get_length(b)), req);
}

static void on_call(struct evhttp_request *req, void *arg)
{
	struct liar *l = arg;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

	if (path == NULL)
		answer(req, 400, "{}");
	else if (strcmp(path, "/v1/stream") == 0)
		on_stream(l, req);
	else if (strcmp(path, "/v1/stepups") == 0)
		on_stepup(l, req);
	else if (strcmp(path, "/v1/policy") == 0 || strncmp(path, "/v1/directories/", 16) == 0)
		on_fetch(l, req, path);
	else /* decisions, which come at any time: no lie is told to them in the place of another call */
		answer(req, 404, not_found);
}

/* ---- the process ---- */

static void prepare(struct liar *l)
{
	struct company *co = &l->lies.co;
	struct ztj_buf b;

	company_json(&co->w.policy, &b);
	l->policy = strdup(ztj_buf_str(&b));
	ztj_buf_free(&b);
	for (int d = 0; d < CO_DIRS; d++) {
		company_honest_answer(co, d, 0, &b);
		l->dir[d] = strdup(ztj_buf_str(&b));
		ztj_buf_free(&b);
	}
	l->tls = context(&co->w.tls, TLS1_3_VERSION);
	l->stolen = context(&co->w.log, TLS1_3_VERSION);
	l->old = context(&co->w.tls, TLS1_2_VERSION);
}

int liar_main(int argc, char **argv)
{
	static struct liar l;
	const struct timeval often = { .tv_usec = 250000 };
	int64_t now, port;

	if (argc < 6 || ztj_parse_int(argv[2], 1, 65535, &port) != ZTJ_OK ||
	    ztj_parse_int(argv[3], 1, INT64_MAX, &now) != ZTJ_OK)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	l.phase_file = argv[4];
	l.done_dir = argv[5];
	(void)snprintf(l.phase, sizeof(l.phase), "start");
	lies_make(&l.lies, now, (const char *const *)(const void *)(argv + 6), (size_t)argc - 6);
	prepare(&l);
	assert_non_null(l.base = event_base_new());
	assert_non_null(l.http = evhttp_new(l.base));
	evhttp_set_bevcb(l.http, connection, &l);
	evhttp_set_gencb(l.http, on_call, &l);
	evhttp_set_allowed_methods(l.http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	if (evhttp_bind_socket(l.http, "0.0.0.0", (uint16_t)port) != 0)
		return 1;
	l.tick = event_new(l.base, -1, EV_PERSIST, tick, &l);
	(void)event_add(l.tick, &often);
	printf("%zu lies, %zu statements, %zu revocations\n", l.lies.n, l.lies.npush, l.lies.nrevocations);
	liar_done(&l, "ready");
	return event_base_dispatch(l.base) == 0 ? 0 : 1;
}
