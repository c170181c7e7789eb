/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_memory: private memory of a process and its children, together, read a few times.
 *
 *	bench_memory ROW WHAT GOAL-KIB PARENT
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/procs.h"
#include "bench/report.h"

#define READINGS 5

int main(int argc, char **argv)
{
	double sum[READINGS];
	struct bench_row row = { .unit = "KiB",
		.ours = "private memory",
		.a = sum,
		.n = READINGS,
		.goal = BENCH_P50_MOST };
	struct procs p;

	if (argc != 5)
		bench_fail("usage: bench_memory ROW WHAT GOAL-KIB PARENT");
	row.row = argv[1];
	row.what = argv[2];
	row.bound = strtod(argv[3], NULL);
	procs_of((pid_t)strtol(argv[4], NULL, 10), &p);
	procs_add(&p, (pid_t)strtol(argv[4], NULL, 10));
	for (size_t i = 0; i < READINGS; i++) {
		sum[i] = procs_private(&p);
		(void)usleep(200000);
	}
	for (size_t i = 0; i < p.n; i++)
		(void)fprintf(stderr, "%s: %s %.0f KiB\n", row.row, p.name[i], procs_private_one(p.pid[i]));
	bench_report(&row);
	return 0;
}
