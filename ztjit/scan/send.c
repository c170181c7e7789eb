/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit/scan/send.h"

#include <string.h>
#include <unistd.h>

#include "libztjit/sys/ipc.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit/out.h"

#define SOCKET ZTJ_RUNDIR "/control.sock"
#define WAIT_MS 45000

static int write_message(const struct scan *s, struct ztj_buf *msg)
{
	struct scan_counts n;
	struct ztj_buf json;
	int r;

	scan_count(s, &n);
	ztj_buf_init(&json, SCAN_SENT_MAX);
	r = scan_summary(s, SCAN_SENT_MAX, &json);
	if (r == ZTJ_OK)
		r = ztj_ipc_begin(msg, ZTJ_MSG_STANDING);
	if (r == ZTJ_OK) {
		(void)ztj_buf_put_u32(msg, (uint32_t)n.standing);
		(void)ztj_buf_put_u32(msg, (uint32_t)n.accepted);
		(void)ztj_buf_put_u32(msg, (uint32_t)n.expired);
		(void)ztj_buf_put_u32(msg, (uint32_t)n.missed);
		(void)ztj_buf_put_view(msg, ztj_buf_view(&json));
		r = ztj_ipc_finish(msg);
	}
	ztj_buf_free(&json);
	return r;
}

static int read_reply(const struct ztj_ipc_in *in)
{
	struct ztj_view text;
	struct ztj_rd rd;
	uint32_t code = 0;
	int r;

	ztj_rd_init(&rd, in->body);
	r = in->type == ZTJ_MSG_REPLY ? ztj_rd_u32(&rd, &code) : ZTJ_PROTOCOL;
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_IPC_MAX, &text);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK && code != 0)
		r = code <= 1000 ? -(int)code : ZTJ_PROTOCOL;
	return r;
}

int scan_send(struct cli *c, const struct scan *s)
{
	int64_t deadline = ztj_ipc_now_ms() + WAIT_MS;
	struct ztj_ipc_in in;
	struct ztj_buf msg;
	int sock = -1, r;

	ztj_ipc_in_init(&in, ZTJ_IPC_MAX);
	ztj_buf_init(&msg, ZTJ_IPC_MAX);
	if ((r = write_message(s, &msg)) == ZTJ_OK)
		r = ztj_ipc_connect(SOCKET, deadline, &sock);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(sock, ztj_buf_view(&msg), -1, deadline);
	if (r == ZTJ_OK)
		r = ztj_ipc_recv(sock, &in, deadline);
	if (r == ZTJ_OK)
		r = read_reply(&in);
	if (sock >= 0)
		(void)close(sock);
	ztj_buf_free(&msg);
	ztj_ipc_in_free(&in);
	if (r == ZTJ_OK)
		out_say(c, "the broker has it");
	else
		/* a result that did not get there is not known there, whatever the reason: never an ordinary "no" */
		r = cli_fail(c, ztj_err_class(r) == ZTJ_CLASS_OUTAGE ? r : ZTJ_UNREACHABLE,
		    "not sent to the broker: %s", ztj_err_text(r));
	return r;
}
