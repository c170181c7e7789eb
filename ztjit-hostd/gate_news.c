/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the broker sent, through the mirror, as bytes. Every byte is verified here; the mirror is not believed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/gate.h"
#include "ztjit-hostd/gatemsg.h"

#define BODY_MAX ((size_t)256 * 1024 * 1024)

/* ---- taking ---- */

static bool alarming(int r)
{
	switch (r) {
	case ZTJ_POLICY_FORK:
	case ZTJ_POLICY_ROLLBACK:
	case ZTJ_DIR_FORK:
	case ZTJ_DIR_ROLLBACK:
	case ZTJ_DIR_ANCESTRY:
	case ZTJ_DIR_ROOT:
	case ZTJ_DIR_ORDER:
	case ZTJ_DIR_DELEGATION:
	case ZTJ_KEY_SHARED:
	case ZTJ_THRESHOLD:
	case ZTJ_IO:
	case ZTJ_NO_SPACE:
		return true;
	default:
		return false;
	}
}

static void judge_outcome(struct ztj_gate *g, const char *what, int r)
{
	if (r == ZTJ_OK)
		return;
	if (alarming(r))
		ztj_gate_alarm_news(g, r, what);
	else
		ztj_log(ZTJ_LOG_WARN, "refused %s: %s", what, ztj_err_name(r));
}

static int take_revocation(struct ztj_gate *g, const struct ztj_signed *s, int64_t now, bool *changed)
{
	int r = ztj_trustdir_revocation(g->dir, g->trust, s, now, changed);

	/* Held though the disk failed, or not held though it came: either way it is not the broker that lacks it. */
	if (r == ZTJ_OK)
		ztj_handback_heard(g, s);
	else if (r == ZTJ_IO || r == ZTJ_NO_SPACE || r == ZTJ_NOMEM)
		ztj_handback_heard(g, NULL);
	return r;
}

/* An old status tells of an old log, and nothing new. */
static void look_at(struct ztj_gate *g, const struct ztj_signed *s)
{
	struct ztj_stmt *st;
	int r = ztj_stmt_open_cached(g->cache, s, ZTJ_STMT_STATUS, g->pins.domain, &st);

	if (r == ZTJ_OK && st->issued > g->log.heard && st->issued > ztj_trust_fresh(g->trust) - 1) {
		g->log.heard = st->issued;
		ztj_checkpoint_seen(g, st);
		ztj_handback_status(g, st);
	}
	ztj_stmt_free(st);
}

static int take_status(struct ztj_gate *g, const struct ztj_signed *s, int64_t now)
{
	int64_t before = ztj_trust_fresh(g->trust);
	int r = ztj_trustdir_status(g->dir, g->trust, s, now);
	struct ztj_now clock;

	if (r == ZTJ_OK && ztj_trust_fresh(g->trust) > before) {
		ztj_gate_now(g, &clock);
		ztj_clockmark_status(&g->clock, ztj_trust_fresh(g->trust), clock);
		ztj_names_heard(g);
	}
	/* STALE: by the broker's key, of something else than what is held. A log that went back shows there as well, and there
	 * first, when its database went back with it. */
	if (r == ZTJ_OK || r == ZTJ_STALE)
		look_at(g, s);
	return r;
}

/* By a key of the person it names, or the places for grants could be filled with requests of nobody. Whether the
 * directory still counts is asked when the grant is used. */
static int known_requester(struct ztj_gate *g, const struct ztj_signed *s)
{
	const struct ztj_record *who;
	struct ztj_stmt *st;
	int r = ztj_stmt_open_cached(g->cache, s, ZTJ_STMT_REQUEST, g->pins.domain, &st);

	if (r != ZTJ_OK)
		return r;
	r = ztj_trust_took(g->trust, st, st->u.request.who, &who);
	ztj_stmt_free(st);
	return r == ZTJ_OK && who == NULL ? ZTJ_USER_UNKNOWN : r;
}

static int take_signed(struct ztj_gate *g, const struct ztj_signed *s, bool *changed, bool *gives)
{
	uint8_t request[ZTJ_DIGEST_LEN];
	int64_t now = ztj_gate_ends_clock(g);
	enum ztj_stmt_type type;
	int r = ztj_signed_peek(s, &type);

	if (r != ZTJ_OK)
		return r;
	*gives = type == ZTJ_STMT_REQUEST || type == ZTJ_STMT_APPROVAL;
	switch (type) {
	case ZTJ_STMT_REQUEST:
		r = known_requester(g, s);
		return r == ZTJ_OK ? ztj_store_add(g->store, s, changed, request) : r;
	case ZTJ_STMT_APPROVAL:
		return ztj_store_add(g->store, s, changed, request);
	case ZTJ_STMT_REVOCATION:
		return take_revocation(g, s, now, changed);
	case ZTJ_STMT_STATUS:
		return take_status(g, s, now);
	case ZTJ_STMT_STEPUP:
		r = ztj_stepup_relayed(g, s);
		*changed = r == ZTJ_OK;
		return r;
	case ZTJ_STMT_KILL:
		r = ztj_kill_take(g, s);
		*changed = r == ZTJ_OK;
		return r;
	case ZTJ_STMT_POLICY:
		r = ztj_trustdir_policy(g->dir, g->trust, s, now, changed);
		if (*changed)
			ztj_gate_log_policy(g);
		return r;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_DIRECTORY:
	case ZTJ_STMT_LOGIN:
	case ZTJ_STMT_PENDING:
	case ZTJ_STMT_HEAD:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_STANDING:
		break;
	}
	return ZTJ_STMT_TYPE;
}

/* News may end a session, so it is acted on at once. The mirror hears only of what it asks for itself: told of every
 * statement, it and the gate would soon wait for each other. */
static void after(struct ztj_gate *g, bool changed, bool held, bool gives)
{
	if (!changed)
		return;
	/* First what everybody reads, then what everybody sees. */
	ztj_names_news(g, gives);
	if (held && ztj_news_tell_mirror(g) != ZTJ_OK)
		ztj_log(ZTJ_LOG_WARN, "the mirror does not listen");
	ztj_sessions_review(g);
}

int ztj_news_container(struct ztj_gate *g, struct ztj_view json, bool *changed)
{
	const struct ztj_policy *before = ztj_trust_held_policy(g->trust);
	struct ztj_signed s;
	struct ztj_buf mem;
	bool gives = false;
	int r;

	*changed = false;
	ztj_buf_init(&mem, ZTJ_POLICY_MAX + 128u * 1024u);
	r = ztj_signed_from_json(json, &mem, &s);
	if (r == ZTJ_OK)
		r = take_signed(g, &s, changed, &gives);
	ztj_buf_free(&mem);
	after(g, *changed, ztj_trust_held_policy(g->trust) != before, gives);
	return r;
}

int ztj_news_directory(struct ztj_gate *g, struct ztj_view json, bool *changed)
{
	const struct ztj_dir_update *u;
	struct ztj_dir_answer *a;
	int r = ztj_dir_answer_read(json, BODY_MAX, &a);

	*changed = false;
	if (r != ZTJ_OK)
		return r;
	u = ztj_dir_answer_update(a);
	r = ztj_trustdir_directory(g->dir, g->trust, u, ztj_gate_ends_clock(g), changed);
	if (*changed)
		ztj_log(ZTJ_LOG_NOTICE, "directory %s serial %lld", u->name,
		    (long long)ztj_dir_serial(ztj_trust_dir(g->trust, u->name)));
	ztj_dir_answer_free(a);
	after(g, *changed, true, false);
	return r;
}

static int import_bundle(struct ztj_gate *g, struct ztj_view bytes, bool *changed)
{
	struct ztj_bundle *b;
	int r = ztj_bundle_read(bytes, g->pins.domain, g->cache, &b);

	if (r != ZTJ_OK)
		return r;
	r = ztj_store_add_bundle(g->store, b, changed);
	for (size_t i = 0; r == ZTJ_OK && i < b->n; i++)
		if (b->stmt[i]->type == ZTJ_STMT_REVOCATION) {
			bool one;
			r = take_revocation(g, &b->raw[i], ztj_gate_ends_clock(g), &one);
			*changed |= one;
		}
	ztj_bundle_free(b);
	after(g, *changed, false, false);
	return r;
}

int ztj_news_import(struct ztj_gate *g, struct ztj_view bytes, bool *changed)
{
	int64_t fresh = ztj_trust_fresh(g->trust);
	int r;

	*changed = false;
	if (bytes.n >= 5 && memcmp(bytes.p, "ZTJB1", 5) == 0)
		return import_bundle(g, bytes, changed);
	r = ztj_news_container(g, bytes, changed);
	if (r == ZTJ_MEMBER_UNKNOWN || r == ZTJ_MEMBER_MISSING || r == ZTJ_TOO_LARGE)
		r = ztj_news_directory(g, bytes, changed);
	/* a newer status changes nothing that is held, yet it was not here before */
	if (r == ZTJ_OK && ztj_trust_fresh(g->trust) > fresh)
		*changed = true;
	return r;
}

/* ---- from the mirror ---- */

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The body stands in memory that the mirror can no longer change. */
static int with_body(struct ztj_gate *g, int fd, uint8_t kind)
{
	struct stat st;
	bool changed = false;
	void *p;
	int r;

	if (fd < 0 || fcntl(fd, F_GET_SEALS) < 0 || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS ||
	    fstat(fd, &st) != 0)
		return ZTJ_PROTOCOL;
	if (st.st_size <= 0 || (size_t)st.st_size > BODY_MAX)
		return ZTJ_TOO_LARGE;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return ZTJ_NOMEM;
	if (kind == 1)
		r = ztj_news_container(g, ztj_view_of(p, (size_t)st.st_size), &changed);
	else
		r = ztj_news_directory(g, ztj_view_of(p, (size_t)st.st_size), &changed);
	(void)munmap(p, (size_t)st.st_size);
	judge_outcome(g, kind == 1 ? "a policy" : "a directory", r);
	if (r != ZTJ_OK)
		ztj_news_ask_again(g);
	return ZTJ_OK;
}

static int on_container(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_view json;
	bool changed;
	int r = ztj_rd_string(rd, ZTJ_IPC_MAX, &json);

	if (r != ZTJ_OK || (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	r = ztj_news_container(g, json, &changed);
	/* A status that does not match yet comes again in seconds; what became of a step-up was said. */
	if (r != ZTJ_STALE && r != ZTJ_STEPUP_GONE && r != ZTJ_STEPUP_WRONG)
		judge_outcome(g, "a statement", r);
	return ZTJ_OK;
}

static int on_link(struct ztj_gate *g, struct ztj_rd *rd)
{
	uint8_t up;
	int r = ztj_rd_u8(rd, &up);

	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r == ZTJ_OK && g->link_up != (up != 0)) {
		g->link_up = up != 0;
		ztj_log(ZTJ_LOG_NOTICE,
		    g->link_up ? "connected to the broker" : "the broker cannot be reached");
		if (g->link_up)
			ztj_ship_link(g);
	}
	return r;
}

static int on_snapshot(struct ztj_gate *g, struct ztj_rd *rd)
{
	uint8_t begins;
	int r = ztj_rd_u8(rd, &begins);

	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r == ZTJ_OK)
		ztj_handback_snapshot(g, begins != 0);
	return r;
}

static int on_posted(struct ztj_gate *g, struct ztj_rd *rd)
{
	struct ztj_view id;
	uint32_t code;
	int r;

	if ((r = ztj_rd_bytes(rd, ZTJ_DIGEST_LEN, &id)) != ZTJ_OK || (r = ztj_rd_u32(rd, &code)) != ZTJ_OK ||
	    (r = ztj_rd_end(rd)) != ZTJ_OK)
		return r;
	if (!ztj_standing_posted(g, id.p, code) && !ztj_handback_posted(g, id.p, code))
		ztj_stepup_posted(g, id.p, code == 0 ? ZTJ_OK : ZTJ_UNREACHABLE);
	return ZTJ_OK;
}

static int on_message(struct ztj_gate *g)
{
	struct ztj_ipc_in *in = &g->mirror_in;
	struct ztj_rd rd;
	uint8_t kind;

	ztj_rd_init(&rd, in->body);
	switch (in->type) {
	case ZTJ_MSG_CONTAINER:
		return on_container(g, &rd);
	case ZTJ_MSG_BODY:
		if (ztj_rd_u8(&rd, &kind) != ZTJ_OK || ztj_rd_end(&rd) != ZTJ_OK || kind < 1 || kind > 2)
			return ZTJ_PROTOCOL;
		return with_body(g, in->fd, kind);
	case ZTJ_MSG_LINK:
		return on_link(g, &rd);
	case ZTJ_MSG_SNAPSHOT:
		return on_snapshot(g, &rd);
	case ZTJ_MSG_POSTED:
		return on_posted(g, &rd);
	case ZTJ_MSG_SHIPPED:
		return ztj_ship_done(g, &rd);
	case ZTJ_MSG_GROWN:
		return ztj_growth_done(g, &rd);
	default:
		return ZTJ_PROTOCOL;
	}
}

void ztj_news_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;
	int r = ztj_ipc_read(fd, &g->mirror_in, true);

	(void)what;
	if (r == ZTJ_TIMEOUT)
		return;
	if (r == ZTJ_OK)
		r = on_message(g);
	ztj_ipc_in_reset(&g->mirror_in);
	if (r != ZTJ_OK) {
		/* All parts of hostd go together; whoever started them starts them again. */
		ztj_log(ZTJ_LOG_ERROR, "the mirror: %s", ztj_err_name(r));
		g->exit_status = 1;
		(void)event_base_loopbreak(g->base);
	}
}
