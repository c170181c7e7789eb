/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Memory of the broker for each connected host: private memory of its processes before and after many hosts, each
 * with a key of its own, opened their stream and heard their first status; idle then but for the heartbeat. What the kernel
 * holds for a socket is not counted.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crowd.h"
#include "bench/procs.h"
#include "bench/report.h"
#include "bench/streams.h"
#include "tests/broker/bk.h"

#define HOSTS 2000u
#define STEPS 4u /* a reading after each quarter */
#define FOR_HOSTS 10000
#define GOAL_KIB 40

static struct bk b;

static void host(unsigned i, struct ztj_buf *out)
{
	crowd_host(i, "prod", out);
}

/* A directory of these hosts instead of the fixture's. */
static void admit(void)
{
	struct ztj_dir_delta delta;
	struct fx_signed st;
	struct ztj_buf json;
	struct ztj_dir *set;
	struct crowd c;
	const char *const gone[] = { "db1", "test1", "web1", "web2" };

	crowd_make(&c, bench_many(HOSTS), host);
	delta = (struct ztj_dir_delta){ .ndrop = 4,
		.drop = (const char **)(uintptr_t)gone,
		.nput = c.n,
		.put = c.view };
	bk_clock(&b);
	must_ok(ztj_dir_apply(ztj_trust_dir(b.w.trust, "servers"), "servers", &delta, &set));
	fx_directory(&b.w, set, 2, b.dir_digest[1], &b.w.registrar[1], &st);
	crowd_post_json(&c, 1, gone, 4, &st, &json);
	if (bk_call(&b, &b.registrar[1], "POST", "/v1/directories/servers", ztj_buf_view(&json)) != 201)
		bench_fail("the directory was refused: %s", b.error);
	ztj_buf_free(&json);
	fx_signed_free(&st);
	ztj_dir_free(set);
	crowd_free(&c);
}

/* --- hosts --- */

/* One process holds a quarter of the streams; tells when all are there and holds them until told to end. */
static _Noreturn void hold(int fd, unsigned from, unsigned to)
{
	const struct sockaddr_in broker = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)b.port) };
	SSL_CTX *ctx = streams_ctx();
	SSL **ssl = calloc(to - from, sizeof(*ssl));
	char byte;

	if (ssl == NULL)
		bench_fail("no memory");
	for (unsigned i = from; i < to; i++)
		ssl[i - from] = streams_open(ctx, &broker, i);
	_exit(write(fd, "", 1) == 1 && read(fd, &byte, 1) == 0 ? 0 : 1);
}

/* held: the sockets of those before, n of them. */
static int start_hosts(unsigned from, unsigned to, const int *held, size_t n)
{
	int pair[2];
	pid_t pid;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		bench_fail("no sockets");
	pid = fork();
	if (pid < 0)
		bench_fail("no processes");
	if (pid == 0) {
		/* or nobody would see the end of this one and of those before it */
		(void)close(pair[0]);
		for (size_t i = 0; i < n; i++)
			(void)close(held[i]);
		hold(pair[1], from, to);
	}
	(void)close(pair[1]);
	if (read(pair[0], &byte, 1) != 1)
		bench_fail("the hosts did not connect");
	return pair[0];
}

static void raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_max < HOSTS + 512)
		bench_fail("only %llu descriptors: raise ulimit -n", (unsigned long long)rl.rlim_max);
}

int main(void)
{
	char what[160];
	double per_host[STEPS], before;
	struct bench_row row = { .row = "broker-per-host",
		.what = what,
		.unit = "KiB",
		.ours = "private memory",
		.a = per_host,
		.n = STEPS,
		.goal = BENCH_P50_MOST,
		.bound = GOAL_KIB };
	unsigned hosts = bench_many(HOSTS);
	int fd[STEPS];
	struct procs p;

	raise_limit();
	bk_start(&b, "max_per_address = 20000;\nmax_connections = 20000;\n");
	bk_arm(&b);
	admit();
	procs_of(b.pid, &p);
	(void)usleep(1500000); /* the first status over the new directory */
	before = procs_private(&p);
	for (unsigned i = 0; i < STEPS; i++) {
		fd[i] = start_hosts(hosts / STEPS * i, hosts / STEPS * (i + 1), fd, i);
		per_host[i] = (procs_private(&p) - before) / (hosts / STEPS * (i + 1));
	}
	(void)snprintf(what, sizeof(what),
	    "of the broker for each host; %u connected; %d would take %.0f MiB beside %.0f MiB", hosts,
	    FOR_HOSTS, per_host[STEPS - 1] * FOR_HOSTS / 1024, before / 1024);
	bench_report(&row);
	for (unsigned i = 0; i < STEPS; i++)
		(void)close(fd[i]);
	bk_end(&b);
	return 0;
}
