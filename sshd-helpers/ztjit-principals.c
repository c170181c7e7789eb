/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-principals: what sshd runs as AuthorizedPrincipalsCommand, as a user of
 * its own without any right but to ask ztjit-hostd. It prints the one line the
 * daemon answered, or nothing. It runs before the key is proven, twice in a login,
 * with whatever groups and descriptors sshd left it; it decides nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "libztjit/sys/ipc.h"

ZTJ_MARK;

#define MSG_PRINCIPALS 16
#define MSG_LINE 144
#define WAIT_MS 5000
#define LINE_MAX_BYTES 8192
#define EXIT_NO 1
#define EXIT_USAGE 2
#define EXIT_OUTAGE 3

/* A socket that became standard output would receive the line. */
static int have_std_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0)
			return -1;
	} while (fd <= STDERR_FILENO);
	return close(fd);
}

static int question(struct ztj_buf *out, char *const arg[3])
{
	int r = ztj_ipc_begin(out, MSG_PRINCIPALS);

	for (int i = 0; r == ZTJ_OK && i < 3; i++)
		r = ztj_buf_put_cstring(out, arg[i]);
	if (r == ZTJ_OK)
		r = ztj_buf_put_cstring(out, ""); /* sshd has no token for the peer's address */
	return r == ZTJ_OK ? ztj_ipc_finish(out) : r;
}

/* sshd takes every line it is given for a principal, so there must be exactly one. */
static bool one_line(struct ztj_view line)
{
	if (line.n < 2 || line.p[line.n - 1] != '\n')
		return false;
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] < 0x20 || line.p[i] > 0x7e)
			return false;
	return true;
}

static int print(struct ztj_view line)
{
	size_t done = 0;

	while (done < line.n) {
		ssize_t n = write(STDOUT_FILENO, line.p + done, line.n - done);
		if (n <= 0)
			return EXIT_OUTAGE;
		done += (size_t)n;
	}
	return 0;
}

static int answer(const struct ztj_ipc_in *in)
{
	struct ztj_view line, text;
	struct ztj_rd rd;
	uint32_t code;

	ztj_rd_init(&rd, in->body);
	if (in->type != MSG_LINE || ztj_rd_u32(&rd, &code) != ZTJ_OK ||
	    ztj_rd_string(&rd, LINE_MAX_BYTES, &line) != ZTJ_OK ||
	    ztj_rd_string(&rd, LINE_MAX_BYTES, &text) != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK)
		return EXIT_OUTAGE;
	if (code != 0)
		return EXIT_NO; /* the reason stands in the daemon's log */
	return one_line(line) ? print(line) : EXIT_OUTAGE;
}

static int ask(const char *path, char *const arg[3])
{
	int64_t deadline = ztj_ipc_now_ms() + WAIT_MS;
	int r, sock = -1, status = EXIT_OUTAGE;
	struct ztj_ipc_in in;
	struct ztj_buf out;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(&out, ZTJ_IPC_MAX);
	r = question(&out, arg);
	if (r == ZTJ_OK)
		r = ztj_ipc_connect(path, deadline, &sock);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(sock, ztj_buf_view(&out), -1, deadline);
	if (r == ZTJ_OK)
		r = ztj_ipc_recv(sock, &in, deadline);
	if (r == ZTJ_OK)
		status = answer(&in);
	if (status == EXIT_OUTAGE) {
		openlog("ztjit-principals", LOG_PID, LOG_AUTHPRIV);
		syslog(LOG_ERR, "no usable answer from ztjit-hostd (%d)", r);
	}
	if (sock >= 0)
		(void)close(sock);
	ztj_ipc_in_free(&in);
	ztj_buf_free(&out);
	return status;
}

static int usage(void)
{
	(void)fputs("usage: ztjit-principals [-s socket] account certificate-type certificate\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *path = ZTJ_RUNDIR "/principals.sock";
	int c;

	if (have_std_fds() != 0)
		return EXIT_OUTAGE;
	while ((c = getopt(argc, argv, "s:")) != -1) {
		if (c != 's')
			return usage();
		path = optarg;
	}
	if (argc - optind != 3)
		return usage();
	return ask(path, argv + optind);
}
