/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/proto.h"

#include <string.h>

#include "libztjit/core/directory.h"

/* Which fields an op carries, in this order on the wire. */
enum {
	F_CONTAINER = 1,
	F_ID = 2,
	F_NAME = 4,
	F_NUMBER = 8,
	F_FILTER = 16,
	F_HOSTS = 32,
	F_KEY = 64,
	F_SIG = 128,
	F_LISTS = 256,
	F_TAKEN = 512,
	F_BYTES = 1024,
	F_WAIT = 2048,
	F_SESSION = 4096,
	F_FIND = 8192,
	F_PATH = 16384,
	F_THEN = 32768,
	F_TO = 65536
};
static const unsigned fields[OP_MAX] = {
	[OP_STATEMENT_PUT] = F_CONTAINER,
	[OP_STATEMENT_GET] = F_ID,
	[OP_REQUESTS] = F_FILTER,
	[OP_REQUEST_GET] = F_ID,
	[OP_DIRECTORY_GET] = F_NAME | F_NUMBER | F_THEN,
	[OP_DIRECTORY_PUT] = F_CONTAINER | F_NAME | F_NUMBER | F_LISTS,
	[OP_PENDING_PUT] = F_CONTAINER,
	[OP_PENDING_LIST] = F_HOSTS,
	[OP_PENDING_DELETE] = F_ID,
	[OP_CERTIFICATE] = F_ID | F_KEY,
	[OP_STREAM_OPEN] = F_NUMBER,
	[OP_STEPUP_PUT] = F_CONTAINER,
	[OP_STEPUP_ANSWER] = F_ID | F_SIG,
	[OP_SESSION_PUT] = F_SESSION,
	[OP_SESSION_CHUNKS] = F_ID | F_NUMBER | F_BYTES,
	[OP_SESSION_HEAD] = F_CONTAINER | F_ID,
	[OP_SESSIONS] = F_FIND,
	[OP_SESSION_GET] = F_ID,
	[OP_SESSION_RECORD] = F_ID | F_NUMBER | F_WAIT,
	[OP_VIEW_PUT] = F_CONTAINER,
	[OP_STANDING_PUT] = F_CONTAINER | F_BYTES,
	[OP_STANDING] = F_FIND,
	[OP_LOG_TILE] = F_PATH,
	[OP_DECISIONS_PUT] = F_BYTES,
	[OP_STEPUP_END] = F_ID | F_TAKEN,
	[OP_LOG_GROWTH] = F_NUMBER | F_TO,
};

int proto_list_write(const struct proto_list *l, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, l->n);
	ztj_buf_put(out, l->raw.p, l->raw.n);
	return ztj_buf_status(out);
}

int proto_list_read(struct ztj_rd *rd, uint32_t most, size_t max, struct proto_list *out)
{
	struct ztj_view v;
	memset(out, 0, sizeof(*out));
	int r = ztj_rd_u32(rd, &out->n);
	if (r != ZTJ_OK)
		return r;
	if (out->n > most)
		return ZTJ_TOO_LARGE;
	out->raw = rd->left;
	for (uint32_t i = 0; i < out->n; i++) {
		r = ztj_rd_string(rd, max, &v);
		if (r != ZTJ_OK)
			return r;
	}
	out->raw.n -= rd->left.n;
	return ZTJ_OK;
}

int proto_list_next(struct proto_list *l, size_t max, struct ztj_view *out)
{
	struct ztj_rd rd;
	*out = ztj_view_of(NULL, 0);
	if (l->n == 0)
		return ZTJ_NOT_FOUND;
	ztj_rd_init(&rd, l->raw);
	int r = ztj_rd_string(&rd, max, out);
	if (r != ZTJ_OK)
		return r;
	l->n--;
	l->raw = rd.left;
	return ZTJ_OK;
}

static void write_session(const struct ask_session *s, struct ztj_buf *out)
{
	ztj_buf_put_string(out, s->name, sizeof(s->name));
	ztj_buf_put_string(out, s->grant, sizeof(s->grant));
	ztj_buf_put_cstring(out, s->person);
	ztj_buf_put_cstring(out, s->account);
	ztj_buf_put_cstring(out, s->peer);
	ztj_buf_put_cstring(out, s->service);
	ztj_buf_put_cstring(out, s->role);
	ztj_buf_put_u8(out, (uint8_t)((s->has_command ? 1 : 0) | (s->tty ? 2 : 0)));
	ztj_buf_put_cstring(out, s->command);
	ztj_buf_put_u64(out, (uint64_t)s->started);
	ztj_buf_put_u64(out, (uint64_t)s->ends);
}

static void write_find(const struct ask *a, struct ztj_buf *out)
{
	ztj_buf_put_cstring(out, a->state);
	ztj_buf_put_cstring(out, a->find.user);
	ztj_buf_put_cstring(out, a->find.host);
	ztj_buf_put_cstring(out, a->find.role);
	ztj_buf_put_cstring(out, a->find.text);
	ztj_buf_put_u64(out, (uint64_t)a->find.since);
	ztj_buf_put_u64(out, (uint64_t)a->find.until);
	ztj_buf_put_u64(out, (uint64_t)a->find.n);
}

int ask_write(const struct ask *a, struct ztj_buf *out)
{
	if (a->op <= OP_NONE || a->op >= OP_MAX)
		return ZTJ_INTERNAL;
	unsigned f = fields[a->op];
	ztj_buf_put_u32(out, a->tag);
	ztj_buf_put_view(out, a->tls);
	ztj_buf_put_cstring(out, a->address);
	if (f & F_CONTAINER)
		ztj_buf_put_view(out, a->container);
	if (f & F_ID)
		ztj_buf_put_cstring(out, a->id);
	if (f & F_NAME)
		ztj_buf_put_cstring(out, a->name);
	if (f & F_NUMBER)
		ztj_buf_put_u64(out, (uint64_t)a->number);
	if (f & F_FILTER) {
		ztj_buf_put_cstring(out, a->state);
		ztj_buf_put_u8(out, (uint8_t)((a->mine ? 1 : 0) | (a->review ? 2 : 0)));
	}
	if (f & F_HOSTS)
		ztj_buf_put_u8(out, a->hosts ? 1 : 0);
	if (f & F_TAKEN)
		ztj_buf_put_u8(out, a->taken ? 1 : 0);
	if (f & F_THEN)
		ztj_buf_put_u8(out, a->then ? 1 : 0);
	if (f & F_KEY)
		ztj_buf_put_view(out, a->key);
	if (f & F_SIG)
		ztj_buf_put_view(out, a->sig);
	if (f & F_LISTS) {
		if (proto_list_write(&a->drop, out) != ZTJ_OK || proto_list_write(&a->put, out) != ZTJ_OK)
			return ztj_buf_status(out);
	}
	if (f & F_BYTES)
		ztj_buf_put_view(out, a->bytes);
	if (f & F_WAIT)
		ztj_buf_put_u8(out, (uint8_t)a->wait);
	if (f & F_SESSION)
		write_session(&a->session, out);
	if (f & F_FIND)
		write_find(a, out);
	if (f & F_PATH)
		ztj_buf_put_cstring(out, a->path);
	if (f & F_TO)
		ztj_buf_put_u64(out, (uint64_t)a->to);
	return ztj_buf_status(out);
}

static int read_flags(struct ztj_rd *rd, uint8_t most, uint8_t *out)
{
	int r = ztj_rd_u8(rd, out);
	return r == ZTJ_OK && *out > most ? ZTJ_BAD_ENCODING : r;
}

static int read_number(struct ztj_rd *rd, int64_t *out)
{
	uint64_t n;
	int r = ztj_rd_u64(rd, &n);
	if (r == ZTJ_OK && n > INT64_MAX)
		return ZTJ_LIMIT;
	*out = (int64_t)n;
	return r;
}

static int read_name(struct ztj_rd *rd, uint8_t out[ZTJ_DIGEST_LEN])
{
	struct ztj_view v;
	int r = ztj_rd_string(rd, ZTJ_DIGEST_LEN, &v);
	if (r == ZTJ_OK && v.n != ZTJ_DIGEST_LEN)
		return ZTJ_BAD_ENCODING;
	if (r == ZTJ_OK)
		memcpy(out, v.p, ZTJ_DIGEST_LEN);
	return r;
}

static int read_session(struct ztj_rd *rd, struct ask_session *s)
{
	uint8_t flags = 0;
	int r = read_name(rd, s->name);
	if (r == ZTJ_OK)
		r = read_name(rd, s->grant);
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->person, sizeof(s->person));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->account, sizeof(s->account));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->peer, sizeof(s->peer));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->service, sizeof(s->service));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->role, sizeof(s->role));
	if (r == ZTJ_OK)
		r = read_flags(rd, 3, &flags);
	s->has_command = flags & 1;
	s->tty = flags & 2;
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, s->command, sizeof(s->command));
	if (r == ZTJ_OK)
		r = read_number(rd, &s->started);
	return r == ZTJ_OK ? read_number(rd, &s->ends) : r;
}

static int read_find(struct ztj_rd *rd, struct ask *a)
{
	int r = ztj_rd_cstring(rd, a->state, sizeof(a->state));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, a->find.user, sizeof(a->find.user));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, a->find.host, sizeof(a->find.host));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, a->find.role, sizeof(a->find.role));
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(rd, a->find.text, sizeof(a->find.text));
	if (r == ZTJ_OK)
		r = read_number(rd, &a->find.since);
	if (r == ZTJ_OK)
		r = read_number(rd, &a->find.until);
	return r == ZTJ_OK ? read_number(rd, &a->find.n) : r;
}

/* What the calls about sessions have beside the common fields. */
static int read_more(struct ztj_rd *rd, unsigned f, struct ask *a)
{
	uint8_t wait = 0;
	int r = ZTJ_OK;
	if (f & F_BYTES)
		r = ztj_rd_string(rd, PROTO_CHUNKS_MAX, &a->bytes);
	if (r == ZTJ_OK && (f & F_WAIT)) {
		r = read_flags(rd, PROTO_WAIT_MAX, &wait);
		a->wait = wait;
	}
	if (r == ZTJ_OK && (f & F_SESSION))
		r = read_session(rd, &a->session);
	if (r == ZTJ_OK && (f & F_FIND))
		r = read_find(rd, a);
	if (r == ZTJ_OK && (f & F_PATH))
		r = ztj_rd_cstring(rd, a->path, sizeof(a->path));
	if (r == ZTJ_OK && (f & F_TO))
		r = read_number(rd, &a->to);
	return r;
}

/* The fields that not every op has. */
static int read_fields(struct ztj_rd *rd, unsigned f, struct ask *a)
{
	uint8_t flags = 0;
	int r = ZTJ_OK;
	if (f & F_CONTAINER)
		r = ztj_rd_string(rd, PROTO_CONTAINER_MAX, &a->container);
	if (r == ZTJ_OK && (f & F_ID))
		r = ztj_rd_cstring(rd, a->id, sizeof(a->id));
	if (r == ZTJ_OK && (f & F_NAME))
		r = ztj_rd_cstring(rd, a->name, sizeof(a->name));
	if (r == ZTJ_OK && (f & F_NUMBER))
		r = read_number(rd, &a->number);
	if (r == ZTJ_OK && (f & F_FILTER)) {
		r = ztj_rd_cstring(rd, a->state, sizeof(a->state));
		if (r == ZTJ_OK)
			r = read_flags(rd, 3, &flags);
		a->mine = flags & 1;
		a->review = flags & 2;
	}
	if (r == ZTJ_OK && (f & F_HOSTS)) {
		r = read_flags(rd, 1, &flags);
		a->hosts = flags & 1;
	}
	if (r == ZTJ_OK && (f & F_TAKEN)) {
		r = read_flags(rd, 1, &flags);
		a->taken = flags & 1;
	}
	if (r == ZTJ_OK && (f & F_THEN)) {
		r = read_flags(rd, 1, &flags);
		a->then = flags & 1;
	}
	if (r == ZTJ_OK && (f & F_KEY))
		r = ztj_rd_string(rd, ZTJ_KEY_TEXT_SIZE, &a->key);
	if (r == ZTJ_OK && (f & F_SIG))
		r = ztj_rd_string(rd, ZTJ_SSHSIG_MAX, &a->sig);
	if (r == ZTJ_OK && (f & F_LISTS))
		r = proto_list_read(rd, ZTJ_DIR_RECORDS_MAX, ZTJ_HOSTNAME_SIZE, &a->drop);
	if (r == ZTJ_OK && (f & F_LISTS))
		r = proto_list_read(rd, ZTJ_DIR_RECORDS_MAX, ZTJ_RECORD_MAX, &a->put);
	return r;
}

int ask_read(uint8_t type, struct ztj_view body, struct ask *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	if (type <= OP_NONE || type >= OP_MAX)
		return ZTJ_PROTOCOL;
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, PROTO_TLS_LEN, &out->tls);
	if (r == ZTJ_OK && out->tls.n != 0 && out->tls.n != PROTO_TLS_LEN)
		r = ZTJ_BAD_KEY;
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, out->address, sizeof(out->address));
	if (r == ZTJ_OK)
		r = read_fields(&rd, fields[type], out);
	if (r == ZTJ_OK)
		r = read_more(&rd, fields[type], out);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r != ZTJ_OK) {
		memset(out, 0, sizeof(*out));
		return r;
	}
	out->op = (enum op)type;
	return ZTJ_OK;
}

int reply_write(const struct reply *r, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, r->tag);
	ztj_buf_put_u32(out, r->status);
	ztj_buf_put_view(out, r->body);
	return ztj_buf_status(out);
}

int reply_read(struct ztj_view body, struct reply *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = ztj_rd_u32(&rd, &out->status);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, PROTO_BODY_MAX, &out->body);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK && (out->status < 200 || out->status > 599))
		r = ZTJ_PROTOCOL;
	return r;
}

/* What became of it: ZTJ_OK or an error, as a number without a sign. */
static int read_code(struct ztj_rd *rd, int *out)
{
	uint32_t code;
	int r = ztj_rd_u32(rd, &code);

	if (r == ZTJ_OK && code > 1000)
		r = ZTJ_PROTOCOL;
	if (r == ZTJ_OK)
		*out = -(int)code;
	return r;
}

int certified_write(const struct certified *c, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, c->tag);
	ztj_buf_put_u32(out, (uint32_t)-c->code);
	ztj_buf_put_u64(out, c->serial);
	ztj_buf_put_u64(out, (uint64_t)c->ends);
	ztj_buf_put_view(out, c->cert);
	ztj_buf_put_view(out, c->text);
	return ztj_buf_status(out);
}

int certified_read(struct ztj_view body, struct certified *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = read_code(&rd, &out->code);
	if (r == ZTJ_OK)
		r = ztj_rd_u64(&rd, &out->serial);
	if (r == ZTJ_OK)
		r = read_number(&rd, &out->ends);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, 96u * 1024, &out->cert);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, 4096, &out->text);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}

int joined_write(const struct joined *j, struct ztj_buf *out)
{
	ztj_buf_put_u32(out, j->tag);
	ztj_buf_put_u32(out, (uint32_t)-j->code);
	ztj_buf_put_cstring(out, j->name);
	ztj_buf_put_u64(out, (uint64_t)j->base);
	ztj_buf_put_view(out, j->container);
	ztj_buf_put_view(out, j->record);
	return ztj_buf_status(out);
}

int joined_read(struct ztj_view body, struct joined *out)
{
	struct ztj_rd rd;
	memset(out, 0, sizeof(*out));
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &out->tag);
	if (r == ZTJ_OK)
		r = read_code(&rd, &out->code);
	if (r == ZTJ_OK)
		r = ztj_rd_cstring(&rd, out->name, sizeof(out->name));
	if (r == ZTJ_OK)
		r = read_number(&rd, &out->base);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, 2 * ZTJ_STMT_MAX, &out->container);
	if (r == ZTJ_OK)
		r = ztj_rd_string(&rd, ZTJ_RECORD_MAX, &out->record);
	return r == ZTJ_OK ? ztj_rd_end(&rd) : r;
}
