/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A host as the broker sees one, for tests of the command line: its keys are files, it asks to be
 * admitted, it posts challenges and hears the answers.
 *   makehost pending   DOMAIN NAME DIR URL                 prints the host digest
 *   makehost challenge DOMAIN FULLNAME WHO GRANT DIR URL [SIGNERDIR]  prints the code, then "answered"; with
 *                      MAKEHOST=early the one who asked is gone at once, with late before the answer is there, with
 *                      mute the host never says what became of it
 *   makehost post      URL PATH FILE SIG                   posts a statement that ssh-keygen -Y sign signed
 *   makehost lines     FULLNAME DIR URL FROM N [PREV]      ships lines FROM to FROM + N - 1 of its log of decisions; PREV: the digest
 *                      of the line before FROM; prints that of the last. MAKEHOST_TIME: when they were decided
 *   makehost stepup    DOMAIN FULLNAME WHO GRANT DIR        asks the agent of SSH_AUTH_SOCK; prints its answer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/core/hostproof.h"
#include "libztjit/core/keyfile.h"
#include "libztjit/core/statement.h"
#include "libztjit/net/net.h"
#include "libztjit/sys/safefile.h"
#include "tests/cli/hostfiles.h"

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

/* For a real sshd. */
static void write_sshd_key(const char *dir, const struct ztj_seckey *k)
{
	struct ztj_keyfile kf = { .pub = k->pub };
	struct ztj_buf text;
	char path[512];

	memcpy(kf.seed, k->seed, sizeof kf.seed);
	(void)snprintf(path, sizeof path, "%s/ssh_host_ed25519_key", dir);
	ztj_buf_init(&text, 16384);
	DIE(ztj_keyfile_format(&kf, 1, &text));
	DIE(ztj_file_write(path, ztj_buf_view(&text), 0600));
	ztj_buf_free(&text);
}

/* With MAKEHOST_TOKEN, as join --token; with MAKEHOST_PROOF=other, a proof that was made for other keys. */
static void prove(struct ztj_stmt *st, const uint8_t digest[ZTJ_DIGEST_LEN])
{
	const char *text = getenv("MAKEHOST_TOKEN"), *how = getenv("MAKEHOST_PROOF");
	uint8_t token[ZTJ_TOKEN_LEN], of[ZTJ_DIGEST_LEN];

	if (text == NULL)
		return;
	DIE(ztj_token_parse(text, token));
	memcpy(of, digest, sizeof of);
	if (how != NULL && strcmp(how, "other") == 0)
		of[0] ^= 1;
	st->u.pending.has_proof = true;
	DIE(ztj_host_proof(token, of, st->u.pending.proof));
}

static int pending(char **argv)
{
	struct host h = host_at(argv[2]);
	struct ztj_stmt st = { .type = ZTJ_STMT_PENDING, .domain = argv[0], .issued = (int64_t)time(NULL) };
	char nonce[ZTJ_HEX_SIZE], digest[ZTJ_HOST_DIGEST_SIZE], text[ZTJ_KEY_TEXT_SIZE], path[512];
	struct ztj_net *n = net_to(argv[3], &h.tls);
	uint8_t id[ZTJ_DIGEST_LEN], raw[ZTJ_DIGEST_LEN];
	struct ztj_host_id who;

	st.u.pending.host = true;
	st.u.pending.name = argv[1];
	st.u.pending.machine = h.machine.pub;
	st.u.pending.tls = h.tls.pub;
	st.u.pending.nssh = 1;
	st.u.pending.ssh[0] = h.ssh.pub;
	who = ztj_host_id_pending(&st);
	DIE(ztj_host_digest(&who, raw));
	prove(&st, raw);
	nonce_hex(nonce);
	build_and_post(n, "/v1/pending", &st, nonce, &h.machine, id);
	ztj_net_close(n);
	DIE(ztj_key_to_text(&h.ssh.pub, text));
	(void)snprintf(path, sizeof path, "%s/ssh.pub", argv[2]);
	DIE(ztj_file_write(path, ztj_view_str(text), 0644));
	write_sshd_key(argv[2], &h.ssh);
	ztj_host_digest_text(raw, digest);
	(void)puts(digest);
	return 0;
}

/* The answer carries both signatures. */
static int on_line(struct ztj_view line, void *arg)
{
	const char *id = arg;

	return memmem(line.p, line.n, "\"stepup\"", 8) != NULL && id != NULL ? 1 : 0;
}

static void fill_stepup(struct ztj_stmt *st, char **argv, char nonce[ZTJ_HEX_SIZE])
{
	static const char *accounts[] = { "root" };

	*st = (struct ztj_stmt){ .type = ZTJ_STMT_STEPUP, .domain = argv[0], .issued = (int64_t)time(NULL) };
	nonce_hex(nonce);
	st->nonce = nonce;
	st->u.stepup.who = argv[2];
	st->u.stepup.host = argv[1];
	st->u.stepup.service = "sudo";
	st->u.stepup.tty = "pts/1";
	st->u.stepup.peer = "127.0.0.1";
	st->u.stepup.accounts = accounts;
	st->u.stepup.naccounts = 1;
	DIE(ztj_unhex(ztj_view_str(argv[3]), st->u.stepup.grant, ZTJ_DIGEST_LEN));
	st->u.stepup.nonce = nonce;
	st->u.stepup.expires = st->issued + 60;
}

static int agent_socket(void)
{
	union {
		struct sockaddr_un un;
		struct sockaddr sa;
	} a = { .un = { .sun_family = AF_UNIX } };
	const char *path = getenv("SSH_AUTH_SOCK");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (path == NULL || strlen(path) >= sizeof a.un.sun_path)
		return -1;
	memcpy(a.un.sun_path, path, strlen(path) + 1);
	return connect(fd, &a.sa, sizeof a.un) == 0 ? fd : -1;
}

/* Sends one message, waits for the whole answer. */
static size_t ask_agent(int fd, const struct ztj_buf *msg, uint8_t *reply, size_t size)
{
	struct ztj_buf b;
	size_t n = 0;
	ssize_t got;

	ztj_buf_init(&b, 1 << 20);
	(void)ztj_buf_put_view(&b, ztj_buf_view(msg));
	if (write(fd, b.p, b.n) != (ssize_t)b.n)
		exit(1);
	while (n < 4 || n < 4 + ((size_t)reply[2] << 8 | reply[3])) {
		if ((got = read(fd, reply + n, size - n)) <= 0)
			break;
		n += (size_t)got;
	}
	ztj_buf_free(&b);
	return n;
}

static int fail(const char *what)
{
	(void)puts(what);
	return 1;
}

/* As pam_ztjit and the gate do it, from inside a session with a forwarded agent. */
static int stepup(char **argv)
{
	struct host h = host_at(argv[4]);
	struct ztj_buf bytes, sig, body, msg;
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_stmt st, *answer;
	char nonce[ZTJ_HEX_SIZE];
	static uint8_t reply[65536];
	struct ztj_view blob;
	struct ztj_rd rd;
	int fd = agent_socket();
	size_t n;

	if (fd < 0)
		return fail("no agent");
	ztj_buf_init(&bytes, ZTJ_STMT_MAX);
	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	ztj_buf_init(&body, 1 << 20);
	ztj_buf_init(&msg, 1 << 20);
	fill_stepup(&st, argv, nonce);
	DIE(ztj_stmt_build(&st, nonce, &bytes));
	DIE(ztj_sshsig_sign(&h.machine, ztj_stmt_namespace(st.type), ztj_buf_view(&bytes), &sig));
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&sig);
	DIE(ztj_signed_write(&s, &body));
	DIE(ztj_agent_req_extension(ZTJ_AGENT_EXT_STEPUP, ztj_buf_view(&body), &msg));
	n = ask_agent(fd, &msg, reply, sizeof reply);
	if (n < 5 || reply[4] != ZTJ_AGENT_SUCCESS) {
		(void)printf("answer %d\n", n < 5 ? -1 : reply[4]);
		return 1;
	}
	ztj_rd_init(&rd, ztj_view_of(reply + 5, n - 5));
	DIE(ztj_rd_string(&rd, ZTJ_SSHSIG_MAX, &blob));
	s.sig[s.nsigs++] = blob;
	DIE(ztj_stmt_open(&s, ZTJ_STMT_STEPUP, argv[0], &answer));
	(void)printf("signed%s\n", answer->signer[1].info.user_verified ? " verified" : "");
	return 0;
}

static void end(struct ztj_net *n, const uint8_t id[ZTJ_DIGEST_LEN], bool taken)
{
	char hex[ZTJ_HEX_SIZE], path[128];
	struct ztj_buf reply;
	long status = 0;

	ztj_hex(id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(path, sizeof path, "/v1/stepups/%s%s", hex, taken ? "?taken=1" : "");
	ztj_buf_init(&reply, 65536);
	DIE(ztj_net_call(n, "DELETE", path, ztj_view_of(NULL, 0), &reply, &status));
	if (status != 200)
		(void)printf("status %ld\n", status);
	ztj_buf_free(&reply);
}

static int challenge(int argc, char **argv)
{
	struct host h = host_at(argv[4]);
	struct ztj_seckey signer = argc > 6 ? key_at(argv[6], "machine") : h.machine;
	struct ztj_stmt st;
	char nonce[ZTJ_HEX_SIZE], code[16];
	struct ztj_net *n = net_to(argv[5], &h.tls);
	const char *how = getenv("MAKEHOST") != NULL ? getenv("MAKEHOST") : "";
	uint8_t id[ZTJ_DIGEST_LEN];

	fill_stepup(&st, argv, nonce);
	build_and_post(n, "/v1/stepups", &st, nonce, &signer, id);
	if (strcmp(how, "early") == 0)
		end(n, id, false);
	ztj_base32(id, 5, code, sizeof code);
	(void)printf("%.4s-%.4s\n", code, code + 4);
	(void)fflush(stdout);
	if (strcmp(how, "early") != 0 && ztj_net_stream(n, "/v1/stream?since=0", 30, on_line, code) == 1) {
		if (strcmp(how, "mute") != 0)
			end(n, id, strcmp(how, "late") != 0);
		(void)puts("answered");
	}
	ztj_net_close(n);
	return 0;
}

static void read_file(const char *path, struct ztj_buf *out)
{
	const struct ztj_file_rule rule = { .owner = geteuid() };

	ztj_buf_init(out, 1 << 20);
	DIE(ztj_file_read(path, &rule, 1 << 20, out));
}

static int post_by_hand(char **argv)
{
	struct ztj_buf bytes, text, blob;
	struct ztj_signed s = { .nsigs = 1 };
	struct ztj_net *n = net_to(argv[0], NULL);

	read_file(argv[2], &bytes);
	read_file(argv[3], &text);
	ztj_buf_init(&blob, ZTJ_SSHSIG_MAX);
	DIE(ztj_sshsig_dearmor(ztj_buf_view(&text), &blob));
	s.bytes = ztj_buf_view(&bytes);
	s.sig[0] = ztj_buf_view(&blob);
	post(n, argv[1], &s);
	ztj_net_close(n);
	ztj_buf_free(&bytes);
	ztj_buf_free(&text);
	ztj_buf_free(&blob);
	return 0;
}

static int lines(int argc, char **argv)
{
	struct host h = host_at(argv[1]);
	struct ztj_net *n = net_to(argv[2], &h.tls);
	uint8_t raw[ZTJ_DIGEST_LEN];
	const char *when = getenv("MAKEHOST_TIME");
	char prev[ZTJ_HEX_SIZE] = "";
	int64_t from, many;
	struct ztj_buf text;

	DIE(ztj_parse_int(argv[3], 1, INT32_MAX, &from));
	DIE(ztj_parse_int(argv[4], 1, 1000, &many));
	if (argc > 5)
		(void)snprintf(prev, sizeof prev, "%s", argv[5]);
	else
		(void)snprintf(prev, sizeof prev, "%064d", 0);
	ztj_buf_init(&text, 1 << 20);
	for (int64_t i = from; i < from + many; i++) {
		size_t before = text.n;

		DIE(ztj_buf_printf(&text,
		    "{\"v\":1,\"seq\":%lld,\"prev\":\"%s\",\"time\":\"%s\",\"event\":\"account\","
		    "\"code\":\"no-grant\",\"host\":\"%s\",\"text\":\"a \\\\ and \\u001b\"}",
		    (long long)i, prev, when != NULL ? when : "2026-01-01T00:00:00Z", argv[0]));
		DIE(ztj_sha256(ztj_view_of(text.p + before, text.n - before), raw));
		ztj_hex(raw, sizeof raw, prev);
		DIE(ztj_buf_puts(&text, "\n"));
	}
	struct ztj_buf reply = call(n, "/v1/decisions", ztj_buf_view(&text));
	ztj_buf_free(&reply);
	ztj_buf_free(&text);
	ztj_net_close(n);
	(void)puts(prev);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "post") == 0)
		return post_by_hand(argv + 2);
	if (argc == 6 && strcmp(argv[1], "pending") == 0)
		return pending(argv + 2);
	if ((argc == 8 || argc == 9) && strcmp(argv[1], "challenge") == 0)
		return challenge(argc - 2, argv + 2);
	if (argc == 7 && strcmp(argv[1], "stepup") == 0)
		return stepup(argv + 2);
	if ((argc == 7 || argc == 8) && strcmp(argv[1], "lines") == 0)
		return lines(argc - 2, argv + 2);
	(void)fputs("usage: makehost pending|challenge|lines|post|stepup …\n", stderr);
	return 2;
}
