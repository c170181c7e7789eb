/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Certificates per second (DESIGN section 14): distinct requests, each approved by two people, every bundle verified
 * cold by the signer, every issuance committed before it is released. Measured
 *
 *   tls    over TLS 1.3 by a few clients with one connection each, all three processes working;
 *   pipe   at the store, with this program in the frontend's place and many questions under way;
 *   peer   ssh-keygen -s in a loop;
 *   limit  three bare Ed25519 verifications and one signature (EVP), on one core.
 *
 * Rates per core divide by the processor time that the broker's processes used.
 *
 *   usage: bench_certs [REQUESTS] [CLIENTS]
 */
#include <event2/event.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/sandbox.h"
#include "tests/broker/bk.h"
#include "ztjit-broker/chan.h"
#include "ztjit-broker/proto.h"
#include "ztjit-broker/signer.h"
#include "ztjit-broker/store.h"

#define REQUESTS_MAX 20000
#define WINDOW 128

struct measured {
	double wall, cpu;
	size_t n;
};

static uint8_t (*ids)[ZTJ_DIGEST_LEN];
static size_t nids;

static double now(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* User and system time of one process so far. */
static double cpu_of(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user = 0, sys = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	/* after the name: state and ten more fields, then utime and stime */
	for (int i = 0; p != NULL && i < 12; i++)
		p = strchr(p + 1, ' ');
	if (p != NULL) {
		char *end;
		user = strtoul(p + 1, &end, 10);
		sys = strtoul(end, NULL, 10);
	}
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of_children(pid_t parent)
{
	char cmd[64];
	double sum = 0;
	int pid;
	(void)snprintf(cmd, sizeof(cmd), "pgrep -P %d", (int)parent);
	FILE *f = popen(cmd, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		sum += cpu_of(pid);
	if (f != NULL)
		(void)pclose(f);
	return sum;
}

/* --- requests --- */

static struct ztj_net *connect_as(const struct bk *b, const struct ztj_seckey *who)
{
	char url[64];
	const char *urls[1] = { url };
	struct ztj_net *n;
	struct ztj_net_conf conf = { .urls = urls, .nurls = 1, .pins = &b->w.tls.pub, .npins = 1, .client = who,
		.timeout_ms = 30000, .max_reply = (size_t)1024 * 1024 };
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d", b->port);
	ok(ztj_net_open(&conf, &n));
	return n;
}

static void put(struct ztj_net *n, const struct fx_signed *s)
{
	struct ztj_buf json, reply;
	long status = 0;
	ztj_buf_init(&json, 65536);
	ztj_buf_init(&reply, 65536);
	ok(ztj_signed_to_json(&s->s, &json));
	ok(ztj_net_call(n, "POST", "/v1/statements", ztj_buf_view(&json), &reply, &status));
	if (status != 201)
		fail_msg("%ld %s", status, ztj_buf_str(&reply));
	ztj_buf_free(&json);
	ztj_buf_free(&reply);
}

/* Each with two approvals by two teams, as the rule prod-root asks. */
static void fill(struct bk *b, size_t n)
{
	struct ztj_net *c = connect_as(b, &b->login[FX_REQ1]);
	ids = calloc(n, sizeof(*ids));
	assert_non_null(ids);
	for (nids = 0; nids < n; nids++) {
		struct fx_signed req, ap;
		bk_clock(b);
		fx_request(&b->w, FX_REQ1, "root-shell", FX_WEB1, 3000, &req);
		put(c, &req);
		memcpy(ids[nids], req.id, ZTJ_DIGEST_LEN);
		fx_approval(&b->w, FX_LEAD1, &req, false, 0, &ap);
		put(c, &ap);
		fx_signed_free(&ap);
		fx_approval(&b->w, FX_SEC1, &req, false, 0, &ap);
		put(c, &ap);
		fx_signed_free(&ap);
		fx_signed_free(&req);
	}
	ztj_net_close(c);
}

/* --- over TLS --- */

static int client(const struct bk *b, size_t first, size_t step)
{
	struct ztj_net *c = connect_as(b, &b->login[FX_REQ1]);
	char hex[ZTJ_HEX_SIZE], key[ZTJ_KEY_TEXT_SIZE], body[2048];
	struct ztj_buf reply;
	int bad = 0;
	ztj_buf_init(&reply, (size_t)1024 * 1024);
	ok(ztj_key_to_text(&b->w.person[FX_REQ1].key.pub, key));
	for (size_t i = first; i < nids; i += step) {
		long status = 0;
		ztj_hex(ids[i], ZTJ_DIGEST_LEN, hex);
		(void)snprintf(body, sizeof(body), "{\"request\":\"%s\",\"key\":\"%s\"}", hex, key);
		ztj_buf_reset(&reply);
		if (ztj_net_call(c, "POST", "/v1/certificates", ztj_view_str(body), &reply, &status) != ZTJ_OK || status != 200)
			bad = 1;
	}
	ztj_net_close(c);
	return bad;
}

static struct measured over_tls(const struct bk *b, size_t clients)
{
	struct measured m = { .n = nids };
	double cpu = cpu_of_children(b->pid), began = now();
	for (size_t i = 0; i < clients; i++)
		if (fork() == 0)
			_exit(client(b, i, clients));
	for (size_t i = 0; i < clients; i++) {
		int status;
		(void)wait(&status);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("a client failed");
	}
	m.wall = now() - began;
	m.cpu = cpu_of_children(b->pid) - cpu;
	return m;
}

/* --- at the store --- */

struct pump {
	const struct bk *b;
	struct event_base *base;
	struct chan *store;
	size_t asked, answered;
	char key[ZTJ_KEY_TEXT_SIZE];
};

static void ask_next(struct pump *p)
{
	struct ztj_buf msg;
	struct ask a = { .op = OP_CERTIFICATE, .tag = (uint32_t)p->asked + 1, .address = "127.0.0.1" };
	a.tls = ztj_view_of(p->b->login[FX_REQ1].pub.pub, PROTO_TLS_LEN);
	a.key = ztj_view_str(p->key);
	ztj_hex(ids[p->asked++], ZTJ_DIGEST_LEN, a.id);
	ztj_buf_init(&msg, 4096);
	ok(ask_write(&a, &msg));
	ok(chan_send(p->store, OP_CERTIFICATE, ztj_buf_view(&msg)));
	ztj_buf_free(&msg);
}

static int on_reply(void *arg, uint8_t type, struct ztj_view body)
{
	struct pump *p = arg;
	struct reply r;
	if (type != MSG_REPLY)
		return ZTJ_OK;
	ok(reply_read(body, &r));
	if (r.status != 200)
		fail_msg("%u %.*s", r.status, (int)r.body.n, (const char *)r.body.p);
	if (++p->answered == nids)
		event_base_loopexit(p->base, NULL);
	if (p->asked < nids)
		ask_next(p);
	return ZTJ_OK;
}

static void on_gone(void *arg, int err)
{
	(void)arg;
	fail_msg("the store is gone: %s", ztj_err_text(err));
}

/* Store and signer as the parent makes them, this program where the frontend would be. */
static struct measured at_the_store(struct bk *b)
{
	struct measured m = { .n = nids };
	struct broker_conf conf;
	struct pump p = { .b = b };
	const struct chan_hooks hooks = { on_reply, NULL, on_gone, &p };
	char path[160], err[512], byte;
	int front[2], sign[2], control[2], ready[2];
	pid_t pid[2];
	(void)snprintf(path, sizeof(path), "%s/broker.conf", b->dir);
	ok(broker_conf_load(path, &conf, err, sizeof(err)));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, front), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sign), 0);
	assert_int_equal(pipe(control), 0);
	assert_int_equal(pipe(ready), 0);
	struct store_fds sf = { .frontend = front[1], .signer = sign[0], .control = control[0], .ready = ready[1] };
	struct signer_fds gf = { .store = sign[1], .control = control[0], .ready = ready[1] };
	if ((pid[0] = fork()) == 0)
		_exit(ztj_process_harden(1024) == ZTJ_OK ? store_main(&conf, &sf) : 1);
	if ((pid[1] = fork()) == 0)
		_exit(ztj_process_harden(1024) == ZTJ_OK ? signer_main(&conf, &gf) : 1);
	(void)close(ready[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	p.base = event_base_new();
	ok(chan_new(p.base, front[0], &hooks, &p.store));
	ok(ztj_key_to_text(&b->w.person[FX_REQ1].key.pub, p.key));
	double cpu = cpu_of(pid[0]) + cpu_of(pid[1]), began = now();
	while (p.asked < WINDOW && p.asked < nids)
		ask_next(&p);
	(void)event_base_dispatch(p.base);
	m.wall = now() - began;
	m.cpu = cpu_of(pid[0]) + cpu_of(pid[1]) - cpu;
	printf("        (store %.2f s, signer %.2f s so far)\n", cpu_of(pid[0]), cpu_of(pid[1]));
	for (int i = 0; i < 2; i++) {
		(void)kill(pid[i], SIGTERM);
		(void)waitpid(pid[i], NULL, 0);
	}
	chan_free(p.store);
	event_base_free(p.base);
	broker_conf_free(&conf);
	return m;
}

/* --- what to compare with --- */

static double limit(void)
{
	uint8_t msg[512] = { 1 }, sig[64];
	size_t siglen = sizeof(sig);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned n = 0;
	double began = now(), spent;
	do {
		siglen = sizeof(sig);
		(void)EVP_MD_CTX_reset(ctx);
		assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
		assert_int_equal(EVP_DigestSign(ctx, sig, &siglen, msg, sizeof(msg)), 1);
		for (int i = 0; i < 3; i++) {
			(void)EVP_MD_CTX_reset(ctx);
			assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
			assert_int_equal(EVP_DigestVerify(ctx, sig, siglen, msg, sizeof(msg)), 1);
		}
		n++;
		spent = now() - began;
	} while (spent < 2);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return n / spent;
}

static double peer(void)
{
	char dir[] = "/tmp/ztjit-bench.XXXXXX", cmd[256];
	assert_non_null(mkdtemp(dir));
	(void)snprintf(cmd, sizeof(cmd), "cd %s && ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -t ed25519 -N '' -f user", dir);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(cmd, sizeof(cmd), "cd %s && for i in $(seq 200); do ssh-keygen -q -s ca -I x -n p -V +1h -z $i user.pub; done",
	    dir);
	double began = now();
	assert_int_equal(system(cmd), 0);
	double rate = 200 / (now() - began);
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	(void)!system(cmd);
	return rate;
}

static void report(const char *what, struct measured m, double lim, double per)
{
	double wall = (double)m.n / m.wall, core = (double)m.n / m.cpu;
	printf("%-6s  %7.0f/s   %7.0f/s per core   %5.1f x ssh-keygen -s   %3.0f %% of the limit\n", what, wall, core, core / per,
	    100 * core / lim);
}

static void run(void **state)
{
	struct bk b;
	size_t *args = *state;
	bk_start(&b, "rate_identity = 100000;\nrate_statements = 1000000;\nrate_anonymous = 1000000;\nmax_open_requests = 10000;\n");
	bk_arm(&b);
	bk_login(&b, FX_REQ1);
	fill(&b, args[0]);
	printf("%zu requests, two approvals each\n", nids);
	/* The signer has seen nothing of them: every bundle is verified cold. */
	struct measured tls = over_tls(&b, args[1]);
	bk_stop(&b);
	struct measured pipe_level = at_the_store(&b);
	double lim = limit(), per = peer();
	printf("limit   %7.0f/s (3 verifications, 1 signature)\npeer    %7.0f/s (ssh-keygen -s)\n", lim, per);
	report("tls", tls, lim, per);
	report("pipe", pipe_level, lim, per);
	bk_end(&b);
}

int main(int argc, char **argv)
{
	size_t args[2] = { 2000, 16 };
	for (int i = 1; i < argc && i < 3; i++)
		args[i - 1] = (size_t)strtoul(argv[i], NULL, 10);
	if (args[0] == 0 || args[0] > REQUESTS_MAX || args[1] == 0 || args[1] > 64) {
		fprintf(stderr, "usage: bench_certs [REQUESTS] [CLIENTS]\n");
		return 2;
	}
	const struct CMUnitTest bench[] = { cmocka_unit_test_prestate(run, args) };
	return cmocka_run_group_tests_name("certificates", bench, NULL, NULL);
}
