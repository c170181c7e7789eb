/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A witness for tests (C2SP tlog-witness): one log, whose verifier key it is given; a key and a state of its own that outlive it.
 * It is honest unless the file `mode` in its directory says otherwise.
 *
 * usage: witness DIRECTORY NAME LOG-KEY [PORT]
 * Its first line of output is "PORT KEY".  Every request is a line "STATUS" of DIRECTORY/requests.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/cosign.h"
#include "libztjit/core/witness.h"
#include "libztjit/sys/safefile.h"

#define HUGE_LEN ((size_t)8 * 1024 * 1024)

struct witness {
	const char *dir;
	struct event_base *base;
	struct ztj_seckey key;
	struct ztj_note_key own, log;
	struct ztj_witness_log state;
	struct ztj_buf note; /* the newest that it cosigned, with log key and cosignature */
	char monitor[2 * ZTJ_DIGEST_LEN + sizeof("//checkpoint")];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "witness: %s\n", what);
	exit(2);
}

static const char *in_dir(const struct witness *w, const char *name, char path[512])
{
	(void)snprintf(path, 512, "%s/%s", w->dir, name);
	return path;
}

static int read_file(const struct witness *w, const char *name, struct ztj_buf *out)
{
	const struct ztj_file_rule rule = { .owner = geteuid() };
	char path[512];

	return ztj_file_read(in_dir(w, name, path), &rule, ZTJ_NOTE_MAX, out);
}

static int write_file(const struct witness *w, const char *name, struct ztj_view bytes)
{
	char path[512];

	return ztj_file_write(in_dir(w, name, path), bytes, 0600);
}

static bool mode_is(const struct witness *w, const char *want)
{
	struct ztj_buf b;
	bool is;

	ztj_buf_init(&b, ZTJ_NOTE_MAX);
	is = read_file(w, "mode", &b) == ZTJ_OK && ztj_view_eq_str(ztj_buf_view(&b), want);
	ztj_buf_free(&b);
	return is;
}

/* --- what it remembers --- */

static void load(struct witness *w)
{
	struct ztj_buf b;
	uint8_t seed[32];
	int r;

	ztj_buf_init(&b, ZTJ_NOTE_MAX);
	r = read_file(w, "seed", &b);
	if (r == ZTJ_NOT_FOUND) {
		r = ztj_random(seed, sizeof(seed));
		if (r == ZTJ_OK)
			r = ztj_buf_put(&b, seed, sizeof(seed));
		if (r == ZTJ_OK)
			r = write_file(w, "seed", ztj_buf_view(&b));
	}
	if (r != ZTJ_OK || b.n != sizeof(seed) || ztj_seckey_from_seed(&w->key, b.p) != ZTJ_OK)
		die("no key");
	ztj_buf_reset(&b);
	r = read_file(w, "checkpoint", &b);
	if (r == ZTJ_OK)
		r = ztj_checkpoint_kept(ztj_buf_view(&b), &w->state.last);
	if (r == ZTJ_OK)
		r = read_file(w, "note", &w->note);
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		die("what it remembers cannot be read");
	ztj_buf_free(&b);
}

/* Durable before it is cosigned. */
static int keep(struct witness *w, const struct ztj_checkpoint *c)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 256);
	r = ztj_checkpoint_keep(c, &b);
	if (r == ZTJ_OK)
		r = write_file(w, "checkpoint", ztj_buf_view(&b));
	if (r == ZTJ_OK)
		w->state.last = *c;
	ztj_buf_free(&b);
	return r;
}

/* --- answers --- */

struct slow {
	struct evhttp_request *req;
	struct evbuffer *left;
	size_t piece;
	bool endless;
	struct event *ev;
};

static void on_slow(evutil_socket_t fd, short what, void *arg)
{
	struct slow *s = arg;
	struct evbuffer *one = evbuffer_new();

	(void)fd;
	(void)what;
	if (s->endless && evbuffer_get_length(s->left) < s->piece)
		(void)evbuffer_add_printf(s->left, "%01000d\n", 0);
	(void)evbuffer_remove_buffer(s->left, one, s->piece);
	if (evbuffer_get_length(one) > 0) {
		evhttp_send_reply_chunk(s->req, one);
	} else {
		evhttp_send_reply_end(s->req);
		event_free(s->ev);
		evbuffer_free(s->left);
		free(s);
	}
	evbuffer_free(one);
}

static void gone(struct evhttp_connection *con, void *arg)
{
	struct slow *s = arg;

	(void)con;
	event_free(s->ev);
	evbuffer_free(s->left);
	free(s);
}

static void reply_slowly(struct witness *w, struct evhttp_request *req, struct ztj_view body, bool endless)
{
	const struct timeval tv = { .tv_sec = endless ? 0 : 1, .tv_usec = endless ? 1000 : 0 };
	struct slow *s = calloc(1, sizeof(*s));

	if (s == NULL)
		die("memory");
	s->req = req;
	s->endless = endless;
	s->piece = endless ? 512 : 1;
	s->left = evbuffer_new();
	(void)evbuffer_add(s->left, body.p, body.n);
	s->ev = event_new(w->base, -1, EV_PERSIST, on_slow, s);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), gone, s);
	evhttp_send_reply_start(req, 200, "OK");
	(void)event_add(s->ev, &tv);
}

static void reply(struct evhttp_request *req, unsigned status, struct ztj_view body)
{
	struct evbuffer *out = evbuffer_new();

	(void)evbuffer_add(out, body.p, body.n);
	if (status == 409)
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
		    "text/x.tlog.size");
	evhttp_send_reply(req, (int)status, NULL, out);
	evbuffer_free(out);
}

static void log_request(const struct witness *w, unsigned status)
{
	char path[512];
	FILE *f = fopen(in_dir(w, "requests", path), "ae");

	if (f == NULL || fprintf(f, "%u\n", status) < 0 || fclose(f) != 0)
		die("requests");
}

/* A cosignature; or, when the mode says so, what only looks like one. */
static int cosign(struct witness *w, struct ztj_view text, struct ztj_buf *line)
{
	int64_t now = (int64_t)time(NULL);
	struct ztj_seckey other;
	struct ztj_note_key k;
	struct ztj_buf copy;
	uint8_t seed[32] = { 77 };
	int r;

	ztj_buf_init(&copy, ZTJ_NOTE_MAX);
	r = ztj_buf_put(&copy, text.p, text.n);
	if (r == ZTJ_OK && mode_is(w, "another text"))
		copy.p[copy.n - 10] ^= 1;
	if (r == ZTJ_OK && mode_is(w, "ahead"))
		now += 86400;
	if (r == ZTJ_OK && mode_is(w, "another key")) {
		r = ztj_seckey_from_seed(&other, seed);
		if (r == ZTJ_OK)
			r = ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, w->own.name, &other.pub, &k);
		if (r == ZTJ_OK)
			r = ztj_cosign_line(&k, &other, ztj_buf_view(&copy), now, line);
	} else if (r == ZTJ_OK) {
		r = ztj_cosign_line(&w->own, &w->key, ztj_buf_view(&copy), now, line);
	}
	ztj_buf_free(&copy);
	return r;
}

static void reply_cosigned(struct witness *w, struct evhttp_request *req, struct ztj_view line)
{
	char *huge;

	if (mode_is(w, "drip") || mode_is(w, "endless")) {
		reply_slowly(w, req, line, mode_is(w, "endless"));
		return;
	}
	if (!mode_is(w, "huge")) {
		reply(req, 200, line);
		return;
	}
	huge = malloc(HUGE_LEN);
	if (huge == NULL)
		die("memory");
	memset(huge, 'x', HUGE_LEN);
	memcpy(huge, line.p, line.n);
	reply(req, 200, ztj_view_of(huge, HUGE_LEN));
	free(huge);
}

/* A mode that answers without looking; false: none. */
static bool lies(struct witness *w, struct evhttp_request *req)
{
	if (mode_is(w, "redirect")) {
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Location",
		    "http://127.0.0.1:9/add-checkpoint");
		reply(req, 301, ztj_view_str(""));
	} else if (mode_is(w, "500")) {
		reply(req, 500, ztj_view_str("no\n"));
	} else if (mode_is(w, "404")) {
		reply(req, 404, ztj_view_str("unknown log\n"));
	} else if (mode_is(w, "wanders")) {
		static unsigned n;

		reply(req, 409, ztj_view_str(n++ % 2 == 0 ? "1\n" : "2\n"));
	} else if (mode_is(w, "boasts")) {
		reply(req, 409, ztj_view_str("9007199254740992\n"));
	} else if (mode_is(w, "no size")) {
		reply(req, 409, ztj_view_str("what?\n"));
	} else if (mode_is(w, "accuses")) {
		reply(req, 422, ztj_view_str("fork\n"));
	} else {
		return false;
	}
	return true;
}

static void add_checkpoint(struct evhttp_request *req, void *arg)
{
	struct witness *w = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	struct ztj_view body = ztj_view_of(evbuffer_pullup(in, -1), evbuffer_get_length(in)), text;
	struct ztj_witness_ask a;
	struct ztj_checkpoint c;
	struct ztj_buf line;
	unsigned status = 400;
	char size[32];

	if (evhttp_request_get_command(req) != EVHTTP_REQ_POST) {
		reply(req, 405, ztj_view_str(""));
		return;
	}
	if (lies(w, req))
		return;
	ztj_buf_init(&line, ZTJ_NOTE_MAX);
	if (ztj_witness_ask_parse(body, &a) == ZTJ_OK)
		status = ztj_witness_judge(&a, &w->state, &c, &text);
	if (status == 200 && (keep(w, &c) != ZTJ_OK || cosign(w, text, &line) != ZTJ_OK))
		status = 500;
	log_request(w, status);
	if (status == 200) {
		ztj_buf_reset(&w->note);
		if (ztj_buf_put(&w->note, a.note.p, a.note.n) != ZTJ_OK ||
		    ztj_buf_put(&w->note, line.p, line.n) != ZTJ_OK ||
		    write_file(w, "note", ztj_buf_view(&w->note)) != ZTJ_OK)
			die("note");
		reply_cosigned(w, req, ztj_buf_view(&line));
	} else if (status == 409) {
		(void)snprintf(size, sizeof(size), "%llu\n", (unsigned long long)w->state.last.size);
		reply(req, status, ztj_view_str(size));
	} else {
		reply(req, status, ztj_view_str(""));
	}
	ztj_buf_free(&line);
}

/* GET /HASH-OF-ORIGIN/checkpoint */
static void other(struct evhttp_request *req, void *arg)
{
	struct witness *w = arg;

	if (strcmp(evhttp_request_get_uri(req), w->monitor) == 0 && w->note.n > 0)
		reply(req, 200, ztj_buf_view(&w->note));
	else
		reply(req, 404, ztj_view_str(""));
}

static void listen_on(struct witness *w, struct evhttp *http, int port)
{
	struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(http, "127.0.0.1", (ev_uint16_t)port);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	struct ztj_buf vkey;

	if (s == NULL || getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&sin, &len) != 0)
		die("cannot listen");
	ztj_buf_init(&vkey, 1024);
	if (ztj_note_vkey(&w->own, &vkey) != ZTJ_OK)
		die("key");
	(void)printf("%d %s\n", ntohs(sin.sin_port), ztj_buf_str(&vkey));
	(void)fflush(stdout);
	ztj_buf_free(&vkey);
}

int main(int argc, char **argv)
{
	struct witness w = { 0 };
	uint8_t digest[ZTJ_DIGEST_LEN];
	char hex[ZTJ_HEX_SIZE];
	struct evhttp *http;
	int64_t port = 0;

	if (argc < 4)
		die("usage: witness DIRECTORY NAME LOG-KEY [PORT]");
	w.dir = argv[1];
	ztj_buf_init(&w.note, ZTJ_NOTE_MAX);
	(void)mkdir(w.dir, 0700);
	load(&w);
	if (ztj_note_key_typed(ZTJ_NOTE_COSIGNATURE, argv[2], &w.key.pub, &w.own) != ZTJ_OK ||
	    ztj_note_vkey_parse(ztj_view_str(argv[3]), &w.log) != ZTJ_OK)
		die("not a name, or not a log's key");
	w.state.origin = w.log.name;
	w.state.keys = &w.log;
	w.state.nkeys = 1;
	if (ztj_sha256(ztj_view_str(w.log.name), digest) != ZTJ_OK)
		die("digest");
	ztj_hex(digest, sizeof(digest), hex);
	(void)snprintf(w.monitor, sizeof(w.monitor), "/%s/checkpoint", hex);
	w.base = event_base_new();
	http = w.base == NULL ? NULL : evhttp_new(w.base);
	if (http == NULL)
		die("libevent");
	evhttp_set_max_body_size(http, (ev_ssize_t)ZTJ_WITNESS_BODY_MAX);
	evhttp_set_max_headers_size(http, 8192);
	(void)evhttp_set_cb(http, "/add-checkpoint", add_checkpoint, &w);
	evhttp_set_gencb(http, other, &w);
	if (argc > 4 && ztj_parse_int(argv[4], 0, 65535, &port) != ZTJ_OK)
		die("not a port");
	listen_on(&w, http, (int)port);
	(void)event_base_dispatch(w.base);
	return 0;
}
