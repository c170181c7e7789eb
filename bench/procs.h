/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the processes of a running broker use: CPU and private memory. */
#ifndef ZTJ_BENCH_PROCS_H
#define ZTJ_BENCH_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#define PROCS_MAX 8

struct procs {
	size_t n;
	pid_t pid[PROCS_MAX];
	char name[PROCS_MAX][16];
};
/* The children of this process. */
void procs_of(pid_t parent, struct procs *out);
void procs_add(struct procs *p, pid_t pid);
/* Seconds on a CPU so far, of one or of all. */
double procs_cpu_one(pid_t pid);
double procs_cpu(const struct procs *p);
/* Private memory in KiB (clean and dirty, of smaps_rollup). */
double procs_private_one(pid_t pid);
double procs_private(const struct procs *p);

#endif
