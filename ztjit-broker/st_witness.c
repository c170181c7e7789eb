/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One round at a time: the newest checkpoint goes to every witness that is due, and what comes back is kept with it. A witness that
 * does not answer, or not well, is asked again later and later; the others do not wait for it. What a witness holds against us
 * (more leaves than we have, another history) is an alarm: that is what it is there for.
 */
#include "ztjit-broker/st_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/witness.h"
#include "libztjit/sys/log.h"
#include "ztjit-broker/askproto.h"

#define ROUND_SECONDS 120 /* the sender answers long before that */
#define AGAIN_MAX 600     /* between two questions to a witness that fails */
#define TRIES 3           /* in one round: it said that it is elsewhere */
#define ALARM_SECONDS 600 /* between two alarms about the same witness, or the quorum */
#define LACKING_SECONDS 300
#define REFRESH_PART 3 /* cosignatures are asked for anew after this part of witness_max_age */
#define MAX ZTJ_WITNESSES_MAX

struct witness {
	struct ztj_buf line; /* its newest cosignature of the checkpoint of this round; empty: none */
	int64_t time;        /* of it */
	int64_t newest;      /* of its newest cosignature of any */
	uint64_t size;       /* leaves that it cosigned last, as far as we know */
	bool waits;          /* it has not answered */
	unsigned tries, failures;
	int64_t next; /* it is not asked before */
	int accused;  /* the code of the last alarm about what it answered, and when */
	int64_t alarmed;
};

struct witnesses {
	uint8_t policy[ZTJ_DIGEST_LEN]; /* the one that names them */
	struct witness by[MAX];
	uint32_t round;
	struct ztj_checkpoint c;   /* what is asked about */
	struct ztj_buf base, note; /* signed by us alone; and with the cosignatures */
	int64_t began;
	bool open;
	int64_t lacking, said; /* since when the quorum is not met; when that was said */
};

int witnesses_new(struct store *st)
{
	struct witnesses *w = calloc(1, sizeof(*w));
	st->witnesses = w;
	if (w == NULL)
		return ZTJ_NOMEM;
	ztj_buf_init(&w->base, ZTJ_CHECKPOINT_MAX);
	ztj_buf_init(&w->note, ZTJ_CHECKPOINT_MAX);
	for (size_t i = 0; i < MAX; i++)
		ztj_buf_init(&w->by[i].line, ZTJ_CHECKPOINT_MAX);
	return ZTJ_OK;
}

void witnesses_free(struct witnesses *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < MAX; i++)
		ztj_buf_free(&w->by[i].line);
	ztj_buf_free(&w->base);
	ztj_buf_free(&w->note);
	free(w);
}

/* Who is asked now; a policy that names others begins anew. */
static const struct ztj_quorum *sync(struct store *st)
{
	static const struct ztj_quorum nobody;
	struct witnesses *w = st->witnesses;
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	if (p == NULL)
		return &nobody;
	if (memcmp(p->digest, w->policy, sizeof(w->policy)) != 0) {
		memcpy(w->policy, p->digest, sizeof(w->policy));
		for (size_t i = 0; i < MAX; i++) {
			struct ztj_buf line = w->by[i].line;
			ztj_buf_reset(&line);
			w->by[i] = (struct witness){ .line = line };
		}
		w->open = false;
		w->began = w->lacking = 0;
		memset(&w->c, 0, sizeof(w->c));
		ztj_buf_reset(&w->base);
		w->round++;
	}
	return &p->broker.quorum;
}

/* The checkpoint of this round with what came for it. */
static int gather(struct witnesses *w, size_t n)
{
	ztj_buf_reset(&w->note);
	int r = ztj_buf_put(&w->note, w->base.p, w->base.n);
	for (size_t i = 0; r == ZTJ_OK && i < n; i++)
		r = ztj_buf_put(&w->note, w->by[i].line.p, w->by[i].line.n);
	return r;
}

/* Shows the checkpoint of this round when that is better than what is shown. */
static void show(struct store *st, const struct ztj_quorum *q, int64_t now)
{
	struct witnesses *w = st->witnesses;
	struct audit *a = st->audit;
	struct ztj_cosigned mine, shown;
	int r = gather(w, q->n);
	if (r == ZTJ_OK)
		r = ztj_cosign_judge_note(q, ztj_buf_view(&w->note), now, &mine);
	bool enough = r == ZTJ_OK || r == ZTJ_COSIGNED_LONG_AGO;
	bool better = enough && q->need != 0;
	if (q->need == 0) /* nothing is demanded: the newest is shown, with what there is */
		better = w->c.size == a->last.size;
	else if (!enough && !w->open) /* nobody is left to wait for, and nothing better is shown */
		better = ztj_cosign_judge_note(q, ztj_buf_view(&a->shown), now, &shown) == ZTJ_NOT_COSIGNED;
	if (better && w->c.size >= a->shown_at.size && a->shown.n > 0)
		audit_show(st, &w->c, ztj_buf_view(&w->note));
}

/* --- asking --- */

static int prove(struct store *st, uint64_t from, struct ztj_witness_ask *a)
{
	const struct witnesses *w = st->witnesses;
	ztj_hash path[ZTJ_PROOF_MAX];
	a->old = from;
	if (from == 0 || from == w->c.size)
		return ZTJ_OK;
	int r = audit_prove_growth(st->db, from, w->c.size, path, &a->len);
	if (r == ZTJ_OK && a->len > ZTJ_WITNESS_PATH_MAX)
		r = ZTJ_LIMIT;
	if (r == ZTJ_OK)
		memcpy(a->path, path, a->len * sizeof(path[0]));
	return r;
}

static void ask(struct store *st, const struct ztj_quorum *q, size_t i)
{
	struct witnesses *w = st->witnesses;
	struct witness *by = &w->by[i];
	struct ztj_witness_ask a = { .note = ztj_buf_view(&w->base) };
	struct asking msg = { .tag = w->round * MAX + (uint32_t)i };
	struct ztj_buf body, out;
	ztj_buf_init(&body, ASK_BODY_MAX);
	ztj_buf_init(&out, 2 * ASK_BODY_MAX);
	int n = snprintf(msg.url, sizeof(msg.url), "%s/add-checkpoint", q->by[i].url);
	int r = n > 0 && (size_t)n < sizeof(msg.url) ? prove(st, by->size, &a) : ZTJ_TOO_LARGE;
	if (r == ZTJ_OK)
		r = ztj_witness_ask_write(&a, &body);
	msg.body = ztj_buf_view(&body);
	if (r == ZTJ_OK)
		r = asking_write(&msg, &out);
	if (r == ZTJ_OK) {
		st_send(st, st->sender, SND_ASK, ztj_buf_view(&out));
		by->waits = true;
		by->tries++;
	} else {
		ztj_log(ZTJ_LOG_ERROR, "witness %s cannot be asked: %s", q->by[i].key.name, ztj_err_text(r));
	}
	ztj_buf_free(&body);
	ztj_buf_free(&out);
}

static bool due(const struct witnesses *w, const struct ztj_quorum *q, size_t i, bool news, int64_t now)
{
	const struct witness *by = &w->by[i];
	if (now < by->next)
		return false;
	return news || by->line.n == 0 || (q->max_age != 0 && now - by->time > q->max_age / REFRESH_PART);
}

static void settle(struct store *st, const struct ztj_quorum *q)
{
	struct witnesses *w = st->witnesses;
	bool waits = false;
	for (size_t i = 0; i < q->n; i++)
		waits = waits || w->by[i].waits;
	w->open = waits;
}

static void begin(struct store *st, const struct ztj_quorum *q, int64_t now)
{
	struct witnesses *w = st->witnesses;
	const struct audit *a = st->audit;
	bool any = false, news = w->base.n == 0 || w->c.size != a->last.size;
	for (size_t i = 0; i < q->n; i++)
		any = any || due(w, q, i, news, now);
	if (!any)
		return;
	if (news) {
		ztj_buf_reset(&w->base);
		if (ztj_buf_put(&w->base, a->note.p, a->note.n) != ZTJ_OK)
			return;
		w->c = a->last;
		for (size_t i = 0; i < MAX; i++) {
			ztj_buf_reset(&w->by[i].line);
			w->by[i].time = 0;
		}
	}
	w->round++;
	w->began = now;
	w->open = true;
	for (size_t i = 0; i < q->n; i++) {
		w->by[i].tries = 0;
		if (due(w, q, i, news, now))
			ask(st, q, i);
	}
	settle(st, q);
}

/* --- what is answered --- */

static void fails(struct store *st, struct witness *by, const char *name, const char *why, int64_t now)
{
	int64_t wait = st->conf->status_interval;
	for (unsigned k = 0; k < by->failures && wait < AGAIN_MAX; k++)
		wait *= 2;
	if (by->failures++ == 0)
		ztj_log(ZTJ_LOG_WARN, "witness %s did not cosign the audit log: %s", name, why);
	by->next = now + (wait < AGAIN_MAX ? wait : AGAIN_MAX);
}

/* What only a rolled-back or forked log, or a witness that lies, explains. */
__attribute__((format(printf, 5, 6))) static void accuses(struct store *st, struct witness *by, int code,
    int64_t now, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (by->accused == code && now - by->alarmed < ALARM_SECONDS)
		return;
	by->accused = code;
	by->alarmed = now;
	audit_alarm(st, code, "%s", text);
}

static void on_cosigned(struct store *st, const struct ztj_quorum *q, size_t i, struct ztj_view body,
    int64_t now)
{
	struct witnesses *w = st->witnesses;
	struct witness *by = &w->by[i];
	const char *name = q->by[i].key.name;
	struct ztj_buf line;
	struct ztj_note n;
	int64_t time;
	ztj_buf_init(&line, ZTJ_CHECKPOINT_MAX);
	int r = ztj_note_parse(ztj_buf_view(&w->base), &n);
	if (r == ZTJ_OK)
		r = ztj_cosign_take(n.text, body, &q->by[i].key, &time, &line);
	if (r == ZTJ_OK && time > now + ZTJ_COSIGN_SKEW)
		r = ZTJ_FUTURE;
	if (r == ZTJ_OK) {
		ztj_buf_reset(&by->line);
		r = ztj_buf_put(&by->line, line.p, line.n);
	}
	if (r == ZTJ_OK) {
		if (by->failures > 0)
			ztj_log(ZTJ_LOG_NOTICE, "witness %s cosigns the audit log again", name);
		by->time = time;
		by->newest = time > by->newest ? time : by->newest;
		by->size = w->c.size;
		by->failures = 0;
		by->next = 0;
	} else {
		if (r == ZTJ_BAD_SIGNATURE)
			accuses(st, by, r, now, "witness %s answers with a signature that is not its own",
			    name);
		fails(st, by, name, r == ZTJ_NOT_FOUND ? "no line of its key" : ztj_err_text(r), now);
	}
	ztj_buf_free(&line);
}

/* It cosigned another size last. More than we have ever signed: we were rolled back. */
static void on_conflict(struct store *st, const struct ztj_quorum *q, size_t i, struct ztj_view body,
    int64_t now)
{
	struct witnesses *w = st->witnesses;
	struct witness *by = &w->by[i];
	const char *name = q->by[i].key.name;
	uint64_t size;
	if (ztj_witness_size_parse(body, &size) != ZTJ_OK) {
		fails(st, by, name, "a conflict without a size", now);
		return;
	}
	if (size > st->audit->last.size) {
		accuses(st, by, ZTJ_LOG_ROLLBACK, now,
		    "witness %.80s has cosigned %llu leaves of this audit log, which has %llu: was an old state put back?",
		    name, (unsigned long long)size, (unsigned long long)st->audit->last.size);
		fails(st, by, name, "it has seen a longer log", now);
		return;
	}
	by->size = size;
	if (size > w->c.size)
		return; /* of a later checkpoint of ours; the next round goes on from there */
	if (by->tries < TRIES)
		ask(st, q, i);
	else
		fails(st, by, name, "it says now one size, now another", now);
}

static void on_answer(struct store *st, const struct ztj_quorum *q, size_t i, const struct answered *a,
    int64_t now)
{
	struct witness *by = &st->witnesses->by[i];
	const char *name = q->by[i].key.name;
	char why[64];
	switch (a->status) {
	case 200:
		on_cosigned(st, q, i, a->body, now);
		return;
	case 409:
		on_conflict(st, q, i, a->body, now);
		return;
	case 422:
		accuses(st, by, ZTJ_LOG_FORK, now,
		    "witness %.80s does not find that this audit log continues the one that it cosigned at %llu leaves",
		    name, (unsigned long long)by->size);
		by->size = 0;
		fails(st, by, name, "it sees no growth of what it cosigned", now);
		return;
	case 403:
	case 404:
		fails(st, by, name, "it does not know this log, or not its key", now);
		return;
	case 0:
		fails(st, by, name, a->why[0] != '\0' ? a->why : "no answer", now);
		return;
	default:
		(void)snprintf(why, sizeof(why), "HTTP status %u", a->status);
		fails(st, by, name, why, now);
		return;
	}
}

/* Nobody is waited for any more. */
int witnesses_answer(struct store *st, struct ztj_view body, int64_t now)
{
	struct witnesses *w = st->witnesses;
	struct answered a;
	int r = answered_read(body, &a);
	if (r != ZTJ_OK || st->broken)
		return r;
	const struct ztj_quorum *q = sync(st);
	size_t i = a.tag % MAX;
	if (a.tag / MAX != w->round % (UINT32_MAX / MAX + 1) || i >= q->n || !w->by[i].waits)
		return ZTJ_OK; /* of a round that is over */
	w->by[i].waits = false;
	on_answer(st, q, i, &a, now);
	settle(st, q);
	show(st, q, now);
	return ZTJ_OK;
}

/* --- now and then --- */

/* The broker says by itself what hosts and auditors will say of it. */
static void complain(struct store *st, const struct ztj_quorum *q, int64_t now)
{
	struct witnesses *w = st->witnesses;
	struct ztj_cosigned c;
	struct ztj_buf missing;
	int r = st->audit->shown.n == 0 ? ZTJ_OK
					: ztj_cosign_judge_note(q, ztj_buf_view(&st->audit->shown), now, &c);
	if (r == ZTJ_OK) {
		w->lacking = 0;
		return;
	}
	if (w->lacking == 0)
		w->lacking = now;
	if ((r == ZTJ_NOT_COSIGNED && now - w->lacking < LACKING_SECONDS) ||
	    (w->said != 0 && now - w->said < ALARM_SECONDS))
		return;
	w->said = now;
	ztj_buf_init(&missing, 8192);
	if (st->sender == NULL)
		audit_alarm(st, r,
		    "the policy names witnesses, and ask_witnesses of broker.conf does not let them be asked");
	else if (ztj_cosign_missing(q, &c, &missing) == ZTJ_OK && missing.n > 0)
		audit_alarm(st, r, "the audit log is cosigned by %zu of %u witnesses; missing: %s", c.n,
		    q->need, ztj_buf_str(&missing));
	else
		audit_alarm(st, r, "what witnesses cosigned of the audit log is older than witness_max_age");
	ztj_buf_free(&missing);
}

void witnesses_turn(struct store *st, int64_t now)
{
	struct witnesses *w = st->witnesses;
	const struct ztj_quorum *q = sync(st);
	if (q->n == 0 || st->audit->forked || st->audit->note.n == 0)
		return;
	complain(st, q, now);
	if (st->sender == NULL)
		return;
	if (w->open && (now - w->began >= ROUND_SECONDS || now < w->began)) {
		for (size_t i = 0; i < q->n; i++)
			w->by[i].waits = false;
		w->open = false;
		show(st, q, now);
	}
	if (!w->open && (now < w->began || now - w->began >= st->conf->status_interval))
		begin(st, q, now);
}

void witnesses_metrics(const struct store *st, int64_t now, struct ztj_buf *out)
{
	static const struct ztj_quorum nobody;
	const struct ztj_policy *p = ztj_trust_held_policy(st->trust);
	const struct ztj_quorum *q = p == NULL ? &nobody : &p->broker.quorum;
	const struct ztj_buf *shown = &st->audit->shown;
	struct ztj_cosigned c;
	bool good = q->need == 0 ||
	    (shown->n > 0 && ztj_cosign_judge_note(q, ztj_buf_view(shown), now, &c) == ZTJ_OK);
	ztj_buf_printf(out,
	    "# HELP ztjit_log_cosigned 1 while the checkpoint that is shown is cosigned as the policy demands\n"
	    "# TYPE ztjit_log_cosigned gauge\nztjit_log_cosigned %d\n",
	    good ? 1 : 0);
	if (q->n == 0)
		return;
	ztj_buf_puts(out,
	    "# HELP ztjit_witness_age_seconds since the newest cosignature of a witness; -1: none since the start\n"
	    "# TYPE ztjit_witness_age_seconds gauge\n");
	for (size_t i = 0; i < q->n; i++) {
		int64_t newest = st->witnesses->by[i].newest;
		ztj_buf_printf(out, "ztjit_witness_age_seconds{witness=\"%zu\"} %lld\n", i + 1,
		    newest == 0 ? -1LL : (long long)(now - newest));
	}
}
