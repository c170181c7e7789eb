/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Records as the scribe holds them, and a running session with its recorder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/scribe.h"

#define LIVE_TEXT_MAX ((size_t)ZTJ_CHUNK_TEXT_MAX)
#define HEAD_MAX (64u * 1024u)

/* ---- the list ---- */

struct ztj_recording *ztj_recording_new(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN])
{
	struct ztj_recording *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->live = calloc(1, sizeof(*r->live));
	if (r->live == NULL) {
		free(r);
		return NULL;
	}
	r->s = s;
	r->tag = ++s->tag;
	memcpy(r->session, session, ZTJ_REC_SESSION_LEN);
	ztj_buf_init(&r->ship.head, HEAD_MAX);
	r->live->file = (struct ztj_recfile){ .rec = -1, .pos = -1 };
	r->live->pidfd = -1;
	r->live->began = r->ship.headed_at = s->env.now();
	ztj_buf_init(&r->live->text, LIVE_TEXT_MAX);
	r->next = s->records;
	s->records = r;
	s->nopen++;
	return r;
}

void ztj_live_free(struct ztj_recording *r)
{
	struct ztj_live *l = r->live;

	if (l == NULL)
		return;
	r->live = NULL;
	r->s->nopen--;
	r->s->nwaiting++;
	if (r->s->glass == r->tag)
		r->s->glass = 0;
	ztj_recfile_close(&l->file);
	if (l->death != NULL)
		event_free(l->death);
	if (l->judge != NULL)
		event_free(l->judge);
	if (l->pidfd >= 0)
		(void)close(l->pidfd);
	ztj_seal_put(r->s, l->seal);
	ztj_buf_free(&l->text);
	free(l);
}

void ztj_recording_free(struct ztj_recording *r)
{
	struct ztj_recording **at;

	ztj_live_free(r);
	for (at = &r->s->records; *at != NULL && *at != r; at = &(*at)->next)
		;
	if (*at == r) {
		*at = r->next;
		r->s->nwaiting--;
	}
	r->s->used -= r->cost;
	ztj_ship_free(&r->ship);
	free(r);
}

struct ztj_recording *ztj_recording_find(struct ztj_scribe *s, const uint8_t session[ZTJ_REC_SESSION_LEN])
{
	struct ztj_recording *r = s->records;

	while (r != NULL && memcmp(r->session, session, ZTJ_REC_SESSION_LEN) != 0)
		r = r->next;
	return r;
}

struct ztj_recording *ztj_recording_tagged(struct ztj_scribe *s, uint32_t tag)
{
	struct ztj_recording *r = s->records;

	while (r != NULL && r->tag != tag)
		r = r->next;
	return r;
}

void ztj_recording_name(const struct ztj_recording *r, char out[ZTJ_HEX_SIZE])
{
	ztj_hex(r->session, ZTJ_REC_SESSION_LEN, out);
}

/* ---- whom records are sealed to ---- */

int ztj_seal_get(struct ztj_scribe *s, const struct ztj_view *ders, size_t n, struct ztj_seal **out)
{
	uint8_t digest[ZTJ_DIGEST_LEN];
	struct ztj_seal *seal;
	struct ztj_buf all;
	size_t which;
	int e;

	*out = NULL;
	if (n == 0)
		return ZTJ_OK;
	ztj_buf_init(&all, ZTJ_IPC_MAX);
	for (size_t i = 0; i < n; i++)
		(void)ztj_buf_put_view(&all, ders[i]);
	e = ztj_buf_status(&all);
	if (e == ZTJ_OK)
		e = ztj_sha256(ztj_buf_view(&all), digest);
	ztj_buf_free(&all);
	if (e != ZTJ_OK)
		return e;
	for (seal = s->seals; seal != NULL; seal = seal->next)
		if (memcmp(seal->digest, digest, sizeof(digest)) == 0) {
			seal->users++;
			*out = seal;
			return ZTJ_OK;
		}
	seal = calloc(1, sizeof(*seal));
	e = seal == NULL ? ZTJ_NOMEM : ztj_sealto_new(ders, n, &seal->to, &which);
	if (e != ZTJ_OK) {
		free(seal);
		return e;
	}
	memcpy(seal->digest, digest, sizeof(digest));
	seal->users = 1;
	seal->next = s->seals;
	*out = s->seals = seal;
	return ZTJ_OK;
}

void ztj_seal_put(struct ztj_scribe *s, struct ztj_seal *seal)
{
	struct ztj_seal **at;

	if (seal == NULL || --seal->users > 0)
		return;
	for (at = &s->seals; *at != seal; at = &(*at)->next)
		;
	*at = seal->next;
	ztj_sealto_free(seal->to);
	free(seal);
}

/* ---- beginning ---- */

static int header(struct ztj_recording *r, const struct ztj_hello *h, const struct ztj_rec_is *is,
    const char *command)
{
	char grant[ZTJ_HEX_SIZE], name[ZTJ_HEX_SIZE];
	struct ztj_cast_header head = { .width = h->columns,
		.height = h->rows,
		.timestamp = r->s->env.clock(),
		.term = h->term,
		.shell = r->s->conf->shell,
		.command = command,
		.session = name,
		.host = r->s->conf->fullname,
		.person = is->person,
		.account = is->account,
		.service = is->service,
		.role = is->role,
		.grant = grant,
		.peer = is->peer,
		.tty = h->terminal != 0,
		.input = (is->flags & ZTJ_REC_FLAG_INPUT) != 0 };

	ztj_recording_name(r, name);
	ztj_hex(is->grant, ZTJ_DIGEST_LEN, grant);
	return ztj_cast_header_put(&head, &r->live->text);
}

static int seal_of(struct ztj_recording *r, struct ztj_view certs)
{
	struct ztj_view der[16];
	struct ztj_rd rd;
	size_t n;
	int e;

	ztj_rd_init(&rd, certs);
	e = ztj_certs_read(&rd, der, 16, &n);
	return e == ZTJ_OK ? ztj_seal_get(r->s, der, n, &r->live->seal) : e;
}

/* Its files, the header as first chunk, and last what the session is: without that nothing was begun. */
static int on_disk(struct ztj_recording *r, const struct ztj_rconn *c, const struct ztj_rec_is *is)
{
	bool adopted = ztj_room_adopt(r);
	char name[ZTJ_HEX_SIZE];
	const char *command = ztj_buf_str(&c->hello->command);
	int e = command == NULL ? ZTJ_NOMEM : ZTJ_OK;

	ztj_recording_name(r, name);
	if (e == ZTJ_OK && adopted) {
		/* Blocks for what stands beside the record. */
		(void)unlinkat(r->s->dir, ZTJ_SPARE, 0);
		e = ztj_recfile_adopt(r->s->dir, ZTJ_RESERVE,
		    (uint64_t)r->s->conf->record_reserve * 1024 * 1024, name, &r->live->file);
	} else if (e == ZTJ_OK) {
		e = ztj_recfile_create(r->s->dir, name, &r->live->file);
	}
	if (e == ZTJ_OK)
		e = header(r, c->hello, is, command);
	if (e == ZTJ_OK)
		e = ztj_recording_flush(r);
	if (e == ZTJ_OK)
		e = ztj_recording_sync(r);
	if (e == ZTJ_OK)
		e = ztj_meta_write(r, c->hello, is);
	return e;
}

static void undo(struct ztj_recording *r)
{
	char name[ZTJ_HEX_SIZE];

	ztj_recording_name(r, name);
	ztj_recfile_remove(r->s->dir, name);
	ztj_recfile_close(&r->live->file);
}

struct ztj_recording *ztj_recording_begin(struct ztj_rconn *c, const struct ztj_rec_is *is, int *e)
{
	struct ztj_recording *r = ztj_recording_new(c->s, c->hello->session);

	*e = ZTJ_NOMEM;
	if (r == NULL)
		return NULL;
	r->live->uid = c->uid;
	r->live->recorder = c->proc;
	r->live->flags = is->flags;
	r->live->tty = c->hello->terminal != 0;
	r->live->asked = true;
	*e = seal_of(r, is->certs);
	if (*e == ZTJ_OK)
		*e = on_disk(r, c, is);
	if (*e == ZTJ_OK)
		*e = ztj_recording_attach(r, c);
	if (*e != ZTJ_OK) {
		if (*e != ZTJ_EXISTS)
			undo(r);
		ztj_recording_free(r);
		return NULL;
	}
	return r;
}

/* ---- its recorder ---- */

/* What it said before it died may still be in the socket, and the gate's word on why in its pair: both are read before this. */
static void on_judge(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_recording *r = arg;

	(void)fd;
	(void)what;
	if (r->live->conn != NULL)
		ztj_rconn_read(r->live->conn);
	if (r->live == NULL)
		return;
	if (r->live->ended)
		ztj_recording_close(r, ZTJ_RECORD_CLOSED, "{\"signal\":9}");
	else
		ztj_recording_lose(r, 0, "the recorder was killed");
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = { 0, 0 };
	struct ztj_recording *r = arg;

	(void)fd;
	(void)what;
	(void)event_del(r->live->death);
	r->live->dead = true;
	if (evtimer_add(r->live->judge, &now) != 0)
		ztj_scribe_end(r->s, "events", ZTJ_NOMEM);
}

int ztj_recording_attach(struct ztj_recording *r, struct ztj_rconn *c)
{
	struct ztj_live *l = r->live;

	if (l->death != NULL)
		event_free(l->death);
	l->death = NULL;
	if (l->pidfd >= 0)
		(void)close(l->pidfd);
	l->pidfd = c->pidfd;
	c->pidfd = -1;
	l->death = event_new(r->s->base, l->pidfd, EV_READ | EV_PERSIST, on_death, r);
	if (l->judge == NULL)
		l->judge = evtimer_new(r->s->base, on_judge, r);
	if (l->death == NULL || l->judge == NULL || event_add(l->death, NULL) != 0)
		return ZTJ_NOMEM;
	l->conn = c;
	c->record = r;
	c->heard = r->s->env.now();
	ztj_scribe_due(r->s, c->heard + r->s->env.silent_ms);
	return ZTJ_OK;
}

void ztj_recording_detach(struct ztj_recording *r)
{
	struct ztj_live *l = r->live;

	l->conn = NULL;
	l->grace = r->s->env.now() + r->s->env.grace_ms;
	/* What it has sent is kept, and what it is going to send again left out. */
	ztj_scribe_due(r->s, l->grace);
}
