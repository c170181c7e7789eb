/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Recorders that the test plays. */
#include "tests/hostd/srig.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOON (ztj_ipc_now_ms() + 10000)

void srec_connect(struct srig *r, struct srec *c)
{
	char path[128];

	memset(c, 0, sizeof(*c));
	c->code = 1;
	ztj_ipc_in_init(&c->in, ZTJ_IPC_MAX);
	(void)snprintf(path, sizeof(path), "%s/rec.sock", r->dir);
	c->gone = ztj_ipc_connect(path, SOON, &c->sock) != ZTJ_OK;
}

void srec_close(struct srec *c)
{
	if (c->sock >= 0)
		(void)close(c->sock);
	ztj_ipc_in_free(&c->in);
}

/* ---- in ---- */

static void on_message(struct srec *c)
{
	struct ztj_view v;
	struct ztj_rd rd;
	uint64_t taken, most;
	uint32_t code, window;

	ztj_rd_init(&rd, c->in.body);
	switch (c->in.type) {
	case ZTJ_REC_START:
		ok(ztj_rd_u32(&rd, &code));
		ok(ztj_rd_cstring(&rd, c->text, sizeof(c->text)));
		ok(ztj_rd_bytes(&rd, ZTJ_REC_SESSION_LEN, &v));
		memcpy(c->session, v.p, v.n);
		ok(ztj_rd_u8(&rd, &c->flags));
		ok(ztj_rd_u32(&rd, &window));
		ok(ztj_rd_cstring(&rd, c->shell, sizeof(c->shell)));
		assert_int_equal(window, ZTJ_REC_WINDOW);
		c->started = true;
		break;
	case ZTJ_REC_GO:
		ok(ztj_rd_u32(&rd, &code));
		ok(ztj_rd_cstring(&rd, c->text, sizeof(c->text)));
		c->going = true;
		break;
	case ZTJ_REC_TAKEN:
		ok(ztj_rd_u64(&rd, &taken));
		ok(ztj_rd_u32(&rd, &code));
		most = c->sent > c->most ? c->sent : c->most;
		if (taken == most + 1 && !c->over) { /* the end */
			c->over = true;
			taken = most;
		}
		assert_true(taken >= c->taken && taken <= most);
		c->taken = taken;
		c->answers++;
		break;
	default:
		fail_msg("the recorder got a message of type %u", c->in.type);
		return;
	}
	ok(ztj_rd_end(&rd));
	c->code = -(int)code;
}

/* What is there now. */
static void take_in(struct srec *c)
{
	while (!c->gone) {
		int e = ztj_ipc_read(c->sock, &c->in, false);

		if (e == ZTJ_TIMEOUT)
			return;
		if (e == ZTJ_OK)
			on_message(c);
		else
			c->gone = true;
		ztj_ipc_in_reset(&c->in);
	}
}

struct until {
	struct srec *c;
	uint64_t taken;
	bool start, go, closed;
};

static bool reached(struct srig *r, void *arg)
{
	const struct until *u = arg;

	(void)r;
	take_in(u->c);
	if (u->c->gone)
		return true;
	if (u->start)
		return u->c->started;
	if (u->go)
		return u->c->going;
	return !u->closed && (u->c->taken >= u->taken || u->c->code < 0);
}

/* ---- out ---- */

void srec_send(struct srec *c, uint8_t type, struct ztj_view body, int fd)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_ipc_begin(&b, type));
	ok(ztj_buf_put(&b, body.p, body.n));
	ok(ztj_ipc_finish(&b));
	if (c->sock < 0 || ztj_ipc_send(c->sock, ztj_buf_view(&b), fd, SOON) != ZTJ_OK)
		c->gone = true;
	ztj_buf_free(&b);
}

int srec_hello(struct srig *r, struct srec *c, const uint8_t *session, uint64_t known, bool tty,
    const char *command)
{
	static const uint8_t none[ZTJ_REC_SESSION_LEN];
	struct until u = { .c = c, .start = true };
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_buf_put(&b, session != NULL ? session : none, ZTJ_REC_SESSION_LEN));
	ok(ztj_buf_put_u64(&b, known));
	ok(ztj_buf_put_u8(&b, tty));
	ok(ztj_buf_put_u32(&b, 80));
	ok(ztj_buf_put_u32(&b, 24));
	ok(ztj_buf_put_cstring(&b, "xterm"));
	ok(ztj_buf_put_cstring(&b, command));
	ok(ztj_buf_put_cstring(&b, "pts/3"));
	srec_send(c, ZTJ_REC_HELLO, ztj_buf_view(&b), -1);
	ztj_buf_free(&b);
	c->sent = c->taken = known;
	(void)srig_pump(r, 5000, reached, &u);
	return c->started ? c->code : ZTJ_UNREACHABLE;
}

int srec_open(struct srig *r, struct srec *c, bool tty)
{
	srec_connect(r, c);
	return srec_hello(r, c, NULL, 0, tty, tty ? "" : "scp -f /etc/motd");
}

int srec_resume(struct srig *r, struct srec *c, const struct srec *before)
{
	uint64_t most = before->sent > before->most ? before->sent : before->most;

	srec_connect(r, c);
	c->most = most;
	return srec_hello(r, c, before->session, before->taken, true, "");
}

int srec_child(struct srig *r, struct srec *c, int pidfd)
{
	struct until u = { .c = c, .go = true };

	srec_send(c, ZTJ_REC_CHILD, ztj_view_of(NULL, 0), pidfd);
	(void)srig_pump(r, 5000, reached, &u);
	return c->going ? c->code : ZTJ_UNREACHABLE;
}

void srec_event(struct srec *c, uint64_t us, char code, const void *p, size_t n)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	ok(ztj_buf_put_u64(&b, us));
	ok(ztj_buf_put_u8(&b, (uint8_t)code));
	ok(ztj_buf_put_string(&b, p, n));
	c->sent++;
	srec_send(c, ZTJ_REC_EVENT, ztj_buf_view(&b), -1);
	ztj_buf_free(&b);
}

void srec_print(struct srec *c, uint64_t us, const char *text)
{
	srec_event(c, us, 'o', text, strlen(text));
}

void srec_end(struct srec *c, uint32_t status)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_buf b;

	memset(digest, 0x5a, sizeof(digest));
	ztj_buf_init(&b, 1024);
	ok(ztj_buf_put_u8(&b, 1));
	ok(ztj_buf_put_u32(&b, status));
	for (int i = 0; i < 3; i++) {
		ok(ztj_buf_put_u64(&b, (uint64_t)i * 10));
		ok(ztj_buf_put(&b, digest, sizeof(digest)));
	}
	srec_send(c, ZTJ_REC_END, ztj_buf_view(&b), -1);
	ztj_buf_free(&b);
}

int srec_wait(struct srig *r, struct srec *c, uint64_t taken)
{
	struct until u = { .c = c, .taken = taken };

	(void)srig_pump(r, 10000, reached, &u);
	if (c->code < 0)
		return c->code;
	return c->taken >= taken ? ZTJ_OK : c->gone ? ZTJ_UNREACHABLE : ZTJ_TIMEOUT;
}

bool srec_wait_closed(struct srig *r, struct srec *c)
{
	struct until u = { .c = c, .closed = true };

	return srig_pump(r, 10000, reached, &u);
}
