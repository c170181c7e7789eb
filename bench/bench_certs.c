/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Certificates per second of CPU: a real broker (three processes, TLS, SQLite) gives out certificates for
 * requests with two approvals, each bundle seen by the signer for the first time, each certificate committed before it
 * is released. Beside it, block by block: `ssh-keygen -s` in a loop, and the cryptography that no signer can leave out,
 * three verifications and one signature. All three are counted in CPU time, so that a second core or a waiting disk
 * flatters nobody.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bare.h"
#include "bench/procs.h"
#include "bench/report.h"
#include "tests/broker/bk.h"

#define BLOCKS 9
#define PER_BLOCK 64
#define WORKERS 16
#define KEYGENS 20
#define BARE_ROUNDS 100
#define REQUESTS ((BLOCKS + 1) * PER_BLOCK)
#define CERT_BYTES 3500

extern char **environ;

static struct bk b;
static uint8_t request[REQUESTS][ZTJ_DIGEST_LEN];
static int worker[WORKERS];

static struct ztj_net *open_as(const struct ztj_seckey *who)
{
	static char url[64];
	const char *urls[1] = { url };
	const struct ztj_net_conf conf = { .urls = urls,
		.nurls = 1,
		.pins = &b.w.tls.pub,
		.npins = 1,
		.client = who,
		.timeout_ms = 20000,
		.max_reply = (size_t)1024 * 1024 };
	struct ztj_net *n;

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b.port);
	must_ok(ztj_net_open(&conf, &n));
	return n;
}

static void call(struct ztj_net *n, const char *method, const char *path, struct ztj_view body)
{
	struct ztj_buf reply;
	long status;

	ztj_buf_init(&reply, (size_t)1024 * 1024);
	must_ok(ztj_net_call(n, method, path, body, &reply, &status));
	if (status >= 300)
		bench_fail("%s: %ld %.*s", path, status, (int)reply.n, (const char *)reply.p);
	ztj_buf_free(&reply);
}

static void put(struct ztj_net *n, const struct fx_signed *s)
{
	struct ztj_buf json;

	ztj_buf_init(&json, (size_t)256 * 1024);
	must_ok(ztj_signed_to_json(&s->s, &json));
	call(n, "POST", "/v1/statements", ztj_buf_view(&json));
	ztj_buf_free(&json);
}

/* --- what is to be certified --- */

static void make_requests(void)
{
	struct ztj_net *req1 = open_as(&b.login[FX_REQ1]), *lead1 = open_as(&b.login[FX_LEAD1]),
		       *sec1 = open_as(&b.login[FX_SEC1]);

	bk_clock(&b);
	for (size_t i = 0; i < REQUESTS; i++) {
		struct fx_signed r, a1, a2;

		fx_request(&b.w, FX_REQ1, "root-shell", FX_WEB1, 1800, &r);
		fx_approval(&b.w, FX_LEAD1, &r, false, 0, &a1);
		fx_approval(&b.w, FX_SEC1, &r, false, 0, &a2);
		put(req1, &r);
		put(lead1, &a1);
		put(sec1, &a2);
		memcpy(request[i], r.id, ZTJ_DIGEST_LEN);
		fx_signed_free(&r);
		fx_signed_free(&a1);
		fx_signed_free(&a2);
	}
	ztj_net_close(req1);
	ztj_net_close(lead1);
	ztj_net_close(sec1);
}

static void certify(struct ztj_net *n, size_t i)
{
	char hex[ZTJ_HEX_SIZE], key[ZTJ_KEY_TEXT_SIZE], body[2048];

	ztj_hex(request[i], ZTJ_DIGEST_LEN, hex);
	must_ok(ztj_key_to_text(&b.w.person[FX_REQ1].key.pub, key));
	(void)snprintf(body, sizeof(body), "{\"request\":\"%s\",\"key\":\"%s\"}", hex, key);
	call(n, "POST", "/v1/certificates", ztj_view_str(body));
}

/* --- workers: connected once, then told which block to ask for --- */

static _Noreturn void work(int fd, size_t mine)
{
	struct ztj_net *n = open_as(&b.login[FX_REQ1]);
	uint32_t block;

	call(n, "GET", "/healthz", ztj_view_of(NULL, 0));
	while (write(fd, "", 1) == 1 && read(fd, &block, sizeof(block)) == (ssize_t)sizeof(block))
		for (size_t i = mine; i < PER_BLOCK; i += WORKERS)
			certify(n, block * PER_BLOCK + i);
	_exit(0);
}

static void wait_workers(void)
{
	char byte;

	for (size_t i = 0; i < WORKERS; i++)
		if (read(worker[i], &byte, 1) != 1)
			bench_fail("a worker ended");
}

static void start_workers(void)
{
	for (size_t i = 0; i < WORKERS; i++) {
		int pair[2];
		pid_t pid;

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			bench_fail("no sockets");
		pid = fork();
		if (pid < 0)
			bench_fail("no processes");
		if (pid == 0) {
			/* or nobody would see the end of this one and of those before it */
			(void)close(pair[0]);
			for (size_t k = 0; k < i; k++)
				(void)close(worker[k]);
			work(pair[1], i);
		}
		(void)close(pair[1]);
		worker[i] = pair[0];
	}
	wait_workers();
}

static void ask_block(uint32_t block)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (write(worker[i], &block, sizeof(block)) != (ssize_t)sizeof(block))
			bench_fail("a worker ended");
	wait_workers();
}

/* --- peers --- */

static double children_cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run(char *const *argv)
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid ||
	    status != 0)
		bench_fail("%s failed", argv[0]);
}

static char word_ca[] = "ca", word_user[] = "user", word_pub[] = "user.pub", word_name[] = "ssh-keygen";

static void make_keygen_keys(void)
{
	char q[] = "-q", t[] = "-t", ed[] = "ed25519", n[] = "-N", none[] = "", f[] = "-f";
	char *ca[] = { word_name, q, t, ed, n, none, f, word_ca, NULL };
	char *user[] = { word_name, q, t, ed, n, none, f, word_user, NULL };

	run(ca);
	run(user);
}

static double keygen_rate(void)
{
	char q[] = "-q", s[] = "-s", id_opt[] = "-I", id[] = "bench", n[] = "-n", principal[] = "root",
	     v[] = "-V", hour[] = "+1h";
	char *argv[] = { word_name, q, s, word_ca, id_opt, id, n, principal, v, hour, word_pub, NULL };
	double begin = children_cpu();

	for (size_t i = 0; i < KEYGENS; i++)
		run(argv);
	return KEYGENS / (children_cpu() - begin);
}

static double bare_rate(const struct bare *statement, const struct bare *cert)
{
	double begin = bench_cpu();

	for (size_t i = 0; i < BARE_ROUNDS; i++) {
		for (size_t k = 0; k < 3; k++)
			bare_verify(statement);
		bare_sign(cert);
	}
	return BARE_ROUNDS / (bench_cpu() - begin);
}

int main(void)
{
	static double all[BLOCKS], inner[BLOCKS], wall[BLOCKS], keygen[BLOCKS], limit[BLOCKS];
	const char what[] = "certificates a CPU second, request and two approvals verified, committed";
	struct bench_row row = { .row = "certs-ssh-keygen",
		.what = what,
		.unit = "1/s",
		.ours = "broker, TLS and HTTP included",
		.peer = "ssh-keygen -s in a loop",
		.a = all,
		.b = keygen,
		.n = BLOCKS,
		.goal = BENCH_RATIO_LEAST,
		.bound = 8 };
	struct bare statement, cert;
	struct soft_key ca;
	struct procs p;

	bk_start(&b, "rate_identity = 100000;\nrate_statements = 1000000;\nmax_open_requests = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	bk_login(&b, FX_LEAD1);
	bk_login(&b, FX_SEC1);
	make_requests();
	make_keygen_keys();
	fx_key(&ca, ZTJ_KEY_ED25519, 9);
	bare_make(&statement, &b.w.person[FX_REQ1].key, BARE_SK_MESSAGE);
	bare_make(&cert, &ca, CERT_BYTES);
	procs_of(b.pid, &p);
	start_workers();
	ask_block(0);
	for (uint32_t k = 0; k < BLOCKS; k++) {
		double cpu[PROCS_MAX], begin = bench_now(), sum = 0, front = 0;

		for (size_t i = 0; i < p.n; i++)
			cpu[i] = procs_cpu_one(p.pid[i]);
		ask_block(k + 1);
		wall[k] = PER_BLOCK / (bench_now() - begin);
		for (size_t i = 0; i < p.n; i++) {
			cpu[i] = procs_cpu_one(p.pid[i]) - cpu[i];
			sum += cpu[i];
			front += strcmp(p.name[i], "frontend") == 0 ? cpu[i] : 0;
			if (k == BLOCKS / 2)
				(void)fprintf(stderr, "certs: %s %.0f us a certificate\n", p.name[i],
				    cpu[i] * 1e6 / PER_BLOCK);
		}
		all[k] = PER_BLOCK / sum;
		inner[k] = PER_BLOCK / (sum - front);
		keygen[k] = keygen_rate();
		limit[k] = bare_rate(&statement, &cert);
	}
	bench_report(&row);
	row.row = "certs-crypto-limit";
	row.peer = "three verifications and one signature, bare";
	row.b = limit;
	row.bound = 0.6;
	bench_report(&row);
	row.row = "certs-inner";
	row.ours = "store and signer alone";
	row.a = inner;
	row.goal = BENCH_NO_GOAL;
	bench_report(&row);
	row.row = "certs-wall";
	row.what = "certificates a second on the clock, clients on the same machine";
	row.ours = "broker and 16 clients";
	row.a = wall;
	row.b = NULL;
	bench_report(&row);
	for (size_t i = 0; i < WORKERS; i++)
		(void)close(worker[i]);
	bare_free(&statement);
	bare_free(&cert);
	soft_key_free(&ca);
	bk_end(&b);
	return 0;
}
