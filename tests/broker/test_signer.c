/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The signer alone, and the test in the place of its store: whatever a store that is in other hands may say, the
 * certificates that come out are for approved grants, the requester's own keys, with every limit (C01, C03, C04, P2).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/sandbox.h"
#include "tests/broker/bk.h"
#include "ztjit-broker/proto.h"
#include "ztjit-broker/signer.h"

struct lone {
	struct bk b;
	struct fx_signed req, pending;
	struct ztj_buf bundle, unapproved;
	pid_t pid;
	int sock, control;
	uint32_t tag;
};

static const char rules[] =
    "rules = (\n"
    "  { name = \"test-root\"; who = [ \"@sre\" ]; roles = [ \"root-shell\", \"sudo-root\" ]; hosts = { env = \"test\"; };\n"
    "    max = \"8h\"; max_total = \"8h\"; request_valid = \"4h\"; ahead = \"1d\"; verify = \"uv\";\n"
    "    sources = [ \"127.0.0.0/8\", \"192.0.2.0/24\" ];\n"
    "    approvals = ( { count = 1; from = [ \"@sre\", \"@sre-leads\" ]; } );\n"
    "    step_up = [ \"confirm\" ]; reason_min = 3; freshness = \"1h\"; on_stale = \"deny\"; } );\n";

static void fetch_bundle(struct bk *b, const struct fx_signed *req, struct ztj_buf *out)
{
	char hex[ZTJ_HEX_SIZE];
	ztj_hex(req->id, ZTJ_DIGEST_LEN, hex);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests/%s", hex);
	bk_expect(b, 200, "");
	ztj_buf_init(out, ZTJ_BUNDLE_MAX);
	ok(ztj_b64_decode(ztj_view_str(bk_text(b, "bundle")), out));
}

static void signer_start(struct lone *l)
{
	int pair[2], control[2], ready[2];
	char byte;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(control), 0);
	assert_int_equal(pipe(ready), 0);
	l->pid = fork();
	assert_true(l->pid >= 0);
	if (l->pid == 0) {
		struct broker_conf conf;
		char path[160], err[512];
		/* As its parent would leave it: these three, and no way back to privileges. */
		const struct signer_fds fds = { 3, 4, 5 };
		int high[3] = { fcntl(pair[1], F_DUPFD, 64), fcntl(control[0], F_DUPFD, 64),
			fcntl(ready[1], F_DUPFD, 64) };
		for (int i = 0; i < 3; i++)
			if (dup2(high[i], 3 + i) < 0)
				_exit(98);
		if (ztj_process_harden(6) != ZTJ_OK)
			_exit(98);
		(void)snprintf(path, sizeof(path), "%s/broker.conf", l->b.dir);
		if (broker_conf_load(path, &conf, err, sizeof(err)) != ZTJ_OK)
			_exit(99);
		ztj_log_open("signer under test", true, ZTJ_LOG_ERROR);
		_exit(signer_main(&conf, &fds));
	}
	(void)close(pair[1]);
	(void)close(control[0]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	l->sock = pair[0];
	l->control = control[1];
}

/* Without its store it ends, and says that this is no good end. */
static void signer_end(struct lone *l)
{
	int status;
	(void)close(l->sock);
	(void)close(l->control);
	assert_int_equal(waitpid(l->pid, &status, 0), l->pid);
	l->pid = 0;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* It has hung up by itself. */
static void signer_gone(struct lone *l)
{
	struct ztj_ipc_in in;
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	fails(ztj_ipc_recv(l->sock, &in, ztj_ipc_now_ms() + 10000), ZTJ_UNREACHABLE);
	ztj_ipc_in_free(&in);
	signer_end(l);
}

static void say(struct lone *l, uint8_t type, const struct ztj_buf *body)
{
	struct ztj_buf msg;
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&msg, type));
	ok(ztj_buf_put(&msg, body->p, body->n));
	ok(ztj_ipc_finish(&msg));
	ok(ztj_ipc_send(l->sock, ztj_buf_view(&msg), -1, ztj_ipc_now_ms() + 10000));
	ztj_buf_free(&msg);
}

/* SGN_CERTIFY for this key blob and bundle; the code, and the certificate when there is one. */
static int certify(struct lone *l, struct ztj_view key, struct ztj_view bundle, struct ztj_buf *cert)
{
	struct ztj_buf msg;
	struct ztj_ipc_in in;
	struct certified c;
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ok(ztj_buf_put_u32(&msg, ++l->tag));
	ok(ztj_buf_put_view(&msg, key));
	ok(ztj_buf_put_view(&msg, bundle));
	say(l, SGN_CERTIFY, &msg);
	ztj_buf_free(&msg);
	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ok(ztj_ipc_recv(l->sock, &in, ztj_ipc_now_ms() + 10000));
	assert_int_equal(in.type, SGN_CERTIFIED);
	ok(certified_read(in.body, &c));
	assert_int_equal(c.tag, l->tag);
	assert_true((c.code == ZTJ_OK) == (c.cert.n > 0));
	if (cert != NULL) {
		ztj_buf_init(cert, ZTJ_CERT_MAX);
		ok(ztj_buf_put(cert, c.cert.p, c.cert.n));
	}
	ztj_ipc_in_free(&in);
	return c.code;
}

static int certify_key(struct lone *l, const struct ztj_key *key, const struct ztj_buf *bundle,
    struct ztj_buf *cert)
{
	struct ztj_buf blob;
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ok(ztj_key_to_blob(key, &blob));
	int r = certify(l, ztj_buf_view(&blob), ztj_buf_view(bundle), cert);
	ztj_buf_free(&blob);
	return r;
}

static int set_up(void **state)
{
	static struct lone l;
	const struct fx_policy p = { .rules = rules };
	bk_start(&l.b, "rate_identity = 1000;\nrate_statements = 10000;\nrate_anonymous = 10000;\n");
	bk_arm(&l.b);
	bk_login(&l.b, FX_REQ1);
	bk_login(&l.b, FX_LEAD1);
	bk_policy(&l.b, &p);
	bk_granted(&l.b, &l.req);
	fetch_bundle(&l.b, &l.req, &l.bundle);
	fx_request(&l.b.w, FX_REQ1, "root-shell", FX_TEST1, 700, &l.pending);
	(void)bk_put(&l.b, &l.b.login[FX_REQ1], &l.pending);
	bk_expect(&l.b, 201, "");
	fetch_bundle(&l.b, &l.pending, &l.unapproved);
	bk_stop(&l.b);
	signer_start(&l);
	*state = &l;
	return 0;
}

static int tear_down(void **state)
{
	struct lone *l = *state;
	if (l->pid > 0)
		signer_end(l);
	fx_signed_free(&l->req);
	fx_signed_free(&l->pending);
	ztj_buf_free(&l->bundle);
	ztj_buf_free(&l->unapproved);
	bk_end(&l->b);
	return 0;
}

/* Issued again and again, it says the same: one principal, the sources and verify-required of the rule, its own end. */
static void test_C01_C03_every_issue(void **state)
{
	struct lone *l = *state;
	const struct fx_person *req1 = &l->b.w.person[FX_REQ1];
	char hex[ZTJ_HEX_SIZE], principal[128];
	uint64_t last = 0;
	int64_t end = 0;
	ztj_hex(l->req.id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(principal, sizeof(principal), "ztjit-grant-%s", hex);
	for (int i = 0; i < 5; i++) {
		struct ztj_buf blob;
		struct ztj_cert c;
		if (i == 3) { /* also after a restart */
			signer_end(l);
			signer_start(l);
		}
		ok(certify_key(l, &req1->key.pub, &l->bundle, &blob));
		ok(ztj_cert_parse(&c, ztj_buf_view(&blob)));
		ok(ztj_cert_verify(&c, &l->b.w.ca.pub));
		assert_string_equal(c.principal, principal);
		assert_string_equal(c.source_address, "127.0.0.0/8,192.0.2.0/24");
		assert_true(c.verify_required);
		assert_true(c.serial > last);
		assert_true(end == 0 || c.valid_before == end);
		last = c.serial;
		end = c.valid_before;
		ztj_buf_free(&blob);
	}
}

/* C04: no key but the requester's own, and nothing that is no plain public key. */
static void test_C04_subjects(void **state)
{
	struct lone *l = *state;
	const struct fx_world *w = &l->b.w;
	struct ztj_buf cert, plain;
	ok(certify_key(l, &w->person[FX_REQ1].key.pub, &l->bundle, &cert));
	/* a host's key, a CA, a plain key, another person's, one that nobody has */
	const struct ztj_key *const wrong[] = { &w->host[FX_TEST1].ssh.pub, &w->host[FX_TEST1].machine.pub,
		&w->ca.pub, &w->online.pub, &w->root[2].pub, &w->person[FX_REQ2].key.pub,
		&w->person[FX_LEAD1].key.pub, &w->registrar[0].pub, &w->stranger.pub };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_not_equal(certify_key(l, wrong[i], &l->bundle, NULL), ZTJ_OK);
	fails(certify_key(l, &w->host[FX_TEST1].ssh.pub, &l->bundle, NULL), ZTJ_KEY_TYPE);
	fails(certify_key(l, &w->person[FX_REQ2].key.pub, &l->bundle, NULL), ZTJ_WRONG_KEY);
	/* a certificate as subject, an empty one, half a key */
	assert_int_not_equal(certify(l,
				 ztj_view_of(cert.p, cert.n < ZTJ_KEY_BLOB_MAX ? cert.n : ZTJ_KEY_BLOB_MAX),
				 ztj_buf_view(&l->bundle), NULL),
	    ZTJ_OK);
	assert_int_not_equal(certify(l, ztj_view_of(NULL, 0), ztj_buf_view(&l->bundle), NULL), ZTJ_OK);
	ztj_buf_init(&plain, ZTJ_KEY_BLOB_MAX);
	ok(ztj_key_to_blob(&w->person[FX_REQ1].key.pub, &plain));
	for (size_t n = 0; n < plain.n; n += 7)
		assert_int_not_equal(certify(l, ztj_view_of(plain.p, n), ztj_buf_view(&l->bundle), NULL),
		    ZTJ_OK);
	/* the requester's key under another application */
	struct ztj_key other = w->person[FX_REQ1].key.pub;
	(void)snprintf(other.application, sizeof(other.application), "ssh:other");
	fails(certify_key(l, &other, &l->bundle, NULL), ZTJ_WRONG_KEY);
	ztj_buf_free(&plain);
	ztj_buf_free(&cert);
}

/* A store that lies about the grant. */
static void test_S11_bundles(void **state)
{
	struct lone *l = *state;
	const struct ztj_key *key = &l->b.w.person[FX_REQ1].key.pub;
	struct ztj_buf blob;
	fails(certify_key(l, key, &l->unapproved, NULL), ZTJ_PENDING);
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ok(ztj_key_to_blob(key, &blob));
	for (size_t n = 0; n < l->bundle.n; n += 13)
		assert_int_not_equal(certify(l, ztj_buf_view(&blob), ztj_view_of(l->bundle.p, n), NULL),
		    ZTJ_OK);
	for (size_t i = 0; i < l->bundle.n; i += 5) {
		l->bundle.p[i] ^= (uint8_t)(1u << (i % 8));
		assert_int_not_equal(certify(l, ztj_buf_view(&blob), ztj_buf_view(&l->bundle), NULL), ZTJ_OK);
		l->bundle.p[i] ^= (uint8_t)(1u << (i % 8));
	}
	ok(certify(l, ztj_buf_view(&blob), ztj_buf_view(&l->bundle), NULL));
	ztj_buf_free(&blob);
}

/* What is no message of a store ends the signer; it does not guess. */
static void test_broken_store(void **state)
{
	struct lone *l = *state;
	struct ztj_buf msg;
	static const uint8_t types[] = { 0, 1, OP_CERTIFICATE, MSG_REPLY, SGN_CERTIFIED, 200 };
	for (size_t i = 0; i < sizeof(types); i++) {
		ztj_buf_init(&msg, 64);
		ok(ztj_buf_put_u32(&msg, 1));
		say(l, types[i], &msg);
		ztj_buf_free(&msg);
		signer_gone(l);
		signer_start(l);
	}
	/* a question with something left over */
	ztj_buf_init(&msg, 64);
	ok(ztj_buf_put_u32(&msg, 1));
	ok(ztj_buf_put_cstring(&msg, ""));
	ok(ztj_buf_put_u8(&msg, 0));
	say(l, SGN_STATUS, &msg);
	ztj_buf_free(&msg);
	signer_gone(l);
	signer_start(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_C01_C03_every_issue),
		cmocka_unit_test(test_C04_subjects),
		cmocka_unit_test(test_S11_bundles),
		cmocka_unit_test(test_broken_store),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
