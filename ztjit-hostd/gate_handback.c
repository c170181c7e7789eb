/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A broker put back from a backup lacks revocations that hosts hold, and no status of it matches them (PROTOCOL section 1.4). They are
 * people's own statements, so it is given them back: what a snapshot of the stream did not bring, one at a time. It can do nothing with
 * them but take access away.
 */
#include <stdlib.h>
#include <string.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-hostd/gate.h"

#define MOST 512           /* that are given at a time; the rest after the next snapshot */
#define LACKING_SECONDS 20 /* a status may be older than what has just come, and up to */
#define SPREAD 32          /* more: one host is enough for all */
#define ASK_EVERY 300      /* seconds between snapshots that are asked for */
#define AGAIN 1            /* seconds */
#define TOO_MANY 429
#define TIMED_OUT 408

struct given {
	uint8_t id[ZTJ_DIGEST_LEN];
	uint8_t *json;
	size_t n;
};

struct ztj_handback {
	bool snapshot;      /* one is coming */
	struct ztj_buf had; /* ids of the revocations in it */
	bool busy;          /* one is on its way */
	struct event *later;
	bool more;    /* than MOST */
	size_t n, at; /* the next to be given */
	struct given item[MOST];
	int64_t
	    lacking; /* boot clock: when to ask for a snapshot, for statuses count less than is held; 0: they do not */
	int64_t asked; /* boot clock; 0: never */
};

static void drop(struct ztj_handback *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->item[i].json);
	h->n = h->at = 0;
	h->busy = h->more = false;
}

/* ---- what is lacking ---- */

void ztj_handback_heard(struct ztj_gate *g, const struct ztj_signed *s)
{
	struct ztj_handback *h = g->handback;
	uint8_t id[ZTJ_DIGEST_LEN];

	/* Without room for all that it brings nothing is known to be lacking. */
	if (h->snapshot &&
	    (ztj_stmt_id(s->bytes, id) != ZTJ_OK || ztj_buf_put(&h->had, id, sizeof(id)) != ZTJ_OK))
		h->snapshot = false;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, ZTJ_DIGEST_LEN);
}

static size_t distinct(struct ztj_buf *ids)
{
	size_t n = ids->n / ZTJ_DIGEST_LEN, kept = 0;

	if (n > 0)
		qsort(ids->p, n, ZTJ_DIGEST_LEN, by_id);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *id = ids->p + i * ZTJ_DIGEST_LEN;

		if (kept == 0 || by_id(ids->p + (kept - 1) * ZTJ_DIGEST_LEN, id) != 0)
			memmove(ids->p + kept++ * ZTJ_DIGEST_LEN, id, ZTJ_DIGEST_LEN);
	}
	ids->n = kept * ZTJ_DIGEST_LEN;
	return kept;
}

static bool brought(const struct ztj_handback *h, const uint8_t id[ZTJ_DIGEST_LEN])
{
	return h->had.n > 0 &&
	    bsearch(id, h->had.p, h->had.n / ZTJ_DIGEST_LEN, ZTJ_DIGEST_LEN, by_id) != NULL;
}

static int add(struct ztj_handback *h, const struct ztj_signed *s, const uint8_t id[ZTJ_DIGEST_LEN])
{
	struct given *to = &h->item[h->n];
	struct ztj_buf json;
	int r;

	ztj_buf_init(&json, 4 * (size_t)ZTJ_STMT_MAX);
	r = ztj_signed_to_json(s, &json);
	if (r == ZTJ_OK && (to->json = malloc(json.n)) == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK) {
		memcpy(to->json, json.p, json.n);
		to->n = json.n;
		memcpy(to->id, id, ZTJ_DIGEST_LEN);
		h->n++;
	}
	ztj_buf_free(&json);
	return r;
}

static int one(struct ztj_view container, void *arg)
{
	struct ztj_handback *h = arg;
	uint8_t id[ZTJ_DIGEST_LEN];
	struct ztj_signed s;
	struct ztj_rd rd;
	int r;

	ztj_rd_init(&rd, container);
	if ((r = ztj_signed_read(&rd, &s)) != ZTJ_OK || (r = ztj_stmt_id(s.bytes, id)) != ZTJ_OK)
		return r;
	if (brought(h, id))
		return ZTJ_OK;
	if (h->n == MOST) {
		h->more = true;
		return ZTJ_LIMIT;
	}
	return add(h, &s, id);
}

/* ---- giving ---- */

static void give(struct ztj_gate *g)
{
	struct ztj_handback *h = g->handback;
	const struct given *next;

	if (h->busy || h->at == h->n || !g->link_up)
		return;
	next = &h->item[h->at];
	h->busy = ztj_news_hand_back(g, next->id, ztj_view_of(next->json, next->n)) == ZTJ_OK;
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	give(arg);
}

void ztj_handback_snapshot(struct ztj_gate *g, bool begins)
{
	struct ztj_handback *h = g->handback;
	size_t held = ztj_trust_nrevocations(g->trust);
	bool whole = h->snapshot;
	int r = ZTJ_OK;

	h->snapshot = begins;
	if (begins) {
		drop(h);
		ztj_buf_free(&h->had);
		/* what is held and as much again: the mirror is not believed */
		ztj_buf_init(&h->had, (2 * held + 4096) * ZTJ_DIGEST_LEN);
		return;
	}
	if (whole && distinct(&h->had) < held)
		r = ztj_trustdir_revocations(g->dir, one, h);
	ztj_buf_free(&h->had);
	if (r != ZTJ_OK && r != ZTJ_LIMIT)
		ztj_log(ZTJ_LOG_ERROR, "the revocations cannot be read: %s", ztj_err_text(r));
	if (h->n == 0)
		return;
	ztj_log(ZTJ_LOG_NOTICE, "the broker lacks %zu%s revocations that are held here: it is given them",
	    h->n, h->more ? " and more" : "");
	give(g);
}

bool ztj_handback_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code)
{
	static const struct timeval again = { AGAIN, 0 };
	struct ztj_handback *h = g->handback;
	char hex[ZTJ_HEX_SIZE];

	if (!h->busy || memcmp(id, h->item[h->at].id, ZTJ_DIGEST_LEN) != 0)
		return false;
	h->busy = false;
	/* Nobody is there, or has no time. Should the timer fail, the next status says when to try again. */
	if (code != 0 && (code < 400 || code >= 500 || code == TOO_MANY || code == TIMED_OUT)) {
		(void)evtimer_add(h->later, &again);
		return true;
	}
	if (code != 0) {
		ztj_hex(id, ZTJ_DIGEST_LEN, hex);
		ztj_log(ZTJ_LOG_WARN, "the broker does not take revocation %s: status %u", hex,
		    (unsigned)code);
	}
	if (++h->at < h->n) {
		give(g);
		return true;
	}
	if (h->more)
		ztj_news_ask_again(g);
	drop(h);
	return true;
}

void ztj_handback_status(struct ztj_gate *g, const struct ztj_stmt *status)
{
	struct ztj_handback *h = g->handback;
	struct ztj_now now;
	uint8_t random = 0;

	give(g);
	if (status->u.status.revocations >= (int64_t)ztj_trust_nrevocations(g->trust)) {
		h->lacking = 0;
		return;
	}
	ztj_gate_now(g, &now);
	if (h->lacking == 0) {
		if (ztj_random(&random, sizeof(random)) != ZTJ_OK)
			random = 0; /* all hosts at once will do */
		h->lacking = now.boot + LACKING_SECONDS + random % SPREAD;
	}
	if (now.boot < h->lacking || h->n > 0 || (h->asked != 0 && now.boot - h->asked < ASK_EVERY))
		return;
	h->asked = now.boot;
	ztj_news_ask_again(g);
}

/* ---- life ---- */

int ztj_handback_open(struct ztj_gate *g)
{
	g->handback = calloc(1, sizeof(*g->handback));
	if (g->handback == NULL)
		return ZTJ_NOMEM;
	g->handback->later = evtimer_new(g->base, on_later, g);
	return g->handback->later == NULL ? ZTJ_NOMEM : ZTJ_OK;
}

void ztj_handback_close(struct ztj_gate *g)
{
	if (g->handback == NULL)
		return;
	drop(g->handback);
	ztj_buf_free(&g->handback->had);
	if (g->handback->later != NULL)
		event_free(g->handback->later);
	free(g->handback);
	g->handback = NULL;
}
