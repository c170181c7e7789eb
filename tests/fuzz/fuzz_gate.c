/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Bytes on the gate's sockets and from its mirror, against a whole gate that holds nothing: it
 * may answer, close, or take note; it never allows anything. The first byte chooses the socket.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "tests/fuzz/fuzz.h"
#include "ztjit-hostd/gate.h"

static struct ztj_gate *gate;
static char dir[64];
static int mirror;

/* The boot clock is the machine's: timers are set by it, and one that stands still would wake the gate for ever. */
static void now(struct ztj_now *out)
{
	struct timespec boot;

	MUST(clock_gettime(CLOCK_BOOTTIME, &boot) == 0);
	*out = (struct ztj_now){ 1795338000, boot.tv_sec };
}

static int read_proc(int pidfd, pid_t pid, struct ztj_procinfo *out)
{
	(void)pidfd;
	memset(out, 0, sizeof(*out));
	out->id = out->parent = (struct ztj_procid){ pid, 1 };
	out->ruid = 1000; /* not exempt */
	(void)snprintf(out->cgroup, sizeof(out->cgroup), "/x");
	return ZTJ_OK;
}

static int listener(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	MUST(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 4) == 0);
	return fd;
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void finish(void)
{
	(void)nftw(dir, gone, 16, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
	static struct ztj_hostconf conf = { .fullname = "servers/web1", .reserve = 64 };
	static char roots[128], state[128];
	static const char text[] =
	    "domain example\nthreshold 1\n"
	    "root ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm x\n";
	struct ztj_gate_env env = { .now = now,
		.proc = "/nonexistent",
		.read_proc = read_proc,
		.passwd = "/etc/passwd",
		.root = geteuid(),
		.principals = geteuid(),
		.bootid = "x",
		.init_loginuid = ZTJ_NO_LOGINUID };
	static struct ztj_seckey machine;
	struct ztj_gate_fds fds = { .scribe = -1 };
	int pair[2];
	FILE *fp;

	ztj_log_open("gate", true, ZTJ_LOG_ALARM);
	(void)snprintf(dir, sizeof(dir), "/tmp/ztjit-fuzz.XXXXXX");
	MUST(mkdtemp(dir) != NULL && atexit(finish) == 0);
	(void)snprintf(roots, sizeof(roots), "%s/roots", dir);
	(void)snprintf(state, sizeof(state), "%s/state", dir);
	MUST(mkdir(state, 0700) == 0 && (fp = fopen(roots, "we")) != NULL);
	MUST(fputs(text, fp) >= 0 && fclose(fp) == 0);
	conf.roots = roots;
	conf.state = state;
	fds.pam = listener("pam.sock");
	fds.principals = listener("principals.sock");
	fds.control = listener("control.sock");
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	fds.mirror = pair[0];
	mirror = pair[1];
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	fds.warden = pair[0];
	MUST(ztj_gate_new(&conf, &env, &fds, &machine, "/ztjit", &gate) == ZTJ_OK);
	ztj_gate_listen(gate);
}

static void turn(void)
{
	for (int i = 0; i < 6; i++)
		(void)event_base_loop(gate->base, EVLOOP_NONBLOCK);
}

static void drain(int fd)
{
	char b[4096];

	while (recv(fd, b, sizeof(b), MSG_DONTWAIT) > 0)
		;
}

static void ask(const char *name, const uint8_t *data, size_t size)
{
	uint8_t b[4096];
	char path[128];
	ssize_t n;
	int sock;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	MUST(ztj_ipc_connect(path, ztj_ipc_now_ms() + 1000, &sock) == ZTJ_OK);
	(void)!write(sock, data, size);
	(void)shutdown(sock, SHUT_WR);
	turn();
	n = recv(sock, b, sizeof(b), MSG_DONTWAIT);
	/* a verdict or a line of zero would be an admission */
	MUST(n < 10 || (b[5] != 128 && b[5] != 144) || memcmp(b + 6, "\0\0\0\0", 4) != 0 ||
	    (size > 5 && data[5] == 4));
	(void)close(sock);
	turn();
	MUST(gate->nconns == 0 && ztj_sessions_count(gate->sessions) == 0);
}

/* Without the length: the fuzzer should not have to guess it. */
static void from_mirror(const uint8_t *data, size_t size)
{
	const uint8_t head[6] = { 0, 0, (uint8_t)((size + 1) >> 8), (uint8_t)(size + 1), 1,
		size > 0 ? data[0] : 0 };

	if (size == 0 || size > 32768)
		return;
	(void)!write(mirror, head, sizeof(head));
	(void)!write(mirror, data + 1, size - 1);
	turn();
	drain(mirror);
	/* what it does not understand ends a real gate; this one goes on */
	ztj_ipc_in_reset(&gate->mirror_in);
	ztj_buf_reset(&gate->mirror_in.buf);
	drain(gate->fds.mirror);
	MUST(ztj_trust_held_policy(gate->trust) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (gate == NULL)
		start();
	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0:
		ask("pam.sock", data + 1, size - 1);
		break;
	case 1:
		ask("principals.sock", data + 1, size - 1);
		break;
	case 2:
		ask("control.sock", data + 1, size - 1);
		break;
	default:
		from_mirror(data + 1, size - 1);
	}
	return 0;
}
