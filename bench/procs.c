/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "bench/procs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"

static FILE *open_of(pid_t pid, const char *name)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	f = fopen(path, "re");
	if (f == NULL)
		bench_fail("%s cannot be read", path);
	return f;
}

static void read_name(pid_t pid, char name[16])
{
	FILE *f = open_of(pid, "comm");

	if (fgets(name, 16, f) == NULL)
		bench_fail("process %ld has no name", (long)pid);
	name[strcspn(name, "\n")] = '\0';
	(void)fclose(f);
}

void procs_of(pid_t parent, struct procs *out)
{
	char name[64], line[256], *p = line;
	FILE *f;

	memset(out, 0, sizeof(*out));
	(void)snprintf(name, sizeof(name), "task/%ld/children", (long)parent);
	f = open_of(parent, name);
	if (fgets(line, sizeof(line), f) == NULL)
		bench_fail("process %ld has no children", (long)parent);
	(void)fclose(f);
	for (long pid = strtol(p, &p, 10); pid > 0; pid = strtol(p, &p, 10))
		procs_add(out, (pid_t)pid);
}

void procs_add(struct procs *p, pid_t pid)
{
	if (p->n == PROCS_MAX)
		bench_fail("too many processes");
	p->pid[p->n] = pid;
	read_name(pid, p->name[p->n++]);
}

double procs_cpu_one(pid_t pid)
{
	FILE *f = open_of(pid, "schedstat");
	char line[128];
	double ns;

	if (fgets(line, sizeof(line), f) == NULL)
		bench_fail("no schedstat");
	ns = strtod(line, NULL);
	(void)fclose(f);
	return ns / 1e9;
}

double procs_cpu(const struct procs *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += procs_cpu_one(p->pid[i]);
	return sum;
}

double procs_private_one(pid_t pid)
{
	FILE *f = open_of(pid, "smaps_rollup");
	char line[256];
	double sum = 0;

	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Private_Clean:", 14) == 0 || strncmp(line, "Private_Dirty:", 14) == 0)
			sum += strtod(line + 14, NULL);
	(void)fclose(f);
	return sum;
}

double procs_private(const struct procs *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += procs_private_one(p->pid[i]);
	return sum;
}
