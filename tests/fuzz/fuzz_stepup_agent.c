/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The step-up agent, fed what a forwarded connection may hold: it never signs, and never binds twice. */
#include <string.h>
#include <sys/socket.h>

#include "tests/fuzz/fuzz.h"
#include "libztjit/core/agentmsg.h"
#include "ztjit/agent.h"

static int pair[2] = { -1, -1 };

/* Answers are read away; only SUCCESS to a bind or a quit may be among them, never a signature. */
static void drain(void)
{
	uint8_t buf[65536];

	while (recv(pair[1], buf, sizeof buf, MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cli c;
	static struct cli_key key;
	struct agent a = { .c = &c, .key = &key, .listener = -1 };
	struct agent_conn conn = { .peer = 0 };

	if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	conn.fd = pair[0];
	ztj_buf_init(&conn.in, ZTJ_AGENT_MSG_MAX + 4);
	if (ztj_buf_put(&conn.in, data, size) == ZTJ_OK && agent_serve(&a, &conn) == ZTJ_OK)
		MUST(!(conn.bound && a.quit));
	ztj_buf_free(&conn.in);
	drain();
	for (size_t i = 0; i < c.narena; i++)
		free(c.arena[i]);
	free(c.arena);
	c = (struct cli){ .arena = NULL };
	return 0;
}
