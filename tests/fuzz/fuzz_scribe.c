/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What recorders, the gate and the mirror say, against a whole scribe. Input: chunks of uint8 who (0: recorder, in frames made
 * here; 1: recorder, as it is; 2: gate; 3: mirror), uint8 type, uint16 length, bytes. The gate says yes to every recorder.
 * Whatever comes, every session has ended when its recorder is gone for long enough, and every file is one of a record.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "tests/fuzz/fuzz.h"
#include "ztjit-hostd/scribe.h"

static struct ztj_scribe *scribe;
static char dir[64];
static int gate, mirror;
static int64_t clock_ms = 1000000;

static int64_t now(void)
{
	return clock_ms;
}

static int64_t seconds(void)
{
	return 1795338000;
}

static int read_proc(int pidfd, pid_t pid, struct ztj_procinfo *out)
{
	(void)pidfd;
	memset(out, 0, sizeof(*out));
	out->id = (struct ztj_procid){ pid, 1 };
	return ZTJ_OK;
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
	static struct ztj_hostconf conf = { .fullname = "servers/web1",
		.record_spool = 8,
		.record_reserve = 1 };
	static char shell[] = "/bin/sh";
	struct ztj_scribe_fds fds = { -1, -1, -1 };
	struct ztj_scribe_env env;
	int pair[2];

	ztj_log_open("scribe", true, ZTJ_LOG_ALARM + 1);
	/* every session is synced to disk: memory will do */
	(void)snprintf(dir, sizeof(dir), "%s/ztjit-fuzz.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(mkdtemp(dir) != NULL && atexit(finish) == 0);
	conf.records = dir;
	conf.shell = shell;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	fds.gate = pair[0];
	gate = pair[1];
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	fds.mirror = pair[0];
	mirror = pair[1];
	ztj_scribe_env_default(&env, "x", getegid());
	env.now = now;
	env.clock = seconds;
	env.read_proc = read_proc;
	MUST(ztj_scribe_new(&conf, &env, &fds, &scribe) == ZTJ_OK);
}

static void frame(int sock, uint8_t type, const void *p, size_t n)
{
	const uint32_t len = (uint32_t)n + 2;
	const uint8_t head[6] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
		(uint8_t)len, 1, type };

	(void)send(sock, head, sizeof(head), MSG_NOSIGNAL);
	if (n > 0)
		(void)send(sock, p, n, MSG_NOSIGNAL);
}

/* REC_IS for a REC_NEW: yes, with everything recorded. */
static void say_yes(const uint8_t *tag)
{
	struct ztj_buf b;
	uint8_t grant[32] = { 1 };

	ztj_buf_init(&b, 4096);
	(void)ztj_buf_put(&b, tag, 4);
	(void)ztj_buf_put_u32(&b, 0);
	(void)ztj_buf_put_cstring(&b, "");
	(void)ztj_buf_put_u8(&b, 3);
	for (int i = 0; i < 5; i++)
		(void)ztj_buf_put_cstring(&b, "x");
	(void)ztj_buf_put(&b, grant, sizeof(grant));
	(void)ztj_buf_put_u64(&b, 1);
	(void)ztj_buf_put_u32(&b, 0);
	frame(gate, ZTJ_REC_IS, b.p, b.n);
	ztj_buf_free(&b);
}

static void turn(void)
{
	uint8_t b[65536];

	for (int i = 0; i < 4; i++) {
		ssize_t n;
		(void)event_base_loop(scribe->base, EVLOOP_NONBLOCK);
		ztj_scribe_turn(scribe);
		n = recv(gate, b, sizeof(b), MSG_DONTWAIT);
		for (ssize_t at = 0; at + 10 <= n;) {
			uint32_t len = (uint32_t)b[at] << 24 | (uint32_t)b[at + 1] << 16 |
			    (uint32_t)b[at + 2] << 8 | b[at + 3];
			if (b[at + 5] == ZTJ_REC_NEW)
				say_yes(b + at + 6);
			at += 4 + (ssize_t)len;
		}
		while (recv(mirror, b, sizeof(b), MSG_DONTWAIT) > 0)
			;
	}
}

/* What it does not understand ends a real scribe; this one goes on. */
static void forgive(void)
{
	scribe->exit_status = 0;
	ztj_buf_reset(&scribe->gate_in.buf);
	ztj_buf_reset(&scribe->mirror_in.buf);
	scribe->ships = 0;
	for (struct ztj_recording *r = scribe->records; r != NULL; r = r->next)
		r->ship.under_way = 0;
}

static void clean(void)
{
	for (int i = 0; i < 3; i++) {
		clock_ms += 60000;
		turn();
		forgive();
	}
	MUST(scribe->conns == NULL && scribe->nasking == 0 && scribe->nopen == 0);
	for (struct ztj_recording *r = scribe->records; r != NULL; r = r->next) {
		MUST(r->live == NULL && r->state != ZTJ_RECORD_OPEN && r->chain.last);
		r->ship.done = true;
	}
	turn();
	forgive();
	MUST(scribe->records == NULL && scribe->used == 0 && scribe->nwaiting == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];

	if (scribe == NULL)
		start();
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	ztj_rconn_take(scribe, pair[0]);
	while (size >= 4) {
		size_t n = (size_t)data[2] << 8 | data[3];

		n = n > size - 4 ? size - 4 : n;
		if (data[0] % 4 == 1)
			(void)send(pair[1], data + 4, n, MSG_NOSIGNAL);
		else
			frame(data[0] % 4 == 0     ? pair[1]
				: data[0] % 4 == 2 ? gate
						   : mirror,
			    data[1], data + 4, n);
		turn();
		forgive();
		data += 4 + n;
		size -= 4 + n;
	}
	(void)close(pair[1]);
	turn();
	clean();
	return 0;
}
