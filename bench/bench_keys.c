/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_keys ROW COUNT: one key after another on three terminals side by side, unrecorded, under ztjit-rec and under tlog-rec,
 * each echoed by a raw `cat`: the time from the key to its echo. In a session that may be recorded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/ptys.h"
#include "bench/report.h"

#define COUNT_MAX 20000
#define WARM_UP 10
#define PAUSE_US 8000
#define WAYS 3

static double us[WAYS][COUNT_MAX], added[COUNT_MAX];

static double key(const struct pty *p, char c)
{
	double begin;
	char got;

	(void)usleep(PAUSE_US);
	begin = bench_now();
	if (write(p->fd, &c, 1) != 1 || pty_read(p, &got, 1) != 1 || got != c)
		bench_fail("a key was not echoed");
	return (bench_now() - begin) * 1e6;
}

static void rows(const char *name, size_t n)
{
	char id[64];
	struct bench_row row = { .row = name,
		.what = "from a key to its echo by a raw cat",
		.unit = "us",
		.ours = pty_way_name[PTY_ZTJIT],
		.peer = pty_way_name[PTY_BARE],
		.a = us[PTY_ZTJIT],
		.b = us[PTY_BARE],
		.n = n };

	bench_report(&row);
	row.row = id;
	(void)snprintf(id, sizeof(id), "%s-tlog", name);
	row.peer = pty_way_name[PTY_TLOG];
	row.b = us[PTY_TLOG];
	bench_report(&row);
	for (size_t i = 0; i < n; i++)
		added[i] = us[PTY_ZTJIT][i] - us[PTY_BARE][i];
	(void)snprintf(id, sizeof(id), "%s-added", name);
	row.what = "the same, less the unrecorded key beside it";
	row.a = added;
	row.b = NULL;
	bench_report(&row);
}

int main(int argc, char **argv)
{
	char file[64];
	struct pty p[WAYS];
	size_t n;

	if (argc != 3)
		bench_fail("usage: bench_keys ROW COUNT");
	n = strtoul(argv[2], NULL, 10);
	n = n < 1 ? 1 : n > COUNT_MAX ? COUNT_MAX : n;
	(void)snprintf(file, sizeof(file), "/var/tmp/bench_keys.%ld", (long)getpid());
	for (int w = 0; w < WAYS; w++) {
		pty_start(&p[w], (enum pty_way)w, "stty raw -echo; echo ready; exec cat", file);
		pty_expect(&p[w], "ready\n");
	}
	for (size_t i = 0; i < WARM_UP * WAYS; i++)
		(void)key(&p[i % WAYS], 'w');
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < WAYS; k++)
			us[(i + k) % WAYS][i] = key(&p[(i + k) % WAYS], (char)('a' + i % 26));
	rows(argv[1], n);
	(void)unlink(file);
	return 0;
}
