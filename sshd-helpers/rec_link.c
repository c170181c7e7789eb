/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "sshd-helpers/rec_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define START_MS 10000
#define PLACE_MS 5000
#define PING_MS 1000
#define RETRY_MS 100
#define HOLD_MS 10       /* what follows this soon waits, to go out together */
#define HOLD_BYTES 65536 /* or a chunk's worth: each sending wakes the daemon */
#define STALL_MS 10000   /* nothing is taken while the window is full */
#define SILENT_MS 60000  /* or while anything is under way */
#define MESSAGES_A_STEP 64

int64_t ztj_link_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return INT64_MAX; /* every deadline has passed */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void ztj_link_init(struct ztj_link *l, const char *path, const struct ztj_rec_hello *hello,
    struct ztj_journal *j)
{
	memset(l, 0, sizeof *l);
	l->path = path;
	l->hello = *hello;
	l->journal = j;
	l->sock = -1;
	ztj_ipc_in_init(&l->in, 64u * 1024u);
	ztj_buf_init(&l->out, ZTJ_IPC_MAX);
}

void ztj_link_free(struct ztj_link *l)
{
	if (l->sock >= 0)
		(void)close(l->sock);
	l->sock = -1;
	ztj_ipc_in_free(&l->in);
	ztj_buf_free(&l->out);
}

static int because(struct ztj_link *l, int r, const char *text)
{
	(void)snprintf(l->why, sizeof l->why, "%s", text);
	return r != ZTJ_OK ? r : ZTJ_INTERNAL;
}

/* A refusal: the daemon's own words, or what its code means. */
static int refused(struct ztj_link *l, uint32_t code, const char *text)
{
	int r = code <= INT32_MAX ? -(int)code : ZTJ_PROTOCOL;

	return because(l, r, text[0] != '\0' ? text : ztj_err_text(r));
}

static int outage(struct ztj_link *l, int r)
{
	char text[256];

	(void)snprintf(text, sizeof text, "the recording service (ztjit-hostd, %.100s): %s", l->path,
	    ztj_err_text(r));
	return because(l, r, text);
}

static int expect(struct ztj_link *l, uint8_t type, int64_t deadline)
{
	int r = ztj_ipc_recv(l->sock, &l->in, deadline);

	if (r == ZTJ_OK && l->in.type != type)
		r = ZTJ_PROTOCOL;
	return r == ZTJ_OK ? ZTJ_OK : outage(l, r);
}

int ztj_link_start(struct ztj_link *l, struct ztj_rec_start *start)
{
	int64_t deadline = ztj_ipc_now_ms() + START_MS;
	int r = ztj_rec_put_hello(&l->hello, &l->out);

	if (r == ZTJ_OK)
		r = ztj_ipc_connect(l->path, deadline, &l->sock);
	if (r == ZTJ_OK)
		r = ztj_ipc_send(l->sock, ztj_buf_view(&l->out), -1, deadline);
	if (r != ZTJ_OK)
		return outage(l, r);
	r = expect(l, ZTJ_REC_START, deadline);
	if (r != ZTJ_OK)
		return r;
	r = ztj_rec_get_start(l->in.body, start);
	ztj_ipc_in_reset(&l->in);
	if (r != ZTJ_OK)
		return outage(l, r);
	if (start->code != 0)
		return refused(l, start->code, start->text);
	memcpy(l->hello.session, start->session, sizeof start->session);
	ztj_journal_init(l->journal, start->window);
	return ZTJ_OK;
}

int ztj_link_place(struct ztj_link *l, int pidfd)
{
	int64_t deadline = ztj_ipc_now_ms() + PLACE_MS;
	char text[ZTJ_REC_TEXT_MAX];
	uint32_t code = 0;
	int r = ztj_rec_put_empty(ZTJ_REC_CHILD, &l->out);

	if (r == ZTJ_OK)
		r = ztj_ipc_send(l->sock, ztj_buf_view(&l->out), pidfd, deadline);
	if (r != ZTJ_OK)
		return outage(l, r);
	r = expect(l, ZTJ_REC_GO, deadline);
	if (r != ZTJ_OK)
		return r;
	r = ztj_rec_get_go(l->in.body, &code, text);
	ztj_ipc_in_reset(&l->in);
	if (r != ZTJ_OK)
		return outage(l, r);
	if (code != 0)
		return refused(l, code, text);
	ztj_buf_reset(&l->out);
	l->state = ZTJ_LINK_UP;
	l->sent_at = l->heard_at = ztj_link_now();
	return ZTJ_OK;
}

/* ---- once it runs ---- */

static void drop(struct ztj_link *l, int64_t now)
{
	if (l->sock >= 0)
		(void)close(l->sock);
	l->sock = -1;
	ztj_ipc_in_free(&l->in);
	ztj_buf_reset(&l->out);
	l->out_done = 0;
	l->blocked = false;
	/* A connection that was never let in again does not begin the time anew. */
	if (l->state == ZTJ_LINK_UP)
		l->lost_at = now;
	l->state = ZTJ_LINK_DOWN;
	l->retry_at = now + RETRY_MS;
	ztj_journal_rewind(l->journal);
}

static void call_again(struct ztj_link *l, int64_t now)
{
	if (now < l->retry_at)
		return;
	l->retry_at = now + RETRY_MS;
	l->hello.taken = l->journal->taken;
	if (ztj_rec_put_hello(&l->hello, &l->out) != ZTJ_OK ||
	    ztj_ipc_connect(l->path, 0, &l->sock) != ZTJ_OK) {
		ztj_buf_reset(&l->out);
		return;
	}
	l->out_done = 0;
	l->state = ZTJ_LINK_ASKING;
}

static int got_start(struct ztj_link *l, int64_t now)
{
	struct ztj_rec_start start;
	int r = ztj_rec_get_start(l->in.body, &start);

	if (r != ZTJ_OK)
		return r;
	/* It had the end, and could not say so before it was restarted. */
	if (start.code == (uint32_t)-ZTJ_EXISTS && l->ended) {
		l->answered = true;
		return ZTJ_UNREACHABLE;
	}
	if (start.code != 0)
		return refused(l, start.code, start.text);
	if (memcmp(start.session, l->hello.session, sizeof start.session) != 0)
		return ZTJ_PROTOCOL;
	l->state = ZTJ_LINK_UP;
	l->sent_at = now;
	return ZTJ_OK;
}

static int got_taken(struct ztj_link *l, int64_t now)
{
	uint64_t events, before = l->journal->claimed;
	uint32_t code;
	int r = ztj_rec_get_taken(l->in.body, &events, &code);

	if (r != ZTJ_OK)
		return r;
	if (code != 0)
		return refused(l, code, "");
	/* The end counts as one more. */
	if (l->ended && events == l->journal->events + 1) {
		l->answered = true;
		events--;
	}
	r = ztj_journal_taken(l->journal, events);
	if (r == ZTJ_OK && events > before)
		l->heard_at = now;
	return r;
}

/* ZTJ_TIMEOUT: everything that was there is read. ZTJ_UNREACHABLE: the link is lost. Anything else: the record is over. */
static int read_some(struct ztj_link *l, int64_t now)
{
	int r = ZTJ_OK;

	for (int i = 0; r == ZTJ_OK && i < MESSAGES_A_STEP; i++) {
		r = ztj_ipc_read(l->sock, &l->in, false);
		if (r != ZTJ_OK)
			break;
		if (l->in.type == ZTJ_REC_START && l->state == ZTJ_LINK_ASKING)
			r = got_start(l, now);
		else if (l->in.type == ZTJ_REC_TAKEN && l->state == ZTJ_LINK_UP)
			r = got_taken(l, now);
		else
			r = ZTJ_PROTOCOL;
		ztj_ipc_in_reset(&l->in);
	}
	return r;
}

/* Bytes sent; 0 when it is full now, -1 when it is gone. */
static ssize_t offer(struct ztj_link *l, struct iovec *piece, int n)
{
	struct msghdr msg = { .msg_iov = piece, .msg_iovlen = (size_t)n };
	ssize_t put = sendmsg(l->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (put >= 0)
		return put;
	if (errno != EAGAIN && errno != EINTR)
		return -1;
	l->blocked = true;
	return 0;
}

static int send_own(struct ztj_link *l)
{
	while (l->out_done < l->out.n) {
		struct iovec piece = { l->out.p + l->out_done, l->out.n - l->out_done };
		ssize_t put = offer(l, &piece, 1);
		if (put <= 0)
			return put < 0 ? ZTJ_UNREACHABLE : ZTJ_OK;
		l->out_done += (size_t)put;
	}
	ztj_buf_reset(&l->out);
	l->out_done = 0;
	return ZTJ_OK;
}

static bool held(const struct ztj_link *l, int64_t now)
{
	return !l->ended && ztj_journal_unsent_bytes(l->journal) < HOLD_BYTES && now - l->sent_at < HOLD_MS;
}

static int send_journal(struct ztj_link *l, int64_t now)
{
	struct iovec piece[2];
	int n;

	if (held(l, now))
		return ZTJ_OK;
	while ((n = ztj_journal_unsent(l->journal, piece)) > 0) {
		ssize_t put = offer(l, piece, n);
		if (put <= 0)
			return put < 0 ? ZTJ_UNREACHABLE : ZTJ_OK;
		ztj_journal_sent(l->journal, (size_t)put);
		l->sent_at = now;
	}
	return ZTJ_OK;
}

static int send_some(struct ztj_link *l, int64_t now)
{
	int r;

	l->blocked = false;
	r = send_own(l);
	if (r != ZTJ_OK || l->out.n != 0 || l->state != ZTJ_LINK_UP)
		return r;
	r = send_journal(l, now);
	if (r != ZTJ_OK || l->blocked || now - l->sent_at < PING_MS || !ztj_journal_between(l->journal))
		return r;
	r = ztj_rec_put_empty(ZTJ_REC_PING, &l->out);
	l->sent_at = now;
	return r == ZTJ_OK ? send_own(l) : r;
}

static int overdue(struct ztj_link *l, int64_t now)
{
	bool full = ztj_journal_full(l->journal);

	if (l->state != ZTJ_LINK_UP && now - l->lost_at >= ZTJ_REC_GRACE_MS)
		return because(l, ZTJ_TIMEOUT,
		    "the recording service (ztjit-hostd) went away and did not come back in time");
	if (full && !l->full)
		l->full_at = now;
	l->full = full;
	if (ztj_journal_empty(l->journal))
		l->heard_at = now;
	if ((full && now - l->full_at >= STALL_MS && now - l->heard_at >= STALL_MS) ||
	    now - l->heard_at >= SILENT_MS)
		return because(l, ZTJ_TIMEOUT, "the recording service (ztjit-hostd) takes nothing any more");
	return ZTJ_OK;
}

int ztj_link_step(struct ztj_link *l, int64_t now)
{
	int r = ZTJ_OK;

	if (l->done)
		return ZTJ_OK;
	if (l->state == ZTJ_LINK_DOWN)
		call_again(l, now);
	if (l->state != ZTJ_LINK_DOWN) {
		r = read_some(l, now);
		if (r == ZTJ_OK || r == ZTJ_TIMEOUT)
			r = send_some(l, now);
		if (r != ZTJ_OK && l->why[0] != '\0')
			return r;
		/* The daemon closes when it has the end, and when it dies. */
		if (r == ZTJ_UNREACHABLE && l->answered) {
			l->done = true;
			return ZTJ_OK;
		}
		/* Whatever speaks like that is not the daemon we know. */
		if (r != ZTJ_OK && r != ZTJ_UNREACHABLE)
			return outage(l, r);
		if (r != ZTJ_OK)
			drop(l, now);
	}
	return overdue(l, now);
}

short ztj_link_events(const struct ztj_link *l)
{
	return (short)(POLLIN | (l->blocked ? POLLOUT : 0));
}

int64_t ztj_link_wake(const struct ztj_link *l)
{
	if (l->state == ZTJ_LINK_DOWN)
		return l->retry_at;
	if (l->state == ZTJ_LINK_ASKING)
		return l->lost_at + ZTJ_REC_GRACE_MS;
	if (l->blocked)
		return INT64_MAX; /* the socket wakes us */
	return l->sent_at + (ztj_journal_unsent_bytes(l->journal) > 0 ? HOLD_MS : PING_MS);
}
