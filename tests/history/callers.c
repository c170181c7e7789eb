/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Those who talk to the broker, and the keeper who starts and kills it: a process each. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/net/net.h"
#include "tests/history/history.h"

#define ROOM (8 * (int)sizeof(struct hi_reply))

bool hi_part(int *sock)
{
	int pair[2], room = ROOM;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	*sock = pair[pid == 0];
	(void)close(pair[pid != 0]);
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid == 0;
}

/* --- posters --- */

static struct ztj_net *line_of(struct hi_batch *b, int who)
{
	static struct ztj_net *line[FX_PEOPLE];
	static char url[64];
	static const char *urls[1] = { url };
	struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b->b.w.tls.pub,
		.npins = 1,
		.client = &b->b.login[who],
		.timeout_ms = 8000,
		.max_reply = (size_t)1024 * 1024 };

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->b.port);
	if (line[who] == NULL)
		ok(ztj_net_open(&conf, &line[who]));
	return line[who];
}

static void read_bundle(struct ztj_view blob, struct hi_reply *out)
{
	struct ztj_bundle *bundle;

	ok(ztj_bundle_read(blob, "example", NULL, &bundle));
	for (size_t i = 0; i < bundle->n && out->nids < 24; i++)
		memcpy(out->id[out->nids++], bundle->stmt[i]->id, ZTJ_DIGEST_LEN);
	ztj_bundle_free(bundle);
}

static void read_request(const json_t *o, struct hi_reply *out)
{
	const char *b64 = json_string_value(json_object_get(o, "bundle"));
	const char *state = json_string_value(json_object_get(o, "state"));
	struct ztj_buf blob;

	if (b64 == NULL || state == NULL)
		return;
	(void)snprintf(out->state, sizeof(out->state), "%s", state);
	ztj_buf_init(&blob, ZTJ_BUNDLE_MAX);
	ok(ztj_b64_decode(ztj_view_str(b64), &blob));
	read_bundle(ztj_buf_view(&blob), out);
	ztj_buf_free(&blob);
}

static void read_cert(const json_t *o, struct hi_reply *out)
{
	const char *line = json_string_value(json_object_get(o, "certificate"));
	struct ztj_cert cert;
	struct ztj_buf blob;

	if (line == NULL || (line = strchr(line, ' ')) == NULL)
		return;
	line++;
	(void)snprintf(out->cert, sizeof(out->cert), "%.*s", (int)strcspn(line, " \n"), line);
	ztj_buf_init(&blob, ZTJ_CERT_MAX);
	ok(ztj_b64_decode(ztj_view_str(out->cert), &blob));
	ok(ztj_cert_parse(&cert, ztj_buf_view(&blob)));
	read_bundle(cert.bundle, out);
	ztj_buf_free(&blob);
}

static void call(struct hi_batch *b, const struct hi_call *c, struct hi_reply *out)
{
	char path[128], hex[ZTJ_HEX_SIZE];
	struct ztj_buf body;
	long status = 0;
	json_t *o;
	int r;

	memset(out, 0, sizeof(*out));
	out->tag = c->tag;
	out->kind = c->kind;
	ztj_hex(c->id, ZTJ_DIGEST_LEN, hex);
	if (c->kind == HI_CALL_GET)
		(void)snprintf(path, sizeof(path), "/v1/requests/%s", hex);
	else
		(void)snprintf(path, sizeof(path), "/v1/%s",
		    c->kind == HI_CALL_POST ? "statements" : "certificates");
	ztj_buf_init(&body, (size_t)1024 * 1024);
	out->t0 = hi_now();
	r = ztj_net_call(line_of(b, c->who), c->kind == HI_CALL_GET ? "GET" : "POST", path,
	    ztj_view_str(c->body), &body, &status);
	out->t1 = hi_now();
	out->status = r == ZTJ_OK ? (int)status : 0;
	o = r == ZTJ_OK && body.n > 0 ? json_loadb((const char *)body.p, body.n, 0, NULL) : NULL;
	if (status >= 400 && json_is_string(json_object_get(o, "error")))
		(void)snprintf(out->error, sizeof(out->error), "%s",
		    json_string_value(json_object_get(o, "error")));
	if (status == 200 && c->kind == HI_CALL_GET)
		read_request(o, out);
	if (status == 200 && c->kind == HI_CALL_CERT)
		read_cert(o, out);
	json_decref(o);
	ztj_buf_free(&body);
}

int hi_poster_start(struct hi_batch *b)
{
	static struct hi_reply out;
	static struct hi_call c;
	int sock;

	if (!hi_part(&sock))
		return sock;
	while (recv(sock, &c, sizeof(c), 0) == (ssize_t)sizeof(c) && c.kind != HI_CALL_END) {
		call(b, &c, &out);
		if (send(sock, &out, sizeof(out), MSG_NOSIGNAL) != (ssize_t)sizeof(out))
			break;
	}
	_exit(0);
}

/* --- the keeper --- */

/* The state of store and signer as it lies there; the broker does not run. */
static void copy(const struct bk *b, const char *how)
{
	assert_int_equal(setenv("D", b->dir, 1), 0);
	assert_int_equal(shell(how), 0);
}

static void keep(struct bk *b, struct hi_keep *k)
{
	k->stopped = hi_now();
	if (k->kind == HI_KEEP_BACKUP) {
		bk_stop(b);
		copy(b, "rm -rf $D.store $D.signer && cp -a $D/store $D.store && cp -a $D/signer $D.signer");
	} else {
		bk_kill(b);
	}
	if (k->kind == HI_KEEP_RESTORE)
		copy(b, "rm -rf $D/store $D/signer && cp -a $D.store $D/store && cp -a $D.signer $D/signer");
	k->started = hi_now();
	bk_serve(b);
}

int hi_keeper_start(struct hi_batch *b)
{
	struct hi_keep k;
	int sock;

	bk_stop(&b->b);
	if (!hi_part(&sock))
		return sock;
	/* Whoever comes first after a kill need not wait for init to bury the dead. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	bk_serve(&b->b);
	k.kind = HI_KEEP_KILL; /* "it runs" */
	do {
		if (send(sock, &k, sizeof(k), MSG_NOSIGNAL) != (ssize_t)sizeof(k) ||
		    recv(sock, &k, sizeof(k), 0) != (ssize_t)sizeof(k))
			k.kind = HI_KEEP_END;
		if (k.kind != HI_KEEP_END)
			keep(&b->b, &k);
	} while (k.kind != HI_KEEP_END);
	bk_stop(&b->b);
	copy(&b->b, "rm -rf $D.store $D.signer");
	(void)send(sock, &k, sizeof(k), MSG_NOSIGNAL);
	_exit(0);
}
