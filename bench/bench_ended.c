/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * From a revocation to the last process of what it ends.
 *
 *	bench_ended run COMMAND...     the monotonic clock before and after it, in seconds, to standard output
 *	bench_ended watch CGROUP LEAST says how many processes are in it and below, at least LEAST; when the last is gone, the clock
 *	bench_ended rows ROW WHAT      "BEFORE AFTER GONE" a line on standard input: a row each from the command's
 *	                               beginning and from its end, when the broker has it
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/report.h"

#define WATCHED 256
#define LINES 10000
#define GOAL_MS 1000
#define WITHIN_MS 60000

static int run(char **argv)
{
	double begin = bench_now();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			bench_fail("no processes");
	(void)printf("%.6f %.6f\n", begin, bench_now());
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- watch --- */

struct watched {
	size_t n;
	struct pollfd set[WATCHED];
};

static void add_processes(const char *dir, struct watched *w)
{
	char path[4096], line[32];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		int fd = pidfd_open((pid_t)strtol(line, NULL, 10), 0);

		if (fd < 0)
			continue;
		if (w->n == WATCHED)
			bench_fail("too many processes in %s", dir);
		w->set[w->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	(void)fclose(f);
}

static void add_below(const char *dir, struct watched *w)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	char path[4096];

	add_processes(dir, w);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path))
			add_below(path, w);
	}
	if (d != NULL)
		(void)closedir(d);
}

static int watch(const char *cgroup, size_t least)
{
	struct watched w = { .n = 0 };
	size_t left;

	add_below(cgroup, &w);
	if (w.n < least)
		bench_fail("only %zu processes in %s", w.n, cgroup);
	(void)printf("%zu\n", w.n);
	(void)fflush(stdout);
	for (left = w.n; left > 0;) {
		if (poll(w.set, w.n, WITHIN_MS) <= 0)
			bench_fail("%zu of %zu processes live on", left, w.n);
		for (size_t i = 0; i < w.n; i++)
			if (w.set[i].fd >= 0 && w.set[i].revents != 0) {
				w.set[i].fd = -1;
				left--;
			}
	}
	(void)printf("%.6f\n", bench_now());
	return 0;
}

/* --- rows --- */

static void rows(const char *name, const char *what)
{
	static double whole[LINES], news[LINES];
	char line[128], text[256], id[64];
	struct bench_row row = { .row = name,
		.what = text,
		.unit = "ms",
		.ours = "ended",
		.a = whole,
		.goal = BENCH_P99_MOST,
		.bound = GOAL_MS };

	while (row.n < LINES && fgets(line, sizeof(line), stdin) != NULL) {
		char *at;
		double before = strtod(line, &at), after = strtod(at, &at), gone = strtod(at, NULL);

		if (before <= 0 || after <= 0 || gone <= 0)
			bench_fail("not a measurement: %s", line);
		whole[row.n] = (gone - before) * 1e3;
		news[row.n++] = (gone - after) * 1e3;
	}
	(void)snprintf(text, sizeof(text), "%s, from the command's start", what);
	bench_report(&row);
	row.row = id;
	row.a = news;
	(void)snprintf(id, sizeof(id), "%s-news", name);
	(void)snprintf(text, sizeof(text), "%s, from the command's end (negative: they were gone before)",
	    what);
	row.goal = BENCH_NO_GOAL;
	bench_report(&row);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	if (argc == 4 && strcmp(argv[1], "watch") == 0)
		return watch(argv[2], strtoul(argv[3], NULL, 10));
	if (argc != 4 || strcmp(argv[1], "rows") != 0)
		bench_fail("usage: bench_ended run COMMAND... | watch CGROUP LEAST | rows ROW WHAT");
	rows(argv[2], argv[3]);
	return 0;
}
