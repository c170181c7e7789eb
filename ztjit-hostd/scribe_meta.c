/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a session is, on disk: enough to go on after a restart and to tell the broker. Written once. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/scribe.h"

#define HEAD_MAX 8192
#define META_MAX (512u * 1024u)
#define COMMAND_SHOWN 4096 /* bytes the broker hears of; the record holds all */

void ztj_meta_free(struct ztj_meta *m)
{
	ztj_buf_free(&m->certs);
}

int ztj_certs_read(struct ztj_rd *rd, struct ztj_view *out, size_t max, size_t *n)
{
	uint32_t count;
	int r = ztj_rd_u32(rd, &count);

	*n = 0;
	if (r == ZTJ_OK && count > max)
		r = ZTJ_LIMIT;
	while (r == ZTJ_OK && *n < count) {
		r = ztj_rd_string(rd, ZTJ_IPC_MAX, &out[*n]);
		if (r == ZTJ_OK)
			(*n)++;
	}
	return r;
}

/* ---- writing ---- */

/* JSON wants UTF-8; other bytes are shown escaped. */
static json_t *text(const char *s, size_t n)
{
	struct ztj_buf b;
	json_t *o = NULL;
	const char *safe;

	if (ztj_utf8_ok(ztj_view_of(s, n)))
		return json_stringn_nocheck(s, n);
	ztj_buf_init(&b, 64 * (size_t)1024);
	if (ztj_text_escape(ztj_view_of(s, n), &b) == ZTJ_OK && (safe = ztj_buf_str(&b)) != NULL)
		o = json_string(safe);
	ztj_buf_free(&b);
	return o;
}

static json_t *time_or_null(int64_t t)
{
	char out[ZTJ_TIME_SIZE];

	return t > 0 && ztj_time_format(t, out) == ZTJ_OK ? json_string(out) : json_null();
}

static json_t *command_of(struct ztj_buf *command)
{
	const char *s = ztj_buf_str(command);
	size_t n = s == NULL ? 0 : strlen(s);

	if (n == 0)
		return json_null();
	if (n > COMMAND_SHOWN)
		for (n = COMMAND_SHOWN; n > COMMAND_SHOWN - 4 && ((uint8_t)s[n] & 0xc0) == 0x80; n--)
			;
	return text(s, n);
}

static json_t *post(const struct ztj_recording *r, const struct ztj_hello *h, const struct ztj_rec_is *is)
{
	char name[ZTJ_HEX_SIZE], grant[ZTJ_HEX_SIZE];
	json_t *o = json_object();
	struct ztj_buf command = h->command;
	int bad = 0;

	ztj_recording_name(r, name);
	ztj_hex(is->grant, ZTJ_DIGEST_LEN, grant);
	bad |= json_object_set_new(o, "session", json_string(name));
	bad |= json_object_set_new(o, "person", text(is->person, strlen(is->person)));
	bad |= json_object_set_new(o, "account", text(is->account, strlen(is->account)));
	bad |= json_object_set_new(o, "service", text(is->service, strlen(is->service)));
	bad |= json_object_set_new(o, "role", text(is->role, strlen(is->role)));
	bad |= json_object_set_new(o, "grant", json_string(grant));
	bad |= json_object_set_new(o, "peer", text(is->peer, strlen(is->peer)));
	bad |= json_object_set_new(o, "command", command_of(&command));
	bad |= json_object_set_new(o, "tty", json_boolean(h->terminal));
	bad |= json_object_set_new(o, "started", time_or_null(r->s->env.clock()));
	bad |= json_object_set_new(o, "ends", time_or_null(is->ends));
	if (bad != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *certs_text(struct ztj_view certs)
{
	struct ztj_buf b;
	json_t *o = NULL;
	const char *s;

	ztj_buf_init(&b, META_MAX);
	if (ztj_b64_encode(certs, &b) == ZTJ_OK && (s = ztj_buf_str(&b)) != NULL)
		o = json_string(s);
	ztj_buf_free(&b);
	return o;
}

static json_t *meta(const struct ztj_recording *r, const struct ztj_hello *h, const struct ztj_rec_is *is)
{
	const struct ztj_live *l = r->live;
	json_t *o = json_object();
	int bad = 0;

	bad |= json_object_set_new(o, "v", json_integer(1));
	bad |= json_object_set_new(o, "boot", json_string(r->s->env.bootid));
	bad |= json_object_set_new(o, "uid", json_integer(l->uid));
	bad |= json_object_set_new(o, "pid", json_integer(l->recorder.pid));
	bad |= json_object_set_new(o, "start", json_integer((json_int_t)l->recorder.start));
	bad |= json_object_set_new(o, "began", json_integer(l->began));
	bad |= json_object_set_new(o, "flags", json_integer(l->flags));
	bad |= json_object_set_new(o, "tty", json_boolean(l->tty));
	bad |= json_object_set_new(o, "certs", certs_text(is->certs));
	bad |= json_object_set_new(o, "post", post(r, h, is));
	if (bad != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void path_of(const struct ztj_scribe *s, const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/%s.meta", s->conf->records, name);
}

int ztj_meta_write(const struct ztj_recording *r, const struct ztj_hello *h, const struct ztj_rec_is *is)
{
	char path[512], name[ZTJ_HEX_SIZE];
	json_t *o = meta(r, h, is);
	char *s = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	int e = s == NULL ? ZTJ_NOMEM : ZTJ_OK;

	json_decref(o);
	ztj_recording_name(r, name);
	path_of(r->s, name, path, sizeof(path));
	if (e == ZTJ_OK && strlen(s) >= META_MAX)
		e = ZTJ_TOO_LARGE;
	if (e == ZTJ_OK)
		e = ztj_file_write(path, ztj_view_str(s), 0600);
	free(s);
	return e;
}

/* The last head of a closed record. */
int ztj_meta_head_write(struct ztj_scribe *s, const char *name, struct ztj_view json)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s.head", s->conf->records, name);
	return ztj_file_replace(path, json, 0600);
}

/* ---- reading ---- */

int ztj_meta_head_read(struct ztj_scribe *s, const char *name, struct ztj_buf *out)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	char path[512];
	json_t *o;
	int e;

	(void)snprintf(path, sizeof(path), "%s/%s.head", s->conf->records, name);
	e = ztj_file_read(path, &rule, HEAD_MAX, out);
	if (e != ZTJ_OK)
		return e;
	/* It was never synced: a power failure may have left something else. */
	o = json_loadb((const char *)out->p, out->n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o)) {
		ztj_buf_reset(out);
		e = ZTJ_BAD_JSON;
	}
	json_decref(o);
	return e;
}

static int load(struct ztj_scribe *s, const char *name, json_t **out)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	char path[512];
	struct ztj_buf b;
	int e;

	*out = NULL;
	path_of(s, name, path, sizeof(path));
	ztj_buf_init(&b, META_MAX);
	e = ztj_file_read(path, &rule, META_MAX - 1, &b);
	if (e == ZTJ_OK) {
		*out = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
		if (*out == NULL || json_integer_value(json_object_get(*out, "v")) != 1) {
			json_decref(*out);
			*out = NULL;
			e = ZTJ_BAD_JSON;
		}
	}
	ztj_buf_free(&b);
	return e;
}

static int number(const json_t *o, const char *name, int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(o, name);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0 && *out <= max ? ZTJ_OK : ZTJ_BAD_JSON;
}

static int certs(const json_t *o, struct ztj_buf *out)
{
	const char *s = json_string_value(json_object_get(o, "certs"));

	return s == NULL ? ZTJ_BAD_JSON : ztj_b64_decode(ztj_view_str(s), out);
}

int ztj_meta_read(struct ztj_scribe *s, const char *name, struct ztj_meta *out)
{
	int64_t uid, pid, start, flags;
	const char *boot;
	json_t *o;
	int e;

	memset(out, 0, sizeof(*out));
	ztj_buf_init(&out->certs, META_MAX);
	if ((e = load(s, name, &o)) != ZTJ_OK)
		return e;
	boot = json_string_value(json_object_get(o, "boot"));
	if (boot == NULL || strlen(boot) >= sizeof(out->bootid) ||
	    (e = number(o, "uid", UINT32_MAX, &uid)) != ZTJ_OK ||
	    (e = number(o, "pid", INT32_MAX, &pid)) != ZTJ_OK ||
	    (e = number(o, "start", INT64_MAX, &start)) != ZTJ_OK ||
	    (e = number(o, "began", INT64_MAX, &out->began)) != ZTJ_OK ||
	    (e = number(o, "flags", UINT8_MAX, &flags)) != ZTJ_OK || (e = certs(o, &out->certs)) != ZTJ_OK) {
		json_decref(o);
		ztj_meta_free(out);
		return e != ZTJ_OK ? e : ZTJ_BAD_JSON;
	}
	(void)snprintf(out->bootid, sizeof(out->bootid), "%s", boot);
	out->uid = (uid_t)uid;
	out->recorder = (struct ztj_procid){ (pid_t)pid, (uint64_t)start };
	out->flags = (uint8_t)flags;
	out->tty = json_is_true(json_object_get(o, "tty"));
	json_decref(o);
	return ZTJ_OK;
}

int ztj_meta_start(struct ztj_scribe *s, const char *name, struct ztj_buf *out)
{
	json_t *o;
	char *body;
	int e = load(s, name, &o);

	if (e != ZTJ_OK)
		return e;
	body = json_dumps(json_object_get(o, "post"), JSON_COMPACT);
	json_decref(o);
	if (body == NULL)
		return ZTJ_BAD_JSON;
	e = ztj_buf_puts(out, body);
	free(body);
	return e;
}
