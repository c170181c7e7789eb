/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The relay of step-ups by `confirm`: a host's signed challenge to the person it names, the
 * person's signature back, and then the host's word what became of it. In memory only; a
 * challenge lives for a minute.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/decide.h"
#include "ztjit-broker/audit.h"

#define OPEN_MAX 4096u
#define PER_HOST 64
#define PER_PERSON 32
#define PER_PAIR 8 /* one host must not take all the places of a person */

struct stepup {
	bool used, answered;
	bool ended, taken; /* the host waits for it no longer; it used the answer */
	uint8_t id[ZTJ_DIGEST_LEN];
	char who[ZTJ_FULLNAME_SIZE], host[ZTJ_FULLNAME_SIZE];
	int64_t expires;
	struct ztj_buf container; /* with both signatures once answered */
};
struct stepups {
	struct stepup slot[OPEN_MAX];
};

int stepups_new(struct stepups **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

static void empty(struct stepup *s)
{
	ztj_buf_free(&s->container);
	memset(s, 0, sizeof(*s));
}

void stepups_free(struct stepups *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (s->slot[i].used)
			empty(&s->slot[i]);
	free(s);
}

void stepups_sweep(struct stepups *s, int64_t now)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (s->slot[i].used && s->slot[i].expires <= now)
			empty(&s->slot[i]);
}

/* A free place, unless this host or person has too many; those that ended count, or a host could go on asking somebody for
 * ever. *known: it is there already. */
static int claim(struct stepups *s, const struct ztj_stmt *ch, struct stepup **out, bool *known)
{
	struct stepup *place = NULL;
	unsigned host = 0, person = 0, pair = 0;
	*out = NULL;
	*known = false;
	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct stepup *at = &s->slot[i];
		if (!at->used) {
			place = at;
			continue;
		}
		if (memcmp(at->id, ch->id, ZTJ_DIGEST_LEN) == 0) {
			*known = true;
			return ZTJ_OK;
		}
		bool same_host = strcmp(at->host, ch->u.stepup.host) == 0;
		bool same_person = strcmp(at->who, ch->u.stepup.who) == 0;
		host += same_host;
		person += same_person;
		pair += same_host && same_person;
	}
	if (place == NULL || host >= PER_HOST || person >= PER_PERSON || pair >= PER_PAIR)
		return ZTJ_RATE_LIMITED;
	*out = place;
	return ZTJ_OK;
}

static int challenge_checks(const struct ztj_stmt *ch, const struct caller *c, int64_t now)
{
	if (ch->nsigners != 1 || !ztj_key_equal(&ch->signer[0].key, &c->record->machine))
		return ZTJ_SIGNER;
	if (strcmp(ch->u.stepup.host, c->who) != 0)
		return ZTJ_WRONG_HOST;
	if (ch->u.stepup.expires <= now)
		return ZTJ_STEPUP_TIMEOUT;
	return st_skew(ch->issued, now);
}

static int take(struct store *st, const struct ask *a, const struct ztj_stmt *ch, bool *known)
{
	struct stepup *s;
	struct ztj_buf line;
	int r = claim(st->stepups, ch, &s, known);
	if (r != ZTJ_OK || *known)
		return r;
	ztj_buf_init(&s->container, PROTO_CONTAINER_MAX);
	ztj_buf_init(&line, PROTO_CONTAINER_MAX);
	r = ztj_buf_put(&s->container, a->container.p, a->container.n);
	if (r == ZTJ_OK)
		r = line_statement("challenge", a->container, &line);
	if (r == ZTJ_OK) {
		s->used = true;
		s->expires = ch->u.stepup.expires;
		memcpy(s->id, ch->id, sizeof(s->id));
		memcpy(s->who, ch->u.stepup.who, strnlen(ch->u.stepup.who, sizeof(s->who) - 1));
		memcpy(s->host, ch->u.stepup.host, strnlen(ch->u.stepup.host, sizeof(s->host) - 1));
		streams_line_to(st, CALLER_PERSON, s->who, ztj_buf_view(&line));
	} else {
		empty(s);
	}
	ztj_buf_free(&line);
	return r;
}

void do_stepup_put(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	struct ztj_stmt *ch = NULL;
	struct ztj_signed s;
	struct ztj_rd rd;
	bool known = false;
	char hex[ZTJ_HEX_SIZE];
	stepups_sweep(st->stepups, now);
	ztj_rd_init(&rd, a->container);
	int r = ztj_signed_read(&rd, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(&rd);
	if (r == ZTJ_OK)
		r = ztj_stmt_open(&s, ZTJ_STMT_STEPUP, st->conf->domain, &ch);
	if (r == ZTJ_OK)
		r = challenge_checks(ch, c, now);
	if (r == ZTJ_OK)
		r = take(st, a, ch, &known);
	if (r == ZTJ_OK && !known)
		say_stepup(st, a, ch, "asked");
	if (r == ZTJ_OK) {
		ztj_hex(ch->id, ZTJ_DIGEST_LEN, hex);
		st_answer(st, a->tag, known ? 200 : 201, json_pack("{s:s}", "id", hex));
	} else {
		st_refuse(st, a->tag, r, NULL, NULL);
	}
	ztj_stmt_free(ch);
}

static json_t *ended_json(const struct stepup *s)
{
	char hex[ZTJ_HEX_SIZE];
	ztj_hex(s->id, ZTJ_DIGEST_LEN, hex);
	return json_pack("{s:s, s:b}", "id", hex, "taken", s->taken);
}

void do_stepup_list(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	json_t *open = json_array(), *ended = json_array();
	for (size_t i = 0; open != NULL && ended != NULL && i < OPEN_MAX; i++) {
		const struct stepup *s = &st->stepups->slot[i];
		if (!s->used || s->expires <= now || strcmp(s->who, c->who) != 0)
			continue;
		if (s->ended)
			json_array_append_new(ended, ended_json(s));
		else if (!s->answered)
			json_array_append_new(open, st_container_json(ztj_buf_view(&s->container)));
	}
	st_answer(st, a->tag, 200, json_pack("{s:o, s:o}", "stepups", open, "ended", ended));
}

static struct stepup *find(struct stepups *s, const uint8_t *id, int64_t now)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (s->slot[i].used && s->slot[i].expires > now &&
		    memcmp(s->slot[i].id, id, ZTJ_DIGEST_LEN) == 0)
			return &s->slot[i];
	return NULL;
}

/* Joins the person's signature to the challenge, checks both, and sends it to the host. */
static int finish(struct store *st, struct stepup *s, const struct ask *a, const struct caller *c,
    int64_t now)
{
	struct ztj_signed both;
	struct ztj_stmt *answer = NULL;
	const struct ztj_record *person;
	struct ztj_buf joined, line;
	struct ztj_rd rd;
	ztj_buf_init(&joined, PROTO_CONTAINER_MAX);
	ztj_buf_init(&line, PROTO_CONTAINER_MAX);
	ztj_rd_init(&rd, ztj_buf_view(&s->container));
	int r = ztj_signed_read(&rd, &both);
	if (r == ZTJ_OK && both.nsigs != 1)
		r = ZTJ_STATE;
	if (r == ZTJ_OK) {
		both.sig[both.nsigs++] = a->sig;
		r = ztj_stmt_open(&both, ZTJ_STMT_STEPUP, st->conf->domain, &answer);
	}
	if (r == ZTJ_OK)
		r = ztj_trust_signer_is(st->trust, &answer->signer[1], answer->issued, c->who, false, now,
		    &person);
	if (r == ZTJ_OK)
		r = st_container(&both, &joined);
	if (r == ZTJ_OK)
		r = line_statement("stepup", ztj_buf_view(&joined), &line);
	if (r == ZTJ_OK) {
		ztj_buf_free(&s->container);
		s->container = joined;
		s->answered = true;
		say_stepup(st, a, answer, "answered");
		streams_line_to(st, CALLER_HOST, s->host, ztj_buf_view(&line));
	} else {
		ztj_buf_free(&joined);
	}
	ztj_buf_free(&line);
	ztj_stmt_free(answer);
	return r;
}

void do_stepup_answer(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	int r = ztj_unhex(ztj_view_str(a->id), id, sizeof(id));
	struct stepup *s = r == ZTJ_OK ? find(st->stepups, id, now) : NULL;
	if (s == NULL)
		r = ZTJ_NOT_FOUND;
	else if (strcmp(s->who, c->who) != 0)
		r = ZTJ_WRONG_PERSON;
	else if (s->answered)
		r = ZTJ_REPLAY;
	else if (s->ended)
		r = ZTJ_STEPUP_GONE;
	else
		r = finish(st, s, a, c, now);
	if (r == ZTJ_OK)
		st_answer(st, a->tag, 200, json_object());
	else
		st_refuse(st, a->tag, r, NULL, NULL);
}

void do_stepup_end(struct store *st, const struct ask *a, const struct caller *c, int64_t now)
{
	uint8_t id[ZTJ_DIGEST_LEN];
	int r = ztj_unhex(ztj_view_str(a->id), id, sizeof(id));
	struct stepup *s = r == ZTJ_OK ? find(st->stepups, id, now) : NULL;
	if (s == NULL)
		r = ZTJ_NOT_FOUND;
	else if (strcmp(s->host, c->who) != 0)
		r = ZTJ_WRONG_HOST;
	if (r != ZTJ_OK) {
		st_refuse(st, a->tag, r, NULL, NULL);
		return;
	}
	/* its first word counts: later it may no longer know */
	if (!s->ended) {
		s->ended = true;
		s->taken = a->taken;
		ztj_buf_free(&s->container);
	}
	st_answer(st, a->tag, 200, json_object());
}

int stepups_lines(struct store *st, const struct caller *c, int64_t now, struct ztj_buf *out)
{
	int r = ZTJ_OK;
	for (size_t i = 0; r == ZTJ_OK && i < OPEN_MAX; i++) {
		const struct stepup *s = &st->stepups->slot[i];
		if (!s->used || s->ended || s->expires <= now)
			continue;
		if (c->kind == CALLER_PERSON && !s->answered && strcmp(s->who, c->who) == 0)
			r = line_statement("challenge", ztj_buf_view(&s->container), out);
		else if (c->kind == CALLER_HOST && s->answered && strcmp(s->host, c->who) == 0)
			r = line_statement("stepup", ztj_buf_view(&s->container), out);
	}
	return r;
}
