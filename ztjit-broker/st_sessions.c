/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Sessions: what a host says of one that begins, and what people may see of it (PROTOCOL 8.4). */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ztjit-broker/audit.h"

#define ANSWER_MAX 500
#define SCAN_MAX 4000
#define SILENT_SECONDS 600

enum ztj_head_state session_state(const struct db_session *s, int64_t now)
{
	if (s->state == ZTJ_HEAD_OPEN && now > s->ends + SILENT_SECONDS && now > s->heard + SILENT_SECONDS)
		return ZTJ_HEAD_LOST;
	return (enum ztj_head_state)s->state;
}

const char *session_state_name(enum ztj_head_state state)
{
	return state == ZTJ_HEAD_OPEN ? "open" : state == ZTJ_HEAD_CLOSED ? "closed" : "lost";
}

int session_visible(const struct caller *c, const struct db_session *s)
{
	return c->kind == CALLER_PERSON && (c->auditor || strcmp(c->who, s->person) == 0) ? ZTJ_OK
											  : ZTJ_NOT_FOUND;
}

/* --- a host begins one --- */

static int new_id(struct store *st, char out[ZTJ_SHORT_ID_SIZE])
{
	uint8_t random[ZTJ_DIGEST_LEN];
	struct db_session *taken = malloc(sizeof(*taken));
	int r = taken == NULL ? ZTJ_NOMEM : ZTJ_OK;
	while (r == ZTJ_OK) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
			r = ZTJ_SYSTEM;
			break;
		}
		ztj_session_id(random, out);
		r = db_session_get(st->db, out, taken);
	}
	free(taken);
	return r == ZTJ_NOT_FOUND ? ZTJ_OK : r;
}

static int fill(struct store *st, const struct ask_session *in, const struct caller *c, int64_t now,
    struct db_session *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->name, in->name, sizeof(out->name));
	memcpy(out->grant, in->grant, sizeof(out->grant));
	memcpy(out->host, c->who, sizeof(out->host));
	memcpy(out->person, in->person, sizeof(out->person));
	memcpy(out->account, in->account, sizeof(out->account));
	memcpy(out->peer, in->peer, sizeof(out->peer));
	memcpy(out->service, in->service, sizeof(out->service));
	memcpy(out->role, in->role, sizeof(out->role));
	memcpy(out->command, in->command, sizeof(out->command));
	out->has_command = in->has_command;
	out->tty = in->tty;
	out->started = in->started;
	out->ends = in->ends;
	out->heard = now;
	out->kept = true;
	return new_id(st, out->id);
}

/* W03: whoever owns one host could begin records without end. */
static int room_for(struct store *st, const struct caller *c, int64_t now)
{
	int64_t open;
	int r = db_session_open_of(st->db, c->who, now - SILENT_SECONDS, &open);
	if (r == ZTJ_OK && open >= st->conf->max_open_records)
		return ZTJ_FORBIDDEN; /* this record is asked about again later; others go on */
	return r;
}

void do_session_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_session *row = malloc(sizeof(*row));
	int r = row == NULL ? ZTJ_NOMEM : db_session_by_name(st->db, c->who, a->session.name, row);
	bool known = r == ZTJ_OK, full = false;
	if (r == ZTJ_NOT_FOUND && !ztj_fullname_ok(a->session.person, false))
		r = ZTJ_BAD_NAME;
	if (r == ZTJ_NOT_FOUND && reserve_spent(st))
		r = ZTJ_NO_SPACE;
	if (r == ZTJ_NOT_FOUND) {
		r = room_for(st, c, now);
		full = r == ZTJ_FORBIDDEN;
		if (r == ZTJ_OK)
			r = fill(st, &a->session, c, now, row);
	}
	if (r == ZTJ_OK && !known) {
		r = db_session_add(st->db, row);
		if (r == ZTJ_OK)
			say_session(st, row, "started", NULL);
	}
	if (r == ZTJ_OK)
		st_answer(st, a->tag, known ? 200 : 201,
		    json_pack("{s:s, s:I, s:I}", "id", row->id, "size", (json_int_t)row->chain.bytes, "head",
			(json_int_t)row->head_chunks));
	else
		st_refuse(st, a->tag, r, full ? "too many records of this host have not ended" : NULL, NULL);
	free(row);
}

/* --- people look --- */

static json_t *time_or_null(int64_t t)
{
	char text[ZTJ_TIME_SIZE];
	return t > 0 && ztj_time_format(t, text) == ZTJ_OK ? json_string(text) : json_null();
}

static json_t *describe(const struct db_session *s, int64_t now)
{
	char name[ZTJ_HEX_SIZE], grant[ZTJ_HEX_SIZE];
	ztj_hex(s->name, ZTJ_DIGEST_LEN, name);
	ztj_hex(s->grant, ZTJ_DIGEST_LEN, grant);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:b, s:b}",
	    "id", s->id, "session", name, "person", s->person, "host", s->host, "account", s->account,
	    "service", s->service, "role", s->role, "grant", grant, "peer", s->peer, "command",
	    s->has_command ? json_string(s->command) : json_null(), "tty", s->tty ? 1 : 0, "started",
	    time_or_null(s->started), "ends", time_or_null(s->ends), "ended", time_or_null(s->ended), "state",
	    session_state_name(session_state(s, now)), "size", (json_int_t)s->chain.bytes, "chunks",
	    (json_int_t)s->chain.chunks, "last", time_or_null(s->heard), "sealed", s->sealed ? 1 : 0, "kept",
	    s->kept ? 1 : 0);
}

/* A page of the database, without those in another state. */
static int collect(struct store *st, const struct ask *a, const struct caller *c, int64_t now, json_t *array)
{
	struct db_session_query q = { .person = c->auditor ? NULL : c->who,
		.host = a->find.host,
		.role = a->find.role,
		.text = a->find.text,
		.since = a->find.since,
		.until = a->find.until };
	size_t most = a->find.n > 0 ? (size_t)a->find.n : ANSWER_MAX, n = 0, scanned = 0;
	struct db_session *rows = calloc(64, sizeof(*rows));
	int r = rows == NULL ? ZTJ_NOMEM : ZTJ_OK;
	if (c->auditor && a->find.user[0] != '\0')
		q.person = a->find.user;
	do {
		if (r == ZTJ_OK)
			r = db_session_list(st->db, &q, rows, 64, &n);
		for (size_t i = 0; r == ZTJ_OK && i < n && json_array_size(array) < most; i++) {
			const char *state = session_state_name(session_state(&rows[i], now));
			q.before = rows[i].seq;
			if (a->state[0] != '\0' && strcmp(a->state, state) != 0)
				continue;
			if (a->find.user[0] != '\0' && strcmp(a->find.user, rows[i].person) != 0)
				continue;
			json_array_append_new(array, describe(&rows[i], now));
		}
		scanned += n;
	} while (r == ZTJ_OK && n == 64 && scanned < SCAN_MAX && json_array_size(array) < most);
	free(rows);
	return r;
}

void do_sessions(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	json_t *array = json_array();
	int r = array == NULL ? ZTJ_NOMEM : collect(st, a, c, now, array);
	if (r == ZTJ_OK) {
		st_answer(st, a->tag, 200, json_pack("{s:o}", "sessions", array));
		return;
	}
	json_decref(array);
	st_refuse(st, a->tag, r, NULL, NULL);
}

void do_session_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct db_session *row = malloc(sizeof(*row));
	struct ztj_buf head;
	json_t *body = NULL, *heads = json_array();
	ztj_buf_init(&head, PROTO_CONTAINER_MAX);
	int r = row == NULL || heads == NULL ? ZTJ_NOMEM : db_session_get(st->db, a->id, row);
	if (r == ZTJ_OK)
		r = session_visible(c, row);
	if (r == ZTJ_OK)
		r = db_session_head(st->db, row->id, &head);
	if (r == ZTJ_OK && head.n > 0 &&
	    json_array_append_new(heads, st_container_json(ztj_buf_view(&head))) != 0)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK && (body = describe(row, now)) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK) {
		json_object_set(body, "heads", heads);
		st_answer(st, a->tag, 200, body);
	} else {
		st_refuse(st, a->tag, r, NULL, NULL);
	}
	json_decref(heads);
	ztj_buf_free(&head);
	free(row);
}
