/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The person's agent, through a socket that pam_ztjit connected with the person's
 * rights. What it says is bytes from outside: a signature that verifies, or nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/gatemsg.h"
#include "ztjit-hostd/stepup.h"

static void hang_up(struct ztj_stepup *u)
{
	if (u->readable != NULL)
		event_free(u->readable);
	u->readable = NULL;
	if (u->agent >= 0)
		(void)close(u->agent);
	u->agent = -1;
	ztj_buf_reset(&u->in);
}

/* An agent that cannot do it is not a refusal: the next transport is tried. */
static void next(struct ztj_conn *c)
{
	hang_up(c->stepup);
	ztj_stepup_next(c);
}

static int say(struct ztj_stepup *u, struct ztj_view payload, uint8_t want)
{
	struct ztj_buf b;
	ssize_t put = -1;

	ztj_buf_init(&b, payload.n + 16);
	(void)ztj_buf_put_view(&b, payload);
	if (ztj_buf_status(&b) == ZTJ_OK)
		put = send(u->agent, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	u->want = want;
	ztj_buf_reset(&u->in);
	int r = put == (ssize_t)b.n ? ZTJ_OK : ZTJ_UNREACHABLE;
	ztj_buf_free(&b);
	return r;
}

static int send_stepup(struct ztj_stepup *u)
{
	struct ztj_signed s = { .bytes = ztj_buf_view(&u->bytes), .nsigs = 1 };
	struct ztj_buf body, msg;
	int r;

	s.sig[0] = ztj_buf_view(&u->machine_sig);
	ztj_buf_init(&body, ZTJ_STMT_MAX + ZTJ_SSHSIG_MAX + 64);
	ztj_buf_init(&msg, ZTJ_STMT_MAX + ZTJ_SSHSIG_MAX + 256);
	r = ztj_signed_write(&s, &body);
	if (r == ZTJ_OK)
		r = ztj_agent_req_extension(ZTJ_AGENT_EXT_STEPUP, ztj_buf_view(&body), &msg);
	if (r == ZTJ_OK)
		r = say(u, ztj_buf_view(&msg), ZTJ_AGENT_SUCCESS);
	ztj_buf_free(&body);
	ztj_buf_free(&msg);
	return r;
}

static int send_identities(struct ztj_stepup *u)
{
	struct ztj_buf msg;
	int r;

	ztj_buf_init(&msg, 64);
	r = ztj_agent_req_identities(&msg);
	if (r == ZTJ_OK)
		r = say(u, ztj_buf_view(&msg), ZTJ_AGENT_IDENTITIES_ANSWER);
	ztj_buf_free(&msg);
	return r;
}

static int send_sign(struct ztj_stepup *u)
{
	struct ztj_buf blob, tbs, msg;
	int r;

	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	ztj_buf_init(&tbs, 1024);
	ztj_buf_init(&msg, 4096);
	r = ztj_key_to_blob(&u->key, &blob);
	if (r == ZTJ_OK)
		r = ztj_sshsig_tbs(ztj_stmt_namespace(ZTJ_STMT_STEPUP), ztj_buf_view(&u->bytes), &tbs);
	if (r == ZTJ_OK)
		r = ztj_agent_req_sign(ztj_buf_view(&blob), ztj_buf_view(&tbs), 0, &msg);
	if (r == ZTJ_OK)
		r = say(u, ztj_buf_view(&msg), ZTJ_AGENT_SIGN_RESPONSE);
	ztj_buf_free(&blob);
	ztj_buf_free(&tbs);
	ztj_buf_free(&msg);
	return r;
}

/* ---- answers ---- */

static void judge(struct ztj_conn *c, struct ztj_view sshsig)
{
	int r = ztj_stepup_check(c, sshsig);

	if (r == ZTJ_OK)
		ztj_stepup_done(c);
	else
		ztj_pam_deny(c, r, NULL);
}

static void on_stepup(struct ztj_conn *c, struct ztj_rd *rd)
{
	struct ztj_view sig;

	if (ztj_rd_string(rd, ZTJ_SSHSIG_MAX, &sig) != ZTJ_OK || ztj_rd_end(rd) != ZTJ_OK)
		ztj_pam_deny(c, ZTJ_PROTOCOL, NULL);
	else
		judge(c, sig);
}

struct pick {
	const struct ztj_record *person;
	int64_t now;
	struct ztj_key key;
};

static int pick_key(struct ztj_view blob, struct ztj_view comment, void *arg)
{
	struct pick *p = arg;
	struct ztj_key k;

	(void)comment;
	if (ztj_key_from_blob(&k, blob) != ZTJ_OK || !ztj_key_is_sk(&k) ||
	    ztj_record_key(p->person, &k, p->now, p->now) != ZTJ_OK)
		return 0;
	p->key = k;
	return 1;
}

static void on_identities(struct ztj_conn *c, struct ztj_view msg)
{
	struct pick p = { .now = ztj_gate_ends_clock(c->g) };
	int r = ztj_trust_user(c->g->trust, c->answer.person, p.now, &p.person);

	if (r == ZTJ_OK)
		r = ztj_agent_parse_identities(msg, pick_key, &p);
	if (r == 1) {
		c->stepup->key = p.key;
		if (send_sign(c->stepup) == ZTJ_OK)
			return;
	}
	next(c);
}

static void on_signature(struct ztj_conn *c, struct ztj_view msg)
{
	struct ztj_view sigblob;
	struct ztj_buf sig;
	int r = ztj_agent_parse_signature(msg, &sigblob);

	ztj_buf_init(&sig, ZTJ_SSHSIG_MAX);
	if (r == ZTJ_OK)
		r = ztj_sshsig_wrap(&c->stepup->key, ztj_stmt_namespace(ZTJ_STMT_STEPUP), sigblob, &sig);
	if (r == ZTJ_OK)
		r = ztj_stepup_check(c, ztj_buf_view(&sig));
	ztj_buf_free(&sig);
	if (r == ZTJ_OK)
		ztj_stepup_done(c);
	else
		ztj_pam_deny(c, r, NULL);
}

static void on_answer(struct ztj_conn *c, struct ztj_view msg)
{
	struct ztj_rd rd;
	uint8_t type;

	ztj_rd_init(&rd, msg);
	if (ztj_rd_u8(&rd, &type) != ZTJ_OK)
		next(c);
	else if (type == ZTJ_AGENT_EXTENSION_FAILURE ||
	    (type == ZTJ_AGENT_FAILURE && c->stepup->want == ZTJ_AGENT_SIGN_RESPONSE))
		ztj_pam_deny(c, ZTJ_DEVICE_REFUSED, NULL); /* the person said no */
	else if (type != c->stepup->want)
		next(c);
	else if (type == ZTJ_AGENT_SUCCESS)
		on_stepup(c, &rd);
	else if (type == ZTJ_AGENT_IDENTITIES_ANSWER)
		on_identities(c, msg);
	else
		on_signature(c, msg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_conn *c = arg;
	struct ztj_stepup *u = c->stepup;
	uint8_t chunk[4096];
	ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	struct ztj_view payload;
	struct ztj_rd rd;
	int r;

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || ztj_buf_put(&u->in, chunk, (size_t)got) != ZTJ_OK) {
		next(c);
		return;
	}
	ztj_rd_init(&rd, ztj_buf_view(&u->in));
	r = ztj_rd_string(&rd, ZTJ_AGENT_REPLY_MAX - 4, &payload);
	if (r == ZTJ_TRUNCATED)
		return;
	if (r != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK) {
		next(c);
		return;
	}
	on_answer(c, payload);
}

void ztj_agent_begin(struct ztj_conn *c)
{
	struct ztj_stepup *u = c->stepup;
	bool plain = u->order[u->at - 1] == ZTJ_VIA_PLAIN_AGENT;
	int flags = fcntl(u->agent, F_GETFL), r = ZTJ_SYSTEM;

	if (flags >= 0 && fcntl(u->agent, F_SETFL, flags | O_NONBLOCK) == 0)
		r = plain ? send_identities(u) : send_stepup(u);
	if (r == ZTJ_OK) {
		u->readable = event_new(c->g->base, u->agent, EV_READ | EV_PERSIST, on_readable, c);
		r = u->readable == NULL || event_add(u->readable, NULL) != 0 ? ZTJ_NOMEM : ZTJ_OK;
	}
	if (r != ZTJ_OK)
		next(c);
}
