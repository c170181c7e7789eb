/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What stands on a stream: one JSON object a line, and who may see it. */
#include <string.h>

#include "ztjit-broker/store.h"

/* {"statement":…,"signatures":…} with members before it. The container's own JSON begins with "{". */
static int with_container(struct ztj_view container, struct ztj_buf *out)
{
	struct ztj_signed s;
	struct ztj_rd rd;
	struct ztj_buf text;
	ztj_buf_init(&text, 2 * PROTO_CONTAINER_MAX);
	ztj_rd_init(&rd, container);
	int r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_signed_to_json(&s, &text);
	if (r == ZTJ_OK && (text.n < 2 || text.p[0] != '{'))
		r = ZTJ_INTERNAL;
	if (r == ZTJ_OK) {
		ztj_buf_puts(out, ",");
		r = ztj_buf_put(out, text.p + 1, text.n - 1);
	}
	while (r == ZTJ_OK && out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	if (r == ZTJ_OK)
		r = ztj_buf_puts(out, "\n");
	ztj_buf_free(&text);
	return r;
}

int line_statement(const char *event, struct ztj_view container, struct ztj_buf *out)
{
	ztj_buf_printf(out, "{\"event\":\"%s\"", event);
	return with_container(container, out);
}

int line_event(struct store *st, const struct db_event *e, int64_t seq, struct ztj_buf *out)
{
	uint8_t request[ZTJ_DIGEST_LEN];
	enum ztj_stmt_type type;
	struct ztj_buf container;
	int r;
	ztj_buf_printf(out, "{\"seq\":%lld,", (long long)seq);
	switch (e->kind) {
	case DB_EVENT_POLICY:
		ztj_buf_printf(out, "\"event\":\"policy\",\"version\":%lld}\n", (long long)e->number);
		return ztj_buf_status(out);
	case DB_EVENT_DIRECTORY:
		ztj_buf_printf(out, "\"event\":\"directory\",\"name\":\"%s\",\"serial\":%lld}\n", e->name,
		    (long long)e->number);
		return ztj_buf_status(out);
	case DB_EVENT_STATEMENT:
		break;
	}
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	r = db_stmt_get(st->db, e->id, &type, request, &container);
	if (r == ZTJ_OK) {
		ztj_buf_printf(out, "\"event\":\"statement\",\"type\":\"%s\"", ztj_stmt_type_name(type));
		r = with_container(ztj_buf_view(&container), out);
	}
	ztj_buf_free(&container);
	return r;
}

/* A kill goes to the host it names, and to nobody else. */
static bool kill_visible(struct store *st, const struct caller *c, const struct db_event *e)
{
	uint8_t request[ZTJ_DIGEST_LEN];
	enum ztj_stmt_type type;
	struct ztj_stmt *k = NULL;
	struct ztj_signed s;
	struct ztj_buf container;
	struct ztj_rd rd;
	bool named = false;
	ztj_buf_init(&container, PROTO_CONTAINER_MAX);
	if (c->kind == CALLER_HOST && db_stmt_get(st->db, e->id, &type, request, &container) == ZTJ_OK) {
		ztj_rd_init(&rd, ztj_buf_view(&container));
		named = ztj_signed_read(&rd, &s) == ZTJ_OK &&
		    ztj_stmt_parse(s.bytes, ZTJ_STMT_KILL, st->conf->domain, &k) == ZTJ_OK &&
		    strcmp(k->u.kill.host, c->who) == 0;
	}
	ztj_stmt_free(k);
	ztj_buf_free(&container);
	return named;
}

bool line_visible(struct store *st, const struct caller *c, const struct db_event *e, int64_t now)
{
	const struct ztj_bundle *b;
	if (e->kind != DB_EVENT_STATEMENT)
		return true;
	/* Every host holds every revocation, in the broker's order. */
	if (e->type == ZTJ_STMT_REVOCATION && (c->kind == CALLER_HOST || !e->has_request))
		return true;
	if (e->type == ZTJ_STMT_KILL)
		return kill_visible(st, c, e);
	return e->has_request && bundles_get(st, e->request, &b) == ZTJ_OK &&
	    request_visible(st, c, b, now) == ZTJ_OK;
}
