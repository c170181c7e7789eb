/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Streams: where each stands in the broker's order. A stream first catches up, one piece at a time as its
 * client takes them, from the database; then it is live and gets what is published. since=0 gives a
 * snapshot: the policy, the directories, all revocations in their order (to a host), live requests (to a host also those that
 * were ended before their time) with what belongs to them, and the policy once more with the seq to go on from.
 */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/store.h"

#define BUCKETS 16384u
#define PIECE ((size_t)48 * 1024)
#define BEHIND_MAX 20000 /* further behind than this, a snapshot is shorter */

enum stage { AT_POLICY, AT_DIRECTORIES, AT_REVOCATIONS, AT_REQUESTS, AT_END, BACKLOG, LIVE };

struct stream {
	struct stream *next, *prev, *chain;
	uint32_t tag;
	uint8_t tls[PROTO_TLS_LEN];
	enum caller_kind kind;
	char who[ZTJ_FULLNAME_SIZE];
	enum stage stage;
	int64_t cursor; /* within the stage; a seq in BACKLOG */
	int64_t base;   /* head when the snapshot began */
};
struct streams {
	struct stream *first;
	size_t n;
	struct stream *bucket[BUCKETS];
};

int streams_new(struct streams **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

static struct stream *find(const struct streams *s, uint32_t tag)
{
	struct stream *m = s->bucket[tag % BUCKETS];
	while (m != NULL && m->tag != tag)
		m = m->chain;
	return m;
}

static void drop(struct streams *s, struct stream *m)
{
	struct stream **at = &s->bucket[m->tag % BUCKETS];
	while (*at != m)
		at = &(*at)->chain;
	*at = m->chain;
	if (m->prev != NULL)
		m->prev->next = m->next;
	else
		s->first = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
	s->n--;
	free(m);
}

static struct stream *add(struct streams *s, uint32_t tag)
{
	struct stream *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->tag = tag;
	m->chain = s->bucket[tag % BUCKETS];
	s->bucket[tag % BUCKETS] = m;
	m->next = s->first;
	if (s->first != NULL)
		s->first->prev = m;
	s->first = m;
	s->n++;
	return m;
}

void streams_free(struct streams *s)
{
	if (s == NULL)
		return;
	while (s->first != NULL)
		drop(s, s->first);
	free(s);
}

size_t streams_number(const struct streams *s)
{
	return s->n;
}

static void end(struct store *st, struct stream *m)
{
	struct ztj_buf msg;
	ztj_buf_init(&msg, 16);
	if (ztj_buf_put_u32(&msg, m->tag) == ZTJ_OK)
		st_send(st, st->frontend, MSG_STREAM_END, ztj_buf_view(&msg));
	ztj_buf_free(&msg);
	drop(st->streams, m);
}

/* Who it is now; the caller of the stream may have gone since it was opened. */
static bool still(struct store *st, const struct stream *m, int64_t now, struct caller *c)
{
	caller_identify(st, ztj_view_of(m->tls, sizeof(m->tls)), now, c);
	return c->kind == m->kind && strcmp(c->who, m->who) == 0;
}

/* The policy line of a snapshot; nothing when there is none. */
static int policy_line(struct store *st, int64_t seq, struct ztj_buf *out)
{
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	if (p == NULL)
		return ZTJ_OK;
	const struct db_event e = { .kind = DB_EVENT_POLICY, .number = p->version };
	return line_event(st, &e, seq, out);
}

static int directory_lines(struct store *st, struct ztj_buf *out)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < ztj_trust_ndirs(st->trust); i++) {
		const struct ztj_dir *d = ztj_trust_dir_at(st->trust, i);
		struct db_event e = { .kind = DB_EVENT_DIRECTORY, .number = ztj_dir_serial(d) };
		memcpy(e.name, ztj_dir_name(d), strnlen(ztj_dir_name(d), sizeof(e.name) - 1));
		r = line_event(st, &e, 0, out);
	}
	return r;
}

static int revocation_lines(struct store *st, struct stream *m, struct ztj_buf *out)
{
	while (out->n < PIECE) {
		struct db_event e = { .kind = DB_EVENT_STATEMENT, .type = ZTJ_STMT_REVOCATION };
		struct ztj_buf unused;
		ztj_buf_init(&unused, PROTO_CONTAINER_MAX);
		int r = db_revocation_get(st->db, m->cursor + 1, e.id, &unused);
		ztj_buf_free(&unused);
		if (r == ZTJ_NOT_FOUND)
			m->stage = AT_REQUESTS;
		if (r == ZTJ_NOT_FOUND) {
			m->cursor = 0;
			return ZTJ_OK;
		}
		if (r == ZTJ_OK)
			r = line_event(st, &e, 0, out);
		if (r != ZTJ_OK)
			return r;
		m->cursor++;
	}
	return ZTJ_OK;
}

/* A request and everything in its bundle, oldest first. */
static int bundle_lines(struct store *st, const struct stream *m, const struct ztj_bundle *b,
    struct ztj_buf *out)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < b->n; i++) {
		struct db_event e = { .kind = DB_EVENT_STATEMENT, .type = b->stmt[i]->type };
		if (m->kind == CALLER_HOST && e.type == ZTJ_STMT_REVOCATION)
			continue; /* hosts had them all in their order */
		memcpy(e.id, b->stmt[i]->id, sizeof(e.id));
		r = line_event(st, &e, 0, out);
	}
	return r;
}

static int request_lines(struct store *st, struct stream *m, const struct caller *c, int64_t now,
    struct ztj_buf *out)
{
	bool host = m->kind == CALLER_HOST;
	struct db_request_query q = { .host = host ? m->who : NULL,
		.now = now,
		.oldest_first = true,
		.before = m->cursor };
	struct db_request_ref ref[64];
	const struct ztj_bundle *b;
	struct ztj_grant g;
	size_t n;
	int r = db_request_list(st->db, &q, ref, 64, &n);
	for (size_t i = 0; r == ZTJ_OK && i < n && out->n < PIECE; i++) {
		m->cursor = ref[i].seq;
		if (bundles_get(st, ref[i].id, &b) != ZTJ_OK || request_visible(st, c, b, now) != ZTJ_OK)
			continue;
		/* A host that was away may hold the approvals and not the denial that came after them. */
		ztj_grant_eval(st->trust, b, now, &g);
		if (host ? now < request_last(b->request) : !grant_is_over(g.state))
			r = bundle_lines(st, m, b, out);
	}
	if (r == ZTJ_OK && n == 0)
		m->stage = AT_END;
	return r;
}

static int backlog_lines(struct store *st, struct stream *m, const struct caller *c, int64_t now,
    struct ztj_buf *out)
{
	struct db_event e[128];
	size_t n;
	int r = db_event_list(st->db, m->cursor, e, 128, &n);
	for (size_t i = 0; r == ZTJ_OK && i < n && out->n < PIECE; i++) {
		m->cursor = e[i].seq;
		if (line_visible(st, c, &e[i], now))
			r = line_event(st, &e[i], e[i].seq, out);
	}
	if (r == ZTJ_OK && n == 0) {
		m->stage = LIVE;
		r = stepups_lines(st, c, now, out);
		if (r == ZTJ_OK)
			r = ztj_buf_put(out, st->status.p, st->status.n);
	}
	return r;
}

static int step(struct store *st, struct stream *m, const struct caller *c, int64_t now, struct ztj_buf *out)
{
	int r;
	switch (m->stage) {
	case AT_POLICY:
		m->stage = AT_DIRECTORIES;
		return policy_line(st, 0, out);
	case AT_DIRECTORIES:
		m->stage = m->kind == CALLER_HOST ? AT_REVOCATIONS : AT_REQUESTS;
		m->cursor = 0;
		return directory_lines(st, out);
	case AT_REVOCATIONS:
		return revocation_lines(st, m, out);
	case AT_REQUESTS:
		return request_lines(st, m, c, now, out);
	case AT_END:
		r = policy_line(st, m->base, out);
		m->stage = BACKLOG;
		m->cursor = m->base;
		return r;
	case BACKLOG:
		return backlog_lines(st, m, c, now, out);
	case LIVE:
		break;
	}
	return ZTJ_OK;
}

/* Sends the next piece. The frontend asks for more when its client has taken it. */
static void pump(struct store *st, struct stream *m, const struct caller *c, int64_t now)
{
	struct ztj_buf lines, msg;
	ztj_buf_init(&lines, (size_t)8 * 1024 * 1024);
	ztj_buf_init(&msg, (size_t)9 * 1024 * 1024);
	int r = ZTJ_OK;
	while (r == ZTJ_OK && m->stage != LIVE && lines.n < PIECE)
		r = step(st, m, c, now, &lines);
	ztj_buf_put_u32(&msg, m->tag);
	ztj_buf_put_u8(&msg, m->stage == LIVE ? 0 : 1);
	ztj_buf_put_view(&msg, ztj_buf_view(&lines));
	if (r == ZTJ_OK)
		r = ztj_buf_status(&msg);
	if (r == ZTJ_OK)
		st_send(st, st->frontend, MSG_LINES, ztj_buf_view(&msg));
	else
		end(st, m);
	ztj_buf_free(&lines);
	ztj_buf_free(&msg);
}

void do_stream_open(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct stream *m = find(st->streams, a->tag) == NULL ? add(st->streams, a->tag) : NULL;
	if (m == NULL) {
		st_refuse(st, a->tag, ZTJ_NOMEM, NULL, NULL);
		return;
	}
	memcpy(m->tls, a->tls.p, sizeof(m->tls));
	m->kind = c->kind;
	memcpy(m->who, c->who, sizeof(m->who));
	m->base = st->head;
	m->cursor = a->number;
	/* A client that heard an event which we do not have has seen a database that is no more: it gets everything. */
	int64_t behind = 0;
	bool known = false;
	bool snapshot = a->number == 0 || db_event_has(st->db, a->number, &known) != ZTJ_OK || !known ||
	    db_event_behind(st->db, a->number, BEHIND_MAX + 1, &behind) != ZTJ_OK || behind > BEHIND_MAX;
	m->stage = snapshot ? AT_POLICY : BACKLOG;
	pump(st, m, c, now);
}

void do_stream_more(struct store *st, uint32_t tag)
{
	struct stream *m = find(st->streams, tag);
	struct caller c;
	int64_t now = st_now();
	if (m == NULL || m->stage == LIVE)
		return;
	if (still(st, m, now, &c))
		pump(st, m, &c, now);
	else
		end(st, m);
}

void do_stream_close(struct store *st, uint32_t tag)
{
	struct stream *m = find(st->streams, tag);
	if (m != NULL)
		drop(st->streams, m);
}

/* One line to many: the ids, then the line once. */
struct fan {
	struct ztj_buf ids;
	uint32_t n;
};

static void fan_send(struct store *st, struct fan *f, struct ztj_view line)
{
	struct ztj_buf msg;
	ztj_buf_init(&msg, (size_t)8 * 1024 * 1024);
	if (f->n > 0 && ztj_buf_status(&f->ids) == ZTJ_OK) {
		ztj_buf_put_u32(&msg, f->n);
		ztj_buf_put(&msg, f->ids.p, f->ids.n);
		ztj_buf_put_view(&msg, line);
		if (ztj_buf_status(&msg) == ZTJ_OK)
			st_send(st, st->frontend, MSG_FANOUT, ztj_buf_view(&msg));
	}
	ztj_buf_free(&msg);
	ztj_buf_free(&f->ids);
}

static void fan_init(struct fan *f)
{
	f->n = 0;
	ztj_buf_init(&f->ids, (size_t)4 * 1024 * 1024);
}

static void fan_add(struct fan *f, uint32_t tag)
{
	if (ztj_buf_put_u32(&f->ids, tag) == ZTJ_OK)
		f->n++;
}

void streams_event(struct store *st, const struct db_event *e)
{
	struct ztj_buf line;
	struct caller c;
	struct fan f;
	int64_t now = st_now();
	fan_init(&f);
	for (const struct stream *m = st->streams->first; m != NULL; m = m->next) {
		/* A stream that is catching up finds the event in the database. */
		if (m->stage == LIVE && still(st, m, now, &c) && line_visible(st, &c, e, now))
			fan_add(&f, m->tag);
	}
	ztj_buf_init(&line, 2 * PROTO_CONTAINER_MAX);
	if (f.n > 0 && line_event(st, e, e->seq, &line) == ZTJ_OK)
		fan_send(st, &f, ztj_buf_view(&line));
	else
		ztj_buf_free(&f.ids);
	ztj_buf_free(&line);
}

void streams_line_all(struct store *st, struct ztj_view line)
{
	struct fan f;
	fan_init(&f);
	for (const struct stream *m = st->streams->first; m != NULL; m = m->next)
		if (m->stage == LIVE)
			fan_add(&f, m->tag);
	fan_send(st, &f, line);
}

void streams_line_to(struct store *st, enum caller_kind kind, const char *who, struct ztj_view line)
{
	struct fan f;
	fan_init(&f);
	for (const struct stream *m = st->streams->first; m != NULL; m = m->next)
		if (m->stage == LIVE && m->kind == kind && strcmp(m->who, who) == 0)
			fan_add(&f, m->tag);
	fan_send(st, &f, line);
}

void streams_recheck(struct store *st, int64_t now, bool all)
{
	struct stream *next;
	struct caller c;
	for (struct stream *m = st->streams->first; m != NULL; m = next) {
		next = m->next;
		if (all || !still(st, m, now, &c))
			end(st, m);
	}
}
