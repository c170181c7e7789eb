/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "libztjit/core/event.h"

#include <string.h>

#include "libztjit/core/jsonin.h"
#include "libztjit/core/text.h"

#define ESCAPED_MAX ((size_t)32 * 1024)

/* --- writing; a failure anywhere shows at the end --- */

static bool set(json_t *obj, const char *name, json_t *v)
{
	return v != NULL && json_object_set_new(obj, name, v) == 0;
}

static json_t *escaped(const char *text)
{
	struct ztj_buf b;
	json_t *v = NULL;

	ztj_buf_init(&b, ESCAPED_MAX);
	if (ztj_text_escape(ztj_view_str(text), &b) == ZTJ_OK)
		v = json_stringn(b.n == 0 ? "" : (const char *)b.p, b.n);
	ztj_buf_free(&b);
	return v;
}

static bool put_text(json_t *obj, const char *name, const char *text)
{
	return text == NULL || text[0] == '\0' || set(obj, name, escaped(text));
}

static bool put_number(json_t *obj, const char *name, int64_t n)
{
	return n == 0 || (n > 0 && n <= ZTJ_JSON_INT_MAX && set(obj, name, json_integer(n)));
}

static bool put_time(json_t *obj, const char *name, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	return t == 0 || (ztj_time_format(t, text) == ZTJ_OK && set(obj, name, json_string(text)));
}

static bool put_digest(json_t *obj, const char *name, const uint8_t *d)
{
	char hex[ZTJ_HEX_SIZE];

	if (d == NULL)
		return true;
	ztj_hex(d, ZTJ_DIGEST_LEN, hex);
	return set(obj, name, json_string(hex));
}

static bool put_list(json_t *obj, const char *name, const struct ztj_event_list *l)
{
	json_t *list;

	if (l->n == 0)
		return true;
	list = json_array();
	for (size_t i = 0; list != NULL && i < l->n; i++)
		if (json_array_append_new(list, escaped(l->s[i])) != 0) {
			json_decref(list);
			return false;
		}
	return set(obj, name, list);
}

static bool put_head(json_t *obj, const struct ztj_event *e)
{
	char text[ZTJ_TIME_SIZE];

	return e->n < ZTJ_LOG_MAX && ztj_time_format(e->time, text) == ZTJ_OK &&
	    set(obj, "v", json_integer(1)) && set(obj, "n", json_integer((json_int_t)e->n)) &&
	    set(obj, "time", json_string(text)) && set(obj, "kind", json_string(e->kind)) &&
	    set(obj, "outcome", json_string(e->outcome)) &&
	    (e->code == ZTJ_OK || set(obj, "code", json_string(ztj_err_name(e->code))));
}

static bool put_subject(json_t *obj, const struct ztj_event *e)
{
	return put_text(obj, "type", e->type) && put_digest(obj, "statement", e->statement) &&
	    put_digest(obj, "request", e->request) && put_text(obj, "person", e->person) &&
	    put_text(obj, "by", e->by) && put_list(obj, "keys", &e->keys) && put_text(obj, "host", e->host) &&
	    put_list(obj, "hosts", &e->hosts) && put_text(obj, "role", e->role) &&
	    put_text(obj, "rule", e->rule) && put_text(obj, "service", e->service) &&
	    put_text(obj, "account", e->account) && put_text(obj, "address", e->address) &&
	    put_text(obj, "tty", e->tty) && put_text(obj, "key", e->key) &&
	    put_text(obj, "session", e->session) && put_list(obj, "sessions", &e->sessions) &&
	    put_text(obj, "name", e->name) && put_text(obj, "certificate", e->certificate) &&
	    put_text(obj, "action", e->action) && put_text(obj, "decision", e->decision);
}

/* That nothing is left is said, not left out. */
static bool put_left(json_t *obj, const struct ztj_event_standing *l)
{
	const struct {
		const char *name;
		int64_t n;
	} all[] = { { "standing", l == NULL ? 0 : l->standing }, { "accepted", l == NULL ? 0 : l->accepted },
		{ "expired", l == NULL ? 0 : l->expired }, { "missed", l == NULL ? 0 : l->missed } };

	for (size_t i = 0; l != NULL && i < sizeof all / sizeof all[0]; i++)
		if (all[i].n < 0 || all[i].n > ZTJ_JSON_INT_MAX ||
		    !set(obj, all[i].name, json_integer(all[i].n)))
			return false;
	return true;
}

static bool put_details(json_t *obj, const struct ztj_event *e)
{
	return put_digest(obj, "digest", e->digest) && put_number(obj, "duration", e->duration) &&
	    put_number(obj, "version", e->version) && put_number(obj, "serial", e->serial) &&
	    put_number(obj, "count", e->count) && put_number(obj, "chunks", e->chunks) &&
	    put_number(obj, "bytes", e->bytes) && put_left(obj, e->left) &&
	    put_time(obj, "starts", e->starts) && put_time(obj, "ends", e->ends) &&
	    put_time(obj, "until", e->until) && put_time(obj, "at", e->at) &&
	    put_text(obj, "reason", e->reason) && put_text(obj, "ticket", e->ticket) &&
	    put_text(obj, "command", e->command) && put_text(obj, "text", e->text) &&
	    put_text(obj, "line", e->line);
}

int ztj_event_write(const struct ztj_event *e, struct ztj_buf *out)
{
	json_t *obj = json_object();
	size_t before = out->n;
	int r;

	if (obj == NULL)
		return ZTJ_NOMEM;
	if (!put_head(obj, e) || !put_subject(obj, e) || !put_details(obj, e)) {
		json_decref(obj);
		return ZTJ_MEMBER_TYPE;
	}
	r = ztj_json_dump(obj, out);
	return r == ZTJ_OK && out->n - before > ZTJ_ENTRY_MAX ? ZTJ_TOO_LARGE : r;
}

/* --- reading --- */

static int need_int(json_t *obj, const char *name, int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(obj, name);

	return v == NULL ? ZTJ_MEMBER_MISSING : ztj_json_int(v, 0, max, out);
}

static int need_text(json_t *obj, const char *name, const char **out)
{
	const json_t *v = json_object_get(obj, name);

	return v == NULL ? ZTJ_MEMBER_MISSING : ztj_json_text(v, 1, ZTJ_NAME_SIZE - 1, out);
}

static int read_head(struct ztj_event_in *e)
{
	const char *time = NULL;
	int64_t n = 0;
	int r = need_int(e->obj, "v", ZTJ_JSON_INT_MAX, &n);

	if (r == ZTJ_OK && n != 1)
		r = ZTJ_VERSION;
	if (r == ZTJ_OK)
		r = need_int(e->obj, "n", (int64_t)ZTJ_LOG_MAX - 1, &n);
	e->n = (uint64_t)n;
	if (r == ZTJ_OK)
		r = need_text(e->obj, "time", &time);
	if (r == ZTJ_OK)
		r = ztj_time_parse(time, &e->time);
	if (r == ZTJ_OK)
		r = need_text(e->obj, "kind", &e->kind);
	return r == ZTJ_OK ? need_text(e->obj, "outcome", &e->outcome) : r;
}

int ztj_event_read(struct ztj_view leaf, struct ztj_event_in *out)
{
	int r;

	memset(out, 0, sizeof(*out));
	/* One line: what is exported line by line stays so, whoever wrote it. */
	for (size_t i = 0; i < leaf.n; i++)
		if (leaf.p[i] < 0x20)
			return ZTJ_BAD_TEXT;
	r = ztj_json_load(leaf, ZTJ_ENTRY_MAX, 0, &out->obj);
	if (r == ZTJ_OK)
		r = read_head(out);
	if (r != ZTJ_OK)
		ztj_event_free(out);
	return r;
}

void ztj_event_free(struct ztj_event_in *e)
{
	json_decref(e->obj);
	memset(e, 0, sizeof(*e));
}

const char *ztj_event_text(const struct ztj_event_in *e, const char *member)
{
	const char *text = json_string_value(json_object_get(e->obj, member));

	return text == NULL ? "" : text;
}

bool ztj_event_has_host(const struct ztj_event_in *e, const char *host)
{
	const json_t *list = json_object_get(e->obj, "hosts"), *v;
	size_t i;

	if (strcmp(ztj_event_text(e, "host"), host) == 0)
		return true;
	json_array_foreach(list, i,
	    v) if (json_is_string(v) && strcmp(json_string_value(v), host) == 0) return true;
	return false;
}
