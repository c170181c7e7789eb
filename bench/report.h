/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What every measurement shares: clocks, quantiles and the one line of JSON it prints for bench_table.
 * A measurement that cannot be made ends the program with a message and status 1; a missed goal never does.
 */
#ifndef ZTJ_BENCH_REPORT_H
#define ZTJ_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum bench_goal { BENCH_NO_GOAL, BENCH_RATIO_MOST, BENCH_RATIO_LEAST, BENCH_P50_MOST, BENCH_P99_MOST };

struct bench_row {
	const char *row;              /* "directory-difference" */
	const char *what;             /* one line for people */
	const char *unit;             /* "ms", "us", "KiB", "1/s" */
	const char *ours, *peer;      /* what each column is; peer NULL: measured alone */
	const double *a, *b;          /* n samples of ours; n of the peer, each beside its pair, or NULL */
	size_t n;
	enum bench_goal goal;
	double bound;
};

/* Writes the row to standard output. Ratios are taken pair by pair, ours / peer; their median comes with its 95 %
 * confidence interval (order statistics). */
void bench_report(const struct bench_row *r);

/* Seconds: of the wall, and of this process on a CPU. */
double bench_now(void);
double bench_cpu(void);
/* The smallest sample that q of all samples do not exceed. n > 0. */
double bench_quantile(const double *v, size_t n, double q);
/* All of it; with BENCH_SMALL in the environment a twentieth: then whether it runs is asked, not how fast. */
unsigned bench_many(unsigned all);
/* Says why and ends with status 1. */
_Noreturn void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A call of the libraries that must not fail. */
#define must_ok(call) bench_must((call), #call)
void bench_must(int r, const char *call);

#endif
