/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The way of records to the broker through the mirror: a few at a time, each in its turn. Where the broker stands
 * it says itself; what it has is read back and checked before more follows.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

#define MIRROR_MS 10000
#define BODY_MAX (200u * 1024u)
#define BACKOFF_MAX 300000
#define OUTAGE_MAX 30000

void ztj_ship_free(struct ztj_shipping *sh)
{
	ztj_buf_free(&sh->head);
}

/* ---- to the mirror ---- */

static bool send_ship(struct ztj_recording *r, enum ztj_ship what, uint32_t n, struct ztj_view body, int fd)
{
	struct ztj_scribe *s = r->s;
	struct ztj_buf b;
	int e;

	ztj_buf_init(&b, ZTJ_IPC_MAX);
	e = ztj_ipc_begin(&b, ZTJ_REC_SHIP);
	(void)ztj_buf_put_u32(&b, r->tag);
	(void)ztj_buf_put_u8(&b, (uint8_t)what);
	(void)ztj_buf_put_cstring(&b, r->ship.id);
	(void)ztj_buf_put_u64(&b, what == ZTJ_SHIP_CHUNKS ? r->ship.at.bytes : 0);
	(void)ztj_buf_put_u32(&b, n);
	(void)ztj_buf_put_view(&b, body);
	if (e == ZTJ_OK)
		e = ztj_ipc_finish(&b);
	if (e == ZTJ_OK)
		e = ztj_ipc_send(s->fds.mirror, ztj_buf_view(&b), fd, ztj_ipc_now_ms() + MIRROR_MS);
	ztj_buf_free(&b);
	if (e != ZTJ_OK) {
		ztj_scribe_end(s, "the mirror", e);
		return false;
	}
	r->ship.under_way = (uint8_t)what;
	s->ships++;
	s->turn = r->tag;
	return true;
}

static int ship_start(struct ztj_recording *r)
{
	char name[ZTJ_HEX_SIZE];
	struct ztj_buf b;
	int e;

	ztj_recording_name(r, name);
	ztj_buf_init(&b, BODY_MAX);
	e = ztj_meta_start(r->s, name, &b);
	if (e == ZTJ_OK)
		(void)send_ship(r, ZTJ_SHIP_START, (uint32_t)b.n, ztj_buf_view(&b), -1);
	ztj_buf_free(&b);
	return e;
}

static int ship_head(struct ztj_recording *r)
{
	struct ztj_view json = ztj_buf_view(&r->ship.head);

	r->ship.head_sent = r->ship.headed;
	r->ship.head_sent_state = r->ship.headed_state;
	(void)send_ship(r, ZTJ_SHIP_HEAD, (uint32_t)json.n, json, -1);
	return ZTJ_OK;
}

/* Up to where may be shipped now: what is on disk, and first what the waiting head speaks of. */
static uint64_t limit_of(const struct ztj_recording *r)
{
	return r->ship.head.n > 0 && r->ship.headed.bytes < r->synced.bytes ? r->ship.headed.bytes
									    : r->synced.bytes;
}

static void file_name(const struct ztj_recording *r, char out[ZTJ_HEX_SIZE + 8])
{
	char name[ZTJ_HEX_SIZE];

	ztj_recording_name(r, name);
	(void)snprintf(out, ZTJ_HEX_SIZE + 8, "%s.rec", name);
}

/* Reads from its own descriptor, so that it makes no difference whether the session still runs. */
static int walk(const struct ztj_recording *r, struct ztj_chain *chain, uint64_t upto, uint64_t most, int *fd)
{
	struct ztj_recfile f = { .rec = -1, .pos = -1 };
	char name[ZTJ_HEX_SIZE + 8];
	int e;

	file_name(r, name);
	*fd = openat(r->s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return ZTJ_IO;
	f.rec = *fd;
	e = ztj_recfile_walk(&f, chain, upto, most);
	if (e != ZTJ_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return e;
}

static int ship_chunks(struct ztj_recording *r)
{
	struct ztj_chain to = r->ship.at;
	int fd, e = walk(r, &to, limit_of(r), ZTJ_SHIP_BYTES, &fd);

	if (e != ZTJ_OK)
		return e;
	r->ship.sending = to;
	(void)send_ship(r, ZTJ_SHIP_CHUNKS, (uint32_t)(to.bytes - r->ship.at.bytes), ztj_view_of(NULL, 0),
	    fd);
	(void)close(fd);
	return ZTJ_OK;
}

/* What there is to ship of a record now; 0: nothing. */
static uint8_t next_of(const struct ztj_recording *r, int64_t now)
{
	const struct ztj_shipping *sh = &r->ship;

	if (sh->under_way != 0 || now < sh->not_before)
		return 0;
	if (sh->id[0] == '\0')
		return ZTJ_SHIP_START;
	if (sh->head.n > 0 && sh->at.bytes >= sh->headed.bytes)
		return ZTJ_SHIP_HEAD;
	return sh->at.bytes < limit_of(r) ? ZTJ_SHIP_CHUNKS : 0;
}

static void later(struct ztj_recording *r)
{
	struct ztj_shipping *sh = &r->ship;
	int64_t base = r->s->env.retry_ms;

	sh->backoff = sh->backoff == 0 ? base : sh->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : sh->backoff * 2;
	sh->not_before = r->s->env.now() + sh->backoff;
	ztj_scribe_due(r->s, sh->not_before);
}

/* What stands in the spool is not what was written there. */
static void tampered(struct ztj_recording *r, int e)
{
	char name[ZTJ_HEX_SIZE];

	ztj_recording_name(r, name);
	ztj_log(ZTJ_LOG_ALARM, "record %s is not as it was written (%s); it is set aside", name,
	    ztj_err_name(e));
	if (r->live != NULL)
		ztj_recording_lose(r, ZTJ_CHAIN, "the record was changed on this host");
	ztj_recfile_set_aside(r->s->dir, name);
	r->ship.done = true;
}

static void ship(struct ztj_recording *r, uint8_t what)
{
	int e = what == ZTJ_SHIP_START ? ship_start(r)
	    : what == ZTJ_SHIP_HEAD    ? ship_head(r)
				       : ship_chunks(r);

	if (e == ZTJ_OK)
		return;
	if (what == ZTJ_SHIP_HEAD || e == ZTJ_NOMEM || e == ZTJ_IO)
		later(r);
	else
		tampered(r, e);
}

/* ---- from the mirror ---- */

static bool id_ok(const char *id)
{
	if (strncmp(id, "S-", 2) != 0 || strlen(id) != 12)
		return false;
	return strspn(id + 2, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 10;
}

/* The broker says how much it has. It must be whole chunks of ours. */
static void stands_at(struct ztj_recording *r, uint64_t size)
{
	struct ztj_chain to = r->ship.at;
	struct ztj_place base;
	struct ztj_recfile f;
	char name[ZTJ_HEX_SIZE];
	int fd = -1, e = ZTJ_OK;

	ztj_recording_name(r, name);
	if (size < to.bytes || to.bytes < r->base) {
		memset(&to, 0, sizeof(to));
		if (r->base > 0 && ztj_recfile_open(r->s->dir, name, &f) == ZTJ_OK) {
			if (ztj_recfile_get(&f, ZTJ_SLOT_BASE, &base) == ZTJ_OK)
				to = base.chain;
			ztj_recfile_close(&f);
		}
	}
	if (size > r->synced.bytes || size < to.bytes)
		e = ZTJ_CHAIN;
	if (e == ZTJ_OK && size > to.bytes)
		e = walk(r, &to, size, 0, &fd);
	if (fd >= 0)
		(void)close(fd);
	if (e == ZTJ_OK) {
		r->ship.at = to;
		return;
	}
	if (!r->ship.alarmed && e != ZTJ_NOMEM)
		ztj_log(ZTJ_LOG_ALARM, "the broker holds %llu bytes of record %s that do not fit (%s)",
		    (unsigned long long)size, name, ztj_err_name(e));
	r->ship.alarmed = true;
	r->ship.id[0] = '\0';
	later(r);
}

static void answered(struct ztj_recording *r, uint8_t what, const json_t *o)
{
	struct ztj_shipping *sh = &r->ship;
	const char *id = json_string_value(json_object_get(o, "id"));
	const json_t *size = json_object_get(o, "size");
	bool good = json_is_integer(size) && json_integer_value(size) >= 0;

	if (!good || (what == ZTJ_SHIP_START && (id == NULL || !id_ok(id)))) {
		later(r);
		return;
	}
	sh->backoff = 0;
	if (what == ZTJ_SHIP_START) {
		(void)snprintf(sh->id, sizeof(sh->id), "%s", id);
		if (r->live != NULL)
			ztj_gate_named(r);
		stands_at(r, (uint64_t)json_integer_value(size));
	} else if (what == ZTJ_SHIP_CHUNKS && (uint64_t)json_integer_value(size) == sh->sending.bytes) {
		sh->at = sh->sending;
	} else if (what == ZTJ_SHIP_CHUNKS) {
		if ((uint64_t)json_integer_value(size) <= sh->at.bytes)
			later(r);
		stands_at(r, (uint64_t)json_integer_value(size));
	} else {
		sh->sure = sh->head_sent;
		if (sh->head_sent.chunks == sh->headed.chunks && sh->head_sent_state == sh->headed_state)
			ztj_buf_free(&sh->head);
		sh->done = r->live == NULL && sh->head_sent_state != ZTJ_RECORD_OPEN &&
		    sh->head_sent.bytes == r->chain.bytes;
	}
	if (r->unchecked && sh->at.bytes == r->chain.bytes) {
		r->unchecked = false;
		if (memcmp(sh->at.digest, r->chain.digest, ZTJ_DIGEST_LEN) != 0)
			tampered(r, ZTJ_CHAIN);
	}
}

static void refused(struct ztj_recording *r, uint8_t what, uint32_t status, const json_t *o)
{
	const json_t *size = json_object_get(o, "size");
	char name[ZTJ_HEX_SIZE];

	later(r);
	if (status == 404 && what != ZTJ_SHIP_START) {
		r->ship.id[0] = '\0'; /* it forgot; it is told anew */
		return;
	}
	if (status == 409 && what == ZTJ_SHIP_CHUNKS && json_is_integer(size) &&
	    json_integer_value(size) >= 0 && (uint64_t)json_integer_value(size) != r->ship.at.bytes) {
		/* It knew more than we thought: on at once. One that goes back is asked again later, or we would run in a circle. */
		if ((uint64_t)json_integer_value(size) > r->ship.at.bytes)
			r->ship.not_before = 0;
		stands_at(r, (uint64_t)json_integer_value(size));
		return;
	}
	if (r->ship.alarmed)
		return;
	r->ship.alarmed = status == 409;
	ztj_recording_name(r, name);
	ztj_log(status == 409 ? ZTJ_LOG_ALARM : ZTJ_LOG_WARN, "the broker does not take record %s: status %u",
	    name, (unsigned)status);
}

/* Nobody is there, or it has enough to do: all wait. */
static void outage(struct ztj_scribe *s)
{
	s->outage_ms = s->outage_ms == 0    ? s->env.retry_ms
	    : s->outage_ms * 2 > OUTAGE_MAX ? OUTAGE_MAX
					    : s->outage_ms * 2;
	s->outage = s->env.now() + s->outage_ms / 2 + (int64_t)arc4random_uniform((uint32_t)s->outage_ms);
}

static int on_shipped(struct ztj_scribe *s, struct ztj_view body)
{
	struct ztj_recording *r;
	struct ztj_view text;
	struct ztj_rd rd;
	uint32_t tag, status;
	uint8_t what;
	json_t *o;
	int e;

	ztj_rd_init(&rd, body);
	if ((e = ztj_rd_u32(&rd, &tag)) != ZTJ_OK || (e = ztj_rd_u32(&rd, &status)) != ZTJ_OK ||
	    (e = ztj_rd_string(&rd, 4096, &text)) != ZTJ_OK || (e = ztj_rd_end(&rd)) != ZTJ_OK)
		return e;
	if (s->ships > 0)
		s->ships--;
	ztj_scribe_due(s, s->env.now());
	r = ztj_recording_tagged(s, tag);
	if (r == NULL || r->ship.under_way == 0)
		return ZTJ_OK;
	what = r->ship.under_way;
	r->ship.under_way = 0;
	if (status < 200 || status >= 500 || status == 429 || status == 408) {
		outage(s);
		return ZTJ_OK;
	}
	s->outage_ms = 0;
	o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (status < 300)
		answered(r, what, o);
	else
		refused(r, what, status, o);
	json_decref(o);
	return ZTJ_OK;
}

static int on_link(struct ztj_scribe *s, struct ztj_view body)
{
	if (body.n != 1 || body.p[0] > 1)
		return ZTJ_PROTOCOL;
	s->link = body.p[0] != 0;
	s->outage = 0;
	ztj_scribe_due(s, s->env.now());
	return ZTJ_OK;
}

void ztj_ship_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_scribe *s = arg;
	int r = ZTJ_OK;

	(void)what;
	while (r == ZTJ_OK) {
		r = ztj_ipc_read(fd, &s->mirror_in, false);
		if (r == ZTJ_TIMEOUT)
			return;
		if (r == ZTJ_OK)
			r = s->mirror_in.type == ZTJ_REC_SHIPPED ? on_shipped(s, s->mirror_in.body)
			    : s->mirror_in.type == ZTJ_REC_LINK  ? on_link(s, s->mirror_in.body)
								 : ZTJ_PROTOCOL;
		ztj_ipc_in_reset(&s->mirror_in);
	}
	ztj_scribe_end(s, "the mirror", r);
}

/* ---- what is due ---- */

/* On disk before it leaves: what a power failure takes must not be with the broker. */
static void sync_due(struct ztj_recording *r, int64_t now)
{
	int e;

	if (r->live == NULL || r->synced.bytes == r->chain.bytes)
		return;
	if (now < r->synced_at + r->s->env.flush_ms) {
		ztj_scribe_due(r->s, r->synced_at + r->s->env.flush_ms);
		return;
	}
	r->synced_at = now;
	e = ztj_recording_sync(r);
	if (e != ZTJ_OK)
		ztj_recording_lose(r, e, ztj_err_text(e));
}

/* Whoever comes after the one that shipped last. */
static struct ztj_recording *in_turn(struct ztj_scribe *s, int64_t now)
{
	struct ztj_recording *best = NULL;

	for (struct ztj_recording *r = s->records; r != NULL; r = r->next) {
		if (r->ship.done || next_of(r, now) == 0)
			continue;
		if (best == NULL || r->tag - s->turn - 1 < best->tag - s->turn - 1)
			best = r;
	}
	return best;
}

static bool over(const struct ztj_recording *r)
{
	/* The gate does not know it any more, so no head will ever say that it is whole; the broker has what there is. */
	return r->live == NULL && r->ship.under_way == 0 &&
	    (r->ship.done || (r->ship.disowned && r->ship.at.bytes == r->chain.bytes));
}

static void sweep(struct ztj_scribe *s)
{
	struct ztj_recording *next;

	for (struct ztj_recording *r = s->records; r != NULL; r = next) {
		char name[ZTJ_HEX_SIZE];
		next = r->next;
		if (!over(r))
			continue;
		ztj_recording_name(r, name);
		ztj_recfile_remove(s->dir, name);
		ztj_recording_free(r);
	}
}

void ztj_ship_review(struct ztj_scribe *s, int64_t now)
{
	struct ztj_recording *r;

	for (r = s->records; r != NULL; r = r->next) {
		ztj_head_review(r, now);
		if (s->link)
			sync_due(r, now);
		if (r->ship.not_before > now)
			ztj_scribe_due(s, r->ship.not_before);
	}
	if (s->link && now < s->outage)
		ztj_scribe_due(s, s->outage);
	while (s->link && now >= s->outage && s->ships < ZTJ_SHIPS && (r = in_turn(s, now)) != NULL)
		ship(r, next_of(r, now));
	sweep(s);
}
