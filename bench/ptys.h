/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Commands on pseudo-terminals, as sshd runs them, and the ways to run one: bare, under our recorder, under others. Whoever
 * measures reads the other side, as sshd does.
 */
#ifndef ZTJ_BENCH_PTYS_H
#define ZTJ_BENCH_PTYS_H

#include <stddef.h>
#include <sys/types.h>

struct pty {
	const char *name;
	pid_t pid;
	int fd;
};

enum pty_way { PTY_BARE, PTY_ZTJIT, PTY_TLOG, PTY_SCRIPT, PTY_WAYS };
extern const char *const pty_way_name[PTY_WAYS];

/* Runs command by sh, recorded that way; what others than ours record goes to file and is overwritten. Fails the measurement
 * when it cannot. */
void pty_start(struct pty *p, enum pty_way way, const char *command, const char *file);
/* Whatever there is, at least a byte; 0: nothing comes any more. */
size_t pty_read(const struct pty *p, char *out, size_t n);
/* Waits for its end, which must be a good one; the CPU seconds of this process alone, without those it started. */
double pty_end(struct pty *p);
/* Reads until these bytes have been there. */
void pty_expect(const struct pty *p, const char *text);

#endif
