/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Runs the recorder for a test: under a terminal of the test's, or with three pipes or sockets, as sshd does.
 */
#ifndef ZTJ_TESTS_REC_RUN_H
#define ZTJ_TESTS_REC_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

struct run {
	pid_t pid;
	int fd;       /* the outer terminal's master */
	int in, out, err;
	bool sockets; /* in and out are one */
};

/* argv[0]: what the recorder is called; the rest follows "-s PATH". NULL-terminated. */
void run_terminal(struct run *r, const char *sock, const char *const *argv, const struct winsize *size);
void run_pipes(struct run *r, const char *sock, const char *const *argv, bool sockets);
/* Reads until the end, at most `seconds`; the caller frees it. A final NUL is not counted. */
uint8_t *run_read(int fd, size_t *n, int seconds);
/* Reads until text was seen. */
bool run_expect(int fd, const char *text, int seconds);
void run_write(int fd, const void *p, size_t n);
/* The wait status; the process is killed, and -1 returned, when it is not over in time. */
int run_wait(struct run *r, int seconds);
void run_close(struct run *r);
/* Is that process there (no zombie)? */
bool run_alive(pid_t pid);
/* A file of n pseudo-random bytes with every byte value; unlinked by the caller. */
void run_random_file(char *path, size_t size, size_t n);

#endif
