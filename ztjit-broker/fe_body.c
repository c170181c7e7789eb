/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* JSON bodies into binary, strictly: known members, each once, nothing after the object. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/directory.h"
#include "ztjit-broker/fe_route.h"

#define DEPTH_MAX 8

/* jansson recurses; the depth is looked at first. */
static int check_depth(struct ztj_view v)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (c == '"')
			quoted = true;
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > DEPTH_MAX)
			return ZTJ_BAD_JSON;
	}
	return ZTJ_OK;
}

static int load(struct ztj_view v, json_t **out)
{
	*out = NULL;
	int r = v.n == 0 ? ZTJ_BAD_JSON : check_depth(v);
	if (r != ZTJ_OK)
		return r;
	*out = json_loadb((const char *)v.p, v.n, JSON_REJECT_DUPLICATES, NULL);
	if (*out == NULL)
		return ZTJ_BAD_JSON;
	if (json_is_object(*out))
		return ZTJ_OK;
	json_decref(*out);
	*out = NULL;
	return ZTJ_BAD_JSON;
}

static int only_members(const json_t *o, size_t n)
{
	return json_object_size(o) == n ? ZTJ_OK : ZTJ_MEMBER_UNKNOWN;
}

/* A string without NUL inside. */
static int get_text(const json_t *o, const char *key, struct ztj_view *out)
{
	const json_t *s = json_object_get(o, key);
	*out = ztj_view_of(NULL, 0);
	if (s == NULL)
		return ZTJ_MEMBER_MISSING;
	if (!json_is_string(s))
		return ZTJ_MEMBER_TYPE;
	/* Not out->p: the view of an empty text points nowhere. */
	const char *text = json_string_value(s);
	*out = ztj_view_of(text, json_string_length(s));
	return strlen(text) == out->n ? ZTJ_OK : ZTJ_BAD_TEXT;
}

static int copy_text(const json_t *o, const char *key, char *out, size_t size)
{
	struct ztj_view v;
	int r = get_text(o, key, &v);
	if (r != ZTJ_OK)
		return r;
	if (v.n >= size)
		return ZTJ_TOO_LARGE;
	if (v.n > 0)
		memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return ZTJ_OK;
}

static int container_of(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	struct ztj_signed s;
	int r = check_depth(json);
	if (r == ZTJ_OK)
		r = ztj_signed_from_json(json, &mem->text, &s);
	if (r == ZTJ_OK)
		r = ztj_signed_write(&s, &mem->container);
	if (r == ZTJ_OK)
		out->container = ztj_buf_view(&mem->container);
	return r;
}

int body_container(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	int r = container_of(json, out, mem);
	/* Only a policy may be larger than other statements; the store sees which it is. */
	if (r == ZTJ_OK && json.n > BODY_STATEMENT_MAX &&
	    (out->op != OP_STATEMENT_PUT || (mem->text.n > 0 && mem->text.p[0] == '{')))
		r = ZTJ_TOO_LARGE;
	return r;
}

int body_certificate(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	json_t *o;
	struct ztj_view key;
	int r = load(json, &o);
	if (r != ZTJ_OK)
		return r;
	r = only_members(o, 2);
	if (r == ZTJ_OK)
		r = copy_text(o, "request", out->id, sizeof(out->id));
	if (r == ZTJ_OK)
		r = get_text(o, "key", &key);
	if (r == ZTJ_OK && key.n >= ZTJ_KEY_TEXT_SIZE)
		r = ZTJ_TOO_LARGE;
	if (r == ZTJ_OK) {
		r = ztj_buf_put(&mem->text, key.p, key.n);
		out->key = ztj_buf_view(&mem->text);
	}
	json_decref(o);
	return r;
}

int body_signature(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	json_t *o;
	struct ztj_view text;
	int r = load(json, &o);
	if (r != ZTJ_OK)
		return r;
	r = only_members(o, 1);
	if (r == ZTJ_OK)
		r = get_text(o, "signature", &text);
	if (r == ZTJ_OK)
		r = ztj_sshsig_dearmor(text, &mem->sig);
	out->sig = ztj_buf_view(&mem->sig);
	json_decref(o);
	return r;
}

static int read_list(const json_t *o, const char *key, size_t max, struct ztj_buf *mem,
    struct proto_list *out)
{
	const json_t *array = json_object_get(o, key);
	if (array == NULL)
		return ZTJ_MEMBER_MISSING;
	if (!json_is_array(array))
		return ZTJ_MEMBER_TYPE;
	size_t n = json_array_size(array);
	if (n > ZTJ_DIR_RECORDS_MAX)
		return ZTJ_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		const json_t *s = json_array_get(array, i);
		if (!json_is_string(s))
			return ZTJ_MEMBER_TYPE;
		if (json_string_length(s) > max)
			return ZTJ_TOO_LARGE;
		int r = ztj_buf_put_string(mem, json_string_value(s), json_string_length(s));
		if (r != ZTJ_OK)
			return r;
	}
	out->n = (uint32_t)n;
	out->raw = ztj_buf_view(mem);
	return ZTJ_OK;
}

static int read_statement(const json_t *o, struct ask *out, struct route_mem *mem)
{
	const json_t *s = json_object_get(o, "statement");
	if (s == NULL)
		return ZTJ_MEMBER_MISSING;
	char *text = json_dumps(s, JSON_COMPACT);
	if (text == NULL)
		return ZTJ_MEMBER_TYPE;
	size_t n = strlen(text);
	int r = n > BODY_STATEMENT_MAX ? ZTJ_TOO_LARGE : container_of(ztj_view_of(text, n), out, mem);
	free(text);
	return r;
}

int body_directory(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	json_t *o;
	int r = load(json, &o);
	if (r != ZTJ_OK)
		return r;
	const json_t *base = json_object_get(o, "base");
	r = only_members(o, 4);
	if (r == ZTJ_OK)
		r = base == NULL ? ZTJ_MEMBER_MISSING : json_is_integer(base) ? ZTJ_OK : ZTJ_MEMBER_TYPE;
	if (r == ZTJ_OK) {
		out->number = json_integer_value(base);
		r = out->number < 0 ? ZTJ_MEMBER_TYPE : read_statement(o, out, mem);
	}
	if (r == ZTJ_OK)
		r = read_list(o, "drop", ZTJ_HOSTNAME_SIZE, &mem->drop, &out->drop);
	if (r == ZTJ_OK)
		r = read_list(o, "put", ZTJ_RECORD_MAX, &mem->put, &out->put);
	json_decref(o);
	return r;
}

/* A container with one member more. */
int body_standing(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	json_t *o;
	struct ztj_view report;
	int r = json.n > BODY_STATEMENT_MAX ? ZTJ_TOO_LARGE : load(json, &o);
	if (r != ZTJ_OK)
		return r;
	r = only_members(o, 3);
	if (r == ZTJ_OK)
		r = get_text(o, "report", &report);
	if (r == ZTJ_OK)
		r = ztj_b64_decode(report, &mem->put);
	if (r == ZTJ_OK && (mem->put.n == 0 || mem->put.n > BODY_REPORT_MAX))
		r = ZTJ_TOO_LARGE;
	(void)json_object_del(o, "report");
	char *text = r == ZTJ_OK ? json_dumps(o, JSON_COMPACT) : NULL;
	if (r == ZTJ_OK)
		r = text == NULL ? ZTJ_NOMEM : container_of(ztj_view_str(text), out, mem);
	out->bytes = ztj_buf_view(&mem->put);
	free(text);
	json_decref(o);
	return r;
}

/* Nothing is a question as well: how far is it held? */
int body_lines(struct ztj_view bytes, struct ask *out, struct route_mem *mem)
{
	(void)mem;
	out->bytes = bytes;
	return bytes.n > BODY_LINES_MAX ? ZTJ_TOO_LARGE : ZTJ_OK;
}

int body_chunks(struct ztj_view bytes, struct ask *out, struct route_mem *mem)
{
	(void)mem;
	out->bytes = bytes;
	return bytes.n == 0 ? ZTJ_TRUNCATED : bytes.n > PROTO_CHUNKS_MAX ? ZTJ_TOO_LARGE : ZTJ_OK;
}

static int copy_digest(const json_t *o, const char *key, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_view v;
	int r = get_text(o, key, &v);
	return r == ZTJ_OK ? ztj_unhex(v, out, ZTJ_DIGEST_LEN) : r;
}

static int copy_time(const json_t *o, const char *key, int64_t *out)
{
	char text[ZTJ_TIME_SIZE];
	int r = copy_text(o, key, text, sizeof(text));
	return r == ZTJ_OK ? ztj_time_parse(text, out) : r;
}

static int session_texts(const json_t *o, struct ask_session *s)
{
	const json_t *command = json_object_get(o, "command"), *tty = json_object_get(o, "tty");
	int r = copy_text(o, "person", s->person, sizeof(s->person));
	if (r == ZTJ_OK)
		r = copy_text(o, "account", s->account, sizeof(s->account));
	if (r == ZTJ_OK)
		r = copy_text(o, "peer", s->peer, sizeof(s->peer));
	if (r == ZTJ_OK)
		r = copy_text(o, "service", s->service, sizeof(s->service));
	if (r == ZTJ_OK)
		r = copy_text(o, "role", s->role, sizeof(s->role));
	if (r == ZTJ_OK && (command == NULL || tty == NULL))
		r = ZTJ_MEMBER_MISSING;
	if (r == ZTJ_OK && !json_is_boolean(tty))
		r = ZTJ_MEMBER_TYPE;
	s->tty = json_is_true(tty);
	s->has_command = command != NULL && !json_is_null(command);
	if (r == ZTJ_OK && s->has_command)
		r = copy_text(o, "command", s->command, sizeof(s->command));
	return r;
}

int body_session(struct ztj_view json, struct ask *out, struct route_mem *mem)
{
	struct ask_session *s = &out->session;
	json_t *o;
	(void)mem;
	int r = load(json, &o);
	if (r != ZTJ_OK)
		return r;
	r = only_members(o, 11);
	if (r == ZTJ_OK)
		r = copy_digest(o, "session", s->name);
	if (r == ZTJ_OK)
		r = copy_digest(o, "grant", s->grant);
	if (r == ZTJ_OK)
		r = session_texts(o, s);
	if (r == ZTJ_OK)
		r = copy_time(o, "started", &s->started);
	if (r == ZTJ_OK)
		r = copy_time(o, "ends", &s->ends);
	json_decref(o);
	return r;
}
