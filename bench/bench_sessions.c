/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_sessions HOSTD COUNT: private memory of ztjit-rec, and of the agent (HOSTD: its parent process) with one and with COUNT
 * recorded sessions, idle and busy. A session is a raw `cat` on a terminal; busy ones are sent text twice a second, which
 * they echo. In a session that may be recorded.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/procs.h"
#include "bench/ptys.h"
#include "bench/report.h"

#define COUNT_MAX 512
#define READINGS 5
#define IDLE_S 4.0 /* until what a beginning needs is given back */
#define BUSY_S 10.0
#define EVERY_S 0.5
#define TEXT_SIZE 2000

struct crowd_of_ptys {
	size_t n;
	struct pty p[COUNT_MAX];
	struct pollfd set[COUNT_MAX];
};

static struct procs agent;
static struct crowd_of_ptys ours, theirs;

/* Reads what comes on all of them for so long. */
static void drain(struct crowd_of_ptys *c, double seconds)
{
	static char buf[65536];
	double until = bench_now() + seconds, left;

	while ((left = until - bench_now()) > 0) {
		if (poll(c->set, c->n, (int)(left * 1000) + 1) <= 0)
			continue;
		for (size_t i = 0; i < c->n; i++)
			if (c->set[i].revents != 0 && read(c->p[i].fd, buf, sizeof(buf)) == 0)
				bench_fail("a session is over");
	}
}

static void add(struct crowd_of_ptys *c, enum pty_way way, size_t upto)
{
	char file[64];

	for (; c->n < upto; c->n++) {
		struct pty *p = &c->p[c->n];

		(void)snprintf(file, sizeof(file), "/var/tmp/bench_sessions.%ld.%zu", (long)getpid(), c->n);
		pty_start(p, way, "stty raw -echo; echo ready; exec cat", file);
		pty_expect(p, "ready\n");
		(void)unlink(file);
		if (fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0)
			bench_fail("no terminal");
		c->set[c->n] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
	}
}

static void work(struct crowd_of_ptys *c, double seconds)
{
	static char text[TEXT_SIZE];
	double until = bench_now() + seconds;

	while (bench_now() < until) {
		for (size_t i = 0; i < c->n; i++) {
			for (size_t k = 0; k < sizeof(text); k++)
				text[k] = k % 80 == 79 ? '\n' : (char)(' ' + arc4random_uniform(90));
			if (write(c->p[i].fd, text, sizeof(text)) < 0 && errno != EAGAIN)
				bench_fail("a session takes nothing");
		}
		drain(c, EVERY_S);
	}
}

static void each(struct crowd_of_ptys *c, double kib[COUNT_MAX])
{
	for (size_t i = 0; i < c->n; i++)
		kib[i] = procs_private_one(c->p[i].pid);
}

static void agent_row(const char *name, const char *what, bool busy)
{
	double kib[READINGS];
	const struct bench_row row = { .row = name,
		.what = what,
		.unit = "KiB",
		.ours = "private memory",
		.a = kib,
		.n = READINGS };

	for (size_t i = 0; i < READINGS; i++) {
		if (busy)
			work(&ours, BUSY_S / READINGS);
		else
			drain(&ours, IDLE_S / READINGS);
		kib[i] = procs_private(&agent);
	}
	for (size_t i = 0; i < agent.n; i++)
		(void)fprintf(stderr, "%s: %s %.0f KiB\n", name, agent.name[i],
		    procs_private_one(agent.pid[i]));
	bench_report(&row);
}

static void recorder_row(const char *name, const char *what)
{
	static double a[COUNT_MAX], b[COUNT_MAX];
	const struct bench_row row = { .row = name,
		.what = what,
		.unit = "KiB",
		.ours = pty_way_name[PTY_ZTJIT],
		.peer = pty_way_name[PTY_TLOG],
		.a = a,
		.b = b,
		.n = ours.n };

	each(&ours, a);
	each(&theirs, b);
	bench_report(&row);
}

static void end_all(struct crowd_of_ptys *c)
{
	for (size_t i = 0; i < c->n; i++)
		(void)close(c->p[i].fd);
}

int main(int argc, char **argv)
{
	char name[64], what[160];
	size_t n;

	if (argc != 3)
		bench_fail("usage: bench_sessions HOSTD COUNT");
	(void)signal(SIGHUP, SIG_IGN);
	procs_of((pid_t)strtol(argv[1], NULL, 10), &agent);
	procs_add(&agent, (pid_t)strtol(argv[1], NULL, 10));
	n = strtoul(argv[2], NULL, 10);
	n = n < 1 ? 1 : n > COUNT_MAX ? COUNT_MAX : n;
	agent_row("agent-none", "private memory of the agent, all its processes, without a recorded session",
	    false);
	add(&ours, PTY_ZTJIT, 1);
	drain(&ours, IDLE_S);
	agent_row("agent-one-idle", "the same with one recorded session", false);
	agent_row("agent-one-busy", "the same while it puts out 4 KB a second", true);
	add(&ours, PTY_ZTJIT, n);
	add(&theirs, PTY_TLOG, n);
	drain(&ours, IDLE_S);
	(void)snprintf(name, sizeof(name), "agent-%zu-idle", n);
	(void)snprintf(what, sizeof(what), "the same with %zu recorded sessions", n);
	agent_row(name, what, false);
	recorder_row("recorder-idle", "private memory of the recorder of one session, idle");
	(void)snprintf(name, sizeof(name), "agent-%zu-busy", n);
	(void)snprintf(what, sizeof(what), "the same while %zu put out 4 KB a second each", n);
	agent_row(name, what, true);
	work(&theirs, BUSY_S);
	recorder_row("recorder-busy",
	    "private memory of the recorder of one session that puts out 4 KB a second");
	end_all(&ours);
	end_all(&theirs);
	return 0;
}
