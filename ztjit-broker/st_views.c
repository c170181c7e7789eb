/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Looking at records. A `view`, signed by a fresh touch, is kept like every statement (that is the account of who looked at
 * what) and opens the records it names to the TLS key it came by. Whoever follows a session waits here for
 * more of it.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/audit.h"

#define VIEWS_MAX 512u
#define VIEWS_EACH 16u
#define OPEN_SECONDS 600
#define GOES_ON_SECONDS 60
#define WAITERS_MAX 512u
#define WAITERS_EACH 16u
#define PIECE ((size_t)512 * 1024)

struct view {
	bool used, goes_on;
	uint8_t tls[PROTO_TLS_LEN];
	int64_t issued, asked;
	uint64_t turn; /* grows with every asking */
	size_t n;
	char id[ZTJ_VIEW_MAX][ZTJ_SHORT_ID_SIZE];
};
struct waiter {
	bool used;
	uint32_t tag;
	uint8_t tls[PROTO_TLS_LEN];
	char id[ZTJ_SHORT_ID_SIZE];
	uint64_t from;
	int64_t until;
};
struct views {
	struct view view[VIEWS_MAX];
	struct waiter waiter[WAITERS_MAX];
	size_t waiting;
	uint64_t turn;
	struct event *tick;
};

/* --- views --- */

static bool is_open(const struct view *v, int64_t now)
{
	return v->used &&
	    (now <= v->issued + OPEN_SECONDS || (v->goes_on && now <= v->asked + GOES_ON_SECONDS));
}

/* A free place; or, of one who has many, that which was not asked for longest: a walk through records does not end there. */
static int place_for(struct views *vs, struct ztj_view tls, int64_t now, struct view **out)
{
	struct view *oldest = NULL;
	unsigned own = 0;
	*out = NULL;
	for (size_t i = 0; i < VIEWS_MAX; i++) {
		struct view *v = &vs->view[i];
		if (!is_open(v, now)) {
			*out = v;
		} else if (memcmp(v->tls, tls.p, PROTO_TLS_LEN) == 0) {
			own++;
			oldest = oldest == NULL || v->turn < oldest->turn ? v : oldest;
		}
	}
	if (own >= VIEWS_EACH)
		*out = oldest;
	return *out == NULL ? ZTJ_RATE_LIMITED : ZTJ_OK;
}

static int may_view(struct store *st, const struct caller *c, const struct ztj_stmt *stmt)
{
	struct db_session *s = malloc(sizeof(*s));
	int r = s == NULL ? ZTJ_NOMEM : ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < stmt->u.view.nsessions; i++) {
		r = db_session_get(st->db, stmt->u.view.sessions[i], s);
		if (r == ZTJ_OK)
			r = session_visible(c, s);
	}
	free(s);
	return r;
}

static int keep_view(struct store *st, const struct ask *a, const struct ztj_stmt *stmt, int64_t now)
{
	struct db_stmt_row row = { .type = ZTJ_STMT_VIEW,
		.who = stmt->u.view.who,
		.issued = stmt->issued,
		.container = a->container };
	memcpy(row.id, stmt->id, sizeof(row.id));
	int r = reserve_spent(st) ? ZTJ_NO_SPACE : db_stmt_add(st->db, &row, now);
	return r == ZTJ_EXISTS ? ZTJ_REPLAY : r;
}

static int open_view(struct store *st, const struct ask *a, const struct caller *c,
    const struct ztj_stmt *stmt, int64_t now)
{
	const struct ztj_record *person;
	struct view *v;
	if (strcmp(stmt->u.view.who, c->who) != 0)
		return ZTJ_WRONG_PERSON;
	int r = st_skew(stmt->issued, now);
	if (r == ZTJ_OK)
		r = ztj_trust_signed_by(st->trust, stmt, stmt->u.view.who, false, now, &person);
	if (r == ZTJ_OK)
		r = may_view(st, c, stmt);
	if (r == ZTJ_OK)
		r = place_for(st->views, a->tls, now, &v);
	if (r == ZTJ_OK)
		r = accept_counter(st, stmt, false);
	if (r == ZTJ_OK)
		r = keep_view(st, a, stmt, now);
	if (r != ZTJ_OK)
		return r;
	memset(v, 0, sizeof(*v));
	v->used = true;
	v->goes_on = stmt->u.view.action == ZTJ_VIEW_TAIL || stmt->u.view.action == ZTJ_VIEW_PLAY;
	v->issued = v->asked = stmt->issued;
	v->turn = ++st->views->turn;
	memcpy(v->tls, a->tls.p, PROTO_TLS_LEN);
	v->n = stmt->u.view.nsessions;
	for (size_t i = 0; i < v->n; i++)
		memcpy(v->id[i], stmt->u.view.sessions[i], ZTJ_SHORT_ID_SIZE);
	return ZTJ_OK;
}

void do_view_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct ztj_stmt *stmt = NULL;
	struct ztj_signed s;
	struct ztj_rd rd;
	char hex[ZTJ_HEX_SIZE];
	ztj_rd_init(&rd, a->container);
	int r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_VIEW, st->conf->domain, &stmt);
	if (r == ZTJ_OK)
		r = open_view(st, a, c, stmt, now);
	say_view(st, a, c, stmt, r);
	if (r == ZTJ_OK) {
		ztj_hex(stmt->id, ZTJ_DIGEST_LEN, hex);
		st_answer(st, a->tag, 201, json_pack("{s:s}", "id", hex));
	} else {
		st_refuse(st, a->tag, r, NULL, NULL);
	}
	ztj_stmt_free(stmt);
}

static bool has_view(struct views *vs, struct ztj_view tls, const char *id, int64_t now)
{
	for (size_t i = 0; i < VIEWS_MAX; i++) {
		struct view *v = &vs->view[i];
		if (!is_open(v, now) || memcmp(v->tls, tls.p, PROTO_TLS_LEN) != 0)
			continue;
		for (size_t k = 0; k < v->n; k++)
			if (strcmp(v->id[k], id) == 0) {
				v->asked = now;
				v->turn = ++vs->turn;
				return true;
			}
	}
	return false;
}

/* --- reading --- */

static void answer_piece(struct store *st, uint32_t tag, const struct db_session *s, uint64_t from,
    int64_t now)
{
	struct ztj_buf bytes, text;
	ztj_buf_init(&bytes, PIECE);
	ztj_buf_init(&text, 2 * PIECE);
	int r = s->kept ? record_read(st, s, from, PIECE, &bytes) : ZTJ_NOT_FOUND;
	if (r == ZTJ_OK)
		r = ztj_b64_encode(ztj_buf_view(&bytes), &text);
	const char *data = r != ZTJ_OK ? NULL : text.n == 0 ? "" : ztj_buf_str(&text);
	if (r == ZTJ_OK && data == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		st_answer(st, tag, 200,
		    json_pack("{s:I, s:s, s:s}", "size", (json_int_t)s->chain.bytes, "state",
			session_state_name(session_state(s, now)), "data", data));
	else
		st_refuse(st, tag, r, s->kept ? NULL : "the record was removed: kept long enough", NULL);
	ztj_buf_free(&text);
	ztj_buf_free(&bytes);
}

static int wait_for(struct views *vs, const struct ask *a, int64_t now)
{
	struct waiter *place = NULL;
	unsigned own = 0;
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		struct waiter *w = &vs->waiter[i];
		if (!w->used)
			place = w;
		else
			own += memcmp(w->tls, a->tls.p, PROTO_TLS_LEN) == 0;
	}
	if (place == NULL || own >= WAITERS_EACH)
		return ZTJ_RATE_LIMITED;
	*place = (struct waiter){ .used = true,
		.tag = a->tag,
		.from = (uint64_t)a->number,
		.until = now + a->wait };
	memcpy(place->tls, a->tls.p, PROTO_TLS_LEN);
	memcpy(place->id, a->id, ZTJ_SHORT_ID_SIZE);
	vs->waiting++;
	return ZTJ_OK;
}

void do_session_record(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_session *s = malloc(sizeof(*s));
	int r = s == NULL ? ZTJ_NOMEM : db_session_get(st->db, a->id, s);
	bool parked = false;
	if (r == ZTJ_OK)
		r = session_visible(c, s);
	if (r == ZTJ_OK && !has_view(st->views, a->tls, a->id, now))
		r = ZTJ_STEPUP_NEEDED;
	if (r == ZTJ_OK && (uint64_t)a->number > s->chain.bytes)
		r = ZTJ_STATE;
	if (r == ZTJ_OK && a->wait > 0 && (uint64_t)a->number == s->chain.bytes &&
	    session_state(s, now) == ZTJ_HEAD_OPEN) {
		r = wait_for(st->views, a, now);
		parked = r == ZTJ_OK;
	}
	if (r == ZTJ_OK && !parked)
		answer_piece(st, a->tag, s, (uint64_t)a->number, now);
	else if (r != ZTJ_OK)
		st_refuse(st, a->tag, r, NULL, NULL);
	free(s);
}

/* The caller may have lost the right to it since: judged again. */
static void wake(struct store *st, struct waiter *w, int64_t now)
{
	struct db_session *s = malloc(sizeof(*s));
	struct caller c;
	int r = s == NULL ? ZTJ_NOMEM : db_session_get(st->db, w->id, s);
	caller_identify(st, ztj_view_of(w->tls, sizeof(w->tls)), now, &c);
	if (r == ZTJ_OK)
		r = session_visible(&c, s);
	if (r == ZTJ_OK) {
		answer_piece(st, w->tag, s, w->from, now);
	} else {
		struct ask a = { .op = OP_SESSION_RECORD };
		memcpy(a.id, w->id, sizeof(w->id));
		say_refused(st, &a, &c, r, NULL);
		st_refuse(st, w->tag, r, NULL, NULL);
	}
	w->used = false;
	st->views->waiting--;
	free(s);
}

void views_wake(struct store *st, const char *id)
{
	for (size_t i = 0; st->views->waiting > 0 && i < WAITERS_MAX; i++)
		if (st->views->waiter[i].used && strcmp(st->views->waiter[i].id, id) == 0)
			wake(st, &st->views->waiter[i], st_now());
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct store *st = arg;
	int64_t now = st_now();
	(void)fd;
	(void)what;
	for (size_t i = 0; st->views->waiting > 0 && i < WAITERS_MAX; i++)
		if (st->views->waiter[i].used && st->views->waiter[i].until <= now)
			wake(st, &st->views->waiter[i], now);
	chan_flush(st->frontend);
}

int views_new(struct store *st)
{
	const struct timeval second = { .tv_sec = 1 };
	struct views *vs = calloc(1, sizeof(*vs));
	st->views = vs;
	if (vs == NULL)
		return ZTJ_NOMEM;
	vs->tick = event_new(st->base, -1, EV_PERSIST, on_tick, st);
	return vs->tick != NULL && event_add(vs->tick, &second) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

void views_free(struct views *v)
{
	if (v == NULL)
		return;
	if (v->tick != NULL)
		event_free(v->tick);
	free(v);
}
