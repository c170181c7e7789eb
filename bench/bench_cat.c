/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_cat: `cat FILE` on a terminal, unrecorded, under ztjit-rec, under tlog-rec and under script, in turn.
 *
 *	bench_cat NAME FILE RUNS HOSTD RECORDS
 *
 * In a session that may be recorded. HOSTD is the process id of the agent's parent, RECORDS where it spools. Throughput is
 * from the first byte that arrives to the last. CPU is that of the recording process, of ours also what the agent's
 * processes used from before it began until the broker had everything.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/procs.h"
#include "bench/ptys.h"
#include "bench/report.h"

#define RUNS_MAX 1000
#define SHIPPED_WITHIN 120 /* seconds */

struct run {
	double mbs, cpu; /* MB/s; ms */
	size_t bytes;
};

static struct procs agent;
static const char *records;
static char command[512], scratch[128];

static bool shipped(void)
{
	DIR *d = opendir(records);
	const struct dirent *e;
	bool left = false;

	if (d == NULL)
		bench_fail("%s cannot be read", records);
	while (!left && (e = readdir(d)) != NULL)
		left = strstr(e->d_name, ".meta") != NULL;
	(void)closedir(d);
	return !left;
}

static void wait_shipped(void)
{
	double begin = bench_now();

	while (!shipped()) {
		if (bench_now() - begin > SHIPPED_WITHIN)
			bench_fail("the broker does not get the record");
		(void)usleep(20000);
	}
}

static void drain(const struct pty *p, struct run *r)
{
	static char buf[65536];
	double first = 0, last = 0;
	size_t n;

	r->bytes = 0;
	while ((n = pty_read(p, buf + (r->bytes < 4096 ? r->bytes : 0), sizeof(buf) - 4096)) > 0) {
		last = bench_now();
		first = r->bytes == 0 ? last : first;
		r->bytes += n;
	}
	if (r->bytes < sizeof(buf))
		bench_fail("%s on a terminal said: %.*s", p->name, (int)r->bytes, buf);
	r->mbs = (double)r->bytes / 1e6 / (last - first);
}

/* Of ours, process by process: the recorder, then the agent's. */
static double spent[1 + PROCS_MAX];

static void spend(double sign)
{
	for (size_t i = 0; i < agent.n; i++)
		spent[1 + i] += sign * procs_cpu_one(agent.pid[i]) * 1e3;
}

static void tell_spent(const char *name, size_t n)
{
	(void)fprintf(stderr, "%s: CPU of a run: recorder %.0f ms", name, spent[0] / (double)n);
	for (size_t i = 0; i < agent.n; i++)
		(void)fprintf(stderr, ", %s %.0f", agent.name[i], spent[1 + i] / (double)n);
	(void)fputc('\n', stderr);
}

static void one(enum pty_way way, struct run *r)
{
	double before = procs_cpu(&agent);
	struct pty p;

	if (way == PTY_ZTJIT)
		spend(-1);

	pty_start(&p, way, command, scratch);
	drain(&p, r);
	r->cpu = pty_end(&p) * 1e3;
	if (way != PTY_ZTJIT)
		return;
	wait_shipped();
	spent[0] += r->cpu;
	spend(1);
	r->cpu += (procs_cpu(&agent) - before) * 1e3;
}

static struct run runs[PTY_WAYS][RUNS_MAX];

static void report(const char *name, const char *kind, enum pty_way peer, bool cpu, size_t n, double bound)
{
	static double a[RUNS_MAX], b[RUNS_MAX];
	char id[64], what[160];
	struct bench_row row = { .row = id,
		.what = what,
		.unit = cpu ? "ms" : "MB/s",
		.ours = pty_way_name[PTY_ZTJIT],
		.peer = pty_way_name[peer],
		.a = a,
		.b = b,
		.n = n,
		.bound = bound,
		.goal = bound == 0 ? BENCH_NO_GOAL
		    : cpu          ? BENCH_RATIO_MOST
				   : BENCH_RATIO_LEAST };

	for (size_t i = 0; i < n; i++) {
		a[i] = cpu ? runs[PTY_ZTJIT][i].cpu : runs[PTY_ZTJIT][i].mbs;
		b[i] = cpu ? runs[peer][i].cpu : runs[peer][i].mbs;
	}
	(void)snprintf(id, sizeof(id), "%s-%s", name, kind);
	(void)snprintf(what, sizeof(what),
	    cpu ? "%.0f MB by cat on a terminal: own CPU, with the agent's until all is with the broker"
		: "%.0f MB by cat on a terminal, throughput",
	    (double)runs[PTY_BARE][0].bytes / 1e6);
	bench_report(&row);
}

int main(int argc, char **argv)
{
	size_t n;

	if (argc != 6)
		bench_fail("usage: bench_cat NAME FILE RUNS HOSTD RECORDS");
	(void)snprintf(command, sizeof(command), "cat %s", argv[2]);
	(void)snprintf(scratch, sizeof(scratch), "/var/tmp/bench_cat.%ld", (long)getpid());
	n = strtoul(argv[3], NULL, 10);
	n = n < 1 ? 1 : n > RUNS_MAX ? RUNS_MAX : n;
	records = argv[5];
	procs_of((pid_t)strtol(argv[4], NULL, 10), &agent);
	procs_add(&agent, (pid_t)strtol(argv[4], NULL, 10));
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < PTY_WAYS; k++) {
			enum pty_way way = (enum pty_way)((i + k) % PTY_WAYS);

			one(way, &runs[way][i]);
		}
		/* The others may add a line of their own. */
		if (runs[PTY_ZTJIT][i].bytes != runs[PTY_BARE][i].bytes)
			bench_fail("%zu bytes instead of %zu", runs[PTY_ZTJIT][i].bytes,
			    runs[PTY_BARE][i].bytes);
	}
	(void)unlink(scratch);
	tell_spent(argv[1], n);
	report(argv[1], "bare", PTY_BARE, false, n, 0.8);
	report(argv[1], "tlog", PTY_TLOG, false, n, 0);
	report(argv[1], "script", PTY_SCRIPT, false, n, 0);
	report(argv[1], "cpu-tlog", PTY_TLOG, true, n, 0.2);
	report(argv[1], "cpu-script", PTY_SCRIPT, true, n, 0);
	return 0;
}
