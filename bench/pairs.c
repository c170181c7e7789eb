/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_pairs: two commands, run in turn many times, each time the one that went second goes first.
 *
 *	bench_pairs ROW WHAT GOAL PAIRS OURS PEER -- COMMAND... -- COMMAND...
 *
 * GOAL is the most that ours may take of the peer's time. Both must exit with 0, or the measurement ends.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bench/report.h"

#define PAIRS_MAX 10000
#define WARM_UP 3

extern char **environ;

/* Wall time in milliseconds. */
static double run(char **argv)
{
	posix_spawn_file_actions_t quiet;
	double begin, end;
	pid_t pid;
	int status;

	if (posix_spawn_file_actions_init(&quiet) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0) != 0)
		bench_fail("no memory");
	begin = bench_now();
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) != 0)
		bench_fail("cannot run %s", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		continue;
	end = bench_now();
	(void)posix_spawn_file_actions_destroy(&quiet);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail("%s: status %d", argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return (end - begin) * 1e3;
}

static char **after_dashes(char **argv)
{
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--") == 0) {
			*argv = NULL;
			return argv + 1;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static double ours[PAIRS_MAX], peer[PAIRS_MAX];
	struct bench_row row = { .unit = "ms", .a = ours, .b = peer, .goal = BENCH_RATIO_MOST };
	char **a, **b;
	size_t n;

	a = argc > 7 ? after_dashes(argv + 7) : NULL;
	b = a == NULL ? NULL : after_dashes(a);
	if (b == NULL || *a == NULL || *b == NULL)
		bench_fail("usage: bench_pairs ROW WHAT GOAL PAIRS OURS PEER -- COMMAND... -- COMMAND...");
	row.row = argv[1];
	row.what = argv[2];
	row.bound = strtod(argv[3], NULL);
	n = strtoul(argv[4], NULL, 10);
	row.n = n < 1 ? 1 : n > PAIRS_MAX ? PAIRS_MAX : n;
	row.ours = argv[5];
	row.peer = argv[6];
	for (size_t i = 0; i < WARM_UP; i++) {
		(void)run(a);
		(void)run(b);
	}
	for (size_t i = 0; i < row.n; i++) {
		if (i % 2 == 0) {
			ours[i] = run(a);
			peer[i] = run(b);
		} else {
			peer[i] = run(b);
			ours[i] = run(a);
		}
	}
	bench_report(&row);
	return 0;
}
