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
#define LACKING_SPREAD 32  /* more: one host is enough for all */
#define ASK_EVERY 300      /* seconds between snapshots that are asked for */
#define ASK_REFUSED 3600   /* the same, where the broker refused what it was given last */
#define WAIT_MOST 64       /* seconds before one that was not taken is tried again */
#define TOO_MANY 429
#define TIMED_OUT 408

struct given {
	uint8_t id[ZTJ_DIGEST_LEN];
	uint8_t *json; /* NULL: the broker has it meanwhile */
	size_t n;
};

struct ztj_handback {
	bool snapshot;      /* one is coming */
	struct ztj_buf had; /* ids of the revocations in it */
	int64_t read; /* boot clock: when the file, which may be large, was; again in env.spread seconds */
	bool owed;    /* the broker is not known to have all */
	/* one round: what a snapshot lacked */
	bool busy, more; /* one is on its way; there are more than MOST */
	size_t n, at;    /* the next to be given */
	struct given item[MOST];
	unsigned bad; /* were refused for good */
	bool refused; /* some of the last round were */
	bool again;   /* the timer is for another snapshot */
	/* of those that lack, in the order of the file: refused in the rounds before; left out in this one */
	size_t skip, skipped;
	struct event *later;
	unsigned wait; /* seconds; doubles */
	/* statuses that do not match */
	int64_t lacking; /* boot clock: when to ask for a snapshot; 0: they match */
	int64_t asked;   /* boot clock; 0: never */
};

static void drop(struct ztj_handback *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->item[i].json);
	h->n = h->at = h->skipped = 0;
	h->bad = h->wait = 0;
	h->busy = h->more = h->again = false;
	(void)evtimer_del(h->later);
}

static int64_t boot_now(struct ztj_gate *g)
{
	struct ztj_now now;

	ztj_gate_now(g, &now);
	return now.boot;
}

/* Hosts that lost one broker together must not come back together. */
static unsigned random_below(unsigned n)
{
	uint8_t random = 0;

	return n == 0 || ztj_random(&random, sizeof(random)) != ZTJ_OK ? 0 : random % n;
}

static void later(struct ztj_handback *h, unsigned seconds)
{
	const struct timeval tv = { seconds, 0 };

	/* Should the timer fail, the next snapshot brings it up again. */
	(void)evtimer_add(h->later, &tv);
}

static void ask_later(struct ztj_gate *g)
{
	g->handback->again = true;
	later(g->handback, g->env.spread);
}

/* ---- what is lacking ---- */

/* Another host was quicker. */
static void not_lacking(struct ztj_handback *h, const uint8_t id[ZTJ_DIGEST_LEN])
{
	for (size_t i = h->at + (h->busy ? 1 : 0); i < h->n; i++)
		if (h->item[i].json != NULL && memcmp(h->item[i].id, id, ZTJ_DIGEST_LEN) == 0) {
			free(h->item[i].json);
			h->item[i].json = NULL;
		}
}

void ztj_handback_heard(struct ztj_gate *g, const struct ztj_signed *s)
{
	struct ztj_handback *h = g->handback;
	uint8_t id[ZTJ_DIGEST_LEN];

	if (s != NULL && ztj_stmt_id(s->bytes, id) == ZTJ_OK) {
		not_lacking(h, id);
		if (!h->snapshot || ztj_buf_put(&h->had, id, sizeof(id)) == ZTJ_OK)
			return;
	}
	/* What a snapshot brings is not known: then nothing is known to be lacking. */
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
	if (h->skipped < h->skip) {
		h->skipped++;
		return ZTJ_OK;
	}
	if (h->n == MOST) {
		h->more = true;
		return ZTJ_LIMIT;
	}
	return add(h, &s, id);
}

/* ---- giving ---- */

/* The next round leaves out those at the front that were refused; once all had their turn it begins with the first again. */
static void round_over(struct ztj_gate *g)
{
	struct ztj_handback *h = g->handback;
	bool on = h->more;

	if (h->bad > 0)
		ztj_log(ZTJ_LOG_WARN, "the broker did not take %u of the revocations that it lacks", h->bad);
	h->refused = h->bad > 0 || h->skipped > 0;
	h->owed = on || h->refused;
	h->skip = on ? h->skipped + h->bad : 0;
	drop(h);
	if (on)
		ask_later(g);
}

static void give(struct ztj_gate *g)
{
	struct ztj_handback *h = g->handback;
	const struct given *next;

	if (h->busy || h->n == 0)
		return;
	while (h->at < h->n && h->item[h->at].json == NULL)
		h->at++;
	if (h->at == h->n) {
		round_over(g);
		return;
	}
	next = &h->item[h->at];
	h->busy = g->link_up && ztj_news_hand_back(g, next->id, ztj_view_of(next->json, next->n)) == ZTJ_OK;
	if (!h->busy)
		later(h, 1);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct ztj_gate *g = arg;

	(void)fd;
	(void)what;
	if (!g->handback->again) {
		give(g);
		return;
	}
	g->handback->again = false;
	ztj_news_ask_again(g);
}

static void all_there(struct ztj_handback *h)
{
	h->owed = h->refused = false;
	h->skip = 0;
}

static int find_lacking(struct ztj_gate *g)
{
	struct ztj_handback *h = g->handback;
	int64_t boot = boot_now(g);
	int r;

	if (distinct(&h->had) >= ztj_trust_nrevocations(g->trust)) {
		all_there(h);
		return ZTJ_OK;
	}
	if (h->read != 0 && boot - h->read < g->env.spread) {
		ask_later(g);
		return ZTJ_OK;
	}
	h->read = boot;
	r = ztj_trustdir_revocations(g->dir, one, h);
	/* Nothing but what was refused: with the next snapshot it has its turn again. */
	if (h->n == 0) {
		h->refused = h->skipped > 0;
		h->skip = h->skipped = 0;
	}
	return r;
}

void ztj_handback_snapshot(struct ztj_gate *g, bool begins)
{
	struct ztj_handback *h = g->handback;
	size_t held = ztj_trust_nrevocations(g->trust);
	bool whole = h->snapshot;
	int r;

	h->snapshot = begins;
	if (begins) {
		drop(h);
		h->owed = true;
		ztj_buf_free(&h->had);
		/* what is held and as much again: the mirror is not believed */
		ztj_buf_init(&h->had, (2 * held + 4096) * ZTJ_DIGEST_LEN);
		return;
	}
	r = whole ? find_lacking(g) : ZTJ_OK;
	ztj_buf_free(&h->had);
	if (r != ZTJ_OK && r != ZTJ_LIMIT)
		ztj_log(ZTJ_LOG_ERROR, "the revocations cannot be read: %s", ztj_err_text(r));
	if (h->n == 0)
		return;
	ztj_log(ZTJ_LOG_NOTICE, "the broker lacks %zu%s revocations that are held here: it is given them",
	    h->n, h->more ? " and more" : "");
	later(h, random_below(g->env.spread));
}

/* Somebody else's turn. */
static void to_the_end(struct ztj_handback *h)
{
	struct given first = h->item[h->at];

	memmove(&h->item[h->at], &h->item[h->at + 1], (h->n - h->at - 1) * sizeof(first));
	h->item[h->n - 1] = first;
}

bool ztj_handback_posted(struct ztj_gate *g, const uint8_t id[ZTJ_DIGEST_LEN], uint32_t code)
{
	struct ztj_handback *h = g->handback;

	if (!h->busy || memcmp(id, h->item[h->at].id, ZTJ_DIGEST_LEN) != 0)
		return false;
	h->busy = false;
	/* Nobody is there, or has no time or no room. */
	if (code != 0 && (code < 400 || code >= 500 || code == TOO_MANY || code == TIMED_OUT)) {
		h->wait = h->wait == 0 ? 1 : h->wait * 2 > WAIT_MOST ? WAIT_MOST : h->wait * 2;
		to_the_end(h);
		later(h, h->wait);
		return true;
	}
	h->bad += code != 0;
	h->wait = 0;
	h->at++;
	give(g);
	return true;
}

void ztj_handback_status(struct ztj_gate *g, const struct ztj_stmt *status)
{
	struct ztj_handback *h = g->handback;
	int64_t boot = boot_now(g), every = h->skip > 0 || h->refused ? ASK_REFUSED : ASK_EVERY;

	/* Statuses speak of what the signer holds, which may be more than the database that was put back. */
	if (!h->owed && status->u.status.revocations == (int64_t)ztj_trust_nrevocations(g->trust) &&
	    memcmp(status->u.status.head, ztj_trust_revocation_head(g->trust), ZTJ_DIGEST_LEN) == 0) {
		h->lacking = 0;
		return;
	}
	if (h->lacking == 0)
		h->lacking = boot + LACKING_SECONDS + random_below(LACKING_SPREAD);
	if (boot < h->lacking || h->n > 0 || h->again || (h->asked != 0 && boot - h->asked < every))
		return;
	h->asked = boot;
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
	struct ztj_handback *h = g->handback;

	if (h == NULL)
		return;
	if (h->later != NULL) {
		drop(h);
		event_free(h->later);
	}
	ztj_buf_free(&h->had);
	free(h);
	g->handback = NULL;
}
