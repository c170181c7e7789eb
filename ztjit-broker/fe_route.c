/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/fe_route.h"

#include <string.h>

#include "libztjit/core/grant.h"

#define ID_MAX 64
#define SEGMENT_SIZE 256

typedef int (*body_fn)(struct ztj_view json, struct ask *out, struct route_mem *mem);

/* A "*" stands for one segment: an id or a name; a "**" for all the rest. */
static const struct entry {
	enum http_method method;
	const char *pattern;
	enum op op;
	body_fn body; /* POST only */
} table[] = {
	{ HTTP_GET, "/healthz", OP_NONE, NULL },
	{ HTTP_GET, "/metrics", OP_METRICS, NULL },
	{ HTTP_GET, "/v1/broker", OP_BROKER, NULL },
	{ HTTP_GET, "/v1/policy", OP_POLICY, NULL },
	{ HTTP_POST, "/v1/statements", OP_STATEMENT_PUT, body_container },
	{ HTTP_GET, "/v1/statements/*", OP_STATEMENT_GET, NULL },
	{ HTTP_GET, "/v1/requests", OP_REQUESTS, NULL },
	{ HTTP_GET, "/v1/requests/*", OP_REQUEST_GET, NULL },
	{ HTTP_GET, "/v1/directories", OP_DIRECTORIES, NULL },
	{ HTTP_GET, "/v1/directories/*", OP_DIRECTORY_GET, NULL },
	{ HTTP_POST, "/v1/directories/*", OP_DIRECTORY_PUT, body_directory },
	{ HTTP_POST, "/v1/pending", OP_PENDING_PUT, body_container },
	{ HTTP_GET, "/v1/pending", OP_PENDING_LIST, NULL },
	{ HTTP_DELETE, "/v1/pending/*", OP_PENDING_DELETE, NULL },
	{ HTTP_POST, "/v1/certificates", OP_CERTIFICATE, body_certificate },
	{ HTTP_GET, "/v1/stream", OP_STREAM_OPEN, NULL },
	{ HTTP_POST, "/v1/stepups", OP_STEPUP_PUT, body_container },
	{ HTTP_GET, "/v1/stepups", OP_STEPUP_LIST, NULL },
	{ HTTP_POST, "/v1/stepups/*", OP_STEPUP_ANSWER, body_signature },
	{ HTTP_POST, "/v1/sessions", OP_SESSION_PUT, body_session },
	{ HTTP_GET, "/v1/sessions", OP_SESSIONS, NULL },
	{ HTTP_GET, "/v1/sessions/*", OP_SESSION_GET, NULL },
	{ HTTP_POST, "/v1/sessions/*/chunks", OP_SESSION_CHUNKS, body_chunks },
	{ HTTP_POST, "/v1/sessions/*/head", OP_SESSION_HEAD, body_container },
	{ HTTP_GET, "/v1/sessions/*/record", OP_SESSION_RECORD, NULL },
	{ HTTP_POST, "/v1/views", OP_VIEW_PUT, body_container },
	{ HTTP_POST, "/v1/standing", OP_STANDING_PUT, body_standing },
	{ HTTP_GET, "/v1/standing", OP_STANDING, NULL },
	{ HTTP_DELETE, "/v1/stepups/*", OP_STEPUP_END, NULL },
	{ HTTP_POST, "/v1/decisions", OP_DECISIONS_PUT, body_lines },
	{ HTTP_GET, "/v1/log/checkpoint", OP_LOG_CHECKPOINT, NULL },
	{ HTTP_GET, "/v1/log/growth", OP_LOG_GROWTH, NULL },
	{ HTTP_GET, "/v1/log/**", OP_LOG_TILE, NULL },
};

void route_mem_init(struct route_mem *m)
{
	ztj_buf_init(&m->text, BODY_MAX);
	ztj_buf_init(&m->container, PROTO_CONTAINER_MAX);
	ztj_buf_init(&m->drop, BODY_DIRECTORY_MAX);
	ztj_buf_init(&m->put, BODY_DIRECTORY_MAX);
	ztj_buf_init(&m->sig, ZTJ_SSHSIG_MAX);
}

void route_mem_free(struct route_mem *m)
{
	ztj_buf_free(&m->text);
	ztj_buf_free(&m->container);
	ztj_buf_free(&m->drop);
	ztj_buf_free(&m->put);
	ztj_buf_free(&m->sig);
}

/* Does the path match? segment gets what "*" stands for, "" for a pattern without one. */
static bool match(const char *pattern, const char *path, char segment[SEGMENT_SIZE])
{
	const char *star = strchr(pattern, '*');
	segment[0] = '\0';
	if (star == NULL)
		return strcmp(pattern, path) == 0;
	size_t before = (size_t)(star - pattern);
	if (strncmp(pattern, path, before) != 0)
		return false;
	bool rest = star[1] == '*';
	size_t n = rest ? strlen(path + before) : strcspn(path + before, "/");
	if (rest)
		star++;
	if (n == 0 || n >= SEGMENT_SIZE || strcmp(path + before + n, star + 1) != 0)
		return false;
	memcpy(segment, path + before, n);
	segment[n] = '\0';
	return true;
}

bool route_takes_lines(const char *path)
{
	return strcmp(path, "/v1/decisions") == 0;
}

bool route_takes_chunks(const char *path)
{
	char segment[SEGMENT_SIZE];
	return match("/v1/sessions/*/chunks", path, segment) || route_takes_lines(path);
}

bool route_takes_directory(const char *path)
{
	char segment[SEGMENT_SIZE];
	return match("/v1/directories/*", path, segment);
}

static bool op_of_session(enum op op)
{
	return op == OP_SESSION_GET || op == OP_SESSION_CHUNKS || op == OP_SESSION_HEAD ||
	    op == OP_SESSION_RECORD;
}

static int set_segment(enum op op, const char *segment, struct ask *out)
{
	size_t n = strlen(segment);
	if (op == OP_DIRECTORY_GET || op == OP_DIRECTORY_PUT) {
		if (n >= sizeof(out->name) || !ztj_name_ok(segment))
			return ZTJ_BAD_NAME;
		memcpy(out->name, segment, n + 1);
		return ZTJ_OK;
	}
	if (n == 0)
		return ZTJ_OK;
	if (op == OP_LOG_TILE) {
		struct ztj_tile t;
		if (n >= sizeof(out->path) ||
		    (strcmp(segment, "newest") != 0 && ztj_tile_parse(segment, &t) != ZTJ_OK))
			return ZTJ_NOT_FOUND;
		memcpy(out->path, segment, n + 1);
		return ZTJ_OK;
	}
	if (op_of_session(op)) {
		if (!ztj_session_id_ok(segment))
			return ZTJ_BAD_NAME;
		memcpy(out->id, segment, n + 1);
		return ZTJ_OK;
	}
	/* Exactly the two forms of an id, so that nothing else reaches the store. */
	uint8_t digest[ZTJ_DIGEST_LEN];
	char short_id[ZTJ_SHORT_ID_SIZE];
	if (n > ID_MAX ||
	    (ztj_unhex(ztj_view_str(segment), digest, sizeof(digest)) != ZTJ_OK &&
		ztj_short_id_parse(segment, short_id) != ZTJ_OK))
		return ZTJ_BAD_NAME;
	memcpy(out->id, segment, n + 1);
	return ZTJ_OK;
}

static int set_state(const char *value, struct ask *out)
{
	for (int s = ZTJ_GRANT_INVALID; s <= ZTJ_GRANT_REVOKED; s++) {
		const char *name = ztj_grant_state_name((enum ztj_grant_state)s);
		if (strcmp(name, value) != 0 || strlen(name) >= sizeof(out->state))
			continue;
		memcpy(out->state, name, strlen(name) + 1);
		return ZTJ_OK;
	}
	return ZTJ_MEMBER_TYPE;
}

/* Percent-decoding, for the one kind of value that may need it (RFC 3986 section 2.1). */
static int set_text(const char *value, char *out, size_t size)
{
	size_t n = 0;
	for (const char *p = value; *p != '\0'; p++) {
		uint8_t c = (uint8_t)*p;
		if (c == '%') {
			char hex[3] = { p[1], p[1] == '\0' ? '\0' : p[2], '\0' };
			for (size_t i = 0; i < 2; i++)
				if (hex[i] >= 'A' && hex[i] <= 'F')
					hex[i] = (char)(hex[i] - 'A' + 'a');
			if (ztj_unhex(ztj_view_str(hex), &c, 1) != ZTJ_OK || c == '\0')
				return ZTJ_BAD_ENCODING;
			p += 2;
		}
		if (n + 1 >= size)
			return ZTJ_TOO_LARGE;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return ztj_utf8_ok(ztj_view_of(out, n)) ? ZTJ_OK : ZTJ_BAD_TEXT;
}

static int set_record_state(const char *value, struct ask *out)
{
	if (strcmp(value, "open") != 0 && strcmp(value, "closed") != 0 && strcmp(value, "lost") != 0)
		return ZTJ_MEMBER_TYPE;
	memcpy(out->state, value, strlen(value) + 1);
	return ZTJ_OK;
}

static int set_find(const char *key, const char *value, struct ask *out)
{
	if (strcmp(key, "user") == 0)
		return set_text(value, out->find.user, sizeof(out->find.user));
	if (strcmp(key, "host") == 0)
		return set_text(value, out->find.host, sizeof(out->find.host));
	if (strcmp(key, "role") == 0)
		return set_text(value, out->find.role, sizeof(out->find.role));
	if (strcmp(key, "text") == 0)
		return set_text(value, out->find.text, sizeof(out->find.text));
	if (strcmp(key, "state") == 0)
		return set_record_state(value, out);
	if (strcmp(key, "since") == 0)
		return ztj_time_parse(value, &out->find.since);
	if (strcmp(key, "until") == 0)
		return ztj_time_parse(value, &out->find.until);
	if (strcmp(key, "n") == 0)
		return ztj_parse_int(value, 1, 500, &out->find.n) == ZTJ_OK ? ZTJ_OK : ZTJ_MEMBER_TYPE;
	return ZTJ_MEMBER_UNKNOWN;
}

static int set_standing(const char *key, const char *value, struct ask *out)
{
	if (strcmp(key, "host") == 0)
		return set_text(value, out->find.host, sizeof(out->find.host));
	if (strcmp(key, "after") == 0)
		return set_text(value, out->find.text, sizeof(out->find.text));
	if (strcmp(key, "days") == 0)
		return ztj_parse_int(value, 0, PROTO_DAYS_MAX, &out->find.n) == ZTJ_OK ? ZTJ_OK
										       : ZTJ_MEMBER_TYPE;
	return ZTJ_MEMBER_UNKNOWN;
}

static int set_growth(const char *key, const char *value, struct ask *out)
{
	int64_t *n = strcmp(key, "from") == 0 ? &out->number : strcmp(key, "to") == 0 ? &out->to : NULL;
	if (n == NULL)
		return ZTJ_MEMBER_UNKNOWN;
	return ztj_parse_int(value, 1, (int64_t)ZTJ_LOG_MAX, n) == ZTJ_OK ? ZTJ_OK : ZTJ_MEMBER_TYPE;
}

static int set_flag(const char *value, bool *flag)
{
	if (strcmp(value, "1") != 0)
		return ZTJ_MEMBER_TYPE;
	*flag = true;
	return ZTJ_OK;
}

/* One "key=value" of the query; each key belongs to one call. */
static int set_parameter(const char *key, const char *value, struct ask *out)
{
	bool since = out->op == OP_DIRECTORY_GET || out->op == OP_STREAM_OPEN;
	if (since && strcmp(key, "since") == 0)
		return ztj_parse_int(value, 0, INT64_MAX, &out->number);
	if (out->op == OP_DIRECTORY_GET && strcmp(key, "at") == 0) {
		out->then = true;
		return ztj_parse_int(value, 1, INT64_MAX, &out->number);
	}
	if (out->op == OP_REQUESTS && strcmp(key, "state") == 0)
		return set_state(value, out);
	if (out->op == OP_REQUESTS && strcmp(key, "mine") == 0)
		return set_flag(value, &out->mine);
	if (out->op == OP_REQUESTS && strcmp(key, "review") == 0)
		return set_flag(value, &out->review);
	if (out->op == OP_STEPUP_END && strcmp(key, "taken") == 0)
		return set_flag(value, &out->taken);
	if (out->op == OP_PENDING_LIST && strcmp(key, "kind") == 0) {
		out->hosts = strcmp(value, "host") == 0;
		return out->hosts || strcmp(value, "user") == 0 ? ZTJ_OK : ZTJ_MEMBER_TYPE;
	}
	if (out->op == OP_SESSIONS)
		return set_find(key, value, out);
	if (out->op == OP_STANDING)
		return set_standing(key, value, out);
	if (out->op == OP_SESSION_CHUNKS && strcmp(key, "offset") == 0)
		return ztj_parse_int(value, 0, INT64_MAX, &out->number);
	if (out->op == OP_SESSION_RECORD && strcmp(key, "from") == 0)
		return ztj_parse_int(value, 0, INT64_MAX, &out->number);
	if (out->op == OP_LOG_GROWTH)
		return set_growth(key, value, out);
	if (out->op == OP_SESSION_RECORD && strcmp(key, "wait") == 0)
		return ztj_parse_int(value, 0, PROTO_WAIT_MAX, &out->wait);
	return ZTJ_MEMBER_UNKNOWN;
}

/* Only values that people choose are decoded (set_text); elsewhere "%" and "+" are refused with everything else unknown. */
static int set_query(const char *query, struct ask *out)
{
	char pair[512];
	unsigned seen = 0;
	for (const char *p = query; p != NULL && *p != '\0';) {
		size_t n = strcspn(p, "&");
		if (n == 0 || n >= sizeof(pair) || ++seen > 8)
			return ZTJ_BAD_ENCODING;
		memcpy(pair, p, n);
		pair[n] = '\0';
		char *eq = strchr(pair, '=');
		if (eq == NULL)
			return ZTJ_BAD_ENCODING;
		*eq = '\0';
		int r = set_parameter(pair, eq + 1, out);
		if (r != ZTJ_OK)
			return r;
		p += n + (p[n] == '&' ? 1 : 0);
	}
	return ZTJ_OK;
}

static int fill(const struct entry *e, const char *segment, const struct http_in *in, struct ask *out,
    struct route_mem *mem)
{
	out->op = e->op;
	int r = set_segment(e->op, segment, out);
	if (r == ZTJ_OK)
		r = set_query(in->query, out);
	if (r != ZTJ_OK)
		return r;
	if (e->op == OP_LOG_GROWTH && (out->number == 0 || out->to == 0))
		return ZTJ_MEMBER_MISSING;
	if (e->body == NULL)
		return in->body.n == 0 ? ZTJ_OK : ZTJ_TRAILING;
	return e->body(in->body, out, mem);
}

int route(const struct http_in *in, struct ask *out, struct route_mem *mem)
{
	bool path_known = false;
	memset(out, 0, sizeof(*out));
	char segment[SEGMENT_SIZE];
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!match(table[i].pattern, in->path, segment))
			continue;
		path_known = true;
		if (table[i].method == in->method)
			return fill(&table[i], segment, in, out, mem);
	}
	return path_known ? ZTJ_STATE : ZTJ_NOT_FOUND;
}
