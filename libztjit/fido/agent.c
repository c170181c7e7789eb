/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A signature by a key that an ssh-agent holds (draft-ietf-sshm-ssh-agent).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/fido/ways.h"

#define LIST_SECONDS 5
#define PIN_SECONDS 60 /* the agent may be asking for a PIN before the touch */

struct agent {
	int fd;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
};

static int64_t milliseconds(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return INT64_MAX; /* every deadline has passed */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int agent_connect(struct agent *a, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(un.sun_path))
		return ZTJ_DEVICE;
	memcpy(un.sun_path, path, strlen(path) + 1);
	if ((a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return ZTJ_SYSTEM;
	if (connect(a->fd, (const struct sockaddr *)&un, sizeof(un)) != 0) {
		(void)close(a->fd);
		a->fd = -1;
		return ZTJ_DEVICE; /* no agent there holds anything */
	}
	return ZTJ_OK;
}

static int wait_for(const struct agent *a, short events)
{
	struct pollfd p = { .fd = a->fd, .events = events };
	int64_t left = a->deadline - milliseconds();
	int n;

	if (left <= 0)
		return ZTJ_TIMEOUT;
	n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
	if (n < 0 && errno != EINTR)
		return ZTJ_SYSTEM;
	return ZTJ_OK; /* the transfer finds out whether it is really ready */
}

static int send_all(const struct agent *a, struct ztj_view v)
{
	ssize_t n;
	int r;

	while (v.n > 0) {
		n = send(a->fd, v.p, v.n, MSG_NOSIGNAL);
		if (n > 0) {
			v.p += n;
			v.n -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return ZTJ_UNREACHABLE;
		} else if ((r = wait_for(a, POLLOUT)) != ZTJ_OK) {
			return r;
		}
	}
	return ZTJ_OK;
}

static int receive_all(const struct agent *a, uint8_t *p, size_t left)
{
	ssize_t n;
	int r;

	while (left > 0) {
		n = recv(a->fd, p, left, 0);
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return ZTJ_UNREACHABLE;
		} else if ((r = wait_for(a, POLLIN)) != ZTJ_OK) {
			return r;
		}
	}
	return ZTJ_OK;
}

static int receive_message(const struct agent *a, struct ztj_buf *msg)
{
	uint8_t len[4] = { 0 }, chunk[4096];
	struct ztj_rd rd;
	uint32_t left;
	size_t n;
	int r;

	ztj_rd_init(&rd, ztj_view_of(len, sizeof(len)));
	if ((r = receive_all(a, len, sizeof(len))) != ZTJ_OK || (r = ztj_rd_u32(&rd, &left)) != ZTJ_OK)
		return r;
	if (left == 0 || left > ZTJ_AGENT_MSG_MAX)
		return ZTJ_PROTOCOL;
	for (; left > 0; left -= (uint32_t)n) {
		n = left < sizeof(chunk) ? left : sizeof(chunk);
		if ((r = receive_all(a, chunk, n)) != ZTJ_OK || (r = ztj_buf_put(msg, chunk, n)) != ZTJ_OK)
			return r;
	}
	return ZTJ_OK;
}

static int ask_agent(struct agent *a, const struct ztj_buf *request, unsigned seconds, struct ztj_buf *answer)
{
	struct ztj_buf framed;
	int r;

	a->deadline = milliseconds() + (int64_t)seconds * 1000;
	ztj_buf_init(&framed, ZTJ_AGENT_MSG_MAX);
	if ((r = ztj_buf_put_view(&framed, ztj_buf_view(request))) == ZTJ_OK &&
	    (r = send_all(a, ztj_buf_view(&framed))) == ZTJ_OK)
		r = receive_message(a, answer);
	ztj_buf_free(&framed);
	return r;
}

static int is_wanted(struct ztj_view key_blob, struct ztj_view comment, void *arg)
{
	const struct ztj_view *wanted = arg;

	(void)comment;
	return ztj_view_eq(key_blob, *wanted) ? 1 : 0;
}

static int check_listed(struct agent *a, struct ztj_view key_blob)
{
	struct ztj_buf request, answer;
	int r;

	ztj_buf_init(&request, ZTJ_AGENT_MSG_MAX);
	ztj_buf_init(&answer, ZTJ_AGENT_MSG_MAX);
	if ((r = ztj_agent_req_identities(&request)) == ZTJ_OK &&
	    (r = ask_agent(a, &request, LIST_SECONDS, &answer)) == ZTJ_OK) {
		r = ztj_agent_parse_identities(ztj_buf_view(&answer), is_wanted, &key_blob);
		r = r == 1 ? ZTJ_OK : r == ZTJ_OK ? ZTJ_DEVICE : r;
	}
	ztj_buf_free(&request);
	ztj_buf_free(&answer);
	return r;
}

static int get_signature(struct agent *a, const struct ztj_fido *f, struct ztj_view key_blob,
    const struct ztj_way_sign *s, struct ztj_buf *sigblob)
{
	struct ztj_buf request, answer;
	struct ztj_view sig;
	int r;

	ztj_buf_init(&request, ZTJ_AGENT_MSG_MAX);
	ztj_buf_init(&answer, ZTJ_AGENT_MSG_MAX);
	if ((r = ztj_agent_req_sign(key_blob, s->data, 0, &request)) != ZTJ_OK)
		goto out;
	ztj_fido_touch(f, true);
	r = ask_agent(a, &request, ztj_fido_patience(f) + PIN_SECONDS, &answer);
	ztj_fido_touch(f, false);
	if (r == ZTJ_TIMEOUT)
		r = ZTJ_TOUCH_TIMEOUT;
	if (r == ZTJ_OK && (r = ztj_agent_parse_signature(ztj_buf_view(&answer), &sig)) == ZTJ_OK)
		r = ztj_buf_put(sigblob, sig.p, sig.n);
out:
	ztj_buf_free(&request);
	ztj_buf_free(&answer);
	return r;
}

int ztj_agent_sign(const struct ztj_fido *f, const struct ztj_way_sign *s, struct ztj_buf *sigblob)
{
	struct agent a = { -1, 0 };
	struct ztj_buf key_blob;
	int r;

	ztj_buf_init(&key_blob, ZTJ_KEY_BLOB_MAX);
	if ((r = ztj_key_to_blob(s->key, &key_blob)) == ZTJ_OK &&
	    (r = agent_connect(&a, f->agent)) == ZTJ_OK &&
	    (r = check_listed(&a, ztj_buf_view(&key_blob))) == ZTJ_OK)
		r = get_signature(&a, f, ztj_buf_view(&key_blob), s, sigblob);
	if (a.fd >= 0)
		(void)close(a.fd);
	ztj_buf_free(&key_blob);
	return r;
}
