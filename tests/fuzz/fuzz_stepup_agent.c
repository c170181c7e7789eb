/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The step-up agent, fed what a forwarded connection may hold: every answer is a whole message that
 * signs nothing, it binds once, quits for this machine only, answers nothing afterwards and keeps no memory.
 */
#include <string.h>
#include <sys/socket.h>

#include "libztjit/core/agentmsg.h"
#include "tests/fuzz/fuzz.h"
#include "ztjit/agent.h"

static int pair[2] = { -1, -1 };

/* How many answers were SUCCESS; none carries anything. */
static unsigned successes(void)
{
	static uint8_t buf[1 << 20];
	unsigned n = 0;
	size_t got = 0;
	ssize_t r;
	struct ztj_view msg;
	struct ztj_rd rd;

	while ((r = recv(pair[1], buf + got, sizeof buf - got, MSG_DONTWAIT)) > 0)
		got += (size_t)r;
	ztj_rd_init(&rd, ztj_view_of(buf, got));
	while (ztj_rd_end(&rd) != ZTJ_OK) {
		MUST(ztj_rd_string(&rd, 16, &msg) == ZTJ_OK && msg.n > 0);
		if (msg.p[0] == ZTJ_AGENT_IDENTITIES_ANSWER)
			MUST(msg.n == 5 && memcmp(msg.p + 1, "\0\0\0\0", 4) == 0);
		else
			MUST(msg.n == 1);
		n += msg.p[0] == ZTJ_AGENT_SUCCESS;
	}
	return n;
}

/* A workstation that knows its roots and its person, and holds nothing yet. */
static void workstation(struct cli *c, struct ztj_stmt *login)
{
	static char nowhere[] = "/nonexistent";

	login->u.login.who = "people/req1";
	*c = (struct cli){ .has_pins = true, .state_dir = nowhere, .run_dir = nowhere, .login = login };
	c->pins = (struct ztj_pins){ .domain = "example", .threshold = 1, .nroots = 1 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cli c;
	static struct cli_key key;
	static struct ztj_stmt login;
	struct agent a = { .c = &c, .key = &key, .listener = -1 };
	struct agent_conn conn = { .peer = 0 };

	if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	workstation(&c, &login);
	conn.fd = pair[0];
	ztj_buf_init(&conn.in, ZTJ_AGENT_MSG_MAX + 4);
	if (ztj_buf_put(&conn.in, data, size) == ZTJ_OK) {
		int r = agent_serve(&a, &conn);
		unsigned n = successes();

		MUST(!(conn.bound && a.quit));
		/* an answer may be lost where the connection ended */
		MUST(n <= (unsigned)(conn.bound || a.quit) &&
		    (r != ZTJ_OK || n == (unsigned)(conn.bound || a.quit)));
		MUST(c.narena == 0 && c.message == NULL && c.hint == NULL);
	}
	ztj_buf_free(&conn.in);
	ztj_trust_free(c.trust);
	ztj_sigcache_free(c.cache);
	free(c.arena);
	return 0;
}
