/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * rec_scribe [-f flags] [-p path] [-S shell] [-v] command [argument ...]: runs a command beside a test's scribe, whose socket it
 * finds in $ZTJ_REC_SOCK, and says afterwards what the last record held; -v: each as it comes. For scripts and measurements.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/rec/scribe.h"

static void report(const struct scribe *s)
{
	static const char *const name[] = { "in", "out", "err" };
	struct rusage own;

	(void)fprintf(stderr,
	    "record: ended=%d killed=%d status=%u events=%llu terminal-bytes=%llu command=%s\n", s->ended,
	    s->killed, s->status, (unsigned long long)s->durable, (unsigned long long)s->digest_bytes,
	    s->command);
	for (int i = 0; i < 3; i++) {
		(void)fprintf(stderr, "record: %s %llu ", name[i], (unsigned long long)s->bytes[i]);
		for (int k = 0; k < 32; k++)
			(void)fprintf(stderr, "%02x", s->sha256[i][k]);
		(void)fputc('\n', stderr);
	}
	if (getrusage(RUSAGE_SELF, &own) == 0)
		(void)fprintf(stderr, "record: scribe cpu %.3f\n",
		    (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
			(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
	struct scribe_conf conf = { .take_bytes = 65536, .digest = true };
	struct scribe s;
	pid_t pid;
	int c, status = 0;

	while ((c = getopt(argc, argv, "+f:p:S:v")) != -1) {
		if (c == 'f')
			conf.flags = (uint8_t)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			conf.path = optarg;
		else if (c == 'S')
			conf.shell = optarg;
		else if (c == 'v')
			conf.trace = true;
		else
			return 2;
	}
	if (optind >= argc)
		return 2;
	scribe_start(&s, &conf);
	if (setenv("ZTJ_REC_SOCK", s.path, 1) != 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[optind], argv + optind);
		perror(argv[optind]);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	scribe_stop(&s);
	report(&s);
	scribe_free(&s);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
