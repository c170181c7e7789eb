/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Plays a batch: sends what is due to those who do it, and writes down what they answer. It judges nothing. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libztjit/core/keyfile.h"
#include "tests/history/history.h"

#define PENDING_MAX 4096
#define CATCH_UP 25.0 /* seconds: more than a mirror that lost its broker waits before it tries again */

/* What was sent and is not answered. */
enum what { W_POST, W_GONE, W_GET, W_CERT, W_USE, W_MARK, W_MARK_SEEN };
struct wait {
	enum what what;
	struct hi_history *h;
	int arg, link, node;
	unsigned carried;
};

static struct run {
	struct hi_batch *b;
	int agent[HI_HOSTS], poster[HI_POSTERS], keeper;
	unsigned next, waiting;
	uint32_t tag;
	struct wait wait[PENDING_MAX];
	struct soft_key ca;
	int pid;             /* that asks next at a host */
	bool keeping, backs; /* the keeper is busy; with a copy that stands */
	unsigned agents_up;
	/* the mark that is under way */
	struct hi_stmt mark;
	char *mark_cert;
	double mark_sent; /* 0: not there yet */
	bool marking, mark_out[HI_HOSTS], mark_seen[HI_HOSTS];
	bool strict; /* a host has not caught up before it finds the broker fresh */
	/* sessions that ended before their own beginning was told */
	size_t nearly;
	struct hi_session early[256];
} run;

static uint32_t remember(struct wait w)
{
	uint32_t tag = run.tag++;

	assert_true(run.waiting < PENDING_MAX / 2);
	run.waiting++;
	run.wait[tag % PENDING_MAX] = w;
	return tag;
}

/* --- to the broker --- */

static void send_call(struct wait w, enum hi_call_kind kind, int who, const uint8_t *id, const char *body)
{
	static struct hi_call c;

	c.kind = kind;
	c.who = who;
	if (id != NULL)
		memcpy(c.id, id, ZTJ_DIGEST_LEN);
	(void)snprintf(c.body, sizeof(c.body), "%s", body);
	c.tag = remember(w);
	assert_int_equal(send(run.poster[run.next++ % HI_POSTERS], &c, sizeof(c), MSG_NOSIGNAL),
	    (ssize_t)sizeof(c));
}

static const struct hi_stmt *request(const struct hi_history *h, int link)
{
	for (size_t i = 0; i < h->nstmts; i++)
		if (h->stmt[i].kind == HI_REQUEST && h->stmt[i].link == link)
			return &h->stmt[i];
	return NULL;
}

static void say(struct hi_history *h, int i)
{
	struct hi_stmt *s = &h->stmt[i];
	const struct hi_stmt *about = request(h, s->kind == HI_REQUEST ? 0 : s->link);

	if (s->nposts == 3 || about == NULL || (s != about && !about->made))
		return;
	if (s->made && s->post[s->nposts - 1].status != 0)
		return; /* it was heard: nobody says it again */
	if (!s->made)
		hi_make(run.b, h, i);
	s->post[s->nposts++] = (struct hi_post){ .t0 = hi_now(), .t1 = 1e18 };
	run.b->posts++;
	send_call((struct wait){ .what = W_POST, .h = h, .arg = i, .link = (int)s->nposts - 1 }, HI_CALL_POST,
	    HI_NOBODY, NULL, s->json);
}

static void say_gone(size_t i)
{
	struct hi_stmt *s = &run.b->gone[i];

	hi_make_gone(run.b, i);
	s->post[s->nposts++] = (struct hi_post){ .t0 = hi_now(), .t1 = 1e18 };
	send_call((struct wait){ .what = W_GONE, .arg = (int)i }, HI_CALL_POST, HI_NOBODY, NULL, s->json);
}

static void look(struct hi_history *h, int link)
{
	const struct hi_stmt *req = request(h, link);

	if (h->asking || req == NULL || !req->made)
		return;
	h->asking = true;
	send_call((struct wait){ .what = W_GET, .h = h, .link = link }, HI_CALL_GET, HI_NOBODY, req->id, "");
}

static void get_cert(struct hi_history *h, int link)
{
	const struct hi_stmt *req = request(h, link);
	char hex[ZTJ_HEX_SIZE], text[ZTJ_KEY_TEXT_SIZE], body[2048];

	if (h->asking || req == NULL || !req->made)
		return;
	h->asking = true;
	ztj_hex(req->id, ZTJ_DIGEST_LEN, hex);
	ok(ztj_key_to_text(&run.b->b.w.person[h->requester].key.pub, text));
	(void)snprintf(body, sizeof(body), "{\"request\":\"%s\",\"key\":\"%s\"}", hex, text);
	send_call((struct wait){ .what = W_CERT, .h = h, .link = link }, HI_CALL_CERT, h->requester, NULL,
	    body);
}

/* --- to a host --- */

/* A certificate without a bundle, good for an hour: the host has nothing but what it was told. */
static char *plain_cert(const uint8_t *id, const struct soft_key *subject)
{
	struct ztj_cert_spec spec = { .subject = subject->pub,
		.serial = 7,
		.key_id = "a history",
		.verify_required = true,
		.valid_after = (int64_t)hi_now() - 60,
		.valid_before = (int64_t)hi_now() + 3600 };
	char principal[128], hex[ZTJ_HEX_SIZE], *out;
	struct ztj_buf cert, text;

	ztj_buf_init(&cert, ZTJ_CERT_MAX);
	ztj_buf_init(&text, 2 * ZTJ_CERT_MAX);
	ztj_hex(id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(principal, sizeof(principal), ZTJ_PRINCIPAL_PREFIX "%s", hex);
	spec.principal = principal;
	make_cert(&spec, &run.ca, &cert);
	ok(ztj_b64_encode(ztj_buf_view(&cert), &text));
	out = strdup(ztj_buf_str(&text));
	assert_non_null(out);
	ztj_buf_free(&cert);
	ztj_buf_free(&text);
	return out;
}

static void send_ask(struct wait w, enum hi_ask_kind kind, const char *cert, int arg)
{
	static struct hi_ask q;

	q.kind = kind;
	q.arg = cert != NULL ? ++run.pid : arg;
	(void)snprintf(q.cert, sizeof(q.cert), "%s", cert != NULL ? cert : "");
	q.tag = cert != NULL ? remember(w) : 0;
	assert_int_equal(send(run.agent[w.node - 1], &q, sizeof(q), MSG_NOSIGNAL), (ssize_t)sizeof(q));
}

static void use(struct hi_history *h, const struct hi_op *op, enum hi_ask_kind kind)
{
	const struct hi_stmt *req = request(h, op->link);
	bool carried = op->carried && h->cert[op->link] != NULL;
	char *cert;

	if (req == NULL || !req->made || h->nobs + 8 > HI_OBS || h->nsessions == HI_SESSIONS)
		return;
	cert = carried ? strdup(h->cert[op->link])
		       : plain_cert(req->id, &run.b->b.w.person[h->requester].key);
	run.b->uses++;
	send_ask((struct wait){ .what = W_USE,
		     .h = h,
		     .link = op->link,
		     .node = op->arg + 1,
		     .carried = carried ? h->carried[op->link] : 0 },
	    kind, cert, 0);
	free(cert);
}

/* --- what they answer --- */

static struct hi_obs *saw(struct hi_history *h, enum hi_what what, int node, int link, double t0, double t1)
{
	struct hi_obs *o = &h->obs[h->nobs];

	assert_in_range(h->nobs, 0, HI_OBS - 1);
	h->nobs++;
	*o = (struct hi_obs){ .what = what, .node = node, .link = link, .t0 = t0, .t1 = t1 };
	run.b->observations++;
	return o;
}

static unsigned bits_of(const struct hi_history *h, const struct hi_reply *r)
{
	unsigned mask = 0;

	for (size_t i = 0; i < h->nstmts; i++)
		for (size_t k = 0; k < r->nids; k++)
			if (h->stmt[i].made && memcmp(h->stmt[i].id, r->id[k], ZTJ_DIGEST_LEN) == 0)
				mask |= 1u << i;
	return mask;
}

static void take_post(struct hi_history *h, struct hi_stmt *s, int i, size_t k, const struct hi_reply *r)
{
	struct hi_post *p = &s->post[k];

	p->t0 = r->t0;
	p->t1 = r->t1;
	p->status = r->status == 503 || r->status == 500 ? 0 : r->status;
	(void)snprintf(p->error, sizeof(p->error), "%s", r->error);
	run.b->lost += p->status == 0;
	if (h != NULL && p->status >= 400 && h->nobs < HI_OBS) {
		struct hi_obs *o = saw(h, HI_SAW_REFUSAL, 0, s->link, r->t0, r->t1);

		o->code = i;
		(void)snprintf(o->text, sizeof(o->text), "%d %s", r->status, r->error);
	}
}

static void take_state(struct wait *w, const struct hi_reply *r)
{
	struct hi_history *h = w->h;
	struct hi_obs *o;

	h->asking = false;
	if (r->status == 0 || r->status >= 500 || h->nobs == HI_OBS)
		return;
	o = saw(h, w->what == W_GET ? HI_SAW_STATE : HI_SAW_CERT, 0, w->link, r->t0, r->t1);
	o->mask = bits_of(h, r);
	o->code = r->status;
	(void)snprintf(o->text, sizeof(o->text), "%d %s%s", r->status, r->state, r->error);
	if (w->what == W_CERT && r->status == 200) {
		free(h->cert[w->link]);
		h->cert[w->link] = strdup(r->cert);
		h->carried[w->link] = o->mask;
	}
	if (r->status == 404)
		o->states = 1u << HI_NONE;
	for (unsigned i = 0; r->status == 200 && i < HI_STATES; i++)
		if (strcmp(r->state, hi_state_name[i]) == 0)
			o->states = 1u << i;
}

static void take_reply(const struct hi_reply *r)
{
	struct wait *w = &run.wait[r->tag % PENDING_MAX];

	run.waiting--;
	switch (w->what) {
	case W_POST:
		take_post(w->h, &w->h->stmt[w->arg], w->arg, (size_t)w->link, r);
		break;
	case W_GONE:
		take_post(NULL, &run.b->gone[w->arg], w->arg, 0, r);
		break;
	case W_GET:
	case W_CERT:
		take_state(w, r);
		break;
	case W_MARK:
		if (r->status == 201 || r->status == 200)
			run.mark_sent = r->t0;
		else
			run.marking = false;
		break;
	case W_USE:
	case W_MARK_SEEN:
		break;
	}
}

static void was_killed(struct hi_history *h, struct hi_session *s, double t)
{
	s->killed = t;
	if (h->nobs < HI_OBS)
		(void)saw(h, HI_SAW_KILL, s->node, s->link, t, t);
}

static void admitted(struct wait *w, const struct hi_told *t)
{
	struct hi_session *s = &w->h->session[w->h->nsessions++];

	run.b->admitted++;
	*s = (struct hi_session){ .node = w->node, .link = w->link, .no = t->session, .opened = t->t[2] };
	for (size_t i = 0; i < run.nearly; i++)
		if (run.early[i].node == s->node && run.early[i].no == s->no)
			was_killed(w->h, s, run.early[i].killed);
}

static void take_use(struct wait *w, const struct hi_told *t)
{
	struct hi_history *h = w->h;
	struct hi_obs *o;

	if (t->code[0] == HI_LOST)
		return;
	o = saw(h, HI_SAW_LINE, w->node, w->link, t->t[0], t->t[1]);
	o->code = t->code[0];
	o->mask = w->carried;
	if (t->code[0] != ZTJ_OK || t->t[2] == 0)
		return;
	o = saw(h, HI_SAW_LOGIN, w->node, w->link, t->t[1], t->t[2]);
	o->code = t->code[1];
	o->mask = w->carried;
	if (t->code[1] == ZTJ_OK)
		admitted(w, t);
}

static void take_kill(int node, const struct hi_told *t)
{
	for (size_t i = 0; i < run.b->n; i++)
		for (size_t k = 0; k < run.b->h[i].nsessions; k++) {
			struct hi_session *s = &run.b->h[i].session[k];

			if (s->node == node && s->no == t->session && s->killed == 0) {
				was_killed(&run.b->h[i], s, t->t[0]);
				return;
			}
		}
	if (run.nearly < sizeof(run.early) / sizeof(run.early[0]))
		run.early[run.nearly++] = (struct hi_session){ .node = node,
			.no = t->session,
			.killed = t->t[0] };
}

static void take_told(int node, const struct hi_told *t)
{
	struct wait *w = &run.wait[t->tag % PENDING_MAX];

	if (t->kind == HI_TOLD_KILLED)
		take_kill(node, t);
	if (t->kind == HI_TOLD_BACK) {
		run.agents_up++;
		assert_in_range(run.b->nback[node - 1], 0, 7);
		run.b->back[node - 1][run.b->nback[node - 1]++] = t->t[0];
	}
	if (t->kind != HI_TOLD_ANSWER)
		return;
	run.waiting--;
	if (w->what == W_USE) {
		take_use(w, t);
	} else {
		run.mark_out[node - 1] = false;
		/* STALE is said of what it knows and finds good. */
		run.mark_seen[node - 1] = t->code[0] == ZTJ_OK || (t->code[0] == ZTJ_STALE && !run.strict);
		if (run.mark_seen[node - 1] && run.b->nmarks < HI_MARKS)
			run.b->mark[run.b->nmarks++] = (struct hi_mark){ node, run.mark_sent, t->t[1],
				t->code[0] == ZTJ_OK };
	}
}

static void take_kept(const struct hi_keep *k)
{
	run.keeping = false;
	if (k->kind == HI_KEEP_BACKUP) {
		run.b->backup = k->stopped;
		run.b->copied = k->started;
		run.backs = true;
	} else if (k->kind == HI_KEEP_RESTORE) {
		run.b->restoring = k->stopped;
		run.b->restored = k->started;
	}
}

/* Takes what came within ms. */
static void pump(int ms)
{
	static struct hi_reply r;
	struct pollfd p[HI_POSTERS + HI_HOSTS + 1];
	struct hi_told t;
	struct hi_keep k;
	size_t n = 0;

	for (int i = 0; i < HI_POSTERS; i++)
		p[n++] = (struct pollfd){ .fd = run.poster[i], .events = POLLIN };
	for (int i = 0; i < HI_HOSTS; i++)
		p[n++] = (struct pollfd){ .fd = run.agent[i], .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = run.keeper, .events = POLLIN };
	(void)poll(p, n, ms);
	for (int i = 0; i < HI_POSTERS; i++)
		if (p[i].revents != 0) {
			assert_int_equal(recv(p[i].fd, &r, sizeof(r), 0), (ssize_t)sizeof(r));
			take_reply(&r);
		}
	for (int i = 0; i < HI_HOSTS; i++)
		if (p[HI_POSTERS + i].revents != 0) {
			assert_int_equal(recv(run.agent[i], &t, sizeof(t), 0), (ssize_t)sizeof(t));
			take_told(i + 1, &t);
		}
	if (p[n - 1].revents != 0) {
		assert_int_equal(recv(run.keeper, &k, sizeof(k), 0), (ssize_t)sizeof(k));
		take_kept(&k);
	}
}

/* --- marks --- */

/* Sends one where none is under way, and asks the hosts for it. */
static void do_marks(void)
{
	if (!run.marking) {
		free(run.mark.json);
		free(run.mark_cert);
		hi_make_mark(run.b, &run.mark);
		run.mark_cert = plain_cert(run.mark.id, &run.b->b.w.person[HI_NOBODY].key);
		run.marking = true;
		run.mark_sent = 0;
		memset(run.mark_seen, 0, sizeof(run.mark_seen));
		send_call((struct wait){ .what = W_MARK }, HI_CALL_POST, HI_NOBODY, NULL, run.mark.json);
	}
	for (int i = 0; run.mark_sent > 0 && i < HI_HOSTS; i++)
		if (!run.mark_seen[i] && !run.mark_out[i]) {
			run.mark_out[i] = true;
			send_ask((struct wait){ .what = W_MARK_SEEN, .node = i + 1 }, HI_ASK_LINE,
			    run.mark_cert, 0);
		}
}

static bool marked(void)
{
	return run.mark_sent > 0 && run.mark_seen[0] && run.mark_seen[1];
}

/* --- what breaks --- */

#define BREAKS_MAX 24
enum break_kind { B_KEEP, B_HOST };
struct to_break {
	double at;
	enum break_kind kind;
	int what, node, arg;
	bool done;
};
static struct to_break breaks[BREAKS_MAX];
static size_t nbreaks;

static void add_break(double at, enum break_kind kind, int what, int node, int arg)
{
	if (nbreaks < BREAKS_MAX)
		breaks[nbreaks++] = (struct to_break){ at, kind, what, node, arg, false };
}

static void plan_breaks(struct hi_random *r)
{
	nbreaks = 0;
	for (unsigned n = 1 + hi_below(r, 2); n > 0; n--)
		add_break(hi_between(r, 0.4, HI_SECONDS), B_KEEP, HI_KEEP_KILL, 0, 0);
	if (hi_chance(r, 60)) {
		add_break(hi_between(r, 0.8, 2.0), B_KEEP, HI_KEEP_BACKUP, 0, 0);
		add_break(hi_between(r, 2.5, HI_SECONDS - 0.5), B_KEEP, HI_KEEP_RESTORE, 0, 0);
	}
	for (int i = 0; i < HI_HOSTS; i++) {
		for (unsigned n = 1 + hi_below(r, 2); n > 0; n--)
			add_break(hi_between(r, 0.4, HI_SECONDS), B_HOST, HI_ASK_KILL, i + 1,
			    (int)hi_below(r, 40));
		if (hi_chance(r, 40)) {
			double at = hi_between(r, 0.4, HI_SECONDS - 1);

			add_break(at, B_HOST, HI_ASK_CUT, i + 1, 0);
			add_break(at + hi_between(r, 0.3, 1.5), B_HOST, HI_ASK_JOIN, i + 1, 0);
		}
	}
}

static void do_break(struct to_break *x)
{
	const struct hi_keep k = { .kind = (enum hi_keep_kind)x->what };

	if (x->kind == B_KEEP && run.keeping)
		return; /* when it is back */
	x->done = true;
	if (x->kind == B_HOST) {
		run.b->host_kills += x->what == HI_ASK_KILL;
		run.b->partitions += x->what == HI_ASK_CUT;
		send_ask((struct wait){ .node = x->node }, (enum hi_ask_kind)x->what, NULL, x->arg);
		return;
	}
	if (k.kind == HI_KEEP_RESTORE && !run.backs)
		return;
	run.b->broker_kills += k.kind != HI_KEEP_BACKUP;
	run.keeping = true;
	assert_int_equal(send(run.keeper, &k, sizeof(k), MSG_NOSIGNAL), (ssize_t)sizeof(k));
}

/* --- the batch --- */

struct due {
	double at;
	struct hi_history *h;
	const struct hi_op *op;
	int gone;
};

static int by_time(const void *x, const void *y)
{
	const struct due *a = x, *c = y;

	return a->at < c->at ? -1 : a->at > c->at;
}

static struct due *all_due(struct hi_batch *b, size_t *n)
{
	struct due *d = calloc(b->n * HI_OPS + HI_GONE, sizeof(*d));

	assert_non_null(d);
	*n = 0;
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->h[i].nops; k++)
			d[(*n)++] = (struct due){ b->h[i].op[k].at, &b->h[i], &b->h[i].op[k], -1 };
	for (size_t i = 0; i < b->ngone; i++)
		d[(*n)++] = (struct due){ b->gone_at[i], NULL, NULL, (int)i };
	qsort(d, *n, sizeof(*d), by_time);
	return d;
}

static void do_due(const struct due *d)
{
	if (d->gone >= 0)
		say_gone((size_t)d->gone);
	else if (d->op->kind == HI_OP_SEND)
		say(d->h, d->op->arg);
	else if (d->op->kind == HI_OP_GET)
		look(d->h, d->op->link);
	else if (d->op->kind == HI_OP_CERT)
		get_cert(d->h, d->op->link);
	else
		use(d->h, d->op, HI_ASK_LOGIN);
}

static void play(struct hi_batch *b)
{
	size_t n, next = 0;
	struct due *d = all_due(b, &n);
	double marked_at = 0;

	while (next < n) {
		double at = hi_now() - b->begun;

		for (size_t i = 0; i < nbreaks; i++)
			if (!breaks[i].done && breaks[i].at <= at)
				do_break(&breaks[i]);
		if (at - marked_at > 0.7) {
			marked_at = at;
			if (marked())
				run.marking = false;
			do_marks();
			hi_keep_checkpoint(b);
		}
		/* A few at a time, so that what is out stays what was asked just now. */
		while (next < n && d[next].at <= at && run.waiting < 24)
			do_due(&d[next++]);
		pump(5);
	}
	free(d);
}

static void wait_for_all(void)
{
	double until = hi_now() + 30;

	while ((run.waiting > 0 || run.keeping) && hi_now() < until)
		pump(50);
	assert_int_equal(run.waiting, 0);
	assert_false(run.keeping);
}

/* Everybody has heard everything, and finds the broker fresh, whatever was lost meanwhile: 0, or somebody never does. */
static int catch_up(void)
{
	double until = hi_now() + CATCH_UP;

	wait_for_all();
	run.marking = false;
	run.mark_sent = 0;
	run.strict = true;
	while (!marked() && hi_now() < until) {
		do_marks();
		pump(20);
	}
	wait_for_all();
	run.strict = false;
	if (!marked())
		printf("after %.0f s a host has not heard what the broker has: %d %d\n", CATCH_UP,
		    run.mark_seen[0], run.mark_seen[1]);
	return marked() ? 0 : 1;
}

/* Asks once more for everything, everywhere. */
static void ask_all(struct hi_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (int link = 0; link < (int)b->h[i].nlinks; link++) {
			while (run.waiting > 24 || b->h[i].asking)
				pump(5);
			look(&b->h[i], link);
			for (int host = 0; host < HI_HOSTS; host++) {
				const struct hi_op op = { .kind = HI_OP_USE, .arg = host, .link = link };

				use(&b->h[i], &op, HI_ASK_LINE);
			}
		}
	wait_for_all();
	/* What still runs after two seconds more must be allowed to. */
	for (double until = hi_now() + 0.5; hi_now() < until;)
		pump(50);
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < b->h[i].nsessions; k++) {
			const struct hi_session *s = &b->h[i].session[k];
			double now = hi_now();

			if (s->killed == 0 && b->h[i].nobs < HI_OBS)
				(void)saw(&b->h[i], HI_SAW_RUNNING, s->node, s->link, now, now);
		}
}

/* The CA's own key, for certificates that carry nothing. */
static void read_ca(const struct bk *b, struct soft_key *ca)
{
	struct ztj_keyfile kf;
	struct ztj_buf text;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/signer/ca.key", b->dir);
	ztj_buf_init(&text, 16384);
	read_file(path, &text);
	ok(ztj_keyfile_parse(&kf, ztj_buf_view(&text)));
	ca->pub = kf.pub;
	ca->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, kf.seed, sizeof(kf.seed));
	assert_non_null(ca->pair);
	ztj_keyfile_wipe(&kf);
	ztj_buf_free(&text);
}

static void start_all(struct hi_batch *b)
{
	memset(&run, 0, sizeof(run));
	run.b = b;
	run.pid = 1000;
	read_ca(&b->b, &run.ca);
	run.keeper = hi_keeper_start(b);
	run.keeping = true;
	for (int i = 0; i < HI_POSTERS; i++)
		run.poster[i] = hi_poster_start(b);
	for (int i = 0; i < HI_HOSTS; i++)
		run.agent[i] = hi_agent_start(b, i);
	while (run.agents_up < HI_HOSTS || run.keeping)
		pump(50);
}

static void end_all(void)
{
	const struct hi_call c = { .kind = HI_CALL_END };
	const struct hi_ask q = { .kind = HI_ASK_END };
	struct hi_keep k = { .kind = HI_KEEP_END };

	for (int i = 0; i < HI_POSTERS; i++)
		(void)send(run.poster[i], &c, sizeof(c), MSG_NOSIGNAL);
	for (int i = 0; i < HI_HOSTS; i++)
		(void)send(run.agent[i], &q, sizeof(q), MSG_NOSIGNAL);
	(void)send(run.keeper, &k, sizeof(k), MSG_NOSIGNAL);
	(void)recv(run.keeper, &k, sizeof(k), 0);
	for (int i = 0; i < HI_POSTERS; i++)
		(void)close(run.poster[i]);
	for (int i = 0; i < HI_HOSTS; i++)
		(void)close(run.agent[i]);
	(void)close(run.keeper);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	free(run.mark.json);
	free(run.mark_cert);
	soft_key_free(&run.ca);
}

int hi_run(struct hi_batch *b, struct hi_random *r)
{
	int bad;

	start_all(b);
	plan_breaks(r);
	bad = catch_up();
	run.marking = false;
	b->begun = hi_now();
	if (bad == 0) {
		play(b);
		bad = catch_up();
		ask_all(b);
	}
	bad |= hi_judge(b);
	if (bad == 0)
		bad = hi_after(b);
	end_all();
	return bad;
}
