/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A host as the broker sees one, for tests of the command line: its keys are files, it asks to be
 * admitted, it posts challenges and hears the answers.
 *   makehost pending   DOMAIN NAME DIR URL                 prints the host digest
 *   makehost challenge DOMAIN FULLNAME WHO GRANT DIR URL [SIGNERDIR]  prints the code, then "answered"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/statement.h"
#include "libztjit/net/net.h"
#include "libztjit/sys/safefile.h"
#include "ztjit/record.h"

#define DIE(r) die(__LINE__, r)

static void die(int line, int r)
{
	if (r == ZTJ_OK)
		return;
	(void)fprintf(stderr, "makehost:%d: %s\n", line, ztj_err_text(r));
	exit(1);
}

struct host {
	struct ztj_seckey machine, tls, ssh;
};

/* A key that is made when it is not there. */
static struct ztj_seckey key_at(const char *dir, const char *name)
{
	struct ztj_file_rule rule = { .owner = (uid_t)-1, .secret = true };
	struct ztj_seckey k;
	struct ztj_buf b;
	uint8_t seed[32];
	char path[512];

	rule.owner = geteuid();
	(void)snprintf(path, sizeof path, "%s/%s.seed", dir, name);
	ztj_buf_init(&b, 64);
	if (ztj_file_read(path, &rule, 32, &b) != ZTJ_OK || b.n != 32) {
		DIE(ztj_random(seed, sizeof seed));
		DIE(ztj_file_write(path, ztj_view_of(seed, sizeof seed), 0600));
	} else
		memcpy(seed, b.p, sizeof seed);
	ztj_buf_free(&b);
	DIE(ztj_seckey_from_seed(&k, seed));
	return k;
}

static struct host host_at(const char *dir)
{
	(void)mkdir(dir, 0700);
	return (struct host){ .machine = key_at(dir, "machine"),
		.tls = key_at(dir, "tls"),
		.ssh = key_at(dir, "ssh") };
}

static struct ztj_net *net_to(const char *url, const struct ztj_seckey *tls)
{
	struct ztj_net_conf conf = { .urls = &url,
		.nurls = 1,
		.client = tls,
		.timeout_ms = 5000,
		.max_reply = 1 << 20 };
	struct ztj_net *n;

	DIE(ztj_net_open(&conf, &n));
	return n;
}

static void post(struct ztj_net *n, const char *path, const struct ztj_signed *s)
{
	struct ztj_buf json, reply;
	char text[512];
	long status;

	ztj_buf_init(&json, 1 << 20);
	ztj_buf_init(&reply, 1 << 20);
	DIE(ztj_signed_to_json(s, &json));
	DIE(ztj_net_call(n, "POST", path, ztj_buf_view(&json), &reply, &status));
	if (ztj_net_error(status, ztj_buf_view(&reply), text, sizeof text) != ZTJ_OK) {
		(void)fprintf(stderr, "makehost: %s: %s\n", path, text);
		exit(1);
	}
	ztj_buf_free(&json);
	ztj_buf_free(&reply);
}

static void nonce_hex(char out[ZTJ_HEX_SIZE])
{
	uint8_t raw[32];

	DIE(ztj_random(raw, sizeof raw));
	ztj_hex(raw, sizeof raw, out);
}

static void build_and_post(struct ztj_net *n, const char *path, const struct ztj_stmt *st, const char *nonce,
    const struct ztj_seckey *signer, uint8_t id[ZTJ_DIGEST_LEN])
{
	struct ztj_buf bytes, sig;
	struct ztj_signed s = { .nsigs = 1 };

	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	DIE(ztj_stmt_build(st, nonce, &bytes));
	DIE(ztj_sshsig_sign(signer, ztj_stmt_namespace(st->type), ztj_buf_view(&bytes), &sig));
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	DIE(ztj_stmt_id(s.bytes, id));
	post(n, path, &s);
	ztj_buf_free(&bytes);
	ztj_buf_free(&sig);
}

static int pending(char **argv)
{
	struct host h = host_at(argv[2]);
	struct ztj_stmt st = { .type = ZTJ_STMT_PENDING, .domain = argv[0], .issued = (int64_t)time(NULL) };
	char nonce[ZTJ_HEX_SIZE], digest[RECORD_DIGEST_SIZE], text[ZTJ_KEY_TEXT_SIZE], path[512];
	struct ztj_net *n = net_to(argv[3], NULL);
	uint8_t id[ZTJ_DIGEST_LEN];

	st.u.pending.host = true;
	st.u.pending.name = argv[1];
	st.u.pending.machine = h.machine.pub;
	st.u.pending.tls = h.tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = h.ssh.pub;
	nonce_hex(nonce);
	build_and_post(n, "/v1/pending", &st, nonce, &h.machine, id);
	ztj_net_close(n);
	DIE(ztj_key_to_text(&h.ssh.pub, text));
	(void)snprintf(path, sizeof path, "%s/ssh.pub", argv[2]);
	DIE(ztj_file_write(path, ztj_view_str(text), 0644));
	DIE(record_host_digest(argv[0], argv[1], &h.machine.pub, &h.tls.pub, &h.ssh.pub, 1, digest));
	(void)puts(digest);
	return 0;
}

/* The answer carries both signatures. */
static int on_line(struct ztj_view line, void *arg)
{
	const char *id = arg;

	return memmem(line.p, line.n, "\"stepup\"", 8) != NULL && id != NULL ? 1 : 0;
}

static int challenge(int argc, char **argv)
{
	struct host h = host_at(argv[4]);
	struct ztj_seckey signer = argc > 6 ? key_at(argv[6], "machine") : h.machine;
	static const char *accounts[] = { "root" };
	struct ztj_stmt st = { .type = ZTJ_STMT_STEPUP, .domain = argv[0], .issued = (int64_t)time(NULL) };
	char nonce[ZTJ_HEX_SIZE], code[16];
	struct ztj_net *n = net_to(argv[5], &h.tls);
	uint8_t id[ZTJ_DIGEST_LEN];

	nonce_hex(nonce);
	st.nonce = nonce;
	st.u.stepup.who = argv[2];
	st.u.stepup.host = argv[1];
	st.u.stepup.service = "sudo";
	st.u.stepup.tty = "pts/1";
	st.u.stepup.peer = "127.0.0.1";
	st.u.stepup.accounts = accounts;
	st.u.stepup.naccounts = 1;
	DIE(ztj_unhex(ztj_view_str(argv[3]), st.u.stepup.grant, ZTJ_DIGEST_LEN));
	st.u.stepup.nonce = nonce;
	st.u.stepup.expires = st.issued + 60;
	build_and_post(n, "/v1/stepups", &st, nonce, &signer, id);
	ztj_base32(id, 5, code, sizeof code);
	(void)printf("%.4s-%.4s\n", code, code + 4);
	(void)fflush(stdout);
	if (ztj_net_stream(n, "/v1/stream?since=0", 30, on_line, code) == 1)
		(void)puts("answered");
	ztj_net_close(n);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "pending") == 0)
		return pending(argv + 2);
	if ((argc == 8 || argc == 9) && strcmp(argv[1], "challenge") == 0)
		return challenge(argc - 2, argv + 2);
	(void)fputs("usage: makehost pending|challenge …\n", stderr);
	return 2;
}
