/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One connection of the step-up agent.  What comes in was forwarded from a host
 * that may be hostile: it can ask, for itself only, and everything it asks is shown.
 */
#include "ztjit/agent.h"

#include <string.h>
#include <sys/socket.h>

#include "libztjit/core/agentmsg.h"
#include "ztjit/held.h"
#include "ztjit/stepup.h"

static int reply(const struct agent_conn *conn, struct ztj_view payload)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, payload.n + 16);
	if ((r = ztj_buf_put_view(&b, payload)) == ZTJ_OK &&
	    /* who asks and does not read must not keep the others waiting */
	    send(conn->fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)b.n)
		r = ZTJ_IO;
	ztj_buf_free(&b);
	return r;
}

static int reply_type(const struct agent_conn *conn, enum ztj_agent_type type)
{
	uint8_t byte = (uint8_t)type;

	return reply(conn, ztj_view_of(&byte, 1));
}

static int no_identities(const struct agent_conn *conn)
{
	static const uint8_t none[] = { ZTJ_AGENT_IDENTITIES_ANSWER, 0, 0, 0, 0 };

	return reply(conn, ztj_view_of(none, sizeof none));
}

/* The first bind comes from the ssh on this machine. A second one comes through the
 * channel: a host that relays somebody else's question, so nothing is signed on this connection any more. */
static int bind_session(struct agent_conn *conn, struct ztj_view body)
{
	struct ztj_agent_bind b;

	if (conn->bound || conn->spoiled || ztj_agent_parse_bind(body, &b) != ZTJ_OK || !b.forwarding) {
		conn->spoiled = true;
		return reply_type(conn, ZTJ_AGENT_FAILURE);
	}
	conn->bound = true;
	conn->hostkey = b.hostkey;
	return reply_type(conn, ZTJ_AGENT_SUCCESS);
}

/* The host that asks is the host at the other end of this connection. */
static bool same_host(const struct agent_conn *conn, const struct ztj_record *host)
{
	if (!conn->bound || conn->spoiled)
		return false;
	for (size_t i = 0; i < host->nssh; i++)
		if (ztj_key_equal(&host->ssh[i], &conn->hostkey))
			return true;
	return false;
}

static int answer(const struct agent_conn *conn, struct ztj_view sig)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_SSHSIG_MAX + 64);
	(void)ztj_buf_put_u8(&b, ZTJ_AGENT_SUCCESS);
	(void)ztj_buf_put_view(&b, sig);
	if ((r = ztj_buf_status(&b)) == ZTJ_OK)
		r = reply(conn, ztj_buf_view(&b));
	ztj_buf_free(&b);
	return r;
}

static int read_challenge(struct agent *a, struct ztj_view body, struct ztj_signed *s, struct ztj_stmt **st,
    const struct ztj_record **host)
{
	struct ztj_rd rd;
	int r;

	*st = NULL;
	ztj_rd_init(&rd, body);
	if ((r = ztj_signed_read(&rd, s)) != ZTJ_OK || (r = ztj_rd_end(&rd)) != ZTJ_OK)
		return r;
	/* an agent lives for hours: what was learned since is on disk */
	held_close(a->c);
	if ((r = held_open(a->c)) != ZTJ_OK)
		return r;
	return stepup_open(a->c, s, st, host);
}

/* FAILURE: cannot answer, the host tries its next way. EXTENSION_FAILURE: the person or the key said no. */
static int step_up(struct agent *a, const struct agent_conn *conn, struct ztj_view body)
{
	const struct ztj_record *host;
	struct ztj_stmt *st;
	struct ztj_signed s;
	struct ztj_buf sig;
	size_t mark = cli_mark(a->c);
	int r = read_challenge(a, body, &s, &st, &host);

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if (r == ZTJ_OK)
		r = same_host(conn, host) ? agent_sign(a, conn, s.bytes, st, &sig) : ZTJ_WRONG_HOST;
	if (r == ZTJ_OK)
		r = answer(conn, ztj_buf_view(&sig));
	else if (r == ZTJ_DEVICE_REFUSED || r == ZTJ_TOUCH_TIMEOUT || r == ZTJ_ABORTED)
		r = reply_type(conn, ZTJ_AGENT_EXTENSION_FAILURE);
	else
		r = reply_type(conn, ZTJ_AGENT_FAILURE);
	ztj_stmt_free(st);
	ztj_buf_free(&sig);
	cli_forget(a->c);
	cli_release(a->c, mark);
	return r;
}

static int extension(struct agent *a, struct agent_conn *conn, struct ztj_view msg)
{
	struct ztj_view body;
	char name[64];

	if (ztj_agent_parse_extension(msg, name, sizeof name, &body) != ZTJ_OK)
		return reply_type(conn, ZTJ_AGENT_FAILURE);
	if (strcmp(name, ZTJ_AGENT_EXT_BIND) == 0)
		return bind_session(conn, body);
	if (strcmp(name, ZTJ_AGENT_EXT_STEPUP) == 0)
		return step_up(a, conn, body);
	/* only from this machine: a forwarded connection begins with a bind */
	if (strcmp(name, "quit@ztjit") == 0 && !conn->bound && !conn->spoiled) {
		a->quit = true;
		return reply_type(conn, ZTJ_AGENT_SUCCESS);
	}
	return reply_type(conn, ZTJ_AGENT_EXTENSION_FAILURE);
}

static int dispatch(struct agent *a, struct agent_conn *conn, struct ztj_view msg)
{
	switch (msg.p[0]) {
	case ZTJ_AGENT_REQUEST_IDENTITIES:
		return no_identities(conn);
	case ZTJ_AGENT_EXTENSION:
		return extension(a, conn, msg);
	default:
		return reply_type(conn, ZTJ_AGENT_FAILURE);
	}
}

int agent_serve(struct agent *a, struct agent_conn *conn)
{
	/* told to quit, it answers nothing more */
	while (!a->quit) {
		struct ztj_view msg;
		struct ztj_rd rd;
		uint32_t left;
		int r;

		ztj_rd_init(&rd, ztj_buf_view(&conn->in));
		if ((r = ztj_rd_string(&rd, ZTJ_AGENT_MSG_MAX, &msg)) == ZTJ_TRUNCATED)
			return ZTJ_OK;
		if (r != ZTJ_OK || msg.n == 0)
			return ZTJ_PROTOCOL;
		if ((r = dispatch(a, conn, msg)) != ZTJ_OK)
			return r;
		left = (uint32_t)rd.left.n;
		memmove(conn->in.p, rd.left.p, left);
		conn->in.n = left;
	}
	return ZTJ_OK;
}
