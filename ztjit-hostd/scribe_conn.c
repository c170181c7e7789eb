/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Connections of recorders: who it is, whole messages in, short answers out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

#define MESSAGE_MAX (ZTJ_COMMAND_MAX + 1024u) /* the longest: HELLO with a command */
#define INPUT_SIZE (256u * 1024u)
#define WARN_EVERY_MS 1000

/* ---- life ---- */

/* The memory goes when nobody can be using it any more: ztj_rconns_review. */
void ztj_rconn_close(struct ztj_rconn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->state != ZTJ_RC_OPEN)
		c->s->nasking--;
	if (c->readable != NULL)
		event_free(c->readable);
	c->readable = NULL;
	if (c->record != NULL && c->record->live != NULL && c->record->live->conn == c)
		ztj_recording_detach(c->record);
	c->record = NULL;
	/* What it asked for must not begin without it. */
	if (c->gate_asked && ztj_recording_find(c->s, c->hello->session) == NULL)
		ztj_gate_gone(c->s, c->hello->session, true);
	if (c->hello != NULL)
		ztj_buf_free(&c->hello->command);
	free(c->hello);
	c->hello = NULL;
	ztj_buf_free(&c->part);
	const int fds[] = { c->sock, c->pidfd, c->fd };
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	c->sock = c->pidfd = c->fd = -1;
	ztj_scribe_due(c->s, c->s->env.now());
}

void ztj_rconns_review(struct ztj_scribe *s, int64_t now)
{
	struct ztj_rconn **at = &s->conns;

	while (*at != NULL) {
		struct ztj_rconn *c = *at;
		if (!c->closing && c->state != ZTJ_RC_OPEN) {
			if (now >= c->heard + s->env.hello_ms)
				ztj_rconn_close(c);
			else
				ztj_scribe_due(s, c->heard + s->env.hello_ms);
		}
		if (!c->closing) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
}

static unsigned asking_of(const struct ztj_scribe *s, uid_t uid)
{
	unsigned n = 0;

	for (const struct ztj_rconn *c = s->conns; c != NULL; c = c->next)
		n += !c->closing && c->state != ZTJ_RC_OPEN && c->uid == uid;
	return n;
}

/* Set-group-id and nothing else makes a recorder: the kernel says it. */
static int who(struct ztj_rconn *c)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct ztj_procinfo info;
	int r;

	if (getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return ZTJ_SYSTEM;
	c->uid = cred.uid;
	if (cred.gid != c->s->env.recorder)
		return ZTJ_FORBIDDEN;
	/* A crowd at the door must not keep everybody else waiting. */
	if (asking_of(c->s, c->uid) >= ZTJ_RCONNS_UID || c->s->nasking >= ZTJ_RCONNS_ASKING)
		return ZTJ_LIMIT;
	r = ztj_proc_peer(c->sock, &c->pidfd, &c->pid, &c->uid);
	if (r == ZTJ_OK)
		r = c->s->env.read_proc(c->pidfd, c->pid, &info);
	if (r == ZTJ_OK)
		c->proc = info.id;
	return r;
}

static void on_readable(evutil_socket_t sock, short what, void *arg)
{
	(void)sock;
	(void)what;
	ztj_rconn_read(arg);
}

void ztj_rconn_take(struct ztj_scribe *s, int sock)
{
	struct ztj_rconn *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL) {
		(void)close(sock);
		return;
	}
	c->s = s;
	c->sock = sock;
	c->pidfd = c->fd = -1;
	c->heard = s->env.now();
	ztj_buf_init(&c->part, MESSAGE_MAX + 4);
	r = who(c);
	s->nasking++;
	c->next = s->conns;
	s->conns = c;
	if (r == ZTJ_OK) {
		c->readable = event_new(s->base, sock, EV_READ | EV_PERSIST, on_readable, c);
		r = c->readable == NULL || event_add(c->readable, NULL) != 0 ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r != ZTJ_OK) {
		if (c->heard >= s->warned) {
			s->warned = c->heard + WARN_EVERY_MS;
			ztj_log(ZTJ_LOG_WARN, "uid %u may not record here: %s", (unsigned)c->uid,
			    ztj_err_name(r));
		}
		ztj_rconn_close(c);
		return;
	}
	ztj_scribe_due(s, c->heard + s->env.hello_ms);
}

void ztj_rconn_accept(evutil_socket_t listener, short what, void *arg)
{
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (sock >= 0)
		ztj_rconn_take(arg, sock);
}

/* ---- in ---- */

static void keep_fd(struct ztj_rconn *c, struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h != NULL; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int one;
			memcpy(&one, CMSG_DATA(h) + i * sizeof(one), sizeof(one));
			if (c->fd < 0)
				c->fd = one;
			else
				(void)close(one);
		}
	}
}

/* Descriptors are taken only while one is expected; the kernel drops others. */
static bool wants_fd(const struct ztj_rconn *c)
{
	return c->fd < 0 && (c->record == NULL || c->record->live == NULL || !c->record->live->child);
}

static ssize_t receive(struct ztj_rconn *c, uint8_t *p, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { p, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;

	if (wants_fd(c)) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
	}
	do
		got = recvmsg(c->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		keep_fd(c, &msg);
	return got;
}

/* Every whole message at p; what is left is the beginning of one. */
static int messages(struct ztj_rconn *c, const uint8_t *p, size_t n, size_t *used)
{
	int r = ZTJ_OK;

	*used = 0;
	while (r == ZTJ_OK && !c->closing && n - *used >= 4) {
		const uint8_t *m = p + *used;
		size_t len = (size_t)m[0] << 24 | (size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3];

		if (len < 2 || len > MESSAGE_MAX)
			return ZTJ_PROTOCOL;
		if (n - *used < 4 + len)
			break;
		*used += 4 + len;
		r = m[4] != ZTJ_IPC_VERSION ? ZTJ_PROTOCOL
					    : ztj_recorder_message(c, m[5], ztj_view_of(m + 6, len - 2));
	}
	return r;
}

static int read_more(struct ztj_rconn *c, uint8_t *room, ssize_t *got)
{
	size_t kept = c->part.n, used = 0;
	int r;

	if (kept > 0)
		memcpy(room, c->part.p, kept);
	*got = receive(c, room + kept, INPUT_SIZE - kept);
	if (*got <= 0)
		return *got < 0 && errno == EAGAIN ? ZTJ_OK : ZTJ_UNREACHABLE;
	/* Before its session stands, saying something wins no time. */
	if (c->state == ZTJ_RC_OPEN)
		c->heard = c->s->env.now();
	r = messages(c, room, kept + (size_t)*got, &used);
	if (r != ZTJ_OK || c->closing)
		return r;
	/* An idle connection costs no buffer. */
	if (used == kept + (size_t)*got) {
		ztj_buf_free(&c->part);
		return ZTJ_OK;
	}
	ztj_buf_reset(&c->part);
	return ztj_buf_put(&c->part, room + used, kept + (size_t)*got - used);
}

void ztj_rconn_read(struct ztj_rconn *c)
{
	struct ztj_scribe *s = c->s;
	ssize_t got = 0;
	int r;

	if (s->input == NULL)
		s->input = malloc(INPUT_SIZE);
	r = s->input == NULL ? ZTJ_NOMEM : read_more(c, s->input, &got);
	if (c->closing)
		return;
	if (r == ZTJ_OK) {
		if (c->record != NULL)
			ztj_rconn_taken(c, c->record->taken, ZTJ_OK);
		return;
	}
	if (r != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_WARN, "the recorder of uid %u: %s", (unsigned)c->uid, ztj_err_name(r));
	ztj_rconn_close(c);
}

/* ---- out ---- */

/* A recorder that does not read is not waited for: it may come back. */
static bool send_out(struct ztj_rconn *c, struct ztj_buf *b)
{
	int r = ztj_ipc_finish(b);

	if (r == ZTJ_OK && !c->closing)
		r = ztj_ipc_send(c->sock, ztj_buf_view(b), -1, ztj_ipc_now_ms());
	ztj_buf_free(b);
	if (r == ZTJ_OK)
		return !c->closing;
	ztj_rconn_close(c);
	return false;
}

void ztj_rconn_start(struct ztj_rconn *c, int code, const char *text, const struct ztj_recording *rec)
{
	static const uint8_t none[ZTJ_REC_SESSION_LEN];
	const char *shell = rec != NULL ? c->s->conf->shell : "";
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_REC_START) == ZTJ_OK) {
		(void)ztj_buf_put_u32(&b, (uint32_t)-code);
		(void)ztj_buf_put_cstring(&b, text);
		(void)ztj_buf_put(&b, rec != NULL ? rec->session : none, ZTJ_REC_SESSION_LEN);
		(void)ztj_buf_put_u8(&b,
		    rec != NULL ? rec->live->flags & (ZTJ_REC_FLAG_INPUT | ZTJ_REC_FLAG_PIPES) : 0);
		(void)ztj_buf_put_u32(&b, ZTJ_REC_WINDOW);
		(void)ztj_buf_put_cstring(&b, shell);
	}
	if (!send_out(c, &b))
		return;
	if (code != ZTJ_OK) {
		ztj_rconn_close(c);
		return;
	}
	c->state = ZTJ_RC_OPEN;
	c->s->nasking--;
}

bool ztj_rconn_go(struct ztj_rconn *c, uint32_t code, struct ztj_view text)
{
	struct ztj_buf b;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (ztj_ipc_begin(&b, ZTJ_REC_GO) == ZTJ_OK) {
		(void)ztj_buf_put_u32(&b, code);
		(void)ztj_buf_put_view(&b, text);
	}
	return send_out(c, &b);
}

void ztj_rconn_taken(struct ztj_rconn *c, uint64_t taken, int code)
{
	struct ztj_buf b;

	if (c->closing || (taken == c->told && code == ZTJ_OK && !c->ended))
		return;
	c->told = taken;
	ztj_buf_init(&b, 64);
	if (ztj_ipc_begin(&b, ZTJ_REC_TAKEN) == ZTJ_OK) {
		(void)ztj_buf_put_u64(&b, taken);
		(void)ztj_buf_put_u32(&b, (uint32_t)-code);
	}
	(void)send_out(c, &b);
}
