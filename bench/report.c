/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/report.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libztjit/core/err.h"

static double clock_of(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		bench_fail("no clock");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double bench_now(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

double bench_cpu(void)
{
	return clock_of(CLOCK_PROCESS_CPUTIME_ID);
}

unsigned bench_many(unsigned all)
{
	return getenv("BENCH_SMALL") == NULL ? all : all / 20;
}

void bench_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void bench_must(int r, const char *call)
{
	if (r != ZTJ_OK)
		bench_fail("%s: %s", call, ztj_err_text(r));
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double *sorted(const double *v, size_t n)
{
	double *s = n == 0 ? NULL : reallocarray(NULL, n, sizeof(*s));

	if (s == NULL)
		bench_fail("no samples");
	memcpy(s, v, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_value);
	return s;
}

static double at(const double *s, size_t n, double q)
{
	double rank = ceil(q * (double)n) - 1;

	return s[rank < 0 ? 0 : rank >= (double)n ? n - 1 : (size_t)rank];
}

double bench_quantile(const double *v, size_t n, double q)
{
	double *s = sorted(v, n), x = at(s, n, q);

	free(s);
	return x;
}

/* The median: the mean of the two in the middle when n is even. */
static double median(const double *s, size_t n)
{
	return n % 2 == 1 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

static json_t *column(const char *name, const double *v, size_t n)
{
	double *s = sorted(v, n);
	json_t *o = json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", name, "p50", median(s, n), "p99",
	    at(s, n, 0.99), "least", s[0], "most", s[n - 1]);

	free(s);
	return o;
}

static json_t *ratios(const struct bench_row *r, double *mid)
{
	double *q = reallocarray(NULL, r->n, sizeof(*q)), *s, half = 0.98 * sqrt((double)r->n) / (double)r->n;
	json_t *o;

	if (q == NULL)
		bench_fail("no memory");
	for (size_t i = 0; i < r->n; i++)
		q[i] = r->a[i] / r->b[i];
	s = sorted(q, r->n);
	*mid = median(s, r->n);
	o = json_pack("{s:f, s:f, s:f}", "median", *mid, "low", at(s, r->n, 0.5 - half), "high",
	    at(s, r->n, 0.5 + half));
	free(q);
	free(s);
	return o;
}

static json_t *goal(const struct bench_row *r, double ratio)
{
	static const char *const of[] = { "", "ratio", "ratio", "p50", "p99" };
	bool least = r->goal == BENCH_RATIO_LEAST;
	double is = ratio;

	if (r->goal == BENCH_NO_GOAL)
		return json_null();
	if (r->goal == BENCH_P50_MOST || r->goal == BENCH_P99_MOST)
		is = bench_quantile(r->a, r->n, r->goal == BENCH_P50_MOST ? 0.5 : 0.99);
	return json_pack("{s:s, s:f, s:b}", "of", of[r->goal], least ? "at_least" : "at_most", r->bound,
	    "reached", least ? is >= r->bound : is <= r->bound);
}

void bench_report(const struct bench_row *r)
{
	double ratio = 0;
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:o}", "row", r->row, "what", r->what, "unit", r->unit,
	    "samples", (json_int_t)r->n, "ours", column(r->ours, r->a, r->n));

	if (o == NULL)
		bench_fail("no memory");
	if (r->b != NULL &&
	    (json_object_set_new(o, "peer", column(r->peer, r->b, r->n)) != 0 ||
		json_object_set_new(o, "ratio", ratios(r, &ratio)) != 0))
		bench_fail("no memory");
	if (json_object_set_new(o, "goal", goal(r, ratio)) != 0 ||
	    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0)
		bench_fail("cannot report");
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	json_decref(o);
}
