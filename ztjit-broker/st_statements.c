/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* POST and GET /v1/statements. */
#include <stdlib.h>
#include <string.h>

#include "ztjit-broker/audit.h"

int st_skew(int64_t issued, int64_t now)
{
	if (issued > now + ZTJ_CLOCK_SKEW)
		return ZTJ_FUTURE;
	return issued < now - ZTJ_CLOCK_SKEW ? ZTJ_STALE : ZTJ_OK;
}

int st_container(const struct ztj_signed *s, struct ztj_buf *out)
{
	return ztj_signed_write(s, out);
}

json_t *st_container_json(struct ztj_view container)
{
	struct ztj_signed s;
	struct ztj_rd rd;
	struct ztj_buf text;
	json_t *j = NULL;
	ztj_buf_init(&text, 2 * PROTO_CONTAINER_MAX);
	ztj_rd_init(&rd, container);
	if (ztj_signed_read(&rd, &s) == ZTJ_OK && ztj_signed_to_json(&s, &text) == ZTJ_OK)
		j = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	ztj_buf_free(&text);
	return j;
}

int st_resolve(struct store *st, const char *id, uint8_t out[ZTJ_DIGEST_LEN])
{
	char short_id[ZTJ_SHORT_ID_SIZE];
	memset(out, 0, ZTJ_DIGEST_LEN);
	if (strlen(id) == 2 * ZTJ_DIGEST_LEN)
		return ztj_unhex(ztj_view_str(id), out, ZTJ_DIGEST_LEN);
	int r = ztj_short_id_parse(id, short_id);
	return r == ZTJ_OK ? db_stmt_resolve(st->db, short_id, out) : r;
}

int st_publish(struct store *st, struct db_event *e)
{
	/* A database restored from a backup must not give a number again that a host has heard: it would miss this event. */
	e->seq = st->head < st->least ? st->least : st->head + 1;
	int r = db_event_add(st->db, e);
	if (r != ZTJ_OK)
		return r;
	st->head = e->seq;
	streams_event(st, e);
	return ZTJ_OK;
}

/* State and plain words of the request that a statement concerns. */
static void add_state(struct store *st, const struct acceptance *a, json_t *body)
{
	const struct ztj_bundle *b;
	struct ztj_grant g;
	json_object_set_new(body, "state", json_null());
	if (!a->has_request || bundles_get(st, a->request, &b) != ZTJ_OK) {
		json_object_set_new(body, "text", json_string(a->text != NULL ? a->text : ""));
		return;
	}
	ztj_grant_eval(st->trust, b, a->now, &g);
	json_object_set_new(body, "state", json_string(ztj_grant_state_name(g.state)));
	json_object_set_new(body, "text", json_string(g.text));
}

static void answer(struct store *st, const struct acceptance *a, bool new)
{
	char hex[ZTJ_HEX_SIZE], short_id[ZTJ_SHORT_ID_SIZE];
	ztj_hex(a->id, ZTJ_DIGEST_LEN, hex);
	ztj_short_id(a->id, short_id);
	json_t *body = json_pack("{s:s, s:s, s:b}", "id", hex, "short", short_id, "new", new ? 1 : 0);
	if (body != NULL)
		add_state(st, a, body);
	st_answer(st, a->ask->tag, new ? 201 : 200, body);
}

static int accept_type(struct store *st, struct acceptance *a, enum ztj_stmt_type type)
{
	/* With the reserve spent, only what takes access away is still written. */
	if (reserve_spent(st) && type != ZTJ_STMT_REVOCATION && type != ZTJ_STMT_APPROVAL &&
	    type != ZTJ_STMT_KILL)
		return ZTJ_NO_SPACE;
	switch (type) {
	case ZTJ_STMT_POLICY:
		return accept_policy(st, a);
	case ZTJ_STMT_LOGIN:
		return accept_login(st, a);
	case ZTJ_STMT_REQUEST:
		return accept_request(st, a);
	case ZTJ_STMT_APPROVAL:
		return accept_approval(st, a);
	case ZTJ_STMT_REVOCATION:
		return accept_revocation(st, a);
	case ZTJ_STMT_KILL:
		return accept_kill(st, a);
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_DIRECTORY:
	case ZTJ_STMT_STEPUP:
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_PENDING:
	case ZTJ_STMT_HEAD:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_STANDING:
		break;
	}
	return ZTJ_STMT_TYPE;
}

/* The request that a stored statement belongs to, for the answer to a repetition. */
static void find_request(struct store *st, struct acceptance *a)
{
	static const uint8_t none[ZTJ_DIGEST_LEN];
	enum ztj_stmt_type type;
	struct ztj_buf scratch;
	ztj_buf_init(&scratch, PROTO_CONTAINER_MAX);
	if (db_stmt_get(st->db, a->id, &type, a->request, &scratch) == ZTJ_OK)
		a->has_request = memcmp(a->request, none, sizeof(none)) != 0;
	ztj_buf_free(&scratch);
}

static int open_container(const struct ask *a, struct ztj_signed *s)
{
	struct ztj_rd rd;
	ztj_rd_init(&rd, a->container);
	int r = ztj_signed_read(&rd, s);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

static enum ztj_stmt_type type_of(struct ztj_view bytes)
{
	enum ztj_stmt_type type = ztj_stmt_peek(bytes);
	/* A policy is the one statement that is not JSON. */
	return type == ZTJ_STMT_NONE && bytes.n > 0 && bytes.p[0] != '{' ? ZTJ_STMT_POLICY : type;
}

void do_statement_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct acceptance *acc = calloc(1, sizeof(*acc));
	if (acc == NULL) {
		st_refuse(st, a->tag, ZTJ_NOMEM, NULL, NULL);
		return;
	}
	acc->ask = a;
	acc->caller = c;
	acc->now = now;
	enum ztj_stmt_type type = ZTJ_STMT_NONE;
	int r = open_container(a, &acc->s);
	if (r == ZTJ_OK)
		r = ztj_stmt_id(acc->s.bytes, acc->id);
	if (r == ZTJ_OK) {
		type = type_of(acc->s.bytes);
		r = access_check_statement(type, c);
		if (r == ZTJ_NOT_FOUND) {
			st_refuse_unknown(st, a->tag);
			free(acc);
			return;
		}
	}
	if (r == ZTJ_OK) {
		r = db_stmt_has(st->db, acc->id);
		if (r == ZTJ_OK) {
			find_request(st, acc);
			answer(st, acc, false);
			free(acc);
			return;
		}
		if (r == ZTJ_NOT_FOUND)
			r = accept_type(st, acc, type);
	}
	say_statement(st, acc, type, r);
	if (r == ZTJ_OK) {
		st->count.accepted++;
		answer(st, acc, true);
	} else {
		st->count.refused++;
		st_refuse(st, a->tag, r, NULL, acc->text);
	}
	free(acc);
}

/* May this caller read a statement that is about no request? */
static int loose_visible(const struct caller *c, enum ztj_stmt_type type, struct ztj_view container)
{
	(void)container;
	switch (type) {
	case ZTJ_STMT_POLICY:
	case ZTJ_STMT_DIRECTORY:
		return ZTJ_OK;
	case ZTJ_STMT_REVOCATION: /* of a user or host: every host receives it, and people see why */
		return ZTJ_OK;
	case ZTJ_STMT_NONE:
	case ZTJ_STMT_LOGIN:
	case ZTJ_STMT_REQUEST:
	case ZTJ_STMT_APPROVAL:
	case ZTJ_STMT_STEPUP:
	case ZTJ_STMT_STATUS:
	case ZTJ_STMT_PENDING:
	case ZTJ_STMT_HEAD:
	case ZTJ_STMT_VIEW:
	case ZTJ_STMT_KILL:
	case ZTJ_STMT_STANDING:
		break;
	}
	return c->auditor ? ZTJ_OK : ZTJ_FORBIDDEN;
}

void do_statement_get(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	static const uint8_t none[ZTJ_DIGEST_LEN];
	uint8_t id[ZTJ_DIGEST_LEN], request[ZTJ_DIGEST_LEN];
	enum ztj_stmt_type type = ZTJ_STMT_NONE;
	const struct ztj_bundle *b;
	struct ztj_buf container;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	int r = st_resolve(st, a->id, id);
	if (r == ZTJ_OK)
		r = db_stmt_get(st->db, id, &type, request, &container);
	if (r == ZTJ_OK && memcmp(request, none, sizeof(none)) == 0)
		r = loose_visible(c, type, ztj_buf_view(&container));
	else if (r == ZTJ_OK && !(c->kind == CALLER_HOST && type == ZTJ_STMT_REVOCATION)) {
		r = bundles_get(st, request, &b);
		if (r == ZTJ_OK)
			r = request_visible(st, c, b, now);
	}
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 200, st_container_json(ztj_buf_view(&container)));
	else
		st_refuse(st, a->tag, r, NULL, NULL);
	ztj_buf_free(&container);
}
