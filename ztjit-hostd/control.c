/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* import, clock and status: clients of the running agent's control.sock. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/showstatus.h"

#define WAIT_MS 30000
#define SHOWN_MAX (16u * 1024u * 1024u)

/* One question, one answer; code and text of the reply. */
static int ask(const struct ztj_hostconf *conf, struct ztj_buf *msg, int fd, struct ztj_buf *text)
{
	int64_t deadline = ztj_ipc_now_ms() + WAIT_MS;
	struct ztj_ipc_in in;
	struct ztj_view v;
	struct ztj_rd rd;
	uint32_t code = 0;
	char path[256];
	int sock = -1, r;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	(void)snprintf(path, sizeof(path), "%s/control.sock", conf->run);
	r = ztj_ipc_finish(msg);
	if (r == ZTJ_OK)
		r = ztj_ipc_connect(path, deadline, &sock);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(sock, ztj_buf_view(msg), fd, deadline);
	if (r == ZTJ_OK)
		r = ztj_ipc_recv(sock, &in, deadline);
	if (r == ZTJ_OK) {
		ztj_rd_init(&rd, in.body);
		r = in.type == ZTJ_MSG_REPLY ? ztj_rd_u32(&rd, &code) : ZTJ_PROTOCOL;
	}
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &v);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_buf_put(text, v.p, v.n);
	if (r == ZTJ_OK && code != 0)
		r = code <= 1000 ? -(int)code : ZTJ_PROTOCOL;
	if (sock >= 0)
		(void)close(sock);
	ztj_ipc_in_free(&in);
	ztj_buf_free(msg);
	return r;
}

static int finish(int r, struct ztj_buf *text)
{
	if (r == ZTJ_OK)
		(void)printf("%s\n", ztj_buf_str(text));
	else
		(void)fprintf(stderr, "ztjit-hostd: %s\n", ztj_err_text(r));
	ztj_buf_free(text);
	return ztj_err_exit(r);
}

int ztj_hostd_import(const struct ztj_hostconf *conf, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct ztj_buf msg, text;

	if (fd < 0) {
		(void)fprintf(stderr, "ztjit-hostd: cannot read %s\n", file);
		return 2;
	}
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	/* The file itself goes along: what it says proves itself, whoever reads it. */
	r = ztj_ipc_begin(&msg, ZTJ_MSG_IMPORT);
	if (r == ZTJ_OK)
		r = ztj_buf_put_string(&msg, "", 0);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, fd, &text);
	(void)close(fd);
	return finish(r, &text);
}

int ztj_hostd_clock(const struct ztj_hostconf *conf)
{
	struct ztj_buf msg, text;
	int r;

	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&msg, ZTJ_MSG_CLOCK);
	if (r == ZTJ_OK)
		r = ztj_buf_put_u8(&msg, 1);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, -1, &text);
	return finish(r, &text);
}

int ztj_hostd_status(const struct ztj_hostconf *conf, bool json)
{
	struct ztj_buf msg, text, shown;
	int r;

	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	ztj_buf_init(&text, ZTJ_IPC_MAX);
	r = ztj_ipc_begin(&msg, ZTJ_MSG_STATUS);
	if (r == ZTJ_OK)
		r = ask(conf, &msg, -1, &text);
	if (r != ZTJ_OK || json)
		return finish(r, &text);
	ztj_buf_init(&shown, SHOWN_MAX);
	r = ztj_status_show(ztj_buf_view(&text), (int64_t)time(NULL), &shown);
	if (r == ZTJ_OK)
		(void)fwrite(shown.p, 1, shown.n, stdout);
	else
		(void)fprintf(stderr, "ztjit-hostd: %s\n", ztj_err_text(r));
	ztj_buf_free(&shown);
	ztj_buf_free(&text);
	return ztj_err_exit(r);
}
